"""Files of two columns as instruments and people write them, and what is none."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.errors import DftflowError, InputError
from dftflow.studies.measured_pattern import read_measured_pattern

ROWS = [(10 + 0.5 * n, 100 + (n % 7) * 1.5) for n in range(12)]


def text(separator: str = " ", decimal: str = ".", end: str = "\n", head: str = "") -> str:
    lines = [f"{angle:.2f}{separator}{count:.1f}".replace(".", decimal) for angle, count in ROWS]
    return head + end.join(lines) + end


WAYS = {
    "blanks": text("   "),
    "tabs": text("\t"),
    "commas": text(","),
    "commas and blanks": text(", "),
    "semicolons": text(";"),
    "decimal commas and tabs": text("\t", ","),
    "decimal commas and semicolons": text(";", ","),
    "windows": text("\t", end="\r\n"),
    "a byte-order mark": "\ufeff" + text(","),
    "a header": text(",", head="Sample,CsPbBr3\nAngle,Intensity\n[Data]\n"),
    "comments": text(head="# made by hand\n! 40 kV\n\n") + "# the end\n",
    "three columns": text(" ").replace("\n", " 3.0\n"),
    "exponents": "\n".join(f"{angle:e} {count:e}" for angle, count in ROWS),
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_write_the_same(way: str, tmp_path: Path) -> None:
    file = tmp_path / "xrd.xy"
    file.write_text(WAYS[way], encoding="utf-8", newline="")
    found = read_measured_pattern(file)
    assert found.name == "xrd"
    assert np.allclose(np.c_[found.two_theta_deg, found.intensity], ROWS)


def test_what_excel_calls_unicode(tmp_path: Path) -> None:
    (tmp_path / "xrd.txt").write_bytes(text("\t").encode("utf-16"))
    assert len(read_measured_pattern(tmp_path / "xrd.txt").intensity) == len(ROWS)


BAD = {
    "empty": ("", "0 points"),
    "words": ("nothing here\n" * 30, "0 points"),
    "a word among numbers": (text() + "end of data\n", "no angle and intensity"),
    "one column": ("\n".join(f"{n}" for n in range(30)), "0 points"),
    "falling": ("\n".join(f"{50 - n} {n}" for n in range(30)), "does not lie above"),
    "twice": (text() + text(), "does not lie above"),
    "decimal commas and commas": (text(",", ","), "does not lie above"),
    "beyond 180": ("\n".join(f"{20 * n} {n}" for n in range(30)), "between 0 and 180"),
    "flat": ("\n".join(f"{n} 5" for n in range(30)), "all intensities"),
    "infinite": ("\n".join(f"{n} 1e999" for n in range(30)), "finite"),
    "long header": ("word\n" * 300 + text(), "no angle and intensity"),
}


@pytest.mark.parametrize("way", BAD)
def test_what_is_none_is_refused_with_its_place(way: str, tmp_path: Path) -> None:
    content, told = BAD[way]
    (tmp_path / "xrd.xy").write_text(content)
    with pytest.raises(InputError) as caught:
        read_measured_pattern(tmp_path / "xrd.xy")
    assert told in str(caught.value) and "xrd.xy" in caught.value.where and caught.value.fix


def test_binary_pipes_and_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"RAW4\0\0\x01" + bytes(range(256)))
    os.mkfifo(tmp_path / "pipe")
    for name in ("raw", "pipe", ".", "nothing"):
        with pytest.raises(InputError):
            read_measured_pattern(tmp_path / name)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_anything_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "any.xy")
        file.write_bytes(content)
        with suppress(DftflowError):
            read_measured_pattern(file)
