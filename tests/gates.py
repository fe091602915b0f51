"""The gates of `./run check` that no tool brings: words and shapes that must not be in a file.

Each takes the project's files and returns complaints, `path:line: what is wrong`. What a package
registry is called is asked of the clients on this machine, so that no address stands here.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers.node import npm

ROOT = Path(__file__).parents[1]
OWN = ("server", "realtime", "web", "migrations", "tests")
SOURCES = {".py", ".js", ".css", ".html"}
MAX_LINES = 400
ASK_PIP = (
    "from pip._internal.models.index import PyPI; print(PyPI.netloc, PyPI.file_storage_domain)"
)
"""The registry that pip asks when nothing else is configured, out of pip's own mouth."""

SHAPES = (
    (r'\sstyle="', {".html", ".js"}, OWN, "a style attribute: the content policy drops it"),
    (r"\b(?:TO[D]O|FIX[M]E|XX[X])\b", SOURCES, OWN, "an unfinished thought"),
    (r"\b(?:pytest\.skip|mark\.(?:skip|xfail)|(?:test|it)\.(?:skip|todo|only))\b", SOURCES,
     ("tests",), "a test that does not run"),
    # Less paces a sender, more is a process that idles; what lies between hopes for the best.
    (r"\bsleep\((?:0?\.(?:0[2-9]|[1-9])\d*|[1-9](?:\.\d+)?)\)|\bwait_for_timeout\(", {".py"},
     ("tests/unit", "tests/integration", "tests/browser"),
     "a sleep: wait for a condition with a deadline"),
    (r"\.inner[H]TML\b", {".js"}, ("web",), "inner HTML: Lit's html escapes"),
)  # fmt: skip


def project_files() -> list[Path]:
    """What git tracks or would track; elsewhere, such as in an unpacked archive, nothing."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def shapes(files: list[Path]) -> Iterator[str]:
    """Patterns that are wrong wherever they stand in our own sources."""
    for pattern, suffixes, folders, complaint in SHAPES:
        wrong = re.compile(pattern)
        for path in files:
            inside = path.relative_to(ROOT).as_posix().startswith(folders)
            if inside and path.suffix in suffixes and _ours(path):
                yield from _hits(path, wrong, complaint)


def addresses(files: list[Path]) -> Iterator[str]:
    """Package registries and folders of this machine: a clone elsewhere must not see either."""
    hosts, folders = _registries(), _folders()
    words = [rf"(?<![\w.-]){re.escape(host)}(?![\w-])" for host in sorted(hosts)]
    words += [rf"(?<![\w.]){re.escape(folder)}(?![\w-])" for folder in sorted(folders)]
    wrong = re.compile("|".join(words))
    for path in files:
        if not _binary(path):
            yield from _hits(path, wrong, "an address of a registry or a path of this machine")


def long_files(files: list[Path]) -> Iterator[str]:
    """Not a refusal: a long file asks to be read again."""
    for path in files:
        if path.suffix in SOURCES and _ours(path):
            lines = path.read_text().count("\n")
            if lines > MAX_LINES:
                yield f"{path.relative_to(ROOT)}: {lines} lines"


GATES: dict[str, Callable[[list[Path]], Iterator[str]]] = {
    "shapes": shapes,
    "addresses": addresses,
}


def _hits(path: Path, wrong: re.Pattern[str], complaint: str) -> Iterator[str]:
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if found := wrong.search(line):
            name = path.relative_to(ROOT)
            yield f"{name}:{number}: {complaint} ({found.group().strip()})"


def _ours(path: Path) -> bool:
    """Neither vendored, nor the test of these gates, which quotes what they look for."""
    vendored = "vendor" in path.parts or path.name.endswith(".min.js")
    return not vendored and path.name != "test_gates.py"


def _binary(path: Path) -> bool:
    return b"\0" in path.read_bytes()[:8192]


def _registries() -> set[str]:
    pip = [_system_python(), "-m", "pip", "config", "list"]
    said = _words([_system_python(), "-c", ASK_PIP]) + _words([*npm(), "config", "get", "registry"])
    said += _words(pip)
    hosts = {urlsplit(word.strip("'\"")).netloc or word for word in said}
    return {host for host in hosts if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?", host)}


def _folders() -> set[str]:
    """The clone, the home folder, and where pip looks for files on this machine."""
    pip = _words([_system_python(), "-m", "pip", "config", "list"])
    local = {
        urlsplit(word.strip("'\"")).path for word in pip if word.strip("'\"").startswith("file:")
    }
    known = {str(ROOT), f"{Path.home()}/", *local}
    return {folder for folder in known if len(Path(folder).parts) > 1 and folder != "//"}


def _system_python() -> str:
    """The environment has no pip; the Python that it was made from has."""
    return str(Path(sys.base_prefix) / "bin" / "python3")


def _words(command: list[str]) -> list[str]:
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/")
    return done.stdout.replace("=", " ").split()
