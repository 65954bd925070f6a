"""Which documents are drawn for review: a few of every stratum, by a hash of seed and id.

Strata are disjoint: a document whose signal lies near the bound that decides on it is `near kept` or `near dropped`
under that rule; any other is `kept`, or `dropped` under the first rule it fails; each by language and category.
Documents that pass every rule but that the mix draws no copy of are in none. The draw depends on seed, ids and ledger
alone, so that it can be made again from a release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tamis.corpus.conditions import Condition
from tamis.corpus.hashing import uniform
from tamis.corpus.sample_facts import SampleFacts, StratumRow
from tamis.corpus.signals import read_columns
from tamis.engine.ledger import NOT_DRAWN
from tamis.engine.verdicts import matches
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.recipe.licenses import redistributable

PER_STRATUM = 5
NEAR = 0.1
"""A value is near a bound when it is no further from it than this share of the bound, or than 1 where values are
whole numbers."""
KINDS = ("near dropped", "near kept", "dropped", "kept")
"""Kinds of strata; each gets the same share of the draw, and what one can't use goes to the next."""
STRATUM = ("kind", "language", "category", "rule")
_COLUMNS = ("id", "source", "language", "category", "license", "copies", "dropped_by", "chars")
_NO_LICENSE = "LicenseRef-Unknown"


@dataclass(frozen=True)
class BoundRule:
    """A keep rule with a bound on a signal."""

    column: str
    """`stage.signal`."""
    condition: Condition | None
    overrides: tuple[tuple[str, str, Condition], ...]
    """Column, value, condition: the last that matches goes before `condition`."""

    def bound(self, side: str, frame: pl.DataFrame) -> pl.Expr:
        """The lower or upper bound (`min`, `max`) that holds for each row, or null."""
        found: pl.Expr = pl.lit(getattr(self.condition, side, None), pl.Float64)
        for by, value, condition in self.overrides:
            if by in frame.columns:
                here = pl.lit(getattr(condition, side), pl.Float64)
                found = pl.when(matches(by, frame.schema[by], value)).then(here).otherwise(found)
        return found


def bound_rules(recipe: Mapping[str, Any]) -> list[BoundRule]:
    """The rules of a recipe (its canonical data, with its keys in any order) that have a bound, stage by stage."""
    rules = []
    for use in recipe.get("stages", []):
        [(stage, written)] = use.items()
        stage = written.get("as", stage)
        keep = {name: Condition.model_validate(rule) for name, rule in written.get("keep", {}).items()}
        overrides = [
            (by, value, name, Condition.model_validate(rule))
            for by, values in sorted(written.get("keep_by", {}).items())
            for value, by_signal in values.items()
            for name, rule in by_signal.items()
        ]
        for name in sorted({*keep, *(signal for _, _, signal, _ in overrides)}):
            mine = tuple((by, value, rule) for by, value, signal, rule in overrides if signal == name)
            conditions = [keep[name]] if name in keep else []
            if any(c.min is not None or c.max is not None for c in (*conditions, *(rule for _, _, rule in mine))):
                rules.append(BoundRule(f"{stage}.{name}", keep.get(name), mine))
    return rules


@dataclass(frozen=True)
class Rights:
    """Whose texts may be shown."""

    sources: frozenset[str]
    """Sources whose texts may be handed on."""
    whatever: frozenset[str]
    """Those of which the recipe says so, whatever the licences of their documents."""

    @classmethod
    def of(cls, recipe: Mapping[str, Any], hands_on: Iterable[str]) -> Rights:
        """`recipe` is canonical data, `hands_on` names the sources whose texts may be handed on."""
        said = {source["name"] for source in recipe.get("sources", []) if source.get("redistributable")}
        return cls(frozenset(hands_on), frozenset(said))

    def mask(self, frame: pl.DataFrame) -> pl.Expr:
        """Rows whose text may be shown."""
        licenses = frame["license"].unique().to_list()
        free = [name for name in licenses if name is not None and name != _NO_LICENSE and _free(name)]
        return pl.col("source").is_in(list(self.sources)) & (
            pl.col("source").is_in(list(self.whatever)) | pl.col("license").is_in(free)
        )


