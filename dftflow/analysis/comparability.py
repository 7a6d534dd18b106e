"""Whether the energies of two calculations may be subtracted at all.

A difference of two total energies, or of two levels that were lined up, is free of the errors that both share: those of
the functional, of the potentials, of the basis set. It is so only where both were made in the same way. What must agree
and what only costs accuracy is decided row by row; a row is about what the two have in common, so that the potentials
and the U of an element that only one of them holds do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dftflow.analysis.calculation_levels import slab_normal
from dftflow.model.comparison import Comparison, ComparisonRow, Verdict
from dftflow.model.kpoint_grid import grid_text, same_shift, spacing_of_grid
from dftflow.model.method import SAME_CUTOFF_EV, SAME_U_EV, Method, hubbard_text
from dftflow.model.results import Results, Status

__all__ = ["compare"]

UNKNOWN = "unknown"
NEAR_CUTOFF = 1e-3  # of the cutoff: one value that two people rounded, or converted from Rydberg
SAME_K_DENSITY = 0.2  # of one another: grids of whole numbers cannot be closer in cells of different size
SAME_CELL_ANG = 0.01
SAME_SMEARING_EV = 1e-6
FIXED = "fixed"
NO_CORRECTION = "none"

_SEVERITY: tuple[Verdict, ...] = ("caution", "unknown", "differs")
_UNFINISHED: dict[Status, str] = {
    "scf_not_converged": "an energy whose SCF did not converge has no meaning",
    "geom_not_converged": "the energy is not that of a minimum",
    "out_of_time": "the run stopped before its end, and its last energy need not be converged",
    "truncated": "the run has no end, and its last energy need not be converged",
    "died": "the run died, and its last energy need not be converged",
    "unknown": "there is no readable log that tells whether it converged",
}


def compare(first: Results, second: Results) -> Comparison:
    """Compare how two calculations were made and how they ended.

    Parameters
    ----------
    first, second
        From any code; what a file does not tell counts as unknown, never as agreement.
    """
    a, b = _method(first), _method(second)
    elements = _elements(first), _elements(second)
    rows = [
        _statuses(first.status, second.status),
        _plain("code", a.code, b.code, "two codes count their total energies from different zeros"),
        _versions(a, b),
        _plain("functional", a.functional, b.functional, "total energies of two functionals have nothing in common"),
        _plain("dispersion correction", a.dispersion, b.dispersion, "the correction itself would be in the difference"),
        _cutoffs(a, b),
        _potentials(a, b, elements),
        _k_density(a, b, same_cell=_same_cell(first, second)),
        _spins(a, b),
        _plain(
            "spin-orbit coupling",
            _yes(a.spin_orbit),
            _yes(b.spin_orbit),
            "with heavy elements it moves total energies by eV, and band edges by up to 1 eV",
        ),
        _hubbard(a, b, elements),
        _smearing(a, b),
        _dipole(a, b, (_is_slab(first), _is_slab(second))),
        _constants(a, b),
    ]
    return Comparison(rows=tuple(rows))


def _method(results: Results) -> Method:
    """The method with the step of its grid that matters: for a slab, the largest one in its plane.

    Along the normal of a slab there is one k-point, and a step that only tells how much vacuum the cell holds.
    """
    method = results.method
    if method is None:
        return Method(code=results.code, code_version=results.code_version, hubbard_u_ev=None)
    spacing, normal = method.kpoint_spacing_per_ang, _normal(results)
    if normal is not None and results.structure is not None and method.kpoints_grid and min(method.kpoints_grid) > 0:
        spacing = spacing_of_grid(results.structure.lattice.matrix, method.kpoints_grid, normal=normal)
    is_step = spacing is not None and 0 < spacing < np.inf
    return replace(method, kpoint_spacing_per_ang=spacing if is_step else None)


def _normal(results: Results) -> int | None:
    """Lattice vector along which the cell holds a slab's vacuum; None for a crystal, and when nothing is known."""
    structure = results.structure
    return None if structure is None else slab_normal(structure.frac_coords, structure.lattice.matrix)


