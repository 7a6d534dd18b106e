"""Reads from a ``.castep`` file how a run was set up: parameter sections, potentials and k-points."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from dftflow.codes.castep.output.castep_run import CastepSetup, KpointGrid
from dftflow.codes.castep.output.castep_text import CastepText, latin, printed_number
from dftflow.codes.castep.output.castep_units import ENERGY_EV, factor_of
from dftflow.codes.castep.output.cutoffs import cutoff_of_run_ev

__all__ = ["read_setup"]

_SETTING = re.compile(rb"\s*(\S.*?)\s+:(?:\s+(.*?))?\s*")
_GRID = re.compile(rb"\s*MP grid size for SCF calculation is +(\d{1,6}) +(\d{1,6}) +(\d{1,6})\s*")
_OFFSET = re.compile(rb"\s*with an offset of +(-?\d+\.\d+) +(-?\d+\.\d+) +(-?\d+\.\d+)\s*")
_KPOINTS = re.compile(rb"\s*Number of kpoints used = +(\d{1,9})\s*")
_CODATA = re.compile(rb"\s*Fundamental constants values: CODATA (\d{4})\s*")
_POTENTIAL = re.compile(rb" {20,}(\S.*?) +(\S+)\s*")

# The set-up stands before the first SCF. CASTEP prints it in this order, so that the scan may end there.
_END = (b"SCF loop", b"Calculating total energy", b"+---------------- MEMORY")


def read_setup(text: CastepText) -> CastepSetup:
    """The set-up of the run in `text`.

    Raises
    ------
    ParseError
        A number cannot be read, or has a unit that is not known.
    """
    settings: dict[str, str] = {}
    potentials: dict[str, str] = {}
    divisions: tuple[int, int, int] | None = None
    offset: tuple[float, float, float] | None = None
    n_kpoints = codata = None
    where: dict[str, int] = {}
    line, end = 0, len(text.lines)
    while line < end:
        content = text.lines[line]
        if content.startswith(_END):
            break
        begins = content.lstrip()[:4]
        if begins == b"****" and b"General Parameters **" in content:
            line = _read_settings(text, line, settings, where)
        elif begins == b"File" and b"Files used for pseudopotentials" in content:
            line = _read_potentials(text, line, potentials)
        elif begins == b"MP g" and (found := _GRID.fullmatch(content)) and divisions is None:
            a, b, c = (int(number) for number in found.groups())
            divisions = (a, b, c)
        elif begins == b"with" and (found := _OFFSET.fullmatch(content)) and offset is None:
            u, v, w = (float(number) for number in found.groups())
            offset = (u, v, w)
        elif begins == b"Numb" and (found := _KPOINTS.fullmatch(content)) and n_kpoints is None:
            n_kpoints = int(found[1])
        elif begins == b"Fund" and (found := _CODATA.fullmatch(content)) and codata is None:
            codata = int(found[1])
        line += 1
    grid = None if divisions is None else KpointGrid(divisions=divisions, offset=offset)
    return _setup(text, settings, where, potentials, grid, n_kpoints, codata)


def _read_settings(text: CastepText, line: int, settings: dict[str, str], where: dict[str, int]) -> int:
    """Take the settings of all sections from the heading at `line`; gives the line of the rule that ends them."""
    for number in range(line + 1, len(text.lines)):
        content = text.lines[number]
        stripped = content.strip()
        if (stripped and not stripped.strip(b"*")) or b"Real Lattice" in content:
            return number
        if stripped.startswith(b"treating system as "):
            settings.setdefault("treating system as", latin(stripped[len(b"treating system as ") :]))
        elif stripped.startswith(b"Method: "):
            settings.setdefault("Method", latin(stripped[len(b"Method: ") :]))
            where.setdefault("Method", number)
        elif b":" in stripped and (found := _SETTING.fullmatch(content)):
            name = " ".join(latin(found[1]).split())
            settings.setdefault(name, latin(found[2] or b""))
            where.setdefault(name, number)
    return len(text.lines)


def _read_potentials(text: CastepText, line: int, potentials: dict[str, str]) -> int:
    """Take the potentials below the heading at `line`; gives the last line of the list."""
    for number in range(line + 1, len(text.lines)):
        found = _POTENTIAL.fullmatch(text.lines[number])
        if found is None:
            return number - 1
        potentials.setdefault(latin(found[1]), latin(found[2]))
    return len(text.lines)


def _setup(
    text: CastepText,
    settings: Mapping[str, str],
    where: Mapping[str, int],
    potentials: Mapping[str, str],
    grid: KpointGrid | None,
    n_kpoints: int | None,
    codata: int | None,
) -> CastepSetup:
    method = settings.get("Method")
    n_bands = _number(text, settings, where, "number of bands")
    if n_bands is not None and not n_bands.is_integer():
        raise text.damaged(where["number of bands"], "the number of bands")
    spin_orbit = settings.get("spin-orbit coupling")
    return CastepSetup(
        task=settings.get("type of calculation"),
        functional=settings.get("using functional"),
        dispersion=_dispersion(settings),
        cutoff_ev=_cutoff_ev(text, settings, where),
        codata=codata,
        spin=_spin(settings.get("treating system as")),
        spin_orbit=None if spin_orbit is None else spin_orbit == "on",
        n_electrons=_number(text, settings, where, "number of electrons"),
        n_bands=None if n_bands is None else int(n_bands),
        fixed_occupancy=None if method is None else "non-metallic" in method,
        smearing_scheme=settings.get("smearing scheme"),
        smearing_width_ev=_energy_ev(text, settings, where, "smearing width"),
        dipole_correction=settings.get("periodic dipole correction"),
        kpoint_grid=grid,
        n_kpoints=n_kpoints,
        potentials=MappingProxyType(dict(potentials)),
        geometry_method=settings.get("optimization method"),
        settings=MappingProxyType(dict(settings)),
    )


def _cutoff_ev(text: CastepText, settings: Mapping[str, str], where: Mapping[str, int]) -> float | None:
    """The setting; where it is not printed or overflowed its column, the cut-off of the SCF."""
    value = _energy_ev(text, settings, where, "plane wave basis set cut-off")
    return cutoff_of_run_ev(text) if value is None else value


def _dispersion(settings: Mapping[str, str]) -> str | None:
    if settings.get("DFT+D: Semi-empirical dispersion correction", "off") == "off":
        return None
    # "G06 correction scheme" in the older versions
    scheme = settings.get("Dispersion-correction scheme") or settings.get("SEDC with") or "on"
    return scheme.removesuffix(" correction scheme").strip()


def _spin(treatment: str | None) -> Literal["none", "collinear", "non-collinear"] | None:
    if treatment is None:
        return None
    if treatment.startswith("non-spin-polari"):
        return "none"
    if treatment.startswith("spin-polari"):
        return "collinear"
    return "non-collinear" if "non-collinear" in treatment else None


def _number(text: CastepText, settings: Mapping[str, str], where: Mapping[str, int], name: str) -> float | None:
    """The number of the setting `name`; None when it is not printed or overflowed its column."""
    words = settings.get(name, "").split()
    if not words or set(words[0]) == {"*"}:
        return None
    value = printed_number(words[0].encode("latin-1"))
    if value is None:
        raise text.damaged(where[name], name)
    return value


def _energy_ev(text: CastepText, settings: Mapping[str, str], where: Mapping[str, int], name: str) -> float | None:
    value = _number(text, settings, where, name)
    if value is None:
        return None
    unit = "".join(settings[name].split()[1:2])
    factor = factor_of(unit, ENERGY_EV)
    if factor is None:
        raise text.error(where[name], f"{name} has the unit {unit!r}, which is not known")
    return value * factor
