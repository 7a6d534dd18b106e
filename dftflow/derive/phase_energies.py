"""The materials of a study as phases, and whether some of them may be compared by their energies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dftflow.analysis.footing import Footed, unlike
from dftflow.crystals.formula_unit import formula_unit
from dftflow.derive.missing import missing_results
from dftflow.model.admission import Admission, Admitted
from dftflow.model.outcome import MaterialOutcome
from dftflow.model.phase import PhaseEnergies, PhaseEnergy, PhasesAt
from dftflow.model.point import Point
from dftflow.model.quantity import Missing

__all__ = ["not_comparable", "phase_energies", "phases_beside", "remarks_of"]


def phase_energies(materials: Iterable[MaterialOutcome], admissions: Mapping[str, Admission]) -> PhaseEnergies:
    """Each material by the energy of the calculation that its band edges are of."""
    return {material.name: _phase(material, admissions) for material in materials}


def _phase(material: MaterialOutcome, admissions: Mapping[str, Admission]) -> PhaseEnergy:
    bulk = material.bulk
    admission = admissions.get(bulk.edges_step)
    results = admission.results if isinstance(admission, Admitted) else None
    return PhaseEnergy(
        name=material.name,
        unit=material.unit or formula_unit(bulk.structure),
        step=bulk.edges_step,
        results=results,
        energy_per_atom_ev=bulk.energy_per_atom_ev,
        missing=_missing(material, admission),
        gap_ev=bulk.edges.band_gap_ev if bulk.edges is not None else None,
        volume_per_atom_ang3=float(bulk.structure.volume) / len(bulk.structure),
        remarks=(*bulk.remarks, *(() if bulk.relaxed else ("its crystal is not relaxed",))),
    )


def _missing(material: MaterialOutcome, admission: Admission | None) -> Missing | None:
    if material.bulk.energy_per_atom_ev is not None:
        return None
    step = material.bulk.edges_step
    why = None if admission is None else missing_results(step, admission)
    return why or Missing(kind="not read", reason=f"{step} has left no total energy that can be read")


def not_comparable(names: Sequence[str], phases: PhaseEnergies) -> Missing | None:
    """Why no difference of the energies of these materials is made; None where it can be.

    The first that has no energy says why; of those that all have one, the first two that do not stand on one footing.
    """
    for name in names:
        why = phases[name].missing
        if why is not None:
            return Missing(kind=why.kind, reason=f"{name} has no energy: {why.reason}")
    members = [phases[name] for name in names]
    footed = [Footed(name=m.name, results=m.results, gap_ev=m.gap_ev) for m in members if m.results is not None]
    reason = unlike(footed)
    return Missing(kind="refused", reason=reason) if reason else None


def remarks_of(names: Sequence[str], phases: PhaseEnergies) -> tuple[str, ...]:
    """What has to stand beside a difference of their energies."""
    return tuple(f"{name}: {remark}" for name in names for remark in phases[name].remarks)


def phases_beside(here: Point, elsewhere: PhasesAt) -> PhasesAt:
    """The points of sweeps that differ from one of them in a single setting alone, named by that setting.

    So stands a point among the others of its series as the study as it is written stands among all: a change of the
    cutoff is told by points of the functional that it is at, and of the mixture.
    """
    beside: dict[Point, PhaseEnergies] = {}
    for point, phases in elsewhere.items():
        other = [(key, value) for key, value in point.settings if here.get(key) != value]
        if len(other) == 1 and point.without(other[0][0]) == here.without(other[0][0]):
            beside[Point.of(dict(other))] = phases
    return beside
