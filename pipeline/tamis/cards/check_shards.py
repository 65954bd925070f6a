"""Do the shards hold exactly the documents that the ledger releases, and token ids that fit them?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.cards.check_tokens import TOKENIZER, against_text, against_tokens
from tamis.cards.checks import Checks
from tamis.cards.compare import compare
from tamis.cards.paths import source_of
from tamis.cards.tally import UNKNOWN, Tally, row_groups
from tamis.cards.withheld import pairs_withheld
from tamis.corpus.manifest import Manifest
from tamis.mix.cuts import COLUMNS
from tamis.tokens.tokenizer import TokenizerHandle, load_tokenizer

SAME = ("id", "source", "language", "category", "license", "url", "date", "copies")
"""Columns that shards and ledger share."""


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


def check_shards(manifest: Manifest, release: Path, tally: Tally, tokenizer_holds: bool, checks: Checks) -> None:
    """Walks every language and source: ledger, text shards and token shards in step."""
    files: dict[tuple[str, str], list[str]] = {}
    for file in manifest.files:
        if file.path.startswith("data/"):
            files.setdefault((file.path.split("/")[1], source_of(file.path)), []).append(file.path)
    held = {(language, source) for (source, language, *_), cell in tally.cells.items() if cell["documents"]}
    _schemas(manifest, release, checks)
    facts = manifest.tokenizer
    encoder = load_tokenizer(release / TOKENIZER, facts["end_of_document"]) if facts and tokenizer_holds else None
    absent = {(pair.language, pair.source) for pair in pairs_withheld(release)}
    for language, source in sorted((held - absent) | set(files)):
        paths = sorted(files.get((language, source), []))
        place = f"data/{language}/{source}-*.parquet"
        names = [f"data/{language}/{source}-{n:05d}-of-{len(paths):05d}.parquet" for n in range(len(paths))]
        if checks.holds(bool(paths), place, "no file", "documents, as the ledger releases some"):
            checks.equal(place, paths, names)
            _group(manifest, release, language, source, paths, encoder, checks)


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
    wanted = (*SAME, *COLUMNS.values(), "chars", "bytes", "tokenize.tokens", "pii.found")
    for file in manifest.files:
        if not file.path.startswith("ledger/") or source_of(file.path) != source:
            continue
        names = pq.read_schema(release / file.path).names
        for table in row_groups(release / file.path, [name for name in wanted if name in names]):
            here = pc.equal(pc.fill_null(table["language"].cast(pa.string()), UNKNOWN), language)
            yield table.filter(pc.and_(here, pc.greater(table["copies"], 0)))


def _group(
    manifest: Manifest,
    release: Path,
    language: str,
    source: str,
    paths: Sequence[str],
    encoder: TokenizerHandle | None,
    checks: Checks,
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
                if start == 0 and encoder is not None:
                    against_text(encoder, table, ids, twin, checks)
                if checks.equal(f"{twin} (documents)", ids.num_rows, table.num_rows):
                    against_tokens(manifest, table, ids, start, twin, checks)
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


def _against_ledger(table: pa.Table, known: pa.Table, edited: bool, start: int, place: str, checks: Checks) -> None:
    cut = [name for name in COLUMNS.values() if name in known.column_names]
    checks.equal(f"{place} (cells of the mix)", [name for name in COLUMNS.values() if name in table.column_names], cut)
    for name in (*SAME, *cut):
        compare(table[name], known[name], start, place.replace("{column}", name), checks)
    if "tokens" in table.column_names:
        compare(table["tokens"], known["tokenize.tokens"], start, place.replace("{column}", "tokens"), checks)
    text = pa.table({"bytes": pc.binary_length(table["text"]), "chars": pc.utf8_length(table["text"])})
    # An edited text has another length; without a finding there was no edit.
    found = pc.fill_null(known["pii.found"], 0) if edited else pa.array(np.zeros(len(table), np.int32))
    whole = pc.equal(found, 0)
    for name in ("bytes", "chars"):
        same = pc.if_else(whole, known[name], text[name].cast(pa.int64()))
        compare(text[name], same, start, place.replace("{column}", f"{name} of text"), checks)


def check_ids(manifest: Manifest, release: Path, checks: Checks) -> None:
    """No two documents of the ledger have the same id."""
    import polars as pl

    paths = [release / file.path for file in manifest.files if file.path.startswith("ledger/")]
    ids = pl.scan_parquet(paths, glob=False).select("id")
    several = ids.group_by("id").len().filter(pl.col("len") > 1).sort("id").head(5).collect()
    for name, rows in several.iter_rows():
        checks.holds(False, f"ledger: id {name}", f"{rows} rows", "one")
    checks.made += 1
