"""What-if against real reruns, document by document."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.corpus.store import Store
from tamis.engine.deciding import judged
from tamis.engine.ledger import ledger_of
from tamis.engine.outlook import Outlook, outlook
from tamis.engine.reporting import Silent
from tamis.engine.session import Session
from tamis.engine.what_if import COUNTS, what_if
from tamis.errors import UserError
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import Recipe
from tamis.stages import STAGES

Plain = dict[str, Any]

SENTENCES = {
    "fr": "le tamis retient le son et laisse passer la farine dans la grande bassine de cuivre du moulin",
    "en": "the sieve keeps the bran back and lets the flour pass into the large copper bowl of the mill",
    "de": "das sieb hält die kleie zurück und lässt das mehl in die grosse schüssel der alten mühle fallen",
}


def recipe_of(data: Plain) -> Recipe:
    return load_recipe_text(json.dumps(data), "recipe.json", STAGES)


def session_of(data: Plain, folder: Path) -> Session:
    return Session(recipe_of(data), folder, Store(folder / "work"), 1, Silent())


def rerun(data: Plain, folder: Path) -> pl.DataFrame:
    """The ledger of a real run in the same work folder: what isn't measured is measured."""
    session = session_of(data, folder)
    session.locate()
    session.resolve_models()
    session.ingest()
    session.fit()
    session.measure()
    stages = session.recipe.stages
    walks = [judged(c, f, stages) for c, f in zip(session.contexts, session.frames, strict=True)]
    assert not any(walk.unknown.any() for walk in walks)
    return pl.concat([ledger_of(session.recipe, walk, stages) for walk in walks], how="diagonal_relaxed")


def foreseen(data: Plain, folder: Path) -> Outlook:
    session = session_of(data, folder)
    session.open()
    return outlook(session)


def compare(told: Outlook, real: pl.DataFrame, what: Any = "") -> None:
    """What is told of a document is what a run finds."""
    ledger = told.ledger
    assert ledger["id"].to_list() == real["id"].to_list()
    known = pl.Series(~told.unknown)
    explained = known & ~pl.Series(told.unexplained)
    for columns, rows in (
        (("copies",), known),
        (("passed", "dropped_by"), explained),
        (("language", "category", "license", "epochs"), known & (real["copies"] > 0)),
        (("tokenize.tokens",), known & (real["copies"] > 0) & ~pl.Series(told.without_tokens)),
    ):
        shown = ["id", *(name for name in columns if name in real.columns)]
        left, right = ledger.filter(rows).select(shown), real.filter(rows).select(shown)
        if not left.equals(right):
            differs = [(a, b) for a, b in zip(left.rows(), right.rows(), strict=True) if a != b]
            raise AssertionError(f"{what}: told {differs[0][0]}, found {differs[0][1]}; {len(differs)} in all")
    assert (real.filter(pl.Series(told.without_tokens))["copies"] > 0).all()
    # No signal that it tells may be wrong.
    for name in (n for n in real.columns if "." in n and not n.startswith("source.") and not n.endswith(".measured")):
        wrong = explained & ledger[name].is_not_null() & ~ledger[name].eq_missing(real[name])
        assert not wrong.any(), (what, name, ledger.filter(wrong).rows()[0], real.filter(wrong).rows()[0])


# --- tiny corpora with many duplicates ------------------------------------------------------------------------------


def text_of(rng: random.Random, language: str, length: int) -> list[str]:
    words = SENTENCES[language].split()
    return [rng.choice(words) for _ in range(length)]


def write_corpus(rng: random.Random, folder: Path) -> list[Plain]:
    """Sources whose documents come in families of exact and near copies, across sources."""
    families = [text_of(rng, rng.choice(list(SENTENCES)), rng.randint(24, 48)) for _ in range(rng.randint(2, 5))]
    sources = []
    for number in range(rng.randint(1, 3)):
        lines = []
        for index in range(rng.randint(3, 25)):
            words = list(rng.choice(families))
            # Copies of a family straddle every threshold: some are shorter, some have a flaw.
            words = words[: len(words) - rng.choice([0, 0, 0, 1, 5, 10, 15])]
            for _ in range(rng.choice([0, 0, 0, 1, 2, 6])):
                words[rng.randrange(len(words))] = rng.choice(["moulin", "mill", "Mühle", "42", "jean@mairie.fr", "#"])
            lines.append({"id": str(index), "text": " ".join(words), "genre": rng.choice(["web", "book", None])})
        (folder / f"s{number}.jsonl").write_text("\n".join(map(json.dumps, lines)))
        sources.append(
            {
                "name": f"s{number}", "path": f"s{number}.jsonl", "license": "CC0-1.0", "priority": rng.choice([0, 0, 5]),
                "columns": {"text": "text", "id": "id", "category": "genre"},
                "language": rng.choice(["detect", "detect", "fr"]),
            }
        )  # fmt: skip
    return sources


def random_recipe(rng: random.Random, sources: list[Plain]) -> Plain:
    return {
        "name": "tiny", "version": "1", "seed": 1, "sources": sources, "mix": random_mix(rng),
        "stages": [{name: random_options(rng, name)} for name in random_order(rng)],
    }  # fmt: skip


def random_order(rng: random.Random) -> list[str]:
    # What comes before the language stage leaves documents without a language.
    head = rng.choice([["language", "gopher_quality"], ["gopher_quality", "language"]])
    head = ["category"] * (rng.random() < 0.3) + head
    rest = ["gopher_repetition", "exact_duplicates", "near_duplicates", "pii"]
    rng.shuffle(rest)
    return [name for name in (*head, *rest, "tokenize") if name == "tokenize" or rng.random() < 0.85]


