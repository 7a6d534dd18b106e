"""One case for each thing that may change between two runs of a study: which steps run again, and what is said."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from counting_engine import CountingEngine

import dftflow
from dftflow.errors import DftflowError
from dftflow.jobs import local
from dftflow.jobs.step_state import read_state
from dftflow.studies import stored_plan

STUDY = """\
schema = 1
title = "CsBr"
code = "gpaw"
reference = "10.1039/first"

[materials.CsBr]
structure = "crystal.cif"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
cell = "isotropic"
band_edge = "G"

[[materials.CsBr.slabs]]
miller = [1, 1, 0]
setting = "cubic"
"""
BULK, SLAB = "CsBr-bulk-bands", "CsBr-slab-110-potential"
ALL = (BULK, SLAB)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a study was run, before something changes."""

    file: Path
    root: Path
    engine: CountingEngine
    monkeypatch: pytest.MonkeyPatch

    def text(self, old: str, new: str) -> None:
        assert old in self.file.read_text()
        self.file.write_text(self.file.read_text().replace(old, new))

    def folder(self, seed: str) -> Path:
        (found,) = (self.root / "steps" / "CsBr").glob(f"{seed.removeprefix('CsBr-')}-*")
        return found


@dataclass(frozen=True, slots=True)
class Case:
    """What changes, the steps that run again, what is said, and how the run is refused where it is."""

    change: Callable[[Ground], None]
    again: tuple[str, ...] = ()
    says: str = ""
    refused: str = ""


def _damaged(name: str, text: str, seed: str = BULK) -> Callable[[Ground], None]:
    return lambda ground: (ground.folder(seed) / name).write_text(text) and None


def _removed(name: str) -> Callable[[Ground], None]:
    return lambda ground: (ground.folder(BULK) / name).unlink()


def _clock_set_back(ground: Ground) -> None:
    then = time.time() - 40_000_000
    for file in ground.root.rglob("*"):
        os.utime(file, (then, then))


def _half_written(ground: Ground) -> None:
    state = ground.folder(BULK) / "state.json"
    state.write_text(state.read_text()[:40])


def _half_journal(ground: Ground) -> None:
    with (ground.root / "plan.jsonl").open("a") as journal:
        journal.write('{"plan": "abc", "st')


def _killed_between(ground: Ground) -> None:
    """Before the second step: as a kill leaves it, its folder is there and its engine never was."""
    folder = ground.folder(SLAB)
    for file in folder.iterdir():
        if file.name not in ("built.json",):
            file.unlink()
    (folder / "state.json").write_text(json.dumps({"state": "running", "host": local.host_name(), "boot": "earlier"}))


def _other_machine(ground: Ground) -> None:
    ground.monkeypatch.setattr(local, "host_name", lambda: "another")


def _older_folder(ground: Ground) -> None:
    (ground.root / "plan.json").write_text(json.dumps([{"name": "CsBr/bulk-bands"}]))


def _template(ground: Ground, text: str) -> None:
    own = ground.file.parent / "templates" / "gpaw"
    own.mkdir(parents=True)
    shipped = Path(dftflow.__file__).parents[1] / "templates" / "gpaw" / "deck.py.j2"
    (own / "deck.py.j2").write_text(shipped.read_text() + text)
    ground.file.write_text(ground.file.read_text() + '\n[codes.gpaw]\ntemplates = "templates"\n')


def _newer_dftflow(ground: Ground) -> None:
    ground.monkeypatch.setattr(stored_plan, "__version__", "99.0")


def _renamed_material(ground: Ground) -> None:
    ground.text("CsBr", "Salt")


def _moved_atom(ground: Ground) -> None:
    cif = ground.file.parent / "crystal.cif"
    assert "4.2" in cif.read_text()
    cif.write_text(cif.read_text().replace("4.2", "4.3"))


def _commented_structure(ground: Ground) -> None:
    cif = ground.file.parent / "crystal.cif"
    cif.write_text("# a note\n" + cif.read_text())


