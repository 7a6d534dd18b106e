"""The codes dftflow knows, by name: its own, and those that installed packages bring.

A package brings a code with an entry point of the group ``dftflow.codes`` that names its class. A code is imported when
it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from dftflow.codes.base import Code
from dftflow.codes.options import CodeOptions, read_options
from dftflow.errors import CodeNotFoundError, OptionError, SpecError
from dftflow.model.printable import shown
from dftflow.plugins import load_plugin, package_of
from dftflow.rendering.own_templates import own_templates

__all__ = ["code_names", "load_code"]

GROUP = "dftflow.codes"


def _castep(options: Mapping[str, object]) -> Code:
    from dftflow.codes.castep import CASTEP

    return CASTEP(read_options(CASTEP.options_model, options))


def _gpaw(options: Mapping[str, object]) -> Code:
    from dftflow.codes.gpaw import GPAW

    return GPAW(read_options(GPAW.options_model, options))


def _espresso(options: Mapping[str, object]) -> Code:
    from dftflow.codes.espresso import ESPRESSO

    return ESPRESSO(read_options(ESPRESSO.options_model, options))


def _vasp(options: Mapping[str, object]) -> Code:
    from dftflow.codes.vasp import VASP

    return VASP(read_options(VASP.options_model, options))


_LOADERS: dict[str, Callable[[Mapping[str, object]], Code]] = {
    "castep": _castep,
    "espresso": _espresso,
    "gpaw": _gpaw,
    "vasp": _vasp,
}


def code_names() -> tuple[str, ...]:
    """Names of all codes, in alphabetical order."""
    return tuple(sorted({*_LOADERS, *(point.name for point in entry_points(group=GROUP))}))


def load_code(name: str, options: Mapping[str, object] | None = None, *, folder: Path = Path()) -> Code:
    """The code called `name`.

    Parameters
    ----------
    name
        In any case.
    options
        As in the table ``[codes.NAME]`` of a study file, or as they were once read: ``templates`` is then the texts.
    folder
        From which relative paths in `options` count.

    Raises
    ------
    SpecError
        There is no such code, or two installed packages bring one of that name.
    OptionError
        An option is wrong.
    CodeNotFoundError
        The package that brings it cannot be loaded.
    """
    given = dict(options or {})
    if isinstance(given.get("templates"), str | Path):
        given["templates"] = own_templates(_own_name(name), _absolute(str(given["templates"]), folder))
    own = _LOADERS.get(name.lower())
    return own(given) if own else _plugged_in(name, given)


def _own_name(name: str) -> str:
    """The name as the code itself writes it."""
    return next((known for known in code_names() if known.lower() == name.lower()), name)


def _absolute(place: str, folder: Path) -> Path:
    try:
        found = (folder / Path(place).expanduser()).resolve()
        found.is_dir()  # raises for a name that is too long
        return found
    except (RuntimeError, ValueError, OSError) as error:  # a home that nobody has, a NUL, a circle of links
        why = getattr(error, "strerror", None) or str(error)
        raise OptionError(f"templates cannot be {shown(place)}", reason=why, place=("templates",)) from None


def _plugged_in(name: str, options: Mapping[str, object]) -> Code:
    points = [point for point in entry_points(group=GROUP) if point.name.lower() == name.lower()]
    values = {point.value for point in points}
    if not points:
        names = code_names()
        nearest = get_close_matches(name.lower(), names, n=1)
        hint = f"did you mean {nearest[0]!r}? " if nearest else ""
        raise SpecError(f"there is no code called {name!r}", fix=f"{hint}codes: {', '.join(names)}")
    if len(values) > 1:
        raise SpecError(f"several packages bring a code called {name!r}", reason=", ".join(sorted(values)))
    found = _class_of(points[0])
    code: Code = found(read_options(found.options_model, options))
    return code


def _class_of(point: EntryPoint) -> Any:
    found = load_plugin(point, "code")
    model = getattr(found, "options_model", None)
    if not (isinstance(model, type) and issubclass(model, CodeOptions)) or getattr(found, "name", "") != point.name:
        raise CodeNotFoundError(
            f"{point.value} of {package_of(point)} is no code of dftflow",
            reason=f"its name has to be {point.name!r}, and its options_model a CodeOptions",
            fix="see docs/howto-code.md",
        )
    return found
