"""Stop requests: a signal sets a flag, and training ends at the next step with its work saved."""

from __future__ import annotations

import signal
import threading
from types import FrameType

SIGNALS = [s for s in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, s)]


class StopRequest:
    """Within `with`, the first signal only sets `number`; a second SIGINT interrupts at once.

    Outside the main thread, where Python allows no handlers, it never fires.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for name in SIGNALS:
                number = getattr(signal, name)
                self._previous[number] = signal.signal(number, self._requested)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _requested(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number
