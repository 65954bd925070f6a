"""Do the shards hold exactly the documents that the ledger releases, and token ids that fit them?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.cards.checks import Checks
from tamis.cards.front_matter import source_of
from tamis.cards.tally import UNKNOWN, Tally, row_groups
from tamis.corpus.manifest import NAME, Manifest

SAME = ("id", "source", "language", "category", "license", "url", "date", "copies")
"""Columns that shards and ledger share."""
TOKENIZER = "tokenizer/tokenizer.json"


class Rows:
    """Tables one after the other, taken in pieces of any size."""

    def __init__(self, tables: Iterable[pa.Table], empty: pa.Table) -> None:
        self._tables, self._rest = iter(tables), empty

    def take(self, rows: int) -> pa.Table:
        """The next rows; fewer where there are no more."""
        parts, have = [self._rest], self._rest.num_rows
        while have < rows and (table := next(self._tables, None)) is not None:
            parts.append(table)
            have += table.num_rows
        whole = pa.concat_tables(parts)
        self._rest = whole.slice(rows)
        return whole.slice(0, rows)


def check_shards(manifest: Manifest, release: Path, tally: Tally, checks: Checks) -> None:
    """Walks every language and source: ledger, text shards and token shards in step."""
    files: dict[tuple[str, str], list[str]] = {}
    for file in manifest.files:
        if file.path.startswith("data/"):
            files.setdefault((file.path.split("/")[1], source_of(file.path)), []).append(file.path)
    held = {(language, source) for (source, language, *_), cell in tally.cells.items() if cell["documents"]}
    _schemas(manifest, release, checks)
    for language, source in sorted(held | set(files)):
        paths = sorted(files.get((language, source), []))
        place = f"data/{language}/{source}-*.parquet"
        names = [f"data/{language}/{source}-{n:05d}-of-{len(paths):05d}.parquet" for n in range(len(paths))]
        if checks.holds(bool(paths), place, "no file", "documents, as the ledger releases some"):
            checks.equal(place, paths, names)
            _group(manifest, release, language, source, paths, checks)


def _schemas(manifest: Manifest, release: Path, checks: Checks) -> None:
    """The files of a config must have the same columns, or the Hub's viewer fails."""
    first: dict[str, pa.Schema] = {}
    for file in manifest.files:
        folder = file.path.partition("/")[0]
        if folder in ("data", "tokens"):
            schema = pq.read_schema(release / file.path).remove_metadata()
            checks.holds(
                schema.equals(first.setdefault(folder, schema)),
                f"{file.path} (columns)",
                schema.names,
                first[folder].names,
            )


def _released(manifest: Manifest, release: Path, language: str, source: str) -> Iterator[pa.Table]:
    """The ledger's rows of one language and source that are in the release, in order."""
    wanted = (*SAME, "chars", "bytes", "tokenize.tokens", "pii.found")
    for file in manifest.files:
        if not file.path.startswith("ledger/") or source_of(file.path) != source:
            continue
        names = pq.read_schema(release / file.path).names
        for table in row_groups(release / file.path, [name for name in wanted if name in names]):
            here = pc.equal(pc.fill_null(table["language"].cast(pa.string()), UNKNOWN), language)
            yield table.filter(pc.and_(here, pc.greater(table["copies"], 0)))


def _group(
    manifest: Manifest, release: Path, language: str, source: str, paths: Sequence[str], checks: Checks
) -> None:
    ledger = _rows(_released(manifest, release, language, source))
    listed = {file.path for file in manifest.files}
    edited = {"pii"} & {stage.name for stage in manifest.stages}
    for path in paths:
        twin = f"tokens/{path.partition('/')[2]}"
        tokens = _rows(row_groups(release / twin)) if twin in listed else None
        checks.equal(f"{twin} (file)", tokens is not None, manifest.tokenizer is not None)
        start = 0
        for table in row_groups(release / path):
            place = f"{path}: row {{row}}, {{column}}"
            known = ledger.take(table.num_rows)
            if checks.equal(f"{path} (documents)", table.num_rows, known.num_rows):
                _against_ledger(table, known, bool(edited), start, place, checks)
            if tokens is not None:
                ids = tokens.take(table.num_rows)
                if checks.equal(f"{twin} (documents)", ids.num_rows, table.num_rows):
                    _against_tokens(manifest, table, ids, start, twin, checks)
            start += table.num_rows
        if tokens is not None:
            checks.equal(f"{twin} (documents)", start + tokens.take(1).num_rows, start)
    left = ledger.take(1)
    checks.holds(
        not left.num_rows,
        f"data/{language}/{source}-*.parquet (documents)",
        "some",
        "more: the ledger releases others, too",
    )


