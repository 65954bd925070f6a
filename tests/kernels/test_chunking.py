"""Chunks of a text, their counts, and the stretches that go with bad ones, against plain Python and by hand."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.buffers import text_array, text_buffers
from tamis.kernels.chunk_edges import bad_stretches
from tamis.kernels.chunking import Chunks, count_chunks, simple_chunks, smart_chunks
from tamis.kernels.unicode import LETTER, MARK, SPACE, char_tables

LINES = [
    "a long line of prose",
    "été",
    "| 1 | 2 | 3",
    "% $ § 77",
    "a b c d",
    "東京",
    "e\u0301 x y z",
    "",
    " \t",
    "xyz" * 9,
]
pages = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(["\n", "\n", "\n\n", "\n\n\n\n"])), max_size=30).map(
    lambda parts: "".join(line + end for line, end in parts)
)
columns = st.lists(pages | st.text(max_size=60) | st.just("n 0\n" * 9 + "prose of a book\n" * 4), max_size=4)
sizes = st.sampled_from([(40, 10, 2), (25, 25, 1), (60, 1, 3), (1000, 20, 4), (7, 3, 4)])


def kind(char: str) -> int:
    return int(char_tables().classes[ord(char)])


def is_noise(line: str) -> bool:
    solid = [char for char in line if not kind(char) & SPACE]
    letters = [char for char in solid if kind(char) & (LETTER | MARK)]
    pieces = "".join("\n" if kind(char) & SPACE else char for char in line).split("\n")
    lengths = [max(sum(not kind(char) & MARK for char in piece), 1) for piece in pieces if piece]
    return 2 * len(letters) < len(solid) or (len(lengths) >= 4 and 2 * lengths.count(1) >= len(lengths))


def smart_twin(text: str, size: int, least: int, run: int) -> list[str]:
    chunks: list[str] = []
    now = ""
    noisy = blanks = 0
    noise_at = 0
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        cut = False
        if all(kind(char) & SPACE for char in line):
            blanks += 1
        else:
            cut, blanks = blanks >= 3, 0
            if is_noise(line):
                noise_at = noise_at if noisy else len(now)
                noisy += 1
                if noisy == run and not cut and noise_at >= least:
                    chunks.append(now[:noise_at])
                    now, noise_at = now[noise_at:], 0
            else:
                cut, noisy = cut or noisy >= run, 0
        if (cut or len(now) + len(line) > size) and len(now) >= least:
            chunks.append(now)
            now, noise_at = "", 0
        while len(now) + len(line) > size:
            room = size - len(now)
            chunks.append(now + line[:room])
            line, now, noise_at = line[room:], "", 0
        now += line
    if now and len(now) < least and chunks and len(chunks[-1] + now) <= size:
        chunks[-1] += now
    elif now:
        chunks.append(now)
    return chunks


def cut(texts: list[str], size: int, least: int = 0, run: int = 0) -> tuple[list[list[str]], Chunks]:
    data, offsets = text_buffers(pa.array(["before", *texts], pa.large_string()).slice(1))
    chunks = smart_chunks(data, offsets, size, least, run) if least else simple_chunks(data, offsets, size)
    found = text_array(data, chunks.bounds).to_pylist()
    counts = count_chunks(data, chunks)
    assert counts.characters.tolist() == list(map(len, found))
    return [
        [chunk for chunk, d in zip(found, chunks.documents, strict=True) if d == i] for i in range(len(texts))
    ], chunks


@given(columns, st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_simple_chunks_have_so_many_characters(texts: list[str], size: int) -> None:
    found, _ = cut(texts, size)
    assert found == [[text[i : i + size] for i in range(0, len(text), size)] for text in texts]


@given(columns, sizes)
@settings(max_examples=150, deadline=None)
def test_smart_chunks_are_those_of_the_twin(texts: list[str], options: tuple[int, int, int]) -> None:
    found, _ = cut(texts, *options)
    assert found == [smart_twin(text, *options) for text in texts]
    size, least, _ = options
    for text, chunks in zip(texts, found, strict=True):
        assert "".join(chunks) == text
        assert all(len(chunk) >= least for chunk in chunks[:-1]) and all(0 < len(chunk) <= size for chunk in chunks)


def test_smart_chunks_by_hand() -> None:
    prose = "The mill stood by the river.\n" * 10
    table = "12 | 14 | 7\n" * 20
    found, _ = cut([prose + table + prose + "\n\n\n" + prose, "x" * 25_000], 10_000, 200, 4)
    assert found[0] == [prose, table, prose + "\n\n\n", prose]
    assert list(map(len, found[1])) == [10_000, 10_000, 5_000]
    # Three lines are no region, and a page of less than 200 characters no chunk.
    found, _ = cut([prose + "12 | 14\n" * 3 + prose, "Title\n\n\n\n" + prose], 10_000, 200, 4)
    assert list(map(len, found)) == [1, 1]


@given(columns)
@settings(max_examples=40, deadline=None)
def test_counts_of_chunks(texts: list[str]) -> None:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    chunks = simple_chunks(data, offsets, 20)
    counts = count_chunks(data, chunks)
    for i, chunk in enumerate(text_array(data, chunks.bounds).to_pylist()):
        spaced = "".join(" " if kind(char) & SPACE else char for char in chunk)
        assert counts.words[i] == len(re.findall("[^ ]+", spaced))
        assert counts.solid[i] == len(spaced.replace(" ", ""))
        assert counts.letters[i] == sum(kind(char) & (LETTER | MARK) != 0 for char in chunk)


def stretches(text: str, size: int, bad: list[int]) -> list[str]:
    data, offsets = text_buffers(pa.array([text], pa.large_string()))
    chunks = simple_chunks(data, offsets, size)
    which = np.isin(np.arange(len(chunks.documents)), bad)
    return [data[start:end].tobytes().decode() for _, start, end in bad_stretches(data, offsets, chunks, which)]


def test_edges_move_to_lines_then_to_words() -> None:
    lines = "".join(f"line {n}\n" for n in range(10))  # seven characters each
    # Chunks of twenty: the edges 20 and 40 are one character before line 3, and two before line 6.
    assert stretches(lines, 20, [1]) == ["\nline 3\nline 4\nline 5\n"]
    assert stretches(lines, 20, [1, 2]) == ["\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\n"]
    assert stretches(lines, 20, [0]) == ["line 0\nline 1\nline 2\n"]
    assert stretches(lines, 20, [3]) == ["\nline 9\n"]
    assert stretches("one two three four five six", 10, [1]) == [" three four "]
    assert stretches("abcdefghij" * 3, 10, [1]) == ["abcdefghij"]
    assert stretches(lines, 20, [0, 1, 2, 3]) == [lines]
    # White space alone between two: they go as one.
    assert stretches("one two thr" + " " * 40 + "ee four", 10, [1, 4]) == [" thr" + " " * 40]


@given(columns, st.integers(1, 30), st.integers(0, 2**40))
@settings(max_examples=100, deadline=None)
def test_stretches_are_sorted_disjoint_and_hold_their_chunks(texts: list[str], size: int, bits: int) -> None:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    chunks = simple_chunks(data, offsets, size)
    bad = np.array([bits >> i % 40 & 1 for i in range(len(chunks.documents))], bool)
    before = (-1, 0)
    goes = np.zeros(len(data) + 1, bool)
    for document, start, end in bad_stretches(data, offsets, chunks, bad):
        assert (document, start) > before and start < end <= offsets[document + 1] - offsets[document]
        data[offsets[document] + start : offsets[document] + end].tobytes().decode()
        goes[offsets[document] + start : offsets[document] + end] = True
        before = (document, end)
    for i, is_bad in enumerate(bad):
        middle = (chunks.bounds[i] + chunks.bounds[i + 1]) // 2
        # Edges move by half a chunk at most; white space goes with what it stands beside.
        assert goes[middle] if is_bad else not goes[middle] or data[middle : middle + 1].tobytes().isspace()
