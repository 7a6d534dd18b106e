"""Tests of dftflow.model.shown: what types of lower layers show is found by its name."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import dataclass

from dftflow.model import shown
from dftflow.model.shown import Shown, Tabled


@dataclass(frozen=True, slots=True, repr=False)
class Point(Shown):
    x: float

    def _in_short(self) -> str:
        return f"at {self.x} \x1b[2J"


def test_a_type_prints_its_name_and_what_it_is_in_less_than_a_line() -> None:
    assert repr(Point(1.5)) == "<Point at 1.5 \\u001b[2J>"
    assert len(repr(type("Long", (Shown,), {"_in_short": lambda self: "x" * 1000})())) < 330


def test_a_type_without_a_picture_shows_what_it_prints() -> None:
    assert Point(1.5)._repr_html_() == "<pre>&lt;Point at 1.5 \\u001b[2J&gt;</pre>"


def test_it_takes_no_room_in_a_type() -> None:
    assert Shown.__slots__ == Tabled.__slots__ == ()
    assert not hasattr(Point(1.0), "__dict__")


def test_the_names_lead_somewhere() -> None:
    assert callable(importlib.import_module(shown._NOTEBOOK).html_of)
    assert callable(importlib.import_module(shown._DATA).data_of)
    assert callable(importlib.import_module(shown._DATA).records_of)


def test_to_have_a_type_loads_no_picture() -> None:
    code = "import sys, dftflow.model.outcome, dftflow.crystals.crystal; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
