"""The file of a person's machines: what it may say, with types and units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from dftflow.errors import MachineError
from dftflow.input_file import read_named
from dftflow.jobs.resource_table import RESOURCE_EXAMPLES, ResourceTable, resource_tables
from dftflow.model import bounds
from dftflow.model.names import NAME_RULE, is_name
from dftflow.model.printable import shown
from dftflow.toml_file.entries import EntryError, Place, Table, Word, within
from dftflow.toml_file.mistakes import Words, explained, place_in
from dftflow.toml_file.reading import decoded, parsed

__all__ = [
    "LAUNCHER_NUMBERS",
    "Engine",
    "MachineEntry",
    "MachineFile",
    "Scheduler",
]

LARGEST_BYTES = 1 << 20

Scheduler = Literal["none", "slurm", "pbs", "sge", "lsf"]
Engine = Literal["job a step", "executorlib"]
WITH_QOS = ("none", "slurm", "pbs")
OF_A_JOB = frozenset((
    "cluster", "account", "partition", "qos", "parallel_environment", "directives", "modules", "setup", "environment",
    "grace_s", "templates",
))  # fmt: skip
"""What does nothing where there are no jobs."""
LAUNCHER_NUMBERS = ("ranks", "threads", "nodes", "ranks_per_node")
"""What may stand in braces in a launcher."""


def _word(text: str) -> str:
    if not text or any(map(str.isspace, text)):
        raise ValueError(f"{shown(text)} is not one word; each word stands in quotes of its own")
    return text


def _launcher_word(text: str) -> str:
    unknown = [name for name in re.findall(r"\{([^}]*)\}", _word(text)) if name not in LAUNCHER_NUMBERS]
    if unknown or set(re.sub(r"\{[^{}]*\}", "", text)) & set("{}"):
        known = ", ".join(f"{{{name}}}" for name in LAUNCHER_NUMBERS)
        raise ValueError(f"{shown(text)} stands for nothing in a launcher, which may have {known}")
    return text


def _directive(text: str) -> str:
    if text.lstrip().startswith("#"):
        raise ValueError(f"{shown(text)} would be a remark: leave out #SBATCH, #PBS, #$ or #BSUB")
    if re.match(r"(--clusters\b|-M)", text.strip()):
        raise ValueError(f"{shown(text)} is not for the script alone, the queue is asked there too: give it as cluster")
    return text


Argument = Annotated[Word, AfterValidator(_word)]
Directive = Annotated[Place, AfterValidator(_directive)]
LauncherWord = Annotated[Word, AfterValidator(_launcher_word)]


class MachineEntry(Table):
    """``[machines.NAME]``: one machine, or one way of using it."""

    scheduler: Scheduler = "none"
    engine: Engine = "job a step"
    nodes: Annotated[int, within(bounds.NODES)] | None = None
    cores: Annotated[int, within(bounds.WORKERS)] | None = None
    memory_gib: Annotated[float, within(bounds.MEMORY_GIB)] | None = None
    cluster: Argument | None = None
    account: Argument | None = None
    partition: Argument | None = None
    qos: Argument | None = None
    parallel_environment: Argument | None = None
    directives: tuple[Directive, ...] = ()
    modules: tuple[Argument, ...] = ()
    setup: tuple[Place, ...] = ()
    launcher: tuple[LauncherWord, ...] = ()
    environment: dict[str, Place] = Field(default_factory=dict)
    python: Place | None = None
    grace_s: Annotated[float, within(bounds.SECONDS)] = 120.0
    lost_after_min: Annotated[float, within(bounds.MINUTES)] = 10.0
    templates: Place | None = None
    commands: dict[str, Argument] = Field(default_factory=dict)
    resources: ResourceTable = ResourceTable()

    @model_validator(mode="after")
    def _names_are_names(self) -> MachineEntry:
        for name in self.environment:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
                raise EntryError(f"{shown(name)} is the name of no variable", "environment", name)
        for name in self.commands:
            if not is_name(name):
                raise EntryError(f"{shown(name)} is the name of no code: use {NAME_RULE}", "commands", name)
        return self

    @model_validator(mode="after")
    def _knows_what_it_needs(self) -> MachineEntry:
        if self.scheduler == "none" and self.engine != "job a step":
            raise EntryError(f"engine = {self.engine!r} works in jobs of a scheduler, and there is none", "engine")
        if self.scheduler == "none" and (self.nodes or 1) > 1:
            raise EntryError("without a scheduler there is one node", "nodes")
        if self.qos is not None and self.scheduler not in WITH_QOS:
            raise EntryError(f"{self.scheduler} has no such thing; a line of it may stand in directives", "qos")
        if self.cluster is not None and self.scheduler != "slurm":
            raise EntryError(f"{self.scheduler} has no such thing; it is for a Slurm of several clusters", "cluster")
        idle = sorted(self.model_fields_set & OF_A_JOB) if self.scheduler == "none" else []
        if idle:
            raise EntryError(f"{idle[0]} is for the script of a job, and without a scheduler there is none", idle[0])
        return self


class MachineFile(Table):
    """A whole file of machines."""

    default: Word | None = None
    machines: dict[str, MachineEntry] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_names(self) -> MachineFile:
        for name in self.machines:
            if not is_name(name):
                raise EntryError(f"{shown(name)} is no name for a machine: use {NAME_RULE}", "machines", name)
        return self

    @classmethod
    def read(cls, file: Path) -> MachineFile:
        """The file at `file`.

        Raises
        ------
        MachineError
            With the line where one is to blame.
        """
        what = "the file of machines"
        raw = read_named(file, limit_bytes=LARGEST_BYTES, what=what, error=MachineError)
        text = decoded(raw, file, what=what, error=MachineError).removeprefix("\ufeff")
        try:
            return cls.model_validate(parsed(text, file, what=what, error=MachineError))
        except ValidationError as error:
            raise explained(error, text, file, _WORDS) from None
        except EntryError as error:
            raise MachineError(str(error), where=place_in(text, file, error.place)) from None


_EXAMPLES: Mapping[str, str] = {
    **RESOURCE_EXAMPLES,
    "default": '"cluster"',
    "scheduler": '"slurm"',
    "engine": '"job a step"',
    "cores": "16",
    "cluster": '"big"',
    "account": '"ab123"',
    "partition": '"compute"',
    "qos": '"normal"',
    "parallel_environment": '"mpi"',
    "directives": '["--constraint=cpu"]',
    "modules": '["castep/24.1"]',
    "setup": '["ulimit -s unlimited"]',
    "launcher": '["srun"]',
    "environment": '{ OMP_STACKSIZE = "64M" }',
    "python": '"/home/me/dftflow/bin/python"',
    "grace_s": "120.0",
    "lost_after_min": "10.0",
    "templates": '"templates"',
    "commands": '{ castep = "castep.mpi" }',
}

_WORDS = Words(
    tables={
        (): MachineFile,
        ("machines", "*"): MachineEntry,
        **resource_tables("machines", "*", "resources"),
    },
    example=lambda key, text: _EXAMPLES.get(key, ""),
    error=MachineError,
)
