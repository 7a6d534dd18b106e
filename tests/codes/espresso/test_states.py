"""Density of states and projections of kept runs of projwfc.x and dos.x 6.7: silicon without spin, with it, and with
spin-orbit coupling. What projwfc.x prints itself, Löwdin charges and the sum of its tables, is what is expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strict_reading import errors

from dftflow.codes.espresso import ESPRESSO
from dftflow.codes.espresso.projwfc_text import read_projwfc_text
from dftflow.codes.reading import read_only
from dftflow.errors import DftflowError
from dftflow.gate.calculation import sound
from dftflow.model.projections import ProjectionGroup
from dftflow.model.results import Results

CASES = pytest.mark.parametrize("name", ["projected", "projected-spin", "projected-soc"])
Copy = Callable[[str], Path]
DATA = Path(__file__).resolve().parents[2] / "data" / "espresso" / "6.7"


@CASES
def test_weights_of_the_filled_states_are_the_lowdin_charges(name: str, results: Callable[[str], Results]) -> None:
    found = results(name)
    assert found.projections is not None
    assert found.bands is not None
    assert found.bands.weights is not None
    printed = (DATA / name / "si.projwfc.out").read_text()
    by_shell = found.projections.by_orbital()
    filled = found.bands.eigenvalues_ev <= found.bands.fermi_ev + 1e-3
    per_band = 2 if name == "projected" else 1
    charges = per_band * np.einsum("skbg,skb,k->g", by_shell.weights, filled, found.bands.weights)
    atom = printed[printed.index("Lowdin Charges") :].split("Atom #   2")[0]
    total, s, p = (float(re.findall(rf"{what} = +([\d.]+)", atom)[0]) for what in ("total charge", "s", "p"))
    assert [group.orbital for group in by_shell.groups] == ["s", "p"]
    assert charges == pytest.approx([2 * s, 2 * p], abs=3e-4)
    spilling = float(re.findall(r"Spilling Parameter: +([\d.]+)", printed)[0])
    assert charges.sum() / 8 == pytest.approx(1 - spilling, abs=1e-4)
    assert charges.sum() == pytest.approx(2 * total, abs=3e-4)


@CASES
def test_the_orbitals_add_up_to_what_projwfc_adds_up(name: str, results: Callable[[str], Results]) -> None:
    found = sound(results(name)).results.dos
    assert found is not None
    assert found.projected is not None
    table = np.loadtxt(DATA / name / "si.pdos_tot")
    n_spins = 2 if name == "projected-spin" else 1
    assert pytest.approx(table[:, 1 : 1 + n_spins]) == found.total.T
    assert pytest.approx(table[:, 1 + n_spins :], rel=0.01, abs=1e-9) == found.projected.sum(axis=1).T
    assert found.broadening_ev == pytest.approx(0.02 * 13.605693)


def test_groups_are_the_orbitals_that_projwfc_names(results: Callable[[str], Results]) -> None:
    found = results("projected").projections
    assert found is not None
    assert found.groups[:4] == tuple(ProjectionGroup(element="Si", site=0, orbital=o) for o in ("s", "pz", "px", "py"))
    spinors = results("projected-soc").projections
    assert spinors is not None
    assert [group.orbital for group in spinors.groups] == ["s", "p1/2", "p3/2"] * 2
    # the split-off level at the zone centre is p1/2, the light and heavy holes are p3/2
    at_gamma = spinors.weights[0, 0].reshape(12, 2, 3).sum(axis=1)
    assert (at_gamma[2:4, 1] > 0.9).all()
    assert (at_gamma[4:8, 2] > 0.9).all()


def test_without_tables_of_projwfc_that_of_dos_x_is_read(case: Copy) -> None:
    for name in ("projected", "projected-spin"):
        folder = case(name)
        for file in folder.glob("*pdos*"):
            file.unlink()
        found = read_only(ESPRESSO(), folder).results
        assert found is not None
        assert found.dos is not None
        assert found.dos.projected is None
        table = np.loadtxt(folder / "si.dos")
        assert pytest.approx(table[:, 1:-1]) == found.dos.total.T
        assert found.dos.fermi_ev == pytest.approx(6.364)


def test_functions_without_names_are_refused_with_a_way_on(case: Copy) -> None:
    folder = case("projected")
    (folder / "si.projwfc.out").unlink()
    reading = read_only(ESPRESSO(), folder)
    assert set(errors(reading)) == {"atomic_proj.xml"}
    assert reading.results is not None
    assert reading.results.bands is not None
    assert reading.results.projections is None


def test_projections_of_another_run_are_refused(case: Copy) -> None:
    folder = case("projected")
    file = folder / "atomic_proj.xml"
    text = file.read_text()
    for old, new in (("-4.191000624840488E-01", "-4.291000624840488E-01"), ('index="2"', 'index="3"')):
        file.write_text(text.replace(old, new))
        assert set(errors(read_only(ESPRESSO(), folder))) == {"atomic_proj.xml"}, old


def test_two_runs_of_projwfc_in_one_folder_are_told_and_not_mixed(case: Copy) -> None:
    folder = case("projected")
    (folder / "other.pdos_tot").write_bytes((folder / "si.pdos_tot").read_bytes())
    reading = read_only(ESPRESSO(), folder)
    assert reading.results is not None
    assert reading.results.dos is not None
    assert reading.results.dos.source == "dos.x"
    assert any("2 tables of the total" in file.summary for file in reading.files)


FILES = ["atomic_proj.xml", "si.pdos_tot", "si.pdos_atm#2(Si)_wfc#2(p)", "si.projwfc.out"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(FILES), part=st.floats(0, 0.999))
def test_a_file_that_is_cut_is_never_another_number(
    name: str, part: float, tmp_path: Path, results: Callable[[str], Results]
) -> None:
    folder, copy = DATA / "projected", tmp_path / "cut"
    copy.mkdir(exist_ok=True)
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    text = (folder / name).read_text()
    (copy / name).write_text(text[: int(part * len(text))])
    whole, found = results("projected"), read_only(ESPRESSO(), copy).results
    assert found is not None
    assert found.bands is not None
    if found.projections is not None:
        assert whole.projections is not None
        assert np.array_equal(found.projections.weights, whole.projections.weights)
    if found.dos is not None and found.dos.projected is not None:
        assert whole.dos is not None
        assert found.dos.energies_ev[-1] == whole.dos.energies_ev[-1]


def test_a_list_of_functions_that_has_a_gap_is_refused(case: Copy) -> None:
    file = case("projected") / "si.projwfc.out"
    file.write_text(file.read_text().replace("state #   3:", "state #   9:"))
    with pytest.raises(DftflowError, match="damaged"):
        read_projwfc_text(file)


def test_no_file_of_projwfc_is_passed_over_in_silence(case: Copy) -> None:
    folder = case("projected")
    (folder / "out" / "si.save").mkdir(parents=True)
    (folder / "out" / "si.save" / "atomic_proj.xml").write_bytes((folder / "atomic_proj.xml").read_bytes())
    (folder / "other.dos").write_bytes((folder / "si.dos").read_bytes())
    told = {file.file: file.summary for file in read_only(ESPRESSO(), folder).files}
    for name in ("out/si.save/atomic_proj.xml", "si.dos", "other.dos"):
        assert told[folder / name].startswith("not read: another of its kind"), name
    assert told[folder / "si.pdos_atm#1(Si)_wfc#2(p)"] == "pz px py"
