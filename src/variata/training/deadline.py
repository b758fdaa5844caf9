"""Work that is given up once it has taken too long."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 1.0  # seconds until the next try, where the last was swallowed


class TooLongError(BaseException):
    """Raised within `at_most`; like KeyboardInterrupt it passes handlers of errors."""


def can_be_limited() -> bool:
    """Whether `at_most` works here: in the main thread alone, and where no other timer runs.

    >>> can_be_limited()
    True
    """
    here = threading.current_thread() is threading.main_thread()
    return here and hasattr(signal, "setitimer") and not signal.getitimer(signal.ITIMER_REAL)[0]


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise within `with` once so many seconds are over, also where a process is waited for.

    Without effect where `can_be_limited` is false.

    Raises:
        TooLongError: where the work is when its time is over.

    >>> import time
    >>> try:
    ...     with at_most(0.01):
    ...         time.sleep(10)
    ... except TooLongError:
    ...     print("given up")
    given up
    """
    if not can_be_limited():
        yield
        return
    working = True

    def over(number: int, frame: FrameType | None) -> None:
        if working:
            raise TooLongError

    def told(lost: sys.UnraisableHookArgs) -> None:  # where no error can pass, as in a destructor
        if lost.exc_type is not TooLongError:
            hook(lost)

    before, hook = signal.signal(signal.SIGALRM, over), sys.unraisablehook
    sys.unraisablehook = told
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
            yield
        finally:
            working = False
    finally:  # apart, as time may be over before the line above
        signal.setitimer(signal.ITIMER_REAL, 0)
        if before is not None:  # which was not Python's own
            signal.signal(signal.SIGALRM, before)
        sys.unraisablehook = hook
