"""VASP's known ways to fail, by the words it prints.

Messages: https://vasp.at/wiki and VASP's own text in ``stdout`` and ``OUTCAR``.
"""

from __future__ import annotations

__all__ = ["explain"]

_FAILURES = (
    ("POTCAR of this folder", "the POTCAR does not fit the deck: see the log"),
    ("there is no POTCAR here", "there is no POTCAR, and VASP_PP_PATH does not hold its potentials"),
    ("ZBRENT: fatal error", "the line search of the relaxation failed: start again from CONTCAR, or with IBRION = 1"),
    ("EDDDAV", "the diagonalisation failed (EDDDAV): try ALGO = All"),
    ("Sub-Space-Matrix is not hermitian", "the diagonalisation failed: try ALGO = All"),
    ("BRMIX: very serious problems", "the mixing of the density failed: check the number of electrons, or lower AMIX"),
    ("TOO FEW BANDS", "there are too few bands: raise NBANDS"),
    ("POSMAP internal error", "the symmetry was not found: set SYMPREC = 1e-6, or ISYM = 0"),
    ("Reciprocal lattice and k-lattice belong to different class", "the k-grid has another symmetry than the lattice"),
    ("VERY BAD NEWS! internal error", "an internal error of VASP, most often in its search for symmetry: see the log"),
    ("DUE TO TIME LIMIT", "the queue's time limit was reached"),
    ("out of memory", "the machine's memory was not enough"),
    ("oom-kill", "the machine's memory was not enough"),
    ("Segmentation fault", "VASP crashed (segmentation fault): try 'ulimit -s unlimited' and more memory"),
    ("error: allocation", "the machine's memory was not enough"),
)


def explain(log: str) -> str:
    """What went wrong and how to mend it, by the first known message in `log`; ``""`` when there is none."""
    return next((meaning for words, meaning in _FAILURES if words in log), "")
