"""A release whose recipe declares everything that can be declared, beside the toy one that declares little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from declared_recipe import DECLARED

from tamis.cards.rewrite import read_ledger
from tamis.cards.view import View, view_of
from tamis.corpus.manifest import Manifest, read_manifest
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import Recipe
from tamis.stages import STAGES


@pytest.fixture(scope="session")
def declaring() -> Recipe:
    return load_recipe_text(DECLARED, "declared.yaml", STAGES)


@pytest.fixture(scope="session")
def declared(
    declaring: Recipe, tmp_path_factory: pytest.TempPathFactory, build_release: Callable[[Recipe, Path], Manifest]
) -> Path:
    """The release; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("declared") / "toy-1.0.0"
    build_release(declaring, folder)
    return folder


@pytest.fixture
def view(declared: Path) -> View:
    manifest = read_manifest(declared)
    return view_of(manifest, read_ledger(manifest, declared), declared)


@pytest.fixture
def bare(release: Path) -> View:
    """The toy release: no card to speak of."""
    manifest = read_manifest(release)
    return view_of(manifest, read_ledger(manifest, release), release)
