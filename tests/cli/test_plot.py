"""``dftflow plot``: what it writes and says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dftflow.cli.main import main

DATA = Path(__file__).parents[1] / "data"
DENSE = str(DATA / "espresso" / "6.7" / "dense" / "CsPbBr3.bands.xml")
SLAB = str(DATA / "gpaw" / "26.7.0" / "csbr-relaxed")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_picture_lies_in_the_folder_where_one_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "bands", DENSE]) == 0
    assert (tmp_path / "bands.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr()
    assert "drawn: CsPbBr3" in said.out and said.out.endswith("written: bands.png\n")
    assert "relative to the VBM" in said.out and said.err == ""


def test_format_numbers_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "potential", SLAB, "--out", "v.svg", "--data", "v.csv", "--json"]) == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["files"] == ["v.svg", "v.csv"] and document["kind"] == "potential"
    assert document["drawn"] == ["CsBr-slab-110-potential"] and len(document["left_out"]) == 3
    assert said.err.count("left out: ") == 3
    assert (tmp_path / "v.csv").read_text().startswith("name,distance_ang,planar_average_ev")
    assert (tmp_path / "v.svg").read_text().startswith("<?xml")


def test_looks(tmp_path: Path) -> None:
    words = "--window -3 4 --zero fermi --size 5x3 --color 1=red --label CsPbBr3=Perovskite --style ggplot"
    assert main(["plot", "bands", DENSE, *words.split(), "--out", "b.svg"]) == 0
    svg = (tmp_path / "b.svg").read_text()
    assert "#ff0000" in svg.lower() and 'width="360pt" height="216pt"' in svg


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["bands", "nowhere"], 2),
        (["bands", DENSE, "--out", "b.jpeg"], 2),
        (["bands", DENSE, "--data", "b.txt"], 2),
        (["bands", DENSE, "--color", "red"], 2),
        (["bands", DENSE, "--ip", "1=five"], 2),
        (["bands", DENSE, "--zero", "vacuum"], 7),
        (["dos", DENSE], 7),
        (["bands", DENSE, "--out", "/proc/no/b.png"], 8),
        (["pie", DENSE], 2),
        (["bands"], 2),
    ],
)
def test_how_it_ends(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", *words]) == code
    assert capsys.readouterr().err


@pytest.mark.parametrize("kind", ["structure", "convergence", "dos"])
def test_every_kind(kind: str, tmp_path: Path) -> None:
    source = str(DATA / "espresso" / "6.7" / ("dense/grid" if kind == "dos" else "cell"))
    assert main(["plot", kind, source]) == 0
    assert (tmp_path / f"{kind}.png").exists()


def test_the_help_says_what_is_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A name is a colour too, and no width is the default where the code wrote a density of states."""
    assert main(["plot", "dos", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "a colour of matplotlib" in said and "RRGGBB" not in said
    assert "instead of the code's own density of states" in said and "[default: 0.1]" not in said
