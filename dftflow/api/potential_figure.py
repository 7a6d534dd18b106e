"""Potentials across slabs that dftflow never planned, as a figure."""

from __future__ import annotations

from typing import Unpack

from dftflow.analysis.calculation_levels import AVERAGING_ANG, slab_profile
from dftflow.analysis.repeat_distance import repeat_distance_ang
from dftflow.api.plotted import LookOptions, PlottedFigure, plotted, refuse_more, refuse_unknown
from dftflow.api.sources import NamedCalculation, Source, named_calculations
from dftflow.api.structure_figure import standing
from dftflow.errors import AnalysisError
from dftflow.figures.potential import SlabPotential, potential_drawing
from dftflow.model.reasons import shared_reasons

__all__ = ["potential"]


def potential(*sources: Source, period: float | None = None, **look: Unpack[LookOptions]) -> PlottedFigure:
    """Plane-averaged potentials of slabs, with the vacuum plateaus, the Fermi level and the slab's own band edges.

    Parameters
    ----------
    sources
        Folders of results of slabs.
    period
        Width in Å of the window of the macroscopic average: the distance after which the crystal repeats along the
        normal. That after which the slab's own planar average repeats unless given; where it does not, none is drawn.
    look
        See `LookOptions`.

    Raises
    ------
    InputError
        There is no such folder or calculation.
    AnalysisError
        None is a slab with a potential.
    """
    refuse_unknown(potential, look)
    shown: list[SlabPotential] = []
    calculations, left_out = named_calculations(sources)
    for one in calculations:
        try:
            shown.append(_slab_potential(one, period))
        except AnalysisError as error:
            left_out.append((one.name, error.sentence))
    if not shown:
        raise AnalysisError("there is no potential of a slab to draw", reason="; ".join(shared_reasons(left_out)))
    refuse_more(len(shown))
    windows = ", ".join(f"{s.profile.period_ang:.2f} Å" for s in shown if s.macroscopic)
    found = "" if period is not None else ", after which the planar one repeats in the slab"
    average = f"and macroscopic average (over {windows}{found})" if windows else "average"
    bare = [slab.name for slab in shown if not slab.macroscopic]
    no_period = f" No macroscopic average of {', '.join(bare)}: no period of the crystal is known." if bare else ""
    title = "Potential across slabs" if len(shown) > 1 else f"Potential across {shown[0].name}"
    caption = (
        f"Plane-averaged potential: planar {average}, and the plateaus that the vacuum levels are read from. VBM, CBM "
        f"and Fermi level are those of the slab's own calculation.{no_period}"
    )
    return plotted(
        [slab.name for slab in shown], look,
        lambda look: potential_drawing(shown, look, title=title, caption=caption),
        left_out=left_out,
    )  # fmt: skip


def _slab_potential(one: NamedCalculation, period_ang: float | None) -> SlabPotential:
    """Profile, vacuum and levels of a slab's own calculation.

    Parameters
    ----------
    period_ang
        Window of the macroscopic average; the distance after which the planar average repeats unless given.

    Raises
    ------
    AnalysisError
        When it is no slab, or has no potential.
    """
    results, levels = one.found.results, one.found.levels()
    if results.potential is None:
        why = levels.why_no_vacuum or "its files hold none that can be read"
        raise AnalysisError("there is no potential", reason=why)
    if results.structure is None or levels.normal is None:
        raise AnalysisError(
            "there is no slab in this cell", reason="it is empty along no lattice vector, or along several"
        )
    profile = slab_profile(results, levels.normal, period_ang=AVERAGING_ANG if period_ang is None else period_ang)
    found_ang = repeat_distance_ang(profile) if period_ang is None else period_ang
    if period_ang is None and found_ang is not None:
        profile = slab_profile(results, levels.normal, period_ang=found_ang)
    return SlabPotential(
        name=one.name,
        profile=profile,
        vacuum=tuple(side.vacuum for side in levels.sides),
        levels=next(iter(levels.sides), None),
        structure=standing(results.structure, levels.normal),
        macroscopic=found_ang is not None,
    )
