"""A study outcome with analytic data: cosine bands, a well with a known vacuum level, one slab that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
from pymatgen.core import Lattice, Structure

from dftflow.analysis.alignment import align
from dftflow.model.alignment import AbsoluteEdges, Alignment, AlignmentType, Range
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.levels import BandEdges, LineupSpread, PotentialProfile, SurfaceLevels, VacuumLevel
from dftflow.model.outcome import BulkOutcome, MaterialOutcome, SlabOutcome, StepOutcome, StudyOutcome
from dftflow.model.quantity import Missing
from dftflow.model.results import Bands, Results
from dftflow.model.surface import AtomicLayer, Plane, SlabModel

PAPER_DOI = "10.1021/acsami.1c18025"
PNMA_PATH = "GXSYGZURTZ|XU|YT|SR"
CUBIC_PATH = "GXMGRX|MR"
PNMA_POINTS = {
    "G": (0, 0, 0), "X": (0.5, 0, 0), "S": (0.5, 0.5, 0), "Y": (0, 0.5, 0), "Z": (0, 0, 0.5), "U": (0.5, 0, 0.5),
    "R": (0.5, 0.5, 0.5), "T": (0, 0.5, 0.5),
}  # fmt: skip
CUBIC_POINTS = {"G": (0, 0, 0), "X": (0, 0.5, 0), "M": (0.5, 0.5, 0), "R": (0.5, 0.5, 0.5)}


def cspbbr3() -> Structure:
    """CsPbBr3, Pnma (10.1021/cg400645t)."""
    return Structure.from_spacegroup(
        "Pnma",
        Lattice.orthorhombic(8.2440, 11.7351, 8.1982),
        ["Cs", "Pb", "Br", "Br"],
        [(0.031, 0.25, 0.49298), (0, 0, 0), (0.20653, 0.52389, 0.70607), (0.0037, 0.75, 0.0455)],
    )


FAPBBR3_SITES = (
    ("Pb", (0, 0, 0)),
    ("Br", (0, 0, 0.5)),
    ("Br", (0, 0.5, 0)),
    ("Br", (0.5, 0, 0)),
    ("C", (0.5, 0.5709, 0.5)),
    ("H", (0.5, 0.7533, 0.5)),
    ("N", (0.3049, 0.4703, 0.5)),
    ("N", (0.6951, 0.4703, 0.5)),
    ("H", (0.1623, 0.5624, 0.5)),
    ("H", (0.8377, 0.5624, 0.5)),
    ("H", (0.2874, 0.3011, 0.5)),
    ("H", (0.7126, 0.3011, 0.5)),
)


def fapbbr3() -> Structure:
    """Cubic FAPbBr3 with the cation along [100]."""
    return Structure(Lattice.cubic(5.99), [s for s, _ in FAPBBR3_SITES], [f for _, f in FAPBBR3_SITES])


def fa_slab(n_cells: int, vacuum_ang: float) -> Structure:
    """FABr | PbBr2 | … | FABr, from z = 0 across the cell's border."""
    a, height = 5.99, n_cells * 5.99 + vacuum_ang
    species, coords = [], []
    for cell in range(n_cells + 1):
        for symbol, (x, y, z) in FAPBBR3_SITES:
            species.append(symbol)
            coords.append((x * a, y * a, (z + cell) * a))
    keep = [i for i, c in enumerate(coords) if c[2] > 0.4 * a]
    lattice = Lattice.orthorhombic(a, a, height)
    return Structure(lattice, [species[i] for i in keep], [coords[i] for i in keep], coords_are_cartesian=True)


def cs_slab() -> Structure:
    """CsPbBr3 cell twice along b, with 15 Å of vacuum; stands for the (011) slab in pictures."""
    doubled = cspbbr3() * (1, 2, 1)
    cart = doubled.cart_coords[:, [2, 0, 1]]
    lattice = Lattice.orthorhombic(8.1982, 8.2440, 2 * 11.7351 + 15)
    return Structure(lattice, doubled.species, cart, coords_are_cartesian=True)


