"""Reads the address of a bus. Opens nothing, and repeats no password when it refuses.

`redis://`, `rediss://` and `unix://` name one server, `redis+sentinel://host:port,…/service` those
who know which server is the master, `redis+cluster://host:port,…` some nodes of a cluster.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

Place = tuple[str, int]
"""A host and a port."""


class Kind(StrEnum):
    """Who holds the keys: one server, whichever the sentinels name, or the nodes of a cluster."""

    SERVER = "server"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


KINDS = {
    "redis": Kind.SERVER,
    "rediss": Kind.SERVER,
    "unix": Kind.SERVER,
    "redis+sentinel": Kind.SENTINEL,
    "redis+cluster": Kind.CLUSTER,
}

PORTS = {Kind.SERVER: 6379, Kind.SENTINEL: 26379, Kind.CLUSTER: 6379}


class BadAddress(ValueError):
    """Says what is wrong with an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What an address says. `url` is for the one server; the rest for the others."""

    kind: Kind
    url: str = field(repr=False)
    places: tuple[Place, ...] = ()
    service: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def read_address(url: str) -> Address:
    """Raises BadAddress."""
    scheme, sign, _ = url.partition("://")
    if not sign or scheme not in KINDS:
        *most, last = (f"{known}://" for known in KINDS)
        raise BadAddress(f"begins with {', '.join(most)} or {last}")
    kind = KINDS[scheme]
    if scheme == "unix":
        return Address(kind=kind, url=url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadAddress("its brackets do not match") from None
    account, _, hosts = parts.netloc.rpartition("@")
    listed = [host for host in hosts.split(",") if host]
    if not listed:
        raise BadAddress("names no host")
    if kind is Kind.SERVER:
        if len(listed) > 1:
            raise BadAddress(f"{scheme}:// names one server; several are a redis+cluster://")
        _place(hosts, PORTS[kind])
        return Address(kind=kind, url=url)
    if parts.query or parts.fragment:
        raise BadAddress(f"{scheme}:// takes neither ? nor #; in a password they are %3F and %23")
    username, _, password = account.partition(":")
    return Address(
        kind=kind,
        url=url,
        places=tuple(_place(host, PORTS[kind]) for host in listed),
        service=_service(kind, unquote(parts.path.strip("/"))),
        username=unquote(username) or None,
        password=unquote(password) or None,
    )


def _service(kind: Kind, path: str) -> str:
    if kind is Kind.CLUSTER and path not in ("", "0"):
        raise BadAddress("a cluster has only database 0: nothing follows its hosts")
    if kind is Kind.SENTINEL and (not path or "/" in path):
        raise BadAddress("ends with the sentinels' name for the master, as host:26379/mymaster")
    return path if kind is Kind.SENTINEL else ""


def _place(text: str, port: int) -> Place:
    """One `host:port`; IPv6 in brackets. A host is not repeated: it may be half a password."""
    try:
        parts = urlsplit(f"//{text}")
        found = parts.hostname, parts.port or port
    except ValueError:
        raise BadAddress("a port is no number; in a password / is %2F, @ is %40") from None
    host, port = found
    if not host:
        raise BadAddress("names no host before a port")
    return host, port
