"""SPDX expressions from what datasets and Python distributions write in their licence fields."""

from __future__ import annotations

import functools
import re

from tamis.recipe.licenses import LICENSES, parse_license

UNKNOWN = "LicenseRef-Unknown"
_CREATIVE = re.compile(r"creativecommons\.org/(licenses|publicdomain)/([a-z-]+)(?:/(\d\.\d))?")
_LIST = re.compile(r"[^a-z0-9.+]+")

# Names as the fields of distributions and dataset rows have them, lower-cased, punctuation as one space.
_NAMES = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "boost software license 1.0 bsl 1.0": "BSL-1.0",
    "bsd 2 clause license": "BSD-2-Clause",
    "bsd 3 clause license": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "simplified bsd license": "BSD-2-Clause",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "3 clause bsd license": "BSD-3-Clause",
    "2 clause bsd license": "BSD-2-Clause",
    "cc0 1.0 universal cc0 1.0 public domain dedication": "CC0-1.0",
    "cc0": "CC0-1.0",
    "expat": "MIT",
    "expat license": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "the mit license mit": "MIT",
    "mit no attribution license mit 0": "MIT-0",
    "isc license": "ISC",
    "isc license iscl": "ISC",
    "historical permission notice and disclaimer hpnd": "HPND",
    "mozilla public license 1.1 mpl 1.1": "MPL-1.1",
    "mozilla public license 2.0": "MPL-2.0",
    "mozilla public license 2.0 mpl 2.0": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "gnu affero general public license v3": "AGPL-3.0-only",
    "gnu affero general public license v3 or later agplv3+": "AGPL-3.0-or-later",
    "gnu general public license gpl": "GPL-1.0-or-later",
    "gnu general public license v2 gplv2": "GPL-2.0-only",
    "gnu general public license v2 or later gplv2+": "GPL-2.0-or-later",
    "gnu general public license v3 gplv3": "GPL-3.0-only",
    "gnu general public license v3 or later gplv3+": "GPL-3.0-or-later",
    "gnu lesser general public license v2 or later lgplv2+": "LGPL-2.0-or-later",
    "gnu lesser general public license v3 lgplv3": "LGPL-3.0-only",
    "gnu lesser general public license v3 or later lgplv3+": "LGPL-3.0-or-later",
    "gnu library or lesser general public license lgpl": "LGPL-2.0-or-later",
    "gplv3": "GPL-3.0-only",
    "gplv2": "GPL-2.0-only",
    "gplv2+": "GPL-2.0-or-later",
    "gplv3+": "GPL-3.0-or-later",
    "gpl 2.0": "GPL-2.0-only",
    "gpl 3.0": "GPL-3.0-only",
    "lgpl 2.1": "LGPL-2.1-only",
    "lgpl 3.0": "LGPL-3.0-only",
    "agpl 3.0": "AGPL-3.0-only",
    "eclipse public license 1.0 epl 1.0": UNKNOWN,
    "psf": "PSF-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "python software foundation license version 2": "PSF-2.0",
    "public domain": "LicenseRef-Public-Domain",
    "the unlicense": "Unlicense",
    "the unlicense unlicense": "Unlicense",
    "zlib libpng license": "Zlib",
    "zpl 2.1": UNKNOWN,
    "etalab": "etalab-2.0",
    "open licence 2.0": "etalab-2.0",
    "licence ouverte 2.0": "etalab-2.0",
}


def _plain(name: str) -> str:
    return _LIST.sub(" ", name.lower()).strip()


@functools.cache
def _by_plain_name() -> dict[str, str]:
    return {_plain(spdx): spdx for spdx in LICENSES} | _NAMES


@functools.lru_cache(maxsize=10_000)
def spdx_of(written: str) -> str | None:
    """The SPDX expression that `written` means, or None.

    Knows valid expressions, identifiers in any case (`cc-by-sa-4.0`, as the Hub writes them), the usual
    long names, and addresses at creativecommons.org.
    """
    written = written.strip()
    if not written or len(written) > 500:
        return None
    try:
        parse_license(written)
    except ValueError:
        pass
    else:
        return written
    creative = _CREATIVE.search(written.lower())
    if creative:
        kind, code, version = creative.groups()
        if kind == "publicdomain":
            return "CC0-1.0" if code == "zero" else "CC-PDDC"
        spdx = f"CC-{code.upper()}-{version}"
        return spdx if spdx in LICENSES else None
    return _by_plain_name().get(_plain(written))
