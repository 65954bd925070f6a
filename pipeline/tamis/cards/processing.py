"""Sections on what was done: the funnel, the rules, duplicates, personal data."""

from __future__ import annotations

import json
import re
from typing import Any

from tamis.cards.content import ROWS, names
from tamis.cards.markdown import code, prose, section, table, text, top
from tamis.cards.numbers import count, share
from tamis.cards.steps import decisive, steps, worded
from tamis.cards.view import View
from tamis.corpus.manifest import StageFacts

NEVER = "–"


def dropped(view: View, figures: str) -> str:
    """What was dropped and why."""
    return section(
        "What was dropped and why",
        "Every ingested document is in the [ledger](ledger) with its signals, the first rule it failed, and all rules "
        "it failed. For every source and stage, documents in = documents out + documents dropped.",
        figures,
        "### Stage by stage",
        _by_stage(view),
        "### Source by source",
        _by_source(view),
        "### Rules that dropped documents",
        _by_rule(view),
        "### By language",
        _by_language(view),
    )


def _by_stage(view: View) -> str:
    rows = []
    for step in steps(view):
        lost = step.entered - step.left
        reasons = sorted(step.reasons.items(), key=lambda item: (-item[1], item[0]))[:3]
        rows.append(
            (prose(step.name), count(step.entered), count(step.left), count(lost) if lost else NEVER,
             share(lost, step.entered) if lost else NEVER,
             ", ".join(f"{_reason(reason)} {count(number)}" for reason, number in reasons))
        )  # fmt: skip
    note = (
        "“reading” counts rows of the source files; the others count documents. Numbers by source: "
        "[`stats/funnel.csv`](stats/funnel.csv)."
    )
    return table(("Stage", "In", "Out", "Dropped", "%", "Most frequent reasons"), "lrrrrl", rows) + f"\n\n{note}"


def _reason(reason: str) -> str:
    words = worded(reason)
    return text(words) if " " in words else code(words)


def _by_source(view: View) -> str:
    manifest = view.manifest
    stages = [step.name for step in decisive(view)[1:] if step.entered != step.left]
    at = {(row.source, row.stage): row for row in manifest.funnel}
    rows = []
    for source in sorted(manifest.sources, key=lambda s: (-s.documents, s.name)):
        cells = []
        for stage in stages:
            row = at[source.name, stage]
            lost = row.documents_in - row.documents_out
            cells.append(f"−{count(lost)} ({share(lost, row.documents_in)})" if lost else NEVER)
        out = min((row.documents_out for row in manifest.funnel if row.source == source.name), default=0)
        rows.append(
            (
                text(source.name),
                count(source.documents),
                *cells,
                f"{count(out)} ({share(out, source.documents)})",
            )
        )
    shown, more = top(rows, ROWS, "stats/funnel.csv")
    return table(("Source", "Ingested", *map(prose, stages), "Released"), "lr" + "r" * (len(stages) + 1), shown) + more


def _by_rule(view: View) -> str:
    ingested = view.manifest.totals["ingested"]
    first = {reason: number for step in steps(view)[1:] for reason, number in step.reasons.items()}
    rows = [
        (code(rule), count(first.get(rule, 0)), share(first.get(rule, 0), ingested),
         count(view.failed.get(rule, first.get(rule, 0))))
        for rule in sorted({*first, *view.failed}, key=lambda rule: (-first.get(rule, 0), rule))
    ]  # fmt: skip
    if not rows:
        return "No document was dropped."
    shown, more = top(rows, ROWS, "stats/reasons.csv")
    note = (
        "“First” counts a document under the first rule it failed, so the column adds up. “Failed” counts every "
        "document known to fail the rule: a document that an earlier stage dropped is not measured by later ones."
    )
    if any(rule.startswith("mix.") for rule in first):
        note += " `mix.epochs`: passed every rule, and the mix draws no copy."
    return f"{table(('Rule', 'First', 'Of ingested', 'Failed'), 'lrrr', shown)}{more}\n\n{note}"


def _by_language(view: View) -> str:
    rows = []
    for language, reasons in view.manifest.dropped_by_language.items():
        whole, kept = sum(reasons.values()), reasons.get("released", 0)
        lost = sorted(((r, n) for r, n in reasons.items() if r != "released"), key=lambda item: (-item[1], item[0]))
        why = ", ".join(f"{code(reason)} {count(number)}" for reason, number in lost[:3])
        rows.append((whole, (code(language), count(whole), count(kept), share(kept, whole), why)))
    ordered = [row for _, row in sorted(rows, key=lambda item: (-item[0], item[1]))]
    shown, more = top(ordered, ROWS, "stats/dropped_by_language.csv")
    note = "\n\n`und`: the language is not known." if "und" in view.manifest.dropped_by_language else ""
    header = ("Language", "Ingested", "Released", "Kept", "Most frequent reasons")
    return table(header, "lrrrl", shown) + more + note


def rules(view: View) -> str:
    """Every stage as it ran, and the rules that decided."""
    intro = (
        "Stages ran in this order. A document stays if every rule holds; a signal that is null (nothing is known "
        "against the document) satisfies a rule unless the rule says “not null”."
    )
    stages = (_stage(stage, view.manifest.kind_of(stage.name)) for stage in view.manifest.stages)
    return section("Rules", intro, *stages)


