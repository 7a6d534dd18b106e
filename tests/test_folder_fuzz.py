"""Folders of runs and decks with one thing wrong: a small version of ``benchmarks/fuzz_folders.py``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "fuzz_folders.py"


def fuzzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own; a minute for each command, which none needs."""
    argv = [sys.executable, str(PROGRAM), "--seconds-each=60", *arguments]
    return subprocess.run(argv, capture_output=True, text=True)


def test_damaged_folders_end_in_an_answer_and_what_is_whole_is_shown() -> None:
    done = fuzzed("--mutants=25")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("25 mutants")
    for kind in ("bug", "hang", "outside", "leak", "whole lost", "unnamed", "two answers"):
        assert f"| {kind} | 0 |" in done.stdout


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ("raise KeyError('x')", "bug"),
        ("(root.parent / 'written').write_text('x')", "outside"),
    ],
)
def test_a_command_that_breaks_the_rules_is_found_out(tmp_path: Path, broken: str, kind: str) -> None:
    """`existing_plan` that is wrong on purpose."""
    program = f"""
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import fuzz_folders
from dftflow.studies import standing
read = standing.existing_plan
def wrong(root):
    if 'case' in str(root):
        {broken}
    return read(root)
standing.existing_plan = wrong
sys.exit(fuzz_folders.main(["--mutants=3"]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"| {kind} | 0 |" not in done.stdout and f"\n{kind}: " in done.stdout
