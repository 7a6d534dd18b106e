"""Decks of Quantum ESPRESSO: units, k-points, slabs, potentials, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.build.kpaths import special_points, standard_path
from dftflow.codes.espresso import ESPRESSO
from dftflow.codes.espresso.kpoints_card import grid_card, path_card, read_names
from dftflow.errors import ParseError, SpecError
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec, KPath, Relaxation

RELAXATION = Relaxation(
    cell="isotropic",
    energy_tol_ev_per_atom=2e-5,
    force_tol_ev_per_ang=0.05,
    stress_tol_gpa=0.1,
    displacement_tol_ang=2e-3,
    max_steps=100,
)
SPEC = CalcSpec(
    title="CsBr: it's Γ & 'more'",
    task="potential",
    xc="PBE",
    cutoff_ev=244.9,
    cutoff_note="paper: 244.9 eV (10.1021/acsami.1c18025)",
    grid=(4, 3, 1),
    grid_note="paper: 4x3x1",
    smearing_ev=0.1,
    scf_tol_ev_per_atom=2e-6,
    max_scf_cycles=100,
)
UPF = '<UPF>\n<PP_HEADER\nelement="{element}"\npseudo_type="{kind}"\nfunctional="{xc}"\nz_valence="{z}"\n/>'


def value(text: str, key: str) -> str:
    found = re.search(rf"^\s*{re.escape(key)}\s*=\s*([^!\n]*?)\s*(?:!.*)?$", text, re.MULTILINE)
    assert found is not None, key
    return found[1].strip("'")


def slab(vacuum_ang: float = 12.0) -> Structure:
    a = 5.874
    height = a / 2 + vacuum_ang
    heights = [vacuum_ang / 2] * 2 + [vacuum_ang / 2 + a / 2] * 3
    places = [(a / 2, a / 2), (0, 0), (0, 0), (a / 2, 0), (0, a / 2)]
    sites = [(x, y, z) for (x, y), z in zip(places, heights, strict=True)]
    return Structure(
        Lattice.orthorhombic(a, a, height), ["Cs", "Br", "Pb", "Br", "Br"], sites, coords_are_cartesian=True
    )


SLAB_SPEC = replace(SPEC, grid=(2, 2, 1), slab_axis=2)


def scf(deck: Deck) -> str:
    return deck.files[f"{deck.seed}.scf.in"]


# --- units and keywords -----------------------------------------------------------------------------------------


def test_numbers_are_in_rydberg_with_their_source(csbr: Structure) -> None:
    text = scf(ESPRESSO().render(csbr, SPEC, "seed"))
    assert float(value(text, "ecutwfc")) * 13.605693 == pytest.approx(244.9, rel=1e-6)
    assert float(value(text, "degauss")) * 13.605693 == pytest.approx(0.1, rel=1e-6)
    assert float(value(text, "conv_thr")) * 13.605693 == pytest.approx(2 * 2e-6, rel=1e-6)
    assert "244.9 eV; paper: 244.9 eV (10.1021/acsami.1c18025)" in text and "10.1021/acsami.1c18025" in text
    assert value(text, "electron_maxstep") == "100" and value(text, "prefix") == "seed"
    assert re.fullmatch(r"[ -~]+", value(text, "title")) and "'" not in value(text, "title")


def test_a_relaxation_has_its_criteria_per_cell_and_in_kbar(csbr: Structure) -> None:
    deck = ESPRESSO().render(csbr, replace(SPEC, task="relax", relaxation=RELAXATION), "seed")
    text = deck.files["seed.relax.in"]
    assert value(text, "calculation") == "vc-relax" and value(text, "nstep") == "100"
    assert float(value(text, "etot_conv_thr")) * 13.605693 == pytest.approx(2 * 2e-5, rel=1e-6)
    assert float(value(text, "forc_conv_thr")) * 13.605693 / 0.52917721 == pytest.approx(0.05, rel=1e-6)
    assert float(value(text, "press_conv_thr")) == 1.0
    assert any("finite-basis" in note for note in deck.notes) and any("displacements" in note for note in deck.notes)
    ions = ESPRESSO().render(csbr, replace(SPEC, task="relax", relaxation=replace(RELAXATION, cell="fixed")), "seed")
    assert value(ions.files["seed.relax.in"], "calculation") == "relax" and "&CELL" not in ions.files["seed.relax.in"]


def test_no_smearing_is_fixed_occupations(csbr: Structure) -> None:
    text = scf(ESPRESSO().render(csbr, replace(SPEC, smearing_ev=0.0), "seed"))
    assert value(text, "occupations") == "fixed" and "degauss" not in text


def test_decks_are_the_same_every_time_and_hold_no_path(csbr: Structure, tmp_path: Path) -> None:
    first, second = ESPRESSO().render(csbr, SPEC, "seed"), ESPRESSO().render(csbr.copy(), SPEC, "seed")
    assert first.files == second.files
    assert not any(str(tmp_path) in text for text in first.files.values())


# --- k-points ---------------------------------------------------------------------------------------------------


@given(st.tuples(*[st.integers(1, 12)] * 3))
def test_the_grid_is_that_of_monkhorst_and_pack(grid: tuple[int, int, int]) -> None:
    """pw.x puts its points at (i + offset/2)/n; Monkhorst and Pack at (2r - n - 1)/2n."""
    counts, offsets = (list(map(int, part.split())) for part in re.split(r"\s{2,}", grid_card(grid).split("\n")[1]))
    for n, count, offset in zip(grid, counts, offsets, strict=True):
        pw = sorted(((i + offset / 2) / count) % 1 for i in range(count))
        paper = sorted(((2 * r - n - 1) / (2 * n)) % 1 for r in range(1, n + 1))
        np.testing.assert_allclose(pw, paper, atol=1e-12)


def test_path_and_edges_survive_the_file(csbr: Structure, tmp_path: Path) -> None:
    points = special_points(csbr)
    path = KPath(segments=((points["G"], points["X"]), (points["M"], points["G"])), spacing_per_ang=0.3)
    reciprocal = csbr.lattice.reciprocal_lattice.matrix
    (tmp_path / "x.in").write_text(path_card(path, (points["R"], points["G"]), reciprocal))
    rows = (tmp_path / "x.in").read_text().split("\n")[2:]
    kpoints = np.array([row.split()[:3] for row in rows], dtype=float)
    labels, segments = read_names(tmp_path / "x.in", kpoints)
    assert [label for label in labels if label] == ["G", "X", "M", "G", "R"]
    assert segments[0] == 0 and segments[-2] == 1 and segments[-1] == -1
    steps = np.linalg.norm(np.diff(kpoints[: segments.index(1)], axis=0) @ reciprocal, axis=1)
    assert steps.max() <= 0.3 + 1e-9
    with pytest.raises(ParseError, match="another k-point"):
        read_names(tmp_path / "x.in", kpoints + 0.01)
    with pytest.raises(ParseError, match="does not list"):
        read_names(tmp_path / "x.in", kpoints[:-1])


def test_bands_run_after_the_potential_at_the_density_of_the_scf(csbr: Structure) -> None:
    points = special_points(csbr)
    spec = replace(SPEC, task="bands", path=standard_path(csbr, 0.5), edge_kpoints=tuple(points.values()))
    deck = ESPRESSO().render(csbr, spec, "seed")
    assert set(deck.files) == {"seed.scf.in", "seed.pp.in", "seed.bands.in", "seed.sh"}
    assert re.findall(r"^run (\S+) (\S+)$", deck.files["seed.sh"], re.MULTILINE) == [
        ("pw.x", "scf"),
        ("pp.x", "pp"),
        ("pw.x", "bands"),
    ]
    assert value(deck.files["seed.pp.in"], "plot_num") == "11"
    assert value(deck.files["seed.bands.in"], "outdir") == value(scf(deck), "outdir") == "."
    assert all(f"! {name} segment" in deck.files["seed.bands.in"] for name in points)


# --- slabs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.5, 0.9])
def test_the_sawtooth_turns_back_in_the_middle_of_the_vacuum(shift: float) -> None:
    moved = slab()
    moved.translate_sites(list(range(len(moved))), [0, 0, shift])
    text = scf(ESPRESSO().render(moved, SLAB_SPEC, "seed"))
    start, width = float(value(text, "emaxpos")), float(value(text, "eopreg"))
    middle = (start + width / 2) % 1
    assert abs((middle - shift + 0.5) % 1 - 0.5) < 1e-5, "the slab lies around the cell's middle, its vacuum around 0"
    assert width * moved.lattice.c == pytest.approx(1.0, abs=1e-4)
    assert value(text, "edir") == "3" and value(text, "tefield") == value(text, "dipfield") == ".true."


def test_a_slab_is_averaged_on_enough_points_along_its_normal() -> None:
    deck = ESPRESSO().render(slab(30), SLAB_SPEC, "seed")
    rows = deck.files["seed.average.in"].split()
    grid_points = 32.937 / 0.529177 * np.sqrt(float(value(scf(deck), "ecutrho"))) / np.pi
    assert rows[1] == "seed.pot" and rows[4] == "3" and 1.3 * grid_points < int(rows[3]) <= 5000
    assert "tstress" not in scf(deck)


def test_the_coulomb_cutoff_instead_of_the_sawtooth() -> None:
    deck = ESPRESSO(slab_correction="2D").render(slab(), SLAB_SPEC, "seed")
    text = scf(deck)
    assert any("artefact" in note for note in deck.notes)
    assert value(text, "assume_isolated") == "2D" and "dipfield" not in text
    with pytest.raises(SpecError, match="along z"):
        ESPRESSO(slab_correction="2D").render(slab(), replace(SLAB_SPEC, slab_axis=0, grid=(1, 2, 2)), "seed")


def test_gth_potentials_are_refused_where_pw_x_treats_them_wrongly() -> None:
    names = {element: f"{element}.gth" for element in ("Cs", "Pb", "Br")}
    with pytest.raises(SpecError, match="does not go together"):
        ESPRESSO(slab_correction="2D", potentials=names).render(slab(), SLAB_SPEC, "seed")
    assert "Cs.gth" in scf(ESPRESSO(potentials=names).render(slab(), SLAB_SPEC, "seed"))


def test_an_oblique_slab_is_refused() -> None:
    lattice = Lattice([[4, 0, 0], [0, 4, 0], [1, 0, 20]])
    with pytest.raises(SpecError, match="not along the slab's normal"):
        ESPRESSO().render(Structure(lattice, ["Br"], [[0, 0, 0]]), SLAB_SPEC, "seed")
    with pytest.raises(SpecError, match="points along the slab's normal"):
        ESPRESSO().render(slab(), replace(SLAB_SPEC, grid=(2, 2, 2)), "seed")
    with pytest.raises(SpecError, match="cannot be relaxed"):
        ESPRESSO().render(slab(), replace(SLAB_SPEC, task="relax", relaxation=RELAXATION), "seed")


# --- freedom of the cell ----------------------------------------------------------------------------------------


def relax_deck(structure: Structure, cell: str) -> str:
    spec = replace(SPEC, task="relax", relaxation=replace(RELAXATION, cell=cell))  # type: ignore[arg-type]
    return ESPRESSO().render(structure, spec, "seed").files["seed.relax.in"]


def test_cell_freedom(csbr: Structure) -> None:
    text = relax_deck(csbr, "isotropic")
    assert value(text, "cell_dofree") == "volume" and value(text, "ibrav") == "1" and value(text, "A") == "4.2910000000"
    assert "CELL_PARAMETERS" not in text
    box = Structure(Lattice.orthorhombic(4, 5, 6), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert value(relax_deck(box, "lengths"), "cell_dofree") == "xyz"
    assert value(relax_deck(box, "all"), "cell_dofree") == "all"
    with pytest.raises(SpecError, match="one factor"):
        relax_deck(box, "isotropic")
    fcc = Structure(Lattice([[0, 3, 3], [3, 0, 3], [3, 3, 0]]), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert value(relax_deck(fcc, "isotropic"), "cell_dofree") == "all"
    with pytest.raises(SpecError, match="keep its angles"):
        relax_deck(fcc, "lengths")


# --- potentials -------------------------------------------------------------------------------------------------


def potentials(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name.replace("_dot_", ".")).write_text(content)
    return folder


def test_without_a_folder_the_deck_says_what_it_does_not_know(csbr: Structure) -> None:
    deck = ESPRESSO().render(csbr, SPEC, "seed")
    text = scf(deck)
    assert "Cs.upf" in text and "Br.upf" in text and "not looked into" in text and "nbnd" not in text
    assert value(text, "input_dft") == "PBE"
    assert float(value(text, "ecutrho")) == pytest.approx(8 * float(value(text, "ecutwfc")), rel=1e-9)
    assert "ESPRESSO_PSEUDO" in deck.notes[0] and "could not be looked into" in deck.notes[1]


@pytest.mark.parametrize(("kind", "factor"), [("NC", 4), ("US", 8), ("PAW", 8)])
def test_what_the_potentials_tell_is_used(csbr: Structure, tmp_path: Path, kind: str, factor: int) -> None:
    folder = potentials(
        tmp_path / "upf",
        Cs_dot_upf=UPF.format(element="Cs", kind="NC", xc="SLA PW PBX PBC", z="9.0"),
        br_pbe_v1_dot_UPF=UPF.format(element="Br", kind=kind, xc="PBE", z=" 7.000"),
    )
    points = special_points(csbr)
    spec = replace(SPEC, task="bands", path=standard_path(csbr, 0.5), edge_kpoints=tuple(points.values()))
    deck = ESPRESSO(pseudo_dir=folder).render(csbr, spec, "seed")
    text = scf(deck)
    assert float(value(text, "ecutrho")) == pytest.approx(factor * float(value(text, "ecutwfc")), rel=1e-9)
    assert value(text, "nbnd") == str(8 + 12) and "input_dft" not in text and "br_pbe_v1.UPF" in text
    assert re.search(r"Cs\.upf: md5 [0-9a-f]{32}", text) and str(tmp_path) not in "".join(deck.files.values())
    other = scf(ESPRESSO(pseudo_dir=folder).render(csbr, replace(SPEC, xc="PBEsol"), "seed"))
    assert value(other, "input_dft") == "PBESOL"
    wide = scf(ESPRESSO(pseudo_dir=folder, ecutrho_factor=12).render(csbr, SPEC, "seed"))
    assert float(value(wide, "ecutrho")) == pytest.approx(12 * float(value(wide, "ecutwfc")), rel=1e-9)
    assert ESPRESSO(pseudo_dir=folder).command(deck) == ("env", f"ESPRESSO_PSEUDO={folder}", "bash", "seed.sh")


def test_which_potential_is_meant(csbr: Structure, tmp_path: Path) -> None:
    text = UPF.format(element="Br", kind="NC", xc="PBE", z="7")
    folder = potentials(tmp_path / "upf", Br_a_dot_upf=text, Br_b_dot_upf=text, Cs_dot_upf=text, B_dot_upf=text)
    with pytest.raises(SpecError, match="potential of Br, not of Cs"):
        ESPRESSO(pseudo_dir=folder, potentials={"Br": "Br_a.upf"}).render(csbr, SPEC, "seed")
    (folder / "Cs.upf").unlink()
    with pytest.raises(SpecError, match="several potentials"):
        ESPRESSO(pseudo_dir=folder).render(csbr, SPEC, "seed")
    assert "Br_b.upf" in scf(ESPRESSO(pseudo_dir=folder, potentials={"Br": "Br_b.upf"}).render(csbr, SPEC, "seed"))
    with pytest.raises(SpecError, match="no name for a potential"):
        ESPRESSO(potentials={"Br": "../Br.upf"}).render(csbr, SPEC, "seed")


def test_it_does_not_run_without_potentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not ESPRESSO().runs_here and "ESPRESSO_PSEUDO" in ESPRESSO().how_to_get_it
    for name in ("pw.x", "pp.x", "average.x"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(tmp_path))
    assert ESPRESSO().runs_here


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("xc", ["HSE06", "SCAN", "nonsense"])
def test_functionals_that_need_more_are_refused(csbr: Structure, xc: str) -> None:
    with pytest.raises(SpecError, match=xc):
        ESPRESSO().render(csbr, replace(SPEC, xc=xc), "seed")


def test_what_pw_x_cannot_do_is_refused(csbr: Structure) -> None:
    with pytest.raises(SpecError, match="no name for a deck"):
        ESPRESSO().render(csbr, SPEC, "a b")
    left = Structure(Lattice([[0, 4, 0], [4, 0, 0], [0, 0, 4]]), ["Br"], [[0, 0, 0]])
    with pytest.raises(SpecError, match="left-handed"):
        ESPRESSO().render(left, SPEC, "seed")
    mixed = Structure(Lattice.cubic(4), [{"Br": 0.5, "Cl": 0.5}], [[0, 0, 0]])
    with pytest.raises(SpecError, match="partial occupation"):
        ESPRESSO().render(mixed, SPEC, "seed")
    with pytest.raises(SpecError, match="factor of 4"):
        ESPRESSO(ecutrho_factor=2).render(csbr, SPEC, "seed")


def test_an_atom_that_is_held_has_zeros_behind_it() -> None:
    held = replace(
        SLAB_SPEC, task="relax", relaxation=replace(RELAXATION, cell="fixed"), fixed_atoms=(0, 3), slab_axis=2
    )
    text = ESPRESSO().render(slab(), held, "seed").files["seed.relax.in"]
    rows = text[text.index("ATOMIC_POSITIONS") :].splitlines()[1:6]
    assert [row.endswith("  0 0 0") for row in rows] == [True, False, False, True, False]
    with pytest.raises(SpecError, match="names atom 5"):
        ESPRESSO().render(slab(), replace(held, fixed_atoms=(5,)), "seed")
