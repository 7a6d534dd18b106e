"""FAPbBr3: electrostatic potential of the (010) slab

GPAW deck. Run it in this folder, one process, one thread:  OMP_NUM_THREADS=1 python FAPbBr3-slab-010-potential.py
The study refers to doi 10.1021/acsami.1c18025; a comment says which of its settings are from there.
"""

from ase.io import read
from gpaw import GPAW, PW, FermiDirac

from dftflow.codes.gpaw import engine

atoms = read("FAPbBr3-slab-010-potential.xyz")


def calculator(cutoff_ev=435.4):  # doi 10.1021/acsami.1c18025
    return GPAW(
        mode=PW(cutoff_ev),
        xc="PBE",
        kpts={"size": (2, 2, 1)},  # Monkhorst-Pack; as dense as relax_kpoints = 2x2x2 of the crystal; 1 along the normal
        nbands=-8,  # this many empty bands
        occupations=FermiDirac(0.1),  # eV
        convergence={
            "energy": {"name": "energy", "tol": 3.30e-04, "relative": False},  # eV a cell
            "density": 1e-4,
            "eigenstates": 1e-6,
            "bands": -4,  # all but the upper ones, which help the others to converge
        },
        maxiter=100,
        poissonsolver={"dipolelayer": "xy"},  # the two faces may have different vacuum levels
        txt="FAPbBr3-slab-010-potential.txt",
    )


# special points of the surface's zone, beside the grid
kpoints = [(0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.0, 0.5, 0.0), (0.5, 0.0, 0.0)]
labels = ['G-bar', 'M-bar', 'X-bar', "X'-bar"]
engine.potential(atoms, calculator, kpoints=kpoints, labels=labels, empty_bands=4)
