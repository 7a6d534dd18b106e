"""Blocks whose lines with a percent sign are damaged: one problem each, and the block is kept where it is plain."""

from __future__ import annotations

from pathlib import Path

import pytest

from dftflow.codes.castep.input.deck_file import DeckFile, scan_deck

GOOD = """\
%BLOCK lattice_cart
ang
4 0 0
0 4 0
0 0 4
%ENDBLOCK lattice_cart
kpoint_mp_grid 2 2 2
%BLOCK positions_frac
Si 0 0 0
%ENDBLOCK positions_frac
symmetry_generate
"""
BEGIN, END = "%BLOCK lattice_cart\n", "%ENDBLOCK lattice_cart\n"


def scanned(folder: Path, old: str, new: str) -> DeckFile:
    assert old in GOOD
    file = folder / "a.cell"
    file.write_text(GOOD.replace(old, new))
    return scan_deck(file)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        (BEGIN, "%BLOK lattice_cart\n", 1, "%BLOK is no mark of a block"),
        (BEGIN, "%BLOCKS lattice_cart\n", 1, "%BLOCKS is no mark of a block"),
        (BEGIN, "%BLOCK\n", 1, "%BLOCK has no name"),
        (BEGIN, "%BLOCK latice_cart\n", 6, "does not close the open block 'latice_cart'"),
        (END, "%ENDBLOK lattice_cart\n", 6, "%ENDBLOK is no mark of a block"),
        (END, "%END_BLOCK lattice_cart\n", 6, "%END_BLOCK is no mark of a block"),
        (END, "%ENDBLOCK\n", 6, "does not close the open block 'lattice_cart'"),
        (END, "%ENDBLOCK latice_cart\n", 6, "does not close the open block 'lattice_cart'"),
        (END, BEGIN, 6, "block 'lattice_cart' is open since line 1"),
    ],
)
def test_a_damaged_line_is_one_problem_and_the_block_is_kept(
    old: str, new: str, line: int, words: str, tmp_path: Path
) -> None:
    deck = scanned(tmp_path, old, new)
    assert [problem.line for problem in deck.problems] == [line]
    assert words in deck.problems[0].summary
    assert deck.problems[0].fix
    assert [(block.name, len(block.lines)) for block in deck.blocks] == [("lattice_cart", 4), ("positions_frac", 1)]
    assert [keyword.name for keyword in deck.keywords] == ["kpoint_mp_grid", "symmetry_generate"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (END, "", 7),  # at the next block, which is one line higher
        (END, "%ENDBLOCK positions_frac\n", 6),
        ("%ENDBLOCK positions_frac\n", "", 8),
        (BEGIN, "", 5),
    ],
)
def test_a_block_of_doubtful_extent_is_one_problem_and_the_file_is_not_whole(
    old: str, new: str, line: int, tmp_path: Path
) -> None:
    deck = scanned(tmp_path, old, new)
    assert [problem.line for problem in deck.problems] == [line]
    assert not deck.whole


def test_without_its_first_line_the_block_is_what_is_no_keyword(tmp_path: Path) -> None:
    deck = scanned(tmp_path, BEGIN, "symmetry_tol : 0.01\n")
    assert [keyword.name for keyword in deck.keywords] == ["symmetry_tol", "kpoint_mp_grid", "symmetry_generate"]
    assert [len(block.lines) for block in deck.blocks] == [4, 1]


def test_another_word_with_a_percent_sign(tmp_path: Path) -> None:
    deck = scanned(tmp_path, "symmetry_generate", "% symmetry")
    assert [problem.summary for problem in deck.problems] == ["% is neither %BLOCK nor %ENDBLOCK"]
    assert deck.whole


def test_a_good_file_has_no_problem(tmp_path: Path) -> None:
    deck = scanned(tmp_path, BEGIN, "%block   Lattice_Cart :\n")
    assert deck.problems == ()
    assert deck.whole
