"""A release of hundreds of sources in tens of languages, on paper: facts multiplied, no document made."""

from __future__ import annotations

import random
from typing import Any

from tamis.corpus.manifest import CompositionRow, FunnelRow, Manifest

LANGUAGES = "fr en de es it pt nl pl cs sv da fi nb ro hu el bg hr sk sl lt lv et ga mt ca eu gl br oc".split()  # noqa: SIM905
CATEGORIES = ("web", "book", "news", "encyclopedia", "forum", "law", "science", "speech", "code", "education")


def many(manifest: Manifest, sources: int, languages: int) -> Manifest:
    """The manifest of `sources` sources in `languages` languages, after the first source of a real one. Amounts are
    drawn; documents in are documents out and documents dropped, as in any manifest."""
    dice = random.Random(5)
    names = [f"collection-{number:03d}-{dice.choice(CATEGORIES)}" for number in range(sources)]
    rejects = {"bad_json": 3, "no_main_text": 40}
    first, stages = manifest.sources[0], list(dict.fromkeys(row.stage for row in manifest.funnel))
    made, funnel, composition = [], [], []
    for place, name in enumerate(names):
        documents = int(dice.paretovariate(0.7) * 2000) % 40_000_000 + 100
        left = documents
        for stage in stages:
            lost = int(left * dice.choice((0, 0, 0.01, 0.05, 0.3)))
            reasons = {f"{stage}.first": lost - lost // 3, f"{stage}.second": lost // 3} if lost > 2 else {}
            entered, left = left, left - sum(reasons.values())
            funnel.append(
                FunnelRow.model_validate(
                    {**manifest.funnel[0].model_dump(), "source": name, "stage": stage, "documents_in": entered,
                     "documents_out": left, "reasons": reasons}
                )
            )  # fmt: skip
        made.append(
            first.model_copy(
                update={"name": name, "documents": documents, "read": documents + 43, "rejects": rejects, "filtered": 0}
            )
        )
        composition += _cells(manifest.composition[0], name, left, LANGUAGES[:languages], place, dice)
    parts = [f"part-{number:05d}.jsonl.zst" for number in range(8)]
    recipe = manifest.recipe | {
        "sources": [
            {**manifest.recipe["sources"][0], "name": name, "path": [f"collections/{name}/{part}" for part in parts]}
            for name in names
        ]
    }
    update: dict[str, Any] = {
        "sources": tuple(made),
        "composition": tuple(composition),
        "funnel": tuple(funnel),
        "recipe": recipe,
        "dropped_by_language": {lang: {"released": 900, "language.score": 100} for lang in LANGUAGES[:languages]},
    }
    totals = {
        name: sum(getattr(row, name) for row in composition) for name in ("documents", "chars", "bytes", "tokens")
    }
    totals |= {"ingested": sum(source.documents for source in made)}
    return manifest.model_copy(update=update | {"totals": manifest.totals | totals})


def _cells(
    model: CompositionRow, source: str, documents: int, languages: list[str], place: int, dice: random.Random
) -> list[CompositionRow]:
    """A source's documents in a few languages, the first source in all of them."""
    spoken = languages if place == 0 else dice.sample(languages, min(len(languages), dice.choice((1, 1, 2, 6))))
    part = max(documents // len(spoken), 1)
    amounts = {"documents": part, "chars": part * 3000, "bytes": part * 3100, "tokens": part * 800,
               "passed_documents": part, "passed_tokens": part * 800, "copies": part,
               "mixed_tokens": part * 800}  # fmt: skip
    category = source.rpartition("-")[2]
    return [
        model.model_copy(
            update={"source": source, "language": language, "category": category, **amounts, "epochs": 1.0}
        )
        for language in spoken
    ]
