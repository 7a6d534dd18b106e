"""The steps of a plan while they are carried out: builds them, names their folders' content, and asks the gate."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from glob import escape
from pathlib import Path

from dftflow.codes.base import Launch
from dftflow.codes.deck_changes import deck_changes
from dftflow.codes.file_hash import NOT_KNOWN_HERE
from dftflow.crystals.geometry import elements_of_unchanged
from dftflow.errors import BandEdgeError, DftflowError, MachineError
from dftflow.gate.step import admit
from dftflow.jobs.cluster.submission import EndedJobs
from dftflow.jobs.job import Again, Job, JobState, Node, NodeOutcome, Verdict
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.resources import Resources
from dftflow.jobs.step_state import read_state
from dftflow.model.admission import Admission, Admitted, Refusal, RefusalKind
from dftflow.model.attempt import Attempt
from dftflow.model.built import Built
from dftflow.model.deck import Deck
from dftflow.model.outcome import StepOutcome
from dftflow.model.step import Step, StepId
from dftflow.stored_file import read_stored
from dftflow.studies.blame import blamed
from dftflow.studies.builder import Builder, older_than, source_needs
from dftflow.studies.built_file import BUILT_FILE, BuiltRecord, built_text, read_built
from dftflow.studies.cost import expected_cost
from dftflow.studies.identity import identity_of, outline_of
from dftflow.studies.memory import expected_memory_mib
from dftflow.studies.next_job import asked_words
from dftflow.studies.overrides import what_was_set
from dftflow.studies.paced import Say, paced
from dftflow.studies.plan import Plan
from dftflow.studies.remedied import MOST_TRIES, NextTry, next_try, next_try_by_hand
from dftflow.studies.study_folder import StudyFolder

__all__ = ["Work"]

MOST_SHOWN_BYTES = 8 << 20
STATES: dict[RefusalKind, JobState] = {
    "not run": "not_run",
    "running": "running",
    "uncertain": "uncertain",
    "failed": "failed",
    "refused": "refused",
}


class Work:
    """What is known of the steps of one plan, in one call of dftflow.

    Parameters
    ----------
    plan
        The steps.
    folder
        Where they are kept; None when their results lie in folders that are not dftflow's.
    machine
        That they run on; None where nothing is run.
    given
        What a step may use, asked for in this very call: by the names of `dftflow.jobs.resources.Resources`.
    say
        Told, once, why a step that had been calculated is calculated again.
    most_tries
        How often a step that failed in a known way is tried again, each time by another way to the same result.

    Attributes
    ----------
    behind
        What the files that a person has changed lack of what the plan asks for now.
    ended_jobs
        Of the scheduler, read when first asked for one.
    """

    def __init__(
        self,
        plan: Plan,
        folder: StudyFolder | None = None,
        *,
        machine: Machine | None = None,
        given: Mapping[str, float] | None = None,
        say: Callable[[str], None] = lambda line: None,
        most_tries: int = MOST_TRIES,
    ) -> None:
        self.plan = plan
        self._machine = machine
        self._given = given or {}
        self.folder = folder
        self.admissions: dict[StepId, Admission] = {}
        self.records: dict[StepId, BuiltRecord] = {}
        self.behind: dict[StepId, tuple[str, ...]] = {}
        self._say = say
        self._most_tries = most_tries
        self._builder = Builder(plan)
        self._told: set[StepId] = set()
        self._left_there: set[StepId] = set()
        self._built: dict[StepId, Built] = {}
        self._outlines: dict[StepId, str] = {}
        self._alike: dict[tuple[str, str], dict[str, list[str]]] = {}
        self._memory_mib: dict[StepId, float] = {}
        self._resources: dict[str, Resources] = {}
        self.ended_jobs: Container[str] = () if folder is None else EndedJobs(folder.root)

    def check(self, *, decks: bool, say: Say = lambda line: None) -> None:
        """Build every step from what the study starts from, so that a mistake shows before anything is written or run.

        With `decks`, the deck of each is rendered too. `say` is told how far it is. Raises `MachineError` where a step
        needs more memory than the machine has.
        """
        for step in paced(self.plan.steps, "steps checked", say):
            built = self._builder.build(step)
            if decks:
                with blamed(self.plan.study, step.name, "materials", step.id.subject.materials[0]):
                    self.plan.code.render(built.structure, built.spec, step.seed)
            if self._machine is not None:
                self._memory_mib[step.id] = self._needed_memory(step, built, self._machine)

    def _needed_memory(self, step: Step, built: Built, machine: Machine) -> float:
        """MiB on each node: what was asked for, else what is expected."""
        resources = self.resources(step)
        if resources.memory_mib is not None:
            return resources.memory_mib
        ranks, nodes, use = resources.ranks, resources.nodes, self.plan.code.memory_use
        needed_mib = expected_memory_mib(built.structure, built.spec, use, ranks=ranks, nodes=nodes)
        if machine.memory_mib is not None and needed_mib > machine.memory_mib:
            spec = built.spec
            raise MachineError(
                f"{step.name} will not fit into the memory of the machine {machine.name}: it needs about "
                f"{needed_mib / 1024:.1f} GiB of {machine.memory_mib / 1024:.1f}",
                reason=f"{len(built.structure)} atoms, {built.structure.volume:.0f} Å^3, {spec.cutoff_ev:g} eV, "
                f"{spec.grid[0]}x{spec.grid[1]}x{spec.grid[2]} k-points; expected, {use.how_good}",
                fix="a smaller cell or grid, or a larger machine; if you know better, say what it needs: memory_gib in "
                f"[resources.{step.id.task}] of the study",
                where=machine.where,
            )
        return needed_mib

    # --- jobs ---

    def node(self, step: Step, prepare: Callable[[Step], Job], *, cost: float = 1.0, after: str = "") -> Node:
        """The step as the graph of jobs takes it; `after`: see `dftflow.jobs.job.Node`."""
        return Node(
            name=step.name,
            title=step.title,
            needs=tuple(dict.fromkeys(str(need.step) for need in step.needs)),
            prepare=lambda: prepare(step),
            judge=lambda folder: self._judge(step, folder),
            doing=lambda folder: self.plan.code.progress(folder).doing,
            cost=cost,
            resources=self.resources(step),
            memory_mib=self._memory_mib.get(step.id, 0.0),
            again=lambda folder, cause, tries: self._again(step, folder, cause, tries),
            resumed=lambda folder, job: self._resumed(step, folder, job),
            after=after,
            after_job=lambda folder, tries: self._after_job(step, folder, after, tries),
            sharers=lambda: self.sharers(step),
        )

    def node_by_hand(self, step: Step) -> Node:
        """The step as the graph of jobs takes it, where a person runs it in a folder of decks."""
        node = self.node(step, self.job_by_hand)
        return replace(node, again=lambda folder, cause, tries: self._again_by_hand(step, folder, cause, tries))

    def resources(self, step: Step) -> Resources:
        """What the step may use, as all of its task; raises `MachineError` where it is more than the machine has."""
        if self._machine is None:
            return Resources()
        task = step.id.task
        if task not in self._resources:
            self._resources[task] = self.plan.resources(step, self._machine, given=self._given)
        return self._resources[task]

    def _command(self, step: Step, deck: Deck) -> tuple[str, ...]:
        if self._machine is None:
            return self.plan.code.command(deck)
        program = self._machine.commands.get(self.plan.code.name, "")
        return self.plan.code.command(deck, Launch(launcher=self.resources(step).launcher, program=program))

    def check_machine(self) -> None:
        """That every step can be started on the machine; raises `MachineError` or `SpecError`."""
        for step in self.plan.steps:
            self._command(step, Deck(code=self.plan.code.name, seed=step.seed, files={}))

    def cost(self, step: Step) -> float:
        """Expected effort, from the geometries that the study starts from."""
        built = self._builder.build(step)
        return expected_cost(built.structure, built.spec)

    def built(self, step: Step) -> Built:
        """What the step calculates, from what is known of earlier steps; around edges of a metal, what it would."""
        known = self.admissions.get(step.id)
        found = self._built.get(step.id) or (known and known.built)
        try:
            return found or self._builder.build(step, self.admissions)
        except BandEdgeError:
            return self._builder.build(step)

    def sharers(self, step: Step) -> tuple[str, ...]:
        """Names of the other steps that are the same calculation as `step`, and are built from the same ones."""
        sort = _sort(step)
        if sort not in self._alike:
            steps = {other.id: other for other in self.plan.steps}
            groups: dict[str, list[str]] = {}
            for other in self.plan.steps:
                if _sort(other) == sort:
                    groups.setdefault(self._outline(other.id, steps), []).append(other.name)
            self._alike[sort] = {name: names for names in groups.values() for name in names}
        return tuple(name for name in self._alike[sort][step.name] if name != step.name)

    def _outline(self, step: StepId, steps: Mapping[StepId, Step]) -> str:
        """What a step calculates, and what those calculate whose geometries it is built from."""
        if step not in self._outlines:
            needed = [self._outline(need, steps) for need in source_needs(steps[step])]
            try:
                self._outlines[step] = " ".join([outline_of(self._builder.build(steps[step])), *needed])
            except DftflowError:  # it is nobody's calculation
                self._outlines[step] = str(step)
        return self._outlines[step]

    def job_here(self, step: Step) -> Job:
        """The step's job where its folder is named by its identity."""
        assert self.folder is not None
        record = self.build_record(step)
        self._say_if_again(step, record)
        job = self._job(step, record)
        return replace(job, beside={}) if step.id in self._left_there else job  # other studies find it as it was left

    def job_by_hand(self, step: Step) -> Job:
        """The step's job where its folder is named by the step; what was built for the same plan is not built again."""
        assert self.folder is not None
        place = self.folder.root / step.name
        before = read_built(place)
        if before is None:
            return self._job(step, self.build_record(step, continues=self._continued(step)))
        if self._still_holds(step, before):
            self._built[step.id], record = before.built, before
        else:
            record = self.build_record(step, continues=self._continued(step))
        return self._job(step, self._with_edits(step, place, before, record))

    def job_of_others(self, step: Step) -> Job:
        """The step without a deck: its results were made elsewhere."""
        self._built[step.id] = self._builder.build(step, self.admissions)
        return Job(identity="", files={}, argv=())

    def build_record(self, step: Step, *, continues: str = "") -> BuiltRecord:
        """What the step would calculate now: built from what is known of earlier steps, and its deck."""
        assert self.folder is not None
        built = self._builder.build(step, self.admissions)
        built = replace(built, spec=replace(built.spec, continues=continues))
        self._built[step.id] = built
        identity = identity_of(built, self.plan.code)
        before = self.folder.calculation(identity.digest)
        if before is not None and self.folder.home.is_shared and read_state(before[0]).state == "finished":
            self._left_there.add(step.id)
            return before[1]
        seed = step.seed if before is None else before[1].seed
        deck = self.plan.code.render(built.structure, built.spec, seed)
        return BuiltRecord(
            step=step.name,
            seed=seed,
            plan=self.folder.digest,
            identity=identity.digest,
            engine=identity.engine,
            deck=deck.files,
            cautions=deck.cautions,
            notes=deck.notes,
            built=built,
        )

    def _job(self, step: Step, record: BuiltRecord) -> Job:
        self.records[step.id] = record
        deck = Deck(code=self.plan.code.name, seed=record.seed, files=record.deck)
        return Job(
            identity=record.identity,
            files=record.deck,
            argv=self._command(step, deck),
            beside={BUILT_FILE: built_text(record)},
            stop_file=self._stop_file(step, record.seed),
        )

    def _stop_file(self, step: Step, seed: str) -> str:
        """By which the engine is asked to keep what a remedy goes on from when its time is over; ``""`` for none."""
        fitting = (one for one in self.plan.code.remedies if "out_of_time" in one.causes and step.id.task in one.tasks)
        return next((one.stop_file for one in fitting if one.stop_file), "").format(seed=seed)

    def _again(self, step: Step, folder: Path, cause: str, tries: Sequence[Attempt]) -> Again | None:
        """The next attempt at a step that failed, by a remedy of its code."""
        record = self.records.get(step.id)
        if record is None or len(tries) >= self._most_tries:
            return None
        return self._remedied(step, record, next_try(self.plan.code, record, folder, cause, tries))

    def _again_by_hand(self, step: Step, folder: Path, cause: str, tries: Sequence[Attempt]) -> Again | None:
        """How a relaxation that a person runs goes on; None where it begins as its deck says.

        A file that she has changed is hers: where it would have to be another one, the deck stays as it is.
        """
        record = self.records.get(step.id)
        if record is None or step.id.task != "relax":
            return None
        before = read_built(folder) or record
        edited = {name for name, text in before.deck.items() if _edited(folder / name, text)}
        found = next_try_by_hand(self.plan.code, record, folder, cause, tries, keep=edited)
        again = self._remedied(step, record, found)
        if again is None:
            return None
        left = {file.name for one in self.plan.code.find(folder) for file in one.files} - record.deck.keys()
        return replace(again, stay=tuple(file.name for file in folder.iterdir() if file.name not in left))

    def _after_job(self, step: Step, folder: Path, cause: str, tries: Sequence[Attempt]) -> Again | None:
        """The next attempt at a step whose job ended by a limit: as the remedy of its code has it, or with more memory.

        How often is decided by whoever submits the jobs.
        """
        record = self.records[step.id]
        if cause != "out_of_memory":
            return self._remedied(step, record, next_try(self.plan.code, record, folder, cause, tries))
        job = self._resumed(step, folder, self._job(step, record)) if tries else self._job(step, record)
        return Again(job=job, remedy="larger-job", words=asked_words(self._given), start_from=("*",))

    def _remedied(self, step: Step, record: BuiltRecord, found: NextTry | None) -> Again | None:
        if found is None:
            return None
        remedy = found.remedy
        return Again(
            job=self._job(step, found.record),
            remedy=remedy.name,
            words=remedy.words,
            values=found.values,
            start_from=remedy.start_from,
        )

    def _resumed(self, step: Step, folder: Path, job: Job) -> Job:
        """The job with the deck of the last attempt, as the record beside it has it."""
        record, before = self.records[step.id], read_built(folder)
        return job if before is None else self._job(step, replace(record, deck=before.deck))

    def _still_holds(self, step: Step, record: BuiltRecord) -> bool:
        """Whether what was built before is what would be built now."""
        assert self.folder is not None
        if record.plan != self.folder.digest or older_than(record.built, step, self.admissions):
            return False
        engine = self.plan.code.fingerprint(elements_of_unchanged(record.built.structure))
        if any(record.engine.get(name) != what for name, what in engine.items() if what != NOT_KNOWN_HERE):
            return False
        return not any(self.is_admitted(name) for name in record.built.assumed)

    def _with_edits(self, step: Step, place: Path, before: BuiltRecord, record: BuiltRecord) -> BuiltRecord:
        """`record` with the texts from which a person's files in `place` were made: these are not written again."""
        base = {name: text for name, text in before.deck.items() if _edited(place / name, text)}
        if not base:
            return record
        if record is before and read_state(place).tries:  # the deck of an attempt that goes on is no other by that
            return record
        asked = self.plan.code.render(record.built.structure, record.built.spec, record.seed).files
        self.behind[step.id] = deck_changes(base, {name: asked[name] for name in base if name in asked})
        return replace(record, deck={**record.deck, **{name: text for name, text in base.items() if name in asked}})

    def is_admitted(self, name: str) -> bool:
        return any(str(step) == name and not isinstance(found, Refusal) for step, found in self.admissions.items())

    def _continued(self, step: Step) -> str:
        """Stem of the files that an earlier step leaves, seen from this one's folder; ``""`` where there is none."""
        before = next((need.step for need in step.needs if need.purpose == "density"), None)
        if before is None:
            return ""
        earlier = self.plan.step(str(before))
        return os.path.relpath(f"{earlier.name}/{earlier.seed}", step.name)

    def _say_if_again(self, step: Step, record: BuiltRecord) -> None:
        assert self.folder is not None
        place = self.folder.earlier_folder_of(step)
        try:
            before = None if place is None else read_built(place)
        except DftflowError:
            return
        if before is None or before.identity == record.identity or step.id in self._told:
            return
        self._told.add(step.id)
        names = sorted({*before.engine, *record.engine})
        changed = [
            f"{name} {before.engine.get(name, 'unknown')} -> {record.engine.get(name, 'unknown')}"
            for name in names
            if before.engine.get(name) != record.engine.get(name)
        ]
        why = ", ".join(changed) if changed else "its geometry or its settings have changed"
        self._say(f"{step.name} is calculated again: {why}; the earlier results stay in {place}")

    # --- the gate ---

    def _judge(self, step: Step, folder: Path) -> Verdict:
        admission = self.ask(step, folder)
        if isinstance(admission, Refusal):
            return Verdict(
                state=STATES[admission.kind],
                failure=admission.reason,
                cause=admission.cause,
                log_tail=admission.log_tail,
                wall_time_s=admission.wall_time_s,
                cpu_time_s=admission.cpu_time_s,
            )
        results = admission.results
        return Verdict(state="finished", wall_time_s=results.wall_time_s, cpu_time_s=results.cpu_time_s)

    def ask(self, step: Step, folder: Path, *, record_in: Path | None = None) -> Admission:
        """What the gate says of `folder` as the results of `step`; kept in `admissions`.

        What was built lies in `folder` too, unless `record_in` says where.
        """
        try:
            if self.folder is not None:
                self.folder.refuse_led_outside(record_in or folder, folder)
            record = read_built(record_in or folder)
            built = self._built.get(step.id) or self._asked(step, record)
        except DftflowError as error:
            self.admissions[step.id] = Refusal(kind="failed", reason=str(error), folder=folder)
            return self.admissions[step.id]
        if built is None:
            reason = f"nothing was written or calculated for {step.name}"
            self.admissions[step.id] = Refusal(kind="not run", reason=reason, folder=None)
            return self.admissions[step.id]
        self.admissions[step.id] = admit(
            built,
            self.plan.code,
            folder,
            deck=None if record is None else record.deck,
            older_than=() if record is None else older_than(record.built, step, self.admissions),
        )
        if record is not None:
            self.records.setdefault(step.id, record)
            self._say_what_was_set(step, record)
        return self.admissions[step.id]

    def _say_what_was_set(self, step: Step, record: BuiltRecord) -> None:
        """Beside the numbers of a step stands which of its settings are not the study's."""
        found, told = self.admissions[step.id], what_was_set(record.built)
        if told and isinstance(found, Admitted):
            self.admissions[step.id] = replace(found, remarks=(*found.remarks, *told))

    def _asked(self, step: Step, record: BuiltRecord | None) -> Built | None:
        """What the plan asks of the step: what was built for it, or for another text of the study, built for this."""
        if record is None or self.folder is None or record.plan == self.folder.digest:
            return None if record is None else record.built
        self._built[step.id] = self._builder.build(step, self.admissions)
        return self._built[step.id]

    def deck_names(self, place: Path) -> tuple[str, ...]:
        """Files in the folder of a step that dftflow wrote as its deck."""
        try:
            record = read_built(place)
        except DftflowError:
            return ()
        return () if record is None else tuple(record.deck)

    def refuse(self, step: Step, state: JobState, reason: str) -> None:
        """Note that a step has no results by how it ended, whatever lies in its folder."""
        known = self.admissions.get(step.id)
        built = self._built.get(step.id) or (None if known is None else known.built)
        kind: RefusalKind = next((kind for kind, name in STATES.items() if name == state), "not run")
        self.admissions[step.id] = Refusal(kind=kind, reason=reason, built=built)

    # --- the record of a step ---

    def step_outcome(self, step: Step, end: NodeOutcome) -> StepOutcome:
        """How the step ended, with its deck as it lies there."""
        if step.id not in self.admissions or end.state != "finished":  # the gate does not know who killed an engine
            self.refuse(step, end.state, end.failure)
        admission, record = self.admissions[step.id], self.records.get(step.id)
        admitted = None if isinstance(admission, Refusal) else admission
        return StepOutcome(
            name=end.name,
            title=end.title,
            state=end.state,
            folder=end.folder or Path(),
            failure=end.failure,
            cause=end.cause,
            tries=end.tries,
            log_tail=end.log_tail,
            wall_time_s=end.wall_time_s,
            cpu_time_s=end.cpu_time_s,
            deck_files={} if end.folder is None else self._deck_files(end.folder, record),
            cautions=() if record is None else record.cautions,
            engine={} if record is None else record.engine,
            remarks=() if admitted is None else admitted.remarks,
            results=None if admitted is None else admitted.results,
        )

    def _deck_files(self, folder: Path, record: BuiltRecord | None) -> dict[str, str]:
        names = [] if record is None else list(record.deck)
        if record is None:
            seeds = [calculation.seed for calculation in self.plan.code.find(folder)]
            patterns = [pattern.format(seed=escape(seed)) for seed in seeds for pattern in self.plan.code.deck_files]
            names = sorted({file.name for pattern in patterns for file in folder.glob(pattern)})
        texts = {}
        for name in names:
            with suppress(OSError):  # not there, or a link to what nobody meant to show
                content = read_stored(folder / name, most_bytes=MOST_SHOWN_BYTES)
                texts[name] = content.decode("utf-8", errors="replace")
        return texts


def _sort(step: Step) -> tuple[str, str]:
    """Steps of another sort are other calculations."""
    return step.id.subject.kind, step.id.task


def _edited(file: Path, text: str) -> bool:
    """Whether it is there, with another content."""
    try:
        return read_stored(file) != text.encode()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # something that is no file, and not ours
        return True
