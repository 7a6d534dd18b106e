"""Checkpoints put together record by record, as CASTEP writes them: big-endian, each between two lengths."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from castep_files import fortran_integers, fortran_record
from numpy.typing import NDArray

from dftflow.codes.castep import CASTEP
from dftflow.codes.castep.output.checkpoint_file import CastepCheckpoint, read_checkpoint
from dftflow.errors import ParseError

HARTREE_EV, BOHR_ANG = 27.211386245981, 0.529177210544  # CODATA 2022
LOG = (
    " | Welcome to Academic Release CASTEP version 20.11|\n\n Run started: Mon, 05 Feb 2024 08:00:00 +0000\n"
    "Total time          =     12.19 s\n"
)


def reals(values: object) -> bytes:
    """Fortran's order: the first index runs fastest."""
    return fortran_record(np.asarray(values, dtype=">f8").tobytes(order="F"))


def text(word: str, width: int) -> bytes:
    return fortran_record(word.ljust(width).encode())


@dataclass(frozen=True)
class Content:
    """Two N and one Li in a skew cell; 3 up and 2 down electrons in three bands at two k-points."""

    num_ions: int = 3
    energy_hartree: float = -10.25
    found: bool = True
    electrons: float = 5.0
    spins: int = 2
    treatment: str = "SCALAR"
    density: float = 5.0
    cell_bohr: NDArray[np.float64] = field(
        default_factory=lambda: np.array([[6.0, 0.0, 0.0], [1.0, 7.0, 0.0], [0.5, -0.25, 8.0]])
    )
    positions: tuple[tuple[tuple[float, float, float], ...], ...] = (
        ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
        ((0.7, 0.8, 0.9),),
    )
    has_forces: bool = True

    def bytes(self) -> bytes:
        return b"".join(
            [
                text("CASTEP_BIN", 10),
                self.parameters(),
                self.cell(),
                self.cell(),
                fortran_integers(int(self.found)),
                fortran_integers(int(self.found)),
                reals([self.energy_hartree]),
                reals([0.125]),
                fortran_integers(3, self.spins),
                *self.states(),
                fortran_integers(int(self.found)),
                fortran_integers(2, 1, 3),
                *self.columns(),
                *([text("E_FERMI", 7), reals([0.25])] if self.spins == 2 else []),
                *([text("FORCES", 6), reals(self.by_species(0.01))] if self.has_forces else []),
                text("END", 3),
            ]
        )

    def parameters(self) -> bytes:
        skipped = b"".join(fortran_integers(0) for _ in range(5))
        counts = (self.electrons, 3.0, 2.0, 1.0, 0.0)
        return b"".join(
            [
                text("BEGIN_ELECTRONIC", 16),
                skipped,
                reals([0.0]),
                fortran_integers(0) * 3,
                text("Pulay", 10),
                *(reals([count]) for count in counts),
                text(self.treatment, 20),
            ]
        )

    def by_species(self, scale: float) -> NDArray[np.float64]:
        """Shape (3, most atoms a species, n_species); CASTEP fills up with zeros."""
        values = np.zeros((3, 2, 2))
        for number, atoms in enumerate(self.positions):
            for place, atom in enumerate(atoms):
                values[:, place, number] = scale * np.array(atom)
        return values

    def cell(self) -> bytes:
        counts = [len(atoms) for atoms in self.positions]
        parts = [
            ("CELL%NUM_IONS", fortran_integers(self.num_ions)),
            ("CELL%MAX_IONS_IN_SPECIES", fortran_integers(2)),
            ("CELL%REAL_LATTICE", reals(self.cell_bohr)),
            ("CELL%RECIP_LATTICE", reals(np.zeros((3, 3)))),
            ("CELL%NUM_SPECIES", fortran_integers(2)),
            ("CELL%NUM_IONS_IN_SPECIES", fortran_integers(*counts)),
            ("CELL%IONIC_POSITIONS", reals(self.by_species(1.0))),
            ("CELL%SPECIES_SYMBOL", fortran_record(b"N       Li      ")),
            ("NKPTS", fortran_integers(2)),
            ("KPOINTS", reals([[0.0, 0.5], [0.0, 0.0], [0.0, 0.0]])),
            ("KPOINT_WEIGHTS", reals([0.5, 0.5])),
        ]
        return b"".join(text(name, len(name)) + content for name, content in parts) + text("END_CELL_GLOBAL", 15)

    def states(self) -> list[bytes]:
        """Bands -0.5, 0, 0.3 (up) and 0.1 higher (down), 0.01 lower at the second k-point; not in order."""
        found = []
        for k in range(2):
            found.append(reals([0.5 * k, 0.0, 0.0]))
            for spin in range(self.spins):
                energies = np.array([0.3, -0.5, 0.0]) + 0.1 * spin - 0.01 * k
                filled = [[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]][spin]
                found += [reals(filled), reals(energies)]
        return found

    def columns(self) -> list[bytes]:
        """2 x 1 x 3 points: the mean plus 1 and minus 1 in the two columns along c; then the spin density."""
        found = []
        for a in (2, 1):
            column = np.full(3, self.density + (1 if a == 1 else -1), dtype=">c16")
            spin = np.full(3, 1.0, dtype=">c16").tobytes() if self.spins == 2 else b""
            found.append(fortran_record(struct.pack(">2i", a, 1) + column.tobytes() + spin))
        return found


