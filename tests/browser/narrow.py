"""The product with a smaller allowance for strangers, so that a test uses it up without a flood.

Run before a command's own words: `python -m tests.browser.narrow python -P -m server.cli serve`.
"""

import sys

from realtime.hub import reception
from server import identity
from server.cli import main

PAGES, PAGES_A_SECOND = 5.0, 0.25
SOCKETS, SOCKETS_A_SECOND = 5.0, 0.1

if __name__ == "__main__":
    vars(identity).update(STRANGER_PAGE_BURST=PAGES, STRANGER_PAGES_A_SECOND=PAGES_A_SECOND)
    vars(reception).update(
        STRANGER_SOCKET_BURST=SOCKETS, STRANGER_SOCKETS_A_SECOND=SOCKETS_A_SECOND
    )
    sys.argv = sys.argv[sys.argv.index("server.cli") :]
    main()
