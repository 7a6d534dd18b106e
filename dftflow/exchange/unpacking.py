"""Unpacks an archive of a study, from anybody: nothing is put in its place unless every file is what the archive lists.

What is asked before anything is unpacked: names, kinds and declared sizes of the entries, and that they are just those
that ``ro-crate-metadata.json`` lists. While it is unpacked, beside its place: size and SHA-256 of each file. At the
end: that a study can be read from it. Then one rename puts it where it belongs.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, BinaryIO

from dftflow.errors import DftflowError, InputError, ParseError, StoreError
from dftflow.exchange.crate import CrateFile, damaged, files_in_crate
from dftflow.exchange.names import METADATA_FILE, refuse_clashes, why_no_name
from dftflow.exchange.pickles import why_pickle
from dftflow.exchange.zip_directory import directory_bytes
from dftflow.input_file import open_regular, shortened
from dftflow.jobs.step_state import STATE_FILE, settle_copy
from dftflow.jobs.store import PLAN_FILE, storage_errors
from dftflow.studies.standing import standing_of

__all__ = ["Bounds", "Unpacked", "unpack_archive"]

CHUNK = 1 << 20
METADATA_BYTES = 128 << 20
DIRECTORY_BYTES = 64 << 20
_HEADER_BYTES = 30
"""Before each entry, and its name (PKWARE's APPNOTE 4.3.7)."""
_FREE_BYTES = 1 << 26
"""A small archive may expand by any ratio up to here: an empty log does so by hundreds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What an archive may expand to: entries, bytes, and bytes for each byte of the archive."""

    entries: int = 200_000
    bytes: int = 64 << 30
    ratio: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A folder that came out of an archive: its study and preset, its files and their bytes."""

    folder: Path
    study: str
    preset: str
    n_files: int
    n_bytes: int


def unpack_archive(file: Path, folder: Path, *, bounds: Bounds | None = None) -> Unpacked:
    """Verify an archive of `dftflow.exchange.archive` and put what it holds into `folder`, which must not be there.

    Raises
    ------
    InputError
        There is no such file, or it is no plain one.
    ParseError
        It is no whole archive; an entry has a name that leads elsewhere or clashes with another, is a link, encrypted,
        or a pickle; the entries are not those that it lists, or one has another content; it would expand beyond
        `bounds`; no study can be read from it. Nothing is left of it then.
    StoreError
        `folder` is there already, or cannot be written.
    """
    if os.path.lexists(folder):
        raise StoreError(
            "there is something at this place already", where=str(folder), fix="give a folder that is not there"
        )
    where = shortened(file)
    beside = folder.with_name(f".{folder.name[:200]}.{secrets.token_hex(8)}")
    try:
        with _opened(file, where) as stream, _directory(stream, where) as archive:
            _refuse_too_much(archive.infolist(), os.fstat(stream.fileno()).st_size, bounds or Bounds(), where)
            files = _verified_list(archive, where)
            _refuse_lack_of_room(folder, files)
            _unpack(archive, files, beside, where)
        standing = _study_in(beside, where)
        with storage_errors(folder):
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    total = sum(one.size for one in files.values())
    return Unpacked(folder=folder, study=standing[0], preset=standing[1], n_files=len(files), n_bytes=total)


# --- what the archive says of itself ----------------------------------------------------------------------------


def _opened(file: Path, where: str) -> BinaryIO:
    try:
        return open_regular(file)
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError("this archive cannot be read", reason=why, fix="check its name", where=where) from error


def _directory(stream: BinaryIO, where: str) -> zipfile.ZipFile:
    """The archive, whose list of entries is of a bounded size: it is held in memory as a whole."""
    try:
        if directory_bytes(stream) > DIRECTORY_BYTES:
            raise _refused("its list of entries is larger than any study's", where)
        return zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise _refused(f"it is no whole zip file: {error}", where) from error


def _verified_list(archive: zipfile.ZipFile, where: str) -> Mapping[str, CrateFile]:
    """What the archive lists, after its entries were found to be just that, by name, kind and size."""
    entries = archive.infolist()
    for entry in entries:
        reason = _why_refused(entry)
        if reason:
            raise _refused(f"{shortened(entry.orig_filename)}: {reason}", where)
    plain = [entry for entry in entries if not entry.is_dir()]
    refuse_clashes((entry.filename for entry in plain), where)
    sizes = {entry.filename: entry.file_size for entry in plain}
    if METADATA_FILE not in sizes:
        raise damaged(f"there is no {METADATA_FILE} in it", where)
    files = files_in_crate(_metadata(archive, where), where)
    _refuse_other_files(files, {name: size for name, size in sizes.items() if name != METADATA_FILE}, where)
    if PLAN_FILE not in files:
        raise _refused(f"it holds no study of dftflow: there is no {PLAN_FILE}", where)
    return files


def _refuse_too_much(entries: Sequence[zipfile.ZipInfo], packed: int, bounds: Bounds, where: str) -> None:
    """Refuse what would expand beyond `bounds`, or counts some of the `packed` bytes of the archive for two entries."""
    total = sum(entry.file_size for entry in entries)
    if len(entries) > bounds.entries:
        raise _refused(f"it has {len(entries)} entries, more than {bounds.entries}", where)
    if total > bounds.bytes:
        raise _refused(f"it would expand to {total / 2**30:.1f} GiB, more than {bounds.bytes / 2**30:.0f}", where)
    if total > max(_FREE_BYTES, bounds.ratio * packed):
        raise _refused(f"it would expand to {total / max(packed, 1):.0f} times its size, as no results do", where)
    for entry, after in pairwise(sorted(entries, key=lambda entry: entry.header_offset)):
        if entry.header_offset + _HEADER_BYTES + entry.compress_size > after.header_offset:
            raise _refused(f"{shortened(entry.filename)} shares its bytes with another entry", where)


def _why_refused(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if entry.orig_filename != entry.filename:
        return "its name holds a NUL or is written in two ways"
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        return "it is a link or something else that is no plain file"
    if entry.flag_bits & 0x1:
        return "it is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"its way of compression is {entry.compress_type}, neither stored nor deflated"
    if entry.is_dir() and entry.file_size:
        return "a folder has no content"
    return why_no_name(entry.filename.removesuffix("/"))


def _refuse_other_files(files: Mapping[str, CrateFile], sizes: Mapping[str, int], where: str) -> None:
    for name in sizes:
        if name not in files:
            raise damaged(f"{shortened(name)} is in the archive and not in its list", where)
    for name, file in files.items():
        if name not in sizes:
            raise damaged(f"{shortened(name)} is in its list and not in the archive", where)
        if sizes[name] != file.size:
            raise damaged(f"{shortened(name)} has {sizes[name]} bytes, and {file.size} in the list", where)


def _metadata(archive: zipfile.ZipFile, where: str) -> str:
    if archive.getinfo(METADATA_FILE).file_size > METADATA_BYTES:
        raise damaged(f"{METADATA_FILE} is larger than any study's", where)
    with _unzip_errors(where), archive.open(METADATA_FILE) as stream:
        content = stream.read(METADATA_BYTES + 1)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise damaged(f"{METADATA_FILE} is no text: {error.reason}", where) from error


def _refused(reason: str, where: str) -> ParseError:
    return ParseError(
        "this archive is not unpacked",
        reason=reason,
        fix="get it again from where it comes from; `dftflow export FOLDER --ro-crate FILE` writes one",
        where=where,
    )


@contextmanager
def _unzip_errors(where: str) -> Iterator[None]:
    """Turn what a damaged archive raises into a `ParseError`."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _refused(f"it is damaged: {error}", where) from error


# --- unpacking --------------------------------------------------------------------------------------------------


def _refuse_lack_of_room(folder: Path, files: Mapping[str, CrateFile]) -> None:
    with storage_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
    needed = sum(file.size for file in files.values())
    if needed > free:
        raise StoreError(
            f"there is no room: {needed / 2**30:.1f} GiB are needed, {free / 2**30:.1f} GiB are free",
            where=str(folder),
            fix="give a folder on another disk",
        )


def _unpack(archive: zipfile.ZipFile, files: Mapping[str, CrateFile], beside: Path, where: str) -> None:
    with storage_errors(beside):
        beside.mkdir()
    for file in files.values():
        mode = 0o777 if (archive.getinfo(file.name).external_attr >> 16) & stat.S_IXUSR else 0o666
        target = beside / file.name
        with _unzip_errors(where), archive.open(file.name) as source, storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(source, target, file, mode, where)
    for name in files:
        if name.endswith(f"/{STATE_FILE}"):
            _settle(beside, name, files)


def _copy(source: IO[bytes], target: Path, file: CrateFile, mode: int, where: str) -> None:
    digest, left = hashlib.sha256(), file.size
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(target, flags, mode), "wb") as written:
        while piece := source.read(CHUNK):
            left -= len(piece)
            if left < 0:
                break
            digest.update(piece)
            written.write(piece)
    if left or digest.hexdigest() != file.sha256:
        raise damaged(f"{shortened(file.name)} has another content than the list says (SHA-256)", where)
    with open_regular(target, links=False) as written_file:
        reason = why_pickle(file.name, written_file)
    if reason:
        raise _refused(f"{shortened(file.name)} is {reason}", where)


def _settle(beside: Path, name: str, files: Mapping[str, CrateFile]) -> None:
    step = name.removesuffix(STATE_FILE)
    inside = {other.removeprefix(step): file.sha256 for other, file in files.items() if other.startswith(step)}
    settle_copy(beside / step, inside)


def _study_in(beside: Path, where: str) -> tuple[str, str]:
    """Study and preset, when how its steps stand can be told from what was unpacked."""
    try:
        standing = standing_of(beside)
    except DftflowError as error:
        raise _refused(f"no study can be read from it: {error.summary}: {error.reason}", where) from error
    return standing.study, standing.preset
