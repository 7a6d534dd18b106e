"""The figures of a study, in files."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dftflow.errors import AnalysisError
from dftflow.model.alignment import AbsoluteEdges, Alignment
from dftflow.model.outcome import MaterialOutcome, SlabOutcome, StudyOutcome
from dftflow.plot.alignment import diagram_columns, diagram_size_in, draw_alignment
from dftflow.plot.bands import draw_bands, path_length
from dftflow.plot.colors import material_colors
from dftflow.plot.labels import kpoint_name, mathtext, wrapped
from dftflow.plot.offsets import draw_offsets, offsets_by_pair, offsets_height_in
from dftflow.plot.potential import draw_potential_profile
from dftflow.plot.structure import draw_elements, draw_slab_side, draw_structure
from dftflow.run.store import storage_errors, write_atomically

__all__ = ["DrawnFigure", "StudyFigure", "draw_figures", "study_figures", "write_figures"]

_STYLE = Path(__file__).with_name("dftflow.mplstyle")
_COLUMN_IN, _PAGE_IN, _PAGE_HEIGHT_IN = 3.3, 6.7, 9.5
_RANGES = (
    "of a line-up, how much it depends on where in the slab it is made (which bounds no error); of work functions, the "
    "Fermi level anywhere in the gap of each slab"
)
_NO_DATE: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class StudyFigure:
    """One figure of a study, not drawn yet.

    Attributes
    ----------
    name
        Stem of its files.
    caption
        What it shows, in a sentence or two; also the alternative text.
    build
        Draws it; None when the data are missing.
    missing
        Why there is no figure, else ``""``.
    """

    name: str
    title: str
    caption: str
    build: Callable[[], Figure] | None
    missing: str = ""

    def render(self, *formats: str) -> dict[str, bytes]:
        """Format (``svg``, ``pdf``, ``png``) -> content of the file; empty when there is nothing to draw."""
        if self.build is None:
            return {}
        files = {}
        with matplotlib.style.context(["default", str(_STYLE)]):
            figure = self.build()
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
            for extension in formats:
                buffer = io.BytesIO()
                figure.savefig(buffer, format=extension, metadata=_NO_DATE[extension])
                files[extension] = buffer.getvalue()
        return files


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
    """

    figure: StudyFigure
    files: Mapping[str, bytes]
    missing: str


def draw_figures(outcome: StudyOutcome, *formats: str) -> tuple[DrawnFigure, ...]:
    """Every figure of a study, drawn once; one that its data refuse says why and costs no other."""
    drawn = []
    for figure in study_figures(outcome):
        files, missing = {}, figure.missing
        try:
            files = figure.render(*formats)
        except AnalysisError as error:
            missing = error.sentence
        drawn.append(DrawnFigure(figure=figure, files=files, missing=missing))
    return tuple(drawn)


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
            with storage_errors(path):
                write_atomically(path, content, root=folder.parent)
            paths.append(path)
    return tuple(paths)


def study_figures(outcome: StudyOutcome) -> tuple[StudyFigure, ...]:
    """All figures of a study: alignment, offsets of several pairs, bands, structures, one potential profile a slab."""
    slabs = [(material, slab) for material in outcome.materials for slab in material.slabs]
    colors = _colors(outcome)
    profiles = [
        _profile_figure(material, slab, n, colors[material.name]) for n, (material, slab) in enumerate(slabs, start=1)
    ]
    return (
        _alignment_figure(outcome),
        *_offset_figures(outcome),
        _bands_figure(outcome),
        _structures_figure(outcome),
        *profiles,
    )


def _colors(outcome: StudyOutcome) -> Mapping[str, str]:
    columns = _columns(outcome)
    return material_colors([*(m.name for m in outcome.materials), *(edges.material for edges in columns)])


def _diagram_rows(outcome: StudyOutcome) -> tuple[Alignment, ...]:
    """The alignments that the study defends, else the first with band edges, which says that its plane is polar."""
    return outcome.defended or tuple(row for row in outcome.alignments if row.first is not None)[:1]


def _columns(outcome: StudyOutcome) -> tuple[AbsoluteEdges, ...]:
    return diagram_columns(_diagram_rows(outcome), [material.name for material in outcome.materials])


def _alignment_figure(outcome: StudyOutcome) -> StudyFigure:
    rows, columns = _diagram_rows(outcome), _columns(outcome)
    one_pair = len(offsets_by_pair(outcome.alignments)) == 1
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
            draw_alignment(figure.subplots(), columns, rows, _colors(outcome))
            return figure
        heights = [height, offsets_height_in(outcome.alignments)]
        figure = Figure(figsize=(width, sum(heights)), layout="constrained")
        top, bottom = figure.subfigures(2, 1, height_ratios=heights, squeeze=False).ravel()
        draw_alignment(top.subplots(), columns, rows, _colors(outcome))
        draw_offsets(bottom.subplots(), outcome.alignments)
        return figure

    return StudyFigure(
        name="alignment",
        title="Band alignment",
        caption=caption,
        build=build if columns else None,
        missing="" if columns else "there are no band edges relative to vacuum for two materials",
    )


