"""Releases to publish, made by real runs, and a Hub to publish them on."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_files import CARD, CLOSED, FACTS, LETTERS, MIXED, RECIPE, SECRET, TALES, WORDS
from hub_server import Hub
from huggingface_hub.utils import disable_progress_bars

from tamis.cards.data_card import write_card
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, run
from tamis.hub import remote
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

# Read when the client is imported: by the first test here, before it publishes.
os.environ.update(HF_HUB_DISABLE_TELEMETRY="1")


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source files."""
    root, rng = tmp_path_factory.mktemp("hub-texts"), random.Random(5)
    for name, count in (("letters", 90), ("tales", 60), ("closed", 30)):
        rows = []
        for number in range(count):
            words = rng.choices([*WORDS, SECRET] if name == "closed" else WORDS, k=rng.randint(100, 200))
            rows.append({
                "id": str(number), "text": " ".join(words), "url": f"https://example.org/{name}/{number}",
                "lang": rng.choice(["fr", "de"]), "licence": rng.choice(["MIT", "LicenseRef-Unknown"]),
            })  # fmt: skip
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


@pytest.fixture(scope="session")
def made(texts: Path) -> dict[str, Path]:
    """Releases by what is special about them."""
    sources = {
        "open": ("1.0.0", LETTERS + TALES, CARD), "next": ("1.1.0", LETTERS, CARD),
        "held": ("2.0.0", LETTERS + CLOSED, CARD), "mixed": ("3.0.0", MIXED, CARD),
        "bare": ("4.0.0", LETTERS.replace(", " + FACTS, ""), "card: {summary: A summary.}"),
        "again": ("1.0.0", LETTERS, CARD), "shut": ("5.0.0", CLOSED, CARD),
    }  # fmt: skip
    releases = {}
    for name, (version, entries, card) in sources.items():
        recipe = load_recipe_text(RECIPE.format(version=version, sources=entries) + card, texts / "toy.yaml", STAGES)
        options = RunOptions(texts / "work", texts / name, 1)
        releases[name] = run(recipe, texts, options, Silent(), write_card).release
    return releases


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A Hub, and a token for it."""
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    disable_progress_bars()
    with Hub() as hub:
        yield hub


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the client or we would have waited: nobody does."""
    found: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", found.append)
    monkeypatch.setattr(remote.time, "sleep", found.append)
    return found
