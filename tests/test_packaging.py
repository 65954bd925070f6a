"""What is installed: the whole package, its sample and its types, and nothing else."""

from __future__ import annotations

import email
import subprocess
import sys
import zipfile
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest

import tamis
from tamis.cli.options import sample_recipe
from tamis.recipe.load import load_recipe
from tamis.stages import STAGES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pipeline" / "tamis"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that pip builds of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)],
        check=True, timeout=600,
    )  # fmt: skip
    (path,) = folder.iterdir()
    return zipfile.ZipFile(path)


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    own = {
        f"tamis/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == own
    assert {"tamis/py.typed", "tamis/sample/sample.yaml", "tamis/sample/documents/fr.jsonl"} <= names
    assert not any("test" in Path(name).name for name in names)
    assert wheel.read("tamis/sample/documents/de.jsonl") == (PACKAGE / "sample/documents/de.jsonl").read_bytes()
    # 4 MB would tell that something came in that is no source.
    assert sum(info.file_size for info in wheel.infolist()) < 4_000_000


@pytest.mark.slow
def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    facts = email.message_from_bytes(wheel.read(metadata))
    assert (facts["Name"], facts["Version"]) == ("tamis", tamis.__version__)
    assert facts["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())
    (scripts,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert wheel.read(scripts).decode().split() == ["[console_scripts]", "tamis", "=", "tamis.cli.main:main"]


def test_the_installation_has_the_command_and_this_version() -> None:
    (command,) = entry_points(group="console_scripts", name="tamis")
    assert command.value == "tamis.cli.main:main"
    assert callable(command.load())
    assert distribution("tamis").version == tamis.__version__


def test_the_sample_is_the_recipe_beside_the_others() -> None:
    assert (ROOT / "recipes/sample.yaml").read_bytes() == sample_recipe().read_bytes()
    assert load_recipe(sample_recipe(), STAGES).name == "sample"
