"""The zero of an energy axis, and its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from dftflow.errors import AnalysisError, InputError
from dftflow.model.absolute import CalculationLevels
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.levels import BandEdges
from dftflow.model.results import FloatArray

__all__ = [
    "SAME_VACUUM_EV",
    "AxisZero",
    "Reference",
    "axis_label",
    "common_reference",
    "known_zeros",
    "refuse_empty",
    "relative_to",
]

Reference = Literal["vacuum", "vacuum-low", "vacuum-high", "vbm", "fermi"]

_NAMES: dict[Reference, str] = {
    "vacuum": "vacuum",
    "vacuum-low": "the vacuum below the slab",
    "vacuum-high": "the vacuum above the slab",
    "vbm": "the VBM",
    "fermi": "$E_\\mathrm{F}$",
}
SAME_VACUUM_EV = 0.02
"""Sides of a slab whose vacuum levels differ by more have no common one."""


def axis_label(reference: Reference) -> str:
    """Label of an axis of energies that count from `reference`."""
    return f"Energy relative to {_NAMES[reference]} (eV)"


def relative_to(reference: Reference) -> str:
    """The same in a sentence."""
    return f"relative to {'the Fermi level' if reference == 'fermi' else _NAMES[reference]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisZero:
    """An energy that is drawn as 0, and what it is; or why it is not known.

    Attributes
    ----------
    energy_ev
        On the scale of the eigenvalues; None when it is not known.
    why_not
        The reason; ``""`` when it is known.
    """

    reference: Reference
    energy_ev: float | None
    why_not: str = ""

    @property
    def known_ev(self) -> float:
        """`energy_ev` of a zero that is known."""
        assert self.energy_ev is not None, self.why_not
        return self.energy_ev


def known_zeros(zero: EnergyZero, fermi: Energy | None, levels: CalculationLevels) -> dict[Reference, AxisZero]:
    """Every zero that energies of one calculation may be drawn from, each known or with the reason why it is not.

    Parameters
    ----------
    zero
        That of the energies which are drawn; a level on another zero is not known on theirs.
    fermi
        Fermi level.
    levels
        Band edges, those of a clear gap, and vacuum levels of the calculation.
    """
    return {
        **_vacua(zero, levels),
        "vbm": _vbm(zero, levels.edges, levels.why_no_edges),
        "fermi": _fermi(zero, fermi),
    }


def _vacua(zero: EnergyZero, levels: CalculationLevels) -> dict[Reference, AxisZero]:
    if levels.normal is None:
        why = "the cell holds no vacuum: its energies have a vacuum level by a slab of the same crystal alone"
    else:
        why = levels.why_no_vacuum or "there is no vacuum level"
    of_sides = {side.vacuum.side: side.vacuum.level for side in levels.sides}
    known = {side: level.value_ev for side, level in of_sides.items() if level.zero == zero}
    if of_sides and not known:
        why = "the vacuum level is of another run than the eigenvalues, on another zero"
    low, high = known.get("low"), known.get("high")
    found: dict[Reference, AxisZero] = {
        "vacuum-low": AxisZero(reference="vacuum-low", energy_ev=low, why_not="" if low is not None else why),
        "vacuum-high": AxisZero(reference="vacuum-high", energy_ev=high, why_not="" if high is not None else why),
    }
    if low is None or high is None:
        found["vacuum"] = AxisZero(reference="vacuum", energy_ev=None, why_not=why)
    elif abs(low - high) > SAME_VACUUM_EV:
        apart = f"the vacuum levels of the two sides differ by {abs(low - high):.3f} eV: name one, vacuum-low or -high"
        found["vacuum"] = AxisZero(reference="vacuum", energy_ev=None, why_not=apart)
    else:
        found["vacuum"] = AxisZero(reference="vacuum", energy_ev=(low + high) / 2)
    return found


def _vbm(zero: EnergyZero, edges: BandEdges | None, why: str) -> AxisZero:
    if edges is None:
        return AxisZero(reference="vbm", energy_ev=None, why_not=why or "there are no band edges")
    if edges.vbm.zero != zero:
        return AxisZero(reference="vbm", energy_ev=None, why_not="the band edges are of another run, on another zero")
    return AxisZero(reference="vbm", energy_ev=edges.vbm.value_ev)


def _fermi(zero: EnergyZero, fermi: Energy | None) -> AxisZero:
    if fermi is None:
        return AxisZero(reference="fermi", energy_ev=None, why_not="the files give no Fermi level")
    if fermi.zero != zero:
        return AxisZero(reference="fermi", energy_ev=None, why_not="the Fermi level is of another run, on another zero")
    return AxisZero(reference="fermi", energy_ev=fermi.value_ev)


def common_reference(
    zeros: Sequence[tuple[str, dict[Reference, AxisZero]]], asked: Reference | None = None
) -> Reference:
    """The zero that everything in one figure is drawn from.

    Parameters
    ----------
    zeros
        Name of each thing that is drawn, and what is known of it.
    asked
        None for the first that all have: the vacuum, else the VBM, else the Fermi level.

    Raises
    ------
    AnalysisError
        When one of them does not have it.
    """
    if asked is not None:
        for name, known in zeros:
            if known[asked].energy_ev is None:
                raise AnalysisError(
                    f"{name} cannot be drawn relative to {_words(asked)}", reason=known[asked].why_not,
                    fix=_other_zero([known for _, known in zeros]),
                )  # fmt: skip
        return asked
    for reference in ("vacuum", "vbm", "fermi"):
        if all(known[reference].energy_ev is not None for _, known in zeros):
            return reference
    gaps = "; ".join(f"{name}: {known['vbm'].why_not or known['fermi'].why_not}" for name, known in zeros)
    raise AnalysisError(
        "there is no zero that all of these have", reason=gaps, fix="draw the metals and the insulators apart"
    )


def _words(reference: Reference) -> str:
    return {"vbm": "its VBM", "fermi": "its Fermi level"}.get(reference, "a vacuum level")


def _other_zero(all_known: Sequence[dict[Reference, AxisZero]]) -> str:
    there = [r for r in get_args(Reference) if all(known[r].energy_ev is not None for known in all_known)]
    return f"`--zero {there[0]}` is known" if there else ""


def refuse_empty(window_ev: tuple[float, float], low_ev: FloatArray, high_ev: FloatArray) -> None:
    """Refuse a window that nothing of a figure reaches into.

    Parameters
    ----------
    window_ev
        Lowest and highest energy.
    low_ev, high_ev
        shape (n,); lowest and highest energy of each thing that could be drawn: bands, curves, or single values.

    Raises
    ------
    InputError
        When none of them is at least in part in the window.
    """
    low, high = window_ev
    if not len(low_ev) or ((low_ev <= high) & (high_ev >= low)).any():
        return
    below, above = high_ev[high_ev < low], low_ev[low_ev > high]
    nearest = [f"{round(float(x), 2) + 0.0:.2f}" for x in (*np.sort(below)[-1:], *np.sort(above)[:1])]
    raise InputError(
        f"nothing lies between {low:g} and {high:g} eV",
        fix=f"give a window that holds energies: they range from {low_ev.min():.2f} to {high_ev.max():.2f} eV, the "
        f"nearest at {' and '.join(nearest)} eV",
    )
