"""People in browsers of their own, in a conference that the command line set up."""

from collections.abc import Callable, Generator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.browser.world import PATIENCE_MS, WATCHED, Come, Person, World, a_world

expect.set_options(timeout=PATIENCE_MS)
SECONDS_A_TEST = 240
"""The first test founds the conference; a busy machine takes its time for that."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "world" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(SECONDS_A_TEST))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """One for all files: a test takes a session that is its own."""
    with a_world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture
def come(world: World, new_context: Callable[..., BrowserContext]) -> Generator[Come]:
    """Whatever a page throws or its policy refuses fails the test."""
    wrong: list[str] = []

    def _come(person: Person | None, path: str = "", **wishes: Any) -> Page:
        known = world.entered.get(person.mail) if person else None
        context = new_context(base_url=world.url, storage_state=known, **wishes)
        context.grant_permissions(["camera", "microphone"])
        context.add_init_script(WATCHED)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
        page.on("console", lambda message: wrong.extend(_refusals(page, message)))
        if person and not known:
            world.enter(page, person)
            world.remember(context, person)
        if path:
            page.goto(path)
        return page

    yield _come
    assert wrong == []


def _refusals(page: Page, message: ConsoleMessage) -> list[str]:
    """What the content security policy refused."""
    policy = ("Content Security Policy", "Content-Security-Policy", "TrustedHTML", "TrustedScript")
    return [f"{page.url}: {message.text}"] if any(w in message.text for w in policy) else []
