"""The contacts of a perovskite cell beside it: oxides, one of them magnetic, and a metal, as decks of every code."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from nickel_oxide import NIO
from pymatgen.core import Lattice, Structure

from dftflow.codes.base import Code
from dftflow.crystals.moments import moments_of
from dftflow.crystals.structure_file import read_structure_file
from dftflow.model.built import Built
from dftflow.studies.builder import Builder
from dftflow.studies.plan import Plan, plan_study
from dftflow.studies.preview import preview
from dftflow.studies.reader import load_study

STUDY = """\
schema = 1
title = "CsPbBr3 and its contacts"
code = "{code}"

[settings]
hubbard_u_ev = {{ Ni = {{ d = 6.0 }} }}

[codes.espresso]
hubbard = "namelist"

[materials.CsPbBr3]
structure = "CsPbBr3_Pm-3m"
{numbers}
[[materials.CsPbBr3.slabs]]
miller = [0, 1, 0]
setting = "cubic"

[materials.TiO2]
structure = "TiO2.vasp"
{numbers}
[[materials.TiO2.slabs]]
miller = [1, 1, 0]

[materials.SnO2]
structure = "SnO2.vasp"
{numbers}
[[materials.SnO2.slabs]]
miller = [1, 1, 0]

[materials.NiO]
structure = "NiO.vasp"
moments = {{ Ni = [2.0, -2.0] }}
{numbers}
[[materials.NiO.slabs]]
miller = [1, 0, 0]
setting = "Fm-3m"

[materials.Au]
structure = "Au.vasp"
{numbers}
[[materials.Au.slabs]]
miller = [1, 1, 1]

[[alignment]]
materials = "all"
"""
NUMBERS = 'cutoff_ev = 650.0\nrelax_kpoints = [2, 2, 2]\nbands_kpoints = [4, 4, 4]\ncell = "fixed"'
CODES = ("castep", "espresso", "gpaw", "vasp")
MATERIALS = ("CsPbBr3", "TiO2", "SnO2", "NiO", "Au")
CELLS = {"castep": "{}.cell", "espresso": "{}.{}.in", "gpaw": "{}.xyz", "vasp": "POSCAR"}


def rutile(cation: str, a_ang: float, c_ang: float, u: float) -> Structure:
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (u, u, 0), (-u, -u, 0), (0.5 - u, 0.5 + u, 0.5), (0.5 + u, 0.5 - u, 0.5)]
    return Structure(Lattice.tetragonal(a_ang, c_ang), [cation] * 2 + ["O"] * 4, places)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TiO2 10.1107/S0567740871007019, SnO2 10.1107/S0567740871002954 (rounded); Au 4.078 Å."""
    folder = tmp_path_factory.mktemp("contacts")
    crystals = {
        "TiO2": rutile("Ti", 4.594, 2.959, 0.305),
        "SnO2": rutile("Sn", 4.737, 3.186, 0.307),
        "NiO": NIO,
        "Au": Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.078), ["Au"], [[0, 0, 0]]),
    }
    for name, crystal in crystals.items():
        crystal.to(filename=str(folder / f"{name}.vasp"), fmt="poscar")
    return folder


def plan_of(folder: Path, code: str) -> Plan:
    file = folder / f"{code}.toml"
    file.write_text(STUDY.format(code=code, numbers=NUMBERS))
    return plan_study(load_study(str(file), "study"))


@pytest.mark.parametrize("code", CODES)
def test_every_step_has_a_deck_that_reads_back(folder: Path, code: str, tmp_path: Path) -> None:
    plan = plan_of(folder, code)
    assert len(preview(plan.study)) == len(plan.steps) >= 4 * len(MATERIALS)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        deck = plan.code.render(built.structure, built.spec, "seed")
        place = tmp_path / step.name.replace("/", "-")
        place.mkdir()
        for name, text in deck.files.items():
            (place / name).write_text(text, encoding="utf-8")
        stage = "relax" if built.spec.task == "relax" else "scf"
        check_atoms(read_structure_file(place / CELLS[code].format("seed", stage), "seed").structure, built)
        check_spin(plan.code, deck.files, built)


def check_atoms(found: Structure, built: Built) -> None:
    """The same atoms in the same cell, in whatever order the format has them."""
    assert np.allclose(found.lattice.parameters, built.structure.lattice.parameters, atol=1e-4)
    assert found.composition == built.structure.composition
    apart = built.structure.lattice.get_all_distances(found.frac_coords, built.structure.frac_coords)
    alike = [[one.specie.symbol == other.specie.symbol for other in built.structure] for one in found]
    assert np.where(alike, apart, np.inf).min(axis=1).max() < 1e-3


def check_spin(code: Code, files: dict[str, str], built: Built) -> None:
    """NiO alone has moments and a U, in its crystal and in its slab."""
    text = "\n".join(files.values())
    words = {
        "castep": (r"spin_polarized\s*: true", r"%BLOCK HUBBARD_U"),
        "espresso": (r"nspin\s*= 2", r"lda_plus_u"),
        "gpaw": (r"set_initial_magnetic_moments", r"setups="),
        "vasp": (r"ISPIN\s*= 2", r"LDAU\s"),
    }[code.name]
    magnetic = "Ni" in built.structure.composition.chemical_system_set
    assert [bool(re.search(word, text)) for word in words] == [magnetic, magnetic]
    assert bool(moments_of(built.structure)) is magnetic


def test_the_surfaces_are_those_of_the_field(folder: Path) -> None:
    """Rutile (110) ends in bridging oxygen (10.1016/S0167-5729(02)00100-0), neutral and alike on both sides."""
    plan = plan_of(folder, "vasp")
    builder = Builder(plan)
    models = {}
    for step in plan.steps:
        built = builder.build(step)
        if built.model is not None:
            models[step.id.subject.materials[0]] = built.model
    assert set(models) == set(MATERIALS)
    for name, model in models.items():
        assert model.formal_charge == 0 and model.symmetric and not model.polar, name
    for oxide in ("TiO2", "SnO2"):
        assert models[oxide].stoichiometric and models[oxide].layers[0].formula == "O"
    assert models["NiO"].stoichiometric and models["NiO"].termination == "NiO"
    assert models["Au"].termination == "Au" and models["CsPbBr3"].termination == "CsBr"
