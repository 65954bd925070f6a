"""Fetches the Debian documentation corpus: packages of a Debian 12 archive -> JSONL files with licences.

    python recipes/debian_docs/fetch.py --subset ci --out debian-docs
    python recipes/debian_docs/fetch.py --out debian-docs --check recipes/debian-docs.yaml

Per package the output is a folder OUT/PACKAGE with `html.jsonl.zst`, `text.jsonl.zst` or `code.jsonl.zst`
and the record `package.json`; OUT/packages.json joins the records. A package whose record fits its files
and the archive's version is skipped, so an interrupted run is simply started again. See README.md.
"""

from __future__ import annotations

import csv
import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import orjson
import zstandard
from check import check_recipe
from copyrights import Licence, read_copyright
from deb import DOC, Apt, Available, Contents, FetchError, read_deb
from documents import Converter, Package, kind_of

RELEASE = "bookworm"
FORMAT = 1
"""Version of the output: a record of another version is fetched again."""
HERE = Path(__file__).parent
Record = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One package to fetch; everything that a worker needs."""

    package: Package
    available: Available
    out: Path
    mandoc: Path | None
    keep_debs: bool


def read_packages(path: Path = HERE / "packages.csv") -> list[Package]:
    """The package list, in its own order."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            Package(
                name=row["package"],
                subset=row["subset"],
                languages=tuple(row["languages"].split()),
                category=row["category"],
                parts=frozenset(row["parts"].split()),
                copyright_files=row["copyright_files"] or "*",
                skip=tuple(row["skip"].split()),
            )
            for row in csv.DictReader(lines)
        ]


# --- one package -----------------------------------------------------------------------------------------


def fetch(job: Job) -> Record:
    """Downloads and converts one package; its folder appears whole or not at all. Raises `FetchError`."""
    apt = Apt(job.out / ".cache")
    debs = job.out / ".cache" / "debs"
    deb = apt.download(job.available, debs)
    name = job.package.name
    contents = read_deb(deb, lambda path: path == f"{DOC}{name}/copyright" or bool(kind_of(path, job.package)))
    licence, evidence = read_licence(job.package, contents, apt, debs)
    converter = Converter(job.package, licence.expression, RELEASE, job.mandoc)
    work = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=job.out / ".cache" / "work"))
    try:
        record = _describe(job, licence, evidence)
        record |= _write_documents(converter, contents.files, work)
        if contents.links:
            converter.tally.skipped["link"] += contents.links
        record["skipped"] = dict(sorted(converter.tally.skipped.items()))
        record["rejects"] = [{"path": p, "cause": c} for p, c in converter.tally.rejects]
        _write(work / "package.json", orjson.dumps(record, option=orjson.OPT_INDENT_2))
        target = job.out / name
        if target.exists():
            shutil.rmtree(target)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if not job.keep_debs:
        deb.unlink(missing_ok=True)
    return record


def read_licence(package: Package, contents: Contents, apt: Apt, debs: Path) -> tuple[Licence, Record]:
    """The licence of a package and the evidence: whose copyright file, its path and SHA-256.

    The documentation folder of a package can be a link to that of another one, which then has the file.
    """
    owner, files = package.name, contents.files
    if owner in contents.doc_links:
        owner = Path(contents.doc_links[owner]).name
        found, _ = apt.resolve([owner])
        if owner not in found:
            raise FetchError(f"its copyright file is in package {owner}, which the archive doesn't have")
        with tempfile.TemporaryDirectory(dir=debs) as folder:
            deb = apt.download(found[owner], Path(folder))
            files = read_deb(deb, lambda path: path == f"{DOC}{owner}/copyright").files
    path = f"{DOC}{owner}/copyright"
    if path not in files:
        raise FetchError(f"no copyright file {path}: a package without one can't be used")
    text = files[path].decode("utf-8", "replace")
    try:
        licence = read_copyright(text, package.copyright_files)
    except LookupError as error:
        raise FetchError(f"{error} ({path}); correct its row of packages.csv") from error
    return licence, {
        "package": owner,
        "path": path,
        "sha256": hashlib.sha256(files[path]).hexdigest(),
        "form": licence.form,
        "files": package.copyright_files,
    }


def _describe(job: Job, licence: Licence, evidence: Record) -> Record:
    return {
        "format": FORMAT,
        "package": job.package.name,
        "version": job.available.version,
        "deb": {"file": job.available.filename, "bytes": job.available.size, "sha256": job.available.sha256},
        "selection": selection(job.package),
        "license": licence.expression,
        "other_licenses": list(licence.others),
        "evidence": evidence,
    }


