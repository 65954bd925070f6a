"""The benchmark's corpora: real text of web size, with near duplicates whose likeness is known.

Text comes from `recipes/debian-docs.yaml`: Tamis ingests it and releases all of it but exact duplicates. Long pages are
cut where paragraphs end, at lengths drawn from a log-normal distribution (median 3 kB, at most 20 kB, like web
pages); languages are drawn in the shares of SHARES. A fifth of the documents get an edited copy: a share of their
words replaced, left out or doubled, or their end cut off. `pairs.jsonl` has each copy with its original, the edit,
and the exact Jaccard similarity of their sets of word 5-grams.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import xxhash
import zstandard

ROOT = Path(__file__).resolve().parents[1]
SHARES = {"en": 0.36, "fr": 0.13, "de": 0.13, "es": 0.10, "it": 0.10, "pt": 0.05, "nl": 0.01, "code": 0.12}
"""Of the bytes before copies are added."""
MEDIAN, SIGMA, LEAST, MOST = 3000, 0.9, 200, 20_000
COPIES = 0.2
EDITS = (0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1)
"""Shares of the words that an edited copy changes."""
NGRAM = 5


@dataclass
class Document:
    """One document of a corpus in the making."""

    id: str
    text: str
    language: str


def source_text(cache: Path) -> Path:
    """The folder with the text of the whole of debian-docs, as Parquet; made once."""
    done = cache / "source" / "debian-docs-1.0.0"
    if done.exists():
        return done
    raw = Path(os.environ.get("DEBIAN_DOCS", cache / "debian-docs"))
    if not raw.exists():
        fetch = ROOT / "recipes" / "debian_docs" / "fetch.py"
        subprocess.run([sys.executable, fetch, "--subset", "full", "--out", raw], check=True)
    recipe = (ROOT / "recipes" / "debian-docs.yaml").read_text(encoding="utf-8")
    head, stages, _ = re.split(r"^(stages:)", recipe, maxsplit=1, flags=re.MULTILINE)
    assert stages
    bare = cache / "debian-docs-text.yaml"
    bare.write_text(head + "stages: [{exact_duplicates: {}}]\nrelease: {tokens: false}\n", encoding="utf-8")
    command = [sys.executable, "-m", "tamis", "run", bare, "--work", cache / "work", "--out", cache / "source"]
    subprocess.run(command, check=True, env={**os.environ, "DEBIAN_DOCS": str(raw)})
    return done


def pieces(text: str, rng: random.Random) -> Iterator[str]:
    """Cuts a page after paragraphs, else after lines, into pieces of web size."""
    at = 0
    while at < len(text):
        want = min(MOST, max(LEAST, int(rng.lognormvariate(0, SIGMA) * MEDIAN)))
        end = at + want
        if len(text) - end < want // 2 and len(text) - at <= MOST:
            end = len(text)
        else:
            for stop in ("\n\n", "\n", " "):
                found = text.rfind(stop, at + want // 2, end)
                if found > 0:
                    end = found
                    break
        piece = text[at:end].strip()
        if len(piece) >= LEAST:
            yield piece
        at = end


def web_documents(source: Path, size: int, seed: int) -> list[Document]:
    """About `size` bytes of documents without copies, in an order drawn at random."""
    left = {language: share * size for language, share in SHARES.items()}
    pool: dict[str, list[Document]] = {language: [] for language in SHARES}
    for path in sorted((source / "data").glob("*/*.parquet")):
        for row in pq.read_table(path, columns=["id", "text", "language", "source"]).to_pylist():
            language = path.parent.name if path.parent.name == "code" else _language(row["source"])
            if language in pool:
                pool[language].append(Document(row["id"], row["text"], language))
    documents = []
    for language, rows in pool.items():
        # By a hash of the id: a larger corpus holds the smaller one's pages.
        for page in sorted(rows, key=lambda row: xxhash.xxh3_64_intdigest(row.id.encode(), seed)):
            if left[language] <= 0:
                break
            rng = random.Random(f"{seed} {page.id}")
            for number, piece in enumerate(pieces(page.text, rng)):
                documents.append(Document(f"{page.id}-{number}", piece, language))
                left[language] -= len(piece.encode())
    random.Random(seed).shuffle(documents)
    return documents


def _language(source: str) -> str:
    """The language that a source's name tells; English where it names none."""
    found = re.search(r"-(fr|de|es|it|nl|pt)(-br)?$|-(br)$", source)
    if found is None:
        return "en"
    return found[1] or "pt"


def edited(text: str, share: float, rng: random.Random) -> str:
    """`text` with this share of its words replaced by others of its words, left out or doubled."""
    parts = re.split(r"(\s+)", text)
    words = parts[::2]
    for index in range(0, len(parts), 2):
        if rng.random() >= share:
            continue
        what = rng.randrange(3)
        parts[index] = (rng.choice(words), "", f"{parts[index]} {parts[index]}")[what]
    return "".join(parts).strip()


def shingles(text: str) -> set[tuple[str, ...]]:
    """The text's set of word 5-grams: words are runs of \\w, lower case; a shorter text is one shingle."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + NGRAM]) for i in range(max(1, len(words) - NGRAM + 1))}


def jaccard(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> float:
    """Share of the shingles of both that are in each."""
    return len(a & b) / len(a | b)


def with_copies(documents: list[Document], seed: int) -> tuple[list[Document], list[dict[str, object]]]:
    """The documents with edited copies among them, and what is known of each copy."""
    rng = random.Random(seed + 1)
    out, pairs = list(documents), []
    for document in documents:
        if rng.random() >= COPIES:
            continue
        share = rng.choice(EDITS)
        text = edited(document.text, share, rng)
        if rng.random() < 0.2:
            text = text[: int(len(text) * rng.uniform(0.7, 1.0))]
        copy = Document(f"{document.id}-copy", text, document.language)
        if not text:
            continue
        out.append(copy)
        like = jaccard(shingles(document.text), shingles(text))
        pairs.append({"id": document.id, "copy": copy.id, "edits": share, "jaccard": round(like, 6)})
    rng.shuffle(out)
    return out, pairs


def write(documents: list[Document], folder: Path, files: int = 2) -> int:
    """Writes the corpus as JSONL, zstd-compressed, in files of equal size; returns its bytes of text."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [0] * files
    for number in range(files):
        path = folder / f"docs-{number:05d}.jsonl.zst"
        with zstandard.open(path, "wt", encoding="utf-8", cctx=zstandard.ZstdCompressor(level=3)) as stream:
            for document in documents[number::files]:
                stream.write(json.dumps(document.__dict__, ensure_ascii=False) + "\n")
                sizes[number] += len(document.text.encode())
    meta = {"bytes": sum(sizes), "documents": len(documents)}
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return sum(sizes)


def build(cache: Path, megabytes: int, seed: int = 1) -> Path:
    """The folder of a corpus of about that size, copies included; made once."""
    folder = cache / f"web-{megabytes}"
    if (folder / "meta.json").exists():
        return folder
    size = int(megabytes * 1e6 / (1 + 0.9 * COPIES))
    documents, pairs = with_copies(web_documents(source_text(cache), size, seed), seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    write(documents, folder)
    return folder
