"""From a canvas in one Chromium to the screen of another: the time is drawn, and read.

Run as a module, in a process of its own with both cores: browsers need more than the half of them.
"""

import json
from pathlib import Path

from playwright.sync_api import sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from tests.integration.relays import SESSION, grant, relay_in_thread
from tests.servers.chromium import FLAGS, chromium

PAGE = Path(__file__).with_suffix(".html")
JOINS, SETTLE_MS, MEASURE_MS = 8, 3000, 6000
BETWEEN_MS = 700
"""Longer than the relay waits between two keyframes."""


def with_page(app: ASGIApp) -> ASGIApp:
    return Starlette(routes=[Route("/", page), Mount("/", app)])


async def page(request: Request) -> Response:
    del request
    return FileResponse(PAGE)


def main() -> dict[str, list[float]]:
    here = chromium()
    with relay_in_thread(with_page) as (url, secret), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(here.executable), args=list(FLAGS), env={**here.environment}
        )
        # A context each: of two tabs in one, the hidden one is throttled.
        studio, viewer = (browser.new_context().new_page() for _ in range(2))
        for tab in (studio, viewer):
            tab.goto(url)
        arguments = [f"/publish/{SESSION}", grant(secret, "publish", "speaker")]
        said = studio.evaluate("([path, grant]) => publish(path, grant)", arguments)
        assert said == "answered", said
        studio.wait_for_timeout(SETTLE_MS)
        firsts = []
        for number in range(JOINS):
            viewer.wait_for_timeout(BETWEEN_MS)
            arguments = [f"/watch/{SESSION}", grant(secret, "watch", f"v{number}")]
            firsts.append(viewer.evaluate("([path, grant]) => watch(path, grant)", arguments))
        viewer.wait_for_timeout(SETTLE_MS)
        ages = viewer.evaluate("(milliseconds) => ages(milliseconds)", MEASURE_MS)
        browser.close()
    return {"ages_ms": ages, "first_frames_ms": firsts}


if __name__ == "__main__":
    print(json.dumps(main()))
