"""Tables keep to the width of the terminal, lose no word, and stay in one line where there is no terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.cli.main import main
from dftflow.cli.table import terminal_width, text_table

words = st.text(alphabet="abcdefgh", min_size=1, max_size=8)
texts = st.lists(words, max_size=12).map(" ".join)


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=5), st.integers(40, 120))
def test_no_line_is_longer_and_no_word_is_lost(rows: list[tuple[str, str, str]], width: int) -> None:
    table = text_table(("one", "two", "three"), rows, width=width)
    assert max(map(len, table.split("\n"))) <= width
    assert sorted(table.split()) == sorted(" ".join(("one two three", *(" ".join(row) for row in rows))).split())


def test_a_last_column_without_room_goes_below() -> None:
    row = ("CsBr", " 12", "yes", "no", "a long reason that has no room beside the numbers")
    table = text_table(("termination", "atoms", "symm.", "polar", "refused"), [row], width=50)
    assert table.split("\n")[1:] == [
        "CsBr            12  yes    no",
        "    a long reason that has no room beside the",
        "    numbers",
    ]


def test_numbers_are_set_to_the_right() -> None:
    assert text_table(("n", "Å"), [("a", " 9.5"), ("b", " 10.5")], width=80).split("\n")[1:] == ["a   9.5", "b  10.5"]


def test_no_terminal_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert terminal_width() > 1000
    monkeypatch.setenv("COLUMNS", "72")
    assert terminal_width() == 72


@pytest.mark.parametrize("columns", [60, 80, 132])
@pytest.mark.parametrize(
    "command",
    [["studies"], ["structure"], ["slab", "CsPbBr3_Pnma", "--miller", "0", "1", "1", "--setting", "Pnma"]],
    ids=lambda command: command[0],
)
def test_commands_respect_the_terminal(
    command: list[str], columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(command) == 0
    lines = capsys.readouterr().out.split("\n")
    lines = [line for line in lines if " = " not in line]  # names of one plane
    assert max(map(len, lines)) <= max(columns, 74)  # the columns of numbers of a slab take 74


@pytest.mark.parametrize("columns", [50, 80, 110])
@pytest.mark.parametrize("name", ["run", "deck", "init", "slab"])
def test_help_respects_the_terminal(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["help", name]) == 0
    told = capsys.readouterr().out
    assert max(map(len, told.split("\n"))) <= columns
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out == told, "help COMMAND is COMMAND --help"


def test_help_alone_and_of_what_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    assert "Commands:" in capsys.readouterr().out
    assert main(["help", "rnu"]) == 2
    assert "Did you mean 'run'" in capsys.readouterr().err
