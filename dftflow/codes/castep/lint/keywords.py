"""Checks one input file keyword by keyword: known, in the right file, once, with a value of its type and unit."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from dftflow.codes.castep.input.deck_file import DeckBlock, DeckFile, DeckKeyword
from dftflow.codes.castep.input.keyword_table import Keyword, canonical_name, keyword_table, split_quantity
from dftflow.codes.castep.input.param_file import FALSE, TRUE
from dftflow.codes.castep.lint.finding import Finding, Severity
from dftflow.model.fortran_number import fortran_integer, fortran_number

__all__ = ["check_keywords"]

MOST_GUESSES = 30  # a damaged file has thousands of unknown names, and each guess takes milliseconds
LONGEST_COMMENT = 80
LONGEST_FILE_NAME = 255
FILE_NAMES = ("checkpoint", "continuation", "elec_dump_file", "elec_restore_file", "reuse")
DEVEL_WORDS = ("spectral_restart",)  # castep-docs, "Spectral", "Restarts"
NEED_NO_VALUE = ("comment", "continuation")
FULL_NAMES = {
    "angstrom": "ang",
    "angstroms": "ang",
    "1/angstrom": "1/ang",
    "ev/angstrom": "ev/ang",
    "electronvolt": "ev",
    "rydberg": "ry",
    "rydbergs": "ry",
    "hartrees": "hartree",
    "kelvin": "k",
}


def check_keywords(deck: DeckFile, kind: str) -> Iterator[Finding]:
    """Findings of a file of `kind` ``cell`` or ``param``, in the order of its lines within each check."""
    for problem in deck.problems:
        yield Finding(file=deck.file, line=problem.line, severity="error", message=problem.summary, fix=problem.fix)
    yield from _repeated(deck)
    unknown = [thing.name for thing in deck.things if keyword_table().find(thing.name) is None]
    guesses = {name: keyword_table().nearest(name) for name in list(dict.fromkeys(unknown))[:MOST_GUESSES]}
    for keyword in deck.keywords:
        yield from _check_keyword(deck, keyword, kind, guesses)
    for block in deck.blocks:
        yield from _check_name(deck, block, kind, guesses)


def _repeated(deck: DeckFile) -> Iterator[Finding]:
    seen: dict[str, DeckKeyword | DeckBlock] = {}
    for thing in deck.things:
        earlier = seen.setdefault(canonical_name(thing.name), thing)
        if earlier is thing:
            continue
        same = _content(earlier) == _content(thing)
        yield Finding(
            file=deck.file,
            line=thing.line,
            severity="warning" if same else "error",
            message=f"{thing.name} is given already in line {earlier.line}" + ("" if same else ", and differently"),
            fix="leave one",
        )


def _content(thing: DeckKeyword | DeckBlock) -> object:
    if isinstance(thing, DeckKeyword):
        return thing.value.lower().split()
    return [line.text.lower().split() for line in thing.lines]


def _check_keyword(deck: DeckFile, given: DeckKeyword, kind: str, guesses: Mapping[str, str]) -> Iterator[Finding]:
    problems = list(_check_name(deck, given, kind, guesses))
    yield from problems
    known = keyword_table().find(given.name)
    if known is None or problems:
        return
    wrong, fix, severity = _value_problem(known, given.value)
    if wrong:
        message = f"{given.name} is {given.value!r}: {wrong}" if given.value else f"{given.name} has no value"
        yield Finding(file=deck.file, line=given.line, severity=severity, message=message, fix=fix)


def _check_name(
    deck: DeckFile, thing: DeckKeyword | DeckBlock, kind: str, guesses: Mapping[str, str]
) -> Iterator[Finding]:
    name, is_block = thing.name, isinstance(thing, DeckBlock)
    known = keyword_table().find(name)
    severity: Severity = "error"
    if known is None and name in DEVEL_WORDS and kind == "param":
        severity, message = "note", f"{name} is no keyword of CASTEP 18.1 to 21.1, but a word of the block devel_code"
        fix = f"%BLOCK devel_code, {name.upper()}, %ENDBLOCK devel_code"
    elif known is None:
        nearest = guesses.get(name, "")
        severity = "error" if nearest else "warning"
        message, fix = f"CASTEP has no keyword {name}", f"did you mean {nearest}?" if nearest else ""
        if not nearest:
            message = f"{name} is no keyword of CASTEP 18.1 to 21.1"
    elif known.file != kind:
        message, fix = f"{name} is a keyword of the .{known.file} file", f"move it to <seed>.{known.file}"
    elif is_block != (known.type == "block"):
        message = f"{name} is {'a keyword, not a block' if is_block else 'a block'}"
        fix = "write it on one line" if is_block else f"%BLOCK {name} ... %ENDBLOCK {name}"
    elif known.added_after_18_1:
        severity, message, fix = "note", f"{name} is newer than CASTEP 18.1", ""
    else:
        return
    yield Finding(file=deck.file, line=thing.line, severity=severity, message=message, fix=fix)


def _value_problem(keyword: Keyword, value: str) -> tuple[str, str, Severity]:
    """What is wrong with `value`, how to mend it, and how bad it is; ``""`` three times over when it is right."""
    severity: Severity = "error"
    if keyword.type == "boolean" or keyword.type == "defined":
        good = value.lower() in (*TRUE, *FALSE, "")
        return ("" if good else "neither true nor false"), "write true or false", severity
    if keyword.type == "text":
        return _text_problem(keyword, value)
    if keyword.type in ("integer vector", "real vector"):
        by_name = "".join(value.lower().split()) in keyword.allowed
        return ("", "", severity) if by_name else (*_vector_problem(keyword, value), severity)
    if keyword.type == "physical":
        number, unit = split_quantity(value)
        if number is not None and unit and unit not in keyword.units:
            return f"{unit} is no unit of {_measured(keyword)}", _unit_fix(keyword, unit), severity
        example = f"e.g. 1.0 {keyword.units[0]}" if keyword.dimension != "any" else ""
    else:
        whole = keyword.type == "integer"
        number = fortran_integer(value) if whole else fortran_number(value)
        example = "write a whole number" if whole else "write a number"
    if number is None:
        return f"no {'whole number' if keyword.type == 'integer' else 'number'}", example, severity
    if (keyword.least == "positive" and number <= 0) or (keyword.least == "non_negative" and number < 0):
        limit = "above zero" if keyword.least == "positive" else "zero or more"
        return "out of range", f"give a number {limit}", severity
    return "", "", severity


def _text_problem(keyword: Keyword, value: str) -> tuple[str, str, Severity]:
    squeezed = "".join(value.lower().split())
    if not value and keyword.name not in NEED_NO_VALUE:
        return "no value", f"one of {', '.join(keyword.allowed)}" if keyword.allowed else "", "error"
    if keyword.name == "comment" and len(value) > LONGEST_COMMENT:
        return f"{len(value)} characters", f"CASTEP keeps {LONGEST_COMMENT}", "warning"
    if keyword.name in FILE_NAMES and len(value) > LONGEST_FILE_NAME:
        return f"{len(value)} characters", f"CASTEP reads {LONGEST_FILE_NAME}", "error"
    if not keyword.allowed or squeezed in keyword.allowed or squeezed.startswith("libxc_") or "=" in value:
        return "", "", "error"
    near = difflib.get_close_matches(squeezed, keyword.allowed, n=1, cutoff=0.75)
    if keyword.open_list and not near:
        return "no value that CASTEP 18.1 to 21.1 lists", f"known: {', '.join(keyword.allowed)}", "warning"
    fix = f"did you mean {near[0]}?" if near else f"one of {', '.join(keyword.allowed)}"
    return "no value that CASTEP takes", fix, "error"


def _vector_problem(keyword: Keyword, value: str) -> tuple[str, str]:
    words = value.split()
    if keyword.type == "real vector":
        good = len(words) == 3 and all(fortran_number(word) is not None for word in words)
        return ("" if good else "not three numbers"), "e.g. 0.0 0.0 0.0"
    numbers = [fortran_integer(word) for word in words]
    good = len(words) == 3 and all(number is not None and number > 0 for number in numbers)
    return ("" if good else "not three whole numbers of at least 1"), "e.g. 2 2 2"


def _measured(keyword: Keyword) -> str:
    return {"inverse_length": "inverse length", "force_constant": "force constant", "any": "CASTEP"}.get(
        keyword.dimension, keyword.dimension
    )


def _unit_fix(keyword: Keyword, unit: str) -> str:
    full = FULL_NAMES.get(unit, "")
    if full in keyword.units:
        return f"write {full}"
    near = difflib.get_close_matches(unit, keyword.units, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"one of {', '.join(keyword.units[:6])}"
