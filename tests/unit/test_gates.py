from pathlib import Path

import pytest

from tests import gates


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "ROOT", tmp_path)


def complaints(name: str, text: str) -> list[str]:
    path = gates.ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return list(gates.shapes([path]))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("web/hall/hall.html", '<p style="color: red">'),
        ("server/rows.py", "# TODO: later"),
        ("tests/unit/test_x.py", "@pytest.mark.skip"),
        ("tests/integration/test_x.py", "time.sleep(1)"),
        ("web/hall/hall.js", "node.innerHTML = text"),
    ],
)
def test_a_shape_that_is_wrong_is_named_with_its_line(name: str, line: str) -> None:
    (complaint,) = complaints(name, f"first\n{line}\n")
    assert complaint.startswith(f"{name}:2: ")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("web/hall/hall.js", "html`<i .style=${width}>`"),
        ("web/vendor/lit.js", "node.innerHTML = text"),
        ("tests/fault/test_x.py", "await asyncio.sleep(1)"),
        ("tests/unit/test_x.py", "await asyncio.sleep(0)"),
        ("tests/unit/test_x.py", "await asyncio.sleep(0.002)"),
        ("tests/unit/test_x.py", "time.sleep(60)"),
        ("docs/style.md", "no TODO stays"),
    ],
)
def test_what_is_right_or_not_ours_is_let_through(name: str, line: str) -> None:
    assert complaints(name, line) == []


def test_long_files_are_named() -> None:
    path = gates.ROOT / "long.py"
    path.write_text("x = 1\n" * (gates.MAX_LINES + 1))
    assert list(gates.long_files([path])) == [f"long.py: {gates.MAX_LINES + 1} lines"]
