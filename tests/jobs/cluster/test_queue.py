"""What schedulers answer, as their programs print it: programs of this name stand on the PATH and print that."""

from __future__ import annotations

import getpass
import os
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dftflow.errors import CodeNotFoundError
from dftflow.jobs.cluster import queue as queue_module
from dftflow.jobs.cluster.answer import Answer, answer_of
from dftflow.jobs.cluster.command import Ended, run_command
from dftflow.jobs.cluster.job_words import phase_of, spelled_out
from dftflow.jobs.cluster.queue import Queue
from dftflow.jobs.cluster.submission import Submission, intend, moved
from dftflow.jobs.machine_file import Scheduler

ME = getpass.getuser()
Prints = Callable[..., Path]


@pytest.fixture
def prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prints:
    """Puts a program on the PATH that notes its arguments and prints; the file of its calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, out: str = "", err: str = "", code: int = 0) -> Path:
        calls = tmp_path / f"{name}.calls"
        lines = (
            "#!/bin/sh",
            f'echo "$@" >> {calls}',
            f"printf %s {shlex.quote(out)}",
            f"printf %s {shlex.quote(err)} >&2",
            f"exit {code}",
        )
        (folder / name).write_text("\n".join(lines))
        (folder / name).chmod(0o755)
        return calls

    return put


@pytest.fixture
def record(tmp_path: Path) -> Submission:
    return intend(
        tmp_path / "run",
        "CsBr/bulk-relax",
        plan="p",
        name="a-very-long-name-of-a-step",
        script=lambda folder: "#!/bin/sh\n",
    )


def slurm(tmp_path: Path, fresh_s: float = 0.0) -> Queue:
    return Queue("slurm", cache=tmp_path / "cache", fresh_s=fresh_s)


# --- given to it ------------------------------------------------------------------------------------------------


def test_a_job_is_given_with_what_tells_it_from_others(tmp_path: Path, prints: Prints, record: Submission) -> None:
    calls = prints("sbatch", "4242\n")
    assert slurm(tmp_path).submit(record) == Answer(job="4242")
    told = calls.read_text().split()
    assert told == [
        "--parsable", "--job-name=a-very-long-name-of-a-step", f"--chdir={record.folder}", str(record.script)
    ]  # fmt: skip
    left = {file.name for file in Path(record.folder).iterdir()}
    assert left == {"job.sh", "submission.json"}, "nothing of pysqa's"


SAID = [
    ("4242;cluster1\n", "", 0, Answer(job="4242", cluster="cluster1")),
    ("Welcome to the cluster\n4242\n", "sbatch: a warning", 0, Answer(job="4242")),
    ("Stampede3\n4242\nhours left: 7\n", "", 0, Answer(job="4242")),
    ("4242\n4243\n", "", 0, None),
    ("", "sbatch: error: QOSMaxWallDurationPerJobLimit\nsbatch: error: Batch job submission failed: Job violates "
     "accounting/QOS policy (job submit limit, user's size and/or time limits)", 1, "wrong"),
    ("", "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's "
     "size and/or time limits)", 1, "full"),
    ("", "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying.\nsbatch: error: Batch job "
     "submission failed: Socket timed out on send/recv operation", 1, None),
    ("", "sbatch: warning: Invalid node list, ignored\nsbatch: error: Batch job submission failed: Socket timed out on "
     "send/recv operation", 1, None),
    ("", "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates "
     "accounting/QOS policy (job submit limit, user's size and/or time limits)", 1, "full"),
    ("", "sbatch: error: AssocMaxSubmitJobLimit", 1, "full"),
    ("", "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying.", 1, "full"),
    ("", "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", 1,
     "not reached"),
    ("", "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified", 1,
     "wrong"),
    ("", "sbatch: error: Batch job submission failed: Requested node configuration is not available", 1, "wrong"),
    ("", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", 1, None),
    ("", "sbatch: error: Batch job submission failed: Unexpected message received", 1, None),
    ("", "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received", 1, None),
    # a wrapper of the site, whose own logging fails behind an acceptance
    ("4242\n", "curl: (7) Failed to connect to accounting port 80: Connection refused", 7, None),
    ("4242\n", "sbatch: error: Invalid mail address", 1, None),
    ("", "curl: (7) Failed to connect to accounting port 80: Connection refused", 7, None),
    ("", "sbatch: warning: Invalid TRES in job_submit.lua, ignored", 1, None),
    ("", "sbatch: error: Batch job submission failed: Invalid account", -9, None),
    ("", "Connection refused\nqsub: cannot connect to server pbs01 (errno=111)", 111, "not reached"),
    ("", "qsub: Unknown queue MSG=cannot locate queue", 190, "wrong"),
    ("", "Unable to run job: only 10 jobs are allowed per user (current job count: 10).\nExiting.", 1, "full"),
    ("", "night: No such queue. Job not submitted.", 255, "wrong"),
    ("", "", 0, None),
    ("Submitted\n", "", 0, None),
    ("", "", -9, None),
]  # fmt: skip


@pytest.mark.parametrize(("out", "err", "code", "answer"), SAID)
def test_only_what_is_certain_is_a_refusal(
    tmp_path: Path, out: str, err: str, code: int, answer: Answer | str | None
) -> None:
    from pysqa.wrapper.slurm import SlurmCommands

    found = answer_of(Ended(code=code, out=out, err=err), SlurmCommands.get_job_id_from_output)
    if isinstance(answer, Answer):
        assert found == answer
    else:
        assert (found.job, found.refusal) == ("", answer) and found.said


def test_an_sbatch_that_does_not_answer_leaves_it_open(
    tmp_path: Path, prints: Prints, record: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "SUBMIT_LIMIT_S", 0.3)
    (prints("sbatch").parent / "bin" / "sbatch").write_text("#!/bin/sh\necho 7\nexec sleep 60\n")
    answer = slurm(tmp_path).submit(record)
    assert (answer.job, answer.refusal) == ("", None) and "no answer" in answer.said


@pytest.mark.parametrize("leaves", ["sleep 60", "setsid sleep 60"])
def test_a_wrapper_whose_child_hangs_is_not_waited_for(tmp_path: Path, leaves: str) -> None:
    """A shell around squeue is ended, and what it has started holds the pipes, in its session or out of it."""
    began = time.monotonic()
    command = ("sh", "-c", f"echo said; {leaves} & echo $! > child; wait")
    ended = run_command(command, time_limit_s=1.0, folder=tmp_path)
    assert ended.code is None and "no answer" in ended.err and time.monotonic() - began < 30
    if "setsid" in leaves:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    else:
        assert ended.out == "said\n", "the child is gone, and its pipes with it"


def test_without_its_program_nothing_was_submitted(
    tmp_path: Path, record: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CodeNotFoundError, match="'sbatch' cannot be started"):
        slurm(tmp_path).submit(record)


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    ended = run_command(("printf", "%s", "$(touch x); *"), time_limit_s=10, folder=tmp_path)
    assert ended.out == "$(touch x); *" and not any(tmp_path.iterdir())


# --- asked ------------------------------------------------------------------------------------------------------


def test_the_queue_is_asked_once_for_all_and_for_those_that_have_ended(tmp_path: Path, prints: Prints) -> None:
    calls = prints("squeue", f"7|{ME}|R|None|/a/b\n8|{ME}|oom|OutOfMemory|/a/c\n")
    found = slurm(tmp_path).listing()
    assert [(job.id, job.folder, job.word) for job in found.jobs] == [
        ("7", "/a/b", "running"), ("8", "/a/c", "out_of_memory")
    ]  # fmt: skip
    (line,) = calls.read_text().splitlines()
    assert "--states=all" in line and f"--user={ME}" in line


def test_its_answer_is_kept_for_half_a_minute_whoever_asks(
    tmp_path: Path, prints: Prints, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = prints("squeue", f"7|{ME}|R|n|/a/b\n")
    first = slurm(tmp_path, fresh_s=30.0).listing()
    assert slurm(tmp_path, fresh_s=30.0).listing() == first
    assert len(calls.read_text().splitlines()) == 1
    now = time.time()
    for later_s, asked in ((29.0, 1), (31.0, 2), (-100.0, 3)):  # a clock that went back makes nothing fresh
        monkeypatch.setattr(time, "time", lambda later_s=later_s: now + later_s)
        slurm(tmp_path, fresh_s=30.0).listing()
        assert len(calls.read_text().splitlines()) == asked


def test_others_jobs_and_lines_that_cannot_be_read_are_passed_over(tmp_path: Path, prints: Prints) -> None:
    prints(
        "squeue",
        f"7|somebody|R|n|/a/b\nslurm_load_jobs: warning\n8|{ME}|PD|n|/a/c\n8|{ME}|PD|n|/a/c\n9|{ME}|R\n"
        f"x|{ME}|R|n|/a/d\n",
    )
    found = slurm(tmp_path).listing()
    assert {(job.id, job.folder) for job in found.jobs} == {("8", "/a/c")}


def test_a_folder_may_hold_the_sign_between_the_columns(tmp_path: Path, prints: Prints) -> None:
    prints("squeue", f"CLUSTER: big\n7|{ME}|PD|PartitionTimeLimit|/a|b/ c\n8|{ME}|PD|Priority|/d\n")
    found = slurm(tmp_path).listing()
    assert [(job.id, job.folder, job.reason) for job in found.jobs] == [
        ("7", "/a|b/ c", "PartitionTimeLimit"), ("8", "/d", "")
    ]  # fmt: skip


@pytest.mark.parametrize(("scheduler", "program"), [("slurm", "squeue"), ("pbs", "qstat"), ("lsf", "bjobs")])
def test_what_is_no_list_of_jobs_is_no_answer(
    tmp_path: Path, prints: Prints, scheduler: Scheduler, program: str
) -> None:
    prints(program, "too many queries by this user, please wait\n")
    found = Queue(scheduler, cache=tmp_path / "cache").listing()
    assert found.jobs == () and "cannot be read" in found.silence


def test_a_persons_variables_are_no_options_of_the_commands(
    tmp_path: Path, prints: Prints, record: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sbatch(1): an input environment variable overrides what the script says; SQUEUE_PARTITION hides what runs."""
    for name in ("SBATCH_TIMELIMIT", "SQUEUE_PARTITION", "SACCT_FORMAT", "SCANCEL_STATE", "SLURM_CONF"):
        monkeypatch.setenv(name, "told")
    seen = [name for name in ("sbatch", "squeue") for name in [prints(name, "1\n").parent / "bin" / name]]
    for program in seen:
        program.write_text(f"#!/bin/sh\nenv >> {tmp_path}/environment\necho 1\n")
    assert slurm(tmp_path).submit(record).job == "1"
    slurm(tmp_path).listing()
    told = [line.partition("=")[0] for line in (tmp_path / "environment").read_text().splitlines() if "=told" in line]
    assert told == ["SLURM_CONF", "SLURM_CONF"]


