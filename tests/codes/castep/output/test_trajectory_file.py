"""Trajectories: .geom, .md and .ts hold what the .castep beside them prints, and nothing damaged is taken for whole."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dftflow.codes.castep.output.trajectory_file import Trajectory, read_trajectory
from dftflow.errors import ParseError
from dftflow.units import BOHR_ANG, BOLTZMANN_EV_PER_K, HARTREE_EV

ADDONS = "asamli+aiida-castep-addons/tests/registry"
AIIDA = "zhubonan+aiida-castep/tests/data"
APLOWMAN = "aplowman+castep-parse/tests/castep_files"
PAIRS = [
    (f"{AIIDA}/Si-geom-stress", "aiida"),
    (f"{AIIDA}/O2-geom-spin", "aiida"),
    (f"{APLOWMAN}", "GO_cell"),
    (f"{APLOWMAN}", "GO_max_geom"),
    (f"{APLOWMAN}", "GO_single_iter"),
    (f"{ADDONS}/Fe_magnetic/calc-000/out", "aiida"),
    (f"{ADDONS}/IrO2-TiO2_alloy/calc-1/out", "aiida"),
]
SPECIES = [("Ga", 1), ("Ga", 2), ("As:up", 1)]
KINDS = ["geometry", "dynamics", "transition state"]


# --- a writer of the three formats ------------------------------------------------------------------------------


def number(value: float, decimals: int) -> str:
    mantissa, exponent = f"{value:.{decimals}E}".split("E")
    return f"{mantissa}E{int(exponent):+04d}".rjust(decimals + 11)


def row(mark: str, values: np.ndarray, decimals: int, label: str = " " * 18) -> str:
    numbers = "".join(number(value, decimals) for value in values)
    return f"{label}{numbers.ljust(3 * (decimals + 11))}  <-- {mark}"


def sample(kind: str, n: int, *, stress: bool = True) -> dict[str, np.ndarray]:
    """A frame's numbers in atomic units, in the order of the format."""
    random = np.random.default_rng(n)
    values = {"E": random.normal(size=(1, 3 if kind == "dynamics" else 2))}
    if kind == "dynamics":
        values |= {"T": random.uniform(size=(1, 1))} | ({"P": random.normal(size=(1, 1))} if stress else {})
    values["h"] = random.normal(size=(3, 3)) + 10 * np.eye(3)
    if stress:
        values |= {mark: random.normal(size=(3, 3)) for mark in (("hv", "S") if kind == "dynamics" else ("S",))}
        values["S"] = values["S"] + values["S"].T
    return values | {mark: random.normal(size=(3, 3)) for mark in ("RVF" if kind == "dynamics" else "RF")}


def block(kind: str, n: int, *, decimals: int = 16, stress: bool = True) -> list[str]:
    along = number(82.5 * n, decimals).strip()
    first = {
        "geometry": f"{n:39d}                                     T   F   T   F            <-- c",
        "dynamics": f"{along:>{18 + decimals + 11}}",
        "transition state": f" {('REA', 'PRO', 'TST')[min(n, 2)]} {n:4d}      {along}",
    }
    lines = [first[kind]]
    for mark, values in sample(kind, n, stress=stress).items():
        for index, three in enumerate(values):
            label = " {:8s} {:8d}".format(*SPECIES[index]) if mark in "RVF" else " " * 18
            lines.append(row(mark, three, decimals, label))
    return lines


def text(kind: str, frames: int, *, decimals: int = 16, stress: bool = True, title: str = "") -> str:
    lines = [" BEGIN header", f" {title}", " END header", " "]
    for n in range(frames):
        lines += [*block(kind, n, decimals=decimals, stress=stress), "  "]
    return "\n".join(lines) + "\n"


def read(folder: Path, content: str | bytes) -> Trajectory:
    file = folder / "a.geom"
    file.write_bytes(content.encode("latin-1") if isinstance(content, str) else content)
    return read_trajectory(file)


def refused(folder: Path, content: str | bytes, message: str) -> int:
    """The line at which `content` is refused."""
    with pytest.raises(ParseError, match=message or None) as caught:
        read(folder, content)
    return int(caught.value.where.rpartition(":")[2])


