"""Damages the bytes of a file on purpose, in ways that real files are damaged; the same seed gives the same damage.

Each mutator says what its damage means (`Effect`), because that decides what a reader may still do with the file:

    same      a legal way to write the same content: the same numbers must come out
    removes   content is gone: a format that declares its size must be refused
    adds      content is there twice: the same
    blots     something can no longer be read: it may be missing, but no other number may stand in its place
    any       nothing can be said, but that the reader must not crash
"""

from __future__ import annotations

import gzip
import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["CHAIN", "DIRECTORY", "Effect", "MUTATORS", "Mutant", "mutate"]

Effect = Literal["same", "removes", "adds", "blots", "any"]
CHAIN = "+"
DIRECTORY = "directory"
LONG = 3_000_000
DEEP = 100_000

_NUMBER = re.compile(rb"(?<![\w.+-])[-+]?\d+(?:\.\d*)?(?:[eEdD][-+]?\d+)?(?![\w.])")
_INTEGER = re.compile(rb"(?<![\w.+-])\d{1,6}(?![\w.])")
_EXPONENT = re.compile(rb"[eEdD][-+]?(\d{2,3})(?!\d)")
_TELLING = re.compile(
    rb"^[^\n]*(?:energy|fermi|enthalpy|electrons|cut-off|k-point|volume|time)[^\n]*\d[^\n]*$", re.I | re.M
)
_HEAD = 2000
_ENTITIES = b"<!DOCTYPE x [<!ENTITY a0 'ha'>%s]>"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A damaged file.

    Attributes
    ----------
    content
        Its bytes; None when a directory stands in its place.
    effect
        What the damage means.
    start, touched
        Where it begins, and the bytes that it took away, wrote twice or wrote over.
    """

    content: bytes | None
    effect: Effect
    start: int = 0
    touched: bytes = b""


@dataclass(frozen=True, slots=True)
class _Mutator:
    effect: Effect
    damage: Callable[[bytes, random.Random], tuple[bytes, int, bytes]]


def mutate(content: bytes, name: str, seed: int) -> Mutant:
    """`content` after the mutator `name`, or after several of them, their names joined by `CHAIN`.

    The content comes back unchanged where there is nothing that the mutator could damage. The effect of a chain is
    ``"any"``.
    """
    if name == DIRECTORY:
        return Mutant(None, "any")
    names = name.split(CHAIN)
    chance = random.Random(seed)
    start, touched = 0, b""
    for each in names:
        content, start, touched = _MUTATORS[each].damage(content, chance)
    return Mutant(content, _MUTATORS[name].effect if len(names) == 1 else "any", start, touched)


# --- places in a file -------------------------------------------------------------------------------------------


def _line(content: bytes, chance: random.Random) -> tuple[int, int]:
    """Start and end of a random line, its newline included."""
    if not content:
        return 0, 0
    at = chance.randrange(len(content))
    start = content.rfind(b"\n", 0, at) + 1
    end = content.find(b"\n", at) + 1
    return start, end or len(content)


def _match(pattern: re.Pattern[bytes], content: bytes, chance: random.Random) -> re.Match[bytes] | None:
    """The first match behind a random place, else the first one of all."""
    at = chance.randrange(len(content)) if content else 0
    return pattern.search(content, at) or pattern.search(content)


def _number(content: bytes, chance: random.Random) -> re.Match[bytes] | None:
    """A random number: half of the times one of a line that tells a result, and rather of the last such lines."""
    if chance.random() < 0.5:
        at = int(len(content) * chance.choice((chance.random(), 1 - 0.1 * chance.random())))
        line = _TELLING.search(content, at) or _TELLING.search(content)
        found = list(_NUMBER.finditer(content, *line.span())) if line else []
        if found:
            return chance.choice(found)
    return _match(_NUMBER, content, chance)


def _replaced(content: bytes, start: int, end: int, new: bytes) -> tuple[bytes, int, bytes]:
    return content[:start] + new + content[end:], start, content[start:end]


# --- content that goes ------------------------------------------------------------------------------------------


def _cut(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    at = chance.randrange(len(content)) if content else 0
    return _replaced(content, at, len(content), b"")


def _cut_late(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    """Cut within the last 200 bytes, where a reader may believe that it has everything."""
    at = chance.randrange(max(0, len(content) - 200), len(content)) if content else 0
    return _replaced(content, at, len(content), b"")


def _behead(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    _, end = _line(content, chance)
    return _replaced(content, 0, end, b"")


def _delete_line(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    return _replaced(content, *_line(content, chance), b"")


def _delete_bytes(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    at = chance.randrange(len(content)) if content else 0
    return _replaced(content, at, min(len(content), at + chance.randint(1, 400)), b"")


def _empty(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    return _replaced(content, 0, len(content), b"")


# --- content that is there twice --------------------------------------------------------------------------------


def _duplicate_line(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    start, end = _line(content, chance)
    line = content[start:end]
    return content[:end] + line + content[end:], start, line


def _repeat_block(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    (start, end), (other, last) = _line(content, chance), _line(content, chance)
    start, end = min(start, other), max(end, last)
    block = content[start : min(end, start + 50_000)]
    return content[:end] + block * chance.randint(1, 3) + content[end:], start, block


# --- numbers ----------------------------------------------------------------------------------------------------


def _stars(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    """What Fortran writes when a number does not fit into its field."""
    found = _number(content, chance)
    return _replaced(content, *found.span(), b"*" * len(found[0])) if found else (content, 0, b"")


def _nul(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    """One to eight NUL bytes inside a number, as a full disk or a lost block of a network disk leaves them."""
    found = _number(content, chance)
    if found is None:
        return content, 0, b""
    at = chance.randrange(found.start(), found.end())
    return _replaced(content, at, min(found.end(), at + chance.randint(1, 8)), b"\0" * chance.randint(1, 8))


def _not_a_number(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    found = _number(content, chance)
    new = chance.choice((b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf", b"1E999", b"-", b".", b"1_0", b"0x1F"))
    return _replaced(content, *found.span(), new) if found else (content, 0, b"")


def _digit(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    found = _number(content, chance)
    if found is None:
        return content, 0, b""
    new = bytes(chance.choice(b"0123456789") if byte in b"0123456789" else byte for byte in found[0])
    return _replaced(content, *found.span(), new)


def _minus(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    found = _match(_INTEGER, content, chance)
    return _replaced(content, *found.span(), b"-" + found[0]) if found else (content, 0, b"")


def _zero(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    found = _number(content, chance)
    return _replaced(content, *found.span(), b"0".rjust(len(found[0]))) if found else (content, 0, b"")


def _count(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    """An integer near the head, or anywhere, becomes a number that nobody has the memory for."""
    part = content[:_HEAD] if chance.random() < 0.7 else content
    found = _match(_INTEGER, part, chance)
    new = chance.choice((b"999999999", b"99999999999999999999", b"2147483648", b"100000", b"9" * 5000))
    return _replaced(content, *found.span(), new) if found else (content, 0, b"")


def _word(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    """A 4-byte integer of a binary record becomes huge or negative."""
    size = min(len(content), _HEAD if chance.random() < 0.5 else len(content)) // 4
    at = 4 * chance.randrange(size) if size else 0
    new = chance.choice((b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\0", b"\xff\xff\xff\x7f"))
    return _replaced(content, at, min(at + 4, len(content)), new)


def _exponent(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    """``E+05`` becomes ``+105``: Fortran drops the letter where the exponent needs three digits."""
    found = _match(_EXPONENT, content, chance)
    if found is None:
        return content, 0, b""
    return _replaced(
        content, *found.span(), chance.choice((b"+105", b"-105", b"+305", b"E+9999", b"E", b"D+", b"E+**"))
    )


# --- bytes and lines --------------------------------------------------------------------------------------------


def _flip(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 3, 20)) if content else 0):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged), 0, content


def _swap_lines(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    (start, end), (other, last) = sorted((_line(content, chance), _line(content, chance)))
    if start == other:
        return content, 0, b""
    new = content[other:last] + content[end:other] + content[start:end]
    return _replaced(content, start, last, new)


def _crlf(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    if b"\0" in content:  # binary
        return content, 0, b""
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), 0, b""


def _some_crlf(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    """Every line end behind a place, as a file has to which another machine appended."""
    if b"\0" in content:
        return content, 0, b""
    start, _ = _line(content, chance)
    return content[:start] + content[start:].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), start, b""


def _latin1(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    found = _match(re.compile(rb"[A-Za-z]"), content, chance)
    return _replaced(content, *found.span(), chance.choice((b"\xc5", b"\xe9", b"\xff"))) if found else (content, 0, b"")


def _long_line(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    start, end = _line(content, chance)
    filler = chance.choice((b" ", b"x", b"1 ", b"9", b"-", b"=", content[start:end].rstrip(b"\r\n") + b" "))
    return _replaced(content, end, end, filler * min(LONG // len(filler), LONG))


def _gzip(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    return gzip.compress(content, mtime=0), 0, b""


# --- containers -------------------------------------------------------------------------------------------------


def _member(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    """Damage inside a member of a zip archive, whose checksum is right again afterwards."""
    if not content.startswith(b"PK"):
        return content, 0, b""
    damage = _MUTATORS[
        chance.choice(("flip", "cut", "count", "digit", "empty", "word", "delete bytes", "stars"))
    ].damage
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as source:
            members = {name: source.read(name) for name in source.namelist()}
        victim = chance.choice(list(members))
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, RuntimeError, IndexError):
        return content, 0, b""  # damaged before, in a chain
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, member in members.items():
            target.writestr(zipfile.ZipInfo(name), damage(member, chance)[0] if name == victim else member)
    return packed.getvalue(), 0, b""


def _entities(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    """XML whose entities unfold to gigabytes."""
    head = content.find(b"?>") + 2
    if not content.lstrip().startswith(b"<?xml"):
        return content, 0, b""
    unfold = b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 11))
    start, end = _line(content, chance)
    text = content[max(start, head) : end].replace(b"</", b"&a10;</", 1)
    return content[:head] + _ENTITIES % unfold + content[head : max(start, head)] + text + content[end:], head, b""


def _deep(content: bytes, chance: random.Random) -> tuple[bytes, int, bytes]:
    """A hundred thousand levels of nesting, in XML or in JSON."""
    start, _ = _line(content, chance)
    head = content.lstrip()[:1]
    if head in (b"{", b"["):
        at = content.find(b":", start) + 1 or 1
        return _replaced(content, at, at, b"[" * DEEP)
    return _replaced(content, start, start, b"<a>" * DEEP) if head == b"<" else (content, 0, b"")


_MUTATORS = {
    "cut": _Mutator("removes", _cut),
    "cut late": _Mutator("removes", _cut_late),
    "behead": _Mutator("removes", _behead),
    "delete line": _Mutator("removes", _delete_line),
    "delete bytes": _Mutator("removes", _delete_bytes),
    "empty": _Mutator("removes", _empty),
    "duplicate line": _Mutator("adds", _duplicate_line),
    "repeat block": _Mutator("adds", _repeat_block),
    "stars": _Mutator("blots", _stars),
    "nul": _Mutator("blots", _nul),
    "not a number": _Mutator("blots", _not_a_number),
    "digit": _Mutator("any", _digit),
    "minus": _Mutator("any", _minus),
    "zero": _Mutator("any", _zero),
    "count": _Mutator("any", _count),
    "word": _Mutator("any", _word),
    "exponent": _Mutator("any", _exponent),
    "flip": _Mutator("any", _flip),
    "swap lines": _Mutator("any", _swap_lines),
    "crlf": _Mutator("same", _crlf),
    "some crlf": _Mutator("blots", _some_crlf),
    "latin1": _Mutator("any", _latin1),
    "long line": _Mutator("any", _long_line),
    "gzip": _Mutator("any", _gzip),
    "zip member": _Mutator("any", _member),
    "xml entities": _Mutator("any", _entities),
    "deep": _Mutator("any", _deep),
}
MUTATORS = (*_MUTATORS, DIRECTORY)
