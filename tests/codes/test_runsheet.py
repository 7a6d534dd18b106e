"""The run sheet's scripts, run by bash with a CASTEP that only pretends."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dftflow.codes.registry import load_code
from dftflow.codes.runsheet import SheetStep, run_sheet
from dftflow.errors import SpecError

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
# Writes the dependent decks anew, from the relaxed geometry, and the run sheet over itself.
echo "dftflow $*" >> "$LOG"
cat "relax one/one-out.cell" > "bands one/one-b.cell"
printf 'echo overwritten >> "$LOG"\\n%.0s' {1..200} > run.sh
"""

STEPS = [
    SheetStep(
        name="one/relax",
        folder="relax one",
        seed="one",
        title="relaxation",
        needs=(),
        command=("castep.mpi", "one"),
    ),
    SheetStep(
        name="one/bands",
        folder="bands one",
        seed="one-b",
        title="bands",
        needs=("one/relax",),
        command=("castep.mpi", "one-b"),
    ),
    SheetStep(name="two/relax", folder="two", seed="two", title="relaxation", needs=(), command=("castep.mpi", "two")),
]


def test_what_the_decks_writers_caution_about_stands_in_the_sheet() -> None:
    cautions = {"mind the Pulay stress": ["one/relax", "two/relax"]}
    sheet = run_sheet(load_code("espresso"), STEPS, ["study"], cautions=cautions)["RUN.md"]
    assert "* mind the Pulay stress (one/relax, two/relax)" in sheet.splitlines()
    assert "Pulay" not in run_sheet(load_code("espresso"), STEPS, ["study"])["RUN.md"]


