"""Signals that ask for the end: noted while work goes on, raised elsewhere."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from dftflow.jobs.interruption import ENDING, Interruption, interruptible


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_is_noted_and_raised_when_it_is_asked_for(number: signal.Signals) -> None:
    with Interruption() as interruption:
        interruption.check()
        os.kill(os.getpid(), number)
        assert not interruption.again()
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
        os.kill(os.getpid(), number)
        assert interruption.again()


def test_whoever_waits_is_woken_by_a_signal() -> None:
    begun = time.monotonic()
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        interruption.wait(60.0)
    assert time.monotonic() - begun < 30.0


def test_whoever_waits_waits() -> None:
    begun = time.monotonic()
    with Interruption() as interruption:
        interruption.wait(0.1)
    assert time.monotonic() - begun >= 0.1


def test_the_handlers_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: signal.getsignal(number) for number in ENDING}
    with interruptible(), Interruption():
        pass
    assert {number: signal.getsignal(number) for number in ENDING} == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_outside_of_a_run_they_end_as_ctrl_c_does(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), number)


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible(), Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            interruption.check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_leaves_the_handlers_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def enter() -> None:
        with Interruption(), interruptible():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]
