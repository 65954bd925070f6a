"""The stage `urls`: rules on a document's address, without a look at its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.corpus.urls import host_name, split
from tamis.errors import InputError
from tamis.recipe.languages import ANY, check_language_or_any, nearest

if TYPE_CHECKING:
    from tamis.corpus.name_lists import CategoryLists, HashedNames

_DEEPEST = 100
"""Slashes of an address at which a listed one may end."""
_NOT_ALNUM = re.compile(r"[^a-z0-9]+")
_LISTS = ("allow", "words", "soft_words", "subwords")
_RULES = ("prefixes", "hosts", "domains", "keywords", "folders", *_LISTS)
_Entry = Annotated[str, Field(min_length=1)]
_Keywords = dict[str, tuple[str, ...]]


class UrlsConfig(StageConfig):
    """Options of `urls`: what a document's address must not hold, or, with `allow`, has to."""

    prefixes: tuple[_Entry, ...] = ()
    """Beginnings of addresses, with their scheme or without: `fr.wikipedia.org/wiki/`."""
    hosts: tuple[_Entry, ...] = ()
    """Hosts, exactly: `www.example.org`."""
    domains: tuple[_Entry, ...] = ()
    """Domains, with all hosts below them: `example.org`."""
    keywords: dict[str, Annotated[tuple[_Entry, ...], Field(min_length=1)]] | tuple[_Entry, ...] = ()
    """Strings found anywhere in the address, in any case: a list for all documents, or lists by the document's
    language, where `*` stands for every other language and for documents of unknown language."""
    folders: tuple[_Entry, ...] = ()
    """Collections of lists by category as the University of Toulouse (UT1) publishes them: folders with
    `CATEGORY/domains` and `CATEGORY/urls` (a path that ends with a slash), or tar archives of them."""
    categories: Annotated[tuple[_Entry, ...], Field(min_length=1)] | None = None
    """Categories of those collections to look for; null: all of them."""
    words: _Entry | None = None
    """A file of words, one of which between signs makes an address blocked. Of all such files, entries beyond ASCII
    are passed over: addresses have them encoded."""
    soft_words: _Entry | None = None
    """A file of words that only together make an address blocked."""
    soft_words_needed: Annotated[int, Field(ge=1)] = 2
    """How many different ones of them it takes."""
    subwords: _Entry | None = None
    """A file of strings, one of which makes an address blocked when all but its letters and digits is left out."""
    allow: _Entry | None = None
    """A file of hosts (one a line, or a JSON array): an address of any other host is blocked."""
    allow_below: bool = False
    """Whether hosts below those of `allow` are allowed, too."""

    @field_validator("keywords")
    @classmethod
    def _languages(cls, keywords: _Keywords | tuple[str, ...]) -> _Keywords | tuple[str, ...]:
        for language in keywords if isinstance(keywords, dict) else ():
            check_language_or_any(language)
        return keywords

    @field_validator("prefixes")
    @classmethod
    def _addresses(cls, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in prefixes:
            if split(prefix) is None:
                raise ValueError(
                    f"{prefix!r} doesn't begin an address: write the host, too (example.org/members/), behind // if it "
                    "has no dot (//localhost/)"
                )
        return prefixes

    @field_validator("hosts", "domains")
    @classmethod
    def _names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if host_name(name) is None:
                url = split(name)
                raise ValueError(f"{name!r} is no host: write {url.host if url else 'www.example.org'!r}")
        return names

    def keywords_by_language(self) -> _Keywords:
        """The keywords in lower case, a list for all documents under `*`."""
        written = self.keywords if isinstance(self.keywords, dict) else {ANY: self.keywords}
        return {name: tuple(word.lower() for word in words) for name, words in written.items()}

    @model_validator(mode="after")
    def _rules(self) -> UrlsConfig:
        if not any(getattr(self, name) for name in _RULES):
            raise ValueError(f"it has no rule: write at least one of {', '.join(_RULES)}")
        if self.categories is not None and not self.folders:
            raise ValueError("`categories` chooses among the lists of `folders`, and there are none")
        return self


def _models(config: UrlsConfig) -> dict[str, str]:
    found = {name: getattr(config, name) for name in _LISTS if getattr(config, name)}
    return found | {f"folders.{number}": folder for number, folder in enumerate(config.folders)}


class _Address(NamedTuple):
    """What the rules see of a document."""

    lowered: str
    """The address as it stands, in lower case."""
    scheme: str
    bare: str
    """Without the scheme; the host in lower case."""
    host: str
    above: Sequence[str]
    """The host, and the domains above it."""
    language: str | None
    categories: Sequence[str]
    allowed: bool
    """Whether the list of allowed hosts has it."""


_Rule = Callable[[_Address], str | None]


def _of_prefix(prefixes: tuple[tuple[str, str, str], ...], at: _Address) -> str | None:
    for written, scheme, bare in prefixes:
        if at.bare.startswith(bare) and scheme in ("", at.scheme):
            return f"prefix {written}"
    return None


def _of_host(hosts: frozenset[str], at: _Address) -> str | None:
    return f"host {at.host}" if at.host in hosts else None


def _of_domain(domains: frozenset[str], at: _Address) -> str | None:
    return next((f"domain {name}" for name in at.above if name in domains), None)


def _of_keyword(keywords: dict[str, tuple[str, ...]], at: _Address) -> str | None:
    words = keywords.get(nearest(at.language, keywords) or "", ())
    return next((f"keyword {word}" for word in words if word in at.lowered), None)


def _of_category(at: _Address) -> str | None:
    return f"category {'+'.join(at.categories)}" if at.categories else None


def _of_words(words: frozenset[str], at: _Address) -> str | None:
    found = sorted(words.intersection(_NOT_ALNUM.split(at.lowered)))
    return f"word {found[0]}" if found else None


def _of_soft_words(words: frozenset[str], needed: int, at: _Address) -> str | None:
    found = sorted(words.intersection(_NOT_ALNUM.split(at.lowered)))
    return f"words {' '.join(found)}" if len(found) >= needed else None


def _of_subword(expression: re.Pattern[str], at: _Address) -> str | None:
    found = expression.search(_NOT_ALNUM.sub("", at.lowered))
    return f"subword {found[0]}" if found else None


def _not_allowed(at: _Address) -> str | None:
    return None if at.allowed else "not on the list of allowed hosts"


def _words(path: Path) -> frozenset[str]:
    """The letters and digits of each entry of a file. Raises InputError when it has none."""
    from tamis.corpus.name_lists import read_list

    # Other entries never stand in an address as they are, and what is left of one without such letters is another word.
    entries = (word.lower() for word in read_list(path) if word.isascii())
    found = frozenset(_NOT_ALNUM.sub("", word) for word in entries) - {""}
    if not found:
        raise InputError(f"{path} holds no word of the letters a to z and digits, as addresses have them")
    return found


def _names(written: Sequence[str]) -> frozenset[str]:
    return frozenset(name for entry in written if (name := host_name(entry)) is not None)


def _rules(config: UrlsConfig, models: Models) -> list[_Rule]:
    """The rules in the order in which they are tried."""

    def words(name: str) -> frozenset[str]:
        return _words(Path(models[name]))

    rules: list[_Rule] = []
    if config.prefixes:
        parts = ((written, split(written)) for written in config.prefixes)
        prefixes = tuple((written, url.scheme, _prefix(written, url.bare)) for written, url in parts if url)
        rules.append(partial(_of_prefix, prefixes))
    if config.hosts:
        rules.append(partial(_of_host, _names(config.hosts)))
    if config.domains:
        rules.append(partial(_of_domain, _names(config.domains)))
    if config.keywords:
        rules.append(partial(_of_keyword, config.keywords_by_language()))
    if config.folders:
        rules.append(_of_category)
    if config.words:
        rules.append(partial(_of_words, words("words")))
    if config.soft_words:
        rules.append(partial(_of_soft_words, words("soft_words"), config.soft_words_needed))
    if config.subwords:
        entries = sorted(words("subwords"), key=lambda word: (-len(word), word))
        rules.append(partial(_of_subword, re.compile("|".join(entries))))
    if config.allow:
        rules.append(_not_allowed)
    return rules


def _prefix(written: str, bare: str) -> str:
    """A prefix without the slash that taking it apart has added."""
    return bare if written.endswith("/") else bare.removesuffix("/")


def _listed(lists: CategoryLists, urls: Sequence[Any], above: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """The categories of each address: by its host, a domain above it, or a listed address that it goes on from."""
    names = _found(lists.domains, above)
    found = [{category for name in domains for category in names[name]} for domains in above]
    if len(lists.urls):
        begun = [_beginnings(url.bare) if url else [] for url in urls]
        flat = iter(lists.urls.find([name for beginnings in begun for name in beginnings]))
        for categories, beginnings in zip(found, begun, strict=True):
            for _ in beginnings:
                categories.update(next(flat))
    return [tuple(sorted(categories)) for categories in found]


def _found(table: HashedNames, names: Sequence[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The categories of each name."""
    distinct = list(dict.fromkeys(name for some in names for name in some))
    return dict(zip(distinct, table.find(distinct), strict=True))


def _beginnings(bare: str) -> list[str]:
    """An address without its scheme, in lower case, and what it goes on from at its first slashes; `www.` is left
    out."""
    bare = bare.lower().removeprefix("www.").rstrip("/")
    path = bare.partition("?")[0]
    steps = path.split("/", _DEEPEST)
    return list(
        dict.fromkeys([bare, *("/".join(steps[:length]) for length in range(2, min(len(steps), _DEEPEST) + 1))])
    )


def _prepare(config: UrlsConfig, models: Models) -> Measure:
    from tamis.corpus.name_lists import HashedNames, category_lists, hashed, read_names
    from tamis.corpus.urls import parents

    rules = _rules(config, models)
    lists = category_lists(_folders(config, models), config.categories) if config.folders else None
    hosts = HashedNames([("allowed", map(hashed, read_names(Path(models["allow"]))))]) if config.allow else None

    def rule_of(written: str, url: Any, at: tuple[Any, ...]) -> str | None:
        scheme, bare, host = (url.scheme, url.bare, url.host) if url else ("", "", "")
        address = _Address(written.lower(), scheme, bare, host, *at)
        return next((found for rule in rules if (found := rule(address)) is not None), None)

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        written, languages = batch.column("url").to_pylist(), batch.column("language").to_pylist()
        urls = [split(url) if url else None for url in written]
        above = [parents(url.host) if url else [] for url in urls]
        categories = _listed(lists, urls, above) if lists else [()] * len(urls)
        names = above if config.allow_below else [some[:1] for some in above]
        known = _found(hosts, names) if hosts else {}
        allowed = [any(known[name] for name in some) for some in names] if hosts else [True] * len(urls)
        facts = zip(above, languages, categories, allowed, strict=True)
        found = [rule_of(text, url, at) if text else None for text, url, at in zip(written, urls, facts, strict=True)]
        blocked = [rule is not None if text else None for text, rule in zip(written, found, strict=True)]
        columns = {
            "blocked": pa.array(blocked, pa.bool_()),
            "rule": pa.array(found, pa.string()),
            "category": pa.array(["+".join(some) or None for some in categories], pa.string()),
        }
        return measured(batch.num_rows, columns)

    return measure


def _check(config: UrlsConfig, models: Models) -> None:
    """Raises InputError for a list that isn't one."""
    from tamis.corpus.name_lists import check_category_lists, read_names

    for name in ("words", "soft_words", "subwords"):
        if getattr(config, name):
            _words(Path(models[name]))
    if config.allow:
        any(len(names) for names in read_names(Path(models["allow"])))
    if config.folders:
        check_category_lists(_folders(config, models), config.categories)


def _folders(config: UrlsConfig, models: Models) -> list[Path]:
    return [Path(models[f"folders.{number}"]) for number in range(len(config.folders))]


STAGE = Stage(
    name="urls",
    version=1,
    title="Rules on the document's address: keywords, hosts, domains, lists by category, lists of allowed hosts",
    about="""Looks at the address alone; put it first, so that what it drops costs nothing more.

    - urls:
        keywords: {fr: [fr.wikipedia, wiktionary], "*": [wikipedia, europarl]}   # in the address, by language
        prefixes: [example.org/members/]
        domains: [spam.example]              # and every host below
        folders: [lists/ut1/]                # CATEGORY/domains and CATEGORY/urls, or a tar archive of them
        categories: [adult, malware]
        allow: lists/valid_domains.json      # hosts; all others are blocked

Rules are tried in this order: prefixes, hosts, domains, keywords, categories, words, soft words, subwords, allow;
`rule` names the first that says no, and the entry. A domain of a list by category stands for every host below it; a
listed address for every one that goes on from it at a slash, with `www.` or without. `category` has all categories of
an address, joined by `+`; `keep: {category: {not_regex: adult}}` decides by it, in place of the rule on `blocked`. A
document without address has null signals and passes; `keep: {blocked: {is: false, nulls: drop}}` drops it.

`words`, `soft_words` and `subwords` are DataTrove's URLFilter, whose lists can be named where it is installed:

    - urls:
        folders: [package:datatrove/assets/url_filterblacklistsv0_3_0.tar.gz]
        words: package:datatrove/assets/banned_words.txt
        soft_words: package:datatrove/assets/soft_banned_words.txt
        subwords: package:datatrove/assets/banned_subwords.txt

It differs in three ways: here a listed domain stands for all hosts below it, not only for its own name and the
registrable domain's; case doesn't matter for words; and listed addresses, which stand in those lists without `https://`,
do match. Four million domains take 45 MB in each worker, as hashes.""",
    config=UrlsConfig,
    reads=("url", "language"),
    adds=(
        Column(
            "blocked",
            pa.bool_(),
            "flag",
            "Whether a rule says no; null: the document has no address.",
            default=Condition(is_=False),
            citation="the recipe's own lists",
        ),
        Column("rule", pa.string(), "label", "The first rule that says no, and its entry."),
        Column("category", pa.string(), "label", "Categories that list the address, joined by `+`; null: none."),
    ),
    prepare=_prepare,
    models=_models,
    check=_check,
)
