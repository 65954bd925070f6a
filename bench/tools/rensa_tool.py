"""rensa: full-set R-MinHash signatures and LSH by `RMinHashDeduplicator`, as its README keeps unique documents.

The same work as Tamis' `near_duplicates`: word 5-grams, 112 slots in 14 bands of 8, and a candidate counts where 0.7
of the slots agree. Less: each document is compared with the documents kept so far, in the order of the corpus, so no
clusters form and the first of a group stays. Otherwise: words are runs of `\\w`, lower case; rensa takes tokens, so
the 5-grams are made in Python, which is most of the time. Its faster rho pipeline, the one of its headline figures,
samples tokens: it loses most edited copies of web-sized documents, so it isn't used.

The signatures may take `--workers` threads; the 5-grams take one.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import version

from protocol import Job, main

WORDS = re.compile(r"\w+")


def shingles(text: str) -> list[str]:
    """Word 5-grams, lower case; a shorter text is one of them, a text without words none."""
    words = WORDS.findall(text.lower())
    if len(words) < 5:
        return [" ".join(words)] if words else []
    return [*map(" ".join, zip(words, words[1:], words[2:], words[3:], words[4:], strict=False))]


def near_duplicates(job: Job) -> None:
    """Which documents are like one that came before."""
    os.environ["RAYON_NUM_THREADS"] = str(job.workers)
    from rensa import RMinHashDeduplicator

    documents = list(job.documents())
    with job.timed():
        seen = RMinHashDeduplicator(threshold=0.7, num_perm=112, use_lsh=True, num_bands=14)
        sets = ((number, shingles(document["text"])) for number, document in enumerate(documents))
        kept = seen.add_pairs((str(number), tokens) for number, tokens in sets if tokens)
        removed = iter(kept)
        flags = [bool(WORDS.search(document["text"])) and not next(removed) for document in documents]
    job.write({"id": d["id"], "removed": flag} for d, flag in zip(documents, flags, strict=True))


if __name__ == "__main__":
    main(version("rensa"), {"near_duplicates": near_duplicates})
