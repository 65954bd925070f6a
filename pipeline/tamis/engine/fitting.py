"""Models that a run makes of its own corpus: a tokenizer trained on a sample of the ingested text.

The sample is drawn by content hash from all ingested documents, whatever the rules keep: a threshold that
changes leaves the model, and so every token id, as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.corpus.commit import write_bytes
from tamis.corpus.hashing import DIGEST, file_sha256, key_of
from tamis.corpus.store import Store
from tamis.engine.keys import Model, Models
from tamis.engine.measure import ShardContext
from tamis.engine.rows import whole
from tamis.recipe.model import Recipe
from tamis.tokens.train import sample_order, train_tokenizer


def fit_models(
    recipe: Recipe,
    models: Models,
    contexts: Sequence[ShardContext],
    frames: Sequence[pl.DataFrame],
    store: Store,
    make: bool = True,
) -> dict[str, dict[str, Model]]:
    """The models, with those that stages want fitted on the corpus added (made, or found made).

    Unless it may `make` one, a model that isn't there gets the hash "": nothing was measured with it.
    """
    fitted = {stage: dict(by_name) for stage, by_name in models.items()}
    for use in recipe.stages:
        options = use.stage.fit(use.config) if use.stage.fit is not None else None
        if options is None:
            continue
        shards = sorted(context.shard.name for context in contexts)
        key = key_of(use.name, use.stage.version, options.model_dump(mode="json"), recipe.seed, shards)
        path = store.fitted(use.name, key)
        if not path.exists() and make:
            texts = _sample(options, recipe.seed, contexts, frames)
            write_bytes(path, train_tokenizer(options, texts))
        fitted[use.name]["tokenizer"] = Model("trained in the run", path, file_sha256(path) if path.exists() else "")
    return fitted


def _sample(
    options: Any, seed: int, contexts: Sequence[ShardContext], frames: Sequence[pl.DataFrame]
) -> Iterator[pa.Array]:
    """Texts in a pseudo-random order of their contents, until they hold the characters wanted."""
    hashes = pl.concat([frame.select("content_hash") for frame in frames])["content_hash"]
    chars = np.concatenate([frame["chars"].to_numpy() for frame in frames])
    order = sample_order(hashes.to_arrow().cast(DIGEST), seed)
    enough = np.cumsum(np.minimum(chars[order], options.document_characters))
    chosen = order[: int(np.searchsorted(enough, options.characters)) + 1]
    starts = np.cumsum([0, *[frame.height for frame in frames]])
    texts: dict[int, str] = {}
    for number, context in enumerate(contexts):
        rows = np.sort(chosen[(chosen >= starts[number]) & (chosen < starts[number + 1])]) - starts[number]
        if len(rows):
            texts |= dict(zip((rows + starts[number]).tolist(), _read(context, rows, options), strict=True))
    for row in chosen.tolist():
        yield pa.array([texts[row]], pa.large_string())


def _read(context: ShardContext, rows: Any, options: Any) -> list[str]:
    """Beginnings of some documents of a shard: no more than is learnt from."""
    found: list[str] = []
    start = 0
    with whole(context.shard):
        file = pq.ParquetFile(context.shard.path)
        for number in range(file.num_row_groups):
            count = file.metadata.row_group(number).num_rows
            here = rows[(rows >= start) & (rows < start + count)] - start
            if len(here):
                text = file.read_row_group(number, columns=["text"]).column("text")
                beginnings = pc.utf8_slice_codeunits(text.take(pa.array(here)), 0, options.document_characters)
                found += beginnings.to_pylist()
            start += count
    return found
