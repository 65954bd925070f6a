"""Keep or drop, rule by rule: Gopher, C4 and FineWeb here and in datatrove, on the same documents.

python bench/parity.py --text CORPUS [--each 400]
python bench/parity.py --report

CORPUS is a folder as of `bench/corpus.py`, of real text; EACH documents of each of five languages are drawn. Needs the
extra `test`. Writes bench/parity.json and docs/parity.md; `--report` writes the page from the figures that are there.
"""

from __future__ import annotations

import argparse
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import zstandard

import parity_report
from parity_report import ALL, BY_TOKENS
from parity_rules import C4_LINES, FILTERS, RULES, Rule, datatrove_filter
from parity_views import LANGUAGES, View
from tamis.kernels.edits import apply_edits
from tamis.stages import STAGES

ROOT = Path(__file__).resolve().parents[1]


class Text(NamedTuple):
    """One document."""

    text: str
    language: str


def main() -> None:
    """Draws the documents, compares, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--each", type=int, default=400)
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    figures = ROOT / "bench" / "parity.json"
    if not options.report:
        if options.text is None:
            parser.error("--text CORPUS is needed, or --report")
        result = compare(list(drawn(options.text, options.each)))
        figures.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    result = json.loads(figures.read_text(encoding="utf-8"))
    (ROOT / "docs" / "parity.md").write_text(parity_report.page(result), encoding="utf-8")


def drawn(corpus: Path, each: int) -> Iterable[Text]:
    """The first documents of each language, edited copies left out: the corpus is in an order drawn at random."""
    left = dict.fromkeys(LANGUAGES, each)
    for path in sorted(corpus.glob("*.jsonl.zst")):
        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
            for row in map(json.loads, io.TextIOWrapper(stream, encoding="utf-8")):
                if left.get(row["language"], 0) > 0 and not row["id"].endswith("-copy"):
                    left[row["language"]] -= 1
                    yield Text(row["text"], row["language"])


def compare(texts: Sequence[Text]) -> dict[str, Any]:
    """Decisions of both by rule and language, and why they differ.

    `decisions`: [stage, rule, language, both keep, only Tamis keeps, only datatrove keeps, both drop]. `causes`:
    [stage, rule, cause, only Tamis keeps, only datatrove keeps]. `texts`: by language, documents that both keep by C4,
    and those of them that both cut to the same text. `strays`: plain definitions that decide otherwise than what they
    stand for.
    """
    found = _Comparison(texts)
    for number, text in enumerate(texts):
        # datatrove remembers the words of the last texts, and C4's lines are such: they come last.
        for stage in ("gopher_quality", "gopher_repetition", "fineweb", "c4"):
            found.ask(stage, number, text)
    return {
        "versions": {name: version(name) for name in ("datatrove", "spacy")},
        "documents": dict(Counter(text.language for text in texts)),
        "characters": sum(len(text.text) for text in texts),
        "decisions": [[*key, *cells] for key, cells in found.decisions.items()],
        "causes": [[*key, *cells] for key, cells in found.causes.items()],
        "texts": dict(found.cuts),
        "strays": dict(found.strays),
    }


class _Comparison:
    """Counts, as `compare` has them."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self.decisions: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self.causes: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        self.cuts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        self.strays: Counter[str] = Counter()
        self.ours = {stage: measured(stage, texts) for stage in FILTERS}
        self.kept = {rule: _kept(rule, self.ours[rule.signal_of or rule.stage]) for rule in RULES}
        self.views = [View(*text) for text in texts]

    def ask(self, stage: str, number: int, text: Text) -> None:
        """Both on one document: rule by rule, then all rules of the stage."""
        verdicts = {}
        for rule in (rule for rule in RULES if rule.stage == stage):
            mine = verdicts[rule] = self.kept[rule][number]
            theirs, _ = datatrove_keeps(stage, rule, text)
            self.decisions[stage, rule.name, text.language][_cell(mine, theirs)] += 1
            if rule.value is not None:
                self.strays["datatrove"] += rule.keeps(self.views[number], set()) != theirs
                self.strays["tamis"] += rule.keeps(self.views[number], set(rule.differences)) != mine
            if mine != theirs:
                self.causes[stage, rule.name, self._cause(rule, number, text)][theirs] += 1
        theirs, left = datatrove_keeps(stage, None, text)
        mine = all(kept for rule, kept in verdicts.items() if rule.own)
        self.decisions[stage, ALL, text.language][_cell(mine, theirs)] += 1
        if stage == "gopher_quality":
            by_tokens = {rule.name: kept for rule, kept in verdicts.items() if rule.own or rule.signal_of}
            del by_tokens["alpha_word_ratio"]
            self.decisions[stage, BY_TOKENS, text.language][_cell(all(by_tokens.values()), theirs)] += 1
        if stage == "c4" and mine and theirs:
            self.cuts[text.language][0] += 1
            self.cuts[text.language][1] += left == self.ours["c4"].left[number]

    def _cause(self, rule: Rule, number: int, text: Text) -> str:
        if rule.value is not None:
            return rule.causes(self.views[number], self.kept[rule][number])
        # Sentences are counted in the lines that stay: where these are equal, the count differs.
        return "sentences" if datatrove_keeps("c4", C4_LINES, text)[1] == self.ours["c4"].left[number] else "lines"


class Measured(NamedTuple):
    """What a stage measures, and the texts that it leaves."""

    signals: pl.DataFrame
    left: list[str]


def measured(name: str, texts: Sequence[Text]) -> Measured:
    """Our stage with its default options."""
    stage = STAGES.get(name)
    columns: Mapping[str, pa.Array] = {
        "text": pa.array([text.text for text in texts], pa.large_string()),
        "language": pa.array([text.language for text in texts], pa.string()),
    }
    assert stage.prepare is not None
    measure = stage.prepare(stage.config(), {})
    out = measure(pa.record_batch([columns[column] for column in stage.reads], names=list(stage.reads)))
    left = apply_edits(columns["text"], out.column(stage.spans)) if stage.spans else columns["text"]
    found = pl.DataFrame(out.select(list(stage.signals)))
    return Measured(found, left.to_pylist())


def _kept(rule: Rule, found: Measured) -> list[bool]:
    decided: list[bool] = found.signals.select(rule.condition.passes(rule.signal or rule.name)).to_series().to_list()
    return decided


def datatrove_keeps(stage: str, rule: Rule | None, text: Text) -> tuple[bool, str]:
    """datatrove's decision by that rule alone (None: by all), and the text that its filter leaves."""
    from datatrove.data import Document

    document = Document(text.text, "one")
    kept = datatrove_filter(stage, rule, text.language).filter(document)
    return kept is True, document.text


def _cell(ours: bool, theirs: bool) -> int:
    return {(True, True): 0, (True, False): 1, (False, True): 2, (False, False): 3}[ours, theirs]


if __name__ == "__main__":
    main()
