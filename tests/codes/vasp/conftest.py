"""Makers of VASP's files, and where published ones may lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from vasp_files import Geometry, Run, locpot, outcar


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for one run."""
    made = tmp_path / "run"
    made.mkdir()
    return made


@pytest.fixture(scope="session")
def vasp_data() -> Path:
    """Published VASP outputs of other projects, which dftflow may not ship: ``DFTFLOW_VASP_DATA`` names the folder."""
    named = os.environ.get("DFTFLOW_VASP_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("no folder of published VASP files: set DFTFLOW_VASP_DATA")
    return Path(named)


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Run]:
    """Makes a `Run`."""
    return Run


@pytest.fixture(scope="session")
def make_geometry() -> Callable[..., Geometry]:
    """Makes a `Geometry`."""
    return Geometry


@pytest.fixture(scope="session")
def make_outcar() -> Callable[..., str]:
    """Makes the text of an OUTCAR."""
    return outcar


@pytest.fixture(scope="session")
def make_locpot() -> Callable[..., str]:
    """Makes the text of a LOCPOT."""
    return locpot
