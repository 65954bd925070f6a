"""Samples for review: documents that were drawn, their texts masked and cut, in `samples/*.jsonl`.

Texts of dropped documents come from the corpus shards in the work folder, as the rules saw them. Personal data is
masked by the recognizers of the stage `pii`, all kinds of them, whether or not that stage measured the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.corpus.commit import canonical_json, write_bytes
from tamis.corpus.sample_facts import SampleFacts
from tamis.corpus.signals import read_columns
from tamis.corpus.stage import Measure
from tamis.engine.drawing_samples import chosen, draw_tasks, facts_of, merged
from tamis.engine.ledger_files import LedgerFile
from tamis.engine.measure import ShardContext, edited
from tamis.engine.release import edit_spans, file_entry
from tamis.engine.rows import whole
from tamis.engine.session import Session
from tamis.kernels.buffers import one_chunk
from tamis.recipe.model import StageUse
from tamis.stages.pii import STAGE as PII
from tamis.stages.pii import PiiConfig

SHOWN = 2000
"""Characters of a text that are shown, from its start."""
MARK = " […]"
"""Ends a text that was cut."""
_MARGIN = 1000
"""Characters beyond SHOWN that are searched for personal data: none may be cut in two before it is masked."""
FILES = {"kept": "samples/kept.jsonl", "dropped": "samples/dropped.jsonl", "near": "samples/near_threshold.jsonl"}
_DRAW_TASKS = 64


def write_samples(
    session: Session, folder: Path, ledgers: Sequence[LedgerFile]
) -> tuple[SampleFacts | None, list[dict[str, Any]]]:
    """Draws documents and writes them into the release in the making; returns the manifest's facts, and its entries
    of the files."""
    recipe = session.recipe
    asked = recipe.release.samples
    if not asked:
        return None, []
    canonical = recipe.to_recipe()
    hands_on = [source.name for source in recipe.sources if source.hands_on]
    tasks = draw_tasks(canonical, hands_on, [file.path for file in ledgers], _DRAW_TASKS)
    drawn = merged(session.run_tasks("draw samples", tasks, lambda _: None))
    rows = chosen(drawn, asked)
    texts = _texts(session, ledgers, rows)
    paths = []
    for path, content in sample_files(rows, texts).items():
        write_bytes(folder / path, content)
        paths.append(folder / path)
    return facts_of(drawn, rows, asked), [file_entry(folder, path) for path in paths]


def _texts(session: Session, ledgers: Sequence[LedgerFile], rows: pl.DataFrame) -> list[str]:
    """The texts to be shown, in the order of the rows."""
    edits = tuple(use for use in session.recipe.stages if use.stage.spans is not None)
    config = mask_config(session.recipe.to_recipe())
    places = rows.select("file", "row").with_row_index("place").partition_by("file", as_dict=True)
    tasks = [
        SampleTask(
            ledgers[int(file)].context, ledgers[int(file)].path, tuple(part["row"].to_list()),
            tuple(part["place"].to_list()), edits, config,
        )
        for (file,), part in sorted(places.items())
    ]  # fmt: skip
    found: dict[int, str] = {}
    for result in session.run_tasks("samples", tasks, lambda _: None):
        found |= result
    return [found[place] for place in range(rows.height)]


def mask_config(recipe: Mapping[str, Any]) -> PiiConfig:
    """How samples are masked: as the recipe's own stage does, and every kind; as the stage does by default where the
    recipe has none."""
    written: dict[str, Any] = next((use["pii"] for use in recipe.get("stages", []) if "pii" in use), {})
    options = {name: value for name, value in written.items() if name in PiiConfig.model_fields}
    usual = PiiConfig()
    # Names are masked by the stage itself, if at all: the texts shown are those after it.
    return PiiConfig.model_validate({**options, "kinds": usual.kinds, "presidio": False, "names": {}, "spacy": None})


@dataclass(frozen=True)
class SampleTask:
    """Reads the texts of some documents of one corpus shard, masks and cuts them."""

    context: ShardContext
    ledger: Path
    rows: tuple[int, ...]
    places: tuple[int, ...]
    """Which sample each of them is."""
    edits: tuple[StageUse, ...]
    config: PiiConfig

    @property
    def label(self) -> str:
        """`samples SOURCE SHARD`."""
        return f"samples {self.context.source.name} {self.context.shard.name}"

    @property
    def bytes(self) -> int:
        """What it shows is small, whatever the shard's size."""
        return SHOWN * len(self.rows)

    def run(self) -> dict[int, str]:
        """The texts by the place of their sample."""
        order = np.argsort(np.array(self.rows, np.int64))
        rows = np.array(self.rows, np.int64)[order]
        masks = [f"{use.name}.measured" for use in self.edits]
        ledger = read_columns(self.ledger, ["id", "language", *masks])
        edits = [edit_spans(self.context, use, ledger) for use in self.edits]
        texts = []
        with whole(self.context.shard), pq.ParquetFile(self.context.shard.path) as file:
            start = 0
            for number in range(file.num_row_groups):
                count = file.metadata.row_group(number).num_rows
                here = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + count)]
                if len(here):
                    group = file.read_row_group(number, columns=["text"])["text"]
                    text = one_chunk(group).take(pa.array(here - start))
                    texts.append(edited(text, [table.take(pa.array(here)) for table in edits]))
                start += count
        known = ledger.take(pa.array(rows))
        shown = shown_texts(
            pa.concat_arrays(texts), one_chunk(known["language"]), one_chunk(known["id"]), self.config
        ).to_pylist()
        return {self.places[int(order[at])]: text for at, text in enumerate(shown)}


