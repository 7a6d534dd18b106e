"""Writes docs/side-by-side.md from ``ten_tasks.toml``, and takes in the pictures that the trials left.

    python benchmarks/ten_tasks_page.py [FOLDER]

FOLDER is what ``ten_tasks.py`` worked in; without it the pictures stay as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from ten_tasks import Attempt, attempts, place

__all__ = ["main", "page_text"]

DOCS = Path(__file__).resolve().parents[1] / "docs"
PICTURES = "figures/peers"
WIDTH, COLOURS = 1000, 64  # of a picture, at most
TITLES = (
    "Five materials from a table to a figure",
    "The same from three folders of results and two rows of a paper",
    "Bands of a CASTEP, a Quantum ESPRESSO and a VASP folder",
    "Density of states",
    "Planar potential of a slab",
    "Gap, work function and offset of two materials, from folders",
    "A table of a folder with fifty calculations",
    "Input for a crystal from a POSCAR",
    "A study of a crystal, from nothing to a report",
    "The same in a notebook",
)
HEAD = """\
# Side by side with sumo, bapt, pymatgen and ASE

Ten things that people do with results, in each tool as a person would type them, on the same files. All that stands
here was carried out (`benchmarks/ten_tasks.py`) with bapt 1.2.0, sumo 3.0.0, pymatgen 2026.10.24 and ASE 3.29.0; the
pictures are what came out, as it came out. A line is a command or a line of a script.

The peers are good at more than this page shows: sumo also gives effective masses, optical spectra and phonons;
pymatgen and ASE are libraries, on both of which dftflow stands, and what a script of theirs lacks can be written.
"""


def page_text(tried: Sequence[Attempt], pictures: frozenset[str]) -> str:
    """The page.

    Parameters
    ----------
    pictures
        Names of the pictures there are, ``TOOL-TASK.png``.
    """
    parts = [HEAD, _overview(tried)]
    ours_first = sorted(tried, key=lambda one: one.tool != "dftflow")
    for task, title in enumerate(TITLES, start=1):
        parts += [f"## {task}. {title}\n", *(_told(one, pictures) for one in ours_first if one.task == task)]
    return "\n".join(parts)


def _overview(tried: Sequence[Attempt]) -> str:
    tools = list(dict.fromkeys(("dftflow", *(one.tool for one in tried))))
    lines = {(one.task, one.tool): one.lines for one in tried}
    rows = [
        f"| {task}. {title} | " + " | ".join(str(lines.get((task, tool)) or "–") for tool in tools) + " |"
        for task, title in enumerate(TITLES, start=1)
    ]
    head = [f"| lines for | {' | '.join(tools)} |", f"|---|{'--:|' * len(tools)}"]
    return "\n".join([*head, *rows, "", "–: not what it is for, or not there.", ""])


def _told(one: Attempt, pictures: frozenset[str]) -> str:
    parts = [f"**{one.tool}**: {one.comes_out}.\n"]
    if one.lines:
        language = "sh" if one.shell else "text"  # formatters would take a script for one of ours
        parts.append(f"```{language}\n{(one.shell or one.python).strip()}\n```\n")
    if _picture(one) in pictures:
        parts.append(f"![{one.tool}, task {one.task}]({PICTURES}/{_picture(one)})\n")
    return "\n".join(parts)


def _picture(one: Attempt) -> str:
    return f"{one.tool.lower()}-{one.task}.png"


def _taken_in(top: Path, tried: Sequence[Attempt]) -> Iterator[str]:
    """Small copies of the pictures below `top`."""
    for number, one in enumerate(tried):
        made = place(top, number, one) / one.makes
        if made.suffix == ".png" and made.is_file():
            picture = Image.open(made).convert("RGB")
            picture.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
            picture.quantize(COLOURS).save(DOCS / PICTURES / _picture(one), optimize=True)
            yield _picture(one)


def main(arguments: Sequence[str]) -> int:
    """Write the page, and take in the pictures of the trials below the folder that is named."""
    tried = attempts()
    if arguments:
        print("\n".join(_taken_in(Path(arguments[0]), tried)))
    there = frozenset(file.name for file in (DOCS / PICTURES).glob("*.png"))
    (DOCS / "side-by-side.md").write_text(page_text(tried, there), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
