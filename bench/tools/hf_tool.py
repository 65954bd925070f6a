"""Hugging Face `tokenizers`: `encode_batch_fast`, with special tokens in a text read as plain text, as Tamis does.

Stage `tokenize` takes the tokenizer of TOKENIZER, `tokenize_lucie` that of LUCIE_TOKENIZER (SentencePiece-like BPE
with byte fallback, the whole document one piece). The ids are fetched as Python lists, the library's only way. With
one worker, TOKENIZERS_PARALLELISM is off.
"""

from __future__ import annotations

import os
from array import array
from importlib.metadata import version
from zlib import crc32

from protocol import Job, main

BATCH = 256
"""Documents in a call: all at once would hold the character offsets of every token in memory."""


def encode(job: Job, file: str) -> None:
    """The ids of each document by the tokenizer in `file`."""
    os.environ["RAYON_NUM_THREADS"] = str(job.workers)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if job.workers > 1 else "false"
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(file)
    tokenizer.encode_special_tokens = True
    documents = list(job.documents())
    rows = []
    for start in range(0, len(documents), BATCH):
        batch = documents[start : start + BATCH]
        texts = [document["text"] for document in batch]
        with job.timed():
            encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
            ids = [encoding.ids for encoding in encodings]
            del encodings
        rows += [(d["id"], len(i), crc32(array("I", i))) for d, i in zip(batch, ids, strict=True)]
    job.write({"id": name, "tokens": tokens, "crc32": crc} for name, tokens, crc in rows)


def tokenize(job: Job) -> None:
    """Byte-level BPE."""
    encode(job, os.environ["TOKENIZER"])


def tokenize_lucie(job: Job) -> None:
    """Lucie's tokenizer."""
    encode(job, os.environ["LUCIE_TOKENIZER"])


if __name__ == "__main__":
    main(version("tokenizers"), {"tokenize": tokenize, "tokenize_lucie": tokenize_lucie})
