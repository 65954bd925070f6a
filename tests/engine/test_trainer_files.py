"""Token files for trainers in a whole run: what they hold, against the token shards; and what verification finds."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_corpus import Outcome, Place, write_corpus

from tamis.cards.check_formats import check_formats
from tamis.cards.checks import Checks
from tamis.corpus.manifest import Manifest, read_manifest
from tamis.engine import trainer_files
from tamis.engine.trainer_files import FormatTask, slices_of
from tamis.errors import OptionError, RecipeError, UserError
from tamis.tokens.formats import FORMATS
from tamis.tokens.formats.contract import Vocabulary

ALL = "release.formats=[npy, megatron, ds, mds, ds]"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tokenizer: str) -> Place:
    place = Place(tmp_path_factory.mktemp("formats"), tokenizer=tokenizer)
    write_corpus(place.corpus)
    return place


@pytest.fixture(scope="module")
def plain(place: Place) -> Outcome:
    """Without any format."""
    outcome = place.run()
    shutil.copytree(outcome.release, place.root / "plain")
    return outcome


@pytest.fixture(scope="module")
def outcome(place: Place, plain: Outcome) -> Outcome:
    return place.run(ALL)


def shards(release: Path) -> pl.DataFrame:
    """All token shards, by folders and file names."""
    return pl.concat(
        pl.read_parquet(path).with_columns(language=pl.lit(path.parent.name))
        for path in sorted((release / "tokens").rglob("*.parquet"))
    )


def cells(release: Path) -> dict[str, list[list[int]]]:
    """Cell -> the ids of its documents, in order."""
    found: dict[str, list[list[int]]] = {}
    for row in shards(release).iter_rows(named=True):
        name = f"{row['language']}/{row['source']}--{row['category'] or 'none'}"
        found.setdefault(name, []).append(row["input_ids"])
    return found


def problems(release: Path, manifest: Manifest | None = None) -> list[str]:
    checks = Checks()
    check_formats(manifest or read_manifest(release), release, checks)
    assert checks.made > 20
    return [problem.place for problem in checks.problems]


def test_the_rest_of_the_release_is_as_without(plain: Outcome, outcome: Outcome) -> None:
    before = {path: sha for path, sha in plain.files.items() if path != "manifest.json"}
    assert {path: outcome.files[path] for path in before} == before
    added = {path.partition("/")[0] for path in outcome.files.keys() - plain.files.keys()}
    assert added == {"documents", *FORMATS}
    listed = {file.path: file.sha256 for file in outcome.manifest.files}
    assert listed == {path: sha for path, sha in outcome.files.items() if path != "manifest.json"}
    assert outcome.manifest.recipe["release"] == {"formats": ["ds", "mds", "megatron", "npy"]}


def test_every_format_holds_the_ids_of_the_token_shards(outcome: Outcome) -> None:
    expected = cells(outcome.release)
    assert len(expected) > 5
    for cell, documents in expected.items():
        flat = [i for ids in documents for i in ids]
        stem = outcome.release / "megatron" / cell / "00000"
        assert np.memmap(f"{stem}.bin", np.uint16, "r").tolist() == flat
        count = len(documents)
        index = Path(f"{stem}.idx").read_bytes()
        assert struct.unpack_from("<QQ", index, 18) == (count, count + 1)
        assert list(struct.unpack_from(f"<{count}i", index, 34)) == [len(ids) for ids in documents]
        stem = outcome.release / "ds" / cell / "00000"
        assert np.memmap(f"{stem}.ds", np.uint16, "r").tolist() == flat
        ends = np.cumsum([len(ids) for ids in documents]).tolist()
        assert np.fromfile(f"{stem}.ds.index", np.uint64).tolist() == ends
        stem = outcome.release / "npy" / cell / "00000"
        assert np.memmap(f"{stem}.npy", np.uint16, "r").tolist() == flat
        lines = gzip.decompress(Path(f"{stem}.csv.gz").read_bytes()).decode().splitlines()
        assert lines == [f"{start},{end}" for start, end in zip([0, *ends], ends, strict=False)]
        reader = FORMATS["mds"].reader(outcome.release / "mds" / cell / "00000", Vocabulary(512, 0))
        assert reader.ids(0, count).tolist() == flat
    for name in FORMATS:
        folders = {path.parent.relative_to(outcome.release / name).as_posix() for path in _ids(outcome.release, name)}
        assert {folder.removesuffix("/00000") for folder in folders} == expected.keys()


def _ids(release: Path, name: str) -> list[Path]:
    suffix = {"megatron": "bin", "ds": "ds", "npy": "npy", "mds": "mds"}[name]
    return list((release / name).rglob(f"*.{suffix}"))


def test_the_document_map_finds_every_document(outcome: Outcome) -> None:
    rows = pl.concat(pl.read_parquet(path) for path in sorted((outcome.release / "documents").rglob("*.parquet")))
    tokens = shards(outcome.release)
    assert rows["id"].to_list() == tokens["id"].to_list()
    assert rows["copies"].to_list() == tokens["copies"].to_list()
    known = dict(zip(tokens["id"], tokens["input_ids"], strict=True))
    for row in rows.iter_rows(named=True):
        ids = np.memmap(outcome.release / "megatron" / f"{row['part']}.bin", np.uint16, "r")
        assert ids[row["start"] : row["start"] + row["length"]].tolist() == known[row["id"]].to_list()
        index = Path(outcome.release / "megatron" / f"{row['part']}.idx").read_bytes()
        assert struct.unpack_from("<i", index, 34 + 4 * row["number"]) == (row["length"],)


def test_counts_and_weights_are_the_manifests(outcome: Outcome) -> None:
    expected: dict[str, Counter[str]] = {}
    for row in outcome.manifest.composition:
        if row.documents:
            cell = expected.setdefault(f"{row.language}/{row.source}--{row.category}", Counter())
            cell.update({name: getattr(row, name) for name in ("documents", "tokens", "copies", "mixed_tokens")})
    with (outcome.release / "documents/parts.csv").open(newline="") as file:
        found = {row.pop("part").removesuffix("/00000"): row for row in csv.DictReader(file)}
    assert found.keys() == expected.keys()
    for cell, counts in expected.items():
        assert {name: int(found[cell][name]) for name in counts} == dict(counts)
        assert found[cell]["empty"] == "0"
    total = outcome.manifest.totals["mixed_tokens"]
    words = (outcome.release / "megatron/main.blend").read_text().split()
    shares = dict(zip(words[1::2], map(float, words[::2]), strict=True))
    assert shares == {f"megatron/{cell}/00000": counts["mixed_tokens"] / total for cell, counts in expected.items()}
    sequences = json.loads((outcome.release / "megatron/sequences.json").read_bytes())
    assert sequences == {
        f"megatron/{cell}/00000": [counts["documents"], counts["documents"] + 1] for cell, counts in expected.items()
    }
    assert any(counts["copies"] > counts["documents"] for counts in expected.values())


def test_workers_change_no_byte(place: Place, outcome: Outcome, tmp_path: Path) -> None:
    assert place.fork(tmp_path / "two").run(ALL, workers=2).files == outcome.files


def test_a_release_without_formats_has_none_to_check(place: Place, plain: Outcome) -> None:
    manifest = read_manifest(place.root / "plain")
    checks = Checks()
    check_formats(manifest, place.root / "plain", checks)
    assert (checks.made, checks.problems) == (1, [])


def test_a_format_wants_tokens(place: Place) -> None:
    with pytest.raises(RecipeError, match=r"release\.formats is \[megatron\], but nothing makes tokens"):
        place.run("release.formats=[megatron]", "release.tokens=false")
    text = place.text.replace("  - tokenize: {tokenizer: ", "  # ")
    without = Place(place.root / "without", text, corpus=place.corpus)
    with pytest.raises(RecipeError, match="Add the stage tokenize"):
        without.run("release.formats=[ds]")
    with pytest.raises(OptionError, match="Did you mean 'megatron'"):
        place.recipe("release.formats=[megatrn]")


def test_what_a_format_cannot_hold_is_told_before_it_is_written(
    place: Place, outcome: Outcome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    longest = shards(outcome.release).sort("n_tokens").tail(1).row(0, named=True)
    limit = longest["n_tokens"] - 1
    monkeypatch.setitem(FORMATS, "megatron", replace(FORMATS["megatron"], longest=lambda _: limit))
    other = place.fork(tmp_path / "long")
    told = rf"document {longest['id']} has {limit + 1} tokens; a document of the format megatron has {limit} at most"
    with pytest.raises(UserError, match=told):
        other.run("release.formats=[megatron]")
    assert not list(other.out.iterdir())
    monkeypatch.setitem(FORMATS, "megatron", replace(FORMATS["megatron"], longest=lambda _: limit + 1))
    other.run("release.formats=[megatron]")
    monkeypatch.setitem(FORMATS, "megatron", replace(FORMATS["megatron"], parts=3))
    with pytest.raises(UserError, match=r"a trainer that reads the format megatron weighs 3 at most"):
        other.run("release.formats=[megatron]", "seed=8")


def test_a_failed_task_leaves_nothing(outcome: Outcome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(outcome.release / "tokens", tmp_path / "tokens")
    [first, *_] = slices_of(tmp_path)
    monkeypatch.setattr(trainer_files.DocumentMap, "close", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        FormatTask(first, ("ds",), Vocabulary(512, 0), tmp_path).run()
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


# Verification.


@pytest.fixture
def copy(outcome: Outcome, tmp_path: Path) -> Path:
    shutil.copytree(outcome.release, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_release_holds(copy: Path) -> None:
    assert problems(copy) == []


CELL = "fr/notes--notes/00000"


def edited(change: Callable[[bytearray], Any]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(data)

    return edit


def another_id(data: bytearray) -> None:
    data[8] ^= 1


def shorter(data: bytearray) -> None:
    del data[-2:]


def moved(data: bytearray) -> None:
    """A token goes from the first document to the second, consistently."""
    first, second = struct.unpack_from("<ii", data, 34)
    struct.pack_into("<ii", data, 34, first - 1, second + 1)
    count, *_ = struct.unpack_from("<Q", data, 18)
    at = 34 + 4 * count + 8
    struct.pack_into("<q", data, at, struct.unpack_from("<q", data, at)[0] - 2)


def column(name: str, change: Callable[[list[Any]], Any]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        table = pq.read_table(path)
        values = table[name].to_pylist()
        change(values)
        at = table.schema.get_field_index(name)
        pq.write_table(
            table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type)), path
        )

    return edit


def one_more(values: list[Any]) -> None:
    values[1] += 1


def swapped(values: list[Any]) -> None:
    values[0], values[1] = values[1], values[0]


def renamed(values: list[Any]) -> None:
    values[:] = [value.replace("notes/", "noted/") for value in values]


def fewer(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.slice(0, len(table) - 1), path)


MAP = "documents/fr/notes-00000-of-00001.parquet"


@pytest.mark.parametrize(
    ("path", "edit", "expected"),
    [
        (f"megatron/{CELL}.bin", edited(another_id), f"megatron/{CELL} (ids)"),
        (f"megatron/{CELL}.bin", edited(shorter), f"megatron/{CELL}"),
        (f"megatron/{CELL}.idx", edited(shorter), f"megatron/{CELL}"),
        (f"megatron/{CELL}.idx", edited(moved), f"megatron/{CELL} (lengths)"),
        (f"ds/{CELL}.ds", edited(another_id), f"ds/{CELL} (ids)"),
        (f"ds/{CELL}.ds.index", edited(another_id), f"ds/{CELL} (lengths)"),
        (f"npy/{CELL}.npy", edited(another_id), f"npy/{CELL} (ids)"),
        (f"npy/{CELL}.csv.gz", edited(shorter), f"npy/{CELL}"),
        (f"mds/{CELL}/shard.00000.mds", edited(lambda data: data.__setitem__(-4, data[-4] ^ 1)), f"mds/{CELL} (ids)"),
        (f"mds/{CELL}/index.json", Path.unlink, f"mds/{CELL}"),
        (f"megatron/{CELL}.bin", Path.unlink, f"megatron/{CELL}"),
        ("megatron/main.blend", edited(lambda data: data.__setitem__(3, data[3] ^ 1)), "megatron/main.blend:1"),
        ("documents/parts.csv", edited(lambda data: data.__setitem__(-3, data[-3] ^ 1)), "documents/parts.csv:"),
        ("npy/main.source_mixture.yaml", edited(shorter), "npy/main.source_mixture.yaml"),
        (MAP, column("start", one_more), "documents: row of tokens/fr/notes-00000-of-00001.parquet: row 0, start"),
        (MAP, column("number", swapped), "documents: row of tokens/fr/notes-00000-of-00001.parquet: row 0, number"),
        (MAP, column("copies", one_more), "documents: row of tokens/fr/notes-00000-of-00001.parquet: row 1, copies"),
        (MAP, column("id", swapped), "documents: row of tokens/fr/notes-00000-of-00001.parquet: row 0, id"),
        (MAP, column("part", renamed), "documents: rows of tokens/fr/notes-00000-of-00001.parquet, part "),
        (MAP, fewer, "documents/fr/notes-*.parquet (documents of tokens/fr/notes-00000-of-00001.parquet)"),
    ],
)  # fmt: skip
def test_what_is_changed_is_found(copy: Path, path: str, edit: Callable[[Path], None], expected: str) -> None:
    edit(copy / path)
    found = problems(copy)
    assert found and found[0].startswith(expected), found


def test_a_file_that_is_of_no_format_is_found(copy: Path, outcome: Outcome) -> None:
    manifest = outcome.manifest
    extra = manifest.files[0].model_copy(update={"path": "megatron/fr/notes--notes/00001.bin"})
    assert problems(copy, manifest.model_copy(update={"files": (*manifest.files, extra)})) == [extra.path]
    gone = f"ds/{CELL}.ds.index"
    rest = tuple(file for file in manifest.files if file.path != gone)
    assert problems(copy, manifest.model_copy(update={"files": rest})) == [gone]
