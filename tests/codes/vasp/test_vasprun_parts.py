"""Parts that not every vasprun.xml has, and parts that are missing or short, in the run of `vasp_files.Run`."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from vasp_files import Geometry, Run

from dftflow.codes.vasp import VASP
from dftflow.codes.vasp.method import method_of
from dftflow.codes.vasp.vasprun_file import VaspRun, read_vasprun
from dftflow.errors import ParseError

SELECTIVE = (
    '   <varray name="selective"  type="logical" >\n'
    '    <v type="logical">  T  T  F </v>\n    <v type="logical">  F  F  F </v>\n'
    "   </varray>\n"
)
PARAMETERS = {"NSW": "int:5", "IBRION": "int:2", "LDAU": "logical:T"}
PARAMETERS |= {"LDAUTYPE": "int:2", "LDAUL": "v: -1 2", "LDAUU": "v: 0.0 5.0", "LDAUJ": "v: 0.0 1.0"}
GRID = '<generation param="Gamma"><v type="int" name="divisions"> 2 2 2 </v></generation>'
FORCES = ((3.0, 4.0, 12.0), (30.0, 40.0, 120.0))


def read(folder: Path, text: str) -> VaspRun:
    file = folder / "vasprun.xml"
    file.write_bytes(text.encode("latin-1"))
    return read_vasprun(file)


def relaxation() -> str:
    """Two geometries with selective dynamics, as VASP tells it: with the initial geometry and the final one."""
    later = Geometry(energy_ev=-10.9, free_ev=-11.0, no_entropy_ev=-10.8, forces=FORCES)
    text = Run(geometries=[Geometry(forces=FORCES), later], parameters=PARAMETERS, generation=GRID).xml()
    return text.replace("  </varray>\n </structure>", f"  </varray>\n{SELECTIVE} </structure>")


def test_the_largest_force_is_that_of_free_directions(tmp_path: Path) -> None:
    """Atom 1 may move along x and y: (3, 4) has the norm 5; atom 2 is fixed."""
    plain = Run(geometries=[Geometry(forces=FORCES)]).xml()
    assert read(tmp_path, plain).steps[0].largest_force == pytest.approx(130.0)
    text = relaxation()
    assert text.count("selective") == 2
    in_each = text.replace("  </varray>\n  </structure>", f"  </varray>\n{SELECTIVE}  </structure>")
    assert in_each.count("selective") == 4
    for told in (text, in_each):
        first, last = read(tmp_path, told).steps
        assert first.largest_force == pytest.approx(5.0) and last.largest_force == pytest.approx(5.0)
        assert last.structure.site_properties["selective_dynamics"] == [[True, True, False], [False, False, False]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("T  T  F", "T  T", "'T T' of the selective dynamics are not three flags"),
        ("T  T  F", "T  T  F  F", "are not three flags"),
        ("T  T  F", "T  x  F", "'T x F' of the selective dynamics are not three flags"),
        ("T  T  F", "T  .TRUE.  F", "are not three flags"),
        ('    <v type="logical">  F  F  F </v>\n', "", "1 rows of selective dynamics and 2 atoms"),
        (SELECTIVE, SELECTIVE * 2, "2 rows of selective dynamics and 2 atoms"),
        ("T  T  F", "T  F  F", "are not those of the first one"),
        ('name="selective"', 'name="selectivx"', "are not those of the first one"),
    ],
)
def test_selective_dynamics_that_are_not_told_as_vasp_does_are_refused(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    """The flags decide over the largest force, and so over whether the relaxation converged."""
    with pytest.raises(ParseError) as caught:
        read(tmp_path, relaxation().replace(old, new, 1))
    assert message in caught.value.reason


TEXTS = ("", "0", "-1", "3", "9" * 25, "-1e8", "T", "x", "T x T", "1 2", "T T", "1 2 3 4", "****")


@pytest.mark.parametrize("kind", ["as it is", "string", "int", "logical"])
def test_nothing_but_a_refusal_leaves_the_reader(kind: str, tmp_path: Path) -> None:
    """Each value of the file in turn is another one, of another type too: it is read, or what it costs is named."""
    root = ET.fromstring(relaxation().partition("\n")[2])
    leaves = [element for element in root.iter() if element.text and element.text.strip()]
    read_or_refused = [0, 0]
    for number, element in enumerate(leaves):
        text, attributes = element.text, dict(element.attrib)
        if kind != "as it is":
            element.set("type", kind)
        for other in TEXTS[number % 3 :: 3] if kind == "as it is" else (text, TEXTS[number % len(TEXTS)]):
            element.text = other
            (tmp_path / "vasprun.xml").write_bytes(ET.tostring(root, encoding="ISO-8859-1"))
            (calculation,) = VASP().find(tmp_path)
            (file,) = VASP().read(calculation).files
            read_or_refused[file.error is not None] += 1
        element.text, element.attrib = text, attributes
    assert min(read_or_refused) > 30


def test_the_u_of_a_run_is_unknown_when_its_numbers_are_none(tmp_path: Path) -> None:
    """Dudarev's U - J of Te:d is 5 - 1 eV."""
    text = relaxation()
    assert method_of(read(tmp_path, text)).hubbard_u_ev == {"Te:d": 4.0}
    typed = text.replace('<v name="LDAUL">', '<v type="string" name="LDAUL">')
    for damaged in (typed, text.replace(" -1 2", " -1"), text.replace("0.0 5.0", "0.0 *****")):
        assert method_of(read(tmp_path, damaged)).hubbard_u_ev is None
    assert method_of(read(tmp_path, Run().xml())).hubbard_u_ev == {}


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
NO_SUMMARY = re.escape(SUMMARY) + "(?=  <eigenvalues>)"
DAMAGES = {
    "geometry": (r"(?s) <calculation>.*</calculation>\n", "", "before the first geometry"),
    "atoms": (r"(?s) <atominfo>.*</atominfo>\n", "", "KeyError: 'atominfo'"),
    "k-points": (r"(?s) <kpoints>.*</kpoints>\n", "", "lacks, kpoints"),
    "volume": (r"(?s)(<calculation>.*?)     80\.00000000 </i>", r"\1 80.0x </i>", "'80.0x', which is no number"),
    "positions": ("(?s)(<calculation>.*?)" + re.escape(row(0.5, 0.5, 0.5)), r"\1", "1 positions and 2 atoms"),
    "forces": (re.escape(row(0, 0, -0.01)), "", "1 rows of forces, expected 2"),
    "stress": (re.escape(row(0, 0, 18.0)), "", "2 rows of stress, expected 3"),
    "underscore": (re.escape(row(0.25, 0.25, -0.25)), "   <v> 0.25 0.2_5 -0.25 </v>\n", "no number"),
    "weights": (re.escape(row(0.5)), "", "2 k-points with 1 weights"),
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


@pytest.mark.parametrize("divisions", ["4 4", "4 4 2 1", "4 x 2", f"4 {2**31} 2"])
def test_a_grid_that_is_none_is_refused(divisions: str, tmp_path: Path) -> None:
    generation = f'<generation param="Gamma"><v type="int" name="divisions"> {divisions} </v></generation>'
    with pytest.raises(ParseError) as caught:
        read(tmp_path, Run(generation=generation).xml())
    assert f"the k-grid is {divisions!r}" in caught.value.reason


def test_an_integer_that_fortran_has_not_is_left_out(tmp_path: Path) -> None:
    known = read(tmp_path, Run(parameters={"IVDW": f"int:{2**31 - 1}"}).xml()).parameters
    assert known["IVDW"] == 2147483647
    assert "IVDW" not in read(tmp_path, Run(parameters={"IVDW": f"int:{2**31}"}).xml()).parameters


@pytest.mark.parametrize("value", ["*******", "1_0", "nan"])
def test_a_parameter_that_was_not_printed_is_left_out(value: str, tmp_path: Path) -> None:
    found = read(tmp_path, Run().xml().replace("</parameters>", f'<i name="KINTER">{value}</i></parameters>'))
    assert "KINTER" not in found.parameters
    maybe = Run().xml().replace('name="LDAU">F<', 'name="LDAU">?<')
    assert "LDAU" not in read(tmp_path, maybe).parameters