# --- what was written comes back --------------------------------------------------------------------------------


@pytest.mark.parametrize("decimals", [8, 16])
@pytest.mark.parametrize("stress", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_come_back_in_units_of_dftflow(kind: str, stress: bool, decimals: int, tmp_path: Path) -> None:
    trajectory = read(tmp_path, text(kind, 3, decimals=decimals, stress=stress, title="a title"))
    assert (trajectory.kind, trajectory.title, trajectory.incomplete) == (kind, "a title", False)
    assert trajectory.species == tuple(SPECIES)
    assert len(trajectory.frames) == 3
    # CODATA 2022 (https://physics.nist.gov/cuu/Constants/)
    force, gpa, velocity = 51.4220675112, 29421.015697, 2.18769126216e16
    for n, frame in enumerate(trajectory.frames):
        values, close = sample(kind, n, stress=stress), {"rtol": 1e-7 if decimals == 8 else 1e-10}
        np.testing.assert_allclose(frame.energy_ev, values["E"][0, 0] * HARTREE_EV, **close)
        np.testing.assert_allclose(frame.cell_ang, values["h"] * BOHR_ANG, **close)
        np.testing.assert_allclose(frame.positions_ang, values["R"] * BOHR_ANG, **close)
        np.testing.assert_allclose(frame.forces_ev_per_ang, values["F"] * force, **close)
        assert (frame.stress_gpa is not None) is stress
        if frame.stress_gpa is not None:
            np.testing.assert_allclose(frame.stress_gpa, values["S"] * gpa, rtol=1e-7)
        assert (frame.velocities_ang_per_s is not None) is (kind == "dynamics")
        if frame.velocities_ang_per_s is not None:
            np.testing.assert_allclose(frame.velocities_ang_per_s, values["V"] * velocity, rtol=1e-7)


def test_a_geometry_has_iteration_and_flags(tmp_path: Path) -> None:
    frame = read(tmp_path, text("geometry", 3)).frames[2]
    assert frame.iteration == 2 and frame.time_s is None and frame.hamiltonian_ev is None
    assert frame.enthalpy_ev == pytest.approx(sample("geometry", 2)["E"][0, 1] * HARTREE_EV)
    assert frame.converged is not None
    converged = frame.converged
    assert (converged.energy, converged.force, converged.displacement, converged.stress) == (True, False, True, False)


def test_dynamics_has_time_and_temperature(tmp_path: Path) -> None:
    frame = read(tmp_path, text("dynamics", 3)).frames[2]
    values = sample("dynamics", 2)
    assert frame.iteration is None and frame.enthalpy_ev is None and frame.converged is None
    assert frame.time_s == pytest.approx(165.0 * 2.4188843265864e-17)
    assert frame.hamiltonian_ev == pytest.approx(values["E"][0, 1] * HARTREE_EV)
    assert frame.kinetic_ev == pytest.approx(values["E"][0, 2] * HARTREE_EV)
    assert frame.temperature_k == pytest.approx(values["T"][0, 0] * HARTREE_EV / BOLTZMANN_EV_PER_K)
    assert frame.pressure_gpa == pytest.approx(values["P"][0, 0] * 29421.015697)


def test_dynamics_without_stress_has_no_pressure(tmp_path: Path) -> None:
    assert read(tmp_path, text("dynamics", 1, stress=False)).frames[0].pressure_gpa is None


def test_old_files_write_the_temperature_with_two_digits_of_exponent(tmp_path: Path) -> None:
    content = re.sub(r"(\S+E[+-])0(\d\d)( +<-- T)", r" \1\2\3", text("dynamics", 1, decimals=8))
    frame = read(tmp_path, content).frames[0]
    expected = sample("dynamics", 0)["T"][0, 0] * HARTREE_EV / BOLTZMANN_EV_PER_K
    assert frame.temperature_k == pytest.approx(expected, rel=1e-7)
    refused(tmp_path, re.sub(r"(E[+-]\d)\d( +<-- T)", r"\1 \2", content), "no row")
    three = text("dynamics", 1, decimals=8)
    refused(tmp_path, re.sub(r"(E[+-]\d\d)\d( +<-- T)", r"\1 \2", three), "not in its column")


def test_a_search_has_points_on_its_path(tmp_path: Path) -> None:
    content = text("transition state", 3).replace(" REA", " TSTYPE LSTMax\n REA").replace(" TST ", " TSTYPE QST\n TST ")
    trajectory = read(tmp_path, content)
    assert [frame.point for frame in trajectory.frames] == ["reactant", "product", "transition state"]
    assert [frame.path_coordinate for frame in trajectory.frames] == [0.0, 82.5, 165.0]
    assert [frame.search for frame in trajectory.frames] == ["LSTMax", "LSTMax", "QST"]


def test_iterations_may_be_skipped(tmp_path: Path) -> None:
    lines = [" BEGIN header", "", " END header", "", *block("geometry", 1), "", *block("geometry", 5), ""]
    assert [frame.iteration for frame in read(tmp_path, "\n".join(lines) + "\n").frames] == [1, 5]


@pytest.mark.parametrize("kind", KINDS)
def test_line_ends_and_latin_1_give_the_same_numbers(kind: str, tmp_path: Path) -> None:
    plain = read(tmp_path, text(kind, 2))
    other = read(tmp_path, text(kind, 2, title="Oberfläche, 5 Å").replace("\n", "\r\n"))
    assert other.title == "Oberfläche, 5 Å"
    for a, b in zip(plain.frames, other.frames, strict=True):
        np.testing.assert_array_equal(a.positions_ang, b.positions_ang)
        np.testing.assert_array_equal(a.forces_ev_per_ang, b.forces_ev_per_ang)
        assert (a.energy_ev, a.iteration, a.time_s) == (b.energy_ev, b.iteration, b.time_s)


def test_a_last_frame_without_a_line_end_is_whole(tmp_path: Path) -> None:
    trajectory = read(tmp_path, text("geometry", 2).rstrip())
    assert len(trajectory.frames) == 2 and not trajectory.incomplete


# --- a run that goes on -----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(KINDS), share=st.floats(0.0, 1.0))
def test_wherever_the_file_is_cut_the_whole_frames_stay(kind: str, share: float, tmp_path: Path) -> None:
    content = text(kind, 3)
    cut = round(share * len(content))
    starts = [content.index(block(kind, n)[0]) for n in range(3)]
    ends = [content.index(block(kind, n)[-1]) + len(block(kind, n)[-1].rstrip()) for n in range(3)]
    whole, begun = sum(end <= cut for end in ends), sum(len(content[start:cut].strip(" ")) > 0 for start in starts)
    if whole == 0:
        refused(tmp_path, content[:cut], "no frame|empty|no end|cannot begin") if cut else None
        return
    trajectory = read(tmp_path, content[:cut])
    assert len(trajectory.frames) == whole
    assert trajectory.incomplete is (begun > whole)
    np.testing.assert_allclose(trajectory.frames[-1].positions_ang, sample(kind, whole - 1)["R"] * BOHR_ANG)


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_line_is_named(kind: str, tmp_path: Path) -> None:
    lines = text(kind, 2).split("\n")
    for index in range(4, 4 + len(block(kind, 0)) + 1):
        if "<-- S" in lines[index] or "<-- hv" in lines[index] or "<-- P" in lines[index]:
            continue
        content = "\n".join(lines[:index] + lines[index + 1 :])
        assert index <= refused(tmp_path, content, "") <= index + len(block(kind, 0))


@pytest.mark.parametrize("mark", ["E", "h", "S", "R", "F"])
def test_a_row_more_is_refused(mark: str, tmp_path: Path) -> None:
    lines = text("geometry", 2).split("\n")
    last = max(n for n, line in enumerate(lines[: len(lines) // 2]) if line.endswith(f"<-- {mark}"))
    refused(tmp_path, "\n".join([*lines[: last + 1], lines[last], *lines[last + 1 :]]), "too many|is called|order")


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"\d(E[+-]\d{3} +<-- E)", r" \1"),
        (r"(E[+-]\d\d)\d( +<-- F)", r"\1 \2"),
        (r"\d\.\d{16}E[+-]\d{3}( +<-- R)", r"**********************\1"),
        (r"\d\.\d{16}E[+-]\d{3}( +<-- R)", r"                   NaN\1"),
        (r"E[+-]\d{3}( +<-- h)", r"E+300\1"),
        (r"E[+-]\d{3}( +<-- h)", r"E+999\1"),
        (r"<-- S", "<-- X"),
        (r"\d{8}(E[+-]\d{3} +<-- h)", r"\1"),
        (r"Ga        ", "Gb        "),
        (r"       2   ", "       3   "),
        (r" T   F ", " T   X "),
    ],
)
def test_damage_is_refused_with_its_line(pattern: str, replacement: str, tmp_path: Path) -> None:
    content, count = re.subn(pattern, replacement, text("geometry", 2), count=1)
    assert count == 1
    changed = [
        n
        for n, pair in enumerate(zip(content.split("\n"), text("geometry", 2).split("\n"), strict=True), 1)
        if pair[0] != pair[1]
    ]
    assert refused(tmp_path, content, "") >= changed[0]


def test_a_cell_without_volume_is_refused(tmp_path: Path) -> None:
    flat = re.sub(r"(?m)^.*<-- h$", row("h", np.array([1.0, 2.0, 3.0]), 16), text("geometry", 1))
    refused(tmp_path, flat, "no volume")


def test_a_stress_that_is_not_symmetric_is_refused(tmp_path: Path) -> None:
    lines = text("geometry", 1).split("\n")
    first = next(n for n, line in enumerate(lines) if line.endswith("<-- S"))
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    refused(tmp_path, "\n".join(lines), "not symmetric")


def test_other_atoms_in_a_later_frame_are_refused(tmp_path: Path) -> None:
    first, second = text("geometry", 1), "\n".join(block("geometry", 1)).replace("Ga ", "Al ")
    refused(tmp_path, f"{first}{second}\n", "other atoms")


def test_kinds_do_not_mix(tmp_path: Path) -> None:
    refused(tmp_path, text("geometry", 1) + "\n".join(block("dynamics", 1)) + "\n\n", "among those of kind")


@pytest.mark.parametrize("content", [b"", b"\n\n", b" BEGIN header\n\n", b"\x1f\x8b\x08\x00\xff", b"\x00" * 100])
def test_what_is_no_trajectory_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ParseError):
        read(tmp_path, content)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="cannot be read"):
        read_trajectory(tmp_path)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS),
    at=st.integers(0, 10**6),
    width=st.integers(0, 40),
    junk=st.binary(max_size=40),
)
def test_any_damage_is_refused_or_harmless(kind: str, at: int, width: int, junk: bytes, tmp_path: Path) -> None:
    content = text(kind, 2).encode()
    start = at % len(content)
    try:
        trajectory = read(tmp_path, content[:start] + junk + content[start + width :])
    except ParseError:
        return
    assert 1 <= len(trajectory.frames) <= 2
    assert all(np.isfinite(frame.positions_ang).all() for frame in trajectory.frames)


