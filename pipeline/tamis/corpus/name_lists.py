"""Lists that recipes name as files: words, and domains by the million.

A list of words or names is UTF-8 text, one entry a line; blank lines and lines that start with `#` are passed over. A
list of domains may be a JSON array of names as well, or an object with names as keys. A collection of lists by
category is a folder (or a tar archive of it) as the University of Toulouse publishes them: `CATEGORY/domains` and
`CATEGORY/urls`.
"""

from __future__ import annotations

import lzma
import tarfile
import unicodedata
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

from tamis.corpus.urls import ascii_host
from tamis.errors import InputError, did_you_mean
from tamis.kernels.buffers import text_array

Hashes = npt.NDArray[np.uint64]
_Read = Callable[[], bytes]
_FILES = ("domains", "urls")
_PIECE = 1 << 23
"""Bytes of a list that are read at a time."""
_COMPRESSED = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def read_list(path: Path) -> list[str]:
    """Entries of a list of words, in the file's order, each once, in NFC as texts are. Raises InputError when it has
    none."""
    found = list(dict.fromkeys(_entries(unicodedata.normalize("NFC", _text(_content(path), path)))))
    if not found:
        raise InputError(f"{path} holds no entry: a list has one word or phrase a line, `#` starts a comment")
    return found


def read_names(path: Path) -> Iterator[pl.Series]:
    """Names of a list of domains, in lower case and ASCII, piece by piece. Raises InputError when it has none."""
    found = 0
    for names in _read_names(path):
        found += len(names)
        yield names
    if not found:
        raise InputError(f"{path} holds no domain: a list has one a line, or is a JSON array of them")


def _read_names(path: Path) -> Iterator[pl.Series]:
    content = _content(path)
    if content.lstrip()[:1] in (b"[", b"{"):
        try:
            data = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise InputError(f"{path} is no JSON ({error}): write an array of domains, or one domain a line") from None
        yield _names(pl.Series(list(data), dtype=pl.String, strict=False).drop_nulls())
    else:
        yield from _pieces(content, path)


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file, with one entry a line")
    return path.read_bytes()


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}, byte {error.start}: it isn't UTF-8. Convert it (iconv -t UTF-8)") from None


def _entries(text: str) -> Iterator[str]:
    for line in text.splitlines():
        entry = line.strip()
        if entry and not entry.startswith("#"):
            yield entry


