"""datasketch: `MinHash` of 112 permutations made in bulk, `MinHashLSH` of 14 bands of 8.

The same work as Tamis' `near_duplicates`: word 5-grams and, as its manual advises for accurate results, a candidate
counts only where `MinHash.jaccard` says 0.7 or more. Less: each document is compared with the documents kept so far,
in the order of the corpus, so no clusters form and the first of a group stays. Otherwise: words are runs of `\\w`,
lower case; the 5-grams are made in Python. xxh32 is its hash function, as it advises a faster one than the default
SHA-1. One thread, whatever `--workers` says.
"""

from __future__ import annotations

import re
from importlib.metadata import version

from protocol import Job, main

WORDS = re.compile(r"\w+")
THRESHOLD = 0.7


def shingles(text: str) -> set[bytes]:
    """Word 5-grams, lower case; a shorter text is one of them, a text without words none."""
    words = [word.encode() for word in WORDS.findall(text.lower())]
    if len(words) < 5:
        return {b" ".join(words)} if words else set()
    return {*map(b" ".join, zip(words, words[1:], words[2:], words[3:], words[4:], strict=False))}


def near_duplicates(job: Job) -> None:
    """Which documents are like one that came before."""
    from datasketch import MinHash, MinHashLSH
    from xxhash import xxh32_intdigest

    documents = list(job.documents())
    flags = []
    with job.timed():
        index, kept = MinHashLSH(num_perm=112, params=(14, 8)), {}
        sets = (shingles(document["text"]) for document in documents)
        for number, sketch in enumerate(MinHash.generator(sets, num_perm=112, hashfunc=xxh32_intdigest)):
            removed = any(sketch.jaccard(kept[other]) >= THRESHOLD for other in index.query(sketch))
            if not removed and not sketch.is_empty():
                index.insert(number, sketch, check_duplication=False)
                kept[number] = sketch
            flags.append(removed)
    job.notes["workers"] = 1
    job.write({"id": d["id"], "removed": flag} for d, flag in zip(documents, flags, strict=True))


if __name__ == "__main__":
    main(version("datasketch"), {"near_duplicates": near_duplicates})
