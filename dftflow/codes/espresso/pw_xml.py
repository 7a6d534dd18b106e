"""Reads the XML that pw.x leaves: ``<prefix>.xml``, or ``data-file-schema.xml`` in ``<prefix>.save``.

Schemas from 19.03.04 (pw.x 6.4) to 26.02.26 (7.6): https://github.com/QEF/qeschemas. What changed between them and
matters here: ``status`` became ``exit_status``, ``nbnd`` gave way to ``nbnd_up`` and ``nbnd_dw`` in spin-polarised
runs, and ``<step>`` lost its number in version 7. Everything is in Hartree atomic units; k-points are Cartesian in
units of 2π/alat. The stress is written with compression positive, as on the standard output.

Own code on a tree (`xml_tree`): the published readers (qeschema, aiida-quantumespresso) validate the schema of each
version and take the numbers as they come, a k-point or an atom too few included.
"""

from __future__ import annotations

import re
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from dftflow.codes.espresso.limits import LARGEST_CELL_BOHR, SMALLEST_VOLUME_ANG3
from dftflow.codes.espresso.pw_run import SCF_TASKS, Eigenvalues, Geometry, PwRun, RelaxationTarget, zero_smearing_share
from dftflow.codes.espresso.species import element_of
from dftflow.codes.espresso.xml_tree import XmlElement, read_xml
from dftflow.errors import ParseError
from dftflow.model.check import Part
from dftflow.model.results import FloatArray, FoundMoments
from dftflow.units import BOHR_ANG, EV_PER_ANG3_GPA, HARTREE_EV, KBAR_GPA

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["read_pw_xml"]

_DISPERSIONS = {"grimme-d2": "D2", "grimme-d3 3": "D3", "grimme-d3 4": "D3(BJ)", "ts-vdw": "TS", "mbd_vdw": "MBD"}
"""``vdw_corr``, with the version of D3 where the XML tells it -> usual name."""

ORDERED_EV = 1e-3
OCCUPATION_SLACK = 1e-3
WEIGHT_SLACK = 1e-4
MOST_ELECTRONS = 1e6
FIRST_YEAR = 19  # of the schema
NO_NUMBERS = re.compile(r"\*|nan|inf", re.IGNORECASE)
VECTORS: tuple[Literal["forces"], Literal["stress"]] = ("forces", "stress")
HA_PER_BOHR_EV_PER_ANG = HARTREE_EV / BOHR_ANG
HA_PER_BOHR3_GPA = HARTREE_EV / BOHR_ANG**3 * EV_PER_ANG3_GPA


def read_pw_xml(file: Path) -> PwRun:
    """A run that came to an end, converged or not.

    Raises
    ------
    ParseError
        The file is not whole, is no XML of pw.x, holds a value that is none, or contradicts its own counts.
    """
    root = read_xml(file, "espresso")
    _refuse_too_old(root)
    creator = root.one("general_info/creator")
    if creator.attribute("NAME") != "PWSCF":
        raise creator.damage(f"the file was written by {creator.attribute('NAME')[:20]}, not by pw.x")
    asked, given = root.one("input"), root.one("output")
    task = asked.one("control_variables/calculation").text
    bands = given.one("band_structure")
    lost: dict[Part, str] = {}
    last = _geometry(given, lost, self_consistent=task in SCF_TASKS, smearing=_smearing(bands)[0])
    steps = [_geometry(step, {}, self_consistent=True, smearing=_smearing(bands)[0]) for step in root.all("step")]
    _check_steps(root, steps, last)
    spins = _spins(bands)
    status = root.maybe("exit_status") or root.maybe("status")
    smearing, degauss_ev = _smearing(bands)
    fermi_ev, highest_ev = _fermi_or_lost(bands, lost)
    grid, offset = _grid(bands.one("starting_k_points"))
    wall = root.maybe("timing_info/total/wall")
    return PwRun(
        version=creator.attribute("VERSION")[:40],
        schema=root.one("general_info/xml_format").attribute("VERSION")[:40],
        task=task,
        exit_status=None if status is None else status.integer(),
        alat_ang=_alat_bohr(given.one("atomic_structure")) * BOHR_ANG,
        last=last,
        steps=tuple(steps),
        relaxed=_relaxed(given),
        n_electrons=_electrons(bands),
        spin_polarised=spins == "collinear",
        spinor=spins == "spinor",
        spin_orbit=bands.one("spinorbit").flag(),
        eigenvalues=_eigenvalues_or_lost(bands, given.one("atomic_structure"), spins, task, lost),
        fermi_ev=fermi_ev,
        highest_occupied_ev=highest_ev,
        functional=given.one("dft/functional").text,
        dispersion=_dispersion(given.one("dft")),
        hubbard=_hubbard(given.one("dft")),
        cutoff_ev=_positive(given.one("basis_set/ecutwfc")) * HARTREE_EV,
        density_cutoff_ev=_positive(given.one("basis_set/ecutrho")) * HARTREE_EV,
        fft_grid=_fft_grid(given.one("basis_set/fft_grid")),
        grid=grid,
        grid_offset=offset,
        occupations=bands.one("occupations_kind").text,
        smearing=smearing,
        degauss_ev=degauss_ev,
        potential_files=_potential_files(given.one("atomic_species")),
        dipole_axis=_dipole_axis(asked),
        assume_isolated=_isolated(asked, given),
        wall_time_s=None if wall is None else wall.number(),
        moments=_moments(given) if spins == "collinear" else None,
        target=_target(asked),
        lost=lost,
    )


