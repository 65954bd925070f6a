"""The recipe as frozen models: what is built, never where, by how many workers, or with which credentials."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from tamis.cleaners.replace import Replace
from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Stage, StageConfig
from tamis.described import Described
from tamis.errors import did_you_mean
from tamis.recipe.base import Line, Month, Text
from tamis.recipe.card import CardText
from tamis.recipe.cleaning import Cleaning
from tamis.recipe.declared import Acquisition, Crawler, OptOut, Synthetic
from tamis.recipe.languages import check_language
from tamis.recipe.licenses import is_own_reference, parse_license, redistributable
from tamis.recipe.mix import Mix
from tamis.recipe.pairs import Pairs
from tamis.recipe.parts import Parts

DETECT = "detect"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
VERSION_LETTERS = 64
DOCUMENT_COLUMNS = ("text", "html", "id", "url", "title", "date", "author", "language", "category", "license")
"""Columns every document has (null where a source says nothing); `html` is read into `text`."""


def _document_column(name: str) -> str:
    if name not in DOCUMENT_COLUMNS:
        raise ValueError(
            f"{name!r} is no document column.{did_you_mean(name, DOCUMENT_COLUMNS)} "
            "To use a field in rules, write it under `signals`"
        )
    return name


def _not_the_mask(name: str) -> str:
    if name == "measured":
        raise ValueError("a signal can't be called 'measured': the ledger tells by source.measured who was judged")
    return name


# Validated key by key, so that each wrong one is told at its own line.
DocumentColumn = Annotated[str, AfterValidator(_document_column)]
SignalName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$"), AfterValidator(_not_the_mask)]


class Model(Described, BaseModel):
    """Base of every recipe model."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class SourceSignal(Model):
    """A field of the source that becomes a signal of its own."""

    field: Text
    """The field's name; dots reach into nested fields."""
    type: Literal["number", "string", "boolean"] = "number"
    """What its values are. A value of another type is read as null."""
    aggregate: Literal["first", "sum", "mean", "median", "mean_or_median", "min", "max", "any"] | None = None
    """Makes one value of a list: of numbers, or of [start, end, value] as RedPajama-V2's `quality_signals` are.
    Nulls in it don't count; `any` is 1 or true where one of them isn't 0; `mean_or_median` is the lower of the two, so
    that one of them within an upper bound is enough."""

    @model_validator(mode="after")
    def _aggregates(self) -> SourceSignal:
        if self.type == "string" and self.aggregate not in (None, "first"):
            raise ValueError(f"strings can't be aggregated by {self.aggregate}: of a string signal take the first")
        if self.type == "boolean" and self.aggregate not in (None, "first", "any"):
            raise ValueError(f"booleans can't be aggregated by {self.aggregate}: take first or any")
        return self


