"""``structure``, ``slab``, ``decks``, ``status`` and ``report`` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cif_texts import cif_text, cubic
from pymatgen.core import Composition, Structure

from dftflow.cli.main import main
from dftflow.codes.castep.input.cell_file import read_cell_structure


def test_structure_lists_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["structure", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["CsPbBr3_Pnma"]["space_group"] == "Pnma"
    assert rows["FAPbBr3_Pm-3m_FA100"]["formula"] == "FAPbBr3"
    assert len(rows) >= 14


@pytest.mark.parametrize(
    "indices", [["--miller", "1", "-2", "1", "0"], ["--miller", "1-210"], ["--miller=1-210"], ["--miller", "1 -2 1 0"]]
)
@pytest.mark.parametrize("first", [True, False])
def test_four_indices_behind_miller(indices: list[str], first: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the crystal and behind it, with another option behind them."""
    name = ["Cs4PbBr6_R-3c"]
    assert main(["slab", *(name if first else []), *indices, "--vacuum", "12", *([] if first else name)]) == 0
    assert capsys.readouterr().out.startswith("(1-210) R-3c:H = (1-20) of the given cell = ")


@pytest.mark.parametrize("indices", [["1", "-2", "0", "0"], ["1", "-2"], ["1", "0", "31"], ["one"]])
def test_indices_that_are_no_plane_are_refused_with_the_reason(
    indices: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["slab", "Cs4PbBr6_R-3c", "--miller", *indices]) == 2
    assert "--miller" in capsys.readouterr().err


def test_structure_substitutes_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "fapbbr3.cif"
    arguments = ["CsPbBr3_Pm-3m", "--substitute", "Cs=FA", "--orientation", "100/001", "--pseudocubic", "5.99"]
    assert main(["structure", *arguments, "--out", str(out)]) == 0
    assert "FAPbBr3" in capsys.readouterr().out
    written = Structure.from_file(out)
    assert written.composition.formula == "H5 Pb1 C1 Br3 N2"
    assert written.lattice.a == pytest.approx(5.99)


def test_structure_puts_a_molecule_in_the_place_of_a_molecule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["structure", "MAPbBr3_Pm-3m_MA100", "--substitute", "MA=FA", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["formula"], told["atoms"]) == ("FAPbBr3", 12)
    assert told["substitution"] == "1 of 1 MA by FA, orientation 100"


