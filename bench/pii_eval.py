"""Precision and recall of personal data by kind and language: Tamis, Presidio and DataTrove on the same labelled set.

python bench/pii_eval.py --text CORPUS [--python datatrove=PYTHON] [--python presidio=PYTHON]

The set is `pii_set`'s. CORPUS is a folder as of `bench/corpus.py`, of real text, on which findings per million
characters are counted. Each tool runs in a process of its own (`bench/tools`). Writes bench/pii.json and docs/pii.md.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import zstandard

import pii_report
from pii_set import documents

ROOT = Path(__file__).resolve().parents[1]
SEED, EACH = 20240611, 60
REAL = {"tamis": 50_000_000, "datatrove": 50_000_000, "presidio": 1_500_000}
"""Characters of real text that each tool reads; Presidio is slow."""
STAGES = {"tamis": "pii", "datatrove": "pii", "presidio": "pii_kinds"}
NAMES = {"phone_number": "phone", "ip_address": "ip", "credentials": "url_credentials"}
"""Kinds as the tools' findings have them; others are as in `pii_set`."""
Finding = tuple[str, int, int]


def main() -> None:
    """Makes the set, runs the tools, scores them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--python", action="append", default=[], metavar="TOOL=PYTHON")
    options = parser.parse_args()
    pythons = dict(pair.split("=", 1) for pair in options.python)
    labelled = [document.row() for document in documents(SEED, EACH)]
    real = list(_rows(options.text))
    result: dict[str, Any] = {"seed": SEED, "documents": len(labelled), "tools": {}}
    result["characters"] = sum(len(row["text"]) for row in labelled)
    for tool, stage in STAGES.items():
        python = pythons.get(tool, sys.executable)
        version, found = run(tool, stage, python, labelled)
        scores = score(labelled, found)
        some = list(_first(real, REAL[tool]))
        _, in_real = run(tool, stage, python, some)
        size = sum(len(row["text"]) for row in some)
        counts = Counter(kind for row in some for kind, *_ in in_real[row["id"]])
        scores["real"] = {"characters": size, "found": dict(sorted(counts.items()))}
        result["tools"][tool] = {"version": version, **scores}
    hard = [row["text"][start:end] for row in labelled for _, start, end in row["negatives"]]
    result["checks"] = checks_alone({"real": [row["text"] for row in _first(real, REAL["tamis"])], "hard": hard})
    (ROOT / "bench" / "pii.json").write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (ROOT / "docs" / "pii.md").write_text(pii_report.page(result), encoding="utf-8")


def _rows(corpus: Path) -> Iterable[dict[str, Any]]:
    for path in sorted(corpus.glob("*.jsonl.zst")):
        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
            for line in io.TextIOWrapper(stream, encoding="utf-8"):
                yield json.loads(line)


def _first(rows: list[dict[str, Any]], characters: int) -> Iterable[dict[str, Any]]:
    """Rows spread over the corpus, as many as have so many characters."""
    total = sum(len(row["text"]) for row in rows)
    step = max(1, total // characters)
    size = 0
    for row in rows[::step]:
        size += len(row["text"])
        if size > characters:
            return
        yield row


def run(tool: str, stage: str, python: str, rows: list[dict[str, Any]]) -> tuple[str, dict[str, list[Finding]]]:
    """The tool's version, and what it finds in each row."""
    with tempfile.TemporaryDirectory() as scratch:
        corpus, out = Path(scratch) / "corpus", Path(scratch) / "out"
        corpus.mkdir()
        lines = "".join(json.dumps({k: row[k] for k in ("id", "text", "language")}) + "\n" for row in rows)
        (corpus / "docs-00000.jsonl.zst").write_bytes(zstandard.compress(lines.encode()))
        (corpus / "meta.json").write_text("{}")
        script = ROOT / "bench" / "tools" / f"{tool}_tool.py"
        command = [python, script, stage, "--input", corpus, "--out", out, "--workers", "1"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = {}
        for line in (out / "result.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found[row["id"]] = [(NAMES.get(kind, kind), start, end) for kind, start, end in row["findings"]]
        return json.loads(done.stdout.splitlines()[-1])["version"], found


def score(rows: list[dict[str, Any]], found: dict[str, list[Finding]]) -> dict[str, Any]:
    """Counts by kind and language: [values, of them found, findings, of them right]; and of false ones by class.

    A value is found if a finding of its kind overlaps it, and a finding is right if it overlaps a value of its kind;
    `whole` counts the values whose bytes are all covered by findings of any kind.
    """
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    false: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for row in rows:
        findings = found[row["id"]]
        for kind, start, end in row["values"]:
            cell = counts[kind, row["language"]]
            cell[0] += 1
            cell[1] += any(_same(f[0], kind) and f[1] < end and start < f[2] for f in findings)
            whole[kind] += any(f[1] <= start and end <= f[2] for f in findings)
        for kind, start, end in findings:
            right = [v for v in row["values"] if _same(kind, v[0]) and v[1] < end and start < v[2]]
            cell = counts[right[0][0] if right else kind, row["language"]]
            cell[2] += 1
            cell[3] += bool(right)
            if not right:
                near = [name for name, a, b in row["negatives"] if a < end and start < b]
                near += [v[0] for v in row["values"] if v[1] < end and start < v[2]]
                false[near[0] if near else "label"] += 1
    table = [[kind, language, *cell] for (kind, language), cell in sorted(counts.items())]
    return {"counts": table, "false": dict(sorted(false.items())), "whole": dict(sorted(whole.items()))}


def _same(found: str, kind: str) -> bool:
    return found == kind or (found == "email" and kind == "spelt_email")


def checks_alone(texts: dict[str, list[str]]) -> dict[str, Any]:
    """Identity numbers found in texts that have none: by shape and check digits alone, and by all that the recognizers
    ask for, [alone, all] by kind and text."""
    from importlib import import_module

    from pii_set import HOMES
    from tamis.recognizers import identity

    found: dict[str, Any] = {"characters": {name: sum(map(len, some)) for name, some in texts.items()}, "kinds": {}}
    for kind in sorted({kind for kinds in HOMES.values() for kind in kinds}):
        module = import_module(f"tamis.recognizers.{kind}")
        bare = module.SCHEME._replace(sure=lambda _: True)
        found["kinds"][kind] = {
            name: [
                sum(len(identity.find(bare, text, 0, len(text))) for text in some),
                sum(len(module.find(text, 0, len(text))) for text in some),
            ]
            for name, some in texts.items()
        }
    return found


if __name__ == "__main__":
    main()
