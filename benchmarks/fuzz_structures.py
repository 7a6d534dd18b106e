"""Damages structure and molecule files ten thousand times and reads each in a process of its own.

    python benchmarks/fuzz_structures.py [FILE_OR_FOLDER ...] --mutants 10000 --seed 1
    python benchmarks/fuzz_structures.py --reproduce FILE MUTATOR SEED [--keep FILE]

The corpus are the shipped crystals as CIF, POSCAR, ``.cell`` and extended XYZ, a few molecules, and the files that are
named. Each is damaged by ``tests/mutations.py`` or by the mutators of this file, which write what is hostile rather
than damaged, and is read by `load_crystal` or `load_molecule`. That must end in a crystal or a molecule, or in a
refusal (`DftflowError`). What else happens is counted:

    endless     it took more than 4 s of the processor, or 30 s of the clock
    died        the interpreter crashed
    uncaught    any other exception
    slow        more than 2 s of the processor
    memory      more than 500 MB

The exit status is 1 when one of these is not 0.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import re
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from dftflow.crystals.atoms import to_extxyz
from dftflow.crystals.molecules import MOLECULES, load_molecule
from dftflow.crystals.sources import load_crystal
from dftflow.errors import DftflowError
from dftflow.resources import structures_dir

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import mutations  # noqa: E402

__all__ = ["KINDS", "MUTATORS", "Original", "Outcome", "corpus", "main", "mutated", "read_once", "try_file"]

KINDS = ("endless", "died", "uncaught", "slow", "memory")
SECONDS = 2.0
HANG_S = 30.0
MEMORY_BYTES = 500_000_000
SMALLEST_SHIPPED_BYTES = 20_000
MOLECULES_TOLD = 3
CRYSTAL_SUFFIXES = (".cif", ".vasp", ".poscar", ".cell", ".xyz", ".extxyz")
MOLECULE_SUFFIXES = (".xyz", ".extxyz", ".mol", ".sdf", ".pdb")


@dataclass(frozen=True)
class Original:
    """A whole file: its name, its bytes, and whether it is read as a molecule."""

    name: str
    content: bytes
    is_molecule: bool


@dataclass(frozen=True)
class Outcome:
    """How the reading of one file ended: ``"read"``, ``"refused"``, or one of `KINDS`; and what was said."""

    kind: str
    what: str = ""


# --- what is hostile rather than damaged ------------------------------------------------------------------------

_NUMBER = re.compile(rb"(?<![\w.+-])[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?:\(\d+\))?(?![\w.])")
HOSTILE_NUMBERS = (
    *(b"1e12", b"-1e12", b"1e300", b"1e-300", b"1e308", b"-1e308", b"9" * 400, b"1e15", b"1e6", b"-3", b"0", b"1e-12"),
    *(
        b"nan",
        b"inf",
        b"-inf",
        b"999999999",
        b"2147483648",
        b"4294967296",
        b"9" * 5000,
        b"0x7fffffff",
        b"1" + b"0" * 30,
    ),
    *(b"5000", b"100000", b"1_000", b"1d3", b"1e5", b"179.9999", b"360", b"-90", b"1/0", b"1/3", b"*", b"?", b"."),
)
HOSTILE_WORDS = (
    *(b"X", b"Xx", b"A" * 5000, b"\xff\xfe", b"'", b'"', b"\\", b"%s%s%n", b"{}", b"[" * 3000, b"(" * 3000, b"\x1b[2J"),
    *(
        b"$(touch x)",
        b"__import__('os')",
        b"../../../x",
        b"loop_",
        b"data_",
        b";",
        b"#",
        b"%BLOCK",
        b"%ENDBLOCK",
        b"$$$$",
    ),
    *(
        b"Lattice=",
        b"Properties=species:S:1:pos:R:99999999",
        b"_JSON " + b"[" * 5000,
        b"VEC1",
        b"END",
        b"D",
        b"T",
        b"Og",
    ),
)


def _swap_numbers(content: bytes, chance: random.Random) -> bytes:
    found = list(_NUMBER.finditer(content))
    if len(found) < 2:
        return content
    first, second = sorted(chance.sample(found, 2), key=lambda match: match.start())
    between = content[first.end() : second.start()]
    return content[: first.start()] + second[0] + between + first[0] + content[second.end() :]


def _hostile_number(content: bytes, chance: random.Random) -> bytes:
    found = list(_NUMBER.finditer(content))
    if not found:
        return content
    chosen = found[: 1 + len(found) // 4] if chance.random() < 0.5 else found
    match = chance.choice(chosen)
    return content[: match.start()] + chance.choice(HOSTILE_NUMBERS) + content[match.end() :]


def _hostile_numbers(content: bytes, chance: random.Random) -> bytes:
    """The same one in the place of many."""
    new, often = chance.choice(HOSTILE_NUMBERS), chance.choice((0.05, 0.3, 1.0))
    return _NUMBER.sub(lambda match: new if chance.random() < often else match[0], content)


def _hostile_word(content: bytes, chance: random.Random) -> bytes:
    found = list(re.finditer(rb"\S+", content))
    if not found:
        return content
    match = chance.choice(found)
    return content[: match.start()] + chance.choice(HOSTILE_WORDS) + content[match.end() :]


def _nested(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    opening = chance.choice((b"[", b"{", b"(", b'"', b"loop_\n", b"%BLOCK A\n", b";\n", b"data_a\n", b"save_a\n", b"-"))
    return content[:at] + opening * chance.choice((10, 3000, 100_000)) + content[at:]


def _many_lines(content: bytes, chance: random.Random) -> bytes:
    """One line a thousand times or more, with or without other numbers in it."""
    lines = content.split(b"\n")
    at, often = chance.randrange(len(lines)), chance.choice((100, 2000, 20_000))
    line = lines[at]
    new = [_NUMBER.sub(lambda _: b"%.4f" % chance.random(), line) if chance.random() < 0.7 else line] * (often // 10)
    new += [_NUMBER.sub(lambda _: b"%.4f" % chance.random(), line) for _ in range(often - len(new))]
    return b"\n".join([*lines[:at], *new, *lines[at:]])


def _scaled(content: bytes, chance: random.Random) -> bytes:
    """Every number with a point, times one factor: another unit, or none of a crystal."""
    factor = chance.choice((0.1, 10, 0.529177, 1e-3, 1e3, 1e10, -1.0, 1e-10))
    return re.sub(rb"(?<![\w.+-])[-+]?\d+\.\d*(?![\w.])", lambda match: b"%.6g" % (float(match[0]) * factor), content)


def _long_name(content: bytes, chance: random.Random) -> bytes:
    words = list(re.finditer(rb"[A-Za-z_]{2,}", content))
    if not words:
        return content
    match = chance.choice(words)
    return content[: match.start()] + match[0] * chance.choice((50, 5000, 100_000)) + content[match.end() :]


_OWN: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "swap numbers": _swap_numbers,
    "hostile number": _hostile_number,
    "hostile numbers": _hostile_numbers,
    "hostile word": _hostile_word,
    "nested": _nested,
    "many lines": _many_lines,
    "scaled": _scaled,
    "long name": _long_name,
}
OWN_SHARE = 0.6
MUTATORS = (*_OWN, *(name for name in mutations.MUTATORS if name not in (mutations.DIRECTORY, "zip member")))


def mutated(content: bytes, mutator: str, seed: int) -> bytes:
    """`content` after the mutators whose names `mutator` joins."""
    for number, name in enumerate(mutator.split(mutations.CHAIN)):
        if name in _OWN:
            content = _OWN[name](content, random.Random(f"{seed} {number}"))
        else:
            content = mutations.mutate(content, name, seed + number).content or b""
    return content


# --- the corpus -------------------------------------------------------------------------------------------------


def corpus(places: Sequence[Path] = ()) -> list[Original]:
    """The shipped crystals in four formats, molecules in four formats, and the files at `places`."""
    found = []
    for file in sorted(structures_dir().glob("*.cif")):
        if file.stat().st_size <= SMALLEST_SHIPPED_BYTES:
            found += [Original(file.name, file.read_bytes(), False), *_other_formats(file)]
    for name in list(MOLECULES)[:MOLECULES_TOLD]:
        found += _molecules(name)
    for place in places:
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and (file.suffix.lower() in CRYSTAL_SUFFIXES or file.name.startswith("POSCAR")):
                found.append(Original(file.name, file.read_bytes(), False))
            if file.is_file() and file.suffix.lower() in MOLECULE_SUFFIXES:
                found.append(Original(file.name, file.read_bytes(), True))
    return found


def _other_formats(file: Path) -> Iterator[Original]:
    structure = load_crystal(file.stem, base_dir=file.parent).structure
    yield Original(f"{file.stem}.xyz", to_extxyz(structure).encode(), False)
    yield Original(f"{file.stem}.vasp", structure.to(fmt="poscar").encode(), False)
    rows = "\n".join(" ".join(f"{x:.8f}" for x in row) for row in structure.lattice.matrix)
    sites = "\n".join(f"{site.specie} " + " ".join(f"{x:.8f}" for x in site.frac_coords) for site in structure)
    blocks = {"lattice_cart": f"ANG\n{rows}", "positions_frac": sites}
    text = "".join(f"%BLOCK {name}\n{lines}\n%ENDBLOCK {name}\n" for name, lines in blocks.items())
    yield Original(f"{file.stem}.cell", text.encode(), False)


def _molecules(name: str) -> Iterator[Original]:
    from io import StringIO

    molecule = MOLECULES[name]
    atoms = Atoms(list(molecule.symbols), positions=molecule.positions_ang)
    for suffix, kind in ((".xyz", "extxyz"), (".sdf", "sdf"), (".mol", "mol"), (".pdb", "proteindatabank")):
        text = StringIO()
        atoms.write(text, format=kind)
        yield Original(name + suffix, text.getvalue().encode(), True)


def read_once(originals: Sequence[Original], folder: Path) -> None:
    """Read one whole file of each kind, so that the children find every library loaded."""
    for original in {(Path(each.name).suffix, each.is_molecule): each for each in originals}.values():
        file = folder / original.name
        file.write_bytes(original.content)
        _reading(file, is_molecule=original.is_molecule)


# --- one reading ------------------------------------------------------------------------------------------------


def try_file(file: Path, *, is_molecule: bool) -> Outcome:
    """Read `file` in a forked process, which gets 2 s of the processor and 500 MB more than it has now."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _read_and_leave(file, theirs, is_molecule=is_molecule)
    os.close(theirs)
    said = _answer(ours, child)
    os.close(ours)
    _, status = os.waitpid(child, 0)
    if said is None:
        return Outcome("endless", f"more than {HANG_S:.0f} s")
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) and not said:
        return Outcome("endless", f"stopped after {SECONDS * 2:.0f} s of the processor")
    if not said:
        return Outcome("died", f"status {status}")
    kind, _, what = said.decode("utf-8", "replace").partition("\n")
    return Outcome(kind, what)


