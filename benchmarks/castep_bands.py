"""Reads a large ``.bands`` file with dftflow and with its peers, side by side, each in a process of its own.

    python benchmarks/castep_bands.py [--kpoints 7242] [--bands 462] [--folder DIR]

Writes two spin channels with the k-points in a random order, as a run that is parallel over k-points does, into DIR (a
temporary folder unless given). Prints a Markdown table: best wall time of the repeats, throughput, ratio to ASE, which
is the fastest peer, and peak memory of the process. A peer that is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
from side_by_side import WC, print_table

READERS = {
    "wc -l": (WC, 3),
    "dftflow": ("from dftflow.codes.castep.output.bands_file import read_bands as read", 5),
    "ASE": ("from ase.io.castep import read_bands; read = lambda f: read_bands(str(f))", 5),
    "sumo": (
        "from sumo.io.castep import read_bands_header, read_bands_eigenvalues\n"
        "read = lambda f: read_bands_eigenvalues(str(f), read_bands_header(str(f)))",
        1,
    ),
    "matador": ("from matador.scrapers import bands2dict; read = lambda f: bands2dict(str(f))", 1),
    "castep_outputs": (
        "from castep_outputs.parsers.bands_file_parser import parse_bands_file as parse\n"
        "read = lambda f: parse(open(f))",
        1,
    ),
}


def main() -> None:
    """Write the file, read it with everything that is here, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kpoints", type=int, default=7242)
    parser.add_argument("--bands", type=int, default=462)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="dftflow-bands-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = folder / "large.bands"
        write_bands(file, arguments.kpoints, arguments.bands)
        print_table(file, READERS, base="ASE")
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)


def write_bands(file: Path, n_kpoints: int, n_bands: int) -> None:
    """Random eigenvalues in CASTEP's layout."""
    rng = np.random.default_rng(1)
    with file.open("w") as out:
        out.write(
            f"Number of k-points {n_kpoints:4d}\nNumber of spin components 2\n"
            f"Number of electrons  305.0     305.0    \nNumber of eigenvalues {n_bands:6d} {n_bands:5d}\n"
            "Fermi energies (in atomic units)     0.248084    0.248084\nUnit cell vectors\n"
            "   30.192962    0.000000    0.018648\n    0.000000    7.229325    0.000000\n"
            "   -7.111978    0.000000   33.455380\n"
        )
        for k in rng.permutation(n_kpoints):
            kpoint = "".join(f"{x:12.8f}" for x in (k / n_kpoints, 0.0, 0.0, 1 / n_kpoints))
            out.write(f"K-point {k + 1:5d}{kpoint}\n")
            for spin in (1, 2):
                out.write(f"Spin component {spin}\n")
                out.writelines(f"{value:14.8f}\n" for value in np.sort(rng.normal(size=n_bands)).tolist())


if __name__ == "__main__":
    main()
