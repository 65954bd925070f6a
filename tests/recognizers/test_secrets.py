"""Secrets and spelt e-mail addresses: what counts, what stands for a value in manuals, fakes."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels import candidate_tokens
from tamis.recognizers import api_key, private_key, spelt_email, url_credentials

BLOCK = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\nAAAAtzc2gtZW\n"
    "-----END OPENSSH PRIVATE KEY-----"
)
HEX = "16C7e42F292c6912E7710c838347Ae178B4a"


def found(module: ModuleType, text: str) -> list[str]:
    return [text[a:b] for a, b in module.find(text, 0, len(text))]


KEYS = [
    "AKIAI44QH8DHBZXMPL3Q", "ASIAI44QH8DHBZXMPL3Q", f"ghp_{HEX}", f"gho_{HEX}",
    "github_pat_11ABCDEFG0aBcDeFgHiJkL_" + ("aB3" * 20)[:58] + "x", "glpat-a1B2c3D4e5F6g7H8i9J0",
    "xoxb-123456789012-abcDEFghi123", "AIza" + ("Sy1aB2cDe3" * 4)[:35], "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "sk-proj-a1B2c3D4e5F6g7H8i9J0", "sk-" + HEX, "hf_" + HEX[:34], "npm_" + HEX,
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_keys(key: str) -> None:
    assert found(api_key, f'token="{key}"; other') == [key]
    assert found(api_key, f"x{key}") == []
    assert len(key) >= candidate_tokens.KEY_LENGTH
    assert key.startswith(candidate_tokens.KEY_PREFIXES)


@pytest.mark.parametrize(
    "text",
    [
        "ghp_" + "x" * 36, "sk-fading-circle12 sk-cube-grid", "AKIA", "hf_model_name_1234567890", "eyJhbGciOiJIUzI1NiJ9",
        "AKIAXXXXXXXXXXXXXXXX", "skip_to_content_1234567890", "xoxo-and-much-love-2024", "sk_test_your_key_here_123",
    ],
)  # fmt: skip
def test_not_keys(text: str) -> None:
    assert found(api_key, text) == []


def test_keys_of_documentation_are_reserved() -> None:
    assert found(api_key, "AKIAIOSFODNN7EXAMPLE") == []
    assert api_key.find("AKIAIOSFODNN7EXAMPLE", 0, 20, True) == [(0, 20)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("git clone https://jo:s3cr3tPw@host.org/x", ["jo:s3cr3tPw"]),
        ("postgresql://admin:p%40ss-w0rd@10.0.0.1:5432/db", ["admin:p%40ss-w0rd"]),
        ("redis://:abc123def@cache:6379/0", [":abc123def"]),
        ("http://jürgen:geheim1@[::1]/", ["jürgen:geheim1"]),
        ("http://user:password@host/", []),
        ("http://USER:PASS@host/ http://u:$PASS@h/ http://u:{pw}@h/ http://u:%s@h/ http://u:***@h/", []),
        ("https://user@host/ https://host:8080/x@y mailto:jo@host.org a:b@c", []),
        ("http://host/a:b@c", []),
    ],
)
def test_credentials(text: str, values: list[str]) -> None:
    assert found(url_credentials, text) == values


def test_private_keys() -> None:
    assert found(private_key, f"key:\n{BLOCK}\nend") == [BLOCK]
    escaped = BLOCK.replace("\n", "\\n")
    assert found(private_key, f'"{escaped}"') == [escaped]
    assert found(private_key, BLOCK.replace("PRIVATE", "PUBLIC")) == []
    assert found(private_key, BLOCK[:-40]) == []


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("écrire à jean.dupont (at) mairie.fr.", ["jean.dupont (at) mairie.fr"]),
        ("bob[at]uni[dot]edu", ["bob[at]uni[dot]edu"]),
        ("Mail: x_y AT cs DOT uni DOT edu", ["x_y AT cs DOT uni DOT edu"]),
        ("jan at bedrijf dot nl", ["jan at bedrijf dot nl"]),
        ("a.b {at} host {dot} com; c (arobase) wanadoo.fr", ["a.b {at} host {dot} com", "c (arobase) wanadoo.fr"]),
        ("ana (arroba) correo (punto) es", ["ana (arroba) correo (punto) es"]),
        ("john (dot) doe (at) mail.com", ["john (dot) doe (at) mail.com"]),
        ("max (ät) web.de", ["max (ät) web.de"]),
        ("look at the dot in the middle; look at polka dot dress", []),
        ("meet me at example.org at noon; v[at] = x; f(at)", []),
        ("std::vector::at(at).x, (at home), [at] the", []),
    ],
)
def test_spelt_addresses(text: str, addresses: list[str]) -> None:
    assert [text[a:b] for a, b in spelt_email.find(text, 0, len(text), True)] == addresses


def test_two_spellings_of_an_address_are_one() -> None:
    assert spelt_email.canonical("Jan AT bedrijf DOT nl") == spelt_email.canonical("jan [at] bedrijf.nl") == "jan@bedrijf.nl"
    assert spelt_email.reserved("jan at example dot org") and not spelt_email.reserved("jan at example dot nl")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        [(api_key, key) for key in KEYS] + [(url_credentials, "jo:s3cr3tPw"), (private_key, BLOCK)]
    ),
    st.integers(0, 2**64 - 1),
)  # fmt: skip
def test_fakes_are_nobodys(example: tuple[ModuleType, str], digest: int) -> None:
    module, value = example
    fake = module.fake(value, digest)
    assert fake != value and module.reserved(fake) and not module.reserved(value)
    text = f"https://{fake}@host/"
    for other in (api_key, private_key, url_credentials):
        if (other is url_credentials) == (module is url_credentials):
            assert other.find(text, 0, len(text)) == []
