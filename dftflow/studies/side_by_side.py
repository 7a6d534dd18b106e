"""The same work on many things at once, in forked processes that end with it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

__all__ = ["side_by_side"]

WORTH = 10
"""Items for each process: fewer take less time than it takes to fork, and to send what it found."""
MOST_PROCESSES = 8
FIRST = 5
"""Items worked on before the processes are forked, which then have what these imported and remembered."""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """What `work` makes of each of `items`, in their order, as ``map`` gives it; from 20 items on in several processes.

    What a process cannot do, or cannot send, is done here: an error is raised where it would be without them.

    Parameters
    ----------
    work
        Starts no process or thread, and changes nothing that is looked at later: its process is forked.
    """
    count = min(_cores(), MOST_PROCESSES, len(items) // WORTH)
    first = FIRST if count > 1 else len(items)
    yield from map(work, items[:first])
    if first < len(items):
        yield from _forked(work, items[first:], count)


def _forked(work: Callable[[Item], Result], items: Sequence[Item], count: int) -> Iterator[Result]:
    context = get_context("fork")
    processes, pipes = [], []
    try:
        for number in range(count):
            there, here = context.Pipe(duplex=False)
            process = context.Process(target=_send_all, args=(work, items[number::count], here), daemon=True)
            with _signals_held():
                process.start()
            here.close()
            processes.append(process)
            pipes.append(there)
        for number, item in enumerate(items):
            found: tuple[Result] | None = _received(pipes[number % count])
            yield work(item) if found is None else found[0]
    finally:
        for process in processes:
            process.kill()
            process.join()
        for pipe in pipes:
            pipe.close()


def _cores() -> int:
    """Those that this process may use; 1 where a process is not safely forked."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


@contextmanager
def _signals_held() -> Iterator[None]:
    """A process started meanwhile never gets the signals that ask for the end: it ends with who started it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send_all(work: Callable[[Item], Result], items: Sequence[Item], pipe: Connection) -> None:
    with suppress(Exception):  # nobody listens any more, or a result cannot be sent: it is made where it is wanted
        for item in items:
            found: tuple[Result] | None = None
            with suppress(Exception):
                found = (work(item),)
            pipe.send(found)


def _received(pipe: Connection) -> tuple[Result] | None:
    try:
        found: tuple[Result] | None = pipe.recv()
    except (EOFError, OSError):
        return None
    return found
