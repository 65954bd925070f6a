"""Verification: a release holds, and whatever is changed in it is named."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamis.cards.check_card import check_card
from tamis.cards.check_declared import check_twin
from tamis.cards.check_numbers import check_numbers
from tamis.cards.checks import Checks
from tamis.cards.tally import Tally
from tamis.cards.verify import verify
from tamis.corpus.commit import read_json, write_json
from tamis.corpus.manifest import NAME, Manifest, read_manifest
from tamis.errors import InputError

DATA = "data/fr/web-fr-00000-of-00001.parquet"
TOKENS = "tokens/fr/web-fr-00000-of-00001.parquet"
LEDGER = "ledger/web-00000-of-00001.parquet"


@pytest.fixture
def copy(release: Path, tmp_path: Path) -> Path:
    shutil.copytree(release, tmp_path / "copy")
    return tmp_path / "copy"


def places(release: Path) -> list[str]:
    return [problem.place for problem in verify(release).problems]


def accept(release: Path, path: str) -> None:
    """Makes the manifest's checksum that of a changed file, as someone who covers up a change would."""
    from tamis.engine.release import file_entry

    manifest = read_json(release / NAME)
    entry = next(entry for entry in manifest["files"] if entry["path"] == path)
    entry |= {"rows": None} | file_entry(release, release / path)
    write_json(release / NAME, manifest)


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path)), path)


def replaced(table: pa.Table, column: str, values: Any) -> pa.Table:
    place = table.schema.get_field_index(column)
    return table.set_column(place, table.schema.field(place), pa.array(values, table.schema.field(place).type))


def test_a_release_holds(release: Path) -> None:
    found = verify(release)
    assert found.problems == [] and found.notes == []
    assert found.checks > 1000


def test_a_folder_without_a_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no release here"):
        verify(tmp_path)


@pytest.mark.parametrize(
    "path", ["README.md", "LICENSES.md", "figures/funnel.svg", "stats/composition.csv", "stats/facts.csv"]
)
@pytest.mark.parametrize("covered_up", [False, True])
def test_one_digit_of_the_card_is_named_by_its_line(copy: Path, path: str, covered_up: bool) -> None:
    text = (copy / path).read_text(encoding="utf-8")
    digit = list(re.finditer(r"\d", text))[-40]
    other = str((int(digit[0]) + 1) % 10)
    (copy / path).write_text(text[: digit.start()] + other + text[digit.end() :], encoding="utf-8")
    line = text[: digit.start()].count("\n") + 1
    if covered_up:
        accept(copy, path)
    found = places(copy)
    if path == "stats/facts.csv" and covered_up:
        # The manifest and its twin differ: which of the two is wrong can't be told.
        assert len(found) == 1 and found[0].startswith("manifest.json: ")
    else:
        assert f"{path}:{line}" in found
        assert {place.partition(":")[0] for place in found} == {path}


@pytest.mark.parametrize("path", [DATA, TOKENS, LEDGER, "tokenizer/tokenizer.json"])
def test_one_changed_byte_of_a_file_is_named(copy: Path, path: str) -> None:
    content = bytearray((copy / path).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / path).write_bytes(content)
    found = places(copy)
    assert path in found
    assert not any(place.startswith((NAME, "README")) for place in found)


def test_a_gone_and_an_added_file_are_named(copy: Path) -> None:
    (copy / DATA).unlink()
    (copy / "data/fr/extra.parquet").write_bytes(b"")
    (copy / ".gitattributes").write_text("")
    found = places(copy)
    assert DATA in found and "data/fr/extra.parquet" in found and ".gitattributes" not in found


def change_copies(table: pa.Table) -> pa.Table:
    return replaced(table, "copies", [table["copies"][0].as_py() + 1, *table["copies"].to_pylist()[1:]])


def swap_rows(table: pa.Table) -> pa.Table:
    return table.take([1, 0, *range(2, table.num_rows)])


