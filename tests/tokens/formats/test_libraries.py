"""The token files as the trainers' own libraries read them: the ids of the token shards, document by document.

The libraries have environments of their own, made at the first call and kept in pytest's cache: they are large,
and want versions that don't go together.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from token_shards import NARROW, WIDE, Document, documents_of, flat, write_files, write_shards

from tamis.tokens.formats.contract import Vocabulary

HERE = Path(__file__).parent
Read = Callable[[str, Path, Vocabulary], dict[str, Any]]

pytestmark = [pytest.mark.service, pytest.mark.slow]


@pytest.fixture(scope="session")
def environment(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """The Python of an environment, by its name."""
    cache: Path = request.config.cache.mkdir("trainers")  # type: ignore[union-attr]

    def made(name: str) -> Path:
        wanted = (HERE / "environments" / f"{name}.txt").read_text(encoding="utf-8")
        folder = cache / name
        python, stamp = folder / "bin" / "python", folder / "requirements"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            requirements = HERE / "environments" / f"{name}.txt"
            pip = [python, "-m", "pip", "install", "-q", "--no-compile", "--disable-pip-version-check"]
            told = subprocess.run([*pip, "-r", requirements], capture_output=True, text=True, check=False)
            if told.returncode and "CI" not in os.environ:
                pytest.skip(f"the environment {name} can't be installed here: {told.stderr[-300:]}")
            assert told.returncode == 0, told.stderr
            stamp.write_text(wanted, encoding="utf-8")
        return python

    return made


@pytest.fixture
def read(environment: Callable[[str], Path], tmp_path: Path) -> Read:
    """Has a library read a release: the answer of one of the functions of `library_readers.py`."""

    def answer(function: str, release: Path, vocabulary: Vocabulary) -> dict[str, Any]:
        python = environment("streaming" if function.startswith("mds") else "trainers")
        variables = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "CACHE": str(tmp_path / "cache"),
            "ID_TYPE": vocabulary.type.name,
        }
        command = [python, "-W", "ignore", HERE / "library_readers.py", function, release]
        told = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr[-4000:]
        found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
        return found

    return answer


@pytest.fixture(scope="module", params=[NARROW, WIDE], ids=["uint16", "uint32"])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    found: Vocabulary = request.param
    return found


@pytest.fixture(scope="module")
def made(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Document]]:
    """A release's folder, several parts a cell, and its documents."""
    root = tmp_path_factory.mktemp("release")
    documents = write_shards(root, vocabulary)
    write_files(root, vocabulary, part_tokens=4_000)
    return root, documents


@pytest.mark.parametrize("function", ["megatron", "ds", "npy", "mds"])
def test_the_ids_are_those_of_the_token_shards(
    function: str, vocabulary: Vocabulary, made: tuple[Path, list[Document]], read: Read
) -> None:
    root, documents = made
    expected = documents_of(root, documents)
    assert len(expected) > 8
    found = read(function, root, vocabulary)
    assert found.keys() == expected.keys()
    for part, held in expected.items():
        assert found[part]["lengths"] == [len(one.ids) for one in held]
        assert found[part]["sha256"] == hashlib.sha256(flat(held).astype("<i8").tobytes()).hexdigest()
        if function == "mds":
            assert found[part]["ids"] == [one.id for one in held]
            assert found[part]["type"] == vocabulary.type.name


def test_mosaics_own_writer_writes_the_same_bytes(
    vocabulary: Vocabulary, made: tuple[Path, list[Document]], read: Read
) -> None:
    root, _ = made
    found = read("mds_writer", root, vocabulary)
    paths = [path for path in (root / "mds").rglob("*") if path.is_file() and path.suffix != ".yaml"]
    assert found == {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_megatron_draws_as_the_blend_says(
    vocabulary: Vocabulary, made: tuple[Path, list[Document]], read: Read, tmp_path: Path
) -> None:
    root, _ = made
    shutil.copytree(root, tmp_path / "copy")
    drawn = read("megatron_blend", tmp_path / "copy", vocabulary)
    words = (root / "megatron/main.blend").read_text().split()
    weights = dict(zip((word.removeprefix("megatron/") for word in words[1::2]), map(float, words[::2]), strict=True))
    assert sum(weights.values()) == pytest.approx(1)
    for part, weight in weights.items():
        assert drawn.get(part, 0) == pytest.approx(weight, abs=1 / 2_000)


def test_olmo_core_takes_what_the_mixture_says(
    vocabulary: Vocabulary, made: tuple[Path, list[Document]], read: Read
) -> None:
    root, documents = made
    taken = read("npy_mixture", root, vocabulary)
    mixed: dict[str, int] = {}
    for part, held in documents_of(root, documents).items():
        cell = part.rpartition("/")[0]
        mixed[cell] = mixed.get(cell, 0) + sum(one.copies * len(one.ids) for one in held)
    assert taken.keys() == mixed.keys()
    for cell, tokens in mixed.items():
        # In instances of four tokens, a part and a repeat at a time.
        assert taken[cell] == pytest.approx(tokens, abs=100)
