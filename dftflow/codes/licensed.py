"""Which files are potentials, which their makers license or which lie elsewhere: dftflow hands none of them on.

A deck names the potentials, and ``built.json`` has their hashes. A file is known by its name, and what people rename by
what stands at its beginning, of a compressed file too.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from contextlib import suppress
from fnmatch import fnmatch
from typing import IO

from dftflow.codes.compressed import MAX_DICTIONARY_BYTES

__all__ = ["expanded", "first_bytes", "why_not_handed_on"]

HEAD_BYTES = 4096
"""So much of a file is looked at, where it is none of bzip2."""
BLOCK_BYTES = 1 << 20
"""Of a bzip2 file, which tells nothing before a whole block: 900,000 bytes that do not shrink, and its tables."""

_NAMES = {
    "potcar*": "a POTCAR, which VASP's licence lets nobody hand on",
    "*.potcar": "a POTCAR, which VASP's licence lets nobody hand on",
    "*.usp": "a pseudopotential of CASTEP",
    "*.uspcc": "a pseudopotential of CASTEP",
    "*.recpot": "a pseudopotential of CASTEP",
    "*.upf*": "a pseudopotential",
    "*.psml*": "a pseudopotential",
    "*.psp*": "a pseudopotential",
    "*.vps": "a pseudopotential",
    "*.rrkj3": "a pseudopotential",
}
_NAMES_ALONE = ("potcar.spec",)
"""What only names potentials."""

_HEADS = {
    b"parameters from PSCTR are:": _NAMES["potcar*"],
    b"<UPF version": "a pseudopotential",
    b"<PP_HEADER": "a pseudopotential",
    b"<paw_dataset": "a data set of PAW",
    b"<paw_setup": "a data set of PAW",
}
_DEFLATED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""How files of gzip and of zlib begin."""
_COMPRESSED = (".gz", ".bz2", ".xz", ".z", ".zst")


def first_bytes(stream: IO[bytes]) -> bytes:
    """The first bytes of a file, as many as `why_not_handed_on` and `expanded` have to see."""
    head = stream.read(HEAD_BYTES)
    return head + stream.read(BLOCK_BYTES - len(head)) if head.startswith(b"BZh") else head


def why_not_handed_on(name: str, head: bytes) -> str:
    """What licensed data a file is, by its name without folders and its `first_bytes`; ``""`` for what is none."""
    plain, begins = name.casefold(), expanded(head)
    for ending in _COMPRESSED:
        plain = plain.removesuffix(ending)
    if plain in _NAMES_ALONE:
        return ""
    by_name = next((what for pattern, what in _NAMES.items() if fnmatch(plain, pattern)), "")
    return by_name or next((what for mark, what in _HEADS.items() if mark in begins), "")


def expanded(head: bytes) -> bytes:
    """What the first bytes of a compressed file hold; themselves, where they are none of one or are damaged."""
    with suppress(zlib.error, lzma.LZMAError, OSError, EOFError):
        if head.startswith(_DEFLATED):
            return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(head, HEAD_BYTES)
        if head.startswith(b"BZh"):
            return bz2.BZ2Decompressor().decompress(head, HEAD_BYTES)
        if head.startswith(b"\xfd7zXZ"):
            return lzma.LZMADecompressor(memlimit=MAX_DICTIONARY_BYTES).decompress(head, HEAD_BYTES)
    return head
