"""Keep rules over columns, beside a twin that decides row by row in plain Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from verdict_tables import COLUMNS, Row, decide, documents, failed_of, first_of, signals, used

from tamis.corpus.conditions import Condition
from tamis.engine.verdicts import Verdicts, walk
from tamis.recipe.model import StageUse

NAMES = ("one", "two", "three")


@dataclass
class Fate:
    """What plain Python says of one row."""

    alive: bool = True
    unknown: bool = False
    first: str | None = None
    failed: list[str] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)


def allows(condition: Condition, value: Any) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return condition.nulls == "keep"
    if isinstance(value, float):
        # The ratio columns are float32, and so is what they are compared with.
        value = np.float32(value)
        condition = condition.model_copy(
            update={
                side: np.float32(bound) for side in ("min", "max") if (bound := getattr(condition, side)) is not None
            }
        )
    return (
        (condition.min is None or value >= condition.min)
        and (condition.max is None or value <= condition.max)
        and (condition.in_ is None or value in condition.in_)
        and (condition.not_in is None or value not in condition.not_in)
        and (condition.is_ is None or value == condition.is_)
    )


def fate(document: Row, uses: Sequence[StageUse], tables: Mapping[str, tuple[list[bool], list[Row]]], row: int) -> Fate:
    told = Fate()
    known = dict(document)
    for use in uses:
        if told.alive:
            told.entered.append(use.name)
        inside = all(allows(condition, known.get(column)) for column, condition in use.when.items())
        asked = inside and (told.alive or use.exhaustive)
        there, values = tables[use.name]
        seen = asked and there[row]
        if asked and not seen and told.alive:
            told.alive, told.unknown = False, True
        if not seen:
            continue
        told.measured.append(use.name)
        for column in COLUMNS:
            value = values[row].get(column.name)
            known[f"{use.name}.{column.name}"] = None if isinstance(value, float) and math.isnan(value) else value
        for document_column, signal in use.stage.provides.items():
            if document[document_column] is None and known[document_column] is None:
                known[document_column] = known[f"{use.name}.{signal}"]
        rules = dict(use.keep)
        overridden = {signal for by_value in use.keep_by.values() for rules in by_value.values() for signal in rules}
        for by, by_value in use.keep_by.items():
            for value, overrides in by_value.items():
                if known.get(by) is not None and str(known[by]).lower() == value:
                    rules |= overrides
        # The rules of `keep` come first, in the recipe's order; then those that only overrides name.
        order = [name for name in use.stage.signals if name in overridden | set(use.keep)]
        failed = [
            f"{use.name}.{signal}"
            for signal in order
            if signal in rules and not allows(rules[signal], known[f"{use.name}.{signal}"])
        ]
        told.failed += failed
        if failed and told.alive:
            told.alive, told.first = False, failed[0]
    return told


counts, ratios = st.integers(0, 4), st.sampled_from([0.1, 0.3, 0.5, 0.7, math.nan])
labels, flags = st.sampled_from(["fr", "de", "it"]), st.booleans()
values = st.fixed_dictionaries(
    {},
    optional={
        "number": st.none() | counts,
        "ratio": st.none() | ratios,
        "label": st.none() | labels,
        "flag": st.none() | flags,
    },
)
drop_nulls = st.sampled_from([{}, {"nulls": "drop"}])


def condition_on(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    bounds = counts if kind == "number" else st.sampled_from([0.1, 0.3, 0.5, 0.7])
    written: st.SearchStrategy[dict[str, Any]] = {
        "label": st.lists(labels, min_size=1, max_size=2).map(lambda names: {"in": names})
        | labels.map(lambda name: {"not_in": [name]}),
        "flag": flags.map(lambda flag: {"is": flag}),
    }.get(kind, bounds.map(lambda low: {"min": low}) | bounds.map(lambda high: {"max": high}))
    return st.builds(lambda one, nulls: one | nulls, written, drop_nulls)


some_rules = st.fixed_dictionaries({}, optional={column.name: condition_on(column.name) for column in COLUMNS})


@st.composite
def stage_uses(draw: st.DrawFn) -> list[StageUse]:
    uses = []
    for index, name in enumerate(NAMES[: draw(st.integers(1, 3))]):
        known = {"language": ("label", ["fr", "de"]), "category": ("label", ["fr", "it"])}
        for before in NAMES[:index]:
            known |= {
                f"{before}.label": ("label", ["fr", "de"]),
                f"{before}.flag": ("flag", ["true", "false"]),
                f"{before}.number": ("number", ["1", "2"]),
            }
        by = draw(st.lists(st.sampled_from(sorted(known)), max_size=2, unique=True))
        when = draw(st.lists(st.sampled_from(sorted(known)), max_size=1))
        uses.append(
            used(
                name,
                draw(some_rules),
                draw(st.sampled_from([{}, {"language": "label"}])),
                keep_by={
                    column: {value: draw(some_rules) for value in known[column][1] if draw(st.booleans())}
                    for column in by
                },
                when={column: draw(condition_on(known[column][0])) for column in when},
                exhaustive=draw(st.booleans()),
            )
        )
    return uses


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[Row], list[StageUse], dict[str, tuple[list[bool], list[Row]]]]:
    rows = draw(st.integers(0, 8))
    some = st.sampled_from([None, "fr", "de", "it"])
    frame = [{"language": draw(some), "category": draw(some)} for _ in range(rows)]
    uses = draw(stage_uses())
    exactly = {"min_size": rows, "max_size": rows}
    measured = st.lists(st.sampled_from([True, True, True, False]), **exactly)
    tables = {use.name: (draw(measured), draw(st.lists(values, **exactly))) for use in uses}
    return frame, uses, tables


@settings(max_examples=100, deadline=None)
@given(corpora())
def test_the_verdicts_are_those_of_plain_python(
    corpus: tuple[list[Row], list[StageUse], dict[str, tuple[list[bool], list[Row]]]],
) -> None:
    rows, uses, tables = corpus
    frame = documents([row["language"] for row in rows], [row["category"] for row in rows])
    verdicts = decide(frame, uses, {name: signals(*table) for name, table in tables.items()})
    for row, document in enumerate(rows):
        expected = fate(document, uses, tables, row)
        told = Fate(
            alive=bool(verdicts.alive[row]),
            unknown=bool(verdicts.unknown[row]),
            first=first_of(verdicts)[row],
            failed=failed_of(verdicts, row),
            measured=[use.name for use in uses if verdicts.measured[use.name][row]],
            entered=[use.name for use in uses if verdicts.entered[use.name][row]],
        )
        assert told == expected
    assert_accounting_closes(verdicts, uses)


def assert_accounting_closes(verdicts: Verdicts, uses: Sequence[StageUse]) -> None:
    """Rows in = rows out + dropped by a rule + unknown, at every stage and in all."""
    rows = verdicts.frame.height
    states = np.stack([verdicts.alive, verdicts.first >= 0, verdicts.unknown])
    assert (states.sum(axis=0) == 1).all()
    turns = [*(verdicts.entered[use.name] for use in uses), verdicts.alive]
    reasons = first_of(verdicts)
    assert turns[0].sum() == rows
    gone_unknown = 0
    for use, entered, left in zip(uses, turns, turns[1:], strict=False):
        dropped = sum(reason is not None and reason.partition(".")[0] == use.name for reason in reasons)
        asked = verdicts.applies[use.name] & (entered | use.exhaustive)
        unknown = int((entered & asked & ~verdicts.measured[use.name]).sum())
        assert entered.sum() == left.sum() + dropped + unknown
        assert not (left & ~entered).any()
        gone_unknown += unknown
    assert gone_unknown == verdicts.unknown.sum()


@settings(max_examples=40, deadline=None)
@given(corpora(), st.data())
def test_a_shard_in_parts_is_decided_as_in_one(corpus: Any, data: st.DataObject) -> None:
    rows, uses, tables = corpus
    cut = data.draw(st.integers(0, len(rows)))

    def of(start: int, stop: int) -> Verdicts:
        part = rows[start:stop]
        frame = documents([row["language"] for row in part], [row["category"] for row in part])
        tables_ = {name: signals(mask[start:stop], values[start:stop]) for name, (mask, values) in tables.items()}
        return decide(frame, uses, tables_)

    whole, first, second = of(0, len(rows)), of(0, cut), of(cut, len(rows))
    assert whole.alive.tolist() == [*first.alive, *second.alive]
    assert first_of(whole) == [*first_of(first), *first_of(second)]
    assert whole.unknown.tolist() == [*first.unknown, *second.unknown]


@settings(max_examples=40, deadline=None)
@given(corpora())
def test_what_a_run_asks_for_makes_nothing_unknown(corpus: Any) -> None:
    rows, uses, tables = corpus
    frame = documents([row["language"] for row in rows], [row["category"] for row in rows])
    verdicts = walk(Verdicts.start(frame), uses, lambda use, asked: signals(asked.tolist(), tables[use.name][1]))
    assert not verdicts.unknown.any()
    assert_accounting_closes(verdicts, uses)
