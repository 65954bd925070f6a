"""Plain text (UTF-8): a document is a file, or a paragraph (blank lines between)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa

from tamis.corpus.documents import InputFile, Reject
from tamis.readers.contract import Tally
from tamis.readers.decompress import MAX_DOCUMENT_BYTES, Damage, pieces, whole
from tamis.readers.fields import Problem, documents
from tamis.readers.jsonl import blocks
from tamis.recipe.model import Source

_BLANK = re.compile(rb"\r?\n(?:[ \t\r]*\n)+")


def read(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one text file, as the source's `split` says."""
    if source.split == "paragraph":
        yield from _paragraphs(source, file, tally)
        return
    try:
        text = _decoded(whole(file), 1)
    except Damage as damage:
        text = (damage.cause, damage.detail)
    yield one_document(source, file, tally, text, {})


def one_document(
    source: Source, file: InputFile, tally: Tally, text: str | Problem, facts: dict[str, str | None]
) -> pa.RecordBatch:
    """The batch of a file that is one document, or none; the file's name is the document's own id."""
    columns = {"id": pa.array([file.name], pa.string())}
    columns |= {name: pa.array([value], pa.string()) for name, value in facts.items()}
    problems = {}
    if isinstance(text, tuple):
        problems[0] = text
        columns["text"] = pa.nulls(1, pa.large_string())
    else:
        columns["text"] = pa.array([text], pa.large_string())
    return documents(source, file, columns, pa.nulls(1, pa.int64()), tally, problems)


def _decoded(data: bytes, first: int) -> str | Problem:
    """The text of some bytes that start at line `first`, or where they aren't UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = first + data.count(b"\n", 0, error.start)
        return "bad_utf8", f"line {line}: {error.reason}"


def _paragraphs(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Paragraphs, streaming: what follows the last blank line of a block waits for the next one."""
    waiting, start, damage = b"", 1, None
    stream = blocks(pieces(file))
    while True:
        try:
            block = next(stream, None)
        except Damage as found:
            block, damage = None, found
        if block is None:
            break
        if block.state == "too_long":
            yield from _batches(source, file, tally, waiting, start)
            _reject(file, tally, block.first, "line_too_long", f"over {MAX_DOCUMENT_BYTES // 1_000_000} MB")
            waiting, start = b"", block.first + 1
            continue
        data = waiting + block.data
        cut = _last_blank(data)
        yield from _batches(source, file, tally, data[:cut], start)
        start += data.count(b"\n", 0, cut)
        waiting = data[cut:]
        if len(waiting) > MAX_DOCUMENT_BYTES:
            _reject(file, tally, start, "too_large", f"a paragraph over {MAX_DOCUMENT_BYTES // 1_000_000} MB")
            start += waiting.count(b"\n")
            waiting = b""
    yield from _batches(source, file, tally, waiting, start)
    if damage is not None:
        reached = start + waiting.count(b"\n")
        _reject(file, tally, reached if reached > 1 else None, damage.cause, damage.detail)


def _reject(file: InputFile, tally: Tally, line: int | None, cause: str, detail: str) -> None:
    tally.read += 1
    tally.reject(Reject(file.name, line, cause, detail))


def _last_blank(data: bytes) -> int:
    """Where the last paragraph that may go on starts."""
    end = 0
    for match in _BLANK.finditer(data):
        end = match.end()
    return end


def _batches(source: Source, file: InputFile, tally: Tally, data: bytes, first: int) -> Iterator[pa.RecordBatch]:
    texts: list[str | None] = []
    lines: list[int] = []
    problems: dict[int, Problem] = {}
    line, at = first, 0
    for end, after in _spans(data):
        paragraph = data[at:end]
        if paragraph.strip():
            text = _decoded(paragraph, line)
            if isinstance(text, str):
                texts.append(text)
            else:
                problems[len(texts)] = text
                texts.append(None)
            lines.append(line + paragraph[: len(paragraph) - len(paragraph.lstrip())].count(b"\n"))
        line += data.count(b"\n", at, after)
        at = after
    if texts:
        columns = {"text": pa.array(texts, pa.large_string())}
        yield documents(source, file, columns, pa.array(lines, pa.int64()), tally, problems)


def _spans(data: bytes) -> Sequence[tuple[int, int]]:
    """Per paragraph: where it ends, and where the next one starts."""
    spans = [match.span() for match in _BLANK.finditer(data)]
    return [*spans, (len(data), len(data))]
