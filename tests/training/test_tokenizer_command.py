"""`tamis train-tokenizer` from a release and from a run: files, report, and what a recipe then does with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tokenizers import Tokenizer

from tamis.cli.main import cli
from tamis.tokens.tokenizer import load_tokenizer
from trained_release import RECIPE

FILES = ("report.json", "report.md", "report.svg", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json")


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, ["train-tokenizer", *arguments], prog_name="tamis")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def made(out: Path, *arguments: str) -> dict[str, Any]:
    result = call(*arguments, "--vocabulary-size", "512", "--quiet", "--out", str(out))
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    return report


def test_a_release_gives_the_same_bytes_twice(tiny_release: Path, tmp_path: Path) -> None:
    report = made(tmp_path / "one", str(tiny_release))
    made(tmp_path / "two", str(tiny_release))
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    own = report["tokenizers"][0]
    assert own["compiled"] and own["end_of_document"] == "<|endoftext|>" and own["end_of_document_id"] == 0
    assert report["draw"]["documents"] == sum(row["documents"] for row in report["draw"]["cells"])
    # Every document is in one half, whole, and comes back.
    halves = report["draw"]["training"]["documents"] + report["draw"]["held_out"]["documents"]
    assert halves == report["draw"]["documents"]
    for cell in report["cells"]:
        assert cell["tokenizers"]["trained"]["altered"] == 0
    assert Tokenizer.from_file(str(tmp_path / "one/tokenizer.json")).get_vocab_size() == own["ids"]
    assert not list(Path(tmp_path / "one").glob(".tmp*"))


def test_a_run_has_what_the_mix_did_not_draw(tiny_release: Path, tmp_path: Path) -> None:
    root = tiny_release.parents[1]
    (root / "tiny.yaml").write_text(RECIPE)
    report = made(tmp_path / "one", str(root / "tiny.yaml"), "--work", str(root / "work"))
    assert report["corpus"]["of"] == "run"
    assert report["draw"]["documents"] == 240  # the mix leaves half of the long tales out
    assert made(tmp_path / "two", str(tiny_release))["draw"]["documents"] < 240


def test_the_tokenizer_serves_a_recipe(tiny_release: Path, tmp_path: Path) -> None:
    special = ("--special-token", "<|im_start|>", "--special-token", "<|im_end|>")
    made(tmp_path / "out", str(tiny_release), *special)
    handle = load_tokenizer(tmp_path / "out/tokenizer.json")
    assert handle.end_of_document == "<|endoftext|>"
    library = Tokenizer.from_file(str(tmp_path / "out/tokenizer.json"))
    assert [library.token_to_id(token) for token in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")] == [0, 1, 2]
    config = json.loads((tmp_path / "out/tokenizer_config.json").read_text())
    assert config["eos_token"] == "<|endoftext|>" and config["additional_special_tokens"] == [
        "<|im_start|>",
        "<|im_end|>",
    ]
    assert config["added_tokens_decoder"]["1"]["content"] == "<|im_start|>"


def test_references_and_budgets_are_reported(tiny_release: Path, tmp_path: Path) -> None:
    reference = tiny_release / "tokenizer/tokenizer.json"
    options = ("--budget", "en--letters=2000,en=900000", "--reference", str(reference), "--byte-fallback")
    result = call(
        str(tiny_release), *options, "--vocabulary-size", "600", "--out", str(tmp_path / "out"), "--multiple-of", "128"
    )
    assert result.exit_code == 0, result.stderr
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert [one["name"] for one in report["tokenizers"]] == ["trained", "tokenizer"]
    assert report["training"]["vocabulary_size"] == 640
    assert report["tokenizers"][0]["compiled"], report["tokenizers"][0]["not_compiled_because"]
    taken = {row["name"]: row for row in report["draw"]["budget"]}
    assert taken["en--letters"]["characters"] == 2000
    assert "en: " in result.stdout and "of those asked for" in result.stdout
    assert f"stages:\n  - tokenize: {{tokenizer: {tmp_path / 'out/tokenizer.json'}}}" in result.stdout
    told = (tmp_path / "out/report.md").read_text()
    for row in report["cells"]:
        for name, counts in row["tokenizers"].items():
            assert counts["tokens"] > 0 and f"{counts['fertility']:.3f}" in told, name


def test_a_size_that_the_texts_do_not_reach_is_no_size_to_round(tiny_release: Path, tmp_path: Path) -> None:
    told = call(str(tiny_release), "--quiet", "--out", str(tmp_path / "out"), "--characters", "9").stdout
    assert "the texts have no more to merge), from" in told


def test_json_is_the_report(tiny_release: Path, tmp_path: Path) -> None:
    result = call(str(tiny_release), "--vocabulary-size", "512", "--json", "--out", str(tmp_path / "out"))
    assert json.loads(result.stdout) == json.loads((tmp_path / "out/report.json").read_text())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--special-token", "im_start"), "--special-token: 'im_start' could stand in a text"),
        (("--end-of-document", "end"), "--end-of-document: 'end' could stand in a text"),
        (("--special-token", "<|endoftext|>"), "is there twice"),
        (("--byte-fallback", "--split", "gpt-4"), "leave out split, or byte_fallback"),
        (("--budget", "fr=1e6"), "the corpus has no document of fr"),
        (("--budget", "en"), "that is no name and number"),
        (("--characters", "many"), "is no count of characters"),
        (("--characters", "1e6", "--budget", "en=1e6"), "--characters is for a draw without --budget"),
        (("--alphabet", "10"), "--alphabet is for --byte-fallback"),
        (("--set", "seed=2"), "--set and --variant change a recipe"),
        (("--vocabulary-size", "512", "--whitespace-runs", "64", "--special-token", "<aa>"), None),
        (("--vocabulary-size=512", "--whitespace-runs=64", *[f"--special-token=<tt{n}>" for n in range(70)]), "raise"),
    ],
)  # fmt: skip
def test_mistakes_are_told(tiny_release: Path, tmp_path: Path, options: tuple[str, ...], told: str | None) -> None:
    result = call(str(tiny_release), "--quiet", "--out", str(tmp_path / "out"), *options)
    assert result.exit_code == (2 if told else 0), result.stderr
    if told:
        assert told in result.stderr
        assert not (tmp_path / "out").exists()


def test_a_recipe_that_never_ran_is_told(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"id": "1", "text": "hello"}\n')
    recipe = tmp_path / "new.yaml"
    recipe.write_text(
        'name: new\nversion: "1"\ndefaults: {license: CC0-1.0, language: en}\n'
        "sources:\n  - {name: a, path: data.jsonl}\nstages: [exact_duplicates]\n"
    )
    result = call(str(recipe), "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 2 and "`tamis run` comes first" in result.stderr
