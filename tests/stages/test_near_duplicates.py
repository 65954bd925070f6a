"""Sketch contract, recall and precision on generated near duplicates, policy, scope, order of rows."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash, MinHashLSH
from pydantic import ValidationError

from loaded_sketches import LoadedSketches
from tamis.resolve.banding import candidate_probability
from tamis.stages.near_duplicates import STAGE, NearDuplicatesConfig


def measure(texts: list[str], **options: Any) -> pa.RecordBatch:
    assert STAGE.prepare is not None
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    return STAGE.prepare(NearDuplicatesConfig(**options), {})(batch)


def reader(texts: list[str], **columns: list[Any]) -> LoadedSketches:
    n = len(texts)
    rows = pa.table(
        {
            "id": pa.array(columns.get("id", [f"d{i:04d}" for i in range(n)]), pa.string()),
            "source": pa.array(columns.get("source", ["web"] * n), pa.string()),
            "language": pa.array(columns.get("language", [None] * n), pa.string()),
            "priority": pa.array(columns.get("priority", [0] * n), pa.int32()),
            "chars": pa.array([len(text) for text in texts], pa.int64()),
        }
    )
    return LoadedSketches(rows, {"signature": pa.chunked_array([measure(texts)["signature"]])})


def resolve(sketches: LoadedSketches, **options: Any) -> pa.Table:
    assert STAGE.resolve is not None
    return STAGE.resolve(NearDuplicatesConfig(**options), sketches, Path())


def prose(rng: random.Random, words: int = 200) -> list[str]:
    return [f"w{rng.getrandbits(32)}" for _ in range(words)]


def edited(rng: random.Random, words: list[str], edits: int) -> list[str]:
    words = words.copy()
    for at in rng.sample(range(len(words)), edits):
        words[at] = f"x{rng.getrandbits(32)}"
    return words


def shingles(words: list[str]) -> set[str]:
    return {" ".join(words[i : i + 5]) for i in range(len(words) - 4)}


class TestMeasure:
    TEXTS = (
        "a b c d e f",
        "",
        "…!?",
        "only three words",
        "Ein Text, der länger ist als fünf Wörter. 👍",
        "東京都に住む",
    )

    def test_columns_and_nulls(self) -> None:
        out = measure(list(self.TEXTS))
        assert out.schema.names == ["signature"]
        assert out.schema.field(0).type == pa.binary(448) == STAGE.payload(NearDuplicatesConfig())[0].type
        assert [value is None for value in out["signature"].to_pylist()] == [
            False,
            True,
            True,
            False,
            False,
            False,
        ]
        out.validate(full=True)

    def test_a_part_is_a_part_of_the_whole(self) -> None:
        whole = measure(list(self.TEXTS))["signature"]
        assert whole.equals(measure(list(self.TEXTS))["signature"])
        parts = [measure(list(self.TEXTS[a:b]))["signature"] for a, b in ((0, 2), (2, 2), (2, 6))]
        assert pa.concat_arrays(parts).equals(whole)

    def test_empty_batch_and_other_shape(self) -> None:
        out = measure([], bands=3, rows=2, ngram=2)
        assert out.num_rows == 0
        assert out["signature"].type == pa.binary(24)

    def test_options_change_the_signature(self) -> None:
        text = ["one two three four five six seven"]
        plain = measure(text)["signature"]
        assert not plain.equals(measure(text, seed=2)["signature"])
        assert not plain.equals(measure(text, ngram=3)["signature"])


class TestConfig:
    def test_banding(self) -> None:
        assert NearDuplicatesConfig().banding == (14, 8)
        assert NearDuplicatesConfig(bands=20).banding == (20, 8)
        peer = MinHashLSH(threshold=0.8, num_perm=128)
        chosen = NearDuplicatesConfig(threshold=0.8)
        assert chosen.banding == (peer.b, peer.r)
        peer = MinHashLSH(threshold=0.6, num_perm=256, weights=(0.1, 0.9))
        chosen = NearDuplicatesConfig(threshold=0.6, permutations=256, false_positive_weight=0.1)
        assert chosen.banding == (peer.b, peer.r)
        assert STAGE.payload(chosen)[0].type == pa.binary(4 * peer.b * peer.r)
        assert NearDuplicatesConfig.model_validate(chosen.model_dump()) == chosen

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"threshold": 0.8, "bands": 14}, "not both"),
            ({"threshold": 0.8, "rows": 8}, "not both"),
            ({"permutations": 64}, "give `threshold` too"),
            ({"false_positive_weight": 0.3}, "give `threshold` too"),
            ({"bands": 256, "rows": 256}, "up to 4096"),
            ({"threshold": 1.0}, "less than 1"),
            ({"min_similarity": 1.1}, "less than or equal to 1"),
            ({"ngram": 0}, "greater than or equal to 1"),
            ({"scope": "snapshot"}, "'source', 'language' or 'corpus'"),
        ],
    )
    def test_refused(self, options: dict[str, Any], said: str) -> None:
        with pytest.raises(ValidationError, match=said):
            NearDuplicatesConfig(**options)


class TestPolicy:
    def family(self) -> list[str]:
        """A text, the same one a little longer, the same one edited, and a stranger."""
        rng = random.Random(1)
        words = prose(rng)
        return [" ".join(w) for w in (words, [*words, "more"], edited(rng, words, 1), prose(rng))]

    def test_the_longest_stays(self) -> None:
        out = resolve(reader(self.family()))
        assert out["duplicate_of"].to_pylist() == ["d0001", None, "d0001", None]
        assert out["is_duplicate"].to_pylist() == [True, False, True, False]
        assert out["cluster_size"].to_pylist() == [3, 3, 3, 1]
        similarity = out["similarity"].to_pylist()
        assert similarity[1] is None is similarity[3]
        assert similarity[0] > 0.95
        assert 0.85 < similarity[2] < 1

    def test_priority_comes_before_length_and_id_after(self) -> None:
        texts = self.family()
        assert resolve(reader(texts, priority=[1, 0, 0, 5]))["duplicate_of"].to_pylist() == [
            None,
            "d0000",
            "d0000",
            None,
        ]
        same = [texts[0]] * 3
        out = resolve(reader(same, id=["z", "a", "b"]))
        assert out["duplicate_of"].to_pylist() == ["a", None, "a"]
        assert out["similarity"].to_pylist() == [1.0, None, 1.0]

    @pytest.mark.parametrize(
        ("scope", "sizes"), [("corpus", [5] * 5), ("source", [2, 3, 3, 2, 3]), ("language", [2, 2, 2, 2, 1])]
    )
    def test_scope(self, scope: str, sizes: list[int]) -> None:
        sketches = reader([self.family()[0]] * 5, source=list("xyyxy"), language=["fr", "fr", None, None, "de"])
        assert resolve(sketches, scope=scope)["cluster_size"].to_pylist() == sizes

    def test_documents_without_a_word_or_with_few(self) -> None:
        out = resolve(reader(["", "", "...", "...", "one two", "One, two!", "two one"]))
        assert out["cluster_size"].to_pylist() == [1, 1, 1, 1, 2, 2, 1]
        assert out["is_duplicate"].to_pylist() == [False, False, False, False, True, False, False]

    def test_min_similarity_cuts_what_only_shares_a_band(self) -> None:
        rng = random.Random(3)
        texts = []
        for _ in range(300):
            words = prose(rng)
            texts += [" ".join(words), " ".join(edited(rng, words, 10))]  # exact similarity near 0.6
        sketches = reader(texts)
        removed = [
            sum(resolve(sketches, min_similarity=least)["is_duplicate"].to_pylist()) for least in (0, 0.5, 0.7, 0.9)
        ]
        assert removed == sorted(removed, reverse=True)
        assert removed[0] > 30
        assert removed[2] < removed[0] / 3
        assert removed[3] == 0

    def test_types_also_without_rows(self) -> None:
        for texts in ([], ["a b c"]):
            out = resolve(reader(texts))
            assert out.num_rows == len(texts)
            assert [(f.name, f.type) for f in out.schema] == [(c.name, c.type) for c in STAGE.adds]

    def test_declaration(self) -> None:
        assert STAGE.exhaustive
        rule = STAGE.signals["is_duplicate"].default
        assert rule is not None
        assert rule.is_ is False


def test_order_of_rows_changes_nothing() -> None:
    rng = random.Random(4)
    texts = []
    for _ in range(60):
        words = prose(rng, 80)
        texts += [" ".join(edited(rng, words, rng.randrange(5))) for _ in range(rng.randrange(1, 6))]
    n = len(texts)
    sketches = reader(texts, priority=[rng.randrange(2) for _ in texts], source=[rng.choice("xy") for _ in texts])
    for scope in ("corpus", "source"):
        expected = resolve(sketches, scope=scope)
        assert 10 < sum(expected["is_duplicate"].to_pylist()) < n
        for seed in range(3):
            order = pa.array(np.random.default_rng(seed).permutation(n))
            columns = {"signature": sketches.columns["signature"].take(order)}
            shuffled = LoadedSketches(sketches.rows.take(order), columns)
            assert resolve(shuffled, scope=scope).to_pydict() == expected.take(order).to_pydict()


def test_resolving_a_subset_is_as_if_the_rest_never_was() -> None:
    texts = TestPolicy().family()
    part = reader(texts).subset(pa.array([True, False, True, True]))
    out = resolve(part)
    assert out["cluster_size"].to_pylist() == [2, 2, 1]
    assert set(out["duplicate_of"].to_pylist()) <= {None, "d0000", "d0002"}


@pytest.mark.slow
def test_recall_and_precision_beside_datasketch() -> None:
    rng = random.Random(11)
    originals, copies, exact = [], [], []
    for edits in (1, 2, 3, 4, 5, 7, 9, 11, 14):
        for _ in range(120):
            left = prose(rng)
            right = edited(rng, left, edits)
            a, b = shingles(left), shingles(right)
            originals.append(left)
            copies.append(right)
            exact.append(len(a & b) / len(a | b))
    similarity = np.array(exact)
    texts = [" ".join(words) for pair in zip(originals, copies, strict=True) for words in pair]
    sketches = reader(texts)

    def found(min_similarity: float) -> np.ndarray:
        sizes = np.array(resolve(sketches, min_similarity=min_similarity)["cluster_size"].to_pylist())
        assert sizes.max() == 2
        return sizes[::2] == 2

    index = MinHashLSH(num_perm=112, params=(14, 8))
    peer = []
    for i, (left, right) in enumerate(zip(originals, copies, strict=True)):
        hashes = []
        for words in (left, right):
            minhash = MinHash(num_perm=112)
            minhash.update_batch([shingle.encode() for shingle in shingles(words)])
            hashes.append(minhash)
        index.insert(i, hashes[0])
        peer.append(i in index.query(hashes[1]))
    theirs = np.array(peer)
    checked, believed = found(0.7), found(0)

    high, middle = similarity >= 0.9, (similarity >= 0.8) & (similarity < 0.9)
    assert high.sum() > 150
    assert middle.sum() > 150
    assert checked[high].mean() >= theirs[high].mean() - 0.005
    assert checked[high].mean() == 1.0
    # 0.92 to 0.9996 by the S-curve; two samples of it differ by chance.
    assert checked[middle].mean() >= max(0.95, theirs[middle].mean() - 0.02)
    assert believed[middle].mean() >= checked[middle].mean()
    # What is no near duplicate: the check of the whole signature is what spares it.
    far = similarity < 0.6
    assert far.sum() > 150
    assert checked[far].mean() < 0.01
    assert checked[far].sum() < theirs[far].sum()
    assert (similarity[checked] >= 0.6).mean() > 0.99
    # Every candidate believed: as many as the S-curve promises.
    promised = candidate_probability(similarity, 14, 8)
    spread = (promised * (1 - promised)).sum() ** 0.5
    assert abs(believed.sum() - promised.sum()) < 3.5 * spread
