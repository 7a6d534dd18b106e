"""Jobs that a person runs: their files are written into folders named by the step, and kept up to date.

``written.json`` holds the digests of every text of a deck or a script that was ever written below its folder. Such a
file with another content is a person's, and is never written over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from dftflow.errors import StoreError
from dftflow.jobs.executor import Running
from dftflow.jobs.job import Job, Node, NodeOutcome, Verdict
from dftflow.jobs.step_state import StepState, read_state
from dftflow.jobs.store import below, storage_errors, write_atomically
from dftflow.jobs.tries import another_attempt
from dftflow.stored_file import read_stored, read_stored_json

__all__ = ["LEDGER_FILE", "ByHand", "Ledger"]

LEDGER_FILE = "written.json"
NO_FILE = b"\0"


class Ledger:
    """The decks and scripts that were ever written below a folder, so that what a person has changed can be told.

    Parameters
    ----------
    root
        The folder.

    Raises
    ------
    StoreError
        When its ledger is damaged: nothing could then be told from a person's work.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._digests: dict[str, list[str]] = {}
        file = root / LEDGER_FILE
        try:
            self._digests = TypeAdapter(dict[str, list[str]]).validate_python(read_stored_json(file))
            for name in self._digests:
                below(root, name)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise StoreError(
                "what was written into this folder cannot be read",
                reason=" ".join(str(error).split())[:300],
                where=str(file),
                fix="write the decks into another folder with --out",
            ) from error

    @property
    def names(self) -> tuple[str, ...]:
        """Paths below the folder of everything that was ever written."""
        return tuple(self._digests)

    def write(self, files: Mapping[str, str]) -> tuple[str, ...]:
        """Write `files` (path below the root -> text), except those that a person has written or changed; their paths.

        The digests are kept before the files are written: what is cut off in between is still known to be ours.
        """
        new = {name: text for name, text in files.items() if self._is_ours(name)}
        others = (name for name in files if name not in new)
        kept = tuple(name for name in others if _content(self._root / name) != files[name].encode())
        for name, text in new.items():
            digest = _digest(text.encode())
            if digest not in self._digests.setdefault(name, []):
                self._digests[name].append(digest)
        with storage_errors(self._root):
            write_atomically(self._root / LEDGER_FILE, json.dumps(self._digests, indent=1, ensure_ascii=False))
            for name, text in new.items():
                if _content(self._root / name) != text.encode():
                    write_atomically(self._root / name, text, root=self._root)
        return kept

    def _is_ours(self, name: str) -> bool:
        """Whether there is no such file, or one that was written here and is as it was."""
        content = _content(self._root / name)
        return content is None or _digest(content) in self._digests.get(name, [])


def _content(file: Path) -> bytes | None:
    """None where there is nothing; `NO_FILE` of a link, a folder and whatever else is no file that was written here."""
    try:
        return read_stored(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return NO_FILE


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class ByHand:
    """Writes the files of every job that was not run, or whose run failed.

    Parameters
    ----------
    root
        Each step lies in ``root/<step>``.
    ledger
        Of `root`.
    starts
        Name of the step that the person is about to start, by which she says that nothing runs there; ``""`` for none.
    """

    needs_finished = False

    def __init__(self, root: Path, ledger: Ledger, *, starts: str = "") -> None:
        self._root = root
        self._ledger = ledger
        self._starts = starts

    def folder(self, node: Node, job: Job) -> Path:
        """``root/<step>``."""
        return self._root / node.name

    def carry_out(self, node: Node, job: Job, folder: Path) -> Running | NodeOutcome:
        """Judge what lies there; where nothing was run or the run failed, bring the files up to date.

        The result of another calculation than that which is asked for is left alone, and so is its deck. Of the step
        that is about to be started the attempt that failed is put aside, where there is a way to go on from it.
        """
        verdict, state = node.judge(folder), read_state(folder)
        kept: tuple[str, ...] = ()
        again = None
        if verdict.state == "failed" and node.name == self._starts:
            again = node.again(folder, verdict.cause, state.tries)
        if verdict.state in ("not_run", "failed"):
            kept = self._write(node, job if again is None else again.job)
        if again is not None:
            state = another_attempt(folder, again, _ended(verdict, state))
            verdict = Verdict(state="not_run", failure=f"goes on with {again.words}")
        return NodeOutcome.judged(node, folder, verdict, kept=kept, tries=state.tries)

    def _write(self, node: Node, job: Job) -> tuple[str, ...]:
        """Those of its files that a person has changed, and that were not written."""
        files = {f"{node.name}/{name}": text for name, text in {**job.beside, **job.files}.items()}
        return tuple(name.removeprefix(f"{node.name}/") for name in self._ledger.write(files))


def _ended(verdict: Verdict, before: StepState) -> StepState:
    """The state of a step whose last attempt failed; its times are those that it tells itself."""
    return replace(
        before,
        state="failed",
        failure=verdict.failure,
        cause=verdict.cause,
        wall_time_s=before.wall_time_s + (verdict.wall_time_s or 0.0),
    )
