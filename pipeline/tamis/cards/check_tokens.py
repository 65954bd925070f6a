"""Do the token shards hold the ids of the very texts beside them, by the tokenizer of the release?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.cards.checks import Checks
from tamis.cards.compare import compare, one_array
from tamis.corpus.manifest import NAME, Manifest
from tamis.mix.cuts import COLUMNS
from tamis.tokens.tokenizer import TokenizerHandle

TOKENIZER = "tokenizer/tokenizer.json"
SAMPLE = 100_000
"""Text bytes at the start of each shard that are tokenized again: all of it would take as long as the run."""
SAME = ("id", "source", "language", "category", "license", "copies")
"""Columns that text and token shards share."""


def against_tokens(manifest: Manifest, table: pa.Table, ids: pa.Table, start: int, path: str, checks: Checks) -> None:
    """Compares the rows of a token shard with those of its text shard, and its ids with its counts."""
    place = f"{path}: row {{row}}, "
    for name in (*SAME, *(name for name in COLUMNS.values() if name in table.column_names)):
        compare(ids[name], table[name], start, place + name, checks)
    compare(ids["n_tokens"], table["tokens"], start, f"{place}n_tokens", checks)
    lists = one_array(ids["input_ids"])
    lengths = pc.list_value_length(lists)
    compare(ids["n_tokens"], lengths, start, f"{place}n_tokens", checks)
    facts: dict[str, Any] = manifest.tokenizer or {}
    values = lists.flatten().to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths.to_numpy(zero_copy_only=False)) - 1
    end = facts["end_of_document_id"]
    last = values[ends] if len(values) else values
    checks.holds(bool((last == end).all()), f"{path} (last ids)", "another id", f"{end} at the end of every document")
    checks.equal(f"{path} (end-of-document ids)", int((values == end).sum()), len(lists))
    largest = int(values.max(initial=0))
    checks.holds(
        largest < facts["vocabulary_size"],
        f"{path} (largest id)",
        largest,
        f"below {facts['vocabulary_size']}",
    )


def against_text(encoder: TokenizerHandle, table: pa.Table, ids: pa.Table, path: str, checks: Checks) -> None:
    """Encodes the first texts of a shard again: the ids are those of the very text beside them."""
    sizes = np.cumsum(pc.binary_length(table["text"]).to_numpy())
    rows = min(int((sizes <= SAMPLE).sum()), ids.num_rows)
    if not rows:
        return
    values, offsets = encoder.encode(one_array(table["text"].slice(0, rows)))
    for row in range(rows):
        found = one_array(ids["input_ids"])[row].values.to_numpy(zero_copy_only=False)
        expected = values[offsets[row] : offsets[row + 1]]
        place = f"{path}: row {row}, input_ids"
        checks.holds(np.array_equal(found, expected), place, "other ids", "those of the text in the text shard")


def check_tokenizer(manifest: Manifest, release: Path, checks: Checks) -> bool:
    """Whether the tokenizer file is the one that the manifest describes."""
    from tokenizers import Tokenizer

    facts = manifest.tokenizer
    if facts is None:
        return False
    place = f"{NAME}: tokenizer"
    file = next((file for file in manifest.files if file.path == TOKENIZER), None)
    if not checks.holds(file is not None, TOKENIZER, "no file", "the tokenizer") or file is None:
        return False
    ids = Tokenizer.from_file(str(release / file.path)).get_vocab(with_added_tokens=True)
    narrow = "uint16" if facts["vocabulary_size"] <= 1 << 16 else "uint32"
    return all(
        [
            checks.equal(f"{place}.sha256", facts["sha256"], file.sha256),
            checks.equal(f"{place}.vocabulary_size", facts["vocabulary_size"], max(ids.values()) + 1),
            checks.equal(f"{place}.end_of_document_id", facts["end_of_document_id"], ids.get(facts["end_of_document"])),
            checks.equal(f"{place}.id_type", facts["id_type"], narrow),
        ]
    )
