"""What is no regular file, or no name of one, is refused at once by every command that takes a file or a folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dftflow.cli.main import COMMANDS, main
from dftflow.errors import StoreError

SECONDS = 20
"""A command starts in about one; what waits for a pipe waits for ever. Machines that run other tests are slow."""
MEMORY_BYTES = 3 << 30
STUDY = "fapbbr3-cspbbr3"


def _pipe(place: Path) -> str:
    os.mkfifo(place / "x.cif")
    return "x.cif"


def _device(place: Path) -> str:
    (place / "x.cif").symlink_to("/dev/zero")
    return "x.cif"


def _socket(place: Path) -> str:
    end = socket.socket(socket.AF_UNIX)
    before = os.getcwd()
    os.chdir(place)  # the name of a socket is short
    end.bind("x.cif")
    os.chdir(before)
    return "x.cif"


def _sparse(place: Path) -> str:
    with (place / "x.cif").open("wb") as stream:
        stream.truncate(1 << 40)
    return "x.cif"


def _circle(place: Path) -> str:
    (place / "x.cif").symlink_to("x.cif")
    return "x.cif"


def _below_a_file(place: Path) -> str:
    (place / "file").write_text("")
    return "file/x.cif"


KINDS: dict[str, Callable[[Path], str]] = {
    "pipe": _pipe,
    "device": _device,
    "socket": _socket,
    "sparse": _sparse,
    "circle": _circle,
    "long name": lambda _: "x" * 5000 + ".cif",
    "long path": lambda _: "xxx/" * 1250 + "x.cif",
    "nobody's home": lambda _: "~nosuchuser/x.cif",
    "below a file": _below_a_file,
}

COMMAND_LINES: dict[str, list[str]] = {
    "structure": ["structure", "{}"],
    "structure --substitute": ["structure", "CsPbBr3_Pm-3m", "--substitute", "Cs={}"],
    "structure --out": ["structure", "CsPbBr3_Pm-3m", "--out", "{}"],
    "slab": ["slab", "{}", "--miller", "0", "0", "1"],
    "slab --out": ["slab", "CsPbBr3_Pm-3m", "--miller", "0", "0", "1", "--setting", "cubic", "--out", "{}"],
    "plan": ["plan", "{}"],
    "plan --out": ["plan", STUDY, "--out", "{}"],
    "run": ["run", "{}"],
    "run --out": ["run", STUDY, "--out", "{}"],
    "decks": ["decks", "{}", "--out", "decks"],
    "decks --out": ["decks", STUDY, "--code", "castep", "--out", "{}"],
    "advance": ["advance", "{}"],
    "status": ["status", "{}"],
    "log": ["log", "{}", "CsPbBr3/bulk-relax"],
    "cancel": ["cancel", "{}"],
    "retry": ["retry", "{}", "CsPbBr3/bulk-relax"],
    "clean": ["clean", "{}"],
    "step": ["step", "{}", "CsPbBr3/bulk-relax"],
    "collect": ["collect", "{}"],
    "collect STUDY": ["collect", "{}", "."],
    "collect STUDY FOLDER": ["collect", STUDY, "{}"],
    "collect --at": ["collect", STUDY, ".", "--at", "CsPbBr3/bulk-relax={}"],
    "parse": ["parse", "{}"],
    "levels": ["levels", "--slab", "{}"],
    "levels --bulk": ["levels", "--slab", "first", "--bulk", "{}"],
    "compare": ["compare", "{}", "."],
    "compare the second": ["compare", "first", "{}"],
    "lint": ["lint", "{}"],
    "report": ["report", "{}"],
    "export": ["export", "{}"],
    "export --ro-crate": ["export", "{}", "--ro-crate", "x.zip"],
    "export --ase-db": ["export", "{}", "--ase-db", "x.db"],
    "import": ["import", "{}", "there"],
    "align": ["align", "{}"],
    "align --out": ["align", "first", "--out", "{}"],
    "plot": ["plot", "bands", "{}"],
    "plot --out": ["plot", "bands", "first", "--out", "{}"],
    "plot --data": ["plot", "bands", "first", "--data", "{}"],
    "deck": ["deck", "{}", "--code", "castep", "--task", "bands"],
    "deck --out": ["deck", "CsPbBr3_Pm-3m", "--code", "castep", "--task", "bands", "--out", "{}"],
    "diffraction": ["diffraction", "{}"],
    "diffraction --measured": ["diffraction", "CsPbBr3_Pm-3m", "--measured", "{}"],
    "diffraction --out": ["diffraction", "CsPbBr3_Pm-3m", "--out", "{}"],
    "mismatch": ["mismatch", "{}", "CsPbBr3_Pm-3m"],
    "mismatch the second": ["mismatch", "CsPbBr3_Pm-3m", "{}"],
    "init --from": ["init", "mine", "--from", "{}"],
}
WRITES = tuple(name for name in COMMAND_LINES if name.endswith((" --out", " --data")))
NO_FILE = {"doctor", "studies", "help"}


def _as_a_command(line: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["prlimit", f"--as={MEMORY_BYTES}", sys.executable, "-m", "dftflow", *line],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "a.castep").write_text("nothing\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_is_tried() -> None:
    assert {line[0] for line in COMMAND_LINES.values()} == COMMANDS.keys() - NO_FILE


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (command, kind)
        for command in COMMAND_LINES
        for kind in KINDS
        # a file that is written over, or a folder that cannot be made: for the disk to say
        if command not in WRITES or kind not in ("sparse", "below a file")
    ],
)
def test_what_is_no_file_is_refused_at_once(
    command: str, kind: str, in_a_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = KINDS[kind](in_a_folder)
    line = [word.format(name) for word in COMMAND_LINES[command]]
    if command == "lint":  # which takes .cell and .param alone
        line = [word.replace(".cif", ".cell") for word in line]
        if (in_a_folder / "x.cif").is_symlink() or (in_a_folder / "x.cif").exists():
            (in_a_folder / "x.cif").rename(in_a_folder / "x.cell")
    code = main(line)
    said = capsys.readouterr().err
    # who compares reads the first folder before it looks for the second
    expected = StoreError.exit_code if command in WRITES else 2
    assert code == expected or (command == "compare the second" and kind in ("below a file", "sparse")), said
    assert "Traceback" not in said and len(said) < 2000, said
    assert "error: " in said


@pytest.mark.parametrize("kind", ["pipe", "device", "sparse"])
@pytest.mark.parametrize("command", ["structure", "plan", "parse", "export", "status"])
def test_a_process_of_its_own_ends(command: str, kind: str, in_a_folder: Path) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("there is no prlimit")
    name = KINDS[kind](in_a_folder)
    done = _as_a_command([word.format(name) for word in COMMAND_LINES[command]], in_a_folder)
    assert done.returncode == 2 and done.stderr.startswith("error: "), done.stderr


@pytest.mark.parametrize("command", [name for name in COMMAND_LINES if name not in WRITES])
def test_a_nul_in_a_name_is_refused(command: str, in_a_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word.format("a\0b.cif") for word in COMMAND_LINES[command]]) == 2
    said = capsys.readouterr().err
    assert "\0" not in said and "Traceback" not in said


@pytest.mark.parametrize("command", ["structure", "plan", "run", "lint", "structure --out"])
def test_a_folder_is_no_file(command: str, in_a_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "x.cell" if command == "lint" else "x.cif"
    (in_a_folder / name).mkdir()
    expected = StoreError.exit_code if command in WRITES else 2
    assert main([word.format(name) for word in COMMAND_LINES[command]]) == expected
    assert name in capsys.readouterr().err or command == "lint"


# --- names in a study file --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_crystal_that_a_study_names(kind: str, in_a_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = KINDS[kind](in_a_folder)
    (in_a_folder / "s.toml").write_text(
        f'title = "x"\ncode = "gpaw"\n[materials.A]\nstructure = "{name}"\n'
        '[[surfaces]]\nmaterial = "A"\nmiller = [0, 0, 1]\n'
    )
    assert main(["plan", "s.toml"]) == 2
    said = capsys.readouterr().err
    assert len(said) < 2000 and "Traceback" not in said


# --- files that readers open by name in a folder ----------------------------------------------------------------

IN_A_FOLDER = (
    *("x.castep", "x.bands", "x.cell", "x-out.cell", "x.param", "x.geom", "x.pot_fmt", "x.cst_esp", "x.castep_bin"),
    *("x.check", "x.md", "x.0001.err", "x.hug", "x.phonon", "Pb_00.usp"),
    *("vasprun.xml", "OUTCAR", "POSCAR", "CONTCAR", "INCAR", "KPOINTS", "LOCPOT", "EIGENVAL", "POTCAR", "vaspout.h5"),
    *("x.out", "x.in", "x.xml", "x.pot", "avg.dat", "data-file-schema.xml", "x.scf.out"),
    *("results.json", "eigenvalues.npz", "potential.npz", "relax.jsonl", "x.gpw", "x.txt", "x.py", "progress.json"),
    *("plan.json", "plan.jsonl", "state.json", "built.json", "written.json", "x.castep.gz", "OUTCAR.xz"),
    *("stdout.log", "stderr.log"),
)
BESIDE = {"y.castep": "nothing\n", "y.cell": "", "INCAR.relax1": "", "y.out": "Program PWSCF v.7.2\n"}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("special", ["pipe", "device"])
@pytest.mark.parametrize("company", [False, True], ids=["alone", "in company"])
def test_no_name_in_a_folder_makes_a_reader_wait(
    company: bool, special: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in IN_A_FOLDER:
        folder = tmp_path / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if special == "pipe":
            os.mkfifo(folder / name)
        else:
            (folder / name).symlink_to("/dev/zero")
        for other, text in BESIDE.items() if company else ():
            (folder / other).write_text(text)
        for command in (["parse"], ["compare", "case"], ["status"], ["report"], ["export"], ["collect", STUDY]):
            code = main([*command, "case"])
            said = capsys.readouterr()
            assert code in (2, 5, 6, 8), (name, command, said.err)
            assert "Traceback" not in said.err


def test_a_pipe_is_named_as_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "y.castep").write_text("nothing\n")
    os.mkfifo(tmp_path / "y.bands")
    assert main(["parse", str(tmp_path)]) == 6
    assert "y.bands" in (said := capsys.readouterr()).out and "a named pipe" in said.out
    (tmp_path / "y.castep").unlink()
    assert main(["parse", str(tmp_path)]) == 2
    assert "y.bands" in (said := capsys.readouterr()).err and "a named pipe" in said.err
