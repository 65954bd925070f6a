"""Files on a store, through fsspec: which ones an address means, which version each is, and a hash of its content.

A store tells a version of its own (an ETag, a checksum, a blob's id). It says nothing about another store's or a
disk's copy of the same bytes, so it only serves to know again what was hashed before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import xxhash

from tamis.readers.decompress import READ_BYTES

MAGIC = re.compile(r"[*?\[]")
"""What makes a path a pattern."""
HASHED_AT_ONCE = 8
"""Files that are read side by side to be hashed: a store answers many requests faster than one after another."""
_TAGS = (
    "ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "checksum", "sha256", "xet_hash", "blob_id", "crc32c",
    "Digest", "Last-Modified",
)  # fmt: skip
"""What stores call the version or hash of a file's content, the surest first."""


@dataclass(frozen=True)
class Stored:
    """One file on a store."""

    place: str
    """Its path on the store."""
    location: str
    """Its fsspec URL."""
    size: int
    tag: str
    """The store's word on its version; empty where the store has none, so that it can't be known again."""


def matching(url: str) -> tuple[str, list[Stored]]:
    """The path that `url` (an address or a pattern of addresses) is on its store, and the files it means, sorted.

    Raises what the store's own client raises; ImportError and ValueError for an address that none can serve.
    """
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(url)
    try:
        infos = filesystem.glob(path, detail=True) if MAGIC.search(path) else {path: filesystem.info(path)}
    except FileNotFoundError:
        infos = {}
    found = []
    for place, info in sorted(infos.items()):
        if info.get("type") == "directory":
            continue
        size = int(info.get("size") or 0)
        found.append(Stored(place, filesystem.unstrip_protocol(place), size, _tag(filesystem, place, info, size)))
    return path, found


def version_of(location: str) -> str:
    """The store's word on the version that a file has now; `gone` where there is none any more."""
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(location)
    filesystem.invalidate_cache()
    try:
        info = filesystem.info(path)
    except FileNotFoundError:
        return "gone"
    return _tag(filesystem, path, info, int(info.get("size") or 0))


def _tag(filesystem: Any, place: str, info: dict[str, Any], size: int) -> str:
    for key in _TAGS:
        if info.get(key):
            return xxhash.xxh3_128_hexdigest(f"{key}:{info[key]}:{size}".encode())
    protocols = filesystem.protocol if isinstance(filesystem.protocol, tuple) else (filesystem.protocol,)
    if "http" in protocols:
        return ""  # fsspec's own word on such a file is its address
    return xxhash.xxh3_128_hexdigest(f"ukey:{filesystem.ukey(place)}:{size}".encode())


def hashed(files: Sequence[Stored]) -> Iterator[tuple[Stored, str | None]]:
    """Hash of every file's content, as `locate` hashes a local one; None for a file that may not be read.

    Raises what the store's client raises when the network fails.
    """
    with ThreadPoolExecutor(HASHED_AT_ONCE) as pool:
        try:
            yield from zip(files, pool.map(_hash, files), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)


def _hash(file: Stored) -> str | None:
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(file.location)
    hasher = xxhash.xxh3_128()
    try:
        with filesystem.open(path, "rb") as stream:
            while piece := stream.read(READ_BYTES):
                hasher.update(piece)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        return None
    return hasher.hexdigest()
