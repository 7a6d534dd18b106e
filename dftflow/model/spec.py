"""What to calculate, said without naming any code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dftflow.errors import SpecError
from dftflow.model.bounds import MOST_GRID_POINTS, grid_is_too_dense
from dftflow.model.correction import Correction
from dftflow.model.dispersion import Dispersion, check_dispersion
from dftflow.model.kpoint_grid import NO_SHIFT, Shift, grid_kind, shift_of_grid

__all__ = ["CalcSpec", "CellFreedom", "KPath", "KPoint", "Relaxation", "StatesGrid", "Task"]

Task = Literal["relax", "bands", "potential", "shifts", "dos", "masses"]
CellFreedom = Literal["fixed", "isotropic", "lengths", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KPoint:
    """A k-point with its name.

    Attributes
    ----------
    label
        Name of the point in the notation of Setyawan and Curtarolo (10.1016/j.commatsci.2010.05.010); ``"G"`` is Γ.
    frac
        Coordinates in units of the reciprocal lattice vectors of the cell that is calculated.
    """

    label: str
    frac: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class KPath:
    """A path through the Brillouin zone: unbroken segments, each a run of named points.

    Attributes
    ----------
    segments
        Every segment has two or more points; between two segments the path jumps.
    spacing_per_ang
        Largest distance between neighbouring k-points, 2π included, in 1/Å (CASTEP's convention for paths).
    """

    segments: tuple[tuple[KPoint, ...], ...]
    spacing_per_ang: float

    def __post_init__(self) -> None:
        if not self.spacing_per_ang > 0:
            raise SpecError(
                f"the spacing of the path is {self.spacing_per_ang} 1/Å", fix="give one above zero, e.g. 0.05"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """How far and how well a geometry is relaxed (the four criteria that CASTEP's BFGS uses).

    Attributes
    ----------
    cell
        ``fixed``: ions only. ``isotropic``: all lengths by one factor. ``lengths``: each length by itself, angles
        kept. ``all``: no constraint.
    notes
        Name of a criterion -> where its value comes from, for the comments in a deck; a criterion that is left out
        has no note.
    """

    cell: CellFreedom
    energy_tol_ev_per_atom: float
    force_tol_ev_per_ang: float
    stress_tol_gpa: float
    displacement_tol_ang: float
    max_steps: int
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatesGrid:
    """A grid of its own for the states of a crystal, denser than that of the density.

    Attributes
    ----------
    counts, shift
        Points along each reciprocal lattice vector, and where the grid stands, in steps from one that holds Γ
        (see `dftflow.model.kpoint_grid`).
    note
        Where it comes from, for the comment in the deck.
    """

    counts: tuple[int, int, int]
    shift: Shift = NO_SHIFT
    note: str = ""

    def __post_init__(self) -> None:
        if any(type(number) is not int or number < 1 for number in self.counts):
            raise SpecError(f"the k-grid of the states is {self.counts}", fix="give three whole numbers of at least 1")
        if grid_is_too_dense(self.counts):
            raise SpecError(
                f"the k-grid {self.counts} of the states has more than {MOST_GRID_POINTS} points",
                fix="ask for a wider spacing (kpoint_spacing_per_ang), or for a coarser grid",
            )
        if not set(self.shift) <= {0.0, 0.5}:
            raise SpecError(
                f"the k-grid of the states is shifted by {self.shift} of a step", fix="give 0 or 0.5 for each direction"
            )

    @property
    def kind(self) -> str:
        """``Monkhorst-Pack``, ``Gamma-centred``, or where else the grid stands."""
        return grid_kind(self.counts, self.shift)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalcSpec:
    """One calculation, code-neutral. A code renders it to a deck or says what it cannot express.

    Attributes
    ----------
    title
        One line that names the calculation to a person.
    task
        ``relax`` (geometry), ``bands`` (SCF, then bands along `path` and at `edge_kpoints`), ``potential``
        (SCF of a slab, with the local or electrostatic potential written), ``shifts`` (SCF, then the band edges at
        `edge_kpoints`, which the grid holds, with each of `corrections`), ``dos`` (SCF, then states on `states_grid`)
        or ``masses`` (SCF, then states at `edge_kpoints`, which lie around the band edges).
    xc
        Exchange-correlation functional, in upper case: ``PBE``.
    dispersion
        Correction of energies and forces for the dispersion that the functional lacks.
    moments_mub
        Starting moments, one an atom, along one axis; ``()`` for a calculation without spin polarisation.
    hubbard_u_ev
        ``"Ni:d"`` -> effective U = U - J of these shells (Dudarev, 10.1103/PhysRevB.57.1505).
    spin_orbit
        Self-consistent spin-orbit coupling: a band then holds one electron.
    core_levels
        Whether the energies of core states are written, by which crystals can be lined up too.
    cutoff_ev
        Plane-wave cutoff of the wave functions.
    grid, gamma_centred
        k-points of the SCF along each reciprocal lattice vector: the grid of Monkhorst and Pack
        (10.1103/PhysRevB.13.5188), of which an even number leaves out Γ and the zone border, or one that holds Γ
        whatever the numbers. Both are the same for odd numbers.
    shift
        Where the grid stands when that is neither of the two: 0 or 1/2 of a step along each direction, as the points of
        a crystal's grid have it that are projected on a plane. None otherwise.
    smearing_ev
        Width of the occupation smearing.
    scf_tol_ev_per_atom, max_scf_cycles
        When the SCF counts as converged, and when it is given up.
    empty_bands
        Bands above the highest occupied one, wherever eigenvalues are asked for.
    relaxation
        Only with ``relax``.
    path
        Only with ``bands``.
    edge_kpoints
        Points where band edges are known to lie, besides the path and the grid: the special points of a crystal with
        ``bands``, those of the surface's zone with ``potential``. With ``shifts`` they are points of the grid.
    corrections
        Only with ``shifts``.
    states_grid
        Only with ``dos``.
    slab_axis
        0, 1 or 2 when the cell holds a slab whose normal lies along that lattice vector and the Cartesian axis of
        the same number; None for a crystal. A slab is not periodic along it, and gets a dipole correction there.
    fixed_atoms
        Indices of the atoms that do not move; only with ``relax``. Symmetry is then not used: it could move them.
    continues
        Stem of the files that an earlier calculation left (``"../CsPbBr3-relax/CsPbBr3-relax"``), whose density and
        wave functions are the start. The result does not depend on it, and a code may start afresh instead.
    reference
        DOI of the publication that the study refers to, for the head of the deck; ``""`` without one. It says nothing
        of any single setting: the notes do.
    cutoff_note, grid_note
        Where the two numbers come from, for the comment in the deck; ``""`` for a choice of the study's own.
    """

    title: str
    task: Task
    xc: str
    cutoff_ev: float
    grid: tuple[int, int, int]
    gamma_centred: bool = False
    shift: Shift | None = None
    smearing_ev: float
    scf_tol_ev_per_atom: float
    max_scf_cycles: int
    empty_bands: int = 12
    dispersion: Dispersion = "none"
    moments_mub: tuple[float, ...] = ()
    hubbard_u_ev: Mapping[str, float] = field(default_factory=dict)
    spin_orbit: bool = False
    core_levels: bool = False
    relaxation: Relaxation | None = None
    path: KPath | None = None
    edge_kpoints: tuple[KPoint, ...] = ()
    corrections: tuple[Correction, ...] = ()
    states_grid: StatesGrid | None = None
    slab_axis: int | None = None
    fixed_atoms: tuple[int, ...] = ()
    continues: str = ""
    reference: str = ""
    cutoff_note: str = ""
    grid_note: str = ""

    def __post_init__(self) -> None:
        if self.cutoff_ev <= 0:
            raise SpecError(f"the cutoff is {self.cutoff_ev} eV", fix="give a cutoff above zero, e.g. 435.4")
        if len(self.grid) != 3 or any(type(number) is not int or number < 1 for number in self.grid):
            raise SpecError(f"the k-grid is {self.grid}", fix="give three whole numbers of at least 1")
        if grid_is_too_dense(self.grid):
            raise SpecError(
                f"the k-grid {self.grid} has more than {MOST_GRID_POINTS} points",
                fix="ask for a wider spacing (kpoint_spacing_per_ang), or for a coarser grid",
            )
        if self.shift is not None and not set(self.shift) <= {0.0, 0.5}:
            raise SpecError(f"the k-grid is shifted by {self.shift} of a step", fix="give 0 or 0.5 for each direction")
        if (self.task == "relax") != (self.relaxation is not None):
            raise SpecError(f"task {self.task!r} and relaxation={self.relaxation!r} do not go together")
        if (self.task == "bands") != (self.path is not None):
            raise SpecError(f"task {self.task!r} and path={self.path!r} do not go together")
        if (self.task == "shifts") != bool(self.corrections):
            raise SpecError(f"task {self.task!r} and corrections={self.corrections!r} do not go together")
        if (self.task == "dos") != (self.states_grid is not None):
            raise SpecError(f"task {self.task!r} and states_grid={self.states_grid!r} do not go together")
        if self.task == "masses" and not self.edge_kpoints:
            raise SpecError("no effective mass can be found without k-points", fix="give edge_kpoints")
        if self.task in ("dos", "masses") and self.slab_axis is not None:
            raise SpecError(f"task {self.task!r} is one of crystals", fix="leave slab_axis out")
        if self.edge_kpoints and self.task == "relax":
            raise SpecError("a relaxation calculates no points besides its grid", fix="leave edge_kpoints out")
        self._check_slab()
        check_dispersion(self.dispersion, self.xc)
        if self.spin_orbit and self.spin_polarised and (self.path is not None or self.edge_kpoints):
            raise SpecError(
                "no list of k-points is written here for spin-orbit coupling with magnetic moments",
                reason="it holds one of k and -k, which are alike only without moments",
                fix="leave out spin_orbit or the moments (moments = {})",
            )
        if self.fixed_atoms and self.task != "relax":
            raise SpecError(f"task {self.task!r} moves no atom, so none can be fixed", fix="leave fixed_atoms out")
        if len(set(self.fixed_atoms)) != len(self.fixed_atoms):
            raise SpecError(f"an atom stands twice in fixed_atoms {self.fixed_atoms}", fix="name each atom once")

    @property
    def grid_shift(self) -> Shift:
        """Where the grid stands, in steps from one that holds Γ (see `dftflow.model.kpoint_grid`)."""
        if self.shift is not None:
            return self.shift
        return shift_of_grid(self.grid, gamma=self.gamma_centred)

    @property
    def spin_polarised(self) -> bool:
        """Whether it has two spin channels, or spinors that start with moments."""
        return bool(self.moments_mub)

    @property
    def grid_kind(self) -> str:
        """``Monkhorst-Pack``, ``Gamma-centred``, or where else the grid stands."""
        return "Gamma-centred" if self.gamma_centred else grid_kind(self.grid, self.grid_shift)

    @property
    def empty_count(self) -> int:
        """Empty bands to calculate: two spinors for each that is asked for."""
        return (2 if self.spin_orbit else 1) * self.empty_bands

    @property
    def moves_cell(self) -> bool:
        """Whether it relaxes more than the ions."""
        return self.relaxation is not None and self.relaxation.cell != "fixed"

    def _check_slab(self) -> None:
        axis = self.slab_axis
        if axis is None:
            return
        if axis not in (0, 1, 2):
            raise SpecError(f"slab_axis is {axis}", fix="give 0, 1 or 2")
        if self.grid[axis] != 1:
            raise SpecError(
                f"the k-grid {self.grid} has {self.grid[axis]} points along the slab's normal",
                reason="a slab does not repeat along its normal",
                fix=f"give 1 for direction {'abc'[axis]}",
            )
        if self.relaxation is not None and self.moves_cell:
            raise SpecError(
                f"the cell of a slab cannot be relaxed ({self.relaxation.cell!r})",
                reason="the vacuum would shrink",
                fix="relax the crystal first, then the slab with cell='fixed'",
            )

    def check_moments(self, number_of_atoms: int) -> None:
        """Raise `SpecError` when the moments are not one an atom."""
        if self.moments_mub and len(self.moments_mub) != number_of_atoms:
            raise SpecError(
                f"{len(self.moments_mub)} moments are given for {number_of_atoms} atoms", fix="give one for each"
            )

    def check_fixed_atoms(self, number_of_atoms: int) -> None:
        """Raise `SpecError` when `fixed_atoms` names an atom that is not there, or leaves none free."""
        wrong = [index for index in self.fixed_atoms if not 0 <= index < number_of_atoms]
        if wrong:
            raise SpecError(
                f"fixed_atoms names atom {wrong[0]}, but there are {number_of_atoms}",
                fix=f"count from 0 to {number_of_atoms - 1}",
            )
        if len(self.fixed_atoms) == number_of_atoms:
            raise SpecError("all atoms are fixed: there is nothing to relax", fix="leave some of them free")
