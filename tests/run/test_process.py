"""One engine process, seen by a dftflow that did not start it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dftflow.run.process import EngineProcess

WAITS = (sys.executable, "-c", "import time; time.sleep(600)")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    (tmp_path / "run").mkdir()
    process = EngineProcess.start(WAITS, tmp_path / "run")
    yield process
    process.stop()


def test_a_process_is_taken_over_where_it_runs(engine: EngineProcess, tmp_path: Path) -> None:
    taken = EngineProcess.take_over(engine.pid, engine.process_started, tmp_path / "run")
    assert taken is not None and taken.pid == engine.pid
    os.rename(tmp_path / "run", tmp_path / "moved")
    assert EngineProcess.take_over(engine.pid, engine.process_started, tmp_path / "moved") is not None


def test_a_copy_of_the_folder_does_not_take_the_process_of_the_first(engine: EngineProcess, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    assert EngineProcess.take_over(engine.pid, engine.process_started, tmp_path / "copy") is None
    assert EngineProcess.take_over(engine.pid, engine.process_started, tmp_path / "nowhere") is None


def test_a_process_id_that_was_given_again_is_another_process(engine: EngineProcess, tmp_path: Path) -> None:
    assert EngineProcess.take_over(engine.pid, engine.process_started - 60, tmp_path / "run") is None
    engine.stop()
    assert EngineProcess.take_over(engine.pid, engine.process_started, tmp_path / "run") is None
