"""Changes dftflow's own code, one small change at a time, and asks whether a fast test notices.

    python benchmarks/mutate.py dftflow/analysis
    python benchmarks/mutate.py dftflow/analysis --only vacuum.py --minutes 5

Every mutant is one change of one module: a comparison turned or its border moved, a sign or a difference turned, + for
-, * for /, ``and`` for ``or``, a number, a flag or a short name, a raise or a call left out, min for max, two
arguments, items or opposites (low and high, first and second, VBM and CBM) exchanged. Texts of errors are left alone.
A mutant is tried in a copy of the checkout, against the test file that mirrors the module, those that import it, and
those that mirror the modules that import it, as far as each takes less than --slow seconds. It is *killed* when one of
them fails or takes too long. What survives is printed as a row of a table, unless
``docs/mutation.md`` holds that row with a reason.

Results are kept in --results, one JSON object a line, and a later run goes on from there: a killed mutant is not tried
again while its module is unchanged, a survivor not while its tests are.

The exit status is 1 when an unlisted mutant survives, and 3 when the time was up before all were tried.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import importlib
import json
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

__all__ = ["Mutant", "Outcome", "listed_mutants", "main", "mutants", "tests_of"]

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("dftflow", "tests", "structures", "templates", "workflows", "benchmarks", "docs", "pyproject.toml")
PRELOADED = ("numpy", "hypothesis", "pymatgen.core", "scipy.optimize", "pydantic", "pytest")
NOT_THE_COPY = 99
MARKS = "not engine and not debian and not mp"

_TURNED: dict[type[ast.AST], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.GtE, ast.LtE),
    ast.LtE: (ast.Gt, ast.Lt),
    ast.Gt: (ast.LtE, ast.GtE),
    ast.GtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OTHER_OPERATOR: dict[type[ast.AST], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_OPPOSITES = (
    ("min", "max"), ("argmin", "argmax"), ("any", "all"), ("floor", "ceil"), ("low", "high"), ("below", "above"),
    ("lowest", "highest"), ("first", "second"), ("vbm", "cbm"), ("valence", "conduction"), ("start", "stop"),
    ("start", "end"), ("near", "far"), ("top", "bottom"), ("tops", "bottoms"), ("left", "right"), ("bulk", "slab"),
    ("narrow", "wide"), ("ionisation", "electron"),
)  # fmt: skip
_SHORT = 20  # longer texts are sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of one module.

    Attributes
    ----------
    line
        Of the module as it stands.
    function
        Name of the function or class around it, ``""`` for none.
    change
        ``before -> after``, of the smallest expression or statement around it.
    source
        Text of the whole mutated module.
    """

    line: int
    function: str
    change: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one mutant; the hashes say of which texts."""

    file: str
    line: int
    function: str
    change: str
    mutant_hash: str
    killed: bool
    why: str
    seconds: float
    module_hash: str
    tests_hash: str


# --- the changes ------------------------------------------------------------------------------------------------


def mutants(source: str) -> Iterator[Mutant]:
    """All changes of a module, in the order of its lines."""
    tree = ast.parse(source)
    places = sorted(_places(tree), key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))
    seen = {ast.unparse(tree)}
    for node in places:
        for changed in _changes(node):
            change = f"{_line(ast.unparse(node))} -> {_line(ast.unparse(changed))}"
            _put(tree, node, changed)
            text = ast.unparse(ast.fix_missing_locations(tree))
            _put(tree, changed, node)
            if text not in seen:
                seen.add(text)
                yield Mutant(line=node.lineno, function=_function(tree, node.lineno), change=change, source=text)


def _function(tree: ast.Module, line: int) -> str:
    """Name of the innermost function or class that holds the line, ``""`` for none."""
    holding = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(holding, key=lambda node: node.lineno).name if holding else ""


def _line(code: str) -> str:
    flat = " ".join(code.split()).replace("|", "or")
    return flat if len(flat) <= 90 else flat[:87] + "..."


def _put(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    """Put `new` where `old` is, wherever that is in the tree."""
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return
            for position, item in enumerate(value if isinstance(value, list) else ()):
                if item is old:
                    value[position] = new
                    return
    raise LookupError(ast.dump(old))


def _places(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Statements and expressions that run and decide something: no docstrings, annotations, decorators or messages."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert) or _is_text(node):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            continue
        if isinstance(node, ast.Raise):
            yield node
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            inner = ast.Module(body=[*_defaults(node), *node.body], type_ignores=[])
            yield from _places(inner)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                yield from _places(ast.Module(body=[node.value], type_ignores=[]))  # type: ignore[list-item]
        elif isinstance(node, ast.keyword) and node.arg == "strict":
            continue  # of zip: a guard that no right program meets
        else:
            if isinstance(node, ast.expr | ast.stmt):
                yield node
            yield from _places(node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _defaults(node: ast.FunctionDef | ast.ClassDef) -> list[ast.stmt]:
    if isinstance(node, ast.ClassDef):
        return []
    return [value for value in (*node.args.defaults, *node.args.kw_defaults) if value is not None]  # type: ignore[misc]


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.expr | ast.stmt]:
    """What may stand in the place of `node`."""
    if isinstance(node, ast.Raise | ast.Continue | ast.Break) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield | ast.YieldFrom)
    ):
        yield ast.copy_location(ast.Pass(), node)
    if isinstance(node, ast.Compare):
        for position, operator in enumerate(node.ops):
            for other in _TURNED[type(operator)]:
                changed = copy.deepcopy(node)
                changed.ops[position] = other()
                yield changed
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _OTHER_OPERATOR:
        yield _with(node, op=_OTHER_OPERATOR[type(node.op)]())
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        yield _with(node, left=node.right, right=node.left)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield copy.deepcopy(node.operand)
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    if isinstance(node, ast.If | ast.IfExp | ast.While) and isinstance(node.test, ast.Name | ast.Attribute | ast.Call):
        yield _with(node, test=ast.UnaryOp(op=ast.Not(), operand=node.test))
    if isinstance(node, ast.Constant):
        yield from (ast.copy_location(ast.Constant(value), node) for value in _other_values(node.value))
    if isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.ctx, ast.Load):
        yield _with(node, elts=node.elts[::-1])
    if isinstance(node, ast.Call):
        yield from _other_calls(node)
    if isinstance(node, ast.Name | ast.Attribute):
        yield from _opposite(node)


def _with(node: Any, **fields: object) -> Any:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _other_values(value: object) -> tuple[object, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1,)
    if isinstance(value, float):
        return (2 * value if value else 1.0,)
    if isinstance(value, str) and re.search(r"\w", value) and len(value) <= _SHORT:
        return (f"{value}*",)
    return ()


def _other_calls(node: ast.Call) -> Iterator[ast.expr]:
    symmetric = ast.unparse(node.func) in ("min", "max", "np.allclose")
    if len(node.args) == 2 and not symmetric and not any(isinstance(arg, ast.Starred) for arg in node.args):
        yield _with(node, args=node.args[::-1])
    if ast.unparse(node.func).rpartition(".")[2] in ("abs", "round") and node.args:
        yield copy.deepcopy(node.args[0])


def _opposite(node: ast.Name | ast.Attribute) -> Iterator[ast.expr]:
    """`low_ang` -> `high_ang`; a name that does not exist dies at once."""
    if not isinstance(node.ctx, ast.Load):
        return
    field = "id" if isinstance(node, ast.Name) else "attr"
    words = getattr(node, field).split("_")
    for one, other in _OPPOSITES:
        for old, new in ((one, other), (other, one)):
            if old in words:
                yield _with(node, **{field: "_".join(new if word == old else word for word in words)})


# --- which tests ------------------------------------------------------------------------------------------------


def tests_of(root: Path, module: str) -> list[str]:
    """Test files that may notice a change of `module` (a path below `root`), the one that mirrors it first."""
    name = _dotted(module)
    users = [_dotted(str(path.relative_to(root))) for path in _python(root / "dftflow") if name in _imported(path)]
    mirrors = [_mirror(other) for other in (name, *users)]
    importers = [str(path.relative_to(root)) for path in _python(root / "tests") if name in _imported(path)]
    found = dict.fromkeys([mirrors[0], *importers, *mirrors[1:]])
    return [file for file in found if Path(file).name.startswith("test_") and (root / file).is_file()]


def _python(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "data" not in path.relative_to(folder).parts)


def _dotted(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _mirror(name: str) -> str:
    *folders, last = name.split(".")[1:]
    return "/".join(["tests", *folders, f"test_{last}.py"])


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


# --- one mutant -------------------------------------------------------------------------------------------------


def _pytest(copy_dir: Path, tests: Sequence[str], quiet: bool) -> None:
    """In a process of its own: run `tests` in `copy_dir` and exit with pytest's status."""
    os.chdir(copy_dir)
    sys.path[:0] = [str(copy_dir), str(copy_dir / "tests")]
    os.environ |= {
        "PYTHONPATH": os.pathsep.join(sys.path[:2]),
    }
    if quiet:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    package, pytest, hypothesis = (importlib.import_module(name) for name in ("dftflow", "pytest", "hypothesis"))
    whole = [hypothesis.Phase.explicit, hypothesis.Phase.generate]  # a failure is enough, the smallest is not needed
    hypothesis.settings.register_profile("mutants", phases=whole, database=None, deadline=None)
    hypothesis.settings.load_profile("mutants")
    if Path(package.__file__ or "").resolve().parents[1] != copy_dir.resolve():
        os._exit(NOT_THE_COPY)
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", MARKS, "--hypothesis-seed=0", "--tb=no"]
    os._exit(int(pytest.main([*options, *tests])))


