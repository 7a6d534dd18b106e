"""CASTEP (https://www.castep.org): decks in both keyword families, and what is read back from a run."""

from dftflow.codes.castep.code import CASTEP

__all__ = ["CASTEP"]
