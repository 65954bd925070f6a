"""kitoken: `from_tokenizers_file` and `encode_all`, with special tokens in a text read as plain text, as Tamis does.

The same work as Tamis' encoding; the tokenizer is TOKENIZER's file as it is. Ids come as Python lists. One thread,
whatever `--workers` says.
"""

from __future__ import annotations

import os
from array import array
from importlib.metadata import version
from zlib import crc32

from protocol import Job, main

BATCH = 256
"""Documents in a call: the ids of all at once, as Python integers, would take more memory than the tool."""


def tokenize(job: Job) -> None:
    """The ids of each document."""
    from kitoken import Kitoken

    tokenizer = Kitoken.from_tokenizers_file(os.environ["TOKENIZER"])
    documents = list(job.documents())
    rows = []
    for start in range(0, len(documents), BATCH):
        batch = documents[start : start + BATCH]
        texts = [document["text"] for document in batch]
        with job.timed():
            ids = tokenizer.encode_all(texts)
        rows += [(d["id"], len(i), crc32(array("I", i))) for d, i in zip(batch, ids, strict=True)]
    job.notes["workers"] = 1
    job.write({"id": name, "tokens": tokens, "crc32": crc} for name, tokens, crc in rows)


if __name__ == "__main__":
    main(version("kitoken"), {"tokenize": tokenize})
