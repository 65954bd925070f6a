"""Arrow IPC files and streams: the same rows as Parquet, and damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

Reading = Any
TABLE = pa.table(
    {
        "content": ["un", "two", None, "", "drei"],
        "meta": [{"lang": "fr"}, {"lang": "eng"}, None, None, {"lang": "de"}],
        "score": [1.0, 2.0, 3.0, 4.0, 5.0],
        "unused": [[1]] * 5,
    }
)
FIELDS: dict[str, Any] = {
    "columns": {"text": "content", "language": "meta.lang"},
    "signals": {"score": {"field": "score"}},
}


def stored(kind: str, rows: int = 2, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with new(sink, TABLE.schema, options=options) as writer:
        writer.write_table(TABLE, max_chunksize=rows)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_fields_reach_their_columns(reading: Reading, kind: str, compression: str | None) -> None:
    rows, tally = reading(stored(kind, compression=compression), "a.arrow", **FIELDS)
    assert [(row["text"], row["language"], row["source.score"], row["line"]) for row in rows] == [
        ("un", "fr", 1.0, 1), ("two", "en", 2.0, 2), ("drei", "de", 5.0, 5),
    ]  # fmt: skip
    assert [(reject.line, reject.cause) for reject in tally.rejects] == [(3, "missing_text"), (4, "empty_text")]


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_cut_off_anywhere(reading: Reading, kind: str) -> None:
    whole = stored(kind)
    for end in range(0, len(whole), 7):
        rows, tally = reading(whole[:end], "a.arrow", **FIELDS)
        assert len(rows) <= 3
        assert set(tally.causes) <= {"bad_arrow", "missing_text", "empty_text"}
        if kind == "file":
            assert (rows, dict(tally.causes)) == ([], {"bad_arrow": 1})
        elif end < len(whole) - 8 and len(rows) < 3:
            assert tally.causes["bad_arrow"] == 1


def test_a_broken_batch_of_a_file_leaves_the_others(reading: Reading) -> None:
    whole = bytearray(stored("file", rows=1))
    messages = [at for at in range(len(whole)) if whole[at : at + 4] == b"\xff\xff\xff\xff"]
    second = messages[2]  # the schema is a message, too
    whole[second + 4 : second + 8] = b"\0\0\0\x7f"
    rows, tally = reading(bytes(whole), "a.arrow", **FIELDS)
    assert [row["text"] for row in rows] == ["un", "drei"]
    assert tally.causes["bad_arrow"] == 1


def test_no_such_column(reading: Reading) -> None:
    _, tally = reading(stored("stream"), "a.arrow", columns={"text": "contents"})
    assert tally.causes == {"missing_column": 1}
    assert "content" in tally.rejects[0].detail


def test_the_cache_of_datasets(reading_file: Any, input_of: Any, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_dict({"text": ["un", "deux"]}).save_to_disk(str(tmp_path / "saved"))
    (path,) = (tmp_path / "saved").glob("*.arrow")
    rows, tally = reading_file(input_of(path))
    assert [row["text"] for row in rows] == ["un", "deux"]
    assert tally.causes == {}
