"""How a tool is measured: what it is given, what it has to write, and what is timed.

Each script beside this one runs one tool in an environment of its own:

    python bench/tools/NAME.py STAGE --input CORPUS --out FOLDER --workers N

CORPUS holds `*.jsonl.zst` files of `{"id", "text", "language"}` and `meta.json`. The script loads what it needs,
does the work under `timed()`, writes `FOLDER/result.jsonl` (one object a document, as RESULTS says) and prints
one line of JSON. Only the standard library and zstandard are used here, as every environment has these.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULTS = {
    "language": "id, label (the language code), score",
    "quality": "id, kept",
    "c4": "id, kept, crc32 of the text that is left (UTF-8), where the tool cuts lines",
    "fineweb": "id, kept",
    "near_duplicates": "id, removed",
    "pii": "id, findings: [[kind, start, end], ...] in characters; so, too, pii_presidio, pii_clean and pii_kinds",
    "tokenize": "id, tokens, crc32 of the ids as little-endian uint32",
    "end_to_end": "id: of the documents that are released",
}


@dataclass
class Job:
    """What a script is asked to do, and the time it took."""

    stage: str
    corpus: Path
    out: Path
    workers: int
    cpu_s: float = 0.0
    wall_s: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """The corpus, in order."""
        return sorted(self.corpus.glob("*.jsonl.zst"))

    def documents(self) -> Iterator[dict[str, Any]]:
        """Every document of the corpus."""
        import zstandard

        for path in self.files:
            with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
                for line in io.TextIOWrapper(stream, encoding="utf-8"):
                    yield json.loads(line)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Counts CPU seconds (of this process and of the children it waits for) and wall seconds."""
        wall, cpu = time.perf_counter(), _cpu()
        yield
        self.cpu_s += _cpu() - cpu
        self.wall_s += time.perf_counter() - wall

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes the result."""
        with (self.out / "result.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main(version: str, stages: Mapping[str, Callable[[Job], None]]) -> None:
    """Runs the stage that the command line asks for, and prints what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=sorted(stages))
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    job = Job(options.stage, options.input.resolve(), options.out.resolve(), options.workers)
    stages[options.stage](job)
    print(json.dumps({"version": version, "cpu_s": job.cpu_s, "wall_s": job.wall_s, **job.notes}))
