"""Lets work that is told to terminate clean up behind itself."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Makes a request to terminate end the work as Ctrl-C does, with everything that it started."""
    wanted = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    for number in wanted:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in wanted:
            signal.signal(number, signal.SIG_DFL)
