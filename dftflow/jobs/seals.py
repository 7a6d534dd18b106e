"""What a finished step has left, by content, so that a file which was changed afterwards is told.

A file is hashed once. As long as its size and the times of its last change (of content and of inode, which nobody can
set) are as they were, it is taken to be the same, as git's index does; where they are not, it is hashed again.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dftflow.jobs.store import is_temporary

__all__ = ["Seal", "changed_files", "copied_seal", "seal_files", "seal_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A file as it was: its size in bytes, the times of its last change in ns, and the SHA-256 of its content."""

    size: int
    content_ns: int
    inode_ns: int
    sha256: str


def seal_files(folder: Path, *, without: Collection[str] = ()) -> dict[str, Seal]:
    """The seals of all plain files below `folder`, by path; those named `without` are left out.

    Left out too is what another process is just writing there (`dftflow.jobs.store.is_temporary`), as one does that
    waits for the same step, and a file that is gone when it comes to it.
    """
    seals = {}
    for name in _plain_files(folder):
        if name not in without:
            with suppress(FileNotFoundError):
                seals[name] = seal_of(folder / name)
    return seals


def changed_files(folder: Path, seals: Mapping[str, Seal]) -> tuple[str, ...]:
    """Those that lie in `folder` with another content than they were sealed with, or are no plain files now.

    One that is gone is not among them: a person may throw away what is large, and what it was for is asked elsewhere.
    """
    return tuple(name for name, seal in seals.items() if _has_changed(folder / name, seal))


def _has_changed(file: Path, seal: Seal) -> bool:
    try:
        now = file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISREG(now.st_mode) or now.st_size != seal.size:
        return True
    if (now.st_mtime_ns, now.st_ctime_ns) == (seal.content_ns, seal.inode_ns):
        return False
    return _sha256(file) != seal.sha256


def seal_of(file: Path) -> Seal:
    """The seal of one file."""
    before = file.lstat()
    return Seal(size=before.st_size, content_ns=before.st_mtime_ns, inode_ns=before.st_ctime_ns, sha256=_sha256(file))


def copied_seal(file: Path, seal: Seal) -> Seal:
    """The seal of a copy that has the content of `seal`: it gets the time of that content, and has its own inode."""
    if 0 <= seal.content_ns < 2**62:
        os.utime(file, ns=(seal.content_ns, seal.content_ns), follow_symlinks=False)
    now = file.lstat()
    return Seal(size=now.st_size, content_ns=now.st_mtime_ns, inode_ns=now.st_ctime_ns, sha256=seal.sha256)


def _sha256(file: Path) -> str:
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _plain_files(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(place, name)
            with suppress(FileNotFoundError):
                if stat.S_ISREG(file.lstat().st_mode) and not is_temporary(name):
                    yield file.relative_to(folder).as_posix()
