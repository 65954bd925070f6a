"""splintr: `from_json` and `encode_batch_flat`, its form of the ids without Python objects.

The same work as Tamis' encoding; the tokenizer is TOKENIZER's file as it is. It keeps what it has merged in a cache,
empty at the start. Special tokens that a text spells out become ids of their own, which Tamis forbids; the corpora
hold none. `--workers` is its number of threads.
"""

from __future__ import annotations

import os
from array import array
from importlib.metadata import version
from itertools import pairwise
from zlib import crc32

from protocol import Job, main

ID_BYTES = 4


def tokenize(job: Job) -> None:
    """The ids of each document."""
    os.environ["RAYON_NUM_THREADS"] = str(job.workers)
    from splintr import from_json

    tokenizer = from_json(os.environ["TOKENIZER"])
    documents = list(job.documents())
    texts = [document["text"] for document in documents]
    with job.timed():
        ids, ends = tokenizer.encode_batch_flat(texts)
    places = pairwise(array("Q", ends))
    view = memoryview(ids)
    job.write(
        {"id": document["id"], "tokens": b - a, "crc32": crc32(view[a * ID_BYTES : b * ID_BYTES])}
        for document, (a, b) in zip(documents, places, strict=True)
    )


if __name__ == "__main__":
    main(version("splintr-rs"), {"tokenize": tokenize})
