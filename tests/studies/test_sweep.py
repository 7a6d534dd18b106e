"""Sweeps: which points a study has, what is calculated there, and what of it is the same calculation."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_crystal import CBM, STEP, VBM, leave

from dftflow.codes.base import PLAIN_LAUNCH, Launch
from dftflow.codes.gpaw.code import GPAW
from dftflow.codes.registry import load_code
from dftflow.derive.swept import swept_series
from dftflow.errors import StudyError
from dftflow.figures.look import Look
from dftflow.figures.sweeps import sweep_drawing
from dftflow.jobs.store import read_plan
from dftflow.model.deck import Deck
from dftflow.model.point import OWN, Point
from dftflow.model.quantity import Missing, Quantity
from dftflow.report.results_file import read_results
from dftflow.report.results_json import write_results_json
from dftflow.report.write import write_outcome
from dftflow.studies.builder import Builder
from dftflow.studies.execution import outcome_of_folder, run_study
from dftflow.studies.identity import identity_of
from dftflow.studies.plan import Plan, plan_study
from dftflow.studies.reader import Study, load_study
from dftflow.studies.schema import SweepEntry
from dftflow.studies.study_folder import StudyFolder

Write = Callable[..., Path]
THICK = ('setting = "cubic"', 'setting = "cubic"\nmin_thickness_ang = 24.0')
"""A slab that has a middle."""
SWEPT = "\n[[sweep]]\n"


def with_sweep(write_study: Write, *lines: str, preset: str = "quick", thick: bool = False) -> Study:
    file = write_study(*([THICK] if thick else []))
    file.write_text(file.read_text() + "".join(f"{SWEPT}{line}\n" for line in lines))
    return load_study(file, preset)


def identities(plan: Plan) -> dict[str, str]:
    builder, code = Builder(plan), load_code("gpaw")
    return {step.name: identity_of(builder.build(step), code).digest for step in plan.steps}


# --- points -----------------------------------------------------------------------------------------------------


def test_keys_of_one_table_make_a_product_and_tables_stand_apart(write_study: Write) -> None:
    study = with_sweep(write_study, "cutoff_ev = [200, 300]\nvacuum_ang = [15.0, 20.0]", "cutoff_ev = [400]")
    names = list(dict.fromkeys(step.point.name for step in plan_study(study).steps))
    assert names == [
        "",
        *(f"cutoff-{cutoff}-vacuum-{vacuum}" for cutoff in (200, 300) for vacuum in (15, 20)),
        "cutoff-400",
    ]


def test_steps_at_a_point_need_those_at_the_same_point(write_study: Write) -> None:
    plan = plan_study(with_sweep(write_study, "cutoff_ev = [200]", preset="study"))
    needs = {step.name: [str(need.step) for need in step.needs] for step in plan.steps}
    assert needs["CsBr/slab-110-potential"] == ["CsBr/slab-110-relax"] * 2
    assert needs["CsBr/slab-110-potential-cutoff-200"] == ["CsBr/slab-110-relax-cutoff-200"] * 2
    assert needs["CsBr/slab-110-relax-cutoff-200"] == ["CsBr/bulk-relax-cutoff-200"]


def test_only_the_materials_that_are_named_are_swept(write_study: Write) -> None:
    file = write_study()
    text = file.read_text()
    other = text[text.index("[materials.CsBr]") :].replace("materials.CsBr", "materials.Other")
    file.write_text(f'{text}\n{other}\n[sweep]\nmaterials = ["Other"]\ncutoff_ev = [200, 300]\n')
    steps = plan_study(load_study(file, "quick")).steps
    assert {step.id.subject.materials for step in steps if step.point} == {("Other",)}
    assert len(steps) == 2 * 2 + 2 * 2


def test_each_setting_reaches_the_calculation(write_study: Write) -> None:
    study = with_sweep(
        write_study,
        "cutoff_ev = [333]", "kpoint_spacing_per_ang = [0.9]", "slab_thickness_ang = [20.0]", "vacuum_ang = [21.0]",
        'xc = ["PBEsol"]', "smearing_ev = [0.02]", thick=True,
    )  # fmt: skip
    plan = plan_study(study)
    builder = Builder(plan)
    built = {step.name: builder.build(step) for step in plan.steps}
    own = built["CsBr/bulk-bands"].spec
    assert own.cutoff_ev == 244.9 and own.xc == "PBE" and own.smearing_ev == 0.1
    assert built["CsBr/bulk-bands-cutoff-333"].spec.cutoff_ev == 333
    assert built["CsBr/bulk-bands-xc-PBEsol"].spec.xc == "PBEsol"
    assert built["CsBr/bulk-bands-smearing-0.02"].spec.smearing_ev == 0.02
    # 2 pi / 4.286 Å is 1.466 1/Å: two points are 0.73 1/Å apart
    spaced = built["CsBr/bulk-bands-kspacing-0.9"].spec
    assert spaced.grid == (2, 2, 2) and spaced.grid_note == "sweep: at most 0.9 1/Å apart"
    # 2 pi / 6.061 Å is 1.037 1/Å: one point would be more than asked apart
    assert built["CsBr/slab-110-potential-kspacing-0.9"].spec.grid == (2, 2, 1)
    slab, thin = built["CsBr/slab-110-potential"].model, built["CsBr/slab-110-potential-thickness-20"].model
    assert slab is not None and thin is not None and 20.0 <= thin.thickness_ang < 24.0 <= slab.thickness_ang
    far = built["CsBr/slab-110-potential-vacuum-21"].model
    assert far is not None and far.vacuum_ang == pytest.approx(21.0) and slab.vacuum_ang == pytest.approx(13.0)


def test_a_swept_cutoff_is_not_raised_by_the_preset_and_no_more_from_the_reference(write_study: Write) -> None:
    file = write_study(
        ("cutoff_ev = 244.9", 'cutoff_ev = 244.9\nfrom_reference = ["cutoff_ev", "relax_kpoints"]'),
        ('title = "CsBr"', 'title = "CsBr"\nreference = "10.1000/x"'),
    )
    file.write_text(f"{file.read_text()}\n[sweep]\ncutoff_ev = [300]\n")
    plan = plan_study(load_study(file, "converged"))
    builder = Builder(plan)
    specs = {step.name: builder.build(step).spec for step in plan.steps if step.id.task == "bands"}
    assert specs["CsBr/bulk-bands"].cutoff_ev == 600
    swept = specs["CsBr/bulk-bands-cutoff-300"]
    assert swept.cutoff_ev == 300 and swept.cutoff_note == ""


def test_a_molecule_turns_and_its_cells_are_kept_with_the_plan(tmp_path: Path) -> None:
    file = tmp_path / "turned.toml"
    file.write_text(
        'schema = 1\ntitle = "FA"\n[materials.FA]\nstructure = "CsPbBr3_Pm-3m"\npseudocubic_ang = 5.99\n'
        'substitute = { site = "Cs", by = "FA" }\ncutoff_ev = 300\nrelax_kpoints = [1, 1, 1]\n'
        'bands_kpoints = [1, 1, 1]\n[sweep]\norientation = ["100", "110/001"]\n'
    )
    plan = plan_study(load_study(file, "quick"))
    own, same, turned = identities(plan).values()
    assert own == same != turned
    folder = StudyFolder.create(plan, tmp_path / "run", "run")
    restored = StudyFolder.existing(tmp_path / "run")
    assert list(identities(restored.plan).values()) == [own, same, turned]
    assert restored.digest == folder.digest
    stored = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert [kept["point"] for kept in stored["header"]["swept"]] == [
        {"orientation": "100"}, {"orientation": "110/001"},
    ]  # fmt: skip


OWN_VALUES = {
    "cutoff_ev": 244.9, "slab_thickness_ang": 8.0, "vacuum_ang": 13.0, "smearing_ev": 0.1, "xc": "PBE",
}  # fmt: skip
"""Of the study with the preset ``quick``."""


@given(keys=st.sets(st.sampled_from(sorted(OWN_VALUES)), min_size=1))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_at_its_own_values_a_study_is_itself(write_study: Write, keys: set[str]) -> None:
    study = load_study(write_study(), "quick")
    there = study.at(Point.of({key: OWN_VALUES[key] for key in keys}))
    assert identities(plan_study(there)) == identities(plan_study(study))


def test_without_a_point_a_study_is_the_same_object(write_study: Write) -> None:
    study = load_study(write_study(), "quick")
    assert study.at(OWN) is study


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said", "number"),
    [
        ("cutoff_ev = []", "a sweep needs a list of values", 17),
        ("cutof_ev = [200]", "did you mean 'cutoff_ev'", 18),
        ("cutoff_ev = 200", "cutoff_ev cannot be 200", 18),
        ("cutoff_ev = [200, 200.0]", "has a value twice", 18),
        ("cutoff_ev = [-5]", "from 1 to 10000 eV", 18),
        ('orientation = ["100"]', "no", 18),
        ('materials = ["CsI"]\ncutoff_ev = [200]', "names 'CsI'; the study has CsBr", 18),
        ('xc = ["PBEsol", "pbesol"]', "would both be called 'xc-pbesol'", 17),
        ("cutoff_ev = [300.0]\n\n[[sweep]]\ncutoff_ev = [300.00000000001]", "would both be called 'cutoff-300'", 20),
        ('xc = ["PBE/x", "PBE:x"]', "would both be called 'xc-PBE_x'", 17),
        (f'xc = ["{"x" * 150}"]', "use letters, digits", 17),
        (f"cutoff_ev = {list(range(200, 400))}\nvacuum_ang = {list(range(10, 110))}", "can have 10000 points", 17),
    ],
)
def test_what_is_no_sweep_is_refused_with_its_line(write_study: Write, line: str, said: str, number: int) -> None:
    with pytest.raises(StudyError) as caught:
        with_sweep(write_study, line)
    assert said in str(caught.value)
    assert caught.value.where.endswith(f":{number}")


SWEPT_KEYS = [key for key in SweepEntry.model_fields if key != "materials"]


@pytest.mark.parametrize("wrong", ["[true]", "5000000.0", "[-7.0, 300.0]", "{ a = 1 }", "twice"])
@pytest.mark.parametrize("key", SWEPT_KEYS)
def test_what_a_refusal_of_a_sweep_shows_can_be_written(write_study: Write, key: str, wrong: str) -> None:
    twice = '["PBE", "PBE"]' if key in ("xc", "orientation") else "[0.3, 0.3]" if "_per_" in key else "[9.0, 9.0]"
    with pytest.raises(StudyError) as caught:
        with_sweep(write_study, f"{key} = {twice if wrong == 'twice' else wrong}")
    shown = caught.value.fix.rpartition("for example ")[2]
    assert shown.startswith(f"{key} = [")
    assert "plain number in" not in caught.value.fix
    if key not in ("orientation", "fraction", "ordering", "seed"):  # of mixtures, which there are none of
        assert with_sweep(write_study, shown).content.sweep[0].values()[key]


# --- results ----------------------------------------------------------------------------------------------------


def leaving_engine(study: Study, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make GPAW a `cp` from results whose eigenvalues lie lower at a higher cutoff; a line in a file for each run."""
    plan = plan_study(study)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        lower_ev = (built.spec.cutoff_ev - 244.9) / 1000
        leave(
            prepared / step.seed, built.structure, built.spec, lower_ev=lower_ev, changes={"energy_ev": -6.0 - lower_ev}
        )
    counted = prepared / "runs"
    copy = "import shutil, sys; open(sys.argv[2], 'a').write(sys.argv[1] + '\\n'); "
    copy += "shutil.copytree(sys.argv[1], '.', dirs_exist_ok=True)"

    def command(self: object, deck: Deck, launch: Launch = PLAIN_LAUNCH) -> tuple[str, ...]:
        return (*launch.launcher, sys.executable, "-c", copy, str(prepared / deck.seed), str(counted))

    monkeypatch.setattr(GPAW, "command", command)
    monkeypatch.setattr(GPAW, "runs_here", True)
    return counted