# --- published files: what the .castep prints -------------------------------------------------------------------


def last(pattern: str, log: str) -> re.Match[str]:
    return list(re.finditer(pattern, log, re.MULTILINE))[-1]


HARTREES_EV = {"2010": 27.21138505, "2014": 27.21138602, "2018": 27.211386245988}
VALUE = r"(-?\d+\.\d+)"
FORCES = rf"(?:^ \* +[A-Z][a-z]? +\d+ +{VALUE} +{VALUE} +{VALUE} +\*\n)+"
STRESS = rf"(?:^ \*  [xyz] +{VALUE} +{VALUE} +{VALUE} +\*\n)+"
CRITERIA = {"dE/ion": "energy", r"\|F\|max": "force", r"\|dR\|max": "displacement", "Smax": "stress"}


@pytest.mark.parametrize(("folder", "seed"), PAIRS)
def test_last_frame_agrees_with_the_log(folder: str, seed: str, castep_data: Path) -> None:
    frame = read_trajectory(castep_data / folder / f"{seed}.geom").frames[-1]
    log = (castep_data / folder / f"{seed}.castep").read_text(errors="replace")
    printed = last(r"finished iteration +(\d+) with enthalpy= +(\S+) eV", log)
    assert frame.iteration == int(printed[1])
    # the log counts with the Hartree of its day, which CASTEP derives from other constants to 2e-9
    hartree = HARTREES_EV[last(r"CODATA (\d+)", log)[1]]
    assert frame.enthalpy_ev is not None
    half_ev = 0.51 * 10.0 ** (int(printed[2].partition("E")[2]) - 8)
    assert frame.enthalpy_ev / HARTREE_EV * hartree == pytest.approx(
        float(printed[2]), abs=half_ev + 2e-9 * abs(frame.enthalpy_ev)
    )
    numbers = np.array(re.findall(VALUE, last(FORCES, log)[0]), dtype=float).reshape(-1, 3)
    np.testing.assert_allclose(frame.forces_ev_per_ang, numbers, atol=5.1e-6, rtol=0)
    if frame.stress_gpa is not None:
        numbers = np.array(re.findall(VALUE, last(STRESS, log)[0]), dtype=float).reshape(3, 3)
        np.testing.assert_allclose(frame.stress_gpa, numbers, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("folder", "seed"), PAIRS)
