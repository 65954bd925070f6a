"""What of a release leaves: all of it, or a copy without the text that may not be handed on.

Such a copy is a folder of links beside the files that are made anew for it: card, manifest, id lists, and what
tells trainers of the token files. It is a release of its own kind: `tamis verify` holds on it. Making it again gives
the same bytes, so nothing needs to be kept between two attempts to publish.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import polars as pl

from tamis.cards.rewrite import rewrite_card
from tamis.cards.tally import NO_LICENSE
from tamis.cards.withheld import (
    FOLDER,
    LIST,
    Pair,
    Withheld,
    WithheldFile,
    handed_on,
    id_list,
    pair_of,
    split,
)
from tamis.corpus.commit import committing, write_bytes, write_json
from tamis.corpus.hashing import file_sha256
from tamis.corpus.manifest import NAME, CompositionRow, FileFacts, Manifest, read_manifest
from tamis.engine.earlier import EARLIER, read_earlier, read_parts
from tamis.engine.phases import phases_of
from tamis.engine.release import file_entry
from tamis.engine.trainer_files import described, vocabulary_of
from tamis.errors import InputError
from tamis.recipe.mix import Mix
from tamis.tokens.formats import FORMATS
from tamis.tokens.release import PARTS

TEXTLESS = ("ledger", "stats", "figures", "tokenizer", "documents", *FORMATS)
"""Folders of a release in which no text stands, apart from the files that `pair_of` knows."""
LABEL = 200
"""Characters of a value that a source brought along and that still is a label: a longer one would be text."""


@dataclass(frozen=True)
class OutgoingFile:
    """One file that leaves."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Outgoing:
    """What leaves."""

    root: Path
    manifest: Manifest
    files: tuple[OutgoingFile, ...]
    """The manifest itself included."""
    withheld: tuple[WithheldFile, ...]
    documents_withheld: int

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the manifest, which has the checksum of every other file: equal ones are equal copies."""
        return next(file.sha256 for file in self.files if file.path == NAME)

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files)


@contextmanager
def outgoing(release: Path) -> Iterator[Outgoing]:
    """Yields what leaves of a release. Raises InputError when files mix text that may go with text that may not,
    or when none may go."""
    manifest = read_manifest(release)
    withheld, mixed = split(manifest)
    if mixed:
        raise InputError(_mixed(manifest, mixed))
    if withheld and withheld == {Pair(row.source, row.language) for row in manifest.composition if row.documents}:
        raise InputError(f"{release}: no text of this release may be handed on, so there is nothing to publish")
    files = _withheld_files(manifest, release, withheld)
    if not files:
        yield _as_it_is(release, manifest)
        return
    _check_labels(manifest, release)
    with tempfile.TemporaryDirectory(prefix="tamis-publish-") as made:
        root = Path(made) / release.resolve().name
        _copy(manifest, release.resolve(), root, withheld, files)
        found = _as_it_is(root, read_manifest(root))
        documents = sum(row.documents for row in manifest.composition if (row.source, row.language) in withheld)
        yield Outgoing(root, found.manifest, found.files, tuple(files), documents)


def _as_it_is(root: Path, manifest: Manifest) -> Outgoing:
    files = [OutgoingFile(file.path, file.bytes, file.sha256) for file in manifest.files]
    files.append(OutgoingFile(NAME, (root / NAME).stat().st_size, file_sha256(root / NAME)))
    return Outgoing(root, manifest, tuple(sorted(files, key=lambda file: file.path)), (), 0)


def _mixed(manifest: Manifest, mixed: Mapping[Pair, Sequence[CompositionRow]]) -> str:
    lines = []
    for pair, cells in sorted(mixed.items()):
        of = sum(row.documents for row in manifest.composition if (row.source, row.language) == pair)
        held = sum(cell.documents for cell in cells)
        licenses = ", ".join(sorted({cell.license for cell in cells}))
        lines.append(f"  {pair.source} in {pair.language}: {held} of {of} documents ({licenses})")
    source = min(pair.source for pair in mixed)
    declared = next(one for one in manifest.recipe["sources"] if one["name"] == source)
    field = declared.get("columns", {}).get("license", "license")
    licenses = ", ".join(sorted({cell.license for pair in mixed for cell in mixed[pair] if pair.source == source}))
    nulls = ", nulls: drop" if NO_LICENSE in licenses else ""
    return (
        "files of this release mix text that may be handed on with text that may not, and a file goes whole or not "
        "at all:\n" + "\n".join(lines) + f"\nIn the recipe, leave those documents out of source {source}: `where: "
        f"{{{field}: {{not_in: [{licenses}]{nulls}}}}}`, spelled as the source's own field {field!r} spells them; or "
        "make them a source of their own by the opposite `where`, whose files are then withheld and leave as a list of "
        "ids. Then run again"
    )


def _withheld_files(manifest: Manifest, release: Path, withheld: AbstractSet[Pair]) -> list[WithheldFile]:
    closed = _closed(manifest, release)
    found = []
    for file in manifest.files:
        pair = pair_of(file.path)
        reason = ""
        if pair in withheld:
            assert pair is not None
            licenses = sorted({row.license for row in manifest.composition if (row.source, row.language) == pair})
            reason = f"the text of {pair.source} may not be handed on ({', '.join(licenses)})"
        elif closed and pair is None and not _textless(file.path) and not _open(manifest, release, file):
            reason = f"may show text of {', '.join(closed)}, which may not be handed on"
        if reason:
            found.append(WithheldFile(**file.model_dump(), reason=reason))
    return found


def _textless(path: str) -> bool:
    """Whether no text can stand there: files at the top are made of the manifest and the ledger."""
    folder, slash, _ = path.partition("/")
    return not slash or folder in (*TEXTLESS, FOLDER)


def _open(manifest: Manifest, release: Path, file: FileFacts) -> bool:
    """Whether every document of a file tells its source and licence, and may be handed on."""
    if not file.path.endswith(".jsonl"):
        return False
    try:
        with (release / file.path).open("rb") as handle:
            return all(
                handed_on(manifest, row["source"], row["license"] or NO_LICENSE) for row in map(orjson.loads, handle)
            )
    except (ValueError, KeyError, TypeError, StopIteration):
        return False


def _closed(manifest: Manifest, release: Path) -> list[str]:
    """Sources with ingested documents, released or not, whose text may not be handed on."""
    paths = [release / file.path for file in manifest.files if file.path.startswith("ledger/")]
    rows = pl.scan_parquet(paths, glob=False).select("source", "license").unique().collect().iter_rows()
    known = ((source, license_ or NO_LICENSE) for source, license_ in rows)
    return sorted({source for source, license_ in known if not handed_on(manifest, source, license_)})


def _check_labels(manifest: Manifest, release: Path) -> None:
    """The ledger leaves whole: what sources brought along must be labels there, not text."""
    for file in manifest.files:
        if not file.path.startswith("ledger/"):
            continue
        scan = pl.scan_parquet(release / file.path, glob=False)
        kinds = scan.collect_schema()
        brought = [name for name, kind in kinds.items() if name.startswith("source.") and kind == pl.String]
        longest = scan.select(pl.col(brought).str.len_chars().max()).collect().row(0) if brought else ()
        for name, length in zip(brought, longest, strict=True):
            if (length or 0) > LABEL:
                signal = name.removeprefix("source.")
                raise InputError(
                    f"{file.path}: column {name} has values of {length} characters, which may be text, and some text "
                    f"of this release may not be handed on. Take `signals: {{{signal}: ...}}` out of the source in "
                    f"the recipe, and run again: a label has {LABEL} characters at most"
                )


def _copy(
    manifest: Manifest, release: Path, root: Path, withheld: AbstractSet[Pair], files: Sequence[WithheldFile]
) -> None:
    """Fills the folder `root` with what leaves."""
    absent = {file.path for file in files}
    told = _told(manifest, release, withheld)
    kept = []
    for file in manifest.files:
        about_parts = file.path.partition("/")[0] in ("documents", *FORMATS) and pair_of(file.path) is None
        if file.path not in absent and not (told and about_parts):
            (root / file.path).parent.mkdir(parents=True, exist_ok=True)
            (root / file.path).symlink_to(release / file.path)
            kept.append(file)
    made = list(told)
    for path, content in told.items():
        write_bytes(root / path, content)
    pairs = tuple(sorted(withheld))
    for source in sorted({pair.source for pair in pairs}):
        path = f"{FOLDER}/{source}.csv"
        with committing(root / path) as temporary, temporary.open("wb") as handle:
            handle.writelines(id_list(manifest, release, source, pairs))
        made.append(path)
    write_json(root / LIST, Withheld(pairs=pairs, files=tuple(files)).model_dump(mode="json"))
    kept += [FileFacts(**file_entry(root, root / path)) for path in [*made, LIST]]
    listed = tuple(sorted(kept, key=lambda file: file.path))
    write_json(root / NAME, manifest.model_copy(update={"files": listed}).model_dump(mode="json"))
    # A link gives way to the new file: the release's own stays as it is.
    rewrite_card(root)


def _told(manifest: Manifest, release: Path, withheld: AbstractSet[Pair]) -> dict[str, bytes]:
    """What is told of the parts of token files, counts and blends, of the parts that leave."""
    formats: Sequence[str] = manifest.recipe.get("release", {}).get("formats", [])
    if not withheld or not formats or manifest.tokenizer is None:
        return {}
    parts = [part for part in read_parts(release / PARTS) if Pair(part.source, part.language) not in withheld]
    earlier = read_earlier(release / EARLIER) if (release / EARLIER).is_file() else {}
    mix = Mix.model_validate(manifest.recipe.get("mix", {}))
    return described(parts, phases_of(parts, manifest.mix, mix, earlier), formats, vocabulary_of(manifest.tokenizer))


def git_oid(path: Path) -> str:
    """The id that Git gives a file's content."""
    whole = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as handle:
        while piece := handle.read(1 << 20):
            whole.update(piece)
    return whole.hexdigest()
