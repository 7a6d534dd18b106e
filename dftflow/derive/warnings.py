"""What a reader has to know of a whole study before trusting a number."""

from __future__ import annotations

from collections.abc import Sequence

from dftflow.model.correction import SPIN_ORBIT
from dftflow.model.levels import VacuumLevel
from dftflow.model.method import SAME_CUTOFF_EV
from dftflow.model.outcome import MaterialOutcome, SlabOutcome

__all__ = ["study_warnings", "unlike_sides"]

STRONG_SOC = {"Pb", "Bi", "Tl", "Hg", "Sn", "I"}
HALOGENS = {"Cl", "Br", "I"}
UNLIKE_SIDES_EV = 0.05
NO_SOC_IN_LEAD_HALIDES = (
    "No spin-orbit coupling. In lead halide perovskites it lowers the gap by 0.8 to 1.2 eV, nearly all of it at the "
    "conduction band (Pb 6p); PBE without it is near the measured gap by cancellation of errors, and conduction-band "
    "offsets are less reliable than valence-band offsets."
)
SOC_IN_THE_LEDGER = (
    "Levels and offsets are without spin-orbit coupling; the quantities that are called corrected, and the figure of "
    "corrections, have it."
)
NO_SOC = "No spin-orbit coupling: with {} it can move band edges by several tenths of an eV."
LOCAL_POTENTIAL = (
    "work function and levels count from the local potential, exchange and correlation included, which dies away more "
    "slowly than the electrostatic one; what is left of it shows in the plateaus:"
)


def study_warnings(
    materials: Sequence[MaterialOutcome], *, spin_orbit: bool, cutoffs_ev: Sequence[float]
) -> tuple[str, ...]:
    """Lines about the study's materials together, then about each surface.

    Parameters
    ----------
    spin_orbit
        Whether the band structures of all of them were calculated with spin-orbit coupling.
    cutoffs_ev
        That the materials are calculated with.
    """
    lines = [] if spin_orbit else _spin_orbit_remarks(materials)
    cutoffs = _distinct(cutoffs_ev)
    if len(cutoffs) > 1:
        lines.append(
            f"The materials have different cutoffs ({', '.join(f'{cutoff:g} eV' for cutoff in cutoffs)}): their "
            "total energies must not be compared, and their levels are not equally converged."
        )
    for material in materials:
        if material.bulk.is_metal:
            why = material.bulk.why_no_edges.partition(";")[0]
            lines.append(f"{material.name} is a metal as calculated, without band edges: {why}.")
        elif material.bulk.edges is None:
            lines.append(f"{material.name}: no band gap. {material.bulk.why_no_edges}")
        lines += [
            f"{material.name}: {text}"
            for slab in material.slabs
            for text in _surface_remarks(material.face(slab), slab)
        ]
    return tuple(lines)


def _distinct(cutoffs_ev: Sequence[float]) -> list[float]:
    """The cutoffs in their order, each once; those within `SAME_CUTOFF_EV` of one that is listed are that one."""
    found: list[float] = []
    for cutoff_ev in sorted(cutoffs_ev):
        if not found or cutoff_ev - found[-1] > SAME_CUTOFF_EV:
            found.append(cutoff_ev)
    return found


def _spin_orbit_remarks(materials: Sequence[MaterialOutcome]) -> list[str]:
    if all(material.bulk.shifts is not None and SPIN_ORBIT in material.bulk.shifts.after_ev for material in materials):
        return [SOC_IN_THE_LEDGER]
    elements = [{e.symbol for e in material.bulk.structure.composition.elements} for material in materials]
    heavy = sorted(set().union(*elements) & STRONG_SOC)
    if any("Pb" in present and present & HALOGENS for present in elements):
        return [NO_SOC_IN_LEAD_HALIDES]
    return [NO_SOC.format(", ".join(heavy))] if heavy else []


def _surface_remarks(face: str, slab: SlabOutcome) -> list[str]:
    model = slab.model
    lines = []
    if slab.missing is not None and slab.missing.kind != "metallic":
        lines.append(f"{face}: no {'levels' if slab.own is None else 'line-up'}. {slab.failure}")
    if not model.stoichiometric:
        lines.append(f"{face}: the slab has not the crystal's composition; its level is that of this termination.")
    if model.compensated:
        lines.append(
            f"{model.plane} is a polar plane: no bulk cut of it has a converged work function. The faces were made "
            f"neutral by removing part of the outermost layer ({model.termination}); other reconstructions can give "
            "levels that differ by more than 1 eV."
        )
    lines += [f"{face}: {remark}." for remark in model.remarks]
    if slab.levels is not None:
        lines += _geometry_remarks(face, slab)
        if slab.levels.slab_gap_ev is None:
            lines.append(f"{face}: no gap of the slab's own. {slab.levels.why_no_slab_edges}")
    return [*lines, *_vacuum_remarks(face, slab)]


def _geometry_remarks(face: str, slab: SlabOutcome) -> list[str]:
    if slab.relaxed is None:
        return [f"{face}: its geometry is neither that cut from the crystal nor one that was relaxed here."]
    if slab.relaxed:
        return []
    return [
        f"{face}: not relaxed, as cut from the crystal. That can be off by more than 1 eV (the CsBr face of cubic "
        "CsPbBr3, by the slab's own bands: 3.43 eV as cut, 4.68 eV relaxed)."
    ]


def _vacuum_remarks(face: str, slab: SlabOutcome) -> list[str]:
    if len(slab.vacuum) != 2:
        return []
    low, high = slab.vacuum
    lines = []
    if slab.profile is not None and slab.profile.kind == "local":
        lines.append(f"{face}: {LOCAL_POTENTIAL} {_residual(low)}, {_residual(high)}.")
    if unlike := unlike_sides(slab.vacuum):
        lines.append(f"{face}: {unlike}.")
    return lines


def unlike_sides(vacuum: Sequence[VacuumLevel]) -> str:
    """That the vacuum levels of the two sides of a slab differ, by more than 0.05 eV; ``""`` where they do not."""
    if len(vacuum) != 2:
        return ""
    low, high = vacuum
    step_ev = high.level - low.level
    if abs(step_ev) <= UNLIKE_SIDES_EV:
        return ""
    return f"the two vacuum levels differ by {step_ev:+.3f} eV; the upper side is used"


def _residual(vacuum: VacuumLevel) -> str:
    return (
        f"{vacuum.side} side {vacuum.level.value_ev:.4f} eV, spread {vacuum.spread_ev:.4f} eV, slope "
        f"{vacuum.slope_ev_per_ang:+.5f} eV/Å"
    )
