"""Whether the energies of two calculations may be subtracted at all.

A difference of two total energies, or of two levels that were lined up, is free of the errors that both share: those of
the functional, of the potentials, of the basis set. It is so only where both were made in the same way. What must agree
and what only costs accuracy is decided row by row.
"""

from __future__ import annotations

from collections.abc import Mapping

from dftflow.model.comparison import Comparison, ComparisonRow, Verdict
from dftflow.model.method import Method
from dftflow.model.results import Results

__all__ = ["compare"]

UNKNOWN = "unknown"
SAME_CUTOFF_EV = 0.01
SAME_K_DENSITY = 0.2  # of one another: grids of whole numbers cannot be closer in cells of different size
CONSTANTS_EFFECT = 1e-8


def compare(first: Results, second: Results) -> Comparison:
    """Compare how two calculations were made and how they ended.

    Parameters
    ----------
    first, second
        From any code; what a file does not tell counts as unknown, never as agreement.
    """
    a, b = _method(first), _method(second)
    rows = [
        _statuses(first, second),
        _plain("code", a.code, b.code, "two codes have two zeros of the total energy, and other potentials"),
        _versions(a, b),
        _plain("functional", a.functional, b.functional, "total energies of two functionals have nothing in common"),
        _plain("dispersion correction", a.dispersion, b.dispersion, "the correction itself would be in the difference"),
        _cutoffs(a, b),
        _potentials(a, b),
        _k_density(a, b),
        _plain("spin", _spin(a), _spin(b), "a spin-polarised energy can lie lower by the exchange of its moments"),
        _plain("spin-orbit coupling", _yes(a.spin_orbit), _yes(b.spin_orbit), "it shifts levels by up to 1 eV"),
        _plain("Hubbard U", _u_values(a), _u_values(b), "energies with different U have no common zero"),
        _smearing(a, b),
        _dipole(a, b),
        _constants(a, b),
    ]
    return Comparison(rows=tuple(rows))


def _method(results: Results) -> Method:
    return results.method or Method(code=results.code, code_version=results.code_version)


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


def _statuses(first: Results, second: Results) -> ComparisonRow:
    whole = first.status == second.status == "finished"
    return _row(
        "status",
        first.status.replace("_", " "),
        second.status.replace("_", " "),
        "same" if whole else "differs",
        "the energy of a calculation that did not converge has no meaning",
    )


def _versions(a: Method, b: Method) -> ComparisonRow:
    verdict: Verdict = "same" if a.code_version == b.code_version else "caution"
    return _row("version", a.code_version, b.code_version, verdict, "defaults and built-in potentials may have changed")


def _cutoffs(a: Method, b: Method) -> ComparisonRow:
    if a.cutoff_ev is None or b.cutoff_ev is None:
        return _untold("cutoff", _ev(a.cutoff_ev), _ev(b.cutoff_ev))
    verdict: Verdict = "same" if abs(a.cutoff_ev - b.cutoff_ev) < SAME_CUTOFF_EV else "differs"
    consequence = "the basis-set error of a total energy is of the order of eV and cancels at one cutoff only"
    return _row("cutoff", f"{a.cutoff_ev:g} eV", f"{b.cutoff_ev:g} eV", verdict, consequence)


def _potentials(a: Method, b: Method) -> ComparisonRow:
    if a.potentials is None or b.potentials is None:
        return _untold("potentials", _listed(a.potentials), _listed(b.potentials))
    shared = sorted(a.potentials.keys() & b.potentials.keys())
    other = [element for element in shared if a.potentials[element] != b.potentials[element]]
    if other:
        left, right = ({element: p[element] for element in other} for p in (a.potentials, b.potentials))
        consequence = f"{', '.join(other)}: another potential is another zero of the energy"
        return _row("potentials", _listed(left) or "", _listed(right) or "", "differs", consequence)
    if not shared:
        consequence = "no element is in both: nothing cancels but the functional's error"
        return _row("potentials", ", ".join(a.potentials), ", ".join(b.potentials), "caution", consequence)
    text = f"the same for {', '.join(shared)}"
    return _row("potentials", text, text, "same", "")


def _k_density(a: Method, b: Method) -> ComparisonRow:
    first, second = _k_text(a), _k_text(b)
    if a.kpoints_grid is not None and a.kpoints_grid == b.kpoints_grid and a.kpoint_spacing_per_ang is None:
        return _row("k-point density", first or "", second or "", "same", "")
    if a.kpoint_spacing_per_ang is None or b.kpoint_spacing_per_ang is None:
        return _untold("k-point density", first, second)
    ratio = a.kpoint_spacing_per_ang / b.kpoint_spacing_per_ang
    alike = 1 / (1 + SAME_K_DENSITY) <= ratio <= 1 + SAME_K_DENSITY
    consequence = "the sampling error does not cancel; converge both, or use the same density"
    return _row("k-point density", first or "", second or "", "same" if alike else "caution", consequence)


def _smearing(a: Method, b: Method) -> ComparisonRow:
    first, second = _smearing_text(a), _smearing_text(b)
    if first is None or second is None:
        return _untold("smearing", first, second)
    verdict: Verdict = "same" if first == second else "caution"
    return _row("smearing", first, second, verdict, "energies differ by their -TS; compare 0 K estimates only")


def _dipole(a: Method, b: Method) -> ComparisonRow:
    if a.dipole_correction is None or b.dipole_correction is None:
        return _untold("dipole correction", a.dipole_correction, b.dipole_correction)
    verdict: Verdict = "same" if a.dipole_correction == b.dipole_correction else "caution"
    consequence = "right for a crystal beside a slab; two slabs need the same"
    return _row("dipole correction", a.dipole_correction, b.dipole_correction, verdict, consequence)


def _constants(a: Method, b: Method) -> ComparisonRow:
    if a.constants is None or b.constants is None:
        return _row(
            "physical constants",
            a.constants or UNKNOWN,
            b.constants or UNKNOWN,
            "caution",
            f"the files do not tell; sets since 2002 differ by some {CONSTANTS_EFFECT:g} of an energy",
        )
    consequence = f"energies in eV differ by some {CONSTANTS_EFFECT:g} of their size: 0.1 meV in 10 keV"
    verdict: Verdict = "same" if a.constants == b.constants else "caution"
    return _row("physical constants", a.constants, b.constants, verdict, consequence)


# --- as text ----------------------------------------------------------------------------------------------------


def _ev(value: float | None) -> str | None:
    return None if value is None else f"{value:g} eV"


def _listed(potentials: Mapping[str, str] | None) -> str | None:
    if potentials is None:
        return None
    return "; ".join(f"{element} {name}" for element, name in sorted(potentials.items()))


def _k_text(method: Method) -> str | None:
    grid = None if method.kpoints_grid is None else "x".join(map(str, method.kpoints_grid))
    spacing = method.kpoint_spacing_per_ang
    step = None if spacing is None else f"{spacing:.3f} 1/Å"
    return ", ".join(part for part in (grid, step) if part) or None


def _spin(method: Method) -> str | None:
    if method.spin_polarised is None:
        return None
    return "polarised" if method.spin_polarised else "none"


def _yes(flag: bool | None) -> str | None:
    return None if flag is None else "yes" if flag else "no"


def _u_values(method: Method) -> str:
    return ", ".join(f"{name} {value:g} eV" for name, value in sorted(method.hubbard_u_ev.items())) or "none"


def _smearing_text(method: Method) -> str | None:
    if method.smearing is None:
        return None
    return method.smearing if method.smearing_ev is None else f"{method.smearing}, {method.smearing_ev:g} eV"
