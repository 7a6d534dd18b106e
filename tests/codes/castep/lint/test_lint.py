"""The checks of input files: each mistake is named with its line, and good decks are left in peace."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from castep_decks import lint, only, path_block
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dftflow.codes.castep import CASTEP
from dftflow.codes.castep.lint.lint import lint_files
from dftflow.codes.castep.options import CastepOptions
from dftflow.errors import InputError
from dftflow.model.spec import CalcSpec

PARAM = """\
task                : GeometryOptimization
xc_functional       : PBE
cut_off_energy      : 400 eV
fix_occupancy       : false
smearing_width      : 0.1 eV
perc_extra_bands    : 20
geom_method         : BFGS
geom_disp_tol       : 0.002 ang
num_dump_cycles     : 0
"""
CELL = """\
%BLOCK LATTICE_CART
ang
   5.0  0.0  0.0
   0.0  6.0  0.0
   0.0  0.0  8.0
%ENDBLOCK LATTICE_CART

%BLOCK POSITIONS_FRAC
Pb  0.0  0.0  0.0
Br  0.5  0.5  0.5
Br  0.5  0.0  0.5
%ENDBLOCK POSITIONS_FRAC

KPOINT_MP_GRID : 2 2 2
SYMMETRY_GENERATE
SYMMETRY_TOL : 0.01 ang
"""
BANDS = "task : BandStructure\nxc_functional : PBE\nbs_nextra_bands : 12\nnum_dump_cycles : 0\n"
FCC = CELL.replace("5.0  0.0  0.0", "0.0  3.0  3.0").replace("0.0  6.0  0.0", "3.0  0.0  3.0")
FCC = FCC.replace("0.0  0.0  8.0", "3.0  3.0  0.0")
LENGTH = len(CELL.splitlines())


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen has no electronegativity for Ar
        yield


def test_a_good_deck_has_no_finding(tmp_path: Path) -> None:
    assert lint(tmp_path, param=PARAM, cell=CELL) == ()


# --- one keyword ------------------------------------------------------------------------------------------------------

IN_PARAM = {
    "misspelt": ("dipole_corection : static", "error", "no keyword dipole_corection", "dipole_correction"),
    "without underscores": ("geomforcetol : 0.1", "error", "no keyword geomforcetol", "geom_force_tol"),
    "unknown": ("flux_capacitor : 1.21", "warning", "18.1 to 21.1", ""),
    "in the wrong file": ("kpoint_mp_grid : 2 2 2", "error", "keyword of the .cell file", "<seed>.cell"),
    "full name of a unit": ("geom_force_tol : 0.1 eV/angstrom", "error", "no unit of force", "write ev/ang"),
    "Rydberg": ("elec_energy_tol : 1e-6 Rydberg", "error", "rydberg is no unit of energy", "write ry"),
    "unit of another kind": ("elec_energy_tol : 1e-6 ang", "error", "ang is no unit of energy", ""),
    "unit misspelt": ("geom_stress_tol : 0.1 Gpaa", "error", "no unit of pressure", "gpa"),
    "no boolean": ("fixed_npw : maybe", "error", "neither true nor false", "true or false"),
    "no integer": ("geom_max_iter : 3.5", "error", "no whole number", "whole number"),
    "no number": ("mix_charge_amp : much", "error", "no number", ""),
    "overflow": ("geom_force_tol : ********", "error", "no number", "e.g. 1.0 ev/ang"),
    "negative tolerance": ("elec_energy_tol : -1e-6 eV", "error", "out of range", "above zero"),
    "misspelt option": ("mixing_scheme : Pullay", "error", "no value that CASTEP takes", "pulay"),
    "other option": ("opt_strategy : hurry", "error", "no value that CASTEP takes", "default, speed, memory"),
    "unlisted functional": ("bs_xc_functional : M06-L", "warning", "18.1 to 21.1", "pbe"),
    "no value": ("mixing_scheme :", "error", "has no value", "pulay"),
    "block on a line": ("devel_code : x", "error", "devel_code is a block", "%BLOCK"),
    "long comment": (f"comment : {'x' * 90}", "warning", "90 characters", "80"),
    "keyword as a block": ("%block run_time\n%endblock run_time", "error", "keyword, not a block", "one line"),
    "twice": ("geom_method : LBFGS", "error", "given already in line 7, and differently", "leave one"),
    "twice the same": ("GEOM_METHOD = bfgs", "warning", "given already in line 7", "leave one"),
    "twice under two names": ("spin_polarised : true\nspin_polarized : false", "error", "in line 10, and", "leave one"),
    "block without end": ("%BLOCK devel_code", "error", "has no end", "cut short"),
    "end without block": ("%ENDBLOCK devel_code", "error", "none is open", ""),
}


@pytest.mark.parametrize("case", IN_PARAM)
def test_a_mistake_in_a_param_file(case: str, tmp_path: Path) -> None:
    text, severity, message, fix = IN_PARAM[case]
    found = only(lint(tmp_path, param=PARAM + text + "\n"))
    assert found.severity == severity
    assert message in found.message
    assert fix in found.fix
    assert found.file == tmp_path / "a.param"
    assert found.line == 9 + text.count("\n") * ("under two" in case) + 1


IN_CELL = {
    "param keyword": ("cut_off_energy : 300 eV", "error", "keyword of the .param file", "<seed>.param"),
    "two numbers": ("kpoint_mp_offset : 0 0", "error", "not three numbers", "0.0 0.0 0.0"),
    "grid of zeros": ("phonon_kpoint_mp_grid : 2 2 0", "error", "not three whole numbers", "2 2 2"),
    "grid and spacing": ("kpoints_mp_spacing : 0.04 1/ang", "error", "exclude each other", "leave one"),
    "spacing in Angstrom": ("phonon_kpoint_mp_spacing : 0.04 angstrom", "error", "no unit of inverse length", "1/ang"),
    "found and given symmetry": ("%block symmetry_ops\n%endblock symmetry_ops", "error", "exclude each other", ""),
    "ties unequal lengths": ("%block cell_constraints\n1 1 1\n0 0 0\n%endblock cell_constraints", "error", "ties", ""),
    "five numbers": ("%block cell_constraints\n1 2 3\n0 0\n%endblock cell_constraints", "error", "two lines", ""),
    "no such ion": ("%block ionic_constraints\n1 Br 3 1 0 0\n%endblock ionic_constraints", "error", "there are 2", ""),
    "no constraint": (
        "%block ionic_constraints\n1 Br 1 1 0\n%endblock ionic_constraints",
        "error",
        "no constraint",
        "",
    ),
    "damaged list": (
        "%block bs_kpoint_list\n0 0 ** 1\n%endblock bs_kpoint_list",
        "error",
        "no k-point of bs_",
        "weight",
    ),
    "empty path": ("%block bs_kpoint_path\n%endblock bs_kpoint_path", "error", "no k-point", ""),
    "one corner": (path_block("0 0 0 ! G").strip(), "warning", "makes no path", ""),
}


@pytest.mark.parametrize("case", IN_CELL)
def test_a_mistake_in_a_cell_file(case: str, tmp_path: Path) -> None:
    text, severity, message, fix = IN_CELL[case]
    found = only(lint(tmp_path, cell=CELL + text + "\n"))
    assert found.severity == severity
    assert message in found.message
    assert fix in found.fix
    inside = {"damaged list": 1, "five numbers": 1, "no constraint": 1, "one corner": 1}.get(case, 0)
    assert LENGTH + 1 <= found.line <= LENGTH + 1 + inside


@pytest.mark.parametrize(
    ("old", "new", "message", "line"),
    [
        ("   0.0  0.0  8.0\n", "", "2 rows, expected 3", 4),
        ("   0.0  0.0  8.0\n", "   0.0  6.0  0.0\n", "span no cell", 3),
        ("   0.0  6.0  0.0\n", "   0.0  ***  0.0\n", "not a number", 4),
        ("%ENDBLOCK LATTICE_CART\n", "", "has no end", 7),
        ("ART\nang\n", "ART\nangstrom\n", "'angstrom' is no unit of length", 2),
        ("Br  0.5  0.5  0.5", "Bx  0.5  0.5  0.5", "names no element", 10),
        ("Br  0.5  0.5  0.5", "Br  0.5  0.5", "three numbers", 10),
        ("Br  0.5  0.5  0.5", "Br  0.5  0.5  0.5 0.5", "behind the three coordinates", 10),
    ],
)
def test_a_damaged_structure(old: str, new: str, message: str, line: int, tmp_path: Path) -> None:
    assert old in CELL
    found = only(lint(tmp_path, cell=CELL.replace(old, new)))
    assert found.severity == "error"
    assert message in found.message
    assert found.line == line


def test_positions_without_a_lattice(tmp_path: Path) -> None:
    text = CELL[CELL.index("%BLOCK POSITIONS") :]
    assert "neither block lattice_cart nor lattice_abc" in only(lint(tmp_path, cell=text)).message


@pytest.mark.parametrize("text", ["", "KPOINT_MP_GRID : 2 2 2\n", "%BLOCK SPECIES_POT\nC19\n%ENDBLOCK SPECIES_POT\n"])
def test_a_fragment_has_nothing_to_miss(text: str, tmp_path: Path) -> None:
    assert lint(tmp_path, cell=text, param=PARAM) == ()


# --- keywords together ------------------------------------------------------------------------------------------------

TOGETHER = {
    "numbers of bands": ("nextra_bands : 10", "error", "exclude each other", 10),
    "continuation and reuse": ("continuation : default\nreuse : b.check", "error", "either a continuation", 11),
    "plane waves fixed and corrected": ("fixed_npw : true\nfinite_basis_corr : 2", "warning", "nothing to correct", 11),
    "direction without dipole": ("dipole_dir : Z", "warning", "no effect", 10),
    "all directions, static": ("dipole_correction : static\ndipole_dir : A", "error", "self-consistent", 11),
    "spin of the unpolarised": ("spin_polarized : false\nspin : 2", "error", "spin is given", 11),
    "ELF": ("write_formatted_elf : true", "warning", "no ELF", 10),
    "families that differ": ("bs_nbands : 20\nspectral_nbands : 30", "warning", "differ", 10),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_keywords_that_do_not_go_together(case: str, tmp_path: Path) -> None:
    text, severity, message, line = TOGETHER[case]
    found = only(lint(tmp_path, param=PARAM + text + "\n"))
    assert (found.severity, found.line) == (severity, line)
    assert message in found.message


def test_null_is_no_restart(tmp_path: Path) -> None:
    assert lint(tmp_path, param=PARAM + "continuation : NULL\nreuse : b.castep_bin\n") == ()


def test_smearing_with_fixed_occupancies(tmp_path: Path) -> None:
    found = only(lint(tmp_path, param=PARAM.replace("fix_occupancy       : false", "fix_occupancy : true")))
    assert "nothing is smeared" in found.message
    assert found.line == 5


@pytest.mark.parametrize(
    ("task", "keyword", "right"),
    [("Spectral", "bs_nextra_bands", "spectral_nextra_bands"), ("BandStructure", "spectral_nbands", "bs_nbands")],
)
def test_keywords_of_the_other_family(task: str, keyword: str, right: str, tmp_path: Path) -> None:
    found = only(lint(tmp_path, param=f"task : {task}\n{keyword} : 12\n"))
    assert (found.severity, found.line) == ("warning", 2)
    assert right in found.fix


def test_bands_without_points(tmp_path: Path) -> None:
    found = only(lint(tmp_path, param=BANDS, cell=CELL))
    assert (found.file.suffix, found.line) == (".param", 1)
    assert "those of the SCF" in found.message


def test_path_of_the_other_family(tmp_path: Path) -> None:
    path = path_block("0 0 0 ! G", "0.5 0 0 ! X", family="spectral")
    assert "spectral_kpoint_*, which do not go" in only(lint(tmp_path, param=BANDS, cell=CELL + path)).message


@pytest.mark.parametrize(
    "text",
    [
        "fix_all_cell : true\nfix_all_ions : true\n",
        "%block cell_constraints\n0 0 0\n0 0 0\n%endblock cell_constraints\nfix_all_ions\n",
        "fix_all_cell : true\n%block ionic_constraints\n"
        + "".join(
            f"{3 * n + k + 1} {ion} {' '.join('1' if k == j else '0' for j in range(3))}\n"
            for n, ion in enumerate(("Pb 1", "Br 1", "Br 2"))
            for k in range(3)
        )
        + "%endblock ionic_constraints\n",
    ],
)
def test_a_relaxation_in_which_nothing_moves(text: str, tmp_path: Path) -> None:
    assert "nothing to optimise" in only(lint(tmp_path, param=PARAM, cell=CELL + text)).message
    # one component is free
    freer = text.replace("fix_all_ions : true\n", "").replace("fix_all_ions\n", "").replace("9 Br 2 0 0 1\n", "")
    assert lint(tmp_path, param=PARAM, cell=CELL + freer) == ()


def test_dipole_correction_with_a_free_cell(tmp_path: Path) -> None:
    param = PARAM + "dipole_correction : SELFCONSISTENT\ndipole_dir : Z\n"
    assert "vacuum will shrink" in only(lint(tmp_path, param=param, cell=CELL)).message
    assert lint(tmp_path, param=param, cell=CELL + "FIX_ALL_CELL : true\n") == ()


@pytest.mark.parametrize(
    ("row", "direction", "good"),
    [
        ("0.0  0.0  8.0", "Z", True),
        ("0.0  0.0  8.0", "X", True),
        ("0.0  0.0  8.0", "A", True),
        ("0.0  0.5  8.0", "Z", False),
        ("0.0  0.5  8.0", "Y", False),
        ("0.0  0.5  8.0", "X", True),
    ],
)
def test_dipole_along_a_cartesian_axis_that_is_no_lattice_vector(
    row: str, direction: str, good: bool, tmp_path: Path
) -> None:
    param = f"task : SinglePoint\ndipole_correction : SELFCONSISTENT\ndipole_dir : {direction}\n"
    found = [f for f in lint(tmp_path, param=param, cell=CELL.replace("0.0  0.0  8.0", row)) if f.severity != "note"]
    assert [(finding.severity, finding.line) for finding in found] == ([] if good else [("warning", 3)])
    assert all(f"along Cartesian {direction.lower()}" in finding.message for finding in found)


# --- potentials and cutoff --------------------------------------------------------------------------------------------

OTF = "%BLOCK SPECIES_POT\nPb 3|2.4|2.4|1.0|8|9|10|60:51:52\nBr 2|1.9|15|16|18|40:41(qc=5)\n%ENDBLOCK SPECIES_POT\n"


@pytest.mark.parametrize(
    ("cutoff", "severities"),
    [("400 eV", ["warning"]), ("420 eV", ["note"]), ("17.9 Ha", ["note"]), ("490 eV", []), ("36 Ry", [])],
)
def test_cutoff_against_the_potentials(cutoff: str, severities: list[str], tmp_path: Path) -> None:
    """Br: coarse 15 Ha = 408.2 eV, fine 18 Ha = 489.8 eV."""
    found = lint(tmp_path, param=PARAM.replace("400 eV", cutoff), cell=CELL + OTF)
    assert [finding.severity for finding in found] == severities
    assert all("Br" in finding.message and finding.line == 3 for finding in found)


def test_a_library_says_no_cutoff(tmp_path: Path) -> None:
    pot = "%BLOCK SPECIES_POT\nC19\n%ENDBLOCK SPECIES_POT\n"
    assert lint(tmp_path, param=PARAM.replace("400 eV", "100 eV"), cell=CELL + pot) == ()


def test_potentials_and_atoms_that_do_not_match(tmp_path: Path) -> None:
    pot = "%BLOCK SPECIES_POT\nPb Pb_00.usp\nCs Cs_00.usp\n%ENDBLOCK SPECIES_POT\n"
    for name in ("Pb_00.usp", "Cs_00.usp"):
        (tmp_path / name).touch()
    found = lint(tmp_path, cell=CELL + pot)
    assert [finding.severity for finding in found] == ["note", "note"]
    assert "no potential for Br" in found[0].message
    assert "species Cs" in found[1].message


# --- the k-path -------------------------------------------------------------------------------------------------------


def test_path_of_a_cubic_crystal_in_an_orthorhombic_cell(tmp_path: Path) -> None:
    path = path_block("0.5 0.25 0.75 ! W", "0.5 0.5 0.5 ! L", "0 0 0 ! \\Gamma", "0.5 0 0.5 ! X", "3/8 3/8 3/4 ! K")
    found = [finding for finding in lint(tmp_path, cell=CELL + path) if finding.severity != "note"]
    assert [finding.line for finding in found] == [LENGTH + 2, LENGTH + 6]
    assert all("no special point of a simple orthorhombic lattice" in finding.message for finding in found)
    assert lint(tmp_path, cell=FCC + path) == ()


@pytest.mark.parametrize(
    ("corner", "message"),
    [
        ("0.5 0.5 0.5 ! X", "is L of a face-centred cubic lattice"),
        ("0.5 0 0 ! $\\Gamma$", "is L of a face-centred cubic lattice"),
        ("1 0 0 ! L", "is G of a face-centred cubic lattice"),
        ("0.4 0.1 0.5 ! W", "is no special point"),
        ("0.5 0 0.5 ! X", ""),
        ("0 0.5 0.5 ! X", ""),
        ("0.625 0.25 0.625 ! K", ""),  # U and K are the same point, seen from two corners of the zone
        ("0.1 0.2 0.3 ! on the way", ""),
        ("0.1 0.2 0.3", ""),
    ],
)
def test_a_corner_and_its_name(corner: str, message: str, tmp_path: Path) -> None:
    found = lint(tmp_path, cell=FCC + path_block("0 0 0 ! G", corner))
    assert [message in finding.message for finding in found] == ([True] if message else [])
    assert all(finding.line == LENGTH + 3 for finding in found)


def test_axes_of_an_orthorhombic_crystal_may_be_named_either_way(tmp_path: Path) -> None:
    """X of Setyawan and Curtarolo lies along the shortest axis; many name it after the first one."""
    for x, y, z in (("0.5 0 0", "0 0.5 0", "0 0 0.5"), ("0 0.5 0", "0 0 0.5", "0.5 0 0")):
        path = path_block("0 0 0 ! G", f"{x} ! X", f"{y} ! Y", f"{z} ! Z")
        assert lint(tmp_path, cell=CELL + path) == ()


def test_letters_in_place_of_coordinates_are_noted(tmp_path: Path) -> None:
    (found,) = lint(tmp_path, cell=FCC + path_block("L", "G", "X"))
    assert (found.severity, found.line) == ("note", LENGTH + 2)


# --- notes ------------------------------------------------------------------------------------------------------------


def test_defaults_that_moved_are_notes(tmp_path: Path) -> None:
    found = lint(tmp_path, param="task : GeometryOptimization\n")
    assert {finding.severity for finding in found} == {"note"}
    text = " ".join(finding.message for finding in found)
    for name in ("geom_method", "geom_disp_tol", "num_dump_cycles", "xc_functional"):
        assert name in text
    assert "geom_method" not in " ".join(finding.message for finding in lint(tmp_path, param="task : SinglePoint\n"))


def test_a_newer_keyword_is_a_note(tmp_path: Path) -> None:
    (found,) = lint(tmp_path, param=PARAM + "geom_preconditioner : EXP\n")
    assert found.severity == "note"
    assert "newer than CASTEP 18.1" in found.message


# --- files ------------------------------------------------------------------------------------------------------------


def test_only_files_of_one_seed_and_folder_are_checked_together(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name, text in {"a.param": BANDS, "b.cell": CELL, "b/a.cell": CELL}.items():
        (tmp_path / name).write_text(text)
    assert lint_files([tmp_path / name for name in ("a.param", "b.cell", "b/a.cell")]) == ()


def test_findings_come_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    for name in ("b.param", "a.param"):
        (tmp_path / name).write_text("taks : x\n" + PARAM + "nbands : 1.5\n")
    found = lint_files([tmp_path / "b.param", tmp_path / "a.param", tmp_path / "b.param"])
    places = [(finding.file.name, finding.line) for finding in found]
    assert places == [
        ("b.param", 1),
        ("b.param", 11),
        ("b.param", 11),
        ("a.param", 1),
        ("a.param", 11),
        ("a.param", 11),
    ]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"INCAR is no input file"):
        lint_files([tmp_path / "INCAR"])


@pytest.mark.parametrize("content", [None, b"\x1f\x8b\x08", b"task : x\0"])
def test_a_file_that_cannot_be_read_is_a_finding(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "a.param"
    if content is not None:
        file.write_bytes(content)
    assert only(lint_files([file])).severity == "error"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_decks_are_checked_without_a_crash(data: st.DataObject, tmp_path: Path) -> None:
    path = path_block("0 0 0 ! G", "0.5 0 0 ! X")
    texts = {".param": bytearray(PARAM.encode()), ".cell": bytearray((CELL + OTF + path).encode())}
    for suffix, text in texts.items():
        for _ in range(data.draw(st.integers(0, 4))):
            text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
        (tmp_path / f"a{suffix}").write_bytes(text[: data.draw(st.integers(0, len(text)))])
    for finding in lint_files([tmp_path / "a.param", tmp_path / "a.cell"]):
        assert finding.line >= 1
        assert finding.message


# --- good decks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["academic", "materials-studio"])
def test_every_deck_that_is_written_is_good(family: Any, calculations: dict[str, Any], tmp_path: Path) -> None:
    written = 0
    for element in ("Br", "C", "Cs", "H", "I", "N", "Pb"):
        (tmp_path / f"{element}_00PBE.usp").touch()
    for seed, step in calculations.items():
        for number, spec in enumerate(_variants(step.spec)):
            deck = CASTEP(CastepOptions(keywords=family)).render(step.structure, spec, f"{seed}-{number}")
            files = [tmp_path / name for name in deck.files]
            for file in files:
                file.write_text(deck.files[file.name])
            assert lint_files(files) == ()
            written += 1
    assert written > 15


def _variants(spec: CalcSpec) -> Iterator[CalcSpec]:
    yield spec
    yield replace(spec, continues="../before/before")
    yield replace(spec, smearing_ev=0.0)
    if spec.relaxation is not None:
        yield replace(spec, fixed_atoms=(0, 3))
        yield replace(spec, relaxation=replace(spec.relaxation, cell="fixed"), fixed_atoms=(1,))


WRONG_IN_PUBLIC = {
    "SMTG-Bham+sumo/tests/data/Fe/Fe.cell": [(23, "warning", "is called P, but is no special point")],
    "ml-evs+matador/tests/data/cell_files/spin_test.cell": [
        (11, "warning", "6 atoms in 1000 Å3 (0.05 g/cm3) are too few"),
        (15, "error", "H in line 11 and H in line 15 are 0.000 Å apart: on one site"),
    ],
}
"""(3/4, 1/4, -1/4) lies halfway between Gamma and H of this cell; P is (1/4, 1/4, 1/4). The other file is a test of a
reader, which no one ran: its atoms at 0 0 0 and 1 1 1 are one."""


def test_published_decks_are_left_in_peace(castep_data: Path) -> None:
    files = sorted([*castep_data.rglob("*.cell"), *castep_data.rglob("*.param")])
    assert len(files) > 80
    found: dict[str, list[tuple[int, str, str]]] = {}
    for finding in lint_files(files):
        if finding.severity != "note" and "neither beside the deck" not in finding.message:
            name = finding.file.relative_to(castep_data).as_posix()
            found.setdefault(name, []).append((finding.line, finding.severity, finding.message))
    assert found.keys() == WRONG_IN_PUBLIC.keys()
    for name, wanted in WRONG_IN_PUBLIC.items():
        assert [(line, severity) for line, severity, _ in found[name]] == [(line, how) for line, how, _ in wanted]
        assert all(part in message for (*_, message), (*_, part) in zip(found[name], wanted, strict=True))


def test_thousands_of_unknown_names_are_all_found(tmp_path: Path) -> None:
    """What a file is that lost the start of a block."""
    found = lint(tmp_path, param="".join(f"nband{n} : 1\n" for n in range(5000)))
    unknown = [finding for finding in found if finding.severity != "note"]
    assert [finding.line for finding in unknown] == list(range(1, 5001))
    assert "nbands" in unknown[0].fix


# --- one mistake, one error -------------------------------------------------------------------------------------------

ENDS_AND_BEGINS = [number for number, line in enumerate(CELL.splitlines()) if line.startswith("%")]


@pytest.mark.parametrize("number", ENDS_AND_BEGINS)
@pytest.mark.parametrize("damage", ["cut", "misspelt", "nameless", "of another name", "of no name"])
def test_one_broken_line_is_one_error(number: int, damage: str, tmp_path: Path) -> None:
    lines = CELL.splitlines()
    mark, name = lines[number].split()
    other = "POSITIONS_FRAC" if name == "LATTICE_CART" else "LATTICE_CART"
    lines[number] = {
        "cut": "",
        "misspelt": f"{mark.replace('OC', 'O')} {name}",
        "nameless": mark,
        "of another name": f"{mark} {other}",
        "of no name": f"{mark} {name}S",
    }[damage]
    found = lint(tmp_path, param=PARAM, cell="\n".join(lines) + "\n")
    assert [finding.severity for finding in found] == ["error"], "\n".join(map(str, found))
    assert found[0].fix


def test_a_whole_file_with_a_misspelt_mark_is_checked_further(tmp_path: Path) -> None:
    text = CELL.replace("%BLOCK LATTICE", "%BLOK LATTICE").replace("Br  0.5  0.0  0.5", "Br  0.5  0.5  0.52")
    assert [finding.line for finding in lint(tmp_path, cell=text)] == [1, 11]


@pytest.mark.parametrize("value", ["include_gamma", "INCLUDE_GAMMA", "0.25 0.25 0.25"])
def test_the_offset_of_phonons_may_be_a_word(value: str, tmp_path: Path) -> None:
    assert lint(tmp_path, cell=CELL + f"phonon_kpoint_mp_offset : {value}\n") == ()
    assert "not three numbers" in only(lint(tmp_path, cell=CELL + "kpoint_mp_offset : include_gamma\n")).message


def test_spectral_restart_is_no_alarm(tmp_path: Path) -> None:
    block = "%BLOCK devel_code\nSPECTRAL_RESTART\n%ENDBLOCK devel_code\n"
    assert lint(tmp_path, param=PARAM + block) == ()
    (found,) = lint(tmp_path, param=PARAM + "spectral_restart : true\n")
    assert (found.severity, found.line) == ("note", 10)
    assert "devel_code" in found.fix


@pytest.mark.parametrize(
    ("letters", "wrong"),
    [("L G X", []), ("L Gamma K", []), ("R G M", [LENGTH + 2, LENGTH + 4]), ("l g x", [])],
)
def test_letters_of_another_lattice(letters: str, wrong: list[int], tmp_path: Path) -> None:
    found = [f for f in lint(tmp_path, cell=FCC + path_block(*letters.split())) if f.severity != "note"]
    assert [finding.line for finding in found] == wrong
    assert all("no special point of a face-centred cubic lattice" in finding.message for finding in found)
