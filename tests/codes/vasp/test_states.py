"""Density of states and projections of VASP, from each of the files that hold them; pymatgen reads the same ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strict_reading import errors
from vasp_files import Run
from vasp_states import StatesOf

from dftflow.codes.base import Reading
from dftflow.codes.reading import read_only
from dftflow.codes.vasp.code import VASP
from dftflow.codes.vasp.procar_file import read_procar
from dftflow.errors import ParseError
from dftflow.model.projections import ProjectionGroup
from dftflow.model.results import Results

UP = np.array([[-5.0, -4.0, 0.5, 1.0, 2.5], [-5.1, -4.1, 0.4, 0.9, 2.4]])
TWO_SPINS = Run(eigenvalues=np.array([UP, UP + 0.1]))
SPINORS = Run(
    parameters={"LNONCOLLINEAR": "logical:T", "LSORBIT": "logical:T"},
    eigenvalues=np.array([[np.arange(10.0) - 6, np.arange(10.0) - 6.1]]),
    occupations=np.broadcast_to((np.arange(10) < 8).astype(float), (1, 2, 10)),
)
CASES = pytest.mark.parametrize(
    ("run", "n_sets"), [(Run(), 1), (TWO_SPINS, 2), (SPINORS, 4)], ids=["one channel", "two channels", "spinors"]
)


def read(folder: Path, **texts: str) -> Reading:
    for name, text in texts.items():
        (folder / name.replace("vasprun", "vasprun.xml")).write_text(text)
    return read_only(VASP(), folder)


def results(reading: Reading) -> Results:
    assert all(file.error is None for file in reading.files), [file.error for file in reading.files]
    assert reading.results is not None
    return reading.results


@CASES
def test_the_tables_of_vasprun_are_what_was_written_and_what_pymatgen_reads(
    run: Run, n_sets: int, tmp_path: Path
) -> None:
    from pymatgen.electronic_structure.core import Orbital, Spin
    from pymatgen.io.vasp import Vasprun

    states = StatesOf(run, n_sets=n_sets)
    found = results(read(tmp_path, vasprun=states.xml()))
    assert found.projections is not None
    assert found.dos is not None
    assert found.dos.projected is not None
    n_spins = len(run.eigenvalues)
    wanted = states.weights[:n_spins].reshape(*run.eigenvalues.shape, -1)
    assert found.projections.weights == pytest.approx(wanted, abs=1e-6)
    assert found.projections.groups[:2] == (
        ProjectionGroup(element="Ge", site=0, orbital="s"),
        ProjectionGroup(element="Ge", site=0, orbital="py"),
    )
    assert found.projections.groups[-1] == ProjectionGroup(element="Te", site=1, orbital="dx2-y2")
    assert found.dos.groups == found.projections.groups
    assert found.dos.total == pytest.approx(states.total, abs=1e-9)
    assert found.dos.fermi_ev == pytest.approx(1.4)
    peer = Vasprun(str(tmp_path / "vasprun.xml"), parse_projected_eigen=True, parse_potcar_file=False)
    assert peer.projected_eigenvalues is not None
    for index, spin in enumerate((Spin.up, Spin.down)[:n_spins]):
        theirs = peer.projected_eigenvalues[spin].reshape(wanted.shape[1:])
        assert found.projections.weights[index] == pytest.approx(theirs, abs=1e-6)
        density = np.array([peer.pdos[ion][Orbital(m)][spin] for ion in range(2) for m in range(9)])
        assert found.dos.projected[index] == pytest.approx(density, abs=1e-6)
        assert found.dos.total[index] == pytest.approx(peer.tdos.densities[spin], abs=1e-9)


@CASES
@pytest.mark.parametrize("touching", [False, True])
def test_procar_and_doscar_tell_the_same(run: Run, n_sets: int, touching: bool, tmp_path: Path) -> None:
    from pymatgen.electronic_structure.core import Spin
    from pymatgen.io.vasp import Procar

    states = StatesOf(run, n_sets=n_sets)
    text = states.procar(phases=n_sets == 1, touching=touching)
    found = results(read(tmp_path, vasprun=run.xml(), PROCAR=text, DOSCAR=states.doscar()))
    assert found.projections is not None
    assert found.dos is not None
    assert found.dos.projected is not None
    n_spins = len(run.eigenvalues)
    wanted = states.weights[:n_spins].reshape(*run.eigenvalues.shape, -1)
    assert found.projections.weights == pytest.approx(wanted, abs=1e-6)
    partial = states.partial[:, :n_spins].transpose(1, 0, 2, 3).reshape(n_spins, 18, -1)
    assert found.dos.projected == pytest.approx(partial, rel=1e-3)
    assert found.dos.integrated == pytest.approx(states.integrated, rel=1e-3)
    if n_sets < 4 and not touching:
        peer = Procar(str(tmp_path / "PROCAR"))
        for index, spin in enumerate((Spin.up, Spin.down)[:n_spins]):
            assert found.projections.weights[index] == pytest.approx(peer.data[spin].reshape(wanted.shape[1:]))


def test_a_state_that_stands_out_of_order_keeps_its_weights(tmp_path: Path) -> None:
    run = Run(eigenvalues=np.array([[[-4.0, -5.0, 0.5, 1.0, 2.5, 3.0], [-5.1, -4.1, 0.4, 0.9, 2.4, 3.1]]]))
    states = StatesOf(run)
    for number, texts in enumerate(({"vasprun": states.xml()}, {"vasprun": run.xml(), "PROCAR": states.procar()})):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = results(read(folder, **texts))
        assert found.projections is not None
        assert found.bands is not None
        assert found.bands.eigenvalues_ev[0, 0, 0] == -5.0
        assert found.projections.weights[0, 0, 0] == pytest.approx(states.weights[0, 0, 1].ravel())
        assert found.projections.weights[0, 1, 0] == pytest.approx(states.weights[0, 1, 0].ravel())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<set comment="band 3">', '<set comment="band 4">'),
        ('<set comment="ion 2">', '<set comment="ion 3">'),
        ("<field>    py </field>", "<field>    qy </field>"),
        ("<r>    0.0", "<r>    ***"),
    ],
)
def test_a_damaged_table_costs_itself_alone(old: str, new: str, tmp_path: Path) -> None:
    whole = StatesOf(Run()).xml()
    at = whole.index("<dos>")
    text = whole[:at] + whole[at:].replace(old, new)
    assert text != whole
    found = read(tmp_path, vasprun=text)
    assert found.results is not None
    assert found.results.bands is not None
    assert set(found.results.lost) & {"projections", "dos"}
    for part, held in (("projections", found.results.projections), ("dos", found.results.dos)):
        assert (part in found.results.lost) == (held is None)


@pytest.mark.parametrize("name", ["PROCAR", "DOSCAR"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.floats(0, 1))
def test_a_file_that_is_cut_is_refused_or_read_whole(name: str, part: float, tmp_path: Path) -> None:
    states = StatesOf(TWO_SPINS, n_sets=2)
    text = states.procar() if name == "PROCAR" else states.doscar()
    cut = text[: int(part * len(text))]
    reading = read(tmp_path, vasprun=TWO_SPINS.xml(), **{name: cut})
    assert reading.results is not None
    assert reading.results.bands is not None
    held = reading.results.projections if name == "PROCAR" else reading.results.dos
    refused = [file for file in reading.files if file.error is not None]
    assert (held is None) == bool(refused)
    if held is not None:
        assert "\n" not in text[len(cut) :].strip(), "what is missing is the row of the sum over the atoms"


def test_another_runs_files_are_refused(tmp_path: Path) -> None:
    other = StatesOf(Run(kpoints=((0.25, 0.25, 0.0), (0.25, 0.25, -0.25))))
    reading = read(tmp_path, vasprun=Run().xml(), PROCAR=other.procar(), DOSCAR=StatesOf(Run(fermi_ev=1.5)).doscar())
    refused = errors(reading)
    assert "k-points" in refused["PROCAR"]
    assert "Fermi level" in refused["DOSCAR"]


def test_a_head_that_promises_more_than_the_file_holds_asks_for_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "PROCAR"
    file.write_text(StatesOf(Run()).procar().replace("# of bands:   6", "# of bands: 999999"))
    with pytest.raises(ParseError, match="do not fit"):
        read_procar(file)


OPT = """\
  <eigenvalues_kpoints_opt comment="kpoints_opt">
   <kpoints><generation param="listgenerated"></generation>
    <varray name="kpointlist"> <v> 0.0 0.0 0.0 </v> <v> 0.5 0.0 0.0 </v> </varray></kpoints>
   <eigenvalues><array><set><set comment="spin 1">
    <set comment="kpoint 1">{first}</set><set comment="kpoint 2">{second}</set>
   </set></set></array></eigenvalues>
  </eigenvalues_kpoints_opt>
"""


@pytest.mark.parametrize("projected", [True, False])
def test_points_of_kpoints_opt_have_the_weights_of_their_own_table_or_none(projected: bool, tmp_path: Path) -> None:
    run, states = Run(), StatesOf(Run())
    first, second = ("".join(f"<r> {e:.4f} </r>" for e in row) for row in run.eigenvalues[0])
    text, other = states.xml(), StatesOf(Run(), seed=2)
    table = other.xml()
    table = table[table.index("  <projected>") : table.index("  </projected>")]
    table = f"{table.replace('<projected>', '<projected_kpoints_opt>')}  </projected_kpoints_opt>\n"
    further = OPT.format(first=first, second=second) + (table if projected else "")
    found = results(read(tmp_path, vasprun=text.replace(" </calculation>", f"{further} </calculation>")))
    assert found.projections is not None
    assert found.projections.weights.shape == (1, 4, 6, 18)
    assert found.projections.weights[:, :2] == pytest.approx(states.weights.reshape(1, 2, 6, 18), abs=1e-6)
    if projected:
        assert found.projections.weights[:, 2:] == pytest.approx(other.weights.reshape(1, 2, 6, 18), abs=1e-6)
    else:
        assert np.isnan(found.projections.weights[:, 2:]).all()
