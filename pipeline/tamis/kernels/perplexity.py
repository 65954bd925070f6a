"""Perplexity of a text under a KenLM model over SentencePiece pieces, as CCNet computes it.

Wenzek et al. 2020 (arXiv:1911.00359): the text loses case, accents and control characters, newlines among them, its
digits become 0 and its punctuation ASCII; the perplexity is 10 ** (-s / n), s the log10 probability of its pieces and
of the end of the sentence, n their number.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.errors import InputError
from tamis.kernels.unicode import POINTS, categories

_PUNCTUATION = {
    '"': "„”“«»」「《》",
    "'": "´’",
    ",": "，、",
    ".": "。",
    ". ": "．",
    "...": "…",
    ":": "∶：",
    ";": "；",
    "?": "？",
    "!": "！",
    "(": "（",
    ")": "）",
    "[": "【",
    "]": "】",
    "<": "〈",
    ">": "〉",
    "-": "–━►",
    " - ": "—",
    "~": "～",
    "%": "％",
}
"""What CCNet writes for which marks."""


@functools.cache
def _replacements() -> dict[int, str | None]:
    """Characters of a decomposed text that are written otherwise, or not at all."""
    names = categories(POINTS)
    majors, minors = names[:, 0], names[:, 1]
    accents = POINTS[(majors == ord("M")) & (minors == ord("n"))].tolist()
    # Variation selectors of the last plane, which the table of characters leaves out, are marks, too.
    table: dict[int, str | None] = dict.fromkeys((*accents, *range(0xE0100, 0xE01F0)))
    table |= dict.fromkeys(POINTS[(majors == ord("N")) & (minors == ord("d"))].tolist(), "0")
    table |= dict.fromkeys((*range(32), *range(127, 160)))
    return table | {ord(mark): new for new, marks in _PUNCTUATION.items() for mark in marks}


def normalized(text: str) -> str:
    """The text as CCNet's models know it: what "normalise" means there, newlines taken out like any control
    character."""
    return unicodedata.normalize("NFD", text.strip().lower()).translate(_replacements())


class Perplexity:
    """A language model and the pieces that it counts in."""

    def __init__(self, model: Path, sentencepiece: Path) -> None:
        self._score, self._pieces = _model(model), _pieces(sentencepiece)

    def of(self, texts: Iterable[str]) -> npt.NDArray[np.float64]:
        """Perplexity of each text; NaN where nothing is left of it."""
        return np.array([self._of(text) for text in texts], np.float64)

    def _of(self, text: str) -> float:
        line = " ".join(self._pieces(normalized(text)))
        pieces = len(line.split())
        return float(10.0 ** (-self._score(line) / (pieces + 1))) if pieces else float("nan")


def _model(path: Path) -> Any:
    """`score(line)`: log10 probability of pieces with spaces between them, and of the end of the sentence."""
    try:
        import kenlm
    except ImportError:
        raise _missing("KenLM") from None
    try:
        return kenlm.Model(str(path)).score
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"{path}: KenLM can't read it as a model ({_first(error)}). Give an ARPA file, or a binary that "
            "KenLM's build_binary made of one"
        ) from error


def _pieces(path: Path) -> Any:
    """`pieces(text)`: a list of strings."""
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError:
        raise _missing("SentencePiece") from None
    try:
        return SentencePieceProcessor(model_file=str(path)).encode_as_pieces
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"{path}: SentencePiece can't read it as a model ({_first(error)}). Give the .model file that goes with "
            "the language model"
        ) from error


def _missing(what: str) -> InputError:
    return InputError(
        f"`perplexity` needs {what}, which isn't installed. Run: pip install 'tamis[kenlm]', or take `perplexity` out "
        "of the recipe."
    )


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
