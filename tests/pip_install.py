"""Installs a package into a folder of its own, as pip does: nothing from outside, nothing into the environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["pip_install"]


def pip_install(source: Path, site: Path) -> None:
    """Build the package in `source`, and put it with its entry points into `site`."""
    options = ["--no-index", "--no-build-isolation", "--no-deps", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(site), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
