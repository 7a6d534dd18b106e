"""Reads large files of VASP and Quantum ESPRESSO with dftflow and with its peers, side by side.

    python benchmarks/readers.py [--megabytes 100] [--peers PYTHON] [--folder DIR] [--files NAME...]

Writes into DIR (a temporary folder unless given) LOCPOT, CHGCAR, a grid of pp.x, two vasprun.xml, of many geometries
and of many k-points, and an XML of pw.x of many k-points; `--files` names some of them. Every reader has a process of
its own; the rate counts processor time, the best of the repeats, and the memory is what reading added to the process
with its imports. Beside it a number that all must agree on. A peer that is not installed in PYTHON is named and left
out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from vasp_files import Geometry, Run  # noqa: E402

PROCESS = """
import json, sys, time, warnings
from pathlib import Path
warnings.simplefilter("ignore")
{imports}
def peak():  # getrusage would begin with the peak of the process that started this one
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024 / 1e6
times, before = [], peak()
for _ in range({repeats}):
    start = time.process_time()
    found = read(Path(sys.argv[1]))
    times.append(time.process_time() - start)
    number = float(told(found))
    del found
print(json.dumps([min(times), peak() - before, number]))
"""
ZERO = "from dftflow.model.energy import EnergyZero; zero = EnergyZero(run='x', reference='cell_average')\n"
READERS = {
    "LOCPOT": {
        "dftflow": ZERO + "from dftflow.codes.vasp.locpot_file import read_locpot\n"
        "read = lambda f: read_locpot(f, kind='local', zero=zero); told = lambda p: p.values_ev.mean()",
        "pymatgen": "from pymatgen.io.vasp import Locpot\n"
        "read = lambda f: Locpot.from_file(f); told = lambda p: p.data['total'].mean()",
        "ASE": "from ase.calculators.vasp import VaspChargeDensity\n"
        "read = lambda f: VaspChargeDensity(str(f)); told = lambda p: p.chg[0].mean() * p.atoms[0].get_volume()",
    },
    "CHGCAR": {
        "dftflow": "from dftflow.codes.vasp.chgcar_file import read_chgcar as read\ntold = lambda d: d.n_electrons",
        "pymatgen": "from pymatgen.io.vasp import Chgcar\n"
        "read = lambda f: Chgcar.from_file(f); told = lambda p: p.data['total'].mean()",
        "ASE": "from ase.calculators.vasp import VaspChargeDensity\n"
        "read = lambda f: VaspChargeDensity(str(f)); told = lambda p: p.chg[0].mean() * p.atoms[0].get_volume()",
    },
    "slab.pot": {
        "dftflow": ZERO + "from dftflow.codes.espresso.grid_file import read_potential_grid\n"
        "read = lambda f: read_potential_grid(f, zero); told = lambda p: p.values_ev.mean()",
        "numpy.fromstring": "import numpy as np\nfrom dftflow.units import RYDBERG_EV\n"
        "read = lambda f: np.fromstring(f.read_bytes().split(b'\\n', 9)[-1], sep=' ')\n"
        "told = lambda p: p.mean() * RYDBERG_EV",
    },
    "steps/vasprun.xml": {
        "dftflow": "from pymatgen.core import Structure\nfrom dftflow.codes.vasp.vasprun_file import read_vasprun\n"
        "read = read_vasprun; told = lambda r: r.steps[-1].free_energy_ev",
        "pymatgen": "from pymatgen.io.vasp import Vasprun\n"
        "read = lambda f: Vasprun(f, parse_potcar_file=False)\n"
        "told = lambda r: r.ionic_steps[-1]['e_fr_energy']",
        "ASE": "from ase.io import read as ase_read\n"
        "read = lambda f: ase_read(f, index=':'); told = lambda r: r[-1].get_potential_energy(force_consistent=True)",
    },
    "kpoints/vasprun.xml": {
        "dftflow": "from pymatgen.core import Structure\nfrom dftflow.codes.vasp.vasprun_file import read_vasprun\n"
        "read = read_vasprun; told = lambda r: r.eigenvalues.values_ev.mean()",
        "pymatgen": "from pymatgen.io.vasp import Vasprun\nread = lambda f: Vasprun(f, parse_potcar_file=False)\n"
        "told = lambda r: list(r.eigenvalues.values())[0][..., 0].mean()",
    },
    "pwscf.xml": {
        "dftflow": "from pymatgen.core import Structure\nfrom dftflow.codes.espresso.pw_xml import read_pw_xml\n"
        "read = read_pw_xml; told = lambda r: r.eigenvalues.values_ev.mean()",
    },
}


def main() -> None:
    """Write the files, read them with everything that is here, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--files", nargs="*", choices=list(READERS), default=list(READERS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dftflow-readers-") as temporary:
        folder = arguments.folder or Path(temporary)
        for name in arguments.files:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            write(file, name, arguments.megabytes * 1e6)
            print_table(file, name, READERS[name], arguments.peers)


