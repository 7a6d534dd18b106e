from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.model.phase import FormulaUnit
from dftflow.model.reaction import ReactionRequest, excess_of, excess_text, parse_equation

names = st.from_regex(r"[A-Za-z0-9_+][A-Za-z0-9_+-]{0,6}[A-Za-z0-9_]", fullmatch=True)
terms = st.tuples(names, st.integers(1, 99) | st.fractions(Fraction(1, 50), 50, max_denominator=50))


def written(term: tuple[str, Fraction | int]) -> str:
    name, number = term
    return name if number == 1 else f"{number} {name}"


@given(st.lists(terms, min_size=2, max_size=6, unique_by=lambda term: term[0]), st.data())
def test_what_is_written_is_read(found: list[tuple[str, Fraction | int]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(found) - 1))
    text = " -> ".join(" + ".join(map(written, side)) for side in (found[:cut], found[cut:]))
    reactants, products = parse_equation(text)
    assert [*reactants, *products] == [(name, Fraction(number)) for name, number in found]


def test_numbers_are_whole_decimal_or_fractions() -> None:
    reactants, products = parse_equation("Cs + 1.5 Br2 + 3/2 Pb -> X")
    assert reactants == (("Cs", 1), ("Br2", Fraction(3, 2)), ("Pb", Fraction(3, 2))) and products == (("X", 1),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A + B", "one arrow"),
        ("A -> B -> C", "one arrow"),
        ("A->B", "one arrow"),
        ("A = B", "one arrow"),
        (" -> B", "no material"),
        ("A -> ", "no material"),
        ("A -> B +C D E", "no material"),
        ("A -> 3CsBr x y", "no material"),
        ("A -> x B", "no number"),
        ("A -> -2 B", "no number"),
        ("A -> 1/0 B", "no number"),
        ("A -> 0 B", "above 0"),
        ("A -> 1e3 B", "no number"),
        ("A -> 1001 B", "above 0"),
        ("A -> B + A", "twice"),
    ],
)
def test_what_is_no_equation_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_equation(text)


def test_energies_are_per_the_first_reactant() -> None:
    def per(text: str) -> str:
        reactants, products = parse_equation(text)
        return ReactionRequest(equation=text, reactants=reactants, products=products).per

    assert per("Cs4PbBr6 -> CsPbBr3 + 3 CsBr") == "per formula unit of Cs4PbBr6"
    assert per("2 Cs + Br2 -> 2 CsBr") == "as written, for 2 Cs"


def test_the_excess_names_each_element() -> None:
    units = {
        "Cs4PbBr6": FormulaUnit(formula="Cs4PbBr6", counts={"Cs": 4, "Pb": 1, "Br": 6}),
        "CsPbBr3": FormulaUnit(formula="CsPbBr3", counts={"Cs": 1, "Pb": 1, "Br": 3}),
        "CsBr": FormulaUnit(formula="CsBr", counts={"Cs": 1, "Br": 1}),
    }

    def excess(text: str) -> dict[str, float]:
        reactants, products = parse_equation(text)
        return excess_of(ReactionRequest(equation=text, reactants=reactants, products=products).change, units)

    assert excess("Cs4PbBr6 -> CsPbBr3 + 3 CsBr") == {}
    assert excess_text(excess("Cs4PbBr6 -> CsPbBr3 + 2 CsBr")) == "1 Br, 1 Cs too few on the right"
    assert excess_text(excess("Cs4PbBr6 -> 2 CsPbBr3 + CsBr")) == "1 Cs too few and 1 Br, 1 Pb too many on the right"
