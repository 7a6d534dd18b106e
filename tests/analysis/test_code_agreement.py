"""Two codes on one crystal: what has no common measure, what has one, and to what tolerance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from outcomes import CS_010, CS_BANDS, StoredRun

from dftflow.analysis.code_agreement import compare_codes
from dftflow.api.calculation import read
from dftflow.model.code_comparison import CodeRow
from dftflow.model.results import Bands, Results


@pytest.fixture(scope="module")
def crystal(stored: StoredRun) -> Results:
    return read(stored.folder(CS_BANDS)).results


@pytest.fixture(scope="module")
def slab(stored: StoredRun) -> Results:
    return read(stored.folder(CS_010)).results


def other_code(results: Results, **method: Any) -> Results:
    """The same as another code would have it: its own cutoff, potentials and zero of the energy."""
    assert results.method is not None and results.energy_ev is not None
    own = {"code": "castep", "code_version": "25.1", "cutoff_ev": 700.0, "potentials": {"Cs": "C19"}} | method
    return replace(results, energy_ev=results.energy_ev - 4321.0, method=replace(results.method, **own))


def rows(first: Results, second: Results) -> dict[str, CodeRow]:
    return {row.quantity: row for row in compare_codes(first, second).rows}


def moved(bands: Bands, *, all_ev: float = 0.0, conduction_ev: float = 0.0, rough_ev: float = 0.0) -> Bands:
    """Eigenvalues on another zero, the empty ones moved, the filled ones but the highest moved up and down in turn."""
    values = np.array(bands.eigenvalues_ev)
    filled = round(bands.n_electrons[0] / 2)
    values[..., filled:] += conduction_ev
    values[..., : filled - 1] += rough_ev * np.where(np.arange(filled - 1) % 2, 1, -1)
    return replace(bands, eigenvalues_ev=values + all_ev)


def test_two_codes_that_agree(crystal: Results) -> None:
    assert crystal.bands is not None
    other = replace(other_code(crystal), bands=moved(crystal.bands, all_ev=3.21))
    compared = compare_codes(crystal, other)
    by_name = rows(crystal, other)
    assert compared.verdict == "agrees" and compared.sentence == "they agree in all that can be compared"
    free = {name for name, row in by_name.items() if row.verdict == "not comparable"}
    assert free == {"code", "version", "cutoff", "potentials", "total energy"}
    assert all("convention" in by_name[name].tolerance for name in ("band gap", "volume per formula unit"))
    assert by_name["valence bands below the VBM"].second == "rms difference 0.000 eV", "another zero is no difference"


@pytest.mark.parametrize(("shift_ev", "verdict"), [(0.04, "agrees"), (-0.04, "agrees"), (0.07, "differs")])
def test_the_gap(crystal: Results, shift_ev: float, verdict: str) -> None:
    assert crystal.bands is not None
    other = replace(other_code(crystal), bands=moved(crystal.bands, conduction_ev=shift_ev))
    assert rows(crystal, other)["band gap"].verdict == verdict
    assert rows(other, crystal)["band gap"].verdict == verdict
    assert rows(crystal, other)["band gap"].note == f"{shift_ev:+.3f} eV"


@pytest.mark.parametrize(("rough_ev", "verdict"), [(0.03, "agrees"), (0.2, "differs")])
def test_the_valence_bands(crystal: Results, rough_ev: float, verdict: str) -> None:
    assert crystal.bands is not None
    other = replace(other_code(crystal), bands=moved(crystal.bands, rough_ev=rough_ev))
    row = rows(crystal, other)["valence bands below the VBM"]
    filled = round(crystal.bands.n_electrons[0] / 2)
    expected = rough_ev * ((filled - 1) / filled) ** 0.5
    assert row.verdict == verdict and row.second == f"rms difference {expected:.3f} eV"


def test_semicore_bands_of_one_side_are_left_out(crystal: Results) -> None:
    assert crystal.bands is not None
    bands = crystal.bands
    deep = np.full((*bands.eigenvalues_ev.shape[:2], 2), -60.0)
    more = replace(
        bands,
        eigenvalues_ev=np.concatenate([deep, bands.eigenvalues_ev], axis=2),
        n_electrons=(bands.n_electrons[0] + 4,),
    )
    row = rows(crystal, replace(other_code(crystal), bands=more))["valence bands below the VBM"]
    assert row.second == "rms difference 0.000 eV" and row.first == f"at {len(bands.kpoints_frac)} common k-points"


def test_no_common_k_point_gives_no_row(crystal: Results) -> None:
    assert crystal.bands is not None
    other = replace(crystal.bands, kpoints_frac=crystal.bands.kpoints_frac + 0.0123)
    assert "valence bands below the VBM" not in rows(crystal, replace(other_code(crystal), bands=other))
    back = replace(crystal.bands, kpoints_frac=1.0 - crystal.bands.kpoints_frac)
    assert "valence bands below the VBM" in rows(crystal, replace(other_code(crystal), bands=back)), "k and -k"


def test_another_volume_is_said_beside_the_gap(crystal: Results) -> None:
    assert crystal.structure is not None
    larger = replace(other_code(crystal), structure=crystal.structure.apply_strain(0.01, inplace=False))
    by_name = rows(crystal, larger)
    assert by_name["volume per formula unit"].verdict == "differs"
    assert "at two volumes, +3.0 %" in by_name["band gap"].tolerance
    slightly = replace(other_code(crystal), structure=crystal.structure.apply_strain(0.002, inplace=False))
    assert rows(crystal, slightly)["volume per formula unit"].verdict == "agrees"


def test_another_intent_differs(crystal: Results) -> None:
    compared = compare_codes(crystal, other_code(crystal, functional="PBEsol"))
    assert compared.verdict == "differs" and compared.sentence == "they do not agree in: functional"
    untold = compare_codes(crystal, other_code(crystal, functional=None))
    assert untold.verdict == "unknown"


@pytest.mark.parametrize(("shift_ev", "verdict"), [(0.08, "agrees"), (0.12, "differs")])
def test_work_functions_whichever_way_the_slab_stands(slab: Results, shift_ev: float, verdict: str) -> None:
    assert slab.log_fermi is not None and slab.structure is not None and slab.potential is not None
    lower = replace(slab.log_fermi, value_ev=slab.log_fermi.value_ev - shift_ev)
    by_name = rows(slab, replace(other_code(slab), log_fermi=lower))
    for side in ("higher", "lower"):
        assert by_name[f"work function, side of the {side} W"].verdict == verdict
        assert by_name[f"own E_vac - E_VBM, side of the {side} W"].verdict == "agrees"
    assert not any(name.endswith("lattice vector") for name in by_name), "that of the vacuum is free"


def test_the_higher_side_is_compared_with_the_higher(slab: Results) -> None:
    """The second slab stands on its head."""
    assert slab.potential is not None and slab.structure is not None
    values = np.array(slab.potential.values_ev)
    heights = slab.structure.frac_coords[:, 2] % 1.0
    above = np.arange(values.shape[2]) > (heights.max() * values.shape[2])
    one = replace(slab, potential=replace(slab.potential, values_ev=values - 0.4 * above))
    mirrored = np.roll((values - 0.4 * above)[..., ::-1], 1, axis=2)
    turned = slab.structure.copy()
    for number in range(len(turned)):
        turned[number] = turned[number].species, turned.frac_coords[number] * [1, 1, -1] % 1.0
    other = replace(other_code(slab), structure=turned, potential=replace(slab.potential, values_ev=mirrored))
    by_name = rows(one, other)
    higher, lower = (by_name[f"work function, side of the {side} W"] for side in ("higher", "lower"))
    assert higher.verdict == lower.verdict == "agrees"
    apart_ev = float(higher.first.split()[0]) - float(lower.first.split()[0])
    assert apart_ev == pytest.approx(0.4, abs=2e-3)


def test_a_side_that_gives_no_number_is_unknown(slab: Results) -> None:
    by_name = rows(slab, replace(other_code(slab), potential=None))
    assert by_name["work function, side of the higher W"].verdict == "unknown"
