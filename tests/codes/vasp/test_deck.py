"""The decks: numbers where they belong, and what VASP cannot express refused."""

from __future__ import annotations

import itertools
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Incar, Kpoints, Poscar

from dftflow import studies
from dftflow.codes.cell_cutoff import CONVERGED_PRESET_EV
from dftflow.codes.registry import load_code
from dftflow.codes.vasp import VASP
from dftflow.codes.vasp.options import VaspOptions
from dftflow.errors import OptionError, SpecError
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation
from dftflow.rendering.own_templates import own_templates
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
        "cutoff_note": "doi 10.1021/acsami.1c18025",
        "grid": (2, 2, 2),
        "smearing_ev": 0.1,
        "scf_tol_ev_per_atom": 2e-6,
        "max_scf_cycles": 100,
    }
    return CalcSpec(**(common | values))  # type: ignore[arg-type]


def relaxation(cell: str, **values: object) -> Relaxation:
    return Relaxation(
        cell=cell,  # type: ignore[arg-type]
        energy_tol_ev_per_atom=2e-5,
        force_tol_ev_per_ang=0.05,
        stress_tol_gpa=0.1,
        displacement_tol_ang=2e-3,
        max_steps=70,
        **values,  # type: ignore[arg-type]
    )


def bands(**values: object) -> CalcSpec:
    path = KPath(segments=((GAMMA, Z),), spacing_per_ang=0.1)
    return spec(task="bands", path=path, edge_kpoints=(GAMMA,), **values)


def incar(deck: Deck) -> Incar:
    return Incar.from_str(deck.files["INCAR"])


def render(structure: Structure, calculation: CalcSpec, **choices: object) -> Deck:
    return VASP(VaspOptions.model_validate(choices)).render(structure, calculation, "seed")


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
    tags = incar(render(CRYSTAL, spec(task="relax", relaxation=relaxation("lengths"), cutoff_ev=310.0)))
    assert tags["EDIFF"] == pytest.approx(2e-6 * 20)
    assert tags["EDIFFG"] == -0.05
    assert (tags["NSW"], tags["IBRION"], tags["ISIF"]) == (70, 2, 3)
    assert (tags["ENCUT"], tags["ISMEAR"], tags["SIGMA"], tags["GGA"]) == (310.0, 0, 0.1, "Pe")
    assert (tags["LREAL"], tags["PREC"], tags["NELM"]) == (False, "Accurate", 100)


def test_the_comments_say_where_numbers_are_from():
    doi = "doi 10.1021/acsami.1c18025"
    deck = render(CRYSTAL, spec(reference="10.1021/acsami.1c18025", grid_note=doi))
    assert re.search(rf"^ENCUT    = 244\.9 +# {doi}$", deck.files["INCAR"], re.MULTILINE)
    assert deck.files["INCAR"].splitlines()[1] == (
        "# the study refers to doi 10.1021/acsami.1c18025; a comment names it where a setting is from there"
    )
    assert deck.files["KPOINTS"].splitlines()[0] == f"Monkhorst-Pack grid; {doi}"
    goal = relaxation("fixed", notes={"force_tol_ev_per_ang": doi, "stress_tol_gpa": doi})
    text = render(CRYSTAL, spec(task="relax", relaxation=goal)).files["INCAR"]
    assert re.search(rf"^EDIFFG   = -0\.05 +# eV/ang; {doi}; the other criteria", text, re.MULTILINE)


@pytest.mark.parametrize("task", ["relax", "bands", "potential"])
def test_a_number_of_the_studys_own_has_no_comment(task):
    values = {"cutoff_note": "", "relaxation": relaxation("fixed") if task == "relax" else None}
    calculation = bands(**values) if task == "bands" else spec(task=task, **values)
    deck = render(CRYSTAL, calculation)
    for text in (*deck.files.values(), *deck.notes):
        assert "paper" not in text and "doi" not in text
    for name in ("INCAR", "KPOINTS"):
        assert not re.search(r"[#!;]\s*$", deck.files[name], re.MULTILINE)


