"""Slabs of a crystal: every termination of a plane, and which of them are worth calculating."""

from __future__ import annotations

import difflib
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import ceil, isfinite
from typing import TYPE_CHECKING, overload

import numpy as np

from dftflow.crystals.compensation import compensated
from dftflow.crystals.cuts import Cut
from dftflow.crystals.formal_charges import charges_given, mixed_valence_given
from dftflow.crystals.ions import IonicUnit, chemical_formula, formal_charge, ions_of
from dftflow.crystals.layers import Stacking, stack_layers
from dftflow.crystals.slab_choice import Judgement, Size, is_polar, ranked, remarks, tasker_type, why_first
from dftflow.crystals.symmetry import averaging_period_ang
from dftflow.errors import SurfaceError
from dftflow.model.bounds import MOST_SLAB_ATOMS
from dftflow.model.surface import AtomicLayer, Plane, SlabModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["PlaneCuts", "choose_slab", "cut_plane", "enumerate_slabs"]


def enumerate_slabs(
    structure: Structure,
    plane: Plane,
    *,
    min_thickness_ang: float | None = None,
    n_layers: int | None = None,
    vacuum_ang: float,
) -> Sequence[SlabModel]:
    """`cut_plane`, with a vacuum around each slab."""
    return cut_plane(structure, plane, min_thickness_ang=min_thickness_ang, n_layers=n_layers).slabs(vacuum_ang)


def cut_plane(
    structure: Structure, plane: Plane, *, min_thickness_ang: float | None = None, n_layers: int | None = None
) -> PlaneCuts:
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

    Returns
    -------
    PlaneCuts
        Those not refused come first (``refused`` says why a slab is not to be calculated by default). Of a halide
        perovskite AX faces (a monovalent cation and an anion) before others, because they were found more stable
        (CsPbI3: arXiv:2011.04269), then the thinner before the thicker. Of other crystals those of the crystal's
        composition before others, then those that break the least (`dftflow.crystals.bonds`).

    Raises
    ------
    SurfaceError
        For a size that is missing, not positive, too large, or less than one repeat of the crystal, and for a crystal
        whose formal charges are unknown or do not sum to zero.
    """
    _check_lengths(min_thickness_ang=min_thickness_ang)
    ions = ions_of(structure)
    _check_neutral(structure, ions.units)
    stacking = stack_layers(structure, ions.units, plane.miller_cell)
    judge = Judgement(
        crystal=[unit for layer in stacking.layers for unit in layer],
        size=Size(min_thickness_ang=min_thickness_ang, n_layers=n_layers),
    )
    _check_size(stacking, judge)
    groups = _cuts_by_faces(stacking, judge)
    cuts = [same[0] for same in groups]
    if all(map(judge.refusal, cuts)):
        neutral = (_compensated_cut(stacking, judge, same) for same in groups)
        cuts += [cut for cut in neutral if cut is not None]
    return PlaneCuts(
        plane=plane,
        cuts=tuple(ranked(cuts, judge)),
        judge=judge,
        charges=ions.charges,
        period_ang=averaging_period_ang(structure, plane.miller_cell),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class PlaneCuts:
    """All terminations of a plane, best first, which stay as they are whatever the vacuum.

    Attributes
    ----------
    charges
        In words, see `SlabModel`.
    """

    plane: Plane
    cuts: tuple[Cut, ...]
    judge: Judgement
    charges: str
    period_ang: float

    def slabs(self, vacuum_ang: float) -> Sequence[SlabModel]:
        """Each is made when it is looked at.

        Parameters
        ----------
        vacuum_ang
            Outermost atom to the outermost atom of the next slab.

        Raises
        ------
        SurfaceError
            It is no length.
        """
        _check_lengths(vacuum_ang=vacuum_ang)
        return _Slabs([partial(self._model, number, vacuum_ang) for number in range(len(self.cuts))])

    @cached_property
    def _names(self) -> list[str]:
        return _distinct_names([cut.termination for cut in self.cuts])

    def _model(self, number: int, vacuum_ang: float) -> SlabModel:
        cut = self.cuts[number]
        return SlabModel(
            structure=cut.to_structure(vacuum_ang),
            plane=self.plane,
            termination=self._names[number],
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
            polar=is_polar(cut),
            compensated=bool(cut.surface),
            stoichiometric=self.judge.stoichiometric(cut),
            area_ang2=cut.area_ang2,
            thickness_ang=cut.thickness_ang,
            vacuum_ang=vacuum_ang,
            period_ang=self.period_ang,
            crystal_ang=cut.crystal_ang,
            tasker=tasker_type(cut),
            charges=self.charges,
            why=self._why if number == 0 else "",
            remarks=remarks(cut),
            refused=self.judge.refusal(cut),
        )

    @cached_property
    def _why(self) -> str:
        accepted = [cut for cut in self.cuts if not self.judge.refusal(cut)]
        return why_first(accepted, self._names, self.judge) if accepted else ""


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
        For a name that no slab has, with the nearest; for a refused slab; when all are refused; and of none.
    """
    if not slabs:
        raise SurfaceError("there is no slab to choose from", fix="choose from all slabs of the plane")
    if termination == "auto":
        accepted = next((slab for slab in slabs if not slab.refused), None)
        if accepted is not None:
            return accepted
        raise SurfaceError(
            f"no slab of {slabs[0].plane} is fit to be calculated",
            reason="; ".join(f"{slab.termination}: {slab.refused}" for slab in slabs),
            fix=_advice(slabs, way_out()),
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
            fix="choose 'auto' or another termination, or allow it: allow_refused = true",
        )
    return named


