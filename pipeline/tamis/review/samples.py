"""The samples of a release, as reviewers and the card read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import xxhash

from tamis.errors import InputError

FOLDER = "samples"


@dataclass(frozen=True)
class Sample:
    """One document that was drawn."""

    id: str
    kind: str
    """`kept`, `dropped`, `near kept` or `near dropped`."""
    language: str
    category: str
    rule: str
    shown: str
    """Hash of the text as it is shown: a verdict on another text is not one on this."""
    facts: dict[str, Any]
    """All that its line says."""

    @property
    def stratum(self) -> tuple[str, str, str, str]:
        """Kind, language, category, rule."""
        return self.kind, self.language, self.category, self.rule


def read_samples(release: Path) -> list[Sample]:
    """All samples, file by file; none where the release has none. Raises InputError when a line is no sample."""
    found = []
    for path in sorted((release / FOLDER).glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                facts = orjson.loads(line)
                names = ("id", "kind", "language", "category", "rule")
                told = {name: str(facts[name]) for name in names}
                found.append(Sample(**told, shown=text_hash(facts["text"]), facts=facts))
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
                raise InputError(
                    f"{path}:{number}: no sample ({error}). `tamis verify {release}` tells what is wrong"
                ) from error
    return found


def text_hash(text: str) -> str:
    """xxh3-64 of a text, in hex."""
    return xxhash.xxh3_64_hexdigest(text.encode())
