"""`docs/benchmarks.md` and its figures, from `bench/results.json`; `--check` says whether they are up to date."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import scaling

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
LOADERS = {
    "tamis": "Tamis, documents end to end:",
    "tamis_best_fit": "Tamis, documents packed whole:",
    "streaming": "MosaicML Streaming",
    "memmap": "a memory map and PyTorch",
}
GROWTH = ("growth.json", "dedup_memory.json")
NAMES = {
    "tamis": "Tamis",
    "fasttext": "fastText",
    "datatrove": "datatrove",
    "dolma": "dolma",
    "rensa": "rensa",
    "datasketch": "datasketch",
    "textdedup": "text-dedup",
    "presidio": "Presidio",
    "hf": "tokenizers",
    "tiktoken": "tiktoken",
    "gigatoken": "gigatoken",
    "splintr": "splintr",
    "kitoken": "kitoken",
}
STAGES = {
    "end_to_end": (
        "End to end",
        "From compressed JSONL to the files of a release: read, language identification, Gopher quality and "
        "repetition, duplicates, personal data, tokens, write. CPU time of whole processes, their start included.",
    ),
    "language": (
        "Language identification",
        "lid.176.ftz on the full text, one label a document. Tamis writes some labels by their BCP 47 names (`sh` is "
        "`sr-Latn`), which here count as others than the library's.",
    ),
    "quality": (
        "Gopher quality and repetition",
        "All measurements of both, and the rules of the paper; no source code.",
    ),
    "c4": (
        "C4's rules",
        "Lines cut, sentences of the rest counted, and the rules of the paper; no source code. Texts left are compared "
        "where both tools keep the document.",
    ),
    "fineweb": ("FineWeb's rules", "All measurements, and the rules of the paper; no source code."),
    "near_duplicates": (
        "Near duplicates",
        "MinHash of word 5-grams, 14 bands of 8 slots. Recall: pairs of exact Jaccard similarity 0.8 or more of which "
        "a document is removed, over all pairs, the injected and those that the text has by nature. Precision: "
        "removed documents that have a neighbour of similarity 0.6 or more. Lost: documents removed with all such "
        "neighbours, so that nothing much like them is left: at the far end of a chain of duplicates, or by a fault.",
    ),
    "pii": ("Personal data", "E-mail addresses and IP addresses; Tamis also phone, IBAN, payment card and identity numbers, secrets."),
    "pii_presidio": (
        "Personal data by Presidio's recognizers",
        "The same recognizers: on the whole text, and at the places that Tamis' compiled scan finds.",
    ),
    "pii_clean": (
        "Personal data by Presidio's recognizers, clean text",
        "The same on the documents in which nothing is found: the documentation of free software is full of its "
        "authors' addresses.",
    ),
    "tokenize": ("Tokenization, byte-level BPE", "One vocabulary of 32,768 ids in the format of `tokenizers`."),
    "tokenize_lucie": ("Tokenization, Lucie's tokenizer", "BPE without a pre-tokenizer."),
}
QUALITY = {
    "labels_as_library": "labels as the library",
    "labels_as_declared": "labels as declared",
    "kept": "kept",
    "agrees_with_datatrove": "keeps or drops as datatrove",
    "texts_equal": "texts left equal",
    "removed": "removed",
    "recall": "recall",
    "recall_injected": "injected",
    "recall_natural": "natural",
    "precision": "precision",
    "lost": "lost",
    "covers_reference": "covers the reference",
    "ids_equal": "ids equal",
}
SHARES = {*QUALITY} - {"removed", "lost"}


def speed(value: float) -> str:
    """Three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def tables(results: list[dict[str, Any]]) -> Iterator[str]:
    """The report's sections on stages."""
    for stage, (title, about) in STAGES.items():
        rows = [row for row in results if row["stage"] == stage]
        if not rows:
            continue
        yield f"## {title}\n\n{about}\n\n![{title}](figures/bench-{stage}.svg)\n"
        for key in sorted({(row["corpus"], row["workers"]) for row in rows}, key=lambda k: (k[1], -_size(k[0]))):
            yield _table([row for row in rows if (row["corpus"], row["workers"]) == key], *key)


def _size(corpus: str) -> int:
    return int(corpus.rpartition("-")[2])


