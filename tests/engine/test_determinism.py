"""The same bytes, whatever the number of workers, the order of tasks, and Python's hash seed."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from small_corpus import Outcome, Place, hashes

from tamis.engine.tasks import Workers, run_tasks


def in_a_process(place: Place, workers: int, hash_seed: str) -> dict[str, str]:
    """Runs the recipe in a fresh interpreter; hashes of the release."""
    done = subprocess.run(
        place.command(workers),
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return hashes(Path(json.loads(done.stdout)["release"]))


@pytest.fixture(scope="module")
def expected(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A release with a trained tokenizer, by this process alone."""
    return Place(tmp_path_factory.mktemp("one"), corpus=small).run()


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_tasks(
    seed: int, small: Path, tmp_path: Path, expected: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = []

    def shuffled(_: Workers, tasks: Sequence[Any], on_done: Callable[[Any], None]) -> list[Any]:
        order = random.Random(seed).sample(range(len(tasks)), len(tasks))
        orders.append(order)
        results = [run_tasks([tasks[index]], 1, on_done)[0] for index in order]
        return [results[order.index(index)] for index in range(len(tasks))]

    largest_first, in_turn = Workers.run, Workers.run_in_turn

    def run(self: Workers, tasks: Sequence[Any], on_done: Callable[[Any], None]) -> list[Any]:
        return (largest_first if len(tasks) == 1 else shuffled)(self, tasks, on_done)

    def run_in_turn(self: Workers, tasks: Iterable[Any], count: int, on_done: Callable[[Any], None]) -> list[Any]:
        return in_turn(self, tasks, count, on_done) if count == 1 else shuffled(self, list(tasks), on_done)

    monkeypatch.setattr(Workers, "run", run)
    monkeypatch.setattr(Workers, "run_in_turn", run_in_turn)
    assert Place(tmp_path, corpus=small).run(workers=3).files == expected.files
    assert len(orders) >= 4 and any(order != sorted(order) for order in orders)


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "hash_seed"), [(1, "1"), (2, "0"), (3, "4242")])
def test_any_number_of_workers_and_any_hash_seed(
    workers: int, hash_seed: str, small: Path, tmp_path: Path, expected: Outcome
) -> None:
    assert in_a_process(Place(tmp_path, corpus=small), workers, hash_seed) == expected.files


@pytest.mark.slow
def test_two_workers_top_up_as_one_does(small: Path, tokenizer: str, tmp_path: Path) -> None:
    place = Place(tmp_path / "two", tokenizer=tokenizer, corpus=small)
    place.run("gopher_quality.keep.words=60,120")
    after = place.run(workers=2)
    assert after.measured["gopher_repetition"] > 0
    assert after.files == Place(tmp_path / "one", tokenizer=tokenizer, corpus=small).run().files
