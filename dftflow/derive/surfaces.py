"""Levels of a surface: work function of its slab, ionisation potential and electron affinity of its crystal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from dftflow.analysis.band_edges import edges_or_reason, missing_points
from dftflow.analysis.calculation_levels import EDGES_OF_ANOTHER_RUN, slab_normal, slab_side
from dftflow.analysis.line_up_sampling import unlike_sampling
from dftflow.analysis.potential_profile import bulk_average_ev, potential_profile
from dftflow.analysis.surface_levels import surface_levels
from dftflow.analysis.vacuum import vacuum_levels
from dftflow.crystals.geometry import same_geometry
from dftflow.crystals.kpaths import surface_points
from dftflow.derive.findings import Findings
from dftflow.derive.missing import missing_results
from dftflow.derive.warnings import unlike_sides
from dftflow.errors import AnalysisError
from dftflow.model.absolute import SlabSide
from dftflow.model.admission import Admission, Admitted
from dftflow.model.energy import Energy
from dftflow.model.kpoint_grid import spacing_of_grid
from dftflow.model.levels import BandEdges, PotentialProfile, SurfaceLevels, VacuumLevel
from dftflow.model.outcome import BulkOutcome, MaterialOutcome, SlabOutcome
from dftflow.model.quantity import BY_LINE_UP_WAY, METAL_WAY, Missing, MissingKind, Quantity
from dftflow.model.results import Results
from dftflow.model.surface import SlabModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["PLATEAU_HOLDS", "slab_outcome", "surface_quantities"]

LEVELS = {"ionisation potential": "ionisation_potential", "electron affinity": "electron_affinity"}
METAL_LAYERS, METAL_STEP_PER_ANG = 5, 0.35
METAL = "a metal has no band edges that could be lined up"
PLATEAU_HOLDS = "spread of the vacuum level; thickness, k-points and smearing are not in it"
ANYWHERE_HOLDS = "Fermi level anywhere in the slab's own gap"
SPREAD_HOLDS = "spread of the line-up over the slab's middle; it bounds no error"


def slab_outcome(
    subject: str,
    *,
    relax: tuple[str, Admission] | None,
    potential: tuple[str, Admission],
    bulk: BulkOutcome,
    bulk_bands: tuple[str, Admission],
) -> SlabOutcome | None:
    """What is known of a surface; None when no slab of it was ever built, so that there is nothing to name.

    Parameters
    ----------
    subject
        Its name: ``"CsPbBr3/slab-011"``.
    relax, potential
        Name of the step and what the gate said of it; no `relax` where the study relaxes no slab.
    bulk, bulk_bands
        The crystal, and the step that its edges come from.
    """
    model = _model(potential[1]) or (None if relax is None else _model(relax[1]))
    if model is None:
        return None
    remarks = _remarks(relax, potential)
    known = partial(SlabOutcome, subject=subject, model=model, levels_step=potential[0])
    if not isinstance(potential[1], Admitted):
        why = missing_results(*potential)
        return known(
            structure=model.structure, relaxed=None, profile=None, vacuum=(), levels=None, missing=why, remarks=remarks
        )
    slab = potential[1].results
    assert slab.structure is not None, "the gate admits no slab without a geometry"
    levels = _levels(slab, model, bulk, bulk_bands)
    return known(
        structure=slab.structure,
        relaxed=_is_relaxed(slab.structure, model, None if relax is None else relax[1]),
        **levels,
        remarks=(
            *remarks,
            *filter(None, (unlike_sides(levels["vacuum"]),)),
            *(_coarse_for_a_metal(slab, model) if bulk.is_metal else ()),
        ),
        line_up_remarks=tuple(filter(None, (_unlike_kpoints(slab, model, bulk_bands[1]),))),
        warnings=_warnings(model, slab, metal=bulk.is_metal),
    )


def _model(admission: Admission) -> SlabModel | None:
    return None if admission.built is None else admission.built.model


def _remarks(relax: tuple[str, Admission] | None, potential: tuple[str, Admission]) -> tuple[str, ...]:
    """Remarks of the steps that the levels come from; those of the relaxation name it."""
    lines = list(potential[1].remarks) if isinstance(potential[1], Admitted) else []
    if relax is not None and isinstance(relax[1], Admitted):
        lines += [f"{relax[0]}: {remark}" for remark in relax[1].remarks]
    return tuple(lines)


def _unlike_kpoints(slab: Results, model: SlabModel, crystal: Admission) -> str:
    """That both were sampled unlike; ``""`` where that is not so, or not known."""
    of_crystal = crystal.results.method if isinstance(crystal, Admitted) else None
    if of_crystal is None or slab.method is None or slab.structure is None:
        return ""
    return unlike_sampling(of_crystal, slab.method, model, slab.structure.lattice.matrix)


def _coarse_for_a_metal(slab: Results, model: SlabModel) -> Iterator[str]:
    """What of the settings was seen to be too coarse for the work function of aluminium."""
    if len(model.layers) < METAL_LAYERS:
        yield f"{len(model.layers)} layers: the work function of a metal goes up and down with the thickness"
    grid = None if slab.method is None else slab.method.kpoints_grid
    if grid is None or slab.structure is None:
        return
    step_per_ang = spacing_of_grid(slab.structure.lattice.matrix, grid, normal=2)
    if step_per_ang > METAL_STEP_PER_ANG:
        yield (
            f"k-points {step_per_ang:.2f} 1/Å apart: the work function of Al(111) is 0.13 eV off at 0.42 1/Å, 0.34 eV "
            "at 0.63, and 0.01 eV at 0.32"
        )


def _is_relaxed(slab: Structure, model: SlabModel, relax: Admission | None) -> bool | None:
    """Whether the potential was calculated at the relaxed geometry: what the geometries tell, None when they do not."""
    ended = relax.results.structure if isinstance(relax, Admitted) else None
    if ended is not None and same_geometry(slab, ended):
        return True
    return False if same_geometry(slab, model.structure) else None


def _levels(slab: Results, model: SlabModel, bulk: BulkOutcome, bulk_bands: tuple[str, Admission]) -> Mapping[str, Any]:
    """Profile, vacuum levels and levels as far as they can be derived, and why not further."""
    profile: PotentialProfile | None = None
    vacuum: tuple[VacuumLevel, ...] = ()
    sides: tuple[SlabSide, ...] = ()
    levels: SurfaceLevels | None = None
    missing: Missing | None = None
    slab_edges = edges_or_reason(slab.bands)
    own_edges, no_own_edges = slab_edges
    try:
        assert slab.structure is not None and slab.potential is not None, "the gate admits no potential step without"
        profile = potential_profile(slab.potential, slab.structure.frac_coords[:, 2], model.period_ang)
        vacuum = vacuum_levels(profile, slab.potential.zero)
        assert slab.fermi is not None, "the gate admits no potential step without"
        sides = tuple(slab_side(side, slab.fermi, own_edges) for side in vacuum)
        if sides[-1].band_gap_ev is None:
            no_own_edges = no_own_edges or EDGES_OF_ANOTHER_RUN
        if bulk.is_metal:
            missing = Missing(kind="metallic", reason=f"{METAL}: {bulk.why_no_edges}")
        else:
            levels = _surface_levels(slab, slab_edges, profile, vacuum[-1], bulk, bulk_bands)
    except AnalysisError as error:
        missing = Missing(kind="not derived", reason=error.sentence)
    return {
        "profile": profile,
        "vacuum": vacuum,
        "sides": sides,
        "no_own_edges": no_own_edges,
        "levels": levels,
        "missing": missing,
    }


def _surface_levels(
    slab: Results,
    slab_edges: tuple[BandEdges | None, str],
    profile: PotentialProfile,
    vacuum: VacuumLevel,
    bulk: BulkOutcome,
    bulk_bands: tuple[str, Admission],
) -> SurfaceLevels:
    """Levels of the surface that `vacuum` belongs to; raises `AnalysisError` with what they lack."""
    step, admission = bulk_bands
    of_bulk = admission.results if isinstance(admission, Admitted) else None
    if bulk.edges is None or of_bulk is None or of_bulk.potential is None:
        why = bulk.why_no_edges or "; ".join(bulk.remarks) or f"{step} has left no potential"
        raise AnalysisError("there are no band edges of the crystal to line up", reason=why)
    assert slab.potential is not None and slab.fermi is not None, "the gate admits no potential step without"
    if of_bulk.potential.kind != slab.potential.kind:
        raise AnalysisError(f"the crystal's potential is {of_bulk.potential.kind}, the slab's {slab.potential.kind}")
    own_edges, why_no_own_edges = slab_edges
    return surface_levels(
        profile=profile,
        vacuum=vacuum,
        fermi=slab.fermi,
        bulk_edges=bulk.edges,
        bulk_average=Energy(bulk_average_ev(of_bulk.potential), of_bulk.potential.zero),
        slab_edges=own_edges,
        why_no_slab_edges=why_no_own_edges,
    )


def _warnings(model: SlabModel, slab: Results, *, metal: bool) -> tuple[str, ...]:
    lines = []
    missing = "" if metal else _missing_points(slab)
    if missing:
        lines.append(f"not calculated at {missing}, so that its own gap may be smaller than it is given here")
    if model.refused:
        lines.append(f"used although refused: {model.refused}")
    return tuple(lines)


def _missing_points(slab: Results) -> str:
    """Names of the special points of the surface's zone that a slab along c was not calculated at."""
    if slab.bands is None or slab.structure is None:
        return ""
    if slab_normal(slab.structure.frac_coords, slab.structure.lattice.matrix) != 2:
        return ""
    return ", ".join(point.label for point in missing_points(slab.bands, surface_points(slab.structure)))


