"""Locks: who is refused, and what is touched then."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from dftflow.errors import StoreError
from dftflow.jobs.lock import ENGINE_LOCK, STUDY_LOCK, EngineLock, engine_lock_is_held, locked


def content(root: Path) -> dict[str, tuple[int, bytes]]:
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(root.rglob("*")) if p.is_file()}


def test_who_is_refused_has_changed_nothing(tmp_path: Path) -> None:
    root = tmp_path / "run"
    with locked(root):
        (root / STUDY_LOCK).write_text("a person's note")
        (root / "plan.json").write_text("{}")
        before = content(root)
        with pytest.raises(StoreError, match="another dftflow works in this folder"), locked(root):
            raise AssertionError("the lock was given twice")
        assert content(root) == before
    with locked(root):
        assert (root / STUDY_LOCK).read_text() == "a person's note"


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "fifo"])
def test_a_lock_is_a_plain_file(tmp_path: Path, kind: str) -> None:
    (tmp_path / "mine").write_text("kept")
    for name in (STUDY_LOCK, ENGINE_LOCK):
        place = tmp_path / name
        if kind == "folder":
            place.mkdir()
        elif kind == "fifo":
            os.mkfifo(place)
        else:
            place.symlink_to(tmp_path / ("mine" if kind == "link" else "nothing"))
    with pytest.raises(StoreError, match="no lock of dftflow's"), locked(tmp_path):
        pass
    with pytest.raises(StoreError, match="no lock of dftflow's"):
        EngineLock.take(tmp_path)
    assert not engine_lock_is_held(tmp_path)
    assert (tmp_path / "mine").read_text() == "kept" and not (tmp_path / "nothing").exists()


def test_looking_whether_a_lock_is_held_does_not_keep_it_from_whoever_takes_it(tmp_path: Path) -> None:
    lock = EngineLock.take(tmp_path)
    assert lock is not None
    assert engine_lock_is_held(tmp_path)
    lock.let_go()
    for _ in range(100):
        assert not engine_lock_is_held(tmp_path)
        lock = EngineLock.take(tmp_path)
        assert lock is not None
        lock.let_go()


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    lock = EngineLock.take(tmp_path)
    assert lock is not None and not lock.works
    lock.let_go()
    assert not engine_lock_is_held(tmp_path)
    with locked(tmp_path):
        pass
