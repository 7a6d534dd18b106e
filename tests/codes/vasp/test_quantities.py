"""What costs what: numbers that VASP could not print, runs without an energy, files that end early."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from vasp_files import Run, locpot, outcar

from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.cli.main import main
from dftflow.codes.base import Reading
from dftflow.codes.vasp import VASP
from dftflow.gate.calculation import sound
from dftflow.model.check import Part
from dftflow.model.results import Results

GRID = np.arange(24.0).reshape(2, 3, 4)
FORCE, STRESS = "      0.01000000 </v>", "     12.00000000 "
ENERGY, CYCLE = '<i name="e_0_energy">    -10.40000000 </i>\n  </energy>', "    -10.40000000 </i>\n   </energy>"
FERMI = '<i name="efermi">      1.40000000 </i>'


def reading(folder: Path, text: str, **others: str) -> Reading:
    for name, content in {"vasprun.xml": text, **others}.items():
        (folder / name).write_bytes(content.encode("latin-1"))
    (calculation,) = VASP().find(folder)
    return VASP().read(calculation)


def read(folder: Path, text: str, **others: str) -> Results:
    found = reading(folder, text, **others)
    assert [file.error for file in found.files if file.error] == [] and found.results is not None
    return found.results


def gap_ev(results: Results) -> float | None:
    edges = calculation_levels(results).edges
    return None if edges is None else edges.band_gap_ev


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("forces", FORCE, "             NaN </v>"),
        ("forces", FORCE, "            -NaN </v>"),
        ("forces", FORCE, "  ************** </v>"),
        ("stress", STRESS, "             NaN "),
        ("stress", STRESS, " *************** "),
        ("energy", CYCLE, "    ************ </i>\n   </energy>"),
        ("fermi", FERMI, '<i name="efermi">             NaN </i>'),
        ("bands", "<r>   -5.0000", "<r> *********"),
    ],
)
def test_a_number_that_was_not_printed_costs_its_quantity_alone(part: Part, old: str, new: str, tmp_path: Path) -> None:
    text = Run().xml()
    assert old in text
    results = read(tmp_path, text.replace(old, new))
    judged = sound(results)
    assert judged.refused_parts == (part,) and ("NaN" in judged.why_without(part) or "*" in judged.why_without(part))
    here = {
        "forces": results.forces_ev_per_ang,
        "stress": results.stress_gpa,
        "energy": results.energy_ev,
        "bands": results.bands,
    }
    for name, value in here.items():
        assert (value is None) == (name == part), name
    if part != "bands":
        assert gap_ev(results) == pytest.approx(1.4)


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("forces", FORCE, "        0.0100-100 </v>"),
        ("forces", FORCE, "             1_0 </v>"),
        ("stress", STRESS, "        18.0.0 "),
        ("energy", CYCLE, "       -10.4x000 </i>\n   </energy>"),
        ("energy", CYCLE, "            1e30 </i>\n   </energy>"),
        ("fermi", FERMI, '<i name="efermi">       1.000-100 </i>'),
        ("bands", "<r>   -5.0000", "<r>1.0000-100"),
        ("bands", "<r>   -5.0000", "<r>     1_0.0"),
        ("bands", "<r>   -5.0000", "<r> 1000-5.00 2.0"),
    ],
)
def test_what_is_no_number_costs_its_quantity_alone(part: Part, old: str, new: str, tmp_path: Path) -> None:
    """Fortran leaves out the E before an exponent of three digits; and files are damaged."""
    text = Run().xml()
    assert old in text
    judged = sound(read(tmp_path, text.replace(old, new)))
    assert judged.refused_parts == (part,)


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (
            '<i name="efermi"> ************ </i>',
            "the Fermi level that was printed cannot be read: the highest occupied",
        ),
        ('<i name="other">   1.0000 </i>', "no Fermi level was printed: the highest occupied"),
    ],
)
def test_a_fermi_level_that_cannot_be_read_was_printed(level: str, said: str, tmp_path: Path) -> None:
    warnings = read(tmp_path, Run().xml().replace(FERMI, level)).warnings
    (one,) = [warning for warning in warnings if "Fermi level" in warning]
    assert one.startswith(said)


def test_it_is_said_and_makes_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vasprun.xml").write_text(Run().xml().replace(FORCE, "             NaN </v>"))
    assert main(["parse", str(tmp_path)]) == 6
    out, err = capsys.readouterr()
    assert "forces         REFUSED: 1 of 2 rows of the forces hold no numbers" in out
    assert "1.4000 eV, indirect" in out
    assert "1 part of the results was refused" in err


# --- runs without an energy ---------------------------------------------------------------------------------------


def without_energy(text: str) -> str:
    start = text.index("  <energy>\n    <i", text.index('name="stress"'))
    return text[:start] + text[text.index("</energy>", start) + len("</energy>\n") :]


@pytest.mark.parametrize("algorithm", ["GW0", "EVGW0R", "G0W0", "BSE", "ACFDTR"])
def test_a_run_beyond_the_ground_state_keeps_its_eigenvalues(algorithm: str, tmp_path: Path) -> None:
    run = Run(incar={"ALGO": f"string:{algorithm}"}, parameters={"GGA": "string:PE"})
    for text in (run.xml(), without_energy(run.xml())):
        results = read(tmp_path, text)
        assert gap_ev(results) == pytest.approx(1.4)
        assert results.energy_ev is results.free_energy_ev is results.forces_ev_per_ang is results.stress_gpa is None
        assert results.method is not None and results.method.functional == f"{algorithm} on PBE"
        assert any("quasiparticles" in line for line in results.warnings) and not results.lost


def test_a_response_without_an_energy_keeps_its_eigenvalues(tmp_path: Path) -> None:
    results = read(tmp_path, without_energy(Run(parameters={"LEPSILON": "logical:T"}).xml()))
    assert gap_ev(results) == pytest.approx(1.4) and results.energy_ev is None and results.status == "finished"


@pytest.mark.parametrize("tag", ["MBJ", "mbj", "LMBJ"])
def test_mbj_has_no_energy_forces_or_stress(tag: str, tmp_path: Path) -> None:
    results = read(tmp_path, Run(parameters={"METAGGA": f"string:{tag}"}).xml())
    assert gap_ev(results) == pytest.approx(1.4)
    assert results.energy_ev is results.free_energy_ev is results.forces_ev_per_ang is results.stress_gpa is None
    assert any("potential of which there is no energy" in line for line in results.warnings)


def test_scan_has_them(tmp_path: Path) -> None:
    assert read(tmp_path, Run(parameters={"METAGGA": "string:SCAN"}).xml()).energy_ev == -10.4


# --- KPOINTS_OPT --------------------------------------------------------------------------------------------------


def with_further(text: str, rows: str, kind: str = "listgenerated") -> str:
    """Three points from Γ to X of which the last has the edges; as VASP 6.3 writes it, behind the density of states."""
    points = "".join(f"     <v> {x:.8f} 0.00000000 0.00000000 </v>\n" for x in (0, 0.25, 0.5))
    block = (
        '  <eigenvalues_kpoints_opt comment="kpoints_opt">\n   <kpoints>\n'
        f'    <generation param="{kind}"></generation>\n'
        f'    <varray name="kpointlist">\n{points}    </varray>\n   </kpoints>\n'
        f'   <eigenvalues><array><set><set comment="spin 1">\n{rows}</set></set></array></eigenvalues>\n'
        "  </eigenvalues_kpoints_opt>\n"
        '  <dos comment="kpoints_opt">\n   <i name="efermi">      9.90000000 </i>\n  </dos>\n'
    )
    return text.replace(" </calculation>", f"{block} </calculation>")


def rows_of(levels: list[list[float]], occupation: str = "") -> str:
    return "".join(
        f'<set comment="kpoint {k}">' + "".join(f"<r> {e:.4f} {occupation}</r>" for e in row) + "</set>"
        for k, row in enumerate(levels, 1)
    )


LEVELS = [[-5, -4, 0.5, 0.8, 2.6, 3], [-5, -4, 0.5, 1.1, 2.5, 3], [-5, -4, 0.5, 1.3, 2.2, 3]]


@pytest.mark.parametrize("occupation", ["", "0.0000 "])
def test_the_bands_of_kpoints_opt_are_read(occupation: str, tmp_path: Path) -> None:
    opt = "path\n3\nReciprocal\n0 0 0 1 Γ\n0.25 0 0 1\n0.5 0 0 1 X\n"
    (tmp_path / "KPOINTS_OPT").write_text(opt, encoding="utf-8")
    text = with_further(Run().xml(), rows_of(LEVELS, occupation))
    results = read(tmp_path, text)
    assert results.bands is not None and results.bands.eigenvalues_ev.shape == (1, 5, 6)
    edges = calculation_levels(results).edges
    assert edges is not None and edges.band_gap_ev == pytest.approx(2.2 - 1.3)
    assert (edges.vbm_k, edges.vbm_label) == ((0.5, 0.0, 0.0), "X")
    assert results.fermi_ev == 1.4


def test_a_path_in_kpoints_opt_is_a_path(tmp_path: Path) -> None:
    results = read(tmp_path, with_further(Run().xml(), rows_of(LEVELS)))
    assert results.bands is not None and results.bands.on_path == (-1, -1, 0, 0, 0)
    results = read(tmp_path, with_further(Run().xml(), rows_of(LEVELS), kind="Gamma"))
    assert results.bands is not None and results.bands.on_path == (-1,) * 5


def test_what_cannot_be_read_of_kpoints_opt_is_said(tmp_path: Path) -> None:
    results = read(tmp_path, with_further(Run().xml(), rows_of(LEVELS[:2])))
    assert gap_ev(results) == pytest.approx(1.4)
    assert any("KPOINTS_OPT were not read: " in line for line in results.warnings)


# --- files that end early -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", ["</eigenvalues>\n", "  <dos>\n", "</dos>\n", " </calculation>\n"])
def test_whole_eigenvalues_are_read_of_a_file_that_ends_behind_them(behind: str, tmp_path: Path) -> None:
    text = Run().xml()
    results = read(tmp_path, text[: text.index(behind) + len(behind)])
    assert results.status == "truncated" and gap_ev(results) == pytest.approx(1.4) and results.energy_ev == -10.4
    told = behind in ("</dos>\n", " </calculation>\n")
    assert (results.log_fermi is not None) == told
    assert any("highest occupied level stands for it" in line for line in results.warnings) != told


def test_eigenvalues_that_are_not_whole_are_not_read(tmp_path: Path) -> None:
    text = Run().xml()
    results = read(tmp_path, text[: text.index("</eigenvalues>")])
    assert results.status == "truncated" and results.bands is None and results.energy_ev == -10.4


def test_those_of_an_earlier_geometry_do_not_stand_for_the_last(tmp_path: Path) -> None:
    run = Run()
    text = run.xml().replace("</modeling>", "")
    again = text[text.index(" <calculation>") : text.index(" </calculation>")]
    cut = again[: again.index("  <eigenvalues>")].replace(
        "0.50000000       0.50000000 ", "0.50000000       0.51000000 "
    )
    results = read(tmp_path, text.partition(' <structure name="finalpos"')[0] + cut)
    assert results.status == "truncated" and results.bands is None


def test_the_reason_of_a_refusal_stands_in_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = Run().xml()
    (tmp_path / "vasprun.xml").write_text(text[: text.index("<scstep>")])
    assert main(["parse", str(tmp_path)]) == 6
    assert "vasprun.xml is cut short: it ends before the first geometry was done" in capsys.readouterr().out


# --- LOCPOT of two spins ------------------------------------------------------------------------------------------


def spins(lvhar: bool) -> Run:
    values = np.array([[[-5.0, -4.0, 0.5, 1.0, 2.4, 3.0]] * 2] * 2)
    parameters = {"LVHAR": f"logical:{'T' if lvhar else 'F'}", "LVTOT": f"logical:{'F' if lvhar else 'T'}"}
    return Run(eigenvalues=values, parameters=parameters)


def test_an_electrostatic_potential_is_one_set_for_both_spins(tmp_path: Path) -> None:
    results = read(tmp_path, spins(lvhar=True).xml(), LOCPOT=locpot([GRID]))
    judged = sound(results)
    assert judged.refused_parts == () and judged.results.potential is not None
    assert judged.results.potential.values_ev == pytest.approx(GRID)


def test_two_sets_of_an_electrostatic_potential_are_averaged(tmp_path: Path) -> None:
    potential = read(tmp_path, spins(lvhar=True).xml(), LOCPOT=locpot([GRID, GRID + 1.0])).potential
    assert potential is not None and potential.values_ev == pytest.approx(GRID + 0.5)


def test_a_local_potential_has_a_set_a_spin(tmp_path: Path) -> None:
    found = reading(tmp_path, spins(lvhar=False).xml(), LOCPOT=locpot([GRID]))
    assert found.results is not None and found.results.potential is None
    assert any(file.error and "1 sets" in file.error.summary for file in found.files)


# --- how it ended -------------------------------------------------------------------------------------------------


def test_a_response_behind_the_energies_does_not_undo_the_scf(tmp_path: Path) -> None:
    further = "\n".join(f"----------- Iteration      1({cycle:4d})  -----------" for cycle in (4, 5, 60))
    results = read(tmp_path, Run().xml(), OUTCAR=outcar(extra=further))
    assert results.status == "finished"


def test_the_change_between_geometries_decides_where_ediffg_is_of_the_energy(tmp_path: Path) -> None:
    run = Run(parameters={"NSW": "int:2", "IBRION": "int:2", "EDIFFG": "float:0.001"})
    first, last = run.geometries[0], Run().geometries[0]
    for change, status in ((0.0005, "finished"), (0.01, "geom_not_converged")):
        first.free_ev, first.energy_ev, first.no_entropy_ev = -10.5 + change, -10.4 + change, -10.3 + change
        run.geometries = [first, last]
        assert read(tmp_path, run.xml(), OUTCAR=outcar(nsw=2)).status == status
