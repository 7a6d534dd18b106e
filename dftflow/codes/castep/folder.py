"""Which files in a folder belong to which CASTEP calculation.

A calculation is a seed: ``<seed>.castep``, ``<seed>.bands``, ``<seed>-out.cell``, ``<seed>.0001.err`` … Materials
Studio gives each property a seed of its own, ``<seed>_BandStr`` or ``<seed>_DOS``, which belongs to the calculation
``<seed>`` when that has left files of its own. What CASTEP leaves of a calculation beside what dftflow reads belongs to
it too, so that it can be named (castep-docs, "Output files"; Materials Studio help, "CASTEP file formats"). Each may be
compressed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from dftflow.codes.base import Calculation
from dftflow.codes.compressed import head_of, plain_name
from dftflow.input_file import special_kind

__all__ = ["GRIDS", "PROJECTIONS", "PROPERTIES", "TRAJECTORIES", "UNREAD", "calculations_in", "ending_of", "file_of"]

GRIDS = (".pot_fmt", ".den_fmt", ".elf_fmt", ".chdiff_fmt")
TRAJECTORIES = (".geom", ".md", ".ts")
OUTPUTS = (".castep", ".bands", *TRAJECTORIES, *GRIDS, ".cst_esp", ".castep_bin", ".check", ".hug")
INPUTS = (".cell", ".param")
PROPERTIES = ("_BandStr", "_DOS", "_PDOS", "_Optics", "_EFIELD", "_Phonon", "_NMR", "_CoreLoss")
PROJECTIONS = (".pdos_bin", ".pdos_weights")
UNREAD: Mapping[str, str] = MappingProxyType(
    {
        ".check_bak": "backup of the checkpoint",
        ".chdiff": "charge difference",
        ".elf": "electron localisation function",
        ".xrd_sf": "X-ray structure factors",
        ".pdos_bin": "weights of a projected density of states",
        ".pdos_weights": "weights of a projected density of states",
        ".ome_bin": "optical matrix elements",
        ".cst_ome": "optical matrix elements",
        ".dome_bin": "band gradients",
        ".elnes_bin": "core-loss matrix elements",
        ".orbitals": "wavefunctions",
        ".phonon": "phonon frequencies",
        ".phonon_dos": "phonon density of states",
        ".efield": "infrared permittivity",
        ".epme": "electron-phonon matrix elements",
        ".epme_bin": "electron-phonon matrix elements",
        ".elastic": "elastic constants",
        ".tddft": "excitation energies",
        ".magres": "NMR tensors",
    }
)
"""Ending -> what is in such a file, which makes no calculation by itself; but for `PROJECTIONS` beside eigenvalues, it
is named and not read."""
_ERROR = re.compile(r"(?:\.\d{4})?\.err$")
_SHARED_ENDINGS = (".md", ".ts")  # of Markdown and TypeScript too
_HEADS = (b"BEGIN header", b"TSTYPE")


def calculations_in(folder: Path) -> tuple[Calculation, ...]:
    """The calculations whose files lie in `folder`, by seed; ``()`` when it is no folder."""
    if not folder.is_dir():
        return ()
    here = sorted(file for file in folder.iterdir() if not special_kind(file))
    named = [file for file in here if ending_of(file) in OUTPUTS + INPUTS]
    seeds = {_own_seed(file) for file in named if ending_of(file) not in _SHARED_ENDINGS or _begins_with_head(file)}
    files = [file for file in named if _own_seed(file) in seeds]
    messages = [file for file in here if ending_of(file) == ".err" and (_own_seed(file) in seeds or _is_numbered(file))]
    unread = [file for file in here if ending_of(file) in UNREAD and _seed(file, seeds) in seeds]
    groups: dict[str, list[Path]] = {}
    for file in (*files, *messages, *unread):
        groups.setdefault(_seed(file, seeds), []).append(file)
    return tuple(
        Calculation(code="castep", folder=folder, seed=seed, files=tuple(found)) for seed, found in groups.items()
    )


def ending_of(file: Path) -> str:
    """Ending of the plain file: ``".bands"`` of ``x.bands.gz``."""
    return Path(plain_name(file)).suffix


def _begins_with_head(file: Path) -> bool:
    return head_of(file, 64).strip().startswith(_HEADS)


def _is_numbered(file: Path) -> bool:
    """``<seed>.0001.err``, as CASTEP names it; a bare ``<name>.err`` may be a batch system's."""
    return re.search(r"\.\d{4}\.err$", plain_name(file)) is not None


def file_of(calculation: Calculation, suffix: str, *, property_run: str = "") -> Path:
    """``<seed><property_run><suffix>`` in the calculation's folder, whether it lies there or not."""
    return calculation.folder / f"{calculation.seed}{property_run}{suffix}"


def _own_seed(file: Path) -> str:
    plain = Path(plain_name(file))
    name = _ERROR.sub("", plain.name) if plain.suffix == ".err" else plain.stem
    return name.removesuffix("-out") if plain.suffix == ".cell" else name


def _seed(file: Path, seeds: Iterable[str]) -> str:
    own = _own_seed(file)
    for ending in PROPERTIES:
        base = own.removesuffix(ending)
        if base != own and base in seeds:
            return base
    return own
