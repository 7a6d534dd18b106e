"""What a person needs to know before running a series of VASP decks."""

from __future__ import annotations

from typing import Final

from dftflow.codes.sheet_facts import SheetFacts

__all__ = ["VASP_SHEET"]

VASP_SHEET: Final = SheetFacts(
    supply=(
        "A VASP licence and program (https://www.vasp.at). `vasp.sh` in each folder calls `vasp_std`; another program, "
        "or a launcher in front of it, goes into `VASP_COMMAND`, e.g. "
        '`VASP_COMMAND="mpirun -n 16 vasp_std" bash run.sh`.',
        "The potentials, which are licensed and not part of a deck: set `VASP_PP_PATH` to the folder that holds "
        "`potpaw_PBE/<symbol>/POTCAR` (as for ASE), or put a `POTCAR` with the potentials of `POTCAR.spec`, in that "
        "order, into each folder. `vasp.sh` compares names and valences before it starts VASP.",
    ),
    outputs=(
        "`vasprun.xml`: everything but the potential",
        "`OUTCAR`: its last lines hold `General timing and accounting`",
        "`CONTCAR` (relaxations): the last geometry, converged or not",
        "`LOCPOT` (band structures and single points): ions + Hartree, in eV",
    ),
    ntasks=16,
    preflight=(
        "local library first=vasp_std candidate\n"
        "    for candidate in vasp_ncl vasp_gam vasp_std; do\n"
        '        if type -P "$candidate" >/dev/null; then first=$candidate; fi\n'
        "    done\n"
        '    read -r -a argv <<<"${VASP_COMMAND:-$first}"\n'
        '    wants "${argv[0]}"\n'
        "    library=$(sed -n 's/^library=//p' vasp.sh 2>/dev/null)\n"
        "    [[ -e POTCAR ]] || while read -r symbol; do\n"
        "        [[ -n ${VASP_PP_PATH:-} && -r $VASP_PP_PATH/$library/$symbol/POTCAR ]] ||\n"
        '            echo "there is no POTCAR of $symbol here, nor $library/$symbol in '
        '${VASP_PP_PATH:-VASP_PP_PATH, which is not set}"\n'
        "    done <POTCAR.spec"
    ),
    finished_test=(
        # an OUTCAR ends the same way whether the criteria were reached or not, and VASP 5 calls every SCF converged
        "awk '/^ *vasp[.][45]/ { always = 1 }\n"
        '         $1 == "NELM" { most = $3 + 0 }\n'
        "         / Iteration / { scf = 0; split($0, part, /[()]/); cycle = part[2] + 0 }\n"
        "         /aborting loop because EDIFF is reached/ { scf = !always || cycle < most }\n"
        '         $1 == "NSW" { steps = $3 }\n'
        "         /reached required accuracy/ { relaxed = 1 }\n"
        "         /stop encountered/ { scf = 0 }\n"
        "         /General timing and accounting/ { done = 1 }\n"
        "         END { exit !(done && scf && (steps == 0 || relaxed)) }' OUTCAR 2>/dev/null"
    ),
    log="OUTCAR",
    under_slurm="srun vasp_std",
)
