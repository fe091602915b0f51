"""The servers that tests rely on: they come back from a crash with what was theirs."""

import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.servers.postgres import running_postgres
from tests.servers.redis import running_redis, servers_found
from tests.servers.smtp import Mailbox
from tests.servers.waiting import TooLate, eventually, eventually_async


def test_a_crashed_postgresql_keeps_what_was_committed() -> None:
    with running_postgres() as cluster:
        url = cluster.create_database()
        cluster.execute("CREATE TABLE kept (n int)", url)
        cluster.execute("INSERT INTO kept VALUES (7)", url)
        cluster.crash()
        cluster.start()
        assert cluster.execute("SELECT n FROM kept", url) == "7"
        copy = cluster.create_database(template=url)
        assert cluster.execute("SELECT n FROM kept", copy) == "7"
        durable = [cluster.execute(f"SHOW {name}") for name in ("fsync", "synchronous_commit")]
        assert durable == ["on", "on"]


@pytest.mark.parametrize("name", servers_found())
def test_a_killed_redis_comes_back_at_its_address(name: str) -> None:
    with running_redis(name, appends=True) as server:
        address = server.url
        assert server.ask("SET", "kept", "7") == b"+OK\r\n"
        server.kill()
        server.start()
        assert server.url == address
        assert server.ask("GET", "kept") == b"$1\r\n7\r\n"


def test_a_redis_that_is_only_a_bus_forgets() -> None:
    with running_redis("valkey-9.1") as server:
        server.ask("SET", "kept", "7")
        server.kill()
        server.start()
        assert server.ask("GET", "kept") == b"$-1\r\n"


def test_letters_arrive_and_a_stopped_server_refuses(smtp: Mailbox) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "a@b.example", "c@d.example", "Hé"
    letter.set_content("☃")
    with smtplib.SMTP("127.0.0.1", smtp.port) as connection:
        connection.send_message(letter)
    assert smtp.wait_for("c@d.example")["Subject"] == "Hé"
    smtp.stop()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", smtp.port)


def test_each_database_is_migrated_and_empty(database_url: str, tmp_path: Path) -> None:
    assert database_url.startswith(("sqlite+aiosqlite:", "postgresql+asyncpg:"))
    if database_url.startswith("sqlite"):
        assert (tmp_path / "rounds.db").stat().st_size > 0


async def test_waiting_ends_with_an_answer_or_a_complaint() -> None:
    answers = iter([0, 0, 3])
    assert eventually(lambda: next(answers)) == 3
    assert await eventually_async(lambda: "yes") == "yes"
    with pytest.raises(TooLate, match=r"rain: not within 0\.02 s"):
        eventually(lambda: None, 0.02, "rain")
