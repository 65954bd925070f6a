"""The section on what changed since the previous release, and CHANGELOG.md, which goes back to the first."""

from __future__ import annotations

from collections.abc import Sequence

from tamis.cards.markdown import code, section, table, text, top
from tamis.cards.numbers import THIN, count
from tamis.cards.view import View
from tamis.corpus.changes import ABSENT, RELEASED, ChangeSummary, MoveRow, ReleaseChanges, SettingChange

CHANGELOG = "CHANGELOG.md"
TITLE = "Changes since the previous release"
MOVES = 20
SETTINGS = 40
PARTS = 12
LETTERS = 120
"""Characters of a setting that are shown."""
_KINDS = {"source": "Source", "language": "Language", "category": "Category", "license": "Licence"}


def changes(view: View) -> str:
    """What changed since the release that the recipe names as the previous one."""
    found = view.manifest.changes
    if found is None:
        return section(TITLE, "This release names no previous one.")
    summary = found.summary
    lead = (
        f"Beside version {text(summary.previous_version)} (identity {code(summary.previous_identity)}), document by "
        f"document: {sentence(summary)} [`{CHANGELOG}`]({CHANGELOG}) goes back to the first release."
    )
    if found.same:
        return section(TITLE, lead, "Nothing differs but the version.")
    return section(TITLE, lead, amounts(summary), _settings(summary.settings), _moves(found.moves), _parts(found))


def sentence(summary: ChangeSummary) -> str:
    """The documents that came, went and changed, in words."""
    documents = summary.documents
    said = [
        f"{count(documents.added)} came ({count(documents.new)} new, {count(documents.now_kept)} dropped before)",
        f"{count(documents.removed)} left ({count(documents.now_dropped)} dropped now, {count(documents.gone)} gone)",
        f"{count(documents.changed_text)} have another text",
        f"{count(documents.changed_copies)} are drawn another number of times",
    ]
    if documents.changed_labels:
        said.append(f"{count(documents.changed_labels)} have another source, language, category or licence")
    return f"{', '.join(said)}."


def amounts(summary: ChangeSummary) -> str:
    """Headline numbers of both."""
    names = {"documents": "Documents", "tokens": "Tokens", "mixed_tokens": "Tokens with repeats",
             "chars": "Characters", "ingested": "Documents read"}  # fmt: skip
    rows = []
    for key, title in names.items():
        before, after = summary.totals_before.get(key, 0), summary.totals.get(key, 0)
        if before or after:
            rows.append((title, count(before), count(after), delta(before, after)))
    return table(("", text(summary.previous_version), text(summary.version), "Difference"), "lrrr", rows)


def delta(before: int, after: int) -> str:
    """A difference with its sign, and in percent: `+1 204 (+2.1 %)`."""
    if before == after:
        return "0"
    sign = "+" if after > before else "−"
    if not before:
        return f"{sign}{count(abs(after - before))}"
    percent = 100 * abs(after - before) / before
    told = f"<{THIN}0.1" if percent < 0.05 else f"{percent:.1f}".removesuffix(".0")
    return f"{sign}{count(abs(after - before))} ({sign}{told}{THIN}%)"


def fate(name: str) -> str:
    """A fate as code, but for the two that are no rules."""
    return name if name in (RELEASED, ABSENT) else code(name)


def _settings(settings: Sequence[SettingChange]) -> str:
    if not settings:
        return "### Settings\n\nNo source file, rule, option, model or version differs."
    rows = [(one.area, code(one.name), _value(one.before), _value(one.after)) for one in settings]
    shown, more = top(rows, SETTINGS, "stats/facts.csv")
    return "### Settings\n\n" + table(("What", "Name", "Before", "Now"), "llll", shown) + more


def _value(value: str) -> str:
    if not value:
        return "*none*"
    return code(value if len(value) <= LETTERS else f"{value[: LETTERS - 1]}…")


def _moves(moves: Sequence[MoveRow]) -> str:
    if not moves:
        return "### Documents by what became of them\n\nEvery document has the fate that it had."
    rows = [(fate(row.before), fate(row.after), count(row.documents), count(row.tokens)) for row in moves]
    shown, more = top(rows, MOVES, "stats/facts.csv")
    header = ("Before", "Now", "Documents", "Tokens")
    return "### Documents by what became of them\n\n" + table(header, "llrr", shown) + more


def _parts(found: ReleaseChanges) -> str:
    blocks = []
    for kind, title in _KINDS.items():
        rows = [
            (
                text(row.name),
                count(row.documents_before),
                count(row.documents_after),
                delta(row.documents_before, row.documents_after),
                delta(row.tokens_before, row.tokens_after),
                count(row.added),
                count(row.removed),
            )
            for row in sorted(
                (row for row in found.parts if row.kind == kind), key=lambda row: (-row.added - row.removed, row.name)
            )
        ]
        if rows:
            shown, more = top(rows, PARTS, "stats/facts.csv")
            header = (title, "Documents before", "Now", "Difference", "Tokens", "Came", "Left")
            blocks.append(table(header, "lrrrrrr", shown) + more)
    return "\n\n".join(["### By source, language, category and licence", *blocks]) if blocks else ""


def files(view: View) -> dict[str, bytes]:
    """CHANGELOG.md, where the recipe names a previous release."""
    found = view.manifest.changes
    return {} if found is None else {CHANGELOG: changelog(view.manifest.title, found).encode()}


def changelog(title: str, found: ReleaseChanges) -> str:
    """CHANGELOG.md: an entry a release, newest first."""
    parts = [f"# Changes of {text(title)}", *(_entry(one) for one in (found.summary, *found.earlier))]
    return "\n\n".join(parts) + "\n"


def _entry(summary: ChangeSummary) -> str:
    totals = summary.totals
    amount = f"{count(totals['documents'])} documents, {count(totals['tokens'])} tokens."
    held = f"{amount} Identity {code(summary.identity)}."
    if summary.previous_version is None:
        return f"## {text(summary.version)}\n\n{held} The first release of this chain."
    lines = [
        f"Documents: {delta(summary.totals_before['documents'], totals['documents'])}; "
        f"tokens: {delta(summary.totals_before['tokens'], totals['tokens'])}.",
        f"Of the documents, {sentence(summary)}",
    ]
    lines += [
        f"{one.area.capitalize()} {code(one.name)}: {_value(one.before)} → {_value(one.after)}."
        for one in summary.settings
    ]
    since = f"Since {text(summary.previous_version)} (identity {code(summary.previous_identity)}):"
    return f"## {text(summary.version)}\n\n{held} {since}\n\n" + "\n".join(f"- {line}" for line in lines)
