"""Figures of folders of results: by each code, refused with a reason where the data do not carry them."""

from __future__ import annotations

import csv
import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from castep_files import write_finished
from free_electrons import path_bands
from vasp_files import Geometry, Run

from dftflow.api.plot import KINDS, plot
from dftflow.api.plotted import PlottedFigure
from dftflow.api.sources import named_calculations, shortest_names, with_clear_gap
from dftflow.errors import AnalysisError, InputError, StoreError
from dftflow.gate.found import calculation_at
from dftflow.model.energy import EnergyZero
from dftflow.model.results import BandsRun, PotentialGrid

DATA = Path(__file__).parents[1] / "data"
DENSE = DATA / "espresso" / "6.7" / "dense"
GPAW = DATA / "gpaw" / "26.7.0" / "fapbbr3-cspbbr3-quick" / "steps"
CS_BULK, FA_SLAB = GPAW / "CsPbBr3" / "bulk-bands-bd06f528e4", GPAW / "FAPbBr3" / "slab-010-potential-8513666457"
CS_011 = GPAW / "CsPbBr3" / "slab-011-potential-22d83e360c"


def _table(figure: PlottedFigure) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(figure.csv())))


def _svg(figure: PlottedFigure) -> str:
    return figure.drawing.render("svg", styles=figure.styles)["svg"].decode()


def _castep(folder: Path, corners: str = "GXM|RG", **options: object) -> Path:
    """A CASTEP calculation that holds bands along a path which its files do not name."""
    folder.mkdir()
    grid = PotentialGrid(
        values_ev=np.zeros((2, 2, 2)), cell_ang=np.eye(3) * 4.0, kind="local", zero=EnergyZero("run", "cell_average")
    )
    write_finished(folder, "run", bands=path_bands(corners, **options), potential=grid)
    return folder


# --- options ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_an_option_that_a_figure_does_not_have_is_refused(kind: str, tmp_path: Path) -> None:
    """Before anything is read: there is no such folder."""
    with pytest.raises(InputError, match="has no option 'windw'") as error:
        plot(kind, tmp_path / "nothing", windw=(-1, 1))
    assert "size" in error.value.fix and "colors" in error.value.fix
    with pytest.raises(InputError, match="has no option 'title'"):
        plot(kind, tmp_path / "nothing", title="Mine")


@pytest.mark.parametrize("kind", ["structure", "convergence", "alignment"])
def test_a_figure_without_energies_on_its_axis_has_no_window(kind: str) -> None:
    with pytest.raises(InputError, match="has no option 'window'"):
        plot(kind, "CsPbBr3_Pm-3m", window=(-1, 1))


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        ("bands", "zero"), ("bands", "project"), ("dos", "zero"), ("dos", "project"), ("convergence", "against"),
    ],
)  # fmt: skip
def test_a_value_that_an_option_cannot_have_is_refused(kind: str, option: str) -> None:
    with pytest.raises(InputError, match=f"{option} cannot be 'foo'") as error:
        plot(kind, DENSE, **{option: "foo"})
    assert error.value.fix.startswith("use one of ")


@pytest.mark.parametrize(
    "look", [{"window": 3}, {"window": ("a", "b")}, {"window": (2, 1)}, {"size": (5,)}, {"size": 5}]
)
def test_a_look_of_another_shape_is_refused(look: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"is no (window|size)"):
        plot("bands", CS_BULK, **look)


def test_a_diagram_is_filled_in_two_ways() -> None:
    levels = {"A": {"ip_ev": 6.0, "ea_ev": 3.0}, "B": {"ip_ev": 7.0, "ea_ev": 2.0}}
    with pytest.raises(InputError, match="fill cannot be 'foo'"):
        plot("alignment", levels, fill="foo")


# --- bands ------------------------------------------------------------------------------------------------------


def test_bands_of_quantum_espresso_on_a_dense_path() -> None:
    figure = plot("bands", DENSE)
    names = figure.names
    assert len(names) == 1 and figure.left_out
    rows = _table(figure)
    valence = [float(row["energy_ev"]) for row in rows]
    below = max(energy for energy in valence if energy <= 1e-6)
    above = min(energy for energy in valence if energy > 1e-6)
    assert below == pytest.approx(0, abs=1e-9) and above == pytest.approx(1.45, abs=0.005)
    assert {row["label"] for row in rows} == {"G", "X", "M", "R", ""}
    assert "relative to the VBM" in figure.drawing.caption


