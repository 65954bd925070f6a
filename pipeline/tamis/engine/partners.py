"""Which documents may duplicate another one.

Hardly any document duplicates another one, so those that could are found once, among all that have a sketch, and
their sketches are kept by themselves: whatever a recipe then keeps, a resolver is asked about these alone. It takes
three rounds of tasks: the keys of every row go to files, a group of shards each; the rows that share a key are found,
a number of key each; and the sketches of those are gathered, a group of shards each.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.commit import TableWriter, committing, intact
from tamis.corpus.hashing import key_of
from tamis.corpus.signals import Mask, read_columns
from tamis.corpus.stage import Partners
from tamis.corpus.store import Store
from tamis.engine.deciding import measured_mask
from tamis.engine.measure import ShardContext
from tamis.engine.sketches import Sketches, mask_key, sketched
from tamis.recipe.model import StageUse

RunTasks = Callable[[Sequence[Any]], list[Any]]
"""Runs tasks and returns their results in order."""
GROUP_ROWS = 1 << 16
"""Rows of a group of shards, about."""
PART_ROWS = 100_000
"""Rows that a resolver is asked about at a time, about, as far as kin allow."""
MOST_PARTS = 8
"""Each reads the whole file of partners."""
REMEDY = "Delete it and run again: the duplicates are found anew"

_PLAIN: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}
"""Of a Parquet file of sketches: hashes don't get any smaller."""
_Shards = tuple[tuple[ShardContext, Mask], ...]
_Packed = npt.NDArray[np.uint8]
"""Eight rows of a mask in a byte."""


@dataclass(frozen=True, eq=False)
class PartnerSketches:
    """Some rows of the corpus, and their sketches in a file of partners (a `SketchReader`)."""

    rows: pa.Table
    """Document columns."""
    path: Path | None
    """The file; None for a resolver without a sketch."""
    kept: Mask
    """Which rows of the file they are."""

    def __len__(self) -> int:
        """How many rows."""
        return int(self.rows.num_rows)

    def pieces(self, column: str) -> Iterator[pa.Array]:
        """One sketch column, or `content_hash`, in the order of `rows`."""
        if self.path is None or column == "content_hash":
            yield from self.rows.column(column).chunks
            return
        at = 0
        with intact(self.path, REMEDY), pq.ParquetFile(self.path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=[column], use_threads=False)
                kept = self.kept[at : at + table.num_rows]
                at += table.num_rows
                if kept.any():
                    yield from table.column(column).filter(pa.array(kept)).chunks


@dataclass(frozen=True, eq=False)
class Sketched:
    """The documents that a resolver has sketches of, whatever the rules keep."""

    rows: tuple[Mask, ...]
    """Of every shard."""
    path: Path
    """File with the sketches of those that may have a partner."""

    @cached_property
    def partners(self) -> Mask:
        """Which of the documents, end to end, are in the file."""
        with intact(self.path, REMEDY):
            positions = read_columns(self.path, ["position"]).column("position").to_numpy()
        mask = np.zeros(sum(int(rows.sum()) for rows in self.rows), bool)
        mask[positions] = True
        return mask


def find_sketched(use: StageUse, contexts: Sequence[ShardContext], store: Store, run: RunTasks) -> Sketched | None:
    """The documents that `use` has sketches of, once all is sketched that a run sketches; None where it needs none.
    `run` runs its tasks."""
    if use.stage.prepare is None:
        return None
    rows = tuple(measured_mask(context, use) for context in contexts)
    return Sketched(rows, _partners_file(use, tuple(zip(contexts, rows, strict=True)), store, run))


def partners_of(asked: Sketches, sketched: Sketched | None) -> tuple[PartnerSketches, Mask]:
    """Of the rows of `asked` those that may have a partner, with a mask of which they are."""
    if sketched is None:
        among = _in_memory(asked)
        return PartnerSketches(asked.of_flat(among).rows, None, among), among
    all_of_them = asked.narrowed(sketched.rows).of_flat(sketched.partners)
    both = [mine & theirs for mine, theirs in zip(all_of_them.asked, asked.asked, strict=True)]
    reader = PartnerSketches(asked.narrowed(both).rows, sketched.path, _inside(both, all_of_them.asked))
    return reader, _inside(both, asked.asked)


