"""docs/pii.md from the figures of `pii_eval`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

TOOLS = {"tamis": "Tamis", "presidio": "Presidio", "datatrove": "DataTrove"}
LANGUAGES = ("fr", "en", "de", "es", "it", "nl", "pt")
NEVER = "–"
HEAD = """# Personal data: precision and recall

<!-- Made by bench/pii_eval.py. -->

The stage `pii` ([docs/stages.md](stages.md#pii)) beside Presidio {presidio} (its recognizers of e-mail, phone, IP,
IBAN, card, and of the identity numbers of Spain, Italy, Germany and Poland, each in its language, least score 0.3, no
language model) and DataTrove {datatrove} (`PIIFormatter`: e-mail and IPv4), each in a process of its own.
Names of persons, by a model, are no part of it: [docs/names.md](names.md).

## The labelled set

`bench/pii_set.py` makes it from the seed {seed}: {documents} documents of seven languages, {characters} characters,
{values} values. Four values in five stand behind a word that names them ("BSN:", "n° de sécurité sociale"), as people
write them; one in five stands in a sentence that doesn't. As many lines hold what only looks like personal data.
**It is made, not collected**: it shows which spellings and traps a tool knows, not how often they come in the wild.
Real text is below.

A value is found if a finding of its kind overlaps it; a finding is right if it overlaps a value of its kind. {never}:
the tool doesn't look for it.
"""


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, all but the first column to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def share(part: int, whole: int) -> str:
    """A percentage."""
    return f"{100 * part / whole:.1f}" if whole else NEVER


def _sum(counts: list[list[Any]], kinds: set[str] | None = None, language: str | None = None) -> list[int]:
    cells = [c[2:] for c in counts if (kinds is None or c[0] in kinds) and (language is None or c[1] == language)]
    return [sum(column) for column in zip(*cells, strict=True)] if cells else [0, 0, 0, 0]


def _knows(counts: list[list[Any]], kind: str) -> bool:
    """Whether the tool found any value of a kind, or took anything for one."""
    return any(c[0] == kind and (c[3] or c[4]) for c in counts)


def _pair(counts: list[list[Any]], kind: str, language: str | None = None) -> tuple[str, str]:
    values, met, findings, right = _sum(counts, {kind}, language)
    if not _knows(counts, kind):
        return NEVER, NEVER
    return share(met, values), share(right, findings)


def page(result: dict[str, Any]) -> str:
    """The page."""
    tools = {tool: result["tools"][tool]["counts"] for tool in TOOLS}
    kinds = sorted({c[0] for c in tools["tamis"] if c[2]})
    values = _sum(tools["tamis"])[0]
    facts = {tool: result["tools"][tool]["version"] for tool in TOOLS}
    parts = [HEAD.format(seed=result["seed"], documents=f"{result['documents']:,}", values=f"{values:,}", never=NEVER,
                         characters=f"{result['characters']:,}", **facts)]  # fmt: skip
    header = ["Kind", "Values", *(f"{name} {what}" for name in TOOLS.values() for what in ("recall", "precision"))]
    rows = []
    for kind in kinds:
        pairs = [figure for counts in tools.values() for figure in _pair(counts, kind)]
        rows.append([f"`{kind}`", _sum(tools["tamis"], {kind})[0], *pairs])
    parts.append("## By kind (%)\n\n" + table(header, rows))
    parts.append(
        "`spelt_email` is counted as `email` by the stage. Its precision is that of findings that overlap one.\n"
    )
    rows = []
    for language in LANGUAGES:
        figures = [language]
        for counts in tools.values():
            known = {kind for kind in kinds if _knows(counts, kind)}
            mine = _sum(counts, known | {c[0] for c in counts if not c[2]}, language)
            figures += [share(mine[1], mine[0]), share(mine[3], mine[2])]
        rows.append([figures[0], _sum(tools["tamis"], None, language)[0], *figures[1:]])
    note = "Of the kinds that each tool looks for, so of fewer values for the others than for Tamis.\n\n"
    parts.append("## By language (%)\n\n" + note + table(["Language", *header[1:]], rows))
    parts.append("## Tamis by kind and language: recall / precision (%)\n\n" + _grid(tools["tamis"], kinds))
    parts += [_false(result), _real(result), _checks(result)]
    return "\n".join(parts)


def _grid(counts: list[list[Any]], kinds: list[str]) -> str:
    rows = []
    for kind in kinds:
        row = [f"`{kind}`"]
        for language in LANGUAGES:
            values = _sum(counts, {kind}, language)[0]
            row.append(" / ".join(_pair(counts, kind, language)) if values else "")
        rows.append(row)
    return table(["Kind", *LANGUAGES], rows)


def _false(result: dict[str, Any]) -> str:
    names = sorted({name for tool in TOOLS for name in result["tools"][tool]["false"]})
    rows = [
        [name.replace("_", " "), *(result["tools"][tool]["false"].get(name, 0) for tool in TOOLS)] for name in names
    ]
    note = "What false findings were: a line of what only looks like personal data, or a value of another kind.\n\n"
    return "## False findings, by what they are\n\n" + note + table(["In truth", *TOOLS.values()], rows)


def _real(result: dict[str, Any]) -> str:
    reals = {tool: result["tools"][tool]["real"] for tool in TOOLS}
    names = sorted(
        {kind for real in reals.values() for kind in real["found"]} | {c[0] for c in result["tools"]["tamis"]["counts"]}
    )
    rows: list[list[object]] = [["characters read", *(f"{real['characters']:,}" for real in reals.values())]]
    for kind in names:
        if kind == "spelt_email":
            continue
        row: list[object] = [f"`{kind}`"]
        for tool, real in reals.items():
            known = _knows(result["tools"][tool]["counts"], kind)
            row.append(f"{1e6 * real['found'].get(kind, 0) / real['characters']:.2f}" if known else NEVER)
        rows.append(row)
    note = (
        "Findings per million characters of documentation and source code (`recipes/debian-docs.yaml` in pages of web "
        "size). It has many e-mail addresses of authors and a few phone numbers and addresses, so these rows hold true "
        "findings as well. It is known to have no identity numbers, so every finding of that kind is false; what it "
        "has of IBANs, cards, keys and passwords are examples.\n\n"
    )
    return "## Real text\n\n" + note + table(["Kind", *TOOLS.values()], rows)


def _checks(result: dict[str, Any]) -> str:
    checks = result["checks"]
    rows = []
    for kind, counts in checks["kinds"].items():
        row = [f"`{kind}`"]
        for name, size in checks["characters"].items():
            row += [f"{1e6 * count / size:.2f}" for count in counts[name]]
        rows.append(row)
    real, hard = checks["characters"]["real"], checks["characters"]["hard"]
    note = (
        f"False findings per million characters, in the real text ({real:,} characters) and in lines of the labelled "
        f"set without personal data ({hard:,} characters): if shape and check digits alone "
        "decided, and by all that the recognizers ask for, a rare spelling or a word near. In prose the checks alone "
        "would do; in tables, lists of orders and logs they wouldn't.\n\n"
    )
    header = ["Kind", "Real text: check alone", "Tamis", "Hard lines: check alone", "Tamis"]
    return "## What words nearby are asked for\n\n" + note + table(header, rows)
