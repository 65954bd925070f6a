"""Sections on what the release holds: at a glance, composition, lengths."""

from __future__ import annotations

from collections.abc import Mapping

from tamis.cards.front_matter import languages
from tamis.cards.markdown import code, section, table, text, top
from tamis.cards.numbers import count, share, short, size
from tamis.cards.view import Sum, View
from tamis.recipe.languages import CODE
from tamis.tokens.formats import FORMATS

ROWS = 40
"""Rows of a table in the card; the rest is in its CSV twin."""
EXACT = 1_000_000
"""Amounts below are told to the last digit in the headline, too."""
COLUMNS = 9
"""Categories of a table at most; the others are one column."""
NAMED = 8
"""Names told in one line."""
OTHERS = "others"
"""What the smallest of many are called together."""


def names(values: list[str]) -> str:
    """A list in a line: the first few, and how many more."""
    more = f" and {count(len(values) - NAMED)} more" if len(values) > NAMED else ""
    return ", ".join(code(value) for value in values[:NAMED]) + more


def share_folded(amounts: Mapping[str, float], limit: int) -> dict[str, list[str]]:
    """Names by size, each with its members; beyond `limit`, the smallest share the name OTHERS."""
    ordered = sorted(amounts, key=lambda name: (-amounts[name], name))
    if len(ordered) <= limit:
        return {name: [name] for name in ordered}
    return {name: [name] for name in ordered[: limit - 1]} | {OTHERS: ordered[limit - 1 :]}


def summary(view: View) -> str:
    """The paragraph under the title, as the recipe has it."""
    return str(view.manifest.recipe.get("card", {}).get("summary", "")).strip()


def key_facts(view: View) -> list[tuple[str, str]]:
    """The release in a few numbers, each with what it counts."""
    totals = view.manifest.totals
    natural = [tag for tag in languages(view) if tag != CODE]
    code_too = " and source code" if CODE in languages(view) else ""
    amount = totals[view.unit]
    held = len({row.source for row in view.released})
    return [
        _many(totals["documents"], "document"),
        (count(amount) if amount < EXACT else short(amount), view.unit_name),
        (count(len(natural)), _noun(len(natural), "language") + code_too),
        _many(held, "source"),
    ]


def facts_line(view: View) -> str:
    """The release in one line."""
    told = [f"{number} {what}" for number, what in key_facts(view)]
    return f"**{' · '.join([*told, f'version {view.manifest.version}'])}**"


def _many(number: int, noun: str) -> tuple[str, str]:
    return count(number), _noun(number, noun)


