"""The codes dftflow knows, by name. A code is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from dftflow.codes.base import Code
from dftflow.errors import SpecError

__all__ = ["code_names", "load_code"]


def _castep() -> Code:
    from dftflow.codes.castep import CASTEP

    return CASTEP()


def _gpaw() -> Code:
    from dftflow.codes.gpaw import GPAW

    return GPAW()


def _espresso() -> Code:
    from dftflow.codes.espresso import ESPRESSO

    return ESPRESSO()


def _vasp() -> Code:
    from dftflow.codes.vasp import VASP

    return VASP()


_LOADERS: dict[str, Callable[[], Code]] = {"castep": _castep, "espresso": _espresso, "gpaw": _gpaw, "vasp": _vasp}


def code_names() -> tuple[str, ...]:
    """Names of all codes, in alphabetical order."""
    return tuple(sorted(_LOADERS))


def load_code(name: str) -> Code:
    """The code called `name`, in any case; raises `SpecError` with the nearest name when there is none."""
    loader = _LOADERS.get(name.lower())
    if loader is None:
        nearest = get_close_matches(name.lower(), _LOADERS, n=1)
        hint = f"did you mean {nearest[0]!r}? " if nearest else ""
        raise SpecError(f"there is no code called {name!r}", fix=f"{hint}codes: {', '.join(code_names())}")
    return loader()
