"""Which calculation a step is: the same for all that ask for the same thing, whatever they call it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dftflow.codes.base import Code
from dftflow.crystals.geometry import digest_of_unchanged, elements_of_unchanged
from dftflow.model.built import Built
from dftflow.model.spec import CalcSpec

__all__ = ["Identity", "identity_of", "outline_of"]

_SEED = "calculation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """SHA-256 of a calculation, and what of it the deck does not hold.

    Attributes
    ----------
    engine
        What the code says decides its numbers beside the deck: version, data sets (`Code.fingerprint`).
    """

    digest: str
    engine: Mapping[str, str]


def identity_of(built: Built, code: Code) -> Identity:
    """Identity of `built` when `code` calculates it.

    It is the deck, rendered under one name and without its prose (titles, references, where a number comes from, what
    it continues), with the code's fingerprint. Paths, host and time are in neither. So another geometry, another
    setting, another template, another version of the engine or of its data sets is another calculation, and another
    DOI is not.
    """
    deck = code.render(built.structure, _without_words(built.spec), _SEED)
    engine = dict(sorted(code.fingerprint(elements_of_unchanged(built.structure)).items()))
    content = json.dumps([code.name, sorted(deck.files.items()), engine])
    return Identity(digest=hashlib.sha256(content.encode()).hexdigest(), engine=engine)


def outline_of(built: Built) -> str:
    """The same for calculations of one code that have the same identity, and made without a deck."""
    content = f"{digest_of_unchanged(built.structure)} {_without_words(built.spec)!r}"
    return hashlib.sha256(content.encode()).hexdigest()


def _without_words(spec: CalcSpec) -> CalcSpec:
    """The same physics without title, reference and notes, and from scratch."""
    goal = spec.relaxation
    return replace(
        spec,
        title="",
        reference="",
        cutoff_note="",
        grid_note="",
        continues="",
        relaxation=None if goal is None else replace(goal, notes={}),
    )
