"""Slabs of a crystal: every termination of a plane, and which of them are worth calculating."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, isfinite
from typing import TYPE_CHECKING, overload

import numpy as np

from dftflow.crystals.compensation import compensated
from dftflow.crystals.cuts import Cut
from dftflow.crystals.ions import IonicUnit, chemical_formula, formal_charge, ionic_units
from dftflow.crystals.layers import Stacking, stack_layers
from dftflow.crystals.symmetry import averaging_period_ang
from dftflow.errors import SurfaceError
from dftflow.model.bounds import MOST_SLAB_ATOMS
from dftflow.model.surface import AtomicLayer, Plane, SlabModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["choose_slab", "enumerate_slabs"]

POLAR_STEP_EV = 3.0
"""A formal, unscreened potential step across the slab above this makes it polar. Layers of alternating charge make
more than 15 eV; rumpled layers and molecules slightly off their site stay below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """How thick the slabs are to be."""

    min_thickness_ang: float | None
    n_layers: int | None


def enumerate_slabs(
    structure: Structure,
    plane: Plane,
    *,
    min_thickness_ang: float | None = None,
    n_layers: int | None = None,
    vacuum_ang: float,
    molecule_charges: Mapping[str, int] | None = None,
) -> Sequence[SlabModel]:
    """All terminations of a plane, best first, those that symmetry makes alike given once.

    Molecules stay whole and every ion stays where it is in the crystal. When every cut of the crystal is refused, as
    for a polar plane, slabs with part of their outermost layers taken away are added ("CsBr3 (half)").

    Parameters
    ----------
    structure
        The crystal: any cell of it.
    plane
        From `resolve_plane`, for this very cell.
    min_thickness_ang
        Outermost atom to outermost atom; the thinnest slabs that reach it are made.
    n_layers
        Number of atomic layers, part layers included. At least one of the two sizes must be given; with both, the
        slabs of `n_layers` must reach the thickness.
    vacuum_ang
        Outermost atom to the outermost atom of the next slab.
    molecule_charges
        See `ionic_units`.

    Returns
    -------
    sequence of SlabModel
        Each is made when it is looked at. Those not refused come first: AX faces (a monovalent cation and an anion)
        before others, because they were found more stable (CsPbI3: arXiv:2011.04269), then the thinner before the
        thicker. ``refused`` says why a slab is not to be calculated by default.

    Raises
    ------
    SurfaceError
        For a size that is missing, not positive, too large, or less than one repeat of the crystal, and for a crystal
        whose formal charges are unknown or do not sum to zero.
    """
    _check_lengths(min_thickness_ang=min_thickness_ang, vacuum_ang=vacuum_ang)
    units = ionic_units(structure, molecule_charges=molecule_charges)
    if formal_charge(units) != 0:
        raise SurfaceError(
            f"the formal charges of {structure.composition.reduced_formula} sum to {formal_charge(units):+d}",
            reason=f"counted as {_charge_list(units)}",
            fix="decorate the structure with oxidation states (structure.add_oxidation_state_by_element)",
        )
    stacking = stack_layers(structure, units, plane.miller_cell)
    size = _Size(min_thickness_ang=min_thickness_ang, n_layers=n_layers)
    _check_size(stacking, size)
    groups = _cuts_by_faces(stacking, size)
    cuts = [same[0] for same in groups]
    if all(_refusal(cut, size) for cut in cuts):
        neutral = (_compensated_cut(stacking, size, same) for same in groups)
        cuts += [cut for cut in neutral if cut is not None]
    period_ang = averaging_period_ang(structure, plane.miller_cell)
    ranked = sorted(cuts, key=lambda cut: _rank(cut, size))
    names = _distinct_names([cut.termination for cut in ranked])
    return _Slabs(
        [
            partial(_model, cut, name, stacking, plane, size, vacuum_ang, period_ang)
            for cut, name in zip(ranked, names, strict=True)
        ]
    )


