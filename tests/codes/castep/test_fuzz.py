"""Damaged CASTEP files: published ones, and small ones of the kinds of which none is published whole."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from castep_files import fortran_integers, fortran_record

from dftflow.codes.castep import CASTEP

ROOT = Path(__file__).resolve().parents[3]
CELL_ANG = np.diag([4.0, 4.0, 18.0])
SHAPE = (2, 2, 9)
GRIDS = {
    ".pot_fmt": ("<a b c> pot", "Hartrees", 2),
    ".den_fmt": ("<a b c> charge", "electrons/grid_point * number of grid_points", 2),
    ".chdiff_fmt": ("<a b c> charge", "electrons/grid_point * number of grid_points", 1),
    ".elf_fmt": ("<a b c> chi_alpha chi_beta", "", 2),
}


def fuzzed(folder: Path, count: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own, whose memory is limited; a minute for each reading, which none needs."""
    argv = [sys.executable, str(ROOT / "benchmarks" / "fuzz.py"), str(folder), f"--mutations={count}"]
    return subprocess.run([*argv, "--seconds-each=60", "--readers=castep", *arguments], capture_output=True, text=True)


# --- files as CASTEP writes them --------------------------------------------------------------------------------


def grid(content: str, unit: str, spins: int) -> str:
    lines = [" BEGIN header", "", "           Real Lattice(A)               Lattice parameters(A)    Cell Angles"]
    for row, name, angle in zip(CELL_ANG, "abc", ("alpha", "beta ", "gamma"), strict=True):
        vector = "".join(f"{x:14.7f}" for x in row)
        lines.append(f"{vector}     {name} ={row.max():12.6f}  {angle} =   90.000000")
    lines += ["", f"   {spins}   F                        ! nspins, non-collinear spin"]
    lines.append("".join(f"{n:6d}" for n in SHAPE) + "                ! fine FFT grid along <a,b,c>")
    lines += [f' END header: data is "{content}"' + (f" in units of {unit}" if unit else ""), ""]
    for c, b, a in np.ndindex(SHAPE[::-1]):
        values = [0.1 * a + 0.02 * b + 0.003 * c + spin for spin in range(spins)]
        lines.append("".join(f"{n + 1:6d}" for n in (a, b, c)) + "".join(f"{value:20.6f}" for value in values))
    return "\n".join(lines) + "\n"


def binary_potential() -> bytes:
    def column(a: int, b: int) -> bytes:
        values = 0.1 * a + 0.02 * b + np.arange(SHAPE[2])
        return fortran_record(struct.pack(">2i", a + 1, b + 1) + values.astype(">c16").tobytes())

    columns = [column(a, b) for b in range(SHAPE[1]) for a in range(SHAPE[0])]
    return fortran_integers(1) + fortran_integers(*SHAPE) + b"".join(columns)


def eigenvalues() -> str:
    """Three k-points in the order of a parallel run, with another number of bands for each spin."""
    lines = ["Number of k-points   3", "Number of spin components 2", "Number of electrons  2.000  1.000"]
    lines += ["Number of eigenvalues      4     3", "Fermi energies (in atomic units)     0.013000    0.012000"]
    lines += ["Unit cell vectors", *("".join(f"{x / 0.529177:12.6f}" for x in row) for row in CELL_ANG)]
    for k in (2, 1, 3):
        lines.append(f"K-point {k:4d}  {0.1 * k:.8f}  0.00000000  0.00000000  0.33333333")
        for spin, count in ((1, 4), (2, 3)):
            lines.append(f"Spin component {spin}")
            lines += [f"{0.1 * band - 0.2 + 0.01 * k + 0.001 * spin:14.8f}" for band in range(count)]
    return "\n".join(lines) + "\n"


def dynamics() -> str:
    def number(value: float) -> str:
        mantissa, exponent = f"{value:.16E}".split("E")
        return f"{mantissa}E{int(exponent):+04d}".rjust(27)

    def row(mark: str, *values: float, label: str = " " * 18) -> str:
        return f"{label}{''.join(map(number, values)):<81}  <-- {mark}"

    lines = [" BEGIN header", "  ", " END header", "  "]
    for n in range(3):
        lines += [" " * 18 + number(82.5 * n), row("E", -1.1 - n, -1.1 + n, 0.02), row("T", 0.001 + 1e-5 * n)]
        lines += [row("h", *vector / 0.529177) for vector in CELL_ANG]
        for mark, start in (("R", 1.0), ("V", 1e-4), ("F", 1e-3)):
            lines += [row(mark, start, n * start, atom * start, label=f" H {atom:16d}") for atom in (1, 2)]
        lines.append("  ")
    return "\n".join(lines) + "\n"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A slab with every kind of file but a log."""
    rows = "\n".join(" ".join(map(str, row)) for row in CELL_ANG)
    atoms = "H 0 0 0.45\nH 0 0 0.55\n"
    cell = (
        f"%BLOCK LATTICE_CART\n{rows}\n%ENDBLOCK LATTICE_CART\n%BLOCK POSITIONS_FRAC\n{atoms}%ENDBLOCK POSITIONS_FRAC\n"
    )
    texts = {".cell": cell, ".param": "task : SinglePoint\ncut_off_energy : 300 eV\n", ".bands": eigenvalues()}
    texts |= {suffix: grid(*content) for suffix, content in GRIDS.items()} | {".md": dynamics()}
    for suffix, text in texts.items():
        (tmp_path / f"slab{suffix}").write_text(text)
    (tmp_path / "slab.cst_esp").write_bytes(binary_potential())
    return tmp_path


# --- tests ------------------------------------------------------------------------------------------------------


def test_every_written_file_is_whole(written: Path) -> None:
    (calculation,) = CASTEP().find(written)
    reading = CASTEP().read(calculation)
    assert {file.file for file in reading.files} == set(written.iterdir())
    assert [str(file.error) for file in reading.files if file.error is not None] == []


def test_damaged_files_of_every_kind(written: Path) -> None:
    done = fuzzed(written, 500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| castep ") == 9


def test_damaged_published_files(castep_data: Path) -> None:
    done = fuzzed(castep_data, 400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| castep ") >= 9
