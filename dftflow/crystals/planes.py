"""Lattice planes and the cell settings that their Miller indices belong to.

The same (hkl) names different planes in different settings of one space group: (011) of Pnma is (101) of Pbnm, but
(011) of Pbnm is (110) of Pnma. Indices are therefore taken together with the name of a setting, and refused where
that name is missing and matters. The cell that a crystal is given in counts among its settings, tabulated or not: a
supercell or a primitive cell has planes of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from itertools import product
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.crystals.ions import IonicUnit, ionic_units
from dftflow.crystals.symmetry import is_highest, space_group, spglib_dataset, tabulated_settings
from dftflow.crystals.vacuum import refuse_vacuum
from dftflow.errors import SurfaceError
from dftflow.model.miller import miller_text, read_miller
from dftflow.model.surface import GIVEN, Plane

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Lattice, Structure

__all__ = ["PSEUDOCUBIC", "coprime_indices", "named_setting", "resolve_plane", "setting_of_cell"]

PSEUDOCUBIC = "pseudocubic"

CUBIC_LENGTH_TOLERANCE = 0.05
CUBIC_ANGLE_TOLERANCE_DEG = 3.0
"""Molecules pull the relaxed cell of a cubic frame out of the cube by some 3 % and 2°."""

# A relaxed crystal keeps its symmetry only to within the tolerance of the relaxation: (Å, degrees), tightest first.
_TOLERANCES = ((1e-3, 0.05), (1e-2, 0.05), (0.03, 0.2), (0.1, 0.5), (0.3, 1.0))

TIGHT_ANG = 0.01
"""Settings that take a looser tolerance than this are named with it."""

_DOUBLED = ((0.5, 0.5, 0.0), (-0.5, 0.5, 0.0))

SAME_TRANSLATION = 0.06
"""Translations of operations are multiples of an eighth; those of a relaxed crystal lie nearby."""

SAME_AXES = 1e-6

HEXAGONAL_SHARE = 0.02
HEXAGONAL_ANGLE_DEG = 2.0
"""How far axes may be from a = b, 90°, 90° and 120° to have planes of four indices (hkil)."""

# Space-group number -> pseudocubic axes of the perovskite in units of the axes of the standard setting. Pnma:
# a_p = (a + c)/2, b_p = b/2, c_p = (c - a)/2.
_PSEUDOCUBIC_AXES = {
    62: np.array([(0.5, 0.0, 0.5), (0.0, 0.5, 0.0), (-0.5, 0.0, 0.5)]),
    127: np.array([*_DOUBLED, (0.0, 0.0, 1.0)]),
    140: np.array([*_DOUBLED, (0.0, 0.0, 0.5)]),
    221: np.eye(3),
}

Indices = tuple[int, int, int]


@dataclass(frozen=True, eq=False, slots=True)
class _Setting:
    """A setting: h_cell = h_setting @ to_cell, up to a common factor; of a symmetry that holds within `symprec_ang`."""

    symbol: str
    aliases: frozenset[str]
    to_cell: NDArray[np.float64]
    symprec_ang: float = 0.0
    names: frozenset[str] = frozenset()
    """Its own; the symbol of the space group is an alias of all its settings."""

    @property
    def own(self) -> bool:
        """Whether these are the axes of the cell at hand."""
        return np.allclose(self.to_cell, np.eye(3), atol=1e-2)

    def is_hexagonal(self, lattice: Lattice) -> bool:
        """Whether its axes are those of (hkil): two of one length, 120° apart, and the third upright on them."""
        axes = type(lattice)(np.linalg.inv(self.to_cell).T @ lattice.matrix)
        off_deg = np.abs(np.array(axes.angles) - [90, 90, 120])
        return bool(abs(axes.a / axes.b - 1) < HEXAGONAL_SHARE and off_deg.max() < HEXAGONAL_ANGLE_DEG)

    def cell_indices(self, miller: Indices) -> Indices:
        return coprime_indices(np.array(miller) @ self.to_cell)

    def indices(self, cell_indices: Indices) -> Indices:
        return coprime_indices(np.array(cell_indices) @ np.linalg.inv(self.to_cell))


def coprime_indices(indices: Iterable[float]) -> Indices:
    """Smallest whole numbers in the ratio of `indices`, signs kept."""
    fractions = [Fraction(float(value)).limit_denominator(1000) for value in indices]
    scale = lcm(*(value.denominator for value in fractions))
    h, k, m = (int(value * scale) for value in fractions)
    divisor = gcd(h, k, m)
    if divisor == 0:
        raise SurfaceError("miller indices (0, 0, 0) name no plane", fix="give at least one index that is not zero")
    return h // divisor, k // divisor, m // divisor


def resolve_plane(structure: Structure, miller: Sequence[int], setting: str | None = None) -> Plane:
    """The plane (hkl) of a named setting, in the cell at hand and in the other settings.

    Parameters
    ----------
    structure
        Any cell of the crystal: axes in any order, primitive, or a supercell.
    miller
        Indices h, k, l in `setting`; of hexagonal axes h, k, i, l too.
    setting
        Hermann-Mauguin symbol of a setting of the crystal's space group (``Pnma``, ``Pbnm``, ``R-3c:H``); ``cubic``
        or ``Pm-3m`` for a cubic crystal or framework; ``pseudocubic`` for a perovskite; ``given`` for the cell of
        `structure` itself. With molecules in the crystal, the space group of the framework counts too. The axes of
        the cell are ``cubic`` ones when a perovskite's lattice constants agree within 5 % and its angles are 90°
        within 3°. None is accepted where all settings, the given cell among them, mean the same plane.

    Raises
    ------
    SurfaceError
        For indices that are no plane, for a setting the crystal is not of, and for an ambiguous plane, with what each
        setting would mean.
    """
    *hk, m = read_miller(miller)
    wanted, four_indices = (hk[0], hk[1], m), len(hk) == 3
    refuse_vacuum(structure)
    units = ionic_units(structure)
    settings = _settings_of(_Crystal(structure, units))
    candidates = _named(settings, setting)
    if four_indices:
        candidates = _hexagonal(structure, wanted, settings, candidates)
    if not candidates:
        raise _unknown_setting(structure, units, str(setting), wanted, settings)
    chosen = _unambiguous(structure, wanted, setting, candidates)
    cell_indices = chosen.cell_indices(wanted)
    return Plane(
        miller=wanted,
        setting=setting if setting and len(candidates) == 1 else chosen.symbol,
        equivalents=tuple((other.symbol, other.indices(cell_indices)) for other in _worth_printing(settings, chosen)),
        miller_cell=cell_indices,
        four_indices=four_indices,
    )


def setting_of_cell(structure: Structure) -> str:
    """Name of the setting whose axes are those of the cell at hand; ``given`` where it is no tabulated one.

    With molecules in the crystal, it is the cubic one of its framework where there is one.
    """
    units = ionic_units(structure)
    settings = _settings_of(_Crystal(structure, units))
    own = [one for one in settings if one.own and one.symbol not in (GIVEN, PSEUDOCUBIC)]
    if any(len(unit.indices) > 1 for unit in units):
        own.sort(key=lambda one: "cubic" not in one.aliases)
    return own[0].symbol if own else GIVEN


def named_setting(structure: Structure) -> str:
    """`setting_of_cell`; where that is no tabulated one, the standard setting of the space group, if there is one."""
    own = setting_of_cell(structure)
    if own != GIVEN:
        return own
    units = ionic_units(structure)
    symbols = [one.symbol for one in _settings_of(_Crystal(structure, units)) if one.symbol not in (GIVEN, PSEUDOCUBIC)]
    standard = space_group(structure).symbol
    return next((one for one in symbols if one.partition(":")[0] == standard), symbols[0] if symbols else GIVEN)


class _Crystal:
    """A crystal with its ions, equal to another one by its content."""

    def __init__(self, structure: Structure, units: tuple[IonicUnit, ...]) -> None:
        self.structure = structure
        self.units = units
        arrays = (structure.lattice.matrix, structure.frac_coords)
        ions = tuple((unit.name, unit.charge, unit.indices, unit.symbols) for unit in units)
        self._key = (*(np.ascontiguousarray(array).tobytes() for array in arrays), ions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Crystal) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=4)
def _settings_of(crystal: _Crystal) -> list[_Setting]:
    """Remembered for the next plane of the same crystal."""
    return _settings(crystal.structure, crystal.units)


def _hexagonal(
    structure: Structure, wanted: Indices, settings: Sequence[_Setting], candidates: Sequence[_Setting]
) -> list[_Setting]:
    """Those of hexagonal axes; refuses named ones of which none is, and a crystal that has none."""
    found = [one for one in candidates if one.is_hexagonal(structure.lattice)]
    if found or not candidates:
        return found
    h, k, m = wanted
    others = [one.symbol for one in settings if one.is_hexagonal(structure.lattice)]
    named = ", ".join(one.symbol for one in candidates)
    three = f"write three indices, --miller {h} {k} {m} (miller = [{h}, {k}, {m}])"
    raise SurfaceError(
        f"{miller_text((h, k, -h - k, m))} has four indices, which belong to hexagonal axes",
        reason=f"those are two of one length, 120° apart, and a third upright on them, as in no setting of {named}",
        fix=f'name such axes, setting = "{others[0]}" (--setting {others[0]}), or {three}' if others else three,
    )


def _plain(symbol: str) -> str:
    return symbol.replace(" ", "").replace("_", "")


def _named(settings: Sequence[_Setting], name: str | None) -> list[_Setting]:
    """Those whose own name it is before those of a space group of that name: P21/c is no name of axes of P21/n."""
    if name is None:
        return [one for one in settings if one.symbol != PSEUDOCUBIC]
    own = [one for one in settings if _plain(name) in one.names]
    return own or [one for one in settings if _plain(name) in one.aliases]


def _settings(structure: Structure, units: Sequence[IonicUnit]) -> list[_Setting]:
    """Settings of the crystal and, where molecular cations hide its symmetry, of its framework; the tightest first.

    Anions such as CO3 are part of the framework: without them calcite would have a smaller cell.
    """
    framework = [unit.indices[0] for unit in units if len(unit.indices) == 1]
    hidden = len(framework) < len(units) and all(unit.charge > 0 for unit in units if len(unit.indices) > 1)
    groups = [list(range(len(structure)))] + ([framework] if hidden and framework else [])
    found: list[_Setting] = []
    for sites in groups:
        for tolerances in _TOLERANCES:
            known = {one.symbol for one in found}
            for one in _tabulated_settings(structure, sites, units, tolerances, known):
                if all(one.symbol != other.symbol for other in found):
                    found.append(one)
            if _is_highest(structure, sites, *tolerances):
                break
    repeats = _cubic_repeats(structure, units)
    if repeats is not None and not any("cubic" in one.aliases for one in found):
        found.append(_Setting("cubic", frozenset({"cubic", "Pm-3m"}), np.diag(repeats).astype(float)))
    if repeats is not None and not any(one.symbol == PSEUDOCUBIC for one in found):
        found.append(_Setting(PSEUDOCUBIC, frozenset({PSEUDOCUBIC}), np.diag(repeats).astype(float)))
    return [*found, _Setting(GIVEN, frozenset({GIVEN}), np.eye(3))]


@cache
def _halls() -> dict[int, tuple[tuple[int, str, frozenset[str], frozenset[str]], ...]]:
    """Space-group number -> its settings: Hall number, symbol, all names a person may write, and its own of them."""
    table: dict[int, list[tuple[int, str, frozenset[str], frozenset[str]]]] = {}
    for kind in tabulated_settings():
        forms = [symbol.split() for symbol in kind.symbols]
        suffix = f":{kind.choice}" if kind.choice in ("H", "R") else ""
        symbol = _plain("".join(forms[-1])) + suffix
        own = _written(forms[-1], kind.number) | {symbol}
        names = own.union(*(_written(form, kind.number) for form in forms), {"cubic"} if kind.number >= 195 else ())
        table.setdefault(kind.number, []).append((kind.hall_number, symbol, names, own))
    return {number: tuple(halls) for number, halls in table.items()}


def _written(symbol: Sequence[str], number: int) -> frozenset[str]:
    """A symbol as people write it: that of a monoclinic group without its ones, too."""
    short = [part for part in symbol if part != "1"] if 3 <= number <= 15 else symbol
    return frozenset({_plain("".join(symbol)), _plain("".join(short))})


def _dataset(structure: Structure, sites: list[int], symprec_ang: float, angle_deg: float, hall: int = 0) -> Any:
    return spglib_dataset(
        structure.lattice.matrix,
        structure.frac_coords[sites],
        [structure[i].specie.Z for i in sites],
        symprec_ang=symprec_ang,
        angle_tolerance_deg=angle_deg,
        hall_number=hall,
    )


def _tabulated_settings(
    structure: Structure,
    sites: list[int],
    units: Sequence[IonicUnit],
    tolerances: tuple[float, float],
    known: Collection[str],
) -> list[_Setting]:
    """Every tabulated setting of the space group found at one tolerance, and the pseudocubic axes.

    Nothing when the symbols of all of them are `known` from a tighter one.
    """
    symprec_ang, angle_deg = tolerances
    group = _dataset(structure, sites, symprec_ang, angle_deg)
    if group is None or _all_known(group.number, known):
        return []
    found = []
    for hall, symbol, names, own in _halls()[group.number]:
        data = group if hall == group.hall_number else _dataset(structure, sites, symprec_ang, angle_deg, hall)
        if data is not None:
            axes = _triclinic_axes(group) if group.number <= 2 else _axes_of(group, data)
            found.append(_Setting(symbol, names, axes, symprec_ang, own))
    of_standard = _PSEUDOCUBIC_AXES.get(group.number)
    if found and of_standard is not None:
        pseudocubic = np.linalg.inv(of_standard).T @ found[0].to_cell
        if _is_perovskite(structure, units, np.linalg.inv(pseudocubic).T @ structure.lattice.matrix):
            found.append(_Setting(PSEUDOCUBIC, frozenset({PSEUDOCUBIC}), pseudocubic, symprec_ang))
    return found


def _triclinic_axes(cell: Any) -> NDArray[np.float64]:
    """`_Setting.to_cell` of a triclinic crystal: any primitive cell has its axes, and of a supercell the least one has.

    Where the axes of a supercell are whole numbers of those of a primitive cell, it is that one, else spglib's.
    """
    shifts = cell.translations[np.all(cell.rotations == np.eye(3), axis=(1, 2))]
    across = np.abs(shifts - np.round(shifts)) < 0.25 / len(shifts)
    repeats = [int(np.sum(np.all(np.delete(across, axis, axis=1), axis=1))) for axis in range(3)]
    if np.prod(repeats) == len(shifts):
        return np.diag(repeats).astype(float)
    return np.round(np.asarray(cell.transformation_matrix))


def _axes_of(cell: Any, setting: Any) -> NDArray[np.float64]:
    """`_Setting.to_cell` of a tabulated setting, the axes of the cell at hand before those that spglib chose.

    Of two choices that describe the crystal alike, spglib's is no better: a and c of P2/m may change places, a
    monoclinic cell has several axes of one length more or less, and spglib turns axes round to keep the frame
    right-handed or an angle obtuse, which would rename (hkl) to (hk-l).
    """
    found = np.round(np.asarray(setting.transformation_matrix) * 12) / 12
    along = np.abs(found)
    monomial = np.all(np.count_nonzero(along, axis=1) == 1)
    for axes in (np.eye(3), along) if monomial else (np.eye(3),):
        if _describes_alike(cell, setting, axes):
            return axes
    return found


def _describes_alike(cell: Any, setting: Any, axes: NDArray[np.float64]) -> bool:
    """Whether the operations of the crystal read the same in `axes` as in a setting but for the origin.

    They do not in the reverse setting of a rhombohedral crystal, whose (101) is another plane than that of R-3c:H.
    """
    to_cell = np.asarray(setting.transformation_matrix)
    if np.abs(to_cell - axes).max() < SAME_AXES:
        return True
    between = to_cell @ np.linalg.inv(axes)
    if not np.allclose(between, np.round(between), atol=1e-2) or abs(abs(np.linalg.det(between)) - 1) > 0.1:
        return False
    turns = np.asarray(cell.rotations)
    origin = -np.linalg.inv(to_cell) @ setting.origin_shift
    shifts = cell.translations + turns @ origin - origin
    turns_here, turns_there = (np.round(one @ turns @ np.linalg.inv(one)).astype(int) for one in (axes, to_cell))
    shifts_here, shifts_there = shifts @ axes.T, shifts @ to_cell.T
    origins = np.array(list(product(range(8), repeat=3))) / 8
    agreed = np.ones(len(origins), dtype=bool)
    for turn in np.unique(turns_here, axis=0):
        here = shifts_here[np.all(turns_here == turn, axis=(1, 2))]
        there = shifts_there[np.all(turns_there == turn, axis=(1, 2))]
        apart = here[:1, None] - there[None] + (origins @ (turn - np.eye(3)).T)[:, None]
        agreed &= np.any(np.all(np.abs(apart - np.round(apart)) < SAME_TRANSLATION, axis=2), axis=1)
        if not agreed.any():
            return False
    return _same_centring(shifts_here, shifts_there, turns_here, turns_there)


def _same_centring(
    here: NDArray[np.float64], there: NDArray[np.float64], turns: NDArray[np.int64], turns_there: NDArray[np.int64]
) -> bool:
    unit = np.eye(3, dtype=int)
    apart = here[np.all(turns == unit, axis=(1, 2))][:, None] - there[np.all(turns_there == unit, axis=(1, 2))][None]
    return bool(np.all(np.any(np.all(np.abs(apart - np.round(apart)) < SAME_TRANSLATION, axis=2), axis=1)))


def _is_highest(structure: Structure, sites: list[int], symprec_ang: float, angle_deg: float) -> bool:
    """Whether no coarser tolerance can find more symmetry."""
    group = _dataset(structure, sites, symprec_ang, angle_deg)
    return group is not None and is_highest(group, [structure[i].specie.Z for i in sites])


def _all_known(number: int, known: Collection[str]) -> bool:
    """Whether every setting of the space group of that number is among the symbols `known`."""
    symbols = {symbol for _, symbol, *_ in _halls()[number]}
    return symbols <= set(known) and (number not in _PSEUDOCUBIC_AXES or PSEUDOCUBIC in known)


def _b_sites(structure: Structure, units: Sequence[IonicUnit]) -> NDArray[np.float64]:
    """Centres of the B ions of an ABX3 crystal: of its cations the half that is nearest to anions; none of another.

    Of what elements and charges it is does not matter, so that several may share a site of the perovskite.
    """
    cations, anions = (
        np.array([unit.centre_ang for unit in units if unit.charge * sign > 0]).reshape(-1, 3) for sign in (1, -1)
    )
    if not 0 < len(cations) * 3 == len(anions) * 2 == (len(units) - len(anions)) * 3:
        return np.empty((0, 3))
    to_fractions = structure.lattice.get_fractional_coords
    apart = structure.lattice.get_all_distances(to_fractions(cations), to_fractions(anions)).min(axis=1)
    return cations[np.argsort(apart, kind="stable")[: len(cations) // 2]]


def _is_grid(points_ang: NDArray[np.float64], axes_ang: NDArray[np.float64], tolerance: float = 0.15) -> bool:
    """Whether the points lie on one lattice spanned by `axes_ang`."""
    offsets = (points_ang - points_ang[0]) @ np.linalg.inv(axes_ang)
    return bool(np.all(np.abs(offsets - np.round(offsets)) < tolerance))


def _is_perovskite(structure: Structure, units: Sequence[IonicUnit], axes_ang: NDArray[np.float64]) -> bool:
    """ABX3 with one B ion in each cell spanned by `axes_ang`."""
    b_sites = _b_sites(structure, units)
    volume = abs(float(np.linalg.det(axes_ang)))
    return len(b_sites) > 0 and round(structure.volume / volume) == len(b_sites) and _is_grid(b_sites, axes_ang)


def _cubic_repeats(structure: Structure, units: Sequence[IonicUnit]) -> Indices | None:
    """How many cubic cells of the perovskite frame the cell holds along each axis; None when it isn't cubic-like."""
    repeats = _frame_repeats(structure, units)
    if repeats is None or _length_spread(structure, repeats) > CUBIC_LENGTH_TOLERANCE:
        return None
    return repeats if _off_right_angles_deg(structure) <= CUBIC_ANGLE_TOLERANCE_DEG else None