def _free(license_: str) -> bool:
    try:
        return redistributable(license_)
    except ValueError:
        return False


@dataclass(frozen=True)
class Drawn:
    """What some ledger files offer: the size of every stratum, and its first documents."""

    sizes: pl.DataFrame
    """STRATUM, documents."""
    candidates: pl.DataFrame
    """STRATUM, draw, file, row, then what a sample tells of its document."""
    withheld: int


@dataclass(frozen=True)
class DrawTask:
    """Draws from some files of the ledger."""

    files: tuple[tuple[int, Path], ...]
    """With their numbers."""
    rules: tuple[BoundRule, ...]
    rights: Rights
    seed: int

    @property
    def label(self) -> str:
        """`draw FILE`."""
        return f"draw {self.files[0][1].name}"

    @property
    def bytes(self) -> int:
        """It handles no text."""
        return 0

    def run(self) -> Drawn:
        """Reads the files one after the other."""
        found = None
        for number, path in self.files:
            one = self._file(number, path)
            found = one if found is None else merged([found, one])
        assert found is not None
        return found

    def _file(self, number: int, path: Path) -> Drawn:
        table = read_columns(path, [*_COLUMNS, *self._asked()])
        frame = pl.DataFrame(pl.from_arrow(table)).with_row_index("row")
        frame = frame.filter(pl.col("dropped_by").ne_missing(NOT_DRAWN))
        shown = frame.filter(self.rights.mask(frame))
        withheld = frame.height - shown.height
        ids: Any = shown["id"].to_arrow()
        rows = _stratified(shown, self.rules).with_columns(
            pl.Series("draw", uniform(ids, self.seed, "samples"), dtype=pl.Float64),
            pl.lit(number, pl.Int64).alias("file"),
        )
        sizes = rows.group_by(STRATUM).agg(pl.len().cast(pl.Int64).alias("documents"))
        return Drawn(sizes, _first(rows), withheld)

    def _asked(self) -> list[str]:
        columns = [rule.column for rule in self.rules] + [by for rule in self.rules for by, _, _ in rule.overrides]
        return [name for name in dict.fromkeys(columns) if name not in _COLUMNS]


def _first(rows: pl.DataFrame) -> pl.DataFrame:
    """The first documents of every stratum, in the order of their draw."""
    return rows.sort("draw", "id").group_by(STRATUM, maintain_order=True).head(PER_STRATUM)


def merged(parts: Sequence[Drawn]) -> Drawn:
    """What several tasks drew, together: in whatever order and grouping they come."""
    sizes = pl.concat([part.sizes for part in parts]).group_by(STRATUM).agg(pl.col("documents").sum())
    candidates = _first(pl.concat([part.candidates for part in parts]))
    return Drawn(sizes, candidates, sum(part.withheld for part in parts))


def _stratified(frame: pl.DataFrame, rules: Sequence[BoundRule]) -> pl.DataFrame:
    """The rows with their strata, and the value and threshold of those near one."""
    kept = pl.col("dropped_by").is_null()
    frame = frame.with_columns(
        pl.lit(None, pl.Float64).alias("_away"),
        pl.lit(None, pl.String).alias("_rule"),
        pl.lit(None, pl.Float64).alias("value"),
        pl.lit(None, pl.Float64).alias("threshold"),
    )
    for rule in rules:
        if rule.column in frame.columns and frame.schema[rule.column].is_numeric():
            decisive = kept | (pl.col("dropped_by") == rule.column)
            for side in ("min", "max"):
                frame = _nearer(frame, rule, side, decisive)
    fate = pl.when(kept).then(pl.lit("kept")).otherwise(pl.lit("dropped"))
    close = pl.col("_rule").is_not_null()
    return frame.select(
        pl.when(close).then(pl.lit("near ") + fate).otherwise(fate).alias("kind"),
        pl.col("language").fill_null(UNKNOWN),
        pl.col("category").fill_null(NO_CATEGORY),
        pl.coalesce("_rule", "dropped_by", pl.lit("")).alias("rule"),
        "row", "id", "source", "license", "chars", pl.col("dropped_by").alias("reason"), "value", "threshold",
    )  # fmt: skip