def _table(rows: list[dict[str, Any]], corpus: str, workers: int) -> str:
    ours = next((row["mb_per_cpu_s"] for row in rows if row["tool"] == "tamis"), None)
    quality = [name for name in QUALITY if any(name in row["quality"] for row in rows)]
    head = ["", "MB per CPU s", "min to max", "runs", "Tamis is faster by", "MB per s", "peak MB"]
    head += [QUALITY[name] for name in quality]
    lines = [head, ["---"] + ["--:"] * (len(head) - 1)]
    for row in sorted(rows, key=lambda row: -row["mb_per_cpu_s"]):
        low, high = row["mb_per_cpu_s_range"]
        ratio = "" if row["tool"] == "tamis" or ours is None else f"{speed(ours / row['mb_per_cpu_s'])}x"
        cells = [f"{NAMES[row['tool']]} {row['version']}", speed(row["mb_per_cpu_s"])]
        cells += [f"{speed(low)} to {speed(high)}", str(row["runs"]), ratio, speed(row["mb_per_wall_s"])]
        cells.append(f"{row['peak_mb']:,}")
        cells += [_quality(name, row["quality"].get(name)) for name in quality]
        lines.append(cells)
    workers_text = "one worker" if workers == 1 else f"{workers} workers"
    megabytes = sorted({row["mb"] for row in rows})
    of = f"{megabytes[-1]:.1f} MB" if len(megabytes) == 1 else f"{megabytes[0]:.1f} to {megabytes[-1]:.1f} MB"
    return f"`{corpus}`, {of} of text, {workers_text}:\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def loaders(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The table of what feeds a trainer."""
    head = ["", "million tokens per CPU s", "million tokens per s"]
    for line in (head, ["---", "--:", "--:"]):
        yield f"| {' | '.join(line)} |"
    for row in sorted(rows, key=lambda row: -row["million_tokens_per_cpu_s"]):
        speeds = (row["million_tokens_per_cpu_s"], row["million_tokens_per_wall_s"])
        yield f"| {LOADERS[row['tool']]} {row['version']} | {' | '.join(map(speed, speeds))} |"


def _quality(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{100 * value:.4g} %" if name in SHARES else f"{value:,.0f}"


def differences(tools: set[str]) -> Iterator[str]:
    """What each peer does otherwise, as its script says."""
    for tool, name in NAMES.items():
        script = HERE / "tools" / f"{tool}_tool.py"
        if tool in tools and tool != "tamis":
            text = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
            yield f"**{name}.** {' '.join(text.split())}\n"


def figure(rows: list[dict[str, Any]]) -> str:
    """Speeds of one stage as bars on a logarithmic axis; the largest corpus that a tool has, one worker."""
    from matplotlib.figure import Figure

    from drawing import svg

    best: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (_size(row["corpus"]), -row["workers"])):
        best[row["tool"]] = row
    bars = sorted(best.values(), key=lambda row: row["mb_per_cpu_s"])
    drawing = Figure(figsize=(7, 0.6 + 0.36 * len(bars)), layout="constrained")
    axes = drawing.add_subplot()
    values = [row["mb_per_cpu_s"] for row in bars]
    colours = ["#c2571a" if row["tool"] == "tamis" else "#8c98a4" for row in bars]
    axes.barh([NAMES[row["tool"]] for row in bars], values, color=colours)
    for place, value in enumerate(values):
        axes.annotate(speed(value), (value, place), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 2, max(values) * 2.2)
    axes.set_xlabel("MB of text per CPU second")
    axes.spines[["top", "right"]].set_visible(False)
    return svg(drawing)


def pages() -> dict[Path, str]:
    """Every page that the reports have, with its text."""
    results = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
    page = (HERE / "report.md").read_text(encoding="utf-8")
    page = page.replace("<!-- tables -->", "\n".join(tables(results)))
    page = page.replace("<!-- differences -->", "\n".join(differences({row["tool"] for row in results})))
    read = json.loads((HERE / "loader.json").read_text(encoding="utf-8"))
    page = page.replace("<!-- loader -->", "\n".join(loaders(read)))
    growth, dedup = (json.loads((HERE / name).read_text(encoding="utf-8")) for name in GROWTH)
    template = (HERE / "scaling.md").read_text(encoding="utf-8")
    return {DOCS / "benchmarks.md": page, DOCS / "scaling.md": scaling.page(template, growth, dedup)}


def figures() -> dict[Path, str]:
    """Every figure, as SVG."""
    results = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
    by_stage = {stage: [row for row in results if row["stage"] == stage] for stage in STAGES}
    drawn = {DOCS / "figures" / f"bench-{stage}.svg": figure(rows) for stage, rows in by_stage.items() if rows}
    growth = json.loads((HERE / GROWTH[0]).read_text(encoding="utf-8"))
    return {**drawn, DOCS / "figures" / "bench-growth.svg": scaling.figure(growth)}


def main() -> None:
    # Another version of the drawing library draws other bytes, so figures aren't checked.
    check = "--check" in sys.argv
    files = pages() if check else {**pages(), **figures()}
    stale = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if check and stale:
        sys.exit("out of date: " + ", ".join(str(path.relative_to(HERE.parent)) for path in stale))
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(files[path], encoding="utf-8")


if __name__ == "__main__":
    main()
