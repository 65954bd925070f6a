"""dolma (Allen AI): language and Gopher tags, and its own way from documents to tokens.

Where it differs from Tamis:

- language: `ft_lang_id_1e2` lower-cases the text and asks fastText for all labels; scores are rounded to 0.01. The
  model is the same file, given by a subclass, as the tagger itself names an https address.
- quality: `gopher_v2` splits at white space, has the median word length for the mean, calls a line duplicate at each
  of its occurrences, the first too, and knows only the paper's eight English stop words, so that rule is applied to
  English alone (and counts their occurrences). It has no paragraph rules. It measures everything of every document;
  the thresholds are applied afterwards, outside the time, as they cost nothing.
- C4: `c4_v2` marks lines without end mark and short ones but cuts nothing, knows no notices on privacy or cookies, and
  counts no sentences; it also looks for bad words. Kept here is a document without `{` and `lorem ipsum` in which five
  lines are left.
- end to end: no MinHash. A Bloom filter marks lines that occurred before, and a document goes when 70 % of its
  characters are in such lines: exact copies go, and edited ones whose lines are mostly whole. PII is e-mail,
  US phone numbers and IP addresses by regular expressions, replaced when mixing. Documents are written as JSONL.zst,
  not Parquet, and tokens as memory-mapped arrays. Every tagger sees every document, dropped later or not; the rules
  leave code alone.

Set up for its best: zstd instead of gzip throughout (so the corpus is read as it is, through links), all attributes
in one file, one jq expression as the filter, a Bloom filter sized for the corpus, and with one worker no process but
this one. Its `tokenizers` is too old for merges that are pairs, so it gets a copy of the tokenizer with merges as
strings.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dolma import add_tagger, deduper, mixer
from dolma.core.data_types import InputSpec
from dolma.core.registry import TaggerRegistry
from dolma.core.runtime import create_and_run_tagger
from dolma.taggers.language import FastTextAllLanguagesDocumentMinScoreTagger
from dolma.tokenizer import tokenize_in_parallel
from protocol import Job, main

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "nl")
LEAST_SCORE = 0.5
DUPLICATE_SHARE = 0.7
"""A document goes when more of its characters than this are in lines that occurred before."""
BYTES_PER_LINE = 40
"""A low guess, for the size of the Bloom filter."""
AT_LEAST = {
    "word_count": 50,
    "median_word_length": 3,
    "fraction_of_words_with_alpha_character": 0.8,
}
AT_MOST = {
    "word_count": 100_000,
    "median_word_length": 10,
    "symbol_to_word_ratio": 0.1,
    "fraction_of_lines_starting_with_bullet_point": 0.9,
    "fraction_of_lines_ending_with_ellipsis": 0.3,
    "fraction_of_duplicate_lines": 0.3,
    "fraction_of_characters_in_duplicate_lines": 0.2,
    **{f"fraction_of_characters_in_most_common_{n}grams": most for n, most in ((2, 0.2), (3, 0.18), (4, 0.16))},
    **{f"fraction_of_characters_in_duplicate_{n}grams": 0.2 - n / 100 for n in range(5, 11)},
}
"""The thresholds of Rae et al. 2021, as in AI2's own configuration for Common Crawl."""
STOP_WORDS = 2
LINES_LEFT = 5
PII = {"EMAIL_ADDRESS": "<EMAIL>", "PHONE_NUMBER": "<PHONE_NUMBER>", "IP_ADDRESS": "<IP_ADDRESS>"}


@add_tagger("language")
class Language(FastTextAllLanguagesDocumentMinScoreTagger):
    """`ft_lang_id_1e2` with the model in a local file."""

    MODEL_PATH = os.environ.get("LID_MODEL", "")


@contextlib.contextmanager
def step(job: Job, name: str) -> Iterator[None]:
    """Times a part, and notes the part's CPU seconds; what dolma prints goes where its log goes."""
    before = job.cpu_s
    with job.timed(), contextlib.redirect_stdout(sys.stderr):
        yield
    job.notes.setdefault("parts", {})[name] = round(job.cpu_s - before, 3)


def tagged(
    job: Job, name: str, code: bool = True
) -> list[tuple[dict[str, Any], dict[str, list[tuple[int, int, float]]]]]:
    """Every document with what the tagger says of it; without source code if `code` is false."""
    documents = [row for row in job.documents() if code or row["language"] != "code"]
    job.notes["bytes"] = sum(len(row["text"].encode()) for row in documents)
    job.notes["workers"] = 1
    specs = [InputSpec(id=document["id"], text=document["text"]) for document in documents]
    tagger = TaggerRegistry.get(name)()
    with job.timed():
        tags = [tagger.tag(spec) for spec in specs]
    return list(zip(documents, tags, strict=True))


def language(job: Job) -> None:
    rows = []
    for document, tags in tagged(job, "language"):
        label, score = max(((label, spans[0][2]) for label, spans in tags.items()), key=lambda pair: pair[1])
        rows.append({"id": document["id"], "label": label, "score": score})
    job.write(rows)


def quality(job: Job) -> None:
    job.write(
        {"id": document["id"], "kept": keeps(tags, document["language"])}
        for document, tags in tagged(job, "gopher_v2", code=False)
    )


def c4(job: Job) -> None:
    rows = []
    for document, tags in tagged(job, "c4_v2", code=False):
        failed = {span[:2] for name, spans in tags.items() if name.startswith("lines_with") for span in spans}
        left = tags["line_count"][0][2] - len(failed)
        whole = "has_curly_brace" not in tags and "has_lorem_ipsum" not in tags
        rows.append({"id": document["id"], "kept": whole and left >= LINES_LEFT})
    job.write(rows)