def _refuse_too_old(root: XmlElement) -> None:
    """Refuse by name what pw.x wrote before the layout that is read."""
    told = root.maybe("general_info/xml_format")
    version = "" if told is None else told.attributes.get("VERSION", "")
    year = version.partition(".")[0]
    if year.isdigit() and int(year) < FIRST_YEAR:
        raise ParseError(
            f"this XML has the schema {version[:20]}, of pw.x before 6.4, which is not read",
            fix="keep the standard output of pw.x beside it, which is read",
            where=f"{root.file}:{root.line}",
        )


def _target(asked: XmlElement) -> RelaxationTarget:
    """What a relaxation was to reach: pressures in kbar, forces in Hartree atomic units."""
    force = asked.maybe("control_variables/forc_conv_thr")
    stress = asked.maybe("control_variables/press_conv_thr")
    pressure, freedom = asked.maybe("cell_control/pressure"), asked.maybe("cell_control/cell_do_free")
    free = asked.maybe("free_positions")
    flags = [] if free is None else free.numbers().astype(int).reshape(-1, 3).tolist()
    return RelaxationTarget(
        pressure_gpa=None if pressure is None else pressure.number() * KBAR_GPA,
        stress_gpa=None if stress is None else stress.number() * KBAR_GPA,
        force_ev_per_ang=None if force is None else force.number() * HA_PER_BOHR_EV_PER_ANG,
        cell_freedom="" if freedom is None else freedom.text,
        free=tuple((a, b, c) for a, b, c in flags),
    )


# --- geometries -------------------------------------------------------------------------------------------------


def _geometry(element: XmlElement, lost: dict[Part, str], *, self_consistent: bool, smearing: str | None) -> Geometry:
    structure = _structure(element.one("atomic_structure"))
    total = element.one("total_energy") if self_consistent else None
    energies = None if total is None or _unprinted(total, "energy", lost) else _energies(total, smearing)
    forces, stress = (_printed(element, name, lost) for name in VECTORS)
    converged = element.maybe("convergence_info/scf_conv/convergence_achieved")
    if converged is None:
        converged = element.maybe("scf_conv/convergence_achieved")
    n_atoms = len(structure)
    return Geometry(
        structure=structure,
        free_energy_ev=None if energies is None else energies[0],
        energy_ev=None if energies is None else energies[1],
        forces_ev_per_ang=None if forces is None else _matrix(forces, n_atoms) * HA_PER_BOHR_EV_PER_ANG,
        stress_gpa=None if stress is None else 0.0 - _matrix(stress, 3) * HA_PER_BOHR3_GPA,
        scf_converged=None if converged is None else converged.flag(),
    )


def _printed(element: XmlElement, name: Literal["forces", "stress"], lost: dict[Part, str]) -> XmlElement | None:
    """The part `name`; None where there is none, or pw.x could not print a number of it."""
    found = element.maybe(name)
    return None if found is None or _unprinted(found, name, lost) else found


def _unprinted(element: XmlElement, part: Part, lost: dict[Part, str]) -> bool:
    """Whether what stands in a part, or in the energies in it, is no number; noted in `lost`."""
    bad = next((one for one in (element, *element.children) if NO_NUMBERS.search(one.text)), None)
    if bad is not None:
        lost[part] = f"<{bad.name}> holds what is no number ({bad.file}:{bad.line})"
    return bad is not None


