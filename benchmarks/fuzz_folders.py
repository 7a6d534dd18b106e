"""Damages the folder of a run or of decks a few thousand times, and has the commands that read folders read it.

    python benchmarks/fuzz_folders.py --mutants 2000
    python benchmarks/fuzz_folders.py --reproduce 1234

The folders are two stored runs of GPAW and decks with the results of a model crystal beside them, all with what
``report`` writes. Each mutant is one of them with one thing wrong: a file's bytes, a value in its JSON, a file or a
folder that is missing, renamed, a directory, a pipe, a device, a link. Then ``status``, ``report`` and ``collect`` read
it, now and then ``plan``, ``export``, ``parse`` and ``advance``, each in a process with little memory. A finding is

    bug           exit code 70, or an exception that reaches nobody
    hang          more than --seconds-each
    memory        more than --megabytes above what the process had
    outside       something outside the folder was written, or changed
    leak          what stands in a file outside the folder is in the report
    whole lost    a step whose own files are whole, and that needs no damaged one, is not shown as it was
    unnamed       a step has no results, and nobody says why; or a command fails without a reason
    two answers   commands differ in how a step stands
    not a document  what ``--json`` prints is no JSON

"changed" counts numbers of the damaged step itself that came out different with no remark: what was calculated
elsewhere cannot be told from such a change. The exit status is 1 when there are findings.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import model_crystal  # noqa: E402

import dftflow.report.write  # noqa: E402
from dftflow.cli.main import main as dftflow_main  # noqa: E402
from dftflow.jobs.step_state import finished, write_state  # noqa: E402
from dftflow.studies.builder import Builder  # noqa: E402
from dftflow.studies.decks import advance, write_decks  # noqa: E402
from dftflow.studies.plan import plan_study  # noqa: E402
from dftflow.studies.reader import load_study  # noqa: E402

__all__ = ["Base", "Finding", "Look", "bases", "examine", "main"]

STORED = ROOT / "tests" / "data" / "gpaw" / "26.7.0"
SECRET = "canary-of-another-folder"
SPARSE_BYTES = 20 << 30
DEEP = 100_000
DECKS = """\
schema = 1
title = "Decks"
code = "gpaw"
[[alignment]]
materials = ["CsBr", "CsPbCl3"]
""" + "".join(
    f"""
[materials.{name}]
structure = "{name}_Pm-3m"
cutoff_ev = {cutoff_ev}
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
cell = "isotropic"
band_edge = "{edge}"
[[materials.{name}.slabs]]
miller = {miller}
setting = "cubic"
min_thickness_ang = 24.0
"""
    for name, cutoff_ev, edge, miller in (("CsBr", 244.9, "G", "[1, 1, 0]"), ("CsPbCl3", 300.0, "R", "[1, 0, 0]"))
)
NAMES = (
    *(
        "../../../etc",
        "../../outside/secret.txt",
        "..",
        ".",
        "",
        "/",
        "a/../../b",
        "a\0b",
        "x" * 5000,
        "steps",
        "\x1b[2J",
    ),
    *("steps/../..", "~", "a\nb", "plan.json"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e308, -0.0, 10**400, 2**63, "", "x", "1.0", [], {}, [[]], [None], {"a": None}, "nan" * 1000),
    *(float("nan"), float("inf"), [1, 2, 3], ["x"] * 3, [[1e300] * 3] * 3, [[0.0] * 3] * 3, "\ud800", "0" * 5000),
)


@dataclass(frozen=True)
class Finding:
    """Something that must not happen; findings with the same kind, words and place have the same cause."""

    kind: str
    what: str
    place: str


@dataclass(frozen=True)
class Look:
    """What one command did."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Base:
    """A folder that can be damaged, and what the commands say of it undamaged.

    Attributes
    ----------
    study
        The study and its preset, as a command takes them.
    places
        Step name -> its folder below `root`.
    needs
        Step name -> the steps that it needs, by whatever way.
    numbers
        (name, subject, method) -> value and the steps it comes from.
    """

    name: str
    root: Path
    study: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    numbers: Mapping[tuple[str, str, str], tuple[Any, frozenset[str]]] = field(default_factory=dict)

    def steps_of(self, path: str) -> frozenset[str]:
        """The steps that a file or a folder belongs to; all when it is the plan or holds everything."""
        inside = {step for step, place in self.places.items() if f"{path}/".startswith(f"{place}/")}
        above = {step for step, place in self.places.items() if f"{place}/".startswith(f"{path}/")}
        return frozenset(inside | above)

    def concerned(self, steps: frozenset[str]) -> frozenset[str]:
        """Those and every step that needs one of them."""
        return frozenset(step for step in self.places if step in steps or self.needs[step] & steps)


