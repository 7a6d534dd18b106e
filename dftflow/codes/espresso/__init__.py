"""Quantum ESPRESSO (https://www.quantum-espresso.org): pw.x, pp.x and average.x."""

from dftflow.codes.espresso.code import ESPRESSO

__all__ = ["ESPRESSO"]
