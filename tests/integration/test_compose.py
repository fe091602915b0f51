"""docker-compose.yml, read by Compose itself: what it starts, with which rights and which limits.

No engine runs here. What the file says to the database and to the product is tried on both.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.servers.postgres import Cluster, running_postgres
from tests.servers.rounds import rounds

ROOT = Path(__file__).parents[2]
COMPOSE = Path(sys.executable).parent / "docker-compose"
OURS = ("web", "hub", "relay", "migrate")
REQUIRED = {
    "ROUNDS_DOMAIN": "congress.example",
    "ROUNDS_MEDIA_ADDRESS": "192.0.2.7",
    "ROUNDS_DB_PASSWORD": "rows",
    "ROUNDS_DB_OWNER_PASSWORD": "tables",
}


def compose(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUNDS_")}
    return subprocess.run(
        [COMPOSE, "-f", ROOT / "docker-compose.yml", "--env-file", "/dev/null", *words],
        check=False,
        capture_output=True,
        text=True,
        env={**kept, **env},
    )


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    done = compose("config", "--format", "json", env=REQUIRED)
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def test_compose_accepts_the_file_without_a_word() -> None:
    done = compose("config", "--quiet", env=REQUIRED)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_secret_is_refused_by_its_name(name: str) -> None:
    done = compose("config", "--quiet", env={**REQUIRED, name: ""})
    assert done.returncode != 0
    assert f"set {name} in .env" in done.stderr


@pytest.mark.parametrize("name", OURS)
def test_our_services_have_no_rights_to_lose(stack: dict[str, Any], name: str) -> None:
    service = stack["services"][name]
    assert service["read_only"] is True
    assert service["user"] == "10001:10001"
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] == 512
    assert [place.partition(":")[0] for place in service["tmpfs"]] == ["/tmp"]


def test_every_service_has_a_bound_on_its_memory(stack: dict[str, Any]) -> None:
    assert [name for name, service in stack["services"].items() if not service["mem_limit"]] == []


def test_whatever_stays_up_says_whether_it_is_well(stack: dict[str, Any]) -> None:
    watched = {name for name, service in stack["services"].items() if "healthcheck" in service}
    assert watched == {"web", "hub", "relay", "db", "valkey"}


def test_only_the_proxy_and_the_media_port_face_the_world(stack: dict[str, Any]) -> None:
    services = stack["services"].items()
    open_ports = {name: service["ports"] for name, service in services if service.get("ports")}
    assert set(open_ports) == {"proxy", "relay"}
    assert [(port["target"], port["protocol"]) for port in open_ports["relay"]] == [(8000, "udp")]
    assert stack["networks"]["back"]["internal"] is True
    assert set(stack["services"]["db"]["networks"]) == {"back"}
    assert set(stack["services"]["valkey"]["networks"]) == {"back"}


def test_the_relay_is_told_neither_database_nor_redis(stack: dict[str, Any]) -> None:
    told = stack["services"]["relay"]["environment"]
    assert not {"ROUNDS_DATABASE_URL", "ROUNDS_REDIS_URL"} & set(told)
    assert "back" not in stack["services"]["relay"]["networks"]


@pytest.mark.parametrize("name", OURS)
def test_the_product_knows_every_setting_it_is_given(
    stack: dict[str, Any], name: str, tmp_path: Path
) -> None:
    told = {**stack["services"][name]["environment"], "ROUNDS_DATA": str(tmp_path)}
    done = rounds("settings", data=tmp_path, env=told)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def cluster() -> Any:
    with running_postgres() as server:
        yield server


def test_the_pages_role_reads_and_writes_rows_but_changes_no_table(
    stack: dict[str, Any], cluster: Cluster, tmp_path: Path
) -> None:
    """The same script that the database's image runs at its first start, as its owner."""
    cluster.execute("CREATE ROLE owner LOGIN SUPERUSER")
    address = cluster.url.replace("rounds@", "owner@").replace("/postgres?", "/rounds?")
    cluster.execute("CREATE DATABASE rounds OWNER owner")
    cluster.execute("ALTER ROLE rounds RENAME TO bootstrap", address)
    _run_first_start(stack["configs"]["roles"]["content"], cluster)

    done = rounds("migrate", data=tmp_path, env={"ROUNDS_MIGRATION_DATABASE_URL": address})
    assert done.returncode == 0, done.stderr
    pages = address.replace("owner@", "rounds@")
    ours = "relkind = 'r' AND relnamespace = 'public'::regnamespace"
    tables = f"SELECT count(*) FROM pg_class WHERE {ours}"
    assert int(cluster.execute(tables, pages)) > 10
    for deed in ("SELECT", "INSERT"):
        closed = f"{tables} AND NOT has_table_privilege(oid, '{deed}')"
        assert cluster.execute(closed, pages) == "0"
    for forbidden in ("CREATE TABLE mine (id int)", "DROP TABLE alembic_version"):
        with pytest.raises(RuntimeError, match=r"permission denied|must be owner"):
            cluster.execute(forbidden, pages)


def _run_first_start(script: str, cluster: Cluster) -> None:
    """Inside the image `psql` is on the PATH and finds the server by itself; so here."""
    place = dict(part.split("=", 1) for part in urlsplit(cluster.url).query.split("&"))
    told = {"POSTGRES_USER": "owner", "POSTGRES_DB": "rounds", "ROUNDS_DB_PASSWORD": "rows"}
    path = f"{cluster.binaries}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["sh", "-e", "-c", script.replace("$$", "$")],
        check=True,
        cwd="/",
        env={"PATH": path, "PGHOST": place["host"], **told},
    )
