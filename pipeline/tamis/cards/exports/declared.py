"""What the recipe declares, as the exports read it: by name, with the place in the manifest where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import langcodes
import orjson

from tamis.cards.view import Sum, View
from tamis.corpus.manifest import SourceFacts
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.recipe.languages import CODE, languages_of
from tamis.recipe.licenses import is_own_reference, parse_license

SOFTWARE = "https://github.com/tamis-data/tamis"
NO_LANGUAGE = (UNKNOWN, CODE)


def spelled(data: Any) -> bytes:
    """JSON for people, too: one fact a line, so that a change is found by its line."""
    return orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n"


def card(view: View) -> dict[str, Any]:
    """What the recipe says for people."""
    said: dict[str, Any] = view.manifest.recipe.get("card", {})
    return said


def said(view: View, key: str) -> str:
    """One text of the card, or an empty one."""
    return str(card(view).get(key) or "").strip()


@dataclass(frozen=True)
class Held:
    """A source of which the release holds documents."""

    index: int
    facts: SourceFacts
    sum: Sum

    @property
    def declared(self) -> dict[str, Any]:
        """What the recipe declares of it."""
        return self.facts.declared

    @property
    def place(self) -> str:
        """Its place in the manifest."""
        return f"sources[{self.index}]"

    @property
    def title(self) -> str:
        """The dataset's own name, or the one the recipe gives it."""
        return str(self.declared.get("title") or self.facts.name)


def held(view: View) -> list[Held]:
    """Sources of which the release holds documents, the largest first."""
    index = {source.name: at for at, source in enumerate(view.manifest.sources)}
    return [
        Held(index[name], view.manifest.sources[index[name]], cell) for (name,), cell in view.sums("source").items()
    ]


def spoken(view: View, *sources: Held) -> list[str]:
    """Languages of the release, or of some of its sources, the largest first; source code is none."""
    names = {source.facts.name for source in sources}
    rows = [row for row in view.released if not sources or row.source in names]
    tags = [tag for (tag,) in view.sums("language", rows=rows) if tag not in NO_LANGUAGE]
    return unique(language for tag in tags for language in languages_of(tag))


def categories(view: View, *sources: Held) -> list[str]:
    """Genres of the release, or of some of its sources, the largest first."""
    names = {source.facts.name for source in sources}
    rows = [row for row in view.released if not sources or row.source in names]
    return [name for (name,) in view.sums("category", rows=rows) if name != NO_CATEGORY]


def language_name(tag: str, tongue: str = "en") -> str:
    """The name of a language: `Portuguese (Brazil)`."""
    return str(langcodes.Language.get(tag).display_name(tongue))


def license_urls(view: View, expression: str, sources: list[Held]) -> Iterator[str]:
    """Addresses of the licences of an SPDX expression; of one that SPDX doesn't know, the evidence of its sources."""
    for part in parse_license(expression):
        if not part.spdx.startswith("LicenseRef-"):
            yield f"https://spdx.org/licenses/{part.spdx}"
            continue
        for source in sources:
            if source.declared.get("license_url") and (
                source.declared.get("license") == expression or is_own_reference(part.spdx)
            ):
                yield str(source.declared["license_url"])


def synthetic(view: View) -> bool | None:
    """Whether text in the release was made by a model: None where a source doesn't say how it was acquired."""
    sources = held(view)
    if any(source.declared.get("acquisition") == "synthetic" or "synthetic" in source.declared for source in sources):
        return True
    return False if all("acquisition" in source.declared for source in sources) else None


def unique(values: Any) -> list[Any]:
    """Each once, in their order."""
    return list(dict.fromkeys(values))
