"""Names of the codes."""

from __future__ import annotations

import pytest

from dftflow.codes.registry import code_names, load_code
from dftflow.errors import SpecError


def test_every_name_loads_the_code_of_that_name() -> None:
    assert code_names() == ("castep", "espresso", "gpaw", "vasp")
    for name in code_names():
        assert load_code(name).name == name
        assert load_code(name.upper()).name == name


def test_unknown_name_says_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean 'castep'"):
        load_code("cstep")


def test_far_name_lists_all() -> None:
    with pytest.raises(SpecError, match="codes: castep, espresso, gpaw, vasp"):
        load_code("qqq")
