"""A study file for crystals of one's own, with a comment at each line, and the list of the shipped studies.

>>> from dftflow.api.study_file import init_study               # doctest: +SKIP
>>> init_study("mine", crystals=["a.cif", "CsPbBr3_Pnma"])      # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dftflow.api.defaults import DefaultGrid, default_cutoff, default_grid
from dftflow.api.structures import StructureLike, as_structure
from dftflow.api.surface_choice import SurfaceChoice, choose_surface
from dftflow.codes.base import Code
from dftflow.codes.registry import load_code
from dftflow.codes.suggested_cutoff import SuggestedCutoff
from dftflow.crystals.cell_charge import check_neutral
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.database_names import is_database_query
from dftflow.crystals.ions import formula_of
from dftflow.crystals.kpaths import special_points
from dftflow.crystals.shipped import shipped_names
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.structure_writer import structure_text
from dftflow.crystals.symmetry import is_hexagonal, space_group
from dftflow.crystals.vacuum import refuse_as_material
from dftflow.errors import InputError, StoreError
from dftflow.jobs.output_place import output_file, write_output
from dftflow.model.kpoint_grid import grid_of_spacing, spacing_of_grid
from dftflow.model.names import NAME_RULE, is_name
from dftflow.model.printable import is_line, shown, toml_text
from dftflow.resources import shipped_studies
from dftflow.studies.material import load_materials
from dftflow.studies.reader import Study, load_study, preset_names
from dftflow.studies.schema import TAKEN_NAMES, Settings

if TYPE_CHECKING:
    pass

__all__ = ["EXAMPLE", "InitialStudy", "ShippedStudy", "init_study", "list_studies"]

EXAMPLE = "CsPbBr3_Pm-3m"
"""The shipped crystal that a study begins with when none is named: five atoms, a gap, and a plane that is not polar."""

DEFAULT_PRESET = "study"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedStudy:
    """A study that comes with dftflow."""

    name: str
    title: str
    materials: tuple[str, ...]
    presets: tuple[str, ...]
    reference: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class InitialStudy:
    """A study file as it was written.

    Attributes
    ----------
    file
        Where it lies.
    text
        What it says.
    crystals
        Files of crystals that were written beside it, for those that were given as objects.
    """

    file: Path
    text: str
    crystals: tuple[Path, ...]

    def __repr__(self) -> str:
        return (
            f"<InitialStudy {self.file}: {len(self.text.splitlines())} lines, {len(self.crystals)} crystals beside it>"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """A crystal with its name in the study, and what its key ``structure`` says."""

    name: str
    written: str
    crystal: Any
    note: str


def list_studies() -> tuple[ShippedStudy, ...]:
    """The studies that come with dftflow, by name."""
    studies = [load_study(name) for name in shipped_studies()]
    return tuple(
        ShippedStudy(
            name=study.name,
            title=study.content.title,
            materials=tuple(study.content.materials),
            presets=preset_names(study.content),
            reference=study.content.reference,
        )
        for study in studies
    )


def init_study(
    name: str | os.PathLike[str] = "my-study",
    *,
    crystals: Sequence[StructureLike] = (),
    code: str | None = None,
    like: str | os.PathLike[str] | None = None,
) -> InitialStudy:
    """Write the file of a study of these crystals, which can be planned and run as it is.

    Parameters
    ----------
    name
        Of the study: the file is ``<name>.toml``, in a folder that is there.
    crystals
        Shipped names, files, ids of the Materials Project, pymatgen `Structure` or ASE `Atoms`; the last two are
        written beside the study. The shipped cubic CsPbBr3 unless given.
    code
        That the study names; that of `like`, or ``gpaw``, unless given. The cutoff is what its potentials ask for.
    like
        A study, shipped or a file, whose settings, presets, options of codes and density of k-points are taken, and its
        largest cutoff, or what the potentials ask for where that is more.

    Raises
    ------
    InputError
        The name is none, or a crystal cannot be read.
    StoreError
        There is a file of this name already, or it cannot be written.
    """
    place = _place(name)
    model = None if like is None else load_study(os.fspath(like), code=code)
    engine = load_code(code or (model.content.code if model else "gpaw"), model.code_options if model else None)
    materials, files = _materials(list(crystals) or [EXAMPLE], place.parent)
    parts = [_head(materials, engine, model), *_settings(model)]
    density = _density(model) if model else None
    cutoff = _cutoff(materials, engine, model)
    for one in materials:
        parts.append(_material(one, cutoff, _grids(one, model, density)))
        parts.append(_surface(one.name, choose_surface(one.crystal)))
    parts += _alignment(materials)
    if model is not None:
        parts += [*_presets(model), *_code_options(model, place.parent)]
    text = "\n".join(part.rstrip("\n") + "\n" for part in parts)
    for file, content in files.items():
        write_output(file, content)
    write_output(place, text)
    return InitialStudy(file=place, text=text, crystals=tuple(files))


def _place(name: str | os.PathLike[str]) -> Path:
    given = os.fspath(name)
    place = output_file(given if given.endswith(".toml") else f"{given}.toml")
    if not is_name(place.stem):
        raise InputError(f"{shown(place.stem)} is no name for a study", fix=f"use {NAME_RULE}")
    _refuse_existing(place)
    return place


def _refuse_existing(place: Path) -> None:
    if os.path.lexists(place):
        raise StoreError(
            f"there is a file {place} already", reason="it is not written over", fix="give the study another name"
        )


# --- crystals ---------------------------------------------------------------------------------------------------


def _materials(sources: Sequence[StructureLike], folder: Path) -> tuple[list[_Material], dict[Path, str]]:
    """Each crystal, and the files that hold those which were given as objects."""
    materials: list[_Material] = []
    files: dict[Path, str] = {}
    for source in sources:
        crystal = None
        if isinstance(source, str | os.PathLike):
            crystal = load_crystal(os.fspath(source), base_dir=Path.cwd())
        structure = crystal.structure if crystal else as_structure(source)
        check_neutral(structure)
        refuse_as_material(structure, os.fspath(source) if isinstance(source, str | os.PathLike) else "FILE")
        name = _material_name(crystal, structure, [one.name for one in materials])
        if crystal is None:
            file = folder / f"{name}.json"
            _refuse_existing(file)
            files[file] = structure_text(structure, file.name).text
        written = _written(crystal, folder) if crystal else f"{name}.json"
        materials.append(_Material(name=name, written=written, crystal=structure, note=_origin(crystal, structure)))
    return materials, files


def _written(crystal: Crystal, folder: Path) -> str:
    """What ``structure`` says: a path counts from the study."""
    source = crystal.source
    if source in shipped_names() or (is_database_query(source) and not Path(source).exists()):
        return source
    path = Path(source).expanduser()
    written = str(path) if path.is_absolute() else os.path.relpath(path, folder)
    if not is_line(written):
        raise InputError(
            f"a study cannot name the file {shown(written)}",
            reason="its name, or that of a folder above it, has characters that are not printable",
            fix="rename it",
        )
    return written


def _origin(crystal: Crystal | None, structure: Any) -> str:
    group = space_group(structure)
    told = f"{len(structure)} atoms, {group.symbol}"
    return told if crystal is None or not crystal.reference else f"{told}; {' '.join(crystal.reference.split())}"


def _material_name(crystal: Crystal | None, structure: Any, taken: Sequence[str]) -> str:
    """Formula; with the space group where two have the same; with a number where that is the same too."""
    formula = formula_of(structure)
    stem = formula if is_name(formula) else crystal.name if crystal and is_name(crystal.name) else "crystal"
    stem = f"{stem}-crystal" if stem.lower() in TAKEN_NAMES else stem
    used = {name.lower() for name in taken}
    group = space_group(structure).symbol.replace("/", "")
    tries = [stem, f"{stem}_{group}", *(f"{stem}_{group}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in tries if name.lower() not in used and is_name(name))


# --- numbers ----------------------------------------------------------------------------------------------------


def _density(study: Study) -> dict[str, float]:
    """The smallest spacing of the study's grids, in 1/Å, for each of their uses."""
    cells = {name: material.start.lattice.matrix for name, material in load_materials(study).items()}
    return {
        use: min(
            spacing_of_grid(cells[name], (entry.relax_kpoints if use == "relax" else entry.bands_kpoints).size)
            for name, entry in study.content.materials.items()
        )
        for use in ("relax", "bands")
    }


