"""The mutation run: which changes it makes, which tests it chooses, and that it tells a good test from a bad one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from programs import load_program

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "benchmarks" / "mutate.py"


mutate = load_program(PROGRAM)


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in mutate.mutants(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", ["a < b -> a >= b", "a < b -> a <= b"]),
        ("x = a == b", ["a == b -> a != b"]),
        ("x = a - b", ["a - b -> a + b", "a - b -> b - a"]),
        ("x = -a", ["-a -> a"]),
        ("x = a * 0.5", ["a * 0.5 -> a / 0.5", "0.5 -> 1.0"]),
        ("x = a and b", ["a and b -> a or b"]),
        ("x = not a", ["not a -> a"]),
        ("x = True", ["True -> False"]),
        ("x = a[0]", ["0 -> 1"]),
        ("x = min(a)", ["min -> max"]),
        ("x = low_ang", ["low_ang -> high_ang"]),
        ("x = f(a, b)", ["f(a, b) -> f(b, a)"]),
        ("x = (a, b)", ["(a, b) -> (b, a)"]),
        ("x = abs(a)", ["abs(a) -> a"]),
        ("x = 'type I'", ["'type I' -> 'type I*'"]),
        (
            "if a:\n    raise E('a long way from 3 to 4')",
            ["if a: raise E('a long way from 3 to 4') -> if not a: raise"],
        ),
        ("lines.append(a)", ["lines.append(a) -> pass"]),
        ("x += a", ["x += a -> x -= a"]),
    ],
)
def test_what_is_changed(source: str, expected: list[str]) -> None:
    found = changes(source)
    assert all(any(change.startswith(one) for change in found) for one in expected), found


@pytest.mark.parametrize(
    "source",
    [
        '"""2 > 1"""',
        "import low",
        "__all__ = ['a']",
        "def f(low: tuple[int, 3]) -> 4:\n    '5'",
        "x = f'{a + 1:.3f}'",
        "@dataclass(frozen=True)\nclass A:\n    x: Literal['a']",
        "x = zip(a, strict=True)",
        "x = 'a sentence of more than twenty letters'",
    ],
)
def test_what_decides_nothing_is_left_alone(source: str) -> None:
    assert changes(source) == []


def test_every_mutant_is_another_program_that_can_be_compiled_and_knows_its_place() -> None:
    source = (ROOT / "dftflow" / "analysis" / "vacuum.py").read_text(encoding="utf-8")
    found = list(mutate.mutants(source))
    assert len({mutant.source for mutant in found}) == len(found) > 200
    for mutant in found:
        compile(mutant.source, "mutant", "exec")
    turned = next(mutant for mutant in found if mutant.change == "name == 'low' -> name != 'low'")
    assert turned.function == "_side" and "name == 'low'" not in turned.source
    assert 'name == "low"' in source.splitlines()[turned.line - 1]


def test_the_tests_of_a_module_are_its_mirror_and_those_that_use_it() -> None:
    chosen = mutate.tests_of(ROOT, "dftflow/analysis/vacuum.py")
    assert chosen[0] == "tests/analysis/test_vacuum.py"
    assert "tests/analysis/test_calculation_levels.py" in chosen
    assert "tests/analysis/test_alignment.py" not in chosen


def test_a_row_without_a_reason_lists_nothing() -> None:
    rows = "| a/b.py:3 | `f` | `x < y -> x <= y` | never equal |\n| a/b.py:4 | `` | `1 -> 2` | |\n"
    assert mutate.listed_mutants(rows) == {("a/b.py", "f", "x < y -> x <= y")}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A package of one function, and a test that never tries the border."""
    for folder in ("dftflow/toy", "tests/toy", "docs"):
        (tmp_path / folder).mkdir(parents=True)
    for package in ("dftflow", "dftflow/toy"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "dftflow/toy/sign.py").write_text("def is_low(a):\n    return a < 3\n")
    (tmp_path / "tests/toy/test_sign.py").write_text(
        "from dftflow.toy.sign import is_low\n\ndef test_it():\n    assert is_low(1) and not is_low(9)\n"
    )
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\nmarkers = ['engine', 'debian', 'mp']\n")
    return tmp_path


def start(checkout: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(PROGRAM), "dftflow/toy", f"--root={checkout}", f"--results={checkout}/results.jsonl"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120)


def test_a_survivor_is_told_until_a_test_kills_it_or_a_reason_is_given(checkout: Path) -> None:
    done = start(checkout)
    assert done.returncode == 1, done.stderr
    assert "| dftflow/toy/sign.py:2 | `is_low` | `a < 3 -> a <= 3` | |" in done.stdout
    assert "3 mutants: 1 killed, 2 alive, 2 unlisted" in done.stdout
    assert (checkout / "dftflow/toy/sign.py").read_text() == "def is_low(a):\n    return a < 3\n"

    rows = [line.removesuffix(" |") + " a toy |" for line in done.stdout.splitlines() if line.startswith("| ")]
    (checkout / "docs/mutation.md").write_text("\n".join(rows) + "\n")
    done = start(checkout)
    assert done.returncode == 0 and "2 alive, 0 unlisted" in done.stdout, done.stdout + done.stderr
    assert len((checkout / "results.jsonl").read_text().splitlines()) == 3  # nothing was tried again

    test = checkout / "tests/toy/test_sign.py"
    test.write_text(test.read_text().replace("is_low(9)", "is_low(3)"))
    done = start(checkout)
    assert done.returncode == 0 and "3 killed, 0 alive" in done.stdout, done.stdout + done.stderr
    tried = [json.loads(line)["change"] for line in (checkout / "results.jsonl").read_text().splitlines()]
    assert sorted(tried) == ["3 -> 4", "3 -> 4", "a < 3 -> a <= 3", "a < 3 -> a <= 3", "a < 3 -> a >= 3"]
