"""Draws the pictures of the site anew, by the examples of its pages: ``python docs/draw.py [PAGE]``.

``gallery`` unless a page is named; ``two-crystals`` needs the engine, ``notebook`` needs chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageChops

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from doc_pages import Page, carried_out_notebook, carry_out, lay  # noqa: E402
from example_inputs import lay_inputs  # noqa: E402

__all__ = ["main"]

FIGURES = DOCS / "figures"
OF_A_RUN = {"two-crystals": "runs/halides-quick/figures/alignment.png"}
"""Page -> the one picture that it takes from a run, under its own name."""

CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
SIZE, MARGIN, COLOURS = (1150, 1800), 12, 64
CELL = "<!doctype html><meta charset=utf-8><body style='font: 13px sans-serif; margin: 12px; background: white'>"


def main(arguments: Sequence[str]) -> int:
    """Carry out a page in a folder of its own, and take the pictures from there."""
    page = Page(DOCS / f"{arguments[0] if arguments else 'gallery'}.md")
    with tempfile.TemporaryDirectory() as place:
        inputs, folder = Path(place, "inputs"), Path(place, "page")
        inputs.mkdir()
        folder.mkdir()
        lay_inputs(inputs)
        lay(inputs, page.needs, folder)
        os.chdir(folder)
        if page.notebook:
            _shoot(page, folder)
        else:
            carry_out(page, folder)
            _take(page, folder)
        os.chdir(DOCS)
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
        cell, shot = folder / f"{number}.html", folder / f"{number}.png"
        cell.write_text(CELL + html, encoding="utf-8")
        window = f"--window-size={SIZE[0]},{SIZE[1]}"
        subprocess.run([*CHROMIUM, f"--screenshot={shot}", window, cell.as_uri()], check=True, capture_output=True)
        picture = Image.open(shot).convert("RGB")
        shown = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).getbbox() or (0, 0, 1, 1)
        whole = picture.crop((0, 0, min(shown[2] + MARGIN, picture.width), min(shown[3] + MARGIN, picture.height)))
        whole.quantize(COLOURS).save(FIGURES / f"{page.file.stem}-{number}.png", optimize=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
