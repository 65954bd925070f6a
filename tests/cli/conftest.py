"""What the tests of the command line share: a tiny corpus, its release, and a way to call commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tiny_place import Place, call, write_corpus


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A corpus of which nothing is done yet."""
    return write_corpus(tmp_path)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A corpus whose release is made: not to be changed."""
    found = write_corpus(tmp_path_factory.mktemp("made"))
    result = found.run("--quiet")
    assert result.exit_code == 0, result.stderr
    return found


@pytest.fixture
def tamis() -> Callable[..., Result]:
    """Calls a command."""
    return call
