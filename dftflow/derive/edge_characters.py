"""What the band edges of a crystal are made of, and how wide their bands are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dftflow.analysis.band_edges import find_band_edges
from dftflow.analysis.edge_character import Edge, band_width_ev, edge_character
from dftflow.derive.findings import Findings
from dftflow.errors import AnalysisError, BandEdgeError
from dftflow.model.admission import Admission, Admitted
from dftflow.model.found_dos import EdgeCharacter
from dftflow.model.levels import BandEdges
from dftflow.model.outcome import BulkOutcome
from dftflow.model.quantity import Missing, Quantity
from dftflow.model.results import Results

__all__ = ["CHARACTERS", "WIDTHS", "edge_quantities"]

CHARACTERS: dict[str, Edge] = {
    "character of the valence band maximum": "vbm",
    "character of the conduction band minimum": "cbm",
}
WIDTHS: dict[str, Edge] = {"width of the highest valence band": "vbm", "width of the lowest conduction band": "cbm"}
OFF_EDGE_EV = 0.01


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Told:
    """The character of one edge, the step that tells it, and what has to stand beside it."""

    character: EdgeCharacter
    method: str
    step: str
    remarks: tuple[str, ...] = ()


def edge_quantities(findings: Findings) -> tuple[Quantity, ...]:
    """Characters and widths, of every crystal whose density of states the study asks for."""
    request = findings.asked.states
    if request is None:
        return ()
    return tuple(
        quantity
        for material in findings.materials
        if material.name in request.materials
        for quantity in _of_crystal(material.name, material.bulk, findings)
    )


def _of_crystal(name: str, bulk: BulkOutcome, findings: Findings) -> Iterator[Quantity]:
    for key, edge in CHARACTERS.items():
        told = bulk.no_edges or _told(bulk, edge, findings)
        if isinstance(told, Missing):
            yield Quantity(name=key, subject=name, unit="", value=None, missing=told)
            continue
        held = f"shares of what the shells of the atoms hold, {told.character.captured:.2f} of a state"
        several = f"mean of {told.character.states} degenerate states" if told.character.states > 1 else ""
        remarks = tuple(filter(None, (held, several, told.method, *told.remarks)))
        yield Quantity(
            name=key, subject=name, unit="", value=told.character.text(), origin=(told.step,), remarks=remarks
        )
    for key, edge in WIDTHS.items():
        width = None if bulk.bands is None or bulk.edges is None else band_width_ev(bulk.bands, edge)
        yield Quantity.of(
            key, name, "eV", width, bulk.no_edges, method="over the path", origin=(bulk.edges_step,)
        )  # fmt: skip


def _told(bulk: BulkOutcome, edge: Edge, findings: Findings) -> _Told | Missing:
    """By the band structure, which has the edge itself; else by the highest or lowest state of the other grid."""
    why = f"{bulk.edges_step} and {bulk.dos_step} tell of no state on which atoms it lies"
    for step in (bulk.edges_step, bulk.dos_step):
        results = _results(findings.admissions.get(step))
        if results is None or results.bands is None or results.projections is None:
            continue
        try:
            edges = find_band_edges(results.bands)
            found = edge_character(results.bands, results.projections, edges, edge)
        except (BandEdgeError, AnalysisError) as error:
            why = f"{step}: {error.sentence}"
            continue
        remarks = () if step == bulk.edges_step else _off_edge(bulk, edges, edge, step)
        return _Told(character=found, method=results.projections.method, step=step, remarks=remarks)
    return Missing(kind="not read", reason=why)


def _results(admission: Admission | None) -> Results | None:
    return admission.results if isinstance(admission, Admitted) else None


def _off_edge(bulk: BulkOutcome, edges: BandEdges, edge: Edge, step: str) -> tuple[str, ...]:
    """How far the edge on the other grid lies from that of the band structure."""
    own = bulk.edges
    if own is None:
        return ()
    apart_ev = own.vbm.value_ev - edges.vbm.value_ev if edge == "vbm" else edges.cbm.value_ev - own.cbm.value_ev
    if abs(apart_ev) <= OFF_EDGE_EV:
        return ()
    return (f"of the nearest state on the grid of {step}, {apart_ev:.3f} eV from the band edge",)
