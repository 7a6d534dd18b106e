"""What a study file may set of one code: the table ``[codes.NAME]``, checked by a model that the code brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from dftflow.errors import OptionError
from dftflow.model.entry_reason import reason_of
from dftflow.model.names import is_name
from dftflow.model.printable import in_toml, shown
from dftflow.rendering.template_source import TemplateSource

__all__ = ["CodeOptions", "ElementSymbol", "read_options"]

O = TypeVar("O", bound="CodeOptions")  # noqa: E741


def _symbol(value: str) -> str:
    from pymatgen.core import Element

    if Element.is_valid_symbol(value):
        return value
    capitalised = value.capitalize()
    hint = f"; did you mean {capitalised!r}?" if Element.is_valid_symbol(capitalised) else ""
    raise ValueError(f"{shown(value)} is no element{hint}")


ElementSymbol = Annotated[str, AfterValidator(_symbol)]
"""``"Pb"``."""


class CodeOptions(BaseModel):
    """Options that every code takes; a code with more of them derives its own model.

    Attributes
    ----------
    templates
        Texts of templates of the user's own: ``<code>/<name>.j2`` replaces the shipped one. A study file names the
        folder that they lie in, and `load_code` reads it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    templates: dict[str, str] | None = Field(
        default=None, description="the folder that holds CODE/NAME.j2; a relative one counts from the study file"
    )

    @property
    def search(self) -> tuple[TemplateSource, ...]:
        """What is looked into for templates before the shipped folder."""
        return () if self.templates is None else (self.templates,)


def read_options(model: type[O], values: Mapping[str, object]) -> O:
    """The options in `values`, checked.

    Parameters
    ----------
    values
        Plain data, as TOML gives them.

    Raises
    ------
    OptionError
        With the place of the first mistake, the nearest key, and what the option takes.
    """
    try:
        return model.model_validate(dict(values))
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
        return OptionError(f"unknown option {shown(place[-1])}", fix=f"{guess}options: {', '.join(known)}", place=place)
    # a union says of each of its members why it is not that one: those that came furthest are told
    places = {index: _place(one["loc"], values) for index, one in enumerate(found)}
    place = max((inner for inner in places.values() if inner[0] == place[0]), key=len)
    same = [one for index, one in enumerate(found) if places[index] == place]
    own = [one for one in same if one["type"] == "value_error"]
    reasons = dict.fromkeys(map(reason_of, own or same))
    field = model.model_fields[str(place[0])]
    dotted = ".".join(part if is_name(part) else shown(part) for part in place)
    return OptionError(
        f"{dotted} cannot be {in_toml(_value_at(place, values))}",
        reason=" or ".join(reasons),
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
