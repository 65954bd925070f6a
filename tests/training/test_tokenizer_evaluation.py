"""Measures of tokenizers, against counts by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from tamis.errors import InputError, OptionError
from tamis.training.tokenizer_evaluation import Cell, Counted, evaluate, judged, rates, references, summed
from tamis.training.tokenizer_report import by_language, multiple


def large(*texts: str) -> pa.Array:
    return pa.array(texts, pa.large_string())


@pytest.fixture
def by_hand(tmp_path: Path) -> Path:
    """Byte-level BPE with two merges: `ab`, and `Ġab`."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<|endoftext|>", *letters, "ab", "Ġab"])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[("a", "b"), ("Ġ", "ab")]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<|endoftext|>"])
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_counts_by_hand(by_hand: Path) -> None:
    # "ab ab": 2 tokens, 2 words. "abc, é": ab c , Ġ é(2 bytes): 6 tokens, 2 words; abc, and é are cut.
    cells, used = evaluate([("fr--x", large("ab ab")), ("fr--x", large("abc, é"))], [judged("one", by_hand)])
    assert len(cells) == 1
    cell = cells[0]
    assert (cell.documents, cell.characters, cell.bytes, cell.words, cell.spaced_words) == (2, 11, 12, 4, 4)
    counted = cell.counted["one"]
    assert (counted.tokens, counted.split_words, counted.unknown, counted.altered) == (8, 2, 0, 0)
    assert rates(cell, "one") == {
        "fertility": 2.0, "fertility_spaced": 2.0, "characters_per_token": 1.375, "bytes_per_token": 1.5,
        "split_words": 0.5,
    }  # fmt: skip
    # ab, Ġab, c, the comma, Ġ, the two bytes of é, and the end of a document.
    assert used["one"].sum() == 8
    facts = judged("one", by_hand).facts(used["one"])
    assert facts["ids"] == 259 and facts["ids_used"] == 8 and facts["compiled"]
    # A to Z, a to z, ab and Ġab; 128 bytes that are no character; controls, space and delete.
    assert facts["scripts"]["Latin"] == 54
    assert facts["scripts"]["bytes"] == 128
    assert facts["scripts"]["numbers"] == 10
    assert facts["scripts"]["special"] == 1
    assert sum(facts["scripts"].values()) == 259


def test_unknown_tokens_and_altered_documents_show(tmp_path: Path) -> None:
    vocabulary = {"<unk>": 0, "</s>": 1, "a": 2, "b": 3}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s+"), behavior="removed")
    made.add_special_tokens(["</s>", "<unk>"])
    made.save(str(tmp_path / "words.json"))
    cells, _ = evaluate([("en--x", large("a b", "a c c"))], [judged("words", tmp_path / "words.json")])
    counted = cells[0].counted["words"]
    assert (counted.tokens, counted.unknown, counted.altered) == (5, 2, 1)
    facts = judged("words", tmp_path / "words.json").facts(_all(4))
    assert not facts["compiled"] and "WordLevel" in facts["not_compiled_because"]


def _all(count: int):  # type: ignore[no-untyped-def]
    import numpy as np

    return np.ones(count, bool)


def test_cells_sum_to_languages() -> None:
    def cell(name: str, characters: int) -> Cell:
        return Cell(name, documents=1, characters=characters, words=2)

    rows = by_language([cell("en--a", 3), cell("fr--a", 5), cell("en--b", 4)])
    assert [(row.name, row.documents, row.characters, row.words) for row in rows] == [
        ("all", 3, 12, 6), ("en", 2, 7, 4), ("fr", 1, 5, 2),
    ]  # fmt: skip
    assert summed("none", []).characters == 0


def test_multiples() -> None:
    assert [multiple(size) for size in (50257, 50304, 65024, 65536, 512)] == [1, 128, 512, 1024, 512]


def test_references_have_names_of_their_own(by_hand: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes(by_hand.read_bytes())
    (folder / "trained.json").write_bytes(by_hand.read_bytes())
    found = references([folder, folder / "tokenizer.json", folder / "trained.json"], "trained")
    assert [one.name for one in found] == ["other", "other-3", "trained-4"]
    with pytest.raises(OptionError, match=r"--reference .*nowhere: there is no tokenizer\.json here"):
        references([tmp_path / "nowhere"], "trained")


def test_a_reference_needs_no_usual_end_of_document(tmp_path: Path) -> None:
    made = Tokenizer(models.WordLevel({"[UNK]": 0, "[SEP]": 1, "a": 2}, unk_token="[UNK]"))
    made.save(str(tmp_path / "none.json"))
    with pytest.raises(InputError, match="end-of-document"):
        judged("none", tmp_path / "none.json")
    made.add_special_tokens(["[UNK]", "[SEP]"])
    made.save(str(tmp_path / "some.json"))
    assert judged("some", tmp_path / "some.json").handle.end_of_document == "[SEP]"
    (tmp_path / "broken.json").write_text("[1")
    with pytest.raises(InputError, match=r"not a tokenizer\.json"):
        judged("broken", tmp_path / "broken.json")


def test_without_held_out_texts_there_is_nothing_to_tell() -> None:
    assert evaluate([], []) == ([], {})
    assert rates(Cell("fr--x", counted={"one": Counted()}), "one")["fertility"] is None
