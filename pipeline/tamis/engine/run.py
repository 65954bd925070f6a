"""A run: from recipe to release. What is done already is not done again."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tamis.corpus.commit import committing, write_json
from tamis.corpus.manifest import NAME, FileFacts, Manifest, read_manifest
from tamis.corpus.store import Store
from tamis.engine import facts
from tamis.engine.decided import Basis, keep_decided, signals_key
from tamis.engine.ledger import ledger_of
from tamis.engine.ledger_files import LedgerFile, write_ledgers
from tamis.engine.memory import give_back, share_heap
from tamis.engine.mixing import check_mix, mixed, passed_counts, planned, table_hashes
from tamis.engine.placing import building, check_place, clear, recover
from tamis.engine.record import recording
from tamis.engine.release import ReleaseFile, ReleaseTask, check_tokens, file_entry, plan_files, share
from tamis.engine.reporting import Reporter
from tamis.engine.session import Session
from tamis.engine.tasks import Done
from tamis.engine.trainer_files import check_formats, trainer_files
from tamis.engine.verdicts import Verdicts
from tamis.errors import InputError, RunError, UserError
from tamis.mix.plan import MixPlan
from tamis.mix.realised import Epochs
from tamis.recipe.model import Recipe
from tamis.stages.tokenize import end_of_document
from tamis.tokens.tokenizer import load_tokenizer

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


@dataclass(frozen=True)
class RunOptions:
    """Where and how: none of it changes a byte of the release."""

    work: Path
    out: Path
    workers: int
    max_rejects: float | None = None


@dataclass(frozen=True)
class RunSummary:
    """What a run did."""

    release: Path
    manifest: Manifest
    measured: int
    """Signal files measured or topped up."""
    reused: int
    """Signal files found as they were needed."""
    seconds: float
    nothing_to_do: bool

    def to_json(self) -> dict[str, Any]:
        """As `tamis run --json` prints it."""
        return {
            "release": str(self.release),
            "identity": self.manifest.identity,
            "measured": self.measured,
            "reused": self.reused,
            "documents": self.manifest.totals["documents"],
            "tokens": self.manifest.totals["tokens"],
            "mixed_tokens": self.manifest.totals["mixed_tokens"],
            "ingested": self.manifest.totals["ingested"],
            "nothing_to_do": self.nothing_to_do,
            "seconds": round(self.seconds, 3),
        }


def run(recipe: Recipe, base: Path, options: RunOptions, reporter: Reporter, card: Any) -> RunSummary:
    """Makes the release of `recipe`. `card(manifest, ledger, folder)` writes the data card into it and returns
    the paths it wrote.

    Raises Locked, TooManyRejects, TaskFailed, InputError, OptionError, StoreError. With several workers, a
    script that calls it must stand under `if __name__ == "__main__":`, as workers are spawned.
    """
    begin = time.monotonic()
    share_heap()
    check_tokens(recipe)
    check_formats(recipe)
    check_mix(recipe)
    store = Store(options.work)
    with (
        store.lock(),
        recording(store.last_run(recipe.name), recipe.name, reporter) as record,
        _disk_errors(),
    ):
        session = Session(recipe, base, store, options.workers, record)
        record.phase("find inputs", 0, 0)
        session.locate()
        session.resolve_models()
        release = options.out / f"{recipe.name}-{recipe.version}"
        recover(release)
        existing = finished(release, session.identity)
        if existing is not None:
            clear(release)
            reused = _signal_files(recipe, existing.totals["shards"])
            summary = RunSummary(release, existing, 0, reused, time.monotonic() - begin, True)
            record.up_to_date({**summary.to_json(), "stages": []})
            return summary
        check_place(release)
        record.begin()
        with session.crew:
            session.ingest(options.max_rejects)
            session.fit()
            session.measure()
            with building(release, session.identity) as folder:
                manifest = _release(session, folder, card)
        measured, found = len(session.written), session.signal_files()
        summary = RunSummary(release, manifest, measured, found - measured, time.monotonic() - begin, False)
        record.end("finished", **summary.to_json(), stages=session.work.to_json())
        return summary


@contextmanager
def _disk_errors() -> Iterator[None]:
    """A full or failing disk is no bug: it is told without a traceback."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise RunError(
            f"{error.filename or 'the disk'}: {error.strerror}. What is finished is kept; mend it and run the same "
            "command again"
        ) from error


