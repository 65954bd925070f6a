"""Programming languages by name, content and first line; licences by the head of a file."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from tamis.corpus.programs import COMMENT_LINES, COMMENT_OF, LANGUAGES, file_name, is_generated, language_of, license_of

STACK = """
assembly c c# c++ clojure dart elixir erlang fortran go haskell java javascript julia kotlin lua mathematica matlab
ocaml perl php python r racket ruby rust scala swift tex typescript
"""


def test_the_thirty_of_the_lucie_training_set_are_known() -> None:
    thirty = set(STACK.split())
    assert len(thirty) == 30 and thirty <= set(LANGUAGES)
    assert set(COMMENT_OF) <= set(LANGUAGES) and set(COMMENT_OF.values()) == set(COMMENT_LINES)
    assert thirty <= set(COMMENT_OF)


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        ("s:src/main.rs", "", "rust"),
        ("s:a/B.PY~2", "", "python"),
        ("s:a/b.py~1f3a9c02-2", "", "python"),
        ("https://github.com/x/y/blob/main/lib/app.ts?raw=1#L10", "", "typescript"),
        ("https://example.pl", "", None),
        ("https://example.rs/about", "", None),
        ("C:\\work\\run.jl", "", "julia"),
        ("s:Makefile", "", "makefile"),
        ("s:CMakeLists.txt", "", "cmake"),
        ("s:x.h", "int f(void);", "c"),
        ("s:x.h", "#pragma once\nnamespace a {\n}", "c++"),
        ("s:x.h", "@interface Foo : NSObject", "objective-c"),
        ("s:x.m", "function y = f(x)\n% doubles\ny = 2 * x;", "matlab"),
        ("s:x.m", "#import <Foo.h>\n@implementation Foo", "objective-c"),
        ("s:x.m", "(* a package *)\nf[x_] := x^2", "mathematica"),
        ("s:x.pl", "use strict;", "perl"),
        ("s:x.pl", "parent(X, Y) :- father(X, Y).", "prolog"),
        ("s:x.ts", "<?xml version='1.0'?><TS/>", "xml"),
        ("s:notes", "just words", None),
        ("s:run", "#!/bin/sh\necho", "shell"),
        ("s:run", "#!/usr/bin/env -S LANG=C python3.11 -u\n", "python"),
        ("s:run", "#! /usr/bin/perl -w\n", "perl"),
        ("s:run", "#!/usr/bin/env\n", None),
        ("s:run.txt", "#!/usr/bin/Rscript\n", "r"),
        ("s:.gitignore", "", None),
    ],
)
def test_a_language(path: str, head: str, language: str | None) -> None:
    assert language_of((None, path), head) == language


def test_the_first_path_that_tells_decides() -> None:
    assert language_of(("https://x.org/a", "s:b.go"), "") == "go"
    assert language_of(("https://x.org/a.rb", "s:b.go"), "") == "ruby"
    assert file_name("") == ""


HEADS = {
    "MIT": '"""Permission is hereby granted, free of charge, to any person\n# obtaining a copy of this software',
    "Apache-2.0": '// Licensed under the Apache License, Version 2.0 (the "License");\n// you may not use',
    "BSD-2-Clause": " * Redistribution and use in source and binary\n * forms, with or without modification",
    "BSD-3-Clause": "# Redistribution and use in source and binary forms ...\n# 3. Neither the name of",
    "MPL-2.0": "/* This Source Code Form is subject to the terms of the Mozilla Public\n * License, v. 2.0. */",
    "GPL-2.0-only": "; under the terms of the GNU General Public License version 2 as published by the FSF",
    "GPL-3.0-or-later": "-- GNU General Public License as published by the Free Software Foundation, either version 3\n"
    "-- of the License, or (at your option) any later version.",
    "LGPL-2.1-or-later": "% GNU Lesser General Public License ... version 2.1 of the License, or any later version",
    "AGPL-3.0-only": "# GNU Affero General Public License, version 3",
    "ISC": "Permission to use, copy, modify, and distribute this software for any\npurpose with or without fee is "
    "hereby granted, provided that",
    "0BSD": "Permission to use, copy, modify, and/or distribute this software for any\npurpose with or without fee is "
    "hereby granted.",
    "Unlicense": "This is free and unencumbered software released into the public domain.",
    "EPL-2.0": "made available under the terms of the Eclipse Public License 2.0",
    "GPL-1.0-or-later OR Artistic-1.0-Perl": "# redistribute it and/or modify it under the same terms as Perl itself.",
}


@pytest.mark.parametrize("license_", HEADS)
def test_a_licence_by_its_phrases(license_: str) -> None:
    assert license_of(f"#!/bin/x\n\n{HEADS[license_]}\n") == license_


@pytest.mark.parametrize(
    ("tag", "license_"),
    [
        ("MIT", "MIT"),
        ("MIT */", "MIT"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("GPL-2.0-or-later", "GPL-2.0-or-later"),
        ("GPL-2.0 WITH Linux-syscall-note", "GPL-2.0-only WITH Linux-syscall-note"),
        ("(MIT OR Apache-2.0)", "(MIT OR Apache-2.0)"),
        ("MIT and others", "MIT"),
    ],
)
def test_a_licence_by_its_identifier(tag: str, license_: str) -> None:
    # What it says goes before any phrase.
    assert license_of(f"/* SPDX-License-Identifier: {tag}\n{HEADS['Unlicense']}") == license_


@pytest.mark.parametrize("head", ["", "print('licence')", "GNU General Public License", "GNU GPL ... Perl version 5"])
def test_no_licence(head: str) -> None:
    assert license_of(head) is None


def test_generated_files_say_so_at_their_start() -> None:
    assert is_generated("// Code generated automatically. DO NOT EDIT.\n")
    assert is_generated("\n\n# This file is auto-generated\n")
    assert not is_generated("\n" * 5 + "# auto-generated\n")


def test_python_files_of_the_standard_library_are_python() -> None:
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:100]
    assert len(files) > 50
    assert {language_of((f"s:{file.name}",), "") for file in files} == {"python"}
