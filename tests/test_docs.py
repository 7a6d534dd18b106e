"""The documentation: the site is built without a warning, and every example of it is carried out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from doc_pages import DOCS, Page, carried_out_notebook, carry_out, lay
from example_inputs import lay_inputs
from programs import load_program

import dftflow
from dftflow import errors
from dftflow.cli.main import COMMANDS
from dftflow.cli.output import INTERRUPTED
from dftflow.quoted import level_keys

ROOT = DOCS.parent
PAGES = [Page(file) for file in sorted(DOCS.glob("*.md"))]
HOW_TO = "howto-"  # carried out by test_howto.py, which installs what they show
EXAMPLES = [p for p in PAGES if p.has_examples and not p.notebook and not p.file.name.startswith(HOW_TO)]


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of results that pages start from."""
    folder = tmp_path_factory.mktemp("inputs")
    lay_inputs(folder)
    return folder


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, id=p.file.stem, marks=[pytest.mark.engine] if p.engine else []) for p in EXAMPLES],
)
def test_a_page_does_what_it_says(page: Page, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(inputs, page.needs, tmp_path)
    monkeypatch.chdir(tmp_path)
    carry_out(page, tmp_path)
    if page.engine:
        (shown,) = carried_out_notebook(page, tmp_path)  # all of it is there by now
        assert "<table" in shown
        assert "<svg" in shown or "data:image" in shown


@pytest.mark.xdist_group("sphinx")
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", "-d", str(tmp_path / "doctrees")]
    done = subprocess.run([*argv, "-b", "html", str(DOCS), str(tmp_path / "html")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {file.relative_to(tmp_path / "html").as_posix() for file in (tmp_path / "html").rglob("*.html")}
    assert {f"{page.file.stem}.html" for page in PAGES} <= pages
    python = (tmp_path / "html" / "python.html").read_text("utf-8")
    assert not [name for name in dftflow.__all__ if name != "__version__" and f'id="dftflow.{name}"' not in python]
    remote = re.compile(r"""(?:src|href)=["']?https?://[^"']+\.(?:js|css|woff2?|png|svg)""")
    assert not [page for page in pages if remote.search((tmp_path / "html" / page).read_text("utf-8"))]


def test_a_page_stands_in_the_table_of_contents_once() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    entries = re.findall(r"^([\w-]+)$", "\n".join(re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL)), re.M)
    assert sorted(entries) == sorted(page.file.stem for page in PAGES if page.file.stem != "index")


@pytest.mark.parametrize("file", [*(page.file for page in PAGES), ROOT / "README.md"], ids=lambda file: file.name)
def test_what_a_page_links_to_is_there(file: Path) -> None:
    text = re.sub(r"```.*?```", "", file.read_text("utf-8"), flags=re.DOTALL)
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)}
    assert not [t for t in targets if t and "://" not in t and not (file.parent / t).exists()]


def test_every_message_of_the_page_of_troubles_is_one_that_dftflow_says() -> None:
    said = "\n".join(file.read_text("utf-8") for file in (ROOT / "dftflow").rglob("*.py"))
    said = re.sub(r'"\s*\n?\s*f?"', "", said)
    quoted = re.findall(r"^### `(.+)`$", (DOCS / "troubleshooting.md").read_text("utf-8"), re.MULTILINE)
    assert len(quoted) >= 15
    assert not [q for q in quoted if not all(piece.strip() in said for piece in q.split("…"))]


def test_every_exit_code_is_told() -> None:
    told = re.findall(r"^\| (\d+) \|", (DOCS / "refusals.md").read_text("utf-8"), re.MULTILINE)
    ours = {error.exit_code for error in vars(errors).values() if isinstance(error, type)}
    assert {int(code) for code in told} == ours | {0, 70, INTERRUPTED}


def test_the_readme_knows_the_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    listed = text.partition("## On the command line")[2].partition("## ")[0]
    assert {name for name in COMMANDS if re.search(rf"\b{name}\b", listed)} == COMMANDS.keys() - {"help"}
    assert set(re.findall(r"dftflow (\w+)", listed)) <= COMMANDS.keys()


def test_the_page_of_tables_has_every_name() -> None:
    parts = re.split(r"^## `(\w+)`$", (DOCS / "level-tables.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    row = re.compile(r"^\| `(\w+)` \|(.*?)\|", re.MULTILINE)
    told = {
        section: {name: tuple(re.findall(r"`([^`]+)`", also)) for name, also in row.findall(text)}
        for section, text in zip(parts[::2], parts[1::2], strict=True)
    }
    assert told == level_keys._NAMES


def test_how_to_cite() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["cff-version"] == "1.2.0" and cited["type"] == "software" and cited["license"] == "MIT"
    assert {"title", "authors", "message", "version"} <= cited.keys()
    assert cited["version"] == dftflow.__version__


def test_the_page_of_the_ten_tasks_is_what_was_tried() -> None:
    """Written by ``benchmarks/ten_tasks_page.py``, from the commands that ``ten_tasks.py`` carries out."""
    program = load_program(ROOT / "benchmarks" / "ten_tasks_page.py")
    pictures = frozenset(file.name for file in (DOCS / program.PICTURES).glob("*.png"))
    assert (DOCS / "side-by-side.md").read_text("utf-8") == program.page_text(program.attempts(), pictures)


@pytest.mark.parametrize("page", [page for page in PAGES if page.notebook], ids=lambda page: page.file.stem)
def test_a_notebook_shows_what_its_page_says(page: Page, inputs: Path, tmp_path: Path) -> None:
    """Each cell ends in a thing that shows itself, with a table or a picture, and nothing of it is fetched."""
    lay(inputs, page.needs, tmp_path)
    shown = carried_out_notebook(page, tmp_path)
    assert len(shown) == sum(block.language == "python" for block in page.blocks())
    for number, html in enumerate(shown, start=1):
        assert "<table" in html or "<svg" in html or "data:image" in html
        assert not re.search(r"""(?:src|href)=["']https?://""", html)
        assert f"figures/{page.file.stem}-{number}.png" in page.text