def test_structure_mixes_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "POSCAR"
    mixed = ["--substitute", "FA=Cs:0.25", "--substitute", "Br=I:0.5", "--supercell", "2", "2", "1", "--seed", "1"]
    assert main(["structure", "FAPbBr3_Pm-3m_FA100", *mixed, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "FA0.75Cs0.25PbBr1.5I1.5" in printed
    assert "1 of 4 FA by Cs; 6 of 12 Br by I" in printed
    assert "pairs are off the random ones by" in printed
    assert Structure.from_file(out).composition == Composition("Cs Pb4 Br6 I6 C3 N6 H15")


def test_structure_writes_a_supercell_of_what_is_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "POSCAR"
    assert main(["structure", "CsBr_Pm-3m", "--supercell", "1", "1", "2", "--out", str(out)]) == 0
    written = Structure.from_file(out)
    assert [site.specie.symbol for site in written] == ["Cs", "Cs", "Br", "Br"]
    assert [site.frac_coords[2] for site in written] == pytest.approx([0, 0.5, 0.25, 0.75])
    assert main(["structure", "CsBr_Pm-3m", "--supercell", "1", "1", "2", "--seed", "1"]) == 2
    assert "--seed belongs to --substitute" in capsys.readouterr().err


def test_structure_lists_the_ways_to_turn_a_molecule(capsys: pytest.CaptureFixture[str]) -> None:
    """Of FA in a cube: mm2 of m-3m, 12 ways, or with the plane turned off the axes m or 2, 24."""
    assert main(["structure", "CsPbBr3_Pm-3m", "--substitute", "Cs=FA", "--orientations", "--json"]) == 0
    ways = {one["orientation"]: one["ways"] for one in json.loads(capsys.readouterr().out)}
    assert ways["100/010"] == 12
    assert len(ways) == 7
    assert all(48 % number == 0 for number in ways.values())


def test_structure_lists_the_orderings_of_a_mixture(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["structure", "CsPbBr3_Pm-3m", "--substitute", "Cs=Rb:0.5", "--supercell", "2", "2", "2", "--orderings"]
    assert main(arguments) == 0
    assert "6 orderings of 70 arrangements" in capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    assert sum(one["degeneracy"] for one in json.loads(capsys.readouterr().out)) == 70


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["structure", "CsPbBr3_Pm-3m", "--substitute", "Cs=Rb:0.15", "--supercell", "2", "2", "2"], 2, "2 x 2 x 5"),
        (["structure", "CsPbBr3_Pm-3m", "--substitute", "Cs=FA", "--orderings"], 2, "there is one ordering"),
        (["structure", "CsPbBr3_Pm-3m", "--orderings"], 2, "belong to --substitute"),
        (["structure", "CsPbBr3_Pm-3m", "--substitute", "Cs=Rb:0.5", "--ordering", "best"], 2, "quasirandom, random"),
        (["structure", "CsPbBr3_Pm-3m", "--substitute", "Cs=Rb:0.5", "--ordering", "0"], 2, "from 1 to"),
        (["structure", "CsPbBr3_Pnm"], 2, "CsPbBr3_Pnma"),
        (["structure", "CsPbBr3_Pm-3m", "--substitute", "Rb=FA"], 2, "no site 'Rb'"),
        (["structure", "CsPbBr3_Pm-3m", "--substitute", "Cs=FA", "--pseudocubic", "5.0"], 2, "Å"),
        (["structure", "CsPbBr3_Pm-3m", "--out", "x.doc"], 2, ".cif"),
        (["slab", "CsPbBr3_Pnma", "--miller", "0", "0", "0", "--setting", "Pnma"], 2, "0"),
        (["slab", "CsPbBr3_Pnma", "--miller", "0", "1", "1"], 2, "Pbnm"),
        (["slab", "CsPbBr3_Pnma", "--miller", "0", "1", "1", "--setting", "cubic"], 2, "cubic"),
        (["decks", "fapbbr3-cspbbr3", "--code", "castp", "--out", "x"], 2, "castep"),
        (["run", "fapbbr3-cspbbr3", "--code", "castep"], 4, "dftflow decks"),
    ],
)
def test_mistakes_end_with_a_message_and_a_code(
    arguments: list[str],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert main(arguments) == code
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["structure", "CsPbBr3_Pm-3m", "--orientation", "110"],
        ["structure", "CsPbBr3_Pm-3m", "--seed", "3"],
        ["structure", "CsPbBr3_Pm-3m", "--pseudocubic", "6"],
        ["slab", "CsPbBr3_Pm-3m", "--miller", "0", "0", "1", "--orientation", "110"],
        ["slab", "CsPbBr3_Pm-3m", "--miller", "0", "0", "1", "--pseudocubic", "6"],
    ],
)
def test_options_of_a_substitution_are_refused_without_one(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    option = next(word for word in arguments[2:] if word.startswith("--") and word != "--miller")
    assert main(arguments) == 2
    assert f"{option} belongs to --substitute" in capsys.readouterr().err


def test_what_needs_a_crystal_is_refused_without_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["structure", "--out", str(tmp_path / "a.cif")]) == 2
    assert "need a SOURCE" in capsys.readouterr().err


def test_slab_lists_terminations_with_their_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slab", "CsPbBr3_Pnma", "--miller", "0", "1", "1", "--setting", "Pnma", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["equivalents"] == {"Pbnm": [1, 0, 1], "pseudocubic": [1, 1, 1]}
    by_charge = {slab["formal_charge"]: slab for slab in reversed(found["slabs"])}
    assert set(by_charge) == {-4, 0, 4}
    assert "metallic" in by_charge[-4]["refused"] and not found["slabs"][0]["refused"]
    assert main(["slab", "CsPbBr3_Pnma", "--miller", "0", "1", "1", "--setting", "Pnma"]) == 0
    assert "(111) pseudocubic" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (["0", "1", "1", "--setting", "Pbnm"], ["(011) Pbnm", "(110) of the given cell", "(110) Pnma"]),
        (["1", "1", "0", "--setting", "given"], ["(110) of the given cell", "(110) Pnma", "(011) Pbnm"]),
        (["1", "1", "0", "--setting", "Pnma"], ["(110) Pnma", "(110) of the given cell", "(011) Pbnm"]),
    ],
)
def test_slab_says_which_plane_of_the_file_it_is(
    asked: list[str], names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["slab", "CsPbBr3_Pnma", "--miller", *asked]) == 0
    assert capsys.readouterr().out.splitlines()[0] == " = ".join([*names, "(11-1) pseudocubic"])


