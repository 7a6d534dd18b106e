"""Moments as files tell them against those asked for; of a calculation as a whole in ``test_step.py``."""

from __future__ import annotations

import pytest

from dftflow.gate.moments import other_moments
from dftflow.model.results import FoundMoments

MIXED = "its moments are not parallel, as those asked for are: they sum to 4.10, their sizes to 11.60 Bohr magnetons"
CANCEL = "its moments sum to 3.40 Bohr magnetons, those asked for cancel: another magnetic order"


@pytest.mark.parametrize(
    ("asked_mub", "total_mub", "absolute_mub", "said"),
    [
        ((2.0, 2.0), 0.0, 3.4, "its moments cancel; those asked for sum to 4.00 Bohr magnetons"),
        ((2.0, 2.0), 0.02, None, "its moments are gone, or cancel; those asked for sum to 4.00 Bohr magnetons"),
        ((2.0, 2.0), 0.02, 0.05, "its moments are gone: their sizes sum to 0.05 Bohr magnetons"),
        ((2.0, 2.0), 3.4, None, ""),
        ((2.0, 2.0), -3.4, 3.9, ""),  # the other way round is the same state
        (
            (2.0, -2.0),
            3.4,
            None,
            CANCEL,
        ),
        ((2.0, -2.0), 0.0, None, ""),
        ((4.0, 4.0, -4.0), 4.1, 11.6, ""),  # magnetite: Fe3+ and Fe2+ against Fe3+
        ((4.0, 4.0, -4.0), -4.1, None, ""),
        ((4.0, 4.0, -4.0), 11.3, 11.6, "its moments are parallel, 11.30 Bohr magnetons; those asked for are not"),
        ((4.0, 4.0, -4.0), 11.3, None, "its moments are parallel, 11.30 Bohr magnetons; those asked for are not"),
        ((4.0, 4.0, 4.0), 11.3, 11.6, ""),
        ((4.0, 4.0, 4.0), 4.1, None, ""),  # smaller ones that are parallel look the same
        ((2.0, 2.0), 1.2, 1.3, ""),  # nickel, which starts with too much
        (
            (4.0, 4.0, 4.0),
            4.1,
            11.6,
            MIXED,
        ),
        ((), 3.4, 3.4, ""),
    ],
)
def test_another_order_is_said(
    asked_mub: tuple[float, ...], total_mub: float, absolute_mub: float | None, said: str
) -> None:
    found = FoundMoments(total_mub=total_mub, absolute_mub=absolute_mub)
    assert other_moments(found, asked_mub) == ([said] if said else [])


def test_nothing_is_said_of_what_no_file_tells() -> None:
    assert other_moments(None, (2.0, 2.0)) == []
