"""The registrable domain of an address, by the Public Suffix List that the package `publicsuffixlist` carries.

Of the list's two parts the one of the registries (ICANN) counts: a site on a shared host (`someone.github.io`)
belongs to the host's domain.
"""

from __future__ import annotations

import functools
import hashlib
import re
from importlib.metadata import version
from importlib.resources import files

import polars as pl
from publicsuffixlist import PublicSuffixList

from tamis.corpus.urls import is_number, readable, split

_KEPT = 1 << 16
_AUTHORITY = r"^[A-Za-z][A-Za-z0-9+.\-]*://([^/?#]+)"


@functools.cache
def _list() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)


@functools.cache
def list_facts() -> dict[str, str]:
    """Which list it is: package with version, the list's own version, SHA-256 of the file."""
    content = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_bytes()
    stated = re.search(rb"VERSION: (\S+)", content)
    return {
        "package": f"publicsuffixlist {version('publicsuffixlist')}",
        "version": stated[1].decode() if stated else "not stated",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def authorities(url: pl.Expr) -> pl.Expr:
    """What stands between an address's scheme and its path: a host, perhaps with a port; null where there is none."""
    return url.str.extract(_AUTHORITY)


@functools.lru_cache(_KEPT)
def registrable(authority: str) -> str | None:
    """`bbc.co.uk` of `www.bbc.co.uk:443`; None for a number, a name of one's own network, or a bare suffix.

    Both spellings of a name beyond ASCII become the readable one.
    """
    url = split(f"//{authority}")
    if url is None or "." not in url.host or is_number(url.host):
        return None
    found: str | None = _list().privatesuffix(url.host)
    return found and readable(found)
