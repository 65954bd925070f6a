"""Who may have a partner, and who duplicates whom, is the same, however the corpus is cut into tasks."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_corpus import Place

from tamis.engine import partners, resolving


def found(place: Place) -> list[tuple[str, list[tuple[int, bytes]]]]:
    """Positions and signatures of every file of partners."""
    files = sorted((place.root / "work" / "partners").rglob("*.parquet"))
    tables = [pq.read_table(file) for file in files]
    return [
        (file.name, list(zip(table["position"].to_pylist(), table["signature"].to_pylist(), strict=True)))
        for file, table in zip(files, tables, strict=True)
    ]


@pytest.mark.parametrize("rows", [1, 7])
def test_groups_of_any_size(rows: int, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = Place(tmp_path / "whole", corpus=small), Place(tmp_path / "cut", corpus=small)
    expected = whole.run()
    groups = []
    in_groups = partners._groups

    def counted(*arguments: partners.Sketches) -> list[partners._Shards]:
        groups.append(in_groups(*arguments))
        return groups[-1]

    monkeypatch.setattr(partners, "GROUP_ROWS", rows)
    monkeypatch.setattr(partners, "_groups", counted)
    assert cut.run().files == expected.files
    assert found(cut) == found(whole) != []
    assert all(positions for _, positions in found(cut))
    assert groups and all(len(group) > 1 for group in groups)


@pytest.mark.parametrize(("rows", "most"), [(1, 1000), (2, 3)])
def test_asked_in_parts_of_any_size(
    rows: int, most: int, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = Place(tmp_path / "whole", corpus=small), Place(tmp_path / "cut", corpus=small)
    expected = whole.run()
    counts = []
    apart = resolving.kin_apart

    def counted(reader: partners.PartnerSketches) -> list[tuple[partners.PartnerSketches, partners.Mask]]:
        parts = apart(reader)
        counts.append(len(parts))
        return parts

    monkeypatch.setattr(partners, "PART_ROWS", rows)
    monkeypatch.setattr(partners, "MOST_PARTS", most)
    monkeypatch.setattr(resolving, "kin_apart", counted)
    assert cut.run().files == expected.files
    assert max(counts) > 2
