"""How a process of ours ends: told once, it finishes what it has begun."""

import signal


def stop_gently() -> None:
    """Call it just before uvicorn serves, which stops at a signal and then raises it again.

    By then the signal may only end the waiting; before, it ends the process at once, as ever.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
