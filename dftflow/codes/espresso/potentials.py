"""The pseudopotential files of a deck: their names, and what their heads tell when they can be read.

A deck names files; ``ESPRESSO_PSEUDO`` names the folder. Where it is known while a deck is written, the number of
valence electrons, the kind (which decides ``ecutrho``), the functional and the cutoff that they suggest are read from
the files, and their MD5 goes into the deck as a comment. Formats: UPF 1 and 2 (https://pseudopotentials.quantum-espresso.org/home/
unified-pseudopotential-format), and GTH in ABINIT's layout (``*.gth``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dftflow.codes.espresso.functionals import functional_name
from dftflow.codes.file_hash import NOT_KNOWN_HERE, file_md5
from dftflow.errors import SpecError
from dftflow.model.fortran_number import fortran_number
from dftflow.model.printable import shown

__all__ = ["Potential", "check_name", "choose_potentials", "potential_hashes"]

SUFFIXES = (".upf", ".gth", ".rrkj3", ".van")
HEAD_BYTES = 2_000_000
LARGEST_BYTES = 200_000_000
MOST_ELECTRONS = 120.0
MOST_CUTOFF_RY = 1000.0
MOST_RADIUS_BOHR = 10.0
NARROW = 0.1
Kind = Literal["norm-conserving", "ultrasoft", "PAW"]
_KINDS: dict[str, Kind] = {
    "NC": "norm-conserving",
    "SL": "norm-conserving",
    "US": "ultrasoft",
    "USPP": "ultrasoft",
    "PAW": "PAW",
}
_TRUTH = {"T": True, "F": False}
_GTH_FUNCTIONALS = {1: "LDA", 7: "LDA (PW92)", 11: "PBE", 18: "BLYP", -101130: "PBE"}
_HEADER = re.compile(r"<PP_HEADER(.*?)(?:/>|</PP_HEADER>)", re.DOTALL)
_ATTRIBUTE = re.compile(r'(\w+)\s*=\s*"([^"]*)"')
_SUGGESTED = re.compile(r"Suggested minimum cutoff for wavefunctions:\s*([\d.]+)\s*Ry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Potential:
    """One potential: its file's name, and what it tells; None where the file cannot be read or does not tell.

    Attributes
    ----------
    least_cutoff_ry
        Cutoff of the wave functions that the file suggests; many files have 0 there, which is none.
    narrow_cutoff_ry
        Of a potential made of Gaussians (GTH), which suggests none: where the narrowest of them, exp(-(G r)^2/2) among
        the plane waves, has fallen to a tenth. Below, it is hardly there at all.
    spin_orbit
        Whether it depends on j.
    """

    element: str
    file: str
    kind: Kind | None = None
    valence: float | None = None
    functional: str | None = None
    least_cutoff_ry: float | None = None
    narrow_cutoff_ry: float | None = None
    spin_orbit: bool | None = None
    md5: str | None = None


def choose_potentials(
    elements: Sequence[str], own: Mapping[str, str] | None, folder: Path | None
) -> tuple[Potential, ...]:
    """A potential for each of `elements`, in that order.

    Parameters
    ----------
    own
        Element -> file name. For the others: the one file in `folder` whose name begins with the element
        (``Pb.upf``, ``pb_pbe_v1.UPF``), or ``<element>.upf`` where there is none or no folder.
    folder
        Where the files lie; None when that is not known.

    Raises
    ------
    SpecError
        Several files in `folder` fit, a name holds a path, or a file is no potential of its element.
    """
    return tuple(_potential(element, (own or {}).get(element), folder) for element in elements)


def potential_hashes(elements: Sequence[str], own: Mapping[str, str], folder: Path | None) -> dict[str, str]:
    """What is known of the potentials before a run: name -> hash of the file; arguments as in `choose_potentials`."""
    names = [own.get(element) or _found(element, folder) for element in elements]
    return {f"potential {name}": NOT_KNOWN_HERE if folder is None else file_md5(folder / name) for name in names}


def check_name(name: str) -> None:
    """Raise `SpecError` when `name` is not the plain name of a file."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name):
        raise SpecError(
            f"{shown(name)} is no name for a potential in a deck",
            reason="pw.x finds the folder by ESPRESSO_PSEUDO",
            fix="give the file's name alone, of letters, digits, '.', '_', '+' and '-'",
        )


def _potential(element: str, chosen: str | None, folder: Path | None) -> Potential:
    name = chosen or _found(element, folder)
    check_name(name)
    if folder is None or not (folder / name).is_file():
        return Potential(element=element, file=name)
    return _read(element, folder / name)


