"""Plain text (UTF-8): a document is a file, or a paragraph (blank lines between)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa

from tamis.corpus.documents import InputFile, Reject
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, over, pieces, whole
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
        text = _decoded(whole(file, source.max_document_bytes), 1)
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
    cutter = _Cutter()
    try:
        for block in blocks(pieces(file), source.max_document_bytes):
            if block.state == "too_long":
                yield from _batches(source, file, tally, *cutter.rest())
                _reject(file, tally, block.first, "line_too_long", over(source.max_document_bytes))
                cutter.start = block.first + 1
                continue
            yield from _batches(source, file, tally, *cutter.add(block.data))
            if len(cutter.waiting) > source.max_document_bytes:
                detail = f"a paragraph {over(source.max_document_bytes)}"
                _reject(file, tally, cutter.start, "too_large", detail)
                cutter.drop()
    except Damage as damage:
        reached = cutter.start + cutter.waiting.count(b"\n")
        yield from _batches(source, file, tally, *cutter.rest())
        _reject(file, tally, reached if reached > 1 else None, damage.cause, damage.detail)
    else:
        yield from _batches(source, file, tally, *cutter.rest())


class _Cutter:
    """Cuts whole lines at the last blank line."""

    def __init__(self) -> None:
        self.waiting = b""
        """Lines of a paragraph that may go on."""
        self.start = 1
        """Number of the line that `waiting` starts in."""
        self.dropping = False
        """Within a paragraph that is too long."""

    def add(self, lines: bytes) -> tuple[bytes, int]:
        """Takes more lines; gives what ends in a blank line, and the number of its first line."""
        self.waiting += lines
        if self.dropping:
            blank = _BLANK.search(self.waiting)
            if blank is None:
                self.drop()
                return b"", self.start
            self._pass(blank.end())
            self.dropping = False
        start, cut = self.start, 0
        for blank in _BLANK.finditer(self.waiting):
            cut = blank.end()
        data = self.waiting[:cut]
        self._pass(cut)
        return data, start

    def drop(self) -> None:
        """Forgets the paragraph so far, and what comes of it; only the end of its last line is needed still."""
        self._pass(len(self.waiting) - self.waiting.endswith(b"\n"))
        self.dropping = True

    def rest(self) -> tuple[bytes, int]:
        """The last paragraph, and the number of its first line."""
        data, start = b"" if self.dropping else self.waiting, self.start
        self._pass(len(self.waiting))
        self.dropping = False
        return data, start

    def _pass(self, cut: int) -> None:
        self.start += self.waiting.count(b"\n", 0, cut)
        self.waiting = self.waiting[cut:]


def _reject(file: InputFile, tally: Tally, line: int | None, cause: str, detail: str) -> None:
    tally.read += 1
    tally.reject(Reject(file.name, line, cause, detail))


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
