"""Decks as whole files, and what the deck writer refuses."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.calculators.calculator import kpts2sizeandoffsets
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.codes.castep import CASTEP
from dftflow.codes.castep.input.cell_file import read_cell_deck, read_cell_structure
from dftflow.codes.castep.options import CastepOptions
from dftflow.errors import SpecError
from dftflow.model.results import FloatArray
from dftflow.model.spec import CalcSpec, KPath, KPoint

EXPECTED = Path(__file__).resolve().parents[3] / "data" / "castep" / "decks"
STEPS = (
    "CsPbBr3-relax",
    "CsPbBr3-bands",
    "FAPbBr3-relax",
    "FAPbBr3-bands",
    "FAPbBr3-slab-relax",
    "FAPbBr3-slab-potential",
    "FAPbBr3-slab-edges",
)


def keywords(text: str) -> dict[str, str]:
    """Keyword -> value of the lines outside of blocks, comments removed."""
    outside = re.sub(r"(?ms)^%BLOCK.*?^%ENDBLOCK[^\n]*", "", text)
    lines = (line.split("!")[0].strip() for line in outside.splitlines())
    pairs = (line.partition(":") for line in lines if line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def block(text: str, name: str) -> list[str]:
    found = re.search(rf"(?ms)^%BLOCK {name}\n(.*?)\n%ENDBLOCK {name}$", text)
    assert found, f"no block {name}"
    return [line.split("!")[0].rstrip() for line in found[1].splitlines()]


def param(code: CASTEP, structure: Structure, spec: CalcSpec) -> dict[str, str]:
    return keywords(code.render(structure, spec, "a").files["a.param"])


def cell(code: CASTEP, structure: Structure, spec: CalcSpec) -> str:
    return code.render(structure, spec, "a").files["a.cell"]


@pytest.mark.parametrize("family", ["academic", "materials-studio"])
@pytest.mark.parametrize("seed", STEPS)
def test_deck_equals_the_checked_file(seed: str, family: Any, calculations: dict[str, Any]) -> None:
    deck = calculations[seed].render(CASTEP(CastepOptions(keywords=family)))
    assert sorted(deck.files) == [f"{seed}.cell", f"{seed}.param"]
    for name, text in deck.files.items():
        file = EXPECTED / family / name
        if os.environ.get("DFTFLOW_WRITE_EXPECTED"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        assert text == file.read_text()


@pytest.mark.parametrize("seed", STEPS)
def test_deck_is_plain_tidy_text(seed: str, calculations: dict[str, Any]) -> None:
    for text in calculations[seed].render(CASTEP()).files.values():
        assert text.isascii()
        assert text.endswith("\n")
        assert "\n\n\n" not in text
        assert not re.search(r"[ \t]$", text, re.MULTILINE)
        assert max(map(len, text.splitlines())) <= 120
        assert not re.search(r"!\s*$", text, re.MULTILINE)


@pytest.mark.parametrize("seed", ["CsPbBr3-bands", "FAPbBr3-bands", "FAPbBr3-slab-edges"])
def test_keyword_families_are_never_mixed(seed: str, calculations: dict[str, Any]) -> None:
    academic = "\n".join(calculations[seed].render(CASTEP()).files.values()).lower()
    studio = "\n".join(
        calculations[seed].render(CASTEP(CastepOptions(keywords="materials-studio"))).files.values()
    ).lower()
    assert "spectral" in academic
    assert not re.search(r"\bbs_", academic)
    assert not re.search(r"task\s*:\s*bandstructure", academic.replace("spectral_task", "x"))
    assert re.search(r"\bbs_", studio)
    assert "spectral" not in studio


@pytest.mark.parametrize("seed", STEPS)
def test_the_published_settings_are_in_the_deck(seed: str, calculations: dict[str, Any]) -> None:
    """Computational method of 10.1021/acsami.1c18025."""
    step = calculations[seed]
    params = param(CASTEP(), step.structure, step.spec)
    assert params["cut_off_energy"] == ("244.9 eV" if seed.startswith("Cs") else "435.4 eV")
    assert (params["xc_functional"], params["metals_method"]) == ("PBE", "DM")
    if step.spec.task == "relax":
        assert params["geom_method"] == "BFGS"
        assert float(params["geom_energy_tol"].split()[0]) == 2e-5
        assert params["geom_force_tol"] == "0.05 eV/ang"
        assert params["geom_disp_tol"] == "0.002 ang"
        assert params.get("geom_stress_tol") == (None if "slab" in seed else "0.1 GPa")


def comment(files: Mapping[str, str], keyword: str) -> str:
    """What stands behind the keyword, ``""`` where nothing does."""
    line = next(line for text in files.values() for line in text.splitlines() if line.split()[:1] == [keyword])
    return line.partition("!")[2].strip()


def test_every_setting_says_where_it_is_from(calculations: dict[str, Any]) -> None:
    """Each criterion by itself; the quality of Materials Studio only where all four are its."""
    step = calculations["CsPbBr3-relax"]
    notes = {"force_tol_ev_per_ang": "doi 10.1021/acsami.1c18025", "stress_tol_gpa": "a choice"}
    relaxation = replace(step.spec.relaxation, notes=notes)
    files = CASTEP().render(step.structure, replace(step.spec, relaxation=relaxation), "a").files
    medium = 'Materials Studio quality "Medium"'
    assert comment(files, "cut_off_energy") == "doi 10.1021/acsami.1c18025"
    assert comment(files, "KPOINT_MP_GRID") == "Monkhorst-Pack; doi 10.1021/acsami.1c18025"
    assert comment(files, "geom_energy_tol") == f"per atom; {medium}"
    assert comment(files, "geom_force_tol") == f"doi 10.1021/acsami.1c18025; {medium}"
    assert comment(files, "geom_stress_tol") == f"a choice; {medium}"
    assert comment(files, "geom_disp_tol") == medium
    relaxation = replace(relaxation, displacement_tol_ang=1e-3)
    files = CASTEP().render(step.structure, replace(step.spec, relaxation=relaxation), "a").files
    assert comment(files, "geom_energy_tol") == "per atom"
    assert comment(files, "geom_force_tol") == "doi 10.1021/acsami.1c18025"
    assert comment(files, "geom_disp_tol") == ""


@pytest.mark.parametrize("family", ["academic", "materials-studio"])
@pytest.mark.parametrize("seed", STEPS)
def test_the_reference_stands_in_the_head_and_where_a_note_names_it(
    seed: str, family: Any, calculations: dict[str, Any]
) -> None:
    """A reference says nothing of any single setting."""
    step = calculations[seed]
    relaxation = step.spec.relaxation and replace(step.spec.relaxation, notes={})
    bare = replace(step.spec, cutoff_note="", grid_note="", relaxation=relaxation)
    code = CASTEP(CastepOptions(keywords=family))
    for name, text in code.render(step.structure, bare, "a").files.items():
        lines = [line for line in text.splitlines() if "10.1021" in line or "study" in line or "paper" in line]
        head = "! the study refers to doi 10.1021/acsami.1c18025; a comment names it where a setting is from there"
        assert lines == [head]
        without = code.render(step.structure, replace(bare, reference=""), "a").files[name]
        assert without == text.replace(f"{head}\n", "")
        assert not re.search(r"!\s*$", without, re.MULTILINE)


# --- the grid --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "gamma_centred", "offset"),
    [
        ((4, 4, 4), False, "0.0 0.0 0.0"),
        ((3, 2, 1), False, "0.0 0.0 0.0"),
        ((2, 2, 2), True, "0.25 0.25 0.25"),
        ((3, 4, 1), True, "0.0 0.125 0.0"),
        ((6, 5, 10), True, "0.0833333333333 0.0 0.05"),
        ((3, 5, 1), True, "0.0 0.0 0.0"),
    ],
)
def test_offset_of_the_grid(
    grid: tuple[int, int, int], gamma_centred: bool, offset: str, calculations: dict[str, Any]
) -> None:
    """By hand, and as ASE writes it for CASTEP (kpts2sizeandoffsets)."""
    step = calculations["CsPbBr3-bands"]
    spec = replace(step.spec, grid=grid, gamma_centred=gamma_centred)
    files = CASTEP().render(step.structure, spec, "a").files
    found = keywords(files["a.cell"])
    assert (found["kpoint_mp_grid"], found["kpoint_mp_offset"]) == (" ".join(map(str, grid)), offset)
    _, of_ase = kpts2sizeandoffsets(size=grid, gamma=True if gamma_centred else None)
    np.testing.assert_allclose([float(word) for word in offset.split()], of_ase, atol=1e-12)
    assert comment(files, "KPOINT_MP_GRID").startswith("Gamma-centred" if gamma_centred else "Monkhorst-Pack")
    assert bool(comment(files, "KPOINT_MP_OFFSET")) == (offset != "0.0 0.0 0.0")


# --- what is relaxed, and slabs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freedom", "rows"),
    [("isotropic", ["1 1 1", "0 0 0"]), ("lengths", ["1 2 3", "0 0 0"]), ("all", ["1 2 3", "4 5 6"])],
)
def test_cell_constraints(freedom: Any, rows: list[str], calculations: dict[str, Any]) -> None:
    step = calculations["FAPbBr3-relax"]
    spec = replace(step.spec, relaxation=replace(step.spec.relaxation, cell=freedom))
    text = cell(CASTEP(), step.structure, spec)
    assert [row.strip() for row in block(text, "CELL_CONSTRAINTS")] == rows
    assert "fix_all_cell" not in keywords(text)
    assert param(CASTEP(), step.structure, spec)["finite_basis_corr"] == "2"


def test_crystal_with_a_fixed_cell(calculations: dict[str, Any]) -> None:
    step = calculations["CsPbBr3-relax"]
    spec = replace(step.spec, relaxation=replace(step.spec.relaxation, cell="fixed"))
    text = cell(CASTEP(), step.structure, spec)
    assert keywords(text)["fix_all_cell"] == "true"
    assert "CELL_CONSTRAINTS" not in text
    params = param(CASTEP(), step.structure, spec)
    assert params["finite_basis_corr"] == "0"
    assert "geom_stress_tol" not in params


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_dipole_axis_is_the_slab_normal(axis: int, calculations: dict[str, Any]) -> None:
    lengths, grid = [6.0, 6.0, 6.0], [2, 2, 2]
    lengths[axis], grid[axis] = 30.0, 1
    slab = Structure(Lattice.orthorhombic(*lengths), ["Pb", "Br"], [[0, 0, 0], [0.1, 0.1, 0.1]])
    spec = replace(calculations["FAPbBr3-slab-potential"].spec, slab_axis=axis, grid=tuple(grid))
    params = param(CASTEP(), slab, spec)
    assert params["dipole_dir"] == "XYZ"[axis]
    assert params["dipole_correction"] == "SELFCONSISTENT"
    assert params["write_formatted_potential"] == "true"


def test_only_a_slab_has_a_dipole_correction_and_no_symmetry(calculations: dict[str, Any]) -> None:
    for seed, step in calculations.items():
        text = cell(CASTEP(), step.structure, step.spec)
        assert ("symmetry_generate" in keywords(text)) == ("slab" not in seed)
        assert ("dipole_correction" in param(CASTEP(), step.structure, step.spec)) == ("slab" in seed)


def test_hybrid_writes_no_local_potential(calculations: dict[str, Any]) -> None:
    step = calculations["FAPbBr3-bands"]
    assert param(CASTEP(), step.structure, step.spec)["write_formatted_potential"] == "true"
    params = param(CASTEP(CastepOptions(potentials="NCP19")), step.structure, replace(step.spec, xc="HSE06"))
    assert params["xc_functional"] == "HSE06"
    assert "write_formatted_potential" not in params


def test_no_smearing_is_fixed_occupancy(calculations: dict[str, Any]) -> None:
    step = calculations["CsPbBr3-bands"]
    params = param(CASTEP(), step.structure, replace(step.spec, smearing_ev=0.0))
    assert params["fix_occupancy"] == "true"
    assert not {"smearing_width", "perc_extra_bands"} & params.keys()


# --- eigenvalues of a slab -------------------------------------------------------------------------------------------

HALVES = [(0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.0, 0.5, 0.0), (0.5, 0.0, 0.0)]


def listed(text: str, name: str) -> FloatArray:
    return np.array([[float(word) for word in line.split()] for line in block(text, name)])


def up_to_sign(points: Any) -> set[tuple[float, ...]]:
    """Each k-point and its time-reversed one as one, in the first zone."""
    both = [np.round((sign * np.array(point) + 1e-6) % 1.0 - 1e-6, 6) + 0.0 for point in points for sign in (1, -1)]
    return {min(tuple(a.tolist()), tuple(b.tolist())) for a, b in zip(both[::2], both[1::2], strict=True)}


@pytest.mark.parametrize(
    ("family", "task", "name"),
    [("academic", "Spectral", "SPECTRAL_KPOINT_LIST"), ("materials-studio", "BandStructure", "BS_KPOINT_LIST")],
)
@pytest.mark.parametrize(
    ("grid", "gamma_centred", "number"),
    [((4, 4, 1), False, 4 + 8), ((4, 4, 1), True, 4 + 6), ((3, 3, 1), False, 4 + 4), ((2, 1, 1), False, 4 + 1)],
)
def test_a_potential_with_edge_points_lists_them_and_the_grid(
    family: Any, task: str, name: str, grid: Any, gamma_centred: bool, number: int, calculations: dict[str, Any]
) -> None:
    """16 points of a 4x4x1 grid are 8 up to the sign; with Γ in it, 10, of which 4 are their own time-reversed ones."""
    step = calculations["FAPbBr3-slab-edges"]
    spec = replace(step.spec, grid=grid, gamma_centred=gamma_centred)
    code = CASTEP(CastepOptions(keywords=family))
    text = cell(code, step.structure, spec)
    points = listed(text, name)
    assert len(points) == len(up_to_sign(points)) == number
    np.testing.assert_array_equal(points[:4], HALVES)
    shifts = [0.0 if gamma_centred or count % 2 else 0.5 for count in grid]
    whole = [[(i + shift) / n for i, shift, n in zip(ijk, shifts, grid, strict=True)] for ijk in np.ndindex(grid)]
    assert up_to_sign(points) == up_to_sign(whole) | up_to_sign(HALVES)
    params = param(code, step.structure, spec)
    assert params["task"] == task
    assert params["write_formatted_potential"] == params["write_formatted_density"] == "true"
    assert params[f"{name.split('_')[0].lower()}_nextra_bands"] == "12"
    assert params["dipole_correction"] == "SELFCONSISTENT"


def test_without_edge_points_the_potential_is_a_single_point(calculations: dict[str, Any]) -> None:
    step = calculations["FAPbBr3-slab-potential"]
    assert param(CASTEP(), step.structure, step.spec)["task"] == "SinglePoint"
    assert "KPOINT_LIST" not in cell(CASTEP(), step.structure, step.spec)
    edges = calculations["FAPbBr3-slab-edges"]
    with_edges, without = (param(CASTEP(), edges.structure, spec) for spec in (edges.spec, step.spec))
    assert {name: value for name, value in with_edges.items() if name not in ("task", "comment")}.items() >= {
        name: value for name, value in without.items() if name not in ("task", "comment")
    }.items()


# --- the path ---------------------------------------------------------------------------------------------------------


def _path(text: str) -> list[str]:
    return [" ".join(line.split()) for line in block(text, "SPECTRAL_KPOINT_PATH")]


def test_segments_are_split_by_break(calculations: dict[str, Any]) -> None:
    step = calculations["CsPbBr3-bands"]
    lines = _path(cell(CASTEP(), step.structure, step.spec))
    assert lines.index("BREAK") == 6
    assert lines.count("BREAK") == 1
    assert keywords(cell(CASTEP(), step.structure, step.spec))["spectral_kpoint_path_spacing"] == "0.025 1/ang"


def test_edge_point_off_the_path_gets_a_segment(calculations: dict[str, Any]) -> None:
    step = calculations["CsPbBr3-bands"]
    spec = replace(step.spec, edge_kpoints=(KPoint(label="T", frac=(0, 0.5, 0.5)),))
    text = cell(CASTEP(), step.structure, spec)
    assert _path(text)[-3:] == [
        "BREAK",
        "0.0000000000 0.0000000000 0.0000000000",
        "0.0000000000 0.5000000000 0.5000000000",
    ]
    assert "band edge is at T" in text


@pytest.mark.parametrize("frac", [(0.5, 0.5, 0.5), (-0.5, -0.5, -0.5), (0.5, -0.5, 1.5)])
def test_equivalent_edge_point_is_on_the_path(frac: Any, calculations: dict[str, Any]) -> None:
    step = calculations["FAPbBr3-bands"]
    spec = replace(step.spec, edge_kpoints=(KPoint(label="R", frac=frac),))
    assert "BREAK" not in cell(CASTEP(), step.structure, spec)


def test_jump_in_the_path_is_said_to_materials_studio(calculations: dict[str, Any]) -> None:
    studio = CASTEP(CastepOptions(keywords="materials-studio"))
    assert any("BREAK" in note for note in calculations["CsPbBr3-bands"].render(studio).notes)
    assert not any("BREAK" in note for note in calculations["FAPbBr3-bands"].render(studio).notes)


# --- atoms that do not move, and a start from an earlier run ----------------------------------------------------------


def test_fixed_atoms_are_counted_within_their_species(calculations: dict[str, Any], tmp_path: Path) -> None:
    """The slab's atoms alternate; CASTEP counts each species by itself, in the order of the positions."""
    step = calculations["FAPbBr3-slab-relax"]
    species = [site.specie.symbol for site in step.structure]
    bromines = [index for index, symbol in enumerate(species) if symbol == "Br"]
    fixed = (species.index("Pb"), bromines[2])
    text = cell(CASTEP(), step.structure, replace(step.spec, fixed_atoms=fixed))
    rows = [line.split() for line in block(text, "IONIC_CONSTRAINTS")]
    assert sorted((row[1], row[2]) for row in rows) == sorted([("Pb", "1"), ("Br", "3")] * 3)
    assert [row[0] for row in rows] == list("123456")
    assert [row[3:] for row in rows[:3]] == [["1.0", "0.0", "0.0"], ["0.0", "1.0", "0.0"], ["0.0", "0.0", "1.0"]]
    assert keywords(text)["fix_com"] == "false", "the fixed atoms hold the crystal already"
    (tmp_path / "a.cell").write_text(text)
    found = read_cell_deck(tmp_path / "a.cell")
    held = [found.sites[index] for index in found.fixed_atoms]
    assert sorted(site.position for site in held) == pytest.approx(
        np.array(sorted(tuple(step.structure[index].frac_coords) for index in fixed)), abs=1e-10
    )


