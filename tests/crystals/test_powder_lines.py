"""Lines of powders against published ones, Bragg's law by hand, and other cells of the same crystal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.core.operations import SymmOp

from dftflow.crystals.powder_lines import powder_lines
from dftflow.crystals.primitive_cell import primitive_cell_of
from dftflow.crystals.shipped import load_shipped
from dftflow.errors import AnalysisError, InputError
from dftflow.model.powder import PowderLines, spacing_ang, two_theta_deg

CU = 1.5405
NACL = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6402), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3])
SI = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.4309), ["Si"], [[0, 0, 0]])


def lines_of(structure: Structure, high: float = 60.0, wavelength: float = CU, low: float = 5.0) -> PowderLines:
    range_deg = (low, high)
    return powder_lines(
        structure, crystal="it", cell="as given", wavelength_ang=wavelength, needed_deg=range_deg, range_deg=range_deg
    )


def near(found: PowderLines, angle: float) -> float:
    """Intensity of the strongest line within 0.03 degrees; 0 where there is none."""
    line = found.strongest(angle - 0.03, angle + 0.03)
    return 0.0 if line is None else line.intensity


def test_sodium_chloride_and_silicon_as_published() -> None:
    """Halite, JCPDS 5-628, and silicon, NIST SRM 640, at Cu Kα1 1.5406 Å."""
    halite = lines_of(NACL, wavelength=1.5406)
    assert [near(halite, angle) > 1 for angle in (27.37, 31.70, 45.45)] == [True] * 3
    strongest = halite.strongest(5, 60)
    assert strongest is not None and strongest.planes == ((2, 0, 0),) and strongest.intensity == 100
    silicon = lines_of(SI, wavelength=1.5406)
    assert [round(line.two_theta_deg, 1) for line in silicon.lines if line.intensity > 1] == [28.4, 47.3, 56.1]
    assert not [line for line in silicon.lines if (2, 0, 0) in line.planes and line.intensity > 1e-6]


def test_angles_follow_from_the_law_of_bragg() -> None:
    for line in lines_of(NACL, high=120).lines:
        d_ang = 5.6402 / math.sqrt(sum(index**2 for index in line.planes[0]))
        assert line.d_ang == pytest.approx(d_ang, rel=1e-6)
        assert line.two_theta_deg == pytest.approx(2 * math.degrees(math.asin(CU / 2 / d_ang)), abs=1e-4)
        assert spacing_ang(line.two_theta_deg, CU) == pytest.approx(d_ang, rel=1e-5)
    assert two_theta_deg(0.7, CU) is None


@pytest.mark.parametrize(
    ("name", "angles"),
    [
        ("CsPbBr3_Pnma", {15.09: 21, 15.23: 38, 21.50: 100, 30.44: 57, 30.73: 95, 43.81: 66}),
        ("CsPbBr3_Pm-3m", {15.07: 37, 21.37: 88, 26.26: 18, 30.41: 100, 34.10: 22, 37.47: 43}),
        ("Cs4PbBr6_R-3c", {12.63: 41, 12.88: 33, 20.08: 20, 22.41: 62, 25.43: 41, 30.27: 100}),
        ("CsBr_Pm-3m", {20.68: 6, 29.41: 100, 42.08: 18}),
        ("FAPbBr3_Pm-3m_FA100", {14.78: 100, 20.96: 34, 29.81: 73, 33.42: 73}),
        ("PbBr2_Pnma", {23.69: 82, 30.58: 100, 33.94: 86}),
    ],
)
def test_shipped_crystals_have_their_lines(name: str, angles: dict[float, float]) -> None:
    found = lines_of(load_shipped(name).structure, high=50, low=10)
    assert {angle: round(near(found, angle)) for angle in angles} == pytest.approx(angles, abs=1)


def test_planes_are_named_in_the_axes_of_the_cell() -> None:
    found = lines_of(load_shipped("CsPbBr3_Pnma").structure, high=32, low=10)
    named = {round(line.two_theta_deg, 2): line.name for line in found.lines}
    assert found.setting == "Pnma"
    assert [named[angle] for angle in (15.09, 15.23, 21.5, 30.44, 30.73)] == [
        "(020)",
        "(101)",
        "(121)",
        "(040)",
        "(202)",
    ]


def test_planes_of_hexagonal_axes_have_four_indices_and_diffract() -> None:
    """-h + k + l = 3n of the obverse setting: (012), not the extinct (102)."""
    found = lines_of(load_shipped("Cs4PbBr6_R-3c").structure, high=50, low=10)
    assert found.setting == "R-3c:H"
    for line in found.lines:
        h, k, i, m = line.planes[0]
        assert h + k + i == 0 and (-h + k + m) % 3 == 0
    assert [line.name for line in found.lines[:2]] == ["(01-12)", "(11-20)"]


def test_hexagonal_axes_in_another_order_have_three_indices() -> None:
    """Magnesium with its long axis first: (0002) of the usual axes is (200) here, and every name has its distance."""
    usual = Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(3.209, 5.211), ["Mg"], [[1 / 3, 2 / 3, 0.25]])
    other = Structure(Lattice(usual.lattice.matrix[[2, 0, 1]]), usual.species, usual.frac_coords[:, [2, 0, 1]])
    assert [line.name for line in lines_of(usual).lines][:2] == ["(10-10)", "(0002)"]
    assert lines_of(other).lines[1].name == "(200)"
    for line in lines_of(other).lines:
        for h, k, m in line.planes:
            assert other.lattice.d_hkl((h, k, m)) == pytest.approx(line.d_ang)


def test_axes_at_60_degrees_have_three_indices() -> None:
    """Zinc, JCPDS 4-831: 36.30 (002), 39.01 (100), 43.23 (101); four indices belong to axes at 120 degrees."""
    sites = (["Zn", "Zn"], [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]])
    usual = Structure(Lattice.hexagonal(2.665, 4.947), *sites)
    a, b, c = usual.lattice.matrix
    narrow = Structure(Lattice([a, a + b, c]), ["Zn", "Zn"], usual.cart_coords, coords_are_cartesian=True)
    told = [(round(line.two_theta_deg, 1), line.name) for line in lines_of(usual, 50).lines if line.intensity > 1]
    assert told == [(36.3, "(0002)"), (39.0, "(10-10)"), (43.2, "(10-11)")]
    other = [(round(line.two_theta_deg, 1), len(line.planes[0])) for line in lines_of(narrow, 50).lines]
    assert [row for row in other if row[0] in (36.3, 39.0, 43.2)] == [(36.3, 3), (39.0, 3), (43.2, 3)]


def test_the_lines_are_those_of_the_crystal_whatever_its_cell() -> None:
    structure = load_shipped("CsPbBr3_Pnma").structure
    turned = structure.copy()
    turned.apply_operation(SymmOp.from_axis_angle_and_translation([1, 2, 3], 40))
    exchanged = Structure(structure.lattice.matrix[[2, 0, 1]], structure.species, structure.frac_coords[:, [2, 0, 1]])
    larger = structure.make_supercell((2, 1, 1), in_place=False)
    expected = [(line.two_theta_deg, line.intensity) for line in lines_of(structure, 40).lines if line.intensity > 0.5]
    for other in (turned, exchanged, larger):
        found = lines_of(other, 40)
        seen = [(line.two_theta_deg, line.intensity) for line in found.lines if line.intensity > 0.5]
        assert np.allclose(seen, expected, atol=1e-3)
        assert found.per_mass == pytest.approx(lines_of(structure, 40).per_mass, rel=1e-4)


def test_a_primitive_cell_has_the_same_lines() -> None:
    small = lines_of(primitive_cell_of(SI))
    assert small.setting == "given"
    assert [line.two_theta_deg for line in small.lines] == pytest.approx(
        [line.two_theta_deg for line in lines_of(SI).lines if line.intensity > 1e-3], abs=1e-3
    )


def test_what_is_open_of_the_axes_is_open_of_the_distances() -> None:
    """Of (100) that of a alone; of all axes open by 1 %, 1 % of any distance."""
    structure = load_shipped("CsPbBr3_Pnma").structure
    lengths = structure.lattice.abc
    common = {"crystal": "it", "cell": "", "wavelength_ang": CU, "needed_deg": (10, 40), "range_deg": (10, 40)}
    all_open = powder_lines(structure, open_lengths_ang=tuple(0.01 * x for x in lengths), **common)
    assert all(line.open_ang == pytest.approx(0.01 * line.d_ang) for line in all_open.lines)
    of_b = powder_lines(structure, open_lengths_ang=(0.0, 0.01 * lengths[1], 0.0), **common)
    told = {line.name: line.open_ang / line.d_ang for line in of_b.lines if line.open_ang is not None}
    assert (told["(020)"], told["(101)"]) == pytest.approx((0.01, 0.0), abs=1e-12)


def test_a_metal_has_lines_and_a_narrow_range_none() -> None:
    copper = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.615), ["Cu"], [[0, 0, 0]])
    assert [line.name for line in lines_of(copper, 55).lines if line.intensity > 1] == ["(111)", "(200)"]
    with pytest.raises(AnalysisError, match="no line from 5 to 20"):
        lines_of(copper, 20)


def test_too_short_a_wavelength_is_refused() -> None:
    with pytest.raises(InputError, match="longer wavelength"):
        lines_of(load_shipped("Cs4PbBr6_R-3c").structure, high=179, wavelength=0.05)


def test_a_mass_diffracts_by_its_structure_factor_over_volume_and_density() -> None:
    """NaCl beside KCl at (200), |F| = 4 (f+ + f-): by hand |F|^2 m LP / (V^2 rho), of strongest lines."""
    kcl = Structure.from_spacegroup("Fm-3m", Lattice.cubic(6.2917), ["K", "Cl"], [[0, 0, 0], [0.5] * 3])
    factors = {"Na": 8.98, "K": 15.85, "Cl": 13.4}  # International Tables, neutral atoms at sin(theta)/lambda of each
    by_hand = []
    for crystal, metal, g_per_mol in ((NACL, "Na", 58.44), (kcl, "K", 74.55)):
        volume = crystal.volume
        angle = math.radians(two_theta_deg(crystal.lattice.a / 2, CU) or 0) / 2
        polarised = (1 + math.cos(2 * angle) ** 2) / (math.sin(angle) ** 2 * math.cos(angle))
        strength = 6 * (4 * (factors[metal] + factors["Cl"])) ** 2 * polarised
        by_hand.append(strength / (volume**2 * (4 * g_per_mol / 0.602214 / volume)))
    found = [lines_of(crystal).per_mass for crystal in (NACL, kcl)]
    assert found[1] / found[0] == pytest.approx(by_hand[1] / by_hand[0], rel=0.03)
    assert found == pytest.approx(by_hand, rel=0.1)
