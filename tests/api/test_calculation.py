"""Reading and finding calculations from Python: what is kept, what is read again, what a table has."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from outcomes import CS_BANDS, StoredRun, recorded_edges_ev

from dftflow.api.calculation import Calculations, find, read
from dftflow.cli.main import main
from dftflow.errors import CodeNotFoundError, InputError
from dftflow.gate import found as gate
from dftflow.report.calculation_table import short_names


@pytest.fixture(scope="module")
def run(stored: StoredRun) -> Path:
    return stored.root


@pytest.fixture(scope="module")
def crystal(stored: StoredRun) -> Path:
    """The folder of one of its calculations."""
    return stored.folder(CS_BANDS)


def test_one_with_all_it_holds(crystal: Path) -> None:
    calculation = read(str(crystal))
    assert (calculation.code, calculation.status, calculation.refused) == ("gpaw", "finished", ())
    record = json.loads((crystal / "results.json").read_text())
    assert calculation.results.energy_ev == record["energy_ev"]
    assert calculation.structure is not None and len(calculation.structure) == len(record["numbers"])
    edges, (vbm_ev, cbm_ev) = calculation.edges, recorded_edges_ev(crystal)
    assert edges is not None and edges.band_gap_ev == pytest.approx(cbm_ev - vbm_ev)
    assert calculation.levels.edges == edges
    assert calculation.bands is calculation.bands, "kept, and not read again"


def test_the_same_by_a_path_or_one_of_its_files(crystal: Path) -> None:
    document = read(crystal).to_dict()
    assert read(crystal / "bands.npz").to_dict() == document
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_all_below_a_folder_are_what_the_command_prints(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = find(run)
    assert main(["parse", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found.to_dict()
    assert main(["parse", str(run), "--long"]) == 0
    assert capsys.readouterr().out == "\n\n".join(one.page for one in found) + "\n"
    assert main(["parse", str(run), "--csv"]) == 0
    assert capsys.readouterr().out == found.to_csv()


def test_of_many_nothing_large_is_kept(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find(run)
    seen = []
    honest = gate.load_code
    monkeypatch.setattr(gate, "load_code", lambda name: seen.append(name) or honest(name))
    assert isinstance(found, Calculations) and len(found) == 5
    assert [one.name for one in found] and found.to_frame().shape[0] == 5 and repr(found) and not seen
    first = found[0]
    assert first.bands is not None and len(seen) == 1
    assert np.array_equal(first.bands.eigenvalues_ev, read(first.place.parent).results.bands.eigenvalues_ev)  # type: ignore[union-attr]


def test_a_table_of_pandas_and_the_same_as_csv(run: Path, crystal: Path) -> None:
    import pandas as pd

    found = find(run)
    frame = found.to_frame()
    gaps = frame.set_index("folder")["band_gap_ev"]
    vbm_ev, cbm_ev = recorded_edges_ev(crystal)
    assert gaps[str(crystal)] == pytest.approx(cbm_ev - vbm_ev)
    (run.parent / "table.csv").write_text(found.to_csv())
    again = pd.read_csv(run.parent / "table.csv")
    assert list(again.columns) == list(frame.columns)
    assert np.allclose(again["energy_ev"], frame["energy_ev"].astype(float), rtol=0, atol=0)
    assert again["energy_kind"].tolist() == ["zero smearing"] * 5
    assert again["work_function_high_ev"].notna().sum() == 3, "the slabs"


def test_without_pandas(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(CodeNotFoundError, match="pandas"):
        find(run).to_frame()


def test_a_short_repr(run: Path, crystal: Path) -> None:
    calculation = read(crystal)
    gap_ev = calculation.summary.band_gap_ev
    assert repr(calculation) == (
        f"<Calculation CsPbBr3-bulk-bands: gpaw 26.7.0, CsPbBr3, finished, {calculation.results.energy_ev:.5f} eV, "
        f"gap {gap_ev:.3f} eV>"
    )
    assert repr(find(run)) == "<Calculations: 5 of gpaw>"
    assert repr(find(run)[:2]) == "<Calculations: 2 of gpaw>"


def test_what_is_asked_for(run: Path) -> None:
    found = find(run)
    assert len(found.where(statuses=["finished"])) == 5 and not len(found.where(statuses=["died"]))
    slabs = found.where(holding=["work-function"])
    assert len(slabs) == 3 and all(one.levels.sides for one in slabs)


def test_one_that_is_none_or_many(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no calculation"):
        read(tmp_path)
    with pytest.raises(InputError, match="no calculation was found"):
        find(tmp_path)
    with pytest.raises(InputError, match="5 calculations"):
        read(run)


def test_the_shortest_end_that_no_other_has() -> None:
    places = ["/data/a/relax/relax", "/data/b/relax/relax", "/data/b/bands/Si", "/other/Si/Si"]
    assert short_names([Path(place) for place in places]) == ["a/relax", "b/relax", "bands/Si", "other/Si"]
