"""Levels of surfaces and rows of offsets between them, put where a drawing wants them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from dftflow.analysis.alignment import align, published_alignment
from dftflow.model.alignment import AbsoluteEdges, Alignment, Range

PAPER_DOI = "10.1021/acsami.1c18025"
PAIR = ("CsPbBr3", "FAPbBr3")
MANY = (
    "CsPbBr3", "(FA0.83Cs0.17)Pb(I0.6Br0.4)3", "FAPbBr3", "HC(NH2)2PbBr3", "TiO2", "Cs2AgBiBr6", "spiro-OMeTAD",
    "CsSnI3",
)  # fmt: skip
FACES = (
    "(010) Pnma, CsBr", "(001) cubic, (FA0.83Cs0.17)I", "(011) Pnma, CsBr3/2 (half Cs2Br6), not relaxed",
    "(010) cubic, FABr", "(101) anatase, O", "(001) Fm-3m, CsBr", "(100) P1, C", "(010) Pnma, CsI",
)  # fmt: skip


def surface_levels(
    vbms: Sequence[float], gaps: Sequence[float], ranges: Sequence[Range] | None = None
) -> list[AbsoluteEdges]:
    """One surface of each of the first materials of `MANY`."""
    ranges = ranges or [(-0.09, 0.09)] * len(vbms)
    return [
        AbsoluteEdges(material=name, surface=face, vbm_ev=vbm, cbm_ev=vbm + gap, range_ev=reach)
        for name, face, vbm, gap, reach in zip(MANY, FACES, vbms, gaps, ranges, strict=False)
    ]


def all_pairs(levels: Sequence[AbsoluteEdges], *, way: str = "bulk line-up") -> tuple[Alignment, ...]:
    """A row for every two of the levels."""
    return tuple(
        align(first, second, method=f"{way} of {first.surface} and {second.surface}", way=way, range_holds="spread")
        for first, second in combinations(levels, 2)
    )


def pair(
    *,
    vbo: float = 0.021,
    ranges: tuple[Range, Range] = ((-0.06, 0.06), (-0.063, 0.063)),
    relaxed: bool | None = True,
    tolerance_ev: float = 0.1,
) -> Alignment:
    """CsPbBr3, and FAPbBr3 `vbo` below it."""
    faces = ("(011) Pnma, CsBr3/2 (half Cs2Br6)", "(010) cubic, FABr")
    vbms, gaps = (-5.812, -5.812 - vbo), (1.909, 1.641)
    first, second = (
        AbsoluteEdges(material=name, surface=face, vbm_ev=vbm, cbm_ev=vbm + gap, range_ev=reach)
        for name, face, vbm, gap, reach in zip(PAIR, faces, vbms, gaps, ranges, strict=True)
    )
    return align(
        first, second, method="bulk line-up", range_holds="line-up spread", relaxed=relaxed, tolerance_ev=tolerance_ev
    )


def published(*, method: str = "published") -> Alignment:
    """What a publication says, without a conduction band offset."""
    return published_alignment(
        method=method,
        first_name=PAIR[0],
        second_name=PAIR[1],
        valence_band_offset_ev=0.021,
        conduction_band_offset_ev=None,
        type="quasi-type II",
        tolerance_ev=0.1,
        source=PAPER_DOI,
    )
