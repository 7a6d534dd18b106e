"""The study file: what it may say, with types and units. Every default here is what the field would expect."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from dftflow.codes.options import ElementSymbol
from dftflow.jobs.resource_table import ResourceTable
from dftflow.model import bounds
from dftflow.model.correction import Correction
from dftflow.model.dispersion import Dispersion
from dftflow.model.miller import FORMS, THIRD_INDEX, third_index_holds
from dftflow.model.names import NAME_RULE, is_name
from dftflow.model.point import SWEPT, Point
from dftflow.model.printable import shown
from dftflow.model.spec import CellFreedom, Relaxation
from dftflow.studies.tables.asking import AskingTables
from dftflow.studies.tables.kpoints import GridSpacing, KPointGrid, KPoints
from dftflow.studies.tables.named import ALL, Names, named_materials, wrong_materials, wrong_name
from dftflow.toml_file.entries import SEVERAL, EntryError, Paragraph, Place, Table, Text, Word, within

__all__ = [
    "AlignmentEntry",
    "DatabaseEntries",
    "KPoints",
    "MaterialEntry",
    "Preset",
    "Published",
    "Settings",
    "SlabEntry",
    "TOLERANCES",
    "StudyFile",
    "Substitution",
    "SweepEntry",
]

TOLERANCES = ("energy_tol_ev_per_atom", "force_tol_ev_per_ang", "stress_tol_gpa", "displacement_tol_ang")
TAKEN_NAMES = frozenset(
    {
        "structures",
        "templates",
        "steps",
        "jobs",
        "places",
        "cancelled",
        "figures",
        "lock",
        "plan.json",
        "plan.jsonl",
        "index.json",
        "machine.json",
        "study.toml",
        "written.json",
        "results.json",
        "settled.json",
        "ro-crate-metadata.json",
    }
    | {"report.html", "run.md", "run.sh", "run.slurm"}
)
"""What the folder of a study holds beside the folders of its materials, in lower case."""


CutoffEV = Annotated[float, within(bounds.CUTOFF_EV)]
ScfTol = Annotated[float, within(bounds.SCF_TOL_EV)]
Thickness = Annotated[float, within(bounds.THICKNESS_ANG)]
Vacuum = Annotated[float, within(bounds.VACUUM_ANG)]
OffsetEV = Annotated[float, within(bounds.OFFSET_EV)]
Smearing = Annotated[float, within(bounds.SMEARING_EV)]
Cycles = Annotated[int, within(bounds.CYCLES)]
Bands = Annotated[int, within(bounds.BANDS)]
Repeats = Annotated[int, within(bounds.REPEATS)]
Index = Annotated[int, within(bounds.MILLER_INDEX)]
Moment = Annotated[float, within(bounds.MOMENT_MUB)]
HubbardU = Annotated[float, within(bounds.HUBBARD_U_EV)]
Shell = Literal["s", "p", "d", "f"]


def _plane(miller: tuple[int, ...]) -> tuple[int, ...]:
    if len(miller) not in (3, 4):
        raise PydanticCustomError("no_plane", "a plane has {forms}", {"forms": FORMS})
    if not third_index_holds(miller):
        raise PydanticCustomError("no_plane", THIRD_INDEX)
    return miller


Miller = Annotated[tuple[Index, ...], AfterValidator(_plane)]
"""``[0, 1, 1]``, or ``[1, -2, 1, 0]`` of hexagonal axes."""


class _Sourced(Table):
    """A table that says which of its values the study's reference gives, of those that a deck can say it of."""

    from_reference: tuple[str, ...] = ()
    _citable: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _names_what_it_gives(self) -> _Sourced:
        for name in self.from_reference:
            if name not in self._citable:
                raise ValueError(f"from_reference cannot name {shown(name)}; it can name {', '.join(self._citable)}")
            if name not in self.model_fields_set:
                raise ValueError(f"from_reference names {shown(name)}, which this table does not give")
        return self


