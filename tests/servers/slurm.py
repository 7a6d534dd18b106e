"""A real Slurm on loopback: munge, a controller and two nodes on this machine, with a key, ports and files of its own.

Needs Debian's packages munge, slurmctld, slurmd and slurm-client, and to be root. There is no accounting database:
sacct says that it is disabled. What is started is known by its process id, and is ended by it.
"""

from __future__ import annotations

import getpass
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

__all__ = ["PROGRAMS", "Slurm"]

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
NODES = ("n1", "n2")
PATIENCE_S = 60.0
CONF = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd-%n.log
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=300
InactiveLimit=0
KillWait=5
MinJobAge=3600
JobRequeue=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=64
MessageTimeout=5
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=100000
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=2 RealMemory=4000 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=debug Nodes=n1,n2 Default=YES MaxTime=INFINITE DefaultTime=60 State=UP
"""
CGROUP = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nConstrainCores=no\nConstrainRAMSpace=no\n"
"""Nothing uses cgroups; without a plugin named, slurmd looks for one and does not start where there is none."""


class Slurm:
    """Runs from entering until leaving the ``with`` block.

    Parameters
    ----------
    home
        Folder for its files; its path has to be short enough for a socket.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {"SLURM_CONF": str(home / "slurm.conf")}

    def __enter__(self) -> Slurm:
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.home / name).mkdir(parents=True)
        (self.home / "munge.key").write_bytes(secrets.token_bytes(128))
        (self.home / "munge.key").chmod(0o600)
        self.home.chmod(0o755)  # munged refuses a socket in a folder that others cannot enter
        host = socket.gethostname().partition(".")[0]
        ports = dict(zip(("controller", "first", "second"), _free_ports(), strict=False))
        text = CONF.format(home=self.home, host=host, user=getpass.getuser(), **ports)
        (self.home / "slurm.conf").write_text(text)
        (self.home / "cgroup.conf").write_text(CGROUP)
        try:
            self._start_munged()
            self.start_controller()
            for node in NODES:
                self._run("slurmd", "-f", self.home / "slurm.conf", "-N", node)
            self.wait_for_nodes()
        except BaseException:
            self._stop_all()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(subprocess.CalledProcessError):
            self._run("scancel", "--state=PENDING,RUNNING,SUSPENDED")
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.states() & {"PENDING", "RUNNING", "COMPLETING"}:
            time.sleep(0.1)
        self._stop_all()

    def start_controller(self) -> None:
        """Start slurmctld, with what it knew when it was stopped."""
        self._run("slurmctld", "-f", self.home / "slurm.conf")

    def stop_controller(self) -> None:
        """Stop slurmctld alone: jobs go on, and nobody answers."""
        _stop(self.home / "slurmctld.pid", "slurmctld")

    def wait_for_nodes(self) -> None:
        """Until both nodes take jobs."""
        until = time.monotonic() + PATIENCE_S
        while True:
            told = self._run("sinfo", "-h", "-N", "-o", "%t", check=False).split()
            if len(told) == len(NODES) and set(told) <= {"idle", "mix", "alloc"}:
                return
            if time.monotonic() > until:
                logs = "".join(file.read_text()[-2000:] for file in self.home.glob("*.log"))
                raise TimeoutError(f"Slurm does not come up: {told}\n{logs}")
            time.sleep(0.2)

    def states(self) -> set[str]:
        """The states in which jobs are."""
        return set(self._run("squeue", "-h", "-t", "all", "-o", "%T", check=False).split())

    def jobs(self) -> dict[str, str]:
        """Id -> state, of all jobs."""
        lines = self._run("squeue", "-h", "-t", "all", "-o", "%A %T").splitlines()
        return dict(line.split() for line in lines)  # type: ignore[misc]

    def scancel(self, *arguments: str) -> None:
        self._run("scancel", *arguments)

    def scontrol(self, *arguments: str) -> None:
        self._run("scontrol", *arguments)

    def resume(self) -> None:
        """Both nodes take jobs again."""
        for node in NODES:
            self._run("scontrol", "update", f"nodename={node}", "state=resume", check=False)  # refused where it does
        self.wait_for_nodes()

    def _start_munged(self) -> None:
        home = self.home
        self._run(
            "munged", "--force", f"--key-file={home}/munge.key", f"--socket={home}/munge.socket",
            f"--pid-file={home}/munged.pid", f"--log-file={home}/munged.log", f"--seed-file={home}/munge.seed",
            "--num-threads=2",
        )  # fmt: skip

    def _stop_all(self) -> None:
        for node in NODES:
            _stop(self.home / f"slurmd-{node}.pid", "slurmd")
        _stop(self.home / "slurmctld.pid", "slurmctld")
        _stop(self.home / "munged.pid", "munged")

    def _run(self, *argv: str | Path, check: bool = True) -> str:
        done = subprocess.run(
            tuple(map(str, argv)),
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout)
        return done.stdout


def _free_ports() -> Iterator[int]:
    """Three ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(3)]
    for opened in sockets:
        opened.bind(("127.0.0.1", 0))
    numbers = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    yield from numbers


def _stop(pid_file: Path, name: str) -> None:
    """End the daemon that wrote `pid_file`, if that very process still runs."""
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + 10.0
        while _is(pid, name) and time.monotonic() < until:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            time.sleep(0.1)
    pid_file.unlink(missing_ok=True)


def _is(pid: int, name: str) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == name
    except OSError:
        return False
