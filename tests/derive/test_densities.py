"""States at the Fermi level: of a metal alone, and of no crystal of which it is not known whether it is one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.derive.densities import dos_quantities
from dftflow.derive.findings import Findings
from dftflow.model.asked import Asked
from dftflow.model.dos import DensityOfStates
from dftflow.model.dos_request import DosRequest
from dftflow.model.energy import EnergyZero
from dftflow.model.found_dos import FoundDos
from dftflow.model.outcome import BulkOutcome
from dftflow.model.quantity import Missing, MissingKind, Quantity


def at_fermi(kind: MissingKind) -> Quantity:
    """0.5 and 0.25 states per eV of two spins, whatever the energy; no edges, for this reason."""
    energies = np.linspace(-1, 1, 21)
    dos = DensityOfStates(
        energies_ev=energies,
        total=np.stack([np.full(21, 0.5), np.full(21, 0.25)]),
        projected=None,
        groups=(),
        fermi_ev=0.3,
        zero=EnergyZero("run", "cell_average"),
        broadening_ev=0.1,
        source="made up",
    )
    bulk = BulkOutcome(
        structure=Structure(Lattice.cubic(3), ["Li"], [[0, 0, 0]]),
        source="it",
        space_group="Pm-3m",
        edges=None,
        no_edges=Missing(kind=kind, reason="no edges"),
        bands=None,
        relaxed=False,
        dos=FoundDos(dos=dos, fermi_ev=0.2),
        dos_step="A/bulk-dos",
    )
    asked = Asked(states=DosRequest(materials=("A",), kpoint_spacing_per_ang=0.2))
    (one,) = dos_quantities(Findings(admissions={}, materials=(SimpleNamespace(name="A", bulk=bulk),), asked=asked))
    return one


def test_of_a_metal_both_spins_count() -> None:
    assert at_fermi("metallic").value == pytest.approx(0.75)


def test_where_the_bands_failed_nothing_is_told() -> None:
    one = at_fermi("failed")
    assert one.value is None and one.missing is not None and one.missing.reason == "no edges"
