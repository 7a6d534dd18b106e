"""Parts that not every vasprun.xml has, and parts that are missing or short, in the run of `vasp_files.Run`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from vasp_files import Geometry, Run

from dftflow.codes.vasp.vasprun_file import VaspRun, read_vasprun
from dftflow.errors import ParseError

SELECTIVE = (
    '   <varray name="selective" >\n'
    '    <v type="logical">  T  T  F </v>\n    <v type="logical">  F  F  F </v>\n'
    "   </varray>\n"
)
FORCES = ((3.0, 4.0, 12.0), (30.0, 40.0, 120.0))


def read(folder: Path, text: str) -> VaspRun:
    file = folder / "vasprun.xml"
    file.write_bytes(text.encode("latin-1"))
    return read_vasprun(file)


def test_the_largest_force_is_that_of_free_directions(tmp_path: Path) -> None:
    """Atom 1 may move along x and y: (3, 4) has the norm 5; atom 2 is fixed."""
    text = Run(geometries=[Geometry(forces=FORCES)]).xml()
    assert read(tmp_path, text).steps[0].largest_force == pytest.approx(130.0)
    behind_positions = text.replace("  </varray>\n  </structure>", f"  </varray>\n{SELECTIVE}  </structure>")
    assert behind_positions != text
    step = read(tmp_path, behind_positions).steps[0]
    assert step.largest_force == pytest.approx(5.0)
    assert step.structure.site_properties["selective_dynamics"] == [[True, True, False], [False, False, False]]


def test_a_geometry_without_forces_has_no_largest_one(tmp_path: Path) -> None:
    text = Run().xml()
    start, end = text.index('  <varray name="forces"'), text.index("  <energy>\n    <i", text.index('name="stress"'))
    step = read(tmp_path, text[:start] + text[end:]).steps[0]
    assert (step.forces_ev_per_ang, step.stress_kbar, step.largest_force) == (None, None, None)


def test_a_geometry_without_cycles_of_its_own_is_told_by_its_summary(tmp_path: Path) -> None:
    text = re.sub(r"(?s)  <scstep>.*</scstep>\n", "", Run().xml())
    step = read(tmp_path, text).steps[0]
    assert (step.energy_ev, step.free_energy_ev, step.scf_cycles) == (-10.4, -10.5, 0)


def test_projections_are_passed_over(tmp_path: Path) -> None:
    text = Run().xml()
    big = "  <projected>\n   <array><set>" + "<r> 0.1 0.2 </r>" * 100 + "</set></array>\n  </projected>\n"
    with_them = text.replace("  <dos>", f"{big}  <dos>")
    found, plain = read(tmp_path, with_them), read(tmp_path, text)
    assert found.eigenvalues is not None and plain.eigenvalues is not None
    np.testing.assert_array_equal(found.eigenvalues.values_ev, plain.eigenvalues.values_ev)


def test_a_run_without_eigenvalues_has_none(tmp_path: Path) -> None:
    text = Run().xml()
    start, end = text.index("  <eigenvalues>"), text.index("  <dos>")
    found = read(tmp_path, text[:start] + text[end:])
    assert found.eigenvalues is None and found.fermi_ev == pytest.approx(1.4)


def test_a_file_without_an_incar_keeps_its_parameters(tmp_path: Path) -> None:
    text = Run(incar={"ENCUT": "float:300.0"}).xml()
    start, end = text.index(" <incar>"), text.index(" <kpoints>")
    found = read(tmp_path, text[:start] + text[end:])
    assert "ENCUT" not in found.parameters and found.parameters["ENMAX"] == 300.0


@pytest.mark.parametrize(
    ("generation", "style", "divisions"),
    [
        (
            '<generation param="Monkhorst-Pack"><v type="int" name="divisions"> 4 4 2 </v></generation>',
            "Monkhorst",
            (4, 4, 2),
        ),
        ('<generation param="Gamma"><v type="int" name="divisions"> 1 2 3 </v></generation>', "Gamma", (1, 2, 3)),
        ('<generation param="listgenerated"><i type="int" name="divisions"> 20 </i></generation>', "Line_mode", None),
        ('<generation param="Gamma"></generation>', "Gamma", None),
        (None, "Reciprocal", None),
    ],
)
def test_how_the_kpoints_were_made(
    generation: str | None, style: str, divisions: tuple[int, int, int] | None, tmp_path: Path
) -> None:
    found = read(tmp_path, Run(generation=generation).xml())
    assert (found.style, found.divisions) == (style, divisions)


def row(*numbers: float) -> str:
    return f"   <v>{''.join(f'{number:16.8f} ' for number in numbers)}</v>\n"


SUMMARY = (
    '  <energy>\n    <i name="e_fr_energy">    -10.50000000 </i>\n    <i name="e_wo_entrp">    -10.30000000 </i>\n'
    '    <i name="e_0_energy">    -10.40000000 </i>\n  </energy>\n'
)
DAMAGES = {
    "geometry": (r"(?s) <calculation>.*</calculation>\n", "", "before the first geometry"),
    "atoms": (r"(?s) <atominfo>.*</atominfo>\n", "", "KeyError: 'atominfo'"),
    "k-points": (r"(?s) <kpoints>.*</kpoints>\n", "", "lacks, kpoints"),
    "energy": ("-10.50000000 </i>", "-10.5x000000 </i>", "'-10.5x000000', which is no number"),
    "positions": ("(?s)(<calculation>.*?)" + re.escape(row(0.5, 0.5, 0.5)), r"\1", "1 positions and 2 atoms"),
    "forces": (re.escape(row(0, 0, -0.01)), "", "1 forces and 2 atoms"),
    "stress": (re.escape(row(0, 0, 18.0)), "", "the stress has 2 rows"),
    "underscore": (re.escape(row(0.25, 0.25, -0.25)), "   <v> 0.25 0.2_5 -0.25 </v>\n", "no number"),
    "weights": (re.escape(row(0.5)), "", "2 k-points with 1 weights"),
    "GW": (re.escape(SUMMARY) + "(?=  <eigenvalues>)", "", "has no energy, as in a run of GW"),
    "depth": ("<modeling>\n", "<modeling>\n" + "<deep>" * 60 + "</deep>" * 60, "nested too deep"),
}


@pytest.mark.parametrize(("old", "new", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_file_with_a_part_missing_or_short_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    damaged, count = re.subn(old, new, Run().xml(), count=1)
    assert count == 1
    with pytest.raises(ParseError) as caught:
        read(tmp_path, damaged)
    assert message in caught.value.reason


def test_a_grid_of_no_points_is_refused(tmp_path: Path) -> None:
    generation = '<generation param="Gamma"><v type="int" name="divisions"> 4 0 2 </v></generation>'
    with pytest.raises(ParseError) as caught:
        read(tmp_path, Run(generation=generation).xml())
    assert "the k-grid is 4 0 2" in caught.value.reason


@pytest.mark.parametrize("value", ["*******", "1_0", "nan"])
def test_a_parameter_that_was_not_printed_is_left_out(value: str, tmp_path: Path) -> None:
    found = read(tmp_path, Run().xml().replace("</parameters>", f'<i name="KINTER">{value}</i></parameters>'))
    assert "KINTER" not in found.parameters
    maybe = Run().xml().replace('name="LDAU">F<', 'name="LDAU">?<')
    assert "LDAU" not in read(tmp_path, maybe).parameters
