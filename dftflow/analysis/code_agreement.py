"""Whether two codes, each with potentials of its own, agree on one crystal or one slab.

Total energies, cutoffs and potentials of two codes have no common measure. What does not hang on them has one, to a
tolerance: the equations of state of elements by recent codes and potentials agree to the precision of experiments
(10.1126/science.aad3000). For levels there is no such number for all potentials: the tolerances here are conventions,
wide enough for two converged calculations with good potentials, and narrow enough for a forgotten setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import numpy as np

from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.analysis.comparability import compare
from dftflow.model.absolute import CalculationLevels
from dftflow.model.code_comparison import CodeComparison, CodeRow, CodeVerdict
from dftflow.model.comparison import ComparisonRow, Verdict
from dftflow.model.levels import BandEdges
from dftflow.model.results import Bands, FloatArray, Results

__all__ = ["compare_codes"]

VOLUME = 0.01
LENGTH = 0.005
GAP_EV, BANDS_EV, LEVEL_EV = 0.05, 0.05, 0.10
SAME_VOLUME = 0.002
"""Above it the levels are those of two geometries."""

SAME_K = 1e-3
UNKNOWN = "unknown"
DELTA = "a convention; equations of state of elements agree better, 10.1126/science.aad3000"
CONVENTION = "a convention"
INTENT = ("functional", "dispersion correction", "spin", "spin-orbit coupling", "Hubbard U", "smearing")
_VERDICTS: dict[Verdict, CodeVerdict] = {
    "same": "agrees",
    "differs": "differs",
    "caution": "caution",
    "unknown": "unknown",
}
_OWN = {
    "code": "",
    "version": "",
    "cutoff": "each set of potentials has its own: both have to be converged",
    "potentials": "each code has its own; their difference is part of what is compared here",
}


def compare_codes(first: Results, second: Results) -> CodeComparison:
    """Compare what two codes made of the same thing.

    Parameters
    ----------
    first, second
        Of two codes, or of one with two sets of potentials.
    """
    by_name = {row.quantity: row for row in compare(first, second).rows}
    levels = calculation_levels(first), calculation_levels(second)
    rows = [
        *(_as_it_is(by_name[name], "not comparable", note) for name, note in _OWN.items()),
        _as_it_is(by_name["status"], _VERDICTS[by_name["status"].verdict], by_name["status"].consequence),
        *(_intent(by_name[name]) for name in INTENT),
        _k_points(by_name["k-point density"]),
        *_geometry(first, second, levels),
        _energies(first, second),
        *_band_rows(first, second, levels),
        *_surface_rows(levels),
    ]
    return CodeComparison(rows=tuple(rows))


# --- what was asked for -----------------------------------------------------------------------------------------


def _as_it_is(row: ComparisonRow, verdict: CodeVerdict, note: str) -> CodeRow:
    return CodeRow(quantity=row.quantity, first=row.first, second=row.second, tolerance="", verdict=verdict, note=note)


def _intent(row: ComparisonRow) -> CodeRow:
    note = "" if row.verdict == "same" else "not the same calculation was asked for"
    return _as_it_is(row, _VERDICTS[row.verdict], row.consequence if row.verdict == "unknown" else note)


def _k_points(row: ComparisonRow) -> CodeRow:
    note = "" if row.verdict == "same" else "the sampling errors differ; compare with the same density"
    return CodeRow(
        quantity=row.quantity,
        first=row.first,
        second=row.second,
        tolerance=f"20 % of the step, {CONVENTION}",
        verdict=_VERDICTS[row.verdict],
        note=row.consequence if row.verdict == "unknown" else note,
    )


# --- what came out ----------------------------------------------------------------------------------------------


def _number(
    quantity: str, values: tuple[float | None, float | None], unit: str, *, tolerance: float, of: str = CONVENTION
) -> CodeRow:
    """A row of two numbers that may differ by `tolerance`."""
    first, second = values
    verdict: CodeVerdict = "unknown"
    note = ""
    if first is not None and second is not None:
        verdict = "agrees" if abs(second - first) <= tolerance else "differs"
        note = f"{second - first:+.3f} {unit}"
    shown = [UNKNOWN if value is None else f"{value:.3f} {unit}" for value in values]
    return CodeRow(
        quantity=quantity,
        first=shown[0],
        second=shown[1],
        tolerance=f"{tolerance:.3g} {unit}, {of}",
        verdict=verdict,
        note=note or "one side does not give it",
    )


def _geometry(
    first: Results, second: Results, levels: tuple[CalculationLevels, CalculationLevels]
) -> Iterator[CodeRow]:
    a, b = first.structure, second.structure
    if a is None or b is None:
        shown = [UNKNOWN if structure is None else "told" for structure in (a, b)]
        yield CodeRow(quantity="geometry", first=shown[0], second=shown[1], tolerance="", verdict="unknown")
        return
    formulae = [structure.composition.reduced_formula for structure in (a, b)]
    same = formulae[0] == formulae[1]
    yield CodeRow(
        quantity="formula",
        first=formulae[0],
        second=formulae[1],
        tolerance="",
        verdict="agrees" if same else "differs",
        note="" if same else "not the same thing was calculated",
    )
    if any(one.normal is not None for one in levels):
        return
    units = [structure.composition.get_reduced_composition_and_factor()[1] for structure in (a, b)]
    volumes = float(a.volume / units[0]), float(b.volume / units[1])
    yield _number("volume per formula unit", volumes, "Å³", tolerance=VOLUME * volumes[0], of=f"1 %: {DELTA}")
    if len(a) == len(b):
        names = ("shortest", "middle", "longest")
        for name, *lengths in zip(names, sorted(a.lattice.abc), sorted(b.lattice.abc), strict=True):
            one, other = map(float, lengths)
            yield _number(
                f"{name} lattice vector", (one, other), "Å", tolerance=LENGTH * one, of=f"0.5 %, {CONVENTION}"
            )


def _energies(first: Results, second: Results) -> CodeRow:
    shown = [UNKNOWN if x.energy_ev is None else f"{x.energy_ev:.3f} eV" for x in (first, second)]
    note = "its zero is that of the code and its potentials; so are differences between cells of another composition"
    return CodeRow(
        quantity="total energy", first=shown[0], second=shown[1], tolerance="", verdict="not comparable", note=note
    )


# --- bands ------------------------------------------------------------------------------------------------------


def _band_rows(
    first: Results, second: Results, levels: tuple[CalculationLevels, CalculationLevels]
) -> Iterator[CodeRow]:
    a, b = levels[0].edges, levels[1].edges
    if a is None and b is None:
        return
    yield _number("band gap", (_gap(a), _gap(b)), "eV", tolerance=GAP_EV, of=f"{CONVENTION}{_at_two(first, second)}")
    if a is None or b is None:
        return
    kinds = [edges.kind for edges in (a, b)]
    yield CodeRow(
        quantity="kind of gap",
        first=kinds[0],
        second=kinds[1],
        tolerance="",
        verdict="agrees" if kinds[0] == kinds[1] else "differs",
        note="" if kinds[0] == kinds[1] else "compare the sets of k-points, too",
    )
    apart = _valence_bands_apart_ev(first, second, a, b)
    if apart is not None:
        rms_ev, count = apart
        yield CodeRow(
            quantity="valence bands below the VBM",
            first=f"at {count} common k-points",
            second=f"rms difference {rms_ev:.3f} eV",
            tolerance=f"{BANDS_EV:g} eV, {CONVENTION}",
            verdict="agrees" if rms_ev <= BANDS_EV else "differs",
        )


def _gap(edges: BandEdges | None) -> float | None:
    return None if edges is None else edges.band_gap_ev


def _at_two(first: Results, second: Results) -> str:
    """What is to be said of levels at two geometries."""
    if first.structure is None or second.structure is None:
        return ""
    volumes = [structure.volume / len(structure) for structure in (first.structure, second.structure)]
    change = float(volumes[1] / volumes[0] - 1)
    return f"; at two volumes, {100 * change:+.1f} %" if abs(change) > SAME_VOLUME else ""


def _valence_bands_apart_ev(
    first: Results, second: Results, first_edges: BandEdges, second_edges: BandEdges
) -> tuple[float, int] | None:
    """Root mean square over the valence bands that both have, counted from the VBM, and at how many k-points.

    Semicore bands that one set of potentials alone holds are the lowest ones, and left out.
    """
    a, b = first.bands, second.bands
    if a is None or b is None or len(a.eigenvalues_ev) != len(b.eigenvalues_ev) or not _same_axes(a, b):
        return None
    differences = []
    pairs = _common_k(a.kpoints_frac, b.kpoints_frac)
    for one, other in pairs:
        for spin in range(len(a.eigenvalues_ev)):
            lower = _below(a.eigenvalues_ev[spin, one], first_edges)
            upper = _below(b.eigenvalues_ev[spin, other], second_edges)
            n_common = min(len(lower), len(upper))
            differences.append(lower[len(lower) - n_common :] - upper[len(upper) - n_common :])
    if not differences:
        return None
    return float(np.sqrt(np.mean(np.concatenate(differences) ** 2))), len(pairs)


def _below(eigenvalues_ev: FloatArray, edges: BandEdges) -> FloatArray:
    below: FloatArray = eigenvalues_ev[eigenvalues_ev <= edges.vbm.value_ev + 1e-6] - edges.vbm.value_ev
    return below


def _same_axes(a: Bands, b: Bands) -> bool:
    lengths = [np.linalg.norm(bands.cell_ang, axis=1) for bands in (a, b)]
    return bool(np.abs(lengths[1] / lengths[0] - 1).max() < 2 * VOLUME)


def _common_k(first: FloatArray, second: FloatArray) -> list[tuple[int, int]]:
    """Numbers of k-points that are the same but for lattice vectors and the sign, each of the first set once."""
    pairs = []
    for number, k in enumerate(first):
        apart = np.minimum(*(np.abs((second - way * k) - np.round(second - way * k)).max(axis=1) for way in (1, -1)))
        nearest = int(apart.argmin())
        if apart[nearest] < SAME_K:
            pairs.append((number, nearest))
    return pairs


# --- surfaces ---------------------------------------------------------------------------------------------------


def _surface_rows(levels: tuple[CalculationLevels, CalculationLevels]) -> Iterator[CodeRow]:
    """Of a slab: the side of the higher work function first, as the two may stand in their cells in two ways."""
    if not any(one.sides for one in levels):
        return
    sides = [sorted(one.sides, key=lambda side: -side.work_function_ev) for one in levels]
    for name, *both in zip_longest(("higher", "lower"), *sides):
        for quantity, key in (
            ("work function", "work_function_ev"),
            ("own E_vac - E_VBM", "ionisation_potential_ev"),
            ("own E_vac - E_CBM", "electron_affinity_ev"),
        ):
            one, other = (None if side is None else getattr(side, key) for side in both)
            if one is not None or other is not None:
                yield _number(f"{quantity}, side of the {name} W", (one, other), "eV", tolerance=LEVEL_EV)
