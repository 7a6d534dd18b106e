"""A mismatch in words."""

from __future__ import annotations

from dftflow.analysis.mismatch import published_text, strain_text, vector_text
from dftflow.model.mismatch import LengthPair, Mismatch, MismatchRequest


def test_vectors_have_simple_fractions() -> None:
    assert vector_text((0.5, -1.0, 1 / 3)) == "[1/2,-1,1/3]"


def test_strains_say_which_way() -> None:
    assert [strain_text(value) for value in (-6.69, 7.16, 0.001)] == [
        "compressed by 6.69 %", "stretched by 7.16 %", "not strained",
    ]  # fmt: skip


def test_the_published_number_stands_beside_the_nearest_whichever_crystal_it_is_of() -> None:
    lengths = tuple(
        LengthPair(first="a", second=name, first_ang=5.0, second_ang=length)
        for name, length in (("b", 5.1), ("c", 5.2))
    )
    for published, said in ((3.4, "3.4 %"), (-3.4, "-3.4 %, sizes alone are compared")):
        request = MismatchRequest(first="A", second="B", published_percent=published)
        found = Mismatch(request=request, cells=("", ""), lengths=lengths, pairs=())
        told = published_text(found)
        assert told.startswith(f"published {said}; nearest to it is a (5.0000 Å) with c (5.2000 Å)")
        assert told.endswith(": 3.85 % of the second, 4.00 % of the first")
    nothing = MismatchRequest(first="A", second="B")
    assert published_text(Mismatch(request=nothing, cells=("", ""), lengths=lengths, pairs=())) == ""
