"""GPAW decks as text."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.machinery import ModuleSpec
from inspect import unwrap
from pathlib import Path
from pprint import pformat

import ase.io
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from strict_reading import read_results

from dftflow.codes.base import Launch
from dftflow.codes.gpaw import GPAW, functionals
from dftflow.codes.gpaw.deck import _wrapped
from dftflow.crystals.kpaths import special_points, standard_path
from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation

SPEC = CalcSpec(
    title="CsBr: test",
    task="potential",
    xc="PBE",
    cutoff_ev=244.9,
    cutoff_note="244.9 eV for CsPbBr3 (10.1021/acsami.1c18025)",
    grid=(2, 2, 2),
    smearing_ev=0.1,
    scf_tol_ev_per_atom=2e-6,
    max_scf_cycles=100,
)
CSBR = Structure(Lattice.cubic(4.291), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
RELAXATION = Relaxation(
    cell="isotropic",
    energy_tol_ev_per_atom=2e-5,
    force_tol_ev_per_ang=0.05,
    stress_tol_gpa=0.1,
    displacement_tol_ang=2e-3,
    max_steps=100,
)


def script(spec: CalcSpec, structure: Structure = CSBR) -> str:
    text = GPAW().render(structure, spec, "seed").files["seed.py"]
    ast.parse(text)
    return text


def keywords(text: str, function: str) -> dict[str, object]:
    """Literal keyword arguments of the first call of `function`."""
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == function:
            return {
                k.arg: ast.literal_eval(k.value)
                for k in call.keywords
                if k.arg and not isinstance(k.value, ast.Call | ast.Name)
            }
    raise AssertionError(f"no call of {function}")


def test_the_paper_s_numbers_stand_in_the_deck_with_their_source() -> None:
    text = script(replace(SPEC, task="relax", relaxation=RELAXATION))
    assert "cutoff_ev=244.9" in text and "10.1021/acsami.1c18025" in text
    assert keywords(text, "GPAW")["kpts"] == {"size": (2, 2, 2)}, "ASE's gamma=False would shift odd grids too"
    assert keywords(text, "engine.relax") == {
        "cell": "isotropic",
        "energy_tol_ev_per_atom": 2e-5,
        "force_tol_ev_per_ang": 0.05,
        "stress_tol_gpa": 0.1,
        "displacement_tol_ang": 2e-3,
        "max_steps": 100,
        "keep_symmetry": True,
    }


def test_tolerances_carry_their_source() -> None:
    sourced = replace(RELAXATION, notes={"force_tol_ev_per_ang": "doi 10.1021/x"})
    text = script(replace(SPEC, task="relax", relaxation=sourced))
    assert "    force_tol_ev_per_ang=0.05,  # doi 10.1021/x\n" in text and text.count("10.1021/x") == 1


def test_the_deck_says_which_optimiser_moves_the_atoms() -> None:
    moving, held = script(replace(SPEC, task="relax", relaxation=RELAXATION)), script(HELD)
    assert "# BFGS of atoms and cell from a model of the Hessian" in moving and "70 eV" not in moving
    assert "# BFGS from 70 eV/Å^2" in held and "model of the Hessian" not in held


def test_a_grid_that_holds_gamma_can_be_asked_for() -> None:
    assert keywords(script(replace(SPEC, gamma_centred=True)), "GPAW")["kpts"] == {"size": (2, 2, 2), "gamma": True}


def test_empty_bands_are_delivered() -> None:
    """Those that are asked for converge; a few more help them, and are not kept."""
    given = keywords(script(replace(SPEC, empty_bands=7)), "GPAW")
    assert given["nbands"] == -15 and given["convergence"]["bands"] == -8  # type: ignore[index]
    assert "empty_bands=7" in script(replace(SPEC, empty_bands=7))


def test_more_bands_help_where_there_are_more_atoms() -> None:
    """With eight above 108 the uppermost kept band of a slab of 24 atoms lay 21 meV off, with 16 it did not."""
    crystal = CSBR.copy()
    crystal.make_supercell((2, 2, 3))
    text = script(replace(SPEC, empty_bands=4), crystal)
    given = keywords(text, "GPAW")
    assert given["nbands"] == -20 and given["convergence"]["bands"] == -16  # type: ignore[index]


def test_a_slab_s_special_points_are_calculated_beside_its_grid() -> None:
    points = (KPoint(label="G-bar", frac=(0.0, 0.0, 0.0)), KPoint(label="M-bar", frac=(0.5, 0.5, 0.0)))
    text = script(replace(SPEC, slab_axis=2, grid=(2, 2, 1), edge_kpoints=points))
    assert "kpoints = [(0.0, 0.0, 0.0), (0.5, 0.5, 0.0)]" in text and "labels = ['G-bar', 'M-bar']" in text
    assert "engine.potential(atoms, calculator, kpoints=kpoints, labels=labels, empty_bands=12)" in text


def test_only_a_slab_gets_the_dipole_correction_and_an_open_axis() -> None:
    slab = GPAW().render(CSBR, replace(SPEC, slab_axis=2, grid=(4, 4, 1)), "seed")
    assert "dipolelayer" in slab.files["seed.py"] and 'pbc="T T F"' in slab.files["seed.xyz"]
    bulk = GPAW().render(CSBR, SPEC, "seed")
    assert "dipolelayer" not in bulk.files["seed.py"] and 'pbc="T T T"' in bulk.files["seed.xyz"]
    with pytest.raises(SpecError, match="along z"):
        GPAW().render(CSBR, replace(SPEC, slab_axis=0, grid=(1, 4, 4)), "seed")


def test_bands_hold_the_path_and_the_special_points() -> None:
    points = special_points(CSBR)
    spec = replace(SPEC, task="bands", path=standard_path(CSBR, 0.2), edge_kpoints=tuple(points.values()))
    names = {target.id: node.value for node in ast.parse(script(spec)).body if isinstance(node, ast.Assign)
             for target in node.targets if isinstance(target, ast.Name)}  # fmt: skip
    kpoints, labels, segments = (ast.literal_eval(names[name]) for name in ("kpoints", "labels", "segments"))
    assert len(kpoints) == len(labels) == len(segments)
    assert set(labels) - {""} == set(points)
    assert segments.count(-1) == 0, "the standard path holds every special point once"
    steps = np.linalg.norm(np.diff(np.array(kpoints)[: segments.index(1)], axis=0) * 2 * np.pi / 4.291, axis=1)
    assert steps.max() <= 0.2 + 1e-9


@given(st.lists(st.tuples(*[st.floats(0, 0.999)] * 3), min_size=1, max_size=6, unique=True), st.floats(3, 40))
def test_atoms_survive_the_file(fractions: list[tuple[float, float, float]], a_ang: float) -> None:
    structure = Structure(Lattice.orthorhombic(a_ang, a_ang + 1, a_ang + 2), ["Br"] * len(fractions), fractions)
    text = GPAW().render(structure, SPEC, "seed").files["seed.xyz"]
    atoms = ase.io.read(io.StringIO(text), format="extxyz")
    np.testing.assert_allclose(atoms.positions, structure.cart_coords, atol=1e-11)
    np.testing.assert_allclose(atoms.cell.array, structure.lattice.matrix, atol=1e-11)


def test_a_special_point_off_the_path_is_added() -> None:
    points = special_points(CSBR)
    path = KPath(segments=((points["G"], points["X"]),), spacing_per_ang=0.5)
    text = script(replace(SPEC, task="bands", path=path, edge_kpoints=(points["R"], points["G"])))
    assert "(0.5, 0.5, 0.5)]" in text and "'R']" in text and " -1]" in text


def test_an_unknown_functional_is_refused() -> None:
    with pytest.raises(SpecError, match="HSE06"):
        GPAW().render(CSBR, replace(SPEC, xc="HSE06"), "seed")


def installed_as(monkeypatch: pytest.MonkeyPatch, file: Path | None) -> None:
    """Where GPAW's compiled part lies; None for nowhere."""
    spec = None if file is None else ModuleSpec("_gpaw", None, origin=str(file))
    monkeypatch.setattr(functionals, "find_spec", lambda name: spec)
    monkeypatch.setattr(functionals, "libxc_is_not_missing", unwrap(functionals.libxc_is_not_missing))