def test_bands_of_castep_whose_path_no_file_names(tmp_path: Path) -> None:
    figure = plot("bands", _castep(tmp_path / "run"))
    assert {row["part"] for row in _table(figure)} == {"1", "2"}
    assert "relative to the VBM" in figure.drawing.caption


def test_two_codes_in_one_figure(tmp_path: Path) -> None:
    figure = plot("bands", DENSE / "CsPbBr3.bands.xml", CS_BULK, _castep(tmp_path / "run"))
    assert len(figure.names) == 3
    assert figure.drawing.render("png")["png"].startswith(b"\x89PNG")


def test_zero_of_the_vacuum_is_that_of_the_ionisation_potential(tmp_path: Path) -> None:
    figure = plot("bands", _castep(tmp_path / "a"), _castep(tmp_path / "b", shift_ev=3.0), ip={"1": 5.5, "b": 6.25})
    rows = _table(figure)
    tops = [max(float(r["energy_ev"]) for r in rows if r["name"] == name and r["band"] == "1") for name in ("a", "b")]
    assert tops == pytest.approx([-5.5, -6.25], abs=1e-5)
    assert "by the ionisation potentials that were given" in figure.drawing.caption


def test_a_crystal_has_no_vacuum_level_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="run cannot be drawn relative to a vacuum level") as error:
        plot("bands", _castep(tmp_path / "a"), zero="vacuum")
    assert "slab" in error.value.reason and error.value.fix == "`--zero vbm` is known"


def test_bands_of_a_slab_alone_are_refused_as_a_path_is_missing() -> None:
    with pytest.raises(AnalysisError, match="there is no band path to draw") as error:
        plot("bands", FA_SLAB)
    assert "5 k-points are no path" in error.value.reason


def test_runs_of_one_path_are_joined(tmp_path: Path) -> None:
    """VASP writes the functional and the cutoff of each piece."""
    whole = np.linspace(0, 0.5, 21)
    for name, piece in (("1", whole[:11]), ("2", whole[11:])):
        _vasp(tmp_path / name, kpoints=[(x, 0.0, 0.0) for x in piece])
    figure = plot("bands", tmp_path / "1", tmp_path / "2", join=True, window=(-20, 20))
    rows = [row for row in _table(figure) if row["band"] == "1"]
    assert [float(row["k_a"]) for row in rows] == pytest.approx(list(whole))
    assert {row["part"] for row in rows} == {"1"}
    _vasp(tmp_path / "3", kpoints=[(x, 0.0, 0.0) for x in whole[11:]], parameters={"ENMAX": "float:500.0"})
    with pytest.raises(AnalysisError, match="cannot be joined"):
        plot("bands", tmp_path / "1", tmp_path / "3", join=True)


def _vasp(folder: Path, *, kpoints: list[tuple[float, float, float]], **settings: object) -> Path:
    folder.mkdir()
    count = len(kpoints)
    values = np.array([[[-5.0, -4.0, 0.5, 1.0, 2.5, 3.0]] * count]) - np.array([k[0] for k in kpoints])[:, None] ** 2
    run = Run(kpoints=kpoints, weights=[1 / count] * count, eigenvalues=values, **settings)  # type: ignore[arg-type]
    (folder / "vasprun.xml").write_text(run.xml())
    return folder


# --- densities of states, potentials, structures ----------------------------------------------------------------


def test_the_density_of_states_integrates_to_the_electrons() -> None:
    """All of them lie below the gap of 1.45 eV."""
    figure = plot("dos", DENSE / "grid", sigma=0.1, window=(-60, 10))
    rows = _table(figure)
    energies, total = (np.array([float(row[name]) for row in rows]) for name in ("energy_ev", "total_per_ev"))
    found = named_calculations([DENSE / "grid"])[0][0].found.results.bands
    assert found is not None
    below = total[energies < 0.7].sum() * (energies[1] - energies[0])
    assert below == pytest.approx(sum(found.n_electrons), abs=1e-3)