def _is_slab(results: Results) -> bool | None:
    return None if results.structure is None else _normal(results) is not None


def _elements(results: Results) -> frozenset[str] | None:
    """Symbols of what the cell holds; None when the structure is not known."""
    return None if results.structure is None else frozenset(results.structure.composition.chemical_system_set)


def _row(quantity: str, first: str, second: str, verdict: Verdict, consequence: str) -> ComparisonRow:
    return ComparisonRow(
        quantity=quantity,
        first=first,
        second=second,
        verdict=verdict,
        consequence="" if verdict == "same" else consequence,
    )


def _plain(quantity: str, first: str | None, second: str | None, consequence: str) -> ComparisonRow:
    if first is None or second is None:
        return _untold(quantity, first, second)
    verdict: Verdict = "same" if first.casefold() == second.casefold() else "differs"
    return _row(quantity, first, second, verdict, consequence)


def _untold(quantity: str, first: str | None, second: str | None) -> ComparisonRow:
    return _row(quantity, first or UNKNOWN, second or UNKNOWN, "unknown", "the files do not tell it")


# --- how they ended ---------------------------------------------------------------------------------------------


def _statuses(first: Status, second: Status) -> ComparisonRow:
    unfinished = [status for status in dict.fromkeys((first, second)) if status != "finished"]
    verdict: Verdict = "same"
    if unfinished:
        verdicts: dict[str, Verdict] = {"geom_not_converged": "caution", "unknown": "unknown"}
        verdict = max((verdicts.get(status, "differs") for status in unfinished), key=_SEVERITY.index)
    consequence = "; ".join(_UNFINISHED[status] for status in unfinished)
    return _row("status", first.replace("_", " "), second.replace("_", " "), verdict, consequence)


def _versions(a: Method, b: Method) -> ComparisonRow:
    """No more than a caution, even when unknown: what a version changes shows in the other rows."""
    is_same = bool(a.code_version) and (a.code, a.code_version) == (b.code, b.code_version)
    consequence = "defaults and built-in potentials may have changed" if a.code == b.code else "of two codes"
    first, second = a.code_version or UNKNOWN, b.code_version or UNKNOWN
    return _row("version", first, second, "same" if is_same else "caution", consequence)


# --- basis set and potentials -----------------------------------------------------------------------------------


def _cutoffs(a: Method, b: Method) -> ComparisonRow:
    if a.cutoff_ev is None or b.cutoff_ev is None:
        return _untold("cutoff", _ev(a.cutoff_ev), _ev(b.cutoff_ev))
    apart_ev = abs(a.cutoff_ev - b.cutoff_ev)
    verdict: Verdict = "differs"
    consequence = "the basis-set error of a total energy cancels at one cutoff only, and can be of the order of eV"
    if apart_ev < SAME_CUTOFF_EV:
        verdict = "same"
    elif apart_ev < NEAR_CUTOFF * max(a.cutoff_ev, b.cutoff_ev):
        verdict = "caution"
        consequence = f"they are {apart_ev:.2g} eV apart: the basis-set error cancels but for a small rest"
    return _row("cutoff", f"{a.cutoff_ev:.8g} eV", f"{b.cutoff_ev:.8g} eV", verdict, consequence)


