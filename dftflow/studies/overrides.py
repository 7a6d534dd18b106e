"""Settings of single steps that a person has changed, kept in the plan: ``dftflow retry FOLDER STEP --set KEY=VALUE``.

They change the calculation, and so its identity; the step says of its numbers what was set, and what the study has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from dftflow.errors import InputError
from dftflow.model import bounds
from dftflow.model.built import Built
from dftflow.model.entry_reason import reason_of
from dftflow.model.printable import shown
from dftflow.studies.schema import Bands, CutoffEV, Cycles, ScfTol
from dftflow.toml_file.entries import within

__all__ = ["Setting", "checked_settings", "overridden", "what_was_set"]

Setting = int | float
SET = "set"
"""Key of `Built.facts`: name of each setting -> what was set, and what the study has."""
OF_RELAXATION = {
    "max_relax_steps": "max_steps",
    "energy_tol_ev_per_atom": "energy_tol_ev_per_atom",
    "force_tol_ev_per_ang": "force_tol_ev_per_ang",
    "stress_tol_gpa": "stress_tol_gpa",
    "displacement_tol_ang": "displacement_tol_ang",
}
"""Name, as in a study file -> field of `dftflow.model.spec.Relaxation`."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    cutoff_ev: CutoffEV | None = None
    smearing_ev: Annotated[float, within(bounds.SMEARING_EV)] | None = None
    scf_tol_ev_per_atom: ScfTol | None = None
    max_scf_cycles: Cycles | None = None
    empty_bands: Bands | None = None
    max_relax_steps: Cycles | None = None
    energy_tol_ev_per_atom: Annotated[float, within(bounds.ENERGY_TOL_EV)] | None = None
    force_tol_ev_per_ang: Annotated[float, within(bounds.FORCE_TOL)] | None = None
    stress_tol_gpa: Annotated[float, within(bounds.STRESS_TOL_GPA)] | None = None
    displacement_tol_ang: Annotated[float, within(bounds.DISPLACEMENT_TOL_ANG)] | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _is_written_as_a_number(cls, value: object) -> object:
        if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
            raise ValueError("it is no number")
        return value


def checked_settings(values: Mapping[str, Any]) -> dict[str, Setting]:
    """The settings in `values`, which may be texts.

    Raises
    ------
    InputError
        With the settings there are, or what a number can be.
    """
    try:
        return _Settings.model_validate(dict(values)).model_dump(exclude_none=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        known = ", ".join(_Settings.model_fields)
        if first["type"] == "extra_forbidden":
            raise InputError(f"there is no setting {shown(name)}", fix=f"settings of a step are {known}") from None
        raise InputError(f"{name} cannot be {shown(str(values[name]))}", reason=reason_of(first)) from None


def overridden(built: Built, settings: Mapping[str, Setting]) -> Built:
    """`built` with these settings instead of the study's; the facts say which, and what the study has.

    Raises
    ------
    InputError
        When a setting is one of relaxations, and the step is none.
    """
    spec, told = built.spec, {}
    for name, value in settings.items():
        if name not in OF_RELAXATION:
            told[name] = [value, getattr(spec, name)]
            spec = replace(spec, **{name: value})  # type: ignore[arg-type]
            spec = replace(spec, cutoff_note="") if name == "cutoff_ev" else spec
        elif spec.relaxation is not None:
            told[name] = [value, getattr(spec.relaxation, OF_RELAXATION[name])]
            notes = {key: note for key, note in spec.relaxation.notes.items() if key != OF_RELAXATION[name]}
            goal = replace(spec.relaxation, **{OF_RELAXATION[name]: value}, notes=notes)  # type: ignore[arg-type]
            spec = replace(spec, relaxation=goal)
        else:
            raise InputError(f"{name} is a setting of relaxations, and {spec.title!r} is none")
    return replace(built, spec=spec, facts={**built.facts, SET: told}) if told else built


def what_was_set(built: Built) -> tuple[str, ...]:
    """What stands beside the numbers of a step, one sentence a setting."""
    told = built.facts.get(SET)
    if not isinstance(told, Mapping):
        return ()
    return tuple(
        f"calculated with {name} = {pair[0]:g}, set for this step alone; the study has {pair[1]:g}"
        for name, pair in told.items()
    )
