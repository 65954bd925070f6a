"""datatrove (Hugging Face): its filters, MinHash, PII formatter and tokenizer, and all of them in executors.

Where it differs from Tamis:

- language: `LanguageFilter` asks fastText for all labels, and takes any document with a score above the threshold.
  The model is the same file, given by a path, as `LanguageFilter` itself names an https address.
- quality: words are spaCy's tokens, so punctuation marks are words to the rule on alphabetic words, which drops much
  more than Tamis does; that spares datatrove the later steps. Each document meets the tokenizer and the stop words of
  its language; the bullets are `•` and `-`. A document that fails one rule doesn't meet the next. Rules and
  thresholds are otherwise the same.
- C4: `C4QualityFilter` with its defaults, for the language of each document. Its sentences are spaCy's, by rule; they
  are all that differs, so a text that both keep is cut alike. It doesn't count what the lines fail for by document.
- FineWeb: `FineWebQualityFilter`, likewise. Newlines are held against spaCy's tokens, of which there are
  nearly as many as of Tamis'; the other rules are the same. A document that fails one rule doesn't meet the next.
- near duplicates: 5-grams of spaCy's English tokens, after lower case, without punctuation and accents and with
  numbers made equal; 14 buckets of 8. Every candidate pair is believed; Tamis compares signatures. A document with
  fewer than 5 words has no signature.
- PII: e-mail and public IPv4 addresses, which are replaced; Tamis finds more kinds. What was found comes from the
  formatter's expressions, run once more outside the time.
- tokens: the `tokenizers` library, written as `.ds` files.

Stages run their pipeline step on documents in memory, without an executor (which would copy them) and on one thread.
End to end, four executors run with one task a worker: read, language, repetition and quality, write; MinHash
signatures; buckets and clusters; removal, PII, Parquet and tokens. Exact duplicates go by its own exact
deduplication, whose signatures are made beside the first write.

Set up for its best: zstd between the passes, quality rules and repetition rules side by side so that they share the
words, workers started by fork, so that they needn't import anew, one tokenizer thread a worker.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from protocol import Job, main

LANGUAGES = {"en": "eng", "fr": "fra", "de": "deu", "es": "spa", "it": "ita", "pt": "por", "nl": "nld"}
"""What is kept, and what datatrove calls it."""
LEAST_SCORE = 0.5
BUCKETS = 14


@contextmanager
def step(job: Job, name: str) -> Iterator[None]:
    """Times a part, and notes the part's CPU seconds."""
    before = job.cpu_s
    with job.timed():
        yield
    job.notes.setdefault("parts", {})[name] = round(job.cpu_s - before, 3)


def drain(stream: Iterable[Any] | None) -> None:
    """Lets a pipeline run."""
    deque(stream or (), maxlen=0)


def documents_of(job: Job, code: bool = True) -> list[Any]:
    """The corpus in memory; without source code if `code` is false."""
    from datatrove.data import Document

    rows = [row for row in job.documents() if code or row["language"] != "code"]
    job.notes["bytes"] = sum(len(row["text"].encode()) for row in rows)
    job.notes["workers"] = 1
    return [Document(row["text"], row["id"], metadata={"language": row["language"]}) for row in rows]


def language_filter(**options: Any) -> Any:
    """Its language filter with the model from a local path, which it copies into a cache."""
    from datatrove.pipeline.filters import LanguageFilter

    class ProseLanguageFilter(LanguageFilter):
        """Lets source code pass."""

        def filter(self, doc: Any) -> Any:
            return doc.metadata["language"] == "code" or super().filter(doc)

    found = (LanguageFilter if options.get("label_only") else ProseLanguageFilter)(**options)
    found.model.MODEL_URL = os.environ["LID_MODEL"]
    return found


def by_language(filters: Mapping[str, Any]) -> Any:
    """A filter that asks the one of the document's language; what has none (source code) passes."""
    from datatrove.pipeline.filters.base_filter import BaseFilter

    class ByLanguage(BaseFilter):
        name = next(iter(filters.values())).name

        def __init__(self) -> None:
            super().__init__()
            self.filters = filters

        def filter(self, doc: Any) -> Any:
            chosen = self.filters.get(doc.metadata["language"])
            return chosen is None or chosen.filter(doc)

    return ByLanguage()


def gopher() -> list[Any]:
    """Gopher's repetition and quality rules, each with the tokenizer and the stop words of the language."""
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter

    stop_words = json.loads(Path(os.environ["STOP_WORDS"]).read_text(encoding="utf-8"))
    return [
        by_language({code: GopherRepetitionFilter(language=name) for code, name in LANGUAGES.items()}),
        by_language(
            {code: GopherQualityFilter(language=name, stop_words=stop_words[code]) for code, name in LANGUAGES.items()}
        ),
    ]


