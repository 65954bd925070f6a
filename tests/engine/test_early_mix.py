"""What can't be planned whatever is counted is told by `tamis plan` and at the start of a run, not at its end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tamis.cli.main import cli
from tamis.engine.mixing import check_mix
from tamis.errors import InputError, RecipeError
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

RECIPE = """\
name: early
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: press-fr, path: x.jsonl, language: fr, category: press}
  - {name: press-de, path: x.jsonl, language: de, category: press}
  - {name: books, path: x.jsonl, language: fr, category: book, signals: {grade: {field: g, type: string}}}
MORE
stages: [tokenize: {tokenizer: {train: {vocabulary_size: 512, characters: 5000}}}]
mix:
  MIX
"""
OPEN = "  - {name: web, path: x.jsonl, columns: {language: lang}, category: web}\n"


def check(mix: str, base: Path, more: str = "") -> None:
    check_mix(load_recipe_text(RECIPE.replace("MORE\n", more).replace("MIX", mix), "early.yaml", STAGES), base)


@pytest.mark.parametrize(
    ("mix", "said"),
    [
        ("epochs: {fr--book: 20}", r"mix.max_epochs: phase main: cells .* books \(fr, book\) 20 epochs\. .*max_epochs"),
        ("default: 17", "seen more than 16 times: press-fr .* 17 epochs, press-de"),
        ("{epochs: {fr--book: 4}, languages: {fr: 5}}", r"books \(fr, book\) 20 epochs"),
        ("language: {shares: {it: 1/3}}", r"mix.language.shares.it: .* no source can have documents of it\."),
        ("phases: [{name: a, tokens: 9, category: {floors: {bok: 0.1}}}]",
         r"mix.phases.0.category.floors.bok: phase a: .* Did you mean 'book'\?"),
        ("language: {shares: {fr: 0.7, de: 0.5}}", "mix.language: phase main: .*120.00 %"),
        ("language: {caps: {fr: 0.2, de: 0.3}}", "there are no others.*no size: amounts are as if it had 1.000 B"),
        ("{language: {shares: {de: 0.6}}, category: {shares: {book: 0.6}}}", "phase main: "),
        ("{language: {shares: {de: 1}}, category: {floors: {book: 0.1}}}", "phase main: "),
        ("source: {caps: {pres-fr: 0.2}}", r"mix.source.caps.pres-fr: .* Did you mean 'press-fr'\?"),
        ("max_epochs: {sources: {bok: 8}}", r"mix.max_epochs.sources.bok: .* Did you mean 'books'\?"),
        ("{max_epochs: {sources: {books: 0}}, source: {shares: {books: 0.1}}}", "phase main: source books"),
        ("quality: {highest: 3}", r"mix.quality: name the `signal` to cut by. There are: tokenize.tokens"),
        ("quality: {signal: source.grade}", "mix.quality.signal: no stage and no source has a number or flag"),
        ("quality: {signal: tokenize.token}", "Did you mean 'tokenize.tokens'"),
        ("phases: [{name: a, long_documents: {lengths: l.csv}}]", "mix.phases.0.long_documents.lengths: a run counts"),
        ("phases: [{name: a, tokens: 99, counts: own.csv, category: {floors: {no: 1/2}}}]", "mix.phases.0.category"),
    ],
)  # fmt: skip
def test_what_never_can_hold(mix: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("dataset,language,category,tokens\nother,it,web,5000\n")
    (tmp_path / "l.csv").write_text("dataset,tokens_long,tokens_short\nbooks,1,1\n")
    with pytest.raises(RecipeError, match=said):
        check(mix, tmp_path)


@pytest.mark.parametrize(
    "mix",
    [
        "epochs: {fr--book: 20, it--book: 99}\n  max_epochs: {cells: {fr--book: 20}}",
        "{default: 20, max_epochs: {error: null}}",
        "{default: 20, max_epochs: {default: 5}}",
        "{sources: {books: 30}, max_epochs: {sources: {books: 20}}}",
        "language: {shares: {fr: 0.5, de: 0.5}}",
        "{language: {shares: {de: 0.5}}, category: {shares: {book: 0.5}}}",
        "{language: {method: unimax, hold: true}, category: {method: uniform, hold: true}}",
        "phases: [{name: a, tokens: 5}, {name: b, from: a, language: {shares: {de: 1}}}]",
        "on_infeasible: relax\n  language: {shares: {fr: 0.7, de: 0.5}}",
        "quality: {signal: tokenize.tokens}",
        "phases: [{name: a, tokens: 99, counts: own.csv, language: {shares: {it: 1}}}]",
        "phases: [{name: a, tokens: 99, rehearsal: {release: own.csv, share: 0.5}, language: {shares: {it: 1/2}}}]",
    ],
)
def test_what_may_hold(mix: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("dataset,language,category,tokens\nother,it,web,5000\n")
    check(mix, tmp_path)


def test_a_source_that_declares_no_language_may_have_any(tmp_path: Path) -> None:
    check("language: {shares: {it: 1/3}}", tmp_path, OPEN)
    with pytest.raises(RecipeError, match=r"web \(it, web\) 30 epochs"):
        check("epochs: {it--web: 30}", tmp_path, OPEN)
    with pytest.raises(RecipeError, match="phase main: "):
        check("{language: {shares: {it: 1/3}}, category: {caps: {web: 0.2}}}", tmp_path, OPEN)


def test_a_release_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        check("phases: [{name: a, tokens: 9, rehearsal: {release: ../old, share: 0.1}}]", tmp_path)


def test_plan_says_so(tmp_path: Path) -> None:
    path = tmp_path / "early.yaml"
    path.write_text(RECIPE.replace("MORE\n", "").replace("MIX", "epochs: {fr--book: 20}"))
    (tmp_path / "x.jsonl").write_text('{"id": "1", "text": "x"}\n')
    result = CliRunner().invoke(cli, ["plan", str(path), "--work", str(tmp_path / "work")])
    assert result.exit_code == 2 and "20 epochs" in result.output, result.output


def test_many_sources_and_categories_are_looked_at_quickly(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(30)]
    more = "".join(f"  - {{name: s{n}, path: x.jsonl, columns: {{category: k}}, language: fr}}\n" for n in range(150))
    begin = time.monotonic()
    check(f"category: {{floors: {{{', '.join(f'{name}: 0.01' for name in names)}}}}}", tmp_path, more)
    assert time.monotonic() - begin < 5