def _stage(stage: StageFacts, kind: str) -> str:
    which = "the stage" if kind == stage.name else f"the stage {code(kind)}"
    parts = [f"### {stage.name}", f"{prose(stage.title)}. Version {stage.version} of {which}."]
    if stage.when:
        parts.append(f"Only documents with {_conditions(stage.when)}; the others pass through.")
    if stage.options:
        options = ", ".join(f"{code(name)}: {code(_brief(value))}" for name, value in stage.options.items())
        parts.append(f"Options other than the defaults: {options}.")
    if stage.models:
        parts.append(_models(stage))
    parts.append(_rules_of(stage))
    return "\n\n".join(part for part in parts if part)


def _models(stage: StageFacts) -> str:
    rows = [(text(name), code(model["reference"]), code(model["sha256"])) for name, model in stage.models.items()]
    drawn = "".join(
        f"\n\nTamis trained the {prose(name)}; digest of the examples that were drawn: {code(model['drawn'])}."
        for name, model in stage.models.items()
        if "drawn" in model
    )
    return table(("Model", "Reference", "SHA-256"), "lll", rows) + drawn


def _rules_of(stage: StageFacts) -> str:
    if not stage.rules and not stage.rules_by:
        return "No rule: it drops nothing." if stage.signals else ""
    parts = []
    if stage.rules:
        usual = any(stage.signals[name]["default"] for name in stage.rules)
        rows = []
        for name, rule in stage.rules.items():
            signal = stage.signals[name]
            default = signal["default"]
            cells = (
                (("the same" if default == rule else code(rule_words(default))) if default else NEVER,) if usual else ()
            )
            rows.append((code(name), code(rule_words(rule)), *cells, prose(signal["meaning"]), prose(signal["unit"])))
        header = ("Signal", "Kept", *(("Usual rule",) if usual else ()), "Meaning", "Unit")
        parts.append(table(header, "l" * len(header), rows))
    if stage.rules_by:
        values: dict[tuple[str, str, str], list[str]] = {}
        for override in stage.rules_by:
            key = (override["column"], override["signal"], rule_words(override["condition"]))
            values.setdefault(key, []).append(override["value"])
        rows = [
            (f"{text(column)} {', '.join(map(code, of))}", code(signal), code(condition))
            for (column, signal, condition), of in values.items()
        ]
        shown, more = top(rows, ROWS, "stats/facts.csv")
        parts.append(f"Other values for some documents:\n\n{table(('Where', 'Signal', 'Kept'), 'lll', shown)}{more}")
    # What follows a semicolon in a citation is a remark on one signal.
    cited = dict.fromkeys(stage.signals[name]["citation"].partition(";")[0] for name in stage.rules)
    if any(cited):
        parts.append(f"Usual rules: {'; '.join(prose(source) for source in cited if source)}.")
    return "\n\n".join(parts)


_RANGE = re.compile(r"\[([^,\]]*), ([^,\]]*)\]")


def rule_words(condition: str) -> str:
    """A condition as readers of a card take it at a glance: `≥ 50`, `50 to 100000`."""

    def words(match: re.Match[str]) -> str:
        low, high = match.groups()
        if low and high:
            return f"{low} to {high}"
        return f"≥ {low}" if low else f"≤ {high}"

    return _RANGE.sub(words, condition).replace(" not null", ", not null")


def _conditions(when: dict[str, str]) -> str:
    return " and ".join(f"{code(column)} {code(rule_words(condition))}" for column, condition in when.items())


def _brief(value: Any) -> str:
    if isinstance(value, list) and len(value) > NAMES:
        return f"{len(value)} entries, see the recipe below"
    # As a recipe may write it, too.
    line = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return line if len(line) <= LONG else f"{line[:LONG]}…"


NAMES, LONG = 12, 120


def personal_data(view: View) -> str:
    """Kinds of personal data found in released documents, and what became of them."""
    stage = view.stage("pii")
    if stage is None:
        return section(
            "Personal data",
            "**No stage looked for personal data.** Texts are as the sources publish them and may hold names, "
            "addresses and numbers of people.",
        )
    kinds, action = stage.settings["kinds"], stage.settings["replacement"]
    what = {
        "tag": "Every value found was replaced by a tag that names its kind.",
        "fake": "Every value found was replaced by a harmless fake of the same shape, the same one within a document.",
    }[action]
    rows = []
    for kind in kinds:
        mine = {row.language: row for row in view.manifest.pii if row.kind == kind}
        most = sorted((row for row in mine.values() if row.found), key=lambda row: (-row.found, row.language))
        listed = ", ".join(f"{code(row.language)} {count(row.found)}" for row in most[:8])
        listed += f" and {len(most) - 8} more" if len(most) > 8 else ""
        rows.append(
            (text(kind.replace("_", " ")), count(sum(row.found for row in mine.values())),
             count(sum(row.documents for row in mine.values())), listed or NEVER)
        )  # fmt: skip
    where = f" It ran only on documents with {_conditions(stage.when)}." if stage.when else ""
    return section(
        "Personal data",
        f"{what}{where} Counts are of released documents; by kind and language they are in "
        "[`stats/pii.csv`](stats/pii.csv). Neither the ledger nor this card holds a value.",
        table(("Kind", "Found", "Documents", "By language"), "lrrl", rows),
        f"Looked for: {names(list(kinds))}, by their form and their check digits. **Not looked for:** names of people, "
        "postal addresses, dates of birth, account names, identity numbers of other countries, and any other kind "
        "that is not in the table. A value in an unusual form can be missed.",
    )
