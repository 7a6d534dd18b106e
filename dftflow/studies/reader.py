"""Reads a study file, and says of a mistake what it is, how to mend it, and in which line where one is to blame."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from dftflow.codes.registry import code_names, load_code
from dftflow.crystals.crystal import Crystal
from dftflow.errors import DftflowError, InputError, OptionError, StudyError
from dftflow.input_file import named_place, read_named
from dftflow.jobs.resource_table import RESOURCE_EXAMPLES, resource_tables
from dftflow.model.asked import Asked
from dftflow.model.point import OWN, PICTURES, Point
from dftflow.model.powder import MeasuredPattern
from dftflow.model.printable import shown
from dftflow.resources import shipped_studies, workflows_dir
from dftflow.studies.database import Database
from dftflow.studies.kept_entries import KeptEntries, asks_database, kept_entries
from dftflow.studies.measured_pattern import read_measured_pattern
from dftflow.studies.schema import (
    AlignmentEntry,
    KPoints,
    MaterialEntry,
    Preset,
    Published,
    Settings,
    SlabEntry,
    StudyFile,
    Substitution,
    SweepEntry,
)
from dftflow.studies.structure_lists import Lists, lists_of, with_lists
from dftflow.studies.sweep import content_at, preset_at
from dftflow.studies.tables.density_of_states import DensityOfStatesEntry
from dftflow.studies.tables.diffraction import DiffractionEntry, ReadingEntry
from dftflow.studies.tables.effective_masses import EffectiveMassesEntry
from dftflow.studies.tables.hull import HullEntry
from dftflow.studies.tables.mismatch import MismatchEntry, PlanesEntry
from dftflow.studies.tables.phases import PhasesEntry
from dftflow.studies.tables.photons import MeasuredGapEntry, PhotonsEntry
from dftflow.studies.tables.published import PublishedEntry
from dftflow.studies.tables.reaction import ReactionEntry
from dftflow.toml_file.entries import EntryError
from dftflow.toml_file.mistakes import Words, as_written, explained, place_in
from dftflow.toml_file.reading import decoded, parsed

__all__ = ["Study", "default_folder", "find_study", "load_study", "preset_names", "restore_study"]

PLAIN_PRESET = "study"
LARGEST_STUDY_BYTES = 4 << 20
"""A study of a thousand materials has a quarter of it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Study:
    """A study file with one of its presets chosen.

    Attributes
    ----------
    name
        Stem of the file.
    file
        Where it lies; paths in it are relative to its folder.
    content
        The checked file.
    preset_name, preset
        The chosen preset.
    text
        Of the file.
    sha256
        Of the file's bytes.
    code_options
        What the file sets of the chosen code, as `load_code` takes it: checked plain data, with the texts of templates.
    point
        Of its sweeps, where it is the study of one.
    lists
        What its lists of structures stand for.
    kept
        Crystals of the Materials Project that the plan of its run keeps, by what the study calls them.
    measured
        The powder pattern that its table of diffraction names.
    """

    name: str
    file: Path
    content: StudyFile
    preset_name: str
    preset: Preset
    text: str
    sha256: str
    code_options: Mapping[str, object] = field(default_factory=dict)
    point: Point = OWN
    lists: Lists = field(default_factory=dict)
    kept: Mapping[str, Crystal] = field(default_factory=dict)
    measured: MeasuredPattern | None = None

    def __repr__(self) -> str:
        names = ", ".join(self.content.materials)
        return f"<Study {self.name}, preset {self.preset_name}, {self.content.code}: {names}>"

    def at(self, point: Point) -> Study:
        """The study with the settings of a point of its sweeps, and without sweeps; itself at none."""
        if not point:
            return self
        content, preset = content_at(self.content, point), preset_at(self.preset, point)
        return replace(self, content=content, preset=preset, point=point)

    @cached_property
    def asked(self) -> Asked:
        """What it asks for beside edges and offsets; at a point of a sweep, what of that has a meaning there."""
        every = self.content.asked(tuple(self.content.materials), self.measured)
        if not self.point:
            return every
        return every.of_one_picture() if all(key in PICTURES for key, _ in self.point.settings) else every.elsewhere()

    @property
    def store(self) -> Path | None:
        """The folder that its steps lie in, shared with other studies; None where they lie in that of the run."""
        own = self.content.store
        return None if own is None else named_place(own, base=self.file.parent.absolute(), error=StudyError)

    def asked_by(self, key: str) -> str:
        """Who sets what a preset can set: ``"sweep"`` or ``"preset quick"``."""
        return f"preset {self.preset_name}" if self.point.get(key) is None else "sweep"

    def where(self, *place: object) -> str:
        """The file and the line of an entry, such as ``"alignment", 0, "surfaces"``; the file where none is found."""
        return place_in(self.text, self.file, as_written(place, self.text))


