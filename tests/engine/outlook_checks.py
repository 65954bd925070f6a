"""What is told of a corpus against what a run finds on it, document by document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from tamis.corpus.store import Store
from tamis.engine.decided import Basis, find_decided, keep_decided, signals_key
from tamis.engine.deciding import judged
from tamis.engine.ledger import ledger_of
from tamis.engine.mixing import mixed, passed_counts
from tamis.engine.outlook import Outlook, outlook
from tamis.engine.reporting import Silent
from tamis.engine.revised import revised
from tamis.engine.session import Session
from tamis.engine.what_if import COUNTS, what_if
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import Recipe
from tamis.stages import STAGES

Plain = dict[str, Any]


def recipe_of(data: Plain, *changes: str) -> Recipe:
    return load_recipe_text(json.dumps(data), "recipe.json", STAGES, changes)


def session_of(data: Plain, folder: Path, *changes: str) -> Session:
    """A session on the work folder in `folder`, where relative paths start, too."""
    return Session(recipe_of(data, *changes), folder, Store(folder / "work"), 1, Silent())


def rerun(session: Session) -> pl.DataFrame:
    """The ledger of a real run in the same work folder: what isn't measured is measured."""
    session.locate()
    session.resolve_models()
    session.ingest()
    session.fit()
    return measured(session)


def measured(session: Session) -> pl.DataFrame:
    """The ledger after the last two steps of a run."""
    session.measure()
    stages = session.recipe.stages
    walks = [judged(c, f, stages) for c, f in zip(session.contexts, session.frames, strict=True)]
    assert not any(walk.unknown.any() for walk in walks)
    cuts, counts = passed_counts(session.recipe.mix, walks)
    epochs = mixed(session.recipe, counts, session.base, cuts)
    return pl.concat([ledger_of(session.recipe, walk, stages, epochs) for walk in walks], how="diagonal_relaxed")


def keep(session: Session, ledger: pl.DataFrame) -> None:
    """Notes what was decided, as a run does in the end."""
    basis = Basis(signals_key(session.contexts, session.recipe.stages), session.own_ids, session.kin)
    keep_decided(session.store.decided(session.recipe.run_name), session.identity, session.recipe.mix, [ledger], basis)


def told_in_parts(before: Session, after: Session) -> Plain | None:
    """The answer to a change, if it is told of the documents that it touches alone; then it is the same as that of
    all."""
    kept = before.store.decided(before.recipe.run_name)
    first = what_if(before, after)
    known = find_decided(kept, before.identity)
    assert known is not None
    parts = revised(before, after, known) is not None
    away = kept.rename(kept.with_suffix(".away"))
    again = [Session(one.recipe, one.base, one.store, 1, Silent()) for one in (before, after)]
    assert what_if(*again) == first
    away.rename(kept)
    return first if parts else None


def foreseen(session: Session) -> Outlook:
    session.open()
    return outlook(session)


class Corpus:
    """A corpus and its work folder: taken up once for all changes that read the same."""

    def __init__(self, data: Plain, folder: Path) -> None:
        self.data, self.folder = data, folder
        self.opened = session_of(data, folder)
        self.opened.open()

    def session(self, *changes: str) -> Session:
        """A session with the corpus taken up."""
        session, known = session_of(self.data, self.folder, *changes), self.opened
        if session.recipe.sources != known.recipe.sources:
            session.open()
            return session
        session.inputs, session.records = known.inputs, known.records
        session.contexts, session.frames = known.contexts, known.frames
        session.resolve_models()
        session.fit()
        return session


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


def check_counts(facts: Plain) -> None:
    """The numbers of an answer add up, in all and by group."""
    for row in (facts, *facts["by_language"], *facts["by_source"]):
        change = row["documents_gained"] - row["documents_lost"] - row["released_unknown"]
        assert row["documents_after"] - row["documents_before"] == change
    for table in ("by_language", "by_category", "by_source"):
        for name in COUNTS:
            assert sum(row[name] for row in facts[table]) == facts[name], (table, name)
    assert sum(facts["lost_to"].values()) == facts["documents_lost"]
    assert sum(facts["gained_from"].values()) == facts["documents_gained"]
    assert sum(facts["unknown_for_want_of"].values()) == facts["documents_unknown"]