class Substitution(Table):
    """A molecule, an atom or nothing in the place of an ion, of all of a name or of a fraction of them."""

    site: Word
    by: Place
    fraction: Annotated[float, within(bounds.FRACTION)] | None = None
    orientation: Word = "100"
    seed: Annotated[int, within(bounds.SEED)] | None = None
    charge: Annotated[int, within(bounds.ION_CHARGE)] = 1


Substitutions = Annotated[tuple[Substitution, ...], SEVERAL]
"""``substitute = { ... }``, or ``[[materials.NAME.substitute]]`` for each."""

Ordering = Annotated[int, within(bounds.ORDERING)] | Literal["quasirandom", "random"]


class SlabEntry(Table):
    """A plane to cleave along, in a named setting of the crystal's cell."""

    miller: Miller
    setting: Word | None = None
    termination: Word = "auto"
    allow_refused: bool = False
    min_thickness_ang: Thickness | None = None
    vacuum_ang: Vacuum | None = None
    hold_middle_ang: Thickness | None = None


class DatabaseEntries(Table):
    """Entries of the Materials Project that a table of materials stands for: of a formula, or of these elements."""

    mp: Word
    above_hull_ev_per_atom: Annotated[float, within(bounds.ABOVE_HULL_EV)] | None = None
    most: Annotated[int, within(bounds.ENTRIES)] = 12


def _as_charges(value: object) -> object:
    return (value,) if isinstance(value, int | float) else value


IonCharges = Annotated[tuple[Annotated[int, within(bounds.ION_CHARGE)], ...], BeforeValidator(_as_charges)]
"""Of all ions of a kind, or of each in the order of the crystal."""


class MaterialEntry(_Sourced):
    """One material: where its crystal comes from, and how well it is calculated."""

    _citable = ("cutoff_ev", "relax_kpoints", "bands_kpoints")

    structure: Place
    pseudocubic_ang: Annotated[float, within(bounds.PSEUDOCUBIC_ANG)] | None = None
    primitive: bool = False
    supercell: tuple[Repeats, Repeats, Repeats] | None = None
    substitute: Substitutions = ()
    ordering: Ordering | None = None
    seed: Annotated[int, within(bounds.SEED)] | None = None
    charges: dict[Word, IonCharges] = Field(default_factory=dict)
    cutoff_ev: CutoffEV
    relax_kpoints: KPointGrid
    bands_kpoints: KPointGrid
    cell: Literal["fixed", "isotropic", "lengths", "all"] = "lengths"
    moments: dict[ElementSymbol, Moment | tuple[Moment, ...]] | None = None
    band_edge: Word | None = None
    slabs: tuple[SlabEntry, ...] = ()

    @model_validator(mode="after")
    def _host_is_substituted(self) -> MaterialEntry:
        if not self.substitute and self.pseudocubic_ang is not None:
            raise ValueError("pseudocubic_ang belongs to a substitution; add substitute = { ... }")
        if not self.substitute and self.ordering is None and self.seed is not None:
            raise ValueError(
                "seed belongs to a substitution, or to a file with partly occupied sites; "
                'add substitute = { ... }, or ordering = "quasirandom"'
            )
        if not self.substitute and self.ordering is None and self.supercell and not self.moments:
            raise ValueError(
                "without substitute, ordering and moments a supercell calculates the same crystal at a higher cost; "
                "leave supercell out, or add one of them, as in moments = { Ni = [2.0, -2.0] }"
            )
        if len({seed for seed in self._seeds() if seed is not None}) > 1:
            raise ValueError("a material has one seed: leave the others out")
        return self

    def _seeds(self) -> tuple[int | None, ...]:
        return (self.seed, *(one.seed for one in self.substitute))

    @property
    def one_seed(self) -> int | None:
        """Of random orientations and of the ordering, wherever it stands."""
        return next((seed for seed in self._seeds() if seed is not None), None)

    @property
    def fractions(self) -> tuple[float, ...]:
        """Those of what is substituted in part."""
        return tuple(one.fraction for one in self.substitute if one.fraction is not None)

    @property
    def is_ordered(self) -> bool:
        """Whether ions are mixed in it, so that there is an ordering of them."""
        return self.ordering is not None or any(one.fraction is not None for one in self.substitute)


