"""What may be used as the results of a step: asked of folders in which one thing is wrong at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from model_crystal import leave

from dftflow.codes.registry import load_code
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.sources import load_crystal
from dftflow.gate.step import admit
from dftflow.model.admission import Admitted, Refusal
from dftflow.model.built import Built
from dftflow.model.spec import CalcSpec
from dftflow.model.surface import SlabModel

SPEC = CalcSpec(
    title="",
    task="potential",
    xc="PBE",
    cutoff_ev=300.0,
    grid=(2, 2, 1),
    smearing_ev=0.1,
    scf_tol_ev_per_atom=1e-6,
    max_scf_cycles=50,
    slab_axis=2,
)
GPAW = load_code("gpaw")


@pytest.fixture(scope="module")
def slabs() -> dict[str, SlabModel]:
    """CsPbBr3 (001) by termination."""
    crystal = load_crystal("CsPbBr3_Pm-3m", base_dir=Path()).structure
    found = enumerate_slabs(
        crystal, resolve_plane(crystal, (0, 0, 1), "cubic"), min_thickness_ang=10.0, vacuum_ang=15.0
    )
    return {slab.termination: slab for slab in found}


def built_as(slab: SlabModel) -> Built:
    return Built(structure=slab.structure, spec=SPEC, model=slab)


def test_the_slab_that_was_asked_for(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = built_as(slabs["CsBr"])
    admission = admit(asked, GPAW, leave(tmp_path / "a", asked.structure, SPEC))
    assert isinstance(admission, Admitted) and admission.remarks == () and admission.built is asked


def test_a_slab_of_another_termination_is_refused_by_its_name(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    """Both hold Cs, Pb and Br, and both have their vacuum along c."""
    folder = leave(tmp_path / "a", slabs["PbBr2"].structure, SPEC)
    admission = admit(built_as(slabs["CsBr"]), GPAW, folder)
    assert isinstance(admission, Refusal) and admission.kind == "refused"
    assert "PbBr2" in admission.reason and "the study asks for CsBr" in admission.reason
    assert isinstance(admit(built_as(slabs["PbBr2"]), GPAW, folder), Admitted)


def test_nothing_input_alone_and_a_dead_run_are_three_things(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = built_as(slabs["CsBr"])
    nothing = admit(asked, GPAW, tmp_path / "nowhere")
    assert isinstance(nothing, Refusal) and nothing.kind == "not run" and nothing.folder is None
    deck = GPAW.render(asked.structure, SPEC, "a")
    for name, text in deck.files.items():
        (tmp_path / name).write_text(text)
    inputs = admit(asked, GPAW, tmp_path)
    assert isinstance(inputs, Refusal) and inputs.kind == "not run" and "input files alone" in inputs.reason
    (tmp_path / "stdout.log").write_text("iter: 1")
    dead = admit(asked, GPAW, tmp_path)
    assert isinstance(dead, Refusal) and dead.kind == "failed" and dead.log_tail == "iter: 1"


def test_a_deck_that_somebody_changed_is_used_and_said(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = built_as(slabs["CsBr"])
    folder = leave(tmp_path, asked.structure, SPEC)
    deck = GPAW.render(asked.structure, SPEC, "a").files
    for name, text in deck.items():
        (folder / name).write_text(text)
    untouched = admit(asked, GPAW, folder, deck=deck)
    assert isinstance(untouched, Admitted) and untouched.remarks == ()
    script = folder / "a.py"
    script.write_text(script.read_text().replace("300.0", "500.0"))
    edited = admit(asked, GPAW, folder, deck=deck)
    assert isinstance(edited, Admitted)
    (remark,) = edited.remarks
    assert remark.startswith("its deck was changed: a.py") and "500.0" in remark


def test_a_geometry_that_was_not_relaxed_yet_is_said(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = replace(built_as(slabs["CsBr"]), assumed=("CsPbBr3/slab-001-relax",))
    folder = leave(tmp_path, asked.structure, SPEC)
    admission = admit(asked, GPAW, folder)
    assert isinstance(admission, Admitted)
    (remark,) = admission.remarks
    assert remark == "calculated at an unrelaxed geometry: it was made before CsPbBr3/slab-001-relax had a result"
    older = admit(built_as(slabs["CsBr"]), GPAW, folder, older_than=("CsPbBr3/bulk-relax",))
    assert isinstance(older, Admitted)
    assert older.remarks == ("its deck is older than the result of CsPbBr3/bulk-relax",)


def test_a_surface_that_cannot_be_told_is_no_agreement(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    """An ion whose charge is not known, in the place of another: not the elements that were asked for."""
    strange = slabs["CsBr"].structure.copy()
    strange.replace_species({"Cs": "Eu"})
    refused = admit(built_as(slabs["CsBr"]), GPAW, leave(tmp_path, strange, SPEC))
    assert isinstance(refused, Refusal) and refused.kind == "refused"