# --- folders to damage ------------------------------------------------------------------------------------------


def bases(top: Path) -> list[Base]:
    """The undamaged folders, made below `top`."""
    found = []
    for name in ("csbr-relaxed", "fapbbr3-cspbbr3-quick"):
        shutil.copytree(STORED / name, top / name)
        found.append(Base(name, top / name))
    (top / "decks.toml").write_text(DECKS, "utf-8")
    found.append(Base("decks", _decks(top / "decks.toml", top / "decks")))
    return [_with_all(base) for base in found]


def _decks(file: Path, root: Path) -> Path:
    study = load_study(str(file), "quick")
    write_decks(study, root)
    plan = plan_study(study)
    for step in plan.steps:
        built = Builder(plan).build(step)
        model_crystal.leave(root / step.name, built.structure, built.spec)
    advance(root)
    return root


def _with_all(base: Base) -> Base:
    """With what a run and a report leave beside its results, and what the commands say."""
    plan = json.loads((base.root / "plan.json").read_text("utf-8"))
    places = {entry["name"]: entry["folder"] or entry["name"] for entry in plan["steps"]}
    needs: dict[str, frozenset[str]] = {}
    for entry in plan["steps"]:
        asked = [need["step"] for need in entry["content"]["needs"]]
        direct = {other["name"] for other in plan["steps"] if other["content"]["id"] in asked}
        needs[entry["name"]] = frozenset(direct.union(*(needs[each] for each in direct)))
    for name, place in places.items():
        (base.root / place / "progress.json").write_text('{"doing": "SCF", "fraction": 0.5}')
        (base.root / place / "stdout.log").write_text("one\ntwo\n")
        (base.root / place / "stderr.log").write_text("")
        (base.root / place / "gpaw.txt").write_text("a log\n")
        if plan["header"]["layout"] == "run":  # sealed, as a run leaves it
            write_state(base.root / place, finished(base.root / place, wall_time_s=5.0, cpu_time_s=5.0))
        entry = {"plan": plan.get("id", ""), "step": name, "folder": place}
        with open(base.root / "plan.jsonl", "a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry) + "\n")
    (base.root / "lock").touch()
    header = plan["header"]
    study = base.root.parent / f"{header['study']['name']}.toml"
    study.write_text(header["study"]["text"], "utf-8")
    with _no_figures():
        look = _command("report", str(base.root), "--json")
    assert look.code == 0, look
    (base.root / "figures").mkdir(exist_ok=True)
    (base.root / "figures" / "bands.svg").write_text("<svg/>")
    how = (str(study), "--preset", header["preset"]["name"])
    return Base(base.name, base.root, how, places, needs, _numbers(json.loads(look.out)))


def _numbers(document: Mapping[str, Any]) -> dict[tuple[str, str, str], tuple[Any, frozenset[str]]]:
    return {
        (q["name"], q["subject"], q["method"]): (q["value"], frozenset(q["origin"])) for q in document["quantities"]
    }


# --- what is done to them ---------------------------------------------------------------------------------------

Damage = Callable[[Path, random.Random, Path], str]
"""Damages a file or a folder; says how. The last argument is a folder outside, which nobody may touch."""


def _emptied(file: Path, chance: random.Random, outside: Path) -> str:
    file.write_bytes(b"")
    return "emptied"


def _cut(file: Path, chance: random.Random, outside: Path) -> str:
    content = file.read_bytes()
    file.write_bytes(content[: chance.randrange(len(content) + 1)])
    return "cut"


def _flipped(file: Path, chance: random.Random, outside: Path) -> str:
    content = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 1, 2, 8, 200)) if content else 0):
        content[chance.randrange(len(content))] = chance.randrange(256)
    file.write_bytes(content)
    return "bytes"


