"""What users get: the wheel, the sdist and an editable install, each used from a folder that is not the checkout."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

import dftflow

ROOT = Path(__file__).resolve().parents[1]
DATA = ("structures", "templates", "workflows")
SHIPPED = (*DATA, "dftflow")
LICENSED = "structures/Pb_licensed.usp"

pytestmark = pytest.mark.xdist_group("packaging")

TINY_STUDY = """
schema = 1
title = "CsBr, the bands alone"
code = "gpaw"

[settings]
xc = "PBE"
smearing_ev = 0.1
scf_tol_ev_per_atom = 1e-4
energy_tol_ev_per_atom = 2e-5
force_tol_ev_per_ang = 0.05
stress_tol_gpa = 0.1
displacement_tol_ang = 2e-3

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 200.0
relax_kpoints = [1, 1, 1]
bands_kpoints = [1, 1, 1]
cell = "isotropic"
band_edge = "G"
"""


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def run(*argv: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in argv], cwd=cwd, capture_output=True, text=True, env=clean_environment()
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def versioned(folder: Path) -> list[str]:
    """Files that git tracks or would track; all but what Python leaves behind where there is no git."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(argv, cwd=folder, capture_output=True)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if "__pycache__" not in path.parts]
    return sorted(
        name for name in names if (folder / name).is_file() and not name.startswith((".venv", "dist/", "runs/"))
    )


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the packages of this one and none of its dftflow."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def dftflow(self) -> Path:
        return self.folder / "bin" / "dftflow"

    @classmethod
    def make(cls, folder: Path) -> Environment:
        run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
        site_packages = next((folder / "lib").glob("python3*/site-packages"))
        # a path named in a .pth file is searched, but the .pth files in it are not read: an editable dftflow stays out
        (site_packages / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        return cls(folder)

    def install(self, *what: str | Path) -> None:
        options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed")
        run(sys.executable, "-m", "pip", "--python", self.python, "install", *options, *what, cwd=self.folder)

    def homes(self, cwd: Path) -> dict[str, Path]:
        """Where dftflow and its data are found."""
        script = (
            "import json, dftflow.resources as r;"
            "print(json.dumps({'dftflow': r.__file__, 'structures': str(r.structures_dir()),"
            "'templates': str(r.templates_dir()), 'workflows': str(r.workflows_dir())}))"
        )
        return {name: Path(path) for name, path in json.loads(run(self.python, "-c", script, cwd=cwd)).items()}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, with a licensed file in it that git ignores."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in versioned(ROOT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    with (folder / ".gitignore").open("a") as ignored:
        ignored.write("\n*.usp\n")
    (folder / LICENSED).write_text("not to be handed on")
    (folder / "dftflow" / "__pycache__").mkdir(exist_ok=True)
    (folder / "dftflow" / "__pycache__" / "stale.cpython-311.pyc").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel from the checkout, the sdist, and the wheel from the sdist."""
    direct, through = tmp_path_factory.mktemp("direct"), tmp_path_factory.mktemp("through")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir")
    run(*build, direct, "--wheel", checkout, cwd=checkout)
    run(*build, through, checkout, cwd=checkout)
    (wheel,), (sdist,), (second,) = direct.glob("*.whl"), through.glob("*.tar.gz"), through.glob("*.whl")
    return {"wheel": wheel, "sdist": sdist, "wheel from sdist": second}


@pytest.fixture(scope="module")
def installed(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.make(tmp_path_factory.mktemp("installed") / "venv")
    environment.install(built["wheel"])
    return environment


# --- what is in it ----------------------------------------------------------------------------------------------


def in_wheel(name: str) -> str:
    return f"dftflow/_data/{name}" if name.startswith(tuple(f"{folder}/" for folder in DATA)) else name


def test_the_wheel_holds_the_package_and_the_data_and_nothing_else(built: dict[str, Path]) -> None:
    names = {name for name in zipfile.ZipFile(built["wheel"]).namelist() if ".dist-info/" not in name}
    expected = {in_wheel(name) for name in versioned(ROOT) if name.split("/")[0] in SHIPPED}
    assert names == expected
    assert {"dftflow/_data/structures/SOURCES.toml", "dftflow/_data/workflows/fapbbr3-cspbbr3.toml"} <= names
    assert {"dftflow/_data/templates/gpaw/siteconfig.py", "dftflow/py.typed"} <= names


def test_the_wheel_from_the_sdist_is_the_same(built: dict[str, Path]) -> None:
    first, second = (zipfile.ZipFile(built[name]) for name in ("wheel", "wheel from sdist"))
    assert sorted(first.namelist()) == sorted(second.namelist())
    for name in first.namelist():
        assert first.read(name) == second.read(name), name


def test_the_sdist_can_be_tested(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "constraints.txt", "Makefile", "README.md", "LICENSE", "tests/test_packaging.py"} <= names
    assert LICENSED not in names
    assert not [name for name in names if name.endswith(".pyc") or name.startswith((".venv", "runs"))]


def test_no_ignored_file_is_shipped(built: dict[str, Path]) -> None:
    for kind in ("wheel", "wheel from sdist"):
        assert not [name for name in zipfile.ZipFile(built[kind]).namelist() if name.endswith((".usp", ".pyc"))]


def test_metadata(built: dict[str, Path]) -> None:
    wheel = zipfile.ZipFile(built["wheel"])
    (name,) = (name for name in wheel.namelist() if name.endswith("dist-info/METADATA"))
    text = wheel.read(name).decode()
    assert f"\nVersion: {dftflow.__version__}\n" in text
    assert "\nRequires-Python: >=3.11\n" in text
    assert "\nLicense-Expression: MIT\n" in text
    for extra in ("docs", "gpaw", "test"):
        assert f"\nProvides-Extra: {extra}\n" in text
    for line in text.splitlines():
        if line.startswith("Requires-Dist: gpaw") or line.startswith("Requires-Dist: mp-api"):
            assert "extra ==" in line, "GPAW is GPL and the client is heavy: both are extras"
    assert "\nRequires-Dist: castepxbin>=0.3\n" in text and "Provides-Extra: castep" not in text


# --- how it works -----------------------------------------------------------------------------------------------


def test_an_installed_wheel_finds_its_own_data(installed: Environment, tmp_path: Path) -> None:
    for home in installed.homes(tmp_path).values():
        assert home.is_relative_to(installed.folder)


def test_the_commands_of_an_installed_wheel(installed: Environment, tmp_path: Path) -> None:
    assert run(installed.dftflow, "--version", cwd=tmp_path) == f"dftflow {dftflow.__version__}\n"
    shipped = json.loads(run(installed.dftflow, "structure", "--json", cwd=tmp_path))
    assert {row["name"] for row in shipped} == {path.stem for path in (ROOT / "structures").glob("*.cif")}
    assert run(installed.python, "-m", "dftflow", "--help", cwd=tmp_path).startswith("Usage: dftflow")
    assert list(tmp_path.iterdir()) == []


def test_an_installed_wheel_writes_the_decks_of_a_shipped_study(installed: Environment, tmp_path: Path) -> None:
    run(installed.dftflow, "decks", "fapbbr3-cspbbr3", "--code", "castep", "--out", "decks", cwd=tmp_path)
    cells = list((tmp_path / "decks").rglob("*.cell"))
    assert cells
    assert all(cell.with_suffix(".param").is_file() for cell in cells)


@pytest.mark.engine
def test_an_installed_wheel_runs_a_study(installed: Environment, tmp_path: Path) -> None:
    (tmp_path / "csbr.toml").write_text(TINY_STUDY)
    run(installed.dftflow, "run", "csbr.toml", "--preset", "quick", cwd=tmp_path)
    folder = tmp_path / "runs" / "csbr-quick"
    assert (folder / "report.html").is_file()
    bulk = json.loads((folder / "results.json").read_text())["materials"]["CsBr"]["bulk"]
    # the shipped cell, as measured; and CsBr is colourless, so that its gap exceeds that of all visible light
    assert bulk["volume_ang3"] == pytest.approx(4.291**3, abs=1e-3)
    assert bulk["band_gap_ev"] > 3.1


def test_an_editable_install_is_the_checkout(checkout: Path, tmp_path: Path) -> None:
    environment = Environment.make(tmp_path / "venv")
    environment.install("--editable", checkout)
    homes = environment.homes(tmp_path)
    assert homes["dftflow"] == checkout / "dftflow" / "resources.py"
    assert {homes[name] for name in DATA} == {checkout / name for name in DATA}
    assert run(environment.dftflow, "--version", cwd=tmp_path) == f"dftflow {dftflow.__version__}\n"


# --- uvx ------------------------------------------------------------------------------------------------------------


def stub_wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    """A wheel of that name and version which holds `files` alone."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content = {**files, **{f"{stem}.dist-info/{key}": text for key, text in info.items()}}
    record = f"{stem}.dist-info/RECORD"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for key, text in {**content, record: "".join(f"{key},,\n" for key in [*content, record])}.items():
            wheel.writestr(key, text)


@pytest.fixture(scope="module")
def without_an_index(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels for what dftflow asks for, as uv finds them without a connection: their content is this environment's."""
    folder = tmp_path_factory.mktemp("wheels")
    wheel = zipfile.ZipFile(built["wheel"])
    text = next(wheel.read(name).decode() for name in wheel.namelist() if name.endswith("METADATA"))
    for line in text.splitlines():
        if line.startswith("Requires-Dist: ") and "extra ==" not in line:
            name = re.split(r"[<>=;\[ ]", line.removeprefix("Requires-Dist: "))[0]
            stub_wheel(folder, name, metadata.version(name), {})
    stub_wheel(folder, "borrowed", "1.0", {"borrowed.pth": sysconfig.get_paths()["purelib"] + "\n"})
    return folder


def uvx(*argv: str | Path, wheels: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = [Path(sys.executable).with_name("uvx"), "--offline", "--no-index", "--find-links", wheels]
    own = {"UV_CACHE_DIR": str(cwd / "cache"), "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never"}
    environment = {name: value for name, value in clean_environment().items() if name != "VIRTUAL_ENV"} | own
    return subprocess.run(
        [str(word) for word in (*words, "--python", sys.executable, *argv)],
        cwd=cwd, capture_output=True, text=True, env=environment,
    )  # fmt: skip


def test_uvx_runs_doctor_from_the_wheel(built: dict[str, Path], without_an_index: Path, tmp_path: Path) -> None:
    done = uvx(
        *("--with", "borrowed", "--from", built["wheel"], "dftflow", "doctor", "--json"),
        wheels=without_an_index, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    checks = {check["name"]: check for check in said["checks"]}
    assert said["works"] and str(tmp_path / "cache") in checks["python"]["detail"]
    assert not [check for check in said["checks"] if "-m pip" in check["fix"]]


def test_uvx_without_the_packages_is_told_what_to_call(
    built: dict[str, Path], without_an_index: Path, tmp_path: Path
) -> None:
    """The wheels of what dftflow needs are empty here."""
    done = uvx(
        "--from", built["wheel"], "--with", "click", "dftflow", "--version", wheels=without_an_index, cwd=tmp_path
    )
    assert done.returncode != 0  # not even click
    script = (
        "import json; from dftflow.installer import install_line, keeper;"
        "print(json.dumps([keeper(), install_line('numpy')]))"
    )
    done = uvx("--from", built["wheel"], "python", "-c", script, wheels=without_an_index, cwd=tmp_path)
    who, line = json.loads(done.stdout)
    words = shlex.split(line)
    assert who == "uvx" and words[1:5] == ["tool", "run", "--with", "numpy"]
    assert (
        words[-4:-3] == ["--from"] and words[-3].endswith(built["wheel"].name) and words[-2:] == ["dftflow", "doctor"]
    )


def test_an_installed_wheel_says_that_it_works(installed: Environment, tmp_path: Path) -> None:
    for command in ((installed.dftflow,), (installed.python, "-m", "dftflow")):
        assert json.loads(run(*command, "doctor", "--json", cwd=tmp_path))["works"]
