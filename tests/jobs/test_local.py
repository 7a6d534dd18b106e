"""The graph on real processes: order, failure, restart, limits."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import psutil
import pytest

from dftflow.errors import StoreError, StructureError
from dftflow.jobs import process
from dftflow.jobs.graph import Room, run_graph
from dftflow.jobs.job import Job, JobState, Node, NodeOutcome, Verdict
from dftflow.jobs.local import Local
from dftflow.jobs.lock import engine_lock_is_held, locked
from dftflow.jobs.machine import birth_of, boot_id, host_name
from dftflow.jobs.resources import Resources
from dftflow.jobs.shared_store import StepHome
from dftflow.jobs.step_state import StepState, read_state, write_state

SAYS_DONE = "open('done','w').write('yes')"


def judge(folder: Path) -> Verdict:
    if (folder / "done").exists():
        return Verdict(state="finished")
    return Verdict(state="failed", failure="left no result")


def job_of(script: str) -> Job:
    """A job whose identity is its script."""
    return Job(
        identity=hashlib.sha256(script.encode()).hexdigest(),
        files={"job.py": script},
        argv=(sys.executable, "job.py"),
    )


def run(nodes: Sequence[Node], root: Path, *, workers: int = 1) -> Mapping[str, NodeOutcome]:
    return run_graph(nodes, Local(root), room=Room(workers=workers))


def node(name: str, script: str = SAYS_DONE, needs: tuple[str, ...] = (), **asked: Any) -> Node:
    return Node(
        name=name,
        title=name,
        needs=needs,
        prepare=lambda: job_of(script),
        judge=judge,
        doing=lambda folder: "working",
        resources=Resources(**asked),
    )


def test_each_node_runs_once_after_its_needs(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "import sys; open({log!r},'a').write({name!r}+'\\n');" + SAYS_DONE
    nodes = [
        node("a/first", script.format(log=str(log), name="first")),
        node("a/second", script.format(log=str(log), name="second"), ("a/first",)),
        node("b/free", script.format(log=str(log), name="free")),
    ]
    root = tmp_path / "run"
    ends = run(nodes, root, workers=2)
    assert [end.state for end in ends.values()] == ["finished"] * 3
    lines = log.read_text().split()
    assert sorted(lines) == ["first", "free", "second"] and lines.index("first") < lines.index("second")
    again = run(nodes, root, workers=2)
    assert all(end.reused for end in again.values())
    assert log.read_text().split() == lines


def test_what_does_not_depend_on_a_failure_still_runs(tmp_path: Path) -> None:
    ends = run(
        [node("bad", "import sys; print('the reason'); sys.exit(3)"), node("child", needs=("bad",)), node("good")],
        tmp_path,
    )
    assert {name: end.state for name, end in ends.items()} == {"bad": "failed", "child": "not_run", "good": "finished"}
    assert "bad did not finish" in ends["child"].failure
    assert (ends["bad"].folder / "stdout.log").read_text() == "the reason\n"  # type: ignore[operator]


def test_a_failed_node_is_tried_again(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    script = f"import os,sys; os.path.exists({str(flag)!r}) or sys.exit(1);" + SAYS_DONE
    root = tmp_path / "run"
    assert run([node("n", script)], root)["n"].state == "failed"
    flag.touch()
    assert run([node("n", script)], root)["n"].state == "finished"


def test_other_input_is_another_folder(tmp_path: Path) -> None:
    root = tmp_path
    first = run([node("n")], root)["n"].folder
    second = run([node("n", SAYS_DONE + "\n")], root)["n"].folder
    assert first != second and first is not None and first.exists()


def test_limits_name_the_failure(tmp_path: Path) -> None:
    ends = run([node("slow", "import time; time.sleep(60)", time_s=0.5)], tmp_path / "t")
    assert ends["slow"].failure.startswith("out of time")
    hungry = "x = bytearray(400 * 2**20)\nimport time; time.sleep(60)"
    ends = run([node("big", hungry, memory_mib=200)], tmp_path / "m")
    assert ends["big"].failure.startswith("out of memory")


def test_a_killed_engine_is_named(tmp_path: Path) -> None:
    ends = run([node("n", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")], tmp_path)
    assert "signal 9" in ends["n"].failure


def test_a_missing_program_fails_its_node_alone(tmp_path: Path) -> None:
    absent = Node(
        name="absent",
        title="",
        needs=(),
        prepare=lambda: Job(identity="0", files={}, argv=("no-such-program",)),
        judge=judge,
        doing=lambda folder: "",
    )
    ends = run([absent, node("good")], tmp_path)
    assert ends["absent"].state == "failed" and "no-such-program" in ends["absent"].failure
    assert ends["good"].state == "finished"


def test_an_error_while_preparing_fails_the_node(tmp_path: Path) -> None:
    def prepare() -> Job:
        raise StructureError("atoms overlap", fix="move one")

    bad = Node(name="bad", title="", needs=(), prepare=prepare, judge=judge, doing=lambda folder: "")
    ends = run([bad, node("good")], tmp_path)
    assert "atoms overlap" in ends["bad"].failure and ends["good"].state == "finished"


DRIVER = """
import sys
from pathlib import Path
from dftflow.jobs.graph import run_graph
from dftflow.jobs.job import Job, JobState, Node, Verdict
from dftflow.jobs.local import Local
from dftflow.jobs.lock import engine_lock_is_held, locked
from dftflow.jobs.machine import birth_of, boot_id, host_name