def test_a_crystal_with_fixed_atoms_uses_no_symmetry(calculations: dict[str, Any]) -> None:
    step = calculations["CsPbBr3-relax"]
    free, held = (
        keywords(cell(CASTEP(), step.structure, replace(step.spec, fixed_atoms=fixed))) for fixed in ((), (0,))
    )
    assert free.keys() - held.keys() == {"symmetry_generate", "snap_to_symmetry", "symmetry_tol"}
    assert (free["fix_com"], held["fix_com"]) == ("true", "false")


@pytest.mark.parametrize("family", ["academic", "materials-studio"])
@pytest.mark.parametrize("seed", STEPS)
def test_a_later_step_starts_from_what_an_earlier_one_leaves(
    seed: str, family: Any, calculations: dict[str, Any]
) -> None:
    """A continuation would go on with the earlier task, in its cell; every run leaves its .castep_bin."""
    step = calculations[seed]
    code = CASTEP(CastepOptions(keywords=family))
    plain = param(code, step.structure, step.spec)
    later = code.render(step.structure, replace(step.spec, continues="../before/before"), "a")
    params = keywords(later.files["a.param"])
    assert params.pop("reuse") == "../before/before.castep_bin"
    assert params == plain
    assert "continuation" not in params
    assert plain["write_checkpoint"] == ("SUCCESS=MINIMAL" if step.spec.task == "relax" else "minimal")
    assert any("../before/before.castep_bin" in note for note in later.notes)


