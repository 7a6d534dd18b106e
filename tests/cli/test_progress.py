"""The estimate of what is left, and what is shown where there is no terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from dftflow.cli.progress import SECONDS_A_COST_UNIT, RunProgress, remaining_s
from dftflow.jobs.graph import NodeView


def view(name: str, state: str, *, cost: float = 1.0, elapsed_s: float = 0.0, doing: str = "") -> NodeView:
    return NodeView(name=name, title=name, state=state, doing=doing, elapsed_s=elapsed_s, cost=cost, reused=False)


def test_before_anything_finished_the_calibrated_unit_counts() -> None:
    assert remaining_s([view("a", "waiting", cost=2), view("b", "waiting", cost=2)], 2) == 2 * SECONDS_A_COST_UNIT


def test_finished_steps_set_the_rate() -> None:
    views = [view("a", "finished", cost=2, elapsed_s=20), view("b", "waiting", cost=3), view("c", "waiting", cost=1)]
    assert remaining_s(views, 1) == pytest.approx(40)
    assert remaining_s(views, 2) == pytest.approx(30), "never less than the longest step"


def test_a_step_that_takes_longer_than_expected_is_never_over() -> None:
    views = [view("a", "finished", cost=1, elapsed_s=10), view("b", "running", cost=1, elapsed_s=500)]
    assert remaining_s(views, 1) > 0


def test_all_done_leaves_nothing() -> None:
    assert remaining_s([view("a", "finished", elapsed_s=10)], 2) == 0


def test_without_a_terminal_every_change_is_one_line() -> None:
    text = io.StringIO()
    with RunProgress(Console(file=text, width=40), workers=1) as progress:
        progress([view("CsPbBr3/bulk-relax", "running", doing="BFGS step 3, SCF iteration 7"), view("b", "waiting")])
        progress([view("CsPbBr3/bulk-relax", "running", doing="BFGS step 4"), view("b", "waiting")])
        progress([view("CsPbBr3/bulk-relax", "finished", elapsed_s=61), view("b", "failed", doing="out of time")])
    lines = text.getvalue().splitlines()
    assert lines[0] == " running  CsPbBr3/bulk-relax: BFGS step 3, SCF iteration 7"
    assert "0 of 2 steps" in lines[1] and "left" in lines[1] and "SCF iteration 7" in lines[1]
    assert lines[2:] == ["finished  CsPbBr3/bulk-relax in 1:01", "  failed  b: out of time"]


@pytest.mark.parametrize("height", [12, 24, 60])
def test_many_steps_take_no_more_than_the_terminal_has(height: int) -> None:
    """What runs and what failed stand first; the rest is counted."""
    states = ["finished"] * 500 + ["failed"] * 3 + ["running"] * 2 + ["waiting"] * 495
    views = [
        NodeView(name=f"A/step-{n}", title="", state=state, doing="", elapsed_s=1.0, cost=1.0, reused=False)
        for n, state in enumerate(states)
    ]
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=height, _environ={})
    progress = RunProgress(console, 2)
    with console.capture() as capture:
        console.print(progress.table(views))
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in capture.get().splitlines()]
    assert len(lines) < height and all(len(line) <= 80 for line in lines)
    shown = "\n".join(lines)
    assert "503 of 1000 steps (3 failed)" in " ".join(shown.split())
    assert [line.split()[:2] for line in lines if "A/step" in line][:5] == [
        ["runs", "A/step-503"], ["runs", "A/step-504"],
        ["failed", "A/step-500"], ["failed", "A/step-501"], ["failed", "A/step-502"],
    ]  # fmt: skip
    more = next(int(line.split()[1]) for line in lines if line.strip().startswith("and "))
    assert more + sum("A/step" in line for line in lines) == 1000