def _pieces(content: bytes, path: Path) -> Iterator[pl.Series]:
    """Names of a list in pieces, without an object for each name: there may be millions."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + _PIECE) + 1 or len(content)
        data = np.frombuffer(content[start:end], np.uint8)
        _text(content[start:end], path)
        ends = np.flatnonzero(data == ord("\n")) + 1
        yield _names(pl.Series(text_array(data, np.concatenate(([0], ends, [len(data)])))))
        start = end


def _names(names: pl.Series) -> pl.Series:
    names = names.str.strip_chars("\ufeff \t\r\n").str.to_lowercase().str.strip_suffix(".")
    names = names.filter((names != "") & ~names.str.starts_with("#"))
    names = names.str.replace(r"^[a-z][a-z0-9+.-]*://", "").str.strip_chars_end("/")
    names = names.str.strip_prefix("*.").str.strip_prefix(".")
    foreign = (names.str.len_bytes() > names.str.len_chars()).arg_true()
    return names.scatter(foreign, list(map(_in_ascii, names.gather(foreign)))) if len(foreign) else names


def _in_ascii(name: str) -> str:
    host, slash, path = name.partition("/")
    return ascii_host(host) + slash + path


class HashedNames:
    """A table from names to the categories that list them: eight bytes of a hash and two of a code for each name.

    A name that isn't in the table is taken for one that is once in four billion billions divided by the table's size.
    """

    def __init__(self, by_category: Iterable[tuple[str, Iterable[Hashes]]]) -> None:
        categories, pieces = [], []
        for code, (category, hashes) in enumerate(by_category):
            categories.append(category)
            pieces += [(piece, np.full(len(piece), code, np.uint16)) for piece in hashes]
        pairs = np.concatenate([np.zeros(0, np.uint64), *(piece for piece, _ in pieces)])
        numbers = np.concatenate([np.zeros(0, np.uint16), *(codes for _, codes in pieces)])
        order = np.lexsort((numbers, pairs))
        self._hashes, starts = np.unique(pairs[order], return_index=True)
        self._codes, self._sets = _grouped(numbers[order], starts, categories)

    def __len__(self) -> int:
        return len(self._hashes)

    def find(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """The categories of each name, sorted; empty for a name of none."""
        if not len(self._hashes) or not names:
            return [()] * len(names)
        asked = hashed(pl.Series(list(names), dtype=pl.String))
        at = np.minimum(np.searchsorted(self._hashes, asked), len(self._hashes) - 1)
        known = self._hashes[at] == asked
        return [self._sets[code] if there else () for code, there in zip(self._codes[at], known, strict=True)]


def hashed(names: pl.Series) -> Hashes:
    """Hashes of names, the same within one process."""
    return names.rechunk().hash(seed=17).to_numpy()


def _grouped(
    codes: npt.NDArray[np.uint16], starts: npt.NDArray[np.int64], categories: Sequence[str]
) -> tuple[npt.NDArray[np.uint16], list[tuple[str, ...]]]:
    """The set of categories of each group of `codes`, as a number; and the sets by number."""
    sets: dict[tuple[str, ...], int] = {(name,): number for number, name in enumerate(categories)}
    ends = np.append(starts[1:], len(codes))
    grouped = codes[starts]
    for group in np.flatnonzero(ends - starts > 1).tolist():
        names = tuple(sorted({categories[code] for code in codes[starts[group] : ends[group]].tolist()}))
        grouped[group] = sets.setdefault(names, len(sets))
    return grouped, list(sets)


class CategoryLists(NamedTuple):
    """Domains and addresses by category."""

    domains: HashedNames
    urls: HashedNames
    categories: tuple[str, ...]


def category_lists(paths: Sequence[Path], wanted: Sequence[str] | None) -> CategoryLists:
    """The lists of some folders or archives; of the `wanted` categories alone, where they are named.

    Raises InputError for a place that holds no lists, and for a category that none has.
    """
    found: dict[str, dict[str, list[Hashes]]] = {}
    for path, category, kind, read in _lists(paths, wanted):
        lists = found.setdefault(category, {kind: [] for kind in _FILES})
        pieces = _pieces(read(), path)
        # Of addresses, `www.` is left out on both sides.
        lists[kind] += [hashed(names.str.strip_prefix("www.") if kind == "urls" else names) for names in pieces]
    used = tuple(sorted(found))
    tables = [HashedNames((category, found[category][kind]) for category in used) for kind in _FILES]
    return CategoryLists(tables[0], tables[1], used)


def check_category_lists(paths: Sequence[Path], wanted: Sequence[str] | None) -> None:
    """Raises what `category_lists` does, without reading a list."""
    deque(_lists(paths, wanted), 0)


def _lists(paths: Sequence[Path], wanted: Sequence[str] | None) -> Iterator[tuple[Path, str, str, _Read]]:
    """Place, category and kind of each list wanted, and what reads it."""
    there: set[str] = set()
    for path in paths:
        files = 0
        for category, kind, read in _archived(path) if path.is_file() else _in_folder(path):
            files += 1
            there.add(category)
            if wanted is None or category in wanted:
                yield path, category, kind, read
        if not files:
            raise InputError(f"{path} holds no lists: CATEGORY/domains or CATEGORY/urls is looked for")
    for category in wanted or ():
        if category not in there:
            raise InputError(f"no list is of the category {category!r}.{did_you_mean(category, there)}")


def _in_folder(folder: Path) -> Iterator[tuple[str, str, _Read]]:
    for path in sorted(folder.rglob("*")):
        # Toulouse's other names of a category are links to its folder, which `rglob` doesn't enter.
        if path.name in _FILES and path.is_file():
            yield path.parent.name, path.name, path.read_bytes


def _archived(path: Path) -> Iterator[tuple[str, str, _Read]]:
    ending = next((ending for ending in _COMPRESSED if path.name.endswith(ending)), None)
    if ending is None:
        raise InputError(f"{path} is neither a folder of lists nor an archive of one ({', '.join(_COMPRESSED)})")
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                at = Path(member.name)
                if member.isfile() and at.name in _FILES:
                    opened = archive.extractfile(member)
                    assert opened is not None
                    yield at.parent.name or path.name.removesuffix(ending), at.name, opened.read
    except (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error, OSError) as error:
        raise InputError(f"{path} can't be read as an archive: {error}") from None
