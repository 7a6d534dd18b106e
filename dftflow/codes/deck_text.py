"""Text as input decks hold it: numbers as a person would write them, plain comments, comments lined up."""

from __future__ import annotations

from math import ceil

from dftflow.errors import SpecError
from dftflow.model.names import NAME_RULE, SEED_LENGTH, is_name
from dftflow.model.printable import shown
from dftflow.model.spec import CalcSpec
from dftflow.rendering.quoting import ascii_line

__all__ = [
    "align_comments",
    "check_seed",
    "decimal_text",
    "of_half_the_moment",
    "plain_text",
    "refuse_corrections",
    "refuse_core_levels",
    "with_source",
]


def check_seed(seed: str) -> None:
    """Raise `SpecError` when `seed` cannot name the files of a deck, for every code and in every shell."""
    if not is_name(seed, longest=SEED_LENGTH):
        raise SpecError(f"{shown(seed)} is no seed, and no name for a deck", fix=f"use {NAME_RULE}")


def refuse_corrections(spec: CalcSpec, code: str) -> None:
    """Raise `SpecError` for corrections at band edges, of which no deck for `code` is written."""
    if spec.corrections:
        raise SpecError(
            f"no deck of {code} is written for corrections at band edges ({', '.join(spec.corrections)})",
            reason="the embedded engine calculates them alone",
            fix='leave corrections out of [settings], or set code = "gpaw"',
        )


def refuse_core_levels(spec: CalcSpec, code: str, why: str) -> None:
    """Raise `SpecError` for energies of core states, which `code` does not calculate."""
    if spec.core_levels:
        raise SpecError(
            f"{code} gives no energies of core states",
            reason=why,
            fix="leave core_levels out, or use VASP (--code vasp)",
        )


def of_half_the_moment(spec: CalcSpec) -> str:
    """`` and 2``: bands that the channel of the larger spin fills beyond half the electrons; ``""`` without any."""
    half = 0.0 if spec.spin_orbit else abs(sum(spec.moments_mub)) / 2
    return f" and {ceil(half)} for half the moment" if half else ""


def decimal_text(value: float) -> str:
    """Shortest decimal text.

    Examples
    --------
    >>> decimal_text(244.9), decimal_text(0.05), decimal_text(2e-5), decimal_text(100)
    ('244.9', '0.05', '2.0e-5', '100.0')
    """
    if value != 0 and abs(value) < 1e-3:
        mantissa, exponent = f"{value:.9e}".split("e")
        mantissa = mantissa.rstrip("0")
        return f"{mantissa}{'0' if mantissa.endswith('.') else ''}e{int(exponent)}"
    return f"{value:.12g}" if value != int(value) else f"{value:.1f}"


def plain_text(text: str) -> str:
    """One line of printable ASCII: nothing in it can end a comment.

    Examples
    --------
    >>> plain_text("Γ–X, 5.99 Å")
    'Gamma-X, 5.99 ang'
    """
    return " ".join(ascii_line(text).split())


def with_source(note: str, source: str | None) -> str:
    """`note`, and behind it where the number comes from, when that is told."""
    return f"{note}; {plain_text(source)}" if source else note


def align_comments(text: str, mark: str) -> str:
    """Line trailing comments up within each paragraph, and drop those that have nothing to say.

    Parameters
    ----------
    mark
        What starts a comment: ``"!"`` or ``"#"``; within a line it stands between blanks.
    """
    return "\n\n".join(_aligned(paragraph.split("\n"), mark) for paragraph in text.split("\n\n"))


def _aligned(lines: list[str], mark: str) -> str:
    pairs = [_split(line, mark) for line in lines]
    width = max((len(left) for left, comment in pairs if comment), default=0)
    return "\n".join(f"{left:<{width}s}  {mark} {comment}" if comment else left for left, comment in pairs)


def _split(line: str, mark: str) -> tuple[str, str]:
    if line.startswith(mark):
        return line, ""
    left, _, comment = f"{line} ".partition(f" {mark} ")
    return left.rstrip(f" {mark}"), comment.strip()
