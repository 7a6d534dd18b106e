"""The script of a job: what a person would write for the scheduler, rendered from ``templates/SCHEDULER/job.sh.j2``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dftflow.errors import MachineError
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.resources import Resources
from dftflow.model.printable import is_line, shown
from dftflow.rendering.quoting import SHELL, Verbatim
from dftflow.rendering.templates import render_template

__all__ = ["job_script"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Script:
    """What a template of a job script has, as ``job``.

    Attributes
    ----------
    hours, minutes, seconds
        Of the wall time; `has_time` says whether there is one.
    memory_mib
        On each node; 0 for what the site gives.
    after
        Ids of jobs that have to end well before.
    machines_file
        That the machine stands in; ``""`` for none.
    """

    machine: str
    name: str
    folder: str
    log: str
    command: tuple[str, ...]
    after: tuple[str, ...]
    nodes: int
    ranks: int
    ranks_per_node: int
    threads: int
    cores: int
    memory_mib: int
    has_time: bool
    hours: int
    minutes: int
    seconds: int
    grace_s: int
    cluster: str
    account: str
    partition: str
    qos: str
    parallel_environment: str
    directives: tuple[Verbatim, ...]
    modules: tuple[str, ...]
    setup: tuple[Verbatim, ...]
    environment: Mapping[Verbatim, str]
    machines_file: str


def job_script(
    machine: Machine,
    resources: Resources,
    *,
    name: str,
    folder: Path,
    command: Sequence[str],
    log: Path,
    after: Sequence[str] = (),
) -> str:
    """Text of the script that a scheduler gets for one job.

    Parameters
    ----------
    machine
        Its scheduler, account, modules ...
    resources
        What the job asks for.
    name
        Of the job.
    folder
        Absolute; that it works in.
    command
        Argument list that the job becomes.
    log
        File that takes what it prints, at its end when it is there already; a relative one lies in `folder`.
    after
        Ids of jobs that have to end well before this one starts.

    Raises
    ------
    MachineError
        The machine has no scheduler, or a name cannot stand in a script.
    SpecError
        A template of the user's own cannot be rendered.
    """
    if machine.scheduler == "none":
        raise MachineError(
            f"the machine {machine.name} has no scheduler, which a job could be given to",
            fix=f'add scheduler = "slurm" to [machines.{machine.name}]',
            where=machine.where,
        )
    for text in (name, str(folder), str(log), *after):
        if not is_line(text):
            raise MachineError(f"{shown(text)} cannot stand in the script of a job", fix="rename it: one line of text")
    script = _script(machine, resources, name, folder, command, log, after)
    return render_template(
        f"{machine.scheduler}/job.sh.j2",
        {"job": script},
        search=(machine.templates,) if machine.templates else (),
        language=SHELL,
    )


def _script(
    machine: Machine,
    resources: Resources,
    name: str,
    folder: Path,
    command: Sequence[str],
    log: Path,
    after: Sequence[str],
) -> _Script:
    whole_s = int(-(-(resources.time_s or 0) // 1))
    return _Script(
        machine=machine.name,
        name=name,
        folder=str(folder),
        log=str(folder / log),
        command=tuple(command),
        after=tuple(after),
        nodes=resources.nodes,
        ranks=resources.ranks,
        ranks_per_node=resources.ranks_per_node,
        threads=resources.threads,
        cores=resources.cores,
        memory_mib=int(-(-(resources.memory_mib or 0) // 1)),
        has_time=resources.time_s is not None,
        hours=whole_s // 3600,
        minutes=whole_s // 60 % 60,
        seconds=whole_s % 60,
        grace_s=int(machine.grace_s),
        cluster=machine.cluster,
        account=machine.account,
        partition=machine.partition,
        qos=machine.qos,
        parallel_environment=machine.parallel_environment,
        directives=tuple(map(Verbatim, machine.directives)),
        modules=machine.modules,
        setup=tuple(map(Verbatim, machine.setup)),
        environment={Verbatim(variable): value for variable, value in machine.environment.items()},
        machines_file=machine.where,
    )