@pytest.fixture
def swept(write_study: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Study, Path, Path]:
    """A study with two cutoffs, one of which is its own, two thicknesses, and where it ran."""
    study = with_sweep(write_study, "cutoff_ev = [244.9, 344.9]", "slab_thickness_ang = [24.0, 32.0]", thick=True)
    counted = leaving_engine(study, tmp_path / "prepared", monkeypatch)
    run_study(study, tmp_path / "run", workers=1)
    return study, tmp_path / "run", counted


def test_what_is_the_same_calculation_runs_once(swept: tuple[Study, Path, Path]) -> None:
    _, run, counted = swept
    ran = [Path(line).name for line in counted.read_text().splitlines()]
    assert ran == [
        "CsBr-bulk-bands", "CsBr-slab-110-potential", "CsBr-bulk-bands-cutoff-344.9",
        "CsBr-slab-110-potential-cutoff-344.9", "CsBr-slab-110-potential-thickness-32",
    ]  # fmt: skip
    plan = read_plan(run)
    assert plan is not None
    folders = {step.name: step.folder for step in plan.steps}
    shared = folders["CsBr/bulk-bands"]
    assert all(
        folders[f"CsBr/bulk-bands-{name}"] == shared for name in ("cutoff-244.9", "thickness-24", "thickness-32")
    )
    assert len(folders) == 10 and len(set(folders.values())) == 5


