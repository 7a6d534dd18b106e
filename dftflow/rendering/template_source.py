"""Where templates come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["TemplateSource"]

TemplateSource = Path | Mapping[str, str]
"""A folder that holds ``<code>/<name>.j2``, or the texts of such files by these names."""