def _frame_repeats(structure: Structure, units: Sequence[IonicUnit]) -> Indices | None:
    """How many cells of the perovskite frame lie along each axis, the most even ones; None where none fit."""
    b_sites = _b_sites(structure, units)
    divisors = [n for n in range(1, len(b_sites) + 1) if len(b_sites) % n == 0]
    fitting = [
        (along_a, along_b, along_c)
        for along_a, along_b, along_c in product(divisors, repeat=3)
        if along_a * along_b * along_c == len(b_sites) > 0
        and _is_grid(b_sites, structure.lattice.matrix / np.array([[along_a], [along_b], [along_c]]))
    ]
    return min(fitting, key=lambda repeats: _length_spread(structure, repeats), default=None)


def _length_spread(structure: Structure, repeats: Indices) -> float:
    """By what share of their mean the longest and the shortest axis of a cell of the frame differ."""
    lengths = np.array(structure.lattice.abc) / np.array(repeats)
    return float(np.ptp(lengths) / lengths.mean())


def _off_right_angles_deg(structure: Structure) -> float:
    return float(np.max(np.abs(np.array(structure.lattice.angles) - 90)))


def _why_not_cubic(structure: Structure, units: Sequence[IonicUnit]) -> str:
    repeats = _frame_repeats(structure, units)
    if not len(_b_sites(structure, units)):
        return "it is neither cubic nor a perovskite ABX3 of two cations and three anions"
    if repeats is None:
        return "no whole number of cells of its frame, one B ion each, lies along each of its axes"
    lengths, angles = np.array(structure.lattice.abc) / np.array(repeats), structure.lattice.angles
    return (
        f"the cell of its frame has axes of {', '.join(f'{length:.2f}' for length in lengths)} Å, which differ by "
        f"{100 * _length_spread(structure, repeats):.1f} % (at most {100 * CUBIC_LENGTH_TOLERANCE:g} %), and angles of "
        f"{', '.join(f'{angle:.1f}' for angle in angles)}°, up to {_off_right_angles_deg(structure):.1f}° from 90° "
        f"(at most {CUBIC_ANGLE_TOLERANCE_DEG:g}°)"
    )


