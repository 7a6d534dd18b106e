"""Levels of slabs that dftflow did not plan, from the files of the slab and of the crystal alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dftflow.analysis.calculation_levels import slab_profile
from dftflow.analysis.comparability import compare
from dftflow.analysis.potential_profile import bulk_average_ev
from dftflow.analysis.surface_levels import surface_levels
from dftflow.crystals.surface_of_slab import surface_of_slab
from dftflow.errors import AnalysisError, DftflowError, InputError
from dftflow.gate.found import FoundCalculation
from dftflow.model.absolute import SlabSide
from dftflow.model.comparison import Comparison
from dftflow.model.energy import Energy
from dftflow.model.levels import PotentialProfile
from dftflow.model.results import PotentialGrid
from dftflow.model.slab_levels import FaceLevels, LineUp, SlabLevels
from dftflow.model.surface import FoundSurface

__all__ = ["slab_levels"]

SAME_PERIOD = 0.01
STRAINED = 0.005
POLAR = "its plane is polar: the faces are a choice, and no bulk cut of it has a converged level"
NOT_GIVEN = "no crystal was given to line up"


def slab_levels(
    slab: FoundCalculation, bulk: FoundCalculation | None, *, name: str, period_ang: float | None = None
) -> SlabLevels:
    """Work function, ionisation potential and electron affinity of both faces of a slab.

    Parameters
    ----------
    slab, bulk
        As found; without a crystal the slab's own levels alone are derived.
    name
        Of the slab.
    period_ang
        Width of the averaging window; None for the one that follows from the crystal and the slab's plane.

    Raises
    ------
    InputError
        The slab's cell holds no vacuum along one lattice vector, or that of the crystal does.
    ParseError
        One of them has left no output that can be read.
    """
    return _Slab(slab=slab, bulk=bulk, period_ang=period_ang).levels_as(name)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Slab:
    """A slab and its crystal, with what more than one of the slab's numbers need."""

    slab: FoundCalculation
    bulk: FoundCalculation | None
    period_ang: float | None

    def levels_as(self, name: str) -> SlabLevels:
        if self.bulk is not None and self.bulk.levels().normal is not None:
            raise InputError("the cell of the crystal holds a vacuum", where=str(self.bulk.place), fix=_SWAPPED)
        levels, (surface, why_no_surface) = self.slab.levels(), self.surface
        line_ups: tuple[LineUp | None, ...] = (None,) * len(levels.sides)
        why_no_line_up = NOT_GIVEN
        if self.bulk is not None:
            try:
                line_ups, why_no_line_up = tuple(map(self._line_up, levels.sides)), ""
            except AnalysisError as error:
                why_no_line_up = error.sentence
        names = ("", "") if surface is None else (surface.bottom, surface.top)
        return SlabLevels(
            name=name,
            place=self.slab.place,
            normal=self.normal,
            surface=surface,
            why_no_surface=why_no_surface,
            period_ang=None if why_no_line_up else self._period_ang(),
            edges=levels.edges,
            why_no_edges=levels.why_no_edges,
            faces=tuple(
                FaceLevels(name=name, own=side, line_up=line_up)
                for name, side, line_up in zip(names, levels.sides, line_ups, strict=False)
            ),
            why_no_faces=levels.why_no_vacuum,
            why_no_line_up=why_no_line_up or levels.why_no_vacuum,
            comparison=self.comparison,
            remarks=(*self._remarks(surface), *levels.remarks),
        )

    @cached_property
    def normal(self) -> int:
        normal = self.slab.levels().normal
        if normal is None:
            raise InputError(
                "this is no slab: its cell holds no vacuum of 6 Å or more, or one along several lattice vectors",
                where=str(self.slab.place),
                fix=_SWAPPED,
            )
        return normal

    @cached_property
    def comparison(self) -> Comparison | None:
        return None if self.bulk is None else compare(self.bulk.results, self.slab.results)

    @cached_property
    def surface(self) -> tuple[FoundSurface | None, str]:
        """What surface it is, or why that cannot be told."""
        normal = self.normal
        if self.bulk is None:
            return None, "it is told from the calculated crystal, and none was given"
        slab, crystal = self.slab.results.structure, self.bulk.results.structure
        if slab is None or crystal is None:
            return None, f"the files of the {'slab' if slab is None else 'crystal'} hold no geometry"
        if self.lacking:
            return None, self.lacking
        try:
            return surface_of_slab(slab, crystal, normal), ""
        except DftflowError as error:
            return None, error.sentence

    @property
    def lacking(self) -> str:
        """Which elements of the crystal the slab does not hold, so that it is of another one; ``""`` if none."""
        slab, crystal = self.slab.results.structure, None if self.bulk is None else self.bulk.results.structure
        if slab is None or crystal is None:
            return ""
        missing = sorted(crystal.composition.chemical_system_set - slab.composition.chemical_system_set)
        return f"it is a slab of another crystal: it holds no {', '.join(missing)}" if missing else ""

    # --- the line-up ---

    def _line_up(self, side: SlabSide) -> LineUp:
        """The crystal's edges below the vacuum level of one side; raises `AnalysisError` with what they lack."""
        assert self.bulk is not None, "without a crystal nothing is lined up"
        self._refuse_other_method()
        bulk_edges = self.bulk.levels()
        if bulk_edges.edges is None:
            raise AnalysisError("there are no band edges of the crystal to line up", reason=bulk_edges.why_no_edges)
        potential, fermi = _potential_of(self.bulk, "crystal"), self.slab.results.fermi
        assert fermi is not None, "a side has a work function"
        levels = surface_levels(
            profile=self.profile,
            vacuum=side.vacuum,
            fermi=fermi,
            bulk_edges=bulk_edges.edges,
            bulk_average=Energy(bulk_average_ev(potential), potential.zero),
            slab_edges=None,
            why_no_slab_edges="they are given beside the line-up, with the side",
        )
        return LineUp(
            ionisation_potential_ev=levels.ionisation_potential_ev,
            electron_affinity_ev=levels.electron_affinity_ev,
            spread=levels.spread,
        )

    def _refuse_other_method(self) -> None:
        assert self.bulk is not None and self.comparison is not None, "they are compared where both are there"
        if self.lacking:
            raise AnalysisError(self.lacking)
        if self.comparison.verdict == "differs":
            raise AnalysisError(f"the crystal and the slab {self.comparison.sentence}")
        kinds = [_potential_of(*which).kind for which in ((self.bulk, "crystal"), (self.slab, "slab"))]
        if kinds[0] != kinds[1]:
            raise AnalysisError(
                f"the crystal's potential is {kinds[0]}, the slab's {kinds[1]}",
                fix="write the same kind of potential for both",
            )

    @cached_property
    def profile(self) -> PotentialProfile:
        return slab_profile(self.slab.results, self.normal, period_ang=self._period_ang())

    def _period_ang(self) -> float:
        surface, why = self.surface
        if self.period_ang is not None:
            return self.period_ang
        if surface is None:
            raise AnalysisError(
                "the surface of the slab is not told, and with it the width of the averaging window",
                reason=why,
                fix="give it: the distance along the normal after which the crystal repeats (--period, period_ang)",
            )
        return surface.period_ang

    def _remarks(self, surface: FoundSurface | None) -> list[str]:
        lines = []
        if surface is not None and surface.polar:
            lines.append(POLAR)
        if surface is not None and abs(surface.strain) > STRAINED:
            lines.append(
                f"its plane is strained by {100 * surface.strain:+.1f} % against that of the crystal, whose edges are "
                "not those of the strained one"
            )
        if self.comparison is not None and self.comparison.verdict in ("caution", "unknown"):
            lines.append(f"the crystal and the slab: {self.comparison.sentence}")
        if self.period_ang is not None:
            found = None if surface is None else surface.period_ang
            other = found is not None and abs(self.period_ang / found - 1) > SAME_PERIOD
            beside = f", where the crystal repeats after {found:.3f} Å" if other else ""
            lines.append(f"averaged over the window that was given, {self.period_ang:g} Å{beside}")
        return lines


_SWAPPED = "give the crystal with --bulk and the slabs with --slab"


def _potential_of(found: FoundCalculation, what: str) -> PotentialGrid:
    potential = found.results.potential
    if potential is None:
        why = found.why_refused_potential or "none was left by its calculation"
        raise AnalysisError(f"there is no potential of the {what}", reason=why)
    return potential
