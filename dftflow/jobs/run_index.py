"""``index.json`` in the folder of a run: what its finished steps were when they were last looked at.

It holds nothing that the folders do not: it spares the reading of thousands of ``state.json``, and of the plan when
only names are wanted. Nothing of it is believed by itself. A step is taken for finished when ``state.json`` and every
sealed file have the size and the times of change that they had then, which is what their seals are asked too
(`dftflow.jobs.seals`), and the plan likewise; anything else is read where it lies. An index that is missing, damaged or
of a copied folder costs time and changes no answer. `dftflow run` writes it, under the lock of the run.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dftflow.jobs.step_state import STATE_FILE, is_intact, read_state
from dftflow.jobs.store import PLAN_FILE, PlanFile, PlannedStep, noted_beside, storage_errors, write_atomically
from dftflow.stored_file import read_stored

__all__ = ["INDEX_FILE", "FinishedStep", "RunIndex", "write_index"]

INDEX_FILE = "index.json"
SCHEMA = "dftflow-index/1"
Look = tuple[int, int, int]
"""Size in bytes, and the times in ns of the last change of the content and of the inode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedStep:
    """A step that has finished, and whose files are as it left them.

    Attributes
    ----------
    sha256
        Of its state, which holds the digests of all that it left.
    """

    wall_time_s: float
    cpu_time_s: float | None
    sha256: str


class RunIndex:
    """What is known of the run in a folder; nothing where there is no index that can be read.

    Parameters
    ----------
    root
        Folder of the run.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._plan: Any = None
        self._steps: dict[str, Any] = {}
        self._plain_folders: dict[str, bool] = {"": True}
        try:
            digest, _, text = read_stored(root / INDEX_FILE).partition(b"\n")
            content = json.loads(text) if digest == _digest(text) else {}
            if content.get("schema") == SCHEMA:
                self._plan, self._steps = content["plan"], dict(content["steps"])
        except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
            return

    def outline(self) -> PlanFile | None:
        """The plan without what its steps are, when it has not changed since; None when it has to be read."""
        try:
            if noted_beside(Path(self._root)) or _looked(f"{self._root}/{PLAN_FILE}") != tuple(self._plan["look"]):
                return None
            steps = tuple(
                PlannedStep(name=str(name), title=str(title), folder=str(folder), failure=str(failure))
                for name, title, folder, failure in self._plan["steps"]
            )
            store, user = str(self._plan.get("store", "")), str(self._plan.get("user", ""))
            return PlanFile(header=dict(self._plan["header"]), steps=steps, store=store, user=user)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def finished(self, home: Path, place: str) -> FinishedStep | None:
        """The finished step in the folder `place` below `home`; None when it has to be asked itself.

        It lies there by no link, and no file of it is another one than at the last look.
        """
        try:
            wall_time_s, cpu_time_s, sha256, files = self._steps[place]
            known = FinishedStep(
                wall_time_s=float(wall_time_s),
                cpu_time_s=None if cpu_time_s is None else float(cpu_time_s),
                sha256=str(sha256),
            )
            folder = f"{home}/{place}"
            same = all(_looked(f"{folder}/{name}") == tuple(look) for name, look in files.items())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return known if same and STATE_FILE in files and self._is_plain_folder(home, place) else None

    def _is_plain_folder(self, home: Path, place: str) -> bool:
        """Whether every part of the path is a folder, and no link to one."""
        if place not in self._plain_folders:
            above = self._is_plain_folder(home, place.rpartition("/")[0])
            self._plain_folders[place] = above and stat.S_ISDIR(os.lstat(f"{home}/{place}").st_mode)
        return self._plain_folders[place]

    def entry(self, home: Path, place: str) -> Any:
        """What is to be kept of the folder `place`; None of a step that has not finished, or is not as it was left."""
        return self._steps[place] if self.finished(home, place) is not None else _entry(home / place)


def write_index(root: Path, plan: PlanFile, home: Path) -> None:
    """Write the index of the run in `root`, with steps below `home`, looking anew at what has changed.

    Raises
    ------
    StoreError
        When it cannot be written.
    """
    index = RunIndex(root)
    entries = ((step.folder, index.entry(home, step.folder)) for step in plan.steps if step.folder)
    with storage_errors(root):
        content = {
            "schema": SCHEMA,
            "plan": {
                "look": _looked(f"{root}/{PLAN_FILE}"),
                "store": plan.store,
                "user": plan.user,
                "header": _names_in(plan.header),
                "steps": [(step.name, step.title, step.folder, step.failure) for step in plan.steps],
            },
            "steps": {place: entry for place, entry in entries if entry is not None},
        }
        text = json.dumps(content, ensure_ascii=False).encode()
        write_atomically(root / INDEX_FILE, b"%s\n%s" % (_digest(text), text), durable=False)


def _names_in(header: Mapping[str, Any]) -> dict[str, Any]:
    """Words of a header, and the names of its parts that have one."""
    words = {key: value for key, value in header.items() if isinstance(value, str)}
    parts = {key: value for key, value in header.items() if isinstance(value, Mapping) and "name" in value}
    return words | {key: {"name": value["name"]} for key, value in parts.items()}


def _entry(folder: Path) -> list[Any] | None:
    """Of a step that has finished and is as it was left; how its files look is noted before they are read.

    None too of one that took several tries: what became of them stands in its state alone.
    """
    state = read_state(folder)
    if state.tries:
        return None
    try:
        files = {name: _looked(f"{folder}/{name}") for name in (STATE_FILE, *state.files)}
        sha256 = hashlib.sha256(read_stored(folder / STATE_FILE)).hexdigest()
    except OSError:
        return None
    if not is_intact(folder, state) or read_state(folder) != state:
        return None
    return [state.wall_time_s, state.cpu_time_s, sha256, files]


def _looked(file: str) -> Look | None:
    """How a plain file looks; None of anything else. Raises `OSError` where there is none."""
    now = os.lstat(file)
    return (now.st_size, now.st_mtime_ns, now.st_ctime_ns) if stat.S_ISREG(now.st_mode) else None


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()
