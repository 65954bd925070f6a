"""Every format's files, byte by byte, against a spelling of their layout in plain Python."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.tokens.formats import FORMATS, mds
from tamis.tokens.formats.contract import Documents, Vocabulary

Plain = list[tuple[str, list[int]]]
"""Documents as id and token ids."""
NARROW, BETWEEN, WIDE = Vocabulary(65_499, 0), Vocabulary(65_536, 0), Vocabulary(2**31, 0)
"""uint16 everywhere; uint16, but int32 for Megatron; four bytes everywhere."""


def megatron(documents: Plain, vocabulary: Vocabulary) -> dict[str, bytes]:
    wide = vocabulary.size >= 65_500
    size, letter, code = (4, "i", 4) if wide else (2, "H", 8)
    lengths = [len(ids) for _, ids in documents]
    count = len(documents)
    index = b"MMIDIDX\x00\x00" + struct.pack("<Q", 1) + struct.pack("<B", code)
    index += struct.pack("<Q", count) + struct.pack("<Q", count + 1)
    index += b"".join(struct.pack("<i", length) for length in lengths)
    index += b"".join(struct.pack("<q", sum(lengths[:number]) * size) for number in range(count))
    index += b"".join(struct.pack("<q", number) for number in range(count + 1))
    return {".bin": b"".join(struct.pack(f"<{letter}", i) for _, ids in documents for i in ids), ".idx": index}


def ds(documents: Plain, vocabulary: Vocabulary) -> dict[str, bytes]:
    letter, size = ("H", 2) if vocabulary.size <= 65_536 else ("I", 4)
    lengths = [len(ids) for _, ids in documents]
    return {
        ".ds": b"".join(struct.pack(f"<{letter}", i) for _, ids in documents for i in ids),
        ".ds.index": b"".join(struct.pack("<Q", sum(lengths[: number + 1])) for number in range(len(lengths))),
        ".ds.metadata": f"tokenizer/tokenizer.json|{size}\n{sum(lengths)}\n".encode(),
    }


def npy(documents: Plain, vocabulary: Vocabulary) -> dict[str, bytes]:
    letter = "H" if vocabulary.size <= 65_536 else "I"
    lengths = [len(ids) for _, ids in documents]
    lines = "".join(f"{sum(lengths[:number])},{sum(lengths[: number + 1])}\n" for number in range(len(lengths)))
    return {
        ".npy": b"".join(struct.pack(f"<{letter}", i) for _, ids in documents for i in ids),
        ".csv.gz": lines.encode(),
    }


LIMIT = 2_000


def mosaic(documents: Plain, vocabulary: Vocabulary) -> dict[str, bytes]:
    letter, kind = ("H", "uint16") if vocabulary.size <= 65_536 else ("I", "uint32")
    told = {
        "column_encodings": ["str", f"ndarray:{kind}"], "column_names": ["id", "tokens"], "column_sizes": [None, None],
        "compression": None, "format": "mds", "hashes": ["sha1", "xxh3_64"], "size_limit": LIMIT, "version": 2,
    }  # fmt: skip
    description = json.dumps(told).encode()
    shards: list[list[bytes]] = [[]]
    filled = 8 + len(description)
    for name, ids in documents:
        width, shape = (0, "B") if len(ids) < 256 else (1, "H") if len(ids) < 65_536 else (2, "I")
        array = struct.pack("<B", 1 << 2 | width) + struct.pack(f"<{shape}", len(ids))
        array += b"".join(struct.pack(f"<{letter}", i) for i in ids)
        sample = struct.pack("<II", len(name.encode()), len(array)) + name.encode() + array
        if shards[-1] and filled + len(sample) + 4 > LIMIT:
            shards.append([])
            filled = 8 + len(description)
        shards[-1].append(sample)
        filled += len(sample) + 4
    found, listed = {}, []
    for number, samples in enumerate(shards):
        head = 8 + 4 * len(samples) + len(description)
        offsets = [head + sum(map(len, samples[:at])) for at in range(len(samples) + 1)]
        data = struct.pack("<I", len(samples)) + b"".join(struct.pack("<I", at) for at in offsets)
        data += description + b"".join(samples)
        name = f"shard.{number:05d}.mds"
        found[f"/{name}"] = data
        digests = {"sha1": hashlib.sha1(data).hexdigest(), "xxh3_64": xxhash.xxh3_64_hexdigest(data)}
        raw = {"basename": name, "bytes": len(data), "hashes": digests}
        listed.append({**told, "raw_data": raw, "samples": len(samples), "zip_data": None})
    index = {"shards": listed, "version": 2}
    return found | {"/index.json": json.dumps(index, sort_keys=True).encode()}


TWINS: dict[str, Callable[[Plain, Vocabulary], dict[str, bytes]]] = {
    "megatron": megatron,
    "ds": ds,
    "npy": npy,
    "mds": mosaic,
}


def write(name: str, stem: Path, vocabulary: Vocabulary, pieces: Sequence[Plain]) -> dict[str, bytes]:
    """The files that the format's writer makes of pieces added one after the other, by what follows the stem."""
    writer = FORMATS[name].writer(stem, vocabulary)
    for piece in pieces:
        ids = np.array([i for _, one in piece for i in one], vocabulary.type)
        lengths = np.array([len(one) for _, one in piece], np.int64)
        writer.add(Documents(pa.array([name for name, _ in piece], pa.string()), ids, lengths))
    paths = writer.close()
    writer.discard()
    made = {path for path in stem.parent.rglob("*") if path.is_file()}
    assert made == set(paths), "a file that the writer doesn't tell of, or the other way"
    return {path.as_posix().removeprefix(stem.as_posix()): path.read_bytes() for path in paths}


