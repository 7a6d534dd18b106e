"""Which eigenvalues a calculation of CASTEP has, and which run they are of.

A band structure may stand in the calculation's own ``.bands``, behind its SCF, or, as Materials Studio leaves it, in a
property run ``<seed>_BandStr`` beside the SCF's. In both it may have been made with a functional of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dftflow.analysis.joined_bands import join_bands
from dftflow.codes.castep.input.param_file import ParamFile
from dftflow.codes.castep.output.castep_run import CastepRun
from dftflow.codes.castep.output.method import band_structure_functional, castep_method
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.method import Method
from dftflow.model.results import Bands, BandsRun

__all__ = ["ChosenEigenvalues", "SeedFiles", "choose_eigenvalues"]

_BAND_TASKS = ("bandstructure", "spectral")


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class SeedFiles:
    """What was read of one seed; None for a file that is not there or was refused."""

    log: CastepRun | None = None
    params: ParamFile | None = None
    bands: Bands | None = None

    @property
    def is_band_structure(self) -> bool:
        """Whether the eigenvalues are those of a band structure; those of an SCF follow no path and no list."""
        if self.log is not None:
            return self.log.setup.is_band_structure
        return self.params is not None and self.params.option("task") in _BAND_TASKS


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ChosenEigenvalues:
    """The eigenvalues that count.

    Attributes
    ----------
    run
        As `Results.bands_run`.
    parts
        The sets of one run each that `bands` holds.
    remark
        What was left out, and why; ``""`` when nothing was.
    """

    bands: Bands | None
    run: BandsRun | None = None
    parts: tuple[Bands, ...] = ()
    remark: str = ""


def choose_eigenvalues(base: SeedFiles, band_structure: SeedFiles) -> ChosenEigenvalues:
    """The eigenvalues of a calculation and of its band-structure run, joined where they may be.

    Where they may not, those of the band-structure run stand alone, with the method of that run.

    Parameters
    ----------
    base
        The calculation itself.
    band_structure
        Its property run; empty where there is none.
    """
    further = band_structure.bands
    if further is None:
        return _of_one_seed(base)
    run, why = _run_of(band_structure, further, _band_structure_method(band_structure)), ""
    if base.bands is not None:
        own = _run_of(base, base.bands, castep_method(base.log, base.params))
        joined = join_bands(base.bands, own, further, run)
        if not joined.why_not:
            return ChosenEigenvalues(bands=joined.bands, parts=(base.bands, further))
        why = f"the eigenvalues of the SCF were left out, and those of the band structure stand alone: {joined.why_not}"
    return ChosenEigenvalues(bands=further, run=run, parts=(further,), remark=why)


def _run_of(files: SeedFiles, bands: Bands, method: Method | None) -> BandsRun:
    """The run of `bands`, by its own log."""
    fermi_ev = None if files.log is None else files.log.fermi_ev
    return BandsRun(
        method=Method(code="castep", code_version="", hubbard_u_ev=None) if method is None else method,
        log_fermi=None if fermi_ev is None else Energy(fermi_ev, bands.zero),
        structure=None if files.log is None else files.log.structure(),
    )


def _of_one_seed(base: SeedFiles) -> ChosenEigenvalues:
    if base.bands is None:
        return ChosenEigenvalues(bands=None)
    of_energy = castep_method(base.log, base.params)
    separate = band_structure_functional(base.params)
    if of_energy is None or separate is None or not base.is_band_structure:
        return ChosenEigenvalues(bands=base.bands, parts=(base.bands,))
    if of_energy.functional is not None and of_energy.functional.casefold() == separate.casefold():
        return ChosenEigenvalues(bands=base.bands, parts=(base.bands,))
    zero = EnergyZero(run=f"{base.bands.zero.run} with {separate}", reference=base.bands.zero.reference)
    bands = replace(base.bands, zero=zero)
    run = _run_of(base, bands, replace(of_energy, functional=separate))
    return ChosenEigenvalues(bands=bands, run=run, parts=(bands,))


def _band_structure_method(files: SeedFiles) -> Method | None:
    method = castep_method(files.log, files.params)
    separate = band_structure_functional(files.params)
    return method if method is None or separate is None else replace(method, functional=separate)