# --- quantities -------------------------------------------------------------------------------------------------


def surface_quantities(findings: Findings) -> tuple[Quantity, ...]:
    """Work function, ionisation potential, electron affinity and own edges of every slab, each with its steps."""
    found = [
        quantity
        for material in findings.materials
        for slab in material.slabs
        for quantity in _of_surface(material, slab)
    ]
    nothing = [
        Quantity(name="ionisation potential", subject=name, unit="eV", value=None, missing=why)
        for name, why in findings.unbuilt.items()
    ]
    return (*found, *nothing)


def _of_surface(material: MaterialOutcome, slab: SlabOutcome) -> tuple[Quantity, ...]:
    subject, bulk = f"{material.name} {material.face(slab)}", material.bulk
    levels, why = slab.levels, slab.missing
    relaxation = (slab.relaxation,) if slab.relaxation else ()
    remarks = (*slab.remarks, *relaxation)
    own = {"origin": (slab.levels_step,), "remarks": remarks}
    by_line_up = {
        "origin": (slab.levels_step, bulk.edges_step),
        "remarks": (*remarks, *slab.line_up_remarks, *(f"{bulk.edges_step}: {remark}" for remark in bulk.remarks)),
        "method": BY_LINE_UP_WAY,
    }
    if levels is not None:
        spread_ev = levels.spread.total_ev
        by_line_up |= {"uncertainty": (-spread_ev, spread_ev), "uncertainty_holds": SPREAD_HOLDS}
    no_edges: MissingKind = "metallic" if bulk.is_metal else "not derived"
    slab_why = why if slab.own is None else Missing(kind=no_edges, reason=slab.no_own_edges)
    from_slab = own | {"method": "the slab's own bands"}
    return (
        *_work_functions(subject, slab, own, metal=bulk.is_metal),
        *(
            Quantity.of(name, subject, "eV", _level(levels, f"{key}_ev"), why, **by_line_up)
            for name, key in LEVELS.items()
        ),
        Quantity.of("band gap", subject, "eV", _level(slab.own, "band_gap_ev"), slab_why, **from_slab),
        *(
            Quantity.of(name, subject, "eV", _level(slab.own, f"{key}_ev"), slab_why, **from_slab)
            for name, key in LEVELS.items()
        ),
    )


