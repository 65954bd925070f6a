"""What the readers of web archives take: MB of file and of text per CPU second, beside FastWARC alone, and
beside datatrove's reader (and its own extractor, trafilatura) where it is installed.

    python bench/web_archives.py FILE.warc.gz [FILE.warc.wet.gz ...]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from fastwarc import ArchiveIterator

from tamis.corpus.documents import InputFile
from tamis.readers import format_of, reader_of
from tamis.readers.contract import Tally
from tamis.recipe.model import Source


def fastwarc_alone(path: Path) -> tuple[int, int]:
    """Records, and bytes of their content: read, and nothing made of it."""
    records = size = 0
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, parse_http=False):
            size += len(record.reader.read())
            records += 1
    return records, size


def tamis(path: Path) -> tuple[int, int]:
    """Documents, and bytes of their text."""
    source = Source(name="bench", path=(str(path),), license="CC0-1.0")
    file = InputFile(path.name, str(path), path.stat().st_size, "")
    documents = size = 0
    for batch in reader_of(source, file)(source, file, Tally()):
        documents += batch.num_rows
        size += sum(len(text.as_buffer()) for text in batch.column("text") if text.is_valid)
    return documents, size


def datatrove_alone(path: Path) -> tuple[int, int]:
    """Pages, and bytes of their HTML, as datatrove's WarcReader gives them."""
    from datatrove.pipeline.readers import WarcReader

    reader = WarcReader(str(path.parent), glob_pattern=path.name, file_progress=False, doc_progress=False)
    pages = size = 0
    for document in reader.run():
        pages += 1
        size += len(document.text.encode())
    return pages, size


def datatrove_with_trafilatura(path: Path) -> tuple[int, int]:
    """Documents, and bytes of their text: datatrove's reader and its extractor."""
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.readers import WarcReader

    reader = WarcReader(str(path.parent), glob_pattern=path.name, file_progress=False, doc_progress=False)
    pages = size = 0
    for document in Trafilatura(timeout=60)(reader.run()):
        pages += 1
        size += len(document.text.encode())
    return pages, size


def cpu_seconds() -> float:
    """CPU time of this process and of those it started: datatrove extracts in one of its own."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measured(name: str, read: Callable[[Path], tuple[int, int]], path: Path) -> None:
    """Prints what one reader did of one file."""
    start = cpu_seconds()
    rows, size = read(path)
    seconds = cpu_seconds() - start
    stored = path.stat().st_size
    print(
        f"{path.name:28} {name:28} {rows:8,} rows {size / 1e6:8.1f} MB out {seconds:7.2f} CPU s "
        f"{stored / 1e6 / seconds:7.1f} MB of file/s {size / 1e6 / seconds:7.1f} MB out/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--datatrove", action="store_true", help="measure datatrove, too")
    options = parser.parse_args()
    for path in options.files:
        measured("fastwarc, nothing made of it", fastwarc_alone, path)
        measured("tamis", tamis, path)
        source = Source(name="bench", path=(str(path),), license="CC0-1.0")
        if options.datatrove and format_of(source, InputFile(path.name, str(path), 0, "")) == "warc":
            measured("datatrove, HTML", datatrove_alone, path)
            measured("datatrove, trafilatura", datatrove_with_trafilatura, path)


if __name__ == "__main__":
    main()
