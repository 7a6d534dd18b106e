"""What is done about a VASP calculation that failed in a known way.

Tags: https://vasp.at/wiki (ALGO, AMIX, BMIX, NELM). A relaxation goes on from ``CONTCAR``, which VASP writes anew for
each geometry before that has an energy: where a time holds no more than one geometry, what ``vasprun.xml`` ends with is
the one that it began with. A ``WAVECAR`` that is there, of a deck that writes one, is started from (ISTART).
"""

from __future__ import annotations

from dataclasses import replace

from dftflow.codes.remedy import LAST_GEOMETRY, DeckLine, Remedy

__all__ = ["REMEDIES"]

ALGO_ALL = DeckLine(file="INCAR", keyword="ALGO", text="ALGO     = All", after="ENCUT")
SLOW_MIXING = (
    DeckLine(file="INCAR", keyword="AMIX", text="AMIX     = 0.1", after="NELM"),
    DeckLine(file="INCAR", keyword="BMIX", text="BMIX     = 0.01", after="NELM"),
)
FROM_CONTCAR = replace(LAST_GEOMETRY, start_from=("WAVECAR", "POTCAR"), geometry_file="CONTCAR", geometry_deck="POSCAR")

REMEDIES = (
    Remedy(
        name="all-bands",
        words="all bands optimised at once (ALGO = All) and twice the SCF cycles",
        causes=("scf_not_converged",),
        cycles=2,
        lines=(ALGO_ALL,),
        start_from=("POTCAR",),
    ),
    Remedy(
        name="slow-mixing",
        words="slower mixing (AMIX 0.1, BMIX 0.01)",
        causes=("scf_not_converged",),
        lines=SLOW_MIXING,
        start_from=("POTCAR",),
    ),
    Remedy(
        name="diagonalisation",
        words="all bands optimised at once (ALGO = All)",
        causes=("died",),
        log="*.log",
        when=r"EDDDAV|Sub-Space-Matrix is not hermitian",
        lines=(ALGO_ALL,),
        start_from=("POTCAR",),
    ),
    replace(
        FROM_CONTCAR,
        name="last-geometry-of-line-search",
        causes=("died",),
        most=1,
        log="*.log",
        when=r"ZBRENT: fatal error",
    ),
    FROM_CONTCAR,
)
