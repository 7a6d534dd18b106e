"""The figures of a study, in files."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dftflow.errors import AnalysisError
from dftflow.model.alignment import AbsoluteEdges, Alignment
from dftflow.model.outcome import MaterialOutcome, SlabOutcome, StudyOutcome
from dftflow.plot.alignment import diagram_columns, diagram_size_in, draw_alignment
from dftflow.plot.bands import draw_bands, path_length
from dftflow.plot.colors import material_colors
from dftflow.plot.drawing import Drawing
from dftflow.plot.kept import KeptFigures, digest_of
from dftflow.plot.labels import kpoint_name, mathtext, wrapped
from dftflow.plot.offsets import draw_offsets, offsets_by_pair, offsets_height_in
from dftflow.plot.potential import draw_potential_profile
from dftflow.plot.structure import draw_elements, draw_slab_side, draw_structure
from dftflow.run.store import storage_errors, write_atomically

__all__ = ["MOST_PAIRS", "DrawnFigure", "draw_figures", "study_figures", "write_figures"]

MOST_COLUMNS, MOST_BANDS, MOST_STRUCTURES = 16, 12, 24
"""Of one figure; wider or longer than three pages it is not looked at as one."""

MOST_PAIRS = 435
"""All pairs of 30 materials fill a dozen pages."""

SAY_EVERY_S = 2.0
Item = TypeVar("Item")
_COLUMN_IN, _PAGE_IN, _PAGE_HEIGHT_IN = 3.3, 6.7, 9.5
_RANGES = (
    "of a line-up, how much it depends on where in the slab it is made (which bounds no error); of work functions, the "
    "Fermi level anywhere in the gap of each slab"
)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class DrawnFigure:
    """A figure as files.

    Attributes
    ----------
    figure
        Its name, title and caption.
    files
        Format (``svg``, ``pdf``, ``png``) -> content; empty when there is nothing to show.
    missing
        Why there is nothing to show, else ``""``.
    kept
        Its files are those that were drawn before.
    """

    figure: Drawing
    files: Mapping[str, bytes]
    missing: str
    kept: bool = False


def draw_figures(
    outcome: StudyOutcome,
    *formats: str,
    kept: KeptFigures | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[DrawnFigure, ...]:
    """Every figure of a study, drawn once; one that its data refuse says why and costs no other.

    Parameters
    ----------
    formats
        ``svg``, ``pdf``, ``png``.
    kept
        Those that were drawn before; what shows the same as then is not drawn again.
    say
        Told now and then how far it is.
    """
    drawn = []
    figures = study_figures(outcome)
    told = time.monotonic()
    for number, figure in enumerate(figures, start=1):
        drawn.append(_drawn(figure, formats, kept))
        if number < len(figures) and time.monotonic() - told > SAY_EVERY_S:
            told = time.monotonic()
            say(f"drawn: {number} of {len(figures)} figures")
    return tuple(drawn)


def _drawn(figure: Drawing, formats: Sequence[str], kept: KeptFigures | None) -> DrawnFigure:
    if figure.build is None:
        return DrawnFigure(figure=figure, files={}, missing=figure.missing)
    digest = "" if kept is None else digest_of(figure.title, figure.caption, *figure.shows)
    files = None if kept is None else kept.files(figure.name, digest, formats)
    before = files is not None
    try:
        files = files or figure.render(*formats)
    except AnalysisError as error:
        return DrawnFigure(figure=figure, files={}, missing=error.sentence)
    if kept is not None:
        kept.note(figure.name, digest, files)
    return DrawnFigure(figure=figure, files=files, missing="", kept=before)


def write_figures(figures: Sequence[DrawnFigure], folder: Path) -> tuple[Path, ...]:
    """Write the files of figures that are drawn; `folder` is not left for where a link in its place leads.

    Raises
    ------
    StoreError
        When the folder cannot be written.
    """
    paths = []
    for drawn in figures:
        for extension, content in drawn.files.items():
            path = folder / f"{drawn.figure.name}.{extension}"
            if not drawn.kept:
                with storage_errors(path):
                    write_atomically(path, content, root=folder.parent)
            paths.append(path)
    return tuple(paths)


def study_figures(outcome: StudyOutcome) -> tuple[Drawing, ...]:
    """All figures of a study: alignment, offsets of several pairs, bands, structures, one potential profile a slab.

    What does not fit into one figure stands in several, with numbers at the end of their names.
    """
    slabs = [(material, slab) for material in outcome.materials for slab in material.slabs]
    shown = _Shown(outcome)
    profiles = [
        _profile_figure(material, slab, n, shown.colors[material.name])
        for n, (material, slab) in enumerate(slabs, start=1)
    ]
    return (
        *_alignment_figures(shown),
        *_offset_figures(shown),
        *_bands_figures(shown),
        *_structures_figures(outcome),
        *profiles,
    )


class _Shown:
    """What several figures of one outcome share: rows and columns of the diagram, pairs, colours."""

    def __init__(self, outcome: StudyOutcome) -> None:
        self.outcome = outcome
        self.rows = _diagram_rows(outcome)
        self.columns = diagram_columns(self.rows, [material.name for material in outcome.materials])
        self.pairs = offsets_by_pair(outcome.alignments)
        names = [*(m.name for m in outcome.materials), *(edges.material for edges in self.columns)]
        self.colors = material_colors(names)
        self.on_vacuum: dict[str, AbsoluteEdges] = {}
        for edges in self.columns:
            self.on_vacuum.setdefault(edges.material, edges)


def _diagram_rows(outcome: StudyOutcome) -> tuple[Alignment, ...]:
    """The alignments that the study defends, else the first with band edges, which says that its plane is polar."""
    return outcome.defended or tuple(row for row in outcome.alignments if row.first is not None)[:1]


def _pages(items: Sequence[Item], most: int) -> list[tuple[Item, ...]]:
    """All items together up to `most`; more of them shared out evenly over as few pages as it takes."""
    count = max(1, math.ceil(len(items) / most))
    size = math.ceil(len(items) / count)
    return [tuple(items[i * size : (i + 1) * size]) for i in range(count)]


def _numbered(name: str, title: str, number: int, count: int) -> dict[str, Any]:
    if count == 1:
        return {"name": name, "title": title}
    return {"name": f"{name}-{number}", "title": f"{title}, {number} of {count}"}


def _alignment_figures(shown: _Shown) -> list[Drawing]:
    pages = _pages(shown.columns, MOST_COLUMNS)
    return [_alignment_figure(shown, columns, number, len(pages)) for number, columns in enumerate(pages, start=1)]


def _alignment_figure(shown: _Shown, columns: tuple[AbsoluteEdges, ...], number: int, count: int) -> Drawing:
    alignments, colors = shown.outcome.alignments, shown.colors
    here = set(columns)
    rows = shown.rows if count == 1 else tuple(row for row in shown.rows if row.first in here and row.second in here)
    one_pair = len(shown.pairs) == 1
    caption = (
        f"Band edges relative to the vacuum level; below, the offsets by each method with their range: {_RANGES}."
        if one_pair
        else "Band edges relative to the vacuum level, and the offsets between neighbours, left minus right, with "
        f"their range: {_RANGES}. Offsets between others are in the figure of offsets."
    )

    def build() -> Figure:
        width, height = diagram_size_in(columns, rows)
        if not one_pair:
            figure = Figure(figsize=(width, height), layout="constrained")
            draw_alignment(figure.subplots(), columns, rows, colors)
            return figure
        heights = [height, offsets_height_in(alignments)]
        figure = Figure(figsize=(width, sum(heights)), layout="constrained")
        top, bottom = figure.subfigures(2, 1, height_ratios=heights, squeeze=False).ravel()
        draw_alignment(top.subplots(), columns, rows, colors)
        draw_offsets(bottom.subplots(), alignments)
        return figure

    used = {edges.material: colors[edges.material] for edges in columns}
    return Drawing(
        **_numbered("alignment", "Band alignment", number, count),
        caption=caption,
        build=build if columns else None,
        shows=(columns, rows, used, alignments if one_pair else ()),
        missing="" if columns else "there are no band edges relative to vacuum for two materials",
    )


def _offset_figures(shown: _Shown) -> list[Drawing]:
    """Offsets of several pairs of materials, in as many figures as they fill pages; none where nobody would look."""
    pages: list[tuple[Alignment, ...]] = []
    pairs = shown.pairs
    if len(pairs) > MOST_PAIRS:
        why = f"{len(pairs)} pairs of materials would fill more pages than are looked at; results.json has them all"
        return [Drawing(name="offsets", title="Band offsets", caption="", build=None, missing=why)]
    for pair in pairs if len(pairs) > 1 else ():
        if pages and offsets_height_in((*pages[-1], *pair)) <= _PAGE_HEIGHT_IN:
            pages[-1] += pair
        else:
            pages.append(pair)
    return [_offset_figure(rows, number, len(pages)) for number, rows in enumerate(pages, start=1)]


def _offset_figure(rows: tuple[Alignment, ...], number: int, count: int) -> Drawing:
    def build() -> Figure:
        figure = Figure(figsize=(_PAGE_IN, offsets_height_in(rows)), layout="constrained")
        draw_offsets(figure.subplots(), rows)
        return figure

    return Drawing(
        **_numbered("offsets", "Band offsets", number, count),
        caption=f"Offsets between each two materials by each method, with their range: {_RANGES}.",
        build=build,
        shows=(rows,),
    )


def _bands_figures(shown: _Shown) -> list[Drawing]:
    materials = shown.outcome.materials
    drawn = [m for m in materials if m.bulk.edges and m.bulk.bands and max(m.bulk.bands.on_path, default=-1) >= 0]
    on_vacuum = all(m.name in shown.on_vacuum for m in drawn)
    left_out = [m.name for m in materials if m not in drawn]
    caption = "Band structures " + (
        f"on one energy axis, relative to the vacuum level of the surface in the alignment{_placed(shown)}."
        if on_vacuum
        else "relative to the valence-band maximum of each material."
    )  # fmt: skip
    if drawn and left_out:
        caption += f" Left out, because there are no bands: {', '.join(left_out)}."
    caption += " Filled circle: valence-band maximum, open circle: conduction-band minimum."
    pages = _pages(drawn, MOST_BANDS)
    return [
        _bands_figure(shown, page, caption, on_vacuum=on_vacuum, **_numbered("bands", "Band structures", n, len(pages)))
        for n, page in enumerate(pages, start=1)
    ]


def _bands_figure(
    shown: _Shown, drawn: tuple[MaterialOutcome, ...], caption: str, *, on_vacuum: bool, name: str, title: str
) -> Drawing:
    absolute = {m.name: shown.on_vacuum[m.name] for m in drawn} if on_vacuum else {}
    colors = {m.name: shown.colors[m.name] for m in drawn}
    return Drawing(
        name=name,
        title=title,
        caption=caption,
        build=(lambda: _build_bands(drawn, absolute, colors)) if drawn else None,
        shows=([(m.name, m.bulk.bands, m.bulk.edges) for m in drawn], absolute, colors),
        missing="" if drawn else "no band calculation finished",
    )


def _placed(shown: _Shown) -> str:
    """By which method the bands stand where they do, and which surface counts where a material has several."""
    ways = ", ".join(dict.fromkeys(row.same_way for row in shown.rows))
    several = (
        "" if len(shown.on_vacuum) == len(shown.columns) else ", the first from the left where a material has several"
    )
    return f" (by {ways}{several})"


def _build_bands(
    materials: Sequence[MaterialOutcome], on_vacuum: Mapping[str, AbsoluteEdges], colors: Mapping[str, str]
) -> Figure:
    n_columns = min(len(materials), 2)
    n_rows = math.ceil(len(materials) / n_columns)
    figure = Figure(figsize=(_PAGE_IN if n_columns > 1 else _COLUMN_IN, 3.2 * n_rows), layout="constrained")
    lengths = [path_length(m.bulk.bands) for m in materials[:n_columns] if m.bulk.bands]
    shares = [min(max(length / max(lengths), 0.6), 1.0) for length in lengths]
    axes = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False, width_ratios=shares).ravel()
    zeros, tops, bottoms = [], [], []
    for material in materials:
        edges = material.bulk.edges
        assert edges is not None
        absolute = on_vacuum.get(material.name)
        zeros.append(edges.vbm.value_ev - (absolute.vbm_ev if absolute else 0.0))
        tops.append(edges.cbm.value_ev - zeros[-1])
        bottoms.append(edges.vbm.value_ev - zeros[-1])
    window = (math.floor(min(bottoms) - 3.0), math.ceil(max(tops) + 2.5))
    for ax, material, zero_ev in zip(axes, materials, zeros, strict=False):
        edges, bands = material.bulk.edges, material.bulk.bands
        assert edges is not None
        assert bands is not None
        draw_bands(ax, bands, edges, zero_ev=zero_ev, energy_window=window, color=colors[material.name])
        kind = "direct" if edges.direct else "indirect"
        at = " to ".join(dict.fromkeys(kpoint_name(k) for k in (edges.vbm_label, edges.cbm_label) if k))
        gap = f"gap {edges.band_gap_ev:.2f} eV, {kind}{f' at {at}' if at else ''}"
        ax.set_title(f"{wrapped(material.name, 50)}\n{gap}")
    for ax in axes[len(materials) :]:
        ax.set_visible(False)
    for ax in axes[::n_columns]:
        ax.set_ylabel("Energy relative to vacuum (eV)" if on_vacuum else "Energy relative to the VBM (eV)")
    return figure


def _structures_figures(outcome: StudyOutcome) -> list[Drawing]:
    pages = _pages(outcome.materials, MOST_STRUCTURES)
    return [
        _structures_figure(page, **_numbered("structures", "Crystal structures", n, len(pages)))
        for n, page in enumerate(pages, start=1)
    ]


def _structures_figure(materials: tuple[MaterialOutcome, ...], *, name: str, title: str) -> Drawing:
    def build() -> Figure:
        n_columns = min(len(materials), 3)
        n_rows = math.ceil(len(materials) / n_columns)
        figure = Figure(figsize=(_PAGE_IN, 2.5 * n_rows + 0.3), layout="constrained")
        views, legend = figure.subfigures(2, 1, height_ratios=[2.5 * n_rows, 0.3], squeeze=False).ravel()
        axes = views.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax, material in zip(axes, materials, strict=False):
            draw_structure(ax, material.bulk.structure)
            ax.set_title(f"{wrapped(material.name, 30)}, {mathtext(material.bulk.space_group)}")
        _same_scale(axes[: len(materials)])
        for ax in axes[len(materials) :]:
            ax.set_visible(False)
        elements = {e.symbol: e.Z for m in materials for e in m.bulk.structure.composition.elements}
        draw_elements(legend.subplots(), sorted(elements, key=elements.__getitem__, reverse=True))
        return figure

    return Drawing(
        name=name,
        title=title,
        caption="Unit cells as calculated, each seen along its lattice vector c, all on one scale.",
        build=build if materials else None,
        shows=tuple((m.name, m.bulk.space_group, m.bulk.structure) for m in materials),
        missing="" if materials else "the study has no materials",
    )


def _same_scale(axes: Sequence[Axes]) -> None:
    """Give all axes the width and height of the largest, so that an atom has one size."""
    boxes = [(ax.get_xlim(), ax.get_ylim()) for ax in axes]
    width, height = (max(box[i][1] - box[i][0] for box in boxes) for i in (0, 1))
    for ax, (x, y) in zip(axes, boxes, strict=True):
        ax.set_xlim(sum(x) / 2 - width / 2, sum(x) / 2 + width / 2)
        ax.set_ylim(sum(y) / 2 - height / 2, sum(y) / 2 + height / 2)


def _profile_figure(material: MaterialOutcome, slab: SlabOutcome, number: int, color: str) -> Drawing:
    surface = f"{material.name} {material.surface(slab)}"
    why = slab.failure or slab.model.refused or "the slab has no potential"
    return Drawing(
        name=f"potential-{re.sub(r'[^A-Za-z0-9]+', '-', material.name).strip('-')}-slab{number}",
        title=f"Potential across {surface}",
        caption=f"Plane-averaged potential across the slab {surface}: planar and macroscopic average, and the plateaus "
        "that the vacuum levels are read from. VBM and CBM are those of the bulk, lined up through the slab's middle.",
        build=(lambda: _build_profile(slab, surface, color)) if slab.profile is not None else None,
        shows=(surface, color, slab.structure, slab.profile, slab.vacuum, slab.levels),
        of=material.name,
        missing="" if slab.profile is not None else why,
    )


def _build_profile(slab: SlabOutcome, surface: str, color: str) -> Figure:
    assert slab.profile is not None
    lattice = slab.structure.lattice
    side_in = _PAGE_IN * (min(lattice.a, lattice.b) + 2.2) / slab.profile.length_ang
    figure = Figure(figsize=(_PAGE_IN, 3.3 + side_in), layout="constrained")
    side, ax = figure.subplots(2, 1, sharex=True, height_ratios=[side_in, 2.5])
    draw_slab_side(side, slab.structure)
    side.set_title(wrapped(surface, 90))
    draw_potential_profile(ax, slab.profile, slab.vacuum, levels=slab.levels, color=color)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
