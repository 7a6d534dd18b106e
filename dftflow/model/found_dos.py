"""The density of states of a crystal as a study found it, and what its band edges are made of."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.dos import DensityOfStates

__all__ = ["EdgeCharacter", "FoundDos"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class FoundDos:
    """A density of states, and how far it reaches.

    Attributes
    ----------
    dos
        Parted into the shells of each element where the files tell.
    fermi_ev
        The energy up to which its states hold the electrons; in a gap its middle. None where that is not known.
    complete_up_to_ev
        Above it bands were not calculated; None where that is not known.
    no_empty_bands
        Of each channel whether no empty band of it was calculated; ``()`` where that is not known.
    differs_ev
        Largest difference from the filled states of the band structure, at the k-points that both have; None where they
        have none in common.
    window_ev
        What its figure is to show, from the zero of that; None for what lies around the gap.
    """

    dos: DensityOfStates
    fermi_ev: float | None = None
    complete_up_to_ev: float | None = None
    no_empty_bands: tuple[bool, ...] = ()
    differs_ev: float | None = None
    window_ev: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeCharacter:
    """What the states at a band edge are made of.

    Attributes
    ----------
    shares
        Shell of an element (``"Br p"``) -> its part of what the projections capture, the largest first.
    captured
        Sum of the weights on all shells: of a normalised state, how much lies in what the code projects on.
    states
        Over how many degenerate states it is the mean.
    """

    shares: tuple[tuple[str, float], ...]
    captured: float
    states: int

    def text(self, least: float = 0.05) -> str:
        """``"Br p 62 %, Pb s 31 %"``: the shares from `least` on, and the largest in any case."""
        told = [(name, share) for name, share in self.shares if share >= least] or list(self.shares[:1])
        return ", ".join(f"{name} {100 * share:.0f} %" for name, share in told)
