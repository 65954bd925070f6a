"""Language codes a recipe may write: canonical BCP-47 (so `fr`, never `fra` or `FR`), and `code`."""

from __future__ import annotations

import functools

import langcodes

from tamis.errors import did_you_mean

CODE = "code"
"""Source code, as the Hugging Face Hub spells it."""


@functools.cache
def check_language(tag: str) -> str:
    """The tag itself, or a ValueError that says what it should be."""
    if tag == CODE:
        return tag
    if not langcodes.tag_is_valid(tag) or len(tag) == 4:
        common = ("fr", "en", "de", "es", "it", "pt", "nl", "ar", "zh", "code")
        raise ValueError(
            f"{tag!r} is no language code.{did_you_mean(tag, common)} Any BCP-47 tag is allowed, "
            "or `code` for source code"
        )
    canonical = str(langcodes.standardize_tag(tag))
    if canonical != tag:
        raise ValueError(f"language {tag!r} has the canonical code {canonical!r}: write that")
    return tag
