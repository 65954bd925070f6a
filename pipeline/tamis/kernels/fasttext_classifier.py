"""A supervised fastText model, made ready: compiled where that gives the library's answers, else the library."""

from __future__ import annotations

import logging
from pathlib import Path

from tamis.kernels.fasttext import Predictor
from tamis.kernels.fasttext_library import Library, disagreement
from tamis.kernels.fasttext_model import UnsupportedModelError, read_model

_LOG = logging.getLogger(__name__)


def load_classifier(path: Path) -> Predictor | Library:
    """The compiled predictor if it answers as the library does, else the library, with a warning."""
    try:
        predictor = Predictor(read_model(path))
    except UnsupportedModelError as error:
        reason: str | None = f"it has {error}"
        library = Library(path)
    else:
        library = Library(path)
        reason = disagreement(predictor, library)
        if reason is None:
            return predictor
    _LOG.warning("%s runs through the fastText library, several times slower: %s", path, reason)
    return library
