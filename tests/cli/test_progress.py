"""The estimate of what is left, and what is shown where there is no terminal."""

from __future__ import annotations

import io

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
