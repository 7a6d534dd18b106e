"""What is done about a CASTEP calculation that failed in a known way.

CASTEP itself recommends a number of extra bands where one k-point has no empty one. Keywords: CASTEP 18.1 to 21.1
``--help``.
"""

from __future__ import annotations

from dftflow.codes.remedy import LAST_GEOMETRY, DeckLine, Remedy

__all__ = ["REMEDIES"]


def _param(keyword: str, value: str, *, instead_of: str = "") -> DeckLine:
    text = f"{keyword:<26}: {value}"
    return DeckLine(file="*.param", keyword=keyword, text=text, after=r"metals_method\b", instead_of=instead_of)


REMEDIES = (
    Remedy(
        name="recommended-bands",
        words="the extra bands that CASTEP recommends",
        causes=("scf_not_converged",),
        log="*.castep",
        when=r"Recommend using nextra_bands of (\d+) to (\d+)",
        lines=(_param("nextra_bands", "{1}", instead_of="perc_extra_bands"),),
    ),
    Remedy(
        name="slow-mixing",
        words="slower mixing (mix_charge_amp 0.1) and twice the SCF cycles",
        causes=("scf_not_converged",),
        cycles=2,
        lines=(_param("mix_charge_amp", "0.1"),),
    ),
    Remedy(
        name="ensemble-dft",
        words="ensemble DFT instead of mixing",
        causes=("scf_not_converged",),
        lines=(DeckLine(file="*.param", keyword="metals_method", text="metals_method : EDFT", after=r"xc_functional"),),
    ),
    Remedy(
        name="continuation",
        words="its checkpoint (continuation)",
        causes=("out_of_time",),
        tasks=("relax",),
        most=2,
        needs="*.check",
        lines=(DeckLine(file="*.param", keyword="continuation", text="continuation : default", after=r"task\b"),),
        start="where it stopped",
        start_from=("*.check", "*.castep_bin"),
    ),
    LAST_GEOMETRY,
    Remedy(
        name="less-memory",
        words="less memory (opt_strategy)",
        causes=("out_of_memory", "killed"),
        lines=(_param("opt_strategy", "memory"),),
    ),
)