def lengthen(table: pa.Table) -> pa.Table:
    return replaced(table, "text", [f"{text}é" for text in table["text"].to_pylist()])


def other_word(table: pa.Table) -> pa.Table:
    texts = table["text"].to_pylist()
    return replaced(table, "text", [texts[0].replace("grain", "sieve", 1), *texts[1:]])


def drop_last(table: pa.Table) -> pa.Table:
    return table.slice(0, table.num_rows - 1)


@pytest.mark.parametrize(
    ("path", "change", "place"),
    [
        (DATA, change_copies, f"{DATA}: row 0, copies"),
        (DATA, swap_rows, f"{DATA}: row 0, id"),
        (DATA, lengthen, f"{DATA}: row "),
        (DATA, other_word, f"{TOKENS}: row 0, input_ids"),
        (DATA, drop_last, f"{TOKENS} (documents)"),
        (TOKENS, swap_rows, f"{TOKENS}: row 0, id"),
    ],
)
def test_shards_that_differ_from_the_ledger_are_named(
    copy: Path, path: str, change: Callable[[pa.Table], pa.Table], place: str
) -> None:
    """Even if the manifest's checksums were made to fit."""
    rewrite(copy / path, change)
    accept(copy, path)
    found = places(copy)
    assert any(one.startswith(place) for one in found), found
    assert not any(one.startswith("ledger") for one in found)


def ids(table: pa.Table) -> list[list[int]]:
    return table["input_ids"].to_pylist()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda rows: [[*rows[0][:-1], 1], *rows[1:]], "(last ids)"),
        (lambda rows: [[10, *rows[0][1:]], *rows[1:]], "(end-of-document ids)"),
        (lambda rows: [[12, *rows[0][1:]], *rows[1:]], "(largest id)"),
        (lambda rows: [[1, *rows[0]], *rows[1:]], ": row 0, n_tokens"),
    ],
)
def test_token_ids_that_do_not_fit_are_named(copy: Path, change: Callable[[list[list[int]]], Any], place: str) -> None:
    rewrite(copy / TOKENS, lambda table: replaced(table, "input_ids", change(ids(table))))
    accept(copy, TOKENS)
    assert f"{TOKENS}{'' if place.startswith(':') else ' '}{place}" in places(copy)


def edit_ledger(copy: Path, **columns: pl.Expr) -> None:
    pl.read_parquet(copy / LEDGER).with_columns(**columns).write_parquet(copy / LEDGER)
    accept(copy, LEDGER)


def on_row(row: int, column: str, value: Any) -> pl.Expr:
    return pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value)).otherwise(pl.col(column))


def test_verdicts_are_judged_again_from_the_signals(copy: Path) -> None:
    ledger = pl.read_parquet(copy / LEDGER)
    row = int(np.flatnonzero(ledger["passed"].to_numpy())[0])
    edit_ledger(copy, **{"language.score": on_row(row, "language.score", 0.01).cast(pl.Float32)})
    found = places(copy)
    assert f"{LEDGER}: row {row}, failed (language.score)" in found
    assert f"{LEDGER}: row {row}, passed" in found


def test_a_doubled_id_is_named(copy: Path) -> None:
    first = pl.read_parquet(copy / LEDGER)["id"][0]
    edit_ledger(copy, id=on_row(1, "id", first))
    assert f"ledger: id {first}" in places(copy)


def test_a_manifest_that_is_no_manifest_is_named(copy: Path) -> None:
    manifest = read_json(copy / NAME)
    manifest["totals"]["documents"] = "many"
    write_json(copy / NAME, manifest)
    assert places(copy) == ["manifest.json: totals.documents"]
    (copy / NAME).write_text("{")
    assert places(copy) == [NAME]


