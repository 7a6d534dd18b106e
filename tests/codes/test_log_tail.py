"""The end of a log, whatever its size and kind."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

from dftflow.codes.log_tail import LOG_LINES, TAIL_BYTES, last_lines, tail_of


def test_the_last_lines_of_a_log_of_any_size_cost_its_end_alone(tmp_path: Path) -> None:
    log = tmp_path / "stdout.log"
    with log.open("wb") as stream:
        stream.truncate(3 * 2**30)  # three GiB of nothing, on a file system that keeps holes
        stream.seek(0, os.SEEK_END)
        stream.write(b"\n" + b"\n".join(b"line %d" % number for number in range(100)))
    tracemalloc.start()
    assert last_lines(log) == [f"line {number}" for number in range(100 - LOG_LINES, 100)]
    assert tracemalloc.get_traced_memory()[1] < 10 * TAIL_BYTES
    tracemalloc.stop()


def test_what_is_no_plain_file_has_no_lines(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    assert tail_of(tmp_path, ["fifo", "folder", "nothing"]) == "" and last_lines(Path("/dev/zero")) == []


def test_one_line_without_end_is_cut(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 10**6)
    assert [len(line) for line in last_lines(tmp_path / "log")] == [500]
