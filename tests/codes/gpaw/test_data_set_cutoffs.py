"""What a data set asks for follows from its waves: a Gaussian's by the gamma function, and those that are shipped."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq  # type: ignore[import-untyped]
from scipy.special import gammaincc  # type: ignore[import-untyped]

from dftflow.codes.gpaw.data_set_cutoffs import least_cutoff, residual_cutoff_ev
from dftflow.units import HARTREE_EV

COUNT, SCALE = 600, 0.4


def data_set(width_bohr: float, **changes: str) -> str:
    """An element with one electron in an s wave exp(-r^2/2 w^2), normalised."""
    radii = SCALE * np.arange(COUNT) / (COUNT - np.arange(COUNT))
    wave = np.exp(-((radii / width_bohr) ** 2) / 2) * 2 / (np.pi**0.25 * width_bohr**1.5)
    words = {"eq": "r=a*i/(n-i)", "f": "1", "n": 'n="1"', "state": "s"} | changes
    return (
        f'<paw_dataset><valence_states><state {words["n"]} l="0" f="{words["f"]}" id="s"/></valence_states>'
        f'<radial_grid eq="{words["eq"]}" a="{SCALE}" n="{COUNT}" id="g"/>'
        f'<pseudo_partial_wave state="{words["state"]}" grid="g">{" ".join(map(repr, wave.tolist()))}'
        "</pseudo_partial_wave></paw_dataset>"
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GPAW_SETUP_PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("width_bohr", [0.5, 0.8, 1.2])
@pytest.mark.parametrize("left_out_ev", [0.3, 0.03])
def test_a_gaussian_wave(folder: Path, width_bohr: float, left_out_ev: float) -> None:
    """Its kinetic energy is 3/(4 w^2) hartree, of which Q(5/2, (q w)^2) lies beyond q."""
    (folder / "Xe.PBE.gz").write_bytes(gzip.compress(data_set(width_bohr).encode()))
    total_ev = 3 / (4 * width_bohr**2) * HARTREE_EV
    wave_number = brentq(lambda q: total_ev * gammaincc(2.5, (q * width_bohr) ** 2) - left_out_ev, 0.1, 30)
    found_ev = residual_cutoff_ev("Xe", left_out_ev)
    assert found_ev is not None
    assert np.sqrt(2 * found_ev / HARTREE_EV) == pytest.approx(wave_number, abs=0.035)  # a step


def test_what_is_no_data_set_asks_for_nothing(folder: Path) -> None:
    for text in (
        "", "<paw", "<paw_dataset/>", data_set(1.0, eq="r=d*i"), data_set(1.0, f="0"), data_set(1.0, n=""),
        data_set(1.0, state="other"), data_set(0.05),
    ):  # fmt: skip
        (folder / "Xe.PBE").write_text(text)
        assert residual_cutoff_ev("Xe", 0.1) is None
        (folder / "Xe.PBE").unlink()
    (folder / "Xe.PBE").write_bytes(gzip.compress(data_set(1.0).encode()))
    assert residual_cutoff_ev("Xe", 0.1) is None


def test_first_row_elements_are_the_hard_ones() -> None:
    """N and O ask for most, as in every plane-wave code; lead, bromine and caesium for little."""
    needs = {element: residual_cutoff_ev(element, 0.1) or 0.0 for element in ("N", "O", "C", "Pb", "Br", "Cs", "Si")}
    assert min(needs["N"], needs["O"]) > needs["C"] > needs["Pb"] > needs["Br"] > needs["Si"]
    least = least_cutoff(["Pb", "Br", "C", "N", "H"])
    assert least is not None and "data set of N" in least.why and least.ev > 435.4
    calm = least_cutoff(["Cs", "Pb", "Br"])
    assert calm is not None and calm.ev < 244.9
