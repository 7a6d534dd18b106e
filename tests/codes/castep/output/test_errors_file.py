"""``<seed>.NNNN.err``."""

from __future__ import annotations

from pathlib import Path

import pytest

from dftflow.codes.castep.output.errors_file import read_errors
from dftflow.errors import ParseError


def test_the_message_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "a.0001.err"
    file.write_bytes(b"\r\n \r\nError in cell: 90\xb0\r\nCurrent trace stack:\r\n cell_read\r\n")
    assert read_errors(file) == "Error in cell: 90°\nCurrent trace stack:\n cell_read"


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "a.0001.err"
    file.write_bytes(b"\n")
    assert "no message" in read_errors(file)


def test_what_cannot_be_an_error_file(tmp_path: Path) -> None:
    file = tmp_path / "a.0001.err"
    file.write_bytes(b"x\n" * 600_000)
    for wrong in (file, tmp_path, tmp_path / "none.err"):
        with pytest.raises(ParseError):
            read_errors(wrong)


def test_published_files(castep_data: Path) -> None:
    files = sorted(castep_data.rglob("*.err"))
    assert len(files) >= 2
    for file in files:
        lines = read_errors(file).splitlines()
        assert "error" in lines[0].lower() and lines[1] == "Current trace stack:"
