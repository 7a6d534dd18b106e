"""The table ``[resources]`` of a machine and of a study: what steps may use, by task and by code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from dftflow.model import bounds
from dftflow.model.names import NAME_RULE, is_name
from dftflow.model.printable import shown
from dftflow.toml_file.entries import EntryError, Table, within

__all__ = ["RESOURCE_EXAMPLES", "TASKS", "ResourceTable", "resource_tables"]


TASKS = ("relax", "bands", "potential", "shifts", "dos", "masses")
"""Tasks of a step, each of which may have a table of its own."""


class _Entry(Table):
    """Of one kind of step; what is left out is as in the table above it."""

    nodes: Annotated[int, within(bounds.NODES)] | None = None
    ranks: Annotated[int, within(bounds.RANKS)] | None = None
    threads: Annotated[int, within(bounds.WORKERS)] | None = None
    memory_gib: Annotated[float, within(bounds.MEMORY_GIB)] | None = None
    time_h: Annotated[float, within(bounds.HOURS)] | None = None
    stall_h: Annotated[float, within(bounds.HOURS)] | None = None
    log_mib: Annotated[float, within(bounds.MEMORY_MIB)] | None = None

    def given(self) -> dict[str, float]:
        """What this very table gives, by the names of `dftflow.jobs.resources.Resources`."""
        found = {
            "nodes": self.nodes,
            "ranks": self.ranks,
            "threads": self.threads,
            "memory_mib": None if self.memory_gib is None else self.memory_gib * 1024,
            "time_s": None if self.time_h is None else self.time_h * 3600,
            "stall_s": None if self.stall_h is None else self.stall_h * 3600,
            "log_mib": self.log_mib,
        }
        return {name: value for name, value in found.items() if value is not None}


class _Tasks(_Entry):
    """With tables for single tasks."""

    relax: _Entry | None = None
    bands: _Entry | None = None
    potential: _Entry | None = None
    shifts: _Entry | None = None
    dos: _Entry | None = None
    masses: _Entry | None = None

    def entries(self, task: str) -> Iterator[_Entry]:
        """From the general to the special."""
        yield self
        own = getattr(self, task) if task in TASKS else None
        if own is not None:
            yield own


class ResourceTable(_Tasks):
    """What steps may use: of any step, of a task, of a code, of a task of a code; the more special one counts."""

    codes: dict[str, _Tasks] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_names(self) -> ResourceTable:
        for name in self.codes:
            if not is_name(name):
                raise EntryError(f"{shown(name)} is the name of no code: use {NAME_RULE}", "codes", name)
        return self

    def of(self, task: str, code: str) -> dict[str, float]:
        """What is given for a task of a code, by the names of `dftflow.jobs.resources.Resources`."""
        entries = [*self.entries(task)]
        if code in self.codes:
            entries += self.codes[code].entries(task)
        return {name: value for entry in entries for name, value in entry.given().items()}


def resource_tables(*place: str) -> Mapping[tuple[str, ...], type[BaseModel]]:
    """Where the tables of a ``[resources]`` at `place` stand, for messages."""
    below: dict[tuple[str, ...], type[BaseModel]] = {(): ResourceTable, ("codes", "*"): _Tasks}
    below |= {(*above, task): _Entry for above in list(below) for task in TASKS}
    return {(*place, *inner): table for inner, table in below.items()}


RESOURCE_EXAMPLES: Mapping[str, str] = {
    "nodes": "1",
    "ranks": "4",
    "threads": "1",
    "memory_gib": "8.0",
    "time_h": "24.0",
    "stall_h": "2.0",
    "log_mib": "100.0",
}
"""A value of each key, as it is written."""
