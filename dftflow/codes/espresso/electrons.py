"""What pw.x takes for spin, spin-orbit coupling, Hubbard's U and dispersion.

Keywords: https://www.quantum-espresso.org/Doc/INPUT_PW.html. Two atoms of one element that start with different moments
are two species there, ``Ni1`` and ``Ni2``. From version 7.1 on U stands in a card of its own (``HUBBARD``); earlier
ones take it in the namelist (``lda_plus_u``), of the shell that they choose themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from dftflow.codes.espresso.potentials import Potential
from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec
from dftflow.rendering.quoting import Verbatim

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["HubbardSyntax", "Species", "check_electrons", "electron_values", "species_of"]

HubbardSyntax = Literal["card", "namelist"]
Entry = tuple[str, str, str]
"""Name, value, comment."""

PROJECTORS: Final = "ortho-atomic"
_VDW: Final = {
    "D2": (("vdw_corr", Verbatim("'grimme-d2'")),),
    "D3": (("vdw_corr", Verbatim("'grimme-d3'")), ("dftd3_version", Verbatim("3"))),
    "D3(BJ)": (("vdw_corr", Verbatim("'grimme-d3'")), ("dftd3_version", Verbatim("4"))),
    "TS": (("vdw_corr", Verbatim("'ts-vdw'")),),
    "MBD": (("vdw_corr", Verbatim("'mbd_vdw'")),),
}
UNKNOWN_VALENCE: Final = 10.0
"""What a starting moment is a share of where the valence is not known: the share only starts the SCF."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Species:
    """A species of pw.x: its label, its potential, and the moment its atoms start with."""

    label: str
    potential: Potential
    moment_mub: float

    @property
    def share(self) -> float:
        """``starting_magnetization``: the moment as a share of the valence electrons."""
        share = self.moment_mub / (self.potential.valence or UNKNOWN_VALENCE)
        return max(-1.0, min(1.0, share))


def species_of(structure: Structure, spec: CalcSpec, chosen: Sequence[Potential]) -> tuple[list[Species], list[str]]:
    """The species, and the label of each atom."""
    moments = spec.moments_mub or (0.0,) * len(structure)
    pairs = [(site.specie.symbol, moment) for site, moment in zip(structure, moments, strict=True)]
    species: dict[tuple[str, float], Species] = {}
    for potential in chosen:
        kinds = list(dict.fromkeys(moment for element, moment in pairs if element == potential.element))
        for number, moment in enumerate(kinds, start=1):
            label = potential.element if len(kinds) == 1 else f"{potential.element}{number}"
            species[potential.element, moment] = Species(label=label, potential=potential, moment_mub=moment)
    return list(species.values()), [species[pair].label for pair in pairs]


def check_electrons(spec: CalcSpec, chosen: Sequence[Potential], syntax: HubbardSyntax) -> None:
    """Raise `SpecError` for what pw.x would not do, or would do otherwise than it is asked."""
    scalar = [one.file for one in chosen if one.spin_orbit is False]
    if spec.spin_orbit and scalar:
        raise SpecError(
            f"spin-orbit coupling needs fully relativistic potentials, which {', '.join(scalar)} are not",
            reason="pw.x would run with lspinorb, and couple nothing",
            fix="name potentials with has_so in their heads (…rel-pbe…), in [codes.espresso] potentials",
        )
    if spec.spin_polarised and not spec.spin_orbit and spec.smearing_ev <= 0:
        raise SpecError(
            "pw.x takes no fixed occupations with starting moments",
            reason="it would ask for the total moment (tot_magnetization), which the calculation is to find",
            fix="set smearing_ev = 0.01 or more",
        )
    shells = [name.partition(":")[0] for name in spec.hubbard_u_ev]
    if syntax == "namelist" and len(set(shells)) < len(shells):
        raise SpecError(
            "pw.x before 7.1 takes one U an element", fix='leave one shell of each, or hubbard = "card" of 7.1'
        )


def electron_values(spec: CalcSpec, species: Sequence[Species], syntax: HubbardSyntax) -> dict[str, Any]:
    """Entries of ``&SYSTEM`` (name, value, comment), and the card ``HUBBARD``."""
    return {
        "electrons": [
            *_spin(spec, species),
            *((name, value, spec.dispersion) for name, value in _VDW.get(spec.dispersion, ())),
            *(_namelist_u(spec.hubbard_u_ev, species) if syntax == "namelist" else ()),
        ],
        "hubbard_projectors": PROJECTORS,
        "hubbard": _card_u(spec.hubbard_u_ev, species) if syntax == "card" else [],
    }


def _spin(spec: CalcSpec, species: Sequence[Species]) -> list[Entry]:
    starts = [
        (f"starting_magnetization({number})", f"{one.share:.6g}", f"{one.label}: {one.moment_mub:g} Bohr magnetons")
        for number, one in enumerate(species, start=1)
        if one.moment_mub
    ]
    if spec.spin_orbit:
        return [("noncolin", ".true.", ""), ("lspinorb", ".true.", "fully relativistic potentials"), *starts]
    return [("nspin", "2", ""), *starts] if spec.spin_polarised else []


def _of(species: Species, hubbard_u_ev: Mapping[str, float]) -> list[tuple[str, float]]:
    """Shell and U of a species."""
    found = ((*name.partition(":"), value) for name, value in hubbard_u_ev.items())
    return [(shell, value) for element, _, shell, value in found if element == species.potential.element]


def _namelist_u(hubbard_u_ev: Mapping[str, float], species: Sequence[Species]) -> list[Entry]:
    if not hubbard_u_ev:
        return []
    values = [
        (f"Hubbard_U({number})", f"{value:g}", f"eV, {one.label} {shell}")
        for number, one in enumerate(species, start=1)
        for shell, value in _of(one, hubbard_u_ev)
    ]
    return [("lda_plus_u", ".true.", "before 7.1"), ("U_projection_type", Verbatim(f"'{PROJECTORS}'"), ""), *values]


def _card_u(hubbard_u_ev: Mapping[str, float], species: Sequence[Species]) -> list[str]:
    return [
        f"U {one.label}-{_principal(one.potential.element, shell)}{shell} {value:g}"
        for one in species
        for shell, value in _of(one, hubbard_u_ev)
    ]


def _principal(element: str, shell: str) -> int:
    """Principal quantum number of the outermost shell s, p, d or f of an element."""
    from pymatgen.core import Element

    row = Element(element).row
    return {"s": row, "p": row, "d": max(3, row - 1), "f": max(4, row - 2)}[shell]
