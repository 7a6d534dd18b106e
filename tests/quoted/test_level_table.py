"""Tables of levels: what is read, in three formats, and every mistake refused with its file and line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.errors import InputError
from dftflow.model.sourced_levels import LevelSource
from dftflow.quoted.level_table import read_level_mapping, read_level_table
from dftflow.quoted.level_table_text import level_table_text

BAPT = """\
compounds:
    - name: 'ZnO'
      ea: 4.4
      ip: 7.7
      gradient: 1, 0
    - name: 'Cs$_2$AgBiBr$_{6}$'
      ea: 2.7
      ip: 7.3
      fade: True
gradients:
    - {id: 0, start: '#FFFFFF', end: '#000000'}
settings:
    name_colour: 'k'
"""
TOML = """\
[materials.CsPbBr3]
ip = 5.9
ea = 3.6
uncertainty = [-0.1, 0.2]
uncertainty_holds = "UPS, three films"
surface = "film"
reference = "10.1000/x"
color = "#0072B2"

[materials.FAPbBr3]
VBM = -6.07
gap = 2.30

[[levels]]
name = "O2/H2O"
vs_she = 1.23

[[levels]]
name = "Au"
work_function = 5.1
reference = "10.1000/y"

[[offsets]]
materials = ["CsPbBr3", "FAPbBr3"]
valence = 0.17
conduction = 0.34
method = "XPS"
uncertainty = 0.05
"""


def read(tmp_path: Path, text: str, name: str = "levels.toml") -> LevelSource:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return read_level_table(file)


def refusal(tmp_path: Path, text: str, name: str = "levels.toml") -> InputError:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, name)
    return caught.value


def edges(source: LevelSource) -> list[tuple[str, float, float]]:
    return [(one.edges.material, one.edges.vbm_ev, one.edges.cbm_ev) for one in source.levels]


# --- what is read -----------------------------------------------------------------------------------------------


def test_a_table_of_bapt(tmp_path: Path) -> None:
    """The keys of its examples; names lose the mathematics, looks are named as not taken."""
    source = read(tmp_path, BAPT, "bapt.yaml")
    assert edges(source) == [("ZnO", -7.7, -4.4), ("Cs2AgBiBr6", -7.3, -2.7)]
    (note,) = source.notes
    assert "gradients, settings, gradient, fade" in note
    assert [one.origin.rpartition(":")[2] for one in source.levels] == ["2", "6"]


def test_everything_a_table_may_say(tmp_path: Path) -> None:
    source = read(tmp_path, TOML)
    first, second = source.levels
    assert edges(source) == [("CsPbBr3", -5.9, -3.6), ("FAPbBr3", -6.07, -3.77)]
    assert first.edges.range_ev == (-0.2, 0.1)  # deeper by up to 0.2: the level is lower by up to 0.2
    assert (first.range_holds, first.edges.surface, first.edges.source) == ("UPS, three films", "film", "10.1000/x")
    assert first.color == "#0072B2" and first.is_quoted
    assert (second.range_holds, second.edges.range_ev) == ("", (0.0, 0.0))
    assert second.edges.source.endswith("levels.toml:10")
    assert [(level.name, level.energy_ev) for level in source.references] == [("O2/H2O", -5.67), ("Au", -5.1)]
    assert "10.1351/pac198658070955" in source.references[0].source
    (offset,) = source.offsets
    assert (offset.valence_band_offset_ev, offset.conduction_band_offset_ev) == (0.17, 0.34)
    assert offset.range_ev == (-0.05, 0.05) and offset.method == "XPS" and offset.first is None


def test_a_range_of_levels_is_not_turned_round(tmp_path: Path) -> None:
    source = read(tmp_path, "[materials.X]\nvbm = -5.9\ncbm = -3.6\nuncertainty = [-0.1, 0.2]\n")
    assert source.levels[0].edges.range_ev == (-0.1, 0.2)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_as_a_spreadsheet_writes_it(tmp_path: Path, separator: str) -> None:
    rows = [
        ["Material", "IP (eV)", "Electron affinity [eV]", "± (eV)", "DOI"],
        ["LiF", "12.0", "-1.2", "-0.1..0.3", ""],
    ]
    text = "\ufeff# from papers, all of them\r\n" + "".join(separator.join(row) + "\r\n" for row in rows)
    source = read(tmp_path, text, "levels.csv")
    assert edges(source) == [("LiF", -12.0, 1.2)]
    assert source.levels[0].edges.range_ev == (-0.3, 0.1)
    assert "above the vacuum level" in source.levels[0].remarks[0]
    assert source.levels[0].origin.endswith(":3")


@pytest.mark.parametrize(
    ("numbers", "vbm_ev", "cbm_ev"),
    [
        ({"ip_ev": 5.9, "ea_ev": 3.6}, -5.9, -3.6),
        ({"IP": 5.9, "gap": 2.3}, -5.9, -3.6),
        ({"ea": 3.6, "Eg": 2.3}, -5.9, -3.6),
        ({"VBM": -5.9, "CBM": -3.6}, -5.9, -3.6),
        ({"homo": -5.9, "lumo": -3.6, "band_gap": 2.3}, -5.9, -3.6),
        ({"ionization energy (eV)": "5.9", "ea": -0.4}, -5.9, 0.4),
    ],
)
def test_the_ways_to_say_it(numbers: dict[str, object], vbm_ev: float, cbm_ev: float) -> None:
    assert edges(read_level_mapping({"X": numbers}, "given")) == [("X", vbm_ev, cbm_ev)]


def test_a_colour_is_what_the_option_takes(tmp_path: Path) -> None:
    (one,) = read(tmp_path, '[materials.X]\nip = 5.9\nea = 3.6\ncolor = "red"\n').levels
    assert one.color == "red"


def test_no_is_a_name_and_no_truth_value(tmp_path: Path) -> None:
    assert edges(read(tmp_path, "materials: {NO: {ip: 9.3, ea: 0.03}}", "n.yaml")) == [("NO", -9.3, -0.03)]


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "line", "said", "fix"),
    [
        ("ip = -5.9\nea = 3.6", 2, "ip is -5.9 eV", "ip = 5.9, or vbm = -5.9"),
        ("vbm = 5.9\ncbm = -3.6", 2, "vbm is 5.9 eV", "vbm = -5.9, or ip = 5.9"),
        ("ip = 5.9\nea = -3.6", 3, "far above the vacuum", "ea = 3.6"),
        ("vbm = -5.9\ncbm = 3.6", 3, "far above the vacuum", "cbm = -3.6"),
        ("ip = 5.9", 1, "has no CBM", "ea = ..."),
        ("ea = 3.6", 1, "has no VBM", "ip = ..."),
        ("surface = \"(100)\"", 1, "has no VBM", "ip = ..."),
        ("ip = 3.6\nea = 5.9", 1, "does not lie above its VBM", "ip = 5.9 and ea = 3.6"),
        ("ip = 5.9\nvbm = -6.1\nea = 3.6", 3, "disagree", "leave the wrong one out"),
        ("ip = 5.90\nea = 3.60\ngap = 2.36", 4, "edges lie 2.3 eV apart", "leave gap out"),
        ("vbm = -0.8\ncbm = 1.2", 2, "0.8 eV below the vacuum level", "relative to the vacuum level"),
        ("ea = -1\ngap = 2.4", 1, "relative to E_F or to a VBM are no levels below vacuum", "IP and EA"),
        ("ip = nan\nea = 3.6", 2, "no number", "finite number"),
        ("ip = inf\nea = 3.6", 2, "no number", "finite number"),
        ("ip = \"5,9\"\nea = 3.6", 2, "no number", "decimals have a point: 5.9"),
        ("ip = \"5.9 ± 0.1\"\nea = 3.6", 2, "no number", "uncertainty = 0.1"),
        ("ip = true\nea = 3.6", 2, "no number", "finite number"),
        ("ip = [5.9, 6.0]\nea = 3.6", 2, "is a list", ""),
        ("ip = 5900\nea = 3.6", 2, "no level lies so far", "eV"),
        ("ip = 5.9\nea = 3.6\nuncertainty = 0", 4, "no measured", "leave it out"),
        ("ip = 5.9\nea = 3.6\nuncertainty = -0.1", 4, "uncertainty", "positive size"),
        ("ip = 5.9\nea = 3.6\nuncertainty = [0.1, 0.2]", 4, "uncertainty", "[-0.2, 0.1]"),
        ("ip = 5.9\nea = 3.6\nuncertainty_holds = \"UPS\"", 4, "gives none", "uncertainty = 0.1"),
        ("ip = 5.9\nie = 5.9\nea = 3.6", 3, "mean the same", "leave one"),
        ("ip = 5.9\nea = 3.6\nsurfaec = \"(100)\"", 4, "unknown name", "'surface'"),
        ("ip = 5.9\nea = 3.6\ncolor = \"bleu\"", 4, "no colour", "#0072B2"),
        ("ip = 5.9\nvbo = 0.1", 3, "no level relative to vacuum", "[[offsets]]"),
        ("ip = 5.9\nea = 3.6\ngap = -2.3", 4, "gap is -2.3", "gap = 2.3"),
        ("ea = 3.6\ngap = {value = 2.3}", 3, "is a table", ""),
    ],
)  # fmt: skip
def test_mistakes_of_a_material(tmp_path: Path, lines: str, line: int, said: str, fix: str) -> None:
    error = refusal(tmp_path, f"[materials.X]\n{lines}\n")
    assert error.where == f"{tmp_path}/levels.toml:{line}"
    assert said in f"{error.summary} {error.reason}"
    assert fix in error.fix


@pytest.mark.parametrize(
    ("name", "text", "line", "said"),
    [
        ("a.toml", "[materials.X\nip = 1", 1, "not valid TOML"),
        ("a.toml", "[materials.X]\nip = 5.9 ea = 3.6", 2, "not valid TOML"),
        ("a.toml", "schema = 1\ntitle = 'UPS values only'\n[alignment]\nmaterials = ['A', 'B']", 1, "is a study"),
        ("a.toml", "title = 'x'\n[materials.X]\nip = 5\nea = 3", 1, "no section"),
        ("a.toml", "[[levels]]\nname = 'Au'\nenergy = 5.1", 3, "energy is 5.1"),
        ("a.toml", "[[levels]]\nname = 'Au'", 1, "no number"),
        ("a.toml", "[[levels]]\nname = 'x'\nenergy = -5\nvs_she = 0.5", 1, "energy and vs_she"),
        ("a.toml", "[[offsets]]\nmaterials = ['A']\nvalence = 0.1", 1, "between two"),
        ("a.toml", "[[offsets]]\nmaterials = ['A', 'B']\nconduction = 0.1", 1, "no valence"),
        ("a.toml", "[[offsets]]\nmaterials = ['A', 'B']\nvalence = 0.1\ntype = 'II'", 4, "no type"),
        ("a.yaml", "materials:\n  - {name: A, ip: 5, ea: 3}\n  - {name: B, ip: 5, ip: 3}", 3, "stands twice"),
        ("a.yaml", "materials:\n  - &a {name: A, ip: 5, ea: 3}\n  - *a", 3, "not valid YAML"),
        ("a.yaml", "materials: [\n", 2, "not valid YAML"),
        ("a.yaml", "a: 1\n---\nb: 2", 2, "not valid YAML"),
        ("a.yaml", "- a\n- b", 1, "no section"),
        ("a.yaml", "? [a, b]\n: c", 1, "a key is no text"),
        ("a.csv", "name,ip,ea\nA,5,3,1", 2, "4 cells"),
        ("a.csv", 'name,ip,ea\n"A,5,3', 2, "no CSV"),
        ("a.csv", "name,ip,ea\n,5,3", 2, "no name"),
        ("a.csv", "name,ip (meV),ea\nA,5,3", 2, "unknown name"),
    ],
)
def test_mistakes_of_a_file(tmp_path: Path, name: str, text: str, line: int, said: str) -> None:
    error = refusal(tmp_path, text, name)
    assert error.where == f"{tmp_path}/{name}:{line}"
    assert said in f"{error.summary} {error.reason}"


def test_files_that_are_no_table(tmp_path: Path) -> None:
    assert "by its name" in refusal(tmp_path, "x", "levels.xlsx").summary
    assert "is empty" in refusal(tmp_path, "", "levels.csv").summary
    deep = refusal(tmp_path, "materials: " + "[" * 9 + "]" * 9, "deep.yaml")
    assert "nests more than" in deep.summary
    (tmp_path / "latin.csv").write_bytes(b"name,ip,ea\nA,5,3\nB\xe4,5,3\n")
    with pytest.raises(InputError, match="no UTF-8") as caught:
        read_level_table(tmp_path / "latin.csv")
    assert caught.value.where.endswith(":3")


def test_objects_of_yaml_are_not_made(tmp_path: Path) -> None:
    error = refusal(tmp_path, "materials: {X: {ip: !!python/object/apply:os.getcwd [], ea: 3}}", "a.yaml")
    assert "list" in error.summary


# --- there and back ---------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12).filter(
    lambda text: "$" not in text
)
NUMBERS = st.floats(min_value=0.01, max_value=9.0).map(lambda value: round(value, 6))


@given(
    rows=st.lists(st.tuples(WORDS, NUMBERS, NUMBERS, st.one_of(st.none(), NUMBERS), WORDS), min_size=1, max_size=5),
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, float, float, float | None, str]],
) -> None:
    """Numbers to the last digit, names and surfaces to the last letter."""
    materials = {
        f"{name}{number}": {
            "ip": 1.5 + ip + gap,
            "ea": ip,
            "surface": surface,
            **({} if reach is None else {"uncertainty": reach}),
        }
        for number, (name, ip, gap, reach, surface) in enumerate(rows)
    }
    first = read_level_mapping(materials, "given")
    text = level_table_text(first.levels, first.references, ())
    assert set(tomllib.loads(text)) == {"materials"}
    file = tmp_path_factory.mktemp("table") / "again.toml"
    file.write_text(text, encoding="utf-8")
    again = read_level_table(file)
    assert edges(again) == edges(first)
    assert [one.edges.range_ev for one in again.levels] == [one.edges.range_ev for one in first.levels]
    assert [(one.edges.surface, one.range_holds) for one in again.levels] == [
        (one.edges.surface, one.range_holds) for one in first.levels
    ]


def test_all_of_a_table_comes_back(tmp_path: Path) -> None:
    first = read(tmp_path, TOML)
    again = read(tmp_path, level_table_text(first.levels, first.references, first.offsets), "again.toml")
    assert edges(again) == edges(first)
    assert [one.edges.source for one in again.levels] == [one.edges.source for one in first.levels]
    assert again.references == first.references
    assert again.offsets == first.offsets
