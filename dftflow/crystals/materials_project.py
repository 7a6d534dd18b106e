"""Crystals from the Materials Project (10.1063/1.4812323), through its client mp-api and a cache on disk.

The cell is returned as the database sends it. Its client's "conventional standard" cell is not used: that one sorts
orthorhombic axes by length and so turns Pnma into a Pbnm-like cell, in which (hkl) names another plane. What the
database sends is primitive for centred lattices; a plane is then given with its setting (`dftflow.crystals.planes`).

The database recomputes its crystals: CsPbBr3 Pnma was a PBE cell (8.425, 12.011, 8.370 Å) and is an r2SCAN cell
(8.454, 11.879, 8.101 Å) today under the same id. The version of the database and the sha256 of the structure
therefore belong to every answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pymatgen.core import Composition, Structure

from dftflow.crystals.mp_cache import DamagedEntry, default_cache_dir, entry_path, read_entry, sha256_of, write_entry
from dftflow.crystals.mp_names import is_material_id
from dftflow.crystals.mp_service import DATA_ERRORS, Json, Question, reduced_formula
from dftflow.crystals.symmetry import space_group
from dftflow.errors import SourceError

__all__ = ["FetchedStructure", "fetch_structure", "keep_entry"]

_MOST_POLYMORPHS = 12


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class FetchedStructure:
    """A crystal of the Materials Project and the state of the database it is from.

    Attributes
    ----------
    structure
        The cell as the database sends it: relaxed by DFT, axes neither exchanged nor reduced nor expanded.
    material_id, formula
        ``"mp-567629"``, ``"CsPbBr3"``.
    space_group, space_group_number
        As the database says (found with its tolerance of 0.1 Å).
    database_version
        Such as ``"2025.9.25"``; ``"unknown"`` when the service did not say.
    sha256
        Of the canonical JSON of the structure as sent: the same structure has the same sum on every day.
    retrieved
        ISO date (UTC) on which the database was asked.
    from_cache
        Whether the answer was already on disk.
    energy_above_hull_ev_per_atom
        Above the convex hull of the phase diagram, in eV per atom; None when not known.
    warnings
        Lines a person should read before using the crystal.
    """

    structure: Structure
    material_id: str
    formula: str
    space_group: str
    space_group_number: int
    database_version: str
    sha256: str
    retrieved: str
    from_cache: bool
    energy_above_hull_ev_per_atom: float | None
    warnings: tuple[str, ...] = ()


def fetch_structure(
    query: str,
    *,
    api_key: str | None = None,
    endpoint: str | None = None,
    timeout_s: float = 30.0,
    cache_dir: Path | None = None,
    refresh: bool = False,
) -> FetchedStructure:
    """The crystal with an id, or the only one with a formula.

    An answer on disk is used without a network, a key or the client. Otherwise the client runs in a process of its
    own, which is ended after `timeout_s` wherever it hangs.

    Parameters
    ----------
    query
        ``"mp-567629"``, or ``"mp:CsPbBr3"`` for a formula of which the database holds one crystal.
    api_key
        32 characters; ``MP_API_KEY`` of the environment when not given.
    endpoint
        Address of the service; ``MP_API_ENDPOINT`` or that of the Materials Project when not given.
    timeout_s
        Longest time for the network, in s. Importing the client (5 to 20 s) does not count.
    cache_dir
        Folder of the answers; ``$XDG_CACHE_HOME/dftflow/materials-project`` when not given.
    refresh
        Ask again although the answer is on disk.

    Raises
    ------
    SourceError
        Malformed, unknown or deprecated id; several crystals with this formula (they are listed); no, malformed or
        refused key; no network, no answer in time, too many requests, a failing service or one that is another.
    CodeNotFoundError
        When mp-api is not installed or cannot be loaded.
    InputError
        When `timeout_s` is no positive number.
    """
    question = _question(query, endpoint, timeout_s)
    path = entry_path(cache_dir or default_cache_dir(), query=question.normal, endpoint=question.endpoint)
    remarks: list[str] = []
    if not refresh:
        try:
            entry = read_entry(path)
            if entry is not None:
                return _fetched(entry, from_cache=True)
        except (DamagedEntry, *DATA_ERRORS) as error:
            remarks.append(f"the answer in {path} was damaged ({error}) and has been asked for again")
    outcome = question.ask(api_key)
    try:
        entry = _entry(question, _only(question, outcome["materials"]), str(outcome["database_version"]))
        fetched = _fetched(entry, from_cache=False, remarks=remarks)
    except DATA_ERRORS as error:
        raise question.not_understood(error) from error
    try:
        write_entry(path, entry)
    except OSError as error:
        remark = f"the answer could not be kept in {path.parent}: {error.strerror or error}"
        return replace(fetched, warnings=(remark, *fetched.warnings))
    return fetched


def keep_entry(record: Json, version: str, *, endpoint: str, folder: Path, replace: bool) -> None:
    """Keep a record of a search as the answer about its id; one that is there stays unless it is to be replaced.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError
        When it is no record of a crystal.
    OSError
        When it cannot be written.
    """
    question = _question(record["material_id"], endpoint, 1.0)
    entry = _entry(question, record, version)
    _fetched(entry, from_cache=False)
    path = entry_path(folder, query=question.normal, endpoint=question.endpoint)
    if replace or not _is_whole(path):
        write_entry(path, entry)


def _is_whole(path: Path) -> bool:
    try:
        entry = read_entry(path)
        return entry is not None and _fetched(entry, from_cache=True) is not None
    except (DamagedEntry, *DATA_ERRORS):
        return False


def _question(query: str, endpoint: str | None, timeout_s: float) -> Question:
    """About an id, or a formula in any spelling."""
    prefix, _, formula = query.partition(":")
    if is_material_id(query):
        name, normal, asks = query, query, {"material_id": query}
    elif prefix != "mp" or not formula:
        raise SourceError(
            f"{query!r} is no id of the Materials Project",
            fix="write mp- and a number, as in mp-567629, or mp: and a formula, as in mp:CsPbBr3",
        )
    else:
        reduced = reduced_formula(formula)
        if reduced is None:
            raise SourceError(
                f"{formula!r} is no chemical formula", fix="write whole numbers and element symbols, as in mp:CsPbBr3"
            )
        name, normal, asks = formula, f"mp:{reduced}", {"formula": reduced}
    return Question.of(name=name, normal=normal, asks=asks, endpoint=endpoint, timeout_s=timeout_s)


def _entry(question: Question, material: Json, version: str) -> Json:
    """What is kept on disk. The key is no part of it."""
    formula = Composition(material["formula_pretty"]).reduced_formula
    if question.asks.get("formula", formula) != formula:
        raise ValueError(f"it is about {material['formula_pretty']}")
    return {
        "query": question.normal,
        "endpoint": question.endpoint,
        "retrieved": datetime.now(UTC).date().isoformat(),
        "database_version": version or "unknown",
        "sha256": sha256_of(material["structure"]),
        "material": material,
    }


def _only(question: Question, materials: list[Json]) -> Json:
    """The one crystal of an answer; several are listed for the user to choose from."""
    if len(materials) == 1:
        return materials[0]
    if not materials:
        raise question.error("unknown")
    ranked = sorted(materials, key=lambda one: (one["energy_above_hull"] is None, one["energy_above_hull"]))
    rows = [_row(one) for one in ranked[:_MOST_POLYMORPHS]]
    if len(ranked) > len(rows):
        rows.append(f"and {len(ranked) - len(rows)} more, higher in energy")
    raise SourceError(
        f"the Materials Project holds {len(materials)} crystals {question.name}",
        reason="\n       ".join(["one has to be chosen:", *rows]),
        fix=f"write the id of the one that is meant, such as {ranked[0]['material_id']}; compare space group, lattice "
        "and coordination, not the energy alone. A study takes all of them with structure = "
        f'{{ mp = "{question.name}" }}',
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


def _fetched(entry: Json, *, from_cache: bool, remarks: list[str] | None = None) -> FetchedStructure:
    material = entry["material"]
    structure = Structure.from_dict(material["structure"])
    version, retrieved = str(entry["database_version"]), str(entry["retrieved"])
    group, number = str(material["symmetry"]["symbol"]), int(material["symmetry"]["number"])
    energy = material["energy_above_hull"]
    lines = list(remarks or ())
    if from_cache:
        lines.append(f"taken from the cache: database version {version}, retrieved {retrieved}")
    if version == "unknown":
        lines.append("the service did not say which version of the database this is from")
    if (material.get("builder_meta") or {}).get("license") == "BY-NC":
        lines.append("this entry (GNoME) is licensed CC BY-NC 4.0: not for commercial use")
    return FetchedStructure(
        structure=structure,
        material_id=str(material["material_id"]),
        formula=str(material["formula_pretty"]),
        space_group=group,
        space_group_number=number,
        database_version=version,
        sha256=str(entry["sha256"]),
        retrieved=retrieved,
        from_cache=from_cache,
        energy_above_hull_ev_per_atom=None if energy is None else float(energy),
        warnings=(*lines, *_cell_remarks(structure, group, number)),
    )


def _cell_remarks(structure: Structure, symbol: str, number: int) -> list[str]:
    found = space_group(structure)
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
