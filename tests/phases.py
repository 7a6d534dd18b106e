"""Phases with energies that a test gives them, all calculated in one way unless it says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pymatgen.core import Composition, Lattice, Structure

from dftflow.model.method import Method
from dftflow.model.phase import FormulaUnit, PhaseEnergy
from dftflow.model.quantity import Missing
from dftflow.model.results import Results

CUBE_ANG = 5.0


def results(formula: str, **changes: Any) -> Results:
    """Of a crystal of one formula unit in a cube; the k-points are 0.314 1/Å apart."""
    elements = [element.symbol for element, n in Composition(formula).items() for _ in range(round(n))]
    places = [[k / len(elements), 0, 0] for k in range(len(elements))]
    method = Method(
        code="gpaw",
        code_version="26.7.0",
        functional="PBE",
        dispersion="none",
        cutoff_ev=400.0,
        potentials=dict.fromkeys(elements, "PAW 1"),
        kpoints_grid=(4, 4, 4),
        kpoints_shift=(0.5, 0.5, 0.5),
        smearing="fermi-dirac",
        smearing_ev=0.1,
        spin_polarised=False,
        spin_orbit=False,
        dipole_correction="none",
        constants="CODATA 2014",
    )
    return Results(
        code="gpaw",
        code_version="26.7.0",
        status="finished",
        structure=Structure(Lattice.cubic(CUBE_ANG), elements, places),
        method=replace(method, **changes),
    )


def phase(
    name: str,
    per_unit_ev: float | None,
    *,
    formula: str = "",
    gap_ev: float | None = 2.0,
    at: str = "",
    why: Missing | None = None,
    **changes: Any,
) -> PhaseEnergy:
    """A phase called by its formula unless that is given; `at` ends the name of its step."""
    counts = {element.symbol: float(n) for element, n in Composition(formula or name).items()}
    unit = FormulaUnit(formula=formula or name, counts=counts)
    return PhaseEnergy(
        name=name,
        unit=unit,
        step=f"{name}/bulk-bands{at}",
        results=None if per_unit_ev is None else results(formula or name, **changes),
        energy_per_atom_ev=None if per_unit_ev is None else per_unit_ev / unit.atoms,
        missing=why or Missing(kind="failed", reason="the engine died") if per_unit_ev is None else None,
        gap_ev=gap_ev,
        volume_per_atom_ang3=20.0,
    )


def phases(energies: Mapping[str, float | None], **more: Any) -> dict[str, PhaseEnergy]:
    """Several, by name."""
    return {name: phase(name, energy, **more) for name, energy in energies.items()}
