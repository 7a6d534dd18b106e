"""What `dftflow` offers by itself: names, types, the cost of an import, and scripts as people write them."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read as ase_read
from ase.spacegroup import crystal as ase_crystal
from outcomes import VARIANTS
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

import dftflow
from dftflow.errors import DftflowError, InputError, StudyError, SurfaceError
from dftflow.report.results_json import write_results_json

SOURCE = Path(dftflow.__file__)
HEAVY = {"numpy", "scipy", "pymatgen", "ase", "matplotlib", "pandas", "pydantic", "click", "rich", "jinja2", "spglib"}


# --- names, types, cost ---------------------------------------------------------------------------------------------


def _table(name: str) -> ast.expr:
    assignments = (node for node in ast.parse(SOURCE.read_text("utf-8")).body if isinstance(node, ast.Assign))
    return next(node.value for node in assignments if ast.unparse(node.targets[0]) == name)


def test_what_type_checkers_see_is_what_is_loaded() -> None:
    block = next(node for node in ast.parse(SOURCE.read_text("utf-8")).body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    seen = {alias.name: node.module for node in imports for alias in node.names}
    assert seen == ast.literal_eval(_table("_HOMES"))


def test_dir_and_all_have_every_name_and_nothing_else() -> None:
    homes = ast.literal_eval(_table("_HOMES"))
    assert set(dir(dftflow)) == {*homes, "__version__"}
    assert len(dftflow.__all__) == len(set(dftflow.__all__))
    assert set(dftflow.__all__) == set(dir(dftflow))


def test_each_name_is_defined_where_its_home_says() -> None:
    for name, home in ast.literal_eval(_table("_HOMES")).items():
        assert getattr(dftflow, name).__module__ == home
        assert name in importlib.import_module(home).__all__


def _in_a_fresh_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=SOURCE.parents[1])
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_to_import_it_loads_nothing() -> None:
    loaded = _in_a_fresh_process(
        "import sys; before = set(sys.modules); import dftflow; dir(dftflow); dftflow.__version__; "
        "print(*set(sys.modules) - before)"
    ).split()
    assert not HEAVY & {name.partition(".")[0] for name in loaded}
    assert not [name for name in loaded if name.startswith("dftflow.")]
    assert len(loaded) < 12


def test_no_folder_of_the_package_hides_a_public_name() -> None:
    inside = {path.stem for path in SOURCE.parent.iterdir() if path.is_file() or any(path.glob("*.py"))}
    assert not inside & set(dftflow.__all__)


# --- ten scripts, as a person who knows pymatgen or ASE writes them ---------------------------------------------------


def test_script_a_cation_into_a_shipped_crystal() -> None:
    structure = dftflow.substitute("CsPbBr3_Pm-3m", site="Cs", by="FA", pseudocubic_ang=5.99)
    assert isinstance(structure, Structure)
    assert structure.composition.reduced_formula == "H5PbCBr3N2"


def test_script_slabs_of_atoms_of_ase() -> None:
    atoms = ase_crystal(
        ["Cs", "Pb", "Br"], [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)], spacegroup=221, cellpar=[5.87] * 3 + [90] * 3
    )
    slabs = dftflow.slabs(atoms, (0, 0, 1))
    assert {slab.termination for slab in slabs} >= {"CsBr", "PbBr2"}
    assert slabs[0].structure.to_ase_atoms().pbc.all()


def test_script_a_plane_of_a_setting_by_its_text() -> None:
    structure = dftflow.load_crystal("CsPbBr3_Pnma").structure
    mine = dftflow.slabs(structure, "011", setting="Pnma", min_thickness_ang=15)
    other = dftflow.slabs(structure, (1, 0, 1), setting="Pbnm", min_thickness_ang=15)
    assert mine.plane.miller_cell == other.plane.miller_cell
    assert mine[0].thickness_ang >= 15


def test_script_the_gap_of_a_folder_by_a_relative_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent / "data/gpaw/26.7.0/fapbbr3-cspbbr3-quick/steps/CsPbBr3")
    edges = dftflow.read("bulk-bands-bd06f528e4").edges
    assert edges is not None
    assert 1 < edges.band_gap_ev < 3
    assert [one.status for one in dftflow.find(".")] == ["finished"] * 3


def test_script_a_file_below_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3]).to(
        str(tmp_path / "nacl.cif")
    )
    assert dftflow.load_crystal("~/nacl.cif").space_group == "Fm-3m"
    assert len(dftflow.slabs("~/nacl.cif", "100", n_layers=5)[0].layers) == 5


def test_script_a_slab_into_a_poscar_that_ase_reads(tmp_path: Path) -> None:
    slab = dftflow.slabs("CsPbBr3_Pm-3m", "001").choose("CsBr")
    slab.structure.to(str(tmp_path / "POSCAR"))
    atoms = ase_read(tmp_path / "POSCAR")
    assert len(atoms) == len(slab.structure)
    assert atoms.cell.lengths()[2] == pytest.approx(slab.thickness_ang + slab.vacuum_ang)


def test_script_a_crystal_of_pymatgen_with_oxidation_states() -> None:
    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.21), ["Mg", "O"], [[0, 0, 0], [0.5] * 3])
    structure.add_oxidation_state_by_guess()
    primitive = SpacegroupAnalyzer(structure).get_primitive_standard_structure()
    best = dftflow.slabs(primitive, "100", setting="Fm-3m")[0]
    assert (best.termination, best.refused, best.symmetric) == ("MgO", "", True)


def test_script_the_table_of_a_plane_in_pandas() -> None:
    frame = dftflow.slabs("CsPbBr3_Pm-3m", "001").to_frame()
    assert list(frame[frame.refused == ""].termination) == ["CsBr", "PbBr2"]


def test_script_the_plan_of_a_study_before_it_runs() -> None:
    plan = dftflow.plan("fapbbr3-cspbbr3", preset="quick")
    study = dftflow.load_study("fapbbr3-cspbbr3", "quick")
    assert [step.name for step in dftflow.plan(study)] == [step.name for step in plan]
    assert plan.left == tuple(plan) and plan.cost_left_s > 0
    assert len(plan.to_frame()) == len(plan.to_dict()["steps"]) == len(plan)


def test_script_the_numbers_of_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results_json(VARIANTS["whole"](tmp_path), tmp_path)
    monkeypatch.chdir(tmp_path)
    gaps = dftflow.quantities("results.json").where(name="band gap").to_frame()
    assert np.isfinite(gaps.value.astype(float)).all()
    assert json.dumps(dftflow.quantities(tmp_path).to_dict())


# --- what a person gets wrong -----------------------------------------------------------------------------------------


def said(error: type[DftflowError], call: str) -> str:
    with pytest.raises(error) as caught:
        eval(call, {"dftflow": dftflow, "bulk": bulk})
    assert caught.value.fix
    return str(caught.value)


def test_errors_say_what_to_give() -> None:
    assert "did you mean CsPbBr3_Pnma" in said(InputError, 'dftflow.slabs("CsPbBr3_Pnmb", "011")')
    assert 'write them like "011"' in said(SurfaceError, 'dftflow.slabs("CsPbBr3_Pm-3m", "0x1")')
    assert "write (1, 0, -1, 0)" in said(SurfaceError, 'dftflow.slabs("CsPbBr3_Pm-3m", (1, 0, 0, 0))')
    assert "did you mean 'CsBr'" in said(SurfaceError, 'dftflow.slabs("CsPbBr3_Pm-3m", "001").choose("CsB")')
    assert "shipped studies" in said(StudyError, 'dftflow.run("no-such-study", "x")')
    assert "preset=..." in said(InputError, 'dftflow.run(dftflow.load_study("fapbbr3-cspbbr3"), "x", preset="quick")')


@pytest.mark.parametrize(
    "call",
    [
        "dftflow.read(3)", "dftflow.find([1])", "dftflow.load_study(3)", "dftflow.plan(None)", "dftflow.quantities(3)",
        "dftflow.load_outcome(3)", "dftflow.load_crystal(3)", "dftflow.plot('bands', 3)", "dftflow.compare(3, 4)",
        "dftflow.slabs('CsPbBr3_Pm-3m', 5)", "dftflow.levels('nothing', period_ang='3')",
        "dftflow.align({}, levels=['H+/H2'])", "dftflow.align({}, levels='H+/H2')",
    ],
)  # fmt: skip
def test_what_is_of_another_type_is_said_to_be(call: str) -> None:
    said(InputError, call)


def test_one_material_may_come_first_by_its_name() -> None:
    levels = {name: {"ip_ev": 6.0, "ea_ev": 3.0} for name in ("first", "abc")}
    assert [one.edges.material for one in dftflow.align(levels, order="abc").columns] == ["abc", "first"]
    with pytest.raises(InputError, match="no material 'xyz'"):
        dftflow.align(levels, order="xyz")


@pytest.mark.parametrize(
    ("text", "plane"), [("011", (0, 1, 1)), ("1-10", (1, -1, 0)), ("(0 1 -1)", (0, 1, -1)), ("1, 0, 12", (1, 0, 12))]
)
def test_planes_by_their_text(text: str, plane: tuple[int, int, int]) -> None:
    assert dftflow.slabs("CsPbBr3_Pm-3m", text, setting="cubic").plane.miller == plane


def test_four_indices_of_a_hexagonal_cell() -> None:
    mine = dftflow.slabs("Cs4PbBr6_R-3c", (1, 0, -1, 2), setting="R-3c:H")
    assert mine.plane.miller == (1, 0, 2)
