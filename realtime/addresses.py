"""Where a request comes from: the socket's far end, or what a proxy that we trust says of it.

`X-Forwarded-For` is a list that each proxy adds to at its end; whatever stands before the first
address that is no proxy of ours was written by whoever sent the request, and is not believed.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST = 1_024
"""Of a header; longer ones are of nobody's proxy."""

ONE_V4, ONE_V6 = 32, 64
"""Bits of an address that stand for one household: an IPv6 host chooses the others as it likes."""

FAR_V4, FAR_V6 = 16, 32
"""Bits that two places share that may be near each other, as far as addresses can tell: about what
one provider or one university is given."""


class BadNetwork(ValueError):
    """What is wrong with a list of networks."""


def read_networks(written: str) -> tuple[Network, ...]:
    """`10.0.0.0/8, ::1`; raises BadNetwork."""
    found = []
    for each in filter(None, (part.strip() for part in written.split(","))):
        try:
            found.append(ip_network(each))
        except ValueError:
            told = f"{each} is neither an address nor a network such as 10.0.0.0/8"
            raise BadNetwork(told) from None
    return tuple(found)


def client(far_end: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """The address a request comes from, as text; empty when there is none, as on a Unix socket."""
    here = _read(far_end)
    if here is None or not _is(here, trusted) or len(forwarded) > LONGEST:
        return "" if here is None else str(here)
    for written in reversed(forwarded.split(",")):
        named = _read(written)
        if named is None:
            break  # what stands before it nobody vouches for
        here = named
        if not _is(here, trusted):
            break
    return str(here)


def household(address: str) -> str:
    """What limits count by: the address, of IPv6 its /64; empty without an address."""
    return _prefix(address, ONE_V4, ONE_V6)


def stranger(address: str, trusted: Sequence[Network]) -> str:
    """The household to count by; empty for a proxy of ours that does not say for whom it asks."""
    found = _read(address)
    return "" if found is None or _is(found, trusted) else household(address)


def region(address: str) -> str:
    """As much of an address as distant places do not share; empty without one, or for a private."""
    found = _read(address)
    if found is None or not found.is_global:
        return ""
    return _prefix(address, FAR_V4, FAR_V6)


def _prefix(address: str, v4: int, v6: int) -> str:
    found = _read(address)
    if found is None:
        return ""
    bits = v4 if found.version == 4 else v6  # noqa: PLR2004 - the older protocol
    return str(ip_network((found, bits), strict=False))


def _read(written: str) -> Address | None:
    """Without a port, a zone or brackets; an IPv4 address inside IPv6 is the IPv4 address."""
    plain = written.strip().partition("%")[0]
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        found = ip_address(plain)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _is(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == one.version and address in one for one in networks)
