"""What the decks of a whole study say, for every code: only what is so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dftflow.cli.main import main
from dftflow.studies.decks import write_decks
from dftflow.studies.reader import load_study

CODES = ("castep", "espresso", "gpaw", "vasp")
DOI = "10.1000/182"


def texts(folder: Path) -> list[str]:
    return [file.read_text() for file in folder.rglob("*") if file.is_file()]


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