def _potentials(a: Method, b: Method, elements: tuple[frozenset[str] | None, frozenset[str] | None]) -> ComparisonRow:
    if not a.potentials or not b.potentials:
        return _untold("potentials", _listed(a.potentials), _listed(b.potentials))
    first, second = (known or frozenset(p) for known, p in zip(elements, (a.potentials, b.potentials), strict=True))
    shared = sorted(first & second)
    other = [e for e in shared if e in a.potentials and e in b.potentials and a.potentials[e] != b.potentials[e]]
    untold = [e for e in shared if e not in a.potentials or e not in b.potentials]
    if other:
        consequence = f"{', '.join(other)}: the energy of another potential has another zero"
        return _row("potentials", _of(other, a.potentials), _of(other, b.potentials), "differs", consequence)
    if untold:
        consequence = f"the files do not tell that of {', '.join(untold)}"
        return _row("potentials", _of(untold, a.potentials), _of(untold, b.potentials), "unknown", consequence)
    if not shared:
        consequence = "no element is in both, so that no potential's error cancels in this difference alone"
        return _row("potentials", ", ".join(sorted(first)), ", ".join(sorted(second)), "caution", consequence)
    text = f"the same for {', '.join(shared)}"
    return _row("potentials", text, text, "same", "")


# --- k-points ---------------------------------------------------------------------------------------------------


def _same_cell(first: Results, second: Results) -> bool:
    """Whether both have the lattice vectors of the same lengths and angles, however they are turned in space."""
    if first.structure is None or second.structure is None:
        return False
    a, b = first.structure.lattice, second.structure.lattice
    lengths = np.allclose(a.abc, b.abc, rtol=0, atol=SAME_CELL_ANG)
    return bool(lengths and np.allclose(a.angles, b.angles, rtol=0, atol=0.1))


def _same_grid(a: Method, b: Method) -> bool | None:
    """Whether both have the same points, for all that their numbers tell; None when one does not tell its shift."""
    if a.kpoints_grid is None or b.kpoints_grid is None:
        return True
    if a.kpoints_grid != b.kpoints_grid:
        return False
    if a.kpoints_shift is None or b.kpoints_shift is None:
        return None
    return same_shift(a.kpoints_shift, b.kpoints_shift)


def _k_density(a: Method, b: Method, *, same_cell: bool) -> ComparisonRow:
    name, first, second = "k-point density", _k_text(a), _k_text(b)
    if a.kpoint_spacing_per_ang is None or b.kpoint_spacing_per_ang is None:
        known = same_cell and a.kpoints_grid is not None and b.kpoints_grid is not None
        if not known:
            return _untold(name, first, second)
        ratio = 1.0
    else:
        ratio = a.kpoint_spacing_per_ang / b.kpoint_spacing_per_ang
    same_grid = _same_grid(a, b) if same_cell else True
    if same_grid is None:
        return _untold(name, first, second)
    if not same_grid:
        consequence = "one cell on two grids: the sampling error does not cancel"
        return _row(name, first or "", second or "", "caution", consequence)
    alike = 1 / (1 + SAME_K_DENSITY) - 1e-9 <= ratio <= 1 + SAME_K_DENSITY + 1e-9
    consequence = "the sampling error does not cancel; converge both, or use the same density"
    return _row(name, first or "", second or "", "same" if alike else "caution", consequence)


# --- electrons --------------------------------------------------------------------------------------------------


def _spins(a: Method, b: Method) -> ComparisonRow:
    first, second = _spin(a), _spin(b)
    if first is None or second is None:
        return _untold("spin", first, second)
    consequence = "right only where the one without spin polarisation has no magnetic moments and no unpaired electrons"
    return _row("spin", first, second, "same" if first == second else "caution", consequence)


def _hubbard(a: Method, b: Method, elements: tuple[frozenset[str] | None, frozenset[str] | None]) -> ComparisonRow:
    first, second = _u_text(a), _u_text(b)
    if a.hubbard_u_ev is None or b.hubbard_u_ev is None:
        return _untold("Hubbard U", first, second)
    other = [
        shell
        for shell in sorted(a.hubbard_u_ev.keys() | b.hubbard_u_ev.keys())
        if abs(a.hubbard_u_ev.get(shell, 0.0) - b.hubbard_u_ev.get(shell, 0.0)) > SAME_U_EV
        and all(known is None or shell.partition(":")[0] in known for known in elements)
    ]
    consequence = f"{', '.join(other)}: energies with different U have no common zero"
    return _row("Hubbard U", first or "", second or "", "differs" if other else "same", consequence)


