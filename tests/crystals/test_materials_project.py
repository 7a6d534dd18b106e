from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mp_client import client, nobody_is_asked, own_database  # noqa: F401
from pymatgen.core import Lattice, Structure
from servers import materials_project as servers

from dftflow.crystals import web
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.database_names import canonical_id
from dftflow.crystals.materials_project import fetch_structure
from dftflow.crystals.mp_search import search_entries
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.stored_answers import DamagedAnswer, answer_path, default_cache_dir, keep, kept
from dftflow.errors import InputError, SourceError

KEY, DB_VERSION = servers.KEY, servers.DB_VERSION
pytestmark = pytest.mark.usefixtures("own_database")

PNMA = load_shipped("CsPbBr3_Pnma").structure
CUBIC = load_shipped("CsPbBr3_Pm-3m").structure
# rock salt in its primitive cell, a = 6.29 Å; with Pb at a corner this is the structure of PbS (5.936 Å, 225)
PBS = Structure(Lattice([[0, 2.968, 2.968], [2.968, 0, 2.968], [2.968, 2.968, 0]]), ["Pb", "S"], [[0] * 3, [0.5] * 3])


def database(faults: dict[str, Any] | None = None) -> Any:
    return servers.MaterialsProjectServer(
        servers.material("mp-567629", PNMA),
        servers.material("mp-600089", CUBIC, energy_above_hull=0.0412, theoretical=True),
        servers.material("mp-21276", PBS, builder_meta={"license": "BY-NC"}, task_ids=["mp-21276", "mp-5000"]),
        servers.material("mp-31053", CUBIC, deprecated=True, deprecation_reasons=["too few k-points"]),
        faults=faults,
    )


@pytest.fixture(autouse=True)
def _key_stays_secret(
    request: pytest.FixtureRequest, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """After every test: the key is in no file that was written and in nothing that was printed."""
    yield
    out, err = capfd.readouterr()
    assert KEY not in out + err
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def failure(query: str, endpoint: str, **options: Any) -> SourceError:
    options = {"api_key": KEY, "timeout_s": 20.0, **options}
    with pytest.raises(SourceError) as caught:
        fetch_structure(query, endpoint=endpoint, **options)
    assert caught.value.fix
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value.__cause__)
    return caught.value


def stored(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "dftflow").rglob("*.json"))


def put(query: str, endpoint: str, record: dict[str, Any]) -> Path:
    """An answer on disk, as if it had been fetched in March 2024."""
    path = answer_path(default_cache_dir(), query, endpoint)
    keep(
        path,
        {
            "query": query,
            "endpoint": endpoint,
            "retrieved": "2024-03-01",
            "database_version": "2023.11.1",
            "sha256": "ab" * 32,
            "material": record,
        },
    )
    return path


NOWHERE = "http://127.0.0.1:9/"


def from_cache(crystal: Crystal) -> bool:
    return any(line.startswith("taken from the cache") for line in crystal.warnings)


class TestQuestion:
    @pytest.mark.parametrize(
        "query", ["mp-", "mp567629", "mp-12x", "mp-1 or 1", "567629", "MP-567629", "mp:", "", "oqmd-1"]
    )
    def test_malformed_id(self, query: str) -> None:
        error = failure(query, NOWHERE)
        assert "no id of the Materials Project" in error.summary
        assert "mp-567629" in error.fix

    @pytest.mark.parametrize("query", ["mp:cspbbr3", "mp:ABO3", "mp:Si*", "mp:CsPbBr2.5", "mp:mp-567629", "mp:../x"])
    def test_malformed_formula(self, query: str) -> None:
        error = failure(query, NOWHERE)
        assert repr(query[3:]) in error.summary
        assert "mp:CsPbBr3" in error.fix

    @given(st.text(max_size=12), st.sampled_from(["", "mp-", "mp:"]))
    @settings(max_examples=200, deadline=None)
    def test_any_text_ends_as_a_named_error(self, text: str, prefix: str) -> None:
        with pytest.raises(SourceError):
            fetch_structure(prefix + text, endpoint=NOWHERE, api_key="", refresh=True)

    @pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
    def test_time_limit_has_to_be_a_time(self, limit: float) -> None:
        with pytest.raises(InputError, match="positive number of seconds"):
            fetch_structure("mp-567629", timeout_s=limit)