def test_a_queue_that_does_not_answer_says_nothing_and_is_not_kept(tmp_path: Path, prints: Prints) -> None:
    calls = prints("squeue", "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)", 1)
    for _ in range(2):
        found = slurm(tmp_path, fresh_s=30.0).listing()
        assert not found.jobs and "connect failure" in found.silence
    assert len(calls.read_text().splitlines()) == 2


def test_the_accounting_knows_what_the_queue_has_forgotten(tmp_path: Path, prints: Prints, record: Submission) -> None:
    prints("squeue")
    calls = prints("sacct", f"7|OUT_OF_ME+|{record.folder}\n8|FAILED|/another\n7.batch|FAILED|\n")
    known = moved(record, "submitted", job="7")
    found = slurm(tmp_path).listing([known])
    assert [(job.id, job.word) for job in found.jobs] == [("7", "out_of_memory")]
    assert len(calls.read_text().splitlines()) == 1
    slurm(tmp_path).listing()
    assert len(calls.read_text().splitlines()) == 1, "nothing is missing"


def test_without_accounting_nothing_is_known_of_it(tmp_path: Path, prints: Prints, record: Submission) -> None:
    prints("squeue")
    prints("sacct", "", "Slurm accounting storage is disabled", 1)
    assert slurm(tmp_path).listing([record]).jobs == ()


