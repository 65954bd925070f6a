"""Is a release ready to be handed on: does it verify, does it tell what a reader has to know, does it keep to the
Hub's limits?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tamis.cards.data_card import README
from tamis.cards.verify import Verification, verify
from tamis.corpus.manifest import Manifest, read_manifest
from tamis.errors import InputError, VerifyError
from tamis.hub.outgoing import Outgoing, OutgoingFile, outgoing

CARD = ("summary", "intended_uses", "limitations", "contact")
"""Keys of the recipe's `card` without which nothing is published."""
SOURCE = ("provider", "url", "license_url")
"""Keys of a source without which nothing of it is published; `license_url` where the recipe states the licence."""


SHOWN = 10
"""Problems that an error names, at most."""
Doing = Callable[[str], AbstractContextManager[None]]
"""Shows that something goes on."""


@contextmanager
def ready(release: Path, doing: Doing) -> Iterator[tuple[Outgoing, list[Limit]]]:
    """Yields what leaves of a release, after every check that needs no network, and the Hub's limits beside it.

    Raises VerifyError when the release or the copy of it that leaves doesn't verify, InputError for everything
    else that has to be put right first.
    """
    keys = missing(read_manifest(release))
    if keys:
        raise InputError(
            f"{release} doesn't tell what a reader has to know. Fill in, in the recipe: {', '.join(keys)}. Then run it "
            "again: what was measured is kept, so that takes seconds"
        )
    with doing(f"verifying {release}"):
        _holds(release, verify(release))
    with outgoing(release) as leaving:
        if leaving.withheld:
            with doing("verifying the copy without the text that may not be handed on"):
                _holds(leaving.root, verify(leaving.root))
        found = limits(leaving.files)
        over = [limit for limit in found if limit.hard and not limit.kept]
        if over:
            told = "; ".join(f"{one.name}: {one.found} {one.unit} ({one.where}), {one.allowed} allowed" for one in over)
            raise InputError(f"the Hub doesn't take this release: {told}. See `release.shard_size` in the recipe")
        yield leaving, found


def _holds(release: Path, found: Verification) -> None:
    if found.problems:
        told = "\n".join(f"  {one.place}: found {one.found}, expected {one.expected}" for one in found.problems[:SHOWN])
        more = f"\n  and {len(found.problems) - SHOWN} more" if len(found.problems) > SHOWN else ""
        raise VerifyError(f"{release} doesn't verify, and is not published:\n{told}{more}")


def missing(manifest: Manifest) -> list[str]:
    """Recipe keys that have to be filled before a release is handed on: `card.contact`, `sources.NAME.provider`."""
    card = manifest.recipe.get("card", {})
    keys = [f"card.{key}" for key in CARD if not str(card.get(key) or "").strip()]
    held = {row.source for row in manifest.composition if row.documents}
    for source in manifest.sources:
        if source.name in held:
            stated = source.declared.get("license")
            asked = [key for key in SOURCE if key != "license_url" or stated]
            keys += [f"sources.{source.name}.{key}" for key in asked if not source.declared.get(key)]
    return keys


@dataclass(frozen=True)
class Limit:
    """A limit of the Hub (its `storage-limits` page), beside what a release has."""

    name: str
    found: int
    allowed: int
    unit: str
    """`files` or `bytes`."""
    hard: bool
    """Whether the Hub refuses what is above, or advises against it."""
    where: str
    """The folder or file with the most."""

    @property
    def kept(self) -> bool:
        """Whether the release keeps to it."""
        return self.found <= self.allowed


def limits(files: Iterable[OutgoingFile]) -> list[Limit]:
    """Every limit of the Hub, with what these files have of it."""
    files = list(files)
    entries: Counter[str] = Counter()
    for path in {path for file in files for path in (PurePosixPath(file.path), *PurePosixPath(file.path).parents)}:
        if path.name:
            entries[str(path.parent)] += 1
    fullest, most = max(entries.items(), key=lambda item: (item[1], item[0]))
    largest = max(files, key=lambda file: (file.bytes, file.path))
    card = next((file.bytes for file in files if file.path == README), 0)
    return [
        Limit("entries of a folder", most, 9_999, "files", True, fullest if fullest != "." else "the top folder"),
        Limit("size of a file", largest.bytes, 500_000_000_000, "bytes", True, largest.path),
        Limit("size of a file, advised", largest.bytes, 50_000_000_000, "bytes", False, largest.path),
        Limit("files of a repository", len(files), 100_000, "files", False, "all folders"),
        Limit("length of the card", card, 400_000, "bytes", True, README),
    ]