SLAB_100 = '\n[[materials.CsBr.slabs]]\nmiller = [1, 0, 0]\nsetting = "cubic"\n'
CASES = {
    "nothing": Case(lambda ground: None),
    "a comment in the study": Case(lambda ground: ground.text("schema", "# a note\nschema")),
    "the DOI": Case(lambda ground: ground.text("first", "second")),
    "the title": Case(lambda ground: ground.text('"CsBr"\ncode', '"A salt"\ncode')),
    "a comment in the structure": Case(_commented_structure),
    "the cutoff": Case(lambda ground: ground.text("244.9", "300.0"), ALL, "its geometry or its settings have changed"),
    "the grid": Case(
        lambda ground: ground.text("relax_kpoints = [2, 2, 2]", "relax_kpoints = [3, 3, 3]"), ALL, "calculated again"
    ),
    "the lattice of the structure": Case(_moved_atom, ALL, "its geometry or its settings have changed"),
    "one more slab": Case(
        lambda ground: ground.file.write_text(ground.file.read_text() + SLAB_100) and None, ("CsBr-slab-100-potential",)
    ),
    "the name of the material": Case(_renamed_material),
    "the version of the engine": Case(
        lambda ground: setattr(ground.engine, "version", "2.0"), ALL, "version 1.0 -> 2.0"
    ),
    "the version of dftflow": Case(_newer_dftflow),
    "a comment in a template": Case(lambda ground: _template(ground, "\n# by me\n"), ALL, "calculated again"),
    "the machine": Case(_other_machine),
    "the clock, set back": Case(_clock_set_back),
    "a half-written state": Case(_half_written),
    "a state that is gone": Case(_removed("state.json")),
    "a half-written line of the journal": Case(_half_journal),
    "a record that is gone": Case(_removed("built.json")),
    "a result that is gone": Case(_removed("results.json"), (BULK,)),
    "a damaged result": Case(_damaged("results.json", "{"), (BULK,)),
    "a kill before the second step": Case(_killed_between, (SLAB,)),
    "the folder of an older dftflow": Case(_older_folder, refused="a run of dftflow 0.1"),
    "the name of the study": Case(
        lambda ground: ground.file.rename(ground.file.with_name("other.toml")) and None,
        refused="study study, not other",
    ),
}


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """A study that has been run to its end."""
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    shipped = Path(dftflow.__file__).parents[1] / "structures" / "CsBr_Pm-3m.cif"
    (tmp_path / "crystal.cif").write_text(shipped.read_text())
    engine = CountingEngine(tmp_path / "engine", monkeypatch)
    root = tmp_path / "run"
    assert sorted(engine.run(file, root)) == sorted(ALL)
    return Ground(file=file, root=root, engine=engine, monkeypatch=monkeypatch)


@pytest.mark.parametrize("name", CASES)
def test_these_steps_run_again(ground: Ground, name: str) -> None:
    case = CASES[name]
    kept = {seed: (ground.folder(seed) / "potential.npz").read_bytes() for seed in ALL}
    places = {seed: ground.folder(seed) for seed in ALL}
    case.change(ground)
    file = next(ground.file.parent.glob("*.toml"))
    if case.refused:
        with pytest.raises(DftflowError) as refusal:
            ground.engine.run(file, ground.root)
        assert case.refused in str(refusal.value) and ground.engine.started == []
    else:
        assert sorted(ground.engine.run(file, ground.root)) == sorted(case.again)
        assert case.says in ground.engine.said
        if not case.again:
            assert "calculated again" not in ground.engine.said
    for seed, content in kept.items():
        assert (places[seed] / "potential.npz").read_bytes() == content, "nothing that was calculated is lost"
    if not case.refused:
        assert ground.engine.run(file, ground.root) == [], "a third run has nothing to do"
        states = [read_state(path.parent).state for path in ground.root.glob("steps/*/*/state.json")]
        assert set(states) == {"finished"}


def test_a_damaged_array_that_can_still_be_read_is_used_by_nobody(ground: Ground) -> None:
    """It is whole, and not what the engine left: neither used nor silently calculated over."""
    record = ground.folder(BULK) / "results.json"
    content = json.loads(record.read_text())
    record.write_text(json.dumps(content | {"energy_ev": -7.0}))
    assert ground.engine.run(ground.file, ground.root) == []
    assert json.loads(record.read_text())["energy_ev"] == -7.0


def test_another_preset_has_a_folder_of_its_own(ground: Ground) -> None:
    with pytest.raises(DftflowError, match="preset quick, not converged"):
        ground.engine.run(ground.file, ground.root, preset="converged")
    assert ground.engine.started == []
