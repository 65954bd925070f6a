"""The plan: what a run of a recipe would read, measure and write. It reads no text.

Input files are listed and (when new) hashed; nothing is opened, measured or written.
"""

from __future__ import annotations

from typing import Any

from tamis.engine.ingest import ingested, shards_of
from tamis.engine.keys import stage_keys
from tamis.engine.measure import ShardContext
from tamis.engine.session import Session


def plan(session: Session) -> dict[str, Any]:
    """Sources with their files, stages with rules and cached signals, and the readings of the text."""
    session.locate()
    session.resolve_models()
    sources, contexts, ready = [], [], True
    for source in session.recipe.sources:
        tasks = [task for task in session.tasks_of if task.source.name == source.name]
        records = [(task, ingested(task)) for task in tasks]
        done = [(task, record) for task, record in records if record is not None]
        ready &= len(done) == len(records)
        for task, record in done:
            contexts += [
                ShardContext(source, shard, {}, session.store.root)
                for shard in shards_of(record, task.folder)
            ]
        sources.append(
            {
                "source": source.name,
                "files": len(session.inputs[source.name]),
                "bytes": sum(file.size for file in session.inputs[source.name]),
                "groups": len(tasks),
                "to_ingest": len(records) - len(done),
                "documents": sum(shard["rows"] for _, record in done for shard in record["shards"]),
                "language": source.language,
                "category": source.category,
                "license": source.license or "by document",
                "redistributable": source.hands_on,
            }
        )
    fitted = [
        use.name for use in session.recipe.stages if use.stage.fit is not None and use.stage.fit(use.config)
    ]
    keys = {
        source.name: stage_keys(session.recipe, source, session.models) for source in session.recipe.sources
    }
    stages = []
    for number, one in enumerate(session.passes, 1):
        for use in (*one.stages, *one.resolvers):
            files = [
                session.store.signals(use.name, keys[context.source.name][use.name], context.shard).exists()
                for context in contexts
            ]
            measures = use.stage.prepare is not None
            stages.append(
                {
                    "stage": use.name,
                    "version": use.stage.version,
                    "reading": number if measures else None,
                    "resolves": use.stage.resolve is not None,
                    "adds": [f"{use.name}.{column.name}" for column in use.stage.adds],
                    "keep": {signal: str(condition) for signal, condition in use.keep.items()},
                    "keep_by": len(use.keep_by),
                    "when": {column: str(condition) for column, condition in use.when.items()},
                    # A model made in the run has no key before the corpus is there.
                    "signal_files": None
                    if use.name in fitted
                    else {"cached": sum(files), "of": len(files)}
                    if measures
                    else None,
                }
            )
    return {
        "name": session.recipe.name,
        "version": session.recipe.version,
        "sources": sources,
        "stages": stages,
        "readings_of_text": len(session.passes) + 1,
        "fitted": fitted,
        "ingested": ready,
        "models": {
            f"{stage}.{name}": {"reference": model.reference, "sha256": model.sha256}
            for stage, by_name in session.models.items()
            for name, model in by_name.items()
        },
    }
