"""Language codes a recipe may write: canonical BCP-47 (so `fr`, never `fra` or `FR`), and `code`."""

from __future__ import annotations

import functools

import langcodes

CODE = "code"
"""Source code, as the Hugging Face Hub spells it."""


@functools.cache
def check_language(tag: str) -> str:
    """The tag itself, or a ValueError that says what it should be."""
    if tag == CODE:
        return tag
    # Four letters are kept for future use by BCP-47: no language has them.
    if not langcodes.tag_is_valid(tag) or len(tag) == 4:
        raise ValueError(
            f"{tag!r} is no language code.{_named(tag)} Allowed are BCP-47 tags (fr, en, pt-BR, ...), "
            "und for undetermined, and `code` for source code"
        )
    canonical = str(langcodes.standardize_tag(tag))
    if canonical != tag:
        raise ValueError(f"{tag!r} has the canonical code {canonical!r}: write that")
    return tag


def _named(name: str) -> str:
    """The hint for a language's name in any language."""
    if len(name) < 4:
        return ""
    try:
        return f" Did you mean {str(langcodes.find(name))!r}?"
    except LookupError:
        return ""
