"""The report of an ablation: sums, differences seed by seed, and a figure that is valid SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tamis.corpus.commit import read_json
from tamis.proxy.ablation import Budget
from tamis.proxy.report import rows_of, write

CELLS = ("fr/press--news", "fr/novels--book", "en/press--news")


def facts(seeds: int = 2) -> dict[str, Any]:
    nats = {"plain": [(10.0, 60.0, 90.0), (12.0, 66.0, 96.0)], "a": [(9.0, 60.0, 99.0), (10.0, 66.0, 99.0)]}
    counts = (10, 20, 30)
    return {
        "budget": asdict(Budget(seeds=seeds)),
        "held_out": [{"cell": name, "documents": 2, "tokens": 1} for name in CELLS],
        "variants": {
            name: {
                "release": f"r-1{name}", "identity": name, "phase_tokens": 1000,
                "cells": {cell: {"share": share, "epochs": 2.0, "phase_epochs": 2.1} for cell, share in shares.items()},
            }
            for name, shares in (
                ("plain", dict(zip(CELLS, (0.2, 0.3, 0.5), strict=True))),
                ("a", {CELLS[0]: 0.7, CELLS[2]: 0.3}),
            )
        },
        "runs": [
            {
                "variant": name, "seed": seed, "parameters": 9, "training_loss": 1.0,
                "cells": {
                    cell: {"nats": n, "tokens": count} for cell, n, count in zip(CELLS, values, counts, strict=True)
                },
            }
            for name, by_seed in nats.items()
            for seed, values in enumerate(by_seed[:seeds])
        ],
    }  # fmt: skip


def test_rows_are_sums_over_tokens() -> None:
    rows = {(row.axis, row.value): row for row in rows_of(facts())}
    assert list(rows) == [
        ("all", "all"),
        *(("language", x) for x in ("en", "fr")),
        ("category", "news"),
        ("category", "book"),
    ]
    fr = rows["language", "fr"]
    assert fr.tokens == 30
    plain, a = fr.variants["plain"], fr.variants["a"]
    assert plain.loss == pytest.approx((70 / 30 + 78 / 30) / 2)
    assert (plain.difference, plain.difference_spread) == (0, 0)
    # -1/30 and -2/30: seed by seed, so the seeds' own ups and downs are out of it.
    assert a.difference == pytest.approx(-1.5 / 30)
    assert a.difference_spread == pytest.approx(0.5**0.5 / 30)
    assert (plain.share, a.share) == pytest.approx((0.5, 0.7))
    assert rows["category", "book"].variants["a"].share == 0
    assert rows_of(facts(1))[0].variants["a"].difference_spread is None


@pytest.mark.parametrize("seeds", [1, 2])
def test_files(tmp_path: Path, seeds: int) -> None:
    data = write("r 1", facts(seeds), tmp_path)
    assert read_json(tmp_path / "ablation.json") == data
    text = (tmp_path / "ablation.md").read_text()
    assert ("± its standard deviation" in text) == (seeds == 2)
    difference = "(−0.0500 ± 0.0236)" if seeds == 2 else "(−0.0333)"
    assert difference in next(line for line in text.splitlines() if line.startswith("| fr |"))
    root = ET.fromstring((tmp_path / "ablation.svg").read_bytes())
    words = ["".join(one.itertext()) for one in root.iter() if one.tag.endswith("text")]
    assert {"plain", "a", "all", "language fr", "category book", "Difference to plain (left is better)"} <= set(words)
    width = float(root.attrib["viewBox"].split()[2])
    boxes = [one for one in root.iter() if one.tag.endswith("rect") and "x" in one.attrib]
    assert len(boxes) >= 5 * 3
    assert all(0 <= float(one.attrib["x"]) <= width - float(one.attrib["width"]) for one in boxes)
