"""Mixtures in studies: what is planned, what stands in the decks of every code, what is one calculation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from model_crystal import CBM, VBM, copying_engine, leave
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

from dftflow.codes.registry import load_code
from dftflow.crystals.contacts import check_contacts
from dftflow.crystals.ions import formula_of, ionic_units
from dftflow.crystals.structure_file import read_structure_file
from dftflow.errors import DftflowError, StudyError
from dftflow.model.built import Built
from dftflow.report.write import write_outcome
from dftflow.studies.builder import Builder
from dftflow.studies.execution import outcome_of_folder, run_study
from dftflow.studies.identity import identity_of
from dftflow.studies.plan import Plan, plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.study_folder import StudyFolder

HEAD = 'schema = 1\ntitle = "mixed"\n'
REST = "cutoff_ev = 520\nrelax_kpoints = [2, 2, 1]\nbands_kpoints = [2, 2, 1]\n"
FA_CS = 'structure = "FAPbBr3_Pm-3m_FA100"\nsubstitute = { site = "FA", by = "Cs", fraction = 0.15, seed = 1 }\n'
STRUCTURES = {"castep": ".cell", "vasp": "POSCAR", "espresso": "scf.in", "gpaw": ".xyz"}


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Plan]:
    def plan(*materials: str, tail: str = "") -> Plan:
        file = tmp_path / "mixed.toml"
        tables = [f"[materials.{'ABCD'[k]}]\n{text}{REST}" for k, text in enumerate(materials)]
        file.write_text("\n".join([HEAD, *tables, tail]))
        return plan_study(load_study(file, "quick"))

    return plan


def built(plan: Plan) -> dict[str, Built]:
    builder = Builder(plan)
    return {step.name: builder.build(step) for step in plan.steps}


def digests(plan: Plan) -> dict[str, str]:
    code = load_code("gpaw")
    return {name: identity_of(one, code).digest for name, one in built(plan).items()}


@pytest.mark.parametrize("code", sorted(STRUCTURES))
def test_a_mixed_crystal_in_the_decks_of_every_code(planned: Callable[..., Plan], code: str, tmp_path: Path) -> None:
    """Read back by the readers of files: ions counted by their bonds, no atom lost, none too near, the cell itself."""
    step = built(planned(FA_CS))["A/bulk-bands"]
    assert formula_of(step.structure) == "FA0.85Cs0.15PbBr3"
    deck = load_code(code).render(step.structure, step.spec, "A-bulk-bands")
    name = next(name for name in deck.files if name.endswith(STRUCTURES[code]))
    file = tmp_path / (name if code != "espresso" else "pw.in")
    file.write_text(deck.files[name])
    back = read_structure_file(file, str(file)).structure
    bare = Structure(back.lattice, back.species, back.frac_coords)
    assert Counter(unit.name for unit in ionic_units(bare)) == {"FA": 17, "Cs": 3, "Pb": 20, "Br": 60}
    check_contacts(bare)
    np.testing.assert_allclose(sorted(back.lattice.abc), sorted(np.array([2, 2, 5]) * 5.99), atol=1e-4)
    matcher = StructureMatcher(primitive_cell=False, scale=False, attempt_supercell=False)
    rms, _ = matcher.get_rms_dist(bare, step.structure)
    assert rms < 1e-4


def test_half_of_a_site_without_a_supercell(planned: Callable[..., Plan]) -> None:
    plan = planned('structure = "CsPbBr3_Pm-3m"\nsubstitute = { site = "Cs", by = "FA", fraction = 0.5 }\n')
    (material,) = plan.materials.values()
    assert formula_of(material.start) == "Cs0.5FA0.5PbBr3"
    assert len(material.start) == 17
    size, ordering = material.crystal.warnings
    assert "1 x 1 x 2" in size and "none was asked for" in size
    assert "1 Cs, 1 FA" in ordering


def test_several_substitutions_stand_in_tables_of_their_own(planned: Callable[..., Plan]) -> None:
    plan = planned(
        'structure = "CsPbBr3_Pm-3m"\nsupercell = [2, 2, 1]\npseudocubic_ang = 6.1\nseed = 2\n',
        tail='[[materials.A.substitute]]\nsite = "Cs"\nby = "FA"\nfraction = 0.75\n'
        '[[materials.A.substitute]]\nsite = "Br"\nby = "I"\nfraction = 0.5\n',
    )
    assert formula_of(plan.materials["A"].start) == "FA0.75Cs0.25PbBr1.5I1.5"


def test_orderings_that_are_one_share_a_calculation(planned: Callable[..., Plan]) -> None:
    def cell(ordering: str) -> str:
        return (
            'structure = "CsPbBr3_Pm-3m"\nsupercell = [2, 2, 2]\n'
            f'substitute = {{ site = "Cs", by = "Rb", fraction = 0.5 }}\n{ordering}\n'
        )

    plan = planned(cell("ordering = 1"), cell('ordering = "quasirandom"'), cell("ordering = 2"), cell("seed = 1"))
    found = digests(plan)
    one, best, two, second = (found[f"{name}/bulk-bands"] for name in "ABCD")
    assert one == best != two == second


def test_a_sweep_over_orderings_and_one_over_seeds(planned: Callable[..., Plan], tmp_path: Path) -> None:
    material = (
        'structure = "CsPbBr3_Pm-3m"\nsupercell = [2, 2, 2]\n'
        'substitute = { site = "Cs", by = "Rb", fraction = 0.5, seed = 5 }\n'
    )
    plan = planned(material, tail="[sweep]\nordering = [1, 2, 3, 4, 5, 6]\n")
    found = digests(plan)
    assert list(found) == ["A/bulk-bands"] + [f"A/bulk-bands-ordering-{n}" for n in range(1, 7)]
    assert len(set(found.values())) == 6
    told = [plan.at(point).materials["A"].start.properties["substitution"]["ordering"] for point in plan.points]
    assert [one["number"] for one in told] == [1, 2, 3, 4, 5, 6]
    assert sum(one["degeneracy"] for one in told) == 70
    StudyFolder.create(plan, tmp_path / "run", "run")
    assert digests(StudyFolder.existing(tmp_path / "run").plan) == found
    seeds = planned(material, tail="[sweep]\nseed = [0, 1]\n")
    assert set(list(digests(seeds).values())[1:]) == {
        found["A/bulk-bands-ordering-1"],
        found["A/bulk-bands-ordering-2"],
    }


def test_the_mean_over_the_orderings_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of four sites of a square: side by side in 4 of 6 arrangements, across in 2; 8 atoms a cell."""
    file = tmp_path / "mixed.toml"
    file.write_text(
        f'{HEAD}code = "gpaw"\n[materials.A]\nstructure = "CsBr_Pm-3m"\nsupercell = [2, 2, 1]\n'
        f'substitute = {{ site = "Cs", by = "Rb", fraction = 0.5 }}\n{REST}[sweep]\nordering = [1, 2]\n'
    )
    study = load_study(file, "quick")
    plan, prepared = plan_study(study), tmp_path / "prepared"
    copying_engine(study, prepared, monkeypatch)
    builder, expected = Builder(plan), 0.0
    for step in plan.steps:
        of_it = plan.at(step.point).materials["A"].start.properties["substitution"]["ordering"]["degeneracy"]
        energy_ev = -8.0 * of_it
        built_step = builder.build(step)
        leave(prepared / step.seed, built_step.structure, built_step.spec, changes={"energy_ev": energy_ev})
        expected += of_it * energy_ev / 8 / 6 if step.point else 0.0
    run_study(study, tmp_path / "run", workers=1)
    outcome = outcome_of_folder(tmp_path / "run")
    found = {one.name: one for one in outcome.quantities if "ordering" in one.method}
    mean, spread = found["mean total energy per atom"], found["spread of the total energy per atom"]
    assert mean.value == pytest.approx(expected) == pytest.approx(-(2 * 2 + 4 * 4) / 6)
    assert mean.uncertainty == pytest.approx((-4 + 10 / 3, -2 + 10 / 3)), "from the mean"
    assert spread.value == pytest.approx((2 / 6 * 4 / 6 * 2**2) ** 0.5)
    assert found["mean band gap"].value == pytest.approx(CBM + 0.1 - VBM)
    write_outcome(outcome, tmp_path / "report")
    rows = (tmp_path / "report" / "figures" / "sweep-ordering.csv").read_text().splitlines()
    assert rows[0] == "name,subject,others,ordering,value,unit,change_mev" and len(rows) == 3
    assert "Sweep of the ordering of the mixture" in (tmp_path / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('substitute = { site = "Cs", by = "FA", fraction = 1.5 }', "it is how many of the sites"),
        ('substitute = { site = "Cs", by = "FA", fraction = "half" }', "fraction"),
        ('substitute = { site = "Cs", by = "FA", fracton = 0.5 }', "did you mean 'fraction'"),
        ('substitute = { site = "Cs", by = "FA", fraction = 0.5, seed = 1 }\nseed = 2', "one seed"),
        ('substitute = { site = "Cs", by = "FA", fraction = 0.5 }\nordering = "best"', "ordering"),
        ('substitute = { site = "Cs", by = "FA", fraction = 0.5 }\nordering = 2', "there is no ordering 2"),
        ('substitute = { site = "Cs", by = "FA", fraction = 0.3 }\nsupercell = [2, 1, 1]', "0.3 of 2 Cs sites"),
        ("supercell = [2, 1, 1]", "the same crystal at a higher cost"),
        ("seed = 1", "seed belongs to a substitution"),
        ("pseudocubic_ang = 6.0", "belongs to a substitution"),
    ],
)
def test_what_is_no_mixture_is_refused_with_its_line(planned: Callable[..., Plan], lines: str, says: str) -> None:
    with pytest.raises(DftflowError) as caught:
        planned(f'structure = "CsPbBr3_Pm-3m"\n{lines}\n')
    assert says in str(caught.value)
    assert caught.value.where.partition(":")[2].isdigit()


@pytest.mark.parametrize("key", ["ordering", "seed"])
def test_a_sweep_of_what_no_material_has(planned: Callable[..., Plan], key: str) -> None:
    with pytest.raises(StudyError, match="is a mixture"):
        planned('structure = "CsPbBr3_Pm-3m"\n', tail=f"[sweep]\n{key} = [1, 2]\n")
