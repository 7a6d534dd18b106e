"""What schedulers call the state of a job, in one set of words.

Slurm's long words, in lower case: squeue(1) and sacct(1), section JOB STATE CODES. Its short codes, and the words that
pysqa makes of those of other schedulers, stand for them. A word that was cut (``OUT_OF_ME+``) is told by its beginning.
``revoked`` is no end: in a federation the job is another cluster's.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["Phase", "phase_of", "spelled_out"]

Phase = Literal["queued", "running", "ended well", "ended badly", "unknown"]

# fmt: off
PHASES: dict[str, Phase] = {
    **dict.fromkeys((
        "pending", "configuring", "suspended", "requeued", "requeue_hold", "requeue_fed", "resv_del_hold",
        "special_exit", "resizing", "stopped", "error",
    ), "queued"),
    **dict.fromkeys(("running", "completing", "signaling", "stage_out"), "running"),
    "completed": "ended well",
    **dict.fromkeys((
        "failed", "timeout", "cancelled", "node_fail", "out_of_memory", "boot_fail", "deadline", "preempted",
    ), "ended badly"),
}
SHORT = {
    "pd": "pending", "cf": "configuring", "s": "suspended", "rq": "requeued", "rh": "requeue_hold",
    "rf": "requeue_fed", "rd": "resv_del_hold", "se": "special_exit", "rs": "resizing", "st": "stopped",
    "r": "running", "cg": "completing", "si": "signaling", "so": "stage_out", "cd": "completed", "f": "failed",
    "to": "timeout", "ca": "cancelled", "nf": "node_fail", "oom": "out_of_memory", "bf": "boot_fail",
    "dl": "deadline", "pr": "preempted", "rv": "revoked",
    "psusp": "suspended", "ususp": "suspended", "ssusp": "suspended", "hqw": "pending", "t": "running",
    "done": "completed", "exit": "failed",
}
# fmt: on
SHORTEST_CUT = 3


def spelled_out(word: str) -> str:
    """The long word for what a scheduler says; what it says itself, in lower case, where that is not known.

    Examples
    --------
    >>> spelled_out("OUT_OF_ME+"), spelled_out("CANCELLED by 1000"), spelled_out("to"), spelled_out("x")
    ('out_of_memory', 'cancelled', 'timeout', 'x')
    """
    first = (word.lower().split() or [""])[0]
    cut = first.rstrip("+")
    known = SHORT.get(cut, cut)
    if known in PHASES or len(cut) < SHORTEST_CUT:
        return known
    begun = [long for long in PHASES if long.startswith(cut)]
    return begun[0] if len(begun) == 1 else first


def phase_of(word: str) -> Phase:
    """Where a job is that is said to be `word`; ``unknown`` is never taken for an end."""
    return PHASES.get(spelled_out(word), "unknown")
