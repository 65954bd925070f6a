"""The fetcher of the Debian documentation corpus: pure parts, a package made here, and a real one."""

import gzip
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import zstandard

SCRIPTS = Path(__file__).parents[2] / "recipes" / "debian_docs"
sys.path.insert(0, str(SCRIPTS))

import fetch as fetcher  # noqa: E402
from check import check_recipe  # noqa: E402
from copyrights import normalise_tag, read_copyright, to_spdx  # noqa: E402
from deb import Available  # noqa: E402
from documents import (  # noqa: E402
    WIDTH,
    Package,
    UnreadableError,
    decode,
    file_licence,
    fortunes,
    gunzip,
    html_title,
    kind_of,
    language_of,
    layout,
    mallard_text,
)

ALL_PARTS = frozenset({"html", "text", "man", "mallard", "fortunes", "code"})


def package(name="demo", languages=("fr", "en"), parts=ALL_PARTS, **fields):
    return Package(name, "ci", languages, "handbook", parts, **fields)


# --- licences --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "spdx"),
    [
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-2.0+ or CC-BY-SA-3.0", "GPL-2.0-or-later OR CC-BY-SA-3.0"),
        ("GPL-3", "GPL-3.0-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GFDL-NIV-1.2+", "GFDL-1.2-no-invariants-or-later"),
        ("GFDL-1.3+", "GFDL-1.3-or-later"),
        ("Expat", "MIT"),
        ("BSD-3-clause", "BSD-3-Clause"),
        ("OPL-1+", "OPUBL-1.0"),
        ("GPL-1+ or Artistic, and BSD-3-clause", "(GPL-1.0-or-later OR Artistic-1.0-Perl) AND BSD-3-Clause"),
        ("Custom (see below)", "LicenseRef-Custom-see-below"),
        ("", "LicenseRef-Unknown"),
    ],
)
def test_debian_names_become_spdx(name, spdx):
    assert to_spdx(name) == spdx


@pytest.mark.parametrize(
    ("tag", "normal"),
    [
        ("GPL-2.0", "GPL-2.0-only"),
        ("GPL-2.0+ WITH Linux-syscall-note ", "GPL-2.0-or-later WITH Linux-syscall-note"),
        (
            "((GPL-2.0 WITH Linux-syscall-note) or BSD-3-Clause)",
            "GPL-2.0-only WITH Linux-syscall-note OR BSD-3-Clause",
        ),
        ("GPL-3.0-or-later", "GPL-3.0-or-later"),
        ("(MIT OR Zlib) AND ISC", "(MIT OR Zlib) AND ISC"),
    ],
)
def test_spdx_tags_are_brought_up_to_date(tag, normal):
    assert normalise_tag(tag) == normal


DEP5 = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: demo

Files: *
Copyright: 2001 Somebody
License: GPL-3+
 Some words.
 .
 License: this line belongs to the text

# a remark
Files:
 docs/*
 more/docs/*
Copyright: 2002 Somebody Else
License: GFDL-1.3+

Files: debian/*
Copyright: 2003 A Packager
License: Expat
"""


def test_machine_readable_copyright_file():
    everything = read_copyright(DEP5)
    assert (everything.expression, everything.form) == ("GPL-3.0-or-later", "dep5")
    assert everything.others == ("GFDL-1.3-or-later", "MIT")
    assert read_copyright(DEP5, "more/docs/*").expression == "GFDL-1.3-or-later"
    with pytest.raises(LookupError, match="nothing/"):
        read_copyright(DEP5, "nothing/*")


def test_without_a_stanza_for_everything_the_usual_licence_counts():
    stanzas = {"a b": "GPL-2", "c": "Expat", "debian/x debian/y debian/z": "ISC"}
    text = "Format: 1.0\n" + "".join(f"\nFiles: {k}\nLicense: {v}\n" for k, v in stanzas.items())
    assert read_copyright(text).expression == "GPL-2.0-only"


@pytest.mark.parametrize(
    ("prose", "spdx"),
    [
        (
            "You may redistribute it under the terms of the GNU General Public License\n as published by the Free "
            "Software Foundation; either version 2 of the License, or (at\n your option) any later version.",
            "GPL-2.0-or-later",
        ),
        ("It is licensed under the terms of the GNU GPL, version 2.", "GPL-2.0-only"),
        ("under the GNU Lesser General Public License; either version 2.1, or any later version", "LGPL-2.1-or-later"),
        ("the GNU Free Documentation License, Version 1.3 or any later version", "GFDL-1.3-or-later"),
        ("Consider this package freeware (public domain).", "LicenseRef-Public-Domain"),
        (
            "* Redistribution and use in source and binary\n * forms are permitted. 3. Neither the name of the "
            "University ... AS IS",
            "BSD-3-Clause",
        ),
        ("Do what you like.", "LicenseRef-Unknown"),
    ],
)  # fmt: skip
def test_licences_are_recognised_in_prose(prose, spdx):
    licence = read_copyright(prose)
    assert (licence.expression, licence.form) == (spdx, "free")


def test_the_first_licence_in_prose_is_the_main_one():
    text = (
        "All of it is in the public domain, but x.c: "
        "Permission is hereby granted, free of charge, to any person obtaining"
    )
    licence = read_copyright(text)
    assert (licence.expression, licence.others) == ("LicenseRef-Public-Domain", ("MIT",))


def test_tag_at_the_head_of_a_file():
    assert file_licence("/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */\n") == (
        "GPL-2.0-only WITH Linux-syscall-note"
    )
    assert file_licence("x" * 5000 + "SPDX-License-Identifier: MIT") is None


