"""Draws the pictures of the gallery anew, by the commands that stand under them: ``python docs/draw.py``."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from doc_pages import Page, carry_out, lay  # noqa: E402
from example_inputs import lay_inputs  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        inputs, folder = Path(place, "inputs"), Path(place, "gallery")
        inputs.mkdir()
        folder.mkdir()
        lay_inputs(inputs)
        page = Page(DOCS / "gallery.md")
        lay(inputs, page.needs, folder)
        os.chdir(folder)
        carry_out(page, folder)
        shutil.copytree(folder / "figures", DOCS / "figures", dirs_exist_ok=True)
        os.chdir(DOCS)


if __name__ == "__main__":
    main()