def _answer(ours: int, child: int) -> bytes | None:
    """What the child wrote until it ended; None when it was killed because it did not end."""
    said, end = b"", time.monotonic() + HANG_S
    while True:
        ready, _, _ = select.select([ours], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            os.kill(child, signal.SIGKILL)
            return None
        piece = os.read(ours, 1 << 16)
        if not piece:
            return said
        said += piece


def _read_and_leave(file: Path, answers: int, *, is_molecule: bool) -> None:
    """In the child: read, answer, and end without coming back."""
    faulthandler.disable()  # what dies here is counted, and not shown as the end of the program
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os.dup2(1, 2)
        used = time.process_time()
        _limit(used)
        kind, what = _reading(file, is_molecule=is_molecule)
        if time.process_time() - used > SECONDS:
            kind, what = "slow", f"{time.process_time() - used:.1f} s of the processor, {kind}"
        os.write(answers, f"{kind}\n{what}".encode("utf-8", "replace")[:4000])
    finally:
        os._exit(0)


def _limit(used_s: float) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = MEMORY_BYTES + pages * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    seconds = int(used_s + 2 * SECONDS) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _reading(file: Path, *, is_molecule: bool) -> tuple[str, str]:
    warnings.simplefilter("ignore")
    try:
        if is_molecule:
            load_molecule(file.name, base_dir=file.parent)
        else:
            load_crystal(file.name, base_dir=file.parent)
    except DftflowError as error:
        if "MemoryError" in str(error):
            return "memory", error.sentence
        return "refused", error.sentence
    except MemoryError as error:
        return "memory", _place(error)
    except BaseException as error:
        return "uncaught", f"{type(error).__name__}: {str(error)[:100]} ({_place(error)})"
    return "read", ""


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if f"{os.sep}dftflow{os.sep}" in frame.filename] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "?"


