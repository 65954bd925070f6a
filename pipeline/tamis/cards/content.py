"""Sections on what the release holds: at a glance, composition, lengths, mix."""

from __future__ import annotations

from tamis.cards.front_matter import languages
from tamis.cards.markdown import code, section, table, text, top
from tamis.cards.numbers import count, share, short, size
from tamis.cards.view import View
from tamis.recipe.languages import CODE

ROWS = 40
"""Rows of a table in the card; the rest is in its CSV twin."""
NAMED = 12
"""Names told in one line."""


def names(values: list[str]) -> str:
    """A list in a line: the first few, and how many more."""
    more = f" and {count(len(values) - NAMED)} more" if len(values) > NAMED else ""
    return ", ".join(code(value) for value in values[:NAMED]) + more


def facts_line(view: View) -> str:
    """The release in one line."""
    totals = view.manifest.totals
    natural = [tag for tag in languages(view) if tag != CODE]
    code_too = " and source code" if CODE in languages(view) else ""
    held = len({row.source for row in view.released})
    parts = [
        _many(totals["documents"], "document"),
        f"{short(totals[view.unit])} {view.unit_name}",
        f"{_many(len(natural), 'language')}{code_too}",
        _many(held, "source"),
        f"version {view.manifest.version}",
    ]
    return f"**{' · '.join(parts)}**"


def _many(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def at_a_glance(view: View) -> str:
    """The headline facts."""
    manifest, totals = view.manifest, view.manifest.totals
    tokenizer = manifest.tokenizer
    rows = [
        ("Dataset", f"{code(manifest.name)}, version {code(manifest.version)}"),
        ("Documents", f"{count(totals['documents'])} of {count(totals['ingested'])} ingested ({share(totals['documents'], totals['ingested'])})"),
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
    if tokenizer is not None:
        rows.append(("Tokenizer", f"{text(tokenizer['reference'])}, {count(tokenizer['vocabulary_size'])} ids"))
    for folder, what in (("data", "Text shards"), ("tokens", "Token shards")):
        files = view.files(folder)
        if files:
            rows.append((what, f"{_many(len(files), 'Parquet file')}, {size(sum(file.bytes for file in files))}"))
    rows.append(("Identity", code(manifest.identity)))
    return section("At a glance", table(("", ""), "ll", rows))


def composition(view: View, figure: str) -> str:
    """Tables by language and category, and by source."""
    return section(
        "Composition",
        figure,
        "### By language and category",
        _by_language(view),
        "### By source",
        _by_source(view),
        _lengths(view),
    )


def _header(view: View, *first: str) -> tuple[tuple[str, ...], str]:
    tokens = ("Tokens",) if view.unit == "tokens" else ()
    header = (*first, "Documents", "Characters", *tokens, "Share")
    return header, "l" * len(first) + "r" * (len(header) - len(first))


def _by_language(view: View) -> str:
    header, align = _header(view, "Language", "Category")
    whole = view.manifest.totals[view.unit]
    inside = view.sums("language", "category")
    rows: list[tuple[str, ...]] = []
    for (language,), total in view.sums("language").items():
        parts = [(category, cell) for (lang, category), cell in inside.items() if lang == language]
        if len(parts) > 1:
            rows.append((f"**{code(language)}**", "all", *_cells(view, total, whole)))
        rows += [
            (code(language) if len(parts) == 1 else "", text(category), *_cells(view, cell, whole))
            for category, cell in parts
        ]
    shown, more = top(rows, ROWS, "stats/composition.csv")
    everything = (("**total**", "", *_cells(view, sum(inside.values(), start=type(total)()), whole)),) if rows else ()
    note = f"Shares are of {view.unit_name}. Every cell, by source and licence too: [`stats/composition.csv`](stats/composition.csv)."
    return f"{table(header, align, [*shown, *everything])}{more}\n\n{note}"


def _cells(view: View, cell: object, whole: int) -> tuple[str, ...]:
    documents, chars, tokens = (getattr(cell, name) for name in ("documents", "chars", "tokens"))
    middle = (count(tokens),) if view.unit == "tokens" else ()
    return (count(documents), count(chars), *middle, share(getattr(cell, view.unit), whole))


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
    order = [language for (language,) in view.sums("language")]
    rows = [
        (code(row["language"]), count(row["documents"]), *(count(row[f"{unit}_{at}"] or 0) for at in ("p10", "median", "p90", "p99", "longest")))
        for row in sorted(view.lengths, key=lambda row: order.index(row["language"]))
    ]
    shown, more = top(rows, ROWS, "stats/lengths.csv")
    header = ("Language", "Documents", "10 %", "Median", "90 %", "99 %", "Longest")
    return f"### Document length\n\nIn {view.unit_name}; one document in ten is no longer than the 10 % column says.\n\n{table(header, 'lrrrrrr', shown)}{more}"


def mix(view: View) -> str:
    """Epochs by cell, and what they make of documents and tokens."""
    manifest = view.manifest
    rows = []
    for row in sorted(manifest.composition, key=lambda r: (-getattr(r, "passed_tokens"), r.source, r.language, r.category, r.license)):
        rows.append((row.source, row.language, row.category, row.epochs, row))
    cells: dict[tuple[str, str, str, float], list[int]] = {}
    for source, language, category, epochs, row in rows:
        sums = cells.setdefault((source, language, category, epochs), [0, 0, 0, 0])
        for place, name in enumerate(("passed_documents", "passed_tokens", "copies", "mixed_tokens")):
            sums[place] += getattr(row, name)
    if not {key[3] for key in cells} - {1.0}:
        return section("Mix", "Every document that passed the rules is in the release once: no cell is weighted.")
    tokens = view.unit == "tokens"
    header = ("Source", "Language", "Category", "Epochs", "Documents", "→ with repeats", *(("Tokens", "→ with repeats") if tokens else ()))
    body = [
        (text(s), code(lang), text(c), f"{epochs:g}", count(v[0]), count(v[2]), *((count(v[1]), count(v[3])) if tokens else ()))
        for (s, lang, c, epochs), v in cells.items()
    ]
    shown, more = top(body, ROWS, "stats/composition.csv")
    return section(
        "Mix",
        "Epochs say how often training should see a document. A fraction is drawn by a hash of the document's id: at 2.3, "
        "three documents in ten are seen a third time. Shards hold every document once; column `copies` says how often it "
        "counts. A document that is drawn 0 times is left out.",
        table(header, "lllrrrrr"[: len(header)], shown) + more,
    )
