"""What GPAW's spin-orbit coupling gives in free atoms and in crystals, as it is and scaled to the Dirac atom.

    python benchmarks/spin_orbit.py atoms       splitting of the outermost p shell: Dirac, Pauli, as measured
    python benchmarks/spin_orbit.py crystals    split-off bands at Gamma; the conduction band of cubic CsPbBr3 at R
    python benchmarks/spin_orbit.py box         free lead as a crystal is done: which factor gives the Dirac splitting

In one process, a few minutes; it needs GPAW. docs/corrected-edges.md shows the numbers.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from ase.build import bulk
from gpaw import GPAW, PW, FermiDirac
from scipy.optimize import brentq

from dftflow.codes.gpaw import spin_orbit
from dftflow.codes.gpaw.spin_orbit import operators_ev, spinor_levels_ev
from dftflow.units import HARTREE_EV

PER_CM_EV = 1 / 8065.544
MEASURED_EV = {"Ga": 826.19 * PER_CM_EV, "In": 2212.6 * PER_CM_EV, "Tl": 7792.7 * PER_CM_EV}
"""2P1/2 to 2P3/2, NIST Atomic Spectra Database."""
ATOMS = ("Ga", "As", "Br", "In", "Te", "I", "Cs", "Tl", "Pb")


class States(NamedTuple):
    """At one k-point: levels, overlaps of each atom, operators of each atom as scaled, and the factors."""

    levels_ev: np.ndarray
    overlaps: list[np.ndarray]
    operators: list[np.ndarray]
    factors: dict[str, float]
    filled: int

    def coupled_ev(self, kept: int) -> np.ndarray:
        """Levels of the `kept` lowest bands with spin-orbit coupling."""
        return spinor_levels_ev(self.levels_ev[:kept], [part[:kept] for part in self.overlaps], self.operators)


def main(what: str) -> None:
    """Print one of the tables."""
    {"atoms": atoms, "crystals": crystals, "box": box}[what]()


def atoms() -> None:
    """By the functional PBE, in the spherical, unpolarised atom."""
    print("atom  Pauli eV  Dirac eV  factor  measured eV")
    for symbol in ATOMS:
        scalar, dirac = (spin_orbit._atom(symbol, "PBE", dirac=wanted) for wanted in (False, True))
        (channel,) = [one for one in scalar.channels if one.l == 1]
        pauli_ev = spin_orbit._pauli_splitting(scalar, channel) * HARTREE_EV
        dirac_ev = spin_orbit._dirac_splitting(dirac, 1, len(channel.f_n)) * HARTREE_EV
        measured = f"{MEASURED_EV[symbol]:.3f}" if symbol in MEASURED_EV else ""
        print(f"{symbol:4}  {pauli_ev:8.3f}  {dirac_ev:8.3f}  {dirac_ev / pauli_ev:6.3f}  {measured}", flush=True)


def crystals() -> None:
    """Scaled, and as GPAW has it."""
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    perovskite = Atoms("CsPbBr3", scaled_positions=places, cell=[5.874] * 3, pbc=True)
    for name, crystal in (("GaAs", bulk("GaAs", "zincblende", a=5.653)), ("CdTe", bulk("CdTe", "zincblende", a=6.482))):
        for scaled in (True, False):
            states = _states(crystal, 350.0, 6, (0, 0, 0), 24, scaled=scaled)
            top = states.coupled_ev(states.filled + 8)[2 * states.filled - 6 : 2 * states.filled]
            print(f"{name}: split-off band {top[-1] - top[0]:.3f} eV{'' if scaled else ' as GPAW has it'}", flush=True)
    for scaled in (True, False):
        states = _states(perovskite, 300.0, 2, (0.5, 0.5, 0.5), 116, scaled=scaled)
        filled = states.filled
        for empty in (3, 9, 20, 40, 100):
            edges = states.coupled_ev(filled + empty)
            shifts = edges[2 * filled - 1] - states.levels_ev[filled - 1], edges[2 * filled] - states.levels_ev[filled]
            how = "" if scaled else " as GPAW has it"
            print(f"CsPbBr3, {empty} empty bands: VBM {shifts[0]:+.3f}, CBM {shifts[1]:+.3f} eV{how}", flush=True)


def box(side_ang: float = 8.0) -> None:
    """Free lead in a box, with bands up to an energy above 6p: the factor of its p operator that Dirac asks for."""
    dirac_ev = spin_orbit._dirac_splitting(spin_orbit._atom("Pb", "PBE", dirac=True), 1, 5) * HARTREE_EV
    lead = Atoms("Pb", cell=[side_ang] * 3, pbc=True)
    states = _states(lead, 300.0, 1, (0, 0, 0), 260, scaled=False)
    print(f"Dirac: {dirac_ev:.4f} eV")
    for reach_ev in (3, 6, 10, 20, 30, 40):
        kept = int(np.searchsorted(states.levels_ev, states.levels_ev[6] + reach_ev))

        def splitting_ev(factor: float, kept: int = kept) -> float:
            scaled = states._replace(operators=[factor * one for one in states.operators])
            pair, four = scaled.coupled_ev(kept)[12:14], scaled.coupled_ev(kept)[14:18]
            return float(four.mean() - pair.mean())

        factor = brentq(lambda value: splitting_ev(value) - dirac_ev, 0.4, 1.2)
        print(f"bands up to {reach_ev} eV above 6p: {splitting_ev(1.0):.3f} eV, factor {factor:.3f}", flush=True)


def _states(
    crystal: Atoms, cutoff_ev: float, grid: int, kpoint: tuple[float, float, float], empty: int, *, scaled: bool
) -> States:
    engine = GPAW(
        mode=PW(cutoff_ev),
        xc="PBE",
        kpts={"size": (grid,) * 3, "gamma": True},
        occupations=FermiDirac(0.05),
        convergence={"energy": 1e-5},
        txt=None,
    )
    crystal.calc = engine
    crystal.get_potential_energy()
    filled = int(np.ceil(engine.get_number_of_electrons() / 2))
    fixed: Any = engine.fixed_density(
        kpts=[kpoint],
        nbands=filled + empty + 16,
        symmetry="off",
        convergence={"bands": filled + empty, "eigenstates": 1e-5},
        eigensolver={"name": "davidson", "niter": 3},
        txt=None,
    )
    operators, factors = operators_ev(fixed)
    if not scaled:
        operators = [_unscaled(one, setup, factors) for one, setup in zip(operators, fixed.dft.setups, strict=True)]
    (waves,) = fixed.dft.ibzwfs
    overlaps = [np.array(waves.P_ani[site]) for site in range(len(operators))]
    return States(fixed.get_eigenvalues(kpt=0), overlaps, operators, factors, filled)


def _unscaled(operator: np.ndarray, setup: Any, factors: dict[str, float]) -> np.ndarray:
    each = np.concatenate([[factors.get(name, 1.0)] * size for name, size in spin_orbit._shells(setup)])
    return operator / each[None, :, None]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "atoms")
