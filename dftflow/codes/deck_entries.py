"""What the text of a deck says, without how it is written: its entries, comments left out.

Comments, blank lines, prose (titles) and the order of keywords have no meaning in any of these formats.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

__all__ = ["Entry", "deck_entries"]

REST = ""
"""Label of what is no keyword: the lines of the file."""
SHORT_LIST = 3
"""A longer one is told by the number of its items that differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One keyword with its value, or a block with its lines.

    Attributes
    ----------
    shown
        As a person wrote it: ``"cut_off_energy : 435.4 eV"``; of a block its name.
    lines
        The value, one line for a keyword.
    is_block
        Whether it is told by the number of its lines.
    """

    shown: str
    lines: tuple[str, ...]
    is_block: bool = False


def deck_entries(name: str, text: str) -> dict[str, Entry]:
    """The entries of the deck file `name`, by a label in which case has no meaning.

    Keywords are known of CASTEP (``.cell``, ``.param``), ``INCAR``, the namelists of Quantum ESPRESSO (``.in``) and the
    arguments in a Python script (``.py``); everything else is one block of lines.
    """
    suffix = name.rpartition(".")[2] if "." in name else ""
    if suffix in ("cell", "param"):
        return _castep(text)
    if name == "INCAR":
        return _incar(text)
    if suffix == "in" and re.search(r"^\s*&", text, re.MULTILINE):
        return _namelists(text)
    if suffix == "py":
        return _python(text)
    return _lines(name, text)


def _keyword(key: str, separator: str, value: str) -> Entry:
    value = " ".join(value.split())
    return Entry(shown=f"{key}{separator}{value}", lines=(value,))


def _block(name: str, lines: list[str]) -> Entry:
    return Entry(shown=name, lines=tuple(" ".join(line.split()) for line in lines), is_block=True)


# --- one format each --------------------------------------------------------------------------------------------


def _castep(text: str) -> dict[str, Entry]:
    """``key : value``, ``key = value``, ``key value``, and blocks between ``%BLOCK`` and ``%ENDBLOCK``."""
    found: dict[str, Entry] = {}
    block, lines = "", list[str]()
    for line in (re.split(r"[!#;]", line)[0].strip() for line in text.splitlines()):
        edge = re.match(r"%\s*(end)?block\s+(\S+)", line, re.IGNORECASE)
        if edge is not None and edge[1]:
            found[f"%{block.lower()}"] = _block(block, lines)
            block = ""
        elif edge is not None:
            block, lines = edge[2], []
        elif block and line:
            lines.append(line)
        elif line:
            key, separator, value = _split_keyword(line)
            found[re.sub(r"_", "", key.lower())] = _keyword(key, separator, value)
    if block:
        found[f"%{block.lower()}"] = _block(block, lines)
    return {label: entry for label, entry in found.items() if label != "comment"}


def _split_keyword(line: str) -> tuple[str, str, str]:
    parts = re.match(r"(\S+?)(?:\s*([:=])\s*|\s+|$)(.*)", line)
    assert parts is not None
    separator = f" {parts[2]} " if parts[2] else " "
    return parts[1], separator, parts[3]


def _incar(text: str) -> dict[str, Entry]:
    """``TAG = value``, several on a line between ``;``; a last backslash joins the next line. The first one counts."""
    joined = re.sub(r"\\[ \t]*\n", " ", text)
    found: dict[str, Entry] = {}
    for line in (re.split(r"[!#]", line)[0] for line in joined.splitlines()):
        for part in line.split(";"):
            tag, equals, value = (word.strip() for word in part.partition("="))
            if equals and tag:
                found.setdefault(tag.lower(), _keyword(tag, " = ", value))
    found.pop("system", None)
    return found


def _namelists(text: str) -> dict[str, Entry]:
    """Namelists of Fortran, and the cards behind them as blocks."""
    found: dict[str, Entry] = {}
    inside, card, lines = False, "", list[str]()
    for line in (_without_comment(line).strip() for line in text.splitlines()):
        if not line:
            continue
        if line.startswith("&"):
            inside = True
        elif line == "/":
            inside = False
        elif inside:
            for key, value in re.findall(r"([\w()]+(?:\(\d+\))?)\s*=\s*('[^']*'|\"[^\"]*\"|[^,\s]+)", line):
                found[key.lower()] = _keyword(key, " = ", value)
        elif re.match(r"[A-Z]+_[A-Z_]+\b", line):
            card, lines = line.split()[0], [line]
            found[f"%{card.lower()}"] = _block(card, lines)
        else:
            lines.append(line)
            found[f"%{card.lower()}"] = _block(card, lines)
    found.pop("title", None)
    return found


def _without_comment(line: str) -> str:
    """The line before a ``!`` or ``#`` that stands in no quoted string."""
    found = re.match(r"(?:[^!#'\"]|'[^']*'|\"[^\"]*\")*", line)
    assert found is not None
    return found[0]


class _Arguments(ast.NodeTransformer):
    """Takes the named arguments of calls, the defaults of functions and the values of names out of a script."""

    def __init__(self) -> None:
        self.found: dict[str, Entry] = {}

    def _take(self, name: str, value: ast.expr, of: str = "") -> None:
        label = first = f"{of}({name})"
        number = 1
        while label in self.found:
            number += 1
            label = f"{first} {number}"
        text = ast.unparse(value)
        if isinstance(value, ast.List) and len(value.elts) > SHORT_LIST:
            self.found[label] = Entry(shown=name, lines=tuple(map(ast.unparse, value.elts)), is_block=True)
        else:
            self.found[label] = Entry(shown=f"{name}={text}", lines=(text,))

    def visit_Call(self, node: ast.Call) -> ast.Call:
        kept = []
        for keyword in node.keywords:
            if keyword.arg is None or isinstance(keyword.value, ast.Name | ast.Call):
                kept.append(keyword)
            else:
                self._take(keyword.arg, keyword.value, ast.unparse(node.func))
        node.keywords = kept
        self.generic_visit(node)
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.arguments:
        for argument, default in zip(node.args[len(node.args) - len(node.defaults) :], node.defaults, strict=True):
            self._take(argument.arg, default)
        node.defaults = [ast.Constant(value=None) for _ in node.defaults]
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        target = node.targets[0]
        if isinstance(target, ast.Name) and not isinstance(node.value, ast.Call):
            self._take(target.id, node.value)
            node.value = ast.Constant(value=None)
            return node
        return self.generic_visit(node)


def _python(text: str) -> dict[str, Entry]:
    """The arguments in a script, and its statements without them; the lines as they are when it is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return _lines(".py", text)
    if tree.body and ast.get_docstring(tree) is not None:
        del tree.body[0]
    arguments = _Arguments()
    rest = ast.unparse(ast.fix_missing_locations(arguments.visit(tree)))
    return {**arguments.found, REST: _block(REST, [line for line in rest.splitlines() if line.strip()])}


def _lines(name: str, text: str) -> dict[str, Entry]:
    """Everything as one block; the first line of POSCAR and KPOINTS is a title, and a script's comments are its own."""
    lines = text.splitlines()
    if name in ("POSCAR", "KPOINTS"):
        lines = [re.split(r"[!#]", line)[0] for line in lines[1:]]
    elif name.endswith((".sh", ".py", ".in")):
        lines = [line for line in lines if not line.lstrip().startswith(("#", "!"))]
    return {REST: _block(REST, [line for line in lines if line.strip()])}
