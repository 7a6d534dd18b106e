"""The stages of a submission: what moves it, what does not, and that each is one file that is whole."""

from __future__ import annotations

import json
import re
import shlex
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from dftflow.errors import InputError, StoreError
from dftflow.jobs.cancelled import why_cancelled
from dftflow.jobs.cluster.decisions import let_another
from dftflow.jobs.cluster.listing import ListedJob, Listing
from dftflow.jobs.cluster.submission import (
    EndedJobs,
    Stage,
    Submission,
    attempts,
    intend,
    last_attempt,
    moved,
    settled,
    write,
)

STEP = "CsBr/bulk-relax"
LOST_AFTER_S = 600.0


def intended(root: Path, before: Submission | None = None) -> Submission:
    return intend(root, STEP, before=before, plan="p", name="n", script=lambda folder: f"#!/bin/sh\ncd {folder}\n")


def by_the_queue(record: Submission, found: Listing) -> Submission:
    return settled(record, found, lost_after_s=LOST_AFTER_S)


def submitted(root: Path, job: str = "7") -> Submission:
    return moved(intended(root), "submitted", job=job)


def listing(*jobs: tuple[str, str, str], after_s: float = 1.0, silence: str = "") -> Listing:
    found = tuple(ListedJob.read(*job) for job in jobs)
    return Listing(at_s=time.time() + after_s, jobs=found, silence=silence)


def test_the_intent_is_on_the_disk_with_its_script_before_anything_is_submitted(tmp_path: Path) -> None:
    record = intended(tmp_path)
    assert last_attempt(tmp_path, STEP) == record and record.is_open and not record.lets_another
    assert record.script.read_text().endswith(f"cd {record.folder}\n")
    assert {file.name for file in Path(record.folder).iterdir()} == {"job.sh", "submission.json"}


def test_each_attempt_has_a_folder_that_was_never_anothers(tmp_path: Path) -> None:
    first = intended(tmp_path)
    others = [intended(tmp_path, before) for before in (first, first, replace(first, attempt=9))]
    assert len({record.folder for record in (first, *others)}) == 4
    found = attempts(tmp_path, STEP)
    assert [record.attempt for record in found] == [1, 2, 2, 10]


def test_only_these_moves_are_possible(tmp_path: Path) -> None:
    """Written out once more, from what may happen to a job: whoever adds one has to say so here too."""
    possible = {
        ("intended", "submitted"), ("intended", "ended"), ("intended", "refused"),
        ("submitted", "submitted"), ("submitted", "lost"), ("submitted", "ended"),
        ("lost", "submitted"), ("lost", "ended"), ("lost", "released"),
        ("ended", "released"),
    }  # fmt: skip
    record = intended(tmp_path)
    for before, after in product(get_args(Stage), repeat=2):
        if (before, after) in possible:
            assert moved(replace(record, stage=before), after).stage == after
        else:
            with pytest.raises(ValueError, match="cannot become"):
                moved(replace(record, stage=before), after)


# --- what the queue says ----------------------------------------------------------------------------------------


def test_an_intent_is_found_by_the_folder_and_by_nothing_else(tmp_path: Path) -> None:
    record = intended(tmp_path)
    assert by_the_queue(record, listing(("7", "/elsewhere", "RUNNING"))) is record
    assert by_the_queue(record, listing()) is record, "never refused because it is not listed"
    assert by_the_queue(record, listing(after_s=10 * LOST_AFTER_S)).stage == "intended", "nor later"
    found = by_the_queue(record, listing(("7", record.folder, "PD")))
    assert (found.stage, found.job, found.word, found.began) == ("submitted", "7", "pending", False)
    ended = by_the_queue(record, listing(("7", record.folder, "CD")))
    assert (ended.stage, ended.job, ended.word) == ("ended", "7", "completed")


def test_a_job_of_the_same_id_in_another_folder_is_another_one(tmp_path: Path) -> None:
    record = submitted(tmp_path)
    now = by_the_queue(record, listing(("7", "/elsewhere", "FAILED")))
    assert now.stage == "submitted" and now.unlisted_since_s is not None


def test_where_the_queue_tells_no_folders_the_id_counts(tmp_path: Path) -> None:
    assert by_the_queue(submitted(tmp_path), listing(("7", "", "RUNNING"))).began
    assert by_the_queue(intended(tmp_path), listing(("7", "", "RUNNING"))).stage == "intended"


@pytest.mark.parametrize(
    ("word", "stage"),
    [("PENDING", "submitted"), ("RUNNING", "submitted"), ("CG", "submitted"), ("SOMETHING_NEW", "submitted"),
     ("OUT_OF_ME+", "ended"), ("CANCELLED by 1000", "ended"), ("TO", "ended"), ("NODE_FAIL", "ended")],
)  # fmt: skip
def test_a_state_that_is_not_known_is_no_end(tmp_path: Path, word: str, stage: str) -> None:
    record = submitted(tmp_path)
    assert by_the_queue(record, listing(("7", record.folder, word))).stage == stage