def _each_once(value: tuple[Correction, ...]) -> tuple[Correction, ...]:
    if len(set(value)) != len(value):
        raise ValueError("a correction stands twice")
    return value


Corrections = Annotated[tuple[Correction, ...], AfterValidator(_each_once)]


class Settings(_Sourced):
    """What all calculations of the study share."""

    _citable = TOLERANCES

    xc: Word = "PBE"
    dispersion: Dispersion = "none"
    hubbard_u_ev: dict[ElementSymbol, dict[Shell, HubbardU]] = Field(default_factory=dict)
    spin_orbit: bool = False
    core_levels: bool = False
    smearing_ev: Smearing = 0.1
    scf_tol_ev_per_atom: ScfTol = 2e-6
    max_scf_cycles: Cycles = 100
    empty_bands: Bands = 12
    corrections: Corrections = ()
    energy_tol_ev_per_atom: Annotated[float, within(bounds.ENERGY_TOL_EV)] = 2e-5
    force_tol_ev_per_ang: Annotated[float, within(bounds.FORCE_TOL)] = 0.05
    stress_tol_gpa: Annotated[float, within(bounds.STRESS_TOL_GPA)] = 0.1
    displacement_tol_ang: Annotated[float, within(bounds.DISPLACEMENT_TOL_ANG)] = 2e-3
    max_relax_steps: Cycles = 100

    def hubbard_of(self, elements: Collection[str]) -> dict[str, float]:
        """``"Ni:d"`` -> U of the shells of `elements`."""
        return {
            f"{element}:{shell}": value
            for element, shells in sorted(self.hubbard_u_ev.items())
            if element in elements
            for shell, value in sorted(shells.items())
        }

    def element_without(self, elements: Collection[str]) -> str | None:
        """The first with a U that is none of `elements`."""
        return next((element for element in self.hubbard_u_ev if element not in elements), None)

    def relaxation(self, cell: CellFreedom, notes: Mapping[str, str]) -> Relaxation:
        """The criteria, with what may change of the cell and where the criteria come from."""
        return Relaxation(
            cell=cell,
            energy_tol_ev_per_atom=self.energy_tol_ev_per_atom,
            force_tol_ev_per_ang=self.force_tol_ev_per_ang,
            stress_tol_gpa=self.stress_tol_gpa,
            displacement_tol_ang=self.displacement_tol_ang,
            max_steps=self.max_relax_steps,
            notes=notes,
        )


class Published(Table):
    """An offset quoted from a publication, for the row beside our own; the first of its materials minus the second."""

    materials: tuple[Word, Word]
    method: Word
    valence_band_offset_ev: OffsetEV
    conduction_band_offset_ev: OffsetEV | None = None
    type: Literal["type I", "type II", "type III", "quasi-type II", "not resolved"]
    doi: Text


class AlignmentEntry(Table):
    """Which materials are compared, each two of those named; an offset is the earlier one's edge minus the later's.

    ``surfaces`` names those that count (``CsPbBr3/slab-010``); a material of which none is named counts with all.
    """

    materials: Names
    surfaces: tuple[Word, ...] = ()
    tolerance_ev: Annotated[float, within(bounds.TOLERANCE_EV)] = 0.10
    published: tuple[Published, ...] = ()


Alignments = Annotated[tuple[AlignmentEntry, ...], SEVERAL]
"""``[[alignment]]``, again for each; a single one may stand as ``[alignment]``."""


MOST_POINTS = 10_000
"""Of one sweep; of a million calculations nobody looks at the results."""


