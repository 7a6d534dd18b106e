"""Work in several processes: the results, the errors, and what happens when a process ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

import pytest

from dftflow.errors import StructureError
from dftflow.studies.side_by_side import side_by_side

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})


def test_results_come_in_the_order_of_the_items_from_several_processes() -> None:
    found = list(side_by_side(lambda item: (item**2, os.getpid()), range(100)))
    assert [square for square, _ in found] == [item**2 for item in range(100)]
    assert {process for _, process in found[:5]} == {os.getpid()}
    assert len({process for _, process in found[5:]} - {os.getpid()}) == 3


def test_few_items_are_worked_on_here() -> None:
    assert set(side_by_side(lambda item: os.getpid(), range(19))) == {os.getpid()}


def test_an_error_is_raised_as_it_is_after_what_comes_before() -> None:
    def work(item: int) -> int:
        if item == 40:
            raise StructureError("no crystal", reason="why", fix="how", where="file:3")
        return item

    seen: list[int] = []
    with pytest.raises(StructureError) as raised:
        seen.extend(side_by_side(work, range(100)))
    assert seen == list(range(40))
    assert (raised.value.reason, raised.value.fix, raised.value.where) == ("why", "how", "file:3")


def test_what_cannot_be_sent_or_whose_process_was_killed_is_made_here() -> None:
    here = os.getpid()

    def killed(item: int) -> int:
        if item == 7 and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    def unsendable(item: int) -> Callable[[], int]:
        return lambda: item

    assert list(side_by_side(killed, range(60))) == list(range(60))
    assert [made() for made in side_by_side(unsendable, range(60))] == list(range(60))


def test_no_process_is_left_when_nobody_wants_the_rest() -> None:
    def slow(item: int) -> int:
        time.sleep(0.0 if item < 8 else 60.0)
        return os.getpid()

    results = side_by_side(slow, range(60))
    processes = {next(results) for _ in range(8)} - {os.getpid()}
    assert len(processes) == 3
    results.close()  # type: ignore[attr-defined]
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_ctrl_c_is_for_who_started_them() -> None:
    here = os.getpid()

    def asked_to_end(item: int) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT) if os.getpid() != here else ():
            os.kill(os.getpid(), number)
        return os.getpid()

    assert len(set(side_by_side(asked_to_end, range(30))) - {here}) == 3
