"""Eigenvalues from .bands: placed by index, nothing missing, labels along the path."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.codes.castep.input.cell_file import read_cell_path
from dftflow.codes.castep.input.kpath_letters import LetterPath
from dftflow.codes.castep.output.bands_file import read_bands
from dftflow.crystals.kpaths import sample_path
from dftflow.errors import ParseError
from dftflow.model.spec import KPath, KPoint
from dftflow.units import BOHR_ANG, HARTREE_EV

G, X, M = (KPoint(label=n, frac=f) for n, f in (("G", (0, 0, 0)), ("X", (0.5, 0, 0)), ("M", (0.5, 0.5, 0))))  # type: ignore[arg-type]
ON_PATH = [(0, 0, 0), (0.25, 0, 0), (0.5, 0, 0), (0.5, 0.5, 0), (0.25, 0.25, 0), (0, 0, 0)]


def value(spin: int, index: int, band: int) -> float:
    """An eigenvalue in Hartree that tells where it belongs."""
    return band + 0.01 * (index + 1) + 0.5 * spin


def bands_text(kpoints: list[tuple[float, ...]], order: list[int], *, bands: tuple[int, ...] = (3,)) -> str:
    spins = len(bands)
    electrons = "  ".join(["2.000", "1.500"][:spins])
    fermi = "  ".join(["0.100000", "0.200000"][:spins])
    lines = [
        f"Number of k-points  {len(kpoints)}",
        f"Number of spin components {spins}",
        f"Number of electrons  {electrons}",
        f"Number of eigenvalues  {'  '.join(map(str, bands))}",
        f"Fermi {'energy' if spins == 1 else 'energies'} (in atomic units)     {fermi}",
        "Unit cell vectors",
        "   10.000000    0.000000    0.000000",
        "    0.000000   10.000000    0.000000",
        "    0.000000    0.000000   20.000000",
    ]
    for index in order:
        lines.append(f"K-point {index + 1:6d}" + "".join(f"{x:12.8f}" for x in (*kpoints[index], 1 / len(kpoints))))
        for spin, count in enumerate(bands):
            lines.append(f"Spin component {spin + 1}")
            lines += [f"{value(spin, index, band):14.8f}" for band in range(count)]
    return "\n".join(lines) + "\n"


def write(folder: Path, text: str) -> Path:
    file = folder / "a.bands"
    file.write_text(text)
    return file


@settings(deadline=None, max_examples=25)
@given(order=st.permutations(range(6)), spins=st.integers(1, 2))
def test_blocks_in_any_order_are_placed_by_their_index(
    order: list[int], spins: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = write(tmp_path_factory.mktemp("b"), bands_text(ON_PATH, order, bands=(3,) * spins))
    bands = read_bands(file)
    expected = [[[value(s, k, b) for b in range(3)] for k in range(6)] for s in range(spins)]
    np.testing.assert_allclose(bands.eigenvalues_ev, np.array(expected) * HARTREE_EV, rtol=1e-12)
    np.testing.assert_allclose(bands.kpoints_frac, ON_PATH)


def test_head_of_the_file(tmp_path: Path) -> None:
    bands = read_bands(write(tmp_path, bands_text(ON_PATH, list(range(6)), bands=(3, 3))))
    assert bands.n_electrons == (2.0, 1.5)
    assert bands.fermi_ev == pytest.approx(0.2 * HARTREE_EV)
    np.testing.assert_allclose(np.diag(bands.reciprocal_per_ang), 2 * np.pi / np.array([10, 10, 20]) / BOHR_ANG)
    assert Path(bands.zero.run).parent == tmp_path.resolve() and bands.zero.reference == "cell_average"


def test_a_channel_with_fewer_bands_ends_in_nan(tmp_path: Path) -> None:
    bands = read_bands(write(tmp_path, bands_text(ON_PATH, list(range(6)), bands=(4, 3))))
    assert bands.eigenvalues_ev.shape == (2, 6, 4)
    assert bands.eigenvalues_ev[0, 5, 3] == pytest.approx(value(0, 5, 3) * HARTREE_EV)
    assert bands.eigenvalues_ev[1, 5, 2] == pytest.approx(value(1, 5, 2) * HARTREE_EV)
    assert np.isnan(bands.eigenvalues_ev[1, :, 3]).all()


def test_both_fermi_energies_and_the_weights(tmp_path: Path) -> None:
    bands = read_bands(write(tmp_path, bands_text(ON_PATH, [3, 1, 0, 2, 5, 4], bands=(3, 3))))
    assert bands.fermi_by_spin_ev == pytest.approx((0.1 * HARTREE_EV, 0.2 * HARTREE_EV))
    assert bands.fermi_ev == pytest.approx(0.2 * HARTREE_EV)
    assert bands.weights is not None
    np.testing.assert_allclose(bands.weights, np.full(6, 1 / 6), atol=1e-8)


@pytest.mark.parametrize(
    "relayout",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: re.sub(r"^( +-?\d+\.\d+)$", r"\1  ", text, flags=re.MULTILINE),
        lambda text: re.sub(r"^ +(-?\d+\.\d{8})$", r"\1", text, flags=re.MULTILINE),
        lambda text: re.sub(r"^ +(-?\d+\.\d{8})$", r" \1E+00", text, flags=re.MULTILINE),
        lambda text: text.replace("K-point ", "K-point    "),
    ],
)
def test_any_layout_gives_the_numbers_of_the_usual_one(relayout: Callable[[str], str], tmp_path: Path) -> None:
    text = bands_text(ON_PATH, [2, 0, 1, 3, 5, 4], bands=(4, 3)).replace("    0.51000000", "   -0.51000000")
    usual = read_bands(write(tmp_path, text))
    other = write(tmp_path, relayout(text))
    assert other.read_text() != text or "\r" in relayout(text)
    found = read_bands(other)
    np.testing.assert_array_equal(found.eigenvalues_ev, usual.eigenvalues_ev)
    np.testing.assert_array_equal(found.kpoints_frac, usual.kpoints_frac)


@pytest.mark.parametrize("text", ["**************", "           nan", "           inf", "    0.5100 000"])
def test_what_is_no_number_is_refused_with_its_line(text: str, tmp_path: Path) -> None:
    whole = bands_text(ON_PATH, list(range(6)), bands=(3, 3))
    lines = whole.splitlines(keepends=True)
    lines[11] = text + "\n"
    with pytest.raises(ParseError, match=re.escape("a.bands:12")):
        read_bands(write(tmp_path, "".join(lines)))


def test_a_head_that_announces_too_much_costs_no_memory(tmp_path: Path) -> None:
    text = bands_text(ON_PATH, list(range(6))).replace("k-points  6", "k-points  999999999")
    with pytest.raises(ParseError, match="999999999 k-points"):
        read_bands(write(tmp_path, text))


def test_labels_and_segments_along_the_path(tmp_path: Path) -> None:
    path = KPath(segments=((G, X), (M, G)), spacing_per_ang=0.1)
    bands = read_bands(write(tmp_path, bands_text(ON_PATH, list(range(6)))), path=path)
    assert bands.labels == ("G", "", "X", "M", "", "G")
    assert bands.on_path == (0, 0, 0, 1, 1, 1)


def test_labels_of_a_path_of_letters(tmp_path: Path) -> None:
    """A tetragonal cell of 10 x 10 x 20 bohr: X at half of b, M at half of a and b, 0.297 1/Å a step."""
    letters = LetterPath(segments=(("G", "X", "M"), ("G", "Z")), spacing_per_ang=0.3)
    kpoints = [(0, 0, 0), (0, 0.25, 0), (0, 0.5, 0), (0.25, 0.5, 0), (0.5, 0.5, 0), (0, 0, 0), (0, 0, 0.5)]
    bands = read_bands(write(tmp_path, bands_text(kpoints, [3, 0, 1, 2, 6, 5, 4])), path=letters)
    assert bands.labels == ("G", "", "X", "", "M", "G", "Z")
    assert bands.on_path == (0, 0, 0, 0, 0, 1, 1)
    finer = replace(letters, spacing_per_ang=0.1)
    assert read_bands(write(tmp_path, bands_text(kpoints, list(range(7)))), path=finer).labels == bands.labels
    grid = [(0.125, 0.125, 0), (0.375, 0.125, 0), (0.125, 0.375, 0), (0.375, 0.375, 0.5)]
    other = read_bands(write(tmp_path, bands_text(grid, list(range(4)))), path=letters)
    assert (set(other.labels), set(other.on_path)) == ({""}, {-1})


@pytest.mark.parametrize("segments", [((G, X),), ((X, G), (M, G)), ((G, M), (X, G)), ((G, X), (M, G), (G, X))])
def test_k_points_that_do_not_follow_the_path_get_no_labels(
    segments: tuple[tuple[KPoint, ...], ...], tmp_path: Path
) -> None:
    path = KPath(segments=segments, spacing_per_ang=0.1)
    bands = read_bands(write(tmp_path, bands_text(ON_PATH, list(range(6)))), path=path)
    assert set(bands.labels) == {""}
    assert set(bands.on_path) == {-1}


def test_labels_of_a_list_are_found_up_to_reciprocal_lattice_vectors(tmp_path: Path) -> None:
    points = [
        KPoint(label="X", frac=(-0.5, 1, 0)),
        KPoint(label="", frac=(0, 0, 0)),
        M,
        KPoint(label="Q", frac=(9, 9, 9.1)),
    ]
    text = bands_text([(0, 0, 0), (0.5, 0, 0), (0.25, 0, 0), (0.5, -0.5, 0)], [2, 3, 1, 0])
    bands = read_bands(write(tmp_path, text), points=points)
    assert bands.labels == ("", "X", "", "M")
    assert bands.on_path == (-1, -1, -1, -1)


def test_a_file_cut_at_any_line_is_an_error_with_its_line(tmp_path: Path) -> None:
    lines = bands_text(ON_PATH, [2, 0, 1, 3, 5, 4], bands=(3, 3)).splitlines(keepends=True)
    for count in range(len(lines)):
        with pytest.raises(ParseError) as caught:
            read_bands(write(tmp_path, "".join(lines[:count])))
        if count > 9:
            assert caught.value.where == f"{tmp_path / 'a.bands'}:{count + 1}"
    with pytest.raises(ParseError, match="last line"):
        read_bands(write(tmp_path, "".join(lines)[:-3]))
    read_bands(write(tmp_path, "".join(lines)))


@pytest.mark.parametrize(
    ("pattern", "new", "message"),
    [
        (r"K-point +3", "K-point      2", "double"),
        (r"K-point +3", "K-point      7", "out of range"),
        (r"0\.01000000\n", "**********\n", "an eigenvalue"),
        (r"components 1", "components 2", "contradicts"),
        (r"2\.000\n", "12345.\n", "lost digits"),
        (r"\Z", "   0.1\n", "more in the file"),
    ],
)
def test_damaged_file(pattern: str, new: str, message: str, tmp_path: Path) -> None:
    text, count = re.subn(pattern, new, bands_text(ON_PATH, list(range(6))), count=1)
    assert count == 1
    with pytest.raises(ParseError, match=message):
        read_bands(write(tmp_path, text))


# --- published files --------------------------------------------------------------------------------------------------

TRIMMED_BY_HAND = "castep_outputs/test/data_files/test.bands"


def test_every_published_bands_file_agrees_with_its_head_and_with_ase(castep_data: Path) -> None:
    """ASE places k-points by index too; it converts with CODATA 2002, 1e-6 away."""
    from ase.io.castep import read_bands as ase_read_bands

    files = sorted(castep_data.rglob("*.bands"))
    assert len(files) > 25
    for file in files:
        if str(file).endswith(TRIMMED_BY_HAND):
            with pytest.raises(ParseError):
                read_bands(file)
            continue
        bands = read_bands(file)
        head = file.read_text().splitlines()[:5]
        assert bands.kpoints_frac.shape[0] == int(head[0].split()[-1])
        assert bands.eigenvalues_ev.shape[0] == int(head[1].split()[-1])
        assert bands.n_electrons == tuple(float(word) for word in head[2].split()[3:])
        kpoints, _, eigenvalues, _ = ase_read_bands(str(file))
        np.testing.assert_allclose(bands.kpoints_frac, kpoints, atol=1e-8)
        np.testing.assert_allclose(bands.eigenvalues_ev, np.sort(eigenvalues, axis=2), rtol=3e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("NPBentley+CASTEP_bands/Examples/Si_bands/Si", "W G X W L G"),
        ("SMTG-Bham+sumo/tests/data/Fe/Fe", "G H N G P N"),
        ("SMTG-Bham+sumo/tests/data/Si/Si2", None),
    ],
)
def test_published_path_is_the_one_we_predict(name: str, labels: str | None, castep_data: Path) -> None:
    """The path's points follow from corners and spacing: equal steps of at most the spacing, 2 pi included."""
    path = read_cell_path(castep_data / f"{name}.cell")
    assert path is not None
    bands = read_bands(castep_data / f"{name}.bands", path=path)
    kpoints, _, segments = sample_path(path, bands.reciprocal_per_ang)
    np.testing.assert_allclose(bands.kpoints_frac, kpoints, atol=5e-8)
    assert bands.on_path == tuple(segments)
    if labels:
        assert [label for label in bands.labels if label] == labels.split()


def test_fixed_occupancy_puts_the_fermi_level_on_the_highest_occupied_state(castep_data: Path) -> None:
    """Si-quickstart: 8 electrons, fix_occupancy, SCF k-points; the Fermi energy is printed with six decimals."""
    bands = read_bands(castep_data / "zhubonan+aiida-castep/tests/data/Si-quickstart/aiida.bands")
    assert bands.n_electrons == (8.0,)
    assert bands.eigenvalues_ev[0, :, 3].max() == pytest.approx(bands.fermi_ev, abs=2e-5)
