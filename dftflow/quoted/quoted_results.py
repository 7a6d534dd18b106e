"""Levels and published offsets among the quantities of a study, as an alignment of several sources needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dftflow.analysis.alignment import published_alignment
from dftflow.errors import AnalysisError
from dftflow.model.alignment import AbsoluteEdges, Alignment
from dftflow.model.quantity import (
    ALIGNMENT_TYPE,
    BY_LINE_UP_WAY,
    CONDUCTION_OFFSET,
    POLAR_PLANE,
    VALENCE_OFFSET,
    Quantity,
)
from dftflow.model.sourced_levels import LevelSource, SourcedLevels
from dftflow.quoted.level_table import TYPES

__all__ = ["levels_of_quantities"]

IP, EA = "ionisation potential", "electron affinity"
_OF_AN_OFFSET = (VALENCE_OFFSET, CONDUCTION_OFFSET, ALIGNMENT_TYPE)


def levels_of_quantities(quantities: Sequence[Quantity], origin: str) -> LevelSource:
    """The surfaces whose ionisation potential and electron affinity were found by a line-up, and what was published.

    They are those of the study as it is written, whatever it sweeps.

    Parameters
    ----------
    origin
        Where the quantities are from: a file, the name of a study.

    Raises
    ------
    AnalysisError
        There is no such surface, with the reason of each that lacks its levels.
    """
    quantities = [quantity for quantity in quantities if not quantity.point]
    by_subject: dict[str, dict[str, Quantity]] = {}
    for quantity in quantities:
        if quantity.name in (IP, EA) and quantity.method in (BY_LINE_UP_WAY, ""):
            by_subject.setdefault(quantity.subject, {})[quantity.name] = quantity
    polar = _polar_planes(quantities)
    whole = {subject: found for subject, found in by_subject.items() if _has_both(found)}
    lacking = tuple(
        f"{origin}: {subject} has no levels: {_why(found)}"
        for subject, found in by_subject.items()
        if subject not in whole
    )
    if not whole:
        reason = "; ".join(lacking) or f"{origin} has no surface at all"
        fix = "a study needs a slab of each material; see `dftflow status`"
        raise AnalysisError("no surface has an ionisation potential and an electron affinity", reason=reason, fix=fix)
    levels = tuple(_levels(subject, found, origin, polar) for subject, found in whole.items())
    return LevelSource(levels=levels, offsets=tuple(_published(quantities)), notes=lacking)


def _has_both(found: Mapping[str, Quantity]) -> bool:
    return all(name in found and isinstance(found[name].value, float) for name in (IP, EA))


def _why(found: Mapping[str, Quantity]) -> str:
    reasons = [quantity.missing.reason for quantity in found.values() if quantity.missing is not None]
    return "; ".join(dict.fromkeys(reasons)) or "one of them is not given"


def _levels(subject: str, found: Mapping[str, Quantity], origin: str, polar: tuple[str, ...]) -> SourcedLevels:
    potential, affinity = found[IP], found[EA]
    assert isinstance(potential.value, float) and isinstance(affinity.value, float), "asked before"
    material, _, surface = subject.partition(" ")  # names of materials hold no blank
    low, high = potential.uncertainty or (0.0, 0.0)
    remarks = dict.fromkeys((*potential.remarks, *affinity.remarks))
    plane = [f"{name}{POLAR_PLANE}" for name in polar if subject.startswith(f"{name},")]
    steps = ", ".join(dict.fromkeys((*potential.origin, *affinity.origin)))
    return SourcedLevels(
        edges=AbsoluteEdges(
            material=material,
            surface=surface,
            vbm_ev=-potential.value,
            cbm_ev=-affinity.value,
            range_ev=(0.0 - high, 0.0 - low),
        ),
        way=potential.method or BY_LINE_UP_WAY,
        range_holds=potential.uncertainty_holds,
        origin=f"{origin}: {steps}" if steps else origin,
        polar=bool(plane),
        remarks=(*plane, *remarks),
    )


def _polar_planes(quantities: Sequence[Quantity]) -> tuple[str, ...]:
    """Material and plane of those that the offsets of the study are told to be polar."""
    told = (remark for quantity in quantities if quantity.name == VALENCE_OFFSET for remark in quantity.remarks)
    return tuple(dict.fromkeys(remark.removesuffix(POLAR_PLANE) for remark in told if remark.endswith(POLAR_PLANE)))


def _published(quantities: Sequence[Quantity]) -> Iterator[Alignment]:
    """The rows whose origin is a DOI."""
    rows: dict[tuple[str, str], dict[str, Quantity]] = {}
    for quantity in quantities:
        if quantity.name in _OF_AN_OFFSET and any(source.startswith("10.") for source in quantity.origin):
            rows.setdefault((quantity.subject, quantity.method), {})[quantity.name] = quantity
    for (subject, method), row in rows.items():
        first, bar, second = subject.partition(" | ")
        valence, conduction = (row[name].value if name in row else None for name in (VALENCE_OFFSET, CONDUCTION_OFFSET))
        claimed = [known for known in TYPES if ALIGNMENT_TYPE in row and row[ALIGNMENT_TYPE].value == known]
        if bar and isinstance(valence, float):
            yield published_alignment(
                method=method,
                first_name=first,
                second_name=second,
                valence_band_offset_ev=valence,
                conduction_band_offset_ev=conduction if isinstance(conduction, float) else None,
                type=claimed[0] if claimed else "not resolved",
                tolerance_ev=0.0,
                source=row[VALENCE_OFFSET].origin[0],
            )