def find_study(study: str | os.PathLike[str]) -> Path:
    """File of a study, given a path or a shipped name.

    Raises
    ------
    StudyError
        When there is neither.
    """
    path = named_place(study, error=StudyError)
    study = os.fspath(study)
    if path.suffix == ".toml" or path.exists():
        if path.is_file():
            return path
        what = "is a folder" if path.is_dir() else "does not exist"
        raise StudyError(f"the study file {study} {what}", fix=_known_studies(study))
    shipped = workflows_dir() / f"{study}.toml"
    if shipped.is_file():
        return shipped
    raise StudyError(f"there is no study {study!r}", fix=_known_studies(study))


def _known_studies(wrong: str) -> str:
    names = shipped_studies()
    near = difflib.get_close_matches(Path(wrong).stem, names, n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{guess}shipped studies: {', '.join(names)}; or give the path of a .toml file"


def default_folder(study: Study) -> Path:
    """``runs/<study>-<preset>``."""
    return _default_folder(study.name, study.preset_name)


def _default_folder(name: str, preset: str) -> Path:
    return Path("runs") / f"{name}-{preset}"


def load_study(
    study: str | os.PathLike[str],
    preset: str | None = None,
    *,
    code: str | None = None,
    folder: Path | None = None,
    ask_again: bool = False,
) -> Study:
    """Read and check a study.

    Parameters
    ----------
    study
        Shipped name or path.
    preset
        ``study``, ``quick``, ``converged``, or one that the file defines; unless given, the one that the file names
        as its ``preset``, which is ``study`` where it names none.
    code
        Registry name of a DFT code, instead of the one the file names.
    folder
        Of the run; ``runs/STUDY-PRESET`` unless given. What its plan keeps of the Materials Project counts.
    ask_again
        Ask the Materials Project again for what is kept.

    Raises
    ------
    StudyError
        With the file, and the line where one line is to blame.
    SourceError, CodeNotFoundError
        From the Materials Project, where a table of materials stands for entries of it that are not known yet.
    StoreError
        When the plan in the folder cannot be read.
    """
    file = find_study(study)
    raw = read_named(file, limit_bytes=LARGEST_STUDY_BYTES, what="the study file", error=StudyError)
    text = decoded(raw, file, what="the study file", error=StudyError)
    data = _parsed(text, file)
    kept = _kept(data, file, preset, folder) if asks_database(data) and not ask_again else KeptEntries()
    database = Database(text=text, file=file, words=_WORDS, kept=kept, ask_again=ask_again)
    content, lists = _checked(data, text, file, database)
    database.refresh(content.materials, {one for listed in lists.values() for one in listed.values()})
    for own in content.presets:
        _preset(own, content, text, file)
    options = {name: _code_options(name, table, text, file) for name, table in content.codes.items()}
    if code is not None:
        content = content.model_copy(update={"code": code})
    elif content.code.lower() not in map(str.lower, code_names()):
        raise _no_code(content.code, place_in(text, file, ("code",)))
    _refuse_no_store(content, text, file)
    name, chosen = file.stem, content.preset if preset is None else preset
    return Study(
        name=name,
        file=file,
        content=content,
        preset_name=chosen,
        preset=_preset(chosen, content, text, file),
        text=text,
        sha256=hashlib.sha256(raw).hexdigest(),
        code_options=options.get(content.code.lower(), {}),
        lists=lists,
        kept=kept.crystals,
        measured=_measured(content, text, file),
    )


def _measured(content: StudyFile, text: str, file: Path) -> MeasuredPattern | None:
    """The pattern that was measured, read now: what is wrong with it is not to be found out after the calculations."""
    if content.diffraction is None or content.diffraction.measured is None:
        return None
    where, range_deg = place_in(text, file, ("diffraction", "measured")), content.diffraction.range_deg
    try:
        pattern = read_measured_pattern(named_place(content.diffraction.measured, base=file.parent))
    except InputError as error:
        summary = f"diffraction.measured: {error.where + ': ' if error.where else ''}{error.summary}"
        raise StudyError(summary, reason=error.reason, fix=error.fix, where=where) from None
    if not pattern.lies_in(range_deg):
        what = f"diffraction.measured: {content.diffraction.measured} {pattern.beside(range_deg)}"
        raise StudyError(what, fix="give a range_deg that holds angles of it", where=where)
    return pattern


def _refuse_no_store(content: StudyFile, text: str, file: Path) -> None:
    """Make sure that `store` can be the name of a folder, in a home that there is."""
    if content.store is None:
        return
    try:
        named_place(content.store, base=file.parent, error=StudyError)
    except StudyError as error:
        where = place_in(text, file, ("store",))
        raise StudyError(f"store: {error.summary}", reason=error.reason, fix=error.fix, where=where) from None


def _kept(data: Mapping[str, Any], file: Path, preset: str | None, folder: Path | None) -> KeptEntries:
    """Of the run in `folder`; of a name for which there is now a file, that counts."""
    root = folder or _default_folder(file.stem, preset or str(data.get("preset", PLAIN_PRESET)))
    kept = kept_entries(root)
    crystals = {name: crystal for name, crystal in kept.crystals.items() if not (file.parent / name).exists()}
    return replace(kept, crystals=crystals)


def restore_study(
    text: str,
    *,
    name: str,
    preset_name: str,
    preset: Mapping[str, object],
    code: str,
    code_options: Mapping[str, object],
    lists: Lists,
    measured: MeasuredPattern | None = None,
) -> Study:
    """A study from its text, with preset and options as they were when it was planned; its paths are not looked at.

    Raises
    ------
    StudyError
        When this version of dftflow cannot read the text.
    """
    file = Path(f"{name}.toml")
    content, _ = _checked(_parsed(text, file), text, file, lists)
    return Study(
        name=name,
        file=file,
        content=content.model_copy(update={"code": code}),
        preset_name=preset_name,
        preset=Preset.model_validate(preset),
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        code_options=code_options,
        lists=lists,
        measured=measured,
    )


def _parsed(text: str, file: Path) -> dict[str, Any]:
    with _with_place(text, file):
        return parsed(text.removeprefix("\ufeff"), file, what="the study file", error=StudyError)


def _checked(data: Mapping[str, Any], text: str, file: Path, known: Lists | Database) -> tuple[StudyFile, Lists]:
    """The content, and what its lists of structures stand for: as it is known, or as files and database have it now."""
    with _with_place(text, file):
        lists = lists_of(data, file.parent, known.materials) if isinstance(known, Database) else known
        return StudyFile.model_validate(with_lists(data, lists)), lists


@contextmanager
def _with_place(text: str, file: Path) -> Iterator[None]:
    """Within it, what is wrong with an entry becomes a `StudyError` that says in which line."""
    plain = text.removeprefix("\ufeff")
    try:
        yield
    except ValidationError as error:
        raise explained(error, plain, file, _WORDS) from None
    except EntryError as error:
        raise StudyError(str(error), where=place_in(plain, file, error.place)) from None


def _code_options(name: str, table: Mapping[str, object], text: str, file: Path) -> Mapping[str, object]:
    """The table ``[codes.NAME]``, checked by the code itself; plain data."""
    try:
        if name not in code_names():
            raise _no_code(name)
        if not isinstance(table.get("templates", ""), str):
            raise OptionError("templates is no folder", fix="name a folder", place=("templates",))
        return load_code(name, table, folder=file.parent).options.model_dump(mode="json", exclude_unset=True)
    except DftflowError as error:
        place = ("codes", name, *(error.place if isinstance(error, OptionError) else ()))
        raise StudyError(error.summary, reason=error.reason, fix=error.fix, where=place_in(text, file, place)) from None


def _no_code(name: str, where: str = "") -> StudyError:
    near = difflib.get_close_matches(name.lower(), code_names(), n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return StudyError(
        f"there is no code called {shown(name)}", fix=f"{guess}codes: {', '.join(code_names())}", where=where
    )


@cache
def _shipped_presets() -> Mapping[str, Mapping[str, object]]:
    return tomllib.loads((files("dftflow.studies") / "presets.toml").read_text("utf-8"))


def preset_names(content: StudyFile) -> tuple[str, ...]:
    """Presets of a study: those that every study has, then its own."""
    shipped = _shipped_presets()
    return (*shipped, *(own for own in content.presets if own not in shipped))


def _preset(name: str, content: StudyFile, text: str, file: Path) -> Preset:
    shipped = _shipped_presets()
    known = preset_names(content)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        where = place_in(text, file, ("preset",)) if name == content.preset else ""
        raise StudyError(
            f"there is no preset {shown(name)}", where=where, fix=f"{guess}this study has {', '.join(known)}"
        )
    try:
        return Preset.model_validate({**shipped.get(name, {}), **content.presets.get(name, {})})
    except ValidationError as error:
        raise explained(error, text, file, _WORDS, prefix=("presets", name)) from None


# --- explaining -------------------------------------------------------------------------------------------------

_TABLES: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): StudyFile,
    ("settings",): Settings,
    **resource_tables("resources"),
    ("materials", "*"): MaterialEntry,
    ("materials", "*", "substitute"): Substitution,
    ("materials", "*", "substitute", "*"): Substitution,
    ("materials", "*", "relax_kpoints"): KPoints,
    ("materials", "*", "bands_kpoints"): KPoints,
    ("materials", "*", "slabs", "*"): SlabEntry,
    ("alignment",): AlignmentEntry,
    ("alignment", "*"): AlignmentEntry,
    ("alignment", "*", "published", "*"): Published,
    ("presets", "*"): Preset,
    ("density_of_states",): DensityOfStatesEntry,
    ("effective_masses",): EffectiveMassesEntry,
    ("density_of_states", "kpoints"): KPoints,
    ("sweep",): SweepEntry,
    ("sweep", "*"): SweepEntry,
    ("reaction",): ReactionEntry,
    ("reaction", "*"): ReactionEntry,
    ("phases",): PhasesEntry,
    ("diffraction",): DiffractionEntry,
    ("diffraction", "spacings_nm", "*"): ReadingEntry,
    ("hull",): HullEntry,
    ("mismatch",): MismatchEntry,
    ("mismatch", "*"): MismatchEntry,
    ("mismatch", "planes", "*"): PlanesEntry,
    ("mismatch", "*", "planes", "*"): PlanesEntry,
    ("photons",): PhotonsEntry,
    ("photons", "measured", "*"): MeasuredGapEntry,
    ("published",): PublishedEntry,
    ("published", "*"): PublishedEntry,
}