class SweepEntry(Table):
    """Settings that take several values in turn; of several keys every combination.

    ``materials`` are those that are calculated at its points, all of the study unless given.
    """

    materials: Names = (ALL,)
    cutoff_ev: tuple[CutoffEV, ...] = ()
    kpoint_spacing_per_ang: tuple[GridSpacing, ...] = ()
    slab_thickness_ang: tuple[Thickness, ...] = ()
    vacuum_ang: tuple[Vacuum, ...] = ()
    smearing_ev: tuple[Smearing, ...] = ()
    xc: tuple[Word, ...] = ()
    orientation: tuple[Word, ...] = ()
    fraction: tuple[Annotated[float, within(bounds.SWEPT_FRACTION)], ...] = ()
    ordering: tuple[Annotated[int, within(bounds.ORDERING)], ...] = ()
    seed: tuple[Annotated[int, within(bounds.SEED)], ...] = ()

    def values(self) -> dict[str, tuple[float | str, ...]]:
        """What is swept: key -> its values."""
        return {key: values for key in SWEPT if (values := getattr(self, key))}

    @model_validator(mode="after")
    def _sweeps_something(self) -> SweepEntry:
        swept = self.values()
        if not swept:
            raise ValueError(f"a sweep needs a list of values; it can be of {', '.join(SWEPT)}")
        for key, values in swept.items():
            if len(set(values)) != len(values):
                raise EntryError(f"{key} has a value twice", key)
        if prod(map(len, swept.values())) > MOST_POINTS:
            raise ValueError(f"a sweep can have {MOST_POINTS} points; this one has {prod(map(len, swept.values()))}")
        return self

    def points(self) -> list[Point]:
        """Every combination of its values, the first key varying slowest."""
        swept = self.values()
        return [Point.of(dict(zip(swept, values, strict=True))) for values in product(*swept.values())]


def _check_points(sweeps: Sequence[SweepEntry]) -> None:
    """Their names are parts of names of folders, each of one point, also of another sweep."""
    named: dict[str, Point] = {}  # some file systems know no case
    for number, point in ((number, point) for number, entry in enumerate(sweeps) for point in entry.points()):
        other = named.setdefault(point.name.casefold(), point)
        if other != point:
            what = f"the points {other} and {point} of a sweep would both be called {shown(point.name)}"
            raise EntryError(what, "sweep", number)
        if not is_name(point.name):
            what = f"the point {point} of a sweep would be called {shown(point.name)}: use {NAME_RULE}"
            raise EntryError(what, "sweep", number)


Sweeps = Annotated[tuple[SweepEntry, ...], SEVERAL]
"""``[[sweep]]``, again for each; a single one may stand as ``[sweep]``."""


class Preset(Table):
    """How much is spent: what is relaxed, how thick the slabs are, how dense the k-points.

    ``None`` means: as the study says.
    """

    description: Paragraph
    accuracy: Paragraph
    bulk_relax: Literal["cell", "ions", "none"] = "cell"
    slab_relax: bool = True
    hold_middle_layer: bool = False
    slabs: bool = True
    slab_thickness_ang: Thickness
    vacuum_ang: Vacuum
    path_spacing_per_ang: Annotated[float, within(bounds.PATH_SPACING)]
    min_cutoff_ev: CutoffEV | None = None
    kpoint_spacing_per_ang: GridSpacing | None = None
    grids: Literal["study", "coarse", "fine"] = "study"
    empty_bands: Bands | None = None
    scf_tol_ev_per_atom: ScfTol | None = None


