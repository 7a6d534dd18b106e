"""Whether the offsets between three materials add up: A minus B, plus B minus C, is A minus C.

Offsets that stand on the same levels of all three materials add up whatever the levels are: that they do says that
dftflow has combined them rightly, and nothing about the levels. Where a material stands with one surface beside the
second and with another beside the third, the sum misses by the difference between its two surfaces; and quoted numbers
miss by whatever their sources disagree about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from dftflow.analysis.alignment import in_order
from dftflow.model.alignment import AbsoluteEdges, Alignment, Range

__all__ = ["Closure", "closures"]

MANY_PAIRS = 435
"""All pairs of 30 materials. 200 materials have 19,900 pairs, and 1.3 million triples."""

_ROUNDING_EV = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """How far three offsets by one method are from adding up.

    Attributes
    ----------
    materials
        A, B and C.
    way
        The method that the three rows share.
    rows
        Numbers, counted from 1, of the rows between A and B, B and C, A and C.
    valence_ev, conduction_ev
        (A minus B) + (B minus C) - (A minus C); None where one of the rows gives no conduction-band offset.
    range_ev
        How far both may lie from there when each row goes through its own range; None where one has none.
    reasons
        Why they need not add up: which material stands with two surfaces, or that numbers are quoted. Empty when
        all three rows stand on the same levels.
    """

    materials: tuple[str, str, str]
    way: str
    rows: tuple[int, int, int]
    valence_ev: float
    conduction_ev: float | None
    range_ev: Range | None
    reasons: tuple[str, ...]


def closures(rows: Sequence[Alignment]) -> tuple[Closure, ...]:
    """One closure for every method and every three materials between which it gives all three offsets.

    Of several rows between two materials the first counts whose planes are not polar, else the first; every other
    choice of rows is checked too. Of more than `MANY_PAIRS` pairs those triples alone are looked at that hold the first
    material, and of their rows those that count: where all pairs have rows, every other sum is one of theirs.

    Raises
    ------
    RuntimeError
        When offsets that stand on the same levels do not add up: a bug in dftflow.
    """
    found = []
    ways: dict[tuple[str, bool], list[tuple[int, Alignment]]] = {}
    for numbered in enumerate(rows, 1):
        ways.setdefault((numbered[1].same_way, bool(numbered[1].source)), []).append(numbered)
    for of_way in ways.values():
        between: dict[frozenset[str], list[tuple[int, Alignment]]] = {}
        for numbered in of_way:
            between.setdefault(numbered[1].pair, []).append(numbered)
        names = list(dict.fromkeys(name for _, row in of_way for name in (row.first_name, row.second_name)))
        few = len(between) <= MANY_PAIRS
        for triple in _triples(names, between.keys(), few=few):
            choices = [
                sorted(_between(between.get(frozenset(pair), ()), *pair), key=lambda item: item[1].polar)
                for pair in _pairs(triple)
            ]
            if all(choices):
                counted = _closure(triple, tuple(rows_of_pair[0] for rows_of_pair in choices))
                _check(counted)
                for choice in product(*choices) if few else ():
                    _check(_closure(triple, choice))
                found.append(counted)
    return tuple(found)


def _triples(names: Sequence[str], pairs: Iterable[frozenset[str]], *, few: bool) -> Iterator[tuple[str, str, str]]:
    """Three materials, in their order, of which each two are a pair."""
    place = {name: number for number, name in enumerate(names)}
    later: dict[str, set[str]] = {name: set() for name in names}
    for pair in pairs:
        first, second = sorted(pair, key=place.__getitem__)
        later[first].add(second)
    for first in names if few else names[:1]:
        for second, third in combinations(sorted(later[first], key=place.__getitem__), 2):
            if third in later[second]:
                yield first, second, third


def _pairs(triple: tuple[str, str, str]) -> tuple[tuple[str, str], ...]:
    a, b, c = triple
    return (a, b), (b, c), (a, c)


def _between(numbered: Sequence[tuple[int, Alignment]], first: str, second: str) -> Iterator[tuple[int, Alignment]]:
    return ((n, in_order(row, first, second)) for n, row in numbered)


def _closure(triple: tuple[str, str, str], choice: Sequence[tuple[int, Alignment]]) -> Closure:
    (ab_number, ab), (bc_number, bc), (ac_number, ac) = choice
    valence = ab.valence_band_offset_ev + bc.valence_band_offset_ev - ac.valence_band_offset_ev
    conduction = [row.conduction_band_offset_ev for row in (ab, bc, ac)]
    known = [value for value in conduction if value is not None]
    return Closure(
        materials=triple,
        way=ab.same_way,
        rows=(ab_number, bc_number, ac_number),
        valence_ev=valence,
        conduction_ev=known[0] + known[1] - known[2] if len(known) == 3 else None,
        range_ev=_range(ab, bc, ac),
        reasons=_reasons(ab, bc, ac),
    )


def _range(ab: Alignment, bc: Alignment, ac: Alignment) -> Range | None:
    if ab.range_ev is None or bc.range_ev is None or ac.range_ev is None:
        return None
    return (
        ab.range_ev[0] + bc.range_ev[0] - ac.range_ev[1],
        ab.range_ev[1] + bc.range_ev[1] - ac.range_ev[0],
    )


def _reasons(ab: Alignment, bc: Alignment, ac: Alignment) -> tuple[str, ...]:
    if any(row.source or row.first is None or row.second is None for row in (ab, bc, ac)):
        return (f"quoted: {', '.join(dict.fromkeys(row.source for row in (ab, bc, ac) if row.source))}",)
    stands = ((ab.first, ac.first), (ab.second, bc.first), (bc.second, ac.second))
    return tuple(_two_surfaces(one, other) for one, other in stands if one and other and one != other)


def _two_surfaces(one: AbsoluteEdges, other: AbsoluteEdges) -> str:
    if one.surface != other.surface:
        return f"{one.material} stands with {one.surface} and with {other.surface}"
    return f"{one.material} stands with two slabs of {one.surface}"


def _check(closure: Closure) -> None:
    if not closure.reasons and max(abs(closure.valence_ev), abs(closure.conduction_ev or 0.0)) > _ROUNDING_EV:
        raise RuntimeError(
            f"offsets between {', '.join(closure.materials)} by {closure.way} stand on the same levels and do not add "
            f"up: rows {closure.rows}, valence {closure.valence_ev} eV, conduction {closure.conduction_ev} eV"
        )
