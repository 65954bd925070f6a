"""Private keys in text (RFC 7468 and its forerunners, OpenSSH, OpenPGP): from "-----BEGIN" to "-----END".

The whole block with its first and last line. Up to 16 kB; base64, headers and line ends, escaped ones of source code,
too. A block that isn't closed has no end that could be told, and isn't taken.
"""

from __future__ import annotations

import re

_BLOCK = re.compile(
    r"-----BEGIN (?P<label>(?:[A-Z0-9]{1,10} ){0,2}PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:[A-Za-z0-9+/=\s\\,:;.()\"'@_]|-(?!----)){40,16000}+-----END (?P=label)-----",
    re.ASCII,
)
_EXAMPLE = "EXAMPLE"


def find(text: str, start: int, end: int, reserved_too: bool = False) -> list[tuple[int, int]]:
    """Keys that begin in text[start:end]; fakes only if told so."""
    found = []
    for match in _BLOCK.finditer(text, start):
        if match.start() >= end:
            break
        if reserved_too or not reserved(match.group()):
            found.append(match.span())
    return found


def canonical(value: str) -> str:
    """The block without white space."""
    return "".join(value.split())


def reserved(value: str) -> bool:
    """Whether it is a fake."""
    return _EXAMPLE * 2 in value


def fake(value: str, digest: int) -> str:
    """A block with the same first and last line that says in between that it is an example."""
    match = _BLOCK.fullmatch(value)
    label = match["label"] if match else "PRIVATE KEY"
    return f"-----BEGIN {label}-----\n{_EXAMPLE * 4}{digest:016X}\n-----END {label}-----"
