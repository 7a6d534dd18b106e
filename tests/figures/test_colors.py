from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from dftflow.figures.colors import PALETTE, material_colors

# Machado, Oliveira and Fernandes, 10.1109/TVCG.2009.113, severity 1, on linear RGB
SIGHT = {
    "all cones": np.eye(3),
    "without red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "without green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "without blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# IEC 61966-2-1: linear RGB to XYZ, white D65
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(color: str) -> np.ndarray:
    value = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_the_measure_knows_black_and_white() -> None:
    assert lab(linear("#FFFFFF")) == pytest.approx([100, 0, 0], abs=0.02)
    assert lab(linear("#000000")) == pytest.approx([0, 0, 0])


@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_of_ten_materials_are_told_apart(sight: str) -> None:
    colors = list(material_colors(f"M{i}" for i in range(10)).values())
    seen = {color: lab(np.array(SIGHT[sight]) @ linear(color)) for color in colors}
    distances = {(a, b): float(np.linalg.norm(seen[a] - seen[b])) for a, b in combinations(colors, 2)}
    assert len(distances) == 45
    assert min(distances.values()) > 15


def test_every_colour_stands_out_on_white() -> None:
    """WCAG's contrast, (L1 + 0.05) / (L2 + 0.05); 2 is what a line of 0.8 points on paper wants."""
    assert min(1.05 / (float(TO_XYZ[1] @ linear(color)) + 0.05) for color in PALETTE) > 2


def test_a_name_has_one_colour_and_the_first_two_are_as_they_were() -> None:
    assert dict(material_colors(["A", "B", "A", "C"])) == {"A": "#0072B2", "B": "#D55E00", "C": "#009E73"}


def test_more_than_ten_are_still_different() -> None:
    colors = material_colors(f"M{i}" for i in range(30))
    assert len(set(colors.values())) == 30