# --- the cutoff of a cell that moves ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elements", "cutoff_ev", "need_ev", "symbol"),
    [
        (["Cs", "Pb", "Br"], 244.9, 309.2, "Pb_d"),  # 1.3 x 237.835 eV
        (["Pb", "Br", "C", "N", "H"], 435.4, 520.0, "N"),  # 1.3 x 400 eV
    ],
)
def test_a_cell_is_not_relaxed_below_its_need(elements, cutoff_ev, need_ev, symbol):
    crystal = Structure(Lattice.cubic(6), elements, [[0.1 * i, 0.2 * i, 0.3 * i] for i in range(len(elements))])
    moves = spec(task="relax", relaxation=relaxation("all"), cutoff_ev=cutoff_ev)
    with pytest.raises(SpecError, match="too low to relax the cell") as raised:
        render(crystal, moves)
    assert f"potential {symbol}" in raised.value.reason and "Pulay" in raised.value.reason
    assert moves.title in raised.value.summary
    for words in ('cell = "fixed"', f"cutoff_ev = {need_ev}", "out of its from_reference", "--preset converged"):
        assert words in raised.value.fix
    with pytest.raises(SpecError) as raised:
        render(crystal, replace(moves, cutoff_note=""))
    assert "from_reference" not in raised.value.fix
    assert incar(render(crystal, replace(moves, cutoff_ev=need_ev)))["ENCUT"] == need_ev
    assert incar(render(crystal, replace(moves, relaxation=relaxation("fixed"))))["ENCUT"] == cutoff_ev
    assert render(crystal, spec(cutoff_ev=cutoff_ev)).files


def test_the_preset_is_named_only_where_it_is_enough():
    lithium = Structure(Lattice.cubic(4), ["Li"], [[0, 0, 0]])
    with pytest.raises(SpecError, match=r"cutoff_ev = 648\.8") as raised:
        render(lithium, spec(task="relax", relaxation=relaxation("all"), cutoff_ev=600.0))
    assert "--preset" not in raised.value.fix
    presets = tomllib.loads((Path(studies.__file__).parent / "presets.toml").read_text())
    assert presets["converged"]["min_cutoff_ev"] == CONVERGED_PRESET_EV


def test_a_need_that_is_not_known_is_said_and_not_guessed():
    moves = spec(task="relax", relaxation=relaxation("all"), cutoff_ev=310.0)
    assert not any("ENMAX" in note for note in render(CRYSTAL, moves).cautions)
    own = render(CRYSTAL, replace(moves, cutoff_ev=290.0), potentials={"Pb": "Pb"})
    assert any("ENMAX of Pb is not known" in note for note in own.cautions)
    of_lda = render(CRYSTAL, replace(moves, cutoff_ev=100.0, xc="LDA"))
    assert any("ENMAX of Cs_sv, Pb_d, Br is not known" in note for note in of_lda.cautions)
    with pytest.raises(SpecError, match="Cs_sv"):
        render(CRYSTAL, replace(moves, cutoff_ev=250.0), potentials={"Pb": "Pb"})


def test_a_cell_that_moves_is_noted_for_its_pulay_stress():
    free = render(CRYSTAL, spec(task="relax", relaxation=relaxation("isotropic"), cutoff_ev=310.0))
    fixed = render(CRYSTAL, spec(task="relax", relaxation=relaxation("fixed")))
    assert any("Pulay" in note for note in free.cautions)
    assert any("6.4.1" in note for note in free.notes)
    assert not any("Pulay" in note for note in fixed.cautions)
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


