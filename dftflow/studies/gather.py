"""From the folders of a finished run to the outcome of the study: parse, derive, line up.

Whatever a failed step leaves undetermined stays None and is named; the rest is derived all the same.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dftflow.analysis.alignment import (
    BY_LINE_UP,
    BY_WORK_FUNCTION,
    align,
    edges_from_levels,
    edges_from_work_function,
    in_order,
    published_alignment,
    with_contradictions,
)
from dftflow.analysis.band_edges import edges_or_reason, grid_band_gap_ev, missing_points
from dftflow.analysis.calculation_levels import slab_normal
from dftflow.analysis.potential_profile import bulk_average_ev, potential_profile
from dftflow.analysis.surface_levels import surface_levels
from dftflow.analysis.vacuum import vacuum_levels
from dftflow.codes.reading import read_results
from dftflow.crystals.geometry import same_geometry
from dftflow.crystals.ions import formula_of
from dftflow.crystals.kpaths import surface_points
from dftflow.crystals.symmetry import space_group
from dftflow.errors import AnalysisError, DftflowError
from dftflow.model.alignment import AbsoluteEdges, Alignment
from dftflow.model.energy import Energy
from dftflow.model.levels import BandEdges, PotentialProfile, SurfaceLevels, VacuumLevel
from dftflow.model.outcome import BulkOutcome, MaterialOutcome, SlabOutcome, StepOutcome, StudyOutcome
from dftflow.model.results import Bands, Results
from dftflow.model.surface import SlabModel
from dftflow.run.job import NodeOutcome
from dftflow.studies.cautions import read_cautions
from dftflow.studies.plan import MaterialPlan, StudyPlan
from dftflow.studies.schema import Published
from dftflow.units import EV_PER_ANG3_GPA

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["gather"]

VERSIONED = ("dftflow", "ase", "pymatgen", "spglib", "numpy", "gpaw", "gpaw-data")
RELAXED_SYMPREC_ANG = 0.01
GRID_MISS_EV = 0.02
STRONG_SOC = {"Pb", "Bi", "Tl", "Hg", "Sn", "I"}
HALOGENS = {"Cl", "Br", "I"}
NO_SOC_IN_LEAD_HALIDES = (
    "No spin-orbit coupling. In lead halide perovskites it lowers the gap by 0.8 to 0.9 eV, nearly all of it at the "
    "conduction band (Pb 6p); PBE without it is near the measured gap by cancellation of errors, and conduction-band "
    "offsets are less reliable than valence-band offsets."
)
NO_SOC = "No spin-orbit coupling: with {} it can move band edges by several tenths of an eV."

LOCAL_POTENTIAL = (
    "work function and levels count from the local potential, exchange and correlation included, which dies away more "
    "slowly than the electrostatic one; what is left of it shows in the plateaus:"
)


def gather(plan: StudyPlan, ends: Mapping[str, NodeOutcome], *, wall_time_s: float | None = None) -> StudyOutcome:
    """Parse every finished step of `plan` and derive edges, levels and offsets.

    Parameters
    ----------
    plan
        The study's steps.
    ends
        How each step ended, by name.
    wall_time_s
        Of the whole run.
    """
    results = {name: _parsed(plan, end) for name, end in ends.items()}
    materials = tuple(_material(plan, material, ends, results) for material in plan.materials)
    alignments, alignment_warnings = _alignments(plan, materials)
    warnings = (*alignment_warnings, *_study_warnings(plan, materials, spin_orbit=_with_spin_orbit(plan, results)))
    study = plan.study
    return StudyOutcome(
        title=study.content.title,
        study_name=study.name,
        preset=study.preset_name,
        preset_note=f"{study.preset.description}. {study.preset.accuracy}",
        code=plan.code.name,
        materials=materials,
        alignments=alignments,
        steps=tuple(_step_outcome(plan, end, results[name]) for name, end in ends.items()),
        settings=study.content.model_dump(mode="json", by_alias=True)
        | {"preset": study.preset.model_dump(mode="json")},
        provenance=_provenance(plan),
        warnings=warnings,
        wall_time_s=wall_time_s,
    )


def _parsed(plan: StudyPlan, end: NodeOutcome) -> Results | None:
    if end.folder is None or not end.folder.is_dir():
        return None
    try:
        return read_results(plan.code, end.folder).named(end.name)
    except DftflowError:
        return None


def _step_outcome(plan: StudyPlan, end: NodeOutcome, results: Results | None) -> StepOutcome:
    return StepOutcome(
        name=end.name,
        title=end.title,
        state=end.state,
        folder=end.folder or Path(),
        failure=end.failure,
        log_tail=end.log_tail,
        wall_time_s=end.wall_time_s,
        deck_files={} if end.folder is None else _deck_files(plan, end.folder, end.name.replace("/", "-")),
        cautions=() if end.folder is None else read_cautions(end.folder),
        results=results,
    )


def _deck_files(plan: StudyPlan, folder: Path, seed: str) -> dict[str, str]:
    patterns = [pattern.format(seed=seed) for pattern in plan.code.deck_files]
    found = sorted({file for pattern in patterns for file in folder.glob(pattern)})
    return {file.name: file.read_text(errors="replace") for file in found}


# --- one material -----------------------------------------------------------------------------------------------


def _material(
    plan: StudyPlan, material: MaterialPlan, ends: Mapping[str, NodeOutcome], results: Mapping[str, Results | None]
) -> MaterialOutcome:
    bulk = _bulk(material, ends, results)
    slabs = tuple(_slab(material, index, bulk, ends, results) for index in range(len(material.slab_entries)))
    return MaterialOutcome(name=material.name, formula=formula_of(bulk.structure), bulk=bulk, slabs=slabs)


def _finished(ends: Mapping[str, NodeOutcome], name: str | None) -> bool:
    return name is not None and ends[name].state == "finished"


def _bulk(
    material: MaterialPlan, ends: Mapping[str, NodeOutcome], results: Mapping[str, Results | None]
) -> BulkOutcome:
    warnings = list(material.crystal.warnings)
    structure = material.start
    relaxed = results[material.relax_step] if material.relax_step and _finished(ends, material.relax_step) else None
    if relaxed is not None and relaxed.structure is not None:
        structure = relaxed.structure
        warnings += _relaxation_warnings(material, structure, relaxed)
    edges, bands, why = _bulk_edges(material, ends[material.bands_step], results[material.bands_step])
    if edges is not None and bands is not None:
        warnings += _grid_warnings(bands, edges)
    group = space_group(structure, symprec_ang=RELAXED_SYMPREC_ANG)
    return BulkOutcome(
        structure=structure,
        source=material.crystal.source,
        space_group=f"{group.symbol} ({group.number})",
        edges=edges,
        bands=bands,
        relaxed=relaxed is not None,
        why_no_edges=why,
        warnings=tuple(warnings),
    )


def _bulk_edges(
    material: MaterialPlan, end: NodeOutcome, results: Results | None
) -> tuple[BandEdges | None, Bands | None, str]:
    """Band edges and bands of the crystal, and why there are no edges."""
    if end.state != "finished":
        failure = f": {end.failure}" if end.failure else ""
        return None, None, f"{end.name} {end.state.replace('_', ' ')}{failure}"
    if results is None or results.bands is None:
        return None, None, f"{end.name} has left no eigenvalues that can be read"
    edges, why = edges_or_reason(results.bands, required=(material.edge_point,) if material.edge_point else ())
    return edges, results.bands, why


def _grid_warnings(bands: Bands, edges: BandEdges) -> list[str]:
    on_grid_ev = grid_band_gap_ev(bands)
    if on_grid_ev is None or on_grid_ev - edges.band_gap_ev < GRID_MISS_EV:
        return []
    return [
        f"the SCF grid alone gives a gap of {on_grid_ev:.3f} eV: it misses the band edge, which lies at "
        f"{edges.vbm_label or edges.vbm_k}, by {on_grid_ev - edges.band_gap_ev:.3f} eV"
    ]


def _relaxation_warnings(material: MaterialPlan, structure: Structure, relaxed: Results) -> list[str]:
    change = 100 * (structure.volume / material.start.volume - 1)
    lines = [f"relaxation changed the volume of {material.name} by {change:+.1f} %"]
    slope = relaxed.finite_basis_de_dlnecut_ev
    if slope is not None:
        correction_gpa = -2 / 3 * slope / structure.volume * EV_PER_ANG3_GPA
        above = abs(correction_gpa) > material.study.content.settings.stress_tol_gpa
        not_converged = "; the cutoff is not converged" if above else ""
        lines.append(
            f"finite-basis correction of {material.name}: dE/d ln E_cut = {slope:.2f} eV per cell, "
            f"{correction_gpa:+.2f} GPa on the pressure{not_converged}"
        )
    return lines


# --- one slab ---------------------------------------------------------------------------------------------------


def _slab(
    material: MaterialPlan,
    index: int,
    bulk: BulkOutcome,
    ends: Mapping[str, NodeOutcome],
    results: Mapping[str, Results | None],
) -> SlabOutcome:
    model = material.slab(index, bulk.structure)
    name = material.slab_step(index, "potential")
    slab = results[name]
    structure = model.structure if slab is None or slab.structure is None else slab.structure
    ended = results.get(material.slab_step(index, "relax"))
    relaxed = _is_relaxed(slab, model, ended)
    if not _finished(ends, name) or slab is None or slab.potential is None:
        why = ends[name].failure or f"{name} {ends[name].state.replace('_', ' ')}"
        return SlabOutcome(
            model=model, structure=structure, relaxed=relaxed, profile=None, vacuum=(), levels=None, failure=why
        )
    warnings = tuple(_slab_warnings(material, model, slab))
    profile: PotentialProfile | None = None
    vacuum: tuple[VacuumLevel, ...] = ()
    levels, failure = None, ""
    try:
        profile = _profile(slab, model)
        vacuum = vacuum_levels(profile, slab.potential.zero)
        levels = _levels_of_slab(slab, profile, vacuum[1], bulk, material, ends, results)
    except AnalysisError as error:
        failure = error.sentence
    return SlabOutcome(
        model=model,
        structure=structure,
        relaxed=relaxed,
        profile=profile,
        vacuum=vacuum,
        levels=levels,
        failure=failure,
        warnings=warnings,
    )


def _is_relaxed(slab: Results | None, model: SlabModel, ended: Results | None) -> bool | None:
    """Whether the potential was calculated at the relaxed geometry: what the geometries tell, None when they do not."""
    if slab is None or slab.structure is None:
        return None
    if ended is not None and ended.structure is not None and same_geometry(slab.structure, ended.structure):
        return True if ended.status == "finished" else None
    return False if same_geometry(slab.structure, model.structure) else None


def _missing_points(slab: Results) -> str:
    """Names of the special points of the surface's zone that a slab along c was not calculated at."""
    if slab.bands is None or slab.structure is None:
        return ""
    if slab_normal(slab.structure.frac_coords, slab.structure.lattice.matrix) != 2:
        return ""
    return ", ".join(point.label for point in missing_points(slab.bands, surface_points(slab.structure)))


