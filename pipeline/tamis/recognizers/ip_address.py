"""IPv4 and IPv6 addresses.

Public addresses alone count by default, as in DataTrove's `PIIFormatter`: a private address (10.0.0.0/8,
192.168.0.0/16, fc00::/7, fe80::/10, ...) says nothing of a person. `private=True` takes those, too. Loopback,
unspecified, multicast and broadcast addresses, netmasks and the blocks reserved for documentation (RFC 5737,
RFC 3849) never count.

Four numbers with dots are more often a version or a section than an address. Not taken: anything next to a
letter, a digit or one more dotted number; behind a word such as "version" or "section", an operator
(pkg==1.2.3.4), "name-" or "name/"; before "-rc1" or "+git"; four numbers of at most 99 shortly after "version",
"release", "updated"; and four numbers of at most 50, unless a word such as "ip" or "host" stands before them
("dns", "ping" and the like at most 20 characters before, if no "version" does), "://", "@" or "[" does, or a port
or prefix length follows. (Of all addresses 0.2 % have numbers that small; a bare 8.8.8.8 is that of a public
service, nobody's.)
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_V4 = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w+]|\.[0-9]|-[^\W\d_])")
_V4_BEFORE = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}-\Z")
_V4_AFTER = re.compile(r"-(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.])")
_V6 = re.compile(r"(?<![0-9A-Fa-f:.])[0-9A-Fa-f:.]{4,45}(?![0-9A-Fa-f:.])")
_LOOKBACK = 24
_BEFORE = re.compile(
    r"""(?: \b(?:versions?|versión|versione|versão|versie|ver|vers|v|release|rel|build|rev(?:ision)?|firmware
           |driver|sections?|sección|sezione|seção|abschnitt|paragraaf|sect?|chapter|chapitre|kapitel|cap[íi]tulo
           |capitolo|hoofdstuk|art(?:icle|ikel|[íi]culo|icolo|igo)?|annexe?|clause|table|tabelle|fig(?:ure)?|oid)
           [\s.:#"'(=]{0,3}
        | [§¶№]\s?
        | (?:[=<>~!^]=|~>|[\^~])\s?
        | [\w]-
        | [^\W\d_]/
      )\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_ADDRESS_BEFORE = re.compile(
    r"(?:\b(?:ip(?:v4)?|addr(?:ess|esse)?|adresse|dirección|indirizzo|hosts?|server|serveur|client|dns|nameserver"
    r"|gateway|router|proxy|ping|peer)\b[^\w\n]{0,4}|\b(?:ips?|dns|nameservers?|resolvers?|ping)\b[^\n]{0,20}|://|@|\[)\Z",
    re.IGNORECASE,
)
_ADDRESS_AFTER = re.compile(r":[0-9]{2,5}(?![0-9])|/[0-9]{1,2}(?![0-9.])|\]")
_SMALL = 50
_RELEASED = re.compile(r"\b(?:versions?|standards|releases?|updated?|upgraded?|bump(?:ed)?)\b[^\n]*\Z", re.IGNORECASE)
_MIDDLING = 99

_DOCUMENTATION_4 = [IPv4Network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
_PRIVATE_4 = [
    IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
]
_DOCUMENTATION_6 = [IPv6Network(n) for n in ("2001:db8::/32", "3fff::/20")]
_PRIVATE_6 = [IPv6Network(n) for n in ("fc00::/7", "fe80::/10")]
_UNICAST_6 = IPv6Network("2000::/3")
"""All that IANA has given out for global use."""

Address = IPv4Address | IPv6Address


def parse(value: str) -> Address | None:
    """The address that `value` spells, if it does."""
    try:
        return IPv6Address(value) if ":" in value else IPv4Address(value)
    except ValueError:
        return None


def counts(address: Address, private: bool, reserved_too: bool = False) -> bool:
    """Whether an address may lead to a person: a public one, or also a private one, or one of those that
    documentation uses in their place."""
    if reserved_too and reserved(str(address)):
        return True
    if isinstance(address, IPv4Address):
        if private and any(address in network for network in _PRIVATE_4):
            return True
        return address.is_global and not address.is_multicast
    if address.ipv4_mapped is not None:
        return counts(address.ipv4_mapped, private, reserved_too)
    if private and any(address in network for network in _PRIVATE_6):
        return True
    documentation = any(address in network for network in _DOCUMENTATION_6)
    return address in _UNICAST_6 and address.is_global and not documentation


def find(text: str, start: int, end: int, private: bool = False, reserved_too: bool = False) -> list[tuple[int, int]]:
    """Addresses that begin in text[start:end]; private ones and those of documentation only if told so."""
    found: list[tuple[int, int]] = []
    for match in _V6.finditer(text, start):
        if match.start() >= end:
            break
        span = _v6(text, match)
        if span and _taken(text[span[0] : span[1]], private, reserved_too):
            found.append(span)
    for match in _V4.finditer(text, start):
        if match.start() >= end:
            break
        first, last = match.span()
        if any(a < last and first < b for a, b in found) or not _taken(match.group(), private, reserved_too):
            continue
        if not _is_number(text, match):
            found.append((first, last))
    return sorted(found)


def _taken(value: str, private: bool, reserved_too: bool) -> bool:
    address = parse(value)
    return address is not None and counts(address, private, reserved_too)


def _v6(text: str, match: re.Match[str]) -> tuple[int, int] | None:
    """The span of an IPv6 address in a stretch of hexadecimal digits, colons and dots."""
    first, last = match.span()
    value = match.group()
    if value.count(":") < 2:
        return None
    if value[0] == ":" and value[1] != ":":
        first += 1
    elif first and (text[first - 1].isalnum() or text[first - 1] == "_"):
        return None
    while text[last - 1] == ".":
        last -= 1
    if text[last - 1] == ":" and text[last - 2] != ":":
        last -= 1
    elif last == match.end() and last < len(text) and (text[last].isalnum() or text[last] == "_"):
        return None
    return first, last


def _is_number(text: str, match: re.Match[str]) -> bool:
    """Whether four dotted numbers are a version, a section, ... rather than an address."""
    first, last = match.span()
    low = max(0, first - _LOOKBACK)
    if _BEFORE.search(text, low, first) and not _V4_BEFORE.search(text, low, first):
        return True
    if text[last : last + 1] == "-" and text[last + 1 : last + 2].isdigit() and not _V4_AFTER.match(text, last):
        return True
    largest = max(map(int, match.group().split(".")))
    if largest > _SMALL:
        return largest <= _MIDDLING and _RELEASED.search(text, low, first) is not None
    if _ADDRESS_AFTER.match(text, last):
        return False
    if not _ADDRESS_BEFORE.search(text, low, first):
        return True
    return text[first - 1] not in "/@[" and _RELEASED.search(text, low, first) is not None


def canonical(value: str) -> str:
    """The address as the standard library spells it (RFC 5952)."""
    address = parse(value)
    return str(address) if address is not None else value


def reserved(value: str) -> bool:
    """Whether the address lies in a block that RFC 5737, RFC 3849 or RFC 9637 keeps for documentation."""
    address = parse(value)
    if isinstance(address, IPv4Address):
        return any(address in network for network in _DOCUMENTATION_4)
    return address is not None and any(address in network for network in _DOCUMENTATION_6)


def fake(value: str, digest: int) -> str:
    """An address of the same family in a block reserved for documentation."""
    if ":" in value:
        return str(_DOCUMENTATION_6[0][1 + digest % (2**32 - 1)])
    return str(_DOCUMENTATION_4[digest % 3][1 + digest // 3 % 254])
