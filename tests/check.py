"""`./run check`: format, lint, types, import contracts, JavaScript, words. One line a gate.

It runs tools and reads their exit status; what they look at stands in pyproject.toml and
web/tsconfig.json. Every gate runs, then what failed is told in full.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tests.gates import GATES, ROOT, long_files, project_files
from tests.servers.node import node, typescript

BIN = Path(sys.executable).parent
AT_ONCE = 2
"""The slowest gate, the types, keeps one core; the others share what is left."""

Verdict = tuple[bool, str, float]


def main() -> int:
    files = project_files()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        running = {name: threads.submit(_timed, gate) for name, gate in gates(files).items()}
        failed = [name for name, verdict in running.items() if not _tell(name, verdict)]
    for complaint in long_files(files):
        print(f"long          {complaint}")
    for name in failed:
        print(f"\n── {name} ──\n{running[name].result()[1].strip()}")
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


def gates(files: list[Path]) -> dict[str, Callable[[], tuple[bool, str]]]:
    """Every gate by name, the slowest first."""
    scripts = [str(path) for path in (ROOT / "run", ROOT / ".ci/run") if path.exists()]
    tools: dict[str, Callable[[], list[str | Path]]] = {
        "types": lambda: [BIN / "mypy"],
        "js types": lambda: [*typescript(), "--noEmit", "-p", ROOT / "web/tsconfig.json"],
        "contracts": lambda: [BIN / "lint-imports", "--no-logo"],
        "lint": lambda: [BIN / "ruff", "check", "--quiet", "--output-format=concise"],
        "format": lambda: [BIN / "ruff", "format", "--check"],
        "js tests": lambda: [node(), "--test", *_js_tests(files)],
        "shell": lambda: ["sh", "-c", 'for f; do sh -n "$f" || exit 1; done', "sh", *scripts],
    }
    return {name: _tool(command) for name, command in tools.items()} | {
        name: _own(gate, files) for name, gate in GATES.items()
    }


def _js_tests(files: list[Path]) -> list[Path]:
    return [path for path in files if path.name.endswith(".test.js")]


def _tool(command: Callable[[], list[str | Path]]) -> Callable[[], tuple[bool, str]]:
    def run() -> tuple[bool, str]:
        try:
            words = command()
        except RuntimeError as error:  # a tool that cannot be fetched fails by its name
            return False, str(error)
        done = subprocess.run(
            words,
            check=False,
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return done.returncode == 0, done.stdout

    return run


def _own(
    gate: Callable[[list[Path]], Iterator[str]], files: list[Path]
) -> Callable[[], tuple[bool, str]]:
    def run() -> tuple[bool, str]:
        complaints = list(gate(files))
        return not complaints, "\n".join(complaints)

    return run


def _timed(gate: Callable[[], tuple[bool, str]]) -> Verdict:
    begun = time.monotonic()
    passed, said = gate()
    return passed, said, time.monotonic() - begun


def _tell(name: str, verdict: Future[Verdict]) -> bool:
    passed, _, seconds = verdict.result()
    print(f"{name:<12}  {'ok' if passed else 'FAILED':<6} {seconds:5.1f} s", flush=True)
    return passed


if __name__ == "__main__":
    sys.exit(main())
