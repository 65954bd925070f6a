"""`wiki_markup`: the markup of MediaWiki becomes Markdown, in time proportional to the text."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
from pydantic import Field

from tamis.cleaners.contract import Cleaner, CleanerConfig, EachText, Example, Place

_MARKUP = (
    r"\[\[|\{\{|\{\||'''?|(?m:^[*#:;!|]|^[\s\p{Z}\x0b\x1c-\x1f\x{85}]*(?:=|----))"
    r"|</?[a-zA-Z]|<!--|\[https?:|__[A-Z]|&[#a-zA-Z]"
)
"""What a page with any markup has. Headings and rules may stand behind what Python takes for space."""


class WikiMarkup(CleanerConfig):
    """What stays."""

    emphasis: bool = True
    """Bold and italics as `**bold**` and `*italics*`; without, the words alone."""
    templates: dict[Annotated[str, Field(min_length=1)], Annotated[int, Field(ge=1, le=20)]] = Field(
        default_factory=dict
    )
    """Templates that become one of their arguments, by number: `{lang: 2}` makes `bonjour` of `{{lang|fr|bonjour}}`.
    All others are dropped."""


def _prepare(config: WikiMarkup, _: Place) -> EachText:
    import pyarrow.compute as pc

    from tamis.cleaners.wiki_pages import markdown

    kept = {name.casefold(): number for name, number in config.templates.items()}

    def concerns(texts: pa.Array) -> pa.Array:
        return pc.match_substring_regex(texts, _MARKUP)

    return EachText(lambda text: markdown(text, config.emphasis, kept), concerns)


CLEANER = Cleaner(
    name="wiki_markup",
    version=2,
    title="the markup of MediaWiki becomes Markdown",
    about="Headings, lists, bold and italics, tables (with a header row), formulas, code; links become the words "
    "they show. Templates, references, pictures, categories, comments and headings with nothing below them are"
    ' dropped. Of a dump, leave redirects out with `where`, such as `{text: {not_regex: "^#REDIRECT"}}`.',
    config=WikiMarkup,
    prepare=_prepare,
    examples=(
        Example(
            "{{Infobox|name=Paris}}'''Paris''' is the [[capital city|capital]] of [[France]].<ref>INSEE</ref>\n"
            "== History ==\n* [[Lutetia]]\n** ''Parisii''\n== See also ==\n[[Category:Paris]]",
            "**Paris** is the capital of France.\n\n## History\n\n- Lutetia\n  - *Parisii*",
        ),
        Example(
            '{| class="wikitable"\n! City !! Inhabitants\n|-\n| Lyon || 522 000\n|-\n| Nice || 348 000\n|}',
            "| City | Inhabitants |\n|---|---|\n| Lyon | 522 000 |\n| Nice | 348 000 |",
        ),
        Example("{{lang|fr|bonjour}} E = mc<sup>2</sup>", "bonjour E = mc$^{2}$", {"templates": {"lang": 2}}),
    ),
)
