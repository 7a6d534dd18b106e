"""What a CIF says of its crystal beside the sites: formula, number of formula units, density, volume, hydrogens."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

from pymatgen.core import Element

from dftflow.crystals.cif_block import CifBlock, cif_number, uncertainty_of
from dftflow.crystals.cif_sites import element_called

__all__ = ["CifClaims", "Contradiction", "cif_claims", "density_of", "formula_text", "mass_of"]

SAME_AMOUNT = 0.02
SAME_DENSITY = 0.02
SAME_MEASURED_DENSITY = 0.1
"""Of a powder in a pycnometer."""
SAME_VOLUME = 0.01
SAME_WEIGHT = 0.005
"""Five hydrogens in FAPbI3 are 0.8 %."""

G_PER_CM3 = 1.66053906892  # of one atomic mass unit in a cubic ångström
HEAVIEST_G_PER_CM3 = 50.0
"""Osmium has 22.6: above, the number is in kg/m3."""

DEUTERIUM_U = 2.014
_TOKEN = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d*)?|\.\d+)?")
_CHARGED = re.compile(r"(?<=[\s,(])\d*[+-](?=[\s,)]|$)|\s\d*[+-]$")
_FORMULA_TAGS = ("_chemical_formula_sum", "_chemical_formula_moiety", "_chemical_formula_structural")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A statement of the file that the atoms made of its sites do not meet.

    Attributes
    ----------
    tag
        The statement's.
    says, built
        The two sides, as a person reads them.
    missing_hydrogens
        How many hydrogens a formula unit lacks, when nothing else is wrong; 0 otherwise, also where it is not known.
    """

    tag: str
    says: str
    built: str
    missing_hydrogens: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CifClaims:
    """The statements.

    Attributes
    ----------
    formulas
        Tag -> element -> amount; deuterium counts as H.
    units
        Formula units in the cell, Z; None when the file does not say.
    in_cell
        Element -> atoms of the cell, from the list of atom types.
    weight
        Of a formula unit, in u.
    densities
        Tag -> (g/cm3, relative tolerance).
    volume_ang3
        Of the cell.
    refined_hydrogens
        Whether the file says that hydrogens were refined, or lists H among its atom types.
    """

    formulas: Mapping[str, Mapping[str, float]]
    units: float | None
    in_cell: Mapping[str, float]
    weight: float | None
    densities: Mapping[str, tuple[float, float]]
    volume_ang3: float | None
    refined_hydrogens: str

    @property
    def elements(self) -> frozenset[str]:
        """Of the formula, where there is one."""
        return frozenset().union(*self.formulas.values()) if self.formulas else frozenset()

    def of_atoms(self, counts: Mapping[str, float]) -> list[Contradiction]:
        """What the numbers of atoms in the cell contradict."""
        found = [wrong for tag in self.formulas if (wrong := self._of_formula(tag, counts)) is not None]
        for element, amount in self.in_cell.items():
            have = counts.get(element, 0)
            if not _same(have, amount):
                per_unit = (amount - have) / self.units if self.units else amount - have
                found.append(
                    Contradiction(
                        tag="_atom_type_number_in_cell",
                        says=f"{amount:g} {element} in the cell",
                        built=f"{have:g}",
                        missing_hydrogens=per_unit if element == "H" and amount > have else 0.0,
                    )
                )
        return found

    def _of_formula(self, tag: str, counts: Mapping[str, float]) -> Contradiction | None:
        formula = self.formulas[tag]
        factors = self._factors(tag, counts)
        if any(_agree(counts, formula, factor) for factor in factors):
            return None
        factor = factors[0]
        without = {element: amount for element, amount in formula.items() if element != "H"}
        rest = {element: count for element, count in counts.items() if element != "H"}
        lacking = formula.get("H", 0) - counts.get("H", 0) / factor
        only_h = _agree(rest, without, factor) and lacking > 0.01
        times = f" x {self.units:g}" if self.units else ""
        return Contradiction(
            tag=tag,
            says=f"{formula_text(formula)}{times}",
            built=formula_text(counts),
            missing_hydrogens=lacking if only_h else 0.0,
        )

    def _factors(self, tag: str, counts: Mapping[str, float]) -> list[float]:
        """How many of the formula may make the cell: Z, or what the heavier elements say where there is no Z.

        pymatgen writes the atoms of the whole cell as the sum, beside Z and the formula of one unit (structural).
        """
        formula = self.formulas[tag]
        beside = tag != "_chemical_formula_sum" and "_chemical_formula_sum" in self.formulas
        if self.units and not beside:  # a formula beside the sum may be of another unit
            structural = self.formulas.get("_chemical_formula_structural", {})
            whole = all(float(amount).is_integer() for amount in formula.values())
            divisor = gcd(*(int(amount) for amount in formula.values())) if whole else 1
            of_cell = tag == "_chemical_formula_sum" and divisor == self.units
            return [self.units] + [1.0] * (of_cell and _agree(formula, structural, self.units))
        heavy = [element for element in formula if element != "H" and formula[element] > 0] or list(formula)
        return [max(counts.get(heavy[0], 0) / formula[heavy[0]], 1e-6)]

    def of_cell(self, volume_ang3: float, mass_u: float) -> list[Contradiction]:
        """What volume and mass of the cell contradict."""
        found = []
        density = density_of(mass_u, volume_ang3)
        if self.volume_ang3 and abs(self.volume_ang3 / volume_ang3 - 1) > SAME_VOLUME:
            says, built = f"{self.volume_ang3:g} Å3", f"{volume_ang3:.2f} Å3 from the lattice constants"
            found.append(Contradiction(tag="_cell_volume", says=says, built=built))
        for tag, (value, tolerance) in self.densities.items():
            if abs(value / density - 1) > tolerance:
                found.append(Contradiction(tag=tag, says=f"{value:g} g/cm3", built=f"{density:.2f} g/cm3"))
        if self.weight and self.units and abs(self.weight * self.units / mass_u - 1) > SAME_WEIGHT:
            says = f"{self.weight:g} x {self.units:g}"
            more = (self.weight - mass_u / self.units) / float(Element("H").atomic_mass)
            hydrogens = round(more) if not self.formulas and round(more) > 0 and abs(more - round(more)) < 0.1 else 0
            found.append(
                Contradiction(
                    tag="_chemical_formula_weight", says=says, built=f"{mass_u:.2f}", missing_hydrogens=hydrogens
                )
            )
        return found


