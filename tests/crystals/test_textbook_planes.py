"""Planes that textbooks name: Tasker's type, layers and their charges, terminations, area of the surface cell.

Layers and areas are analytic in the structure types; lattice constants are rounded, of Wyckoff's Crystal Structures
(1963) unless a row says otherwise. Each row names where the type of the plane, or its termination, is from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.ions import chemical_formula, formal_charge, ionic_units
from dftflow.crystals.layers import stack_layers
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import choose_slab, enumerate_slabs
from dftflow.crystals.sources import load_crystal
from dftflow.errors import SurfaceError

Indices = tuple[int, int, int]

TASKER = "Tasker, J. Phys. C 12, 4977 (1979), 10.1088/0022-3719/12/22/036"
ALKALI_HALIDES = "Tasker, Philos. Mag. A 39, 119 (1979), 10.1080/01418617908236887"
NOGUERA = "Noguera, J. Phys.: Condens. Matter 12, R367 (2000), 10.1088/0953-8984/12/31/201"
DIEBOLD = "Diebold, Surf. Sci. Rep. 48, 53 (2003), 10.1016/S0167-5729(02)00100-0"
BATZILL = "Batzill and Diebold, Prog. Surf. Sci. 79, 47 (2005), 10.1016/j.progsurf.2005.09.002"
ZINC_OXIDE = "Meyer and Marx, Phys. Rev. B 67, 035403 (2003), 10.1103/PhysRevB.67.035403"
PASHLEY = "Pashley, Phys. Rev. B 40, 10481 (1989), 10.1103/PhysRevB.40.10481"
CALCITE = "de Leeuw and Parker, J. Phys. Chem. B 102, 2914 (1998), 10.1021/jp973210f"
LEAD_LAYERS = "arXiv:1805.11181: Pb-Br sheets between layers of Cs"
ANALYTIC = "structure type"
GALLIUM_SELENIDE = (
    "sheets Se-Ga-Ga-Se held together by van der Waals forces: Nanoscale 12, 8563 (2020), 10.1039/D0NR00165A"
)
CHROMIA = "as Al2O3, of which it has the structure; Noguera, above"
VANADIA = "sheets, weakly coupled: Chakrabarti et al., Phys. Rev. B 59 (1999), issue 16, who call the plane (010)"
QUARTZ = "the O-middle termination: Minerals 8, 58 (2018), 10.3390/min8020058"
PEROVSKITE = "arXiv:2011.04269"


def rock_salt(cation: str, anion: str, a_ang: float) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a_ang), [cation, anion], [[0, 0, 0], [0.5] * 3])


def zinc_blende(cation: str, anion: str, a_ang: float) -> Structure:
    return Structure.from_spacegroup("F-43m", Lattice.cubic(a_ang), [cation, anion], [[0, 0, 0], [0.25] * 3])


def rutile(cation: str, a_ang: float, c_ang: float, u: float) -> Structure:
    lattice = Lattice.tetragonal(a_ang, c_ang)
    return Structure.from_spacegroup("P4_2/mnm", lattice, [cation, "O"], [[0, 0, 0], [u, u, 0]])


def fcc(symbol: str, a_ang: float) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a_ang), [symbol], [[0, 0, 0]])


def sheets(first: str, second: str, a_ang: float, c_ang: float, *, turned: bool) -> Structure:
    """Honeycombs: of graphite shifted from one to the next, of BN turned, B above N."""
    places = [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.25]] if turned else [[0, 0, 0.25], [1 / 3, 2 / 3, 0.25]]
    return Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(a_ang, c_ang), [first, second], places)


CRYSTALS: dict[str, Structure | str] = {
    "MgO": rock_salt("Mg", "O", 4.212),
    "NaCl": rock_salt("Na", "Cl", 5.640),
    "PbS": rock_salt("Pb", "S", 5.936),
    "NiO": rock_salt("Ni", "O", 4.177),
    "CsBr": Structure.from_spacegroup("Pm-3m", Lattice.cubic(4.286), ["Cs", "Br"], [[0, 0, 0], [0.5] * 3]),
    "CaF2": Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.463), ["Ca", "F"], [[0, 0, 0], [0.25] * 3]),
    "ZnO": Structure.from_spacegroup(
        "P6_3mc", Lattice.hexagonal(3.2495, 5.2069), ["Zn", "O"], [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.382]]
    ),
    "GaAs": zinc_blende("Ga", "As", 5.6533),
    "AlAs": zinc_blende("Al", "As", 5.6605),
    "CdTe": zinc_blende("Cd", "Te", 6.481),
    "TiO2": rutile("Ti", 4.594, 2.959, 0.305),
    "SnO2": rutile("Sn", 4.737, 3.186, 0.307),
    "anatase": Structure.from_spacegroup(
        "I4_1/amd", Lattice.tetragonal(3.785, 9.514), ["Ti", "O"], [[0, 0, 0], [0, 0, 0.208]]
    ),
    "Al2O3": Structure.from_spacegroup(
        "R-3c", Lattice.hexagonal(4.759, 12.991), ["Al", "O"], [[0, 0, 0.3522], [0.3064, 0, 0.25]]
    ),
    "SrTiO3": Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(3.905), ["Sr", "Ti", "O"], [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0]]
    ),
    "CaCO3": Structure.from_spacegroup(
        "R-3c", Lattice.hexagonal(4.990, 17.060), ["Ca", "C", "O"], [[0, 0, 0], [0, 0, 0.25], [0.2568, 0, 0.25]]
    ),
    "Si": Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.431), ["Si"], [[0, 0, 0]]),
    "Al": fcc("Al", 4.050),
    "Cu": fcc("Cu", 3.615),
    "Au": fcc("Au", 4.078),
    "Pt": fcc("Pt", 3.924),
    "graphite": sheets("C", "C", 2.464, 6.711, turned=False),
    "BN": sheets("B", "N", 2.504, 6.661, turned=True),
    "Cs2AgBiBr6": Structure.from_spacegroup(
        "Fm-3m",
        Lattice.cubic(11.27),
        ["Cs", "Ag", "Bi", "Br"],
        [[0.25] * 3, [0.5] * 3, [0, 0, 0], [0.25, 0, 0]],
    ),
    "Cr2O3": Structure.from_spacegroup(
        "R-3c", Lattice.hexagonal(4.961, 13.599), ["Cr", "O"], [[0, 0, 0.3475], [0.3056, 0, 0.25]]
    ),
    "V2O5": Structure.from_spacegroup(
        "Pmmn",
        Lattice.orthorhombic(11.512, 3.564, 4.368),
        ["V", "O", "O", "O"],
        [[-0.1488, 0, 0.8917], [-0.1457, 0, 0.531], [-0.3189, 0, 0.003], [0, 0, 0.001]],
    ),
    "quartz": Structure.from_spacegroup(
        "P3_221", Lattice.hexagonal(4.913, 5.405), ["Si", "O"], [[0.4697, 0, 2 / 3], [0.4133, 0.2672, 0.7857]]
    ),
    "GaSe": Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(3.755, 15.94), ["Ga", "Se"], [[1 / 3, 2 / 3, 0.173], [1 / 3, 2 / 3, 0.602]]
    ),
    "NiSe2": Structure.from_spacegroup("Pa-3", Lattice.cubic(5.960), ["Ni", "Se"], [[0, 0, 0], [0.383] * 3]),
    "CsAu": Structure.from_spacegroup("Pm-3m", Lattice.cubic(4.260), ["Cs", "Au"], [[0, 0, 0], [0.5] * 3]),
    "Mg2Sn": Structure.from_spacegroup("Fm-3m", Lattice.cubic(6.760), ["Sn", "Mg"], [[0, 0, 0], [0.25] * 3]),
    "Mg2Si": Structure.from_spacegroup("Fm-3m", Lattice.cubic(6.338), ["Si", "Mg"], [[0, 0, 0], [0.25] * 3]),
    "Cs4PbBr6": "Cs4PbBr6_R-3c",
    "CsPb2Br5": "CsPb2Br5_I4mcm",
    "CsPbBr3": "CsPbBr3_Pm-3m",
    "MAPbBr3": "MAPbBr3_Pm-3m_MA100",
}


def crystal(name: str) -> Structure:
    held = CRYSTALS[name]
    return load_crystal(held, base_dir=Path.cwd()).structure if isinstance(held, str) else held


@dataclass(frozen=True, kw_only=True)
class Row:
    """A plane: its type, layers of a primitive surface cell with their charges, terminations that can be calculated,
    the one that is taken by itself (None: any of them), and the area by the lattice constants a and c."""

    crystal: str
    miller: Indices
    type: str
    layers: dict[str, int]
    terminations: set[str]
    auto: str | None
    area: Callable[[float, float], float]
    source: str


def row(
    crystal: str,
    miller: Indices,
    type: str,
    layers: dict[str, int],
    terminations: set[str],
    area: Callable[[float, float], float],
    source: str,
    auto: str | None = None,
) -> Row:
    return Row(
        crystal=crystal,
        miller=miller,
        type=type,
        layers=layers,
        terminations=terminations,
        auto=auto,
        area=area,
        source=source,
    )


CUBE_111: Callable[[float, float], float] = lambda a, c: sqrt(3) / 4 * a * a  # noqa: E731
CUBE_100: Callable[[float, float], float] = lambda a, c: a * a / 2  # noqa: E731
CUBE_110: Callable[[float, float], float] = lambda a, c: a * a / sqrt(2)  # noqa: E731
HEXAGON: Callable[[float, float], float] = lambda a, c: sqrt(3) / 2 * a * a  # noqa: E731
SQUARE: Callable[[float, float], float] = lambda a, c: a * a  # noqa: E731

ROWS: list[Row] = []
for _cation, _anion, _charge, _source in [
    ("Mg", "O", 2, TASKER), ("Na", "Cl", 1, ALKALI_HALIDES), ("Pb", "S", 2, TASKER), ("Ni", "O", 2, NOGUERA)
]:  # fmt: skip
    _name = _cation + _anion
    _halves = {f"{_cation} (half)", f"{_anion} (half)"}
    ROWS += [
        row(_name, (1, 0, 0), "I", {_name: 0}, {_name}, CUBE_100, _source),
        row(_name, (1, 1, 0), "I", {_name: 0}, {_name}, CUBE_110, _source),
        row(_name, (1, 1, 1), "III", {_cation: _charge, _anion: -_charge}, _halves, CUBE_111, _source),
    ]
for _cation, _anion, _charge in [("Ga", "As", 0), ("Al", "As", 0), ("Cd", "Te", 2)]:
    _name, _polar = _cation + _anion, {_cation: _charge, _anion: -_charge}
    ROWS += [
        row(_name, (1, 1, 0), "I", {_name: 0}, {_name}, CUBE_110, PASHLEY),
        row(_name, (1, 1, 1), "III", _polar, set(), CUBE_111, PASHLEY),
        row(_name, (0, 0, 1), "III", _polar, {f"{_cation} (half)", f"{_anion} (half)"}, CUBE_100, PASHLEY),
    ]
for _metal in ("Al", "Cu", "Au", "Pt"):
    for _miller, _area in (((1, 1, 1), CUBE_111), ((1, 0, 0), CUBE_100), ((1, 1, 0), CUBE_110)):
        ROWS.append(row(_metal, _miller, "I", {_metal: 0}, {_metal}, _area, ANALYTIC))
ROWS += [
    row("CsBr", (1, 0, 0), "III", {"Cs": 1, "Br": -1}, {"Cs (half)", "Br (half)"}, SQUARE, ALKALI_HALIDES),
    row("CsBr", (1, 1, 0), "I", {"CsBr": 0}, {"CsBr"}, lambda a, c: sqrt(2) * a * a, ALKALI_HALIDES),
    row(
        "CsBr", (1, 1, 1), "III", {"Cs": 1, "Br": -1}, {"Cs (half)", "Br (half)"},
        lambda a, c: sqrt(3) * a * a, ALKALI_HALIDES,
    ),
    row("CaF2", (1, 1, 1), "II", {"CaF2": 0}, {"CaF2"}, CUBE_111, TASKER),
    row("CaF2", (1, 0, 0), "III", {"Ca": 2, "F2": -2}, {"Ca (half)", "F (half)"}, CUBE_100, TASKER, "F (half)"),
    row("ZnO", (0, 0, 1), "III", {"Zn": 2, "O": -2}, set(), HEXAGON, ZINC_OXIDE),
    row("ZnO", (1, 0, 0), "I", {"Zn2O2": 0}, {"ZnO"}, lambda a, c: a * c, ZINC_OXIDE),
    row("TiO2", (1, 1, 0), "II", {"O": -2, "Ti2O2": 4}, {"O"}, lambda a, c: sqrt(2) * a * c, DIEBOLD),
    row("TiO2", (1, 0, 0), "II", {"O": -2, "Ti": 4}, {"O"}, lambda a, c: a * c, DIEBOLD),
    row("SnO2", (1, 1, 0), "II", {"O": -2, "Sn2O2": 4}, {"O"}, lambda a, c: sqrt(2) * a * c, BATZILL),
    row("anatase", (1, 0, 1), "II", {"Ti2O4": 0}, {"TiO2"}, lambda a, c: a / 2 * sqrt(a * a + c * c), DIEBOLD),
    row("Al2O3", (0, 0, 1), "II", {"O3": -6, "Al": 3}, {"Al"}, HEXAGON, NOGUERA),
    row("SrTiO3", (0, 0, 1), "I", {"SrO": 0, "TiO2": 0}, {"SrO", "TiO2"}, SQUARE, NOGUERA),
    row(
        "SrTiO3", (1, 1, 0), "III", {"SrTiO": 4, "O2": -4}, {"SrTiO (half)", "O (half)"},
        lambda a, c: sqrt(2) * a * a, NOGUERA,
    ),
    row(
        "CaCO3", (1, 0, 4), "I", {"Ca2CO32": 0}, {"CaCO3"},
        lambda a, c: a * sqrt(c * c / 9 + 4 * a * a / 3), CALCITE,
    ),
    row("Si", (1, 1, 1), "I", {"Si2": 0}, {"Si"}, CUBE_111, ANALYTIC),
    row("Si", (0, 0, 1), "I", {"Si": 0}, {"Si"}, CUBE_100, ANALYTIC),
    row("Cr2O3", (0, 0, 1), "II", {"O3": -6, "Cr": 3}, {"Cr"}, HEXAGON, CHROMIA),
    row("V2O5", (0, 0, 1), "II", {"O2": -4, "V4O6": 8}, {"O"}, lambda a, c: 3.564 * a, VANADIA),
    row("quartz", (0, 0, 1), "II", {"O": -2, "Si": 4}, {"O"}, HEXAGON, QUARTZ),
    row("GaSe", (0, 0, 1), "II", {"Se": -2, "Ga": 2}, {"Se", "Ga"}, HEXAGON, GALLIUM_SELENIDE, "Se"),
    row("NiSe2", (1, 0, 0), "I", {"Ni2Se22": 0}, {"NiSe2"}, SQUARE, ANALYTIC),
    row("CsAu", (1, 0, 0), "III", {"Cs": 1, "Au": -1}, {"Cs (half)", "Au (half)"}, SQUARE, ANALYTIC),
    row("CsAu", (1, 1, 0), "I", {"CsAu": 0}, {"CsAu"}, lambda a, c: sqrt(2) * a * a, ANALYTIC),
    row("Mg2Sn", (1, 0, 0), "III", {"Mg2": 0, "Sn": 0}, {"Mg (half)", "Sn (half)"}, CUBE_100, TASKER),
    row("Mg2Sn", (1, 1, 1), "II", {"Mg2Sn": 0}, {"Mg2Sn"}, CUBE_111, TASKER),
    row("Mg2Si", (1, 0, 0), "III", {"Mg2": 0, "Si": 0}, {"Mg (half)", "Si (half)"}, CUBE_100, TASKER),
    row("graphite", (0, 0, 1), "I", {"C2": 0}, {"C"}, HEXAGON, ANALYTIC),
    row("BN", (0, 0, 1), "I", {"BN": 0}, {"BN"}, HEXAGON, ANALYTIC),
    row(
        "Cs2AgBiBr6", (0, 0, 1), "I", {"Cs2Br2": 0, "AgBiBr4": 0}, {"CsBr", "AgBiBr4"}, CUBE_100, PEROVSKITE, "CsBr"
    ),
    row("Cs4PbBr6", (0, 0, 1), "III", {"Pb": 2, "Cs4Br6": -2}, {"Pb (half)", "Cs2Br3 (half)"}, HEXAGON, ANALYTIC),
    row("Cs4PbBr6", (1, 1, 0), "II", {"Cs8Pb2Br12": 0}, {"Cs4PbBr6"}, lambda a, c: a * c / sqrt(3), ANALYTIC),
    row(
        "CsPb2Br5", (0, 0, 1), "III", {"Cs2": 2, "Br4": -4, "Pb4Br2": 6},
        {"Cs (half)", "Pb2Br (half)", "Br (1/4)", "Br (3/4)"}, SQUARE, LEAD_LAYERS, "Cs (half)",
    ),
    row("CsPbBr3", (0, 0, 1), "I", {"CsBr": 0, "PbBr2": 0}, {"CsBr", "PbBr2"}, SQUARE, PEROVSKITE, "CsBr"),
    row("MAPbBr3", (0, 0, 1), "I", {"MABr": 0, "PbBr2": 0}, {"MABr", "PbBr2"}, SQUARE, PEROVSKITE, "MABr"),
]  # fmt: skip


@pytest.mark.parametrize("one", ROWS, ids=lambda one: f"{one.crystal}({''.join(map(str, one.miller))})")
def test_a_plane_of_the_textbooks(one: Row) -> None:
    structure = crystal(one.crystal)
    plane = resolve_plane(structure, one.miller, "given")
    slabs = enumerate_slabs(structure, plane, min_thickness_ang=8.0, vacuum_ang=12.0)
    sound = [slab for slab in slabs if not slab.refused]

    assert {slab.termination for slab in sound} == one.terminations
    assert {slab.tasker for slab in sound or slabs} == {one.type}
    assert all(slab.symmetric and slab.formal_charge == 0 and not slab.polar for slab in sound)
    assert all(slab.compensated == (one.type == "III") for slab in sound)
    if one.auto:
        assert choose_slab(slabs).termination == one.auto
    if sound:
        assert sound[0].why and choose_slab(slabs) is sound[0]
    else:
        with pytest.raises(SurfaceError, match="no slab"):
            choose_slab(slabs)
    stacking = stack_layers(structure, ionic_units(structure), plane.miller_cell)
    assert {chemical_formula(layer): formal_charge(layer) for layer in stacking.layers} == one.layers
    area_ang2 = float(np.linalg.norm(np.cross(*stacking.in_plane_ang)))
    assert area_ang2 == pytest.approx(one.area(structure.lattice.a, structure.lattice.c), rel=2e-3)


@pytest.mark.parametrize(
    ("name", "miller", "bonds"),
    [
        ("Si", (1, 1, 1), True),
        ("Si", (0, 0, 1), True),
        ("GaAs", (0, 0, 1), True),
        ("GaAs", (1, 1, 1), True),
        ("GaAs", (1, 1, 0), False),
        ("graphite", (0, 0, 1), False),
        ("BN", (0, 0, 1), False),
        ("Al", (1, 1, 1), False),
    ],
)
def test_dangling_bonds_are_warned_of(name: str, miller: Indices, bonds: bool) -> None:
    structure = crystal(name)
    plane = resolve_plane(structure, miller, "given")
    slab = enumerate_slabs(structure, plane, min_thickness_ang=8.0, vacuum_ang=12.0)[0]
    assert any("dangling bonds" in remark for remark in slab.remarks) == bonds


PRIMITIVE = [("MgO", (1, 0, 0)), ("MgO", (1, 1, 1)), ("GaAs", (1, 1, 0)), ("CaF2", (1, 1, 1)), ("Si", (0, 0, 1))]
PRIMITIVE += [("Al", (1, 1, 1)), ("anatase", (1, 0, 1)), ("CaCO3", (1, 0, 4)), ("CsPb2Br5", (0, 0, 1))]
SETTINGS = {"anatase": "I4_1/amd", "CaCO3": "R-3c:H", "CsPb2Br5": "I4/mcm"}


@pytest.mark.parametrize(("name", "miller"), PRIMITIVE)
def test_every_cell_of_a_crystal_gives_the_same_slabs(name: str, miller: Indices) -> None:
    def signature(structure: Structure) -> tuple[list[tuple[object, ...]], list[float]]:
        plane = resolve_plane(structure, miller, SETTINGS.get(name, "cubic"))
        slabs = enumerate_slabs(structure, plane, min_thickness_ang=8.0, vacuum_ang=12.0)
        told = [
            (
                slab.termination, slab.tasker, slab.formal_charge, slab.symmetric, slab.stoichiometric, slab.refused,
                len(slab.structure), slab.why, slab.charges,
            )
            for slab in slabs
        ]  # fmt: skip
        return told, [size for slab in slabs for size in (slab.area_ang2, slab.thickness_ang)]

    conventional = crystal(name)
    primitive = conventional.get_primitive_structure()
    assert len(primitive) < len(conventional)
    (told, sizes), (others_told, other_sizes) = signature(primitive), signature(conventional)
    assert told == others_told
    assert sizes == pytest.approx(other_sizes, rel=1e-6)
