from __future__ import annotations

import numpy as np
import pytest

from dftflow.analysis.repeat_distance import repeat_distance_ang
from dftflow.model.levels import PotentialProfile


def _profile(
    period_ang: float, thickness_ang: float, *, between: float = 1.0, length_ang: float = 40.0
) -> PotentialProfile:
    """Wells every half period, those in between `between` times as deep, from 5 Å to 5 Å and the thickness."""
    length_ang = 40.0
    z = np.arange(0, length_ang, 0.02)
    planes = np.arange(5.0, 5.0 + thickness_ang + 1e-9, period_ang / 2)
    depths = np.where(np.arange(len(planes)) % 2, 10.0 * between, 10.0)
    planar = -sum(depth * np.exp(-(((z - plane) / 0.6) ** 2)) for plane, depth in zip(planes, depths, strict=True))
    return PotentialProfile(
        z_ang=z, planar_ev=planar, macroscopic_ev=planar, length_ang=length_ang, period_ang=1.0,
        atoms_ang=(5.0, 5.0 + thickness_ang), kind="electrostatic",
    )  # fmt: skip


@pytest.mark.parametrize("between", [0.6, 0.8])
def test_layers_of_two_kinds_repeat_after_two_of_them(between: float) -> None:
    assert repeat_distance_ang(_profile(6.0, 18.0, between=between)) == pytest.approx(6.0, abs=0.02)


def test_layers_of_one_kind_repeat_after_one() -> None:
    assert repeat_distance_ang(_profile(6.0, 12.0)) == pytest.approx(3.0, abs=0.02)


def test_a_slab_that_does_not_repeat_has_none() -> None:
    assert repeat_distance_ang(_profile(6.0, 3.0, between=0.5)) is None
    assert repeat_distance_ang(_profile(6.0, 6.0, between=0.2)) is None
    assert repeat_distance_ang(_profile(2.0, 0.5)) is None
