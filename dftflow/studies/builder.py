"""Builds the steps of a plan, each once from what its parents ended with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dftflow.crystals.geometry import digest_of_unchanged, geometry_digest
from dftflow.crystals.ions import with_states_of
from dftflow.crystals.moments import with_moments_of
from dftflow.model.admission import Admission, Admitted
from dftflow.model.built import Built
from dftflow.model.step import Step, StepId
from dftflow.studies.kinds.base import Kind, Parent
from dftflow.studies.kinds.registry import kind_called
from dftflow.studies.overrides import overridden
from dftflow.studies.plan import Plan

__all__ = ["Builder", "geometry_needs", "older_than"]


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
        parents = {need: self._parent(self._steps[need], known) for need in geometry_needs(step)}
        digests = {need: digest_of_unchanged(parent.structure) for need, parent in parents.items()}
        key = (step.id, tuple(digests.values()))
        if key not in self._built:
            at = self._plan.at(step.point)
            self._built[key] = self._kind(step).build(step, at.study, at.materials, parents)
        return replace(
            overridden(self._built[key], self._plan.overrides.get(step.name, {})),
            parents={str(need): digest for need, digest in digests.items()},
            assumed=tuple(str(need) for need in digests if not isinstance(known.get(need), Admitted)),
        )

    def _kind(self, step: Step) -> Kind:
        """Looked up once: finding those of other packages reads what every installed package says of itself."""
        name = step.id.subject.kind
        if name not in self._kinds:
            self._kinds[name] = kind_called(name)
        return self._kinds[name]

    def _parent(self, step: Step, known: Mapping[StepId, Admission]) -> Parent:
        admission = known.get(step.id)
        if isinstance(admission, Admitted):
            structure = admission.results.structure
            assert structure is not None, "the gate admits no relaxation without a geometry"
            asked = admission.built.structure
            structure = with_moments_of(with_states_of(structure, asked), asked)
            return Parent(built=admission.built, structure=structure)
        built = self.build(step, known)
        return Parent(built=built, structure=built.structure)


def geometry_needs(step: Step) -> tuple[StepId, ...]:
    """The steps whose last geometry `step` is built from."""
    return tuple(need.step for need in step.needs if need.purpose == "geometry")


def older_than(built: Built, step: Step, admissions: Mapping[StepId, Admission]) -> tuple[str, ...]:
    """Names of the steps that have ended with another geometry than the one that `built` was made from."""
    ended = {need: admissions.get(need) for need in geometry_needs(step)}
    return tuple(
        str(need)
        for need, admission in ended.items()
        if isinstance(admission, Admitted)
        and admission.results.structure is not None
        and not _is_made_from(built, str(need), geometry_digest(admission.results.structure))
    )


def _is_made_from(built: Built, need: str, digest: str) -> bool:
    """Whether it was made from that geometry; where it was made for another step, by any of its own."""
    return built.parents[need] == digest if need in built.parents else digest in built.parents.values()
