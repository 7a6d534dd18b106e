"""VASP behind the seam: folders, progress, diagnoses, and the script of a deck."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure
from strict_reading import read_results

from dftflow.codes.base import Launch
from dftflow.codes.vasp import VASP
from dftflow.errors import ParseError
from dftflow.model.spec import CalcSpec

CODE = VASP()


@pytest.fixture
def deck():
    crystal = Structure(Lattice.cubic(6), ["Cs", "Pb", "Br"], [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0]])
    calculation = CalcSpec(
        title="t",
        task="potential",
        xc="PBE",
        cutoff_ev=300,
        grid=(2, 2, 2),
        smearing_ev=0.1,
        scf_tol_ev_per_atom=1e-6,
        max_scf_cycles=60,
    )
    return CODE.render(crystal, calculation, "seed")


# --- folders ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("vasprun.xml",), ("OUTCAR", "CONTCAR"), ("LOCPOT",), ("INCAR", "POSCAR")])
def test_a_calculation_is_found_by_its_files(folder, names):
    for name in names:
        (folder / name).touch()
    (calculation,) = CODE.find(folder)
    assert (calculation.code, calculation.seed) == ("vasp", "run")
    assert {file.name for file in calculation.files} == set(names)


@pytest.mark.parametrize("names", [(), ("POSCAR",), ("KPOINTS", "run.castep"), ("results.json",)])
def test_other_folders_hold_none(folder, names):
    for name in names:
        (folder / name).touch()
    assert CODE.find(folder) == ()
    assert CODE.find(folder / "nowhere") == ()


def test_a_folder_with_the_name_of_an_output_is_none(folder):
    (folder / "vasprun.xml").mkdir()
    assert CODE.find(folder) == ()


def test_a_deck_has_no_results(folder, deck):
    for name, text in deck.files.items():
        (folder / name).write_text(text)
    (calculation,) = CODE.find(folder)
    assert CODE.read(calculation).results is None


def test_strict_results_refuse_a_damaged_file(folder, make_run):
    (folder / "vasprun.xml").write_text(make_run().xml())
    assert read_results(CODE, folder).energy_ev == pytest.approx(-10.4)
    (folder / "LOCPOT").write_text("cut")
    with pytest.raises(ParseError, match="LOCPOT"):
        read_results(CODE, folder)


# --- progress and diagnosis -------------------------------------------------------------------------------------


def test_progress(folder, make_outcar):
    assert CODE.progress(folder).doing == "starting"
    (folder / "OUTCAR").write_text(make_outcar(cycles=7, ended=False))
    assert CODE.progress(folder).doing == "SCF cycle 7"
    (folder / "OUTCAR").write_text(make_outcar(cycles=7, nsw=5, ended=False))
    assert CODE.progress(folder).doing == "geometry 1, SCF cycle 7"


def test_a_finished_run(folder, make_run, make_outcar):
    (folder / "vasprun.xml").write_text(make_run().xml())
    (folder / "OUTCAR").write_text(make_outcar())
    assert CODE.diagnose(folder).status == "finished"


def test_nothing_but_a_log_is_a_death_with_its_reason(folder):
    (folder / "stderr.log").write_text("there is no POTCAR here, and none for Pb_d in /nowhere\n")
    found = CODE.diagnose(folder)
    assert found.status == "died"
    assert "POTCAR" in found.message
    assert "Pb_d" in found.log_tail


@pytest.mark.parametrize(
    ("log", "status", "message"),
    [
        ("", "truncated", "has no end"),
        ("Error EDDDAV: Call to ZHEGV failed", "died", "ALGO = All"),
        ("ZBRENT: fatal error in bracketing", "died", "CONTCAR"),
        ("slurmstepd: error: JOB 1 CANCELLED DUE TO TIME LIMIT", "died", "time limit"),
    ],
)
def test_a_run_without_an_end(folder, make_outcar, log, status, message):
    (folder / "OUTCAR").write_text(make_outcar(ended=False))
    (folder / "stdout.log").write_text(log)
    found = CODE.diagnose(folder)
    assert found.status == status
    assert message in found.message


# --- running ----------------------------------------------------------------------------------------------------


def test_runs_here_asks_for_program_and_potentials(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("VASP_COMMAND", raising=False)
    monkeypatch.setenv("VASP_PP_PATH", str(tmp_path))
    assert not CODE.runs_here
    monkeypatch.setenv("VASP_COMMAND", "mpirun vasp_std")
    assert CODE.runs_here
    monkeypatch.delenv("VASP_PP_PATH")
    assert not CODE.runs_here
    assert "licence" in CODE.how_to_get_it


VALENCES = {"Cs_sv": 9, "Pb_d": 14, "Br": 7}


def potential(symbol: str, valence: float, family: str = "PAW_PBE") -> str:
    """The two lines of a POTCAR that the script looks at."""
    return (
        f"   TITEL  = {family} {symbol} 01Jan2000\n   POMASS =   99.000; ZVAL   = {valence:8.3f}    mass and valenz\n"
    )


def run_script(
    folder: Path, deck, command: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    for name, text in deck.files.items():
        (folder / name).write_text(text)
    return subprocess.run(
        command or CODE.command(deck),
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "VASP_COMMAND": "echo it runs"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_script_runs_vasp_with_potentials_that_fit(folder, deck):
    (folder / "POTCAR").write_text("".join(potential(*item) for item in VALENCES.items()))
    done = run_script(folder, deck)
    assert (done.returncode, done.stdout) == (0, "it runs\n")


def test_the_machine_says_how_vasp_is_started(folder, deck):
    """The launcher, here `echo`, stands in front of the program, whatever VASP_COMMAND says."""
    (folder / "POTCAR").write_text("".join(potential(*item) for item in VALENCES.items()))
    command = CODE.command(deck, Launch(launcher=("echo", "-n", "4"), program="vasp_gam"))
    done = run_script(folder, deck, command)
    assert (done.returncode, done.stdout) == (0, "4 vasp_gam")


@pytest.mark.parametrize(
    "command", ["srun bash", "/bin/bash", "bash vasp.sh", "./vasp.sh", "bash {folder}/vasp.sh", "{folder}/vasp.sh"]
)
def test_the_script_does_not_run_itself(folder, deck, command):
    (folder / "POTCAR").write_text("".join(potential(*item) for item in VALENCES.items()))
    (folder / "vasp.sh").write_text(deck.files["vasp.sh"])
    (folder / "vasp.sh").chmod(0o755)
    done = run_script(folder, deck, VASP_COMMAND=command.format(folder=folder))
    assert done.returncode == 1
    assert "VASP_COMMAND" in done.stderr


@pytest.mark.parametrize(
    "command", ["{own}/my_vasp.sh", "{own}/vasp.sh", "vasp.sh", "bash {own}/vasp.sh", "env my_bash"]
)
def test_a_program_may_be_called_nearly_as_the_script_is(folder, deck, command, tmp_path):
    (folder / "POTCAR").write_text("".join(potential(*item) for item in VALENCES.items()))
    own = tmp_path / "own"
    own.mkdir()
    for name in ("vasp.sh", "my_vasp.sh", "my_bash"):
        (own / name).write_text("#!/bin/bash\necho it runs\n")
        (own / name).chmod(0o755)
    done = run_script(folder, deck, VASP_COMMAND=command.format(own=own), PATH=f"{own}:/usr/bin:/bin")
    assert (done.returncode, done.stdout) == (0, "it runs\n"), done.stderr


def test_the_script_puts_the_potentials_together(folder, deck, tmp_path):
    for symbol, valence in VALENCES.items():
        place = tmp_path / "library" / "potpaw_PBE" / symbol
        place.mkdir(parents=True)
        (place / "POTCAR").write_text(potential(symbol, valence))
    done = run_script(folder, deck, VASP_PP_PATH=str(tmp_path / "library"))
    assert (done.returncode, done.stdout) == (0, "it runs\n")
    assert (folder / "POTCAR").read_text().count("TITEL") == 3


@pytest.mark.parametrize(
    ("potcar", "message"),
    [
        (None, "there is no POTCAR here"),
        (potential("Pb_d", 14) + potential("Cs_sv", 9) + potential("Br", 7), "'Pb_d Cs_sv Br'"),
        (potential("Cs_sv", 9) + potential("Pb_d", 14), "the deck wants 'Cs_sv Pb_d Br'"),
        (potential("Cs_sv", 9) + potential("Pb_d", 4) + potential("Br", 7), "Pb_d has 4.000 electrons"),
        (potential("Cs_sv", 9, "PAW") + potential("Pb_d", 14) + potential("Br", 7), "PAW:Cs_sv"),
        ("", "holds ''"),
    ],
)
def test_the_script_stops_before_vasp_where_potentials_do_not_fit(folder, deck, potcar, message):
    if potcar is not None:
        (folder / "POTCAR").write_text(potcar)
    done = run_script(folder, deck)
    assert done.returncode != 0
    assert message in done.stderr
    assert "it runs" not in done.stdout
    (folder / "stderr.log").write_text(done.stderr)
    assert "POTCAR" in CODE.diagnose(folder).message


# --- run sheet --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "finished"),
    [
        ({}, True),
        ({"ended": False}, False),
        ({"reached": False}, False),
        ({"version": "5.4.4", "cycles": 60}, False),
        ({"version": "5.4.4", "cycles": 59}, True),
        ({"nsw": 5}, False),
        ({"nsw": 5, "relaxed": True}, True),
        ({"nsw": 5, "extra": " soft stop encountered!  aborting job ..."}, False),
    ],
)
def test_the_run_sheet_knows_a_finished_step(folder, make_outcar, settings, finished):
    (folder / "OUTCAR").write_text(make_outcar(**settings))
    done = subprocess.run(["bash", "-c", CODE.sheet.finished_test], cwd=folder, timeout=60, check=False)
    assert (done.returncode == 0) is finished
