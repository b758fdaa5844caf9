"""Stop requests: what SIGINT, SIGTERM and SIGUSR1 do to a training, in each of its phases."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [s for s in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, s)]


class Stopped(KeyboardInterrupt):
    """Raised by a stop request where there is nothing to save; no handler of errors catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class StopRequest:
    """Within `with`, the first signal sets `number`; a second SIGINT interrupts at once.

    Until `wait` is called there is nothing to save, and the signal raises `Stopped` where it
    arrives. From then on it waits for whoever looks at `number`. A request within a request is the
    same one. Outside the main thread, where Python allows no handlers, it never fires.

    >>> with StopRequest() as outer, StopRequest() as inner:
    ...     outer is inner
    True
    """

    _current: StopRequest | None = None

    def __init__(self) -> None:
        self.number: int | None = None
        self.saves = False  # whether whoever looks can save between two steps
        self._waiting = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is not threading.main_thread():
            return self
        if StopRequest._current is not None:
            return StopRequest._current
        StopRequest._current = self
        for name in SIGNALS:
            number = getattr(signal, name)
            self._previous[number] = signal.signal(number, self._requested)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            if handler is not None:  # which was not Python's own, and cannot be put back
                signal.signal(number, handler)  # type: ignore[arg-type]
        if StopRequest._current is self:
            StopRequest._current = None

    def wait(self) -> None:
        """From here on there is something to save: signals wait to be looked at."""
        self._waiting = True

    @classmethod
    def begin_anew(cls) -> None:
        """From here on signals stop at once again: what was trained was a preparation.

        Raises:
            Stopped: where a signal has come.
        """
        if cls._current is not None:
            cls._current._waiting = cls._current.saves = False
            cls._current.look()

    @classmethod
    @contextmanager
    def at_once(cls) -> Iterator[None]:
        """Inside, where nothing is moved, signals stop at once, if what was before can be saved."""
        current = cls._current
        if current is None or not (current._waiting and current.saves):
            yield
            return
        current._waiting = False
        try:
            current.look()
            yield
            current.look()  # where a library has swallowed it
        finally:
            current._waiting = True

    @classmethod
    def number_now(cls) -> int | None:
        """The signal that came to the request in force, if one did."""
        return None if cls._current is None else cls._current.number

    def look(self) -> None:
        """Stop here where a signal has come and there is nothing to save.

        Raises:
            Stopped: also where a library has swallowed it.
        """
        if self.number is not None and not self._waiting:
            raise Stopped(self.number)

    def _requested(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = self.number or number
        self.look()