def _smearing(a: Method, b: Method) -> ComparisonRow:
    first, second = _smearing_text(a), _smearing_text(b)
    if first is None or second is None or not (_width_is_told(a) and _width_is_told(b)):
        return _untold("smearing", first, second)
    apart_ev = abs((a.smearing_ev or 0.0) - (b.smearing_ev or 0.0))
    same = _scheme(a) == _scheme(b) and (_scheme(a) == FIXED or apart_ev < SAME_SMEARING_EV)
    consequence = "subtract only energies that are extrapolated to zero smearing, good to the error of that"
    return _row("smearing", first, second, "same" if same else "caution", consequence)


def _scheme(method: Method) -> str:
    return (method.smearing or "").casefold()


def _width_is_told(method: Method) -> bool:
    return _scheme(method) == FIXED or method.smearing_ev is not None


def _dipole(a: Method, b: Method, is_slab: tuple[bool | None, bool | None]) -> ComparisonRow:
    """The kind counts and not the axis, which is the slab's own; a crystal without the correction is as it should be
    beside a slab with it.
    """
    name, first, second = "dipole correction", a.dipole_correction, b.dipole_correction
    if first is None or second is None:
        return _untold(name, first, second)
    kinds = [text.rpartition(", ")[2].casefold() for text in (first, second)]
    pairs = ((is_slab, kinds[0]), (is_slab[::-1], kinds[1]))
    crystal_beside_slab = any(slabs == (False, True) and kind == NO_CORRECTION for slabs, kind in pairs)
    verdict: Verdict = "same" if kinds[0] == kinds[1] or crystal_beside_slab else "caution"
    return _row(name, first, second, verdict, "right for a slab without a dipole; two other slabs need the same")


# --- constants --------------------------------------------------------------------------------------------------


def _constants(a: Method, b: Method) -> ComparisonRow:
    """Unknown ones are no more than a caution, for their effect is bounded: the hartree in eV of CODATA 2006, the
    farthest off since 2002, is 9e-8 below that of 2022.
    """
    first, second = a.constants or UNKNOWN, b.constants or UNKNOWN
    verdict: Verdict = "same" if a.constants is not None and a.constants == b.constants else "caution"
    consequence = "sets since CODATA 2002 differ by up to 1e-7 of an energy in eV: 1 meV in 10 keV"
    return _row("physical constants", first, second, verdict, consequence)


# --- as text ----------------------------------------------------------------------------------------------------


def _ev(value: float | None) -> str | None:
    return None if value is None else f"{value:g} eV"


def _listed(potentials: Mapping[str, str] | None) -> str | None:
    if not potentials:
        return None
    return "; ".join(f"{element} {name}" for element, name in sorted(potentials.items()))


def _of(elements: list[str], potentials: Mapping[str, str]) -> str:
    return "; ".join(f"{element} {potentials.get(element, UNKNOWN)}" for element in elements)


def _k_text(method: Method) -> str | None:
    grid = None if method.kpoints_grid is None else grid_text(method.kpoints_grid, method.kpoints_shift)
    spacing = method.kpoint_spacing_per_ang
    step = None if spacing is None else f"{spacing:.3f} 1/Å"
    return ", ".join(part for part in (grid, step) if part) or None


def _spin(method: Method) -> str | None:
    if method.spin_polarised is None:
        return None
    return "polarised" if method.spin_polarised else "not polarised"


def _yes(flag: bool | None) -> str | None:
    return None if flag is None else "yes" if flag else "no"


def _u_text(method: Method) -> str | None:
    return None if method.hubbard_u_ev is None else hubbard_text(method.hubbard_u_ev) or "none"


def _smearing_text(method: Method) -> str | None:
    if method.smearing is None:
        return None
    if _scheme(method) == FIXED:
        return method.smearing
    return f"{method.smearing}, {UNKNOWN if method.smearing_ev is None else f'{method.smearing_ev:g} eV'}"
