"""Gap and lattice of a mixture over its composition: Vegard's line, and the bowing of the gap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, prod

from dftflow.analysis.bowing import fit_bowing
from dftflow.analysis.footing import Footed, unlike
from dftflow.derive.findings import Findings
from dftflow.model.alloy import Alloy, AlloyAt, Bowing
from dftflow.model.mixture import Mixture
from dftflow.model.phase import PhaseEnergy
from dftflow.model.point import Point, value_text
from dftflow.model.quantity import Missing, Quantity

__all__ = ["AlloyMember", "alloy_quantities", "alloys"]

SAME_FRACTION = 1e-6
BOWING = "bowing parameter of the band gap"
RESIDUAL = "residual of the bowing fit"
OFF_VEGARD = "deviation from Vegard's line"
BY_PARABOLA = "E(x) = (1 - x) E(0) + x E(1) - b x (1 - x)"
THROUGH_ALL = Missing(
    kind="not derived", reason="with one fraction between the ends the parabola goes through every point"
)
NO_ERROR = "one fraction between the ends, in one ordering: nothing tells how far it may be off"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class AlloyMember:
    """A mixture at one point of a sweep, or as the study has it.

    Attributes
    ----------
    no_gap
        Why it has no gap; None where it has one.
    """

    fraction: float
    point: Point
    phase: PhaseEnergy
    mixture: Mixture
    no_gap: Missing | None = None

    @property
    def weight(self) -> int:
        """For how many crystals it stands."""
        return prod(self.mixture.weight(key) for key, _ in self.point.settings)

    @property
    def length_ang(self) -> float:
        """Edge of a cube of the volume of a formula unit."""
        return float((self.phase.volume_per_atom_ang3 * self.phase.unit.atoms) ** (1 / 3))


def alloys(series: Mapping[str, Sequence[AlloyMember]]) -> tuple[Alloy, ...]:
    """Each mixture whose fraction is swept: name of the material -> it at every point, the study's own among them.

    Where the study's own fraction is swept too, the points count alone.
    """
    return tuple(_alloy(name, members) for name, members in series.items())


def _alloy(name: str, members: Sequence[AlloyMember]) -> Alloy:
    swept = [member.fraction for member in members if member.point]
    kept = [m for m in members if m.point or all(abs(m.fraction - x) > SAME_FRACTION for x in swept)]
    kept.sort(key=lambda member: member.fraction)
    origin = tuple(dict.fromkeys(member.phase.step for member in kept))
    remarks = tuple(dict.fromkeys(remark for member in kept for remark in member.phase.remarks))
    why = _missing(kept)
    points = _points([member for member in kept if member.no_gap is None])
    if why is not None:
        return Alloy(name=name, points=points, missing=why, origin=origin, remarks=remarks)
    fractions = [at.fraction for at in points]
    return Alloy(
        name=name,
        points=points,
        gap=fit_bowing(fractions, [at.gap_ev for at in points], [at.gap_spread_ev for at in points]),
        length=fit_bowing(fractions, [at.length_ang for at in points], [at.length_spread_ang for at in points]),
        origin=origin,
        remarks=remarks,
    )


def _missing(members: Sequence[AlloyMember]) -> Missing | None:
    """Why nothing is fitted."""
    lacking = next(((m, m.no_gap) for m in members if m.no_gap is not None), None)
    if lacking is not None:
        member, why = lacking
        return Missing(kind=why.kind, reason=f"no gap at fraction {value_text(member.fraction)}: {why.reason}")
    fractions = {round(member.fraction / SAME_FRACTION) * SAME_FRACTION for member in members}
    ends = [end for end in (0.0, 1.0) if all(abs(x - end) > SAME_FRACTION for x in fractions)]
    if ends or len(fractions) < 3:
        lacks = f"fraction {' and '.join(f'{end:g}' for end in ends)} is not" if ends else "no fraction between is"
        return Missing(
            kind="not derived", reason=f"a bowing takes both ends and a fraction between: {lacks} calculated"
        )
    footed = [
        Footed(name=f"fraction {value_text(m.fraction)}", results=m.phase.results, gap_ev=m.phase.gap_ev)
        for m in members
        if m.phase.results is not None
    ]
    reason = unlike(footed)
    return Missing(kind="refused", reason=reason) if reason else None


def _points(members: Sequence[AlloyMember]) -> tuple[AlloyAt, ...]:
    groups: list[list[AlloyMember]] = []
    for member in members:
        if groups and abs(groups[-1][0].fraction - member.fraction) <= SAME_FRACTION:
            groups[-1].append(member)
        else:
            groups.append([member])
    return tuple(
        AlloyAt(
            fraction=group[0].fraction,
            gaps_ev=tuple(member.phase.gap_ev or 0.0 for member in group),
            lengths_ang=tuple(member.length_ang for member in group),
            weights=tuple(member.weight for member in group),
        )
        for group in groups
    )


def alloy_quantities(findings: Findings) -> Iterator[Quantity]:
    """Bowing of the gap with its error, how well the parabola fits, and how far the lattice is off Vegard's line."""
    for alloy in findings.alloys:
        told = {"origin": alloy.origin, "remarks": alloy.remarks}
        gap, length = alloy.gap, alloy.length
        if gap is None or length is None:
            for name, unit in ((BOWING, "eV"), (RESIDUAL, "eV"), (OFF_VEGARD, "Å")):
                yield Quantity.of(name, alloy.name, unit, None, alloy.missing, **told)
            continue
        several = f"{BY_PARABOLA}, {len(alloy.points)} fractions"
        reach = _reach(gap)
        own = told | ({} if reach else {"remarks": (NO_ERROR, *alloy.remarks)})
        yield Quantity.of(BOWING, alloy.name, "eV", gap.bowing, None, method=several, **own, **reach)
        between = len(alloy.points) - 2
        yield Quantity.of(
            RESIDUAL, alloy.name, "eV", gap.residual if between > 1 else None, None if between > 1 else THROUGH_ALL,
            method=f"root mean square at the {between} between the ends", **told,
        )  # fmt: skip
        off = {at.fraction: at.length_ang - length.line(at.fraction) for at in alloy.points}
        at = max(off, key=lambda fraction: abs(off[fraction]))
        yield Quantity.of(
            OFF_VEGARD, alloy.name, "Å", off[at], None,
            method=f"edge of a cube of a formula unit, the largest, at fraction {value_text(at)}", **told,
        )  # fmt: skip


def _reach(gap: Bowing) -> dict[str, object]:
    if gap.from_spread is None and gap.from_scatter is None:
        return {}
    spread = None if gap.from_spread is None else f"spread over orderings {gap.from_spread:.2g} eV"
    scatter = None if gap.from_scatter is None else f"scatter about the parabola {gap.from_scatter:.2g} eV"
    total = hypot(gap.from_spread or 0.0, gap.from_scatter or 0.0)
    holds = f"{' and '.join(filter(None, (spread, scatter)))}, one standard deviation"
    return {"uncertainty": (-total, total), "uncertainty_holds": f"{holds}; nothing of the functional"}
