"""A source's `clean` list: which cleaners go over its raw texts, in order, with which options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from tamis.cleaners import CLEANERS
from tamis.cleaners.cid import Cid
from tamis.cleaners.contract import Cleaner, CleanerConfig, NoOptions
from tamis.cleaners.control_pages import ControlPages
from tamis.cleaners.dehyphenation import Dehyphenation
from tamis.cleaners.function import Function
from tamis.cleaners.head import Head
from tamis.cleaners.html_unescape import HtmlUnescape
from tamis.cleaners.page_numbers import PageNumbers
from tamis.cleaners.repeated_lines import RepeatedLines
from tamis.cleaners.replace import Replace
from tamis.cleaners.tail import Tail
from tamis.cleaners.wiki_markup import WikiMarkup
from tamis.errors import did_you_mean
from tamis.recipe.problems import Problems

FIELD = "clean"


class Cleaning(BaseModel):
    """One cleaner as a recipe uses it: the field of its name holds its options, and no other is set."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    mojibake: NoOptions | None = None
    cid: Cid | None = None
    control_pages: ControlPages | None = None
    wiki_markup: WikiMarkup | None = None
    html_unescape: HtmlUnescape | None = None
    head: Head | None = None
    tail: Tail | None = None
    page_numbers: PageNumbers | None = None
    repeated_lines: RepeatedLines | None = None
    dehyphenation: Dehyphenation | None = None
    replace: Replace | None = None
    function: Function | None = None

    @property
    def name(self) -> str:
        """The cleaner's name."""
        (name,) = self.model_fields_set
        return name

    @property
    def cleaner(self) -> Cleaner:
        """Its declaration."""
        return CLEANERS[self.name]

    @property
    def config(self) -> CleanerConfig:
        """Its options."""
        config: CleanerConfig = getattr(self, self.name)
        return config


def spelled_out(entries: Any) -> Any:
    """A `clean` list as plain data in which a bare name has become `{name: {}}`."""
    if not isinstance(entries, list):
        return entries
    return [
        {entry: {}}
        if isinstance(entry, str)
        else {name: {} if options is None else options for name, options in entry.items()}
        if isinstance(entry, dict)
        else entry
        for entry in entries
    ]


def check_names(entries: Any, path: Sequence[str | int], problems: Problems) -> Any:
    """The entries that name one cleaner, as far as they are a list; complains about the others."""
    if not isinstance(entries, list):
        problems.add(path, "clean is a list of cleaners: [html_unescape, {repeated_lines: {count: 10}}]")
        return []
    good = []
    for index, entry in enumerate(entries):
        where = (*path, index)
        if not isinstance(entry, dict) or len(entry) != 1:
            problems.add(where, "an entry of `clean` is a cleaner's name, or one `name: {options}`")
            continue
        (name,) = entry
        if name not in CLEANERS:
            problems.add(where, f"no cleaner is called {name!r}.{did_you_mean(str(name), CLEANERS)}")
        elif not isinstance(entry[name], dict):
            problems.add(where, f"the options of cleaner {name} are a mapping: {{{name}: {{option: value}}}}")
        elif not entry[name] and not CLEANERS[name].bare:
            fields = CLEANERS[name].config.model_fields
            needed = " and ".join(f"`{field}`" for field, info in fields.items() if info.is_required())
            problems.add(where, f"cleaner {name} needs {needed}: `tamis cleaners {name}` shows how")
        else:
            good.append(entry)
    return good
