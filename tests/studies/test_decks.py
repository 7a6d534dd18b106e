"""What the decks of a whole study say, for every code: only what is so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_crystal import copying_engine, leave
from pymatgen.core import Structure

from dftflow.cli.main import main
from dftflow.crystals.slabs import PlaneCuts
from dftflow.crystals.sources import load_crystal
from dftflow.errors import CalculationError, InputError, StoreError, StudyError
from dftflow.model.surface import Plane
from dftflow.studies.built_file import read_built
from dftflow.studies.decks import advance, write_decks
from dftflow.studies.execution import collect_study, outcome_of_folder, run_study
from dftflow.studies.reader import load_study
from dftflow.studies.standing import standing_of
from dftflow.studies.study_folder import StudyFolder

CODES = ("castep", "espresso", "gpaw", "vasp")
DOI = "10.1000/182"


def texts(folder: Path) -> list[str]:
    """Of what a person runs or reads; the plan and the record of what was built hold the study itself."""
    return [file.read_text() for file in folder.rglob("*") if file.is_file() and file.suffix not in (".json", ".toml")]


@pytest.mark.parametrize("code", CODES)
def test_a_study_without_a_reference_names_none(code: str, write_study: Callable[..., Path], tmp_path: Path) -> None:
    study = load_study(str(write_study(("cutoff_ev = 244.9", "cutoff_ev = 600.0"))), code=code)
    write_decks(study, tmp_path / "decks")
    for text in texts(tmp_path / "decks"):
        assert "paper" not in text.lower() and "doi" not in text.lower()


@pytest.mark.parametrize("code", CODES)
def test_a_reference_is_named_at_the_numbers_that_it_gave(
    code: str, write_study: Callable[..., Path], tmp_path: Path
) -> None:
    """It gave the cutoff: every deck has it in its head and at the cutoff, and nowhere else."""
    changes = (
        ('title = "CsBr"', f'title = "CsBr"\nreference = "{DOI}"'),
        ("cutoff_ev = 244.9", 'cutoff_ev = 600.0\nfrom_reference = ["cutoff_ev"]'),
    )
    write_decks(load_study(str(write_study(*changes)), code=code), tmp_path / "decks")
    named = [
        line
        for text in texts(tmp_path / "decks")
        for line in text.splitlines()
        if DOI in line and "refers to" not in line
    ]
    assert named
    for line in named:
        assert "600" in line or "44.09" in line, line  # 600 eV are 44.099 Ry
        assert "paper" not in line


@pytest.mark.parametrize("code", CODES)
def test_the_preset_s_own_numbers_are_called_that(code: str, tmp_path: Path) -> None:
    """Raised cutoff, dense grids: nothing of it is from the publication."""
    study = load_study("fapbbr3-cspbbr3", "converged", code=code)
    write_decks(study, tmp_path / "decks")
    lines = [line for text in texts(tmp_path / "decks") for line in text.splitlines()]
    raised = [line for line in lines if "preset converged; the study says" in line]
    assert raised and not [line for line in raised if "acsami" in line]
    assert {line for line in lines if "acsami" in line} == {
        line
        for line in lines
        if "refers to doi" in line
        or ("tol" in line.lower() and "acsami" in line)
        or ("conv_thr" in line and "acsami" in line)
        or ("EDIFFG" in line and "acsami" in line)
    }


MATERIALS_STUDIO = """
[codes.castep]
keywords = "materials-studio"
potentials = "tabulated:00PBE"
"""


def test_materials_studio_decks_of_a_study(
    write_study: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its keywords and its files, which the table of keywords of `dftflow lint` knows; the potentials are its own."""
    file = write_study()
    file.write_text(file.read_text() + MATERIALS_STUDIO)
    out = tmp_path / "decks"
    assert main(["decks", str(file), "--code", "castep", "--out", str(out)]) == 0
    bands = (out / "CsBr/bulk-bands/CsBr-bulk-bands.param").read_text()
    assert "bs_nextra_bands" in bands and "spectral" not in bands.lower()
    for cell in out.rglob("*.cell"):
        assert "Cs  Cs_00PBE.usp\nBr  Br_00PBE.usp\n" in cell.read_text()
        capsys.readouterr()
        for potential in ("Cs_00PBE.usp", "Br_00PBE.usp"):
            (cell.parent / potential).touch()
        assert main(["lint", str(cell), str(cell.with_suffix(".param"))]) == 0
        assert capsys.readouterr().out == ""


