"""Damaged files of every code: the mutators, the judge, and a few hundred mutations of what lies in ``tests/data``."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gpaw_own_files import old_log, write_own
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import load_program

from dftflow.codes.base import Calculation, Reading
from dftflow.codes.reading import FileLog
from dftflow.errors import ParseError
from dftflow.model.check import Check
from dftflow.model.results import Results

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "benchmarks" / "fuzz.py"
DATA = ROOT / "tests" / "data"


fuzz = load_program(PROGRAM)
mutations = fuzz.mutations

# --- the mutators -----------------------------------------------------------------------------------------------

TEXT = b"".join(b"K-point %4d  0.5 0.25 0.0 %12.8f\n" % (n, n / 7) for n in range(1, 40)) + b" E = -1.25E+05 eV\n"
XML = b"<?xml version='1.0'?>\n<a>\n <b>1.5 2</b>\n</a>\n"
JSON = b'{"energy_ev": -6.7,\n "numbers": [1, 1]}\n'


def _zip(tmp_path: Path) -> bytes:
    np.savez(tmp_path / "a.npz", x=np.arange(50.0), y=np.eye(3))
    return (tmp_path / "a.npz").read_bytes()


@pytest.mark.parametrize("name", mutations.MUTATORS)
def test_the_same_seed_gives_the_same_damage_and_some_seed_damages(name: str, tmp_path: Path) -> None:
    contents = (TEXT, XML, JSON, _zip(tmp_path))
    twice = [[mutations.mutate(content, name, seed).content for content in contents for seed in range(20)]] * 2
    assert twice[0] == [mutations.mutate(content, name, seed).content for content in contents for seed in range(20)]
    assert any(damaged not in contents for damaged in twice[0])


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=300), name=st.sampled_from(mutations.MUTATORS), seed=st.integers(0, 2**40))
def test_every_mutator_takes_any_bytes(content: bytes, name: str, seed: int) -> None:
    damaged = mutations.mutate(content, name, seed)
    assert (damaged.content is None) == (name == mutations.DIRECTORY)


@pytest.mark.parametrize("name", ["cut", "cut late", "behead", "delete line", "delete bytes", "empty"])
@pytest.mark.parametrize("seed", range(10))
def test_what_removes_says_what_it_removed(name: str, seed: int) -> None:
    damaged = mutations.mutate(TEXT, name, seed)
    end = damaged.start + len(damaged.touched)
    assert damaged.effect == "removes" and damaged.touched
    assert damaged.content == TEXT[: damaged.start] + TEXT[end:]


@pytest.mark.parametrize("seed", range(10))
def test_stars_are_as_wide_as_the_number(seed: int) -> None:
    damaged = mutations.mutate(TEXT, "stars", seed)
    assert damaged.content is not None and len(damaged.content) == len(TEXT)
    float(damaged.touched)
    assert damaged.content[damaged.start :].startswith(b"*" * len(damaged.touched))


def test_dos_line_ends_change_nothing_else_and_nothing_in_a_binary_file() -> None:
    assert mutations.mutate(TEXT, "crlf", 1).content == TEXT.replace(b"\n", b"\r\n")
    assert mutations.mutate(b"\0\0\n\0", "crlf", 1).content == b"\0\0\n\0"


def test_of_a_chain_nothing_can_be_said() -> None:
    damaged = mutations.mutate(TEXT, "cut+stars", 3)
    assert damaged.effect == "any" and len(damaged.content or b"") < len(TEXT)


# --- the judge, on readers that are wrong on purpose -----------------------------------------------------------

LINES = b"count 6\n" + b"".join(b"%d.5\n" % n for n in range(10, 16)) + b"Total time = 3 s\n"


def whole(text: str) -> Results:
    """Energies, as many as the head says, and a footer."""
    lines = text.splitlines(keepends=True)
    if not lines or not all(line.endswith("\n") for line in lines):
        raise ParseError("cut short")
    try:
        count = int(lines[0].removeprefix("count "))
        values = np.array([float(line.replace("_", "x")) for line in lines[1:-1]])
        seconds = float(lines[-1].removeprefix("Total time =").removesuffix(" s\n"))
    except ValueError as error:
        raise ParseError("damaged", reason=str(error)) from error
    if len(values) != count or not np.isfinite([*values, seconds]).all():
        raise ParseError("damaged")
    return Results(code="toy", code_version="1", status="finished", energy_ev=values[-1], forces_ev_per_ang=values)


def crashes(text: str) -> Results:
    return whole(f"count {int(text.split()[1])}\n{text.split(maxsplit=2)[2]}" if "*" in text else text)


def counts_nothing(text: str) -> Results:
    values = [float(line) for line in text.splitlines()[1:] if line.replace(".", "").isdigit()]
    return Results(code="toy", code_version="1", status="finished", forces_ev_per_ang=np.array(values))


def takes_the_one_before(text: str) -> Results:
    values = [line for line in text.splitlines() if line.replace(".", "").isdigit()]
    return Results(code="toy", code_version="1", status="truncated", energy_ev=float(values[-1]) if values else None)


def says_so(text: str) -> Results:
    results = takes_the_one_before(text)
    check = Check(name="every number", passed="*" not in text, detail="", concerns=("energy",))
    return Results(code="toy", code_version="1", status="truncated", energy_ev=results.energy_ev, checks=(check,))


def unix_only(text: str) -> Results:
    if "\r" in text:
        raise ParseError("not from here")
    return whole(text)


def never_ends(text: str) -> Results:
    while "*" in text:
        pass
    return whole(text)


class ToyCode:
    """One file a calculation, read by a function of its text."""

    name = "toy"

    def __init__(self, suffix: str, read: Callable[[str], Results]) -> None:
        self._suffix, self._read = suffix, read

    def find(self, folder: Path) -> tuple[Calculation, ...]:
        files = tuple(folder.glob(f"*{self._suffix}"))
        return (Calculation(code="toy", folder=folder, seed="toy", files=files),) if files else ()

    def read(self, calculation: Calculation) -> Reading:
        log = FileLog()
        results = log.take(calculation.files[0], "all", self._text, lambda _: "")
        return Reading(calculation=calculation, files=log.files, results=results)

    def _text(self, file: Path) -> Results:
        try:
            with open(file, encoding="latin-1", newline="" if self._read is unix_only else None) as stream:
                return self._read(stream.read())
        except OSError as error:
            raise ParseError("cannot be read", reason=str(error)) from error


def judged(tmp_path: Path, suffix: str, read: Callable[[str], Results], mutators: Any = None) -> set[str]:
    """Kinds of findings after 150 mutations by each of the `mutators`, 10 by each of all, 3 where each takes long."""
    file = tmp_path / f"a{suffix}"
    file.write_bytes(LINES)
    bench = fuzz.Bench(lambda _: ToyCode(suffix, read), seconds_each=0.2 if read is never_ends else None)
    target = fuzz.Target("toy", tmp_path, file, (), len(LINES))
    seeds = range(3 if read is never_ends else 150 if mutators else 10)
    found = [bench.run(target, name, seed) for name in mutators or mutations.MUTATORS for seed in seeds]
    bench.close()
    return {finding.kind for _, findings in found for finding in findings}


@pytest.mark.parametrize("suffix", [".bands", ".castep", ".cell"])
def test_a_strict_reader_has_no_findings(tmp_path: Path, suffix: str) -> None:
    assert judged(tmp_path, suffix, whole) == set()


@pytest.mark.parametrize(
    ("suffix", "read", "mutators", "kinds"),
    [
        (".toy", crashes, ["stars"], {"crash"}),
        (".toy", never_ends, ["stars"], {"slow"}),
        (".bands", counts_nothing, ["delete line", "cut"], {"accepted"}),
        (".bands", counts_nothing, ["duplicate line"], {"other number"}),
        (".geom", counts_nothing, ["stars"], {"other number"}),
        (".geom", counts_nothing, ["cut"], {"half a line"}),
        (".castep", counts_nothing, ["cut"], {"finished"}),
        (".castep", takes_the_one_before, ["stars"], {"other number"}),
        (".castep", says_so, ["stars"], set()),
        (".cell", takes_the_one_before, ["cut"], set()),
        (".cell", unix_only, ["crlf"], {"not the same"}),
    ],
)
def test_a_careless_reader_is_found_out(
    tmp_path: Path, suffix: str, read: Callable[[str], Results], mutators: list[str], kinds: set[str]
) -> None:
    assert judged(tmp_path, suffix, read, mutators) == kinds


def test_a_process_that_dies_is_a_finding_and_the_rest_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(text: str) -> Results:
        if "*" in text:
            os._exit(9)
        return whole(text)

    (tmp_path / "a.toy").write_bytes(LINES)
    code = ToyCode(".toy", dies)
    monkeypatch.setattr(fuzz.Bench.__init__, "__defaults__", (lambda _: code,))
    target = fuzz.Target("toy", tmp_path, tmp_path / "a.toy", (), len(LINES))
    options = argparse.Namespace(mutations=150, workers=1, seconds_each=60, max_kb=200)
    tally = fuzz._run_all(fuzz._Plan([target], 1, 200_000), options)
    assert {kind for kind, _, _ in tally.findings} == {"died"}
    assert tally.mutations == 150


# --- the codes --------------------------------------------------------------------------------------------------


def fuzzed(folder: Path, count: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own, whose memory is limited; a minute for each reading, which none needs."""
    argv = [sys.executable, str(PROGRAM), str(folder), f"--mutations={count}", "--seconds-each=60", *arguments]
    return subprocess.run(argv, capture_output=True, text=True)


