"""What a mismatch says, in sentences that name what was compared and which crystal is strained."""

from __future__ import annotations

from fractions import Fraction

from dftflow.model.mismatch import LengthPair, MatchedVectors, Mismatch, PlaneMatch

__all__ = ["match_text", "published_text", "strain_text", "vector_text"]


def vector_text(parts: tuple[float, float, float]) -> str:
    """A lattice vector in the axes of a cell: ``[1/2,0,-1/2]``."""
    return f"[{','.join(str(Fraction(part).limit_denominator(24)) for part in parts)}]"


def strain_text(strain_percent: float) -> str:
    """``"compressed by 3.22 %"``, ``"stretched by 2.00 %"``."""
    if abs(strain_percent) < 5e-3:
        return "not strained"
    return f"{'compressed' if strain_percent < 0 else 'stretched'} by {abs(strain_percent):.2f} %"


def match_text(match: PlaneMatch, first: str) -> str:
    """Along which vectors the first crystal is strained by how much."""
    along = " and ".join(_along(vectors) for vectors in match.vectors)
    return f"{first} is {along}"


def _along(vectors: MatchedVectors) -> str:
    return (
        f"{strain_text(vectors.strain_percent)} along {vector_text(vectors.first)} ({vectors.first_ang:.3f} Å) on "
        f"{vector_text(vectors.second)} ({vectors.second_ang:.3f} Å)"
    )


def published_text(found: Mismatch) -> str:
    """The published mismatch beside the nearest of those that were compared; ``""`` where none was published."""
    published, nearest = found.request.published_percent, found.nearest
    if published is None or nearest is None:
        return ""
    ours = f"{abs(nearest.percent):.2f} % of the second, {abs(nearest.of_first_percent):.2f} % of the first"
    sizes = "" if published >= 0 else ", sizes alone are compared"
    return f"published {published:g} %{sizes}; nearest to it is {_compared(nearest)}: {ours}"


def _compared(pair: LengthPair) -> str:
    return f"{pair.first} ({pair.first_ang:.4f} Å) with {pair.second} ({pair.second_ang:.4f} Å)"