def _matrix(element: XmlElement, rows: int) -> FloatArray:
    """Shape (rows, 3); Fortran's order, so that three numbers follow each other."""
    if element.attribute("dims").split() != ["3", str(rows)]:
        raise element.damage(f"<{element.name}> has dims {element.attribute('dims')[:20]!r}, expected '3 {rows}'")
    return element.numbers(3 * rows).reshape(rows, 3)


def _structure(element: XmlElement) -> Structure:
    from pymatgen.core import Element, Lattice, Structure

    cell = _cell(element)
    atoms = list(element.one("atomic_positions").all("atom"))
    if len(atoms) != element.integer_attribute("nat") or not atoms:
        raise element.damage(f"there are {len(atoms)} atoms, nat = {element.attributes['nat']}")
    for number, atom in enumerate(atoms, 1):
        if atom.integer_attribute("index") != number:
            raise atom.damage(f"the atom number {number} has the index {atom.attributes['index']}")
    symbols = [element_of(atom.attribute("name")) for atom in atoms]
    unknown = next((s for s in symbols if not Element.is_valid_symbol(s)), None)
    if unknown is not None:
        raise element.damage(f"there is no element {unknown[:10]!r}")
    positions = np.array([atom.numbers(3) for atom in atoms])
    if np.abs(positions).max() > LARGEST_CELL_BOHR:
        raise element.damage("an atom lies beyond all reason")
    return Structure(Lattice(cell * BOHR_ANG), symbols, positions * BOHR_ANG, coords_are_cartesian=True)


def _cell(element: XmlElement) -> FloatArray:
    cell = np.array([element.one(f"cell/{name}").numbers(3) for name in ("a1", "a2", "a3")])
    if np.abs(cell).max() > LARGEST_CELL_BOHR or abs(np.linalg.det(cell)) * BOHR_ANG**3 < SMALLEST_VOLUME_ANG3:
        raise element.damage("the cell has no volume, or one beyond all reason")
    return cell


def _energies(element: XmlElement, smearing: str | None) -> tuple[float, float]:
    """E - TS, and the energy at zero smearing; ``demet`` is -TS."""
    free = element.one("etot").number() * HARTREE_EV
    demet = element.maybe("demet")
    return free, free - zero_smearing_share(smearing) * (0.0 if demet is None else demet.number() * HARTREE_EV)


def _check_steps(root: XmlElement, steps: list[Geometry], last: Geometry) -> None:
    """QE 6 numbers the geometries, from 1; QE 7 does not. With ``max_xml_steps`` it leaves some out."""
    numbers = [step.integer_attribute("n_step") for step in root.all("step") if "n_step" in step.attributes]
    thinned = root.maybe("input/control_variables/max_xml_steps") is not None
    in_order = all(first < second for first, second in pairwise(numbers))
    whole = numbers in ([], list(range(1, len(steps) + 1))) or (thinned and len(numbers) == len(steps) and in_order)
    if not whole:
        raise root.damage(f"the geometries are numbered {numbers[:8]}: one is missing, or there twice")
    if any(step.structure.species != last.structure.species for step in steps):
        raise root.damage("the geometries do not hold the same atoms")


def _relaxed(given: XmlElement) -> bool | None:
    achieved = given.maybe("convergence_info/opt_conv/convergence_achieved")
    return None if achieved is None else achieved.flag()


# --- electrons --------------------------------------------------------------------------------------------------


def _spins(bands: XmlElement) -> Literal["none", "collinear", "spinor"]:
    lsda, noncolin = bands.one("lsda").flag(), bands.one("noncolin").flag()
    if lsda and noncolin:
        raise bands.damage("the spin is collinear and non-collinear at once")
    return "spinor" if noncolin else "collinear" if lsda else "none"


def _electrons(bands: XmlElement) -> float:
    electrons = bands.one("nelec").number()
    if not 0 < electrons < MOST_ELECTRONS:
        raise bands.damage(f"there are {electrons:g} electrons")
    return electrons


def _positive(element: XmlElement) -> float:
    value = element.number()
    if value <= 0:
        raise element.damage(f"<{element.name}> is {value:g}")
    return value


def _eigenvalues_or_lost(
    bands: XmlElement, structure: XmlElement, spins: str, task: str, lost: dict[Part, str]
) -> Eigenvalues | None:
    """Eigenvalues; None, with the reason in `lost`, where they are damaged: the rest of the run may be whole."""
    try:
        return _eigenvalues(bands, structure, spins, occupied=task in SCF_TASKS)
    except ParseError as error:
        lost["bands"] = f"{error.summary} ({error.where})"
        return None


