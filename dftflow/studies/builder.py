"""Builds the steps of a plan, each once from what its parents ended with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dftflow.analysis.band_edges import find_band_edges
from dftflow.crystals.geometry import digest_of_unchanged, geometry_digest
from dftflow.crystals.ions import with_states_of
from dftflow.crystals.moments import with_moments_of
from dftflow.errors import BandEdgeError
from dftflow.model.admission import Admission, Admitted
from dftflow.model.built import Built
from dftflow.model.levels import BandEdges
from dftflow.model.results import Results
from dftflow.model.step import Need, Purpose, Step, StepId
from dftflow.studies.kinds.base import Kind, Parent
from dftflow.studies.kinds.registry import kind_called
from dftflow.studies.overrides import overridden
from dftflow.studies.plan import Plan

__all__ = ["Builder", "older_than", "source_needs"]


class Builder:
    """Remembers what it built: the same step from the same geometries is built once.

    Parameters
    ----------
    plan
        The steps, and the crystals that they start from.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._steps = {step.id: step for step in plan.steps}
        self._built: dict[tuple[StepId, tuple[str, ...]], Built] = {}
        self._assumed: dict[StepId, Built] = {}
        self._kinds: dict[str, Kind] = {}

    def build(self, step: Step, admissions: Mapping[StepId, Admission] | None = None) -> Built:
        """Structure and calculation of `step`.

        Parameters
        ----------
        admissions
            What is known of earlier steps. A geometry that is needed and not admitted is the one that its step starts
            from, and `Built.assumed` names it.

        Raises
        ------
        DftflowError
            When its crystal, its slab or its settings cannot be made.
        """
        if not admissions:
            if step.id not in self._assumed:
                self._assumed[step.id] = self._made(step, {})
            return self._assumed[step.id]
        return self._made(step, admissions)

    def _made(self, step: Step, known: Mapping[StepId, Admission]) -> Built:
        parents = {need.step: self._parent(self._steps[need.step], known, need.purpose) for need in _sources(step)}
        digests = {need: _digest(parent) for need, parent in parents.items()}
        key = (step.id, tuple(digests.values()))
        if key not in self._built:
            at = self._plan.at(step.point)
            self._built[key] = self._kind(step).build(step, at.study, at.materials, parents)
        return replace(
            overridden(self._built[key], self._plan.overrides.get(step.name, {})),
            parents={str(need): digest for need, digest in digests.items()},
            assumed=tuple(str(need) for need in digests if not isinstance(known.get(need), Admitted)),
            edges_from=next((str(need.step) for need in step.needs if need.purpose == "edges"), ""),
        )

    def _kind(self, step: Step) -> Kind:
        """Looked up once: finding those of other packages reads what every installed package says of itself."""
        name = step.id.subject.kind
        if name not in self._kinds:
            self._kinds[name] = kind_called(name)
        return self._kinds[name]

    def _parent(self, step: Step, known: Mapping[StepId, Admission], purpose: Purpose) -> Parent:
        admission = known.get(step.id)
        if purpose == "edges":
            built = admission.built if isinstance(admission, Admitted) else self.build(step, known)
            edges = _edges_of(admission.results) if isinstance(admission, Admitted) else None
            return Parent(built=built, structure=built.structure, purpose=purpose, edges=edges)
        if isinstance(admission, Admitted):
            structure = admission.results.structure
            assert structure is not None, "the gate admits no relaxation without a geometry"
            asked = admission.built.structure
            structure = with_moments_of(with_states_of(structure, asked), asked)
            return Parent(built=admission.built, structure=structure)
        built = self.build(step, known)
        return Parent(built=built, structure=built.structure)


def _edges_of(results: Results) -> BandEdges:
    """Where the band edges of a finished band structure lie.

    Raises
    ------
    BandEdgeError
        When it has none; `MetallicError` of a metal.
    """
    if results.bands is None:
        raise BandEdgeError("there are no eigenvalues, so that it is not known where the band edges lie")
    return find_band_edges(results.bands)


def _digest(parent: Parent) -> str:
    """Of what is taken from an earlier step."""
    if parent.purpose == "edges":
        return "edges not known" if parent.edges is None else _edges_digest(parent.edges)
    return digest_of_unchanged(parent.structure)


def _edges_digest(edges: BandEdges) -> str:
    """Where both edges lie, in a line."""
    places = (" ".join(f"{x + 0.0:.5f}" for x in k) for k in (edges.vbm_k, edges.cbm_k))
    return f"edges at {' and '.join(places)}"


def _sources(step: Step) -> tuple[Need, ...]:
    """What `step` is built from: geometries, and where band edges lie."""
    return tuple(need for need in step.needs if need.purpose in ("geometry", "edges"))


def source_needs(step: Step) -> tuple[StepId, ...]:
    """The steps whose last geometry, or whose band edges, `step` is built from."""
    return tuple(need.step for need in _sources(step))


def older_than(built: Built, step: Step, admissions: Mapping[StepId, Admission]) -> tuple[str, ...]:
    """Names of the steps that have ended with another geometry, or other band edges, than `built` was made from."""
    ended = {need: admissions.get(need.step) for need in _sources(step)}
    return tuple(
        str(need.step)
        for need, admission in ended.items()
        if isinstance(admission, Admitted)
        and (digest := _ended_with(admission.results, need.purpose))
        and not _is_made_from(built, str(need.step), digest)
    )


def _ended_with(results: Results, purpose: Purpose) -> str:
    """Digest of what a step left; ``""`` where it left none."""
    if purpose == "edges":
        try:
            return _edges_digest(_edges_of(results))
        except BandEdgeError:
            return ""
    return "" if results.structure is None else geometry_digest(results.structure)


def _is_made_from(built: Built, need: str, digest: str) -> bool:
    """Whether it was made from that geometry; where it was made for another step, by any of its own."""
    return built.parents[need] == digest if need in built.parents else digest in built.parents.values()
