"""Reads a large formatted potential with dftflow and with its peers, side by side, each in a process of its own.

    python benchmarks/castep_grids.py [--megabytes 200] [--streamed-megabytes 2000] [--folder DIR]

Writes the potential of a slab in CASTEP's layout into DIR (a temporary folder unless given): whole columns along c, in
the order of sixteen processes, and once with a fastest. Prints a Markdown table: best wall time of three, throughput,
ratio to ``numpy.loadtxt`` and peak memory of the process. A peer that is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
from side_by_side import WC, print_table

OURS = "from dftflow.codes.castep.output.grid_file import {} as read"
LOADTXT = "import numpy as np; read = lambda f: np.loadtxt(f, skiprows=11)"
CASTEP_OUTPUTS = (
    "from castep_outputs.parsers.parse_fmt_files import parse_pot_fmt_file as parse; read = lambda f: parse(open(f))"
)
READERS = {
    "wc -l": (WC, 3),
    "dftflow read_grid": (OURS.format("read_grid"), 3),
    "dftflow plane_averages": (OURS.format("plane_averages"), 3),
    "numpy.loadtxt": (LOADTXT, 3),
    "castep_outputs": (CASTEP_OUTPUTS, 1),
}
STREAMED = ("wc -l", "dftflow plane_averages")
RECORD = 39


def main() -> None:
    """Write the files, read them with everything that is here, print the tables."""
    arguments = _arguments()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="dftflow-grids-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for order in ("columns", "a-fastest"):
            file = folder / f"{order}.pot_fmt"
            write_potential(file, arguments.megabytes, columns_of_c=order == "columns")
            print_table(file, READERS, base="numpy.loadtxt")
        if arguments.streamed_megabytes:
            file = folder / "streamed.pot_fmt"
            write_potential(file, arguments.streamed_megabytes, columns_of_c=True)
            print_table(file, {name: READERS[name] for name in STREAMED}, base="wc -l")
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--streamed-megabytes", type=float, default=0)
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


def write_potential(file: Path, megabytes: float, *, columns_of_c: bool) -> None:
    """A slab of cosines with a flat vacuum on a grid of the shape n x n x 10 n."""
    n = max(4, round((megabytes * 1e6 / RECORD / 10) ** (1 / 3)))
    shape = (n, n, 10 * n)
    z = np.arange(shape[2]) / shape[2]
    inside = 1 / (1 + np.exp((np.abs(z - 0.5) - 0.25) * 60))
    rng = np.random.default_rng(1)
    with file.open("w") as out:
        out.write(_head(shape))
        if columns_of_c:
            order = [i for process in range(16) for i in range(process, n * n, 16)]
            for column in order:
                a, b = divmod(column, n)
                values = inside * (np.cos(12 * z + a + b) - 1) + 1e-4 * rng.normal(size=shape[2])
                out.writelines(f"{a + 1:6d}{b + 1:6d}{c + 1:6d}{v:20.6f}\n" for c, v in enumerate(values.tolist()))
        else:
            for c in range(shape[2]):
                values = inside[c] * rng.normal(size=(n, n))
                out.writelines(
                    f"{a + 1:6d}{b + 1:6d}{c + 1:6d}{values[a, b]:20.6f}\n" for b in range(n) for a in range(n)
                )


def _head(shape: tuple[int, int, int]) -> str:
    lengths = (8.0, 8.0, 80.0)
    rows = [
        "".join(f"{lengths[i] if i == j else 0.0:14.7f}" for j in range(3)) + f"     {name} ={length:12.6f}"
        for i, (name, length) in enumerate(zip("abc", lengths, strict=True))
    ]
    return "\n".join(
        [
            " BEGIN header",
            "  ",
            "           Real Lattice(A)               Lattice parameters(A)    Cell Angles",
            *rows,
            "  ",
            "   1   F                        ! nspins, non-collinear spin",
            "".join(f"{count:6d}" for count in shape) + "                ! fine FFT grid along <a,b,c>",
            ' END header: data is "<a b c> pot" in units of Hartrees',
            "  ",
            "",
        ]
    )


if __name__ == "__main__":
    main()