def random_mix(rng: random.Random) -> Plain:
    mix: Plain = {"default": rng.choice([1, 1, 0.5])}
    if rng.random() < 0.4:
        mix["epochs"] = {f"{rng.choice(['fr', 'en', 'und'])}--{rng.choice(['web', 'book'])}": rng.choice([0, 2.5])}
    if rng.random() < 0.3:
        mix["sources"] = {"s0": rng.choice([0, 1.5])}
    return mix


def random_options(rng: random.Random, name: str) -> Plain:
    """Options and rules of a stage; those that change what is measured are rarely other than the usual."""
    low, high = rng.choice([0, 15, 20, 25, 30, 35]), rng.choice([40, 45, 100])
    options: dict[str, Plain] = {
        "category": {"rules": [{"category": "book", "source": "s0"}], "keep": {}},
        "language": {"keep": {"score": [rng.choice([0, 0.2, 0.4]), None]}},
        "gopher_quality": {"keep": {"words": [low, high], "stop_words": [rng.choice([0, 1]), None]}},
        "gopher_repetition": {"keep": {"top_2gram_char_ratio": [None, rng.choice([0.08, 0.1, 0.12, 0.2])]}},
        "exact_duplicates": {"scope": rng.choice(["source", "language", "corpus"]), "keep": {"is_duplicate": False}},
        "near_duplicates": {
            "scope": rng.choice(["source", "language", "corpus"]), "keep": {"is_duplicate": False},
            "min_similarity": rng.choice([0.3, 0.5, 0.7]), "ngram": 1, "bands": 6, "rows": 2,
        },
        "pii": {"keep": {} if rng.random() < 0.7 else {"found": [None, rng.choice([0, 1])]}},
        "tokenize": {"tokenizer": {"train": {"vocabulary_size": 512}}, "keep": {}},
    }  # fmt: skip
    chosen = options[name]
    if name.endswith("_duplicates"):
        chosen["keep"] = rng.choice([chosen["keep"]] * 4 + [{}, {"cluster_size": [None, rng.choice([1, 3])]}])
    if name == "gopher_quality" and rng.random() < 0.4:
        chosen["keep_by"] = {"language": {rng.choice(["fr", "en"]): {"words": [rng.choice([0, 25]), None]}}}
    if name.endswith("_duplicates") and rng.random() < 0.2:
        chosen["keep_by"] = {"language": {rng.choice(["fr", "en"]): {"is_duplicate": True}}}
    if name == "tokenize" and rng.random() < 0.2:
        chosen["keep"] = {"tokens": [None, rng.choice([60, 120])]}
    if name != "category" and rng.random() < 0.25:
        column, values = rng.choice([("category", ["book"]), ("source", ["s0"]), ("license", ["MIT"])])
        chosen["when"] = {column: {"not_in": values}}
    elif name in ("gopher_repetition", "pii", "exact_duplicates", "near_duplicates") and rng.random() < 0.2:
        chosen["when"] = {"language": {"not_in": [rng.choice(["fr", "en"])]}}
    if rng.random() < 0.1 and not name.endswith("_duplicates"):
        chosen["exhaustive"] = True
    return chosen


def changed(rng: random.Random, data: Plain) -> Plain:
    """The recipe with one to three stages' rules, the mix or a source's priority rolled anew."""
    after: Plain = json.loads(json.dumps(data))
    for _ in range(rng.randint(1, 3)):
        what = rng.choice(["mix", "priority", *["stage"] * 4, *["quality"] * 4])
        if what == "mix":
            after["mix"] = random_mix(rng)
        elif what == "priority":
            rng.choice(after["sources"])["priority"] = rng.choice([0, 5, 9])
        else:
            stages = [entry for entry in after["stages"] if what == "stage" or "gopher_quality" in entry]
            for entry in rng.sample(stages, min(1, len(stages))):
                (name,) = entry
                entry[name] = random_options(rng, name)
    return after


def one_example(seed: int, folder: Path) -> tuple[Outlook, Plain]:
    rng = random.Random(seed)
    base = random_recipe(rng, write_corpus(rng, folder))
    rerun(base, folder)
    for _ in range(rng.choice([0, 0, 1, 2])):
        rerun(changed(rng, base), folder)  # other variants leave signals that must change nothing
    after = changed(rng, base)
    told = foreseen(after, folder)
    facts = what_if(session_of(base, folder), session_of(after, folder))
    real = rerun(after, folder)
    compare(told, real, seed)
    again = foreseen(after, folder)
    assert not again.unmeasured.any()
    assert not again.unknown.any()
    compare(again, real, seed)
    return told, facts


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_what_is_told_is_what_a_run_finds(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    _, facts = one_example(seed, tmp_path_factory.mktemp("tiny"))
    check_counts(facts)


def check_counts(facts: Plain) -> None:
    groups = [facts, *facts["by_language"], *facts["by_category"], *facts["by_source"]]
    for row in groups:
        assert row["documents_after"] == (
            row["documents_before"] + row["documents_gained"] - row["documents_lost"] - row["released_unknown"]
        )
    for table in ("by_language", "by_category", "by_source"):
        for name in COUNTS:
            assert sum(row[name] for row in facts[table]) == facts[name], (table, name)
    assert sum(facts["lost_to"].values()) == facts["documents_lost"]
    assert sum(facts["gained_from"].values()) == facts["documents_gained"]
    assert sum(facts["unknown_for_want_of"].values()) == facts["documents_unknown"]
