"""CASTEP's keywords for spin, spin-orbit coupling, U and dispersion, as the lint and the reader of decks see them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from nickel_oxide import MAGNETIC, NIO
from pymatgen.core import Lattice, Structure

from dftflow.codes.castep import CASTEP
from dftflow.codes.castep.input.cell_file import read_cell_deck
from dftflow.codes.castep.input.param_file import ParamFile, read_param
from dftflow.codes.castep.lint.lint import lint_files
from dftflow.codes.castep.options import CastepOptions
from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec

SPINORS = replace(MAGNETIC, moments_mub=(), hubbard_u_ev={}, dispersion="none", spin_orbit=True)


def write(folder: Path, spec: CalcSpec, **options: object) -> tuple[Path, ParamFile]:
    """The ``.cell``, and the ``.param`` as it is read; the lint has nothing to say of them."""
    deck = CASTEP(CastepOptions.model_validate(options)).render(NIO, spec, "nio")
    for name, text in deck.files.items():
        (folder / name).write_text(text)
    for name in ("Ni_SOC.uspso", "O_SOC.uspso"):
        (folder / name).touch()
    assert not [one for one in lint_files([folder / name for name in deck.files]) if one.severity != "note"]
    return folder / "nio.cell", read_param(folder / "nio.param")


def test_moments_stand_behind_their_atoms(tmp_path: Path) -> None:
    """Atoms go element by element; an operation may not exchange two of unlike moments."""
    cell, param = write(tmp_path, MAGNETIC)
    assert [site.spin for site in read_cell_deck(cell).sites] == [(2.0,), (-2.0,), (), ()]
    assert param.boolean("spin_polarized") is True and param.option("spin") == "0.0"
    assert "\nSYMMETRY_GENERATE" not in cell.read_text()
    ferro, param = write(tmp_path, replace(MAGNETIC, moments_mub=(2.0, 0.0, 2.0, 0.0)))
    assert param.option("spin") == "4.0" and "\nSYMMETRY_GENERATE" in ferro.read_text()
    _, param = write(tmp_path, replace(MAGNETIC, moments_mub=()))
    assert param.boolean("spin_polarized") is False and param.option("spin") is None


def test_u_and_dispersion(tmp_path: Path) -> None:
    """castep-docs, "DFT+U input": lines "Ni d: 6" in HUBBARD_U, in eV."""
    cell, param = write(tmp_path, MAGNETIC)
    lines = cell.read_text().splitlines()
    start = lines.index("%BLOCK HUBBARD_U")
    assert [line.strip() for line in lines[start + 1 : start + 4]] == ["eV", "Ni d: 6.0", "%ENDBLOCK HUBBARD_U"]
    assert (param.boolean("sedc_apply"), param.option("sedc_scheme")) == (True, "d3-bj")
    plain, param = write(tmp_path, replace(MAGNETIC, hubbard_u_ev={}, dispersion="none"))
    assert "HUBBARD" not in plain.read_text() and param.option("sedc_scheme") is None


def test_spin_orbit_coupling_brings_what_it_needs(tmp_path: Path) -> None:
    """castep-docs, "SOC": spinors, Dirac's equation, potentials that depend on j."""
    cell, param = write(tmp_path, SPINORS)
    assert param.option("spin_treatment") == "vector" and param.option("relativistic_treatment") == "dirac"
    assert param.boolean("spin_orbit_coupling") is True
    assert "\nSOC19\n" in cell.read_text()
    write(tmp_path, SPINORS, potentials={"Ni": "Ni_SOC.uspso", "O": "O_SOC.uspso"})
    with pytest.raises(SpecError, match="which C19 does not") as raised:
        write(tmp_path, SPINORS, potentials="C19")
    assert 'potentials = "SOC19"' in raised.value.fix
    magnetic, _ = write(tmp_path, replace(MAGNETIC, spin_orbit=True))
    assert read_cell_deck(magnetic).sites[0].spin == (0.0, 0.0, 2.0)


def test_dispersion_of_elements_that_castep_has_no_parameters_of() -> None:
    """TS, MBD and G06 end at xenon (castep-docs, "Dispersion Corrections"); D3 goes on."""
    csbr = Structure(Lattice.cubic(4.29), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    plain = replace(MAGNETIC, moments_mub=(), hubbard_u_ev={})
    for name in ("TS", "MBD", "D2"):
        with pytest.raises(SpecError, match=f"no parameters of {name} for Cs") as raised:
            CASTEP().render(csbr, replace(plain, dispersion=name), "csbr")  # type: ignore[arg-type]
        assert raised.value.fix == "choose D3 or D3(BJ)"
    assert CASTEP().render(csbr, replace(plain, dispersion="D3"), "csbr").files
    with pytest.raises(SpecError, match="no parameters of D3 for RPBE"):
        CASTEP().render(csbr, replace(plain, xc="RPBE", dispersion="D3"), "csbr")


def test_fixed_occupations_leave_no_moment_to_be_found() -> None:
    """castep-docs, FIX_OCCUPANCY: as many bands are filled in each channel as ``spin`` says."""
    with pytest.raises(SpecError, match="no moments to find with fixed occupations"):
        CASTEP().render(NIO, replace(MAGNETIC, dispersion="none", smearing_ev=0.0), "nio")
    assert CASTEP().render(NIO, replace(MAGNETIC, dispersion="none", moments_mub=(), smearing_ev=0.0), "nio").files
