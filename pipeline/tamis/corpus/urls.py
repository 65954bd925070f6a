"""Addresses of documents taken apart alike for every stage: scheme, host, path; a host and the domains above it."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

_FULL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.\-]*):)?//([^/?#\\]*)([^?#]*)(\?[^#]*)?")
_BARE = re.compile(r"(?=[^\s/?#]+\.)[^\s/?#:@]+(?::\d+)?(?:[/?#]|\Z)")
_NUMBER = re.compile(r"[0-9.]+|.*:.*")
_HOST = re.compile(r"[a-z0-9_\-]+(\.[a-z0-9_\-]+)*\.?|[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*")
_LONGEST = 254
"""Characters of a name in the DNS, and a dot."""
_KEPT = 1 << 16
_DEFAULT_PORTS = ("", "80", "443")


class Url(NamedTuple):
    """An address, taken apart."""

    scheme: str
    """In lower case; empty where the address has none."""
    host: str
    """In lower case and ASCII (IDNA), without user, port and the final dot; an IPv6 address without its brackets."""
    port: str
    """Empty where it is the usual one."""
    path: str
    """Path and query, from the first slash on; never empty."""

    @property
    def site(self) -> str:
        """Host, and port where it isn't the usual one: what one robots.txt speaks for."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def bare(self) -> str:
        """The address without its scheme."""
        return self.site + self.path


def split(url: str) -> Url | None:
    """The parts of an address, with or without a scheme; None for what names no host."""
    url = url.strip()
    found = _FULL.match(url)
    if found is None and _BARE.match(url):
        found = _FULL.match(f"//{url}")
    if found is None:
        return None
    host, _, port = _host_and_port(found[2].rpartition("@")[2])
    host = ascii_host(host)
    if not host:
        return None
    path = found[3] + (found[4] or "")
    return Url((found[1] or "").lower(), host, "" if port in _DEFAULT_PORTS else port, _rooted(path))


def _host_and_port(authority: str) -> tuple[str, str, str]:
    if authority.startswith("["):
        host, _, rest = authority[1:].partition("]")
        return host, ":", rest.removeprefix(":")
    return authority.partition(":")


def _rooted(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


@functools.lru_cache(_KEPT)
def ascii_host(host: str) -> str:
    """The one spelling of a host's name: lower case, ASCII, without the final dot."""
    host = host.strip().rstrip(".").lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def host_name(written: str) -> str | None:
    """A host's name in that spelling, of one written alone, or as a domain with all below it (`.example.org`,
    `*.example.org`); None for anything else."""
    name = ascii_host(written.strip().removeprefix("*").removeprefix("."))
    return name if _HOST.fullmatch(name) else None


def site_name(written: str) -> str | None:
    """The site of a host, with or without a port, or of an address; None for anything else."""
    written = written.strip()
    if ":" not in written and _HOST.fullmatch(written):
        return written.rstrip(".")
    url = None if " " in written else split(written) or split(f"//{written}")
    return url.site if url else None


def readable(host: str) -> str:
    """A host's name with the letters that its ASCII stands for."""
    if "xn--" not in host:
        return host
    try:
        return host.encode().decode("idna")
    except UnicodeError:
        return host


def is_number(host: str) -> bool:
    """Whether a host is an address of IPv4 or IPv6, not a name."""
    return _NUMBER.fullmatch(host) is not None


def parents(host: str) -> list[str]:
    """The host and the domains above it, the nearest first: `a.b.org`, `b.org`, `org`. A number has none.

    Of a name longer than names may be, its end alone.
    """
    if is_number(host):
        return [host]
    found = [host]
    host = host[-_LONGEST:]
    while "." in host:
        host = host.partition(".")[2]
        found.append(host)
    return found
