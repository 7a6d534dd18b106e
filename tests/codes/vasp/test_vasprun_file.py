"""vasprun.xml: which numbers are taken, and what is refused."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.codes.vasp.vasprun_file import read_vasprun
from dftflow.errors import DftflowError, ParseError


def write(folder: Path, text: str, encoding: str = "latin-1") -> Path:
    file = folder / "vasprun.xml"
    file.write_bytes(text.encode(encoding))
    return file


def attempt(read: Callable[..., object], *arguments: object) -> object:
    """What `read` gives, or the error of ours that it raises."""
    try:
        return read(*arguments)
    except DftflowError as error:
        return error


@pytest.mark.parametrize("version", ["5.4.4.18Apr17-6-g9f103f2a35", "6.4.2"])
def test_energy_at_zero_smearing_whatever_name_the_version_gives_it(folder, make_run, make_geometry, version):
    run = make_run(version=version, geometries=[make_geometry(free_ev=-10.5, energy_ev=-10.4, no_entropy_ev=-10.3)])
    step = read_vasprun(write(folder, run.xml())).steps[-1]
    assert step.energy_ev == pytest.approx(-10.4, abs=1e-8)
    assert step.free_energy_ev == -10.5


def test_the_enthalpy_of_a_run_under_pressure_is_not_its_energy(folder, make_run):
    """ASE (ase.io.vasp) found that PSTRESS adds p V to the summary; 10 kB x 80 Å³ = 1 GPa x 80 Å³ = 0.4993 eV."""
    text = make_run(incar={"PSTRESS": "float:10.0"}, parameters={"PSTRESS": "float:10.0"}).xml()
    summary = text.index("  <energy>\n    <i", text.index('name="stress"'))
    for value in (-10.5, -10.4, -10.3):
        text = text[:summary] + text[summary:].replace(f"{value:16.8f}", f"{value + 80 / 160.2176634:16.8f}")
    step = read_vasprun(write(folder, text)).steps[-1]
    assert step.energy_ev == pytest.approx(-10.4, abs=1e-7)
    assert step.free_energy_ev == pytest.approx(-10.5, abs=1e-7)


def test_energy_of_a_response_calculation_is_that_of_its_ground_state(folder, make_run):
    cycle = "  <scstep>\n   <energy>\n    <i name='e_fr_energy'>-99.0</i>\n   </energy>\n  </scstep>\n"
    text = make_run().xml().replace("  <eigenvalues>", cycle + "  <eigenvalues>")
    step = read_vasprun(write(folder, text)).steps[-1]
    assert step.energy_ev == pytest.approx(-10.4, abs=1e-8)
    assert step.scf_cycles == 3


def test_response_cycles_before_the_summary_do_not_count(folder, make_run):
    parts = make_run().xml().split("   <energy>\n")
    for cycle in (1, 3):  # the first and the last cycle of the ground state hold the terms of the energy
        parts[cycle] = "    <i name='alphaZ'>1.0</i>\n" + parts[cycle]
    text = "   <energy>\n".join(parts)
    for energy in (-41.8, -34.7):
        cycle = f"<scstep><energy><i name='e_fr_energy'>{energy}</i><i name='e_0_energy'>{energy}</i></energy></scstep>"
        text = text.replace("  <structure>\n", f"{cycle}  <structure>\n", 1)
    step = read_vasprun(write(folder, text)).steps[-1]
    assert step.energy_ev == pytest.approx(-10.4, abs=1e-8)


def test_two_geometries_run_together_are_refused(folder, make_run, make_geometry):
    text = make_run(geometries=[make_geometry(), make_geometry(free_ev=-10.6)]).xml()
    with pytest.raises(ParseError) as caught:
        read_vasprun(write(folder, text.replace(" </calculation>\n <calculation>\n", "")))
    assert "two geometries" in caught.value.reason


def test_more_energy_than_a_dispersion_has_is_refused(folder, make_run):
    text = make_run(
        incar={"PSTRESS": "float:10000.0"}, parameters={"PSTRESS": "float:10000.0"}
    ).xml()  # 80 Å³ at 1000 GPa: 499 eV
    with pytest.raises(ParseError) as caught:
        read_vasprun(write(folder, text))
    assert "dispersion" in caught.value.reason


def test_last_geometry_with_its_forces_and_stress(folder, make_run, make_geometry):
    moved = make_geometry(
        free_ev=-11.5,
        energy_ev=-11.4,
        no_entropy_ev=-11.3,
        positions=((0.0, 0.0, 0.01), (0.5, 0.5, 0.49)),
        cell=((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 5.5)),
        forces=((0.0, 0.3, 0.4), (0.0, 0.0, 0.0)),
    )
    run = read_vasprun(write(folder, make_run(geometries=[make_geometry(), moved]).xml()))
    last = run.steps[-1]
    assert len(run.steps) == 2
    assert last.structure.volume == pytest.approx(88.0)
    assert [site.specie.symbol for site in last.structure] == ["Ge", "Te"]
    assert last.structure.frac_coords[0] == pytest.approx([0, 0, 0.01])
    assert last.largest_force == pytest.approx(0.5)
    assert last.stress_kbar[2, 2] == 18.0
    assert run.moved is None


def test_a_geometry_that_was_not_calculated_is_told(folder, make_run, make_geometry):
    run = make_run(final=make_geometry(positions=((0.0, 0.0, 0.02), (0.5, 0.5, 0.5))))
    found = read_vasprun(write(folder, run.xml()))
    assert found.moved is not None
    assert found.steps[-1].structure.frac_coords[0] == pytest.approx([0, 0, 0])


def test_a_file_cut_short_keeps_its_whole_geometries_and_no_bands(folder, make_run, make_geometry):
    text = make_run(geometries=[make_geometry(energy_ev=-10.4), make_geometry(), make_geometry()]).xml()
    third = text.rindex(" <calculation>") + 200
    run = read_vasprun(write(folder, text[:third]))
    assert not run.complete
    assert len(run.steps) == 2
    assert run.eigenvalues is None
    assert run.fermi_ev is None


def test_a_file_cut_short_before_its_first_geometry_is_refused(folder, make_run):
    text = make_run().xml()
    with pytest.raises(ParseError, match="cut short") as caught:
        read_vasprun(write(folder, text[: text.index("<scstep>")]))
    assert "ends before" in caught.value.reason


def test_eigenvalues_come_ascending_with_their_occupations(folder, make_run):
    values = np.array([[[-5.0, -4.0, 1.0, 0.5, 2.5, 3.0], [-5.1, -4.1, 0.4, 0.9, 2.4, 3.1]]])
    found = read_vasprun(write(folder, make_run(eigenvalues=values).xml())).eigenvalues
    assert found.values_ev[0, 0] == pytest.approx([-5.0, -4.0, 0.5, 1.0, 2.5, 3.0])
    assert found.occupations[0, 0] == pytest.approx([1, 1, 1, 1, 0, 0])
    assert found.electrons == pytest.approx((8.0,))


def test_spin_channels_share_the_electrons(folder, make_run):
    values = np.array([[[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0]] * 2] * 2)
    filled = np.array([[[1, 1, 1, 1, 1, 0]] * 2, [[1, 1, 1, 0, 0, 0]] * 2], dtype=float)
    found = read_vasprun(write(folder, make_run(eigenvalues=values, occupations=filled).xml())).eigenvalues
    assert found.electrons == pytest.approx((5.0, 3.0))


def test_crlf_and_latin_1_change_nothing(folder, make_run):
    plain = read_vasprun(write(folder, make_run().xml()))
    other = read_vasprun(write(folder, make_run(title="Pérovskite à 5 Å").xml().replace("\n", "\r\n")))
    assert other.steps[-1].energy_ev == plain.steps[-1].energy_ev
    assert np.array_equal(other.eigenvalues.values_ev, plain.eigenvalues.values_ev)
    assert np.array_equal(other.kpoints, plain.kpoints)


def test_a_parameter_that_vasp_could_not_print_costs_nothing_else(folder, make_run):
    parameters = {"KINTER": "int:******", "MAGMOM": "v:0.00000000****************0.00000000"}
    run = read_vasprun(write(folder, make_run(parameters=parameters).xml()))
    assert "KINTER" not in run.parameters
    assert "MAGMOM" not in run.parameters
    assert run.steps[-1].energy_ev == pytest.approx(-10.4)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            '<i name="NELECT">      8.00000000</i>',
            '<i name="NELECT">      9.00000000</i>',
            "add up to 8.0000 electrons",
        ),
        ('<i name="NELECT">      8.00000000</i>', '<i name="NELECT">**************</i>', "NELECT is missing"),
        ('name="LNONCOLLINEAR">F', 'name="LNONCOLLINEAR">T', "add up to 4.0000 electrons"),
        ('name="ISPIN">1', 'name="ISPIN">2', "1 spin channels, ISPIN = 2"),
        ('name="NBANDS">6', 'name="NBANDS">7', "not the 7 eigenvalues"),
        ('comment="kpoint 2"', 'comment="kpoint 3"', "1 to 2 in order"),
        (
            "      0.50000000 </v>\n  </varray>\n </kpoints>",
            "      0.40000000 </v>\n  </varray>\n </kpoints>",
            "0.900000",
        ),
        ("     80.00000000 </i>", "     81.00000000 </i>", "the volume is 81"),
        ("    -10.40000000 </i>\n   </energy>", "    -10.49000000 </i>\n   </energy>", "contradict"),
        ('name="atomtypes"', 'name="atomtype"', "atomtypes"),
        (" <atominfo>", "<atominfo></atominfo>\n <atominfo>", "two parts 'atominfo'"),
    ],
)
def test_a_damaged_file_is_refused(folder, make_run, old, new, why):
    text = make_run().xml()
    assert old in text
    with pytest.raises(ParseError) as caught:
        read_vasprun(write(folder, text.replace(old, new)))
    assert why in f"{caught.value.summary} {caught.value.reason}"
    assert caught.value.where.endswith("vasprun.xml")


def test_what_is_no_xml_is_refused_with_its_line(folder, make_run):
    text = make_run().xml()
    line = text[: text.index("<parameters>")].count("\n") + 1
    with pytest.raises(ParseError) as caught:
        read_vasprun(write(folder, text.replace("<parameters>", "<parameters<")))
    assert caught.value.where.endswith(f"vasprun.xml:{line}")


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b\x08\x00", b"<html></html>", b"<modeling></modeling>", b"<!DOCTYPE a><modeling></modeling>"],
)
def test_another_file_is_refused(folder, content):
    (folder / "vasprun.xml").write_bytes(content)
    with pytest.raises(ParseError):
        read_vasprun(folder / "vasprun.xml")


def test_a_folder_is_refused(folder):
    with pytest.raises(ParseError):
        read_vasprun(folder)


def test_parts_nested_too_deep_are_refused(folder):
    with pytest.raises(ParseError) as caught:
        read_vasprun(write(folder, "<modeling>" + "<a>" * 100_000 + "</a>" * 100_000 + "</modeling>"))
    assert "nested" in caught.value.reason


@pytest.mark.parametrize(("asked", "used"), [({}, "-0.02"), ({"PSTRESS": "float:10.0"}, "0.0")])
def test_a_pstress_that_the_incar_does_not_have_is_damage(make_run, folder, asked, used):
    """40 bytes lost in the middle of two tags made PSTRESS of the value of EDIFFG, and moved the energy by 1 meV."""
    (folder / "vasprun.xml").write_text(make_run(incar=asked, parameters={"PSTRESS": f"float:{used}"}).xml())
    with pytest.raises(ParseError, match="PSTRESS"):
        read_vasprun(folder / "vasprun.xml")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_damage_ends_in_an_error_of_ours_in_the_same_energy_or_in_none_with_a_reason(make_run, data):
    whole = make_run().xml().encode("latin-1")
    at = data.draw(st.integers(0, len(whole) - 1))
    instead = data.draw(st.sampled_from([b"", b"*****", b"\x00", b"\xff", b"<", b"1000000000", b"nan", b"\r\n"]))
    cut = data.draw(st.integers(0, 40))
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "vasprun.xml"
        file.write_bytes(whole[:at] + instead + whole[at + cut :])
        found = attempt(read_vasprun, file)
        if isinstance(found, DftflowError):
            return
        energy_ev = found.steps[-1].energy_ev
        assert energy_ev == pytest.approx(-10.4, abs=1e-5) if energy_ev is not None else "energy" in found.lost


def test_an_energy_that_is_no_number_is_lost_with_a_reason(make_run, folder):
    (folder / "vasprun.xml").write_text(make_run().xml().replace('"e_fr_energy">', '"e_fr_energy">*****'))
    found = read_vasprun(folder / "vasprun.xml")
    assert found.steps[-1].energy_ev is None and "*****" in found.lost["energy"]
    assert found.eigenvalues is not None


def test_published_files_are_read(vasp_data):
    """The energies are among those that the file itself prints, and the occupations hold its electrons."""
    files = sorted(vasp_data.rglob("*.xml"))
    read = 0
    for file in files:
        try:
            run = read_vasprun(file)
        except ParseError:
            continue
        read += 1
        printed = re.findall(r'"e_fr_energy">\s*(-?\d+\.\d+)', file.read_text(encoding="latin-1"))
        assert min(abs(float(value) - run.steps[-1].free_energy_ev) for value in printed) < 2e-8
        if run.eigenvalues is not None:
            assert sum(run.eigenvalues.electrons) == pytest.approx(run.n_electrons, abs=0.05)
    assert read >= 0.7 * len(files)
