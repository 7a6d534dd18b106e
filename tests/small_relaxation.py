"""A study that the engine calculates in seconds: the ions of CsBr are relaxed, then come its bands."""

from __future__ import annotations

from pathlib import Path

__all__ = ["lay_small_relaxation"]

STUDY = """\
schema = 1
title = "CsBr, pushed"
preset = "tiny"

[presets.tiny]
description = "a relaxation of the ions and bands"
accuracy = "none"
bulk_relax = "ions"
slabs = false
slab_thickness_ang = 8.0
vacuum_ang = 13.0
path_spacing_per_ang = 1.0
grids = "coarse"
empty_bands = 2

[materials.CsBr]
structure = "CsBr.extxyz"
cutoff_ev = {cutoff_ev}
relax_kpoints = [1, 1, 1]
bands_kpoints = [1, 1, 1]
"""
CSBR = """\
2
Lattice="4.2 0 0 0 4.2 0 0 0 4.2" Properties=species:S:1:pos:R:3 pbc="T T T"
Cs 0 0 0
Br 2.1 2.1 2.35
"""


def lay_small_relaxation(folder: Path, *, cutoff_ev: float = 150.0) -> Path:
    """Put the study and its crystal into `folder`; gives the study's file."""
    (folder / "CsBr.extxyz").write_text(CSBR)
    file = folder / "study.toml"
    file.write_text(STUDY.format(cutoff_ev=cutoff_ev))
    return file
