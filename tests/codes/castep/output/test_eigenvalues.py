"""Band structures beside their SCF: with a functional of their own, with spinors, and of another calculation."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from strict_reading import read_results

from dftflow.analysis.band_edges import find_band_edges
from dftflow.codes.castep import CASTEP
from dftflow.gate.calculation import sound
from dftflow.model.results import Results

DATA = Path(__file__).resolve().parents[3] / "data" / "castep"


def read(folder: Path) -> Results:
    return read_results(CASTEP(), folder)


def gap_ev(results: Results) -> float:
    assert results.bands is not None
    return find_band_edges(results.bands).band_gap_ev


def copy(case: str, target: Path, *suffixes: str) -> Path:
    """The files of a case with one of `suffixes`; all of them when there are none."""
    for file in (DATA / case).iterdir():
        if not suffixes or file.suffix in suffixes:
            shutil.copyfile(file, target / file.name)
    return target


# --- a functional of their own ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffixes", [(), (".bands", ".param")], ids=["with the logs", "without the logs"])
def test_a_separate_functional_is_never_mixed_with_that_of_the_scf(tmp_path: Path, suffixes: tuple[str, ...]) -> None:
    """PBE has a gap of 1.6 eV here, HSE06 one of 2.5 eV, and the two sets of eigenvalues together one of 1.6 eV."""
    results = read(copy("separate-functional", tmp_path, *suffixes))
    assert gap_ev(results) == pytest.approx(2.5, abs=1e-6)
    assert results.method is not None and results.method.functional == "PBE"
    assert results.bands_run is not None and results.bands_run.method.functional == "HSE06"
    assert any("made with PBE, the band structure with HSE06" in line for line in results.warnings)
    assert not sound(results).refused


def test_the_keyword_decides_and_not_the_wording_of_the_log(tmp_path: Path) -> None:
    folder = copy("separate-functional", tmp_path)
    log = folder / "CsPbBr3_BandStr.castep"
    log.write_text(log.read_text().replace("hybrid HSE06", "Perdew Burke Ernzerhof"))
    results = read(folder)
    assert results.bands_run is not None and results.bands_run.method.functional == "HSE06"
    assert gap_ev(results) == pytest.approx(2.5, abs=1e-6)


def test_other_eigenvalues_at_a_common_point_are_another_hamiltonian_whatever_is_said(tmp_path: Path) -> None:
    """R stands in both sets; its VBM differs by 0.6 eV."""
    folder = copy("separate-functional", tmp_path, ".bands")
    for seed in ("CsPbBr3", "CsPbBr3_BandStr"):
        (folder / f"{seed}.param").write_text("xc_functional : PBE\ncut_off_energy : 400 eV\n")
    results = read(folder)
    assert gap_ev(results) == pytest.approx(2.5, abs=1e-6)
    assert any("which stands in both, differ by" in line for line in results.warnings)


def test_the_same_hamiltonian_is_joined(tmp_path: Path) -> None:
    folder = copy("separate-functional", tmp_path, ".bands")
    shutil.copyfile(folder / "CsPbBr3.bands", folder / "CsPbBr3_BandStr.bands")
    for seed in ("CsPbBr3", "CsPbBr3_BandStr"):
        (folder / f"{seed}.param").write_text("xc_functional : PBE\ncut_off_energy : 400 eV\n")
    results = read(folder)
    assert results.bands is not None and len(results.bands.kpoints_frac) == 4 and results.bands_run is None
    assert gap_ev(results) == pytest.approx(1.6, abs=1e-6)
    assert results.bands.zero.run == str(folder.resolve() / "CsPbBr3")
    (folder / "CsPbBr3_BandStr.param").unlink()
    alone = read(folder)
    assert alone.bands is not None and len(alone.bands.kpoints_frac) == 2
    assert any("not known whether the functionals are the same" in line for line in alone.warnings)


def test_a_band_structure_that_did_not_end_is_not_finished(tmp_path: Path) -> None:
    folder = copy("separate-functional", tmp_path)
    assert read(folder).status == "finished"
    log = folder / "CsPbBr3_BandStr.castep"
    log.write_text(log.read_text().partition("Total time")[0])
    assert read(folder).status == "truncated"


def test_a_separate_functional_within_one_seed(tmp_path: Path) -> None:
    """An academic run leaves one log and one .bands: those of the band structure."""
    shutil.copyfile(DATA / "separate-functional/CsPbBr3_BandStr.bands", tmp_path / "a.bands")
    log = (DATA / "separate-functional/CsPbBr3.castep").read_text()
    (tmp_path / "a.castep").write_text(log.replace("single point energy", "Electronic Spectroscopy"))
    (tmp_path / "a.param").write_text("task : spectral\nxc_functional : PBE\nspectral_xc_functional : HSE06\n")
    results = read(tmp_path)
    assert results.bands_run is not None and results.method is not None
    assert (results.method.functional, results.bands_run.method.functional) == ("PBE", "HSE06")
    assert results.bands is not None and results.bands.zero.run != str(tmp_path.resolve() / "a")
    (tmp_path / "a.castep").write_text(log)
    assert read(tmp_path).bands_run is None, "the eigenvalues of an SCF are of its functional"


# --- spinors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffixes", [(".bands", ".castep"), (".bands", ".param"), ()])
def test_a_spinor_band_holds_one_electron(tmp_path: Path, suffixes: tuple[str, ...]) -> None:
    results = read(copy("spin-orbit", tmp_path, *suffixes))
    assert results.bands is not None and results.bands.spinor
    assert gap_ev(results) == pytest.approx(2.1, abs=1e-6)
    assert not sound(results).refused


def test_eigenvalues_alone_that_contradict_their_fermi_level_are_refused(tmp_path: Path) -> None:
    judged = sound(read(copy("spin-orbit", tmp_path, ".bands")))
    assert judged.refused_parts == ("bands",) and judged.results.bands is None
    assert "the electrons were counted differently" in judged.why_without("bands")


def test_the_log_says_more_than_what_was_asked_for(tmp_path: Path) -> None:
    folder = copy("spin-orbit", tmp_path)
    log = folder / "soc.castep"
    log.write_text(
        log.read_text().replace(
            "treating system as non-collinear spin-polarized", "treating system as non-spin-polarized"
        )
    )
    found = read(folder).bands
    assert found is not None and not found.spinor


# --- files of another calculation -------------------------------------------------------------------------------


def test_a_seed_and_a_folder_name_the_zero(tmp_path: Path) -> None:
    runs = set()
    for place in ("a/x", "b/x"):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        for seed in ("s", "t"):
            (folder / seed).mkdir()
            shutil.copyfile(DATA / "spin-orbit/soc.bands", folder / seed / f"{seed}.bands")
            found = read(folder / seed).bands
            assert found is not None
            runs.add(found.zero.run)
    assert len(runs) == 4


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("   10.000000    0.000000    0.000000", "   10.100000    0.000000    0.000000", "cell of the eigenvalues"),
        ("electrons  8.000", "electrons  10.00", "electrons of the eigenvalues = electrons of the log (8 and 10"),
    ],
)
def test_eigenvalues_of_another_cell_or_count_than_the_log_s(tmp_path: Path, old: str, new: str, why: str) -> None:
    folder = copy("spin-orbit", tmp_path)
    log, bands = folder / "soc.castep", folder / "soc.bands"
    atoms = (
        "            x  Element         Atom        Fractional coordinates of atoms  x\n"
        "            x                 Number           u          v          w      x\n"
        "            x---------------------------------------------------------------x\n"
        "            x  Si           1         0.000000   0.000000   0.000000   x\n"
        "            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n\n"
    )
    log.write_text(log.read_text().replace("Total time", f"{atoms}Total time"))
    cell = "%BLOCK LATTICE_ABC\nbohr\n10 10 10\n90 90 90\n%ENDBLOCK LATTICE_ABC\n"
    (folder / "soc.cell").write_text(f"{cell}%BLOCK POSITIONS_FRAC\nSi 0 0 0\n%ENDBLOCK POSITIONS_FRAC\n")
    assert read(folder).structure is not None and not sound(read(folder)).refused
    bands.write_text(bands.read_text().replace(old, new))
    judged = sound(read(folder))
    assert judged.refused_parts == ("bands",) and why in judged.why_without("bands")


def test_a_last_geometry_of_another_calculation_is_refused_by_name(castep_data: Path, tmp_path: Path) -> None:
    source = castep_data / "asamli+aiida-castep-addons/tests/registry/Si_bands/out"
    for name in ("aiida.castep", "aiida-out.cell"):
        shutil.copyfile(source / name, tmp_path / name)
    assert read(tmp_path).structure is not None
    out = tmp_path / "aiida-out.cell"
    assert "2.71500000000000" in out.read_text()
    out.write_text(out.read_text().replace("2.71500000000000", "2.72500000000000"))
    reading = CASTEP().read(CASTEP().find(tmp_path)[0])
    (error,) = [file.error for file in reading.files if file.error is not None]
    assert "of another calculation than the log" in error.summary
    assert reading.results is not None and reading.results.structure is not None, "the log's stands"
    text = (source / "aiida-out.cell").read_text()
    for ended in (True, False):  # of another element, beside a log that ended and one that was cut off
        log = (source / "aiida.castep").read_text()
        (tmp_path / "aiida.castep").write_text(log if ended else log.partition("Total time")[0])
        out.write_text(text.replace("Si", "Ge"))
        (error,) = [file.error for file in CASTEP().read(CASTEP().find(tmp_path)[0]).files if file.error is not None]
        assert "of another calculation than the log" in error.summary and error.reason == "Ge2 and Si2"
        out.write_text(text)
        assert not any(file.error for file in CASTEP().read(CASTEP().find(tmp_path)[0]).files)


def test_the_fermi_level_of_another_run_of_the_crystal_is_told(castep_data: Path, tmp_path: Path) -> None:
    """Silicon once with its own .bands and once with one whose E_F is 1 meV higher."""
    source = castep_data / "NPBentley+CASTEP_bands/Examples/Si_bands"
    for suffix in (".castep", ".bands", ".cell"):
        shutil.copyfile(source / f"Si{suffix}", tmp_path / f"Si{suffix}")
    results = read(tmp_path)
    assert not sound(results).refused and results.bands is not None
    judged = sound(
        replace(results, bands=replace(results.bands, fermi_ev=results.bands.fermi_ev + 1e-3, fermi_by_spin_ev=()))
    )
    assert judged.refused_parts == ("bands",) and "Fermi level of the log" in judged.why_without("bands")
