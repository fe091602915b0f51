"""Datagrams that nobody asked for: recorded ones, changed at random, from many addresses.

Outsiders know the port, the names of a connection and what every packet looks like, but no
password and no key. Insiders have keys of their own, and say nonsense with them.
"""

import asyncio
import os
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from realtime.relay import rtcp, stun
from realtime.relay.caller import Caller
from realtime.relay.dtls import Dtls, new_certificate, own_fingerprint
from realtime.relay.flow import HEADER
from tests.unit.realtime.relay.test_seam import Pipe, pipes

ADDRESSES = 64
BURST, PAUSE_SECONDS = 64, 0.0025
"""25,000 a second: five times what 30 publishers send, and no burst that a buffer cannot hold."""
BEHIND = 2000
"""So many on their way at most: what a full buffer drops has not been tried."""
INTERESTING = (0, 1, 2, 3, 4, 19, 20, 22, 63, 64, 127, 128, 143, 191, 192, 200, 205, 206, 254, 255)
LONGEST_BYTES = 1500

Made = Callable[[], bytes]


class _Recorded(Pipe):
    """An end that remembers what was sent through it."""

    def __init__(self, inner: Pipe, sent: list[bytes]) -> None:
        super().__init__()
        self.inbox, self.other, self._sent = inner.inbox, inner.other, sent

    async def _send(self, data: bytes) -> None:
        self._sent.append(data)
        await super()._send(data)


async def handshake() -> list[bytes]:
    """Every datagram of a DTLS handshake, the first ClientHello before all."""
    sent: list[bytes] = []
    left, right = pipes()
    ours, theirs = new_certificate(), new_certificate()
    server = Dtls(_Recorded(left, sent), ours, server=True)
    browser = Dtls(_Recorded(right, sent), theirs, server=False)
    keys, _ = await asyncio.gather(
        server.handshake([own_fingerprint(theirs)]), browser.handshake([own_fingerprint(ours)])
    )
    for number in range(8):
        packet = HEADER.pack(0x80, 96 + number % 2 * 15, number, 3000 * number, 7) + b"\x10\x00"
        sent.append(keys.outbound.protect(packet + bytes(100 * number)))
    sent += [keys.outbound.protect_rtcp(each) for each in reports()]
    await browser.stop()
    await server.stop()
    return sent


def reports() -> list[bytes]:
    """Control packets of every kind that is read or sent here, in the clear."""
    reception = rtcp.Reception(rate=90_000)
    for seq in (1, 2, 4):
        reception.arrived(seq, 3000 * seq, 100, seq / 30)
    arrivals = rtcp.Arrivals()
    for seq in (1, 2, 4):
        arrivals.arrived(seq, seq / 30)
    return [
        rtcp.pli(7),
        rtcp.nack(7, [1, 2, 3, 40, 41]),
        rtcp.remb(500_000, [7]),
        rtcp.bye([7]),
        rtcp.sender_report(7, ntp=1 << 40, timestamp=3000, packets=4, octets=400),
        rtcp.receiver_report([reception.report(7, 1.0)]),
        *arrivals.feedback(7),
    ]


def checks(caller: Caller) -> list[bytes]:
    """Checks in the name of a living connection, with a password that is made up."""
    far, near = caller._path._far.fragment, caller._path.login.fragment
    names = (f"{far}:{near}", f"{far}:", f"nobody:{near}", "")
    return [
        stun.request(os.urandom(12), name, os.urandom(16), controlling=True, nominate=nominate)
        for name in names
        for nominate in (True, False)
    ] + [stun.success(os.urandom(12), "127.0.0.1", 9, os.urandom(16))]


def changed(seeds: Sequence[bytes], dice: random.Random) -> Made:
    """One of the seeds, changed in one to four places; some are cut, stretched or joined."""

    def make() -> bytes:
        made = bytearray(dice.choice(seeds))
        for _ in range(dice.randrange(1, 5)):
            kind, at = dice.randrange(8), dice.randrange(len(made) + 1)
            if kind < 4 and at < len(made):
                made[at] = dice.choice(INTERESTING) if kind % 2 else made[at] ^ 1 << kind
            elif kind == 4:
                del made[at:]
            elif kind == 5:
                made[at:at] = bytes(dice.randrange(40))
            elif kind == 6:
                del made[at : at + dice.randrange(1, 9)]
            else:
                made[at:] = dice.choice(seeds)[at:]
        return bytes(made[:LONGEST_BYTES])

    return make


class Outsiders:
    """Many addresses that the relay has no reason to trust."""

    def __init__(self, sockets: Sequence[socket.socket], port: int) -> None:
        self._sockets, self._target = sockets, ("127.0.0.1", port)
        self.sent = 0

    def send(self, made: Made, count: int = BURST) -> None:
        for each in range(count):
            self._sockets[(self.sent + each) % ADDRESSES].sendto(made(), self._target)
        self.sent += count

    def answers(self) -> list[bytes]:
        """What came back to any of them."""
        found = []
        for each in self._sockets:
            while True:
                try:
                    found.append(each.recv(LONGEST_BYTES))
                except BlockingIOError:
                    break
        return found


@contextmanager
def outsiders(port: int) -> Iterator[Outsiders]:
    with ExitStack() as stack:
        sockets = []
        for number in range(ADDRESSES):
            made = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            made.bind((f"127.0.1.{number + 1}", 0))
            made.setblocking(False)
            sockets.append(made)
        yield Outsiders(sockets, port)


class Insider:
    """Somebody with a ticket who speaks nonsense from a proved address."""

    def __init__(self, caller: Caller, raw: Sequence[bytes], dice: random.Random) -> None:
        self._caller, self._dice = caller, dice
        self._raw = changed(raw, dice)
        self._control = changed(reports(), dice)
        extended = HEADER.pack(0x90, 96, 5, 9, 7) + bytes.fromhex("bede0002 10ff3212 34220102")
        padded = HEADER.pack(0xA0, 111, 6, 9, 7) + bytes(20) + b"\x04"
        named = HEADER.pack(0x83, 96, 7, 9, 7) + bytes(40)
        self._media = changed([extended, padded, named], dice)

    def send(self, count: int) -> int:
        """Some unencrypted, the rest with the keys that were agreed."""
        assert self._caller._keys is not None
        keys, path, sent = self._caller._keys.outbound, self._caller._path, 0
        for _ in range(count):
            choice = self._dice.randrange(3)
            made = self._raw() if choice == 0 else self._control() if choice == 1 else self._media()
            try:
                if choice == 1:
                    made = keys.protect_rtcp(made)
                elif choice:
                    made = keys.protect(made)
            except Exception:  # noqa: BLE001 - what cannot be encrypted is sent as it is
                pass
            path.send(made)
            sent += 1
        return sent
