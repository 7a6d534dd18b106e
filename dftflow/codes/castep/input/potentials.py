"""Which pseudopotentials a CASTEP deck asks for.

Those that the person names. Otherwise the Materials Studio decks ask for the tabulated Vanderbilt potentials that come
with it (``Pb_00PBE.usp``), and the academic ones for the on-the-fly ultrasoft library C19, which is built into CASTEP
from 19.1 on and needs no file. The quality levels of CASTEP's potentials are cutoffs in whole Hartree as a rule, which
244.9 eV and 435.4 eV are too (9.000 and 16.001 Hartree).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dftflow.codes.castep.input.keywords import KeywordFamily, functional
from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec

__all__ = ["ACADEMIC_LIBRARY", "Potentials", "choose_potentials"]

ACADEMIC_LIBRARY = "C19"
POTENTIAL_FILES = (".usp", ".uspcc", ".uspso", ".recpot", ".upf", ".otfglib")
CHECK_CUTOFF = (
    "Each potential wants a cutoff of its own. Its on-the-fly string, which the .castep file repeats, holds three of "
    "them in Hartree (coarse, medium, fine: 7, 8 and 9 in 2|1.6|7|8|9|30:31); a tabulated potential may say so in the "
    "head of its file. Compare the deck's cut_off_energy with these before trusting a number."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Potentials:
    """The SPECIES_POT block: its lines, the comment above it, and what to tell the person who runs it."""

    block: str
    comment: str
    notes: tuple[str, ...]


def choose_potentials(
    elements: Sequence[str], spec: CalcSpec, family: KeywordFamily, choice: str | Mapping[str, str] | None
) -> Potentials:
    """Potentials for `elements`.

    Parameters
    ----------
    choice
        A library's name (``"C19"``, ``"NCP19"``) for all elements; a mapping from element to file name, library or
        on-the-fly string; or None for the default of the keyword family.

    Raises
    ------
    SpecError
        An element has no potential, or a hybrid functional would run with ultrasoft ones.
    """
    if isinstance(choice, Mapping):
        missing = [element for element in elements if element not in choice]
        if missing:
            raise SpecError(f"no potential is given for {', '.join(missing)}", fix="name one for every element")
        chosen = {element: choice[element] for element in elements}
        comment = "potentials as given by hand"
    elif choice is not None:
        return _library(choice, spec, f"potential library {choice}, as given")
    elif family == "academic":
        comment = "C19 = on-the-fly ultrasoft potentials, CASTEP >= 19.1"
        return _library(ACADEMIC_LIBRARY, spec, comment)
    else:
        suffix = "_00PBE.usp" if functional(spec.xc).gradient else "_00.usp"
        chosen = {element: element + suffix for element in elements}
        comment = "tabulated ultrasoft potentials that come with Materials Studio"
    _refuse_ultrasoft_hybrid(spec, chosen.values())
    width = max(map(len, chosen))
    block = "\n".join(f"{element:<{width}s}  {potential}" for element, potential in chosen.items())
    files = [p for p in chosen.values() if p.lower().endswith(POTENTIAL_FILES)]
    supply = f"Put {', '.join(files)} beside the deck, or set PSPOT_DIR to the folder that holds them."
    return Potentials(block=block, comment=comment, notes=(supply, CHECK_CUTOFF) if files else (CHECK_CUTOFF,))


def _library(name: str, spec: CalcSpec, comment: str) -> Potentials:
    _refuse_ultrasoft_hybrid(spec, [name])
    note = f"The potentials are CASTEP's library {name}; no file is needed if this CASTEP has it built in."
    return Potentials(block=name, comment=comment, notes=(note, CHECK_CUTOFF))


def _refuse_ultrasoft_hybrid(spec: CalcSpec, names: Collection[str]) -> None:
    norm_conserving = all("NCP" in name.upper() or name.lower().endswith((".recpot", ".upf")) for name in names)
    if functional(spec.xc).hybrid and not norm_conserving:
        raise SpecError(
            f"CASTEP runs {spec.xc} with norm-conserving potentials only",
            reason=f"asked for: {', '.join(names)}",
            fix='choose potentials="NCP19"',
        )
