"""``built.json``: what a step calculates, beside its deck, so that a folder tells what its numbers belong to.

Schema ``dftflow-built/1``::

    {"schema", "step", "seed", "plan", "identity", "engine", "deck": {file: text}, "cautions", "notes", "structure",
     "spec", "model", "parents", "assumed", "edges_from", "facts"}

``structure`` and that of ``model`` are pymatgen's ``Structure.as_dict``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dftflow.crystals.plain import MARKS, plain_structure, structure_of, what_is_wrong
from dftflow.errors import DftflowError, StoreError
from dftflow.model.built import Built
from dftflow.model.spec import CalcSpec
from dftflow.model.surface import AtomicLayer, Plane, SlabModel
from dftflow.stored_file import read_stored_json

__all__ = ["BUILT_FILE", "BuiltRecord", "built_text", "read_built"]

BUILT_FILE = "built.json"
SCHEMA = "dftflow-built/1"
MOST_LETTERS = 200


def _plain_name(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or len(name) > MOST_LETTERS or not name.isprintable():
        raise ValueError("this is no name of a file")
    return name


FileName = Annotated[str, AfterValidator(_plain_name)]
_Length = Annotated[float, Field(ge=-1e6, le=1e6)]
_Vector = tuple[_Length, _Length, _Length]
Size = Annotated[float, Field(ge=0, le=1e6)]


class _Stored(BaseModel):
    """The file, checked; further keys are of a later version."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_: Literal["dftflow-built/1"] = Field(alias="schema")
    step: str
    seed: FileName
    plan: str
    identity: str
    engine: dict[str, str]
    deck: dict[FileName, str]
    cautions: tuple[str, ...]
    notes: tuple[str, ...]
    structure: dict[str, Any]
    spec: CalcSpec
    model: _StoredModel | None
    parents: dict[str, str]
    assumed: tuple[str, ...]
    edges_from: str = ""
    facts: dict[str, Any]


class _StoredModel(BaseModel):
    """A `SlabModel`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    structure: dict[str, Any]
    plane: Plane
    termination: str
    layers: tuple[AtomicLayer, ...] = Field(min_length=1)
    formal_charge: int
    symmetric: bool
    polar: bool
    stoichiometric: bool
    area_ang2: Size
    thickness_ang: Size
    vacuum_ang: Size
    period_ang: Annotated[float, Field(gt=0, le=1e6)]
    crystal_ang: tuple[_Vector, _Vector, _Vector] | None = None
    compensated: bool = False
    tasker: str = ""
    charges: str = ""
    why: str = ""
    remarks: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class BuiltRecord:
    """Content of ``built.json``.

    Attributes
    ----------
    step, seed
        Name of the step that it was written for, and stem of its files.
    plan
        Digest of the plan that it was built for (`StudyFolder.digest`).
    identity, engine
        See `dftflow.studies.identity`.
    deck
        File name -> text as dftflow wrote it.
    cautions, notes
        What the writer of the deck cautions about, and what a person has to supply for it.
    """

    step: str
    seed: str
    plan: str
    identity: str
    engine: Mapping[str, str]
    deck: Mapping[str, str]
    cautions: tuple[str, ...]
    notes: tuple[str, ...]
    built: Built


def built_text(record: BuiltRecord) -> str:
    """Content of the file."""
    built = record.built
    content = {
        "schema": SCHEMA,
        "step": record.step,
        "seed": record.seed,
        "plan": record.plan,
        "identity": record.identity,
        "engine": dict(record.engine),
        "deck": dict(record.deck),
        "cautions": list(record.cautions),
        "notes": list(record.notes),
        "structure": plain_structure(built.structure),
        "spec": asdict(built.spec),
        "model": None if built.model is None else _plain_model(built.model),
        "parents": dict(built.parents),
        "assumed": list(built.assumed),
        "edges_from": built.edges_from,
        "facts": dict(built.facts),
    }
    return json.dumps(content, ensure_ascii=False)


def read_built(folder: Path) -> BuiltRecord | None:
    """What the folder of a step says that it calculates; None when it has no such file.

    Raises
    ------
    StoreError
        When the file is damaged, or of another version of dftflow.
    """
    file = folder / BUILT_FILE
    try:
        return _record(_Stored.model_validate(read_stored_json(file)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error)) from error
    except ValueError as error:
        raise _unreadable(file, what_is_wrong(error)) from error
    except DftflowError as error:
        raise _unreadable(file, error.sentence) from error


def _unreadable(file: Path, reason: str) -> StoreError:
    return StoreError(
        "what this step calculates cannot be read",
        reason=" ".join(reason.split())[:300],
        where=str(file),
        fix="move the folder away and run again",
    )


def _record(stored: _Stored) -> BuiltRecord:
    return BuiltRecord(
        step=stored.step,
        seed=stored.seed,
        plan=stored.plan,
        identity=stored.identity,
        engine=stored.engine,
        deck=stored.deck,
        cautions=stored.cautions,
        notes=stored.notes,
        built=Built(
            structure=structure_of(stored.structure),
            spec=stored.spec,
            model=None if stored.model is None else _model(stored.model),
            parents=stored.parents,
            assumed=stored.assumed,
            edges_from=stored.edges_from,
            facts=stored.facts,
        ),
    )


# --- parts ------------------------------------------------------------------------------------------------------


def _plain_model(model: SlabModel) -> dict[str, Any]:
    plain = {field.name: getattr(model, field.name) for field in fields(model)}
    return plain | {
        "structure": plain_structure(model.structure),
        "plane": asdict(model.plane),
        "crystal_ang": None if model.crystal_ang is None else model.crystal_ang.tolist(),
        "layers": [asdict(layer) for layer in model.layers],
    }


def _model(stored: _StoredModel) -> SlabModel:
    structure = structure_of(stored.structure)
    marks = structure.site_properties
    if not all(name in marks for name in MARKS) or not 0 <= min(marks["layer"]) <= max(marks["layer"]):
        raise ValueError("the sites of the slab do not tell their layer and molecule")
    plain = {name: getattr(stored, name) for name in type(stored).model_fields}
    crystal = None if stored.crystal_ang is None else np.array(stored.crystal_ang)
    return SlabModel(**plain | {"structure": structure, "crystal_ang": crystal})
