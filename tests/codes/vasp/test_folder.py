"""VASP's files under the names, and in the forms, that people keep them in."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from vasp_files import Run, outcar, outcar_of

from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.cli.main import main
from dftflow.codes.vasp import VASP

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress
}  # fmt: skip
XML = Run().xml().encode("latin-1")


def gap_ev(folder: Path) -> float:
    (calculation,) = VASP().find(folder)
    results = VASP().read(calculation).results
    assert results is not None
    edges = calculation_levels(results).edges
    assert edges is not None
    return edges.band_gap_ev


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize(
    "name", ["vasprun.xml", "vasprun.xml.relax1", "vasprun.static.xml", "vasprun_hse.xml", "Si-vasprun.xml"]
)
def test_names_and_compressions(name: str, ending: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}{ending}").write_bytes(PACK[ending](XML))
    assert gap_ev(tmp_path) == pytest.approx(1.4)


def test_files_of_one_word_are_one_calculation(tmp_path: Path) -> None:
    """As custodian leaves them: each relaxation under a word of its own, beside the last run."""
    for word, gap in (("relax1", 1.0), ("relax2", 2.0), ("", 3.0)):
        run = Run()
        run.eigenvalues = run.eigenvalues.copy()
        run.eigenvalues[..., 4:] += gap - 1.4
        end = f".{word}.gz" if word else ""
        pack = gzip.compress if word else bytes
        (tmp_path / f"vasprun.xml{end}").write_bytes(pack(run.xml().encode()))
        (tmp_path / f"OUTCAR{end}").write_bytes(pack(outcar().encode()))
    found = {calculation.seed: VASP().read(calculation).results for calculation in VASP().find(tmp_path)}
    gaps = {seed: calculation_levels(results).edges for seed, results in found.items() if results is not None}
    assert {seed: edges and round(edges.band_gap_ev, 4) for seed, edges in gaps.items()} == {
        "relax1": 1.0,
        "relax2": 2.0,
        tmp_path.name: 3.0,
    }
    assert all(results is not None and results.wall_time_s == 47.5 for results in found.values())


def test_other_files_with_such_a_word_are_none(tmp_path: Path) -> None:
    for name in ("OUTCAR.md", "my-vasprun.xml", "vasprun.log", "notes_OUTCAR", "LOCPOT.png", "INCAR.relax"):
        (tmp_path / name).write_text("something else\n")
    assert VASP().find(tmp_path) == ()


def test_outcar_alone_compressed(tmp_path: Path) -> None:
    (tmp_path / "OUTCAR.gz").write_bytes(gzip.compress(outcar_of(Run()).encode()))
    assert gap_ev(tmp_path) == pytest.approx(1.4)


def test_what_is_not_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vaspout.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert main(["parse", str(tmp_path)]) == 0
    assert "vaspout.h5  results as HDF5: not read" in capsys.readouterr().out
    (tmp_path / "vasprun.xml").write_bytes(XML)
    (tmp_path / "vasprun.xml.gz").write_bytes(gzip.compress(XML))
    (tmp_path / "EIGENVAL").write_text("eigenvalues\n")
    assert main(["parse", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for line in ("vaspout.h5", "EIGENVAL", "vasprun.xml.gz"):
        assert any(line in shown and "not read" in shown for shown in out.splitlines()), line


def test_a_damaged_archive_is_named_and_costs_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vasprun.xml.gz").write_bytes(gzip.compress(XML)[:-30])
    (tmp_path / "OUTCAR").write_text(outcar_of(Run()))
    assert main(["parse", str(tmp_path)]) == 6
    out = capsys.readouterr().out
    assert "REFUSED: the compressed file is damaged or cut short" in out and "1.4000 eV" in out
