"""The product with a fault of ours: what was said while Redis was away is not asked for afterwards.

Run before a command's own words (`python -m tests.fault.deaf python -P -m server.cli hub`). It
subscribes again and hears what is said from then on; it neither reads the past of what it follows
nor begins anew what it could not announce.
"""

import sys

from realtime.bus import redis
from server.cli import main


class Deaf(redis.RedisBus):
    """Comes back as if nothing had been missed."""

    async def _recover(self) -> None:
        followed, self._followed = self._followed, {}
        self._owed.clear()
        try:
            await super()._recover()
        finally:
            self._followed = followed | self._followed


if __name__ == "__main__":
    redis.RedisBus = Deaf  # type: ignore[misc]
    sys.argv = sys.argv[sys.argv.index("server.cli") :]
    main()
