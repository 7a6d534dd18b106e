"""What a person needs to know before running a series of CASTEP decks."""

from __future__ import annotations

from typing import Final

from dftflow.codes.sheet_facts import SheetFacts

__all__ = ["CASTEP_SHEET"]

CASTEP_SHEET: Final = SheetFacts(
    supply=(
        "A CASTEP licence and program (https://www.castep.org; free for academic use). `run.sh` calls `castep.mpi`; "
        "another program, or a launcher in front of it, goes into `CASTEP_COMMAND`, e.g. "
        '`CASTEP_COMMAND="mpirun -n 16 castep.mpi" bash run.sh`.',
        "The potentials that the SPECIES_POT block of each `.cell` names: nothing for a built-in library such as C19 "
        "(CASTEP 19.1 and later); for tabulated files (`Pb_00PBE.usp`), set `PSPOT_DIR` to the folder that holds them.",
    ),
    outputs=(
        "`<seed>.castep`: its last lines hold `Total time`",
        "`<seed>-out.cell` (relaxations): the last geometry, converged or not",
        "`<seed>.bands`: eigenvalues",
        "`<seed>.pdos_bin` (band structures and densities of states): on which atoms the states lie",
        "`<seed>.pot_fmt` (band structures and single points): the local potential",
    ),
    ntasks=16,
    program="castep.mpi",
    preflight=(
        # the last word of a line of the block, where it is a file's name
        'awk \'{ line = tolower($0); sub(/[!#;].*/, "") }\n'
        "         line ~ /^ *%endblock +species_pot/ { inside = 0 }\n"
        "         inside && tolower($NF) ~ /[.](usp|uspcc|uspso|recpot|upf|otfglib)$/ { print $NF }\n"
        '         line ~ /^ *%block +species_pot/ { inside = 1 }\' "$1.cell" 2>/dev/null |\n'
        "        while read -r file; do\n"
        "            [[ -r $file || -r ${PSPOT_DIR:-.}/$file ]] ||\n"
        '                echo "the potential $file is not in ${PSPOT_DIR:-PSPOT_DIR, which is not set}"\n'
        "        done"
    ),
    finished_test=(
        # a .castep file may hold several runs: what stands behind the last banner counts
        "awk '/CASTEP version/ { done = 0; bad = 0 }\n"
        "         /^ *Total time +=/ { done = 1 }\n"
        "         /failed to converge after|max\\. SCF cycles performed|Insufficient time/ { bad = 1 }\n"
        '         END { exit !(done && !bad) }\' "$1.castep" 2>/dev/null'
    ),
    log="{seed}.castep",
)
