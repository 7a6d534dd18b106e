"""Whether what lies in a folder may be used as the results of a step: all commands that have steps ask here alone.

In this order: is there a calculation, is every file of it whole, did it finish, did its checks pass, is what the step
is for among it, is it this crystal, is it this surface. Anything else that is not as the study asks (functional,
cutoff, k-points, volume, a deck that somebody has changed) is a remark, which stands beside every number from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dftflow.analysis.calculation_levels import slab_normal
from dftflow.codes.base import Code, Diagnosis, Reading
from dftflow.codes.deck_changes import deck_changes
from dftflow.codes.reading import read_only
from dftflow.crystals.faces import faces_of
from dftflow.crystals.geometry import same_geometry
from dftflow.crystals.ions import with_states_of
from dftflow.crystals.likeness import Likeness
from dftflow.crystals.same_crystal import compare_crystal
from dftflow.crystals.same_slab import compare_surface
from dftflow.errors import DftflowError, SurfaceError
from dftflow.gate.calculation import Sound, sound
from dftflow.gate.moments import other_moments
from dftflow.model.admission import Admission, Admitted, Refusal, RefusalKind
from dftflow.model.built import Built
from dftflow.model.check import Part
from dftflow.model.kpoint_grid import Counts, Shift, grid_text, same_shift
from dftflow.model.method import SAME_CUTOFF_EV, SAME_U_EV, Method, hubbard_text
from dftflow.model.results import Results
from dftflow.model.spec import CalcSpec, Task
from dftflow.stored_file import read_stored

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["admit", "likeness_of"]

SAME_VOLUME = 0.005
NEEDED: Mapping[Task, tuple[Part, ...]] = {
    "relax": ("structure",),
    "bands": ("structure", "bands"),
    "potential": ("structure", "potential", "fermi"),
    "shifts": ("structure", "shifts"),
    "dos": ("structure", "bands"),
    "masses": ("structure", "bands"),
}
NAMES: Mapping[Part, str] = {
    "structure": "a geometry",
    "bands": "eigenvalues",
    "potential": "a potential",
    "fermi": "a Fermi level",
    "shifts": "corrected band edges",
}


def admit(
    built: Built,
    code: Code,
    folder: Path,
    *,
    deck: Mapping[str, str] | None = None,
    older_than: tuple[str, ...] = (),
) -> Admission:
    """Admit the results in `folder` as those of `built`, or say why not.

    Parameters
    ----------
    built
        What was asked for.
    code
        That is to have calculated it.
    folder
        Where its files lie.
    deck
        File name -> text of the deck as dftflow wrote it, to tell what a person has changed; None when it wrote none.
    older_than
        Steps that have ended with another geometry than `built` was made from.
    """
    if not folder.is_dir() or not code.find(folder):
        return Refusal(kind="not run", reason=f"no results of {code.name} in {folder}", built=built)
    try:
        diagnosis = code.diagnose(folder)
        reading = read_only(code, folder)
    except DftflowError as error:
        return Refusal(kind="failed", reason=str(error), built=built, folder=folder)
    if reading.results is None and not diagnosis.log_tail:
        why = "input files alone: nothing was run, or nothing was left of the run"
        return Refusal(kind="not run", reason=why, built=built, folder=folder)
    kind, failure, likeness = _failure(diagnosis, reading, built)
    if failure:
        tail = diagnosis.log_tail if kind == "failed" else ""
        cause = "" if kind != "failed" or diagnosis.status == "finished" else diagnosis.status
        refusal = Refusal(kind=kind, reason=failure, built=built, folder=folder, cause=cause, log_tail=tail)
        if reading.results is None:
            return refusal
        return replace(refusal, wall_time_s=reading.results.wall_time_s, cpu_time_s=reading.results.cpu_time_s)
    assert reading.results is not None
    checked = sound(reading.results)
    remarks = [
        *(f"{item.part} not used: {item.reason}" for item in checked.refused),
        *([likeness.remark] if likeness.remark else []),
        *_departures(checked.results, built, older_than),
        *_edited(folder, deck),
    ]
    return Admitted(built=built, results=checked.results, folder=folder, remarks=tuple(remarks))


def _failure(diagnosis: Diagnosis, reading: Reading, built: Built) -> tuple[RefusalKind, str, Likeness]:
    """Why the calculation cannot be used, and whose fault that is; ``""``, and how alike it is, when it can."""
    failure, results = _unfinished(diagnosis, reading), reading.results
    if failure or results is None:
        return "failed", failure or "the calculation has left no output", Likeness()
    checked = sound(results)
    unsound = _unsound(checked, built.spec)
    if unsound:
        return "refused", unsound, Likeness()
    lacking = _lacking(checked.results, built.spec)
    if lacking:
        return "failed", f"finished, but there is not what the step is for: {', '.join(lacking)}", Likeness()
    assert checked.results.structure is not None
    likeness = likeness_of(checked.results.structure, built)
    return "refused", likeness.refusal, likeness


def _unfinished(diagnosis: Diagnosis, reading: Reading) -> str:
    """What is not whole of it; ``""`` when it ended and all its files can be read."""
    for file in reading.files:
        if file.error is not None:
            return str(file.error)
    if diagnosis.status != "finished":
        return f"{diagnosis.status.replace('_', ' ')}: {diagnosis.message}".rstrip(": ")
    return ""


def _unsound(checked: Sound, spec: CalcSpec) -> str:
    """What a failed check takes away of that which the step is for, and of how it ended."""
    needed = ("status", *NEEDED[spec.task])
    return "; ".join(f"{item.part}: {item.reason}" for item in checked.refused if item.part in needed)


def _lacking(results: Results, spec: CalcSpec) -> list[str]:
    return [NAMES[part] for part in NEEDED[spec.task] if getattr(results, part) is None]


# --- is it this one? --------------------------------------------------------------------------------------------


def likeness_of(found: Structure, built: Built) -> Likeness:
    """Whether `found` is a geometry of the calculation `built`: this crystal, or this surface."""
    asked = built.structure
    shapes = tuple(_shape(slab_normal(s.frac_coords, s.lattice.matrix)) for s in (found, asked))
    if shapes[0] != shapes[1]:
        return Likeness(refusal=f"a calculation of {shapes[0]}, where the study asks for {shapes[1]}")
    relaxed = built.spec.task == "relax" or bool(built.geometries)
    if built.model is None:
        return compare_crystal(found, asked, relaxed=relaxed) if built.spec.slab_axis is None else Likeness()
    if found.composition.chemical_system != asked.composition.chemical_system:
        have, want = (structure.composition.reduced_formula for structure in (found, asked))
        return Likeness(refusal=f"a calculation of {have}, where the study asks for {want}")
    try:
        surface = compare_surface(found, built.model, relaxed=relaxed)
    except SurfaceError as error:
        return Likeness(refusal=f"its surface cannot be told: {error.sentence}")
    return replace(surface, refusal=f"a calculation of {surface.refusal}") if surface.refusal else surface


def _shape(normal: int | None) -> str:
    return "a cell without a vacuum" if normal is None else f"a slab with the vacuum along {'abc'[normal]}"


# --- what is not as asked ---------------------------------------------------------------------------------------


def _departures(results: Results, built: Built, older_than: tuple[str, ...]) -> list[str]:
    return [
        *_other_method(results, built.spec),
        *other_moments(results.moments, built.spec.moments_mub),
        *_other_geometry(results, built, older_than),
    ]


def _other_method(results: Results, spec: CalcSpec) -> list[str]:
    of_bands = results.bands_run if spec.task in ("bands", "dos", "masses") else None
    method, lines = results.method if of_bands is None else of_bands.method, []
    if method is None:
        return []
    if method.functional is not None and method.functional.casefold() != spec.xc.casefold():
        lines.append(f"calculated with {method.functional}, the study asks for {spec.xc}")
    if method.cutoff_ev is not None and abs(method.cutoff_ev - spec.cutoff_ev) > SAME_CUTOFF_EV:
        lines.append(f"calculated at {method.cutoff_ev:g} eV, the study asks for {spec.cutoff_ev:g} eV")
    if method.kpoints_grid is not None:
        lines += _other_grid(method.kpoints_grid, method.kpoints_shift, spec)
    return [*lines, *_other_electrons(method, spec)]


def _other_electrons(method: Method, spec: CalcSpec) -> list[str]:
    """Spin, spin-orbit coupling, U and dispersion, each as far as the files tell it."""
    asked = {"spin-orbit coupling": spec.spin_orbit, "spin polarisation": spec.spin_polarised or spec.spin_orbit}
    found = {"spin-orbit coupling": method.spin_orbit, "spin polarisation": method.spin_polarised}
    lines = [
        f"calculated with{'' if have else 'out'} {what}, the study asks for it with{'out' if have else ''}"
        for what, have in found.items()
        if have is not None and have != asked[what]
    ]
    if method.dispersion is not None and method.dispersion != spec.dispersion:
        lines.append(f"calculated with dispersion {method.dispersion}, the study asks for {spec.dispersion}")
    if method.hubbard_u_ev is not None and not _same_u(method.hubbard_u_ev, spec.hubbard_u_ev):
        have, want = (hubbard_text(values) or "no U" for values in (method.hubbard_u_ev, spec.hubbard_u_ev))
        lines.append(f"calculated with {have}, the study asks for {want}")
    return lines


def _same_u(found: Mapping[str, float], asked: Mapping[str, float]) -> bool:
    shells = found.keys() | asked.keys()
    return all(abs(found.get(shell, 0.0) - asked.get(shell, 0.0)) < SAME_U_EV for shell in shells)


def _other_grid(counts: Counts, shift: Shift | None, spec: CalcSpec) -> list[str]:
    asked = [(spec.grid, spec.grid_shift)]
    if spec.states_grid is not None:
        asked.append((spec.states_grid.counts, spec.states_grid.shift))
    if shift is not None and any(counts == grid and same_shift(shift, place) for grid, place in asked):
        return []
    have, want = grid_text(counts, shift), grid_text(spec.grid, spec.grid_shift)
    return [f"calculated on {have} k-points, the study asks for {want}"]


def _other_geometry(results: Results, built: Built, older_than: tuple[str, ...]) -> list[str]:
    """What is known of the geometry that it was calculated at, where that is not the one that it is to be made from."""
    found, asked = results.structure, built.structure
    assert found is not None
    lines = []
    if built.model is not None:
        cut = built.model.structure
        have, want = faces_of(with_states_of(found, cut)).layers, faces_of(cut).layers
        if have != want:
            lines.append(f"a slab of {have} layers, where that of the study has {want}")
    if older_than:
        lines.append(f"its deck is older than the result of {', '.join(older_than)}")
    if built.spec.task == "relax":
        return lines
    as_asked = same_geometry(found, asked)
    if built.assumed_geometries and as_asked:
        before = ", ".join(built.assumed_geometries)
        lines.append(f"calculated at an unrelaxed geometry: it was made before {before} had a result")
    volumes_ang3 = [structure.volume / len(structure) for structure in (found, asked)]
    if (
        not built.assumed_geometries
        and built.spec.slab_axis is None
        and abs(volumes_ang3[0] / volumes_ang3[1] - 1) > SAME_VOLUME
    ):
        lines.append(
            f"calculated at {volumes_ang3[0]:.3f} Å³ an atom, where the geometry it is to be made from has "
            f"{volumes_ang3[1]:.3f}{'; its deck may be older than the relaxation' if built.geometries else ''}"
        )
    return lines


def _edited(folder: Path, deck: Mapping[str, str] | None) -> list[str]:
    """What a person has changed in the deck."""
    found = {name: text for name in deck or {} if (text := _text(folder / name)) is not None}
    return [
        f"its deck was changed: {change}"
        for change in deck_changes({name: (deck or {})[name] for name in found}, found)
    ]


def _text(file: Path) -> str | None:
    try:
        return read_stored(file, links=True).decode("utf-8", errors="replace")
    except OSError:
        return None