def test_damaged_files_that_lie_in_the_tests() -> None:
    done = fuzzed(DATA, 400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| castep .cell |" in done.stdout


def gpaw_folder(folder: Path) -> None:
    """What the engine leaves of H2: three eigenvalues at six k-points, a potential of 40 heights, four geometries."""
    chance = random.Random(1)
    cell = [[5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 20.0]]
    record = {
        "status": "finished",
        "gpaw": "26.7.0",
        "ase": "3.29.0",
        "numpy": "2.4.6",
        "python": "3.11",
        "wall_time_s": 1.0,
        "peak_memory_mib": 200.0,
        "energy_ev": -6.7,
        "fermi_ev": -2.0,
        "n_electrons": 2.0,
        "numbers": [1, 1],
        "cell_ang": cell,
        "positions_ang": [[0, 0, 9.6], [0, 0, 10.4]],
        "method": {"functional": "PBE", "cutoff_ev": 400.0, "kpoints_grid": [6, 1, 1], "spin_polarised": False},
    }
    (folder / "results.json").write_text(json.dumps(record, indent=1))
    values = [[[-10.0 + chance.random(), 1.0 + chance.random(), 4.0] for _ in range(6)]]
    np.savez(
        folder / "bands.npz",
        eigenvalues_ev=np.array(values),
        kpoints_frac=np.array([[n / 10, 0, 0] for n in range(6)]),
        labels=np.array(["G", "", "", "", "", "X"]),
        on_path=np.zeros(6, dtype=int),
    )
    heights = np.cos(np.arange(40) * 2 * np.pi / 40)
    np.savez(folder / "potential.npz", planar_ev=heights, cell_ang=np.array(cell))
    names = ("energy_ev", "max_force_ev_per_ang", "max_stress_gpa", "max_displacement_ang", "volume_ang3")
    steps = [dict.fromkeys(names, chance.random()) for _ in range(4)]
    (folder / "relax.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))


def test_damaged_files_of_the_embedded_engine(tmp_path: Path) -> None:
    gpaw_folder(tmp_path)
    done = fuzzed(tmp_path, 600, "--readers=gpaw")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| gpaw ") == 3


def test_damaged_files_of_a_persons_own_gpaw(tmp_path: Path) -> None:
    for name in ("both", "old log"):
        (tmp_path / name).mkdir()
    write_own(tmp_path / "both")
    (tmp_path / "old log" / "a.txt").write_text(old_log(geometries=2), "utf-8")
    done = fuzzed(tmp_path, 600, "--readers=gpaw")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| gpaw ") == 2


def test_a_folder_without_calculations_is_said(tmp_path: Path) -> None:
    done = fuzzed(tmp_path, 10)
    assert (done.returncode, done.stderr) == (2, "there are no files of these codes\n")


def test_a_finding_can_be_made_again(tmp_path: Path) -> None:
    gpaw_folder(tmp_path)
    done = fuzzed(tmp_path, 1, f"--keep={tmp_path / 'kept'}", "--reproduce", "results.json", "cut", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused" in done.stdout
    kept = (tmp_path / "kept" / "results.json").read_bytes()
    assert kept == mutations.mutate((tmp_path / "results.json").read_bytes(), "cut", 7).content
