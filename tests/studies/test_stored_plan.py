"""A folder of a study is not trusted: what its files say of themselves is checked, and costs what it is about."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from outcomes import RELAXED, StoredRun

from dftflow.errors import StoreError
from dftflow.jobs.step_state import finished, write_state
from dftflow.studies.built_file import read_built
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.standing import standing_of

Change = Callable[[dict[str, Any]], object]
BULK, BANDS, SLAB = "CsBr/bulk-relax", "CsBr/bulk-bands", "CsBr/slab-110-potential"


@pytest.fixture
def run(tmp_path: Path) -> StoredRun:
    return StoredRun.of(tmp_path / "run", RELAXED)


def changed(file: Path, change: Change) -> None:
    content = json.loads(file.read_text("utf-8"))
    change(content)
    file.write_text(json.dumps(content), "utf-8")


def header(*place: str, value: Any) -> Change:
    def change(content: dict[str, Any]) -> None:
        owner = content["header"]
        for part in place[:-1]:
            owner = owner[part]
        owner[place[-1]] = value

    return change


def of_a_step(number: int, value: Any, *place: str) -> Change:
    def change(content: dict[str, Any]) -> None:
        owner = content["steps"][number]
        for part in place[:-1]:
            owner = owner[part]
        owner[place[-1]] = value

    return change


PLANS: dict[str, tuple[Change, str]] = {
    "another text": (lambda c: c["header"]["study"].update(text=c["header"]["study"]["text"] + "#"), "digest"),
    "no TOML": (header("study", "text", value="["), "not valid TOML"),
    "layout": (header("layout", value="heap"), "layout"),
    "preset": (header("preset", "content", value={}), "description"),
    "no code": (header("code", "name", value="none"), "no code called"),
    "options": (header("code", "options", value={"x": 1}), "unknown option"),
    "no materials": (header("materials", value={}), "same materials"),
    "no crystal": (header("materials", "CsBr", "start", value={}), "lattice"),
    "no header": (lambda c: c.update(header=None), "header"),
    "no steps": (lambda c: c.update(steps=None), "steps"),
    "number as name": (of_a_step(1, 7, "name"), "name"),
    "name": (of_a_step(1, "CsBr/other", "name"), "is told to be"),
    "leads out": (of_a_step(1, "../../../etc", "folder"), "'../../../etc'"),
    "absolute": (of_a_step(1, "/etc", "earlier"), "'/etc'"),
    "settings": (of_a_step(3, {"slab": 7}, "content", "settings"), "not as its study has it"),
    "needs": (of_a_step(1, [], "content", "needs"), "not as its study has it"),
    "kind": (of_a_step(1, "none", "content", "id", "kind"), "no step"),
    "task": (
        lambda c: (of_a_step(1, "x", "content", "id", "task")(c), of_a_step(1, "CsBr/bulk-x", "name")(c)),
        "no step",
    ),
    "twice": (lambda c: c["steps"].append(c["steps"][0]), "twice"),
    "order": (lambda c: c["steps"].reverse(), "before one that it needs"),
    "wall time": (lambda c: c.update(wall_time_s="long"), "wall_time_s"),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_that_contradicts_itself_is_refused_by_what_is_wrong(run: StoredRun, name: str) -> None:
    change, said = PLANS[name]
    changed(run.root / "plan.json", change)
    for read in (outcome_of_folder, standing_of):
        with pytest.raises(StoreError, match="plan of this folder cannot be read") as caught:
            read(run.root)
        assert said in caught.value.reason and caught.value.where == str(run.root / "plan.json")


def deck_name(name: str) -> Change:
    return lambda c: c["deck"].update({name: "text"})


BUILTS: dict[str, tuple[Change, str]] = {
    "absolute deck": (deck_name("/etc/passwd"), "no name of a file"),
    "deck outside": (deck_name("../../../../secret"), "no name of a file"),
    "deck in a folder": (deck_name("a/b"), "no name of a file"),
    "seed": (lambda c: c.update(seed="../x"), "no name of a file"),
    "deck of numbers": (lambda c: c["deck"].update(x=1), "deck.x"),
    "schema": (lambda c: c.update(schema="dftflow-built/9"), "dftflow-built/1"),
    "grid": (lambda c: c["spec"].update(grid=[0, 1, 1]), "k-grid"),
    "cutoff": (lambda c: c["spec"].update(cutoff_ev=None), "cutoff_ev"),
    "far atom": (lambda c: c["structure"]["sites"][0].update(abc=[1e12, 0, 0]), "structure"),
    "no parents": (lambda c: c.pop("parents"), "parents"),
}


@pytest.mark.parametrize("name", BUILTS)
def test_a_record_that_is_none_is_named_and_costs_its_step(run: StoredRun, name: str) -> None:
    change, said = BUILTS[name]
    file = run.folder(BANDS) / "built.json"
    changed(file, change)
    with pytest.raises(StoreError, match="what this step calculates cannot be read") as caught:
        read_built(file.parent)
    assert (said in caught.value.reason or name == "far atom") and caught.value.where == str(file)
    steps = {step.name: step for step in outcome_of_folder(run.root).steps}
    assert {step.state for name, step in steps.items() if name != BANDS} == {"finished"}
    assert steps[BANDS].state == "failed" and str(file) in steps[BANDS].failure


@pytest.mark.parametrize("key", ["layer", "molecule"])
def test_a_slab_whose_sites_have_lost_their_marks_is_refused(run: StoredRun, key: str) -> None:
    file = run.folder(SLAB) / "built.json"
    changed(file, lambda c: [site["properties"].pop(key) for site in c["model"]["structure"]["sites"]])
    with pytest.raises(StoreError, match="do not tell their layer and molecule"):
        read_built(file.parent)


def test_a_step_whose_folder_leads_out_is_refused_and_the_rest_shown(run: StoredRun, tmp_path: Path) -> None:
    """A whole copy outside: it may be anybody's."""
    place = run.folder(BANDS)
    shutil.move(place, tmp_path / "outside")
    place.symlink_to(tmp_path / "outside")
    outcome = outcome_of_folder(run.root)
    steps = {step.name: step for step in outcome.steps}
    assert steps[BANDS].state == "failed" and "leads out of this folder" in steps[BANDS].failure
    assert {step.state for name, step in steps.items() if name != BANDS} == {"finished"}
    given = outcome_of_folder(run.root, places={BANDS: tmp_path / "outside"})
    assert {step.name: step.state for step in given.steps}[BANDS] == "failed", "its record lies behind the link"


