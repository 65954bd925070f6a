"""Tamis' own stages, on documents in memory; `end_to_end` is `tamis run`, files to release.

The stages run as a worker runs them: `prepare` once, then batches of Arrow columns. Compiled kernels are loaded
from their cache by a first batch outside the timing.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from protocol import Job, main

ROWS = 2000
RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "end-to-end.yaml"


def _batches(job: Job, code: bool = True) -> list[Any]:
    """The corpus as record batches; without source code if `code` is false, as the recipe has it."""
    import pyarrow as pa

    rows = [row for row in job.documents() if code or row["language"] != "code"]
    job.notes["bytes"] = sum(len(row["text"].encode()) for row in rows)
    return [
        pa.record_batch(
            {
                "id": pa.array([row["id"] for row in part]),
                "text": pa.array([row["text"] for row in part], pa.large_string()),
                "language": pa.array([None if row["language"] == "code" else row["language"] for row in part]),
            }
        )
        for part in (rows[at : at + ROWS] for at in range(0, len(rows), ROWS))
    ]


def _measure(job: Job, name: str, options: dict[str, Any], batches: list[Any]) -> Iterator[Any]:
    """What a stage measures, batch by batch."""
    from tamis.corpus.references import resolve
    from tamis.stages import STAGES

    stage = STAGES.get(name)
    config = stage.config(**options)
    models = {role: resolve(reference, Path()) for role, reference in stage.models(config).items()}
    measure = stage.prepare(config, models)
    measure(batches[0].slice(0, 20).select(stage.reads))
    for batch in batches:
        with job.timed():
            found = measure(batch.select(stage.reads))
        yield found


def language(job: Job) -> None:
    """Label and score of every document, by the same model as the library."""
    batches = _batches(job)
    rows = []
    for batch, found in zip(batches, _measure(job, "language", {}, batches), strict=True):
        rows += zip(batch["id"].to_pylist(), found["label"].to_pylist(), found["score"].to_pylist(), strict=True)
    job.write({"id": i, "label": label, "score": score} for i, label, score in rows)


def _keeps(name: str, batch: Any, found: Any) -> Any:
    """Which documents a stage's default rules keep."""
    import polars as pl

    from tamis.stages import STAGES

    signals = STAGES.get(name).signals
    columns = [column for column in found.schema.names if column in signals]
    frame = pl.DataFrame(found.select(columns)).with_columns(pl.Series("language", batch["language"].to_pylist()))
    rules = []
    for column in signals.values():
        if column.default is None:
            continue
        rule = column.default.passes(column.name)
        for value, condition in column.default_by.get("language", {}).items():
            rule = pl.when(pl.col("language") == value).then(condition.passes(column.name)).otherwise(rule)
        rules.append(rule)
    return frame.select(pl.all_horizontal(rules)).to_series()


def quality(job: Job, *names: str) -> None:
    """Gopher quality and repetition, all signals of all documents, and the rules."""
    import polars as pl

    batches = _batches(job, code=False)
    kept = [pl.Series([True] * batch.num_rows) for batch in batches]
    for name in names or ("gopher_quality", "gopher_repetition"):
        for number, found in enumerate(_measure(job, name, {}, batches)):
            with job.timed():
                kept[number] &= _keeps(name, batches[number], found)
    job.write(
        {"id": i, "kept": k}
        for batch, part in zip(batches, kept, strict=True)
        for i, k in zip(batch["id"].to_pylist(), part.to_list(), strict=True)
    )


def fineweb(job: Job) -> None:
    """FineWeb's signals of all documents, and the rules."""
    quality(job, "fineweb")


def c4(job: Job) -> None:
    """C4's signals of all documents, the rules, and the text that the cut leaves."""
    from tamis.kernels.edits import apply_edits

    batches = _batches(job, code=False)
    rows = []
    for batch, found in zip(batches, _measure(job, "c4", {}, batches), strict=True):
        with job.timed():
            kept = _keeps("c4", batch, found)
            left = apply_edits(batch["text"], found["spans"])
        rows += zip(batch["id"].to_pylist(), kept.to_list(), left.to_pylist(), strict=True)
    job.write({"id": i, "kept": k, "crc32": zlib.crc32(text.encode())} for i, k, text in rows)


class _Reader:
    """What the resolver sees: all documents and their signatures."""

    def __init__(self, rows: Any, signatures: Any) -> None:
        self.rows, self.signatures = rows, signatures

    def pieces(self, column: str) -> Any:
        assert column == "signature"
        return self.signatures.chunks


