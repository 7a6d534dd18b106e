"""What an alignment is made of: tables of levels, results of studies, folders of any code, and numbers from Python."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dftflow.analysis.alignment import BY_LINE_UP, check_edges
from dftflow.api.levels import Levels, levels
from dftflow.api.sources import with_clear_gap
from dftflow.crystals.ions import formula_of
from dftflow.errors import InputError
from dftflow.gate.found import FoundCalculation, calculations_in
from dftflow.input_file import is_regular, named_place, read_regular
from dftflow.jobs.store import PLAN_FILE
from dftflow.model.absolute import CalculationLevels, SlabSide
from dftflow.model.alignment import AbsoluteEdges
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import BY_LINE_UP_WAY
from dftflow.model.reasons import listed, shared_reasons
from dftflow.model.sourced_levels import LevelSource, SourcedLevels
from dftflow.quoted.level_file import LEVEL_FILES
from dftflow.quoted.level_table import QUOTED, read_level_mapping, read_level_table
from dftflow.quoted.quoted_results import levels_of_quantities
from dftflow.report.own_files import RESULTS_MARK
from dftflow.report.results_file import read_results

__all__ = ["Source", "levels_from"]

Source = str | os.PathLike[str] | Mapping[str, object] | AbsoluteEdges | StudyOutcome | Levels
"""Of an alignment; a text is ``[NAME=]PLACE`` or ``[NAME=]BULK+SLAB``."""

OWN_BANDS = "slab's own bands"
PLATEAU_HOLDS = (
    "flatness of the vacuum levels and what its two sides differ by; the slab's confinement, thickness and k-points "
    "are not in it"
)
OWN_BANDS_REMARK = (
    "edges of the slab's own bands: its quantum confinement is in them, which a line-up with the crystal does not have"
)
ONE_LEVEL_EV = 0.05
"""Two sides whose levels differ by more stand apart."""

_IN_PYTHON = "given in Python"


def levels_from(source: Source) -> LevelSource:
    """Everything that one source gives.

    Raises
    ------
    InputError
        It is no such source, or holds no levels below the vacuum; a table, with file and line.
    AnalysisError, ParseError
        Its levels do not follow from it, or its files are damaged.
    """
    if isinstance(source, str):
        return _of_text(source)
    if isinstance(source, os.PathLike):
        return _of_place(named_place(os.fspath(source)), "")
    if isinstance(source, Mapping):
        return _of_mapping(source)
    if isinstance(source, AbsoluteEdges):
        return LevelSource(levels=(_given(source),))
    if isinstance(source, StudyOutcome):
        return levels_of_quantities(source.quantities, source.study_name)
    if isinstance(source, Levels):
        return _of_levels(source, "")
    raise InputError(
        f"an alignment is not made of {type(source).__name__}",
        fix='give a path, a mapping such as {"CsPbBr3": {"ip_ev": 5.9, "ea_ev": 3.6}}, AbsoluteEdges or an outcome',
    )


def _of_text(text: str) -> LevelSource:
    """``PLACE``, ``NAME=PLACE``, ``NAME=BULK+SLAB``; what is a file or a folder as a whole is one."""
    name, equals, rest = text.partition("=")
    if not equals or named_place(text).exists():
        name, rest = "", text
    if equals and not (rest and name == name.strip() and (name or rest == text)):
        raise InputError(f"{text!r} is not NAME=PLACE", fix="write FAPbBr3=results/slab")
    bulk, plus, slab = rest.partition("+")
    if not plus or named_place(rest).exists():
        return _of_place(named_place(rest), name)
    return _of_levels(levels(named_place(slab), bulk=named_place(bulk)), name)


def _of_mapping(source: Mapping[str, object]) -> LevelSource:
    """Name -> its numbers, a folder, or the levels of slabs."""
    parts = []
    for name, given in source.items():
        if isinstance(given, str | os.PathLike):
            parts.append(_of_text(f"{name}={os.fspath(given)}"))
        elif isinstance(given, Levels):
            parts.append(_of_levels(given, name))
        elif isinstance(given, AbsoluteEdges):
            parts.append(LevelSource(levels=(_given(replace(given, material=name)),)))
        else:
            parts.append(read_level_mapping({name: given}, _IN_PYTHON))
    return LevelSource(
        levels=tuple(one for part in parts for one in part.levels),
        references=tuple(one for part in parts for one in part.references),
        offsets=tuple(one for part in parts for one in part.offsets),
        notes=tuple(one for part in parts for one in part.notes),
        refused=tuple(one for part in parts for one in part.refused),
    )


def _given(edges: AbsoluteEdges) -> SourcedLevels:
    check_edges(edges)
    return SourcedLevels(
        edges=edges,
        way=QUOTED if edges.source else "calculated levels",
        range_holds="as given" if any(edges.range_ev) else "",
        origin=edges.source or _IN_PYTHON,
    )


# --- files and folders ------------------------------------------------------------------------------------------


def _of_place(place: Path, name: str) -> LevelSource:
    if place.suffix.lower() in LEVEL_FILES and not place.is_dir():
        if name:
            raise InputError(
                f"{name} names a folder, and a table has names of its own", fix=f"write {place}", where=str(place)
            )
        return read_level_table(place)
    file = place / "results.json" if place.is_dir() else place
    if file.suffix.lower() == ".json" and _is_of_a_study(file):
        if name:
            raise InputError(
                f"{name} names one material, and a study has names of its own", fix=f"write {place}", where=str(place)
            )
        return levels_of_quantities(read_results(file), str(file))
    if place.is_dir() and (place / PLAN_FILE).is_file():
        raise InputError(
            "this is the folder of a study, and there is no results.json in it",
            fix=f"dftflow report {shlex.quote(str(place))} writes it; or name a slab of it: NAME=FOLDER",
            where=str(place),
        )
    return _of_slab(place, name)


def _is_of_a_study(file: Path) -> bool:
    """Engines have a ``results.json`` of their own."""
    try:
        return is_regular(file) and RESULTS_MARK in read_regular(file)[:1000]
    except OSError:
        return False


def _of_levels(found: Levels, name: str) -> LevelSource:
    """The crystal's edges below both faces of each slab."""
    return LevelSource(
        levels=tuple(
            SourcedLevels(
                edges=replace(edges, material=name or edges.material),
                way=BY_LINE_UP_WAY,
                range_holds=BY_LINE_UP,
                origin=str(slab.place),
                polar=slab.surface is not None and slab.surface.polar,
                remarks=slab.remarks,
            )
            for slab, edges in found.columns_of_slabs()
        ),
        notes=tuple(f"{slab.place}: {slab.why_no_line_up}" for slab in found.slabs if not slab.is_lined_up),
    )


