"""The one gate through which files come in that somebody else wrote or named: regular files, of a bounded size.

What is no regular file can keep a reader for ever (a named pipe that nobody writes to) or feed it for ever
(``/dev/zero``), and a sparse file of a few bytes on the disk can hold any number of gigabytes. A name alone can be
wrong: too long, a circle of links, the home of nobody.

Inside the package `open_regular` and `read_regular` say so as an `OSError`, as the system does of a file that cannot be
opened. What a person names goes through `named_place` and `read_named`, which raise one of dftflow's own errors.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from dftflow.errors import DftflowError, InputError

__all__ = [
    "NotAFile",
    "is_regular",
    "named_place",
    "open_regular",
    "read_named",
    "read_regular",
    "read_regular_text",
    "shortened",
    "special_kind",
]

SHOWN_LETTERS = 120
"""Of a name in a message; a name of thousands would hide what is said of it."""

HOLES_BYTES = 1 << 26
"""So much of a file may be holes, whatever its size: a small sparse file is read as what it holds, which is NULs."""

WHOLE_BYTES = 1 << 30
"""What is larger is read piece by piece, or not at all."""

_MOST_EXTENTS = 10_000
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISLNK, "a link, which is not followed"),
)
# Who reads the place says of these that nothing is there, or that it may not be read.
_LEFT_TO_THE_READER = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM)


class NotAFile(OSError):
    """What stands there is no regular file, or was for the most part never written."""


def shortened(text: object) -> str:
    """`text` as it is shown in a message: its middle left out when it is long, and what no terminal shows escaped."""
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(text)[: 1 << 13])
    half = SHOWN_LETTERS // 2
    return shown if len(shown) <= SHOWN_LETTERS else f"{shown[:half]}…{shown[-half:]}"


def special_kind(file: Path) -> str:
    """What stands at `file` that is neither file nor folder, such as ``"a named pipe"``; ``""`` when nothing does."""
    try:
        return _kind(os.stat(file).st_mode)
    except (OSError, ValueError):
        return ""


def is_regular(file: Path) -> bool:
    """Whether `file` is a regular file, or a link to one; no name is too long or too strange to be asked for."""
    try:
        return stat.S_ISREG(os.stat(file).st_mode)
    except (OSError, ValueError):
        return False


def _kind(mode: int) -> str:
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), "")


# --- files inside the package ---------------------------------------------------------------------------------------


def open_regular(file: Path, *, links: bool = True) -> BinaryIO:
    """`file` for reading its bytes.

    Parameters
    ----------
    links
        Whether a link in its place is followed: to what a person or an engine left, and never to what dftflow stored.

    Raises
    ------
    OSError
        As `open` does; `NotAFile` for what is no regular file, and for one that is mostly holes.
    """
    try:
        mode = os.stat(file, follow_symlinks=links).st_mode
        _refuse_special(mode, file)  # to open a device can already do something
        # O_NONBLOCK: what became a pipe since then does not wait for its writer
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        descriptor = os.open(file, flags if links else flags | os.O_NOFOLLOW)
    except ValueError as error:  # a NUL, or half a surrogate pair, in the name
        raise OSError(errno.EINVAL, str(error), str(file)) from error
    try:
        found = os.fstat(descriptor)
        _refuse_special(found.st_mode, file)
        _refuse_holes(descriptor, found.st_size, file)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(file: Path, *, limit_bytes: int = WHOLE_BYTES, links: bool = True) -> bytes:
    """The whole content of `file`; raises `OSError` as `open_regular` does, and where it has more than the limit."""
    with open_regular(file, links=links) as stream:
        n_bytes = os.fstat(stream.fileno()).st_size
        content = stream.read(limit_bytes + 1) if n_bytes <= limit_bytes else b""
    if max(len(content), n_bytes) > limit_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {_size(limit_bytes)}", str(file))
    return content


def read_regular_text(file: Path, *, limit_bytes: int = WHOLE_BYTES, errors: str = "strict") -> str:
    """`read_regular` as UTF-8; raises `UnicodeDecodeError` too, a `ValueError`, unless `errors` says otherwise."""
    return read_regular(file, limit_bytes=limit_bytes).decode("utf-8", errors)


def _refuse_special(mode: int, file: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", str(file))
    if not stat.S_ISREG(mode):
        raise NotAFile(errno.EINVAL, f"it is {_kind(mode) or 'something else'}, not a file", str(file))


def _refuse_holes(descriptor: int, n_bytes: int, file: Path) -> None:
    """Refuse a file of which more than half was never written."""
    if n_bytes <= HOLES_BYTES or not hasattr(os, "SEEK_HOLE"):
        return
    at = holes = 0
    try:
        for _ in range(_MOST_EXTENTS):
            hole = os.lseek(descriptor, at, os.SEEK_HOLE)
            at = n_bytes if hole >= n_bytes else _data_behind(descriptor, hole, n_bytes)
            holes += at - min(hole, n_bytes)
            if at >= n_bytes:
                break
    except OSError:  # a file system that does not tell
        return
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)
    if holes > max(HOLES_BYTES, n_bytes // 2):
        reason = f"it is sparse: {_size(holes)} of its {_size(n_bytes)} were never written"
        raise NotAFile(errno.EINVAL, reason, str(file))


def _data_behind(descriptor: int, hole: int, n_bytes: int) -> int:
    try:
        return os.lseek(descriptor, hole, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # the hole reaches the end
            return n_bytes
        raise


def _size(n_bytes: int) -> str:
    power = min((max(n_bytes, 1).bit_length() - 1) // 10, 4)
    return f"{n_bytes / (1 << 10 * power):.3g} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


# --- what a person names --------------------------------------------------------------------------------------------


def named_place(
    name: str | os.PathLike[str], *, base: Path | None = None, error: type[DftflowError] = InputError
) -> Path:
    """The file or folder that a person names, whether it is there or not.

    Parameters
    ----------
    name
        A path; ``~`` and ``~user`` are homes.
    base
        Folder that a relative path counts from; the working folder when left out.
    error
        Class of the refusal.

    Raises
    ------
    DftflowError
        Of the class `error`: it is no name, or that of no path, or what stands there is neither file nor folder.
    """
    if not isinstance(name, str | os.PathLike):
        raise error(f"{type(name).__name__} is no place", fix="give a path, as a text or a Path")
    shown = shortened(name)
    try:
        place = (base or Path()) / Path(name).expanduser()
        mode = os.stat(place).st_mode
    except RuntimeError as problem:  # of expanduser
        raise error(
            f"there is no home folder for {shown!r}",
            reason=str(problem),
            fix="write the path out, or ./ before a name that begins with ~",
        ) from None
    except (OSError, ValueError) as problem:
        if isinstance(problem, OSError) and problem.errno in _LEFT_TO_THE_READER:
            return place
        reason = getattr(problem, "strerror", None) or str(problem)
        raise error(f"{shown!r} cannot be the name of a file or folder", reason=reason, fix="check the name") from None
    kind = _kind(mode)
    if kind:
        raise error(
            f"{shown} is {kind}, neither a file nor a folder",
            fix="copy what it gives into a file, and name that",
            where=shown,
        )
    return place


def read_named(
    file: Path, *, limit_bytes: int, what: str = "the file", error: type[DftflowError] = InputError
) -> bytes:
    """The whole content of a file that a person named.

    Parameters
    ----------
    limit_bytes
        More than any file of this kind holds.
    what
        Name of the kind in the message: ``"the study file"``.
    error
        Class of the refusal.

    Raises
    ------
    DftflowError
        Of the class `error`: a folder, no regular file, too large, or not handed out by the system.
    """
    where = shortened(file)
    try:
        return read_regular(file, limit_bytes=limit_bytes)
    except IsADirectoryError:
        raise error(f"{what} is a folder", fix="name the file in it", where=where) from None
    except OSError as problem:
        if problem.errno == errno.EFBIG:
            fix = "give the one that is meant, without what does not belong into it"
            raise error(f"{what} is too large", reason=str(problem.strerror), fix=fix, where=where) from None
        raise error(
            f"{what} cannot be read",
            reason=problem.strerror or str(problem),
            fix="check that it is there, is a regular file, and may be read",
            where=where,
        ) from problem
