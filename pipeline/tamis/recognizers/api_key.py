"""Keys and access tokens whose issuers give them a mark: AWS, GitHub, GitLab, Slack, Google, Stripe, OpenAI,
Anthropic, Hugging Face, npm, PyPI, SendGrid, DigitalOcean; and signed JSON web tokens (RFC 7519).

Shapes are those that the issuers document. A key must hold a digit and eight different characters, or it
stands for one in a manual ("ghp_xxxxxxxx..."). Those with "EXAMPLE" in them, as in AWS's manuals, are nobody's.
"""

from __future__ import annotations

import re

_KEY = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      (?:AKIA|ASIA)[A-Z0-9]{16}
    | gh[pousr]_[A-Za-z0-9]{36,255}+
    | github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}
    | glpat-[A-Za-z0-9_-]{20,64}+
    | xox[abeoprs]-[A-Za-z0-9-]{15,250}+
    | AIza[A-Za-z0-9_-]{35}
    | [sr]k_(?:live|test)_[A-Za-z0-9]{16,247}+
    | sk-(?:proj-|svcacct-|admin-|ant-|or-v1-)[A-Za-z0-9_-]{20,250}+
    | sk-[A-Za-z0-9]{32,64}+
    | hf_[A-Za-z0-9]{34}
    | npm_[A-Za-z0-9]{36}
    | pypi-[A-Za-z0-9_-]{50,250}+
    | SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}
    | dop_v1_[a-f0-9]{64}
    | eyJ[A-Za-z0-9_-]{8,8000}+\.eyJ[A-Za-z0-9_-]{8,8000}+\.[A-Za-z0-9_-]{16,8000}+
    )(?![A-Za-z0-9_])""",
    re.VERBOSE,
)
_MARK = re.compile(r"AKIA|ASIA|AIza|eyJ|SG\.|(?:[a-z][a-z0-9]*[_-])+")
_EXAMPLE = "EXAMPLE"
_DIFFERENT = 8


def find(text: str, start: int, end: int, reserved_too: bool = False) -> list[tuple[int, int]]:
    """Keys and tokens that begin in text[start:end]; those of documentation only if told so."""
    found = []
    for match in _KEY.finditer(text, start):
        if match.start() >= end:
            break
        value = match.group()
        body = value[_mark(value) :]
        real = len(set(body)) >= _DIFFERENT and any(c.isdigit() for c in value)
        if real and (reserved_too or not reserved(value)):
            found.append(match.span())
    return found


def _mark(value: str) -> int:
    """Where the issuer's mark ends."""
    match = _MARK.match(value)
    return match.end() if match else 0


def canonical(value: str) -> str:
    """As it is."""
    return value


def reserved(value: str) -> bool:
    """Whether it is one that documentation uses, as every fake is."""
    return _EXAMPLE in value


def fake(value: str, digest: int) -> str:
    """A value with the same mark and length that says that it is an example."""
    mark = _mark(value)
    body = f"{_EXAMPLE}{digest:016X}" * (len(value) // 23 + 1)
    return (value[:mark] + body)[: max(len(value), mark + len(_EXAMPLE))]