def finished(release: Path, identity: str) -> Manifest | None:
    """The manifest of a release that is already what would be made, its files all there."""
    try:
        manifest = read_manifest(release)
    except InputError:
        # None there, or another format's: made anew.
        return None
    if manifest.identity != identity:
        return None
    for entry in manifest.files:
        path = release / entry.path
        if not path.exists() or path.stat().st_size != entry.bytes:
            raise RunError(
                f"{path}: differs from the release's manifest. `tamis verify {release}` tells more; "
                f"delete {release} to make it anew"
            )
    return manifest


def _signal_files(recipe: Recipe, shards: int) -> int:
    """Signal files that the recipe needs: one a shard and measuring stage."""
    return shards * sum(1 for use in recipe.stages if use.stage.prepare is not None)


def _release(session: Session, folder: Path, card: Any) -> Manifest:
    """Writes the release into `folder`, manifest last."""
    recipe = session.recipe
    session.reporter.phase("decide", 0, 0)
    verdicts = session.final_verdicts()
    _check_decided(verdicts)
    counts = passed_counts(verdicts)
    ledgers = _ledgers(session, verdicts, mixed(recipe, counts, session.base), folder)
    give_back()
    rows = [ledger.rows for ledger in ledgers]
    files = plan_files(session.contexts, rows, recipe.release.shard_size)
    if not files:
        raise UserError(
            f"no document of {sum(ledger.height for ledger in rows)} passes every rule and the mix: nothing to "
            f"release. The rules that drop most: {_top_reasons(rows)}. `tamis what-if RECIPE --set ...` shows "
            "what a change would do"
        )
    plan = planned(recipe, counts, session.base)
    tokenize = next((use for use in recipe.stages if use.name == "tokenize"), None) if recipe.release.tokens else None
    tokenizer = _tokenizer(session, tokenize)
    edits = tuple(use for use in recipe.stages if use.stage.spans is not None)
    tasks = [
        ReleaseTask(
            tuple(group),
            _ledgers_of(group, ledgers),
            edits,
            tokenize,
            tokenizer is not None and tokenizer["id_type"] == "uint16",
            folder,
        )
        for group in share(files, session.contexts, session.workers)
    ]
    ledger = pl.concat(rows, how="diagonal_relaxed")
    with ThreadPoolExecutor(1) as aside:
        # Counted while others write: this process would only wait for them.
        counted = aside.submit(_manifest, session, ledgers, ledger, tokenizer, plan)
        entries = _run_release(session, tasks)
        if tokenizer is not None:
            entries.append(_copy_tokenizer(session, folder))
            entries += trainer_files(session, folder, tokenizer, plan)
        session.crew.dismiss()
        entries += sorted((file.entry for file in ledgers), key=lambda entry: str(entry["path"]))
        session.reporter.phase("card", 0, 0)
        manifest = counted.result()
    manifest = manifest.model_copy(update={"files": tuple(FileFacts(**entry) for entry in entries)})
    for path in card(manifest, ledger, folder):
        entries.append(file_entry(folder, path))
    manifest = manifest.model_copy(
        update={"files": tuple(FileFacts(**e) for e in sorted(entries, key=lambda e: e["path"]))}
    )
    write_json(folder / NAME, manifest.model_dump(mode="json"))
    basis = Basis(signals_key(session.contexts, recipe.stages), session.own_ids, session.kin)
    keep_decided(session.store.decided(recipe.run_name), session.identity, rows, basis)
    return manifest


def _ledgers(session: Session, verdicts: list[Verdicts], epochs: Epochs, folder: Path) -> list[LedgerFile]:
    """Writes the ledgers; what is known of the documents besides is forgotten."""
    recipe = session.recipe
    return write_ledgers(
        session.contexts, verdicts, lambda judged: ledger_of(recipe, judged, recipe.stages, epochs), folder,
        session.workers,
    )  # fmt: skip


