"""Sections on how to use a release, and what is not known of it."""

from __future__ import annotations

import pyarrow as pa

from tamis.cards.content import names
from tamis.cards.exports.dmp import lacking
from tamis.cards.front_matter import categories
from tamis.cards.markdown import code, fenced, folded, section, table, text
from tamis.cards.numbers import count, share, short
from tamis.cards.template import titles
from tamis.cards.view import View
from tamis.engine.ledger import FACTS
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN

MEANINGS = {
    "text": "the document, after every edit",
    "id": "source and the source's own id; unique, stable over versions",
    "source": "name of the source",
    "language": "BCP-47, `code` for source code; null when unknown",
    "category": "genre; null when unknown",
    "license": "SPDX expression",
    "url": "address of the document, if the source tells it",
    "title": "title, if the source tells it",
    "date": "date as the source writes it",
    "author": "author, if the source tells it",
    "copies": "how often the document counts in the mix",
    "mix.part": "whether the mix takes the document as long or short",
    "mix.quality": "upper edge of the document's bucket of quality, as a quantile of tokens; null when not measured",
    "tokens": "number of token ids, the end-of-document id included",
    "n_tokens": "length of `input_ids`",
    "input_ids": "token ids of `text`, then one end-of-document id",
}
LONG_RECIPE = 50_000
"""Characters of a recipe that may stand in the card."""


def fields(view: View) -> str:
    """Columns of the shards and of the ledger."""
    parts = []
    titles = {
        "data": "`data/LANGUAGE/SOURCE-*.parquet`: texts",
        "tokens": "`tokens/LANGUAGE/SOURCE-*.parquet`: token ids, row for row the same documents",
    }
    for folder, schema in view.schemas.items():
        null = {field.name: _null(view, field) for field in schema} if folder == "data" else {}
        rows = [
            (code(field.name), code(_type(field.type)), *([null[field.name]] if null else []),
             MEANINGS.get(field.name, "–"))
            for field in schema
        ]  # fmt: skip
        header = ("Column", "Type", *(("Null",) if null else ()), "Meaning")
        parts.append(f"### {titles[folder]}\n\n{table(header, 'llrl' if null else 'lll', rows)}")
    ledger = (
        "### `ledger/*.parquet`: one row per ingested document\n\n"
        f"Columns {', '.join(map(code, FACTS))}; `passed` (every rule), `epochs`, `copies`, `dropped_by` (the first "
        "failed rule, null in the release), `failed` (all failed rules); then, per stage, `STAGE.measured` and its "
        "signals as `STAGE.SIGNAL`. No text."
    )
    return section("Fields", *parts, ledger)


def _null(view: View, field: pa.Field) -> str:
    """Share of the released documents that have no value there."""
    if field.name == "text":
        return "never"
    if field.name not in view.nulls:
        return "not counted"
    nulls = view.nulls[field.name]
    return share(nulls, sum(file.rows or 0 for file in view.files("data"))) if nulls else "none"


def _type(type_: pa.DataType) -> str:
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return f"list of {type_.value_type}"
    return str(type_).removeprefix("large_")


def tokenizer(view: View) -> str:
    """Which tokenizer made the ids."""
    facts = view.manifest.tokenizer
    if facts is None:
        return section("Tokenizer", "The release holds no token ids.")
    rows = [
        ("Reference", text(facts["reference"])),
        ("File", "[`tokenizer/tokenizer.json`](tokenizer/tokenizer.json)"),
        ("SHA-256", code(facts["sha256"])),
        ("Model", text(facts["model"])),
        ("Vocabulary", f"{count(facts['vocabulary_size'])} ids, stored as {code(facts['id_type'])}"),
        (
            "End of document",
            f"{code(facts['end_of_document'])}, id {code(facts['end_of_document_id'])}: "
            "the last id of every document, and nowhere else",
        ),
    ]
    ratios = [
        (code(language), share_of(cell.chars, cell.tokens), share_of(cell.bytes, cell.tokens))
        for (language,), cell in view.sums("language").items()
    ]
    ratio = table(("Language", "Characters per token", "Bytes per token"), "lrr", ratios[:40])
    return section(
        "Tokenizer",
        table(("", ""), "ll", rows),
        ratio,
        "Characters and bytes are those of the text before edits.",
    )


