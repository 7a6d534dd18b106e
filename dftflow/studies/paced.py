"""Says how far a long preparation is: at once, and then every two seconds. Of a short one nothing is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Protocol, TypeVar

__all__ = ["Say", "paced"]

LONG = 50
EVERY_S = 2.0
Say = Callable[[str], None]
Item_co = TypeVar("Item_co", covariant=True)


class _Countable(Sized, Iterable[Item_co], Protocol[Item_co]):
    """Items whose number is known."""


def paced(items: _Countable[Item_co], doing: str, say: Say) -> Iterator[Item_co]:
    """The items one after the other; `say` is told what is being done with them, and how many are done."""
    count = len(items)
    told = -EVERY_S
    for number, item in enumerate(items):
        now = time.monotonic()
        if count >= LONG and now - told >= EVERY_S:
            told = now
            say(f"{doing}: {number} of {count}")
        yield item
