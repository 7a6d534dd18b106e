"""CIF texts of known crystals, as files of different origin write them."""

from __future__ import annotations

__all__ = ["CSPBBR3_PBNM_OPERATIONS", "FA_SKELETON", "cif_text", "cspbbr3_pbnm", "cubic", "named"]

Cell = tuple[float, float, float, float, float, float]
COLUMNS = "label type_symbol fract_x fract_y fract_z"


def cubic(a: float) -> Cell:
    return (a, a, a, 90, 90, 90)


def named(symbol: str) -> str:
    return f"_symmetry_space_group_name_H-M '{symbol}'\n"


def cif_text(cell: Cell, sites: str, head: str = "", columns: str = COLUMNS) -> str:
    """`head` first (line 2 on), then the lattice, then the sites."""
    keys = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lattice = "".join(f"_cell_{key} {value}\n" for key, value in zip(keys, cell, strict=True))
    loop = "loop_\n" + "".join(f"_atom_site_{column}\n" for column in columns.split())
    return f"data_crystal\n{head.strip()}\n{lattice}{loop}{sites.strip()}\n"


# Stoumpos 2013 (10.1021/cg400645t), in the setting with the long axis last.
CSPBBR3_CELL = (8.1982, 8.2440, 11.7351, 90, 90, 90)
CSPBBR3_SITES = """
Cs1 Cs 0.00702 0.5310 0.25
Pb1 Pb 0 0 0
Br1 Br 0.0455 0.0037 0.75
Br2 Br 0.20607 0.29347(1) 0.47611
"""
CSPBBR3_PBNM_OPERATIONS = """loop_
_space_group_symop_operation_xyz
'x,y,z'
'-x,-y,z+1/2'
'x+1/2,-y+1/2,-z'
'-x+1/2,y+1/2,-z+1/2'
'-x,-y,-z'
'x,y,-z+1/2'
'-x+1/2,y+1/2,z'
'x+1/2,-y+1/2,z+1/2'
"""


def cspbbr3_pbnm(head: str = "") -> str:
    """CsPbBr3 in the axes of Pbnm, whatever `head` says of its symmetry."""
    return cif_text(CSPBBR3_CELL, CSPBBR3_SITES, head)


# FAPbBr3 as X-rays give it.
FA_SKELETON = """
Pb1 Pb 0 0 0
Br1 Br 0.5 0 0
Br2 Br 0 0.5 0
Br3 Br 0 0 0.5
C1 C 0.5 0.570 0.5
N1 N 0.694 0.470 0.5
N2 N 0.306 0.470 0.5
"""
