"""A source's `clean`: what it may hold, and what is said of anything else."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from small_recipes import HEAD, STAGE, complaints, load, write

from tamis.cleaners import CLEANERS
from tamis.recipe.cleaning import Cleaning
from tamis.recipe.schema import recipe_schema
from tamis.recipe.yaml_lines import parse_yaml, plain
from tamis.stages import STAGES

VALIDATOR = Draft202012Validator(recipe_schema(STAGES))


def with_clean(clean: str, defaults: str = "") -> str:
    """A recipe whose `clean` stands in line 8 (9 with defaults)."""
    head = f"{HEAD}defaults: {{{defaults}}}\n" if defaults else HEAD
    return (
        f"{head}sources:\n  - name: web\n    path: x\n    license: MIT\n    language: fr\n    clean: {clean}\n{STAGE}"
    )


def valid(text: str) -> bool:
    """Whether an editor finds nothing wrong."""
    return not list(VALIDATOR.iter_errors(plain(parse_yaml(text, "r"))))


def test_every_cleaner_has_its_field() -> None:
    assert list(Cleaning.model_fields) == list(CLEANERS)
    for name, field in Cleaning.model_fields.items():
        assert field.annotation == CLEANERS[name].config | None


@pytest.mark.parametrize(
    "clean",
    [
        "[html_unescape]",
        "[html_unescape, mojibake, {html_unescape: {times: 2}}]",
        "[{html_unescape: }, {repeated_lines: {count: 10, length: 10}}]",
        "[{tail: {pattern: '\\p{Lu}{2}', most: 0.5}}, {cid: {map: {146: a, '7': b}}}]",
        '[{replace: {pattern: "/n", by: "\\n"}}, {function: {path: a.b, version: "2"}}]',
        "[{wiki_markup: {templates: {lang: 2}}}]",
        "[]",
    ],
)
def test_what_loads_is_valid_and_is_written_again_as_it_was_meant(clean: str) -> None:
    text = with_clean(clean)
    recipe = load(text)
    assert valid(text)
    (source,) = recipe.sources
    again = load(write(recipe.to_recipe()))
    assert again == recipe
    written = plain(parse_yaml(text, "r"))["sources"][0]["clean"]
    names = [one if isinstance(one, str) else next(iter(one)) for one in written]
    assert [use.name for use in source.clean] == names
    assert ("clean" in recipe.to_recipe()["sources"][0]) == bool(names)


def test_options_are_read() -> None:
    (use,) = load(with_clean("[{repeated_lines: {count: 4}}]")).sources[0].clean
    assert use.config == CLEANERS["repeated_lines"].config(count=4)  # type: ignore[call-arg]
    assert use.cleaner is CLEANERS["repeated_lines"]


def test_defaults_are_taken_by_sources_that_name_none() -> None:
    text = (
        f"{HEAD}defaults: {{license: MIT, clean: [mojibake, html_unescape]}}\nsources:\n"
        f"  - {{name: a, path: x}}\n  - {{name: b, path: x, clean: [dehyphenation]}}\n"
        f"  - {{name: c, path: x, clean: []}}\n{STAGE}"
    )
    assert valid(text)
    used = {source.name: [use.name for use in source.clean] for source in load(text).sources}
    assert used == {"a": ["mojibake", "html_unescape"], "b": ["dehyphenation"], "c": []}


def test_placeholders_are_filled_in_and_classes_of_characters_are_none() -> None:
    text = (
        f"{HEAD}sources:\n  - name: a-{{lang}}\n    for_each: {{lang: [fr, de]}}\n    path: x\n    license: MIT\n"
        f"    clean: [{{tail: {{pattern: '\\p{{Lu}} {{lang}}'}}}}]\n{STAGE}"
    )
    patterns: list[Any] = [source.clean[0].config for source in load(text).sources]
    assert [one.pattern for one in patterns] == [r"\p{Lu} fr", r"\p{Lu} de"]


@pytest.mark.parametrize(
    ("clean", "complaint"),
    [
        ("[html_unescap]", "8: no cleaner is called 'html_unescap'. Did you mean 'html_unescape'? (allowed: cid, "),
        ("[{repeated_line: {count: 3}}]", "8: no cleaner is called 'repeated_line'. Did you mean 'repeated_lines'?"),
        ("[{repeated_lines: {cuont: 3}}]", "8: clean.0.repeated_lines: unknown option 'cuont'. Did you mean 'count'?"),
        ("[{repeated_lines: {count: 1}}]", "8: clean.0.repeated_lines.count: must be at least 2 (got 1)"),
        ("[{repeated_lines: {count: x}}]", "8: clean.0.repeated_lines.count: must be a whole number (got 'x')"),
        ("[{repeated_lines: 3}]", "8: the options of cleaner repeated_lines are a mapping"),
        ("[{html_unescape: {}, mojibake: {}}]", "8: an entry of `clean` is a cleaner's name, or one `name: {options}`"),
        ("[3]", "8: an entry of `clean` is a cleaner's name"),
        ("html_unescape", "8: clean is a list of cleaners: [html_unescape, "),
        ("[tail]", "8: cleaner tail needs `pattern`: `tamis cleaners tail` shows how"),
        ("[{function: }]", "8: cleaner function needs `path` and `version`"),
        ("[{function: {path: a.b}}]", "8: clean.0.function.version is missing"),
        ("[{function: {path: a.b, version: 2}}]", "clean.0.function.version: must be text (got 2): write it in quotes"),
        ("[{tail: {pattern: '(?=x)'}}]", "8: clean.0.tail.pattern: invalid perl operator: (?=. It is an"),
        ("[{cid: {map: {a: b}}}]", "8: clean.0.cid.map.a"),
        ("[{control_pages: {control: 2}}]", "8: clean.0.control_pages.control: must be at most 1 (got 2)"),
    ],
)  # fmt: skip
def test_wrong_lists(clean: str, complaint: str) -> None:
    text = with_clean(clean)
    found = complaints(text)
    assert len(found) == 1 and complaint in found[0], found
    if "(?=" not in clean:
        assert not valid(text), "an editor sees it, too"


def test_a_wrong_default_is_told_once_where_it_stands() -> None:
    sources = "sources:\n  - {name: a, path: x}\n  - {name: b, path: x}\n"
    found = complaints(f"{HEAD}defaults:\n  license: MIT\n  clean: [mojibak]\n{sources}{STAGE}")
    assert len(found) == 1 and found[0].startswith("5: no cleaner is called 'mojibak'.")
