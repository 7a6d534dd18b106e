"""Relaxations that a person runs from a folder of decks, and that end before they have converged: they go on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from model_crystal import leave
from pymatgen.core import Structure
from vasp_files import Geometry, Run

import dftflow
from dftflow.cli.main import main
from dftflow.errors import CalculationError
from dftflow.studies.built_file import BUILT_FILE, read_built
from dftflow.studies.decks import BEGINS_ANEW, WrittenDeck, advance, write_decks
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.reader import load_study

RELAX = "CsBr/bulk-relax"
SLAB = "CsBr/slab-110-relax"
BOX = ((4.291, 0.0, 0.0), (0.0, 4.291, 0.0), (0.0, 0.0, 4.291))
KILLED = " vasp.6.4.2 18Apr17 (build) complex\n"


@pytest.fixture
def decks(write_study: Callable[..., Path], tmp_path: Path) -> Path:
    """Of VASP, nothing run yet."""
    study = write_study(('code = "gpaw"', 'code = "vasp"'), ("cutoff_ev = 244.9", "cutoff_ev = 400.0"))
    write_decks(load_study(str(study)), tmp_path / "decks")
    return tmp_path / "decks"


def started(decks: Path, step: str = RELAX) -> WrittenDeck:
    """What a person's script asks for before it starts the step."""
    return next(deck for deck in advance(decks, step).decks if deck.name == step)


def killed(folder: Path, *, contcar: str | None = None, xml: str | None = None) -> None:
    """What VASP leaves when a scheduler ends it: its logs without an end, and the geometry that it was about to do."""
    (folder / "OUTCAR").write_text(KILLED)
    for name, text in (("CONTCAR", contcar), ("vasprun.xml", xml)):
        if text is not None:
            (folder / name).write_text(text)


def moved(folder: Path, by: float) -> str:
    """CONTCAR as VASP writes it: heading and atoms of the POSCAR, the second atom elsewhere, velocities behind."""
    lines = (folder / "POSCAR").read_text().splitlines()
    lines[-1] = f"  0.5000000000000000  0.5000000000000000  {0.5 + by:.16f}"
    return "\n".join([*lines, "", *["  0.00000000E+00  0.00000000E+00  0.00000000E+00"] * 2]) + "\n"


def third_coordinate(folder: Path) -> float:
    """Of the second atom of the deck."""
    return float((folder / "POSCAR").read_text().splitlines()[-1].split()[2])


# --- through the scripts ------------------------------------------------------------------------------------------


FAKE = """\
#!/bin/bash
# A VASP that the scheduler kills in the middle of a relaxation, when it has written a CONTCAR.
echo "start from: $(sed -n 9p POSCAR)" >> starts.log
sed "9s/.*/  0.5 0.5 $(awk 'NR == 9 { print $3 + 0.01 }' POSCAR)/" POSCAR > CONTCAR
echo " vasp.6.4.2" > OUTCAR
exit 137
"""
POTCAR = "   TITEL  = PAW_PBE {0} 01Jan2000\n   POMASS =   99.000; ZVAL   = {1:8.3f}    mass and valenz\n"