def _garbage(file: Path, chance: random.Random, outside: Path) -> str:
    file.write_bytes(
        chance.choice((b"\0" * 5000, chance.randbytes(3000), b"[" * DEEP, b"9" * DEEP, b"{}" * 3, b"\xff\xfe"))
    )
    return "garbage"


def _directory(file: Path, chance: random.Random, outside: Path) -> str:
    _gone(file, chance, outside)
    file.mkdir()
    return "directory"


def _gone(file: Path, chance: random.Random, outside: Path) -> str:
    shutil.rmtree(file) if file.is_dir() else file.unlink()
    return "gone"


def _renamed(file: Path, chance: random.Random, outside: Path) -> str:
    file.rename(
        file.with_name(chance.choice((f"{file.name}~", f"x{file.name}", "\udcff" + file.name, f"a\n{file.name}")))
    )
    return "renamed"


def _copied(file: Path, chance: random.Random, outside: Path) -> str:
    other = file.with_name(f"copy-{file.name}")
    shutil.copytree(file, other) if file.is_dir() else shutil.copy(file, other)
    return "copied"


def _pipe(file: Path, chance: random.Random, outside: Path) -> str:
    _gone(file, chance, outside)
    os.mkfifo(file)
    return "pipe"


def _socket(file: Path, chance: random.Random, outside: Path) -> str:
    _gone(file, chance, outside)
    with socket.socket(socket.AF_UNIX) as own, suppress(OSError):  # a path may be too long for one
        own.bind(str(file))
    return "socket"


def _sparse(file: Path, chance: random.Random, outside: Path) -> str:
    os.truncate(file, SPARSE_BYTES)
    return "sparse"


def _link(file: Path, chance: random.Random, outside: Path) -> str:
    kind = chance.choice(("nowhere", "itself", "/dev/zero", "/dev/full", "outside", "a copy outside", "a file beside"))
    copy = outside / "copy"
    if kind == "a copy outside":
        shutil.copytree(file, copy) if file.is_dir() else shutil.copy(file, copy)
    beside = sorted(other.name for other in file.parent.iterdir() if other != file) or ["x"]
    to = {
        "nowhere": "/nowhere/at/all",
        "itself": file.name,
        "outside": str(outside if file.is_dir() else outside / "secret.txt"),
        "a copy outside": str(copy),
        "a file beside": chance.choice(beside),
    }.get(kind, kind)
    _gone(file, chance, outside)
    file.symlink_to(to)
    return f"link to {kind}"


def _no_rights(file: Path, chance: random.Random, outside: Path) -> str:
    file.chmod(0)
    return "no rights"


def _value(file: Path, chance: random.Random, outside: Path) -> str:
    """One value of a JSON file, or of one line of it."""
    lines = file.read_text("utf-8").splitlines() if file.suffix == ".jsonl" else [file.read_text("utf-8")]
    index = chance.randrange(len(lines))
    content = json.loads(lines[index])
    places = list(_containers(content))
    owner, key = chance.choice(places)
    if chance.random() < 0.3:  # what lies near the top is read by most
        owner, key = chance.choice([place for place in places if place[0] is content] or places)
    what = chance.choice(("removed", "value", "value", "name", "deep", "doubled"))
    if what == "removed":
        del owner[key]
    elif what == "doubled":
        owner[key] = [owner[key], owner[key]]
    else:
        owner[key] = {"value": chance.choice(VALUES), "name": chance.choice(NAMES), "deep": "<deep>"}[what]
    if what == "removed" and chance.random() < 0.05:
        content = chance.choice(VALUES)
    text = json.dumps(content).replace('"<deep>"', "[" * 3000 + "]" * 3000)
    lines[index] = text
    file.write_text("\n".join(lines), "utf-8")
    return f"JSON {what} at {key if isinstance(key, str) else 'an index'}"


