"""Work function, ionisation potential and electron affinity of one surface.

The bulk's band edges are known against the bulk's average potential V_b, the vacuum level against the macroscopic
average V_s in the middle of the slab. Deep enough in the slab the two averages are the same thing, so

    IP = (E_vac - V_s) - (E_VBM - V_b),   EA = (E_vac - V_s) - (E_CBM - V_b)

(10.1103/PhysRevLett.61.734). Neither the slab's own eigenvalues nor its Fermi level enter. Its own band edges stand
beside them: they hold what the slab's thickness and its surface states do.
"""

from __future__ import annotations

from dftflow.analysis.potential_profile import slab_centre_average
from dftflow.analysis.work_function import work_function_ev
from dftflow.model.energy import Energy
from dftflow.model.levels import BandEdges, LineupSpread, PotentialProfile, SurfaceLevels, VacuumLevel

__all__ = ["surface_levels"]


def surface_levels(
    *,
    profile: PotentialProfile,
    vacuum: VacuumLevel,
    fermi: Energy,
    bulk_edges: BandEdges,
    bulk_average: Energy,
    slab_edges: BandEdges | None,
    why_no_slab_edges: str = "",
) -> SurfaceLevels:
    """Levels of the surface that `vacuum` belongs to.

    Parameters
    ----------
    profile, vacuum
        Of the slab, `vacuum` from this very profile.
    fermi
        Fermi level of the slab, with the slab's zero.
    bulk_edges, bulk_average
        Band edges and cell-averaged potential of one bulk calculation. The potential must be of the same kind as that
        of the slab, from the same pseudopotentials and functional.
    slab_edges, why_no_slab_edges
        Band edges of the slab itself, or why there are none.

    Raises
    ------
    ReferenceMismatch
        When Fermi level, vacuum level and edges of the slab, or bulk edges and bulk average, are not from one run.
    AnalysisError
        When the slab is too thin to have a middle, or its vacuum level does not lie above its Fermi level.
    """
    centre = slab_centre_average(profile)
    above_fermi_ev = work_function_ev(vacuum, fermi)
    vacuum_above_centre_ev = vacuum.level - Energy(centre.mean_ev, vacuum.level.zero)
    if slab_edges is not None:
        _ = vacuum.level - slab_edges.vbm  # raises for edges of another run
    return SurfaceLevels(
        vacuum=vacuum,
        work_function_ev=above_fermi_ev,
        ionisation_potential_ev=vacuum_above_centre_ev - (bulk_edges.vbm - bulk_average),
        electron_affinity_ev=vacuum_above_centre_ev - (bulk_edges.cbm - bulk_average),
        spread=LineupSpread(
            flatness_ev=centre.half_variation_ev,
            windows_ev=centre.windows_ev,
            centre_ev=abs(centre.mean_ev - centre.centre_ev),
            vacuum_ev=vacuum.spread_ev,
        ),
        bulk_average_ev=bulk_average.value_ev,
        slab_centre_average_ev=centre.mean_ev,
        slab_edges=slab_edges,
        why_no_slab_edges=why_no_slab_edges,
    )
