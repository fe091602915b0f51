"""What the documents name is there: links, paths, functions, commands, settings, figures."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from server import cli, logs
from server.settings import Settings
from tests.bench import __main__ as bench

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
CODE = re.compile(r"`([^`\n]+)`")
FENCES = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
OWN = ("server/", "realtime/", "web/", "migrations/", "tests/", "docs/")


def name(document: Path) -> str:
    return str(document.relative_to(ROOT))


documents = pytest.mark.parametrize("document", PAGES, ids=name)


def prose(document: Path) -> str:
    return FENCES.sub("", document.read_text())


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose(document), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@documents
def test_links_resolve(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@documents
def test_paths_and_what_is_named_in_them_exist(document: Path) -> None:
    for code in CODE.findall(prose(document)):
        path, _, thing = code.partition(":")
        if not path.startswith(OWN) or set(path) & set("*{}<>… ="):
            continue
        assert (ROOT / path).exists(), code
        if re.fullmatch(r"\w+", thing):
            defined = rf"^(?:(?:async )?def|class) {thing}\b|^\s*{thing}\b.* = "
            assert re.search(defined, (ROOT / path).read_text(), re.MULTILINE), code


def spoken() -> Iterator[tuple[Path, list[str]]]:
    """Every `./run …` and `rounds …` in the documents, word by word."""
    for document in PAGES:
        fenced = "\n".join(FENCES.findall(document.read_text()))
        told = CODE.findall(prose(document)) + fenced.splitlines()
        told += re.findall(r"^    (.*)$", prose(document), re.MULTILINE)
        for line in told:
            if found := re.search(r"(?:^|\s)(?:\./run|rounds) ([a-z].*)$", line):
                yield document, found[1].split()


def test_commands_exist() -> None:
    told = subprocess.run([ROOT / "run", "help"], check=True, capture_output=True, text=True)
    own = {"help", "test", "check", "bench"}
    assert all(f"./run {word}" in told.stdout for word in own - {"help"})
    for document, words in spoken():
        if words[0] == "bench":
            benches = [word for word in words[1:2] if word.isalpha()]
            assert set(benches) <= set(bench.KNOWN), f"{name(document)}: {words}"
        elif words[0] not in own:
            command = cli.app[words[0]]
            if len(words) > 1 and words[0] in {"conference", "credit"}:
                assert command[words[1]], f"{name(document)}: {words}"


def table(document: Path, heading: str) -> list[list[str]]:
    after = document.read_text().split(heading, 1)[1]
    rows = re.split(r"\n\n", after, maxsplit=1)[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if "`" in row]


def test_settings_are_described_with_their_defaults() -> None:
    described = {
        CODE.findall(cells[0])[0]: "".join(CODE.findall(cells[1])[:1])
        for cells in table(DOCS / "operating.md", "| setting | default |")
    }
    fields = msgspec.structs.fields(Settings)
    literal = {each.encode_name: str(each.default) for each in fields if each.default}
    assert set(described) == {each.encode_name for each in fields}
    assert {setting: described[setting] for setting in literal} == literal


def test_log_fields_are_described() -> None:
    told = (DOCS / "operating.md").read_text().split("\n## Logs\n")[1].split("\n## ")[0]
    assert set(CODE.findall(told)) >= logs.ALLOWED


def test_figures_stand_beside_the_command_that_measured_them() -> None:
    parts = re.split(r"^## ", (DOCS / "benchmarks.md").read_text(), flags=re.MULTILINE)[1:]
    measured = [part for part in parts if re.search(r"^\| `", part, re.MULTILINE)]
    assert measured
    for part in measured:
        assert "./run bench" in part, part[:40]
        assert "load" in part, part[:40]


@documents
def test_documents_speak_of_the_project_alone(document: Path) -> None:
    text = document.read_text()
    assert not re.search(r"(?i)\bissue #?\d|\bTO[D]O\b|(?<![\w.:/])/(?:work|root|home)/", text)


def test_as_many_import_contracts_are_told_as_there_are() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    numbers = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen")
    told = numbers[len(settings["tool"]["importlinter"]["contracts"]) - 10]
    assert f"import-linter holds {told} contracts" in (DOCS / "architecture.md").read_text()


def test_metrics_that_are_named_exist() -> None:
    source = (ROOT / "server/metrics.py").read_text() + (ROOT / "realtime/relay/app.py").read_text()
    told = CODE.findall((DOCS / "operating.md").read_text())
    for metric in {code for code in told if re.fullmatch(r"rounds(_[a-z]+)+", code)}:
        assert metric in source, metric