class Sheet:
    """A folder with decks, the run sheet and pretended programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a b"
        self.log = folder / "log"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name, text in (("castep.mpi", CASTEP), ("dftflow", DFTFLOW)):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        for step in STEPS:
            (self.folder / step.folder).mkdir(parents=True)
            (self.folder / step.folder / f"{step.seed}.cell").write_text("unrelaxed\n")
        self.write()

    def write(self) -> None:
        for name, text in run_sheet(load_code("castep"), STEPS, ["../my study.toml"]).items():
            (self.folder / name).write_text(text)

    def run(self, script: str = "run.sh", **environment: str) -> tuple[int, list[str], str]:
        """Exit status, what was called, and what was printed."""
        self.write()
        self.log.write_text("")
        clean = {key: value for key, value in os.environ.items() if key not in ("CASTEP_COMMAND", "DFTFLOW")}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        found = subprocess.run(
            ["bash", str(self.folder / script)],
            cwd=self.folder,
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


RECUT = "dftflow decks ../my study.toml --code castep --out ."


def test_steps_run_in_order_on_decks_cut_from_the_relaxed_geometry(sheet: Sheet) -> None:
    status, log, text = sheet.run()
    assert log == ["one one unrelaxed", RECUT, "one-b one-b relaxed one", "two two unrelaxed"]
    assert status == 0
    assert "all steps are finished" in text


def test_finished_steps_are_left_alone(sheet: Sheet) -> None:
    sheet.run()
    status, log, _ = sheet.run()
    assert (status, log) == (0, [])


@pytest.mark.parametrize("how", ["FAIL", "ABORT", "UNCONVERGED"])
def test_what_does_not_need_a_failed_step_still_runs(how: str, sheet: Sheet) -> None:
    status, log, text = sheet.run(**{how: "one"})
    assert log == ["one one unrelaxed", "two two unrelaxed"]
    assert status == 1
    assert "FAIL  one/relax: see relax one/one.castep" in text
    assert "skip  one/bands: one/relax did not finish" in text
    assert "not finished: one/relax one/bands" in text


def test_after_a_failure_only_what_is_missing_runs(sheet: Sheet) -> None:
    """The .castep file then holds two runs: the last one counts."""
    sheet.run(FAIL="one")
    status, log, _ = sheet.run()
    assert log == ["one one unrelaxed", RECUT, "one-b one-b relaxed one"]
    assert status == 0


def test_a_step_that_failed_later_counts_as_not_finished(sheet: Sheet) -> None:
    sheet.run()
    with (sheet.folder / "two" / "two.castep").open("a") as stream:
        stream.write(" | Welcome to Academic Release CASTEP version 21.11|\n")
    assert sheet.run()[1] == ["two two unrelaxed"]


def test_decks_that_cannot_be_cut_stop_the_script(sheet: Sheet) -> None:
    (sheet.bin / "dftflow").write_text("#!/bin/bash\necho no >&2\nexit 2\n")
    status, log, _ = sheet.run()
    assert status == 2
    assert log == ["one one unrelaxed"]


def test_launcher_in_front_of_the_program(sheet: Sheet) -> None:
    (sheet.bin / "launch").write_text('#!/bin/bash\nexec "${@:3}"\n')
    (sheet.bin / "launch").chmod(0o755)
    status, log, text = sheet.run(CASTEP_COMMAND="launch -n 4 castep.mpi")
    assert status == 0
    assert log[0] == "one one unrelaxed"
    assert "run   one/relax: launch -n 4 castep.mpi one (in relax one)" in text


def test_slurm_script_runs_the_same_steps(sheet: Sheet) -> None:
    (sheet.bin / "srun").write_text('#!/bin/bash\necho srun >> "$LOG"\nexec "$@"\n')
    (sheet.bin / "srun").chmod(0o755)
    status, log, _ = sheet.run("run.slurm", SLURM_SUBMIT_DIR=str(sheet.folder))
    assert status == 0
    assert log == [
        "srun", "one one unrelaxed", RECUT, "srun", "one-b one-b relaxed one", "srun", "two two unrelaxed",
    ]  # fmt: skip


@pytest.mark.parametrize("code", ["castep", "gpaw"])
@pytest.mark.parametrize("name", ["run.sh", "run.slurm"])
def test_scripts_are_valid_bash(code: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(run_sheet(load_code(code), STEPS, ["study with 'quotes' and $(blanks).toml"])[name])
    subprocess.run(["bash", "-n", str(file)], check=True)
    assert file.read_text().startswith("#!/usr/bin/env bash\n")


def test_a_code_without_its_own_test_goes_by_the_exit_status(sheet: Sheet) -> None:
    (sheet.bin / "engine").write_text('#!/bin/bash\necho "$*" >> "$LOG"\n[[ ${FAIL:-} != "$1" ]]\n')
    (sheet.bin / "engine").chmod(0o755)
    steps = [replace(step, command=("engine", step.seed), needs=()) for step in STEPS]
    sheet.write = lambda: (sheet.folder / "run.sh").write_text(  # type: ignore[assignment,method-assign]
        run_sheet(load_code("gpaw"), steps, ["s"])["run.sh"]
    )
    assert sheet.run(FAIL="two")[:2] == (1, ["one", "one-b", "two"])
    assert sheet.run()[:2] == (0, ["two"])


def test_sheet_for_a_person() -> None:
    text = run_sheet(load_code("castep"), STEPS, ["study.toml"])["RUN.md"]
    for expected in ("licence", "SPECIES_POT", "dftflow decks study.toml --code castep --out .", "`<seed>-out.cell`"):
        assert expected in text
    rows = [line for line in text.splitlines() if line.startswith("| 2 |")]
    assert rows == ["| 2 | one/bands | bands | `bands one` | `castep.mpi one-b` | relaxed geometry of one/relax |"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "without a step"),
        (STEPS[1:], "does not come before"),
        ([STEPS[0], STEPS[0]], "two steps"),
        ([replace(STEPS[0], name="a b")], "holds a blank"),
    ],
)
def test_impossible_series(steps: list[SheetStep], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        run_sheet(load_code("castep"), steps, ["study.toml"])
