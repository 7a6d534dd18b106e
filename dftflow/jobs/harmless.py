"""Calls that only show something: an error in one of them ends no engine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec

__all__ = ["harmless"]

Given = ParamSpec("Given")


def harmless(show: Callable[Given, None]) -> Callable[Given, None]:
    """`show`, until it fails for the first time: a closed pipe, a terminal that is gone, a mistake in a display.

    The failure is told on stderr, where there still is one, and the work goes on without it.
    """
    works = True

    def shown(*given: Given.args, **named: Given.kwargs) -> None:
        nonlocal works
        if not works:
            return
        try:
            show(*given, **named)
        except (Exception, SystemExit) as error:  # rich ends the process when its pipe is closed
            works = False
            with suppress(Exception):
                print(f"the display has failed ({type(error).__name__}: {error}); the work goes on", file=sys.stderr)

    return shown
