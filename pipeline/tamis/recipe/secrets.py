"""Refuses credentials in a recipe: it is published with the dataset. They belong in the environment."""

from __future__ import annotations

import re
from typing import Any

_KEYS = re.compile(
    r"(?i)(?:^|[_-])(?:password|passwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|token|credentials?)\Z"
)
_VALUES = (
    (re.compile(r"\bhf_[A-Za-z0-9]{20,}"), "a Hugging Face token"),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "an AWS access key"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}"), "a GitHub token"),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"), "an API key"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@", re.I), "a URL with a password"),
    (
        re.compile(r"[?&](?:token|sig|signature|X-Amz-Signature|key|api_key|access_token)=[^&\s]+", re.I),
        "a signed URL",
    ),
)


def credential_in(path: tuple[str | int, ...], value: Any) -> str | None:
    """What kind of credential stands at `path`, or None. The value itself is never part of the answer."""
    if not isinstance(value, str) or not value:
        return None
    key = str(path[-1]) if path else ""
    if _KEYS.search(key):
        return f"a credential under `{key}`"
    for pattern, what in _VALUES:
        if pattern.search(value):
            return what
    return None
