"""What a tool's result is worth, beside its speed: agreement, recall, precision, equality."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tools.protocol import Job
from truth import truth_of

Rows = dict[str, dict[str, Any]]
Quality = dict[str, float]

NEAR, ALIKE = 0.6, 0.8
"""A removal is right if the document has a neighbour of this similarity; a pair of that one has to be found."""
REFERENCE = {
    "language": ("fasttext", "datatrove"),
    "quality": ("datatrove",),
    "c4": ("datatrove",),
    "fineweb": ("datatrove",),
    "pii": ("datatrove",),
    "pii_presidio": ("presidio",),
    "pii_clean": ("presidio",),
    "tokenize": ("hf",),
    "tokenize_lucie": ("hf",),
    "end_to_end": ("datatrove",),
}
"""Whose results the others are compared with."""


def read(path: Path) -> Rows:
    """A tool's result by document."""
    with path.open(encoding="utf-8") as file:
        return {row["id"]: row for row in map(json.loads, file)}


def language(rows: Rows, reference: Rows | None, corpus: Path) -> Quality:
    """Labels equal to the reference's, and to the language that the corpus has the text down for."""
    declared = {row["id"]: row["language"] for row in Job("", corpus, corpus, 1).documents()}
    prose = [i for i in rows if declared[i] != "code"]
    found = {"labels_as_declared": _share(rows[i]["label"] == declared[i] for i in prose)}
    if reference:
        both = rows.keys() & reference.keys()
        found["labels_as_library"] = _share(rows[i]["label"] == reference[i]["label"] for i in both)
    return found


def quality(rows: Rows, reference: Rows | None, corpus: Path) -> Quality:
    """Documents kept, and keep or drop as the reference has it."""
    found = {"kept": _share(row["kept"] for row in rows.values())}
    if reference:
        both = rows.keys() & reference.keys()
        found["agrees_with_datatrove"] = _share(rows[i]["kept"] == reference[i]["kept"] for i in both)
    return found


def c4(rows: Rows, reference: Rows | None, corpus: Path) -> Quality:
    """As `quality`; and, of the documents that both keep, those whose text is cut to the same."""
    found = quality(rows, reference, corpus)
    if reference and all("crc32" in row for row in rows.values()):
        both = [i for i in rows.keys() & reference.keys() if rows[i]["kept"] and reference[i]["kept"]]
        found["texts_equal"] = _share(rows[i]["crc32"] == reference[i]["crc32"] for i in both)
    return found


def near_duplicates(rows: Rows, reference: Rows | None, corpus: Path) -> Quality:
    """Against all pairs of the corpus by exact Jaccard similarity: see `truth`."""
    documents = list(Job("", corpus, corpus, 1).documents())
    pairs = truth_of(corpus, [d["id"] for d in documents], [d["text"] for d in documents], NEAR)
    removed = {i for i, row in rows.items() if row["removed"]}
    with (corpus / "pairs.jsonl").open(encoding="utf-8") as file:
        injected = {frozenset((pair["id"], pair["copy"])) for pair in map(json.loads, file)}
    alike = [(a, b) for a, b, share in pairs if share >= ALIKE]
    natural = [pair for pair in alike if frozenset(pair) not in injected]
    planted = [pair for pair in alike if frozenset(pair) in injected]

    def recall(some: list[tuple[str, str]]) -> float:
        return _share(a in removed or b in removed for a, b in some)

    near: dict[str, set[str]] = defaultdict(set)
    for a, b, _ in pairs:
        near[a].add(b)
        near[b].add(a)
    return {
        "removed": len(removed),
        "recall": recall(alike),
        "recall_injected": recall(planted),
        "recall_natural": recall(natural),
        "precision": _share(i in near for i in removed),
        "lost": sum(i in near and near[i] <= removed for i in removed),
    }


def pii(rows: Rows, reference: Rows | None, corpus: Path) -> Quality:
    """Findings by kind; and the share of the reference's that overlap one of the tool's, on its documents."""
    kinds = Counter(kind for row in rows.values() for kind, *_ in row["findings"])
    found: Quality = {f"found_{kind}": count for kind, count in sorted(kinds.items())}
    if reference:
        wanted = [(i, *finding) for i in rows.keys() & reference.keys() for finding in reference[i]["findings"]]
        met = [any(start < f[2] and f[1] < end for f in rows[i]["findings"]) for i, _, start, end in wanted]
        found["covers_reference"] = _share(met)
        found["reference_findings"] = len(met)
    return found


def tokenize(rows: Rows, reference: Rows | None, corpus: Path) -> Quality:
    """Documents whose ids are those of Hugging Face's tokenizers."""
    found = {"tokens": float(sum(row["tokens"] for row in rows.values()))}
    if reference:
        both = rows.keys() & reference.keys()
        found["ids_equal"] = _share(rows[i]["crc32"] == reference[i]["crc32"] for i in both)
    return found


def end_to_end(rows: Rows, reference: Rows | None, corpus: Path) -> Quality:
    """Documents released, and keep or drop as the reference has it."""
    everything = [row["id"] for row in Job("", corpus, corpus, 1).documents()]
    found = {"kept": len(rows) / len(everything)}
    if reference:
        found["agrees_with_datatrove"] = _share((i in rows) == (i in reference) for i in everything)
    return found


def _share(values: Any) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 1.0


OF: Mapping[str, Callable[[Rows, Rows | None, Path], Quality]] = {
    "language": language,
    "quality": quality,
    "c4": c4,
    "fineweb": quality,
    "near_duplicates": near_duplicates,
    "pii": pii,
    "pii_presidio": pii,
    "pii_clean": pii,
    "tokenize": tokenize,
    "tokenize_lucie": tokenize,
    "end_to_end": end_to_end,
}