# --- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("usr/share/man/fr/man1/ls.1.gz", "man"),
        ("usr/share/man/man3/abs.3type.gz", "man"),
        ("usr/share/doc/demo/html/index.html", "html"),
        ("usr/share/doc/demo/index.HTM.gz", "html"),
        ("usr/share/doc/demo/notes.rst.gz", "text"),
        ("usr/share/help/nl/demo/index.page", "mallard"),
        ("usr/share/games/fortunes/de/witze", "fortunes"),
        ("usr/share/games/fortunes/de/witze.dat", None),
        ("usr/include/stdio.h", "code"),
        ("usr/share/doc/demo/example.py", None),
        ("usr/share/doc/demo/copyright", None),
        ("usr/share/doc/demo/logo.png", None),
    ],
)
def test_kind_by_path(path, kind):
    assert kind_of(path, package()) == kind


def test_kind_is_limited_to_the_parts_and_by_skip():
    path = "usr/share/doc/demo/html/_sources/a.txt"
    assert kind_of(path, package(parts=frozenset({"html"}))) is None
    assert kind_of(path, package(skip=("*/_sources/*",))) is None


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("usr/share/man/pt_BR/man1/ls.1.gz", "pt"),
        ("usr/share/man/de/man1/ls.1.gz", "de"),
        ("usr/share/man/man1/ls.1.gz", "en"),
        ("usr/share/help/C/demo/index.page", "en"),
        ("usr/share/help/pt_BR/demo/index.page", "pt"),
        ("usr/share/doc/demo/html/fr-FR/index.html", "fr"),
        ("usr/share/doc/demo/manual/pt-br/index.html", "pt"),
        ("usr/share/doc/demo/html/translations/sp_SP/index.html", "es"),
        ("usr/share/doc/demo/demo-guide-it/index.html", "it"),
        ("usr/share/doc/demo/nl/index.html", "nl"),
        ("usr/share/doc/demo/html/index.es.html", "es"),
        ("usr/share/doc/demo/html/library/index.html", "fr"),
        ("usr/share/doc/demo/html/hd/x86_64/io.html", "fr"),
    ],
)
def test_language_by_path(path, language):
    assert language_of(path, ("fr", "en")) == language


def test_one_language_package_ignores_folder_names():
    assert language_of("usr/share/doc/demo/de/index.html", ("fr",)) == "fr"


# --- text ------------------------------------------------------------------------------------------------


def test_decode_utf8_declared_and_undeclared():
    assert decode("été".encode()) == "été"
    assert decode("\ufeffété".encode()) == "été"
    assert decode('<meta charset="iso-8859-2">ż'.encode("iso-8859-2")) == '<meta charset="iso-8859-2">ż'
    assert decode("naïve “quotes”".encode("cp1252")) == "naïve “quotes”"
    assert decode(b"charset=no-such-thing \xe9") == "charset=no-such-thing é"
    with pytest.raises(UnreadableError, match="NUL"):
        decode(b"a\0b")


def test_gunzip():
    assert gunzip("a.gz", gzip.compress(b"x")) == b"x"
    assert gunzip("a", b"x") == b"x"
    with pytest.raises(UnreadableError, match="gzip"):
        gunzip("a.gz", b"no gzip")
    with pytest.raises(UnreadableError, match="gzip"):
        gunzip("a.gz", gzip.compress(b"x" * 100)[:-9])


