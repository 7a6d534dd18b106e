"""Puts a molecular cation on the sites of an atom: Cs+ out, formamidinium in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.contacts import check_contacts
from dftflow.crystals.molecules import Molecule, load_molecule
from dftflow.crystals.number_bounds import check_number_of_atoms
from dftflow.crystals.symmetry import point_operations
from dftflow.errors import StructureError
from dftflow.model.bounds import MOST_ATOMS, PSEUDOCUBIC_ANG
from dftflow.model.printable import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["Orientation", "enumerate_orientations", "parse_orientation", "substitute"]

Direction = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """Two lattice directions of the host: where the molecule's long axis and its second axis point.

    Attributes
    ----------
    long
        Direction [uvw] of the long axis.
    second
        Direction that the second axis leans to; only its part perpendicular to the long axis counts.
    """

    long: Direction
    second: Direction

    def __str__(self) -> str:
        return f"{_indices(self.long)}/{_indices(self.second)}"

    def rotation(self, lattice_ang: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rotation matrix, shape (3, 3), that turns the molecule's x and y into the two directions."""
        first = np.array(self.long) @ lattice_ang
        first /= np.linalg.norm(first)
        second = np.array(self.second) @ lattice_ang
        second = second - (second @ first) * first
        second /= np.linalg.norm(second)
        return np.column_stack([first, second, np.cross(first, second)])


def _indices(direction: Direction) -> str:
    return ("" if max(map(abs, direction)) < 10 else " ").join(map(str, direction))


def _direction(text: str, whole: str) -> Direction:
    stripped = text.strip().strip("[]").strip()
    compact = re.fullmatch(r"(-?\d)(-?\d)(-?\d)", stripped)
    spaced = re.fullmatch(r"(-?\d{1,3})[\s,]+(-?\d{1,3})[\s,]+(-?\d{1,3})", stripped)
    found = compact or spaced
    if found is None or not any(map(int, found.groups())):
        raise StructureError(
            f"orientation {whole!r} cannot be read",
            reason=f"{text.strip()!r} is no lattice direction",
            fix='write "100", "1-10", "100/001" (long axis / second axis), or "random" with a seed',
        )
    u, v, w = map(int, found.groups())
    return (u, v, w)


def parse_orientation(text: str) -> Orientation:
    """Orientation from ``"100"`` or ``"100/001"``.

    Without the second direction it is [010], or [001] when the long axis lies along [010].

    Raises
    ------
    StructureError
        For anything but one or two directions that are not parallel.
    """
    parts = text.split("/")
    if len(parts) > 2:
        raise StructureError(f"orientation {text!r} has more than two directions", fix='write it like "100/001"')
    long = _direction(parts[0], text)
    default = (0, 1, 0) if any((long[0], long[2])) else (0, 0, 1)
    second = _direction(parts[1], text) if len(parts) == 2 else default
    if not np.any(np.cross(long, second)):
        raise StructureError(
            f"orientation {text!r} names the same direction twice",
            fix=f'leave the second direction out, or choose another, e.g. "{_indices(long)}/{_indices(default)}"',
        )
    return Orientation(long=long, second=second)


def _rotations(
    orientation: str | Sequence[str], lattice_ang: NDArray[np.float64], count: int, seed: int | None
) -> Iterator[NDArray[np.float64]]:
    """One rotation matrix a site."""
    if orientation == "random":
        if seed is None:
            raise StructureError("a random orientation needs a seed", fix="give a whole number, e.g. seed = 1")
        from scipy.spatial.transform import Rotation  # type: ignore[import-untyped]  # a quarter of a second, and rare

        # Normal deviates on the four axes are spread evenly over the unit quaternions, hence over all rotations.
        for quaternion in np.random.default_rng(seed).normal(size=(count, 4)):
            yield Rotation.from_quat(quaternion).as_matrix()
        return
    if orientation == "enumerate":
        raise StructureError(
            "enumerated orientations give several crystals",
            fix="name one orientation; in Python, dftflow.crystals.substitution.enumerate_orientations gives them all",
        )
    names = [orientation] * count if isinstance(orientation, str) else list(orientation)
    if len(names) != count:
        raise StructureError(
            f"{len(names)} orientations were given for {count} sites", fix="give one for all sites, or one for each"
        )
    for name in names:
        yield parse_orientation(name).rotation(lattice_ang)


def _site_indices(host: Structure, site: str, molecule_of: NDArray[np.int64]) -> list[int]:
    found = [k for k, atom in enumerate(host) if atom.specie.symbol == site and molecule_of[k] < 0]
    if not found:
        held = sorted({atom.specie.symbol for k, atom in enumerate(host) if molecule_of[k] < 0})
        raise StructureError(
            f"no site {site!r} to substitute in {host.composition.reduced_formula}",
            reason=f"its atoms outside molecules are {', '.join(held) or 'none'}",
            fix='name the element that the molecule replaces, e.g. site = "Cs"',
        )
    return found