def _advice(slabs: Sequence[SlabModel], way_out: str) -> str:
    molecular = any(number >= 0 for slab in slabs for number in slab.structure.site_properties["molecule"])
    turned = molecular and not any(slab.symmetric for slab in slabs)
    general = "ask for another thickness or number of layers"
    first = way_out or (
        f"turn the molecules so that their dipoles lie in the plane, or {general}" if turned else general
    )
    name = slabs[0].termination
    named = f'termination = "{name}", allow_refused = true (--termination {shlex.quote(name)})'
    return f"{first}; or take one that is refused, {named}"


def _same_name(first: str, second: str) -> bool:
    return first.replace(" ", "").casefold() == second.replace(" ", "").casefold()


def _check_neutral(structure: Structure, units: Sequence[IonicUnit]) -> None:
    charge = formal_charge(units)
    if charge == 0:
        return
    counts = Counter((unit.name.strip("()"), unit.charge) for unit in units)
    names = [name for name, _ in counts]
    single = all(len(unit.symbols) == 1 for unit in units)
    mixed = mixed_valence_given([unit.name for unit in units]) if single else None
    others = f"give those that are others{f', such as {mixed}, in the order of the file' if mixed else ''}"
    raise SurfaceError(
        f"the formal charges of {structure.composition.reduced_formula} sum to {charge:+d}",
        reason=f"counted as {', '.join(f'{count} {name} ({own:+d})' for (name, own), count in sorted(counts.items()))}",
        fix=f"{others}; for a crystal without charges {charges_given(dict.fromkeys(names, 0))}",
    )


def _check_lengths(**lengths_ang: float | None) -> None:
    for name, value in lengths_ang.items():
        if value is not None and not (isfinite(value) and value > 0):
            raise SurfaceError(f"{name} is {value}", fix="give a length in Å above zero, e.g. 15.0")


def _check_size(stacking: Stacking, judge: Judgement) -> None:
    """Refuse sizes that give no slab; a slab must hold one whole repeat of the crystal to have an inside."""
    size = judge.size
    repeat = len(stacking.layers)
    atoms = sum(len(unit.symbols) for layer in stacking.layers for unit in layer)
    if size.n_layers is None and size.min_thickness_ang is None:
        raise SurfaceError("the slab has no size", fix="give min_thickness_ang or n_layers")
    if size.n_layers is not None and size.n_layers < repeat:
        raise SurfaceError(
            f"a slab of {size.n_layers} layers is too thin",
            reason=f"the crystal repeats after {repeat} layers ({stacking.period_ang:.2f} Å) along this normal",
            fix=f"ask for at least {repeat} layers{_better(stacking, judge)}",
        )
    repeats = size.n_layers / repeat if size.n_layers else ceil((size.min_thickness_ang or 0.0) / stacking.period_ang)
    if repeats * atoms > MOST_SLAB_ATOMS:
        raise SurfaceError(
            f"the slab would hold about {repeats * atoms:.0f} atoms",
            reason=f"one repeat of {stacking.period_ang:.2f} Å has {atoms} atoms; the limit is {MOST_SLAB_ATOMS}",
            fix="ask for a thinner slab or a plane with lower indices",
        )


