"""How a run grows with its corpus: `python bench/growth.py` writes `bench/growth.json`.

Corpora of any size are made of the documents of the 50 MB corpus: each copy of a document has every fourth word
replaced by another one of the same document, another each time, so that copies share hardly any run of five words
and yet are as good or bad as the original. Of each size it measures the run with two workers (the median of RUNS runs;
of the largest one in turn with runs with one worker), when there is nothing to do, and after a threshold was changed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from corpus import ROOT, build
from measure import Measured, measure
from run import HERE, environment, variables
from tools.protocol import Job

SIZES = (10, 30, 100, 300, 1000, 3000)
"""Megabytes of text."""
FILE_MB = 50
EVERY = 4
RUNS = 3
CHANGED = "gopher_quality.keep.words=60,100000"
"""The default asks for 50 words at least."""


def copies(documents: list[dict[str, Any]], megabytes: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Documents of so many bytes in all, and the bytes before each."""
    made = number = 0
    while True:
        for document in documents:
            if made >= megabytes * 1_000_000:
                return
            words = document["text"].split(" ")
            for start in range(number % EVERY + 1 if number else 0):
                chosen = words[start::EVERY]
                turn = (7 * number + 3 * start) % max(1, len(chosen))
                words[start::EVERY] = chosen[turn:] + chosen[:turn]
            text = " ".join(words)
            yield made, {"id": f"{document['id']}-{number}", "text": text, "language": document["language"]}
            made += len(text.encode())
        number += 1


def grown(cache: Path, megabytes: int) -> Path:
    """The folder of the corpus of that size, in files of FILE_MB."""
    folder = cache / f"grown-{megabytes}"
    if (folder / "meta.json").exists():
        return folder
    base = build(cache, 50)
    documents = list(Job("", base, base, 1).documents())
    folder.mkdir(parents=True, exist_ok=True)
    compressor = zstandard.ZstdCompressor(level=3)
    count = size = 0
    stream, number = None, -1
    # Small corpora have two files, too: one for each worker.
    file_bytes = min(FILE_MB, megabytes / 2) * 1e6
    for made, document in copies(documents, megabytes):
        if stream is None or made >= (number + 1) * file_bytes:
            if stream is not None:
                stream.close()
            number += 1
            stream = zstandard.open(folder / f"docs-{number:05d}.jsonl.zst", "wt", encoding="utf-8", cctx=compressor)
        stream.write(json.dumps(document, ensure_ascii=False) + "\n")
        count += 1
        size = made + len(document["text"].encode())
    if stream is not None:
        stream.close()
    (folder / "meta.json").write_text(json.dumps({"bytes": size, "documents": count}), encoding="utf-8")
    return folder


def run(python: Path, env: dict[str, str], corpus: Path, out: Path, workers: int, *more: str) -> Measured:
    """`tamis run` of the whole way on a corpus."""
    recipe = HERE / "recipes" / "end-to-end.yaml"
    command = [python, "-m", "tamis", "run", recipe, "--work", out / "work", "--out", out / "releases", "--json"]
    log = out / f"log-{workers}-{len(more)}"
    return measure([*command, "--workers", str(workers), *more], {**env, "CORPUS": str(corpus)}, log)


def what_if(python: Path, env: dict[str, str], corpus: Path, out: Path) -> Measured:
    """`tamis what-if` of the same change: of RUNS runs, the one with the median of CPU time."""
    recipe = HERE / "recipes" / "end-to-end.yaml"
    command = [python, "-m", "tamis", "what-if", recipe, "--work", out / "work", "--set", CHANGED, "--json"]
    runs = [measure(command, {**env, "CORPUS": str(corpus)}, out / "log-what-if") for _ in range(RUNS)]
    return sorted(runs, key=lambda took: took.cpu_s)[RUNS // 2]


def row(what: str, corpus: Path, workers: int, took: Measured, folder: Path) -> dict[str, Any]:
    """One line of `growth.json`."""
    meta = json.loads((corpus / "meta.json").read_text(encoding="utf-8"))
    disk = sum(path.stat().st_size for path in (folder / "work").rglob("*") if path.is_file())
    return {
        "what": what,
        "workers": workers,
        "mb": round(meta["bytes"] / 1e6, 1),
        "documents": meta["documents"],
        "released": took.said.get("documents", took.said.get("documents_after")),
        "cpu_s": round(took.cpu_s, 2),
        "wall_s": round(took.wall_s, 2),
        "parent_mb": round(took.parent_mb),
        "worker_mb": round(took.child_mb),
        "work_disk_mb": round(disk / 1e6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    cache = options.cache.resolve()
    python = environment(cache, "tamis")
    env = variables(cache, python)
    for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"):
        env.pop(name, None)
        if name in os.environ:
            env[name] = os.environ[name]
    rows = []
    for size in options.sizes:
        corpus = grown(cache, size)
        out = cache / "growth"
        took: dict[int, list[Measured]] = {1: [], 2: []}
        for workers in ((1, 2) if size == max(options.sizes) else (2,)) * RUNS:
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            took[workers].append(run(python, env, corpus, out, workers))
            print(f"{size} MB, {workers} workers: {took[workers][-1].wall_s:.1f} s", flush=True)
        for workers, runs in took.items():
            if runs:
                median = sorted(runs, key=lambda one: one.wall_s)[len(runs) // 2]
                rows.append(row("run", corpus, workers, median, out))
        rows.append(row("nothing to do", corpus, 2, run(python, env, corpus, out, 2), out))
        rows.append(row("what-if", corpus, 2, what_if(python, env, corpus, out), out))
        rows.append(row("threshold changed", corpus, 2, run(python, env, corpus, out, 2, "--set", CHANGED), out))
        for made in rows[-4:]:
            print(*(f"{key}={value}" for key, value in made.items()), flush=True)
        shutil.rmtree(out)
    (HERE / "growth.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
