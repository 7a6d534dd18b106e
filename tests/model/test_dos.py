"""A density of states and its sums."""

from typing import Any

import numpy as np
import pytest

from dftflow.model.dos import DensityOfStates
from dftflow.model.energy import EnergyZero
from dftflow.model.projections import ProjectionGroup

ZERO = EnergyZero(run="a", reference="cell_average")


def dos(**changed: Any) -> DensityOfStates:
    told: dict[str, Any] = {
        "energies_ev": [0.0, 1.0, 2.0],
        "total": [[1.0, 2.0, 3.0]],
        "projected": [[[0.5, 1.0, 1.0], [0.25, 0.5, 1.0], [0.0, 0.25, 0.5]]],
        "groups": (
            ProjectionGroup(element="Si", site=0, orbital="s"),
            ProjectionGroup(element="Si", site=1, orbital="s"),
            ProjectionGroup(element="Si", site=1, orbital="py"),
        ),
        "fermi_ev": None,
        "zero": ZERO,
        "source": "a test",
    }
    return DensityOfStates(**(told | changed))


def test_sums_of_the_groups() -> None:
    by_element, by_orbital = dos().by_element(), dos().by_orbital()
    assert by_element.projected is not None
    assert by_orbital.projected is not None
    assert by_element.projected[0] == pytest.approx(np.array([[0.75, 1.75, 2.5]]))
    assert by_orbital.projected[0] == pytest.approx(np.array([[0.75, 1.5, 2.0], [0.0, 0.25, 0.5]]))
    assert [group.orbital for group in by_orbital.groups] == ["s", "p"]
    alone = dos(projected=None, groups=())
    assert alone.by_element() is alone


def test_what_does_not_fit_is_refused() -> None:
    for changed in (
        {"energies_ev": [0.0, 2.0, 1.0]},
        {"total": [[1.0, 2.0]]},
        {"groups": ()},
        {"projected": None},
        {"integrated": [[0.0, 1.0]]},
    ):
        with pytest.raises(ValueError, match=r"shape|ascend|groups"):
            dos(**changed)
