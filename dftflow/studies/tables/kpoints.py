"""A grid of k-points as a study file gives it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from dftflow.model import bounds
from dftflow.model.bounds import MOST_GRID_POINTS, grid_is_too_dense
from dftflow.toml_file.entries import Table, within

__all__ = ["GridSpacing", "KPointGrid", "KPoints"]

GridNumber = Annotated[int, within(bounds.GRID_NUMBER)]
GridSpacing = Annotated[float, within(bounds.GRID_SPACING)]


class KPoints(Table):
    """A regular grid. ``gamma``: whether it holds Γ whatever its numbers; None: only in a hexagonal cell."""

    size: tuple[GridNumber, GridNumber, GridNumber]
    gamma: bool | None = None

    @model_validator(mode="after")
    def _can_be_calculated(self) -> KPoints:
        if grid_is_too_dense(self.size):
            raise PydanticCustomError("too_dense", "a grid can have {most} points", {"most": MOST_GRID_POINTS})
        return self


def _as_table(value: object) -> object:
    if isinstance(value, tuple):
        return {"size": value}
    if isinstance(value, dict | KPoints):
        return value
    raise ValueError("a grid is [2, 2, 2] or { size = [2, 2, 2], gamma = true }")


KPointGrid = Annotated[KPoints, BeforeValidator(_as_table)]
