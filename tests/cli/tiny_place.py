"""A tiny corpus, its recipe, and the command line in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from tamis.cli.main import cli

SENTENCES = (
    "The harbour wakes before dawn, when the boats come in and the gulls begin to quarrel over the nets.",
    "She had kept every ticket from that summer in a box, and now she read them one after another.",
    "It is not easy to explain why the bridge was built so far from the road that it was meant to serve.",
    "We walked along the canal until the rain stopped, and then we sat on a bench and watched the lights.",
)
RECIPE = """\
name: tiny
version: "1"
defaults: {license: CC0-1.0, category: letters}
sources:
  - {name: english, path: data/*.jsonl, columns: {text: text, id: id}, language: en}
stages:
  - gopher_quality: {keep: {words: [10, 60]}, keep_by: {language: {en: {words: [10, 70]}}}}
  - exact_duplicates
  - tokenize: {tokenizer: {train: {vocabulary_size: 512, characters: 5000}}}
"""


@dataclass(frozen=True)
class Place:
    """A folder with a recipe, and the command line in it. Paths in results start at `root`."""

    root: Path

    @property
    def recipe(self) -> str:
        """Path of the recipe."""
        return str(self.root / "tiny.yaml")

    @property
    def work(self) -> str:
        """The work folder."""
        return str(self.root / "work")

    @property
    def out(self) -> str:
        """The folder of releases."""
        return str(self.root / "out")

    @property
    def release(self) -> Path:
        """The release that the recipe makes."""
        return self.root / "out" / "tiny-1"

    def run(self, *options: str) -> Result:
        """`tamis run` of the recipe in its folders."""
        return call("run", self.recipe, "--work", self.work, "--out", self.out, "--workers", "1", *options)


def call(*arguments: str) -> Result:
    """`tamis ARGUMENTS` in this process: exit code, stdout, stderr."""
    result = CliRunner().invoke(cli, arguments, prog_name="tamis")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write_corpus(root: Path) -> Place:
    """Twelve documents in two files, one line that is none, and the recipe for them."""
    (root / "data").mkdir(parents=True)
    rows = [
        {"id": str(number), "text": " ".join(SENTENCES[: number % 4 + 1]) + f" Number {number // 2}."}
        for number in range(12)
    ]
    lines = [json.dumps(row) for row in rows]
    (root / "data/a.jsonl").write_text("\n".join([*lines[:6], "{broken", ""]))
    (root / "data/b.jsonl").write_text("\n".join([*lines[6:], lines[11], ""]))
    (root / "tiny.yaml").write_text(RECIPE)
    return Place(root)