def read(folder: Path, content: Content) -> CastepCheckpoint:
    file = folder / "a.castep_bin"
    file.write_bytes(content.bytes())
    return read_checkpoint(file)


def test_cell_atoms_energy_and_forces(tmp_path: Path) -> None:
    checkpoint = read(tmp_path, Content())
    np.testing.assert_allclose(checkpoint.cell_ang, Content().cell_bohr * BOHR_ANG, rtol=1e-9)
    assert checkpoint.species == ("N", "N", "Li")
    np.testing.assert_allclose(checkpoint.positions_frac, [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])
    assert checkpoint.free_energy_ev == pytest.approx(-10.25 * HARTREE_EV, rel=1e-9)
    forces = 0.01 * checkpoint.positions_frac * HARTREE_EV / BOHR_ANG
    np.testing.assert_allclose(checkpoint.forces_ev_per_ang, forces, rtol=1e-9)
    assert checkpoint.density_mean == pytest.approx(5.0)


def test_eigenvalues_of_both_spins_in_order(tmp_path: Path) -> None:
    checkpoint = read(tmp_path, Content())
    bands = checkpoint.bands
    assert bands is not None and checkpoint.occupations is not None
    ladder = np.array([-0.5, 0.0, 0.3])
    wanted = [[ladder, ladder - 0.01], [ladder + 0.1, ladder + 0.09]]
    np.testing.assert_allclose(bands.eigenvalues_ev, np.array(wanted) * HARTREE_EV, rtol=1e-9)
    np.testing.assert_allclose(bands.kpoints_frac, [[0, 0, 0], [0.5, 0, 0]])
    assert bands.n_electrons == (3.0, 2.0)
    assert bands.fermi_by_spin_ev == pytest.approx((0.125 * HARTREE_EV, 0.25 * HARTREE_EV))
    assert bands.fermi_ev == pytest.approx(0.25 * HARTREE_EV) and not bands.spinor
    assert checkpoint.occupations.sum(axis=2).tolist() == [[3.0, 3.0], [2.0, 2.0]]
    products = np.array(bands.reciprocal_per_ang) @ (Content().cell_bohr * BOHR_ANG).T
    np.testing.assert_allclose(products, 2 * np.pi * np.eye(3), atol=1e-9)


def test_without_spin_there_is_one_channel(tmp_path: Path) -> None:
    bands = read(tmp_path, Content(spins=1, treatment="NONE")).bands
    assert bands is not None
    assert (bands.n_electrons, bands.eigenvalues_ev.shape) == ((5.0,), (1, 2, 3))
    assert bands.fermi_by_spin_ev == pytest.approx((0.125 * HARTREE_EV,))


@pytest.mark.parametrize("content", [Content(found=False), Content(energy_hartree=float("inf"))])
def test_before_the_ground_state_there_is_no_energy(content: Content, tmp_path: Path) -> None:
    assert read(tmp_path, content).free_energy_ev is None


def test_forces_may_be_missing(tmp_path: Path) -> None:
    assert read(tmp_path, Content(has_forces=False)).forces_ev_per_ang is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Content(num_ions=4), "3 atoms in the species, 4 in the cell"),
        (Content(density=5.01), "the density holds 5.0100 electrons, the cell 5"),
        (Content(positions=(((float("nan"), 0, 0), (0.4, 0.5, 0.6)), ((0.7, 0.8, 0.9),))), "numbers that are none"),
        (Content(cell_bohr=np.ones((3, 3))), "damaged"),
    ],
)
def test_a_checkpoint_that_contradicts_itself_is_refused(content: Content, message: str, tmp_path: Path) -> None:
    with pytest.raises(ParseError) as caught:
        read(tmp_path, content)
    assert message in f"{caught.value.summary}: {caught.value.reason}"


def test_cut_after_any_record_it_is_refused(tmp_path: Path) -> None:
    content = Content().bytes()
    file = tmp_path / "a.castep_bin"
    for length in range(0, len(content) - 1, 7):
        file.write_bytes(content[:length])
        with pytest.raises(ParseError):
            read_checkpoint(file)
    file.write_bytes(text("CASTEP_BIN", 10))
    with pytest.raises(ParseError, match="no checkpoint"):
        read_checkpoint(file)


def test_a_length_that_is_damaged_is_refused(tmp_path: Path) -> None:
    content = Content().bytes()
    file = tmp_path / "a.castep_bin"
    for damaged in (b"\xff\xff\xff\xff" + content[4:], content[:4] + b"CASTEP_BIM" + content[14:-4]):
        file.write_bytes(damaged)
        with pytest.raises(ParseError):
            read_checkpoint(file)


def test_a_log_without_bands_file_takes_those_of_the_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "a.castep").write_text(LOG)
    (tmp_path / "a.castep_bin").write_bytes(replace(Content(), spins=1, treatment="NONE").bytes())
    (calculation,) = CASTEP().find(tmp_path)
    reading = CASTEP().read(calculation)
    assert reading.results is not None and reading.results.bands is not None
    assert reading.results.fermi_ev == pytest.approx(0.125 * HARTREE_EV)
    (said,) = [file.summary for file in reading.files if file.file.suffix == ".castep_bin"]
    assert said == f"3 atoms, E-TS {-10.25 * HARTREE_EV:.6f} eV"
    (tmp_path / "a.castep_bin").write_bytes(Content(found=False).bytes())
    (said,) = [file.summary for file in CASTEP().read(calculation).files if file.file.suffix == ".castep_bin"]
    assert said == "3 atoms"
