"""Whether the files of one calculation belong together: the same questions for every code.

What the log says counts. Where it says nothing, the other files are compared with each other, and a difference concerns
both sides, for nobody knows which one is wrong. What a file does not say itself proves nothing: such a question stays
open, which is no agreement and no refusal.

Tolerances are those of what is printed, by the code that prints least: lattice vectors with six decimals, numbers of
electrons with four digits (CASTEP), Fermi levels with four decimals of an eV (Quantum ESPRESSO, VASP), densities with
six decimals (CASTEP), fractional coordinates with six decimals (CASTEP, VASP).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dftflow.analysis.atoms import SAME_PLACE_ANG, atoms_of, farthest_atom_ang, other_elements
from dftflow.analysis.cells import SAME_CELL_ANG, cell_difference_ang
from dftflow.model.check import Check, Part
from dftflow.model.method import SAME_CUTOFF_EV, Method
from dftflow.model.results import Atoms, Bands, FloatArray, Results

__all__ = ["belonging"]

ELECTRON_DIGITS = 4
SAME_LEVEL_EV = 1e-4
_LAST_IS_FINAL = ("finished", "geom_not_converged")
_NAMES: dict[str, str] = {"structure": "geometry", "bands": "eigenvalues", "own log": "log of their run"}


def belonging(results: Results) -> tuple[Check, ...]:
    """The checks between log, eigenvalues, potential and density of one calculation."""
    return (
        *_cells(results),
        *_atoms(results),
        *_electrons(results),
        *_spins(results),
        *_fermi(results),
        *_cutoff(results),
    )


def _name(part: str) -> str:
    return _NAMES.get(part, part)


# --- cells ------------------------------------------------------------------------------------------------------


def _cells(results: Results) -> Iterator[Check]:
    told: dict[Part, FloatArray] = {}
    untold: list[Part] = []
    if results.structure is not None:
        told["structure"] = np.asarray(results.structure.lattice.matrix, dtype=np.float64)
    if results.bands is not None and results.bands.stands_in == "own file":
        told["bands"] = results.bands.cell_ang
    elif results.bands is not None and results.bands.stands_in == "bare file":
        untold.append("bands")
    if results.potential is not None and results.potential.tells_cell:
        told["potential"] = results.potential.cell_ang
    elif results.potential is not None:
        untold.append("potential")
    if results.density is not None:
        told["density"] = results.density.cell_ang
    by_log = results.structure is not None and results.status != "unknown"
    for first, second in combinations(told, 2):
        if by_log and first != "structure":
            continue
        yield _same_cells(told[first], told[second], first, second, (second,) if by_log else (first, second))
    own = None if results.bands_run is None else results.bands_run.structure
    if own is not None and "bands" in told:
        cell_ang = np.asarray(own.lattice.matrix, dtype=np.float64)
        yield _same_cells(cell_ang, told["bands"], "own log", "bands", ("bands",))
    for part in untold:
        yield Check(
            name=f"cell of the {_name(part)} = cell of the geometry",
            passed=None,
            detail="the file does not hold its cell",
            concerns=(part,),
        )


def _same_cells(a_ang: FloatArray, b_ang: FloatArray, first: str, second: str, concerns: tuple[Part, ...]) -> Check:
    apart_ang = cell_difference_ang(a_ang, b_ang)
    volumes = f"{abs(np.linalg.det(b_ang)):.3f} and {abs(np.linalg.det(a_ang)):.3f} Å³"
    return Check(
        name=f"cell of the {_name(second)} = cell of the {_name(first)}",
        passed=apart_ang <= SAME_CELL_ANG,
        detail=f"lengths and angles differ by {apart_ang:.6f} Å, the volumes are {volumes}",
        concerns=concerns,
    )


# --- atoms ------------------------------------------------------------------------------------------------------


def _atoms(results: Results) -> Iterator[Check]:
    """Whether the atoms that the files name are those of the geometry.

    A potential is nothing but its atoms and its cell, so that of one without atoms it is said. The eigenvalues of a
    run that has not finished may be those of an earlier geometry.
    """
    bands, run, potential = results.bands, results.bands_run, results.potential
    if potential is not None:
        yield _same_atoms(results, "potential", "the potential", potential.atoms)
    if bands is not None and bands.atoms is not None:
        yield _same_atoms(results, "bands", "the eigenvalues", bands.atoms)
    if run is not None and run.structure is not None:
        yield _same_atoms(results, "bands", "the eigenvalues' run", atoms_of(run.structure))


def _same_atoms(results: Results, part: Part, of: str, found: Atoms | None) -> Check:
    name, structure = f"atoms of {of} = atoms of the geometry", results.structure
    if found is None or structure is None:
        detail = "the file does not name its atoms" if found is None else "the geometry is not known"
        return Check(name=name, passed=None, detail=detail, concerns=(part,))
    concerns: tuple[Part, ...] = (part,) if results.status != "unknown" else ("structure", part)
    wanted = atoms_of(structure)
    other = other_elements(found, wanted)
    if other:
        return Check(name=name, passed=False, detail=other, concerns=concerns)
    apart_ang = farthest_atom_ang(found, wanted, np.asarray(structure.lattice.matrix, dtype=np.float64))
    passed: bool | None = apart_ang <= SAME_PLACE_ANG
    detail = f"the places of {len(wanted.elements)} atoms differ by up to {apart_ang:.6f} Å"
    if not passed and part == "bands" and results.status not in (*_LAST_IS_FINAL, "unknown"):
        passed, detail = None, f"{detail}; the last geometry in the log is not that of a finished SCF"
    if passed and "" in found.elements:
        passed, detail = None, f"{detail}; the file does not name the elements"
    return Check(name=name, passed=passed, detail=detail, concerns=concerns)


# --- electrons --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """A number of electrons, and how much of it the digits that are printed may hide."""

    part: Part
    electrons: float
    hidden: float

    def fits(self, other: _Count) -> bool | None:
        """Whether both are one number; None where they are but for what their digits hide."""
        apart, hidden = abs(self.electrons - other.electrons), self.hidden + other.hidden
        if not np.isfinite(apart):
            return None
        if self.part != "density":
            return apart <= hidden
        return True if apart <= self.hidden else None if apart <= hidden else False


def _electrons(results: Results) -> Iterator[Check]:
    counts = []
    if results.bands is not None and results.bands.stands_in == "own file":
        counts.append(_printed("bands", *results.bands.n_electrons))
    if results.density is not None:
        counts.append(_Count(part="density", electrons=results.density.n_electrons, hidden=results.density.counted_to))
    logs = _log_electrons(results)
    if not logs:
        for first, second in combinations(counts, 2):
            yield _same_electrons(first, second, _name(first.part), (first.part, second.part))
        return
    for count in counts:
        for log in dict.fromkeys(logs if count.part == "bands" else logs[:1]):
            yield _same_electrons(_printed(count.part, log), count, "log", (count.part,))


def _log_electrons(results: Results) -> list[float]:
    """The crystal's in the log, and in that of the run that its eigenvalues are of; either where one does not tell."""
    methods = (results.method, None if results.bands_run is None else results.bands_run.method)
    return [m.n_electrons for m in methods if m is not None and m.n_electrons is not None]