def cosine_bands(
    structure: Structure,
    path: str,
    points: dict[str, tuple[float, float, float]],
    edge: str,
    vbm: float,
    cbm: float,
    run: str,
) -> Bands:
    """Bands vbm - w·s(k) and cbm + w·s(k), where s = 0 at `edge` and grows with the cosines away from it."""
    reciprocal = structure.lattice.reciprocal_lattice.matrix
    kpoints, labels, segments = [], [], []
    for number, segment in enumerate(path.split("|")):
        for leg, (left, right) in enumerate(pairwise(segment)):
            for t in np.linspace(0, 1, 12)[min(leg, 1) :]:
                kpoints.append((1 - t) * np.array(points[left]) + t * np.array(points[right]))
                labels.append({0.0: left, 1.0: right}.get(float(t), ""))
                segments.append(number)
    kpoints.append(np.array(points[edge], dtype=float))
    labels.append(edge)
    segments.append(-1)
    k = np.array(kpoints)
    distance = (1 - np.cos(2 * np.pi * (k - np.array(points[edge])))).sum(axis=1)
    widths, shifts = np.array([0.25, 0.35, 0.15, 0.3]), np.array([0.0, 0.0, -0.8, -1.9])
    valence = vbm + shifts - np.outer(distance, widths)
    conduction = cbm - shifts + np.outer(distance, widths * 0.9)
    values = np.sort(np.concatenate([valence, conduction], axis=1), axis=1)
    return Bands(
        eigenvalues_ev=values[None],
        kpoints_frac=k,
        labels=tuple(labels),
        on_path=tuple(segments),
        reciprocal_per_ang=reciprocal,
        n_electrons=(8.0,),
        fermi_ev=vbm + 0.4,
        zero=EnergyZero(run, "cell_average"),
    )


def band_edges(bands: Bands, label: str, k: tuple[float, float, float], vbm: float, cbm: float) -> BandEdges:
    return BandEdges(
        vbm=Energy(vbm, bands.zero),
        cbm=Energy(cbm, bands.zero),
        vbm_k=k,
        cbm_k=k,
        vbm_label=label,
        cbm_label=label,
        direct=True,
        fermi_ev=bands.fermi_ev,
        fermi_in_gap=True,
    )


def well_profile(
    length: float, thickness: float, start: float, period: float, vacuum: float, depth: float
) -> PotentialProfile:
    """A well of `depth` below `vacuum` from `start` on, `thickness` wide, rippled with `period`; wraps at the cell."""
    z = np.arange(400) * length / 400
    centre = start + thickness / 2
    d = np.abs((z - centre + length / 2) % length - length / 2)
    inside = 1 / (1 + np.exp((d - thickness / 2) / 0.35))
    ripple = np.cos(2 * np.pi * (d - thickness / 2) / (period / 2))
    smooth = 1 / (1 + np.exp((d - thickness / 2) / 1.1))
    return PotentialProfile(
        z_ang=z,
        planar_ev=vacuum - inside * (depth + 5.5 * ripple),
        macroscopic_ev=vacuum - smooth * depth,
        length_ang=length,
        period_ang=period,
        atoms_ang=(start, start + thickness),
        kind="electrostatic",
    )


def slab_outcome(
    model: SlabModel,
    *,
    run: str,
    vacuum: float,
    ip: float,
    ea: float,
    wf: float,
    start: float,
    depth: float,
    relaxed: bool = True,
) -> SlabOutcome:
    length = float(model.structure.lattice.c)
    profile = well_profile(length, model.thickness_ang, start, model.period_ang, vacuum, depth)
    end, gap = start + model.thickness_ang, length - model.thickness_ang
    zero = EnergyZero(run, "cell_average")
    high = VacuumLevel(
        side="high",
        level=Energy(vacuum, zero),
        spread_ev=0.004,
        slope_ev_per_ang=0.0006,
        window_ang=(end + 0.3 * gap, end + 0.48 * gap),
    )
    low = replace(
        high, side="low", spread_ev=0.006, window_ang=(start - 0.48 * gap + length, start - 0.3 * gap + length)
    )
    levels = SurfaceLevels(
        vacuum=high,
        work_function_ev=wf,
        ionisation_potential_ev=ip,
        electron_affinity_ev=ea,
        spread=LineupSpread(flatness_ev=0.05, windows_ev=0.02, centre_ev=0.01, vacuum_ev=0.007),
        bulk_average_ev=0.0,
        slab_centre_average_ev=vacuum - depth,
        slab_edges=slab_edges(vacuum - ip - 0.1, 2.13, zero),
    )
    return SlabOutcome(
        subject=run.removesuffix("-potential"),
        levels_step=run,
        model=model,
        structure=model.structure,
        relaxed=relaxed,
        profile=profile,
        vacuum=(low, high),
        levels=levels,
    )


