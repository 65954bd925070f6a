"""A folder full of hostile input through `tamis run`: every readable document is kept, every reject has its place."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hostile_files import Hostile, hostile_files, row, word, write

import tamis as package

pytestmark = pytest.mark.slow

RECIPE = """
name: hostile
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: lines, path: "lines/*", columns: {text: text, id: id}}
  - {name: rows, path: "rows/*", max_document_bytes: 1000000}
  - {name: tables, path: "tables/*", columns: {text: text, id: id}}
  - {name: pages, path: "pages/*"}
  - {name: packed, path: "packed/*"}
  - {name: html, path: "html/*"}
  - {name: text, path: "text/*"}
stages:
  - language: {keep: {}}
"""
WITHOUT_RIGHTS = """
import ctypes, os, sys
# Root may open whatever its rights are; without these two capabilities it may not.
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    ctypes.CDLL(None, use_errno=True).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.argv[1], sys.argv[1:])
"""
MEASURED = """
import re, sys
from pathlib import Path
from tamis.cli.main import main
peak = Path(sys.argv.pop(1))
try:
    main()
finally:
    # Of this program alone: what getrusage tells begins with the peak of the process that started it.
    peak.write_text(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""
FILES = {file.name: file for file in hostile_files()}


@dataclass
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str
    peak: int
    """Megabytes it held at most."""


def tamis(root: Path, *arguments: str, rights: bool = True) -> Ended:
    """Runs the command line in one process."""
    peak = root / "peak"
    command = [sys.executable, "-c", MEASURED, str(peak), *arguments]
    if not rights and os.geteuid() == 0:
        command = [sys.executable, "-c", WITHOUT_RIGHTS, *command]
    paths = {"PYTHONPATH": str(Path(package.__file__).parents[1])}
    done = subprocess.run(
        command, cwd=root, env=os.environ | paths, capture_output=True, text=True, check=False, timeout=600
    )
    return Ended(done.returncode, done.stdout, done.stderr, int(peak.read_text()) // 1024)


@contextmanager
def growing(path: Path) -> Iterator[None]:
    """A file that something writes to, line after line."""
    stop = threading.Event()

    def grow() -> None:
        with path.open("ab") as log:
            for number in range(1_000_000):
                log.write(row("growing.jsonl", number) + b"\n")
                log.flush()
                if stop.wait(0.02):
                    return

    writer = threading.Thread(target=grow)
    path.write_bytes(b"")
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


@dataclass
class Story:
    """The folder, the run while a file grew in it, and the run after that."""

    root: Path
    first: Ended
    second: Ended
    sources: list[dict[str, Any]]
    """What `tamis status --json` tells of them."""
    texts: dict[str, list[str]]
    """Texts of the release by file, as their words tell."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    root = tmp_path_factory.mktemp("hostile")
    write(root, list(FILES.values()))
    (root / "recipe.yaml").write_text(RECIPE)
    with growing(root / "lines/growing.jsonl"):
        first = tamis(root, "run", "recipe.yaml", "--quiet", "--workers", "1", rights=False)
    second = tamis(root, "run", "recipe.yaml", "--quiet", "--workers", "1", rights=False)
    status = tamis(root, "status", "recipe.yaml", "--json", "--rejects", rights=False)
    shards = sorted((root / "releases/hostile-1/data").rglob("*.parquet"))
    texts: dict[str, list[str]] = {}
    for one in pl.concat([pl.read_parquet(path) for path in shards])["text"].to_list():
        for found in set(re.findall(r"kept([A-Za-z]+)\d+", one)):
            texts.setdefault(found, []).append(one)
    return Story(root, first, second, json.loads(status.out)["sources"], texts)


def test_a_file_that_changes_stops_the_run_and_nothing_else(story: Story) -> None:
    assert story.first.code == 1
    assert "growing.jsonl changed while it was read" in story.first.err
    assert "1 of" in story.first.err, "the others are done and kept"
    assert "Traceback" not in story.first.err


def test_the_next_run_ends_well_and_says_what_is_missing(story: Story) -> None:
    assert story.second.code == 0, story.second.err
    rejected = sum(source["rejected"] for source in story.sources)
    assert f"{rejected} pieces of input could not be read: tamis status recipe.yaml --rejects" in story.second.out
    manifest = json.loads((story.root / "releases/hostile-1/manifest.json").read_bytes())
    for source in manifest["sources"]:
        assert source["read"] == source["documents"] + source["filtered"] + sum(source["rejects"].values())
    assert sum(sum(source["rejects"].values()) for source in manifest["sources"]) == rejected


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_good_document_is_kept_and_every_bad_one_told(name: str, story: Story) -> None:
    file = FILES[name]
    found = story.texts.get(word(name.partition("/")[2]), [])
    assert len(found) == file.kept
    assert len(set(found)) == file.kept - (name == "lines/same.jsonl"), "one text stands there twice"
    assert rejects_of(name, file, story) == Counter(file.rejects)


def rejects_of(name: str, file: Hostile, story: Story) -> Counter[tuple[Any, str]]:
    """Place and cause of what was told of a file; the place of an archive's member is its name."""
    source, _, short = name.partition("/")
    told = next(one for one in story.sources if one["source"] == source)["rejects"]
    members = {place for place, _ in file.rejects if isinstance(place, str)}
    found: Counter[tuple[Any, str]] = Counter()
    for reject in told:
        if reject["file"] == short:
            member = next((one for one in members if one in reject["detail"]), None)
            found[(member or reject["line"], reject["cause"])] += 1
    return found


def test_what_can_not_be_opened(story: Story) -> None:
    told = next(one for one in story.sources if one["source"] == "lines")["rejects"]
    of_file = {reject["file"]: reject for reject in told}
    assert (of_file["gone.jsonl"]["cause"], of_file["gone.jsonl"]["detail"]) == (
        "unreadable",
        "No such file or directory",
    )
    assert (of_file["locked.jsonl"]["cause"], of_file["locked.jsonl"]["detail"]) == ("unreadable", "Permission denied")


def test_no_reject_holds_any_text(story: Story) -> None:
    assert not any("miller" in reject["detail"] for source in story.sources for reject in source["rejects"])


def test_bombs_take_bounded_memory(story: Story) -> None:
    """Bombs of 400 MB and more are in the folder; what is held at a time is a document at most."""
    assert story.second.peak < 1500 and story.first.peak < 1500


@pytest.mark.parametrize(("limit", "kept", "most"), [(None, 3, 1300), (10_000_000, 2, 600)])
def test_a_line_of_100_mb(limit: int | None, kept: int, most: int, tmp_path: Path) -> None:
    """It is a document unless the source says that it is none; ten times its size is held at most."""
    (tmp_path / "lines").mkdir()
    long = ("The river carried the wheel past the mill. " * 2_400_000)[:100_000_000]
    with (tmp_path / "lines/long.jsonl").open("wb") as file:
        file.write(row("long", 0) + b"\n" + json.dumps({"text": long}).encode() + b"\n" + row("long", 1) + b"\n")
    del long
    said = "" if limit is None else f", max_document_bytes: {limit}"
    sources = f'sources:\n  - {{name: lines, path: "lines/*"{said}}}\nstages:\n  - language: {{keep: {{}}}}\n'
    (tmp_path / "recipe.yaml").write_text(RECIPE[: RECIPE.index("sources:")] + sources)
    ended = tamis(tmp_path, "run", "recipe.yaml", "--quiet", "--workers", "1")
    assert ended.code == 0, ended.err
    told = json.loads(tamis(tmp_path, "status", "recipe.yaml", "--json", "--rejects").out)["sources"][0]
    assert told["documents"] == kept
    rejects = [(reject["line"], reject["cause"], reject["detail"]) for reject in told["rejects"]]
    assert rejects == ([] if limit is None else [(2, "line_too_long", "over 10 MB")])
    assert ended.peak < most


def test_every_cause_is_documented() -> None:
    table = (Path(__file__).parents[2] / "docs/bad_input.md").read_text()
    causes = {cause for file in FILES.values() for _, cause in file.rejects} | {"unreadable", "line_too_long"}
    assert {cause for cause in causes if f"`{cause}`" not in table} == set()
