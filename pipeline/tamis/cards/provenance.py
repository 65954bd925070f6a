"""Sections on where the text is from and what may be done with it: sources, rights, LICENSES.md."""

from __future__ import annotations

import json
from typing import Any

from tamis.cards import withheld
from tamis.cards.content import ROWS, names
from tamis.cards.markdown import code, folded, link, section, table, text, top
from tamis.cards.numbers import count, share, size
from tamis.cards.view import View
from tamis.corpus.manifest import CleanerFacts, CompositionRow, SourceFacts
from tamis.recipe.licenses import License, is_own_reference, parse_license, redistributable

MISSING = "*not declared*"
OPEN = 12
"""Sources up to which each is told in the open; more are folded."""
LONGEST = 200
"""Letters of a cleaner's options that are shown."""
TOLD = 100
"""Sources that are told in full; of more, the largest are."""
DECLARED = (
    ("provider", "Provider"),
    ("url", "Address"),
    ("version", "Version"),
    ("selection", "Selection"),
    ("period", "Period"),
    ("license", "Licence"),
    ("license_url", "Evidence of the licence"),
)


def sources(view: View) -> str:
    """Every source: what the recipe declares, and what reading it found."""
    manifest = view.manifest
    rows = []
    for source in manifest.sources:
        declared = source.declared
        stated = (
            _or_missing(declared.get("provider")),
            _or_missing(declared.get("version")),
            _license_of(source),
        )
        rows.append(
            (
                text(source.name),
                *stated,
                count(source.files),
                size(source.input_bytes),
                count(source.documents),
            )
        )
    header = ("Source", "Provider", "Version", "Licence", "Files", "Input", "Documents")
    shown, more = top(rows, ROWS, "stats/facts.csv")
    many = len(manifest.sources) > OPEN
    largest = sorted(manifest.sources, key=lambda source: -source.documents)[:TOLD]
    untold = len(manifest.sources) - len(largest)
    rest = f"The other {count(untold)} sources are told as fully in [`stats/facts.csv`](stats/facts.csv)."
    told = [
        folded(f"{text(source.name)}: {count(source.documents)} documents", _source(source)) if many
        else f"### {text(source.name)}\n\n{_source(source)}"
        for source in manifest.sources if source in largest
    ]  # fmt: skip
    return section("Sources", table(header, "llllrrr", shown) + more, *told, rest if untold else "")


def _source(source: SourceFacts) -> str:
    declared = source.declared
    rows = [(title, _or_missing(declared.get(name))) for name, title in DECLARED if name != "license"]
    rows.insert(5, ("Licence", _license_of(source)))
    rows += _more(declared)
    rows += [
        ("May be handed on", "yes" if source.redistributable else "**no**"),
        (
            "Language",
            "decided per document" if declared.get("language") == "detect" else _or_missing(declared.get("language")),
        ),
        (
            "Category",
            text(declared["category"]) if "category" in declared else "decided per document, or none",
        ),
        (
            "Files",
            f"{count(source.files)}, {size(source.input_bytes)}, fingerprint {code(source.fingerprint)}",
        ),
        ("Read from", ", ".join(code(path) for path in declared["path"])),
        ("Rows read", count(source.read)),
    ]
    if source.filtered:
        rows.append(("Left out while reading", count(source.filtered)))
    rows.append(
        (
            "Rejected",
            ", ".join(f"{code(cause)} {count(number)}" for cause, number in source.rejects.items()) or "none",
        )
    )
    if source.cleaners:
        rows.append(("Cleaned", ", ".join(map(_cleaned, source.cleaners))))
    if source.notes:
        rows.append(("Noted", ", ".join(f"{code(what)} {count(number)}" for what, number in source.notes.items())))
    rows.append(("Documents", f"{count(source.documents)}: {count(source.chars)} characters, {size(source.bytes)}"))
    return table(("", ""), "ll", rows)


def _cleaned(cleaner: CleanerFacts) -> str:
    told = json.dumps(cleaner.options, ensure_ascii=False)
    options = f" {code(told if len(told) <= LONGEST else f'{told[:LONGEST]}...')}" if cleaner.options else ""
    by = "".join(f" ({library} {version})" for library, version in cleaner.libraries.items())
    taken = f"{count(abs(cleaner.chars))} characters {'taken' if cleaner.chars >= 0 else 'added'}"
    return f"{code(cleaner.name)} v{cleaner.version}{by}{options}: {count(cleaner.documents)} texts changed, {taken}"


ACQUISITION = {
    "public_dataset": "publicly available dataset",
    "licensed": "licensed from its rights holders",
    "private": "private dataset of a third party",
    "crawled": "crawled by us or for us",
    "user": "data of our users",
    "synthetic": "made by a model for us",
    "other": "otherwise",
}


