"""Damages real files a hundred thousand times and reads them, as a person with a full disk would make dftflow do.

    python benchmarks/fuzz.py FOLDER [FOLDER ...] --mutations 100000
    python benchmarks/fuzz.py FOLDER --reproduce FILE MUTATOR SEED

Every calculation that a code finds below FOLDER is read through the seam of `dftflow.codes.base`, each time with one of
its files damaged by ``tests/mutations.py``, and its band edges and vacuum levels are derived. That must end in results
or in a refusal (`DftflowError`), soon, and in little memory. What else happens is a finding:

    crash         any other exception
    slow          more than --seconds-each of the processor
    memory        more memory than the size of the file explains
    died          the process was killed, or hung
    accepted      content was removed from a file that declares its size, and it was read
    other number  a number could not be read or stood there twice, and another one came out in its place
    half a line   a number of a line that was cut was taken
    finished      a log that was cut before its end was called finished
    not the same  legal line ends changed what was read, or were refused

The exit status is 1 when there are findings.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, is_dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.codes.base import Code, Reading
from dftflow.codes.finding import find_calculations
from dftflow.codes.registry import code_names, load_code
from dftflow.errors import DftflowError

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import mutations  # noqa: E402

__all__ = ["Bench", "Finding", "Look", "Target", "find_targets", "main"]

MEMORY_BYTES = 2 << 30
UNEXPLAINED_BYTES = 300 << 20
BYTES_A_BYTE = 40  # text becomes a Python string, a list of lines, a list of words and an array
HANG_S = 60.0
SMALL_BYTES = 20_000
CHAINED = 0.1
TRIES = 20
RARE = {"long line": 0.1, "deep": 0.1, "xml entities": 0.2, "empty": 0.1, "directory": 0.1, "gzip": 0.2}
DECLARES_ITS_SIZE = re.compile(r"(?:\.bands|\.\w+_fmt|\.cst_esp|\.pot|LOCPOT|CHGCAR)$")
HAS_SPARE_LINES = re.compile(r"(?:LOCPOT|CHGCAR)$")  # the moments between two grids are not always written
HAS_WHOLE_LINES = re.compile(r"(?:\.(?:castep|bands|geom|md|ts|out|\w+_fmt)|OUTCAR|LOCPOT|CHGCAR)$")
LOGS = {
    ".castep": (rb"^ *Total time +=.*\d +s *\r?$", rb"^ *\| +CCC +AA +SSS"),
    "OUTCAR": (rb"General timing and accounting", rb"^ vasp\.\d"),
    ".xml": (rb"</modeling>|</\w+:espresso>", rb"<\?xml"),
    ".out": (rb"JOB DONE\.", rb"Program PWSCF"),
}
"""Extension or name of a log -> its last line, its first line."""
SAME = {"rtol": 1e-7, "atol": 1e-4}  # the files of a calculation give a number with different digits

Outcome = Literal["read", "refused", "ignored"]


class _TooSlow(BaseException):
    """Raised by the alarm; no Exception, so that no reader can catch it."""


@dataclass(frozen=True)
class Target:
    """A file that can be damaged, and the other files of its calculation."""

    code: str
    root: Path
    file: Path
    companions: tuple[Path, ...]
    size: int

    @property
    def label(self) -> str:
        """Extension, or the whole name of a file that is known by its name (``OUTCAR``)."""
        return self.file.suffix or self.file.name

    @property
    def name(self) -> str:
        """Path below its root."""
        return self.file.relative_to(self.root).as_posix()


@dataclass(frozen=True)
class Look:
    """What was read of a calculation with one file damaged."""

    outcome: Outcome
    status: str | None
    numbers: Mapping[str, Any]
    told: frozenset[str]


@dataclass(frozen=True)
class Finding:
    """Something that must not happen, and how to make it happen."""

    kind: str
    what: str
    place: str
    file: str
    mutator: str
    seed: int

    @property
    def key(self) -> tuple[str, str, str]:
        """Findings with the same key have the same cause."""
        return self.kind, self.what, self.place


def find_targets(roots: Sequence[Path], codes: Sequence[str]) -> list[Target]:
    """Every file below `roots` that belongs to a calculation of one of the `codes`."""
    found = []
    for root in roots:
        for code in codes:
            for calculation in find_calculations(root, code):
                files = [file for file in calculation.files if file.is_file()]
                for file in files:
                    others = tuple(other for other in files if other != file)
                    found.append(Target(code, root, file, others, file.stat().st_size))
    return found


# --- reading ----------------------------------------------------------------------------------------------------


class Bench:
    """Puts a damaged file beside the others of its calculation, reads, and judges what came out.

    Parameters
    ----------
    load
        Code by name.
    seconds_each
        Time of the processor for one reading; None for no limit.
    heavy_bytes
        Other files that are larger together are left out of most readings.
    """

    def __init__(
        self, load: Callable[[str], Code] = load_code, *, seconds_each: float | None = None, heavy_bytes: int = 200_000
    ) -> None:
        self._load = load
        self._seconds_each = seconds_each
        self._heavy_bytes = heavy_bytes
        self._top = tempfile.TemporaryDirectory(prefix="fuzz-")
        self._folder = Path(self._top.name) / "case"
        self._originals: dict[tuple[Path, bool], Look] = {}

    def close(self) -> None:
        """Remove the working folder."""
        self._top.cleanup()

    def run(self, target: Target, mutator: str, seed: int) -> tuple[Outcome, list[Finding]]:
        """Damage `target`, read its calculation, and say what is wrong with what came out."""
        content = target.file.read_bytes()
        mutant = mutations.mutate(content, mutator, seed)
        peak = _peak_bytes()
        try:
            look = self._in_time(lambda: self.look(target, mutant.content, company=self.in_company(target, seed)))
            wrong = self._wrong(target, content, mutant, look, seed)
        except _TooSlow as error:
            return "read", [Finding("slow", f"> {self._seconds_each} s", _place(error), target.name, mutator, seed)]
        except Exception as error:
            what = f"{type(error).__name__}: {_generic(str(error))}"
            return "read", [Finding("crash", what, _place(error), target.name, mutator, seed)]
        size = 0 if mutant.content is None else len(mutant.content)
        allowed = UNEXPLAINED_BYTES + BYTES_A_BYTE * (size + sum(other.stat().st_size for other in target.companions))
        if _peak_bytes() - peak > allowed:
            wrong.append(("memory", f"> {allowed >> 20} MiB"))
        place = f"{target.label}, {mutator}"
        return look.outcome, [Finding(kind, what, place, target.name, mutator, seed) for kind, what in wrong]

    def look(self, target: Target, content: bytes | None, *, company: bool) -> Look:
        """Read the calculation of `target` with `content` in its place, a directory for None."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        file = self._folder / target.file.name
        if content is None:
            file.mkdir()
        else:
            file.write_bytes(content)
        for other in target.companions if company else ():
            (self._folder / other.name).symlink_to(other)
        code = self._load(target.code)
        own: Reading | None = None
        try:
            for calculation in code.find(self._folder):
                reading = code.read(calculation)
                if reading.results is not None:
                    calculation_levels(reading.results)
                own = reading if file in calculation.files else own
        except DftflowError:
            return Look("refused", None, {}, frozenset())
        return _look(own, file)

    def _in_time(self, read: Callable[[], Look]) -> Look:
        if self._seconds_each is None:
            return read()
        with _alarm(self._seconds_each):
            return read()

    def in_company(self, target: Target, seed: int) -> bool:
        """Whether the other files lie beside the damaged one: half of the times, or always where it needs them."""
        if not target.companions:
            return False
        heavy = sum(other.stat().st_size for other in target.companions) > self._heavy_bytes
        often = random.Random(f"company {seed}").random() < (0.05 if heavy else 0.5)
        return often or self.original(target, company=False).outcome != "read"

    def original(self, target: Target, *, company: bool) -> Look:
        """What is read of the undamaged calculation."""
        key = target.file, company
        if key not in self._originals:
            self._originals[key] = self.look(target, target.file.read_bytes(), company=company)
        return self._originals[key]

    # --- what must not come out ---

    def _wrong(self, target: Target, content: bytes, mutant: Any, look: Look, seed: int) -> list[tuple[str, str]]:
        company = self.in_company(target, seed)
        original = self.original(target, company=company)
        if mutant.content == content or mutant.content is None:
            return []
        if mutant.effect == "same" and original.outcome == "read":
            change = "refused" if look.outcome != "read" else _difference(original, look, strict=True)
            return [("not the same", change)] if change else []
        if look.outcome != "read":
            return []
        if mutant.effect in ("blots", "adds") and original.outcome == "read" and b"\0" not in content:
            declared = mutant.effect == "blots" or DECLARES_ITS_SIZE.search(target.file.name)
            change = _difference(original, look, strict=False) if declared else ""
            return [("other number", change)] if change else []
        if mutant.effect == "removes":
            return self._wrong_when_removed(target, content, mutant, look, company=company)
        return []

    def _wrong_when_removed(
        self, target: Target, content: bytes, mutant: Any, look: Look, *, company: bool
    ) -> list[tuple[str, str]]:
        binary = b"\0" in content
        lost = binary or (b"\n" in mutant.touched and re.search(rb"\d", mutant.touched) is not None)
        spare = HAS_SPARE_LINES.search(target.file.name) is not None
        if spare and not _difference(self.original(target, company=company), look, strict=False):
            return []
        if lost and DECLARES_ITS_SIZE.search(target.file.name):
            return [("accepted", f"without {len(mutant.touched) if binary else 'some'} of its bytes")]
        if mutant.start + len(mutant.touched) < len(content):
            return []
        alone = not company or target.label == ".castep"  # the other codes have two files that tell the end
        if alone and look.status == "finished" and not _has_its_end(target.label, mutant.content):
            return [("finished", "without its end")]
        if HAS_WHOLE_LINES.search(target.file.name) and not mutant.content.endswith(b"\n"):
            return self._half_a_line(target, content, mutant.start, look, company=company)
        return []

    def _half_a_line(
        self, target: Target, content: bytes, cut: int, look: Look, *, company: bool
    ) -> list[tuple[str, str]]:
        """A file that ends within a line must read as if the line were not there, or were whole."""
        line = content.rfind(b"\n", 0, cut) + 1
        end = content.find(b"\n", cut) + 1 or len(content)
        legal = (self.look(target, content[:at], company=company) for at in (line, end))
        differences = [_difference(other, look, strict=True) for other in legal if other.outcome == "read"]
        if "" in differences:
            return []
        return [("half a line", differences[0] if differences else "neither with nor without the line")]


