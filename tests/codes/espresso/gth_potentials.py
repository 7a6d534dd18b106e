"""Goedecker-Teter-Hutter potentials of CP2K's library in the format that pw.x reads (ABINIT's pspcod 10).

10.1103/PhysRevB.54.1703, 10.1007/s00214-005-0655-y. The library is not shipped: it comes with Debian's cp2k-data.
"""

from __future__ import annotations

from pathlib import Path

from pymatgen.core import Element

LIBRARY = Path("/usr/share/cp2k/GTH_POTENTIALS")
PBE = 11


def gth_text(library: str, element: str, name: str) -> str:
    """The potential of `element` called `name`, e.g. ``"GTH-PBE-q4"``."""
    lines = iter(library.splitlines())
    while next(lines).split()[:2] != [element, name]:
        pass
    electrons = sum(map(int, next(lines).split()))
    local = next(lines).split()
    channels = int(next(lines).split()[0])
    lmax = max(channels - 1, 0)
    text = [f"{element} {name}", f"{Element(element).Z} {electrons} 0", f"10 {PBE} {lmax} {lmax + 1} 2001 0"]
    text += [" ".join(local), str(channels)]
    for angular in range(channels):
        first = next(lines).split()
        rows = [first[2:]] + [next(lines).split() for _ in range(int(first[1]) - 1)]
        text.append(" ".join([*first[:2], *rows[0]]))
        text += [" ".join(row) for row in rows[1:]]
        if angular:  # the spin-orbit coefficients, of which this library has none
            text += [" ".join(["0.0"] * len(row)) for row in rows if row]
    if not channels:
        text.append(f"{local[0]} 0")
    return "\n".join(text) + "\n"


def write_gth(folder: Path, elements: dict[str, str], library: Path = LIBRARY) -> None:
    """``<element>.gth`` of each element in `folder`."""
    content = library.read_text()
    folder.mkdir(parents=True, exist_ok=True)
    for element, name in elements.items():
        (folder / f"{element}.gth").write_text(gth_text(content, element, name))
