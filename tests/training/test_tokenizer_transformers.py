"""The files as `transformers` reads them give the ids of Tamis. Its environment is kept in pytest's cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from tamis.cli.main import cli
from tamis.tokens.tokenizer import load_tokenizer

pytestmark = [pytest.mark.service, pytest.mark.slow]
REQUIREMENT = "transformers==5.23.0"
TEXTS = ("", "the old mill  turns\n\n\tslowly", " l'été 2024, 中文 🇫🇷", "<|endoftext|> is said here")
SCRIPT = """
import json, sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
texts = json.load(sys.stdin)
ids = [tokenizer(text)["input_ids"] for text in texts]
special = [tokenizer.convert_tokens_to_ids(token) for token in tokenizer.all_special_tokens]
print(json.dumps([ids, [tokenizer.decode(one) for one in ids], tokenizer.eos_token, special, len(tokenizer)]))
"""


@pytest.fixture(scope="session")
def python(request: pytest.FixtureRequest) -> Path:
    """The Python that has transformers."""
    folder = Path(request.config.cache.mkdir("transformers")) / "environment"  # type: ignore[union-attr]
    stamp = folder / "requirement"
    if not stamp.exists() or stamp.read_text() != REQUIREMENT:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", REQUIREMENT]
        told = subprocess.run(pip, capture_output=True, text=True, check=False)
        if told.returncode and "CI" not in os.environ:
            pytest.skip(f"transformers can't be installed here: {told.stderr[-300:]}")
        assert told.returncode == 0, told.stderr
        stamp.write_text(REQUIREMENT)
    return folder / "bin/python"


@pytest.mark.parametrize("option", ["--split=tamis", "--byte-fallback"])
def test_transformers_gives_the_same_ids(python: Path, tiny_release: Path, tmp_path: Path, option: str) -> None:
    arguments = ["train-tokenizer", str(tiny_release), "--vocabulary-size=512", "--special-token=<|im_start|>", option]
    result = CliRunner().invoke(cli, [*arguments, "--quiet", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.stderr
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    told = subprocess.run(
        [python, "-W", "ignore", "-c", SCRIPT, tmp_path],
        input=json.dumps(TEXTS), env=variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-3000:]
    ids, back, end, special, size = json.loads(told.stdout.splitlines()[-1])
    handle = load_tokenizer(tmp_path / "tokenizer.json")
    ours, offsets = handle.encode(pa.array(TEXTS, pa.large_string()))
    # A special token that a text spells is plain text to Tamis, and the token to transformers.
    for number in range(len(TEXTS) - 1):
        assert ids[number] == ours[offsets[number] : offsets[number + 1] - 1].tolist()
    assert ids[-1][0] == handle.end_id == 0
    assert back == list(TEXTS)
    assert end == handle.end_of_document and special == [0, 1] and size == handle.vocabulary_size