class SourceFields(Model):
    """What a source says of itself; every field may also stand under `defaults`."""

    format: Literal[
        "auto",
        "jsonl",
        "parquet",
        "arrow",
        "csv",
        "tsv",
        "text",
        "html",
        "epub",
        "pdf",
        "tar",
        "zip",
        "warc",
        "wet",
        "wat",
        "python",
    ] = "auto"
    """How files are read. `auto` goes by the file name's extension."""
    delimiter: Annotated[str, Field(pattern=r"^[^\r\n\"]$")] | None = None
    """Between the fields of `csv` (a comma) and `tsv` (a tab)."""
    extractor: Literal["resiliparse", "trafilatura"] = "resiliparse"
    """What finds the main text of HTML: in files, web archives, members of archives and a mapped html column.
    trafilatura is an extra: pip install 'tamis[trafilatura]'."""
    max_document_bytes: Annotated[int, Field(ge=1000, le=256_000_000)] = 256_000_000
    """A longer line, file, paragraph, archive member or text is a reject (`line_too_long`, `too_large`), and isn't
    held in memory. A page or record of a web archive may have 64 MB at most."""
    split: Literal["file", "paragraph"] = "file"
    """For `text`: one document per file, or one per paragraph (blank line between)."""
    columns: dict[DocumentColumn, Text] = {}
    """Document column -> field of the source (dots reach into nested fields, and into JSON in a string): text (or
    html, whose main text is taken), id, url, title, date, author, language, category, license. `text` is looked
    for under its own name when nothing is mapped."""
    repair: dict[Literal["url", "title", "author", "date"], tuple[Replace, ...]] = {}
    """Replacements in columns of documents, in order: `{url: [{pattern: "^http:", by: "https:"}]}`."""
    parts: Parts | None = None
    """The text of a document lies in several fields: `{fields: [question, answers]}`."""
    pairs: Pairs | None = None
    """Aligned texts: a document is made of two fields of a row, the same text in two languages."""
    signals: dict[SignalName, SourceSignal] = {}
    """Measurements the source brings along: each becomes a signal `source.NAME` for keep rules."""
    where: dict[str, Condition] = {}
    """Row filters on fields of the source, by field name: `{year: [1990, null], url: {glob: "https://*.fr/**"}}`."""
    clean: tuple[Cleaning, ...] = ()
    """Cleaners that go over the raw text of every row, in order, before anything else sees it: a name, or
    `name: {options}` (`tamis cleaners` lists them)."""
    sample_rate: Annotated[float, Field(gt=0, le=1)] = 1
    """Share of the documents that is taken, by a hash of their ids: the same ones in every run. A higher rate keeps
    those of a lower one."""
    sample_seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """Another seed samples other documents."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Documents that are taken at most: the first ones, in the order of the files' names. The source is then read
    by one worker, and no further than that."""
    language: str = DETECT
    """A language code, `code` for source code, or `detect`: decided by the language stage. A mapped
    language column goes before it, row by row."""
    category: str | None = None
    """Genre for weighting: web, book, news, legal, code, ..."""
    license: str | None = None
    """SPDX expression of the documents' licence, or LicenseRef-Name with `license_url`."""
    license_url: str | None = None
    """Where the licence can be read: the evidence."""
    provider: str | None = None
    """Who published the source."""
    url: str | None = None
    """The source's home."""
    version: str | None = None
    """Exact version, commit, dump or crawl ids."""
    selection: str | None = None
    """Which part was taken, and how it was chosen."""
    period: str | None = None
    """When the texts were written or collected, e.g. `2019/2024`."""
    title: Line | None = None
    """The dataset's own name, where it has one: for the card, the EU summary and the provenance."""
    acquisition: Acquisition | None = None
    """How it came to you. Decides under which heading of the EU summary (2.1 to 2.6) it stands."""
    accessed: Month | None = None
    """Month of download or crawl, `2026-03`: the EU summary's latest date of acquisition (1.3), and 2.3."""
    geography: tuple[Line, ...] | None = None
    """Countries or regions that the texts come from: EU summary 1.3, data origin in data_provenance.json."""
    content: tuple[Line, ...] | None = None
    """Types of content, such as press, legal or scientific: EU summary 1.3 and 2.1. Without, the categories."""
    synthetic: Synthetic | None = None
    """What made the texts, if a model did: EU summary 2.5, `rai:hasSyntheticData`."""
    crawler: Crawler | None = None
    """What fetched the texts, if you crawled them: EU summary 2.3."""
    opt_out: OptOut | None = None
    """Which reservations of rights holders were looked for: EU summary 3.1, data management plan 4b."""
    citation: str | None = None
    """How the source asks to be cited: the card's section on it."""
    redistributable: bool | None = None
    """May the text be handed on? By default, what the licence says."""
    optional: bool = False
    """A source whose files are missing is left out with a note, instead of stopping the run."""
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """Among duplicates, the copy of the source with the highest priority stays."""

    @field_validator("language")
    @classmethod
    def _language(cls, value: str) -> str:
        return value if value == DETECT else check_language(value)

    @field_validator("license")
    @classmethod
    def _license(cls, value: str | None) -> str | None:
        if value is not None:
            parse_license(value)
        return value


