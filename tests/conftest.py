"""Says at the end which tests did not run, and why; a left-out part must never look like a passed one."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

LONGEST_ID = 100
LEFT_OUT = pytest.StashKey[Counter[str]]()
PARTS = ("debian", "engine", "mp")
PROGRAMS = {
    "chromium": "chromium",
    "pw.x": "quantum-espresso",
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
}
"""Program that the tests marked debian start -> Debian package."""


def why_left_out(mark: str) -> str:
    """What a person does to run the tests with this mark."""
    if mark != "debian":
        return f"deselected (pytest -m {mark})"
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if not missing:
        return "a part of its own (.venv/bin/pytest -m debian)"
    return f"not installed: {', '.join(missing)} (apt-get install them, then .venv/bin/pytest -m debian)"


def pytest_configure(config: pytest.Config) -> None:
    os.environ["DFTFLOW_MACHINES"] = str(Path(__file__).parent / "data" / "no_machines.toml")
    os.environ["COLUMNS"] = "100"  # tables are as wide as the terminal, and tests are not of one
    # a shell that starts the tests in the background makes them, and all that they start, deaf to these
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    settings.register_profile("any machine", deadline=None)  # no test is a matter of time
    settings.load_profile("any machine")
    config.stash[LEFT_OUT] = Counter()


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """A short name for a long value: a name of megabytes goes through every report."""
    return f"{argname}-{len(val)}" if isinstance(val, str | bytes) and len(val) > LONGEST_ID else None


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        refused = [part for part in PARTS if f"not {part}" in item.config.option.markexpr]
        mark = next((part for part in refused if item.get_closest_marker(part)), "")
        if mark:
            item.config.stash[LEFT_OUT][mark] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    # under pytest-xdist only the workers collect, and each collects everything
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[LEFT_OUT])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    deselected = [(number, f"marked {mark}: {why_left_out(mark)}") for mark, number in config.stash[LEFT_OUT].items()]
    skipped = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    rows = deselected + [(number, reason) for reason, number in sorted(skipped.items())]
    if rows:
        terminalreporter.section("left out")
    for number, reason in rows:
        terminalreporter.line(f"left out: {number} {'test' if number == 1 else 'tests'} {reason}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return f"skipped: {why.removeprefix('Skipped: ')}"
