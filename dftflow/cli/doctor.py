"""``dftflow doctor``: tries what dftflow needs on this machine, and says how to get what is missing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib import import_module, metadata
from pathlib import Path

import click

from dftflow import __version__
from dftflow.cli.check import Check
from dftflow.cli.completion import Machines
from dftflow.errors import CodeNotFoundError
from dftflow.installer import install_line

__all__ = ["all_checks", "command"]

REQUIRED = {"ase": "ase", "jinja2": "Jinja2", "matplotlib": "matplotlib", "numpy": "numpy", "psutil": "psutil",
            "pydantic": "pydantic", "pymatgen.core": "pymatgen", "rich": "rich", "scipy": "scipy",
            "spglib": "spglib"}  # fmt: skip
PROGRAMS = {
    "CASTEP": ("castep.mpi", "castep.serial", "castep"),
    "Quantum ESPRESSO": ("pw.x",),
    "VASP": ("vasp_std", "vasp_gam", "vasp_ncl"),
}
TIME_LIMIT_S = 120
HYDROGEN_EV = (-7.5, -6.0)

# The engine runs apart, as in every run: GPAW is loaded by no dftflow process.
TRY_GPAW = """
import json, time
from ase.build import molecule
from gpaw import GPAW, PW, __version__, get_libraries, setup_paths
elements = "H C N Br Cs Pb".split()
found = [e for e in elements if any(any(p.glob(f"{e}.PBE*")) for p in setup_paths)]
start = time.perf_counter()
atoms = molecule("H2")
atoms.set_cell([4, 4, 5])
atoms.center()
atoms.pbc = True
atoms.calc = GPAW(mode=PW(200), xc="PBE", txt=None)
energy = atoms.get_potential_energy()
print(json.dumps({"version": __version__, "energy_ev": float(energy), "wall_time_s": time.perf_counter() - start,
                  "libxc": get_libraries()["libxc"], "without_data": [e for e in elements if e not in found]}))
