"""Collects the frames of one run of a ``.castep`` file.

One pass over the lines. The first four characters of a line choose what reads it; everything else is skipped. What is
read goes to the geometry that was printed last: CASTEP prints the geometry, then the SCF and its energies, then forces
and stress, and, in an optimisation, which of the geometries since the last iteration was accepted.

* A finite-basis correction calculates the first geometry at lower cut-offs too; these energies are not kept.
* MD with pair potentials, and a transition state search, calculate geometries that are not printed. What follows is not
  kept, because it belongs to no geometry that is known.
* A phonon run may displace atoms in a supercell, of which it prints lattice and contents. What follows is not kept
  until the run's own cell is printed again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from dftflow.codes.castep.output.castep_boxes import (
    AtomBox,
    is_right_handed,
    read_cell,
    read_forces,
    read_mixture,
    read_positions,
    read_stress,
    read_tests,
)
from dftflow.codes.castep.output.castep_run import CastepEnergies, CastepFrame, CastepSetup, ConvergenceTest
from dftflow.codes.castep.output.castep_text import NUMBER, CastepText, latin, printed_number
from dftflow.codes.castep.output.castep_units import ENERGY_EV, factor_of
from dftflow.codes.castep.output.cutoffs import CORRECTION, CUTOFF, read_cutoff_ev
from dftflow.codes.castep.output.species import symbol_of
from dftflow.codes.castep.output.supercell import copies_in_cell, copies_in_count, is_copied
from dftflow.model.results import FloatArray, FoundMoments

__all__ = ["CollectedFrames", "collect_frames"]

_LABELS = (
    rb"\s*(Final energy(?:, E)?|Final free energy \(E-TS\)|NB est\. 0K energy \(E-[^)]*\)"
    rb"|Dispersion corrected final energy\*(?:, Ecor)?|Dispersion corrected final free energy\* \(Ecor-TS\)"
    rb"|NB dispersion corrected est\. 0K energy\* \(Ecor-[^)]*\)|Total energy corrected for finite basis set"
    rb"|Current total energy(?:, E)?|For future reference: finite basis dEtot/dlog\(Ecut\))\s*="
)
_LABEL = re.compile(_LABELS)
_ENERGY = re.compile(_LABELS + rb"\s*(" + NUMBER + rb"|\*+)\s*([A-Za-z]\S*)\s*")
_KIND = {
    b"Final energy": "final_energy_ev",
    b"Final energy, E": "final_energy_ev",
    b"Final free energy (E-TS)": "free_energy_ev",
    b"NB est. 0K energy": "zero_kelvin_energy_ev",
    b"Dispersion corrected final energy*": "dispersion_final_energy_ev",
    b"Dispersion corrected final energy*, Ecor": "dispersion_final_energy_ev",
    b"Dispersion corrected final free energy* (Ecor-TS)": "dispersion_free_energy_ev",
    b"NB dispersion corrected est. 0K energy*": "dispersion_zero_kelvin_energy_ev",
    b"Total energy corrected for finite basis set": "finite_basis_corrected_energy_ev",
    b"Current total energy": "unconverged_energy_ev",
    b"Current total energy, E": "unconverged_energy_ev",
}
_UNMARKED_ROW = re.compile(rb"\d{1,9}\s+-?\d\.\d{8}E[-+]\d{3}\s+-?\d\.\d{8}E[-+]\d{3}\s.*")
_SPIN = re.compile(rb"\s*Integrated (Spin Density  |\|Spin Density\|)\s*=\s*(" + NUMBER + rb"|\*+)\s+hbar/2\s*")
_SCF_ROW = re.compile(rb"\s*(Initial|\d{1,9})\s+(.*?)\s*<-- SCF\s*")
_FINISHED = re.compile(
    rb"\s*\S+ ?: finished iteration\s+(\d{1,9})\s+with (?:enthalpy|total energy)=\s*(" + NUMBER + rb"|\*+)\s+(\S+)\s*"
)
_FINAL = re.compile(rb"\s*\S+ ?: Final (?:Enthalpy|Total Energy)\s*=?\s*(" + NUMBER + rb"|\*+)\s+(\S+)\s*")
_LINE_SEARCH = re.compile(rb"\s*\|\s*(?:trial|line|quad) step\s*\|[^|]*\|[^|]*\|\s*(" + NUMBER + rb"|\*+)\s*\|.*")
_MD_START = re.compile(rb"\s*Starting MD iteration\s+(\d{1,9})\s.*")
_MD_END = re.compile(rb"\s*\.\.\. finished MD iteration\s+(\d{1,9})\s*")
_N_IONS = re.compile(rb"\s*Total number of ions in cell =\s*(\d{1,9})\s*")
_FOOTER = re.compile(rb"\s*Total time\s+=.*")
_COLUMNS = re.compile(rb"\s*x\s+Number\s+u\s+v\s+w\s+x\s*")
_LENGTHS = re.compile(rb"\s*Lattice parameters\(.*")

_SAME_PLACE = 2e-6  # positions have 6 decimals, lattice vectors 7
_SAME_CUTOFF_EV = 0.05  # 3 decimals, of Hartree perhaps; the correction takes steps of some eV
_SAME_SCF = 1e-5  # a row of the SCF table has 9 digits, of E-TS or of E


_Component = tuple[str, tuple[float, float, float], float]
# number of the cycle, energy and Fermi level in eV
_ScfRow = tuple[int | None, float | None, float | None]


@dataclass(eq=False, slots=True)
class _Draft:
    """A frame that is being read."""

    line: int
    cell_ang: FloatArray | None = None
    atoms: AtomBox | None = None
    energies: dict[str, float | None] = field(default_factory=dict)
    iteration: int | None = None
    enthalpy_ev: float | None = None
    moments: FoundMoments | None = None
    fermi_ev: float | None = None
    scf_cycles: int | None = None
    scf_converged: bool = True
    forces: FloatArray | None = None
    stress: FloatArray | None = None
    tests: tuple[ConvergenceTest, ...] = ()
    mixture: tuple[_Component, ...] = ()
    has: set[str] = field(default_factory=set)

    @property
    def calculated(self) -> bool:
        return bool(self.has & {"scf", "energy", "forces", "stress"})

    def same_geometry(self, other: _Draft) -> bool:
        if self.cell_ang is None or other.cell_ang is None or self.atoms is None or other.atoms is None:
            return False
        if self.atoms.species != other.atoms.species or np.abs(self.cell_ang - other.cell_ang).max() > _SAME_PLACE:
            return False
        shift = self.atoms.values - other.atoms.values
        return bool(np.abs(shift - np.round(shift)).max() <= _SAME_PLACE)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CollectedFrames:
    """What one run prints of its geometries; the attributes are those of `CastepRun`.

    Attributes
    ----------
    scf_failed
        An SCF of the run was given up.
    last_line
        Index of the last line that was read; what ends the run stands behind it.
    """

    frames: tuple[CastepFrame, ...]
    final: CastepFrame | None
    energies: CastepEnergies | None
    fermi_ev: float | None
    iteration: int | None
    scf_cycle: int | None
    scf_failed: bool
    final_enthalpy_ev: float | None
    finite_basis_de_dlnecut_ev: float | None
    last_line: int


def collect_frames(text: CastepText, setup: CastepSetup) -> CollectedFrames:
    """The frames of the run in `text`.

    Raises
    ------
    ParseError
        A number is damaged or has an unknown unit, or what is printed contradicts itself.
    """
    collector = _Collector(text, setup)
    lines, readers = text.lines, collector.readers()
    line, end = 0, len(lines)
    while line < end:
        read = readers.get(lines[line].lstrip()[:4])
        line = (line if read is None else read(line)) + 1
    return collector.result()


class _Collector:
    """Reads one run; each reader takes the index of its line, and gives that of the last line it has read."""

    def __init__(self, text: CastepText, setup: CastepSetup) -> None:
        unit = setup.settings.get("output energy unit", "eV")
        factor = factor_of(unit, ENERGY_EV)
        if factor is None:
            raise text.error(0, f"the energies are in {unit!r}, which is not known")
        self._text, self._end, self._setup, self._energy_ev = text, len(text.lines), setup, factor
        self._steps = setup.is_geometry_run or setup.is_dynamics
        self._open = _Draft(line=0)  # what is read goes here
        self._drafts = [self._open]
        self._since = 0  # drafts from here on belong to the iteration that runs
        self._accepted: _Draft | None = None
        self._final: _Draft | None = None
        self._at_end = False  # behind "Final Configuration"
        self._lost = False  # a geometry is calculated that is not printed
        self._pieces: set[str] | None = None  # what is printed of every geometry but the first
        self._begun: int | None = None  # MD step
        self._cell: FloatArray | None = None
        self._atoms: AtomBox | None = None
        self._n_ions: int | None = None
        self._scf: int | None = None
        self._row_of: int | None = None
        self._row: _ScfRow | None = None
        self._spin_mub: dict[bytes, float | None] = {}  # integrals of the spin density of the SCF that runs
        self._scf_failed = self._any_failed = False
        self._finite_basis = False
        self._cutoff_ev: float | None = None
        self._iteration: int | None = None
        self._enthalpy_ev: float | None = None
        self._de_dlnecut_ev: float | None = None
        self._printed: _Draft | None = None  # where the positions went that were printed last
        self._copies = 1  # of the run's own cell in the one that was printed last
        self._had_supercell = False
        self._last = 0

    def readers(self) -> Mapping[bytes, Callable[[int], int]]:
        """First four characters of a line -> what reads it."""
        readers: dict[bytes, Callable[[int], int]] = {
            b"Real": self._read_cell,
            b"Latt": self._read_orphan,
            b"x  E": self._read_positions,
            b"x   ": self._read_orphan,
            b"x  M": self._read_mixture,
            b"****": self._read_box,
            b"SCF ": self._read_scf,
            b"Inte": self._read_spin,
            b"Calc": self._read_cutoff,
            b"*War": self._read_failure,
            b"elec": self._read_failure,
            b"| tr": self._read_line_search,
            b"|  l": self._read_line_search,
            b"|  q": self._read_line_search,
            b"Star": self._read_md_start,
            b"... ": self._read_md_end,
        }
        readers |= dict.fromkeys((b"Fina", b"NB e", b"NB d", b"Disp", b"Tota", b"Curr", b"For "), self._read_energy)
        minimisers = (b"BFGS", b"LBFG", b"TPSD", b"DMD:", b"DMD ", b"FIRE", b"DI :", b"DI: ", b"PES:", b"PES ")
        return readers | dict.fromkeys(minimisers, self._read_iteration)

    # --- geometry ------------------------------------------------------------------------------------------------

    def _read_orphan(self, line: int) -> int:
        """Refuse what stands within a cell or a box of positions: what reads these reads past it, from the heading."""
        if _COLUMNS.fullmatch(self._text.lines[line]) or _LENGTHS.fullmatch(self._text.lines[line]):
            raise self._text.damaged(max(line - 1, 0), "the heading of a geometry")
        return line

    def _read_cell(self, line: int) -> int:
        found = read_cell(self._text, line)
        if found is None:
            return self._end
        cell, behind = found
        own = self._drafts[0].cell_ang
        self._copies = 1 if self._steps or own is None else copies_in_cell(cell, own)
        if self._copies > 1:
            self._enter_supercell(line)
            return behind - 1
        if self._cell is not None and is_right_handed(cell) != is_right_handed(self._cell):
            raise self._text.error(line, "the lattice vectors have changed their handedness within the run")
        draft = self._draft(line, "cell")
        if draft is not None:
            self._cell = draft.cell_ang = cell
        return behind - 1

    def _read_positions(self, line: int) -> int:
        if b"Fractional coordinates of atoms" not in self._text.lines[line]:
            return line
        box = read_positions(self._text, line)
        if box is None:
            return self._end
        if self._is_of_supercell(line, box):
            return box.next_line - 1
        if self._n_ions not in (None, len(box.species)):
            raise self._text.error(line, f"{len(box.species)} atoms are listed of {self._n_ions} in the cell")
        if self._atoms is not None and not _same_elements(self._atoms.species, box.species):
            raise self._text.error(line, "the list of atoms is not the one at the start of the run")
        draft = self._printed = self._draft(line, "atoms")
        if draft is not None:
            self._atoms = draft.atoms = box
        return box.next_line - 1

    def _enter_supercell(self, line: int) -> None:
        self._last = line
        self._settle(line)
        self._lost = self._had_supercell = True

    def _is_of_supercell(self, line: int, box: AtomBox) -> bool:
        """Whether `box` lists the atoms of a supercell; one of the run's own atoms ends it."""
        if self._copies == 1 or self._atoms is None:
            return False
        if is_copied(box.species, self._atoms.species, self._copies):
            return True
        if len(box.species) != len(self._atoms.species):
            wanted = self._copies * len(self._atoms.species)
            raise self._text.error(line, f"{len(box.species)} atoms are listed of {wanted} in the supercell")
        self._copies = 1
        return False

    def _draft(self, line: int, piece: str) -> _Draft | None:
        """Where a geometry goes whose `piece` is printed at `line`; None when it belongs to no step."""
        self._last = line
        self._settle(line)
        if self._at_end:
            if self._final is None:
                self._final = _Draft(line=line, cell_ang=self._cell, atoms=self._atoms)
            self._final.has.add(piece)
            return self._final
        draft = self._open
        if not self._steps and (piece in draft.has or draft.calculated):
            self._lost = draft.calculated
            return None
        if self._lost or draft.calculated or piece in draft.has:
            self._check_pieces(draft)
            draft = self._open = _Draft(line=line, cell_ang=self._cell, atoms=self._atoms)
            self._drafts.append(draft)
            self._lost, self._scf, self._cutoff_ev = False, None, None
        elif not draft.has:
            draft.line = line
        draft.has.add(piece)
        return draft

    def _check_pieces(self, draft: _Draft) -> None:
        """Refuse a step that prints its cell or positions where the steps before it did not, or the reverse."""
        pieces = draft.has & {"cell", "atoms"}
        if draft is self._drafts[0] or not draft.calculated:
            return
        if self._pieces is None:
            self._pieces = pieces
        if unlike := ", ".join(sorted(self._pieces ^ pieces)):
            raise self._text.error(draft.line, f"the geometry is not printed like that of the other steps: {unlike}")

    def _read_mixture(self, line: int) -> int:
        if b"Fractional coordinates of atoms" in self._text.lines[line] and self._copies == 1:
            mixture = tuple(read_mixture(self._text, line) or ())
            if self._printed is not None:
                self._printed.mixture = mixture
        return line

    # --- forces and stress ---------------------------------------------------------------------------------------

    def _read_box(self, line: int) -> int:
        heading = self._text.lines[line]
        if b" Forces *" in heading:
            return self._read_forces(line, preferred=b"Unconstrained" not in heading)
        if b" Stress Tensor *" in heading:
            return self._read_stress(line, preferred=b"Constrained" not in heading)
        return line

    def _target(self, line: int) -> _Draft | None:
        self._last = line
        self._settle(line)
        if self._at_end:
            return self._accepted
        return None if self._lost else self._open

    def _read_forces(self, line: int, *, preferred: bool) -> int:
        box = read_forces(self._text, line)
        if box is None:
            return self._end
        draft = self._target(line)
        if draft is None or (draft.forces is not None and ("forces" in draft.has or not preferred)):
            return box.next_line - 1
        if box.species and draft.atoms is not None and not _same_elements(box.species, draft.atoms.species):
            raise self._text.error(line, "the forces are not those of the atoms in the cell")
        draft.forces = box.values if box.species else None
        draft.has.add("forces" if preferred else "unconstrained forces")
        return box.next_line - 1

    def _read_stress(self, line: int, *, preferred: bool) -> int:
        found = read_stress(self._text, line)
        if found is None:
            return self._end
        draft = self._target(line)
        if draft is not None and (draft.stress is None or (preferred and "stress" not in draft.has)):
            draft.stress = found[0]
            draft.has.add("stress" if preferred else "constrained stress")
        return found[1] - 1

    # --- SCF and energies ----------------------------------------------------------------------------------------

    def _read_scf(self, line: int) -> int:
        if not self._text.lines[line].startswith(b"SCF loop"):
            return line
        self._last = line
        self._settle(line)
        draft = self._open
        if "energy" in draft.has and not self._finite_basis:
            # the geometry of this SCF was not printed, or it is another calculation on the first geometry
            self._lost = True
        self._scf, self._scf_failed, self._spin_mub = line, False, {}
        if not self._lost:
            draft.has.add("scf")
        return line

    def _read_spin(self, line: int) -> int:
        """An integral of the spin density in hbar/2, which is a Bohr magneton's worth; they stand above the energy."""
        found = _SPIN.fullmatch(self._text.lines[line])
        if found is not None:
            self._spin_mub[found[1].strip()] = printed_number(found[2])
        return line

    def _moments(self) -> FoundMoments | None:
        total, absolute = (self._spin_mub.get(name) for name in (b"Spin Density", b"|Spin Density|"))
        return None if total is None or absolute is None else FoundMoments(total_mub=total, absolute_mub=absolute)

    def _read_cutoff(self, line: int) -> int:
        content = self._text.lines[line]
        if content.startswith(CORRECTION):
            self._finite_basis = True
        elif content.startswith(CUTOFF):
            self._cutoff_ev = read_cutoff_ev(self._text, line)
        return line

    def _read_failure(self, line: int) -> int:
        content = self._text.lines[line]
        if b"max. SCF cycles performed" in content or b"minimisation did not converge when finding" in content:
            self._scf_failed = self._any_failed = True
            if not self._lost:
                self._open.scf_converged = False
        return line

    def _read_energy(self, line: int) -> int:
        content = self._text.lines[line]
        found = _ENERGY.fullmatch(content)
        if found is None:
            self._n_ions = self._ions(line)
            if _LABEL.match(content):
                raise self._text.damaged(line, "an energy")
            if _FOOTER.fullmatch(content):
                self._close(line)
            return line
        self._last = line
        value = self._value(line, found[2], found[3])
        label = found[1]
        # the fraction of TS depends on the smearing scheme
        kind = _KIND.get(label.split(b" (E")[0] if label.startswith(b"NB") else label, "")
        if not kind:
            self._de_dlnecut_ev = value if self._copies == 1 else self._de_dlnecut_ev
        elif kind == "finite_basis_corrected_energy_ev":
            self._end_finite_basis(line, value)
        elif not self._lost and self._at_full_cutoff(line):
            if label.endswith(b"(E-0.5TS)"):
                self._open.has.add("half")
            self._take_energy(line, kind, value, smeared=label.endswith(b", E"))
        return line

    def _end_finite_basis(self, line: int, value: float | None) -> None:
        self._finite_basis = False
        if self._lost:
            return
        if not self._open.energies:
            raise self._text.error(line, "there is no energy at the cut-off of the run for this correction")
        self._open.energies["finite_basis_corrected_energy_ev"] = value

    def _ions(self, line: int) -> int | None:
        found = _N_IONS.fullmatch(self._text.lines[line])
        if found is None:
            return self._n_ions
        count = int(found[1])
        if self._n_ions is None:
            return count
        if not self._steps and self._copies == 1 and (copies := copies_in_count(count, self._n_ions)) > 1:
            self._copies = copies
            self._enter_supercell(line)
        if not self._had_supercell or count != self._copies * self._n_ions:
            raise self._text.error(line, "two runs stand behind one banner", "the number of ions is printed twice")
        return self._n_ions

    def _at_full_cutoff(self, line: int) -> bool:
        """Whether the SCF above `line` has the cut-off of the run; a finite-basis correction uses lower ones too."""
        wanted = self._setup.cutoff_ev
        if wanted is None and self._cutoff_ev is not None:
            return not self._finite_basis
        if wanted is None or self._cutoff_ev is None or abs(wanted - self._cutoff_ev) < _SAME_CUTOFF_EV:
            return True
        if not self._finite_basis:
            raise self._text.error(line, f"this is at a cut-off of {self._cutoff_ev} eV, and the run is at {wanted} eV")
        return False

    def _take_energy(self, line: int, kind: str, value: float | None, *, smeared: bool) -> None:
        draft = self._open
        if kind == "unconverged_energy_ev":
            self._scf_failed = self._any_failed = True
            draft.scf_converged = False
        if self._scf_failed:
            if kind in ("unconverged_energy_ev", "final_energy_ev"):
                draft.energies = {"unconverged_energy_ev": value}
                draft.has.add("energy")
                self._take_scf_row(line, draft, None)
            return
        if kind == "final_energy_ev":
            draft.energies, draft.moments = {}, self._moments()
            draft.has.discard("smeared")
        elif "final_energy_ev" not in draft.energies:
            return  # verbose output repeats the 0 K energy in every cycle of the SCF
        if smeared:
            draft.has.add("smeared")
        draft.energies[kind] = value
        draft.has.add("energy")
        if kind == "zero_kelvin_energy_ev" or (kind == "final_energy_ev" and not smeared):
            self._take_scf_row(line, draft, value)

    def _take_scf_row(self, line: int, draft: _Draft, value: float | None) -> None:
        """Fermi level and number of the last SCF cycle; refuse an energy that is not the one of that cycle."""
        row = self._last_scf_row(line)
        if row is None:
            return
        draft.scf_cycles, energy, draft.fermi_ev = row
        if value is None or energy is None or self._setup.dispersion is not None:
            return
        printed = (value, draft.energies.get("final_energy_ev"), draft.energies.get("free_energy_ev"))
        if all(one is None or abs(one - energy) > _SAME_SCF * abs(energy) + 1e-3 for one in printed):
            raise self._text.error(line, f"the energy {value} eV is not that of the last SCF cycle, {energy} eV")

    def _last_scf_row(self, line: int) -> _ScfRow | None:
        """The last row of the SCF above `line`; looked for once, because the way back to it may be long."""
        if self._scf is None:
            return None
        if self._row_of != self._scf:
            self._row_of = self._scf
            self._row = None
            for number in range(line - 1, self._scf, -1):
                content = self._text.lines[number].strip()
                if content.endswith(b"<-- SCF") and not content.startswith(
                    (b"---", b"SCF loop", b"energy", b"per atom")
                ):
                    self._row = self._scf_row(content)
                    break
                if _UNMARKED_ROW.fullmatch(content):
                    raise self._text.damaged(number, "a row of the SCF")
        return self._row

    def _scf_row(self, content: bytes) -> _ScfRow | None:
        """A row of the SCF table: number, energy, Fermi level with smearing, gain (not in the first), time."""
        found = _SCF_ROW.fullmatch(content)
        if found is None or self._scf is None:
            return None
        columns = found[2].split()
        fermi = b"Fermi" in self._text.lines[self._scf]
        if found[1] == b"Initial" or len(columns) != (4 if fermi else 3):
            return None if found[1] != b"Initial" else (None, None, None)
        values = [None if one is None else one * self._energy_ev for one in map(printed_number, columns[:2])]
        return int(found[1]), values[0], values[1] if fermi else None

    def _value(self, line: int, number: bytes, unit: bytes) -> float | None:
        factor = factor_of(latin(unit), ENERGY_EV)
        if factor is None:
            raise self._text.error(line, f"the energy is in {latin(unit)!r}, which is not known")
        value = printed_number(number)
        return None if value is None else value * factor

    def _settle(self, line: int) -> None:
        """Refuse energies that are incomplete, or contradict each other, when something follows them at `line`."""
        draft = self._open
        if "final_energy_ev" not in draft.energies:
            return
        if not self._is_complete(draft):
            raise self._text.error(line, "the energies printed before this line are incomplete")
        self._check_mean(line, draft)

    def _is_complete(self, draft: _Draft) -> bool:
        """Whether E, E-TS and the 0 K energy are all there, and with dispersion those of them that are."""
        kinds = ("final", "free", "zero_kelvin") if "smeared" in draft.has else ("final",)
        corrected = [f"dispersion_{kind}_energy_ev" in draft.energies for kind in kinds]
        wanted = any(corrected) or self._setup.dispersion is not None
        return all(f"{kind}_energy_ev" in draft.energies for kind in kinds) and (all(corrected) or not wanted)

    def _check_mean(self, line: int, draft: _Draft) -> None:
        kinds = ("final_energy_ev", "free_energy_ev", "zero_kelvin_energy_ev")
        final, free, zero = (draft.energies.get(kind) for kind in kinds)
        if final is None or free is None or zero is None or "half" not in draft.has:
            return
        if abs(final + free - 2 * zero) > 1e-6 + 1e-9 * abs(zero):
            raise self._text.error(line, "the 0 K energy above this line is not the mean of E and E-TS")

    # --- iterations ----------------------------------------------------------------------------------------------

    def _read_line_search(self, line: int) -> int:
        found = _LINE_SEARCH.fullmatch(self._text.lines[line])
        if found is None:
            if b"<-- min" in self._text.lines[line]:
                raise self._text.damaged(line, "a step of the line search")
            return line
        value = printed_number(found[1])
        if not self._lost:
            # the rows of the steps before stand above that of the last one
            self._open.enthalpy_ev = None if value is None else value * self._energy_ev
        return line

    def _read_iteration(self, line: int) -> int:
        content = self._text.lines[line]
        if b"finished iteration" in content:
            self._finish(line)
        elif b"Final Configuration" in content:
            self._at_end = True
        elif found := _FINAL.fullmatch(content):
            self._enthalpy_ev = self._value(line, found[1], found[2])
        return line

    def _finish(self, line: int) -> None:
        found = _FINISHED.fullmatch(self._text.lines[line])
        if found is None:
            raise self._text.damaged(line, "an iteration")
        self._last = line
        self._settle(line)
        enthalpy = self._value(line, found[2], found[3])
        draft = self._accept(enthalpy)
        if draft is None:
            raise self._text.error(line, "no geometry above this line has the enthalpy of the iteration")
        if draft.iteration is not None:
            draft = replace(draft, iteration=None, has=set(draft.has))
            self._drafts.append(draft)
        draft.tests = read_tests(self._text, line)
        if draft.enthalpy_ev is None:
            draft.enthalpy_ev = enthalpy
        self._number(line, draft, int(found[1]))

    def _accept(self, enthalpy: float | None) -> _Draft | None:
        """The geometry that an iteration with this enthalpy ended with, of those calculated since the last one."""
        new = [draft for draft in self._drafts[self._since :] if draft.calculated or draft is self._drafts[0]]
        known = [*reversed(new), *([] if self._accepted is None else [self._accepted])]
        if enthalpy is None:
            return known[0] if known else None
        rounding = 0.6e-6 + 0.6e-8 * 10.0 ** np.ceil(np.log10(max(abs(enthalpy), 1e-300)))
        for draft in known:
            if draft.enthalpy_ev is not None and abs(draft.enthalpy_ev - enthalpy) <= rounding:
                return draft
        return new[-1] if new and new[-1].enthalpy_ev is None else None

    def _count(self, line: int, iteration: int) -> int:
        if self._iteration is not None and iteration != self._iteration + 1:
            raise self._text.error(line, f"iteration {iteration} follows iteration {self._iteration}")
        self._iteration = iteration
        return iteration

    def _number(self, line: int, draft: _Draft, iteration: int) -> None:
        draft.iteration = self._count(line, iteration)
        self._accepted = draft
        self._since = len(self._drafts)

    def _read_md_start(self, line: int) -> int:
        content = self._text.lines[line]
        if b"Starting MD iteration" not in content:
            return line
        found = _MD_START.fullmatch(content)
        if found is None:
            raise self._text.damaged(line, "an MD step")
        if not self._setup.is_dynamics:
            raise self._text.error(line, f"this is an MD step, and the task of the run is {self._setup.task!r}")
        self._last = line
        self._settle(line)
        if self._iteration is None and self._open.iteration is None:
            self._number(line, self._open, int(found[1]) - 1)
        self._check_pieces(self._open)
        self._check_step(line)
        self._begun = int(found[1])
        self._lost = True
        return line

    def _check_step(self, line: int) -> None:
        """Refuse MD steps of which the beginning or the end is not printed: the geometry is that of another one."""
        if self._begun not in (None, self._iteration):
            raise self._text.error(line, f"MD step {self._begun} has no end above this line")

    def _read_md_end(self, line: int) -> int:
        content = self._text.lines[line]
        if b"finished MD iteration" not in content:
            return line
        found = _MD_END.fullmatch(content)
        if found is None:
            raise self._text.damaged(line, "an MD step")
        self._last = line
        self._settle(line)
        if self._begun != int(found[1]):
            raise self._text.error(line, f"MD step {int(found[1])} has no beginning above this line")
        if self._lost:
            self._count(line, int(found[1]))
        else:
            self._number(line, self._open, int(found[1]))
        return line

    def _close(self, line: int) -> None:
        """Refuse a run that ends at `line` when its last step is not like the others, or not whole."""
        self._settle(line)
        self._check_step(line)
        accepted = self._accepted
        if accepted is not None and self._final is not None and not accepted.same_geometry(self._final):
            raise self._text.error(self._final.line, "the final configuration is not that of the last iteration")

    # --- result --------------------------------------------------------------------------------------------------

    def result(self) -> CollectedFrames:
        """Everything that was read."""
        source = self._accepted or self._drafts[0]
        self._check_pieces(self._open)
        if "final_energy_ev" in self._open.energies and not self._is_complete(self._open):
            self._open.energies = {}
        self._check_mean(self._last, self._open)
        kept = [d for n, d in enumerate(self._drafts) if n == 0 or d.calculated or d.iteration is not None]
        self._check_dispersion(kept)
        final = self._final_draft(kept, source)
        weights = self._weights(kept)
        frames = {
            id(draft): frame
            for draft, own in zip(kept, weights, strict=True)
            if (frame := _frame(draft, own, self._text.before)) is not None
        }
        row = self._last_scf_row(self._end)
        return CollectedFrames(
            frames=tuple(frames.values()),
            final=None if final is None else frames.get(id(final)),
            energies=_energies(source),
            fermi_ev=source.fermi_ev,
            iteration=self._iteration,
            scf_cycle=None if row is None else row[0],
            scf_failed=self._any_failed,
            final_enthalpy_ev=self._enthalpy_ev,
            finite_basis_de_dlnecut_ev=self._de_dlnecut_ev,
            last_line=self._last,
        )

    def _final_draft(self, kept: list[_Draft], source: _Draft) -> _Draft | None:
        """The geometry of the final configuration, appended to `kept` when no step has it; `source` while it is cut."""
        if self._final is None or (self._pieces or set()) - self._final.has:
            return source
        same = [draft for draft in (source, *reversed(kept)) if draft.same_geometry(self._final)]
        if same:
            return same[0]
        self._final.enthalpy_ev = self._enthalpy_ev
        kept.append(self._final)
        return self._final

    def _check_dispersion(self, kept: list[_Draft]) -> None:
        with_energy = [draft for draft in kept if "final_energy_ev" in draft.energies]
        corrected = [draft for draft in with_energy if "dispersion_final_energy_ev" in draft.energies]
        if corrected and len(corrected) != len(with_energy) and self._open not in with_energy[-1:]:
            raise self._text.error(self._last, "some energies of the run have the dispersion correction, some have not")

    def _weights(self, kept: list[_Draft]) -> list[tuple[float, ...] | None]:
        """Weight of each atom of the geometries; one that is printed without its mixture has that of the one before."""
        found: list[tuple[float, ...] | None] = []
        for draft in kept:
            own = found[-1] if found else None
            if draft.mixture and draft.atoms is not None:
                own = _weights_of(draft.mixture, draft.atoms)
                if own is None:
                    raise self._text.error(draft.line, "the mixture names a site where there is no such atom")
            found.append(own)
        return found


