"""``dftflow lint``: CASTEP input files checked without CASTEP."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dftflow.cli.place import Place

if TYPE_CHECKING:
    from dftflow.codes.castep.lint.finding import Finding

__all__ = ["command"]


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=Place())
@click.option("--notes", is_flag=True, help="Also what is worth knowing and needs no mending.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, notes included.")
def command(files: tuple[Path, ...], notes: bool, as_json: bool) -> None:
    """Check .cell and .param files; the two of one seed are also checked together.

    Prints one line for each finding, and nothing when there is none. The exit code is 2 when one is an error.
    """
    from dftflow.codes.castep.lint.lint import lint_files
    from dftflow.errors import InputError

    findings = lint_files(files)
    if as_json:
        click.echo(json.dumps(_document(findings), indent=1))
    else:
        for finding in findings:
            if notes or finding.severity != "note":
                click.echo(str(finding))
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        names = ", ".join(dict.fromkeys(finding.file.name for finding in errors))
        count = f"{len(errors)} error{'s' if len(errors) > 1 else ''}"
        raise InputError(f"{count} in {names}", fix="mend what is listed above")


def _document(findings: Sequence[Finding]) -> dict[str, Any]:
    count = Counter(finding.severity for finding in findings)
    return {
        "errors": count["error"],
        "warnings": count["warning"],
        "findings": [
            {
                "file": str(finding.file),
                "line": finding.line,
                "severity": finding.severity,
                "message": finding.message,
                "fix": finding.fix,
            }
            for finding in findings
        ],
    }
