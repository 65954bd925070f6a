"""Source code: which programming language a file is in, by its name and first line, and what licence its head names.

Languages have the names of The Stack (`c++`, `tex`), whose thirty of the Lucie training set are all here.
"""

from __future__ import annotations

import re

_EXTENSIONS = {
    "assembly": "asm s nasm", "awk": "awk", "c": "c h", "c#": "cs csx",
    "c++": "cc cpp cxx c++ hh hpp hxx h++ inl ipp tpp",
    "clojure": "clj cljs cljc edn", "cmake": "cmake", "common-lisp": "lisp lsp cl asd", "css": "css", "cuda": "cu cuh",
    "d": "d", "dart": "dart", "dockerfile": "dockerfile", "elixir": "ex exs", "elm": "elm", "emacs-lisp": "el",
    "erlang": "erl hrl escript", "f#": "fs fsi fsx", "fortran": "f f77 f90 f95 f03 f08 for ftn", "go": "go",
    "groovy": "groovy gradle", "haskell": "hs lhs", "html": "html htm xhtml", "java": "java",
    "javascript": "js mjs cjs jsx", "json": "json", "julia": "jl", "kotlin": "kt kts", "lua": "lua",
    "makefile": "mk mak",
    "markdown": "md markdown", "mathematica": "wl wls mt nb", "matlab": "m", "nim": "nim", "objective-c": "mm",
    "ocaml": "ml mli mll mly", "pascal": "pas dpr", "perl": "pl pm t plx", "php": "php php3 php4 php5 phtml",
    "powershell": "ps1 psm1 psd1", "prolog": "pro prolog", "python": "py pyi pyw pyx pxd", "r": "r rmd rnw",
    "racket": "rkt rktd rktl", "ruby": "rb rake gemspec ru", "rust": "rs", "scala": "scala sc sbt",
    "scheme": "scm ss sld", "shell": "sh bash zsh ksh", "sql": "sql", "swift": "swift", "tcl": "tcl tk",
    "tex": "tex sty ltx dtx bbl", "toml": "toml", "typescript": "ts tsx mts cts", "verilog": "v sv svh vh",
    "vhdl": "vhd vhdl", "xml": "xml xsd xsl xslt", "yaml": "yaml yml", "zig": "zig",
}  # fmt: skip
_NAMES = {
    "makefile": "makefile", "gnumakefile": "makefile", "dockerfile": "dockerfile", "containerfile": "dockerfile",
    "cmakelists.txt": "cmake", "rakefile": "ruby", "gemfile": "ruby", "podfile": "ruby", "vagrantfile": "ruby",
    "sconstruct": "python", "sconscript": "python", "wscript": "python", "jenkinsfile": "groovy",
    "rebar.config": "erlang",
    ".bashrc": "shell", ".profile": "shell", ".zshrc": "shell", ".emacs": "emacs-lisp", ".rprofile": "r",
}  # fmt: skip
_INTERPRETERS = {
    "python": "python", "pypy": "python", "perl": "perl", "ruby": "ruby", "node": "javascript", "nodejs": "javascript",
    "deno": "typescript", "lua": "lua", "luajit": "lua", "rscript": "r", "php": "php", "racket": "racket",
    "julia": "julia", "escript": "erlang", "elixir": "elixir", "runghc": "haskell", "runhaskell": "haskell",
    "stack": "haskell",
    "ocaml": "ocaml", "scala": "scala", "swift": "swift", "kotlin": "kotlin", "groovy": "groovy", "clojure": "clojure",
    "wolframscript": "mathematica", "awk": "awk", "gawk": "awk", "tclsh": "tcl", "wish": "tcl", "pwsh": "powershell",
    "make": "makefile", "sh": "shell", "bash": "shell", "dash": "shell", "ksh": "shell", "zsh": "shell",
}  # fmt: skip
_BY_EXTENSION = {ending: language for language, endings in _EXTENSIONS.items() for ending in endings.split()}
LANGUAGES = tuple(_EXTENSIONS)
"""All languages that are known, in order."""