def _rows(tables: Iterator[pa.Table]) -> Rows:
    first = next(tables, None)
    if first is None:
        return Rows((), pa.table({"id": pa.array([], pa.string())}))
    return Rows(tables, first)


def _against_ledger(
    table: pa.Table, known: pa.Table, edited: bool, start: int, place: str, checks: Checks
) -> None:
    for name in SAME:
        _column(table[name], known[name], start, place.replace("{column}", name), checks)
    if "tokens" in table.column_names:
        _column(table["tokens"], known["tokenize.tokens"], start, place.replace("{column}", "tokens"), checks)
    text = pa.table({"bytes": pc.binary_length(table["text"]), "chars": pc.utf8_length(table["text"])})
    # An edited text has another length; without a finding there was no edit.
    found = pc.fill_null(known["pii.found"], 0) if edited else pa.array(np.zeros(len(table), np.int32))
    whole = pc.equal(found, 0)
    for name in ("bytes", "chars"):
        same = pc.if_else(whole, known[name], text[name].cast(pa.int64()))
        _column(text[name], same, start, place.replace("{column}", f"{name} of text"), checks)


def _against_tokens(
    manifest: Manifest, table: pa.Table, ids: pa.Table, start: int, path: str, checks: Checks
) -> None:
    place = f"{path}: row {{row}}, "
    for name in ("id", "source", "language", "category", "license", "copies"):
        _column(ids[name], table[name], start, place + name, checks)
    _column(ids["n_tokens"], table["tokens"], start, f"{place}n_tokens", checks)
    lists = ids["input_ids"].combine_chunks()
    lists = pa.concat_arrays(lists.chunks) if isinstance(lists, pa.ChunkedArray) else lists
    lengths = pc.list_value_length(lists)
    _column(ids["n_tokens"], lengths, start, f"{place}n_tokens", checks)
    facts: dict[str, Any] = manifest.tokenizer or {}
    values = lists.flatten().to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths.to_numpy(zero_copy_only=False)) - 1
    end = facts["end_of_document_id"]
    last = values[ends] if len(values) else values
    checks.holds(
        bool((last == end).all()), f"{path} (last ids)", "another id", f"{end} at the end of every document"
    )
    checks.equal(f"{path} (end-of-document ids)", int((values == end).sum()), len(lists))
    largest = int(values.max(initial=0))
    checks.holds(
        largest < facts["vocabulary_size"],
        f"{path} (largest id)",
        largest,
        f"below {facts['vocabulary_size']}",
    )


def _column(found: Any, expected: Any, start: int, place: str, checks: Checks) -> None:
    """Compares two columns; names the first row that differs."""
    type_ = (
        pa.string() if pa.types.is_string(found.type) or pa.types.is_large_string(found.type) else pa.int64()
    )
    a, b = (
        pa.chunked_array([c]) if isinstance(c, pa.Array) else c
        for c in (found.cast(type_), expected.cast(type_))
    )
    if a.equals(b):
        checks.made += 1
        return
    row = next(i for i, (x, y) in enumerate(zip(a.to_pylist(), b.to_pylist(), strict=True)) if x != y)
    checks.holds(False, place.format(row=start + row), a[row].as_py(), b[row].as_py())


def check_ids(manifest: Manifest, release: Path, checks: Checks) -> None:
    """No two documents of the ledger have the same id."""
    import polars as pl

    paths = [release / file.path for file in manifest.files if file.path.startswith("ledger/")]
    ids = pl.scan_parquet(paths, glob=False).select("id")
    several = ids.group_by("id").len().filter(pl.col("len") > 1).sort("id").head(5).collect()
    for name, rows in several.iter_rows():
        checks.holds(False, f"ledger: id {name}", f"{rows} rows", "one")
    checks.made += 1


def check_tokenizer(manifest: Manifest, release: Path, checks: Checks) -> None:
    """The tokenizer file is the one that the manifest describes."""
    from tokenizers import Tokenizer

    facts = manifest.tokenizer
    if facts is None:
        return
    place = f"{NAME}: tokenizer"
    file = next((file for file in manifest.files if file.path == TOKENIZER), None)
    if not checks.holds(file is not None, TOKENIZER, "no file", "the tokenizer") or file is None:
        return
    checks.equal(f"{place}.sha256", facts["sha256"], file.sha256)
    library = Tokenizer.from_file(str(release / file.path))
    ids = library.get_vocab(with_added_tokens=True)
    checks.equal(f"{place}.vocabulary_size", facts["vocabulary_size"], max(ids.values()) + 1)
    checks.equal(
        f"{place}.end_of_document_id", facts["end_of_document_id"], ids.get(facts["end_of_document"])
    )
    narrow = "uint16" if facts["vocabulary_size"] <= 1 << 16 else "uint32"
    checks.equal(f"{place}.id_type", facts["id_type"], narrow)
