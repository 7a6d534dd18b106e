"""Checks the potentials: their files, and their kind against the functional."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dftflow.codes.castep.input.cell_file import CellSite
from dftflow.codes.castep.input.deck_file import DeckFile
from dftflow.codes.castep.input.keyword_table import canonical_name
from dftflow.codes.castep.input.species_potentials import SpeciesPotentials
from dftflow.codes.castep.lint.finding import Finding
from dftflow.codes.castep.lint.values import DeckValues
from dftflow.input_file import is_regular

__all__ = ["check_hybrid", "check_potential_files", "hybrid_functional"]

FUNCTIONALS = ("xc_functional", "bs_xc_functional", "spectral_xc_functional", "optics_xc_functional")
DEFINITIONS = ("xc_definition", "bs_xc_definition", "spectral_xc_definition", "optics_xc_definition")
EXACT_EXCHANGE = (
    *("hf", "hf-lda", "pbe0", "b3lyp", "hse", "hse03", "hse06", "spbe0", "exx", "exx-x", "exx-lda"),
    *("shf", "shf-lda", "sx", "sx-lda", "sex", "sex-lda"),
)


def check_potential_files(cell: DeckFile, potentials: SpeciesPotentials) -> Iterator[Finding]:
    """Files that lie neither beside the deck nor in a folder of ``PSPOT_DIR``, where CASTEP looks for them."""
    folders = [Path(name) for name in os.environ.get("PSPOT_DIR", "").split(os.pathsep) if name]
    places = (cell.file.parent, *folders)
    files = [potential for potential in potentials.lines if potential.is_file]
    missing = [file for file in files if not any(is_regular(place / file.text) for place in places)]
    if not missing:
        return
    names = ", ".join(dict.fromkeys(file.text for file in missing))
    elsewhere = f"in {', '.join(map(str, folders))} (PSPOT_DIR)" if folders else "in PSPOT_DIR, which is not set"
    yield Finding(
        file=cell.file,
        line=missing[0].line,
        severity="warning",
        message=f"{names} {'lies' if len(missing) == 1 else 'lie'} neither beside the deck nor {elsewhere}",
        fix="put such files in one of the two on the machine that runs CASTEP",
    )


def hybrid_functional(values: DeckValues) -> tuple[str, int, str]:
    """Keyword, line and name of the first functional with exact exchange; ``("", 0, "")`` when there is none."""
    for name in FUNCTIONALS:
        option = values.option(name)
        if option in EXACT_EXCHANGE or option.startswith("libxc_hyb_"):
            return name, values.given[name].line, values.given[name].value
    for block in values.deck.blocks:
        if canonical_name(block.name) not in DEFINITIONS:
            continue
        for line in block.lines:
            if line.words[0].lower() in EXACT_EXCHANGE:
                return block.name, line.number, line.words[0]
    return "", 0, ""


def check_hybrid(
    values: DeckValues, cell: DeckFile, potentials: SpeciesPotentials, sites: tuple[CellSite, ...]
) -> Iterator[Finding]:
    """Exact exchange with ultrasoft potentials, which CASTEP does not have."""
    keyword, line, functional = hybrid_functional(values)
    if not keyword:
        return
    of_species = {site.species: potentials.of(site) for site in sites}
    soft = [species for species, found in of_species.items() if found is None or found.ultrasoft]
    if not soft:
        return
    by_default = [species for species in soft if of_species[species] is None]
    named = dict.fromkeys(found.text for species in soft if (found := of_species[species]))
    kinds = [*named, *(["CASTEP's default, since SPECIES_POT names none"] if by_default else [])]
    yield Finding(
        file=values.deck.file,
        line=line,
        severity="error",
        message=f"{keyword} {functional} has exact exchange, which needs norm-conserving potentials; those of "
        f"{', '.join(soft)} are ultrasoft ({'; '.join(kinds)})",
        fix=f"NCP19 in SPECIES_POT of {cell.file.name}",
    )
