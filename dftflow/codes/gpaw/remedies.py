"""What is done about a GPAW calculation that failed in a known way.

GPAW's mixers: https://gpaw.readthedocs.io/documentation/densitymix/densitymix.html.
"""

from __future__ import annotations

from dftflow.codes.remedy import DeckLine, Remedy

__all__ = ["REMEDIES"]

SLOW_MIXER = DeckLine(
    file="*.py",
    keyword="mixer=",
    text='mixer={{"backend": "pulay", "beta": 0.02, "nmaxold": 5, "weight": 100.0}},',
    after=r"    return GPAW\(",
)
RELAXATION = ("relax.jsonl", "bfgs.json", "finite_basis.json")

REMEDIES = (
    Remedy(name="more-cycles", words="three times the SCF cycles", causes=("scf_not_converged",), cycles=3),
    Remedy(
        name="slow-mixing",
        words="slow mixing of the density (Pulay, 0.02)",
        causes=("scf_not_converged",),
        lines=(SLOW_MIXER,),
    ),
    Remedy(
        name="more-steps",
        words="twice the steps, from the last geometry",
        causes=("geom_not_converged",),
        tasks=("relax",),
        most=2,
        steps=2,
        start="where it stopped",
        start_from=RELAXATION,
    ),
    Remedy(
        name="goes-on",
        words="the last geometry",
        causes=("out_of_time",),
        tasks=("relax",),
        most=2,
        needs="relax.jsonl",
        start="where it stopped",
        start_from=RELAXATION,
    ),
)