def _eigenvalues(bands: XmlElement, structure: XmlElement, spins: str, *, occupied: bool) -> Eigenvalues:
    points = list(bands.all("ks_energies"))
    counts = _band_counts(bands, spins)
    if len(points) != bands.one("nks").integer() or not points:
        raise bands.damage(f"there are {len(points)} k-points, nks = {bands.one('nks').text[:20]}")
    energies_ev = _ascending(_table(points, counts), bands)
    weights = np.array([point.one("k_point").number_attribute("weight") for point in points])
    expected = 2.0 if spins == "none" else 1.0
    if (occupied and abs(weights.sum() - expected) > WEIGHT_SLACK) or weights.min() < 0:
        raise bands.damage(f"the weights of the k-points add up to {weights.sum():.6f}, expected {expected:g}")
    electrons = tuple(float(weights @ filled) for filled in _filled_bands(points, counts))
    total = _electrons(bands)
    if occupied and abs(sum(electrons) - total) > OCCUPATION_SLACK * max(total, 1.0):
        raise bands.damage(f"the occupations add up to {sum(electrons):.4f} electrons, nelec = {total:g}")
    return Eigenvalues(
        values_ev=energies_ev,
        electrons=electrons if spins == "collinear" else (total,),
        kpoints_frac=_fractional(points, structure),
        weights=weights / weights.sum() if weights.sum() > 0 else weights,
    )


def _band_counts(bands: XmlElement, spins: str) -> tuple[int, ...]:
    if spins != "collinear":
        counts: tuple[int, ...] = (bands.one("nbnd").integer(),)
    elif bands.maybe("nbnd_up") is not None:
        counts = (bands.one("nbnd_up").integer(), bands.one("nbnd_dw").integer())
    else:
        both = bands.one("nbnd").integer()
        counts = (both, both)
    if min(counts) < 1:
        raise bands.damage(f"there are {counts} bands")
    return counts


def _table(points: list[XmlElement], counts: tuple[int, ...]) -> FloatArray:
    """Eigenvalues in eV, shape (n_spins, n_kpoints, largest count)."""
    channels = np.full((len(counts), len(points), max(counts)), np.nan)
    for number, point in enumerate(points):
        for spin, found in enumerate(_by_spin(point, "eigenvalues", counts)):
            channels[spin, number, : found.size] = found
    channels *= HARTREE_EV
    return channels


def _filled_bands(points: list[XmlElement], counts: tuple[int, ...]) -> FloatArray:
    """Sums of the occupations, shape (n_spins, n_kpoints)."""
    sums = [[float(found.sum()) for found in _by_spin(point, "occupations", counts)] for point in points]
    return np.array(sums).T


def _by_spin(point: XmlElement, name: str, counts: tuple[int, ...]) -> list[FloatArray]:
    """Up and down follow each other in one list of the file."""
    element, total = point.one(name), sum(counts)
    if element.integer_attribute("size") != total:
        raise element.damage(f"<{name}> has size {element.attributes['size'][:12]}, expected {total}")
    found = element.numbers(total)
    return [found[end - count : end] for count, end in zip(counts, accumulate(counts), strict=True)]


def _ascending(energies_ev: FloatArray, bands: XmlElement) -> FloatArray:
    """`energies_ev`, NaN last, with neighbours exchanged that rounding has put the other way round."""
    crossed = (energies_ev[..., 1:] < energies_ev[..., :-1]).any(axis=2)
    if crossed.any():
        ordered = np.sort(energies_ev[crossed], axis=1)
        if np.nanmax(np.abs(ordered - energies_ev[crossed])) > ORDERED_EV:
            raise bands.damage("the eigenvalues of a k-point do not ascend")
        energies_ev[crossed] = ordered
    return energies_ev


def _fractional(points: list[XmlElement], structure: XmlElement) -> FloatArray:
    """From units of 2π/alat: the component along a reciprocal vector is k·a/alat."""
    alat, cell = _alat_bohr(structure), _cell(structure)
    cartesian = np.array([point.one("k_point").numbers(3) for point in points])
    fractional: FloatArray = np.round(cartesian @ (cell / alat).T, 9) + 0.0
    return fractional


def _alat_bohr(structure: XmlElement) -> float:
    alat = structure.number_attribute("alat")
    if not SMALLEST_VOLUME_ANG3 < alat < LARGEST_CELL_BOHR:
        raise structure.damage(f"alat is {alat:g} bohr")
    return alat


