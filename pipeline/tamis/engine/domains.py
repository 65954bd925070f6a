"""Domains of a release: counted shard by shard, the largest listed in `domains_top.csv`."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from tamis.corpus.domains import authorities, list_facts, registrable
from tamis.corpus.manifest import DomainFacts, DomainRow
from tamis.mix.epochs import UNKNOWN

DOMAINS = "domains_top.csv"
"""The largest domains by bytes, at the release's root."""
SHARE, AT_LEAST = 10, 1000
"""One domain in ten is listed, and no fewer than so many where there are as many."""
TOP, TOP_OF_LANGUAGE = 25, 10
"""Domains that the manifest names: of the release, of each language."""
_SUMS = ("documents", "bytes", "tokens")
_SCHEMA = {"language": pl.String, "domain": pl.String} | dict.fromkeys(_SUMS, pl.Int64)
_PENDING = 1 << 20
"""Rows that wait to be summed, at least."""


@dataclass
class Domains:
    """Sums by language and domain."""

    frames: list[pl.DataFrame] = field(default_factory=lambda: [pl.DataFrame(schema=_SCHEMA)])
    """The first is summed; the others wait for it."""
    without: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, released: pl.DataFrame, tokens: str) -> Domains:
        """Of released documents; `tokens` is their column of token counts, if they have one."""
        frame = released.select(
            pl.col("language").fill_null(UNKNOWN),
            pl.col("url"),
            pl.col("bytes"),
            (pl.col(tokens) if tokens in released.columns else pl.lit(0)).fill_null(0).cast(pl.Int64).alias("tokens"),
        )
        by_host = (
            frame.filter(pl.col("url").is_not_null())
            .group_by("language", authorities(pl.col("url")).alias("host"))
            .agg(pl.len().cast(pl.Int64).alias("documents"), pl.col("bytes").sum(), pl.col("tokens").sum())
        )
        names = pl.Series("domain", [registrable(host) if host else None for host in by_host["host"]], dtype=pl.String)
        by_host = by_host.with_columns(names)
        named = _summed(by_host.filter(pl.col("domain").is_not_null()))
        without = Counter(
            no_url=int(frame["url"].null_count()),
            no_domain=int(by_host.filter(pl.col("domain").is_null())["documents"].sum()),
        )
        return cls([named], without)

    def add(self, other: Domains) -> None:
        """Counts another shard in."""
        self.without.update(other.without)
        self.frames += other.frames
        if sum(frame.height for frame in self.frames[1:]) > max(_PENDING, self.frames[0].height):
            self.frames = [_summed(pl.concat(self.frames))]

    def by_language(self) -> pl.DataFrame:
        """Language, domain, documents, bytes, tokens."""
        self.frames = [_summed(pl.concat(self.frames))]
        return self.frames[0]

    def ranked(self) -> pl.DataFrame:
        """Domain, documents, bytes, tokens: the largest by bytes first."""
        return self.by_language().group_by("domain").agg(pl.col(*_SUMS).sum()).sort(_ORDER, descending=_DESCENDING)

    def facts(self) -> DomainFacts | None:
        """As the manifest has them; None when no released document has an address."""
        ranked = self.ranked()
        if not ranked.height and not self.without["no_domain"]:
            return None
        sums = ranked.select(pl.col(*_SUMS).sum()).row(0, named=True)
        of_languages = (
            self.by_language()
            .sort(["language", *_ORDER], descending=[False, *_DESCENDING])
            .group_by("language", maintain_order=True)
            .head(TOP_OF_LANGUAGE)
        )
        return DomainFacts(
            suffix_list=list_facts(),
            distinct=ranked.height,
            listed=listed(ranked.height),
            **sums,
            without={name: self.without[name] for name in ("no_domain", "no_url")},
            top=tuple(DomainRow(**row) for row in ranked.head(TOP).iter_rows(named=True)),
            by_language=tuple(DomainRow(**row) for row in of_languages.iter_rows(named=True)),
        )

    def listing(self) -> bytes:
        """`domains_top.csv`."""
        ranked = self.ranked()
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("rank", "domain", *_SUMS))
        for rank, row in enumerate(ranked.head(listed(ranked.height)).iter_rows(), 1):
            writer.writerow((rank, *row))
        return out.getvalue().encode()


_ORDER, _DESCENDING = ["bytes", "domain"], [True, False]


def listed(distinct: int) -> int:
    """How many of so many domains are listed."""
    return max(-(-distinct // SHARE), min(distinct, AT_LEAST))


def _summed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by("language", "domain").agg(pl.col(*_SUMS).sum()).select(list(_SCHEMA))
