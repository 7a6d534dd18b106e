"""Folders of results for the examples of the documentation and for the ten tasks beside other tools.

Bands and density of states of cubic CsPbBr3 by pw.x, as they are and in the layout of CASTEP and of VASP (neither was
run), the stored GPAW runs of CsPbBr3, FAPbBr3 and CsBr as they are and in the layout of VASP, and two small runs of
pw.x.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from castep_files import write_finished
from outcomes import RELAXED, StoredRun
from pymatgen.core import Structure
from vasp_files import Geometry, Run, grid_rows

from dftflow.codes.reading import zero_of
from dftflow.gate.found import calculation_at
from dftflow.model.results import Bands, PotentialGrid, Results

RUNS = Path(__file__).parent / "data" / "espresso" / "6.7"
DENSE = RUNS / "dense"
DATED = '  <i name="date" type="string">2026 11 26 </i>\n  <i name="time" type="string">10:00:00 </i>\n </generator>'
FIVE = """\
compounds:
  - {name: ZnO, ip: 7.7, ea: 4.4}
  - {name: MOF-5, ip: 7.3, ea: 2.7}
  - {name: HKUST-1, ip: 6.0, ea: 5.1}
  - {name: ZIF-8, ip: 6.4, ea: 1.9}
  - {name: CsPbBr3, ip: 6.53, ea: 4.17}