def kin_apart(reader: PartnerSketches) -> list[tuple[PartnerSketches, Mask]]:
    """The rows of a reader of sketches in parts of PART_ROWS, about, and masks of which they are: no row of one shares
    any key with a row of another, so that a resolver may be asked about each part by itself."""
    count = min(len(reader) // PART_ROWS, MOST_PARTS)
    if count <= 1 or reader.path is None:
        return [(reader, np.ones(len(reader), bool))]
    with intact(kin_file(reader.path), REMEDY):
        labels = np.load(kin_file(reader.path))[reader.kept]
    before = np.cumsum(np.bincount(labels)) - 1
    number = (before * count // len(labels))[labels]
    masks = [number == part for part in np.unique(number)]
    places = np.flatnonzero(reader.kept)
    parts = []
    for mask in masks:
        kept = np.zeros(len(reader.kept), bool)
        kept[places[mask]] = True
        parts.append((PartnerSketches(reader.rows.filter(pa.array(mask)), reader.path, kept), mask))
    return parts


def _inside(rows: Sequence[Mask], among: Sequence[Mask]) -> Mask:
    """`rows` as a mask over the rows of `among`, put end to end."""
    return np.concatenate([mask[all_] for mask, all_ in zip(rows, among, strict=True)])


def _declared(use: StageUse) -> Partners:
    assert use.stage.partners is not None
    return use.stage.partners


def _in_memory(asked: Sketches) -> Mask:
    """The partners among rows whose column needn't be read from disk."""
    partners = _declared(asked.use)
    found = np.zeros(len(asked), bool)
    pieces = [partners.keys(asked.use.config, piece) for piece in asked.pieces(partners.column)]
    for keys in np.concatenate(pieces, axis=1) if pieces else []:
        order = np.argsort(keys)
        same = keys[order[1:]] == keys[order[:-1]]
        found[order[1:][same]] = True
        found[order[:-1][same]] = True
    return found


def _partners_file(use: StageUse, sketched: _Shards, store: Store, run: RunTasks) -> Path:
    """Sketches of those of the rows that may have a partner, with their `position` among the rows; and beside it,
    whose kin they are (`kin_file`)."""
    key = key_of(
        use.name,
        use.stage.version,
        [[context.shard.name, context.keys[use.name], mask_key(mask)] for context, mask in sketched],
    )
    path = store.partners(use.name, key)
    if not path.exists() or not kin_file(path).exists():
        with tempfile.TemporaryDirectory(dir=store.scratch()) as scratch:
            groups = _groups(sketched)
            found, kin = _found(use, groups, kin_file(path), Path(scratch), run)
            _gather(use, groups, found, path, Path(scratch), lambda tasks: run([kin, *tasks]))
    return path


def kin_file(path: Path) -> Path:
    """Of a file of partners: a label for each of them, the same for those that a chain of shared keys connects."""
    return path.with_suffix(".kin.npy")


def _found(use: StageUse, groups: Sequence[_Shards], kin: Path, scratch: Path, run: RunTasks) -> tuple[Mask, _KinTask]:
    """The rows that may have a partner, and the task that writes `kin`."""
    tasks = [_KeysTask(use, shards, scratch / f"keys-{n}.npy") for n, shards in enumerate(groups)]
    present = [_unpacked(packed, _rows(shards)) for packed, shards in zip(run(tasks), groups, strict=True)]
    filled = [(task.path, int(mask.sum())) for task, mask in zip(tasks, present, strict=True) if mask.any()]
    found = np.concatenate([np.zeros(0, bool), *present])
    total = int(found.sum())
    files = tuple(path for path, _ in filled)
    shared = np.zeros(total, bool)
    if total:
        numbers = len(np.load(files[0], mmap_mode="r"))
        for packed in run([_SharedTask(use, files, number) for number in range(numbers)]):
            shared |= _unpacked(packed, total)
        found[found] = shared
    return found, _KinTask(use, files, shared, kin)


def _gather(use: StageUse, groups: Sequence[_Shards], found: Mask, path: Path, scratch: Path, run: RunTasks) -> None:
    """Commits the sketches of the rows found."""
    at, tasks = 0, []
    for number, shards in enumerate(groups):
        rows = _rows(shards)
        if found[at : at + rows].any():
            tasks.append(_GatherTask(use, shards, found[at : at + rows], at, scratch / f"sketches-{number}.parquet"))
        at += rows
    run(tasks)
    payload = [pa.field(column.name, column.type) for column in use.stage.payload(use.config)]
    writer = TableWriter(path, pa.schema([("position", pa.int64()), *payload]), **_PLAIN)
    try:
        for task in tasks:
            with pq.ParquetFile(task.path) as file:
                for group in range(file.num_row_groups):
                    writer.write(file.read_row_group(group, use_threads=False))
    except BaseException:
        writer.discard()
        raise
    writer.close()


def _groups(sketched: _Shards) -> list[_Shards]:
    """The shards with their rows, GROUP_ROWS or some more together."""
    groups: list[_Shards] = []
    group: list[tuple[ShardContext, Mask]] = []
    for shard in sketched:
        group.append(shard)
        if _rows(group) >= GROUP_ROWS:
            groups.append(tuple(group))
            group = []
    return [*groups, tuple(group)] if _rows(group) else groups


def _rows(shards: Sequence[tuple[ShardContext, Mask]]) -> int:
    return sum(int(mask.sum()) for _, mask in shards)


def _unpacked(packed: _Packed, rows: int) -> Mask:
    mask: Mask = np.unpackbits(packed, count=rows).view(bool)
    return mask


@dataclass(frozen=True, eq=False)
class _KeysTask:
    """Writes the keys of the rows of some shards, and returns which rows have any, packed."""

    use: StageUse
    shards: _Shards
    path: Path

    @property
    def label(self) -> str:
        """`resolve STAGE: keys FILE`."""
        return f"resolve {self.use.name}: {self.path.stem}"

    @property
    def bytes(self) -> int:
        """It handles no text."""
        return 0

    def run(self) -> _Packed:
        """Writes the file."""
        partners, keys, present = _declared(self.use), [], []
        for context, mask in self.shards:
            if not mask.any():
                continue  # nothing was to be sketched there, so there may be no file
            for chunk in sketched(self.use, context, [partners.column]).column(partners.column).chunks:
                here, mask = mask[: len(chunk)], mask[len(chunk) :]
                values = chunk if here.all() else chunk.filter(pa.array(here))
                present.append(values.is_valid().to_numpy(zero_copy_only=False))
                keys.append(partners.keys(self.use.config, values.drop_null() if values.null_count else values))
        np.save(self.path, np.concatenate(keys, axis=1))
        return np.packbits(np.concatenate(present))


@dataclass(frozen=True, eq=False)
class _SharedTask:
    """Finds the rows that have one of their keys in common with another row, and returns a packed mask."""

    use: StageUse
    paths: tuple[Path, ...]
    """Files of keys."""
    number: int
    """Of the key."""

    @property
    def label(self) -> str:
        """`resolve STAGE: key NUMBER`."""
        return f"resolve {self.use.name}: key {self.number}"

    @property
    def bytes(self) -> int:
        """It handles no text."""
        return 0

    def run(self) -> _Packed:
        """Reads one row of each file."""
        from tamis.kernels.components import shared_keys

        return np.packbits(shared_keys([np.load(path, mmap_mode="r")[self.number] for path in self.paths]))


@dataclass(frozen=True, eq=False)
class _KinTask:
    """Joins the rows that have one of their keys in common, and commits a label for each."""

    use: StageUse
    paths: tuple[Path, ...]
    """Files of keys."""
    shared: Mask
    """Which of their rows are looked at."""
    path: Path

    @property
    def label(self) -> str:
        """`resolve STAGE: kin`."""
        return f"resolve {self.use.name}: kin"

    @property
    def bytes(self) -> int:
        """It handles no text."""
        return 0

    def run(self) -> None:
        """Reads the files, a row at a time."""
        from tamis.kernels.components import component_roots, link_buckets

        files = [np.load(path, mmap_mode="r") for path in self.paths]
        parent = np.arange(int(self.shared.sum()), dtype=np.int64)
        # Compared with itself, any row is like any other: what shares a key becomes one component.
        alike, rows = np.zeros((1, 1), np.uint32), np.zeros(len(parent), np.int64)
        for number in range(len(files[0]) if len(parent) else 0):
            keys = np.concatenate([file[number] for file in files])[self.shared]
            order = np.argsort(keys)
            keys = keys[order]
            same = keys[1:] == keys[:-1]
            left, right = order[:-1][same], order[1:][same]
            # Most are together already.
            apart = parent[left] != parent[right]
            pairs = np.column_stack([left[apart], right[apart]]).ravel()
            link_buckets(pairs, np.repeat(np.arange(len(pairs) // 2, dtype=np.uint64), 2), rows, alike, 0, parent)
            component_roots(parent)
        with committing(self.path) as temporary, temporary.open("wb") as handle:
            np.save(handle, parent.astype(np.int32))


@dataclass(frozen=True, eq=False)
class _GatherTask:
    """Writes the sketches of some rows of some shards."""

    use: StageUse
    shards: _Shards
    found: Mask
    """Which of the rows."""
    start: int
    """Position of the first of the rows."""
    path: Path

    @property
    def label(self) -> str:
        """`resolve STAGE: sketches FILE`."""
        return f"resolve {self.use.name}: {self.path.stem}"

    @property
    def bytes(self) -> int:
        """It handles no text."""
        return 0

    def run(self) -> None:
        """Writes the file: no commit, as it goes with the scratch folder."""
        names = [column.name for column in self.use.stage.payload(self.use.config)]
        at, writer = 0, None
        for context, mask in self.shards:
            found = self.found[at : at + int(mask.sum())]
            positions = self.start + at + np.flatnonzero(found)
            at += len(found)
            if not len(positions):
                continue
            inside = mask.copy()
            inside[mask] = found
            table = sketched(self.use, context, names).select(names).filter(pa.array(inside))
            table = table.add_column(0, "position", pa.array(positions))
            if writer is None:
                writer = pq.ParquetWriter(self.path, table.schema, **_PLAIN)
            writer.write_table(table)
        if writer is not None:
            writer.close()
