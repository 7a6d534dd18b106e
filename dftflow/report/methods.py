"""A methods paragraph for calculations that were found: what their files tell, and nothing that they do not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dftflow.model.kpoint_grid import grid_text
from dftflow.model.method import Method, hubbard_text
from dftflow.report.references import Reference, bibtex, code_name, each_once, references_for

__all__ = ["Methods", "methods_of"]

NOT_TOLD = "not told by the files"
WIDTH = 100
NAMED = ("codes", "functionals", "dispersions")
READ_WITH = ("reading",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Methods:
    """How calculations were made, for a publication.

    Attributes
    ----------
    text
        A paragraph for each way of calculating; in brackets the keys of what is cited.
    references
        In the order in which the text names them.
    """

    text: str
    references: tuple[Reference, ...]

    def bibtex(self) -> str:
        """Entries of all that is cited, and of dftflow."""
        return bibtex(self.references)

    def to_dict(self) -> dict[str, object]:
        """As plain data: the document of ``dftflow parse --cite --json``."""
        return {"methods": self.text, "bibtex": self.bibtex(), "dois": [one.doi for one in self.references]}

    def whole(self) -> str:
        """The text, lines of readable length, and the BibTeX below it."""
        wrapped = (textwrap.fill(paragraph, WIDTH) for paragraph in self.text.split("\n\n"))
        return "\n\n".join([*wrapped, self.bibtex()])


def methods_of(named: Sequence[tuple[str, Method | None]], *, uses: Sequence[str] = ()) -> Methods:
    """The paragraphs.

    Parameters
    ----------
    named
        Name and method of each calculation; None where its files tell none.
    uses
        What dftflow did with them beside reading: ``"line-up"``, ``"symmetry"``.
    """
    groups: dict[str, list[tuple[str, Method]]] = {}
    for name, method in named:
        if method is not None:
            groups.setdefault(repr(_without_grid(method)), []).append((name, method))
    paragraphs = [_Paragraph() for _ in groups]
    for paragraph, group in zip(paragraphs, groups.values(), strict=True):
        paragraph.write(group)
    untold = [name for name, method in named if method is None]
    last = _Paragraph()
    last.tell("Files were read with dftflow [dftflow] and pymatgen", "uses", READ_WITH)
    if "line-up" in uses:
        last.tell("Band edges were lined up through the average potential", "uses", ("line-up",))
    if "symmetry" in uses:
        last.tell("Planes and periods follow from the symmetry of the crystal", "uses", ("symmetry",))
    if untold:
        verb = "was" if len(untold) == 1 else "were"
        last.sentences.append(f"How {', '.join(untold)} {verb} calculated is {NOT_TOLD}")
    texts = [". ".join(paragraph.sentences) + "." for paragraph in (*paragraphs, last)]
    cited = [reference for paragraph in (*paragraphs, last) for reference in paragraph.references]
    return Methods(text="\n\n".join(texts), references=each_once(cited))


def _without_grid(method: Method) -> Method:
    return replace(
        method,
        kpoints_grid=None,
        kpoints_shift=None,
        kpoint_spacing_per_ang=None,
        n_electrons=None,
        dipole_correction=None,
    )


class _Paragraph:
    """Sentences with the keys of what they cite."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.references: list[Reference] = []

    def tell(self, sentence: str, kind: str = "", names: Sequence[str] = ()) -> None:
        """Add a sentence, with the references for `names`."""
        found = each_once(one for name in names for one in references_for(kind, name))
        keys = f" [{', '.join(one.key for one in found)}]" if found else ""
        unknown = " (no reference for it is known here)" if kind in NAMED and names and not found else ""
        self.sentences.append(f"{sentence}{keys}{unknown}")
        self.references += found

    def write(self, group: Sequence[tuple[str, Method]]) -> None:
        """All sentences of calculations that were made in one way."""
        method = group[0][1]
        names = ", ".join(name for name, _ in group)
        version = method.code_version or f"(version {NOT_TOLD})"
        self.tell(f"{names}: calculated with {code_name(method.code)} {version}", "codes", [method.code])
        self.tell(f"Functional: {method.functional or NOT_TOLD}", "functionals", _known(method.functional))
        dispersion = {None: NOT_TOLD, "none": "none"}.get(method.dispersion, method.dispersion)
        self.tell(f"Dispersion correction: {dispersion}", "dispersions", _known(method.dispersion, but="none"))
        cutoff = NOT_TOLD if method.cutoff_ev is None else f"{method.cutoff_ev:g} eV"
        self.tell(f"Plane-wave cutoff: {cutoff}")
        potentials = method.potentials or {}
        listed = ", ".join(f"{element} {text}" for element, text in sorted(potentials.items()))
        self.tell(f"Potentials: {listed or NOT_TOLD}", "potentials", list(potentials.values()))
        self.tell(f"k-points: {'; '.join(_grids(group)) or NOT_TOLD}")
        self.sentences += _electrons(method)


def _known(name: str | None, *, but: str = "") -> list[str]:
    return [] if name is None or name == but else [name]


def _grids(group: Sequence[tuple[str, Method]]) -> Iterator[str]:
    """The grids, with the calculations of each where there are several."""
    of_grid: dict[str, list[str]] = {}
    for name, method in group:
        text = NOT_TOLD if method.kpoints_grid is None else grid_text(method.kpoints_grid, method.kpoints_shift)
        of_grid.setdefault(text, []).append(name)
    for text, names in of_grid.items():
        yield text if len(of_grid) == 1 else f"{text} ({', '.join(names)})"


def _electrons(method: Method) -> Iterator[str]:
    width = "" if method.smearing_ev is None else f", {method.smearing_ev:g} eV"
    yield f"Occupations: {method.smearing or NOT_TOLD}{width}"
    if method.hubbard_u_ev is None:
        yield f"Hubbard U: {NOT_TOLD}"
    elif method.hubbard_u_ev:
        yield f"Hubbard U: {hubbard_text(method.hubbard_u_ev)}"
    yield f"Spin polarisation: {_yes(method.spin_polarised)}"
    yield f"Spin-orbit coupling: {_yes(method.spin_orbit)}"


def _yes(flag: bool | None) -> str:
    return NOT_TOLD if flag is None else "yes" if flag else "no"
