"""The levels of slabs: as a table for a person, as rows to calculate with, as plain data."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from dftflow.model.records import Records
from dftflow.model.slab_levels import FaceLevels, SlabLevels
from dftflow.report.fitted_table import TableColumn, fitted_table

__all__ = ["LINE_UP_HOLDS", "OWN_HOLDS", "levels_records", "levels_table", "slab_document"]

LINE_UP_HOLDS = "spread of the line-up over the slab's middle and of the vacuum plateau; it bounds no error"
OWN_HOLDS = (
    "half the spread of the vacuum plateau; the slab's thickness, its surface states and its k-points are not in it"
)

_Row = tuple[SlabLevels, FaceLevels | None]


def _rows(slabs: Sequence[SlabLevels]) -> list[_Row]:
    """Each face of each slab; a slab without a vacuum level once."""
    return [(slab, face) for slab in slabs for face in (slab.faces or (None,))]


# --- for a person -----------------------------------------------------------------------------------------------


def levels_table(slabs: Sequence[SlabLevels], width: int) -> list[str]:
    """A line for each face, what the columns are, and what has to be known of each slab; none wider than `width`."""
    rows = _rows(slabs)

    def cells(text: Callable[[SlabLevels, FaceLevels | None], str]) -> tuple[str, ...]:
        return tuple(text(slab, face) for slab, face in rows)

    numbers = [_shown_numbers(face) for _, face in rows]
    columns = [
        TableColumn(head="slab", cells=cells(lambda slab, _: slab.name), shortest=16),
        TableColumn(head="plane", cells=cells(_plane), leave_out=2),
        TableColumn(head="side", cells=cells(lambda _, face: "" if face is None else face.own.vacuum.side)),
        TableColumn(head="face", cells=cells(lambda _, face: "" if face is None else face.name), leave_out=1),
        *(
            TableColumn(head=head, cells=tuple(_number(values[at]) for values in numbers), right=True)
            for at, head in enumerate(_HEADS)
        ),
    ]
    lines = [*fitted_table(columns, width), ""]
    for text in (_meanings(numbers), *_notes(slabs)):
        lines += textwrap.wrap(text, width, subsequent_indent="  ")
    return lines


def _meanings(numbers: Sequence[Sequence[float | None]]) -> str:
    """What the columns are that have numbers."""
    known = {head for values in numbers for head, value in zip(_HEADS, values, strict=True) if value is not None}
    said = ["eV below the vacuum level of the side."] if known else []
    if "W" in known:
        said.append("W: E_vac - E_F.")
    if "IP" in known:
        said.append(f"IP, EA: VBM and CBM of the crystal, lined up through the middle of the slab; ±: {LINE_UP_HOLDS}.")
    if "own IP" in known:
        said.append("own IP, own EA: the slab's own band edges.")
    if "own ±" in known:
        said.append(f"own ±: {OWN_HOLDS}.")
    return " ".join(said)


def _plane(slab: SlabLevels, _: FaceLevels | None) -> str:
    return "" if slab.surface is None else str(slab.surface.plane)


_HEADS = ("W", "IP", "EA", "±", "own IP", "own EA", "own ±")


def _shown_numbers(face: FaceLevels | None) -> tuple[float | None, ...]:
    """`_numbers` with a range for the spread of the plateau: half of it, as an alignment has it."""
    *numbers, spread_ev = _numbers(face)
    return (*numbers, None if spread_ev is None else spread_ev / 2)


def _numbers(face: FaceLevels | None) -> tuple[float | None, ...]:
    """Work function, levels of the crystal with their range, levels of the slab itself, spread of its plateau."""
    if face is None:
        return (None,) * len(_HEADS)
    own, line_up = face.own, face.line_up
    return (
        own.work_function_ev,
        None if line_up is None else line_up.ionisation_potential_ev,
        None if line_up is None else line_up.electron_affinity_ev,
        None if line_up is None else line_up.spread.total_ev,
        own.ionisation_potential_ev,
        own.electron_affinity_ev,
        own.vacuum.spread_ev,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _notes(slabs: Sequence[SlabLevels]) -> Iterator[str]:
    """Sentences; one that is of all slabs stands once."""
    of_each = {slab.name: list(_notes_of(slab)) for slab in slabs}
    for text in dict.fromkeys(text for texts in of_each.values() for text in texts):
        names = [name for name, texts in of_each.items() if text in texts]
        yield f"{', '.join(names)}: {text}"


def _notes_of(slab: SlabLevels) -> Iterator[str]:
    surface = slab.surface
    if surface is not None:
        yield (
            f"{surface}, {surface.layers} layers, the normal along {'abc'[slab.normal]}; its ions lie "
            f"{surface.rms_ang:.2f} Å (rms) from a cut of the crystal"
        )
    elif slab.comparison is not None:
        yield f"surface not identified: {slab.why_no_surface}"
    if slab.why_no_faces:
        yield f"no vacuum level: {slab.why_no_faces}"
    elif slab.why_no_line_up:
        yield f"no line-up: {slab.why_no_line_up}"
    if slab.period_ang is not None:
        yield f"lined up by averages over {slab.period_ang:.3f} Å"
    if slab.edges is None:
        yield f"no band edges of its own: {slab.why_no_edges}"
    yield from slab.remarks


# --- to calculate with ------------------------------------------------------------------------------------------

_COLUMNS = (
    "name",
    "place",
    "plane",
    "setting",
    "side",
    "face",
    "work_function_ev",
    "ionisation_potential_ev",
    "electron_affinity_ev",
    "line_up_spread_ev",
    "own_ionisation_potential_ev",
    "own_electron_affinity_ev",
    "vacuum_spread_ev",
    "period_ang",
    "missing",
)


def levels_records(slabs: Sequence[SlabLevels]) -> Records:
    """A row for each face; energies below the vacuum level of its side."""
    return Records(columns=_COLUMNS, rows=tuple(_record(slab, face) for slab, face in _rows(slabs)))


def _record(slab: SlabLevels, face: FaceLevels | None) -> tuple[float | str | None, ...]:
    plane = None if slab.surface is None else slab.surface.plane
    return (
        slab.name,
        str(slab.place),
        None if plane is None else plane.text,
        None if plane is None else plane.setting,
        None if face is None else face.own.vacuum.side,
        None if face is None else face.name,
        *_numbers(face),
        slab.period_ang,
        slab.why_no_line_up or slab.why_no_faces,
    )


def slab_document(slab: SlabLevels) -> dict[str, Any]:
    """The slab as plain data, with the unit in each name; a number that is not there is None and has its reason."""
    surface = slab.surface
    return {
        "name": slab.name,
        "place": str(slab.place),
        "normal": "abc"[slab.normal],
        "surface": None
        if surface is None
        else {
            "plane": list(surface.plane.miller),
            "setting": surface.plane.setting,
            "miller_cell": list(surface.plane.miller_cell),
            "equivalents": {name: list(indices) for name, indices in surface.plane.equivalents},
            "termination": surface.termination,
            "layers": surface.layers,
            "rms_ang": surface.rms_ang,
            "strain": surface.strain,
            "polar": surface.polar,
        },
        "why_no_surface": slab.why_no_surface,
        "period_ang": slab.period_ang,
        "band_gap_ev": None if slab.edges is None else slab.edges.band_gap_ev,
        "why_no_edges": slab.why_no_edges,
        "faces": [_face_document(face) for face in slab.faces],
        "why_no_faces": slab.why_no_faces,
        "why_no_line_up": slab.why_no_line_up,
        "comparison": None
        if slab.comparison is None
        else {
            "verdict": slab.comparison.verdict,
            "sentence": slab.comparison.sentence,
            "rows": [asdict(row) for row in slab.comparison.rows],
        },
        "remarks": list(slab.remarks),
    }


def _face_document(face: FaceLevels) -> dict[str, Any]:
    own, line_up = face.own, face.line_up
    return {
        "side": own.vacuum.side,
        "face": face.name,
        "vacuum_ev": own.vacuum.level.value_ev,
        "vacuum_spread_ev": own.vacuum.spread_ev,
        "work_function_ev": own.work_function_ev,
        "own_ionisation_potential_ev": own.ionisation_potential_ev,
        "own_electron_affinity_ev": own.electron_affinity_ev,
        "own_uncertainty_ev": own.vacuum.spread_ev / 2,
        "own_uncertainty_holds": OWN_HOLDS,
        "line_up": None
        if line_up is None
        else {
            "ionisation_potential_ev": line_up.ionisation_potential_ev,
            "electron_affinity_ev": line_up.electron_affinity_ev,
            "uncertainty_ev": line_up.spread.total_ev,
            "uncertainty_holds": LINE_UP_HOLDS,
            **asdict(line_up.spread),
        },
    }
