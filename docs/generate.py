"""Writes docs/stages.md, docs/presets.md, docs/cleaners.md, docs/cli.md and data_cards/templates/default.md from the
declarations of stages and cleaners, the presets, the commands and the sections themselves.

python docs/generate.py           writes them
python docs/generate.py --check   fails when they are not current
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tamis.cards.data_card import SECTIONS
from tamis.cleaners import CLEANERS
from tamis.cli.cleaners import visible
from tamis.cli.main import cli
from tamis.cli.stages import citations, default_rules, reads, rule_lines, spelled
from tamis.recipe.cleaner_docs import cleaner_facts
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import StageUse
from tamis.recipe.presets import Preset, preset_names, read_preset
from tamis.recipe.stage_docs import stage_facts
from tamis.recipe.yaml_text import as_yaml
from tamis.stages import STAGES

WIDTH = 100
HERE = Path(__file__).parent
NOTE = "<!-- Made by docs/generate.py: change the code, then run it. -->\n"


def cell(value: object) -> str:
    """A value as Markdown table text."""
    pieces = " ".join(str(value).replace("|", "\\|").split()).split("`")
    # Between backticks stands code, which knows no entities.
    return "`".join(piece if number % 2 else piece.replace("<", "&lt;") for number, piece in enumerate(pieces))


def code(value: object) -> str:
    """A value as code in a Markdown table: only a bar needs care there."""
    return f"`{str(value).replace('|', chr(92) + '|')}`"


def stages() -> str:
    """All stages: method, signals with default rules, options."""
    parts = ["# Stages\n", NOTE, "In their recommended order: cheap and decisive ones first.\n"]
    for stage in STAGES:
        facts = stage_facts(stage)
        parts.append(f"## {facts['name']}\n\n{facts['title']}. Version {facts['version']}.\n\n{facts['about']}\n")
        if reads(facts):
            parts.append(f"Reads {reads(facts)}.\n")
        if facts["signals"]:
            parts.append("| signal | type | unit | kept by default | meaning |\n|---|---|---|---|---|")
        for signal in facts["signals"]:
            rules = "; ".join(default_rules(signal))
            cells = (code(signal["name"]), signal["type"], signal["unit"], rules, signal["meaning"])
            parts.append(f"| {' | '.join([cells[0], *map(cell, cells[1:])])} |")
        if facts["signals"]:
            parts.append("")
        for citation, signals in citations(facts).items():
            parts.append(f"Default of {', '.join(map(code, signals))}: {citation}.\n")
        parts += options(facts)
    return "\n".join(parts).rstrip() + "\n"


def options(facts: dict[str, Any]) -> list[str]:
    """A table of options, if there are any."""
    if not facts["options"]:
        return []
    rows = ["| option | type | default | meaning |\n|---|---|---|---|"]
    for option in facts["options"]:
        default = "required" if option["default"] == "required" else code(spelled(option["default"]))
        rows.append(f"| {code(option['name'])} | {cell(option['type'])} | {default} | {cell(option['meaning'])} |")
    return [*rows, ""]


CLEANING = """\
A source's `clean` lists cleaners that go over the raw text of every row, in order, before normalisation and before any
stage sees it; under `defaults`, those of all sources that name none of their own.

```yaml
name: books
version: "1"
defaults: {license: CC0-1.0}
sources:
  - name: gutenberg
    path: gutenberg/*.txt
    clean:
      - tail: {pattern: '^\\*{3} ?END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK', most: 0.5}
      - dehyphenation
  - name: theses
    path: theses/*.jsonl
    clean:
      - control_pages: {lines: 200, control: 0.2}
      - repeated_lines: {count: 10, length: 10}
      - function: {path: our_cleaners.without_cover, version: "1"}
stages:
  - language
```