def _check_decided(verdicts: Sequence[Verdicts]) -> None:
    unknown = sum(int(v.unknown.sum()) for v in verdicts)
    if unknown:
        raise RunError(f"{unknown} documents were left without a verdict: this is a bug in Tamis, please report it")


def _top_reasons(ledgers: Sequence[pl.DataFrame]) -> str:
    counts = (
        pl.concat([ledger.select("dropped_by") for ledger in ledgers])["dropped_by"]
        .drop_nulls()
        .value_counts(sort=True)
    )
    return ", ".join(f"{reason} ({count})" for reason, count in counts.head(3).iter_rows())


def _ledgers_of(files: Sequence[ReleaseFile], ledgers: Sequence[LedgerFile]) -> dict[tuple[str, str], Path]:
    """Ledger files of the corpus shards that these release shards have rows of, in corpus order."""
    read = {piece.context.key for file in files for piece in file.pieces}
    return {ledger.context.key: ledger.path for ledger in ledgers if ledger.context.key in read}


def _run_release(session: Session, tasks: Sequence[ReleaseTask]) -> list[dict[str, Any]]:
    def count(done: Done) -> None:
        assert isinstance(done.task, ReleaseTask)
        rows = sum(file.rows for file in done.task.files)
        session.work.add("release", rows, done.task.bytes, done.seconds)

    return [entry for entries in session.run_tasks("release", tasks, count) for entry in entries]


def _tokenizer(session: Session, tokenize: Any) -> dict[str, Any] | None:
    if tokenize is None:
        return None
    model = session.models["tokenize"]["tokenizer"]
    described = session.crew.quietly([_TokenizerTask(model.path, end_of_document(tokenize.config))])[0]
    return {"reference": model.reference, **described}


@dataclass(frozen=True)
class _TokenizerTask:
    """Says what the manifest records of a tokenizer: a worker that has measured has it loaded."""

    path: Path
    end_of_document: str | None

    @property
    def label(self) -> str:
        """`load PATH`."""
        return f"load {self.path}"

    @property
    def bytes(self) -> int:
        """It handles no text."""
        return 0

    def run(self) -> dict[str, Any]:
        """Loads the tokenizer where it isn't."""
        return {**load_tokenizer(self.path, self.end_of_document).describe()}


def _copy_tokenizer(session: Session, folder: Path) -> dict[str, Any]:
    target = folder / "tokenizer" / "tokenizer.json"
    with committing(target) as temporary:
        shutil.copyfile(session.models["tokenize"]["tokenizer"].path, temporary)
    return file_entry(folder, target)


def _manifest(
    session: Session,
    ledgers: Sequence[LedgerFile],
    ledger: pl.DataFrame,
    tokenizer: dict[str, Any] | None,
    plan: MixPlan | None,
) -> Manifest:
    """The manifest but for its files."""
    recipe = session.recipe
    funnel = []
    for source in recipe.sources:
        mine = [file for file in ledgers if file.context.source.name == source.name]
        funnel += facts.funnel_of(source.name, [f.counts for f in mine], [f.rows for f in mine], recipe)
    chars = dict(ledger.group_by("source").agg(pl.col("chars").sum()).iter_rows())
    sources = [
        facts.source_facts(source, session.records[source.name], session.fingerprint(source)).model_copy(
            update={"chars": chars[source.name]}
        )
        for source in recipe.sources
    ]
    composition = facts.composition_of(ledger)
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        title=recipe.title or recipe.name,
        identity=session.identity,
        recipe=recipe.to_recipe(),
        software=facts.software(),
        sources=tuple(sources),
        stages=tuple(facts.stage_facts(use, session.models) for use in recipe.stages),
        funnel=tuple(funnel),
        dropped_by_language=facts.dropped_by_language(ledger),
        composition=tuple(composition),
        pii=tuple(facts.pii_of(ledger)),
        duplicates=facts.duplicates_of(recipe, ledger),
        tokenizer=tokenizer,
        mix=plan.to_json() if plan is not None else None,
        mix_tables=table_hashes(recipe.mix, session.base),
        totals=facts.totals_of(ledger, composition) | {"shards": len(session.contexts)},
        files=(),
    )
