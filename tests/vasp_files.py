"""Writes what VASP prints, as VASP prints it, from numbers that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

CELL = ((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 5.0))
POSITIONS = ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5))
OCCUPIED = 4  # 8 electrons


@dataclass
class Geometry:
    """One <calculation>."""

    free_ev: float = -10.5
    energy_ev: float = -10.4
    no_entropy_ev: float = -10.3
    cycles: int = 3
    positions: Sequence[Sequence[float]] = POSITIONS
    cell: Sequence[Sequence[float]] = CELL
    forces: Sequence[Sequence[float]] = ((0.0, 0.0, 0.01), (0.0, 0.0, -0.01))
    stress_kbar: Sequence[Sequence[float]] = ((12.0, 0.0, 0.0), (0.0, 12.0, 0.0), (0.0, 0.0, 18.0))


def _occupied(values: np.ndarray) -> np.ndarray:
    return np.broadcast_to((np.arange(values.shape[2]) < OCCUPIED).astype(float), values.shape)


@dataclass
class Run:
    """A run of Ge and Te in a box, 8 electrons, as VASP 6 prints it."""

    version: str = "6.4.2"
    incar: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    geometries: list[Geometry] = field(default_factory=lambda: [Geometry()])
    kpoints: Sequence[Sequence[float]] = ((0.25, 0.25, 0.25), (0.25, 0.25, -0.25))
    weights: Sequence[float] = (0.5, 0.5)
    eigenvalues: np.ndarray = field(
        default_factory=lambda: np.array([[[-5.0, -4.0, 0.5, 1.0, 2.5, 3.0], [-5.1, -4.1, 0.4, 0.9, 2.4, 3.1]]])
    )
    occupations: np.ndarray | None = None
    fermi_ev: float = 1.4
    titels: Sequence[str] = ("PAW_PBE Ge 05Jan2001", "PAW_PBE Te 08Apr2002")
    generation: str | None = None
    title: str = "unknown system"
    final: Geometry | None = None

    @property
    def settings(self) -> dict[str, str]:
        """Name -> what VASP prints, with its type in front."""
        return {
            "SYSTEM": f"string:{self.title}",
            "ENMAX": "float:300.0",
            "NELECT": "float:8.0",
            "NBANDS": f"int:{self.eigenvalues.shape[2]}",
            "ISMEAR": "int:0",
            "SIGMA": "float:0.1",
            "ISPIN": f"int:{self.eigenvalues.shape[0]}",
            "LNONCOLLINEAR": "logical:F",
            "LSORBIT": "logical:F",
            "NUPDOWN": "float:-1.0",
            "NELM": "int:60",
            "ICHARG": "int:2",
            "LDIPOL": "logical:F",
            "IDIPOL": "int:0",
            "NGXF": "int:2",
            "NGYF": "int:3",
            "NGZF": "int:4",
            "NSW": "int:0",
            "IBRION": "int:-1",
            "ISIF": "int:2",
            "PSTRESS": "float:0.0",
            "EDIFFG": "float:-0.02",
            "LVTOT": "logical:F",
            "LVHAR": "logical:T",
            "LDAU": "logical:F",
            "GGA": "string:--",
            "LHFCALC": "logical:F",
            "AEXX": "float:0.0",
            "HFSCREEN": "float:0.0",
            "LUSE_VDW": "logical:F",
        } | self.parameters

    def xml(self) -> str:
        """The whole file."""
        last = len(self.geometries) - 1
        generation = f"  {self.generation}\n" if self.generation else ""
        parts = [
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n',
            f'  <i name="program" type="string">vasp </i>\n  <i name="version" type="string">{self.version}  </i>\n',
            " </generator>\n <incar>\n",
            "".join(f"  {_tag(name, value)}\n" for name, value in self.incar.items()),
            f' </incar>\n <kpoints>\n{generation}  <varray name="kpointlist" >\n',
            _rows(self.kpoints, 3),
            '  </varray>\n  <varray name="weights" >\n',
            _rows([[weight] for weight in self.weights], 3),
            '  </varray>\n </kpoints>\n <parameters>\n  <separator name="electronic" >\n',
            "".join(f"   {_tag(name, value)}\n" for name, value in self.settings.items()),
            "  </separator>\n </parameters>\n",
            self._atominfo(),
            _structure(self.geometries[0], "initialpos", 1),
            *(self._calculation(geometry, last=i == last) for i, geometry in enumerate(self.geometries)),
            _structure(self.final or self.geometries[-1], "finalpos", 1),
            "</modeling>\n",
        ]
        return "".join(parts)

    def _atominfo(self) -> str:
        names = [titel.split()[1].split("_")[0] for titel in self.titels]
        atoms = "".join(f"    <rc><c>{name:2s}</c><c>{i:4d}</c></rc>\n" for i, name in enumerate(names, 1))
        types = "".join(
            f"    <rc><c>   1</c><c>{name:2s}</c><c>     72.61000000</c><c>      4.00000000</c>"
            f"<c>  {titel:40s}</c></rc>\n"
            for name, titel in zip(names, self.titels, strict=True)
        )
        return (
            f" <atominfo>\n  <atoms>{len(names):8d} </atoms>\n  <types>{len(names):8d} </types>\n"
            f'  <array name="atoms" >\n   <dimension dim="1">ion</dimension>\n   <set>\n{atoms}   </set>\n  </array>\n'
            f'  <array name="atomtypes" >\n   <dimension dim="1">type</dimension>\n   <set>\n{types}   </set>\n'
            "  </array>\n </atominfo>\n"
        )

    def _calculation(self, geometry: Geometry, *, last: bool) -> str:
        old = self.version.startswith("5")
        told = (
            (geometry.energy_ev, geometry.free_ev - geometry.no_entropy_ev)
            if old
            else (geometry.no_entropy_ev, geometry.energy_ev)
        )
        cycle = _energies(geometry.free_ev, geometry.no_entropy_ev, geometry.energy_ev)
        vague = _energies(geometry.free_ev + 1, geometry.no_entropy_ev + 1, geometry.energy_ev + 1)
        cycles = [vague] * (geometry.cycles - 1) + [cycle]
        parts = [
            " <calculation>\n",
            *(f"  <scstep>\n   <energy>\n{text}   </energy>\n  </scstep>\n" for text in cycles),
            _structure(geometry, None, 2),
            f'  <varray name="forces" >\n{_rows(geometry.forces, 3)}  </varray>\n',
            f'  <varray name="stress" >\n{_rows(geometry.stress_kbar, 3)}  </varray>\n',
            f"  <energy>\n{_energies(geometry.free_ev, *told)}  </energy>\n",
        ]
        return "".join([*parts, self._bands() if last else "", " </calculation>\n"])

    def _bands(self) -> str:
        occupations = _occupied(self.eigenvalues) if self.occupations is None else self.occupations
        lines = ["  <eigenvalues>\n   <array>\n    <field>eigene</field>\n    <field>occ</field>\n    <set>\n"]
        for spin, (values, filled) in enumerate(zip(self.eigenvalues, occupations, strict=True), 1):
            lines.append(f'     <set comment="spin {spin}">\n')
            for k, (energies, occ) in enumerate(zip(values, filled, strict=True), 1):
                lines.append(f'      <set comment="kpoint {k}">\n')
                lines += [f"       <r>{e:10.4f}{o:10.4f} </r>\n" for e, o in zip(energies, occ, strict=True)]
                lines.append("      </set>\n")
            lines.append("     </set>\n")
        lines.append(
            f'    </set>\n   </array>\n  </eigenvalues>\n  <dos>\n   <i name="efermi">{self.fermi_ev:16.8f} </i>\n'
        )
        return "".join([*lines, "  </dos>\n"])


def _tag(name: str, typed: str) -> str:
    kind, _, value = typed.partition(":")
    if kind == "float":
        return f'<i name="{name}">{float(value):16.8f}</i>'
    if kind == "v":
        return f'<v name="{name}">{value}</v>'
    return f'<i type="{kind}" name="{name}">{value}</i>'


def _rows(rows: Sequence[Sequence[float]], indent: int) -> str:
    return "".join(f"{' ' * indent}<v>{''.join(f'{x:16.8f} ' for x in row)}</v>\n" for row in rows)


def _energies(free: float, no_entropy: float, zero: float) -> str:
    named = {"e_fr_energy": free, "e_wo_entrp": no_entropy, "e_0_energy": zero}
    return "".join(f'    <i name="{name}">{value:16.8f} </i>\n' for name, value in named.items())


def _structure(geometry: Geometry, name: str | None, indent: int) -> str:
    head = "<structure>" if name is None else f'<structure name="{name}" >'
    volume = abs(float(np.linalg.det(np.array(geometry.cell))))
    return (
        f'{" " * indent}{head}\n  <crystal>\n   <varray name="basis" >\n{_rows(geometry.cell, 4)}   </varray>\n'
        f'   <i name="volume">{volume:16.8f} </i>\n  </crystal>\n  <varray name="positions" >\n'
        f"{_rows(geometry.positions, 3)}  </varray>\n{' ' * indent}</structure>\n"
    )


def outcar(
    *,
    version: str = "6.4.2",
    nsw: int = 0,
    ispin: int = 1,
    cycles: int = 3,
    nelm: int = 60,
    energy_ev: float = -10.4,
    reached: bool = True,
    relaxed: bool = False,
    extra: str = "",
    ended: bool = True,
) -> str:
    """The lines of OUTCAR that matter."""
    loop = "aborting loop because EDIFF is reached" if reached else "aborting loop EDIFF was not reached (unconverged)"
    lines = [
        f" vasp.{version} 18Apr17 (build) complex",
        "   number of dos      NEDOS =    301   number of ions     NIONS =      2",
        f"   ISPIN  = {ispin:6d}    spin polarized calculation?",
        "   ENCUT  =  300.0 eV  22.05 Ry    4.70 a.u.   4.20  4.20  5.20*2*pi/ulx,y,z",
        "   NELECT =       8.0000    total number of electrons",
        f"   NELM   = {nelm:6d};   NELMIN=  2; NELMDL=  0     # of ELM steps",
        f"   NSW    = {nsw:6d}    number of steps for IOM",
        f"   IBRION = {2 if nsw else -1:6d}    ionic relax: 0-MD 1-quasi-New 2-CG",
        *(f"----------- Iteration      1({cycle:4d})  -----------" for cycle in range(1, cycles + 1)),
        f"------------------------ {loop} ------------------------",
        " E-fermi :   1.4000     XC(G=0):  -9.9000     alpha+bet : -7.0",
        "  free  energy   TOTEN  =       -10.50000000 eV",
        f"  energy  without entropy=      -10.30000000  energy(sigma->0) ={energy_ev:20.8f}",
        *([" reached required accuracy - stopping structural energy minimisation"] if relaxed else []),
        *([extra] if extra else []),
    ]
    if ended:
        lines += [
            " General timing and accounting informations for this job:",
            "                  Total CPU time used (sec):       45.5",
            "                         Elapsed time (sec):       47.5",
            "                   Maximum memory used (kb):       62440.",
        ]
    return "\n".join(lines) + "\n"


def outcar_of(run: Run, *, ended: bool = True, further: str = "") -> str:
    """The whole OUTCAR of `run`, as VASP prints it, with the digits that it prints; `further` stands before the end."""
    told = {name: value.partition(":")[2] for name, value in run.settings.items()}
    names = [titel.split()[1].split("_")[0] for titel in run.titels]
    spinor = told["LNONCOLLINEAR"] == "T"
    lines = [
        f" vasp.{run.version} 18Apr17 (build) complex",
        *(f"   TITEL  = {titel}" for titel in run.titels),
        "   number of dos      NEDOS =    301   number of ions     NIONS =      2",
        f"   ions per type =            {''.join('   1' for _ in names)}",
        "   ENCUT  =  300.0 eV  22.05 Ry    4.70 a.u.   4.20  4.20  5.20*2*pi/ulx,y,z",
        *(
            f"   {name:6s} = {value:>10s}    a comment"
            for name, value in told.items()
            if name not in ("SYSTEM", "ENMAX")
        ),
        " k-points in reciprocal lattice and weights: Automatic mesh",
        *(f"   {a:.8f}  {b:.8f}  {c:.8f}     {w:9.3f}" for (a, b, c), w in zip(run.kpoints, run.weights, strict=True)),
        " ",
        " position of ions in fractional coordinates (direct lattice) ",
        *(f"   {a:.8f}  {b:.8f}  {c:.8f}" for a, b, c in run.geometries[0].positions),
        *_lattice(run.geometries[0]),
    ]
    for number, geometry in enumerate(run.geometries, 1):
        lines += [
            f"----------- Iteration {number:6d}({cycle:4d})  -----------" for cycle in range(1, geometry.cycles + 1)
        ]
        lines += [
            "  free energy    TOTEN  =        77.77777777 eV",
            "  energy without entropy =       77.77777777  energy(sigma->0) =       77.77777777",
            "------------------------ aborting loop because EDIFF is reached ------------------------",
            f" BZINTS: Fermi energy:{run.fermi_ev:11.6f};  8.000000 electrons",
            f" E-fermi : {run.fermi_ev:8.4f}     XC(G=0):  -9.9000     alpha+bet : -7.0000",
            *_printed_bands(run, full=1 if spinor or len(run.eigenvalues) == 2 else 2),
            *_printed_geometry(geometry),
        ]
    lines += [further] if further else []
    if ended:
        lines += [" General timing and accounting informations for this job:", "   Elapsed time (sec):       47.5"]
    return "\n".join(lines) + "\n"


def _lattice(geometry: Geometry) -> list[str]:
    reciprocal = np.linalg.inv(np.array(geometry.cell)).T
    return [
        "      direct lattice vectors                 reciprocal lattice vectors",
        *("  " + "".join(f"{x:13.9f}" for x in (*a, *b)) for a, b in zip(geometry.cell, reciprocal, strict=True)),
        "",
    ]


def _printed_bands(run: Run, full: int) -> list[str]:
    occupations = full * (_occupied(run.eigenvalues) if run.occupations is None else run.occupations)
    lines = [""]
    for spin, (values, filled) in enumerate(zip(run.eigenvalues, occupations, strict=True), 1):
        lines += [f" spin component {spin}", ""] if len(run.eigenvalues) == 2 else []
        for number, (point, energies, occ) in enumerate(zip(run.kpoints, values, filled, strict=True), 1):
            lines.append(f" k-point {number:5d} :    {''.join(f'{x:10.4f}' for x in point)}")
            lines.append("  band No.  band energies     occupation ")
            lines += [f"{i:7d}{e:12.4f}{o:12.5f}" for i, (e, o) in enumerate(zip(energies, occ, strict=True), 1)]
            lines.append("")
    return lines


def _printed_geometry(geometry: Geometry) -> list[str]:
    (xx, xy, xz), (_, yy, yz), (_, _, zz) = geometry.stress_kbar
    places = np.array(geometry.positions) @ np.array(geometry.cell)
    return [
        f"  in kB  {''.join(f'{x:12.5f}' for x in (xx, yy, zz, xy, yz, xz))}",
        *_lattice(geometry),
        " POSITION                                       TOTAL-FORCE (eV/Angst)",
        " -----------------------------------------------------------------------------------",
        *("".join(f"{x:13.5f}" for x in (*p, *f)) for p, f in zip(places, geometry.forces, strict=True)),
        " -----------------------------------------------------------------------------------",
        "  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)",
        "  ---------------------------------------------------",
        f"  free  energy   TOTEN  = {geometry.free_ev:21.8f} eV",
        "",
        f"  energy  without entropy={geometry.no_entropy_ev:17.8f}  energy(sigma->0) ={geometry.energy_ev:17.8f}",
        "",
    ]


def locpot(
    sets: Sequence[np.ndarray], *, cell: Sequence[Sequence[float]] = CELL, title: str = "Ge Te", moments: bool = True
) -> str:
    """A LOCPOT; every set has shape (n_a, n_b, n_c)."""
    lines = [
        title,
        "   1.00000000000000     ",
        *("".join(f"{x:12.6f}" for x in row) for row in cell),
        "   Ge   Te",
        "     1     1",
    ]
    lines += ["Direct", *("".join(f"{x:10.6f}" for x in row) for row in POSITIONS), " "]
    for i, values in enumerate(sets):
        lines += grid_rows(values)
        if moments and len(sets) > 1 and i + 1 < len(sets):
            lines.append("  0.0000000000E+00  1.0000000000E+00")
    return "\n".join(lines) + "\n"


def grid_rows(values: np.ndarray) -> list[str]:
    """The shape of a grid (n_a, n_b, n_c) and its values, as they stand in a LOCPOT."""
    flat = values.ravel(order="F")
    rows = ["".join(f" {x:17.11E}" for x in flat[i : i + 5]) for i in range(0, len(flat), 5)]
    return ["".join(f"{n:5d}" for n in values.shape), *rows]
