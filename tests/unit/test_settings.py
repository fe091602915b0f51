"""What an operator can set, and what is made of what is not."""

import pytest

from server.errors import Invalid
from server.settings import Settings, own_addresses, shown


def settings(**values: str) -> Settings:
    environment = {f"ROUNDS_{name.upper()}": value for name, value in values.items()}
    return Settings.from_environment({"PATH": "/bin", **environment})


def test_nothing_need_be_set() -> None:
    plain = settings()
    assert plain.database == "sqlite+aiosqlite:///data/rounds.db"
    assert plain.address == "http://127.0.0.1:8000"
    assert plain.media == ("127.0.0.1", 8000)
    assert plain.embedded
    assert not plain.secure


def test_the_environment_wins() -> None:
    set_ = settings(data="/srv", url="https://rounds.example/", media_port="9000")
    assert set_.address == "https://rounds.example"
    assert set_.secure
    assert set_.media[1] == 9000


def test_listening_everywhere_sends_nobody_to_nowhere() -> None:
    assert settings(host="0.0.0.0").address == "http://127.0.0.1:8000"
    assert "0.0.0.0" not in settings(host="0.0.0.0").media[0]


def test_every_relay_has_an_address_of_its_own() -> None:
    assert settings(data="/srv").relays == ["unix:/srv/relay.sock"]
    two = settings(data="/srv", relay_processes="2")
    assert two.relays == ["unix:/srv/relay.sock", "unix:/srv/relay-1.sock"]
    named = "http://10.0.0.1:8002, http://[2001:db8::1]"
    both = settings(relay_url=named, relay_processes="2")
    assert both.relays == [
        "http://10.0.0.1:8002",
        "http://10.0.0.1:8003",
        "http://[2001:db8::1]",
        "http://[2001:db8::1]:8003",
    ]


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"prot": "80"}, "ROUNDS_PROT"),
        ({"port": "many"}, "ROUNDS_PORT"),
        ({"url": "rounds.example"}, "ROUNDS_URL"),
        ({"relay_url": "relay.example"}, "ROUNDS_RELAY_URL"),
        ({"relay_processes": "0"}, "ROUNDS_RELAY_PROCESSES"),
        ({"hls_audio": "mp3"}, "ROUNDS_HLS_AUDIO"),
        ({"relay_processes": "2", "media_port": "65535"}, "ROUNDS_RELAY_PROCESSES"),
        ({"redis_url": "redis+sentinel://one:26379"}, "ROUNDS_REDIS_URL"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, str], where: str) -> None:
    with pytest.raises(Invalid) as refusal:
        settings(**values)
    assert refusal.value.where == where


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(Invalid, match="ROUNDS_MEDIA_ADDRESS"):
        own_addresses("no.such.host.invalid")


def test_what_may_hold_a_password_is_masked() -> None:
    rows = {name: value for name, value, _ in shown(settings(mail_url="smtp://me:secret@mail"), {})}
    assert rows["ROUNDS_MAIL_URL"] == "smtp://…"
