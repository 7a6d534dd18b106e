"""Shows a running study: a live table on a terminal, one line a change elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dftflow.jobs.graph import NodeView
from dftflow.model.printable import only_printable

__all__ = ["RunProgress", "remaining_s"]

SECONDS_A_COST_UNIT = 1.0
LINE_EVERY_S = 15.0
LEAST_ROWS = 5
LINES_AROUND = 4
"""Of the terminal: title, header, the prompt before, and one of air."""
MANY = 20
TROUBLE = ("failed", "refused", "uncertain", "lost", "cancelled", "not_run")
MARKS = {
    "finished": ("done", "green"),
    "failed": ("failed", "red"),
    "refused": ("refused", "red"),
    "uncertain": ("uncertain", "red"),
    "not_run": ("not run", "yellow"),
    "cancelled": ("cancelled", "yellow"),
    "running": ("runs", "cyan"),
    "queued": ("queued", "cyan"),
    "lost": ("lost", "red"),
    "waiting": ("waits", "dim"),
}


def _urgency(view: NodeView) -> int:
    """What runs stands first, then what failed, then what waits, then what is done."""
    return 0 if view.state == "running" else 1 if view.state in TROUBLE else 2 if view.state != "finished" else 3


def remaining_s(views: Sequence[NodeView], workers: int) -> float:
    """Rough time left: what the finished steps took a unit of cost, times what is left, over the workers.

    Before any step has finished, a unit counts as the second it was calibrated to on one 2020s core.
    """
    ended = [view for view in views if view.state == "finished"]
    spent, cost = sum(view.elapsed_s for view in ended), sum(view.cost for view in ended)
    rate = spent / cost if cost > 0 and spent > 0 else SECONDS_A_COST_UNIT
    left = [
        max(view.cost * rate - (view.elapsed_s if view.state == "running" else 0.0), 0.1 * view.cost * rate)
        for view in views
        if view.state in ("waiting", "running")
    ]
    return max(sum(left) / max(1, workers), max(left, default=0.0))


class RunProgress:
    """Observer of `run_graph`; use as a context manager.

    Parameters
    ----------
    console
        Where to show it; a terminal gets the table.
    workers
        Processes at once, for the estimate.
    """

    def __init__(self, console: Console, workers: int) -> None:
        self._console = console
        self._workers = workers
        self._started = time.monotonic()
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._shown: dict[str, str] = {}
        self._tries: dict[str, int] = {}
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._live:
            with suppress(OSError):  # a terminal that is gone
                self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            with suppress(Exception, SystemExit):  # what was calculated is still to be reported
                self._live.__exit__(kind, error, trace)

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._line(line)

    def __call__(self, views: Sequence[NodeView]) -> None:
        for view in views:
            self._attempts(view)
        if self._live:
            self._live.update(self.table(views))
        else:
            self._lines(views)

    def table(self, views: Sequence[NodeView]) -> Table:
        """What a terminal shows of the steps now: those of most interest where it has no room for all."""
        table = Table(title=Text(self._headline(views)), title_justify="left", box=None, pad_edge=False)
        for heading in ("", "step", "", "now"):
            table.add_column(heading, no_wrap=True, overflow="ellipsis")
        room = max(LEAST_ROWS, self._console.height - LINES_AROUND)
        shown = views if len(views) <= room else sorted(views, key=_urgency)[: room - 1]
        for view in shown:
            elapsed = _clock(view.elapsed_s) if view.elapsed_s and not view.reused else ""
            doing = "there already" if view.reused else only_printable(view.doing)
            table.add_row(Text(*MARKS[view.state]), Text(view.name), elapsed, Text(doing, overflow="ellipsis"))
        if len(shown) < len(views):
            table.add_row("", Text(f"and {len(views) - len(shown)} more", style="dim"), "", "")
        return table

    def _lines(self, views: Sequence[NodeView]) -> None:
        changed = [view for view in views if self._shown.get(view.name) != view.state and view.state != "waiting"]
        for view in changed:
            self._shown[view.name] = view.state
            note = " (there already)" if view.reused else f": {view.doing}" if view.state != "finished" else ""
            took = f" in {_clock(view.elapsed_s)}" if view.state == "finished" and not view.reused else ""
            self._line(f"{view.state.replace('_', ' '):>8}  {view.name}{took}{note}")
        now = time.monotonic()
        if now - self._last_line > LINE_EVERY_S:
            self._last_line = now
            doing = "; ".join(f"{view.name}: {view.doing}" for view in views if view.state == "running")
            self._line(f"          {self._headline(views)}  {doing}")

    def _attempts(self, view: NodeView) -> None:
        """Say of each attempt that failed why, and what is tried next."""
        for attempt in view.tries[self._tries.get(view.name, 0) :]:
            self._line(f"   again  {view.name}: {attempt}")
        self._tries[view.name] = len(view.tries)

    def _line(self, text: str) -> None:
        self._console.print(Text(only_printable(text)), soft_wrap=True)

    def _headline(self, views: Sequence[NodeView]) -> str:
        done = sum(view.state not in ("waiting", "running") for view in views)
        elapsed = _clock(time.monotonic() - self._started)
        counts = Counter(view.state for view in views)
        others = [f"{counts[state]} {MARKS[state][0]}" for state in TROUBLE if counts[state]]
        without = f" ({', '.join(others)})" if others else ""
        left = _clock(remaining_s(views, self._workers))
        return f"{done} of {len(views)} steps{without}, {elapsed} elapsed{self._rate(views)}, about {left} left"

    def _rate(self, views: Sequence[NodeView]) -> str:
        """How many steps end in a minute, of those that ended in this call; said of many steps alone."""
        ended = sum(view.state == "finished" and not view.reused for view in views)
        minutes = (time.monotonic() - self._started) / 60
        return f", {ended / minutes:.1f} a minute" if len(views) > MANY and ended and minutes > 0.1 else ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
