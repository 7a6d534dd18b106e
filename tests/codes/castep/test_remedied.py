"""A relaxation whose time is over goes on from CASTEP's checkpoint, by a program that behaves as CASTEP is documented.

https://castep-docs.github.io/castep-docs/documentation/Getting_Started/restarting/ and the keyword CONTINUATION: with
``continuation : default`` a run goes on from ``<seed>.check``, whatever the ``.cell`` says, and cannot without that.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dftflow.codes.castep import CASTEP
from dftflow.codes.remedy import Remedy
from dftflow.jobs.job import NodeOutcome
from dftflow.jobs.step_state import read_state
from dftflow.studies.built_file import read_built
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.one_step import run_step
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.remedied import next_try
from dftflow.studies.study_folder import StudyFolder

CASTEP_STUB = """\
#!{python}
# Moves the last atom by 0.01 in each of five iterations, of which there is time for three.
import json, re, sys
from pathlib import Path

seed = sys.argv[-1]
param = dict(re.findall(r"^(\\w+)\\s*:\\s*(\\S+)", Path(seed + ".param").read_text(), re.M))
cell, log, check = Path(seed + ".cell").read_text(), Path(seed + ".castep"), Path(seed + ".check")
atom = re.search(r"^(Br +\\S+ +\\S+ +)(\\S+)", cell, re.M)
with log.open("a") as out:
    print(" | Welcome to Academic Release CASTEP version 21.11|\\n", file=out)
    print(" Run started: Tue, 24 Nov 2026 10:00:00 +0000\\n", file=out)
    print(" " + "*" * 29, "General Parameters", "*" * 30, file=out)
    print(" type of calculation                            : geometry optimization\\n", "*" * 79, file=out)
if param.get("continuation", "").lower() == "default":
    if not check.exists():
        Path(seed + ".0001.err").write_text("Error in parameters_read - there is no " + check.name + "\\n")
        sys.exit(1)
    done, z = json.loads(check.read_text())
else:
    done, z = 0, float(atom[2])
with open("starts.log", "a") as starts:
    print(done, file=starts)
end = min(done + 3, 5)
check.write_text(json.dumps([end, z - 0.01 * (end - done)]))
with log.open("a") as out:
    if end < 5:
        print("Insufficient time for another iteration. Stop execution.", file=out)
        sys.exit(0)
    check.unlink()  # write_checkpoint : SUCCESS=MINIMAL
    Path(seed + "-out.cell").write_text(cell.replace(atom[0], f"{{atom[1]}}{{z - 0.01 * (end - done):.8f}}"))
    print(" BFGS: Geometry optimization completed successfully.", file=out)
    print("Total time          =    131.31 s\\nPeak Memory Use     = 102400 kB", file=out)
"""
STUDY = """\
schema = 1
title = "CsBr"
code = "castep"

[materials.CsBr]
structure = "moved.vasp"
cutoff_ev = 300.0
relax_kpoints = [2, 2, 2]
bands_kpoints = [2, 2, 2]
cell = "fixed"
band_edge = "G"
"""
MOVED = "CsBr\n1.0\n4.291 0 0\n0 4.291 0\n0 0 4.291\nCs Br\n1 1\nDirect\n0 0 0\n0.5 0.5 0.55\n"
RELAX = "CsBr/bulk-relax"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Planned, nothing run."""
    program = tmp_path / "castep.mpi"
    program.write_text(CASTEP_STUB.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("CASTEP_COMMAND", str(program))
    (tmp_path / "moved.vasp").write_text(MOVED)
    (tmp_path / "study.toml").write_text(STUDY)
    StudyFolder.create(plan_study(load_study(str(tmp_path / "study.toml"), "study")), tmp_path / "run", "run")
    return tmp_path / "run"


def starts(end: NodeOutcome) -> list[str]:
    """After how many iterations each attempt began that did."""
    assert end.folder is not None
    logs = [*sorted(end.folder.glob("tries/*/starts.log")), *end.folder.glob("starts.log")]
    return [line for log in logs for line in log.read_text().split()]


def test_it_goes_on_from_the_checkpoint(run: Path) -> None:
    end = run_step(run, RELAX)
    assert end.state == "finished", end.failure
    assert [attempt.remedy for attempt in end.tries] == ["continuation"] and starts(end) == ["0", "3"]
    results = outcome_of_folder(run).steps[0].results
    assert results is not None and results.structure is not None
    assert results.structure.frac_coords[1][2] == pytest.approx(0.5, abs=1e-6)
    assert end.folder is not None
    assert json.loads((end.folder / "tries/1" / "CsBr-bulk-relax.check").read_text())[0] == 3, "it is kept as it was"


def without_keyword(remedy: Remedy) -> Remedy:
    return replace(remedy, lines=())


def without_checkpoint(remedy: Remedy) -> Remedy:
    return replace(remedy, start_from=())


@pytest.mark.parametrize("less", [without_keyword, without_checkpoint])
def test_what_the_remedy_consists_of_is_needed(less: object, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the keyword each attempt begins anew, without the file the program refuses: neither comes to its end."""
    assert callable(less)
    others = [remedy for remedy in CASTEP.remedies if "out_of_time" not in remedy.causes]
    (own,) = [remedy for remedy in CASTEP.remedies if remedy.name == "continuation"]
    monkeypatch.setattr(CASTEP, "remedies", (*others, less(own)))
    end = run_step(run, RELAX)
    assert end.state == "failed" and end.cause in ("out_of_time", "died")
    assert "3" not in starts(end)


@pytest.mark.parametrize("cause", ["geom_not_converged", "scf_not_converged"])
def test_a_checkpoint_that_is_used_up_is_asked_for_no_more(cause: str, run: Path) -> None:
    """What is tried after it starts from the last geometry: the checkpoint goes aside with the attempt."""
    folder = run_step(run, RELAX).folder
    assert folder is not None
    (record, (gone_on,)) = read_built(folder), read_state(folder).tries
    assert record is not None and "continuation" in record.deck["CsBr-bulk-relax.param"]
    found = next_try(CASTEP(), record, folder, cause, [gone_on])
    assert found is not None and found.remedy.start != "where it stopped"
    deck = found.record.deck
    assert "continuation" not in deck["CsBr-bulk-relax.param"] and "0.55000" not in deck["CsBr-bulk-relax.cell"]
