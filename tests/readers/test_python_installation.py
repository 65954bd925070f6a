"""The Python installation as a source: which files, their names, facts and text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tamis.readers.license_names import spdx_of
from tamis.readers.locate import locate
from tamis.readers.python_installation import distribution_files
from tamis.recipe.licenses import parse_license


def test_the_standard_library(make_source: Any, reading_file: Any) -> None:
    files = {file.name: file for file in locate(make_source(path="python:stdlib"), Path("/"), {})}
    assert {"json/decoder.py", "asyncio/events.py", "os.py"} <= files.keys()
    assert len(files) > 300
    for name in files:
        assert name.endswith(".py")
        assert not {"test", "tests", "site-packages", "_bundled"} & set(name.split("/"))
        assert not name.startswith(("/", "_sysconfigdata", "config-"))
    decoder = files["json/decoder.py"]
    assert dict(decoder.facts) == {
        "license": "PSF-2.0", "language": "code", "category": "code", "title": "json/decoder.py",
    }  # fmt: skip
    rows, _ = reading_file(decoder, path="python:stdlib")
    assert (rows[0]["own_id"], rows[0]["text"][:3]) == ("json/decoder.py", '"""')


def test_installed_distributions(make_source: Any, reading_file: Any) -> None:
    files = {file.name: file for file in locate(make_source(path="python:distributions"), Path("/"), {})}
    page = files["pytest/METADATA"]
    assert dict(page.facts)["license"] == "MIT"
    assert dict(page.facts)["category"] == "docs"
    assert dict(page.facts)["title"].startswith("pytest ")
    for format_ in ("auto", "python"):
        rows, _ = reading_file(page, path="python:distributions", format=format_)
        assert "Metadata-Version" not in rows[0]["text"]
        assert "assert" in rows[0]["text"]
    texts = [file for file in files.values() if dict(file.facts)["category"] == "license"]
    assert texts
    rows, tally = reading_file(texts[0], path="python:distributions")
    assert tally.read == 1
    for file in files.values():
        parse_license(dict(file.facts)["license"])


HEADERS = {
    "License-Expression: MIT OR Apache-2.0": "MIT OR Apache-2.0",
    "License: BSD 3-Clause License": "BSD-3-Clause",
    "License: Do what you like\nClassifier: License :: OSI Approved :: MIT License": "MIT",
    "Classifier: License :: OSI Approved\nClassifier: License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "Classifier: License :: OSI Approved :: MIT License\n"
    "Classifier: License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MIT AND MPL-2.0",
    "Classifier: License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "Classifier: License :: Other/Proprietary License": "LicenseRef-Unknown",
    "Summary: nothing said": "LicenseRef-Unknown",
}


@pytest.mark.parametrize("headers", HEADERS)
def test_declared_licences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: str) -> None:
    place = tmp_path / "Some_Thing-1.0.dist-info"
    (place / "licenses").mkdir(parents=True)
    text = "Redistribution and use in source and binary forms, ... Neither the name of ..."
    (place / "licenses" / "COPYING.txt").write_text(text)
    head = f"Metadata-Version: 2.1\nName: Some_Thing\nVersion: 1.0\n{headers}\nProject-URL: Homepage, https://e.org/x"
    body = f"{head}\n\nÜber alles.\n"
    (place / "METADATA").write_text(body, encoding="utf-8")
    (tmp_path / "second").mkdir()
    other = tmp_path / "second" / "some_thing-0.9.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Name: some.thing\nVersion: 0.9\n\nHidden by the first.\n")
    monkeypatch.setattr("sys.path", [str(tmp_path), str(tmp_path / "second"), "/nowhere"])
    found = list(distribution_files())
    assert [name for name, _, _ in found] == ["some-thing/METADATA", "some-thing/licenses/COPYING.txt"]
    facts = found[0][2]
    assert facts == {
        "license": HEADERS[headers], "title": "Some_Thing 1.0", "url": "https://e.org/x", "category": "docs",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("cc-by-sa-4.0", "CC-BY-SA-4.0"),
        ("http://creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("LicenseRef-House-Rules", "LicenseRef-House-Rules"),
        ("Public domain", "LicenseRef-Public-Domain"),
        ("all rights reserved", None),
        ("", None),
        ("MIT " * 200, None),
    ],
)
def test_licence_names(written: str, expected: str | None) -> None:
    assert spdx_of(written) == expected