def _run(copy_dir: Path, tests: Sequence[str], limit_s: float, *, quiet: bool = True) -> tuple[int | None, float]:
    """Exit status of the tests, None when they took longer than `limit_s`; and the seconds they took."""
    began = time.monotonic()
    process = multiprocessing.get_context("fork").Process(target=_pytest, args=(copy_dir, tests, quiet))
    process.start()
    process.join(limit_s)
    if process.is_alive():
        process.kill()
        process.join()
        return None, time.monotonic() - began
    return process.exitcode, time.monotonic() - began


def _run_all(copy_dir: Path, tests: Sequence[str], limit_s: float) -> tuple[int | None, float]:
    """As `_run`, but the mirror alone first: most mutants die there, and the others need not be collected."""
    total = 0.0
    for some in (tests[:1], tests[1:]):
        status, seconds = _run(copy_dir, some, limit_s) if some else (0, 0.0)
        total += seconds
        if status != 0:
            return status, total
    return 0, total


@dataclass(frozen=True, slots=True, kw_only=True)
class _Module:
    """A module to mutate: its tests, how long they take as it stands, and what it is known by."""

    file: str
    source: str
    tests: tuple[str, ...]
    seconds: float
    module_hash: str
    tests_hash: str


def _module(root: Path, copy_dir: Path, file: str, slow_s: float) -> _Module:
    kept, total = [], 0.0
    for test in tests_of(root, file):
        status, seconds = _run(copy_dir, [test], slow_s)
        if status in (0, None, 5):  # 5: all of its tests are marked
            if status == 0:
                kept.append(test)
                total += seconds
        else:
            _run(copy_dir, [test], slow_s, quiet=False)
            raise SystemExit(f"{test} fails without any mutation")
    source = (root / file).read_text(encoding="utf-8")
    tests = "".join((root / test).read_text(encoding="utf-8") for test in kept)
    return _Module(
        file=file, source=source, tests=tuple(kept), seconds=total, module_hash=_hash(source), tests_hash=_hash(tests)
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _write(place: Path, source: str) -> None:
    """And remove what was compiled from it, which Python would take for that of a file of the same size and second."""
    place.write_text(source, encoding="utf-8")
    for compiled in (place.parent / "__pycache__").glob(f"{place.stem}.*.pyc"):
        compiled.unlink()


def _try(copy_dir: Path, module: _Module, mutant: Mutant) -> Outcome:
    _write(copy_dir / module.file, mutant.source)
    try:
        status, seconds = _run_all(copy_dir, module.tests, 10 + 5 * module.seconds)
    finally:
        _write(copy_dir / module.file, module.source)
    if status == NOT_THE_COPY:
        raise SystemExit("the tests did not run on the copy")
    why = "survived" if status == 0 else "too long" if status is None else f"exit status {status}"
    return Outcome(
        file=module.file,
        line=mutant.line,
        function=mutant.function,
        change=mutant.change,
        mutant_hash=_hash(mutant.source),
        killed=status != 0,
        why=why,
        seconds=round(seconds, 2),
        module_hash=module.module_hash,
        tests_hash=module.tests_hash,
    )


# --- all of them ------------------------------------------------------------------------------------------------


def listed_mutants(text: str) -> set[tuple[str, str, str]]:
    """File, function and change of the survivors that a table gives a reason for; lines may move."""
    return set(re.findall(r"^\| (\S+):\d+ \| `(\w*)` \| `(.+?)` \| \S.* \|$", text, re.MULTILINE))


def _copy(root: Path, to: Path) -> Path:
    for name in COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, to / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        elif (root / name).is_file():
            shutil.copy(root / name, to / name)
    return to


def _known(results: Path, module: _Module) -> dict[str, Outcome]:
    known = {}
    if results.is_file():
        for line in results.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError):
                one = Outcome(**json.loads(line))
                if (one.file, one.module_hash) == (module.file, module.module_hash):
                    known[one.mutant_hash] = one
    return {name: one for name, one in known.items() if one.killed or one.tests_hash == module.tests_hash}