def test_flags_agree_with_the_log(folder: str, seed: str, castep_data: Path) -> None:
    trajectory = read_trajectory(castep_data / folder / f"{seed}.geom")
    log = (castep_data / folder / f"{seed}.castep").read_text(errors="replace")
    tables = re.split(r"finished iteration +(\d+) with enthalpy", log)
    printed = dict(zip(map(int, tables[1::2]), tables[2::2], strict=True))
    compared = 0
    for frame in trajectory.frames[1:]:
        assert frame.iteration is not None and frame.converged is not None
        for label, name in CRITERIA.items():
            found = re.search(rf"\| +{label} +\|.*\| *(Yes|No) *\| <-- L?BFGS", printed[frame.iteration])
            if found:
                assert getattr(frame.converged, name) is (found[1] == "Yes"), (frame.iteration, name)
                compared += 1
    assert compared or len(trajectory.frames) == 1


def test_cell_agrees_with_the_log(castep_data: Path) -> None:
    frame = read_trajectory(castep_data / AIIDA / "Si-geom-stress/aiida.geom").frames[-1]
    np.testing.assert_allclose(np.sort(np.unique(frame.cell_ang.round(6))), [0, 2.711846], atol=1.1e-6)
    assert abs(np.linalg.det(frame.cell_ang)) == pytest.approx(39.886429, abs=2e-6)


