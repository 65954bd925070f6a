from __future__ import annotations

import textwrap

import pytest
from small_recipes import HEAD, STAGE, complaints, load

from tamis.corpus.conditions import Condition


def test_sources_inherit_defaults_and_take_their_own_place() -> None:
    recipe = load(
        HEAD
        + textwrap.dedent("""\
        defaults: {license: MIT, category: web, priority: 3, version: 1.10}
        sources:
          - {name: a, path: a}
          - {name: b, path: [b, c], category: book, license: null, columns: {license: l}}
        """)
        + STAGE
    )
    a, b = recipe.sources
    assert (a.license, a.category, a.priority, a.version) == ("MIT", "web", 3, "1.10")
    assert (b.license, b.category, b.path) == (None, "book", ("b", "c"))


def test_for_each_fans_out_everywhere() -> None:
    recipe = load(
        HEAD
        + textwrap.dedent("""\
        defaults: {license: MIT, url: "https://{lang}.example.org"}
        sources:
          - name: wiki-{lang}-{year}
            for_each: {lang: [fr, no], year: [2019, 01, 2020_05]}
            path: ["${DATA}/{lang}/{year}.jsonl", x]
            language: "{lang}"
            columns: {text: "text_{lang}"}
            where: {dump: ["{year}"]}
          - {name: plain, path: a}
        """)
        + STAGE
    )
    names = [source.name for source in recipe.sources]
    years = ["2019", "01", "2020_05"]
    assert names == [f"wiki-{lang}-{year}" for lang in ("fr", "no") for year in years] + ["plain"]
    last = recipe.sources[5]
    assert last.path == ("${DATA}/no/2020_05.jsonl", "x")
    assert (last.language, last.columns, last.url) == ("no", {"text": "text_no"}, "https://no.example.org")
    assert last.where == {"dump": Condition(in_=("2020_05",))}


@pytest.mark.parametrize(
    ("entry", "line", "complaint"),
    [
        ("name: a-{lang}\n    path: x", 4, "placeholder {lang} has no values. Add for_each: {lang: [...]}"),
        ("name: a-{lang}\n    path: x/{lagn}\n    for_each: {lang: [fr]}", 4, "{lagn} has no values. Did you mean"),
        ("name: a\n    path: x/{lang}", 4, "placeholder {lang} has no values. Add for_each: {lang: [...]}"),
        ("name: a\n    path: '{lang}'\n    for_each: {lang: [fr]}", 4, "the name must contain {lang}"),
        ("name: a-{x}\n    path: x\n    for_each: {x: [b, b]}", 4, "two sources are called 'a-b'"),
        ("name: a-{x}\n    path: x\n    for_each: {x: []}", 6, "for_each maps placeholders to lists"),
        ("name: a-{x}\n    path: x\n    for_each: {x: [true]}", 6, "for_each maps placeholders to lists"),
        ("name: a-{x}\n    path: x\n    for_each: {x: [null]}", 6, "for_each maps placeholders to lists"),
        ("name: a-{x}\n    path: x\n    for_each:", 6, "for_each maps placeholders to lists"),
        ("name: a-{x}\n    path: x\n    for_each: {x: b}", 6, "for_each maps placeholders to lists"),
        ("name: a-{x}\n    path: x\n    for_each: {x: [B]}", 4, "'a-B' can't name a source"),
        ("name: a-{x}\n    path: x\n    for_each: {x: [b, c]}\n    language: '{x}z'", 7, "'bz' is no language code"),
        ("name: a\n    path: x\n    foreach: {x: [b]}", 6, "Did you mean 'for_each'?"),
        ("name: a\n    path: $DATA/x", 5, "a variable is ${NAME} or ${NAME:-default}"),
        ("name: a\n    path: [a, '${DATA/x']", 5, "a variable is ${NAME} or ${NAME:-default}"),
        ("name: a\n    path: 3", 5, "path: must be a list (got 3)"),
        ("name: a\n    path: []", 5, "path: must have at least 1 entries"),
        ("name: a\n    path: [x, 3]", 5, "path.1: must be text (got 3): write it in quotes"),
        ("name: a\n    path:\n      - x\n      - ''", 7, "path.1: must not be empty"),
        ("name: a", 4, "path is missing"),
        ("path: a", 4, "name is missing"),
        ("name: a\n    path: x\n    columns:\n      txt: t", 7, "'txt' is no document column. Did you mean 'text'?"),
        ("name: a\n    path: x\n    signals:\n      edu: {feild: q}", 7, "signals.edu: unknown option 'feild'. Did"),
        ("name: a\n    path: x\n    where:\n      year: [3, 1]", 7, "where.year: the range [3, 1] is empty"),
        ("name: a\n    path: x\n    where:\n      year: {mn: 1}", 7, "where.year: unknown option 'mn'. Did you mean"),
        ("name: a\n    path: x\n    format: jsnol", 6, "'jsnol' is not allowed. Did you mean 'jsonl'?"),
        ("name: a\n    path: x\n    redistributable: yes", 6, "redistributable: must be true or false (got 'yes')"),
        ("name: a\n    path: x\n    language: french", 6, "Did you mean 'fr'?"),
        ("name: a\n    path: x\n    language: zz", 6, "'zz' is no language code"),
        ("name: a\n    path: x\n    language:", 6, "language: must be text (got null)"),
        ("name: a\n    path: x\n    license: GPL-2.0", 6, "Did you mean 'GPL-2.0-only' or 'GPL-2.0-or-later'?"),
        ("name: a\n    path: x\n    license: LicenseRef-Ours", 4, "LicenseRef-Ours needs a license_url"),
    ],
)  # fmt: skip
def test_wrong_sources(entry: str, line: int, complaint: str) -> None:
    tail = "" if "license" in entry else "\n    license: MIT"
    found = complaints(f"{HEAD}sources:\n  - {entry}{tail}\n{STAGE}")
    assert any(one.startswith(f"{line}: ") and complaint in one for one in found), found


