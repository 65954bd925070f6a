"""Opens an input file, local or remote, plain or compressed, as a stream of byte pieces.

Memory stays bounded whatever the file claims: compressed bytes go to the decoder in pieces so small that
even an archive bomb yields no more than MAX_PIECE bytes from one of them.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tamis.corpus.documents import InputFile
from tamis.errors import InputError

READ_BYTES = 1_000_000
MAX_PIECE = 64_000_000
# Worst cases: deflate expands 1032 times, zstd writes a 128 KiB block for every 4 bytes.
_GZIP_FEED, _ZSTD_FEED = 32_768, 1_900
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[a-z0-9]+::")


class Damage(Exception):
    """Why a file can't be read, or not to its end: a reject's cause and detail."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause, self.detail = cause, detail


def is_remote(location: str) -> bool:
    """Whether a location is an fsspec URL rather than a local path."""
    return _URL.match(location) is not None


@contextmanager
def open_input(file: InputFile) -> Iterator[BinaryIO]:
    """The file's bytes as stored.

    Raises Damage (`unreadable`) where it is missing or may not be read, and InputError when a local file
    changed since it was located: what is read would go under the fingerprint of another content.
    """
    with _opened(file) as stream:
        if is_remote(file.location):
            yield stream
            return
        before = os.fstat(stream.fileno())
        if before.st_size != file.size:
            raise _changed(file)
        yield stream
        after = os.fstat(stream.fileno())
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise _changed(file)


def _changed(file: InputFile) -> InputError:
    return InputError(f"{file.location} changed while it was read. Run again when nothing writes to it any more")


def _opened(file: InputFile) -> BinaryIO:
    try:
        if is_remote(file.location):
            import fsspec

            filesystem, path = fsspec.core.url_to_fs(file.location)
            stream: BinaryIO = filesystem.open(path, "rb")
            return stream
        return Path(file.location).open("rb")
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise Damage("unreadable", _said(error)) from error
    except OSError as error:
        if is_remote(file.location):
            raise
        raise Damage("unreadable", _said(error)) from error


def pieces(file: InputFile) -> Iterator[bytes]:
    """The decompressed content in pieces of at most MAX_PIECE bytes.

    Gives everything that can be decoded, then raises Damage where the file is unreadable, truncated or
    corrupt. A network failure is no property of the file: it is raised as it is, so that the task is retried.
    """
    name = file.name.lower()
    if name.endswith(".gz"):
        yield from _decoded(file, lambda: zlib.decompressobj(wbits=31), zlib.error, _GZIP_FEED)
    elif name.endswith((".zst", ".zstd")):
        import zstandard

        yield from _decoded(file, lambda: zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError, _ZSTD_FEED)
    else:
        yield from _stored(file)


def over(limit: int) -> str:
    """What a reject tells of a piece of input that is too large."""
    return f"over {limit / 1_000_000:g} MB"


def whole(file: InputFile, limit: int) -> bytes:
    """The decompressed content at once. Raises Damage, also when it is over `limit` bytes."""
    held, size = [], 0
    for piece in pieces(file):
        held.append(piece)
        size += len(piece)
        if size > limit:
            raise Damage("too_large", f"{over(limit)}: split the file into documents")
    return b"".join(held)


def _stored(file: InputFile) -> Iterator[bytes]:
    with open_input(file) as stream:
        while True:
            try:
                piece = stream.read(READ_BYTES)
            except OSError as error:
                if is_remote(file.location):
                    raise
                raise Damage("unreadable", _said(error)) from error
            if not piece:
                return
            yield piece


def _decoded(
    file: InputFile, new: Callable[[], Any], failure: type[Exception], feed: int, until: int | None = None
) -> Iterator[bytes]:
    """Members (gzip) or frames (zstd) one after another.

    A decoder that meets damage drops what it decoded from the same piece. So the file is decoded once more
    up to there (`until`) in silence, and on from there byte by byte.
    """
    decoder, inside, at = new(), False, 0
    for stored in _stored(file):
        start = 0
        while start < len(stored):
            step = feed if until is None or at < until else 1
            if until is not None and at < until:
                step = min(step, until - at)
            chunk = stored[start : start + step]
            out = []
            try:
                while chunk:
                    if not inside and not chunk.strip(b"\0"):
                        break  # padding after a member
                    inside = True
                    out.append(decoder.decompress(chunk))
                    chunk = b""
                    if decoder.eof:
                        chunk = decoder.unused_data
                        decoder, inside = new(), False
            except failure as error:
                if until is None:
                    yield from _decoded(file, new, failure, feed, until=at)
                raise Damage("bad_archive", f"after {at} compressed bytes: {error}") from error
            if until is None or at >= until:
                yield from filter(None, out)
            start += step
            at += step
    if inside:
        raise Damage("truncated_archive", f"it ends after {at} compressed bytes, within a member")


def _said(error: OSError) -> str:
    return error.strerror or type(error).__name__