def _containers(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a tree: its owner, and the key or index there."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _containers(value[key])


def _led_outside(file: Path, chance: random.Random, outside: Path) -> str:
    """Places and names in the files that name others."""
    content = json.loads(file.read_text("utf-8"))
    other = chance.choice((*NAMES, str(outside), str(outside / "secret.txt"), os.path.relpath(outside, file.parent)))
    if file.name == "plan.json":
        entry = chance.choice(content["steps"])
        key = chance.choice(("folder", "folder", "earlier", "name", "title", "label", "materials", "task"))
        if key in ("label", "task"):
            entry["content"]["id"][key] = other
        elif key == "materials":
            entry["content"]["id"][key] = [other]
        else:
            entry[key] = chance.choice([other, chance.choice(content["steps"])[key]])
    elif file.name == "built.json":
        key = chance.choice(("deck", "deck", "seed", "step", "plan", "identity"))
        content[key] = {other: "text", **content["deck"]} if key == "deck" else other
    else:
        key = "name"
        content[other] = content.pop(chance.choice(sorted(content)))
    file.write_text(json.dumps(content), "utf-8")
    return f"{key} leads away"


def _temporary(file: Path, chance: random.Random, outside: Path) -> str:
    """What a writer would call its temporary file lies there already, and leads outside."""
    for name in (f".{file.name}.{os.getpid()}", f".{file.name}.{os.getpid()}.tmp"):
        file.with_name(name).symlink_to(outside / chance.choice(("secret.txt", "new.txt")))
    return "temporary name"


ANY: tuple[Damage, ...] = (_gone, _renamed, _pipe, _socket, _link, _link, _no_rights, _copied)
BYTES: tuple[Damage, ...] = (_emptied, _cut, _cut, _flipped, _flipped, _garbage, _directory, _sparse)
PLAN_FILES = ("plan.json", "plan.jsonl")
WRITTEN = (*PLAN_FILES, "results.json", "report.html", "written.json", "state.json")


def damage(case: Path, chance: random.Random, outside: Path) -> tuple[str, str]:
    """Damage one thing in the folder `case`; its path there, and what was done."""
    paths = sorted(path for path in case.rglob("*") if not path.is_symlink())
    stored = [path for path in paths if path.name in ("plan.json", "built.json", "written.json")]
    files = [path for path in paths if path.is_file()]
    data = [path for path in files if path.suffix in (".json", ".jsonl")]
    draw = chance.random()
    if draw < 0.30:
        file = chance.choice(chance.choice([stored, data]))
        return file.relative_to(case).as_posix(), _value(file, chance, outside)
    if draw < 0.42:
        file = chance.choice(stored)
        return file.relative_to(case).as_posix(), _led_outside(file, chance, outside)
    if draw < 0.45:
        file = chance.choice([path for path in files if path.name in WRITTEN])
        return file.relative_to(case).as_posix(), _temporary(file, chance, outside)
    if draw < 0.55:
        folder = chance.choice([path for path in paths if path.is_dir()])
        return folder.relative_to(case).as_posix(), chance.choice((*ANY, _directory))(folder, chance, outside)
    # figures and deck files are many, and hardly anybody reads them
    file = chance.choice(files if draw < 0.65 else [*data, *(path for path in files if path.suffix == ".npz")])
    return file.relative_to(case).as_posix(), chance.choice((*ANY, *BYTES))(file, chance, outside)


# --- what the commands do then ----------------------------------------------------------------------------------


class _TooLong(BaseException):
    """Raised by the alarm; no Exception, so that nothing can catch it."""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: object) -> None:
        raise _TooLong

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _command(*arguments: str) -> Look:
    """`dftflow` with these arguments; its streams take nothing that is no UTF-8, as those of a terminal."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", newline="")  # as Python's own stderr
    with redirect_stdout(out), redirect_stderr(err):
        code = dftflow_main(["--debug", *arguments])
    out.flush(), err.flush()
    return Look(code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())  # type: ignore[attr-defined]


def examine(
    base: Base, top: Path, chance: random.Random, options: argparse.Namespace
) -> tuple[str, list[Finding], bool]:
    """Damage a copy of `base` below `top`, and give it to the commands.

    Returns
    -------
    tuple
        What was done; the findings; whether a number of the damaged step came out different, with no remark.
    """
    outside, case = top / "outside", top / "a" / "b" / "c" / "case"
    outside.mkdir()
    (outside / "secret.txt").write_text(SECRET)
    shutil.copytree(base.root, case)
    path, how = damage(case, chance, outside)
    what = f"{Path(path).name if '.' in path else 'a folder'}, {how}"
    before = _around(top, case)
    steps = base.steps_of(path)
    judge = _Judge(base, case, path, steps, how if Path(path).name in PLAN_FILES else "")
    seen: set[str] = set()
    for arguments in _calls(base, case, chance):
        seen.add(arguments[0])
        try:
            with _alarm(options.seconds_each):
                look = _command(*arguments)
        except _TooLong as error:
            judge.find("hang", arguments[0], _place(error))
            continue
        except Exception as error:
            judge.find("bug", f"{type(error).__name__}: {_generic(str(error))}", _place(error))
            continue
        judge.look(arguments[0], look)
    judge.agree()
    for name in sorted(set(before.items()) ^ set(_around(top, case).items())):
        judge.find("outside", f"{name[0]}", what)
    report = case / "report.html"
    if report.is_file() and not report.is_symlink() and SECRET in report.read_text("utf-8", errors="replace"):
        judge.find("leak", "report.html", what)
    return f"{base.name}: {path}: {how}", judge.findings, judge.changed


def _calls(base: Base, case: Path, chance: random.Random) -> Iterator[tuple[str, ...]]:
    yield "status", str(case), "--json"
    yield "report", str(case), "--json"
    yield "collect", str(case), "--json"
    if chance.random() < 0.1:
        yield "status", str(case)
        yield "plan", *base.study, "--out", str(case)
        yield "export", str(case)
        yield "parse", str(case), "--json"
        if base.name == "decks":  # the stored runs are of an earlier preset of that name
            yield "collect", base.study[0], str(case), *base.study[1:], "--json"
        yield "advance", str(case)


def _around(top: Path, case: Path) -> dict[str, tuple[object, ...]]:
    """Everything below `top` that is not in `case`: kind, size, time of its last change, and rights."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, below, files in os.walk(top):
        below[:] = [name for name in below if Path(folder, name) != case]
        for name in (*below, *files):
            stat = os.lstat(os.path.join(folder, name))
            kept = stat.st_mtime_ns if name in files or Path(folder) == top else 0
            found[os.path.relpath(os.path.join(folder, name), top)] = (stat.st_mode, stat.st_size, kept)
    return found


