"""Whose word about an address is believed."""

import pytest

from realtime.addresses import BadNetwork, client, household, read_networks, region

PROXIES = read_networks("127.0.0.1, ::1, 172.16.0.0/12")


@pytest.mark.parametrize(
    ("far_end", "forwarded", "found"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # nobody's proxy says so
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the first one is the sender's own
        ("127.0.0.1", "198.51.100.1, 172.18.0.4", "198.51.100.1"),
        ("127.0.0.1", "172.18.0.9, 172.18.0.4", "172.18.0.9"),  # somebody inside
        ("127.0.0.1", "198.51.100.1, nonsense", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1,", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, " * 200, "127.0.0.1"),
        ("::1", "2001:db8:5::7", "2001:db8:5::7"),
        ("::ffff:127.0.0.1", "[2001:db8:5::7]:4711", "2001:db8:5::7"),
        ("127.0.0.1", "198.51.100.1:5555", "198.51.100.1"),
        ("fe80::1%eth0", "", "fe80::1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_only_proxies_are_believed(far_end: str, forwarded: str, found: str) -> None:
    assert client(far_end, forwarded, PROXIES) == found


def test_a_household_is_one_address_or_one_net() -> None:
    assert household("198.51.100.1") == "198.51.100.1/32"
    assert household("2001:db8:5:6:7::1") == household("2001:db8:5:6:8::2") == "2001:db8:5:6::/64"
    assert household("") == ""


def test_a_region_is_what_distant_places_do_not_share() -> None:
    assert region("8.8.8.8") == region("8.8.4.4") == "8.8.0.0/16"
    assert region("2a00:1450:4001::1") == "2a00:1450::/32"
    assert [region(one) for one in ("10.1.2.3", "127.0.0.1", "fe80::1", "", "x")] == [""] * 5


@pytest.mark.parametrize("written", ["10.0.0.0/33", "localhost", "10.0.0.1/8"])
def test_what_is_no_network_is_named(written: str) -> None:
    with pytest.raises(BadNetwork, match=written):
        read_networks(f"127.0.0.1, {written}")