def slab_edges(vbm: float, gap: float, zero: EnergyZero) -> BandEdges:
    return BandEdges(
        vbm=Energy(vbm, zero),
        cbm=Energy(vbm + gap, zero),
        vbm_k=(0.5, 0.5, 0.0),
        cbm_k=(0.5, 0.5, 0.0),
        vbm_label="M-bar",
        cbm_label="M-bar",
        direct=True,
        fermi_ev=vbm + gap / 2,
        fermi_in_gap=True,
    )


def cs_model(termination: str = "CsBr3/2 (half Cs2Br6)") -> SlabModel:
    plane = Plane(
        miller=(0, 1, 1),
        setting="Pnma",
        miller_cell=(0, 1, 1),
        equivalents=(("Pbnm", (1, 1, 0)), ("pseudocubic", (1, 1, 1))),
    )
    structure = cs_slab()
    z = sorted(structure.cart_coords[:, 2])
    layers = tuple(
        AtomicLayer(formula=f, z_ang=h, formal_charge=q) for f, h, q in (("Cs2Br6", 0.1, -4), ("Pb2", 2.9, 4))
    )
    return SlabModel(
        structure=structure,
        plane=plane,
        termination=termination,
        layers=layers,
        formal_charge=0,
        symmetric=True,
        polar=False,
        stoichiometric=True,
        area_ang2=67.59,
        thickness_ang=float(z[-1] - z[0]),
        vacuum_ang=15.1,
        period_ang=5.84,
    )


def fa_model(n_cells: int = 4) -> SlabModel:
    plane = Plane(miller=(0, 1, 0), setting="cubic", equivalents=(), miller_cell=(0, 1, 0))
    structure = fa_slab(n_cells, 15.0)
    layers = tuple(
        AtomicLayer(formula="FABr" if i % 2 == 0 else "PbBr2", z_ang=2.995 * (i + 1), formal_charge=0)
        for i in range(2 * n_cells + 1)
    )
    return SlabModel(
        structure=structure,
        plane=plane,
        termination="FABr",
        layers=layers,
        formal_charge=0,
        symmetric=True,
        polar=False,
        stoichiometric=False,
        area_ang2=35.88,
        thickness_ang=n_cells * 5.99,
        vacuum_ang=15.0,
        period_ang=5.99,
    )


def alignment(
    *,
    vbo: float = 0.021,
    ip_first: float = 5.812,
    gap_first: float = 1.909,
    gap_second: float = 1.641,
    range_ev: Range | None = (-0.123, 0.123),
    type_: AlignmentType = "not resolved",
    method: str = "bulk line-up",
    names: tuple[str, str] = ("CsPbBr3", "FAPbBr3"),
    surfaces: tuple[str, str] = ("(011) Pnma, CsBr3/2 (half Cs2Br6)", "(010) cubic, FABr"),
) -> Alignment:
    """First material at `ip_first`, the second `vbo` below it."""
    first_vbm, second_vbm = -ip_first, -ip_first - vbo
    first_cbm, second_cbm = first_vbm + gap_first, second_vbm + gap_second
    edges = [
        AbsoluteEdges(material=name, surface=surface, vbm_ev=vbm, cbm_ev=cbm, range_ev=(-0.087, 0.087))
        for name, surface, vbm, cbm in zip(
            names, surfaces, (first_vbm, second_vbm), (first_cbm, second_cbm), strict=True
        )
    ]
    return Alignment(
        method=method,
        first=edges[0],
        second=edges[1],
        first_name=names[0],
        second_name=names[1],
        valence_band_offset_ev=vbo,
        conduction_band_offset_ev=first_cbm - second_cbm,
        range_ev=range_ev,
        range_holds="line-up spread",
        type=type_,
        tolerance_ev=0.1,
        types_by_tolerance=((0.026, "type II"), (0.1, "quasi-type II"), (0.2, "quasi-type II")),
    )


