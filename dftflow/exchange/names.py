"""Names that an archive of a study may have, the same for who writes and who reads one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from dftflow.errors import ParseError
from dftflow.input_file import shortened

__all__ = ["METADATA_FILE", "refuse_clashes", "why_no_name"]

METADATA_FILE = "ro-crate-metadata.json"
LONGEST_NAME = 1000
LONGEST_PART_BYTES = 255
DEEPEST = 32
_NO_LETTERS = frozenset('\\:*?"<>|')
"""What is no letter of a name on every system."""

_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{number}" for port in ("com", "lpt") for number in "123456789¹²³"}
)
"""No names of files on Windows, whatever ending they have."""


def why_no_name(name: str) -> str:
    """Why `name` is no path below a folder that every system can hold; ``""`` when it is one."""
    parts = name.split("/")
    if not name or len(name) > LONGEST_NAME or len(parts) > DEEPEST:
        return "it is empty, too long or too deep"
    if any(len(part.encode("utf-8", "surrogatepass")) > LONGEST_PART_BYTES for part in parts):
        return "a part of it is too long"
    if not name.isprintable() or not _NO_LETTERS.isdisjoint(name):
        return "it has letters that not every system can hold"
    if any(not part or part[0] == "." or part[-1] in ". " or part[0] == " " for part in parts):
        return "it leads elsewhere, or a part of it is hidden or ends in a dot or a space"
    if any(part.casefold().partition(".")[0].rstrip() in _DEVICES for part in parts):
        return "a part of it is the name of a device on some systems"
    return ""


def refuse_clashes(names: Iterable[str], where: str) -> None:
    """Raise `ParseError` when two of `names` are one file where the case and the way of writing é do not count."""
    files: dict[str, str] = {}
    for name in names:
        folded = _folded(name)
        if folded in files:
            raise _clash(name, files[folded], where)
        files[folded] = name
    for folded, name in files.items():
        for folder in PurePosixPath(folded).parents:
            if str(folder) in files:
                raise _clash(name, files[str(folder)], where)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


def _clash(name: str, other: str, where: str) -> ParseError:
    return ParseError(
        f"two entries of the archive have one name: {shortened(name)}",
        reason="" if name == other else f"the other is {shortened(other)}",
        fix="get the archive again from where it comes from",
        where=where,
    )