def _same_elements(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two lists of atoms agree, but for labels that not every box prints."""
    return one == other or list(map(symbol_of, one)) == list(map(symbol_of, other))


def _weights_of(mixture: tuple[_Component, ...], atoms: AtomBox) -> tuple[float, ...] | None:
    """Weight of each atom, 1 outside of the mixture; None when a component is none of the atoms."""
    weights = [1.0] * len(atoms.species)
    for name, place, weight in mixture:
        shift = atoms.values - np.array(place)
        here = np.abs(shift - np.round(shift)).max(axis=1) <= _SAME_PLACE
        found = [number for number in np.flatnonzero(here) if atoms.species[number] == name]
        if not found:
            return None
        weights[int(found[0])] = weight
    return tuple(weights)


def _energies(draft: _Draft) -> CastepEnergies | None:
    values: dict[str, Any] = {kind: value for kind, value in draft.energies.items() if value is not None}
    unprinted = frozenset(kind for kind, value in draft.energies.items() if value is None)
    return CastepEnergies(**values, unprinted=unprinted) if values or unprinted else None


def _frame(draft: _Draft, weights: tuple[float, ...] | None, before: int) -> CastepFrame | None:
    if draft.cell_ang is None or draft.atoms is None:
        return None
    return CastepFrame(
        line=before + draft.line + 1,
        iteration=draft.iteration,
        cell_ang=draft.cell_ang,
        species=draft.atoms.species,
        positions_frac=draft.atoms.values,
        weights=weights,
        energies=_energies(draft),
        enthalpy_ev=draft.enthalpy_ev,
        moments=draft.moments,
        fermi_ev=draft.fermi_ev,
        scf_cycles=draft.scf_cycles,
        scf_converged=draft.scf_converged,
        forces_ev_per_ang=draft.forces,
        stress_gpa=draft.stress,
        tests=draft.tests,
        unprinted=_unprinted(draft),
    )


def _unprinted(draft: _Draft) -> tuple[Literal["forces", "stress"], ...]:
    """Boxes that are there without a number that fits its column."""
    told: tuple[tuple[Literal["forces", "stress"], object], ...] = (("forces", draft.forces), ("stress", draft.stress))
    return tuple(name for name, value in told if value is None and any(box.endswith(name) for box in draft.has))