def _printed(part: Part, *electrons: float) -> _Count:
    """Half a unit of the last of four digits may be hidden in each number."""
    sizes = np.floor(np.log10(np.maximum(np.abs(electrons), 1.0)))
    return _Count(
        part=part, electrons=sum(electrons), hidden=float(np.sum(0.5 * 10.0 ** (sizes + 1 - ELECTRON_DIGITS)))
    )


def _same_electrons(reference: _Count, count: _Count, against: str, concerns: tuple[Part, ...]) -> Check:
    passed = count.fits(reference)
    printed = f"{reference.electrons:.10g} and {count.electrons:.10g}"
    detail = f"{printed}, difference {abs(count.electrons - reference.electrons):.6f} e"
    if passed is None:
        detail += f"; what is printed may hide {reference.hidden + count.hidden:g} e"
    return Check(
        name=f"electrons of the {_name(count.part)} = electrons of the {against}",
        passed=passed,
        detail=detail,
        concerns=concerns,
    )


# --- spins ------------------------------------------------------------------------------------------------------


def _spins(results: Results) -> Iterator[Check]:
    told: dict[Part, str] = {}
    if results.bands is not None and results.bands.stands_in != "log":
        told["bands"] = _channels(len(results.bands.n_electrons), spinor=results.bands.spinor)
    if results.potential is not None and results.potential.n_spins is not None and not _may_be_spinor(results):
        told["potential"] = _channels(results.potential.n_spins, spinor=False)
    if results.density is not None:
        told["density"] = _channels(results.density.n_spins, spinor=results.density.spinor)
    log = _log_channels(results.method)
    own = log if results.bands_run is None else _log_channels(results.bands_run.method)
    for part, channels in told.items():
        allowed = own if part == "bands" else log
        if allowed:
            yield _same_spins(part, channels, " or ".join(allowed), channels in allowed, "run", (part,))
    for first, second in combinations(told, 2) if not log and not own else ():
        yield _same_spins(second, told[second], told[first], told[first] == told[second], _name(first), (first, second))