def _campaign(root: Path, files: Sequence[str], args: argparse.Namespace, folder: Path) -> tuple[list[Outcome], bool]:
    """Outcomes, and whether all mutants were tried before the time was up."""
    ends = time.monotonic() + 60 * args.minutes
    copies: SimpleQueue[Path] = SimpleQueue()
    for number in range(args.workers):
        copies.put(_copy(root, folder / str(number)))
    outcomes: list[Outcome] = []

    def work(module: _Module, mutant: Mutant) -> Outcome | None:
        if time.monotonic() > ends:
            return None
        copy_dir = copies.get()
        try:
            outcome = _try(copy_dir, module, mutant)
        finally:
            copies.put(copy_dir)
        with args.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")
        return outcome

    complete = True
    with ThreadPoolExecutor(args.workers) as pool:
        for file in files:
            first = copies.get()
            module = _module(root, first, file, args.slow)
            copies.put(first)
            found = {_hash(mutant.source): mutant for mutant in mutants(module.source)}
            known = {key: one for key, one in _known(args.results, module).items() if key in found}
            fresh = [mutant for key, mutant in found.items() if key not in known]
            tried = list(pool.map(lambda mutant, module=module: work(module, mutant), fresh))
            done = [*known.values(), *(one for one in tried if one is not None)]
            complete &= None not in tried
            alive = sum(not one.killed for one in done)
            print(
                f"{file}: {len(found)} mutants, {len(done)} tried, {alive} alive; {len(module.tests)} test files in "
                f"{module.seconds:.1f} s",
                flush=True,
            )
            outcomes += done
    return outcomes, complete