def test_run_sh_goes_on_as_often_as_it_is_called(decks: Path, tmp_path: Path) -> None:
    """The program's name ends as that of the deck's script does, which is no reason to refuse it."""
    folder = decks / RELAX
    (folder / "POTCAR").write_text(POTCAR.format("Cs_sv", 9) + POTCAR.format("Br", 7))
    for name, text in (
        ("my_vasp.sh", FAKE),
        ("dftflow", f'#!/bin/bash\nexec {sys.executable} -m dftflow "$@"\n'),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {
        **os.environ,
        "VASP_COMMAND": str(tmp_path / "my_vasp.sh"),
        "DFTFLOW": str(tmp_path / "dftflow"),
        "PYTHONPATH": str(Path(dftflow.__file__).parents[1]),
    }
    said = [
        subprocess.run(
            ["bash", str(decks / "run.sh"), "--no-check"], env=environment, capture_output=True, text=True, check=False
        ).stdout
        for _ in range(4)
    ]
    starts = [float(line.split()[4]) for line in (folder / "starts.log").read_text().splitlines()]
    assert starts == pytest.approx([0.0, 0.01, 0.02, 0.03])
    assert [sorted(file.name for file in place.iterdir()) for place in sorted((folder / "tries").iterdir())] == [
        ["CONTCAR", "OUTCAR"]
    ] * 3
    assert (folder / "POTCAR").is_file() and "attempt" not in said[0]
    assert "attempt 3: ended without an end in its log; again with the last geometry (tries/3)" in said[3]
    (relax, *_) = outcome_of_folder(decks).steps
    assert relax.state == "failed" and [attempt.cause for attempt in relax.tries] == ["truncated"] * 3


def test_run_sh_without_dftflow_says_that_it_starts_from_its_deck(decks: Path, tmp_path: Path) -> None:
    folder = decks / RELAX
    (tmp_path / "vasp").write_text(FAKE)
    (tmp_path / "vasp").chmod(0o755)
    (folder / "POTCAR").write_text(POTCAR.format("Cs_sv", 9) + POTCAR.format("Br", 7))
    environment = {"PATH": "/usr/bin:/bin", "VASP_COMMAND": str(tmp_path / "vasp"), "DFTFLOW": str(tmp_path / "none")}
    runs = [
        subprocess.run(
            ["bash", str(decks / "run.sh"), *how], env=environment, capture_output=True, text=True, check=False
        )
        for how in (["--no-check"], ["--no-check"], [])
    ]
    assert "starts from its deck" not in runs[0].stderr and "starts from its deck" in runs[1].stderr
    assert len((folder / "starts.log").read_text().splitlines()) == 2
    assert runs[2].returncode == 4 and "goes on from its last geometry by it" in runs[2].stderr + runs[2].stdout


# --- what it goes on from -----------------------------------------------------------------------------------------


def test_what_is_about_to_be_calculated_goes_before_what_was(decks: Path) -> None:
    """Where the time holds one geometry only, vasprun.xml ends with the one that it began with."""
    folder = decks / RELAX
    run = Run(titels=("PAW_PBE Cs_sv 08Apr2002", "PAW_PBE Br 06Sep2000"), geometries=[Geometry(cell=BOX)])
    killed(folder, contcar=moved(folder, 0.02), xml=run.xml()[:-40])
    assert started(decks).remarks == ()
    assert third_coordinate(folder) == pytest.approx(0.52)
    assert {file.name for file in (folder / "tries/1").iterdir()} == {"CONTCAR", "OUTCAR", "vasprun.xml"}


@pytest.mark.parametrize("end", ["", "  0.5000000", "00000000000\n\n", "\n\n"])
def test_without_a_whole_contcar_it_goes_on_from_the_last_geometry_that_has_an_energy(end: str, decks: Path) -> None:
    """Of nothing, before the second atom, in its last number (0.52 as 0.52000), and behind it, without an end."""
    folder = decks / RELAX
    steps = [Geometry(cell=BOX, positions=((0.0, 0.0, 0.0), (0.5, 0.5, z))) for z in (0.5, 0.513)]
    run = Run(
        titels=("PAW_PBE Cs_sv 08Apr2002", "PAW_PBE Br 06Sep2000"),
        geometries=steps,
        parameters={"NSW": "int:100", "IBRION": "int:2", "ISIF": "int:8"},
    )
    whole = moved(folder, 0.02)
    killed(folder, contcar=whole[: whole.index(end)], xml=run.xml()[:-40])
    started(decks)
    assert third_coordinate(folder) == pytest.approx(0.513)


OTHERS = {
    "of other elements": lambda text: text.replace("Cs Br", "Cs I"),
    "of another cell": lambda text: text.replace("4.29100", "5.99100"),
    "with two atoms at one place": lambda text: text.replace("0.5000000000000000", "0.0000000000000000").replace(
        "0.5200000000000000", "0.0"
    ),
    "of other numbers": lambda text: text.replace("0.5200000000000000", "nan"),
    "of another structure, by another hand": lambda text: text.replace("CsBr", "mine").replace(
        "0.5000000000000000  0.5000000000000000  0.5200000000000000", "0.0 0.0 0.5"
    ),
}


@pytest.mark.parametrize("how", OTHERS)
def test_another_geometry_is_never_taken(how: str, decks: Path) -> None:
    folder = decks / RELAX
    before = (folder / "POSCAR").read_text()
    text = OTHERS[how](moved(folder, 0.02))
    assert text != moved(folder, 0.02)
    killed(folder, contcar=text)
    assert started(decks).remarks == (BEGINS_ANEW,)
    assert (folder / "POSCAR").read_text() == before and not (folder / "tries").exists()
    assert (folder / "CONTCAR").read_text() == text


def test_what_has_not_moved_begins_anew(decks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was killed before its first geometry had an end; no attempt is counted."""
    folder = decks / RELAX
    killed(folder, contcar=moved(folder, 0.0))
    capsys.readouterr()
    assert main(["advance", str(decks), "--step", RELAX]) == 0
    assert "starts from its deck" in capsys.readouterr().out
    assert not (folder / "tries").exists()


def test_atoms_that_are_held_stay_where_they_are(write_study: Callable[..., Path], tmp_path: Path) -> None:
    """VASP has the atoms by element, the slab has them by layer: those that are held are the same ones all the time."""
    study = write_study(
        ('code = "gpaw"', 'code = "vasp"'),
        ("cutoff_ev = 244.9", "cutoff_ev = 400.0"),
        ("miller = [1, 1, 0]", "miller = [1, 1, 0]\nhold_middle_ang = 2.0"),
    )
    decks = tmp_path / "decks"
    write_decks(load_study(str(study)), decks)
    folder = decks / SLAB
    record = read_built(folder)
    assert record is not None and record.built.spec.fixed_atoms
    lines = (folder / "POSCAR").read_text().splitlines()
    free = [number for number, line in enumerate(lines) if " T T T" in line]
    held = [line.split()[:3] for line in lines if " F F F" in line]
    assert len(free) + len(held) == len(record.built.structure)
    assert len({site.specie.symbol for site in record.built.structure[:2]}) == 2, "they are mixed"
    for number in free:
        a, b, c, *rest = lines[number].split()
        lines[number] = " ".join([a, b, f"{float(c) + 0.003:.12f}", *rest])
    killed(folder, contcar="\n".join(lines) + "\n")
    next(deck for deck in advance(decks).decks if deck.name == SLAB)
    assert not (folder / "tries").exists(), "nobody has said that it is about to be started"
    with pytest.raises(CalculationError, match="not ready"):
        advance(decks, SLAB)  # the crystal is not relaxed
    after = (folder / "POSCAR").read_text().splitlines()
    assert [line.split()[:3] for line in after if " F F F" in line] == held
    assert [after[number].split()[2] for number in free] == [lines[number].split()[2] for number in free]


# --- what is a person's -------------------------------------------------------------------------------------------


def test_a_deck_that_a_person_made_go_on_is_hers(decks: Path) -> None:
    folder = decks / RELAX
    killed(folder, contcar=moved(folder, 0.02))
    (folder / "POSCAR").write_text(moved(folder, 0.04))
    mine = (folder / "POSCAR").read_text()
    deck = started(decks)
    assert deck.kept == ("POSCAR",) and deck.behind == ()
    assert (folder / "POSCAR").read_text() == mine and not (folder / "tries").exists()


def test_what_else_a_person_changed_is_kept(decks: Path) -> None:
    folder = decks / RELAX
    incar = folder / "INCAR"
    incar.write_text(incar.read_text() + "NCORE = 8\n")
    for z in (0.02, 0.04):
        killed(folder, contcar=moved(folder, z))
        deck = started(decks)
        assert deck.kept == ("INCAR",) and "NCORE = 8" in incar.read_text()
        assert third_coordinate(folder) == pytest.approx(0.5 + z)
    killed(folder, contcar=moved(folder, 0.06))
    (folder / "POSCAR").write_text((folder / "POSCAR").read_text().replace("0.54", "0.55"))
    deck = started(decks)
    assert set(deck.kept) == {"INCAR", "POSCAR"} and len(deck.tries) == 2


def test_what_may_run_is_left_alone(decks: Path) -> None:
    """Of a calculation under way the files look like those of one that was killed."""
    folder = decks / RELAX
    killed(folder, contcar=moved(folder, 0.02))
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != BUILT_FILE}
    advance(decks)
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.name != BUILT_FILE} == before


def test_killed_between_the_deck_and_the_files_it_goes_on(decks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dftflow.jobs import by_hand

    folder = decks / RELAX
    killed(folder, contcar=moved(folder, 0.02))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(by_hand, "another_attempt", dies)
        with pytest.raises(KeyboardInterrupt):
            started(decks)
    assert third_coordinate(folder) == pytest.approx(0.52)
    assert len(started(decks).tries) == 1 and third_coordinate(folder) == pytest.approx(0.52)
    assert Structure.from_file(folder / "tries/1/CONTCAR").frac_coords[1][2] == pytest.approx(0.52)


# --- other codes --------------------------------------------------------------------------------------------------

NO_TIME = """\
 | Welcome to Academic Release CASTEP version 21.11|
 Run started: Tue, 24 Nov 2026 10:00:00 +0000

 ***************************** General Parameters ******************************
 type of calculation                            : geometry optimization
 *******************************************************************************

Insufficient time for another iteration. Stop execution.
"""


def test_castep_goes_on_from_its_checkpoint(write_study: Callable[..., Path], tmp_path: Path) -> None:
    """With a parameter file that a person changed, which has no place for it then, it begins as that says."""
    write_decks(load_study(str(write_study()), code="castep"), tmp_path)
    folder = tmp_path / RELAX
    param, checkpoint = folder / "CsBr-bulk-relax.param", folder / "CsBr-bulk-relax.check"
    for number in (1, 2):
        (folder / "CsBr-bulk-relax.castep").write_text(NO_TIME)
        checkpoint.write_bytes(bytes(8 * number))
        deck = started(tmp_path)
        assert len(deck.tries) == number and "continuation" in deck.tries[-1]
        assert param.read_text().count("continuation : default") == 1
        assert checkpoint.is_file() and (folder / f"tries/{number}/CsBr-bulk-relax.check").is_file()
        assert not (folder / "CsBr-bulk-relax.castep").exists()
    param.write_text(param.read_text().replace("continuation : default", "sedc_apply : true"))
    (folder / "CsBr-bulk-relax.castep").write_text(NO_TIME)
    checkpoint.write_bytes(bytes(24))
    deck = started(tmp_path)
    assert deck.kept == ("CsBr-bulk-relax.param",) and len(deck.tries) == 2


def test_gpaw_gets_more_steps(write_study: Callable[..., Path], tmp_path: Path) -> None:
    """Its script goes on by itself from what it kept; the geometry of the deck stays."""
    write_decks(load_study(str(write_study()), code="gpaw"), tmp_path)
    folder = tmp_path / RELAX
    record = read_built(folder)
    assert record is not None
    before = {name: text for name, text in record.deck.items() if name.endswith(".xyz")}
    farther = record.built.structure.copy()
    farther.scale_lattice(1.02 * farther.volume)
    leave(folder, farther, record.built.spec, changes={"status": "geom_not_converged"})
    (folder / "relax.jsonl").write_text("{}\n")
    deck = started(tmp_path)
    assert len(deck.tries) == 1 and "twice the steps" in deck.tries[0]
    assert {name: (folder / name).read_text() for name in before} == before
    (script,) = folder.glob("*.py")
    assert "max_steps=200" in script.read_text() and (folder / "relax.jsonl").is_file()
    assert (folder / "tries/1/results.json").is_file() and not (folder / "results.json").exists()
