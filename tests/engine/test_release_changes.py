"""Two releases side by side, against a comparison with dictionaries."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.corpus.changes import ABSENT, RELEASED
from tamis.corpus.manifest import FileFacts, Manifest, SourceFacts
from tamis.engine import document_changes
from tamis.engine.document_changes import CHANGES, LABELS, Side, compare_documents, doubted_sources
from tamis.engine.release import file_entry

NULLS = {"language": "und", "category": "none", "license": "LicenseRef-Unknown"}
LEDGER = pa.schema(
    [
        ("id", pa.string()), ("source", pa.string()), ("language", pa.string()), ("category", pa.string()),
        ("license", pa.string()), ("copies", pa.int32()), ("dropped_by", pa.string()), ("tokenize.tokens", pa.int32()),
    ]
)  # fmt: skip
Document = dict[str, Any]

document = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["web", "books"]),
        "language": st.sampled_from(["fr", "en", None]),
        "category": st.sampled_from(["news", None]),
        "license": st.sampled_from(["MIT", None]),
        "copies": st.integers(1, 3),
        "dropped_by": st.sampled_from([None, None, "quality.words", "pii.found"]),
        "tokens": st.sampled_from([None, 3, 70]),
        "text": st.sampled_from(["", "a", "é", "long " * 9]),
    }
)
corpus = st.dictionaries(st.sampled_from([f"web:{n}é" for n in range(12)]), document, max_size=12)


def write(folder: Path, documents: dict[str, Document], fingerprint: str) -> Side:
    """A release of these documents: two ledger files, a text shard a source."""
    rows = [
        {
            **{name: told[name] for name in LABELS},
            "id": id_,
            "copies": 0 if told["dropped_by"] else told["copies"],
            "dropped_by": told["dropped_by"],
            "tokenize.tokens": told["tokens"],
        }
        for id_, told in documents.items()
    ]
    entries = []
    (folder / "ledger").mkdir(parents=True)
    for number in (0, 1):
        path = folder / f"ledger/all-{number:05d}-of-00002.parquet"
        pq.write_table(pa.Table.from_pylist(rows[number::2], LEDGER), path)
        entries.append(file_entry(folder, path))
    for source in ("web", "books"):
        held = [(id_, d["text"]) for id_, d in documents.items() if d["source"] == source and not d["dropped_by"]]
        path = folder / f"data/xx/{source}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        ids, texts = [id_ for id_, _ in held], [text for _, text in held]
        pq.write_table(
            pa.table({"id": pa.array(ids, pa.string()), "text": pa.array(texts, pa.large_string())}),
            path, row_group_size=2,
        )  # fmt: skip
        entries.append(file_entry(folder, path))
    sources = tuple(SourceFacts.model_construct(name=name, fingerprint=fingerprint) for name in ("web", "books"))
    manifest = Manifest.model_construct(
        recipe={}, software={}, stages=(), sources=sources, files=tuple(FileFacts(**entry) for entry in entries)
    )
    return Side(manifest, folder)


def expected(before: dict[str, Document], after: dict[str, Document]) -> dict[str, Any]:
    """The same by brute force."""
    counts: Counter[str] = Counter()
    moves: dict[tuple[str, str], Counter[str]] = {}
    parts: dict[tuple[str, str], Counter[str]] = {}
    changes = {}

    def fate(of: dict[str, Document], id_: str) -> str:
        return (of[id_]["dropped_by"] or RELEASED) if id_ in of else ABSENT

    def labels(told: Document) -> dict[str, str]:
        return {name: told[name] or NULLS[name] for name in LABELS}

    for id_ in {*before, *after}:
        was, now = fate(before, id_), fate(after, id_)
        change = None
        if now == RELEASED != was:
            change = "new" if was == ABSENT else "now kept"
            counts[change.replace(" ", "_")] += 1
            for item in labels(after[id_]).items():
                parts.setdefault(item, Counter())["added"] += 1
        elif was == RELEASED != now:
            change = "gone" if now == ABSENT else "now dropped"
            counts[change.replace(" ", "_")] += 1
            for item in labels(before[id_]).items():
                parts.setdefault(item, Counter())["removed"] += 1
        elif was == now == RELEASED:
            a, b = before[id_], after[id_]
            differ = [name for name in ("text", "copies") if a[name] != b[name]]
            differ += ["labels"] if labels(a) != labels(b) else []
            counts.update(f"changed_{name}" for name in differ)
            change = next(iter(differ), None)
        elif was != now and ABSENT not in (was, now):
            change = "other reason"
        if was != now:
            of = {RELEASED: before}.get(was) or {RELEASED: after}.get(now) or {}
            tokens = of.get(id_, {}).get("tokens") or 0
            moves.setdefault((was, now), Counter()).update(documents=1, tokens=tokens)
        if change is not None:
            changes[id_] = (change, was, now)
    return {"counts": +counts, "moves": moves, "parts": parts, "changes": changes}


@pytest.mark.slow
@pytest.mark.parametrize("part_rows", [3, 1000])
@settings(max_examples=60, deadline=None)
@given(before=corpus, after=corpus)
def test_ledgers_are_joined_as_by_brute_force(
    part_rows: int, before: dict[str, Document], after: dict[str, Document]
) -> None:
    rest = document_changes.PART_ROWS
    document_changes.PART_ROWS = part_rows
    try:
        with tempfile.TemporaryDirectory() as folder:
            root, listed = Path(folder), []
            (root / "scratch").mkdir()
            sides = write(root / "a", before, "one"), write(root / "b", after, "two")
            found = compare_documents(*sides, root / "scratch", listed.append)
    finally:
        document_changes.PART_ROWS = rest
    wanted = expected(before, after)
    assert +found.counts == wanted["counts"]
    assert found.moves == wanted["moves"]
    assert found.parts == wanted["parts"]
    rows = pl.concat(listed)
    assert {row["id"]: (row["change"], row["before"], row["after"]) for row in rows.iter_rows(named=True)} == wanted[
        "changes"
    ]
    assert set(rows["change"]) <= set(CHANGES)


def test_texts_are_compared_only_where_they_may_differ(tmp_path: Path) -> None:
    told = {
        "source": "web", "language": "fr", "category": None, "license": None, "copies": 1, "dropped_by": None,
        "tokens": 2, "text": "same length",
    }  # fmt: skip
    other = {**told, "text": "same lengths"[1:]}
    assert len(str(other["text"])) == len(str(told["text"]))
    sides = [write(tmp_path / name, {"web:1": one}, "f") for name, one in (("a", told), ("b", other))]
    assert doubted_sources(sides[0].manifest, sides[1].manifest) == set()
    (tmp_path / "one").mkdir()
    assert compare_documents(*sides, tmp_path / "one").documents.changed_text == 0
    software = [side.manifest.model_copy(update={"software": {"tamis": str(n)}}) for n, side in enumerate(sides)]
    doubted = [Side(manifest, side.folder) for manifest, side in zip(software, sides, strict=True)]
    assert doubted_sources(software[0], software[1]) == {"web", "books"}
    (tmp_path / "two").mkdir()
    assert compare_documents(*doubted, tmp_path / "two").documents.changed_text == 1