# --- the command ------------------------------------------------------------------------------------------------


def _mutation(originals: Sequence[Original], seed: int, index: int) -> tuple[Original, str, int]:
    chance = random.Random(f"{seed} {index}")
    original = originals[index % len(originals)]
    names = [
        chance.choice(list(_OWN) if chance.random() < OWN_SHARE else MUTATORS)
        for _ in range(2 if chance.random() < 0.15 else 1)
    ]
    return original, mutations.CHAIN.join(names), chance.randrange(10**9)


def _table(counts: dict[str, Counter[str]]) -> str:
    columns = ("read", "refused", *KINDS)
    lines = ["| files | mutants | " + " | ".join(columns) + " |", "|---|--:|" + "--:|" * len(columns)]
    total: Counter[str] = Counter()
    for label, count in sorted(counts.items()):
        total.update(count)
        lines.append(f"| {label} | {count.total()} | " + " | ".join(str(count[kind]) for kind in columns) + " |")
    lines.append(f"| all | {total.total()} | " + " | ".join(str(total[kind]) for kind in columns) + " |")
    return "\n".join(lines)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="*", type=Path, metavar="FILE_OR_FOLDER")
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reproduce", nargs=3, metavar=("FILE", "MUTATOR", "SEED"))
    parser.add_argument("--keep", type=Path, help="with --reproduce: where to keep the damaged file")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 1 when something ended in one of `KINDS`."""
    options = _options(argv)
    originals = corpus(options.places)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as top:
        read_once(originals, Path(top))
        if options.reproduce:
            return _reproduce(originals, options, Path(top))
        counts: dict[str, Counter[str]] = {}
        found: dict[tuple[str, str], tuple[int, str]] = {}
        for index in range(options.mutants):
            original, mutator, seed = _mutation(originals, options.seed, index)
            file = Path(top) / original.name
            file.write_bytes(mutated(original.content, mutator, seed))
            outcome = try_file(file, is_molecule=original.is_molecule)
            label = f"{'molecules' if original.is_molecule else 'crystals'} {file.suffix}"
            counts.setdefault(label, Counter())[outcome.kind] += 1
            if outcome.kind in KINDS:
                print(original.name, mutator, seed, *outcome.__dict__.values(), file=sys.stderr)
                key = outcome.kind, re.sub(r"[\d.e+-]+", "N", outcome.what)[:120]
                times, first = found.get(key, (0, f"--reproduce {original.name} '{mutator}' {seed}: {outcome.what}"))
                found[key] = times + 1, first
    print(_table(counts))
    for (kind, _), (times, first) in sorted(found.items()):
        print(f"\n{kind}, {times} times: {first}")
    return 1 if found else 0


def _reproduce(originals: Sequence[Original], options: argparse.Namespace, folder: Path) -> int:
    name, mutator, seed = options.reproduce
    outcomes = []
    for original in (original for original in originals if original.name == name):
        file = folder / name
        file.write_bytes(mutated(original.content, mutator, int(seed)))
        if options.keep:
            options.keep.write_bytes(file.read_bytes())
        started = time.perf_counter()
        outcomes.append(try_file(file, is_molecule=original.is_molecule))
        print(f"{time.perf_counter() - started:.2f} s, {outcomes[-1].kind}: {outcomes[-1].what}")
    return 1 if any(outcome.kind in KINDS for outcome in outcomes) or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
