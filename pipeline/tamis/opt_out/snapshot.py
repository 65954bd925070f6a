"""Snapshots: what sites answered when they were asked for robots.txt and the like, a row for each.

A snapshot is a Parquet or JSON Lines file. One of yours needs `site` (a host, with its port where that isn't the usual
one) and `robots`, the text of robots.txt; or `status`, the answer's HTTP status. All other columns may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.corpus.commit import committing, write_bytes
from tamis.corpus.urls import site_name
from tamis.errors import InputError, OptionError

COLUMNS = pa.schema(
    [
        pa.field("site", pa.string(), nullable=False),
        pa.field("date", pa.string()),
        pa.field("status", pa.int32()),
        pa.field("error", pa.string()),
        pa.field("url", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("robots", pa.large_string()),
        pa.field("tdmrep", pa.string()),
        pa.field("ai_txt", pa.string()),
        pa.field("headers", pa.string()),
    ]
)
"""Site; when it was asked (ISO 8601, UTC); of robots.txt: HTTP status (null: no answer), why there was none, address
after redirects, SHA-256 and text; text of /.well-known/tdmrep.json and /ai.txt; headers of the home page as JSON."""
SUFFIXES = (".parquet", ".jsonl")
_JSON = (".jsonl", ".json")
_KEY = ("site", "host", "domain")
"""Names under which a snapshot may have its sites."""


class Row(TypedDict, total=False):
    """One site's answers."""

    site: str
    date: str | None
    status: int | None
    error: str | None
    url: str | None
    sha256: str | None
    robots: str | None
    tdmrep: str | None
    ai_txt: str | None
    headers: str | None


class Answers(NamedTuple):
    """What a snapshot holds of one site."""

    date: str | None
    status: int | None
    robots: str | None
    tdmrep: str | None
    ai_txt: str | None
    headers: str | None


def check_suffix(path: Path) -> None:
    """Raises OptionError for a name that says no format of snapshots."""
    if path.suffix not in SUFFIXES:
        raise OptionError(f"--out {path}: a snapshot's name ends in {' or '.join(SUFFIXES)}")


def write(path: Path, rows: list[Row]) -> None:
    """Commits a snapshot, sorted by site; of two rows of a site the last one."""
    by_site = {row["site"]: row for row in rows}
    ordered: list[dict[str, Any]] = [
        {name: by_site[site].get(name) for name in COLUMNS.names} for site in sorted(by_site)
    ]
    if path.suffix == ".jsonl":
        write_bytes(path, b"".join(orjson.dumps(row) + b"\n" for row in ordered))
        return
    with committing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(ordered, schema=COLUMNS), temporary, compression="zstd")


def read(path: Path) -> list[Row]:
    """All rows of a snapshot."""
    rows: list[Row] = _table(path).to_pylist()
    return rows


class Snapshot:
    """A snapshot in memory: texts that many sites share are held once."""

    def __init__(self, path: Path) -> None:
        table = _table(path)
        self._at = {site: row for row, site in enumerate(table.column("site").to_pylist())}
        texts = ("robots", "tdmrep", "ai_txt", "headers")
        self._columns = {
            name: _encoded(table.column(name)) if name in texts else table.column(name).combine_chunks()
            for name in Answers._fields
        }

    def __len__(self) -> int:
        return len(self._at)

    def get(self, site: str) -> Answers | None:
        """What a site answered; None when it wasn't asked."""
        row = self._at.get(site)
        if row is None:
            return None
        return Answers(*(self._columns[name][row].as_py() for name in Answers._fields))


def check(path: Path) -> None:
    """Raises InputError for a file that is no snapshot; of Parquet, the schema alone is read."""
    if path.suffix in _JSON:
        _table(path)
        return
    with _told(path):
        names = pq.read_schema(path).names
    _key(path, names)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as a snapshot (Parquet, or JSON Lines named .jsonl): {error}") from None


def _key(path: Path, names: Sequence[str]) -> str:
    """The column that has the sites."""
    key = next((name for name in _KEY if name in names), None)
    if key is None or not {"robots", "status"}.intersection(names):
        raise InputError(
            f"{path} is no snapshot: it has the columns {', '.join(names) or 'none'}; needed are `site`, and `robots` "
            "(the text) or `status`. `tamis opt-out-snapshot` makes one"
        )
    return key


def _encoded(column: pa.ChunkedArray) -> pa.Array:
    return pc.dictionary_encode(column.cast(pa.large_string())).combine_chunks()


def _table(path: Path) -> pa.Table:
    """A snapshot with all of COLUMNS, in that order."""
    with _told(path):
        table = _from_json(path) if path.suffix in _JSON else pq.read_table(path)
    names = table.column_names
    key = _key(path, names)
    columns = []
    for field in COLUMNS:
        name = key if field.name == "site" else field.name
        column = table.column(name) if name in names else pa.nulls(table.num_rows, field.type)
        try:
            columns.append(column.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(f"{path}, column {name}: {error}. It should be {field.type}") from None
    columns[0] = _sites(path, key, columns[0])
    return pa.table(columns, schema=pa.schema([field.with_nullable(True) for field in COLUMNS]))


def _sites(path: Path, name: str, written: pa.ChunkedArray) -> pa.Array:
    """The sites in the one spelling that a document's address has."""
    sites = [None if text is None else site_name(text) for text in written.to_pylist()]
    if None in sites:
        row = sites.index(None)
        got = f"{path}, row {row + 1}, column {name}: {written[row].as_py()!r}"
        raise InputError(f"{got} is neither a host (example.org) nor an address")
    return pa.array(sites, pa.string())


def _from_json(path: Path) -> pa.Table:
    rows = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            rows.append(_row(number, line))
    if not rows:
        raise ValueError("it is empty")
    names = dict.fromkeys(name for row in rows for name in row)
    known = [field for field in COLUMNS if field.name in names or (field.name == "site" and names.keys() & set(_KEY))]
    key = next((name for name in _KEY if name in names), "site")
    fields = [pa.field(key, pa.string()) if field.name == "site" else field for field in known]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def _row(number: int, line: bytes) -> dict[str, Any]:
    """A line of JSON Lines with values of the types that COLUMNS has."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"line {number} is no JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError(f"line {number} is no JSON object")
    for name, value in row.items():
        if name in COLUMNS.names or name in _KEY:
            wanted: type = int if name == "status" else str
            if value is not None and (type(value) is not wanted):
                kind = "a whole number" if wanted is int else "a string"
                raise ValueError(f"line {number}: {name} is {kind}, not {orjson.dumps(value).decode()[:40]}")
    return row
