"""Lattice planes and the cell settings that their Miller indices belong to.

The same (hkl) names different planes in different settings of one space group: (011) of Pnma is (101) of Pbnm, but
(011) of Pbnm is (110) of Pnma. Indices are therefore taken together with the name of a setting, and refused where
that name is missing and matters. The cell that a crystal is given in counts among its settings, tabulated or not: a
supercell or a primitive cell has planes of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from itertools import product
from math import gcd, lcm
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.crystals.ions import IonicUnit, ionic_units
from dftflow.crystals.symmetry import is_highest, spglib_dataset, tabulated_settings
from dftflow.errors import SurfaceError
from dftflow.model.surface import Plane

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["GIVEN", "PSEUDOCUBIC", "coprime_indices", "resolve_plane"]

GIVEN = "given"
PSEUDOCUBIC = "pseudocubic"

CUBIC_LENGTH_TOLERANCE = 0.05
CUBIC_ANGLE_TOLERANCE_DEG = 3.0
"""Molecules pull the relaxed cell of a cubic frame out of the cube by some 3 % and 2°."""

# A relaxed crystal keeps its symmetry only to within the tolerance of the relaxation: (Å, degrees), tightest first.
_TOLERANCES = ((1e-3, 0.05), (1e-2, 0.05), (0.03, 0.2), (0.1, 0.5), (0.3, 1.0))

_DOUBLED = ((0.5, 0.5, 0.0), (-0.5, 0.5, 0.0))

SAME_TRANSLATION = 0.06
"""Translations of operations are multiples of an eighth; those of a relaxed crystal lie nearby."""

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
    """A setting: h_cell = h_setting @ to_cell, up to a common factor."""

    symbol: str
    aliases: frozenset[str]
    to_cell: NDArray[np.float64]

    @property
    def own(self) -> bool:
        """Whether these are the axes of the cell at hand."""
        return np.allclose(self.to_cell, np.eye(3), atol=1e-2)

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


def resolve_plane(
    structure: Structure,
    miller: Sequence[int],
    setting: str | None = None,
    *,
    molecule_charges: Mapping[str, int] | None = None,
) -> Plane:
    """The plane (hkl) of a named setting, in the cell at hand and in the other settings.

    Parameters
    ----------
    structure
        Any cell of the crystal: axes in any order, primitive, or a supercell.
    miller
        Indices h, k, l in `setting`.
    setting
        Hermann-Mauguin symbol of a setting of the crystal's space group (``Pnma``, ``Pbnm``, ``R-3c:H``); ``cubic``
        or ``Pm-3m`` for a cubic crystal or framework; ``pseudocubic`` for a perovskite; ``given`` for the cell of
        `structure` itself. With molecules in the crystal, the space group of the framework counts too. The axes of
        the cell are ``cubic`` ones when a perovskite's lattice constants agree within 5 % and its angles are 90°
        within 3°. None is accepted where all settings, the given cell among them, mean the same plane.
    molecule_charges
        See `ionic_units`.

    Raises
    ------
    SurfaceError
        For indices that are no plane, for a setting the crystal is not of, and for an ambiguous plane, with what each
        setting would mean.
    """
    wanted = _checked_indices(miller)
    units = ionic_units(structure, molecule_charges=molecule_charges)
    settings = _settings_of(_Crystal(structure, units))
    candidates = [one for one in settings if _matches(one, setting)]
    if not candidates:
        raise _unknown_setting(structure, str(setting), wanted, settings)
    chosen = _unambiguous(structure, wanted, setting, candidates)
    cell_indices = chosen.cell_indices(wanted)
    return Plane(
        miller=wanted,
        setting=setting or chosen.symbol,
        equivalents=tuple((other.symbol, other.indices(cell_indices)) for other in _worth_printing(settings, chosen)),
        miller_cell=cell_indices,
    )


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


def _checked_indices(miller: Sequence[int]) -> Indices:
    try:
        h, k, m = (index(value) for value in miller)
    except (TypeError, ValueError):
        raise SurfaceError(
            f"miller indices {miller!r} are not three whole numbers", fix="write them like [0, 1, 1]"
        ) from None
    coprime_indices((h, k, m))
    return h, k, m


def _plain(symbol: str) -> str:
    return symbol.replace(" ", "").replace("_", "")


def _matches(candidate: _Setting, setting: str | None) -> bool:
    return candidate.symbol != PSEUDOCUBIC if setting is None else _plain(setting) in candidate.aliases


def _settings(structure: Structure, units: Sequence[IonicUnit]) -> list[_Setting]:
    """Settings of the crystal and, where molecules hide its symmetry, of its framework; tightest tolerance first."""
    framework = [unit.indices[0] for unit in units if len(unit.indices) == 1]
    groups = [list(range(len(structure)))] + ([framework] if 0 < len(framework) < len(units) else [])
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
def _halls() -> dict[int, tuple[tuple[int, str, frozenset[str]], ...]]:
    """Space-group number -> its settings: Hall number, symbol, and all names a person may write."""
    table: dict[int, list[tuple[int, str, frozenset[str]]]] = {}
    for kind in tabulated_settings():
        forms = [symbol.split() for symbol in kind.symbols]
        suffix = f":{kind.choice}" if kind.choice in ("H", "R") else ""
        symbol = _plain("".join(forms[-1])) + suffix
        names = {_plain("".join(form)) for form in forms} | {symbol}
        if 3 <= kind.number <= 15:
            names |= {_plain("".join(part for part in form if part != "1")) for form in forms}
        if kind.number >= 195:
            names |= {"cubic"}
        table.setdefault(kind.number, []).append((kind.hall_number, symbol, frozenset(names)))
    return {number: tuple(halls) for number, halls in table.items()}


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
    for hall, symbol, names in _halls()[group.number]:
        data = group if hall == group.hall_number else _dataset(structure, sites, symprec_ang, angle_deg, hall)
        if data is not None:
            own = group.number <= 2 or _has_axes_of(group, data)
            found.append(_Setting(symbol, names, np.eye(3) if own else _with_positive_axes(data.transformation_matrix)))
    axes = _PSEUDOCUBIC_AXES.get(group.number)
    if found and axes is not None:
        pseudocubic = np.linalg.inv(axes).T @ found[0].to_cell
        if _is_perovskite(structure, units, np.linalg.inv(pseudocubic).T @ structure.lattice.matrix):
            found.append(_Setting(PSEUDOCUBIC, frozenset({PSEUDOCUBIC}), pseudocubic))
    return found


def _has_axes_of(cell: Any, setting: Any) -> bool:
    """Whether the axes of the cell at hand will do for a setting, though spglib chose others.

    They do when the operations of the crystal read the same in both but for the origin: a and c of P2/m or Pm2m may
    change places, and a monoclinic cell has several axes of one length more or less.
    """
    to_cell = np.asarray(setting.transformation_matrix)
    if not np.allclose(np.abs(to_cell - np.round(to_cell)), 0, atol=1e-2) or abs(np.linalg.det(to_cell)) > 1.5:
        return False
    turns, back = np.asarray(cell.rotations), np.linalg.inv(to_cell)
    origin = -back @ setting.origin_shift
    shifts = cell.translations + turns @ origin - origin
    turns_there = np.round(to_cell @ turns @ back).astype(int)
    shifts_there = shifts @ to_cell.T
    origins = np.array(list(product(range(8), repeat=3))) / 8
    agreed = np.ones(len(origins), dtype=bool)
    for turn in np.unique(turns, axis=0):
        here = shifts[np.all(turns == turn, axis=(1, 2))]
        there = shifts_there[np.all(turns_there == turn, axis=(1, 2))]
        apart = here[:1, None] - there[None] + (origins @ (turn - np.eye(3)).T)[:, None]
        agreed &= np.any(np.all(np.abs(apart - np.round(apart)) < SAME_TRANSLATION, axis=2), axis=1)
    return bool(np.any(agreed)) and _same_centring(shifts, shifts_there, turns, turns_there)


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
    symbols = {symbol for _, symbol, _ in _halls()[number]}
    return symbols <= set(known) and (number not in _PSEUDOCUBIC_AXES or PSEUDOCUBIC in known)


def _with_positive_axes(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """`matrix` cleaned of rounding; when its axes lie along those of the cell, then also in the same sense.

    spglib turns axes round to keep the frame right-handed or an angle obtuse, which would rename (hkl) to (hk-l).
    """
    rounded = np.round(np.asarray(matrix) * 12) / 12
    monomial = np.all(np.count_nonzero(rounded, axis=1) == 1)
    return np.abs(rounded) if monomial else rounded


def _of_charge(units: Sequence[IonicUnit], charge: int) -> NDArray[np.float64]:
    return np.array([unit.centre_ang for unit in units if unit.charge == charge]).reshape(-1, 3)


def _is_abx3(units: Sequence[IonicUnit]) -> bool:
    a, b, x = (len(_of_charge(units, charge)) for charge in (1, 2, -1))
    return a == b > 0 and x == 3 * b and a + b + x == len(units)


def _is_grid(points_ang: NDArray[np.float64], axes_ang: NDArray[np.float64], tolerance: float = 0.15) -> bool:
    """Whether the points lie on one lattice spanned by `axes_ang`."""
    offsets = (points_ang - points_ang[0]) @ np.linalg.inv(axes_ang)
    return bool(np.all(np.abs(offsets - np.round(offsets)) < tolerance))


def _is_perovskite(structure: Structure, units: Sequence[IonicUnit], axes_ang: NDArray[np.float64]) -> bool:
    """ABX3 with one B ion in each cell spanned by `axes_ang`."""
    b_sites = _of_charge(units, 2)
    volume = abs(float(np.linalg.det(axes_ang)))
    return _is_abx3(units) and round(structure.volume / volume) == len(b_sites) and _is_grid(b_sites, axes_ang)


def _cubic_repeats(structure: Structure, units: Sequence[IonicUnit]) -> Indices | None:
    """How many cubic cells of the perovskite frame the cell holds along each axis; None when it isn't cubic-like."""
    if not _is_abx3(units) or np.any(np.abs(np.array(structure.lattice.angles) - 90) > CUBIC_ANGLE_TOLERANCE_DEG):
        return None
    b_sites = _of_charge(units, 2)
    count = len(b_sites)
    divisors = [n for n in range(1, count + 1) if count % n == 0]
    for repeats in product(divisors, repeat=3):
        axes_ang = structure.lattice.matrix / np.array(repeats)[:, None]
        lengths = np.linalg.norm(axes_ang, axis=1)
        cubic = np.ptp(lengths) <= CUBIC_LENGTH_TOLERANCE * lengths.mean()
        if np.prod(repeats) == count and cubic and _is_grid(b_sites, axes_ang):
            along_a, along_b, along_c = repeats
            return along_a, along_b, along_c
    return None


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
    rotations = _rotations(structure)
    own = [one for one in candidates if one.own]
    if setting is not None and own:
        return own[0]
    meant = [one.cell_indices(wanted) for one in candidates]
    if all(_same_plane(meant[0], other, rotations) for other in meant[1:]):
        return next((one for one in own if one.symbol != GIVEN), candidates[0])
    raise SurfaceError(
        f"{_text(wanted)} is ambiguous: it names different planes in different settings of this crystal",
        reason=_meanings(wanted, candidates),
        fix=f'for {_text(coprime_indices(wanted))} of the given cell, setting = "{GIVEN}" (--setting {GIVEN}); or name '
        f"another: {', '.join(one.symbol for one in candidates if one.symbol != GIVEN)}",
    )


