"""Where a recipe stands in a work folder: its last run, what was read and what could not be."""

from __future__ import annotations

import fcntl
from collections import Counter
from pathlib import Path
from typing import Any

from tamis.corpus.commit import intact, read_json
from tamis.corpus.store import Store
from tamis.engine.facts import cleaner_facts
from tamis.engine.ingest import ingested
from tamis.engine.reporting import Silent
from tamis.engine.session import Session
from tamis.recipe.model import Recipe
from tamis.recipe.variants import PLAIN


def status(recipe: Recipe, base: Path, store: Store) -> dict[str, Any]:
    """`last_run` (None before the first; the fields of its record), `variants` (the same of every variant, and of
    `plain`, the recipe as it stands) and every source's ingest records.

    A run whose process ended without a word is `killed`. Nothing is written, but for the hashes of input
    files that are new.
    """
    names = ("", *recipe.variants)
    runs = {name or PLAIN: last_run(recipe.model_copy(update={"variant": name}).run_name, store) for name in names}
    return {
        "recipe": recipe.run_name,
        "last_run": runs[recipe.variant or PLAIN],
        "variants": runs if recipe.variants else {},
        "sources": _sources(recipe, base, store),
    }


def last_run(recipe: str, store: Store) -> dict[str, Any] | None:
    """The record of the last run of a recipe, or of its variant: `run_name` of either."""
    path = store.last_run(recipe)
    if not path.exists():
        return None
    with intact(path, "Delete it: it only serves `tamis status`"):
        last: dict[str, Any] = read_json(path)
        running = last["state"] == "running"
    if running and not _held(store):
        last["state"] = "killed"
    return last


def _held(store: Store) -> bool:
    """Whether a run holds the work folder now."""
    lock = store.root / "lock"
    if not lock.exists():
        return False
    with lock.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _sources(recipe: Recipe, base: Path, store: Store) -> list[dict[str, Any]]:
    if not store.root.is_dir():
        # Nothing was ever read, and a look at a folder shouldn't make it.
        return []
    session = Session(recipe, base, store, 1, Silent())
    session.locate()
    sources = []
    for source in session.recipe.sources:
        tasks = [task for task in session.tasks_of if task.source.name == source.name]
        records = [record for record in map(ingested, tasks) if record is not None]
        causes: Counter[str] = sum((Counter(record["causes"]) for record in records), Counter())
        sources.append(
            {
                "source": source.name,
                "groups": len(tasks),
                "groups_done": len(records),
                "read": sum(record["read"] for record in records),
                "filtered": sum(record["filtered"] for record in records),
                "rejected": causes.total(),
                "documents": sum(shard["rows"] for record in records for shard in record["shards"]),
                "causes": dict(sorted(causes.items())),
                "cleaners": [facts.model_dump() for facts in cleaner_facts(records)],
                "rejects": [
                    dict(zip(("file", "line", "cause", "detail"), reject, strict=True))
                    for record in records
                    for reject in record["rejects"]
                ],
            }
        )
    return sources
