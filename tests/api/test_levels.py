"""Levels of slabs that were never planned: against the study's own outcome, against plain sums, against a model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from castep_files import write_finished
from outcomes import (
    CS_010,
    CS_011,
    CS_BANDS,
    FA_010,
    FA_BANDS,
    RELAXED,
    StoredRun,
    recorded_edges_ev,
    recorded_ip_ev,
    recorded_work_function_ev,
)
from pymatgen.core import Lattice, Structure

from dftflow.api.alignment import align
from dftflow.api.calculation import read
from dftflow.api.levels import edges, levels
from dftflow.api.slab_levels import slab_levels
from dftflow.cli.main import main
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.errors import AnalysisError, BandEdgeError, InputError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Bands, PotentialGrid

# --- finished runs of an engine ---------------------------------------------------------------------------------


def test_the_same_as_in_the_study(stored: StoredRun) -> None:
    """Plane, termination and numbers of every slab, from the folders alone."""
    slabs = {slab.levels_step: slab for material in stored.outcome().materials for slab in material.slabs}
    for bulk, steps in ((CS_BANDS, (CS_010, CS_011)), (FA_BANDS, (FA_010,))):
        found = levels([stored.folder(step) for step in steps], bulk=stored.folder(bulk))
        for step, slab in zip(steps, found.slabs, strict=True):
            study = slabs[step]
            assert study.levels is not None and slab.surface is not None
            assert slab.surface.termination == study.model.termination
            assert slab.surface.plane.miller_cell == study.model.plane.miller_cell
            assert slab.period_ang == pytest.approx(study.model.period_ang, abs=1e-6)
            high = slab.faces[1]
            assert high.line_up is not None and high.own.vacuum.side == "high"
            assert high.line_up.ionisation_potential_ev == pytest.approx(study.levels.ionisation_potential_ev, abs=1e-9)
            assert high.line_up.electron_affinity_ev == pytest.approx(study.levels.electron_affinity_ev, abs=1e-9)
            assert high.line_up.spread.total_ev == pytest.approx(study.levels.spread.total_ev, abs=1e-9)
            assert high.own.work_function_ev == pytest.approx(study.levels.work_function_ev, abs=1e-9)
            assert high.own.ionisation_potential_ev == pytest.approx(study.levels.slab_ionisation_potential_ev)


def test_the_same_as_by_plain_sums(stored: StoredRun) -> None:
    bulk, slab = stored.folder(CS_BANDS), stored.folder(CS_010)
    (found,) = levels(str(slab), bulk=str(bulk)).slabs
    high = found.faces[1]
    assert high.line_up is not None and found.period_ang is not None
    assert high.line_up.ionisation_potential_ev == pytest.approx(recorded_ip_ev(bulk, slab, found.period_ang), abs=2e-3)
    assert high.own.work_function_ev == pytest.approx(recorded_work_function_ev(slab), abs=2e-3)
    gap_ev = np.subtract(*recorded_edges_ev(bulk)[::-1])
    line_up = high.line_up
    assert line_up.ionisation_potential_ev - line_up.electron_affinity_ev == pytest.approx(gap_ev)


def test_a_relaxed_slab(tmp_path: Path) -> None:
    run = StoredRun.of(tmp_path / "run", RELAXED)
    (found,) = levels(run.folder("CsBr/slab-110-potential"), bulk=run.folder("CsBr/bulk-bands")).slabs
    assert str(found.surface) == "(110) Pm-3m, CsBr" and found.surface is not None and found.surface.rms_ang > 0.01
    study = run.outcome().materials[0].slabs[0].levels
    assert study is not None and found.faces[1].line_up is not None
    assert found.faces[1].line_up.ionisation_potential_ev == pytest.approx(study.ionisation_potential_ev, abs=1e-9)


def test_without_a_crystal_the_slab_speaks_for_itself(stored: StoredRun) -> None:
    (found,) = levels(stored.folder(CS_010)).slabs
    assert [face.own.work_function_ev > 0 for face in found.faces] == [True, True]
    assert not found.is_lined_up and found.comparison is None and "no crystal was given" in found.why_no_line_up
    with pytest.raises(AnalysisError, match="no slab gives absolute band edges"):
        levels(stored.folder(CS_010)).columns()


def test_for_an_alignment(stored: StoredRun) -> None:
    found = levels([stored.folder(CS_010), stored.folder(CS_011)], bulk=stored.folder(CS_BANDS))
    first, second = found.columns()
    assert (first.material, first.surface) == ("CsPbBr3", "(010) Pnma, CsBr"), "two equal faces are one column"
    assert second.surface == "(011) Pnma, CsBr3 (half)"
    (row,) = found.to_frame().query("side == 'high' and face == 'CsBr'").to_dict("records")
    assert (first.vbm_ev, first.cbm_ev) == (-row["ionisation_potential_ev"], -row["electron_affinity_ev"])
    assert first.range_ev[1] == -first.range_ev[0] > 0
    assert first.source == "", "a source is that of quoted numbers"
    assert [slab.place.parent for slab, _ in found.columns_of_slabs()] == [stored.folder(CS_010), stored.folder(CS_011)]


def test_another_method_is_refused_and_costs_the_line_up_alone(
    stored: StoredRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = StoredRun.of(tmp_path / "run")
    record = json.loads((other.folder(CS_BANDS) / "results.json").read_text())
    other.record(CS_BANDS, method=record["method"] | {"functional": "LDA"})
    arguments = ["levels", "--bulk", str(other.folder(CS_BANDS)), "--slab", str(stored.folder(CS_010))]
    assert main([*arguments, "--json"]) == AnalysisError.exit_code
    captured = capsys.readouterr()
    (slab,) = json.loads(captured.out)["slabs"]
    assert [face["line_up"] for face in slab["faces"]] == [None, None]
    assert slab["faces"][0]["work_function_ev"] > 0 and slab["faces"][0]["own_ionisation_potential_ev"] > 0
    assert "must not be subtracted, because of: functional" in slab["why_no_line_up"]
    assert "functional: LDA | PBE" in captured.err
    assert main(arguments) == AnalysisError.exit_code
    assert "no line-up: the crystal and the slab must not be subtracted" in capsys.readouterr().out


def test_a_slab_of_another_crystal(stored: StoredRun) -> None:
    (found,) = levels(stored.folder(CS_010), bulk=stored.folder(FA_BANDS), period_ang=6.0).slabs
    assert "slab of another crystal: it holds no C, H, N" in found.why_no_line_up


def test_damaged_bands_of_the_crystal_cost_no_work_function(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = StoredRun.of(tmp_path / "run")
    (run.folder(CS_BANDS) / "bands.npz").write_bytes(b"")
    arguments = ["levels", "--bulk", str(run.folder(CS_BANDS)), "--slab", str(run.folder(CS_010))]
    assert main(arguments) == AnalysisError.exit_code
    captured = capsys.readouterr()
    assert f"{recorded_work_function_ev(run.folder(CS_010)):.2f}" in captured.out
    assert "no band edges of the crystal" in captured.out and "bands.npz" in captured.err


def test_what_is_no_slab_and_what_is_no_crystal(stored: StoredRun) -> None:
    with pytest.raises(InputError, match="no slab"):
        levels(stored.folder(CS_BANDS))
    with pytest.raises(InputError, match="holds a vacuum"):
        levels(stored.folder(CS_010), bulk=stored.folder(CS_011))
    with pytest.raises(InputError, match="no length"):
        levels(stored.folder(CS_010), period_ang=0.0)


def test_edges_of_a_folder(stored: StoredRun) -> None:
    vbm_ev, cbm_ev = recorded_edges_ev(stored.folder(CS_BANDS))
    found = edges(str(stored.folder(CS_BANDS)))
    assert (found.vbm.value_ev, found.cbm.value_ev) == pytest.approx((vbm_ev, cbm_ev))
    assert edges(read(stored.folder(CS_BANDS))) == found


def test_as_table_csv_and_repr(stored: StoredRun, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["levels", "--bulk", str(stored.folder(CS_BANDS)), "--slab", str(stored.folder(CS_010))]
    found = levels(stored.folder(CS_010), bulk=stored.folder(CS_BANDS))
    assert main([*arguments, "--csv"]) == 0
    assert capsys.readouterr().out == found.to_csv()
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(found.to_dict()))
    assert repr(found) == "<Levels of CsPbBr3: CsPbBr3-slab-010-potential (010) Pnma, CsBr>"
    for width in (50, 80, 120):
        assert max(map(len, found.table(width).splitlines())) <= width


def test_a_plateau_has_one_range_in_both_commands(stored: StoredRun) -> None:
    """Of a slab's own levels, in a table of levels and in an alignment: half of the plateau's spread."""
    slab = stored.folder(CS_010)
    found = levels(slab)
    head, row, *_ = found.table().splitlines()
    printed = float(row.split()[-1])
    assert head.endswith("own ±")
    (own,) = (one for one in align(f"own={slab}", {"X": {"ip": 6.0, "ea": 4.0}}).columns if not one.is_quoted)
    spreads = [face.own.vacuum.spread_ev for face in found.slabs[0].faces]
    potentials = [face.own.ionisation_potential_ev or 0.0 for face in found.slabs[0].faces]
    assert printed == pytest.approx(spreads[0] / 2, abs=5e-4) and spreads[0] > 2e-3
    assert own.edges.range_ev[1] == pytest.approx((max(spreads) + max(potentials) - min(potentials)) / 2, abs=1e-9)
    assert found.to_dict()["slabs"][0]["faces"][0]["own_uncertainty_ev"] == pytest.approx(spreads[0] / 2)


def test_the_legend_is_of_the_columns_that_are_there(stored: StoredRun) -> None:
    alone, lined_up = (levels(stored.folder(CS_010), bulk=bulk).table(400) for bulk in (None, stored.folder(CS_BANDS)))
    assert "IP, EA: VBM and CBM of the crystal" in lined_up and "over the slab's middle" in lined_up
    assert "of the crystal, lined up" not in alone and "over the slab's middle" not in alone
    assert all("own ±: half the spread of the vacuum plateau" in table for table in (alone, lined_up))


# --- a model whose levels are known -----------------------------------------------------------------------------

BULK_V_EV, SLAB_V_EV, VACUUM_EV, RIPPLE_EV, FERMI_EV = 5.0, -8.0, 3.0, 2.0, -1.0
BULK_VBM_EV, BULK_CBM_EV = 2.0, 4.5


def bands(vbm_ev: float, cbm_ev: float, structure: Structure, fermi_ev: float) -> Bands:
    return Bands(
        eigenvalues_ev=np.array([[[vbm_ev, cbm_ev + 1], [vbm_ev - 0.5, cbm_ev]]]),
        kpoints_frac=np.array([[0, 0, 0], [0.5, 0, 0]]),
        labels=("", ""),
        on_path=(-1, -1),
        reciprocal_per_ang=structure.lattice.reciprocal_lattice.matrix,
        n_electrons=(2.0,),
        fermi_ev=fermi_ev,
        zero=EnergyZero("made", "cell_average"),
    )


def leave(folder: Path, structure: Structure, bands: Bands, values_ev: np.ndarray) -> Path:
    """A calculation of CASTEP: ``.bands``, ``.pot_fmt`` and ``.cell``."""
    folder.mkdir(parents=True)
    potential = PotentialGrid(
        values_ev=values_ev, cell_ang=structure.lattice.matrix, kind="local", zero=EnergyZero("made", "cell_average")
    )
    write_finished(folder, "x", bands=bands, potential=potential)
    cell = "\n".join(" ".join(f"{value:.10f}" for value in vector) for vector in structure.lattice.matrix)
    atoms = "\n".join(f"{site.specie.symbol} " + " ".join(f"{x:.10f}" for x in site.frac_coords) for site in structure)
    blocks = {"LATTICE_CART": cell, "POSITIONS_FRAC": atoms}
    text = "".join(f"%BLOCK {name}\n{rows}\n%ENDBLOCK {name}\n" for name, rows in blocks.items())
    (folder / "x.cell").write_text(text)
    return folder


def model(
    root: Path, normal: int, *, drop_ev: float = 0.0, miller: tuple[int, int, int] = (1, 1, 0), face: str = "CsBr"
) -> tuple[Path, Path]:
    """CsBr and a slab of it, the vacuum along `normal`: inside a cosine of the crystal's period about -8 eV."""
    crystal = Structure.from_spacegroup("Pm-3m", Lattice.cubic(4.295), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    plane = resolve_plane(crystal, miller, "given")
    cuts = enumerate_slabs(crystal, plane, min_thickness_ang=24.0, vacuum_ang=20.0)
    cut = next(cut for cut in cuts if cut.termination == face)
    order = np.roll([0, 1, 2], normal + 1)
    lattice = Lattice(cut.structure.lattice.matrix[order])
    slab = Structure(lattice, [s.specie.symbol for s in cut.structure], cut.structure.frac_coords[:, order])
    n, length = 1200, cut.structure.lattice.c
    z = np.arange(n) * length / n
    heights = cut.structure.cart_coords[:, 2]
    ripple = RIPPLE_EV * np.cos(2 * np.pi * (z - heights.min()) / cut.period_ang)
    inside = (z > heights.min() - 0.6) & (z < heights.max() + 0.6)
    outside = np.where(z > length / 2, VACUUM_EV - drop_ev, VACUUM_EV)
    if drop_ev:
        outside = np.where(z < 1.0, VACUUM_EV - drop_ev, outside)
    shape = [1, 1, 1]
    shape[normal] = n
    values = np.where(inside, SLAB_V_EV + ripple, outside).reshape(shape)
    tiled = np.broadcast_to(values, [n if axis == normal else 2 for axis in range(3)])
    bulk_values = np.full((4, 4, 4), BULK_V_EV) + RIPPLE_EV * np.cos(np.pi * np.arange(4) / 2)
    bulk = leave(root / "bulk", crystal, bands(BULK_VBM_EV, BULK_CBM_EV, crystal, 3.0), bulk_values)
    return bulk, leave(root / "slab", slab, bands(-1.7, 1.0, slab, FERMI_EV), tiled)


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_a_model_whose_levels_are_known(tmp_path: Path, normal: int) -> None:
    """IP = (E_vac - V_slab) - (E_VBM - V_bulk) = 11 - (2 - 5) = 14 eV, whichever lattice vector leads out."""
    bulk, slab = model(tmp_path, normal)
    (found,) = levels(slab, bulk=bulk).slabs
    assert found.normal == normal and str(found.surface) == "(110) Pm-3m, CsBr", found.why_no_surface
    for face in found.faces:
        assert face.line_up is not None, found.why_no_line_up
        assert face.line_up.ionisation_potential_ev == pytest.approx(14.0, abs=0.01)
        assert face.line_up.electron_affinity_ev == pytest.approx(11.5, abs=0.01)
        assert face.own.work_function_ev == pytest.approx(4.0, abs=1e-3)
        assert face.own.ionisation_potential_ev == pytest.approx(4.7, abs=1e-3)
        assert face.own.electron_affinity_ev == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize("normal", [1, 2])
def test_two_sides_that_differ(tmp_path: Path, normal: int) -> None:
    bulk, slab = model(tmp_path, normal, drop_ev=0.7)
    found = levels(slab, bulk=bulk)
    low, high = found.slabs[0].faces
    assert low.line_up is not None and high.line_up is not None
    assert low.line_up.ionisation_potential_ev - high.line_up.ionisation_potential_ev == pytest.approx(0.7, abs=1e-3)
    assert low.own.work_function_ev - high.own.work_function_ev == pytest.approx(0.7, abs=1e-3)
    assert [column.surface for column in found.columns()] == [
        "(110) Pm-3m, CsBr, low side",
        "(110) Pm-3m, CsBr, high side",
    ]


@pytest.mark.parametrize("normal", [0, 2])
def test_each_side_has_the_name_of_its_outermost_layer(tmp_path: Path, normal: int) -> None:
    bulk, slab = model(tmp_path, normal, miller=(1, 0, 0), face="Br|Cs")
    (found,) = levels(slab, bulk=bulk).slabs
    structure = read(slab).structure
    assert structure is not None
    lowest = structure[int(structure.frac_coords[:, normal].argmin())].specie.symbol
    assert {face.own.vacuum.side: face.name for face in found.faces} == {
        "low": lowest,
        "high": "Cs" if lowest == "Br" else "Br",
    }
    assert found.surface is not None and found.surface.polar and "polar" in " ".join(found.remarks)


def test_what_the_files_do_not_tell_is_undecided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The model's log tells neither functional nor cutoff: the numbers stand, with exit code 9."""
    bulk, slab = model(tmp_path, 2)
    assert main(["levels", "--bulk", str(bulk), "--slab", str(slab)]) == 9
    out = capsys.readouterr().out
    assert "14.0" in out and "cannot be told whether they may be subtracted" in " ".join(out.split())


def test_a_surface_that_is_not_told_needs_the_window(tmp_path: Path) -> None:
    bulk, slab = model(tmp_path, 2)
    cell = (slab / "x.cell").read_text()
    (slab / "x.cell").write_text(cell.replace("%BLOCK POSITIONS_FRAC\n", "%BLOCK POSITIONS_FRAC\nCs 0.5 0.5 0.9\n", 1))
    (found,) = levels(slab, bulk=bulk).slabs
    assert found.surface is None and "window" in found.why_no_line_up and found.faces[0].own.work_function_ev > 0
    (given,) = levels(slab, bulk=bulk, period_ang=3.037).slabs
    assert given.is_lined_up and any("window that was given" in remark for remark in given.remarks)
    assert given.why_no_surface


def test_two_kinds_of_potential_are_not_lined_up(stored: StoredRun) -> None:
    slab, bulk = (read(stored.folder(step)).found for step in (CS_010, CS_BANDS))
    assert bulk.judged is not None and bulk.results.potential is not None
    local = replace(bulk.results, potential=replace(bulk.results.potential, kind="local"))
    found = slab_levels(slab, replace(bulk, judged=replace(bulk.judged, results=local)), name="x")
    assert found.why_no_line_up.startswith("the crystal's potential is local, the slab's electrostatic")
    assert found.faces[0].own.work_function_ev > 0


def test_no_edges_have_a_reason(tmp_path: Path) -> None:
    run = StoredRun.of(tmp_path / "run").lost(CS_BANDS, "bands.npz")
    with pytest.raises(BandEdgeError, match="no eigenvalues"):
        edges(run.folder(CS_BANDS))
