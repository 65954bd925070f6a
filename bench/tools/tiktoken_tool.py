"""tiktoken: `encode_ordinary` with the split pattern and the tokens of TOKENIZER, a byte-level BPE `tokenizer.json`.

The same work as Tamis' encoding of one document; ids as Python lists. tiktoken has no reader of such files: its
ranks are the ids here, as the trainer numbers tokens in the order of their merges. One call a document with one worker
(`encode_ordinary_batch` on one thread was slower), `encode_ordinary_batch` on threads of its own with more.
"""

from __future__ import annotations

import json
import os
from array import array
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zlib import crc32

from protocol import Job, main

BATCH = 256
"""Documents encoded before their ids are dropped: all at once, as Python integers, would take more memory than
the tool."""


def byte_values() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for: itself where it can be seen, else one
    of the characters from 256 on."""
    seen = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(256 + place): byte for place, byte in enumerate(hidden)}


def encoding(file: str) -> Any:
    """The tokenizer of a byte-level BPE `tokenizer.json` with one split pattern."""
    from tiktoken import Encoding

    description = json.loads(Path(file).read_text(encoding="utf-8"))
    special = {token["content"]: token["id"] for token in description["added_tokens"]}
    value = byte_values()
    vocabulary = {t: i for t, i in description["model"]["vocab"].items() if t not in special}
    merged = [vocabulary["".join(pair)] for pair in description["model"]["merges"]]
    if merged != sorted(merged):
        raise SystemExit(f"{file}: its ids aren't in the order of its merges, as tiktoken's ranks have to be")
    return Encoding(
        "bench",
        pat_str=description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"],
        mergeable_ranks={bytes(value[char] for char in token): id_ for token, id_ in vocabulary.items()},
        special_tokens=special,
    )


def tokenize(job: Job) -> None:
    """The ids of each document."""
    tokenizer = encoding(os.environ["TOKENIZER"])
    documents = list(job.documents())
    tokenizer.encode_ordinary("")
    rows = []
    for start in range(0, len(documents), BATCH):
        batch = documents[start : start + BATCH]
        texts = [document["text"] for document in batch]
        with job.timed():
            if job.workers == 1:
                ids = [tokenizer.encode_ordinary(text) for text in texts]
            else:
                ids = tokenizer.encode_ordinary_batch(texts, num_threads=job.workers)
        rows += [(d["id"], len(i), crc32(array("I", i))) for d, i in zip(batch, ids, strict=True)]
    job.write({"id": name, "tokens": tokens, "crc32": crc} for name, tokens, crc in rows)


if __name__ == "__main__":
    main(version("tiktoken"), {"tokenize": tokenize})