def share_of(part: int, whole: int) -> str:
    """How many of `part` come to one of `whole`."""
    return f"{part / whole:.2f}" if whole else "–"


def loading(view: View) -> str:
    """How to read it."""
    language = next((lang for (lang,) in view.sums("language", rows=view.present)), UNKNOWN)
    tokens = (
        '\ntokens = load_dataset("NAMESPACE/' + view.manifest.name + '", "tokens", split="train", streaming=True)'
        if view.files("tokens")
        else ""
    )
    hub = (
        "from datasets import load_dataset\n\n"
        f'everything = load_dataset("NAMESPACE/{view.manifest.name}", split="train", streaming=True)\n'
        f'{_identifier(language)} = load_dataset("NAMESPACE/{view.manifest.name}", "{language}", split="train")'
        + tokens
    )
    polars = (
        "import polars as pl\n\n"
        f'documents = pl.scan_parquet("data/{language}/*.parquet").filter(pl.col("license") == "{_license(view)}")\n'
        'why = pl.scan_parquet("ledger/*.parquet").group_by("source", "dropped_by").len().collect()'
    )
    weights = (
        "Documents count once in the shards. To train on the mix as weighted, repeat each document `copies` times."
        if view.manifest.totals["copies"] != view.manifest.totals["documents"]
        else ""
    )
    by_category = categories(view)
    shared = [name for name, members in by_category.items() if not members]
    of = ", source and category" if len(shared) < len(by_category) else " and source"
    configs = f"Every language{of} is a configuration of its own, named in place of `{language}`."
    if shared:
        configs += f" Of {names(shared)}, documents lie in files beside others: take `category` of the rows."
    return section(
        "How to load it",
        "From the Hub (a path to the release's folder works in the same place):",
        fenced("python", hub),
        configs,
        "From the files, without reading more than is asked for:",
        fenced("python", polars),
        weights,
    )


def _identifier(language: str) -> str:
    return language.replace("-", "_").lower()


def _license(view: View) -> str:
    return next((name for (name,) in view.sums("license", rows=view.present)), "")


def reproducing(view: View) -> str:
    """How to make it again, to the byte."""
    manifest = view.manifest
    software = ", ".join(f"{name} {version}" for name, version in sorted(manifest.software.items()))
    return section(
        "How to make it again",
        "The same recipe, on the same source files, with the same software, gives the same bytes: "
        f"identity {code(manifest.identity)}.",
        fenced(
            "sh",
            f"tamis run {manifest.name}.yaml  # the recipe below\n"
            f"tamis verify {manifest.name}-{manifest.version}  # every checksum, and every number of this card",
        ),
        f"Software: {text(software)}. Fingerprints of the source files are in [`manifest.json`](manifest.json), "
        "as are sizes and SHA-256 of every file of the release.",
        "The recipe, with every default and rule spelled out, is [`recipe.yaml`](recipe.yaml)." if long_recipe(view)
        else folded(
            "The recipe, with every default and rule spelled out",
            fenced("yaml", view.recipe_yaml),
        ),
    )  # fmt: skip


def long_recipe(view: View) -> str:
    """The recipe as a file beside the card, where it is too long to stand in it; else nothing."""
    return view.recipe_yaml if len(view.recipe_yaml) > LONG_RECIPE else ""


