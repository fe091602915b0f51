"""`./run`, the entry point, as somebody calls it who stands in a folder of their own."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORDS = ("demo", "test", "check", "bench", "serve", "migrate")


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "run", *words], check=False, cwd=folder, capture_output=True, text=True
    )


@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_help_names_the_words(word: str, tmp_path: Path) -> None:
    done = run(word, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name in WORDS if name not in done.stdout] == []


def test_folders_of_the_caller_are_not_taken_for_ours(tmp_path: Path) -> None:
    for name in ("server", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong package')")
    assert "usage: ./run bench" in run("bench", "--help", folder=tmp_path).stdout
    assert run("settings", folder=tmp_path).returncode == 0


def test_files_are_looked_for_where_the_caller_stands(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_of_the_caller(): assert 1\n")
    done = run("test", "-q", "-p", "no:cacheprovider", "test_mine.py", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_a_word_without_a_benchmark_is_a_wrong_use(tmp_path: Path) -> None:
    done = run("bench", "weather", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "invalid choice" in done.stderr


def test_a_command_that_is_none_is_a_wrong_use(tmp_path: Path) -> None:
    done = run("weather", folder=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
