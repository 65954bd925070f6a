"""The mix as frozen models: how often training sees what, by language, category, source and quality, in phases.

A cell is what the documents of one source, language and category share. The base of every mix are explicit epochs;
methods by axis, shares, floors and caps change them, and phases cut training into parts. What is made of it: see
`tamis.mix.plan`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tamis.described import Described
from tamis.recipe.languages import check_language, is_pair

MAIN = "main"
"""Name of the phase of a mix without phases."""


def _language(tag: str) -> str:
    return tag if is_pair(tag) else check_language(tag)


def _cell(key: str) -> str:
    language, dashes, category = key.partition("--")
    if not (dashes and language and category):
        raise ValueError(f"{key!r} must be `language--category`, e.g. `fr--book`")
    _language(language)
    return key


def fraction(share: float | str) -> Fraction:
    """The exact value of a share: `1/3` is a third, and 0.1 a tenth. ValueError when it is no number."""
    try:
        return Fraction(str(share).replace(" ", ""))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{share!r} is no share: write a number from 0 to 1, or a fraction like 1/3") from None


def _share(share: float | str) -> float | str:
    if not 0 <= fraction(share) <= 1:
        raise ValueError(f"a share is from 0 to 1 (got {share})")
    return share


# Validated key by key, so that each wrong one is told at its own line.
Cell = Annotated[str, AfterValidator(_cell)]
Language = Annotated[str, AfterValidator(_language)]
Share = Annotated[float | str, AfterValidator(_share)]
Epochs = Annotated[float, Field(ge=0, le=1000)]
Weight = Annotated[float, Field(ge=0, le=1e9)]
Tokens = Annotated[int, Field(ge=1, le=10**15)]
Text = Annotated[str, Field(min_length=1)]


class _Part(Described, BaseModel):
    """Base of every model of the mix."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Axis(_Part):
    """How the values of one axis (languages, categories or sources) share the tokens of a phase.

    The method says what share each value should have. A cell's weight is its tokens times its explicit epochs times
    the method's share of its value over that value's natural share; the shares, floors and caps below then hold
    whatever the weights are.
    """

    method: Literal["proportional", "uniform", "temperature", "unimax", "weights", "fitted"] = "proportional"
    """`proportional`: as there are tokens. `uniform`: the same for all. `temperature`: in proportion to tokens to the
    power of 1/T (Devlin et al. 2019; Conneau et al. 2020). `unimax`: uniform, but nothing more than `max_epochs` times,
    what is over going to the others (Chung et al. 2023). `weights`: natural shares times `weights`. `fitted`: the
    shares of `weights_from`."""
    temperature: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """T of the method temperature: 1 is proportional, 3.33 (mT5's 0.3 as a power) lifts the small ones, and above all
    is uniform."""
    max_epochs: Annotated[float, Field(gt=0, le=1000)] = 4.0
    """Most epochs of a value under the method unimax."""
    weights: dict[str, Weight] = {}
    """Value -> factor on its natural share, for the method weights: `{fr: 2}` doubles French beside the others."""
    default: Weight = 1.0
    """Factor of values that `weights` doesn't name."""
    weights_from: Text | None = None
    """CSV of shares for the method fitted, relative to the recipe: columns `domain` (or the axis' name, or `dataset`)
    and `weight` (or `share`, `ratio`), as RegMix and olmix write them. Values that it leaves out get nothing."""
    shares: dict[str, Share] = {}
    """Value -> exactly this share of the phase's tokens, e.g. `{fr: 1/3, en: 1/3}`; the others share the rest."""
    shares_from: Text | None = None
    """CSV like `weights_from` whose shares hold exactly, as if written under `shares`."""
    floors: dict[str, Share] = {}
    """Value -> at least this share."""
    caps: dict[str, Share] = {}
    """Value -> at most this share."""
    hold: bool = False
    """Hold the method's shares exactly, as if written under `shares`: with two axes held, both are raked to."""

    @model_validator(mode="after")
    def _consistent(self) -> Axis:
        if (self.method == "temperature") != (self.temperature is not None):
            raise ValueError("`temperature` goes with method: temperature, and that needs it")
        if (self.method == "fitted") != (self.weights_from is not None):
            raise ValueError("`weights_from` goes with method: fitted, and that needs it")
        if self.weights and self.method != "weights":
            raise ValueError("`weights` go with method: weights")
        for name in self.floors.keys() & self.caps.keys():
            if fraction(self.floors[name]) > fraction(self.caps[name]):
                raise ValueError(f"the floor of {name} ({self.floors[name]}) is above its cap ({self.caps[name]})")
        for name in self.shares.keys() & (self.floors.keys() | self.caps.keys()):
            raise ValueError(f"{name} has a share, and a floor or cap: write one of them")
        return self


