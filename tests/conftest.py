"""Fixtures that several folders of tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from real_archives import Archives
from trained_release import make_release


@pytest.fixture(scope="session")
def tiny_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with token files."""
    return make_release(tmp_path_factory.mktemp("tiny-release"))


@pytest.fixture(scope="session")
def archives(pytestconfig: pytest.Config) -> Archives:
    """Archives of real crawlers, kept in pytest's cache."""
    return Archives(pytestconfig.cache.mkdir("web-archives"))


@pytest.fixture(autouse=True)
def endless_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output is that of a pipe, also where the runner of the tests says how wide its terminal is."""
    monkeypatch.delenv("COLUMNS", raising=False)
