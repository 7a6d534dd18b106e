from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from outcomes import CS_011, CS_BANDS, FA_010, FAILURE, VARIANTS, StoredRun, make_bare, make_many, make_relaxed

from dftflow.errors import StoreError
from dftflow.figures.figure_files import draw_figures
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Quantity
from dftflow.report.headline import headline
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
        self.rows: dict[str, list[list[str]]] = {}
        self._anchor = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "h2":
            self._anchor = f"#{dict(attrs).get('id')}"
        if tag == "tr":
            self.rows.setdefault(self._anchor, []).append([])
        if tag in {"td", "th"}:
            self.cells.append("")
            self.rows[self._anchor][-1].append("")
        if tag == "br" and self.cells:
            self._add(" ")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in {"style", "title"}:
            self.text.append(data)
            if {"td", "th"} & set(self._open):
                self._add(data)

    def _add(self, data: str) -> None:
        self.cells[-1] += data
        self.rows[self._anchor][-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def table(self, anchor: str) -> list[list[str]]:
        """Cells of the rows between the heading `anchor` and the next heading."""
        return self.rows.get(anchor, [])

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """The paper's study at `quick`, whose polar slab of CsPbBr3 did not converge."""
    return StoredRun.of(tmp_path_factory.mktemp("page")).failed(CS_011)


@pytest.fixture(scope="module")
def html(shown: StoredRun) -> str:
    outcome = shown.outcome()
    return render_report(outcome, draw_figures(outcome, "svg"), shown.root)


def _of(outcome: StudyOutcome, folder: Path = Path()) -> Page:
    return Page(render_report(outcome, (), folder))


def test_nothing_comes_from_outside(html: str) -> None:
    page = Page(html)
    assert {name for name, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "video", "audio"} == set()
    assert all(str(image["src"]).startswith("data:image/svg+xml;base64,") for image in page.all("img"))
    assert "@import" not in html
    assert re.findall(r"url\(", html) == []
    outside = {str(a["href"]) for a in page.all("a") if re.match(r"\w+:", str(a["href"]))}
    assert outside == {"https://doi.org/10.1021/acsami.1c18025"}
    (policy,) = [m for m in page.all("meta") if m.get("http-equiv")]
    assert str(policy["content"]).startswith("default-src 'none'")


def test_figures_are_whole_svgs_with_alternative_text(html: str) -> None:
    """Alignment, offsets, bands, structures, and the profiles of the two slabs that finished."""
    images = Page(html).all("img")
    assert len(images) == 6
    for image in images:
        svg = base64.b64decode(str(image["src"]).split(",")[1])
        assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
        assert len(str(image["alt"])) > 30


def test_every_figure_links_its_files(outcome: StudyOutcome, tmp_path: Path) -> None:
    figures = draw_figures(outcome, "svg", "pdf", "csv")
    page = Page(render_report(outcome, figures, tmp_path))
    links = [str(link["href"]) for link in page.all("a") if str(link.get("href", "")).startswith("figures/")]
    assert sorted(links) == sorted(f"figures/{f.figure.name}.{k}" for f in figures for k in ("svg", "pdf", "csv"))


def test_no_sentence_is_cut_short(outcome: StudyOutcome) -> None:
    """A cell of a notebook holds 300 letters; the headline, captions and remarks of the page have no such end."""
    figures = draw_figures(outcome, "svg")
    words = Page(render_report(outcome, figures, Path())).words.replace("\N{NO-BREAK SPACE}", " ")
    told = headline(outcome)
    sentences = [told.result, told.meaning, *(figure.figure.caption for figure in figures)]
    sentences += [remark for row in outcome.alignments for remark in row.remarks]
    assert max(map(len, sentences)) > 500
    assert [text for text in sentences if " ".join(text.split()) not in words] == []
    assert " ... " not in words


def test_letters_have_one_size_in_all_figures(tmp_path: Path) -> None:
    """One band structure is drawn 3.3 inches wide, an alignment 6.7; five columns of an alignment do not get wider."""
    outcome = VARIANTS["metallic"](tmp_path)
    images = Page(render_report(outcome, draw_figures(outcome, "svg"), tmp_path)).all("img")
    widths = {str(image["alt"]).split(".")[0]: str(image["style"]) for image in images}
    assert widths["Band structures"] == f"max-width: {52 * 3.3 / 6.7:.1f}rem"
    assert widths["Crystal structures"] == "max-width: 52.0rem"
    many = make_many(tmp_path, 8)
    wide = [drawn for drawn in draw_figures(many, "svg") if drawn.figure.name == "alignment"]
    (image,) = Page(render_report(many, wide, tmp_path)).all("img")
    assert image["style"] == "max-width: 52.0rem"


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_link_within_the_page_has_its_target_and_ids_are_unique(tmp_path: Path, variant: str) -> None:
    page = _of(VARIANTS[variant](tmp_path), tmp_path)
    ids = [str(attributes["id"]) for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    inside = [str(a["href"])[1:] for a in page.all("a") if str(a["href"]).startswith("#")]
    assert set(inside) <= set(ids)
    assert len(inside) > 13
    labels = {str(a["aria-labelledby"]) for _, a in page.tags if "aria-labelledby" in a}
    assert labels <= set(ids)


def _energies(value: Any, key: str = "") -> list[float]:
    if isinstance(value, dict):
        return [number for k, item in value.items() for number in _energies(item, k)]
    if isinstance(value, list):
        return [number for item in value for number in _energies(item, key)]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return [value] if is_number and key.endswith(("_ev", "_ang3")) else []


@pytest.mark.parametrize("variant", ["whole", "relaxed", "three materials"])
def test_every_energy_of_results_json_stands_in_a_table(tmp_path: Path, variant: str) -> None:
    outcome = VARIANTS[variant](tmp_path)
    document = results_document(outcome, Path())
    cells = " ".join(_of(outcome).cells).replace("\N{MINUS SIGN}", "-")
    shown = {float(number) for number in re.findall(r"(?<![\w.])[+-]?\d+\.\d+", cells)}
    shown |= {-number for number in shown}  # a range as far down as up is written with ±
    numbers = [n for part in ("materials", "alignments") for n in _energies(document[part])]
    assert len(numbers) > 15
    assert {round(n, 3) for n in numbers} <= shown


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_quantity_stands_in_the_table_of_all(tmp_path: Path, variant: str) -> None:
    outcome = VARIANTS[variant](tmp_path)
    rows = _quantity_rows(_of(outcome))
    assert len(rows) == len(outcome.quantities) > 0
    for (name, subject, value, reach, origin, remarks), quantity in zip(rows, outcome.quantities, strict=True):
        assert name == quantity.name and subject == f"{quantity.subject} {quantity.method}".strip()
        assert all(text in remarks for text in quantity.remarks)
        assert origin.split() == [step for step in quantity.origin if step]
        if quantity.missing is not None:
            assert value == "none" and remarks.startswith(f"{quantity.missing.kind}: {quantity.missing.reason}")
        elif isinstance(quantity.value, str):
            assert value == quantity.value
        else:
            number, unit = value.replace("\N{MINUS SIGN}", "-").split(" ")
            assert float(number) == pytest.approx(quantity.value, abs=5.1e-4, rel=5e-4) and unit == quantity.unit
        assert reach.endswith(quantity.uncertainty_holds) and bool(reach) == (quantity.uncertainty is not None)


def test_the_table_of_all_holds_the_known_numbers(outcome: StudyOutcome) -> None:
    """As in docs/results.md."""
    known = {(name, subject.split(",")[0]): value for name, subject, value, *_ in _quantity_rows(_of(outcome))}
    assert known["band gap", "CsPbBr3"] == "1.659 eV"
    assert known["work function", "CsPbBr3 (011) Pnma"] == "4.675 eV"
    assert known["lattice parameter b", "CsPbBr3"] == "11.735 Å"


def _quantity_rows(page: Page) -> list[list[str]]:
    return [[" ".join(cell.split()) for cell in row] for row in page.table("#quantities") if len(row) == 6][1:]


@pytest.mark.parametrize(
    ("value", "unit", "reach", "told"),
    [
        (3.2e-6, "1/K", (-1e-7, 2e-7), ("3.2e-06 1/K", "-1e-07/+2e-07 of a fit")),
        (-1234567.0, "Pa", (-0.5, 0.5), ("-1.235e+06 Pa", "± 0.500 of a fit")),
        (2.0, "", (0.1, 0.3), ("2.000", "+0.100/+0.300 of a fit")),
        (2.0, "", (0.2, 0.2), ("2.000", "+0.200/+0.200 of a fit")),
        (0.0, "eV", (-0.0, 0.0), ("0.000 eV", "± 0.000 of a fit")),
        ("<b>direct</b>", "", None, ("<b>direct</b>", "")),
    ],
)
def test_a_quantity_of_another_package_is_shown_as_it_is(
    outcome: StudyOutcome, value: Any, unit: str, reach: Any, told: tuple[str, str]
) -> None:
    holds = "of a fit" if reach else ""
    foreign = Quantity(
        name="thing", subject="CsBr", unit=unit, value=value, uncertainty=reach, uncertainty_holds=holds,
        origin=(CS_BANDS, "10.1103/PhysRevLett.61.734", "elsewhere"),
    )  # fmt: skip
    page = _of(replace(outcome, quantities=(foreign,)))
    ((_, _, number, given, origin, _),) = _quantity_rows(page)
    assert (number.replace("\N{MINUS SIGN}", "-"), given.replace("\N{MINUS SIGN}", "-")) == told
    assert origin == f"{CS_BANDS} 10.1103/PhysRevLett.61.734 elsewhere"
    assert "https://doi.org/10.1103/PhysRevLett.61.734" in {a["href"] for a in page.all("a")}


def test_a_study_without_quantities_says_so(outcome: StudyOutcome) -> None:
    assert "All quantities None." in _of(replace(outcome, quantities=())).words


def test_numbers_link_to_the_step_they_came_from(html: str, tmp_path: Path) -> None:
    for page, steps in (
        (Page(html), {CS_BANDS, FA_010}),
        (_of(make_relaxed(tmp_path)), {"CsBr/bulk-relax", "CsBr/slab-110-potential"}),
    ):
        rows = {str(a["id"]) for a in page.all("tr") if "id" in a}
        links = [a for a in page.all("a") if a.get("class") == "from"]
        assert {str(a["href"])[1:] for a in links} <= rows
        assert {a["title"] for a in links} >= {f"from {step}" for step in steps}


def test_step_folders_and_decks_are_linked_relative_to_the_page(shown: StoredRun, html: str) -> None:
    hrefs = {str(a["href"]) for a in Page(html).all("a")}
    place = shown.folder(CS_BANDS).relative_to(shown.root).as_posix()
    assert {f"{place}/", f"{place}/CsPbBr3-bulk-bands.py", f"{place}/CsPbBr3-bulk-bands.xyz"} <= hrefs
    assert escape((shown.folder(CS_BANDS) / "CsPbBr3-bulk-bands.py").read_text(), quote=False)[:200] in unquoted(html)


def unquoted(html: str) -> str:
    return html.replace("&#39;", "'").replace("&#34;", '"')


def test_steps_tell_their_engine_and_what_is_not_as_asked(run: StoredRun) -> None:
    method = json.loads((run.folder(CS_BANDS) / "results.json").read_text())["method"]
    outcome = run.record(CS_BANDS, method=method | {"cutoff_ev": 300.0}).outcome()
    remark = "calculated at 300 eV, the study asks for 244.9 eV"
    page = _of(outcome)
    (row,) = [row for row in page.table("#steps") if row and row[0] == CS_BANDS]
    assert remark in row[1]
    assert "gpaw 26.7.0" in row[5] and "version: 26.7.0" in row[5] and "data set Cs.PBE: md5 fa822afd" in row[5]
    assert all(remark in " ".join(cells) for cells in page.table("#quantities") if cells[0] == "ionisation potential"
               and "CsPbBr3" in cells[1] and "line-up" in cells[1])  # fmt: skip


def test_failures_warnings_and_preset_are_told(html: str) -> None:
    words = Page(html).words
    for text in (
        f"{CS_011} : failed , {FAILURE}",
        "KohnShamConvergenceError",
        "(011) Pnma is a polar plane",
        "For a first look: nothing is relaxed.",
        "Left out: Potential across",
        "the SCF grid alone gives a gap of",
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
def test_text_of_the_user_stays_text(failed: StudyOutcome, tmp_path: Path, evil: str) -> None:
    """Put into every text that is shown: no study could be named and calculated with all of them."""
    cs, fa = failed.materials
    cs = replace(
        cs,
        name=evil,
        bulk=replace(cs.bulk, source=evil, warnings=(evil,), space_group=evil),
        slabs=tuple(
            replace(s, missing=s.missing and replace(s.missing, reason=evil), model=replace(s.model, termination=evil))
            for s in cs.slabs
        ),
    )
    steps = tuple(
        replace(s, name=f"{evil}{i}", title=evil, failure=evil, log_tail=evil, deck_files={evil: evil},
                remarks=(evil,), engine={evil: evil}, cautions=(evil,))
        for i, s in enumerate(failed.steps)
    )  # fmt: skip
    rows = tuple(replace(a, method=evil, first_name=evil, remarks=(evil,)) for a in failed.alignments)
    quantities = tuple(
        replace(q, name=evil, subject=evil, method=evil, unit=evil, origin=(evil,), remarks=(evil,))
        for q in failed.quantities
    )
    nasty = replace(
        failed, title=evil, preset_note=evil, materials=(cs, fa), steps=steps, alignments=rows, settings={evil: evil},
        provenance={evil: [evil]}, warnings=(evil,), quantities=quantities,
    )  # fmt: skip
    html = render_report(nasty, draw_figures(nasty, "svg"), tmp_path)
    page = Page(html)
    assert page.all("script") == []
    assert all("onerror" not in a for _, a in page.tags)
    assert len(page.all("img")) == 6
    assert page.words.replace(" ", "").count(evil.replace(" ", "")) > 5 * len(quantities)
    title = re.search(r"<title>(.*?)</title>", html)
    assert title is not None
    assert unescape(title[1]) == evil


def test_a_study_that_gave_nothing_still_has_a_page(tmp_path: Path) -> None:
    bare = make_bare(tmp_path)
    html = render_report(bare, draw_figures(bare, "svg"), tmp_path)
    page = Page(html)
    assert "No band offset. There is none because" in page.words
    assert page.words.count("waiting") >= 2 * len(bare.steps)
    assert [str(image["alt"]).split(".")[0] for image in page.all("img")] == ["Band offsets", "Crystal structures"]


@pytest.mark.parametrize(("variant", "why"), [("one material", True), ("whole", False), ("three materials", False)])
def test_any_number_of_materials(tmp_path: Path, variant: str, why: bool) -> None:
    outcome = VARIANTS[variant](tmp_path)
    page = _of(outcome)
    assert ("the study names no two materials to align" in page.words) == why
    crystals = [row[0] for row in page.table("#crystals") if len(row) == 7][1:]
    assert crystals == [material.name for material in outcome.materials]


def test_writing(outcome: StudyOutcome, tmp_path: Path) -> None:
    path = write_report(outcome, (), tmp_path / "run")
    assert path == tmp_path / "run" / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="there is a file of this name"):
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
    assert images == 7
    shot = tmp_path / "shot.png"
    _chromium(
        tmp_path / "p2", f"--window-size={width},900", f"--screenshot={shot}", (tmp_path / "report.html").as_uri()
    )
    import matplotlib.image

    pixels = matplotlib.image.imread(shot)
    assert 0.01 < float((pixels[..., :3].min(axis=2) < 0.5).mean()) < 0.5