def _offset_figures(outcome: StudyOutcome) -> list[StudyFigure]:
    """Offsets of several pairs of materials, in as many figures as they fill pages."""
    pages: list[tuple[Alignment, ...]] = []
    pairs = offsets_by_pair(outcome.alignments)
    for pair in pairs if len(pairs) > 1 else ():
        if pages and offsets_height_in((*pages[-1], *pair)) <= _PAGE_HEIGHT_IN:
            pages[-1] += pair
        else:
            pages.append(pair)
    return [_offset_figure(rows, number, len(pages)) for number, rows in enumerate(pages, start=1)]


def _offset_figure(rows: tuple[Alignment, ...], number: int, count: int) -> StudyFigure:
    def build() -> Figure:
        figure = Figure(figsize=(_PAGE_IN, offsets_height_in(rows)), layout="constrained")
        draw_offsets(figure.subplots(), rows)
        return figure

    return StudyFigure(
        name="offsets" if count == 1 else f"offsets-{number}",
        title="Band offsets" if count == 1 else f"Band offsets, {number} of {count}",
        caption=f"Offsets between each two materials by each method, with their range: {_RANGES}.",
        build=build,
    )


def _vacuum_edges(outcome: StudyOutcome, material: MaterialOutcome) -> AbsoluteEdges | None:
    return next((edges for edges in _columns(outcome) if edges.material == material.name), None)


def _bands_figure(outcome: StudyOutcome) -> StudyFigure:
    drawn = [
        m for m in outcome.materials if m.bulk.edges and m.bulk.bands and max(m.bulk.bands.on_path, default=-1) >= 0
    ]
    on_vacuum = all(_vacuum_edges(outcome, m) is not None for m in drawn)
    left_out = [m.name for m in outcome.materials if m not in drawn]
    caption = "Band structures " + (
        f"on one energy axis, relative to the vacuum level of the surface in the alignment{_placed(outcome)}."
        if on_vacuum
        else "relative to the valence-band maximum of each material."
    )  # fmt: skip
    if drawn and left_out:
        caption += f" Left out, because there are no bands: {', '.join(left_out)}."
    return StudyFigure(
        name="bands",
        title="Band structures",
        caption=caption + " Filled circle: valence-band maximum, open circle: conduction-band minimum.",
        build=(lambda: _build_bands(outcome, drawn, on_vacuum)) if drawn else None,
        missing="" if drawn else "no band calculation finished",
    )


def _placed(outcome: StudyOutcome) -> str:
    """By which method the bands stand where they do, and which surface counts where a material has several."""
    ways = ", ".join(dict.fromkeys(row.same_way for row in _diagram_rows(outcome)))
    columns = [edges.material for edges in _columns(outcome)]
    several = "" if len(set(columns)) == len(columns) else ", the first from the left where a material has several"
    return f" (by {ways}{several})"


def _build_bands(outcome: StudyOutcome, materials: list[MaterialOutcome], on_vacuum: bool) -> Figure:
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
        absolute = _vacuum_edges(outcome, material) if on_vacuum else None
        zeros.append(edges.vbm.value_ev - (absolute.vbm_ev if absolute else 0.0))
        tops.append(edges.cbm.value_ev - zeros[-1])
        bottoms.append(edges.vbm.value_ev - zeros[-1])
    window = (math.floor(min(bottoms) - 3.0), math.ceil(max(tops) + 2.5))
    colors = _colors(outcome)
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


def _structures_figure(outcome: StudyOutcome) -> StudyFigure:
    def build() -> Figure:
        materials = outcome.materials
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

    return StudyFigure(
        name="structures",
        title="Crystal structures",
        caption="Unit cells as calculated, each seen along its lattice vector c, all on one scale.",
        build=build if outcome.materials else None,
        missing="" if outcome.materials else "the study has no materials",
    )


def _same_scale(axes: Sequence[Axes]) -> None:
    """Give all axes the width and height of the largest, so that an atom has one size."""
    boxes = [(ax.get_xlim(), ax.get_ylim()) for ax in axes]
    width, height = (max(box[i][1] - box[i][0] for box in boxes) for i in (0, 1))
    for ax, (x, y) in zip(axes, boxes, strict=True):
        ax.set_xlim(sum(x) / 2 - width / 2, sum(x) / 2 + width / 2)
        ax.set_ylim(sum(y) / 2 - height / 2, sum(y) / 2 + height / 2)


def _profile_figure(material: MaterialOutcome, slab: SlabOutcome, number: int, color: str) -> StudyFigure:
    surface = f"{material.name} {material.surface(slab)}"
    why = slab.failure or slab.model.refused or "the slab has no potential"
    return StudyFigure(
        name=f"potential-{re.sub(r'[^A-Za-z0-9]+', '-', material.name).strip('-')}-slab{number}",
        title=f"Potential across {surface}",
        caption=f"Plane-averaged potential across the slab {surface}: planar and macroscopic average, and the plateaus "
        "that the vacuum levels are read from. VBM and CBM are those of the bulk, lined up through the slab's middle.",
        build=(lambda: _build_profile(slab, surface, color)) if slab.profile is not None else None,
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