def _profile(slab: Results, model: SlabModel) -> PotentialProfile:
    if slab.structure is None or slab.potential is None:
        raise AnalysisError("the calculation of the slab has left no geometry or no potential")
    return potential_profile(slab.potential, slab.structure.frac_coords[:, 2], model.period_ang)


def _levels_of_slab(
    slab: Results,
    profile: PotentialProfile,
    vacuum: VacuumLevel,
    bulk: BulkOutcome,
    material: MaterialPlan,
    ends: Mapping[str, NodeOutcome],
    results: Mapping[str, Results | None],
) -> SurfaceLevels:
    """Levels of the surface that `vacuum` belongs to; raises `AnalysisError` with what they lack."""
    of_bulk = results[material.bands_step]
    if bulk.edges is None or of_bulk is None or of_bulk.potential is None:
        why = bulk.why_no_edges or f"{material.bands_step} has left no potential"
        raise AnalysisError("there are no band edges of the crystal to line up", reason=why)
    assert slab.potential is not None
    if of_bulk.potential.kind != slab.potential.kind:
        raise AnalysisError(f"the crystal's potential is {of_bulk.potential.kind}, the slab's {slab.potential.kind}")
    if slab.fermi_ev is None:
        raise AnalysisError("the calculation of the slab has left no Fermi level")
    slab_edges, why_no_slab_edges = edges_or_reason(slab.bands)
    return surface_levels(
        profile=profile,
        vacuum=vacuum,
        fermi=Energy(slab.fermi_ev, slab.potential.zero),
        bulk_edges=bulk.edges,
        bulk_average=Energy(bulk_average_ev(of_bulk.potential), of_bulk.potential.zero),
        slab_edges=slab_edges,
        why_no_slab_edges=why_no_slab_edges,
    )


