"""How a package gets into the environment that dftflow runs in: by pip, or by uv, whose environments have no pip."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

__all__ = ["Keeper", "install_line", "keeper"]

Keeper = Literal["pip", "uv", "uv tool", "uvx", "none"]
"""What keeps an environment: ``uv tool`` one that ``uv tool install`` made, ``uvx`` one that is made for a call."""

_UVX_FOLDERS = ("archive-v", "environments-v", "builds-v")
"""Folders of uv's cache in which it keeps the environments of uvx (https://docs.astral.sh/uv/concepts/tools)."""


def install_line(*packages: str, again: bool = False, alone: bool = False, built_anew: bool = False) -> str:
    """The line for a shell that puts `packages` into this environment.

    Parameters
    ----------
    again
        Although they are there.
    alone
        Without what they need.
    built_anew
        Whatever was built of them earlier.
    """
    who = keeper()
    if who in ("uvx", "uv tool"):
        return shlex.join([*_uv_tool(who), *(word for name in packages for word in ("--with", name)), *_ending(who)])
    if who == "uv":
        options = (("--reinstall", again), ("--no-deps", alone), ("--no-cache", built_anew))
        words = [_uv(), "pip", "install", "--python", sys.executable]
    else:
        options = (("--force-reinstall", again), ("--no-deps", alone), ("--no-cache-dir", built_anew))
        words = [sys.executable, "-m", "pip", "install"]
    line = shlex.join([*words, *(option for option, wanted in options if wanted), *packages])
    return line if who != "none" else f"{shlex.join([sys.executable, '-m', 'ensurepip'])} && {line}"


def keeper() -> Keeper:
    """What this environment is kept by."""
    prefix = Path(sys.prefix)
    if _made_by_uv(prefix):
        if prefix.parent.name.startswith(_UVX_FOLDERS):
            return "uvx"
        return "uv tool" if (prefix / "uv-receipt.toml").is_file() else "uv"
    if find_spec("pip") is not None:
        return "pip"
    return "uv" if _uv_is_there() else "none"


def _made_by_uv(prefix: Path) -> bool:
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return any(line.partition("=")[0].strip() == "uv" for line in lines)


def _uv_is_there() -> bool:
    return shutil.which("uv") is not None or "UV" in os.environ


def _uv() -> str:
    """uv as a shell finds it; it tells what it starts where it is itself."""
    return "uv" if shutil.which("uv") else os.environ.get("UV", "uv")


def _uv_tool(who: Keeper) -> list[str]:
    verbs = ["tool", "run"] if who == "uvx" else ["tool", "install", "--force"]
    return [_uv(), *verbs]


def _ending(who: Keeper) -> list[str]:
    return ["--from", _source(), "dftflow", "doctor"] if who == "uvx" else [_source()]


def _source() -> str:
    """What dftflow was installed from: its name, or the file or address that was given."""
    try:
        text = metadata.distribution("dftflow").read_text("direct_url.json")
        return str(json.loads(text)["url"]) if text else "dftflow"
    except (metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        return "dftflow"
