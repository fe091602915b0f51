"""Which datagrams of a handshake may reach the library: none that ends it and proves nothing.

Until a handshake is finished nothing in it is authentic, and whoever sees a peer's address may send
in its name. OpenSSL gives a handshake up for a second ClientHello out of turn and for an alert in
the clear; here the first ClientHello counts, and no such alert. A ClientHello that comes before the
peer's own cannot be told from it: that set-up fails, and the peer comes again from another port.
Once the handshake is finished, no ClientHello is of any use. Pure; it keeps a few bytes a peer.
"""

ALERT, HANDSHAKE, CLIENT_HELLO = 21, 22, 1
RECORD_BYTES, MESSAGE_BYTES = 13, 12
"""Of the headers, RFC 6347 §4.1 and §4.2.2."""

RANDOM = slice(MESSAGE_BYTES + 2, MESSAGE_BYTES + 34)
"""Of a ClientHello, after its version."""


class Hellos:
    """One peer's."""

    __slots__ = ("_first", "expected")

    def __init__(self) -> None:
        self.expected = True
        """False where the peer is not the client of its handshake, and once that is finished."""
        self._first: tuple[bytes, int] | None = None

    def pass_on(self, datagram: bytes) -> bool:
        """Whether nothing in the datagram is out of turn; the first ClientHello is remembered."""
        at, size = 0, len(datagram)
        while at + RECORD_BYTES <= size:
            kind = datagram[at]
            if kind not in (ALERT, HANDSHAKE) or datagram[at + 3] or datagram[at + 4]:
                return True  # encrypted, by an epoch that is not the first, and so is what follows
            end = at + RECORD_BYTES + int.from_bytes(datagram[at + 11 : at + 13], "big")
            if kind == ALERT or not self._in_turn(datagram[at + RECORD_BYTES : end]):
                return False
            at = end
        return True

    def _in_turn(self, messages: bytes) -> bool:
        at = 0
        while at + MESSAGE_BYTES <= len(messages):
            piece = int.from_bytes(messages[at + 9 : at + 12], "big")
            if messages[at] == CLIENT_HELLO and not self._the_first(messages[at:]):
                return False
            at += MESSAGE_BYTES + piece
        return True

    def _the_first(self, hello: bytes) -> bool:
        if not self.expected:
            return False
        size, offset = int.from_bytes(hello[1:4], "big"), int.from_bytes(hello[6:9], "big")
        if offset:  # a later piece of one that was too long for a datagram
            return self._first is None or self._first[1] == size
        random = hello[RANDOM]
        if self._first is not None and self._first[0] != random:
            return False
        self._first = random, size  # a second one that was asked for has the same random
        return True
