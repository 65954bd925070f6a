"""The plan: what a run of a recipe would read, measure and write. It reads no text.

Input files are listed and (when new) hashed, and their hashes noted in the work folder; nothing is ingested,
measured or released.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tamis.corpus.conditions import Condition
from tamis.engine.ingest import ingested, shards_of
from tamis.engine.keys import stage_keys
from tamis.engine.measure import ShardContext
from tamis.engine.mixing import check_mix
from tamis.engine.release import check_tokens
from tamis.engine.session import Session
from tamis.engine.trainer_files import check_formats
from tamis.recipe.model import Source, StageUse

BY_DOCUMENT = "by document"
"""Of a fact that a column of the input tells."""


def plan(session: Session) -> dict[str, Any]:
    """Sources with their files, stages with rules and cached signals, and the readings of the text. Raises what a run
    would raise before it reads any."""
    check_tokens(session.recipe)
    check_formats(session.recipe)
    check_mix(session.recipe, session.base)
    session.locate()
    session.check_cleaning()
    session.resolve_models()
    told = [_source(session, source) for source in session.recipe.sources]
    contexts = [context for _, found in told for context in found]
    fitted = [use.name for use in session.recipe.stages if use.stage.fit is not None and use.stage.fit(use.config)]
    keys = {source.name: stage_keys(session.recipe, source, session.models) for source in session.recipe.sources}

    def cached(use: StageUse) -> dict[str, int] | None:
        # A resolver has no signal file, and a model made in the run has no key before the corpus is there.
        if use.stage.prepare is None or use.name in fitted:
            return None
        paths = [session.store.signals(use.name, keys[c.source.name][use.name], c.shard) for c in contexts]
        return {"cached": sum(path.exists() for path in paths), "of": len(paths)}

    stages = [
        _stage(use, number, cached(use))
        for number, one in enumerate(session.passes, 1)
        for use in (*one.stages, *one.resolvers)
    ]
    order = {use.name: place for place, use in enumerate(session.recipe.stages)}
    return {
        "name": session.recipe.name,
        "version": session.recipe.version,
        "sources": [source for source, _ in told],
        "stages": sorted(stages, key=lambda stage: order[stage["stage"]]),
        "readings_of_text": len(session.passes) + 1,
        "fitted": fitted,
        "ingested": not any(source["to_ingest"] for source, _ in told),
        "models": {
            f"{stage}.{name}": {"reference": model.reference, "sha256": model.sha256}
            for stage, by_name in session.models.items()
            for name, model in by_name.items()
        },
    }


def _source(session: Session, source: Source) -> tuple[dict[str, Any], list[ShardContext]]:
    """What is known of a source, and its shards that are there."""
    tasks = [task for task in session.tasks_of if task.source.name == source.name]
    done = [(task, record) for task in tasks if (record := ingested(task)) is not None]
    shards = [shard for task, record in done for shard in shards_of(record, task.folder)]
    files = session.inputs[source.name]
    facts = {
        "source": source.name,
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "groups": len(tasks),
        "to_ingest": len(tasks) - len(done),
        "documents": sum(shard.rows for shard in shards),
        "language": BY_DOCUMENT if "language" in source.columns else source.language,
        "category": BY_DOCUMENT if "category" in source.columns else source.category,
        "license": BY_DOCUMENT if "license" in source.columns else source.license,
        "redistributable": source.hands_on,
    }
    return facts, [ShardContext(source, shard, {}, session.store.root) for shard in shards]


def _stage(use: StageUse, reading: int, cached: dict[str, int] | None) -> dict[str, Any]:
    """A stage with its rules as they are in force."""
    return {
        "stage": use.name,
        "of": use.stage.name,
        "version": use.stage.version,
        "reading": reading if use.stage.prepare is not None else None,
        "resolves": use.stage.resolve is not None,
        "adds": [f"{use.name}.{column.name}" for column in use.stage.adds],
        "keep": _spelled(use.keep),
        "keep_by": {
            column: {value: _spelled(rules) for value, rules in by_value.items()}
            for column, by_value in use.keep_by.items()
        },
        "when": _spelled(use.when),
        "exhaustive": use.exhaustive,
        "signal_files": cached,
    }


def _spelled(conditions: Mapping[str, Condition]) -> dict[str, str]:
    return {name: str(condition) for name, condition in conditions.items()}