def selection(package: Package) -> Record:
    """The row of the package list as JSON: a change of it makes a record stale."""
    row = asdict(package) | {"parts": sorted(package.parts), "languages": list(package.languages)}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in row.items() if k not in ("name", "subset")}


def _write_documents(converter: Converter, files: dict[str, bytes], folder: Path) -> Record:
    """Writes OUTPUT.jsonl.zst files and returns their part of the record."""
    lines: dict[str, list[bytes]] = defaultdict(list)
    tallies: dict[str, defaultdict[str, Counter[str]]] = {
        "languages": defaultdict(Counter),
        "formats": defaultdict(Counter),
        "licenses": defaultdict(Counter),
    }
    for output, document in converter.documents(files):
        lines[output].append(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
        size = len((document.get("text") or document.get("html") or "").encode())
        for key, value in zip(tallies, ("language", "format", "license"), strict=True):
            tallies[key][document[value]] += Counter(documents=1, bytes=size)
    outputs = {}
    for output, content in sorted(lines.items()):
        data = b"".join(content)
        path = folder / f"{output}.jsonl.zst"
        compressed = zstandard.ZstdCompressor(level=9, write_checksum=True).compress(data)
        _write(path, compressed)
        outputs[path.name] = {
            "documents": len(content),
            "bytes": len(compressed),
            "uncompressed_bytes": len(data),
            "sha256": hashlib.sha256(compressed).hexdigest(),
        }
    totals = {key: {k: dict(v) for k, v in sorted(by.items())} for key, by in tallies.items()}
    return {"outputs": outputs, **totals}


def _write(path: Path, data: bytes) -> None:
    """Writes and syncs a file; the rename that makes it visible is the caller's."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


# --- all packages ----------------------------------------------------------------------------------------


def current(package: Package, available: Available, out: Path) -> Record | None:
    """The record of a package that needs no work: same version, same row, files all there."""
    path = out / package.name / "package.json"
    if not path.exists():
        return None
    record: Record = orjson.loads(path.read_bytes())
    same = (
        record.get("format") == FORMAT
        and record["deb"]["sha256"] == available.sha256
        and record["selection"] == selection(package)
        and all(
            (path.parent / name).exists() and (path.parent / name).stat().st_size == output["bytes"]
            for name, output in record["outputs"].items()
        )
    )
    return record if same else None


def find_mandoc(apt: Apt, cache: Path) -> Path:
    """The program that lays out manual pages, unpacked from its package into the cache (not installed)."""
    found, _ = apt.resolve(["mandoc"])
    if "mandoc" not in found:
        raise FetchError("the archive has no package mandoc, which lays out the manual pages")
    folder = cache / f"mandoc-{found['mandoc'].sha256[:12]}"
    program = folder / "usr" / "bin" / "mandoc"
    if not program.exists():
        deb = apt.download(found["mandoc"], cache)
        subprocess.run(["dpkg-deb", "-x", str(deb), str(folder)], check=True)
        deb.unlink()
    return program.resolve()


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Holds the output folder: two runs at once would remove each other's unfinished work."""
    (out / ".cache" / "debs").mkdir(parents=True, exist_ok=True)
    with (out / ".cache" / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FetchError(f"another run is at work in {out}: wait for it") from error
        yield


def fetch_all(packages: list[Package], out: Path, jobs: int, keep_debs: bool) -> dict[str, str]:
    """Fetches what isn't there yet and writes packages.json; returns the failures by package."""
    cache = out / ".cache"
    shutil.rmtree(cache / "work", ignore_errors=True)  # what a killed run left
    (cache / "work").mkdir()
    apt = Apt(cache)
    failures: dict[str, str] = {}
    for attempt in range(2):
        todo = [p for p in packages if attempt == 0 or p.name in failures]
        available, unknown = apt.resolve(p.name for p in todo)
        failures = {name: f"the archive has no package {name} (is this Debian {RELEASE}?)" for name in unknown}
        ready = [p for p in todo if p.name in available and not current(p, available[p.name], out)]
        mandoc = find_mandoc(apt, cache) if any("man" in p.parts for p in ready) else None
        work = [Job(p, available[p.name], out, mandoc, keep_debs) for p in ready]
        click.echo(
            f"{len(todo)} packages: {len(work)} to fetch "
            f"({sum(j.available.size for j in work) / 1e6:.1f} MB), {len(unknown)} unknown",
            err=True,
        )
        failures |= _run(work, jobs)
        if not failures or attempt:
            break
        click.echo(f"{len(failures)} failed; trying again with fresh package lists", err=True)
        apt.refresh()
    write_index(out, failures)
    return failures


def _run(work: list[Job], jobs: int) -> dict[str, str]:
    """Runs the jobs, the largest first; returns causes of failure."""
    failures: dict[str, str] = {}
    work = sorted(work, key=lambda job: (-job.available.size, job.package.name))
    with ProcessPoolExecutor(max_workers=jobs, initializer=_die_with_parent) as pool:
        running: dict[Future[Record], str] = {pool.submit(fetch, job): job.package.name for job in work}
        for number, future in enumerate(as_completed(running), start=1):
            name = running[future]
            try:
                record = future.result()
                message = f"{record['version']}: {summary(record)}"
            except FetchError as error:
                failures[name] = str(error)
                message = f"FAILED: {error}"
            click.echo(f"[{number}/{len(work)}] {name} {message}", err=True)
    return failures


def summary(record: Record) -> str:
    """One line about a package."""
    documents = sum(v["documents"] for v in record["languages"].values())
    size = sum(v["bytes"] for v in record["languages"].values())
    rejects = f", {len(record['rejects'])} rejects" if record["rejects"] else ""
    languages = " ".join(record["languages"])
    return f"{documents} documents, {size / 1e6:.1f} MB, {languages}, {record['license']}{rejects}"


def _die_with_parent() -> None:
    """Asks Linux to kill this worker when the main process is killed; it would wait for work for ever."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def read_index(out: Path) -> dict[str, Record]:
    """The records of the fetched packages of the list, by name."""
    records = ((p.name, out / p.name / "package.json") for p in read_packages())
    return {name: orjson.loads(path.read_bytes()) for name, path in sorted(records) if path.exists()}


def write_index(out: Path, failures: dict[str, str]) -> None:
    """Writes packages.json."""
    index = {"release": RELEASE, "packages": read_index(out), "failures": dict(sorted(failures.items()))}
    temporary = out / ".packages.json"
    _write(temporary, orjson.dumps(index, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    temporary.replace(out / "packages.json")


def print_totals(records: Iterable[Record]) -> None:
    """Documents and MB by language."""
    totals: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for language, counts in record["languages"].items():
            totals[language] += Counter(counts)
    for language, counts in sorted(totals.items()):
        click.echo(f"{language:5} {counts['documents']:7} documents {counts['bytes'] / 1e6:9.1f} MB")


@click.command(help=(__doc__ or "").split("\n\n")[0])
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Output folder.")
@click.option(
    "--subset",
    type=click.Choice(["ci", "full"]),
    default="ci",
    show_default=True,
    help="ci: a few packages in every language, about 20 MB of text. full: all, about 300 MB of text.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Worker processes.")
@click.option("--package", "only", multiple=True, help="Fetch only this package of the list; repeatable.")
@click.option("--keep-debs", is_flag=True, help="Keep the downloaded packages in OUT/.cache/debs.")
@click.option(
    "--check",
    "recipe",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Fetch nothing; compare the licences this recipe declares with OUT/packages.json. Exit code 1 if one differs.",
)
def main(out: Path, subset: str, jobs: int, only: tuple[str, ...], keep_debs: bool, recipe: Path | None) -> None:
    if recipe:
        findings = check_recipe(recipe, {n: r["license"] for n, r in read_index(out).items()})
        for finding in findings:
            click.echo(finding, err=True)
        sys.exit(1 if findings else 0)
    packages = [p for p in read_packages() if subset == "full" or p.subset == "ci"]
    if only:
        packages = [p for p in read_packages() if p.name in only]
        if unknown := sorted(set(only) - {p.name for p in packages}):
            raise click.UsageError(f"not in packages.csv: {', '.join(unknown)}")
    started = time.monotonic()
    try:
        with locked(out):
            failures = fetch_all(packages, out, jobs, keep_debs)
    except FetchError as error:
        raise click.ClickException(str(error)) from error
    wanted = {p.name for p in packages}
    print_totals(record for name, record in read_index(out).items() if name in wanted)
    click.echo(f"{len(wanted) - len(failures)} packages in {time.monotonic() - started:.0f} s: {out}", err=True)
    for name, cause in sorted(failures.items()):
        click.echo(f"{name}: {cause}", err=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
