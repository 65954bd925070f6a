"""Language codes a recipe may write: canonical BCP-47 (so `fr`, never `fra` or `FR`), and `code`."""

from __future__ import annotations

import functools
import re
from collections.abc import Container

CODE = "code"
"""Source code, as the Hugging Face Hub spells it."""
ANY = "*"
"""In options by language: every language that isn't named, and texts of unknown language."""
_SHORT_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee "
    "el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is "
    "it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms "
    "mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk "
    "sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo "
    "za zh zu yue"
)
"""The canonical codes of two letters (ISO 639-1), and Cantonese, which default rules of stages name: the tables of all
others take longer to load than most recipes."""
_PAIR = re.compile(r"([a-z]{2,3})-([a-z]{2,3})\Z")


@functools.cache
def is_pair(tag: str) -> bool:
    """Whether a tag stands for two languages, as those of aligned texts do: `fr-en`. A region has capitals: `fr-FR`."""
    pair = _PAIR.match(tag)
    try:
        return pair is not None and all(check_language(one) for one in pair.groups())
    except ValueError:
        return False


def languages_of(tag: str) -> tuple[str, ...]:
    """The languages that a document's tag stands for: two for aligned texts."""
    return tuple(tag.split("-")) if is_pair(tag) else (tag,)


@functools.cache
def check_language(tag: str) -> str:
    """The tag itself, or a ValueError that says what it should be."""
    if tag == CODE or tag in _SHORT_CODES.split():
        return tag
    import langcodes

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


def check_language_or_any(name: str) -> str:
    """The name of a language or `*` itself, or a ValueError that says what it should be."""
    try:
        return name if name == ANY else check_language(name)
    except ValueError as error:
        raise ValueError(f"{error}, or * for every other") from None


def nearest(language: str | None, names: Container[str]) -> str | None:
    """The one of `names` that is for a language: its own, that without region or script (pt-BR is pt), `*`."""
    tags = (language, (language or "").partition("-")[0], ANY)
    return next((tag for tag in tags if tag is not None and tag in names), None)


def _named(name: str) -> str:
    """The hint for a language's name in any language."""
    if len(name) < 4:
        return ""
    import langcodes

    try:
        return f" Did you mean {str(langcodes.find(name))!r}?"
    except LookupError:
        return ""
