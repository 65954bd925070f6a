"""Licences: SPDX identifiers, their names on the Hugging Face Hub, and what they permit.

Only facts a pipeline can act on: may the text be handed on, may it be used commercially, must derived
works carry the same licence. A licence that isn't here is written `LicenseRef-Name` with a `license_url`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class License:
    """One licence."""

    spdx: str
    hub: str
    """Identifier in Hub front matter; `other` where the Hub has none."""
    commercial: bool = True
    share_alike: bool = False
    redistributable: bool = True


def _table(*rows: tuple[str, str, str]) -> dict[str, License]:
    licenses = {}
    for spdx, hub, marks in rows:
        licenses[spdx] = License(
            spdx, hub, commercial="n" not in marks, share_alike="s" in marks, redistributable="w" not in marks
        )
    return licenses


# Third column: n = non-commercial, s = share-alike (copyleft), w = may not be handed on.
LICENSES = _table(
    ("CC0-1.0", "cc0-1.0", ""),
    ("CC-PDDC", "other", ""),
    ("PDDL-1.0", "pddl", ""),
    ("CC-BY-2.0", "cc-by-2.0", ""),
    ("CC-BY-2.5", "cc-by-2.5", ""),
    ("CC-BY-3.0", "cc-by-3.0", ""),
    ("CC-BY-4.0", "cc-by-4.0", ""),
    ("CC-BY-SA-2.0", "other", "s"),
    ("CC-BY-SA-3.0", "cc-by-sa-3.0", "s"),
    ("CC-BY-SA-4.0", "cc-by-sa-4.0", "s"),
    ("CC-BY-NC-3.0", "cc-by-nc-3.0", "n"),
    ("CC-BY-NC-4.0", "cc-by-nc-4.0", "n"),
    ("CC-BY-NC-SA-3.0", "cc-by-nc-sa-3.0", "ns"),
    ("CC-BY-NC-SA-4.0", "cc-by-nc-sa-4.0", "ns"),
    ("CC-BY-NC-ND-4.0", "cc-by-nc-nd-4.0", "n"),
    ("CC-BY-ND-4.0", "cc-by-nd-4.0", ""),
    ("etalab-2.0", "etalab-2.0", ""),
    ("EUPL-1.1", "eupl-1.1", "s"),
    ("EUPL-1.2", "eupl-1.2", "s"),
    ("ODC-By-1.0", "odc-by", ""),
    ("ODbL-1.0", "odbl", "s"),
    ("CDLA-Permissive-1.0", "cdla-permissive-1.0", ""),
    ("CDLA-Permissive-2.0", "cdla-permissive-2.0", ""),
    ("CDLA-Sharing-1.0", "cdla-sharing-1.0", "s"),
    ("Apache-2.0", "apache-2.0", ""),
    ("MIT", "mit", ""),
    ("MIT-0", "mit", ""),
    ("0BSD", "bsd", ""),
    ("BSD-2-Clause", "bsd-2-clause", ""),
    ("BSD-3-Clause", "bsd-3-clause", ""),
    ("BSD-4-Clause", "bsd", ""),
    ("BSL-1.0", "bsl-1.0", ""),
    ("ISC", "isc", ""),
    ("Zlib", "zlib", ""),
    ("Unlicense", "unlicense", ""),
    ("WTFPL", "wtfpl", ""),
    ("PSF-2.0", "other", ""),
    ("Python-2.0", "other", ""),
    ("CNRI-Python", "other", ""),
    ("HPND", "other", ""),
    ("MIT-CMU", "other", ""),
    ("PostgreSQL", "postgresql", ""),
    ("Vim", "other", "s"),
    ("Artistic-1.0-Perl", "other", ""),
    ("Artistic-2.0", "artistic-2.0", ""),
    ("MPL-1.1", "other", "s"),
    ("MPL-2.0", "mpl-2.0", "s"),
    ("LPPL-1.3c", "lppl-1.3c", ""),
    ("OFL-1.1", "ofl-1.1", "s"),
    ("NCSA", "ncsa", ""),
    ("Latex2e", "other", ""),
    ("GFDL-1.1-or-later", "gfdl", "s"),
    ("GFDL-1.2-only", "gfdl", "s"),
    ("GFDL-1.2-or-later", "gfdl", "s"),
    ("GFDL-1.3-only", "gfdl", "s"),
    ("GFDL-1.3-or-later", "gfdl", "s"),
    ("GFDL-1.3-no-invariants-or-later", "gfdl", "s"),
    ("GPL-1.0-or-later", "gpl", "s"),
    ("GPL-2.0-only", "gpl-2.0", "s"),
    ("GPL-2.0-or-later", "gpl-2.0", "s"),
    ("GPL-3.0-only", "gpl-3.0", "s"),
    ("GPL-3.0-or-later", "gpl-3.0", "s"),
    ("LGPL-2.0-or-later", "lgpl", "s"),
    ("LGPL-2.1-only", "lgpl-2.1", "s"),
    ("LGPL-2.1-or-later", "lgpl-2.1", "s"),
    ("LGPL-3.0-only", "lgpl-3.0", "s"),
    ("LGPL-3.0-or-later", "lgpl-3.0", "s"),
    ("AGPL-3.0-only", "agpl-3.0", "s"),
    ("AGPL-3.0-or-later", "agpl-3.0", "s"),
    ("OPUBL-1.0", "other", ""),
    ("Ruby", "other", ""),
    ("Linux-man-pages-copyleft", "other", "s"),
    ("BSD-4-Clause-UC", "bsd", ""),
    ("GFDL-1.1-no-invariants-or-later", "gfdl", "s"),
    ("GFDL-1.2-no-invariants-only", "gfdl", "s"),
    ("Linux-OpenIB", "other", ""),
    ("CDDL-1.0", "other", "s"),
    ("CC-BY-1.0", "other", ""),
    ("CC-BY-SA-1.0", "other", "s"),
    ("CC-BY-SA-2.5", "other", "s"),
    ("CC-BY-NC-2.0", "cc-by-nc-2.0", "n"),
    ("CC-BY-NC-SA-2.0", "cc-by-nc-sa-2.0", "ns"),
    ("CC-BY-NC-ND-3.0", "cc-by-nc-nd-3.0", "n"),
    ("CC-BY-ND-3.0", "other", ""),
    ("OGL-UK-3.0", "other", ""),
    ("DL-DE-BY-2.0", "other", ""),
    ("DL-DE-ZERO-2.0", "other", ""),
    ("NLOD-2.0", "other", ""),
    ("AFL-3.0", "afl-3.0", ""),
    ("ECL-2.0", "ecl-2.0", ""),
    ("EPL-1.0", "epl-1.0", "s"),
    ("EPL-2.0", "epl-2.0", "s"),
    ("MS-PL", "ms-pl", ""),
    ("OSL-3.0", "osl-3.0", "s"),
    ("BSD-3-Clause-Clear", "bsd-3-clause-clear", ""),
    ("ZPL-2.1", "other", ""),
    ("GPL-1.0-only", "gpl", "s"),
    ("LGPL-2.0-only", "lgpl", "s"),
    ("LicenseRef-CommonCrawl-ToU", "other", ""),
    ("LicenseRef-Public-Domain", "other", ""),
    ("LicenseRef-Proprietary", "other", "nw"),
    ("LicenseRef-Mixed-Permissive", "other", ""),
    ("LicenseRef-Unknown", "unknown", "nw"),
)

_WORD = re.compile(r"[()]|[^\s()]+")
_REF = re.compile(r"LicenseRef-[A-Za-z0-9.-]+\Z")
_OPERATORS = {"OR": 1, "AND": 2}
"""AND binds closer than OR (SPDX 2.3, annex D)."""


def is_own_reference(name: str) -> bool:
    """Whether it is a `LicenseRef-` that Tamis doesn't know: only its text can say what it allows."""
    return _REF.match(name) is not None and name not in LICENSES


