"""Material from elsewhere, in a folder named by `--data DIR`. Without it these tests fail."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--data", metavar="DIR", help="the folder of real programmes and booths")


@pytest.fixture(scope="session")
def data(pytestconfig: pytest.Config) -> Path:
    named = pytestconfig.getoption("--data")
    if not named:
        pytest.fail("acceptance tests need material from elsewhere: name its folder, --data DIR")
    folder = Path(pytestconfig.invocation_params.dir, named)
    if not folder.is_dir():
        pytest.fail(f"--data {named}: there is no such folder")
    return folder
