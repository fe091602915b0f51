"""The fan-out towards real sockets: what arrives, and what must never leave."""

import os
import socket
from collections.abc import Generator
from contextlib import ExitStack

import pytest
from pylibsrtp import Policy, Session

from realtime.relay.fanout import BATCH, Destination, Fanout, Group
from realtime.relay.mux import Counters

PLAIN = b"\x80\x60\x00\x01" + bytes(4) + b"\x00\x00\x00\x07" + b"picture"


@pytest.fixture
def out() -> Generator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        yield made


class Viewer:
    """A socket with keys of its own."""

    def __init__(self, stack: ExitStack, ssrc: int | None = None) -> None:
        key = os.urandom(30)
        self.inbound = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND))
        kind = Policy.SSRC_ANY_OUTBOUND if ssrc is None else Policy.SSRC_SPECIFIC
        outbound = Session(Policy(key=key, ssrc_type=kind, ssrc_value=ssrc or 0))
        self.socket = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.destination = Destination(outbound, self.socket.getsockname(), socket.AF_INET)

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
        group.moved()
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