class _Slabs(Sequence[SlabModel]):
    """Slabs of one plane, each made when it is looked at: of many terminations most often one is wanted."""

    def __init__(self, makers: Sequence[Callable[[], SlabModel]]) -> None:
        self._makers = makers
        self._made: dict[int, SlabModel] = {}

    def __len__(self) -> int:
        return len(self._makers)

    @overload
    def __getitem__(self, place: int) -> SlabModel: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[SlabModel, ...]: ...

    def __getitem__(self, place: int | slice) -> SlabModel | tuple[SlabModel, ...]:
        if isinstance(place, slice):
            return tuple(self[number] for number in range(*place.indices(len(self))))
        number = range(len(self))[place]
        if number not in self._made:
            self._made[number] = self._makers[number]()
        return self._made[number]

    def __add__(self, others: Sequence[SlabModel]) -> tuple[SlabModel, ...]:
        return (*self, *others)


def choose_slab(
    slabs: Sequence[SlabModel],
    termination: str = "auto",
    *,
    allow_refused: bool = False,
    way_out: Callable[[], str] = str,
) -> SlabModel:
    """One of the slabs of `enumerate_slabs`.

    Parameters
    ----------
    slabs
        All of one plane.
    termination
        Name of a termination, or ``"auto"`` for the first that is not refused.
    allow_refused
        Give a slab asked for by name even if it is refused.
    way_out
        Asked for advice when all are refused; ``""`` for none.

    Raises
    ------
    SurfaceError
        For a name that no slab has, with the nearest; for a refused slab; and when all are refused.
    """
    if termination == "auto":
        accepted = next((slab for slab in slabs if not slab.refused), None)
        if accepted is not None:
            return accepted
        raise SurfaceError(
            f"no slab of {slabs[0].plane if slabs else 'this plane'} is fit to be calculated",
            reason="; ".join(f"{slab.termination}: {slab.refused}" for slab in slabs),
            fix=way_out() or _advice(slabs),
        )
    named = next((slab for slab in slabs if _same_name(slab.termination, termination)), None)
    if named is None:
        names = [slab.termination for slab in slabs]
        near = difflib.get_close_matches(termination, names, n=1, cutoff=0.3)
        raise SurfaceError(
            f"there is no termination {termination!r}",
            reason=f"this plane has {', '.join(names)}",
            fix=f"did you mean {near[0]!r}?" if near else "choose one of these, or 'auto'",
        )
    if named.refused and not allow_refused:
        raise SurfaceError(
            f"the termination {named.termination} is refused",
            reason=named.refused,
            fix="choose 'auto' or another termination, or allow refused slabs",
        )
    return named


def _advice(slabs: Sequence[SlabModel]) -> str:
    general = "ask for another thickness or number of layers, or name a termination and allow refused ones"
    molecular = any(number >= 0 for slab in slabs for number in slab.structure.site_properties["molecule"])
    if molecular and not any(slab.symmetric for slab in slabs):
        return f"turn the molecules so that their dipoles lie in the plane, or {general}"
    return general


def _same_name(first: str, second: str) -> bool:
    return first.replace(" ", "").casefold() == second.replace(" ", "").casefold()


def _charge_list(units: Sequence[IonicUnit]) -> str:
    charges = {unit.name: unit.charge for unit in units}
    counts = Counter(unit.name for unit in units)
    return ", ".join(f"{count} {name} ({charges[name]:+d})" for name, count in sorted(counts.items()))


def _check_lengths(**lengths_ang: float | None) -> None:
    for name, value in lengths_ang.items():
        if value is not None and not (isfinite(value) and value > 0):
            raise SurfaceError(f"{name} is {value}", fix="give a length in Å above zero, e.g. 15.0")


