"""What is written is what is read: structure, constraints, k-points and settings, whatever they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.codes.castep import CASTEP
from dftflow.codes.castep.input.cell_file import CellDeck, read_cell_deck
from dftflow.codes.castep.input.keywords import FAMILIES
from dftflow.codes.castep.input.param_file import ParamFile, read_param
from dftflow.codes.castep.lint.lint import lint_files
from dftflow.codes.castep.options import CastepOptions
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation

ELEMENTS = ["Cs", "Pb", "Br", "H", "N", "C", "I"]
FUNCTIONALS = ["LDA", "PBE", "PBESOL", "RPBE", "WC", "PW91", "RSCAN"]
LABELS = ["G", "X", "M", "R", "Y1", "Z"]
PLAIN = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9,:()]+){0,5}", re.ASCII)
CONSTRAINTS = {"isotropic": (1, 1, 1, 0, 0, 0), "lengths": (1, 2, 3, 0, 0, 0), "all": (1, 2, 3, 4, 5, 6)}

lengths_ang = st.floats(3, 40)
angles_deg = st.floats(70, 110)
fractions = st.floats(-1, 2, allow_subnormal=False)
tolerances = st.sampled_from([5e-7, 1e-6, 2e-6, 1.25e-5, 3.3333e-4, 0.0123, 0.05, 0.1, 0.75, 1.0])


@st.composite
def structures(draw: st.DrawFn, *, cubic: bool = False, slab_axis: int | None = None) -> Structure:
    a = draw(lengths_ang)
    if cubic:
        lattice = Lattice.cubic(a)
    elif slab_axis is not None:
        lengths = [a, draw(lengths_ang), draw(lengths_ang)]
        lattice = Lattice.orthorhombic(*lengths)
    else:
        lattice = Lattice.from_parameters(a, draw(lengths_ang), draw(lengths_ang), *(draw(angles_deg) for _ in "abc"))
    sites = draw(
        st.lists(
            st.tuples(st.sampled_from(ELEMENTS), *[fractions] * 3),
            min_size=2,
            max_size=9,
            unique_by=lambda site: tuple(round(x, 9) + 0.0 for x in site[1:]),
        )
    )
    return Structure(lattice, [site[0] for site in sites], [site[1:] for site in sites])


@st.composite
def paths(draw: st.DrawFn) -> KPath:
    point = st.builds(
        KPoint, label=st.sampled_from(LABELS), frac=st.tuples(*[st.integers(-8, 8).map(lambda n: n / 8)] * 3)
    )
    runs = draw(st.lists(st.lists(point, min_size=2, max_size=5), min_size=1, max_size=3))
    spacing = draw(st.sampled_from([0.01, 0.025, 0.04, 0.1, 0.33]))
    return KPath(segments=tuple(map(tuple, runs)), spacing_per_ang=spacing)


@st.composite
def calculations(draw: st.DrawFn) -> tuple[Structure, CalcSpec]:
    """A structure and anything that may be asked for on it."""
    task = draw(st.sampled_from(["relax", "bands", "potential"]))
    freedom = draw(st.sampled_from(["fixed", "isotropic", "lengths", "all"]))
    slab_axis = draw(st.sampled_from([None, None, 0, 1, 2]))
    if slab_axis is not None:
        freedom = "fixed"
    structure = draw(structures(cubic=task == "relax" and freedom == "isotropic", slab_axis=slab_axis))
    grid = [draw(st.integers(1, 12)) for _ in range(3)]
    if slab_axis is not None:
        grid[slab_axis] = 1
    relaxation = Relaxation(
        cell=freedom,  # type: ignore[arg-type]
        energy_tol_ev_per_atom=draw(tolerances),
        force_tol_ev_per_ang=draw(tolerances),
        stress_tol_gpa=draw(tolerances),
        displacement_tol_ang=draw(tolerances),
        max_steps=draw(st.integers(2, 999)),
    )
    edge = st.builds(
        KPoint, label=st.sampled_from(LABELS), frac=st.tuples(*[st.integers(-2, 2).map(lambda n: n / 4)] * 3)
    )
    held = st.lists(st.integers(0, len(structure) - 1), max_size=len(structure) - 1, unique=True)
    return structure, CalcSpec(
        title=draw(st.one_of(st.text(max_size=120), st.from_regex(PLAIN, fullmatch=True))),
        task=task,  # type: ignore[arg-type]
        xc=draw(st.sampled_from(FUNCTIONALS)),
        cutoff_ev=draw(st.sampled_from([244.9, 435.4, 1000.0, 381.0001])),
        cutoff_note=draw(st.text(max_size=80)),
        grid=tuple(grid),  # type: ignore[arg-type]
        gamma_centred=draw(st.booleans()),
        grid_note=draw(st.text(max_size=80)),
        smearing_ev=draw(st.sampled_from([0.0, 0.01, 0.1, 0.2])),
        scf_tol_ev_per_atom=draw(tolerances),
        max_scf_cycles=draw(st.integers(1, 999)),
        empty_bands=draw(st.integers(0, 60)),
        relaxation=relaxation if task == "relax" else None,
        path=draw(paths()) if task == "bands" else None,
        edge_kpoints=tuple(draw(st.lists(edge, max_size=4))) if task == "potential" else (),
        slab_axis=slab_axis,
        fixed_atoms=tuple(draw(held)) if task == "relax" else (),
        continues=draw(st.sampled_from(["", "../before/before", "before.1"])),
    )


@pytest.mark.parametrize("family", list(FAMILIES))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calculation=calculations())
def test_what_is_read_is_what_was_written(family: Any, calculation: tuple[Structure, CalcSpec], tmp_path: Path) -> None:
    structure, spec = calculation
    deck = CASTEP(CastepOptions(keywords=family)).render(structure, spec, "a")
    for name, text in deck.files.items():
        (tmp_path / name).write_text(text)
    cell, param = read_cell_deck(tmp_path / "a.cell"), read_param(tmp_path / "a.param")
    check_atoms(cell, structure, spec)
    check_cell(cell, spec)
    check_settings(param, spec, FAMILIES[family])
    errors = [
        finding
        for finding in lint_files([tmp_path / "a.cell", tmp_path / "a.param"])
        if finding.severity == "error" and "on one site" not in finding.message  # the atoms lie anywhere
    ]
    assert errors == []


def check_atoms(cell: CellDeck, structure: Structure, spec: CalcSpec) -> None:
    """The atoms come species by species; their positions, and which of them are fixed, are the same."""
    symbols = [site.specie.symbol for site in structure]
    order = sorted(range(len(structure)), key=lambda index: list(dict.fromkeys(symbols)).index(symbols[index]))
    assert cell.structure is not None
    assert [site.element for site in cell.sites] == [symbols[index] for index in order]
    np.testing.assert_allclose(cell.structure.lattice.matrix, structure.lattice.matrix, rtol=0, atol=1e-10)
    np.testing.assert_allclose(cell.structure.frac_coords, structure.frac_coords[order], rtol=0, atol=1e-10)
    assert tuple(order[index] for index in cell.fixed_atoms) == tuple(i for i in order if i in spec.fixed_atoms)


def check_cell(cell: CellDeck, spec: CalcSpec) -> None:
    """Freedom, symmetry, k-points and path are what the specification says."""
    freedom = spec.relaxation.cell if spec.relaxation else "fixed"
    bulk = spec.slab_axis is None
    assert cell.cell_constraints == (CONSTRAINTS.get(freedom) if bulk else None)
    assert cell.fix_all_cell == (not bulk or (spec.task == "relax" and freedom == "fixed"))
    assert cell.symmetry_generate == cell.snap_to_symmetry == (bulk and not spec.fixed_atoms)
    assert cell.fix_com == (None if spec.task != "relax" else not spec.fixed_atoms)
    assert cell.kpoints.grid == spec.grid
    half_steps = [0.5 / n if spec.gamma_centred and n % 2 == 0 else 0.0 for n in spec.grid]
    assert cell.kpoints.offset == pytest.approx(half_steps, abs=1e-12)
    assert cell.path == spec.path
    assert cell.band_kpoints[: len(spec.edge_kpoints)] == spec.edge_kpoints
    assert bool(cell.band_kpoints) == bool(spec.edge_kpoints)


def check_settings(param: ParamFile, spec: CalcSpec, family: str) -> None:
    """Every number and name of the specification, in dftflow's units."""
    assert param.text("xc_functional") == spec.xc
    assert param.quantity("cut_off_energy", "energy") == spec.cutoff_ev
    assert param.quantity("elec_energy_tol", "energy") == spec.scf_tol_ev_per_atom
    assert param.integer("max_scf_cycles") == spec.max_scf_cycles
    assert param.boolean("fix_occupancy") == (spec.smearing_ev == 0)
    assert param.quantity("smearing_width", "energy") == (spec.smearing_ev or None)
    assert param.text("dipole_dir") == (None if spec.slab_axis is None else "XYZ"[spec.slab_axis])
    assert param.text("reuse") == (f"{spec.continues}.castep_bin" if spec.continues else None)
    if PLAIN.fullmatch(spec.title) and len(spec.title) <= 80:
        assert param.text("comment") == spec.title
    assert param.boolean("write_formatted_potential") == (None if spec.task == "relax" else True)
    if spec.task == "bands" or spec.edge_kpoints:
        assert param.option("task") == {"spectral": "spectral", "bs": "bandstructure"}[family]
        assert param.integer(f"{family}_nextra_bands") == spec.empty_bands
    goal = spec.relaxation
    if goal is not None:
        assert param.option("task") == "geometryoptimization"
        assert param.quantity("geom_energy_tol", "energy") == goal.energy_tol_ev_per_atom
        assert param.quantity("geom_force_tol", "force") == goal.force_tol_ev_per_ang
        assert param.quantity("geom_disp_tol", "length") == goal.displacement_tol_ang
        assert param.quantity("geom_stress_tol", "pressure") == (None if goal.cell == "fixed" else goal.stress_tol_gpa)
        assert param.integer("geom_max_iter") == goal.max_steps
