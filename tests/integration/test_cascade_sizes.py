"""One picture in three sizes, published at one relay and watched at another: each of them is
pulled, and viewers at the edge are led from one to another as at the origin."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from realtime.relay.bounds import MOST_LAYERS
from realtime.relay.caller import Caller, call
from realtime.relay.flow import Packet
from realtime.relay.grant import Deed
from realtime.relay.layers import Layers
from realtime.relay.publisher import Publisher
from tests.integration.relays import SESSION, Running, running_relay
from tests.integration.sizes import SIZES, VIDEO, runs, speaking, taken
from tests.integration.test_cascade import Pair, ends, pair, watching
from tests.integration.test_simulcast import Seen, relay_metrics, viewer_of
from tests.integration.wires import wired
from tests.servers.waiting import eventually_async

__all__ = ["pair"]

ONE_SIZE = b"\x10\x00\x9d\x01\x2a"
ASKS = (
    *(f"a=rid:{each} recv" for each in range(MOST_LAYERS)),
    f"a=simulcast:recv {';'.join(map(str, range(MOST_LAYERS)))}",
)


def shown(pair: Pair) -> Layers:
    """The picture at the edge."""
    return pair.edge.relay.stages[SESSION].streams["video"]


def pull_of(pair: Pair) -> Publisher | None:
    return pair.edge.relay.stages[SESSION].publisher


def lead(relay: Running, who: str, level: int) -> None:
    """As a line would that carries so much."""
    viewer = viewer_of(relay, who)
    viewer.strain.level = level
    viewer.strain._turned_at = relay.relay.mux.clock()
    viewer.choose()


def pixels(order: str) -> list[int]:
    return [SIZES[rid][0] * SIZES[rid][1] for rid in order]


def rids(packets: list[Packet]) -> list[str]:
    return [taken(packet.payload)[3] for packet in packets]


def streams(packets: list[Packet]) -> dict[int, list[Packet]]:
    found = defaultdict[int, list[Packet]](list)
    for packet in packets:
        found[packet.ssrc].append(packet)
    return found


class Sent:
    """What a relay sent of pictures, as it went over the wire; some of it is lost there."""

    def __init__(self) -> None:
        self.losing = False
        self.again = self.different = 0
        """Numbers that came again, and those of them with other bytes: one key stream for two would
        give both away (RFC 3711 §9.1)."""
        self._packets: dict[bytes, bytes] = {}
        self._every_fifth = itertools.cycle([True, False, False, False, False])

    def lost(self, datagram: bytes) -> bool:
        if datagram[0] >> 6 != 2 or datagram[1] & 0x7F != VIDEO:
            return False
        number = datagram[2:4] + datagram[8:12]
        self.again += number in self._packets
        self.different += self._packets.setdefault(number, datagram) != datagram
        return self.losing and next(self._every_fifth)


@asynccontextmanager
async def pulling(
    relay: Running, *asks: str, http: httpx.AsyncClient, may: Deed = "pull"
) -> AsyncGenerator[tuple[Caller, list[Packet]]]:
    """An edge by hand, and the packets of pictures that it gets."""
    caller, got = Caller("watch", ("VP8",)), list[Packet]()
    caller.on_rtp = lambda packet: got.append(packet) if packet.payload_type == VIDEO else None
    response = await http.post(
        f"{relay.url}/watch/{SESSION}",
        content=caller.offer + "".join(f"{each}\r\n" for each in asks),
        headers={
            "Authorization": f"Bearer {relay.grant(may, 'relay')}",
            "Content-Type": "application/sdp",
        },
    )
    assert response.status_code == 201, response.text
    await caller.connect(response.text)
    try:
        yield caller, got
    finally:
        await caller.close()


async def test_viewers_at_the_edge_go_from_size_to_size_without_a_seam(pair: Pair) -> None:
    async with (
        speaking(pair.origin) as speaker,
        watching(pair, "grace") as (one, _),
        watching(pair, "linus") as (other, _),
    ):
        await eventually_async(lambda: len(shown(pair).flowing) == len(SIZES))
        assert [each.pixels for each in shown(pair).flowing] == [
            w * h for w, h, _ in SIZES.values()
        ]
        await eventually_async(lambda: all(size.bits for size in shown(pair).flowing))
        rates = [each.bits for each in shown(pair).flowing]
        assert rates == sorted(rates)
        assert rates[0] > 0
        seen, steady = Seen(one), Seen(other)
        await eventually_async(lambda: steady.sizes[-9:] == ["h"] * 9)
        for level, rid in ((1, "l"), (2, "m"), (3, "h"), (2, "m")):
            asked = speaker.sizes[rid].asked
            lead(pair.edge, "grace", level)
            await eventually_async(lambda: seen.sizes[-9:] == [rid] * 9)  # noqa: B023
            assert speaker.sizes[rid].asked > asked, "a keyframe of this size was asked for"
        speaker.lose_every = 25
        await eventually_async(lambda: all(size.withheld for size in speaker.sizes.values()))
        speaker.lose_every, before = 0, len(seen.packets)
        await eventually_async(
            lambda: all(size.withheld <= set(size.resent) for size in speaker.sizes.values())
        )
        await eventually_async(lambda: len(seen.packets) > before + 100)
        seen.seamless()
        steady.seamless()
        assert ends(pair.origin) == 2, "all sizes come over one connection"
        at_edge = (await relay_metrics(pair.edge)).splitlines()
        assert "rounds_relay_layers 3" in at_edge
        assert "rounds_relay_viewers_of_less 1" in at_edge
        viewers = [viewer_of(pair.edge, who) for who in ("grace", "linus")]
        changes = sum(each.tracks[shown(pair).ssrc].changes for each in viewers)
        assert changes >= 4
        assert f"rounds_relay_layer_changes_total {changes}" in at_edge
        at_origin = (await relay_metrics(pair.origin)).splitlines()
        assert "rounds_relay_layers 3" in at_origin
        assert "rounds_relay_viewers_of_less 0" in at_origin
        assert "rounds_relay_layer_changes_total 0" in at_origin


async def test_a_size_that_is_left_out_leads_viewers_at_the_edge_to_the_next(pair: Pair) -> None:
    async with (
        speaking(pair.origin, order="lhm") as speaker,
        watching(pair) as (caller, _),
    ):
        seen = Seen(caller)
        await eventually_async(lambda: seen.sizes[-20:] == ["h"] * 20)
        speaker.sizes["h"].flows = False
        await eventually_async(lambda: seen.sizes[-9:] == ["m"] * 9)
        assert len(shown(pair).flowing) == 2
        speaker.sizes["h"].flows, speaker.sizes["h"].wanted = True, False
        await eventually_async(lambda: seen.sizes[-20:] == ["h"] * 20)
        seen.seamless(gap_seconds=2.0)


async def test_a_size_that_does_not_flow_is_not_asked_for(pair: Pair) -> None:
    """Its encoder would be asked for a keyframe twice a second, for as long as it rests."""
    async with speaking(pair.origin) as speaker:
        at_origin = pair.origin.relay.stages[SESSION].streams["video"]
        await eventually_async(lambda: len(at_origin.flowing) == len(SIZES))
        speaker.sizes["h"].flows = False
        await eventually_async(lambda: len(at_origin.flowing) == 2)
        asked = speaker.sizes["h"].asked
        async with watching(pair) as (caller, _):
            seen = Seen(caller)
            await eventually_async(lambda: seen.sizes[-90:] == ["m"] * 90)
            assert speaker.sizes["h"].asked == asked
            speaker.sizes["h"].flows, speaker.sizes["h"].wanted = True, False
            await eventually_async(lambda: seen.sizes[-20:] == ["h"] * 20)
            assert speaker.sizes["h"].asked > asked


async def test_a_speaker_with_other_sizes_is_pulled_anew_and_viewers_stay(pair: Pair) -> None:
    async with speaking(pair.origin), watching(pair) as (caller, _):
        seen = Seen(caller)
        await eventually_async(lambda: seen.sizes[-20:] == ["h"] * 20)
        publish, grant = (
            f"{pair.origin.url}/publish/{SESSION}",
            pair.origin.grant("publish", "speaker"),
        )
        async with call(publish, grant, kind="publish") as plain:
            for number in itertools.count():
                plain.send("video", ONE_SIZE + bytes(20), 3000 * number, marker=True)
                await asyncio.sleep(0.005)
                if seen.packets[-1].payload.startswith(ONE_SIZE) and not shown(pair).several:
                    break
        async with speaking(pair.origin):
            seen.packets.clear()
            await eventually_async(lambda: seen.sizes[-20:] == ["h"] * 20)
            assert shown(pair).several
            lead(pair.edge, "grace", 1)
            await eventually_async(lambda: seen.sizes[-20:] == ["l"] * 20)
        assert not caller.closed.is_set()


async def test_a_speaker_who_names_sizes_in_another_order_is_pulled_on(pair: Pair) -> None:
    async with speaking(pair.origin, order="hml"), watching(pair) as (caller, _):
        seen = Seen(caller)
        await eventually_async(lambda: seen.sizes[-20:] == ["h"] * 20)
        pull = pull_of(pair)
        async with speaking(pair.origin, order="lhm"):
            seen.packets.clear()
            await eventually_async(
                lambda: [each.pixels for each in shown(pair).sent] == pixels("lhm")
            )
            await eventually_async(lambda: seen.sizes[-20:] == ["h"] * 20)
            lead(pair.edge, "grace", 2)
            await eventually_async(lambda: seen.sizes[-20:] == ["m"] * 20)
            assert pull_of(pair) is pull
        assert not caller.closed.is_set()


async def test_every_size_has_numbers_of_its_own_between_relays() -> None:
    """Whatever is lost, sent again, or comes from another speaker."""
    async with running_relay() as origin, AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(speaking(origin))
        wire, http = await stack.enter_async_context(wired(origin.relay.mux.port))
        sent = Sent()
        wire.drops = sent.lost
        _, got = await stack.enter_async_context(pulling(origin, *ASKS, http=http))
        await eventually_async(lambda: set(rids(got[-50:])) == set(SIZES))
        sent.losing = True
        await eventually_async(lambda: wire.dropped > 40)
        sent.losing = False
        numbers = {size.ssrc: size.seq for size in speaker.sizes.values()}
        await eventually_async(
            lambda: all(
                size.seq - numbers[size.ssrc] & 0xFFFF > 60 for size in speaker.sizes.values()
            )
        )
        async with speaking(origin, order="lhm"):
            before = len(got)
            await eventually_async(lambda: len(got) > before + 300)
        assert sent.again >= 40
        assert not sent.different
        assert len(streams(got)) == len(SIZES)
        for packets in streams(got).values():
            first = packets[0].seq
            seqs = sorted((packet.seq - first) & 0xFFFF for packet in packets)
            assert seqs == list(range(len(packets))), "none missing, none twice"
            assert len(runs(rids(packets))) == 2, "one size of each speaker"


async def test_an_older_edge_gets_the_largest_there_is() -> None:
    async with running_relay() as origin, AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(speaking(origin))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        _, got = await stack.enter_async_context(pulling(origin, http=http))
        await eventually_async(lambda: rids(got[-20:]) == ["h"] * 20)
        speaker.sizes["h"].flows = False
        await eventually_async(lambda: rids(got[-20:]) == ["m"] * 20)
        speaker.sizes["h"].flows = True
        await eventually_async(lambda: rids(got[-20:]) == ["h"] * 20)
        assert len({packet.ssrc for packet in got}) == 1
        assert (await relay_metrics(origin)).splitlines().count(
            "rounds_relay_viewers_of_less 0"
        ) == 1


async def test_a_viewer_who_asks_for_sizes_apart_gets_one_as_all_do() -> None:
    """Another grant: what a relay is sent is no viewer's."""
    async with running_relay() as origin, speaking(origin), httpx.AsyncClient() as http:
        asking = pulling(origin, *ASKS, http=http, may="watch")
        async with asking as (_, got):
            await eventually_async(lambda: rids(got[-20:]) == ["h"] * 20)
            assert len({packet.ssrc for packet in got}) == 1
