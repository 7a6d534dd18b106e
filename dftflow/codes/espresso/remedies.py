"""What is done about a calculation of Quantum ESPRESSO that failed in a known way.

Keywords: https://www.quantum-espresso.org/Doc/INPUT_PW.html. The diagonalisation by conjugate gradients is slower, and
wants less memory and less of the start than that of Davidson.
"""

from __future__ import annotations

from dftflow.codes.remedy import LAST_GEOMETRY, DeckLine, Remedy

__all__ = ["REMEDIES"]

ELECTRONS = r"[ \t]*&ELECTRONS"
CONJUGATE_GRADIENTS = DeckLine(file="*.in", keyword="diagonalization", text="diagonalization  = 'cg'", after=ELECTRONS)

REMEDIES = (
    Remedy(
        name="slow-mixing",
        words="slower mixing (mixing_beta 0.2) and three times the SCF cycles",
        causes=("scf_not_converged",),
        cycles=3,
        lines=(DeckLine(file="*.in", keyword="mixing_beta", text="mixing_beta      = 0.2", after=ELECTRONS),),
    ),
    Remedy(
        name="conjugate-gradients",
        words="diagonalisation by conjugate gradients",
        causes=("scf_not_converged",),
        lines=(CONJUGATE_GRADIENTS,),
    ),
    Remedy(
        name="restart",
        words="what pw.x kept when its time was over (restart_mode)",
        causes=("out_of_time",),
        tasks=("relax",),
        most=2,
        log="*.out",
        when=r"Maximum CPU time exceeded|Program stopped by user request",
        lines=(
            DeckLine(file="*.in", keyword="restart_mode", text="restart_mode  = 'restart'", after=r"[ \t]*&CONTROL"),
        ),
        start="where it stopped",
        start_from=("*.wfc*", "*.mix*", "*.bfgs", "*.update", "*.restart_*"),
        stop_file="{seed}.EXIT",
    ),
    LAST_GEOMETRY,
    Remedy(
        name="less-memory",
        words="diagonalisation by conjugate gradients, which wants less memory",
        causes=("out_of_memory", "killed"),
        lines=(CONJUGATE_GRADIENTS,),
    ),
)
