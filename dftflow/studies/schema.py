"""The study file: what it may say, with types and units. Every default here is what the field would expect."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

__all__ = [
    "AlignmentEntry",
    "EntryError",
    "KPoints",
    "MaterialEntry",
    "Preset",
    "Published",
    "Settings",
    "SlabEntry",
    "TOLERANCES",
    "StudyFile",
    "Substitution",
]

TOLERANCES = ("energy_tol_ev_per_atom", "force_tol_ev_per_ang", "stress_tol_gpa", "displacement_tol_ang")
ALL = "all"
TAKEN_NAMES = frozenset(
    {"structures", "templates", "steps", "figures", "lock", "plan.json", "study.toml", "written.json", "results.json"}
    | {"report.html", "run.md", "run.sh", "run.slurm"}
)
"""What the folder of a study holds beside the folders of its materials, in lower case."""

_NAME = re.compile(r"[\w(][\w.()-]{0,99}(?<!\.)")
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Grid = tuple[Count, Count, Count]
Indices = tuple[int, int, int]


class EntryError(ValueError):
    """What is wrong with one entry, found by a rule over several of them.

    Attributes
    ----------
    place
        Keys and numbers that lead to the entry from the table which the rule is about.
    """

    def __init__(self, text: str, *place: str | int) -> None:
        super().__init__(text)
        self.place = place


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Sourced(_Table):
    """A table that says which of its values the study's reference gives, of those that a deck can say it of."""

    from_reference: tuple[str, ...] = ()
    _citable: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _names_what_it_gives(self) -> _Sourced:
        for name in self.from_reference:
            if name not in self._citable:
                raise ValueError(f"from_reference cannot name {name!r}; it can name {', '.join(self._citable)}")
            if name not in self.model_fields_set:
                raise ValueError(f"from_reference names {name!r}, which this table does not give")
        return self


class KPoints(_Table):
    """A regular grid. ``gamma``: whether it holds Γ whatever its numbers; None: only in a hexagonal cell."""

    size: Grid
    gamma: bool | None = None


def _as_table(value: object) -> object:
    if isinstance(value, tuple):
        return {"size": value}
    if isinstance(value, dict | KPoints):
        return value
    raise ValueError("a grid is [2, 2, 2] or { size = [2, 2, 2], gamma = true }")


KPointGrid = Annotated[KPoints, BeforeValidator(_as_table)]


class Substitution(_Table):
    """A molecule in the place of an atom."""

    site: str
    by: str
    orientation: str = "100"
    seed: int | None = None
    charge: int = 1


class SlabEntry(_Table):
    """A plane to cleave along, in a named setting of the crystal's cell."""

    miller: Indices
    setting: str | None = None
    termination: str = "auto"
    allow_refused: bool = False
    min_thickness_ang: Positive | None = None
    vacuum_ang: Positive | None = None
    hold_middle_ang: Positive | None = None


class MaterialEntry(_Sourced):
    """One material: where its crystal comes from, and how well it is calculated."""

    _citable = ("cutoff_ev", "relax_kpoints", "bands_kpoints")

    structure: str
    pseudocubic_ang: Positive | None = None
    supercell: Grid = (1, 1, 1)
    substitute: Substitution | None = None
    cutoff_ev: Positive
    relax_kpoints: KPointGrid
    bands_kpoints: KPointGrid
    cell: Literal["fixed", "isotropic", "lengths", "all"] = "lengths"
    band_edge: str | None = None
    slabs: tuple[SlabEntry, ...] = ()

    @model_validator(mode="after")
    def _host_is_substituted(self) -> MaterialEntry:
        if self.substitute is None and (self.pseudocubic_ang is not None or self.supercell != (1, 1, 1)):
            raise ValueError("pseudocubic_ang and supercell belong to a substitution; add substitute = { ... }")
        return self


class Settings(_Sourced):
    """What all calculations of the study share."""

    _citable = TOLERANCES

    xc: str = "PBE"
    smearing_ev: Positive = 0.1
    scf_tol_ev_per_atom: Positive = 2e-6
    max_scf_cycles: Count = 100
    empty_bands: Count = 12
    energy_tol_ev_per_atom: Positive = 2e-5
    force_tol_ev_per_ang: Positive = 0.05
    stress_tol_gpa: Positive = 0.1
    displacement_tol_ang: Positive = 2e-3
    max_relax_steps: Count = 100


class Published(_Table):
    """An offset quoted from a publication, for the row beside our own; the first of its materials minus the second."""

    materials: tuple[str, str]
    method: str
    valence_band_offset_ev: float
    conduction_band_offset_ev: float | None = None
    type: Literal["type I", "type II", "type III", "quasi-type II", "not resolved"]
    doi: str


