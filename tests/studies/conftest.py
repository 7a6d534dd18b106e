from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from counted_study import CountedStudy
from servers.stub_queue import StubQueue
from servers.warm_python import WarmPython

from dftflow.report import write as write_module

PRELOAD = """
import dftflow.cli.main, dftflow.cli.step, dftflow.codes.gpaw.code, pymatgen.core
from dftflow.studies import one_step
one_step.LATE_S, one_step.LOOK_EVERY_S = 2.5, 0.05
"""
STUDY = """\
schema = 1
title = "CsBr"
code = "gpaw"

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
cell = "isotropic"
band_edge = "G"

[[materials.CsBr.slabs]]
miller = [1, 1, 0]
setting = "cubic"
"""


@pytest.fixture
def write_study(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small study, with some of its text replaced."""

    def write(*changes: tuple[str, str]) -> Path:
        text = STUDY
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "study.toml"
        file.write_text(text)
        return file

    return write


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmPython]:
    """The interpreter of jobs."""
    with WarmPython(PRELOAD) as started:
        yield started


@pytest.fixture
def behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[CountedStudy, StubQueue], None]:
    """Puts a study behind a queue: in the environment of its engine, with the queue's programs, and without a page."""

    def put(study: CountedStudy, queue: StubQueue) -> None:
        for name, value in study.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PATH", f"{queue.path}{os.pathsep}{os.environ['PATH']}")
        written = SimpleNamespace(summary="", report=tmp_path / "report.html")
        monkeypatch.setattr(write_module, "write_outcome", lambda outcome, folder, say: written)  # it draws all figures

    return put