def test_the_density_of_a_code_is_taken_as_it_wrote_it_with_what_it_is_made_of() -> None:
    """projwfc.x printed 4.0 electrons a silicon atom, 8 in all, less what its atomic functions do not hold."""
    figure = plot("dos", DATA / "espresso" / "6.7" / "projected", project="orbital")
    rows = _table(figure)
    assert list(rows[0])[-2:] == ["Si s_per_ev", "Si p_per_ev"]
    assert all(
        float(row["Si s_per_ev"]) + float(row["Si p_per_ev"]) <= float(row["total_per_ev"]) + 1e-3 for row in rows
    )
    assert "projwfc.x" in figure.drawing.caption
    alone = plot("dos", DATA / "espresso" / "6.7" / "projected", project="none")
    assert list(_table(alone)[0])[-1] == "total_per_ev"
    eigenvalues = plot("dos", DATA / "espresso" / "6.7" / "projected", sigma=0.2)
    assert "From eigenvalues at 4 k-points of a grid; groups are atomic functions" in eigenvalues.drawing.caption
    undivided = plot("dos", DATA / "espresso" / "6.7" / "projected", sigma=0.2, project="none")
    assert "From eigenvalues at 4 k-points of a grid (levels 0.2 eV wide)" in undivided.drawing.caption
    assert list(_table(eigenvalues)[0])[-1] == "Si_per_ev"


def test_a_path_makes_no_density_of_states(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="no density of states to draw") as error:
        plot("dos", _castep(tmp_path / "run"))
    assert "lie on a band path" in error.value.reason


def test_the_potential_of_slabs_is_zero_in_the_vacuum() -> None:
    figure = plot("potential", FA_SLAB, CS_011)
    rows = _table(figure)
    ends = [float(row["planar_average_ev"]) for row in rows if abs(float(row["distance_ang"])) > 11]
    assert max(map(abs, ends)) < 0.01
    assert "over 5.99 Å" in figure.drawing.caption
    assert "No macroscopic average of" in figure.drawing.caption and "slab-011" in figure.drawing.caption
    given = plot("potential", CS_011, period=6.7)
    assert "over 6.70 Å" in given.drawing.caption


def test_a_window_of_no_width_is_no_window() -> None:
    with pytest.raises(AnalysisError, match="window of 0 Å"):
        plot("potential", CS_011, period=0.0)


def test_the_window_of_a_potential_holds_for_its_numbers_too() -> None:
    """All of it in the vacuum and at the top of the wells is within 2 eV of the vacuum level."""
    whole, part = _table(plot("potential", FA_SLAB)), _table(plot("potential", FA_SLAB, window=(-2, 1)))
    assert min(float(row["planar_average_ev"]) for row in whole) < -5
    values = [float(v) for row in part for v in (row["planar_average_ev"], row["macroscopic_average_ev"]) if v]
    assert values and min(values) >= -2 and max(values) <= 1 and len(part) < len(whole)
    with pytest.raises(InputError, match="nothing lies between 30 and 40 eV") as error:
        plot("potential", FA_SLAB, window=(30, 40))
    assert "they range from" in error.value.fix


def test_a_crystal_has_no_potential_across_it() -> None:
    with pytest.raises(AnalysisError, match="no potential of a slab") as error:
        plot("potential", CS_BULK)
    assert "no slab in this cell" in error.value.reason


def test_structures_from_a_name_a_folder_and_pymatgen() -> None:
    found = calculation_at(CS_BULK).results.structure
    figure = plot("structure", "CsPbBr3_Pnma", FA_SLAB, found)
    assert figure.names[0] == "CsPbBr3_Pnma" and figure.names[2] == "CsPbBr3"
    rows = _table(figure)
    assert sum(row["name"] == "CsPbBr3" for row in rows) == 20
    assert {row["element"] for row in rows} == {"Cs", "Pb", "Br", "C", "N", "H"}


