"""A deck for one crystal or one slab, without a study.

>>> import dftflow.api.deck as decks                                        # doctest: +SKIP
>>> decks.deck("POSCAR", code="vasp", task="relax").write("Si-relax")       # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from pydantic import ValidationError

from dftflow.api.defaults import Default, default_cutoff, default_grid
from dftflow.api.structures import StructureLike, as_structure
from dftflow.codes.base import Code
from dftflow.codes.registry import load_code
from dftflow.crystals.cell_charge import check_neutral
from dftflow.crystals.ions import formula_of
from dftflow.crystals.kpaths import special_points, standard_path, surface_path, surface_points
from dftflow.crystals.moments import check_open_shells, moments_of, with_moments
from dftflow.crystals.symmetry import is_hexagonal
from dftflow.crystals.vacuum import LEAST_NAMED_VACUUM_ANG, LEAST_VACUUM_ANG, slab_axis_of
from dftflow.errors import InputError, OptionError, SpecError
from dftflow.jobs.by_hand import Ledger
from dftflow.jobs.output_place import output_folder
from dftflow.jobs.store import storage_errors
from dftflow.model import bounds
from dftflow.model.bounds import Bound
from dftflow.model.deck import Deck
from dftflow.model.dispersion import Dispersion
from dftflow.model.entry_reason import reason_of
from dftflow.model.kpoint_grid import Counts, grid_of_spacing, grid_text
from dftflow.model.names import is_name
from dftflow.model.periodic_cell import empty_widths_ang
from dftflow.model.printable import shown
from dftflow.model.spec import CalcSpec, CellFreedom, KPath, KPoint, Relaxation, Task
from dftflow.studies.kinds.slab import SLAB_EMPTY_BANDS
from dftflow.studies.schema import Settings

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["CalculationDeck", "WrittenFiles", "deck"]

SHARED = Settings()
"""Tolerances that a study has where it sets none."""

PATH_SPACING_PER_ANG = 0.05

MOMENTS_FIX = (
    "give starting moments in Bohr magnetons: --moment {element}=2, all of them up, or --moment '{element}={each}', in "
    "the order of the cell (in Python moments={{'{element}': 2.0}}); or say --no-spin (moments={{}})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFiles:
    """What `CalculationDeck.write` did: names of the files, and of those that a person has changed and that stayed."""

    folder: Path
    files: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class CalculationDeck:
    """The input files of one calculation, with what was chosen for them.

    Attributes
    ----------
    deck
        Its files, notes and cautions.
    spec
        What is calculated.
    structure
        Of what.
    chosen
        Every number that nobody named, with the reason for it.
    command
        Argument list that runs it in its folder.
    """

    deck: Deck
    spec: CalcSpec
    structure: Structure
    chosen: tuple[Default, ...]
    command: tuple[str, ...]

    @property
    def files(self) -> Mapping[str, str]:
        """Name of each file -> its text."""
        return self.deck.files

    def write(self, folder: str | os.PathLike[str]) -> WrittenFiles:
        """Write the files into `folder`, which is made; what a person has changed or written there stays as it is.

        Raises
        ------
        StoreError
            When the folder cannot be written.
        """
        place = output_folder(os.fspath(folder))
        kept = Ledger(place).write(self.deck.files)
        with storage_errors(place):
            for name in self.deck.files:
                if name.endswith(".sh") and name not in kept and not (place / name).is_symlink():
                    (place / name).chmod(0o755)
        return WrittenFiles(folder=place, files=tuple(self.deck.files), kept=kept)

    def __repr__(self) -> str:
        return f"<CalculationDeck {formula_of(self.structure)}, {self.spec.task}: {', '.join(self.files)}>"

    def _repr_html_(self) -> str:
        from dftflow.report.cell_html import block, files_html, notes_html, rows_html  # with matplotlib

        chosen = rows_html(("chosen", "value", "why"), [(one.name, one.value, one.why) for one in self.chosen])
        notes = notes_html((*self.deck.cautions, f"run it with {' '.join(self.command)}"))
        title = f"{formula_of(self.structure)}, {self.spec.task}"
        return str(block(title, chosen, files_html(self.files), notes))


def deck(
    structure: StructureLike,
    *,
    code: str,
    task: Task,
    cutoff_ev: float | None = None,
    grid: tuple[int, int, int] | None = None,
    kpoint_spacing_per_ang: float | None = None,
    gamma: bool | None = None,
    xc: str = SHARED.xc,
    smearing_ev: float = SHARED.smearing_ev,
    moments: Mapping[str, float | Sequence[float]] | None = None,
    hubbard_u_ev: Mapping[str, Mapping[str, float]] | None = None,
    dispersion: Dispersion = SHARED.dispersion,
    spin_orbit: bool = SHARED.spin_orbit,
    empty_bands: int | None = None,
    cell: CellFreedom | None = None,
    path_spacing_per_ang: float = PATH_SPACING_PER_ANG,
    slab_axis: int | str | None = "auto",
    seed: str | None = None,
    options: Mapping[str, object] | None = None,
) -> CalculationDeck:
    """The deck of one calculation of a crystal or a slab.

    Parameters
    ----------
    structure
        A shipped name, a file, an id of the Materials Project, a pymatgen `Structure` or ASE `Atoms`.
    code
        ``"castep"``, ``"espresso"``, ``"gpaw"``, ``"vasp"``, or one that a package brings.
    task
        ``"relax"``: the geometry. ``"bands"``: SCF, then bands along the standard path of the lattice, or of a
        slab's plane, and at its special points. ``"potential"``: SCF with the potential written; of a slab with a
        dipole correction along its normal.
    cutoff_ev
        What the potentials ask for unless given (see `dftflow.codes.suggested_cutoff`).
    grid, kpoint_spacing_per_ang
        k-points along each reciprocal lattice vector, or their largest distance in 1/Å, 2π included: one of the two.
    gamma
        Whether the grid holds Γ whatever its numbers; in a hexagonal cell unless given.
    moments
        Element -> starting moment in Bohr magnetons, or one for each of its atoms; ``{}`` for a calculation without
        spin. Those that the structure carries unless given.
    hubbard_u_ev
        Element -> shell -> effective U: ``{"Ni": {"d": 6.0}}``.
    dispersion
        ``"none"``, ``"D2"``, ``"D3"``, ``"D3(BJ)"``, ``"TS"`` or ``"MBD"``.
    spin_orbit
        Self-consistent spin-orbit coupling.
    cell
        What a relaxation may change of the cell: all of it, and nothing of a slab's, unless given.
    slab_axis
        0, 1 or 2: along which lattice vector a slab's normal lies, where at least 5 Å are empty; None for a crystal;
        ``"auto"``: where the cell is empty over at least 8 Å.
    seed
        Stem of the files; formula and task unless given.
    options
        Of the code, as in the table ``[codes.NAME]`` of a study.

    Raises
    ------
    StructureError
        The crystal cannot be read, or its lattice is not recognised.
    SpecError, OptionError
        The code cannot express the calculation; there is no such code, task or option.
    """
    if task not in _TITLES:
        raise SpecError(f"there is no task {task!r} of a single deck", fix=f"choose one of {', '.join(_TITLES)}")
    if options is not None and not isinstance(options, Mapping):
        raise OptionError(f"options cannot be {options!r}", fix='give a dict, e.g. {"keywords": "castep"}')
    engine, crystal = load_code(_text("code", code, "vasp"), options), as_structure(structure)
    check_neutral(crystal)
    magnetic = _with_moments(crystal, moments)
    settings = _electrons(hubbard_u_ev, dispersion, spin_orbit)
    _check_shells(settings, crystal)
    axis = slab_axis_of(crystal) if slab_axis == "auto" else _named_axis(crystal, slab_axis)
    chosen = [*_spin(magnetic, moments), *(_chosen_axis(axis) if slab_axis == "auto" else ())]
    formula = formula_of(crystal)
    bands = (SHARED.empty_bands if axis is None else SLAB_EMPTY_BANDS) if empty_bands is None else empty_bands
    spec = CalcSpec(
        title=f"{formula}: {_TITLES[task]}",
        task=task,
        xc=_text("xc", xc, SHARED.xc),
        **_cutoff(engine, crystal, cutoff_ev, chosen),
        **_grid(crystal, task, axis, grid, kpoint_spacing_per_ang, gamma, chosen),
        smearing_ev=_bounded("smearing_ev", smearing_ev, bounds.SMEARING_EV),
        moments_mub=moments_of(magnetic),
        hubbard_u_ev=settings.hubbard_of({site.specie.symbol for site in crystal}),
        dispersion=settings.dispersion,
        spin_orbit=settings.spin_orbit,
        scf_tol_ev_per_atom=SHARED.scf_tol_ev_per_atom,
        max_scf_cycles=SHARED.max_scf_cycles,
        empty_bands=_whole("empty_bands", bands, bounds.BANDS),
        relaxation=_relaxation(task, cell, axis, chosen),
        path=_path(crystal, task, axis, path_spacing_per_ang),
        edge_kpoints=_edge_kpoints(crystal, task, axis),
        slab_axis=axis,
    )
    made = engine.render(crystal, spec, _text("seed", seed, "mine") if seed else _seed(formula, task))
    return CalculationDeck(deck=made, spec=spec, structure=crystal, chosen=tuple(chosen), command=engine.command(made))


_TITLES = {"relax": "geometry", "bands": "band structure", "potential": "electrostatic potential"}


def _named_axis(crystal: Structure, given: object) -> int | None:
    """The axis that a person names, where there is a vacuum along it."""
    if given is None:
        return None
    axis = next((number for number in range(3) if type(given) is int and given == number), None)
    if axis is None:
        raise SpecError(f"a slab's normal lies along no lattice vector {given!r}", fix="give 0, 1, 2, None or 'auto'")
    empty_ang = empty_widths_ang(crystal.frac_coords, crystal.lattice.matrix)[axis]
    if empty_ang < LEAST_NAMED_VACUUM_ANG:
        raise SpecError(
            f"the cell holds no vacuum along {'abc'[axis]}: no more than {empty_ang:.1f} Å are empty",
            reason="a slab's deck corrects the dipole across its vacuum, of which a crystal has none",
            fix="leave slab_axis (--slab) out; cut a slab with `dftflow slab`",
        )
    return axis


def _chosen_axis(axis: int | None) -> tuple[Default, ...]:
    if axis is None:
        return ()
    why = f"the cell is empty over at least {LEAST_VACUUM_ANG:g} Å along it"
    return (Default(name="slab", value="abc"[axis], why=why),)


def _with_moments(crystal: Structure, given: Mapping[str, float | Sequence[float]] | None) -> Structure:
    if given is None:
        check_open_shells(crystal, fix=MOMENTS_FIX)
        return crystal
    if not isinstance(given, Mapping):
        raise InputError(f"moments cannot be {given!r}", fix='give a dict, e.g. {"Ni": 2.0}')
    return with_moments(crystal, given)


def _spin(crystal: Structure, given: object) -> tuple[Default, ...]:
    """What was chosen of the spin, where nobody named it."""
    if given is not None:
        return ()
    if moments_of(crystal):
        return (Default(name="spin", value="polarised", why="from the moments that the structure carries"),)
    return (
        Default(
            name="spin", value="none", why="no ion has an open 3d, 4f or 5f shell; 4d and 5d shells are not looked at"
        ),
    )


def _electrons(hubbard_u_ev: object, dispersion: object, spin_orbit: object) -> Settings:
    """The settings of a study, with its bounds; raises `InputError` for what it would not take."""
    given = {"hubbard_u_ev": hubbard_u_ev or {}, "dispersion": dispersion, "spin_orbit": spin_orbit}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise InputError(f"{name} cannot be {shown(str(first['input']))}", reason=reason_of(first)) from None


def _check_shells(settings: Settings, crystal: Structure) -> None:
    elements = {site.specie.symbol for site in crystal}
    missing = settings.element_without(elements)
    if missing is not None:
        raise InputError(
            f"a U is given for {missing}, of which the crystal has none",
            fix=f"its elements are {', '.join(sorted(elements))}",
        )


def _bounded(name: str, value: object, bound: Bound) -> float:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else float("nan")
    if not bound.holds(number):
        raise InputError(f"{name} cannot be {value!r}", reason=f"it can be {bound}", fix="give a number in this range")
    return number


def _whole(name: str, value: object, bound: Bound) -> int:
    number = _bounded(name, value, bound)
    if number != int(number):
        raise InputError(f"{name} cannot be {value!r}", reason="it counts something", fix="give a whole number")
    return int(number)


def _named_grid(given: object) -> Counts:
    numbers = given if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str) else ()
    if len(numbers) != 3:
        raise InputError(f"grid cannot be {given!r}", fix="give three whole numbers, e.g. (4, 4, 4)")
    first, second, third = (_whole("grid", number, bounds.GRID_NUMBER) for number in numbers)
    return first, second, third


def _text(name: str, value: object, example: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} cannot be {value!r}", fix=f"give a text, e.g. {example!r}")
    return value


def _cutoff(engine: Code, crystal: Structure, given_ev: float | None, chosen: list[Default]) -> dict[str, Any]:
    if given_ev is not None:
        return {"cutoff_ev": _bounded("cutoff_ev", given_ev, bounds.CUTOFF_EV)}
    made = default_cutoff(engine, [crystal])
    chosen.append(Default(name="cutoff", value=f"{made.ev:g} eV", why=made.why))
    return {"cutoff_ev": made.ev, "cutoff_note": made.why}


def _grid(
    crystal: Structure,
    task: Task,
    axis: int | None,
    grid: tuple[int, int, int] | None,
    spacing_per_ang: float | None,
    gamma: bool | None,
    chosen: list[Default],
) -> dict[str, Any]:
    """Fields of a `CalcSpec`."""
    if grid is not None and spacing_per_ang is not None:
        raise InputError("a grid and a spacing of k-points are both given", fix="leave one out")
    holds_gamma = is_hexagonal(crystal.lattice) if gamma is None else gamma
    if grid is not None:
        return {"grid": _named_grid(grid), "gamma_centred": holds_gamma}
    if spacing_per_ang is not None:
        spacing = _bounded("kpoint_spacing_per_ang", spacing_per_ang, bounds.GRID_SPACING)
        size = grid_of_spacing(crystal.lattice.matrix, spacing, normal=axis)
        return {"grid": size, "gamma_centred": holds_gamma, "grid_note": f"at most {spacing:g} 1/Å apart"}
    made = default_grid(crystal, task, slab_axis=axis)
    text = grid_text(made.size, (0.0, 0.0, 0.0)) if holds_gamma else "x".join(map(str, made.size))
    chosen.append(Default(name="k-points", value=text, why=made.why))
    return {"grid": made.size, "gamma_centred": holds_gamma, "grid_note": made.why}


def _relaxation(task: Task, cell: CellFreedom | None, axis: int | None, chosen: list[Default]) -> Relaxation | None:
    if cell is not None and cell not in get_args(CellFreedom):
        raise SpecError(f"cell cannot be {cell!r}", fix=f"choose one of {', '.join(get_args(CellFreedom))}")
    if task != "relax":
        return None
    freedom: CellFreedom = cell or ("all" if axis is None else "fixed")
    if cell is None:
        why = "what symmetry fixes stays" if axis is None else "the vacuum of a slab would shrink"
        chosen.append(Default(name="cell", value=freedom, why=why))
    return SHARED.relaxation(freedom, notes={})


def _path(crystal: Structure, task: Task, axis: int | None, spacing_per_ang: float) -> KPath | None:
    spacing = _bounded("path_spacing_per_ang", spacing_per_ang, bounds.PATH_SPACING)
    if task != "bands":
        return None
    return standard_path(crystal, spacing) if axis is None else surface_path(crystal, spacing, normal=axis)


def _edge_kpoints(crystal: Structure, task: Task, axis: int | None) -> tuple[KPoint, ...]:
    """Where band edges are known to lie: special points of the crystal's zone, or of the surface's."""
    if task == "relax":
        return ()
    if axis is not None:
        return surface_points(crystal, normal=axis)
    return tuple(special_points(crystal).values()) if task == "bands" else ()


def _seed(formula: str, task: Task) -> str:
    seed = f"{formula}-{task}"
    return seed if is_name(seed) else f"crystal-{task}"
