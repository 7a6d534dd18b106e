"""The same numbers without dftflow: ASE, GPAW and numpy, straight from two structure files.

    python benchmarks/independent.py RUN MATERIAL [STEP]

takes the crystal and the slab that a run of dftflow calculated (``RUN/steps/MATERIAL/{bulk-bands,slab-…-potential}``),
calculates the ground states, the gap and the ionisation potential again with the settings below, and prints them beside
those in ``RUN/results.json``. Ends with exit code 1 when an energy, a gap or an ionisation potential differs by more
than 1 meV. Not a line of dftflow is used.
"""

import json
import sys
from pathlib import Path

import numpy as np
from ase.io import read
from gpaw import GPAW, PW, FermiDirac

# material: cutoff (eV), grid of the crystal, grid of the slab, band edge, plane averages repeat after (Å; None: a)
SETTINGS = {
    "quick/CsPbBr3": (244.9, (1, 1, 1), (1, 1, 1), (0, 0, 0), 6.720628551),
    "quick/FAPbBr3": (435.4, (2, 2, 2), (2, 2, 1), (0.5, 0.5, 0.5), None),
    "quick/CsBr": (200.0, (2, 2, 2), ((-0.25, 0.25), (0, 0.5), (0,)), (0, 0, 0), 4.291 / 2**0.5),
}


def monkhorst_pack(grid):
    """The points (2r - n - 1)/2n, r = 1 … n, written down one by one: no code's word for a grid is relied on.

    Where the grid is not one number an axis it is the points along each: those of CsBr (110) are the crystal's, which
    along [1-10] lie at k_1 - k_2 = 0 and 1/2.
    """
    axes = [n if isinstance(n, tuple) else [(2 * r - n - 1) / (2 * n) for r in range(1, n + 1)] for n in grid]
    return [(a, b, c) for a in axes[0] for b in axes[1] for c in axes[2]]


def calculator(cutoff_ev, grid, **more):
    return GPAW(
        mode=PW(cutoff_ev), xc="PBE", kpts=monkhorst_pack(grid), nbands=-8, occupations=FermiDirac(0.1),
        convergence={"energy": 1e-6, "density": 1e-5, "eigenstates": 1e-6}, txt=None, **more,
    )  # fmt: skip


def crystal(file, cutoff_ev, grid, edge):
    """Energy, VBM, gap and average electrostatic potential of a crystal, in eV."""
    atoms = read(file)
    atoms.calc = calculator(cutoff_ev, grid)
    energy = atoms.get_potential_energy()
    average = atoms.calc.get_electrostatic_potential().mean()
    occupied = int(atoms.calc.get_number_of_electrons()) // 2
    fixed = atoms.calc.fixed_density(
        kpts=np.array([edge]),
        symmetry="off",
        nbands=occupied + 10,
        convergence={"bands": occupied + 2, "eigenstates": 1e-5},
        txt=None,
    )
    fixed.get_potential_energy()
    eigenvalues = fixed.get_eigenvalues(0)
    return energy, eigenvalues[occupied - 1], eigenvalues[occupied] - eigenvalues[occupied - 1], average


def slab(file, cutoff_ev, grid, period_ang):
    """Energy, vacuum level 5 Å above the slab, and the potential averaged over a period about the slab's middle."""
    atoms = read(file)
    atoms.calc = calculator(cutoff_ev, grid, poissonsolver={"dipolelayer": "xy"})
    energy = atoms.get_potential_energy()
    planar = atoms.calc.get_electrostatic_potential().mean(axis=(0, 1))
    height = atoms.cell[2, 2]
    z = np.arange(len(planar)) * height / len(planar)
    top, bottom = atoms.positions[:, 2].max(), atoms.positions[:, 2].min()
    modes = 2j * np.pi * np.fft.fftfreq(len(planar)) * len(planar) / height
    box = np.sinc(modes.imag * period_ang / (2 * np.pi))
    reach = np.clip(top - bottom - period_ang - 2.0, period_ang / 2, period_ang) / 2
    heights = (top + bottom) / 2 + np.linspace(-reach, reach, 201)
    macroscopic = (np.exp(np.outer(heights, modes)) @ (np.fft.fft(planar) * box)).real.mean() / len(planar)
    window = (z > top + 0.8 * (height - top)) & (z < top + 0.95 * (height - top))
    return energy, planar[window].mean(), macroscopic


def main(run, material, step=None):
    run = Path(run)
    results = json.loads((run / "results.json").read_text())
    cutoff_ev, grid, slab_grid, edge, period_ang = SETTINGS[f"{results['study']['preset']}/{material}"]
    plan = json.loads((run / "plan.json").read_text())
    steps = {entry["name"]: run / entry["folder"] for entry in plan["steps"]}
    step = step or next(name for name in steps if name.startswith(f"{material}/slab-") and name.endswith("potential"))
    files = [next(steps[name].glob("*.xyz")) for name in (f"{material}/bulk-bands", step)]
    bulk_ev, vbm, gap, average = crystal(files[0], cutoff_ev, grid, edge)
    slab_ev, vacuum, middle = slab(files[1], cutoff_ev, slab_grid, period_ang or read(files[0]).cell[0, 0])
    theirs = results["materials"][material]
    surface = next(slab for slab in theirs["slabs"] if slab["subject"] == step.removesuffix("-potential"))
    energies = {entry["name"]: entry["energy_ev"] for entry in results["steps"]}
    rows = [
        ("energy of the crystal", bulk_ev, energies[f"{material}/bulk-bands"]),
        ("energy of the slab", slab_ev, energies[step]),
        ("band gap", gap, theirs["bulk"]["band_gap_ev"]),
        ("ionisation potential", vacuum - middle - (vbm - average), surface["ionisation_potential_ev"]),
    ]
    print(f"{'eV':<24}{'independent':>14}{'dftflow':>14}{'difference':>14}")
    for name, ours, value in rows:
        print(f"{name:<24}{ours:14.5f}{value:14.5f}{ours - value:14.5f}")
    return int(max(abs(ours - value) for _, ours, value in rows) > 1e-3)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
