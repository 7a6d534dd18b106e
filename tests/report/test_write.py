"""All that a person gets from a study, written with each figure drawn once."""

from __future__ import annotations

import base64
import re
from collections import Counter
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from outcomes import make_many, make_outcome

from dftflow.errors import StoreError
from dftflow.plot.figures import StudyFigure, study_figures
from dftflow.report.write import refuse_to_overwrite, write_outcome


def test_each_figure_is_drawn_once_and_the_page_shows_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_many(tmp_path / "study", 3)
    drawn = {figure.name for figure in study_figures(study) if figure.build is not None}
    rendered: Counter[str] = Counter()
    saved: Counter[str] = Counter()
    render, save = StudyFigure.render, Figure.savefig

    def counted(self: StudyFigure, *formats: str) -> dict[str, bytes]:
        rendered[self.name] += self.build is not None
        return render(self, *formats)

    def kept(self: Figure, *args: object, format: str, **options: object) -> None:
        saved[format] += 1
        save(self, *args, format=format, **options)

    monkeypatch.setattr(StudyFigure, "render", counted)
    monkeypatch.setattr(Figure, "savefig", kept)
    written = write_outcome(study, tmp_path / "run")
    assert {name: count for name, count in rendered.items() if count} == dict.fromkeys(drawn, 1)
    assert saved == dict.fromkeys(("svg", "pdf", "png"), len(drawn))
    page = written.report.read_text(encoding="utf-8")
    shown = [base64.b64decode(data) for data in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)]
    assert sorted(shown) == sorted(path.read_bytes() for path in written.figures if path.suffix == ".svg")


def test_the_table_names_the_diagram_the_page_and_the_numbers(tmp_path: Path) -> None:
    written = write_outcome(make_outcome(tmp_path / "study"), tmp_path / "run")
    lines = [line.split(maxsplit=1) for line in written.summary.splitlines() if str(tmp_path) in line]
    assert lines == [
        ["figure", str(tmp_path / "run/figures/alignment.svg")],
        ["report", str(written.report)],
        ["numbers", str(written.results_json)],
    ]


@pytest.mark.parametrize("name", ["results.json", "report.html", "figures/alignment.svg"])
def test_what_is_not_dftflow_s_is_not_overwritten(tmp_path: Path, name: str) -> None:
    mine, outcome = tmp_path / "run" / name, make_outcome(tmp_path / "study")
    mine.parent.mkdir(parents=True)
    mine.write_text('{"mine": 1}', encoding="utf-8")
    with pytest.raises(StoreError, match="not dftflow's") as caught:
        write_outcome(outcome, tmp_path / "run")
    assert caught.value.where == str(mine) and mine.read_text("utf-8") == '{"mine": 1}'
    assert [path for path in (tmp_path / "run").rglob("*") if path.is_file()] == [mine]
    mine.unlink()
    write_outcome(outcome, tmp_path / "run")
    write_outcome(outcome, tmp_path / "run")  # an earlier report gives way
    (tmp_path / "run" / "results.json").unlink()
    write_outcome(outcome, tmp_path / "run")  # so does what is left of one
    refuse_to_overwrite(tmp_path / "nowhere")
