from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.figures.labels import (
    couple,
    filled,
    formula_parts,
    kpoint_name,
    kpoint_text,
    mathtext,
    range_text,
    signed,
    spread_apart,
    unbroken,
    wrapped,
)


@pytest.mark.parametrize(
    ("text", "lowered"),
    [
        ("CsPbBr3", "CsPbBr$_{3}$"),
        ("Cs4PbBr6", "Cs$_{4}$PbBr$_{6}$"),
        ("HC(NH2)2PbBr3", "HC(NH$_{2}$)$_{2}$PbBr$_{3}$"),
        ("(011) Pnma, CsBr3/2 (half Cs2Br6)", "(011) Pnma, CsBr$_{3}$/2 (half Cs$_{2}$Br$_{6}$)"),
        ("P4/mbm, Cmc21, P21/c", "P4/mbm, Cmc21, P21/c"),
        ("slab1 of sample2", "slab1 of sample2"),
        ("costs $5 or $6", r"costs \$5 or \$6"),
    ],
)
def test_mathtext_lowers_the_counts_of_formulas_only(text: str, lowered: str) -> None:
    assert mathtext(text) == lowered


@given(st.text())
def test_formula_parts_lose_no_character(text: str) -> None:
    assert "".join(piece for piece, _ in formula_parts(text)) == text


@given(st.text(alphabet="abc1, -", min_size=1, max_size=60), st.integers(4, 20))
def test_wrapped_lines_are_short_and_lose_no_word(text: str, width: int) -> None:
    lines = wrapped(text, width).split("\n")
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_lowered_counts_take_less_room() -> None:
    """8 letters and 4 counts, which take the room of 2.7: they fit into 11, not into 10."""
    assert wrapped("CsPb2Br5Cl12", 11) == "CsPb$_{2}$Br$_{5}$Cl$_{12}$"
    assert wrapped("CsPb2Br5Cl12", 10) == "CsPb$_{2}$Br$_{5}$\nCl$_{12}$"


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (24, ["(FA$_{0.83}$Cs$_{0.17}$)Pb(I$_{0.6}$Br$_{0.4}$)$_{3}$"]),
        (16, ["(FA$_{0.83}$Cs$_{0.17}$)Pb", "(I$_{0.6}$Br$_{0.4}$)$_{3}$"]),
        (4, ["(FA$_{0.83}$", "Cs$_{0.17}$)", "Pb", "(I$_{0.6}$", "Br$_{0.4}$)$_{3}$"]),
    ],
)
def test_a_long_formula_is_broken_before_an_element_or_a_bracket(width: int, lines: list[str]) -> None:
    assert wrapped("(FA0.83Cs0.17)Pb(I0.6Br0.4)3", width).split("\n") == lines


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("CsPbBr3-relaxed-orthorhombic", 20, ["CsPbBr$_{3}$-relaxed-", "orthorhombic"]),
        ("interface-with-CsPbBr3-on-top", 20, ["interface-with-", "CsPbBr$_{3}$-on-top"]),
        ("cubic_FAPbBr3/CsPbBr3", 14, ["cubic_FAPbBr$_{3}$/", "CsPbBr$_{3}$"]),
        ("(010),CsPbBr3+CsPbBr3", 12, ["(010),", "CsPbBr$_{3}$+", "CsPbBr$_{3}$"]),
        ("a--b", 3, ["a--", "b"]),
    ],
)
def test_a_formula_within_a_long_word_stays_whole(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width).split("\n") == lines


@given(
    st.lists(st.sampled_from(["CsPbBr3", "FAPbBr3", "relaxed", "010", "Cs4PbBr6", "x"]), min_size=1, max_size=8),
    st.lists(st.sampled_from(["-", "/", " ", "_", "+", ", "]), min_size=7, max_size=7),
    st.integers(9, 30),
)
def test_no_formula_that_fits_into_a_line_is_torn(words: list[str], joints: list[str], width: int) -> None:
    text = "".join(word + joint for word, joint in zip(words, [*joints, ""], strict=False))
    shown = wrapped(text, width)
    for formula in ("CsPbBr3", "FAPbBr3", "Cs4PbBr6", "relaxed"):
        assert shown.count(mathtext(formula)) == words.count(formula)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("H+/H2", "H$^{+}$/H$_{2}$"),
        ("O2/H2O", "O$_{2}$/H$_{2}$O"),
        ("Fe3+/Fe2+", "Fe$^{3+}$/Fe$^{2+}$"),
        ("I3-/I-", "I$_{3}$$^{-}$/I$^{-}$"),
        ("PEDOT:PSS", "PEDOT:PSS"),
        ("spiro-OMeTAD, film-2", "spiro-OMeTAD, film-2"),
        ("$5", r"\$5"),
    ],
)
def test_couples_have_their_counts_lowered_and_their_charges_raised(text: str, shown: str) -> None:
    assert couple(text) == shown


