"""A real Chromium with a fake camera: named, found, installed or fetched, in this order.

`ROUNDS_CHROMIUM` names one; else the PATH has one; else root lets apt install it; else an npm
package brings a headless one with its libraries, which needs no rights. Never skipped.
"""

import io
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.cache import cache_folder, cached, locked
from tests.servers.node import npm_install

PACKAGED = "@sparticuz/chromium@153.0.0"
INTEGRITY = (
    "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/E"
    "HYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
)
SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""Debian 12's Python 3.11.2 has no filter yet; what the package holds is fixed by its hash."""
FONTS = """<?xml version="1.0"?>
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""
"""Without a font a heading has no height, and Playwright takes it for hidden."""
_CACHED = PACKAGED.replace("/", "-").lstrip("@")
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chromium:
    executable: Path
    environment: dict[str, str] = field(default_factory=dict)


def is_here() -> bool:
    """Whether `chromium` answers at once, without fetching anything."""
    return bool(_named() or _on_path()) or (cache_folder() / _CACHED).exists()


def chromium() -> Chromium:
    """The browser of this machine, installed on first use."""
    found = _named() or _on_path()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        with locked("chromium"):
            found = _on_path() or _from_apt()
    if found is None:
        folder = cached(_CACHED, _unpack)
        places = {"LD_LIBRARY_PATH": "lib", "FONTCONFIG_FILE": "fonts.conf"}
        return Chromium(
            executable=folder / "chromium",
            environment={name: str(folder / place) for name, place in places.items()},
        )
    return Chromium(executable=found)


def _named() -> Path | None:
    if not (name := os.environ.get("ROUNDS_CHROMIUM")):
        return None
    if not Path(name).is_file():
        raise RuntimeError(f"ROUNDS_CHROMIUM names {name}, which is not there")
    return Path(name)


def _on_path() -> Path | None:
    found = (shutil.which(name) for name in NAMES)
    return next((Path(path) for path in found if path), None)


def _from_apt() -> Path | None:
    """None when apt cannot: the packaged one comes next."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = ["chromium", "fonts-dejavu-core"]
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(command, check=False, env=environment, capture_output=True)
        if done.returncode:
            return None
    return _on_path()


def _unpack(folder: Path) -> None:
    import brotli  # noqa: PLC0415 -- wanted only on machines that fetch their browser

    source = npm_install(PACKAGED, folder / "npm", INTEGRITY) / "@sparticuz/chromium/bin"
    for archive in ("al2023.tar.br", "swiftshader.tar.br", "fonts.tar.br"):
        opened = brotli.decompress((source / archive).read_bytes())
        with tarfile.open(fileobj=io.BytesIO(opened)) as tar:
            tar.extractall(folder, **SAFELY)
    program = folder / "chromium"
    program.write_bytes(brotli.decompress((source / "chromium.br").read_bytes()))
    program.chmod(0o755)
    (folder / "fonts.conf").write_text(FONTS)
    shutil.rmtree(folder / "npm")
