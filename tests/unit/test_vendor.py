"""Vendored files are the bytes of their manifest, have a licence, and name no address."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
MANIFEST: dict[str, dict[str, str]] = json.loads((WEB / "vendor" / "vendor.json").read_text())
LICENCES = {
    "vendor/lit.js": "vendor/lit.LICENSE.txt",
    "vendor/hls.js": "vendor/hls.LICENSE.txt",
    "shell/icons.svg": "vendor/icons.LICENSE.txt",
    "../tests/browser/axe.min.js": "../tests/browser/axe.LICENSE.txt",
    "fonts/hanken-grotesk-latin-wght-normal.woff2": "fonts/hanken-grotesk.OFL.txt",
    "fonts/source-serif-4-latin-wght-normal.woff2": "fonts/source-serif-4.OFL.txt",
    "fonts/source-serif-4-latin-wght-italic.woff2": "fonts/source-serif-4.OFL.txt",
}


@pytest.mark.parametrize("file", MANIFEST)
def test_bytes_are_those_of_the_manifest(file: str) -> None:
    digest = hashlib.sha384((WEB / file).read_bytes()).digest()
    assert base64.b64encode(digest).decode() == MANIFEST[file]["sha384"]


@pytest.mark.parametrize("file", MANIFEST)
def test_a_licence_lies_beside_it(file: str) -> None:
    assert MANIFEST[file]["license"]
    assert "icense" in (WEB / LICENCES[file]).read_text()


def test_everything_foreign_is_in_the_manifest() -> None:
    foreign = {*WEB.glob("vendor/*.js"), *WEB.glob("fonts/*.woff2"), WEB / "shell" / "icons.svg"}
    assert {str(path.relative_to(WEB)) for path in foreign} <= MANIFEST.keys()


def test_versions_are_those_of_the_lock() -> None:
    packages = json.loads((WEB / "package-lock.json").read_text())["packages"]
    for entry in MANIFEST.values():
        if "from" in entry:
            assert packages[f"node_modules/{entry['from']}"]["version"] == entry["version"]


def test_the_lock_names_no_address() -> None:
    lock = (WEB / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity"' in lock


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (WEB / "shell" / "icons.svg").read_text()))
    used = {
        name
        for path in (*WEB.rglob("*.html"), *WEB.rglob("*.js"))
        if not {"vendor", "node_modules"} & set(path.parts)
        for name in re.findall(r"""\bicon\(\s*['"]([\w-]+)['"]""", path.read_text())
    }
    assert used - sprite == set()
