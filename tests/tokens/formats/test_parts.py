"""How token shards are cut into parts, and that every cut holds the same documents."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from token_shards import NARROW, SHARDS, WIDE, documents_of, flat, write_files, write_shards

from tamis.engine.trainer_files import slices_of
from tamis.tokens.formats import FORMATS
from tamis.tokens.formats.cells import cell_name
from tamis.tokens.formats.contract import Vocabulary


@pytest.mark.parametrize("part_tokens", [1, 4_000, 10**9])
@pytest.mark.parametrize("vocabulary", [NARROW, WIDE])
def test_every_cut_holds_the_same_documents(vocabulary: Vocabulary, part_tokens: int, tmp_path: Path) -> None:
    documents = write_shards(tmp_path, vocabulary)
    parts = write_files(tmp_path, vocabulary, part_tokens=part_tokens)
    mapped = documents_of(tmp_path, documents)
    assert sorted(mapped) == [part.part for part in parts]
    cells = defaultdict(list)
    for one in documents:
        cells[cell_name(one.language, one.source, one.category or "none")].append(one)
    for cell, held in cells.items():
        mine = [part for part in parts if part.cell == cell]
        assert [part.part for part in mine] == [f"{cell}/{number:05d}" for number in range(len(mine))]
        # In order, each once: parts are consecutive.
        assert [one.id for part in mine for one in mapped[part.part]] == [one.id for one in held]
    for part in parts:
        held = mapped[part.part]
        lengths = np.array([len(one.ids) for one in held])
        copies = np.array([one.copies for one in held])
        assert (part.documents, part.tokens, part.copies) == (len(held), lengths.sum(), copies.sum())
        assert (part.mixed_tokens, part.empty) == ((lengths * copies).sum(), (lengths == 1).sum())
        for name, format_ in FORMATS.items():
            reader = format_.reader(tmp_path / name / part.part, vocabulary)
            assert reader.lengths.tolist() == lengths.tolist()
            assert np.array_equal(reader.ids(0, len(held)), flat(held))
    assert sum(part.empty for part in parts) > 0
    assert (len(parts) > len(cells)) == (part_tokens < 10**9)


def test_slices_are_consecutive_row_groups(tmp_path: Path) -> None:
    documents = write_shards(tmp_path, NARROW)
    lengths = {one.id: len(one.ids) for one in documents}
    slices = slices_of(tmp_path, 4_000)
    assert [(one.language, one.source) for one in slices] == sorted((one.language, one.source) for one in slices)
    for key, counts in SHARDS.items():
        mine = [one for one in slices if (one.language, one.source) == key]
        assert [(one.number, one.of) for one in mine] == [(number, len(mine)) for number in range(len(mine))]
        read = [group for one in mine for group in one.row_groups]
        assert len(read) == sum(-(-count // 10) for count in counts)
        assert read == sorted(read)
        for one in mine:
            ids = []
            for path, number in one.row_groups:
                ids += pq.ParquetFile(path).read_row_group(number)["id"].to_pylist()
            assert one.tokens == sum(lengths[name] for name in ids)
            assert one.rows == len(ids)
            assert one.tokens <= 4_000 or len(one.row_groups) == 1
