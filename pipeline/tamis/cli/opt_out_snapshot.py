"""`tamis opt-out-snapshot`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tamis.cli.options import json_option
from tamis.errors import OptionError

if TYPE_CHECKING:
    from tamis.opt_out.asking import Manners
    from tamis.opt_out.collecting import Collected
    from tamis.opt_out.snapshot import Row

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_STATUSES = ("found", "missing", "forbidden", "unreachable", "malformed")


@click.command("opt-out-snapshot")
@click.option(
    "--domains", type=_FILE, metavar="FILE", help="Ask these: hosts or addresses, one a line; `#` starts a comment."
)
@click.option(
    "--release", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="FOLDER",
    help="Ask the site of every document in the ledger of this release, kept or dropped.",
)  # fmt: skip
@click.option(
    "--warc", type=_FILE, metavar="FILE", multiple=True,
    help="Ask nobody: take robots.txt from this web archive (Common Crawl's robotstxt files). Repeatable.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="FILE",
    help="The snapshot, .parquet or .jsonl; sites that it has already aren't asked.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 256), default=16, show_default=True, help="Sites asked side by side.")
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=10, show_default=True, metavar="SECONDS",
    help="How long one answer may take.",
)  # fmt: skip
@click.option("--retries", type=click.IntRange(0, 10), default=2, show_default=True, help="Further tries.")
@click.option(
    "--pause", type=click.FloatRange(min=0), default=0.5, show_default=True, metavar="SECONDS",
    help="Between two requests to one site.",
)  # fmt: skip
@click.option("--user-agent", metavar="TEXT", help="Who asks; a way to reach you is good manners.  [default: tamis]")
@click.option("--robots-only", is_flag=True, help="Ask for robots.txt alone, not for tdmrep.json, ai.txt and headers.")
@click.option("--refresh", is_flag=True, help="Ask sites that the snapshot has, too.")
@click.option("--retry-unreachable", is_flag=True, help="Ask sites that didn't answer again.")
@json_option
def command(
    domains: Path | None, release: Path | None, warc: tuple[Path, ...], out: Path, threads: int, timeout: float,
    retries: int, pause: float, user_agent: str | None, robots_only: bool, refresh: bool, retry_unreachable: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Ask sites for robots.txt and other reservations of rights, and keep the answers in one dated file.

    The stage opt_out judges documents by it, offline. A site is a host with its port. https is tried, then http; of
    one site one request at a time. Interrupted, the same command goes on where it stopped.

    \b
    tamis opt-out-snapshot --domains hosts.txt --out robots.parquet
    tamis opt-out-snapshot --release releases/my-0.1.0 --out robots.parquet
    tamis opt-out-snapshot --warc CC-MAIN-robotstxt-00000.warc.gz --out robots.parquet
    """
    from tamis.cli.output import print_json
    from tamis.opt_out.asking import USER_AGENT, Manners
    from tamis.opt_out.snapshot import check_suffix

    if sum(map(bool, (domains, release, warc))) != 1:
        raise OptionError("give one of --domains FILE, --release FOLDER, --warc FILE: the sites to snapshot")
    check_suffix(out)
    if warc:
        collected, damaged = _from_archives(warc, out)
    else:
        manners = Manners(timeout, retries, pause, user_agent or USER_AGENT, not robots_only)
        collected, damaged = _ask(_sites(domains, release), out, manners, threads, refresh, retry_unreachable), 0
    facts = _facts(collected.rows)
    if as_json:
        print_json({"out": str(out), "asked": collected.asked, "known": collected.known, "sites": facts})
    else:
        _show(out, collected, facts, damaged)


def _sites(domains: Path | None, release: Path | None) -> list[str]:
    from tamis.opt_out.collecting import sites_of_file

    if domains is not None:
        sites = sites_of_file(domains)
        if not sites:
            raise OptionError(f"--domains {domains}: it names no host")
        return sites
    assert release is not None
    return _sites_of_release(release)


def _sites_of_release(release: Path) -> list[str]:
    import pyarrow.parquet as pq

    from tamis.opt_out.collecting import sites_of_urls

    ledgers = sorted((release / "ledger").rglob("*.parquet"))
    if not ledgers:
        raise OptionError(f"--release {release}: it has no ledger. Give the folder of a release")
    sites: set[str] = set()
    for path in ledgers:
        for batch in pq.ParquetFile(path).iter_batches(columns=["url"]):
            sites |= sites_of_urls(batch.column("url").to_pylist())
    if not sites:
        raise OptionError(f"--release {release}: none of its documents has an address (map the column `url`)")
    return sorted(sites)


def _ask(
    sites: list[str], out: Path, manners: Manners, threads: int, refresh: bool, retry_unreachable: bool
) -> Collected:
    from rich.progress import Progress

    from tamis.cli.output import errors
    from tamis.opt_out.collecting import collect

    def again(row: Row) -> bool:
        return refresh or (retry_unreachable and row["status"] is None)

    with Progress(console=errors, transient=True, disable=not errors.is_interactive) as progress:
        bar = progress.add_task("asking", total=len(sites))
        return collect(
            sites, out, manners, threads, again, lambda done, of: progress.update(bar, completed=done, total=of)
        )


def _from_archives(warc: tuple[Path, ...], out: Path) -> tuple[Collected, int]:
    from tamis.cli.output import busy
    from tamis.opt_out.collecting import Collected
    from tamis.opt_out.snapshot import read, write
    from tamis.readers.robots_archives import RobotsArchives

    with busy("reading robots.txt from web archives"):
        archives = RobotsArchives(warc)
        rows = archives.rows()
        if not rows:
            raise OptionError(f"--warc: no answer to a request for /robots.txt in {', '.join(map(str, warc))}")
        write(out, [*(read(out) if out.exists() else []), *rows])
    return Collected(0, len(rows), read(out)), archives.damaged


def _facts(rows: list[Row]) -> dict[str, int]:
    """Sites by how they answered, and by what they have besides."""
    from tamis.opt_out.judge import status_of
    from tamis.opt_out.robots import parse
    from tamis.opt_out.snapshot import Answers

    counts: Counter[str] = Counter()
    for row in rows:
        answers = Answers(*(row[name] for name in Answers._fields))  # type: ignore[literal-required]
        counts[status_of(answers, None if answers.robots is None else parse(answers.robots))] += 1
        for name in ("tdmrep", "ai_txt", "headers"):
            counts[name] += getattr(answers, name) is not None
    return {"all": len(rows), **{name: counts[name] for name in (*_STATUSES, "tdmrep", "ai_txt", "headers")}}


def _show(out: Path, collected: Collected, facts: dict[str, int], damaged: int) -> None:
    from tamis.cli.output import number

    done = f"{number(collected.asked)} asked" if collected.asked else "nobody asked"
    click.echo(f"{out}: {number(facts['all'])} sites, {done}")
    click.echo("robots.txt: " + ", ".join(f"{number(facts[name])} {name}" for name in _STATUSES))
    click.echo(f"tdmrep.json {number(facts['tdmrep'])}, ai.txt {number(facts['ai_txt'])}, "
               f"headers {number(facts['headers'])}")  # fmt: skip
    if damaged:
        click.echo(f"note: {number(damaged)} damaged places of the archives were passed over", err=True)
