"""One server of the benchmark: `python -m tests.bench.hub.process NAME CORE`."""

import sys

from tests.bench.hub.servers import run

if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
