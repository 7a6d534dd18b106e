"""VASP (https://www.vasp.at): decks without potentials, and what is read back from a run."""

from dftflow.codes.vasp.code import VASP

__all__ = ["VASP"]
