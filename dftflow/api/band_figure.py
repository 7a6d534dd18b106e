"""Band structures of calculations as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Unpack

from dftflow.analysis.band_edges import edges_or_reason
from dftflow.analysis.band_path import on_path_or_recognised
from dftflow.analysis.dos_of_eigenvalues import grid_of_states
from dftflow.analysis.split_path import join_split_path
from dftflow.api.plotted import LookOptions, PlottedFigure, plotted, refuse_more, refuse_other, refuse_unknown
from dftflow.api.sources import (
    LeftOut,
    NamedCalculation,
    Projected,
    Source,
    by_name,
    named_calculations,
    no_projections,
    with_clear_gap,
)
from dftflow.errors import AnalysisError, InputError
from dftflow.figures.band_figure import BandStructure, bands_drawing
from dftflow.figures.energy_axis import AxisZero, Reference, common_reference, known_zeros
from dftflow.figures.projected_bands import group_name
from dftflow.model.absolute import CalculationLevels
from dftflow.model.projections import Projections
from dftflow.model.reasons import shared_reasons
from dftflow.model.results import Bands, Results

__all__ = ["bands"]


def bands(
    *sources: Source,
    zero: Reference | None = None,
    overlay: bool = False,
    join: bool = False,
    ip: Mapping[str, float] | None = None,
    project: Projected = "none",
    **look: Unpack[LookOptions],
) -> PlottedFigure:
    """Band structures of calculations, beside or over each other.

    Parameters
    ----------
    sources
        Folders of results, or their files; of a folder with several calculations those that have a band path.
    zero
        What the energies are relative to; the vacuum, VBM or Fermi level that all have unless given.
    overlay
        All on the axes of the first, which takes the same path.
    join
        The sources are runs of one band structure, cut along its path.
    ip
        Name, or number from 1, of a calculation -> its ionisation potential in eV, which puts a crystal on the vacuum
        scale.
    project
        ``"element"`` or ``"orbital"``: what the bands are made of, as circles, where the files carry it.
    look
        See `LookOptions`.

    Raises
    ------
    InputError
        There is no such folder, calculation or name; or an ionisation potential is given, and a zero that is not the
        vacuum.
    AnalysisError
        There is no band path, another one, no such zero, no projection, or the runs are not known to be of one
        Hamiltonian.
    """
    refuse_unknown(bands, look)
    refuse_other("project", project, Projected)
    if zero is not None:
        refuse_other("zero", zero, Reference)
    if ip and zero not in (None, "vacuum"):
        raise InputError(
            f"an ionisation potential puts bands on the vacuum scale, and these are to count from {zero}",
            fix="leave out --ip, or give --zero vacuum",
        )
    calculations, left_out = named_calculations(sources)
    if join:
        shown = [_joined(calculations)]
    else:
        shown, without = _with_path(calculations)
        left_out += without
    if not shown:
        raise AnalysisError(
            "there is no band path to draw",
            reason="; ".join(shared_reasons(left_out)),
            fix="give the folder of a calculation along a path",
        )
    refuse_more(len(shown))
    names = [one.name for one, _, _ in shown]
    potentials = {} if ip is None else by_name({k: str(v) for k, v in ip.items()}, names, "ionisation potential of")
    zeros = [(each[0].name, _zeros(each, potentials.get(each[0].name))) for each in shown]
    reference = common_reference(zeros, zero or ("vacuum" if potentials else None))
    structures = [
        BandStructure(
            name=one.name, bands=bands, edges=levels.edges, why_no_edges=levels.why_no_edges,
            zero_ev=known[reference].known_ev, projections=_projections(one, project, joined=join),
        )
        for (one, bands, levels), (_, known) in zip(shown, zeros, strict=True)
    ]  # fmt: skip
    given = potentials and reference == "vacuum"
    placed = "relative to the vacuum level, by the ionisation potentials that were given" if given else ""
    return plotted(
        names, look, lambda look: bands_drawing(structures, reference, look, overlay=overlay, placed=placed),
        also=[group_name(group) for s in structures if s.projections for group in s.projections.groups],
        left_out=left_out,
    )  # fmt: skip


def _projections(one: NamedCalculation, project: Projected, *, joined: bool) -> Projections | None:
    """Weights of the states in the groups that are asked for."""
    if project == "none":
        return None
    found = None if joined else one.found.results.projections
    if found is None:
        raise no_projections(one, "the bands", reason="runs that are joined have none" if joined else "")
    return found.by_element() if project == "element" else found.by_orbital()


_Shown = tuple[NamedCalculation, Bands, CalculationLevels]


def _with_path(calculations: Sequence[NamedCalculation]) -> tuple[list[_Shown], list[LeftOut]]:
    """Those that have a band path, and why not, of each other one."""
    shown: list[_Shown] = []
    left_out: list[LeftOut] = []
    for one in calculations:
        results = one.found.results
        if results.bands is None:
            left_out.append((one.name, one.found.levels().why_no_edges))
            continue
        along = on_path_or_recognised(results.bands)
        if max(along.on_path) >= 0:
            shown.append((one, along, one.levels()))
        else:
            left_out.append((one.name, _no_path(results, len(along.on_path))))
    return shown, left_out


def _no_path(results: Results, count: int) -> str:
    """That the k-points are none, and what does draw them, if anything."""
    try:
        if results.dos is None:
            grid_of_states(results)
    except AnalysisError:
        return f"its {count} k-points are no path"
    return f"its {count} k-points are no path; `dftflow plot dos` draws their density of states"


def _joined(calculations: Sequence[NamedCalculation]) -> _Shown:
    results = [one.found.results for one in calculations]
    joined = join_split_path(results, [one.name for one in calculations])
    edges, why = edges_or_reason(joined)
    levels = replace(calculations[0].found.levels(), edges=edges, why_no_edges=why)
    return calculations[0], joined, with_clear_gap(levels, results[0])


def _zeros(shown: _Shown, ip: str | None) -> dict[Reference, AxisZero]:
    _, bands, levels = shown
    known = known_zeros(bands.zero, bands.fermi, levels)
    if ip is not None and levels.edges is not None:
        known["vacuum"] = AxisZero(reference="vacuum", energy_ev=levels.edges.vbm.value_ev + float(ip))
    return known
