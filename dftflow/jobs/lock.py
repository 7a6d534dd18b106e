"""Locks on folders: of a study, held by the dftflow that works in it; of a step, held by its engine.

The lock of a step is taken by dftflow and handed to the engine as an open file (flock(2) belongs to the opened file,
not to the process that opened it). So it is held from before the engine exists until the last process of the engine has
ended, whatever becomes of dftflow, and no clock and no reused process id can tell otherwise. The files are opened,
never written, and never through a symbolic link.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dftflow.errors import StoreError
from dftflow.jobs.store import storage_errors

__all__ = [
    "ENGINE_LOCK",
    "STUDY_LOCK",
    "EngineLock",
    "Turn",
    "engine_lock_is_held",
    "held_alone",
    "held_together",
    "is_locked_elsewhere",
    "locked",
    "waited_for",
]

STUDY_LOCK = "lock"
ENGINE_LOCK = "engine.lock"
NOT_HERE = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
"""What a file system answers that has no locks."""
PATIENCE_S = 0.3
"""Somebody who only looks whether a lock is held holds it for a moment."""

_HELD: set[str] = set()
"""Folders that this process holds."""


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold `root` against a second dftflow that would work in it.

    Raises
    ------
    StoreError
        When another one holds it; nothing has been written then.
    """
    with storage_errors(root / STUDY_LOCK):
        root.mkdir(parents=True, exist_ok=True)
    descriptor = _opened(root / STUDY_LOCK)
    try:
        if _taken(descriptor, patience_s=0.0) is False:
            raise StoreError(
                "another dftflow works in this folder",
                where=str(root),
                fix="wait for it (`dftflow status` shows where it is), or give another --out",
            )
        held = os.path.realpath(root)
        _HELD.add(held)
        try:
            yield
        finally:
            _HELD.discard(held)
    finally:
        os.close(descriptor)


@contextmanager
def held_together(file: Path) -> Iterator[None]:
    """Hold the lock `file` with others that hold it so, against `held_alone`.

    Raises
    ------
    StoreError
        When one holds it alone, or it cannot be made.
    """
    with _held(file, fcntl.LOCK_SH, "something is being removed from this store just now", "call this again"):
        yield


@contextmanager
def held_alone(file: Path) -> Iterator[None]:
    """Hold the lock `file` against all others.

    Raises
    ------
    StoreError
        When another holds it, or it cannot be made.
    """
    with _held(file, fcntl.LOCK_EX, "a study is being calculated in this store", "wait for it, and call this again"):
        yield


@contextmanager
def _held(file: Path, kind: int, what: str, fix: str) -> Iterator[None]:
    descriptor = _opened(file)
    try:
        if _taken(descriptor, patience_s=PATIENCE_S, kind=kind) is False:
            raise StoreError(what, where=str(file.parent), fix=fix)
        yield
    finally:
        os.close(descriptor)


def is_locked_elsewhere(root: Path) -> bool:
    """Whether another process of dftflow works in `root`."""
    return os.path.realpath(root) not in _HELD and _is_held(root / STUDY_LOCK)


@contextmanager
def waited_for(file: Path, *, patience_s: float) -> Iterator[None]:
    """Hold the lock `file`, waiting for whoever holds it so long; then, and where it cannot be made, go on without."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _opened(file)
    except (OSError, StoreError):
        yield
        return
    try:
        _taken(descriptor, patience_s=patience_s)
        yield
    finally:
        os.close(descriptor)


class EngineLock:
    """The lock of a step's folder, before its engine has it.

    Use `take`, not the constructor.

    Attributes
    ----------
    descriptor
        What the engine's process inherits.
    works
        Whether the file system locks at all.
    """

    def __init__(self, descriptor: int, *, works: bool) -> None:
        self.descriptor = descriptor
        self.works = works

    @classmethod
    def take(cls, folder: Path) -> EngineLock | None:
        """The lock of `folder`; None when a process holds it.

        Raises
        ------
        StoreError
            When its file cannot be made, or is no plain file.
        """
        descriptor = _opened(folder / ENGINE_LOCK)
        taken = _taken(descriptor, patience_s=PATIENCE_S)
        if taken is False:
            os.close(descriptor)
            return None
        return cls(descriptor, works=taken is True)

    def let_go(self) -> None:
        """Close it here; an engine that has inherited it holds it on."""
        os.close(self.descriptor)


class Turn:
    """The turn of one dftflow at a calculation that several ask for; it ends with the process at the latest.

    Use `take`, not the constructor.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, file: Path) -> Turn | None:
        """The turn that `file` stands for; None when it is another's. Where there are no locks it is everybody's.

        Raises
        ------
        StoreError
            When the file cannot be made, or is no plain file.
        """
        with storage_errors(file):
            file.parent.mkdir(exist_ok=True)
        descriptor = _opened(file)
        if _taken(descriptor, patience_s=0.0) is False:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def let_go(self) -> None:
        """End it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


def engine_lock_is_held(folder: Path) -> bool:
    """Whether a process holds the lock of a step's folder; False too where there is none, or no locks."""
    return _is_held(folder / ENGINE_LOCK)


def _is_held(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _opened(file: Path) -> int:
    with storage_errors(file):
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise _no_lock(file) from None
            raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_lock(file)
    return descriptor


def _no_lock(file: Path) -> StoreError:
    return StoreError(
        "this is no lock of dftflow's",
        reason="it is a link, a folder or a device, where an empty file belongs",
        where=str(file),
        fix="remove it",
    )


def _taken(descriptor: int, *, patience_s: float, kind: int = fcntl.LOCK_EX) -> bool | None:
    """True when the lock is ours now, False when another holds it, None when the file system has no locks."""
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        except OSError as error:
            if error.errno in NOT_HERE:
                return None
            raise
        else:
            return True
