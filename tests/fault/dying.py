"""The product, killed at the worst moment: a poll's end is committed and nobody was told of it.

Run before a command's own words (`python -m tests.fault.dying python -P -m server.cli hub`).
"""

import os
import signal
import sys

from realtime.hub import publisher
from realtime.wire import Event, Position, Topic, seal
from server.cli import main


class Dying(publisher.Publisher):
    """Its last words are not spoken."""

    async def publish(self, topic: Topic, event: Event) -> Position | None:
        if b'"closed"' in seal(event):
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().publish(topic, event)


if __name__ == "__main__":
    publisher.Publisher = Dying  # type: ignore[misc]
    sys.argv = sys.argv[sys.argv.index("server.cli") :]
    main()