"""
"""A table as bapt reads it; 10.1021/ja4110073, and 10.1038/s41467-019-10468-7 for the last."""

PAPER = """\
name,IP,EA,uncertainty,reference
MAPbBr3,6.60,4.25,0.1,10.1038/s41467-019-10468-7
CsPbI3,6.25,4.47,0.1,10.1038/s41467-019-10468-7
"""
GENERATION = '<generation param="Monkhorst-Pack">\n   <v type="int" name="divisions"> {} </v>\n  </generation>'
SPACING = "SPECTRAL_KPOINT_PATH_SPACING : 0.08 1/ang"  # that of the run along the path
TITELS = {"Cs": "PAW_PBE Cs_sv 08Apr2002", "Pb": "PAW_PBE Pb_d 06Sep2000", "Br": "PAW_PBE Br 06Sep2000"}


def lay_inputs(folder: Path) -> None:
    """Write the files that all tools start from."""
    shutil.copytree(DENSE, folder / "espresso", ignore=shutil.ignore_patterns("grid"))
    shutil.copytree(DENSE / "grid", folder / "espresso-grid")
    shutil.copytree(RUNS / "projected", folder / "silicon")
    shutil.copytree(RUNS / "cell", folder / "relaxation")
    along_path = calculation_at(folder / "espresso").results
    on_grid = calculation_at(folder / "espresso-grid").results
    _castep(folder / "castep", along_path, _flat(along_path.structure))
    _castep(folder / "castep-grid", on_grid, _flat(on_grid.structure))
    _vasp(folder / "vasp", along_path, labels=True)
    for material, run, plane in _runs(folder):
        for step, name in (("bulk-bands", "bulk"), (f"slab-{plane}-potential", "slab")):
            results = calculation_at(run.folder(f"{material}/{step}")).results
            _vasp(folder / f"{material}-{name}", results, labels=False)
            _locpot(folder / f"{material}-{name}", results)
    for number in range(50):
        shutil.copytree(folder / "vasp", folder / "fifty" / f"run{number + 1:02d}")
    (folder / "five.yaml").write_text(FIVE)
    (folder / "paper.csv").write_text(PAPER)
    assert along_path.structure is not None
    along_path.structure.to(filename=str(folder / "POSCAR"), fmt="poscar")


def _runs(folder: Path) -> tuple[tuple[str, StoredRun, str], ...]:
    """Name of a material, its run, and the plane of the slab that is taken."""
    paper, relaxed = StoredRun.of(folder / "run"), StoredRun.of(folder / "run-CsBr", RELAXED)
    return ("CsPbBr3", paper, "010"), ("FAPbBr3", paper, "010"), ("CsBr", relaxed, "110")


def _flat(structure: Structure | None) -> PotentialGrid:
    """A potential that says nothing, for a layout that wants one."""
    assert structure is not None
    zero = zero_of(Path(), "flat")
    return PotentialGrid(values_ev=np.zeros((2, 2, 2)), cell_ang=structure.lattice.matrix, kind="local", zero=zero)


def _castep(folder: Path, results: Results, potential: PotentialGrid) -> None:
    assert results.bands is not None
    assert results.structure is not None
    folder.mkdir()
    write_finished(folder, "CsPbBr3", bands=results.bands, potential=potential, task="band structure")
    (folder / "CsPbBr3.pot_fmt").unlink()
    (folder / "CsPbBr3.cell").write_text(_cell_text(results.structure, results.bands))


def _cell_text(structure: Structure, bands: Bands) -> str:
    points = zip(bands.kpoints_frac, bands.labels, bands.on_path, strict=True)
    corners = [(k, name, part) for k, name, part in points if name]
    path = [" ".join(f"{x:.6f}" for x in k) + f" ! {_letter(name)}" for k, name, _ in corners]
    for place in reversed([i for i in range(1, len(corners)) if corners[i][2] != corners[i - 1][2]]):
        path.insert(place, "BREAK")
    blocks = {
        "LATTICE_CART": ["".join(f"{x:14.8f}" for x in vector) for vector in structure.lattice.matrix],
        "POSITIONS_FRAC": [f"{site.specie} " + " ".join(f"{x:.6f}" for x in site.frac_coords) for site in structure],
        "SPECTRAL_KPOINT_PATH": path,
    }
    there = [
        line for name, rows in blocks.items() if rows for line in (f"%BLOCK {name}", *rows, f"%ENDBLOCK {name}", "")
    ]
    return "\n".join([*there, SPACING if corners else "", ""])


def _letter(name: str) -> str:
    return r"\Gamma" if name == "G" else name


def _vasp(folder: Path, results: Results, *, labels: bool) -> None:
    bands, structure = results.bands, results.structure
    assert bands is not None
    assert structure is not None
    folder.mkdir()
    geometry = Geometry(
        positions=structure.frac_coords.tolist(),
        cell=structure.lattice.matrix.tolist(),
        forces=np.zeros((len(structure), 3)).tolist(),
    )
    n_bands, electrons = bands.eigenvalues_ev.shape[2], sum(bands.n_electrons)
    filled = np.broadcast_to(np.arange(n_bands) < electrons / 2, bands.eigenvalues_ev.shape).astype(float)
    count, potential = len(bands.kpoints_frac), results.potential
    fine = (2, 2, 2) if potential is None else potential.values_ev.shape
    grid = None if results.method is None else results.method.kpoints_grid
    run = Run(
        generation=None if grid is None or labels else GENERATION.format(" ".join(map(str, grid))),
        geometries=[geometry],
        kpoints=bands.kpoints_frac.tolist(),
        weights=[1 / count] * count if labels or bands.weights is None else bands.weights.tolist(),
        eigenvalues=np.asarray(bands.eigenvalues_ev),
        occupations=filled,
        fermi_ev=bands.fermi_ev,
        titels=[TITELS.get(str(site.specie), f"PAW_PBE {site.specie} 08Apr2002") for site in structure],
        parameters={"NELECT": f"float:{electrons}", "NBANDS": f"int:{n_bands}"}
        | {f"NG{axis}F": f"int:{n}" for axis, n in zip("XYZ", fine, strict=True)},
    )
    (folder / "vasprun.xml").write_text(run.xml().replace(" </generator>", DATED))
    if labels:
        rows = [
            " ".join(f"{x:.8f}" for x in k) + f" 1.0 {'GAMMA' if name == 'G' else name}".rstrip()
            for k, name in zip(bands.kpoints_frac, bands.labels, strict=True)
        ]
        (folder / "KPOINTS").write_text("\n".join(["along the path", str(count), "Reciprocal", *rows, ""]))


def _locpot(folder: Path, results: Results) -> None:
    assert results.potential is not None
    assert results.structure is not None
    head = results.structure.to(fmt="poscar")
    (folder / "LOCPOT").write_text("\n".join([head, *grid_rows(results.potential.values_ev), ""]))
