"""The data card of a release: README.md, card.html, LICENSES.md, figures and CSV twins, computed from its manifest,
its ledger and the schemas of its shards. No number in them is typed, no date, no text of a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
from huggingface_hub import DatasetCardData

from tamis.cards import (
    changes,
    content,
    duplicates,
    exports,
    fairness,
    mixture,
    origins,
    processing,
    provenance,
    quality,
    review,
    usage,
)
from tamis.cards.exports import checksums
from tamis.cards.figures import figures
from tamis.cards.front_matter import front_matter
from tamis.cards.markdown import outside_fences, text
from tamis.cards.page import PAGE, card_page
from tamis.cards.page_markdown import anchor
from tamis.cards.people import people
from tamis.cards.template import TEMPLATE, fill, left_out, titles
from tamis.cards.twins import twins
from tamis.cards.view import View, view_of
from tamis.corpus.commit import write_bytes
from tamis.corpus.manifest import Manifest

README = "README.md"

Figures = Mapping[str, str]
"""Markdown of each figure, by its name: the file's name without folder and ending."""
SectionOf = Callable[[View, Figures], str]


def _flow(view: View, figures: Figures) -> str:
    return processing.dropped(view, "\n\n".join(figures[name] for name in ("funnel", "sources") if name in figures))


SECTIONS: dict[str, SectionOf] = {
    "at_a_glance": lambda view, _: content.at_a_glance(view),
    "composition": lambda view, figures: content.composition(view, figures["composition"]),
    "dropped": _flow,
    "rules": lambda view, _: processing.rules(view),
    "sources": lambda view, _: provenance.sources(view),
    "rights": lambda view, _: provenance.rights(view),
    "personal_data": lambda view, _: processing.personal_data(view),
    "duplicates": lambda view, _: duplicates.duplicates(view),
    "quality": quality.quality,
    "domains": origins.domains,
    "dates": origins.dates,
    "fairness": fairness.fairness,
    "review": lambda view, _: review.review(view),
    "mix": mixture.mix,
    "fields": lambda view, _: usage.fields(view),
    "tokenizer": lambda view, _: usage.tokenizer(view),
    "loading": lambda view, _: usage.loading(view),
    "reproducing": lambda view, _: usage.reproducing(view),
    "changes": lambda view, _: changes.changes(view),
    "motivation": lambda view, _: usage.words(view, "motivation"),
    "intended_uses": lambda view, _: usage.words(view, "intended_uses"),
    "out_of_scope_uses": lambda view, _: usage.words(view, "out_of_scope_uses"),
    "limitations": lambda view, _: usage.words(view, "limitations"),
    "biases": lambda view, _: usage.words(view, "biases"),
    "social_impact": lambda view, _: usage.words(view, "social_impact"),
    "personal_data_handling": lambda view, _: usage.words(view, "personal_data"),
    "ethics": lambda view, _: usage.words(view, "ethics"),
    "languages_note": lambda view, _: usage.words(view, "languages_note"),
    "maintenance": lambda view, _: usage.words(view, "maintenance"),
    "retention": lambda view, _: usage.words(view, "retention"),
    "people": lambda view, _: people(view.manifest.recipe.get("card", {})),
    "contact": lambda view, _: usage.words(view, "contact"),
    "citation": lambda view, _: usage.words(view, "citation"),
    "missing": lambda view, _: usage.missing(view),
}
"""Every section of a card by its name, in the order of the page. Each gives Markdown that begins with its
`## Title`, or nothing, and then the card has no such section."""


def write_card(manifest: Manifest, ledger: pl.DataFrame, folder: Path) -> list[Path]:
    """Writes the card into the release in the making at `folder`; returns what it wrote.

    `manifest.files` names at least the shards; `ledger` has one row per ingested document.
    """
    written = []
    for path, body in render(manifest, ledger, folder).items():
        write_bytes(folder / path, body)
        written.append(folder / path)
    return written


def render(manifest: Manifest, ledger: pl.DataFrame, release: Path, verdicts: bytes | None = None) -> dict[str, bytes]:
    """The card's files by their path in the release. The same facts give the same bytes. `verdicts` as in `view_of`."""
    view = view_of(manifest, ledger, release, verdicts)
    drawn = {figure.name: figure for figure in (*figures(view), *mixture.figures(view))}
    shown = {name: f"![{text(figure.alt)}]({figure.path})\n\n*{figure.caption}*" for name, figure in drawn.items()}
    body = body_of(view, sections(view, shown))
    template, recipe = view.manifest.card_template, usage.long_recipe(view)
    rendered = {
        README: readme(view, body).encode(),
        PAGE: card_page(view, body, drawn).encode(),
        "LICENSES.md": provenance.licenses_file(view).encode(),
        **{figure.path: figure.content for figure in drawn.values()},
        **changes.files(view),
        **review.files(view),
        **twins(view),
        **({TEMPLATE: template.encode()} if template else {}),
        **({"recipe.yaml": recipe.encode()} if recipe else {}),
    }
    rendered |= exports.render(view)
    return rendered | {checksums.NAME: checksums.render(view, rendered)}


def sections(view: View, figures: Figures) -> dict[str, str]:
    """Markdown of every section the release has something to say in, by name."""
    made = {name: of(view, figures) for name, of in SECTIONS.items()}
    return {name: body for name, body in made.items() if body}


def body_of(view: View, sections: Mapping[str, str]) -> str:
    """The card's sections one after the other, or as its template places them."""
    template = view.manifest.card_template
    if not template:
        return "\n\n".join(sections.values())
    own = titles(template)
    absent = [title_of(sections[name]) for name in left_out(template, sections)]
    untold = [title for title in absent if title not in own]
    if not untold:
        return fill(template, sections)
    said = f"The card's template leaves out what was computed for: {', '.join(map(text, untold))}."
    return fill(template, {**sections, "missing": f"{sections['missing']}\n\n{said}"})


def title_of(section: str) -> str:
    """The title of a section's Markdown."""
    return section.partition("\n")[0].removeprefix("## ")


def readme(view: View, body: str) -> str:
    """README.md around the card's body."""
    titles = [line.removeprefix("## ") for line in outside_fences(body) if line.startswith("## ")]
    contents = " · ".join(f"[{title}](#{anchor(title)})" for title in titles)
    head = f"---\n{DatasetCardData(**front_matter(view)).to_yaml()}\n---\n\n# {text(view.manifest.title)}"
    made_by = "[Tamis](https://github.com/tamis-data/tamis)"
    foot = f"Made by {made_by}: every number above is computed from the release's manifest and ledger."
    parts = [head, content.summary(view), content.facts_line(view), contents, body, "---", foot]
    return "\n\n".join(part for part in parts if part) + "\n"
