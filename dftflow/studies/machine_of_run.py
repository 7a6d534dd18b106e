"""``machine.json`` in the folder of a run: the machine that it was given to, by the name of its profile."""

from __future__ import annotations

import json
from pathlib import Path

from dftflow.errors import StoreError
from dftflow.jobs.machine_profile import Machine, load_machine
from dftflow.jobs.store import storage_errors, write_atomically
from dftflow.stored_file import read_stored_json

__all__ = ["has_machine", "machine_of", "note_machine"]

MACHINE_FILE = "machine.json"


def note_machine(root: Path, machine: Machine) -> None:
    """Keep which machine the run in `root` is given to."""
    with storage_errors(root):
        write_atomically(root / MACHINE_FILE, json.dumps({"machine": machine.name}))


def has_machine(root: Path) -> bool:
    """Whether the run in `root` was given to a machine, whose profile may be gone since."""
    return (root / MACHINE_FILE).exists()


def machine_of(root: Path) -> Machine | None:
    """The machine that a run was given to; None for a run on the machine where it was called."""
    try:
        name = read_stored_json(root / MACHINE_FILE)["machine"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            "which machine this run was given to cannot be read",
            reason=" ".join(str(error).split())[:300],
            where=str(root / MACHINE_FILE),
            fix="`dftflow run STUDY --machine NAME` writes it again",
        ) from error
    return load_machine(str(name))
