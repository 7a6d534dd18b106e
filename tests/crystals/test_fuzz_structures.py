"""A few hundred mutants of structure and molecule files: none hangs, crashes, escapes, or takes 2 s or 500 MB."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from programs import load_program

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz_structures.py"


fuzz = load_program(PROGRAM)


def test_the_corpus_holds_every_format() -> None:
    endings = {(Path(each.name).suffix, each.is_molecule) for each in fuzz.corpus()}
    crystals, molecules = (".cif", ".vasp", ".cell", ".xyz"), (".xyz", ".sdf", ".mol", ".pdb")
    assert endings == {*((suffix, False) for suffix in crystals), *((suffix, True) for suffix in molecules)}


def test_every_whole_file_is_read(tmp_path: Path) -> None:
    for each in fuzz.corpus():
        file = tmp_path / each.name
        file.write_bytes(each.content)
        assert fuzz._reading(file, is_molecule=each.is_molecule)[0] == "read", each.name


@pytest.mark.parametrize("mutator", fuzz.MUTATORS)
def test_the_same_seed_gives_the_same_mutant(mutator: str) -> None:
    content = next(each.content for each in fuzz.corpus() if each.name.endswith(".cif"))
    assert fuzz.mutated(content, mutator, 3) == fuzz.mutated(content, mutator, 3)


@pytest.mark.parametrize(
    ("what", "kind"), [("loops", "endless"), ("crashes", "died"), ("raises", "uncaught"), ("fills", "memory")]
)
def test_what_must_not_happen_is_seen(what: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reads(*_: object, **__: object) -> None:
        if what == "loops":
            time.sleep(60)
        if what == "crashes":
            os.abort()
        if what == "fills":
            bytearray(2 << 30)
        raise ZeroDivisionError

    monkeypatch.setattr(fuzz, "load_crystal", reads)
    monkeypatch.setattr(fuzz, "HANG_S", 1.0)
    assert fuzz.try_file(tmp_path / "a.cif", is_molecule=False).kind == kind


def test_mutants_of_everything_end_in_a_crystal_or_a_refusal(capfd: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--mutants", "240", "--seed", "7"]) == 0, capfd.readouterr().out
