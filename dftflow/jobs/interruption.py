"""The signals that ask dftflow to end, noted while work goes on: none comes between a process and its note.

Ctrl-C, SIGTERM, SIGHUP and SIGQUIT all mean the same: end the engines so that the next call goes on from there. The
first is a request; the second says not to wait for engines that want to end in their own time. A signal that was
ignored before (SIGHUP under nohup) stays ignored.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interruption", "interruptible"]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Interruption:
    """Notes signals as long as it is entered; in another thread than the main one it notes nothing.

    Attributes
    ----------
    descriptor
        Can be read from once a signal has come: whoever waits for something else waits for this too.
    """

    def __init__(self) -> None:
        self._count = 0
        self._earlier: dict[signal.Signals, Any] = {}
        self.descriptor, self._written = -1, -1
        self._earlier_wakeup = -1

    def __enter__(self) -> Self:
        self.descriptor, self._written = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._written, False)
        if threading.current_thread() is threading.main_thread():
            self._earlier_wakeup = signal.set_wakeup_fd(self._written, warn_on_full_buffer=False)
            for number in ENDING:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._earlier[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._earlier_wakeup, warn_on_full_buffer=False)
        os.close(self.descriptor)
        os.close(self._written)

    def check(self) -> None:
        """Raise `KeyboardInterrupt` when a signal has come."""
        if self._count:
            raise KeyboardInterrupt

    def wait(self, time_s: float) -> None:
        """Let some seconds pass; raise `KeyboardInterrupt` as soon as a signal has come."""
        until_s, listening = time.monotonic() + time_s, select.poll()
        listening.register(self.descriptor, select.POLLIN)
        self.check()
        while (left_s := until_s - time.monotonic()) > 0:
            listening.poll(left_s * 1000)
            self.heard()
            self.check()

    def heard(self) -> None:
        """Take what made `descriptor` readable out of it: a signal that does not ask for the end, at times."""
        with suppress(BlockingIOError):
            os.read(self.descriptor, 4096)

    def again(self) -> bool:
        """Whether a second one has come."""
        return self._count > 1

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._count += 1


@contextmanager
def interruptible() -> Iterator[None]:
    """All signals that ask for the end raise `KeyboardInterrupt`, as Ctrl-C does, except those that are ignored."""
    earlier: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) == signal.SIG_DFL:
                earlier[number] = signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _raise(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
