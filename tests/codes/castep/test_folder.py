"""CASTEP's files, compressed, are read like plain ones."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from castep_files import write_finished

from dftflow.codes.castep import CASTEP
from dftflow.codes.finding import find_calculations
from dftflow.gate.calculation import sound
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Bands, PotentialGrid

PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
ZERO = EnergyZero(run="made", reference="cell_average")
BANDS = Bands(
    eigenvalues_ev=np.array([[[-5.0, -1.0, 2.0], [-5.1, -1.2, 1.5]]]),
    kpoints_frac=np.array([[0, 0, 0], [0.5, 0, 0]]),
    labels=("", ""),
    on_path=(-1, -1),
    reciprocal_per_ang=2 * np.pi / 4 * np.eye(3),
    n_electrons=(4.0,),
    fermi_ev=0.25,
    zero=ZERO,
)
POTENTIAL = PotentialGrid(
    values_ev=np.random.default_rng(0).normal(size=(3, 4, 5)), cell_ang=4 * np.eye(3), kind="local", zero=ZERO
)


@pytest.mark.parametrize("ending", PACK)
def test_a_compressed_calculation_is_the_plain_one(ending: str, tmp_path: Path) -> None:
    write_finished(tmp_path, "made", bands=BANDS, potential=POTENTIAL)
    (found,) = find_calculations(tmp_path)
    plain = CASTEP().read(found)
    for file in list(tmp_path.iterdir()):
        file.with_name(file.name + ending).write_bytes(PACK[ending](file.read_bytes()))
        file.unlink()
    (found,) = find_calculations(tmp_path)
    packed = CASTEP().read(found)
    assert found.seed == "made" and all(file.name.endswith(ending) for file in found.files)
    assert [(f.file.name + ending, f.kind, f.summary) for f in plain.files] == [
        (f.file.name, f.kind, f.summary) for f in packed.files
    ]
    assert plain.results is not None and packed.results is not None
    one, other = sound(plain.results).results, sound(packed.results).results
    for name in ("status", "energy_ev", "fermi", "checks", "code_version", "warnings"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.bands is not None and other.bands is not None and one.bands.zero == other.bands.zero
    assert one.potential is not None and other.potential is not None and one.potential.zero == other.potential.zero
    np.testing.assert_array_equal(one.potential.values_ev, other.potential.values_ev)


def test_a_trajectory_is_told_from_a_page_when_both_are_compressed(tmp_path: Path) -> None:
    (tmp_path / "notes.md.gz").write_bytes(gzip.compress(b"# Notes\n"))
    (tmp_path / "run.md.gz").write_bytes(gzip.compress(b" BEGIN header\n\n END header\n"))
    assert [found.seed for found in find_calculations(tmp_path, "castep")] == ["run"]


def test_a_number_in_the_name_of_a_message_is_known_behind_a_compression(tmp_path: Path) -> None:
    (tmp_path / "a.0001.err.gz").write_bytes(gzip.compress(b"Error: something\n"))
    (tmp_path / "job.err").write_text("batch\n")
    assert [found.seed for found in find_calculations(tmp_path, "castep")] == ["a"]