class _Judge:
    """What must be so of the commands' answers."""

    def __init__(self, base: Base, case: Path, path: str, steps: frozenset[str], plan: str) -> None:
        self._base, self._case, self._path, self._plan = base, case, path, plan
        self._concerned = base.concerned(steps)
        self._own = steps
        self._states: dict[str, dict[str, str]] = {}
        self.findings: list[Finding] = []
        self.changed = False

    def find(self, kind: str, what: str, place: str) -> None:
        self.findings.append(Finding(kind, what, place))

    def look(self, command: str, look: Look) -> None:
        """Judge one answer."""
        said = f"{command}, exit code {look.code}"
        if look.code == 70:
            return self.find("bug", *_raised(look.err))
        if "out of memory" in look.err:
            self.find("memory", said, self._path)
        if "error:" in look.err and len(look.err.split("error:", 1)[1].strip()) < 20:
            self.find("unnamed", said, look.err[:80])
        if command not in ("status", "report", "collect") or not look.out.startswith("{"):
            return None
        try:
            document = json.loads(look.out, parse_constant=_no_number)
        except ValueError as error:
            return self.find("not a document", command, str(error))
        if "error" in document:
            return self._refused(command, document["error"])
        return self._shown(command, document)

    def _refused(self, command: str, error: Mapping[str, Any]) -> None:
        """A command without a result: only where the plan itself, or the folder, is damaged."""
        if not error["summary"] or not (error["reason"] or error["where"]):
            self.find("unnamed", f"{command}: {error['summary']}", self._path)
        if not self._plan and self._path not in PLAN_FILES:
            self.find("whole lost", f"{command}: {_generic(error['summary'])}", _kind_of(self._path))

    def _shown(self, command: str, document: Mapping[str, Any]) -> None:
        note = "note" if command == "status" else "failure"
        rows = {row["name"]: row for row in document["steps"]}
        self._states[command] = {name: row["state"] for name, row in rows.items()}
        for name, row in rows.items():
            if row["state"] != "finished" and not row[note].strip():
                self.find("unnamed", f"{command}: {row['state']}", _kind_of(self._path))
            if row["state"] != "finished" and name not in self._concerned and not self._plan:
                self.find("whole lost", f"{command}: {_generic(row[note])}", _kind_of(self._path))
        if command != "status":
            self._compare(command, document, rows)

    def _compare(self, command: str, document: Mapping[str, Any], rows: Mapping[str, Any]) -> None:
        numbers = _numbers(document)
        remarked = {name for name, row in rows.items() if row["remarks"] or row["state"] != "finished"}
        for key, (value, origin) in self._base.numbers.items():
            now = numbers.get(key, (None, frozenset()))[0]
            both = isinstance(now, float) and isinstance(value, float)
            if now == value or (both and abs(now - value) < 1e-9):
                continue
            lines_up = {f"{step.partition('/')[0]}/bulk-bands" for step in origin}  # no level of a slab without these
            if not (origin | lines_up) & self._concerned and not self._plan:
                self.find("whole lost", f"{command}: {key[0]} is another", _kind_of(self._path))
            elif now is not None and not origin & remarked:
                self.changed = True

    def agree(self) -> None:
        """All commands say the same of each step."""
        if len({tuple(sorted(states.items())) for states in self._states.values()}) > 1:
            self.find("two answers", str(sorted(self._states)), _kind_of(self._path))


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _kind_of(path: str) -> str:
    return Path(path).name if Path(path).suffix else "a folder"


