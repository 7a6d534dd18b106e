"""Damaged files: each is refused as a `ParseError` or gives the numbers it gave before, never others."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import mutations
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dftflow.codes.espresso import ESPRESSO
from dftflow.codes.espresso.average_file import read_average
from dftflow.codes.espresso.grid_file import read_potential_grid
from dftflow.codes.espresso.pw_stdout import read_stdout
from dftflow.codes.espresso.pw_xml import read_pw_xml
from dftflow.errors import DftflowError, ParseError
from dftflow.model.energy import EnergyZero
from dftflow.units import RYDBERG_EV

DATA = Path(__file__).resolve().parents[2] / "data" / "espresso" / "6.7"
ZERO = EnergyZero("run", "cell_average")
XML, GRID, TABLE, LOG = (
    DATA / "bands" / "bands.scf.xml",
    DATA / "bands" / "bands.pot",
    DATA / "slab" / "slab.average.dat",
    DATA / "bands" / "bands.scf.out",
)
Reader = Callable[[Path], object]


def grid(file: Path) -> object:
    return read_potential_grid(file, ZERO)


READERS: dict[str, tuple[Path, Reader]] = {
    "xml": (XML, read_pw_xml),
    "grid": (GRID, grid),
    "table": (TABLE, read_average),
    "log": (LOG, read_stdout),
}


def changed(tmp_path: Path, source: Path, change: Callable[[bytes], bytes]) -> Path:
    file = tmp_path / source.name
    file.write_bytes(change(source.read_bytes()))
    return file


def test_the_last_geometry_does_not_have_the_numbers_of_the_one_before(tmp_path: Path) -> None:
    """Eight geometries, each with an energy and a Fermi level."""
    log = DATA / "ions" / "ions.relax.out"
    printed = [float(energy) for energy in re.findall(rb"(?m)^!.*= +(-\S+) Ry", log.read_bytes())]
    whole = read_stdout(log)
    assert whole.energy_ev == pytest.approx(printed[-1] * RYDBERG_EV, abs=1e-9) and printed[-1] != printed[-2]
    start, last, rest = log.read_bytes().rpartition(b"!    total energy")
    lost = read_stdout(changed(tmp_path, log, lambda _: start + b"?    total energy" + rest))
    assert last and lost.energy_ev is None and lost.fermi_ev == whole.fermi_ev
    start, last, rest = log.read_bytes().rpartition(b"the Fermi energy is")
    lost = read_stdout(changed(tmp_path, log, lambda _: start + b"the Fermi enexgy is" + rest))
    assert last and lost.fermi_ev is None and lost.energy_ev == whole.energy_ev


def test_a_fermi_level_that_is_no_number_costs_nothing_else_of_the_xml(tmp_path: Path) -> None:
    whole = read_pw_xml(XML)
    found = read_pw_xml(
        changed(tmp_path, XML, lambda text: re.sub(rb"<fermi_energy>[^<]+<", b"<fermi_energy> *** <", text))
    )
    assert list(found.lost) == ["fermi"] and found.fermi_ev == () != whole.fermi_ev
    assert found.last.energy_ev == whole.last.energy_ev
    assert found.eigenvalues is not None and whole.eigenvalues is not None


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(mutations.MUTATORS), seed=st.integers(0, 2**30))
def test_any_damage_ends_in_a_parse_error_or_a_value(tmp_path: Path, kind: str, name: str, seed: int) -> None:
    source, read = READERS[kind]
    file = tmp_path / "damaged"
    mutant = mutations.mutate(source.read_bytes(), name, seed)
    if mutant.content is None:
        file = tmp_path
    else:
        file.write_bytes(mutant.content)
    refusal = ""
    try:
        assert read(file) is not None
    except ParseError as error:
        refusal = error.where
    assert not refusal or str(file) in refusal


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(mutations.MUTATORS), seed=st.integers(0, 2**30), data=st.data())
def test_a_damaged_file_costs_no_other(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("bands")
    sources = sorted((DATA / "bands").iterdir())
    victim = data.draw(st.sampled_from(sources))
    for source in sources:
        content: bytes | None = source.read_bytes()
        if source == victim:
            content = mutations.mutate(source.read_bytes(), name, seed).content
        if content is None:
            (folder / source.name).mkdir()
        else:
            (folder / source.name).write_bytes(content)
    for calculation in ESPRESSO().find(folder):
        reading = ESPRESSO().read(calculation)
        assert all(file.error is None or isinstance(file.error, DftflowError) for file in reading.files)
        refused = {file.file.name for file in reading.files if file.error is not None}
        told = {file.file.name for file in reading.files if "than was calculated" in str(file.error)}
        assert refused - told <= {victim.name}, "a deck that no longer agrees with the damaged run is told"
    assert ESPRESSO().diagnose(folder).status in ("finished", "truncated", "died", "scf_not_converged", "out_of_time")


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 100, gzip.compress(b"x" * 1000, mtime=0), b"\xff\xfe" * 50, b"a" * 2_000_000],
    ids=["empty", "zeros", "gzip", "no text", "one line"],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, kind: str, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ParseError):
        READERS[kind][1](tmp_path / "x")


@pytest.mark.parametrize("kind", READERS)
def test_a_folder_or_nothing_in_its_place(tmp_path: Path, kind: str) -> None:
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ParseError):
            READERS[kind][1](place)


# --- XML --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        rb"<a2>.*\n",
        rb' *<atom name="Br".*\n',
        rb"<ecutwfc>.*\n",
        rb"<nelec>.*\n",
        rb"<etot>.*\n",
    ],
)
def test_xml_without_one_of_its_parts_is_refused(tmp_path: Path, pattern: bytes) -> None:
    with pytest.raises(ParseError):
        read_pw_xml(without(pattern, tmp_path))


@pytest.mark.parametrize(
    "pattern",
    [
        rb"<nks>.*\n",
        rb"<nbnd>.*\n",
        rb"<eigenvalues[^<]*</eigenvalues>\n",
        rb" *[-+.e\d]+ [-+.e\d ]+\n(?= *</eigenvalues>)",
    ],
)
def test_damaged_eigenvalues_cost_themselves_alone(tmp_path: Path, pattern: bytes) -> None:
    run, whole = read_pw_xml(without(pattern, tmp_path)), read_pw_xml(XML)
    assert run.eigenvalues is None and "bands" in run.lost and not whole.lost
    assert run.last.energy_ev == whole.last.energy_ev and run.fermi_ev == whole.fermi_ev


@pytest.mark.parametrize(
    ("part", "pattern"),
    [
        ("forces", rb"(<forces[^>]*>\s*)[-+.e\d]+"),
        ("stress", rb"(<stress[^>]*>\s*)[-+.e\d]+"),
        ("energy", rb"(<etot>)[-+.e\d]+"),
    ],
)
@pytest.mark.parametrize("text", [b"NaN", b"****************", b"-Infinity"])
def test_a_number_that_was_not_printed_costs_its_quantity_alone(
    tmp_path: Path, part: str, pattern: bytes, text: bytes
) -> None:
    head, _, body = XML.read_bytes().partition(b"<output>")
    assert re.search(pattern, body)
    damaged = re.sub(pattern, rb"\g<1>" + text, body, count=1)
    run = read_pw_xml(changed(tmp_path, XML, lambda _: head + b"<output>" + damaged))
    here = {
        "forces": run.last.forces_ev_per_ang,
        "stress": run.last.stress_gpa,
        "energy": run.last.energy_ev,
    }
    assert list(run.lost) == [part] and run.eigenvalues is not None
    assert [name for name, value in here.items() if value is None] == [part]


def without(pattern: bytes, tmp_path: Path) -> Path:
    """The XML without what `pattern` finds first in its output."""
    head, _, body = XML.read_bytes().partition(b"<output>")
    assert re.search(pattern, body)
    return changed(tmp_path, XML, lambda _: head + b"<output>" + re.sub(pattern, b"", body, count=1))


def test_every_line_twice_or_gone_changes_no_number(tmp_path: Path) -> None:
    lines = XML.read_bytes().split(b"\n")
    whole = read_pw_xml(XML)
    start = next(i for i, line in enumerate(lines) if b"<output>" in line)
    for at in range(start, len(lines), 3):
        for mutant in (lines[:at] + lines[at + 1 :], [*lines[:at], lines[at], *lines[at:]]):
            file = changed(tmp_path, XML, lambda _, mutant=mutant: b"\n".join(mutant))
            try:
                run = read_pw_xml(file)
            except ParseError:
                continue
            assert run.last.energy_ev in (whole.last.energy_ev, run.last.free_energy_ev)
            assert run.cutoff_ev == whole.cutoff_ev and run.n_electrons == whole.n_electrons
            if run.eigenvalues is not None:
                np.testing.assert_array_equal(run.eigenvalues.values_ev, whole.eigenvalues.values_ev)
            np.testing.assert_array_equal(run.last.structure.frac_coords, whole.last.structure.frac_coords)


def test_xml_with_entities_is_refused_before_they_grow(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "' + b"&a;" * 1000 + b'">]>'
    file = changed(tmp_path, XML, lambda content: content.replace(b"?>", b"?>" + bomb, 1))
    with pytest.raises(ParseError, match="document type"):
        read_pw_xml(file)


def test_xml_nested_too_deep_is_refused(tmp_path: Path) -> None:
    file = changed(tmp_path, XML, lambda content: content.replace(b"<output>", b"<output>" + b"<a>" * 100_000))
    with pytest.raises(ParseError, match="too deep"):
        read_pw_xml(file)


@pytest.mark.parametrize("kind", ["xml", "grid", "table"])
def test_line_ends_of_windows_are_legal(tmp_path: Path, kind: str) -> None:
    source, read = READERS[kind]
    file = changed(tmp_path, source, lambda content: content.replace(b"\n", b"\r\n"))
    before, after = read(source), read(file)
    for name in ("values_ev", "eigenvalues"):
        if hasattr(before, name):
            a, b = getattr(before, name), getattr(after, name)
            np.testing.assert_array_equal(getattr(a, "values_ev", a), getattr(b, "values_ev", b))
    if kind == "table":
        np.testing.assert_array_equal(before[1], after[1])  # type: ignore[index]


def test_latin_1_in_a_title_is_legal(tmp_path: Path) -> None:
    file = changed(tmp_path, XML, lambda content: re.sub(rb"<title>[^<]*", b"<title>caf\xe9 \xc5", content))
    assert read_pw_xml(file).last.energy_ev == read_pw_xml(XML).last.energy_ev


@pytest.mark.parametrize("text", [b"1_0", b"1e400", b"\xd9\xa1", b""])
def test_what_is_no_number_is_refused(tmp_path: Path, text: bytes) -> None:
    file = changed(tmp_path, XML, lambda content: re.sub(rb"<etot>[^<]*", b"<etot>" + text, content))
    with pytest.raises(ParseError, match="etot"):
        read_pw_xml(file)


# --- grid and table ---------------------------------------------------------------------------------------------


def test_a_grid_too_large_for_its_file_is_refused(tmp_path: Path) -> None:
    file = changed(tmp_path, GRID, lambda content: content.replace(b"      18", b"   99999"))
    with pytest.raises(ParseError, match="no room"):
        grid(file)


@pytest.mark.parametrize("at", [20, 500, -2])
def test_a_row_of_the_grid_gone_or_twice_is_refused(tmp_path: Path, at: int) -> None:
    lines = GRID.read_bytes().split(b"\n")
    for mutant in (lines[:at] + lines[at + 1 :], [*lines[:at], lines[at], *lines[at:]]):
        with pytest.raises(ParseError, match=r"lines of values|values, expected"):
            grid(changed(tmp_path, GRID, lambda _, mutant=mutant: b"\n".join(mutant)))


def test_a_density_is_no_potential(tmp_path: Path) -> None:
    file = changed(tmp_path, GRID, lambda content: content.replace(b"    11\n", b"     0\n", 1))
    with pytest.raises(ParseError, match="plot_num = 0"):
        grid(file)


@pytest.mark.parametrize("at", [3, 90])
def test_a_row_of_the_table_gone_or_twice_is_refused(tmp_path: Path, at: int) -> None:
    lines = TABLE.read_bytes().split(b"\n")
    for mutant in (lines[:at] + lines[at + 1 :], [*lines[:at], lines[at], *lines[at:]]):
        with pytest.raises(ParseError, match="equal distances"):
            read_average(changed(tmp_path, TABLE, lambda _, mutant=mutant: b"\n".join(mutant)))


def test_a_table_cut_at_a_line_is_refused_with_its_run(tmp_path: Path) -> None:
    for file in (DATA / "slab").iterdir():
        content = file.read_bytes()
        (tmp_path / file.name).write_bytes(b"".join(content.splitlines(True)[:150]) if file == TABLE else content)
    (calculation,) = ESPRESSO().find(tmp_path)
    refused = [file for file in ESPRESSO().read(calculation).files if file.error is not None]
    assert [file.file.name for file in refused] == ["slab.average.dat"]
    assert "reach over" in str(refused[0].error)


# --- analytic grid ----------------------------------------------------------------------------------------------


def test_the_first_index_runs_fastest_and_padding_is_cut(tmp_path: Path) -> None:
    """Values 100 i + 10 j + k in Ry on 2 x 3 x 2 points, in a box of 3 x 3."""
    numbers = [100.0 * i + 10 * j + k if i < 2 else 9.9 for k in range(2) for j in range(3) for i in range(3)]
    rows = [numbers[n : n + 5] for n in range(0, len(numbers), 5)]
    text = ["title", "3 3 2 2 3 2 1 1", "0 10.0 0 0 0 0 0", "1 0 0", "0 1 0", "0 0 2", "1.0 4.0 30.0 11", "1 H 1.00"]
    text += ["1 0.0 0.0 0.0 1"] + [" ".join(f"{x:.9E}" for x in row) for row in rows]
    (tmp_path / "a.pot").write_text("\n".join(text) + "\n")
    found = read_potential_grid(tmp_path / "a.pot", ZERO)
    i, j, k = np.meshgrid(range(2), range(3), range(2), indexing="ij")
    np.testing.assert_allclose(found.values_ev, (100 * i + 10 * j + k) * 13.6056931, rtol=1e-7)
    np.testing.assert_allclose(found.cell_ang.diagonal(), [5.29177, 5.29177, 10.58354], rtol=1e-5)
