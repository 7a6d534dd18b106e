"""Writes what pw.x prints, as its versions print it, and a folder as AiiDA keeps it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

RUNS = Path(__file__).resolve().parent / "data" / "espresso" / "6.7"

HEAD = """
     Program PWSCF {banner}

     bravais-lattice index     =            2
     lattice parameter ({alat})  =      10.2000  a.u.
     number of atoms/cell      =            2
     number of electrons       =         8.00
     number of Kohn-Sham states=            6
     kinetic-energy cutoff     =      24.0000  Ry
     charge density cutoff     =      96.0000  Ry
     Exchange-correlation      =  SLA  PW   PBE  PBE (1434)

     celldm(1)=  10.200000  celldm(2)=   0.000000  celldm(3)=   0.000000

     crystal axes: (cart. coord. in units of {alat})
               a(1) = (  -0.500000   0.000000   0.500000 )
               a(2) = (   0.000000   0.500000   0.500000 )
               a(3) = (  -0.500000   0.500000   0.000000 )

     PseudoPot. # 1 for Si read from file Si.pbe.UPF

   Cartesian axes

     site n.     atom                  positions ({alat} units)
         1           Si  tau(   1) = (   0.0000000   0.0000000   0.0000000  )
         2           Si  tau(   2) = (   0.2500000   0.2500000   0.2500000  )

     number of k points=     2{smearing}
                       cart. coord. in units 2pi/alat
        k(    1) = (   0.0000000   0.0000000   0.0000000), wk =   0.5000000
        k(    2) = (   0.0000000   0.0000000   1.0000000), wk =   1.5000000

     Self-consistent Calculation

     iteration #  1     ecut=    24.00 Ry     beta=0.70
     total energy              =     -15.70000000 Ry

     End of self-consistent calculation

          k = 0.0000 0.0000 0.0000 (   113 PWs)   bands (ev):

    -5.8000   6.2000   6.2500   6.2500   8.8000   8.8220

          k = 0.0000 0.0000 1.0000 (   118 PWs)   bands (ev):

    -1.6000  -1.6000   3.3000   3.3000   6.9000   6.9000

{level}

{bang}    total energy              =     -15.79448874 Ry
     smearing contrib. (-TS)   =      -0.00200000 Ry

     convergence has been achieved in   6 iterations

     Forces acting on atoms (Ry/au):

     atom   1 type  1   force =     0.00000000    0.00000000    0.00100000
     atom   2 type  1   force =     0.00000000    0.00000000   -0.00100000

          total   stress  (Ry/bohr**3)                   (kbar)     P=  147.11
   0.00100000   0.00000000   0.00000000        147.11      0.00      0.00
   0.00000000   0.00100000   0.00000000          0.00    147.11      0.00
   0.00000000   0.00000000   0.00100000          0.00      0.00    147.11

   JOB DONE.
"""
BANNERS = {
    "4.0.1": "v.4.0.1     starts ...",
    "4.3.2": "    v.4.3.2      starts on 12Jan2012 at 10:11:12",
    "5.0.2": "v.5.0.2 (svn rev. 9656) starts on  7Sep2013 at 15: 8:36",
    "6.1": "v.6.1 (svn rev. 13369) starts on 31May2019 at  9:26:28",
    "6.3MaX": "v.6.3MaX starts on 31May2019 at  9:26:28",
    "7.2": "v.7.2 starts on  2Mar2026 at 10: 0: 0",
    "7.5": "v.7.5 starts on  2Mar2026 at 10: 0: 0 ",
}


def text_of(version: str = "6.1", **told: str) -> str:
    values = {"alat": "a_0" if version.startswith("4") else "alat", "bang": "!", "smearing": ""}
    values["level"] = "     highest occupied, lowest unoccupied level (ev):     6.2500    6.9000"
    return HEAD.format(banner=BANNERS[version], **(values | told))


def write_aiida(folder: Path, *, version: str = "6.7MaX") -> None:
    """A relaxation as AiiDA retrieves it; for version 7 with the XML of its time, which numbers no geometry."""
    (folder / "out" / "aiida.save").mkdir(parents=True)
    text, xml = (RUNS / "ions" / f"ions.relax.{kind}" for kind in ("out", "xml"))
    shutil.copy(text, folder / "aiida.out")
    content = re.sub(r'(NAME="PWSCF" VERSION=")[^"]*', rf"\g<1>{version}", xml.read_text())
    if version.startswith("7"):
        content = re.sub(r'<step n_step="\d+">', "<step>", content)
    (folder / "out" / "aiida.save" / "data-file-schema.xml").write_text(content)
