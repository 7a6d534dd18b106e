"""What a notebook shows of a crystal, a slab, bands, levels, an alignment or an outcome: a small table and a picture.

`html_of` knows every type; those of lower layers find it by its name (`dftflow.model.shown`). Nothing is loaded from
anywhere, every text is escaped, tables and pictures are bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import singledispatch

from markupsafe import Markup
from pymatgen.core import Structure

from dftflow.analysis.alignment import edges_from_levels
from dftflow.analysis.band_edges import edges_or_reason
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.ions import formula_of
from dftflow.crystals.substitution import substitution_text
from dftflow.crystals.symmetry import space_group
from dftflow.errors import DftflowError
from dftflow.figures.alignment import alignment_drawing, diagram_columns
from dftflow.figures.band_figure import BandStructure, bands_drawing
from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import kpoint_text, signed
from dftflow.figures.look import Look
from dftflow.figures.structure import ShownStructure, structures_drawing
from dftflow.gate.found import FoundCalculation
from dftflow.model.alignment import SIGN_CONVENTION, AbsoluteEdges, Alignment, ReferenceLevel
from dftflow.model.levels import BandEdges, SurfaceLevels
from dftflow.model.miller import miller_text
from dftflow.model.outcome import StudyOutcome
from dftflow.model.printable import brief
from dftflow.model.results import Bands
from dftflow.model.sourced_levels import SourcedLevels
from dftflow.model.surface import SlabModel
from dftflow.report.asked_table import named, ours_text, published_text
from dftflow.report.calculation_summary import CalculationSummary, summary_of
from dftflow.report.cell_html import MOST_ROWS, Fact, block, facts_html, figure_html, notes_html, number_html, rows_html
from dftflow.report.headline import headline
from dftflow.report.inline_figure import no_figure
from dftflow.report.markup import formula_html, kpoint_html, plain_html, range_html
from dftflow.report.warnings import all_warnings

__all__ = ["alignment_html", "html_of", "slabs_html"]

MOST_DRAWN_ATOMS = 600
MOST_COLUMNS = 8
"""Materials beside each other in a diagram."""

_MINUS = "\N{MINUS SIGN}"


@singledispatch
def html_of(thing: object) -> str:
    """HTML of a type that has a picture here; of any other, what it prints."""
    return Markup("<pre>{}</pre>").format(plain_html(repr(thing)))


def _ev(value: float | None) -> str:
    return "" if value is None else f"{number_html(value)} eV"


# --- crystals and slabs ---------------------------------------------------------------------------------------------


@html_of.register
def _(structure: Structure) -> str:
    name = formula_of(structure)
    return block(formula_html(name), *_crystal(structure, name, _space_group(structure)))


@html_of.register
def _(crystal: Crystal) -> str:
    group = f"{crystal.space_group} ({crystal.space_group_number})"
    origin: list[Fact] = [
        ("source", crystal.source),
        ("reference", crystal.reference),
        ("confidence", crystal.confidence),
    ]
    parts = _crystal(crystal.structure, crystal.name, group, origin)
    return block(formula_html(crystal.name), *parts, notes_html(crystal.warnings))


def _crystal(structure: Structure, name: str, group: str, origin: Sequence[Fact] = ()) -> tuple[Markup, Markup]:
    lattice = structure.lattice
    facts: list[Fact] = [
        ("formula", formula_html(formula_of(structure))),
        ("space group", group),
        ("atoms", len(structure)),
        ("a, b, c", f"{', '.join(f'{length:.4f}' for length in lattice.abc)} Å"),
        ("α, β, γ", f"{', '.join(f'{angle:.2f}' for angle in lattice.angles)}°"),
        ("volume", f"{lattice.volume:.2f} Å³"),
        ("density", f"{float(structure.density):.3f} g/cm³"),
        ("substitution", substitution_text(structure)),
        *origin,
    ]
    return facts_html(facts), _view(structure, name, is_slab=False)


def _space_group(structure: Structure) -> str:
    """Symbol and number; ``""`` for what is large or no crystal any more, after somebody changed it."""
    if len(structure) > MOST_DRAWN_ATOMS or not structure.is_ordered:
        return ""
    try:
        group = space_group(structure)
    except DftflowError:
        return ""
    return f"{group.symbol} ({group.number})"


def _view(structure: Structure, name: str, *, is_slab: bool) -> Markup:
    if not len(structure):
        return no_figure("there are no atoms")
    if len(structure) > MOST_DRAWN_ATOMS:
        return no_figure(f"of more than {MOST_DRAWN_ATOMS} atoms no picture shows one")
    shown = ShownStructure(name=brief(name, 60), structure=structure, is_slab=is_slab)
    return figure_html(lambda: structures_drawing([shown], Look()))


@html_of.register
def _(slab: SlabModel) -> str:
    plane = slab.plane
    others = ", ".join(f"{miller_text(indices)} {name}" for name, indices in plane.equivalents)
    facts: list[Fact] = [
        ("plane", plane),
        ("the same as", others),
        ("termination", formula_html(slab.termination)),
        ("atoms", len(slab.structure)),
        ("layers", formula_html(" / ".join(layer.formula for layer in slab.layers))),
        ("formal charge", _charge(slab)),
        ("faces", "alike" if slab.symmetric else "different"),
        ("polar", _polar(slab)),
        ("type (Tasker)", slab.tasker),
        ("formal charges", slab.charges),
        ("stoichiometric", "yes" if slab.stoichiometric else "no"),
        ("area", f"{slab.area_ang2:.2f} Å²"),
        ("thickness, vacuum", f"{slab.thickness_ang:.2f} Å, {slab.vacuum_ang:.2f} Å"),
        ("refused", slab.refused),
    ]
    name = f"{plane}, {slab.termination}"
    return block(formula_html(name), facts_html(facts), _view(slab.structure, name, is_slab=True))


def _charge(slab: SlabModel) -> str:
    return f"{slab.formal_charge:+d}".replace("-", _MINUS) if slab.formal_charge else "0"


def _polar(slab: SlabModel) -> str:
    if slab.compensated:
        return "compensated"
    return ("yes" if slab.polar else "no") if slab.tasker else "not known"


def slabs_html(title: str, slabs: Sequence[SlabModel]) -> Markup:
    """A line for each slab of a plane, and the first from the side."""
    heads = (
        "termination", "atoms", "charge", "faces alike", "polar", "stoichiometric", "area (Å²)", "thickness (Å)",
        "refused",
    )  # fmt: skip
    rows = [
        (
            formula_html(slab.termination), len(slab.structure), _charge(slab), slab.symmetric, _polar(slab),
            slab.stoichiometric, slab.area_ang2, slab.thickness_ang, slab.refused,
        )
        for slab in slabs
    ]  # fmt: skip
    picture = [_view(slab.structure, slab.termination, is_slab=True) for slab in slabs[:1]]
    return block(formula_html(title), rows_html(heads, rows), *picture)


# --- bands and levels -----------------------------------------------------------------------------------------------


@html_of.register
def _(edges: BandEdges) -> str:
    return block(f"Band gap {_ev(edges.band_gap_ev)}", facts_html(_edge_facts(edges)))


def _edge_facts(edges: BandEdges) -> list[Fact]:
    return [
        ("gap", f"{_ev(edges.band_gap_ev)}, {edges.kind}"),
        ("VBM", _edge(edges.vbm.value_ev, edges.vbm_label, edges.vbm_k)),
        ("CBM", _edge(edges.cbm.value_ev, edges.cbm_label, edges.cbm_k)),
        ("Fermi level", f"{_ev(edges.fermi_ev)}, {'in' if edges.fermi_in_gap else 'not in'} the gap"),
        ("energies relative to", edges.vbm.zero.reference.replace("_", " ")),
    ]


def _edge(value_ev: float, label: str, k: tuple[float, float, float]) -> Markup:
    return Markup("{} at {} {}").format(_ev(value_ev), kpoint_html(label), kpoint_text(k))


@html_of.register
def _(bands: Bands) -> str:
    edges, why = edges_or_reason(bands)
    n_spins, n_kpoints, n_bands = bands.eigenvalues_ev.shape
    facts: list[Fact] = [
        ("k-points", f"{n_kpoints}, {sum(number >= 0 for number in bands.on_path)} of them on a path"),
        ("bands", f"{n_bands}{', spin up and down' if n_spins == 2 else ', spinors' if bands.spinor else ''}"),
        ("electrons", " + ".join(f"{number:g}" for number in bands.n_electrons)),
        *(_edge_facts(edges) if edges else [("gap", f"none: {why}"), ("Fermi level", _ev(bands.fermi_ev))]),
    ]
    return block("Bands", facts_html(facts), _bands(bands, edges, why))


def _bands(bands: Bands, edges: BandEdges | None, why: str) -> Markup:
    zero_ev = edges.vbm.value_ev if edges else bands.fermi_ev
    shown = BandStructure(name="bands", bands=bands, edges=edges, why_no_edges=why, zero_ev=zero_ev)
    look = Look(labels={"bands": ""})
    return figure_html(lambda: bands_drawing([shown], "vbm" if edges else "fermi", look))


@html_of.register
def _(levels: SurfaceLevels) -> str:
    ip_ev, ea_ev = levels.slab_ionisation_potential_ev, levels.slab_electron_affinity_ev
    facts: list[Fact] = [
        ("ionisation potential", f"{_ev(levels.ionisation_potential_ev)}, crystal lined up through the slab"),
        ("electron affinity", f"{_ev(levels.electron_affinity_ev)}, crystal lined up through the slab"),
        ("work function", f"{_ev(levels.work_function_ev)}, Fermi level of the slab"),
        ("spread of the line-up", f"± {_ev(levels.spread.total_ev)}, which bounds no error"),
        ("own bands of the slab", levels.why_no_slab_edges),
        ("own ionisation potential", _ev(ip_ev)),
        ("own electron affinity", _ev(ea_ev)),
        ("side", "below the slab" if levels.vacuum.side == "low" else "above the slab"),
        ("vacuum flat to", _ev(levels.vacuum.spread_ev)),
    ]
    columns = [edges_from_levels("crystal", "lined up", levels)]
    if ip_ev is not None and ea_ev is not None:
        columns.append(
            AbsoluteEdges(material="slab", surface="own bands", vbm_ev=-ip_ev, cbm_ev=-ea_ev, range_ev=(0.0, 0.0))
        )
    fermi = ReferenceLevel(name="Fermi level of the slab", energy_ev=-levels.work_function_ev)
    figure = figure_html(lambda: alignment_drawing(columns, (), levels=[fermi]))
    return block("Levels below the vacuum", facts_html(facts), figure)


@html_of.register
def _(found: FoundCalculation) -> str:
    told = summary_of(found)
    facts: list[Fact] = [
        ("calculation", f"{told.code} {told.code_version}"),
        ("place", told.place),
        ("status", told.ended),
        ("formula", formula_html(told.formula)),
        ("energy", _energy(told)),
        ("gap", _gap(found, told)),
        ("work function", ", ".join(map(_ev, told.work_functions_ev))),
    ]
    return block(formula_html(told.place.name), facts_html(facts), _picture(found), notes_html(told.refused))


def _energy(told: CalculationSummary) -> str:
    return "" if told.energy_ev is None else f"{number_html(told.energy_ev, 5)} eV per cell ({told.energy_kind})"


def _gap(found: FoundCalculation, told: CalculationSummary) -> str:
    if told.band_gap_ev is not None:
        return f"{_ev(told.band_gap_ev)}, {told.gap_kind}"
    return "" if found.judged is None else f"none: {found.levels().why_no_edges}"


def _picture(found: FoundCalculation) -> Markup:
    """Its bands where they lie on a path, else its geometry."""
    results = None if found.judged is None else found.results
    if results is not None and results.bands is not None and max(results.bands.on_path) >= 0:
        return _bands(results.bands, *edges_or_reason(results.bands))
    if results is not None and results.structure is not None:
        return _view(results.structure, formula_of(results.structure), is_slab=False)
    return Markup("")


# --- alignments and outcomes ----------------------------------------------------------------------------------------


def alignment_html(
    columns: Sequence[SourcedLevels], rows: Sequence[Alignment], draw: Callable[[], Drawing], notes: Iterable[str]
) -> Markup:
    """Levels of several materials, the offsets between them, their diagram, and what a reader has to know."""
    heads = ("material", "surface", "VBM (eV)", "CBM (eV)", "range (eV)", "from")
    levels = [
        (
            formula_html(one.edges.material), formula_html(one.edges.surface), one.edges.vbm_ev, one.edges.cbm_ev,
            range_html(one.edges.range_ev) if one.range_holds else None, one.edges.source or one.origin,
        )
        for one in columns
    ]  # fmt: skip
    names = ", ".join(dict.fromkeys(one.edges.material for one in columns))
    return block(
        formula_html(f"Band alignment of {names}"),
        rows_html(heads, levels),
        rows_html(_OFFSET_HEADS, _offsets(rows)),
        figure_html(draw) if len(columns) <= MOST_COLUMNS else _too_many(len(columns)),
        notes_html(notes),
    )


def _too_many(columns: int) -> Markup:
    return no_figure(f"{columns} columns are too many for a cell")


_PUBLISHED_HEADS = ("quantity", "published", "by", "here", "difference", "they", "good to")
_OFFSET_HEADS = ("", "first", "second", "valence (eV)", "conduction (eV)", "type", "method", "to know")


@html_of.register
def _(row: Alignment) -> str:
    return block(
        formula_html(f"{row.first_name} and {row.second_name}: {row.type}"),
        facts_html([
            ("valence-band offset", _offset(row, row.valence_band_offset_ev)),
            ("conduction-band offset", _offset(row, row.conduction_band_offset_ev)),
            ("the range holds", row.range_holds),
            ("type", f"{row.type}, offsets below {row.tolerance_ev:g} eV counted as none"),
            ("method", row.method),
            ("surfaces", ", ".join(edges.surface for edges in (row.first, row.second) if edges is not None)),
            ("source", row.source),
            ("to know", _to_know(row)),
            ("sign", SIGN_CONVENTION),
        ]),
        _diagram([row], [row.first_name, row.second_name]),
    )  # fmt: skip


def _offset(row: Alignment, value_ev: float | None) -> str:
    return "" if value_ev is None else f"{signed(value_ev, row.range_ev)} eV"


def _to_know(row: Alignment) -> str:
    contradicts = f"contradicts {', '.join(f'[{number}]' for number in row.contradicts)}" if row.contradicts else ""
    return "; ".join(filter(None, ("polar plane" if row.polar else "", contradicts, *row.remarks)))


def _diagram(rows: Sequence[Alignment], names: Sequence[str]) -> Markup:
    columns = diagram_columns(rows, names)
    if len(columns) > MOST_COLUMNS:
        return _too_many(len(columns))
    return figure_html(lambda: alignment_drawing(columns, rows))


@html_of.register
def _(outcome: StudyOutcome) -> str:
    told = headline(outcome)
    states = Counter(step.state for step in outcome.steps)
    facts: list[Fact] = [
        ("study", f"{outcome.study_name}, preset {outcome.preset}, {outcome.code}"),
        ("steps", ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in states.items())),
        ("result", formula_html(told.result)),
    ]
    return block(
        formula_html(outcome.title),
        facts_html(facts),
        rows_html(("material", "gap (eV)", "", "surface", "IP (eV)", "EA (eV)", "W (eV)", "why not"), _levels(outcome)),
        rows_html(_OFFSET_HEADS, _offsets(outcome.alignments)) if outcome.alignments else Markup(""),
        rows_html(_PUBLISHED_HEADS, _published(outcome)) if outcome.published else Markup(""),
        _diagram(outcome.defended, [material.name for material in outcome.materials]),
        notes_html(f"{of}: {text}" if of else text for of, text in all_warnings(outcome)[:MOST_ROWS]),
    )


def _levels(outcome: StudyOutcome) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for material in outcome.materials:
        edges = material.bulk.edges
        own = (formula_html(material.name), edges.band_gap_ev if edges else None, edges.kind if edges else "")
        why = material.bulk.why_no_edges
        rows += [] if material.slabs else [(*own, "", None, None, None, why)]
        for slab in material.slabs:
            levels = slab.levels
            numbers = (
                (levels.ionisation_potential_ev, levels.electron_affinity_ev, levels.work_function_ev)
                if levels
                else (None, None, None if slab.own is None else slab.own.work_function_ev)
            )
            rows.append((*own, formula_html(material.surface(slab)), *numbers, slab.failure or why))
    return rows


def _published(outcome: StudyOutcome) -> list[tuple[object, ...]]:
    return [
        (
            named(row), published_text(row), row.published.source,
            ours_text(row), row.difference, row.verdict, row.why,
        )
        for row in outcome.published
    ]  # fmt: skip


def _offsets(rows: Sequence[Alignment]) -> list[tuple[object, ...]]:
    return [
        (
            f"[{number}]", formula_html(row.first_name), formula_html(row.second_name),
            signed(row.valence_band_offset_ev, row.range_ev).replace(" ", "\N{NO-BREAK SPACE}"),
            None if row.conduction_band_offset_ev is None else signed(row.conduction_band_offset_ev),
            row.type, f"{row.method} {row.source}".strip(), _to_know(row),
        )
        for number, row in enumerate(rows, start=1)
    ]  # fmt: skip
