"""What is done about a VASP calculation that failed in a known way.

Tags: https://vasp.at/wiki (ALGO, AMIX, BMIX, NELM). A ``WAVECAR`` that is there is started from (ISTART), so that the
next attempt at a relaxation has the last geometry and its orbitals.
"""

from __future__ import annotations

from dftflow.codes.remedy import DeckLine, Remedy

__all__ = ["REMEDIES"]

ALGO_ALL = DeckLine(file="INCAR", keyword="ALGO", text="ALGO     = All", after="ENCUT")
SLOW_MIXING = (
    DeckLine(file="INCAR", keyword="AMIX", text="AMIX     = 0.1", after="NELM"),
    DeckLine(file="INCAR", keyword="BMIX", text="BMIX     = 0.01", after="NELM"),
)
ORBITALS = ("WAVECAR", "POTCAR")

REMEDIES = (
    Remedy(
        name="all-bands",
        words="all bands optimised at once (ALGO = All) and twice the SCF cycles",
        cause="scf_not_converged",
        cycles=2,
        lines=(ALGO_ALL,),
        start_from=("POTCAR",),
    ),
    Remedy(
        name="slow-mixing",
        words="slower mixing (AMIX 0.1, BMIX 0.01)",
        cause="scf_not_converged",
        lines=SLOW_MIXING,
        start_from=("POTCAR",),
    ),
    Remedy(
        name="diagonalisation",
        words="all bands optimised at once (ALGO = All)",
        cause="died",
        log="*.log",
        when=r"EDDDAV|Sub-Space-Matrix is not hermitian",
        lines=(ALGO_ALL,),
        start_from=("POTCAR",),
    ),
    Remedy(
        name="last-geometry-of-line-search",
        words="the last geometry",
        cause="died",
        tasks=("relax",),
        log="*.log",
        when=r"ZBRENT: fatal error",
        start="last geometry",
        start_from=ORBITALS,
    ),
    Remedy(
        name="last-geometry",
        words="the last geometry",
        cause="geom_not_converged",
        tasks=("relax",),
        most=2,
        start="last geometry",
        start_from=ORBITALS,
    ),
    Remedy(
        name="last-geometry-in-time",
        words="the last geometry and its orbitals",
        cause="out_of_time",
        tasks=("relax",),
        most=2,
        start="last geometry",
        start_from=ORBITALS,
    ),
)
