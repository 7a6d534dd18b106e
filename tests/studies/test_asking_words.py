"""What is said of tables that ask for something and cannot: place, reason, and a fix that works when it is pasted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from collected import material

from dftflow.cli.main import main
from dftflow.errors import StudyError
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

HEAD = 'schema = 1\ntitle = "s"\n' + material("A", "CsBr_Pm-3m") + material("B", "CsPbBr3_Pm-3m")
FIRST = HEAD.count("\n") + 1
"""Line of what follows."""


def refused(root: Path, text: str) -> StudyError:
    (root / "s.toml").write_text(HEAD + text)
    with pytest.raises(StudyError) as caught:
        plan_study(load_study(str(root / "s.toml"), "quick"))
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "told", "fix"),
    [
        ("[photons]\nsources_nm = [365, 365.0]", 1, "sources_nm has 365 twice", ""),
        ("[diffraction]\nmarkers = [15, 15.0]", 1, "markers has 15 twice", ""),
        (
            "[[diffraction.spacings_nm]]\nd_nm = 0.5\nplus_minus_nm = 0.001\n"
            "[[diffraction.spacings_nm]]\nd_nm = 0.5\nplus_minus_nm = 0.01",
            3, "spacings_nm has 0.5 twice", "",
        ),
        ("[diffraction]\nmaterials = []", 1, "names none", '["A", "B"]'),
        ("[diffraction]\nmaterials = ['A']\nweights = { B = 1 }", 2, "names 'B'; it is of A", "A = 0.5, B = 0.5"),
        ("[diffraction]\nspacings_nm = [0.5]", 1, "has to be a table", "d_nm = 0.581"),
        ("[diffraction]\nleast_intensity = nan", 1, "from 0 to 100", ""),
        ("[diffraction]\nrange_deg = [10]", 1, "too short", "give two numbers, for example range_deg = [10.0"),
        ("[density_of_states]\nwindow_ev = [-200, 5]", 1, "from the zero of the figure", "a list of plain numbers"),
        ("[[hull]]", 0, "hull cannot be", "write [hull], in one bracket"),
        ("[photons]\nsources_nm = [365]\n[photons.measured]\ngap_ev = 2", 2, "measured", "[[photons.measured]]"),
        ("[photons]\nsources_nm = [365]\ngood_to_ev = 0.1", 2, "say what it holds", ""),
        ("[photons]\nsource_nm = [365]", 1, "unknown key 'source_nm'", "did you mean 'sources_nm'"),
        ("[photons]", 0, "sources_nm is missing", "sources_nm = [365.0"),
        ("[[published]]\nquantity = 'band gap'\nvalue = 2\nsource = 'x'", 0, "subject is missing", 'subject = "A"'),
        ("[published]\nquantity = 'g'\nsubject = 'A'\nvalue = [2]", 3, "value cannot be [2]", "value = 2.3"),
        ("[[published]]\nqantity = 'g'", 1, "unknown key", "did you mean 'quantity'"),
        ("[mismatch]\nmaterials = ['A', 'A']", 1, "mismatch.materials names a material twice", '["A", "B"]'),
        ("[mismatch]\nmaterials = ['A', 'B']\nmax_index = 0", 2, "from 1 to 3", "max_index = 1"),
        ("[phases]\nmaterials = 'all'", 1, "no two of the materials of [phases]", "[hull]"),
        ("[reaction]\nequation = 'A -> 2 B'", 1, "not balanced", ""),
        ("[reaction]\nequation = 'A -> 3/00 B'", 1, "is no number", ""),
        ("[reaction]\nequation = 'A -> ٣ B'", 1, "is no number", ""),
        ("[reaction]\nequation = ''", 1, "is empty", "equation = "),
        ("[reaction]\nequation = 'A -> B'\nfunctional_source = 'x'", 2, "which is not there", ""),
        ("[[reaction]]\nequation = 'A -> B'\n[[reaction]]\nequation = '1 A -> B'", 2, "stands in two reactions", ""),
        ("[[mismatch]]\nmaterials = ['A', 'B']\n[[mismatch]]\nmaterials = ['A', 'B']", 2, "leave one out", ""),
        (
            "[mismatch]\nmaterials = ['A', 'B']\nplanes = [{ first = [1, 0, 0], second = [1, 0, -1, 0] }]",
            2, "four indices", "(second = [1, 0, 0])",
        ),
    ],
)  # fmt: skip
def test_a_refusal_has_its_line_and_a_fix_for_that_table(
    text: str, line: int, told: str, fix: str, tmp_path: Path
) -> None:
    error = refused(tmp_path, text)
    assert error.where == f"{tmp_path / 's.toml'}:{FIRST + line}"
    assert told in error.sentence and fix in error.fix
    assert "function-" not in error.sentence and "--" not in error.fix


def test_two_tables_of_one_pair_may_ask_for_other_planes(tmp_path: Path) -> None:
    planes = "planes = [{ first = [1, 0, 0], second = [1, 0, 0] }]"
    text = f"[[mismatch]]\nmaterials = ['A', 'B']\n[[mismatch]]\nmaterials = ['A', 'B']\n{planes}"
    (tmp_path / "s.toml").write_text(HEAD + text)
    assert len(load_study(str(tmp_path / "s.toml")).content.mismatch) == 2


def test_a_measured_pattern_outside_the_range_is_refused_at_once(tmp_path: Path) -> None:
    at = np.linspace(1, 5, 50)
    np.savetxt(tmp_path / "q.xy", np.c_[at, at**2])
    error = refused(tmp_path, '[diffraction]\nmeasured = "q.xy"')
    assert "from 1 to 5 degrees, and none from 10 to 50" in error.summary and error.where.endswith(f":{FIRST + 1}")
    assert main(["diffraction", "CsBr_Pm-3m", "--measured", str(tmp_path / "q.xy")]) == 2


@pytest.mark.parametrize("code", ["vasp", "espresso"])
def test_what_a_code_cannot_do_is_said_of_a_step(code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The two codes have no such constraint for a monoclinic cell."""
    crystal = material("mono", "CsPbBr3_mono").replace("300.0", "400.0")
    (tmp_path / "s.toml").write_text(f'schema = 1\ntitle = "s"\n{crystal}cell = "lengths"\n')
    assert main(["plan", str(tmp_path / "s.toml"), "--code", code]) == 2
    told = capsys.readouterr().err
    assert "mono/bulk-relax: " in told and f"{tmp_path / 's.toml'}:4" in told
