"""Stored files are regular, of bounded size, and their JSON holds what any code can take."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from outcomes import CS_011, StoredRun
from pydantic import TypeAdapter

from dftflow.cli.main import main
from dftflow.jobs.step_state import STATE_FILE, StepState, read_state, write_state
from dftflow.stored_file import plain_json, read_stored, read_stored_as, read_stored_json


@pytest.fixture(autouse=True)
def _no_hanging() -> Iterator[None]:
    signal.alarm(20)
    yield
    signal.alarm(0)


def sparse(file: Path) -> None:
    file.touch()
    os.truncate(file, 30 << 30)


def own_socket(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(file))


def a_link(to: str) -> Callable[[Path], None]:
    return lambda file: file.symlink_to(to)


SPECIAL: dict[str, Callable[[Path], None]] = {
    "a named pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": own_socket,
    "sparse": sparse,
    "a link": a_link("/etc/hostname"),
    "link": a_link("file"),
}


@pytest.mark.parametrize("said", SPECIAL)
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, said: str) -> None:
    SPECIAL[said](tmp_path / "file")
    with pytest.raises(OSError, match=f"{said}.*{tmp_path}"):
        read_stored(tmp_path / "file")


@pytest.mark.parametrize("to", ["/dev/zero", "/dev/full"])
def test_a_device_is_refused_where_links_are_followed(tmp_path: Path, to: str) -> None:
    (tmp_path / "file").symlink_to(to)
    with pytest.raises(OSError, match="a device"):
        read_stored(tmp_path / "file", links=True)


@pytest.mark.parametrize("name", ["none", "none/at/all"])
def test_what_is_not_there_is_said_as_that(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        read_stored(tmp_path / name)


def test_a_plain_file_is_read_and_a_link_where_it_may_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text('{"a": [1, 2.5, "µ", null, true]}', "utf-8")
    (tmp_path / "link").symlink_to("file")
    assert read_stored_json(tmp_path / "file") == {"a": [1, 2.5, "µ", None, True]}
    assert read_stored(tmp_path / "link", links=True) == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "NaN",
            "[Infinity]",
            "1e999",
            "-1e999",
            "9" * 5000,
            str(2**53 + 1),
            '"\\ud800"',
            '{"\\udc00": 1}',
            "",
            "{",
            "[1]x",
        ),
        *("[" * 3000 + "]" * 3000, '{"a":' * 101 + "1" + "}" * 101, "[" * 100_000),
    ],
    ids=lambda text: text[:12],
)
def test_json_that_later_code_does_not_expect_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^.{5,200}$"):
        plain_json(text)


def test_nesting_of_any_use_is_read() -> None:
    text = "[" * 90 + "]" * 90
    assert json.dumps(plain_json(text)) == text


NO_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999"]


@pytest.mark.parametrize("word", NO_NUMBERS)
def test_what_is_no_number_is_none_of_a_type_either(tmp_path: Path, word: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(f'{{"a": {word}}}')
    with pytest.raises(ValueError, match="is no number"):
        read_stored_as(TypeAdapter(dict[str, float]), file)
    file.write_text('{"a": 1700000000123456789}')
    assert read_stored_as(TypeAdapter(dict[str, int]), file) == {"a": 1700000000123456789}
    file.write_text("[" * 200_000)
    with pytest.raises(ValueError, match=r"nested|Expecting"):
        read_stored_as(TypeAdapter(dict[str, float]), file)
    file.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ValueError, match="utf-8"):
        read_stored_as(TypeAdapter(dict[str, str]), file)


@pytest.mark.parametrize("word", NO_NUMBERS)
def test_a_state_with_what_is_no_number_is_a_damaged_one(tmp_path: Path, word: str) -> None:
    write_state(tmp_path, StepState(state="failed", wall_time_s=17.25, failure="half \ud83d\ude00"))
    file = tmp_path / STATE_FILE
    assert read_state(tmp_path).wall_time_s == 17.25
    file.write_text(file.read_text().replace("17.25", word))
    assert read_state(tmp_path) == StepState(state="waiting")


def test_status_prints_json_whatever_a_state_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = StoredRun.of(tmp_path / "run")
    write_state(run.folder(CS_011), StepState(state="failed", wall_time_s=17.25))
    file = run.folder(CS_011) / STATE_FILE
    file.write_text(file.read_text().replace("17.25", "NaN"))
    main(["status", str(run.root), "--json"])
    plain_json(capsys.readouterr().out)
