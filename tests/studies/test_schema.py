"""What a study file may say: every key with values that no study can mean, and any text anywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.errors import StudyError
from dftflow.studies.reader import load_study

WHOLE = """\
schema = 1
title = "CsBr"
reference = "10.1000/x"
code = "gpaw"
preset = "mine"

[settings]
xc = "PBE"
smearing_ev = 0.1
scf_tol_ev_per_atom = 2e-6
max_scf_cycles = 100
empty_bands = 12
energy_tol_ev_per_atom = 2e-5
force_tol_ev_per_ang = 0.05
stress_tol_gpa = 0.1
displacement_tol_ang = 2e-3
max_relax_steps = 100

[materials.CsBr]
structure = "CsBr_Pm-3m"
pseudocubic_ang = 4.3
supercell = [1, 1, 1]
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = { size = [4, 4, 4] }
cell = "isotropic"
band_edge = "G"

[materials.CsBr.substitute]
site = "Cs"
by = "FA"
orientation = "100"
seed = 1
charge = 1

[[materials.CsBr.slabs]]
miller = [1, 1, 0]
setting = "cubic"
termination = "auto"
min_thickness_ang = 10.0
vacuum_ang = 15.0
hold_middle_ang = 2.0

[materials.KBr]
structure = "KBr.cif"
cutoff_ev = 300.0
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]

[[alignment]]
materials = ["CsBr", "KBr"]
surfaces = ["CsBr/slab-110"]
tolerance_ev = 0.1

[[alignment.published]]
materials = ["CsBr", "KBr"]
method = "XPS"
valence_band_offset_ev = 0.1
conduction_band_offset_ev = 0.2
type = "type I"
doi = "10.1000/y"

[diffraction]
materials = ["CsBr"]
wavelength_nm = 0.15405
range_deg = [10.0, 50.0]
size_nm = 20.0
instrument_deg = 0.1
markers = [15.0]
marker_tolerance_deg = 0.3
least_intensity = 1.0
peak_tolerance_deg = 0.2

[[diffraction.spacings_nm]]
d_nm = 0.581
plus_minus_nm = 0.0005

[[mismatch]]
materials = ["CsBr", "KBr"]
max_index = 1
max_area_ang2 = 150.0
most_strain_percent = 10.0
published_percent = 3.4

[codes.castep]
potentials = "C19"

[codes.espresso]
ecutrho_factor = 8.0

[presets.mine]
description = "d"
accuracy = "a"
slab_thickness_ang = 10.0
vacuum_ang = 15.0
path_spacing_per_ang = 0.05
min_cutoff_ev = 300.0
kpoint_spacing_per_ang = 0.3
empty_bands = 4
scf_tol_ev_per_atom = 1e-5

