"""The weights that CASTEP writes for OptaDOS, in files written record by record from numbers that are chosen."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from castep_files import fortran_integers, fortran_record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strict_reading import errors

from dftflow.codes.castep.code import CASTEP
from dftflow.codes.castep.output.pdos_file import read_pdos_file
from dftflow.codes.reading import read_only
from dftflow.errors import ParseError
from dftflow.model.projections import ProjectionGroup

KPOINTS = ((0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (0.25, 0.25, 0.5))
SPECIES, IONS, SHELLS = (1, 1, 1, 1, 2, 2, 2, 2), (1,) * 8, (0, 1, 1, 1, 0, 1, 1, 1)
CELL = """\
%BLOCK LATTICE_CART
4.0 0.0 0.0
0.0 4.0 0.0
0.0 0.0 4.0
%ENDBLOCK LATTICE_CART
%BLOCK POSITIONS_FRAC
Cs 0.0 0.0 0.0
Br 0.5 0.5 0.5
%ENDBLOCK POSITIONS_FRAC
"""


def head(number: int, point: tuple[float, ...]) -> bytes:
    """What stands before the weights of a k-point."""
    return fortran_record(struct.pack(">i3d", number, *point))


def pdos(weights: np.ndarray, *, old: bool = False, order: tuple[int, ...] = (0, 1, 2)) -> bytes:
    """`weights` has the shape (n_spins, n_kpoints, n_bands, n_orbitals)."""
    n_spins, n_kpoints, n_bands, n_orbitals = weights.shape
    parts = [] if old else [fortran_record(struct.pack(">d", 1.0)), fortran_record(b"of a test".ljust(80))]
    parts += [fortran_integers(number) for number in (n_kpoints, n_spins, n_orbitals, n_bands)]
    parts += [fortran_integers(*numbers) for numbers in (SPECIES, IONS, SHELLS)]
    for k in order:
        parts.append(head(k + 1, KPOINTS[k]))
        for spin in range(n_spins):
            parts += [fortran_integers(spin + 1), fortran_integers(n_bands)]
            parts += [fortran_record(struct.pack(f">{n_orbitals}d", *band)) for band in weights[spin, k]]
    return b"".join(parts)


def bands(n_spins: int, n_bands: int) -> str:
    twice = [4.0] * n_spins
    lines = [
        f"Number of k-points {len(KPOINTS):5d}",
        f"Number of spin components {n_spins}",
        "Number of electrons " + " ".join(f"{x:.3f}" for x in twice),
        "Number of eigenvalues " + " ".join(f"{n_bands:5d}" for _ in twice),
        "Fermi energies (in atomic units) " + " ".join("    0.100000" for _ in twice),
        "Unit cell vectors",
        *("".join(f"{x:12.6f}" for x in row) for row in np.eye(3) * 4.0 / 0.529177210544),
    ]
    for k, point in enumerate(KPOINTS, 1):
        lines.append(f"K-point {k:5d} " + "".join(f"{x:12.8f}" for x in point) + "  0.33333333")
        for spin in range(n_spins):
            lines += [f"Spin component {spin + 1}", *(f"{0.1 * band - 0.3:14.8f}" for band in range(n_bands))]
    return "\n".join(lines) + "\n"


def folder(tmp_path: Path, content: bytes, *, n_spins: int = 1, name: str = "a.pdos_bin") -> Path:
    (tmp_path / "a.cell").write_text(CELL)
    (tmp_path / "a.param").write_text("task : spectral\n")
    (tmp_path / "a.bands").write_text(bands(n_spins, 5))
    (tmp_path / name).write_bytes(content)
    return tmp_path


def random(n_spins: int = 1) -> np.ndarray:
    return np.random.default_rng(3).random((n_spins, 3, 5, 8)) / 8 - 0.01


@pytest.mark.parametrize("n_spins", [1, 2])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize("name", ["a.pdos_bin", "a.pdos_weights"])
def test_the_weights_of_each_shell(n_spins: int, order: tuple[int, ...], name: str, tmp_path: Path) -> None:
    weights = random(n_spins)
    content = pdos(weights, order=order, old=name.endswith("weights"))
    reading = read_only(CASTEP(), folder(tmp_path, content, n_spins=n_spins, name=name))
    assert errors(reading) == {}
    assert reading.results is not None
    found = reading.results.projections
    assert found is not None
    assert found.groups == tuple(
        ProjectionGroup(element=element, site=site, orbital=shell)
        for site, element in enumerate(("Cs", "Br"))
        for shell in "sp"
    )
    for group, columns in enumerate(([0], [1, 2, 3], [4], [5, 6, 7])):
        assert found.weights[..., group] == pytest.approx(weights[..., columns].sum(axis=3), abs=1e-6)


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (head(2, KPOINTS[1]), head(2, (0.4, 0, 0)), "not those of the"),
        (head(2, KPOINTS[1]), head(1, KPOINTS[1]), "comes twice"),
        (fortran_integers(*SPECIES), fortran_integers(*(3 - s for s in SPECIES[:4]), *SPECIES[4:]), "species and ions"),
        (fortran_integers(*IONS), fortran_integers(*IONS[:7], 2), "species and ions"),
        (fortran_integers(*SHELLS), fortran_integers(*SHELLS[:7], 4), "no l"),
        (fortran_integers(8), fortran_integers(2_000_000_000), "do not fit"),
        (fortran_integers(5), fortran_integers(4), "5 bands, of 4"),
    ],
)
def test_what_is_not_of_this_run_is_refused(old: bytes, new: bytes, message: str, tmp_path: Path) -> None:
    place = folder(tmp_path, changed(pdos(random()), old, new))
    reading = read_only(CASTEP(), place)
    assert message in errors(reading)["a.pdos_bin"]
    assert reading.results is not None
    assert reading.results.bands is not None
    assert reading.results.projections is None


def test_without_a_geometry_nobody_knows_the_atoms(tmp_path: Path) -> None:
    place = folder(tmp_path, pdos(random()))
    (place / "a.cell").unlink()
    assert "atoms that are not known" in errors(read_only(CASTEP(), place))["a.pdos_bin"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 2200), flip=st.integers(0, 2200), bit=st.integers(0, 7))
def test_a_file_that_is_cut_or_has_a_wrong_bit_is_refused_or_read_whole(
    cut: int, flip: int, bit: int, tmp_path: Path
) -> None:
    whole, file = pdos(random()), tmp_path / "a.pdos_bin"
    if cut < len(whole):
        file.write_bytes(whole[:cut])
        with pytest.raises(ParseError):
            read_pdos_file(file)
    damaged = bytearray(whole)
    damaged[flip % len(whole)] ^= 1 << bit
    file.write_bytes(bytes(damaged))
    try:
        found = read_pdos_file(file)
    except ParseError:
        return
    assert found.weights.shape == (1, 3, 5, 8)
