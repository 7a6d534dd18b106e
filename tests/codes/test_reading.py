"""File by file for a person, all or nothing for a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from strict_reading import read_results

from dftflow.codes.base import Calculation, FileReading, Reading
from dftflow.codes.reading import FileLog
from dftflow.errors import ParseError, StructureError
from dftflow.model.results import Results

RESULTS = Results(code="double", code_version="1", status="finished", energy_ev=-1.0)


def text_of(file: Path) -> str:
    text = file.read_text()
    if "damaged" in text:
        raise ParseError("the file is damaged", where=f"{file}:1")
    return text


def length(text: str) -> str:
    return f"{len(text)} characters"


# --- one file ---------------------------------------------------------------------------------------------------


def test_a_whole_file_is_noted_with_what_it_holds(tmp_path: Path) -> None:
    log, file = FileLog(), tmp_path / "whole"
    file.write_text("12345")
    assert log.take(file, "text", text_of, length) == "12345"
    assert log.files == (FileReading(file=file, kind="text", summary="5 characters"),)


def test_a_refused_file_is_noted_with_its_error_and_costs_no_other(tmp_path: Path) -> None:
    log = FileLog()
    for name, text in (("first", "damaged"), ("second", "whole")):
        (tmp_path / name).write_text(text)
    assert log.take(tmp_path / "first", "text", text_of, length) is None
    assert log.take(tmp_path / "second", "text", text_of, length) == "whole"
    first, second = log.files
    assert first.summary == "" and isinstance(first.error, ParseError) and first.error.where.endswith("first:1")
    assert second.error is None


def test_a_file_that_is_not_there_is_not_noted(tmp_path: Path) -> None:
    log = FileLog()
    assert log.take(tmp_path / "nothing", "text", text_of, length) is None
    assert log.files == ()


def test_an_error_of_any_class_of_dftflow_is_noted(tmp_path: Path) -> None:
    def refuse(file: Path) -> str:
        raise StructureError("two atoms in one place", where=str(file))

    log = FileLog()
    (tmp_path / "x").touch()
    assert log.take(tmp_path / "x", "structure", refuse, length) is None
    assert isinstance(log.files[0].error, StructureError)


def test_what_the_summary_refuses_is_not_handed_out(tmp_path: Path) -> None:
    def refuse(text: str) -> str:
        raise ParseError("it contradicts itself")

    log = FileLog()
    (tmp_path / "x").write_text("y")
    assert log.take(tmp_path / "x", "text", text_of, refuse) is None
    assert log.files[0].error is not None and len(log.files) == 1


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    log = FileLog()
    (tmp_path / "x.bands").mkdir()
    assert log.take(tmp_path / "x.bands", "eigenvalues", text_of, length) is None
    error = log.files[0].error
    assert isinstance(error, ParseError) and "a folder" in error.reason and error.where.endswith("x.bands")


def test_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    log = FileLog()
    (tmp_path / "x").symlink_to(tmp_path / "gone")
    assert log.take(tmp_path / "x", "text", text_of, length) is None
    assert isinstance(log.files[0].error, ParseError)


def test_a_bug_of_a_reader_is_not_taken_for_a_bad_file(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(ZeroDivisionError):
        FileLog().take(tmp_path / "x", "text", lambda _: str(1 // 0), length)


# --- a whole folder ---------------------------------------------------------------------------------------------


class Double:
    """A code with given calculations in a folder, and one reading of them."""

    name = "double"

    def __init__(self, *, seeds: tuple[str, ...] = ("seed",), files: tuple[Any, ...] = (), results: Any = RESULTS):
        self.seeds, self.files, self.results = seeds, files, results

    def find(self, folder: Path) -> tuple[Calculation, ...]:
        return tuple(Calculation(code=self.name, folder=folder, seed=seed, files=()) for seed in self.seeds)

    def read(self, calculation: Calculation) -> Reading:
        return Reading(calculation=calculation, files=self.files, results=self.results)


def read(tmp_path: Path, **content: Any) -> Results:
    return read_results(Double(**content), tmp_path)  # type: ignore[arg-type]


def test_a_whole_calculation(tmp_path: Path) -> None:
    assert read(tmp_path, files=(FileReading(file=tmp_path / "a", kind="text", summary="x"),)) is RESULTS


def test_one_refused_file_refuses_all(tmp_path: Path) -> None:
    error = ParseError("cut short", where="b:7")
    files = (
        FileReading(file=tmp_path / "a", kind="text", summary="x"),
        FileReading(file=tmp_path / "b", kind="text", error=error),
    )
    with pytest.raises(ParseError, match="cut short") as caught:
        read(tmp_path, files=files)
    assert caught.value is error


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"seeds": ()}, "no double calculation"),
        ({"seeds": ("a", "b")}, "several calculations share a folder: a, b"),
        ({"results": None}, "left no output"),
    ],
)
def test_what_is_no_result(tmp_path: Path, content: dict[str, Any], said: str) -> None:
    with pytest.raises(ParseError, match=said) as caught:
        read(tmp_path, **content)
    assert caught.value.where == str(tmp_path)