def _work_functions(subject: str, slab: SlabOutcome, known: Mapping[str, Any], *, metal: bool) -> Iterator[Quantity]:
    """One of a slab whose faces are alike, else one of each side."""
    way = {"method": METAL_WAY} if metal else {}
    if not slab.sides:
        yield Quantity.of("work function", subject, "eV", None, slab.missing, **known, **way)
        return
    alike = slab.model.symmetric and not unlike_sides(slab.vacuum)
    for side in slab.sides[-1:] if alike else slab.sides:
        name = {"low": "lower", "high": "upper"}[side.vacuum.side]
        of = subject if alike else f"{subject}, {name} side"
        value_ev = side.work_function_ev
        yield Quantity.of("work function", of, "eV", value_ev, None, **known, **way, **_range(side, metal=metal))


def _range(side: SlabSide, *, metal: bool) -> dict[str, Any]:
    """How far a work function may lie from where it is given, as far as one calculation tells."""
    if metal:
        spread_ev = side.vacuum.spread_ev
        return {"uncertainty": (-spread_ev, spread_ev), "uncertainty_holds": PLATEAU_HOLDS}
    if side.ionisation_potential_ev is None or side.electron_affinity_ev is None:
        return {}
    ends = (side.electron_affinity_ev - side.work_function_ev, side.ionisation_potential_ev - side.work_function_ev)
    return {"uncertainty": ends, "uncertainty_holds": ANYWHERE_HOLDS} if ends[0] <= 0 <= ends[1] else {}


def _level(levels: SurfaceLevels | SlabSide | None, name: str) -> float | None:
    return None if levels is None else getattr(levels, name)
