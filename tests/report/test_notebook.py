"""Tests of dftflow.report.notebook: what a notebook shows of each type of the lower layers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from html_cells import HOSTILE_NAME, cell, texts
from outcomes import VARIANTS
from pymatgen.core import Lattice, Structure

from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import choose_slab, enumerate_slabs
from dftflow.crystals.sources import load_crystal
from dftflow.gate.found import calculation_at
from dftflow.model.energy import EnergyZero
from dftflow.model.outcome import StudyOutcome
from dftflow.model.results import Bands
from dftflow.model.surface import SlabModel
from dftflow.report.notebook import html_of

RUN = Path(__file__).parents[1] / "data/gpaw/26.7.0/fapbbr3-cspbbr3-quick/steps"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    return VARIANTS["whole"](tmp_path_factory.mktemp("outcome"))


@pytest.fixture(scope="module")
def slab() -> SlabModel:
    structure = load_crystal("CsPbBr3_Pnma").structure
    plane = resolve_plane(structure, (0, 1, 1), "Pnma")
    return choose_slab(enumerate_slabs(structure, plane, min_thickness_ang=10, vacuum_ang=15))


def flat_bands(values: list[list[float]], *, on_path: tuple[int, ...], n_electrons: float = 2.0) -> Bands:
    n_kpoints = len(values)
    return Bands(
        eigenvalues_ev=np.array([values]),
        kpoints_frac=np.linspace([0, 0, 0], [0.5, 0, 0], n_kpoints),
        labels=("G", *[""] * (n_kpoints - 2), "X"),
        on_path=on_path,
        reciprocal_per_ang=np.eye(3),
        n_electrons=(n_electrons,),
        fermi_ev=0.5,
        zero=EnergyZero(run="a", reference="cell_average"),
    )


# --- one test a type --------------------------------------------------------------------------------------------------


def test_a_crystal() -> None:
    crystal = load_crystal("CsPbBr3_Pnma")
    root = cell(crystal)
    told = texts(root)
    assert repr(crystal) == "<Crystal CsPbBr3_Pnma: Pnma (62), 20 atoms>"
    assert "Pnma (62)" in told and "8.2440, 11.7351, 8.1982 Å" in told and crystal.reference in told
    circles = [path for path in root.iter("{http://www.w3.org/2000/svg}path") if "fill" in path.attrib.get("style", "")]
    assert len(circles) >= 20


def test_a_slab(slab: SlabModel) -> None:
    told = texts(cell(slab))
    assert repr(slab) == "<SlabModel (011) Pnma, CsBr3 (half): 30 atoms, 10.18 Å>"
    assert "(101) Pbnm" in told and "compensated" in told and "10.18 Å, 15.00 Å" in told
    refused = replace(slab, refused="its two faces differ", formal_charge=-4)
    assert "its two faces differ" in texts(cell(refused)) and "−4" in texts(cell(refused))
    assert "refused" in repr(refused)


def test_bands_and_edges(outcome: StudyOutcome) -> None:
    bulk = outcome.materials[0].bulk
    assert bulk.bands is not None and bulk.edges is not None
    gap = f"{bulk.edges.band_gap_ev:.3f} eV"
    told = texts(cell(bulk.bands))
    assert gap in told and "VBM" in told and "17, 16 of them on a path" in told
    assert gap in texts(cell(bulk.edges)) and gap in repr(bulk.edges)
    assert repr(bulk.bands).startswith("<Bands 17 k-points, 92 bands, E_F ")


def test_a_metal_has_its_fermi_level_and_the_reason() -> None:
    metal = flat_bands([[0.0, 0.4], [0.6, 1.0], [0.2, 0.8]], on_path=(0, 0, 0))
    told = texts(cell(metal))
    assert "none: " in told and "0.500 eV" in told and "E_\\mathrm" not in told


def test_bands_on_no_path_have_no_picture_and_the_reason() -> None:
    told = texts(cell(flat_bands([[0.0, 1.0], [0.1, 1.2], [0.2, 1.1]], on_path=(-1, -1, -1))))
    assert "No figure: " in told and "0.800 eV" in told


def test_levels_of_a_surface(outcome: StudyOutcome) -> None:
    levels = outcome.materials[0].slabs[0].levels
    assert levels is not None
    told = texts(cell(levels))
    for number in (levels.ionisation_potential_ev, levels.electron_affinity_ev, levels.work_function_ev):
        assert f"{number:.3f} eV" in told
        assert f"{number:.3f}" in repr(levels)
    assert "bounds no error" in told


def test_an_alignment(outcome: StudyOutcome) -> None:
    row = outcome.alignments[0]
    told = texts(cell(row))
    assert "CsPbBr 3 and FAPbBr 3 : type II" in told
    assert f"{row.valence_band_offset_ev:+.3f}" in told and row.range_holds in told
    assert "positive: the first lies higher" in told
    published = next(row for row in outcome.alignments if row.source)
    assert published.source in texts(cell(published))


def test_an_outcome(outcome: StudyOutcome) -> None:
    told = texts(cell(outcome))
    assert repr(outcome).endswith("CsPbBr3, FAPbBr3; 5 of 5 steps finished>")
    assert "5 finished" in told and "[1] contradicts" not in told and "contradicts [2], [5]" in told
    for material in outcome.materials:
        assert material.bulk.edges is not None and f"{material.bulk.edges.band_gap_ev:.3f}" in told
    assert all(len(repr(part)) < 200 for part in (*outcome.materials, *outcome.steps, outcome.materials[0].bulk))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_outcome_is_a_cell_and_names_what_is_missing(variant: str, tmp_path: Path) -> None:
    outcome = VARIANTS[variant](tmp_path)
    told = texts(cell(outcome))
    for material in outcome.materials:
        for slab in material.slabs:
            assert slab.levels is not None or " ".join(slab.failure.split())[:100] in told


def test_a_calculation_that_was_found() -> None:
    bulk = calculation_at(RUN / "CsPbBr3/bulk-bands-bd06f528e4")
    told = texts(cell_of(bulk))
    assert "gpaw" in told and "1.659 eV, direct" in told and "Energy relative to" in told


class cell_of:  # noqa: N801
    """A type without a `_repr_html_` of its own."""

    def __new__(cls, thing: object):  # type: ignore[no-untyped-def]
        return cell(type("Shown", (), {"_repr_html_": lambda self: str(html_of(thing))})())


# --- what holds for all of them ---------------------------------------------------------------------------------------


def test_names_of_others_are_text(slab: SlabModel, outcome: StudyOutcome) -> None:
    crystal = replace(load_crystal("CsPbBr3_Pnma"), name=HOSTILE_NAME, reference=HOSTILE_NAME, warnings=(HOSTILE_NAME,))
    row = replace(outcome.alignments[0], method=HOSTILE_NAME, first_name=HOSTILE_NAME, remarks=(HOSTILE_NAME,))
    study = replace(outcome, title=HOSTILE_NAME, study_name=HOSTILE_NAME, warnings=(HOSTILE_NAME,))
    assert row.first is not None
    row = replace(row, first=replace(row.first, material=HOSTILE_NAME))
    for thing in (crystal, row, study, replace(slab, termination=HOSTILE_NAME, refused=HOSTILE_NAME)):
        assert "<script>alert(1)</script>&" in texts(cell(thing))
        assert "\x1b" not in repr(thing) and len(repr(thing)) < 400


def test_pictures_share_no_name_on_one_page(slab: SlabModel, outcome: StudyOutcome) -> None:
    crystal = load_crystal("CsPbBr3_Pnma")
    cell(crystal, crystal, slab, slab, outcome.alignments[0], outcome.alignments[0], outcome, outcome)


def test_large_crystals_are_counted_and_not_drawn() -> None:
    lattice = Lattice.cubic(4.0 * 9)
    grid = np.array(np.meshgrid(*[np.arange(9) / 9] * 3)).reshape(3, -1).T
    many = replace(load_crystal("CsPbBr3_Pnma"), structure=Structure(lattice, ["Cs"] * len(grid), grid))
    told = texts(cell(many))
    assert "729" in told and "No figure" in told


def test_many_atoms_or_bands_are_a_picture_of_points() -> None:
    rng = np.random.default_rng(1)
    values = np.sort(rng.normal(size=(120, 400)), axis=1) + np.repeat([0, 3], [200, 200])
    root = cell(flat_bands(values.tolist(), on_path=(0,) * 120, n_electrons=400.0))
    (image,) = root.iter("img")
    assert image.attrib["src"].startswith("data:image/png;base64,") and "max-width" in image.attrib["style"]


def test_outcomes_and_alignments_are_plain_data_and_tables(outcome: StudyOutcome) -> None:
    plain = outcome.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["schema"] == "dftflow-results/2"
    row = outcome.alignments[0]
    assert row.to_dict() == plain["alignments"][0]
    frame = outcome.to_frame()
    assert len(frame) == len(outcome.quantities)
    offset = frame[(frame.name == "valence band offset") & (frame.method == row.method)]
    assert list(offset.value) == [row.valence_band_offset_ev]
    assert row.to_frame().valence_band_offset_ev[0] == row.valence_band_offset_ev
