"""Reads a Debian `copyright` file into an SPDX expression: which licence covers a package's material.

Two forms exist. Machine-readable files (DEP-5, "copyright-format 1.0") list stanzas `Files:` with a
`License:` short name; the stanza that covers the material is `*`, or the pattern that the package list
names (a source's `Documentation/*`). Free-form files are searched for the wording of known licences;
the first one found counts as the main one. A name without an SPDX identifier becomes `LicenseRef-NAME`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """What a copyright file says."""

    expression: str
    """SPDX expression of the material itself."""
    others: tuple[str, ...]
    """SPDX expressions of everything else that the file mentions, sorted."""
    form: str
    """`dep5`, or `free` when the name was recognised in prose."""


UNKNOWN = "LicenseRef-Unknown"

# Debian's short names (lower case) that differ from the SPDX identifier by more than a version suffix.
_NAMES = {
    "apache-2": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    # Debian's /usr/share/common-licenses/Artistic is Perl's variant of the licence.
    "artistic": "Artistic-1.0-Perl",
    "artistic-1": "Artistic-1.0-Perl",
    "artistic-2": "Artistic-2.0",
    "artistic-2.0": "Artistic-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-4-clause": "BSD-4-Clause",
    "bsl-1.0": "BSL-1.0",
    "cc0": "CC0-1.0",
    "cc0-1.0": "CC0-1.0",
    "expat": "MIT",
    "mit": "MIT",
    "fsfap": "FSFAP",
    "fsful": "FSFUL",
    "fsfullr": "FSFULLR",
    "isc": "ISC",
    "linux-man-pages-copyleft": "Linux-man-pages-copyleft",
    "mpl-1.1": "MPL-1.1",
    "mpl-2.0": "MPL-2.0",
    "ofl-1.1": "OFL-1.1",
    # Debian's OPL is the Open Publication License; SPDX keeps "OPL" for the Open Public License.
    "opl-1+": "OPUBL-1.0",
    "opl-1.0": "OPUBL-1.0",
    "public-domain": "LicenseRef-Public-Domain",
    "postgresql": "PostgreSQL",
    "psf-2": "PSF-2.0",
    "psf-2.0": "PSF-2.0",
    "ruby": "Ruby",
    "tcl": "TCL",
    "unicode-dfs-2016": "Unicode-DFS-2016",
    "unlicense": "Unlicense",
    "vim": "Vim",
    "wtfpl": "WTFPL",
    "x11": "X11",
    "zlib": "Zlib",
}
_GNU = re.compile(r"(?P<family>A?GPL|LGPL)(?:-?v?(?P<version>\d+(?:\.\d+)?))?(?P<later>\+)?", re.IGNORECASE)
_GFDL = re.compile(r"GFDL-(?P<niv>NIV-)?(?P<version>1\.\d)(?P<later>\+)?", re.IGNORECASE)
_CC = re.compile(r"CC-BY(?:-(?:SA|NC|ND))*-\d\.\d", re.IGNORECASE)


def to_spdx(name: str) -> str:
    """Debian's licence field (`GPL-2+ or Artistic`) as an SPDX expression.

    A comma before `and` or `or` binds loosest, as the copyright format says; SPDX shows that by brackets.
    """
    name = " ".join(name.split())
    if not name:
        return UNKNOWN
    groups = re.split(r"\s*,\s*(and|or)\s+", name)
    if len(groups) == 1:
        return _expression(name)
    parts = [_expression(g) if i % 2 == 0 else g.upper() for i, g in enumerate(groups)]
    return " ".join(f"({p})" if i % 2 == 0 and " " in p else p for i, p in enumerate(parts))


def _expression(name: str) -> str:
    words = re.split(r"\s+(and|or|and/or)\s+", name)
    return " ".join(_single(w) if i % 2 == 0 else ("AND" if w == "and" else "OR") for i, w in enumerate(words))


def _single(name: str) -> str:
    """One licence name, no operator in it."""
    if known := _NAMES.get(name.lower()):
        return known
    if m := _GNU.fullmatch(name):
        return _gnu(m["family"], m["version"], later=bool(m["later"]))
    if m := _GFDL.fullmatch(name):
        return _gfdl(m["version"], later=bool(m["later"]), invariants=not m["niv"])
    if _CC.fullmatch(name):
        return name.upper()
    return "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-") or "unknown")


def _gnu(family: str, version: str | None, *, later: bool) -> str:
    if version is None:  # no version named: the licence itself then lets one choose any
        version, later = ("2.0" if family.upper() == "LGPL" else "1.0"), True
    if "." not in version:
        version += ".0"
    return f"{family.upper()}-{version}-{'or-later' if later else 'only'}"


def _gfdl(version: str, *, later: bool, invariants: bool = True) -> str:
    niv = "" if invariants else "-no-invariants"
    return f"GFDL-{version}{niv}-{'or-later' if later else 'only'}"


def normalise_tag(tag: str) -> str:
    """An `SPDX-License-Identifier:` tag with today's GNU names, operators in capitals, no idle brackets."""
    tag = " ".join(tag.split()).rstrip("-. ")
    tag = re.sub(r" (and|or|with) ", lambda m: m[0].upper(), tag)
    for idle in (r"\(([^()\s]+(?: WITH [^()\s]+)?)\)", r"\A\(([^()]*)\)\Z"):
        tag = re.sub(idle, r"\1", tag)
    return re.sub(
        r"\b(A?GPL|LGPL)-(\d\.\d)(\+)?(?![-.\d])",
        lambda m: f"{m[1]}-{m[2]}-{'or-later' if m[3] else 'only'}",
        tag,
    )