class TestKey:
    def test_none(self) -> None:
        error = failure("mp-567629", NOWHERE, api_key=None)
        assert "no API key" in error.summary
        assert "MP_API_KEY" in error.fix
        assert "next-gen.materialsproject.org/api" in error.fix

    @pytest.mark.parametrize("key", [KEY[:16], KEY + "7", KEY[:31] + "é", KEY[:31] + "\n", KEY[:30] + "'x"])
    def test_malformed(self, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MP_API_KEY", key)
        error = failure("mp-567629", NOWHERE, api_key=None)
        assert "no API key of the Materials Project" in error.summary
        assert "32" in error.reason
        assert key.strip() not in str(error)


class TestHeartbeat:
    """What it shows, before a key is sent."""

    def test_connection_refused(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))  # bound but not listening: refuses
            port = unused.getsockname()[1]
            error = failure("mp-567629", f"http://127.0.0.1:{port}")
        assert f"cannot be reached at 127.0.0.1:{port}" in error.summary
        assert "Connection refused" in error.reason
        assert "network" in error.fix

    def test_unknown_host(self) -> None:
        error = failure("mp-567629", "http://materials-project.invalid/")  # RFC 6761: never resolves
        assert "cannot be reached at materials-project.invalid" in error.summary

    def test_endpoint_that_is_no_address(self) -> None:
        error = failure("mp-567629", "nonsense")
        assert "cannot be reached" in error.summary
        assert "Invalid URL" in error.reason

    @pytest.mark.parametrize("fault", ["silence", "drip"])
    def test_time_limit(self, fault: str) -> None:
        with database({"heartbeat": fault}) as server:
            start = time.monotonic()
            error = failure("mp-567629", server.endpoint, timeout_s=1.0)
            assert time.monotonic() - start < 15.0
        assert "did not answer within 1 s" in error.summary
        assert "heartbeat" in error.reason
        assert server.requests == [("heartbeat", None)]

    def test_accepts_no_connection(self) -> None:
        """A listener whose queue is full drops packets, as a firewall does."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            address = listener.getsockname()
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(address)
            error = failure("mp-567629", f"http://127.0.0.1:{address[1]}/", timeout_s=1.0)
            for one in waiting:
                one.close()
        assert "did not answer within 1 s" in error.summary

    def test_web_page(self) -> None:
        with database({"heartbeat": "html"}) as server:
            error = failure("mp-567629", server.endpoint)
        assert "a web page, not the Materials Project" in error.summary
        assert error.reason == "Welcome to Hotel WiFi , please log in"
        assert "portal" in error.fix

    @pytest.mark.parametrize("body", [b"[]", b'{"status": "ok"}', b"3"])
    def test_another_service(self, body: bytes) -> None:
        with database({"heartbeat": body}) as server:
            error = failure("mp-567629", server.endpoint)
        assert "is not the Materials Project" in error.summary
        assert "MP_API_ENDPOINT" in error.fix

    @pytest.mark.parametrize(
        ("status", "summary"),
        [(500, "failing"), (503, "failing"), (429, "too many requests"), (404, "is not the Materials Project")],
    )
    def test_status(self, status: int, summary: str) -> None:
        with database({"heartbeat": status}) as server:
            error = failure("mp-567629", server.endpoint)
        assert summary in error.summary
        assert str(status) in error.reason

    def test_hanging_up(self) -> None:
        with database({"heartbeat": "close"}) as server:
            error = failure("mp-567629", server.endpoint)
        assert "cannot be reached" in error.summary

    @pytest.mark.parametrize("status", [301, 302, 307])
    def test_another_place_gets_no_key(self, status: int) -> None:
        with database({"heartbeat": status}) as server:
            error = failure("mp-567629", server.endpoint)
            assert server.keys == set()
        assert "is not the Materials Project" in error.summary


class TestCache:
    def test_used_without_network_and_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        put("mp-567629", NOWHERE, servers.material("mp-567629", PNMA))
        nobody_is_asked(monkeypatch)
        fetched = fetch_structure("mp-567629", endpoint=NOWHERE)
        assert fetched.reference == "mp-567629, Materials Project 2023.11.1, retrieved 2024-03-01"
        assert "taken from the cache: database version 2023.11.1, retrieved 2024-03-01" in fetched.warnings[0]
        assert np.array_equal(fetched.structure.lattice.matrix, PNMA.lattice.matrix)

    @pytest.mark.parametrize("spelling", ["mp:CsPbBr3", "mp:PbCsBr3", "mp:Cs2Pb2Br6"])
    def test_one_answer_for_all_spellings_of_a_formula(self, spelling: str) -> None:
        put("mp:CsPbBr3", NOWHERE, servers.material("mp-567629", PNMA))
        assert fetch_structure(spelling, endpoint=NOWHERE).name == "mp-567629"

    def test_belongs_to_query_and_endpoint(self) -> None:
        put("mp-567629", NOWHERE, servers.material("mp-567629", PNMA))
        for query, endpoint in (("mp-600089", NOWHERE), ("mp-567629", "http://127.0.0.1:9/v2/")):
            assert "cannot be reached" in failure(query, endpoint).summary

    def test_refresh_asks_again(self) -> None:
        put("mp-567629", NOWHERE, servers.material("mp-567629", PNMA))
        assert "cannot be reached" in failure("mp-567629", NOWHERE, refresh=True).summary
        assert from_cache(fetch_structure("mp-567629", endpoint=NOWHERE))

    def test_folder_is_a_parameter(self, tmp_path: Path) -> None:
        path = put("mp-567629", NOWHERE, servers.material("mp-567629", PNMA))
        path.rename(tmp_path / path.name)
        assert from_cache(fetch_structure("mp-567629", endpoint=NOWHERE, cache_dir=tmp_path))

    @pytest.mark.parametrize(("base", "expected"), [("/x/y", Path("/x/y")), ("relative", Path.home() / ".cache")])
    def test_default_folder(self, base: str, expected: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", base)
        assert default_cache_dir() == expected / "dftflow" / "materials-project"

    @given(data=st.data())
    @settings(max_examples=100, deadline=None)
    def test_no_damage_goes_unnoticed(self, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
        path = tmp_path_factory.getbasetemp() / "entry.json"
        entry = {"query": "mp-1", "material": {"structure": {"lattice": [8.244, 11.7351, 8.1982]}}, "n": None}
        keep(path, entry)
        content = path.read_bytes()
        assert kept(path) == entry
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["cut", "flip"]))
        bit = data.draw(st.integers(0, 7))
        damaged = content[:at] if kind == "cut" else content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]
        path.write_bytes(damaged)
        with contextlib.suppress(DamagedAnswer):
            assert kept(path) == entry  # white space between the values carries nothing

    def test_writers_at_the_same_time_leave_one_whole_entry(self, tmp_path: Path) -> None:
        path = tmp_path / "entry.json"
        entries = [{"n": n, "ballast": [n] * 5000} for n in range(8)]
        threads = [threading.Thread(target=keep, args=(path, entry)) for entry in entries]
        keep(path, entries[0])
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert kept(path) in entries
        assert list(tmp_path.iterdir()) == [path]


def _key_of(server: Any) -> bool:
    return server.keys == {KEY}


class TestAnswers:
    def test_id(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MP_API_KEY", f"{KEY}\n")
        with database() as server:
            monkeypatch.setenv("MP_API_ENDPOINT", server.endpoint)
            fetched = fetch_structure("mp-567629")
            assert _key_of(server)
            asked = len(server.requests)
            again = fetch_structure("mp-567629")
            assert len(server.requests) == asked
        assert (fetched.name, fetched.space_group, fetched.space_group_number) == ("mp-567629", "Pnma", 62)
        today = datetime.now(UTC).date().isoformat()
        assert fetched.reference == f"mp-567629, Materials Project {DB_VERSION}, retrieved {today}"
        assert fetched.warnings == ()
        # Pnma with the long axis second, as sent: 10.1021/cg400645t
        assert fetched.structure.lattice.abc == pytest.approx((8.2440, 11.7351, 8.1982))
        assert [site.specie.symbol for site in fetched.structure] == [site.specie.symbol for site in PNMA]
        assert from_cache(again)
        assert again.sha256 == fetched.sha256
        assert again.structure == fetched.structure
        assert len(stored(tmp_path)) == 1

    def test_sha256_is_that_of_the_structure_alone(self) -> None:
        def fetched(**changes: Any) -> Crystal:
            record = servers.material("mp-567629", changes.pop("structure", PNMA), **changes)
            with servers.MaterialsProjectServer(record) as server:
                return fetch_structure("mp-567629", api_key=KEY, endpoint=server.endpoint)

        moved = PNMA.copy()
        moved.translate_sites([0], [1e-4, 0, 0])
        first = fetched()
        assert fetched(energy_above_hull=0.1).sha256 == first.sha256
        assert fetched(structure=moved).sha256 != first.sha256

    def test_formula_with_one_crystal_in_a_primitive_cell(self) -> None:
        with database() as server:
            fetched = fetch_structure("mp:PbS", api_key=KEY, endpoint=server.endpoint)
        assert (fetched.name, fetched.space_group_number) == ("mp-21276", 225)
        assert np.allclose(fetched.structure.lattice.matrix, PBS.lattice.matrix, atol=1e-12)
        assert any("not the conventional one of Fm-3m" in line for line in fetched.warnings)
        assert any("BY-NC" in line for line in fetched.warnings)

    def test_several_polymorphs(self, tmp_path: Path) -> None:
        with database() as server:
            error = failure("mp:PbCsBr3", server.endpoint)
        assert "2 crystals" in error.summary  # the deprecated one does not count
        first, second = error.reason.splitlines()[1:]
        assert "mp-567629: Pnma (62), 8.244 11.735 8.198 Å, 90.00 90.00 90.00°, 20 atoms, 0 meV/atom" in first
        assert "mp-600089: Pm-3m (221), 5.874 5.874 5.874 Å" in second
        assert "41 meV/atom above the hull, predicted" in second
        assert "mp-567629" in error.fix
        assert stored(tmp_path) == []

    def test_a_long_list_of_polymorphs_is_cut(self) -> None:
        records = [servers.material(f"mp-{n}", CUBIC, energy_above_hull=n / 1000 or None) for n in range(30)]
        with servers.MaterialsProjectServer(*records) as server:
            rows = failure("mp:CsPbBr3", server.endpoint).reason.splitlines()
        assert [row.split(":")[0].strip() for row in rows[1:4]] == ["mp-1", "mp-2", "mp-3"]
        assert rows[-1].strip() == "and 18 more, higher in energy"

    @pytest.mark.parametrize("query", ["mp-999", "mp-abcd", "mp:Cs4PbBr6"])
    def test_unknown(self, query: str, tmp_path: Path) -> None:
        with database() as server:
            error = failure(query, server.endpoint)
        assert error.summary == f"the Materials Project holds no {query.removeprefix('mp:')}"
        assert stored(tmp_path) == []

    def test_alphabetical_id(self) -> None:
        """Since 2025 ids are also spelled in base 26: lxf = 11·26² + 23·26 + 5 = 8039."""
        with servers.MaterialsProjectServer(servers.material("mp-8039", CUBIC)) as server:
            assert fetch_structure("mp-lxf", api_key=KEY, endpoint=server.endpoint).name == "mp-8039"

    def test_deprecated(self) -> None:
        with database() as server:
            error = failure("mp-31053", server.endpoint)
        assert "mp-31053 is deprecated" in error.summary
        assert error.reason == "CsPbBr3: too few k-points"

    def test_deprecated_and_gone_from_the_summary(self) -> None:
        with database({"summary": b'{"data": [], "meta": {"total_doc": 0}}'}) as server:
            error = failure("mp-31053", server.endpoint)
        assert "mp-31053 is deprecated" in error.summary

    def test_id_of_a_calculation(self) -> None:
        with database() as server:
            error = failure("mp-5000", server.endpoint)
        assert "a calculation, not a material" in error.summary
        assert "mp-21276" in error.fix

    @pytest.mark.parametrize(
        ("fault", "summary"),
        [
            (401, "refused the API key"),
            (403, "refused the API key"),
            (429, "too many requests"),
            (500, "failing"),
            (503, "failing"),
            (504, "failing"),
            (404, "holds no mp-567629"),
            (302, "is not the Materials Project"),
            ("html", "a web page"),
            ("close", "cannot be reached"),
            (b'{"data": [{"material_id": "mp-567629"}], "meta": {"total_doc": 1}}', "is not understood"),
            (b'{"answer": 42}', "is not understood"),
            (b'{"data": [3], "meta": {}}', "is not understood"),
            (b'{"data": [NaN]}', "is no JSON"),
            (b"[" * 100000, "is no JSON"),
        ],
    )
    def test_failing_search(self, fault: int | str | bytes, summary: str, tmp_path: Path) -> None:
        with database({"summary": fault}) as server:
            error = failure("mp-567629", server.endpoint)
            assert _key_of(server)
        assert summary in error.summary
        assert not isinstance(fault, int) or f"status {fault}" in error.reason
        assert stored(tmp_path) == []

    def test_more_than_anybody_sends_of_one_crystal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web, "MOST_BYTES", 2000)
        with database() as server:
            error = failure("mp-567629", server.endpoint)
        assert "is too large" in error.summary

    def test_refused_key(self) -> None:
        """This server sends the key back in its message, as no server should."""
        wrong = KEY[::-1]
        with database() as server:
            error = failure("mp-567629", server.endpoint, api_key=wrong)
        assert "refused the API key" in error.summary
        assert error.reason == "it answered with status 401 Invalid authentication credentials: ***"
        assert wrong not in str(error)

    def test_hidden_heartbeat_is_no_obstacle(self) -> None:
        """The service's firewall forbids the heartbeat to some: issue 1055 of mp-api."""
        with database({"heartbeat": 403}) as server:
            fetched = fetch_structure("mp-567629", api_key=KEY, endpoint=server.endpoint)
        assert "Materials Project unknown" in fetched.reference
        assert any("which version" in line for line in fetched.warnings)

    def test_another_space_group_than_the_atoms_have(self) -> None:
        moved = PNMA.copy()
        moved.translate_sites([0], [0.002, 0.001, 0.003])  # 0.03 Å: within the database's tolerance of 0.1 Å
        with servers.MaterialsProjectServer(servers.material("mp-567629", moved)) as server:
            fetched = fetch_structure("mp-567629", api_key=KEY, endpoint=server.endpoint)
        assert any("the database says Pnma (62), the atoms have P1 (1)" in line for line in fetched.warnings)

    def test_damaged_entry_is_fetched_again(self, tmp_path: Path) -> None:
        with database() as server:
            first = fetch_structure("mp-567629", api_key=KEY, endpoint=server.endpoint)
            (path,) = stored(tmp_path)
            content = path.read_text()
            path.write_text(content.replace("8.244", "8.144", 1))
            assert path.read_text() != content
            second = fetch_structure("mp-567629", api_key=KEY, endpoint=server.endpoint)
        assert not from_cache(second)
        assert second.sha256 == first.sha256
        assert "was damaged (its sha256 does not agree with its content)" in second.warnings[0]
        assert path.read_text() == content

    def test_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with database() as server:
            fetched = fetch_structure(
                "mp-567629", api_key=KEY, endpoint=server.endpoint, cache_dir=tmp_path / "file" / "below"
            )
        assert fetched.name == "mp-567629"
        assert "could not be kept" in fetched.warnings[0]

    def test_silence_after_the_heartbeat(self) -> None:
        with database({"summary": "drip"}) as server:
            start = time.monotonic()
            error = failure("mp-567629", server.endpoint, timeout_s=2.0)
            assert time.monotonic() - start < 15.0
        assert "did not answer within 2 s" in error.summary
        assert error.reason == "it hung at this stage: search"