# Extensions that languages share: what tells the other one in the file's head. The first that is found decides.
_RIVALS = {
    "h": ((r"(?m)^\s*(?:@interface|@protocol|#import\b)", "objective-c"),
          (r"(?m)^\s*(?:class|namespace|template|using)\b[^;]*[{;<]|\bstd::", "c++")),
    "m": ((r"(?m)^\s*(?:@interface|@implementation|#import\b|#include\b)", "objective-c"),
          (r"\(\*|\bModule\[|:=", "mathematica")),
    "pl": ((r"(?m)^\s*:-|^[a-z]\w*\([^)]*\)\s*:-", "prolog"),),
    "v": ((r"(?m)^\s*(?:Require|Theorem|Lemma|Definition)\b", "coq"),),
    "ts": ((r"\A\s*<\?xml", "xml"),),
    "fs": ((r"(?m)^\s*#version\b|\bgl_FragColor\b", "glsl"),),
    "cl": ((r"\b__kernel\b", "opencl"),),
}  # fmt: skip
_SHEBANG = re.compile(r"#!\s*(\S+)(?:[ \t]+(.*))?")

_COMMENTS = {
    "#": "python ruby perl r julia shell awk cmake makefile dockerfile elixir yaml toml nim tcl powershell",
    "//": "c c++ c# java javascript typescript go rust swift kotlin scala dart php groovy d zig cuda objective-c css "
    "verilog",
    "--": "lua haskell sql vhdl elm",
    "%": "tex matlab erlang prolog",
    ";": "clojure common-lisp emacs-lisp scheme racket assembly",
    "(*": "ocaml mathematica pascal f#",
    "!": "fortran",
}  # fmt: skip
COMMENT_LINES = {
    "#": r"#",
    "//": r"(?://|/\*|\*)",
    "--": r"(?:--|\{-)",
    "%": r"%",
    ";": r";",
    "(*": r"(?:\(\*|//)",
    "!": r"!",
}
"""Kind of comment -> a regular expression of how a line that is one starts."""
COMMENT_OF = {language: kind for kind, languages in _COMMENTS.items() for language in languages.split()}
"""Language -> kind of comment; languages without lines of comment are left out."""


def language_of(paths: tuple[str | None, ...], head: str) -> str | None:
    """The programming language of a file: by the first of its `paths` (addresses, ids) whose name or extension is
    known, where languages share it with a look at the text's `head`; else by the `#!` line. None where nothing tells.
    """
    for path in paths:
        name = file_name(path or "")
        if name in _NAMES:
            return _NAMES[name]
        stem, dot, ending = name.rpartition(".")
        found = _BY_EXTENSION.get(ending) if dot and (stem or ending in _BY_EXTENSION) else None
        if found is not None:
            rivals = _RIVALS.get(ending, ())
            return next((rival for sign, rival in rivals if re.search(sign, head)), found)
    return _by_shebang(head)


