"""Spin, U and dispersion in GPAW's decks, and on the engine."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from nickel_oxide import MAGNETIC, NIO, RELAXED
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from strict_reading import read_results

from dftflow.codes.gpaw import GPAW
from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec

RunDeck = Callable[[str, Structure, CalcSpec], Path]
LONE = Structure(Lattice.cubic(5.0), ["H"], [[0.5, 0.5, 0.5]])
SMALL = replace(MAGNETIC, cutoff_ev=300.0, grid=(1, 1, 1), hubbard_u_ev={}, dispersion="none", moments_mub=())


def call(spec: CalcSpec, name: str) -> dict[str, object]:
    """Keyword arguments of the call of `name` in the deck."""
    tree = ast.parse(GPAW().render(NIO, spec, "nio").files["nio.py"])
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == name]
    (found,) = calls
    values = (
        (one.arg, one.value) for one in found.keywords if isinstance(one.value, ast.Constant | ast.List | ast.Dict)
    )
    return {str(key): ast.literal_eval(value) for key, value in values}


def test_the_deck_says_what_is_asked() -> None:
    text = GPAW().render(NIO, MAGNETIC, "nio").files["nio.py"]
    assert "atoms.set_initial_magnetic_moments([2, 0, -2, 0])" in text
    assert call(MAGNETIC, "GPAW")["setups"] == {"Ni": ":d,6"}
    assert call(MAGNETIC, "engine.potential")["dispersion"] == "D3(BJ)"
    assert call(RELAXED, "engine.relax")["dispersion"] == "D3(BJ)"
    plain = GPAW().render(NIO, SMALL, "nio").files["nio.py"]
    assert not any(word in plain for word in ("magnetic", "setups", "dispersion"))


@pytest.mark.parametrize(("changes", "says"), [
    ({"spin_orbit": True}, "no self-consistent spin-orbit coupling"),
    ({"dispersion": "TS"}, "no dispersion correction TS"),
    ({"hubbard_u_ev": {"Ni:d": 6.0, "Ni:p": 1.0}}, "two shells of an element"),
    ({"moments_mub": (1.0,)}, "1 moments are given for 4 atoms"),
])  # fmt: skip
def test_what_the_engine_cannot_do_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        GPAW().render(NIO, replace(MAGNETIC, **changes), "nio")  # type: ignore[arg-type]


@pytest.mark.engine
def test_a_lone_hydrogen_atom_gains_its_spin_energy(run_deck: RunDeck) -> None:
    """PBE: -12.49 eV without spin, -13.60 eV with it (10.1103/PhysRevLett.77.3865 counts 13.605): 1.1 eV between."""
    without = read_results(GPAW(), run_deck("without", LONE, SMALL))
    magnetic = read_results(GPAW(), run_deck("with", LONE, replace(SMALL, moments_mub=(1.0,))))
    assert without.energy_ev is not None and magnetic.energy_ev is not None
    assert without.energy_ev - magnetic.energy_ev == pytest.approx(1.1, abs=0.15)
    assert magnetic.bands is not None and magnetic.bands.eigenvalues_ev.shape[0] == 2
    assert magnetic.bands.n_electrons == pytest.approx((1.0, 0.0), abs=1e-3)
    assert magnetic.method is not None and magnetic.method.spin_polarised is True
    assert magnetic.moments is not None and magnetic.moments.total_mub == pytest.approx(1.0, abs=1e-3)
    assert 0.1 < magnetic.moments.absolute_mub <= 1.0  # within its sphere


@pytest.mark.engine
def test_dispersion_adds_what_its_own_program_gives(run_deck: RunDeck) -> None:
    """Solid neon at its lattice constant; forces vanish by symmetry, the energy is additive."""
    from dftd3.ase import DFTD3

    neon = Structure(Lattice.from_parameters(3.16, 3.16, 3.16, 60, 60, 60), ["Ne"], [[0, 0, 0]])
    plain = read_results(GPAW(), run_deck("plain", neon, SMALL))
    bound = read_results(GPAW(), run_deck("bound", neon, replace(SMALL, dispersion="D3(BJ)")))
    atoms = AseAtomsAdaptor.get_atoms(neon)
    atoms.calc = DFTD3(method="PBE", damping="d3bj")
    assert plain.energy_ev is not None and bound.energy_ev is not None
    assert bound.energy_ev - plain.energy_ev == pytest.approx(atoms.get_potential_energy(), abs=1e-6)
    assert atoms.get_potential_energy() < -0.01
    assert bound.method is not None and bound.method.dispersion == "D3(BJ)"
