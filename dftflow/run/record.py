"""What a run's folder says of its steps, read without running anything."""

from __future__ import annotations

from collections.abc import Mapping

from dftflow.run.job import NodeOutcome
from dftflow.run.process import EngineProcess
from dftflow.run.store import RunStore, StepState

__all__ = ["recorded_outcomes"]


def recorded_outcomes(store: RunStore) -> Mapping[str, NodeOutcome]:
    """State of every step in the run's plan.

    A step that says ``running`` but whose process is gone was cut off: it is ``waiting``.
    """
    outcomes = {}
    for entry in store.read_plan():
        folder = store.root / entry["folder"] if entry["folder"] else None
        state = store.read_state(folder) if folder else StepState(state="not_run" if entry["not_run"] else "waiting")
        outcomes[entry["name"]] = NodeOutcome(
            name=entry["name"],
            title=entry["title"],
            state="waiting" if state.state == "running" and not _alive(state) else state.state,
            folder=folder,
            failure=state.failure or entry["not_run"],
            log_tail=state.log_tail,
            wall_time_s=state.wall_time_s or None,
        )
    return outcomes


def _alive(state: StepState) -> bool:
    if state.pid is None or state.process_started is None:
        return False
    return EngineProcess.take_over(state.pid, state.process_started) is not None
