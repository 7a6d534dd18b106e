"""What kind of run VASP made, where that decides which of its numbers mean something.

ICHARG above 9 keeps the density fixed (https://vasp.at/wiki/ICHARG). The potential of Becke and Johnson, METAGGA = MBJ,
is the derivative of no energy (https://vasp.at/wiki/METAGGA; 10.1103/PhysRevLett.102.226401). GW and its like calculate
no ground state (https://vasp.at/wiki/ALGO).
"""

from __future__ import annotations

from typing import Any

from dftflow.codes.vasp.vasprun_file import VaspRun

__all__ = ["many_body", "remarks_on", "why_no_energy", "why_no_forces"]

FIXED_CHARGE = 10
POTENTIAL_ALONE = ("MBJ", "LMBJ", "BJ")
MANY_BODY = ("GW", "G0W0", "EVGW", "QPGW", "SCGW", "BSE", "TDHF", "TIMEEV", "CHI", "ACFDT", "RPA", "CRPA", "MODBSE")


def many_body(run: VaspRun) -> str:
    """``"GW0"``, ``"BSE"`` … of a run beyond the ground state; ``""`` for one of the ground state."""
    algorithm = str(run.parameters.get("ALGO", "")).strip().upper()
    return algorithm if algorithm.startswith(MANY_BODY) else ""


def why_no_energy(run: VaspRun) -> str:
    """Why the energy that may be printed is not that of a ground state; ``""`` where it is."""
    if many_body(run):
        return f"ALGO = {many_body(run)}: the run has no energy of the ground state"
    if _fixed_charge(run.parameters):
        return "the density was kept fixed (ICHARG above 9): the run has no total energy of its own"
    if _of_a_potential_alone(run.parameters):
        return "METAGGA = MBJ is a potential of which there is no energy: energy, forces and stress are not given"
    return ""


def why_no_forces(run: VaspRun) -> str:
    """Why forces and stress are not those of this density; ``""`` where they are, or where no energy says it."""
    return why_no_energy(run) if _of_a_potential_alone(run.parameters) or many_body(run) else ""


def remarks_on(run: VaspRun) -> list[str]:
    """What a person has to know of the eigenvalues."""
    if not many_body(run) or run.eigenvalues is None:
        return []
    return [
        f"eigenvalues of a run with ALGO = {many_body(run)}: the file does not tell whether they are those of the "
        "quasiparticles or of the functional that it began with; compare them with the table in OUTCAR"
    ]


def _fixed_charge(parameters: Any) -> bool:
    icharg = parameters.get("ICHARG", 0)
    return isinstance(icharg, int) and icharg >= FIXED_CHARGE


def _of_a_potential_alone(parameters: Any) -> bool:
    return str(parameters.get("METAGGA", "")).strip().upper() in POTENTIAL_ALONE
