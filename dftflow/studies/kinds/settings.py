"""The settings that the steps of one material share: cutoff, grids, tolerances, each with where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from dftflow.crystals.geometry import elements_of_unchanged
from dftflow.crystals.symmetry import is_hexagonal
from dftflow.model.kpoint_grid import grid_of_spacing, spacing_of_grid
from dftflow.model.spec import CalcSpec, CellFreedom, Relaxation
from dftflow.studies.material import Material
from dftflow.studies.reader import Study
from dftflow.studies.schema import TOLERANCES, KPoints, MaterialEntry

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

__all__ = ["GridUse", "MaterialSettings"]

GridUse = Literal["relax", "bands"]


class MaterialSettings:
    """What a study and its preset ask for one material.

    Parameters
    ----------
    study
        With the preset chosen.
    material
        Its `start` is what grids of slabs are as dense as.
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
        spacing = self.study.preset.kpoint_spacing_per_ang
        if spacing is not None:
            grid = grid_of_spacing(cell.lattice.matrix, spacing)
            note = f"{self.study.asked_by('kpoint_spacing_per_ang')}: at most {spacing} 1/Å apart"
            return {"grid": grid, "gamma_centred": is_hexagonal(cell.lattice), "grid_note": note}
        key, asked = self._asked(use)
        note = self._cited(key, self.entry.from_reference)
        if key != f"{use}_kpoints":
            note = f"preset {self.study.preset_name}: {key} of the study"
        return {"grid": asked.size, "gamma_centred": _holds_gamma(asked, cell.lattice), "grid_note": note}

    def in_plane_grid(self, use: GridUse, slab: Structure) -> dict[str, Any]:
        """A grid in the plane as dense as that of the crystal, and one point along the normal."""
        spacing = self.study.preset.kpoint_spacing_per_ang
        note = f"{self.study.asked_by('kpoint_spacing_per_ang')}: at most {spacing} 1/Å apart; 1 along the normal"
        gamma, as_dense = is_hexagonal(slab.lattice), spacing is None
        if spacing is None:
            key, asked = self._asked(use)
            spacing = spacing_of_grid(self.material.start.lattice.matrix, asked.size)
            gamma = _holds_gamma(asked, slab.lattice)
            note = f"as dense as {key} = {'x'.join(map(str, asked.size))} of the crystal; 1 along the normal"
        # A fifth of a point short is still as dense: 14.3 Å against twice 8.2 Å asks for one point, not two.
        short = {"short_points": 0.2} if as_dense else {}
        grid = grid_of_spacing(slab.lattice.matrix, spacing, normal=2, **short)
        return {"grid": grid, "gamma_centred": gamma, "grid_note": note}

    def _asked(self, use: GridUse) -> tuple[str, KPoints]:
        """Key in the study file, and the grid: the preset may take the one of the other use."""
        key = {"study": f"{use}_kpoints", "coarse": "relax_kpoints", "fine": "bands_kpoints"}[self.study.preset.grids]
        return key, self.entry.relax_kpoints if key == "relax_kpoints" else self.entry.bands_kpoints


def _holds_gamma(asked: KPoints, lattice: Lattice) -> bool:
    return is_hexagonal(lattice) if asked.gamma is None else asked.gamma