def test_a_cache_that_cannot_be_written_or_read_costs_a_question(tmp_path: Path, prints: Prints) -> None:
    calls = prints("squeue", f"7|{ME}|R|n|/a/b\n")
    (tmp_path / "cache").write_text("a file where a folder belongs")
    for _ in range(2):
        assert len(slurm(tmp_path, fresh_s=30.0).listing().jobs) == 1
    assert len(calls.read_text().splitlines()) == 2


# --- others than Slurm ------------------------------------------------------------------------------------------

QSTAT_F = """\
Job Id: 80005196.gadi-pbs
    Job_Name = another
    Job_Owner = somebody@gadi-login-06
    job_state = R
    queue = normal
    Variable_List = PBS_O_HOME=/home/s,PBS_O_WORKDIR=/home/s,PBS_O_QUEUE=normal

Job Id: 80005197.gadi-pbs
    Job_Name = CsBr-bulk-relax
    Job_Owner = {me}@gadi-login-06
    resources_used.walltime = 00:01:07
    job_state = {state}
    queue = normal
    Error_Path = gadi-login-06:/scratch/a
{more}    Variable_List = PBS_O_HOME=/home/x,PBS_O_LANG=en_US.UTF-8,PBS_O_WORKDIR=/scratch
\t/a run/with\\,comma/1-0a1b,SITE_PROJECT=ab12,PBS_O_HOST=gadi
    comment = Job run at Thu Nov 26 at 12:57
    etime = Thu Nov 26 12:57:01 2026
"""


