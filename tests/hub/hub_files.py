"""What tests of publishing share: recipes, a way to publish, and what is in the trees of a repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub_server import Hub
from hub_store import Repo, Tree

from tamis.hub.outgoing import outgoing
from tamis.hub.publish import Published, PublishOptions, publish
from tamis.hub.remote import Remote

WORDS = (
    "the", "old", "mill", "turns", "slowly", "while", "rain", "falls", "on", "fields", "of", "rye", "and", "a", "boy",
    "counts", "geese", "by", "gate",
)  # fmt: skip
REPO = "ada/toy"
SECRET = "quarrelsome"
"""A word that only the closed texts have."""
CARD = """
card:
  summary: Letters and tales for tests.
  intended_uses: Tests.
  limitations: Few words.
  contact: tests@example.org
"""
FACTS = "provider: Ours, url: https://example.org, license_url: https://example.org/licence"
RECIPE = """
name: toy
version: "{version}"
sources:
{sources}
stages:
  - tokenize: {{tokenizer: {{train: {{vocabulary_size: 512, characters: 5000}}}}}}
release: {{formats: [megatron]}}
"""
LETTERS = f"  - {{name: letters, path: letters.jsonl, language: en, category: letters, license: CC0-1.0, {FACTS}}}\n"
TALES = f"  - {{name: tales, path: tales.jsonl, language: fr, category: tale, license: CC-BY-4.0, {FACTS}}}\n"
CLOSED = (
    "  - {name: closed, path: closed.jsonl, columns: {language: lang, url: url}, category: tale, "
    f"license: LicenseRef-Proprietary, {FACTS}}}\n"
)
MIXED = f"  - {{name: letters, path: letters.jsonl, language: en, columns: {{license: licence}}, {FACTS}}}\n"


def bytes_of(release: Path) -> dict[str, bytes]:
    return {path.relative_to(release).as_posix(): path.read_bytes() for path in release.rglob("*") if path.is_file()}


def contents(tree: Tree) -> dict[str, bytes | None]:
    return {path: blob.data for path, blob in tree.items() if path != ".gitattributes"}


def watched(repo: Repo, *releases: Path) -> None:
    """Main was empty, or one of the releases to the byte, after every change."""
    allowed = [{}, *map(bytes_of, releases)]
    for tree in repo.mains:
        assert contents(tree) in allowed


class Quiet:
    """Keeps what is said of publishing."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, name: str) -> None:
        """Nothing is shown."""

    def sending(self, files: int, bytes: int) -> None:
        """Nothing is shown."""

    sent = sending

    def say(self, message: str) -> None:
        """Kept."""
        self.said.append(message)


def deliver(hub: Hub, release: Path, **options: Any) -> tuple[Published, list[str]]:
    """Publishes a release that is known to verify, as user `ada`; what came of it, and what was said."""
    quiet = Quiet()
    with outgoing(release) as leaving:
        there = Remote(REPO, hub.url, say=quiet.say)
        return publish(leaving, there, PublishOptions(**options), quiet), quiet.said
