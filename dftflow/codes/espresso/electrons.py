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
from dftflow.codes.known_dispersion import OF_FREE_ATOMS, check_known_dispersion
from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec
from dftflow.rendering.quoting import Verbatim

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["HubbardSyntax", "Species", "check_electrons", "electron_notes", "electron_values", "species_of"]

HubbardSyntax = Literal["card", "namelist"]
Entry = tuple[str, str, str]
"""Name, value, comment."""

PROJECTORS: Final = "ortho-atomic"
_TWO_BODIES: Final = ("dftd3_threebody", Verbatim(".false."))  # as the other codes have it
_VDW: Final = {
    "D2": (("vdw_corr", Verbatim("'grimme-d2'")),),
    "D3": (("vdw_corr", Verbatim("'grimme-d3'")), ("dftd3_version", Verbatim("3")), _TWO_BODIES),
    "D3(BJ)": (("vdw_corr", Verbatim("'grimme-d3'")), ("dftd3_version", Verbatim("4")), _TWO_BODIES),
    "TS": (("vdw_corr", Verbatim("'ts-vdw'")),),
    "MBD": (("vdw_corr", Verbatim("'mbd_vdw'")),),
}
_OF_D3: Final = frozenset({"PBE", "PBESOL", "REVPBE", "BLYP"})
DISPERSIONS: Final = {
    "D2": frozenset({"PBE"}),
    "D3": _OF_D3,
    "D3(BJ)": _OF_D3,
    "TS": frozenset({"PBE"}),
    "MBD": frozenset({"PBE"}),
}
"""Functionals that pw.x has the parameters of, of those that a deck can be written for."""

DISPERSION_ELEMENTS: Final = {"D2": range(1, 87), "TS": OF_FREE_ATOMS, "MBD": OF_FREE_ATOMS}
OF_HIRSHFELD: Final = ("TS", "MBD")
"""By the volumes of the atoms: pw.x finds these of norm-conserving potentials, by the names of the species."""

MOST_SPECIES: Final = 10
"""``ntypx``, which pw.x prints as it starts."""

OWN_SHELL: Final = {"d": (range(21, 32), range(39, 50), range(72, 81)), "f": (range(57, 72), range(89, 104))}
"""Shell that pw.x before 7.1 gives a U to -> atomic numbers; p of C, N, O and As, s of H besides."""

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


def check_electrons(
    spec: CalcSpec, species: Sequence[Species], chosen: Sequence[Potential], syntax: HubbardSyntax
) -> None:
    """Raise `SpecError` for what pw.x would not do, or would do otherwise than it is asked."""
    _check_count(species)
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
    if spec.spin_orbit and spec.hubbard_u_ev:
        raise SpecError(
            "pw.x has no effective U (Dudarev) with spinors",
            reason="it ends with: simplified LDA+U not implemented with noncol. magnetism",
            fix="leave out spin_orbit or hubbard_u_ev, or choose another code",
        )
    check_known_dispersion(spec, "pw.x", DISPERSIONS, _numbers(chosen), DISPERSION_ELEMENTS)
    if spec.dispersion in OF_HIRSHFELD:
        _check_hirshfeld(spec.dispersion, species)
    if syntax == "namelist":
        _check_own_shells(spec.hubbard_u_ev)


def _check_count(species: Sequence[Species]) -> None:
    if len(species) > MOST_SPECIES:
        labels = ", ".join(one.label for one in species)
        raise SpecError(
            f"pw.x takes {MOST_SPECIES} species, and these are {len(species)}: {labels}",
            reason="atoms of one element that start with unlike moments are species of their own",
            fix="give atoms of one element moments of the same size, or choose another code",
        )


def _numbers(chosen: Sequence[Potential]) -> list[int]:
    from ase.data import atomic_numbers

    return [atomic_numbers[one.element] for one in chosen]


def _check_hirshfeld(dispersion: str, species: Sequence[Species]) -> None:
    """pw.x ends with TS and MBD of ultrasoft potentials and PAW, and of a species that is not called as its element."""
    soft = sorted({one.potential.file for one in species if one.potential.kind in ("ultrasoft", "PAW")})
    if soft:
        raise SpecError(
            f"pw.x has {dispersion} with norm-conserving potentials only, which {', '.join(soft)} are not",
            reason="it ends with: Tkatchenko-Scheffler not implemented with USPP/PAW",
            fix="name norm-conserving ones in [codes.espresso] potentials, or choose D3(BJ)",
        )
    split = [one.label for one in species if one.label != one.potential.element]
    if split:
        raise SpecError(
            f"pw.x has no {dispersion} where atoms of one element start with unlike moments",
            reason=f"it looks its parameters up by the names of the species, here {', '.join(split)}",
            fix="choose D3(BJ), or another code",
        )


def _check_own_shells(hubbard_u_ev: Mapping[str, float]) -> None:
    """Before 7.1 an element has one U, of the shell that pw.x chooses."""
    other = next((name for name in hubbard_u_ev if not _is_own_shell(*name.split(":"))), None)
    if other is not None:
        raise SpecError(
            f"pw.x before 7.1 gives {other.partition(':')[0]} no U on {other[-1]}",
            reason="it chooses the shell by the element",
            fix='leave it out, or use hubbard = "card" of 7.1 in [codes.espresso]',
        )


def _is_own_shell(element: str, shell: str) -> bool:
    from ase.data import atomic_numbers

    number = atomic_numbers[element]
    own = next((name for name, found in OWN_SHELL.items() if any(number in one for one in found)), "")
    return shell == (own or {1: "s", 6: "p", 7: "p", 8: "p", 33: "p"}.get(number, ""))


def electron_notes(spec: CalcSpec, syntax: HubbardSyntax) -> tuple[str, ...]:
    """Which version is needed: an older one warns and goes on without."""
    notes = []
    if spec.hubbard_u_ev and syntax == "card":
        notes.append(
            "The card HUBBARD needs pw.x 7.1 or later: an earlier one ignores it with a warning, and has no U then. "
            'For those set hubbard = "namelist" in [codes.espresso].'
        )
    if spec.dispersion in OF_HIRSHFELD:
        notes.append(f"{spec.dispersion} needs norm-conserving potentials: with others pw.x ends.")
    if spec.dispersion == "MBD":
        notes.append("vdw_corr = 'mbd_vdw' needs pw.x 7.0 or later: an earlier one warns, and calculates without it.")
    return tuple(notes)


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