def _found(element: str, folder: Path | None) -> str:
    default = f"{element}.upf"
    if folder is None or not folder.is_dir():
        return default
    pattern = re.compile(rf"{element}(?![a-z])", re.IGNORECASE)
    fits = sorted(f.name for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and pattern.match(f.name))
    exact = [name for name in fits if Path(name).stem == element]
    if len(exact) == 1 or len(fits) == 1:
        return (exact or fits)[0]
    if not fits:
        return default
    raise SpecError(
        f"several potentials in {folder} fit {element}: {', '.join(fits[:6])}",
        fix=f'choose one, [codes.espresso] potentials = {{ {element} = "{fits[0]}" }}, or call that file '
        f"(or a link to it) {element}{Path(fits[0]).suffix}",
    )


def _read(element: str, file: Path) -> Potential:
    if file.stat().st_size > LARGEST_BYTES:
        raise SpecError("the file is too large for a pseudopotential", where=str(file))
    with file.open("rb") as stream:
        head = stream.read(HEAD_BYTES).decode("latin-1")
    told = _gth(head) if file.suffix.lower() == ".gth" else _upf(head)
    symbol = told.pop("element", None)
    if symbol and symbol.strip().lower() != element.lower():
        raise SpecError(f"{file.name} is a potential of {symbol.strip()}, not of {element}", where=str(file))
    return Potential(
        element=element,
        file=file.name,
        md5=file_md5(file).removeprefix("md5 "),
        kind=_KINDS.get((told.get("pseudo_type") or "").strip().upper()),
        valence=_number(told.get("z_valence"), MOST_ELECTRONS),
        least_cutoff_ry=_number(told.get("wfc_cutoff"), MOST_CUTOFF_RY),
        functional=functional_name(told.get("functional") or ""),
        narrow_cutoff_ry=_number(told.get("narrow_cutoff"), MOST_CUTOFF_RY),
        spin_orbit=_TRUTH.get(told.get("has_so", "").strip().strip(".").upper()[:1]),
    )


def _number(word: str | None, most: float) -> float | None:
    """The number in `word` when it is above 0 and at most `most`."""
    try:
        value = float((word or "").replace("D", "E").replace("d", "e"))
    except ValueError:
        return None
    return value if 0 < value <= most else None


def _gth(head: str) -> dict[str, str]:
    rows = [line.split() for line in head.splitlines()[:3]]
    if len(rows) < 3 or len(rows[1]) < 2 or len(rows[2]) < 2:
        return {}
    code = rows[2][1]
    functional = _GTH_FUNCTIONALS.get(int(code), "") if re.fullmatch(r"-?\d{1,9}", code, re.ASCII) else ""
    told = {"pseudo_type": "NC", "z_valence": rows[1][1], "functional": functional, "has_so": "F"}
    radius_bohr = _narrowest_bohr(head.splitlines()[3:])
    return told if radius_bohr is None else told | {"narrow_cutoff": f"{-2 * math.log(NARROW) / radius_bohr**2}"}


def _narrowest_bohr(lines: Sequence[str]) -> float | None:
    """The smallest radius of a GTH potential in ABINIT's layout: r_loc, then that of each channel that has projectors.

    ``r_loc n_C C_1 ...``, the number of channels, and for each ``r_l n_l h_11 ...`` with further rows, in which no
    second word is a whole number.
    """
    rows = [line.split() for line in lines]
    if len(rows) < 2 or not rows[0]:
        return None
    channels = [row[0] for row in rows[2:] if len(row) > 1 and re.fullmatch(r"[1-9]", row[1])]
    radii = [value for value in map(fortran_number, (rows[0][0], *channels)) if value is not None]
    if len(radii) <= len(channels):
        return None
    found = min(radii)
    return found if 0 < found < MOST_RADIUS_BOHR else None


def _upf(head: str) -> dict[str, str]:
    found = _HEADER.search(head)
    if found is None:
        return {}
    told = dict(_ATTRIBUTE.findall(found[1])) or _upf_one(found[1].split("\n"))
    told.setdefault("has_so", "T" if "<PP_ADDINFO>" in head else "F")
    suggested = _SUGGESTED.search(head)
    if suggested is not None and _number(told.get("wfc_cutoff"), MOST_CUTOFF_RY) is None:
        told["wfc_cutoff"] = suggested[1]
    return told


def _upf_one(lines: list[str]) -> dict[str, str]:
    """The header of version 1 has its values in a fixed order.

    Version, element, kind, nlcc, functional, Z, energy, and on one line the cutoffs of wave functions and density.
    """
    rows = [line.split() for line in lines if line.split() and line.strip() != ">"]
    if len(rows) < 6:
        return {}
    functional = " ".join(rows[4][:4])
    told = {"element": rows[1][0], "pseudo_type": rows[2][0], "functional": functional, "z_valence": rows[5][0]}
    if len(rows) > 7 and "cutoff" in rows[7]:
        told["wfc_cutoff"] = rows[7][0]
    return told
