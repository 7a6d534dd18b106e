"""Tests of dftflow.api.slabs: every termination of a plane, of a crystal however it is held."""

from __future__ import annotations

import json

import pytest
from html_cells import cell, texts
from pymatgen.core import Structure

from dftflow.api.slabs import slabs
from dftflow.api.structures import NotebookStructure, as_structure
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import choose_slab, enumerate_slabs
from dftflow.errors import StructureError, SurfaceError


def test_they_are_those_of_the_rooms_below() -> None:
    structure = as_structure("CsPbBr3_Pnma")
    plane = resolve_plane(structure, (0, 1, 0), "Pnma")
    expected = enumerate_slabs(structure, plane, min_thickness_ang=12.0, vacuum_ang=20.0)
    found = slabs("CsPbBr3_Pnma", "010", setting="Pnma", min_thickness_ang=12.0, vacuum_ang=20.0)
    assert found.plane == plane and len(found) == len(expected)
    for mine, other in zip(found, expected, strict=True):
        assert mine.termination == other.termination and mine.structure == other.structure
        assert type(mine.structure) is NotebookStructure
    assert found.choose().termination == choose_slab(expected).termination
    assert found[1:].plane == plane and found[1:][0].termination == found[1].termination


def test_a_slab_is_10_angstrom_or_the_layers_asked_for() -> None:
    assert slabs("CsBr_Pm-3m", "110")[0].thickness_ang >= 10
    assert len(slabs("CsBr_Pm-3m", "110", n_layers=7)[0].layers) == 7
    with pytest.raises(SurfaceError, match="too thin"):
        slabs("CsBr_Pm-3m", "100", n_layers=1)


def test_a_refused_one_has_to_be_asked_for() -> None:
    polar = slabs("CsBr_Pm-3m", "100", n_layers=6)
    name = next(slab.termination for slab in polar if slab.refused)
    with pytest.raises(SurfaceError, match="is refused"):
        polar.choose(name)
    assert polar.choose(name, allow_refused=True).refused


@pytest.mark.parametrize("termination", ["auto", "CsBr"])
def test_of_no_slabs_none_is_chosen(termination: str) -> None:
    none = slabs("CsBr_Pm-3m", "110")[9:]
    assert len(none) == 0 and none.choice == "auto takes none: there is none." and none.to_dict()["slabs"] == []
    with pytest.raises(SurfaceError, match="there is no slab to choose from"):
        none.choose(termination)


@pytest.mark.parametrize("miller", ["01", "0111", "o11", "0 1", "1.5 0 0", "", "--1 0 0", (0, 1), (0.5, 1, 1), "000"])
def test_what_names_no_plane(miller) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SurfaceError) as caught:
        slabs("CsPbBr3_Pm-3m", miller)
    assert caught.value.fix


@pytest.mark.parametrize("miller", ["1-210", (1, -2, 1, 0), "(1 -2 1 0)"])
def test_four_indices_of_hexagonal_axes(miller) -> None:  # type: ignore[no-untyped-def]
    found = slabs("Cs4PbBr6_R-3c", miller)
    assert str(found.plane) == "(1-210) R-3c:H"
    assert found.choose().stoichiometric and found.to_dict()["miller_cell"] == [1, -2, 0]


def test_an_ambiguous_plane_asks_for_its_setting() -> None:
    with pytest.raises(SurfaceError, match="Pbnm"):
        slabs("CsPbBr3_Pnma", "011")


def test_what_is_no_crystal() -> None:
    with pytest.raises(StructureError, match="is no crystal"):
        slabs(221, "001")  # type: ignore[arg-type]


def test_as_data_and_as_a_table() -> None:
    found = slabs("CsPbBr3_Pm-3m", "001")
    plain = found.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    frame = found.to_frame()
    assert list(frame.termination) == [slab["termination"] for slab in plain["slabs"]]
    assert list(frame.thickness_ang) == [slab.thickness_ang for slab in found]
    assert repr(found).startswith("<Slabs (001) ") and "CsBr" in repr(found)
    told = texts(cell(found))
    assert all(slab.refused in told for slab in found)


def test_a_pymatgen_slab_is_a_crystal_too() -> None:
    """pymatgen's own `Slab` is a `Structure`: it can be cut again, as what it is."""
    structure = slabs("CsPbBr3_Pm-3m", "001")[0].structure
    assert isinstance(structure, Structure)
    assert as_structure(structure).composition == structure.composition
