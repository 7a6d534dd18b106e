"""How far a relaxation leaves the lengths of a cell open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.derive.cell_spread import open_lengths_ang
from dftflow.model.results import Results

CELL_ANG = (8.0, 12.0, 8.5)


def relaxed(compliance_per_gpa: np.ndarray | None) -> Results:
    structure = Structure(Lattice.orthorhombic(*CELL_ANG), ["Si"], [[0, 0, 0]])
    found = Results(code="gpaw", code_version="26.7", status="finished", structure=structure)
    return replace(found, length_compliance_per_gpa=compliance_per_gpa)


def test_hookes_law() -> None:
    """An isotropic body of Young's modulus 20 GPa: 0.1 GPa along an axis alone changes its length by 0.5 %."""
    found = open_lengths_ang(relaxed(np.full(3, 1 / 20)), 0.1)
    assert found == pytest.approx([0.005 * length for length in CELL_ANG])


def test_a_looser_criterion_leaves_more_open() -> None:
    compliance = np.array([0.05, 0.02, 0.1])
    strict, loose = (open_lengths_ang(relaxed(compliance), tol) for tol in (0.05, 0.2))
    assert strict is not None and loose is not None
    np.testing.assert_allclose(np.array(loose) / strict, 4.0)


def test_nothing_is_told_where_nothing_is_known() -> None:
    assert open_lengths_ang(relaxed(None), 0.1) is None
    assert open_lengths_ang(replace(relaxed(np.ones(3)), structure=None), 0.1) is None