def test_what_wants_libxc_is_refused_where_gpaw_is_here_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "_gpaw.so"
    library.write_bytes(b"\x7fELF some names: XCFunctional")
    installed_as(monkeypatch, library)
    with pytest.raises(SpecError, match="installed here cannot calculate with SCAN") as caught:
        GPAW().render(CSBR, replace(SPEC, xc="scan"), "seed")
    assert caught.value.fix.startswith("choose one of PBE, LDA, revPBE, RPBE, or build GPAW with libxc: ")
    assert "pyscf" in caught.value.fix and "siteconfig_xc.py" in caught.value.fix
    assert '"RPBE"' in script(replace(SPEC, xc="rpbe"))
    library.write_bytes(library.read_bytes() + b"\0lxcXCFuncNum\0")
    assert '"SCAN"' in script(replace(SPEC, xc="scan"))
    installed_as(monkeypatch, None)  # a deck for another machine
    assert '"MGGA_X_R2SCAN+MGGA_C_R2SCAN"' in script(replace(SPEC, xc="r2scan"))


def test_what_gpaw_cannot_calculate_whatever_it_was_built_with_is_refused_with_the_reason() -> None:
    for name, why in (("PBEsol", "no data sets"), ("HSE06", "corrections")):
        with pytest.raises(SpecError, match=name) as caught:
            GPAW().render(CSBR, replace(SPEC, xc=name), "seed")
        assert why in caught.value.reason