def test_of_a_line_that_comes_twice_the_livelier_counts(tmp_path: Path) -> None:
    record = submitted(tmp_path)
    for order in (("FAILED", "RUNNING"), ("RUNNING", "FAILED")):
        now = by_the_queue(record, listing(*(("7", record.folder, word) for word in order)))
        assert now.stage == "submitted" and now.word == "running"


def test_a_job_that_is_not_listed_has_a_time_of_grace(tmp_path: Path) -> None:
    record = submitted(tmp_path)
    assert by_the_queue(record, listing(after_s=-5)) is record, "asked for before it was submitted"
    assert by_the_queue(record, listing(silence="slurm_load_jobs error")) is record
    missed = by_the_queue(record, listing(after_s=10))
    assert missed.stage == "submitted" and missed.unlisted_since_s is not None
    assert by_the_queue(missed, listing(after_s=LOST_AFTER_S)).stage == "submitted"
    lost = by_the_queue(missed, listing(after_s=LOST_AFTER_S + 20))
    assert lost.stage == "lost" and not lost.lets_another
    back = by_the_queue(lost, listing(("7", record.folder, "RUNNING"), after_s=LOST_AFTER_S + 30))
    assert back.stage == "submitted" and back.unlisted_since_s is None
    assert by_the_queue(missed, listing(("7", record.folder, "RUNNING"))).unlisted_since_s is None


def test_what_has_ended_says_nothing_more(tmp_path: Path) -> None:
    ended = moved(submitted(tmp_path), "ended", word="failed")
    assert by_the_queue(ended, listing(("7", ended.folder, "RUNNING"))) is ended


# --- what a person says -----------------------------------------------------------------------------------------


def test_a_person_says_that_there_is_no_such_job(tmp_path: Path) -> None:
    let_another(tmp_path, STEP)
    intended(tmp_path)
    let_another(tmp_path, STEP)
    refused = last_attempt(tmp_path, STEP)
    assert refused is not None and refused.stage == "refused" and refused.lets_another
    let_another(tmp_path, STEP)
    assert last_attempt(tmp_path, STEP) == refused
    write(
        tmp_path, moved(replace(intended(tmp_path, last_attempt(tmp_path, STEP)), stage="submitted", job="8"), "lost")
    )
    let_another(tmp_path, STEP)
    now = last_attempt(tmp_path, STEP)
    assert now is not None and now.stage == "released" and now.attempt == 2 and "8" in EndedJobs(tmp_path)


def test_another_attempt_never_follows_on_a_job_that_may_run(tmp_path: Path) -> None:
    record = submitted(tmp_path)
    write(tmp_path, record)
    with pytest.raises(InputError, match="job 7 of CsBr/bulk-relax has not ended"):
        let_another(tmp_path, STEP)
    assert "7" not in EndedJobs(tmp_path)
    write(tmp_path, moved(record, "ended", word="timeout"))
    assert "7" in EndedJobs(tmp_path) and "" not in EndedJobs(tmp_path)
    let_another(tmp_path, STEP)
    now = last_attempt(tmp_path, STEP)
    assert now is not None and now.lets_another and "7" in EndedJobs(tmp_path)


# --- on disk ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "{", "[]", '{"step": 1}'])
def test_a_damaged_record_is_named_and_never_taken_for_none(tmp_path: Path, content: str) -> None:
    record = intended(tmp_path)
    (Path(record.folder) / "submission.json").write_text(content)
    with pytest.raises(StoreError, match="record of a submission cannot be read"):
        last_attempt(tmp_path, STEP)


def test_a_folder_that_was_cut_off_before_its_record_was_never_submitted(tmp_path: Path) -> None:
    record = intended(tmp_path)
    (Path(record.folder) / "submission.json").unlink()
    assert last_attempt(tmp_path, STEP) is None


def test_a_run_that_was_moved_still_writes_into_itself(tmp_path: Path) -> None:
    record = moved(intended(tmp_path / "a"), "submitted", job="7")
    (tmp_path / "a").rename(tmp_path / "b")
    write(tmp_path / "b", record)
    assert last_attempt(tmp_path / "b", STEP) == record and not (tmp_path / "a").exists()
    kept = json.loads((tmp_path / "b" / "jobs" / STEP / Path(record.folder).name / "submission.json").read_text())
    assert kept["folder"] == record.folder, "as the scheduler knows it"


def test_commands_that_are_named_work_when_they_are_pasted(tmp_path: Path) -> None:
    root = tmp_path / "my run's $(x)"
    write(root, submitted(root))
    with pytest.raises(InputError) as caught:
        let_another(root, STEP)
    named = re.findall(r"`(dftflow .*?)`", f"{caught.value.fix} {why_cancelled(root, STEP)}")
    words = [["cancel", str(root), STEP], ["advance", str(root)], ["retry", str(root), STEP]]
    assert [shlex.split(line) for line in named] == [["dftflow", *line] for line in words]
    assert "'" in named[0].split()[2], "a shell does not carry out what stands in the name"
