"""The relay's socket towards whoever copies a check: it sends less than it is sent."""

import socket
import time
from collections.abc import Callable

from realtime.relay import stun
from realtime.relay.mux import Mux, bind

COPIES = 200


def at(moment: list[float]) -> Callable[[], float]:
    return lambda: moment[0]


def received(by: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(by.recv(2048))
        except BlockingIOError:
            return found


def drained(mux: Mux, count: int) -> None:
    deadline = time.monotonic() + 10
    while mux.counters.received < count:
        assert time.monotonic() < deadline
        mux.readable()


def test_copies_of_a_check_are_no_lever() -> None:
    """A source can be forged: what a copied check makes us send must be less than the copy."""
    moment = [1000.0]
    mux = Mux(bind("127.0.0.1", 0), clock=at(moment))
    with (
        mux.socket,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim,
    ):
        for each in (peer, victim):
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        ice = mux.new_ice()
        ice.remote_ufrag, ice.remote_password = "near", "p" * 22
        name, password = f"{ice.ufrag}:near", ice.password.encode()
        check = stun.request(b"t" * 12, name, password, controlling=True, nominate=True)
        peer.sendto(check, mux.socket.getsockname())
        drained(mux, 1)
        assert ice.address == peer.getsockname()
        for _ in range(COPIES):
            victim.sendto(check, mux.socket.getsockname())
            drained(mux, mux.counters.received + 1)
            moment[0] += 0.001
        sent = received(victim)
        assert sum(map(len, sent)) < COPIES * len(check)
        questions = [each for each in sent if each[:2] == b"\x00\x01"]
        assert len(questions) == 2, "ten a second"
        assert ice.address == peer.getsockname(), "nothing else goes there"
        assert len(received(peer)) == 1