def test_numbers_of_points_stand_apart_from_the_study_s_own(swept: tuple[Study, Path, Path], tmp_path: Path) -> None:
    outcome = outcome_of_folder(swept[1])
    file = write_results_json(outcome, swept[1])
    read = read_results(file)
    assert read == outcome.quantities
    levels = {
        q.point.name: (q.value, q.origin)
        for q in read
        if q.name == "ionisation potential" and q.method.startswith("bulk line-up")
    }
    assert levels[""][0] == pytest.approx(STEP - VBM, abs=0.01)
    assert levels["cutoff-244.9"][0] == levels[""][0]
    assert levels["cutoff-344.9"][0] == pytest.approx(STEP - VBM + 0.1, abs=0.01)
    assert levels["cutoff-344.9"][1] == ("CsBr/slab-110-potential-cutoff-344.9", "CsBr/bulk-bands-cutoff-344.9")
    energies = {q.point.name: q.value for q in read if q.name == "total energy per atom"}
    assert energies[""] == pytest.approx(-3.0) and energies["cutoff-344.9"] == pytest.approx(-3.05)
    gaps = [q.value for q in read if q.name == "band gap" and q.subject == "CsBr" and not q.method]
    assert gaps == [pytest.approx(CBM + 0.1 - VBM)] * 5
    assert not any("point" in plain for plain in json.loads(file.read_text())["quantities"][:12])