def _nearer(frame: pl.DataFrame, rule: BoundRule, side: str, decisive: pl.Expr) -> pl.DataFrame:
    """The rows with one more bound looked at: of several that a row is near, the nearest, the first of equals."""
    value = pl.col(rule.column).cast(pl.Float64)
    slack = 1.0 if frame.schema[rule.column].is_integer() else 0.0
    bound = rule.bound(side, frame)
    looked = frame.with_columns(_bound=bound).with_columns(
        _now=(value - pl.col("_bound")).abs() / pl.max_horizontal(pl.col("_bound").abs() * NEAR, pl.lit(slack))
    )
    closer = decisive & (pl.col("_now") <= 1) & (pl.col("_now") < pl.col("_away").fill_null(float("inf")))
    # 0/0, where a bound of 0 has no scale, is no distance.
    closer = (closer & pl.col("_now").is_not_nan()).fill_null(False)
    return looked.with_columns(
        pl.when(closer).then("_now").otherwise("_away").alias("_away"),
        pl.when(closer).then(pl.lit(rule.column)).otherwise("_rule").alias("_rule"),
        pl.when(closer).then(value).otherwise("value").alias("value"),
        pl.when(closer).then("_bound").otherwise("threshold").alias("threshold"),
    )


def chosen(drawn: Drawn, most: int) -> pl.DataFrame:
    """At most `most` documents: every kind its share, then one of every stratum, largest first, round by round.

    Sorted by kind, stratum and draw.
    """
    rows = (
        drawn.candidates.join(drawn.sizes, on=STRATUM, how="left")
        .with_columns(
            pl.col("draw").rank("ordinal").over(STRATUM).alias("round"),
            pl.col("kind").replace_strict({kind: place for place, kind in enumerate(KINDS)}).alias("order"),
        )
        .sort("round", pl.col("documents") * -1, *STRATUM)
    )
    picked, left = [], most
    for place, kind in enumerate(KINDS):
        mine = rows.filter(pl.col("kind") == kind).head(-(-left // (len(KINDS) - place)))
        left -= mine.height
        picked.append(mine)
    # What later kinds could not use goes to the earlier ones.
    whole = pl.concat(picked)
    rest = rows.join(whole.select("id"), on="id", how="anti").head(left)
    return pl.concat([whole, rest]).sort("order", "language", "category", "rule", "draw", "id")


def facts_of(drawn: Drawn, rows: pl.DataFrame, asked: int) -> SampleFacts:
    """The manifest's facts on a draw."""
    strata = rows.group_by(STRATUM, maintain_order=True).agg(
        pl.col("documents").first(), pl.len().cast(pl.Int64).alias("drawn")
    )
    return SampleFacts(
        asked=asked,
        drawn=rows.height,
        documents=int(drawn.sizes["documents"].sum()),
        withheld=drawn.withheld,
        strata=drawn.sizes.height,
        rows=tuple(StratumRow(**row) for row in strata.iter_rows(named=True)),
    )


def draw_tasks(
    recipe: Mapping[str, Any], hands_on: Iterable[str], ledgers: Sequence[Path], tasks: int
) -> list[DrawTask]:
    """Tasks that draw from the files of a ledger, about `tasks` of them."""
    rules, rights = tuple(bound_rules(recipe)), Rights.of(recipe, hands_on)
    numbered = list(enumerate(ledgers))
    step = max(1, -(-len(numbered) // max(tasks, 1)))
    return [
        DrawTask(tuple(numbered[at : at + step]), rules, rights, int(recipe.get("seed", 0)))
        for at in range(0, len(numbered), step)
    ]