out = Path(sys.argv[1])
script = (
    "import pathlib, time\\n"
    f"open({str(out / 'starts')!r}, 'a').write('start\\\\n')\\n"
    f"while not pathlib.Path({str(out / 'go')!r}).exists(): time.sleep(0.05)\\n"
    "open('done', 'w').write('yes')\\n"
)
job = Job(identity="1", files={"job.py": script}, argv=(sys.executable, "job.py"))
node = Node(name="n", title="", needs=(), prepare=lambda: job, doing=lambda folder: "",
            judge=lambda folder: Verdict(state="finished" if (folder / "done").exists() else "failed", cpu_time_s=7.5))
with locked(out / "run"):
    print(run_graph([node], Local(out / "run"))["n"].state)
"""


def drive(out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", DRIVER, str(out)], stdout=subprocess.PIPE, text=True)


def wait_for(condition: object, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def engine_pid(out: Path) -> int | None:
    states = list((out / "run" / "steps").glob("*/state.json"))
    return json.loads(states[0].read_text())["pid"] if states else None


def driven_until(signal_number: signal.Signals, out: Path) -> int:
    """Send the driver a signal while its engine is at work; gives the engine's pid when the driver has ended."""
    driver = drive(out)
    wait_for(lambda: (out / "starts").exists() and engine_pid(out))
    pid = engine_pid(out)
    driver.send_signal(signal_number)
    driver.wait()
    assert pid is not None
    return pid


def test_killed_and_started_again_takes_the_running_engine_over(tmp_path: Path) -> None:
    pid = driven_until(signal.SIGKILL, tmp_path)
    assert psutil.pid_exists(pid)
    second = drive(tmp_path)
    wait_for(lambda: (tmp_path / "run" / "lock").exists())
    time.sleep(0.5)
    (tmp_path / "go").touch()
    assert second.communicate(timeout=20)[0].strip() == "finished"
    assert read_state(tmp_path / "run" / "steps" / "n-1").cpu_time_s == 7.5
    assert (tmp_path / "starts").read_text() == "start\n"


def test_killed_together_with_its_engine_runs_it_again(tmp_path: Path) -> None:
    pid = driven_until(signal.SIGKILL, tmp_path)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid))
    (tmp_path / "go").touch()
    assert drive(tmp_path).communicate(timeout=20)[0].strip() == "finished"
    assert (tmp_path / "starts").read_text() == "start\nstart\n"
    assert read_state(tmp_path / "run" / "steps" / "n-1").cpu_time_s is None


def test_an_engine_that_finished_after_its_dftflow_was_killed_is_not_run_again(tmp_path: Path) -> None:
    pid = driven_until(signal.SIGKILL, tmp_path)
    (tmp_path / "go").touch()
    wait_for(lambda: not psutil.pid_exists(pid))
    assert drive(tmp_path).communicate(timeout=20)[0].strip() == "finished"
    assert (tmp_path / "starts").read_text() == "start\n"
    state = read_state(tmp_path / "run" / "steps" / "n-1")
    assert (state.state, state.cpu_time_s) == ("finished", 7.5)


def test_an_interrupt_stops_the_engines_and_can_be_gone_on_from(tmp_path: Path) -> None:
    pid = driven_until(signal.SIGINT, tmp_path)
    wait_for(lambda: not psutil.pid_exists(pid))
    (tmp_path / "go").touch()
    assert drive(tmp_path).communicate(timeout=20)[0].strip() == "finished"


