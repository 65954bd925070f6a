"""Texts and tokenizers that the tests of tokenization share."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tamis.tokens.train import TrainTokenizer, train_tokenizer

SENTENCES = [
    "Le tamis retient les gros grains et laisse passer la farine ; l'été, on l'utilise aussi pour le sable.",
    "The quick brown fox doesn't jump over 1,234 lazy dogs.\n\nIt sleeps, and the dogs sleep, too.",
    "Straßenbahnhaltestelle, Überlegung und Größe: das sind drei Wörter.",
    "El niño comió paella — ¿y la niña?",
    "def f(x: int) -> int:\n    return x + 1  # 2024-01-31\n\n\tpass\n",
    "中文没有空格。 日本語のテキスト と 한국어 텍스트 입니다.",
    "हिन्दी में लिखा हुआ पाठ, और ไม่มีช่องว่าง",
    "emoji 👩‍👩‍👧‍👦 🇫🇷 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \u00a0 nbsp   spaces \n \n  end",
]


@pytest.fixture(scope="session")
def corpus() -> pa.Array:
    """A few hundred documents with enough repetition to learn merges from."""
    texts = [f"{a} {b}\n{n}" for n in range(6) for a in SENTENCES for b in SENTENCES]
    return pa.array(texts, pa.large_string())


@pytest.fixture(scope="session")
def trained(corpus: pa.Array, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer.json trained on the corpus."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_bytes(train_tokenizer(TrainTokenizer(vocabulary_size=600), [corpus]))
    return path


@pytest.fixture(scope="session")
def lucie() -> Path:
    """Lucie's tokenizer: BPE with byte fallback, a long normalizer, no pre-tokenizer; 65,024 ids."""
    path = Path(__file__).parents[3] / "shared/data/lucie-tokenizer/tokenizer.json"
    if not path.exists():
        pytest.skip("Lucie's tokenizer.json is not here")
    return path
