"""On-the-fly strings: cutoffs, kind, and the valence that CASTEP prints for the same strings."""

from __future__ import annotations

import pytest

from dftflow.codes.castep.input.on_the_fly import read_on_the_fly
from dftflow.units import HARTREE_EV

PRINTED = {
    ("Ar", "2|1.6|7|8|9|30:31"): 8,
    ("Fe", "3|2.2|2.0|1.0|9|10|11|40:41:32(qc=5.5)"): 8,
    ("Fe", "3|2.4|2.4|1.0|8|9|10|40:41:32U2U2(qc=5.5)"): 8,
    ("H", "1|0.6|13|15|17|10(qc=8)"): 1,
    ("Ir", "3|2.4|9|10|11|50U:60:51:52:43(qc=6)"): 31,
    ("Mn", "3|1.8|1.8|0.6|12|14|16|30U:40:31:32(qc=7)"): 15,
    ("Na", "2|1.8|8|9|10|20U:30:21(qc=5)"): 9,
    ("Nb", "3|1.5|10|12|13|40U:50:41:42(qc=6)"): 13,
    ("O", "2|1.5|12|13|15|20:21(qc=5)"): 6,
    ("Si", "3|1.8|5|6|7|30:31:32"): 4,
    ("Ti", "3|1.9|8|9|10|30U:40:31:32(qc=5)"): 12,
    ("Zr", "3|2.1|7|8|9|40U:50:41:42"): 12,
}
"""The ionic charges in the pseudopotential reports of published CASTEP runs."""


@pytest.mark.parametrize(("element", "text"), PRINTED)
def test_the_valence_is_the_ionic_charge_that_castep_prints(element: str, text: str) -> None:
    string = read_on_the_fly(f'"{text}"')
    assert string is not None
    assert string.valence(element) == PRINTED[element, text]


@pytest.mark.parametrize(
    ("element", "projectors"),
    [
        ("Pb", "60:51:52"),  # where is 6p?
        ("Ti", "40:41"),  # the open shell 3d cannot be core
        ("Pr", "50:60:51:52"),  # nor can 4f
        ("C", "20:21{1s1,2s2,2p3}"),  # a core hole
        ("C", "30:31"),  # of another element
        ("Si", "20:30:31"),  # 2p is left out between the two
    ],
)
def test_a_doubtful_valence_is_none(element: str, projectors: str) -> None:
    string = read_on_the_fly(f"2|1.4|8|9|10|{projectors}")
    assert string is not None
    assert (string.valence(element) is None) == (projectors != "20:30:31")


def test_its_own_configuration_of_the_valence_is_no_doubt() -> None:
    """The example of castep-docs, of caesium."""
    string = read_on_the_fly("2|3.1|4.0|2.2|2|3|5|50U3.4:60U3.1:51:52U3.1{6s1.45,5d0.05}(qc=3)[]")
    assert string is not None
    assert string.valence("Cs") == 9
    assert string.coarse_ev == pytest.approx(2 * HARTREE_EV)
    assert string.fine_ev == pytest.approx(5 * HARTREE_EV)


@pytest.mark.parametrize(
    ("projectors", "ultrasoft"),
    [
        ("30:31:32", True),
        ("40N:41N:32N1.5(qc=4.5,q2=9.5)", False),
        ("30N:31L:32N", False),
        ("30N:31UU", True),
        ("30N=-0.5:31N+0.1@0.2:32P", False),
    ],
)
def test_the_kind_of_its_projectors(projectors: str, ultrasoft: bool) -> None:
    string = read_on_the_fly(f"3|1.8|24|28|32|{projectors}")
    assert string is not None
    assert string.ultrasoft is ultrasoft


@pytest.mark.parametrize("text", ["C19", "Si_00.usp", "", "3|1.8|a|b|c|30", "|||||"])
def test_what_is_no_string(text: str) -> None:
    assert read_on_the_fly(text) is None
