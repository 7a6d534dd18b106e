"""Powder patterns from Python and from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from pymatgen.core import Lattice, Structure

import dftflow
from dftflow.cli.main import main
from dftflow.errors import AnalysisError, InputError, StructureError
from dftflow.model.diffraction import Reading

PHASES = ("CsPbBr3_Pnma", "CsPbBr3_mono", "Cs4PbBr6_R-3c")


def test_lines_as_a_table_and_as_plain_data() -> None:
    found = dftflow.diffraction(*PHASES, spacings=["0.581"], markers=[15])
    frame = found.to_frame()
    assert set(frame.crystal) == set(PHASES)
    assert frame[frame.crystal == "CsPbBr3_Pnma"].sort_values("intensity").planes.iloc[-1] == "(121)"
    plain = json.loads(json.dumps(found.to_dict()))
    assert [row["line"] is None for row in plain["markers"]] == [False, False, True]
    assert plain["spacings"][0]["candidates"][0]["line"]["planes"] == "(101)"
    assert "CsPbBr3_Pnma (101) is nearest" in found.verdict("0.581") == found.verdict(0.581)
    assert found["Cs4PbBr6_R-3c"].setting == "R-3c:H"
    assert "<svg" in found._repr_html_()


def test_atoms_and_the_same_crystal_twice() -> None:
    found = dftflow.diffraction(bulk("Cu", cubic=True), bulk("Cu", cubic=True), range_deg=(20, 80))
    assert [one.crystal for one in found.found.crystals] == ["Cu", "Cu (2)"]
    assert found["Cu"].lines == found["Cu (2)"].lines


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"wavelength_nm": 0}, "wavelength"),
        ({"wavelength_nm": float("nan")}, "wavelength"),
        ({"range_deg": (50, 10)}, "lower angle first"),
        ({"range_deg": (10, 200)}, "2θ"),
        ({"size_nm": -1}, "size"),
        ({"weights": {"KBr": 1}}, "none of the crystals"),
        ({"spacings": ["half"]}, "no distance"),
        ({"spacings": ["0.05"]}, "diffract no radiation"),
        ({"markers": [400]}, "2θ"),
        ({"measured": "nothing.xy"}, "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(InputError) as caught:
        dftflow.diffraction("CsBr_Pm-3m", **options)  # type: ignore[arg-type]
    assert told in str(caught.value) and caught.value.fix


def test_no_crystal_is_refused() -> None:
    with pytest.raises(InputError, match="there is no crystal"):
        dftflow.diffraction()
    with pytest.raises(StructureError, match="did you mean CsPbBr3_Pnma"):
        dftflow.diffraction("CsPbBr3_Pnmb")
    with pytest.raises(InputError, match="no lines of"):
        dftflow.diffraction("CsBr_Pm-3m")["KBr"]


def test_readings_have_half_a_unit_of_their_last_digit() -> None:
    assert Reading.of_text("0.58") == Reading(d_nm=0.58, plus_minus_nm=0.005)
    assert Reading.of_text("0.580").plus_minus_nm == pytest.approx(0.0005)
    assert Reading.of_text("0.581 ± 0.002").plus_minus_nm == 0.002


# --- the command ------------------------------------------------------------------------------------------------


def test_the_command_prints_lines_markers_and_planes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "xrd.svg"
    options = ["--spacing", "0.581", "--marker", "15", "--out", str(out), "--weight", "CsPbBr3_Pnma=0.6"]
    assert main(["diffraction", *PHASES, *options, "--weight", "Cs4PbBr6_R-3c=0.4"]) == 0
    told = capsys.readouterr()
    assert "(121)" in told.out and "off by 0.05 %" in told.out and "30.27" in told.out
    assert "none" in told.out and "written" in told.err and "<svg" in out.read_text()


def test_the_command_assigns_measured_peaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = np.linspace(10, 50, 801)
    counts = 900 / (1 + ((at - 29.4) / 0.15) ** 2) + 100 / (1 + ((at - 18) / 0.15) ** 2)
    np.savetxt(tmp_path / "xrd.csv", np.c_[at, counts], delimiter=",", header="2theta,I")
    assert main(["diffraction", "CsBr_Pm-3m", "--measured", str(tmp_path / "xrd.csv")]) == 0
    told = capsys.readouterr().out
    assert "CsBr_Pm-3m (110) 29.41 (100 %)" in told and "unassigned" in told
    assert main(["diffraction", "CsBr_Pm-3m", "--measured", str(tmp_path / "xrd.csv"), "--json"]) == 0
    assert [len(row["lines"]) for row in json.loads(capsys.readouterr().out)["peaks"]] == [0, 1]


@pytest.mark.parametrize(
    "options", [["--wavelength-nm", "0"], ["--range", "50", "10"], ["--range", "10", "181"], ["--weight", "x"],
                ["--spacing", "no"], ["--measured", "nothing.xy"], ["--least", "-1"]],
)  # fmt: skip
def test_the_command_refuses_what_cannot_be(options: list[str]) -> None:
    assert main(["diffraction", "CsBr_Pm-3m", *options]) == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--weight", "CsBr_Pm-3m=1", "--weight", "CsBr_Pm-3m=2"], "two shares"),
        (["--marker", "15", "--marker", "15.0"], "stands twice"),
        (["--spacing", "0.42", "--spacing", "0.42+-0.01"], "stands twice"),
        (["--least", "nan"], "from 0 to 100"),
    ],
)
def test_the_command_takes_nothing_twice(options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diffraction", "CsBr_Pm-3m", *options]) == 2
    assert told in capsys.readouterr().err


def test_vacuum_diffracts_no_powder() -> None:
    """Lines of a cell with a sheet in it, at (003) and the like, are those of nothing that there is."""
    graphene = Structure(Lattice.hexagonal(2.46, 20), ["C", "C"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])
    water = Structure(Lattice.cubic(15), ["O", "H", "H"], [[0.5, 0.5, 0.5], [0.56, 0.5, 0.5], [0.48, 0.56, 0.5]])
    for cell in (graphene, water):
        with pytest.raises(AnalysisError, match="no pattern of") as caught:
            dftflow.diffraction(cell)
        assert "empty over at least 8 Å" in caught.value.reason