def test_slab_writes_the_one_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "slab.cif"
    arguments = ["CsPbBr3_Pnma", "--miller", "0", "1", "0", "--setting", "Pnma", "--termination", "PbBr2"]
    assert main(["slab", *arguments, "--vacuum", "14", "--out", str(out)]) == 0
    slab = Structure.from_file(out)
    heights = slab.cart_coords[:, 2]
    outermost = {site.specie.symbol for site, z in zip(slab, heights, strict=True) if z > heights.max() - 0.9}
    assert outermost <= {"Pb", "Br"}
    assert slab.lattice.c - (heights.max() - heights.min()) == pytest.approx(14.0, abs=1e-4)


def test_decks_of_the_paper_for_castep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "decks"
    assert main(["decks", "fapbbr3-cspbbr3", "--code", "castep", "--out", str(out), "--json"]) == 0
    steps = {deck["name"]: deck for deck in json.loads(capsys.readouterr().out)}
    kinds = {"bulk-relax", "bulk-bands", "slab-010-relax", "slab-010-potential"}
    assert {name.split("/")[1] for name in steps if name.startswith("FAPbBr3")} == kinds
    for deck in steps.values():
        assert {Path(file).suffix for file in deck["files"]} == {".cell", ".param"}
        assert all((out / deck["folder"] / file).is_file() for file in deck["files"])
    assert "to be written again after CsPbBr3/bulk-relax" in steps["CsPbBr3/bulk-bands"]["note"]
    assert {"RUN.md", "run.sh", "run.slurm"} <= {file.name for file in out.iterdir()}
    assert "advance . --step" in (out / "run.sh").read_text()
    assert any("SPECIES_POT" in text or "cutoff" in text for text in steps["FAPbBr3/bulk-relax"]["cautions"])
    cut_off = (out / "FAPbBr3/bulk-relax/FAPbBr3-bulk-relax.param").read_text()
    assert "cut_off_energy" in cut_off and "435.4 eV" in cut_off


def test_decks_say_what_their_writer_cautions_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the terminal, in the run sheet, once each, with the steps that it is about."""
    out = tmp_path / "decks"
    assert main(["decks", "fapbbr3-cspbbr3", "--code", "vasp", "--preset", "converged", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    (pulay,) = [line for line in printed.splitlines() if "Pulay" in line]
    assert pulay.startswith("! ") and pulay.endswith("(CsPbBr3/bulk-relax, FAPbBr3/bulk-relax)")
    assert pulay.removeprefix("! ") in (out / "RUN.md").read_text()


def test_plan_says_what_decks_caution_about(capsys: pytest.CaptureFixture[str]) -> None:
    """Before a calculation is started: cells that are relaxed with VASP have a caution."""
    assert main(["plan", "fapbbr3-cspbbr3", "--code", "vasp", "--preset", "converged"]) == 0
    (pulay,) = [line for line in capsys.readouterr().out.splitlines() if "Pulay" in line]
    assert pulay.startswith("! ") and pulay.endswith("(CsPbBr3/bulk-relax, FAPbBr3/bulk-relax)")
    assert main(["plan", "fapbbr3-cspbbr3", "--code", "vasp", "--preset", "converged", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert [note for note in rows["CsPbBr3/bulk-relax"]["cautions"] if "Pulay" in note]


def test_decks_say_how_a_crystal_was_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the reader decided, in `structure`, in `decks` and in the run sheet, whole."""
    sites = "Si1 Si 0.125 0.125 0.125\n"
    head = "_symmetry_space_group_name_H-M 'F d -3 m'\n_chemical_formula_sum 'Si'\n_cell_formula_units_Z 8\n"
    (tmp_path / "si.cif").write_text(cif_text(cubic(5.431), sites, head))
    (tmp_path / "si.toml").write_text(
        'schema = 1\ntitle = "Si"\n[materials.Si]\nstructure = "si.cif"\ncutoff_ev = 300\n'
        "relax_kpoints = [2, 2, 2]\nbands_kpoints = [4, 4, 4]\n"
    )
    assert main(["structure", str(tmp_path / "si.cif")]) == 0
    shown = capsys.readouterr().out
    (note,) = [line.split(maxsplit=1)[1] for line in shown.splitlines() if line.startswith("note")]
    assert "F d -3 m :2 was taken (8 atoms, Si8, 2.33 g/cm3)" in note and "Si16" in note
    out = tmp_path / "decks"
    assert main(["decks", str(tmp_path / "si.toml"), "--code", "castep", "--out", str(out)]) == 0
    (said,) = [line for line in capsys.readouterr().out.splitlines() if note in line]
    assert said.startswith("! crystal Si: ") and said.endswith("(Si/bulk-relax, Si/bulk-bands)")
    assert said.removeprefix("! ") in (out / "RUN.md").read_text()


