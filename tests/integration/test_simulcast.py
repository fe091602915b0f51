"""One picture in three sizes, over real connections: each viewer follows one, without a seam."""

import asyncio
import itertools

import httpx

from realtime.relay.caller import Caller, call
from realtime.relay.flow import Packet
from realtime.relay.subscriber import Subscriber
from tests.integration.relays import SESSION, Running, running_relay
from tests.integration.sizes import SIZES, VIDEO, runs, speaking, taken
from tests.servers.waiting import eventually_async


class Seen:
    """What a viewer got of the picture, in the order in which it came."""

    def __init__(self, caller: Caller) -> None:
        self.packets: list[Packet] = []
        self.sounds = 0
        caller.on_rtp = self.take

    def take(self, packet: Packet) -> None:
        if packet.payload_type == VIDEO:
            self.packets.append(packet)
        else:
            self.sounds += 1

    @property
    def sizes(self) -> list[str]:
        return [taken(packet.payload)[3] for packet in self.packets]

    def seamless(self, gap_seconds: float = 0.1) -> None:
        """Every number once and none left out, times that never go back, pictures that count on."""
        ordered = sorted(self.packets, key=lambda each: (each.seq - self.packets[0].seq) & 0xFFFF)
        numbers = [each.seq for each in ordered]
        assert numbers == [(numbers[0] + at) & 0xFFFF for at in range(len(numbers))]
        for before, after in itertools.pairwise(ordered):
            steps = [(after.timestamp - before.timestamp) & 0xFFFFFFFF]
            was, came = taken(before.payload), taken(after.payload)
            steps.append((came[0] - was[0]) & 0x7FFF)
            if came[1] == 0:
                assert 0 < steps[0] <= gap_seconds * 90_000, "a later picture, and not much later"
                assert steps[1] == 1
                assert came[4] or came[3] == was[3], "another size begins with its keyframe"
            else:
                assert steps == [0, 0]


def viewer_of(relay: Running, who: str) -> Subscriber:
    viewers = relay.relay.stages[SESSION].subscribers.values()
    return next(each for each in viewers if each.grant.who == who)


async def relay_metrics(relay: Running) -> str:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"{relay.url}/metrics")).text


async def test_viewers_go_from_size_to_size_without_a_seam() -> None:
    async with running_relay() as relay, speaking(relay) as speaker:
        stage, url = relay.relay.stages[SESSION], f"{relay.url}/watch/{SESSION}"
        video = stage.streams["video"]
        await eventually_async(lambda: len(video.flowing) == len(SIZES))
        assert [each.pixels for each in video.flowing] == [w * h for w, h, _ in SIZES.values()]
        async with (
            call(url, relay.grant("watch", "grace"), kind="watch") as one,
            call(url, relay.grant("watch", "linus"), kind="watch") as other,
        ):
            seen, steady = Seen(one), Seen(other)
            await eventually_async(lambda: len(seen.packets) > 50)
            for level, rid in ((1, "l"), (2, "m"), (3, "h")):
                asked = speaker.sizes[rid].asked
                viewer = viewer_of(relay, "grace")
                viewer.strain.level = level
                viewer.strain._turned_at = relay.relay.mux.clock()
                viewer.choose()
                await eventually_async(lambda: seen.sizes[-9:] == [rid] * 9)  # noqa: B023
                assert speaker.sizes[rid].asked > asked, "a keyframe of this size was asked for"
            speaker.lose_every = 25
            await eventually_async(lambda: all(size.withheld for size in speaker.sizes.values()))
            speaker.lose_every, before = 0, len(seen.packets)
            await eventually_async(
                lambda: all(size.withheld <= set(size.resent) for size in speaker.sizes.values())
            )
            await eventually_async(lambda: len(seen.packets) > before + 100)
            assert runs([size for size in seen.sizes if size])[0] == "h"
            seen.seamless()
            steady.seamless()
            assert set(steady.sizes) == {"h"}
            assert viewer_of(relay, "grace").tracks[video.ssrc].changes == 3
            assert seen.sounds > 20
            metrics = (await relay_metrics(relay)).splitlines()
            assert "rounds_relay_layer_changes_total 3" in metrics
            assert "rounds_relay_layers 3" in metrics


async def test_a_size_that_is_left_out_leads_its_viewers_to_the_next() -> None:
    async with running_relay() as relay, speaking(relay, order="lhm") as speaker:
        url = f"{relay.url}/watch/{SESSION}"
        async with call(url, relay.grant("watch", "grace"), kind="watch") as caller:
            seen = Seen(caller)
            await eventually_async(lambda: seen.sizes[-20:] == ["h"] * 20)
            speaker.sizes["h"].flows = False
            await eventually_async(lambda: seen.sizes[-9:] == ["m"] * 9)
            speaker.sizes["h"].flows, speaker.sizes["h"].wanted = True, False
            await eventually_async(lambda: seen.sizes[-20:] == ["h"] * 20)
            seen.seamless(gap_seconds=2.0)


async def test_a_speaker_who_comes_back_with_one_size_is_seen_on() -> None:
    async with running_relay() as relay:
        url = f"{relay.url}/watch/{SESSION}"
        async with speaking(relay):
            caller_of = call(url, relay.grant("watch", "grace"), kind="watch")
            async with caller_of as caller:
                seen = Seen(caller)
                await eventually_async(lambda: seen.sizes[-20:] == ["h"] * 20)
                publish = f"{relay.url}/publish/{SESSION}"
                grant = relay.grant("publish", "speaker")
                async with call(publish, grant, kind="publish") as plain:
                    before, key = len(seen.packets), b"\x10\x00\x9d\x01\x2a"
                    for number in range(200):
                        plain.send("video", key + bytes(20), 3000 * number, marker=True)
                        await asyncio.sleep(0.005)
                        if len(seen.packets) > before + 5:
                            break
                    last = seen.packets[-1]
                    assert last.payload.startswith(key)
                    assert not caller.closed.is_set()
