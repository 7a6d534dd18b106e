from __future__ import annotations

import base64
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from dftflow.errors import StoreError
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Missing
from dftflow.plot.figures import draw_figures
from dftflow.report.page import render_report, write_report
from dftflow.report.results_json import results_document

VOID = {"meta", "br", "img", "link", "hr", "input"}
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


class Page(HTMLParser):
    """Tags, attributes, visible text and table cells; fails on tags that do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"td", "th"}:
            self.cells.append("")
        if tag == "br" and self.cells:
            self.cells[-1] += " "
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in {"style", "title"}:
            self.text.append(data)
            if {"td", "th"} & set(self._open):
                self.cells[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


@pytest.fixture(scope="module")
def html(outcomes: ModuleType) -> str:
    outcome = outcomes.make_outcome(Path("run"))
    return render_report(outcome, draw_figures(outcome, "svg"), Path("run"))


NOT_RUN = Missing(kind="not run", reason="not run")


def test_nothing_comes_from_outside(html: str) -> None:
    page = Page(html)
    assert {name for name, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "video", "audio"} == set()
    assert all(str(image["src"]).startswith("data:image/svg+xml;base64,") for image in page.all("img"))
    assert "@import" not in html
    assert re.findall(r"url\(", html) == []
    outside = [str(a["href"]) for a in page.all("a") if re.match(r"\w+:", str(a["href"]))]
    assert outside == ["https://doi.org/10.1021/acsami.1c18025"]
    (policy,) = [m for m in page.all("meta") if m.get("http-equiv")]
    assert str(policy["content"]).startswith("default-src 'none'")


def test_figures_are_whole_svgs_with_alternative_text(html: str) -> None:
    images = Page(html).all("img")
    assert len(images) == 5
    for image in images:
        svg = base64.b64decode(str(image["src"]).split(",")[1])
        assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
        assert len(str(image["alt"])) > 30


def test_every_link_within_the_page_has_its_target_and_ids_are_unique(html: str) -> None:
    page = Page(html)
    ids = [str(attributes["id"]) for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    inside = [str(a["href"])[1:] for a in page.all("a") if str(a["href"]).startswith("#")]
    assert set(inside) <= set(ids)
    assert len(inside) > 20
    labels = {str(a["aria-labelledby"]) for _, a in page.tags if "aria-labelledby" in a}
    assert labels <= set(ids)


def _energies(value: Any, key: str = "") -> list[float]:
    if isinstance(value, dict):
        return [number for k, item in value.items() for number in _energies(item, k)]
    if isinstance(value, list):
        return [number for item in value for number in _energies(item, key)]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return [value] if is_number and key.endswith(("_ev", "_ang3")) else []


def test_every_energy_of_results_json_stands_in_a_table(outcome: StudyOutcome, html: str) -> None:
    document = results_document(outcome, Path())
    cells = " ".join(Page(html).cells).replace("\N{MINUS SIGN}", "-")
    shown = {float(number) for number in re.findall(r"(?<![\w.])[+-]?\d+\.\d+", cells)}
    shown |= {-number for number in shown}  # a range as far down as up is written with ±
    numbers = [n for part in ("materials", "alignments") for n in _energies(document[part])]
    assert len(numbers) > 40
    assert {round(n, 3) for n in numbers} <= shown


def test_numbers_link_to_the_step_they_came_from(html: str) -> None:
    page = Page(html)
    rows = {str(a["id"]) for a in page.all("tr") if "id" in a}
    links = [a for a in page.all("a") if a.get("class") == "from"]
    assert {str(a["href"])[1:] for a in links} <= rows
    assert {a["title"] for a in links} >= {
        "from CsPbBr3/bulk-bands",
        "from FAPbBr3/slab-1-potential",
        "from CsPbBr3/bulk-relax",
    }


def test_step_folders_and_decks_are_linked_relative_to_the_page(html: str) -> None:
    hrefs = {a["href"] for a in Page(html).all("a")}
    assert "steps/CsPbBr3-bulk-bands/" in hrefs
    assert "steps/CsPbBr3-bulk-bands/CsPbBr3.cell" in hrefs
    assert "8.2440 0 0 # &lt;a &amp; b&gt;" in html


def test_failures_warnings_and_preset_are_told(html: str) -> None:
    words = Page(html).words
    for text in (
        "CsPbBr3/slab-2-potential : failed , scf_not_converged: 60 cycles",
        "KohnShamConvergenceError",
        "polar (pseudocubic {111})",
        "thin slabs and a coarse grid: for a first look",
        "Left out: Potential across",
        "which of the two lies higher is not determined",
    ):
        assert text.replace(" ", "") in words.replace(" ", "")


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ 7 * 7 }} & {% raw %}",
        r"CsPbBr3 $x^ \frac $ y_",
    ],
)
def test_text_of_the_user_stays_text(outcome: StudyOutcome, tmp_path: Path, evil: str) -> None:
    cs, fa = outcome.materials
    cs = replace(
        cs,
        name=evil,
        bulk=replace(cs.bulk, source=evil, warnings=(evil,), space_group=evil),
        slabs=tuple(
            replace(
                s, levels=None, missing=Missing(kind="failed", reason=evil), model=replace(s.model, termination=evil)
            )
            for s in cs.slabs
        ),
    )
    steps = tuple(replace(s, name=f"{evil}{i}", title=evil, failure=evil, log_tail=evil, deck_files={evil: evil})
                  for i, s in enumerate(outcome.steps))  # fmt: skip
    rows = tuple(replace(a, method=evil, first_name=evil) for a in outcome.alignments)
    nasty = replace(
        outcome, title=evil, preset_note=evil, materials=(cs, fa), steps=steps, alignments=rows, settings={evil: evil},
        provenance={evil: [evil]}, warnings=(evil,),
    )  # fmt: skip
    html = render_report(nasty, draw_figures(nasty, "svg"), tmp_path)
    page = Page(html)
    assert page.all("script") == []
    assert all("onerror" not in a for _, a in page.tags)
    assert len(page.all("img")) == 5
    assert page.words.replace(" ", "").count(evil.replace(" ", "")) > 10
    title = re.search(r"<title>(.*?)</title>", html)
    assert title is not None
    assert unescape(title[1]) == evil


def test_a_study_that_gave_nothing_still_has_a_page(outcome: StudyOutcome, tmp_path: Path) -> None:
    steps = tuple(replace(s, state="not_run", results=None, wall_time_s=None) for s in outcome.steps)
    materials = tuple(
        replace(
            m,
            bulk=replace(m.bulk, edges=None, bands=None, no_edges=NOT_RUN),
            slabs=(),
        )
        for m in outcome.materials
    )
    bare = replace(
        outcome, materials=materials, alignments=(), steps=steps, settings={}, provenance={}, wall_time_s=None
    )
    html = render_report(bare, draw_figures(bare, "svg"), tmp_path)
    words = Page(html).words
    assert "No band offset." in words
    assert "fewer than two materials have absolute band edges" in words
    assert words.count("not run") >= 2 * len(steps)


def test_writing(outcome: StudyOutcome, tmp_path: Path) -> None:
    path = write_report(outcome, (), tmp_path / "run")
    assert path == tmp_path / "run" / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"report\.html cannot be written"):
        write_report(outcome, (), tmp_path / "file")


def _chromium(profile: Path, *arguments: str) -> str:
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
             "--disable-background-networking", "--disable-component-update", "--disable-sync")  # fmt: skip
    run = subprocess.run(
        [CHROMIUM, *quiet, f"--user-data-dir={profile}", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return run.stdout


@pytest.mark.debian
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="chromium is not installed (apt-get install chromium)")
@pytest.mark.parametrize("width", [1200, 500])
def test_a_browser_shows_it_without_sideways_scrolling(outcome: StudyOutcome, tmp_path: Path, width: int) -> None:
    html = write_report(outcome, draw_figures(outcome, "svg"), tmp_path).read_text(encoding="utf-8")
    measure = "document.documentElement.dataset.sizes=[document.documentElement.scrollWidth,innerWidth,"
    measure += "[...document.images].filter(i=>i.naturalWidth>100).length]"
    probe = re.sub(r"<meta http-equiv=[^>]*>", "", html)
    probe = probe.replace("</body>", f"<script>addEventListener('load',()=>{{{measure}}})</script></body>")
    page = tmp_path / "probe.html"
    page.write_text(probe, encoding="utf-8")
    dom = _chromium(tmp_path / "p1", f"--window-size={width},900", "--dump-dom", page.as_uri())
    sizes = re.search(r'data-sizes="(\d+),(\d+),(\d+)"', dom)
    assert sizes is not None
    scroll, inner, images = map(int, sizes.groups())
    assert scroll <= inner
    assert images == 5
    shot = tmp_path / "shot.png"
    _chromium(
        tmp_path / "p2", f"--window-size={width},900", f"--screenshot={shot}", (tmp_path / "report.html").as_uri()
    )
    import matplotlib.image

    pixels = matplotlib.image.imread(shot)
    assert 0.01 < float((pixels[..., :3].min(axis=2) < 0.5).mean()) < 0.5