@pytest.mark.parametrize("kind", ["bands", "structure", "dos"])
def test_what_left_no_results_is_said_to_be_left_out(kind: str, tmp_path: Path) -> None:
    """A damaged file beside a whole calculation is no reason to draw less without a word."""
    shutil.copytree(DENSE / "grid", tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.bands").write_text("Number of k-points  3\n")
    try:
        told = plot(kind, tmp_path).left_out
    except AnalysisError as error:
        told = (str(error),)
    assert any(str(tmp_path / "bad" / "x") in line and "bands" in line for line in told), told


def test_the_smearing_of_either_run_hides_a_gap(tmp_path: Path) -> None:
    """Energies of one run and eigenvalues of another: the wider smearing decides, for figures as for the table."""
    found = calculation_at(DENSE / "grid")
    method, edges = found.results.method, found.levels().edges
    assert method is not None and edges is not None
    wide = BandsRun(method=replace(method, smearing_ev=edges.band_gap_ev + 1))
    results = replace(found.results, method=replace(method, smearing_ev=0.01), bands_run=wide)
    assert with_clear_gap(found.levels(), results).edges is None
    assert with_clear_gap(found.levels(), replace(results, bands_run=None)).edges is not None


def test_parts_that_are_asked_for_are_drawn_or_refused() -> None:
    """Its eigenvalues have no projection: the total alone is drawn where no part is asked for."""
    assert list(_table(plot("dos", DENSE / "grid"))[0])[-1] == "total_per_ev"
    for project in ("element", "orbital"):
        with pytest.raises(AnalysisError, match=r"the density of states of .* cannot be projected") as error:
            plot("dos", DENSE / "grid", project=project)
        assert "no weights of the states on atoms" in error.value.reason and "--project none" in error.value.fix


def test_bands_stand_beside_a_density_of_states_of_the_next_folder_or_of_their_own(tmp_path: Path) -> None:
    figure = plot("bands", DENSE / "CsPbBr3.bands.xml", DENSE / "grid", dos=True, window=(-4, 4))
    assert figure.names == ("dense",) and figure.left_out == ()
    assert {"energy_ev", "total_per_ev"} <= _table(figure)[0].keys()
    with pytest.raises(AnalysisError, match="beside the bands of CsPbBr3-bulk-bands"):
        plot("bands", CS_BULK, dos=True)
    with pytest.raises(AnalysisError, match="no density of states beside the bands"):
        plot("bands", DENSE / "CsPbBr3.bands.xml", dos=True)
    with pytest.raises(AnalysisError, match="there is no band path to draw"):
        plot("bands", DENSE / "grid", dos=True)


@pytest.mark.parametrize("option", [{"overlay": True}, {"join": True}, {"ip": {"1": 5.5}}])
def test_a_density_of_states_stands_beside_single_bands_alone(option: dict[str, object]) -> None:
    with pytest.raises(InputError, match="do not go together"):
        plot("bands", CS_BULK, dos=True, **option)


def test_bands_point_to_a_density_of_states_where_there_is_one_alone(tmp_path: Path) -> None:
    """Three points of equal weights are neither a path nor a grid."""
    few = _vasp(tmp_path / "few", kpoints=[(0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (0.5, 0.5, 0.5)])
    with pytest.raises(AnalysisError, match="there is no band path to draw") as error:
        plot("bands", few)
    assert error.value.reason == "few: its 3 k-points are no path"
    with pytest.raises(AnalysisError, match="there is no band path to draw") as error:
        plot("bands", DENSE / "grid")
    assert "`dftflow plot dos` draws their density of states" in error.value.reason and plot("dos", DENSE / "grid")


@pytest.mark.parametrize("kind", ["bands", "dos", "potential"])
def test_an_error_over_many_calculations_is_short(kind: str, tmp_path: Path) -> None:
    points = [(0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (0.5, 0.5, 0.5)]
    for number in range(8):
        _vasp(tmp_path / f"run{number}", kpoints=points)
    with pytest.raises(AnalysisError, match="to draw") as error:
        plot(kind, tmp_path)
    assert error.value.reason.startswith("run0, run1, run2 and 5 more: ") and "run3" not in error.value.reason


@pytest.mark.parametrize("zero", ["vbm", "fermi"])
def test_an_ionisation_potential_is_never_dropped(zero: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"these are to count from {zero}"):
        plot("bands", _castep(tmp_path / "run"), ip={"run": 5.9}, zero=zero)
    assert plot("bands", tmp_path / "run", ip={"run": 5.9}, zero="vacuum")


# --- convergence ------------------------------------------------------------------------------------------------


def test_the_cutoff_that_varies_is_found(tmp_path: Path) -> None:
    grid = [(x, y, 0.25) for x in (0.25, -0.25) for y in (0.25, -0.25)]
    for cutoff, energy in ((300, -10.0), (500, -10.5), (400, -10.4)):
        name = tmp_path / str(cutoff)
        _vasp(name, kpoints=grid, parameters={"ENMAX": f"float:{cutoff}.0"}, geometries=[Geometry(energy_ev=energy)])
    figure = plot("convergence", tmp_path)
    assert [(row["name"], row["value"]) for row in _table(figure)] == [
        ("300", "300.0"),
        ("400", "400.0"),
        ("500", "500.0"),
    ]
    energies = [float(row["energy_per_atom_ev"]) for row in _table(figure)]
    assert energies == pytest.approx([-5.0, -5.2, -5.25])
    _vasp(tmp_path / "spins", kpoints=grid, parameters={"ENMAX": "float:600.0", "GGA": "string:PS"})
    with pytest.raises(AnalysisError, match="no series in which one setting varies") as error:
        plot("convergence", tmp_path)
    assert "functional" in error.value.reason and "cutoff" in error.value.reason


def test_the_steps_of_relaxations() -> None:
    figure = plot("convergence", DATA / "castep" / "16.1" / "cell-relaxation", DATA / "castep" / "17.1" / "tpsd")
    assert figure.names == ("LiF", "Se")
    assert any("as a series: these are calculations of different crystals" in line for line in figure.left_out)
    assert [row["step"] for row in _table(figure)] == ["1", "2", "3"] * 2


def test_nothing_that_converges() -> None:
    with pytest.raises(AnalysisError, match="no steps of a relaxation"):
        plot("convergence", CS_BULK)
    with pytest.raises(InputError, match="against cannot be 'time'"):
        plot("convergence", CS_BULK, against="time")


# --- alignment --------------------------------------------------------------------------------------------------


def test_an_alignment_is_a_figure_as_the_others() -> None:
    levels = {"ZnO": {"ip_ev": 7.7, "ea_ev": 4.4}, "ZIF-8": {"ip_ev": 6.4, "ea_ev": 1.9}}
    figure = plot("alignment", levels, size="column", colors={"ZnO": "#123456"})
    assert figure.names == ("ZnO", "ZIF-8")
    assert "123456" in _svg(figure)
    assert [row["vbm_ev"] for row in _table(figure)][:2] == ["-7.7", "-6.4"]
    with pytest.raises(InputError, match="has no option 'window'"):
        plot("alignment", levels, window=(-3, 3))


# --- how it is asked for ----------------------------------------------------------------------------------------


def test_a_figure_is_seen_and_saved(tmp_path: Path) -> None:
    figure = plot("bands", _castep(tmp_path / "run"))
    assert _svg(figure).startswith("<?xml")
    for name, mark in (("a.svg", b"<?xml"), ("a.pdf", b"%PDF"), ("a.PNG", b"\x89PNG"), ("a.csv", b"name,part")):
        assert figure.save(tmp_path / name).read_bytes().startswith(mark)
    with pytest.raises(InputError, match=r"no figure is written as \.doc"):
        figure.save(tmp_path / "a.doc")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        figure.save(tmp_path / "file" / "a.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "large"}, "large is no size"),
        ({"size": "0x4"}, "0x4 is no size"),
        ({"size": (5, 400)}, "is no size"),
        ({"window": (3, -3)}, "no window"),
        ({"colors": {"run": "reddish"}}, "is none"),
        ({"colors": {"other": "#000000"}}, "nothing that is drawn is called so"),
        ({"labels": {"2": "x"}}, "nothing that is drawn is called so"),
        ({"style": "no-such-style"}, "no style sheet"),
    ],
)
def test_what_cannot_be_asked_for(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plot("bands", _castep(tmp_path / "run"), **options)


def test_a_style_sheet_goes_on_top(tmp_path: Path) -> None:
    folder, sheet = _castep(tmp_path / "run"), tmp_path / "my.mplstyle"
    sheet.write_text("axes.facecolor: yellow\n")
    assert _svg(plot("bands", folder, style=[str(sheet)])) != _svg(plot("bands", folder))
    assert "ffff00" in _svg(plot("bands", folder, style=str(sheet)))


def test_projections_are_asked_for_where_the_files_have_none(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="cannot be projected"):
        plot("bands", _castep(tmp_path / "run"), project="element")


def test_there_is_no_such_kind_folder_or_calculation(tmp_path: Path) -> None:
    assert set(KINDS) >= {"bands", "dos", "potential", "structure", "convergence", "alignment"}
    with pytest.raises(InputError, match="there is no figure of the kind 'pie'"):
        plot("pie")
    with pytest.raises(InputError, match="no such file or folder"):
        plot("bands", tmp_path / "nowhere")
    with pytest.raises(InputError, match="there is no calculation here"):
        plot("bands", tmp_path)


def test_names_are_as_short_as_they_can_be() -> None:
    assert shortest_names([Path("a/x"), Path("b/y")]) == ["x", "y"]
    assert shortest_names([Path("a/run"), Path("b/run")]) == ["a", "b"]
    assert shortest_names([Path("r/a/out/run"), Path("r/b/out/run")]) == ["a/out", "b/out"]