def test_levels_of_a_study_with_sweeps_are_its_own(swept: tuple[Study, Path, Path]) -> None:
    from dftflow.quoted.quoted_results import levels_of_quantities

    quantities = outcome_of_folder(swept[1]).quantities
    with_another = [one for one in quantities if one.point.name in ("", "cutoff-344.9")]
    (found,) = levels_of_quantities(with_another, "x").levels
    assert found.edges.vbm_ev == pytest.approx(-(STEP - VBM), abs=0.01)


def test_what_a_point_says_no_otherwise_is_said_once(swept: tuple[Study, Path, Path]) -> None:
    """The crystal is not relaxed: its cell is what it is at every cutoff."""
    volumes = [q for q in outcome_of_folder(swept[1]).quantities if q.name == "volume"]
    assert [q.point.name for q in volumes] == [""]


def test_changes_along_a_sweep_are_counted_from_its_finest_value(swept: tuple[Study, Path, Path]) -> None:
    """The model's levels lie 0.1 eV lower at the higher cutoff, its energy 0.1 eV a cell of two atoms."""
    series = {(one.setting, one.name): one for one in swept_series(outcome_of_folder(swept[1]).quantities)}
    # the well is as deep whatever its width
    assert set(series) == {("cutoff_ev", "ionisation potential"), ("cutoff_ev", "total energy per atom")}
    potential, energy = series["cutoff_ev", "ionisation potential"], series["cutoff_ev", "total energy per atom"]
    assert potential.settings == energy.settings == (244.9, 344.9)
    assert potential.changes_mev == pytest.approx((-100, 0), abs=1e-6)
    assert energy.changes_mev == pytest.approx((50, 0), abs=1e-6)


