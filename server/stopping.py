"""How a process of ours ends: told once, it finishes what it has begun."""

import signal


def stop_gently() -> None:
    """Uvicorn stops at a signal and then raises it again: by then it may only end the waiting."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
