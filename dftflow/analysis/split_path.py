"""Band structures that were calculated in several runs, each of a piece of the path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dftflow.analysis.band_path import on_path_or_recognised
from dftflow.analysis.joined_bands import join_bands
from dftflow.errors import AnalysisError
from dftflow.model.method import Method
from dftflow.model.results import Bands, BandsRun, FloatArray, Results

__all__ = ["join_split_path"]

JUMP = 3.0
"""A piece goes on where the last one ended when the step there is at most this many steps of theirs."""


def join_split_path(results: Sequence[Results], names: Sequence[str]) -> Bands:
    """The bands of all runs, in their order, along one path.

    Parameters
    ----------
    results, names
        The runs in the order of the path, and what each is called.

    Raises
    ------
    AnalysisError
        When one has no eigenvalues, or they are not known to be of one Hamiltonian (`join_bands`).
    """
    first, *others = zip(results, names, strict=True)
    joined = _bands(*first)
    run = _run(first[0])
    for other, name in others:
        piece = _bands(other, name)
        found = join_bands(joined, run, piece, _run(other))
        if found.why_not:
            raise AnalysisError(
                f"the bands of {name} cannot be joined with those of {first[1]}",
                reason=found.why_not,
                fix="draw them beside each other (without --join)",
            )
        joined = replace(found.bands, on_path=(*joined.on_path, *_numbered(joined, piece)))
    return joined


def _bands(results: Results, name: str) -> Bands:
    if results.bands is None:
        raise AnalysisError(f"{name} has no eigenvalues to join")
    return on_path_or_recognised(results.bands)


def _run(results: Results) -> BandsRun:
    method = results.method or Method(code=results.code, code_version=results.code_version)
    own = BandsRun(method=method, log_fermi=results.log_fermi, structure=results.structure)
    return results.bands_run or own


def _numbered(before: Bands, piece: Bands) -> list[int]:
    """Parts of the path of `piece`, numbered on from those `before` it, the last of which its first may go on with."""
    last, start = _end(before), max(before.on_path, default=-1)
    first = next((i for i, part in enumerate(piece.on_path) if part >= 0), None)
    if first is None:
        return list(piece.on_path)
    points = piece.kpoints_frac @ piece.reciprocal_per_ang
    step = np.median(np.linalg.norm(np.diff(points[first:], axis=0), axis=1)) if len(points) - first > 1 else np.inf
    goes_on = last is not None and float(np.linalg.norm(points[first] - last)) <= JUMP * float(step)
    behind = start if goes_on else start + 1
    lowest = piece.on_path[first]
    return [part if part < 0 else part - lowest + behind for part in piece.on_path]


def _end(bands: Bands) -> FloatArray | None:
    """Where the path ends, in 1/Å; None without one."""
    on_path = [i for i, part in enumerate(bands.on_path) if part >= 0]
    return None if not on_path else np.asarray(bands.kpoints_frac[on_path[-1]] @ bands.reciprocal_per_ang)