def published() -> Alignment:
    return Alignment(
        method="published",
        first=None,
        second=None,
        first_name="CsPbBr3",
        second_name="FAPbBr3",
        valence_band_offset_ev=0.021,
        conduction_band_offset_ev=None,
        range_ev=None,
        type="quasi-type II",
        tolerance_ev=0.1,
        source=PAPER_DOI,
    )


MANY = (
    "CsPbBr3", "(FA0.83Cs0.17)Pb(I0.6Br0.4)3", "FAPbBr3", "HC(NH2)2PbBr3", "TiO2", "Cs2AgBiBr6", "spiro-OMeTAD",
    "CsSnI3",
)  # fmt: skip
FACES = (
    "(010) Pnma, CsBr", "(001) cubic, (FA0.83Cs0.17)I", "(011) Pnma, CsBr3/2 (half Cs2Br6), not relaxed",
    "(010) cubic, FABr", "(101) anatase, O", "(001) Fm-3m, CsBr", "(100) P1, C", "(010) Pnma, CsI",
)  # fmt: skip


def surface_levels(
    vbms: Sequence[float], gaps: Sequence[float], ranges: Sequence[Range] | None = None
) -> list[AbsoluteEdges]:
    """One surface of each of the first materials of `MANY`."""
    ranges = ranges or [(-0.09, 0.09)] * len(vbms)
    return [
        AbsoluteEdges(material=name, surface=face, vbm_ev=vbm, cbm_ev=vbm + gap, range_ev=reach)
        for name, face, vbm, gap, reach in zip(MANY, FACES, vbms, gaps, ranges, strict=False)
    ]


def all_pairs(levels: Sequence[AbsoluteEdges], *, way: str = "bulk line-up") -> tuple[Alignment, ...]:
    """A row for every two of the levels."""
    return tuple(
        align(first, second, method=f"{way} of {first.surface} and {second.surface}", way=way, range_holds="spread")
        for first, second in combinations(levels, 2)
    )


def make_many(root: Path, count: int, **changes: object) -> StudyOutcome:
    """A study of `count` materials with the valence bands 0.3 eV below each other, and rows for all pairs."""
    base = make_outcome(root)
    levels = surface_levels([-5.0 - 0.3 * i for i in range(count)], [1.9 + 0.2 * i for i in range(count)])
    materials = tuple(replace(base.materials[i % 2], name=MANY[i], formula=MANY[i]) for i in range(count))
    return replace(base, materials=materials, alignments=all_pairs(levels), **changes)  # type: ignore[arg-type]


def _steps(root: Path) -> tuple[StepOutcome, ...]:
    decks = {
        "CsPbBr3.cell": "%BLOCK LATTICE_CART\nang\n8.2440 0 0 # <a & b>\n%ENDBLOCK LATTICE_CART\n",
        "CsPbBr3.param": "task : x\n",
    }
    steps = []
    for name in (
        "CsPbBr3/bulk-relax", "CsPbBr3/bulk-bands", "CsPbBr3/slab-1-potential", "CsPbBr3/slab-2-potential",
        "FAPbBr3/bulk-relax", "FAPbBr3/bulk-bands", "FAPbBr3/slab-1-potential",
    ):  # fmt: skip
        failed = name == "CsPbBr3/slab-2-potential"
        steps.append(
            StepOutcome(
                name=name,
                title=name.replace("/", ": "),
                state="failed" if failed else "finished",
                folder=root / "steps" / name.replace("/", "-"),
                deck_files=decks,
                failure="scf_not_converged: 60 cycles, last change 3e-2 eV" if failed else "",
                log_tail="iter: 59 <-123.4>\niter: 60 <-123.3>\nKohnShamConvergenceError" if failed else "",
                wall_time_s=None if failed else 83.4,
                results=None
                if failed
                else Results(code="gpaw", code_version="26.7.0", status="finished", peak_memory_mib=812.0),
            )
        )
    return tuple(steps)


