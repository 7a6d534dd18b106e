"""The machine that steps run on: what it has, how a job is asked for, and what one step may use of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dftflow.errors import MachineError, OptionError
from dftflow.jobs.capacity import cores_here, memory_here_mib
from dftflow.jobs.machine_file import LAUNCHER_NUMBERS, Engine, MachineEntry, MachineFile, Scheduler
from dftflow.jobs.machines_path import LOCAL, MACHINES_VARIABLE, machines_path
from dftflow.jobs.resource_table import ResourceTable
from dftflow.jobs.resources import Resources
from dftflow.model.printable import shown
from dftflow.rendering.own_templates import own_templates
from dftflow.toml_file.mistakes import place_in

__all__ = ["Machine", "load_machine", "machine_names"]

JOB_TIME_S = 86400.0
"""Of a job whose profile says nothing: what most sites give at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine, as its profile says.

    Attributes
    ----------
    name
        In the file of machines; ``"local"`` for this machine without a profile.
    scheduler
        What jobs are given to; ``"none"``: steps are processes of this machine.
    engine
        ``"job a step"``, or ``"executorlib"`` for many small steps inside one job.
    nodes
        That one job can have at most; None where the profile does not say.
    cores, memory_mib
        Of one node; None where the profile of a cluster does not say.
    cluster
        Of several that one Slurm knows; ``""`` for its own.
    account, partition, qos, parallel_environment
        What a job is asked for with; the last one is SGE's. ``""`` for the site's own.
    directives
        More of the scheduler's own, such as ``--constraint=cpu``.
    modules
        To load before a step.
    setup
        Lines of bash before a step.
    launcher
        Words in front of a parallel program, with numbers in braces: ``("mpirun", "-n", "{ranks}")``.
    environment
        Variables that a step gets.
    python
        Interpreter with dftflow, as the nodes see it.
    grace_s
        Before its time is over, a job is told so long.
    lost_after_s
        How long the queue has to leave out a job, which left no end, until it counts as lost.
    commands
        Name of a code -> its program.
    templates
        A person's own templates of job scripts: name -> text.
    table
        What steps may use of it.
    where
        File of the profile; ``""`` for none.
    """

    name: str
    scheduler: Scheduler = "none"
    engine: Engine = "job a step"
    nodes: int | None = None
    cores: int | None = None
    memory_mib: float | None = None
    cluster: str = ""
    account: str = ""
    partition: str = ""
    qos: str = ""
    parallel_environment: str = ""
    directives: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    launcher: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable
    grace_s: float = 120.0
    lost_after_s: float = 600.0
    commands: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    table: ResourceTable = field(default_factory=ResourceTable)
    where: str = ""

    def resources(
        self, task: str, code: str, *, study: ResourceTable | None = None, given: Mapping[str, float] | None = None
    ) -> Resources:
        """What a step may use.

        Parameters
        ----------
        task
            ``"relax"``, ``"bands"``, ``"potential"``, ``"shifts"``, ``"dos"`` or ``"masses"``.
        code
            Name of the code.
        study
            What the study says; it counts more than the profile.
        given
            What is asked for in this very call, by the names of `Resources`; it counts most.

        Raises
        ------
        MachineError
            It is more than the machine has, or a job is told to stop before it has begun.
        """
        asked: dict[str, Any] = {} if self.scheduler == "none" else {"time_s": JOB_TIME_S}
        asked |= self.table.of(task, code)
        asked |= study.of(task, code) if study is not None else {}
        asked |= given or {}
        if "nodes" not in asked and self.cores is not None and self.scheduler != "none":
            ranks_a_node = max(1, int(self.cores // asked.get("threads", 1)))  # the threads of one share a node
            asked["nodes"] = int(-(-asked.get("ranks", 1) // ranks_a_node))
        found = Resources(**asked)
        self._check(found, f"a step {task} of {code}")
        if "time_s" not in (given or {}):
            self._check_time(found, f"a step {task} of {code}")
        told_s = self.grace_s if self.scheduler == "slurm" else 0.0
        return Resources(**asked, told_s=told_s, launcher=self._launcher(found))

    def _launcher(self, resources: Resources) -> tuple[str, ...]:
        """Filled in; a single process needs none."""
        if resources.ranks == 1:
            return ()
        numbers = {f"{{{name}}}": str(getattr(resources, name)) for name in LAUNCHER_NUMBERS}
        return tuple(_filled(word, numbers) for word in self.launcher)

    def _check(self, resources: Resources, what: str) -> None:
        bounds = (
            ("nodes", resources.nodes, 1 if self.scheduler == "none" else self.nodes),
            ("cores on a node", resources.ranks_per_node * resources.threads, self.cores),
            ("MiB of memory on a node", resources.memory_mib, self.memory_mib),
        )
        for unit, asked, there in bounds:
            if asked is not None and there is not None and asked > there:
                raise MachineError(
                    f"{what} asks for {asked:.10g} {unit}, and the machine {self.name} has {there:.10g}",
                    fix="ask for less in [resources] of the study or of the machine",
                    where=self.where,
                )
        if resources.ranks > 1 and not self.launcher:
            raise MachineError(
                f"{what} asks for {resources.ranks} ranks, and the machine {self.name} has no launcher",
                fix=f'add launcher = ["mpirun", "-n", "{{ranks}}"] to [machines.{self.name}]',
                where=self.where,
            )

    def _check_time(self, resources: Resources, what: str) -> None:
        """That a job is not told to stop as soon as it begins."""
        if self.scheduler == "slurm" and resources.time_s is not None and resources.time_s <= self.grace_s:
            raise MachineError(
                f"{what} has {resources.time_s:.10g} s, and is told {self.grace_s:.10g} s before their end to stop",
                fix=f"ask for more (time_h), or lower grace_s in [machines.{self.name}]",
                where=self.where,
            )


def _filled(word: str, numbers: Mapping[str, str]) -> str:
    for name, number in numbers.items():
        word = word.replace(name, number)
    return word


def machine_names() -> tuple[str, ...]:
    """Machines that can be named, this one included.

    Raises
    ------
    MachineError
        The file of machines cannot be read.
    """
    file = machines_path()
    known = MachineFile.read(file).machines if file.exists() else {}
    return tuple(dict.fromkeys((*known, LOCAL)))


def load_machine(name: str | None = None) -> Machine:
    """A machine by its name.

    Parameters
    ----------
    name
        In the file of machines (``~/.config/dftflow/machines.toml``, or what ``DFTFLOW_MACHINES`` names); None: the one
        that the file calls its ``default``, and this machine where there is none. ``"local"`` is this machine without a
        profile, unless the file has one of that name.

    Raises
    ------
    MachineError
        There is no such machine, or its profile is wrong; with the file, and the line where one is to blame.
    """
    file = machines_path()
    if not file.exists():
        if name in (None, LOCAL) and not os.environ.get(MACHINES_VARIABLE):
            return _machine(LOCAL, MachineEntry(), None)
        raise MachineError(
            f"there is no machine {shown(name or LOCAL)}, because there is no file of machines",
            fix="write it (docs/machines.md has one for a cluster and one for a workstation)",
            where=str(file),
        )
    content = MachineFile.read(file)
    wanted = name or content.default or LOCAL
    entry = content.machines.get(wanted, MachineEntry() if wanted == LOCAL else None)
    if entry is None:
        raise _no_machine(wanted, content, file, by_default=name is None)
    return _machine(wanted, entry, file)


def _no_machine(name: str, content: MachineFile, file: Path, *, by_default: bool) -> MachineError:
    known = (*content.machines, LOCAL)
    near = get_close_matches(name, known, n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return MachineError(
        f"{'default names' if by_default else 'there is'} no machine {shown(name)}",
        fix=f"{guess}machines: {', '.join(dict.fromkeys(known))}",
        where=str(file),
    )


def _machine(name: str, entry: MachineEntry, file: Path | None) -> Machine:
    here = entry.scheduler == "none"
    memory_mib = None if entry.memory_gib is None else entry.memory_gib * 1024
    return Machine(
        name=name,
        scheduler=entry.scheduler,
        engine=entry.engine,
        nodes=1 if here else entry.nodes,
        cores=entry.cores or (cores_here() if here else None),
        memory_mib=memory_mib or (memory_here_mib() if here else None),
        account=entry.account or "",
        cluster=entry.cluster or "",
        partition=entry.partition or "",
        qos=entry.qos or "",
        parallel_environment=entry.parallel_environment or "",
        directives=entry.directives,
        modules=entry.modules,
        setup=entry.setup,
        launcher=entry.launcher,
        environment=entry.environment,
        python=entry.python or sys.executable,
        grace_s=entry.grace_s,
        lost_after_s=entry.lost_after_min * 60,
        commands=entry.commands,
        templates=_templates(name, entry, file),
        table=entry.resources,
        where=str(file or ""),
    )


def _templates(name: str, entry: MachineEntry, file: Path | None) -> Mapping[str, str]:
    if entry.templates is None or file is None:
        return {}
    try:
        folder = (file.parent / Path(entry.templates).expanduser()).resolve()
        return own_templates(entry.scheduler, folder, named_in="the file of machines")
    except OptionError as error:
        summary = f"templates of the machine {name}: {error.summary}"
        raise MachineError(summary, reason=error.reason, fix=error.fix, where=_named_at(file, name)) from None
    except (OSError, RuntimeError, ValueError) as error:  # a name that is too long, a home that nobody has
        raise MachineError(f"templates of the machine {name}", reason=str(error), where=_named_at(file, name)) from None


def _named_at(file: Path, name: str) -> str:
    """The line that names the templates of a machine."""
    return place_in(file.read_text(encoding="utf-8", errors="replace"), file, ("machines", name, "templates"))