# --- potentials -------------------------------------------------------------------------------------------------------


def test_default_potentials(calculations: dict[str, Any]) -> None:
    step = calculations["CsPbBr3-relax"]
    assert block(cell(CASTEP(), step.structure, step.spec), "SPECIES_POT") == ["C19"]
    studio = cell(CASTEP(CastepOptions(keywords="materials-studio")), step.structure, step.spec)
    files = dict(line.split() for line in block(studio, "SPECIES_POT"))
    assert files == {"Cs": "Cs_00PBE.usp", "Pb": "Pb_00PBE.usp", "Br": "Br_00PBE.usp"}


@pytest.mark.parametrize("family", ["academic", "materials-studio"])
def test_notes_say_what_to_supply_and_what_to_compare(family: Any, calculations: dict[str, Any]) -> None:
    """The cutoffs that a potential wants are told by CASTEP, whoever chose the potential."""
    for code in (CASTEP(CastepOptions(keywords=family)), CASTEP(CastepOptions(keywords=family, potentials="C18"))):
        for step in calculations.values():
            potentials, cutoff, *more = step.render(code).notes
            named = "C18" if code.options.potentials else "C19" if family == "academic" else "Pb_00PBE.usp"
            assert named in potentials
            assert "compare the deck's cut_off_energy" in cutoff.replace("Compare", "compare")
            assert all("BREAK" in note for note in more)
            assert not [note for note in (potentials, cutoff) if "paper" in note or "prescribed" in note]