def language(job: Job) -> None:
    work = clean(job)
    documents = documents_of(job)
    found = language_filter(label_only=True)
    assert found.model.model
    with job.timed():
        drain(found.run(iter(documents)))
    job.write({"id": d.id, "label": d.metadata["language"], "score": d.metadata["language_score"]} for d in documents)
    shutil.rmtree(work)


def quality(job: Job) -> None:
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    documents = documents_of(job, code=False)
    repetition, rules = gopher()
    for name in LANGUAGES.values():
        load_word_tokenizer(name).word_tokenize("Loads the tokenizer.")
    with job.timed():
        kept = {document.id for document in rules.run(repetition.run(iter(documents)))}
    job.write({"id": document.id, "kept": document.id in kept} for document in documents)


def c4(job: Job) -> None:
    from datatrove.pipeline.filters import C4QualityFilter
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    documents = documents_of(job, code=False)
    rules = by_language({code: C4QualityFilter(language=name) for code, name in LANGUAGES.items()})
    for name in LANGUAGES.values():
        load_word_tokenizer(name).word_tokenize("Loads the tokenizer.")
    with job.timed():
        kept = {document.id for document in rules.run(iter(documents))}
    job.write({"id": d.id, "kept": d.id in kept, "crc32": zlib.crc32(d.text.encode())} for d in documents)


def fineweb(job: Job) -> None:
    from datatrove.pipeline.filters import FineWebQualityFilter
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    documents = documents_of(job, code=False)
    rules = by_language({code: FineWebQualityFilter(language=name) for code, name in LANGUAGES.items()})
    for name in LANGUAGES.values():
        load_word_tokenizer(name).word_tokenize("Loads the tokenizer.")
    with job.timed():
        kept = {document.id for document in rules.run(iter(documents))}
    job.write({"id": document.id, "kept": document.id in kept} for document in documents)


def near_duplicates(job: Job) -> None:
    work = clean(job)
    documents = documents_of(job)
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )

    signature = MinhashDedupSignature(str(work / "signatures"))
    signature.get_shingles("Loads the tokenizer, as there are five words.")
    with step(job, "signatures"):
        signature.run(iter(documents))
    buckets = MinhashDedupBuckets(str(work / "signatures"), str(work / "buckets"))
    cluster = MinhashDedupCluster(str(work / "buckets"), str(work / "removed"))
    with step(job, "clusters"):
        for rank in range(BUCKETS):
            buckets.run(None, rank, BUCKETS)
        cluster.run()
        kept = {document.id for document in MinhashDedupFilter(str(work / "removed")).run(iter(documents))}
    job.notes["signatures_cpu_s"] = job.notes["parts"]["signatures"]
    job.write({"id": document.id, "removed": document.id not in kept} for document in documents)
    shutil.rmtree(work)


def pii(job: Job) -> None:
    from datatrove.pipeline.formatters import PIIFormatter

    documents = documents_of(job)
    texts = [document.text for document in documents]
    formatter = PIIFormatter()
    with job.timed():
        drain(formatter.run(iter(documents)))
    job.notes["changed"] = sum(d.text != text for d, text in zip(documents, texts, strict=True))
    job.write(
        {"id": document.id, "findings": findings(formatter, text)}
        for document, text in zip(documents, texts, strict=True)
    )


def findings(formatter: Any, text: str) -> list[tuple[str, int, int]]:
    """What the formatter replaces: addresses of both kinds, those inside an e-mail address once."""
    emails = [match.span() for match in formatter.emails_replacer.regex.finditer(text)]
    found = [("email", *span) for span in emails]
    for match in formatter.ip_replacer.regex.finditer(text):
        start, end = match.span()
        inside = any(a < end and start < b for a, b in emails)
        if not inside and formatter.ip_replacer.validator(match[0]):
            found.append(("ip_address", start, end))
    return found


def tokenize(job: Job) -> None:
    from datatrove.pipeline.tokens import DocumentTokenizer

    os.environ["RAYON_NUM_THREADS"] = "1"
    work = clean(job)
    documents = documents_of(job)
    tokenizer = DocumentTokenizer(str(work), os.environ["TOKENIZER"], shuffle_documents=False)
    assert tokenizer.tokenizer
    with job.timed():
        drain(tokenizer.run(iter(documents)))
    rows = zip(documents, ds_documents(next(work.glob("*.ds"))), strict=True)
    job.write({"id": d.id, "tokens": len(ids), "crc32": zlib.crc32(ids.tobytes())} for d, ids in rows)
    shutil.rmtree(work)


