from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

STUDY = """\
schema = 1
title = "CsBr"
code = "gpaw"

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
cell = "isotropic"
band_edge = "G"

[[materials.CsBr.slabs]]
miller = [1, 1, 0]
setting = "cubic"
"""


@pytest.fixture
def write_study(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small study, with some of its text replaced."""

    def write(*changes: tuple[str, str]) -> Path:
        text = STUDY
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "study.toml"
        file.write_text(text)
        return file

    return write