_EXAMPLES: Mapping[str, str] = {
    **RESOURCE_EXAMPLES,
    "schema": "1",
    "title": '"Band edges of CsPbBr3"',
    "reference": '"10.1021/acsami.1c18025"',
    "code": '"gpaw"',
    "preset": '"quick"',
    "store": '"../store"',
    "settings": '{ xc = "PBE" }',
    "xc": '"PBE"',
    "structure": '"CsPbBr3_Pm-3m"',
    "substitute": '{ site = "Cs", by = "FA" }',
    "site": '"Cs"',
    "by": '"FA"',
    "fraction": "0.25",
    "ordering": '"quasirandom"',
    "orientation": '"100/001"',
    "seed": "1",
    "charge": "1",
    "supercell": "[1, 1, 1]",
    "pseudocubic_ang": "5.99",
    "primitive": "true",
    "cutoff_ev": "500.0",
    "relax_kpoints": "[4, 4, 4]",
    "bands_kpoints": "[6, 6, 6]",
    "kpoints": "[8, 8, 8]",
    "broadening_ev": "0.1",
    "sources_nm": "[365.0, 254.0]",
    "good_to_ev": "0.25",
    "good_to_holds": '"gaps of PBE between sets of potentials"',
    "gap_ev": "2.3",
    "plus_minus_ev": "0.1",
    "quantity": '"band gap"',
    "value": "2.3",
    "unit": '"eV"',
    "plus_minus": "0.1",
    "good_to": "0.25",
    "said": '"absorption at room temperature"',
    "source": '"10.1021/acsami.1c18025"',
    "step_per_ang": "0.03",
    "window_ev": "[-6.0, 6.0]",
    "size": "[4, 4, 4]",
    "gamma": "true",
    "cell": '"all"',
    "band_edge": '"G"',
    "miller": "[0, 0, 1]",
    "setting": '"given"',
    "termination": '"auto"',
    "allow_refused": "false",
    "min_thickness_ang": "10.0",
    "slab_thickness_ang": "10.0",
    "hold_middle_ang": "3.0",
    "vacuum_ang": "15.0",
    "from_reference": '["cutoff_ev"]',
    "tolerance_ev": "0.1",
    "method": '"UPS"',
    "valence_band_offset_ev": "0.17",
    "conduction_band_offset_ev": "0.34",
    "type": '"type I"',
    "doi": '"10.1021/acsami.1c18025"',
    "dispersion": '"D3(BJ)"',
    "hubbard_u_ev": "{ Ni = { d = 6.0 } }",
    "spin_orbit": "true",
    "core_levels": "true",
    "corrections": '["spin-orbit"]',
    "moments": "{ Ni = 2.0 }",
    "charges": "{ Ti = 4, O = -2 }",
    "smearing_ev": "0.1",
    "scf_tol_ev_per_atom": "2e-6",
    "max_scf_cycles": "100",
    "empty_bands": "12",
    "energy_tol_ev_per_atom": "2e-5",
    "force_tol_ev_per_ang": "0.05",
    "stress_tol_gpa": "0.1",
    "displacement_tol_ang": "2e-3",
    "max_relax_steps": "100",
    "description": '"what it does, in one line"',
    "accuracy": '"what it costs in accuracy"',
    "bulk_relax": '"cell"',
    "slab_relax": "true",
    "hold_middle_layer": "true",
    "slabs": "true",
    "path_spacing_per_ang": "0.05",
    "min_cutoff_ev": "600.0",
    "kpoint_spacing_per_ang": "0.25",
    "grids": '"study"',
    "equation": '"A -> B + 2 C"',
    "convergence_ev_per_atom": "0.002",
    "functional_ev_per_atom": "0.024",
    "functional_source": '"10.1103/PhysRevB.85.155208"',
    "diffraction": "{ markers = [15.0] }",
    "wavelength_nm": "0.15405",
    "range_deg": "[10.0, 50.0]",
    "size_nm": "20.0",
    "instrument_deg": "0.1",
    "markers": "[15.0]",
    "marker_tolerance_deg": "0.3",
    "least_intensity": "1.0",
    "spacings_nm": "[{ d_nm = 0.581, plus_minus_nm = 0.0005 }]",
    "d_nm": "0.581",
    "plus_minus_nm": "0.0005",
    "measured": '"pattern.xy"',
    "peak_tolerance_deg": "0.2",
    "planes": "[{ first = [1, 0, 0], second = [0, 1, 0] }]",
    "first": "[1, 0, 0]",
    "second": "[0, 1, 0]",
    "first_setting": '"cubic"',
    "second_setting": '"Pnma"',
    "max_index": "1",
    "max_area_ang2": "150.0",
    "most_strain_percent": "10.0",
    "published_percent": "3.4",
}
"""A value of each key that has one, as it is written."""


