"""Geometry and band edges of a crystal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dftflow.analysis.band_edges import find_band_edges, grid_band_gap_ev
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.primitive_cell import axes_of_given
from dftflow.crystals.symmetry import space_group
from dftflow.derive.cell_spread import SPREAD_HOLDS, open_lengths_ang
from dftflow.derive.densities import dos_or_reason
from dftflow.derive.findings import Findings
from dftflow.derive.ledger import shifts_or_reason
from dftflow.derive.missing import missing_results
from dftflow.errors import BandEdgeError, MetallicError
from dftflow.model.admission import Admission, Admitted
from dftflow.model.dos_request import DosRequest
from dftflow.model.levels import BandEdges
from dftflow.model.outcome import BulkOutcome
from dftflow.model.quantity import TOTAL_ENERGY, Missing, Quantity
from dftflow.model.results import Bands, Results
from dftflow.model.spec import KPoint
from dftflow.units import EV_PER_ANG3_GPA

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["bulk_outcome", "crystal_quantities", "finite_basis_pressure_gpa"]

RELAXED_SYMPREC_ANG = 0.01
GRID_MISS_EV = 0.02
IN_GIVEN_AXES = "in the axes that the crystal was given in; calculated in its primitive cell of {} atoms"


def bulk_outcome(
    name: str,
    crystal: Crystal,
    start: Structure,
    *,
    relax: tuple[str, Admission] | None,
    bands: tuple[str, Admission],
    stress_tol_gpa: float,
    shifts: tuple[str, Admission] | None = None,
    dos: tuple[str, Admission] | None = None,
    dos_request: DosRequest | None = None,
) -> BulkOutcome:
    """What is known of a crystal.

    Parameters
    ----------
    name
        Of the material.
    crystal, start
        Where it is from, and the cell that the first step starts from.
    relax, bands
        Name of the step and what the gate said of it; no `relax` where the study relaxes no crystal.
    stress_tol_gpa
        Criterion of the relaxation. A finite-basis correction of the pressure above it means that the cutoff is not
        converged.
    shifts
        Name of the step of the corrections and what the gate said of it, where the study asks for any.
    dos, dos_request
        The same of the density of states, and what is asked for of it.
    """
    structure, warnings, open_ang = start, list(crystal.warnings), None
    relaxed = relax[1] if relax is not None else None
    if isinstance(relaxed, Admitted) and relaxed.results.structure is not None:
        structure = relaxed.results.structure
        open_ang = open_lengths_ang(relaxed.results, stress_tol_gpa)
        warnings += _relaxation_warnings(name, start, structure, relaxed.results, stress_tol_gpa)
    edges, found, why = _edges(*bands)
    if edges is not None:
        assert found is not None, "edges are found in bands"
        warnings += _grid_warnings(found, edges)
    corrected, no_shifts = shifts_or_reason(shifts)
    states, no_states = dos_or_reason(dos, dos_request, found)
    group = space_group(structure, symprec_ang=RELAXED_SYMPREC_ANG)
    return BulkOutcome(
        structure=structure,
        source=crystal.source,
        space_group=f"{group.symbol} ({group.number})",
        edges=edges,
        bands=found,
        relaxed=isinstance(relaxed, Admitted),
        no_edges=why,
        energy_per_atom_ev=_energy_per_atom_ev(bands[1]),
        edges_step=bands[0],
        cell_step=relax[0] if relax is not None and isinstance(relaxed, Admitted) else "",
        given_axes=axes_of_given(crystal.structure, start),
        open_lengths_ang=open_ang,
        remarks=bands[1].remarks if isinstance(bands[1], Admitted) else (),
        warnings=tuple(warnings),
        shifts=corrected,
        no_shifts=no_shifts,
        shifts_step="" if shifts is None else shifts[0],
        dos=states,
        no_dos=no_states,
        dos_step="" if dos is None else dos[0],
    )


def _edges(step: str, admission: Admission) -> tuple[BandEdges | None, Bands | None, Missing | None]:
    """Band edges and bands of the crystal, and why there are no edges."""
    if not isinstance(admission, Admitted):
        return None, None, missing_results(step, admission)
    bands = admission.results.bands
    if bands is None:
        return None, None, Missing(kind="not read", reason=f"{step} has left no eigenvalues that can be read")
    try:
        return find_band_edges(bands, required=_required(admission.built.facts)), bands, None
    except MetallicError as error:
        return None, bands, Missing(kind="metallic", reason=error.sentence)
    except BandEdgeError as error:
        return None, bands, Missing(kind="not derived", reason=error.sentence)


def _energy_per_atom_ev(admission: Admission) -> float | None:
    if not isinstance(admission, Admitted) or admission.results.energy_ev is None:
        return None
    return admission.results.energy_ev / len(admission.built.structure)


def _required(facts: Mapping[str, object]) -> tuple[KPoint, ...]:
    """The k-point at which the study says that a band edge lies."""
    point = facts.get("band_edge")
    if not isinstance(point, Mapping):
        return ()
    a, b, c = point["frac"]
    return (KPoint(label=point["label"], frac=(a, b, c)),)


def _grid_warnings(bands: Bands, edges: BandEdges) -> list[str]:
    on_grid_ev = grid_band_gap_ev(bands)
    if on_grid_ev is None or on_grid_ev - edges.band_gap_ev < GRID_MISS_EV:
        return []
    vbm, cbm = edges.vbm_label or edges.vbm_k, edges.cbm_label or edges.cbm_k
    where = f"the band edge, which lies at {vbm}" if edges.direct else f"the band edges, which lie at {vbm} and {cbm}"
    return [
        f"the SCF grid alone gives a gap of {on_grid_ev:.3f} eV: it misses {where}, by "
        f"{on_grid_ev - edges.band_gap_ev:.3f} eV"
    ]


def _relaxation_warnings(
    name: str, start: Structure, structure: Structure, relaxed: Results, stress_tol_gpa: float
) -> list[str]:
    growth = _atomic_volume_ang3(structure) / _atomic_volume_ang3(start) - 1
    lines = [f"relaxation changed the volume of {name} by {100 * growth:+.1f} %"]
    slope_ev = relaxed.finite_basis_de_dlnecut_ev
    if slope_ev is not None:
        correction_gpa = finite_basis_pressure_gpa(slope_ev, float(structure.volume))
        not_converged = "; the cutoff is not converged" if abs(correction_gpa) > stress_tol_gpa else ""
        lines.append(
            f"finite-basis correction of {name}: dE/d ln E_cut = {slope_ev:.2f} eV per cell, "
            f"{correction_gpa:+.2f} GPa on the pressure{not_converged}"
        )
    return lines


def _atomic_volume_ang3(structure: Structure) -> float:
    return float(structure.volume) / len(structure)


def finite_basis_pressure_gpa(de_dlnecut_ev: float, volume_ang3: float) -> float:
    """Correction of the pressure for a basis of constant size instead of constant cutoff: -2/3 (dE/d ln E_cut) / V.

    Parameters
    ----------
    de_dlnecut_ev
        Per cell; negative, because a larger basis lowers the energy: the correction is then positive
        (10.1088/0953-8984/2/19/007).
    """
    return -2 / 3 * de_dlnecut_ev / volume_ang3 * EV_PER_ANG3_GPA


def crystal_quantities(findings: Findings) -> tuple[Quantity, ...]:
    """Gap, edges and total energy on the run's own scale, and the cell of every crystal, each with its step."""
    return tuple(quantity for material in findings.materials for quantity in _of_crystal(material.name, material.bulk))


