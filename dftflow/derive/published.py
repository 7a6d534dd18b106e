"""Published numbers beside those of the study, and whether they agree."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from dftflow.model.published import PublishedNumber, StandsBeside, Verdict
from dftflow.model.quantity import Quantity
from dftflow.model.reasons import listed

__all__ = ["stand_beside"]

MOST_NAMED = 5
ROUNDING = 1e-9


def stand_beside(published: Iterable[PublishedNumber], quantities: Sequence[Quantity]) -> tuple[StandsBeside, ...]:
    """Each published number with the quantity of the same name, subject and method, as the study is written.

    Which of several ways is meant is not guessed.

    Two numbers agree when some value lies within the reach of both: that of ours is its uncertainty and `good_to`, that
    of the other its `plus_minus`. Where none of these is known nothing is decided.
    """
    own = [quantity for quantity in quantities if not quantity.point]
    return tuple(_beside(one, own) for one in published)


def _beside(one: PublishedNumber, quantities: Sequence[Quantity]) -> StandsBeside:
    alike = [quantity for quantity in quantities if _is_of(one, quantity)]
    if not alike:
        return StandsBeside(published=one, ours=None, verdict="none", why=_nothing_like(one, quantities))
    several = dict.fromkeys(quantity.method for quantity in alike if quantity.value is not None)
    if len(several) > 1:
        why = f"the study has it in several ways: give one as method, {'; '.join(several)}"
        return StandsBeside(published=one, ours=None, verdict="none", why=why)
    ours = next((quantity for quantity in alike if quantity.value is not None), alike[0])
    if ours.missing is not None:
        return StandsBeside(published=one, ours=ours, verdict="none", why=ours.missing.reason)
    if ours.unit != one.unit:
        why = f"it is published in {one.unit or 'no unit'}, and calculated in {ours.unit or 'no unit'}"
        return StandsBeside(published=one, ours=ours, verdict="none", why=why)
    if isinstance(ours.value, str) or isinstance(one.value, str):
        same = ours.value == one.value
        return StandsBeside(published=one, ours=ours, verdict="agree" if same else "differ", why="word for word")
    assert ours.value is not None
    verdict, why = _judged(one, ours, ours.value - one.value)
    return StandsBeside(published=one, ours=ours, verdict=verdict, why=why, difference=ours.value - one.value)


def _is_of(one: PublishedNumber, quantity: Quantity) -> bool:
    same = (quantity.name, quantity.subject) == (one.quantity, one.subject)
    return same and one.method in ("", quantity.method)


def _judged(one: PublishedNumber, ours: Quantity, difference: float) -> tuple[Verdict, str]:
    """Whether some value lies within the reach of both."""
    assert not isinstance(one.value, str)
    reach = [ours.uncertainty or (0.0, 0.0), *_either_way(one.good_to), *_either_way(one.plus_minus)]
    if ours.uncertainty is None and one.good_to is None and one.plus_minus is None:
        return "open", "nothing is known of how far either may be off"
    low, high = (sum(ends) for ends in zip(*reach, strict=True))
    holds = [ours.uncertainty_holds, one.good_to_holds]
    holds += [f"{one.plus_minus:g} {one.unit} of the publication".replace("  ", " ")] if one.plus_minus else []
    why = "; ".join(filter(None, holds))
    agree = difference + low <= ROUNDING and difference + high >= -ROUNDING
    return ("agree" if agree else "differ"), why


def _either_way(reach: float | None) -> list[tuple[float, float]]:
    return [] if reach is None else [(-reach, reach)]


def _nothing_like(one: PublishedNumber, quantities: Sequence[Quantity]) -> str:
    """What the study has instead, nearest first."""
    of_subject = dict.fromkeys(quantity.name for quantity in quantities if quantity.subject == one.subject)
    if not of_subject:
        subjects = dict.fromkeys(quantity.subject for quantity in quantities)
        near = difflib.get_close_matches(one.subject, subjects, n=MOST_NAMED, cutoff=0.3) or [*subjects]
        return f"the study has no quantity of {one.subject}; it has some of {listed(near, MOST_NAMED)}"
    if one.quantity in of_subject:
        ways = dict.fromkeys(q.method for q in quantities if (q.name, q.subject) == (one.quantity, one.subject))
        has = f"it has it by {'; '.join(ways)}" if all(ways) else "it has one way alone: leave method out"
        return f"the study has no {one.quantity} of {one.subject} by {one.method}; {has}"
    near = difflib.get_close_matches(one.quantity, of_subject, n=MOST_NAMED, cutoff=0.3) or [*of_subject]
    return f"the study has no {one.quantity} of {one.subject}; it has its {listed(near, MOST_NAMED)}"