def of_functionals(name: str, *values: float | None, method: str = "") -> list[Quantity]:
    failed = Missing(kind="failed", reason="the engine died")
    functionals = ("LDA", "PBE", "RPBE")
    return [
        Quantity.of(name, "CsBr", "eV", value, failed, method=method, point=Point.of({"xc": xc}))
        for xc, value in zip(functionals, values, strict=True)
    ]


def test_total_energies_of_functionals_are_not_subtracted() -> None:
    energies = of_functionals("total energy per atom", -3.0, -2.0, -1.0, method="on the scale of the run itself")
    assert swept_series(energies) == ()
    (gaps,) = swept_series([*energies, *of_functionals("band gap", 4.0, 4.4, 4.6)])
    assert gaps.name == "band gap" and gaps.settings == ("LDA", "PBE", "RPBE")
    at_cutoffs = [
        replace(energy, point=Point.of({"xc": "PBE", "cutoff_ev": cutoff}))
        for energy, cutoff in zip(energies, (100.0, 200.0, 300.0), strict=True)
    ]
    assert [one.setting for one in swept_series(at_cutoffs)] == ["cutoff_ev"]


def test_points_without_a_value_are_named_and_words_are_not_joined(tmp_path: Path) -> None:
    (series,) = swept_series(of_functionals("band gap", 4.0, None, 4.6))
    assert (series.settings, series.absent_settings) == (("LDA", "RPBE"), ("PBE",))
    assert series.changes_mev == pytest.approx((-600, 0))
    drawing = sweep_drawing([series], Look())
    assert drawing.caption.endswith("Without a value: band gap of CsBr at PBE (failed).")
    axes = drawing.build().axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["LDA", "PBE", "RPBE"]
    lines = [line for line in axes.get_lines() if line.get_label() == "CsBr"]
    assert [line.get_linestyle() for line in lines] == ["None"]
    at_cutoffs = [
        replace(quantity, point=Point.of({"cutoff_ev": cutoff}))
        for quantity, cutoff in zip(of_functionals("band gap", 4.0, 4.4, 4.6), (100.0, 200.0, 300.0), strict=True)
    ]
    axes = sweep_drawing(swept_series(at_cutoffs), Look()).build().axes[0]
    assert [line.get_linestyle() for line in axes.get_lines() if line.get_label() == "CsBr"] == ["-"]


def test_a_name_fits_along_its_panel() -> None:
    name, way = "ionisation potential", "bulk line-up through the slab"
    (axes,) = sweep_drawing(swept_series(of_functionals(name, 4.0, 4.4, 4.6, method=way)), Look()).build().axes
    assert axes.get_ylabel() == "Change of\nionisation\npotential (meV)"


def test_a_step_of_a_sweep_that_failed_is_named_on_page_and_figure(
    swept: tuple[Study, Path, Path], tmp_path: Path
) -> None:
    outcome = outcome_of_folder(swept[1])
    failed = Missing(kind="failed", reason="the engine died")
    nothing = {"value": None, "uncertainty": None, "uncertainty_holds": "", "missing": failed}
    quantities = [
        replace(one, **nothing, point=Point.of({"cutoff_ev": 444.9}))
        for one in outcome.quantities
        if one.point.name == "cutoff-344.9"
    ]
    write_outcome(replace(outcome, quantities=(*outcome.quantities, *quantities)), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "none at 444.9" in page and "total energy per atom of CsBr at 444.9 (failed)" in page


def test_a_page_and_a_figure_show_the_sweep(swept: tuple[Study, Path, Path], tmp_path: Path) -> None:
    written = write_outcome(outcome_of_folder(swept[1]), tmp_path / "report")
    page = written.report.read_text()
    assert '<h2 id="sweeps">Sweeps</h2>' in page and "−100.0 meV" in page and "+50.0 meV" in page
    assert "at cutoff_ev = 344.9" in page
    rows = (tmp_path / "report" / "figures" / "sweep-cutoff.csv").read_text().splitlines()
    assert rows[0] == "name,subject,others,cutoff_ev,value,unit,change_mev" and len(rows) == 1 + 2 * 2
