from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice

from dftflow.crystals import shipped
from dftflow.crystals.contacts import check_contacts, shortest_contacts
from dftflow.crystals.shipped import load_shipped, shipped_names, shipped_source
from dftflow.crystals.symmetry import space_group
from dftflow.errors import StructureError
from dftflow.resources import structures_dir

U_PER_ANG3_G_PER_CM3 = 1.66053906892  # CODATA 2022

# Abridged standard atomic weights, IUPAC 2021 (10.1515/pac-2019-0603).
WEIGHT_U = {"H": 1.008, "C": 12.011, "N": 14.007, "Cl": 35.45, "Br": 79.904, "I": 126.90, "Cs": 132.91, "Pb": 207.2}

# Space group and occupied Wyckoff positions, as the references (or, for the ordered models, the point symmetry of the
# molecule) have them.
CRYSTALS = {
    "CsPbBr3_Pnma": ("Pnma", 62, {"Cs": "4c", "Pb": "4a", "Br": "4c 8d"}),
    "CsPbBr3_P4mbm": ("P4/mbm", 127, {"Cs": "2c", "Pb": "2a", "Br": "2b 4g"}),
    "CsPbBr3_Pm-3m": ("Pm-3m", 221, {"Cs": "1b", "Pb": "1a", "Br": "3d"}),
    "CsPbBr3_mono": ("P2/m", 10, {"Cs": "1h", "Pb": "1a", "Br": "1b 1c 1d"}),
    "FAPbBr3_Pm-3m_FA100": ("Pmm2", 25, {"C": "1d", "N": "2h", "H": "1d 2h 2h", "Pb": "1a", "Br": "1a 1b 1c"}),
    "FAPbBr3_Pm-3m_FA110": ("Amm2", 38, {"C": "2b", "N": "4e", "H": "2b 4e 4e", "Pb": "2a", "Br": "2b 4d"}),
    "MAPbBr3_Pm-3m_MA100": ("Pm", 6, {"C": "1b", "N": "1b", "H": "1b 1b 2c 2c", "Pb": "1a", "Br": "1a 1a 1b"}),
    "Cs4PbBr6_R-3c": ("R-3c", 167, {"Cs": "18e 6a", "Pb": "6b", "Br": "36f"}),
    "CsPb2Br5_I4mcm": ("I4/mcm", 140, {"Cs": "4a", "Pb": "8h", "Br": "16l 4c"}),
    "CsBr_Pm-3m": ("Pm-3m", 221, {"Cs": "1a", "Br": "1b"}),
    "PbBr2_Pnma": ("Pnma", 62, {"Pb": "4c", "Br": "4c 4c"}),
    "CsPbI3_Pnma": ("Pnma", 62, {"Cs": "4c", "Pb": "4a", "I": "4c 8d"}),
    "CsPbI3_Pm-3m": ("Pm-3m", 221, {"Cs": "1b", "Pb": "1a", "I": "3d"}),
    "CsPbCl3_Pm-3m": ("Pm-3m", 221, {"Cs": "1b", "Pb": "1a", "Cl": "3d"}),
    "Cs_Im-3m": ("Im-3m", 229, {"Cs": "2a"}),
    "Pb_Fm-3m": ("Fm-3m", 225, {"Pb": "4a"}),
    "Br2_Cmce": ("Cmce", 64, {"Br": "8f"}),
}

names = pytest.mark.parametrize("name", sorted(CRYSTALS))


def test_every_file_has_an_entry_and_every_entry_a_file() -> None:
    files = {path.name for path in structures_dir().glob("*.cif")}
    assert {shipped_source(name)["file"] for name in shipped_names()} == files
    assert set(shipped_names()) == set(CRYSTALS)


@names
def test_entry_is_complete(name: str) -> None:
    entry = shipped_source(name)
    text = ("formula", "phase", "setting", "measured", "reference", "licence", "notes", "caution", "database")
    assert all(isinstance(entry[key], str) for key in text)
    assert all(entry[key] for key in text[:6])
    assert entry["confidence"] in ("read", "from memory, check the original", "model")
    assert entry["caution"] or entry["confidence"] == "read", "an uncertain crystal must say so when it is used"
    assert 0 < entry["temperature_k"] < 1000
    content = (structures_dir() / entry["file"]).read_bytes()
    assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert content.startswith(b"# Written for dftflow (MIT)")


