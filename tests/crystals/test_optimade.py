"""Entries of OPTIMADE databases: what they say is the crystal, and what is none, or no answer, is refused."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mp_client import nobody_is_asked, own_database  # noqa: F401
from pymatgen.core import Lattice, Structure
from servers.optimade import OptimadeServer, attributes, running

from dftflow.crystals import optimade, web
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.optimade import fetch_structure, providers
from dftflow.crystals.optimade_entry import structure_of_entry
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.sources import load_crystal
from dftflow.errors import DftflowError, InputError, SourceError, StructureError

pytestmark = pytest.mark.usefixtures("own_database")

PNMA = load_shipped("CsPbBr3_Pnma").structure
CUBIC = load_shipped("CsPbBr3_Pm-3m").structure
CSBR = load_shipped("CsBr_Pm-3m").structure
HYBRID = load_shipped("FAPbBr3_Pm-3m_FA100").structure
SKELETON = Structure.from_sites([site for site in HYBRID if site.specie.symbol != "H"])


def species(name: str, symbols: list[str], shares: list[float], **more: Any) -> dict[str, Any]:
    return {"name": name, "chemical_symbols": symbols, "concentration": shares, **more}


def known(monkeypatch: pytest.MonkeyPatch, server: OptimadeServer) -> None:
    monkeypatch.setattr(optimade, "providers", lambda: {"cod": f"{server.base}/", "oqmd": "https://nowhere.invalid"})


def fetched(entry: dict[str, Any], name: str = "1", **options: Any) -> Crystal:
    with running(OptimadeServer({name: entry})) as server:
        return fetch_structure(f"optimade:{server.base}/v1/structures/{name}", **options)


def failure(server: OptimadeServer, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        fetch_structure(f"optimade:{server.base}/v1/structures/1", **{"timeout_s": 20.0, **options})
    assert caught.value.fix
    return caught.value


def test_an_entry_is_its_crystal_with_its_origin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The cell as sent, Pnma with the long axis second; asked once, then from disk without a network."""
    with running(OptimadeServer({"1533063": attributes(PNMA)})) as server:
        known(monkeypatch, server)
        crystal = load_crystal("optimade:cod/1533063", base_dir=tmp_path)
        assert server.asked == ["structures/1533063", "info"]
    assert crystal.structure.lattice.abc == pytest.approx((8.2440, 11.7351, 8.1982))
    np.testing.assert_allclose(crystal.structure.cart_coords, PNMA.cart_coords, atol=1e-9)
    assert [site.specie for site in crystal.structure] == [site.specie for site in PNMA]
    today = datetime.now(UTC).date().isoformat()
    assert crystal.reference == f"cod 1533063, OPTIMADE 1.2.0, last modified 2024-05-06, retrieved {today}"
    assert (crystal.name, crystal.space_group, crystal.confidence) == ("cod 1533063", "Pnma", "database")
    assert crystal.warnings == ("licence of the database: CC0-1.0",)
    nobody_is_asked(monkeypatch)
    again = load_crystal("optimade:cod/1533063", base_dir=tmp_path)
    assert again.sha256 == crystal.sha256 and again.structure == crystal.structure
    assert again.warnings[0] == f"taken from the cache: database version OPTIMADE 1.2.0, retrieved {today}"


def test_an_id_is_one_part_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some have a slash, a colon or a blank's code in them."""
    name = "db:structs/1 2"
    with running(OptimadeServer({name: attributes(CSBR)})) as server:
        monkeypatch.setattr(optimade, "providers", lambda: {"odbx.misc": server.base})
        with pytest.raises(SourceError, match="names no entry"):
            fetch_structure(f"optimade:odbx.misc/{name}")
        crystal = fetch_structure(f"optimade:{server.base}/v1/structures/db%3Astructs%2F1%202")
        assert server.asked[0] == "structures/db%3Astructs%2F1%202"
    assert crystal.structure.composition == CSBR.composition


@pytest.mark.parametrize("address", ["/v1/structures/1", "/structures/1", "/v1.2/structures/1", "/v1/structures/1/"])
def test_the_address_of_an_entry(address: str) -> None:
    with running(OptimadeServer({"1": attributes(CSBR)})) as server:
        assert fetch_structure(f"optimade:{server.base}{address}").structure.composition == CSBR.composition
        assert server.asked[0] == "structures/1"


