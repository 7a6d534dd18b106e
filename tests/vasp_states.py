"""Writes the tables of states that VASP adds to its files, as VASP prints them, from numbers that a test chooses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from vasp_files import Run

LM = ("s", "py", "pz", "px", "dxy", "dyz", "dz2", "dxz", "x2-y2")


@dataclass
class StatesOf:
    """Weights of the states of `run`, and a density of states; one or two spins, or four components of spinors."""

    run: Run
    n_sets: int = 1
    orbitals: tuple[str, ...] = LM
    n_energies: int = 11
    seed: int = 1
    weights: np.ndarray = field(init=False)
    energies: np.ndarray = field(init=False)
    total: np.ndarray = field(init=False)
    partial: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        n_spins, n_kpoints, n_bands = self.run.eigenvalues.shape
        n_atoms = len(self.run.titels)
        shape = (self.n_sets, n_kpoints, n_bands, n_atoms, len(self.orbitals))
        self.weights = rng.integers(0, 40, shape) / 1000
        self.energies = np.linspace(-6.0, 4.0, self.n_energies)
        self.total = np.round(rng.random((n_spins, self.n_energies)), 4)
        self.partial = np.round(rng.random((n_atoms, self.n_sets, len(self.orbitals), self.n_energies)) / 100, 4)

    @property
    def integrated(self) -> np.ndarray:
        """Electrons up to each energy: all eight above the valence bands."""
        return np.where(self.energies > 1.0, 8.0, np.clip(self.energies + 6, 0, 8))[None] / len(self.total) + np.zeros(
            self.total.shape
        )

    def xml(self) -> str:
        """The vasprun.xml of the run with them."""
        text = self.run.xml()
        head, _, tail = text.rpartition("  </dos>\n")
        return f"{head}{self._total()}{self._partial()}  </dos>\n{self._projected()}{tail}"

    def _total(self) -> str:
        lines = ["   <total>\n    <array>\n     <field>energy</field>\n     <field>total</field>\n"]
        lines.append("     <field>integrated</field>\n     <set>\n")
        for spin, (dos, sums) in enumerate(zip(self.total, self.integrated, strict=True), 1):
            rows = zip(self.energies, dos, sums, strict=True)
            lines.append(_set(f"spin {spin}", "".join(_row(*row) for row in rows)))
        return "".join([*lines, "     </set>\n    </array>\n   </total>\n"])

    def _partial(self) -> str:
        lines = ["   <partial>\n    <array>\n     <field>energy</field>\n", self._fields(), "     <set>\n"]
        for ion, sets in enumerate(self.partial, 1):
            inner = [
                _set(f"spin {spin}", "".join(_row(e, *row) for e, row in zip(self.energies, dos.T, strict=True)))
                for spin, dos in enumerate(sets, 1)
            ]
            lines.append(_set(f"ion {ion}", "".join(inner)))
        return "".join([*lines, "     </set>\n    </array>\n   </partial>\n"])

    def _fields(self) -> str:
        return "".join(f"    <field>{name:>6s} </field>\n" for name in self.orbitals)

    def _projected(self) -> str:
        text = self.run.xml()
        start, end = text.index("  <eigenvalues>"), text.index("  </eigenvalues>\n")
        lines = ["  <projected>\n", text[start:end], "  </eigenvalues>\n   <array>\n", self._fields(), "    <set>\n"]
        for spin, points in enumerate(self.weights, 1):
            inner = []
            for k, bands in enumerate(points, 1):
                sets = [_set(f"band {b}", "".join(_row(*row) for row in rows)) for b, rows in enumerate(bands, 1)]
                inner.append(_set(f"kpoint {k}", "".join(sets)))
            lines.append(_set(f"spin{spin}", "".join(inner)))
        return "".join([*lines, "    </set>\n   </array>\n  </projected>\n"])

    def procar(self, *, phases: bool = False, touching: bool = False) -> str:
        """PROCAR; with `touching`, k-points and weights without a blank between them, as of negative numbers."""
        lines = ["PROCAR lm decomposed + phase\n" if phases else "PROCAR lm decomposed\n"]
        for spin in range(len(self.run.eigenvalues)):
            n_kpoints, n_bands = self.run.eigenvalues.shape[1:]
            n_atoms = len(self.run.titels)
            numbers = f"{n_kpoints:5d}         # of bands:{n_bands:4d}         # of ions:{n_atoms:4d}"
            lines.append(f"# of k-points:{numbers}\n\n")
            for k, point in enumerate(self.run.kpoints):
                blank = "" if touching else " "
                place = "".join(f"{blank}{x:11.8f}" for x in point)
                lines.append(f" k-point {k + 1:4d} :   {place}     weight = {self.run.weights[k]:.8f}\n\n")
                for band in range(n_bands):
                    energy = self.run.eigenvalues[spin, k, band]
                    lines.append(f"band {band + 1:4d} # energy {energy:13.8f} # occ.  1.00000000\n\n")
                    lines.append("ion " + "".join(f"{name:>7s}" for name in (*self.orbitals, "tot")) + "\n")
                    tables = [spin] if self.n_sets < 4 else range(4)
                    for table in tables:
                        lines += _procar_rows(self.weights[table, k, band])
                    if phases:
                        lines.append("ion " + "".join(f"{name:>13s}" for name in self.orbitals) + "\n")
                        lines += [f"{i + 1:5d}{'  0.100 0.200' * len(self.orbitals)}\n" for i in range(n_atoms)]
                    lines.append("\n")
        return "".join(lines)

    def doscar(self) -> str:
        """DOSCAR, with three decimals in the energies."""
        n_atoms, n = len(self.run.titels), self.n_energies
        head = f"{self.energies[-1]:16.8f}{self.energies[0]:16.8f}{n:5d}{self.run.fermi_ev:16.8f}{1.0:16.8f}\n"
        counts = f"{n_atoms:4d}{n_atoms:4d}   1   0\n"
        lines = [f"{counts}  0.4E+02  0.4E-09\n  0.1E-03\n  CAR \n unknown\n", head]
        both = np.concatenate([self.total, self.integrated])
        lines += [_doscar_row(energy, *numbers) for energy, numbers in zip(self.energies, both.T, strict=True)]
        for sets in self.partial:
            lines.append(head)
            for i, energy in enumerate(self.energies):
                lines.append(_doscar_row(energy, *sets[:, :, i].T.ravel()))
        return "".join(lines)


def _doscar_row(energy: float, *numbers: float) -> str:
    return f"{energy:11.3f}" + "".join(f"  {x:.4E}" for x in numbers) + "\n"


def _procar_rows(table: np.ndarray) -> list[str]:
    rows = [(f"{i:5d}", row) for i, row in enumerate(table, 1)] + [("tot", table.sum(axis=0))]
    return [f"{name:5s}" + "".join(f"{x:7.3f}" for x in (*row, row.sum())) + "\n" for name, row in rows]


def _set(comment: str, inner: str) -> str:
    return f'     <set comment="{comment}">\n{inner}     </set>\n'


def _row(*numbers: float) -> str:
    return "      <r> " + "".join(f"{x:9.4f}" for x in numbers) + " </r>\n"
