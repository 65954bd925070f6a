"""What the tests of the engine share: a small corpus and a tokenizer for it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from small_corpus import documents, write_corpus

from tamis.tokens.train import TrainTokenizer, train_tokenizer


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small corpus: not to be changed."""
    folder = tmp_path_factory.mktemp("small")
    write_corpus(folder)
    return folder


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a tokenizer.json with 512 ids."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    texts = pa.array([row["text"] for row in documents(9, 48)], pa.large_string())
    path.write_bytes(train_tokenizer(TrainTokenizer(vocabulary_size=512), [texts]))
    return str(path)