def keeps(tags: Mapping[str, list[tuple[int, int, float]]], declared: str) -> bool:
    """Whether the Gopher tags of a document are within the thresholds."""
    scores = {name: spans[0][2] for name, spans in tags.items()}
    return (
        all(scores[name] >= least for name, least in AT_LEAST.items())
        and all(scores.get(name, 0) <= most for name, most in AT_MOST.items())
        and (declared != "en" or scores["required_word_count"] >= STOP_WORDS)
    )


def mix_rule() -> str:
    """The filter of the mixer, in jq: what is kept."""

    def score(name: str) -> str:
        return f"(.attributes.tags__{name} // [[0, 0, 0]])[0][2]"

    known = " or ".join(f"{score(f'language__{code}')} >= {LEAST_SCORE}" for code in LANGUAGES)
    rules = [f"{score(f'gopher_v2__{name}')} >= {least}" for name, least in AT_LEAST.items()]
    rules += [f"{score(f'gopher_v2__{name}')} <= {most}" for name, most in AT_MOST.items()]
    stop_words = f"{score('language__en')} < {LEAST_SCORE} or {score('gopher_v2__required_word_count')} >= {STOP_WORDS}"
    prose = f"({known}) and ({stop_words}) and {' and '.join(rules)}"
    duplicates = "([.attributes.duplicates[] | .[1] - .[0]] | add // 0)"
    fresh = f"{duplicates} <= {DUPLICATE_SHARE} * {score('gopher_v2__character_count')}"
    return f'({fresh}) and (.language == "code" or ({prose}))'


def old_tokenizer(source: Path, target: Path) -> int:
    """Writes the tokenizer with merges as strings; returns the id that ends a document."""
    tokenizer = json.loads(source.read_text(encoding="utf-8"))
    merges = tokenizer["model"]["merges"]
    tokenizer["model"]["merges"] = [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
    target.write_text(json.dumps(tokenizer), encoding="utf-8")
    end: int = next(token["id"] for token in tokenizer["added_tokens"] if token["content"] == "<|endoftext|>")
    return end


def end_to_end(job: Job) -> None:
    work = job.out / "work"
    shutil.rmtree(work, ignore_errors=True)
    documents = work / "documents"
    documents.mkdir(parents=True)
    for path in job.files:
        (documents / path.name).symlink_to(path)
    with step(job, "tag"):
        create_and_run_tagger(
            documents=[f"{documents}/*.zst"],
            taggers=["language", "gopher_v2", "pii_regex_with_counts_fast_v2"],
            experiment="tags",
            metadata=str(work / "tagged"),
            num_processes=job.workers,
            debug=job.workers == 1,
        )
    with step(job, "duplicates"):
        mark_duplicates(job, work)
    with step(job, "mix"):
        mix(job, work)
    with step(job, "tokens"):
        tokenizer = work / "tokenizer.json"
        end = old_tokenizer(Path(os.environ["TOKENIZER"]), tokenizer)
        tokenize_in_parallel(
            sources=[f"{work}/mixed/documents/*.zst"],
            destination=str(work / "tokens"),
            num_writers=job.workers,
            tokenizer_name_or_path=str(tokenizer),
            eos_token_id=end,
            pad_token_id=end,
            metadata_dir=str(work / "tokenized"),
            debug=job.workers == 1,
        )
    released(job, work / "tokens")
    shutil.rmtree(work)


def released(job: Job, tokens: Path) -> None:
    """Writes the ids of the documents that have tokens."""
    ids, job.notes["tokens"] = [], 0
    for path in sorted(tokens.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for start, end, id, *_ in csv.reader(file):
                ids.append(id)
                job.notes["tokens"] += int(end) - int(start)
    job.write({"id": id} for id in ids)


def mark_duplicates(job: Job, work: Path) -> None:
    """Marks the lines that occurred before, in this or another document."""
    size = json.loads((job.corpus / "meta.json").read_text(encoding="utf-8"))["bytes"]
    deduper(
        {
            "documents": [f"{work}/documents/*.zst"],
            "dedupe": {
                "name": "duplicates",
                "paragraphs": {"attribute_name": "duplicates", "paragraph_separator": "\n"},
                "skip_empty": True,
            },
            "bloom_filter": {
                "file": str(work / "bloom.bin"),
                "read_only": False,
                "size_in_bytes": 0,
                "estimated_doc_count": size // BYTES_PER_LINE,
                "desired_false_positive_rate": 1e-6,
            },
            "work_dir": {"input": str(work / "in"), "output": str(work / "out")},
            "processes": job.workers,
            "is_s3_volume": False,
            "compression": {},
        }
    )


def mix(job: Job, work: Path) -> None:
    """Drops documents, replaces PII and writes one file for each input, so that the tokenizers can share them."""
    span = "$.attributes.tags__pii_regex_with_counts_fast_v2__"
    stream = {
        "name": "web",
        "documents": [f"{work}/documents/*.zst"],
        "attributes": ["tags", "duplicates"],
        "filter": {"include": [mix_rule()], "exclude": [], "syntax": "jq"},
        "span_replacement": [
            {"span": span + kind, "min_score": 0.5, "replacement": f" {tag} ", "syntax": "jsonpath"}
            for kind, tag in PII.items()
        ],
        "output": {
            "path": str(work / "mixed"),
            "max_size_in_bytes": 2**31,
            "discard_fields": ["attributes"],
        },
        "compression": {},
    }
    mixer(
        {
            "streams": [stream],
            "work_dir": {"input": str(work / "in"), "output": str(work / "out")},
            "processes": job.workers,
            "shuffle": False,
        }
    )


if __name__ == "__main__":
    main("1.2.1", {"language": language, "quality": quality, "c4": c4, "end_to_end": end_to_end})
