"""A deck without a study is what a study's step would be, for every code; a person's file stays."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from pymatgen.core import Lattice, Species, Structure

from dftflow.api.deck import CalculationDeck, deck
from dftflow.codes.registry import load_code
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.slabs import choose_slab, enumerate_slabs
from dftflow.crystals.structure_writer import structure_text
from dftflow.crystals.vacuum import slab_axis_of
from dftflow.errors import DftflowError, InputError, SpecError, StoreError
from dftflow.model.spec import Task

CODES = ("castep", "espresso", "gpaw", "vasp")
TASKS = ("relax", "bands", "potential")
CSBR = "CsBr_Pm-3m"


def slab() -> Structure:
    crystal = load_shipped("CsPbBr3_Pm-3m").structure
    plane = resolve_plane(crystal, (0, 0, 1), "cubic")
    return choose_slab(enumerate_slabs(crystal, plane, min_thickness_ang=8.0, vacuum_ang=13.0)).structure


def names(made: CalculationDeck) -> set[str]:
    return {one.name for one in made.chosen}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("code", CODES)
def test_a_crystal_and_a_slab_for_every_code(code: str, task: str, tmp_path: Path) -> None:
    for crystal in (load_shipped(CSBR).structure, slab()):
        made = deck(crystal, code=code, task=task)  # type: ignore[arg-type]
        assert made.deck == load_code(code).render(crystal, made.spec, made.deck.seed), "no second way"
        assert {"cutoff", "k-points"} <= names(made)
        written = made.write(tmp_path / f"{len(crystal)}")
        assert {file.name for file in written.folder.iterdir()} == {*written.files, "written.json"}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_normal_of_a_slab_is_found(axis: int) -> None:
    """One layer of atoms 3 Å apart in a cell of 20 Å along one axis."""
    cell = np.diag([3.0, 3.0, 3.0])
    cell[axis, axis] = 20.0
    structure = Structure(Lattice(cell), ["Cs", "Br"], np.eye(3)[:2] * 0 + np.array([[0, 0, 0], [0.5, 0.5, 0.5]]) * 0.2)
    assert slab_axis_of(structure) == axis
    made = deck(slab(), code="vasp", task="potential")
    assert made.spec.slab_axis == 2 and made.spec.grid[2] == 1
    assert "LDIPOL" in made.files["INCAR"] and "IDIPOL" in made.files["INCAR"]


def test_a_crystal_is_no_slab_and_a_molecule_is_refused() -> None:
    assert slab_axis_of(load_shipped("CsPb2Br5_I4mcm").structure) is None
    wire = Structure(Lattice.orthorhombic(20, 20, 5), ["Cs"], [[0, 0, 0]])
    with pytest.raises(SpecError, match="along a and b"):
        slab_axis_of(wire)
    assert deck(wire, code="gpaw", task="relax", slab_axis=None).spec.slab_axis is None


def test_what_is_named_is_taken_and_not_said_to_be_chosen() -> None:
    made = deck(
        CSBR,
        code="castep",
        task="relax",
        cutoff_ev=321.0,
        grid=(3, 4, 5),
        cell="isotropic",
        xc="PBEsol",
        smearing_ev=0.05,
        seed="mine",
        options={"keywords": "materials-studio", "potentials": "C19"},
    )
    assert names(made) == {"spin"}
    assert set(made.files) == {"mine.cell", "mine.param"}
    assert "321.0" in made.files["mine.param"] and "3 4 5" in " ".join(made.files["mine.cell"].split())
    assert made.spec.relaxation is not None and made.spec.relaxation.cell == "isotropic"


def test_a_spacing_follows_each_axis() -> None:
    """2 pi / (8.244, 11.735, 8.198) Å over 0.5 1/Å are 1.52, 1.07 and 1.53 points."""
    assert deck("CsPbBr3_Pnma", code="gpaw", task="bands", kpoint_spacing_per_ang=0.5).spec.grid == (2, 2, 2)
    assert deck("CsPbBr3_Pnma", code="gpaw", task="bands", kpoint_spacing_per_ang=0.55).spec.grid == (2, 1, 2)


def test_bands_have_the_path_and_the_special_points() -> None:
    spec = deck(CSBR, code="gpaw", task="bands").spec
    assert spec.path is not None
    assert {point.label for point in spec.edge_kpoints} == {"G", "M", "R", "X"}
    assert {point.label for segment in spec.path.segments for point in segment} == {"G", "M", "R", "X"}


def test_crystals_of_other_packages_and_files(tmp_path: Path) -> None:
    file = tmp_path / "POSCAR"
    file.write_text(structure_text(load_shipped(CSBR).structure, "POSCAR").text)
    decks = [deck(one, code="vasp", task="relax").files for one in (file, str(file), load_shipped(CSBR).structure)]
    assert decks[0]["POSCAR"] == decks[1]["POSCAR"]
    silicon = deck(bulk("Si"), code="castep", task="bands")
    assert silicon.deck.seed == "Si-bands"


@pytest.mark.parametrize("task", ["relax", "bands", "potential"])
def test_a_cell_that_nothing_can_be_is_refused_for_every_task(task: str) -> None:
    with pytest.raises(SpecError, match="cell cannot be 'nonsense'"):
        deck("CsPbBr3_Pm-3m", code="castep", task=task, cell="nonsense", cutoff_ev=400)  # type: ignore[arg-type]


def test_a_changed_file_stays(tmp_path: Path) -> None:
    made = deck(CSBR, code="vasp", task="relax")
    made.write(tmp_path)
    (tmp_path / "INCAR").write_text("mine")
    again = deck(CSBR, code="vasp", task="relax", cutoff_ev=400.0).write(tmp_path)
    assert again.kept == ("INCAR",)
    assert (tmp_path / "INCAR").read_text() == "mine"
    foreign = tmp_path / "other"
    foreign.mkdir()
    (foreign / "KPOINTS").write_text("never ours")
    assert made.write(foreign).kept == ("KPOINTS",)


def test_a_script_can_be_run(tmp_path: Path) -> None:
    made = deck(CSBR, code="vasp", task="relax")
    made.write(tmp_path)
    assert (tmp_path / "vasp.sh").stat().st_mode & 0o111
    assert made.command == ("bash", "vasp.sh")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"task": "scf"}, "no task 'scf'"),
        ({"code": "vaspp"}, "no code"),
        ({"cutoff_ev": 0.0}, "cutoff_ev cannot be"),
        ({"grid": (2, 2, 2), "kpoint_spacing_per_ang": 0.2}, "both given"),
        ({"kpoint_spacing_per_ang": -1.0}, "kpoint_spacing_per_ang"),
        ({"cell": "some"}, "cell cannot be 'some'"),
        ({"slab_axis": 3}, "no lattice vector 3"),
        ({"seed": "../x"}, "seed"),
        ({"code": None}, "code cannot be None"),
        ({"xc": None}, "xc cannot be None"),
        ({"seed": 3}, "seed cannot be 3"),
        ({"options": 3}, "options cannot be 3"),
        ({"cutoff_ev": "500"}, "cutoff_ev cannot be '500'"),
        ({"cutoff_ev": True}, "cutoff_ev cannot be True"),
        ({"empty_bands": 2.5}, "empty_bands cannot be 2.5"),
        ({"grid": 4}, "grid cannot be 4"),
        ({"grid": "444"}, "grid cannot be '444'"),
        ({"grid": (4, 4)}, "grid cannot be (4, 4)"),
        ({"grid": (4, 4, 4, 4)}, "grid cannot be (4, 4, 4, 4)"),
        ({"grid": (2.5, 4, 4)}, "grid cannot be 2.5"),
        ({"grid": (0, 4, 4)}, "grid cannot be 0"),
        ({"task": "bands", "path_spacing_per_ang": -1}, "path_spacing_per_ang cannot be -1"),
        ({"task": "bands", "path_spacing_per_ang": 0}, "path_spacing_per_ang cannot be 0"),
        ({"slab_axis": 2}, "no vacuum along c"),
        ({"slab_axis": 1.0}, "no lattice vector 1.0"),
        ({"options": {"potential": "C19"}}, "unknown option"),
    ],
)
def test_mistakes(options: dict[str, object], says: str) -> None:
    with pytest.raises(DftflowError) as caught:
        deck(CSBR, **({"code": "vasp", "task": "relax"} | options))  # type: ignore[arg-type]
    assert isinstance(caught.value, InputError)
    assert says in caught.value.sentence


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="nothing can be written"):
        deck(CSBR, code="vasp", task="relax").write(tmp_path / "file" / "below")


# --- what no deck has -------------------------------------------------------------------------------------------------


def test_a_charged_crystal_has_no_deck(tmp_path: Path) -> None:
    """As an object, and from the JSON of pymatgen; the neutral cell has the deck of a crystal without a charge."""
    crystal = load_shipped(CSBR).structure.copy()
    plain = deck(crystal, code="vasp", task="relax")
    crystal.set_charge(1)
    file = tmp_path / "charged.json"
    crystal.to(str(file))
    for one in (crystal, file):
        with pytest.raises(SpecError, match=r"a charge of \+1") as caught:
            deck(one, code="vasp", task="relax")
        assert "unset_charge()" in caught.value.fix
    crystal.unset_charge()
    assert deck(crystal, code="vasp", task="relax").files == plain.files


@pytest.mark.parametrize("kind", ["pymatgen", "species", "vectors", "ase"])
def test_moments_that_a_crystal_carries_are_those_it_starts_with(kind: str) -> None:
    atoms = bulk("Fe")
    atoms.set_initial_magnetic_moments([2.2] if kind == "ase" else None)
    iron = Structure(Lattice(atoms.cell.array), [Species("Fe", spin=2.2) if kind == "species" else "Fe"], [[0, 0, 0]])
    moments = {"pymatgen": 2.2, "vectors": [0.0, 0.0, 2.2]}
    if kind in moments:
        iron.add_site_property("magmom", [moments[kind]])
    made = deck(atoms if kind == "ase" else iron, code="gpaw", task="relax")
    spin = next(str(one) for one in made.chosen if one.name == "spin")
    assert spin == "spin = polarised  (from the moments that the structure carries)"
    assert made.spec.moments_mub == (2.2,)
    assert not deck(iron, code="gpaw", task="relax", moments={}).spec.spin_polarised


@pytest.mark.parametrize("moments", [None, [0.0]])
def test_iron_without_a_word_on_its_moments_has_no_deck(moments: list[float] | None) -> None:
    iron = Structure(Lattice.cubic(2.87), ["Fe"], [[0, 0, 0]])
    if moments is not None:
        iron.add_site_property("magmom", moments)
    with pytest.raises(SpecError, match=r"likely to have magnetic moments: Fe") as caught:
        deck(iron, code="vasp", task="relax")
    assert "--moment Fe=2" in caught.value.fix and "--no-spin" in caught.value.fix
    assert deck(iron, code="vasp", task="relax", moments={"Fe": 2.2}).spec.moments_mub == (2.2,)


def test_settings_of_the_electrons_are_checked_as_in_a_study() -> None:
    for given, says in [
        ({"hubbard_u_ev": {"Br": {"g": 2.0}}}, "hubbard_u_ev.Br.g"),
        ({"hubbard_u_ev": {"Xx": {"d": 2.0}}}, "hubbard_u_ev.Xx"),
        ({"hubbard_u_ev": {"Br": {"p": 99.0}}}, "hubbard_u_ev.Br.p cannot be '99.0'"),
        ({"hubbard_u_ev": {"Fe": {"d": 2.0}}}, "a U is given for Fe, of which the crystal has none"),
        ({"dispersion": "D9"}, "dispersion cannot be 'D9'"),
        ({"moments": 2.0}, "moments cannot be 2.0"),
    ]:
        with pytest.raises(InputError, match=re.escape(says)):
            deck(CSBR, code="vasp", task="relax", **given)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    plain = deck(CSBR, code="gpaw", task="relax", grid=(4, 4, 4), cutoff_ev=400.0, empty_bands=3)
    of_numpy = deck(
        CSBR,
        code="gpaw",
        task="relax",
        grid=np.array([4, 4, 4]),  # type: ignore[arg-type]
        cutoff_ev=np.float64(400),
        empty_bands=np.int64(3),  # type: ignore[arg-type]
    )
    assert of_numpy.files == plain.files


# --- slabs ------------------------------------------------------------------------------------------------------------


def turned(axis: int) -> Structure:
    """The slab with its normal along another axis, of the lattice and of space."""
    given, order = slab(), np.roll([0, 1, 2], axis + 1)
    return Structure(
        Lattice(given.lattice.matrix[np.ix_(order, order)]),
        given.species,
        given.frac_coords[:, order],
        to_unit_cell=True,
    )


@pytest.mark.parametrize("task", ["bands", "potential"])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_points_of_a_surface_do_not_depend_on_the_axis(task: Task, axis: int) -> None:
    other = deck(turned(axis), code="vasp", task=task).spec
    assert other.slab_axis == axis
    assert {point.label for point in other.edge_kpoints} == {"G-bar", "X-bar", "M-bar", "X'-bar"}
    assert all(point.frac[axis] == 0.0 for point in other.edge_kpoints)
    along_c = deck(slab(), code="vasp", task=task).spec.edge_kpoints
    assert len(other.edge_kpoints) == len(along_c) == 4


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_bands_of_a_slab_stay_in_its_plane(code: str, axis: int) -> None:
    """A square: Γ, X and M. The deck does not say that it is a crystal's."""
    if code == "gpaw" and axis != 2:
        pytest.skip("GPAW's dipole correction wants the normal along z")
    made = deck(turned(axis), code=code, task="bands")
    assert made.spec.path is not None
    corners = [point for segment in made.spec.path.segments for point in segment]
    assert {point.label for point in corners} == {"G-bar", "X-bar", "M-bar"}
    assert all(point.frac[axis] == 0.0 for point in corners)
    assert "lines the crystal up" not in "".join(made.files.values())


def test_the_bands_of_a_crystal_line_it_up_with_a_slab() -> None:
    for code in ("castep", "vasp"):
        assert "lines the crystal up" in "".join(deck(CSBR, code=code, task="bands").files.values())
