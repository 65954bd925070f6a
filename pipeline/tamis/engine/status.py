"""Where a recipe stands in a work folder: its last run, what was read and what could not be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tamis.corpus.commit import read_json
from tamis.corpus.store import Store
from tamis.engine.ingest import ingested
from tamis.engine.reporting import Silent
from tamis.engine.session import Session
from tamis.recipe.model import Recipe


def status(recipe: Recipe, base: Path, store: Store) -> dict[str, Any]:
    """The last finished run, and every source's ingest records."""
    session = Session(recipe, base, store, 1, Silent())
    session.locate()
    sources = []
    for source in recipe.sources:
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
                "rejects": [reject for record in records for reject in record["rejects"]],
            }
        )
    last = store.last_run(recipe.name)
    return {"recipe": recipe.name, "last_run": read_json(last) if last.exists() else None, "sources": sources}
