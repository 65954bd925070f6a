"""Is the card, byte for byte, what the manifest and the ledger say?"""

from __future__ import annotations

from pathlib import Path

from tamis.cards.checks import Checks
from tamis.cards.data_card import render
from tamis.cards.rewrite import read_ledger
from tamis.corpus.manifest import NAME, Manifest
from tamis.engine.domains import DOMAINS
from tamis.engine.facts import software
from tamis.tokens.formats import FORMATS

OTHER_PARTS = (
    DOMAINS, "data/", "tokens/", "ledger/", "tokenizer/", "documents/", "samples/", "withheld",
    *(f"{name}/" for name in FORMATS)
)  # fmt: skip
WRITERS = ("tamis", "markdown-it-py", "language-data")
"""Software that the bytes of a card depend on, its numbers being given."""
LINES = 20
"""Lines of a file that are named at most."""


def check_card(manifest: Manifest, release: Path, damaged: set[str], checks: Checks) -> list[str]:
    """Renders the card anew and compares; returns notes on what could not be compared.

    While the manifest or a shard is in doubt, only files whose own checksum is wrong are compared: the
    others would differ for the manifest's sake.
    """
    here = software()
    for name in WRITERS:
        if manifest.software.get(name) != here[name]:
            made_by = f"{name.capitalize()} {manifest.software.get(name)}"
            return [f"the card was written by {made_by}; here is {here[name]}, so only its checksums were checked"]
    sound = not checks.found
    rendered = render(manifest, read_ledger(manifest, release), release)
    listed = {file.path for file in manifest.files if not file.path.startswith(OTHER_PARTS)}
    for path in sorted(listed - set(rendered)):
        checks.holds(not sound, path, "a file", "no such part of the card")
    for path, expected in rendered.items():
        if (
            not checks.holds(path in listed, path, f"not in {NAME}", "a part of the card")
            or not (release / path).is_file()
        ):
            continue
        found = (release / path).read_bytes()
        if sound or path in damaged:
            _lines(path, found, expected, checks)
    return []


def _lines(path: str, found: bytes, expected: bytes, checks: Checks) -> None:
    """Names the lines that differ."""
    checks.made += expected.count(b"\n")
    if found == expected:
        return
    has = found.decode(errors="replace").split("\n")
    wants = expected.decode().split("\n")
    wrong = [n for n, (a, b) in enumerate(zip(has, wants, strict=False)) if a != b]
    for number in wrong[:LINES]:
        at = next(i for i, (a, b) in enumerate(zip(has[number] + "\0", wants[number] + "\1", strict=False)) if a != b)
        start = max(at - 40, 0)
        checks.holds(False, f"{path}:{number + 1}", has[number][start : at + 60], wants[number][start : at + 60])
    if len(has) != len(wants):
        checks.holds(False, f"{path} (lines)", len(has) - 1, len(wants) - 1)
