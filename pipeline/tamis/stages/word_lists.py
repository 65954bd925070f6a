"""The stage `word_lists`: how many words and phrases of a list a document holds, by language."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.recipe.languages import check_language_or_any, nearest

_Files = str | Annotated[tuple[str, ...], Field(min_length=1)]


class WordListsConfig(StageConfig):
    """Options of `word_lists`."""

    lists: Annotated[dict[str, _Files], Field(min_length=1)]
    """Files of words and phrases (one a line, UTF-8, `#` starts a comment), one file or several, by language; `*`
    stands for every other language and for texts of unknown language. A path, `package:` or `hub:` reference."""

    @field_validator("lists")
    @classmethod
    def _languages(cls, lists: dict[str, _Files]) -> dict[str, _Files]:
        for language in lists:
            check_language_or_any(language)
        return lists

    def files(self) -> dict[str, tuple[str, ...]]:
        """The files of each language."""
        return {name: (files,) if isinstance(files, str) else files for name, files in self.lists.items()}


def _models(config: WordListsConfig) -> dict[str, str]:
    found = {}
    for language, files in config.files().items():
        for number, file in enumerate(files):
            found[_model(language, number)] = file
    return found


def _model(language: str, number: int) -> str:
    return f"{language}.{number + 1}" if number else language


class _Lists:
    """The lists of all languages: words for the kernel, and entries that begin or end with a sign."""

    def __init__(self, config: WordListsConfig, models: Models) -> None:
        from tamis.corpus.name_lists import read_list
        from tamis.kernels.phrases import phrase_tables
        from tamis.kernels.unicode import WORD, char_tables

        classes = char_tables().classes
        self.languages = list(config.files())
        self.signs: list[list[str]] = []
        words = []
        for language, files in config.files().items():
            paths = [Path(models[_model(language, number)]) for number in range(len(files))]
            entries = list(dict.fromkeys(entry for path in paths for entry in read_list(path)))
            whole = [entry for entry in entries if all(classes[ord(char)] & WORD for char in (entry[0], entry[-1]))]
            words.append(whole)
            others = pa.array([entry for entry in entries if entry not in set(whole)], pa.large_string())
            # In lower case as the texts will be: character by character.
            self.signs.append(sorted(set(pc.utf8_lower(others).to_pylist())))
        self.tables = phrase_tables(words)

    def rows(self, languages: pa.Array) -> npt.NDArray[np.int32]:
        """The number of each document's list, -1 for none."""
        encoded = pc.dictionary_encode(languages)
        numbers = [self._row(name) for name in encoded.dictionary.to_pylist()]
        indices = pc.fill_null(encoded.indices, len(numbers)).to_numpy(zero_copy_only=False)
        per_row: npt.NDArray[np.int32] = np.array([*numbers, self._row(None)], np.int32)[indices]
        return per_row

    def _row(self, language: str | None) -> int:
        name = nearest(language, self.languages)
        return -1 if name is None else self.languages.index(name)

    def count_signs(
        self, texts: pa.Array, rows: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """How often entries that begin or end with a sign stand in each text, and how many different ones do."""
        found, distinct = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
        for number, entries in enumerate(self.signs):
            of_list = np.flatnonzero(rows == number)
            if not entries or not len(of_list):
                continue
            lowered = pc.utf8_lower(texts.take(pa.array(of_list)))
            # Each entry takes a pass over the text: only texts with one of them, which one pass finds, take it.
            hit = np.flatnonzero(pl.Series(lowered).str.contains_any(entries).to_numpy())
            lowered = lowered.take(pa.array(hit))
            for entry in entries:
                counts = np.asarray(pc.count_substring(lowered, entry), np.int64)
                found[of_list[hit]] += counts
                distinct[of_list[hit]] += counts > 0
        return found, distinct


def _prepare(config: WordListsConfig, models: Models) -> Measure:
    from tamis.kernels.buffers import text_buffers
    from tamis.kernels.phrases import count_phrases

    lists = _Lists(config, models)

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        rows = lists.rows(batch.column("language"))
        counts = count_phrases(*text_buffers(batch.column("text")), lists.tables, rows)
        found, distinct = lists.count_signs(batch.column("text"), rows)
        none = rows < 0
        share = (counts.covered / np.maximum(counts.words, 1)).astype(np.float32)
        columns: dict[str, Any] = {
            "count": pa.array((counts.found + found).astype(np.int32), mask=none),
            "distinct": pa.array((counts.distinct + distinct).astype(np.int32), mask=none),
            "share": pa.array(share, mask=none),
        }
        return measured(batch.num_rows, columns)

    return measure


def _check(_: WordListsConfig, models: Models) -> None:
    """Raises InputError for a file that is no list."""
    from tamis.corpus.name_lists import read_list

    for path in models.values():
        read_list(Path(path))


STAGE = Stage(
    name="word_lists",
    version=1,
    title="Words and phrases of lists by language, such as those of toxic language",
    about="""Counts the words and phrases of a list in each document. The lists are files of yours, by language; what
they are for is yours to say. C4 (Raffel et al. 2020) drops a page with one word of the list LDNOOBW of its language:

    - word_lists:
        lists: {fr: lists/ldnoobw/fr, en: lists/ldnoobw/en, "*": lists/any.txt}
        keep: {count: [null, 0]}

Words match whole, in any case: `ass` isn't found in `class`. Words are as every stage has them: runs of letters,
digits and marks. A phrase is its words in a row: between them any white space or hyphens may stand, and otherwise the
signs that the list has there, but no end of a paragraph. In scripts without spaces (Han, kana, Thai, ...) every
character is a word, so an entry is found wherever its characters stand. Of entries that overlap in a text, the first
and then the longest counts. An entry that begins or ends with a sign (`a$$`, an emoji) is looked for as it is, inside
words, too; it adds to `count` and `distinct`, not to `share`. ß isn't taken for ss, nor é for e.

The list is that of the document's language, then of the language without region or script (pt-BR is pt), then `*`;
without one the signals are null. A file's hash is part of what is measured: a changed list is counted anew. A word of
a list doesn't make a text toxic, and a text without one may well be: look at samples of what a rule drops.""",
    config=WordListsConfig,
    reads=("text", "language"),
    adds=(
        Column("count", pa.int32(), "count", "Words and phrases of the list found; null: no list for the language."),
        Column("distinct", pa.int32(), "count", "Different ones among them."),
        Column("share", pa.float32(), "ratio 0..1", "Words of the text that belong to them."),
    ),
    prepare=_prepare,
    models=_models,
    check=_check,
)
