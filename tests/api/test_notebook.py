"""The cells of a short notebook, each with what it shows: the protocol is `_repr_html_`, whatever shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from html_cells import HOSTILE_NAME, cell, texts
from outcomes import VARIANTS

import dftflow
from dftflow.report.results_json import write_results_json

RUN = Path(__file__).parents[1] / "data/gpaw/26.7.0/fapbbr3-cspbbr3-quick/steps"
BULK, SLAB = "CsPbBr3/bulk-bands-bd06f528e4", "CsPbBr3/slab-010-potential-2c66f156cd"

# A cell -> what has to stand in it. The names that a cell makes are there in the next ones.
CELLS: dict[str, tuple[str, ...]] = {
    'dftflow.load_crystal("CsPbBr3_Pnma")': ("Pnma (62)", "10.1021/cg400645t"),
    'perovskite = dftflow.substitute("CsPbBr3_Pm-3m", site="Cs", by="FA", pseudocubic_ang=5.99)': (
        "FAPbBr 3",
        "1 Cs by FA",
    ),
    'slabs = dftflow.slabs(salt, "100", setting="Fm-3m", min_thickness_ang=12)': ("NaCl (100)", "termination"),
    "slabs[0]": ("alike", "NaCl"),
    'dftflow.plot("structure", perovskite, salt, slabs[0].structure)': ("NaCl",),
    'dftflow.find(".")': ("5 calculations", "band gap (eV)", "finished"),
    f'crystal = dftflow.read("{BULK}")': ("1.659 eV, direct", "gpaw 26.7.0"),
    "crystal.bands": ("17, 16 of them on a path", "1.659 eV"),
    "crystal.edges": ("Band gap 1.659 eV", "Γ (0, 0, 0)"),
    f'levels = dftflow.levels("{SLAB}", bulk=crystal)': ("Levels of CsPbBr3", "work function (eV)", "3.568"),
    'dftflow.align({"ZnO": {"ip_ev": 7.7, "ea_ev": 4.4}}, levels)': ("Band alignment of ZnO, CsPbBr 3", "type III"),
    'dftflow.plot("bands", crystal)': ("Energy relative to",),
    f'dftflow.compare("{SLAB}", crystal)': ("may be subtracted", "functional"),
    'dftflow.deck(perovskite, code="castep", task="bands")': ("cutoff", ".cell", "%BLOCK"),
    'dftflow.plan("fapbbr3-cspbbr3", preset="quick")': ("5 of 5 steps left", "CsPbBr3/bulk-bands"),
    "dftflow.quantities(outcome)": ("band gap", "1.659"),
    "outcome": ("5 finished", "CsPbBr 3"),
    "outcome.alignments[0]": ("type II", "bounds no error"),
}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    salt = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    return {"dftflow": dftflow, "salt": salt, "outcome": VARIANTS["whole"](tmp_path_factory.mktemp("run"))}


def test_every_cell_shows_what_it_made(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(RUN)
    for code, expected in CELLS.items():
        name, equals, made = code.partition(" = ")
        shown = eval(made if equals else code, names)
        names |= {name: shown} if equals else {}
        told = texts(cell(shown))
        assert not [text for text in expected if text not in told], code
        assert "\n" not in repr(shown) and len(repr(shown)) < 400, code


def test_two_cells_on_one_page_share_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(RUN)
    crystal = dftflow.read(BULK)
    figure = dftflow.plot("bands", crystal)
    cell(figure, figure, crystal, crystal.bands)


def test_names_of_files_are_text(tmp_path: Path) -> None:
    folder = tmp_path / "<script>alert(1)<"
    folder.mkdir()
    for file in (RUN / BULK).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    assert "<script>alert(1)<" in texts(cell(dftflow.read(folder), dftflow.find(folder)))


def test_names_in_python_are_text() -> None:
    name = HOSTILE_NAME.partition("\x1b")[0]
    found = dftflow.align({name: {"ip_ev": 7.7, "ea_ev": 4.4}, "ZIF-8": {"ip_ev": 6.4, "ea_ev": 1.9}})
    assert "<script>alert(1)</script>" in texts(cell(found))
    assert name in repr(found)


def test_numbers_of_a_file(tmp_path: Path) -> None:
    write_results_json(VARIANTS["failed"](tmp_path), tmp_path)
    assert "failed: " in texts(cell(dftflow.quantities(tmp_path)))
