"""Words and phrases of lists: what counts as one, and by which list."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tamis.errors import InputError
from tamis.kernels import phrases
from tamis.kernels.buffers import text_buffers
from tamis.kernels.phrases import NO_LIST, count_phrases, phrase_tables
from tamis.stages.word_lists import STAGE, WordListsConfig


def write(folder: Path, name: str, *entries: str) -> Path:
    path = folder / name
    path.write_text("\n".join(entries) + "\n", encoding="utf-8")
    return path


def rows(lists: dict[str, Any], *texts: tuple[str | None, str]) -> list[tuple[Any, ...]]:
    """(count, distinct, share) of each (language, text)."""
    config = WordListsConfig(lists={name: str(path) for name, path in lists.items()})
    measure = STAGE.prepare(config, {name: Path(path) for name, path in STAGE.models(config).items()})
    batch = pa.record_batch(
        {
            "text": pa.array([text for _, text in texts], pa.large_string()),
            "language": pa.array([language for language, _ in texts], pa.string()),
        }
    )
    return [tuple(row.values()) for row in measure(batch).to_pylist()]


def count(folder: Path, entries: list[str], text: str) -> int:
    return rows({"*": write(folder, "any.txt", *entries)}, (None, text))[0][0]


@pytest.mark.parametrize(
    ("entry", "text", "found"),
    [
        ("ass", "A class of ASS and Ass, assuming", 2),
        ("Été", "un ÉTÉ, deux été, trois etes", 2),
        ("big black", "big black, Big  Black, big-black, big\nblack", 4),
        ("big black", "big. Black, big, black; big\n\nblack bigblack", 0),
        ("f**k", "f**k it, F**K, f k", 2),
        ("rock 'n' roll", "rock 'n' roll, rock ’n’ roll, rock n roll", 2),
        ("性交", "他们性交了。性。交", 1),
        ("ไม่", "ไม่ใช่", 1),
        ("AV女優", "これはAV女優です、AV、女優", 1),
        ("straße", "STRASSE Straße", 1),
        ("🖕", "a🖕b 🖕", 2),
        ("a$$", "kick a$$ A$$", 2),
    ],
)
def test_what_an_entry_finds(tmp_path: Path, entry: str, text: str, found: int) -> None:
    assert count(tmp_path, [entry], text) == found


def test_the_first_and_then_the_longest_of_overlapping_entries_counts(tmp_path: Path) -> None:
    path = write(tmp_path, "any.txt", "b", "a b", "b c d", "c")
    assert rows({"*": path}, (None, "a b c d")) == [(2, 2, 0.75)]
    assert rows({"*": path}, (None, "b c d b c x"))[0][:2] == (3, 3)


def test_signals_of_a_document(tmp_path: Path) -> None:
    path = write(tmp_path, "fr.txt", "# a comment", "", "con", "con", "🖕")
    assert rows({"fr": path}, ("fr", "con con 🖕 rien du tout"), ("fr", ""), ("de", "con"), (None, "con")) == [
        (3, 2, pytest.approx(0.4)),
        (0, 0, 0),
        (None, None, None),
        (None, None, None),
    ]


def test_the_list_is_that_of_the_language_then_of_its_base_then_the_star(tmp_path: Path) -> None:
    lists = {
        name: write(tmp_path, f"{number}.txt", word)
        for number, (name, word) in enumerate({"pt": "um", "pt-BR": "dois", "*": "drei"}.items())
    }
    texts = [(language, "um dois dois drei drei drei") for language in ("pt", "pt-BR", "pt-AO", "de", None)]
    assert [row[0] for row in rows(lists, *texts)] == [1, 2, 1, 3, 3]


def test_several_files_of_a_language_are_one_list(tmp_path: Path) -> None:
    one, two = write(tmp_path, "1.txt", "un", "deux"), write(tmp_path, "2.txt", "deux", "trois")
    config = WordListsConfig(lists={"fr": [str(one), str(two)]})
    models = {name: Path(path) for name, path in STAGE.models(config).items()}
    assert models == {"fr": one, "fr.2": two}
    batch = pa.record_batch({"text": pa.array(["un deux trois"], pa.large_string()), "language": ["fr"]})
    assert STAGE.prepare(config, models)(batch).column("count").to_pylist() == [3]


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="no language"):
        WordListsConfig(lists={"French": "x"})
    with pytest.raises(ValidationError):
        WordListsConfig(lists={})
    with pytest.raises(InputError, match="holds no entry"):
        rows({"*": write(tmp_path, "empty.txt", "# nothing")}, (None, "a"))
    (tmp_path / "latin.txt").write_bytes("été".encode("latin-1"))
    with pytest.raises(InputError, match="isn't UTF-8"):
        rows({"*": tmp_path / "latin.txt"}, (None, "a"))


WORDS = ("a", "b", "aa", "é", "性", "交")
GAPS = ("", " ", "-", "\n", "\n\n", ".", "’", "'", ", ", "\u00ad")


def plain(text: str, entries: list[str]) -> tuple[int, int, int, int]:
    """Words, found, distinct, covered, said slowly."""

    def cut(text: str) -> list[tuple[str, str]]:
        """Words, each with what stands before it."""
        found, before = [], ""
        for piece in re.findall(r"[性交]|(?:[aé\u00ad]|b)+|[^aébé性交\u00ad]+", text):
            if re.search(r"[aéb性交]", piece):
                found.append((piece.replace("\u00ad", ""), before))
                before = ""
            else:
                before += piece.replace("\u00ad", "")
        return found

    def gap(before: str) -> str:
        if before.count("\n") > 1:
            return "apart"
        return re.sub(r"[\s-]", "", before).replace("’", "'") or ("spaced" if before else "")

    def phrase(words: list[tuple[str, str]]) -> tuple[str, ...]:
        return (words[0][0], *itertools.chain.from_iterable((gap(before), word) for word, before in words[1:]))

    listed = {phrase(cut(entry)) for entry in entries}
    words = cut(text)
    at, met = 0, []
    while at < len(words):
        lengths = [n for n in range(1, len(words) - at + 1) if phrase(words[at : at + n]) in listed]
        met += [phrase(words[at : at + max(lengths)])] if lengths else []
        at += max(lengths, default=1)
    return len(words), len(met), len(set(met)), sum((len(one) + 1) // 2 for one in met)


texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GAPS)), max_size=12).map(
    lambda pairs: "".join(itertools.chain.from_iterable(pairs))
)
entries = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).flatmap(
        lambda words: st.sampled_from((" ", "", "'")).map(lambda sign: sign.join(words))
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, max_size=4), entries)
def test_the_kernel_says_what_the_slow_way_says(texts: list[str], entries: list[str]) -> None:
    import numpy as np

    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    counts = count_phrases(data, offsets, phrase_tables([entries]), np.zeros(len(texts), np.int32))
    assert list(zip(*(column.tolist() for column in counts), strict=True)) == [plain(text, entries) for text in texts]


def test_a_phrase_is_found_wherever_a_block_ends() -> None:
    import numpy as np

    tables = phrase_tables([["one two three"]])
    texts = ["x " * (phrases._BLOCK // 2 - 12 + shift) + " one two three" * 4 for shift in range(24)]
    texts += ["one two three " * 9_000]
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    counts = count_phrases(data, offsets, tables, np.zeros(len(texts), np.int32))
    assert counts.found.tolist() == [4] * 24 + [9_000]
    assert counts.words.tolist()[-1] == 27_000
    assert count_phrases(data, offsets, tables, np.full(len(texts), NO_LIST, np.int32)).found.tolist() == [0] * 25


def test_an_entry_without_a_word_has_no_place_in_a_table() -> None:
    with pytest.raises(ValueError, match="no word"):
        phrase_tables([["🎉"]])


def test_entries_are_compared_as_texts_are_spelled(tmp_path: Path) -> None:
    # Decomposed accents; a sigma that is final in the entry alone; a capital whose small letter is two characters.
    assert count(tmp_path, ["e\u0301te\u0301"], "un été") == 1
    assert count(tmp_path, ["ΟΔΟΣ!"], "ΟΔΟΣ! οδοσ!") == 2
    assert count(tmp_path, ["İ!"], "İ!") == 1


def test_a_language_that_no_document_has_is_refused() -> None:
    with pytest.raises(ValidationError, match="canonical code 'fr'"):
        WordListsConfig(lists={"fra": "list.txt"})


def test_a_file_that_is_no_list_is_told_before_any_text_is_read(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("# nothing\n")
    assert STAGE.check is not None
    for path, complaint in ((tmp_path, "is a folder: name a file"), (tmp_path / "empty.txt", "holds no entry")):
        with pytest.raises(InputError, match=complaint):
            STAGE.check(WordListsConfig(lists={"fr": str(path)}), {"fr": path})
