#!/usr/bin/env bash
# Runs the programs of Quantum ESPRESSO for out-of-steps, in this folder and in order.
#
#   ESPRESSO_COMMAND  launcher in front of each program: "mpirun -n 16"
#   ESPRESSO_PSEUDO   folder that holds Cs.gth, Br.gth; this folder when it holds them
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

seed=out-of-steps
potentials=(Cs.gth Br.gth)

if [[ -z ${ESPRESSO_PSEUDO:-} && -r ${potentials[0]} ]]; then
    ESPRESSO_PSEUDO=.
fi
export ESPRESSO_PSEUDO="${ESPRESSO_PSEUDO:-$HOME/espresso/pseudo}"
for potential in "${potentials[@]}"; do
    if [[ ! -r $ESPRESSO_PSEUDO/$potential ]]; then
        echo "there is no potential $potential in $ESPRESSO_PSEUDO (ESPRESSO_PSEUDO)" >&2
        exit 1
    fi
done

launcher=()
if [[ -n ${ESPRESSO_COMMAND:-} ]]; then
    read -r -a launcher <<<"$ESPRESSO_COMMAND"
fi

# run PROGRAM STAGE: reads $seed.STAGE.in, writes $seed.STAGE.out
run() {
    echo "$1 -in $seed.$2.in"
    ${launcher[@]+"${launcher[@]}"} "$1" -in "$seed.$2.in" <"$seed.$2.in" >"$seed.$2.out"
}

# what an earlier run left must not be taken for this one's
rm -f -- "$seed".*.out "$seed".xml "$seed".*.xml "$seed.pot" "$seed.average.dat"

run pw.x relax
cp -- "$seed.xml" "$seed.relax.xml"

# wave functions are large, and nothing reads them any more
rm -f -- "$seed".xml "$seed".wfc* "$seed".mix* "$seed".save/wfc*
