"""The refusal of a crystal that lacks its hydrogens, as diffraction with X-rays gives it, with a way out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dftflow.errors import StructureError

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["bare_cations", "check_hydrogens", "missing_hydrogens"]

# C-N of formamidinium is 1.31 Å (N-C-N 126°), of methylammonium 1.48 Å. Carbodiimide is straight, cyanide has 1.16 Å.
FA_BONDS_ANG = (1.15, 1.55)
FA_BENT_DEG = (95.0, 155.0)
MA_BOND_ANG = (1.38, 1.62)
NEXT_ANG = 1.7
HYDROGENS = {"FA": 5, "MA": 6}
HOSTS = {"Cl": "CsPbCl3_Pm-3m", "Br": "CsPbBr3_Pm-3m", "I": "CsPbI3_Pm-3m"}


def bare_cations(structure: Structure) -> Counter[str]:
    """``FA`` and ``MA`` by the skeletons of carbon and nitrogen without any hydrogen, and how many of each."""
    found: Counter[str] = Counter()
    symbols = [site.specie.symbol for site in structure]
    if "H" in symbols or not {"C", "N"} <= set(symbols):
        return found
    for k, symbol in enumerate(symbols):
        if symbol == "C":
            found.update(_cation_at(structure, k))
    return found


def _cation_at(structure: Structure, k: int) -> Iterator[str]:
    around = structure.get_neighbors(structure[k], NEXT_ANG)
    beyond = [n for near in around for n in structure.get_neighbors(near, NEXT_ANG) if n.nn_distance > 0.1]
    others = [n for n in beyond if np.linalg.norm(n.coords - structure[k].coords) > 0.1]
    if others or not around or any(near.specie.symbol != "N" for near in around):
        return
    lengths = [near.nn_distance for near in around]
    if len(around) == 1 and MA_BOND_ANG[0] < lengths[0] < MA_BOND_ANG[1]:
        yield "MA"
    if len(around) == 2 and FA_BONDS_ANG[0] < min(lengths) and max(lengths) < FA_BONDS_ANG[1]:
        first, second = (near.coords - structure[k].coords for near in around)
        angle = np.degrees(np.arccos(np.clip(first @ second / lengths[0] / lengths[1], -1, 1)))
        if FA_BENT_DEG[0] < angle < FA_BENT_DEG[1]:
            yield "FA"


def check_hydrogens(structure: Structure, where: str) -> None:
    """Refuse a crystal whose formamidinium or methylammonium has no hydrogen, whatever its file says."""
    found = bare_cations(structure)
    if found:
        name = next(iter(found))
        raise missing_hydrogens(
            structure, f"the atoms C and N of {name} are there, without hydrogens", HYDROGENS[name], where
        )


def missing_hydrogens(structure: Structure, reason: str, per_unit: float, where: str) -> StructureError:
    """The refusal.

    Parameters
    ----------
    structure
        As its file lists it.
    reason
        Which statement of the file says so, and what was found.
    per_unit
        Hydrogens that a formula unit lacks; 0 where that is not known.
    """
    found = bare_cations(structure)
    number = per_unit or (HYDROGENS[next(iter(found))] if len(found) == 1 else 0)
    return StructureError(
        "hydrogens are missing" + (f": {number:g} a formula unit" if number else ""),
        reason=f"{reason}; X-rays hardly see them, and a calculation without them is of another compound",
        fix=_way_out(structure),
        where=where,
    )


def _way_out(structure: Structure) -> str:
    """A study's lines with the molecule in a shipped host, where the skeleton is one that dftflow has."""
    found = bare_cations(structure)
    counts = Counter(site.specie.symbol for site in structure)
    host = next((HOSTS[halogen] for halogen in HOSTS if counts[halogen]), "")
    units = sum(found.values())
    perovskite = host and len(found) == 1 and counts["Pb"] == units and counts[host[4:].split("3")[0]] == 3 * units
    if perovskite:
        name = next(iter(found))
        length = (structure.volume / units) ** (1 / 3)
        return (
            f'build it with whole molecules; in the study: structure = "{host}", '
            f'substitute = {{ site = "Cs", by = "{name}" }}, pseudocubic_ang = {length:.4f}; or '
            f"dftflow structure {host} --substitute Cs={name} --pseudocubic {length:.4f}"
        )
    if found:
        name = next(iter(found))
        return (
            f"write one Cs in the place of each {name} (C and N out), and in the study "
            f'substitute = {{ site = "Cs", by = "{name}" }}'
        )
    return "give the places of the hydrogens (from neutron diffraction, or added by a molecule editor)"
