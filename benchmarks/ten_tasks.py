"""Ten things that people do with results, in dftflow and in its peers: commands that each takes, and what comes out.

    PEERS_PYTHON=/path/to/python python benchmarks/ten_tasks.py FOLDER [TOOL ...]

PEERS_PYTHON is the interpreter of an environment with sumo, bapt, pymatgen and ASE. The attempts stand in
``ten_tasks.toml``; each runs in a copy of the same inputs below FOLDER. An attempt counts as done when it ended well
and left the file that it names, or printed something. The inputs: bands and density of states of cubic CsPbBr3 by
pw.x, as they are and in the layout of CASTEP and of VASP (neither was run), and the stored GPAW runs of CsPbBr3 and
FAPbBr3 in the layout of VASP.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pymatgen.core import Structure

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from castep_files import write_finished  # noqa: E402
from outcomes import StoredRun  # noqa: E402
from vasp_files import Geometry, Run  # noqa: E402

from dftflow.gate.found import calculation_at  # noqa: E402
from dftflow.model.results import Bands, PotentialGrid, Results  # noqa: E402

__all__ = ["Attempt", "Trial", "attempts", "lay_inputs", "main", "try_out"]

ATTEMPTS = Path(__file__).with_suffix(".toml")
DENSE = ROOT / "tests" / "data" / "espresso" / "6.7" / "dense"
TIME_LIMIT_S = 600
DATED = '  <i name="date" type="string">2026 11 26 </i>\n  <i name="time" type="string">10:00:00 </i>\n </generator>'
TITELS = {"Cs": "PAW_PBE Cs_sv 08Apr2002", "Pb": "PAW_PBE Pb_d 06Sep2000", "Br": "PAW_PBE Br 06Sep2000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One task in one tool.

    Attributes
    ----------
    task
        From 1 to 10.
    shell, python
        What a person types: commands, or the lines of a script; one of the two.
    makes
        The file that has to be there afterwards; ``""`` where what is printed is the answer.
    comes_out
        What a person has then, in a phrase; where a tool cannot do the task, why.
    """

    task: int
    tool: str
    comes_out: str
    shell: str = ""
    python: str = ""
    makes: str = ""

    @property
    def lines(self) -> int:
        """Commands or lines of a script that a person has to write."""
        text = self.shell or self.python
        return sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How an attempt went."""

    attempt: Attempt
    done: bool
    printed: str


def attempts() -> tuple[Attempt, ...]:
    """All of them, in the order of the file."""
    return tuple(Attempt(**entry) for entry in tomllib.loads(ATTEMPTS.read_text("utf-8"))["attempt"])


def try_out(attempt: Attempt, inputs: Path, folder: Path) -> Trial:
    """Carry out an attempt in a copy of `inputs` in `folder`; one without lines is not done."""
    if not attempt.lines:
        return Trial(attempt=attempt, done=False, printed="")
    shutil.copytree(inputs, folder)
    interpreter = sys.executable if attempt.tool == "dftflow" else os.environ["PEERS_PYTHON"]
    path = f"{Path(interpreter).parent}{os.pathsep}{os.environ['PATH']}"
    argv = ["bash", "-ec", attempt.shell] if attempt.shell else [interpreter, "-c", attempt.python]
    environment = os.environ | {"PATH": path, "MPLBACKEND": "Agg"}
    try:
        ended = subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Trial(attempt=attempt, done=False, printed=f"not done after {TIME_LIMIT_S} s")
    there = (folder / attempt.makes).exists() if attempt.makes else bool((ended.stdout + ended.stderr).strip())
    return Trial(attempt=attempt, done=ended.returncode == 0 and there, printed=ended.stdout + ended.stderr)


# --- the inputs -------------------------------------------------------------------------------------------------


def lay_inputs(folder: Path) -> None:
    """Write the files that all tools start from."""
    shutil.copytree(DENSE, folder / "espresso", ignore=shutil.ignore_patterns("grid"))
    shutil.copytree(DENSE / "grid", folder / "espresso-grid")
    along_path = calculation_at(folder / "espresso").results
    on_grid = calculation_at(folder / "espresso-grid").results
    _castep(folder / "castep", along_path, _flat(along_path.structure))
    _castep(folder / "castep-grid", on_grid, _flat(on_grid.structure))
    _vasp(folder / "vasp", along_path, labels=True)
    run = StoredRun.of(folder / "stored")
    for material in run.outcome().materials:
        bulk, slab = f"{material.name}/bulk-bands", f"{material.name}/slab-010-potential"
        for step, name in ((bulk, f"{material.name}-bulk"), (slab, f"{material.name}-slab")):
            results = calculation_at(run.folder(step)).results
            _vasp(folder / name, results, labels=False)
            _locpot(folder / name, results)
    shutil.rmtree(folder / "stored")
    for number in range(50):
        shutil.copytree(folder / "vasp", folder / "fifty" / f"run{number + 1:02d}")
    assert along_path.structure is not None
    along_path.structure.to(filename=str(folder / "POSCAR"), fmt="poscar")


def _flat(structure: Structure | None) -> PotentialGrid:
    """A potential that says nothing, for a layout that wants one."""
    from dftflow.codes.reading import zero_of

    assert structure is not None
    zero = zero_of(Path(), "flat")
    return PotentialGrid(values_ev=np.zeros((2, 2, 2)), cell_ang=structure.lattice.matrix, kind="local", zero=zero)


def _castep(folder: Path, results: Results, potential: PotentialGrid) -> None:
    assert results.bands is not None
    assert results.structure is not None
    folder.mkdir()
    write_finished(folder, "CsPbBr3", bands=results.bands, potential=potential, task="band structure")
    (folder / "CsPbBr3.pot_fmt").unlink()
    (folder / "CsPbBr3.cell").write_text(_cell_text(results.structure, results.bands))


def _cell_text(structure: Structure, bands: Bands) -> str:
    corners = [(k, name) for k, name in zip(bands.kpoints_frac, bands.labels, strict=True) if name]
    blocks = {
        "LATTICE_CART": ["".join(f"{x:14.8f}" for x in vector) for vector in structure.lattice.matrix],
        "POSITIONS_FRAC": [f"{site.specie} " + " ".join(f"{x:.6f}" for x in site.frac_coords) for site in structure],
        "SPECTRAL_KPOINT_PATH": [" ".join(f"{x:.6f}" for x in k) + f" ! {_letter(name)}" for k, name in corners],
    }
    return "\n".join(
        line for name, rows in blocks.items() for line in (f"%BLOCK {name}", *rows, f"%ENDBLOCK {name}", "")
    )


def _letter(name: str) -> str:
    return r"\Gamma" if name == "G" else name


def _vasp(folder: Path, results: Results, *, labels: bool) -> None:
    bands, structure = results.bands, results.structure
    assert bands is not None
    assert structure is not None
    folder.mkdir()
    geometry = Geometry(
        positions=structure.frac_coords.tolist(),
        cell=structure.lattice.matrix.tolist(),
        forces=np.zeros((len(structure), 3)).tolist(),
    )
    n_bands, electrons = bands.eigenvalues_ev.shape[2], sum(bands.n_electrons)
    filled = np.broadcast_to(np.arange(n_bands) < electrons / 2, bands.eigenvalues_ev.shape).astype(float)
    count = len(bands.kpoints_frac)
    run = Run(
        geometries=[geometry],
        kpoints=bands.kpoints_frac.tolist(),
        weights=[1 / count] * count,
        eigenvalues=np.asarray(bands.eigenvalues_ev),
        occupations=filled,
        fermi_ev=bands.fermi_ev,
        titels=[TITELS.get(str(site.specie), f"PAW_PBE {site.specie} 08Apr2002") for site in structure],
        parameters={"NELECT": f"float:{electrons}", "NBANDS": f"int:{n_bands}"},
    )
    (folder / "vasprun.xml").write_text(run.xml().replace(" </generator>", DATED))
    if labels:
        rows = [
            " ".join(f"{x:.8f}" for x in k) + f" 1.0 {'GAMMA' if name == 'G' else name}".rstrip()
            for k, name in zip(bands.kpoints_frac, bands.labels, strict=True)
        ]
        (folder / "KPOINTS").write_text("\n".join(["along the path", str(count), "Reciprocal", *rows, ""]))


def _locpot(folder: Path, results: Results) -> None:
    assert results.potential is not None
    assert results.structure is not None
    values = results.potential.values_ev
    flat = values.ravel(order="F")
    rows = ["".join(f" {x:17.11E}" for x in flat[i : i + 5]) for i in range(0, len(flat), 5)]
    head = results.structure.to(fmt="poscar")
    (folder / "LOCPOT").write_text("\n".join([head, "".join(f"{n:5d}" for n in values.shape), *rows, ""]))


def main(arguments: Sequence[str]) -> int:
    """Try out all tools, or those that are named, and print a Markdown table."""
    top, wanted = Path(arguments[0]).resolve(), set(arguments[1:])
    shutil.rmtree(top, ignore_errors=True)
    inputs = top / "inputs"
    inputs.mkdir(parents=True)
    lay_inputs(inputs)
    print("| task | tool | lines | what comes out |\n|---|---|---|---|")
    wrong = 0
    for number, attempt in enumerate(attempts()):
        if wanted and attempt.tool not in wanted:
            continue
        trial = try_out(attempt, inputs, top / f"{attempt.task:02d}-{attempt.tool}-{number}")
        (top / f"{attempt.task:02d}-{attempt.tool}-{number}.txt").write_text(trial.printed)
        failed = bool(attempt.lines) and not trial.done
        wrong += failed
        outcome = "FAILED: " + trial.printed.strip().splitlines()[-1][:80] if failed else attempt.comes_out
        print(f"| {attempt.task} | {attempt.tool} | {attempt.lines or '–'} | {outcome} |", flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