def _generic(text: str) -> str:
    """Without what differs between mutants of one cause."""
    text = re.sub(r"(/[\w.~+-]+)+|'[^']*'|\"[^\"]*\"", "X", " ".join(text.split()))
    return re.sub(r"\d+", "N", text)[:110]


def _raised(err: str) -> tuple[str, str]:
    """What an exception said, and where in dftflow it was raised, from a traceback."""
    lines = err.splitlines()
    places = [line.strip() for line in lines if "/dftflow/" in line and line.strip().startswith("File ")]
    what = next(
        (line for line in reversed(lines) if re.match(r"[A-Za-z_.]+(Error|Exception|Iteration|Warning)\b", line)), ""
    )
    place = re.sub(r'File ".*/(dftflow/[^"]+)", line (\d+), in (\w+).*', r"\1:\2 \3", places[-1]) if places else ""
    return _generic(what), place


def _place(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/dftflow/" in f.filename]
    return f"{frames[-1].filename.rpartition('/dftflow/')[2]}:{frames[-1].lineno}" if frames else ""


@contextmanager
def _no_figures() -> Iterator[None]:
    """To draw them takes ten times as long as all the rest."""
    draw = dftflow.report.write.draw_figures
    dftflow.report.write.draw_figures = lambda outcome, *formats, **settings: ()  # type: ignore[attr-defined]
    try:
        yield
    finally:
        dftflow.report.write.draw_figures = draw  # type: ignore[attr-defined]


# --- many of them -----------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What came of all mutants."""

    mutants: int = 0
    changed: int = 0
    done: Counter[str] = field(default_factory=Counter)
    findings: dict[Finding, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, number: int, how: str, findings: Sequence[Finding], changed: bool) -> None:
        """Count one mutant."""
        self.mutants += 1
        self.changed += changed
        self.done[how.rpartition(": ")[2].partition(" at ")[0]] += 1
        for finding in dict.fromkeys(findings):
            if finding not in self.findings:
                print(f"\n{finding}: {number} ({how})", file=sys.stderr)
            self.findings[finding].append(f"{number} ({how})")


KINDS = (
    *("bug", "hang", "memory", "died", "outside", "leak", "whole lost", "unnamed", "two answers", "not a document"),
)


def _child(pipe: Any, base: Base, number: int, options: argparse.Namespace) -> None:
    """One mutant, in a process with little memory."""
    _, used = resource.getrlimit(resource.RLIMIT_AS)[0], _memory_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (used + (options.megabytes << 20),) * 2)
    chance = random.Random(f"{options.seed} {number}")
    drawn = nullcontext() if chance.random() < options.figures else _no_figures()
    with drawn, tempfile.TemporaryDirectory(prefix="fuzz-folders-", ignore_cleanup_errors=True) as top:
        try:
            pipe.send(examine(base, Path(top), chance, options))
        except Exception:
            pipe.send(("", [Finding("died", traceback.format_exc(limit=-3), "this program")], False))