def _check_size(stacking: Stacking, size: _Size) -> None:
    """Refuse sizes that give no slab; a slab must hold one whole repeat of the crystal to have an inside."""
    repeat = len(stacking.layers)
    atoms = sum(len(unit.symbols) for layer in stacking.layers for unit in layer)
    if size.n_layers is None and size.min_thickness_ang is None:
        raise SurfaceError("the slab has no size", fix="give min_thickness_ang or n_layers")
    if size.n_layers is not None and size.n_layers < repeat:
        raise SurfaceError(
            f"a slab of {size.n_layers} layers is too thin",
            reason=f"the crystal repeats after {repeat} layers ({stacking.period_ang:.2f} Å) along this normal",
            fix=f"ask for at least {repeat} layers, better {2 * repeat + 1}",
        )
    repeats = size.n_layers / repeat if size.n_layers else ceil((size.min_thickness_ang or 0.0) / stacking.period_ang)
    if repeats * atoms > MOST_SLAB_ATOMS:
        raise SurfaceError(
            f"the slab would hold about {repeats * atoms:.0f} atoms",
            reason=f"one repeat of {stacking.period_ang:.2f} Å has {atoms} atoms; the limit is {MOST_SLAB_ATOMS}",
            fix="ask for a thinner slab or a plane with lower indices",
        )


def _cut(stacking: Stacking, start: int, count: int) -> Cut:
    layers = stacking.cut(start, count)
    return Cut(layers=layers, in_plane_ang=stacking.in_plane_ang, crystal_ang=stacking.crystal_ang)


def _cuts_from(stacking: Stacking, start: int, size: _Size) -> Iterator[tuple[int, Cut]]:
    """Cuts upwards from layer `start`: of the number of layers asked for, or the thinnest one for each top layer."""
    repeat = len(stacking.layers)
    if size.n_layers is not None:
        yield size.n_layers, _cut(stacking, start, size.n_layers)
        return
    wanted = size.min_thickness_ang or 0.0
    for extra in range(repeat):
        whole = max(1, int(wanted / stacking.period_ang) - 1)
        while True:
            count = whole * repeat + extra
            cut = _cut(stacking, start, count)
            if cut.thickness_ang >= wanted:
                yield count, cut
                break
            whole += 1


def _cuts_by_faces(stacking: Stacking, size: _Size) -> list[list[Cut]]:
    """Cuts with the same two faces up to symmetry, best first; the alphabetically lower face at the bottom.

    Cuts in one list differ in thickness, or in the shift of one face along the other.
    """
    repeat = len(stacking.layers)
    every = [(start, count, cut) for start in range(repeat) for count, cut in _cuts_from(stacking, start, size)]
    _check_thickness(stacking, size, max(cut.thickness_ang for *_, cut in every))
    pairs: dict[tuple[tuple[int, bool], ...], list[Cut]] = {}
    for start, count, cut in every:
        faces = (stacking.face(start, up=False), stacking.face(start + count - 1, up=True))
        pairs.setdefault(tuple(sorted(faces)), []).append(cut)

    def quality(cut: Cut) -> tuple[bool, bool, float, tuple[str, str]]:
        return bool(_refusal(cut, size)), not cut.flips, round(cut.thickness_ang, 3), cut.faces

    return [sorted(same, key=quality) if len(same) > 1 else same for same in pairs.values()]


def _check_thickness(stacking: Stacking, size: _Size, thickest_ang: float) -> None:
    if thickest_ang < (size.min_thickness_ang or 0.0):
        raise SurfaceError(
            f"slabs of {size.n_layers} layers are thinner than {size.min_thickness_ang} Å",
            reason=f"the thickest has {thickest_ang:.2f} Å; {len(stacking.layers)} layers repeat after "
            f"{stacking.period_ang:.2f} Å",
            fix="ask for more layers, or leave n_layers out",
        )


def _compensated_cut(stacking: Stacking, size: _Size, cuts: Sequence[Cut]) -> Cut | None:
    """The first of `cuts` that is thick enough once it is compensated; taking ions away may thin it."""
    symmetric = [cut for cut in cuts if cut.flips]
    if size.n_layers is None:
        symmetric += [_thicker(stacking, cut) for cut in symmetric[:1]]
    neutral = None
    for cut in symmetric:
        neutral = compensated(cut)
        if neutral is None or not _refusal(neutral, size):
            break
    return neutral


