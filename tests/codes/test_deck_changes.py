"""What a person changed in a deck, told in words; what means the same is no change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.codes.deck_changes import deck_changes
from dftflow.codes.registry import code_names, load_code
from dftflow.crystals.kpaths import special_points, standard_path
from dftflow.model.spec import CalcSpec, Relaxation

CSBR = Structure(Lattice.cubic(4.291), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
RELAX = CalcSpec(
    title="CsBr",
    task="relax",
    xc="PBE",
    cutoff_ev=435.4,
    grid=(4, 4, 4),
    smearing_ev=0.1,
    scf_tol_ev_per_atom=2e-6,
    max_scf_cycles=100,
    relaxation=Relaxation(
        cell="fixed",
        energy_tol_ev_per_atom=2e-5,
        force_tol_ev_per_ang=0.05,
        stress_tol_gpa=0.1,
        displacement_tol_ang=2e-3,
        max_steps=100,
    ),
)
BANDS = replace(
    RELAX,
    task="bands",
    relaxation=None,
    path=standard_path(CSBR, 0.3),
    edge_kpoints=tuple(special_points(CSBR).values()),
)
TASKS = {"relax": RELAX, "bands": BANDS}


def deck(code: str, spec: CalcSpec = RELAX) -> dict[str, str]:
    return dict(load_code(code).render(CSBR, spec, "CsBr").files)


def edited(code: str, file: str, old: str, new: str) -> tuple[str, ...]:
    asked = deck(code)
    assert old in asked[file], asked[file]
    return deck_changes(asked, asked | {file: asked[file].replace(old, new, 1)})


@pytest.mark.parametrize("code", code_names())
@pytest.mark.parametrize("task", TASKS)
def test_a_deck_that_nobody_touched(code: str, task: str) -> None:
    asked = deck(code, TASKS[task])
    assert deck_changes(asked, dict(asked)) == ()
    other_words = dict(load_code(code).render(CSBR, replace(TASKS[task], title="other words"), "CsBr").files)
    assert deck_changes(asked, other_words) == (), "a title is prose"


@pytest.mark.parametrize("code", code_names())
def test_every_setting_that_differs_is_told(code: str) -> None:
    """Two decks that dftflow wrote itself, with another cutoff and another grid."""
    told = deck_changes(deck(code), deck(code, replace(RELAX, cutoff_ev=500.0, grid=(6, 6, 6))))
    cutoff, grid = {
        "castep": ("cut_off_energy: 435.4 ev became 500.0 ev", "kpoint_mp_grid: 4 4 4 became 6 6 6"),
        "espresso": ("ecutwfc: 32.00", "block k_points: 1 line differs"),
        "gpaw": ("cutoff_ev: 435.4 became 500.0", "kpts: {'size': (4, 4, 4)} became {'size': (6, 6, 6)}"),
        "vasp": ("encut: 435.4 became 500.0", "kpoints: 1 line differs"),
    }[code]
    assert [change for change in told if cutoff in change.lower()]
    assert [change for change in told if grid in change.lower()], told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("task", "sedc_apply : true\ntask", ("CsBr.param: sedc_apply : true was added",)),
        ("435.4 eV", "500 eV", ("CsBr.param: cut_off_energy: 435.4 eV became 500 eV",)),
        ("435.4 eV", "435.40   EV ! mine", ()),
        ("task", "TASK", ()),
        ("task", "! a comment\n\n# another\ntask", ()),
        ("task", "comment : mine\ntask", ()),
    ],
)
def test_castep_param(old: str, new: str, told: tuple[str, ...]) -> None:
    assert edited("castep", "CsBr.param", old, new) == told


def test_castep_param_in_another_order_and_with_other_signs() -> None:
    written = "task : GeometryOptimization\ncut_off_energy : 435.4 eV\nfix_occupancy : false\n"
    same = "FIX_OCCUPANCY = FALSE\nCutOffEnergy 435.4 eV\n\ntask=geometryoptimization ! as before\n"
    assert deck_changes({"a.param": written}, {"a.param": same}) == ()
    less = same.replace("FIX_OCCUPANCY = FALSE\n", "")
    assert deck_changes({"a.param": written}, {"a.param": less}) == ("a.param: fix_occupancy : false was removed",)


def test_castep_cell() -> None:
    assert edited("castep", "CsBr.cell", "0.500000000000   0.500000000000   0.5", "0.5 0.5 0.5") == ()
    (told,) = edited("castep", "CsBr.cell", "   0.500000000000", "   0.490000000000")
    assert told == "CsBr.cell: block POSITIONS_FRAC: 1 line differs"
    added = edited(
        "castep", "CsBr.cell", "%BLOCK LATTICE", "%BLOCK species_mass\nCs 1\n%ENDBLOCK species_mass\n%BLOCK LATTICE"
    )
    assert added == ("CsBr.cell: block species_mass was added",)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ENCUT", "IVDW = 12\nENCUT", ("INCAR: IVDW = 12 was added",)),
        ("435.4", "500", ("INCAR: ENCUT: 435.4 became 500",)),
        ("435.4", "435.40 # mine", ()),
        ("ENCUT", "encut", ()),
        ("ENCUT", "SYSTEM = mine; ENCUT", ()),
        ("ENCUT", "IVDW = 12; LSORBIT = .TRUE. ! both\nENCUT", (
            "INCAR: IVDW = 12 was added", "INCAR: LSORBIT = .TRUE. was added")),
    ],
)  # fmt: skip
def test_incar(old: str, new: str, told: tuple[str, ...]) -> None:
    assert edited("vasp", "INCAR", old, new) == told


def test_incar_the_first_of_two_counts_and_lines_are_joined() -> None:
    written = {"INCAR": "MAGMOM = 1 2 \\\n 3\nISPIN = 2\nLWAVE = .FALSE.\n"}
    assert deck_changes(written, {"INCAR": "LWAVE = F\nISPIN = 2 ; ISPIN = 1\nMAGMOM = 1.0 2.0 3.0\n"}) == ()


def test_other_files_of_vasp() -> None:
    assert edited("vasp", "POTCAR.spec", "Cs_sv", "Cs") == ("POTCAR.spec: 1 line differs",)
    poscar = deck("vasp")["POSCAR"]
    assert deck_changes({"POSCAR": poscar}, {"POSCAR": "mine\n" + poscar.split("\n", 1)[1]}) == ()
    assert edited("vasp", "vasp.sh", "set -euo pipefail", "# mine\nset -euo pipefail") == ()
    assert edited("vasp", "vasp.sh", "set -euo pipefail", "set -eu") == ("vasp.sh: 1 line differs",)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("&SYSTEM", "&SYSTEM\n  vdw_corr = 'grimme-d3'", ("CsBr.relax.in: vdw_corr = 'grimme-d3' was added",)),
        ("&SYSTEM", "&system", ()),
        ("tprnfor     = .true.", "TPRNFOR=.T. ! forces", ()),
        ("tprnfor     = .true.", "tprnfor=.false.", ("CsBr.relax.in: tprnfor: .true. became .false.",)),
        ("smearing    = 'gaussian'", "smearing = \"gaussian\", nosym = .true.",
         ("CsBr.relax.in: nosym = .true. was added",)),
        ("smearing    = 'gaussian'", "smearing='mv'", ("CsBr.relax.in: smearing: 'gaussian' became 'mv'",)),
        ("electron_maxstep = 100", "electron_maxstep = 1.d2", ()),
        ("Cs.upf\n", "mine.upf\n", ("CsBr.relax.in: block ATOMIC_SPECIES: 1 line differs",)),
    ],
)  # fmt: skip
def test_namelists(old: str, new: str, told: tuple[str, ...]) -> None:
    asked = deck("espresso")
    text = asked["CsBr.relax.in"]
    if old.startswith("Cs.upf"):
        text = text.replace("! Cs.upf", "! potential")
    assert old in text
    assert deck_changes({"CsBr.relax.in": text}, {"CsBr.relax.in": text.replace(old, new, 1)}) == told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("cutoff_ev=435.4", "cutoff_ev=500", ("CsBr.py: cutoff_ev: 435.4 became 500",)),
        ("cutoff_ev=435.4", "cutoff_ev = 435.40", ()),
        ('xc="PBE"', "xc='PBE'", ()),
        ('xc="PBE"', 'xc="PBE", charge=1', ("CsBr.py: charge=1 was added",)),
        ("maxiter=100,", "maxiter=100,  # mine", ()),
        ("force_tol_ev_per_ang=0.05", "force_tol_ev_per_ang=0.01",
         ("CsBr.py: force_tol_ev_per_ang: 0.05 became 0.01",)),
        ("FermiDirac(0.1)", "FermiDirac(0.2)", ("CsBr.py: 1 line differs",)),
        ('atoms = read("CsBr.xyz")', 'atoms = read("CsBr.xyz")\natoms.rattle()', ("CsBr.py: 1 line differs",)),
        ("GPAW deck", "My deck", ()),
        ("def calculator", "def calculator(", ("CsBr.py: ",)),
    ],
)  # fmt: skip
def test_gpaw_scripts(old: str, new: str, told: tuple[str, ...]) -> None:
    changes = edited("gpaw", "CsBr.py", old, new)
    assert len(changes) >= len(told) and all(map(str.startswith, changes, told))
    assert not changes or told


def test_kpoints_of_a_gpaw_script_are_a_block() -> None:
    asked = deck("gpaw", BANDS)
    changed = asked["CsBr.py"].replace("(0.5, 0.5, 0.0)", "(0.5, 0.4, 0.0)", 1)
    assert changed != asked["CsBr.py"]
    assert deck_changes(asked, asked | {"CsBr.py": changed}) == ("CsBr.py: block kpoints: 1 line differs",)


def test_a_number_is_no_truth() -> None:
    assert deck_changes({"INCAR": "A = 1"}, {"INCAR": "A = .TRUE."}) == ("INCAR: A: 1 became .TRUE.",)


def test_an_argument_belongs_to_its_call() -> None:
    assert len(deck_changes({"a.py": "f(g(1), x=2)"}, {"a.py": "f(g(1, x=2))"})) == 2


def test_files_that_came_and_went() -> None:
    asked = deck("castep")
    found = {"CsBr.cell": asked["CsBr.cell"], "other.cell": ""}
    assert deck_changes(asked, found) == ("CsBr.param was removed", "other.cell was added")


@pytest.mark.parametrize("name", ["a.cell", "a.param", "INCAR", "a.in", "a.py", "KPOINTS", "a.sh", "a.xyz"])
@pytest.mark.parametrize("text", ["", "%BLOCK", "%BLOCK a\n1", "=", "&a\n=", ":", "'", "\x00", "(((", "&\nX_Y\n1"])
def test_any_text_is_compared(name: str, text: str) -> None:
    assert deck_changes({name: text}, {name: text + "\n"}) == ()
    assert isinstance(deck_changes({name: "k : 1\nA = 2\n"}, {name: text}), tuple)