def _noun(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"


def at_a_glance(view: View) -> str:
    """The headline facts."""
    manifest, totals = view.manifest, view.manifest.totals
    tokenizer = manifest.tokenizer
    rows = [
        ("Dataset", f"{code(manifest.name)}, version {code(manifest.version)}"),
        (
            "Documents",
            f"{count(totals['documents'])} of {count(totals['ingested'])} ingested "
            f"({share(totals['documents'], totals['ingested'])})",
        ),
        ("Text", f"{count(totals['chars'])} characters, {size(totals['bytes'])} of UTF-8, before edits"),
    ]
    if view.unit == "tokens":
        rows.append(("Tokens", f"{count(totals['tokens'])}, one end-of-document token per document included"))
    if totals["copies"] != totals["documents"]:
        amount = f", {count(totals['mixed_tokens'])} tokens" if view.unit == "tokens" else ""
        rows.append(("With repeats", f"{count(totals['copies'])} documents{amount}, as the [mix](#mix) weights them"))
    rows += [
        ("Languages", names(languages(view))),
        ("Categories", names([name for (name,) in view.sums("category")])),
        ("Sources", names([name for (name,) in view.sums("source")])),
        ("Licences", names([name for (name,) in view.sums("license")])),
    ]
    if view.withheld:
        absent = sum(row.documents for row in view.released) - sum(row.documents for row in view.present)
        of = names(sorted({source for source, _ in view.withheld}))
        rows.append(("Withheld", f"the text of {_many(absent, 'document')} of {of}: see [Rights](#rights)"))
    if tokenizer is not None:
        rows.append(("Tokenizer", f"{text(tokenizer['reference'])}, {count(tokenizer['vocabulary_size'])} ids"))
    for folder, what in (("data", "Text shards"), ("tokens", "Token shards")):
        files = view.files(folder)
        if files:
            told = " ".join(_many(len(files), "Parquet file"))
            rows.append((what, f"{told}, {size(sum(file.bytes for file in files))}"))
    for name, format_ in FORMATS.items():
        files = view.files(name)
        if files:
            what = f"The same token ids, {size(sum(file.bytes for file in files))}; [`documents`](documents) maps them"
            rows.append((f"For {format_.title}", f"[`{name}`]({name}): {what}"))
    rows.append(("Identity", code(manifest.identity)))
    return section("At a glance", table(("", ""), "ll", rows))


def composition(view: View, figure: str) -> str:
    """Tables by language and category, and by source."""
    return section(
        "Composition",
        figure,
        "### By language",
        _by_language(view),
        "### By language and category",
        _crossed(view),
        "### By source",
        _by_source(view),
        _lengths(view),
    )


def _header(view: View, *first: str) -> tuple[tuple[str, ...], str]:
    tokens = ("Tokens",) if view.unit == "tokens" else ()
    header = (*first, "Documents", "Characters", *tokens, "Share")
    return header, "l" * len(first) + "r" * (len(header) - len(first))


def _by_language(view: View) -> str:
    header, align = _header(view, "Language")
    whole = view.manifest.totals[view.unit]
    sums = view.sums("language")
    rows = [(code(language), *_cells(view, cell, whole)) for (language,), cell in sums.items()]
    shown, more = top(rows, ROWS, "stats/composition.csv")
    total = ("**total**", *_cells(view, sum(sums.values(), start=Sum()), whole))
    return table(header, align, [*shown, total]) + more


def _crossed(view: View) -> str:
    """Languages by category."""
    categories = [category for (category,) in view.sums("category")]
    languages_ = [language for (language,) in view.sums("language")]
    shown = categories if len(categories) <= COLUMNS else categories[: COLUMNS - 1]
    cells = view.sums("language", "category")
    rows = []
    for language in languages_[:ROWS]:
        amounts = {c: view.amount(cells[language, c]) for c in categories if (language, c) in cells}
        rest = sum(amount for category, amount in amounts.items() if category not in shown)
        row = [short(amounts[c]) if c in amounts else "–" for c in shown]
        others = [short(rest) if rest else "–"] if len(shown) < len(categories) else []
        rows.append((code(language), *row, *others))
    header = (
        "Language",
        *map(text, shown),
        *((f"{len(categories) - len(shown)} others",) if len(shown) < len(categories) else ()),
    )
    note = "Every cell to the last digit, by source and licence too: [`stats/composition.csv`](stats/composition.csv)."
    return f"{view.unit_name.capitalize()}:\n\n{table(header, 'l' + 'r' * (len(header) - 1), rows)}\n\n{note}"


def _cells(view: View, cell: Sum, whole: int) -> tuple[str, ...]:
    middle = (count(cell.tokens),) if view.unit == "tokens" else ()
    return (count(cell.documents), count(cell.chars), *middle, share(view.amount(cell), whole))


def _by_source(view: View) -> str:
    header, align = _header(view, "Source", "Languages")
    whole = view.manifest.totals[view.unit]
    spoken: dict[str, list[str]] = {}
    for source, language in view.sums("source", "language"):
        spoken.setdefault(source, []).append(language)
    rows = []
    for (source,), cell in view.sums("source").items():
        more = f" +{len(spoken[source]) - 5}" if len(spoken[source]) > 5 else ""
        rows.append((text(source), " ".join(spoken[source][:5]) + more, *_cells(view, cell, whole)))
    held = {source for (source,) in view.sums("source")}
    none = [source.name for source in view.manifest.sources if source.name not in held]
    shown, more = top(rows, ROWS, "stats/composition.csv")
    absent = f"\n\nNo document of {names(none)} is in the release." if none else ""
    return f"{table(header, align, shown)}{more}{absent}"


def _lengths(view: View) -> str:
    unit = view.unit
    order = {language: place for place, (language,) in enumerate(view.sums("language"))}
    rows = [
        (
            code(row["language"]),
            count(row["documents"]),
            *(count(row[f"{unit}_{at}"] or 0) for at in ("p10", "median", "p90", "p99", "longest")),
        )
        for row in sorted(view.lengths, key=lambda row: (order.get(row["language"], len(order)), row["language"]))
    ]
    shown, more = top(rows, ROWS, "stats/lengths.csv")
    header = ("Language", "Documents", "10 %", "Median", "90 %", "99 %", "Longest")
    note = f"In {view.unit_name}; one document in ten is no longer than the 10 % column says."
    return f"### Document length\n\n{note}\n\n{table(header, 'lrrrrrr', shown)}{more}"
