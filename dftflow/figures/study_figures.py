"""Which figures a study has, and what each of them shows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict, TypeVar

from matplotlib.figure import Figure

from dftflow.derive.swept import swept_series
from dftflow.figures.alignment import alignment_drawing, diagram_columns
from dftflow.figures.alloy import alloy_drawing
from dftflow.figures.band_figure import BandStructure, bands_drawing
from dftflow.figures.colors import material_colors
from dftflow.figures.diffraction import MOST_PATTERNS, diffraction_drawing
from dftflow.figures.dos import ShownDos
from dftflow.figures.drawing import Drawing
from dftflow.figures.energy_axis import Reference
from dftflow.figures.hull_figures import hull_figures
from dftflow.figures.ledger import ledger_columns, ledger_drawing
from dftflow.figures.look import PAGE_HEIGHT_IN, PAGE_IN, Look
from dftflow.figures.offsets import draw_offsets, offsets_by_pair, offsets_height_in
from dftflow.figures.photons import photons_drawing
from dftflow.figures.potential import SlabPotential, potential_drawing
from dftflow.figures.states import StatesPanel, states_drawing
from dftflow.figures.structure import ShownStructure, structures_drawing
from dftflow.figures.sweeps import sweep_drawing
from dftflow.model.alignment import AbsoluteEdges, Alignment
from dftflow.model.contact import SchottkyContact
from dftflow.model.outcome import MaterialOutcome, SlabOutcome, StudyOutcome
from dftflow.model.records import Records

__all__ = ["MOST_PAIRS", "study_figures"]

MOST_COLUMNS, MOST_BANDS, MOST_STATES, MOST_STRUCTURES = 16, 12, 6, 24
"""Of one figure; wider or longer than three pages it is not looked at as one."""

MOST_LEDGERS, MOST_IN_A_LEDGER = 12, 4
"""Of figures; of crystals on one, beside each other at each correction."""

MOST_PAIRS = 435
"""All pairs of 30 materials fill a dozen pages."""

Item = TypeVar("Item")
_RANGES = (
    "of a line-up, how much it depends on where in the slab it is made (which bounds no error); of work functions, the "
    "Fermi level anywhere in the gap of each slab"
)


class _Named(TypedDict):
    name: str
    title: str


def study_figures(outcome: StudyOutcome) -> tuple[Drawing, ...]:
    """All figures of a study: alignment, offsets by every method, bands, densities of states, corrections, structures,
    one potential profile a slab, one figure a swept setting, sources of light and gaps.

    What does not fit into one figure stands in several, with numbers at the end of their names.
    """
    slabs = [(material, slab) for material in outcome.materials for slab in material.slabs]
    shown = _Shown(outcome)
    profiles = [
        _profile_figure(material, slab, n, shown.colors[material.name])
        for n, (material, slab) in enumerate(slabs, start=1)
    ]
    aligned = () if outcome.of_crystals_alone else (*_alignment_figures(shown), *_offset_figures(shown))
    return (
        *aligned,
        *_bands_figures(shown),
        *_states_figures(shown),
        *_ledger_figures(shown),
        *_structures_figures(outcome),
        *profiles,
        *_diffraction_figures(shown),
        *_sweep_figures(outcome),
        *([photons_drawing(outcome.absorptions, Look())] if outcome.absorptions else []),
        *(alloy_drawing(alloy, Look()) for alloy in outcome.alloys),
        *([] if outcome.hull is None else hull_figures(outcome.hull, Look())),
    )


def _diffraction_figures(shown: _Shown) -> list[Drawing]:
    """Powder patterns, as many crystals on one figure as fit."""
    found = shown.outcome.diffraction
    if found is None:
        return []
    pages = _pages(found.crystals, MOST_PATTERNS)
    return [
        diffraction_drawing(
            replace(found, crystals=page),
            Look(colors={one.crystal: shown.colors[one.crystal] for one in page}),
            **_numbered("diffraction", "Powder diffraction", number, len(pages)),
        )
        for number, page in enumerate(pages, start=1)
    ]


def _sweep_figures(outcome: StudyOutcome) -> list[Drawing]:
    """A figure for each setting that is swept."""
    series = swept_series(outcome.quantities)
    settings = dict.fromkeys(one.setting for one in series)
    return [sweep_drawing([one for one in series if one.setting == setting], Look()) for setting in settings]


class _Shown:
    """What several figures of one outcome share: rows and columns of the diagram, pairs, colours."""

    def __init__(self, outcome: StudyOutcome) -> None:
        self.outcome = outcome
        self.rows = _diagram_rows(outcome)
        names = [material.name for material in outcome.materials]
        self.levels = tuple(dict.fromkeys(contact.metal for contact in outcome.contacts))
        self.columns = _with_those_of_contacts(diagram_columns(self.rows, names), outcome.contacts)
        self.pairs = offsets_by_pair(outcome.alignments)
        names = [*(m.name for m in outcome.materials), *(edges.material for edges in self.columns)]
        self.colors = material_colors(names)
        self.on_vacuum: dict[str, AbsoluteEdges] = {}
        for edges in self.columns:
            self.on_vacuum.setdefault(edges.material, edges)


def _with_those_of_contacts(
    columns: tuple[AbsoluteEdges, ...], contacts: Sequence[SchottkyContact]
) -> tuple[AbsoluteEdges, ...]:
    """The columns, and the semiconductors that stand beside metals alone."""
    shown = {edges.material for edges in columns}
    others = dict.fromkeys(contact.edges for contact in contacts if contact.edges.material not in shown)
    return (*columns, *others)


def _diagram_rows(outcome: StudyOutcome) -> tuple[Alignment, ...]:
    """The alignments that the study defends, else the first with band edges, which says that its plane is polar."""
    return outcome.defended or tuple(row for row in outcome.alignments if row.first is not None)[:1]


def _pages(items: Sequence[Item], most: int) -> list[tuple[Item, ...]]:
    """All items together up to `most`; more of them shared out evenly over as few pages as it takes."""
    count = max(1, math.ceil(len(items) / most))
    size = math.ceil(len(items) / count)
    return [tuple(items[i * size : (i + 1) * size]) for i in range(count)]


def _numbered(name: str, title: str, number: int, count: int) -> _Named:
    if count == 1:
        return {"name": name, "title": title}
    return {"name": f"{name}-{number}", "title": f"{title}, {number} of {count}"}


# --- alignment and offsets --------------------------------------------------------------------------------------


def _alignment_figures(shown: _Shown) -> list[Drawing]:
    pages = _pages(shown.columns, MOST_COLUMNS)
    return [
        _alignment_figure(shown, columns, len(pages), _numbered("alignment", "Band alignment", number, len(pages)))
        for number, columns in enumerate(pages, start=1)
    ]


def _alignment_figure(shown: _Shown, columns: tuple[AbsoluteEdges, ...], count: int, named: _Named) -> Drawing:
    here = set(columns)
    rows = shown.rows if count == 1 else tuple(row for row in shown.rows if row.first in here and row.second in here)
    drawing = alignment_drawing(
        columns, rows, colors=shown.colors, levels=shown.levels, width_in=PAGE_IN, name=named["name"]
    )
    between = ", and those between others" if len(shown.pairs) > 1 else ""
    caption = (
        "Band edges relative to the vacuum level, and the offsets between neighbours, left minus right, with their "
        f"range: {_RANGES}. The figure of offsets has those by other methods{between}."
    )
    if shown.levels:
        caption += " Dotted across: Fermi levels of metals, at minus their work functions."
    missing = "" if columns else "there are no band edges relative to vacuum for two materials"
    return replace(drawing, title=named["title"], caption=caption, missing=missing)


def _offset_figures(shown: _Shown) -> list[Drawing]:
    """Offsets by every method, in as many figures as they fill pages; none where nobody would look."""
    pages: list[tuple[Alignment, ...]] = []
    pairs = shown.pairs
    if len(pairs) > MOST_PAIRS:
        why = f"{len(pairs)} pairs of materials would fill more pages than are looked at; results.json has them all"
        return [Drawing(name="offsets", title="Band offsets", caption="", build=None, missing=why)]
    for pair in pairs:
        if pages and offsets_height_in((*pages[-1], *pair)) <= PAGE_HEIGHT_IN:
            pages[-1] += pair
        else:
            pages.append(pair)
    return [
        _offset_figure(rows, _numbered("offsets", "Band offsets", number, len(pages)))
        for number, rows in enumerate(pages, start=1)
    ]


def _offset_figure(rows: tuple[Alignment, ...], named: _Named) -> Drawing:
    def build() -> Figure:
        figure = Figure(figsize=(PAGE_IN, offsets_height_in(rows)), layout="constrained")
        draw_offsets(figure.subplots(), rows)
        return figure

    return Drawing(
        **named,
        caption=f"Offsets between each two materials by each method, with their range: {_RANGES}.",
        build=build,
        data=lambda: _offset_data(rows),
        shows=(rows,),
    )


def _offset_data(rows: Sequence[Alignment]) -> Records:
    columns = (
        "first", "second", "method", "valence_band_offset_ev", "conduction_band_offset_ev", "range_low_ev",
        "range_high_ev", "type", "tolerance_ev", "source",
    )  # fmt: skip
    table = [
        (
            row.first_name, row.second_name, row.method, row.valence_band_offset_ev, row.conduction_band_offset_ev,
            *(row.range_ev or (None, None)), row.type, row.tolerance_ev, row.source,
        )
        for row in rows
    ]  # fmt: skip
    return Records(columns=columns, rows=tuple(table))


# --- bands ------------------------------------------------------------------------------------------------------


def _bands_figures(shown: _Shown) -> list[Drawing]:
    materials = shown.outcome.materials
    drawn = [m for m in materials if m.bulk.edges and m.bulk.bands and max(m.bulk.bands.on_path, default=-1) >= 0]
    left_out = [m.name for m in materials if m not in drawn]
    if not drawn:
        named = _numbered("bands", "Band structures", 1, 1)
        return [Drawing(**named, caption="", build=None, missing="no band calculation finished")]
    pages = _pages(drawn, MOST_BANDS)
    also = f" Left out, because there are no bands: {', '.join(left_out)}." if left_out else ""
    on_vacuum = all(m.name in shown.on_vacuum for m in drawn)
    return [
        _bands_figure(shown, page, also, on_vacuum, _numbered("bands", "Band structures", number, len(pages)))
        for number, page in enumerate(pages, start=1)
    ]


def _bands_figure(
    shown: _Shown, drawn: tuple[MaterialOutcome, ...], also: str, on_vacuum: bool, named: _Named
) -> Drawing:
    structures = []
    for material in drawn:
        edges, bands = material.bulk.edges, material.bulk.bands
        assert edges is not None
        assert bands is not None
        vbm_ev = shown.on_vacuum[material.name].vbm_ev if on_vacuum else 0.0
        zero_ev = edges.vbm.value_ev - vbm_ev
        structures.append(BandStructure(name=material.name, bands=bands, edges=edges, zero_ev=zero_ev))
    reference: Reference = "vacuum" if on_vacuum else "vbm"
    look = Look(colors={m.name: shown.colors[m.name] for m in drawn})
    placed = f"relative to the vacuum level of the surface in the alignment{_placed(shown)}" if on_vacuum else ""
    drawing = bands_drawing(structures, reference, look, placed=placed, **named)
    return replace(drawing, caption=drawing.caption + also)


def _placed(shown: _Shown) -> str:
    """By which method the bands stand where they do, and which surface counts where a material has several."""
    ways = ", ".join(dict.fromkeys(row.same_way for row in shown.rows))
    several = (
        "" if len(shown.on_vacuum) == len(shown.columns) else ", the first from the left where a material has several"
    )
    return f" (by {ways}{several})"


def _states_figures(shown: _Shown) -> list[Drawing]:
    """Bands beside densities of states: crystals with a gap on their VBM, metals on their Fermi level."""
    found = [m for m in shown.outcome.materials if m.bulk.dos and m.bulk.bands and max(m.bulk.bands.on_path) >= 0]
    gapped, metals = [m for m in found if m.bulk.edges], [m for m in found if not m.bulk.edges]
    references: list[Reference] = ["vbm", "fermi"]
    pages = [
        (page, reference)
        for of, reference in zip((gapped, metals), references, strict=True)
        for page in _pages(of, MOST_STATES)
        if page
    ]
    return [
        _states_figure(shown, page, reference, _numbered("states", "Bands and densities of states", n, len(pages)))
        for n, (page, reference) in enumerate(pages, start=1)
    ]


def _states_figure(shown: _Shown, drawn: tuple[MaterialOutcome, ...], reference: Reference, named: _Named) -> Drawing:
    panels, windows = [], [m.bulk.dos.window_ev for m in drawn if m.bulk.dos and m.bulk.dos.window_ev]
    for material in drawn:
        bulk = material.bulk
        assert bulk.dos is not None
        assert bulk.bands is not None
        zero_ev = bulk.bands.fermi_ev if bulk.edges is None else bulk.edges.vbm.value_ev
        bands = BandStructure(name=material.name, bands=bulk.bands, edges=bulk.edges, zero_ev=zero_ev)
        dos = ShownDos(
            name=material.name, dos=bulk.dos.dos, zero_ev=zero_ev, edges=bulk.edges,
            complete_up_to_ev=bulk.dos.complete_up_to_ev, no_empty_bands=bulk.dos.no_empty_bands,
        )  # fmt: skip
        panels.append(StatesPanel(bands=bands, dos=dos))
    look = Look(colors={m.name: shown.colors[m.name] for m in drawn}, window_ev=windows[0] if windows else None)
    return states_drawing(panels, reference, look, **named)


# --- corrections of band edges ----------------------------------------------------------------------------------


def _ledger_figures(shown: _Shown) -> list[Drawing]:
    """One for each row whose crystals both have corrections; without such a row the crystals on zeros of their own."""
    own = {column.material: column for column in ledger_columns(shown.outcome.materials)}
    if not own:
        return []
    functional = str(shown.outcome.settings["settings"]["xc"])
    aligned = []
    for row in shown.rows[:MOST_LEDGERS]:
        pair = [edges for edges in (row.first, row.second) if edges is not None and edges.material in own]
        if len(pair) == 2:
            aligned.append([replace(own[edges.material], vbm_ev=edges.vbm_ev, cbm_ev=edges.cbm_ev) for edges in pair])
    drawn = aligned or [list(page) for page in _pages([*own.values()], MOST_IN_A_LEDGER) if page]
    return [
        ledger_drawing(
            columns,
            functional,
            Look(colors={column.material: shown.colors[column.material] for column in columns}),
            on_vacuum=bool(aligned),
            **_numbered("ledger", "Corrections of the band edges", number, len(drawn)),
        )
        for number, columns in enumerate(drawn, start=1)
    ]


# --- structures and potentials ----------------------------------------------------------------------------------


def _structures_figures(outcome: StudyOutcome) -> list[Drawing]:
    shown = [
        ShownStructure(name=m.name, structure=m.bulk.structure, note=m.bulk.space_group) for m in outcome.materials
    ]
    if not shown:
        named = _numbered("structures", "Crystal structures", 1, 1)
        return [Drawing(**named, caption="", build=None, missing="the study has no materials")]
    pages = _pages(shown, MOST_STRUCTURES)
    return [
        structures_drawing(page, Look(width_in=PAGE_IN), **_numbered("structures", "Crystal structures", n, len(pages)))
        for n, page in enumerate(pages, start=1)
    ]


def _profile_figure(material: MaterialOutcome, slab: SlabOutcome, number: int, color: str) -> Drawing:
    surface = f"{material.name} {material.surface(slab)}"
    name = f"potential-{re.sub(r'[^A-Za-z0-9]+', '-', material.name).strip('-')}-slab{number}"
    title = f"Potential across {surface}"
    caption = (
        f"Plane-averaged potential across the slab {surface}: planar and macroscopic average, and the plateaus that "
        "the vacuum levels are read from. VBM and CBM are those of the bulk, lined up through the slab's middle."
    )
    if slab.profile is None:
        why = slab.failure or slab.model.refused or "the slab has no potential"
        return Drawing(name=name, title=title, caption=caption, build=None, of=material.name, missing=why)
    shown = SlabPotential(
        name=surface, profile=slab.profile, vacuum=slab.vacuum, levels=slab.levels, structure=slab.structure
    )
    look = Look(colors={surface: color})
    return potential_drawing([shown], look, name=name, title=title, caption=caption, of=material.name)