def _thicker(stacking: Stacking, cut: Cut) -> Cut:
    """`cut` with one more repeat of the crystal below its first repeat."""
    below = tuple(
        tuple(unit.moved(-stacking.repeat_ang) for unit in layer) for layer in cut.layers[: len(stacking.layers)]
    )
    return replace(cut, layers=below + cut.layers)


def _model(
    cut: Cut, termination: str, stacking: Stacking, plane: Plane, size: _Size, vacuum_ang: float, period_ang: float
) -> SlabModel:
    return SlabModel(
        structure=cut.to_structure(vacuum_ang),
        plane=plane,
        termination=termination,
        layers=tuple(
            AtomicLayer(
                formula=chemical_formula(layer),
                z_ang=float(np.mean([unit.centre_ang[2] for unit in layer])),
                formal_charge=formal_charge(layer),
            )
            for layer in cut.centred(vacuum_ang)
        ),
        formal_charge=cut.charge,
        symmetric=bool(cut.flips),
        polar=_is_polar(cut),
        compensated=bool(cut.surface),
        stoichiometric=cut.is_made_of(unit for layer in stacking.layers for unit in layer),
        area_ang2=cut.area_ang2,
        thickness_ang=cut.thickness_ang,
        vacuum_ang=vacuum_ang,
        period_ang=period_ang,
        crystal_ang=cut.crystal_ang,
        refused=_refusal(cut, size),
    )


def _is_polar(cut: Cut) -> bool:
    return cut.charge != 0 or abs(cut.potential_step_ev) > POLAR_STEP_EV


def _refusal(cut: Cut, size: _Size) -> str:
    """Why the slab is not to be calculated by default; ``""`` when it may be."""
    if cut.charge != 0:
        return f"formal charge {cut.charge:+d} per surface cell: such a slab is metallic"
    if _is_polar(cut):
        return f"polar: its ions' charges make a potential step of {abs(cut.potential_step_ev):.1f} eV across the slab"
    if not cut.flips:
        turned = cut.faces[0] == cut.faces[1] and any(len(unit.symbols) > 1 for unit in cut.units)
        why = " (the molecules point to one of them)" if turned else ""
        return f"its two faces differ{why}, and with them the two vacuum levels"
    if cut.thickness_ang < (size.min_thickness_ang or 0.0):
        return f"{cut.thickness_ang:.2f} Å thick, less than the {size.min_thickness_ang} Å asked for"
    return ""


def _has_ax_faces(cut: Cut) -> bool:
    charges = {unit.charge for unit in cut.layers[0]}
    return cut.faces[0] == cut.faces[1] and max(charges) == 1 and min(charges) < 0


def _rank(cut: Cut, size: _Size) -> tuple[object, ...]:
    """Sorts the best first; the last entries make the order independent of how the crystal was given."""
    heights = [float(np.mean([unit.centre_ang[2] for unit in layer])) for layer in cut.layers]
    upwards = tuple(round(z - heights[0], 2) for z in heights)
    downwards = tuple(round(heights[-1] - z, 2) for z in reversed(heights))
    thickness_ang = round(cut.thickness_ang, 2)
    refused = bool(_refusal(cut, size))
    return refused, not _has_ax_faces(cut), thickness_ang, len(cut.units), cut.termination, min(upwards, downwards)


def _distinct_names(terminations: Sequence[str]) -> list[str]:
    """Different slabs whose surface layers have the same formula are numbered: ``"Cs"``, ``"Cs #2"``."""
    counts: Counter[str] = Counter()
    names = []
    for termination in terminations:
        counts[termination] += 1
        number = counts[termination]
        names.append(termination if number == 1 else f"{termination} #{number}")
    return names
