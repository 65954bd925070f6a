"""Making a release of what is measured: ledgers, files, manifest, card."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tamis.corpus.commit import committing, write_bytes, write_json
from tamis.corpus.manifest import NAME, FileFacts, Manifest
from tamis.engine import facts
from tamis.engine.assembly import Assembly
from tamis.engine.decided import Basis, keep_decided, signals_key
from tamis.engine.document_changes import Side
from tamis.engine.domains import DOMAINS
from tamis.engine.ledger import ledger_of
from tamis.engine.ledger_files import LedgerFile, write_ledgers
from tamis.engine.memory import give_back
from tamis.engine.mixing import mixed, passed_counts, planned, table_hashes
from tamis.engine.release import FileCutter, ReleaseTask, file_entry, stripes_of
from tamis.engine.release_changes import changes_between
from tamis.engine.samples import write_samples
from tamis.engine.session import Session
from tamis.engine.spread import Spread
from tamis.engine.tasks import Done
from tamis.engine.trainer_files import trainer_files
from tamis.engine.verdicts import Verdicts
from tamis.errors import RunError, UserError
from tamis.mix.cuts import COLUMNS
from tamis.mix.plan import MixPlan
from tamis.mix.realised import Epochs
from tamis.stages.tokenize import end_of_document
from tamis.tokens.tokenizer import load_tokenizer

PARTS = ".parts"
"""Folder of what files of a release in the making are put together from."""


def make_release(session: Session, folder: Path, card: Any, before: Side | None) -> Manifest:
    """Writes the release into `folder`, manifest last."""
    recipe = session.recipe
    session.reporter.phase("decide", 0, 0)
    verdicts = session.final_verdicts()
    _check_decided(verdicts)
    cuts, counts = passed_counts(recipe.mix, verdicts)
    epochs = mixed(recipe, counts, session.base, cuts)
    spread = Spread(recipe)
    tokenize = next((use for use in recipe.stages if use.name == "tokenize"), None) if recipe.release.tokens else None
    tokenizer = _tokenizer(session, tokenize)
    ledgers: list[LedgerFile] = []
    plan: MixPlan | None = None
    counted: Future[tuple[Manifest, pl.DataFrame]]
    kept: Future[None]
    with ThreadPoolExecutor(1) as aside:

        def tasks() -> Iterator[ReleaseTask]:
            nonlocal plan, counted, kept
            yield from _release_tasks(session, verdicts, epochs, spread, tokenizer, folder, ledgers)
            plan = planned(recipe, counts, session.base)
            give_back()
            # While others write: this process would only wait for them.
            counted = aside.submit(_manifest, session, ledgers, spread, tokenizer, plan)
            kept = aside.submit(_keep_decided, session, ledgers)

        entries = _run_release(session, tasks(), folder)
        if tokenizer is not None:
            entries.append(_copy_tokenizer(session, folder))
            entries += trainer_files(session, folder, tokenizer, plan)
        samples, sample_entries = write_samples(session, folder, ledgers)
        entries += sample_entries
        session.crew.dismiss()
        entries += sorted((file.entry for file in ledgers), key=lambda entry: str(entry["path"]))
        session.reporter.phase("card", 0, 0)
        manifest, ledger = counted.result()
        manifest = manifest.model_copy(update={"samples": samples})
        if manifest.domains is not None:
            write_bytes(folder / DOMAINS, spread.domains.listing())
            entries.append(file_entry(folder, folder / DOMAINS))
        manifest = _described(session, manifest, ledger, entries, before, folder, card)
        kept.result()
    return manifest


def _described(
    session: Session,
    manifest: Manifest,
    ledger: pl.DataFrame,
    entries: list[dict[str, Any]],
    before: Side | None,
    folder: Path,
    card: Any,
) -> Manifest:
    """The manifest of the files that `entries` has, and of the card, which it writes; written last."""
    manifest = manifest.model_copy(update={"files": tuple(FileFacts(**entry) for entry in entries)})
    if before is not None:
        manifest = _compared(session, manifest, before, folder)
    for path in card(manifest, ledger, folder):
        entries.append(file_entry(folder, path))
    files = tuple(FileFacts(**entry) for entry in sorted(entries, key=lambda entry: str(entry["path"])))
    manifest = manifest.model_copy(update={"files": files})
    write_json(folder / NAME, manifest.model_dump(mode="json"))
    return manifest


def _compared(session: Session, manifest: Manifest, before: Side, folder: Path) -> Manifest:
    """The manifest, with what changed since the release before."""
    session.reporter.phase("compare releases", 0, 0)
    changes = changes_between(before, Side(manifest, folder), session.store.scratch())
    session.reporter.phase("card", 0, 0)
    return manifest.model_copy(update={"changes": changes})


def _keep_decided(session: Session, ledgers: Sequence[LedgerFile]) -> None:
    """Keeps what was decided, for `what-if` to start from."""
    recipe = session.recipe
    basis = Basis(signals_key(session.contexts, recipe.stages), session.own_ids, session.kin)
    rows = [file.rows for file in ledgers]
    keep_decided(session.store.decided(recipe.run_name), session.identity, recipe.mix, rows, basis)


def _release_tasks(
    session: Session,
    verdicts: list[Verdicts],
    epochs: Epochs,
    spread: Spread,
    tokenizer: Mapping[str, Any] | None,
    folder: Path,
    ledgers: list[LedgerFile],
) -> Iterator[ReleaseTask]:
    """The tasks that write the text and token shards, each when the ledgers of its stripe are written (into `ledgers`).

    Raises UserError when nothing is released.
    """
    recipe = session.recipe
    written = write_ledgers(
        session.contexts, verdicts, lambda judged: ledger_of(recipe, judged, recipe.stages, epochs), spread, folder
    )
    cutter, released = FileCutter(recipe.release.shard_size), 0
    for number, stripe in enumerate(stripes_of(session.contexts)):
        mine = [next(written) for _ in stripe]
        ledgers += mine
        files = cutter.cut((ledger.context, ledger.rows) for ledger in mine)
        released += len(files)
        yield ReleaseTask(
            number,
            files,
            {ledger.context.key: ledger.path for ledger in mine},
            sum(context.shard.bytes for context in stripe),
            tuple(use for use in recipe.stages if use.stage.spans is not None),
            next((use for use in recipe.stages if use.name == "tokenize"), None) if tokenizer is not None else None,
            tokenizer is not None and tokenizer["id_type"] == "uint16",
            tuple(COLUMNS[name] for name in epochs.cuts.columns),
            folder / PARTS,
        )
    if not released:
        rows = [ledger.rows for ledger in ledgers]
        raise UserError(
            f"no document of {sum(ledger.height for ledger in rows)} passes every rule and the mix: nothing to "
            f"release. The rules that drop most: {_top_reasons(rows)}. `tamis what-if RECIPE --set ...` shows "
            "what a change would do"
        )


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


def _run_release(session: Session, tasks: Iterator[ReleaseTask], folder: Path) -> list[dict[str, Any]]:
    with Assembly(folder) as assembly:

        def count(done: Done) -> None:
            assert isinstance(done.task, ReleaseTask)
            session.work.add("release", done.task.rows, done.task.released, done.seconds)
            # While others are at work.
            assembly.take(done)

        stripes = stripes_of(session.contexts)
        size = sum(context.shard.bytes for context in session.contexts)
        # In order, so that parts are taken while they are in memory still.
        session.run_in_turn("release", tasks, len(stripes), size, count)
        entries = assembly.finish()
    shutil.rmtree(folder / PARTS)
    return entries


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
    spread: Spread,
    tokenizer: dict[str, Any] | None,
    plan: MixPlan | None,
) -> tuple[Manifest, pl.DataFrame]:
    """The manifest but for its files, and the ledger it counts."""
    recipe = session.recipe
    ledger = pl.concat([file.rows for file in ledgers], how="diagonal_relaxed")
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
    manifest = Manifest(
        name=recipe.name,
        version=recipe.version,
        title=recipe.title or recipe.name,
        identity=session.release_identity,
        recipe=recipe.to_recipe(),
        software=session.software,
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
        card_template=session.card_template,
        totals=facts.totals_of(ledger, composition) | {"shards": len(session.contexts)},
        files=(),
        **spread.facts([file.path for file in ledgers]),
    )
    return manifest, ledger
