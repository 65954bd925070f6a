"""How well tokenizers do on texts they haven't seen: fertility, compression, round trip, use of the vocabulary."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from tamis.errors import InputError, OptionError
from tamis.kernels.buffers import text_buffers
from tamis.kernels.gopher import NO_LIST, count_prose, stop_word_tables
from tamis.tokens.program import NotCompiled, compiled
from tamis.tokens.tokenizer import TokenizerHandle, load_tokenizer

FILE = "tokenizer.json"
SPECIAL, BYTES, SPACES, NUMBERS, SIGNS = "special", "bytes", "white space", "numbers", "signs"
"""What a token is made of when it holds no letter; BYTES are parts of a character."""
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
OTHER = "other letters"
_SCRIPTS = {
    name.upper(): name
    for name in (
        *("Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Arabic", "Syriac", "Ethiopic", "Devanagari"),
        *("Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai"),
        *("Lao", "Tibetan", "Myanmar", "Khmer", "Mongolian", "Hangul", "Hiragana", "Katakana", "Bopomofo"),
    )
} | {"CJK": "Han", "IDEOGRAPHIC": "Han"}
"""Scripts by the word that the names of their letters begin with."""


@dataclass
class Counted:
    """What a tokenizer made of the held-out texts of a cell."""

    tokens: int = 0
    """Without those that end documents."""
    split_words: int = 0
    """Words between spaces that take more than one token, with or without the space before them."""
    unknown: int = 0
    """Tokens that stand for what the tokenizer can't write."""
    altered: int = 0
    """Documents that don't come back as they were when they are decoded."""


@dataclass
class Cell:
    """Held-out texts of a language and category, and what each tokenizer made of them, by its name."""

    name: str
    documents: int = 0
    characters: int = 0
    bytes: int = 0
    words: int = 0
    """As every stage counts them: runs of letters and digits, and each character of a script without spaces."""
    spaced_words: int = 0
    """What stands between white space."""
    counted: dict[str, Counted] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """A tokenizer and what is known of it."""

    name: str
    handle: TokenizerHandle

    def facts(self, used: npt.NDArray[np.bool_]) -> dict[str, Any]:
        """Identity, how it is encoded, ids met in the held-out texts, tokens by script."""
        why = why_not_compiled(self.handle)
        size = len(self.handle.library.get_vocab(with_added_tokens=True))
        return {
            "name": self.name,
            **self.handle.describe(),
            "ids": size,
            "ids_used": int(used.sum()),
            "compiled": why is None,
            "not_compiled_because": why,
            "scripts": scripts(self.handle),
        }


def judged(name: str, path: Path) -> Judged:
    """A tokenizer to judge, from its file. Raises InputError.

    One without a usual end of document takes another of its special tokens for that: any does that no text becomes.
    """
    try:
        return Judged(name, load_tokenizer(path))
    except InputError:
        special = _special(path)
        if special is None:
            raise
        return Judged(name, load_tokenizer(path, special))


