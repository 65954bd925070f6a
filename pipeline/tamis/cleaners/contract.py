"""What a cleaner is: a named, versioned function of one raw text, used at ingest before normalisation.

A cleaner's file exports `CLEANER`. `prepare(config, place)` loads what it needs once per task and returns the work to
do: text by text (`EachText`), or on all texts of a batch at once (`WholeBatch`). A cleaner sees lines that end in
"\\n" alone; it never logs a text. What it raises on a text rejects that row alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from tamis.described import Described


class CleanerConfig(Described, BaseModel):
    """Base of every cleaner's options: frozen, and closed to unknown names.

    Every field is part of the identity of what is read: change one and the source is read anew.
    """

    # Most recipes use few cleaners: what checks the options is built where a recipe model holds them.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class NoOptions(CleanerConfig):
    """Of a cleaner that has none."""


@dataclass(frozen=True)
class EachText:
    """Work on one text at a time."""

    clean: Callable[[str], str | None]
    """The cleaned text, or None to reject the row."""
    concerns: Callable[[pa.Array], pa.Array] | None = None
    """Of large strings, which ones the cleaner could change (boolean); the others are passed by unread."""


@dataclass(frozen=True)
class WholeBatch:
    """Work on all texts of a batch at once, which fails on none."""

    clean: Callable[[pa.Array], pa.Array]
    """Large strings to large strings, as many."""


Work = EachText | WholeBatch


@dataclass(frozen=True)
class Place:
    """Where a cleaner finds what its options name."""

    files: Mapping[str, Path] = field(default_factory=dict)
    """By the names that `files` gave them."""
    folder: Path = Path()
    """Folder of the recipe."""


@dataclass(frozen=True)
class Example:
    """What a cleaner does to a text: shown in the documentation, and tested."""

    before: str
    after: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """As a recipe writes them."""


def _no_files(_: Any) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Cleaner:
    """A cleaner's declaration: one file each, exported there as `CLEANER`."""

    name: str
    version: int
    """Raised when the same text and options give another text: sources that use it are read anew."""
    title: str
    """One line: what it does."""
    about: str
    """A paragraph or more: method, limits."""
    config: type[CleanerConfig]
    prepare: Callable[[Any, Place], Work]
    examples: tuple[Example, ...]
    files: Callable[[Any], dict[str, str]] = _no_files
    """References of files that the options name, by name; each file's hash is part of the identity of what is read."""
    libraries: tuple[str, ...] = ()
    """Packages that have a say in the text: their versions are part of its identity."""

    @property
    def bare(self) -> bool:
        """Whether its name alone will do: no option is required."""
        return not any(option.is_required() for option in self.config.model_fields.values())