def test_special_points_of_a_surface_are_in_the_list_of_its_grid():
    points = (KPoint(label="G-bar", frac=(0, 0, 0)), KPoint(label="X'-bar", frac=(0, 0.5, 0)))
    beside = spec(slab_axis=2, grid=(2, 2, 1), edge_kpoints=points, empty_bands=7)
    deck = render(SLAB, beside)
    lines = deck.files["KPOINTS"].splitlines()
    assert lines[:3] == [
        "Monkhorst-Pack grid 2x2x1 up to time reversal, then special points at weight 0",
        "4",
        "Reciprocal",
    ]
    assert [line.split("!")[1].strip() for line in lines[3:]] == ["grid", "grid", "point G-bar", "point X'-bar"]
    assert Kpoints.from_str(deck.files["KPOINTS"]).kpts_weights == [2, 2, 0, 0]
    tags = incar(deck)
    assert (tags["LVHAR"], tags["LDIPOL"], tags["ISYM"], tags["NELMIN"]) == (True, True, 0, 8)
    assert tags["NBANDS"] == (9 + 14 + 7 + 7 + 1) // 2 + 7
    assert any("weight zero" in note for note in deck.notes)
    bulk = incar(render(CRYSTAL, spec(edge_kpoints=points)))
    assert (bulk["ISYM"], bulk["NELMIN"]) == (0, 8)


def test_a_slab_without_special_points_has_its_grid_alone():
    deck = render(SLAB, spec(slab_axis=2, grid=(2, 2, 1), empty_bands=7))
    assert deck.files["KPOINTS"] == "Monkhorst-Pack grid\n0\nMonkhorst-Pack\n2 2 1\n0 0 0\n"
    assert "NELMIN" not in incar(deck) and incar(deck)["NBANDS"] == 19 + 7
    assert not any("weight zero" in note for note in deck.notes)


def test_a_grid_that_is_centred_holds_gamma():
    kpoints = Kpoints.from_str(render(CRYSTAL, spec(grid=(4, 3, 2), gamma_centred=True)).files["KPOINTS"])
    assert kpoints.style.name == "Gamma" and kpoints.kpts == [(4, 3, 2)] and kpoints.kpts_shift == (0, 0, 0)
    text = render(CRYSTAL, bands(gamma_centred=True)).files["KPOINTS"]
    listed = Kpoints.from_str(text)
    assert text.startswith("Gamma-centred grid 2x2x2 up to time reversal")
    assert listed.kpts_weights[:8] == [1] * 8 and not any(listed.kpts_weights[8:])
    assert {tuple(abs(x) for x in point) for point in listed.kpts[:8]} == set(itertools.product((0, 0.5), repeat=3))


def test_without_a_known_valence_the_bands_are_left_to_vasp():
    deck = render(CRYSTAL, bands(), potentials={"Pb": "Pb"})
    assert any("ZVAL" in note for note in render(CRYSTAL, spec(), potentials={"Pb": "Pb"}).notes)
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
        ("TPSS", {"METAGGA": "Tpss", "LASPH": True}),
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
    narrow = render(CRYSTAL, spec(smearing_ev=0.002))
    assert incar(narrow)["SIGMA"] == 0.01
    assert any("a smearing of 0.002 eV" in note for note in narrow.notes)
    assert not any("SIGMA" in note for note in render(CRYSTAL, spec()).notes)


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
    with pytest.raises(OptionError, match="no potential of Pb"):
        load_code("vasp", {"potentials": {"Pb": symbol}})


@pytest.mark.parametrize("seed", ["", "a/b", "a b"])
def test_a_seed_that_is_no_name_is_refused(seed):
    with pytest.raises(SpecError):
        VASP().render(CRYSTAL, spec(), seed)


def test_a_template_of_the_users_own_replaces_the_shipped_one(tmp_path):
    (tmp_path / "vasp").mkdir()
    (tmp_path / "vasp" / "heading.incar.j2").write_text("# mine {{ reference }}\nSYSTEM = {{ title }}\n")
    deck = VASP(VaspOptions(templates=own_templates("vasp", tmp_path))).render(
        CRYSTAL, replace(spec(), title="t"), "seed"
    )
    assert deck.files["INCAR"].startswith("# mine \nSYSTEM = t\n")