def _cutoff(materials: Sequence[_Material], engine: Code, model: Study | None) -> SuggestedCutoff:
    """One for all materials, so that their levels are of one basis."""
    own = default_cutoff(engine, [one.crystal for one in materials])
    if model is None:
        return own
    largest_ev = max(entry.cutoff_ev for entry in model.content.materials.values())
    if own.asked and own.ev > largest_ev:
        return SuggestedCutoff(ev=own.ev, why=f"{own.why}; more than the {largest_ev:g} eV of {model.name}")
    return SuggestedCutoff(ev=largest_ev, why=f"the largest of {model.name}; not tested for these crystals")


def _grids(one: _Material, model: Study | None, density: Mapping[str, float] | None) -> dict[str, DefaultGrid]:
    """That of each use: as dense as the model's, or as dense as is usual."""
    if model is None or density is None:
        return {use: default_grid(one.crystal, use) for use in ("relax", "bands")}
    why = f"as dense as the densest of {model.name}"
    cell_ang = one.crystal.lattice.matrix
    return {
        use: DefaultGrid(size=grid_of_spacing(cell_ang, step), why=f"{why}, {step:.2f} 1/Å")
        for use, step in density.items()
    }


# --- text -------------------------------------------------------------------------------------------------------


def _quoted(value: object) -> str:
    """A value as TOML has it: texts, numbers, truth and lists are written as in JSON."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(key)} = {_quoted(inner)}' for key, inner in value.items())} }}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_quoted, value))}]"
    return toml_text(value) if isinstance(value, str) else json.dumps(value)


def _wrapped(note: str) -> list[str]:
    """A comment of several lines."""
    return textwrap.wrap(note, 110, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False)


def _key(name: str) -> str:
    plain = name.replace("-", "").replace("_", "")
    return name if plain.isascii() and plain.isalnum() else toml_text(name)


def _commented(rows: Sequence[tuple[str, str]]) -> str:
    """Lines with their comments below each other."""
    width = min(max(len(line) for line, _ in rows), 60)
    return "\n".join(f"{line:<{width}}  # {' '.join(comment.split())}" if comment else line for line, comment in rows)


def _head(materials: Sequence[_Material], engine: Code, model: Study | None) -> str:
    names = [one.name for one in materials]
    many = f"Band alignment of {', '.join(names[:-1])} and {names[-1]}"
    title = many if len(names) > 1 else f"Band edges of {names[0]}"
    codes = "castep, espresso, gpaw or vasp; `--code` of plan, run, decks and collect overrides it"
    presets = "quick (a first look), study (these numbers) and converged (long runs) are presets; add your own below"
    rows = [
        ("schema = 1", "of the format of this file; the only one there is"),
        (f"title = {_quoted(title[:200])}", "stands on the page and in the decks; write your own"),
        (f"code = {_quoted(engine.name)}", codes),
    ]
    if model is not None and model.content.preset != DEFAULT_PRESET:
        rows.append((f"preset = {_quoted(model.content.preset)}", f"meant by default, as in {model.name}"))
    like = (
        ""
        if model is None
        else f"# Settings, presets, cutoff and densities of k-points are those of the study {model.name}.\n"
    )
    guide = '# Every key, with its unit and its range, stands on the page "The study file" of the guide.'
    return f"{guide}\n# {presets}.\n{like}\n{_commented(rows)}"


_SETTING_NOTES = {
    "xc": "functional; gaps of PBE are too small as a rule",
    "smearing_ev": "eV; to be small against the gap",
    "scf_tol_ev_per_atom": "eV per atom; when the SCF has converged",
    "max_scf_cycles": "when the SCF is given up",
    "empty_bands": "above the highest occupied one",
    "energy_tol_ev_per_atom": "a geometry has converged when all four criteria hold at once",
    "force_tol_ev_per_ang": "eV/Å",
    "stress_tol_gpa": "GPa",
    "displacement_tol_ang": "Å",
    "max_relax_steps": "when a relaxation is given up",
}


def _settings(model: Study | None) -> list[str]:
    settings = model.content.settings if model else Settings()
    rows = [(f"{key} = {_quoted(getattr(settings, key))}", note) for key, note in _SETTING_NOTES.items()]
    return ["[settings]\n" + _commented(rows)]


def _material(one: _Material, cutoff: SuggestedCutoff, grids: Mapping[str, DefaultGrid]) -> str:
    labels = ", ".join(special_points(one.crystal))
    gamma = "holds Γ, because the cell is hexagonal; " if is_hexagonal(one.crystal.lattice) else ""
    rows = [
        (f"structure = {_quoted(one.written)}", one.note),
        (f"cutoff_ev = {_quoted(cutoff.ev)}", cutoff.why),
        (f"relax_kpoints = {_quoted(grids['relax'].size)}", f"geometry: {gamma}{grids['relax'].why}"),
        (f"bands_kpoints = {_quoted(grids['bands'].size)}", f"levels: {gamma}{grids['bands'].why}"),
        ('cell = "all"', "lengths and angles may change in a relaxation; what symmetry fixes stays"),
    ]
    edges = (
        f"# Band edges are looked for on the grid, on the path and at every special point of this lattice ({labels}).\n"
        '# band_edge = "G"  # name one of them to be told when the edge lies elsewhere than you expect'
    )
    return f"[materials.{_key(one.name)}]\n{_commented(rows)}\n{edges}"


def _surface(material: str, choice: SurfaceChoice) -> str:
    lines = [line for note in choice.notes for line in _wrapped(note)]
    if choice.miller is None:
        return "\n".join(lines)
    table = _commented(
        [
            (f"miller = {_quoted(choice.miller)}", choice.why),
            (f"setting = {_quoted(choice.setting)}", choice.setting_why),
            ('termination = "auto"', f"here {choice.termination}; `dftflow slab` lists the others"),
        ]
    )
    return "\n".join([f"[[materials.{_key(material)}.slabs]]", table, *lines])


def _alignment(materials: Sequence[_Material]) -> list[str]:
    names = [one.name for one in materials]
    if len(names) < 2:
        return []
    rows = [
        (
            f"materials = {_quoted(names)}",
            "an offset is the first's edge minus the second's" if len(names) == 2 else "each two, earlier minus later",
        ),
        ("tolerance_ev = 0.1", "eV; an offset of at most this size counts as none, which decides the type"),
    ]
    return ["[[alignment]]\n" + _commented(rows)]


def _presets(model: Study) -> list[str]:
    """The other study's own presets: what they do, without what they say of its crystals."""
    parts = []
    for name, table in model.content.presets.items():
        own: dict[str, object] = {
            "description": f"as the preset {name} of {model.name}",
            "accuracy": f"The preset {name} of {model.name}, of which no test was made for these crystals.",
        }
        own |= {key: value for key, value in table.items() if key not in own}
        parts.append(f"[presets.{_key(name)}]\n" + "\n".join(f"{_key(key)} = {_quoted(own[key])}" for key in own))
    return parts


def _code_options(model: Study, folder: Path) -> list[str]:
    """The other study's options of codes; a folder of templates counts from the new file."""
    parts = []
    for code, table in model.content.codes.items():
        moved = {key: _moved(key, value, model.file.parent, folder) for key, value in table.items()}
        rows = [f"{_key(key)} = {_quoted(value)}" for key, value in moved.items()]
        parts.append("\n".join([f"[codes.{_key(code)}]  # as in {model.name}", *rows]))
    return parts


def _moved(key: str, value: object, old: Path, new: Path) -> object:
    if key != "templates" or not isinstance(value, str) or Path(value).expanduser().is_absolute():
        return value
    return os.path.relpath(old / value, new)
