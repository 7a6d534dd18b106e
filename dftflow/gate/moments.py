"""What became of the magnetic moments that a calculation started with."""

from __future__ import annotations

from collections.abc import Sequence

from dftflow.model.results import FoundMoments

__all__ = ["other_moments"]

NO_MOMENT_MUB = 0.1
HALF_A_SPIN_MUB = 0.5
PARALLEL, MIXED = 0.9, 0.5
"""Of the sum of the sizes: the least that parallel moments sum to, and the most that others do; a ferromagnet has a few
hundredths of its moment turned round between its atoms."""


def other_moments(found: FoundMoments | None, asked_mub: Sequence[float]) -> list[str]:
    """That the moments are gone, or have another order than those asked for; nothing where the files do not tell.

    Parameters
    ----------
    found
        As the SCF ended with them.
    asked_mub
        Of each atom at the start, in Bohr magnetons; empty without spin polarisation.
    """
    if found is None or not asked_mub:
        return []
    if found.absolute_mub is not None and found.absolute_mub < NO_MOMENT_MUB:
        return [f"its moments are gone: their sizes sum to {found.absolute_mub:.2f} Bohr magnetons"]
    total_asked_mub, total_mub = sum(asked_mub), found.total_mub
    if abs(total_asked_mub) < NO_MOMENT_MUB < HALF_A_SPIN_MUB < abs(total_mub):
        return [f"its moments sum to {total_mub:.2f} Bohr magnetons, those asked for cancel: another magnetic order"]
    if abs(total_mub) < NO_MOMENT_MUB < HALF_A_SPIN_MUB < abs(total_asked_mub):
        became = "are gone, or cancel" if found.absolute_mub is None else "cancel"
        return [f"its moments {became}; those asked for sum to {total_asked_mub:.2f} Bohr magnetons"]
    return _other_directions(found, asked_mub)


def _other_directions(found: FoundMoments, asked_mub: Sequence[float]) -> list[str]:
    """Of moments whose sum is not zero: a ferrimagnet that became a ferromagnet, or the other way round."""
    asked_parallel = not min(asked_mub) < 0 < max(asked_mub)
    sizes_mub = sum(map(abs, asked_mub)) if found.absolute_mub is None else found.absolute_mub
    if not asked_parallel and abs(found.total_mub) > PARALLEL * sizes_mub:
        return [f"its moments are parallel, {found.total_mub:.2f} Bohr magnetons; those asked for are not"]
    known = found.absolute_mub is not None and found.absolute_mub > HALF_A_SPIN_MUB
    if asked_parallel and known and abs(found.total_mub) < MIXED * sizes_mub:
        sums = f"they sum to {found.total_mub:.2f}, their sizes to {sizes_mub:.2f} Bohr magnetons"
        return [f"its moments are not parallel, as those asked for are: {sums}"]
    return []