@pytest.mark.parametrize(
    ("state", "more", "word", "phase"),
    [("R", "", "running", "running"), ("Q", "", "pending", "queued"), ("H", "", "pending", "queued"),
     ("E", "", "completing", "running"), ("S", "", "suspended", "queued"),
     ("C", "    exit_status = 0\n", "completed", "ended well"), ("C", "", "cancelled", "ended badly"),
     ("C", "    exit_status = 271\n", "failed", "ended badly"),
     ("F", "    Exit_status = 0\n", "completed", "ended well")],
)  # fmt: skip
def test_what_pbs_says(tmp_path: Path, prints: Prints, state: str, more: str, word: str, phase: str) -> None:
    """qstat(1B) of PBS Professional and of TORQUE, which shows what has ended for a while."""
    calls = prints("qstat", QSTAT_F.format(me=ME, state=state, more=more))
    (job,) = Queue("pbs", cache=tmp_path / "cache").listing().jobs
    assert (job.id, job.word, job.phase) == ("80005197", word, phase)
    assert job.folder == "/scratch/a run/with,comma/1-0a1b"
    assert calls.read_text().split() == ["-f"]


SGE_HEAD = "<?xml version='1.0'?>\n<job_info>\n  <queue_info>\n"
SGE_JOB = (
    '<job_list state="{long}"><JB_job_number>{id}</JB_job_number><JB_name>n</JB_name><JB_owner>{owner}</JB_owner>'
    "<state>{short}</state></job_list>\n"
)
SGE_MIDDLE, SGE_END = "  </queue_info>\n  <job_info>\n", "  </job_info>\n</job_info>\n"


def test_what_sge_says(tmp_path: Path, prints: Prints) -> None:
    running = SGE_JOB.format(long="running", short="r", id=7, owner=ME)
    others = SGE_JOB.format(long="running", short="r", id=8, owner="somebody")
    held, broken = (
        SGE_JOB.format(long="pending", short=word, id=id, owner=ME) for word, id in (("hqw", 9), ("Eqw", 10))
    )
    prints("qstat", f"{SGE_HEAD}{running}{others}{SGE_MIDDLE}{held}{broken}{SGE_END}")
    found = Queue("sge", cache=tmp_path / "cache").listing()
    assert {(job.id, job.phase, job.folder) for job in found.jobs} == {
        ("7", "running", ""), ("9", "queued", ""), ("10", "queued", "")
    }  # fmt: skip


BJOBS = """\
JOBID      USER    STAT  QUEUE      FROM_HOST   EXEC_HOST   JOB_NAME   SUBMIT_TIME
7          {me}    RUN   normal     login1      4*node7:4*node8 CsBr-bulk-relax Nov 26 12:57
8          {me}    PEND  normal     login1      -           CsBr-bulk-bands Nov 26 12:57
9          {me}    EXIT  normal
10         {me}    DONE  normal     login1      node7       n Nov 26 12:57
11         {me}    EXIT  normal     login1      node7       n Nov 26 12:57
"""