def test_what_a_link_in_the_place_of_a_deck_leads_to_is_not_shown(run: StoredRun, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a key")
    (deck,) = run.folder(BANDS).glob("*.py")
    deck.unlink()
    deck.symlink_to(tmp_path / "secret")
    outcome = outcome_of_folder(run.root)
    assert all("a key" not in text for step in outcome.steps for text in step.deck_files.values())


@pytest.mark.parametrize("name", ["results.json", "bands.npz", "potential.npz", "relax.jsonl", "built.json"])
@pytest.mark.parametrize("damage", [os.mkfifo, lambda file: file.symlink_to("/dev/zero"), Path.mkdir])
def test_no_pipe_device_or_folder_in_the_place_of_an_output_hangs_or_costs_another_step(
    run: StoredRun, name: str, damage: Callable[[Path], None]
) -> None:
    step = BULK if name == "relax.jsonl" else BANDS
    file = run.folder(step) / name
    file.unlink()
    damage(file)
    steps = {step.name: step for step in outcome_of_folder(run.root).steps}
    if damage is not Path.mkdir and name in ("potential.npz", "relax.jsonl"):
        assert steps[step].state == "finished", "a pipe is no file of the calculation, which is whole without this one"
    else:
        assert steps[step].state != "finished" and steps[step].failure
    assert {end.state for name, end in steps.items() if name not in (step, BANDS)} == {"finished"}


@pytest.mark.parametrize("way", ["link", "plan"])
def test_status_does_not_take_the_finished_folder_of_another_step(run: StoredRun, way: str) -> None:
    """Sealed and as it was, so that its files alone would say finished."""
    other, place = run.folder(BULK), run.folder(BANDS)
    write_state(other, finished(other, wall_time_s=5.0, cpu_time_s=4.0))
    if way == "link":
        shutil.rmtree(place)
        place.symlink_to(other.name)
    else:
        there = other.relative_to(run.root).as_posix()
        changed(run.root / "plan.json", of_a_step(1, there, "folder"))
    states = {end.name: end.state for end in standing_of(run.root).ends}
    assert states == {step.name: step.state for step in outcome_of_folder(run.root).steps}
    assert states[BULK] == "finished" and states[BANDS] != "finished"
