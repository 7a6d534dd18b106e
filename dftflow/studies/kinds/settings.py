"""The settings that the steps of one material share: cutoff, grids, tolerances, each with where it comes from."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Literal

from pymatgen.core import Lattice

from dftflow.crystals.geometry import elements_of_unchanged
from dftflow.crystals.symmetry import is_hexagonal
from dftflow.model.kpoint_grid import (
    NO_SHIFT,
    ROUNDING_POINTS,
    Counts,
    Shift,
    grid_of_spacing,
    grid_text,
    monkhorst_pack_shift,
    projected_grid,
    same_shift,
    shift_of_grid,
    spacing_of_grid,
)
from dftflow.model.spec import CalcSpec, CellFreedom, Relaxation, StatesGrid
from dftflow.model.surface import SlabModel
from dftflow.studies.material import Material
from dftflow.studies.reader import Study
from dftflow.studies.schema import TOLERANCES, KPoints, MaterialEntry

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["GridUse", "MaterialSettings"]

GridUse = Literal["relax", "bands"]

MOST_TIMES_AS_DENSE = 4
"""Points of a projected grid for one of a grid that is as dense as the crystal's: along a long vector of the plane
the crystal's points lie close together."""


class MaterialSettings:
    """What a study and its preset ask for one material.

    Parameters
    ----------
    study
        With the preset chosen.
    material
        Where its crystal is from.
    """

    def __init__(self, study: Study, material: Material) -> None:
        self.study = study
        self.material = material
        self.entry: MaterialEntry = study.content.materials[material.name]

    def common(self, title: str) -> CalcSpec:
        """A calculation with the material's cutoff and SCF settings; its task and its grid are still to be set."""
        settings, preset = self.study.content.settings, self.study.preset
        cutoff_ev, note = self._cutoff()
        return CalcSpec(
            title=f"{self.material.name}: {title}",
            reference=self.study.content.reference,
            task="potential",
            xc=settings.xc,
            cutoff_ev=cutoff_ev,
            cutoff_note=note,
            grid=(1, 1, 1),
            smearing_ev=settings.smearing_ev,
            scf_tol_ev_per_atom=preset.scf_tol_ev_per_atom or settings.scf_tol_ev_per_atom,
            max_scf_cycles=settings.max_scf_cycles,
            empty_bands=preset.empty_bands or settings.empty_bands,
            dispersion=settings.dispersion,
            hubbard_u_ev=settings.hubbard_of(self._elements()),
            spin_orbit=settings.spin_orbit,
            core_levels=settings.core_levels,
        )

    def _elements(self) -> frozenset[str]:
        return frozenset(elements_of_unchanged(self.material.start))

    def _cutoff(self) -> tuple[float, str]:
        least = self.study.preset.min_cutoff_ev
        if least is not None and least > self.entry.cutoff_ev:
            return least, f"preset {self.study.preset_name}; the study says {self.entry.cutoff_ev} eV"
        return self.entry.cutoff_ev, self._cited("cutoff_ev", self.entry.from_reference)

    def _cited(self, key: str, from_reference: tuple[str, ...]) -> str:
        """The study's reference, where the study says that the value of `key` is from there."""
        return f"doi {self.study.content.reference}" if key in from_reference else ""

    def relaxation(self, cell: CellFreedom) -> Relaxation:
        """The study's criteria, with what may change of the cell."""
        settings = self.study.content.settings
        sources = settings.from_reference
        return settings.relaxation(cell, {key: self._cited(key, sources) for key in TOLERANCES if key in sources})

    # --- grids ---

    def grid(self, use: GridUse, cell: Structure) -> dict[str, Any]:
        """Grid of the crystal, and where it comes from: fields of a `CalcSpec`."""
        counts, gamma = self._points(use, cell.lattice)
        return {"grid": counts, "gamma_centred": gamma, "grid_note": self._grid_note(use)}

    def _grid_note(self, use: GridUse) -> str:
        spacing = self.study.preset.kpoint_spacing_per_ang
        if spacing is not None:
            return f"{self.study.asked_by('kpoint_spacing_per_ang')}: at most {spacing} 1/Å apart"
        key, _ = self._asked(use)
        if key != f"{use}_kpoints":
            return f"preset {self.study.preset_name}: {key} of the study"
        return self._cited(key, self.entry.from_reference)

    def states_grid(self, cell: Structure) -> StatesGrid:
        """The grid of the density of states, where the study asks for one of this material."""
        request = self.study.asked.states
        assert request is not None, "a step is planned where there is a request"
        return request.states_grid(cell.lattice.matrix)

    def in_plane_grid(self, use: GridUse, slab: SlabModel) -> dict[str, Any]:
        """The crystal's own grid projected on the plane, so that both sample it alike; one point along the normal.

        Where the projection is no grid, or far denser than the crystal's, one that is as dense.
        """
        if slab.crystal_ang is None or (plane := slab.plane_vectors) is None:
            crystal = self.material.start.lattice
            return self._as_dense(slab.structure.lattice, crystal, *self._points(use, crystal))
        crystal = Lattice(slab.crystal_ang)
        counts, gamma = self._points(use, crystal)
        shift = shift_of_grid(counts, gamma=gamma)
        as_dense = self._as_dense(slab.structure.lattice, crystal, counts, gamma)
        projected = projected_grid(counts, shift, plane)
        if projected is None or prod(projected[0]) > MOST_TIMES_AS_DENSE * prod(as_dense["grid"]):
            return as_dense
        note = f"the {grid_text(counts, shift)} of the crystal, projected on the plane; 1 along the normal"
        return _where(*projected) | {"grid": projected[0], "grid_note": note}

    def _as_dense(self, slab: Lattice, crystal: Lattice, counts: Counts, gamma: bool) -> dict[str, Any]:
        spacing = spacing_of_grid(crystal.matrix, counts)
        # A fifth of a point short is still as dense: 14.3 Å against twice 8.2 Å asks for one point, not two. A spacing
        # that a preset or a sweep asks for is kept to.
        short_points = 0.2 if self.study.preset.kpoint_spacing_per_ang is None else ROUNDING_POINTS
        grid = grid_of_spacing(slab.matrix, spacing, normal=2, short_points=short_points)
        own = grid_text(counts, shift_of_grid(counts, gamma=gamma))
        note = f"as dense as the {own} of the crystal; 1 along the normal"
        return {"grid": grid, "gamma_centred": gamma or is_hexagonal(slab), "grid_note": note}

    def _points(self, use: GridUse, crystal: Lattice) -> tuple[Counts, bool]:
        """Numbers of the crystal's grid, and whether it holds Γ: as the material says, under a spacing too."""
        spacing, (_, asked) = self.study.preset.kpoint_spacing_per_ang, self._asked(use)
        counts = asked.size if spacing is None else grid_of_spacing(crystal.matrix, spacing)
        return counts, is_hexagonal(crystal) if asked.gamma is None else asked.gamma

    def _asked(self, use: GridUse) -> tuple[str, KPoints]:
        """Key in the study file, and the grid: the preset may take the one of the other use."""
        key = {"study": f"{use}_kpoints", "coarse": "relax_kpoints", "fine": "bands_kpoints"}[self.study.preset.grids]
        return key, self.entry.relax_kpoints if key == "relax_kpoints" else self.entry.bands_kpoints


def _where(counts: Counts, shift: Shift) -> dict[str, Any]:
    """Where a grid stands: fields of a `CalcSpec`."""
    if same_shift(shift, monkhorst_pack_shift(counts)):
        return {}
    return {"gamma_centred": True} if same_shift(shift, NO_SHIFT) else {"shift": shift}
