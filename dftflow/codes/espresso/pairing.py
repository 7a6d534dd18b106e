"""Finds the log that an XML of pw.x is the run of, where several runs in one folder left one after the other.

Each run under the same prefix writes over the XML of the one before, so that it is that of the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dftflow.codes.compressed import lying
from dftflow.codes.espresso.limits import SAME_ENERGY_EV
from dftflow.codes.espresso.pw_run import PwRun
from dftflow.codes.espresso.pw_stdout import ProgramOutput, read_stdout
from dftflow.codes.espresso.pw_xml import read_pw_xml
from dftflow.errors import ParseError

__all__ = ["log_of_xml"]

SAME_LEVEL_EV = 1.1e-3


def log_of_xml(xml: Path, logs: Mapping[str, Path]) -> str | None:
    """Name of the one log that prints the energy, or else the eigenvalues, of `xml`; None where none or several do."""
    try:
        with lying(xml) as plain:
            run = read_pw_xml(plain)
    except ParseError:
        return None
    found = [name for name, log in logs.items() if _is_of(run, log)]
    return found[0] if len(found) == 1 else None


def _is_of(run: PwRun, log: Path) -> bool:
    try:
        with lying(log) as plain:
            printed = read_stdout(plain)
    except ParseError:
        return False
    energy_ev = run.last.free_energy_ev
    if (energy_ev is None) != (printed.energy_ev is None):
        return False
    if energy_ev is not None and printed.energy_ev is not None and abs(energy_ev - printed.energy_ev) > SAME_ENERGY_EV:
        return False
    return _same_levels(run, printed)


def _same_levels(run: PwRun, printed: ProgramOutput) -> bool:
    if run.eigenvalues is None or not printed.eigenvalues_ev:
        return run.last.free_energy_ev is not None
    wanted = run.eigenvalues.values_ev[np.isfinite(run.eigenvalues.values_ev)]
    if len(wanted) != len(printed.eigenvalues_ev):
        return False
    return bool(np.abs(wanted - np.array(printed.eigenvalues_ev)).max() <= SAME_LEVEL_EV)
