"""GPAW as a program that copies the results of the model crystal, notes that it ran, and fails when it is told to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from model_crystal import leave

from dftflow.codes.gpaw.code import GPAW
from dftflow.model.deck import Deck
from dftflow.model.step import Step
from dftflow.studies.built_file import BuiltRecord
from dftflow.studies.execution import run_study
from dftflow.studies.reader import load_study
from dftflow.studies.work import Work

__all__ = ["CountingEngine"]


class CountingEngine:
    """Stands in for GPAW in the studies that `run` runs.

    Attributes
    ----------
    failures
        Seed of a step -> what is another in its record: ``{"status": "scf_not_converged"}``.
    version
        Of the engine.
    before
        Seed of a step -> what its shell does first: ``"sleep 60"``.
    """

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = place
        self.failures: dict[str, dict[str, Any]] = {}
        self.before: dict[str, str] = {}
        self.version = "1.0"
        place.mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(GPAW, "command", lambda code, deck, *launch: self._command(deck))
        monkeypatch.setattr(GPAW, "runs_here", True)
        monkeypatch.setattr(GPAW, "fingerprint", lambda code, elements: self._fingerprint())
        build = Work.build_record

        def prepared(work: Work, step: Step, **options: Any) -> BuiltRecord:
            record = build(work, step, **options)
            self.prepare(record.seed, record.built)
            return record

        monkeypatch.setattr(Work, "build_record", prepared)

    def run(self, file: Path, root: Path, *, preset: str = "quick", **options: Any) -> list[str]:
        """Run the study; the steps whose engine was started, in their order."""
        self._log.write_text("")
        said: list[str] = []
        run_study(load_study(str(file), preset), root, workers=1, say=said.append, **options)
        self.said = "\n".join(said)
        return self.started

    @property
    def started(self) -> list[str]:
        """Seeds of the steps whose engine was started since `run` was called."""
        return self._log.read_text().split()

    @property
    def _log(self) -> Path:
        return self.place / "started"

    def _fingerprint(self) -> Mapping[str, str]:
        return {"version": self.version}

    def _command(self, deck: Deck) -> tuple[str, ...]:
        first = self.before.get(deck.seed, "true")
        copies = f"cp -r {self.place / deck.seed}/. ."
        return ("sh", "-c", f"echo {deck.seed} >> {self._log}; echo started; {first}; {copies}")

    def prepare(self, seed: str, built: Any) -> None:
        """Note what the step of that seed is to leave."""
        leave(self.place / seed, built.structure, built.spec, changes=dict(self.failures.get(seed, {})))
