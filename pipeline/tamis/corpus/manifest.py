"""The manifest of a release: every fact about it, computed; cards and exports are views of it.

Nothing in it depends on when, where or by how many workers the release was made: the same recipe on the
same inputs gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_serializer,
    model_serializer,
)

from tamis.corpus.changes import ReleaseChanges
from tamis.corpus.commit import read_json
from tamis.corpus.sample_facts import SampleFacts
from tamis.errors import InputError

FORMAT = 1
NAME = "manifest.json"


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class CleanerFacts(_Fact):
    """One cleaner that went over a source's texts, and what it did to the rows read."""

    name: str
    version: int
    options: dict[str, Any]
    """Options that differ from the defaults."""
    files: dict[str, str]
    """Option -> SHA-256 of the file it names."""
    libraries: dict[str, str]
    """Versions of the packages that have a say in the text."""
    documents: int
    """Texts it changed."""
    chars: int
    """Characters it took; below zero where it added some."""

    @property
    def identity(self) -> list[Any]:
        """What the cleaned text depends on, beside the options."""
        return cleaner_identity(self.model_dump())


def cleaner_identity(facts: Mapping[str, Any]) -> list[Any]:
    """Of the facts of a cleaner, what an identity is made of: its options are in the recipe."""
    return [facts["name"], facts["version"], facts["files"], facts["libraries"]]