def _check_size(host: Structure, site: str, molecule: Molecule, supercell: tuple[int, int, int]) -> None:
    """Refuse what would be too large, before any of it is made."""
    replaced = sum(atom.specie.symbol == site for atom in host)
    atoms = (len(host) + replaced * (len(molecule.symbols) - 1)) * prod(supercell)
    if atoms > MOST_ATOMS:
        raise StructureError(
            f"the crystal would hold {shown(atoms)} atoms",
            reason=f"the limit is {MOST_ATOMS}; the supercell is {shown(supercell)}",
            fix="ask for a smaller supercell",
        )


def _prepared_host(
    structure: Structure, site: str, supercell: tuple[int, int, int], pseudocubic_ang: float | None
) -> Structure:
    if len(supercell) != 3 or any(n != int(n) or n < 1 for n in supercell):
        raise StructureError(f"supercell {supercell} cannot be made", fix="give three whole numbers of at least 1")
    check_number_of_atoms(len(structure) * math.prod(map(int, supercell)), "")
    host = structure.copy()
    molecules = np.array(host.site_properties.get("molecule", [-1] * len(host)), dtype=np.int64)
    if np.any(molecules >= 0) and (pseudocubic_ang is not None or tuple(supercell) != (1, 1, 1)):
        raise StructureError(
            "a crystal that holds molecules cannot be scaled or repeated here",
            reason="scaling would stretch the molecules",
            fix="scale and repeat it in the first substitution",
        )
    host.add_site_property("molecule", molecules.tolist())
    if pseudocubic_ang is not None:
        if not PSEUDOCUBIC_ANG.holds(pseudocubic_ang):
            raise StructureError(
                f"pseudocubic_ang is {pseudocubic_ang}",
                reason=f"it can be {PSEUDOCUBIC_ANG}",
                fix="give a length in Å, e.g. 5.99",
            )
        host.scale_lattice(len(_site_indices(host, site, molecules)) * pseudocubic_ang**3)
    return host.make_supercell(supercell, to_unit_cell=False)


def _with_molecules(
    host: Structure, sites: list[int], molecule: Molecule, rotations: Sequence[NDArray[np.float64]]
) -> Structure:
    """`host` with `molecule` on each of `sites`; the atoms that stay come first, in their order."""
    built = host.copy()
    centres = host.cart_coords[sites]
    built.remove_sites(sites)
    charges = tuple(host.properties.get("molecule_charges", ()))
    for k, (centre, rotation) in enumerate(zip(centres, rotations, strict=True)):
        for symbol, position in zip(molecule.symbols, molecule.positions_ang @ rotation.T + centre, strict=True):
            built.append(symbol, position, coords_are_cartesian=True, properties={"molecule": len(charges) + k})
    built.properties = {**host.properties, "molecule_charges": charges + (molecule.charge,) * len(sites)}
    return built


def substitute(
    structure: Structure,
    *,
    site: str,
    by: str | Molecule,
    orientation: str | Sequence[str] = "100",
    supercell: tuple[int, int, int] = (1, 1, 1),
    seed: int | None = None,
    pseudocubic_ang: float | None = None,
) -> Structure:
    """Replace every `site` atom by a molecule, its centre of mass on the site.

    Parameters
    ----------
    structure
        The host; left as it is.
    site
        Element to replace, e.g. ``"Cs"``.
    by
        ``"FA"``, ``"MA"``, a file, or a `Molecule`.
    orientation
        Lattice directions of the host. ``"110"``: the molecule's long axis (FA: N···N, MA: C to N) along [110] and
        its second axis (FA: C to H, along the dipole) along [010], made perpendicular to the first, hence [-110] in
        a cubic host. ``"100/001"`` names both. ``"random"`` draws every molecule's rotation evenly from all
        rotations, the same ones for the same `seed`. A sequence gives each site its own, in the order of the sites.
    supercell
        Repeats along the three lattice vectors, made before the molecules are placed.
    seed
        Only with ``"random"``.
    pseudocubic_ang
        Scale the host first, all lengths by one factor, to the volume of `pseudocubic_ang` cubed per replaced site:
        5.99 makes a FAPbBr3-sized cell of CsPbBr3 in any phase and setting.

    Returns
    -------
    Structure
        Site property ``molecule``: -1 for a single atom, else the number of the molecule, each of which is written
        whole (not wrapped into the cell). ``properties["molecule_charges"]`` gives the charge of each molecule as a
        unit, in e; ``properties["substitution"]`` says what was done.

    Raises
    ------
    StructureError
        For a site, molecule, orientation, supercell or scale that cannot be used.
    ClashError
        When a molecule comes too close to its surroundings.
    """
    molecule = by if isinstance(by, Molecule) else load_molecule(by)
    _check_size(structure, site, molecule, supercell)
    host = _prepared_host(structure, site, supercell, pseudocubic_ang)
    sites = _site_indices(host, site, np.array(host.site_properties["molecule"]))
    rotations = tuple(_rotations(orientation, host.lattice.matrix, len(sites), seed))
    built = _with_molecules(host, sites, molecule, rotations)
    built.properties["substitution"] = {
        "site": site,
        "by": molecule.name,
        "geometry": molecule.source,
        "count": len(sites),
        "orientation": orientation if isinstance(orientation, str) else tuple(orientation),
        "seed": seed,
        "supercell": tuple(supercell),
        "pseudocubic_ang": pseudocubic_ang,
    }
    check_contacts(
        built,
        where=f"{molecule.name} on {site} of {structure.composition.reduced_formula}, orientation {orientation}",
        fix="choose another orientation or seed, or a larger cell (pseudocubic_ang)",
    )
    return built