**What is counted.** For each cleaner of a source, the texts it changed and the characters it took, of all rows read:
in `tamis status`, in the manifest and in the card. What a cleaner raises on a text rejects that row alone
(`cleaner_failed`, with the cleaner's name and the place in the code, never a text); a function that returns None
rejects it as `cleaner_rejected`. A text of which nothing is left is an `empty_text`.

**What is read again.** The cleaners' names, versions and options, the content of files they name and the versions of
libraries they use are part of a shard's identity: change one, and that source alone is read again.

**Regular expressions** of recipes are RE2's (in Arrow): their time is in proportion to the text, so no text can hang
a run. They know classes such as `\\p{Lu}`, `(?i)` and lazy quantifiers, and neither lookaround nor backreferences;
`^` and `$` stand at line ends. A cleaner sees line ends as `\\n` alone. The other cleaners go through a text a fixed
number of times; a function of your own is as quick as you write it.

A cleaner is a file in `pipeline/tamis/cleaners/`; `tamis cleaners NAME` prints what stands below. The examples are
tested.
"""


def cleaners() -> str:
    """All cleaners: what they do, options, examples."""
    parts = ["# Cleaners\n", NOTE, CLEANING]
    for cleaner in CLEANERS.values():
        facts = cleaner_facts(cleaner)
        by = f" By {', '.join(facts['libraries'])}." if facts["libraries"] else ""
        title = f"{facts['title'][0].upper()}{facts['title'][1:]}"
        parts.append(f"## {facts['name']}\n\n{title}. Version {facts['version']}.{by}\n")
        parts.append(f"{facts['about']}\n")
        parts += options(facts)
        parts.append("| `clean` | before | after |\n|---|---|---|")
        for example in facts["examples"]:
            texts = (code(visible(example[name])) for name in ("before", "after"))
            parts.append(f"| {code(example['entry'])} | {' | '.join(texts)} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


PRESETS = """\
The stages of well-known pipelines under a name. A preset is put in place of its line before anything else is read, so
`tamis plan`, identity, manifest and card see its stages, and later rules are the ones you read here.

```yaml
  - preset: gopher
```

```yaml
  - preset:
      name: fineweb
      set: {gopher_quality.keep.words: [30, null], language.keep.label: [en]}   # spelled as for --set
      without: [near_duplicates]
      when: {category: [web]}                                                   # for all of its stages
```

`--set` and variants reach its stages as any other: `tamis what-if recipe.yaml --set gopher_quality.keep.words=30,`.
Change a preset's stages by `set`, or leave them out by `without` and write your own. A stage of your own beside the
preset's wants another name (`as`); of two presets, the second leaves out what they share. Where a stage of the preset
has a `when` of its own, both conditions hold.
`tamis presets NAME` prints one as YAML to paste.

A preset that judges signals of its source is named there, too; fields that the source maps itself go before:

```yaml
sources:
  - name: redpajama-v2-fr
    preset: lucie-web
    path: fr_head/*.jsonl.gz
    language: fr
    license: LicenseRef-CommonCrawl-ToU
    license_url: https://commoncrawl.org/terms-of-use
stages:
  - preset: lucie-web
```
"""


def presets() -> str:
    """All presets: what they are, every threshold in force, and where it comes from."""
    parts = ["# Presets\n", NOTE, PRESETS]
    for name in preset_names():
        preset = read_preset(name)
        parts.append(f"## {name}\n\n{preset.title}.\n\n{preset.about}")
        source = {"name": name, "path": "x", "license": "CC0-1.0", **preset.source}
        recipe = {"name": name, "version": "1", "sources": [source], "stages": list(preset.stages)}
        uses = load_recipe_text(as_yaml(recipe), name, STAGES).stages
        parts.append("| stage | options and signals | kept | where it comes from |\n|---|---|---|---|")
        for use in uses:
            for option, value in use.config.model_dump(mode="json", exclude_defaults=True).items():
                parts.append(
                    f"| {code(use.name)} | {code(option)} | {code(spelled(value))} | {cited(preset, use, '')} |"
                )
            if use.when:
                rules = "; ".join(f"{column} {condition}" for column, condition in use.when.items())
                parts.append(f"| {code(use.name)} | only where | {cell(rules)} | {cited(preset, use, '')} |")
            for signal, condition in use.keep.items():
                by = {column: {value: str(rules[signal]) for value, rules in values.items() if signal in rules}
                      for column, values in use.keep_by.items()}  # fmt: skip
                rules = cell("; ".join(rule_lines(str(condition), by)))
                parts.append(f"| {code(use.name)} | {code(signal)} | {rules} | {cited(preset, use, signal)} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def cited(preset: Preset, use: StageUse, signal: str) -> str:
    """Where a threshold of a preset comes from."""
    own = preset.citations.get(f"{use.name}.{signal}") or preset.citations.get(use.name)
    return cell(own or (use.stage.signals[signal].citation if signal else ""))


def commands() -> str:
    """Every command's `--help`."""
    parts = ["# Command line\n", NOTE]
    context = click.Context(cli, info_name="tamis", terminal_width=WIDTH, **cli.context_settings)
    parts.append(f"```\n{cli.get_help(context)}\n```\n")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context, terminal_width=WIDTH)
        parts.append(f"## tamis {name}\n\n```\n{command.get_help(inner)}\n```\n")
    return "\n".join(parts).rstrip() + "\n"


def template() -> str:
    """A card's template that has every section in its usual place."""
    return "\n\n".join(f"{{{{ {name} }}}}" for name in SECTIONS) + "\n"


def main() -> None:
    """Writes or checks the files."""
    stale = []
    made = {
        "docs/stages.md": stages(),
        "docs/cleaners.md": cleaners(),
        "docs/presets.md": presets(),
        "docs/cli.md": commands(),
        "data_cards/templates/default.md": template(),
    }
    for name, text in made.items():
        path = HERE.parent / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.exit(f"{' and '.join(stale)} not current: run `python docs/generate.py`")


if __name__ == "__main__":
    main()
