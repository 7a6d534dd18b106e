"""A study as steps: which calculation needs which, on which structure, with which settings.

    bulk-relax ──┬── bulk-bands
                 ├── slab-<hkl>-relax ── slab-<hkl>-potential      (one pair a slab)
                 └── …

The same plan drives `dftflow run` and `dftflow decks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dftflow.codes.base import Code
from dftflow.codes.reading import read_results
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.kpaths import special_points, standard_path, surface_points
from dftflow.crystals.molecules import load_molecule
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import choose_slab, enumerate_slabs
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.substitution import substitute
from dftflow.crystals.symmetry import is_hexagonal
from dftflow.errors import CalculationError, StudyError
from dftflow.model.spec import CalcSpec, CellFreedom, KPoint, Relaxation
from dftflow.model.surface import SlabModel
from dftflow.studies.reader import Study
from dftflow.studies.schema import TOLERANCES, KPoints, MaterialEntry, SlabEntry

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

__all__ = ["MaterialPlan", "Step", "StudyPlan"]

StructureOf = Callable[[str], "Structure"]
"""Final structure of a finished step, by the step's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One calculation of the study.

    Attributes
    ----------
    name
        ``"CsPbBr3/bulk-relax"``.
    seed
        Stem of its files.
    needs
        Names of the steps whose final structures it is built from.
    build
        Called with that lookup; gives the structure and what to calculate.
    """

    name: str
    seed: str
    title: str
    needs: tuple[str, ...]
    build: Callable[[StructureOf], tuple[Structure, CalcSpec]]


class MaterialPlan:
    """The steps of one material.

    Parameters
    ----------
    name
        Key in the study file.
    entry
        Its table.
    study
        The whole study.
    for_decks
        Whether the steps are for another machine, where the folders of all steps are known beforehand.

    Raises
    ------
    DftflowError
        When its crystal, its substitution or one of its planes cannot be made.
    """

    def __init__(self, name: str, entry: MaterialEntry, study: Study, *, for_decks: bool = False) -> None:
        self.for_decks = for_decks
        self.relaxes_slabs = study.preset.slab_relax
        self.name = name
        self.entry = entry
        self.study = study

    @cached_property
    def crystal(self) -> Crystal:
        """The crystal as shipped, read or fetched, before any substitution."""
        return load_crystal(self.entry.structure, base_dir=self.study.file.parent, where=str(self.study.file))

    @cached_property
    def start(self) -> Structure:
        """The crystal that the first step starts from."""
        made = self.entry.substitute
        if made is None:
            return self.crystal.structure
        return substitute(
            self.crystal.structure,
            site=made.site,
            by=load_molecule(made.by, base_dir=self.study.file.parent, charge=made.charge),
            orientation=made.orientation,
            seed=made.seed,
            supercell=self.entry.supercell,
            pseudocubic_ang=self.entry.pseudocubic_ang,
        )

    # --- steps ---

    @property
    def relax_step(self) -> str | None:
        """Name of the bulk relaxation, None when the preset has none."""
        return None if self.study.preset.bulk_relax == "none" else f"{self.name}/bulk-relax"

    @property
    def bands_step(self) -> str:
        """Name of the band-structure step."""
        return f"{self.name}/bulk-bands"

    @property
    def slab_entries(self) -> tuple[SlabEntry, ...]:
        """The slabs that the preset calculates."""
        return self.entry.slabs if self.study.preset.slabs else ()

    def slab_step(self, index: int, task: str) -> str:
        """Name of a step of slab number `index`: ``CsPbBr3/slab-011-relax``."""
        slabs = self.slab_entries
        label = _miller_label(slabs[index].miller)
        twins = [k for k, slab in enumerate(slabs) if _miller_label(slab.miller) == label]
        number = f"-{twins.index(index) + 1}" if len(twins) > 1 else ""
        return f"{self.name}/slab-{label}{number}-{task}"

    def steps(self) -> tuple[Step, ...]:
        """All steps, each after the one it needs."""
        steps = []
        if self.relax_step is not None:
            steps.append(self._step(self.relax_step, (), lambda of: (self.start, self._bulk_relax_spec())))
        bulk = () if self.relax_step is None else (self.relax_step,)
        steps.append(self._step(self.bands_step, bulk, self._build_bands))
        for index in range(len(self.slab_entries)):
            before = bulk
            if self.relaxes_slabs:
                before = (self.slab_step(index, "relax"),)
                steps.append(self._step(*before, bulk, self._slab_relax_builder(index)))
            steps.append(self._step(self.slab_step(index, "potential"), before, self._potential_builder(index)))
        return tuple(steps)

    def _step(
        self, name: str, needs: tuple[str, ...], build: Callable[[StructureOf], tuple[Structure, CalcSpec]]
    ) -> Step:
        return Step(name=name, seed=name.replace("/", "-"), title=_TITLES[_task_of(name)], needs=needs, build=build)

    def _build_bands(self, structure_of: StructureOf) -> tuple[Structure, CalcSpec]:
        bulk = self.bulk(structure_of)
        return bulk, replace(self._bands_spec(bulk), continues=self._continued(self.relax_step))

    def _slab_relax_builder(self, index: int) -> Callable[[StructureOf], tuple[Structure, CalcSpec]]:
        def build(structure_of: StructureOf) -> tuple[Structure, CalcSpec]:
            slab = self.slab(index, self.bulk(structure_of)).structure
            return slab, self._slab_spec(index, slab, "relax")

        return build

    def _potential_builder(self, index: int) -> Callable[[StructureOf], tuple[Structure, CalcSpec]]:
        def build(structure_of: StructureOf) -> tuple[Structure, CalcSpec]:
            before = self.slab_step(index, "relax") if self.relaxes_slabs else None
            slab = self.slab(index, self.bulk(structure_of)).structure if before is None else structure_of(before)
            return slab, replace(self._slab_spec(index, slab, "potential"), continues=self._continued(before))

        return build

    def _continued(self, before: str | None) -> str:
        """Stem of the files of an earlier step, seen from the folder of a deck; ``""`` where there is none.

        Only decks for another machine lie in folders whose names are known beforehand.
        """
        if before is None or not self.for_decks:
            return ""
        return f"../{before.rsplit('/', 1)[1]}/{before.replace('/', '-')}"

    # --- structures ---

    def bulk(self, structure_of: StructureOf) -> Structure:
        """The crystal that bands and slabs are made from."""
        return self.start if self.relax_step is None else structure_of(self.relax_step)

    def slab(self, index: int, bulk: Structure) -> SlabModel:
        """Slab number `index`, cleaved from `bulk`."""
        entry = self.slab_entries[index]
        return choose_slab(self.slabs(entry, bulk), entry.termination, allow_refused=entry.allow_refused)

    def slabs(self, entry: SlabEntry, bulk: Structure) -> tuple[SlabModel, ...]:
        """Every termination of one plane."""
        return enumerate_slabs(
            bulk,
            resolve_plane(bulk, entry.miller, entry.setting),
            min_thickness_ang=entry.min_thickness_ang or self.study.preset.slab_thickness_ang,
            vacuum_ang=entry.vacuum_ang or self.study.preset.vacuum_ang,
        )

    # --- settings ---

    @property
    def edge_point(self) -> KPoint | None:
        """The k-point that must be in the band calculation, as the study names it."""
        label = self.entry.band_edge
        if label is None:
            return None
        points = special_points(self.start)
        if label not in points:
            raise StudyError(
                f"band_edge = {label!r} is no special point of the cell of {self.name}",
                where=str(self.study.file),
                fix=f"its special points are {', '.join(points)} (G is Gamma)",
            )
        return points[label]

    def _cutoff(self) -> tuple[float, str]:
        least = self.study.preset.min_cutoff_ev
        if least is not None and least > self.entry.cutoff_ev:
            return least, f"preset {self.study.preset_name}; the study says {self.entry.cutoff_ev} eV"
        return self.entry.cutoff_ev, self._cited("cutoff_ev", self.entry.from_reference)

    def _grid(self, purpose: Purpose, cell: Structure) -> dict[str, Any]:
        """Grid of the crystal for its geometry or its bands, and where it comes from: fields of a `CalcSpec`."""
        spacing = self.study.preset.kpoint_spacing_per_ang
        if spacing is not None:
            lengths = np.linalg.norm(cell.lattice.reciprocal_lattice.matrix, axis=1)
            a, b, c = (max(1, ceil(length / spacing - 1e-6)) for length in lengths)
            note = f"preset {self.study.preset_name}: at most {spacing} 1/Å apart"
            return {"grid": (a, b, c), "gamma_centred": is_hexagonal(cell.lattice), "grid_note": note}
        key, asked = self._asked(purpose)
        note = self._cited(key, self.entry.from_reference)
        if key != f"{purpose}_kpoints":
            note = f"preset {self.study.preset_name}: {key} of the study"
        return {"grid": asked.size, "gamma_centred": _holds_gamma(asked, cell.lattice), "grid_note": note}

    def _asked(self, purpose: Purpose) -> tuple[str, KPoints]:
        """Key in the study file, and the grid: the preset may take the one of the other purpose."""
        key = {"study": f"{purpose}_kpoints", "coarse": "relax_kpoints", "fine": "bands_kpoints"}[
            self.study.preset.grids
        ]
        return key, self.entry.relax_kpoints if key == "relax_kpoints" else self.entry.bands_kpoints

    def _cited(self, key: str, from_reference: tuple[str, ...]) -> str:
        """The study's reference, where the study says that the value of `key` is from there."""
        return f"doi {self.study.content.reference}" if key in from_reference else ""

    def _common(self, title: str) -> CalcSpec:
        settings = self.study.content.settings
        cutoff, note = self._cutoff()
        return CalcSpec(
            title=f"{self.name}: {title}",
            reference=self.study.content.reference,
            task="potential",
            xc=settings.xc,
            cutoff_ev=cutoff,
            cutoff_note=note,
            grid=(1, 1, 1),
            smearing_ev=settings.smearing_ev,
            scf_tol_ev_per_atom=self.study.preset.scf_tol_ev_per_atom or settings.scf_tol_ev_per_atom,
            max_scf_cycles=settings.max_scf_cycles,
            empty_bands=self.study.preset.empty_bands or settings.empty_bands,
        )

    def _relaxation(self, cell: CellFreedom) -> Relaxation:
        settings = self.study.content.settings
        return Relaxation(
            cell=cell,
            energy_tol_ev_per_atom=settings.energy_tol_ev_per_atom,
            force_tol_ev_per_ang=settings.force_tol_ev_per_ang,
            stress_tol_gpa=settings.stress_tol_gpa,
            displacement_tol_ang=settings.displacement_tol_ang,
            max_steps=settings.max_relax_steps,
            notes={
                key: self._cited(key, settings.from_reference) for key in TOLERANCES if key in settings.from_reference
            },
        )

    def _bulk_relax_spec(self) -> CalcSpec:
        freedom: CellFreedom = self.entry.cell if self.study.preset.bulk_relax == "cell" else "fixed"
        common = self._common("geometry of the crystal")
        return replace(common, task="relax", relaxation=self._relaxation(freedom), **self._grid("relax", self.start))

    def _bands_spec(self, bulk: Structure) -> CalcSpec:
        return replace(
            self._common("band structure of the crystal"),
            task="bands",
            path=standard_path(bulk, self.study.preset.path_spacing_per_ang),
            edge_kpoints=tuple(special_points(bulk).values()),
            **self._grid("bands", bulk),
        )

    def _slab_spec(self, index: int, slab: Structure, task: str) -> CalcSpec:
        plane = f"({_miller_label(self.slab_entries[index].miller)}) slab"
        purpose: Purpose = "relax" if task == "relax" else "bands"
        common = replace(self._common(plane), slab_axis=2, **self._in_plane_grid(purpose, slab))
        if task == "relax":
            return replace(
                common,
                task="relax",
                title=f"{self.name}: ions of the {plane}",
                relaxation=self._relaxation("fixed"),
                fixed_atoms=self._held_atoms(index, slab),
            )
        return replace(
            common,
            title=f"{self.name}: electrostatic potential of the {plane}",
            edge_kpoints=surface_points(slab),
            empty_bands=min(common.empty_bands, SLAB_EMPTY_BANDS),
        )

    def _held_atoms(self, index: int, slab: Structure) -> tuple[int, ...]:
        height_ang = self.slab_entries[index].hold_middle_ang
        if height_ang is not None:
            return _atoms_around_middle(slab, height_ang)
        return _middle_layer(slab) if self.study.preset.hold_middle_layer else ()

    def _in_plane_grid(self, purpose: Purpose, slab: Structure) -> dict[str, Any]:
        """A grid in the plane as dense as that of the crystal, and one point along the normal."""
        spacing = self.study.preset.kpoint_spacing_per_ang
        note = f"preset {self.study.preset_name}: at most {spacing} 1/Å apart; 1 along the normal"
        gamma = is_hexagonal(slab.lattice)
        if spacing is None:
            key, asked = self._asked(purpose)
            lengths = np.linalg.norm(self.start.lattice.reciprocal_lattice.matrix, axis=1)
            spacing = float(max(length / n for length, n in zip(lengths, asked.size, strict=True)))
            gamma = _holds_gamma(asked, slab.lattice)
            note = f"as dense as {key} = {'x'.join(map(str, asked.size))} of the crystal; 1 along the normal"
        a, b, _ = (2 * pi / height for height in _heights(slab))
        # A fifth of a point short is still as dense: 14.3 Å against twice 8.2 Å asks for one point, not two.
        grid = (max(1, ceil(a / spacing - 0.2)), max(1, ceil(b / spacing - 0.2)), 1)
        return {"grid": grid, "gamma_centred": gamma, "grid_note": note}