def _rotations(structure: Structure) -> NDArray[np.float64]:
    """Of the crystal, in the axes of the cell at hand: a supercell has those too that do not keep its lattice."""
    group = _dataset(structure, list(range(len(structure))), *_TOLERANCES[0])
    standard = group and spglib_dataset(
        group.std_lattice, group.std_positions, group.std_types, symprec_ang=_TOLERANCES[0][0]
    )
    if standard is None:
        return np.eye(3)[None]
    to_cell = np.asarray(group.transformation_matrix)
    rotations: NDArray[np.float64] = np.linalg.inv(to_cell) @ standard.rotations @ to_cell
    return rotations


def _same_plane(first: Indices, second: Indices, rotations: NDArray[np.float64]) -> bool:
    images = [coprime_indices(np.round(image, 6)) for image in np.array(first) @ rotations]
    return second in images or coprime_indices(-np.array(second)) in images


def _unambiguous(
    structure: Structure, wanted: Indices, setting: str | None, candidates: Sequence[_Setting]
) -> _Setting:
    """The candidate that is meant: the cell's own axes before others, where a name was given."""
    own = [one for one in candidates if one.own]
    if setting is not None and own:
        return own[0]
    if len(candidates) == 1:
        return candidates[0]
    rotations = _rotations(structure)
    meant = [one.cell_indices(wanted) for one in candidates]
    if all(_same_plane(meant[0], other, rotations) for other in meant[1:]):
        return next((one for one in own if one.symbol != GIVEN), candidates[0])
    raise SurfaceError(
        f"{miller_text(wanted)} is ambiguous: it names different planes in different settings of this crystal",
        reason=_meanings(wanted, candidates),
        fix=_ways_out(wanted, candidates),
    )


