"""A relaxation that a STOPCAR ended goes on from CONTCAR, by a program that behaves as VASP is documented.

https://vasp.at/wiki: ``STOPCAR`` (LSTOP) ends a run after the ionic step, ``CONTCAR`` has the next geometry, and a
``WAVECAR``, which is written unless LWAVE forbids it, is read where there is one (ISTART).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dftflow.codes.remedy import Remedy
from dftflow.codes.vasp import VASP
from dftflow.jobs.job import NodeOutcome
from dftflow.resources import templates_dir
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.one_step import run_step
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.study_folder import StudyFolder

STUB = """\
#!{python}
# Moves the last atom by 0.01 in each step until it is at 0.5; after three steps somebody has written a STOPCAR.
import sys
from pathlib import Path

sys.path[:0] = [{tests!r}]
from vasp_files import Geometry, Run, outcar

lines = Path("POSCAR").read_text().splitlines()
incar = (line.split("#")[0] for line in Path("INCAR").read_text().splitlines())
incar = dict(line.split("=") for line in incar if "=" in line)
incar = {{name.strip(): value.strip() for name, value in incar.items()}}
begin = round(float(lines[-1].split()[2]), 6)
with open("starts.log", "a") as starts:
    print(begin, int(Path("WAVECAR").exists()), file=starts)
places = [round(begin - 0.01 * step, 6) for step in range(4)]
places = [z for z in places[:3] if z >= 0.5]
done = places[-1] == 0.5
box = ((4.291, 0, 0), (0, 4.291, 0), (0, 0, 4.291))
run = Run(
    titels=("PAW_PBE Cs_sv 08Apr2002", "PAW_PBE Br 06Sep2000"),
    parameters={{"NSW": "int:100", "IBRION": "int:2", "ISIF": "int:2"}},
    geometries=[Geometry(cell=box, positions=((0, 0, 0), (0.5, 0.5, z))) for z in places],
)
Path("vasprun.xml").write_text(run.xml())
stop = "" if done else " soft stop encountered!  aborting job ..."
Path("OUTCAR").write_text(outcar(nsw=100, relaxed=done, extra=stop))
last = places[-1] if done else round(places[-1] - 0.01, 6)
Path("CONTCAR").write_text("\\n".join([*lines[:-1], f" 0.5 0.5 {{last:.8f}}", "", " 0.0 0.0 0.0", " 0.0 0.0 0.0", ""]))
if incar.get("LWAVE") != ".FALSE.":
    Path("WAVECAR").write_text("orbitals")
"""
STUDY = """\
schema = 1
title = "CsBr"
code = "vasp"

[materials.CsBr]
structure = "moved.vasp"
cutoff_ev = 400.0
relax_kpoints = [2, 2, 2]
bands_kpoints = [2, 2, 2]
cell = "fixed"
band_edge = "G"
"""
MOVED = "CsBr\n1.0\n4.291 0 0\n0 4.291 0\n0 0 4.291\nCs Br\n1 1\nDirect\n0 0 0\n0.5 0.5 0.55\n"
OWN = '\n[codes.vasp]\ntemplates = "mine"\n'
RELAX = "CsBr/bulk-relax"


def prepared(folder: Path, monkeypatch: pytest.MonkeyPatch, *, own: bool = False) -> Path:
    """Planned, nothing run; with a template of one's own VASP writes its orbitals."""
    program = folder / "vasp_std"
    program.write_text(STUB.format(python=sys.executable, tests=str(Path(__file__).parents[2])))
    program.chmod(0o755)
    monkeypatch.setenv("VASP_COMMAND", str(program))
    for name, valence in (("Cs_sv", 9), ("Br", 7)):
        place = folder / "library/potpaw_PBE" / name
        place.mkdir(parents=True)
        (place / "POTCAR").write_text(f" TITEL  = PAW_PBE {name} 01Jan2000\n POMASS = 99.0; ZVAL = {valence:8.3f}\n")
    monkeypatch.setenv("VASP_PP_PATH", str(folder / "library"))
    (folder / "moved.vasp").write_text(MOVED)
    (folder / "study.toml").write_text(STUDY + (OWN if own else ""))
    if own:
        text = (templates_dir() / "vasp/relax.incar.j2").read_text()
        assert text.count("LWAVE    = .FALSE.") == 1
        (folder / "mine/vasp").mkdir(parents=True)
        (folder / "mine/vasp/relax.incar.j2").write_text(text.replace("LWAVE    = .FALSE.", "LWAVE    = .TRUE."))
    StudyFolder.create(plan_study(load_study(str(folder / "study.toml"), "study")), folder / "run", "run")
    return folder / "run"


def starts(end: NodeOutcome) -> list[tuple[float, int]]:
    """Where the last atom was when each attempt began, and whether it had orbitals."""
    assert end.folder is not None
    places = [*sorted((end.folder / "tries").glob("*")), end.folder]
    lines = [line.split() for place in places for line in (place / "starts.log").read_text().splitlines()]
    return [(float(z), int(has)) for z, has in lines]


@pytest.mark.parametrize("own", [False, True], ids=["as shipped", "with orbitals"])
def test_it_goes_on_from_contcar(own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = prepared(tmp_path, monkeypatch, own=own)
    end = run_step(run, RELAX)
    assert end.state == "finished", end.failure
    assert [attempt.remedy for attempt in end.tries] == ["last-geometry"]
    assert starts(end) == [(0.55, 0), (0.52, int(own))]
    results = outcome_of_folder(run).steps[0].results
    assert results is not None and results.structure is not None
    assert results.structure.frac_coords[1][2] == pytest.approx(0.5)


def from_the_start(remedy: Remedy) -> Remedy:
    return replace(remedy, start="anew")


def from_the_run(remedy: Remedy) -> Remedy:
    return replace(remedy, geometry_file="")


@pytest.mark.parametrize(("less", "second"), [(from_the_start, 0.55), (from_the_run, 0.53)])
def test_what_the_remedy_consists_of_is_needed(
    less: object, second: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the last geometry it begins anew; without CONTCAR it does once more what it has done."""
    assert callable(less)
    run = prepared(tmp_path, monkeypatch)
    monkeypatch.setattr(VASP, "remedies", tuple(less(one) for one in VASP.remedies if "out_of_time" in one.causes))
    assert starts(run_step(run, RELAX))[1][0] == second