@pytest.mark.parametrize(
    ("told_s", "time_s", "job", "kept"),
    [(60.0, 90.0, "17", True), (0.0, 90.0, "17", False), (60.0, 90.0, "", False), (60.0, 7200.0, "17", False)],
)
def test_in_a_job_that_is_told_an_engine_has_time_to_keep_what_it_has(
    told_s: float, time_s: float, job: str, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job whose scheduler does not tell, one that is ended before its time, and Ctrl-C end it by a signal."""
    monkeypatch.setenv("SLURM_JOB_ID", job)
    script = "import os, time\nwhile not os.path.exists('x.EXIT'): time.sleep(0.02)\nopen('kept', 'w').close()"
    work = replace(job_of(script), stop_file="x.EXIT")
    local = Local(tmp_path / "run")
    begun = local.carry_out(node("n", told_s=told_s, time_s=time_s), work, local.folder(node("n"), work))
    assert not isinstance(begun, NodeOutcome) and begun.stop() == ""
    assert (begun.folder / "kept").exists() == kept and not (begun.folder / "x.EXIT").exists()
    assert read_state(begun.folder).state == "waiting"


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    first = drive(tmp_path)
    wait_for(lambda: (tmp_path / "starts").exists())
    with pytest.raises(StoreError, match="another dftflow"), locked(tmp_path / "run"):
        pass
    (tmp_path / "go").touch()
    assert first.communicate(timeout=20)[0].strip() == "finished"


def test_the_same_calculation_for_two_nodes_runs_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"import time; open({str(log)!r}, 'a').write('x'); time.sleep(0.6); " + SAYS_DONE
    ends = run([node("a/one", script), node("b/other", script)], tmp_path / "run", workers=2)
    assert log.read_text() == "x"
    assert ends["a/one"].folder == ends["b/other"].folder and ends["b/other"].reused
    assert {end.state for end in ends.values()} == {"finished"}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize("state", ["failed", "refused"])
def test_a_calculation_that_two_nodes_share_fails_once_for_both(
    tmp_path: Path, state: JobState, is_shared: bool, workers: int
) -> None:
    """The next call tries it again, once."""
    log = tmp_path / "log"
    script = f"open({str(log)!r}, 'a').write('x')"
    nodes = [
        replace(node(name, script), judge=lambda folder: Verdict(state=state, failure="no good", cause="no_results"))
        for name in ("a/one", "b/other")
    ]
    nodes.append(node("child", needs=("b/other",)))
    root = tmp_path / "run"
    for tried in ("x", "xx"):
        local = Local(root, StepHome(tmp_path / "store", is_shared=is_shared))
        ends = run_graph(nodes, local, room=Room(workers=workers))
        assert log.read_text() == tried
        one, other = ends["a/one"], ends["b/other"]
        assert (one.state, one.failure, one.cause, one.folder) == (state, "no good", "no_results", other.folder)
        assert replace(other, name="a/one", title="a/one") == one
        assert ends["child"].failure == "not run, because b/other did not finish"


def test_results_of_something_else_are_refused_and_not_failed(tmp_path: Path) -> None:
    def other(folder: Path) -> Verdict:
        return Verdict(state="refused", failure="another crystal")

    one = Node(name="n", title="", needs=(), prepare=lambda: job_of(SAYS_DONE), judge=other, doing=lambda folder: "")
    end = run([one], tmp_path)["n"]
    assert end.state == "refused" and end.failure == "another crystal"
    assert end.folder is not None and read_state(end.folder).state == "refused"


# --- what a folder held before -----------------------------------------------------------------------------------


def stopped(tmp_path: Path, state: StepState, script: str = SAYS_DONE, files: Mapping[str, str] | None = None) -> Path:
    """The run of one node whose folder has been left in `state`, with `files`."""
    root = tmp_path / "run"
    folder = root / "steps" / f"n-{job_of(script).identity[:10]}"
    folder.mkdir(parents=True)
    for name, text in {"job.py": script, **(files or {})}.items():
        (folder / name).write_text(text)
    write_state(folder, state)
    return root


@pytest.mark.parametrize("script", [SAYS_DONE + "[:5]", "import sys\n" + SAYS_DONE + "; open('mine', 'w')"])
def test_a_deck_that_is_not_as_asked_is_written_anew_before_it_is_run(tmp_path: Path, script: str) -> None:
    root = stopped(tmp_path, StepState(state="waiting"), files={"job.py": script})
    end = run([node("n")], root)["n"]
    assert end.state == "finished" and end.folder is not None
    assert (end.folder / "job.py").read_text() == SAYS_DONE
    assert (end.folder / "job.py.changed").read_text() == script and not (end.folder / "mine").exists()


def test_a_deck_is_not_written_through_a_link(tmp_path: Path) -> None:
    root = stopped(tmp_path, StepState(state="waiting"))
    folder = next((root / "steps").iterdir())
    (folder / "job.py").unlink()
    (tmp_path / "mine").write_text("kept")
    (folder / "job.py").symlink_to(tmp_path / "mine")
    assert run([node("n")], root)["n"].state == "finished"
    assert (tmp_path / "mine").read_text() == "kept"


def test_a_folder_that_leads_out_of_the_run_is_refused(tmp_path: Path) -> None:
    root = stopped(tmp_path, StepState(state="waiting"))
    folder = next((root / "steps").iterdir())
    shutil.rmtree(folder)
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="leads out of the run"):
        run([node("n")], root)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_results_that_were_changed_after_the_end_are_refused(tmp_path: Path) -> None:
    first = run([node("n")], tmp_path)["n"]
    assert first.folder is not None
    (first.folder / "done").write_text("no!")
    end = run([node("n")], tmp_path)["n"]
    assert end.state == "refused" and "done is not as it was when the calculation had finished" in end.failure
    (first.folder / "done").write_text("yes")
    assert run([node("n")], tmp_path)["n"].reused


def test_results_that_were_damaged_beyond_use_are_calculated_again(tmp_path: Path) -> None:
    def read(folder: Path) -> Verdict:
        done = folder / "done"
        whole = done.exists() and done.read_text() == "yes"
        return Verdict(state="finished" if whole else "failed", failure="" if whole else "cannot be read")

    one = Node(name="n", title="", needs=(), prepare=lambda: job_of(SAYS_DONE), judge=read, doing=lambda folder: "")
    first = run([one], tmp_path)["n"]
    assert first.folder is not None
    (first.folder / "done").write_text("ye")
    again = run([one], tmp_path)["n"]
    assert again.state == "finished" and not again.reused and (first.folder / "done").read_text() == "yes"


def test_whole_results_count_although_the_engine_died_behind_them(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    script = f"open({str(starts)!r}, 'a').write('x'); {SAYS_DONE}.__class__\nimport os\nos.kill(os.getpid(), 11)"
    assert run([node("n", script)], tmp_path / "run")["n"].state == "finished"
    assert run([node("n", script)], tmp_path / "run")["n"].reused and starts.read_text() == "x"


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"state": "finished", "files": 3}', '{"state": "dancing"}'])
def test_a_state_that_is_lost_does_not_cost_whole_results(tmp_path: Path, text: str) -> None:
    starts = tmp_path / "starts"
    script = f"open({str(starts)!r}, 'a').write('x'); {SAYS_DONE}"
    folder = run([node("n", script)], tmp_path / "run")["n"].folder
    assert folder is not None
    (folder / "state.json").write_text(text)
    assert run([node("n", script)], tmp_path / "run")["n"].state == "finished"
    assert starts.read_text() == "x" and read_state(folder).files.keys() == {
        "done",
        "job.py",
        "stdout.log",
        "stderr.log",
    }


def test_an_engine_that_was_started_on_another_machine_is_uncertain(tmp_path: Path) -> None:
    root = stopped(tmp_path, StepState(state="running", host="far", boot="1", pid=7, birth=1.0))
    end = run([node("n"), node("child", needs=("n",))], root)
    assert end["n"].state == "uncertain" and "process 7 still runs on far" in end["n"].failure
    assert end["child"].state == "not_run"
    (state_file,) = (root / "steps").glob("*/state.json")
    assert f"remove {state_file} and run again" in end["n"].failure
    state_file.unlink()
    assert run([node("n")], root)["n"].state == "finished"


def test_its_whole_results_count_all_the_same(tmp_path: Path) -> None:
    state = StepState(state="running", host="far", boot="1", pid=7, birth=1.0)
    assert run([node("n")], stopped(tmp_path, state, files={"done": "yes"}))["n"].state == "finished"


def test_a_machine_that_was_started_again_runs_nothing_of_before(tmp_path: Path) -> None:
    state = StepState(state="running", host=host_name(), boot="another", pid=os.getpid(), birth=birth_of(os.getpid()))
    assert run([node("n")], stopped(tmp_path, state))["n"].state == "finished"


def test_without_locks_a_process_that_may_be_the_engine_is_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    root = stopped(tmp_path, StepState(state="running", host=host_name(), boot=boot_id()))
    folder = next((root / "steps").iterdir())
    other = subprocess.Popen((sys.executable, "-c", "import time; time.sleep(600)"), cwd=folder)
    try:
        end = run([node("n")], root)["n"]
        assert end.state == "uncertain" and f"process {other.pid} works here" in end.failure
    finally:
        other.kill()
        other.wait()
    assert run([node("n")], root)["n"].state == "finished"


def test_an_engine_whose_id_was_not_noted_yet_is_not_started_twice(tmp_path: Path) -> None:
    first = drive(tmp_path)
    wait_for(lambda: (tmp_path / "starts").exists() and engine_pid(tmp_path))
    first.send_signal(signal.SIGKILL)
    first.wait()
    (folder,) = (tmp_path / "run" / "steps").iterdir()
    write_state(folder, StepState(state="running", host=host_name(), boot=boot_id()))  # killed between fork and note
    second = drive(tmp_path)
    time.sleep(1.5)
    (tmp_path / "go").touch()
    assert second.communicate(timeout=20)[0].strip() == "finished"
    assert (tmp_path / "starts").read_text() == "start\n"


# --- the end ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_every_signal_that_asks_for_the_end_ends_the_engines(tmp_path: Path, number: signal.Signals) -> None:
    first = drive(tmp_path)
    wait_for(lambda: (tmp_path / "starts").exists() and engine_pid(tmp_path))
    pid = engine_pid(tmp_path)
    assert pid is not None
    first.send_signal(number)
    first.wait(timeout=20)
    assert birth_of(pid) is None
    (folder,) = (tmp_path / "run" / "steps").iterdir()
    assert read_state(folder).state == "waiting"


def test_a_second_interrupt_does_not_leave_an_engine_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 120.0)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('ready', 'w'); time.sleep(600)"
    began: list[float] = []

    def interrupt(folder: Path) -> str:
        if (folder / "ready").exists() and not began:
            began.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)
            Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        return ""

    one = Node(name="n", title="", needs=(), prepare=lambda: job_of(deaf), judge=judge, doing=interrupt)
    with pytest.raises(KeyboardInterrupt):
        run([one], tmp_path)
    assert time.monotonic() - began[0] < 60
    (folder,) = (tmp_path / "steps").iterdir()
    assert not engine_lock_is_held(folder) and read_state(folder).state == "waiting"


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("[/x]"), SystemExit(1), TypeError("null")])
def test_a_display_that_fails_ends_no_engine(
    tmp_path: Path, error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    def show(views: object) -> None:
        raise error

    ends = run_graph([node("n", "import time; time.sleep(0.6); " + SAYS_DONE)], Local(tmp_path), observer=show)
    assert ends["n"].state == "finished"
    assert capsys.readouterr().err.count("the display has failed") == 1


def test_processor_time_is_summed_over_attempts(tmp_path: Path) -> None:
    burns = "import os, sys, time\nwhile time.process_time() < 0.3: pass\n"
    script = f"{burns}os.path.exists('once') or (open('once', 'w').close(), sys.exit(1))\n{SAYS_DONE}"
    first, second = (run([node("n", script)], tmp_path)["n"] for _ in range(2))
    assert (first.state, second.state) == ("failed", "finished") and second.folder is not None
    assert first.cpu_time_s is not None and second.cpu_time_s is not None
    assert first.cpu_time_s > 0.29 and first.cpu_time_s + 0.29 < second.cpu_time_s < 5
    assert read_state(second.folder).cpu_time_s == second.cpu_time_s
    assert run([node("n", script)], tmp_path)["n"].cpu_time_s == second.cpu_time_s


def test_processor_time_of_attempts_that_nobody_recorded_is_not_known(tmp_path: Path) -> None:
    folder = run([node("n", "raise SystemExit(1)")], tmp_path)["n"].folder
    assert folder is not None
    state = json.loads((folder / "state.json").read_text())
    assert state.pop("cpu_time_s") > 0
    (folder / "state.json").write_text(json.dumps(state))
    again = run([node("n", "raise SystemExit(1)")], tmp_path)["n"]
    assert again.folder == folder and again.cpu_time_s is None and again.wall_time_s is not None
