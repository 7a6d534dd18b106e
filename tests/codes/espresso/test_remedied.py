"""pw.x that gives up its SCF too early, or whose time is over, is tried again, as a person calls it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from dftflow.crystals.geometry import same_geometry
from dftflow.jobs.job import NodeOutcome
from dftflow.jobs.tries import places_of_attempts
from dftflow.model.results import Results
from dftflow.studies.execution import outcome_of_folder, run_study
from dftflow.studies.one_step import run_step
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.study_folder import StudyFolder

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


# --- out of time --------------------------------------------------------------------------------------------------

MOVED = """\
CsBr
1.0
4.291 0 0
0 4.291 0
0 0 4.291
Cs Br
1 1
Direct
0 0 0
0.5 0.48 0.54
"""
LAUNCHER = """\
#!/bin/bash
# Gives the first pw.x that it starts a time limit, as a person's template would, and leaves the others as they are.
if [[ $1 == pw.x && ! -e {folder}/limited.in ]]; then
    sed 's/^&CONTROL/&\\n  max_seconds = {seconds}/' "$3" >{folder}/limited.in
    exec pw.x -in {folder}/limited.in
fi
exec "$@"
"""
RELAX = "CsBr/bulk-relax"


def relaxed(folder: Path, time_s: float | None = None) -> tuple[NodeOutcome, Results | None]:
    """The relaxation alone, its ions at first away from where they belong."""
    folder.mkdir()
    (folder / "moved.vasp").write_text(MOVED)
    changes = ("CsBr_Pm-3m", "moved.vasp"), ("isotropic", "fixed"), ("max_scf_cycles = 6", "max_scf_cycles = 100")
    text = STUDY if time_s is None else f"{STUDY}\n[resources.relax]\ntime_h = {time_s / 3600:.8f}\n"
    for old, new in changes:
        text = text.replace(old, new)
    (folder / "study.toml").write_text(text)
    StudyFolder.create(plan_study(load_study(str(folder / "study.toml"), "study")), folder / "run", "run")
    end = run_step(folder / "run", RELAX)
    if end.state != "finished":
        assert {one.cause for one in end.tries} == {"out_of_time"}, end.failure
    return end, outcome_of_folder(folder / "run").steps[0].results


def bfgs_steps(log: str) -> list[int]:
    return [int(number) for number in re.findall(r"number of bfgs steps += +(\d+)", log)]


def stopped(folder: Path, seconds: float, monkeypatch: pytest.MonkeyPatch) -> tuple[NodeOutcome, Results | None]:
    folder.mkdir()
    launcher = folder / "launcher"
    launcher.write_text(LAUNCHER.format(folder=folder, seconds=f"{seconds:.2f}"))
    launcher.chmod(0o755)
    monkeypatch.setenv("ESPRESSO_COMMAND", str(launcher))
    return relaxed(folder / "study")


def goes_on(end: NodeOutcome, again: Results | None, whole: Results, words: str) -> bool:
    """Whether it was stopped late enough, where each attempt (a slow machine needs three) has gone on from the last."""
    assert end.folder is not None
    if again is None:  # the machine has become slower than when it was timed
        return False
    places = [*places_of_attempts(end.folder), end.folder]
    logs = [log.read_text() for place in places if (log := place / "CsBr-bulk-relax.relax.out").exists()]
    if len(logs) < 2 or not bfgs_steps(logs[0]):
        return False
    assert {(attempt.remedy, attempt.cause) for attempt in end.tries} == {("restart", "out_of_time")}
    last = bfgs_steps(logs[0])[-1]
    for before, after in pairwise(logs):
        assert words in before
        steps = bfgs_steps(after)
        assert not steps or steps[0] == last + 1
        last = steps[-1] if steps else last
        if re.search(r"stopped in scf loop at iteration # +[1-9]", before):
            assert "Calculation restarted from scf iteration" in after
    assert whole.energy_ev is not None and again.energy_ev == pytest.approx(whole.energy_ev, abs=1e-4)
    assert whole.structure is not None and again.structure is not None
    assert same_geometry(again.structure, whole.structure, tolerance_ang=5e-3)
    return True


def test_pw_is_asked_to_keep_what_it_has_before_its_time_is_over(tmp_path: Path, gth_potentials: Path) -> None:
    """A time limit of the study, and the deck as it is: a relaxation ends where one ends that was never stopped."""
    begun, whole = relaxed(tmp_path / "whole")
    assert whole is not None and begun.tries == () and begun.wall_time_s is not None
    for share in (0.6, 0.75, 0.5):  # of a time that depends on what else the machine does
        end, again = relaxed(tmp_path / f"{share}", share * begun.wall_time_s)
        if goes_on(end, again, whole, "Program stopped by user request"):
            break
    else:
        pytest.fail("it was never stopped between two geometries")


def test_pw_goes_on_from_what_it_kept_when_its_time_was_over(
    tmp_path: Path, gth_potentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relaxation stopped in the middle of an SCF by max_seconds ends where one ends that was never stopped."""
    begun, whole = relaxed(tmp_path / "whole")
    assert whole is not None and begun.tries == () and begun.wall_time_s is not None
    for share in (0.5, 0.35, 0.7):  # of a time that depends on what else the machine does
        end, again = stopped(tmp_path / f"{share}", share * begun.wall_time_s, monkeypatch)
        if goes_on(end, again, whole, "Maximum CPU time exceeded"):
            assert [attempt.remedy for attempt in end.tries] == ["restart"] and end.folder is not None
            assert "Maximum CPU time exceeded" not in (end.folder / "CsBr-bulk-relax.relax.out").read_text()
            break
    else:
        pytest.fail("it was never stopped between two geometries")
