"""Several entries of the Materials Project, from a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mp_client import nobody_is_asked, own_database  # noqa: F401
from pymatgen.core import Lattice, Structure
from servers import materials_project as servers

from dftflow.crystals.materials_project import fetch_structure
from dftflow.crystals.mp_search import FoundEntry, search_entries
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.web import Get
from dftflow.errors import SourceError

pytestmark = pytest.mark.usefixtures("own_database")
KEY = servers.KEY
PNMA = load_shipped("CsPbBr3_Pnma").structure
CUBIC = load_shipped("CsPbBr3_Pm-3m").structure
CSBR = load_shipped("CsBr_Pm-3m").structure
POLYMORPHS = (
    servers.material("mp-1000000", PNMA),
    servers.material("mp-600089", CUBIC, energy_above_hull=0.0412),
    servers.material("mp-31053", CUBIC, deprecated=True),
    servers.material("mp-22906", CSBR),
)
NOBODY = "http://127.0.0.1:9/"


@pytest.fixture
def never_asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    nobody_is_asked(monkeypatch)
    return


def ids(found: tuple[FoundEntry, ...]) -> list[str]:
    return [one.material_id for one in found]


def searched(what: str, *records: dict[str, Any], **options: Any) -> tuple[FoundEntry, ...]:
    with servers.MaterialsProjectServer(*(records or POLYMORPHS)) as server:
        return search_entries(what, api_key=KEY, endpoint=server.endpoint, **options)


class TestAnswers:
    def test_every_entry_of_a_formula_in_the_order_of_its_number(self) -> None:
        found = searched("PbCsBr3")
        assert found == (
            FoundEntry(material_id="mp-600089", formula="CsPbBr3"),
            FoundEntry(material_id="mp-1000000", formula="CsPbBr3"),
        )

    @pytest.mark.parametrize(
        ("what", "expected"),
        [("Br-Cs", ["mp-22906"]), ("Cs-Pb-Br", ["mp-600089", "mp-1000000"]), ("Br-Pb-Cs", ["mp-600089", "mp-1000000"])],
    )
    def test_exactly_these_elements(self, what: str, expected: list[str]) -> None:
        assert ids(searched(what)) == expected

    def test_those_near_the_hull(self) -> None:
        assert ids(searched("CsPbBr3", above_hull_ev_per_atom=0.04)) == ["mp-1000000"]
        assert ids(searched("CsPbBr3", above_hull_ev_per_atom=0.05)) == ["mp-600089", "mp-1000000"]

    def test_more_than_asked_for_are_counted_and_not_fetched(self, tmp_path: Path) -> None:
        records = [servers.material(f"mp-{n}", CUBIC) for n in range(1, 31)]
        with servers.MaterialsProjectServer(*records) as server, pytest.raises(SourceError) as caught:
            search_entries("CsPbBr3", api_key=KEY, endpoint=server.endpoint)
        assert caught.value.summary == "the Materials Project holds 30 crystals CsPbBr3, and at most 12 are taken"
        assert "most = 30" in caught.value.fix
        assert server.paths.count("summary") == 1
        assert list((tmp_path / "cache").rglob("*.json")) == []
        assert len(searched("CsPbBr3", *records, most=30)) == 30

    def test_more_than_anybody_calculates_get_no_number(self) -> None:
        records = [servers.material(f"mp-{n}", CUBIC) for n in range(1, 121)]
        with pytest.raises(SourceError, match="holds 120 crystals") as caught:
            searched("CsPbBr3", *records)
        assert "most = 120" not in caught.value.fix

    def test_none(self) -> None:
        with pytest.raises(SourceError, match="holds no Cs4PbBr6"):
            searched("Cs4PbBr6")

    def test_crystals_are_kept_with_the_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with servers.MaterialsProjectServer(*POLYMORPHS) as server:
            found = search_entries("CsPbBr3", api_key=KEY, endpoint=server.endpoint)
        nobody_is_asked(monkeypatch)
        assert search_entries("Cs2Pb2Br6", endpoint=server.endpoint) == found
        crystal = fetch_structure("mp-1000000", endpoint=server.endpoint)
        assert crystal.warnings[0].startswith(f"taken from the cache: database version {servers.DB_VERSION}")
        assert crystal.structure == PNMA
        with pytest.raises(SourceError, match="at most 1 are taken"):
            search_entries("CsPbBr3", endpoint=server.endpoint, most=1)

    def test_asked_again_it_takes_what_is_there_now(self) -> None:
        moved = CUBIC.copy()
        moved.apply_strain(0.01)
        with servers.MaterialsProjectServer(*POLYMORPHS) as server:
            ask = {"api_key": KEY, "endpoint": server.endpoint}
            search_entries("CsPbBr3", **ask)
            first = fetch_structure("mp-600089", **ask)
            server.materials = (servers.material("mp-600089", moved), servers.material("mp-5", PNMA))
            assert ids(search_entries("CsPbBr3", **ask)) == ["mp-600089", "mp-1000000"]
            assert ids(search_entries("CsPbBr3", **ask, refresh=True)) == ["mp-5", "mp-600089"]
            assert fetch_structure("mp-600089", **ask).sha256 != first.sha256

    def test_a_crystal_that_was_known_before_stays(self) -> None:
        """Another study has it: what is new about it comes when it is asked for again."""
        moved = CUBIC.copy()
        moved.apply_strain(0.01)
        with servers.MaterialsProjectServer(servers.material("mp-600089", CUBIC)) as server:
            ask = {"api_key": KEY, "endpoint": server.endpoint}
            before = fetch_structure("mp-600089", **ask)
            server.materials = (servers.material("mp-600089", moved),)
            search_entries("CsPbBr3", **ask)
            assert fetch_structure("mp-600089", **ask).sha256 == before.sha256

    @pytest.mark.parametrize(
        "changes",
        [
            {"formula_pretty": "CsPbBr3/../../x"},
            {"formula_pretty": "CsPbI3"},
            {"formula_pretty": "../CsPbBr3"},
            {"formula_pretty": "CsPbBr3\n[x]"},
            {"structure": {"lattice": {}, "sites": []}},
            {"structure": None},
            {"symmetry": None},
        ],
    )
    def test_hostile_records_are_no_answer(self, changes: dict[str, Any], tmp_path: Path) -> None:
        record = {**servers.material("mp-1", CUBIC), **changes}

        def answer(resource: str, query: dict[str, str], key: str | None) -> tuple[int, dict[str, Any]]:
            return 200, {"data": [record], "meta": {"total_doc": 1}}

        with servers.MaterialsProjectServer(record) as server:
            plain = server.answer
            server.answer = lambda resource, query, key: (  # type: ignore[method-assign]
                plain(resource, query, key) if resource == "heartbeat" else answer(resource, query, key)
            )
            with pytest.raises(SourceError) as caught:
                search_entries("CsPbBr3", api_key=KEY, endpoint=server.endpoint)
        assert "is not understood" in caught.value.summary
        assert list(tmp_path.rglob("*all*")) == []


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "mp-1/../x", "mp-1\n", "", "mp-", "mp-１"])
def test_an_id_that_is_a_path_is_no_answer(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers_with(monkeypatch, {"data": [servers.material(name, CUBIC)], "meta": {"total_doc": 1}})
    with pytest.raises(SourceError, match="is not understood"):
        search_entries("CsPbBr3", api_key=KEY, endpoint=NOBODY)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def answers_with(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any]) -> None:
    """A service that answers to questions for records with these, one after another; the last one again."""
    left = list(answers)

    def get(self: Get, at: str, *asked: object, key: str = "") -> dict[str, Any]:
        if at == "heartbeat":
            return {"db_version": "1"}
        return json.loads(json.dumps(left.pop(0) if len(left) > 1 else left[0]))  # type: ignore[no-any-return]

    monkeypatch.setattr(Get, "__call__", get)


def test_an_answer_that_lacks_crystals_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"data": [{"material_id": "mp-1"}, {"material_id": "mp-2"}]}
    answers_with(monkeypatch, two, {"data": [servers.material("mp-1", CUBIC)]})
    with pytest.raises(SourceError) as caught:
        search_entries("CsPbBr3", api_key=KEY, endpoint=NOBODY)
    assert "it has 1 of 2 crystals" in caught.value.reason


@pytest.mark.usefixtures("never_asked")
@pytest.mark.parametrize("what", ["", "Cs-Cs", "Cs-", "ABO3", "Cs-Xx", "mp-123", "CsPbBr2.5", "*", "../Cs", "Cs/Pb"])
def test_what_is_neither_formula_nor_elements(what: str) -> None:
    with pytest.raises(SourceError, match="neither a chemical formula nor a list of elements"):
        search_entries(what, api_key=KEY, endpoint=NOBODY)


@pytest.mark.usefixtures("never_asked")
def test_without_a_key_nothing_is_asked() -> None:
    with pytest.raises(SourceError, match="no API key for the Materials Project"):
        search_entries("CsPbBr3", endpoint=NOBODY)


class TestDisk:
    def test_a_damaged_answer_is_said_and_not_asked_for_again(self, tmp_path: Path) -> None:
        with servers.MaterialsProjectServer(*POLYMORPHS) as server:
            ask = {"api_key": KEY, "endpoint": server.endpoint}
            found = search_entries("CsPbBr3", **ask)
            (path,) = (tmp_path / "cache").rglob("*all-CsPbBr3*")
            path.write_text(path.read_text().replace("mp-600089", "mp-600088"))
            asked = len(server.requests)
            with pytest.raises(SourceError, match="is damaged") as caught:
                search_entries("CsPbBr3", **ask)
            assert len(server.requests) == asked
            assert caught.value.fix.startswith(f"rm {path}")
            path.unlink()
            assert search_entries("CsPbBr3", **ask) == found

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(SourceError, match="cannot be kept"):
            searched("CsPbBr3", cache_dir=tmp_path / "file" / "below")

    def test_a_primitive_cell_is_kept_as_it_is(self) -> None:
        lead = Structure(
            Lattice([[0, 2.968, 2.968], [2.968, 0, 2.968], [2.968, 2.968, 0]]), ["Pb", "S"], [[0] * 3, [0.5] * 3]
        )
        with servers.MaterialsProjectServer(servers.material("mp-21276", lead)) as server:
            search_entries("PbS", api_key=KEY, endpoint=server.endpoint)
        assert fetch_structure("mp-21276", endpoint=server.endpoint).structure == lead