_LISTS: Mapping[str, str] = {
    "cutoff_ev": "[400.0, 500.0]",
    "kpoint_spacing_per_ang": "[0.3, 0.2]",
    "slab_thickness_ang": "[12.0, 18.0]",
    "vacuum_ang": "[15.0, 20.0]",
    "smearing_ev": "[0.05, 0.1]",
    "xc": '["LDA", "PBE"]',
    "orientation": '["100/001", "110/001"]',
    "fraction": "[0.0, 0.5, 1.0]",
    "ordering": "[1, 2, 3]",
    "seed": "[1, 2, 3]",
}
_GAP = (
    '[{ material = "CsPbBr3", gap_ev = 2.3, plus_minus_ev = 0.1, said = "absorption", '
    'source = "10.1021/acsami.1c18025" }]'
)
_OWN_EXAMPLES: Mapping[tuple[str, ...], Mapping[str, str]] = {
    ("sweep",): _LISTS,
    ("sweep", "*"): _LISTS,
    ("photons",): {"measured": _GAP},
}
"""The same of keys that take a list in one table, and a value elsewhere."""


def _example(key: str, text: str) -> str:
    """A value of a key; of materials and surfaces by the names of the study whose text it is."""
    of_study = _OF_STUDY.get(key)
    return of_study(text) if of_study else _EXAMPLES.get(key, "")


