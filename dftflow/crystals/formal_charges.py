"""Formal charges of the ions of a crystal: as given, usual, from balance where one assignment is possible, or none.

pymatgen's `Composition.oxi_state_guesses` ranks guesses and takes fractions (Fe +8/3); `BVAnalyzer` guesses from bond
lengths. Neither says whether its answer is the only one. Its tables of oxidation states are used here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import gcd, isnan, lcm

from ase.data import atomic_numbers

from dftflow.errors import SurfaceError
from dftflow.model.bounds import ION_CHARGE

__all__ = [
    "MOLECULAR_IONS",
    "ChargeAssignment",
    "assign_charges",
    "charges_given",
    "electronegativity",
    "is_covalent",
    "is_metal",
    "may_balance",
    "mixed_valence_given",
    "test_charges",
    "usual_charge",
]

MOST_IONIC = 1.7
"""Difference of Pauling's electronegativities from which a bond is ionic by more than half (The Nature of the Chemical
Bond, 3rd edition, section 3-9). Below it a compound without halide or chalcogenide has no formal charges."""

States = Callable[[str], tuple[int, ...]]

MOST_SOLUTIONS = 3
"""As many assignments as an error names."""

_USUAL = (
    dict.fromkeys(("Li", "Na", "K", "Rb", "Cs", "Ag"), 1)
    | dict.fromkeys(("Be", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Ge", "Sn", "Pb"), 2)
    | dict.fromkeys(("F", "Cl", "Br", "I"), -1)
    | dict.fromkeys(("O", "S", "Se", "Te"), -2)
)
"""Charge that an ion has in most halides and chalcogenides."""

MOLECULAR_IONS: Mapping[str, tuple[str, int]] = {
    "CH5N2": ("FA", 1), "CH6N": ("MA", 1), "H4N": ("NH4", 1), "C2H8N": ("DMA", 1), "CH6N3": ("GA", 1),
    "CO3": ("CO3", -2), "CHO3": ("HCO3", -1), "NO3": ("NO3", -1), "NO2": ("NO2", -1), "O4S": ("SO4", -2),
    "O3S": ("SO3", -2), "O4P": ("PO4", -3), "HO": ("OH", -1), "H2O": ("H2O", 0), "CN": ("CN", -1),
    "CNS": ("SCN", -1), "CNO": ("OCN", -1), "N3": ("N3", -1), "C2": ("C2", -2), "S2": ("S2", -2),
    "Se2": ("Se2", -2), "Te2": ("Te2", -2),
    "CHO2": ("HCOO", -1), "C2H3O2": ("CH3COO", -1), "C2O4": ("C2O4", -2),
}  # fmt: skip
"""Formula in Hill order -> usual abbreviation, and charge."""

_ALSO = {"Cu": (1, 2), "Au": (1, 3)}
"""Common oxidation states where pymatgen's list lacks one (CuI, AuI)."""

_LANTHANOIDS = dict.fromkeys(("Sm", "Eu", "Tm", "Yb"), (2, 3)) | dict.fromkeys(("Ce", "Pr", "Tb"), (3, 4))
"""Those of more than one valence; for the others the ICSD lists errors too (La +2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeAssignment:
    """Charges of ions, in their order, and in words where they come from."""

    charges: tuple[int, ...]
    why: str


@cache
def electronegativity(symbol: str) -> float | None:
    """Pauling's; None where there is none (helium, neon, argon)."""
    import warnings

    from pymatgen.core import Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = float(Element(symbol).X)
    return None if isnan(value) else value


@cache
def is_metal(symbol: str) -> bool:
    """Whether the element is one."""
    from pymatgen.core import Element

    return bool(Element(symbol).is_metal)


def usual_charge(formula: str) -> int | None:
    """Of an element, or of a molecule by its formula in Hill order; None where there is no usual one."""
    known = MOLECULAR_IONS.get(formula)
    return _USUAL.get(formula) if known is None else known[1]


def assign_charges(formulae: Sequence[str], told: Sequence[float | None]) -> ChargeAssignment:
    """Charge of each ion of a cell.

    Parameters
    ----------
    formulae
        Of each ion, an element or a molecule in Hill order.
    told
        Its charge, where the crystal's file or a person gives it.

    Raises
    ------
    SurfaceError
        A charge that is told is not a whole number; no charges balance, or several do, with what to choose from.
    """
    given = _given(formulae, told)
    counts = Counter(formula for formula, value in zip(formulae, told, strict=True) if value is None)
    if not counts:
        return ChargeAssignment(charges=given, why=_in_words(formulae, given, "as given"))
    found, why = _open_charges(Counter(formulae), counts, given)
    charges = tuple(
        found[formula] if value is None else charge
        for formula, value, charge in zip(formulae, told, given, strict=True)
    )
    if why.startswith("none"):
        return ChargeAssignment(charges=charges, why=why)
    words = []
    for is_open, way in ((False, "as given"), (True, why)):
        part = [index for index, value in enumerate(told) if (value is None) == is_open]
        if part:
            words.append(_in_words([formulae[index] for index in part], [charges[index] for index in part], way))
    return ChargeAssignment(charges=charges, why="; ".join(words))