def _slab_warnings(material: MaterialPlan, model: SlabModel, slab: Results) -> list[str]:
    lines = []
    missing = _missing_points(slab)
    if missing:
        lines.append(
            f"{material.name} {model.plane}, {model.termination}: not calculated at {missing}, so that its own gap may "
            "be smaller than it is given here"
        )
    if model.refused:
        lines.append(f"{material.name} {model.plane}, {model.termination}: used although refused: {model.refused}")
    return lines


# --- offsets ----------------------------------------------------------------------------------------------------


def _alignments(
    plan: StudyPlan, materials: tuple[MaterialOutcome, ...]
) -> tuple[tuple[Alignment, ...], tuple[str, ...]]:
    entry = plan.study.content.alignment
    if entry is None:
        return (), ()
    by_name = {material.name: material for material in materials}
    first, second = (by_name[name] for name in entry.materials)
    rows: list[Alignment] = []
    warnings: list[str] = []
    pairs = sorted(_slab_pairs(first, second), key=lambda pair: _of_polar_plane(*pair))
    for way in WAYS:
        for a, b in pairs:
            try:
                rows.append(_row(way, first, a, second, b, entry.tolerance_ev))
            except AnalysisError as error:
                faces = f"{first.name} {_face(a)} | {second.name} {_face(b)}"
                warnings.append(f"no offset by the {way.method} {faces}: {error.sentence}")
    rows += [_published(row, first.name, second.name, entry.tolerance_ev) for row in entry.published]
    return with_contradictions(rows), tuple(warnings)


