"""Readers turn source files into record batches of documents, and count what they can't read."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from tamis.corpus.documents import InputFile
from tamis.errors import InputError
from tamis.readers.contract import Reader
from tamis.recipe.model import Source

FORMATS = {
    "warc": (".warc",),
    "wet": (".wet",),
    "wat": (".wat",),
    "jsonl": (".jsonl", ".ndjson", ".jsonlines"),
    "parquet": (".parquet", ".pq"),
    "arrow": (".arrow", ".feather", ".ipc"),
    "csv": (".csv",),
    "tsv": (".tsv", ".tab"),
    "tar": (".tar", ".tgz"),
    "zip": (".zip",),
    "html": (".html", ".htm", ".xhtml"),
    "epub": (".epub",),
    "pdf": (".pdf",),
    "text": (
        ".txt", ".text", ".md", ".markdown", ".rst", ".adoc", ".tex", ".org", ".srt", ".vtt",
        ".py", ".pyi", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".java", ".kt", ".scala", ".go", ".rs", ".js", ".mjs",
        ".ts", ".jsx", ".tsx", ".rb", ".php", ".pl", ".pm", ".lua", ".r", ".jl", ".m", ".swift", ".hs", ".ml", ".el",
        ".sh", ".bash", ".sql", ".css", ".toml", ".ini", ".cfg", ".yaml", ".yml",
    ),
}  # fmt: skip
"""What `format: auto` takes each file name extension for; .gz and .zst may follow all but those of
Parquet, Arrow and zip."""
CONTAINERS = frozenset(("jsonl", "parquet", "arrow", "csv", "tsv", "tar", "zip", "warc", "wet", "wat"))
"""Formats of which a file holds many documents."""
_WITH_HTML = frozenset(("html", "warc", "tar", "zip"))
_EXTRACTORS = {"resiliparse": ("resiliparse",), "trafilatura": ("trafilatura", "lxml", "justext")}
_LIBRARIES = ("trafilatura", "lxml", "justext", "resiliparse", "pypdf")
_EXTRAS = {"pypdf": "pdf", "lxml": "trafilatura", "justext": "trafilatura"}
"""The extra that a library comes with, where it isn't called the same."""
_READERS = {
    "python": "python_installation.read",
    "csv": "csv.read_csv",
    "tsv": "csv.read_tsv",
    "tar": "archives.read_tar",
    "zip": "archives.read_zip",
    "warc": "web_archives.read_warc",
    "wet": "web_archives.read_wet",
    "wat": "web_archives.read_wat",
}
"""Where a format's reader is, if not as `read` in a module of the format's name."""
_NAMING = ("langcodes", "language-data")
_COMPRESSED = (".gz", ".zst", ".zstd")


def reader_of(source: Source, file: InputFile) -> Reader:
    """The reader of a file, by the source's `format` or the file's name. Raises InputError for an unknown one."""
    format_ = format_of(source, file)
    module, _, name = _READERS.get(format_, f"{format_}.read").partition(".")
    reader: Reader = getattr(importlib.import_module(f"tamis.readers.{module}"), name)
    return reader


def format_of(source: Source, file: InputFile) -> str:
    """How a file is read: the source's `format`, or by the file's name. Raises InputError for an unknown one."""
    return source.format if source.format != "auto" else _by_name(source, file)


def text_libraries(source: Source, files: Iterable[InputFile]) -> tuple[str, ...]:
    """Libraries that have a say in the text: those that take it out of HTML, EPUB and PDF, and those that name the
    languages of aligned texts."""
    if source.pairs is not None:
        return _NAMING
    formats = {format_of(source, file) for file in files}
    found: set[str] = set()
    if "html" in source.columns or not _WITH_HTML.isdisjoint(formats):
        found.update(_EXTRACTORS[source.extractor])
    if "epub" in formats:
        found.add("resiliparse")
    if "pdf" in formats:
        found.add("pypdf")
    return tuple(sorted(found, key=_LIBRARIES.index))


def text_versions(source: Source, files: Iterable[InputFile]) -> str | None:
    """Names and versions of those libraries: another version finds another text. Raises InputError where they aren't
    installed."""
    versions = []
    for name in text_libraries(source, files):
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError as error:
            wanted = "pypdf, which reads PDF," if name == "pypdf" else f"`extractor: {source.extractor}`"
            raise InputError(
                f"source {source.name}: {wanted} isn't installed: pip install 'tamis[{_EXTRAS.get(name, name)}]'"
            ) from error
    return ", ".join(versions) or None


def _by_name(source: Source, file: InputFile) -> str:
    if ".dist-info/" in file.location or ".egg-info/" in file.location:
        return "python"
    name = file.name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    for format_, endings in FORMATS.items():
        if name.endswith(endings):
            return format_
    allowed = "; ".join(f"{format_}: {' '.join(endings)}" for format_, endings in FORMATS.items())
    raise InputError(
        f"source {source.name}: the name of {file.name!r} doesn't tell how to read it. Set `format` "
        f"({', '.join(FORMATS)}), or narrow the path to files with a known extension ({allowed}; "
        "all but Parquet, Arrow and zip also with .gz or .zst)"
    )
