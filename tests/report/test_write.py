"""All that a person gets from a study, written with each figure drawn once."""

from __future__ import annotations

import base64
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from outcomes import make_failed, make_many, make_outcome

from dftflow.errors import StoreError
from dftflow.figures import kept
from dftflow.figures.drawing import Drawing
from dftflow.figures.kept import DRAWN_FILE
from dftflow.figures.study_figures import study_figures
from dftflow.report import page as page_module
from dftflow.report import write
from dftflow.report.own_files import refuse_to_overwrite
from dftflow.report.write import write_outcome


def test_each_figure_is_drawn_once_and_the_page_shows_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_many(tmp_path / "study", 3)
    drawn = {figure.name for figure in study_figures(study) if figure.build is not None}
    rendered: Counter[str] = Counter()
    saved: Counter[str] = Counter()
    render, save = Drawing.render, Figure.savefig

    def counted(self: Drawing, *formats: str) -> dict[str, bytes]:
        rendered[self.name] += self.build is not None
        return render(self, *formats)

    def kept(self: Figure, *args: object, format: str, **options: object) -> None:
        saved[format] += 1
        save(self, *args, format=format, **options)

    monkeypatch.setattr(Drawing, "render", counted)
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


# --- again, and of many ------------------------------------------------------------------------------------------


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the figures that are drawn, in order."""
    names: list[str] = []
    render = Drawing.render

    def counted(self: Drawing, *formats: str) -> dict[str, bytes]:
        names.append(self.name)
        return render(self, *formats)

    monkeypatch.setattr(Drawing, "render", counted)
    return names


def test_a_figure_is_drawn_again_when_what_it_shows_has_changed(tmp_path: Path, rendered: list[str]) -> None:
    study, folder = make_outcome(tmp_path / "study"), tmp_path / "run"
    first = write_outcome(study, folder)
    page = first.report.read_bytes()
    drawn, rendered[:] = list(rendered), []
    assert write_outcome(study, folder).figures == first.figures
    assert rendered == [] and first.report.read_bytes() == page
    (folder / "figures" / "bands.pdf").write_bytes(b"%PDF half of it")
    write_outcome(study, folder)
    assert rendered == ["bands"] and (folder / "figures" / "bands.pdf").stat().st_size > 1000
    material, *others = study.materials
    slab = material.slabs[0]
    moved = replace(slab.profile, planar_ev=slab.profile.planar_ev + 0.01)
    slabs = (replace(slab, profile=moved), *material.slabs[1:])
    rendered.clear()
    write_outcome(replace(study, materials=(replace(material, slabs=slabs), *others)), folder)
    assert rendered == [f"potential-{material.name}-slab1"]
    rendered.clear()
    (folder / "figures" / DRAWN_FILE).write_text("[", encoding="utf-8")
    write_outcome(study, folder)
    assert rendered == drawn, "a damaged record draws all of them"


def test_every_figure_is_said_and_has_its_numbers_beside_it(tmp_path: Path, rendered: list[str]) -> None:
    failed, folder = make_failed(tmp_path / "study"), tmp_path / "run"
    lines: list[str] = []
    write_outcome(failed, folder, say=lines.append)
    assert "figure alignment: drawn (svg, pdf, png, csv)" in lines
    assert "figure offsets: drawn (svg, pdf, png, csv)" in lines
    (missing,) = [line for line in lines if line.startswith("figure potential-CsPbBr3-slab1: none, because")]
    assert "failed" in missing
    table = (folder / "figures" / "bands.csv").read_text(encoding="utf-8").splitlines()
    assert table[0].startswith("name,part,distance_per_ang") and len(table) > 100
    lines.clear()
    (folder / "figures" / "bands.csv").write_text("name\n", encoding="utf-8")
    write_outcome(failed, folder, say=lines.append)
    assert "figure alignment: as it was (svg, pdf, png, csv)" in lines
    assert "figure bands: drawn (svg, pdf, png, csv)" in lines
    assert (folder / "figures" / "bands.csv").read_text(encoding="utf-8").splitlines() == table


def test_another_style_draws_all_of_them(tmp_path: Path, rendered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    study, folder = make_outcome(tmp_path / "study"), tmp_path / "run"
    write_outcome(study, folder)
    drawn, rendered[:] = list(rendered), []
    monkeypatch.setattr(kept, "_drawer", lambda: "another one")
    write_outcome(study, folder)
    assert rendered == drawn


def test_of_many_materials_the_page_links_to_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "MANY_MATERIALS", 4)
    monkeypatch.setattr(page_module, "LARGE_BYTES", 1000)
    written = write_outcome(make_many(tmp_path / "study", 5), tmp_path / "run")
    assert {path.suffix for path in written.figures} == {".svg", ".csv"}
    page = written.report.read_text(encoding="utf-8")
    images = re.findall(r'<img [^>]*loading="lazy" width="[\d.]+" height="[\d.]+" src="([^"]+)"', page)
    assert images == [f"figures/{path.name}" for path in written.figures if path.suffix == ".svg"]
    assert "base64" not in page and "<pre aria-label=" not in page.partition('id="steps"')[2]
    index = re.findall(r"<li><strong>.*</li>", page.partition('class="index"')[2].partition("</ul>")[0])
    assert len(index) == 5 and all("edges" in line and "potential" in line and "steps" in line for line in index)
    ids = set(re.findall(r'id="([^"]+)"', page))
    assert {target for line in index for target in re.findall(r'href="#([^"]+)"', line)} <= ids


def test_of_a_few_materials_the_page_holds_all_it_shows(tmp_path: Path) -> None:
    written = write_outcome(make_outcome(tmp_path / "study"), tmp_path / "run")
    page = written.report.read_text(encoding="utf-8")
    assert "loading=" not in page and "img-src data:;" in page and 'class="index"' not in page
