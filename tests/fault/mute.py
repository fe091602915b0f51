"""The product, killed between the COMMIT of answers to a poll and their acknowledgement.

Run before a command's own words (`python -m tests.fault.mute python -P -m server.cli hub`). It dies
with the first answers that it commits while there is a file `die` in its folder, and removes that.
With the word `hasty` first, it has acknowledged these answers and dies before their COMMIT.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from server import batch
from server.cli import main
from server.polls.store import Answering
from tests.fault.hasty import Hasty

DIE = Path("die")


class Mute(batch.Writer):
    """Writes, and does not live to say so."""

    async def _write(self, batch: list[batch.Waiting]) -> list[Any]:
        outcomes = await super()._write(batch)
        if any(isinstance(item, Answering) for _, item, _ in batch):
            die_if_told()
        return outcomes


class HastyMute(Hasty):
    """Says so, and does not live to write."""

    async def _write(self, batch: list[batch.Waiting]) -> list[Any]:
        if any(isinstance(item, Answering) for _, item, _ in batch):
            die_if_told()
        return await super()._write(batch)


def die_if_told() -> None:
    if DIE.exists():
        DIE.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    batch.Writer = HastyMute if sys.argv[1] == "hasty" else Mute  # type: ignore[misc]
    sys.argv = sys.argv[sys.argv.index("server.cli") :]
    main()