def make_outcome(root: Path, **changes: object) -> StudyOutcome:
    """Two materials, three slabs (one failed), three alignments; `changes` replace fields of the outcome."""
    cs_run, fa_run = "CsPbBr3/bulk-bands", "FAPbBr3/bulk-bands"
    cs_bands = cosine_bands(cspbbr3(), PNMA_PATH, PNMA_POINTS, "G", 3.011, 4.920, cs_run)
    fa_bands = cosine_bands(fapbbr3(), CUBIC_PATH, CUBIC_POINTS, "R", 2.507, 4.148, fa_run)
    cs = MaterialOutcome(
        name="CsPbBr3",
        formula="CsPbBr3",
        bulk=BulkOutcome(
            structure=cspbbr3(),
            source="CsPbBr3_Pnma.cif, 10.1021/cg400645t",
            space_group="Pnma",
            bands=cs_bands,
            relaxed=True,
            edges_step=cs_run,
            cell_step="CsPbBr3/bulk-relax",
            edges=band_edges(cs_bands, "G", (0.0, 0.0, 0.0), 3.011, 4.920),
        ),
        slabs=(
            slab_outcome(
                cs_model(),
                run="CsPbBr3/slab-1-potential",
                vacuum=4.853,
                ip=5.812,
                ea=3.903,
                wf=4.771,
                start=0.4,
                depth=9.7,
            ),
            SlabOutcome(
                subject="CsPbBr3/slab-2",
                levels_step="CsPbBr3/slab-2-potential",
                model=replace(cs_model("Pb2"), formal_charge=4, polar=True),
                structure=cs_model("Pb2").structure,
                relaxed=False,
                profile=None,
                vacuum=(),
                levels=None,
                missing=Missing(kind="failed", reason="CsPbBr3/slab-2-potential failed: scf_not_converged"),
            ),
        ),
    )
    fa = MaterialOutcome(
        name="FAPbBr3",
        formula="HC(NH2)2PbBr3",
        bulk=BulkOutcome(
            structure=fapbbr3(),
            source="CsPbBr3_Pm-3m.cif with Cs replaced by FA",
            space_group="Pmm2",
            bands=fa_bands,
            relaxed=True,
            edges_step=fa_run,
            cell_step="FAPbBr3/bulk-relax",
            edges=band_edges(fa_bands, "R", (0.5, 0.5, 0.5), 2.507, 4.148),
        ),
        slabs=(
            slab_outcome(
                fa_model(),
                run="FAPbBr3/slab-1-potential",
                vacuum=5.236,
                ip=5.833,
                ea=4.192,
                wf=4.688,
                start=2.995,
                depth=9.1,
            ),
        ),
    )
    functions = alignment(vbo=-0.083, method="slab work functions", range_ev=(-2.1, 2.3), type_="not resolved")
    outcome = StudyOutcome(
        title="Band alignment of CsPbBr3 and FAPbBr3",
        study_name="fapbbr3-cspbbr3",
        preset="quick",
        preset_note="thin slabs and a coarse grid: for a first look",
        code="gpaw",
        materials=(cs, fa),
        alignments=(alignment(), functions, published()),
        steps=_steps(root),
        settings={"xc": "PBE", "cutoff_ev": {"CsPbBr3": 244.9, "FAPbBr3": 435.4}, "grid": [2, 2, 2]},
        provenance={"dftflow": "0.1.0", "gpaw": "26.7.0", "structures": {"CsPbBr3": "sha256 0f3a"}},
        warnings=("the (011) plane of CsPbBr3 Pnma is polar (pseudocubic {111})",),
        wall_time_s=251.7,
    )
    return replace(outcome, **changes)  # type: ignore[arg-type]