def _as_names(value: object) -> object:
    if isinstance(value, str) and value != ALL:
        raise ValueError(f"materials is a list of two or more, or {ALL!r}")
    return (value,) if isinstance(value, str) else value


class AlignmentEntry(_Table):
    """Which materials are compared, each two of those named; an offset is the earlier one's edge minus the later's.

    ``surfaces`` names those that count (``CsPbBr3/slab-010``); a material of which none is named counts with all.
    """

    materials: Annotated[tuple[str, ...], BeforeValidator(_as_names)]
    surfaces: tuple[str, ...] = ()
    tolerance_ev: Positive = 0.10
    published: tuple[Published, ...] = ()


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, dict) else value


Alignments = Annotated[tuple[AlignmentEntry, ...], BeforeValidator(_as_list)]
"""``[[alignment]]``, again for each; a single one may stand as ``[alignment]``."""


class Preset(_Table):
    """How much is spent: what is relaxed, how thick the slabs are, how dense the k-points.

    ``None`` means: as the study says.
    """

    description: str
    accuracy: str
    bulk_relax: Literal["cell", "ions", "none"] = "cell"
    slab_relax: bool = True
    hold_middle_layer: bool = False
    slabs: bool = True
    slab_thickness_ang: Positive
    vacuum_ang: Positive
    path_spacing_per_ang: Positive
    min_cutoff_ev: Positive | None = None
    kpoint_spacing_per_ang: Positive | None = None
    grids: Literal["study", "coarse", "fine"] = "study"
    empty_bands: Count | None = None
    scf_tol_ev_per_atom: Positive | None = None


class StudyFile(_Table):
    """A whole study file."""

    schema_version: Literal[1] = Field(alias="schema")
    title: str
    reference: str = ""
    code: str = "gpaw"
    preset: str = "study"
    settings: Settings = Settings()
    materials: dict[str, MaterialEntry] = Field(min_length=1)
    alignment: Alignments = ()
    kinds: dict[str, dict[str, object]] = Field(default_factory=dict)
    presets: dict[str, dict[str, object]] = Field(default_factory=dict)
    codes: dict[str, dict[str, object]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_folders(self) -> StudyFile:
        _check_names(self.materials)
        return self

    @model_validator(mode="after")
    def _has_the_reference(self) -> StudyFile:
        tables = [self.settings, *self.materials.values()]
        if not self.reference and any(table.from_reference for table in tables):
            raise ValueError('from_reference needs the reference itself; add reference = "<DOI>" at the top')
        return self

    @model_validator(mode="after")
    def _aligned_materials_exist(self) -> StudyFile:
        for number, entry in enumerate(self.alignment):
            named = self.aligned(entry)
            wrong = self._wrong_names(named)
            if wrong:
                raise EntryError(f"alignment.materials {wrong}", "alignment", number, "materials")
            for row, published in enumerate(entry.published):
                if not set(published.materials) <= set(named) or len(set(published.materials)) != 2:
                    raise EntryError(
                        f"alignment.published is about {' and '.join(published.materials)}, "
                        f"this alignment is between {' and '.join(named)}",
                        *("alignment", number, "published", row, "materials"),
                    )
        return self

    def _wrong_names(self, named: tuple[str, ...]) -> str:
        unknown = next((name for name in named if name not in self.materials), None)
        if unknown is not None:
            return f"names {unknown!r}; the study has {', '.join(self.materials)}"
        if len(set(named)) != len(named):
            return f"names a material twice: {', '.join(named)}"
        return f"needs two materials; it names {', '.join(named)}" if len(named) < 2 else ""

    def aligned(self, entry: AlignmentEntry) -> tuple[str, ...]:
        """The materials of an alignment, in its order."""
        return tuple(self.materials) if entry.materials == (ALL,) else entry.materials


def _check_names(names: Iterable[str]) -> None:
    """The name of a material names a folder and files, on any file system."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if not _NAME.fullmatch(name):
            wrong = (
                f"the material's name {name!r} cannot name a folder and the files of a code: use letters, digits, "
                "'.', '_', '-' and round brackets, no '.' or '-' first, no '.' last, 100 of them at most"
            )
        elif name.lower() in TAKEN_NAMES:
            wrong = f"the material's name {name!r} is that of a file or folder of dftflow's own: choose another one"
        elif other != name:
            wrong = (
                f"the materials {other!r} and {name!r} would be one folder where case is ignored: rename one of them"
            )
        else:
            continue
        raise EntryError(wrong, "materials", name)
