"""The product with a fault of ours: it waits for the head of a request for as long as it takes.

Run before a command's own words (`python -m tests.fault.patient python -P -m server.cli serve`).
"""

import sys

from realtime.hub import mount
from server.cli import main

if __name__ == "__main__":
    mount.HEADER_SECONDS = 3600.0  # type: ignore[attr-defined]
    sys.argv = sys.argv[sys.argv.index("server.cli") :]
    main()