def _text(miller: Indices) -> str:
    separator = " " if any(abs(value) > 9 for value in miller) else ""
    return f"({separator.join(map(str, miller))})"


def _meanings(wanted: Indices, candidates: Sequence[_Setting]) -> str:
    return "; ".join(
        f"in {one.symbol} it is {_text(one.cell_indices(wanted))} of the given cell"
        for one in candidates
        if one.symbol != GIVEN
    )


def _unknown_setting(structure: Structure, setting: str, wanted: Indices, settings: Sequence[_Setting]) -> SurfaceError:
    names = ", ".join(dict.fromkeys(one.symbol for one in settings)) or "none"
    return SurfaceError(
        f"{structure.composition.reduced_formula} is not a crystal of setting {setting!r}",
        reason=f"its settings are {names}; {_text(wanted)}: {_meanings(wanted, settings)}",
        fix="name one of these settings, or give another crystal",
    )


def _worth_printing(settings: Sequence[_Setting], chosen: _Setting) -> list[_Setting]:
    """The settings people use; of the six of an orthorhombic crystal Pnma, Pbnm and the cell's own.

    The given cell is always named, so that a plane can be found in the file, but where the chosen axes are its own.
    """
    usual = ("Pnma", "Pbnm", PSEUDOCUBIC)
    shown = [one for one in settings if one.own or one.symbol in usual or one.symbol.endswith((":H", ":R"))]
    if chosen.symbol == GIVEN and not any(one.symbol != GIVEN for one in shown):
        shown.insert(0, settings[0])
    return [one for one in shown if one is not chosen and not (one.symbol == GIVEN and chosen.own)]
