"""How a run ended, and its energy: every kind of ending, and published files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dftflow.codes.castep.castep_file import read_castep
from dftflow.errors import ParseError

BANNER = " | Welcome to Academic Release CASTEP version 21.11|\n"
GEOMETRY = " type of calculation                            : geometry optimization\n"
SINGLE = " type of calculation                            : single point energy\n"
SCF = "      1  -2.00000000E+002  1.00000000E+000                          0.05  <-- SCF\n"
SMEARED = """\
Final energy, E             =  -214.5397998713     eV
Final free energy (E-TS)    =  -214.7397998713     eV
(energies not corrected for finite basis set)

NB est. 0K energy (E-0.5TS)      =  -214.6397998713     eV
"""
INSULATOR = "Final energy =  -214.5397998713     eV\n"
FOOTER = "Total time          =    131.31 s\nPeak Memory Use     = 102400 kB\n"
NOT_THE_FOOTER = " Total time to compute matrix elements  26.63 sec |<-- SPEC\n"
DONE = " BFGS: Geometry optimization completed successfully.\n"
FAILED = " BFGS: WARNING - Geometry optimization failed to converge after         30 steps\n"
ITERATION = " BFGS: finished iteration     4 with enthalpy= -2.07252189E+004 eV\n"
SCF_FAILED = " *Warning* max. SCF cycles performed but system has not reached the groundstate.\n"
NO_TIME = "Insufficient time for another iteration. Stop execution.\n"


def write(folder: Path, text: str) -> Path:
    file = folder / "a.castep"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (BANNER + SINGLE + SCF + SMEARED + FOOTER, "finished"),
        (BANNER + GEOMETRY + SCF + SMEARED + DONE + FOOTER, "finished"),
        (BANNER + GEOMETRY + SCF + SMEARED + FAILED + FOOTER, "geom_not_converged"),
        (BANNER + GEOMETRY + SCF + SMEARED + FOOTER, "geom_not_converged"),
        (BANNER + SINGLE + SCF + SCF_FAILED, "scf_not_converged"),
        (BANNER + SINGLE + SCF + SCF_FAILED + FOOTER, "scf_not_converged"),
        (BANNER + GEOMETRY + SCF + SMEARED + NO_TIME, "out_of_time"),
        (BANNER + SINGLE + SCF + SMEARED + NOT_THE_FOOTER, "truncated"),
        (BANNER + SINGLE + SCF, "truncated"),
        (BANNER, "truncated"),
    ],
)
def test_status(text: str, status: str, tmp_path: Path) -> None:
    assert read_castep(write(tmp_path, text)).status == status


def test_only_the_last_run_in_the_file_counts(tmp_path: Path) -> None:
    failed, good = BANNER + GEOMETRY + SMEARED + FAILED + FOOTER, BANNER + GEOMETRY + INSULATOR + DONE + FOOTER
    first = read_castep(write(tmp_path, failed + good))
    assert (first.status, first.energy_ev) == ("finished", -214.5397998713)
    second = read_castep(write(tmp_path, good + failed))
    assert (second.status, second.energy_ev) == ("geom_not_converged", -214.6397998713)
    third = read_castep(write(tmp_path, good + BANNER + GEOMETRY))
    assert (third.status, third.energy_ev, third.wall_time_s) == ("truncated", None, None)


@pytest.mark.parametrize(
    ("text", "energy_ev"),
    [
        (INSULATOR, -214.5397998713),
        (SMEARED, -214.6397998713),
        (SMEARED + SMEARED.replace("214.6", "215.6"), -215.6397998713),
        (INSULATOR + "Dispersion corrected final energy* =  -215.1981481237     eV\n", -215.1981481237),
        (SMEARED + "NB dispersion corrected est. 0K energy* (Ecor-0.5TS) =  -216.5     eV\n", -216.5),
        ("Final energy = -0.9151337939619E-005eV\n", -0.9151337939619e-5),
        ("Current total energy, E =  -214.5  eV\n", None),
    ],
)
def test_energy(text: str, energy_ev: float | None, tmp_path: Path) -> None:
    assert read_castep(write(tmp_path, BANNER + SINGLE + text + FOOTER)).energy_ev == energy_ev


def test_where_a_run_is(tmp_path: Path) -> None:
    run = read_castep(write(tmp_path, BANNER + GEOMETRY + SCF + ITERATION + SCF.replace("      1 ", "     12 ")))
    assert (run.iteration, run.scf_cycle) == (4, 12)


def test_footer_numbers(tmp_path: Path) -> None:
    run = read_castep(write(tmp_path, BANNER + SINGLE + FOOTER))
    assert (run.version, run.wall_time_s, run.peak_memory_mib) == ("21.11", 131.31, 100.0)


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        (" | Welcome to Materials Studio CASTEP version 8.0  |", "8.0 (Materials Studio)"),
        (" | Materials Studio CASTEP version 2021 HF1 |", "2021 HF1 (Materials Studio)"),
        (" | Welcome to Academic Release CASTEP version 25.1 |", "25.1"),
    ],
)
def test_version(banner: str, version: str, tmp_path: Path) -> None:
    assert read_castep(write(tmp_path, banner + "\n" + SINGLE)).version == version


@pytest.mark.parametrize("text", ["", "GPAW\n"])
def test_not_a_castep_file(text: str, tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="no CASTEP output"):
        read_castep(write(tmp_path, text))


# --- published files: what each prints about itself -------------------------------------------------------------------

PUBLISHED = [
    ("aplowman+castep-parse/tests/castep_files/GO_cell.castep", "finished", -20725.56856902),
    ("aplowman+castep-parse/tests/castep_files/GO_max_geom.castep", "geom_not_converged", -20725.18944183),
    ("zhubonan+aiida-castep/tests/data/Si-quickstart/aiida.castep", "finished", -337.9095600890),
    ("zhubonan+aiida-castep/tests/data/Si-geom-stress/aiida.castep", "geom_not_converged", -216.0333740979),
    ("nomad-coe+electronic-parsers/tests/data/castep/Dispersions/Si2_G06.castep", "finished", -215.1981481237),
    ("nomad-coe+electronic-parsers/tests/data/castep/Dispersions/Si2.castep", "finished", -215.4344494785),
    ("TonyWu20+castepbin-rust/Si2.castep", "finished", -338.0094041979),
    ("ml-evs+matador/tests/data/castep_files/TiO2_unconverged-MP-10101.castep", "truncated", -12479.96863346),
    ("ml-evs+matador/tests/data/castep_files/Na-edgecase-CollCode10101.castep", "finished", -1304.228362769),
    ("ml-evs+matador/tests/data/no_steps_left_todo/cache/NaP_intermediates_stopped_early.castep", "truncated", None),
    ("ml-evs+matador/tests/data/symmetry_failure/files_to_cp/Sb.castep", "truncated", None),
]


@pytest.mark.parametrize(("name", "status", "energy_ev"), PUBLISHED)
def test_published_file(name: str, status: str, energy_ev: float | None, castep_data: Path) -> None:
    run = read_castep(castep_data / name)
    assert run.status == status
    if energy_ev is not None:
        assert run.energy_ev == energy_ev


def test_every_published_file_has_an_end_or_is_said_to_have_none(castep_data: Path) -> None:
    files = sorted(castep_data.rglob("*.castep"))
    assert len(files) > 40
    for file in files:
        run = read_castep(file)
        last = file.read_text(errors="replace").rpartition("CASTEP version")[2]
        assert (run.status == "truncated") == ("\nTotal time          =" not in last), file


def test_finite_basis_correction(castep_data: Path) -> None:
    run = read_castep(castep_data / "aplowman+castep-parse/tests/castep_files/GO_cell.castep")
    assert run.finite_basis_de_dlnecut_ev == -37.515146
