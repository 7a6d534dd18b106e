"""A hull of a study file: what is refused when it is read, and what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest
from collected import collected_with, material

from dftflow.errors import StudyError
from dftflow.figures.study_figures import study_figures
from dftflow.studies.reader import load_study

SALTS = (
    material("CsBr", "CsBr_Pm-3m", "[5, 5, 5]")
    + material("PbBr2", "PbBr2_Pnma", "[3, 5, 3]")
    + material("CsPbBr3", "CsPbBr3_Pm-3m")
)
PER_ATOM_EV = {"CsBr": -3.5, "PbBr2": -10 / 3, "CsPbBr3": -3.6}
"""CsPbBr3: -18 + 17 = -1 eV of 5 atoms."""


def test_a_hull_comes_out_with_its_figures(tmp_path: Path) -> None:
    text = SALTS + "[hull]\nconvergence_ev_per_atom = 0.001\n"
    outcome = collected_with(tmp_path, text, lambda step, _: PER_ATOM_EV[step.id.subject.materials[0]])
    found = {(q.subject, q.name): q for q in outcome.quantities}
    assert found["CsPbBr3", "energy above the hull of its rivals"].value == pytest.approx(-0.2)
    assert found["CsPbBr3", "stability"].value == "stable"
    assert found["CsPbBr3", "stability"].origin == tuple(f"{name}/bulk-bands" for name in PER_ATOM_EV)
    assert found["CsPbBr3", "lowest chemical potential of CsBr"].value == pytest.approx(-1.0)
    assert outcome.hull is not None and outcome.hull.components == ("CsBr", "PbBr2")
    assert {"hull", "chemical-potentials"} <= {drawing.name for drawing in study_figures(outcome)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[hull]\nmaterials = ["CsBr", "KBr"]', "names 'KBr'; the study has"),
        ('[hull]\nmaterials = ["CsBr"]', "needs two materials"),
        ('[hull]\nterminals = ["CsBr", "KBr"]', "names 'KBr'; the hull has"),
        ('[hull]\nterminals = ["CsBr"]', "two terminals"),
        ("[hull]\nconvergence_ev_per_atom = -1.0", "it can be from 0 to 10"),
    ],
)
def test_what_no_study_can_mean_is_refused_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('schema = 1\ntitle = "s"\n' + SALTS + text)
    with pytest.raises(StudyError) as caught:
        load_study(str(tmp_path / "s.toml"), "quick")
    assert told in caught.value.sentence and caught.value.where.startswith(f"{tmp_path / 's.toml'}:")