def _meanings(wanted: Indices, candidates: Sequence[_Setting]) -> str:
    return "; ".join(
        f"in {_with_tolerance(one)} it is {miller_text(one.cell_indices(wanted))} of the given cell"
        for one in candidates
        if one.symbol != GIVEN
    )


def _with_tolerance(one: _Setting) -> str:
    loose = one.symprec_ang > TIGHT_ANG
    return f"{one.symbol} (a symmetry that holds only within {one.symprec_ang:g} Å)" if loose else one.symbol


def _ways_out(wanted: Indices, settings: Sequence[_Setting]) -> str:
    given = f'for {miller_text(coprime_indices(wanted))} of the given cell, setting = "{GIVEN}" (--setting {GIVEN})'
    others = _by_name(settings)
    if len(others) == len(settings):
        return f'name it: setting = "{others[0]}" (--setting {others[0]}), or another of {", ".join(others)}'
    return f"{given}; or name another: {', '.join(others)}" if others else given


def _by_name(settings: Sequence[_Setting]) -> list[str]:
    """Names of those that are not given; of a frame with molecules the cubic ones before those that they are of."""
    others = sorted((one for one in settings if one.symbol != GIVEN), key=lambda one: "cubic" not in one.aliases)
    return ["cubic" if "cubic" in one.aliases and len(others) > 1 else one.symbol for one in others]


