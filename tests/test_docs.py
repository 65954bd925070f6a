"""The documents say what is: commands parse, recipes load, links lead somewhere, generated files are current."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from tamis import __version__
from tamis.cleaners import CLEANERS
from tamis.cli.main import COMMANDS, cli
from tamis.recipe.load import load_recipe, load_recipe_text
from tamis.recipe.schema import recipe_schema
from tamis.stages import STAGES

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BASE = """\
name: base
version: "1"
sources:
  - {name: wikipedia-fr, path: "*.jsonl", license: CC0-1.0, language: fr}
stages:
  - language
  - gopher_quality
  - near_duplicates
  - tokenize: {tokenizer: {train: {vocabulary_size: 512}}}
"""
"""A recipe with whatever the documents' fragments and settings change."""


def blocks(page: Path, *languages: str) -> Iterator[tuple[str, str]]:
    """Code blocks of a page: `PAGE:LINE`, and their text."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        if match[1] in languages:
            yield f"{page.name}:{text[: match.start()].count(chr(10)) + 2}", match[2]


def command_lines() -> list[tuple[str, str]]:
    """Every `tamis ...` that the documents show in code, and the package in its messages and help."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for place, block in blocks(page, "sh", "bash", ""):
            found += [(place, line) for line in re.findall(r"(?m)(?:^|[ /])(tamis (?:(?!&&|  )[^\n])*)", block)]
        found += [(page.name, line) for line in re.findall(r"`(tamis [^`\n]+)`", text)]
    for source in sorted((ROOT / "pipeline").rglob("*.py")):
        text = source.read_text(encoding="utf-8")
        found += [(source.name, line) for line in re.findall(r"`(tamis [^`\n]+)`", text)]
    # Neither a usage line of a help text, nor a word on commands in general.
    return [(place, line) for place, line in found if not re.search(r"\[OPTIONS\]|tamis (NAME|\.\.\.)", line)]


def settings() -> list[str]:
    """Every `--set` in the documents."""
    lines = [line for place, line in command_lines() if place.partition(":")[0].endswith(".md")]
    return sorted({setting for line in lines for setting in re.findall(r"--set ('[^']+'|[^\s`]+)", line)} - {"..."})


@pytest.mark.parametrize(("place", "line"), command_lines())
def test_a_command_line_that_is_shown_parses(place: str, line: str) -> None:
    words = shlex.split(line.replace("{", "").replace("}", "").replace("[...]", ""), comments=True)
    name, *arguments = words[1:]
    if name.startswith("-"):
        name, arguments = arguments[0], arguments[1:]
    assert name in COMMANDS, f"{place}: {line}"
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    context = click.Context(command, parent=click.Context(cli, **cli.context_settings))
    _, left, _ = command.make_parser(context).parse_args(list(arguments))
    assert not left, f"{place}: {line}: too much"


def test_command_lines_are_found() -> None:
    shown = {line.split()[1] for place, line in command_lines() if place.startswith("README")}
    assert shown >= {"run", "plan", "what-if", "why", "verify"}


@pytest.mark.parametrize("setting", settings())
def test_a_setting_that_is_shown_is_taken(setting: str) -> None:
    changed = load_recipe_text(BASE, "base.yaml", STAGES, [setting.strip("'")])
    assert changed.to_recipe() != load_recipe_text(BASE, "base.yaml", STAGES).to_recipe()


def yaml_blocks() -> list[tuple[str, str]]:
    return [found for page in PAGES for found in blocks(page, "yaml")]


@pytest.mark.parametrize(("place", "text"), yaml_blocks())
def test_yaml_that_is_shown_loads(place: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole recipe as it stands, a part of one inside another."""
    monkeypatch.setenv("CORPUS", "data")
    # A list stands as it would under `stages:`.
    data = YAML(typ="safe").load("stages:\n" + text if text.lstrip().startswith("- ") else text)
    if {"name", "sources"} <= data.keys():
        recipe = load_recipe_text(text, place, STAGES)
        assert recipe.sources and recipe.stages
        return
    whole: dict[str, Any] = YAML(typ="safe").load(BASE) | data
    recipe = load_recipe_text(json.dumps(whole), place, STAGES)
    assert recipe.sources and recipe.stages


def test_recipes_are_shown() -> None:
    whole = [place for place, text in yaml_blocks() if "\nsources:" in text]
    assert len(whole) >= 3
    assert len(yaml_blocks()) > len(whole)


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_recipes_here_load(path: Path) -> None:
    assert load_recipe(path, STAGES).name == path.stem


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as they are made of their words on the web."""
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{page.name} links to {target}"
    # A file of the repository that is named in prose is there.
    for name in re.findall(r"`((?:docs|pipeline|tests|schemas|recipes|bench|data_cards)/[\w./-]+)`", prose):
        assert (ROOT / name).exists(), f"{page.name} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_no_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    places = re.findall(r"(?<![\w.:/*-])/(?:home|root|work|tmp|usr|opt|mnt|srv|var|data)/\S*", text)
    hosts = re.findall(r"localhost|127\.0\.0\.1|index-url|pypi\.org|/simple\b", text)
    assert not places + hosts


def test_the_readme_links_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in readme


def test_the_changelog_has_this_version() -> None:
    newest = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]
    assert newest == __version__


def test_every_dependency_has_its_reason() -> None:
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = project[project.index("dependencies = [") : project.index("[project.scripts]")]
    for name in re.findall(r'"([A-Za-z0-9_-]+)(?:\[[a-z]+\])?[><=]', declared):
        assert re.search(rf"\b{re.escape(name)}\b", page), f"docs/dependencies.md doesn't say why {name}"


# Generated files


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs/generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["stages", "presets", "cleaners", "commands"])
def test_generated_pages_are_current(page: str) -> None:
    path = ROOT / "docs" / ("cli.md" if page == "commands" else f"{page}.md")
    assert path.read_text(encoding="utf-8") == getattr(generator(), page)(), "run `python docs/generate.py`"


def test_every_stage_and_command_is_documented() -> None:
    titles = {page: anchors(ROOT / f"docs/{page}.md") for page in ("stages", "cleaners", "cli")}
    assert titles["cleaners"] >= set(CLEANERS)
    assert titles["stages"] >= set(STAGES.names())
    assert titles["cli"] >= {f"tamis-{name}" for name in COMMANDS}


def test_the_schema_is_current() -> None:
    written = json.loads((ROOT / "schemas/recipe.schema.json").read_bytes())
    current = json.loads(json.dumps(recipe_schema(STAGES)))
    assert written == current, "run `tamis schema --out schemas/recipe.schema.json`"
