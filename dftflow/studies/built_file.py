"""``built.json``: what a step calculates, beside its deck, so that a folder tells what its numbers belong to.

Schema ``dftflow-built/1``::

    {"schema", "step", "seed", "plan", "identity", "engine", "deck": {file: text}, "cautions", "notes", "structure",
     "spec", "model", "parents", "assumed", "facts"}

``structure`` and that of ``model`` are pymatgen's ``Structure.as_dict``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from dftflow.crystals.plain import plain_structure, structure_of
from dftflow.errors import StoreError
from dftflow.input_file import read_regular_text
from dftflow.model.built import Built
from dftflow.model.spec import CalcSpec
from dftflow.model.surface import AtomicLayer, Plane, SlabModel

__all__ = ["BUILT_FILE", "BuiltRecord", "built_text", "read_built"]

BUILT_FILE = "built.json"
SCHEMA = "dftflow-built/1"


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
        content = json.loads(read_regular_text(file))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(file, str(error)) from error
    try:
        if content["schema"] != SCHEMA:
            raise _unreadable(file, f"its layout is {content['schema']!r}, not {SCHEMA!r}")
        return _record(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(file, f"{type(error).__name__}: {error}") from error


def _unreadable(file: Path, reason: str) -> StoreError:
    return StoreError(
        "what this step calculates cannot be read",
        reason=" ".join(reason.split())[:300],
        where=str(file),
        fix="move the folder away and run again",
    )


def _record(content: Mapping[str, Any]) -> BuiltRecord:
    return BuiltRecord(
        step=content["step"],
        seed=content["seed"],
        plan=content["plan"],
        identity=content["identity"],
        engine=dict(content["engine"]),
        deck=dict(content["deck"]),
        cautions=tuple(content["cautions"]),
        notes=tuple(content["notes"]),
        built=Built(
            structure=structure_of(content["structure"]),
            spec=_spec(content["spec"]),
            model=None if content["model"] is None else _model(content["model"]),
            parents=dict(content["parents"]),
            assumed=tuple(content["assumed"]),
            facts=dict(content["facts"]),
        ),
    )


# --- parts ------------------------------------------------------------------------------------------------------


def _spec(content: Mapping[str, Any]) -> CalcSpec:
    from pydantic import TypeAdapter

    return TypeAdapter(CalcSpec).validate_python(content)


def _plain_model(model: SlabModel) -> dict[str, Any]:
    plain = {field.name: getattr(model, field.name) for field in fields(model)}
    return plain | {
        "structure": plain_structure(model.structure),
        "plane": asdict(model.plane),
        "layers": [asdict(layer) for layer in model.layers],
    }


def _model(content: Mapping[str, Any]) -> SlabModel:
    from pydantic import TypeAdapter

    plain = dict(content)
    plain["structure"] = structure_of(content["structure"])
    plain["plane"] = TypeAdapter(Plane).validate_python(content["plane"])
    plain["layers"] = tuple(AtomicLayer(**layer) for layer in content["layers"])
    return SlabModel(**plain)