def test_a_source_needs_a_license_even_when_something_else_is_wrong() -> None:
    found = complaints(f"{HEAD}sources:\n  - name: a\n    path: x\n    language: zz\n{STAGE}")
    assert found[0].startswith("4: source 'a' has no license: name its SPDX identifier")
    assert found[1].startswith("6: language: 'zz' is no language code")
    assert len(found) == 2


def test_wrong_defaults_are_told_once_and_sources_are_checked_all_the_same() -> None:
    text = HEAD + textwrap.dedent("""\
        defaults:
          license: mit
          category: web
        sources:
          - {name: a, path: x}
          - {name: b, path: x, langage: fr}
        stages:
          - language: {when: {category: web}}
        mix: {sources: {a: 2, c: 1}}
        """)
    found = complaints(text)
    assert [int(one.partition(":")[0]) for one in found] == [4, 8, 11]
    assert "SPDX writes it 'MIT'" in found[0]
    assert "Did you mean 'language'?" in found[1]
    assert "no source is called 'c'" in found[2]


def test_the_second_of_two_names_is_the_wrong_one() -> None:
    text = (
        f"{HEAD}sources:\n  - {{name: a, path: x, license: MIT}}\n  - path: y\n    name: a\n    license: MIT\n{STAGE}"
    )
    assert complaints(text) == ["6: two sources are called 'a': names are unique"]


def test_norwegian_is_no_boolean() -> None:
    text = f"{HEAD}sources:\n  - {{name: nor, path: x, license: MIT, language: no}}\n"
    recipe = load(
        text
        + textwrap.dedent("""\
        stages:
          - language:
              keep: {label: [no, yes, on]}
              keep_by: {language: {no: {score: [0.5, null]}}}
              when: {language: no}
        mix: {languages: {no: 2}, epochs: {no--web: 3}}
        """)
    )
    (use,) = recipe.stages
    assert recipe.sources[0].language == "no"
    assert use.keep["label"] == Condition(in_=("no", "yes", "on"))
    assert use.keep_by == {"language": {"no": {"score": Condition(min=0.5)}}}
    assert use.when == {"language": Condition(in_=("no",))}
    assert recipe.mix.languages == {"no": 2}


def test_anchors_and_merge_keys_work_and_keep_their_lines() -> None:
    text = HEAD + textwrap.dedent("""\
        sources:
          - &first
            name: a
            path: a
            license: MIT
            columns: &columns
              text: body
              txt: wrong
          - <<: *first
            name: b
          - {name: c, path: c, license: MIT, columns: *columns}
        """)
    found = complaints(text + STAGE)
    assert [one.partition(" Did")[0] for one in found] == ["10: 'txt' is no document column."]
    good = load(text.replace("      txt: wrong\n", "") + STAGE)
    assert [(s.name, s.path, s.columns) for s in good.sources] == [
        ("a", ("a",), {"text": "body"}),
        ("b", ("a",), {"text": "body"}),
        ("c", ("c",), {"text": "body"}),
    ]