class QualityCurve(_Part):
    """Up-sampling by quality: what lies below a quantile is left out, and better text is repeated more.

    A run cuts its documents into buckets by `signal`; counts carry the column `quality` (the upper edge of a cell's
    bucket, from 0 to 1). All curves of a recipe that name a signal cut alike: one release has one cut.
    """

    signal: Text | None = None
    """The signal whose quantiles a run cuts by: a number or flag that a stage measures (`gopher_quality.stop_words`)
    or a source brings along (`source.score`). Documents that have none stand outside the curve, with factor 1."""
    better: Literal["higher", "lower"] = "higher"
    """Which end of the signal is the best text."""
    buckets: Annotated[int, Field(ge=1, le=1000)] = 20
    """Buckets between quantile 0 and 1: 20 are vigintiles."""
    within: Literal["language", "category", "source", "corpus"] = "language"
    """Quantiles are shares of the tokens of each language (the default, as a signal rarely means the same in two of
    them), of each category or source, or of the whole corpus."""
    discard_below: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Leave out what lies below this quantile; of a bucket that it cuts, the part above is left."""
    lowest: Weight = 1.0
    """Factor just above `discard_below`."""
    highest: Weight = 1.0
    """Factor of the best text."""
    power: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Shape between the two: 1 is a straight line over quantiles, more keeps the rise for the best."""

    @property
    def cut(self) -> tuple[object, ...]:
        """What says which bucket a document is in."""
        return (self.signal, self.better, self.buckets, self.within)

    @model_validator(mode="after")
    def _rising(self) -> QualityCurve:
        if self.highest < self.lowest:
            raise ValueError(
                f"the curve falls from {self.lowest:g} to {self.highest:g}: `highest` is at least `lowest`"
            )
        return self


class EpochCaps(_Part):
    """How often a cell may be seen in one phase, and from when on the report speaks of it.

    Up to 4 epochs, repeated text is nearly as good as new; after 16, repeating brings next to nothing (Muennighoff et
    al. 2023, Scaling Data-Constrained Language Models).
    """

    default: Annotated[float, Field(ge=0, le=1000)] | None = None
    """Most epochs of a cell. Left out: 4, except that a phase without a size of its own takes explicit epochs as they
    are said."""
    sources: dict[str, Epochs] = {}
    """Source -> its most epochs."""
    cells: dict[Cell, Epochs] = {}
    """`language--category` -> most epochs; a source's own goes before it."""
    warn: Annotated[float, Field(gt=0, le=1000)] = 4.0
    """The report warns of cells that are seen more often than this."""
    error: Annotated[float, Field(gt=0, le=1000)] | None = 16.0
    """There is no plan with a cell seen more often than this, unless `sources` or `cells` allow it; null: never."""


class Weighting(_Part):
    """What gives cells their weights."""

    default: Epochs = 1.0
    """Epochs of what no other entry names."""
    epochs: dict[Cell, Epochs] = {}
    """`language--category` -> epochs, e.g. `fr--book: 2`; `und` and `none` where one is unknown."""
    languages: dict[Language, Epochs] = {}
    """Language -> multiplier."""
    sources: dict[str, Epochs] = {}
    """Source -> epochs, in place of everything else."""
    language: Axis = Axis()
    """How languages share the tokens."""
    category: Axis = Axis()
    """How categories share the tokens."""
    source: Axis = Axis()
    """How sources share the tokens."""
    quality: QualityCurve | None = None
    """How quantiles of quality share the tokens."""
    max_epochs: EpochCaps = EpochCaps()
    """How often a cell may be seen in a phase."""


class LongDocuments(_Part):
    """More weight for long documents: the sources are cut into the parts `NAME:long` and `NAME:short`."""

    lengths: Text | None = None
    """CSV relative to the recipe, with the columns `dataset`, `tokens_long` and `tokens_short`, for counts that don't
    tell. Left out: the counts have a column `part` that says long or short, as those of a run do."""
    multiplier: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    """Weight of a token in a long document, beside one in a short document of the same source. What a source gets in
    all stays as it is: of S short and L long tokens, the short ones get S / (S + multiplier * L) of it."""
    threshold: Annotated[int, Field(ge=1)] = 4096
    """Tokens above which a document counts as long, the same in all phases. With a table of `lengths`, it is what that
    was made with."""


class Rehearsal(_Part):
    """A share of an earlier release, against forgetting: its sources are called `rehearsal:NAME` in the plan."""

    release: Text
    """Folder of the release, or CSV of its counts, relative to the recipe. Of a folder, the phase's weights name the
    token files; see `releases_at`."""
    share: Share
    """Its share of the phase's tokens."""