def _of_crystal(name: str, bulk: BulkOutcome) -> tuple[Quantity, ...]:
    edges, why = bulk.edges, bulk.no_edges
    from_bands = {"origin": (bulk.edges_step,), "remarks": bulk.remarks}
    scale = "on the scale of the run itself"
    values = {
        "band gap": edges.band_gap_ev if edges else None,
        "valence band maximum": edges.vbm.value_ev if edges else None,
        "conduction band minimum": edges.cbm.value_ev if edges else None,
        "Fermi level": edges.fermi_ev if edges else None,
    }
    found = [
        Quantity.of(key, name, "eV", value, why, method="" if key == "band gap" else scale, **from_bands)
        for key, value in values.items()
    ]
    unread = Missing(kind="not read", reason=f"{bulk.edges_step} has left no total energy that can be read")
    no_energy = bulk.no_edges if bulk.bands is None and bulk.no_edges is not None else unread
    energy_ev = bulk.energy_per_atom_ev
    found.append(Quantity.of(TOTAL_ENERGY, name, "eV", energy_ev, no_energy, method=scale, **from_bands))
    return (*found, *_of_cell(name, bulk))


def _of_cell(name: str, bulk: BulkOutcome) -> Iterator[Quantity]:
    """Volume and lengths, in the axes that the crystal was given in whichever cell was calculated."""
    lattice = bulk.as_given.lattice
    told = {
        "origin": (bulk.cell_step or bulk.source,),
        "method": "" if bulk.given_axes is None else IN_GIVEN_AXES.format(len(bulk.structure)),
    }
    yield Quantity.of("volume", name, "Å³", float(lattice.volume), None, **told)
    spreads = bulk.open_lengths_as_given_ang or (None,) * 3
    for axis, length, spread in zip("abc", lattice.abc, spreads, strict=True):
        known = {} if spread is None else {"uncertainty": (-spread, spread), "uncertainty_holds": SPREAD_HOLDS}
        yield Quantity.of(f"lattice parameter {axis}", name, "Å", float(length), None, **told, **known)
