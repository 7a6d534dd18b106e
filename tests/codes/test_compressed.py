"""Compressed files are read like plain ones, in bounded memory and to a bound."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from dftflow.codes import compressed
from dftflow.codes.compressed import expanded, head_of, lying_at, plain_name
from dftflow.codes.reading import FileLog
from dftflow.errors import ParseError

PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
TEXT = b"one\ntwo\nthree\n" * 1000


@pytest.fixture(params=PACK)
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / f"vasprun.xml{request.param}"
    file.write_bytes(PACK[request.param](TEXT))
    return file


def test_the_content_comes_out_under_the_plain_name(packed: Path) -> None:
    with expanded(packed) as plain:
        assert plain.read_bytes() == TEXT
        assert plain.name == "vasprun.xml" == plain_name(packed)
        assert plain.parent != packed.parent
    assert not plain.exists()


def test_a_plain_file_is_itself(tmp_path: Path) -> None:
    file = tmp_path / "OUTCAR"
    file.write_bytes(TEXT)
    with expanded(file) as plain:
        assert plain == file
    assert plain_name(file) == "OUTCAR"


def test_the_plain_file_comes_first(packed: Path) -> None:
    plain = packed.with_name("vasprun.xml")
    assert lying_at(plain) == packed
    plain.write_bytes(b"plain")
    assert lying_at(plain) == plain
    assert lying_at(packed.with_name("OUTCAR")) is None


def test_the_head_is_that_of_the_content(packed: Path) -> None:
    assert head_of(packed, 7) == b"one\ntwo"
    packed.write_bytes(b"no archive")
    assert head_of(packed, 7) == b""


@pytest.mark.parametrize("cut", [5, 40, -1])
def test_what_is_cut_short_is_refused_by_its_own_name(packed: Path, cut: int) -> None:
    packed.write_bytes(packed.read_bytes()[:cut])
    log = FileLog()
    assert log.take(packed.with_name("vasprun.xml"), "log", Path.read_bytes, lambda _: "") is None
    (noted,) = log.files
    assert noted.file == packed and noted.error is not None and noted.error.where == str(packed)


def test_what_expands_beyond_the_bound_is_refused(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "MAX_EXPANDED_BYTES", len(TEXT) - 1)
    with pytest.raises(ParseError, match="expands to more than"), expanded(packed):
        pass
    monkeypatch.setattr(compressed, "MAX_EXPANDED_BYTES", len(TEXT))
    with expanded(packed) as plain:
        assert plain.stat().st_size == len(TEXT)


def test_memory_does_not_grow_with_the_content(tmp_path: Path) -> None:
    file = tmp_path / "LOCPOT.gz"
    with gzip.open(file, "wb", compresslevel=1) as stream:
        for _ in range(64):
            stream.write(bytes(1 << 20))
    tracemalloc.start()
    with expanded(file) as plain:
        assert plain.stat().st_size == 64 << 20
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 << 20


def test_nothing_is_left_behind(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    log = FileLog()

    def refuse(file: Path) -> str:
        raise ParseError("damaged", where=f"{file}:7")

    assert log.take(packed.with_name("vasprun.xml"), "log", refuse, str) is None
    assert log.files[0].error is not None and log.files[0].error.where == f"{packed}:7"
    assert list(place.iterdir()) == []


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    log = FileLog()
    log.pass_over(tmp_path / "vaspout.h5", "results as HDF5", "vasprun.xml holds the same")
    log.pass_over(tmp_path / "x", "orbitals")
    assert [file.summary for file in log.files] == ["not read: vasprun.xml holds the same", "not read"]
