"""A cleaner at work on single texts, for the tests beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.cleaners import CLEANERS
from tamis.cleaners.contract import EachText, Place, Work


def prepared(name: str, folder: Path = Path(), files: dict[str, Path] | None = None, **options: Any) -> Work:
    """The cleaner with its options."""
    cleaner = CLEANERS[name]
    return cleaner.prepare(cleaner.config.model_validate(options), Place(files or {}, folder))


def by(work: Work, text: str) -> str | None:
    """What the work makes of a text, whether or not it says that the text concerns it."""
    if isinstance(work, EachText):
        return work.clean(text)
    (cleaned,) = work.clean(pa.array([text], pa.large_string())).to_pylist()
    assert isinstance(cleaned, str)
    return cleaned


def cleaned(name: str, text: str, **options: Any) -> str | None:
    """What a cleaner makes of a text."""
    return by(prepared(name, **options), text)


def concerned(work: Work, text: str) -> bool:
    """Whether the work looks at a text at all."""
    if not isinstance(work, EachText) or work.concerns is None:
        return True
    (concerns,) = work.concerns(pa.array([text], pa.large_string())).to_pylist()
    return bool(concerns)
