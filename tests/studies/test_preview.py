"""The steps of a study before they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import spglib
from model_crystal import copying_engine, leave

from dftflow.cli.main import main
from dftflow.codes.gpaw.code import GPAW
from dftflow.crystals.shipped import load_shipped
from dftflow.errors import SpecError, StoreError, StructureError
from dftflow.studies.built_file import read_built
from dftflow.studies.decks import write_decks
from dftflow.studies.execution import run_study
from dftflow.studies.kinds import registry, slab
from dftflow.studies.preview import preview
from dftflow.studies.reader import load_study
from dftflow.studies.sums import by_kind


def test_every_step_with_what_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cleaved = []
    cleave = slab.cut_plane

    def counted(*what: Any, **how: Any) -> Any:
        cleaved.append(what)
        return cleave(*what, **how)

    monkeypatch.setattr(slab, "cut_plane", counted)
    rows = {row.name: row for row in preview(load_study("fapbbr3-cspbbr3", "paper"), tmp_path / "none")}
    assert len(cleaved) == 3, "each slab once"
    assert len(rows) == 10 and {row.state for row in rows.values()} == {"waiting"}
    potential = rows["CsPbBr3/slab-011-potential"]
    assert potential.needs == ("CsPbBr3/slab-011-relax",) and potential.atoms == 30
    # 2x2x2 of the crystal, seen along (011): k_a = 1/4, and k_c - k_b = 0 or 1/2
    assert potential.grid == "2x2x1 (shifted by 0.5, 0, 0 of a step)"
    assert rows["CsPbBr3/slab-011-relax"].needs == ("CsPbBr3/bulk-relax",)
    assert rows["CsPbBr3/bulk-relax"].needs == () and rows["CsPbBr3/bulk-relax"].cutoff_ev == 244.9
    assert rows["FAPbBr3/slab-010-relax"].cost_s > rows["FAPbBr3/slab-010-potential"].cost_s > 0
    assert not (tmp_path / "none").exists(), "nothing is written"


@pytest.mark.parametrize("entry", ['\n[settings]\nxc = "PBEsoll"\n', '\n[sweep]\nxc = ["PBE", "HSE06"]\n'])
def test_a_functional_that_the_code_has_not_is_told_by_the_plan(
    write_study: Callable[..., Path], tmp_path: Path, entry: str
) -> None:
    file = write_study()
    file.write_text(file.read_text() + entry)
    with pytest.raises(SpecError, match="no GPAW deck can be written for the functional"):
        preview(load_study(file, "quick"), tmp_path / "none")


def test_a_plan_of_many_steps_renders_one_deck_of_each_sort(
    write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = []
    render = GPAW.render

    def counted(self: GPAW, structure: Any, spec: Any, seed: str) -> Any:
        rendered.append((spec.task, spec.xc))
        return render(self, structure, spec, seed)

    monkeypatch.setattr(GPAW, "render", counted)
    file = write_study()
    file.write_text(file.read_text() + '\n[sweep]\nxc = ["LDA", "RPBE"]\nsmearing_ev = [0.05, 0.1, 0.2]\n')
    assert len(preview(load_study(file, "quick"), tmp_path / "none")) == 14
    assert sorted(rendered) == sorted(product(["bands", "potential"], ["PBE", "LDA", "RPBE"]))


def test_steps_that_start_from_one_crystal_share_what_is_cut_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'schema = 1\ntitle = "one crystal"\npreset = "quick"\n'
    sizes = {"A": 8.0, "B": 8.0, "C": 8.0, "D": 20.0}
    vacua = {"C": "vacuum_ang = 20.0\n"}
    for number, (name, thickness_ang) in enumerate(sizes.items()):
        text += (
            f'[materials.{name}]\nstructure = "CsPbBr3_Pm-3m"\ncutoff_ev = {200 + number}.0\n'
            f"relax_kpoints = [1, 1, 1]\nbands_kpoints = [2, 2, 2]\n"
            f'[[materials.{name}.slabs]]\nmiller = [0, 0, 1]\nsetting = "cubic"\nmin_thickness_ang = {thickness_ang}\n'
            f"{vacua.get(name, '')}"
        )
    (tmp_path / "one.toml").write_text(text)
    cut: list[float] = []
    cleave = slab.cut_plane

    def counted(*what: Any, **how: Any) -> Any:
        cut.append(how["min_thickness_ang"])
        return cleave(*what, **how)

    monkeypatch.setattr(slab, "cut_plane", counted)
    rows = {row.name: row for row in preview(load_study(str(tmp_path / "one.toml")), tmp_path / "none")}
    assert cut == [8.0, 20.0]
    steps = [rows[f"{name}/slab-001-potential"] for name in sizes]
    assert [step.cutoff_ev for step in steps] == [200.0, 201.0, 202.0, 203.0]
    assert steps[0].atoms == steps[2].atoms < steps[3].atoms


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
def test_many_materials_are_built_in_several_processes_as_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'schema = 1\ntitle = "cubes"\npreset = "quick"\n'
    for number in range(24):
        crystal = load_shipped("CsPbBr3_Pm-3m").structure
        crystal.scale_lattice((5.8 + 0.01 * number) ** 3)
        crystal.to(str(tmp_path / f"A{number}.vasp"))
        text += (
            f'[materials.A{number}]\nstructure = "A{number}.vasp"\ncutoff_ev = {200 + number}.0\n'
            f"relax_kpoints = [1, 1, 1]\nbands_kpoints = [2, 2, 2]\n"
            f'[[materials.A{number}.slabs]]\nmiller = [0, 0, 1]\nsetting = "cubic"\n'
        )
    (tmp_path / "cubes.toml").write_text(text)
    study = load_study(str(tmp_path / "cubes.toml"))
    here = []
    build = slab.SlabKind.build

    def noted(*what: Any) -> Any:
        here.append(what)
        return build(*what)

    monkeypatch.setattr(slab.SlabKind, "build", noted)
    found = []
    for cores in ({0}, {0, 1}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, cores=cores: cores)
        here.clear()
        found.append((preview(study, tmp_path / "none"), len(here)))
    (alone, built_alone), (together, built_here) = found
    assert together == alone
    assert list(dict.fromkeys(row.name.split("/")[0] for row in together)) == [f"A{number}" for number in range(24)]
    assert all(row.cutoff_ev == 200 + int(row.name.split("/")[0][1:]) for row in together)
    assert 0 < built_here < built_alone
    (tmp_path / "A20.vasp").write_text("no crystal\n")
    with pytest.raises(StructureError) as raised:
        preview(study, tmp_path / "none")
    assert "A20.vasp" in raised.value.where


def test_a_material_costs_few_searches_for_symmetry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a crystal and tolerance, and once a cut whose faces may be alike; packages are looked through once."""
    searches: list[object] = []
    listings: list[object] = []
    search, listed = spglib.get_symmetry_dataset, registry.entry_points
    monkeypatch.setattr(spglib, "get_symmetry_dataset", lambda *a, **k: searches.append(a) or search(*a, **k))
    monkeypatch.setattr(registry, "entry_points", lambda **k: listings.append(k) or listed(**k))
    names = [f"A{number}" for number in range(6)]
    text = 'schema = 1\ntitle = "cubes"\npreset = "quick"\n'
    for number, name in enumerate(names):
        crystal = load_shipped("CsPbBr3_Pm-3m").structure
        crystal.scale_lattice((5.8 + 0.01 * number) ** 3)
        crystal.to(str(tmp_path / f"{name}.cif"))
        text += (
            f'[materials.{name}]\nstructure = "{name}.cif"\ncutoff_ev = 200.0\nrelax_kpoints = [1, 1, 1]\n'
            f"bands_kpoints = [2, 2, 2]\n[[materials.{name}.slabs]]\nmiller = [0, 0, 1]\n"
        )
    (tmp_path / "cubes.toml").write_text(text)
    rows = preview(load_study(str(tmp_path / "cubes.toml")), tmp_path / "none")
    assert len(rows) == 6 * 2
    assert len(searches) <= 6 * 5
    assert len(listings) <= 4


