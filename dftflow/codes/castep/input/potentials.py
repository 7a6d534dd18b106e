"""Which pseudopotentials a CASTEP deck asks for.

Those that the person names: a library, a set of tabulated files (``"tabulated:00PBE"``: ``Pb_00PBE.usp``;
``"tabulated:00PBE_OP"``: ``Pb_00PBE_OP.recpot``, the names under which Materials Studio has them), or one potential for
every element. Otherwise the Materials Studio decks ask for the tabulated Vanderbilt potentials that come
with it (``Pb_00PBE.usp``), and the academic ones for the on-the-fly ultrasoft library C19, which is built into CASTEP
from 19.1 on and needs no file. The quality levels of CASTEP's potentials are cutoffs in whole Hartree as a rule, which
244.9 eV and 435.4 eV are too (9.000 and 16.001 Hartree).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dftflow.codes.castep.input.electrons import SPIN_ORBIT_LIBRARY
from dftflow.codes.castep.input.keywords import KeywordFamily, functional
from dftflow.codes.castep.input.on_the_fly import read_on_the_fly
from dftflow.codes.castep.input.recommended_cutoffs import least_cutoff
from dftflow.codes.file_hash import NOT_KNOWN_HERE, file_md5
from dftflow.codes.least_cutoff import LeastCutoff
from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec

__all__ = ["ACADEMIC_LIBRARY", "TABULATED", "Potentials", "choose_potentials", "potential_hashes"]

ACADEMIC_LIBRARY = "C19"
TABULATED: Final = "tabulated:"
NORM_CONSERVING_SET = "_OP"
POTENTIAL_FILES = (".usp", ".uspcc", ".uspso", ".recpot", ".upf", ".otfglib", ".dat", ".data")
J_DEPENDENT = (".uspso", ".upf")
CHECK_CUTOFF = (
    "Each potential wants a cutoff of its own. Its on-the-fly string, which the .castep file repeats, holds three of "
    "them in Hartree (coarse, medium, fine: 7, 8 and 9 in 2|1.6|7|8|9|30:31); a tabulated potential may say so in the "
    "head of its file. Compare the deck's cut_off_energy with these before trusting a number."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Potentials:
    """The SPECIES_POT block: its lines, the comment above it, and what to tell the person who runs it.

    Attributes
    ----------
    least_cutoff
        The coarse level of the hardest, where it is known.
    """

    block: str
    comment: str
    notes: tuple[str, ...]
    least_cutoff: LeastCutoff | None = None


def choose_potentials(
    elements: Sequence[str], spec: CalcSpec, family: KeywordFamily, choice: str | Mapping[str, str] | None
) -> Potentials:
    """Potentials for `elements`.

    Parameters
    ----------
    choice
        A library's name (``"C19"``, ``"NCP19"``) or a set of tabulated files for all elements; a mapping from element
        to file name, library or on-the-fly string; or None for the default of the keyword family.

    Raises
    ------
    SpecError
        An element has no potential, or a hybrid functional or spin-orbit coupling would run with ultrasoft ones.
    """
    if spec.spin_orbit:
        _check_spin_orbit(choice)
    if isinstance(choice, Mapping):
        missing = [element for element in elements if element not in choice]
        if missing:
            raise SpecError(f"no potential is given for {', '.join(missing)}", fix="name one for every element")
        chosen = {element: choice[element] for element in elements}
        comment = "potentials as given by hand"
    elif choice is not None and choice.startswith(TABULATED):
        chosen = {element: _tabulated(element, choice.removeprefix(TABULATED)) for element in elements}
        comment = f"tabulated potentials {choice.removeprefix(TABULATED)}, as given"
    elif choice is not None:
        return _library(choice, elements, spec, f"potential library {choice}, as given")
    elif spec.spin_orbit:
        return _library(
            SPIN_ORBIT_LIBRARY, elements, spec, f"{SPIN_ORBIT_LIBRARY} = norm-conserving potentials that depend on j"
        )
    elif family == "academic":
        comment = "C19 = on-the-fly ultrasoft potentials, CASTEP >= 19.1"
        return _library(ACADEMIC_LIBRARY, elements, spec, comment)
    else:
        chosen = {element: _tabulated(element, _studio_set(functional(spec.xc).gradient)) for element in elements}
        comment = "tabulated ultrasoft potentials that come with Materials Studio"
    _refuse_ultrasoft_hybrid(spec, chosen.values())
    width = max(map(len, chosen))
    block = "\n".join(f"{element:<{width}s}  {potential}" for element, potential in chosen.items())
    files = [p for p in chosen.values() if p.lower().endswith(POTENTIAL_FILES)]
    supply = f"Put {', '.join(files)} beside the deck, or set PSPOT_DIR to the folder that holds them."
    return Potentials(
        block=block,
        comment=comment,
        notes=(supply, CHECK_CUTOFF) if files else (CHECK_CUTOFF,),
        least_cutoff=_least_of_strings(chosen),
    )


def _least_of_strings(chosen: Mapping[str, str]) -> LeastCutoff | None:
    """The highest coarse level of those that are on-the-fly strings."""
    strings = {element: found for element, name in chosen.items() if (found := read_on_the_fly(name)) is not None}
    if not strings:
        return None
    hardest = max(strings, key=lambda element: strings[element].coarse_ev)
    least_ev = strings[hardest].coarse_ev
    return LeastCutoff(ev=least_ev, why=f"the coarse level of the string of {hardest} is {least_ev:.1f} eV")


def potential_hashes(
    elements: Sequence[str], family: KeywordFamily, choice: str | Mapping[str, str] | None
) -> dict[str, str]:
    """What is known of the potentials before a run: name -> hash, or that they are built in.

    Files are looked for in the folder ``PSPOT_DIR``. The default of Materials Studio depends on the functional: both
    of its sets are named.
    """
    if isinstance(choice, Mapping):
        names = [choice[element] for element in elements if element in choice]
    elif choice is not None and choice.startswith(TABULATED):
        names = [_tabulated(element, choice.removeprefix(TABULATED)) for element in elements]
    elif choice is None and family == "materials-studio":
        names = [_tabulated(element, _studio_set(gradient)) for element in elements for gradient in (True, False)]
    else:
        return {f"potentials {choice or ACADEMIC_LIBRARY}": "built into CASTEP"}
    folder = os.environ.get("PSPOT_DIR")
    return {
        f"potential {name}": "built into CASTEP"
        if not name.lower().endswith(POTENTIAL_FILES)
        else file_md5(Path(folder) / name)
        if folder
        else NOT_KNOWN_HERE
        for name in names
    }


def _studio_set(gradient: bool) -> str:
    return "00PBE" if gradient else "00"


def _tabulated(element: str, name: str) -> str:
    """File of the set `name`; its norm-conserving potentials, which end in ``_OP``, are ``.recpot``."""
    if "." in name:
        return f"{element}_{name}"
    return f"{element}_{name}{'.recpot' if name.endswith(NORM_CONSERVING_SET) else '.usp'}"


def _library(name: str, elements: Sequence[str], spec: CalcSpec, comment: str) -> Potentials:
    _refuse_ultrasoft_hybrid(spec, [name])
    note = f"The potentials are CASTEP's library {name}; no file is needed if this CASTEP has it built in."
    least = least_cutoff(elements, name)
    return Potentials(block=name, comment=comment, notes=(note, CHECK_CUTOFF), least_cutoff=least)


def _check_spin_orbit(choice: str | Mapping[str, str] | None) -> None:
    """Spin-orbit coupling acts through potentials that depend on j, which a name must be known to do."""
    names = [] if choice is None else [choice] if isinstance(choice, str) else list(choice.values())
    without = [name for name in names if not (name.upper().startswith("SOC") or name.lower().endswith(J_DEPENDENT))]
    if without:
        raise SpecError(
            f"CASTEP runs spin-orbit coupling with potentials that depend on j, which {', '.join(without)} does not",
            reason="its library for that is SOC19, of norm-conserving potentials; files end in .uspso or .upf",
            fix=f'choose potentials = "{SPIN_ORBIT_LIBRARY}" in [codes.castep], or leave them out',
        )


def _refuse_ultrasoft_hybrid(spec: CalcSpec, names: Collection[str]) -> None:
    norm_conserving = all(
        "NCP" in name.upper() or name.upper().startswith("SOC") or name.lower().endswith((".recpot", ".upf"))
        for name in names
    )
    if functional(spec.xc).hybrid and not norm_conserving:
        raise SpecError(
            f"CASTEP runs {spec.xc} with norm-conserving potentials only",
            reason=f"asked for: {', '.join(names)}",
            fix='set potentials = "NCP19" in [codes.castep]',
        )
