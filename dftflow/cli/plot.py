"""``dftflow plot KIND``: figures of results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dftflow.cli.output import tell
from dftflow.cli.place import OutFile

if TYPE_CHECKING:
    from dftflow.api.plotted import PlottedFigure

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., None])
_ZEROS = ("vacuum", "vacuum-low", "vacuum-high", "vbm", "fermi")


class _Named(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on alone
    """``NAME=VALUE`` as a pair."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The two sides of the last equals sign."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).rpartition("=")
        if not equals or not name or not text:
            self.fail(f"{value!r} is not NAME=VALUE.", param, ctx)
        return name, text


_WINDOW = click.option("--window", type=float, nargs=2, metavar="LOW HIGH", help="Energies shown, eV from the zero.")
_ZERO = click.option("--zero", type=click.Choice(_ZEROS), help="What energies are relative to; the best known.")
_SIZE = click.option("--size", metavar="SIZE", help="column (3.3 in), page (6.7 in), or WxH in inches: 5x4.")
_STYLE = click.option("--style", multiple=True, metavar="SHEET", help="A matplotlib style sheet, on top of dftflow's.")
_COLOR = click.option(
    "--color",
    "colors",
    type=_Named(),
    multiple=True,
    metavar="NAME=COLOR",
    help="Name or number, and a colour of matplotlib: red, #0072B2.",
)
_LABEL = click.option("--label", "labels", type=_Named(), multiple=True, metavar="NAME=TEXT", help="Name or number.")
_OUT = click.option("--out", type=OutFile(), help="The file: .svg, .pdf or .png by its suffix.  [default: KIND.png]")
_DATA = click.option("--data", type=OutFile(), metavar="FILE.csv", help="Write the numbers that are drawn, too.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_PROJECT = click.option(
    "--project",
    type=click.Choice(["none", "element", "orbital"]),
    help="What states are made of.  [default: dos by element where files tell]",
)
_SIGMA_HELP = (
    "Draw the eigenvalues, each a Gaussian of this width in eV, instead of the code's own density of states "
    "(else that where there is one, or 0.1)."
)
_ANY = (_SIZE, _STYLE, _COLOR, _LABEL, _OUT, _DATA, _JSON)


def _with(*options: Callable[[F], F]) -> Callable[[F], F]:
    """All of `options`, in this order in the help."""

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


@click.group()
def command() -> None:
    """Draw results of any code as a figure: FOLDER is a folder of output files, or one of them.

    \b
      dftflow plot bands FOLDER                          band structure, written to bands.png
      dftflow plot bands PBE HSE --overlay --out x.pdf   two over each other
      dftflow plot dos FOLDER --window -4 6 --zero vbm   density of states

    Every one takes --json; `dftflow plot KIND --help` has its options.
    """


@command.command("bands")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@click.option("--overlay", is_flag=True, help="All on the axes of the first, where the paths agree.")
@click.option("--join", is_flag=True, help="The folders are runs of one band structure, cut along its path.")
@click.option("--dos", is_flag=True, help="With the density of states beside each.")
@click.option("--ip", type=_Named(), multiple=True, metavar="NAME=EV", help="Ionisation potential: puts it on vacuum.")
@_with(_WINDOW, _ZERO, _PROJECT, *_ANY)
def _bands(folders: tuple[str, ...], ip: tuple[tuple[str, str], ...], **options: Any) -> None:
    """Band structures, beside or over each other.

    Of a folder with several calculations those along a path are drawn. Where a leg has few points they are drawn as
    points. A metal has no gap to mark: its zero is the Fermi level.
    """
    _draw("bands", folders, ip={name: _number(text, name) for name, text in ip} or None, **options)


@command.command("dos")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@click.option("--sigma", type=float, help=_SIGMA_HELP)
@_with(_WINDOW, _ZERO, _PROJECT, *_ANY)
def _dos(folders: tuple[str, ...], **options: Any) -> None:
    """Densities of states: the code's own, else from the eigenvalues of a regular grid."""
    _draw("dos", folders, **options)


@command.command("potential")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@click.option("--period", type=float, help="Window of the macroscopic average, Å.  [default: found in the slab]")
@_with(_WINDOW, *_ANY)
def _potential(folders: tuple[str, ...], **options: Any) -> None:
    """Plane-averaged potentials of slabs, relative to their vacuum level."""
    _draw("potential", folders, **options)


@command.command("alignment")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--fill", type=click.Choice(["flat", "gradient"]), default="flat", help="Of the bands.  [flat]")
@_with(_SIZE, _STYLE, _COLOR, _OUT, _DATA, _JSON)
def _alignment(sources: tuple[str, ...], **options: Any) -> None:
    """Band edges of materials below the vacuum, and their offsets: SOURCE as in `dftflow align`, which prints them."""
    _draw("alignment", sources, **options)


@command.command("structure")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@_with(*_ANY)
def _structure(sources: tuple[str, ...], **options: Any) -> None:
    """Crystals and slabs: SOURCE is a folder of results, a structure file, or a shipped name."""
    _draw("structure", sources, **options)


@command.command("convergence")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@click.option("--against", type=click.Choice(["step", "setting"]), help="Ionic steps, or the one setting that varies.")
@_with(*_ANY)
def _convergence(folders: tuple[str, ...], **options: Any) -> None:
    """Relaxations step by step, or energy and gap over the one setting (cutoff, k-points) that varies."""
    _draw("convergence", folders, **options)


def _number(text: str, name: str) -> float:
    from dftflow.errors import InputError

    try:
        return float(text)
    except ValueError:
        raise InputError(f"{name}: {text!r} is no energy", fix=f"give electronvolts: {name}=5.81") from None


def _draw(
    kind: str, sources: tuple[str, ...], *, out: Path | None, data: Path | None, as_json: bool, **options: Any
) -> None:
    """Draw, write and say what was drawn."""
    from dftflow.api.plot import plot
    from dftflow.errors import InputError

    if data is not None and data.suffix != ".csv":
        raise InputError(
            f"--data writes a table, not {data.suffix or 'a file without a suffix'}", fix="name it FILE.csv"
        )
    if options.get("project") is None:
        options.pop("project", None)
    pairs = {name: dict(options.pop(name)) for name in ("colors", "labels") if name in options}
    figure = plot(kind, *sources, **pairs, **options)
    files = [figure.save(file) for file in (out or Path(f"{kind}.png"), data) if file is not None]
    for line in figure.left_out:
        tell(f"left out: {line}")
    click.echo(json.dumps(_document(kind, figure, files), indent=1) if as_json else _text(figure, files))


def _text(figure: PlottedFigure, files: list[Path]) -> str:
    drawn = [f"drawn: {name}" for name in figure.names]
    return "\n".join([*drawn, figure.drawing.caption, *(f"written: {file}" for file in files)])


def _document(kind: str, figure: PlottedFigure, files: list[Path]) -> dict[str, Any]:
    return {
        "kind": kind,
        "title": figure.drawing.title,
        "caption": figure.drawing.caption,
        "drawn": list(figure.names),
        "left_out": list(figure.left_out),
        "files": [str(file) for file in files],
    }
