"""What a person needs to know before running a series of GPAW decks."""

from __future__ import annotations

from typing import Final

from dftflow.codes.sheet_facts import SheetFacts

__all__ = ["GPAW_SHEET"]

GPAW_SHEET: Final = SheetFacts(
    supply=(
        "A Python with GPAW, its data sets and dftflow (`pip install 'dftflow[gpaw]'`). `run.sh` calls `python3`; "
        "another interpreter goes into `GPAW_COMMAND`, e.g. `GPAW_COMMAND=~/venv/bin/python bash run.sh`. Plane waves "
        "gain nothing from threads: set `OMP_NUM_THREADS=1`.",
    ),
    outputs=(
        "`results.json`: how it ended, energy, forces, geometry, method",
        "`bands.npz`, `potential.npz`: eigenvalues; plane averages of the electrostatic potential",
        "`<seed>.txt`: GPAW's own log",
    ),
    program="python3",
    preflight=(
        'type -P -- "${argv[0]}" >/dev/null || return 0\n'
        '    "${argv[@]:0:${#argv[@]}-1}" -c \'\n'
        "from importlib.util import find_spec\n"
        "import sys\n"
        'lacking = [name for name in ("gpaw", "_gpaw", "dftflow") if find_spec(name) is None]\n'
        "for name in lacking:\n"
        '    print(f"the Python package {name} is not there for {sys.executable}")\n'
        "if not lacking:\n"
        "    from dftflow.codes.gpaw.data_sets import missing_data_sets\n"
        "    elements = {line.split()[0] for line in open(sys.argv[1]).readlines()[2:] if line.strip()}\n"
        "    for element in missing_data_sets(sorted(elements)):\n"
        '        print(f"GPAW has no data set for {element}: see GPAW_SETUP_PATH")\n'
        '\' "$1.xyz"'
    ),
    log="{seed}.txt",
)