def _better(stacking: Stacking, judge: Judgement) -> str:
    """The fewest layers, of two repeats or more, of which a slab is fit to be calculated."""
    if not stacking.turns_over:
        return ""
    repeat = len(stacking.layers)
    plain = (
        count
        for count in range(2 * repeat, 3 * repeat + 1)
        if any(not judge.refusal(_cut(stacking, start, count)) for start in range(repeat))
    )
    return f", better {next(plain, 2 * repeat + 1)}"


def _cut(stacking: Stacking, start: int, count: int) -> Cut:
    return Cut(
        layers=stacking.cut(start, count),
        in_plane_ang=stacking.in_plane_ang,
        crystal_ang=stacking.crystal_ang,
        broken_per_ang2=stacking.broken_by(start, count),
    )


def _cuts_from(stacking: Stacking, start: int, size: Size) -> Iterator[tuple[int, Cut]]:
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


def _cuts_by_faces(stacking: Stacking, judge: Judgement) -> list[list[Cut]]:
    """Cuts with the same two faces up to symmetry, best first; the alphabetically lower face at the bottom.

    Cuts in one list differ in thickness, or in the shift of one face along the other.
    """
    repeat = len(stacking.layers)
    every = [(start, count, cut) for start in range(repeat) for count, cut in _cuts_from(stacking, start, judge.size)]
    _check_thickness(stacking, judge.size, max(cut.thickness_ang for *_, cut in every))
    pairs: dict[tuple[tuple[int, bool], ...], list[Cut]] = {}
    for start, count, cut in every:
        faces = (stacking.face(start, up=False), stacking.face(start + count - 1, up=True))
        pairs.setdefault(tuple(sorted(faces)), []).append(cut)

    return [_best_first(same, judge) if len(same) > 1 else same for same in pairs.values()]


def _best_first(same: Sequence[Cut], judge: Judgement) -> list[Cut]:
    thinnest_ang = min(cut.thickness_ang for cut in same)

    def quality(cut: Cut) -> tuple[bool, bool, float, tuple[str, str]]:
        return bool(judge.refusal(cut)), not cut.flips, round(cut.thickness_ang - thinnest_ang, 2), cut.faces

    return sorted(same, key=quality)


def _check_thickness(stacking: Stacking, size: Size, thickest_ang: float) -> None:
    if thickest_ang < (size.min_thickness_ang or 0.0):
        raise SurfaceError(
            f"slabs of {size.n_layers} layers are thinner than {size.min_thickness_ang} Å",
            reason=f"the thickest has {thickest_ang:.2f} Å; {len(stacking.layers)} layers repeat after "
            f"{stacking.period_ang:.2f} Å",
            fix="ask for more layers, or leave n_layers out",
        )


def _compensated_cut(stacking: Stacking, judge: Judgement, cuts: Sequence[Cut]) -> Cut | None:
    """The first of `cuts` that is thick enough once it is compensated; taking ions away may thin it."""
    symmetric = [cut for cut in cuts if cut.flips]
    if judge.size.n_layers is None:
        symmetric += [_thicker(stacking, cut) for cut in symmetric[:1]]
    neutral = None
    for cut in symmetric:
        neutral = compensated(cut)
        if neutral is None or not judge.refusal(neutral):
            break
    return neutral


def _thicker(stacking: Stacking, cut: Cut) -> Cut:
    """`cut` with one more repeat of the crystal below its first repeat."""
    below = tuple(
        tuple(unit.moved(-stacking.repeat_ang) for unit in layer) for layer in cut.layers[: len(stacking.layers)]
    )
    return replace(cut, layers=below + cut.layers)


def _distinct_names(terminations: Sequence[str]) -> list[str]:
    """Different slabs whose surface layers have the same formula are numbered: ``"Cs"``, ``"Cs #2"``."""
    counts: Counter[str] = Counter()
    names = []
    for termination in terminations:
        counts[termination] += 1
        number = counts[termination]
        names.append(termination if number == 1 else f"{termination} #{number}")
    return names