def test_a_cell_is_not_relaxed_below_what_the_potentials_need(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "decks"
    assert main(["decks", "fapbbr3-cspbbr3", "--code", "vasp", "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert "244.9" in told and "309.2" in told and "converged" in told


def test_decks_go_on_from_a_finished_relaxation(tmp_path: Path) -> None:
    """The slab is cut again from the geometry that CASTEP left, and the finished step is not touched."""
    out = tmp_path / "decks"
    command = ["decks", "fapbbr3-cspbbr3", "--code", "castep", "--out", str(out)]
    assert main(command) == 0
    relax = out / "CsPbBr3" / "bulk-relax"
    start = read_cell_structure(relax / "CsPbBr3-bulk-relax.cell")
    larger = start.copy()
    larger.scale_lattice(start.volume * 1.06)
    lattice = "\n".join(" ".join(f"{x:.10f}" for x in row) for row in larger.lattice.matrix)
    positions = "\n".join(f"{site.specie.symbol} " + " ".join(f"{x:.12f}" for x in site.frac_coords) for site in larger)
    (relax / "CsPbBr3-bulk-relax-out.cell").write_text(
        f"%BLOCK lattice_cart\nANG\n{lattice}\n%ENDBLOCK lattice_cart\n\n"
        f"%BLOCK positions_frac\n{positions}\n%ENDBLOCK positions_frac\n"
    )
    (relax / "CsPbBr3-bulk-relax.castep").write_text(
        " +---+\n | CCC   AA    SSS  TTTTT  EEEEE  PPPP |\n Welcome to Academic Release CASTEP version 21.1\n"
        " type of calculation                            : geometry optimization\n"
        " BFGS: Geometry optimization completed successfully.\n"
        " Final energy =  -100.0000000000     eV\n Total time          =      1.00 s\n"
    )
    before = (relax / "CsPbBr3-bulk-relax.cell").read_text()
    assert main(command) == 0
    assert (relax / "CsPbBr3-bulk-relax.cell").read_text() == before
    bands = read_cell_structure(out / "CsPbBr3" / "bulk-bands" / "CsPbBr3-bulk-bands.cell")
    assert bands.volume == pytest.approx(start.volume * 1.06, rel=1e-6)
    slab = read_cell_structure(out / "CsPbBr3" / "slab-010-relax" / "CsPbBr3-slab-010-relax.cell")
    assert slab.lattice.a * slab.lattice.b == pytest.approx(larger.lattice.a * larger.lattice.c, rel=1e-6)


def test_run_says_before_it_starts_that_it_would_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "report.html"
    mine.write_text("mine", encoding="utf-8")
    assert main(["run", "fapbbr3-cspbbr3", "--preset", "quick", "--out", str(tmp_path)]) == 8
    assert f"{mine}: the report would overwrite a file that is not dftflow's" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [mine]


@pytest.mark.parametrize(
    "command",
    [
        *(["parse"], ["compare"], ["collect"], ["collect", "fapbbr3-cspbbr3"], ["status"], ["report"]),
        *(["advance"], ["export"], ["lint"], ["structure"]),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_wrong_input_in_every_command(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    other = ["."] if command == ["compare"] else []
    assert main([*command, "nowhere.cif", *other]) == 2
    assert "nowhere.cif" in capsys.readouterr().err
    if command != ["structure"]:
        (tmp_path / "empty").mkdir()
        code = 5 if len(command) > 1 else 2  # steps without results
        assert main([*command, "empty", *other]) == code
        assert "  fix: " in capsys.readouterr().err
