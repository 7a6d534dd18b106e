"""The figures of a study, in files."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dftflow.model.alignment import AbsoluteEdges, Alignment
from dftflow.model.outcome import MaterialOutcome, SlabOutcome, StudyOutcome
from dftflow.plot.alignment import draw_alignment, draw_offsets
from dftflow.plot.atomic import write_atomically
from dftflow.plot.bands import draw_bands, path_length
from dftflow.plot.labels import kpoint_name, mathtext, wrapped
from dftflow.plot.potential import draw_potential_profile
from dftflow.plot.structure import draw_elements, draw_slab_side, draw_structure

__all__ = ["StudyFigure", "study_figures", "write_figures"]

_STYLE = Path(__file__).with_name("dftflow.mplstyle")
_COLUMN_IN, _PAGE_IN = 3.3, 6.7
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


def write_figures(outcome: StudyOutcome, folder: Path) -> tuple[Path, ...]:
    """Write every figure that the outcome has data for, as SVG, PDF and PNG.

    What is left out, and why, is in `study_figures` (and on the report's page).

    Raises
    ------
    StoreError
        When the folder cannot be written.
    """
    paths = []
    for figure in study_figures(outcome):
        for extension, content in figure.render("svg", "pdf", "png").items():
            path = folder / f"{figure.name}.{extension}"
            write_atomically(path, content)
            paths.append(path)
    return tuple(paths)


def study_figures(outcome: StudyOutcome) -> tuple[StudyFigure, ...]:
    """All figures of a study: alignment, bands, structures, one potential profile a slab."""
    slabs = [(material, slab) for material in outcome.materials for slab in material.slabs]
    profiles = [_profile_figure(material, slab, n) for n, (material, slab) in enumerate(slabs, start=1)]
    return (_alignment_figure(outcome), _bands_figure(outcome), _structures_figure(outcome), *profiles)


def _diagram(outcome: StudyOutcome) -> Alignment | None:
    """The alignment that the study defends, else the first with band edges, which says that its plane is polar."""
    return outcome.defended or next((a for a in outcome.alignments if a.first is not None), None)


def _alignment_figure(outcome: StudyOutcome) -> StudyFigure:
    row = _diagram(outcome)
    caption = (
        "Band edges relative to the vacuum level; below, the offsets by each method with their range: of a line-up, "
        "how much it depends on where in the slab it is made (which bounds no error); of work functions, the "
        "Fermi level anywhere in the gap of each slab."
    )

    def build(row: Alignment) -> Figure:
        heights = [3.9, 0.55 + 0.5 * len(outcome.alignments)]
        figure = Figure(figsize=(_PAGE_IN, sum(heights)), layout="constrained")
        top, bottom = figure.subfigures(2, 1, height_ratios=heights, squeeze=False).ravel()
        draw_alignment(top.subplots(), row)
        draw_offsets(bottom.subplots(), outcome.alignments)
        return figure

    return StudyFigure(
        name="alignment",
        title="Band alignment",
        caption=caption,
        build=None if row is None else lambda: build(row),
        missing="" if row else "there are no band edges relative to vacuum for two materials",
    )


def _vacuum_edges(outcome: StudyOutcome, material: MaterialOutcome) -> AbsoluteEdges | None:
    row = _diagram(outcome)
    pair = (row.first, row.second) if row else ()
    return next((e for e in pair if e is not None and e.material == material.name), None)


def _bands_figure(outcome: StudyOutcome) -> StudyFigure:
    drawn = [
        m for m in outcome.materials if m.bulk.edges and m.bulk.bands and max(m.bulk.bands.on_path, default=-1) >= 0
    ]
    on_vacuum = all(_vacuum_edges(outcome, m) is not None for m in drawn)
    left_out = [m.name for m in outcome.materials if m not in drawn]
    caption = "Band structures " + (
        "on one energy axis, relative to the vacuum level of the surface in the alignment." if on_vacuum
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
    for i, (ax, material, zero_ev) in enumerate(zip(axes, materials, zeros, strict=False)):
        edges, bands = material.bulk.edges, material.bulk.bands
        assert edges is not None
        assert bands is not None
        draw_bands(ax, bands, edges, zero_ev=zero_ev, energy_window=window, color=f"C{i}")
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


def _profile_figure(material: MaterialOutcome, slab: SlabOutcome, number: int) -> StudyFigure:
    words = (f"{material.name} {slab.model.plane}", slab.model.termination, slab.relaxation)
    surface = ", ".join(filter(None, words))
    why = slab.failure or slab.model.refused or "the slab has no potential"
    return StudyFigure(
        name=f"potential-{re.sub(r'[^A-Za-z0-9]+', '-', material.name).strip('-')}-slab{number}",
        title=f"Potential across {surface}",
        caption=f"Plane-averaged potential across the slab {surface}: planar and macroscopic average, and the plateaus "
        "that the vacuum levels are read from. VBM and CBM are those of the bulk, lined up through the slab's middle.",
        build=(lambda: _build_profile(slab, surface)) if slab.profile is not None else None,
        missing="" if slab.profile is not None else why,
    )


def _build_profile(slab: SlabOutcome, surface: str) -> Figure:
    assert slab.profile is not None
    lattice = slab.structure.lattice
    side_in = _PAGE_IN * (min(lattice.a, lattice.b) + 2.2) / slab.profile.length_ang
    figure = Figure(figsize=(_PAGE_IN, 3.3 + side_in), layout="constrained")
    side, ax = figure.subplots(2, 1, sharex=True, height_ratios=[side_in, 2.5])
    draw_slab_side(side, slab.structure)
    side.set_title(wrapped(surface, 90))
    draw_potential_profile(ax, slab.profile, slab.vacuum, levels=slab.levels)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