def _look(reading: Reading | None, file: Path) -> Look:
    if reading is None:
        return Look("ignored", None, {}, frozenset())
    own = [each for each in reading.files if each.file == file and each.summary != "not read"]
    outcome: Outcome = "read" if own else "ignored"
    for each in own:
        if each.error is not None:
            outcome = "refused"
    numbers: dict[str, Any] = {f"{each.file.suffix} {each.kind}": each.summary for each in reading.files}
    results = reading.results
    if results is None:
        return Look(outcome, None, numbers, frozenset())
    numbers |= dict(_numbers(results, "results"))
    failed = {f"{check.name}: {check.passed}" for check in results.checks if not check.passed}
    return Look(outcome, results.status, numbers, frozenset(results.warnings) | failed)


def _numbers(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every number in a tree of dataclasses, by its path; None where there is none."""
    if value is None or isinstance(value, int | float | np.ndarray):
        yield path, value
    elif hasattr(value, "frac_coords"):
        yield f"{path}.lattice", value.lattice.matrix
        yield f"{path}.coordinates", value.frac_coords
        yield f"{path}.numbers", np.array(value.atomic_numbers)
    elif is_dataclass(value):
        for each in fields(value):
            if each.name not in ("warnings", "checks"):
                yield from _numbers(getattr(value, each.name), f"{path}.{each.name}")
    elif isinstance(value, Mapping):
        for name in value:
            yield from _numbers(value[name], f"{path}.{name}")
    elif isinstance(value, tuple | list):
        yield f"{path} (length)", len(value)
        for index, each in enumerate(value):
            yield from _numbers(each, f"{path}[{index}]")


def _difference(original: Look, look: Look, *, strict: bool) -> str:
    """Which number differs; ``""`` when none does.

    Not `strict`: numbers may be missing, text may differ, and what is said in a new warning or a failed check counts
    as refused.
    """
    if not strict and look.told - original.told:
        return ""
    if strict and original.status != look.status:
        return "status"
    for path in dict.fromkeys((*original.numbers, *look.numbers)):
        before, after = original.numbers.get(path), look.numbers.get(path)
        if not strict and (after is None or isinstance(after, str) or _is_empty_length(path, after)):
            continue
        if not _same(before, after):
            return re.sub(r"\[\d+\]", "[]", path)
    return ""


def _is_empty_length(path: str, value: Any) -> bool:
    return path.endswith("(length)") and value == 0


def _same(before: Any, after: Any) -> bool:
    if before is None or after is None or isinstance(before, str) or isinstance(after, str):
        return before is after or (isinstance(before, str) and isinstance(after, str) and before == after)
    if np.shape(before) != np.shape(after):
        return False
    return bool(np.allclose(before, after, equal_nan=True, **SAME))


def _has_its_end(label: str, content: bytes) -> bool:
    """Whether the last line of a run stands behind the first line of the last one; true where these are not known."""
    if label not in LOGS:
        return True
    ends, starts = (list(re.finditer(mark, content, re.MULTILINE)) for mark in LOGS[label])
    return bool(ends) and (not starts or ends[-1].start() > starts[-1].start())


def _place(error: BaseException) -> str:
    """The innermost line of dftflow in the traceback of `error`."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if f"{os.sep}dftflow{os.sep}" in frame.filename] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "?"


def _generic(message: str) -> str:
    """A message without what differs from file to file."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "'...'", message.splitlines()[0] if message else "")
    return re.sub(r"-?\d[\d.e+-]*", "N", text)[:70]


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise after so much time of the processor, which other work on the machine does not lengthen."""

    def ring(signum: int, frame: object) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _limit_memory() -> None:
    """At most 2 GiB beyond what the process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    limit = MEMORY_BYTES + pages * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


# --- which mutation comes when ----------------------------------------------------------------------------------


class _Plan:
    """Target, mutator and seed of each mutation: every extension in turn, small files more often than large ones."""

    def __init__(self, targets: Sequence[Target], seed: int, max_bytes: int) -> None:
        self._seed = seed
        self._names = [name for name in mutations.MUTATORS if name != mutations.DIRECTORY]
        self._weights = [RARE.get(name, 1.0) for name in self._names]
        by_label: dict[str, list[Target]] = defaultdict(list)
        for target in targets:
            by_label[f"{target.code} {target.label}"].append(target)
        self._groups = [
            (group, [_weight(target.size, max_bytes) for target in group]) for _, group in sorted(by_label.items())
        ]

    def mutation(self, index: int) -> tuple[Target, str, int]:
        """The same for the same index and seed of the run."""
        seed = self._seed * 1_000_000_000 + index
        chance = random.Random(seed)
        group, weights = self._groups[index % len(self._groups)]
        target = chance.choices(group, weights)[0]
        content = target.file.read_bytes()
        if chance.random() < 0.01:
            return target, mutations.DIRECTORY, seed
        for _ in range(TRIES):
            names = chance.choices(self._names, self._weights, k=2 if chance.random() < CHAINED else 1)
            mutator = mutations.CHAIN.join(names)
            if mutations.mutate(content, mutator, seed).content != content:
                break
        return target, mutator, seed


def _weight(size: int, max_bytes: int) -> float:
    return min(1.0, SMALL_BYTES / max(size, 1)) * (1.0 if size <= max_bytes else 0.1)


# --- processes --------------------------------------------------------------------------------------------------


@dataclass
class _Tally:
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    files: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    findings: dict[tuple[str, str, str], tuple[Finding, int]] = field(default_factory=dict)

    @property
    def mutations(self) -> int:
        """How many were done."""
        return sum(counts.total() for counts in self.counts.values())

    def add(self, target: Target, outcome: str, findings: Sequence[Finding]) -> None:
        """One mutation."""
        label = f"{target.code} {target.label}"
        self.counts[label]["finding" if findings else outcome] += 1
        self.files[label].add(target.name)
        for finding in findings:
            first, number = self.findings.get(finding.key, (finding, 0))
            self.findings[finding.key] = (first, number + 1)


def _work(plan: _Plan, indices: range, options: argparse.Namespace, at: Any, answers: Connection) -> None:
    """Run the mutations `indices`; `at` holds the one that is under way, for the parent of a process that dies."""
    warnings.simplefilter("ignore")
    bench = Bench(seconds_each=options.seconds_each, heavy_bytes=options.max_kb * 1000)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    _limit_memory()
    try:
        for index in indices:
            at.value = index
            target, mutator, seed = plan.mutation(index)
            answers.send((index, target, bench.run(target, mutator, seed)))
        answers.send(None)
    finally:
        bench.close()


@dataclass
class _Worker:
    process: BaseProcess
    answers: Connection
    at: Any
    last: float


def _start(plan: _Plan, indices: range, options: argparse.Namespace) -> _Worker:
    # fork: the children share what is imported
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    at = context.Value("q", indices.start)
    process = context.Process(target=_work, args=(plan, indices, options, at, theirs))
    process.start()
    theirs.close()
    return _Worker(process, ours, at, time.monotonic())


def _run_all(plan: _Plan, options: argparse.Namespace) -> _Tally:
    """Every mutation; after an interrupt what was done until then."""
    tally = _Tally()
    step = options.workers
    alive = [_start(plan, range(first, options.mutations, step), options) for first in range(step)]
    try:
        while alive:
            _wait(alive, plan, options, tally)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    for worker in alive:
        worker.process.kill()
        worker.process.join()
    return tally


def _wait(alive: list[_Worker], plan: _Plan, options: argparse.Namespace, tally: _Tally) -> None:
    """Count the answers that are there, and kill what hangs."""
    ready = wait([worker.answers for worker in alive], timeout=1.0)
    for worker in list(alive):
        if worker.answers in ready:
            worker.last = time.monotonic()
            if not _take(worker, tally):
                alive.remove(worker)
                _bury(worker, plan, options, tally, alive)
        elif time.monotonic() - worker.last > HANG_S:
            worker.process.kill()


def _take(worker: _Worker, tally: _Tally) -> bool:
    """Count one answer; False when there are no more."""
    try:
        answer = worker.answers.recv()
    except EOFError:
        return False
    if answer is None:
        worker.at.value = -1
        return False
    _, target, (outcome, findings) = answer
    tally.add(target, outcome, findings)
    return True


def _bury(worker: _Worker, plan: _Plan, options: argparse.Namespace, tally: _Tally, alive: list[_Worker]) -> None:
    """Note the mutation at which a process died, and go on behind it."""
    worker.process.join()
    index = worker.at.value
    if index < 0:
        return
    target, mutator, seed = plan.mutation(index)
    how = f"exit status {worker.process.exitcode}"
    tally.add(target, "read", [Finding("died", how, f"{target.label}, {mutator}", target.name, mutator, seed)])
    rest = range(index + options.workers, options.mutations, options.workers)
    if rest:
        alive.append(_start(plan, rest, options))


# --- what is printed --------------------------------------------------------------------------------------------


def _report(tally: _Tally) -> str:
    lines = ["| files of | files | mutations | refused | read | ignored | findings |", "|---|--:|--:|--:|--:|--:|--:|"]
    total: Counter[str] = Counter()
    for label, counts in sorted(tally.counts.items()):
        total.update(counts)
        lines.append(_row(label, len(tally.files[label]), counts))
    lines.append(_row("all", sum(map(len, tally.files.values())), total))
    lines += ["", f"{len(tally.findings)} distinct findings", ""]
    if tally.findings:
        lines += ["| finding | what | where | times | file | mutator | seed |", "|---|---|---|--:|---|---|--:|"]
    for (kind, what, place), (first, times) in sorted(tally.findings.items()):
        lines.append(f"| {kind} | {what} | {place} | {times} | {first.file} | {first.mutator} | {first.seed} |")
    return "\n".join(lines)


def _refused_undamaged(targets: Sequence[Target], options: argparse.Namespace) -> str:
    """Files that are refused as they are: what damage does to them says little."""
    bench = Bench(heavy_bytes=options.max_kb * 1000)
    names = []
    for target in targets:
        with suppress(Exception):  # it is among the findings, or another seed finds it
            if bench.original(target, company=True).outcome == "refused":
                names.append(f"  {target.name}")
    bench.close()
    return "\n".join(["", f"{len(names)} of {len(targets)} files are refused undamaged", *names])


def _row(label: str, files: int, counts: Counter[str]) -> str:
    cells = (counts.total(), counts["refused"], counts["read"], counts["ignored"], counts["finding"])
    return f"| {label} | {files} | " + " | ".join(map(str, cells)) + " |"


def _reproduce(targets: Sequence[Target], options: argparse.Namespace) -> int:
    name, mutator, seed = options.reproduce[0], options.reproduce[1], int(options.reproduce[2])
    target = next((target for target in targets if target.name == name), None)
    if target is None:
        print(f"there is no file {name}", file=sys.stderr)
        return 2
    mutant = mutations.mutate(target.file.read_bytes(), mutator, seed)
    if options.keep and mutant.content is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
        (options.keep / target.file.name).write_bytes(mutant.content)
        print(f"the damaged file: {options.keep / target.file.name}")
    print(f"damage: {mutant.effect}, from byte {mutant.start}: {mutant.touched[:200]!r}")
    bench = Bench(seconds_each=options.seconds_each, heavy_bytes=options.max_kb * 1000)
    _limit_memory()
    company = bench.in_company(target, seed)
    print("read", "with the other files of its calculation" if company else "alone")
    outcome, findings = bench.run(target, mutator, seed)
    if any(finding.kind == "crash" for finding in findings):
        try:
            bench.look(target, mutant.content, company=company)
        except Exception:
            traceback.print_exc()
    print(outcome, *findings, sep="\n")
    bench.close()
    return 1 if findings else 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="+", type=Path)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds-each", type=float, default=2.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--readers", default=",".join(code_names()), help="codes, separated by commas")
    parser.add_argument("--only", default="", help="a regular expression that the file's path must hold")
    parser.add_argument("--max-kb", type=int, default=200, help="larger files are taken ten times more rarely")
    parser.add_argument("--reproduce", nargs=3, metavar=("FILE", "MUTATOR", "SEED"))
    parser.add_argument("--keep", type=Path, help="with --reproduce: a folder for the damaged file")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 1 when there are findings, 2 when there is nothing to damage."""
    options = _options(argv)
    targets = find_targets([folder.resolve() for folder in options.folder], options.readers.split(","))
    targets = [target for target in targets if re.search(options.only, target.name)]
    if not targets:
        print("there are no files of these codes", file=sys.stderr)
        return 2
    if options.reproduce:
        return _reproduce(targets, options)
    started = time.perf_counter()
    tally = _run_all(_Plan(targets, options.seed, options.max_kb * 1000), options)
    print(_report(tally))
    print(_refused_undamaged(targets, options))
    seconds = time.perf_counter() - started
    print(f"\n{tally.mutations} mutations in {seconds:.0f} s, seed {options.seed}", file=sys.stderr)
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
