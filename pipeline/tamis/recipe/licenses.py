"""Licences: SPDX identifiers, their names on the Hugging Face Hub, and what they permit.

Only facts a pipeline can act on: may the text be handed on, may it be used commercially, must derived
works carry the same licence. A licence that isn't here is written `LicenseRef-Name` with a `license_url`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tamis.errors import did_you_mean


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
    ("CC-BY-SA-2.0", "cc-by-sa-2.0", "s"),
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
    ("LicenseRef-CommonCrawl-ToU", "other", ""),
    ("LicenseRef-Public-Domain", "other", ""),
    ("LicenseRef-Proprietary", "other", "nw"),
    ("LicenseRef-Mixed-Permissive", "other", ""),
    ("LicenseRef-Unknown", "unknown", "nw"),
)

_TOKEN = re.compile(r"\s+(?:AND|OR)\s+")
_REF = re.compile(r"LicenseRef-[A-Za-z0-9.-]+\Z")


def parse_license(expression: str) -> tuple[License, ...]:
    """The licences of an SPDX expression (`A`, `A AND B`, `A OR B WITH exception`).

    Raises ValueError naming near matches for an identifier that is not known.
    """
    found = []
    for part in _TOKEN.split(expression.replace("(", " ").replace(")", " ").strip()):
        name = part.split(" WITH ")[0].strip()
        if name in LICENSES:
            found.append(LICENSES[name])
        elif _REF.match(name):
            found.append(License(name, "other"))
        else:
            same = [known for known in LICENSES if known.lower() == name.lower()]
            hint = f" SPDX writes it {same[0]!r}." if same else did_you_mean(name, LICENSES)
            raise ValueError(
                f"{name!r} is no licence Tamis knows.{hint} Any other is written LicenseRef-Name, "
                "with a license_url"
            )
    return tuple(found)


def redistributable(expression: str) -> bool:
    """Whether every part of the expression allows handing the text on."""
    return all(license_.redistributable for license_ in parse_license(expression))


def hub_license(expressions: set[str]) -> str:
    """The Hub's front-matter licence of a set of licences: theirs if they agree, else `other`."""
    hub = {license_.hub for expression in expressions for license_ in parse_license(expression)}
    return hub.pop() if len(hub) == 1 else "other"
