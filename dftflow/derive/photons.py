"""Which light the crystals of a study take up, by gaps that were calculated and gaps that were measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dftflow.analysis.photons import photon_energy_ev, uptake
from dftflow.derive.findings import Findings
from dftflow.model.absorption import Absorption, AbsorptionRequest, KnownGap
from dftflow.model.outcome import MaterialOutcome
from dftflow.model.quantity import Quantity

__all__ = ["PHOTON_ENERGY", "UPTAKE", "absorptions", "photon_quantities"]

CALCULATED = "calculated gap"
UPTAKE = "uptake of light of"
PHOTON_ENERGY = "photon energy"


def absorptions(request: AbsorptionRequest | None, materials: Sequence[MaterialOutcome]) -> tuple[Absorption, ...]:
    """Every source of light with every gap, the measured ones behind those that were calculated of each material."""
    if request is None:
        return ()
    gaps = [gap for name in _names(request) for gap in _gaps(name, request, materials)]
    return tuple(_absorption(wavelength, gap) for gap in gaps for wavelength in request.sources_nm)


def _names(request: AbsorptionRequest) -> list[str]:
    return list(dict.fromkeys((*request.materials, *(gap.of for gap in request.measured))))


def _gaps(name: str, request: AbsorptionRequest, materials: Sequence[MaterialOutcome]) -> Iterator[KnownGap]:
    for material in materials:
        if material.name == name and name in request.materials and material.bulk.edges is not None:
            yield KnownGap(
                of=name,
                gap_ev=material.bulk.edges.band_gap_ev,
                reach_ev=request.good_to_ev,
                reach_holds=request.good_to_holds,
                said="calculated",
                source=material.bulk.edges_step,
            )
    yield from (gap for gap in request.measured if gap.of == name)


def _absorption(wavelength_nm: float, gap: KnownGap) -> Absorption:
    photon_ev = photon_energy_ev(wavelength_nm)
    found = uptake(photon_ev, gap.gap_ev, gap.reach_ev)
    return Absorption(wavelength_nm=wavelength_nm, photon_ev=photon_ev, gap=gap, uptake=found)


def photon_quantities(findings: Findings) -> Iterator[Quantity]:
    """Energy of the photons of each source, and whether each gap takes them up; why there is no gap of a material."""
    request = findings.asked.light
    if request is None:
        return
    for wavelength in request.sources_nm:
        yield Quantity(
            name=PHOTON_ENERGY, subject=f"{wavelength:g} nm", unit="eV", value=photon_energy_ev(wavelength),
            method="h c / wavelength in vacuum", origin=("CODATA 2022",),
        )  # fmt: skip
    for row in findings.absorptions:
        yield Quantity(
            name=_name(row.wavelength_nm), subject=row.gap.of, unit="", value=row.uptake,
            method=_method(row.gap), origin=(row.gap.source,),
            remarks=(f"gap ± {row.gap.reach_ev:g} eV: {row.gap.reach_holds}",),
        )  # fmt: skip
    for material in findings.materials:
        if material.name in request.materials and material.bulk.no_edges is not None:
            for wavelength in request.sources_nm:
                yield Quantity(
                    name=_name(wavelength), subject=material.name, unit="", value=None,
                    method=CALCULATED, origin=(material.bulk.edges_step,), missing=material.bulk.no_edges,
                )  # fmt: skip


def _name(wavelength_nm: float) -> str:
    return f"{UPTAKE} {wavelength_nm:g} nm"


def _method(gap: KnownGap) -> str:
    return CALCULATED if gap.said == "calculated" else f"gap {gap.gap_ev:g} eV, {gap.said}"
