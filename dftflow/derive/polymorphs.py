"""How the phases of one composition lie above each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dftflow.derive.energy_errors import EnergyDifference, energy_error
from dftflow.derive.findings import Findings
from dftflow.derive.phase_energies import not_comparable, remarks_of
from dftflow.derive.reactions import NO_VIBRATIONS
from dftflow.model.phase import PhaseEnergies, PhaseEnergy, PhasesAt
from dftflow.model.polymorph import PhasesRequest, Polymorph
from dftflow.model.quantity import Quantity

__all__ = ["polymorph_quantities", "polymorphs"]

ABOVE_LOWEST = "energy above the lowest phase"


def polymorphs(request: PhasesRequest | None, phases: PhaseEnergies, elsewhere: PhasesAt) -> tuple[Polymorph, ...]:
    """Every phase that another one of its composition stands beside, in the order of the request."""
    found: list[Polymorph] = []
    for group in _groups(request, phases):
        names = [phase.name for phase in group]
        why = not_comparable(names, phases)
        for phase in group:
            if why is None and request is not None:
                found.append(_polymorph(request, phase, group, phases, elsewhere))
            else:
                volume_ang3 = phase.volume_per_atom_ang3 * phase.unit.atoms
                found.append(
                    Polymorph(
                        name=phase.name, unit=phase.unit, lowest="", above_lowest_ev=None, missing=why,
                        volume_per_unit_ang3=volume_ang3, origin=(phase.step,),
                    )
                )  # fmt: skip
    return tuple(found)


def _groups(request: PhasesRequest | None, phases: PhaseEnergies) -> list[list[PhaseEnergy]]:
    groups: list[list[PhaseEnergy]] = []
    for name in request.materials if request is not None else ():
        alike = next((group for group in groups if group[0].unit.same_composition(phases[name].unit)), None)
        if alike is None:
            groups.append([phases[name]])
        else:
            alike.append(phases[name])
    return [group for group in groups if len(group) > 1]


def _polymorph(
    request: PhasesRequest,
    phase: PhaseEnergy,
    group: Sequence[PhaseEnergy],
    phases: PhaseEnergies,
    elsewhere: PhasesAt,
) -> Polymorph:
    lowest = min(group, key=lambda one: one.energy_per_atom_ev or 0.0)
    names = tuple(dict.fromkeys((phase.name, lowest.name)))
    atoms = phase.unit.atoms

    def above_ev(there: PhaseEnergies) -> float:
        return atoms * ((there[phase.name].energy_per_atom_ev or 0.0) - (there[lowest.name].energy_per_atom_ev or 0.0))

    above = EnergyDifference(names=names, ev=above_ev, own=phases, elsewhere=elsewhere, atoms=atoms)
    error = energy_error(request.error, above) if len(names) > 1 else None
    value_ev = above.own_ev
    open_ = (
        (f"not resolved: less than {error.total_ev:.2g} eV from {lowest.name}, or not known to be converged",)
        if error is not None and not error.resolves(value_ev)
        else ()
    )
    return Polymorph(
        name=phase.name,
        unit=phase.unit,
        lowest=lowest.name,
        above_lowest_ev=value_ev,
        volume_per_unit_ang3=phase.volume_per_atom_ang3 * atoms,
        error=error,
        origin=tuple(phases[name].step for name in names),
        remarks=(*open_, NO_VIBRATIONS, *remarks_of(names, phases)),
    )


def polymorph_quantities(findings: Findings) -> Iterator[Quantity]:
    """Energy of each phase above the lowest of its composition, and its volume, both per formula unit."""
    for row in findings.polymorphs:
        reach = {} if row.error is None else {
            "uncertainty": (-row.error.total_ev, row.error.total_ev), "uncertainty_holds": row.error.holds,
        }  # fmt: skip
        method = f"per formula unit {row.unit.formula}{f', above {row.lowest}' if row.lowest else ''}"
        yield Quantity.of(
            ABOVE_LOWEST, row.name, "eV", row.above_lowest_ev, row.missing,
            method=method, origin=row.origin, remarks=row.remarks, **reach,
        )  # fmt: skip
        yield Quantity(
            name="volume per formula unit", subject=row.name, unit="Å³", value=row.volume_per_unit_ang3,
            method=row.unit.formula, origin=row.origin[:1],
        )  # fmt: skip
