"""Several entries of the Materials Project, by the real client from a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mp_client import client, in_process, own_database  # noqa: F401
from pymatgen.core import Lattice, Structure
from servers import materials_project as servers

from dftflow.crystals import mp_service
from dftflow.crystals.materials_project import fetch_structure
from dftflow.crystals.mp_search import FoundEntry, search_entries
from dftflow.crystals.shipped import load_shipped
from dftflow.errors import CodeNotFoundError, SourceError

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
    monkeypatch.setattr(mp_service, "_run_worker", lambda question: pytest.fail("asked"))
    return


def ids(found: tuple[FoundEntry, ...]) -> list[str]:
    return [one.material_id for one in found]


def searched(what: str, *records: dict[str, Any], **options: Any) -> tuple[FoundEntry, ...]:
    with servers.MaterialsProjectServer(*(records or POLYMORPHS)) as server:
        return search_entries(what, api_key=KEY, endpoint=server.endpoint, **options)


@client
@pytest.mark.usefixtures("in_process")
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
        monkeypatch.setattr(mp_service, "_run_worker", lambda question: pytest.fail("asked"))
        assert search_entries("Cs2Pb2Br6", endpoint=server.endpoint) == found
        crystal = fetch_structure("mp-1000000", endpoint=server.endpoint)
        assert (crystal.from_cache, crystal.database_version) == (True, servers.DB_VERSION)
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
    """Behind the client, which has its own idea of an id."""
    answer = {"database_version": "1", "found": 1, "materials": [servers.material(name, CUBIC)]}
    monkeypatch.setattr(mp_service, "_run_worker", lambda question: json.loads(json.dumps(answer)))
    monkeypatch.setattr(mp_service, "find_spec", lambda package: package)
    with pytest.raises(SourceError, match="is not understood"):
        search_entries("CsPbBr3", api_key=KEY, endpoint=NOBODY)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_answer_that_lacks_crystals_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"database_version": "1", "found": 2, "materials": [servers.material("mp-1", CUBIC)]}
    monkeypatch.setattr(mp_service, "_run_worker", lambda question: json.loads(json.dumps(answer)))
    monkeypatch.setattr(mp_service, "find_spec", lambda package: package)
    with pytest.raises(SourceError, match="it has 1 of 2 crystals"):
        search_entries("CsPbBr3", api_key=KEY, endpoint=NOBODY)


@pytest.mark.usefixtures("never_asked")
@pytest.mark.parametrize("what", ["", "Cs-Cs", "Cs-", "ABO3", "Cs-Xx", "mp-123", "CsPbBr2.5", "*", "../Cs", "Cs/Pb"])
def test_what_is_neither_formula_nor_elements(what: str) -> None:
    with pytest.raises(SourceError, match="neither a chemical formula nor a list of elements"):
        search_entries(what, api_key=KEY, endpoint=NOBODY)


@pytest.mark.usefixtures("never_asked")
def test_without_a_key_nothing_is_asked() -> None:
    with pytest.raises(SourceError, match="no API key for the Materials Project"):
        search_entries("CsPbBr3", endpoint=NOBODY)


def test_without_the_client_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp_service, "find_spec", lambda package: None)
    with pytest.raises(CodeNotFoundError, match="not installed"):
        search_entries("CsPbBr3", api_key=KEY, endpoint=NOBODY)


@client
@pytest.mark.usefixtures("in_process")
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