def test_a_published_search(castep_data: Path) -> None:
    trajectory = read_trajectory(castep_data / "oerc0122+castep_outputs/test/data_files/test.ts")
    assert trajectory.kind == "transition state" and not trajectory.incomplete
    assert [frame.point for frame in trajectory.frames] == ["reactant", "product", *["transition state"] * 2]
    assert {frame.search for frame in trajectory.frames} == {"TSConfirmation"}
    assert trajectory.species == (("H", 1), ("H", 2))
    barrier_ev = trajectory.frames[3].energy_ev - trajectory.frames[0].energy_ev
    assert barrier_ev == pytest.approx((1.17704630 - 1.12203721) * 27.211386, abs=1e-6)


def test_kinetic_energy_follows_from_the_velocities(tmp_path: Path) -> None:
    """One Ga atom of 69.723 u at 1 Å/fs has m v² / 2 = 69.723 · 51.8213 eV, from 1 u Å²/fs² = 103.642697 eV."""
    bohr_per_atomic_time = 1e15 / 2.18769126216364e16
    zero = number(0.0, 16)
    content = re.sub(
        r"(?m)^( Ga +1).*<-- V$", rf"\1{number(bohr_per_atomic_time, 16)}{zero}{zero}  <-- V", text("dynamics", 1)
    )
    velocity = read(tmp_path, content).frames[0].velocities_ang_per_s
    assert velocity is not None
    energy_ev = 69.723 * 103.642697 / 2 * float((velocity[0] ** 2).sum()) * 1e-30
    assert energy_ev == pytest.approx(69.723 * 51.8213, rel=1e-5)
