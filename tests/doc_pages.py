"""Carries out a page of the documentation: writes the files that it shows, gives its commands, runs its Python.

What a page may hold, in the order of its text:

* `` `NAME`: `` at the end of a paragraph, then a fenced block of ``toml``, ``csv``, ``yaml`` or ``text``: that file is
  written;
* a block ``console``: each line after ``$ `` is a command of dftflow (or ``cat``, ``ls``), and the lines below it are
  what it prints on stdout, where a line ``...`` stands for any lines;
* a block ``python``: it is run; blocks of one page share their names. What it prints is the block ``text`` that
  follows, introduced by a paragraph that ends in ``prints:``.

The front matter says what has to lie in the folder: ``needs: [castep, vasp]``, and whether the engine is needed:
``engine: true``. With ``notebook: true`` each block ``python`` is a cell of a notebook, which shows its last line.
"""

from __future__ import annotations

import io
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from dftflow.cli.main import main

DOCS = Path(__file__).resolve().parents[1] / "docs"
FENCE = re.compile(r"^```(console|python|toml|csv|yaml|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([\w./-]+)`:\s*$")
FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
COMMAND = re.compile(r"^\$ ", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block, with the text in front of it and the line in which it begins."""

    language: str
    text: str
    before: str
    line: int


@dataclass(frozen=True)
class Page:
    """A page of the documentation."""

    file: Path

    @property
    def text(self) -> str:
        return self.file.read_text("utf-8")

    @property
    def front(self) -> dict[str, Any]:
        found = FRONT.match(self.text)
        return yaml.safe_load(found[1]) if found else {}

    @property
    def needs(self) -> list[str]:
        return list(self.front.get("needs", ()))

    @property
    def engine(self) -> bool:
        return bool(self.front.get("engine", False))

    @property
    def notebook(self) -> bool:
        return bool(self.front.get("notebook", False))

    def blocks(self) -> Iterator[Block]:
        text, end = self.text, 0
        for found in FENCE.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(language=found[1], text=found[2], before=text[end : found.start()].strip(), line=line)
            end = found.end()

    @property
    def has_examples(self) -> bool:
        return any(block.language in ("console", "python") for block in self.blocks())


def carry_out(page: Page, folder: Path) -> None:
    """Carry out `page` in `folder`, which is the working directory; raises AssertionError where it is not so."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    for block in page.blocks():
        where = f"{page.file.name}:{block.line}"
        named = NAMED.search(block.before)
        if block.language == "console":
            for command, shown in _commands(block.text):
                _check(_given(command, folder, where), shown, f"{where}: {command}")
        elif block.language == "python":
            with redirect_stdout(io.StringIO()) as out:
                exec(compile(block.text, where, "exec"), names)
            printed = out.getvalue()
        elif named:
            (folder / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (folder / named[1]).write_text(block.text, encoding="utf-8")
        elif block.before.endswith("prints:"):
            _check(printed, block.text, where)


def carried_out_notebook(page: Page, folder: Path) -> list[str]:
    """HTML of what each cell shows, in a kernel of its own that works in `folder`."""
    cells = [new_code_cell(block.text) for block in page.blocks() if block.language == "python"]
    notebook = new_notebook(cells=cells)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    return [output.data["text/html"] for output in outputs if output.output_type == "execute_result"]


def _commands(text: str) -> Iterator[tuple[str, str]]:
    for part in COMMAND.split(text)[1:]:
        command, _, shown = part.partition("\n")
        while command.endswith("\\"):
            more, _, shown = shown.partition("\n")
            command = command[:-1] + more.strip()
        yield command, shown


def _given(command: str, folder: Path, where: str) -> str:
    """What a command prints on stdout."""
    program, *arguments = shlex.split(command, comments=True)
    if program == "cat":
        return "".join((folder / name).read_text("utf-8") for name in arguments)
    if program == "ls":
        return "".join(f"{path.name}\n" for path in sorted((folder / (arguments or ["."])[0]).iterdir()))
    assert program == "dftflow", f"{where}: no command of dftflow: {command}"
    with redirect_stdout(io.StringIO()) as out:
        code = main(arguments)
    _assert_code(code, command, out.getvalue(), where)
    return out.getvalue()


def _assert_code(code: int, command: str, printed: str, where: str) -> None:
    """A comment ``# exit 6`` behind a command says that it ends with that code; else it is 0."""
    told = re.search(r"#\s*exit (\d+)", command)
    wanted = int(told[1]) if told else 0
    assert code == wanted, f"{where}: `{command}` ends with {code}, not {wanted}:\n{printed}"


def _check(printed: str, shown: str, where: str) -> None:
    """Whether `shown`, in which a line ``...`` stands for any lines, is what was printed; ``""`` shows nothing."""
    if not shown.strip():
        return
    parts = re.split(r"^\s*\.\.\.\s*$\n?", shown, flags=re.MULTILINE)
    pattern = r"(?:.*\n)*?".join(re.escape(part) for part in parts)
    assert re.fullmatch(pattern, _trimmed(printed)), f"{where}: it prints\n{printed}\nand the page shows\n{shown}"


def _trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def lay(inputs: Path, names: list[str], folder: Path) -> None:
    """Copy what a page needs from the inputs that were laid once."""
    for name in names:
        source = inputs / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
