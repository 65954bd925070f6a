"""Debian packages: what the archive offers, downloading one, reading its files without unpacking it to disk.

Everything goes through the host's own `apt-get` and its configured archive. Nothing is installed and no
state of the host changes: when its package lists are missing or stale, fresh ones go to a private folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

DOC = "usr/share/doc/"


class FetchError(Exception):
    """A package can't be had or read; the message says what to do."""


@dataclass(frozen=True)
class Available:
    """One package as the archive offers it."""

    name: str
    version: str
    filename: str
    size: int
    """Bytes of the .deb."""
    sha256: str


@dataclass(frozen=True)
class Contents:
    """The wanted regular files of a package, and its links under usr/share/doc."""

    files: dict[str, bytes] = field(default_factory=dict)
    doc_links: dict[str, str] = field(default_factory=dict)
    links: int = 0
    """Wanted names that are symbolic or hard links: second names of a page, not second pages."""


class Apt:
    """The host's apt, read-only; `private_lists` is set once fresh lists were fetched."""

    def __init__(self, cache: Path) -> None:
        for program in ("apt-get", "dpkg-deb"):
            if shutil.which(program) is None:
                raise FetchError(f"{program} not found: run this on Debian 12 or in a container of it")
        self.private_lists = cache / "apt-lists"

    def _command(self, *arguments: str) -> list[str]:
        options = {
            # Without this an installed newer version, gone from the archive, would be preferred.
            "Dir::State::status": "/dev/null",
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
        }
        if os.geteuid() == 0:
            options["APT::Sandbox::User"] = "root"
        if self.private_lists.is_dir():
            options["Dir::State::lists"] = str(self.private_lists)
        return ["apt-get", *(f"-o{k}={v}" for k, v in options.items()), *arguments]

    def _run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        # C locale: the messages below are matched.
        env = {**os.environ, "LC_ALL": "C"}
        return subprocess.run(self._command(*arguments), cwd=cwd, env=env, capture_output=True, text=True, check=False)

    def refresh(self) -> None:
        """Fetches package lists into the private folder. Raises `FetchError` when none arrive."""
        (self.private_lists / "partial").mkdir(parents=True, exist_ok=True)
        done = self._run("-qq", "-oAcquire::Languages=none", "update")
        if not any(self.private_lists.glob("*_Packages*")):
            shutil.rmtree(self.private_lists)
            raise FetchError(
                f"apt-get update fetched no package lists: {_reason(done.stderr)}. "
                "Check the network and /etc/apt/sources.list.d, then run again"
            )

    def resolve(self, names: Iterable[str]) -> tuple[dict[str, Available], set[str]]:
        """What the archive offers for `names`, and the names it doesn't know."""
        wanted, unknown = sorted(set(names)), set[str]()
        while wanted:
            done = self._run("download", "--print-uris", *wanted, cwd=Path("/"))
            if done.returncode == 0:
                return _parse_uris(done.stdout), unknown
            missing = {
                name
                for pattern in (
                    r"Unable to locate package (\S+)",
                    r"Package '(\S+)' has no installation candidate",
                    r"Can't find a source to download version '[^']*' of '([^':]+)",
                    r"Can't select candidate version from package (\S+)",
                )
                for name in re.findall(pattern, done.stderr)
            } & set(wanted)
            if not missing:
                raise FetchError(f"apt-get download --print-uris failed: {_reason(done.stderr)}")
            unknown |= missing
            wanted = [n for n in wanted if n not in missing]
        return {}, unknown

    def download(self, package: Available, folder: Path) -> Path:
        """The .deb in `folder`, checked by apt; kept if it's already there."""
        path = folder / package.filename
        if path.exists() and path.stat().st_size == package.size:
            return path
        folder.mkdir(parents=True, exist_ok=True)
        done = self._run("download", f"{package.name}={package.version}", cwd=folder)
        if done.returncode != 0 or not path.exists():
            raise FetchError(f"apt-get download {package.name} failed: {_reason(done.stderr)}")
        return path


def _reason(stderr: str) -> str:
    errors = [line[3:] for kind in ("E: ", "W: ") for line in stderr.splitlines() if line.startswith(kind)]
    return errors[0] if errors else "no reason given"


def _parse_uris(output: str) -> dict[str, Available]:
    """`apt-get download --print-uris`: one `'URI' FILE SIZE SHA256:HEX` a line."""
    found = {}
    for line in output.splitlines():
        if not (m := re.fullmatch(r"'[^']+' (\S+) (\d+) SHA256:([0-9a-f]{64})", line.strip())):
            continue
        name, version, _ = m[1].removesuffix(".deb").split("_")
        found[name] = Available(name, version.replace("%3a", ":"), m[1], int(m[2]), m[3])
    return found


def read_deb(deb: Path, wanted: Callable[[str], bool]) -> Contents:
    """Reads the files of `deb` whose path (without a leading slash) is wanted.

    Raises `FetchError` when the archive is damaged.
    """
    contents = Contents()
    links = 0
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(deb)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                for member in tar:
                    path = member.name.removeprefix("./")
                    if member.issym() and path.startswith(DOC) and path.count("/") == DOC.count("/"):
                        contents.doc_links[path.removeprefix(DOC)] = member.linkname
                    elif wanted(path) and (member.issym() or member.islnk()):
                        links += 1
                    elif wanted(path) and member.isfile() and (stream := tar.extractfile(member)):
                        contents.files[path] = stream.read()
        except tarfile.TarError as error:
            raise FetchError(f"{deb.name} is damaged ({error}): delete it and run again") from error
        assert process.stdout and process.stderr
        process.stdout.read()  # tar ends before the padding does
        message = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise FetchError(f"{deb.name} can't be read ({message}): delete it and run again")
    return Contents(contents.files, contents.doc_links, links)
