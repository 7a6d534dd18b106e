"""Draws the pictures of the site anew, by the commands of its pages: ``python docs/draw.py [PAGE]``.

``gallery`` unless a page is named; ``two-crystals`` needs the engine.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from doc_pages import Page, carry_out, lay  # noqa: E402
from example_inputs import lay_inputs  # noqa: E402

__all__ = ["main"]

OF_A_RUN = {"two-crystals": "runs/halides-quick/figures/alignment.png"}
"""Page -> the one picture that it takes from a run, under its own name."""


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
        carry_out(page, folder)
        if page.file.stem in OF_A_RUN:
            shutil.copy(folder / OF_A_RUN[page.file.stem], DOCS / "figures" / f"{page.file.stem}.png")
        else:
            shutil.copytree(folder / "figures", DOCS / "figures", dirs_exist_ok=True)
        os.chdir(DOCS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
