"""The decks: numbers where they belong, and what VASP cannot express refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Incar, Kpoints, Poscar

from dftflow.codes.vasp import VASP
from dftflow.errors import SpecError
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation
from dftflow.resources import structures_dir

GAMMA, Z = KPoint(label="G", frac=(0, 0, 0)), KPoint(label="Z", frac=(0, 0, 0.5))
CRYSTAL = Structure.from_file(structures_dir() / "CsPbBr3_Pnma.cif")
SLAB = Structure(
    Lattice.orthorhombic(6, 6, 40),
    ["Cs", "Pb", "Br", "Br"],
    [[0, 0, 0.95], [0, 0, 0.05], [0.5, 0.5, 0.95], [0.5, 0.5, 0.15]],
)


def spec(**values: object) -> CalcSpec:
    common = {
        "title": "CsPbBr3 Γ–X; a test = 1",
        "task": "potential",
        "xc": "PBE",
        "cutoff_ev": 244.9,
        "cutoff_note": "paper: 244.9 eV for CsPbBr3",
        "grid": (2, 2, 2),
        "smearing_ev": 0.1,
        "scf_tol_ev_per_atom": 2e-6,
        "max_scf_cycles": 100,
    }
    return CalcSpec(**(common | values))  # type: ignore[arg-type]


def relaxation(cell: str) -> Relaxation:
    return Relaxation(
        cell=cell,  # type: ignore[arg-type]
        energy_tol_ev_per_atom=2e-5,
        force_tol_ev_per_ang=0.05,
        stress_tol_gpa=0.1,
        displacement_tol_ang=2e-3,
        max_steps=70,
    )


def bands(**values: object) -> CalcSpec:
    path = KPath(segments=((GAMMA, Z),), spacing_per_ang=0.1)
    return spec(task="bands", path=path, edge_kpoints=(GAMMA,), **values)


def incar(deck: Deck) -> Incar:
    return Incar.from_str(deck.files["INCAR"])


def render(structure: Structure, calculation: CalcSpec, **choices: object) -> Deck:
    return VASP(**choices).render(structure, calculation, "seed")  # type: ignore[arg-type]


def test_no_deck_holds_a_potential():
    deck = render(CRYSTAL, spec())
    assert set(deck.files) == {"POSCAR", "INCAR", "KPOINTS", "POTCAR.spec", "vasp.sh"}
    assert deck.files["POTCAR.spec"] == "Cs_sv\nPb_d\nBr\n"
    assert "Cs_sv Pb_d Br" in deck.notes[0]


def test_poscar_holds_the_atoms_element_by_element():
    mixed = Structure(SLAB.lattice, ["Br", "Pb", "Br", "Cs"], SLAB.frac_coords)
    mixed.add_site_property("magmom", [1, 2, 3, 4])
    deck = render(mixed, spec(grid=(2, 2, 1)))
    poscar = Poscar.from_str(deck.files["POSCAR"])
    assert poscar.site_symbols == ["Br", "Pb", "Cs"]
    assert poscar.natoms == [2, 1, 1]
    assert deck.files["POTCAR.spec"].split() == ["Br", "Pb_d", "Cs_sv"]
    assert poscar.structure.frac_coords == pytest.approx(SLAB.frac_coords[[0, 2, 1, 3]])
    assert poscar.comment == "CsPbBr3 Gamma-X a test 1"


def test_an_atom_that_is_held_keeps_its_place_in_the_new_order():
    mixed = Structure(SLAB.lattice, ["Br", "Pb", "Br", "Cs"], SLAB.frac_coords)
    held = spec(task="relax", relaxation=relaxation("fixed"), fixed_atoms=(1, 2), grid=(2, 2, 1), slab_axis=2)
    poscar = Poscar.from_str(render(mixed, held).files["POSCAR"])
    assert [list(row) for row in poscar.selective_dynamics] == [[True] * 3, [False] * 3, [False] * 3, [True] * 3]
    assert "Selective" not in render(mixed, replace(held, fixed_atoms=())).files["POSCAR"]
    with pytest.raises(SpecError, match="names atom 4"):
        render(mixed, replace(held, fixed_atoms=(4,)))


def test_tolerances_are_per_cell_and_forces_negative():
    tags = incar(render(CRYSTAL, spec(task="relax", relaxation=relaxation("lengths"))))
    assert tags["EDIFF"] == pytest.approx(2e-6 * 20)
    assert tags["EDIFFG"] == -0.05
    assert (tags["NSW"], tags["IBRION"], tags["ISIF"]) == (70, 2, 3)
    assert (tags["ENCUT"], tags["ISMEAR"], tags["SIGMA"], tags["GGA"]) == (244.9, 0, 0.1, "Pe")
    assert (tags["LREAL"], tags["PREC"], tags["NELM"]) == (False, "Accurate", 100)


def test_the_comments_say_where_numbers_are_from():
    assert "ENCUT    = 244.9  # paper: 244.9 eV for CsPbBr3\n" in render(CRYSTAL, spec()).files["INCAR"]


def test_a_cell_that_moves_is_noted_for_its_pulay_stress():
    free = render(CRYSTAL, spec(task="relax", relaxation=relaxation("isotropic")))
    fixed = render(CRYSTAL, spec(task="relax", relaxation=relaxation("fixed")))
    assert any("Pulay" in note for note in free.notes)
    assert any("6.4.1" in note for note in free.notes)
    assert not any("Pulay" in note for note in fixed.notes)
    assert (incar(free)["ISIF"], incar(fixed)["ISIF"]) == (8, 2)


def test_bands_are_one_list_with_the_path_at_weight_zero():
    deck = render(CRYSTAL, bands())
    kpoints = Kpoints.from_str(deck.files["KPOINTS"])
    weights = np.array(kpoints.kpts_weights)
    assert weights[:4].tolist() == [2, 2, 2, 2]
    assert not weights[4:].any()
    assert np.abs(np.array(kpoints.kpts)[:4]) == pytest.approx(0.25)  # an even grid leaves out Γ
    assert kpoints.kpts[4] == (0, 0, 0)
    assert kpoints.kpts[-1] == (0, 0, 0.5)
    tags = incar(deck)
    # 4 Cs, 4 Pb, 12 Br: 4*9 + 4*14 + 12*7 = 176 electrons, and 12 empty bands
    assert tags["NBANDS"] == 88 + 12
    assert (tags["LVHAR"], tags["ISYM"], tags["NSW"]) == (True, 0, 0)


def test_without_a_known_valence_the_bands_are_left_to_vasp():
    deck = render(CRYSTAL, bands(), potentials={"Pb": "Pb"})
    assert "NBANDS" not in incar(deck)
    assert any("ZVAL" in note for note in deck.notes)
    assert deck.files["POTCAR.spec"].split() == ["Cs_sv", "Pb", "Br"]


def test_a_slab_has_its_dipole_corrected_about_its_middle():
    tags = incar(render(SLAB, spec(slab_axis=2, grid=(4, 4, 1))))
    assert (tags["LDIPOL"], tags["IDIPOL"], tags["LVHAR"], tags["ISYM"]) == (True, 3, True, 0)
    assert tags["DIPOL"] == pytest.approx([0.5, 0.5, 0.05])  # from 0.95 over the border to 0.15
    assert "LDIPOL" not in incar(render(CRYSTAL, spec()))


def test_a_grid_is_that_of_monkhorst_and_pack():
    kpoints = Kpoints.from_str(render(CRYSTAL, spec(grid=(4, 3, 2))).files["KPOINTS"])
    assert kpoints.style.name == "Monkhorst"
    assert kpoints.kpts == [(4, 3, 2)]


@pytest.mark.parametrize(
    ("xc", "tags"),
    [
        ("HSE06", {"LHFCALC": True, "HFSCREEN": 0.2, "AEXX": 0.25, "ALGO": "Damped", "LASPH": True}),
        ("R2SCAN", {"METAGGA": "R2scan", "LASPH": True, "ALGO": "Normal"}),
        ("PBESOL", {"GGA": "Ps"}),
        ("LDA", {"GGA": "Ca"}),
    ],
)
def test_functionals(xc, tags):
    written = incar(render(CRYSTAL, spec(xc=xc)))
    assert {name: written.get(name) for name in tags} == tags


def test_lda_asks_for_the_potentials_of_lda():
    deck = render(CRYSTAL, spec(xc="LDA"))
    assert "potpaw_LDA" in deck.notes[0]
    assert "library=potpaw_LDA\nfamily=PAW\n" in deck.files["vasp.sh"]


def test_no_smearing_is_the_least_that_vasp_has():
    deck = render(CRYSTAL, spec(smearing_ev=0.0))
    assert incar(deck)["SIGMA"] == 0.01
    assert any("fixed occupations" in note for note in deck.notes)


def test_the_same_deck_twice_is_the_same_text():
    assert render(CRYSTAL, bands()).files == render(CRYSTAL.copy(), bands()).files


def test_a_title_cannot_add_a_tag():
    title = "x\nENCUT = 1 ; SIGMA = 9 \\\n{ # !"
    tags = incar(render(CRYSTAL, spec(title=title)))
    assert (tags["ENCUT"], tags["SIGMA"]) == (244.9, 0.1)


@pytest.mark.parametrize(
    ("structure", "calculation", "message"),
    [
        (Structure(Lattice.monoclinic(4, 5, 30, 100), ["Ge"], [[0] * 3]), spec(slab_axis=2, grid=(1, 1, 1)), "normal"),
        (Structure(Lattice.cubic(4), [{"Ge": 0.5}], [[0] * 3]), spec(), "partial occupation"),
        (Structure(Lattice(-np.eye(3) * 4), ["Ge"], [[0] * 3]), spec(), "left-handed"),
        (Structure(Lattice.cubic(4), ["Np"], [[0] * 3]), spec(), "no potential is recommended"),
        (CRYSTAL, spec(xc="XYZ"), "'XYZ'"),
    ],
)
def test_what_vasp_cannot_express_is_refused(structure, calculation, message):
    with pytest.raises(SpecError, match=message):
        render(structure, calculation)


@pytest.mark.parametrize("symbol", ["Br", "Pb_d; rm -rf /", "Pb d"])
def test_a_potential_of_another_element_is_refused(symbol):
    with pytest.raises(SpecError, match="no potential of Pb"):
        render(CRYSTAL, spec(), potentials={"Pb": symbol})


@pytest.mark.parametrize("seed", ["", "a/b", "a b"])
def test_a_seed_that_is_no_name_is_refused(seed):
    with pytest.raises(SpecError):
        VASP().render(CRYSTAL, spec(), seed)


def test_a_template_of_the_users_own_replaces_the_shipped_one(tmp_path):
    (tmp_path / "vasp").mkdir()
    (tmp_path / "vasp" / "heading.incar.j2").write_text("# mine {{ reference }}\nSYSTEM = {{ title }}\n")
    deck = VASP(templates=[tmp_path]).render(CRYSTAL, replace(spec(), title="t"), "seed")
    assert deck.files["INCAR"].startswith("# mine \nSYSTEM = t\n")
