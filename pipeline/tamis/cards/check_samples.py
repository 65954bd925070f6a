"""Are the samples for review those that the ledger draws, with the release's own texts, masked and cut?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from tamis.cards.checks import Checks
from tamis.cards.view import facts
from tamis.corpus.manifest import NAME, Manifest
from tamis.engine.drawing_samples import chosen, draw_tasks, facts_of, merged
from tamis.engine.samples import FILES, mask_config, masked, sample_of, shown_texts
from tamis.recipe.model import ReleaseOptions


def check_samples(manifest: Manifest, release: Path, damaged: set[str], checks: Checks) -> None:
    """Draws again from the ledger; compares facts, documents, and the texts of those that are in the release."""
    asked = manifest.recipe.get("release", {}).get("samples", ReleaseOptions().samples)
    listed = {file.path for file in manifest.files if file.path.startswith("samples/")}
    if not asked or manifest.samples is None:
        checks.equal(f"{NAME}: samples", manifest.samples, None if not asked else "facts of a draw")
        checks.equal(f"{NAME}: files (of samples)", sorted(listed), [])
        return
    ledgers = [release / file.path for file in manifest.files if file.path.startswith("ledger/")]
    hands_on = [source.name for source in manifest.sources if source.redistributable]
    order = {source.name: place for place, source in enumerate(manifest.sources)}
    ledgers.sort(key=lambda path: (order.get(path.stem.rsplit("-", 3)[0], len(order)), path.name))
    drawn = merged([task.run() for task in draw_tasks(manifest.recipe, hands_on, ledgers, 1)])
    rows = chosen(drawn, asked)
    stated, counted = (
        dict(facts(one.model_dump(mode="json"))) for one in (manifest.samples, facts_of(drawn, rows, asked))
    )
    for path in sorted(set(stated) | set(counted)):
        checks.equal(f"{NAME}: samples.{path}", stated.get(path, "nothing"), counted.get(path, "nothing"))
    wanted = {path: rows.filter(pl.col("kind").str.starts_with(start)) for start, path in FILES.items()}
    expected = {path for path, part in wanted.items() if part.height}
    checks.equal(f"{NAME}: files (of samples)", sorted(listed), sorted(expected))
    for path in sorted(expected & listed - damaged):
        _file(manifest, release, path, wanted[path], checks)


def _file(manifest: Manifest, release: Path, path: str, rows: pl.DataFrame, checks: Checks) -> None:
    try:
        found = [orjson.loads(line) for line in (release / path).read_bytes().splitlines()]
    except orjson.JSONDecodeError as error:
        checks.holds(False, path, str(error), "one JSON object a line")
        return
    if not checks.equal(f"{path} (samples)", len(found), rows.height):
        return
    texts = [str(sample.get("text")) for sample in found]
    for number, (sample, row) in enumerate(zip(found, rows.iter_rows(named=True), strict=True), 1):
        wanted = sample_of(row, texts[number - 1])
        for name in sorted(set(sample) | set(wanted)):
            checks.equal(f"{path}:{number}, {name}", sample.get(name), wanted.get(name))
    _texts(manifest, release, path, rows, texts, checks)


def _texts(manifest: Manifest, release: Path, path: str, rows: pl.DataFrame, texts: list[str], checks: Checks) -> None:
    """A kept document's text is that of its shard, masked and cut; no text holds personal data."""
    config = mask_config(manifest.recipe)
    language = pa.array([None if name == "und" else name for name in rows["language"]], pa.string())
    ids = pa.array(rows["id"].to_list(), pa.string())
    shown = pa.array(texts, pa.large_string())
    for number, (text, again) in enumerate(
        zip(texts, masked(shown, language, ids, config).to_pylist(), strict=True), 1
    ):
        checks.holds(text == again, f"{path}:{number}, text", "personal data", "none, as the stage pii finds it")
    kept = [place for place, reason in enumerate(rows["reason"]) if reason is None]
    released = _released(manifest, release, {str(rows["id"][place]) for place in kept})
    there = [place for place in kept if rows["id"][place] in released]
    for place in kept:
        checks.holds(rows["id"][place] in released, f"{path}:{place + 1}, id", rows["id"][place], "a released document")
    whole = pa.array([released[rows["id"][place]] for place in there], pa.large_string())
    take = pa.array(there, pa.int64())
    wanted = shown_texts(whole, language.take(take), ids.take(take), config).to_pylist() if there else []
    for place, text in zip(there, wanted, strict=True):
        checks.equal(f"{path}:{place + 1}, text", texts[place], text)


def _released(manifest: Manifest, release: Path, ids: set[str]) -> dict[Any, Any]:
    """Texts of released documents by id."""
    paths = [release / file.path for file in manifest.files if file.path.startswith("data/")]
    found: dict[Any, Any] = {}
    for shard in paths if ids else ():
        frame = pl.scan_parquet(shard, glob=False).filter(pl.col("id").is_in(list(ids))).select("id", "text").collect()
        found |= dict(frame.iter_rows())
    return found