def test_a_formula_is_broken_around_its_brackets_first() -> None:
    """A count takes two thirds of a character: ``(I0.6Br0.4)3`` has 9.7, ``Pb`` and it 11.7."""
    name = "(FA0.83Cs0.17)Pb(I0.6Br0.4)3"
    assert unbroken(name) == ["(FA0.83Cs0.17)", "Pb", "(I0.6Br0.4)3"]
    assert unbroken("CsPbBr3-on TiO2") == ["CsPbBr3-", "on", "TiO2"]
    assert wrapped(name, 12).split("\n") == [
        "(FA$_{0.83}$Cs$_{0.17}$)", "Pb(I$_{0.6}$Br$_{0.4}$)$_{3}$",
    ]  # fmt: skip


def test_lines_are_as_long_as_a_ruler_says() -> None:
    """Of this ruler an m takes 3, every other letter 1."""

    def length(text: str) -> float:
        return len(text) + 2.0 * text.count("m")

    assert wrapped("iii iii", 7, length) == "iii iii" and wrapped("mii mii", 7, length) == "mii\nmii"
    assert wrapped("mmmm", 6, length) == "mm\nmm"


def test_pieces_are_filled_into_lines() -> None:
    parts = ["IP 5.81", "\N{MINUS SIGN}2.10/", "+0.00"]
    assert filled(parts, 30) == "IP 5.81 \N{MINUS SIGN}2.10/+0.00"
    assert filled(parts, 12) == "IP 5.81\n\N{MINUS SIGN}2.10/+0.00"
    assert filled(parts, 7) == "IP 5.81\n\N{MINUS SIGN}2.10/\n+0.00"
    assert filled(["quasi-", "type", "II"], 13) == "quasi-type II"


def test_kpoints() -> None:
    assert [kpoint_name(k) for k in ("G", "GAMMA", r"\Gamma", "R", "X_1")] == ["Γ", "Γ", "Γ", "R", "X$_{1}$"]
    assert [kpoint_name(k) for k in ("A_1_2", "$_x")] == ["A_1_2", r"\$_x"]
    assert [kpoint_name(k) for k in ("G-bar", "X'-bar", "H1")] == ["Γ-bar", "X'-bar", "H$_{1}$"]
    assert kpoint_text((0.5, 1 / 3, 0.137)) == "(1/2, 1/3, 0.1370)"
    assert kpoint_text((0.0, -0.5, 1.0)) == "(0, -1/2, 1)"


def test_ranges() -> None:
    assert range_text((-0.1, 0.1)) == "± 0.100"
    assert range_text((-2.1, 0.0), 2) == "\N{MINUS SIGN}2.10/+0.00"


def test_signed() -> None:
    assert signed(0.021, (-0.1, 0.1)) == "+0.021 ± 0.100"
    assert signed(-1.116, (-2.089, 0.0)) == "−1.116 (−2.089/+0.000)".replace("−", "\N{MINUS SIGN}")
    assert signed(-0.021) == "\N{MINUS SIGN}0.021"


@given(st.lists(st.floats(-10, 10), max_size=8), st.floats(0.01, 2))
def test_spread_apart_keeps_order_distance_and_mean(wanted: list[float], gap: float) -> None:
    placed = spread_apart(wanted, gap)
    ranks = sorted(range(len(wanted)), key=wanted.__getitem__)
    assert all(placed[b] - placed[a] >= gap - 1e-9 for a, b in pairwise(ranks))
    assert sum(placed) == pytest.approx(sum(wanted), abs=1e-6)


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(0.01, 2)), min_size=1, max_size=8))
def test_spread_apart_gives_each_its_room_within_bounds(items: list[tuple[float, float]]) -> None:
    wanted, rooms = zip(*items, strict=True)
    placed = spread_apart(wanted, rooms, (-10.0, 10.0))
    ranks = sorted(range(len(wanted)), key=wanted.__getitem__)
    assert all(placed[b] - placed[a] >= (rooms[a] + rooms[b]) / 2 - 1e-9 for a, b in pairwise(ranks))
    assert min(placed) >= -10 - 1e-9 and max(placed) <= 10 + 1e-9


def test_spread_apart_leaves_distant_labels_alone() -> None:
    assert spread_apart([3.0, 0.0, 1.0], 0.5) == [3.0, 0.0, 1.0]