def _published(row: Published, first: str, second: str, tolerance_ev: float) -> Alignment:
    quoted = published_alignment(
        method=row.method,
        first_name=row.materials[0],
        second_name=row.materials[1],
        valence_band_offset_ev=row.valence_band_offset_ev,
        conduction_band_offset_ev=row.conduction_band_offset_ev,
        type=row.type,
        tolerance_ev=tolerance_ev,
        source=row.doi,
    )
    return in_order(quoted, first, second)


def _slab_pairs(first: MaterialOutcome, second: MaterialOutcome) -> list[tuple[SlabOutcome, SlabOutcome]]:
    """The slabs that face each other: the k-th with the k-th, the last one standing in where a list is shorter."""
    if not first.slabs or not second.slabs:
        return []
    count = max(len(first.slabs), len(second.slabs))
    return [
        (first.slabs[min(k, len(first.slabs) - 1)], second.slabs[min(k, len(second.slabs) - 1)]) for k in range(count)
    ]


def _face(slab: SlabOutcome) -> str:
    return f"{slab.model.plane}, {slab.model.termination}"


def _surface(slab: SlabOutcome) -> str:
    """Name of the face in a row and on a figure: it says when the face was not relaxed."""
    return ", ".join(filter(None, (_face(slab), slab.relaxation)))


