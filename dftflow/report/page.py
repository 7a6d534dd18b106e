"""``report.html``: one page that carries all it shows."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dftflow.analysis.transitivity import closures
from dftflow.derive.swept import SweptSeries, swept_series
from dftflow.figures.figure_files import DrawnFigure
from dftflow.figures.labels import kpoint_text, range_text, signed
from dftflow.figures.study_figures import MOST_PAIRS
from dftflow.jobs.store import storage_errors, write_atomically
from dftflow.model.cautions import by_caution
from dftflow.model.outcome import StudyOutcome, relaxation_text
from dftflow.model.point import value_text
from dftflow.report.closure import CLOSURE_TITLE, same_levels_text
from dftflow.report.headline import headline
from dftflow.report.markup import formula_html, kpoint_html
from dftflow.report.number_text import number_text, reach_text
from dftflow.report.results_json import results_document
from dftflow.report.warnings import all_warnings

__all__ = ["render_report", "write_report"]

_TEMPLATE = "report.html.j2"
_MINUS = "\N{MINUS SIGN}"
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_SVG_WIDTH = re.compile(rb'<svg[^>]*\bwidth="([\d.]+)pt"')
_SVG_HEIGHT = re.compile(rb'<svg[^>]*\bheight="([\d.]+)pt"')
LARGE_BYTES = 8_000_000
"""Of figures: with them in it, a larger page takes seconds to open, and no mail takes it."""

_COLUMN_REM, _PAGE_PT = 52.0, 6.7 * 72


def write_report(outcome: StudyOutcome, figures: Sequence[DrawnFigure], folder: Path) -> Path:
    """Write ``report.html`` with the SVGs of `figures` into `folder`, whole or not at all, and return its path.

    Raises
    ------
    StoreError
        When it cannot be written.
    """
    path = folder / "report.html"
    page = render_report(outcome, figures, folder)
    with storage_errors(path):
        write_atomically(path, page)
    return path


def render_report(outcome: StudyOutcome, figures: Sequence[DrawnFigure], folder: Path) -> str:
    """The page as text; links to step folders are relative to `folder`.

    The SVGs of `figures` and the decks are in the page up to `LARGE_BYTES`, so that it can be sent as one file; of more
    the page links to ``figures/`` and to the steps, and a browser loads what is looked at.
    """
    apart = sum(len(figure.files.get("svg", b"")) for figure in figures) > LARGE_BYTES
    many_pairs = len({row.pair for row in outcome.alignments}) > MOST_PAIRS
    document = results_document(outcome, folder)
    found = closures(outcome.alignments)
    anchors = {step["name"]: f"step-{number}" for number, step in enumerate(document["steps"], start=1)}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        formula=partial(formula_html, longest=None),
        kname=kpoint_html,
        k=kpoint_text,
        signed=signed,
        number=_number,
        range=_range,
        measured=number_text,
        plain=_plain,
        measured_range=reach_text,
        change=_change,
        is_doi=_is_doi,
        relaxation=relaxation_text,
        duration=_duration,
        href=_href,
    )
    return environment.get_template(_TEMPLATE).render(
        doc=document,
        headline=headline(outcome),
        closed=same_levels_text(found),
        closures=[] if many_pairs else [closure for closure in found if closure.reasons],
        closure_title=CLOSURE_TITLE,
        figures=[_figure(figure, apart=apart) for figure in figures],
        apart=apart,
        many_pairs=many_pairs,
        anchors=anchors,
        index=_index(outcome, figures),
        sweeps=_sweeps(outcome),
        asked=[quantity.as_dict() for quantity in outcome.asked],
        crystals_alone=outcome.of_crystals_alone,
        value_text=value_text,
        decks={step.name: {} if apart else dict(sorted(step.deck_files.items())) for step in outcome.steps},
        settings=_flat(document["settings"]),
        provenance=_flat(document["provenance"]),
        cautions=by_caution((step.name, step.cautions) for step in outcome.steps),
        warnings=all_warnings(outcome),
        faces={slab.subject: material.face(slab) for material in outcome.materials for slab in material.slabs},
    )


def _sweeps(outcome: StudyOutcome) -> dict[str, list[SweptSeries]]:
    """Setting -> its series."""
    found: dict[str, list[SweptSeries]] = {}
    for series in swept_series(outcome.quantities):
        found.setdefault(series.setting, []).append(series)
    return found


def _index(outcome: StudyOutcome, figures: Sequence[DrawnFigure]) -> dict[str, dict[str, Any]]:
    """Material -> its own figures, and the first of its steps."""
    index: dict[str, dict[str, Any]] = {m.name: {"figures": [], "step": ""} for m in outcome.materials}
    for drawn in figures:
        if drawn.files and drawn.figure.of in index:
            index[drawn.figure.of]["figures"].append(drawn.figure.name)
    for step in outcome.steps:
        entry = index.get(step.name.partition("/")[0])
        if entry is not None and not entry["step"]:
            entry["step"] = step.name
    return index


def _figure(drawn: DrawnFigure, *, apart: bool) -> dict[str, Any]:
    """Title, caption and image: a file, or an SVG as data URI, whose ids cannot clash with those of another figure."""
    figure, svg = drawn.figure, drawn.files.get("svg")
    if svg and apart:
        uri = f"figures/{quote(figure.name)}.svg"
    else:
        uri = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}" if svg else ""
    return {
        "of": figure.of,
        "size": _size_pt(svg or b""),
        "id": figure.name,
        "title": figure.title,
        "caption": figure.caption,
        "uri": uri,
        "width": f"{_width_rem(svg or b''):.1f}rem",
        "missing": drawn.missing,
        "links": [(kind.upper(), f"figures/{quote(figure.name)}.{kind}") for kind in drawn.files],
    }


def _width_rem(svg: bytes) -> float:
    """Width at which letters have one size in all figures; what is as wide as a printed page fills the column."""
    size_pt = _size_pt(svg)
    return _COLUMN_REM if size_pt is None else min(_COLUMN_REM, _COLUMN_REM * size_pt[0] / _PAGE_PT)


def _size_pt(svg: bytes) -> tuple[float, float] | None:
    found = _SVG_WIDTH.search(svg), _SVG_HEIGHT.search(svg)
    return (float(found[0][1]), float(found[1][1])) if found[0] and found[1] else None


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested plain data as (dotted key, text)."""
    if isinstance(value, Mapping):
        return [row for key, item in value.items() for row in _flat(item, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        return [row for number, item in enumerate(value, start=1) for row in _flat(item, f"{prefix}[{number}]")]
    if isinstance(value, list):
        return [(prefix, ", ".join(map(str, value)))]
    return [(prefix, "not given" if value is None else str(value))]


def _number(value: float | None, decimals: int = 3) -> str:
    if value is None:
        return "none"
    return f"{value:.{decimals}f}".replace("-", _MINUS)


def _range(value: Sequence[float] | None) -> str:
    return "not known" if value is None else range_text((value[0], value[1]))


def _plain(value: float | str) -> str:
    """As somebody else wrote it."""
    return value if isinstance(value, str) else f"{value:g}".replace("-", _MINUS)


def _change(value_mev: float) -> str:
    """With its sign, to a tenth; of what is less than that none."""
    rounded = round(value_mev, 1) + 0.0
    return f"{rounded:+.1f}".replace("-", _MINUS) if rounded else "0.0"


def _is_doi(text: str) -> bool:
    return _DOI.fullmatch(text) is not None


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "not known"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _href(path: str) -> str:
    return quote(path)
