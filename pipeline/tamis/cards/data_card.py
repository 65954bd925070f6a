"""The data card of a release: README.md, LICENSES.md, figures and CSV twins, computed from its manifest,
its ledger and the schemas of its shards. No number in them is typed, no date, no text of a document."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from huggingface_hub import DatasetCardData

from tamis.cards import changes, content, processing, provenance, review, usage
from tamis.cards.figures import figures
from tamis.cards.front_matter import front_matter
from tamis.cards.markdown import text
from tamis.cards.twins import twins
from tamis.cards.view import View, view_of
from tamis.corpus.commit import write_bytes
from tamis.corpus.manifest import Manifest

README = "README.md"


def write_card(manifest: Manifest, ledger: pl.DataFrame, folder: Path) -> list[Path]:
    """Writes the card into the release in the making at `folder`; returns what it wrote.

    `manifest.files` names at least the shards; `ledger` has one row per ingested document.
    """
    written = []
    for path, body in render(manifest, ledger, folder).items():
        write_bytes(folder / path, body)
        written.append(folder / path)
    return written


def render(
    manifest: Manifest, ledger: pl.DataFrame, release: Path, verdicts: bytes | None = None
) -> dict[str, bytes]:
    """The card's files by their path in the release. The same facts give the same bytes. `verdicts` as in `view_of`."""
    view = view_of(manifest, ledger, release, verdicts)
    drawn = {Path(figure.path).stem: figure for figure in figures(view)}
    shown = {name: f"![{text(figure.alt)}]({figure.path})\n\n*{figure.caption}*" for name, figure in drawn.items()}
    return {
        README: readme(view, shown).encode(),
        "LICENSES.md": provenance.licenses_file(view).encode(),
        **{figure.path: figure.content for figure in drawn.values()},
        **changes.files(view),
        **review.files(view),
        **twins(view),
    }


def readme(view: View, figures: dict[str, str]) -> str:
    """README.md; `figures` has the Markdown of each by name."""
    summary = str(view.manifest.recipe.get("card", {}).get("summary", "")).strip()
    flow = "\n\n".join(figures[name] for name in ("funnel", "sources") if name in figures)
    sections = [
        content.at_a_glance(view),
        content.composition(view, figures["composition"]),
        processing.dropped(view, flow),
        processing.rules(view),
        provenance.sources(view),
        provenance.rights(view),
        processing.personal_data(view),
        processing.duplicates(view),
        content.mix(view),
        usage.fields(view),
        usage.tokenizer(view),
        usage.loading(view),
        usage.reproducing(view),
        *usage.words(view),
        review.review(view),
        changes.changes(view),
        usage.missing(view),
    ]
    titles = [part.partition("\n")[0].removeprefix("## ") for part in sections]
    contents = " · ".join(f"[{title}](#{_anchor(title)})" for title in titles)
    head = f"---\n{DatasetCardData(**front_matter(view)).to_yaml()}\n---\n\n# {text(view.manifest.title)}"
    made_by = "[Tamis](https://github.com/tamis-data/tamis)"
    foot = f"Made by {made_by}: every number above is computed from the release's manifest and ledger."
    parts = [head, summary, content.facts_line(view), contents, *sections, "---", foot]
    return "\n\n".join(part for part in parts if part) + "\n"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
