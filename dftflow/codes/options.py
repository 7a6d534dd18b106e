"""What a study file may set of one code: the table ``[codes.NAME]``, checked by a model that the code brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

from dftflow.errors import OptionError
from dftflow.resources import templates_dir

__all__ = ["CodeOptions", "ElementSymbol", "TemplatesFolder", "check_templates", "read_options"]

O = TypeVar("O", bound="CodeOptions")  # noqa: E741


def _folder(value: object, info: ValidationInfo) -> object:
    """An absolute path; a relative one counts from the folder that the context of the validation names."""
    if not isinstance(value, str | Path):
        return value  # the type says what is wrong with it
    base = (info.context or {}).get("folder", Path())
    folder = (base / Path(value).expanduser()).resolve()
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    return folder


def _symbol(value: str) -> str:
    from pymatgen.core import Element

    if Element.is_valid_symbol(value):
        return value
    capitalised = value.capitalize()
    hint = f"; did you mean {capitalised!r}?" if Element.is_valid_symbol(capitalised) else ""
    raise ValueError(f"{value!r} is no element{hint}")


TemplatesFolder = Annotated[Path, BeforeValidator(_folder)]
"""A folder that exists."""
ElementSymbol = Annotated[str, AfterValidator(_symbol)]
"""``"Pb"``."""


class CodeOptions(BaseModel):
    """Options that every code takes; a code with more of them derives its own model.

    Attributes
    ----------
    templates
        Folder with templates of the user's own: a file ``<code>/<name>.j2`` in it replaces the shipped one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    templates: TemplatesFolder | None = Field(
        default=None, description="the folder that holds CODE/NAME.j2; a relative one counts from the study file"
    )

    @property
    def search(self) -> tuple[Path, ...]:
        """Folders that are looked into for templates before the shipped one."""
        return () if self.templates is None else (self.templates,)


def read_options(model: type[O], values: Mapping[str, object], *, folder: Path) -> O:
    """The options in `values`, checked.

    Parameters
    ----------
    values
        Plain data, as TOML gives them.
    folder
        From which relative paths count.

    Raises
    ------
    OptionError
        With the place of the first mistake, the nearest key, and what the option takes.
    """
    try:
        return model.model_validate(dict(values), context={"folder": folder})
    except ValidationError as error:
        raise _refusal(error, model, values) from None


def _refusal(error: ValidationError, model: type[CodeOptions], values: Mapping[str, object]) -> OptionError:
    # a misspelt key is told first: it explains what else is wrong
    found = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    place = _place(found[0]["loc"], values)
    known = list(model.model_fields)
    if found[0]["type"] == "extra_forbidden":
        near = get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
        guess = f"did you mean {near[0]!r}? " if near else ""
        return OptionError(f"unknown option {place[-1]!r}", fix=f"{guess}options: {', '.join(known)}", place=place)
    # a union says of each of its members why it is not that one: those that came furthest are told
    places = {index: _place(one["loc"], values) for index, one in enumerate(found)}
    place = max((inner for inner in places.values() if inner[0] == place[0]), key=len)
    same = [one for index, one in enumerate(found) if places[index] == place]
    own = [one for one in same if one["type"] == "value_error"]
    reasons = dict.fromkeys(str(one["msg"]).removeprefix("Value error, ") for one in own or same)
    field = model.model_fields[str(place[0])]
    dotted = ".".join(map(str, place))
    return OptionError(
        f"{dotted} cannot be {_value_at(place, values)!r}",
        reason="; ".join(reason[0].lower() + reason[1:] for reason in reasons),
        fix=f"{place[0]} is {field.description}" if field.description else "",
        place=place,
    )


def _place(loc: Sequence[str | int], values: Mapping[str, object]) -> tuple[str, ...]:
    """The keys in `loc`, without the names of types that pydantic puts between them."""
    place: tuple[str, ...] = ()
    inner: Any = values
    for part in loc:
        if isinstance(inner, Mapping) and part in inner:
            place, inner = (*place, str(part)), inner[part]
    return place or (str(loc[0]),)


def _value_at(place: Sequence[str], values: Mapping[str, object]) -> object:
    inner: Any = values
    for part in place:
        inner = inner[part]
    return inner


def check_templates(code_name: str, folder: Path) -> None:
    """Raise `OptionError` when no template in `folder` can ever be used for the code."""
    own = {file.name for file in (folder / code_name).glob("*.j2")}
    shipped = {file.name for file in (templates_dir() / code_name).glob("*.j2")}
    if own & shipped or (own and not shipped):
        return
    raise OptionError(
        f"no template in {folder} replaces one of {code_name}",
        reason=f"{code_name}/ in it holds {', '.join(sorted(own)) or 'no .j2 file'}",
        fix=f"call a file {code_name}/NAME.j2, with NAME.j2 one of {', '.join(sorted(shipped))}" if shipped else "",
        place=("templates",),
    )
