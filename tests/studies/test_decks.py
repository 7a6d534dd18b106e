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
from dftflow.errors import CalculationError, StoreError, StudyError
from dftflow.model.surface import Plane, SlabModel
from dftflow.studies.built_file import read_built
from dftflow.studies.decks import advance, write_decks
from dftflow.studies.execution import outcome_of_folder, run_study, states_in
from dftflow.studies.reader import load_study

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
    """Its keywords and its files, which the table of keywords of `dftflow lint` knows."""
    file = write_study()
    file.write_text(file.read_text() + MATERIALS_STUDIO)
    out = tmp_path / "decks"
    assert main(["decks", str(file), "--code", "castep", "--out", str(out)]) == 0
    bands = (out / "CsBr/bulk-bands/CsBr-bulk-bands.param").read_text()
    assert "bs_nextra_bands" in bands and "spectral" not in bands.lower()
    for cell in out.rglob("*.cell"):
        assert "Cs  Cs_00PBE.usp\nBr  Br_00PBE.usp\n" in cell.read_text()
        capsys.readouterr()
        assert main(["lint", str(cell), str(cell.with_suffix(".param"))]) == 0
        assert capsys.readouterr().out == ""


# --- the folder -------------------------------------------------------------------------------------------------


@pytest.fixture
def cleaved(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every plane that is cleaved, in order."""
    from dftflow.studies.kinds import slab

    planes: list[object] = []
    cleave = slab.enumerate_slabs

    def counted(structure: Structure, plane: Plane, **how: Any) -> tuple[SlabModel, ...]:
        planes.append(plane)
        return cleave(structure, plane, **how)

    monkeypatch.setattr(slab, "enumerate_slabs", counted)
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
    _, ends = states_in(folder)
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

    def refuse(structure: Structure, *_: Any, **__: Any) -> None:
        if structure.volume > 80:
            raise SurfaceError("this crystal cannot be cleaved")
        return cut(structure, *_, **__)

    cut = slab.enumerate_slabs
    monkeypatch.setattr(slab, "enumerate_slabs", refuse)
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
        with pytest.raises(StoreError):
            advance(place)
    assert sorted(tmp_path.rglob("*")) == before
    assert {end.state for end in states_in(tmp_path / "run")[1]} == {"finished"}


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