def test_title():
    assert html_title("<TITLE>\n A &amp; B </TITLE>") == "A & B"
    assert html_title("<title></title>") is None
    assert html_title("<p>no title") is None


def test_fortunes_are_separated_by_percent_lines():
    assert fortunes("one\n%\ntwo\nlines\n%\n%\n50 % of three\n") == ["one", "two\nlines", "50 % of three"]


def test_manual_page_layout():
    words = " ".join(f"w{i}" for i in range(400))
    first, rest = words[: words.rindex(" ", 0, WIDTH - 7)], words[words.rindex(" ", 0, WIDTH - 7) + 1 :]
    terminal = "\n".join(
        [
            "LS(1)" + " " * 900 + "LS(1)",
            "",
            "N\x08NA\x08AM\x08ME\x08E",
            "       ls - l\x08_ist",
            "",
            "   Sub",
            f"       {first}",
            f"       {rest}",
            "",
            "",
            "",
            "       -a  all",
            "           more",
            "",
            "       ┌" + "─" * 950 + "┐",
            "       │cell" + " " * 900 + "│ other │",
            "       └" + "─" * 950 + "┘",
            "",
            "GNU" + " " * 900 + "LS(1)",
            "",
        ]
    )
    text = layout(terminal)
    assert text == f"NAME\nls - _ist\n\nSub\n{words}\n\n-a  all\n    more\n\ncell | other"


def test_mallard():
    page = b"""<page xmlns="http://projectmallard.org/1.0/">
    <info><desc>not shown</desc></info><title>A <em>title</em></title>
    <p>One\n   paragraph with <code>code</code>, and more.</p><list><item><p>First</p></item></list></page>"""
    assert mallard_text(page) == ("A title\n\nOne paragraph with code, and more.\n\nFirst", "A title")
    with pytest.raises(UnreadableError, match="xml"):
        mallard_text(b"<page>")


# --- the recipe check ------------------------------------------------------------------------------------

RECIPE = """name: demo
version: "1"
defaults:
  license: GPL-2.0-or-later
sources:
  - name: handbook-{lang}
    path: ${DOCS:-docs}/handbook-{lang}/html.jsonl.zst
    for_each: {lang: [fr, de]}
  - name: code
    path: ["${DOCS}/headers/code.jsonl.zst"]
    license: MIT
"""


def test_check_compares_declared_licences(tmp_path):
    recipe = tmp_path / "demo.yaml"
    recipe.write_text(RECIPE)
    right = {"handbook-fr": "GPL-2.0-or-later", "handbook-de": "GPL-2.0-or-later", "headers": "MIT"}
    assert check_recipe(recipe, right) == []
    assert check_recipe(recipe, {"headers": "MIT"}) == []
    wrong = right | {"handbook-de": "GPL-3.0-or-later", "stray": "ISC"}
    assert check_recipe(recipe, wrong) == [
        f"{recipe}:6: source handbook-de declares GPL-2.0-or-later, "
        "but the copyright file of handbook-de says GPL-3.0-or-later",
        f"{recipe}: no source reads package stray",
    ]


# --- whole packages --------------------------------------------------------------------------------------


def test_package_list_is_sound():
    rows = fetcher.read_packages()
    assert len({p.name for p in rows}) == len(rows)
    assert {p.subset for p in rows} == {"ci", "full"}
    for subset in ({"ci"}, {"ci", "full"}):
        languages = {lang for p in rows if p.subset in subset for lang in p.languages}
        assert languages == {"fr", "en", "de", "es", "it", "pt", "nl", "code"}
    assert all(p.parts and p.parts <= ALL_PARTS for p in rows)


