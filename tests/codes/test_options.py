"""Options of the codes: what they take, what they refuse, and that they reach the deck."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.codes.registry import code_names, load_code
from dftflow.errors import OptionError
from dftflow.model.spec import CalcSpec

CSBR = Structure(Lattice.cubic(4.291), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
SPEC = CalcSpec(
    title="CsBr",
    task="potential",
    xc="PBE",
    cutoff_ev=400.0,
    grid=(4, 4, 4),
    smearing_ev=0.1,
    scf_tol_ev_per_atom=2e-6,
    max_scf_cycles=100,
)


def deck(code: str, **options: Any) -> str:
    return "\n".join(load_code(code, options).render(CSBR, SPEC, "seed").files.values())


@pytest.mark.parametrize(
    ("code", "options", "text"),
    [
        ("castep", {"potentials": "NCP19"}, "NCP19\n"),
        ("castep", {"potentials": "tabulated:00PBE"}, "Cs  Cs_00PBE.usp\nBr  Br_00PBE.usp\n"),
        ("castep", {"potentials": "tabulated:00PBE_OP"}, "Cs  Cs_00PBE_OP.recpot\nBr  Br_00PBE_OP.recpot\n"),
        ("castep", {"potentials": "tabulated:00.uspcc"}, "Cs  Cs_00.uspcc\nBr  Br_00.uspcc\n"),
        ("castep", {"potentials": {"Cs": "a.usp", "Br": "C19"}}, "Cs  a.usp\nBr  C19\n"),
        ("espresso", {"potentials": {"Br": "mine.upf"}}, "79.9040  mine.upf\n"),
        ("espresso", {"ecutrho_factor": 6}, "6 times ecutwfc, as asked"),
        ("vasp", {"potentials": {"Cs": "Cs_sv_GW"}}, "Cs_sv_GW\nBr\n"),
    ],
)
def test_options_reach_the_deck(code: str, options: dict[str, Any], text: str) -> None:
    assert text in deck(code, **options)
    assert text not in deck(code)


@pytest.mark.parametrize(
    ("code", "options", "place", "sentence"),
    [
        ("castep", {"keyword": "academic"}, ("keyword",), "did you mean 'keywords'?"),
        ("castep", {"keywords": "studio"}, ("keywords",), 'keywords is "academic" or "materials-studio"'),
        ("castep", {"potentials": {"Pb": 3}}, ("potentials", "Pb"), "potentials.Pb cannot be 3"),
        ("castep", {"potentials": "C19 "}, ("potentials",), "neither a library nor a set"),
        ("espresso", {"slab_correction": "3D"}, ("slab_correction",), '"dipole" or "2D"'),
        ("espresso", {"ecutrho_factor": 2}, ("ecutrho_factor",), "a number from 4 to 100"),
        ("espresso", {"ecutrho_factor": "8"}, ("ecutrho_factor",), "it has to be a number"),
        ("espresso", {"potentials": {"Br": "../Br.upf"}}, ("potentials",), "no name for a potential"),
        ("espresso", {"potentials": {"Pbb": "Pb.upf"}}, ("potentials", "Pbb"), "'Pbb' is no element"),
        ("vasp", {"potentials": "Pb_d"}, ("potentials",), "names of potentials by element"),
        ("vasp", {"potentials": {"Pb": "Br"}}, ("potentials",), "no potential of Pb"),
        ("gpaw", {"keywords": "academic"}, ("keywords",), "options: templates"),
    ],
)
def test_a_wrong_option_is_told(code: str, options: dict[str, Any], place: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(OptionError) as caught:
        load_code(code, options)
    assert caught.value.place == place
    assert sentence in caught.value.sentence


def own(folder: Path, files: dict[str, bytes]) -> Any:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return load_code("castep", {"templates": str(folder)}).options.templates


HEADING = b"! mine {{ title }} {{ reference }}\n{% include 'castep/group.txt' %}"


def test_what_a_template_includes_is_kept_and_nothing_else(tmp_path: Path) -> None:
    """Another code's templates, and what lies there besides, have no part in these decks."""
    others = {"vasp/heading.incar.j2": b"x", "deep/castep/heading.j2": b"x", "castep/readme.txt": b"x", "a.j2": b"\xff"}
    included = {"castep/group.txt": b"! {% include 'all.txt' %}", "all.txt": "Å".encode()}
    found = own(tmp_path, {"castep/heading.j2": HEADING, **included, **others})
    assert list(found) == ["all.txt", "castep/group.txt", "castep/heading.j2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"! \xff", "cannot be read as UTF-8"),
        (b"! {{ title", "not valid Jinja2"),
        (b"{% include title %}", "whose name is computed"),
    ],
)
def test_a_template_that_cannot_be_kept_is_refused(text: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=said) as caught:
        own(tmp_path, {"castep/heading.j2": text})
    assert "castep/heading.j2" in caught.value.reason and caught.value.place == ("templates",)


TEMPLATES = {"castep": "heading.j2", "espresso": "pp.in.j2", "gpaw": "deck.py.j2", "vasp": "heading.incar.j2"}
OWN = {
    "castep": "! mine {{ title }} {{ reference }}\n",
    "espresso": "! mine {{ seed }}\n",
    "vasp": "# mine {{ title }} {{ reference }}\n",
}


@pytest.mark.parametrize("code", sorted(OWN))
def test_own_templates_replace_the_shipped_ones(code: str, tmp_path: Path) -> None:
    (tmp_path / "own" / code).mkdir(parents=True)
    (tmp_path / "own" / code / TEMPLATES[code]).write_text(OWN[code])
    made = load_code(code, {"templates": "own"}, folder=tmp_path)
    assert "mine" in "\n".join(made.render(CSBR, SPEC, "seed").files.values())


def test_own_template_of_gpaw(tmp_path: Path) -> None:
    """Its one template uses every value: an own one is the shipped one with a line more."""
    shipped = Path(__file__).resolve().parents[2] / "templates" / "gpaw" / "deck.py.j2"
    (tmp_path / "gpaw").mkdir()
    (tmp_path / "gpaw" / "deck.py.j2").write_text(shipped.read_text() + "# mine\n")
    assert deck("gpaw", templates=str(tmp_path)).count("# mine\n") == 1


@pytest.mark.parametrize("code", code_names())
def test_templates_that_would_never_be_used_are_refused(code: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"holds no \.j2 file") as caught:
        load_code(code, {"templates": str(tmp_path)})
    assert caught.value.place == ("templates",)
    (tmp_path / code).mkdir()
    (tmp_path / code / "misspelt.j2").touch()
    with pytest.raises(OptionError, match=r"holds misspelt\.j2") as caught:
        load_code(code, {"templates": str(tmp_path)})
    assert TEMPLATES[code] in caught.value.fix