def read_copyright(text: str, files: str = "*") -> Licence:
    """The licence of the stanza `files`, and of all others.

    `files` is a pattern exactly as a `Files:` field of the copyright file has it. Raises `LookupError`
    when a pattern other than `*` isn't there: the package list is then out of date.
    """
    if re.search(r"^Format(-Specification)?:", text, re.MULTILINE | re.IGNORECASE):
        return _dep5(text, files)
    found = _prose(text)
    main = found[0] if found else UNKNOWN
    return Licence(main, tuple(sorted(set(found) - {main})), "free")


def stanzas(text: str) -> list[dict[str, str]]:
    """Paragraphs of a machine-readable copyright file: field name (lower case) -> value, lines kept."""
    out: list[dict[str, str]] = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if m := re.match(r"([A-Za-z][A-Za-z-]*):[ \t]*(.*)", line):
                name = m[1].lower()
                fields[name] = m[2]
            elif name:
                fields[name] += "\n" + line.strip()
        if fields:
            out.append(fields)
    return out


def _dep5(text: str, files: str) -> Licence:
    by_pattern: dict[str, str] = {}
    votes: Counter[str] = Counter()
    everything: set[str] = set()
    header = None
    for stanza in stanzas(text):
        if "license" not in stanza:
            continue
        spdx = to_spdx(stanza["license"].split("\n", 1)[0])
        if "files" in stanza:
            patterns = stanza["files"].split()
            by_pattern.update(dict.fromkeys(patterns, spdx))
            votes[spdx] += sum(not p.startswith("debian/") for p in patterns)
        elif "format" in stanza:
            header = spdx
        everything.add(spdx)
    if files != "*" and files not in by_pattern:
        raise LookupError(f"the copyright file has no stanza 'Files: {files}'")
    main = by_pattern.get(files) or header or (votes.most_common(1)[0][0] if votes else UNKNOWN)
    return Licence(main, tuple(sorted(everything - {main})), "dep5")


_PROSE_GNU = re.compile(
    r"GNU (?P<kind>Lesser |Library |Affero )?(?:General Public Licen[sc]e|(?P<short>L?GPL))"
    r"(?P<rest>.{0,260})"
)
_PROSE = (
    (re.compile(r"PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2(?=.*BEOPEN)"), "Python-2.0"),
    (re.compile(r"PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2(?!.*BEOPEN)"), "PSF-2.0"),
    (re.compile(r"Apache Licen[sc]e,? [Vv]ersion 2"), "Apache-2.0"),
    (re.compile(r"Mozilla Public Licen[sc]e,? [Vv]ersion 2|MPL-2\.0"), "MPL-2.0"),
    (re.compile(r"Permission is hereby granted, free of charge, to any person obtaining"), "MIT"),
    (re.compile(r"Open Publication Licen[sc]e"), "OPUBL-1.0"),
    (re.compile(r"(?:Creative Commons Attribution.?Share.?Alike|CC.BY.SA).{0,40}?3\.0"), "CC-BY-SA-3.0"),
    (re.compile(r"(?:Creative Commons Attribution.?Share.?Alike|CC.BY.SA).{0,40}?4\.0"), "CC-BY-SA-4.0"),
    (re.compile(r"copyrighted by the Regents of the University of California, Sun Microsystems"), "TCL"),
    (re.compile(r"[Pp]ermission is granted to make and distribute verbatim copies of this"),
     "LicenseRef-Verbatim-Copying"),
    (re.compile(r"[Pp]ublic [Dd]omain"), "LicenseRef-Public-Domain"),
)  # fmt: skip


def _prose(text: str) -> list[str]:
    """Licences recognised in free text, by first appearance."""
    text = " ".join(re.sub(r"^[ \t]*(?:\*|#|//)", "", text, flags=re.MULTILINE).split())
    hits: list[tuple[int, str]] = []
    for pattern, spdx in _PROSE:
        hits += [(m.start(), spdx) for m in pattern.finditer(text)]
    for m in _PROSE_GNU.finditer(text):
        if gnu := _prose_gnu(m):
            hits.append((m.start(), gnu))
    for m in re.finditer(r"GNU Free Documentation Licen[sc]e,? [Vv]ersion (\d\.\d)(?P<later>.{0,20}any later)?", text):
        hits.append((m.start(), _gfdl(m[1], later=bool(m["later"]))))
    for m in re.finditer(r"Redistribution and use in source and binary forms", text):
        hits.append((m.start(), _bsd(text[m.start() : m.start() + 2000])))
    return list(dict.fromkeys(spdx for _, spdx in sorted(hits)))


def _prose_gnu(m: re.Match[str]) -> str | None:
    rest = m["rest"]
    version = re.search(r"[Vv]ersion (\d(?:\.\d)?)|\bv(\d(?:\.\d)?)", rest)
    if version is None:
        return None
    family = {"Lesser ": "LGPL", "Library ": "LGPL", "Affero ": "AGPL"}.get(m["kind"] or "") or m["short"] or "GPL"
    later = re.search(r"any later version|or later", rest[version.end() : version.end() + 80])
    return _gnu(family, version[1] or version[2], later=bool(later))


def _bsd(clauses: str) -> str:
    clauses = re.split(r"AS IS", clauses, maxsplit=1)[0]
    if re.search(r"[Aa]ll advertising materials", clauses):
        return "BSD-4-Clause"
    names_kept = re.search(r"[Nn]either the name|[Nn]ames? of .{0,80}may (?:not )?be used", clauses)
    return "BSD-3-Clause" if names_kept else "BSD-2-Clause"