class StudyFile(AskingTables):
    """A whole study file."""

    schema_version: int = Field(alias="schema", ge=1, le=1)
    title: Text
    reference: Text = ""
    code: Word = "gpaw"
    preset: Word = "study"
    store: Place | None = None
    settings: Settings = Settings()
    resources: ResourceTable = ResourceTable()
    materials: dict[str, MaterialEntry] = Field(min_length=1)
    alignment: Alignments = ()
    sweep: Sweeps = ()
    kinds: dict[str, dict[str, object]] = Field(default_factory=dict)
    presets: dict[str, dict[str, object]] = Field(default_factory=dict)
    codes: dict[str, dict[str, object]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_names(self) -> StudyFile:
        tables: Mapping[str, Iterable[str]] = {
            "materials": self.materials, "kinds": self.kinds, "presets": self.presets, "codes": self.codes
        }  # fmt: skip
        for table, names in tables.items():
            _check_names(table, names)
        _check_folders(self.materials)
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
            wrong = wrong_materials(entry.materials, tuple(self.materials), least=2)
            if wrong is not None:
                raise EntryError(f"alignment.materials {wrong[1]}", "alignment", number, "materials")
            for row, published in enumerate(entry.published):
                if not set(published.materials) <= set(named) or len(set(published.materials)) != 2:
                    raise EntryError(
                        f"alignment.published is about {' and '.join(published.materials)}, "
                        f"this alignment is between {' and '.join(named)}",
                        *("alignment", number, "published", row, "materials"),
                    )
        return self

    @model_validator(mode="after")
    def _swept_materials_exist(self) -> StudyFile:
        for number, entry in enumerate(self.sweep):
            named = self.swept_materials(entry)
            wrong = wrong_name(named, self.materials)
            if wrong:
                raise EntryError(f"sweep.materials {wrong}", "sweep", number, "materials")
            if entry.orientation and not any(self.materials[name].substitute for name in named):
                what = "none of its materials has a substituted molecule, whose orientation could be swept"
                raise EntryError(what, "sweep", number, "orientation")
            self._check_fractions(number, entry, named)
            for key in ("ordering", "seed"):
                if getattr(entry, key) and not any(self.materials[name].is_ordered for name in named):
                    what = f"none of its materials is a mixture, whose {key} could be swept; give a fraction"
                    raise EntryError(what, "sweep", number, key)
        _check_points(self.sweep)
        return self

    @model_validator(mode="after")
    def _asking_tables_name_materials(self) -> StudyFile:
        for place, what in self.wrong_names(tuple(self.materials)):
            raise EntryError(what, *place)
        return self

    def _check_fractions(self, number: int, entry: SweepEntry, named: tuple[str, ...]) -> None:
        """That it is known which fraction is swept, and that there is something at its ends."""
        mixed = [name for name in named if self.materials[name].fractions] if entry.fraction else []
        if entry.fraction and not mixed:
            what = "none of its materials has a substitution with a fraction, which could be swept"
            raise EntryError(what, "sweep", number, "fraction")
        for name in mixed:
            material = self.materials[name]
            if len(material.fractions) > 1:
                what = f"{name} has {len(material.fractions)} fractions, and which of them is swept is not told"
                raise EntryError(what, "sweep", number, "fraction")
            if material.pseudocubic_ang is not None and 0 in entry.fraction:
                what = (
                    f"at fraction 0 nothing is put into {name}, and its pseudocubic_ang scales nothing: leave one out"
                )
                raise EntryError(what, "sweep", number, "fraction")

    def swept_materials(self, entry: SweepEntry) -> tuple[str, ...]:
        """The materials that are calculated at the points of a sweep."""
        return named_materials(entry.materials, tuple(self.materials))

    def aligned(self, entry: AlignmentEntry) -> tuple[str, ...]:
        """The materials of an alignment, in its order."""
        return named_materials(entry.materials, tuple(self.materials))


def _check_names(table: str, names: Iterable[str]) -> None:
    """Names stand for folders and files, on any file system and in any shell."""
    for name in names:
        if not is_name(name):
            raise EntryError(
                f"the name {shown(name)} cannot be that of a folder or a file: use {NAME_RULE}", table, name
            )


def _check_folders(names: Iterable[str]) -> None:
    """A material has a folder beside dftflow's own, where case may be ignored."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if name.lower() in TAKEN_NAMES:
            wrong = f"the material's name {name!r} is that of a file or folder of dftflow's own: choose another one"
        elif other != name:
            wrong = (
                f"the materials {other!r} and {name!r} would be one folder where case is ignored: rename one of them"
            )
        else:
            continue
        raise EntryError(wrong, "materials", name)