class SourceFacts(_Fact):
    """One source: what the recipe declares of it, and what reading it found."""

    name: str
    declared: dict[str, Any]
    """The recipe's fields: license, license_url, provider, url, version, selection, period, ..."""
    redistributable: bool
    files: int
    input_bytes: int
    fingerprint: str
    """Hash over names and contents of its input files."""
    read: int
    """Rows (or files, or paragraphs) met."""
    filtered: int
    """Left out on purpose: by row filters, a sample or a limit, and what a reader passes over by kind."""
    rejects: dict[str, int]
    """Unreadable, by cause. read = filtered + rejects + documents, always."""
    notes: dict[str, int]
    documents: int
    chars: int
    bytes: int
    cleaners: tuple[CleanerFacts, ...] = ()
    """In the order they were used."""

    @model_serializer(mode="wrap")
    def _used(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `cleaners` where there are none."""
        data: dict[str, Any] = handler(self)
        return data if self.cleaners else {name: value for name, value in data.items() if name != "cleaners"}


class StageFacts(_Fact):
    """One stage as it was used."""

    name: str
    version: int
    title: str
    options: dict[str, Any]
    """Measuring options that differ from the defaults."""
    settings: dict[str, Any]
    """Every measuring option in force, defaults included."""
    signals: dict[str, dict[str, str]]
    """Signal -> {unit, meaning, default (the literature's rule, in words), citation}."""
    rules: dict[str, str]
    """Signal -> condition, in words."""
    rules_by: list[dict[str, str]]
    """Overrides: column, value, signal, condition."""
    when: dict[str, str]
    models: dict[str, dict[str, str]]
    """name -> {reference, sha256, and drawn: digest of what it was trained on, where the report beside it tells}."""


class FunnelRow(_Fact):
    """Accounting of one source and language at one stage: documents_in = documents_out + sum(reasons)."""

    source: str
    stage: str
    documents_in: int
    documents_out: int
    chars_in: int
    chars_out: int
    measured: int
    reasons: dict[str, int]
    """First failed rule -> documents."""


class CompositionRow(_Fact):
    """What the release holds of one source, language, category and licence."""

    source: str
    language: str
    category: str
    license: str
    documents: int
    """Distinct documents in the release."""
    chars: int
    bytes: int
    """UTF-8 bytes of the ingested text."""
    tokens: int
    """Tokens of the distinct documents."""
    passed_documents: int
    """Documents that passed every rule, drawn by the mix or not."""
    passed_tokens: int
    epochs: float
    copies: int
    """Documents with repeats, as the mix has them."""
    mixed_tokens: int
    """Tokens with repeats."""
    part: str | None = None
    """`long` or `short` documents, where the mix tells them apart."""
    quality: float | None = None
    """Upper edge of the bucket of quality, where the mix has a curve; null for documents without the signal."""


CUT = ("part", "quality")
"""Fields of a CompositionRow that only a mix that cuts by them fills."""


class CountRow(_Fact):
    """Findings of one kind in one language among released documents."""

    kind: str
    language: str
    documents: int
    found: int


class HistogramRow(_Fact):
    """How a signal is spread over the documents that its stage measured, as the bins of `corpus.bins` have it."""

    stage: str
    signal: str
    scale: Literal["equal", "doubling", "whole", "values"]
    """Bins of equal width; four from each power of two to the next, of any numbers or of whole ones; one a value."""
    edges: tuple[float | None, ...] = ()
    """Of a signal in numbers: bin n is from edges[n] on and below edges[n + 1]; None is an open end."""
    labels: tuple[str, ...] = ()
    """Of a label or a flag: the value of each bin."""
    released: tuple[int, ...]
    """Documents of each bin that are in the release."""
    failed: tuple[int, ...]
    """Documents that the rule on this signal drops, whichever rule was the first to drop them."""
    other: tuple[int, ...]
    """Documents that only other rules, or the mix, drop."""
    nulls: dict[str, int]
    """Documents without a value: released, failed, other. All in all there are as many as were measured."""


class GroupRow(_Fact):
    """What the rules did to the ingested documents of one language or category."""

    column: str
    value: str
    documents: int
    measured: dict[str, int]
    """Stage -> documents it measured."""
    removed: dict[str, int]
    """Stage -> measured documents that fail any of its rules; where there are some."""
    failed: dict[str, int]
    """Rule -> documents that fail it; where there are some."""


class DomainRow(_Fact):
    """Documents that a domain has in the release."""

    language: str = ""
    domain: str
    documents: int
    bytes: int
    """UTF-8 bytes of the ingested text, as in the composition."""
    tokens: int


class DomainFacts(_Fact):
    """Registrable domains of the addresses of released documents."""

    suffix_list: dict[str, str]
    """The Public Suffix List they go by: package, version, sha256."""
    distinct: int
    listed: int
    """Rows of `domains_top.csv`: the top tenth by bytes, and no fewer than 1,000 if there are as many."""
    documents: int
    """Released documents with a domain."""
    bytes: int
    tokens: int
    without: dict[str, int]
    """Documents that have none: `no_url`, `no_domain` (an address in numbers, or within a network)."""
    top: tuple[DomainRow, ...]
    """The largest by bytes."""
    by_language: tuple[DomainRow, ...]
    """The largest of each language."""


class ClusterRow(_Fact):
    """Clusters of duplicates of a range of sizes."""

    stage: str
    smallest: int
    largest: int
    clusters: int
    documents: int


class LargeCluster(_Fact):
    """One of the largest clusters of a resolver."""

    stage: str
    kept: str
    """Identifier of the document that stays in place of all."""
    released: bool
    """Whether that document is in the release: a later rule may have dropped it."""
    documents: int
    sources: dict[str, int]
    """Source -> documents."""


class FileFacts(_Fact):
    """One file of the release."""

    path: str
    bytes: int
    sha256: str
    rows: int | None = None


class Use(NamedTuple):
    """A stage as a recipe writes it."""

    name: str
    """What its signals go by."""
    kind: str
    """The stage itself: another than the name where the recipe says `as`."""
    options: Mapping[str, Any]
    """With its rules."""


class Manifest(_Fact):
    """All facts about a release."""

    format: int = FORMAT
    name: str
    version: str
    title: str
    identity: str
    """Hash of the recipe, the inputs and the code that measured: equal identities are equal releases."""
    recipe: dict[str, Any]
    software: dict[str, str]
    sources: tuple[SourceFacts, ...]
    stages: tuple[StageFacts, ...]
    funnel: tuple[FunnelRow, ...]
    dropped_by_language: dict[str, dict[str, int]]
    """language -> reason -> documents."""
    composition: tuple[CompositionRow, ...]
    pii: tuple[CountRow, ...]
    duplicates: dict[str, dict[str, int]]
    """resolver -> {clusters, documents, dropped, largest}."""
    clusters: tuple[ClusterRow, ...] = ()
    large_clusters: tuple[LargeCluster, ...] = ()
    histograms: tuple[HistogramRow, ...] = ()
    """Of every signal in numbers, flags or labels, in the order of the stages."""
    groups: tuple[GroupRow, ...] = ()
    """By language and by category."""
    domains: DomainFacts | None = None
    """None when no document of the release has an address."""
    dates: dict[str, dict[str, int]] = {}
    """Category -> year -> released documents; `none` without a date, `unread` with one that shows no year."""
    tokenizer: dict[str, Any] | None
    mix: dict[str, Any] | None = None
    """The plan of the mix, phase by phase, as `tamis mix --json` prints it; None when nothing counts tokens."""
    mix_tables: dict[str, str] = {}
    """SHA-256 of each table that the mix names, by its path in the recipe."""
    samples: SampleFacts | None = None
    """What was drawn for review; None: nothing."""
    changes: ReleaseChanges | None = None
    """What changed since the release that the recipe names as the previous one."""
    card_template: str = ""
    """Text of the card's template, when the recipe names one."""
    totals: dict[str, int]
    files: tuple[FileFacts, ...]

    @property
    def uses(self) -> list[Use]:
        """The stages as the recipe writes them, in order."""
        kinds = [next(iter(use.items())) for use in self.recipe.get("stages", ())]
        return [Use(options.get("as", kind), kind, options) for kind, options in kinds]

    def kind_of(self, name: str) -> str:
        """The stage behind a name that the recipe may have given it."""
        return next((use.kind for use in self.uses if use.name == name), name)

    @field_serializer("composition")
    def _composition(self, rows: tuple[CompositionRow, ...]) -> list[dict[str, Any]]:
        """Without the fields of CUT that no row has."""
        without = {name for name in CUT if all(getattr(row, name) is None for row in rows)}
        return [row.model_dump(exclude=without) for row in rows]


def read_manifest(release: Path) -> Manifest:
    """The manifest of a release folder."""
    path = release / NAME
    if not path.exists():
        raise InputError(f"{release}: no release here ({NAME} is missing). `tamis run RECIPE` makes one")
    try:
        return Manifest.model_validate(read_json(path))
    except (ValidationError, ValueError) as error:
        raise InputError(f"{path}: not a manifest this version of Tamis reads: {error}") from None