class Phase(Weighting):
    """One part of training. What it doesn't say about weights, it takes from the mix."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
    """What it is called: main, extension, annealing, ..."""
    tokens: Tokens | None = None
    """Its size. Left out, and `samples`, too: what the explicit epochs amount to, or the size of the phase in
    `from`."""
    samples: Annotated[int, Field(ge=1, le=10**13)] | None = None
    """Its size in sequences of `sequence_length`."""
    sequence_length: Annotated[int, Field(ge=1, le=10**8)] | None = None
    """Tokens of a training sequence. Samples are whole ones: tokens divided by it, rounded down."""
    from_: Annotated[
        Text | None,
        Field(
            alias="from",
            description="An earlier phase: cells start from the tokens that it planned, in place of the mix's weights; "
            "weights written in this phase multiply them.",
        ),
    ] = None
    counts: Text | None = None
    """CSV of this phase's own counts, relative to the recipe, or the folder of an earlier release: for a phase of
    other sources. Of a folder, the phase's weights name the token files; see `releases_at`."""
    years: tuple[int | None, int | None] | None = None
    """Only sources of these years, e.g. `[2020, null]`; what has no year stays. A source's year is that of the counts,
    or the four digits in its name."""
    collapse_years: bool = False
    """Sources whose names differ by the year alone are one series: the last year (within `years`) takes the weight of
    all, and the others go."""
    year_order: bool = False
    """A curriculum: within a series, training sees the years in increasing order."""
    long_documents: LongDocuments | None = None
    """More weight for long documents."""
    rehearsal: Rehearsal | None = None
    """A share of an earlier release."""

    @model_validator(mode="after")
    def _sized(self) -> Phase:
        if self.tokens is not None and self.samples is not None:
            raise ValueError("write `tokens` or `samples`, not both")
        if self.samples is not None and self.sequence_length is None:
            raise ValueError("`samples` need a `sequence_length`")
        if self.years and None not in self.years and self.years[0] > self.years[1]:  # type: ignore[operator]
            raise ValueError(f"years: {self.years[0]} is after {self.years[1]}")
        return self


class Mix(Weighting):
    """Epochs (how often a document is seen) by language and category, as the Lucie training set did, and what plans
    with them: methods by axis, and phases.

    A document's epochs: its source's override if there is one, else the entry of `language--category`
    (else `default`) times its language's multiplier. In a release, a fraction is realised by a hash of the document's
    id: at 2.3, every document is seen twice and three in ten a third time; a higher weight keeps every copy of a lower
    one. `tamis mix` plans the phases.
    """

    counts: Text | None = None
    """CSV of counts to plan from, relative to the recipe, with the columns dataset, language, category, tokens. A
    recipe that has it needs neither sources nor stages: it is a plan alone."""
    phases: tuple[Phase, ...] = ()
    """The parts of training, in order. Left out: one phase `main` in which every cell has its epochs."""
    parameters: Annotated[int, Field(ge=1, le=10**14)] | None = None
    """Parameters of the model to be trained: the report then tells tokens per parameter."""
    on_infeasible: Literal["error", "relax"] = "error"
    """When not all can hold: `error` says what conflicts; `relax` loosens what conflicts, and says how."""
    releases_at: dict[str, Text] = {}
    """Earlier release, as `rehearsal` or `counts` names it -> where trainers find it, seen from this release's folder.
    Left out: beside it, `../NAME-VERSION`."""

    @property
    def quality_cut(self) -> QualityCurve | None:
        """The curve whose signal, buckets and so on cut the documents: the first that names a signal, else the first
        of all."""
        curves = [one.quality for one in (self, *self.phases) if one.quality is not None]
        return next((curve for curve in curves if curve.signal is not None), curves[0] if curves else None)

    @property
    def long_cut(self) -> int | None:
        """Tokens above which documents are long, if a phase asks for it of what the recipe's sources have."""
        own = self.own_phases
        return next((phase.long_documents.threshold for phase in own if phase.long_documents), None)

    @property
    def own_phases(self) -> tuple[Phase, ...]:
        """Phases of the recipe's own sources: those without counts of their own, and not from such a one."""
        own: dict[str, Phase] = {}
        for phase in self.phases:
            if phase.counts is None and (phase.from_ is None or phase.from_ in own):
                own[phase.name] = phase
        return tuple(own.values())

    @model_validator(mode="after")
    def _cut_alike(self) -> Mix:
        cuts = {one.quality.cut for one in (self, *self.phases) if one.quality is not None and one.quality.signal}
        if len(cuts) > 1:
            raise ValueError(
                "two curves of quality cut differently: signal, better, buckets and within are the same wherever a "
                "`quality` names a signal"
            )
        thresholds = sorted({phase.long_documents.threshold for phase in self.phases if phase.long_documents})
        if len(thresholds) > 1:
            raise ValueError(
                f"long_documents.threshold is {' and '.join(map(str, thresholds))}: it is the same in all phases"
            )
        return self

    @model_validator(mode="after")
    def _phases(self) -> Mix:
        names: list[str] = []
        for phase in self.phases:
            if phase.name in names:
                raise ValueError(f"two phases are called {phase.name!r}: names are unique")
            if phase.from_ is not None and phase.from_ not in names:
                known = ", ".join(names) or "none"
                raise ValueError(
                    f"phase {phase.name} starts from {phase.from_!r}: no earlier phase is called so ({known})"
                )
            names.append(phase.name)
        return self
