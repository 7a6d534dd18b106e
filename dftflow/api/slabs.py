"""The slabs of a plane of a crystal: every termination, with what speaks against it.

>>> import dftflow                                                         # doctest: +SKIP
>>> dftflow.slabs("CsPbBr3_Pnma", "011", setting="Pnma").choose("CsBr3")    # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from dftflow.api.structures import NotebookStructure, StructureLike, as_structure
from dftflow.crystals.alike_faces import way_to_alike_faces
from dftflow.crystals.ions import formula_of, with_charges
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import choose_slab, enumerate_slabs
from dftflow.errors import SurfaceError
from dftflow.model.miller import read_miller
from dftflow.model.printable import brief
from dftflow.model.records import Records
from dftflow.model.surface import Plane, SlabModel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Slabs", "slabs"]

_COLUMNS = (
    "termination", "atoms", "formal_charge", "symmetric", "polar", "compensated", "tasker", "stoichiometric",
    "area_ang2", "thickness_ang", "vacuum_ang", "refused",
)  # fmt: skip


class Slabs(Sequence[SlabModel]):
    """All terminations of a plane, best first; each is made when it is looked at.

    Attributes
    ----------
    crystal
        Formula of the crystal that they are cut from.
    plane
        With its names in the other settings.
    """

    def __init__(
        self, crystal: str, plane: Plane, models: Sequence[SlabModel], way_out: Callable[[], str] = str
    ) -> None:
        self.crystal = crystal
        self.plane = plane
        self._models = models
        self._way_out = way_out

    def __len__(self) -> int:
        return len(self._models)

    @overload
    def __getitem__(self, place: int) -> SlabModel: ...

    @overload
    def __getitem__(self, place: slice) -> Slabs: ...

    def __getitem__(self, place: int | slice) -> SlabModel | Slabs:
        if isinstance(place, slice):
            return Slabs(self.crystal, self.plane, self._models[place], self._way_out)
        return _for_notebooks(self._models[place])

    def choose(self, termination: str = "auto", *, allow_refused: bool = False) -> SlabModel:
        """One of them.

        Parameters
        ----------
        termination
            Name of a termination, or ``"auto"`` for the first that is not refused.
        allow_refused
            Give a slab asked for by name even if it is refused.

        Raises
        ------
        SurfaceError
            For a name that no slab has, with the nearest; for a refused slab; when all are refused; and of none.
        """
        chosen = choose_slab(self._models, termination, allow_refused=allow_refused, way_out=self._way_out)
        return _for_notebooks(chosen)

    @property
    def choice(self) -> str:
        """Which of them ``auto`` takes, and why; what to do where it takes none."""
        if not self._models:
            return "auto takes none: there is none."
        try:
            first = self.choose()
        except SurfaceError as refused:
            return f"auto takes none: each is refused. To go on: {refused.fix}."
        return f"auto takes {first.termination}: {first.why}."

    def to_dict(self) -> dict[str, Any]:
        """As plain data, with the unit in each name."""
        return {
            "crystal": self.crystal,
            "plane": str(self.plane),
            "miller_cell": list(self.plane.miller_cell),
            "formal_charges": self._models[0].charges if self._models else "",
            "auto": self.choice,
            "equivalents": {name: list(indices) for name, indices in self.plane.equivalents},
            "slabs": [
                {
                    **dict(zip(_COLUMNS, _row(slab), strict=True)),
                    "remarks": list(slab.remarks),
                    "layers": [
                        {"formula": layer.formula, "formal_charge": layer.formal_charge} for layer in slab.layers
                    ],
                }
                for slab in self._models
            ],
        }

    def to_frame(self) -> pd.DataFrame:
        """A line for each as a pandas table; raises `CodeNotFoundError` without pandas."""
        return Records(columns=_COLUMNS, rows=tuple(map(_row, self._models))).frame()

    def __repr__(self) -> str:
        names = [f"{slab.termination}{' (refused)' if slab.refused else ''}" for slab in self._models]
        return f"<Slabs {self.plane} of {self.crystal}: {brief(', '.join(names) or 'none')}>"

    def _repr_html_(self) -> str:
        from dftflow.report.notebook import slabs_html  # with matplotlib

        return str(slabs_html(f"{self.crystal} {self.plane}", self))


def slabs(
    crystal: StructureLike,
    miller: str | Sequence[int],
    *,
    setting: str | None = None,
    min_thickness_ang: float | None = None,
    n_layers: int | None = None,
    vacuum_ang: float = 15.0,
    charges: Mapping[str, int | Sequence[int]] | None = None,
) -> Slabs:
    """Every termination of a plane of a crystal: molecules whole, those that symmetry makes alike once.

    Parameters
    ----------
    crystal
        As `as_structure` takes it; any cell of the crystal.
    miller
        ``(0, 1, 1)``, ``"011"``, ``"1-10"``, ``"0 1 -12"``; of hexagonal axes (hkil) too, ``"1-210"``.
    setting
        Which cell the indices belong to: ``"Pnma"``, ``"Pbnm"``, ``"cubic"``, ``"pseudocubic"``, ``"given"`` for the
        cell of `crystal` itself. It can be left out where all of them mean the same plane.
    min_thickness_ang, n_layers
        Outermost atom to outermost atom; number of atomic layers. 10 Å where neither is given.
    vacuum_ang
        Outermost atom to the outermost atom of the next slab.
    charges
        Formal charges in e, before those of the crystal's file and those that balance tells: element, or formula of a
        molecule (``"C2H8N"``: C, H, then the alphabet), -> charge; a list with one for each, in the order of the
        crystal, for mixed valence.

    Raises
    ------
    StructureError, ClashError, SourceError, CodeNotFoundError
        As `as_structure`.
    SurfaceError
        Indices or a setting that name no plane, or several; a size that gives no slab; ions of unknown charge; bonds
        through the whole crystal.
    """
    structure = as_structure(crystal)
    if charges:
        structure = with_charges(structure, charges)
    plane = resolve_plane(structure, read_miller(miller), setting)
    cuts = partial(
        enumerate_slabs,
        min_thickness_ang=10.0 if min_thickness_ang is None and n_layers is None else min_thickness_ang,
        n_layers=n_layers,
        vacuum_ang=vacuum_ang,
    )
    way_out = partial(way_to_alike_faces, structure, plane, cuts)
    return Slabs(formula_of(structure), plane, cuts(structure, plane), way_out)


def _for_notebooks(slab: SlabModel) -> SlabModel:
    return replace(slab, structure=NotebookStructure.of(slab.structure))


def _row(slab: SlabModel) -> tuple[str | int | float | bool, ...]:
    return (
        slab.termination,
        len(slab.structure),
        slab.formal_charge,
        slab.symmetric,
        slab.polar,
        slab.compensated,
        slab.tasker,
        slab.stoichiometric,
        slab.area_ang2,
        slab.thickness_ang,
        slab.vacuum_ang,
        slab.refused,
    )
