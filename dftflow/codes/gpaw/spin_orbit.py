"""Spin-orbit coupling of finished states, with the size that the Dirac equation gives it in the free atom.

GPAW's operator is that of Pauli, alpha^2/4 (1/r) dV/dr L.sigma, on the scalar-relativistic partial waves of its data
sets. It lacks the relativistic increase of the electron's mass near the nucleus: of free lead it splits 6p by 1.71 eV,
where the Dirac equation in the same functional splits it by 1.46 eV (of bromine's 4p 0.513 and 0.496 eV). Each shell's
operator is multiplied by that ratio, of the outermost occupied shell of this angular momentum.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from dftflow.units import HARTREE_EV, LIGHT_SPEED_AU

__all__ = ["dirac_factors", "operators_ev", "spinor_levels_ev"]

LETTERS = "spdf"
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
"""shape (3, 2, 2): sigma along x, y and z."""


class _Atom(Protocol):
    """What is used of ``gpaw.atom.aeatom.AllElectronAtom``."""

    channels: Sequence[Any]
    rgd: Any
    vr_sg: np.ndarray

    def initialize(self) -> None: ...

    def run(self) -> None: ...

    def refine(self) -> None: ...


def spinor_levels_ev(
    levels_ev: np.ndarray, overlaps: Sequence[np.ndarray], operators: Sequence[np.ndarray]
) -> np.ndarray:
    """Levels with spin-orbit coupling, ascending, shape (2 n,).

    Parameters
    ----------
    levels_ev
        shape (n,): those without, of the states that it may mix.
    overlaps
        For each atom <p_i|psi_n>, shape (n, n_i).
    operators
        For each atom, shape (3, n_i, n_i): see `operators_ev`.
    """
    hamiltonian = np.kron(np.diag(levels_ev), np.eye(2)).astype(complex)
    for overlap, operator in zip(overlaps, operators, strict=True):
        for component, pauli in zip(operator, PAULI, strict=True):
            hamiltonian += np.kron(overlap.conj() @ component @ overlap.T, pauli)
    return np.linalg.eigvalsh(hamiltonian)


def operators_ev(engine: Any) -> tuple[list[np.ndarray], dict[str, float]]:
    """The operator of each atom, shape (3, n_i, n_i), and the factor of each shell: ``"Pb p"`` -> 0.856."""
    from gpaw.spinorbit import soc

    name = "LDA" if engine.params.todict()["xc"]["name"] == "LDA" else "PBE"
    setups, factors = list(engine.dft.setups), dict[str, float]()
    for symbol in dict.fromkeys(setup.symbol for setup in setups):
        factors |= {f"{symbol} {shell}": factor for shell, factor in dirac_factors(symbol, name).items()}
    found = []
    for site, density in sorted(engine.density.D_asp.items()):
        setup = setups[site]
        of_shells = [[factors.get(name, 1.0)] * size for name, size in _shells(setup)]
        operator = soc(setup, engine.hamiltonian.xc, density) * HARTREE_EV
        found.append(operator * np.concatenate(of_shells)[None, :, None])
    here = {name for setup in setups for name, _ in _shells(setup)}
    return found, {shell: factor for shell, factor in factors.items() if shell in here}


def _shells(setup: Any) -> list[tuple[str, int]]:
    """``("Pb p", 3)``: name and number of projectors of each partial wave, in their order."""
    return [(f"{setup.symbol} {LETTERS[momentum]}", 2 * momentum + 1) for momentum in setup.l_j]


def dirac_factors(symbol: str, functional: str) -> dict[str, float]:
    """``"p"`` -> splitting of the free atom's outermost p shell by the Dirac equation over that by Pauli's operator.

    Both in the spherical, unpolarised potential of the functional ``"LDA"`` or ``"PBE"``.
    """
    scalar, dirac = _atom(symbol, functional, dirac=False), _atom(symbol, functional, dirac=True)
    return {
        LETTERS[channel.l]: _dirac_splitting(dirac, channel.l, len(channel.f_n)) / _pauli_splitting(scalar, channel)
        for channel in scalar.channels
        if channel.l > 0 and len(channel.f_n)
    }


def _atom(symbol: str, functional: str, *, dirac: bool) -> _Atom:
    from gpaw.atom.aeatom import AllElectronAtom

    make: Any = AllElectronAtom
    atom: _Atom = make(symbol, xc=functional, dirac=dirac, log=io.StringIO())
    atom.initialize()
    atom.run()
    if not dirac:
        atom.refine()  # scalar-relativistic, by finite differences
    return atom


def _dirac_splitting(atom: _Atom, momentum: int, count: int) -> float:
    levels = [channel.e_n[count - 1] for channel in atom.channels if channel.l == momentum]
    return float(max(levels) - min(levels))


def _pauli_splitting(atom: _Atom, channel: Any) -> float:
    """(l + 1/2) alpha^2/2 <(1/r) dV/dr> of the channel's outermost shell, in hartree."""
    grid, potential_times_r = atom.rgd, atom.vr_sg[0]
    radius = grid.r_g[1:]
    slope = grid.zeros()
    slope[1:] = (grid.derivative(potential_times_r)[1:] - potential_times_r[1:] / radius) / radius
    wave = channel.phi_ng[len(channel.f_n) - 1]
    mean = grid.integrate(wave**2 * slope, -1) / (4 * np.pi)
    return float((channel.l + 0.5) * mean / (2 * LIGHT_SPEED_AU**2))
