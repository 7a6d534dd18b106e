"""Small CASTEP decks, and what the checks say of them."""

from __future__ import annotations

from pathlib import Path

from dftflow.codes.castep.lint.finding import Finding
from dftflow.codes.castep.lint.lint import lint_files

__all__ = ["cell", "lint", "only", "param", "path_block", "potentials", "said"]

SILICON = "Si 0 0 0\nSi 0.25 0.25 0.25"
FCC = "0 2.7 2.7\n2.7 0 2.7\n2.7 2.7 0"


def param(*lines: str) -> str:
    """A single point that is right, and more."""
    return "\n".join(["task : SinglePoint", "xc_functional : PBE", "num_dump_cycles : 0", *lines, ""])


def cell(
    *more: str, lattice: str = "0 2.7 2.7\n2.7 0 2.7\n2.7 2.7 0", atoms: str = SILICON, absolute: bool = False
) -> str:
    """Silicon, or `atoms` in `lattice`, and more."""
    block = "positions_abs" if absolute else "positions_frac"
    return "\n".join(
        [
            f"%BLOCK lattice_cart\n{lattice}\n%ENDBLOCK lattice_cart",
            f"%BLOCK {block}\n{atoms}\n%ENDBLOCK {block}",
            *more,
            "",
        ]
    )


def potentials(*lines: str) -> str:
    """The block of the potentials."""
    return "\n".join(["%BLOCK species_pot", *lines, "%ENDBLOCK species_pot"])


def path_block(*corners: str, family: str = "bs") -> str:
    """The block of a k-path."""
    return "\n".join([f"%BLOCK {family}_kpoint_path", *corners, f"%ENDBLOCK {family}_kpoint_path", ""])


def lint(folder: Path, *, param: str | None = None, cell: str | None = None) -> tuple[Finding, ...]:
    """Findings of ``a.param`` and ``a.cell`` with these texts."""
    files = []
    for suffix, text in ((".param", param), (".cell", cell)):
        if text is not None:
            files.append(folder / f"a{suffix}")
            files[-1].write_text(text)
    return lint_files(files)


def said(findings: tuple[Finding, ...]) -> list[tuple[str, int, str]]:
    """File, line and severity of what is no note."""
    return [(finding.file.suffix, finding.line, finding.severity) for finding in findings if finding.severity != "note"]


def only(findings: tuple[Finding, ...]) -> Finding:
    """The one finding that is no note."""
    found = [finding for finding in findings if finding.severity != "note"]
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]