def formula_text(counts: Mapping[str, float]) -> str:
    """``C H5 Br3 N2 Pb``: C, H, then the alphabet."""
    first = [symbol for symbol in ("C", "H") if symbol in counts and "C" in counts]
    order = first + sorted(set(counts) - set(first))
    return " ".join(symbol if counts[symbol] == 1 else f"{symbol}{counts[symbol]:g}" for symbol in order)


def _same(have: float, want: float) -> bool:
    """Whole numbers to the atom; what was refined, to what refined numbers are worth."""
    return abs(have - want) <= (0.01 if float(want).is_integer() else SAME_AMOUNT * max(want, 1.0))


def _agree(counts: Mapping[str, float], formula: Mapping[str, float], factor: float) -> bool:
    return all(_same(counts.get(name, 0) / factor, formula.get(name, 0)) for name in {*counts, *formula})


def _counts(text: str) -> dict[str, float] | None:
    """Amounts of a formula without brackets; None when it is none."""
    squeezed = re.sub(r"[\s'\"]", "", text)
    tokens = _TOKEN.findall(squeezed)
    if not tokens or "".join(symbol + amount for symbol, amount in tokens) != squeezed:
        return None
    found: Counter[str] = Counter()
    for symbol, amount in tokens:
        element = element_called(symbol)
        if element is None:
            return None
        found[element] += float(amount or 1)  # type: ignore[assignment]
    return {element: amount for element, amount in found.items() if amount > 0}


