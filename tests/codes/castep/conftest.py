"""Calculations with the settings of 10.1021/acsami.1c18025, and where published CASTEP files may lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.codes.castep import CASTEP
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation
from dftflow.resources import structures_dir

REFERENCE = "10.1021/acsami.1c18025"
FROM_REFERENCE = f"doi {REFERENCE}"
CRITERIA = ("energy_tol_ev_per_atom", "force_tol_ev_per_ang", "stress_tol_gpa", "displacement_tol_ang")
REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Calculation:
    seed: str
    structure: Structure
    spec: CalcSpec

    def render(self, code: CASTEP) -> Deck:
        return code.render(self.structure, self.spec, self.seed)


@pytest.fixture(scope="session")
def castep_data() -> Path:
    """Published CASTEP files of other projects, laid out as <owner>+<repository>/<path>; not shipped with dftflow.

    ``DFTFLOW_CASTEP_DATA`` names the folder; without it, one beside the checkout that says where its files are from.
    """
    named = os.environ.get("DFTFLOW_CASTEP_DATA")
    beside = sorted(file.parent for file in REPOSITORY.parent.glob("*/castep*/PROVENANCE.md"))
    folder = Path(named) if named else next(iter(beside), None)
    if folder is None or not folder.is_dir():
        pytest.skip("no folder of published CASTEP files: set DFTFLOW_CASTEP_DATA")
    return folder


def _spec(cutoff_ev: float, **values: object) -> CalcSpec:
    common = {
        "xc": "PBE",
        "reference": REFERENCE,
        "cutoff_ev": cutoff_ev,
        "cutoff_note": FROM_REFERENCE,
        "smearing_ev": 0.1,
        "scf_tol_ev_per_atom": 2e-6,
        "max_scf_cycles": 100,
    }
    return CalcSpec(**(common | values))  # type: ignore[arg-type]


def _relaxation(cell: str) -> Relaxation:
    return Relaxation(
        cell=cell,  # type: ignore[arg-type]
        energy_tol_ev_per_atom=2e-5,
        force_tol_ev_per_ang=0.05,
        stress_tol_gpa=0.1,
        displacement_tol_ang=2e-3,
        max_steps=100,
        notes=dict.fromkeys(CRITERIA, FROM_REFERENCE),
    )


def _point(label: str, *frac: float) -> KPoint:
    return KPoint(label=label, frac=frac)  # type: ignore[arg-type]


def _slab(crystal: Structure) -> Structure:
    """Two layers of a cubic crystal along z, and vacuum up to 30 Å."""
    a = crystal.lattice.a
    layers = [(site.specie.symbol, site.coords + np.array([0, 0, 5 + n * a])) for n in (0, 1) for site in crystal]
    species, coords = zip(*layers, strict=True)
    return Structure(Lattice.orthorhombic(a, a, 30), species, coords, coords_are_cartesian=True)


@pytest.fixture(scope="session")
def calculations() -> dict[str, Calculation]:
    """The steps of a study, by seed."""
    orthorhombic = Structure.from_file(structures_dir() / "CsPbBr3_Pnma.cif")
    cubic = Structure.from_file(structures_dir() / "FAPbBr3_Pm-3m_FA100.cif")
    gamma, x, s, r = _point("G", 0, 0, 0), _point("X", 0.5, 0, 0), _point("S", 0.5, 0.5, 0), _point("R", 0.5, 0.5, 0.5)
    y, z, m = _point("Y", 0, 0.5, 0), _point("Z", 0, 0, 0.5), _point("M", 0.5, 0.5, 0)
    steps = [
        Calculation(
            "CsPbBr3-relax",
            orthorhombic,
            _spec(
                244.9,
                title="CsPbBr3 Pnma, relaxation of the crystal",
                task="relax",
                grid=(1, 1, 1),
                grid_note=FROM_REFERENCE,
                relaxation=_relaxation("lengths"),
            ),
        ),
        Calculation(
            "CsPbBr3-bands",
            orthorhombic,
            _spec(
                244.9,
                title="CsPbBr3 Pnma, band structure",
                task="bands",
                grid=(2, 2, 2),
                grid_note=FROM_REFERENCE,
                path=KPath(segments=((gamma, x, s, y, gamma, z), (y, r)), spacing_per_ang=0.025),
                edge_kpoints=(gamma,),
            ),
        ),
        Calculation(
            "FAPbBr3-relax",
            cubic,
            _spec(
                435.4,
                title="FAPbBr3 cubic, relaxation of the crystal",
                task="relax",
                grid=(2, 2, 2),
                grid_note=FROM_REFERENCE,
                relaxation=_relaxation("isotropic"),
            ),
        ),
        Calculation(
            "FAPbBr3-bands",
            cubic,
            _spec(
                435.4,
                title="FAPbBr3 cubic, band structure",
                task="bands",
                grid=(4, 4, 4),
                grid_note=FROM_REFERENCE,
                path=KPath(segments=((gamma, x, m, gamma, r, x),), spacing_per_ang=0.025),
                edge_kpoints=(r,),
            ),
        ),
        Calculation(
            "FAPbBr3-slab-relax",
            _slab(cubic),
            _spec(
                435.4,
                title="FAPbBr3 slab, relaxation of the ions",
                task="relax",
                grid=(2, 2, 1),
                grid_note="as dense as 2x2x2 of the crystal; 1 along the normal",
                relaxation=_relaxation("fixed"),
                slab_axis=2,
                max_scf_cycles=200,
            ),
        ),
        Calculation(
            "FAPbBr3-slab-potential",
            _slab(cubic),
            _spec(
                435.4,
                title="FAPbBr3 slab, potential",
                task="potential",
                grid=(4, 4, 1),
                grid_note="as dense as 4x4x4 of the crystal; 1 along the normal",
                slab_axis=2,
                max_scf_cycles=200,
            ),
        ),
        Calculation(
            "FAPbBr3-slab-edges",
            _slab(cubic),
            _spec(
                435.4,
                title="FAPbBr3 slab, potential and band edges",
                task="potential",
                grid=(4, 4, 1),
                edge_kpoints=(
                    _point("G-bar", 0, 0, 0),
                    _point("M-bar", 0.5, 0.5, 0),
                    _point("X-bar", 0, 0.5, 0),
                    _point("X'-bar", 0.5, 0, 0),
                ),
                slab_axis=2,
                max_scf_cycles=200,
            ),
        ),
    ]
    return {step.seed: step for step in steps}