def _unknown_setting(
    structure: Structure, units: Sequence[IonicUnit], setting: str, wanted: Indices, settings: Sequence[_Setting]
) -> SurfaceError:
    cubic = _plain(setting) in ("cubic", "Pm-3m", PSEUDOCUBIC)
    why = [_why_not_cubic(structure, units)] if cubic else []
    why.append(f"its settings are {', '.join(one.symbol for one in settings)}")
    return SurfaceError(
        f"{structure.composition.reduced_formula} is not a crystal of setting {setting!r}",
        reason=f"{'; '.join(why)}; {miller_text(wanted)}: {_meanings(wanted, settings)}",
        fix=_ways_out(wanted, settings),
    )


def _worth_printing(settings: Sequence[_Setting], chosen: _Setting) -> list[_Setting]:
    """The settings people use; of the six of an orthorhombic crystal Pnma, Pbnm and the cell's own.

    The given cell is always named, so that a plane can be found in the file, but where the chosen axes are its own.
    """
    usual = ("Pnma", "Pbnm", PSEUDOCUBIC)
    shown = [one for one in settings if one.own or one.symbol in usual or one.symbol.endswith((":H", ":R"))]
    if chosen.symbol == GIVEN and all(one.symbol in (GIVEN, PSEUDOCUBIC) for one in shown):
        shown.insert(0, settings[0])
    return [one for one in shown if one is not chosen and not (one.symbol == GIVEN and chosen.own)]
