"""When two calculations are the same one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dftflow.studies.builder import Builder
from dftflow.studies.identity import Identity, identity_of
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study


def identities(study: Path, preset: str = "quick", code: str = "gpaw") -> dict[str, Identity]:
    plan = plan_study(load_study(str(study), preset, code=code))
    builder = Builder(plan)
    return {step.name: identity_of(builder.build(step), plan.code) for step in plan.steps}


def digests(found: Mapping[str, Identity]) -> dict[str, str]:
    return {name: identity.digest for name, identity in found.items()}


@pytest.mark.parametrize("code", ["gpaw", "castep", "espresso", "vasp"])
def test_words_are_not_in_it(write_study: Callable[..., Path], code: str) -> None:
    """Title, reference, what the reference gave: a DOI recalculates nothing."""
    plain = (("cutoff_ev = 244.9", "cutoff_ev = 600.0"),)
    before = digests(identities(write_study(*plain), "study", code))
    words = (
        ('title = "CsBr"', 'title = "Another title"\nreference = "10.1000/182"'),
        ("cutoff_ev = 244.9", 'cutoff_ev = 600.0\nfrom_reference = ["cutoff_ev", "relax_kpoints"]'),
    )
    assert digests(identities(write_study(*words), "study", code)) == before


@pytest.mark.parametrize(
    "change",
    [
        ("cutoff_ev = 244.9", "cutoff_ev = 250.0"),
        ("relax_kpoints = [2, 2, 2]", "relax_kpoints = [3, 3, 3]"),
        ("relax_kpoints = [2, 2, 2]", "relax_kpoints = { size = [2, 2, 2], gamma = true }"),
        ('code = "gpaw"', 'code = "gpaw"\n[settings]\nsmearing_ev = 0.05'),
        ('code = "gpaw"', 'code = "gpaw"\n[settings]\nxc = "LDA"'),
    ],
)
def test_physics_is_in_it(write_study: Callable[..., Path], change: tuple[str, str]) -> None:
    before, after = identities(write_study()), identities(write_study(change))
    assert before.keys() == after.keys()
    for name in before:
        assert before[name].digest != after[name].digest


def test_two_materials_that_are_the_same_share_one(write_study: Callable[..., Path]) -> None:
    file = write_study()
    text = file.read_text()
    start = text.index("[materials.CsBr]")
    file.write_text(text + "\n" + text[start:].replace("materials.CsBr", "materials.Twin"))
    found = digests(identities(file))
    assert found["CsBr/bulk-bands"] == found["Twin/bulk-bands"]
    assert found["CsBr/slab-110-potential"] == found["Twin/slab-110-potential"]
    assert len(set(found.values())) == 2


def test_another_engine_is_another_calculation(
    write_study: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dftflow.codes.gpaw.code import GPAW

    file = write_study()

    def with_engine(version: str, data: str) -> dict[str, Identity]:
        def fingerprint(self: object, elements: Any) -> Mapping[str, str]:
            return {"gpaw": version, "Cs": data}

        monkeypatch.setattr(GPAW, "fingerprint", fingerprint)
        return identities(file)

    first = with_engine("26.7.0", "a1")
    assert digests(with_engine("26.7.0", "a1")) == digests(first)
    for other in (with_engine("26.8.0", "a1"), with_engine("26.7.0", "b2")):
        assert not set(digests(other).values()) & set(digests(first).values())
    assert first["CsBr/bulk-bands"].engine == {"Cs": "a1", "gpaw": "26.7.0"}