def test_potentials_by_hand(calculations: dict[str, Any]) -> None:
    step = calculations["CsPbBr3-relax"]
    code = CASTEP(CastepOptions(potentials={"Cs": "Cs_00PBE.usp", "Pb": "C19", "Br": "QC5", "I": "C19"}))
    deck = step.render(code)
    lines = block(deck.files["CsPbBr3-relax.cell"], "SPECIES_POT")
    assert dict(line.split() for line in lines) == {"Cs": "Cs_00PBE.usp", "Pb": "C19", "Br": "QC5"}
    assert any("Cs_00PBE.usp" in note and "QC5" not in note for note in deck.notes)


# --- refusals ---------------------------------------------------------------------------------------------------------

_tilted = Structure(Lattice([[6, 0, 0], [0, 6, 0], [0, 2, 30]]), ["Pb"], [[0, 0, 0]])
_skew = Structure(Lattice([[6, 0, 0.1], [0, 6, 0], [0, 0, 30]]), ["Pb"], [[0, 0, 0]])
_mixed = Structure(Lattice.cubic(6), [{"Cs": 0.5, "Rb": 0.5}], [[0, 0, 0]])

REFUSED: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "functional": (
        "functional 'PBE1'",
        lambda c: CASTEP().render(c["CsPbBr3-relax"].structure, replace(c["CsPbBr3-relax"].spec, xc="PBE1"), "a"),
    ),
    "ultrasoft hybrid": (
        "norm-conserving",
        lambda c: CASTEP().render(c["CsPbBr3-bands"].structure, replace(c["CsPbBr3-bands"].spec, xc="HSE06"), "a"),
    ),
    "potential of a hybrid": (
        "no local potential",
        lambda c: CASTEP(CastepOptions(potentials="NCP19")).render(
            c["FAPbBr3-slab-potential"].structure, replace(c["FAPbBr3-slab-potential"].spec, xc="HSE06"), "a"
        ),
    ),
    "oblique slab": ("along Cartesian z", lambda c: CASTEP().render(_tilted, c["FAPbBr3-slab-potential"].spec, "a")),
    "skew faces": ("along Cartesian z", lambda c: CASTEP().render(_skew, c["FAPbBr3-slab-potential"].spec, "a")),
    "k-points along the normal": (
        "2 points along",
        lambda c: CASTEP().render(
            c["FAPbBr3-slab-relax"].structure, replace(c["FAPbBr3-slab-relax"].spec, grid=(2, 2, 2)), "a"
        ),
    ),
    "slab with a free cell": (
        "cell of a slab",
        lambda c: CASTEP().render(
            c["FAPbBr3-slab-relax"].structure,
            replace(c["FAPbBr3-slab-relax"].spec, relaxation=c["CsPbBr3-relax"].spec.relaxation),
            "a",
        ),
    ),
    "isotropic orthorhombic cell": (
        "scale this cell",
        lambda c: CASTEP().render(c["CsPbBr3-relax"].structure, c["FAPbBr3-relax"].spec, "a"),
    ),
    "mixed site": ("partial occupation", lambda c: CASTEP().render(_mixed, c["FAPbBr3-relax"].spec, "a")),
    "seed with a blank": (
        "no seed",
        lambda c: CASTEP().render(c["CsPbBr3-relax"].structure, c["CsPbBr3-relax"].spec, "a b"),
    ),
    "seed with a folder": (
        "no seed",
        lambda c: CASTEP().render(c["CsPbBr3-relax"].structure, c["CsPbBr3-relax"].spec, "../a"),
    ),
    "element without potential": (
        "no potential is given for Pb, Br",
        lambda c: CASTEP(CastepOptions(potentials={"Cs": "C19"})).render(
            c["CsPbBr3-relax"].structure, c["CsPbBr3-relax"].spec, "a"
        ),
    ),
    "atom that is not there": (
        "atom 20, but there are 20",
        lambda c: CASTEP().render(
            c["CsPbBr3-relax"].structure, replace(c["CsPbBr3-relax"].spec, fixed_atoms=(20,)), "a"
        ),
    ),
    "atom before the first": (
        "atom -1",
        lambda c: CASTEP().render(
            c["CsPbBr3-relax"].structure, replace(c["CsPbBr3-relax"].spec, fixed_atoms=(-1,)), "a"
        ),
    ),
    "all atoms fixed": (
        "all atoms are fixed",
        lambda c: CASTEP().render(
            c["CsPbBr3-relax"].structure, replace(c["CsPbBr3-relax"].spec, fixed_atoms=tuple(range(20))), "a"
        ),
    ),
    "atom fixed twice": ("stands twice", lambda c: replace(c["CsPbBr3-relax"].spec, fixed_atoms=(1, 1))),
    "fixed atom without a relaxation": (
        "moves no atom",
        lambda c: replace(c["CsPbBr3-bands"].spec, fixed_atoms=(1,)),
    ),
    "checkpoint with a comment sign": (
        "cannot reuse",
        lambda c: CASTEP().render(c["CsPbBr3-bands"].structure, replace(c["CsPbBr3-bands"].spec, continues="a!b"), "a"),
    ),
    "checkpoint with a long path": (
        "at most 244",
        lambda c: CASTEP().render(
            c["CsPbBr3-bands"].structure, replace(c["CsPbBr3-bands"].spec, continues="x" * 245), "a"
        ),
    ),
    "checkpoint with its ending": (
        "give the stem alone: '../a/a'",
        lambda c: CASTEP().render(
            c["CsPbBr3-bands"].structure, replace(c["CsPbBr3-bands"].spec, continues="../a/a.check"), "a"
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, calculations: dict[str, Any]) -> None:
    message, make = REFUSED[case]
    with pytest.raises(SpecError, match=re.escape(message)):
        make(calculations)


# --- text and numbers -------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(title=st.text(max_size=200), note=st.text(max_size=200))
def test_no_title_or_note_can_break_out_of_its_line(title: str, note: str) -> None:
    crystal = Structure(Lattice.cubic(4.291), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    path = KPath(
        segments=((KPoint(label="G", frac=(0, 0, 0)), KPoint(label="R", frac=(0.5, 0.5, 0.5))),), spacing_per_ang=0.1
    )
    plain = CalcSpec(
        title="plain",
        task="bands",
        xc="PBE",
        cutoff_ev=400,
        grid=(2, 2, 2),
        smearing_ev=0.1,
        scf_tol_ev_per_atom=1e-6,
        max_scf_cycles=50,
        path=path,
    )
    written = CASTEP().render(crystal, replace(plain, title=title, cutoff_note=note, grid_note=note), "a").files
    wanted = CASTEP().render(crystal, plain, "a").files
    for name in wanted:
        found, expected = keywords(written[name]), keywords(wanted[name])
        assert written[name].isascii()
        assert len(found.pop("comment", "")) <= 80
        expected.pop("comment", "")
        assert found == expected


lengths_ang = st.floats(3, 40)
angles_deg = st.floats(75, 105)
fractions = st.floats(-1, 2, allow_subnormal=False)


@settings(deadline=None, max_examples=60)
@given(
    abc=st.tuples(lengths_ang, lengths_ang, lengths_ang),
    angles=st.tuples(angles_deg, angles_deg, angles_deg),
    sites=st.lists(
        st.tuples(st.sampled_from(["Cs", "Pb", "Br", "H", "N"]), fractions, fractions, fractions),
        min_size=1,
        max_size=9,
        unique_by=lambda site: tuple(round(x, 9) + 0.0 for x in site[1:]),
    ),
)
def test_structure_survives_the_cell_file(
    abc: Any, angles: Any, sites: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    structure = Structure(
        Lattice.from_parameters(*abc, *angles), [site[0] for site in sites], [site[1:] for site in sites]
    )
    spec = CalcSpec(
        title="round trip",
        task="potential",
        xc="PBE",
        cutoff_ev=400,
        grid=(1, 1, 1),
        smearing_ev=0.1,
        scf_tol_ev_per_atom=1e-6,
        max_scf_cycles=50,
    )
    folder = tmp_path_factory.mktemp("cell")
    code = CASTEP()
    (folder / "a-out.cell").write_text(code.render(structure, spec, "a").files["a.cell"])
    found = read_cell_structure(folder / "a-out.cell")
    order = list(dict.fromkeys(site[0] for site in sites))
    expected = sorted(structure, key=lambda site: order.index(site.specie.symbol))
    assert [site.specie.symbol for site in found] == [site.specie.symbol for site in expected]
    np.testing.assert_allclose(found.lattice.matrix, structure.lattice.matrix, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.frac_coords, [site.frac_coords for site in expected], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.cart_coords, [site.coords for site in expected], rtol=0, atol=1e-9)