@client
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("asked", ["id", "formula", "search"])
def test_the_services_own_client_asks_the_same_and_gets_the_same(asked: str) -> None:
    """mp-api, the client that the service is made for, in the place of our own questions to it."""
    from mp_api.client import MPRester

    words = "material_id formula_pretty symmetry energy_above_hull theoretical deprecated deprecation_reasons"
    names = [*words.split(), "builder_meta", "structure"]
    with database() as server:
        with MPRester(KEY, endpoint=server.endpoint, use_document_model=False, mute_progress_bars=True) as client:
            search = client.materials.summary.search
            if asked == "id":
                (record,) = search(material_ids=["mp-567629"], fields=names)
            elif asked == "formula":
                (record,) = search(formula="PbS", deprecated=False, fields=names)
            else:
                near = {"energy_above_hull": (-100.0, 0.04)}
                search(chemsys="Br-Cs-Pb", deprecated=False, fields=["material_id"], **near)
                (record,) = search(material_ids=["mp-567629"], fields=names)
        theirs = [query for path, query in server.queries if path == "summary"]
        server.queries.clear()
        if asked == "search":
            (found,) = search_entries("Cs-Pb-Br", above_hull_ev_per_atom=0.04, api_key=KEY, endpoint=server.endpoint)
            crystal = fetch_structure(found.material_id, endpoint=server.endpoint)
        else:
            query = {"id": "mp-567629", "formula": "mp:PbS"}[asked]
            crystal = fetch_structure(query, api_key=KEY, endpoint=server.endpoint)
        assert [query for path, query in server.queries if path == "summary"] == theirs
    assert crystal.name == str(record["material_id"])
    expected = record["structure"]
    assert crystal.structure == (expected if isinstance(expected, Structure) else Structure.from_dict(expected))


@client
@pytest.mark.parametrize(
    "name", ["mp-8039", "mp-lxf", "mp-0008039", "mp-3347529", "mp-3347530", "mp-hilze", "mp-99999999"]
)
def test_ids_have_one_spelling_as_the_services_own_client_has_it(name: str) -> None:
    from mp_api.client.core.utils import validate_ids

    assert canonical_id(name) == validate_ids([name])[0]
