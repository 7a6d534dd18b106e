"""The table of band edges and offsets that a run ends with, as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dftflow.analysis.transitivity import Closure, closures
from dftflow.figures.labels import range_text
from dftflow.figures.study_figures import MOST_PAIRS
from dftflow.model.alignment import SIGN_CONVENTION
from dftflow.model.cautions import by_caution
from dftflow.model.outcome import StudyOutcome
from dftflow.report.asked_table import asked_tables
from dftflow.report.closure import CLOSURE_TITLE, same_levels_text
from dftflow.report.crystal_table import crystal_table
from dftflow.report.headline import headline
from dftflow.report.results_json import results_document
from dftflow.report.text_table import WIDTH, text_table, wrapped_lines
from dftflow.report.warnings import all_warnings

__all__ = ["summary_table"]


def summary_table(outcome: StudyOutcome) -> str:
    """Band edges relative to vacuum, offsets by each method and what they mean; at most 92 columns wide."""
    document = results_document(outcome, Path())
    head = headline(outcome)
    surfaces = [
        text_table(_EDGES_TITLE, _EDGE_HEADS, _edge_rows(outcome, document)),
        *([] if outcome.contacts and not outcome.alignments else _offset_tables(document)),
        *_contact_tables(outcome),
        wrapped_lines(f"{SIGN_CONVENTION[0].upper()}{SIGN_CONVENTION[1:]}."),
        *_closure_blocks(outcome),
    ]
    blocks = [
        *([crystal_table(outcome.materials)] if outcome.of_crystals_alone else surfaces),
        *asked_tables(outcome),
        f"{wrapped_lines(head.result)}\n{wrapped_lines(head.meaning)}",
    ]
    cautions = by_caution((step.name, step.cautions) for step in outcome.steps)
    notes = _row_notes(outcome)
    notes += [f"! {of}: {text}" if of else f"! {text}" for of, text in all_warnings(outcome)]
    notes += [f"! {step.name} {step.state}: {step.failure}" for step in outcome.steps if step.state == "failed"]
    notes += [
        f"! {step.name}, attempt {number}: {attempt}"
        for step in outcome.steps
        for number, attempt in enumerate(step.tries, start=1)
    ]
    notes += [f"! {', '.join(steps)}: {note}" for note, steps in cautions.items()]
    lines = [line for note in notes for line in textwrap.wrap(note, WIDTH, subsequent_indent="  ")]
    return "\n\n".join([*blocks, *(["\n".join(lines)] if lines else [])]) + "\n"


def _row_notes(outcome: StudyOutcome) -> list[str]:
    """What is to be known of each row of offsets, by its number."""
    lines = []
    for number, row in enumerate(outcome.alignments, start=1):
        lines += [f"! [{number}] {remark}" for remark in row.remarks]
        if row.contradicts:
            lines.append(f"! [{number}] contradicts {', '.join(f'[{other}]' for other in row.contradicts)}")
    return lines


_EDGES_TITLE = "Band edges (eV; IP, EA and WF below vacuum; spread of the line-up)"
_EDGE_HEADS = ("Material, surface", "gap", "", "IP", "EA", "WF", "spread", "own gap")
_OFFSET_HEADS = ("Method", "valence", "conduction", "range", "type")
_CONTACTS_TITLE = "Schottky barriers (eV), by the vacuum levels of the free surfaces"
_CONTACT_HEADS = ("Metal, semiconductor, method", "W", "electrons", "holes", "range")
_CLOSURE_HEADS = ("Rows, materials, method", "valence", "conduction", "range")


def _number(value: float | None, pattern: str = ".3f") -> str:
    return "-" if value is None else format(value, pattern)


def _edge_rows(outcome: StudyOutcome, document: dict[str, Any]) -> list[list[str]]:
    rows = []
    for material in outcome.materials:
        name, told = material.name, document["materials"][material.name]
        bulk = told["bulk"]
        kind = {True: "direct", False: "indirect", None: ""}[bulk["direct"]]
        bulk_cells = [_number(bulk["band_gap_ev"]), kind]
        if not material.slabs:
            rows.append([name, *bulk_cells, "-", "-", "-", "-", "-"])
        for slab, numbers in zip(material.slabs, told["slabs"], strict=True):
            keys = (
                "ionisation_potential_ev",
                "electron_affinity_ev",
                "work_function_ev",
                "lineup_spread_ev",
                "slab_gap_ev",
            )
            rows.append([f"{name} {material.surface(slab)}", *bulk_cells, *(_number(numbers[key]) for key in keys)])
    return rows


def _offset_tables(document: dict[str, Any]) -> list[str]:
    """One table for every two materials in their order; the numbers of rows count through all of them."""
    numbered = list(enumerate(document["alignments"], start=1))
    pairs: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = {}
    for number, row in numbered:
        pairs.setdefault((row["first"], row["second"]), []).append((number, row))
    if len(pairs) > MOST_PAIRS:
        told = f"Band offsets: {len(numbered)} rows between {len(pairs)} pairs of materials are in results.json."
        return [wrapped_lines(told)]
    if len(pairs) < 2:
        return [text_table("Band offsets (eV)", _OFFSET_HEADS, _offset_rows(numbered))]
    tables = []
    for pair, rows in pairs.items():
        title = wrapped_lines(f"Band offsets (eV), {pair[0]} minus {pair[1]}")
        tables.append(text_table(title, _OFFSET_HEADS, _offset_rows(rows)))
    return tables


def _contact_tables(outcome: StudyOutcome) -> list[str]:
    """The barriers between metals and semiconductors, and what a reader has to know of them."""
    if not outcome.contacts:
        return []
    rows = [
        [
            f"{row.metal_name} | {row.edges.material} {row.edges.surface}, {row.method}",
            *(_number(value) for value in (row.work_function_ev, row.electron_barrier_ev, row.hole_barrier_ev)),
            range_text(row.range_ev),
        ]
        for row in outcome.contacts
    ]
    remarks = dict.fromkeys(remark for row in outcome.contacts for remark in row.remarks)
    notes = [line for text in remarks for line in textwrap.wrap(f"! {text}", WIDTH, subsequent_indent="  ")]
    return ["\n".join([text_table(_CONTACTS_TITLE, _CONTACT_HEADS, rows), *notes])]


def _closure_blocks(outcome: StudyOutcome) -> list[str]:
    """Whether the offsets of three materials add up; nothing where no three have all their offsets by one method."""
    found = closures(outcome.alignments)
    blocks = []
    if same := same_levels_text(found):
        blocks.append(wrapped_lines(same))
    many = len({row.pair for row in outcome.alignments}) > MOST_PAIRS
    if others := [closure for closure in found if closure.reasons and not many]:
        title = wrapped_lines(f"{CLOSURE_TITLE}.")
        notes = [
            line
            for closure in others
            for reason in closure.reasons
            for line in textwrap.wrap(f"! {_rows_text(closure)} {reason}", WIDTH, subsequent_indent="  ")
        ]
        table = text_table(title, _CLOSURE_HEADS, [_closure_row(closure) for closure in others])
        blocks.append("\n".join([table, *notes]))
    return blocks


def _rows_text(closure: Closure) -> str:
    a, b, c = closure.rows
    return f"[{a}] + [{b}] - [{c}]"


def _closure_row(closure: Closure) -> list[str]:
    return [
        f"{_rows_text(closure)} {', '.join(closure.materials)}: {closure.way}",
        _number(closure.valence_ev, "+.3f"),
        _number(closure.conduction_ev, "+.3f"),
        "-" if closure.range_ev is None else range_text(closure.range_ev),
    ]


def _offset_rows(rows: Sequence[tuple[int, dict[str, Any]]]) -> list[list[str]]:
    return [
        [
            f"[{number}] {row['method']} {row['source']}".strip(),
            _number(row["valence_band_offset_ev"], "+.3f"),
            _number(row["conduction_band_offset_ev"], "+.3f"),
            "-" if row["range_ev"] is None else range_text((row["range_ev"][0], row["range_ev"][1])),
            row["type"],
        ]
        for number, row in rows
    ] or [["none", "-", "-", "-", "-"]]
