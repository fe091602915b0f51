"""No dependency below the version without known holes, and every one of them locked by hash.

This needs no network, so it cannot pass by having asked nobody.
"""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
FLOORS = tomllib.loads((Path(__file__).parent / "floors.toml").read_text())["floors"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WANTED = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-dev.lock": PROJECT["project"]["dependencies"]
    + PROJECT["dependency-groups"]["dev"],
}

pytestmark = pytest.mark.ci


def entries(lock: str) -> list[str]:
    """The lock's packages, each with its continuation lines."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


def locked(lock: str) -> dict[str, Version]:
    pinned = (Requirement(re.sub(r"\s+--hash=\S+", "", entry)) for entry in entries(lock))
    return {
        canonicalize_name(found.name): Version(str(found.specifier).removeprefix("=="))
        for found in pinned
    }


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("name", FLOORS)
def test_a_locked_version_is_not_below_its_floor(lock: str, name: str) -> None:
    assert locked(lock)[canonicalize_name(name)] >= Version(FLOORS[name]["version"])


@pytest.mark.parametrize("lock", LOCKS)
def test_what_the_project_asks_for_is_what_is_locked(lock: str) -> None:
    versions = locked(lock)
    for wish in map(Requirement, WANTED[lock]):
        version = versions.get(canonicalize_name(wish.name))
        assert version is not None, f"{wish.name} is not locked: lock again"
        assert version in wish.specifier, f"{wish} is locked as {version}: lock again"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_file_is_known_by_its_hash_and_no_address(lock: str) -> None:
    for entry in entries(lock):
        assert "--hash=sha256:" in entry, entry
    assert "://" not in (ROOT / lock).read_text()


def test_the_lock_of_the_developers_holds_the_product_as_it_ships() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()
