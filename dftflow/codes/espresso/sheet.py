"""What a person needs to know before running a series of Quantum ESPRESSO decks."""

from __future__ import annotations

from typing import Final

from dftflow.codes.sheet_facts import SheetFacts

__all__ = ["ESPRESSO_SHEET"]

ESPRESSO_SHEET: Final = SheetFacts(
    supply=(
        "Quantum ESPRESSO 6.4 or later (https://www.quantum-espresso.org, free): `pw.x`, `pp.x` and `average.x` on the "
        'PATH. A launcher goes into `ESPRESSO_COMMAND`, e.g. `ESPRESSO_COMMAND="mpirun -n 16" bash run.sh`.',
        "The pseudopotentials that each `.in` names, of one library for all materials (e.g. SSSP or PseudoDojo): set "
        "`ESPRESSO_PSEUDO` to the folder that holds them.",
    ),
    outputs=(
        "`<seed>.<stage>.out`: what each program printed; its last lines hold `JOB DONE.`",
        "`<seed>.<stage>.xml`: geometry, energies and eigenvalues",
        "`<seed>.save/atomic_proj.xml` (densities of states): on which atoms the states lie",
        "`<seed>.pot` (band structures and slabs): ions + Hartree on the grid, in Ry",
        "`<seed>.average.dat` (slabs): its plane averages",
    ),
    ntasks=16,
    preflight=(
        "local folder=${ESPRESSO_PSEUDO:-$HOME/espresso/pseudo}\n"
        '    read -r -a argv <<<"${ESPRESSO_COMMAND:-pw.x}"\n'
        '    wants "${argv[0]}"\n'
        "    wants pw.x\n"
        "    [[ ! -e $1.pp.in ]] || wants pp.x\n"
        "    [[ ! -e $1.average.in ]] || wants average.x\n"
        "    awk '/^ *ATOMIC_SPECIES/ { inside = 1; next }\n"
        "         inside && NF < 3 { inside = 0 }\n"
        '         inside { print $3 }\' "$1".*.in 2>/dev/null |\n'
        "        while read -r file; do\n"
        "            [[ -r $folder/$file || (-z ${ESPRESSO_PSEUDO:-} && -r $file) ]] ||\n"
        '                echo "the pseudopotential $file is not in $folder (ESPRESSO_PSEUDO)"\n'
        "        done"
    ),
    finished_test=(
        'for input in "$1".*.in; do\n'
        '        grep -q "JOB DONE" "${input%.in}.out" 2>/dev/null || return 1\n'
        '        ! grep -q "convergence NOT achieved\\|maximum number of steps\\|bfgs failed\\|Maximum CPU" '
        '"${input%.in}.out" || return 1\n'
        "    done"
    ),
    log="{seed}.*.out",
    under_slurm="srun",
)
