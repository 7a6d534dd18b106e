"""From the folders of a finished run to the outcome of the study: parse, derive, line up.

Whatever a failed step leaves undetermined stays None and is named; the rest is derived all the same.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dftflow.analysis.alignment import align, edges_from_levels, edges_from_work_function, in_order, published_alignment
from dftflow.analysis.band_edges import find_band_edges, grid_band_gap_ev
from dftflow.analysis.potential_profile import bulk_average_ev, potential_profile
from dftflow.analysis.surface_levels import surface_levels
from dftflow.analysis.vacuum import vacuum_levels
from dftflow.build.ions import formula_of
from dftflow.build.symmetry import space_group
from dftflow.codes.reading import read_results
from dftflow.errors import AnalysisError, BandEdgeError, DftflowError
from dftflow.model.alignment import Alignment
from dftflow.model.energy import Energy
from dftflow.model.levels import BandEdges, PotentialProfile, SurfaceLevels, VacuumLevel
from dftflow.model.outcome import BulkOutcome, MaterialOutcome, SlabOutcome, StepOutcome, StudyOutcome
from dftflow.model.results import Bands, Results
from dftflow.model.surface import SlabModel
from dftflow.run.job import NodeOutcome
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
NO_SOC = (
    "No spin-orbit coupling. In lead halides it lowers the gap by 0.8 to 0.9 eV, nearly all of it at the conduction "
    "band (Pb 6p); PBE without it is near the measured gap by cancellation of errors, and conduction-band offsets "
    "are less reliable than valence-band offsets."
)


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
    warnings = (*alignment_warnings, *_study_warnings(plan, materials))
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
    edges = bands = None
    if _finished(ends, material.bands_step) and results[material.bands_step] is not None:
        bands = results[material.bands_step].bands  # type: ignore[union-attr]
        try:
            assert bands is not None
            edges = find_band_edges(bands, required=(material.edge_point,) if material.edge_point else ())
            warnings += _grid_warnings(bands, edges)
        except BandEdgeError as error:
            warnings.append(str(error))
    group = space_group(structure, symprec_ang=RELAXED_SYMPREC_ANG)
    return BulkOutcome(
        structure=structure,
        source=material.crystal.source,
        space_group=f"{group.symbol} ({group.number})",
        edges=edges,
        bands=bands,
        relaxed=relaxed is not None,
        warnings=tuple(warnings),
    )


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
        lines.append(
            f"finite-basis correction of {material.name}: dE/d ln E_cut = {slope:.2f} eV per cell, "
            f"{-2 / 3 * slope / structure.volume * EV_PER_ANG3_GPA:+.2f} GPa on the pressure; "
            "the cutoff is not converged"
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
    if not _finished(ends, name) or slab is None or slab.potential is None:
        return SlabOutcome(model=model, profile=None, vacuum=(), levels=None, failure=ends[name].failure)
    warnings = tuple(_slab_warnings(material, model))
    profile: PotentialProfile | None = None
    vacuum: tuple[VacuumLevel, ...] = ()
    levels, failure = None, ""
    try:
        profile = _profile(slab, model)
        vacuum = vacuum_levels(profile, slab.potential.zero)
        levels = _levels_of_slab(slab, profile, vacuum[1], bulk, material, ends, results)
    except AnalysisError as error:
        failure = str(error)
    return SlabOutcome(model=model, profile=profile, vacuum=vacuum, levels=levels, failure=failure, warnings=warnings)


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
        raise AnalysisError(
            f"no bulk band edges to line up: {ends[material.bands_step].failure or 'see the bulk warnings'}"
        )
    assert slab.potential is not None
    if of_bulk.potential.kind != slab.potential.kind:
        raise AnalysisError(f"the crystal's potential is {of_bulk.potential.kind}, the slab's {slab.potential.kind}")
    if slab.fermi_ev is None:
        raise AnalysisError("the calculation of the slab has left no Fermi level")
    return surface_levels(
        profile=profile,
        vacuum=vacuum,
        fermi=Energy(slab.fermi_ev, slab.potential.zero),
        bulk_edges=bulk.edges,
        bulk_average=Energy(bulk_average_ev(of_bulk.potential), of_bulk.potential.zero),
        slab_gap_ev=_gap_or_none(slab),
    )


def _gap_or_none(slab: Results) -> float | None:
    try:
        edges: BandEdges | None = find_band_edges(slab.bands) if slab.bands is not None else None
    except BandEdgeError:
        return None
    return None if edges is None else edges.band_gap_ev


def _slab_warnings(material: MaterialPlan, model: SlabModel) -> list[str]:
    lines = []
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
    for a, b in _slab_pairs(first, second):
        faces = f"{first.name} {_face(a)} | {second.name} {_face(b)}"
        try:
            rows.append(_by_levels(first, a, second, b, entry.tolerance_ev))
        except AnalysisError as error:
            warnings.append(f"no bulk line-up for {faces}: {error}")
    for a, b in _slab_pairs(first, second)[:1]:
        try:
            rows.append(_by_work_functions(first, a, second, b, entry.tolerance_ev))
        except AnalysisError as error:
            warnings.append(f"no offset from work functions: {error}")
    rows += [_published(row, first.name, second.name, entry.tolerance_ev) for row in entry.published]
    return tuple(rows), tuple(warnings)


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


def _by_levels(
    first: MaterialOutcome, a: SlabOutcome, second: MaterialOutcome, b: SlabOutcome, tolerance_ev: float
) -> Alignment:
    return align(
        edges_from_levels(first.name, _face(a), _levels(first, a)),
        edges_from_levels(second.name, _face(b), _levels(second, b)),
        method=f"bulk line-up through the slabs {_plane(a)} and {_plane(b)}",
        tolerance_ev=tolerance_ev,
    )


def _by_work_functions(
    first: MaterialOutcome, a: SlabOutcome, second: MaterialOutcome, b: SlabOutcome, tolerance_ev: float
) -> Alignment:
    absolute = []
    for material, slab in ((first, a), (second, b)):
        levels = _levels(material, slab)
        assert material.bulk.edges is not None
        gap = material.bulk.edges.band_gap_ev
        absolute.append(edges_from_work_function(material.name, _face(slab), levels.work_function_ev, gap))
    return align(*absolute, method="slab work functions, as in the paper", tolerance_ev=tolerance_ev)


def _plane(slab: SlabOutcome) -> str:
    return f"({''.join(map(str, slab.model.plane.miller))})"


def _levels(material: MaterialOutcome, slab: SlabOutcome) -> SurfaceLevels:
    if slab.levels is None:
        raise AnalysisError(f"{material.name} {_face(slab)} has no levels", reason=slab.failure)
    return slab.levels


# --- what a reader has to know ----------------------------------------------------------------------------------


def _study_warnings(plan: StudyPlan, materials: tuple[MaterialOutcome, ...]) -> tuple[str, ...]:
    heavy = {e.symbol for m in materials for e in m.bulk.structure.composition.elements} & STRONG_SOC
    lines = [NO_SOC] if heavy else []
    cutoffs = {entry.cutoff_ev for entry in plan.study.content.materials.values()}
    least = plan.study.preset.min_cutoff_ev
    if len(cutoffs) > 1 and (least is None or least < max(cutoffs)):
        lines.append(
            f"The materials have different cutoffs ({', '.join(f'{c} eV' for c in sorted(cutoffs))}), as in the "
            "paper: their total energies must not be compared, and their levels are not equally converged."
        )
    for material in materials:
        lines += [f"{material.name}: {text}" for slab in material.slabs for text in _surface_remarks(slab)]
    return tuple(lines)


def _surface_remarks(slab: SlabOutcome) -> list[str]:
    lines = [f"{_face(slab)}: no levels. {slab.failure}"] if slab.failure else []
    model = slab.model
    if not model.stoichiometric:
        lines.append(
            f"{_face(slab)}: the slab has not the crystal's composition; its level is that of this termination."
        )
    if "half" in model.termination:
        lines.append(
            f"{model.plane} is a polar plane: no bulk cut of it has a converged work function. The faces were made "
            f"neutral by removing half of the outermost layer ({model.termination}); other reconstructions give levels "
            "that differ by more than 1 eV."
        )
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