def _family(direction: Direction) -> list[Direction]:
    """All directions that differ from `direction` by order and signs of the indices."""
    wanted = sorted(map(abs, direction))
    reach = range(-max(wanted), max(wanted) + 1)
    return [(u, v, w) for u, v, w in product(reach, repeat=3) if sorted((abs(u), abs(v), abs(w))) == wanted][::-1]


def _candidates(directions: str) -> Iterator[Orientation]:
    """Long axes of the family `directions`, each with the <100>, <110> and <112> directions perpendicular to it."""
    families: dict[str, Direction] = {"<100>": (1, 0, 0), "<110>": (1, 1, 0), "<111>": (1, 1, 1)}
    if directions not in families:
        raise StructureError(f"unknown family of directions {directions!r}", fix=f"choose {', '.join(families)}")
    seconds = _family((1, 0, 0)) + _family((1, 1, 0)) + _family((1, 1, 2))
    for long in _family(families[directions]):
        perpendicular = [second for second in seconds if np.dot(long, second) == 0]
        yield from (Orientation(long=long, second=second) for second in perpendicular)


def _same_atoms(first: NDArray[np.float64], second: NDArray[np.float64], symbols: NDArray[np.str_]) -> bool:
    """Whether two placements of one molecule put the same elements on the same points."""
    distance = np.linalg.norm(first[:, None] - second[None], axis=2)
    return bool(np.all(np.any((distance < 1e-3) & (symbols[:, None] == symbols[None]), axis=1)))


def enumerate_orientations(
    structure: Structure,
    *,
    site: str,
    by: str | Molecule,
    directions: str = "<100>",
    supercell: tuple[int, int, int] = (1, 1, 1),
    pseudocubic_ang: float | None = None,
) -> tuple[tuple[str, Structure], ...]:
    """Crystals with all molecules turned alike, one for each orientation that the host's symmetry tells apart.

    Parameters
    ----------
    structure, site, by, supercell, pseudocubic_ang
        As in `substitute`.
    directions
        Family of the long axis: ``"<100>"``, ``"<110>"`` or ``"<111>"``. The second axis runs through the <100>,
        <110> and <112> directions perpendicular to it.

    Returns
    -------
    tuple of (label, Structure)
        The label is the orientation, ``"100/010"``, as `substitute` takes it. Two orientations count as one when a
        rotation or reflection of the host's point group turns one molecule into the other.

    Raises
    ------
    StructureError, ClashError
        As in `substitute`.
    """
    molecule = by if isinstance(by, Molecule) else load_molecule(by)
    symbols = np.array(molecule.symbols)
    operations = point_operations(structure)
    lattice_ang = structure.lattice.matrix
    kept: list[tuple[Orientation, NDArray[np.float64]]] = []
    for orientation in _candidates(directions):
        atoms = molecule.positions_ang @ orientation.rotation(lattice_ang).T
        images = np.einsum("oij,nj->oni", operations, atoms)
        if not any(_same_atoms(image, known, symbols) for image in images for _, known in kept):
            kept.append((orientation, atoms))
    return tuple(
        (
            str(orientation),
            substitute(
                structure,
                site=site,
                by=molecule,
                orientation=str(orientation),
                supercell=supercell,
                pseudocubic_ang=pseudocubic_ang,
            ),
        )
        for orientation, _ in kept
    )
