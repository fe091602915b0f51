"""The fan-out towards real sockets: what arrives, and what must never leave."""

import faulthandler
import gc
import itertools
import os
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from pylibsrtp import Policy, Session

from realtime.relay.bounds import FULL_MILLISECONDS, FULL_SECONDS, FULL_SHARE
from realtime.relay.fanout import Destination, Fanout, Group
from realtime.relay.mux import Counters
from realtime.relay.slots import BATCH, TOGETHER, ffi, runs

PLAIN = b"\x80\x60\x00\x01" + bytes(4) + b"\x00\x00\x00\x07" + b"picture"
TRAILER = 10
SO_NO_CHECK = 11
"""Linux, `asm-generic/socket.h`: without checksums the kernel refuses to cut segments."""


def plain(seq: int, size: int = 100) -> bytes:
    return PLAIN[:2] + seq.to_bytes(2, "big") + PLAIN[4:12] + bytes([seq & 0xFF]) * size


@pytest.fixture
def out() -> Generator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        yield made


class Viewer:
    """A socket with keys of its own."""

    def __init__(
        self, stack: ExitStack, ssrc: int | None = None, trailer: int | None = TRAILER
    ) -> None:
        key = os.urandom(30)
        self.inbound = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND))
        kind = Policy.SSRC_ANY_OUTBOUND if ssrc is None else Policy.SSRC_SPECIFIC
        outbound = Session(Policy(key=key, ssrc_type=kind, ssrc_value=ssrc or 0))
        self.socket = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        here = self.socket.getsockname()
        self.destination = Destination(outbound, here, socket.AF_INET, trailer)

    def received(self) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self.inbound.unprotect(self.socket.recv(2048)))
            except BlockingIOError:
                return found


def test_everybody_gets_every_packet_in_batches(out: socket.socket) -> None:
    counters = Counters()
    fanout, group = Fanout(out, counters), Group(96, 7)
    with ExitStack() as stack:
        viewers = [Viewer(stack) for _ in range(BATCH + 3)]
        for viewer in viewers:
            group.add(viewer.destination)
        second = PLAIN[:3] + b"\x02" + PLAIN[4:] + bytes(1300)
        fanout.send([PLAIN, second], group)
        assert all(viewer.received() == [PLAIN, second] for viewer in viewers)
        assert counters.fanned == 2 * len(viewers)

        group.remove(viewers[0].destination)
        third = PLAIN[:3] + b"\x03" + PLAIN[4:]
        fanout.send([third], group)
        fanout.send_one(third[:3] + b"\x04" + third[4:], viewers[0].destination)
        assert [len(viewer.received()) for viewer in viewers] == [1] * len(viewers)


def test_what_cannot_be_protected_does_not_leave(out: socket.socket) -> None:
    counters = Counters()
    fanout, group = Fanout(out, counters), Group(96, 7)
    with ExitStack() as stack:
        stranger = Viewer(stack, ssrc=99)  # its keys are for another stream
        viewers = [Viewer(stack), stranger, Viewer(stack)]
        for viewer in viewers:
            group.add(viewer.destination)
        fanout.send([PLAIN], group)
        assert viewers[0].received() == viewers[2].received() == [PLAIN]
        assert stranger.received() == []
        assert (counters.fanned, counters.unsent) == (2, 1)


def test_a_viewer_that_moved_is_followed(out: socket.socket) -> None:
    fanout, group = Fanout(out, Counters()), Group(96, 7)
    with ExitStack() as stack:
        viewer, elsewhere = Viewer(stack), Viewer(stack)
        group.add(viewer.destination)
        viewer.destination.move(elsewhere.socket.getsockname())
        group.changed()
        fanout.send([PLAIN], group)
        assert viewer.received() == []
        assert viewer.inbound.unprotect(elsewhere.socket.recv(2048)) == PLAIN


def test_an_address_that_cannot_be_reached_harms_nobody_else(out: socket.socket) -> None:
    counters = Counters()
    fanout, group = Fanout(out, counters), Group(96, 7)
    with ExitStack() as stack:
        lost, viewer = Viewer(stack), Viewer(stack)
        lost.destination.move(("255.255.255.255", 9))  # broadcast, which the kernel refuses
        group.add(lost.destination)
        group.add(viewer.destination)
        fanout.send([PLAIN], group)
        assert viewer.received() == [PLAIN]
        assert counters.unsent == 1


def test_equally_long_packets_leave_together_and_arrive_apart(out: socket.socket) -> None:
    counters = Counters()
    fanout, group = Fanout(out, counters), Group(96, 7)
    with ExitStack() as stack:
        # Some whose protection adds an unknown number of bytes: they get one by one, in between.
        viewers = [Viewer(stack, trailer=TRAILER if at % 3 else None) for at in range(20)]
        for viewer in viewers:
            group.add(viewer.destination)
        sizes = [1100, 1100, 1100, 700, 50, 900, 901, 901, 901, 1188, 1188, *[1000] * 19, 1]
        packets = [plain(seq, size) for seq, size in enumerate(sizes)]
        fanout.send(packets, group)
        assert all(viewer.received() == packets for viewer in viewers)
        assert (counters.fanned, counters.unsent) == (len(packets) * len(viewers), 0)


def test_runs_are_equally_long_but_their_last() -> None:
    sizes = [5, 5, 4, 4, 6, 6, 6, *[3] * (TOGETHER + 2)]
    cut = list(runs([bytes(size) for size in sizes]))
    assert [[len(each) for each in run] for run in cut] == [
        [5, 5, 4], [4], [6, 6, 6, 3], [3] * TOGETHER, [3]
    ]  # fmt: skip
    assert list(runs([])) == []


