"""Reads .param files: the three separators, comments, blocks, units, and what is damaged."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dftflow.codes.castep.input.param_file import ParamFile, read_param
from dftflow.errors import ParseError
from dftflow.units import HARTREE_EV

TEXT = """\
# a comment
task: Geometry Optimisation   ! what to do
XC_FUNCTIONAL = PBE
cut_off_energy 18 Ry
spin_polarised : T
Fix_Occupancy = .FALSE.
elec_energy_tol :   1.000000000000000e-005
geom_force_tol : 1.0D-2 eV/Ang
num_dump_cycles=0
mix_charge_amp : 0.5 ; half
continuation
comment : bulk = 1 : 2
%BLOCK devel_code
PP: LJ=T ! inside
# nothing
%ENDBLOCK  DEVEL_CODE
"""


def read(folder: Path, text: str | bytes) -> ParamFile:
    file = folder / "a.param"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_param(file)


def check(found: ParamFile) -> None:
    assert found.option("task") == "geometryoptimisation"
    assert found.text("xc_functional") == "PBE"
    assert found.quantity("cut_off_energy", "energy") == pytest.approx(9 * HARTREE_EV)
    assert found.boolean("spin_polarized") is True
    assert found.boolean("fix_occupancy") is False
    assert found.quantity("elec_energy_tol", "energy") == 1e-5
    assert found.quantity("geom_force_tol", "force") == 0.01
    assert found.integer("num_dump_cycles") == 0
    assert found.number("mix_charge_amp") == 0.5
    assert found.text("continuation") == ""
    assert found.text("comment") == "bulk = 1 : 2"
    assert [(line.number, line.text) for line in found.blocks["devel_code"].lines] == [(14, "PP: LJ=T")]
    assert found.settings["spin_polarized"].line == 5


def test_everything_that_the_format_allows(tmp_path: Path) -> None:
    check(read(tmp_path, TEXT))


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_line_ends_and_bytes_of_a_title_do_not_matter(encoding: str, tmp_path: Path) -> None:
    text = TEXT.replace("a comment", "é Å ÿ").replace("\n", "\r\n")
    check(read(tmp_path, text.encode(encoding)))


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    found = read(tmp_path, "")
    assert found.text("task") is None
    assert found.boolean("fixed_npw") is None
    assert found.integer("nbands") is None
    assert found.number("charge") is None
    assert found.quantity("smearing_width", "energy") is None


@pytest.mark.parametrize(
    ("name", "reader", "message"),
    [
        ("fix_occupancy", lambda p: p.boolean("fix_occupancy"), "'maybe', which is neither true nor false"),
        ("nbands", lambda p: p.integer("nbands"), "no whole number"),
        ("charge", lambda p: p.number("charge"), "no number"),
        ("smearing_width", lambda p: p.quantity("smearing_width", "energy"), "'0.1 ang', which is no energy"),
        ("elec_temp", lambda p: p.quantity("elec_temp", "temperature"), "no temperature"),
        ("geom_stress_tol", lambda p: p.quantity("geom_stress_tol", "pressure"), "no pressure"),
    ],
)
def test_a_value_of_another_type_is_an_error_with_its_line(
    name: str, reader: object, message: str, tmp_path: Path
) -> None:
    text = (
        "fix_occupancy : maybe\nnbands : 3.5\ncharge : 1_0\nsmearing_width : 0.1 ang\nelec_temp : **** k\n"
        "geom_stress_tol : 1 atm\n"
    )
    found = read(tmp_path, text)
    with pytest.raises(ParseError, match=re.escape(message)) as caught:
        reader(found)  # type: ignore[operator]
    assert caught.value.where == f"{tmp_path / 'a.param'}:{found.settings[name].line}"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("task : phonon\ntask : spectral\n", "'phonon' in line 1 and 'spectral' here", 2),
        ("spin_polarized : true\nspin_polarised : false\n", "leave one", 2),
        ("%block devel_code\nx\n", "has no end", 1),
        ("task : x\n%endblock devel_code\n", "does not close", 2),
        ("%block\n%endblock\n", "no name", 1),
        ("x" * 5000, "5000 characters", 1),
    ],
)
def test_a_file_that_contradicts_itself(text: str, message: str, line: int, tmp_path: Path) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        read(tmp_path, text)
    assert caught.value.where.endswith(f":{line}")


def test_a_keyword_that_is_repeated_unchanged_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, "task : phonon\nTASK = PHONON\n").option("task") == "phonon"


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\0", b"task : x\0y\n", b"\0" * 17 * 2**20])
def test_what_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ParseError, match=r"no text|too large"):
        read(tmp_path, content)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="cannot be read"):
        read_param(tmp_path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes, tmp_path: Path) -> None:
    try:
        found = read(tmp_path, content)
    except ParseError:
        return
    readers = (found.boolean, found.integer, found.number, lambda n: found.quantity(n, "energy"))
    for name in found.settings:
        for reader in readers:
            with suppress(ParseError):
                assert reader(name) is not None


def test_every_published_param_file(castep_data: Path) -> None:
    files = sorted(castep_data.rglob("*.param"))
    assert len(files) > 30
    for file in files:
        found = read_param(file)
        assert found.settings
        cutoff = found.quantity("cut_off_energy", "energy")
        assert cutoff is None or 99 < cutoff < 1001
        for name in ("fix_occupancy", "spin_polarized", "write_bib", "pdos_calculate_weights", "fixed_npw"):
            assert found.boolean(name) in (None, True, False)


def test_the_cutoff_is_the_one_that_castep_printed(castep_data: Path) -> None:
    """Every run whose .castep lies beside its .param and whose .param names a cutoff."""
    compared = 0
    for file in sorted(castep_data.rglob("*.param")):
        cutoff = read_param(file).quantity("cut_off_energy", "energy")
        log = file.with_suffix(".castep")
        if cutoff is None or not log.exists():
            continue
        printed = re.findall(r"plane wave basis set cut-off\s*:\s*([\d.]+)\s+eV", log.read_text(errors="replace"))
        assert cutoff == pytest.approx(float(printed[0]), abs=1e-3), file
        compared += 1
    assert compared >= 5