[presets.other]
description = "not the chosen one"
accuracy = "a"
slab_thickness_ang = 10.0
vacuum_ang = 15.0
path_spacing_per_ang = 0.05
"""
LINES = WHOLE.splitlines()
ENTRIES = [number for number, line in enumerate(LINES) if " = " in line]
NUMBERS = [number for number in ENTRIES if re.search(r" = [\d.e-]+$", LINES[number])]
TRIPLES = [number for number in ENTRIES if re.search(r"\[\d, \d, \d\]", LINES[number])]
TEXTS = [number for number in ENTRIES if LINES[number].endswith('"')]
SHORT = 600


def key_of(number: int) -> str:
    return f"line {number + 1}, {LINES[number].split(' = ')[0]}"


def read(folder: Path, number: int, value: str) -> StudyError | None:
    """The error of `WHOLE` with another value in a line."""
    lines = list(LINES)
    lines[number] = f"{LINES[number].split(' = ')[0]} = {value}"
    file = folder / "study.toml"
    file.write_text("\n".join(lines), encoding="utf-8", newline="")
    found = None
    try:
        load_study(str(file))
    except StudyError as error:
        found = error
    assert found is None or (len(str(found)) < SHORT + len(str(file)) and found.exit_code == 2)
    return found


def test_the_whole_of_it_is_a_study(tmp_path: Path) -> None:
    assert read(tmp_path, 1, '"CsBr"') is None


MAY_BE_ZERO = ("offset", "instrument", "least_", "published_percent")
BEYOND = ["inf", "-inf", "nan", "1e308", "-1e308", "1e300", f"1{'0' * 30}", "9" * 4000, "9" * 5000, f"0x{'f' * 5000}",
          "true", '"1"', "[]", "{}", "[" * 3000 + "]" * 3000, "[" * 99 + "]" * 99, "1979-05-27", "1e-320"]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS, ids=key_of)
def test_a_number_beyond_sense_is_refused_with_its_line(number: int, tmp_path: Path) -> None:
    for value in BEYOND:
        if value == "1e-320" and any(word in LINES[number] for word in MAY_BE_ZERO):
            continue  # an offset may be as good as none
        found = read(tmp_path, number, value)
        assert found is not None and found.where == f"{tmp_path / 'study.toml'}:{number + 1}", value


@pytest.mark.parametrize("number", TRIPLES, ids=key_of)
def test_a_grid_supercell_or_plane_beyond_sense_is_refused_with_its_line(number: int, tmp_path: Path) -> None:
    for value in ("1e308", "inf", "101", f"1{'0' * 30}", "9" * 4000, "1.5", '"1"', "true"):
        found = read(tmp_path, number, f"[{value}, 1, 1]")
        assert found is not None and found.where == f"{tmp_path / 'study.toml'}:{number + 1}", value


@pytest.mark.parametrize(
    ("key", "value", "limit"),
    [
        ("vacuum_ang", "1e300", "it can be from 1 to 500 Å"),
        ("cutoff_ev", "1e308", "it can be from 1 to 10000 eV"),
        ("miller", "[31, 0, 0]", "it can be from -30 to 30"),
        ("miller", "[1, -2, 0, 0]", "of four indices (hkil) the third is minus the sum of the first two"),
        ("miller", "[1, 0]", "a plane has three whole numbers, or four (hkil) of hexagonal axes"),
        ("relax_kpoints", "[101, 1, 1]", "it can be from 1 to 100"),
        ("bands_kpoints", "{ size = [100, 100, 11] }", "a grid can have 100000 points"),
        ("max_scf_cycles", "100001", "it can be from 1 to 100000"),
    ],
)
def test_a_refusal_tells_the_limit(key: str, value: str, limit: str, tmp_path: Path) -> None:
    number = next(number for number in ENTRIES if LINES[number].startswith(f"{key} = "))
    found = read(tmp_path, number, value)
    assert found is not None and limit in found.sentence and key in found.sentence


HOSTILE = ["a\nb", "a\r", "\x00", "\x1b[31m", "\x9b2J", "\u2028", "\x85", "\u202eb", "\x7f", "x" * 3000, "x" * 10**5]


@pytest.mark.parametrize("number", TEXTS, ids=key_of)
def test_no_text_holds_more_than_a_printable_line(number: int, tmp_path: Path) -> None:
    for text in HOSTILE:
        quoted = '"' + "".join(f"\\u{ord(char):04x}" if not char.isalnum() else char for char in text) + '"'
        found = read(tmp_path, number, quoted)
        assert found is not None and found.where == f"{tmp_path / 'study.toml'}:{number + 1}", ascii(text)


@pytest.mark.parametrize("table", ["materials", "presets", "codes", "kinds"])
@pytest.mark.parametrize(
    "name", ["../../../x", "/abs", "", ".", "..", "a/b", "-x", "a b", "a\\nb", "\\u001b", "x" * 101]
)
def test_the_tables_of_a_study_have_names(table: str, name: str, tmp_path: Path) -> None:
    content = {"materials": WHOLE.split("[materials.KBr]")[1].split("[[")[0]}.get(table, "")
    file = tmp_path / "study.toml"
    file.write_text(f'{WHOLE}[{table}."{name}"]\n{content}')
    with pytest.raises(StudyError, match="name") as caught:
        load_study(str(file))
    assert caught.value.where == f"{file}:{len(LINES) + 1}"


# --- texts that are no study at all -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a = 1\na = 2\n", 2, "Cannot overwrite"),
        ("[a]\n[a]\n", 2, "Cannot declare"),
        ("a = 1\nb = \x00\n", 2, "Invalid"),
        ('a = "\x1b"\n', 1, "Illegal character"),
        (f"a = 1\n{'k' * 10**5} = 1\n", 2, "characters"),
        (f"{'k.' * 4000}k = 1\n", 1, "nest too deeply"),
        (f"[{'k.' * 4000}k]\n", 1, "nest too deeply"),
        ("a = 1\nb = " + "[\n" * 3000, None, "nest too deeply"),
        ("a = 1\nb = [1, [\n2, " + "{a=" * 400 + "\n", 3, "nest too deeply"),
        (f"a = 1\nb = [1,\n{'9' * 5000}]\n", 3, "too many digits"),
        (f"a = 1\nb = 1979-05-27T00:00:00.{'9' * 5000}\nc = 4x\n", 3, "not valid TOML"),
    ],
    ids=range(11),
)
def test_what_the_parser_stumbles_over_is_told_with_its_line(
    text: str, line: int | None, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "study.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        load_study(str(file))
    assert said in str(caught.value) and len(str(caught.value)) < SHORT + len(str(file))
    assert caught.value.where == f"{file}:{line}" if line else re.fullmatch(r".*:\d+", caught.value.where)


def test_a_byte_order_mark_is_no_part_of_the_study(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_bytes(b"\xef\xbb\xbf" + WHOLE.encode())
    assert load_study(str(file)).content.title == "CsBr"


def test_line_numbers_are_those_of_an_editor(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text("# \u2028 \x0b \x85\n".replace("\x0b", "") + WHOLE.replace("cutoff_ev = 244.9", "cutoff_ev = 0"))
    with pytest.raises(StudyError) as caught:
        load_study(str(file))
    assert caught.value.where == f"{file}:{LINES.index('cutoff_ev = 244.9') + 2}"


@given(number=st.sampled_from(ENTRIES), text=st.text(st.characters(codec="utf-8")))
def test_any_text_in_any_field_is_a_study_or_a_study_error(
    number: int, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As the text of a value, and as the value itself."""
    folder = tmp_path_factory.mktemp("any")
    quoted = '"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"'
    read(folder, number, quoted)
    read(folder, number, text)
