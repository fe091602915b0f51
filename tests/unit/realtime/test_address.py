"""What an address of a bus says, and what is said of one that is wrong."""

import pytest

from realtime.bus.address import BadAddress, Kind, read_address


def test_one_server_is_named_as_its_library_names_it() -> None:
    for url in ("redis://:secret@host:6379/0", "rediss://host", "unix:///run/redis.sock"):
        address = read_address(url)
        assert (address.kind, address.url) == (Kind.SERVER, url)


def test_sentinels_are_hosts_and_the_name_of_a_master() -> None:
    address = read_address("redis+sentinel://me:a%2Fb%40c@one:1,two,[::1]:3/mymaster")
    assert address.kind is Kind.SENTINEL
    assert address.places == (("one", 1), ("two", 26379), ("::1", 3))
    assert (address.service, address.username, address.password) == ("mymaster", "me", "a/b@c")


def test_a_cluster_is_some_of_its_nodes() -> None:
    address = read_address("redis+cluster://:secret@one:7000,two")
    assert address.kind is Kind.CLUSTER
    assert address.places == (("one", 7000), ("two", 6379))
    assert (address.service, address.username, address.password) == ("", None, "secret")
    assert "secret" not in repr(address)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("host:6379", "begins with redis://"),
        ("http://:secret@host", "begins with redis://"),
        ("rediss+cluster://:secret@host", "begins with redis://"),
        ("redis://", "names no host"),
        ("redis://:secret@one,two", "names one server"),
        ("redis://:se/secret@host:6379", "a port is no number"),
        ("redis://:secret@host:99999", "a port is no number"),
        ("redis+cluster://:secret@", "names no host"),
        ("redis+cluster://:secret@:6379", "names no host before a port"),
        ("redis+cluster://one/1", "only database 0"),
        ("redis+cluster://[::1:6379", "brackets"),
        ("redis+sentinel://:secret@one:26379", "sentinels' name for the master"),
        ("redis+sentinel://:secret@one/a/b", "sentinels' name for the master"),
        ("redis+sentinel://:secret#@one/a", "a port is no number|takes neither"),
        ("redis+cluster://one?ssl=true", "takes neither"),
    ],
)
def test_what_is_wrong_is_named_without_a_password(url: str, why: str) -> None:
    with pytest.raises(BadAddress, match=why) as refusal:
        read_address(url)
    assert "secret" not in str(refusal.value)