def print_table(file: Path, name: str, readers: dict[str, str], peers: str) -> None:
    """One row a reader."""
    megabytes = file.stat().st_size / 1e6
    print(f"\n{name}, {megabytes:.1f} MB\n\n| reader | MB/s | memory (MB) | number |\n|---|--:|--:|--:|", flush=True)
    for reader, imports in readers.items():
        ours = reader in ("dftflow", "numpy.fromstring")
        script = PROCESS.format(imports=imports, repeats=3 if "xml" not in name else 1)
        done = subprocess.run(
            [sys.executable if ours else peers, "-c", script, str(file)], capture_output=True, text=True
        )
        if done.returncode:
            why = "not installed" if "ModuleNotFoundError" in done.stderr else done.stderr.strip().splitlines()[-1]
            print(f"| {reader} | {why[:80]} | | |", flush=True)
            continue
        seconds, memory_mb, number = json.loads(done.stdout.splitlines()[-1])
        print(f"| {reader} | {megabytes / seconds:.0f} | {memory_mb:.0f} | {number:.9g} |", flush=True)


def write(file: Path, name: str, n_bytes: float) -> None:
    """The file `name` with about `n_bytes`."""
    if name in ("LOCPOT", "CHGCAR"):
        _write_locpot(file, round(n_bytes / 18.2))
    elif name == "slab.pot":
        _write_pot(file, round(n_bytes / 17.2))
    elif name == "pwscf.xml":
        _write_pw_xml(file, n_bytes)
    elif name.startswith("steps"):
        file.write_text(_run(n_steps=max(2, round(n_bytes / 15_100)), n_kpoints=2, n_bands=200).xml())
    else:
        file.write_text(_run(n_steps=1, n_kpoints=max(2, round(n_bytes / 15_250)), n_bands=420).xml())