def _quoted(text: str) -> list[str]:
    return [json.dumps(name, ensure_ascii=False) for name in _materials(text)]


def _one_material(text: str) -> str:
    return next(iter(_quoted(text)), "")


def _two_shares(text: str) -> str:
    names = [name if re.fullmatch(r"[A-Za-z0-9_-]+", json.loads(name)) is None else json.loads(name)
             for name in _quoted(text)[:2]]  # fmt: skip
    return f"{{ {', '.join(f'{name} = 0.5' for name in names)} }}" if len(names) == 2 else ""


def _materials(text: str) -> Mapping[str, Any]:
    found = tomllib.loads(text.removeprefix("\ufeff")).get("materials")
    return found if isinstance(found, dict) else {}


def _two_materials(text: str) -> str:
    names = _quoted(text)[:2]
    return f"[{', '.join(names)}]" if len(names) == 2 else ""


def _one_surface(text: str) -> str:
    for name, entry in _materials(text).items():
        slabs = entry.get("slabs") if isinstance(entry, dict) else None
        first = slabs[0] if isinstance(slabs, list) and slabs else None
        miller = first.get("miller") if isinstance(first, dict) else None
        if isinstance(miller, list) and all(index in range(10) for index in miller):
            return json.dumps([f"{name}/slab-{''.join(map(str, miller))}"], ensure_ascii=False)
    return ""


_OF_STUDY: Mapping[str, Callable[[str], str]] = {
    "materials": _two_materials,
    "terminals": _two_materials,
    "weights": _two_shares,
    "material": _one_material,
    "subject": _one_material,
    "surfaces": _one_surface,
}
"""Keys whose example has names of the study."""


_WORDS = Words(
    tables=_TABLES,
    example=_example,
    own_examples=_OWN_EXAMPLES,
    unnamed=frozenset({"size"}),
    lists=frozenset({"slabs", "published", "measured"}),
    error=StudyError,
)