class Source(SourceFields):
    """One sub-corpus, after defaults and fan-out."""

    name: str
    """Unique; part of every document id and of the release's file names."""
    path: Annotated[tuple[Text, ...], Field(min_length=1)]
    """Files or globs (`**` allowed), relative to the recipe; local, or any fsspec address (`s3://`,
    `https://`); `hf://datasets/ORG/NAME@COMMIT/glob` on the Hugging Face Hub; `package:NAME/glob` for files inside an
    installed package; `python:stdlib` and `python:distributions` for the Python installation Tamis runs in."""

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not NAME.match(value):
            raise ValueError(f"{value!r} can't name a source: use a-z, 0-9, '.', '_' and '-', starting with a-z or 0-9")
        return value

    @field_validator("path", mode="before")
    @classmethod
    def _one_path(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _licensed(self) -> Source:
        complaint = unlicensed(self.name, self.license, self.license_url, "license" in self.columns)
        if complaint:
            raise ValueError(complaint)
        return self

    @model_validator(mode="after")
    def _one_text(self) -> Source:
        mapped = "text" if "text" in self.columns else "html" if "html" in self.columns else None
        made_of = [mapped] if mapped else []
        made_of += [name for name in ("pairs", "parts") if getattr(self, name) is not None]
        if len(made_of) > 1:
            raise ValueError(f"source {self.name!r} has {' and '.join(made_of)}: documents are made of one of them")
        return self

    @property
    def hands_on(self) -> bool:
        """Whether the text may be handed on: what the recipe says, else what the licence says."""
        if self.redistributable is not None:
            return self.redistributable
        return self.license is None or redistributable(self.license)


def unlicensed(name: Any, license_: str | None, url: str | None, mapped: bool) -> str | None:
    """What a source's licence lacks, or None; `mapped`: each row says its own."""
    if license_ is None:
        return None if mapped else (
            f"source {name!r} has no license: name its SPDX identifier, or map a license column "
            "(LicenseRef-Unknown is allowed, and keeps the text out of a public release)"
        )  # fmt: skip
    if url is None and any(is_own_reference(part.spdx) for part in parse_license(license_)):
        return f"source {name!r}: {license_} needs a license_url, where the licence can be read"
    return None


class StageUse(Model):
    """One stage as a recipe uses it: how it measures, and the rules that decide on what it measured."""

    model_config = ConfigDict(arbitrary_types_allowed=True, defer_build=True)

    stage: Stage
    config: StageConfig
    keep: dict[str, Condition]
    keep_by: dict[str, dict[str, dict[str, Condition]]] = {}
    """column -> value -> signal -> condition, in place of `keep` for the rows with that value."""
    when: dict[str, Condition] = {}
    exhaustive: bool = False
    as_name: str = ""
    """What the recipe calls this use of the stage (`as`); empty: what the stage is called."""

    @property
    def name(self) -> str:
        """What its signals, its rules and its place in the ledger go by."""
        return self.as_name or self.stage.name

    def to_recipe(self) -> dict[str, Any]:
        """This use as a recipe writes it; identity and manifest are made of it."""
        written: dict[str, Any] = {"as": self.as_name} if self.as_name else {}
        written |= self.config.model_dump(mode="json", exclude_defaults=True)
        written["keep"] = {name: condition.to_recipe() for name, condition in self.keep.items()}
        if self.keep_by:
            written["keep_by"] = {
                column: {
                    value: {name: condition.to_recipe() for name, condition in rules.items()}
                    for value, rules in by_value.items()
                }
                for column, by_value in self.keep_by.items()
            }
        if self.when:
            written["when"] = {name: condition.to_recipe() for name, condition in self.when.items()}
        if self.exhaustive:
            written["exhaustive"] = True
        return {self.stage.name: written}


class ReleaseOptions(Model):
    """The shape of the release."""

    shard_size: Annotated[int, Field(ge=1_000_000)] = 256_000_000
    """Text bytes of a release shard, at most (a longer document gets a shard of its own)."""
    tokens: bool = True
    """Write token shards (needs the tokenize stage)."""
    previous: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=VERSION_LETTERS)] | None = None
    """Version of the release before this one. It must lie beside it (`releases/NAME-PREVIOUS`); the card then tells
    what changed since, and `CHANGELOG.md` goes on from that release's."""
    samples: Annotated[int, Field(ge=0, le=100_000)] = 300
    """Documents drawn for review at most, kept, dropped and near a threshold, their texts masked and cut; 0: none."""
    formats: tuple[Literal["megatron", "ds", "npy", "mds"], ...] = ()
    """Token files for trainers, beside the token shards and of the same ids: `megatron` (`.bin` and `.idx`), `ds`
    (datatrove and nanotron), `npy` (OLMo-core), `mds` (MosaicML streaming)."""

    @field_validator("formats")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """In one order, so that two spellings are one recipe."""
        return tuple(sorted(set(value)))


class Identity(Model):
    """Which dataset it is."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=96)]
    """Identifier of the dataset: part of the release's folder."""
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=VERSION_LETTERS)]
    """Version of the dataset, e.g. `1.2.0`."""
    title: Annotated[str, Field(max_length=60)] = ""
    """Human name, at most 60 characters."""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """Seed of every sampling decision."""


class Recipe(Identity):
    """One dataset version: sources, stages in order, mix, release. A plan of a mix alone has neither sources nor
    stages, and names its counts."""

    model_config = ConfigDict(arbitrary_types_allowed=True, defer_build=True)

    sources: tuple[Source, ...]
    stages: tuple[StageUse, ...]
    mix: Mix = Mix()
    release: ReleaseOptions = ReleaseOptions()
    card: CardText = CardText()
    variant: str = ""
    """Which variant of its file it is: the version ends in `+variant`. Empty: the recipe as it stands."""
    variants: tuple[str, ...] = ()
    """Names of all variants in the file. Nothing that is made hangs on them."""

    @property
    def run_name(self) -> str:
        """The recipe, and which variant of it: what its last run is remembered by."""
        return f"{self.name}+{self.variant}" if self.variant else self.name

    def to_recipe(self) -> dict[str, Any]:
        """Canonical recipe data: fan-out done, defaults merged, rules spelled out, no machine in it."""
        apart = {"sources", "stages", "variant", "variants"}
        data = self.model_dump(mode="json", exclude=apart, exclude_defaults=True, by_alias=True)
        data["name"], data["version"] = self.name, self.version
        data["sources"] = []
        for source in self.sources:
            fields = source.model_dump(mode="json", exclude_defaults=True)
            if source.where:
                fields["where"] = {name: condition.to_recipe() for name, condition in source.where.items()}
            data["sources"].append(fields)
        data["stages"] = [use.to_recipe() for use in self.stages]
        if not self.sources:
            del data["sources"], data["stages"]
        return data
