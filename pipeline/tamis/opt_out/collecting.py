"""Asking many sites side by side, so that an interrupted collection goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

import orjson

from tamis.corpus.urls import site_name, split
from tamis.errors import InputError
from tamis.opt_out.asking import Manners, ask
from tamis.opt_out.snapshot import Row, read, write

Report = Callable[[int, int], None]
"""Told after each site: how many are done, of how many."""


class _StoppedError(Exception):
    """Nobody wants the answer any more."""


@dataclass(frozen=True)
class Collected:
    """What a collection did."""

    asked: int
    known: int
    """Sites that the snapshot, or an interrupted collection, had already."""
    rows: list[Row]
    """Of the snapshot as it is now."""


def sites_of_file(path: Path) -> list[str]:
    """The sites that a file names: hosts or addresses, one a line; `#` starts a comment."""
    sites: dict[str, None] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}, byte {error.start}: it isn't UTF-8. Convert it (iconv -t UTF-8)") from None
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        site = site_name(line)
        if site is None:
            raise InputError(f"{path}:{number}: {line!r} is neither a host (example.org) nor an address")
        sites[site] = None
    return list(sites)


def sites_of_urls(urls: Iterable[str | None]) -> set[str]:
    """The sites of some addresses."""
    return {url.site for text in urls if text and (url := split(text))}


def unfinished(out: Path) -> Path:
    """Where a collection for `out` keeps what it has until it is done."""
    return out.with_name(f"{out.name}.part.jsonl")


def collect(
    sites: Iterable[str], out: Path, manners: Manners, threads: int, again: Callable[[Row], bool], report: Report
) -> Collected:
    """Asks the sites that `out` doesn't have yet, or whose row is to be had `again`, and writes them to it.

    Interrupted, what was answered stays in the file `unfinished(out)`, and the next call goes on from it.
    """
    before = read(out) if out.exists() else []
    part = unfinished(out)
    fresh = list(_lines(part)) if part.exists() else []
    have = {row["site"] for row in before if not again(row)} | {row["site"] for row in fresh}
    wanted = list(dict.fromkeys(sites))
    missing = [site for site in wanted if site not in have]
    out.parent.mkdir(parents=True, exist_ok=True)
    with part.open("ab") as file:
        if fresh:
            # The last line may be cut short.
            file.write(b"\n")
        for number, row in enumerate(_answers(missing, manners, threads), 1):
            file.write(orjson.dumps(row) + b"\n")
            file.flush()
            fresh.append(row)
            report(number, len(missing))
    if fresh or not out.exists():
        write(out, [*before, *fresh])
    part.unlink()
    return Collected(len(missing), len(wanted) - len(missing), read(out))


def _lines(part: Path) -> Iterator[Row]:
    for line in filter(None, part.read_bytes().splitlines()):
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError:
            # The last line of a collection that was killed.
            continue


def _answers(sites: list[str], manners: Manners, threads: int) -> Iterator[Row]:
    """Rows as they come; of a site one request at a time, of all sites `threads`."""
    waiting: SimpleQueue[str] = SimpleQueue()
    answered: SimpleQueue[Row | Exception] = SimpleQueue()
    stopped = Event()
    for site in sites:
        waiting.put(site)

    def wait(seconds: float) -> None:
        if stopped.wait(seconds):
            raise _StoppedError

    def work() -> None:
        while True:
            try:
                answered.put(ask(waiting.get_nowait(), manners, wait))
            except (Empty, _StoppedError):
                return
            except Exception as error:  # noqa: BLE001 (raised where it can be told)
                answered.put(error)

    for _ in range(min(threads, len(sites))):
        Thread(target=work, name="ask").start()
    try:
        for _ in sites:
            row = answered.get()
            if isinstance(row, Exception):
                raise row
            yield row
    finally:
        # What is on its way takes no longer than one answer may.
        stopped.set()
