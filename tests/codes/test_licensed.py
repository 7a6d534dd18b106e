"""Which files are potentials: by name, and by what stands at their beginning, compressed or not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.codes.licensed import BLOCK_BYTES, HEAD_BYTES, first_bytes, why_not_handed_on

PSCTR = b" PAW_PBE Br 06Sep2000\n 7.0\n parameters from PSCTR are:\n" + b"   VRHFIN =Br: s2p5\n" * 4000


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_potential_under_another_name_is_known_by_its_content(compress: Callable[[bytes], bytes]) -> None:
    packed = compress(PSCTR)
    assert "POTCAR" in why_not_handed_on("mine.dat", packed)
    assert why_not_handed_on("mine.dat", compress(b"energies in eV\n" * 300)) == ""


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_so_is_a_large_one_of_which_the_beginning_alone_is_read(compress: Callable[[bytes], bytes]) -> None:
    """A bzip2 file tells nothing before a whole block: its first 4 KiB are not enough."""
    rows = "".join(f"{random.Random(n).random():.11f}\n" for n in range(90_000)).encode()  # 1.2 MB that hardly shrink
    packed = compress(PSCTR[:200] + rows)
    seen = first_bytes(BytesIO(packed))
    assert len(seen) < len(packed) or len(packed) < BLOCK_BYTES
    assert "POTCAR" in why_not_handed_on("mine.dat", seen)


@pytest.mark.parametrize("name", ["POTCAR", "POTCAR.xz", "Br.potcar", "Br.UPF.bz2", "Pb_00PBE.usp", "Si.psp8"])
def test_a_potential_is_known_by_its_name(name: str) -> None:
    assert why_not_handed_on(name, b"")


@pytest.mark.parametrize("name", ["POTCAR.spec", "potcar.SPEC.gz", "CsBr.cell", "results.json"])
def test_what_names_potentials_is_none(name: str) -> None:
    assert why_not_handed_on(name, b"Cs_sv\nBr\n") == ""


@given(st.sampled_from([b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\x00"]), st.binary(max_size=HEAD_BYTES))
def test_what_is_damaged_is_none(magic: bytes, rest: bytes) -> None:
    assert isinstance(why_not_handed_on("x.bin", magic + rest), str)