def _of_polar_plane(a: SlabOutcome, b: SlabOutcome) -> bool:
    return a.model.of_polar_plane or b.model.of_polar_plane


EdgesOf = Callable[[MaterialOutcome, SlabOutcome], AbsoluteEdges]


def _row(
    way: _Way, first: MaterialOutcome, a: SlabOutcome, second: MaterialOutcome, b: SlabOutcome, tolerance_ev: float
) -> Alignment:
    return align(
        way.edges_of(first, a),
        way.edges_of(second, b),
        method=f"{way.method} {_plane(a)} and {_plane(b)}",
        way=way.method,
        range_holds=way.range_holds,
        tolerance_ev=tolerance_ev,
        polar=_of_polar_plane(a, b),
        relaxed=_both_relaxed(a, b),
        remarks=_row_remarks(first, a, second, b),
    )


def _edges_by_line_up(material: MaterialOutcome, slab: SlabOutcome) -> AbsoluteEdges:
    return edges_from_levels(material.name, _surface(slab), _levels(material, slab))


def _edges_by_work_function(material: MaterialOutcome, slab: SlabOutcome) -> AbsoluteEdges:
    levels = _levels(material, slab)
    assert material.bulk.edges is not None
    if levels.slab_edges is None:
        raise AnalysisError(
            f"nothing bounds the Fermi level in the slab of {material.name} {_face(slab)}",
            reason=levels.why_no_slab_edges,
        )
    if not levels.slab_edges.fermi_in_gap:
        raise AnalysisError(
            f"the Fermi level does not lie in the gap of the slab of {material.name} {_face(slab)}",
            reason="the work function then bounds no band edge",
        )
    return edges_from_work_function(
        material.name,
        _surface(slab),
        levels.work_function_ev,
        band_gap_ev=material.bulk.edges.band_gap_ev,
        slab_gap_ev=levels.slab_edges.band_gap_ev,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A way to an offset: its name, where the edges of one surface come from, and what their range holds."""

    method: str
    edges_of: EdgesOf
    range_holds: str


WAYS = (
    _Way(method="bulk line-up through the slabs", edges_of=_edges_by_line_up, range_holds=BY_LINE_UP),
    _Way(method="work functions of the slabs", edges_of=_edges_by_work_function, range_holds=BY_WORK_FUNCTION),
)


def _row_remarks(first: MaterialOutcome, a: SlabOutcome, second: MaterialOutcome, b: SlabOutcome) -> tuple[str, ...]:
    pairs = ((first, a), (second, b))
    polar = [f"{m.name} {slab.model.plane} is a polar plane" for m, slab in pairs if slab.model.of_polar_plane]
    return (*polar, *(f"{m.name} {slab.model.plane}: {slab.relaxation}" for m, slab in pairs if slab.relaxation))


def _both_relaxed(a: SlabOutcome, b: SlabOutcome) -> bool | None:
    if a.relaxed is False or b.relaxed is False:
        return False
    return None if None in (a.relaxed, b.relaxed) else True


def _plane(slab: SlabOutcome) -> str:
    return f"({''.join(map(str, slab.model.plane.miller))})"


def _levels(material: MaterialOutcome, slab: SlabOutcome) -> SurfaceLevels:
    if slab.levels is None:
        raise AnalysisError(f"{material.name} {_face(slab)} has no levels", reason=slab.failure)
    return slab.levels


# --- what a reader has to know ----------------------------------------------------------------------------------


def _with_spin_orbit(plan: StudyPlan, results: Mapping[str, Results | None]) -> bool:
    """Whether the band structure of every material was calculated with spin-orbit coupling."""
    bands = [results[material.bands_step] for material in plan.materials]
    return all(found is not None and found.method is not None and found.method.spin_orbit is True for found in bands)


def _study_warnings(plan: StudyPlan, materials: tuple[MaterialOutcome, ...], *, spin_orbit: bool) -> tuple[str, ...]:
    lines = [] if spin_orbit else _spin_orbit_remarks(materials)
    cutoffs = {entry.cutoff_ev for entry in plan.study.content.materials.values()}
    least = plan.study.preset.min_cutoff_ev
    if len(cutoffs) > 1 and (least is None or least < max(cutoffs)):
        lines.append(
            f"The materials have different cutoffs ({', '.join(f'{c} eV' for c in sorted(cutoffs))}): their total "
            "energies must not be compared, and their levels are not equally converged."
        )
    for material in materials:
        if material.bulk.edges is None:
            lines.append(f"{material.name}: no band gap. {material.bulk.why_no_edges}")
        lines += [f"{material.name}: {text}" for slab in material.slabs for text in _surface_remarks(slab)]
    return tuple(lines)


def _spin_orbit_remarks(materials: tuple[MaterialOutcome, ...]) -> list[str]:
    elements = [{e.symbol for e in material.bulk.structure.composition.elements} for material in materials]
    heavy = sorted(set().union(*elements) & STRONG_SOC)
    if any("Pb" in present and present & HALOGENS for present in elements):
        return [NO_SOC_IN_LEAD_HALIDES]
    return [NO_SOC.format(", ".join(heavy))] if heavy else []


def _surface_remarks(slab: SlabOutcome) -> list[str]:
    lines = [f"{_face(slab)}: no levels. {slab.failure}"] if slab.failure else []
    model = slab.model
    if not model.stoichiometric:
        lines.append(
            f"{_face(slab)}: the slab has not the crystal's composition; its level is that of this termination."
        )
    if model.compensated:
        lines.append(
            f"{model.plane} is a polar plane: no bulk cut of it has a converged work function. The faces were made "
            f"neutral by removing half of the outermost layer ({model.termination}); other reconstructions can give "
            "levels that differ by more than 1 eV."
        )
    if slab.levels is not None and slab.relaxed is None:
        lines.append(f"{_face(slab)}: its geometry is neither that cut from the crystal nor one that was relaxed here.")
    if slab.levels is not None and slab.relaxed is False:
        lines.append(
            f"{_face(slab)}: not relaxed, as cut from the crystal. That can be off by more than 1 eV (the CsBr face of "
            "cubic CsPbBr3: 3.50 eV as cut, 4.68 eV relaxed)."
        )
    if slab.levels is not None and slab.levels.slab_gap_ev is None:
        lines.append(f"{_face(slab)}: no gap of the slab's own. {slab.levels.why_no_slab_edges}")
    if len(slab.vacuum) == 2:
        low, high = slab.vacuum
        if slab.profile is not None and slab.profile.kind == "local":
            lines.append(f"{_face(slab)}: {LOCAL_POTENTIAL} {_residual(low)}, {_residual(high)}.")
        step = high.level - low.level
        if abs(step) > 0.05:
            lines.append(f"{_face(slab)}: the two vacuum levels differ by {step:+.3f} eV; the upper side is used.")
    return lines


def _residual(vacuum: VacuumLevel) -> str:
    return (
        f"{vacuum.side} side {vacuum.level.value_ev:.4f} eV, spread {vacuum.spread_ev:.4f} eV, slope "
        f"{vacuum.slope_ev_per_ang:+.5f} eV/Å"
    )


def _provenance(plan: StudyPlan) -> Mapping[str, Any]:
    return {
        "study_file": plan.study.file.name,
        "study_sha256": plan.study.sha256,
        "versions": {name: _version(name) for name in VERSIONED if _version(name)}
        | {"python": platform.python_version()},
        "cores": os.cpu_count(),
        "structures": {material.name: _origin(material) for material in plan.materials},
    }


def _origin(material: MaterialPlan) -> Mapping[str, Any]:
    crystal = material.crystal
    return {
        "source": crystal.source,
        "reference": crystal.reference,
        "sha256": crystal.sha256,
        "confidence": crystal.confidence,
        "space_group": crystal.space_group,
        "substitution": material.start.properties.get("substitution"),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
