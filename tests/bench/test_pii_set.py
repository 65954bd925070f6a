"""The labelled set is what it says, and the stage keeps its figures on it."""

from __future__ import annotations

import pyarrow as pa
import pytest

pytest.importorskip("zstandard")

from pii_eval import score
from pii_report import page
from pii_set import DRAWS, HOMES, LANGUAGES, documents
from tamis.recognizers.kinds import FACTS
from tamis.stages.pii import STAGE, PiiConfig

WEAK = dict.fromkeys(("nl_bsn", "pt_nif", "de_steuer_id", "pl_pesel", "pl_nip", "be_rijksregister"), 0.6)
"""Kinds that ask for a word nearby, of which one value in five has none."""
RECALL = {kind: WEAK.get(kind, 0.95) for kind in FACTS}
PRECISION = {kind: 0.5 if kind == "phone" else 0.9 for kind in FACTS}
"""Random tables of digits hold what phone numbers look like."""


def test_the_set_is_the_same_for_the_same_seed() -> None:
    first, second = (list(documents(3, 4)) for _ in range(2))
    assert first == second != list(documents(4, 4))
    assert {kind for d in first for kind, *_ in d.values} == set(DRAWS) and set(HOMES) == set(LANGUAGES)
    assert all(d.text[start:end].strip() == d.text[start:end] != "" for d in first for _, start, end in d.values)


def test_figures_hold() -> None:
    rows = [document.row() for document in documents(7, 20)]
    columns = [pa.array([row[name] for row in rows], kind) for name, kind in (
        ("text", pa.large_string()), ("language", pa.string()), ("id", pa.string()))]  # fmt: skip
    batch = pa.RecordBatch.from_arrays(columns, names=["text", "language", "id"])
    spans = STAGE.prepare(PiiConfig(), {})(batch).column("spans").to_pylist()
    found = {}
    for row, mine in zip(rows, spans, strict=True):
        data = row["text"].encode()
        found[row["id"]] = [(s["kind"], len(data[: s["start"]].decode()), len(data[: s["end"]].decode())) for s in mine]
    scores = score(rows, found)
    for kind in FACTS:
        cells = [cell[2:] for cell in scores["counts"] if cell[0] in (kind, f"spelt_{kind}")]
        values, met, findings, right = (sum(column) for column in zip(*cells, strict=True))
        assert met >= RECALL[kind] * values, (kind, met, values)
        assert right >= PRECISION[kind] * findings, (kind, right, findings)


def test_scores_of_a_tool_that_errs() -> None:
    row = {"id": "a", "language": "fr", "values": [("ip", 0, 7), ("email", 10, 20)], "negatives": [("date", 30, 40)]}
    scores = score([row], {"a": [("ip", 2, 9), ("phone", 31, 39), ("ip", 12, 15)]})
    assert scores["counts"] == [["email", "fr", 1, 0, 0, 0], ["ip", "fr", 1, 1, 2, 1], ["phone", "fr", 0, 0, 1, 0]]
    assert scores["false"] == {"date": 1, "email": 1} and scores["whole"] == {"email": 0, "ip": 0}
    tool = {"version": "1", **scores, "real": {"characters": 10, "found": {}}}
    tools = dict.fromkeys(("tamis", "presidio", "datatrove"), tool)
    text = page({"seed": 1, "documents": 1, "characters": 9, "tools": tools,
                 "checks": {"characters": {"real": 9, "hard": 9},
                            "kinds": {"nl_bsn": {"real": [1, 0], "hard": [2, 0]}}}})  # fmt: skip
    assert "| `ip` | 1 | 100.0 | 50.0 |" in text
