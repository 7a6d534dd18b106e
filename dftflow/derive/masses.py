"""Effective masses of holes and electrons, from the states around the band edges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dftflow.analysis.effective_mass import MOST_DIFFERENCE, degenerate_bands, directional_masses, mass_tensor, shells
from dftflow.derive.findings import Findings
from dftflow.derive.missing import missing_results
from dftflow.errors import AnalysisError
from dftflow.model.admission import Admission, Admitted
from dftflow.model.effective_mass import Carrier, CrystalMasses, DirectionalMass, EdgeMasses, EdgePoints, MassTensor
from dftflow.model.kpoint_grid import same_kpoint
from dftflow.model.levels import BandEdges
from dftflow.model.outcome import BulkOutcome
from dftflow.model.quantity import Missing, Quantity
from dftflow.model.results import Bands

__all__ = ["crystal_masses", "mass_quantities"]

UNIT = "m_e"
RANGE_HOLDS = "finite differences over one and two steps"
NOT_QUITE = 0.05
"""Part of a mass from which on it is said that the band is not quite parabolic."""
OFF_CENTRE = 0.1
NONE_PARABOLIC = (
    f"along no direction is one of them parabolic: masses over one and two steps differ by more than "
    f"{100 * MOST_DIFFERENCE:.0f} %, as they do where the cutoff is not converged"
)
SAME_K = 1e-4
SAME_MASS = 0.01
"""Part by which masses differ whose axes are told apart."""
CARRIERS: tuple[Carrier, ...] = ("hole", "electron")


def crystal_masses(name: str, bulk: BulkOutcome, step: tuple[str, Admission] | None) -> CrystalMasses | None:
    """Masses at both edges of a crystal, or why there are none; None where none are asked for.

    Parameters
    ----------
    bulk
        With the edges of the band structure.
    step
        Name of the step around them, and what the gate said of it.
    """
    if step is None:
        return None
    of, admission = step
    if bulk.edges is None:
        return CrystalMasses(material=name, step=of, missing=bulk.no_edges)
    if not isinstance(admission, Admitted):
        return CrystalMasses(material=name, step=of, missing=missing_results(of, admission))
    points, bands = EdgePoints.of_facts(admission.built.facts), admission.results.bands
    if points is None or bands is None:
        why = Missing(kind="not read", reason=f"{of} does not tell around which k-points its states lie")
        return CrystalMasses(material=name, step=of, missing=why)
    edges = tuple(_of_edge(bands, points, carrier, bulk.edges) for carrier in CARRIERS)
    return CrystalMasses(material=name, step=of, edges=edges, remarks=admission.remarks)


def _of_edge(bands: Bands, points: EdgePoints, carrier: Carrier, edges: BandEdges) -> EdgeMasses:
    asked, found = (points.vbm, edges.vbm_k) if carrier == "hole" else (points.cbm, edges.cbm_k)
    if not same_kpoint(np.array(asked), np.array(found), SAME_K):
        why = f"the states lie around {_text(asked)}, and the band edge at {_text(found)}: calculate the step again"
        return EdgeMasses(carrier=carrier, missing=Missing(kind="not derived", reason=why))
    try:
        around = shells(bands, points, carrier)
        count = degenerate_bands(around)
        if count > 1:
            return _degenerate(carrier, tuple(directional_masses(around, count)), count)
        tensor = mass_tensor(around)
    except AnalysisError as error:
        return EdgeMasses(carrier=carrier, missing=Missing(kind="not derived", reason=error.sentence))
    return EdgeMasses(carrier=carrier, tensor=tensor, remarks=_remarks(tensor, points))


def _degenerate(carrier: Carrier, masses: tuple[DirectionalMass, ...], count: int) -> EdgeMasses:
    reason = f"{count} bands are degenerate at the edge, which no tensor describes"
    why = reason if masses else f"{reason}, and {NONE_PARABOLIC}"
    return EdgeMasses(
        carrier=carrier, directional=masses, missing=Missing(kind="not derived", reason=why), remarks=(reason,)
    )


def _remarks(tensor: MassTensor, points: EdgePoints) -> tuple[str, ...]:
    window = f"from states up to {1000 * tensor.window_ev:.1f} meV from the edge"
    found = [f"{window}, {1000 * tensor.residual_ev:.2f} meV off the fit"]
    if tensor.parabolic > NOT_QUITE:
        found.append(f"not quite parabolic: over two steps the mass is another one by {100 * tensor.parabolic:.0f} %")
    if tensor.offset_per_ang > OFF_CENTRE * points.step_per_ang:
        found.append(f"the extremum lies {tensor.offset_per_ang:.4f} 1/Å from the k-point of the edge")
    return tuple(found)


def _text(k: tuple[float, float, float]) -> str:
    return f"({', '.join(f'{x:.4g}' for x in k)})"


# --- quantities -------------------------------------------------------------------------------------------------


def mass_quantities(findings: Findings) -> tuple[Quantity, ...]:
    """Masses of every crystal of which the study asks for them, with the reduced mass of both carriers."""
    return tuple(quantity for found in findings.masses for quantity in _of_crystal(found))


def _of_crystal(found: CrystalMasses) -> Iterator[Quantity]:
    if found.missing is not None:
        for carrier in CARRIERS:
            yield _none(f"effective mass of the {carrier}", found, found.missing)
        yield _none("reduced mass", found, found.missing)
        return
    for edge in found.edges:
        yield from _of_tensor(found, edge)
        yield from _of_directions(found, edge)
        if edge.tensor is None and not edge.directional:
            assert edge.missing is not None
            yield _none(f"effective mass of the {edge.carrier}", found, edge.missing)
    yield _reduced(found)


def _none(name: str, found: CrystalMasses, why: Missing) -> Quantity:
    return Quantity(name=name, subject=found.material, unit=UNIT, value=None, missing=why, origin=(found.step,))


def _of_tensor(found: CrystalMasses, edge: EdgeMasses) -> Iterator[Quantity]:
    tensor = edge.tensor
    if tensor is None:
        return
    common = {"origin": (found.step,), "remarks": (*edge.remarks, *found.remarks)}
    for number, (mass, spread, axis) in enumerate(zip(tensor.masses, tensor.ranges, tensor.axes, strict=True), start=1):
        yield Quantity.of(
            f"effective mass of the {edge.carrier}, principal axis {number}", found.material, UNIT, mass, None,
            method=_along(axis, mass, tensor), uncertainty=spread,
            uncertainty_holds=RANGE_HOLDS, **common,
        )  # fmt: skip
    for name, value, of in (
        ("density-of-states mass", tensor.density_of_states, "of one valley"),
        ("conductivity mass", tensor.conductivity, "mean of the inverse masses"),
    ):
        yield Quantity.of(f"{name} of the {edge.carrier}", found.material, UNIT, value, None, method=of, **common)


def _along(axis: Sequence[float], mass: float, tensor: MassTensor) -> str:
    """Where a principal axis points; axes of one mass are any two of a plane, or any three."""
    pairs = zip(tensor.axes, tensor.masses, strict=True)
    others = [other for other, of_other in pairs if abs(of_other / mass - 1) > SAME_MASS]
    if not others:
        return "along any direction"
    if len(others) == 1:
        return f"along any direction normal to {_direction(others[0])} of the Cartesian axes"
    return f"along {_direction(axis)} of the Cartesian axes"


def _direction(axis: Sequence[float]) -> str:
    """The one of both that points forward along its first axis."""
    parts = [round(float(part), 2) + 0.0 for part in axis]
    forward = next((part for part in parts if part), 1.0) > 0
    return f"({', '.join(f'{part if forward else 0.0 - part:.2f}' for part in parts)})"


def _of_directions(found: CrystalMasses, edge: EdgeMasses) -> Iterator[Quantity]:
    for one in edge.directional:
        yield Quantity.of(
            f"effective mass of the {edge.carrier} along {one.direction}", found.material, UNIT, one.mass, None,
            method=f"band {one.band} of {one.bands} from the edge", uncertainty=one.range,
            uncertainty_holds=RANGE_HOLDS, origin=(found.step,), remarks=(*edge.remarks, *found.remarks),
        )  # fmt: skip


def _reduced(found: CrystalMasses) -> Quantity:
    """Of the conductivity masses; bands that are degenerate have none."""
    without = next((edge for edge in found.edges if edge.tensor is None), None)
    if without is not None:
        assert without.missing is not None
        why = Missing(kind=without.missing.kind, reason=f"{without.carrier}: {without.missing.reason}")
        return _none("reduced mass", found, why)
    inverse = sum(1 / edge.tensor.conductivity for edge in found.edges if edge.tensor is not None)
    method = "of the conductivity masses of hole and electron"
    remarks = (*(remark for edge in found.edges for remark in edge.remarks), *found.remarks)
    return Quantity.of(
        "reduced mass", found.material, UNIT, 1 / inverse, None, method=method, origin=(found.step,), remarks=remarks
    )
