"""The options by which commands put ions in the place of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dftflow.cli.bounded import Within
from dftflow.model.bounds import ORDERING, PSEUDOCUBIC_ANG, REPEATS, SEED

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from dftflow.crystals.crystal import Crystal
    from dftflow.crystals.mixture import Replacement

__all__ = ["Substitution", "substitution_options"]

WORDS = ("quasirandom", "random")


class _Ordering(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on alone
    """A word, or the number of an ordering."""

    name = "ordering"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        """The word or the number; fails with what it can be."""
        if value in WORDS:
            return str(value)
        if not str(value).isascii() or not str(value).isdigit():
            self.fail(f"It can be {', '.join(WORDS)}, or a number of --orderings.", param, ctx)
        return int(Within(ORDERING, int).convert(value, param, ctx))


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitution:
    """What a person asks for, as the options have it.

    Attributes
    ----------
    swaps
        ``"Cs=FA"``, ``"FA=Cs:0.15"``.
    """

    swaps: tuple[str, ...]
    orientation: str
    seed: int | None
    supercell: tuple[int, int, int] | None
    ordering: str | int | None
    pseudocubic: float | None

    def crystal(self, source: str) -> Crystal:
        """The host; its sites may be partly occupied where an ordering is asked for."""
        from dftflow.crystals.sources import load_crystal

        return load_crystal(source, base_dir=Path.cwd(), mixed_sites=self.ordering is not None)

    def replacements(self, host: Structure) -> list[Replacement]:
        """Of each swap, and of the sites that the host's file gives several occupants."""
        from dftflow.crystals.mixture import Replacement
        from dftflow.crystals.partial_sites import has_partial_sites, partial_replacements

        asked = [
            Replacement.of(site, by, fraction=fraction, orientation=self.orientation, base_dir=Path.cwd())
            for site, by, fraction in map(_parts, self.swaps)
        ]
        return asked + (list(partial_replacements(host)) if has_partial_sites(host) or not asked else [])

    def of(self, structure: Structure) -> Structure:
        """The crystal with all of them; where there are none, in the supercell."""
        from dftflow.crystals.ordering_choice import QUASIRANDOM
        from dftflow.crystals.substitution import substitute_all
        from dftflow.crystals.supercell import supercell_of

        if self.supercell is not None and not self.swaps and self.ordering is None:
            return supercell_of(structure, self.supercell)
        return substitute_all(
            structure,
            self.replacements(structure),
            supercell=self.supercell,
            ordering=self.ordering or QUASIRANDOM,
            seed=self.seed,
            pseudocubic_ang=self.pseudocubic,
        )


def _parts(swap: str) -> tuple[str, str, float | None]:
    """Site, what comes there, and the fraction behind the last colon, where that is a number."""
    site, _, ion = swap.partition("=")
    by, colon, share = ion.rpartition(":")
    try:
        return (site, by, float(share)) if colon else (site, ion, None)
    except ValueError:  # the colon is part of a path
        return site, ion, None


_OPTIONS: tuple[Any, ...] = (
    click.option(
        "--substitute",
        "swaps",
        multiple=True,
        metavar="SITE=ION[:FRACTION]",
        help="Replace every SITE, or a fraction of them, by an element, FA, MA, a molecule file or a vacancy: "
        "Cs=FA, MA=FA, FA=Cs:0.15, Br=I:0.5. Again for each.",
    ),
    click.option("--orientation", default="100", show_default=True, help='Of molecules: "100", "100/001", "random".'),
    click.option("--seed", type=Within(SEED, int), help="For random orientations, and the ordering of a mixture."),
    click.option(
        "--supercell",
        type=Within(REPEATS, int),
        nargs=3,
        help="Three whole numbers; each atom is followed by its copies, along c first. Unless given a mixture gets the "
        "smallest that it fits in.",
    ),
    click.option(
        "--ordering",
        type=_Ordering(),
        help="Of a mixture, or of the partly occupied sites of a CIF: quasirandom, random, or a number.",
    ),
    click.option("--pseudocubic", type=Within(PSEUDOCUBIC_ANG), help="Scale the host to this pseudocubic length, Å."),
)


def substitution_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options; it is called with ``substitution``, None where nothing of it is asked for."""

    @wraps(command)
    def gathered(**given: Any) -> None:
        own = {name: given.pop(name) for name in Substitution.__dataclass_fields__}
        changed = bool(own["swaps"]) or own["ordering"] is not None
        if not changed:
            _refuse_alone("orientation", "seed", "pseudocubic")
        asked = changed or own["supercell"] is not None
        command(**given, substitution=Substitution(**own) if asked else None)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


def _refuse_alone(*names: str) -> None:
    """Raise `click.UsageError` for options of a substitution that were given to a command without one."""
    context = click.get_current_context()
    given = [f"--{name}" for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        verb = "belongs" if len(given) == 1 else "belong"
        raise click.UsageError(f"{' and '.join(given)} {verb} to --substitute, which is not given", context)
