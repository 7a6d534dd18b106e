"""A U on a shell that an element does not have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nickel_oxide import MAGNETIC, NIO

from dftflow.codes.hubbard_shells import check_hubbard_shells
from dftflow.codes.registry import load_code
from dftflow.errors import SpecError


@pytest.mark.parametrize("code", ["castep", "espresso", "gpaw", "vasp"])
@pytest.mark.parametrize(("shell", "fix"), [("O:d", "O = { p = 3 }"), ("Ni:f", "Ni = { d = 3 }")])
def test_every_code_refuses_it(code: str, shell: str, fix: str) -> None:
    with pytest.raises(SpecError, match="shell for a U to act on") as refused:
        load_code(code, {}).render(NIO, replace(MAGNETIC, hubbard_u_ev={shell: 3.0}, dispersion="none"), "nio")
    assert fix in refused.value.fix


def test_shells_that_are_empty_in_the_atom_can_have_one() -> None:
    """As in use: 4f of La in LaTiO3, 3d of Ti4+ and Zn, 5p of Sn, 6s of Pb, 5f of U."""
    check_hubbard_shells(dict.fromkeys(("La:f", "Ti:d", "Zn:d", "Sn:p", "Pb:s", "U:f", "O:p", "Ca:d"), 4.0))
