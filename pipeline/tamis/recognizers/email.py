"""E-mail addresses: a practical subset of RFC 5322 and RFC 6531.

    local part   1 to 64 letters, digits and . _ % + ' & ~ - ; begins with a letter or a digit, no dot at the
                 end, no two dots together. Letters of any script (jürgen@müller.de), but scripts written
                 without spaces don't mix with others: of "请写信给zhang@example.cn" the Latin part alone.
    domain       2 to 9 labels of up to 63 letters, digits and inner hyphens; the last one has two letters or
                 more, or is an "xn--" label. A dot at the end belongs to the sentence.

Not addresses, though they look like one: the user of a URL (https://user@host/), an account of a repository
(git@host:path), image names (icon@2x.png), package versions (left-pad@1.3.x), calls (q@k.transpose(0)), and
addresses at the domains that RFC 2606 and RFC 6761 reserve (example.org, *.test, *.invalid).
"""

from __future__ import annotations

import re

_UNSPACED = "\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_SPACED = f"[^\\W_{_UNSPACED}]"
_LABEL = f"(?:{_SPACED}(?:(?:{_SPACED}|-){{0,61}}{_SPACED})?|[{_UNSPACED}]{{1,63}})"
_TOP = f"(?:xn--[a-z0-9-]{{2,59}}+|[^\\W\\d_{_UNSPACED}]{{2,63}}+(?!{_SPACED})|[{_UNSPACED}]{{2,63}}+)"
_DOMAIN = re.compile(f"(?:{_LABEL}\\.){{1,8}}{_TOP}", re.IGNORECASE)
_WIDE = re.compile(f"[{_UNSPACED}]")
_ASCII_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+'&~-")
_LOCAL_LIMIT = 64
_DOMAIN_LIMIT = 255

_USER_OF_URL = re.compile(r"://[^/?#\s]*\Z")
_ACCOUNTS = frozenset({"git", "hg", "svn", "cvs", "anoncvs", "anonymous", "aur", "ssh"})
_VERSION = re.compile(r"[0-9]+\.[0-9]+(?:\.|\Z)")
_SCALE = re.compile(r"[0-9](?:\.[0-9])?x\.", re.IGNORECASE)
FILE_ENDINGS = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "bmp", "ico", "avif", "heic", "tiff", "css", "js", "jsx"}
    | {"tsx", "html", "htm", "json", "xml", "yaml", "yml", "txt", "pdf", "exe", "dll", "jar", "java", "cpp"}
    | {"hpp", "class", "tgz", "gz", "bz2", "xz"}
)
_RESERVED = re.compile(r"(?:\A|\.)(?:example\.(?:com|net|org)|example|test|invalid|localhost)\Z")
_FAKE_DOMAINS = ("example.com", "example.net", "example.org")


def find(text: str, start: int, end: int, reserved_too: bool = False) -> list[tuple[int, int]]:
    """Addresses whose '@' lies in text[start:end]; those at reserved domains only if told so."""
    found: list[tuple[int, int]] = []
    at = text.find("@", start, end)
    while at >= 0:
        span = _address(text, at)
        if span and not reserved_too and reserved(text[span[0] : span[1]]):
            span = None
        if span and not (found and span[0] < found[-1][1]):
            found.append(span)
        at = text.find("@", at + 1, end)
    return found


def _address(text: str, at: int) -> tuple[int, int] | None:
    """The address around the '@' at `at`, if there is one."""
    start = _local_start(text, at)
    domain = _DOMAIN.match(text, at + 1)
    if domain is None or at - start > _LOCAL_LIMIT:
        return None
    local = text[start:at].lstrip("._%+'&~-")
    if not local or local[-1] in ".'&~" or ".." in local or len(domain.group()) > _DOMAIN_LIMIT:
        return None
    first, last = at - len(local), domain.end()
    if _refused(text, first, local, domain.group(), text[last : last + 1]):
        return None
    return first, last


def _local_start(text: str, at: int) -> int:
    """First position of the run of local-part characters before `at`; it looks one beyond the limit."""
    start = at
    wide = at > 0 and _WIDE.match(text, at - 1) is not None
    while start > 0 and at - start <= _LOCAL_LIMIT:
        char = text[start - 1]
        if char <= "\x7f":
            if wide or char not in _ASCII_LOCAL:
                break
        elif not char.isalnum() or (_WIDE.match(char) is not None) != wide:
            break
        start -= 1
    return start


def _refused(text: str, first: int, local: str, domain: str, after: str) -> bool:
    """Whether something that is spelt like an address is something else."""
    return (
        after == "("
        or (after in (":", "/") and local.lower() in _ACCOUNTS)
        or _VERSION.match(domain) is not None
        or _SCALE.match(domain) is not None
        or domain.rpartition(".")[2].lower() in FILE_ENDINGS
        or _USER_OF_URL.search(text, max(0, first - _LOCAL_LIMIT), first) is not None
    )


def canonical(value: str) -> str:
    """The address in small letters."""
    return value.casefold()


def reserved(value: str) -> bool:
    """Whether the domain of the address is one that RFC 2606 or RFC 6761 reserves."""
    return _RESERVED.search(value.rpartition("@")[2].lower()) is not None


def fake(value: str, digest: int) -> str:
    """An address at a domain that RFC 2606 reserves."""
    return f"user-{digest % 16**8:08x}@{_FAKE_DOMAINS[digest // 16**8 % 3]}"
