"""``dftflow doctor`` on this machine, and on one where things are missing or broken."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from dftflow.cli import doctor
from dftflow.cli.check import Check
from dftflow.cli.doctor import all_checks
from dftflow.cli.main import main
from dftflow.codes.gpaw.functionals import libxc_is_not_missing
from dftflow.resources import templates_dir

KEY = "s3cret-key-of-a-person-0123456789"


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine and the client count as not installed, so that no process is started."""
    monkeypatch.setattr(doctor, "_installed", lambda package: False)


def by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def put_script(folder: Path, name: str, text: str = "#!/bin/sh\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    return folder / name


@pytest.mark.engine
def test_this_machine_works_and_the_engine_calculates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    checks = {check["name"]: check for check in said["checks"]}
    assert said["works"]
    assert checks["numpy"]["detail"] == metadata.version("numpy")
    assert checks["GPAW"]["state"] == "ok", checks["GPAW"]["detail"]
    assert checks["GPAW"]["detail"].startswith(metadata.version("gpaw"))
    energy_ev = float(checks["GPAW"]["detail"].split("H2 ")[1].split(" eV")[0])
    # 6.65 eV is what GPAW's own tutorial finds for H2 against unpolarised atoms, with a converged basis
    assert energy_ev == pytest.approx(-6.65, abs=0.25)
    assert ("SCAN" in checks["GPAW"]["detail"]) == libxc_is_not_missing()


@pytest.mark.usefixtures("no_processes")
def test_every_problem_has_a_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    checks = by_name(all_checks())
    assert {"CASTEP", "Quantum ESPRESSO", "VASP", "GPAW", "Materials Project"} <= {
        name for name, check in checks.items() if check.state == "missing"
    }
    assert all(bool(check.fix) == (check.state != "ok") for check in checks.values())
    assert "install g++" in checks["GPAW"].fix


@pytest.mark.usefixtures("no_processes")
def test_the_recipe_for_the_engine_can_be_given_to_a_shell() -> None:
    words = shlex.split(by_name(all_checks())["GPAW"].fix)
    if not shutil.which("g++"):
        words = words[words.index("CC=g++") :]
    settings = dict(word.split("=", 1) for word in words[:2])
    assert settings["CC"] == "g++"
    configuration: dict[str, object] = {}
    exec(Path(settings["GPAW_CONFIG"]).read_text(), configuration)
    assert configuration["noblas"] is True
    assert configuration["nolibxc"] is True
    assert configuration["mpi"] is False
    assert configuration["libraries"] == []
    assert words[2:6] == [sys.executable, "-m", "pip", "install"]


def test_libxc_is_looked_for_where_pyscf_lies_and_nowhere_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (templates_dir() / "gpaw" / "siteconfig_xc.py").read_text()
    configuration: dict[str, object] = {}
    lies = ModuleSpec("pyscf", None, origin=str(tmp_path / "pyscf" / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: lies)
    exec(text, configuration)
    assert configuration["libraries"] == ["xc"] and "nolibxc" not in configuration
    assert configuration["library_dirs"] == configuration["runtime_library_dirs"]
    assert configuration["library_dirs"] == [str(tmp_path / "pyscf" / "lib" / "deps" / "lib")]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="pyscf"):
        exec(text, {})


@pytest.mark.usefixtures("no_processes")
def test_finds_codes_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("castep.serial", "vasp_std"):
        put_script(tmp_path / "bin", name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    checks = by_name(all_checks())
    assert checks["CASTEP"].state == checks["VASP"].state == "ok"
    assert checks["CASTEP"].detail == str(tmp_path / "bin" / "castep.serial")
    assert checks["Quantum ESPRESSO"].state == "missing"


def test_the_key_is_never_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MP_API_KEY", KEY)
    monkeypatch.setattr(doctor, "_installed", lambda package: False)
    for arguments in (["doctor"], ["doctor", "--json"]):
        assert main(arguments) == 0
        captured = capsys.readouterr()
        assert "MP_API_KEY is set" in captured.out
        assert KEY not in captured.out + captured.err


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("import sys; sys.exit('libfoo.so: cannot open shared object file')", "libfoo.so: cannot open"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended with -9"),
        ("print('no JSON')", "Expecting value"),
        ("pass", "out of range"),
        ('print(\'{"version": "26.7", "energy_ev": -6.7, "wall_time_s": 1, "without_data": ["Pb"]}\')', "for Pb"),
        (
            'print(\'{"version": "26.7", "energy_ev": -1, "wall_time_s": 1, "libxc": "", "without_data": []}\')',
            "between -7.5",
        ),
    ],
    ids=["import", "killed", "noise", "silent", "no data", "wrong energy"],
)
def test_a_broken_engine_is_named_and_stops_nothing(
    script: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "_installed", lambda package: package == "gpaw")
    monkeypatch.setattr(doctor, "TRY_GPAW", script)
    engine = by_name(all_checks())["GPAW"]
    assert engine.state == "broken"
    assert says in engine.detail
    assert "pip install" in engine.fix
    assert main(["doctor"]) == 0
    assert "broken   GPAW" in capsys.readouterr().out


def test_an_engine_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_installed", lambda package: package == "gpaw")
    monkeypatch.setattr(doctor, "TRY_GPAW", "import time; time.sleep(60)")
    monkeypatch.setattr(doctor, "TIME_LIMIT_S", 0.5)
    assert by_name(all_checks())["GPAW"].detail == "no answer within 0.5 s"


@pytest.mark.usefixtures("no_processes")
def test_a_missing_required_package(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "REQUIRED", {"no_such_package_anywhere.inside": "no-such-package"})
    assert main(["doctor"]) == 4
    captured = capsys.readouterr()
    assert "MISSING  no-such-package" in captured.out
    assert "pip install no-such-package" in captured.out
    assert captured.err.startswith("error: dftflow cannot work here: no-such-package")
    assert main(["doctor", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["works"] is False


@pytest.mark.usefixtures("no_processes")
def test_a_broken_required_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "damaged_package.py").write_text("raise ImportError('undefined symbol: dgemm_')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor, "REQUIRED", {"damaged_package": "damaged"})
    check = by_name(all_checks())["damaged"]
    assert check.state == "broken"
    assert check.detail == "undefined symbol: dgemm_"
    assert "--force-reinstall" in check.fix


@pytest.mark.usefixtures("no_processes")
def test_missing_shipped_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dftflow.resources.structures_dir", lambda: tmp_path)
    check = by_name(all_checks())["shipped data"]
    assert check.required
    assert check.state == "broken"
    assert check.detail.startswith("0 crystals")


@pytest.mark.usefixtures("no_processes")
def test_a_cache_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    check = by_name(all_checks())["cache folder"]
    assert check.state == "broken"
    assert "XDG_CACHE_HOME" in check.fix


def test_nothing_in_the_working_folder_is_imported(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            "from dftflow.cli.doctor import _in_a_process as p; print(p('import json'), end='')",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(doctor.__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
