"""Weights of states on groups of orbitals, and what they add up to."""

import numpy as np
import pytest

from dftflow.model.projections import ProjectionGroup, Projections

GROUPS = (
    ProjectionGroup(element="Pb", site=0, orbital="s"),
    ProjectionGroup(element="Pb", site=0, orbital="px"),
    ProjectionGroup(element="Br", site=1, orbital="px"),
    ProjectionGroup(element="Br", site=2, orbital="py"),
)


def projections(weights: np.ndarray | None = None) -> Projections:
    numbers = np.array([0.4, 0.1, 0.2, 0.25]).reshape(1, 1, 1, 4) if weights is None else weights
    return Projections(weights=numbers, groups=GROUPS, method="of a test")


def test_by_element() -> None:
    found = projections().by_element()
    assert found.groups == (ProjectionGroup(element="Pb"), ProjectionGroup(element="Br"))
    assert found.weights[0, 0, 0] == pytest.approx([0.5, 0.45])


def test_by_orbital_is_by_shell_of_each_element() -> None:
    found = projections().by_orbital()
    assert [(group.element, group.orbital) for group in found.groups] == [("Pb", "s"), ("Pb", "p"), ("Br", "p")]
    assert found.weights[0, 0, 0] == pytest.approx([0.4, 0.1, 0.45])


def test_sums_capture_as_much_as_their_parts() -> None:
    rows = projections(np.random.default_rng(1).random((2, 3, 5, 4)))
    for summed in (rows.by_element(), rows.by_orbital()):
        assert summed.captured == pytest.approx(rows.captured, rel=1e-6)


def test_weights_are_read_only_and_a_shape_or_group_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="read-only"):
        projections().weights[0, 0, 0, 0] = 1
    with pytest.raises(ValueError, match="shape"):
        projections(np.zeros((1, 1, 1, 3)))
    with pytest.raises(ValueError, match="twice"):
        Projections(weights=np.zeros((1, 1, 1, 2)), groups=(GROUPS[0], GROUPS[0]), method="")