TEXTS = (
    ("intended_uses", "Intended uses"),
    ("out_of_scope_uses", "Out-of-scope uses"),
    ("limitations", "Limitations and biases"),
    ("contact", "Contact"),
    ("citation", "Citation"),
)
UNSAID = "*Not written yet.*"
MORE = {
    "motivation": "Motivation",
    "biases": "Known biases",
    "social_impact": "Social impact",
    "personal_data": "Handling of personal data",
    "ethics": "Ethics",
    "languages_note": "Varieties of language",
    "maintenance": "Maintenance",
    "retention": "Retention",
}
"""Sections that are only there when they are written."""


def words(view: View, key: str) -> str:
    """A section that only people can write, as the recipe has it."""
    said = str(view.manifest.recipe.get("card", {}).get(key, "")).strip()
    if not said and key in MORE:
        return ""
    title = MORE.get(key) or dict(TEXTS)[key]
    return section(title, (fenced("bibtex", said) if key == "citation" else said) if said else UNSAID)


ABSENT = (
    ("language", "Languages were not identified by a model."),
    ("gopher_quality", "No stage measured the quality of the text."),
    ("exact_duplicates", "No stage looked for exact duplicates."),
    ("near_duplicates", "No stage looked for near duplicates."),
    ("pii", "No stage looked for personal data."),
    ("tokenize", "The text was not tokenized: amounts are in characters."),
)
ALWAYS = (
    "No stage looked for text of evaluation benchmarks.",
    "No stage looked for toxic or illegal content.",
)
NO_OPT_OUT = "No opt-out of rights holders was asked for beyond what the sources did themselves."


ASKED = (
    ("provider", "provider"),
    ("url", "address"),
    ("version", "version"),
    ("selection", "selection rule"),
    ("period", "period"),
    ("license_url", "evidence of the licence"),
    ("acquisition", "way of acquisition"),
    ("accessed", "month of access"),
)
"""What a source should declare, in the order it is asked for."""
ASKED_OF_CARD = ("motivation", "biases", "social_impact", "personal_data", "ethics", "maintenance", "released", "url",
                 "creators", "publisher", "contact_email", "host", "access")  # fmt: skip
"""What the exports need besides the sections above."""


def missing(view: View) -> str:
    """Everything a reader may want to know and this release does not tell."""
    manifest = view.manifest
    lines = []
    written = manifest.recipe.get("card", {})
    own = titles(manifest.card_template)
    lines += [
        f"The recipe's `card.{key}` is empty."
        for key, title in (("summary", ""), *TEXTS)
        if not written.get(key) and title not in own
    ]
    silent = [key for key in ASKED_OF_CARD if not written.get(key)]
    if silent:
        lines.append(f"The exports lack what the recipe's `card` doesn't say: {', '.join(map(code, silent))}.")
    required = lacking(view)
    if required:
        needs = ", ".join(code(f"card.{key}") for key in required)
        lines.append(f"`dmp.json` is not written: its standard requires {needs}, which nobody declared.")
    for key, title in ASKED:
        without = [source.name for source in manifest.sources if not source.declared.get(key)]
        if without:
            every = "every source" if len(without) == len(manifest.sources) > 1 else names(without)
            lines.append(f"No {title} is declared for {every}.")
    for key, value, what in (("language", UNKNOWN, "language"), ("category", NO_CATEGORY, "category"),
                             ("license", "LicenseRef-Unknown", "licence")):  # fmt: skip
        cell = view.sums(key).get((value,))
        if cell is not None:
            part = share(view.amount(cell), manifest.totals[view.unit])
            lines.append(
                f"The {what} of {count(cell.documents)} documents "
                f"({short(view.amount(cell))} {view.unit_name}, {part}) is not known."
            )
    used = {use.kind for use in manifest.uses}
    lines += [line for name, line in ABSENT if name not in used] + list(ALWAYS)
    if not any(
        source.declared.get("opt_out", {"by": "provider"}).get("by", "us") == "us" for source in manifest.sources
    ):
        lines.append(NO_OPT_OUT)
    return section(
        "What is missing",
        "Nothing is known, or nothing was done, where this list says so:",
        "\n".join(f"- {line}" for line in lines),
    )
