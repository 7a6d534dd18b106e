"""pw.x that gives up its SCF too early is tried again, by run_study as a person calls it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dftflow.studies.execution import run_study
from dftflow.studies.reader import load_study

pytestmark = [pytest.mark.debian, pytest.mark.timeout(600)]

STUDY = """\
schema = 1
title = "CsBr"
code = "espresso"

[settings]
max_scf_cycles = 6

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 200.0
relax_kpoints = [1, 1, 1]
bands_kpoints = [1, 1, 1]
cell = "isotropic"
band_edge = "G"
"""


def test_pw_gets_slower_mixing_and_more_cycles(tmp_path: Path, gth_potentials: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    study = load_study(str(tmp_path / "study.toml"), "quick")
    (bands,) = run_study(study, tmp_path / "run", workers=1).steps
    assert bands.tries and bands.tries[0].cause == "scf_not_converged"
    (deck,) = bands.folder.glob("*.scf.in")
    text = deck.read_text()
    assert re.search(r"mixing_beta += 0\.2", text) and re.search(r"electron_maxstep += 18\b", text)
    earlier = (bands.folder / "tries/1" / deck.name).read_text()
    assert re.search(r"electron_maxstep += 6\b", earlier) and "mixing_beta" not in earlier
    assert bands.state == "finished", bands.failure
    assert bands.results is not None and bands.results.energy_ev is not None