def file_name(path: str) -> str:
    """The last step of a path or address, in small letters: without query, fragment, and what makes an id distinct
    (`~2`)."""
    if "://" in path:
        # A host is no file, though it may end in .pl or .rs.
        path = path.partition("://")[2].partition("/")[2].partition("#")[0].partition("?")[0]
    name = path.replace("\\", "/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return re.sub(r"~[0-9a-f]+(?:-\d+)?\Z", "", name).lower()


def _by_shebang(head: str) -> str | None:
    match = _SHEBANG.match(head)
    if match is None:
        return None
    program, words = match[1].rsplit("/", 1)[-1], (match[2] or "").split()
    if program == "env":
        # env -S NAME=value program
        program = next((word for word in words if not word.startswith("-") and "=" not in word), "")
    return _INTERPRETERS.get(re.sub(r"[\d.]+\Z", "", program.rsplit("/", 1)[-1].lower()))


_SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n*]+)", re.IGNORECASE)
_EXPRESSION = re.compile(r"[A-Za-z0-9.+()-]+(?:\s+(?:AND|OR|WITH)\s+[A-Za-z0-9.+()-]+)*")
# What stands before the words of a comment's line.
_MARKERS = re.compile(r"(?m)^[ \t]*(?:#+!?|//+!?|/\*+|\*+/?|;+|%+|--+|\(\*|<!--|\"\"\"|'''|dnl\b|REM\b)?[ \t]*")
# Phrases of licence headers, small letters, single spaces -> SPDX identifier. The first that is found decides.
_PHRASES: tuple[tuple[str, str], ...] = (
    (r"under (?:the )?apache license,? version 2\.0|apache license,? version 2\.0, january 2004", "Apache-2.0"),
    (r"mozilla public license,? (?:v\. ?|version )?2\.0", "MPL-2.0"),
    (r"mozilla public license,? (?:v\. ?|version )?1\.1", "MPL-1.1"),
    (r"eclipse public license,? (?:- )?(?:v\.? ?|version )?2\.0", "EPL-2.0"),
    (r"eclipse public license,? (?:- )?(?:v\.? ?|version )?1\.0", "EPL-1.0"),
    (r"boost software license,? (?:- )?version 1\.0", "BSL-1.0"),
    (r"this is free and unencumbered software released into the public domain", "Unlicense"),
    (r"cc0 1\.0 universal|creativecommons\.org/publicdomain/zero/1\.0", "CC0-1.0"),
    (r"permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
    (r"(?:released|licensed|distributed|available) under (?:the )?(?:terms of (?:the )?)?mit(?:/x11)? licen[cs]e",
     "MIT"),
    (r"permission to use, copy, modify, and(?:/or)? distribute this software for any purpose with or without fee"
     r" is hereby granted, provided", "ISC"),
    (r"permission to use, copy, modify, and(?:/or)? distribute this software for any purpose with or without fee"
     r" is hereby granted\.", "0BSD"),
    (r"redistribution and use in source and binary forms.*neither the names? of", "BSD-3-Clause"),
    (r"redistribution and use in source and binary forms", "BSD-2-Clause"),
    (r"under the same terms as perl", "GPL-1.0-or-later OR Artistic-1.0-Perl"),
    (r"this software is provided ['\"]as-is['\"], without any express or implied warranty", "Zlib"),
    (r"(?:licensed|distributed|governed|use of this source code is governed) (?:under|by) a bsd-style licen[cs]e",
     "BSD-3-Clause"),
)  # fmt: skip
_GNU = re.compile(
    r"gnu (affero |lesser |library )?general public licen[cs]e(.{0,200}?(?:version |v\.? ?)(\d)(?:\.(\d))?)?"
)
_GNU_NAMES = ("GPL-1.0", "GPL-2.0", "GPL-3.0", "LGPL-2.0", "LGPL-2.1", "LGPL-3.0", "AGPL-3.0")
_LATER = re.compile(r"any later version")
_HINT = re.compile(r"licen[cs]e|permission|redistribut|public domain|as-is|creativecommons|same terms", re.IGNORECASE)
"""Without one of these words, none of the phrases is there."""
_GENERATED = re.compile(r"auto-?\s?generated|automatically generated|generated automatically", re.IGNORECASE)


def license_of(head: str) -> str | None:
    """The SPDX licence that the head of a file names, or None: by its `SPDX-License-Identifier`, else by the phrases
    that licence headers are made of."""
    tag = _SPDX.search(head)
    if tag is not None:
        expression = _EXPRESSION.match(tag[1].strip())
        if expression is not None:
            return _current(expression[0])
    if _HINT.search(head) is None:
        return None
    words = " ".join(_MARKERS.sub("", head).split()).lower()
    for phrase, license_ in _PHRASES:
        if re.search(phrase, words):
            return license_
    return _gnu(words)


def _gnu(words: str) -> str | None:
    match = _GNU.search(words)
    if match is None or match[3] is None:
        return None
    kind = {"affero ": "AGPL", "lesser ": "LGPL", "library ": "LGPL", None: "GPL"}[match[1]]
    name = f"{kind}-{match[3]}.{match[4] or '0'}"
    # Another version is one of something else that is named nearby.
    return f"{name}-{'or-later' if _LATER.search(words) else 'only'}" if name in _GNU_NAMES else None


def _current(expression: str) -> str:
    """The expression with identifiers as SPDX has them since version 3: GPL-2.0+ is GPL-2.0-or-later."""
    expression = re.sub(r"\b((?:A|L)?GPL-\d\.\d)\+", r"\1-or-later", expression)
    return re.sub(r"\b((?:A|L)?GPL-\d\.\d)(?![\w.-])", r"\1-only", expression)


def is_generated(head: str) -> bool:
    """Whether one of the first five lines says that a program wrote the file."""
    return _GENERATED.search("\n".join(head.split("\n", 5)[:5])) is not None