def test_what_is_there_already_counts(write_study: Callable[..., Path], tmp_path: Path) -> None:
    study = load_study(str(write_study()))
    write_decks(study, tmp_path / "decks")
    record = read_built(tmp_path / "decks" / "CsBr" / "bulk-relax")
    assert record is not None
    leave(tmp_path / "decks" / "CsBr" / "bulk-relax", record.built.structure, record.built.spec)
    states = {row.name: row.state for row in preview(study, tmp_path / "decks")}
    assert states.pop("CsBr/bulk-relax") == "finished" and set(states.values()) == {"not_run"}
    with pytest.raises(StoreError, match="preset study, not quick"):
        preview(load_study(str(study.file), "quick"), tmp_path / "decks")


def test_results_of_another_engine_are_not_there(
    write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(str(write_study()), "quick")
    copying_engine(study, tmp_path / "prepared", monkeypatch)
    run_study(study, tmp_path / "run")
    assert {row.state for row in preview(study, tmp_path / "run")} == {"finished"}
    monkeypatch.setattr(GPAW, "fingerprint", lambda self, structure: {"version": "99"})
    assert {row.state for row in preview(study, tmp_path / "run")} == {"waiting"}


def test_what_a_run_would_take_or_do_again(
    write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment changes nothing; another grid, or another crystal in a file that the study names, does."""
    from dftflow.resources import structures_dir

    crystal = tmp_path / "X.cif"
    crystal.write_text((structures_dir() / "CsBr_Pm-3m.cif").read_text("utf-8"), "utf-8")
    mine = ('"CsBr_Pm-3m"', '"X.cif"')
    study = load_study(str(write_study(mine)), "quick")
    copying_engine(study, tmp_path / "prepared", monkeypatch)
    run_study(study, tmp_path / "run")

    def states(*changes: tuple[str, str]) -> list[str]:
        rows = preview(load_study(str(write_study(mine, *changes)), "quick"), tmp_path / "run")
        return [row.state for row in rows]

    before = (tmp_path / "run" / "plan.json").read_bytes()
    assert states(("schema = 1", "# a word\nschema = 1")) == ["finished", "finished"]
    assert states(('title = "CsBr"', 'title = "CsBr"\nreference = "10.1000/182"')) == ["finished", "finished"]
    assert states(("cutoff_ev = 244.9", "cutoff_ev = 245.0")) == ["waiting", "waiting"]
    crystal.write_text(crystal.read_text("utf-8").replace("4.291", "4.600"), "utf-8")
    assert states() == ["waiting", "waiting"]
    assert (tmp_path / "run" / "plan.json").read_bytes() == before, "nothing is written"


def test_on_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["plan", "fapbbr3-cspbbr3", "--preset", "quick", "--out", str(tmp_path / "x")]) == 0
    out = capsys.readouterr().out
    assert "CsPbBr3/slab-010-potential" in out and "0 of 5 steps are there" in out


def test_a_place_that_cannot_be_written_is_previewed(
    write_study: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is written; `run` refuses it."""
    monkeypatch.setattr("os.access", lambda *_: False)
    study, out = str(write_study()), str(tmp_path / "kept" / "run")
    assert main(["plan", study, "--preset", "quick", "--out", out]) == 0
    assert "0 of 2 steps are there" in capsys.readouterr().out
    assert main(["run", study, "--preset", "quick", "--out", out]) == StoreError.exit_code
    assert not (tmp_path / "kept").exists()


def test_many_steps_are_told_by_what_they_calculate(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their costs add up to those of the steps; `--steps` shows each."""
    monkeypatch.setattr("dftflow.cli.plan.MOST_SHOWN", 4)
    arguments = ["plan", "fapbbr3-cspbbr3", "--preset", "quick", "--out", str(tmp_path / "x")]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "CsPbBr3" not in out and "--steps shows every step" in out and "0 of 5 steps are there" in out
    assert main([*arguments, "--steps"]) == 0
    assert "CsPbBr3/slab-010-potential" in capsys.readouterr().out

    rows = preview(load_study("fapbbr3-cspbbr3", "quick"), tmp_path / "x")
    doubled = [*rows, *(replace(row, name=f"{row.name}-2", same_as=row.name) for row in rows)]
    groups = by_kind([*doubled, replace(rows[0], state="finished")])
    assert sum(group.count for group in groups) == 2 * len(rows) + 1
    assert sum(group.shared for group in groups) == len(rows)
    assert sum(group.cost_s for group in groups) == pytest.approx(sum(row.cost_s for row in rows) + rows[0].cost_s)
    assert [group.count for group in groups if group.state == "finished"] == [1]


def test_of_many_materials_a_caution_stands_with_those_of_its_elements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At one cutoff that is too low for nitrogen and not for CsBr."""
    monkeypatch.setattr("dftflow.studies.preview.FEW_MATERIALS", 0)
    text = 'schema = 1\ntitle = "two"\npreset = "quick"\n'
    for name in ("FAPbBr3_Pm-3m_FA100", "CsBr_Pm-3m"):
        text += (
            f'[materials.{name}]\nstructure = "{name}"\ncutoff_ev = 435.4\nrelax_kpoints = [1, 1, 1]\n'
            "bands_kpoints = [1, 1, 1]\n"
        )
    (tmp_path / "two.toml").write_text(text)
    rows = preview(load_study(str(tmp_path / "two.toml")), tmp_path / "none")
    assert {row.name.partition("_")[0]: any("of N" in line for line in row.cautions) for row in rows} == {
        "FAPbBr3": True, "CsBr": False
    }  # fmt: skip
