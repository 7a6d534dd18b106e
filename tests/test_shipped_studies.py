"""The shipped studies of both papers on the real engine, each in its quick preset, against what is known elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Quantity
from dftflow.studies.execution import outcome_of_folder

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3000)]
run_of = pytest.mark.xdist_group
"""Minutes: groups begin before single tests, and those of one run share it."""

SOURCES_OF_GAPS_EV = 0.25
"""PBE gaps of one cell differ so much between sets of potentials."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], StudyOutcome]:
    """Runs a shipped study in its quick preset, once."""
    folder, outcomes = tmp_path_factory.mktemp("shipped"), dict[str, StudyOutcome]()

    def run(name: str) -> StudyOutcome:
        if name not in outcomes:
            argv = (sys.executable, "-m", "dftflow", "run", name, "--preset", "quick", "--workers", "1")
            done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            outcomes[name] = outcome_of_folder(folder / "runs" / f"{name}-quick")
        return outcomes[name]

    return run


def one(outcome: StudyOutcome, name: str, subject: str, method: str = "") -> Quantity:
    found = [q for q in outcome.quantities if (q.name, q.subject) == (name, subject) and not q.point]
    (quantity,) = (q for q in found if method in q.method)
    return quantity


def number(outcome: StudyOutcome, name: str, subject: str, method: str = "") -> float:
    value = one(outcome, name, subject, method).value
    assert isinstance(value, float)
    return value


@run_of("cs4pbbr6")
def test_cs4pbbr6_and_cspbbr3(ran: Callable[[str], StudyOutcome]) -> None:
    """Gaps of the same cells by another code (PySCF, GTH potentials, Gaussian orbitals): 4.00 and 1.909 eV."""
    outcome = ran("cs4pbbr6")
    assert number(outcome, "band gap", "Cs4PbBr6") == pytest.approx(4.00, abs=SOURCES_OF_GAPS_EV)
    assert number(outcome, "band gap", "CsPbBr3") == pytest.approx(1.909, abs=SOURCES_OF_GAPS_EV)
    edges = outcome.materials[0].bulk.edges
    assert edges is not None and edges.direct and edges.vbm_label == "G"
    for name, most_ev in (("Cs4PbBr6", 0.3), ("CsPbBr3", 5.0)):
        width_ev = number(outcome, "width of the highest valence band", name)
        assert 0 < width_ev < most_ev, "octahedra that stand alone have flat bands"
    assert number(outcome, "width of the highest valence band", "CsPbBr3") > 0.5
    for edge, parts in (("valence band maximum", ("Br p", "Pb s")), ("conduction band minimum", ("Pb p",))):
        character = str(one(outcome, f"character of the {edge}", "CsPbBr3").value)
        assert all(part in character for part in parts) and character.startswith(parts[0])


@run_of("cs4pbbr6")
def test_light_lines_and_fringes_of_the_paper(ran: Callable[[str], StudyOutcome]) -> None:
    outcome = ran("cs4pbbr6")
    for method in ("calculated", "absorption"):
        assert one(outcome, "uptake of light of 365 nm", "Cs4PbBr6", method).value == "two photons"
        assert one(outcome, "uptake of light of 254 nm", "Cs4PbBr6", method).value == "one photon"
    assert one(outcome, "uptake of light of 365 nm", "CsPbBr3", "room temperature").value == "one photon"
    verdicts = {
        (row.published.quantity, row.published.subject, row.published.value): row.verdict for row in outcome.published
    }
    planes = "distance of the planes nearest to 0.581 nm"
    assert verdicts[planes, "CsPbBr3-card", 5.81] == "differ" and verdicts[planes, "CsPbBr3", 5.81] == "agree"
    assert verdicts["line near 15 degrees", "Cs4PbBr6", "none"] == "agree"
    assert "none" not in verdicts.values() and "open" not in verdicts.values()


@run_of("cspbbr3-phases")
def test_phases_of_cspbbr3(ran: Callable[[str], StudyOutcome]) -> None:
    """Tilts open the gap: of the measured cells the cubic one has the smallest gap."""
    outcome = ran("cspbbr3-phases")
    gaps = {name: number(outcome, "band gap", name) for name in ("Pnma", "P4mbm", "cubic")}
    assert gaps["cubic"] < gaps["P4mbm"] < gaps["Pnma"]
    assert gaps["cubic"] == pytest.approx(1.605, abs=SOURCES_OF_GAPS_EV), "PySCF, the same cell"
    assert gaps["Pnma"] == pytest.approx(1.909, abs=SOURCES_OF_GAPS_EV)
    volume = number(outcome, "volume per formula unit", "Pnma")
    assert volume == pytest.approx(793.13 / 4, abs=0.01)


@run_of("cs-pb-br")
def test_compounds_of_caesium_lead_and_bromine(ran: Callable[[str], StudyOutcome]) -> None:
    """The salts form from the elements, by about what is measured; each reaction is made on one footing."""
    outcome = ran("cs-pb-br")
    assert number(outcome, "formation energy per atom", "CsBr") == pytest.approx(-405.8 / 96.485 / 2, abs=0.3)
    reactions = [q for q in outcome.quantities if q.name == "reaction energy" and not q.point]
    assert len(reactions) == 3 and all(q.missing is None and q.uncertainty is not None for q in reactions)
    signs = [q for q in outcome.quantities if q.name == "sign of the reaction energy"]
    assert {q.value for q in signs} <= {"releases energy", "costs energy", "not resolved"}


@run_of("fapbbr3-orientations")
def test_fapbbr3_by_orientation(ran: Callable[[str], StudyOutcome]) -> None:
    """FA along an edge lies higher than along a face: 88 meV of molecules that are not relaxed (PySCF)."""
    outcome = ran("fapbbr3-orientations")
    energies = {
        q.point.get("orientation"): q.value
        for q in outcome.quantities
        if q.name == "total energy per atom" and q.point and isinstance(q.value, float)
    }
    assert len(energies) == 7
    mean = one(outcome, "mean band gap", "FAPbBr3")
    assert isinstance(mean.value, float) and mean.value == pytest.approx(1.64, abs=SOURCES_OF_GAPS_EV)
    assert mean.uncertainty is not None and "7 orientations" in mean.method


@run_of("mapbbr3")
def test_mapbbr3(ran: Callable[[str], StudyOutcome]) -> None:
    outcome = ran("mapbbr3")
    assert 1.2 < number(outcome, "band gap", "MAPbBr3") < 2.6
    assert {row.verdict for row in outcome.published} <= {"agree", "differ"}


@run_of("fa-cs-alloy")
def test_alloy_of_formamidinium_and_caesium(ran: Callable[[str], StudyOutcome]) -> None:
    """In one frame the gap depends little on what stands between the octahedra."""
    outcome = ran("fa-cs-alloy")
    bowing = one(outcome, "bowing parameter of the band gap", "FACsPbBr3")
    assert isinstance(bowing.value, float) and abs(bowing.value) < 1.0
    assert bowing.uncertainty is not None, "two orientations at each fraction"
    (alloy,) = outcome.alloys
    assert [len(point.gaps_ev) for point in alloy.points] == [2, 2, 2], "at 0 the same crystal twice"
    deviation = number(outcome, "deviation from Vegard's line", "FACsPbBr3")
    assert deviation == pytest.approx(0, abs=1e-9), "nothing is relaxed: one frame for all"