def test_another_spelling_of_the_manifest_is_named(copy: Path) -> None:
    text = (copy / NAME).read_text(encoding="utf-8")
    (copy / NAME).write_text(text.replace('"documents": ', '"documents":  ', 1), encoding="utf-8")
    line = text[: text.index('"documents": ')].count("\n") + 1
    assert places(copy) == [f"{NAME}:{line}"]


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any, Any, Any]]:
    """Every leaf of JSON data: its path, its container, its key, its value."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        step = f"[{key}]" if isinstance(data, list) else f".{key}" if str(key).isidentifier() else f'["{key}"]'
        here = f"{path}{step}".removeprefix(".")
        if isinstance(value, (dict, list)) and value:
            yield from leaves(value, here)
        elif not isinstance(value, (dict, list)):
            yield here, data, key, value


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return f"{value or ''}1"


@pytest.mark.slow
def test_every_fact_of_the_manifest_is_held_twice(release: Path) -> None:
    """Whichever leaf changes, the tables of the card tell which."""
    data = read_manifest(release).model_dump(mode="json")
    seen = 0
    for path, container, key, value in list(leaves(data)):
        if path.startswith(("files", "histograms")) or path in ("changes", "samples"):
            # The files themselves and `stats/histograms.csv` hold these.
            continue
        container[key] = changed(value)
        checks = Checks()
        check_twin(Manifest.model_validate(data), release, checks)
        container[key] = value
        assert [problem.place for problem in checks.problems] == [f"{NAME}: {path}"]
        seen += 1
    assert seen > 500


COUNTED = re.compile(
    r"(composition|funnel|pii)\[\d+\]\.(?!epochs)|totals\.|duplicates\.|dropped_by_language\.|sources\[\d+\]\.(documents|chars|bytes|read|filtered|rejects)"
)


@pytest.mark.slow
def test_every_count_is_recounted_from_the_ledger(release: Path) -> None:
    """Without the card's help: the ledger alone says which number is wrong."""
    data = read_manifest(release).model_dump(mode="json")
    tally = Tally()
    for path in sorted((release / "ledger").iterdir()):
        tally.add(pq.read_table(path))
        tally.files += 1
    seen = 0
    for path, container, key, value in list(leaves(data)):
        if not COUNTED.match(path) or not isinstance(value, int):
            continue
        container[key] = value + 1
        checks = Checks()
        check_numbers(Manifest.model_validate(data), tally, checks)
        container[key] = value
        named = [problem.place for problem in checks.problems]
        blamed = re.sub(r"(sources\[\d+\]\.)(filtered|rejects\.\w+)", r"\1read", path)
        assert named == [f"{NAME}: {blamed}"]
        seen += 1
    assert seen > 200


@pytest.mark.parametrize(
    "path", ["totals.tokens", "software.numba", "recipe.seed", "sources[0].fingerprint", "files[3].sha256"]
)
def test_a_change_of_the_manifest_is_named_by_verify(copy: Path, path: str) -> None:
    data = read_json(copy / NAME)
    if path == "recipe.seed":
        data["recipe"]["seed"] = 7
    else:
        _, container, key, value = next(leaf for leaf in leaves(data) if leaf[0] == path)
        container[key] = changed(value)
    write_json(copy / NAME, data)
    found = verify(copy).problems
    assert len(found) == 1
    assert f"{NAME}: {path}" in (found[0].place, *re.findall(r"manifest.json: [^)]*", found[0].expected))


def test_a_card_of_another_version_is_only_checksummed(copy: Path) -> None:
    manifest = read_manifest(copy)
    (copy / "figures/funnel.svg").write_text("drawn otherwise", encoding="utf-8")
    checks = Checks()
    assert check_card(manifest, copy, set(), checks) == []
    assert next(iter(checks.found)) == "figures/funnel.svg:1"
    older, checks = manifest.model_copy(update={"software": {**manifest.software, "tamis": "0.0.1"}}), Checks()
    notes = check_card(older, copy, set(), checks)
    assert not checks.found
    assert len(notes) == 1 and "Tamis 0.0.1" in notes[0]