def parse_license(expression: str) -> tuple[License, ...]:
    """The licences of an SPDX expression (`A`, `A AND (B OR C)`, `A WITH exception`), in its order.

    Raises ValueError naming near matches for an identifier that is not known.
    """
    return tuple(item for item in _postfix(expression) if isinstance(item, License))


def redistributable(expression: str) -> bool:
    """Whether the expression allows handing the text on: both sides of an AND must, of an OR one."""
    values: list[bool] = []
    for item in _postfix(expression):
        if isinstance(item, License):
            values.append(item.redistributable)
        else:
            right, left = values.pop(), values.pop()
            values.append(left and right if item == "AND" else left or right)
    return values[0]


def hub_license(expressions: set[str]) -> str:
    """The Hub's front-matter licence of a set of licences: theirs if they agree, else `other`."""
    hub = {license_.hub for expression in expressions for license_ in parse_license(expression)}
    return hub.pop() if len(hub) == 1 else "other"


def _postfix(expression: str) -> list[License | str]:
    """The expression's licences, each operator behind the two it joins."""
    found: list[License | str] = []
    waiting: list[str] = []
    operand_next = True
    for word in _words(expression):
        if operand_next != (word == "(" or word not in ("AND", "OR", ")")):
            raise _malformed(expression)
        if word == "(":
            waiting.append(word)
        elif word in _OPERATORS:
            while waiting and _OPERATORS.get(waiting[-1], 0) >= _OPERATORS[word]:
                found.append(waiting.pop())
            waiting.append(word)
            operand_next = True
        elif word == ")":
            while waiting and waiting[-1] != "(":
                found.append(waiting.pop())
            if not waiting:
                raise _malformed(expression)
            waiting.pop()
        else:
            found.append(_license(word))
            operand_next = False
    if operand_next or "(" in waiting:
        raise _malformed(expression)
    return found + waiting[::-1]


