"""What was refused of a calculation, and a calculation of which nothing is to be."""

from __future__ import annotations

from pathlib import Path

from dftflow.codes.base import Code, Reading
from dftflow.codes.reading import read_only
from dftflow.errors import ParseError
from dftflow.model.results import Results

__all__ = ["errors", "read_results"]


def read_results(code: Code, folder: Path) -> Results:
    """Results of the one calculation in `folder`; raises the refusal of any of its files."""
    reading = read_only(code, folder)
    for file in reading.files:
        if file.error is not None:
            raise file.error
    if reading.results is None:
        raise ParseError("the calculation has left no output", where=str(folder))
    return reading.results


def errors(reading: Reading) -> dict[str, str]:
    """Name of each file that was refused -> the refusal."""
    return {file.file.name: str(file.error) for file in reading.files if file.error is not None}
