"""E-mail addresses that are spelt against robots: "name (at) domain (dot) org", "name [at] domain.fr", "a AT b DOT de".

The '@' stands in brackets as a word (at, arobase, arroba, chiocciola, apenstaartje, ...) or as itself, dots as
themselves or as words; or both are the bare words "at" and "dot". Where all is in small letters and without
brackets, the last label must be a top-level domain that isn't a word, for "look at the dot in ..." is English. ASCII.
"""

from __future__ import annotations

import re

from tamis.recognizers.email import fake

__all__ = ["canonical", "fake", "find", "reserved"]

_OPEN, _CLOSE = r"[ \t]{0,2}[(\[{][ \t]?", r"[ \t]?[)\]}][ \t]{0,2}"
_AT = re.compile(
    rf"{_OPEN}(?P<bracketed>(?ai:at|@|arobase|arobas|arroba|chiocciola|apenstaartje)|[äÄ][tT]){_CLOSE}"
    r"|[ \t](?P<bare>(?ai:at))[ \t](?=[A-Za-z0-9])"
)
_DOT_WORD = "(?ai:dot|punkt|point|punto|ponto|punt)"
_SPELT_DOT = rf"(?:{_OPEN}(?:{_DOT_WORD}|\.){_CLOSE}| {_DOT_WORD} )"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
_DOMAIN = re.compile(
    rf"{_LABEL}(?:(?:\.|{_SPELT_DOT}){_LABEL}){{0,4}}(?P<dot>\.|{_SPELT_DOT})(?P<top>[A-Za-z]{{2,24}})(?![\w@(-])"
)
_PART = "[A-Za-z0-9_%+-](?:[A-Za-z0-9_%+.-]{0,40}[A-Za-z0-9_%+-])?"
_LOCAL = re.compile(rf"(?<![\w.%+@-]){_PART}(?:{_SPELT_DOT}{_PART}){{0,2}}\Z")
_WORD_DOT = re.compile(_SPELT_DOT)
_TOPS = frozenset(
    {"com", "org", "net", "edu", "gov", "info", "eu", "fr", "de", "es", "nl", "pt", "pl", "uk", "ch", "lu", "dk", "se",
     "fi", "cz", "ie", "ca", "au", "jp", "ru", "br", "mx", "gr", "hu", "ro"}
)  # fmt: skip
_LOCAL_REACH, _AT_REACH, _DOMAIN_REACH = 96, 24, 128
_RESERVED = re.compile(r"(?:\A|\.)(?:example\.(?:com|net|org)|example|test|invalid|localhost)\Z")


def find(text: str, start: int, end: int, reserved_too: bool = False) -> list[tuple[int, int]]:
    """Addresses whose spelt '@' begins in text[start:end]; those at reserved domains only if told so."""
    found: list[tuple[int, int]] = []
    at = start
    while (match := _AT.search(text, at, end + _AT_REACH)) and match.start() < end:
        at = match.start() + 1
        domain = _DOMAIN.match(text, match.end(), match.end() + _DOMAIN_REACH)
        local = _LOCAL.search(text, max(0, match.start() - _LOCAL_REACH), match.start())
        if domain is None or local is None or not _spelt(match, domain):
            continue
        first, last = local.start(), domain.end()
        apart = not found or first >= found[-1][1]
        if apart and (reserved_too or not reserved(text[first:last])):
            found.append((first, last))
    return found


def _spelt(at: re.Match[str], domain: re.Match[str]) -> bool:
    """Whether brackets, capitals or the top-level domain tell an address from a sentence."""
    if at["bracketed"]:
        return True
    dot = _WORD_DOT.fullmatch(domain["dot"])
    if dot is None:
        return False
    word = dot.group().strip()
    if not word.isalpha():
        return True
    loud = at["bare"].isupper() and word.isupper()
    return word.lower() == "dot" and (loud or domain["top"].lower() in _TOPS)


def canonical(value: str) -> str:
    """The address that is meant, in small letters."""
    at = _AT.search(value)
    if at is None:
        return value.casefold()
    local, domain = (_WORD_DOT.sub(".", part) for part in (value[: at.start()], value[at.end() :]))
    return f"{local}@{domain}".casefold()


def reserved(value: str) -> bool:
    """Whether the domain that is meant is one that RFC 2606 or RFC 6761 reserves."""
    return _RESERVED.search(canonical(value).rpartition("@")[2]) is not None
