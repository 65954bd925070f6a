"""Templates of cards: prose stays, sections come where they are asked for, and nothing is hidden."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tamis.cards.data_card import SECTIONS, render, write_card
from tamis.cards.rewrite import read_ledger
from tamis.cards.template import MOST, REQUIRED, check_template, fill, left_out
from tamis.cards.verify import verify
from tamis.cli.options import load
from tamis.corpus.manifest import Manifest, read_manifest
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, RunSummary, run
from tamis.errors import InputError, RecipeError

NEEDED = "\n\n".join(f"{{{{ {name} }}}}" for name in REQUIRED) + "\n"
RECIPE = """
name: own
version: 1.0.0
sources: [{name: web, path: in.jsonl, license: CC0-1.0, language: en}]
stages: [exact_duplicates]
card: {template: card.md}
"""
OWN = """Our words, with `{{ braces }}` in code.

{{at_a_glance}}

## Intended uses

To be read.

```jinja
{{ composition }}
```

{{ rights }}
{{ personal_data }}

{{ missing }}
"""


@pytest.fixture
def manifest(release: Path) -> Manifest:
    return read_manifest(release)


def card(release: Path, manifest: Manifest, template: str) -> dict[str, bytes]:
    made = manifest.model_copy(update={"card_template": template})
    return render(made, read_ledger(manifest, release), release)


def body(readme: bytes) -> str:
    return readme.decode().partition("\n## ")[2]


def test_the_default_template_makes_the_card_without_one(release: Path, manifest: Manifest) -> None:
    default = Path(__file__).parents[2] / "data_cards/templates/default.md"
    text = default.read_text(encoding="utf-8")
    check_template("default.md", text, SECTIONS)
    assert left_out(text, SECTIONS) == []
    sections = re.sub(r"\n{3,}", "\n\n", body(card(release, manifest, text)["README.md"]))
    assert sections == re.sub(r"\n{3,}", "\n\n", body((release / "README.md").read_bytes()))


def test_prose_stays_and_what_is_left_out_is_said(release: Path, manifest: Manifest) -> None:
    made = card(release, manifest, OWN)
    readme = made["README.md"].decode()
    assert made["card_template.md"].decode() == OWN
    assert "Our words, with `{{ braces }}` in code." in readme and "```jinja\n{{ composition }}\n```" in readme
    titles = re.findall(r"^## (.*)$", readme, re.M)
    assert titles == ["At a glance", "Intended uses", "Rights", "Personal data", "What is missing"]
    missing = readme[readme.index("## What is missing") :]
    assert "leaves out what was computed for: Composition, What was dropped and why, Rules, Sources, " in missing
    # Its own section is not missing; one that nobody wrote is.
    assert "Intended uses" not in missing and "`card.intended_uses`" not in missing
    assert "`card.contact` is empty" in missing
    page = made["card.html"].decode()
    assert '<section id="intended-uses"' in page and "To be read." in page and "{{ composition }}" in page


def test_a_template_can_bring_nothing_to_run_or_to_load(release: Path, manifest: Manifest) -> None:
    evil = '<script>alert(1)</script> <img src="http://127.0.0.1/x"> ![x](http://127.0.0.1/y.png) <b onclick=1>\n\n![x](http://127.0.0.1/y.png)\n\n'
    page = card(release, manifest, evil + NEEDED)["card.html"].decode()
    assert page.count("<script") == 2 and "<img" not in page and "<b onclick" not in page
    assert '<a href="http://127.0.0.1/y.png">x</a>' in page


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        (f"{{{{ right }}}}\n{NEEDED}", "t.md:1: no section is called 'right'. Did you mean 'rights'?"),
        (f"See {{{{ mix }}}} here.\n{NEEDED}", "t.md:1: a placeholder is a line of its own"),
        (f"{NEEDED}\n{{{{ rights }}}}", "t.md:9: section 'rights' stands in line 3 already"),
        ("{{ at_a_glance }}\n{{ rights }}\n{{ missing }}", "t.md:3: section 'personal_data' is not in the template"),
        (NEEDED + "x" * MOST, "t.md:1: a template has at most 100000 characters"),
    ],
)
def test_a_wrong_template_is_told_at_its_line(template: str, complaint: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(complaint)):
        check_template("t.md", template, SECTIONS)


def test_every_complaint_is_told_at_once() -> None:
    with pytest.raises(RecipeError) as raised:
        check_template("t.md", "{{ one }}\n{{ two }}\n", SECTIONS)
    assert len(str(raised.value).split("\n")) == 2 + len(REQUIRED)


def test_a_release_keeps_its_template_and_hangs_on_it(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(f'{{"text": "word {n}"}}\n' for n in range(9)), encoding="utf-8")
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "card.md").write_text(OWN, encoding="utf-8")

    def make() -> RunSummary:
        recipe, base = load(str(tmp_path / "r.yaml"), ())
        return run(recipe, base, RunOptions(tmp_path / "work", tmp_path / "out", 1), Silent(), write_card)

    first = make()
    assert make().nothing_to_do
    (tmp_path / "card.md").write_text(OWN.replace("Our", "Your"), encoding="utf-8")
    second = make()
    assert second.manifest.identity != first.manifest.identity
    (tmp_path / "card.md").unlink()
    assert verify(second.release).problems == []
    page = second.release / "card.html"
    page.write_text(page.read_text(encoding="utf-8").replace("9 documents", "8 documents", 1), encoding="utf-8")
    assert any(problem.place.startswith("card.html:") for problem in verify(second.release).problems)


def test_filling_keeps_every_other_line() -> None:
    assert fill("a\n{{ x }}\n\n{{ y }}\nb\n", {"x": "## X\n\nbody"}) == "a\n## X\n\nbody\n\n\nb"


def test_a_recipe_is_refused_before_it_runs(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "recipes/sample.yaml"
    shutil.copy(sample, tmp_path / "r.yaml")
    path = tmp_path / "r.yaml"
    with pytest.raises(InputError, match=r"card\.md: No such file.*card\.template"):
        load(str(path), ("card.template=card.md",))
    (tmp_path / "card.md").write_text(NEEDED + "{{ mixx }}\n", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"card\.md:\d+: no section is called 'mixx'\. Did you mean 'mix'"):
        load(str(path), ("card.template=card.md",))
    (tmp_path / "card.md").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8 at byte 0"):
        load(str(path), ("card.template=card.md",))
    (tmp_path / "card.md").write_text(NEEDED, encoding="utf-8")
    assert load(str(path), ("card.template=card.md",))[0].card.template == "card.md"