def _more(declared: dict[str, Any]) -> list[tuple[str, str]]:
    """How the source came to be: only what is declared."""
    rows = [("Name", text(declared["title"]))] if "title" in declared else []
    rows += [("Acquired as", ACQUISITION[declared["acquisition"]])] if "acquisition" in declared else []
    rows += [("Accessed", text(declared["accessed"]))] if "accessed" in declared else []
    for key, title in (("content", "Content"), ("geography", "Regions")):
        rows += [(title, text(", ".join(declared[key])))] if declared.get(key) else []
    model = declared.get("synthetic")
    if model:
        told = [model["generator"], *(model[key] for key in ("license", "url", "prompts") if key in model)]
        rows.append(("Made by", ", ".join(map(link, told))))
    crawler = declared.get("crawler")
    if crawler:
        told = [crawler[key] for key in ("name", "purpose", "behaviour", "period") if key in crawler]
        rows.append(("Crawled by", ", ".join(map(text, told))))
    opt_out = declared.get("opt_out")
    if opt_out:
        who = "by the provider" if opt_out.get("by") == "provider" else "by us"
        told = [*opt_out["protocols"], who, *(opt_out[key] for key in ("checked", "result") if key in opt_out)]
        rows.append(("Opt-outs looked for", ", ".join(map(text, told))))
    return rows + ([("Citation", text(declared["citation"]))] if "citation" in declared else [])


def _or_missing(value: object) -> str:
    return link(str(value)) if value else MISSING


def _license_of(source: SourceFacts) -> str:
    license_ = source.declared.get("license")
    return code(license_) if license_ else "by document"


def rights(view: View) -> str:
    """Licences by amount, and what they ask."""
    whole = view.manifest.totals[view.unit]
    tokens = view.unit == "tokens"
    rows = []
    for (expression,), cell in view.sums("license").items():
        middle = (count(cell.tokens),) if tokens else (count(cell.chars),)
        rows.append(
            (
                code(expression),
                count(cell.documents),
                *middle,
                share(view.amount(cell), whole),
                *_asks(expression),
            )
        )
    shown, more = top(rows, ROWS, "LICENSES.md")
    kept = [row for row in view.released if not handed_on(view, row)]
    held = sum(row.documents for row in kept)
    hand_on = "No text in this release is known as not to be handed on."
    if kept:
        of = names(sorted({f"{row.source}: {row.license}" for row in kept}))
        hand_on = f"**{count(held)} documents in this release may not be handed on** ({of}): publish without them."
        if view.withheld:
            hand_on = f"The text of {count(held)} documents may not be handed on ({of}) and **is not in this copy**: "
            hand_on += (
                "their ids and addresses are in `withheld/`, and `withheld.json` lists the files that are not here."
            )
    absent = [source.name for source in view.manifest.sources if not source.redistributable]
    absent = [name for name in absent if name not in {row.source for row in kept}]
    if absent:
        hand_on += f" Of {names(absent)}, whose text may not be handed on, nothing is in it."
    header = (
        "Licence",
        "Documents",
        view.unit_name.capitalize(),
        "Share",
        "Commercial use",
        "Same licence for derived works",
        "Hand on",
    )
    return section(
        "Rights",
        table(header, "lrrrlll", shown) + more,
        hand_on,
        "Every document carries its licence in column `license`. [`LICENSES.md`](LICENSES.md) has a row for each "
        "licence and source, with the evidence. What a combined licence asks is judged by its strictest part; the "
        "licence of a collection need not cover every text in it.",
    )


def _asks(expression: str) -> tuple[str, str, str]:
    """Commercial use, share-alike and handing on, by the strictest part of an expression."""
    parts = parse_license(expression)
    if any(is_own_reference(part.spdx) for part in parts):
        return "see evidence", "see evidence", "see evidence"
    return (
        "yes" if all(part.commercial for part in parts) else "**no**",
        "yes" if any(part.share_alike for part in parts) else "no",
        "yes" if redistributable(expression) else "**no**",
    )


def handed_on(view: View, row: CompositionRow) -> bool:
    """May a cell's text be handed on?"""
    return withheld.handed_on(view.manifest, row.source, row.license)


def licenses_file(view: View) -> str:
    """LICENSES.md: a row per licence and source."""
    declared = {source.name: source for source in view.manifest.sources}
    rows = []
    allowed = {(row.license, row.source): handed_on(view, row) for row in view.released}
    for (expression, name), cell in view.sums("license", "source").items():
        source = declared[name]
        evidence = source.declared.get("license_url")
        stated = link(str(evidence)) if evidence else f"{MISSING} in the recipe"
        if not source.declared.get("license"):
            stated = "each document's own metadata" + (f"; {stated}" if evidence else "")
        amount = cell.tokens if view.unit == "tokens" else cell.chars
        rows.append((code(expression), text(name), count(cell.documents), count(amount), stated,
                     "yes" if allowed[expression, name] else "**no**"))  # fmt: skip
    header = (
        "Licence (SPDX)",
        "Source",
        "Documents",
        view.unit_name.capitalize(),
        "Evidence",
        "May be handed on",
    )
    used = {part.spdx: part for (expression,) in view.sums("license") for part in parse_license(expression)}
    texts = "\n".join(f"- {code(name)}: {_text_of(part)}" for name, part in sorted(used.items()))
    return (
        "\n\n".join(
            [
                f"# Licences of {text(view.manifest.title)} {text(view.manifest.version)}",
                "Each document has its licence in column `license`. The licence of a source is what its provider "
                "states; the evidence is where that is stated.",
                table(header, "llrrll", rows),
                "## Texts of the licences",
                texts,
            ]
        )
        + "\n"
    )


def _text_of(license_: License) -> str:
    if license_.spdx.startswith("LicenseRef-"):
        return "not an SPDX licence; see the evidence of its sources"
    return f"<https://spdx.org/licenses/{license_.spdx}.html>"
