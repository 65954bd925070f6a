"""The card's section on the mix: what the release repeats, and what training is meant to see, phase by phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tamis.cards.content import ROWS, share_folded
from tamis.cards.drawing import LEGEND, LEGEND_COLUMNS, Axes, Drawn, Figure, fill
from tamis.cards.figures import stack
from tamis.cards.markdown import code, folded, section, table, text, top
from tamis.cards.numbers import count, share, short
from tamis.cards.view import Sum, View
from tamis.mix.words import cell_words

TWIN = "stats/mix.csv"
OPEN = 3
"""Phases told in the open; more are folded."""
SENTENCES = 12
"""Sentences of a kind that are told of a phase; `tamis mix` tells all."""
VALUES = 15
"""Values of an axis in a phase's table."""
SERIES = 8
"""Languages, and categories, that a figure tells apart."""
PASSED = "as it passed"


def mix(view: View, drawn: Mapping[str, str]) -> str:
    """Epochs by cell and what they make of documents and tokens, then each phase of training."""
    cells = _weighted(view)
    if not _is_weighted(view):
        return section("Mix", "Every document that passed the rules is in the release once: no cell is weighted.")
    return section("Mix", drawn.get("phases", ""), _copies(view, cells), *_phases(view))


def _weighted(view: View) -> dict[tuple[str, str, str, float], Sum] | None:
    """Sums of the cells that are weighted, and of all others; None when none is."""
    cells: dict[tuple[str, str, str, float], Sum] = {}
    for row in view.manifest.composition:
        weighted = row.epochs != 1
        name = row.source if row.part is None else f"{row.source}:{row.part}"
        source = cell_words({"name": name, "quality": row.quality})
        key = (source, row.language, row.category, row.epochs) if weighted else ("all others", "", "", 1.0)
        cells[key] = cells.get(key, Sum()) + row
    return cells if any(epochs != 1 for *_, epochs in cells) else None


def _is_weighted(view: View) -> bool:
    """Whether training sees anything but every document once."""
    plan = view.manifest.mix
    return _weighted(view) is not None or (plan is not None and len(plan["phases"]) > 1)


def _copies(view: View, cells: dict[tuple[str, str, str, float], Sum] | None) -> str:
    """What the weights make of the release's own documents."""
    if cells is None:
        return "Every document that passed the rules is in the release once: no cell of its first phase is weighted."
    tokens = view.unit == "tokens"
    amounts = ("Tokens passed", "in the mix") if tokens else ()
    header = ("Source", "Language", "Category", "Epochs", "Documents passed", "in the mix", *amounts)
    rows = []
    for (source, language, category, epochs), cell in sorted(
        cells.items(), key=lambda item: (item[0][3] == 1, -item[1].mixed_tokens, item[0])
    ):
        counts = (cell.passed_documents, cell.copies, *((cell.passed_tokens, cell.mixed_tokens) if tokens else ()))
        rows.append((text(source), code(language), text(category), f"{epochs:g}", *map(count, counts)))
    shown, more = top(rows, ROWS, "stats/composition.csv")
    said = (
        "Epochs say how often training should see a document. A fraction is drawn by a hash of the document's id: "
        "at 2.3, three documents in ten are seen a third time. Shards hold every document once; column `copies` says "
        "how often it counts. A document that is drawn 0 times is left out."
    )
    return f"{said}\n\n{table(header, 'lllrrrrr'[: len(header)], shown)}{more}"


def _phases(view: View) -> list[str]:
    plan = view.manifest.mix
    if plan is None:
        return []
    phases = [_phase(phase) for phase in plan["phases"]]
    parts = [f"### Phase {text(name)}\n\n{body}" for name, body in phases[:OPEN]]
    parts += [folded(f"Phase {text(name)}", body) for name, body in phases[OPEN:]]
    notes = _list(plan["notes"])
    twin = f"Every cell of every phase, to the token: [`{TWIN}`]({TWIN})."
    return [*parts, notes, twin]


