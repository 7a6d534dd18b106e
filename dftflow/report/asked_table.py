"""What a study asks for beside edges and offsets, and published numbers beside its own, as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from dftflow.derive.photons import PHOTON_ENERGY, UPTAKE
from dftflow.model.absorption import Absorption, KnownGap
from dftflow.model.outcome import StudyOutcome
from dftflow.model.published import StandsBeside
from dftflow.model.quantity import Quantity
from dftflow.report.number_text import number_text, reach_text
from dftflow.report.text_table import text_table, wrapped_lines

__all__ = ["asked_tables", "named", "ours_text", "published_text"]

MOST_ROWS = 80
_ASKED_HEADS = ("Quantity", "of", "value", "", "range")
_PUBLISHED_TITLE = "Published numbers, and those of this study"
_PUBLISHED_HEADS = ("Quantity", "published", "here", "difference", "")
_SOURCES_BESIDE = 5
_UPTAKES = {"one photon": "one", "two photons": "two", "not absorbed": "no", "open": "open"}
_WORDS = {"agree": "agree", "differ": "DIFFER", "open": "nothing decides", "none": "no number here"}


def asked_tables(outcome: StudyOutcome) -> list[str]:
    """The tables that have rows, and why a number that was published has none beside it."""
    tables = []
    told = [quantity for quantity in outcome.asked if not _is_of_light(quantity)]
    if told:
        tables.append(text_table("Asked for", _ASKED_HEADS, [_asked_row(quantity) for quantity in told[:MOST_ROWS]]))
    if len(told) > MOST_ROWS:
        tables.append(f"{len(told) - MOST_ROWS} more are in results.json.")
    tables += _light_tables(outcome.absorptions)
    if outcome.published:
        rows = [_published_row(row) for row in outcome.published]
        tables.append(text_table(_PUBLISHED_TITLE, _PUBLISHED_HEADS, rows))
        tables += [wrapped_lines(f"! {named(row)}: {row.why}") for row in outcome.published if row.verdict == "none"]
    return tables


def _is_of_light(quantity: Quantity) -> bool:
    """Whether it stands in the table of light, when it has a value."""
    return quantity.name == PHOTON_ENERGY or (quantity.name.startswith(UPTAKE) and quantity.missing is None)


def _light_tables(absorptions: Sequence[Absorption]) -> list[str]:
    """A row for each gap, a column for each source; a table for every few sources."""
    sources = list(dict.fromkeys((row.wavelength_nm, row.photon_ev) for row in absorptions))
    gaps = list(dict.fromkeys(row.gap for row in absorptions))
    found = {(row.gap, row.wavelength_nm): _UPTAKES[row.uptake] for row in absorptions}
    tables = []
    for start in range(0, len(sources), _SOURCES_BESIDE):
        beside = sources[start : start + _SOURCES_BESIDE]
        heads = ["Gap (eV)", *(f"{nm:g} nm" for nm, _ in beside)]
        rows = [["photon energy (eV)", *(f"{energy:.3f}" for _, energy in beside)]]
        rows += [[_gap_text(gap), *(found[gap, nm] for nm, _ in beside)] for gap in gaps]
        tables.append(text_table("Light that each gap takes up, by energies alone", heads, rows))
    return tables


def _gap_text(gap: KnownGap) -> str:
    return f"{gap.of} {gap.gap_ev:.3g} ± {gap.reach_ev:g}, {gap.said}"


def named(row: StandsBeside) -> str:
    """``"band gap, Cs4PbBr6"``."""
    return f"{row.published.quantity}, {row.published.subject}"


def published_text(row: StandsBeside) -> str:
    """``"3.95 ± 0.05 eV"``."""
    one = row.published
    value = one.value if isinstance(one.value, str) else f"{one.value:g}"
    reach = f" ± {one.plus_minus:g}" if one.plus_minus is not None else ""
    return f"{value}{reach} {one.unit}".strip()


def ours_text(row: StandsBeside) -> str:
    """The number of the study with its range; ``"none"``."""
    if row.ours is None or row.ours.value is None:
        return "none"
    reach = "" if row.ours.uncertainty is None else f" {reach_text(row.ours.uncertainty)}"
    return f"{number_text(row.ours.value)}{reach} {row.ours.unit}".strip()


def _asked_row(quantity: Quantity) -> list[str]:
    of = ", ".join(filter(None, (quantity.subject, quantity.method)))
    if quantity.missing is not None:
        return [quantity.name, of, "none", "", quantity.missing.kind]
    assert quantity.value is not None
    reach = "" if quantity.uncertainty is None else reach_text(quantity.uncertainty)
    return [quantity.name, of, number_text(quantity.value), quantity.unit, reach]


def _published_row(row: StandsBeside) -> list[str]:
    difference = "" if row.difference is None else f"{row.difference:+.3g}"
    return [named(row), published_text(row), ours_text(row), difference, _WORDS[row.verdict]]
