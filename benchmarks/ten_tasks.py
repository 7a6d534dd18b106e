"""Ten things that people do with results, in dftflow and in its peers: commands that each takes, and what comes out.

    PEERS_PYTHON=/path/to/python python benchmarks/ten_tasks.py FOLDER [TOOL ...]

PEERS_PYTHON is the interpreter of an environment with sumo, bapt, pymatgen and ASE. The attempts stand in
``ten_tasks.toml``; each runs in a copy of the same inputs (``tests/example_inputs.py``) below FOLDER.
An attempt counts as done when it ended well and left the file that it names, or printed something.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from example_inputs import lay_inputs  # noqa: E402

__all__ = ["Attempt", "Trial", "attempts", "main", "place", "try_out"]

ATTEMPTS = Path(__file__).with_suffix(".toml")
TIME_LIMIT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One task in one tool.

    Attributes
    ----------
    task
        From 1 to 10.
    shell, python
        What a person types: commands, or the lines of a script; one of the two.
    makes
        The file that has to be there afterwards; ``""`` where what is printed is the answer.
    comes_out
        What a person has then, in a phrase; where a tool cannot do the task, why.
    """

    task: int
    tool: str
    comes_out: str
    shell: str = ""
    python: str = ""
    makes: str = ""

    @property
    def lines(self) -> int:
        """Commands or lines of a script that a person has to write."""
        text = self.shell or self.python
        return sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How an attempt went."""

    attempt: Attempt
    done: bool
    printed: str


def attempts() -> tuple[Attempt, ...]:
    """All of them, in the order of the file."""
    return tuple(Attempt(**entry) for entry in tomllib.loads(ATTEMPTS.read_text("utf-8"))["attempt"])


def place(top: Path, number: int, attempt: Attempt) -> Path:
    """The folder below `top` of the attempt that is the `number`-th of all."""
    return top / f"{attempt.task:02d}-{attempt.tool}-{number}"


def try_out(attempt: Attempt, inputs: Path, folder: Path) -> Trial:
    """Carry out an attempt in a copy of `inputs` in `folder`; one without lines is not done."""
    if not attempt.lines:
        return Trial(attempt=attempt, done=False, printed="")
    shutil.copytree(inputs, folder)
    interpreter = sys.executable if attempt.tool == "dftflow" else os.environ["PEERS_PYTHON"]
    path = f"{Path(interpreter).parent}{os.pathsep}{os.environ['PATH']}"
    argv = ["bash", "-ec", attempt.shell] if attempt.shell else [interpreter, "-c", attempt.python]
    environment = os.environ | {"PATH": path, "MPLBACKEND": "Agg"}
    try:
        ended = subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Trial(attempt=attempt, done=False, printed=f"not done after {TIME_LIMIT_S} s")
    there = (folder / attempt.makes).exists() if attempt.makes else bool((ended.stdout + ended.stderr).strip())
    return Trial(attempt=attempt, done=ended.returncode == 0 and there, printed=ended.stdout + ended.stderr)


def main(arguments: Sequence[str]) -> int:
    """Try out all tools, or those that are named, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="made anew: what lies there is removed")
    parser.add_argument("tools", nargs="*", metavar="TOOL", help="all of them unless named")
    given = parser.parse_args(arguments)
    top, wanted = given.folder.resolve(), set(given.tools)
    shutil.rmtree(top, ignore_errors=True)
    inputs = top / "inputs"
    inputs.mkdir(parents=True)
    lay_inputs(inputs)
    print("| task | tool | lines | what comes out |\n|---|---|---|---|")
    wrong = 0
    for number, attempt in enumerate(attempts()):
        if wanted and attempt.tool not in wanted:
            continue
        folder = place(top, number, attempt)
        trial = try_out(attempt, inputs, folder)
        folder.with_name(f"{folder.name}.txt").write_text(trial.printed)
        failed = bool(attempt.lines) and not trial.done
        wrong += failed
        outcome = "FAILED: " + trial.printed.strip().splitlines()[-1][:80] if failed else attempt.comes_out
        print(f"| {attempt.task} | {attempt.tool} | {attempt.lines or '–'} | {outcome} |", flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