def _special(path: Path) -> str | None:
    """The last special token of a `tokenizer.json`, if it is one."""
    try:
        found = [token["content"] for token in orjson.loads(path.read_bytes())["added_tokens"] if token["special"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(found[-1]) if found else None


def references(paths: Sequence[Path], taken: str) -> list[Judged]:
    """Tokenizers to compare with, named by their files or folders; `taken` is a name that none may have."""
    found: dict[str, Judged] = {}
    for path in paths:
        file = path / FILE if path.is_dir() else path
        if not file.is_file():
            raise OptionError(
                f"--reference {path}: there is no {FILE} here; name such a file, or a folder that holds one"
            )
        name = file.resolve().parent.name if file.name == FILE else file.stem
        if name in (taken, *found):
            name = f"{name}-{len(found) + 2}"
        found[name] = judged(name, file)
    return list(found.values())


def evaluate(
    texts: Iterable[tuple[str, pa.Array]], tokenizers: Sequence[Judged]
) -> tuple[list[Cell], dict[str, npt.NDArray[np.bool_]]]:
    """Counts of every cell, by name, and which ids each tokenizer used."""
    cells: dict[str, Cell] = {}
    used = {one.name: np.zeros(one.handle.vocabulary_size, bool) for one in tokenizers}
    for name, column in texts:
        cell = cells.setdefault(name, Cell(name, counted={one.name: Counted() for one in tokenizers}))
        words = _count_text(cell, column)
        distinct = list(words)
        times = np.fromiter(words.values(), np.int64, len(distinct))
        for one in tokenizers:
            counted = cell.counted[one.name]
            _count_tokens(counted, one.handle, column, used[one.name])
            counted.split_words += int(times[_split_words(one.handle, distinct)].sum())
    return [cells[name] for name in sorted(cells)], used


def _count_text(cell: Cell, column: pa.Array) -> Counter[str]:
    """Counts some documents; returns the words between white space."""
    data, offsets = text_buffers(column)
    lists = np.full(len(column), NO_LIST, np.int32)
    cell.documents += len(column)
    cell.bytes += int(offsets[-1] - offsets[0])
    cell.words += int(count_prose(data, offsets, stop_word_tables([]), lists).words.sum())
    words: Counter[str] = Counter()
    for text in column.to_pylist():
        cell.characters += len(text)
        words.update(text.split())
    cell.spaced_words += words.total()
    return words


def _count_tokens(counted: Counted, handle: TokenizerHandle, column: pa.Array, used: npt.NDArray[np.bool_]) -> None:
    ids, offsets = handle.encode(column)
    used[ids] = True
    used[handle.end_id] = True
    counted.tokens += len(ids) - len(column)
    unknown = unknown_id(handle)
    if unknown is not None:
        counted.unknown += int(np.count_nonzero(ids == unknown))
    for text, start, stop in zip(column.to_pylist(), offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        back = handle.library.decode(ids[start : stop - 1].tolist(), skip_special_tokens=False)
        counted.altered += back != text


def _split_words(handle: TokenizerHandle, words: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which words take more than one token, both by themselves and behind a space."""
    least = np.full(len(words), 2, np.int64)
    for before in ("", " "):
        _, offsets = handle.encode(pa.array([before + word for word in words], pa.large_string()))
        least = np.minimum(least, np.diff(offsets) - 1)
    return least > 1


def unknown_id(handle: TokenizerHandle) -> int | None:
    """The id that stands for what the tokenizer can't write, where it has one."""
    token = getattr(handle.library.model, "unk_token", None)
    found: int | None = handle.library.token_to_id(token) if token is not None else None
    return found


def why_not_compiled(handle: TokenizerHandle) -> str | None:
    """Why the `tokenizers` library encodes with this tokenizer, in a clause; None: compiled code does."""
    if handle.compiled is not None:
        return None
    try:
        compiled(
            orjson.loads(handle.library.to_str()), handle.library.get_vocab(with_added_tokens=False), handle.end_id
        )
    except NotCompiled as reason:
        return str(reason)
    return "the compiled encoder and the library disagree on a probe"


def scripts(handle: TokenizerHandle) -> dict[str, int]:
    """Tokens by the script of their first letter, or by what they are made of, the most frequent first."""
    library = handle.library
    special = {number for number, token in library.get_added_tokens_decoder().items() if token.special}
    counts = Counter(
        SPECIAL if number in special or number == handle.end_id else _script(token, library.decode([number]))
        for token, number in library.get_vocab(with_added_tokens=True).items()
    )
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _script(token: str, text: str) -> str:
    if _BYTE.fullmatch(token) or "\ufffd" in text:
        return BYTES
    kinds = [unicodedata.category(char) for char in text]
    for char, kind in zip(text, kinds, strict=True):
        if kind[0] == "L":
            return _SCRIPTS.get(unicodedata.name(char, OTHER).split()[0], OTHER)
    if any(kind[0] == "N" for kind in kinds):
        return NUMBERS
    return SPACES if not text.strip() else SIGNS


def summed(name: str, cells: Sequence[Cell]) -> Cell:
    """Several cells as one."""
    whole = Cell(name)
    for cell in cells:
        for part in ("documents", "characters", "bytes", "words", "spaced_words"):
            setattr(whole, part, getattr(whole, part) + getattr(cell, part))
        for tokenizer, counted in cell.counted.items():
            mine = whole.counted.setdefault(tokenizer, Counted())
            for part, value in asdict(counted).items():
                setattr(mine, part, getattr(mine, part) + value)
    return whole


def rates(cell: Cell, tokenizer: str) -> dict[str, float | None]:
    """What the counts of a tokenizer come to; None where there is nothing to divide by.

    `fertility`: tokens per word; `fertility_spaced`: per word between white space; `characters_per_token`,
    `bytes_per_token`; `split_words`: share of the words between white space that take more than one token.
    """
    counted = cell.counted[tokenizer]

    def share(above: int, below: int) -> float | None:
        return round(above / below, 6) if below else None

    return {
        "fertility": share(counted.tokens, cell.words),
        "fertility_spaced": share(counted.tokens, cell.spaced_words),
        "characters_per_token": share(cell.characters, counted.tokens),
        "bytes_per_token": share(cell.bytes, counted.tokens),
        "split_words": share(counted.split_words, cell.spaced_words),
    }


def to_json(cell: Cell) -> Mapping[str, Any]:
    """Counts and rates of a cell."""
    facts = asdict(cell)
    facts["tokenizers"] = {name: {**counts, **rates(cell, name)} for name, counts in facts.pop("counted").items()}
    return facts
