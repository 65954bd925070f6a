from __future__ import annotations

import pytest

from tamis.recognizers import email


def found(text: str) -> list[str]:
    return [text[a:b] for a, b in email.find(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("write to bob@mail.fr.", ["bob@mail.fr"]),
        (
            "<jane.doe+news@sub.mail-host.co.uk>, o'brien@uni.ie",
            ["jane.doe+news@sub.mail-host.co.uk", "o'brien@uni.ie"],
        ),
        ("'bob@mail.fr' *eva@mail.de* _ana@mail.es_", ["bob@mail.fr", "eva@mail.de", "ana@mail.es"]),
        ("jürgen@müller.de und пётр@почта.рф", ["jürgen@müller.de", "пётр@почта.рф"]),
        ("请写信给zhang@mail.cn谢谢", ["zhang@mail.cn"]),
        ("a@xn--bcher-kva.de, x@foo.xn--p1ai", ["a@xn--bcher-kva.de", "x@foo.xn--p1ai"]),
        ("mailto:bob@mail.fr?subject=x", ["bob@mail.fr"]),
        ("https://x.fr/?email=bob@mail.fr&a=1", ["bob@mail.fr"]),
        ("https://x.fr?mail=bob@mail.fr", ["bob@mail.fr"]),
        ("bob@mail.fr:hunter2", ["bob@mail.fr"]),
        ("bob@mail.fr;eva@mail.de", ["bob@mail.fr", "eva@mail.de"]),
        ("x@mail.com-based", ["x@mail.com"]),
    ],
)
def test_addresses(text: str, addresses: list[str]) -> None:
    assert found(text) == addresses


@pytest.mark.parametrize(
    "text",
    [
        "@property", "def f(self): return a @ b", "q@k.transpose(0, 1)", "icon@2x.png", "photo@1.5x.webp",
        "left-pad@1.3.0", "pkg@1.2.rc", "git@github.com:owner/repo.git", "ssh://git@host.net/x",
        "https://user@host.net/", "ftp://user:secret@host.net", "@mention hello", "a@b", "a@b.c", "..@x.fr",
        "a..b@mail.fr", "a.@mail.fr", "main@entry.json", "bob@example.org", "bob@mail.example.com",
        "bob@host.invalid", "me@localhost", "x" * 65 + "@mail.fr",
    ],
)  # fmt: skip
def test_not_addresses(text: str) -> None:
    assert found(text) == []


def test_fakes_are_reserved_addresses() -> None:
    fakes = {email.fake("bob@mail.fr", digest) for digest in (0, 7, 2**63, 2**64 - 1, 3 * 16**8, 16**8)}
    assert len(fakes) > 3
    for fake in fakes:
        assert email.reserved(fake)
        assert found(fake) == []
    assert email.canonical("Bob@Mail.FR") == email.canonical("bob@mail.fr")