def _planes(n_points: int) -> tuple[int, np.ndarray]:
    """Planes of 120 x 120 points, and the values of one of them."""
    return max(1, n_points // 14_400), np.random.default_rng(1).normal(scale=20, size=14_400)


def _write_locpot(file: Path, n_points: int) -> None:
    n_planes, values = _planes(n_points)
    words = [f"{abs(value):.10E}".split("E") for value in values]
    texts = [
        f" {'-.' if value < 0 else '0.'}{mantissa.replace('.', '')}E{int(exponent) + 1:+03d}"
        for value, (mantissa, exponent) in zip(values, words, strict=True)
    ]
    head = f"slab\n 1.0\n 10 0 0\n 0 10 0\n 0 0 60\n H\n 1\nDirect\n 0 0 0\n\n 120 120 {n_planes}\n"
    _write_planes(file, head, texts, n_planes)


def _write_pot(file: Path, n_points: int) -> None:
    n_planes, values = _planes(n_points)
    head = f"title\n120 120 {n_planes} 120 120 {n_planes} 1 1\n0 20.0 0 0 0 0 0\n1 0 0\n0 1 0\n0 0 5\n"
    _write_planes(
        file, f"{head}1.0 4.0 30.0 11\n1 H 1.00\n1 0 0 0 1\n", [f"{value:17.9E}" for value in values], n_planes
    )


def _write_planes(file: Path, head: str, texts: list[str], n_planes: int) -> None:
    plane = "".join("".join(texts[at : at + 5]) + "\n" for at in range(0, len(texts), 5))
    with file.open("w") as out:
        out.write(head)
        for _ in range(n_planes):
            out.write(plane)


def _write_pw_xml(file: Path, n_bytes: float) -> None:
    """The bands of a run in the tests with 240 bands, and as many k-points as make `n_bytes`."""
    text = (ROOT / "tests/data/espresso/6.7/dense/CsPbBr3.bands.xml").read_text()
    n_bands, n_kpoints = 240, text.count("<ks_energies>")
    head, _, rest = text.partition("      <ks_energies>")
    tail = rest.rpartition("</ks_energies>\n")[2]
    size, rng = f'size="{n_bands}"', np.random.default_rng(4)
    filled = _pw_numbers(np.repeat([1.0, 0.0], n_bands // 2))
    points = [
        f'      <ks_energies>\n        <k_point weight="1.0e-3">{_pw_numbers(rng.random(3)).strip()}</k_point>\n'
        f"        <npw>3791</npw>\n        <eigenvalues {size}>\n"
        f"{_pw_numbers(np.sort(rng.normal(scale=0.5, size=n_bands)))}        </eigenvalues>\n"
        f"        <occupations {size}>\n{filled}        </occupations>\n      </ks_energies>\n"
        for _ in range(40)
    ]
    times = max(1, round(n_bytes / sum(map(len, points))))
    head = head.replace(f"<nks>{n_kpoints}</nks>", f"<nks>{times * len(points)}</nks>")
    with file.open("w") as out:
        out.write(head.replace("<nbnd>25</nbnd>", f"<nbnd>{n_bands}</nbnd>"))
        for _ in range(times):
            out.writelines(points)
        out.write(tail)


def _pw_numbers(values: np.ndarray) -> str:
    """Five a line, as pw.x prints them."""
    words = [f"{value:.15e}".split("e") for value in values]
    texts = [f"{mantissa}e{int(exponent)}" for mantissa, exponent in words]
    return "".join(f"          {' '.join(texts[at : at + 5])}\n" for at in range(0, len(texts), 5))


def _run(*, n_steps: int, n_kpoints: int, n_bands: int) -> Run:
    rng, n_atoms = np.random.default_rng(3), 100
    geometries = [
        Geometry(
            free_ev=-1050.0 - 1e-3 * step,
            energy_ev=-1040.0 - 1e-3 * step,
            no_entropy_ev=-1030.0,
            cycles=10,
            positions=rng.random((n_atoms, 3)),
            cell=((20.0, 0.0, 0.0), (0.0, 20.0, 0.0), (0.0, 0.0, 25.0)),
            forces=rng.normal(scale=0.1, size=(n_atoms, 3)),
        )
        for step in range(n_steps)
    ]
    return Run(
        parameters={"NSW": f"int:{n_steps - 1}", "IBRION": f"int:{2 if n_steps > 1 else -1}"},
        geometries=geometries,
        kpoints=rng.random((n_kpoints, 3)),
        weights=np.full(n_kpoints, 1 / n_kpoints),
        eigenvalues=np.sort(rng.normal(scale=5, size=(1, n_kpoints, n_bands)), axis=2),
        titels=["PAW_PBE Ge 05Jan2001", "PAW_PBE Te 08Apr2002"] * (n_atoms // 2),
    )


if __name__ == "__main__":
    main()
