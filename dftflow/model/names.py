"""The one rule for names that become folders, files and seeds: of materials, presets, kinds, codes and labels."""

from __future__ import annotations

import re

__all__ = ["NAME_RULE", "SEED_LENGTH", "is_name"]

NAME_LENGTH = 100
SEED_LENGTH = 200
"""Of a step's name, which is made of several; with what a code appends it still is the name of a file."""

NAME_RULE = f"letters, digits, '.', '_', '+' and '-', no '.' or '-' first, no '.' last, {NAME_LENGTH} of them at most"

_NAME = re.compile(r"[A-Za-z0-9_+](?:[A-Za-z0-9._+-]*[A-Za-z0-9_+-])?")


def is_name(text: str, *, longest: int = NAME_LENGTH) -> bool:
    """Whether `text` is a name on any file system, in any shell and for any code.

    Examples
    --------
    >>> is_name("CsPbBr3_Pm-3m"), is_name("../x"), is_name("-rf"), is_name(""), is_name("γ")
    (True, False, False, False, False)
    """
    return len(text) <= longest and _NAME.fullmatch(text) is not None