def documents(vocabulary: Vocabulary) -> st.SearchStrategy[list[Plain]]:
    """Pieces of documents, none of them empty."""
    ids = st.integers(1, vocabulary.size - 1)
    lengths = st.sampled_from([1, 2, 5, 255, 256, 300])
    body = lengths.flatmap(lambda length: st.lists(ids, min_size=length - 1, max_size=length - 1))
    document = st.tuples(st.text(max_size=12), body.map(lambda ids: [*ids, vocabulary.end_of_document]))
    return st.lists(st.lists(document, min_size=1, max_size=6), min_size=1, max_size=4)


@pytest.mark.slow
@pytest.mark.parametrize("vocabulary", [NARROW, BETWEEN, WIDE])
@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_files_are_as_their_layout_says(name: str, vocabulary: Vocabulary, data: st.DataObject) -> None:
    pieces = data.draw(documents(vocabulary))
    whole = [one for piece in pieces for one in piece]
    with tempfile.TemporaryDirectory() as folder, patch.object(mds, "SIZE_LIMIT", LIMIT):
        stem = Path(folder, "fr/press--news/00000")
        found = write(name, stem, vocabulary, pieces)
        assert {suffix if not suffix.startswith("/") else "/" for suffix in found} == set(FORMATS[name].suffixes)
        expected = TWINS[name](whole, vocabulary)
        if name == "npy":
            assert found[".csv.gz"][4:8] == bytes(4), "the time in a gzip header"
            found[".csv.gz"] = gzip.decompress(found[".csv.gz"])
        if name == "ds":
            *lines, words = found[".ds.metadata"].decode().split("\n")
            assert words.endswith("T")
            found[".ds.metadata"] = "".join(f"{line}\n" for line in lines).encode()
        assert found == expected
        reader = FORMATS[name].reader(stem, vocabulary)
        assert reader.lengths.tolist() == [len(ids) for _, ids in whole]
        for first in range(len(whole)):
            for count in (0, 1, len(whole) - first):
                ids = [i for _, one in whole[first : first + count] for i in one]
                assert reader.ids(first, count).tolist() == ids


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_files_do_not_depend_on_the_pieces_they_came_in(name: str, tmp_path: Path) -> None:
    pieces: list[Plain] = [[(f"a:{n}", [*range(1, n * 37), 0])] for n in range(1, 9)]
    whole = [[one for piece in pieces for one in piece]]
    with patch.object(mds, "SIZE_LIMIT", LIMIT):
        assert write(name, tmp_path / "1/a", NARROW, pieces) == write(name, tmp_path / "2/a", NARROW, whole)


