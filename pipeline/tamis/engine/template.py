"""The template of a card, as a part of what a release is made of. What it may say is the card's affair."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tamis.errors import InputError


def template_text(name: str, base: Path) -> str:
    """Content of the template that a recipe in folder `base` names; empty when it names none.

    Raises InputError when it can't be read.
    """
    if not name:
        return ""
    path = base / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}. `card.template` names it: a template lies beside the recipe"
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}. Save the card's template as UTF-8") from None


def template_hash(text: str) -> dict[str, str]:
    """What a template adds to the identity of a release."""
    return {"card.template": hashlib.sha256(text.encode()).hexdigest()} if text else {}
