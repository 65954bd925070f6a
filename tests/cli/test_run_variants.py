"""Releases of a recipe's variants from the command line: each its own, of the same signals."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from tamis.cards.verify import verify
from varied_recipe import write_varied

Tamis = Callable[..., Result]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recipe, in which nothing is done yet."""
    found = tmp_path_factory.mktemp("varied")
    write_varied(found)
    return found


def options(root: Path, out: str = "out") -> list[str]:
    return ["--work", str(root / "work"), "--out", str(root / out), "--workers", "1", "--json"]


@pytest.mark.slow
def test_variants_share_all_that_is_measured(root: Path, tamis: Tamis) -> None:
    recipe = str(root / "varied.yaml")
    first = json.loads(tamis("run", recipe, "--variant", "long", *options(root)).stdout)
    assert first["release"].endswith("/varied-1+long")
    assert first["measured"] > 0
    # The plain recipe keeps documents that the variant dropped early: only those are looked at, in the same files.
    both = json.loads(tamis("run", recipe, "--all-variants", *options(root)).stdout)["releases"]
    assert [Path(one["release"]).name for one in both] == ["varied-1", "varied-1+french", "varied-1+long"]
    plain, french, long = both
    assert long["nothing_to_do"]
    assert (french["measured"], plain["documents"] > long["documents"]) == (0, True)
    assert (french["documents"], french["mixed_tokens"] > plain["mixed_tokens"]) == (plain["documents"], True)
    assert len({one["identity"] for one in both}) == 3
    for one in both:
        assert verify(Path(one["release"])).problems == []
    manifest = json.loads((Path(french["release"]) / "manifest.json").read_text())
    assert manifest["version"] == "1+french"
    assert "variants" not in manifest["recipe"]
    # A threshold alone, on what is measured: nothing is measured for it.
    looser = root / "looser.yaml"
    looser.write_text((root / "varied.yaml").read_text() + "  longer: {gopher_quality.keep.words: [30, null]}\n")
    found = json.loads(tamis("run", str(looser), "--variant", "longer", *options(root)).stdout)
    assert found["measured"] == 0
    assert found["documents"] < long["documents"]
    # The releases of the others are still what that recipe makes.
    again = json.loads(tamis("run", str(looser), "--all-variants", *options(root)).stdout)["releases"]
    assert all(one["nothing_to_do"] for one in again)


def test_other_commands_take_a_variant(root: Path, tamis: Tamis) -> None:
    recipe, work = str(root / "varied.yaml"), ["--work", str(root / "work"), "--json"]
    tamis("run", recipe, "--all-variants", *options(root))
    facts = json.loads(tamis("what-if", recipe, "--variant", "long", *work).stdout)
    assert facts["changes"] == ["variant long"]
    made = json.loads((root / "out" / "varied-1+long" / "manifest.json").read_text())["totals"]
    assert (facts["documents_after"], facts["mixed_tokens_after"]) == (made["documents"], made["mixed_tokens"])
    shares = {}
    for names in ((), ("--variant", "french")):
        phase = json.loads(tamis("mix", recipe, *names, *work).stdout)["phases"][0]
        shares[names] = next(row["share"] for row in phase["by_language"] if row["value"] == "fr")
    assert shares[()] < 0.6 < 0.8 < shares[("--variant", "french")]
    assert json.loads(tamis("plan", recipe, "--variant", "long", *work).stdout)["version"] == "1+long"
    ledger = pl.read_parquet(root / "out" / "varied-1+long" / "ledger" / "*.parquet")
    short = ledger.filter((pl.col("gopher_quality.words") >= 5) & (pl.col("gopher_quality.words") < 20))["id"][0]
    dropped = json.loads(tamis("why", short, recipe, "--variant", "long", *work).stdout)["dropped_by"]
    assert dropped == "gopher_quality.words"
    assert json.loads(tamis("why", short, recipe, *work).stdout)["dropped_by"] != dropped


def test_status_tells_variants_apart(tmp_path: Path, tamis: Tamis) -> None:
    recipe, work = str(write_varied(tmp_path)), ["--work", str(tmp_path / "work")]
    tamis("run", recipe, "--variant", "long", *options(tmp_path))
    facts = json.loads(tamis("status", recipe, *work, "--json").stdout)
    assert facts["last_run"] is None and set(facts["variants"]) == {"plain", "french", "long"}
    assert facts["variants"]["long"]["release"].endswith("varied-1+long")
    assert facts["variants"]["french"] is None
    told = tamis("status", recipe, *work).output
    assert "varied: no run yet" in told and "variant long: finished" in told and "variant french: no run yet" in told
    own = tamis("status", recipe, "--variant", "long", *work).output
    assert "varied+long: finished" in own and "the recipe as it stands: no run yet" in own


def test_refusals(root: Path, tamis: Tamis) -> None:
    recipe = str(root / "varied.yaml")
    wrong = tamis("run", recipe, "--variant", "frech", *options(root))
    assert (wrong.exit_code, "has no variant 'frech'. Did you mean 'french'?" in wrong.stderr) == (2, True)
    both = tamis("run", recipe, "--variant", "long", "--all-variants", *options(root))
    assert (both.exit_code, "leave out --variant" in both.stderr) == (2, True)


def test_without_torch_tamis_ablate_names_the_extra_at_once(
    tmp_path: Path, tamis: Tamis, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_varied(tmp_path)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find(name, *rest))
    refused = tamis("ablate", str(tmp_path / "varied.yaml"), "--work", str(tmp_path / "work"))
    assert (refused.exit_code, "pip install 'tamis[torch]'" in refused.stderr) == (2, True)
    assert not (tmp_path / "work").exists()
