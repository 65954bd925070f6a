"""The section on samples for review: what was drawn, what reviewers said of it, how far they agree."""

from __future__ import annotations

import csv
import io
from collections import Counter

from tamis.cards.markdown import code, folded, section, table, text, top
from tamis.cards.numbers import count, share
from tamis.cards.view import View
from tamis.corpus.sample_facts import SampleFacts
from tamis.engine.samples import FILES, SHOWN
from tamis.review.agreement import agreement
from tamis.review.reviewed import Reviewed
from tamis.review.verdicts import REVIEW, VERDICTS, to_csv

TITLE = "Samples and their review"
SAMPLES = "stats/samples.csv"
ROWS = 20
_KINDS = {
    "kept": "Kept",
    "near kept": "Near a threshold, kept",
    "near dropped": "Near a threshold, dropped",
    "dropped": "Dropped",
}
_HEADER = ("kind", "language", "category", "rule", "documents", "drawn", "reviewed", *VERDICTS)


def files(view: View) -> dict[str, bytes]:
    """`stats/samples.csv`, strata with their verdicts; and `stats/review.csv`, where there are any."""
    facts, reviewed = view.manifest.samples, view.reviewed
    if facts is None:
        return {}
    counts = reviewed.counts
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADER)
    for row in facts.rows:
        here = counts.get((row.kind, row.language, row.category, row.rule), Counter())
        said = (here[name] for name in ("reviewed", *VERDICTS))
        writer.writerow([row.kind, row.language, row.category, row.rule, row.documents, row.drawn, *said])
    found = {SAMPLES: out.getvalue().encode()}
    return found | ({REVIEW: to_csv(reviewed.given)} if reviewed.given else {})


def review(view: View) -> str:
    """The draw, and what came of it."""
    facts = view.manifest.samples
    if facts is None:
        return section(TITLE, "No documents were drawn for review: the recipe says `release: {samples: 0}`.")
    return section(TITLE, _drawn(view, facts), *_said(view, facts), _coverage(view, facts))


def _drawn(view: View, facts: SampleFacts) -> str:
    paths = {file.path for file in view.manifest.files}
    names = ", ".join(f"[`{path}`]({path})" for path in FILES.values() if path in paths)
    held = (
        f" Texts of {count(facts.withheld)} documents may not be handed on and are not shown." if facts.withheld else ""
    )
    return (
        f"{count(facts.drawn)} of {count(facts.documents)} documents were drawn from {count(len(facts.rows))} of "
        f"{count(facts.strata)} strata (kept, dropped or near a threshold; language; category; rule), by a hash of "
        f"seed and id: {names or 'none'}. Personal data in their texts is masked, and {count(SHOWN)} characters are "
        f"shown at most.{held}"
    )


def _said(view: View, facts: SampleFacts) -> list[str]:
    reviewed = view.reviewed
    if not reviewed.given:
        name = f"{view.manifest.name}-{view.manifest.version}"
        return [
            f"**Nobody has reviewed them yet.** {code(f'tamis review {name}')} shows them; `tamis card` counts what "
            "was said."
        ]
    totals: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    for (kind, *_), here in reviewed.counts.items():
        totals.setdefault(kind, Counter()).update(here)
    drawn = Counter(sample.kind for sample in reviewed.samples)
    rows = [
        (title, count(drawn[kind]), count(totals[kind]["reviewed"]), *(count(totals[kind][name]) for name in VERDICTS))
        for kind, title in _KINDS.items()
        if drawn[kind]
    ]
    header = ("What was shown", "Drawn", "Reviewed", "Verdict: keep", "drop", "unsure")
    return [table(header, "lrrrrr", rows), _agreement(reviewed), *_estimates(reviewed, facts)]


def _agreement(reviewed: Reviewed) -> str:
    reviewers = len({row.reviewer for row in reviewed.given})
    found = agreement(reviewed.ratings)
    if found is None:
        who = "One reviewer gave them" if reviewers == 1 else f"{count(reviewers)} reviewers gave them"
        return f"{who}; no document has two verdicts, so nothing is known of agreement."
    kappa = "not defined, as every verdict is the same" if found.kappa is None else f"{found.kappa:.2f}"
    return (
        f"{count(found.reviewers)} reviewers judged {count(found.documents)} documents in common: "
        f"{share(found.observed, 1)} of their verdicts agree, {found.method} is {kappa}."
    )


def _estimates(reviewed: Reviewed, facts: SampleFacts) -> list[str]:
    """What reviewers would have decided otherwise, every stratum weighing as much as it has documents."""
    counts, lines = reviewed.counts, []
    for fate, other in (("kept", "drop"), ("dropped", "keep")):
        rows = [row for row in facts.rows if row.kind.endswith(fate)]
        seen = [(row, counts.get((row.kind, row.language, row.category, row.rule), Counter())) for row in rows]
        judged = [(row.documents, here[other] / (here["keep"] + here["drop"])) for row, here in seen
                  if here["keep"] + here["drop"]]  # fmt: skip
        weight = sum(documents for documents, _ in judged)
        if weight:
            part = sum(documents * rate for documents, rate in judged) / weight
            lines.append(
                f"Of what was {fate}, they would {other} {share(part, 1)}, strata weighed by their documents "
                f"({count(len(judged))} strata with {count(weight)} documents; verdicts of unsure left out)."
            )
    return ["\n".join(f"- {line}" for line in lines)] if lines else []


def _coverage(view: View, facts: SampleFacts) -> str:
    counts = view.reviewed.counts
    rows = []
    for row in sorted(facts.rows, key=lambda one: (-one.documents, one.kind, one.language, one.category, one.rule)):
        here = counts.get((row.kind, row.language, row.category, row.rule), Counter())
        said = "/".join(str(here[name]) for name in VERDICTS) if here["reviewed"] else "–"
        rows.append(
            (
                _KINDS.get(row.kind, text(row.kind)), code(row.language), text(row.category), code(row.rule) or "–",
                count(row.documents), count(row.drawn), count(here["reviewed"]), said,
            )
        )  # fmt: skip
    shown, more = top(rows, ROWS, SAMPLES)
    header = ("What", "Language", "Category", "Rule", "Documents", "Drawn", "Reviewed", "keep/drop/unsure")
    return folded("Coverage by stratum", table(header, "llllrrrr", shown) + more)