def test_a_path_that_refuses_segments_gets_every_packet_once(out: socket.socket) -> None:
    counters = Counters()
    fanout, group = Fanout(out, counters), Group(96, 7)
    with ExitStack() as stack:
        viewers = [Viewer(stack) for _ in range(3)]
        for viewer in viewers:
            group.add(viewer.destination)
        out.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        first, second = ([plain(at + seq) for seq in range(4)] for at in (0, 4))
        fanout.send(first, group)
        assert [viewer.destination.trailer for viewer in viewers] == [None] * 3
        fanout.send(second, group)
        assert all(viewer.received() == first + second for viewer in viewers)
        assert (counters.fanned, counters.unsent) == (24, 0)


def test_of_a_message_only_what_is_protected_leaves(out: socket.socket) -> None:
    counters = Counters()
    fanout, group = Fanout(out, counters), Group(96, 7)
    with ExitStack() as stack:
        viewers = [Viewer(stack), Viewer(stack, ssrc=99), Viewer(stack)]
        for viewer in viewers:
            group.add(viewer.destination)
        packets = [plain(seq) for seq in range(3)]
        fanout.send(packets, group)
        assert [viewer.received() for viewer in viewers] == [packets, [], packets]
        assert (counters.fanned, counters.unsent) == (6, 3)


def narrow(
    stack: ExitStack,
    tmp_path: Path,
    counters: Counters,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Fanout, Group, Viewer]:
    """A way that is soon full: sockets of this machine's own file system say so (`EAGAIN`)."""
    out, there = (
        stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) for _ in range(2)
    )
    there.bind(str(tmp_path / "there"))
    there.setblocking(False)
    out.connect(str(tmp_path / "there"))
    fanout, group = Fanout(out, counters, clock), Group(96, 7)
    viewer = Viewer(stack)
    address = struct.pack("=H", socket.AF_UNIX) + str(tmp_path / "there").encode() + b"\0"
    viewer.destination.sockaddr = ffi.new("unsigned char[]", address)
    viewer.socket = there
    group.add(viewer.destination)
    return fanout, group, viewer


def test_a_full_buffer_drops_and_the_next_packets_go_on(tmp_path: Path) -> None:
    counters = Counters()
    with ExitStack() as stack:
        fanout, group, viewer = narrow(stack, tmp_path, counters)
        fanout.send([plain(seq) for seq in range(2000)], group)
        assert counters.unsent > 0
        assert counters.full == 1, "waited for once, since nothing could be sent after it"
        assert counters.fanned + counters.unsent == 2000
        assert len(viewer.received()) == counters.fanned
        fanout.send([plain(2000)], group)
        assert viewer.received() == [plain(2000)]


def test_a_full_buffer_that_empties_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However busy this machine is: for as long as its other thread does not come to read."""
    monkeypatch.setattr("realtime.relay.fanout.FULL_MILLISECONDS", 10_000)
    counters, sent = Counters(), [plain(seq) for seq in range(2000)]
    with ExitStack() as stack:
        fanout, group, viewer = narrow(stack, tmp_path, counters, clock=lambda: 0.0)
        received: list[bytes] = []

        def drain() -> None:
            while len(received) < len(sent):
                select.select([viewer.socket], [], [])
                received.extend(viewer.received())

        draining = threading.Thread(target=drain, daemon=True)
        draining.start()
        fanout.send(sent, group)
        draining.join(timeout=10)
        assert counters.full > 0
        assert (counters.fanned, counters.unsent) == (2000, 0)
        assert received == sent


def test_a_way_that_never_suffices_is_waited_for_a_part_of_the_time_alone(tmp_path: Path) -> None:
    """By a clock on which each wait takes as long as one may, and nothing else takes longer."""
    ticks, seqs, wait = itertools.count(), itertools.count(), FULL_MILLISECONDS / 1000
    counters, over = Counters(), threading.Event()
    with ExitStack() as stack:
        fanout, group, viewer = narrow(stack, tmp_path, counters, clock=lambda: next(ticks) * wait)

        def drain() -> None:
            while not over.is_set():
                select.select([viewer.socket], [], [], wait)
                with suppress(BlockingIOError):
                    while viewer.socket.recv(2048):
                        pass

        draining = threading.Thread(target=drain, daemon=True)
        draining.start()
        stack.callback(draining.join)
        stack.callback(over.set)
        for _ in range(200):
            fanout.send([plain(next(seqs) & 0xFFFF) for _ in range(200)], group)
        waited, passed = counters.full * wait, next(ticks) * wait
        assert waited > FULL_SECONDS
        assert waited <= FULL_SECONDS + FULL_SHARE * (passed - waited) + wait
        assert counters.unsent > 0


def test_viewers_may_come_and_go_between_any_two_packets(out: socket.socket) -> None:
    """Raw pointers outlive nobody: a stale one ends the process, and says where."""
    faulthandler.enable()
    fanout, group = Fanout(out, Counters()), Group(96, 7)
    chosen = random.Random(1)
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(20)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        for seq in range(100):
            while len(group.destinations) < 70:
                policy = Policy(key=os.urandom(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND)
                address = chosen.choice(sockets).getsockname()
                group.add(Destination(Session(policy), address, socket.AF_INET, TRAILER))
            for _ in range(chosen.randrange(3)):
                group.remove(chosen.choice(group.destinations))
            if chosen.random() < 0.2:
                chosen.choice(group.destinations).move(chosen.choice(sockets).getsockname())
                group.changed()
            if seq % 20 == 0:
                gc.collect()
            fanout.send([plain(4 * seq + part) for part in range(1 + seq % 4)], group)
        assert group.packets == 250
