"""Whether the planes that a study compares are planes of its crystals: asked before anything is calculated."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dftflow.crystals.planes import resolve_plane
from dftflow.errors import StudyError, SurfaceError
from dftflow.studies.material import Material
from dftflow.studies.reader import Study

__all__ = ["check_planes"]

_OPTION = re.compile(r" \(--setting \S+\)|(?<=three indices, )--miller [-\d ]+ ")
"""What `dftflow slab` takes in place of the keys of a study."""


def check_planes(study: Study, materials: Mapping[str, Material]) -> None:
    """Refuse a plane of a mismatch that is none of its crystal, or ambiguous.

    Raises
    ------
    StudyError
        With what each setting would mean.
    """
    for number, entry in enumerate(study.content.mismatch):
        for row, pair in enumerate(entry.planes):
            for name, plane, key in zip(entry.materials, pair.named(), ("first", "second"), strict=True):
                try:
                    resolve_plane(materials[name].start, plane.miller, plane.setting)
                except SurfaceError as error:
                    where = study.where("mismatch", number, "planes", row, key)
                    fix = _OPTION.sub("", error.fix).replace("(miller = ", f"({key} = ")
                    fix = fix.replace("setting =", f"{key}_setting =")
                    raise StudyError(f"{name}: {error.summary}", reason=error.reason, fix=fix, where=where) from None