def _words(expression: str) -> list[str]:
    """Parentheses, operators, and what stands between them."""
    words: list[str] = []
    apart = True
    for word in _WORD.findall(expression):
        single = word in ("(", ")", "AND", "OR")
        if single or apart:
            words.append(word)
        else:
            words[-1] += f" {word}"
        apart = single
    return words


def _license(written: str) -> License:
    name, with_, exception = written.partition(" WITH ")
    if name in LICENSES and (not with_ or re.fullmatch(r"[A-Za-z0-9.-]+", exception)):
        return LICENSES[name]
    # A known reference in other letters is no reference of one's own: it would lose what is known of it.
    same = next((known for known in LICENSES if known.lower() == name.lower()), None)
    if _REF.match(name) and not with_ and same is None:
        return License(name, "other")
    raise ValueError(
        f"{written!r} is no licence Tamis knows.{_hint(written, name, same)} Allowed are SPDX identifiers such as "
        "CC0-1.0, CC-BY-SA-4.0, etalab-2.0 or MIT; any other licence is written LicenseRef-Name, with a license_url"
    )


def _hint(written: str, name: str, same: str | None) -> str:
    if re.search(r"\s(?:and|or|with)\s", written):
        return " In an SPDX expression AND, OR and WITH are capitals."
    if same is not None:
        return f" SPDX writes it {same!r}."
    # Deprecated: GPL-2.0, GPL-2.0+.
    versions = [f"{name.removesuffix('+')}-{scope}" for scope in ("only", "or-later")]
    near = [version for version in versions if version in LICENSES] or difflib.get_close_matches(name, LICENSES, n=1)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _malformed(expression: str) -> ValueError:
    return ValueError(
        f"{expression!r} is no SPDX expression: identifiers joined by AND, OR, WITH and parentheses, such as "
        "MIT AND (Apache-2.0 OR BSD-3-Clause)"
    )
