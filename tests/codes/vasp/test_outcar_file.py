"""OUTCAR: how a run ended."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.codes.vasp.outcar_file import read_outcar
from dftflow.errors import DftflowError, ParseError


def write(folder: Path, text: str) -> Path:
    file = folder / "OUTCAR"
    file.write_bytes(text.encode("latin-1"))
    return file


def attempt(read: Callable[..., object], *arguments: object) -> object:
    """What `read` gives, or the error of ours that it raises."""
    try:
        return read(*arguments)
    except DftflowError as error:
        return error


def test_energies_cost_and_end(folder, make_outcar):
    found = read_outcar(write(folder, make_outcar()))
    assert found.version == "6.4.2"
    assert (found.energy_ev, found.free_energy_ev, found.fermi_ev) == (-10.4, -10.5, 1.4)
    assert found.wall_time_s == 47.5
    assert found.peak_memory_mib == pytest.approx(62440 / 1024)
    assert found.ended
    assert found.is_relaxation is False


@pytest.mark.parametrize(
    ("version", "cycles", "reached", "converged"),
    [
        ("6.4.2", 10, True, True),
        ("6.4.2", 10, False, False),
        ("5.4.4.18Apr17", 9, True, True),
        ("5.4.4.18Apr17", 10, True, False),
    ],
)
def test_vasp_5_calls_every_scf_converged(folder, make_outcar, version, cycles, reached, converged):
    text = make_outcar(version=version, cycles=cycles, nelm=10, reached=reached)
    assert read_outcar(write(folder, text)).scf_converged is converged


def test_a_number_that_vasp_could_not_print_does_not_leave_an_older_one(folder, make_outcar):
    text = make_outcar() + "  energy  without entropy=   ************  energy(sigma->0) =   ************\n"
    assert read_outcar(write(folder, text)).energy_ev is None


def test_a_geometry_without_numbers_does_not_have_those_of_the_one_before(folder, make_outcar):
    text = make_outcar(nsw=5)
    found = read_outcar(write(folder, text + "----- Iteration      2(   1)  -----\n"))
    assert (found.ionic_step, found.energy_ev, found.free_energy_ev, found.fermi_ev) == (2, None, None, None)
    same = read_outcar(write(folder, text + "----- Iteration      1(   4)  -----\n"))
    assert (same.ionic_step, same.energy_ev, same.free_energy_ev, same.fermi_ev) == (1, -10.4, -10.5, 1.4)


def test_half_a_line_tells_nothing(folder, make_outcar):
    text = make_outcar()
    elapsed = text.index("47.5")
    assert read_outcar(write(folder, text[: elapsed + 2])).wall_time_s is None
    assert read_outcar(write(folder, text[: elapsed + 5])).wall_time_s == 47.5


def test_relaxed_and_stopped(folder, make_outcar):
    assert read_outcar(write(folder, make_outcar(nsw=5, relaxed=True))).relaxed
    stopped = read_outcar(write(folder, make_outcar(nsw=5, extra=" soft stop encountered!  aborting job ...")))
    assert stopped.stopped
    assert not stopped.relaxed


def test_crlf_changes_nothing(folder, make_outcar):
    plain = read_outcar(write(folder, make_outcar()))
    assert read_outcar(write(folder, make_outcar().replace("\n", "\r\n"))) == plain


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"hello\n", b" vasp.6.4"])
def test_another_file_is_refused(folder, content):
    (folder / "OUTCAR").write_bytes(content)
    with pytest.raises(ParseError):
        read_outcar(folder / "OUTCAR")


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300), cut=st.integers(0, 1200))
def test_any_bytes_end_in_a_result_or_an_error_of_ours(make_outcar, content, cut):
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "OUTCAR"
        file.write_bytes(make_outcar().encode()[:cut] + content)
        found = attempt(read_outcar, file)
        assert isinstance(found, DftflowError) or found.version
