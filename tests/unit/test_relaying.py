"""A relay's process is told what it needs and nothing else."""

import pytest

from server.relaying import environment_of
from server.settings import Settings


def test_each_of_several_has_its_own_ports_and_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "MAIL_URL", "TURN_SECRET_FILE"):
        monkeypatch.setenv(f"ROUNDS_{name}", "secret")
    settings = Settings(
        database_url="postgresql+asyncpg://rounds:secret@db/rounds",
        redis_url="redis://:secret@valkey:6379/0",
        media_address="192.0.2.7",
        media_port=9000,
        relay_url="http://127.0.0.1:8002",
        relay_processes=3,
    )
    told = [environment_of(settings, number) for number in range(3)]
    assert [each["ROUNDS_MEDIA_PORT"] for each in told] == ["9000", "9001", "9002"]
    assert [each["ROUNDS_RELAY_URL"][-4:] for each in told] == ["8002", "8003", "8004"]
    for each in told:
        ours = {name: value for name, value in each.items() if name.startswith("ROUNDS_")}
        assert not any("secret@" in value or value == "secret" for value in ours.values())
        assert Settings.from_environment(ours).relay_processes == 1
