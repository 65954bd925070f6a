"""Refuses credentials in a recipe: it is published with the dataset. They belong in the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_KEYS = re.compile(
    r"(?i)(?:^|[_-])(?:password|passwd|passphrase|secret|(?:api|access|secret|private|account)[_-]?key|token"
    r"|credentials?)\Z"
)
_VALUES = (
    (re.compile(r"\bhf_[A-Za-z0-9]{20,}"), "a Hugging Face token"),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "an AWS access key"),
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,})"), "a GitHub token"),
    (re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"), "a GitLab token"),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{35}"), "a Google API key"),
    (re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"), "a Slack token"),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"), "an API key"),
    (re.compile(r"\bAccountKey=[^;\s]+", re.I), "a storage account's key"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.*?-----END|.*)", re.S), "a private key"),
    (re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.I), "a URL with a password"),
    (
        re.compile(
            r"[?&](?:token|sig|signature|x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|key"
            r"|api_?key|access_token)=[^&\s]+",
            re.I,
        ),
        "a signed URL",
    ),
)
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_NAMES_OF_FIELDS = frozenset({"columns", "signals", "where"})
"""Below these, a key is the name of somebody's field and no setting."""
HIDDEN = "(hidden)"
"""Stands for a credential in errors."""


def credential_in(path: tuple[str | int, ...], value: Any) -> str | None:
    """What kind of credential stands at `path`, or None. The value itself is never part of the answer.

    A reference to the environment (`${TOKEN}`) is none.
    """
    if value is None or isinstance(value, bool):
        return None
    text = _VARIABLE.sub("", str(value))
    names = [step for step in path if isinstance(step, str)]
    if text and names and _KEYS.search(names[-1]) and not _NAMES_OF_FIELDS & set(names[:-1]):
        return f"a credential under `{names[-1]}`"
    for pattern, what in _VALUES:
        if pattern.search(text):
            return what
    return None


def without_credentials(message: str, values: Iterable[str] = ()) -> str:
    """The message with `values`, and all that looks like a credential, hidden."""
    for value in sorted(filter(None, values), key=len, reverse=True):
        # As it is, as `repr` quotes it, and as `repr` does inside a text with both kinds of quotes.
        for spelling in (value, repr(value)[1:-1], repr(f'"{value}')[2:-1]):
            message = message.replace(spelling, HIDDEN)
    for pattern, _ in _VALUES:
        message = pattern.sub(HIDDEN, message)
    return message