def _may_be_spinor(results: Results) -> bool:
    """Of such a run the codes write the potential in one, two or four sets."""
    return "spinors" in _log_channels(results.method) or (results.bands is not None and results.bands.spinor)


def _channels(n_spins: int, *, spinor: bool) -> str:
    return "spinors" if spinor else "two channels" if n_spins == 2 else "one channel"


def _log_channels(method: Method | None) -> tuple[str, ...]:
    """What the files of such a run may hold; ``()`` where it is not told."""
    if method is None:
        return ()
    if method.spinor or method.spin_orbit:
        return ("spinors",)
    if method.spin_polarised is None:
        return ()
    if not method.spin_polarised:
        return ("one channel",)
    return ("two channels", "spinors") if method.spinor is None else ("two channels",)


def _same_spins(part: Part, found: str, wanted: str, same: bool, against: str, concerns: tuple[Part, ...]) -> Check:
    return Check(
        name=f"spins of the {_name(part)} = spins of the {against}",
        passed=same,
        detail=f"{found}, expected {wanted}",
        concerns=concerns,
    )


# --- the Fermi level --------------------------------------------------------------------------------------------


def _fermi(results: Results) -> Iterator[Check]:
    bands = results.bands
    log = results.log_fermi if results.bands_run is None else results.bands_run.log_fermi
    if bands is None or bands.stands_in != "own file" or (log is None and results.status == "unknown"):
        return
    name = "Fermi level of the eigenvalues = Fermi level of the log"
    levels_ev = _levels_ev(bands)
    said = " and ".join(f"{level:.5f}" for level in levels_ev)
    if log is None:
        detail = f"{said} eV; the log gives none"
        yield Check(name=name, passed=None, detail=detail, concerns=("bands",))
        return
    apart_ev = min(abs(level - log.value_ev) for level in levels_ev)
    passed: bool | None = apart_ev <= SAME_LEVEL_EV
    detail = f"{said} eV and {log.value_ev:.5f} eV"
    if not passed and results.status not in _LAST_IS_FINAL:
        passed, detail = None, f"{detail}; the last one in the log is not that of a finished SCF"
    yield Check(name=name, passed=passed, detail=detail, concerns=("bands",))


def _levels_ev(bands: Bands) -> tuple[float, ...]:
    """One, or one a channel where they differ."""
    return tuple(dict.fromkeys(bands.fermi_by_spin_ev)) or (bands.fermi_ev,)


# --- the cutoff -------------------------------------------------------------------------------------------------


def _cutoff(results: Results) -> Iterator[Check]:
    """Whether a potential that tells its cutoff was calculated with that of the run."""
    found = None if results.potential is None else results.potential.cutoff_ev
    if found is None:
        return
    wanted = None if results.method is None else results.method.cutoff_ev
    yield Check(
        name="cutoff of the potential = cutoff of the run",
        passed=None if wanted is None else abs(found - wanted) <= SAME_CUTOFF_EV,
        detail=f"{found:.4f} eV; the run gives none" if wanted is None else f"{found:.4f} and {wanted:.4f} eV",
        concerns=("potential",),
    )