def _of_slab(place: Path, name: str) -> LevelSource:
    """The one calculation of a slab at a place."""
    found = [(one, with_clear_gap(one.levels(), one.results)) for one in calculations_in([place]) if one.judged]
    slabs = [(one, own) for one, own in found if own.sides and own.edges is not None and _both(own.sides)]
    if len(slabs) != 1:
        raise _not_one_slab(place, found, len(slabs))
    ((one, own),) = slabs
    return LevelSource(
        levels=tuple(_own_levels(one, own, name)),
        notes=tuple(
            f"not used: {line}"
            for line in shared_reasons((other.place, _why_not(levels)) for other, levels in found if other is not one)
        ),
        refused=(*(str(file.error) for file in one.refused_files), *one.refused_parts),
    )


def _both(sides: tuple[SlabSide, ...]) -> bool:
    return all(side.ionisation_potential_ev is not None and side.electron_affinity_ev is not None for side in sides)


def _not_one_slab(place: Path, found: list[tuple[FoundCalculation, CalculationLevels]], count: int) -> InputError:
    if count:
        places = listed([one.place for one, own in found if own.sides])
        return InputError(
            f"there are {count} slabs here: {places}", fix="name each by itself: NAME=FOLDER", where=str(place)
        )
    if not found:
        return InputError(
            "there is no calculation here, and no table or results of a study",
            fix=f"give a folder of output files, a results.json, or a table ({', '.join(LEVEL_FILES)})",
            where=str(place),
        )
    return InputError(
        "no band edges relative to a vacuum level are here",
        reason="; ".join(shared_reasons((one.place, _why_not(own)) for one, own in found)),
        fix="a crystal is lined up through a slab: NAME=BULK+SLAB, or `dftflow levels --bulk BULK --slab SLAB`",
        where=str(place),
    )


def _why_not(own: CalculationLevels) -> str:
    if own.edges is None:
        return own.why_no_edges
    if own.normal is None:
        return "the cell holds no vacuum along one of its vectors"
    return own.why_no_vacuum or "the band edges are of another run than the potential"


def _own_levels(one: FoundCalculation, own: CalculationLevels, name: str) -> list[SourcedLevels]:
    """One column for both sides where they agree, else one for each."""
    structure = one.results.structure
    assert structure is not None, "a slab has a normal"
    depths = [(side.ionisation_potential_ev, side.electron_affinity_ev) for side in own.sides]
    potentials = [ip for ip, _ in depths if ip is not None]
    apart = max(potentials) - min(potentials) > ONE_LEVEL_EV
    groups = [((side,), f"{side.vacuum.side} side") for side in own.sides] if apart else [(own.sides, "")]
    remarks = (OWN_BANDS_REMARK, *own.remarks)
    if apart:
        remarks = (f"its two sides differ by {max(potentials) - min(potentials):.3f} eV, and stand apart", *remarks)
    return [
        SourcedLevels(
            edges=_mean_edges(sides, name or formula_of(structure), ", ".join(filter(None, (OWN_BANDS, side)))),
            way=OWN_BANDS,
            range_holds=PLATEAU_HOLDS,
            origin=str(one.place),
            remarks=remarks,
        )
        for sides, side in groups
    ]


def _mean_edges(sides: tuple[SlabSide, ...], material: str, surface: str) -> AbsoluteEdges:
    """Mean of the sides; the range holds both, and the spread of their plateaus."""
    potentials = [side.ionisation_potential_ev for side in sides if side.ionisation_potential_ev is not None]
    affinities = [side.electron_affinity_ev for side in sides if side.electron_affinity_ev is not None]
    reach = (max(potentials) - min(potentials) + max(side.vacuum.spread_ev for side in sides)) / 2
    return AbsoluteEdges(
        material=material,
        surface=surface,
        vbm_ev=-sum(potentials) / len(potentials),
        cbm_ev=-sum(affinities) / len(affinities),
        range_ev=(-reach, reach),
    )