"""


@click.command()
@click.option("--machine", type=Machines(), help="Check this machine of machines.toml, on its login node.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(machine: str | None, as_json: bool) -> None:
    """Say what is installed here, what works, what is missing and how to get it.

    What can be tried is tried: packages are imported, and the embedded engine calculates H2. Of programs and folders it
    is said whether they are found and may be written. The exit code is 0 when nothing is missing or broken that every
    command needs, and 4 otherwise. With --machine it is said of each entry of a profile whether it is so; nothing is
    submitted.
    """
    checks = all_checks() if machine is None else _checks_of(machine)
    bad = [check.name for check in checks if check.required and check.state != "ok"]
    if as_json:
        click.echo(json.dumps({"works": not bad, "checks": [asdict(check) for check in checks]}, indent=1))
    else:
        click.echo(_page(checks))
    if bad:
        raise CodeNotFoundError(f"dftflow cannot work here: {', '.join(bad)}", fix="follow the lines above")


def _checks_of(machine: str) -> tuple[Check, ...]:
    from dftflow.cli.machine_checks import machine_checks
    from dftflow.jobs.machine_profile import load_machine

    return (*machine_checks(load_machine(machine)), _writable("this folder", Path.cwd()))


def all_checks() -> tuple[Check, ...]:
    """Try everything; the slow ones, which run in processes of their own, at the same time."""
    with ThreadPoolExecutor() as pool:
        engine, client = pool.submit(_gpaw), pool.submit(_materials_project)
        here = [_python(), _shipped_data(), *_packages(), _symmetry()]
        return (*here, engine.result(), *_programs(), client.result(), *_machine())


def _page(checks: tuple[Check, ...]) -> str:
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        mark = check.state.upper() if check.required and check.state != "ok" else check.state
        lines.append(f"{mark:<8} {check.name:<{width}}  {check.detail}")
        lines += [f"{'':<8} {'':<{width}}  -> {check.fix}"] if check.fix else []
    return "\n".join(lines)


# --- what every command needs -----------------------------------------------------------------------------------


def _python() -> Check:
    fits = sys.version_info >= (3, 11)
    return Check(
        name="python",
        state="ok" if fits else "broken",
        required=True,
        detail=f"{platform.python_version()} at {sys.executable}; dftflow {__version__} at {Path(__file__).parents[1]}",
        fix="" if fits else "dftflow needs Python 3.11 or newer",
    )


def _shipped_data() -> Check:
    from dftflow.resources import structures_dir, templates_dir, workflows_dir

    numbers = {
        "crystals": len(list(structures_dir().glob("*.cif"))),
        "templates": len(list(templates_dir().glob("*/*.j2"))),
        "studies": len(list(workflows_dir().glob("*.toml"))),
    }
    whole = all(numbers.values())
    return Check(
        name="shipped data",
        state="ok" if whole else "broken",
        required=True,
        detail=", ".join(f"{number} {name}" for name, number in numbers.items()),
        fix="" if whole else install_line("dftflow", again=True, alone=True),
    )


def _packages() -> Iterator[Check]:
    for module, package in REQUIRED.items():
        try:
            import_module(module)
        except ImportError as error:
            missing = isinstance(error, ModuleNotFoundError) and error.name == module.partition(".")[0]
            yield Check(
                name=package,
                state="missing" if missing else "broken",
                required=True,
                detail=_last_line(str(error)),
                fix=install_line(package, again=not missing),
            )
        else:
            yield Check(name=package, state="ok", required=True, detail=metadata.version(package))


def _symmetry() -> Check:
    try:
        number = _space_group_of_rock_salt()
        detail = f"spglib finds number {number} for rock salt" + ("" if number == 225 else " instead of 225")
    except Exception as error:  # whatever a damaged package raises is the finding
        number, detail = 0, f"{type(error).__name__}: {error}"
    fix = "" if number == 225 else install_line("spglib", again=True)
    return Check(name="space groups", state="broken" if fix else "ok", detail=detail, fix=fix, required=True)


def _space_group_of_rock_salt() -> int:
    import numpy as np

    from dftflow.crystals.symmetry import spglib_dataset

    lattice = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
    dataset = spglib_dataset(lattice, np.array([[0.0] * 3, [0.5] * 3]), [11, 17], symprec_ang=1e-5)
    return 0 if dataset is None else int(dataset.number)


# --- engines ----------------------------------------------------------------------------------------------------


def _gpaw() -> Check:
    from dftflow.codes.gpaw.code import GPAW

    fix = GPAW().how_to_get_it
    if not _installed("gpaw"):
        return Check(name="GPAW", state="missing", detail="the embedded engine is not installed", fix=fix)
    try:
        found = json.loads(_in_a_process(TRY_GPAW).splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return Check(name="GPAW", state="broken", detail=_why_it_failed(error), fix=fix)
    if found["without_data"]:
        elements = ", ".join(found["without_data"])
        return Check(
            name="GPAW", state="broken", detail=f"no PBE data sets for {elements}", fix=install_line("gpaw-data")
        )
    low, high = HYDROGEN_EV
    right = low < found["energy_ev"] < high
    return Check(
        name="GPAW",
        state="ok" if right else "broken",
        detail=f"{found['version']}, {_functionals(found['libxc'])}; "
        f"H2 {found['energy_ev']:.3f} eV in {found['wall_time_s']:.1f} s"
        + ("" if right else f", which should lie between {low} and {high} eV"),
        fix="" if right else fix,
    )


def _functionals(libxc: str) -> str:
    """Which functionals the engine has, by the version of libxc that it answers; ``""`` for none."""
    from dftflow.codes.gpaw.functionals import OF_LIBXC, OWN

    if libxc:
        return f"{', '.join((*OWN, *OF_LIBXC))}, hybrids and GLLB-SC at band edges (libxc {libxc})"
    return f"{', '.join(OWN)} (without libxc)"


def _programs() -> Iterator[Check]:
    for code, names in PROGRAMS.items():
        paths = [path for name in names if (path := shutil.which(name))]
        yield Check(
            name=code,
            state="ok" if paths else "missing",
            detail=paths[0] if paths else f"none of {', '.join(names)} is on the PATH",
            fix="" if paths else "load your machine's module; dftflow writes decks without it (`dftflow decks`)",
        )


# --- Materials Project ------------------------------------------------------------------------------------------


def _materials_project() -> Check:
    has_key = bool(os.environ.get("MP_API_KEY"))
    return Check(
        name="Materials Project",
        state="ok" if has_key else "missing",
        detail=f"MP_API_KEY is {'set' if has_key else 'not set'}",
        fix="" if has_key else "export MP_API_KEY=... (get a key at https://next-gen.materialsproject.org/api)",
    )


# --- machine ----------------------------------------------------------------------------------------------------


def _machine() -> Iterator[Check]:
    from dftflow.crystals.stored_answers import cache_folder

    yield _cores_and_memory()
    for name, folder in (("cache folder", cache_folder()), ("this folder", Path.cwd())):
        yield _writable(name, folder)


def _cores_and_memory() -> Check:
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = psutil.virtual_memory()
    detail = f"{cores} cores, {memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB memory free"
    return Check(name="machine", state="ok", detail=detail)


def _writable(name: str, folder: Path) -> Check:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(existing, os.W_OK | os.X_OK) or not existing.is_dir():
        fix = "choose another with XDG_CACHE_HOME" if name == "cache folder" else "run elsewhere, or choose --out"
        return Check(name=name, state="broken", detail=f"{folder} cannot be written", fix=fix)
    free_gib = shutil.disk_usage(existing).free / 2**30
    return Check(name=name, state="ok", detail=f"{folder}, {free_gib:.1f} GiB free")


# --- trying -----------------------------------------------------------------------------------------------------


def _installed(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def _in_a_process(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=TIME_LIMIT_S,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    return done.stdout


def _why_it_failed(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return _last_line(error.stderr) or f"the process ended with {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {TIME_LIMIT_S} s"
    return _last_line(str(error))


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
