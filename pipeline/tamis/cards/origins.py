"""Sections on where and when the text is from: domains of its addresses, years of its dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tamis.cards.content import ROWS
from tamis.cards.drawing import KEPT, LEGEND, LEGEND_COLUMNS, POINTS, SOFT, WIDTH, Axes, Drawn, Figure, Fill, fill
from tamis.cards.markdown import code, folded, section, table, text, top
from tamis.cards.numbers import count, share, short, size
from tamis.cards.view import View
from tamis.corpus.manifest import DomainFacts, DomainRow
from tamis.engine.domains import AT_LEAST, DOMAINS, SHARE
from tamis.engine.spread import NO_DATE, UNREAD

DATES = "stats/dates.csv"
BY_LANGUAGE = "stats/domains_by_language.csv"
_BARS, _SERIES, _PERIODS = 15, 8, 40
_LANGUAGES, _OF_LANGUAGE = 30, 5


def domains(view: View, figures: Mapping[str, str]) -> str:
    """The largest domains, in all and by language."""
    facts = view.manifest.domains
    if facts is None:
        return section("Domains", "No document of the release has an address.")
    whole = view.manifest.totals["documents"]
    lead = (
        f"{count(facts.documents)} documents ({share(facts.documents, whole)}) are from **{count(facts.distinct)} "
        f"domains**. No address: {count(facts.without['no_url'])}; an address without a domain name: "
        f"{count(facts.without['no_domain'])}."
    )
    rule = (
        f"[`{DOMAINS}`]({DOMAINS}) lists the {count(facts.listed)} largest by UTF-8 bytes of their text: one domain in "
        f"{SHARE}, and no fewer than {count(AT_LEAST)} where there are as many, as the European Commission's template "
        "for the public summary of training content asks for the top 10 % of domains by size. A domain is the "
        "registrable one by the registries' part of the Public Suffix List "
        f"({text(facts.suffix_list['package'])}, list {code(facts.suffix_list['version'])}, SHA-256 "
        f"{code(facts.suffix_list['sha256'])}): a site on a shared host counts for the host."
    )
    return section("Domains", lead, figures.get("domains", ""), _largest(view, facts), _by_language(view, facts), rule)


def _cells(view: View, row: DomainRow) -> tuple[str, ...]:
    return (code(row.domain), count(row.documents), size(row.bytes),
            *((count(row.tokens),) if view.unit == "tokens" else ()))  # fmt: skip


def _header(view: View, *more: str) -> tuple[str, ...]:
    return ("Domain", "Documents", "Bytes", *(("Tokens",) if view.unit == "tokens" else ()), *more)


def _largest(view: View, facts: DomainFacts) -> str:
    rows = [(*_cells(view, row), share(row.bytes, facts.bytes)) for row in facts.top]
    header = _header(view, "Of all domains' bytes")
    more = (
        f"\n\n{count(facts.listed - len(rows))} more are in [`{DOMAINS}`]({DOMAINS})."
        if facts.listed > len(rows)
        else ""
    )
    return table(header, "l" + "r" * (len(header) - 1), rows) + more


def _by_language(view: View, facts: DomainFacts) -> str:
    mine: dict[str, list[DomainRow]] = {}
    for row in facts.by_language:
        mine.setdefault(row.language, []).append(row)
    order = sorted(mine, key=lambda language: (-sum(row.bytes for row in mine[language]), language))
    rows = [
        (
            code(language),
            ", ".join(f"{code(row.domain)} {short(row.documents)}" for row in mine[language][:_OF_LANGUAGE]),
        )
        for language in order
    ]
    shown, more = top(rows, _LANGUAGES, BY_LANGUAGE)
    body = table(("Language", "Largest domains by bytes, with their documents"), "ll", shown) + more
    return folded("The largest domains of each language", body)


def dates(view: View, figures: Mapping[str, str]) -> str:
    """Documents by the year of their date, and by category."""
    found = view.manifest.dates
    years = _years(view)
    whole = view.manifest.totals["documents"]
    if not years:
        return section("Dates", "No document of the release has a date that shows a year.")
    dated = sum(years.values())
    none, unread = (sum(counts.get(name, 0) for counts in found.values()) for name in (NO_DATE, UNREAD))
    lead = (
        f"{count(dated)} documents ({share(dated, whole)}) have a date that shows a year, from {min(years)} to "
        f"{max(years)}. Without a date: {count(none)}. With a date that shows no year: {count(unread)}. Dates are as "
        f"the sources write them: when a text was published, put online or changed. Counts: [`{DATES}`]({DATES})."
    )
    rows = []
    for category, counts in sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0])):
        told = {year: n for year, n in counts.items() if year not in (NO_DATE, UNREAD)}
        every = sum(counts.values())
        rows.append((text(category), count(every), share(sum(told.values()), every), min(told, default="–"),
                     _median(told), max(told, default="–")))  # fmt: skip
    shown, more = top(rows, ROWS, DATES)
    header = ("Category", "Documents", "Dated", "First year", "Median year", "Last year")
    return section("Dates", lead, figures["dates"], table(header, "lrrrrr", shown) + more)


def _years(view: View) -> dict[str, int]:
    years: dict[str, int] = {}
    for counts in view.manifest.dates.values():
        for year, documents in counts.items():
            if year not in (NO_DATE, UNREAD):
                years[year] = years.get(year, 0) + documents
    return dict(sorted(years.items()))


def _median(years: Mapping[str, int]) -> str:
    half, seen = (sum(years.values()) + 1) // 2, 0
    for year, documents in sorted(years.items()):
        seen += documents
        if seen >= half:
            return year
    return "–"


def figures(view: View) -> list[Drawn]:
    """The largest domains; documents by year and category."""
    facts = view.manifest.domains
    drawn = [_domains_figure(facts)] if facts is not None and facts.top else []
    return drawn + ([_dates_figure(view)] if _years(view) else [])


def _domains_figure(facts: DomainFacts) -> Drawn:
    shown = facts.top[:_BARS]
    figure = Figure(0.3 * len(shown) + 0.2)
    left = min(0.4 + 0.085 * max(len(row.domain) for row in shown), 3.2)
    axes = Axes(figure, left, 2.5, 0.1, 0.1, len(shown), max(row.bytes for row in shown) or 1)
    for place, row in enumerate(shown):
        axes.bar(place, 0, row.bytes, 0.66, Fill(KEPT))
        words = f"{size(row.bytes)} · {share(row.bytes, facts.bytes)}"
        figure.text(axes.x(row.bytes) + 5, axes.y(place), words, size=8.5)
    axes.names([row.domain if len(row.domain) <= 34 else f"{row.domain[:33]}…" for row in shown])
    axes.rule(0)
    told = ", ".join(f"{row.domain} {share(row.bytes, facts.bytes)}" for row in shown[:6])
    alt = f"The largest of {count(facts.distinct)} domains by bytes of text: {told}."
    caption = (
        f"The {len(shown)} largest of {count(facts.distinct)} domains by UTF-8 bytes, and their share of all domains'."
    )
    return Drawn("figures/domains.svg", caption, alt, figure.svg(alt), DOMAINS)


def _dates_figure(view: View) -> Drawn:
    years = _years(view)
    first, last = int(min(years)), int(max(years))
    wide = next(step for step in (1, 2, 5, 10, 20, 50, 100) if (last - first) // step < _PERIODS)
    start = first // wide * wide
    periods = (last - start) // wide + 1
    sums = {name: sum(n for year, n in counts.items() if year in years) for name, counts in view.manifest.dates.items()}
    order = sorted((name for name in sums if sums[name]), key=lambda name: (-sums[name], name))
    series = order if len(order) <= _SERIES else [*order[: _SERIES - 1], "others"]
    table_ = [[0] * len(series) for _ in range(periods)]
    for name in order:
        place = series.index(name) if name in series else len(series) - 1
        for year, documents in view.manifest.dates[name].items():
            if year in years:
                table_[(int(year) - start) // wide][place] += documents
    words = "year" if wide == 1 else f"{wide} years"
    busiest = sorted(years, key=lambda year: (-years[year], year))[:3]
    alt = f"Documents by year and category, {first} to {last}; most in " + ", ".join(
        f"{year} ({count(years[year])})" for year in busiest
    )
    caption = f"Released documents by year of their date (a bar is {words}) and category."
    return Drawn("figures/dates.svg", caption, f"{alt}.", _columns(table_, series, start, wide, f"{alt}."), DATES)


def _columns(table_: Sequence[Sequence[int]], series: Sequence[str], start: int, wide: int, title: str) -> bytes:
    """Stacked columns, one a period."""
    rows = -(-len(series) // LEGEND_COLUMNS)
    head, foot, left = LEGEND * rows + 0.2, 0.32, 0.6
    figure = Figure(head + 2.0 + foot)
    fills = [fill(number) for number in range(len(series))]
    most = max(max(map(sum, table_)), 1)
    room = (WIDTH - left - 0.15) * POINTS / max(len(table_), 6)
    base, height = (figure.height - foot) * POINTS, 2.0 * POINTS
    step = next(lead * 10**power for power in range(18) for lead in (1, 2, 5) if most / (lead * 10**power) <= 4)
    for at in range(0, most + 1, step):
        y = base - height * at / most
        figure.line(
            left * POINTS, y, (WIDTH - 0.15) * POINTS, y, SOFT if at == 0 else "#d9d9d9", 0.8 if at == 0 else 0.6
        )
        figure.text(left * POINTS - 5, y, short(at), size=8, color=SOFT, anchor="end")
    every = -(-len(table_) // 14)
    for number, parts in enumerate(table_):
        x, y = left * POINTS + room * (number + 0.12), base
        for part, look in zip(parts, fills, strict=True):
            tall = height * part / most
            y -= tall
            if part:
                figure.box(x, y, room * 0.76, tall, look)
        if number % every == 0:
            figure.text(x + room * 0.38, base + 11, str(start + number * wide), size=8, color=SOFT, anchor="middle")
    figure.legend(list(series), fills, left)
    return figure.svg(title)


def twins(view: View) -> dict[str, tuple[Sequence[str], Iterable[Sequence[object]]]]:
    """CSV files: header and rows by path."""
    facts = view.manifest.domains
    found: dict[str, tuple[Sequence[str], Iterable[Sequence[object]]]] = {}
    if facts is not None:
        found[BY_LANGUAGE] = (
            ("language", "domain", "documents", "bytes", "tokens"),
            [(row.language, row.domain, row.documents, row.bytes, row.tokens) for row in facts.by_language],
        )
    if view.manifest.dates:
        found[DATES] = (
            ("category", "year", "documents"),
            [(category, year, n) for category, counts in view.manifest.dates.items() for year, n in counts.items()],
        )
    return found
