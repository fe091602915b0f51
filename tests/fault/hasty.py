"""The product with one fault of ours: votes and poll answers are acknowledged before COMMIT.

Run before a command's own words (`python -m tests.fault.hasty python -P -m server.cli serve`). What
the fault tests promise must fail against it; a test that passes here shows nothing.
"""

import asyncio
import sys
from typing import Any

from server import batch
from server.cli import main
from server.polls.store import Answering, Kept
from server.questions.store import Voting


class Hasty(batch.Writer):
    """Answers at once and writes later."""

    def submit(self, write: Any, item: Any) -> asyncio.Future[Any]:
        later: asyncio.Future[Any] = super().submit(write, item)
        if not isinstance(item, Voting | Answering):
            return later
        now: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if isinstance(item, Answering):
            now.set_result(Kept(choices=item.choices, revealed=False))
        else:
            now.set_result(0)
        return now


if __name__ == "__main__":
    batch.Writer = Hasty  # type: ignore[misc]
    sys.argv = sys.argv[sys.argv.index("server.cli") :]
    main()
