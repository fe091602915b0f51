"""`./run bench WORD`: runs one benchmark, prints its figures, and judges them.

A benchmark is a module beside this one with `def main(*, quick: bool, peers: bool) ->
list[Figure]`. Exit status: 0 every figure passes, 1 one does not, 2 used wrongly.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from rich.console import Console

from tests.bench.figures import Figure, as_line, show

KNOWN = (
    "gate",
    "relay",
    "relay.pair",
    "hub",
    "hub.conf10k",
    "hub.storm",
    "hub.stuck",
    "credit",
    "pages",
)
QUICK = "at most a minute, with fewer samples"
PEERS = "install and run the programs we compare ourselves with, too"


def main(words: Sequence[str]) -> int:
    given = _parser().parse_args(words)
    bench = importlib.import_module(f"tests.bench.{given.word}")
    with redirect_stdout(sys.stderr):  # stdout belongs to the figures
        figures: list[Figure] = bench.main(quick=given.quick, peers=given.peers)
    if given.json:
        for figure in figures:
            print(as_line(figure))
    else:
        show(figures, Console())
    failing = [figure.figure for figure in figures if not figure.passes]
    if failing:
        print(f"bench: {given.word}: fails: {', '.join(failing)}", file=sys.stderr)
    return 1 if failing or not figures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run bench", description="Measure Rounds.")
    parser.add_argument("word", choices=_here(), help="what to measure")
    parser.add_argument("--quick", action="store_true", help=QUICK)
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    parser.add_argument("--peers", action="store_true", help=PEERS)
    return parser


def _here() -> list[str]:
    """The benchmarks there are: a file, a folder of files, or one of these alone."""
    folder = Path(__file__).parent
    places = {word: folder / word.replace(".", "/") for word in KNOWN}
    return [word for word, at in places.items() if at.is_dir() or at.with_suffix(".py").exists()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
