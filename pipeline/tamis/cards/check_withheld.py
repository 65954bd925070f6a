"""Is what a published copy withholds exactly what may not be handed on, and does it tell of it truly?"""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from pathlib import Path

from tamis.cards.checks import Checks
from tamis.cards.withheld import FOLDER, LIST, Pair, Withheld, id_list, pair_of, read_withheld, split
from tamis.corpus.commit import canonical_json
from tamis.corpus.hashing import file_sha256
from tamis.corpus.manifest import Manifest
from tamis.errors import InputError

SHOWN = 3
"""Withheld files that a note names."""


def check_withheld(manifest: Manifest, release: Path, checks: Checks) -> list[str]:
    """Checks `withheld.json` and the id lists where there are any; returns a note that names what is withheld."""
    try:
        withheld = read_withheld(release)
    except InputError as error:
        checks.holds(False, LIST, str(error), "a list of withheld files")
        return []
    if withheld is None:
        return []
    spelled = canonical_json(withheld.model_dump(mode="json"), indent=True) + b"\n"
    checks.equal(f"{LIST} (bytes)", (release / LIST).read_bytes() == spelled, True)
    _pairs(manifest, withheld, checks)
    _files(manifest, release, withheld, checks)
    _id_lists(manifest, release, withheld, checks)
    names = [file.path for file in withheld.files]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    documents = sum(row.documents for row in manifest.composition if (row.source, row.language) in withheld.pairs)
    return [
        f"a published copy: {', '.join(names[:SHOWN])}{more} stayed with the publisher, as the text of {documents} "
        f"documents may not be handed on ({LIST})"
    ]


def _pairs(manifest: Manifest, withheld: Withheld, checks: Checks) -> None:
    expected, mixed = split(manifest)
    for pair in sorted(set(withheld.pairs) | expected | set(mixed)):
        place = f"{LIST}: {pair.source} in {pair.language}"
        what = "text that may not be handed on" if pair in expected or pair in mixed else "text that may"
        checks.holds(
            (pair in withheld.pairs) == (pair in expected) and pair not in mixed,
            place, "withheld" if pair in withheld.pairs else "not withheld", what,
        )  # fmt: skip


def _files(manifest: Manifest, release: Path, withheld: Withheld, checks: Checks) -> None:
    rows: dict[Pair, int] = {}
    for file in withheld.files:
        checks.holds(not (release / file.path).exists(), file.path, "a file", f"none: {LIST} says it is withheld")
        pair = pair_of(file.path)
        if pair is not None and file.path.startswith("data/"):
            rows[pair] = rows.get(pair, 0) + (file.rows or 0)
    for pair in withheld.pairs:
        cells = (row for row in manifest.composition if (row.source, row.language) == pair)
        documents = sum(row.documents for row in cells)
        checks.equal(f"{LIST}: rows of {pair.source} in {pair.language}", rows.get(pair, 0), documents)
    for listed in manifest.files:
        pair = pair_of(listed.path)
        checks.holds(pair not in withheld.pairs, listed.path, "a file", f"none: {LIST} withholds its documents")


def _id_lists(manifest: Manifest, release: Path, withheld: Withheld, checks: Checks) -> None:
    sources: AbstractSet[str] = {pair.source for pair in withheld.pairs}
    expected = {f"{FOLDER}/{source}.csv" for source in sources}
    listed = {file.path for file in manifest.files if file.path.startswith(f"{FOLDER}/")}
    for path in sorted(listed ^ expected):
        checks.holds(False, path, "a file" if path in listed else "no file", "an id list per withheld source")
    for source in sorted(sources):
        path = f"{FOLDER}/{source}.csv"
        if path not in listed or not (release / path).is_file():
            continue
        whole = hashlib.sha256()
        for piece in id_list(manifest, release, source, withheld.pairs):
            whole.update(piece)
        same = whole.hexdigest() == file_sha256(release / path)
        checks.holds(same, f"{path} (content)", "other lines", "the documents that the ledger releases")
