"""Real documents of Debian's packages, fetched as recipes/debian_docs does."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard

FETCH = Path(__file__).parents[1] / "recipes" / "debian_docs" / "fetch.py"


def fetch(folder: Path, packages: Sequence[str]) -> None:
    """Fetches packages of packages.csv into the folder; skips the test where they can't be had."""
    if shutil.which("apt-get") is None:
        pytest.skip("apt-get is not installed")
    wanted = [argument for name in packages for argument in ("--package", name)]
    done = subprocess.run(
        [sys.executable, FETCH, "--out", folder, *wanted], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"the packages can't be had here: {done.stderr[-200:]}")


def rows(folder: Path, package: str, kind: str) -> Iterator[dict[str, Any]]:
    """The documents of a fetched package; `kind` is `html`, `text` or `code`."""
    with (folder / package / f"{kind}.jsonl.zst").open("rb") as packed:
        yield from map(json.loads, io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed), "utf-8"))
