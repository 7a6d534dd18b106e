"""Lattice mismatch from Python and from the command line."""

from __future__ import annotations

import json
import shlex

import pytest
from ase.build import bulk

import dftflow
from dftflow.cli.main import main
from dftflow.errors import InputError, SurfaceError

PAIR = ("FAPbBr3_Pm-3m_FA100", "CsPbBr3_Pnma")


def test_atoms_of_ase_and_a_table() -> None:
    found = dftflow.lattice_mismatch(bulk("Ge"), bulk("Si"))
    assert found.best is not None and found.best.least is not None
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["strained"] == "Ge"
    assert plain["lengths"][0]["percent_of_second"] == pytest.approx(100 * (5.66 / 5.43 - 1), abs=0.1)
    frame = found.to_frame()
    assert list(frame.mean_percent) == sorted(frame.mean_percent)


def test_planes_with_their_settings() -> None:
    planes = [(("100", "cubic"), ((0, 1, 0), "Pnma")), (("1 1 1", "cubic"), ("011", "Pnma"))]
    found = dftflow.lattice_mismatch(*PAIR, planes=planes)
    assert [(str(pair.first), str(pair.second)) for pair in found.found.pairs] == [
        ("(100) cubic", "(010) Pnma"), ("(111) cubic", "(011) Pnma"),
    ]  # fmt: skip
    with pytest.raises(SurfaceError, match="ambiguous"):
        dftflow.lattice_mismatch(*PAIR, planes=[("100", "010")])
    with pytest.raises(InputError, match="pairs"):
        dftflow.lattice_mismatch(*PAIR, planes=["100"])  # type: ignore[list-item]


@pytest.mark.parametrize("options", [{"max_index": 0}, {"max_area_ang2": 1e4}, {"most_strain_percent": 0},
                                     {"published_percent": 80}, {"max_index": float("nan")}])  # fmt: skip
def test_what_cannot_be_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError) as caught:
        dftflow.lattice_mismatch(*PAIR, **options)  # type: ignore[arg-type]
    assert "it can be" in caught.value.fix


def test_the_command_names_what_it_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mismatch", *PAIR, "--published", "3.4", "--plane", "1 0 0 cubic", "010 Pnma"]) == 0
    told = capsys.readouterr().out
    assert "nearest to it is a (5.9900 Å) with c/√2 (5.7970 Å): 3.33 % of the second, 3.22 % of the first" in told
    assert "(100) cubic" in told and "-3.22, -2.68" in told
    assert main(["mismatch", *PAIR, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["planes"]) == 6


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mismatch", *PAIR, "--plane", "1 0 0", "0 1 0"]) == 2
    assert '--plane "1 0 0 given"' in capsys.readouterr().err
    assert main(["mismatch", *PAIR, "--plane", "x", "010"]) == 2
    assert main(["mismatch", *PAIR, "--max-index", "7"]) == 2
    assert main(["mismatch", "CsPbBr3_Pm-3m", "CsBr_Pm-3m", "--max-area", "20", "--most-strain", "0.2"]) == 0
    assert "no two planes" in capsys.readouterr().out


def test_a_published_mismatch_keeps_its_sign(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mismatch", "CsBr_Pm-3m", "CsPbBr3_Pm-3m", "--published", "-3.4"]) == 0
    assert "published -3.4 %, sizes alone are compared; nearest to it is" in capsys.readouterr().out


def test_the_example_of_the_help_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mismatch", "--help"]) == 0
    told = capsys.readouterr().out
    lines = [line.strip() for line in told.splitlines() if line.strip().startswith("dftflow mismatch F")]
    assert len(lines) == 2
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0


def test_indices_are_named_as_this_command_takes_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mismatch", "CsBr_Pm-3m", "CsPbBr3_Pm-3m", "--plane", "1 0 0", "1 0 -1 0"]) == 2
    told = capsys.readouterr().err
    assert "write three indices, 1 0 0" in told and "--miller" not in told
