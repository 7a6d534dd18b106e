"""Where a result cannot be written: the same refusal, exit code 8, by every command that has --out."""

from __future__ import annotations

import errno
import os
from importlib import import_module
from pathlib import Path

import click
import pytest

from dftflow.cli.main import COMMANDS, main
from dftflow.cli.output import as_dftflow_error
from dftflow.cli.place import OutFile, OutFolder
from dftflow.errors import StoreError
from dftflow.jobs import output_place
from dftflow.jobs.output_place import output_file, output_folder, write_output


def command_of(name: str) -> click.Command:
    command: click.Command = import_module(COMMANDS[name][0]).command
    return command


def out_options() -> list[tuple[str, click.Parameter]]:
    return [
        (name, parameter)
        for name in COMMANDS
        for parameter in command_of(name).params
        if isinstance(parameter, click.Option) and "--out" in parameter.opts
    ]


@pytest.mark.parametrize(("name", "option"), out_options(), ids=[name for name, _ in out_options()])
def test_every_out_passes_the_gate(name: str, option: click.Parameter) -> None:
    assert isinstance(option.type, OutFile | OutFolder)


ARGUMENTS = {
    "plan": ["fapbbr3-cspbbr3"],
    "run": ["fapbbr3-cspbbr3"],
    "decks": ["fapbbr3-cspbbr3"],
    "deck": ["CsBr_Pm-3m", "--code", "vasp", "--task", "relax"],
    "structure": ["CsBr_Pm-3m"],
    "slab": ["CsBr_Pm-3m", "--miller", "1", "1", "0", "--setting", "cubic"],
}
IMPOSSIBLE = ["/dev/null/x", "/dev/null", "/proc/dftflow-x", "file/x", "x" * 300, "a\0b"]


@pytest.mark.parametrize("place", IMPOSSIBLE, ids=lambda place: repr(place)[:20])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_cannot_be_written_is_refused_before_anything_begins(
    name: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    suffix = ".cif" if name in ("structure", "slab") and not place.startswith("/dev/null") else ""
    if place == "/proc/dftflow-x" and name == "plan":
        pytest.skip("plan writes nothing")
    assert main([name, *ARGUMENTS[name], "--out", place + suffix]) == 8
    said = capsys.readouterr().err
    assert "fix:" in said and "Traceback" not in said and "bug" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["structure", "slab"])
def test_a_folder_is_no_file_and_is_not_made_up(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.cif").mkdir()
    for place in ("folder.cif", "nowhere/a.cif"):
        assert main([name, *ARGUMENTS[name], "--out", place]) == 8
    assert "fix:" in capsys.readouterr().err


def test_a_folder_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_place.os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(StoreError, match="nothing can be written"):
        output_file(tmp_path / "a.cif")
    with pytest.raises(StoreError, match="nothing can be written"):
        output_folder(tmp_path / "a" / "b")


def test_what_can_be_written_is(tmp_path: Path) -> None:
    write_output(output_file(tmp_path / "a"), "text")
    write_output(output_file(tmp_path / "a"), "other")
    assert (tmp_path / "a").read_text() == "other"
    assert output_folder(tmp_path / "new" / "deep") == tmp_path / "new" / "deep"
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError):
        output_folder(tmp_path / "broken" / "x")


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_what_the_system_says_is_no_bug(number: int) -> None:
    """Every kind of error that a file system has ends with 8."""
    error = OSError(number, os.strerror(number), "a/file")
    known = as_dftflow_error(error)
    if isinstance(error, BrokenPipeError):
        assert known is None
        return
    assert isinstance(known, StoreError)
    assert known.where == "a/file" and known.fix and known.reason
