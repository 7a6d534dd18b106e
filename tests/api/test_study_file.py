"""A study that was begun with `init_study` is one that can be planned and decks written of, whatever the crystals."""

from __future__ import annotations

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from ase import Atoms
from pymatgen.core import Lattice, Structure

from dftflow.api import surface_choice
from dftflow.api.study_file import init_study, list_studies
from dftflow.api.surface_choice import choose_surface
from dftflow.codes.registry import code_names
from dftflow.crystals.ions import ionic_units
from dftflow.crystals.shipped import load_shipped, shipped_names
from dftflow.crystals.structure_writer import structure_text
from dftflow.errors import DftflowError, InputError, StoreError, SurfaceError
from dftflow.resources import shipped_studies, workflows_dir
from dftflow.studies.decks import write_decks
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

CSBR = "CsBr_Pm-3m"
FCC = [[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ESPRESSO_PSEUDO", raising=False)


def table_of(name: str) -> dict[str, dict[str, object]]:
    materials: dict[str, dict[str, object]] = tomllib.loads(Path(f"{name}.toml").read_text())["materials"]
    return materials


# --- it works as it is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [name for name in code_names() if name in ("castep", "espresso", "gpaw", "vasp")])
@pytest.mark.parametrize("preset", ["study", "quick"])
def test_decks_of_two_crystals_for_every_code(code: str, preset: str, tmp_path: Path) -> None:
    """VASP and pw.x refuse to relax a cell at a cutoff below what the potentials ask for: the default is above it."""
    init_study("s", crystals=["CsPbBr3_Pm-3m", CSBR], code=code)
    study = load_study("s.toml", preset)
    assert study.content.code == code
    written = write_decks(study, tmp_path / "decks")
    assert [deck.failure for deck in written.decks if deck.failure] == []
    kinds = {(deck.name.partition("/")[0], "slab" in deck.name) for deck in written.decks}
    assert kinds == {(name, slab) for name in ("CsPbBr3", "CsBr") for slab in (True, False)}


@pytest.mark.parametrize("crystal", shipped_names())
def test_every_shipped_crystal_makes_a_study_that_can_be_planned(crystal: str) -> None:
    init_study("s", crystals=[crystal])
    for preset in ("study", "quick"):
        steps = plan_study(load_study("s.toml", preset)).steps
        assert any(step.id.task == "bands" for step in steps)


def test_nothing_named_is_the_example() -> None:
    made = init_study()
    assert made.file == Path("my-study.toml")
    study = load_study("my-study.toml")
    assert list(study.content.materials) == ["CsPbBr3"]
    assert study.content.alignment == ()
    assert study.content.materials["CsPbBr3"].slabs[0].miller in ((0, 0, 1), (0, 1, 0), (1, 0, 0))


def test_a_file_that_no_study_can_name_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "a\x7fb.cif"
    file.write_text(structure_text(load_shipped("CsPbBr3_Pm-3m").structure, "a.cif").text)
    with pytest.raises(InputError, match="not printable"):
        init_study(tmp_path / "mine", crystals=[file])
    assert list(tmp_path.iterdir()) == [file]


def test_the_repr_is_a_line() -> None:
    made = init_study("short", crystals=["CsPbBr3_Pm-3m"])
    assert str(made.file) in repr(made)
    assert len(repr(made)) < 100 + len(str(made.file))


def test_every_line_says_why() -> None:
    lines = init_study("s", crystals=["CsPbBr3_Pnma", CSBR]).text.splitlines()
    bare = [line for line in lines if re.match(r"\w+ = ", line) and "  # " not in line]
    assert not bare
    assert max(map(len, lines)) <= 160


def test_two_and_three_crystals_are_aligned() -> None:
    init_study("two", crystals=["CsPbBr3_Pnma", CSBR])
    assert load_study("two.toml").content.alignment[0].materials == ("CsPbBr3", "CsBr")
    init_study("three", crystals=["CsPbBr3_Pnma", "CsPbBr3_Pm-3m", CSBR])
    content = load_study("three.toml").content
    assert list(content.materials) == ["CsPbBr3", "CsPbBr3_Pm-3m", "CsBr"], "one formula, two names"
    assert content.alignment[0].materials == tuple(content.materials)


# --- the numbers ------------------------------------------------------------------------------------------------------


def test_one_cutoff_for_all_from_the_potentials() -> None:
    """1.3 ENMAX of the hardest potential of all, Pb_d: 1.3 x 237.835 = 309.2 eV, rounded up to 5 eV."""
    init_study("s", crystals=[CSBR, "CsPbBr3_Pm-3m"], code="vasp")
    assert {entry["cutoff_ev"] for entry in table_of("s").values()} == {310.0}
    assert "Pb_d" in Path("s.toml").read_text()


def test_a_cutoff_from_the_files_of_pw(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The larger of 30 and 44 Ry is 598.6 eV: 600 eV."""
    folder = tmp_path / "pseudo"
    folder.mkdir()
    for element, cutoff in (("Cs", 30.0), ("Br", 44.0)):
        head = f'element="{element}" pseudo_type="NC" z_valence="7.0" wfc_cutoff="{cutoff}" functional="PBE"'
        (folder / f"{element}.upf").write_text(f'<UPF version="2.0.1">\n<PP_HEADER {head}/>\n')
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(folder))
    init_study("s", crystals=[CSBR], code="espresso")
    assert table_of("s")["CsBr"]["cutoff_ev"] == 600.0
    assert "Br.upf suggests at least 44 Ry" in Path("s.toml").read_text()


def test_grids_follow_each_axis() -> None:
    """2 pi / (8.244, 11.735, 8.198) Å = (0.762, 0.535, 0.766) 1/Å: at most 0.35 and 0.25 apart."""
    init_study("s", crystals=["CsPbBr3_Pnma"])
    entry = table_of("s")["CsPbBr3"]
    assert entry["relax_kpoints"] == [3, 2, 3]
    assert entry["bands_kpoints"] == [4, 3, 4]


def test_a_metal_gets_a_denser_grid_and_a_surface() -> None:
    copper = Structure(Lattice.cubic(3.61), ["Cu"] * 4, FCC)
    init_study("s", crystals=[copper])
    entry = table_of("s")["Cu"]
    assert entry["relax_kpoints"] == [12, 12, 12]  # 1.7405 1/Å / 0.15
    assert entry["slabs"][0]["miller"] == [1, 1, 1], "the densest plane of fcc"
    tasks = [step.id.task for step in plan_study(load_study("s.toml")).steps]
    assert tasks == ["relax", "bands", "relax", "potential"]


def test_a_crystal_of_unknown_charges_gets_no_made_up_surface() -> None:
    """Magnetite: Fe2+ and Fe3+."""
    magnetite = Structure.from_spacegroup(
        "Fd-3m:2", Lattice.cubic(8.396), ["Fe", "Fe", "O"], [[0.125] * 3, [0.5] * 3, [0.2547] * 3]
    )
    init_study("s", crystals=[magnetite])
    note = " ".join(line.lstrip("# ") for line in Path("s.toml").read_text().splitlines())
    assert "No surface: the charges of Fe3O4 are not known" in note
    with pytest.raises(SurfaceError) as caught:
        ionic_units(magnetite)
    assert caught.value.fix and caught.value.fix in note, "the way on of the error itself"


# --- surfaces ---------------------------------------------------------------------------------------------------------


def test_a_polar_plane_is_not_taken() -> None:
    """CsBr: {100} has layers of Cs+ and of Br-, {110} both in each."""
    choice = choose_surface(load_shipped(CSBR).structure)
    assert sorted(map(abs, choice.miller or ())) == [0, 1, 1]


def test_a_plane_with_two_unlike_faces_gives_way_to_one_of_the_same_spacing() -> None:
    """FA along [100] with its dipole along [001]: (001) has two faces, (010) has not."""
    choice = choose_surface(load_shipped("FAPbBr3_Pm-3m_FA100").structure)
    assert choice.miller == (0, 1, 0)
    assert any("(001)" in note and "two faces differ" in note for note in choice.notes)


def test_the_sizes_are_those_of_the_presets() -> None:
    init_study("s")
    presets = [load_study("s.toml", name).preset for name in ("study", "quick")]
    sizes = [(preset.slab_thickness_ang, preset.vacuum_ang) for preset in presets]
    assert list(surface_choice.SIZES_ANG) == sizes


# --- where crystals come from -----------------------------------------------------------------------------------------


def test_a_file_is_named_as_the_study_finds_it(tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    (tmp_path / "studies").mkdir()
    text = structure_text(load_shipped(CSBR).structure, "a.cif").text
    (tmp_path / "cells" / "a.cif").write_text(text)
    init_study("studies/s", crystals=["cells/a.cif"])
    assert table_of("studies/s")["CsBr"]["structure"] == "../cells/a.cif"
    load_study("studies/s.toml")
    plan_study(load_study("studies/s.toml"))


def test_objects_of_other_packages_are_written_beside_it() -> None:
    atoms = Atoms("CsBr", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=[4.3] * 3, pbc=True)
    made = init_study("s", crystals=[atoms, load_shipped("CsPbBr3_Pm-3m").structure, Path(CSBR)])
    assert [file.name for file in made.crystals] == ["CsBr.json", "CsPbBr3.json"]
    plan = plan_study(load_study("s.toml"))
    assert plan.materials["CsBr"].start.lattice.a == pytest.approx(4.3)


def test_like_takes_settings_presets_and_densities() -> None:
    other = load_study("fapbbr3-cspbbr3").content
    init_study("s", crystals=[CSBR], like="fapbbr3-cspbbr3", code="castep")
    mine = load_study("s.toml").content
    assert mine.settings.model_copy(update={"from_reference": ()}) == other.settings.model_copy(
        update={"from_reference": ()}
    )
    assert (mine.code, mine.preset, list(mine.presets)) == ("castep", "paper", ["paper", "fine-geometry"])
    assert mine.materials["CsBr"].cutoff_ev == 435.4
    # the densest grids of that study are 2x2x2 and 4x4x4 in a cube of 5.99 Å: 4.291 Å need 2.8 and 5.6 points
    assert mine.materials["CsBr"].relax_kpoints.size == (3, 3, 3)
    assert mine.materials["CsBr"].bands_kpoints.size == (6, 6, 6)
    text = Path("s.toml").read_text()
    assert "10.1021/acsami.1c18025" not in text, "of these crystals that publication says nothing"
    assert "paper's" not in text


def test_like_takes_no_less_than_the_potentials_ask_for(tmp_path: Path) -> None:
    """1.3 ENMAX of O, 400 eV, is 520 eV, above the 435.4 eV of the other study: VASP's decks would be refused."""
    oxide = Structure(Lattice.cubic(4.21), ["Mg"] * 4 + ["O"] * 4, FCC + [[x + 0.5, y, z] for x, y, z in FCC])
    init_study("s", crystals=[oxide], like="fapbbr3-cspbbr3", code="vasp")
    assert table_of("s")["MgO"]["cutoff_ev"] == 520.0
    text = Path("s.toml").read_text()
    assert "ENMAX of O" in text and "more than the 435.4 eV of fapbbr3" in text
    assert [deck.failure for deck in write_decks(load_study("s.toml"), tmp_path / "decks").decks if deck.failure] == []


def test_like_takes_the_options_of_codes() -> None:
    template = Path("model/mine/gpaw/deck.py.j2")
    template.parent.mkdir(parents=True)
    template.write_text("# mine\n")
    shipped = (workflows_dir() / "fapbbr3-cspbbr3.toml").read_text()
    shipped += '\n[codes.castep]\nkeywords = "materials-studio"\npotentials = { Cs = "C19", Br = "C19" }\n'
    shipped += '[codes.gpaw]\ntemplates = "mine"\n'
    assert "[codes." not in (workflows_dir() / "fapbbr3-cspbbr3.toml").read_text()
    Path("model/m.toml").write_text(shipped)
    init_study("s", crystals=[CSBR], like="model/m.toml")
    codes = tomllib.loads(Path("s.toml").read_text())["codes"]
    assert codes["castep"] == {"keywords": "materials-studio", "potentials": {"Cs": "C19", "Br": "C19"}}
    assert codes["gpaw"] == {"templates": "model/mine"}
    assert load_study("s.toml", code="castep").code_options["keywords"] == "materials-studio"


@pytest.mark.skipif(find_spec("gpaw_data") is None, reason="the data sets of GPAW are not installed")
def test_an_element_without_a_data_set_is_refused_before_a_study_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd()))
    monkeypatch.delenv("GPAW_SETUP_PATH", raising=False)
    uranium = Structure(Lattice.cubic(5.5), ["U"] * 4, FCC)
    with pytest.raises(InputError, match="GPAW has no data set for U") as caught:
        init_study("s", crystals=[uranium], code="gpaw")
    assert "U.PBE in GPAW_SETUP_PATH" in caught.value.fix
    assert not Path("s.toml").exists()
    for like in (None, "fapbbr3-cspbbr3"):
        with pytest.raises(InputError, match="no data set for U"):
            init_study("s", crystals=[uranium], code="gpaw", like=like)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_nothing_is_written_over() -> None:
    Path("s.toml").write_text("mine")
    with pytest.raises(StoreError, match="already"):
        init_study("s")
    assert Path("s.toml").read_text() == "mine"
    Path("CsBr.json").write_text("mine")
    with pytest.raises(StoreError, match="already"):
        init_study("t", crystals=[load_shipped(CSBR).structure])
    assert not Path("t.toml").exists()
    Path("u.toml").symlink_to("nowhere")
    with pytest.raises(StoreError, match="already"):
        init_study("u")


@pytest.mark.parametrize("name", ["..", "-rf", "γ", "a b"])
def test_a_name_is_one_of_a_folder(name: str) -> None:
    with pytest.raises(InputError):
        init_study(f"./{name}")


@pytest.mark.parametrize(
    ("crystals", "options"),
    [(["nowhere.cif"], {}), ([CSBR], {"code": "caste"}), ([CSBR], {"like": "no-such-study"})],
)
def test_mistakes_leave_nothing(crystals: list[str], options: dict[str, str]) -> None:
    with pytest.raises(DftflowError):
        init_study("s", crystals=crystals, **options)
    assert not Path("s.toml").exists()


def test_a_cell_with_a_vacuum_is_no_material() -> None:
    """A monolayer along each axis, a wire and a molecule; the message names the command for the file."""
    for axis in range(3):
        cell = [4.3, 4.3, 4.3]
        cell[axis] = 20.0
        layer = Structure(Lattice.orthorhombic(*cell), ["Cs", "Br"], [[0, 0, 0], [2.15 / edge for edge in cell]])
        with pytest.raises(InputError, match=f"a slab: .* along {'abc'[axis]}"):
            init_study("s", crystals=[layer])
    Path("a layer.vasp").write_text(structure_text(layer, "POSCAR").text)
    with pytest.raises(InputError) as caught:
        init_study("s", crystals=["a layer.vasp"])
    assert "dftflow deck 'a layer.vasp' --code castep --task potential" in caught.value.fix
    molecule = Structure(Lattice.cubic(15), ["H", "Cl"], [[0, 0, 0], [0, 0, 0.085]])
    with pytest.raises(InputError) as caught:
        init_study("s", crystals=[molecule])
    assert "slab_axis" not in caught.value.fix and "--slab none --cell fixed" in caught.value.fix
    assert not Path("s.toml").exists()


def test_the_head_promises_no_time_and_an_option_that_is_not_there_is_not_advised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    head = init_study("s").text.split("schema")[0]
    assert "quick (a first look)" in head and "minutes" not in head
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(StoreError) as caught:
        init_study("t")
    assert "--out" not in str(caught.value)


def test_a_charged_crystal_is_no_material() -> None:
    """Neither of a new study nor of one whose file names it."""
    crystal = load_shipped(CSBR).structure.copy()
    init_study("neutral", crystals=[crystal])
    crystal.set_charge(-2)
    with pytest.raises(InputError, match="a charge of -2"):
        init_study("s", crystals=[crystal])
    assert not Path("s.toml").exists()
    crystal.to("CsBr.json")
    with pytest.raises(InputError, match="a charge of -2"):
        plan_study(load_study("neutral.toml"))


# --- what is shipped --------------------------------------------------------------------------------------------------


def test_the_shipped_studies_are_listed() -> None:
    listed = list_studies()
    assert [study.name for study in listed] == list(shipped_studies())
    for study in listed:
        content = tomllib.loads((workflows_dir() / f"{study.name}.toml").read_text())
        assert study.title == content["title"]
        assert study.materials == tuple(content["materials"])
        assert set(study.presets) == {"study", "quick", "converged", *content.get("presets", {})}
