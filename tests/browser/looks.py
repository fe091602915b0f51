"""How a page holds: axe finds nothing, nothing is wider than the screen, nothing complains.

It knows no page by name.
"""

from pathlib import Path
from typing import Literal

from playwright.sync_api import ConsoleMessage, Page, ViewportSize

from tests.servers.waiting import eventually

AXE = (Path(__file__).parent / "axe.min.js").read_text()
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
NARROWEST: ViewportSize = {"width": 360, "height": 740}
LOOKS: tuple[tuple[Literal["light", "dark"], ViewportSize], ...] = (
    ("light", WIDE),
    ("dark", NARROW),
)
"""Every page in both schemes and at both widths, in two looks instead of four."""

RUN_AXE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
    `${id}: ${target.join(" ")}: ${failureSummary.replaceAll("\\n", " ").slice(0, 300)}`));
}"""
TOO_WIDE = """() => document.documentElement.scrollWidth - document.documentElement.clientWidth"""
SETTLED = """() => document.getAnimations().every(({ playState, effect }) =>
  playState !== "running" || effect?.getTiming().iterations === Infinity)"""
"""Axe would take what fades in for pale text."""


def looked_at(page: Page, path: str, said: list[str]) -> list[str]:
    """What is wrong with a page: light and dark, wide and narrow."""
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 200, f"{path}: {answer.status}"
    wrong: list[str] = []
    page.evaluate(AXE)
    for scheme, size in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        eventually(lambda: page.evaluate(SETTLED), 30, "the page holds still")
        found = page.evaluate(RUN_AXE)
        wrong += [f"{path} {scheme} {size['width']}: {each}" for each in found]
    page.set_viewport_size(NARROWEST)
    if (over := page.evaluate(TOO_WIDE)) > 0:
        wrong.append(f"{path}: {over} px wider than {NARROWEST['width']}")
    wrong += [f"{path}: {each}" for each in said]
    said.clear()
    return wrong


def complaints(page: Page) -> list[str]:
    """What the console says; Chromium also reports the answer that nobody is on the stage yet."""
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        url = message.location["url"]
        nobody_yet = "/whep/" in url and "409" in message.text
        if message.type in {"error", "warning"} and not nobody_yet:
            said.append(f"{message.type}: {message.text} ({url})")

    page.on("console", listen)
    return said
