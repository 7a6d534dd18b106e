"""Whatever is wrong with an entry, a person reads dftflow's words, the entry, the line, and a value that works."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from dftflow.cli.main import main
from dftflow.codes.registry import code_names, load_code
from dftflow.errors import InputError, OptionError, StudyError
from dftflow.jobs.resource_table import TASKS
from dftflow.model import entry_reason
from dftflow.model.entry_reason import OWN_KINDS, reason_of
from dftflow.resources import workflows_dir
from dftflow.studies import reader
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.schema import StudyFile, SweepEntry
from dftflow.studies.work import Work
from dftflow.toml_file.entries import EntryError
from dftflow.toml_file.mistakes import explained
from dftflow.toml_file.reading import in_tuples

FOREIGN = (
    "input should be", "validation error", "field required", "extra inputs", "not permitted", "after validation",
    "value error", "pydantic", "tuple", "dictionary", "model_type", "instance of", "valid string", "valid integer",
)  # fmt: skip

WHOLE = (workflows_dir() / "fapbbr3-cspbbr3.toml").read_text()

WRONG: tuple[Any, ...] = (
    "", "x", "x" * 3000, "two\nlines", 0, -1, 3, 10**30, 1.5, float("inf"), float("nan"), True, False, [], [1],
    [1, 2, 3], [1, 2, 3, 4], ["a", "b", "c"], [[1], [2], [3]], {}, {"a": 1}, [{}], [{"a": 1}], {"size": [1, 2]},
    [0, 0, 0],
)  # fmt: skip


def mutants(table: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every entry of a table replaced by everything that it cannot be; and taken out, and joined by another."""
    if isinstance(table, dict):
        for key, value in table.items():
            yield from ((((*place, key)), wrong) for wrong in WRONG)
            yield (*place, key), KeyError
            yield from mutants(value, (*place, key))
        yield (*place, "no_such_key"), 1
    elif isinstance(table, list):
        for index, value in enumerate(table):
            yield from ((((*place, index)), wrong) for wrong in WRONG)
            yield from mutants(value, (*place, index))


def changed(table: Any, place: tuple[Any, ...], wrong: Any) -> Any:
    head, *rest = place
    copy = dict(table) if isinstance(table, dict) else list(table)
    if rest:
        copy[head] = changed(copy[head], tuple(rest), wrong)
    elif wrong is KeyError:
        del copy[head]
    else:
        copy[head] = wrong
    return copy


def every_error() -> dict[str, list[tuple[tuple[Any, ...], InputError]]]:
    """Kind of error -> what the reader says of each mutant of the shipped study that has it first."""
    content = tomllib.loads(WHOLE)
    content["settings"]["max_scf_cycles"] = 100
    content["materials"]["CsPbBr3"]["relax_kpoints"] = {"size": [2, 2, 2], "gamma": True}
    content["materials"]["CsPbBr3"]["slabs"][0] |= {"allow_refused": True, "hold_middle_ang": 3.0, "vacuum_ang": 15.0}
    file = Path("study.toml")
    found = defaultdict(list)
    for place, wrong in mutants(content):
        data = in_tuples(changed(content, place, wrong))
        try:
            StudyFile.model_validate(data)
        except ValidationError as error:
            for one in error.errors():
                found[one["type"]].append((place, explained(error, WHOLE, file, reader._WORDS)))
        except EntryError:
            continue
    return dict(found)


@pytest.fixture(scope="module")
def errors() -> dict[str, list[tuple[tuple[Any, ...], InputError]]]:
    return every_error()


def test_no_word_of_the_library_reaches_a_person(errors: dict[str, list[tuple[tuple[Any, ...], InputError]]]) -> None:
    for found in errors.values():
        for place, error in found:
            told = f"{error.summary} {error.reason} {error.fix}".lower().replace("'tuple'", "")
            assert not [word for word in FOREIGN if word in told], (place, told)
            assert error.where.startswith("study.toml")


def test_every_kind_that_the_schema_can_raise_has_words(
    errors: dict[str, list[tuple[tuple[Any, ...], InputError]]],
) -> None:
    assert len(errors) > 10
    assert set(errors) - OWN_KINDS - {"value_error"} <= set(entry_reason._KINDS)