def _nested(text: str) -> dict[str, float] | None:
    """Amounts of a formula with brackets (``Pb (C H3 N H3) I3``) and parts between commas (``C H5 N2 1+, Pb Br3 1-``).

    None when it is none.
    """
    rest = _CHARGED.sub(" ", f" {text} ").replace("[", "(").replace("]", ")").replace("{", "(").replace("}", ")")
    total: Counter[str] = Counter()
    for part in rest.split(","):
        factor, body = _factor(part.strip())
        while (inner := re.search(r"\(([^()]*)\)\s*(\d+(?:\.\d+)?)?", body)) is not None:
            counts = _counts(inner[1]) if inner[1].strip() else None
            if counts is None:
                return None
            times = float(inner[2] or 1)
            flat = " ".join(f"{symbol}{amount * times:.6g}" for symbol, amount in counts.items())
            body = f"{body[: inner.start()]} {flat} {body[inner.end() :]}"
        counts = _counts(body) if "e-" not in body else None
        if counts is None:
            return None
        for symbol, amount in counts.items():
            total[symbol] += factor * amount  # type: ignore[assignment]
    return dict(total)


def _factor(part: str) -> tuple[float, str]:
    """``2(C H6 N)`` as 2 and the rest."""
    found = re.match(r"(\d+(?:\.\d+)?)\s*(?=[(A-Z])", part)
    return (float(found[1]), part[found.end() :]) if found else (1.0, part)


def cif_claims(block: CifBlock) -> CifClaims:
    """The statements of a block; ``?``, ``.`` and what cannot be read are none."""
    formulas = {}
    for tag in _FORMULA_TAGS:
        text = block.value(tag)
        counts = (_counts(text) or (_nested(text) if tag != _FORMULA_TAGS[0] else None)) if text else None
        if counts:
            formulas[tag] = counts
    units = block.number("_cell_formula_units_z")
    densities = {
        tag: (value / (1000 if value > HEAVIEST_G_PER_CM3 else 1), tolerance + uncertainty_of(block.value(tag)) / value)
        for tag, tolerance in (
            ("_exptl_crystal_density_diffrn", SAME_DENSITY),
            ("_exptl_crystal_density_meas", SAME_MEASURED_DENSITY),
        )
        if (value := block.number(tag)) is not None and value > 0
    }
    return CifClaims(
        formulas=formulas,
        units=units if units and units > 0 else None,
        in_cell=_in_cell(block),
        weight=block.number("_chemical_formula_weight") or None,
        densities=densities,
        volume_ang3=block.number("_cell_volume") or None,
        refined_hydrogens=_refined_hydrogens(block),
    )


def _in_cell(block: CifBlock) -> dict[str, float]:
    found: Counter[str] = Counter()
    types, numbers = block.column("_atom_type_symbol"), block.column("_atom_type_number_in_cell")
    for name, text in zip(types, numbers, strict=False):
        element, number = element_called(name), cif_number(text)
        if element is None or number is None:
            return {}
        found[element] += number  # type: ignore[assignment]
    return dict(found)


def _refined_hydrogens(block: CifBlock) -> str:
    """The statement by which a file without hydrogens says that there are some; ``""`` for none."""
    if any(element_called(name) == "H" for name in block.column("_atom_type_symbol")):
        return f"{block.tag_of('_atom_type_symbol')} lists H"
    treatment = block.value("_refine_ls_hydrogen_treatment").lower()
    organic = any(element_called(name) == "C" for name in block.column("_atom_site_type_symbol"))
    if organic and treatment in ("constr", "mixed", "hetero", "refall", "refxyz", "refu", "heteroxyz", "heterou"):
        return f"_refine_ls_hydrogen_treatment is {treatment}"
    if organic and re.search(
        r"ammonium|amidinium|guanidinium|hydr(?:o|a)|(?:meth|eth|prop|but)yl", _names(block), re.I
    ):
        return f"its name is {_names(block)!r}"
    return ""


def _names(block: CifBlock) -> str:
    return block.value("_chemical_name_systematic", "_chemical_name_common", "_chemical_name_structure_type")


def mass_of(counts: Mapping[str, float], heavy: int) -> float:
    """Mass of the atoms in u, `heavy` of the hydrogens being deuterium."""
    mass = sum(float(Element(symbol).atomic_mass) * count for symbol, count in counts.items())
    return mass + heavy * (DEUTERIUM_U - float(Element("H").atomic_mass))


def density_of(mass_u: float, volume_ang3: float) -> float:
    """g/cm3."""
    return mass_u / volume_ang3 * G_PER_CM3
