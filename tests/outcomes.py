"""Outcomes of studies, by dftflow's own way from finished runs of GPAW (tests/data/gpaw).

A variant is made by changing the records or the text of the study in a copy of a run, and reading the copy.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dftflow.model.outcome import StudyOutcome
from dftflow.studies.execution import outcome_of_folder

STORED = Path(__file__).parent / "data" / "gpaw" / "26.7.0"
PAPER, RELAXED = "fapbbr3-cspbbr3-quick", "csbr-relaxed"
CS, FA = "CsPbBr3", "FAPbBr3"
CS_BANDS, FA_BANDS = f"{CS}/bulk-bands", f"{FA}/bulk-bands"
CS_011, CS_010, FA_010 = f"{CS}/slab-011-potential", f"{CS}/slab-010-potential", f"{FA}/slab-010-potential"
PAPER_STEPS = (CS_BANDS, CS_011, CS_010, FA_BANDS, FA_010)
FAILURE, LOG_TAIL = "scf not converged: 60 cycles, last change 3e-2 eV", "iter: 60 <-123.3>\nKohnShamConvergenceError"
MANY = ("CsPbBr3", "FA0.83Cs0.17PbI1.8Br1.2", "TiO2", "Cs2AgBiBr6", "spiro-OMeTAD", "FASnI3", "WO3", "CsI")
STEP_EV = 0.3


@dataclass(frozen=True)
class StoredRun:
    """A copy of a stored run, which may be changed."""

    root: Path

    @classmethod
    def of(cls, root: Path, name: str = PAPER) -> StoredRun:
        """A new copy in `root`, in the place of what lies there."""
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(STORED / name, root)
        return cls(root)

    def outcome(self) -> StudyOutcome:
        """What dftflow makes of it."""
        return outcome_of_folder(self.root)

    def folder(self, step: str) -> Path:
        """Where the files of a step lie."""
        (entry,) = [entry for entry in self._plan()["steps"] if entry["name"] == step]
        return self.root / str(entry["folder"])

    # --- the plan ---

    def _plan(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / "plan.json").read_text("utf-8"))
        return content

    def _write_plan(self, content: dict[str, Any]) -> None:
        (self.root / "plan.json").write_text(json.dumps(content), "utf-8")

    def text(self, change: Callable[[str], str]) -> StoredRun:
        """Change the text of the study; it must change."""
        content = self._plan()
        study = content["header"]["study"]
        changed = change(study["text"])
        assert changed != study["text"]
        study |= {"text": changed, "sha256": hashlib.sha256(changed.encode()).hexdigest()}
        self._write_plan(content)
        return self

    def without(self, material: str) -> StoredRun:
        """Take a material out of the study, with its steps and with every alignment."""
        content = self._plan()
        content["steps"] = [step for step in content["steps"] if not step["name"].startswith(f"{material}/")]
        del content["header"]["materials"][material]
        self._write_plan(content)
        tables = {f"[materials.{material}]", f"[[materials.{material}.slabs]]"}
        return self.unaligned().text(lambda text: _without_tables(text, tables))

    def unaligned(self) -> StoredRun:
        """Take every alignment out of the study."""
        return self.text(lambda text: _without_tables(text, {"[[alignment]]", "[[alignment.published]]"}))

    def never_started(self, step: str, why: str) -> StoredRun:
        """Nothing was made for the step, because of `why`."""
        shutil.rmtree(self.folder(step))
        content = self._plan()
        for entry in content["steps"]:
            if entry["name"] == step:
                entry |= {"folder": "", "failure": why}
        self._write_plan(content)
        return self

    # --- what a step left ---

    def state(self, step: str, state: str, *, failure: str = "", log_tail: str = "") -> StoredRun:
        """How the step ended."""
        file = self.folder(step) / "state.json"
        content = json.loads(file.read_text()) | {"state": state, "failure": failure, "log_tail": log_tail}
        file.write_text(json.dumps(content))
        return self

    def failed(self, step: str, failure: str = FAILURE, log_tail: str = LOG_TAIL) -> StoredRun:
        """The step did not converge, and left no arrays."""
        self.record(step, status="scf_not_converged", message="60 cycles")
        self.lost(step, "bands.npz", "potential.npz")
        return self.state(step, "failed", failure=failure, log_tail=log_tail)

    def waiting(self, step: str) -> StoredRun:
        """The step was prepared and has not run."""
        return self.lost(step, "results.json", "bands.npz", "potential.npz").state(step, "waiting")

    def lost(self, step: str, *names: str) -> StoredRun:
        """These files of the step are not there."""
        for name in names:
            (self.folder(step) / name).unlink(missing_ok=True)
        return self

    def record(self, step: str, **changes: object) -> StoredRun:
        """Change entries of the engine's record."""
        file = self.folder(step) / "results.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
        return self

    def moved(self, step: str, by_ang: float) -> StoredRun:
        """The first ion of the calculation stands elsewhere along a."""
        positions = json.loads((self.folder(step) / "results.json").read_text())["positions_ang"]
        positions[0][0] += by_ang
        return self.record(step, positions_ang=positions)

    def results_of(self, step: str, other: str) -> StoredRun:
        """In the folder of `step` lie the results of `other`."""
        for name in ("results.json", "bands.npz", "potential.npz"):
            shutil.copy(self.folder(other) / name, self.folder(step) / name)
        return self

    def shifted(self, step: str, *, bands_ev: float = 0.0, conduction_ev: float = 0.0) -> StoredRun:
        """All eigenvalues of the step, and those of its empty bands once more, moved up."""
        file = self.folder(step) / "bands.npz"
        arrays = dict(np.load(file))
        n_filled = filled_bands(self.folder(step))
        arrays["eigenvalues_ev"] = arrays["eigenvalues_ev"] + bands_ev
        arrays["eigenvalues_ev"][..., n_filled:] += conduction_ev
        np.savez(file, **arrays)
        return self

    def potential(self, step: str, change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> StoredRun:
        """Change the plane averages: a function of heights in Å and values in eV."""
        file = self.folder(step) / "potential.npz"
        arrays = dict(np.load(file))
        values = arrays["planar_ev"]
        heights = np.arange(values.size) * arrays["cell_ang"][2, 2] / values.size
        arrays["planar_ev"] = change(heights, values)
        np.savez(file, **arrays)
        return self

    def rolled(self, step: str, points: int) -> StoredRun:
        """The slab stands `points` of the potential's mesh higher in its cell, and may be cut by the cell's border."""
        arrays = np.load(self.folder(step) / "potential.npz")
        length = float(arrays["cell_ang"][2, 2])
        positions = np.array(json.loads((self.folder(step) / "results.json").read_text())["positions_ang"])
        positions[:, 2] = (positions[:, 2] + points * length / arrays["planar_ev"].size) % length
        self.record(step, positions_ang=positions.tolist())
        return self.potential(step, lambda z, v: np.roll(v, points))

    # --- more materials ---

    def only_copies_of_fa(self, names: Sequence[str]) -> StoredRun:
        """A study of copies of FAPbBr3 by these names, each compared with each."""
        content = self._plan()
        text = content["header"]["study"]["text"]
        material = content["header"]["materials"][FA]
        steps = [step for step in content["steps"] if step["name"].startswith(f"{FA}/")]
        places = [[f"steps/material-{number}/{i}" for i in range(len(steps))] for number in range(len(names))]
        for own in places:
            for step, place in zip(steps, own, strict=True):
                shutil.copytree(self.root / step["folder"], self.root / place)
        content["header"]["materials"] = dict.fromkeys(names, material)
        content["steps"] = [
            _renamed(step, FA, name) | {"folder": place}
            for name, own in zip(names, places, strict=True)
            for step, place in zip(steps, own, strict=True)
        ]
        self._write_plan(content)
        return self.text(lambda _: _text_of_copies(text, names))


def _without_tables(text: str, heads: set[str]) -> str:
    """`text` without the TOML tables that begin with these lines."""
    kept, keep = [], True
    for line in text.splitlines():
        if line.startswith("["):
            keep = line.strip() not in heads
        if keep:
            kept.append(line)
    return "\n".join(kept) + "\n"


def _renamed(step: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """A step of the plan with another material."""

    def named(entry: dict[str, Any]) -> dict[str, Any]:
        return entry | {"materials": [new if name == old else name for name in entry["materials"]]}

    content = step["content"]
    needs = [need | {"step": named(need["step"])} for need in content["needs"]]
    return step | {
        "name": step["name"].replace(f"{old}/", f"{new}/"),
        "content": content | {"id": named(content["id"]), "needs": needs},
    }


def _text_of_copies(text: str, names: Sequence[str]) -> str:
    tables = text[text.index(f"[materials.{FA}]") : text.index("[[alignment]]")]
    head = text[: text.index("[materials.CsPbBr3]")]
    copies = [tables.replace(f"materials.{FA}", f'materials."{name}"') for name in names]
    return "\n".join([head, *copies, '[[alignment]]\nmaterials = "all"\n'])


# --- outcomes ---------------------------------------------------------------------------------------------------


def make_outcome(root: Path) -> StudyOutcome:
    """The paper's study at `quick`: two materials, three slabs of which one is a polar plane, five rows of offsets."""
    return StoredRun.of(root).outcome()


def make_failed(root: Path) -> StudyOutcome:
    """The same, where the polar slab of CsPbBr3 did not converge."""
    return StoredRun.of(root).failed(CS_011).outcome()


def make_bare(root: Path) -> StudyOutcome:
    """The same, before anything has run."""
    run = StoredRun.of(root)
    for step in PAPER_STEPS:
        run.waiting(step)
    return run.outcome()


def make_relaxed(root: Path) -> StudyOutcome:
    """CsBr alone, with a relaxed crystal and a relaxed slab."""
    return StoredRun.of(root, RELAXED).outcome()


def many_run(root: Path, count: int, *, own_bands: bool = False) -> StoredRun:
    """Copies of FAPbBr3, the valence band of each 0.3 eV, the conduction band 0.1 eV below that of the one before.

    Without their own bands the slabs give no row by work functions, and each pair has one row.
    """
    names = MANY[:count]
    run = StoredRun.of(root).only_copies_of_fa(names)
    for number, name in enumerate(names):
        run.shifted(f"{name}/bulk-bands", bands_ev=-STEP_EV * number, conduction_ev=0.2 * number)
        if not own_bands:
            run.lost(f"{name}/slab-010-potential", "bands.npz")
    return run


def make_many(root: Path, count: int, *, own_bands: bool = False) -> StudyOutcome:
    """The outcome of `many_run`."""
    return many_run(root, count, own_bands=own_bands).outcome()


VARIANTS: dict[str, Callable[[Path], StudyOutcome]] = {
    "whole": make_outcome,
    "failed": make_failed,
    "never started": lambda root: StoredRun.of(root).never_started(CS_010, "no slab can be cut").outcome(),
    "refused": lambda root: StoredRun.of(root).results_of(CS_010, CS_011).outcome(),
    "metallic": lambda root: StoredRun.of(root).shifted(CS_BANDS, conduction_ev=-3.0).outcome(),
    "metallic slab": lambda root: StoredRun.of(root).shifted(FA_010, conduction_ev=-3.0).outcome(),
    "bare": make_bare,
    "one material": lambda root: StoredRun.of(root).without(FA).outcome(),
    "three materials": lambda root: make_many(root, 3, own_bands=True),
    "relaxed": make_relaxed,
}


# --- what the records say, without dftflow ----------------------------------------------------------------------


def filled_bands(folder: Path) -> int:
    """Half the number of electrons that the engine's record tells."""
    return round(json.loads((folder / "results.json").read_text())["n_electrons"]) // 2


def recorded_edges_ev(folder: Path) -> tuple[float, float]:
    """Highest filled and lowest empty eigenvalue."""
    values, n_filled = np.load(folder / "bands.npz")["eigenvalues_ev"], filled_bands(folder)
    return float(values[..., :n_filled].max()), float(values[..., n_filled:].min())


def recorded_vacuum_ev(folder: Path) -> float:
    """Plane average 2 to 3 Å below the cell's upper end, where the dipole correction has no jump yet.

    The slab stands in the middle of its cell.
    """
    arrays = np.load(folder / "potential.npz")
    values, length = arrays["planar_ev"], arrays["cell_ang"][2, 2]
    heights = np.arange(values.size) * length / values.size
    return float(values[(heights > length - 3.0) & (heights < length - 2.0)].mean())


def recorded_middle_ev(folder: Path, period_ang: float) -> float:
    """Mean of the macroscopic average over the middle of the slab, by sums over a fine mesh.

    The window is as `dftflow.analysis.potential_profile.slab_centre_average` states it.
    """
    arrays, record = np.load(folder / "potential.npz"), json.loads((folder / "results.json").read_text())
    values, length = arrays["planar_ev"], arrays["cell_ang"][2, 2]
    atoms = np.array(record["positions_ang"])[:, 2]
    mesh = np.linspace(0, length, 20001)
    fine = np.interp(mesh, np.arange(values.size + 1) * length / values.size, np.append(values, values[0]))
    integral = np.concatenate([[0.0], np.cumsum((fine[1:] + fine[:-1]) / 2 * (mesh[1] - mesh[0]))])
    width = min(max(np.ptp(atoms) - period_ang - 2.0, period_ang / 2), period_ang)
    at = (atoms.max() + atoms.min()) / 2 + np.linspace(-width / 2, width / 2, 401)
    boxes = np.interp(at + period_ang / 2, mesh, integral) - np.interp(at - period_ang / 2, mesh, integral)
    return float(np.mean(boxes / period_ang))


def recorded_ip_ev(bulk: Path, slab: Path, period_ang: float) -> float:
    """Ionisation potential by the line-up of 10.1103/PhysRevLett.61.734."""
    average = float(np.load(bulk / "potential.npz")["planar_ev"].mean())
    below = recorded_edges_ev(bulk)[0] - average
    return recorded_vacuum_ev(slab) - recorded_middle_ev(slab, period_ang) - below


def recorded_work_function_ev(folder: Path) -> float:
    """Vacuum level less the Fermi level."""
    return recorded_vacuum_ev(folder) - float(json.loads((folder / "results.json").read_text())["fermi_ev"])