@names
def test_loads_silently_with_its_provenance(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crystal = load_shipped(name)
    assert capfd.readouterr() == ("", "")
    entry = shipped_source(name)
    assert (crystal.name, crystal.reference, crystal.sha256) == (name, entry["reference"], entry["sha256"])
    assert crystal.warnings == ((entry["caution"],) if entry["caution"] else ())


@names
def test_space_group_and_wyckoff_positions(name: str) -> None:
    symbol, number, positions = CRYSTALS[name]
    crystal = load_shipped(name)
    entry = shipped_source(name)
    assert (crystal.space_group, crystal.space_group_number) == (symbol, number)
    assert (entry["space_group"], entry["space_group_number"]) == (symbol, number)
    group = space_group(crystal.structure)
    found: dict[str, list[str]] = {}
    for first in sorted(set(group.orbit)):
        found.setdefault(crystal.structure[first].specie.symbol, []).append(group.wyckoff[first])
    assert {element: " ".join(sorted(letters)) for element, letters in found.items()} == positions


@names
def test_lattice_is_the_published_one_axis_by_axis(name: str) -> None:
    np.testing.assert_allclose(load_shipped(name).structure.lattice.parameters, shipped_source(name)["cell"], atol=1e-6)


@names
def test_density_is_that_of_the_published_cell_and_near_the_measured_one(name: str) -> None:
    entry = shipped_source(name)
    structure = load_shipped(name).structure
    formula = Counter({str(element): int(n) for element, n in structure.composition.items()})
    mass = sum(WEIGHT_U[element] * n for element, n in formula.items())
    x_ray = mass / Lattice.from_parameters(*entry["cell"]).volume * U_PER_ANG3_G_PER_CM3
    assert structure.density == pytest.approx(x_ray, rel=1e-3)
    assert structure.composition.get_reduced_formula_and_factor()[1] == entry["z"]
    if "density_g_per_cm3" in entry:
        # Pycnometry and powder cells: 1 %.
        assert structure.density == pytest.approx(entry["density_g_per_cm3"], rel=1e-2)


@names
def test_lead_halogen_distances(name: str) -> None:
    entry = shipped_source(name)
    structure = load_shipped(name).structure
    lead = [k for k, site in enumerate(structure) if site.specie.symbol == "Pb"]
    if not lead:
        assert "pb_x_ang" not in entry
        return
    around = structure.get_neighbors(structure[lead[0]], 3.6)
    found = sorted(float(n.nn_distance) for n in around if n.specie.symbol in ("Cl", "Br", "I"))
    np.testing.assert_allclose(found, sorted(entry["pb_x_ang"]), atol=6e-3)


@pytest.mark.parametrize("name", sorted(set(CRYSTALS) - {"CsBr_Pm-3m", "CsPb2Br5_I4mcm", "PbBr2_Pnma", "Pb_Fm-3m"}))
def test_octahedra_agree_with_ionic_radii(name: str) -> None:
    # Shannon radii (10.1107/S0567739476001551), coordination six: Pb2+ 1.19, Cl- 1.81, Br- 1.96, I- 2.20 Å.
    radius = {"Cl": 1.81, "Br": 1.96, "I": 2.20}
    structure = load_shipped(name).structure
    for k, site in enumerate(structure):
        if site.specie.symbol == "Pb":
            shell = [n for n in structure.get_neighbors(structure[k], 3.6) if n.specie.symbol in radius]
            assert len(shell) == 6
            assert all(0.9 < n.nn_distance / (1.19 + radius[n.specie.symbol]) < 1.03 for n in shell)


def test_caesium_bromide_distance() -> None:
    # 4.291 Å * sqrt(3) / 2
    contact = shortest_contacts(load_shipped("CsBr_Pm-3m").structure, limit=1)[0]
    assert contact.distance_ang == pytest.approx(3.716, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "distance_ang", "neighbours"),
    # sqrt(3)/2 of 6.141 Å; 4.9502 Å / sqrt(2); the molecule in the solid, 2.27 Å (10.1021/ja01303a030).
    [("Cs_Im-3m", 5.318, 8), ("Pb_Fm-3m", 3.500, 12), ("Br2_Cmce", 2.27, 1)],
)
def test_nearest_neighbours_of_the_elements(name: str, distance_ang: float, neighbours: int) -> None:
    structure = load_shipped(name).structure
    for site in structure:
        near = [n.nn_distance for n in structure.get_neighbors(site, distance_ang + 0.1)]
        np.testing.assert_allclose(near, [distance_ang] * neighbours, atol=3e-3)


def test_tilt_angles_of_the_orthorhombic_phase() -> None:
    # From the published coordinates (10.1021/cg400645t): 157.4 and 165.5 degrees.
    structure = load_shipped("CsPbBr3_Pnma").structure
    angles = []
    for site in structure:
        if site.specie.symbol == "Br":
            lead = [n for n in structure.get_neighbors(site, 3.2) if n.specie.symbol == "Pb"]
            first, second = (neighbour.coords - site.coords for neighbour in lead)
            angles.append(np.degrees(np.arccos(first @ second / np.linalg.norm(first) / np.linalg.norm(second))))
    np.testing.assert_allclose([min(angles), max(angles)], [157.4, 165.5], atol=0.2)


@names
def test_no_atoms_overlap(name: str) -> None:
    check_contacts(load_shipped(name).structure)


def test_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(StructureError) as caught:
        load_shipped("CsPbBr3_pnma")
    assert "CsPbBr3_Pnma" in caught.value.fix


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in structures_dir().iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    changed = tmp_path / "CsBr_Pm-3m.cif"
    changed.write_text(changed.read_text().replace("4.291", "4.391"))
    monkeypatch.setattr(shipped, "structures_dir", lambda: tmp_path)
    with pytest.raises(StructureError, match=r"CsBr_Pm-3m.*changed"):
        load_shipped("CsBr_Pm-3m")
    assert load_shipped("CsPbBr3_Pnma").space_group_number == 62
