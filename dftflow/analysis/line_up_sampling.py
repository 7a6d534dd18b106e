"""Whether a crystal and its slab, whose potentials are lined up, were calculated on the same k-points of the plane."""

from __future__ import annotations

from dftflow.model.kpoint_grid import grid_text, projected_grid, same_shift, spacing_of_grid
from dftflow.model.method import Method
from dftflow.model.results import FloatArray
from dftflow.model.surface import SlabModel

__all__ = ["unlike_sampling"]


def unlike_sampling(crystal: Method, slab: Method, model: SlabModel, cell_ang: FloatArray) -> str:
    """That the k-points of the slab are not those of the crystal projected on its plane, and by how much.

    Where both have the same points of the plane, what these leave out is the same in both. What the crystal's grid
    leaves out along the normal, where the slab has one point, stays either way (docs/theory.md has the size of both).

    Parameters
    ----------
    crystal, slab
        With the grids that were calculated.
    model
        The slab as it was cut.
    cell_ang
        shape (3, 3); lattice vectors of the slab's cell, the third along the normal.

    Returns
    -------
    str
        ``""`` where they are alike, and where a grid or the lattice of the crystal is not known.
    """
    plane = model.plane_vectors
    if plane is None or model.crystal_ang is None or None in (crystal.kpoints_grid, slab.kpoints_grid):
        return ""
    assert crystal.kpoints_grid is not None and slab.kpoints_grid is not None
    if crystal.kpoints_shift is None or slab.kpoints_shift is None:
        return ""
    found = projected_grid(crystal.kpoints_grid, crystal.kpoints_shift, plane)
    if found is not None and found[0] == slab.kpoints_grid and same_shift(found[1], slab.kpoints_shift):
        return ""
    apart = spacing_of_grid(model.crystal_ang, crystal.kpoints_grid)
    in_plane = spacing_of_grid(cell_ang, slab.kpoints_grid, normal=2)
    projected = "no grid of its lattice vectors" if found is None else f"the grid {grid_text(*found)}"
    return (
        f"the k-points of crystal and slab differ: those of the crystal, {_text(crystal)}, at most {apart:.3f} 1/Å "
        f"apart, are {projected} in the plane; the slab has {_text(slab)}, at most {in_plane:.3f} 1/Å apart. What "
        "they leave out of the plane is not the same in both"
    )


def _text(method: Method) -> str:
    assert method.kpoints_grid is not None
    return grid_text(method.kpoints_grid, method.kpoints_shift)
