"""The product with a worse fault of ours: what cannot be written was promised, and is forgotten.

Like `hasty`, it acknowledges votes and poll answers before COMMIT; when their write fails, because
the disk is full or the database away, it does not try again.
"""

import sys

from server import batch
from server.cli import main
from server.polls.store import Answering
from server.questions.store import Voting
from tests.fault.hasty import Hasty


class Careless(Hasty):
    """Tries once."""

    async def _flush(self) -> bool:
        tried = self._waiting[: batch.MAX_BATCH]
        written = await super()._flush()
        if not written:
            forgotten = [item for item in tried if isinstance(item[1], Voting | Answering)]
            self._waiting = [item for item in self._waiting if item not in forgotten]
        return written


if __name__ == "__main__":
    batch.Writer = Careless  # type: ignore[misc]
    sys.argv = sys.argv[sys.argv.index("server.cli") :]
    main()
