"""Decks of Quantum ESPRESSO: units, k-points, slabs, potentials, and what is refused."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow import studies
from dftflow.codes.cell_cutoff import CONVERGED_PRESET_EV
from dftflow.codes.espresso import ESPRESSO
from dftflow.codes.espresso.kpoints_card import grid_card, path_card, read_names
from dftflow.codes.espresso.options import EspressoOptions
from dftflow.crystals.kpaths import special_points, standard_path
from dftflow.errors import ParseError, SpecError
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation

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
    cutoff_note="doi 10.1021/acsami.1c18025",
    grid=(4, 3, 1),
    grid_note="doi 10.1021/acsami.1c18025",
    reference="10.1021/acsami.1c18025",
    smearing_ev=0.1,
    scf_tol_ev_per_atom=2e-6,
    max_scf_cycles=100,
)
UPF = '<UPF>\n<PP_HEADER\nelement="{element}"\npseudo_type="{kind}"\nfunctional="{xc}"\nz_valence="{z}"\n/>'
UPF_WITH_CUTOFF = """\
<UPF version="2.0.1">
  <PP_INFO>
    Suggested minimum cutoff for wavefunctions:  {text}. Ry
  </PP_INFO>
  <PP_HEADER element="{element}" pseudo_type="PAW" functional="PBE" z_valence="7.0" wfc_cutoff="{header}"/>
"""
UPF_ONE = """\
<PP_HEADER>
   0                   Version Number
  Br                   Element
   NC                  Norm - Conserving pseudopotential
    F                  Nonlinear Core Correction
 SLA  PW   PBX  PBC    PBE  Exchange-Correlation functional
    7.00000000000      Z valence
  -26.00000000000      Total energy
  {cutoffs}     Suggested cutoff for wfc and rho
    1                  Max angular momentum component
