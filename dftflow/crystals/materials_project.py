"""Crystals from the Materials Project (10.1063/1.4812323), and a store of them on disk.

The cell is returned as the database sends it. Its client's "conventional standard" cell is not used: that one sorts
orthorhombic axes by length and so turns Pnma into a Pbnm-like cell, in which (hkl) names another plane. What the
database sends is primitive for centred lattices; a plane is then given with its setting (`dftflow.crystals.planes`).

The database recomputes its crystals: CsPbBr3 Pnma was a PBE cell (8.425, 12.011, 8.370 Å) and is an r2SCAN cell
(8.454, 11.879, 8.101 Å) today under the same id. The version of the database and the sha256 of the structure
therefore belong to every answer.
"""

from __future__ import annotations

from pathlib import Path

from pymatgen.core import Composition, Structure

from dftflow.crystals.crystal import Crystal
from dftflow.crystals.database_names import is_material_id
from dftflow.crystals.file_notes import plain
from dftflow.crystals.mp_service import Records, ask, materials_project, reduced_formula
from dftflow.crystals.plain import structure_of
from dftflow.crystals.stored_answers import (
    answer_of,
    answer_path,
    crystal_of_answer,
    default_cache_dir,
    is_whole,
    keep,
    kept_or_asked,
)
from dftflow.crystals.symmetry import SpaceGroup, space_group
from dftflow.crystals.web import Json, Problem, Service, check_time
from dftflow.errors import SourceError

__all__ = ["fetch_structure", "keep_entry"]

_MOST_POLYMORPHS = 12


def fetch_structure(
    query: str,
    *,
    api_key: str | None = None,
    endpoint: str | None = None,
    timeout_s: float = 30.0,
    cache_dir: Path | None = None,
    refresh: bool = False,
) -> Crystal:
    """The crystal with an id, or the only one with a formula, in the cell that the database sends.

    An answer on disk is used without a network or a key. ``reference`` has the id, the version of the database and the
    date; ``sha256`` is that of the structure's canonical JSON, the same on every day.

    Parameters
    ----------
    query
        ``"mp-567629"``, or ``"mp:CsPbBr3"`` for a formula of which the database holds one crystal.
    api_key
        32 characters; ``MP_API_KEY`` of the environment when not given.
    endpoint
        Address of the service; ``MP_API_ENDPOINT`` or that of the Materials Project when not given.
    timeout_s
        Longest time for all of it, in s.
    cache_dir
        Folder of the answers; ``$XDG_CACHE_HOME/dftflow/materials-project`` when not given.
    refresh
        Ask again although the answer is on disk.

    Raises
    ------
    SourceError
        Malformed, unknown or deprecated id; several crystals with this formula (they are listed); no, malformed or
        refused key; no network, no answer in time, too many requests, a failing service or one that is another.
    InputError
        When `timeout_s` is no positive number.
    """
    check_time(timeout_s)
    service, (about, normal) = materials_project(endpoint), _question(query)

    def talk(records: Records) -> list[Json]:
        return records.by_id(query) if about == query else records.of_formula(normal.removeprefix("mp:"))

    def asked() -> Json:
        version, found = ask(service, about, talk, api_key, timeout_s)
        with service.understood(about):
            return _answer(service, normal, _only(service, about, found), version)

    path = answer_path(cache_dir or default_cache_dir(), normal, service.address)
    return kept_or_asked(path, read=_crystal, ask=asked, refresh=refresh)


def keep_entry(record: Json, version: str, *, endpoint: str, folder: Path, replace: bool) -> None:
    """Keep a record of a search as the answer about its id; one that is there stays unless it is to be replaced.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError
        When it is no record of a crystal.
    OSError
        When it cannot be written.
    """
    service, (_, normal) = materials_project(endpoint), _question(record["material_id"])
    answer = _answer(service, normal, record, version)
    path = answer_path(folder, normal, service.address)
    if replace or not is_whole(path, _crystal):
        keep(path, answer)


