"""`tamis ablate`: variants trained alike and asked for the same documents; twice the same; killed, it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from varied_recipe import RECIPE, write_varied

torch = pytest.importorskip("torch", reason="tamis ablate needs `pip install tamis[torch]`")

from tamis.proxy import ablation  # noqa: E402
from tamis.proxy.ablation import Budget, ablate  # noqa: E402

Tamis = Callable[..., Result]
SMALL = {"tokens": 6400, "length": 32, "batch": 8, "width": 32, "layers": 1, "held_out": 0.2}
OPTIONS = [word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recipe."""
    torch.set_num_threads(1)
    found = tmp_path_factory.mktemp("ablate")
    write_varied(found)
    return found


def places(root: Path, out: str) -> list[str]:
    return [
        str(root / "varied.yaml"), "--work", str(root / "work"), "--releases", str(root / "out"), "--out",
        str(root / out), "--workers", "1", *OPTIONS, "--learning-rate", "0.01",
    ]  # fmt: skip


def releases(root: Path) -> dict[str, Path]:
    return {"plain": root / "out" / "varied-1", "french": root / "out" / "varied-1+french"}


@pytest.mark.slow
def test_it_tells_what_a_mixture_does(root: Path, tamis: Tamis) -> None:
    done = tamis("ablate", *places(root, "one"), "--seeds", "2")
    assert done.exit_code == 0, done.stderr
    assert "french, seed 1: step 25: loss" in done.stderr
    assert "language fr" in done.stdout
    data = json.loads((root / "one" / "ablation.json").read_text())
    assert data["variants"].keys() == {"plain", "french", "long"}
    rows = {row["value"]: row for row in data["rows"] if row["axis"] != "category"}
    assert rows["fr"]["variants"]["french"]["difference"] < -0.02
    assert rows["en"]["variants"]["french"]["difference"] > 0.02
    assert rows["fr"]["variants"]["french"]["share"] > rows["fr"]["variants"]["plain"]["share"]
    asked = {row["tokens"] for row in data["rows"] if row["axis"] == "all"}
    assert asked == {sum(one["tokens"] - one["documents"] for one in data["held_out"])}
    assert {name for name in ("ablation.md", "ablation.svg") if (root / "one" / name).exists()} == {
        "ablation.md",
        "ablation.svg",
    }
    # Repeats are those of the whole phase, as near as whole documents come.
    for cell in data["variants"]["french"]["cells"].values():
        assert cell["epochs"] == pytest.approx(cell["phase_epochs"], rel=0.2)
    # Nothing is trained again; and trained anew elsewhere, it comes to the same.
    again = tamis("ablate", *places(root, "one"), "--seeds", "2", "--json")
    assert again.stderr.count("done before") == 6
    assert json.loads(again.stdout) == data
    other = tamis("ablate", *places(root, "two"), "--variant", "french", "--seeds", "1", "--json", "--quiet")
    found = json.loads(other.stdout)
    assert list(found["variants"]) == ["plain", "french"]
    assert [run for run in data["runs"] if run["seed"] == 0 and run["variant"] != "long"] == found["runs"]


@pytest.mark.slow
def test_a_held_out_document_is_trained_on_in_no_variant(root: Path, tamis: Tamis) -> None:
    tamis("run", str(root / "varied.yaml"), "--all-variants", "--work", str(root / "work"), "--out", str(root / "out"))
    opened = {name: ablation.open_release(path) for name, path in releases(root).items()}
    asked = {
        tuple(cell.piece(i, 0, int(n)).tolist())
        for cell in opened["plain"].held_out_cells(0.2)
        for i, n in enumerate(cell.lengths)
    }
    for one in opened.values():
        stream = one.stream(32, 6400, 1, held_out=0.2, match_repeats=True)
        seen = {tuple(cell.piece(i, 0, int(n)).tolist()) for cell in stream.cells for i, n in enumerate(cell.lengths)}
        assert seen
        assert not asked & seen


@pytest.mark.slow
def test_killed_it_goes_on_to_the_same_numbers(root: Path, tamis: Tamis, tmp_path: Path) -> None:
    tamis("run", str(root / "varied.yaml"), "--all-variants", "--work", str(root / "work"), "--out", str(root / "out"))
    budget = Budget(**{**SMALL, "learning_rate": 0.01})
    told: list[str] = []
    whole = ablate(releases(root), budget, tmp_path / "whole", told.append)

    class Killed(Exception):
        pass

    def tell(words: str) -> None:
        if words.startswith("french, seed 0: step 12"):
            raise Killed

    with pytest.raises(Killed):
        ablate(releases(root), budget, tmp_path / "parts", tell)
    told.clear()
    assert ablate(releases(root), budget, tmp_path / "parts", told.append) == whole
    assert "plain, seed 0: done before" in told
    assert "french, seed 0: goes on after step 9" in told
    logs = [
        sorted((tmp_path / name / "runs").glob("french-*/log.jsonl"))[0].read_bytes() for name in ("whole", "parts")
    ]
    assert logs[0] == logs[1]
    assert not list((tmp_path / "parts").rglob("checkpoint.pt"))


def test_variants_with_other_tokenizers_are_refused(tmp_path: Path, tamis: Tamis) -> None:
    write_varied(tmp_path)
    other = "  small: {tokenize.tokenizer.train.characters: 1000}\n"
    (tmp_path / "varied.yaml").write_text(RECIPE + other)
    refused = tamis("ablate", *places(tmp_path, "o"), "--variant", "small")
    assert refused.exit_code == 2
    assert "small: another tokenizer than the plain recipe's" in refused.stderr


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"release: {formats: [megatron]}\n": ""}, [], "would have no token files to train on"),
        ({RECIPE[RECIPE.index("variants") :]: ""}, [], "has no variants to compare"),
        ({}, ["--variant", "fench"], "Did you mean 'french'?"),
        ({}, ["--width", "33"], "a multiple of 4"),
    ],
)
def test_refusals_come_before_the_work(
    tmp_path: Path, tamis: Tamis, change: dict[str, str], options: list[str], words: str
) -> None:
    recipe = write_varied(tmp_path)
    for old, new in change.items():
        recipe.write_text(recipe.read_text().replace(old, new))
    refused = tamis("ablate", *places(tmp_path, "o"), *options)
    assert (refused.exit_code, words in refused.stderr) == (2, True), refused.stderr
    assert not (tmp_path / "work").exists()