def test_a_kind_without_words_has_general_ones() -> None:
    """Every kind that the library knows."""
    for kind in get_args(ErrorType):
        context = defaultdict(int, error=ValueError("why"))
        told = reason_of({"type": kind, "msg": "Input should be a valid tuple", "ctx": context})
        assert told and not [word for word in FOREIGN if word in told.lower()], (kind, told)


def tables(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def test_every_key_has_a_value_that_works() -> None:
    """Each example is taken by the key that it is of, in every table that has it."""
    for model in dict.fromkeys(reader._TABLES.values()):
        for key, field in tables(model):
            if key in ("slabs", "published", "alignment", "kinds", "presets", "codes", "size", "resources", "sweep"):
                continue
            if key == "measured" or (model is StudyFile and (key,) in {*reader._TABLES, ("photons",)}):  # tables
                continue
            if key in TASKS:  # of what steps may use: tables
                continue
            if model is StudyFile and key in ("materials", "settings"):
                continue
            own = reader._WORDS.own_example(("sweep", "0", key)) if model is SweepEntry else ""
            example = tomllib.loads(f"{key} = {own}" if own else reader._WORDS.written(key, WHOLE))
            name = next(name for name, one in model.model_fields.items() if one is field)
            try:
                model.model_validate(in_tuples(example))
            except ValidationError as error:
                wrong = [one for one in error.errors() if one["loc"] and one["loc"][0] in (key, name)]
                assert not wrong, (model.__name__, wrong)


def test_options_of_codes_speak_the_same() -> None:
    for code in code_names():
        options = type(load_code(code).options)
        for key in options.model_fields:
            for wrong in WRONG:
                try:
                    load_code(code, {key: wrong})
                except OptionError as error:
                    told = error.sentence.lower()
                    assert not [word for word in FOREIGN if word in told], told
                except InputError:
                    continue


# --- an error of a crystal or a slab ----------------------------------------------------------------------------------

STUDY = """\
schema = 1
title = "two slabs"

[materials.A]
structure = "CsPbBr3_Pm-3m"
cutoff_ev = 300
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]

[[materials.A.slabs]]
miller = [1, 0, 0]
setting = "cubic"

[[materials.A.slabs]]
miller = [1, 0, 0]
setting = "Pnma"
"""


def test_a_slab_that_cannot_be_cut_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(STUDY)
    with pytest.raises(InputError) as caught:
        Work(plan_study(load_study(str(file)))).check(decks=False)
    assert caught.value.summary.startswith("material A, slab 2: ")
    assert caught.value.where == f"{file}:14"
    assert "cubic" in caught.value.fix, "a setting that works"


def test_a_crystal_that_is_not_there_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "s.toml"
    file.write_text(STUDY.replace("CsPbBr3_Pm-3m", "CsPbBr3_Pm-3n"))
    assert main(["plan", str(file)]) == 2
    said = capsys.readouterr().err
    assert f"{file}:5: material A: no crystal 'CsPbBr3_Pm-3n'" in said
    assert "CsPbBr3_Pm-3m" in said


def test_a_band_edge_that_is_no_point_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(STUDY.replace("cutoff_ev = 300", 'cutoff_ev = 300\nband_edge = "Q"'))
    with pytest.raises(StudyError) as caught:
        Work(plan_study(load_study(str(file)))).check(decks=False)
    assert caught.value.where == f"{file}:7"


def test_three_materials_are_aligned(tmp_path: Path) -> None:
    """Each two of them, in a single table as well as in a list of tables."""
    materials = "".join(
        f'[materials.{name}]\nstructure = "CsPbBr3_Pm-3m"\ncutoff_ev = 300\nrelax_kpoints = [2, 2, 2]\n'
        "bands_kpoints = [4, 4, 4]\n"
        for name in "ABC"
    )
    head = 'schema = 1\ntitle = "three"\n'
    for header in ("[alignment]", "[[alignment]]"):
        (tmp_path / "s.toml").write_text(f'{head}{materials}{header}\nmaterials = ["A", "B", "C"]\n')
        content = load_study(str(tmp_path / "s.toml")).content
        assert content.aligned(content.alignment[0]) == ("A", "B", "C")
