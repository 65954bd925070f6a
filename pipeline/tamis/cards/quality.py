"""Section on quality: every signal over its values, with the rules on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tamis.cards.content import ROWS
from tamis.cards.drawing import Drawn
from tamis.cards.markdown import code, folded, prose, section, table, text, top
from tamis.cards.numbers import count, share
from tamis.cards.panels import Panel, draw
from tamis.cards.processing import NEVER, rule_words
from tamis.cards.view import View
from tamis.corpus.conditions import Condition
from tamis.corpus.manifest import HistogramRow, StageFacts
from tamis.stages import STAGES

TWIN = "stats/histograms.csv"
HEADER = ("stage", "signal", "value", "from", "below", "released", "failed", "other")
_TOLD = 12
"""Signals that a figure's words tell of."""


def quality(view: View, figures: Mapping[str, str]) -> str:
    """Histograms of every signal; `figures` has the Markdown of each by name."""
    stages = [stage for stage in view.manifest.stages if _rows(view, stage)]
    if not stages:
        return ""
    parts = [_stage(view, stage, figures) for stage in stages]
    return section(
        "Quality",
        "What every stage measured, and how its rules cut. Above the line: documents in the release. Below: documents "
        "that were dropped, by the rule on this signal (hatched; where documents fail several rules, each of them "
        "counts here) or only by others. Heights are powers of ten. A solid line is a threshold and the tinted side "
        "is dropped; a dashed line is the threshold of some documents only. A document is in the histograms of the "
        "stages that measured it. All counts: "
        f"[`{TWIN}`]({TWIN}).",
        *parts,
    )


def _rows(view: View, stage: StageFacts) -> list[HistogramRow]:
    """Histograms of a stage, as its declaration orders its signals."""
    declared = {name: place for place, name in enumerate(STAGES.get(view.manifest.kind_of(stage.name)).signals)}
    rows = [row for row in view.manifest.histograms if row.stage == stage.name]
    return sorted(rows, key=lambda row: (declared.get(row.signal, len(declared)), row.signal))


def _stage(view: View, stage: StageFacts, figures: Mapping[str, str]) -> str:
    rows = []
    for panel in _panels(view, stage):
        row = panel.row
        sums = [sum(counts) + row.nulls[name] for name, counts in _columns(row).items()]
        failed = count(sums[1]) if panel.ruled else NEVER
        rows.append((code(row.signal), code(panel.rule_words) if panel.rule_words else NEVER, count(panel.measured),
                     count(sums[0]), failed, share(sums[1], panel.measured) if panel.ruled else NEVER, count(sums[2]),
                     share(sum(row.nulls.values()), panel.measured)))  # fmt: skip
    header = ("Signal", "Kept", "Measured", "Released", "Fail its rule", "%", "Dropped by others", "Unknown")
    shown, more = top(rows, ROWS, TWIN)
    body = f"{figures[name_of(stage)]}\n\n{_overrides(stage)}{table(header, 'llrrrrrr', shown)}{more}"
    if stage.rules or stage.rules_by:
        return f"### Signals of {text(stage.name)}\n\n{body}"
    return folded(f"Signals of {text(stage.name)}, which no rule is on", body)


def _overrides(stage: StageFacts) -> str:
    if not stage.rules_by:
        return ""
    told: dict[tuple[str, str, str], list[str]] = {}
    for one in stage.rules_by:
        told.setdefault((one["signal"], rule_words(one["condition"]), one["column"]), []).append(one["value"])
    lines = [f"{code(signal)} {code(words)} where {prose(column)} is {', '.join(map(code, values))}"
             for (signal, words, column), values in told.items()]  # fmt: skip
    more = f"; and {count(len(lines) - ROWS // 4)} more under [Rules](#rules)" if len(lines) > ROWS // 4 else ""
    return f"Dashed: {'; '.join(lines[: ROWS // 4])}{more}.\n\n"


def _columns(row: HistogramRow) -> dict[str, tuple[int, ...]]:
    return {"released": row.released, "failed": row.failed, "other": row.other}


def name_of(stage: StageFacts) -> str:
    """Name of a stage's figure."""
    return f"quality-{stage.name}"


def _panels(view: View, stage: StageFacts) -> list[Panel]:
    written = next(use.options for use in view.manifest.uses if use.name == stage.name)
    usual = written.get("keep", {})
    others = [rules for by_value in written.get("keep_by", {}).values() for rules in by_value.values()]
    return [
        Panel(
            row,
            Condition.model_validate(usual[row.signal]) if row.signal in usual else None,
            rule_words(stage.rules.get(row.signal, "")),
            tuple(dict.fromkeys(Condition.model_validate(one[row.signal]) for one in others if row.signal in one)),
        )
        for row in _rows(view, stage)
    ]


def figures(view: View) -> list[Drawn]:
    """A figure for each stage that measured something."""
    drawn = []
    for stage in view.manifest.stages:
        panels = _panels(view, stage)
        if panels:
            alt = _alt(stage, panels)
            caption = f"Signals of {stage.name}: documents released (above the line) and dropped (below) by value."
            drawn.append(Drawn(f"figures/{name_of(stage)}.svg", caption, alt, draw(panels, alt), TWIN))
    return drawn


def _alt(stage: StageFacts, panels: list[Panel]) -> str:
    told = []
    for panel in panels[:_TOLD]:
        kept = f"kept {panel.rule_words}" if panel.rule_words else "a rule for some documents"
        rule = f"{kept}, {count(sum(panel.row.failed))} documents fail" if panel.ruled else "no rule"
        told.append(f"{panel.row.signal} ({rule})")
    more = f" and {len(panels) - _TOLD} more" if len(panels) > _TOLD else ""
    return f"Histograms of the signals of stage {stage.name}: {', '.join(told)}{more}. The table below has the counts."


def twin(view: View) -> Iterable[tuple[object, ...]]:
    """Rows of the CSV file: every bin, and the documents without a value."""
    for row in view.manifest.histograms:
        counts = list(zip(row.released, row.failed, row.other, strict=True))
        for number, bin_ in enumerate(counts):
            at: tuple[object, ...] = ("", *_edges(row, number)) if row.edges else (row.labels[number], "", "")
            yield (row.stage, row.signal, *at, *bin_)
        yield (row.stage, row.signal, "unknown", "", "", *(row.nulls[name] for name in ("released", "failed", "other")))


def _edges(row: HistogramRow, number: int) -> tuple[object, object]:
    low, high = row.edges[number : number + 2]
    return "" if low is None else f"{low:.15g}", "" if high is None else f"{high:.15g}"