@pytest.fixture
def demo_deb(tmp_path):
    """A package made here: pages in three languages, sayings, a broken file, its copyright file."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not installed")
    root = tmp_path / "root"
    files = {
        "DEBIAN/control": (
            b"Package: demo\nVersion: 1:2.0-1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: demo\n"
        ),
        "usr/share/doc/demo/copyright": DEP5.encode(),
        "usr/share/doc/demo/fr/index.html": b'<?xml version="1.0"?>\n<title>Bonjour</title><p>Un',
        "usr/share/doc/demo/en/index.html": b"<title>Hello</title><p>One",
        "usr/share/doc/demo/ja/index.html": b"<title>x</title>",
        "usr/share/doc/demo/en/empty.html": b" \n",
        "usr/share/doc/demo/en/broken.html.gz": b"no gzip",
        "usr/share/games/fortunes/mots": b"un\n%\ndeux\n",
        "usr/include/demo.h": b"/* SPDX-License-Identifier: MIT */\nint x;\n",
    }
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "usr/share/doc/demo/en/again.html").symlink_to("index.html")
    deb = tmp_path / "demo_1%3a2.0-1_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", str(root), str(deb)], check=True, capture_output=True)
    return deb


def read(path):
    lines = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().splitlines()
    return [orjson.loads(line) for line in lines]


def test_a_package_from_deb_to_records(demo_deb, tmp_path, monkeypatch):
    data = demo_deb.read_bytes()
    offered = Available("demo", "1:2.0-1", demo_deb.name, len(data), hashlib.sha256(data).hexdigest())

    class LocalApt:
        def __init__(self, cache):
            pass

        def download(self, available, folder):
            return Path(shutil.copy(demo_deb, folder / available.filename))

    monkeypatch.setattr(fetcher, "Apt", LocalApt)
    out = tmp_path / "out"
    row = package(languages=("fr", "en", "code"), copyright_files="docs/*")
    with fetcher.locked(out), pytest.raises(fetcher.FetchError, match="another run"), fetcher.locked(out):
        pass
    (out / ".cache" / "work").mkdir()
    job = fetcher.Job(row, offered, out, None, keep_debs=False)
    record = fetcher.fetch(job)

    assert (record["license"], record["evidence"]["path"]) == (
        "GFDL-1.3-or-later",
        "usr/share/doc/demo/copyright",
    )
    assert record["evidence"]["sha256"] == hashlib.sha256(DEP5.encode()).hexdigest()
    assert record["skipped"] == {"empty": 1, "language ja": 1, "link": 1}
    assert [r["path"] for r in record["rejects"]] == ["usr/share/doc/demo/en/broken.html.gz"]
    assert {k: v["documents"] for k, v in record["languages"].items()} == {"code": 1, "en": 1, "fr": 3}
    english, french = read(out / "demo" / "html.jsonl.zst")
    assert (english["language"], french["title"], french["html"]) == (
        "en",
        "Bonjour",
        "<title>Bonjour</title><p>Un",
    )
    assert [d["text"] for d in read(out / "demo" / "text.jsonl.zst")] == ["un", "deux"]
    [header] = read(out / "demo" / "code.jsonl.zst")
    assert (header["license"], header["prog_language"], header["language"]) == ("MIT", "c", "code")
    assert not list((out / ".cache" / "debs").iterdir())
    assert not list((out / ".cache" / "work").iterdir())

    # The record says that nothing is to do, until the row, the version or a file changes.
    assert fetcher.current(row, offered, out) == record
    assert fetcher.current(package(languages=("fr",)), offered, out) is None
    first = {p.name: p.read_bytes() for p in (out / "demo").iterdir()}
    (out / "demo" / "html.jsonl.zst").write_bytes(b"")
    assert fetcher.current(row, offered, out) is None
    fetcher.fetch(job)
    assert {p.name: p.read_bytes() for p in (out / "demo").iterdir()} == first


@pytest.mark.service
def test_a_real_package(tmp_path):
    """Downloads two small packages (about 0.6 MB) and converts the Italian manual pages of one."""
    name = "manpages-it-dev"
    if shutil.which("apt-get") is None:
        pytest.skip("apt-get is not installed")
    probe = subprocess.run(["apt-get", "download", name], cwd=tmp_path, capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"apt-get can't download {name} here: {probe.stderr.decode()[-200:]}")
    out = tmp_path / "out"
    command = [sys.executable, str(SCRIPTS / "fetch.py"), "--out", str(out), "--package", name]
    subprocess.run(command, check=True, capture_output=True)
    record = orjson.loads((out / "packages.json").read_bytes())["packages"][name]
    assert record["license"] == "GPL-3.0-or-later"
    assert record["rejects"] == []
    documents = read(out / name / "text.jsonl.zst")
    assert len(documents) == record["outputs"]["text.jsonl.zst"]["documents"] > 10
    assert {d["language"] for d in documents} == {"it"}
    assert all(d["text"].startswith("NOME") for d in documents)
    assert not any("\b" in d["text"] or "\n.SH" in d["text"] for d in documents)
    again = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "0 to fetch" in again.stderr