def _memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _one(base: Base, number: int, options: argparse.Namespace) -> tuple[str, list[Finding], bool]:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(there, base, number, options))
    process.start()
    there.close()
    try:
        if here.poll(12 * options.seconds_each):
            found: tuple[str, list[Finding], bool] = here.recv()
            return found
        return "", [Finding("hang", "the process", "")], False
    except EOFError:
        return "", [Finding("died", "the process", "")], False
    finally:
        process.kill() if process.is_alive() and not here.closed else None
        process.join()


def _report(tally: Tally, seconds: float) -> str:
    kinds = Counter({kind: 0 for kind in KINDS})
    for finding, cases in tally.findings.items():
        kinds[finding.kind] += len(cases)
    lines = [f"{tally.mutants} mutants, {seconds:.0f} s", "", "| what | mutants |", "|---|---|"]
    lines += [f"| {kind} | {count} |" for kind, count in kinds.items()]
    lines += [
        f"| (changed: the damaged step's own numbers, unseen) | {tally.changed} |",
        "",
        "| damage | mutants |",
        "|---|---|",
    ]
    lines += [f"| {how} | {count} |" for how, count in sorted(tally.done.items())]
    for finding, cases in sorted(tally.findings.items(), key=lambda item: -len(item[1])):
        lines.append(f"{finding.kind}: {finding.what} [{finding.place}]: {len(cases)} times, such as {cases[0]}")
    return "\n".join(lines)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds-each", type=float, default=60.0, help="for one command, of the clock")
    parser.add_argument("--megabytes", type=int, default=1500)
    parser.add_argument("--figures", type=float, default=0.02, help="share of the mutants whose figures are drawn")
    parser.add_argument("--reproduce", type=int, metavar="NUMBER", help="one mutant alone")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 1 when there are findings."""
    options, tally, started = _options(argv), Tally(), time.monotonic()
    numbers = range(options.mutants) if options.reproduce is None else [options.reproduce]
    with tempfile.TemporaryDirectory(prefix="fuzz-folders-base-") as top:
        found = bases(Path(top))
        for number in numbers:
            tally.add(number, *_one(found[number % len(found)], number, options))
            print(f"\r{number}: {len(tally.findings)} kinds of findings", end="", file=sys.stderr, flush=True)
    print(_report(tally, time.monotonic() - started))
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
