"""The product with a fault of ours: whoever changes a poll does not hold its row meanwhile.

Run before a command's own words (`python -m tests.fault.unlocked python -P -m server.cli hub`). One
process alone rarely shows it; two that are told to close the same poll both believe that they did.
"""

import sys
from typing import Any
from uuid import UUID

from server.cli import main
from server.db import Rows
from server.polls import rules, store

held = store.poll


async def poll(db: Rows, *place: UUID, **_lock: Any) -> rules.Poll:
    return await held(db, *place)


if __name__ == "__main__":
    store.poll = poll
    sys.argv = sys.argv[sys.argv.index("server.cli") :]
    main()