# --- the folder -------------------------------------------------------------------------------------------------


@pytest.fixture
def cleaved(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every plane that is cleaved, in order."""
    from dftflow.studies.kinds import slab

    planes: list[object] = []
    cleave = slab.cut_plane

    def counted(structure: Structure, plane: Plane, **how: Any) -> PlaneCuts:
        planes.append(plane)
        return cleave(structure, plane, **how)

    monkeypatch.setattr(slab, "cut_plane", counted)
    return planes


def test_each_slab_is_cleaved_once(cleaved: list[object], tmp_path: Path) -> None:
    study = load_study("fapbbr3-cspbbr3", "paper", code="castep")
    write_decks(study, tmp_path / "decks")
    assert len(cleaved) == 3
    advance(tmp_path / "decks")
    assert len(cleaved) == 3, "what was built is kept"


def test_decks_go_on_from_the_relaxation_whose_folder_they_know(tmp_path: Path) -> None:
    study = load_study("fapbbr3-cspbbr3", "paper", code="castep")
    write_decks(study, tmp_path)
    bands = (tmp_path / "CsPbBr3" / "bulk-bands" / "CsPbBr3-bulk-bands.param").read_text()
    potential = (tmp_path / "FAPbBr3" / "slab-010-potential" / "FAPbBr3-slab-010-potential.param").read_text()
    assert "../bulk-relax/CsPbBr3-bulk-relax" in bands
    assert "../slab-010-relax/FAPbBr3-slab-010-relax" in potential
    relax = (tmp_path / "CsPbBr3" / "slab-011-relax" / "CsPbBr3-slab-011-relax.param").read_text()
    assert "../" not in relax, "another structure: nothing to go on from"


def relaxed_by(folder: Path, name: str, factor: float) -> None:
    """Leave the result of a relaxation in a deck's folder: its structure with another volume."""
    record = read_built(folder / name)
    assert record is not None
    larger = record.built.structure.copy()
    larger.scale_lattice(factor * larger.volume)
    leave(folder / name, larger, record.built.spec)


def test_a_copied_folder_goes_on_without_the_study(write_study: Callable[..., Path], tmp_path: Path) -> None:
    """Decks written here, relaxed there: the next decks are cut from the relaxed crystal, wherever the folder lies."""
    study = load_study(str(write_study()))
    write_decks(study, tmp_path / "decks")
    shutil.move(tmp_path / "decks", tmp_path / "cluster")
    study.file.unlink()
    folder = tmp_path / "cluster"
    with pytest.raises(CalculationError, match="not ready"):
        advance(folder, "CsBr/bulk-bands")
    relaxed_by(folder, "CsBr/bulk-relax", 1.06)
    written = {deck.name: deck for deck in advance(folder, "CsBr/bulk-bands").decks}
    assert written["CsBr/bulk-relax"].note == "finished" and written["CsBr/bulk-bands"].note == ""
    before = read_built(folder / "CsBr/bulk-relax")
    after = read_built(folder / "CsBr/bulk-bands")
    assert before is not None and after is not None
    assert after.built.structure.volume == pytest.approx(1.06 * before.built.structure.volume)
    assert after.built.assumed == () and set(after.built.parents) == {"CsBr/bulk-relax"}
    slab = read_built(folder / "CsBr/slab-110-relax")
    assert slab is not None and slab.built.assumed == () and slab.built.model is not None
    assert slab.built.model.area_ang2 == pytest.approx(1.06 ** (2 / 3) * 4.291 * 6.068, rel=1e-3)
    ends = standing_of(folder).ends
    assert {end.name: end.state for end in ends if end.state != "not_run"} == {"CsBr/bulk-relax": "finished"}
    outcome = outcome_of_folder(folder)
    assert outcome.materials[0].bulk.relaxed and (outcome.preset, outcome.code) == ("study", "gpaw")


def test_results_of_a_step_may_lie_elsewhere(write_study: Callable[..., Path], tmp_path: Path) -> None:
    study = load_study(str(write_study()))
    write_decks(study, tmp_path / "decks")
    record = read_built(tmp_path / "decks" / "CsBr" / "bulk-relax")
    assert record is not None
    leave(tmp_path / "mine", record.built.structure, record.built.spec)
    outcome = outcome_of_folder(tmp_path / "decks", places={"CsBr/bulk-relax": tmp_path / "mine"})
    assert outcome.steps[0].state == "finished" and outcome.steps[0].folder == tmp_path / "mine"
    with pytest.raises(StudyError, match="no step 'CsBr/relax'"):
        outcome_of_folder(tmp_path / "decks", places={"CsBr/relax": tmp_path / "mine"})


def test_a_step_whose_slab_cannot_be_cut_fails_alone(
    write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dftflow.errors import SurfaceError
    from dftflow.studies.kinds import slab

    study = load_study(str(write_study()))
    write_decks(study, tmp_path)
    relaxed_by(tmp_path, "CsBr/bulk-relax", 1.06)

    def refuse(structure: Structure, *_: Any, **__: Any) -> PlaneCuts:
        if structure.volume > 80:
            raise SurfaceError("this crystal cannot be cleaved")
        return cut(structure, *_, **__)

    cut = slab.cut_plane
    monkeypatch.setattr(slab, "cut_plane", refuse)
    written = {deck.name: deck for deck in advance(tmp_path).decks}
    assert "cannot be cleaved" in written["CsBr/slab-110-relax"].failure
    assert written["CsBr/bulk-bands"].failure == "" and written["CsBr/bulk-bands"].note == ""
    outcome = outcome_of_folder(tmp_path)
    assert outcome.materials[0].bulk.relaxed, "a relaxed crystal whose slab is refused costs that slab only"


def test_a_run_has_no_decks_to_advance(
    write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing decks into it would make its plan forget where the results lie."""
    study = load_study(str(write_study()), "quick")
    copying_engine(study, tmp_path / "prepared", monkeypatch)
    run_study(study, tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match="a run and no decks"):
        advance(tmp_path / "run")
    for place in (tmp_path / "nowhere", tmp_path / "prepared"):
        with pytest.raises(InputError, match=r"no such folder|no study"):
            advance(place)
    assert sorted(tmp_path.rglob("*")) == before
    assert {end.state for end in standing_of(tmp_path / "run").ends} == {"finished"}


def test_what_a_person_changed_is_kept_and_named(write_study: Callable[..., Path], tmp_path: Path) -> None:
    study = load_study(str(write_study()), code="castep")
    write_decks(study, tmp_path)
    param = tmp_path / "CsBr" / "bulk-relax" / "CsBr-bulk-relax.param"
    slurm = tmp_path / "run.slurm"
    param.write_text(param.read_text() + "sedc_apply : true\n")
    slurm.write_text(slurm.read_text().replace("##SBATCH --account=", "#SBATCH --account=perovskites"))
    texts_before = (param.read_text(), slurm.read_text())
    written = write_decks(study, tmp_path)
    assert (param.read_text(), slurm.read_text()) == texts_before
    assert written.kept == ("run.slurm",)
    assert {deck.name: deck.kept for deck in written.decks if deck.kept} == {
        "CsBr/bulk-relax": ("CsBr-bulk-relax.param",)
    }
    changed = load_study(str(write_study(("[2, 2, 2]", "[3, 3, 3]"))), code="castep")
    write_decks(changed, tmp_path)
    assert param.read_text() == texts_before[0]
    cell = (tmp_path / "CsBr" / "bulk-relax" / "CsBr-bulk-relax.cell").read_text()
    assert "3 3 3" in cell, "what nobody changed is written anew"


def test_templates_of_ones_own_go_with_the_folder(write_study: Callable[..., Path], tmp_path: Path) -> None:
    from dftflow.resources import templates_dir

    file = write_study(('code = "gpaw"', 'code = "castep"\n[codes.castep]\ntemplates = "mine"'))
    own = file.parent / "mine" / "castep"
    own.mkdir(parents=True)
    text = (templates_dir() / "castep" / "electrons.param.j2").read_text()
    (own / "electrons.param.j2").write_text(text + "! of our group\n")
    write_decks(load_study(str(file)), tmp_path / "decks")
    shutil.rmtree(file.parent / "mine")
    file.unlink()
    shutil.move(tmp_path / "decks", tmp_path / "cluster")
    (tmp_path / "cluster" / "CsBr" / "bulk-bands" / "built.json").unlink()
    advance(tmp_path / "cluster")
    deck = (tmp_path / "cluster" / "CsBr" / "bulk-bands" / "CsBr-bulk-bands.param").read_text()
    assert "! of our group" in deck


# --- the study changes ------------------------------------------------------------------------------------------


def finish(folder: Path, *steps: str) -> None:
    """Leave results of the steps as they were built."""
    for step in steps:
        record = read_built(folder / step)
        assert record is not None
        leave(folder / step, record.built.structure, record.built.spec)


STEPS = ("CsBr/bulk-bands", "CsBr/slab-110-potential")


@pytest.fixture
def write_turned(write_study: Callable[..., Path], tmp_path: Path) -> Callable[[], Path]:
    """The study of (100) of a cell turned by 45 degrees, which is (110) of the cubic one."""

    def write() -> Path:
        crystal = load_crystal("CsBr_Pm-3m", base_dir=tmp_path).structure
        crystal.make_supercell([[1, 1, 0], [-1, 1, 0], [0, 0, 1]], in_place=True)
        crystal.to_file(str(tmp_path / "turned.vasp"), fmt="poscar")
        return write_study(("[1, 1, 0]", "[1, 0, 0]"), ('"cubic"', '"given"'), ('"CsBr_Pm-3m"', '"turned.vasp"'))

    return write


@pytest.mark.parametrize("code", CODES)
def test_decks_name_a_plane_of_the_given_cell(code: str, write_turned: Callable[[], Path], tmp_path: Path) -> None:
    out = tmp_path / "decks"
    write_decks(load_study(str(write_turned()), "quick", code=code), out)

    record = read_built(out / "CsBr/slab-100-potential")
    assert record is not None and record.built.model is not None
    assert record.built.model.area_ang2 == pytest.approx(4.291 * 6.068, rel=1e-3)
    assert record.built.spec.title.count("(100) of the given cell") == 1
    assert any("(100) of the given cell" in text for text in texts(out / "CsBr/slab-100-potential"))


def test_a_report_names_a_plane_of_the_given_cell(write_turned: Callable[[], Path], tmp_path: Path) -> None:
    out = tmp_path / "decks"
    write_decks(load_study(str(write_turned()), "quick"), out)
    finish(out, "CsBr/bulk-bands", "CsBr/slab-100-potential")

    assert main(["report", str(out), "--json"]) == 0
    (material,) = outcome_of_folder(out).materials
    assert material.face(material.slabs[0]) == "(100) of the given cell, CsBr"
    assert "(100) of the given cell, CsBr" in (out / "report.html").read_text()


def test_results_of_an_earlier_text_carry_what_differs_everywhere(
    write_study: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "decks"
    write_decks(load_study(str(write_study()), "quick"), out)
    finish(out, *STEPS)
    assert all(not step.remarks for step in outcome_of_folder(out).steps)
    changed = write_study(("cutoff_ev = 244.9", "cutoff_ev = 300.0"))
    capsys.readouterr()
    assert main(["decks", str(changed), "--preset", "quick", "--out", str(out)]) == 0
    said = "calculated at 244.9 eV, the study asks for 300 eV"
    assert capsys.readouterr().out.count(f"(finished; {said}") == 2
    outcome = outcome_of_folder(out)
    assert outcome.materials[0].slabs[0].levels is not None
    assert all(said in step.remarks for step in outcome.steps)


def test_a_comment_in_the_study_changes_no_result(write_study: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "decks"
    write_decks(load_study(str(write_study()), "quick"), out)
    finish(out, *STEPS)
    written = write_decks(load_study(str(write_study(("schema = 1", "# mine\nschema = 1"))), "quick"), out)
    assert [(deck.note, deck.remarks, deck.failure) for deck in written.decks] == [("finished", (), "")] * 2
    assert all(not step.remarks for step in outcome_of_folder(out).steps)


def test_results_of_another_crystal_are_refused_everywhere_and_left_alone(
    write_study: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "decks"
    write_decks(load_study(str(write_study()), "quick"), out)
    finish(out, *STEPS)
    before = {file: file.read_bytes() for file in (out / "CsBr").rglob("*") if file.is_file()}
    other = write_study(('"CsBr_Pm-3m"', '"CsPbBr3_Pm-3m"'))
    capsys.readouterr()
    assert main(["decks", str(other), "--preset", "quick", "--out", str(out)]) == CalculationError.exit_code
    error = capsys.readouterr().err
    assert "2 of 2 decks could not be written" in error and "move CsBr/bulk-bands away" in error
    assert {file: file.read_bytes() for file in before} == before
    ends = standing_of(out).ends
    assert {end.state for end in ends} == {"refused"}
    outcome = outcome_of_folder(out)
    assert outcome.materials[0].bulk.edges is None and not outcome.alignments
    shutil.rmtree(out / "CsBr")
    assert main(["decks", str(other), "--preset", "quick", "--out", str(out)]) == 0


def test_an_edited_crystal_is_another_request(write_study: Callable[..., Path], tmp_path: Path) -> None:
    """Its file is not part of the study's text."""
    from dftflow.resources import structures_dir

    crystal = tmp_path / "X.cif"
    shutil.copy(structures_dir() / "CsBr_Pm-3m.cif", crystal)
    study = load_study(str(write_study(('"CsBr_Pm-3m"', '"X.cif"'))), "quick", code="castep")
    out = tmp_path / "decks"
    write_decks(study, out)
    cell = out / "CsBr" / "bulk-bands" / "CsBr-bulk-bands.cell"
    assert "4.2910" in cell.read_text()
    crystal.write_text(crystal.read_text().replace("4.291", "4.600"))
    assert "4.600" in crystal.read_text()
    write_decks(study, out)
    assert "4.6000" in cell.read_text() and "4.2910" not in cell.read_text()
    crystal.write_text(crystal.read_text().replace("4.600", "4.700"))
    with pytest.raises(StoreError, match="a crystal in it, has been changed"):
        collect_study(study, out)


def test_files_of_ones_own_in_the_folder_are_kept(write_study: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "decks"
    mine = {"structures/CsBr.cif": "my host", "study.toml": "my notes", "lock": "my key"}
    for name, text in mine.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    written = write_decks(load_study(str(write_study()), "quick"), out)
    assert set(written.kept) == {"structures/CsBr.cif", "study.toml"}
    assert {name: (out / name).read_text() for name in mine} == mine
    assert StudyFolder.existing(out).plan.materials["CsBr"].start.formula == "Cs1 Br1", "the plan does not read them"


def test_a_deck_that_was_kept_and_is_behind_is_not_ready(
    write_study: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was changed by hand still has the unrelaxed geometry; the relaxed one came in."""
    out = tmp_path / "decks"
    write_decks(load_study(str(write_study()), code="gpaw"), out)
    (geometry,) = (file for file in (out / "CsBr" / "bulk-bands").iterdir() if file.suffix == ".xyz")
    geometry.write_text(geometry.read_text().replace("Br", "I"))
    assert write_decks(load_study(str(write_study()), code="gpaw"), out).decks[1].behind == (), "nothing came in"
    relax(out, 1.1)
    for _ in range(2):
        with pytest.raises(CalculationError, match="was changed by hand, and is not what is asked for now") as caught:
            advance(out, "CsBr/bulk-bands")
        assert geometry.name in caught.value.reason and geometry.name in caught.value.fix
    assert main(["advance", str(out)]) == 0
    assert "is behind what is asked for now" in capsys.readouterr().out
    geometry.unlink()
    assert advance(out, "CsBr/bulk-bands").decks[1].kept == ()
    assert "I " not in geometry.read_text()


def relax(folder: Path, volume_ratio: float) -> None:
    """Leave a relaxed crystal of another volume."""
    record = read_built(folder / "CsBr" / "bulk-relax")
    assert record is not None
    relaxed = record.built.structure.copy()
    relaxed.scale_lattice(volume_ratio * relaxed.volume)
    leave(folder / "CsBr" / "bulk-relax", relaxed, record.built.spec)


def test_decks_are_written_again_when_the_potentials_are_known(
    write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when ESPRESSO_PSEUDO was set after a caution asked for it; what is not known here any more changes nothing."""
    from dftflow.codes.espresso.code import ESPRESSO
    from dftflow.codes.file_hash import NOT_KNOWN_HERE

    out = tmp_path / "decks"
    study = load_study(str(write_study()), "quick", code="espresso")
    digests = []
    for known in (NOT_KNOWN_HERE, "abc", NOT_KNOWN_HERE):
        monkeypatch.setattr(ESPRESSO, "fingerprint", lambda self, structure, known=known: {"potential Cs.upf": known})
        write_decks(study, out)
        record = read_built(out / "CsBr" / "bulk-bands")
        assert record is not None
        digests.append(record.engine["potential Cs.upf"])
    assert digests == [NOT_KNOWN_HERE, "abc", "abc"]