def _question(query: str) -> tuple[str, str]:
    """What is asked about, and the same for all spellings of it: ``mp-567629``, or ``mp:`` and a formula."""
    prefix, _, formula = query.partition(":")
    if is_material_id(query):
        return query, query
    if prefix != "mp" or not formula:
        raise SourceError(
            f"{query!r} is no id of the Materials Project",
            fix="write mp- and a number, as in mp-567629, or mp: and a formula, as in mp:CsPbBr3",
        )
    reduced = reduced_formula(formula)
    if reduced is None:
        raise SourceError(
            f"{formula!r} is no chemical formula", fix="write whole numbers and element symbols, as in mp:CsPbBr3"
        )
    return formula, f"mp:{reduced}"


def _answer(service: Service, normal: str, material: Json, version: str) -> Json:
    """What is kept on disk; raises one of `DATA_ERRORS` for what is no record of the crystal that was asked for."""
    formula = Composition(material["formula_pretty"]).reduced_formula
    if normal.startswith("mp:") and normal != f"mp:{formula}":
        raise ValueError(f"it is about {material['formula_pretty']}")
    answer = answer_of(normal, service.address, version, of=material["structure"], material=material)
    _crystal(answer, [])
    return answer


def _only(service: Service, about: str, materials: list[Json]) -> Json:
    """The one crystal of an answer; several are listed for the user to choose from."""
    if len(materials) == 1:
        return materials[0]
    if not materials:
        raise service.refusal(about, Problem("unknown"))
    ranked = sorted(materials, key=lambda one: (one["energy_above_hull"] is None, one["energy_above_hull"]))
    rows = [_row(one) for one in ranked[:_MOST_POLYMORPHS]]
    if len(ranked) > len(rows):
        rows.append(f"and {len(ranked) - len(rows)} more, higher in energy")
    raise SourceError(
        f"the Materials Project holds {len(materials)} crystals {about}",
        reason="\n       ".join(["one has to be chosen:", *rows]),
        fix=f"write the id of the one that is meant, such as {ranked[0]['material_id']}; compare space group, lattice "
        f'and coordination, not the energy alone. A study takes all of them with structure = {{ mp = "{about}" }}',
    )


def _row(material: Json) -> str:
    lattice, symmetry = material["structure"]["lattice"], material["symmetry"]
    lengths = " ".join(f"{lattice[axis]:.3f}" for axis in "abc")
    angles = " ".join(f"{lattice[angle]:.2f}" for angle in ("alpha", "beta", "gamma"))
    energy = material["energy_above_hull"]
    height = "energy not known" if energy is None else f"{1000 * energy:.0f} meV/atom above the hull"
    observed = "" if material.get("theoretical") is None else ", predicted" if material["theoretical"] else ", observed"
    return (
        f"{material['material_id']}: {symmetry['symbol']} ({symmetry['number']}), {lengths} Å, {angles}°, "
        f"{len(material['structure']['sites'])} atoms, {height}{observed}"
    )


def _crystal(answer: Json, remarks: list[str]) -> Crystal:
    material, version = answer["material"], str(answer["database_version"])
    structure, said = plain(structure_of(material["structure"])), material["symmetry"]
    found = space_group(structure)
    lines = [*remarks, *_cell_remarks(structure, found, str(said["symbol"]), int(said["number"]))]
    if version == "unknown":
        lines.append("the service did not say which version of the database this is from")
    if (material.get("builder_meta") or {}).get("license") == "BY-NC":
        lines.append("this entry (GNoME) is licensed CC BY-NC 4.0: not for commercial use")
    return crystal_of_answer(
        answer,
        structure,
        found,
        name=str(material["material_id"]),
        version=f"Materials Project {version}",
        warnings=lines,
    )


def _cell_remarks(structure: Structure, found: SpaceGroup, symbol: str, number: int) -> list[str]:
    if found.number != number:
        return [
            f"the database says {symbol} ({number}), the atoms have {found.symbol} ({found.number}) to within 0.001 Å"
        ]
    if not found.setting:
        return [
            f"the cell of {len(structure)} atoms is not the conventional one of {symbol}: grids of k-points count for "
            "it, and planes need the name of their setting"
        ]
    return []