def _files(root: Path, packages: Sequence[str], only: Sequence[str]) -> list[str]:
    found = [
        path.relative_to(root).as_posix()
        for package in packages
        for path in ([root / package] if package.endswith(".py") else sorted((root / package).rglob("*.py")))
        if path.name != "__init__.py"
    ]
    chosen = [file for file in found if not only or any(file.endswith(name) for name in only)]
    if not chosen:
        raise SystemExit(f"there is no module in {', '.join(packages)} {' '.join(only)}".rstrip())
    return chosen


def main(argv: Sequence[str] | None = None) -> int:
    """Try the mutants and print what survives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="+", help="folders or files below the root, e.g. dftflow/analysis")
    parser.add_argument("--only", action="append", default=[], metavar="FILE", help="end of a path; may be repeated")
    parser.add_argument("--minutes", type=float, default=60.0, help="start no mutant after that")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--slow", type=float, default=20.0, help="seconds after which a test file is left out")
    parser.add_argument("--results", type=Path, default=Path("mutation.jsonl"))
    parser.add_argument("--root", type=Path, default=ROOT, help="of the checkout")
    args = parser.parse_args(argv)
    for name in PRELOADED:  # once, for all processes that are forked from here
        importlib.import_module(name)
    root = args.root.resolve()
    table = root / "docs" / "mutation.md"
    listed = listed_mutants(table.read_text(encoding="utf-8")) if table.is_file() else set()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        outcomes, complete = _campaign(root, _files(root, args.packages, args.only), args, Path(folder))
    alive = [one for one in outcomes if not one.killed]
    unlisted = [one for one in alive if (one.file, one.function, one.change) not in listed]
    for one in sorted(unlisted, key=lambda one: (one.file, one.line)):
        print(f"| {one.file}:{one.line} | `{one.function}` | `{one.change}` | |")
    print(f"{len(outcomes)} mutants: {len(outcomes) - len(alive)} killed, {len(alive)} alive, {len(unlisted)} unlisted")
    return 1 if unlisted else 0 if complete else 3


if __name__ == "__main__":
    raise SystemExit(main())
