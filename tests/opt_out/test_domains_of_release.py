"""From a release to a snapshot of its documents' sites, and to the next release, judged by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from tamis.cli.main import cli
from web_site import Site

RECIPE = """\
name: web
version: "{version}"
sources:
  - {{name: pages, path: pages.jsonl, columns: {{text: text, id: id, url: url}}, license: CC0-1.0, language: en}}
stages:
{stages}
"""
STAGES = """\
  - urls:
      keywords: {fr: [none], "*": [wikipedia]}
      folders: [ut1/]
  - opt_out: {snapshot: robots.jsonl, agents: [CCBot, GPTBot]}
  - word_lists:
      lists: {en: words.txt}
      keep: {count: [null, 1]}
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as found:
        found.answers = {"/robots.txt": (200, b"User-agent: GPTBot\nDisallow: /closed/\n", {})}
        yield found


def tamis(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.stderr
    return result


def run(place: Path, version: str, stages: str) -> pl.DataFrame:
    """The ledger of a release."""
    recipe = place / "web.yaml"
    recipe.write_text(RECIPE.format(version=version, stages=stages))
    tamis("run", recipe, "--out", place / "releases", "--work", place / "work", "--workers", "1", "--quiet")
    return pl.read_parquet(place / "releases" / f"web-{version}" / "ledger" / "*.parquet").sort("id")


def test_the_three_stages_in_a_recipe(tmp_path: Path, site: Site) -> None:
    pages = {
        "1": (f"http://{site.name(1)}/open/1", "The boats come in before dawn."),
        "2": (f"http://{site.name(1)}/closed/2", "The gulls quarrel over the nets."),
        "3": (f"http://{site.name(2)}/open/3", "A damn, damn long day at the harbour."),
        "4": ("https://en.wikipedia.org/wiki/Harbour", "A harbour is a sheltered body of water."),
        "5": ("https://www.bad.example/", "Nothing to see at this address."),
        "6": (None, "A text without an address is a damn rare thing."),
    }
    rows = [{"id": key, "url": url, "text": text} for key, (url, text) in pages.items()]
    (tmp_path / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "ut1" / "adult").mkdir(parents=True)
    (tmp_path / "ut1" / "adult" / "domains").write_text("bad.example\n")
    (tmp_path / "words.txt").write_text("damn\n")
    first = run(tmp_path, "1", STAGES.replace("  - opt_out: {snapshot: robots.jsonl, agents: [CCBot, GPTBot]}\n", ""))
    assert first["passed"].to_list() == [True, True, False, False, False, True]

    # Sites that aren't on this machine are known already, and stay unasked.
    out = tmp_path / "robots.jsonl"
    known = [{"site": name, "status": 404} for name in ("en.wikipedia.org", "www.bad.example")]
    out.write_text("".join(json.dumps(row) + "\n" for row in known))
    quick = ("--pause", "0", "--timeout", "5", "--retries", "0", "--json")
    result = tamis("opt-out-snapshot", "--release", tmp_path / "releases" / "web-1", "--out", out, *quick)
    facts = json.loads(result.stdout)
    assert (facts["asked"], facts["known"], facts["sites"]["found"]) == (2, 2, 2)
    second = run(tmp_path, "2", STAGES)
    assert second["dropped_by"].to_list() == [
        None, "opt_out.allowed", "word_lists.count", "urls.blocked", "urls.blocked", None,
    ]  # fmt: skip
    assert second["opt_out.rule"][1] == "GPTBot: Disallow: /closed/"
    assert second["opt_out.agent"][1] == "GPTBot"
    assert second["urls.rule"].to_list()[3:5] == ["keyword wikipedia", "category adult"]

    # The file's content is part of what is measured.
    out.write_text(out.read_text().replace("/closed/", "/nothing/"))
    assert run(tmp_path, "3", STAGES)["passed"][1]
    (tmp_path / "ut1" / "adult" / "domains").write_text("worse.example\n")
    assert run(tmp_path, "4", STAGES)["dropped_by"][4] is None
