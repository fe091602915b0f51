"""Where fetched tools are kept between runs, and how two runs fetch them only once.

It knows folders and locks; what is fetched, and from where, its callers know.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "rounds"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(name: str) -> Generator[None]:
    """One process at a time, across test workers and work trees."""
    with (cache_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(name: str, fetch: Callable[[Path], object]) -> Path:
    """The folder of this name, filled by `fetch` when it is not there; never half filled."""
    folder = cache_folder() / name
    if folder.exists():
        return folder
    with locked(name):
        if not folder.exists():
            part = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=cache_folder()))
            try:
                fetch(part)
                part.rename(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return folder
