"""Reads ``.castep`` files with dftflow and with its peers, side by side, each in a process of its own.

    python benchmarks/castep_text.py FILE [FILE ...] [--repeats 7]

Prints a Markdown table: MB/s by the best wall time of the repeats, without imports, and how many times faster dftflow
is than the fastest peer that keeps what it keeps. dftflow and castep_outputs keep every geometry of every run. ASE
keeps those of the last run, matador the last one: where a file holds several runs (number in the table), their MB/s
count bytes that they have not read. A peer that is not installed is named and left out; ``fails`` stands where one
does not read the file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from side_by_side import Timing, time_reader

READERS = {
    "dftflow": "from dftflow.codes.castep.output.castep_file import read_castep as read",
    "ASE": (
        "from ase.io import read as ase_read\nread = lambda f: ase_read(str(f), index=':', format='castep-castep')"
    ),
    "castep_outputs": (
        "from castep_outputs.parsers.castep_file_parser import parse_castep_file as parse\n"
        "read = lambda f: parse(open(f))"
    ),
    "matador": (
        "from matador.scrapers import castep2dict\n"
        "def read(f):\n"
        "    found, ok = castep2dict(str(f), db=False, verbosity=0)\n"
        "    assert ok, found"
    ),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Time every reader on every file, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args(argv)
    readers = dict(READERS)
    for name, imports in READERS.items():
        if time_reader(f"{imports}\nread = lambda f: None", arguments.files[0], repeats=1) == "not installed":
            print(f"{name} is not installed")
            del readers[name]
    print(f"| file | MB | runs | {' | '.join(readers)} | times castep_outputs, or ASE of one run |")
    print("|---|---|---" + "|---" * (len(readers) + 1) + "|")
    for file in arguments.files:
        print_row(file, readers, arguments.repeats)


def print_row(file: Path, readers: dict[str, str], repeats: int) -> None:
    """Throughput of every reader on one file, in MB/s."""
    megabytes = file.stat().st_size / 1e6
    timings = {name: time_reader(imports, file, repeats=repeats) for name, imports in readers.items()}
    speeds = {name: megabytes / each.wall_time_s for name, each in timings.items() if isinstance(each, Timing)}
    runs = file.read_bytes().count(b"CASTEP version")
    peers = [speeds[name] for name in ("castep_outputs", *["ASE"] * (runs == 1)) if name in speeds]
    cells = [f"{speeds[name]:.1f}" if name in speeds else "fails" for name in readers]
    ratio = f"{speeds['dftflow'] / max(peers):.1f}" if peers and "dftflow" in speeds else ""
    # a folder's name tells apart the many files that are called aiida.castep
    name = "/".join(file.parts[-3:]) if file.stem == "aiida" else file.name
    print(f"| {name} | {megabytes:.2f} | {runs} | {' | '.join(cells)} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