@pytest.mark.engine
def test_the_functionals_of_the_installed_gpaw_are_those_that_it_takes() -> None:
    """GPAW itself is asked, in a process of its own: for the functional and for the data set that it names."""
    asks = (
        "import sys; from gpaw.xc import XC; from gpaw.setup_data import SetupData\n"
        "SetupData('Br', XC(sys.argv[1]).get_setup_name(), readxml=True)"
    )
    for name in (*functionals.OWN, *functionals.OF_LIBXC, *functionals.WITHOUT_DATA):
        known = functionals.OF_LIBXC.get(name, name)
        answer = subprocess.run([sys.executable, "-c", asks, known], capture_output=True)
        try:
            assert functionals.input_name(name) == known and answer.returncode == 0, answer.stderr
        except SpecError:
            assert answer.returncode != 0 and (b"LibXC" in answer.stderr or b"PBEsol" in answer.stderr)


def test_several_processes_are_refused_for_each_would_be_a_whole_run() -> None:
    deck = GPAW().render(CSBR, SPEC, "seed")
    with pytest.raises(SpecError, match="one process"):
        GPAW().command(deck, Launch(launcher=("mpirun", "-n", "2")))


def test_decks_are_the_same_every_time() -> None:
    assert GPAW().render(CSBR, SPEC, "seed").files == GPAW().render(CSBR.copy(), SPEC, "seed").files


# --- atoms that do not move -------------------------------------------------------------------------------------------

HELD = replace(SPEC, task="relax", relaxation=replace(RELAXATION, cell="fixed"), fixed_atoms=(1,))


def test_symmetry_stays_where_it_moves_no_fixed_atom() -> None:
    text = script(HELD)
    assert "FixAtoms(indices=[1])" in text and keywords(text, "GPAW")["symmetry"] == {"symmorphic": False}
    assert keywords(text, "engine.relax")["keep_symmetry"] is True
    assert "FixAtoms" not in script(replace(HELD, fixed_atoms=()))


def test_symmetry_goes_where_it_would_move_a_fixed_atom() -> None:
    """H2: an inversion maps the one atom onto the other. Time reversal stays."""
    pair = Structure(Lattice.cubic(5.0), ["H", "H"], [[0, 0, 0.41], [0, 0, 0.59]])
    text = script(HELD, pair)
    assert keywords(text, "GPAW")["symmetry"] == {"point_group": False}
    assert keywords(text, "engine.relax")["keep_symmetry"] is False


@pytest.mark.parametrize(("fixed", "message"), [((2,), "atom 2"), ((-1,), "atom -1"), ((0, 1), "all atoms")])
def test_fixed_atoms_that_cannot_be(fixed: tuple[int, ...], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        script(replace(HELD, fixed_atoms=fixed))


@pytest.mark.engine
def test_a_fixed_atom_does_not_move(run_deck: Callable[[str, Structure, CalcSpec], Path]) -> None:
    """H2, stretched: only the free atom moves, until the bond has its length (0.74 Å; 0.75 in PBE)."""
    start = Structure(Lattice.cubic(5.0), ["H", "H"], [[0, 0, 0], [0, 0, 0.18]])
    loose = replace(RELAXATION, cell="fixed", energy_tol_ev_per_atom=1e-3, displacement_tol_ang=0.02, max_steps=40)
    spec = replace(HELD, relaxation=loose, grid=(1, 1, 1), cutoff_ev=300.0, fixed_atoms=(0,))
    results = read_results(GPAW(), run_deck("h2-held", start, spec))
    assert results.status == "finished" and results.structure is not None
    first, second = results.structure.cart_coords
    np.testing.assert_allclose(first, [0, 0, 0], atol=1e-12)
    assert second[2] == pytest.approx(0.75, abs=0.03)
    assert abs(second[2] - 0.9) > 0.05, "the free atom has moved"


@given(
    st.lists(
        st.tuples(*[st.floats(-1, 1).map(lambda x: round(x, 10))] * 3)
        | st.sampled_from(("", "G", "A'", "Y|Z", "x" * 31))
        | st.integers(-1, 12),
        max_size=80,
    )
)
def test_long_lists_are_broken_as_pprint_breaks_them(values: list[object]) -> None:
    assert _wrapped(values) == pformat(values, width=110, compact=True)