def ds_documents(path: Path) -> Iterator[Any]:
    """The token ids of each document of a `.ds` file, as little-endian uint32."""
    import numpy as np

    size = int(path.with_name(f"{path.name}.metadata").read_text(encoding="utf-8").splitlines()[0].split("|")[1])
    ids = np.fromfile(path, f"<u{size}").astype("<u4")
    ends = np.fromfile(path.with_name(f"{path.name}.index"), "<u8").tolist()
    return (ids[start:end] for start, end in zip([0, *ends], ends, strict=False))


def clean(job: Job) -> Path:
    """An empty folder, before datatrove is imported: tasks that an executor finds done aren't run again, nor is a
    model copied that its cache has."""
    work = job.out / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    os.environ["HF_HOME"] = str(work / "cache")
    return work


def content(document: Any) -> str:
    """What exact duplicates have in common."""
    text: str = document.text
    return text


def run(job: Job, name: str, pipeline: Sequence[Any], tasks: int) -> None:
    """Runs a pipeline in an executor, with at most as many processes as there are workers."""
    from datatrove.executor import LocalPipelineExecutor

    with step(job, name):
        LocalPipelineExecutor(
            list(pipeline),
            tasks=tasks,
            workers=min(tasks, job.workers),
            logging_dir=str(job.out / "work" / "logs" / name),
            start_method="fork",
        ).run()


def end_to_end(job: Job) -> None:
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    work = clean(job)
    filtered, exact, tasks = work / "filtered", work / "exact", job.workers
    with step(job, "load"):
        import datatrove.pipeline.dedup as dedup
        from datatrove.pipeline.formatters import PIIFormatter
        from datatrove.pipeline.readers import JsonlReader
        from datatrove.pipeline.tokens import DocumentTokenizer
        from datatrove.pipeline.writers import JsonlWriter, ParquetWriter

        config = dedup.ExactDedupConfig(content)
        filters = [language_filter(languages=list(LANGUAGES), language_threshold=LEAST_SCORE), *gopher()]

    def reread() -> list[Any]:
        return [
            JsonlReader(str(filtered), compression="zstd"),
            dedup.ExactDedupFilter(str(exact / "found"), config),
        ]

    run(
        job,
        "filter",
        [
            JsonlReader(str(job.corpus), compression="zstd", glob_pattern="*.jsonl.zst"),
            *filters,
            JsonlWriter(str(filtered), compression="zstd"),
            dedup.ExactDedupSignature(str(exact / "signatures"), config),
        ],
        tasks,
    )
    run(job, "exact", [dedup.ExactFindDedups(str(exact / "signatures"), str(exact / "found"), config)], 1)
    run(job, "signatures", [*reread(), dedup.MinhashDedupSignature(str(work / "signatures"))], tasks)
    run(job, "buckets", [dedup.MinhashDedupBuckets(str(work / "signatures"), str(work / "buckets"))], BUCKETS)
    run(job, "clusters", [dedup.MinhashDedupCluster(str(work / "buckets"), str(work / "removed"))], 1)
    tokenizer = DocumentTokenizer(
        str(work / "tokens"), os.environ["TOKENIZER"], eos_token="<|endoftext|>", shuffle_documents=False
    )
    run(
        job,
        "release",
        [
            *reread(),
            dedup.MinhashDedupFilter(str(work / "removed")),
            PIIFormatter(),
            ParquetWriter(str(work / "data"), adapter=row),
            tokenizer,
        ],
        tasks,
    )
    released(job, work)
    shutil.rmtree(work)


def row(_: Any, document: Any) -> dict[str, Any]:
    """A row of the release; the same columns for prose and for source code."""
    return {"id": document.id, "text": document.text, "language": document.metadata["language"]}


def released(job: Job, work: Path) -> None:
    """Writes the ids of the documents of the release."""
    import pyarrow.parquet as pq

    ids = []
    for path in sorted((work / "data").glob("*.parquet")):
        ids += pq.read_table(path, columns=["id"])["id"].to_pylist()
    ends = [len(part) for path in (work / "tokens").glob("*.ds") for part in ds_documents(path)]
    assert len(ends) == len(ids)
    job.notes["tokens"] = sum(ends)
    job.write({"id": i} for i in ids)


if __name__ == "__main__":
    main(
        "0.10.1",
        {
            "language": language,
            "quality": quality,
            "c4": c4,
            "fineweb": fineweb,
            "near_duplicates": near_duplicates,
            "pii": pii,
            "tokenize": tokenize,
            "end_to_end": end_to_end,
        },
    )
