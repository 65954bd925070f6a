"""gigatoken: `encode_batch` on a list of texts, `parallel=False` with one worker.

Its speed comes from split patterns written by hand, and it refuses a `tokenizer.json` with any other. The ids come as
one array of uint32. What it has merged is cached, empty at the start. Special tokens that a text spells out become
ids of their own, which Tamis forbids; the corpora hold none.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from zlib import crc32

from protocol import Job, main


def tokenize(job: Job) -> None:
    """The ids of each document."""
    from gigatoken import Tokenizer

    os.environ["RAYON_NUM_THREADS"] = str(job.workers)
    tokenizer = Tokenizer.from_json(Path(os.environ["TOKENIZER"]).read_text(encoding="utf-8"))
    documents = list(job.documents())
    texts = [document["text"] for document in documents]
    # What it imports for its result takes longer than the texts.
    tokenizer.encode_batch([""], parallel=job.workers > 1)
    with job.timed():
        ids = tokenizer.encode_batch(texts, parallel=job.workers > 1)
    job.write(
        {"id": document["id"], "tokens": len(of_one), "crc32": crc32(of_one.to_numpy().astype("<u4"))}
        for document, of_one in zip(documents, ids, strict=True)
    )


if __name__ == "__main__":
    main(version("gigatoken"), {"tokenize": tokenize})