def _fermi_or_lost(bands: XmlElement, lost: dict[Part, str]) -> tuple[tuple[float, ...], float | None]:
    """What `_fermi` finds; nothing, with the reason in `lost`, where it is damaged: the rest may be whole."""
    try:
        return _fermi(bands)
    except ParseError as error:
        lost["fermi"] = f"{error.summary} ({error.where})"
        return (), None


def _fermi(bands: XmlElement) -> tuple[tuple[float, ...], float | None]:
    one, two = bands.maybe("fermi_energy"), bands.maybe("two_fermi_energies")
    highest = bands.maybe("highestOccupiedLevel")
    levels: tuple[float, ...] = ()
    if two is not None:
        levels = tuple(float(x) * HARTREE_EV for x in two.numbers(2))
    elif one is not None:
        levels = (one.number() * HARTREE_EV,)
    return levels, None if highest is None else highest.number() * HARTREE_EV


# --- settings ---------------------------------------------------------------------------------------------------


def _smearing(bands: XmlElement) -> tuple[str | None, float | None]:
    element = bands.maybe("smearing")
    if element is None or bands.one("occupations_kind").text != "smearing":
        return None, None
    return element.text, element.number_attribute("degauss") * HARTREE_EV


def _grid(points: XmlElement) -> tuple[tuple[int, int, int] | None, tuple[int, int, int] | None]:
    element = points.maybe("monkhorst_pack")
    if element is None:
        return None, None
    a, b, c = (element.integer_attribute(name) for name in ("nk1", "nk2", "nk3"))
    i, j, k = (element.integer_attribute(name) for name in ("k1", "k2", "k3"))
    if min(a, b, c) < 1 or not {i, j, k} <= {0, 1}:
        raise element.damage(f"the k-grid is {(a, b, c)} with the offset {(i, j, k)}")
    return (a, b, c), (i, j, k)


def _fft_grid(element: XmlElement) -> tuple[int, int, int]:
    a, b, c = (element.integer_attribute(name) for name in ("nr1", "nr2", "nr3"))
    if min(a, b, c) < 1:
        raise element.damage(f"the FFT grid is {(a, b, c)}")
    return a, b, c


def _potential_files(species: XmlElement) -> dict[str, str]:
    found = {}
    for one in species.all("species"):
        name = one.attribute("name").strip()
        found[name] = one.one("pseudo_file").text.rpartition("/")[2]
    if len(found) != species.integer_attribute("ntyp"):
        raise species.damage(f"there are {len(found)} species, ntyp = {species.attributes['ntyp']}")
    return found


def _moments(given: XmlElement) -> FoundMoments | None:
    total, absolute = given.maybe("magnetization/total"), given.maybe("magnetization/absolute")
    if total is None or absolute is None:
        return None
    return FoundMoments(total_mub=total.number(), absolute_mub=absolute.number())


def _dispersion(dft: XmlElement) -> str | None:
    element = dft.maybe("vdW")
    if element is None:
        return "none"
    kind = element.maybe("vdw_corr") or element.maybe("non_local_term")
    if kind is None:
        return None
    version = element.maybe("dftd3_version")
    name = kind.text.strip().lower() + ("" if version is None else f" {version.text.strip()}")
    return _DISPERSIONS.get(name, kind.text or "none")


def _hubbard(dft: XmlElement) -> dict[str, float]:
    element = dft.maybe("dftU")
    if element is None:
        return {}
    found = {}
    for one in element.all("Hubbard_U"):
        value_ev = one.number() * HARTREE_EV
        label = one.attributes.get("label", "").strip()
        if value_ev and label != "no Hubbard":
            found[f"{element_of(one.attribute('specie'))}:{label[-1:] or '?'}"] = value_ev
    return found


def _dipole_axis(asked: XmlElement) -> int | None:
    field = asked.maybe("electric_field")
    if field is None:
        return None
    correction = field.maybe("dipole_correction")
    if correction is None or not correction.flag():
        return None
    axis = field.one("electric_field_direction").integer()
    if axis not in (1, 2, 3):
        raise field.damage(f"the electric field has the direction {axis}")
    return axis - 1


def _isolated(asked: XmlElement, given: XmlElement) -> str:
    told = given.maybe("boundary_conditions/assume_isolated") or asked.maybe("boundary_conditions/assume_isolated")
    return "none" if told is None else told.text or "none"
