"""The rules that keep the code as it is meant to be: style, types, layers, public names, what must not be in a file."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import dftflow
from dftflow.codes.registry import code_names

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "dftflow"
SOURCES = sorted(path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py"))
PROGRAMS = Path(sys.executable).parent


def run(*argv: str) -> None:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def tracked_files() -> list[Path]:
    """Every text file that git tracks or would track; every file where there is no git (an unpacked sdist)."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True)
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        files = [path for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return [path for path in files if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


def syntax(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(encoding="utf-8"))


def module_name(source: str) -> str:
    return source.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


# --- tools ------------------------------------------------------------------------------------------------------


def test_style() -> None:
    run(sys.executable, "-m", "ruff", "check", "--no-cache")


def test_format() -> None:
    run(sys.executable, "-m", "ruff", "format", "--check", "--no-cache")


def test_types() -> None:
    run(sys.executable, "-m", "mypy")


def test_layers() -> None:
    run(str(PROGRAMS / "lint-imports"), "--no-cache")


def test_a_module_imported_in_a_text_is_there() -> None:
    """What no type checker reads, a script in a string or on a page, imports modules that exist.

    The interpreter alone would not tell: a folder with nothing but ``__pycache__`` that a renaming left behind still
    passes for a package.
    """
    made_by_a_test = {"dftflow.toy.sign"}
    known = {module_name(source) for source in SOURCES} | made_by_a_test
    lost = []
    for path in tracked_files():
        if path.suffix in {".py", ".md", ".toml"}:
            imports = re.findall(r"\b(?:from|import) ([^;\n]*)", path.read_text(encoding="utf-8"))
            named = {name for line in imports for name in re.findall(r"\bdftflow(?:\.[a-z_0-9]+)+", line)}
            lost += [f"{path.relative_to(ROOT)}: {name}" for name in named - known]
    assert not lost, "no such module:\n" + "\n".join(sorted(lost))


def test_examples_in_docstrings() -> None:
    options = ["--doctest-modules", "-p", "no:cacheprovider", "-q", "dftflow"]
    done = subprocess.run([sys.executable, "-m", "pytest", *options], cwd=ROOT, capture_output=True, text=True)
    nothing_collected = 5
    assert done.returncode in (0, nothing_collected), done.stdout + done.stderr


def test_no_circle_of_imports() -> None:
    """No file needs, by whatever way, a file that needs it; what is loaded inside a function counts too."""
    known = {module_name(source) for source in SOURCES}
    needs = {module_name(source): _needed_by(source, known) for source in SOURCES}
    assert sum(map(len, needs.values())) > 500
    TopologicalSorter(needs).prepare()  # raises CycleError, which names the circle


def _needed_by(source: str, known: set[str]) -> set[str]:
    tree = syntax(source)
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    needed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node not in for_types and node.module in known:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            needed |= {name if name in known else node.module for name in whole}
    return needed - {module_name(source)}


# --- public names -----------------------------------------------------------------------------------------------


def test_all_is_what_a_module_defines_in_public() -> None:
    wrong = []
    for source in SOURCES:
        if source.endswith("__init__.py"):
            continue
        module = importlib.import_module(module_name(source))
        declared = set(getattr(module, "__all__", ()))
        defined = {
            node.name
            for node in syntax(source).body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
        }
        if source != "dftflow/units.py":
            wrong += [f"{source}: {name} is not in __all__" for name in sorted(defined - declared)]
        wrong += [f"{source}: there is no {name}" for name in sorted(declared) if not hasattr(module, name)]
    assert not wrong


@pytest.mark.parametrize("name", dftflow.__all__)
def test_public_names_of_the_package(name: str) -> None:
    thing = getattr(dftflow, name)
    assert name == "__version__" or thing.__name__ == name
    assert name == "__version__" or thing.__doc__


def test_no_other_public_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = dftflow.no_such_name


def test_every_module_says_what_it_is() -> None:
    assert not [source for source in SOURCES if (tree := syntax(source)).body and not ast.get_docstring(tree)]


def test_names_that_say_nothing() -> None:
    empty_words = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert not [source for source in SOURCES if empty_words & set(Path(source).with_suffix("").parts)]


# --- rules of the layers that import-linter cannot see ----------------------------------------------------------


def test_nobody_outside_codes_compares_the_name_of_a_code() -> None:
    found = []
    for source in SOURCES:
        if source.startswith("dftflow/codes/"):
            continue
        for node in ast.walk(syntax(source)):
            if isinstance(node, ast.Compare):
                texts = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
                found += [f"{source}:{node.lineno}"] if texts & set(code_names()) else []
    assert not found


def test_constants_of_nature_stand_in_units_alone() -> None:
    known = ("27.2113", "27.2114", "13.6056", "13.6057", "0.52917", "160.217", "8.61733", "1239.84")
    found = [
        f"{source}:{node.lineno}: {node.value}"
        for source in SOURCES
        for node in ast.walk(syntax(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and repr(node.value).startswith(known)
    ]
    assert found
    assert all(place.startswith("dftflow/units.py:") for place in found), found


# --- what must not be in a file ---------------------------------------------------------------------------------

# written as patterns that do not match themselves
FORBIDDEN = {
    "a folder of one machine": r"(?<![\w.])/(?:work|root|tmp/\w+)/\w",
    "a copy of other people's data": r"castep[-]data",
    "the address of a package index": r"pypi[.]org|pythonhosted[.]org|--(?:extra-)?index-[u]rl",
    "a key": r"MP_API_KEY\s*=\s*['\"]?[A-Za-z0-9]{32}",
    "a class that asks for click 8.4": r"click[.]ParamType\[",
    "a merge conflict": r"^(?:<{7}|>{7}) ",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = []
    for path in tracked_files():
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [
            f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, m.start()) + 1}: {m[0]}" for m in pattern.finditer(text)
        ]
    assert not found


def test_constraints_hold_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) > 50
    assert all(re.fullmatch(r"[A-Za-z0-9][\w.-]*==[\w.!+]+", pin) for pin in pins)
    assert pins == sorted(pins, key=str.upper)


def test_data_of_others_is_small() -> None:
    """No copied data base, and no file that git would be slow with."""
    sizes = {path: path.stat().st_size for path in tracked_files()}
    assert not [f"{path}: {size}" for path, size in sizes.items() if size > 3_000_000]


def test_every_text_file_is_utf_8_whatever_the_locale() -> None:
    """``open``, ``read_text`` and ``write_text`` without an encoding take that of the machine."""
    without = [
        f"{file.relative_to(PACKAGE)}:{call.lineno}"
        for file in sorted(PACKAGE.rglob("*.py"))
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and _takes_the_machine_s_encoding(call)
    ]
    assert without == []


def _takes_the_machine_s_encoding(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in ("open", "read_text", "write_text") or any(word.arg == "encoding" for word in call.keywords):
        return False
    if (
        isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id
        in (
            "os",
            "archive",  # a zip's entries are bytes
        )
    ):
        return False
    modes = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
    binary = name == "open" and any(isinstance(mode, str) and "b" in mode for mode in modes)
    return not binary and len(call.args) < {"open": 3, "read_text": 1, "write_text": 2}[name]
