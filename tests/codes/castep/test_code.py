"""CASTEP behind the seam: command, diagnosis, results of whole folders."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from castep_files import write_finished
from strict_reading import read_results

from dftflow.analysis.band_edges import find_band_edges
from dftflow.codes.base import Code, Launch
from dftflow.codes.castep import CASTEP
from dftflow.codes.castep.input.cell_file import read_cell_deck
from dftflow.codes.castep.options import CastepOptions
from dftflow.errors import ParseError, SpecError
from dftflow.gate.calculation import sound
from dftflow.model.deck import Deck
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Bands, PotentialGrid
from dftflow.rendering.own_templates import own_templates
from dftflow.units import HARTREE_EV

BANNER = " | Welcome to Academic Release CASTEP version 21.11|\n"


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH without any program."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CASTEP_COMMAND", raising=False)
    return folder


def program(file: Path) -> None:
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)


DECK = Deck(code="castep", seed="CsBr", files={})


def test_does_not_run_where_there_is_no_castep(empty_path: Path) -> None:
    code: Code = CASTEP()
    assert not code.runs_here
    assert code.command(DECK) == ("castep.mpi", "CsBr")


def test_the_machine_says_how_it_is_started(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, four = CASTEP(), ("mpirun", "-n", "4")
    assert code.command(DECK, Launch(launcher=four)) == (*four, "castep.mpi", "CsBr")
    assert code.command(DECK, Launch(launcher=four, program="/opt/castep")) == (*four, "/opt/castep", "CsBr")
    monkeypatch.setenv("CASTEP_COMMAND", "mpirun -n 8 castep.serial")
    assert code.command(DECK) == ("mpirun", "-n", "8", "castep.serial", "CsBr")
    assert code.command(DECK, Launch(program="castep.mpi")) == ("castep.mpi", "CsBr"), "the machine is asked first"


@pytest.mark.parametrize("name", ["castep.mpi", "castep.serial", "castep"])
def test_program_on_the_path(name: str, empty_path: Path) -> None:
    program(empty_path / name)
    assert CASTEP().runs_here
    assert CASTEP().command(DECK) == (name, "CsBr")


def test_castep_command_comes_first(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(empty_path / "castep.mpi")
    monkeypatch.setenv("CASTEP_COMMAND", "mpirun -n 8 '/opt/my castep/castep.mpi'")
    assert CASTEP().runs_here
    assert CASTEP().command(DECK) == ("mpirun", "-n", "8", "/opt/my castep/castep.mpi", "CsBr")


def test_own_templates(tmp_path: Path, calculations: dict[str, Any]) -> None:
    (tmp_path / "castep").mkdir()
    own = tmp_path / "castep" / "heading.j2"
    own.write_text("! our group's deck: {{ title }}, {{ reference }}\n")
    deck = calculations["CsPbBr3-relax"].render(CASTEP(CastepOptions(templates=own_templates("castep", tmp_path))))
    assert deck.files["CsPbBr3-relax.param"].startswith("! our group's deck: CsPbBr3 Pnma")
    own.write_text("! {{ titel }} {{ reference }}\n")
    with pytest.raises(SpecError, match="did you mean 'title'"):
        calculations["CsPbBr3-relax"].render(CASTEP(CastepOptions(templates=own_templates("castep", tmp_path))))


# --- diagnosis --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("castep", "err", "status", "message"),
    [
        (None, None, "died", "there is no .castep file"),
        (BANNER, None, "truncated", "no end"),
        (
            BANNER,
            "Error: no pseudopotential for Cs\nCurrent trace stack:\n",
            "died",
            "Error: no pseudopotential for Cs",
        ),
        (BANNER + "Total time          =  1.0 s\n", None, "finished", ""),
        (BANNER + "Total time          =  1.0 s\n", "from an earlier try", "finished", ""),
        (
            BANNER + " *Warning* max. SCF cycles performed but system has not reached the groundstate.\n",
            "Error",
            "scf_not_converged",
            "max_scf_cycles",
        ),
    ],
)
def test_diagnose(castep: str | None, err: str | None, status: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.param").write_text("task : SinglePoint\n")
    if castep is not None:
        (tmp_path / "a.castep").write_text(castep)
    if err is not None:
        (tmp_path / "a.0001.err").write_text(err)
    diagnosis = CASTEP().diagnose(tmp_path)
    assert diagnosis.status == status
    assert message in diagnosis.message


def test_diagnose_a_published_crash(castep_data: Path) -> None:
    diagnosis = CASTEP().diagnose(castep_data / "ml-evs+matador/tests/data/symmetry_failure/files_to_cp")
    assert diagnosis.status == "died"
    assert diagnosis.message == "ERROR in cell constraints: attempt to fix alpha=beta, but alpha /= beta"


def test_progress(tmp_path: Path) -> None:
    (tmp_path / "a.param").write_text("")
    assert CASTEP().progress(tmp_path).doing == "starting"
    scf = (
        "SCF loop      Energy           Fermi           Energy gain       Timer   <-- SCF\n"
        "     12  -2.00000000E+002  1.00000000E+000   1.00000000E-003       0.05  <-- SCF\n"
    )
    step = " BFGS: finished iteration     4 with enthalpy= -2.07252189E+004 eV\n"
    (tmp_path / "a.castep").write_text(BANNER + step + scf)
    assert CASTEP().progress(tmp_path).doing == "geometry iteration 4 done, SCF cycle 12"


def test_a_folder_holds_one_calculation(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="no castep calculation"):
        read_results(CASTEP(), tmp_path)
    for seed in ("a", "b"):
        (tmp_path / f"{seed}.param").write_text("")
    with pytest.raises(ParseError, match="a, b"):
        read_results(CASTEP(), tmp_path)


# --- files that are not read -----------------------------------------------------------------------------------------

OF_THE_SEED = ("a.phonon", "a.magres", "a.pdos_bin", "a.orbitals", "a_PDOS.pdos_weights", "a_Optics.cst_ome")
OF_NOBODY = ("b.phonon", "Si_00.usp", "notes.txt", "a.phonon.bak", "a.bib")


def test_what_castep_left_and_is_not_read_is_named(tmp_path: Path) -> None:
    """What is in them is what castep-docs and the help of Materials Studio say of their endings."""
    (tmp_path / "a.castep").write_text(BANNER)
    for name in (*OF_THE_SEED, *OF_NOBODY):
        (tmp_path / name).write_bytes(b"\x00\xff")
    (calculation,) = CASTEP().find(tmp_path)
    assert {file.name for file in calculation.files} == {"a.castep", *OF_THE_SEED}
    found = {file.file.name: file for file in CASTEP().read(calculation).files}
    assert set(found) == {"a.castep", *OF_THE_SEED}
    assert {found[name].summary for name in OF_THE_SEED} == {"not read"}
    assert not any(file.error for file in found.values())
    assert found["a.phonon"].kind == "phonon frequencies" and found["a.magres"].kind == "NMR tensors"
    assert found["a_PDOS.pdos_weights"].kind == found["a.pdos_bin"].kind == "weights of a projected density of states"


def test_they_make_no_calculation_by_themselves(tmp_path: Path) -> None:
    for name in (*OF_THE_SEED, *OF_NOBODY):
        (tmp_path / name).write_bytes(b"")
    assert CASTEP().find(tmp_path) == ()


def test_no_file_of_a_calculation_is_passed_over_in_silence(tmp_path: Path) -> None:
    """A potential in binary without a lattice, a checkpoint beside the same one, and files of property runs."""
    unread = ("a.cst_esp", "a.check", "a_DOS.check", "a_Optics.den_fmt", "a_BandStr-out.cell", "a_EFIELD.geom")
    (tmp_path / "a.castep").write_text(BANNER)
    (tmp_path / "a.castep_bin").write_bytes(b"no checkpoint")
    for name in unread:
        (tmp_path / name).write_bytes(b"")
    (calculation,) = CASTEP().find(tmp_path)
    found = {file.file.name: file for file in CASTEP().read(calculation).files}
    assert set(found) == {file.name for file in calculation.files} == {"a.castep", "a.castep_bin", *unread}
    kinds = [found[name].kind for name in unread]
    assert kinds == ["local potential", "checkpoint", "checkpoint", "density", "last geometry", "trajectory"]


# --- a slab whose eigenvalues were calculated at edge points ---------------------------------------------------------


def edge_run(folder: Path, deck: Deck, *, task: str, leave_out: int = 0) -> None:
    """Deck and output of a slab with 4 electrons whose gap is 1.5 eV at M-bar, and at least 2.5 eV elsewhere."""
    for name, text in deck.files.items():
        (folder / name).write_text(text)
    points = read_cell_deck(folder / f"{deck.seed}.cell").band_kpoints[leave_out:]
    kpoints = np.array([point.frac for point in points])
    away = np.linalg.norm(np.abs(kpoints) - [0.5, 0.5, 0.0], axis=1) > 1e-9
    tops = np.stack([np.full(len(points), -5.0), -0.5 * away, 1.5 + 0.5 * away, np.full(len(points), 4.0)], axis=1)
    bands = Bands(
        eigenvalues_ev=tops[None],
        kpoints_frac=kpoints,
        labels=("",) * len(points),
        on_path=(-1,) * len(points),
        reciprocal_per_ang=2 * np.pi * np.diag([1 / 5.99, 1 / 5.99, 1 / 30]),
        n_electrons=(4.0,),
        fermi_ev=0.7,
        zero=EnergyZero(run=folder.name, reference="cell_average"),
    )
    zero = EnergyZero(run=folder.name, reference="cell_average")
    potential = PotentialGrid(
        values_ev=np.zeros((2, 2, 30)), cell_ang=np.diag([5.99, 5.99, 30.0]), kind="local", zero=zero
    )
    write_finished(folder, deck.seed, bands=bands, potential=potential, task=task)


@pytest.mark.parametrize(
    ("family", "task"), [("academic", "Electronic Spectroscopy"), ("materials-studio", "band structure")]
)
def test_the_gap_of_a_slab_is_read_at_its_edge_points(
    family: Any, task: str, tmp_path: Path, calculations: dict[str, Any]
) -> None:
    """M-bar is not in the 4x4x1 grid of the SCF; the labels come from the list in the deck."""
    step = calculations["FAPbBr3-slab-edges"]
    edge_run(tmp_path, step.render(CASTEP(CastepOptions(keywords=family))), task=task)
    results = read_results(CASTEP(), tmp_path)
    assert results.bands is not None and results.potential is not None
    assert results.bands.labels == ("G-bar", "M-bar", "X-bar", "X'-bar") + ("",) * 8
    assert set(results.bands.on_path) == {-1}
    edges = find_band_edges(results.bands)
    assert edges.band_gap_ev == pytest.approx(1.5, abs=1e-6)
    assert edges.vbm_label == edges.cbm_label == "M-bar"
    assert [check.passed for check in results.checks if "list in the deck" in check.name] == [True]


def test_eigenvalues_at_other_points_than_the_list_are_told(tmp_path: Path, calculations: dict[str, Any]) -> None:
    deck = calculations["FAPbBr3-slab-edges"].render(CASTEP())
    edge_run(tmp_path, deck, task="Electronic Spectroscopy", leave_out=2)
    results = read_results(CASTEP(), tmp_path)
    (check,) = [check for check in results.checks if "list in the deck" in check.name]
    assert check.concerns == ("bands",) and sound(results).results.bands is None
    assert check.passed is False and "12 k-points, the file has 10; G-bar" in check.detail


# --- published folders ------------------------------------------------------------------------------------------------


def copy(folder: Path, target: Path, names: dict[str, str]) -> Path:
    for source, name in names.items():
        shutil.copyfile(folder / source, target / name)
    return target


def test_parse_a_published_band_structure(castep_data: Path, tmp_path: Path) -> None:
    """Silicon, LDA, CASTEP 23.1: an indirect gap, its VBM at G and its CBM on the way from G to X."""
    folder = castep_data / "NPBentley+CASTEP_bands/Examples/Si_bands"
    names = {f"Si.{suffix}": f"Si.{suffix}" for suffix in ("castep", "bands", "cell", "param")}
    results = read_results(CASTEP(), copy(folder, tmp_path, names))
    assert (results.code, results.code_version, results.status) == ("castep", "23.1", "finished")
    assert results.energy_ev == -337.3530358464
    assert results.structure is not None
    assert results.structure.formula == "Si2"
    bands = results.bands
    assert bands is not None
    assert results.log_fermi is not None and results.fermi_ev == 4.74611976  # the last row of the SCF
    assert bands.fermi_ev == pytest.approx(results.fermi_ev, abs=0.5e-6 * HARTREE_EV)
    valence, conduction = bands.eigenvalues_ev[0, :, 3], bands.eigenvalues_ev[0, :, 4]
    assert bands.labels[int(np.argmax(valence))] == "G"
    assert 0.4 < conduction.min() - valence.max() < 0.6  # LDA silicon: 0.5 eV
    assert results.potential is None


def test_parse_a_published_relaxation(castep_data: Path, tmp_path: Path) -> None:
    folder = castep_data / "aplowman+castep-parse/tests/castep_files"
    names = {f"GO_max_geom.{suffix}": f"GO_max_geom.{suffix}" for suffix in ("castep", "bands", "cell", "param")}
    results = read_results(CASTEP(), copy(folder, tmp_path, names))
    assert results.status == "geom_not_converged"
    printed = (folder / "GO_max_geom.castep").read_text()
    assert results.structure is not None  # the last of the log: the .cell is where it began, and there is no -out.cell
    volume_ang3 = float(re.findall(r"Current cell volume = +(\S+)", printed)[-1])
    assert results.structure.volume == pytest.approx(volume_ang3, abs=1e-3)
    assert len(results.steps) == printed.count("finished iteration")
    assert results.peak_memory_mib == pytest.approx(709.04, abs=0.01)


def test_parse_takes_the_structure_from_out_cell(castep_data: Path, tmp_path: Path) -> None:
    folder = castep_data / "asamli+aiida-castep-addons/tests/registry/Si_bands/out"
    names = {f"aiida{suffix}": f"aiida{suffix}" for suffix in (".castep", ".bands", "-out.cell")}
    results = read_results(CASTEP(), copy(folder, tmp_path, names))
    assert results.structure is not None
    assert results.structure.volume == pytest.approx(40.026, abs=1e-3)


def test_parse_a_potential(castep_data: Path, tmp_path: Path) -> None:
    copy(castep_data / "Inker2401+castep-fmtvis/test", tmp_path, {"nospin.pot_fmt": "a.pot_fmt"})
    (tmp_path / "a.castep").write_text(BANNER + "Total time          =  1.0 s\n")
    results = read_results(CASTEP(), tmp_path)
    assert results.potential is not None
    assert results.potential.values_ev.shape == (36, 36, 36)
    assert results.potential.zero.run == str(tmp_path.resolve() / "a")