def test_a_formula_with_one_entry_and_with_several(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {"a": attributes(PNMA), "b": attributes(CUBIC), "c": attributes(CSBR)}
    with running(OptimadeServer(entries)) as server:
        known(monkeypatch, server)
        assert fetch_structure("optimade:cod:BrCs").name == "cod c"
        with pytest.raises(SourceError, match="holds 2 entries CsPbBr3") as caught:
            fetch_structure("optimade:cod:Pb2Cs2Br6")
        with pytest.raises(SourceError, match="holds no Cs4PbBr6"):
            fetch_structure("optimade:cod:Cs4PbBr6")
    assert "a: 20 atoms, 8.244 11.735 8.198 Å" in caught.value.reason
    assert "optimade:cod/a" in caught.value.fix


def test_a_long_list_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(OptimadeServer({f"{n}": attributes(CSBR) for n in range(30)})) as server:
        known(monkeypatch, server)
        with pytest.raises(SourceError, match="holds 30 entries") as caught:
            fetch_structure("optimade:cod:CsBr")
    assert len(caught.value.reason.splitlines()) == 13


@pytest.mark.parametrize("rest", ["", "cod", "cod/", "/1", "http://x/1", "cod/a b"])
def test_what_names_no_entry(rest: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="names no entry") as caught:
        load_crystal(f"optimade:{rest}", base_dir=tmp_path)
    assert "optimade:cod/1000041" in caught.value.fix


def test_an_unknown_database_and_a_formula_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_is_asked(monkeypatch)
    with pytest.raises(SourceError, match="no OPTIMADE database 'codd' is known") as caught:
        fetch_structure("optimade:codd/1")
    assert "cod" in caught.value.fix
    with pytest.raises(SourceError, match="is no chemical formula"):
        fetch_structure("optimade:cod:ABO3")
    with pytest.raises(InputError, match="positive number of seconds"):
        fetch_structure("optimade:cod/1", timeout_s=-1.0)


def test_databases_are_those_that_pymatgen_knows() -> None:
    found = providers()
    assert {"cod", "oqmd", "mp", "jarvis"} <= set(found)
    assert all(address.startswith(("https://", "http://")) for address in found.values())


SHARED = species("Pb", ["Pb", "Sn"], [0.5, 0.5])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"structure_features": ["disorder"]}, "shared by several elements"),
        ({"structure_features": ["assemblies"]}, "exclude each other"),
        ({"structure_features": ["unknown_positions"]}, "no place"),
        ({"structure_features": ["site_attachments"]}, "attached"),
        ({"structure_features": ["implicit_atoms"]}, "no place"),
        ({"structure_features": ["correlated_site_displacements"]}, "not known here"),
        ({"species": [species("Cs", ["Cs"], [1]), SHARED, species("Br", ["Br"], [1.0])]}, "Pb 0.5, Sn 0.5"),
        ({"species": [species("Cs", ["Cs"], [0.9]), species("Pb", ["Pb"], [1]), species("Br", ["Br"], [1])]}, "Cs 0.9"),
        (
            {"species": [species("Cs", ["Cs", "vacancy"], [0.9, 0.1]), *(species(x, [x], [1]) for x in ("Pb", "Br"))]},
            "vacancy 0.1",
        ),
        (
            {
                "species": [
                    species("Cs", ["Cs"], [1], attached=["O"], nattached=[1]),
                    *(species(x, [x], [1]) for x in ("Pb", "Br")),
                ]
            },
            "O are attached to sites of Cs",
        ),
        ({"species": [species("Cs", ["X"], [1]), species("Pb", ["Pb"], [1]), species("Br", ["Br"], [1])]}, "X 1"),
        ({"cartesian_site_positions": [[None, None, None], *CUBIC.cart_coords[1:].tolist()]}, "not all known"),
        ({"lattice_vectors": [[4, 0, 0], [0, 4, 0], None], "dimension_types": [1, 1, 0]}, r"\[1, 1, 0\]"),
        ({"lattice_vectors": [[4, 0, 0], [0, 4, 0], [None] * 3], "dimension_types": [1, 1, 0]}, r"\[1, 1, 0\]"),
        ({"chemical_formula_reduced": "Br3CsSn"}, "its formula is Br3CsSn"),
        ({"species_at_sites": ["Cs", "Pb", "Cs", "Cs", "Cs"]}, "species Br stands at no site"),
    ],
)  # fmt: skip
def test_what_is_no_ordered_crystal_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(StructureError, match="no ordered crystal") as caught:
        fetched(attributes(CUBIC, **changes))
    assert re.search(told, caught.value.reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"chemical_formula_reduced": "Br3CH5N2Pb"},
        {"species": [species(name, [name], [1]) for name in ("Br", "C", "N", "Pb", "H")]},
        {
            "species": [
                *(species(name, [name], [1]) for name in ("Br", "C", "Pb")),
                species("N", ["N"], [1], attached=["H"], nattached=[2]),
            ]
        },
        {},
    ],
)
def test_a_hybrid_perovskite_without_its_hydrogens_is_refused_with_the_way_out(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    """As its formula says, as atoms without a place, as atoms attached to others, and where nothing says so."""
    with (
        running(OptimadeServer({"1": attributes(SKELETON, **changes)})) as server,
        pytest.raises(StructureError) as caught,
    ):
        load_crystal(f"optimade:{server.base}/v1/structures/1", base_dir=tmp_path)
    assert caught.value.summary.startswith("hydrogens are missing")
    assert 'structure = "CsPbBr3_Pm-3m"' in caught.value.fix and 'by = "FA"' in caught.value.fix


def test_a_hybrid_perovskite_with_them_is_taken() -> None:
    assert fetched(attributes(HYBRID)).structure.composition == HYBRID.composition


def test_a_sheet_is_taken_as_the_cell_that_it_is_sent_in() -> None:
    """Two-dimensional databases give a third vector across a vacuum."""
    sheet = Structure(Lattice.hexagonal(2.504, 20.0), ["B", "N"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])
    crystal = fetched(attributes(sheet, dimension_types=[1, 1, 0], nperiodic_dimensions=2))
    assert crystal.structure.lattice.c == pytest.approx(20.0)
    assert "does not repeat along c" in crystal.warnings[0]


def test_the_licence_may_be_a_page_or_not_be_said() -> None:
    for info, told in (
        ({"license": "https://example.org/l"}, "https://example.org/l"),
        ({"license": {"href": "https://example.org/m"}}, "https://example.org/m"),
        ({"available_licenses": ["CC-BY-4.0", "CC0-1.0"]}, "CC-BY-4.0 or CC0-1.0"),
        ({}, "not said by the database"),
        ({"available_licenses": 3}, "not said by the database"),
    ):
        with running(OptimadeServer({"1": attributes(CSBR)})) as server:
            server.info = {"api_version": "1.2.0", **info}
            crystal = fetch_structure(f"optimade:{server.base}/v1/structures/1")
        assert crystal.warnings[-1] == f"licence of the database: {told}"
    for fault in (404, 500, b"[]", b"<html>"):
        with running(OptimadeServer({"1": attributes(CSBR)}, {"info": fault})) as server:
            crystal = fetch_structure(f"optimade:{server.base}/v1/structures/1")
        assert crystal.warnings[-1] == "licence of the database: not said by the database"


@pytest.mark.parametrize(
    ("fault", "summary"),
    [
        (404, "holds no 1"),
        (403, "refused"),
        (429, "too many requests"),
        (500, "is failing"),
        (503, "is failing"),
        (418, "is not the OPTIMADE database"),
        ("close", "cannot be reached"),
        (b"<html><p>Welcome to <b>WiFi</b></p></html>", "a web page"),
        (b"", "is no JSON"),
        (b"3", "is not the OPTIMADE database"),
        (b"[]", "is not the OPTIMADE database"),
        (b'{"data": {}}', "is not the OPTIMADE database"),
        (b'{"data": null, "meta": {"api_version": "1.0"}}', "holds no 1"),
        (b'{"data": [], "meta": {"api_version": "1.0"}}', "is not understood"),
        (b'{"data": {"id": "1"}, "meta": {}}', "is not understood"),
        (b'{"data": {"id": "2", "attributes": {}}, "meta": {"api_version": "1.0"}}', "is not understood"),
        (b'{"data": NaN, "meta": {}}', "is no JSON"),
        (b'{"data": 1e999, "meta": {}}', "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
    ],
)
def test_what_is_no_answer(fault: Any, summary: str, tmp_path: Path) -> None:
    with running(OptimadeServer({"1": attributes(CSBR)}, {"entry": fault})) as server:
        assert summary in failure(server).summary
    assert not list((tmp_path / "cache").rglob("*.json"))


@pytest.mark.parametrize(
    "changes",
    [
        {"lattice_vectors": [[1, 0, 0], [0, 1, 0]]},
        {"lattice_vectors": "abc"},
        {"lattice_vectors": [[1e300, 0, 0], [0, 1e300, 0], [0, 0, 1e300]]},
        {"cartesian_site_positions": [[0, 0]]},
        {"cartesian_site_positions": []},
        {"cartesian_site_positions": {"a": 1}},
        {"species_at_sites": ["Cs", "Cs", "Cs"]},
        {"species": []},
        {"species": [3]},
        {"nsites": 3},
        {"chemical_formula_reduced": 3},
    ],
)
def test_entries_of_another_shape_are_no_answer(changes: dict[str, Any], tmp_path: Path) -> None:
    with running(OptimadeServer({"1": attributes(CSBR, **changes)})) as server:
        assert "is not understood" in failure(server).summary
    assert not list((tmp_path / "cache").rglob("*.json"))


JSON = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                    max_leaves=12)  # fmt: skip


@given(key=st.sampled_from(sorted(attributes(CSBR))), value=JSON)
@settings(max_examples=200, deadline=None)
def test_any_value_is_a_crystal_or_a_named_refusal(key: str, value: Any) -> None:
    try:
        structure, _ = structure_of_entry(attributes(CSBR, **{key: value}), "x")
    except (ValueError, StructureError):
        return
    assert structure.is_ordered and len(structure) == 2


@pytest.mark.parametrize("fault", ["silence", "drip"])
@pytest.mark.parametrize("where", ["entry", "info"])
def test_the_time_limit_holds_for_all_of_it(fault: str, where: str) -> None:
    """Also for headers that come one byte at a time."""
    with running(OptimadeServer({"1": attributes(CSBR)}, {where: fault})) as server:
        start = time.monotonic()
        error = failure(server, timeout_s=1.0)
        assert time.monotonic() - start < 15.0
    assert "did not answer within 1 s" in error.summary
    assert error.reason == f"it hung at this stage: {'entry' if where == 'entry' else 'licence'}"


def test_no_network() -> None:
    with pytest.raises(SourceError, match=r"cannot be reached at nowhere\.invalid"):
        fetch_structure("optimade:https://nowhere.invalid/v1/structures/1")


def test_a_database_that_moved_is_followed_and_one_that_turns_in_circles_is_left() -> None:
    with running(OptimadeServer({"1": attributes(CSBR)})) as there, running(OptimadeServer({})) as here:
        here.faults["entry"] = f"{there.base}/v1/structures/1"
        assert fetch_structure(f"optimade:{here.base}/v1/structures/1").structure.composition == CSBR.composition
        here.faults["entry"] = f"{here.base}/v1/structures/again"
        assert "cannot be reached" in failure(here, refresh=True).summary
        assert here.asked.count("structures/again") <= web.MOST_REDIRECTS + 1
        here.faults["entry"] = "http-nothing:///etc/passwd"
        assert failure(here, refresh=True)


def test_more_than_anybody_sends_of_one_crystal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MOST_BYTES", 500)
    with running(OptimadeServer({"1": attributes(PNMA)})) as server:
        assert "is too large" in failure(server).summary


def test_a_key_of_another_service_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MP_API_KEY", "Kq7TzW3nVbX9cR5yLm2HsD8fGj4PaE6u")
    with running(OptimadeServer({"1": attributes(CSBR)})) as server:
        fetch_structure(f"optimade:{server.base}/v1/structures/1")
        assert not any("Kq7TzW3n" in json.dumps(headers) for headers in server.headers)


def test_a_damaged_answer_is_asked_for_again(tmp_path: Path) -> None:
    with running(OptimadeServer({"1": attributes(CSBR)})) as server:
        query = f"optimade:{server.base}/v1/structures/1"
        first = fetch_structure(query)
        (path,) = (tmp_path / "cache").rglob("*.json")
        path.write_text(path.read_text().replace("4.291", "4.292", 1) if "4.291" in path.read_text() else "{")
        second = fetch_structure(query)
    assert "was damaged" in second.warnings[0] and second.sha256 == first.sha256


def test_a_study_says_in_which_line_its_database_did_not_answer(tmp_path: Path) -> None:
    from dftflow.studies.plan import plan_study
    from dftflow.studies.reader import load_study

    with running(OptimadeServer({"1": attributes(CSBR)})) as server:
        text = f"""schema = 1
title = "t"
[materials.CsBr]
structure = "optimade:{server.base}/v1/structures/1"
cutoff_ev = 200
relax_kpoints = [1, 1, 1]
bands_kpoints = [1, 1, 1]
"""
        (tmp_path / "s.toml").write_text(text)
        plan = plan_study(load_study(tmp_path / "s.toml", "quick"))
        assert plan.materials["CsBr"].crystal.reference.startswith("127.0.0.1:")
    (tmp_path / "s.toml").write_text(text.replace("structures/1", "structures/2"))
    with pytest.raises(DftflowError):
        plan_study(load_study(tmp_path / "s.toml", "quick"))
