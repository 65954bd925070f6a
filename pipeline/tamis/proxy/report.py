"""What an ablation says, as rows, as Markdown and as files. Pure, but for the files; needs no torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tamis.corpus.commit import write_bytes, write_json
from tamis.proxy.figure import figure
from tamis.recipe.variants import PLAIN
from tamis.tokens.cells import kinds_of

AXES = ("language", "category")
ALL = "all"


@dataclass(frozen=True)
class Found:
    """A variant's loss on one row: means over its seeds, in nats per token."""

    loss: float
    spread: float | None
    """Standard deviation of the loss over seeds; None for one seed."""
    difference: float
    """To the plain recipe, seed by seed; less than 0 is better."""
    difference_spread: float | None
    share: float
    """Of the tokens that the variant is trained on."""


@dataclass(frozen=True)
class Row:
    """Held-out documents of one language or category, or all of them."""

    axis: str
    value: str
    tokens: int
    """Tokens that every model was asked for."""
    variants: Mapping[str, Found]


def rows_of(facts: Mapping[str, Any]) -> list[Row]:
    """A row for all, for each language and for each category, the largest first."""
    cells = facts["runs"][0]["cells"]
    rows = [_row(facts, ALL, ALL, list(cells))]
    for axis in AXES:
        members: dict[str, list[str]] = {}
        for name in cells:
            members.setdefault(kinds_of(name)[axis], []).append(name)
        some = [_row(facts, axis, value, inside) for value, inside in members.items()]
        rows += sorted((row for row in some if row.tokens), key=lambda row: (-row.tokens, row.value))
    return rows


def _row(facts: Mapping[str, Any], axis: str, value: str, cells: Sequence[str]) -> Row:
    tokens = sum(facts["runs"][0]["cells"][name]["tokens"] for name in cells)
    losses: dict[str, list[float]] = {}
    for run in facts["runs"]:
        total = sum(run["cells"][name]["nats"] for name in cells)
        losses.setdefault(run["variant"], []).append(total / max(1, tokens))
    found = {}
    for variant, values in losses.items():
        differences = [a - b for a, b in zip(values, losses[PLAIN], strict=True)]
        share = _share(facts["variants"][variant]["cells"], axis, value)
        found[variant] = Found(*_mean(values), *_mean(differences), share)
    return Row(axis, value, tokens, found)


def _share(cells: Mapping[str, Mapping[str, float]], axis: str, value: str) -> float:
    return sum(one["share"] for name, one in cells.items() if axis == ALL or kinds_of(name)[axis] == value)


def _mean(values: Sequence[float]) -> tuple[float, float | None]:
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def markdown(title: str, facts: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """The report, with its figure beside it as ablation.svg."""
    budget, held_out = facts["budget"], facts["held_out"]
    steps = budget["tokens"] // (budget["length"] * budget["batch"])
    parameters = facts["runs"][0]["parameters"]
    seeds = f"{budget['seeds']} seed{'s' if budget['seeds'] > 1 else ''}"
    documents = sum(one["documents"] for one in held_out)
    lines = [
        f"# Ablation of {title}",
        "",
        f"A GPT of {parameters:,} parameters ({budget['layers']} layers, width {budget['width']}) is trained on each "
        f"variant: {steps:,} steps of {budget['batch']} samples of {budget['length']} tokens, {seeds} each, phase "
        f"`{budget['phase']}`. It is asked for {documents:,} documents of the plain recipe; they are of the "
        f"{budget['held_out']:.1%} that no variant is trained on.",
        "",
        "Loss is in nats per token; in brackets is the difference to the plain recipe (less is better)"
        + (", ± its standard deviation over seeds." if budget["seeds"] > 1 else ". One seed tells no spread.")
        + " Behind the dot stands the share of the training tokens.",
        "",
        "![Held-out loss by language and category](ablation.svg)",
        "",
    ]
    variants = list(facts["variants"])
    for axis in (ALL, *AXES):
        mine = [row for row in rows if row.axis == axis]
        head = [axis if axis != ALL else "", "tokens asked", *variants]
        lines += ["", *_table(head, [_cells(row, variants) for row in mine])]
    lines += ["", "## What is trained on", "", *_repeats(facts, variants), ""]
    return "\n".join(_squeezed(lines))


def _cells(row: Row, variants: Iterable[str]) -> list[str]:
    return [row.value, f"{row.tokens:,}", *(told(row.variants[name], name, row.axis != ALL) for name in variants)]


def told(found: Found, variant: str, shares: bool = True) -> str:
    """A variant's loss on a row, in words."""
    words = f"{found.loss:.4f}"
    if variant == PLAIN:
        words += f" ± {found.spread:.4f}" if found.spread is not None else ""
    else:
        spread = f" ± {found.difference_spread:.4f}" if found.difference_spread is not None else ""
        words += f" ({found.difference:+.4f}{spread})".replace("-", "−")
    return f"{words} · {found.share:.1%}" if shares else words


def _repeats(facts: Mapping[str, Any], variants: Sequence[str]) -> list[str]:
    """How often documents are seen, here and in the whole phase."""
    rows = []
    for name in variants:
        cells = facts["variants"][name]["cells"].values()
        total = sum(one["share"] for one in cells) or 1.0
        here, whole = (sum(one["share"] * one[what] for one in cells) / total for what in ("epochs", "phase_epochs"))
        facts_ = facts["variants"][name]
        rows.append([name, f"`{facts_['release']}`", f"{facts_['phase_tokens']:,}", f"{here:.3g}", f"{whole:.3g}"])
    return _table(["variant", "release", "tokens of the phase", "epochs here", "epochs of the phase"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'|'.join('---' for _ in head)}|",
        *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows),
    ]


def _squeezed(lines: Sequence[str]) -> list[str]:
    """Without empty lines after empty lines."""
    return [line for number, line in enumerate(lines) if line or number == 0 or lines[number - 1]]


def to_json(title: str, facts: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """What ablation.json holds."""
    return {"recipe": title, **facts, "rows": [asdict(row) for row in rows]}


def write(title: str, facts: Mapping[str, Any], out: Path) -> dict[str, Any]:
    """Writes ablation.json, ablation.md and ablation.svg into `out`; returns what the first one holds."""
    rows = rows_of(facts)
    data = to_json(title, facts, rows)
    write_json(out / "ablation.json", data)
    write_bytes(out / "ablation.md", markdown(title, facts, rows).encode())
    write_bytes(out / "ablation.svg", figure(title, rows))
    return data