def test_what_lsf_says(tmp_path: Path, prints: Prints) -> None:
    calls = prints("bjobs", BJOBS.format(me=ME))
    found = Queue("lsf", cache=tmp_path / "cache").listing()
    assert {job.id: job.phase for job in found.jobs} == {
        "7": "running", "8": "queued", "10": "ended well", "11": "ended badly"
    }, "the line that is cut is passed over"  # fmt: skip
    assert calls.read_text().split() == ["-a", "-w"]
    assert {job.word for job in found.jobs} == {"running", "pending", "completed", "failed"}


@pytest.mark.parametrize(
    ("scheduler", "program", "out", "err", "code"),
    [("pbs", "qstat", "", "", 0), ("sge", "qstat", SGE_HEAD + SGE_MIDDLE + SGE_END, "", 0),
     ("lsf", "bjobs", "", "No job found", 255), ("lsf", "bjobs", "", "No unfinished job found", 0)],
)  # fmt: skip
def test_a_queue_without_jobs_is_an_answer(
    tmp_path: Path, prints: Prints, scheduler: Scheduler, program: str, out: str, err: str, code: int
) -> None:
    prints(program, out, err, code)
    found = Queue(scheduler, cache=tmp_path / "cache").listing()
    assert found.jobs == () and not found.silence


@pytest.mark.parametrize(
    ("scheduler", "program", "out"),
    [("sge", "qstat", SGE_HEAD + SGE_JOB.format(long="running", short="r", id=7, owner=ME)), ("sge", "qstat", ""),
     ("lsf", "bjobs", "")],
)  # fmt: skip
def test_half_an_answer_is_none(tmp_path: Path, prints: Prints, scheduler: Scheduler, program: str, out: str) -> None:
    """nextflow-io/nextflow#910: bjobs printed nothing, with exit status 0, while jobs ran."""
    prints(program, out)
    found = Queue(scheduler, cache=tmp_path / "cache").listing()
    assert found.jobs == () and "cannot be read" in found.silence


@pytest.mark.parametrize(
    ("scheduler", "program", "said"),
    [("pbs", "qsub", "80005197.gadi-pbs\n"), ("sge", "qsub", "80005197\n"),
     ("lsf", "bsub", "Job <80005197> is submitted to queue <normal>.\n")],
)  # fmt: skip
def test_a_job_is_given_to_the_others(
    tmp_path: Path, prints: Prints, record: Submission, scheduler: Scheduler, program: str, said: str
) -> None:
    """LSF reads the options of a script from its input: of one that is named where LSB_BSUB_PARSE_SCRIPT is set."""
    calls = prints(program, said)
    program_file = calls.parent / "bin" / program
    program_file.write_text(program_file.read_text().replace("printf", f"cat > {tmp_path}/input; printf", 1))
    assert Queue(scheduler).submit(record) == Answer(job="80005197")
    told = {"pbs": str(record.script), "sge": f"-terse {record.script}", "lsf": ""}
    assert calls.read_text().strip() == told[scheduler]
    assert (tmp_path / "input").read_text() == ("#!/bin/sh\n" if scheduler == "lsf" else "")


# --- words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "long", "phase"),
    [("PD", "pending", "queued"), ("CONFIGURING", "configuring", "queued"), ("r", "running", "running"),
     ("COMPLETING", "completing", "running"), ("CD", "completed", "ended well"), ("TIMEOUT", "timeout", "ended badly"),
     ("OUT_OF_ME+", "out_of_memory", "ended badly"), ("CANCELLED+", "cancelled", "ended badly"),
     ("CANCELLED by 0", "cancelled", "ended badly"), ("NODE_F+", "node_fail", "ended badly"),
     ("COMP+", "comp+", "unknown"), ("DONE", "completed", "ended well"), ("EXIT", "failed", "ended badly"),
     ("RV", "revoked", "unknown"), ("", "", "unknown"), ("NEW_STATE", "new_state", "unknown")],
)  # fmt: skip
def test_words_of_schedulers(word: str, long: str, phase: str) -> None:
    assert (spelled_out(word), phase_of(word)) == (long, phase)
