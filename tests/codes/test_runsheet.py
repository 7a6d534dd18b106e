"""The run sheet's scripts, run by bash with a CASTEP that only pretends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dftflow
from dftflow.codes.registry import code_names, load_code
from dftflow.codes.runsheet import run_sheet
from dftflow.codes.sheet_facts import SheetFacts
from dftflow.errors import SpecError
from dftflow.model.step import Need, Step, StepId, Subject

SYSTEM = ("awk", "bash", "cat", "dirname", "env", "grep", "sed", "touch")
"""All programs of the machine that are on the PATH of the scripts: it may have a DFT code too."""
UNSET = ("CASTEP_COMMAND", "DFTFLOW", "ESPRESSO_COMMAND", "ESPRESSO_PSEUDO", "GPAW_COMMAND", "GPAW_SETUP_PATH",
         "PSPOT_DIR", "VASP_COMMAND", "VASP_PP_PATH")  # fmt: skip

CASTEP = """\
#!/bin/bash
# Ends as the real one does: a banner, a footer, and the last geometry. FAIL names seeds that lose their footer.
seed=${!#}
echo "$seed $* $(cat "$seed.cell")" >> "$LOG"
echo " | Welcome to Academic Release CASTEP version 21.11|" >> "$seed.castep"
[[ " ${FAIL:-} " == *" $seed "* ]] && exit 0   # CASTEP's exit status says nothing
[[ " ${ABORT:-} " == *" $seed "* ]] && exit 3
if [[ " ${UNCONVERGED:-} " == *" $seed "* ]]; then
    echo "BFGS: WARNING - Geometry optimization failed to converge after 9 steps" >> "$seed.castep"
fi
echo "Total time          =     1.00 s" >> "$seed.castep"
echo "relaxed $seed" > "$seed-out.cell"
"""

DFTFLOW = """\
#!/bin/bash
# Writes a deck anew, of a dependent step from the relaxed geometry, of a relaxation from its own last one, and the run
# sheet over itself.
echo "dftflow $*" >> "$LOG"
[[ " ${UNCUTTABLE:-} " == *" $4 "* ]] && exit 2
if [[ $4 == */bulk-relax ]]; then
    echo "gone on" > "$4/${4//\\//-}.cell"
else
    cat "one/bulk-relax/one-bulk-relax-out.cell" > "$4/${4//\\//-}.cell"
fi
printf 'echo overwritten >> "$LOG"\\n%.0s' {1..400} > run.sh
"""


def step(material: str, label: str, task: str, *needs: Step) -> Step:
    subject = Subject(kind="bulk", materials=(material,), label=label)
    return Step(
        id=StepId(subject=subject, task=task),
        title=f"{task} of {material}",
        needs=tuple(Need(step=need.id, purpose="geometry") for need in needs),
    )


RELAX = step("one", "bulk", "relax")
BANDS = step("one", "bulk", "bands", RELAX)
OTHER = step("two", "bulk", "relax")
STEPS = [RELAX, BANDS, OTHER]
ONE, BAND, TWO = (step.seed for step in STEPS)


def commands(*words: str, steps: Sequence[Step] = STEPS) -> dict[str, tuple[str, ...]]:
    return {step.name: (*words, step.seed) for step in steps}


def castep_sheet(steps: Sequence[Step] = STEPS, **more: Any) -> dict[str, str]:
    return run_sheet(load_code("castep"), steps, commands("/opt/of/this/machine/castep", steps=steps), **more)


def test_what_the_decks_writers_caution_about_stands_in_the_sheet() -> None:
    cautions = {"mind the Pulay stress": [RELAX.name, OTHER.name]}
    sheet = castep_sheet(cautions=cautions)["RUN.md"]
    assert "* mind the Pulay stress (one/bulk-relax, two/bulk-relax)" in sheet.splitlines()
    assert "Pulay" not in castep_sheet()["RUN.md"]


class Sheet:
    """A folder with decks, the run sheet and pretended programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a b"
        self.log = folder / "log"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.system = folder / "system"
        self.system.mkdir()
        for name in SYSTEM:
            (self.system / name).symlink_to(shutil.which(name) or "nowhere")
        for name, text in (("castep.mpi", CASTEP), ("dftflow", DFTFLOW)):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        for step in STEPS:
            (self.folder / step.name).mkdir(parents=True)
            (self.folder / step.name / f"{step.seed}.cell").write_text("unrelaxed\n")
            (self.folder / step.name / f"{step.seed}.param").write_text("task : x\n")
        self.write()

    def program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f"#!/bin/bash\n{text}\n")
        (self.bin / name).chmod(0o755)

    def write(self) -> None:
        for name, text in castep_sheet().items():
            (self.folder / name).write_text(text)

    def run(self, script: str = "run.sh", *arguments: str, **environment: str) -> tuple[int, list[str], str]:
        """Exit status, what was called, and what was printed."""
        self.write()
        self.log.write_text("")
        clean = {key: value for key, value in os.environ.items() if key not in UNSET}
        path = f"{self.bin}{os.pathsep}{self.system}"
        found = subprocess.run(
            ["bash", str(self.folder / script), *arguments],
            cwd=self.folder.parent,
            env=clean | {"PATH": path, "LOG": str(self.log)} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return found.returncode, self.log.read_text().splitlines(), found.stdout + found.stderr


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    return Sheet(tmp_path)


RECUT = "dftflow advance . --step one/bulk-bands"
RUN_ONE, RUN_TWO = f"{ONE} {ONE} unrelaxed", f"{TWO} {TWO} unrelaxed"
RUN_BANDS = f"{BAND} {BAND} relaxed {ONE}"
GOES_ON_ONE, GOES_ON_TWO = (f"dftflow advance . --step {name}/bulk-relax" for name in ("one", "two"))
AGAIN_ONE, AGAIN_TWO = f"{ONE} {ONE} gone on", f"{TWO} {TWO} gone on"


def test_steps_run_in_order_on_decks_cut_from_the_relaxed_geometry(sheet: Sheet) -> None:
    status, log, text = sheet.run()
    assert log == [RUN_ONE, RECUT, RUN_BANDS, RUN_TWO]
    assert status == 0
    assert "all steps are finished" in text


def test_the_folder_can_be_moved(sheet: Sheet, tmp_path: Path) -> None:
    sheet.folder = sheet.folder.rename(tmp_path / "moved away")
    assert sheet.run()[:2] == (0, [RUN_ONE, RECUT, RUN_BANDS, RUN_TWO])
    assert not [text for text in castep_sheet().values() if "/opt/of/this/machine" in text]


def test_finished_steps_are_left_alone(sheet: Sheet) -> None:
    sheet.run()
    status, log, _ = sheet.run()
    assert (status, log) == (0, [])


@pytest.mark.parametrize("how", ["FAIL", "ABORT", "UNCONVERGED"])
def test_what_does_not_need_a_failed_step_still_runs(how: str, sheet: Sheet) -> None:
    status, log, text = sheet.run(**{how: ONE})
    assert log == [RUN_ONE, RUN_TWO]
    assert status == 1
    assert f"FAIL  one/bulk-relax: see one/bulk-relax/{ONE}.castep" in text
    assert "skip  one/bulk-bands: one/bulk-relax did not finish" in text
    assert "not finished: one/bulk-relax one/bulk-bands" in text


def test_after_a_failure_only_what_is_missing_runs(sheet: Sheet) -> None:
    """The .castep file then holds two runs: the last one counts."""
    sheet.run(FAIL=ONE)
    status, log, _ = sheet.run()
    assert log == [GOES_ON_ONE, AGAIN_ONE, RECUT, RUN_BANDS]
    assert status == 0


def test_a_step_that_failed_later_counts_as_not_finished(sheet: Sheet) -> None:
    sheet.run()
    with (sheet.folder / OTHER.name / f"{TWO}.castep").open("a") as stream:
        stream.write(" | Welcome to Academic Release CASTEP version 21.11|\n")
    assert sheet.run()[1] == [GOES_ON_TWO, AGAIN_TWO]


def test_a_deck_that_cannot_be_written_fails_alone(sheet: Sheet) -> None:
    status, log, text = sheet.run(UNCUTTABLE=BANDS.name)
    assert log == [RUN_ONE, RECUT, RUN_TWO]
    assert status == 1
    assert "FAIL  one/bulk-bands: its deck could not be written" in text
    assert "not finished: one/bulk-bands \n" in text
    assert sheet.run()[:2] == (0, [RECUT, RUN_BANDS])


def test_launcher_in_front_of_the_program(sheet: Sheet) -> None:
    sheet.program("launch", 'exec "${@:3}"')
    status, log, text = sheet.run(CASTEP_COMMAND="launch -n 4 castep.mpi")
    assert status == 0
    assert log[0] == RUN_ONE
    assert f"run   one/bulk-relax: launch -n 4 castep.mpi {ONE}" in text


def test_slurm_script_runs_the_same_steps(sheet: Sheet) -> None:
    sheet.program("srun", 'echo srun >> "$LOG"\nexec "$@"')
    status, log, _ = sheet.run("run.slurm", SLURM_SUBMIT_DIR=str(sheet.folder))
    assert status == 0
    assert log == ["srun", RUN_ONE, RECUT, "srun", RUN_BANDS, "srun", RUN_TWO]


# --- what is missing on this machine ----------------------------------------------------------------------------


def test_everything_that_is_missing_is_said_at_once_and_nothing_runs(sheet: Sheet) -> None:
    (sheet.bin / "castep.mpi").unlink()
    (sheet.bin / "dftflow").unlink()
    (sheet.folder / RELAX.name / f"{ONE}.param").unlink()
    shutil.rmtree(sheet.folder / OTHER.name)
    (sheet.folder / BANDS.name / f"{BAND}.cell").write_text(
        "%BLOCK SPECIES_POT\nCs C19\nPb  Pb_00PBE.usp ! tabulated\nBr  Br_00PBE.usp\n%ENDBLOCK SPECIES_POT\nPb x.usp\n"
    )
    (sheet.folder / BANDS.name / "Br_00PBE.usp").touch()
    status, log, text = sheet.run()
    assert (status, log) == (4, [])
    assert text.splitlines() == [
        f"the deck of one/bulk-relax lacks {ONE}.param",
        "the program castep.mpi is not found",
        "the program dftflow is not found: it writes decks from the results of earlier steps (DFTFLOW)",
        "the potential Pb_00PBE.usp is not in PSPOT_DIR, which is not set",
        "the folder two/bulk-relax is not there, or cannot be entered",
        "nothing was run: bash run.sh --no-check runs all the same",
    ]
    (sheet.bin.parent / "pots").mkdir()
    (sheet.bin.parent / "pots" / "Pb_00PBE.usp").touch()
    assert "usp" not in sheet.run(PSPOT_DIR=str(sheet.bin.parent / "pots"))[2]


def test_a_launcher_and_the_program_behind_it_are_wanted(sheet: Sheet) -> None:
    (sheet.bin / "castep.mpi").unlink()
    text = sheet.run(CASTEP_COMMAND="launch -n 4 castep.mpi")[2]
    assert text.splitlines()[:-1] == ["the program launch is not found", "the program castep.mpi is not found"]
    sheet.program("own-castep", "exit 0")
    assert sheet.run("run.sh", "--check", CASTEP_COMMAND="own-castep")[0] == 0


def test_the_look_alone_runs_nothing(sheet: Sheet) -> None:
    assert sheet.run("run.sh", "--check") == (0, [], "nothing is missing\n")
    sheet.run(FAIL=BAND)
    (sheet.bin / "dftflow").unlink()
    status, log, text = sheet.run("run.sh", "--check")
    assert (status, log) == (4, []) and "dftflow" in text
    sheet.program("dftflow", "exit 0")
    assert sheet.run("run.sh", "--look")[0] == 2


def test_it_can_be_run_without_the_look(sheet: Sheet) -> None:
    (sheet.bin / "dftflow").unlink()
    status, log, text = sheet.run("run.sh", "--no-check")
    assert (status, log) == (1, [RUN_ONE, RUN_TWO])
    assert "not finished: one/bulk-bands" in text


def test_finished_steps_want_nothing(sheet: Sheet) -> None:
    sheet.run()
    (sheet.bin / "castep.mpi").unlink()
    (sheet.bin / "dftflow").unlink()
    assert sheet.run()[0] == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(sheet: Sheet) -> None:
    (sheet.folder / OTHER.name).chmod(0o555)
    assert "the folder two/bulk-relax cannot be written" in sheet.run("run.sh", "--check")[2]


def sheet_of(code: str, sheet: Sheet) -> None:
    """Puts the run sheet of another code, for one step, in its place."""
    text = run_sheet(load_code(code), [OTHER], commands("bash", steps=[OTHER]))["run.sh"]
    sheet.write = lambda: (sheet.folder / "run.sh").write_text(text)  # type: ignore[assignment,method-assign]


def test_what_quantum_espresso_lacks(sheet: Sheet, tmp_path: Path) -> None:
    sheet_of("espresso", sheet)
    folder = sheet.folder / OTHER.name
    (folder / f"{TWO}.sh").touch()
    species = "ATOMIC_SPECIES\nCs 132.9 Cs.upf\nBr 79.9 Br.upf\n\nK_POINTS gamma\n1 1 none.upf\n"
    (folder / f"{TWO}.scf.in").write_text(species)
    (folder / f"{TWO}.average.in").touch()
    (tmp_path / "pseudo").mkdir()
    (tmp_path / "pseudo" / "Cs.upf").touch()
    sheet.program("pw.x", "exit 0")
    status, _, text = sheet.run(ESPRESSO_PSEUDO=str(tmp_path / "pseudo"), ESPRESSO_COMMAND="launch -n 2")
    assert status == 4
    assert text.splitlines()[:-1] == [
        "the program launch is not found",
        "the program average.x is not found",
        f"the pseudopotential Br.upf is not in {tmp_path / 'pseudo'} (ESPRESSO_PSEUDO)",
    ]
    assert "Cs.upf is not in" in sheet.run(HOME=str(tmp_path))[2]
    for name in ("Cs.upf", "Br.upf"):
        (folder / name).touch()
    assert "upf" not in sheet.run(HOME=str(tmp_path))[2]


def test_what_vasp_lacks(sheet: Sheet, tmp_path: Path) -> None:
    sheet_of("vasp", sheet)
    folder = sheet.folder / OTHER.name
    for name in ("POSCAR", "INCAR", "KPOINTS"):
        (folder / name).touch()
    (folder / "POTCAR.spec").write_text("Cs_sv\nBr\n")
    (folder / "vasp.sh").write_text("library=potpaw_PBE\n")
    library = tmp_path / "library"
    (library / "potpaw_PBE" / "Br").mkdir(parents=True)
    (library / "potpaw_PBE" / "Br" / "POTCAR").touch()
    status, _, text = sheet.run(VASP_PP_PATH=str(library))
    assert status == 4
    assert text.splitlines()[:-1] == [
        "the program vasp_std is not found",
        f"there is no POTCAR of Cs_sv here, nor potpaw_PBE/Cs_sv in {library}",
    ]
    assert "Br in VASP_PP_PATH, which is not set" in sheet.run()[2].replace("potpaw_PBE/", "")
    (folder / "POTCAR").touch()
    sheet.program("vasp_gam", "exit 0")
    assert sheet.run("run.sh", "--check")[:1] == (0,)


def test_what_gpaw_lacks(sheet: Sheet) -> None:
    """A Python without GPAW, then one that has it, and an element without a data set."""
    sheet_of("gpaw", sheet)
    folder = sheet.folder / OTHER.name
    (folder / f"{TWO}.py").touch()
    (folder / f"{TWO}.xyz").write_text("2\nLattice\nCs 0 0 0\nEs 1 1 1\n")
    sheet.program("python3", f'exec {sys.executable} -S -E "$@"')
    _, _, text = sheet.run("run.sh", "--check")
    assert f"the Python package gpaw is not there for {sys.executable}" in text
    pretended = sheet.bin.parent / "packages"
    for name in ("gpaw", "_gpaw"):
        (pretended / name).mkdir(parents=True)
        (pretended / name / "__init__.py").touch()
    paths = os.pathsep.join([str(Path(dftflow.__file__).parents[1]), str(pretended)])
    status, _, text = sheet.run("run.sh", "--check", GPAW_COMMAND=sys.executable, PYTHONPATH=paths, HOME=str(pretended))
    assert status == 4
    assert "data set for Es" in text and "gpaw is not there" not in text


# --- texts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", code_names())
@pytest.mark.parametrize("name", ["run.sh", "run.slurm"])
def test_scripts_are_valid_bash(code: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    odd = commands("with 'quotes'", "$(blanks)", steps=[RELAX])
    file.write_text(run_sheet(load_code(code), [RELAX], odd)[name])
    subprocess.run(["bash", "-n", str(file)], check=True)
    assert file.read_text().startswith("#!/usr/bin/env bash\n")
    if shutil.which("shellcheck") is not None:
        subprocess.run(["shellcheck", "--exclude", "SC2016", str(file)], check=True)


def test_a_code_without_its_own_test_goes_by_the_exit_status(sheet: Sheet) -> None:
    sheet.program("engine", 'echo "$*" >> "$LOG"\n[[ ${FAIL:-} != "$1" ]]')

    class Toy:
        name, deck_files, sheet = "toy", ("{seed}.cell",), SheetFacts()

    steps = [replace(step, needs=()) for step in STEPS]
    text = run_sheet(Toy(), steps, commands("engine"))["run.sh"]  # type: ignore[arg-type]
    sheet.write = lambda: (sheet.folder / "run.sh").write_text(text)  # type: ignore[assignment,method-assign]
    assert sheet.run(FAIL=TWO)[:2] == (1, [ONE, BAND, TWO])
    assert sheet.run()[:2] == (0, [TWO])


def test_sheet_for_a_person() -> None:
    text = castep_sheet()["RUN.md"]
    for expected in ("licence", "SPECIES_POT", "dftflow advance . --step NAME", "`<seed>-out.cell`", "--check"):
        assert expected in text
    rows = [line for line in text.splitlines() if line.startswith("| 2 |")]
    assert rows == [f"| 2 | one/bulk-bands | bands of one | `castep.mpi {BAND}` | result of one/bulk-relax |"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "without a step"),
        (STEPS[1:], "does not come before"),
        ([RELAX, RELAX], "two steps"),
    ],
)
def test_impossible_series(steps: list[Step], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        castep_sheet(steps)


def test_a_step_without_a_command() -> None:
    with pytest.raises(SpecError, match="no command for the step one/bulk-relax"):
        run_sheet(load_code("castep"), STEPS, {})
