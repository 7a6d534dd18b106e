"""What the reactions that a study asks for cost: total energies of its materials, on one footing or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dftflow.derive.energy_errors import EnergyDifference, energy_error
from dftflow.derive.findings import Findings
from dftflow.derive.phase_energies import not_comparable, remarks_of
from dftflow.model.phase import PhaseEnergies, PhasesAt
from dftflow.model.quantity import Missing, Quantity
from dftflow.model.reaction import Reaction, ReactionRequest, excess_of, excess_text
from dftflow.units import EV_KJ_PER_MOL

__all__ = ["reaction_quantities", "reactions"]

NO_VIBRATIONS = "of electrons at rest: without vibrations, temperature and pressure"
NOT_CONVERGED = (
    "how far the energy is converged is not known: sweep cutoff_ev or kpoint_spacing_per_ang over all its materials, "
    "or state convergence_ev_per_atom"
)


def reactions(requests: Sequence[ReactionRequest], phases: PhaseEnergies, elsewhere: PhasesAt) -> tuple[Reaction, ...]:
    """Each reaction, or why its energy is not known.

    Parameters
    ----------
    phases
        The study's materials.
    elsewhere
        The same at the points of its sweeps, for the error.
    """
    return tuple(_reaction(request, phases, elsewhere) for request in requests)


def _reaction(request: ReactionRequest, phases: PhaseEnergies, elsewhere: PhasesAt) -> Reaction:
    names = request.names
    origin = tuple(phases[name].step for name in names)
    atoms = sum(float(number) * phases[name].unit.atoms for name, number in request.reactants)
    why = _unbalanced(request, phases) or not_comparable(names, phases)
    if why is not None:
        return Reaction(request=request, energy_ev=None, atoms=atoms, missing=why, origin=origin)

    def energy_ev(there: PhaseEnergies) -> float:
        return sum(float(number) * there[name].energy_per_unit_ev for name, number in request.change.items())

    change = EnergyDifference(names=names, ev=energy_ev, own=phases, elsewhere=elsewhere, atoms=atoms)
    return Reaction(
        request=request,
        energy_ev=change.own_ev,
        atoms=atoms,
        error=energy_error(request.error, change),
        origin=origin,
        remarks=(NO_VIBRATIONS, *remarks_of(names, phases)),
    )


def _unbalanced(request: ReactionRequest, phases: PhaseEnergies) -> Missing | None:
    """At a point of a sweep a mixture may be another compound, of which the equation is not balanced."""
    excess = excess_of(request.change, {name: phases[name].unit for name in request.names})
    return Missing(kind="refused", reason=f"{request.equation} has {excess_text(excess)}") if excess else None


def reaction_quantities(findings: Findings) -> Iterator[Quantity]:
    """The energy of each reaction as it is written, per atom and per mole, and whether it releases any."""
    for row in findings.reactions:
        error_ev = None if row.error is None else row.error.total_ev
        for name, unit, factor, method in (
            ("reaction energy", "eV", 1.0, row.request.per),
            ("reaction energy per atom", "eV", 1 / row.atoms, ""),
            ("molar reaction energy", "kJ/mol", EV_KJ_PER_MOL, row.request.per),
        ):
            value = None if row.energy_ev is None else row.energy_ev * factor
            yield Quantity.of(
                name, row.request.equation, unit, value, row.missing,
                method=method, origin=row.origin, remarks=row.remarks,
                **_range(error_ev, factor, row),
            )  # fmt: skip
        yield _sign(row)


def _range(error_ev: float | None, factor: float, row: Reaction) -> dict[str, object]:
    if error_ev is None or row.error is None:
        return {}
    reach = error_ev * factor
    return {"uncertainty": (-reach, reach), "uncertainty_holds": row.error.holds}


def _sign(row: Reaction) -> Quantity:
    why, value = row.missing, None
    if row.error is not None and row.error.convergence_ev is None:
        why = Missing(kind="not derived", reason=NOT_CONVERGED)
    elif row.error is not None:
        value = row.sign
    method = f"|energy| against {row.error.total_ev:.3g} eV" if row.error is not None else ""
    return Quantity.of(
        "sign of the reaction energy", row.request.equation, "", value, why,
        method=method, origin=row.origin, remarks=row.remarks,
    )  # fmt: skip