def _phase(phase: dict[str, Any]) -> tuple[str, str]:
    """Name and text of a phase."""
    length = phase["sequence_length"]
    samples = f", {count(phase['samples'])} sequences of {count(length)}" if length else ""
    size = f"{count(phase['tokens'])} tokens{samples}."
    unique, effective = phase["unique_tokens"], phase["effective_tokens"]
    if unique < phase["tokens"]:
        size += (
            f" {short(unique)} different tokens are seen at least once; with their repeats they are worth about "
            f"{short(effective)} seen once ([Muennighoff et al. 2023](https://arxiv.org/abs/2305.16264))."
        )
    order = [f"Years in this order: {text(', '.join(names))}." for names in phase["year_order"]]
    told = [_list(phase[kind], prefix) for kind, prefix in (("constraints", ""), ("warnings", "**Warning:** "),
                                                             ("notes", ""))]  # fmt: skip
    parts = [size, _by(phase, "language"), _by(phase, "category"), *order, *told]
    return phase["name"], "\n\n".join(part for part in parts if part)


def _by(phase: dict[str, Any], axis: str) -> str:
    """What is asked for and what was reached, by the values of an axis."""
    rows = [
        (
            code(row["value"]) if axis == "language" else text(row["value"]),
            "not known" if row["tokens"] is None else count(row["tokens"]),
            count(row["weighted_tokens"]),
            "–" if row["epochs"] is None else f"{row['epochs']:.3g}",
            share(row["share"], 1),
            share(row["requested"], 1),
            "–" if row["document_share"] is None else share(row["document_share"], 1),
        )
        for row in phase[f"by_{axis}"]
    ]
    shown, more = top(rows, VALUES, TWIN)
    header = (axis.capitalize(), "Tokens there are", "in the mix", "Epochs", "Share", "Requested", "Of documents")
    return table(header, "lrrrrrr", shown) + more


def _list(sentences: Sequence[str], prefix: str = "") -> str:
    lines = [f"- {prefix}{text(sentence)}" for sentence in sentences[:SENTENCES]]
    if len(sentences) > SENTENCES:
        lines.append(f"- {count(len(sentences) - SENTENCES)} more are in [`manifest.json`](manifest.json).")
    return "\n".join(lines)


def mix_rows(view: View) -> list[dict[str, object]]:
    """Every cell of every phase."""
    plan = view.manifest.mix
    if plan is None:
        return []
    return [{"phase": phase["name"], **cell} for phase in plan["phases"] for cell in phase["sources"]]


def figures(view: View) -> list[Drawn]:
    """Bars of all phases, beside what passed: shares of languages, and of categories. None where they are the same."""
    plan = view.manifest.mix
    if plan is None or not _is_weighted(view):
        return []
    sides = [(axis, _shares(plan["phases"], axis)) for axis in ("language", "category")]
    bars = [PASSED, *(phase["name"] for phase in plan["phases"])]
    series = [share_folded({name: max(row.get(name, 0.0) for row in rows) for row in rows for name in row}, SERIES)
              for _, rows in sides]  # fmt: skip
    lines = [-(-len(names) // LEGEND_COLUMNS) for names in series]
    left = min(0.35 + 0.085 * max(map(len, bars)), 2.2)
    each = 0.36 * len(bars)
    block = [LEGEND * rows + 0.3 + each + 0.2 for rows in lines]
    figure = Figure(sum(block))
    start = 0.0
    for (axis, rows), names, lines_, height in zip(sides, series, lines, block, strict=True):
        head = start + LEGEND * lines_ + 0.3
        axes = Axes(figure, left, 0.15, head, figure.height - head - each, len(bars), 1)
        fills = [fill(number) for number in range(len(names))]
        figure.legend(list(names), fills, left, start)
        axes.title(f"Tokens by {axis}, share")
        stack(axes, [[sum(row.get(name, 0.0) for name in one) for one in names.values()] for row in rows], fills)
        axes.names(bars)
        start += height
    alt = "Shares of languages and categories, " + "; ".join(
        f"{bar}: " + ", ".join(f"{name} {share(part, 1)}" for name, part in _largest(row))
        for bar, row in zip(bars, sides[0][1], strict=True)
    )
    caption = "What passed the rules, and what training sees of it in each phase: shares of tokens."
    return [Drawn("figures/phases.svg", caption, f"{alt}.", figure.svg(alt), TWIN)]


def _largest(row: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(row.items(), key=lambda item: (-item[1], item[0]))[:4]


def _shares(phases: Sequence[dict[str, Any]], axis: str) -> list[dict[str, float]]:
    """Shares by the axis's values: of the tokens there are for the first phase, then of each phase's own."""
    there_are = {row["value"]: row["tokens"] or 0 for row in phases[0][f"by_{axis}"]}
    whole = max(sum(there_are.values()), 1)
    return [
        {name: tokens / whole for name, tokens in there_are.items()},
        *({row["value"]: row["share"] for row in phase[f"by_{axis}"]} for phase in phases),
    ]
