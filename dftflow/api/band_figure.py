"""Band structures of calculations as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Unpack

from dftflow.analysis.band_edges import edges_or_reason
from dftflow.analysis.split_path import join_split_path
from dftflow.api.band_paths import WithPath, no_path_to_draw, with_path
from dftflow.api.plotted import LookOptions, PlottedFigure, plotted, refuse_more, refuse_other, refuse_unknown
from dftflow.api.sources import (
    NamedCalculation,
    Projected,
    Source,
    by_name,
    named_calculations,
    no_projections,
    with_clear_gap,
)
from dftflow.api.states_figure import states
from dftflow.errors import InputError
from dftflow.figures.band_figure import BandStructure, bands_drawing
from dftflow.figures.energy_axis import AxisZero, Reference, common_reference, known_zeros
from dftflow.figures.projected_bands import group_name
from dftflow.model.projections import Projections

__all__ = ["bands"]


def bands(
    *sources: Source,
    zero: Reference | None = None,
    overlay: bool = False,
    join: bool = False,
    ip: Mapping[str, float] | None = None,
    project: Projected = "none",
    dos: bool = False,
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
        ``"element"`` or ``"orbital"``: what the bands are made of, as circles, where the files carry it. With `dos` the
        density of states is parted into that instead, by element unless given.
    dos
        With the density of states beside each: of the next source that has one and no path, where one is given, else
        of the same files.
    look
        See `LookOptions`.

    Raises
    ------
    InputError
        There is no such folder, calculation or name; or an ionisation potential is given, and a zero that is not the
        vacuum; or the density of states is to stand beside bands that lie over each other, or are joined.
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
    if dos:
        _refuse_beside(overlay=overlay, join=join, ip=bool(ip))
        return states(sources, zero, project, look)
    calculations, left_out = named_calculations(sources)
    if join:
        shown = [_joined(calculations)]
    else:
        shown, without = with_path(calculations)
        left_out += without
    if not shown:
        raise no_path_to_draw(left_out)
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


def _refuse_beside(*, overlay: bool, join: bool, ip: bool) -> None:
    given = [name for name, is_given in (("overlay", overlay), ("join", join), ("ip", ip)) if is_given]
    if given:
        raise InputError(
            f"densities of states do not go together with {given[0]}",
            reason="each stands beside the bands of one calculation",
            fix="leave one of the two out",
        )


def _projections(one: NamedCalculation, project: Projected, *, joined: bool) -> Projections | None:
    """Weights of the states in the groups that are asked for."""
    if project == "none":
        return None
    found = None if joined else one.found.results.projections
    if found is None:
        raise no_projections(one, "the bands", reason="runs that are joined have none" if joined else "")
    return found.by_element() if project == "element" else found.by_orbital()


def _joined(calculations: Sequence[NamedCalculation]) -> WithPath:
    results = [one.found.results for one in calculations]
    joined = join_split_path(results, [one.name for one in calculations])
    edges, why = edges_or_reason(joined)
    levels = replace(calculations[0].found.levels(), edges=edges, why_no_edges=why)
    return calculations[0], joined, with_clear_gap(levels, results[0])


def _zeros(shown: WithPath, ip: str | None) -> dict[Reference, AxisZero]:
    _, bands, levels = shown
    known = known_zeros(bands.zero, bands.fermi, levels)
    if ip is not None and levels.edges is not None:
        known["vacuum"] = AxisZero(reference="vacuum", energy_ev=levels.edges.vbm.value_ev + float(ip))
    return known
