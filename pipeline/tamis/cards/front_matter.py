"""The card's front matter: what the Hugging Face Hub searches by, and how its loaders find the files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from tamis.cards.paths import source_of
from tamis.cards.view import View
from tamis.corpus.manifest import CompositionRow
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.recipe.languages import CODE, languages_of
from tamis.recipe.licenses import hub_license

SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
         (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"), (10**11, "10B<n<100B"),
         (10**12, "100B<n<1T"))  # fmt: skip
"""The Hub's size categories: they count rows, never tokens or bytes."""
_NUMBER = "?" * 5
"""A shard's number in a glob."""
TITLE_LENGTH = 60


def front_matter(view: View) -> dict[str, Any]:
    """The fields, in the Hub's own vocabulary (its `datasetcard.md`)."""
    manifest = view.manifest
    present = languages(view, view.present)
    natural = [tag for tag in present if tag != CODE]
    fields: dict[str, Any] = {
        "pretty_name": manifest.title[:TITLE_LENGTH],
        **_license(view),
        "language": list(dict.fromkeys(tag.partition("-")[0] for tag in present)),
        "language_details": [tag for tag in natural if "-" in tag],
        "multilinguality": ["multilingual" if len(natural) > 1 else "monolingual"] if natural else [],
        "size_categories": [size_category(sum(file.rows or 0 for file in view.files("data")))],
        "task_categories": ["text-generation"],
        "task_ids": ["language-modeling"],
        "annotations_creators": ["no-annotation"],
        "language_creators": ["found"],
        "source_datasets": ["original"],
        "tags": _tags(view),
        "configs": configs(view),
        "dataset_info": _info(view),
    }
    return {key: value for key, value in fields.items() if value not in ([], "", None)}


def languages(view: View, rows: Iterable[CompositionRow] | None = None) -> list[str]:
    """Languages of the release, or of some rows of it, the largest first, aligned texts under both of theirs; `und` is
    no language and stays out."""
    tags = [tag for (tag,) in view.sums("language", rows=rows) if tag != UNKNOWN]
    return list(dict.fromkeys(language for tag in tags for language in languages_of(tag)))


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows."""
    return next((name for limit, name in SIZES if rows < limit), "n>1T")


def _license(view: View) -> dict[str, Any]:
    expressions = {license_ for (license_,) in view.sums("license", rows=view.present)}
    hub = hub_license(expressions)
    if hub != "other":
        return {"license": hub}
    name = expressions.pop().lower().replace(" ", "-") if len(expressions) == 1 else "mixed"
    return {"license": hub, "license_name": name, "license_link": "LICENSES.md"}


def _tags(view: View) -> list[str]:
    marks = {"tokenize": "tokenized", "near_duplicates": "deduplicated", "exact_duplicates": "deduplicated",
             "pii": "pii-redacted"}  # fmt: skip
    used = [marks[use.kind] for use in view.manifest.uses if use.kind in marks]
    return ["pretraining", *sorted(set(used)), "tamis"]


def configs(view: View) -> list[dict[str, Any]]:
    """The default config, one per language, source and category that has files of its own, and the tokens: names
    are unique, and globs match the files they are meant for and no other."""
    paths = [file.path for file in view.files("data")]
    folders = sorted({path.split("/")[1] for path in paths})
    sources = sorted({source_of(path) for path in paths})
    found: list[dict[str, Any]] = []
    taken: set[str] = set()

    def add(name: str, kind: str, *globs: str) -> None:
        name = name if name not in taken else f"{kind}-{name}"
        taken.add(name)
        path = globs[0] if len(globs) == 1 else list(globs)
        config: dict[str, Any] = {"config_name": name, "data_files": [{"split": "train", "path": path}]}
        found.append(config | ({"default": True} if len(found) == 0 else {}))

    add("default", "all", "data/*/*.parquet")
    taken.add("tokens")
    for folder in folders:
        add(folder, "language", f"data/{folder}/*.parquet")
    for source in sources:
        add(source, "source", _shards(source))
    for category, members in categories(view).items():
        if members:
            add(category, "category", *map(_shards, members))
    if view.files("tokens"):
        found.append({"config_name": "tokens", "data_files": [{"split": "train", "path": "tokens/*/*.parquet"}]})
    return found


def categories(view: View) -> dict[str, list[str]]:
    """Each category of the release with the sources whose every document is of it; with none where such a
    document shares its files with those of other categories, which no glob can tell apart."""
    of_source: dict[str, set[str]] = {}
    for source, category in view.sums("source", "category", rows=view.present):
        of_source.setdefault(source, set()).add(category)
    found: dict[str, list[str]] = {}
    for (category,) in view.sums("category", rows=view.present):
        members = sorted(source for source, held in of_source.items() if category in held)
        if category != NO_CATEGORY:
            found[category] = members if all(len(of_source[source]) == 1 for source in members) else []
    return found


def _shards(source: str) -> str:
    """The glob of a source's shards. Its length keeps source `web` from taking the files of source `web-fr`."""
    return f"data/*/{source}-{_NUMBER}-of-{_NUMBER}.parquet"


def _info(view: View) -> dict[str, Any]:
    data = view.files("data")
    return {
        "config_name": "default",
        "features": features(view.schemas["data"]),
        "splits": [{"name": "train", "num_bytes": view.memory, "num_examples": sum(file.rows or 0 for file in data)}],
        "download_size": sum(file.bytes for file in data),
        "dataset_size": view.memory,
    }


def features(schema: pa.Schema) -> list[dict[str, Any]]:
    """An Arrow schema as the Hub's `datasets` library writes it."""
    return [{"name": field.name, **_feature(field.type)} for field in schema]


def _feature(type_: pa.DataType) -> dict[str, Any]:
    if pa.types.is_large_list(type_):
        return {"large_list": str(type_.value_type)}
    if pa.types.is_list(type_):
        return {"list": str(type_.value_type)}
    return {"dtype": {"double": "float64", "float": "float32", "halffloat": "float16"}.get(str(type_), str(type_))}
