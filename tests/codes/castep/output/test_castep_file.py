"""Whole ``.castep`` files: runs, endings, energies and frames, of written texts and of published files."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dftflow.codes.castep.output.castep_file import read_castep
from dftflow.codes.castep.output.castep_run import CastepFrame, CastepRun
from dftflow.codes.castep.output.method import castep_method
from dftflow.errors import ParseError

# --- texts in CASTEP's layout -----------------------------------------------------------------------------------------

ART = """\
 +-------------------------------------------------+
 |                                                 |
 |      CCC   AA    SSS  TTTTT  EEEEE  PPPP        |
 |     C     A  A  S       T    E      P   P       |
 |                                                 |
 +-------------------------------------------------+
"""
BANNER = ART + " | Welcome to Academic Release CASTEP version 21.11|\n\n Run started: Tue, 01 Mar 2022 09:00:00 +0000\n"
GEOMETRY, SINGLE, MD = "geometry optimization", "single point energy", "molecular dynamics"
WARNING = " *Warning* max. SCF cycles performed but system has not reached the groundstate.\n"
GIVEN_UP = WARNING + "Current total energy, E             =  -214.5397998713     eV\n"
FOOTER = "Total time          =    131.31 s\nPeak Memory Use     = 102400 kB\n"
NOT_THE_FOOTER = " Total time to compute matrix elements  26.63 sec |<-- SPEC\n"
DONE = " BFGS: Geometry optimization completed successfully.\n"
FAILED = " BFGS: WARNING - Geometry optimization failed to converge after         30 steps\n"
NO_TIME = "Insufficient time for another iteration. Stop execution.\n"
RULE = "-" * 72 + " <-- SCF\n"


def parameters(task: str = SINGLE, **more: str) -> str:
    rows = {
        "type of calculation": task,
        "output         energy unit": "eV",
        "using functional": "Perdew Burke Ernzerhof",
        "plane wave basis set cut-off": "244.9020   eV",
        "number of  electrons": "8.000    ",
        "number of bands": "         11",
        "periodic dipole correction": "NONE",
    } | more
    lines = "".join(f" {name:<47}: {value}\n" for name, value in rows.items())
    method = "\n treating system as non-spin-polarized\n Method: Treating system as non-metallic,\n"
    return f" {'*' * 29} General Parameters {'*' * 30}\n{lines}{method}\n {'*' * 79}\n"


def cell(edge_ang: float = 5.0) -> str:
    rows = ""
    for i in range(3):
        real = "".join(f"{edge_ang if i == j else 0:14.7f}" for j in range(3))
        rows += real + "     " + "".join(f"{math.tau / edge_ang if i == j else 0:14.9f}" for j in range(3)) + "\n"
    angles = zip("abc", ("alpha", "beta ", "gamma"), strict=True)
    lengths = "".join(f"   {name} = {edge_ang:12.6f}          {angle} =   90.000000\n" for name, angle in angles)
    volume = f"   Current cell volume = {edge_ang**3:14.6f}       A**3\n"
    return f"        Real Lattice(A)                      Reciprocal Lattice(1/A)\n{rows}\n{lengths}\n{volume}"


def positions(*atoms: tuple[str, float]) -> str:
    rule = f"            {'x' * 60}\n"
    counts: dict[str, int] = {}
    rows = ""
    for name, x in atoms:
        counts[name] = counts.get(name, 0) + 1
        rows += f"            x  {name:<8}{counts[name]:5d}   {x:11.6f}{0.25:11.6f}{-0.5:11.6f}   x \n"
    head = "            x  Element    Atom        Fractional coordinates of atoms  x\n"
    return rule + head + "            x            Number           u          v          w      x\n" * 2 + rows + rule


def scf(energy_ev: float, cycle: int = 9, fermi_ev: float | None = None) -> str:
    fermi = "" if fermi_ev is None else f"{fermi_ev:17.8E}"
    head = "SCF loop      Energy           Fermi           Energy gain       Timer   <-- SCF\n"
    head = head if fermi else head.replace("Fermi", "     ")
    row = f"{cycle:7d}{energy_ev:17.8E}{fermi}   1.00000000E-009       2.25  <-- SCF\n"
    return f"{RULE}{head}{RULE}Initial   1.77416216E+002 {'1.0 ' * bool(fermi)}   4.59  <-- SCF\n{row}{RULE} \n"


def insulator(energy_ev: float) -> str:
    return f"Final energy = {energy_ev:18.10f}     eV\n(energy not corrected for finite basis set)\n"


def smeared(energy_ev: float, ts_ev: float = 0.2) -> str:
    return (
        f"Final energy, E             = {energy_ev:18.10f}     eV\n"
        f"Final free energy (E-TS)    = {energy_ev - ts_ev:18.10f}     eV\n"
        "(energies not corrected for finite basis set)\n\n"
        f"NB est. 0K energy (E-0.5TS)      = {energy_ev - ts_ev / 2:18.10f}     eV\n"
    )


def forces(*rows: tuple[str, int, str], heading: str = "Symmetrised Forces", unit: str = "eV/A") -> str:
    stars, blank = f" {'*' * 60}\n", f" *{' ' * 58}*\n"
    body = "".join(f" * {name:<8}{number:5d} {x}      0.00000     -0.25000 *\n" for name, number, x in rows)
    title = f" {'*' * 18} {heading} {'*' * 18}\n"
    head = f"{title}{blank} *  Cartesian components ({unit})  *\n * {'-' * 56} *\n *  x y z  *\n{blank}"
    return head + body + blank + stars


def stress(xx: float, heading: str = "Stress Tensor", pressure: float | None = None, unit: str = "GPa") -> str:
    rows = f" *  x {xx:12.6f}  0.100000  0.0  *\n *  y  0.100000  0.000000  0.0  *\n *  z  0.0  0.0  0.0  *\n"
    blank, last = f" *{' ' * 47}*\n", -xx / 3 if pressure is None else pressure
    title = f" {'*' * 11} {heading} {'*' * 11}\n"
    box = f"{title}{blank} *  Cartesian components ({unit})  *\n * {'-' * 45} *\n *  x  y  z  *\n{blank}{rows}{blank}"
    return f"{box} *  Pressure: {last:9.4f}   *\n{blank} {'*' * 49}\n"


def searched(**enthalpies_ev: float) -> str:
    rule = " +------------+-------------+-------------+-----------------+ <-- min BFGS\n"
    rows = "".join(
        f" | {name + ' step':>10} |    1.000000 |    0.585479 | {value:15.6f} | <-- min BFGS\n"
        for name, value in enthalpies_ev.items()
    )
    return f"{rule} |    Step    |   lambda    |   F.delta'  |    enthalpy     | <-- min BFGS\n{rule}{rows}{rule}"


def finished(number: int, enthalpy_ev: float, prefix: str = "BFGS:") -> str:
    rule = " +-----------+-----------------+-----------------+------------+-----+ <-- BFGS\n"
    rows = (
        " |  dE/ion   |   3.207905E-002 |   2.000000E-005 |         eV | No  | <-- BFGS\n"
        " |  |F|max   |   1.500000E-002 |   5.000000E-002 |       eV/A | Yes | <-- BFGS\n"
        " |  |dR|max  |   *************  |   1.000000E-003 |          A | No  | <-- BFGS\n"
        " |   Smax    |   1.172854E+000 |   1.000000E-001 |        GPa | No  | <-- BFGS\n"
    )
    head = f" {prefix} finished iteration {number:5d} with enthalpy= {enthalpy_ev:.8E} eV\n  \n"
    return (
        head
        + rule
        + " | Parameter |      value      |    tolerance    |    units   | OK? | <-- BFGS\n"
        + rule
        + rows
        + rule
    )


def read(folder: Path, text: str | bytes) -> tuple[CastepRun, ...]:
    file = folder / "a.castep"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("latin-1"))
    return read_castep(file)


def last(folder: Path, text: str | bytes) -> CastepRun:
    return read(folder, text)[-1]


START = BANNER + parameters() + cell() + positions(("Si", 0.0), ("Si", 0.5))
RELAX = BANNER + parameters(GEOMETRY) + cell() + positions(("Si", 0.0), ("Si", 0.5))
STEP_0 = scf(-214.54) + insulator(-214.54) + finished(0, -214.54)

# --- how a run ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (START + scf(-214.54) + insulator(-214.54) + FOOTER, "finished"),
        (START + scf(-214.54) + insulator(-214.54) + FOOTER.rpartition("\n")[0], "finished"),
        (RELAX + STEP_0 + DONE + FOOTER, "finished"),
        (RELAX + STEP_0 + DONE.replace("BFGS:", "BFGS :") + FOOTER, "finished"),
        (RELAX + STEP_0 + DONE, "truncated"),
        (RELAX + STEP_0 + FAILED + FOOTER, "geom_not_converged"),
        (RELAX + STEP_0 + FOOTER, "geom_not_converged"),
        (START + scf(-214.54) + GIVEN_UP, "scf_not_converged"),
        (START + scf(-214.54) + GIVEN_UP + FOOTER, "scf_not_converged"),
        (RELAX + STEP_0 + NO_TIME, "out_of_time"),
        (START + scf(-214.54) + insulator(-214.54) + NOT_THE_FOOTER, "truncated"),
        (START + scf(-214.54) + insulator(-214.54) + FOOTER[:32], "truncated"),
        (START + FOOTER + scf(-214.54) + insulator(-214.54), "truncated"),
        (START + scf(-214.54), "truncated"),
        (BANNER + "Error in cell\nCurrent trace stack:\n cell_read\n", "died"),
        (BANNER, "truncated"),
    ],
)
def test_status(text: str, status: str, tmp_path: Path) -> None:
    assert last(tmp_path, text).status == status


def test_every_run_of_a_file_is_read_in_order(tmp_path: Path) -> None:
    failed, good = RELAX + STEP_0 + FAILED + FOOTER, START + scf(-2.5) + insulator(-2.5) + FOOTER
    runs = read(tmp_path, failed + good + BANNER + parameters(GEOMETRY))
    assert [run.status for run in runs] == ["geom_not_converged", "finished", "truncated"]
    assert [run.energy_ev for run in runs] == [-214.54, -2.5, None]
    lines = (failed + good).splitlines()
    assert all("CASTEP version" in lines[run.start_line - 1] for run in runs[:2])
    assert (runs[1].wall_time_s, runs[1].peak_memory_mib, runs[2].wall_time_s) == (131.31, 100.0, None)


def test_a_run_that_was_killed_within_a_line_costs_no_later_run(tmp_path: Path) -> None:
    killed = RELAX + positions(("Si", 0.0))[:-200]
    runs = read(tmp_path, killed + START + scf(-2.5) + insulator(-2.5) + FOOTER)
    assert [run.status for run in runs] == ["truncated", "finished"]


def test_a_run_that_has_just_begun_is_a_run(tmp_path: Path) -> None:
    runs = read(tmp_path, START + scf(-2.5) + insulator(-2.5) + FOOTER + ART)
    assert [(run.version, run.status) for run in runs] == [("21.11", "finished"), ("", "truncated")]


@pytest.mark.parametrize("damage", [("CASTEP version", "CASTEQ version"), ("Academic", "Acad\0mic")])
def test_two_runs_are_never_taken_for_one(damage: tuple[str, str], tmp_path: Path) -> None:
    second = START.replace(*damage)
    with pytest.raises(ParseError, match="banner"):
        read(tmp_path, START + FOOTER + second + scf(-2.5) + insulator(-2.5) + FOOTER)


@pytest.mark.parametrize(
    ("banner", "version", "build"),
    [
        (" | Welcome to Materials Studio CASTEP version 8.0  |", "8.0", "materials-studio"),
        (" | Materials Studio CASTEP version 2021 HF1 |", "2021 HF1", "materials-studio"),
        (" | Welcome to Academic Release CASTEP version 25.1 |", "25.1", "academic"),
    ],
)
def test_version(banner: str, version: str, build: str, tmp_path: Path) -> None:
    run = last(tmp_path, banner + "\r\n" + parameters())
    assert (run.version, run.build) == (version, build)


@pytest.mark.parametrize("content", [b"", b"GPAW\n", b"\x1f\x8b\x08\0\0", b"CASTEP version", b"\xff\xfe" * 50])
def test_not_a_castep_file(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="no CASTEP output"):
        read(tmp_path, content)


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "none.castep"):
        with pytest.raises(ParseError, match="cannot be read"):
            read_castep(file)


# --- energies ---------------------------------------------------------------------------------------------------------

DISPERSION = """\
Dispersion corrected final energy*, Ecor          =  -215.0     eV
Dispersion corrected final free energy* (Ecor-TS) =  -215.2     eV
NB dispersion corrected est. 0K energy* (Ecor-0.5TS) =  -215.1     eV
"""


@pytest.mark.parametrize(
    ("text", "energy_ev", "free_ev"),
    [
        (insulator(-214.54), -214.54, -214.54),
        (smeared(-214.54), -214.64, -214.74),
        (insulator(-214.54) + "Dispersion corrected final energy* =  -215.5 eV\n", -215.5, -215.5),
        (smeared(-214.54) + DISPERSION, -215.1, -215.2),
        ("Final energy =  -214.54eV\n", -214.54, -214.54),
        ("Final energy = -0.2145400000000E+003eV\n", -214.54, -214.54),
        ("Final energy = *****************     eV\n", None, None),
        (smeared(-214.54).replace("    -214.6400000000", "    ***************"), None, -214.74),
        (smeared(-214.54).replace("    -214.7400000000", "    ***************"), -214.64, None),
        (smeared(-214.54) + DISPERSION.replace("-215.1 ", "****** "), None, -215.2),
        (GIVEN_UP, None, None),
        (GIVEN_UP + "NB est. 0K energy (E-0.5TS)      =  -214.5 eV\n", None, None),
        (WARNING + smeared(-214.54), None, None),
    ],
)
def test_energy(text: str, energy_ev: float | None, free_ev: float | None, tmp_path: Path) -> None:
    run = last(tmp_path, START + scf(-214.54) + text + FOOTER)
    assert (run.energy_ev, run.free_energy_ev) == (
        pytest.approx(energy_ev, abs=1e-9) if energy_ev else None,
        pytest.approx(free_ev, abs=1e-9) if free_ev else None,
    )


def spin(total: str, absolute: str) -> str:
    """As MnO and iron were printed, with an exponent where the number is small."""
    return f"Integrated Spin Density     = {total:>15} hbar/2\nIntegrated |Spin Density|   = {absolute:>15} hbar/2\n"


def test_moments_are_those_of_the_same_scf_as_the_energy(tmp_path: Path) -> None:
    first = scf(-10.0) + spin("-0.966198E-14", "9.33733") + insulator(-10.0)
    (run,) = read(tmp_path, START + first)
    assert run.final is not None and run.final.moments is not None
    assert (run.final.moments.total_mub, run.final.moments.absolute_mub) == (-0.966198e-14, 9.33733)
    (lost,) = read(tmp_path, START + first.replace("9.33733", "*******"))
    assert lost.final is not None and lost.final.moments is None
    lower = scf(-9.0) + spin("7.0", "8.0") + insulator(-9.0)  # of an SCF of which this energy is none
    (without,) = read(tmp_path, START + lower.partition("Final")[0] + scf(-10.0) + insulator(-10.0))
    assert without.final is not None and without.final.moments is None


def test_an_unconverged_energy_is_kept_apart(tmp_path: Path) -> None:
    run = last(tmp_path, START + scf(-214.5) + GIVEN_UP + FOOTER)
    assert run.energies is not None and run.energies.unconverged_energy_ev == -214.5397998713
    assert (run.energies.final_energy_ev, run.frames[0].scf_converged) == (None, False)


@pytest.mark.parametrize(
    ("unit", "factor"), [("eV", 1.0), ("HARTREE", 27.211386245981), ("Ry", 13.6056931229905), ("meV", 1e-3)]
)
def test_the_unit_beside_an_energy_counts(unit: str, factor: float, tmp_path: Path) -> None:
    text = (START + scf(-2.0) + insulator(-2.0)).replace(" eV\n", f" {unit}\n").replace(": eV", f": {unit}")
    assert last(tmp_path, text).energy_ev == pytest.approx(-2.0 * factor, rel=1e-12)
    with pytest.raises(ParseError, match="not known"):
        read(tmp_path, text.replace(unit, "kayser"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (insulator(-214.54).replace("-214.54", "-2x4.54"), "an energy cannot be read"),
        (insulator(-214.54).replace("-214.54", "nan   "), "an energy cannot be read"),
        (insulator(-214.54).replace("-214.54", "-2_4.54"), "an energy cannot be read"),
        (insulator(-224.54), "last SCF cycle"),
        (smeared(-214.54).replace("NB est", "NB ezt") + forces(("Si", 1, "0.0"), ("Si", 2, "0.0")), "incomplete"),
        (smeared(-214.54).replace("-214.64", "-213.64") + forces(("Si", 1, "0.0"), ("Si", 2, "0.0")), "mean of E"),
        ("Calculating total energy with cut-off of  144.902 eV.\n" + insulator(-214.54), "cut-off"),
        ("Calculating total energy with cut-off of  2x4.902 eV.\n", "cut-off"),
    ],
)
def test_energies_that_cannot_be_right_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        read(tmp_path, START + scf(-214.54) + text + FOOTER)
    assert re.search(r"a\.castep:\d+$", caught.value.where)


def test_the_lower_cutoffs_of_a_finite_basis_correction_do_not_count(tmp_path: Path) -> None:
    part = "Calculating total energy with cut-off of  {:.3f} eV.\n"
    at = {234.902: -210.0, 239.902: -211.0, 244.902: -214.54}
    text = RELAX + "Calculating finite basis set correction with  3 cut-off energies.\n"
    text += "".join(part.format(cutoff) + scf(value) + insulator(value) for cutoff, value in at.items())
    cut = last(tmp_path, text.partition(part.format(244.902))[0])
    assert (cut.status, cut.energy_ev) == ("truncated", None)
    text += " For future reference: finite basis dEtot/dlog(Ecut) =     -37.515146eV\n"
    text += " Total energy corrected for finite basis set =  -214.546000 eV\n" + finished(0, -214.546)
    run = last(tmp_path, text)
    assert (run.energy_ev, run.finite_basis_de_dlnecut_ev, len(run.frames)) == (-214.54, -37.515146, 1)
    assert run.energies is not None and run.energies.finite_basis_corrected_energy_ev == -214.546
    with pytest.raises(ParseError, match="cut-off"):
        read(tmp_path, text.replace("Calculating finite", "Calcu!ating finite"))


SPARSE = START.replace(" plane wave basis set cut-off                   : 244.9020   eV\n", "")


def at_cutoffs(*cutoffs_ev: float, announced: int = 0, unit: str = "eV", scale: float = 1.0) -> str:
    """SCFs at each cut-off, the energy lower by its number in eV; those of a finite-basis correction are announced."""
    head = f"Calculating finite basis set correction with  {announced} cut-off energies.\n" if announced else ""
    parts = (
        f"Calculating total energy with cut-off of  {value / scale:.3f}{unit}.\n" + scf(-value) + insulator(-value)
        for value in cutoffs_ev
    )
    return head + "".join(parts)


@pytest.mark.parametrize(
    ("text", "cutoff_ev", "energy_ev"),
    [
        (at_cutoffs(190.48), 190.48, -190.48),
        (at_cutoffs(234.902, 239.902, 244.902, announced=3), 244.902, -244.902),
        (at_cutoffs(244.902, 239.902, 234.902, announced=3), 244.902, -244.902),
        (at_cutoffs(244.902, unit=" Ha", scale=27.211386), 244.902, -244.902),
        (at_cutoffs(234.902, 239.902, announced=3), None, None),
        (scf(-214.54) + insulator(-214.54), None, -214.54),
    ],
    ids=["one", "correction", "highest first", "hartree", "cut within the correction", "none printed"],
)
def test_a_log_without_the_setting_has_the_cutoff_of_its_scf(
    text: str, cutoff_ev: float | None, energy_ev: float | None, tmp_path: Path
) -> None:
    """Three decimals of a Hartree are 0.014 eV."""
    assert SPARSE != START
    run = last(tmp_path, SPARSE + text)
    assert run.setup.cutoff_ev == (None if cutoff_ev is None else pytest.approx(cutoff_ev, abs=0.02))
    assert run.energy_ev == energy_ev
    method = castep_method(run)
    assert method is not None and method.cutoff_ev == run.setup.cutoff_ev


def test_the_setting_counts_where_it_is_printed_and_contradictions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match=r"cut-off of 190.48 eV, and the run is at 244.902 eV"):
        read(tmp_path, START + at_cutoffs(190.48))
    with pytest.raises(ParseError, match=r"cut-off of 200.0 eV, and the run is at 244.902 eV"):
        read(tmp_path, SPARSE + at_cutoffs(200.0) + at_cutoffs(244.902))
    with pytest.raises(ParseError, match="'Qy', which is not known"):
        read(tmp_path, SPARSE + at_cutoffs(244.902, unit=" Qy"))


# --- the supercell of a phonon run ------------------------------------------------------------------------------------

PHONON = "phonon calculation"
PRIMITIVE = [("Si", 0.0), ("Si", 0.5)]
EIGHTFOLD = [("Si", number / 16) for number in range(16)]
SOLVED = scf(-214.54) + insulator(-214.54) + forces(("Si", 1, "0.10000"), ("Si", 2, "-0.10000"))
DISPLACED = (
    scf(-1716.0)
    + insulator(-1716.0)
    + " For future reference: finite basis dEtot/dlog(Ecut) =    -300.000000eV\n"
    + forces(*(("Si", number + 1, "0.70000") for number in range(16)))
    + stress(9.0)
)


def contents(atoms: list[tuple[str, float]], edge_ang: float | None = 5.0, *, count: bool = True) -> str:
    """Lattice, number of ions and atoms as CASTEP prints them; without what is None or False."""
    lattice = "" if edge_ang is None else cell(edge_ang)
    number = f"                         Total number of ions in cell = {len(atoms):4d}\n" if count else ""
    return lattice + number + positions(*atoms)


@pytest.mark.parametrize(
    "text",
    [
        SOLVED + contents(EIGHTFOLD, 10.0) + DISPLACED,
        SOLVED + contents(EIGHTFOLD, 10.0, count=False) + DISPLACED,
        SOLVED + contents(EIGHTFOLD, None) + DISPLACED,
        contents(EIGHTFOLD, 10.0) + DISPLACED + contents(PRIMITIVE) + SOLVED,
        contents(EIGHTFOLD, 10.0) + DISPLACED + contents(PRIMITIVE, None, count=False) + SOLVED,
        SOLVED + 2 * (contents(EIGHTFOLD, 10.0) + DISPLACED + contents(PRIMITIVE)),
    ],
    ids=["behind", "count not printed", "lattice not printed", "before", "before, atoms alone", "twice"],
)
def test_what_is_of_the_supercell_is_none_of_the_run_s_own(text: str, tmp_path: Path) -> None:
    """2x2x2 cells of 2 atoms: 16 atoms in a cell of twice the edge."""
    run = last(tmp_path, BANNER + parameters(PHONON) + contents(PRIMITIVE) + text + FOOTER)
    assert (run.status, run.energy_ev, run.finite_basis_de_dlnecut_ev) == ("finished", -214.54, None)
    (frame,) = run.frames
    assert frame is run.final and frame.stress_gpa is None
    np.testing.assert_allclose(frame.cell_ang, 5 * np.eye(3))
    assert frame.species == ("Si", "Si") and frame.forces_ev_per_ang is not None
    np.testing.assert_allclose(frame.forces_ev_per_ang[:, 0], [0.1, -0.1])


@pytest.mark.parametrize(
    ("task", "text", "message"),
    [
        (PHONON, contents(EIGHTFOLD[:15], 10.0, count=False), "15 atoms are listed of 16 in the supercell"),
        (PHONON, contents(EIGHTFOLD[:15], 10.0), "two runs stand behind one banner"),
        (PHONON, contents(PRIMITIVE), "two runs stand behind one banner"),
        (PHONON, contents(EIGHTFOLD, 9.0, count=False), "16 atoms are listed of 2 in the cell"),
        (PHONON, contents([("Si", 0.0), ("C", 0.5)] * 8, 10.0), "16 atoms are listed of"),
        (GEOMETRY, contents(EIGHTFOLD, 10.0), "two runs stand behind one banner"),
        (GEOMETRY, contents(EIGHTFOLD, 10.0, count=False), "16 atoms are listed of 2 in the cell"),
    ],
)
def test_another_cell_that_is_no_supercell_is_refused(task: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ParseError, match=message):
        read(tmp_path, BANNER + parameters(task) + contents(PRIMITIVE) + SOLVED + text + FOOTER)


def test_an_energy_of_the_supercell_alone_is_no_energy(tmp_path: Path) -> None:
    run = last(tmp_path, BANNER + parameters(PHONON) + contents(PRIMITIVE) + contents(EIGHTFOLD, 10.0) + DISPLACED)
    assert (run.status, run.energy_ev, run.energies) == ("truncated", None, None)


# --- frames -----------------------------------------------------------------------------------------------------------


def moved(x: float, energy_ev: float, **steps_ev: float) -> str:
    """A trial geometry of a line search, and the table that follows it."""
    return positions(("Si", 0.0), ("Si", x)) + scf(energy_ev) + insulator(energy_ev) + searched(**steps_ev)


SEARCH = moved(0.6, -215.0, trial=-215.0) + moved(0.7, -216.0, trial=-215.0, line=-216.0)


def test_the_accepted_geometry_is_the_one_with_the_enthalpy_of_the_iteration(tmp_path: Path) -> None:
    ends = {-215.0: 0.6, -216.0: 0.7, -214.54: 0.5}
    for enthalpy_ev, x in ends.items():
        run = last(tmp_path, RELAX + STEP_0 + SEARCH + finished(1, enthalpy_ev))
        assert run.final is not None and run.final.positions_frac[1, 0] == x
        assert (run.energy_ev, run.iteration, run.final.iteration) == (enthalpy_ev, 1, 1)
        assert [frame.iteration for frame in run.steps] == [0, 1]


def test_a_run_that_ends_in_a_line_search_gives_the_last_finished_iteration(tmp_path: Path) -> None:
    run = last(tmp_path, RELAX + STEP_0 + SEARCH)
    assert (run.status, run.energy_ev, run.iteration, len(run.frames)) == ("truncated", -214.54, 0, 3)
    assert [frame.energy_ev for frame in run.frames] == [-214.54, -215.0, -216.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SEARCH + finished(1, -217.0), "no geometry above this line has the enthalpy"),
        (SEARCH + finished(2, -216.0), "iteration 2 follows iteration 0"),
        (SEARCH + finished(1, -216.0).replace("-2.16", "-2.x6"), "an iteration cannot be read"),
        (SEARCH.replace(" -216.000000 |", " -216.0000x0 |"), "line search cannot be read"),
        (SEARCH.replace("Fractional", "Fractionel") + finished(1, -216.0), "the heading of a geometry cannot be read"),
        (finished(0, -214.54).replace("dE/ion", "dE/iom"), "convergence test cannot be read"),
    ],
    ids=["enthalpy", "number", "iteration", "line search", "geometry", "test"],
)
def test_iterations_that_cannot_be_right_are_refused(text: str, message: str, tmp_path: Path) -> None:
    start = RELAX + (scf(-214.54) + insulator(-214.54) if text.startswith(" BFGS") else STEP_0)
    with pytest.raises(ParseError, match=message):
        read(tmp_path, start + text)


def test_convergence_tests(tmp_path: Path) -> None:
    run = last(tmp_path, RELAX + STEP_0.replace("GPa", "MPa"))
    frame = run.frames[0]
    found = {test.quantity: (test.value, test.tolerance, test.passed) for test in frame.tests}
    assert found == {
        "energy": (3.207905e-2, 2e-5, False),
        "force": (1.5e-2, 5e-2, True),
        "displacement": (None, 1e-3, False),
        "stress": (pytest.approx(1.172854e-3), pytest.approx(1e-4), False),
    }


def test_the_final_configuration_is_the_end_of_the_run(tmp_path: Path) -> None:
    end = " BFGS: Final Configuration:\n"
    text = RELAX + STEP_0 + SEARCH + finished(1, -216.0) + DONE + end
    same = last(tmp_path, text + positions(("Si", 0.0), ("Si", 0.7)) + " BFGS: Final Enthalpy     = -2.16E+002 eV\n")
    assert same.final is same.steps[-1] and same.final_enthalpy_ev == -216.0
    other = last(tmp_path, text + positions(("Si", 0.0), ("Si", 0.8)))
    assert other.final is other.frames[-1] and other.final.energy_ev is None
    assert (other.final.positions_frac[1, 0], other.energy_ev) == (0.8, -216.0)


def test_dynamics_of_geometries_that_are_not_printed(tmp_path: Path) -> None:
    first = scf(-214.54) + insulator(-214.54)
    box = forces(("Si", 1, "0.1"), ("Si", 2, "-0.1"))
    start = BANNER + parameters(MD) + cell() + positions(("Si", 0.0), ("Si", 0.5)) + first
    hidden = "  Starting MD iteration          1 ...\n" + box + " ... finished MD iteration          1\n"
    run = last(tmp_path, start + hidden + FOOTER)
    assert (run.status, run.iteration, len(run.frames), run.energy_ev) == ("finished", 1, 1, -214.54)
    assert run.frames[0].forces_ev_per_ang is None
    shown = hidden.replace("...\n", "...\n" + positions(("Si", 0.1), ("Si", 0.6)) + scf(-214.6) + insulator(-214.6), 1)
    run = last(tmp_path, start + shown + FOOTER)
    assert [(frame.iteration, frame.energy_ev) for frame in run.frames] == [(0, -214.54), (1, -214.6)]
    assert run.frames[1].forces_ev_per_ang is not None and run.energy_ev == -214.6


def test_a_second_calculation_on_the_same_geometry_does_not_count(tmp_path: Path) -> None:
    start = START.replace(SINGLE, "transition state search")
    product = positions(("Si", 0.0), ("Si", 0.9))
    run = last(tmp_path, start + product + scf(-2.0) + insulator(-2.0) + scf(-3.0) + insulator(-3.0) + FOOTER)
    assert (run.energy_ev, len(run.frames), run.frames[0].positions_frac[1, 0]) == (-2.0, 1, 0.5)


def test_the_forces_the_minimiser_used_and_the_stress_without_constraints(tmp_path: Path) -> None:
    free = forces(("Si", 1, "0.5"), ("Si", 2, "-0.5"), heading="Unconstrained Forces")
    fixed = forces(("Si", 1, "0.00000(cons'd)"), ("Si", 2, "-0.25"), heading="Constrained Forces")
    boxes = free + fixed + stress(1.5) + stress(9.0, "Constrained Stress Tensor")
    frame = last(tmp_path, START + scf(-2.0) + insulator(-2.0) + boxes + FOOTER).frames[0]
    assert frame.forces_ev_per_ang is not None and frame.stress_gpa is not None
    np.testing.assert_array_equal(frame.forces_ev_per_ang, [[0, 0, -0.25], [-0.25, 0, -0.25]])
    np.testing.assert_array_equal(frame.stress_gpa, [[1.5, 0.1, 0], [0.1, 0, 0], [0, 0, 0]])
    only = last(tmp_path, START + scf(-2.0) + insulator(-2.0) + free + FOOTER).frames[0]
    assert only.forces_ev_per_ang is not None and only.forces_ev_per_ang[0, 0] == 0.5


# --- set-up -----------------------------------------------------------------------------------------------------------


def test_setup(tmp_path: Path) -> None:
    species = "\n                          Files used for pseudopotentials:\n"
    species += f"{'':34}  Si 3|1.8|5|6|7|30:31:32\n{'':34}  Ti:ext Ti_00.usp\n\n"
    kpoints = "   MP grid size for SCF calculation is  4  4  3\n    with an offset of   0.000  0.125  0.000\n"
    kpoints += "   Number of kpoints used =            10\n"
    more = {
        "DFT+D: Semi-empirical dispersion correction": "on",
        "SEDC with": "G06 correction scheme",
        "smearing scheme": "Gaussian",
        "smearing width": "0.1000       eV",
        "spin-orbit coupling": "on",
        "optimization method": "damped MD",
    }
    text = " Fundamental constants values: CODATA 2014\n" + parameters(GEOMETRY, **more) + cell() + species + kpoints
    text = text.replace("non-metallic,", "metallic with density mixing treatment of electrons,")
    setup = last(tmp_path, BANNER + text.replace("non-spin-polarized", "non-collinear spin")).setup
    assert (setup.task, setup.functional, setup.dispersion) == (GEOMETRY, "Perdew Burke Ernzerhof", "G06")
    assert (setup.cutoff_ev, setup.codata, setup.n_electrons, setup.n_bands) == (244.902, 2014, 8.0, 11)
    assert (setup.spin, setup.spin_polarised, setup.spin_orbit) == ("non-collinear", True, True)
    assert (setup.fixed_occupancy, setup.smearing_scheme, setup.smearing_width_ev) == (False, "Gaussian", 0.1)
    assert (setup.dipole_correction, setup.n_kpoints, setup.geometry_method) == ("NONE", 10, "damped MD")
    assert setup.kpoint_grid is not None
    assert (setup.kpoint_grid.divisions, setup.kpoint_grid.offset) == ((4, 4, 3), (0.0, 0.125, 0.0))
    assert setup.potentials == {"Si": "3|1.8|5|6|7|30:31:32", "Ti:ext": "Ti_00.usp"}


@pytest.mark.parametrize(
    ("grid", "offset", "shift"),
    [
        ("4  4  3", "0.000  0.000  0.000", (0.5, 0.5, 0.0)),
        ("4  4  3", "0.000  0.125  0.000", (0.5, 0.0, 0.0)),
        ("6  6  6", "0.083  0.083  0.083", (0.0, 0.0, 0.0)),  # 1/12, of which three decimals are printed
        ("12 12 12", "0.042 -0.042  0.042", (0.0, 0.0, 0.0)),  # 1/24
        ("13  3  1", "0.038  0.167  0.500", (0.5, 0.5, 0.5)),
        ("3  4  5", "0.100  0.030  0.200", (0.3, 0.62, 0.0)),
        ("1  1  1", "0.250 -0.250  0.000", (0.25, 0.75, 0.0)),
    ],
)
def test_where_the_grid_stands(grid: str, offset: str, shift: tuple[float, ...], tmp_path: Path) -> None:
    """Half a step for an even number of points (Monkhorst-Pack), then the offset times the number of steps."""
    text = f"   MP grid size for SCF calculation is {grid}\n    with an offset of   {offset}\n"
    method = castep_method(last(tmp_path, START.replace(cell(), cell() + text)))
    assert method.kpoints_shift is not None
    away = np.array(method.kpoints_shift) - shift
    np.testing.assert_allclose(away, np.round(away), atol=1e-6)
    assert all(0 <= step < 1 for step in method.kpoints_shift)


def test_without_a_printed_offset_the_shift_is_not_told(tmp_path: Path) -> None:
    text = "   MP grid size for SCF calculation is  4  4  3\n"
    method = castep_method(last(tmp_path, START.replace(cell(), cell() + text)))
    assert (method.kpoints_grid, method.kpoints_shift) == ((4, 4, 3), None)
    assert castep_method(last(tmp_path, BANNER)).kpoints_shift is None


def test_what_is_not_printed_is_none(tmp_path: Path) -> None:
    setup = last(tmp_path, BANNER).setup
    assert (setup.task, setup.cutoff_ev, setup.spin, setup.spin_orbit, setup.kpoint_grid) == (None,) * 5


def test_warnings_once_each(tmp_path: Path) -> None:
    text = " Warning: no empty bands\n WARNING - small   cell\n Warning: no empty bands\n"
    count = "  *** There were at least     1 warnings during this run ***\n"
    assert last(tmp_path, START + text + count).warnings == ("Warning: no empty bands", "WARNING - small cell")


def test_structure_with_named_species_and_mixtures(tmp_path: Path) -> None:
    atoms = positions(("Ca", 0.1), ("Ti:ext", 0.5), ("Sr", 0.1))
    table = """\
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        x  Mixture   Fractional coordinates of atoms  Components  Weights  x
        x   atoms       u          v          w                            x
        x------------------------------------------------------------------x
        x    1        0.100000   0.250000  -0.500000   Ca        0.700000  x
        x                                              Sr        0.300000  x
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
"""
    run = last(tmp_path, BANNER + parameters() + cell() + atoms + table)
    assert run.final is not None and run.final.weights == (0.7, 1.0, 0.3)
    structure = run.structure()
    assert structure is not None
    assert [site.species.as_dict() for site in structure] == [{"Ca": 0.7, "Sr": 0.3}, {"Ti": 1.0}]
    with pytest.raises(ParseError, match="no such atom"):
        read(tmp_path, BANNER + parameters() + cell() + atoms + table.replace("Sr ", "Ba "))


def mixed(x: float, calcium: float) -> str:
    """A site of Ca and Sr at `x`, and Ti at rest; the table of the mixture stands behind that of the atoms."""
    rule = f"        {'x' * 68}\n"
    table = (
        "        x  Mixture   Fractional coordinates of atoms  Components  Weights  x\n"
        "        x   atoms       u          v          w                            x\n"
        "        x------------------------------------------------------------------x\n"
        f"        x    1     {x:11.6f}   0.250000  -0.500000   Ca     {calcium:11.6f}  x\n"
        f"        x                                              Sr     {1 - calcium:11.6f}  x\n"
    )
    return positions(("Ca", x), ("Ti", 0.5), ("Sr", x)) + "  \n" + rule + table + rule


@pytest.mark.parametrize("table_of_each", [True, False])
def test_every_geometry_of_a_relaxation_has_its_mixture(table_of_each: bool, tmp_path: Path) -> None:
    steps = [(0.1, -214.0, 0.7), (0.11, -215.0, 0.7), (0.12, -216.0, 0.6 if table_of_each else 0.7)]
    text = BANNER + parameters(GEOMETRY) + cell()
    for number, (x, energy_ev, calcium) in enumerate(steps):
        plain = positions(("Ca", x), ("Ti", 0.5), ("Sr", x))
        geometry = mixed(x, calcium) if table_of_each or not number else plain
        text += geometry + scf(energy_ev) + insulator(energy_ev) + finished(number, energy_ev)
    run = last(tmp_path, text + DONE + FOOTER)
    found = [(frame.positions_frac[0, 0], frame.weights) for frame in run.frames]
    assert found == [(x, pytest.approx((calcium, 1.0, 1 - calcium))) for x, _, calcium in steps]
    structure = run.structure()
    assert structure is not None and len(structure) == 2
    assert structure[0].species.as_dict() == pytest.approx({"Ca": steps[-1][2], "Sr": 1 - steps[-1][2]})
    assert structure[0].frac_coords[0] == pytest.approx(0.12)
    with pytest.raises(ParseError, match="no such atom"):
        read(tmp_path, text.replace("x    1        0.1", "x    1        0.4"))


def test_where_a_run_is(tmp_path: Path) -> None:
    run = last(tmp_path, RELAX + STEP_0 + positions(("Si", 0.0), ("Si", 0.7)) + scf(-214.5, 12).rpartition(RULE)[0])
    assert (run.iteration, run.scf_cycle) == (0, 12)


def test_crlf_latin1_and_blank_lines_of_materials_studio(tmp_path: Path) -> None:
    text = RELAX + STEP_0 + SEARCH + finished(1, -216.0) + DONE + FOOTER
    plain = last(tmp_path, text)
    title = text.replace(" Run started", " Åé µ title\n Run started").replace("\n\n", "\n \n").replace("\n", "\r\n")
    other = last(tmp_path, title.encode("latin-1"))
    assert (other.status, other.energy_ev) == (plain.status, plain.energy_ev)
    for one, two in zip(plain.frames, other.frames, strict=True):
        np.testing.assert_array_equal(one.positions_frac, two.positions_frac)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    atoms=st.lists(st.tuples(st.sampled_from(["H", "Si", "Ti:ext", "O 1"]), st.integers(-(10**6), 10**6)), min_size=1)
)
def test_positions_round_trip(atoms: list[tuple[str, int]], tmp_path: Path) -> None:
    text = positions(*((name, micro / 1e6) for name, micro in atoms))
    frame = last(tmp_path, BANNER + parameters() + cell(4.25) + text).frames[0]
    assert frame.species == tuple(name for name, _ in atoms)
    assert frame.positions_frac[:, 0].tolist() == [micro / 1e6 for _, micro in atoms]
    assert frame.cell_ang.tolist() == [[4.25, 0, 0], [0, 4.25, 0], [0, 0, 4.25]]


WHOLE = (RELAX + STEP_0 + SEARCH + finished(1, -216.0) + stress(1.0) + DONE + FOOTER).encode()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(WHOLE) - 1), new=st.binary(max_size=12), gone=st.integers(0, 40))
def test_damage_is_read_or_refused(place: int, new: bytes, gone: int, tmp_path: Path) -> None:
    try:
        runs = read(tmp_path, WHOLE[:place] + new + WHOLE[place + gone :])
    except ParseError:
        return
    assert all(frame.positions_frac.shape == (len(frame.species), 3) for run in runs for frame in run.frames)


# --- published files: each against what it prints about itself, found line by line ------------------------------------

PUBLISHED = [
    ("aplowman+castep-parse/tests/castep_files/GO_cell.castep", "finished", -20725.56856902),
    ("aplowman+castep-parse/tests/castep_files/GO_max_geom.castep", "geom_not_converged", -20725.18944183),
    ("zhubonan+aiida-castep/tests/data/Si-quickstart/aiida.castep", "finished", -337.9095600890),
    ("zhubonan+aiida-castep/tests/data/Si-geom-stress/aiida.castep", "geom_not_converged", -216.0333740979),
    ("nomad-coe+electronic-parsers/tests/data/castep/Dispersions/Si2_G06.castep", "finished", -215.1981481237),
    ("nomad-coe+electronic-parsers/tests/data/castep/Dispersions/Si2.castep", "finished", -215.4344494785),
    ("nomad-coe+electronic-parsers/tests/data/castep/h2-lst.castep", "finished", -32.02904358775),
    ("nomad-coe+electronic-parsers/tests/data/castep/TiO2-geom.castep", "finished", -2293.737752256),
    ("TonyWu20+castepbin-rust/Si2.castep", "finished", -338.0094041979),
    ("ml-evs+matador/tests/data/castep_files/TiO2_unconverged-MP-10101.castep", "truncated", -12479.96863346),
    ("ml-evs+matador/tests/data/castep_files/Na-edgecase-CollCode10101.castep", "finished", -1304.228362769),
    ("ml-evs+matador/tests/data/symmetry_failure/files_to_cp/Sb.castep", "truncated", None),
    ("oerc0122+castep_outputs/test/data_files/pp-md.castep", "finished", -0.9151337939619e-5),
    ("oerc0122+castep_outputs/test/data_files/test.castep", "truncated", None),
]
TRIMMED = "oerc0122+castep_outputs/docs/source/example_data/pair-pot-lj.castep"  # 5 of its 100 atoms are left


@pytest.mark.parametrize(("name", "status", "energy_ev"), PUBLISHED)
def test_published_file(name: str, status: str, energy_ev: float | None, castep_data: Path) -> None:
    run = read_castep(castep_data / name)[-1]
    assert (run.status, run.energy_ev) == (status, energy_ev)


def test_a_published_file_with_atoms_cut_out_is_refused(castep_data: Path) -> None:
    with pytest.raises(ParseError, match="5 atoms are listed of 100"):
        read_castep(castep_data / TRIMMED)


def whole_files(folder: Path) -> list[Path]:
    files = [file for file in sorted(folder.rglob("*.castep")) if not str(file).endswith(TRIMMED)]
    assert len(files) > 40
    return files


def texts_and_runs(folder: Path) -> list[tuple[str, CastepRun]]:
    found = []
    for file in whole_files(folder):
        texts = re.split(r"(?=^.*CASTEP version)", file.read_text("latin-1"), flags=re.MULTILINE)[1:]
        found += list(zip(texts, read_castep(file), strict=True))
    return found


def in_file_order(run: CastepRun) -> list[CastepFrame]:
    """The frames without those that stand again because an iteration went back to them."""
    return list({frame.line: frame for frame in run.frames}.values())


def printed(pattern: str, text: str) -> list[float]:
    return [float(number) for number in re.findall(pattern, text, re.MULTILINE)]


def is_within(part: list[float], all_of: list[float], tolerance: float) -> bool:
    """Whether `part` comes in `all_of` in this order, with others between."""
    rest = iter(all_of)
    return all(any(abs(one - other) <= tolerance for other in rest) for one in part)


def test_statuses_follow_the_footer_and_the_verdict(castep_data: Path) -> None:
    for text, run in texts_and_runs(castep_data):
        if "\nTotal time          =" not in text:
            assert run.status == "truncated"
        elif "failed to converge" in text:
            assert run.status == "geom_not_converged"
        else:
            assert run.status == "finished"
            assert run.wall_time_s == printed(r"^Total time +=\s*([\d.]+) s", text)[-1]


def test_frames_have_the_printed_energies(castep_data: Path) -> None:
    count = 0
    for text, run in texts_and_runs(castep_data):
        final = printed(r"^Final energy[^=]*= *([-+.\dE]+?) *eV", text)
        own = [f.energies.final_energy_ev for f in in_file_order(run) if f.energies and f.energies.final_energy_ev]
        if "finite basis set correction with" in text:
            final = final[2:]  # the first two are at lower cut-offs
        if "transition state" not in text:
            assert own == final
        assert is_within(own, final, 0)
        zero = printed(r"^NB est\. 0K energy \(E-0\.5TS\) {6}= *([-\d.]+) +eV\n", text.partition("SCF loop")[2])
        own = [
            f.energies.zero_kelvin_energy_ev
            for f in in_file_order(run)
            if f.energies and f.energies.zero_kelvin_energy_ev
        ]
        assert is_within(own, zero, 0)
        count += len(run.frames)
    assert count > 600


def test_frames_have_the_printed_moments(castep_data: Path) -> None:
    with_moments = 0
    for text, run in texts_and_runs(castep_data):
        frames = [frame.moments for frame in in_file_order(run) if frame.moments is not None]
        for heading, own in (
            (r"Integrated Spin Density", [moments.total_mub for moments in frames]),
            (r"Integrated \|Spin Density\|", [moments.absolute_mub for moments in frames]),
        ):
            assert is_within(own, printed(rf"^{heading} += *(\S+) +hbar/2", text), 0)
        spin = run.setup.spin == "collinear"
        done = [frame for frame in run.frames if frame.energies and frame.energies.final_energy_ev]
        assert all((frame.moments is not None) == spin for frame in done), text[:80]
        with_moments += len(frames)
    assert with_moments > 20


def test_every_finished_iteration_is_a_step(castep_data: Path) -> None:
    for text, run in texts_and_runs(castep_data):
        enthalpies = printed(r": finished iteration .*(?:enthalpy|energy)= *(\S+) eV", text)
        if run.setup.is_geometry_run:
            assert [f.iteration for f in run.steps] == list(range(len(enthalpies)))
            assert [f.enthalpy_ev for f in run.steps] == pytest.approx(enthalpies, rel=2e-8)
            verdicts = re.findall(r"\| (Yes|No ) \| <--", text)
            assert ["Yes" if test.passed else "No " for f in run.steps for test in f.tests] == verdicts


def test_cells_have_the_printed_volume_and_positions_come_in_order(castep_data: Path) -> None:
    for text, run in texts_and_runs(castep_data):
        volumes = printed(r"Current cell volume = *([\d.]+)", text)
        own = [float(abs(np.linalg.det(f.cell_ang))) for f in in_file_order(run)]
        distinct = [v for n, v in enumerate(own) if n == 0 or v != own[n - 1]]
        assert is_within(distinct, volumes, 2e-4)
        rows = re.findall(r"^ +x +[A-Z]\S* +\d+ +(\S+) +(\S+) +(\S+) +x *$", text, re.MULTILINE)
        sums = [float(u) + 2 * float(v) + 3 * float(w) for u, v, w in rows]
        changed = {id(frame.positions_frac): frame.positions_frac for frame in in_file_order(run)}
        assert is_within([value for array in changed.values() for value in (array @ [1, 2, 3]).tolist()], sums, 1e-12)


def test_forces_and_stress_are_those_printed(castep_data: Path) -> None:
    n_forces = n_stress = 0
    for text, run in texts_and_runs(castep_data):
        boxes = re.findall(r"Forces \*+\n(.*?)\n \*{20,}", text, re.DOTALL)
        rows = [[line.split()[3:6] for line in box.splitlines() if len(line.split()) == 7] for box in boxes]
        largest = [max(float(value) for row in box for value in row) for box in rows]
        own = [float(f.forces_ev_per_ang.max()) for f in in_file_order(run) if f.forces_ev_per_ang is not None]
        assert is_within(own, largest, 0)
        pressures = printed(r"\*  Pressure: *([-\d.]+)", text)
        stresses = [float(-np.trace(f.stress_gpa) / 3) for f in in_file_order(run) if f.stress_gpa is not None]
        assert is_within(stresses, pressures, 1e-4)
        n_forces, n_stress = n_forces + len(own), n_stress + len(stresses)
    assert (n_forces, n_stress) > (400, 400)


def test_published_files_cut_anywhere_are_never_finished(castep_data: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    for file in whole_files(castep_data):
        content = file.read_bytes()
        begin, end = content.rfind(b"CASTEP version"), content.rfind(b"\nTotal time          =")
        if not begin < end:
            continue
        for _ in range(5):
            cut = last(tmp_path, content[: chance.randrange(begin + 40, end)])
            assert cut.status in ("truncated", "geom_not_converged")


def test_published_structures(castep_data: Path) -> None:
    for file in whole_files(castep_data):
        run = read_castep(file)[-1]
        structure = run.structure()
        if run.final is not None:
            assert structure is not None and len(structure) == len(run.final.species)
            assert "".join(site.specie.symbol for site in structure) == "".join(run.final.symbols)