def _holds_gamma(asked: KPoints, lattice: Lattice) -> bool:
    return is_hexagonal(lattice) if asked.gamma is None else asked.gamma


def _middle_layer(slab: Structure) -> tuple[int, ...]:
    """Indices of the atoms of the middle layer, of the two middle ones when their number is even."""
    layers = slab.site_properties["layer"]
    top = max(layers)
    return tuple(index for index, layer in enumerate(layers) if layer in (top // 2, (top + 1) // 2))


def _atoms_around_middle(slab: Structure, height_ang: float) -> tuple[int, ...]:
    """Indices of the atoms at most half of `height_ang` from the middle between the slab's outermost atoms."""
    heights = slab.cart_coords[:, 2]
    middle = (heights.max() + heights.min()) / 2
    return tuple(int(index) for index in np.flatnonzero(np.abs(heights - middle) <= height_ang / 2))


def _heights(slab: Structure) -> tuple[float, float, float]:
    lengths = 2 * pi / np.linalg.norm(slab.lattice.reciprocal_lattice.matrix, axis=1)
    return (float(lengths[0]), float(lengths[1]), float(lengths[2]))


def _miller_label(miller: tuple[int, int, int]) -> str:
    return "".join(f"{index}" for index in miller)


def _task_of(step_name: str) -> str:
    kind = step_name.rsplit("/", 1)[1]
    return kind if kind.startswith("bulk") else f"slab-{kind.rsplit('-', 1)[1]}"


SLAB_EMPTY_BANDS = 4
"""Enough for a slab's own gap; higher ones lie among the states of the vacuum, and hardly converge."""
Purpose = Literal["relax", "bands"]
_TITLES = {
    "bulk-relax": "bulk: geometry",
    "bulk-bands": "bulk: band structure",
    "slab-relax": "slab: ions",
    "slab-potential": "slab: potential",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """All steps of a study, for one code."""

    study: Study
    code: Code
    materials: tuple[MaterialPlan, ...]

    @classmethod
    def of(cls, study: Study, code: Code, *, for_decks: bool = False) -> StudyPlan:
        """The plan of `study` for `code`: to run here, or as decks for another machine."""
        entries = study.content.materials.items()
        materials = tuple(MaterialPlan(name, entry, study, for_decks=for_decks) for name, entry in entries)
        return cls(study=study, code=code, materials=materials)

    def steps(self) -> tuple[Step, ...]:
        """All steps, material by material."""
        return tuple(step for material in self.materials for step in material.steps())

    def check(self) -> None:
        """Build every crystal and every slab once from its start, so that a mistake shows before anything runs."""
        for material in self.materials:
            _ = material.edge_point
            for index in range(len(material.slab_entries)):
                material.slab(index, material.start)

    def start_structures(self) -> StructureOf:
        """Lookup of the structures that steps would end with if nothing moved."""
        by_name = {step.name: step for step in self.steps()}

        def structure_of(name: str) -> Structure:
            structure, _ = by_name[name].build(structure_of)
            return structure

        return structure_of

    def structure_in(self, folders: Mapping[str, Path]) -> StructureOf:
        """Lookup of final structures in the folders of finished steps."""

        def structure_of(name: str) -> Structure:
            structure = read_results(self.code, folders[name]).structure
            if structure is None:
                raise CalculationError(f"{name} finished without a geometry", where=str(folders[name]))
            return structure

        return structure_of
