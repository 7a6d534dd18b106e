"""A code that another package brings: what docs/howto-code.md shows, installed in a folder on the path."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pip_install import pip_install
from pymatgen.core import Lattice, Structure

from dftflow.codes.registry import code_names, load_code
from dftflow.codes.runsheet import run_sheet
from dftflow.errors import CodeNotFoundError, OptionError, SpecError, StudyError
from dftflow.model.spec import CalcSpec
from dftflow.model.step import Step, StepId, Subject
from dftflow.studies.reader import load_study

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto-code.md"
CSBR = Structure(Lattice.cubic(4.291), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
SPEC = CalcSpec(
    title="CsBr",
    task="potential",
    xc="PBE",
    cutoff_ev=400.0,
    grid=(4, 4, 4),
    smearing_ev=0.1,
    scf_tol_ev_per_atom=2e-6,
    max_scf_cycles=100,
)
Install = Callable[..., None]


def shown(file: str) -> str:
    """The text of `file` in the page."""
    found = re.search(rf"`{re.escape(file)}`:\n\n```\w*\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None, file
    return found[1]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts packages where pip would, with their entry points."""

    def put(*, package: str = "toy_dft", points: str = "", code: str = "") -> None:
        site = tmp_path / f"site-{package}"
        points = points or "toy = toy_dft:Toy"
        (site / package / "templates" / "toy").mkdir(parents=True)
        (site / package / "__init__.py").write_text(code or shown("toy_dft/__init__.py"))
        (site / package / "templates" / "toy" / "input.j2").write_text(shown("toy_dft/templates/toy/input.j2"))
        info = site / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[dftflow.codes]\n{points}\n")
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, package, raising=False)

    return put


def test_the_code_of_the_page(install: Install, tmp_path: Path) -> None:
    install()
    assert code_names() == ("castep", "espresso", "gpaw", "toy", "vasp")
    assert "toy_dft" not in sys.modules, "it is imported when it is asked for"
    code = load_code("toy", {"mesh": "fine"})
    assert code.name == "toy"
    deck = code.render(CSBR, SPEC, "seed")
    assert deck.files == {"seed.toy": "# CsBr\ncutoff 400.0 eV\nmesh fine\nCs 0.0 0.0 0.0\nBr 0.5 0.5 0.5\n"}
    with pytest.raises(SpecError, match="HSE06"):
        code.render(CSBR, replace(SPEC, xc="HSE06"), "a")
    (tmp_path / "seed.toy").write_text(deck.files["seed.toy"])
    (tmp_path / "seed.out").write_text("energy -5.25\n")
    assert code.diagnose(tmp_path).status == "finished"
    (found,) = code.find(tmp_path)
    results = code.read(found).results
    assert results is not None and results.energy_ev == -5.25
    assert dict(code.fingerprint(("Cs",))) == {"version": "not known here"}
    step = Step(id=StepId(subject=Subject(kind="bulk", materials=("CsBr",), label="bulk"), task="bands"), title="bands")
    sheet = run_sheet(code, [step], {step.name: code.command(deck)})
    assert "step CsBr/bulk-bands CsBr-bulk-bands bands -- toy-dft seed.toy" in sheet["run.sh"]


def test_the_package_of_the_page_is_installed_by_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its template, which is no Python."""
    source, site = tmp_path / "source", tmp_path / "site"
    for name in ("pyproject.toml", "toy_dft/__init__.py", "toy_dft/templates/toy/input.j2"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(shown(name), encoding="utf-8")
    pip_install(source, site)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "toy_dft", raising=False)
    deck = load_code("toy", {"mesh": "fine"}).render(CSBR, SPEC, "seed")
    assert deck.files["seed.toy"].startswith("# CsBr\ncutoff 400.0 eV")


def test_its_options_are_checked_as_those_of_any_code(install: Install, tmp_path: Path) -> None:
    install()
    with pytest.raises(OptionError, match="unknown option 'mash'"):
        load_code("toy", {"mash": "fine"})
    study = tmp_path / "study.toml"
    study.write_text(
        'schema = 1\ntitle = "CsBr"\ncode = "toy"\n[materials.CsBr]\nstructure = "CsBr_Pm-3m"\ncutoff_ev = 300\n'
        "relax_kpoints = [2, 2, 2]\nbands_kpoints = [2, 2, 2]\n[codes.toy]\nmesh = 'coarse'\n"
    )
    assert load_study(str(study)).code_options == {"mesh": "coarse"}
    study.write_text(study.read_text().replace("'coarse'", "'rough'"))
    with pytest.raises(StudyError, match="mesh cannot be 'rough'") as caught:
        load_study(str(study))
    assert caught.value.where == f"{study}:10"


def test_a_broken_package_is_named(install: Install) -> None:
    install(code="import no_such_package\n")
    with pytest.raises(CodeNotFoundError, match="of the package toy_dft cannot be loaded") as caught:
        load_code("toy")
    assert "no_such_package" in caught.value.reason
    assert load_code("castep").name == "castep"


def test_what_is_no_code_is_refused(install: Install) -> None:
    install(code="class Toy:\n    name = 'toy'\n")
    with pytest.raises(CodeNotFoundError, match="no code of dftflow"):
        load_code("toy")


def test_two_packages_with_one_name(install: Install) -> None:
    install()
    install(package="other_toy", points="toy = other_toy:Toy")
    with pytest.raises(SpecError, match="several packages bring a code called 'toy'"):
        load_code("toy")


def test_no_package_replaces_a_code_of_dftflow(install: Install) -> None:
    install(points="castep = toy_dft:Toy")
    assert code_names() == ("castep", "espresso", "gpaw", "vasp")
    assert type(load_code("castep")).__module__ == "dftflow.codes.castep.code"