def may_balance(formulae: Sequence[str], told: Sequence[float | None]) -> bool:
    """Whether charges that are told, usual or common sum to zero in any way, or there are none; arguments as above.

    Of an element without a usual charge all known ones count.
    """
    given = _given(formulae, told)
    every = Counter(formulae)
    counts = Counter(formula for formula, value in zip(formulae, told, strict=True) if value is None)
    if not counts:
        return sum(given) == 0
    if not any(given) and _why_none(every, told=len(every) > len(counts)):
        return True
    return any(True for _ in _balanced(every, counts, sum(given), _plausible_states))


def test_charges(formulae: Sequence[str], charges: Sequence[int]) -> tuple[int, ...]:
    """What stands for the charges where polarity is asked: they themselves, or numbers that tell the elements apart.

    In a compound without charges the elements of the group of the most electronegative one are counted against the
    others, so that the crystal is neutral and layers that hold them in turn are a dipole; so in a Zintl phase. In a
    metal, an element, a crystal of neutral molecules and where no charges fill the shells (MgB2, FeSi) nothing is.
    """
    elements = {formula for formula in formulae if formula in atomic_numbers}
    metallic = all(map(is_metal, elements)) and not _is_zintl_phase(elements)
    if (
        any(charges)
        or len(elements) < 2
        or metallic
        or (is_covalent(elements) and not _fills_shells(Counter(formulae)))
    ):
        return tuple(charges)
    anions = _most_electronegative(elements)
    negative = sum(formula in anions for formula in formulae)
    positive = sum(formula in elements for formula in formulae) - negative
    divisor = gcd(negative, positive)
    sizes = dict.fromkeys(elements, negative // divisor) | dict.fromkeys(anions, -positive // divisor)
    return tuple(sizes.get(formula, 0) for formula in formulae)


def _most_electronegative(elements: set[str]) -> set[str]:
    """The most electronegative element, and those of its group beside it unless that leaves no other."""
    from pymatgen.core import Element

    first = max(elements, key=lambda symbol: (electronegativity(symbol) or 0.0, symbol))
    group = {symbol for symbol in elements if Element(symbol).group == Element(first).group}
    return group if group != elements else {first}


# --- one after another ------------------------------------------------------------------------------------------------


def _given(formulae: Sequence[str], told: Sequence[float | None]) -> tuple[int, ...]:
    for formula, value in zip(formulae, told, strict=True):
        if value is not None and abs(value - round(value)) > 1e-3:
            raise SurfaceError(
                f"the charge of {formula} is {value:g}, not a whole number",
                reason="formal charges decide which terminations are neutral",
                fix=charges_given({formula: round(value)}),
            )
    return tuple(0 if value is None else round(value) for value in told)


def _open_charges(every: Counter[str], counts: Counter[str], given: Sequence[int]) -> tuple[dict[str, int], str]:
    """Charge of each kind of ion that is told none, and where it comes from."""
    usual = {formula: usual_charge(formula) for formula in counts}
    known = {formula: charge for formula, charge in usual.items() if charge is not None}
    if len(known) == len(counts) and _sum(counts, known) + sum(given) == 0:
        return known, "usual"
    none = "" if any(given) else _why_none(every, told=len(every) > len(counts))
    if none:
        return dict.fromkeys(counts, 0), f"none: {none}"
    for states, way in _WAYS:
        solutions = list(_balanced(every, counts, sum(given), states))
        if len(solutions) == 1:
            return solutions[0], way
        if solutions:
            raise _ambiguous(every, counts, solutions)
    if len(known) == len(counts):
        return known, "usual"
    rare = list(_balanced(every, counts, sum(given), _rare_states))
    if len(rare) == 1:
        return rare[0], "rare, and the only ones that balance"
    raise _unbalanced(every, counts, sum(given))


def _sum(counts: Mapping[str, int], charges: Mapping[str, int]) -> int:
    return sum(count * charges[formula] for formula, count in counts.items())


def _why_none(every: Counter[str], *, told: bool) -> str:
    """Why a crystal has no formal charges; ``""`` where it may have some."""
    if told:
        return "as given"
    if len(every) == 1:
        (formula,) = every
        return f"{formula} is an element" if formula in atomic_numbers else f"a crystal of molecules {formula}"
    if any(formula not in atomic_numbers for formula in every):
        return ""
    if all(map(is_metal, every)):
        return _why_none_of_metals(sorted(every))
    if not is_covalent(every):
        return ""
    why = f"no halide or chalcogenide, and electronegativities less than {MOST_IONIC:g} apart"
    if not _fills_shells(every):
        return f"{why}; no charges fill the shells, and it is not tested which planes are polar"
    return f"{why}; what is polar is told by the elements of its layers"


def _fills_shells(counts: Counter[str]) -> bool:
    """Whether the most electronegative elements reach eight electrons by what closed shells of the others leave them.

    So in GaAs, SiC and Mg2Si (the 8 - N rule), and not in MgB2, TiN, FeSi and half-Heusler phases: most of these are
    metals, and of none do counted bonds tell which planes are polar.
    """
    from pymatgen.core import Element

    elements = [symbol for symbol in counts if symbol in atomic_numbers]
    anions = _most_electronegative(set(elements))
    groups = {symbol: Element(symbol).group for symbol in anions}
    if not all(14 <= group <= 17 for group in groups.values()):
        return False
    missing = sum(counts[symbol] * (18 - group) for symbol, group in groups.items())
    others = [symbol for symbol in elements if symbol not in anions]
    return any(
        sum(counts[symbol] * state for symbol, state in zip(others, values, strict=True)) == missing
        for values in product(*map(_closed_states, others))
    )


def _closed_states(symbol: str) -> tuple[int, ...]:
    """Positive states of an element; of a transition metal with partly filled d states the one without d electrons."""
    from pymatgen.core import Element

    group = Element(symbol).group
    return tuple(s for s in _all_states(symbol) if s > 0 and (s == group or not 3 <= group <= 10))


def _why_none_of_metals(symbols: Sequence[str]) -> str:
    """The same for metals: Cs and Au are as far apart as Na and Br."""
    if _is_zintl_phase(symbols):
        return f"{_listed(symbols)} make a Zintl phase; what is polar is told by the elements of its layers"
    values = [electronegativity(symbol) or 0.0 for symbol in symbols]
    if max(values) - min(values) >= MOST_IONIC:
        return ""
    return f"{_listed(symbols)} are metals, of whose planes it is not tested which are polar"


def _is_zintl_phase(symbols: Iterable[str]) -> bool:
    """Whether alkali and alkaline earth metals stand beside metals right of Zintl's line, of group 14 on (Mg2Sn).

    Zintl, Angew. Chem. 52, 1 (1939), 10.1002/ange.19390520102.
    """
    from pymatgen.core import Element

    elements = [Element(symbol) for symbol in symbols]
    active = [element.is_alkali or element.is_alkaline for element in elements]
    right = [element.is_metal and element.block == "p" and element.group >= 14 for element in elements]
    return any(active) and any(right) and all(a or r for a, r in zip(active, right, strict=True))


def is_covalent(elements: Iterable[str]) -> bool:
    """Whether a compound, or an element that is no metal, is covalent: no halide or chalcogenide, and no element far
    more electronegative than another."""
    symbols = set(elements)
    values = [electronegativity(symbol) for symbol in symbols]
    known = [value for value in values if value is not None]
    if len(known) < len(values) or all(map(is_metal, symbols)):
        return False
    ionic = len(symbols) > 1 and any(_USUAL.get(symbol, 0) < 0 for symbol in symbols)
    return not ionic and max(known) - min(known) < MOST_IONIC


@cache
def _common_states(symbol: str) -> tuple[int, ...]:
    from pymatgen.core import Element

    return _ALSO.get(symbol, tuple(Element(symbol).common_oxidation_states))


@cache
def _all_states(symbol: str) -> tuple[int, ...]:
    """Those in the ICSD; of elements of one valence the common ones."""
    from pymatgen.core import Element

    if _is_of_few_valences(symbol):
        return _LANTHANOIDS.get(symbol) or _common_states(symbol)
    return tuple(Element(symbol).icsd_oxidation_states) or _common_states(symbol)


def _is_of_few_valences(symbol: str) -> bool:
    from pymatgen.core import Element

    element = Element(symbol)
    return bool(element.is_alkali or element.is_alkaline or (element.is_rare_earth and not element.is_actinoid))


@cache
def _rare_states(symbol: str) -> tuple[int, ...]:
    """Those beyond the highest and the lowest in the ICSD too (Fe +4); between them a crystal is of mixed valence (Au
    +2, Bi +4)."""
    from pymatgen.core import Element

    known = _all_states(symbol)
    if _is_of_few_valences(symbol) or not known:
        return known
    return known + tuple(s for s in Element(symbol).oxidation_states if not min(known) <= s <= max(known))


def _usual_states(symbol: str) -> tuple[int, ...]:
    usual = _USUAL.get(symbol)
    return _common_states(symbol) if usual is None else (usual,)


def _plausible_states(symbol: str) -> tuple[int, ...]:
    return _common_states(symbol) if symbol in _USUAL else _all_states(symbol)


_WAYS = (
    (_common_states, "the only common ones that balance"),
    (_all_states, "the only known ones that balance"),
)


def _balanced(every: Counter[str], counts: Counter[str], given: int, states: States) -> Iterator[dict[str, int]]:
    """Assignments of one charge a kind that sum to zero; a molecule of unknown charge takes what is left."""
    unknown = [formula for formula in counts if formula not in atomic_numbers and usual_charge(formula) is None]
    if len(unknown) > 1:
        return
    if unknown and all(usual_charge(formula) is not None for formula in counts if formula not in unknown):
        states = _usual_states
    others = [formula for formula in counts if formula not in unknown]
    seen: set[tuple[int, ...]] = set()
    for values in product(*(_candidates(formula, every, states) for formula in others)):
        if values in seen:
            continue
        seen.add(values)
        found = dict(zip(others, values, strict=True))
        left = -given - sum(counts[formula] * charge for formula, charge in found.items())
        if unknown and left % counts[unknown[0]] == 0 and 0 < abs(left // counts[unknown[0]]) <= 4:
            yield found | {unknown[0]: left // counts[unknown[0]]}
        elif not unknown and left == 0:
            yield found


def _candidates(formula: str, every: Counter[str], states: States) -> tuple[int, ...]:
    """Charges that an ion may have: positive ones, or its usual negative one.

    The most electronegative element has a negative one, unless a molecule is the anion (Fe of LiFePO4).
    """
    usual = usual_charge(formula)
    if formula not in atomic_numbers:
        return () if usual is None else (usual,)
    elements = [symbol for symbol in every if symbol in atomic_numbers]
    foremost = max(elements, key=lambda symbol: electronegativity(symbol) or 0.0)
    if formula == foremost and len(elements) > 1 and not _has_molecular_anion(every):
        return (usual,) if usual is not None and usual < 0 else tuple(s for s in states(formula) if s < 0)
    positive = tuple(state for state in states(formula) if state > 0)
    return ((usual,) if usual is not None and usual < 0 else ()) + positive


def _has_molecular_anion(every: Iterable[str]) -> bool:
    """Whether a molecule is one, or may be for all that is known of its charge."""
    charges = (usual_charge(formula) for formula in every if formula not in atomic_numbers)
    return any(charge is None or charge < 0 for charge in charges)


# --- words ------------------------------------------------------------------------------------------------------------


def _in_words(formulae: Sequence[str], charges: Sequence[int], way: str) -> str:
    """``"Ti +4, O -2 (as given)"``."""
    values: dict[str, set[int]] = {}
    for formula, charge in zip(formulae, charges, strict=True):
        values.setdefault(formula, set()).add(charge)
    order = sorted(values, key=lambda formula: (max(values[formula]) < 0, min(map(abs, values[formula])), formula))
    return ", ".join(f"{_name(f)} {_listed([f'{v:+d}' for v in sorted(values[f])])}" for f in order) + f" ({way})"


def _name(formula: str) -> str:
    return MOLECULAR_IONS.get(formula, (formula,))[0]


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def charges_given(charges: Mapping[str, int | Sequence[int]]) -> str:
    """How charges are given, on the command line and in a study."""
    texts = {_name(name): [value] if isinstance(value, int) else list(value) for name, value in charges.items()}
    options = " ".join(f"--charge {name}={','.join(map(str, values))}" for name, values in texts.items())
    keys = ", ".join(f"{name} = {values[0] if len(values) == 1 else values}" for name, values in texts.items())
    return f"{options} (dftflow slab), charges = {{ {keys} }} (in the material's table of a study)"


def _formula(every: Counter[str]) -> str:
    divisor = gcd(*every.values())
    parts = []
    for name, count in every.items():
        bare = name in atomic_numbers or count == divisor
        parts.append(f"{_name(name) if bare else f'({_name(name)})'}{'' if count == divisor else count // divisor}")
    return "".join(parts)


def _ambiguous(every: Counter[str], counts: Counter[str], solutions: Sequence[Mapping[str, int]]) -> SurfaceError:
    differing = [name for name in counts if len({solution[name] for solution in solutions}) > 1]
    shown = [{name: solution[name] for name in differing} for solution in solutions[:MOST_SOLUTIONS]]
    words = [", ".join(f"{_name(name)} {charge:+d}" for name, charge in one.items()) for one in shown]
    return SurfaceError(
        f"the charges of {_formula(every)} are not known",
        reason=f"{len(solutions)} assignments balance, among them {'; '.join(words)}",
        fix=f"choose one, such as {charges_given(shown[0])}",
    )


def _unbalanced(every: Counter[str], counts: Counter[str], given: int) -> SurfaceError:
    mixed = _mixed_valence(every, counts, given)
    summary = f"the charges of {_formula(every)} are not known"
    if mixed is not None:
        name, values = mixed
        low, high = min(values), max(values)
        return SurfaceError(
            summary,
            reason=f"no one charge of {name} balances the others; {values.count(low)} {name} {low:+d} and "
            f"{values.count(high)} {name} {high:+d} a cell do",
            fix=f"say which atom is which, in the order of the file, such as {charges_given({name: values})}",
        )
    names = [name for name in counts if usual_charge(name) is None] or list(counts)
    none = f"for a crystal that is to be cut without charges: {charges_given(dict.fromkeys(every, 0))}"
    reason = f"no known charges of {_listed([_name(name) for name in names])} balance the others"
    needed = _needed(names, counts, given)
    if needed is None:
        return SurfaceError(summary, reason=reason, fix=f"give them; {none}")
    (name,) = names
    one = charges_given({name: needed})
    states = _averaged(name, needed, counts[name])
    if not states:
        return SurfaceError(summary, reason=reason, fix=f"give the one that would, if it is so: {one}; {none}")
    lower, higher = (f"{name} {state:+d}" for state in (states[0], states[-1]))
    return SurfaceError(
        summary,
        reason=f"{reason}; {name} {needed:+d} is no usual state, but the mean of {lower} and {higher}",
        fix=f"give a cell that holds both, {len(states) // counts[name]} times as large, and say which atom is which, "
        f"such as {charges_given({name: states})}; this cell can have their mean alone: {one}; {none}",
    )


def mixed_valence_given(symbols: Sequence[str]) -> str | None:
    """How the charges of single ions are given of which one element has two (Pb3O4); None where that is not so."""
    counts = Counter(symbols)
    mixed = _mixed_valence(counts, counts, 0)
    return None if mixed is None else charges_given({mixed[0]: mixed[1]})


def _needed(names: Sequence[str], counts: Mapping[str, int], given: int) -> int | None:
    """The charge of the one ion without a usual one that would balance the others; None where there is none."""
    if len(names) != 1 or usual_charge(names[0]) is not None:
        return None
    others = given + sum(count * (usual_charge(name) or 0) for name, count in counts.items() if name not in names)
    charge, left = divmod(-others, counts[names[0]])
    return None if left or not charge or not ION_CHARGE.holds(charge) else charge


def _averaged(name: str, mean: int, count: int) -> list[int]:
    """Two states next to each other with this mean, of the fewest cells of `count` atoms; ``[]`` where it has none."""
    states = _all_states(name) if name in atomic_numbers else ()
    below = max((state for state in states if 0 < state < mean), default=0)
    above = min((state for state in states if state > mean), default=0)
    if mean in states or not 0 < below < above:
        return []
    total = lcm(count, (above - below) // gcd(above - mean, mean - below))
    many = total * (mean - below) // (above - below)
    return [below] * (total - many) + [above] * many


def _mixed_valence(every: Counter[str], counts: Counter[str], given: int) -> tuple[str, list[int]] | None:
    """The one element that needs two charges next to each other, and those of its atoms; None where that is not so."""
    for name in sorted(counts, key=lambda name: electronegativity(name) or 9.0 if name in atomic_numbers else 9.0):
        others = {other: usual_charge(other) for other in counts if other != name}
        others |= {other: states[0] for other, value in others.items() if value is None and other in atomic_numbers
                   and len(states := _common_states(other)) == 1}  # fmt: skip
        if name not in atomic_numbers or any(value is None for value in others.values()):
            continue
        needed = -given - sum(counts[other] * (value or 0) for other, value in others.items())
        below = max((state for state in _all_states(name) if 0 < state * counts[name] < needed), default=0)
        above = min((state for state in _all_states(name) if state * counts[name] > needed), default=0)
        many, left = divmod(needed - below * counts[name], above - below) if above > below > 0 else (0, 1)
        if not left:
            return name, [below] * (counts[name] - many) + [above] * many
    return None