</PP_HEADER>
"""


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
    assert re.search(r"^  ecutwfc .* ! 244\.9 eV; doi 10\.1021/acsami\.1c18025$", text, re.MULTILINE)
    assert re.search(r"^! Monkhorst-Pack: .*; doi 10\.1021/acsami\.1c18025$", text, re.MULTILINE)
    assert text.splitlines()[1] == (
        "! the study refers to doi 10.1021/acsami.1c18025; a comment names it where a setting is from there"
    )
    assert value(text, "electron_maxstep") == "100" and value(text, "prefix") == "seed"
    assert re.fullmatch(r"[ -~]+", value(text, "title")) and "'" not in value(text, "title")


def test_a_relaxation_has_its_criteria_per_cell_and_in_kbar(csbr: Structure) -> None:
    deck = ESPRESSO().render(csbr, replace(SPEC, task="relax", relaxation=RELAXATION), "seed")
    text = deck.files["seed.relax.in"]
    assert value(text, "calculation") == "vc-relax" and value(text, "nstep") == "100"
    assert float(value(text, "etot_conv_thr")) * 13.605693 == pytest.approx(2 * 2e-5, rel=1e-6)
    assert float(value(text, "forc_conv_thr")) * 13.605693 / 0.52917721 == pytest.approx(0.05, rel=1e-6)
    assert float(value(text, "press_conv_thr")) == 1.0
    assert any("finite basis" in note for note in deck.cautions) and any(
        "displacements" in note for note in deck.cautions
    )
    ions = ESPRESSO().render(csbr, replace(SPEC, task="relax", relaxation=replace(RELAXATION, cell="fixed")), "seed")
    assert value(ions.files["seed.relax.in"], "calculation") == "relax" and "&CELL" not in ions.files["seed.relax.in"]


def test_a_number_says_where_it_is_from_when_that_is_told(csbr: Structure) -> None:
    doi = "doi 10.1021/acsami.1c18025"
    notes = {"energy_tol_ev_per_atom": doi, "force_tol_ev_per_ang": doi, "displacement_tol_ang": doi}
    sourced = replace(SPEC, task="relax", relaxation=replace(RELAXATION, notes=notes))
    lines = ESPRESSO().render(csbr, sourced, "seed").files["seed.relax.in"].splitlines()
    said = {line.split("=")[0].strip(): line.partition("!")[2].strip() for line in lines if "=" in line}
    assert said["etot_conv_thr"] == f"per cell: 2e-05 eV an atom; {doi}"
    assert said["forc_conv_thr"] == f"0.05 eV/ang; {doi}" and said["press_conv_thr"] == "kbar"
    silent = replace(sourced, cutoff_note="", grid_note="", reference="", relaxation=RELAXATION)
    for text in ESPRESSO().render(csbr, silent, "seed").files.values():
        assert "doi" not in text and not re.search(r"[!;]\s*$", text, re.MULTILINE)


@pytest.mark.parametrize("task", ["bands", "potential"])
def test_no_deck_speaks_of_a_paper(csbr: Structure, task: str) -> None:
    path = standard_path(csbr, 0.5) if task == "bands" else None
    deck = ESPRESSO().render(csbr, replace(SPEC, task=task, path=path), "seed")  # type: ignore[arg-type]
    assert not any("paper" in text for text in (*deck.files.values(), *deck.notes))


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
    for n, pw in zip(grid, _points_of_pw(grid_card(grid, replace(SPEC, grid=grid).grid_shift)), strict=True):
        monkhorst_pack = sorted(((2 * r - n - 1) / (2 * n)) % 1 for r in range(1, n + 1))
        np.testing.assert_allclose(pw, monkhorst_pack, atol=1e-12)


@given(st.tuples(*[st.integers(1, 12)] * 3))
def test_a_grid_that_is_centred_holds_gamma(grid: tuple[int, int, int]) -> None:
    spec = replace(SPEC, grid=grid, gamma_centred=True)
    assert all(points[0] == 0 for points in _points_of_pw(grid_card(grid, spec.grid_shift)))


def _points_of_pw(card: str) -> list[list[float]]:
    """Coordinates along each reciprocal lattice vector, as pw.x counts them from the card."""
    counts, offsets = (list(map(int, part.split())) for part in re.split(r"\s{2,}", card.split("\n")[1]))
    pairs = zip(counts, offsets, strict=True)
    return [sorted(((i + offset / 2) / count) % 1 for i in range(count)) for count, offset in pairs]


def test_the_deck_says_which_grid_it_is(csbr: Structure) -> None:
    even = replace(SPEC, grid=(2, 2, 2), grid_note="")
    assert "K_POINTS automatic\n2 2 2  1 1 1\n" in scf(ESPRESSO().render(csbr, even, "seed"))
    text = scf(ESPRESSO().render(csbr, replace(even, gamma_centred=True), "seed"))
    assert "! Gamma is a point of the grid, whatever its numbers (offset 0)\nK_POINTS automatic\n2 2 2  0 0 0\n" in text


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


def test_special_points_of_the_surface_are_listed_at_the_density_of_the_scf(tmp_path: Path) -> None:
    names = ("G-bar", "X'-bar", "0.5,0-bar")
    fracs = ((0, 0, 0), (0, 0.5, 0), (0.5, 0, 0))
    points = tuple(KPoint(label=name, frac=frac) for name, frac in zip(names, fracs, strict=True))
    deck = ESPRESSO().render(slab(), replace(SLAB_SPEC, edge_kpoints=points), "seed")
    plain = ESPRESSO().render(slab(), SLAB_SPEC, "seed")
    assert set(deck.files) - set(plain.files) == {"seed.bands.in"}
    assert all(deck.files[name] == text for name, text in plain.files.items() if name != "seed.sh")
    script = deck.files["seed.sh"]
    order = [script.index(f"run {program}") for program in ("pw.x scf", "pp.x pp", "average.x average", "pw.x bands")]
    assert order == sorted(order)
    assert "(launcher=(); run average.x average)" in script, "average.x alone is for one process"
    text = deck.files["seed.bands.in"]
    assert value(text, "calculation") == "bands" and value(text, "dipfield") == ".true."
    (tmp_path / "x.in").write_text(text)
    assert read_names(tmp_path / "x.in", np.array(fracs, dtype=float)) == (names, (-1, -1, -1))


@pytest.mark.parametrize("empty", [3, 20])
def test_the_empty_bands_are_those_that_were_asked_for(tmp_path: Path, empty: int) -> None:
    potentials(
        tmp_path / "upf",
        Cs_dot_upf=UPF.format(element="Cs", kind="NC", xc="PBE", z="9.0"),
        Pb_dot_upf=UPF.format(element="Pb", kind="NC", xc="PBE", z="14.0"),
        Br_dot_upf=UPF.format(element="Br", kind="NC", xc="PBE", z="7.0"),
    )
    points = (KPoint(label="G-bar", frac=(0, 0, 0)),)
    deck = ESPRESSO().render(slab(), replace(SLAB_SPEC, empty_bands=empty, edge_kpoints=points), "seed")
    filled = (9 + 14 + 3 * 7) // 2
    for stage in ("scf", "bands"):
        text = deck.files[f"seed.{stage}.in"]
        assert value(text, "nbnd") == str(filled + empty) and f"! {empty} of them empty" in text
    os.environ["ESPRESSO_PSEUDO"] = str(tmp_path / "no-such-folder")
    blind = ESPRESSO().render(slab(), replace(SLAB_SPEC, empty_bands=empty), "seed")
    assert any(f"plus {empty}" in note and "nbnd" in note for note in blind.notes)


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
    deck = ESPRESSO(EspressoOptions(slab_correction="2D")).render(slab(), SLAB_SPEC, "seed")
    text = scf(deck)
    assert any("artefact" in note for note in deck.notes)
    assert value(text, "assume_isolated") == "2D" and "dipfield" not in text
    with pytest.raises(SpecError, match="along z"):
        ESPRESSO(EspressoOptions(slab_correction="2D")).render(
            slab(), replace(SLAB_SPEC, slab_axis=0, grid=(1, 2, 2)), "seed"
        )


def test_gth_potentials_are_refused_where_pw_x_treats_them_wrongly() -> None:
    names = {element: f"{element}.gth" for element in ("Cs", "Pb", "Br")}
    with pytest.raises(SpecError, match="does not go together"):
        ESPRESSO(EspressoOptions(slab_correction="2D", potentials=names)).render(slab(), SLAB_SPEC, "seed")
    assert "Cs.gth" in scf(ESPRESSO(EspressoOptions(potentials=names)).render(slab(), SLAB_SPEC, "seed"))


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


# --- the cutoff of a cell that moves ----------------------------------------------------------------------------


def moving_cell(folder: Path, cutoff_ev: float, cell: str = "isotropic", task: str = "relax") -> Deck:
    relaxation = replace(RELAXATION, cell=cell) if task == "relax" else None  # type: ignore[arg-type]
    spec = replace(SPEC, cutoff_ev=cutoff_ev, task=task, relaxation=relaxation)  # type: ignore[arg-type]
    crystal = Structure(Lattice.cubic(4.291), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    return ESPRESSO().render(crystal, spec, "seed")


@pytest.mark.parametrize(
    ("bromine", "need_ev"),
    [
        (UPF_WITH_CUTOFF.format(element="Br", text=39, header="3.863563136330e1"), 525.7),
        (UPF_WITH_CUTOFF.format(element="Br", text=39, header="0.000000000000e0"), 530.7),
        (UPF_ONE.format(cutoffs="39.0000000    0.0000000"), 530.7),
    ],
)
def test_a_cell_is_not_relaxed_below_what_the_potentials_suggest(tmp_path: Path, bromine: str, need_ev: float) -> None:
    folder = potentials(
        tmp_path / "upf",
        Cs_dot_upf=UPF_WITH_CUTOFF.format(element="Cs", text=20, header="2.0e1"),
        Br_dot_upf=bromine,
    )
    with pytest.raises(SpecError, match="too low to relax the cell") as raised:
        moving_cell(folder, 435.4)
    assert "Br.upf" in raised.value.reason and "Pulay" in raised.value.reason
    assert SPEC.title in raised.value.summary
    for words in ('cell = "fixed"', f"cutoff_ev = {need_ev}", "out of its from_reference", "--preset converged"):
        assert words in raised.value.fix
    assert any("finite basis" in note for note in moving_cell(folder, need_ev).cautions)
    assert not any("not known here" in note and "pressure" in note for note in moving_cell(folder, need_ev).cautions)
    assert not any("finite basis" in note for note in moving_cell(folder, 435.4, cell="fixed").cautions)
    assert moving_cell(folder, 435.4, task="potential").files


def test_the_preset_is_named_only_where_it_is_enough(tmp_path: Path) -> None:
    folder = potentials(
        tmp_path / "upf",
        Cs_dot_upf=UPF_WITH_CUTOFF.format(element="Cs", text=50, header="5.0e1"),
        Br_dot_upf=UPF_WITH_CUTOFF.format(element="Br", text=20, header="2.0e1"),
    )
    with pytest.raises(SpecError, match=r"cutoff_ev = 680\.3") as raised:
        moving_cell(folder, 600.0)
    assert "--preset" not in raised.value.fix
    presets = tomllib.loads((Path(studies.__file__).parent / "presets.toml").read_text())
    assert presets["converged"]["min_cutoff_ev"] == CONVERGED_PRESET_EV


def test_a_need_that_is_not_known_is_said_and_not_guessed(tmp_path: Path) -> None:
    none = UPF_WITH_CUTOFF.format(element="Br", text=0, header="0.000000000000e0")
    folder = potentials(tmp_path / "upf", Cs_dot_gth="Cs GTH-PBE-q9\n55 9 0\n10 11 2 3 2001 0\n", Br_dot_upf=none)
    (note,) = (note for note in moving_cell(folder, 100.0).cautions if "pressure stays the same" in note)
    assert "Cs.gth, Br.upf" in note and 'cell = "fixed"' in note


# --- potentials -------------------------------------------------------------------------------------------------


def potentials(folder: Path, **files: str) -> Path:
    """Writes them, and names their folder in the environment, which the fixture `no_potentials` restores."""
    os.environ["ESPRESSO_PSEUDO"] = str(folder)
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
    assert [words for words in ("ecutrho is 8", "input_dft sets", "nbnd") if any(words in n for n in deck.notes)] == [
        "ecutrho is 8",
        "input_dft sets",
        "nbnd",
    ]
    chosen = ESPRESSO(EspressoOptions(ecutrho_factor=6)).render(csbr, SPEC, "seed")
    assert not any("ecutrho" in note for note in chosen.notes)


@pytest.mark.parametrize(("kind", "factor"), [("NC", 4), ("US", 8), ("PAW", 8)])
def test_what_the_potentials_tell_is_used(csbr: Structure, tmp_path: Path, kind: str, factor: int) -> None:
    potentials(
        tmp_path / "upf",
        Cs_dot_upf=UPF.format(element="Cs", kind="NC", xc="SLA PW PBX PBC", z="9.0"),
        br_pbe_v1_dot_UPF=UPF.format(element="Br", kind=kind, xc="PBE", z=" 7.000"),
    )
    points = special_points(csbr)
    spec = replace(SPEC, task="bands", path=standard_path(csbr, 0.5), edge_kpoints=tuple(points.values()))
    deck = ESPRESSO().render(csbr, spec, "seed")
    text = scf(deck)
    assert float(value(text, "ecutrho")) == pytest.approx(factor * float(value(text, "ecutwfc")), rel=1e-9)
    assert value(text, "nbnd") == str(8 + 12) and "input_dft" not in text and "br_pbe_v1.UPF" in text
    assert re.search(r"Cs\.upf: md5 [0-9a-f]{32}", text) and str(tmp_path) not in "".join(deck.files.values())
    assert len(deck.notes) == 2, "nothing but where the potentials come from, and the cutoffs that their heads lack"
    assert "Which cutoff Cs.upf, br_pbe_v1.UPF needs is not known" in deck.notes[1]
    other = scf(ESPRESSO().render(csbr, replace(SPEC, xc="PBEsol"), "seed"))
    assert value(other, "input_dft") == "PBESOL"
    wide = scf(ESPRESSO(EspressoOptions(ecutrho_factor=12)).render(csbr, SPEC, "seed"))
    assert float(value(wide, "ecutrho")) == pytest.approx(12 * float(value(wide, "ecutwfc")), rel=1e-9)
    assert ESPRESSO().command(deck) == ("bash", "seed.sh")


def test_which_potential_is_meant(csbr: Structure, tmp_path: Path) -> None:
    text = UPF.format(element="Br", kind="NC", xc="PBE", z="7")
    folder = potentials(tmp_path / "upf", Br_a_dot_upf=text, Br_b_dot_upf=text, Cs_dot_upf=text, B_dot_upf=text)
    with pytest.raises(SpecError, match="potential of Br, not of Cs"):
        ESPRESSO(EspressoOptions(potentials={"Br": "Br_a.upf"})).render(csbr, SPEC, "seed")
    (folder / "Cs.upf").unlink()
    with pytest.raises(SpecError, match="several potentials"):
        ESPRESSO().render(csbr, SPEC, "seed")
    assert "Br_b.upf" in scf(ESPRESSO(EspressoOptions(potentials={"Br": "Br_b.upf"})).render(csbr, SPEC, "seed"))


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


def test_an_atom_that_is_held_has_zeros_behind_it() -> None:
    held = replace(
        SLAB_SPEC, task="relax", relaxation=replace(RELAXATION, cell="fixed"), fixed_atoms=(0, 3), slab_axis=2
    )
    text = ESPRESSO().render(slab(), held, "seed").files["seed.relax.in"]
    rows = text[text.index("ATOMIC_POSITIONS") :].splitlines()[1:6]
    assert [row.endswith("  0 0 0") for row in rows] == [True, False, False, True, False]
    with pytest.raises(SpecError, match="names atom 5"):
        ESPRESSO().render(slab(), replace(held, fixed_atoms=(5,)), "seed")
