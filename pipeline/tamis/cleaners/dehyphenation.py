"""`dehyphenation`: words broken at line ends are made whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Literal

import pyarrow as pa

from tamis.cleaners.contract import Cleaner, CleanerConfig, EachText, Example, Place

HYPHENS = "-\u2010"
MARKS = "\u00ad\u00ac"
"""Soft hyphen, and the not sign that some recognisers of print write for a hyphen at a line end."""
BREAK = rf"[{HYPHENS}{MARKS}][ \t]{{0,8}}\n[ \t]{{0,80}}"
WORD = r"[^\W\d_]+(?:[-'’\u2010][^\W\d_]+)*"
LONGEST = 64
"""Letters that are looked at on either side of a break."""


class Dehyphenation(CleanerConfig):
    """What decides where a text doesn't show how a word is written."""

    unsure: Literal["join", "keep_hyphen", "leave"] = "join"
    """Join a word of which the text shows neither spelling, unless its second half is a word by itself elsewhere; or
    join its lines and keep the hyphen; or leave it."""


def _prepare(config: Dehyphenation, _: Place) -> EachText:
    import pyarrow.compute as pc

    broken, word = re.compile(BREAK), re.compile(WORD)

    def clean(text: str) -> str:
        breaks = [found for match in broken.finditer(text) if (found := _sides(text, match)) is not None]
        if not breaks:
            return text
        known = Counter(match[0].lower() for match in word.finditer(text))
        # The halves are no words that the text shows.
        known.subtract(after.lower() for _, _, after in breaks)
        pieces, at = [], 0
        for match, before, after in breaks:
            join = _joined(match[0][0], before, after, known, config.unsure)
            end = match.end() + len(after)
            if join is None or match.start() - len(before) < at:
                continue
            # What ends the word goes up with it, and the line ends there.
            while end < len(text) and not text[end].isspace() and end - match.end() < 2 * LONGEST:
                end += 1
            pieces += [text[at : match.start() - len(before)], join, text[match.end() + len(after) : end]]
            at = end
            if end < len(text) and text[end] in " \t":
                pieces.append("\n")
                at += 1
        return "".join([*pieces, text[at:]])

    def concerns(texts: pa.Array) -> pa.Array:
        return pc.match_substring_regex(texts, r"\pL[-\x{2010}\x{ac}\x{ad}][ \t]*\n")

    return EachText(clean, concerns)


def _sides(text: str, match: re.Match[str]) -> tuple[re.Match[str], str, str] | None:
    """The letters on both sides of a break, hyphens on the left included; None when it breaks no word."""
    start, end = match.start(), match.end()
    first, last = start, end
    while first and start - first < LONGEST and (text[first - 1].isalpha() or text[first - 1] in HYPHENS):
        first -= 1
    while last < len(text) and last - end < LONGEST and text[last].isalpha():
        last += 1
    before, after = text[first:start], text[end:last]
    if (
        not before
        or not after
        or before[0] in HYPHENS
        or before[-1] in HYPHENS
        or (first and text[first - 1].isdigit())
    ):
        return None
    return match, before, after


def _joined(hyphen: str, before: str, after: str, known: Mapping[str, int], unsure: str) -> str | None:
    """The word as the text writes it elsewhere, or by rule; None: leave it."""
    whole, hyphenated = before + after, f"{before}-{after}"
    if hyphen in MARKS:
        return whole
    if known.get(whole.lower(), 0) > 0:
        return whole
    if known.get(hyphenated.lower(), 0) > 0 or known.get(f"{before}\u2010{after}".lower(), 0) > 0:
        return before + hyphen + after
    # A capital after a small letter starts a name (Rhône-Alpes), small letters after capitals a second word
    # (POSIX-style); a second hyphen is in a compound (vis-à-vis).
    named = after[0].isupper() and not (before.isupper() and after.isupper())
    turned = before.isupper() and len(before) > 1 and after.islower()
    if named or turned or any(one in before for one in HYPHENS):
        return before + hyphen + after
    # What is a word by itself may follow a hyphen that is meant (key-value, German `Vor- und Nachteile`).
    if unsure == "join" and known.get(after.lower(), 0) > 0:
        return None
    return {"join": whole, "keep_hyphen": before + hyphen + after, "leave": None}[unsure]


CLEANER = Cleaner(
    name="dehyphenation",
    version=1,
    title="words broken at line ends are made whole",
    about="A word is joined where letters stand on both sides of the break, and the line ends after it. Whether the "
    "hyphen is the word's own is told by the text itself: by the spelling it has elsewhere. Where it has none,"
    " the hyphen stays where small and capital letters meet and in a word that has another hyphen; a break "
    "whose second half is a word by itself elsewhere (`key-value`, `Vor- und Nachteile`) is left as it is; and"
    " any other is joined (`unsure`). Soft hyphens go, and so does the sign ¬ at a line end. No dictionary and"
    " no language is needed.",
    config=Dehyphenation,
    prepare=_prepare,
    examples=(
        Example("Un exem-\nple simple.\nEn Rhône-\nAlpes aussi.", "Un exemple\nsimple.\nEn Rhône-Alpes\naussi."),
        Example("A well-\nknown man, well-known\nindeed.", "A well-known\nman, well-known\nindeed."),
    ),
)
