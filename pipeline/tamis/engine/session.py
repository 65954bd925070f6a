"""One recipe on one work folder: its sources located, its corpus ingested, its signals measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

import polars as pl

from tamis.corpus.commit import read_record, write_json
from tamis.corpus.documents import InputFile
from tamis.corpus.hashing import key_of
from tamis.corpus.manifest import cleaner_identity
from tamis.corpus.store import Store
from tamis.corpus.training_reports import stated
from tamis.engine.cleaning import check_cleaning, cleaners_of
from tamis.engine.deciding import Walk
from tamis.engine.facts import software
from tamis.engine.fitting import fit_models
from tamis.engine.ingest import IngestTask, ingest_tasks, ingested, shards_of
from tamis.engine.keys import Models, resolve_models, stage_keys
from tamis.engine.kin import Kin, kin_of
from tamis.engine.measure import MeasureTask, PrepareTask, ShardContext
from tamis.engine.mixing import table_hashes
from tamis.engine.partners import Sketched, find_sketched
from tamis.engine.passes import Pass, passes_of
from tamis.engine.reporting import Reporter, Work
from tamis.engine.resolving import resolve_stage
from tamis.engine.rows import read_rows, unique_ids
from tamis.engine.tasks import Done, Workers, total_bytes
from tamis.engine.template import template_hash, template_text
from tamis.engine.verdicts import Verdicts
from tamis.errors import InputError, TooManyRejects, UserError
from tamis.readers import text_libraries
from tamis.readers.hub_paths import pinned
from tamis.readers.locate import locate
from tamis.recipe.model import Recipe, Source, StageUse


@dataclass
class Session:
    """A recipe at work. Each step leaves its result here; `run`, `what-if` and `why` use the same steps."""

    recipe: Recipe
    base: Path
    """Folder of the recipe: relative paths start there."""
    store: Store
    workers: int
    reporter: Reporter
    inputs: dict[str, list[InputFile]] = field(default_factory=dict)
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    models: Models = field(default_factory=dict)
    """Models the recipe names, and those fitted in the run."""
    named_models: Models = field(default_factory=dict)
    contexts: list[ShardContext] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)
    """Document columns of every shard."""
    kin: dict[str, Kin] = field(default_factory=dict)
    """By resolver, once it has run."""
    own_ids: bool = True
    """Whether every document is called as it is in its shard, as far as frames are read."""
    work: Work = field(default_factory=Work)
    written: set[tuple[str, str]] = field(default_factory=set)
    """Signal files written so far, by shard and stage."""
    previous: str | None = None
    """Identity of the release that the recipe names as the previous one."""
    _walks: list[Walk] = field(default_factory=list)

    @property
    def tasks_of(self) -> list[IngestTask]:
        """The ingest tasks of all sources, in corpus order."""
        return [
            task
            for source in self.recipe.sources
            for task in ingest_tasks(source, self.inputs[source.name], self.store, self.base)
        ]

    def locate(self) -> None:
        """Finds the input files of every source, hashing those that are new."""
        known_path = self.store.fingerprints()
        remedy = "Delete it and run again: input files are hashed anew"
        known = read_record(known_path, remedy) if known_path.exists() else {}
        before = key_of(known)
        present = []
        try:
            for source in self.recipe.sources:
                try:
                    source = pinned(source)
                    self.inputs[source.name] = locate(source, self.base, known)
                    present.append(source)
                except InputError as error:
                    if not source.optional:
                        raise
                    self.reporter.warn(f"left out: {error}")
        finally:
            # Also of a listing that breaks off: hashing files on a store takes as long as reading them.
            if key_of(known) != before:
                write_json(known_path, known)
        if not present:
            raise InputError(f"{self.recipe.name}: no source has any file")
        if tuple(present) != self.recipe.sources:
            self.recipe = self.recipe.model_copy(update={"sources": tuple(present)})

    def resolve_models(self) -> None:
        """Finds and hashes the models the recipe names."""
        self.models = self.named_models = resolve_models(self.recipe, self.base)

    def fingerprint(self, source: Source) -> str:
        """Identity of a source's input files."""
        return key_of([[file.name, file.fingerprint, file.facts] for file in self.inputs[source.name]])

    @property
    def card_template(self) -> str:
        """Text of the template that the recipe names for its card."""
        return template_text(self.recipe.card.template, self.base)

    @property
    def identity(self) -> str:
        """Identity of what this recipe makes of these inputs with this software. Models that are fitted
        in the run follow from these."""
        cleaned = [
            [cleaner_identity(facts) for facts in cleaners_of(source, self.base)] for source in self.recipe.sources
        ]
        return key_of(
            self.recipe.to_recipe(),
            {
                name: {n: stated(m.sha256, m.drawn) for n, m in models.items()}
                for name, models in self.named_models.items()
            },
            [self.fingerprint(source) for source in self.recipe.sources],
            [[use.name, use.stage.version] for use in self.recipe.stages],
            table_hashes(self.recipe.mix, self.base) | template_hash(self.card_template),
            self.software,
            *([cleaned] if any(cleaned) else []),
        )

    @property
    def software(self) -> dict[str, str]:
        """Versions of all that the release's bytes depend on."""
        return software(
            name for source in self.recipe.sources for name in text_libraries(source, self.inputs[source.name])
        )

    @property
    def release_identity(self) -> str:
        """Identity of the release: it tells what changed since the previous one, so it is another after another."""
        return self.identity if self.previous is None else key_of(self.identity, self.previous)

    def ingest(self, max_rejects: float | None = None, frames: bool = True) -> None:
        """Reads what isn't read yet; the documents' columns only if `frames` are wanted. Raises TooManyRejects when
        more than `max_rejects` (a count, or a share below 1) of the rows can't be read, and InputError when a source
        has no document."""
        tasks, signals = self.tasks_of, self.signals
        read: dict[Path, pl.DataFrame] = {}

        def ended(done: Done) -> None:
            self._count_ingest(done)
            assert isinstance(done.task, IngestTask)
            # While others are at work.
            for shard in shards_of(done.result, done.task.folder):
                read[shard.path] = read_rows(done.task.source, shard, signals)

        missing = [task for task in tasks if ingested(task) is None]
        if missing:
            self.check_cleaning({task.source.name for task in missing})
            self.run_tasks("ingest", missing, ended)
        self.reporter.phase("list documents", 0, 0)
        for task in tasks:
            record = ingested(task)
            assert record is not None
            self.records.setdefault(task.source.name, []).append(record)
        self._check_rejects(max_rejects)
        for source in self.recipe.sources:
            shards = [
                shard
                for task, record in zip(
                    (t for t in tasks if t.source.name == source.name), self.records[source.name], strict=True
                )
                for shard in shards_of(record, task.folder)
            ]
            if not shards:
                raise InputError(self._no_document(source))
            self.contexts += [ShardContext(source, shard, {}, self.store.root, signals=signals) for shard in shards]
            if frames:
                named = [read[s.path] if s.path in read else read_rows(source, s, signals) for s in shards]
                distinct = unique_ids(named)
                self.own_ids &= all(one is other for one, other in zip(named, distinct, strict=True))
                self.frames += distinct

    @property
    def signals(self) -> dict[str, str]:
        """Signals that the recipe's sources bring along, by name, with their types."""
        return {name: signal.type for source in self.recipe.sources for name, signal in source.signals.items()}

    def _no_document(self, source: Source) -> str:
        records = self.records[source.name]
        files, read, filtered = (sum(record[key] for record in records) for key in ("files", "read", "filtered"))
        causes: Counter[str] = sum((Counter(record["causes"]) for record in records), Counter())
        told = ", ".join(f"{count} {cause}" for cause, count in sorted(causes.items()))
        return (
            f"source {source.name} has no document: {files} files with {read} rows, of which the recipe left out "
            f"{filtered} and {causes.total()} could not be read{f' ({told})' if told else ''}. "
            "Mend its path, columns, `where` or sample, or take the source out of the recipe"
        )

    def check_cleaning(self, names: Iterable[str] | None = None) -> None:
        """Raises InputError when a cleaner of these sources, or of any, can't work."""
        for source in self.recipe.sources:
            if names is None or source.name in names:
                check_cleaning(source, self.base)

    def open(self, frames: bool = True) -> None:
        """Takes up what earlier runs left, without reading any text; the documents' columns only if `frames` are
        wanted. Raises UserError when the recipe's corpus isn't all there."""
        self.locate()
        self.resolve_models()
        missing = [task for task in self.tasks_of if ingested(task) is None]
        if missing:
            raise UserError(
                f"{len(missing)} input groups of {self.recipe.name} are not ingested yet (first: {missing[0].label}): "
                "`tamis run` comes first"
            )
        self.ingest(frames=frames)
        self.fit(make=False)

    def read_frames(self) -> None:
        """Reads the documents' columns, in a session that was opened without."""
        for source in self.recipe.sources:
            mine = [context for context in self.contexts if context.source.name == source.name]
            self.frames += unique_ids([read_rows(source, context.shard, context.signals) for context in mine])

    def fit(self, make: bool = True) -> None:
        """Finds the models that the recipe wants made of the corpus, makes those that aren't there (unless
        told not to), and gives every shard its keys."""
        if make:
            self.reporter.phase("train models", 0, 0)
        self.models = fit_models(self.recipe, self.models, self.contexts, self.frames, self.store, make)
        keys = {source.name: stage_keys(self.recipe, source, self.models) for source in self.recipe.sources}
        self.contexts = [replace(context, keys=keys[context.source.name]) for context in self.contexts]

    def measure(self) -> None:
        """Measures, pass by pass, whatever is alive and not measured; resolves the gaps between."""
        self._walks = [Walk(frame) for frame in self.frames]
        for number, one in enumerate(self.passes, 1):
            self._run_measuring(f"measure {number}/{len(self.passes)}", one)
            if one.resolvers:
                self._resolve(one, self.passes[number : number + 1])

    def _run_measuring(self, phase: str, one: Pass) -> None:
        numbers = {context.key: number for number, context in enumerate(self.contexts)}

        def ended(done: Done) -> None:
            self._count_measured(done)
            assert isinstance(done.task, MeasureTask)
            # While others are at work.
            number = numbers[done.task.context.key]
            self._walks[number].go(self.contexts[number], one.walked)

        self.reporter.phase("find what to measure", 0, 0)
        # The last task to end is then a small one.
        left = sorted(range(len(self.contexts)), key=lambda number: (-self.contexts[number].shard.bytes, number))
        tasks = self._measuring(one, left)
        first = next(tasks, None)
        if first is not None:
            # Those that follow are found while others are at work: hardly any is done already.
            todo = [first.context.shard.bytes, *(self.contexts[number].shard.bytes for number in left)]
            self.run_in_turn(phase, chain([first], tasks), len(todo), sum(todo), ended)

    def _measuring(self, one: Pass, left: list[int]) -> Iterator[MeasureTask]:
        """What there is to measure, of the shards `left` in turn: each is taken off when it is looked at."""
        models = self._model_paths
        while left:
            number = left.pop(0)
            context = self.contexts[number]
            if self._walks[number].needs_measuring(context, one.walked, one.resolvers):
                if self._walks[number].left:
                    # It starts anew, with what is measured then.
                    self._walks[number] = Walk(self.frames[number])
                yield MeasureTask(context, one.walked, one.resolvers, models)

    @property
    def _model_paths(self) -> dict[str, tuple[tuple[str, Path], ...]]:
        return {
            use.name: tuple(sorted((name, model.path) for name, model in self.models[use.name].items()))
            for use in self.recipe.stages
        }

    def _resolve(self, one: Pass, following: Sequence[Pass]) -> None:
        """Asks the resolvers after a pass, in turn. The workers find who shares anything with whom while those that
        need no sketch are asked here, then load what the following pass measures with."""
        first = list(takewhile(lambda use: use.stage.prepare is None, one.resolvers))
        rest = one.resolvers[len(first) :]
        contexts, walked = self.contexts, list(one.walked)

        def ask_first() -> None:
            for use in first:
                self._ask(use, walked, None)
                self._note_kin(use, None)
                walked.append(use)
            self.verdicts(walked)

        for use in (first or rest)[:1]:
            self.reporter.phase(f"resolve {use.name}", 0, 0)
        with self.crew.beside(ask_first):
            found = {use.name: find_sketched(use, contexts, self.store, self.crew.quietly) for use in rest}
        if self.written:
            for then in following:
                uses = tuple(use for use in then.stages if use.stage.prepare is not None)
                self.crew.meanwhile(PrepareTask(uses, contexts[0].keys, self._model_paths))
        for use in rest:
            self.reporter.phase(f"resolve {use.name}", 0, 0)
            with self.crew.beside(partial(self._note_kin, use, found[use.name])):
                self._ask(use, walked, found[use.name])
            walked.append(use)

    def _ask(self, use: StageUse, walked: Sequence[StageUse], sketched: Sketched | None) -> None:
        verdicts = self.verdicts(walked)
        self.contexts = resolve_stage(use, self.contexts, verdicts, sketched, self.store, self.crew.quietly)

    def _note_kin(self, use: StageUse, sketched: Sketched | None) -> None:
        self.kin[use.name] = kin_of(use, self.frames, sketched)

    def verdicts(self, uses: Sequence[StageUse]) -> list[Verdicts]:
        """Verdicts on every shard's rows after `uses`, once `measure` has come so far."""
        for walk, context in zip(self._walks, self.contexts, strict=True):
            walk.go(context, uses)
        return [walk.verdicts for walk in self._walks]

    def final_verdicts(self) -> list[Verdicts]:
        """Verdicts after the last stage, for the last step of a run: the session doesn't keep them, nor `frames`."""
        verdicts = self.verdicts(self.recipe.stages)
        self._walks, self.frames = [], []
        return verdicts

    @property
    def passes(self) -> list[Pass]:
        """The recipe's stages, cut at the gaps."""
        return passes_of(self.recipe.stages)

    def signal_files(self) -> int:
        """Signal files that are there for this recipe."""
        uses = [use for use in self.recipe.stages if use.stage.prepare is not None]
        return sum(context.signal_path(use).exists() for context in self.contexts for use in uses)

    @cached_property
    def crew(self) -> Workers:
        """The worker processes of this session."""
        return Workers(self.workers)

    def run_tasks(self, phase: str, tasks: Sequence[Any], count: Callable[[Done], None]) -> list[Any]:
        """Runs the tasks of a phase and returns their results; `count` and the reporter hear of each."""
        self.reporter.phase(phase, len(tasks), total_bytes(tasks))
        return self.crew.run(tasks, self._heard(count))

    def run_in_turn(
        self, phase: str, tasks: Iterable[Any], of: int, bytes_: int, count: Callable[[Done], None]
    ) -> None:
        """Runs the `of` tasks of a phase in their order, each made when it is its turn."""
        self.reporter.phase(phase, of, bytes_)
        self.crew.run_in_turn(tasks, of, self._heard(count))

    def _heard(self, count: Callable[[Done], None]) -> Callable[[Done], None]:
        def on_done(done: Done) -> None:
            count(done)
            self.reporter.done(done)

        return on_done

    def _count_ingest(self, done: Done) -> None:
        rows = sum(shard["rows"] for shard in done.result["shards"])
        self.work.add("ingest", rows, sum(shard["bytes"] for shard in done.result["shards"]), done.seconds)

    def _count_measured(self, done: Done) -> None:
        for stage, rows in done.result["rows"].items():
            if rows:
                self.work.add(stage, rows, done.result["bytes"][stage], done.result["seconds"][stage])
        self.written |= {(done.result["shard"], stage) for stage in done.result["written"]}

    def _check_rejects(self, limit: float | None) -> None:
        rejected = sum(sum(record["causes"].values()) for records in self.records.values() for record in records)
        read = sum(record["read"] for records in self.records.values() for record in records)
        if limit is None or not rejected:
            return
        if (rejected / max(read, 1) if limit < 1 else rejected) > limit:
            raise TooManyRejects(
                f"{rejected} of {read} rows can't be read, more than --max-rejects {limit:g} allows. "
                "`tamis status RECIPE --rejects` lists them with file and line"
            )
