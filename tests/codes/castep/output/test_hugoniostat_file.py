"""Hugoniostat averages from .hug."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dftflow.codes.castep.output.hugoniostat_file import Hugoniostat, read_hugoniostat
from dftflow.errors import ParseError

States = list[tuple[float, float, float, float]]
STATES: States = [(0.99, 36.5, -0.25, 0.125), (0.9, 2040.0, 6.5, -1210.75)]
numbers = st.tuples(
    st.floats(0.01, 2, allow_subnormal=False),
    st.floats(0, 1e6),
    *[st.floats(-1e6, 1e6)] * 2,
)


def text(states: States) -> str:
    return "".join(f"  {c:14.12f} {t:18.8f}{p:18.8f}{e:18.8f}  <-- cTPE\n" for c, t, p, e in states)


def read(folder: Path, content: str) -> Hugoniostat:
    file = folder / "a.hug"
    file.write_bytes(content.encode("latin-1"))
    return read_hugoniostat(file)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(numbers, min_size=1, max_size=5), newline=st.sampled_from(["\n", "\r\n"]))
def test_states_come_back(states: States, newline: str, tmp_path: Path) -> None:
    found = read(tmp_path, text(states).replace("\n", newline))
    assert not found.incomplete
    back = [(s.compression, s.temperature_k, s.pressure_gpa, s.energy_ev) for s in found.states]
    assert [len(state) for state in back] == [4] * len(states)
    for got, given_ in zip(back, states, strict=True):
        assert got == pytest.approx(given_, abs=1e-8)


def test_other_units_are_converted(tmp_path: Path) -> None:
    file = tmp_path / "a.hug"
    file.write_text(text(STATES))
    state = read_hugoniostat(file, pressure_unit_gpa=0.1, energy_unit_ev=27.0, temperature_unit_k=2.0).states[0]
    assert (state.temperature_k, state.pressure_gpa, state.energy_ev) == pytest.approx((73.0, -0.025, 3.375))


def test_a_cut_last_line_is_left_out(tmp_path: Path) -> None:
    content = text(STATES)
    first = content.index("\n") + 1
    for cut in range(first + 1, len(content) - 1):
        found = read(tmp_path, content[:cut])
        assert len(found.states) == 1
        assert found.incomplete is bool(content[first:cut].strip())
    assert len(read(tmp_path, content[:-1]).states) == 2
    with pytest.raises(ParseError, match="no state"):
        read(tmp_path, content[: first - 10])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("36.50000000", "***********"),
        ("0.990000000000", "0.99000000000 "),
        ("0.990000000000", "0.000000000000"),
        ("36.50000000", "-6.50000000"),
        ("36.50000000", "36.5000000 "),
        ("36.50000000", "        NaN"),
        ("cTPE", "cTP"),
        ("-0.25000000", ""),
    ],
)
def test_damage_is_refused_with_its_line(old: str, new: str, tmp_path: Path) -> None:
    with pytest.raises(ParseError, match=r"a\.hug:2"):
        read(tmp_path, "\n" + text(STATES).replace(old, new, 1))


@pytest.mark.parametrize("content", ["", "\n \n", "\x1f\x8b\x08\x00\xff\n"])
def test_what_holds_no_state_is_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(ParseError):
        read(tmp_path, content)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="cannot be read"):
        read_hugoniostat(tmp_path)


def test_a_published_curve(castep_data: Path) -> None:
    found = read_hugoniostat(castep_data / "oerc0122+castep_outputs/test/data_files/test.hug")
    assert not found.incomplete
    assert [state.compression for state in found.states] == pytest.approx([0.99, 0.943272613764, 0.865294155381])
    temperatures, pressures = zip(*((s.temperature_k, s.pressure_gpa) for s in found.states), strict=True)
    assert temperatures == pytest.approx((36.31531287, 40.07750465, 58.07130958))
    assert pressures == pytest.approx((0.41888602, 0.63662992, 1.30346964))
