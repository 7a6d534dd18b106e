"""Draws the pictures of the site anew, by the examples of its pages: ``python docs/draw.py [PAGE]``.

``gallery`` unless a page is named; ``two-crystals``, ``sweeps`` and ``terminal`` need the engine, ``notebook`` and
``terminal`` need chromium. ``phases``, ``mixtures`` and ``paper-nanoscale-2020`` take theirs from the folder of a
finished run of an hour or so: ``python docs/draw.py phases RUN``.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageChops
from rich.console import Console

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from doc_pages import Page, carried_out_notebook, carry_out, lay  # noqa: E402
from example_inputs import lay_inputs  # noqa: E402

from dftflow.cli.main import main as dftflow  # noqa: E402
from dftflow.cli.progress import RunProgress  # noqa: E402
from dftflow.jobs.graph import NodeView  # noqa: E402
from dftflow.studies.execution import run_study  # noqa: E402
from dftflow.studies.reader import load_study  # noqa: E402

__all__ = ["main"]

FIGURES = DOCS / "figures"
OF_A_RUN = {"two-crystals": "runs/halides-quick/figures/alignment.png"}
"""Page -> the one picture that it takes from a run, under its own name."""

OF_LONG_RUNS = {
    "phases": ("cs-pb-br", ("hull", "chemical-potentials", "photons")),
    "paper-nanoscale-2020": ("cs4pbbr6", ("states", "diffraction", "photons")),
    "mixtures": ("fa-cs-alloy", ("alloy-FACsPbBr3",)),
}
"""Page -> the shipped study whose run has its pictures, and which these are."""

CONVERGENCE = "csbr-convergence"
"""The study that ``sweeps`` and ``terminal`` show."""

CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
SIZE, MARGIN, COLOURS = (1150, 1800), 12, 64
DONE = 4
CELL = "<!doctype html><meta charset=utf-8><body style='font: 13px sans-serif; margin: 12px; background: white'>"


def main(arguments: Sequence[str]) -> int:
    """Carry out a page in a folder of its own, and take the pictures from there."""
    name = arguments[0] if arguments else "gallery"
    if name in OF_LONG_RUNS:
        return _of_a_long_run(name, arguments[1:])
    page = Page(DOCS / f"{name}.md")
    with tempfile.TemporaryDirectory() as place:
        inputs, folder = Path(place, "inputs"), Path(place, "page")
        inputs.mkdir()
        folder.mkdir()
        lay_inputs(inputs)
        lay(inputs, page.needs, folder)
        os.chdir(folder)
        if name == "sweeps":
            dftflow(["run", CONVERGENCE, "--out", "run"])
            for setting in ("cutoff", "kspacing"):
                shutil.copy(folder / f"run/figures/sweep-{setting}.png", FIGURES)
        elif name == "terminal":
            _watch(folder)
        elif page.notebook:
            _shoot(page, folder)
        else:
            carry_out(page, folder)
            _take(page, folder)
        os.chdir(DOCS)
    return 0


def _of_a_long_run(name: str, given: Sequence[str]) -> int:
    """Take the pictures of a page from the folder of a run that is given."""
    study, figures = OF_LONG_RUNS[name]
    if len(given) != 1:
        print(f"give the folder of a finished run of {study}: python docs/draw.py {name} RUN", file=sys.stderr)
        return 2
    for figure in figures:
        shutil.copy(Path(given[0]) / "figures" / f"{figure}.png", FIGURES / f"{study}-{figure}.png")
    return 0


def _take(page: Page, folder: Path) -> None:
    name = page.file.stem
    if name in OF_A_RUN:
        shutil.copy(folder / OF_A_RUN[name], FIGURES / f"{name}.png")
    else:
        for picture in folder.glob("*.png"):
            shutil.copy(picture, FIGURES)


def _shoot(page: Page, folder: Path) -> None:
    """What each cell of a notebook shows, as a browser shows it."""
    for number, html in enumerate(carried_out_notebook(page, folder), start=1):
        cell = folder / f"{number}.html"
        cell.write_text(CELL + html, encoding="utf-8")
        _shot(cell, FIGURES / f"{page.file.stem}-{number}.png")


def _watch(folder: Path) -> None:
    """What a terminal shows of a run, when some of its steps are done and two of them run."""
    console = Console(record=True, width=96, height=24, file=io.StringIO(), force_terminal=True)
    progress = RunProgress(console, 2)
    shown: list[bool] = []

    def look(views: Sequence[NodeView]) -> None:
        states = Counter(view.state for view in views)
        doing = [view.doing for view in views if view.state == "running"]
        if not shown and states["finished"] >= DONE and len(doing) == 2 and all("k-point" in text for text in doing):
            shown.append(True)
            console.print(progress.table(views))

    run_study(load_study(CONVERGENCE), folder / "run", workers=2, observer=look)
    page = folder / "terminal.html"
    page.write_text(CELL + console.export_svg(title=f"dftflow run {CONVERGENCE}"), encoding="utf-8")
    _shot(page, FIGURES / "live-view.png")


def _shot(page: Path, picture_file: Path) -> None:
    """A page of HTML as chromium shows it, without the empty part."""
    shot, window = page.with_suffix(".shot.png"), f"--window-size={SIZE[0]},{SIZE[1]}"
    subprocess.run([*CHROMIUM, f"--screenshot={shot}", window, page.as_uri()], check=True, capture_output=True)
    picture = Image.open(shot).convert("RGB")
    shown = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).getbbox() or (0, 0, 1, 1)
    whole = picture.crop((0, 0, min(shown[2] + MARGIN, picture.width), min(shown[3] + MARGIN, picture.height)))
    whole.quantize(COLOURS).save(picture_file, optimize=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