def shown_texts(text: pa.Array, language: pa.Array, ids: pa.Array, config: PiiConfig) -> pa.Array:
    """Texts as a reviewer sees them: personal data masked, cut after SHOWN characters, with MARK where they were."""
    start = masked(pc.utf8_slice_codeunits(text, 0, SHOWN + _MARGIN), language, ids, config)
    cut = pc.greater(pc.utf8_length(start), SHOWN)
    # Cutting may leave what looks like personal data, where more digits followed.
    short = masked(pc.utf8_slice_codeunits(start, 0, SHOWN), language, ids, config)
    return pc.binary_join_element_wise(
        short, pc.if_else(cut, pa.scalar(MARK, pa.large_string()), pa.scalar("", pa.large_string())),
        pa.scalar("", pa.large_string()),
    )  # fmt: skip


def masked(text: pa.Array, language: pa.Array, ids: pa.Array, config: PiiConfig) -> pa.Array:
    """The texts (large_string) with personal data replaced."""
    batch = pa.RecordBatch.from_arrays(
        [text, language.cast(pa.string()), ids.cast(pa.string())], names=["text", "language", "id"]
    )
    spans = _measure(config)(batch).column("spans")
    table = pa.table([pa.array(np.ones(len(text), bool)), spans], names=["measured", "spans"])
    return edited(text, [table])


@cache
def _prepared(config: str) -> Measure:
    assert PII.prepare is not None
    return PII.prepare(PiiConfig.model_validate_json(config), {})


def _measure(config: PiiConfig) -> Measure:
    """The stage with these options, set up once a process."""
    return _prepared(config.model_dump_json())


def sample_files(rows: pl.DataFrame, texts: Sequence[str]) -> dict[str, bytes]:
    """The files by path: one JSON object a line."""
    lines: dict[str, list[bytes]] = {}
    for row, text in zip(rows.iter_rows(named=True), texts, strict=True):
        path = FILES[row["kind"].partition(" ")[0]]
        lines.setdefault(path, []).append(canonical_json(sample_of(row, text)) + b"\n")
    return {path: b"".join(found) for path, found in lines.items()}


def sample_of(row: Mapping[str, Any], text: str) -> dict[str, Any]:
    """One sample as its file tells it."""
    stratum = ", ".join(str(row[name]) for name in ("kind", "language", "category", "rule") if row[name])
    told = ("id", "kind", "source", "language", "category", "license", "reason", "rule", "value", "threshold", "chars")
    return {name: row[name] for name in told} | {"stratum": stratum, "cut": text.endswith(MARK), "text": text}