def near_duplicates(job: Job) -> None:
    """MinHash signatures, bands, comparison of the candidates and clusters."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from tamis.stages import STAGES

    batches = _batches(job)
    stage = STAGES.get("near_duplicates")
    signatures = pa.chunked_array([found["signature"] for found in _measure(job, stage.name, {}, batches)])
    job.notes["signatures_cpu_s"] = job.cpu_s
    text = pa.chunked_array([batch["text"] for batch in batches])
    rows = pa.table(
        {
            "id": pa.chunked_array([batch["id"] for batch in batches]),
            "priority": pa.array([0] * len(text), pa.int32()),
            "chars": pc.utf8_length(text),
        }
    )
    with tempfile.TemporaryDirectory() as scratch:
        stage.resolve(stage.config(), _Reader(rows.slice(0, 20), signatures.slice(0, 20)), Path(scratch))
        with job.timed():
            found = stage.resolve(stage.config(), _Reader(rows, signatures), Path(scratch))
    columns = (rows["id"], found["is_duplicate"], found["duplicate_of"])
    job.write(
        {"id": i, "removed": removed, "of": of}
        for i, removed, of in zip(*(column.to_pylist() for column in columns), strict=True)
    )


def pii(job: Job, **options: bool) -> None:
    """Every kind of personal data and secrets that the stage knows."""
    batches = _batches(job)
    findings = {}
    for batch, found in zip(batches, _measure(job, "pii", options, batches), strict=True):
        texts, ids = batch["text"].to_pylist(), batch["id"].to_pylist()
        for i, text, spans in zip(ids, texts, found["spans"].to_pylist(), strict=True):
            data = text.encode()
            findings[i] = [
                [
                    span["replacement"].strip("<>").lower(),
                    len(data[: span["start"]].decode()),
                    len(data[: span["end"]].decode()),
                ]
                for span in spans
            ]
    job.write({"id": i, "findings": found} for i, found in findings.items())


def pii_presidio(job: Job) -> None:
    """The same kinds, decided by Presidio's recognizers at the places that the compiled scan finds."""
    pii(job, presidio=True)


def pii_clean(job: Job) -> None:
    """As `pii_presidio`, on the documents in which nothing is found."""
    import pyarrow as pa
    import pyarrow.compute as pc

    options, batches = {"presidio": True}, _batches(job)
    empty = [pc.equal(found["found"], 0) for found in _measure(job, "pii", options, batches)]
    clean = [batch.filter(mask) for batch, mask in zip(batches, empty, strict=True)]
    job.cpu_s = job.wall_s = 0.0
    job.notes["bytes"] = sum(pc.sum(pc.binary_length(batch["text"])).as_py() for batch in clean)
    for found in _measure(job, "pii", options, clean):
        assert pc.sum(found["found"]).as_py() == 0
    ids = pa.chunked_array([batch["id"] for batch in clean]).to_pylist()
    job.write({"id": i, "findings": []} for i in ids)


def _tokenize(job: Job, tokenizer: str) -> None:
    import numpy as np

    batches = _batches(job)
    rows: list[tuple[str, Any]] = []
    for batch, found in zip(batches, _measure(job, "tokenize", {"tokenizer": tokenizer}, batches), strict=True):
        packed = found["input_ids"].to_pylist()
        # Two bytes an id where the vocabulary is small enough, else four.
        width = "<u2" if sum(map(len, packed)) == 2 * sum(found["tokens"].to_pylist()) else "<u4"
        values = np.frombuffer(b"".join(packed), width).astype("<u4")
        ends = np.concatenate([[0], np.cumsum(found["tokens"].to_numpy())])
        # The id that ends a document is no part of the text's.
        parts = (values[a : b - 1] for a, b in itertools.pairwise(ends))
        rows += zip(batch["id"].to_pylist(), parts, strict=True)
    job.write({"id": i, "tokens": len(ids), "crc32": zlib.crc32(ids.tobytes())} for i, ids in rows)


def tokenize(job: Job) -> None:
    """The byte-level tokenizer that all tools share."""
    _tokenize(job, os.environ["TOKENIZER"])


def tokenize_lucie(job: Job) -> None:
    """Lucie's tokenizer: BPE without a pre-tokenizer."""
    _tokenize(job, os.environ["LUCIE_TOKENIZER"])


def end_to_end(job: Job) -> None:
    """`tamis run`, with its data card and checksums."""
    import pyarrow.parquet as pq

    command = [sys.executable, "-m", "tamis", "run", RECIPE, "--work", job.out / "work", "--out", job.out / "releases"]
    with job.timed():
        subprocess.run(
            [*map(str, command), "--workers", str(job.workers)],
            check=True,
            env={**os.environ, "CORPUS": str(job.corpus)},
            stdout=subprocess.DEVNULL,
        )
    release = next((job.out / "releases").iterdir())
    job.notes |= {"tokens": 0, "a_command": True}
    ids: list[str] = []
    for path in sorted((release / "data").rglob("*.parquet")):
        table = pq.read_table(path, columns=["id", "tokens"])
        ids += table["id"].to_pylist()
        job.notes["tokens"] += sum(table["tokens"].to_pylist())
    job.write({"id": i.removeprefix("web:")} for i in ids)
    shutil.rmtree(job.out / "work")
    shutil.rmtree(job.out / "releases")


main(
    version("tamis"),
    {
        "language": language,
        "quality": quality,
        "c4": c4,
        "fineweb": fineweb,
        "near_duplicates": near_duplicates,
        "pii": pii,
        "pii_presidio": pii_presidio,
        "pii_clean": pii_clean,
        "tokenize": tokenize,
        "tokenize_lucie": tokenize_lucie,
        "end_to_end": end_to_end,
    },
)