def test_a_sample_beyond_the_shards_size_has_a_shard_of_its_own(tmp_path: Path) -> None:
    documents: Plain = [("a", [1, 0]), ("b", [*[7] * 3_000, 0]), ("c", [2, 0])]
    with patch.object(mds, "SIZE_LIMIT", LIMIT):
        found = write("mds", tmp_path / "a", NARROW, [documents])
        assert found == mosaic(documents, NARROW)
    assert sorted(found) == ["/index.json", "/shard.00000.mds", "/shard.00001.mds", "/shard.00002.mds"]


@pytest.mark.parametrize(
    ("tokens", "words"), [(1, "1.00 T"), (12, "12.0 T"), (999, "999 T"), (1_234, "1.23 kT"), (45_600_000, "45.6 MT")]
)
def test_the_words_of_ds_metadata(tokens: int, words: str, tmp_path: Path) -> None:
    writer = FORMATS["ds"].writer(tmp_path / "a", NARROW)
    writer.add(Documents(pa.array(["a"]), np.zeros(1, np.uint16), np.array([tokens])))
    writer.close()
    assert (tmp_path / "a.ds.metadata").read_text() == f"tokenizer/tokenizer.json|2\n{tokens}\n{words}"


def _cut(data: bytes) -> bytes:
    return data[:-2]


def _header(data: bytes) -> bytes:
    return b"MMIDIDY" + data[7:]


def _type(data: bytes) -> bytes:
    return data[:17] + b"\x04" + data[18:]


def _longer(data: bytes) -> bytes:
    return data[:34] + struct.pack("<i", 4) + data[38:]


def _pointer(data: bytes) -> bytes:
    return data[: 34 + 12] + struct.pack("<q", 2) + data[34 + 20 :]


def _document(data: bytes) -> bytes:
    return data[:-8] + struct.pack("<q", 2)


def _gap(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data).replace(b"3,5", b"4,5"))


@pytest.mark.parametrize(
    ("name", "suffix", "change"),
    [
        ("megatron", ".bin", _cut),
        ("megatron", ".idx", _cut),
        ("megatron", ".idx", _header),
        ("megatron", ".idx", _type),
        ("megatron", ".idx", _longer),
        ("megatron", ".idx", _pointer),
        ("megatron", ".idx", _document),
        ("megatron", ".idx", lambda data: data[:20]),
        ("ds", ".ds", _cut),
        ("ds", ".ds.index", _cut),
        ("ds", ".ds.metadata", _cut),
        ("npy", ".npy", _cut),
        ("npy", ".csv.gz", _gap),
        ("npy", ".csv.gz", _cut),
        ("mds", "/shard.00000.mds", _cut),
        ("mds", "/shard.00000.mds", lambda data: data.replace(b"uint16", b"uint17")),
        ("mds", "/index.json", lambda data: data.replace(b'"samples": 3', b'"samples": 2')),
    ],
)
def test_a_reader_tells_what_is_not_of_the_layout(
    name: str, suffix: str, change: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    write(name, tmp_path / "a", NARROW, [[("a", [5, 6, 0]), ("b", [7, 0]), ("c", [0])]])
    FORMATS[name].reader(tmp_path / "a", NARROW)
    path = tmp_path / f"a{suffix}"
    before = path.read_bytes()
    path.write_bytes(change(before))
    assert path.read_bytes() != before
    with pytest.raises(ValueError, match=r"bytes|index|begins|offsets|documents|says|read|end|shard|itself"):
        FORMATS[name].reader(tmp_path / "a", NARROW)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_what_is_discarded_leaves_nothing(name: str, tmp_path: Path) -> None:
    writer = FORMATS[name].writer(tmp_path / "a", NARROW)
    writer.add(Documents(pa.array(["a"]), np.array([1, 0], np.uint16), np.array([2])))
    writer.discard()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
