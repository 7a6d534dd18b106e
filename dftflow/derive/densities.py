"""The density of states of a crystal, and how many states there are at the Fermi level of a metal."""

from __future__ import annotations

from dftflow.analysis.dos_filling import difference_at_shared_points_ev, filled_up_to_ev, states_at
from dftflow.analysis.dos_of_eigenvalues import (
    at_most_whole,
    complete_up_to_ev,
    density_of_states,
    grid_of_states,
    without_empty_bands,
)
from dftflow.derive.findings import Findings
from dftflow.derive.missing import missing_results
from dftflow.errors import AnalysisError
from dftflow.model.admission import Admission, Admitted
from dftflow.model.dos_request import DosRequest
from dftflow.model.found_dos import FoundDos
from dftflow.model.outcome import BulkOutcome
from dftflow.model.quantity import Missing, Quantity
from dftflow.model.results import Bands, Results

__all__ = ["STATES_AT_FERMI", "dos_or_reason", "dos_quantities"]

STATES_AT_FERMI = "states at the Fermi level"
DIFFERENT_EV = 0.02


def dos_or_reason(
    step: tuple[str, Admission] | None, request: DosRequest | None, bands: Bands | None
) -> tuple[FoundDos | None, Missing | None]:
    """The density of states that a step gives, or why there is none; neither where none is asked for.

    Parameters
    ----------
    step
        Its name, and what the gate said of it.
    request
        How wide each state is to be, and what is to be shown.
    bands
        The band structure of the crystal, to compare with.
    """
    if step is None or request is None:
        return None, None
    name, admission = step
    if not isinstance(admission, Admitted):
        return None, missing_results(name, admission)
    try:
        return _found(admission.results, request, bands), None
    except AnalysisError as error:
        written = admission.results.dos
        if written is not None:
            return FoundDos(dos=written.by_orbital(), fermi_ev=written.fermi_ev, window_ev=request.window_ev), None
        return None, Missing(kind="not derived", reason=f"{name}: {error.sentence}")


def _found(results: Results, request: DosRequest, bands: Bands | None) -> FoundDos:
    grid, projections = grid_of_states(results)
    shells = None if projections is None else at_most_whole(projections.by_orbital())
    dos = density_of_states(grid, shells, sigma_ev=request.broadening_ev)
    return FoundDos(
        dos=dos,
        fermi_ev=filled_up_to_ev(dos, sum(grid.n_electrons)),
        complete_up_to_ev=complete_up_to_ev(grid),
        no_empty_bands=without_empty_bands(grid),
        differs_ev=None if bands is None else difference_at_shared_points_ev(grid, bands),
        window_ev=request.window_ev,
    )


def dos_quantities(findings: Findings) -> tuple[Quantity, ...]:
    """States at the Fermi level, of every crystal whose density of states the study asks for."""
    request = findings.asked.states
    if request is None:
        return ()
    return tuple(
        _at_fermi(material.name, material.bulk) for material in findings.materials if material.name in request.materials
    )


def _at_fermi(name: str, bulk: BulkOutcome) -> Quantity:
    found, value, why = bulk.dos, None, bulk.no_dos
    method = ""
    if bulk.edges is not None:
        why = Missing(kind="not derived", reason=f"the Fermi level lies in a gap of {bulk.edges.band_gap_ev:.3f} eV")
    elif found is not None and not bulk.is_metal:
        why = bulk.no_edges
    elif found is not None and found.fermi_ev is not None:
        value = states_at(found.dos, found.fermi_ev)
        width = found.dos.broadening_ev
        method = "both spins, per cell" + ("" if width is None else f"; states {width:g} eV wide")
    elif found is not None:
        why = Missing(kind="not read", reason=f"{bulk.dos_step} tells no Fermi level")
    return Quantity.of(
        STATES_AT_FERMI, name, "1/eV", value, why, method=method, origin=(bulk.dos_step,), remarks=_remarks(bulk)
    )


def _remarks(bulk: BulkOutcome) -> tuple[str, ...]:
    found = bulk.dos
    if found is None or found.differs_ev is None or found.differs_ev <= DIFFERENT_EV:
        return ()
    return (
        f"states of {bulk.dos_step} and {bulk.edges_step} at the same k-points differ by up to "
        f"{found.differs_ev:.3f} eV",
    )
