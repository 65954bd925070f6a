from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.recognizers import ip_address


def found(text: str, private: bool = False) -> list[str]:
    return [text[a:b] for a, b in ip_address.find(text, 0, len(text), private)]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("seen 85.214.132.117 today.", ["85.214.132.117"]),
        ("http://85.214.132.117:8080/x, 85.214.132.117/24", ["85.214.132.117", "85.214.132.117"]),
        ("85.214.132.117-85.214.132.120", ["85.214.132.117", "85.214.132.120"]),
        ("[85.214.132.117]", ["85.214.132.117"]),
        ("<td>85.214.132.117</td>", ["85.214.132.117"]),
        ("host=85.214.132.117", ["85.214.132.117"]),
        ("the host 8.8.4.4 and http://8.8.8.8/", ["8.8.4.4", "8.8.8.8"]),
        ("The DNS servers are 8.8.8.8; DNS: 9.9.9.9, 8.8.4.4.", ["8.8.8.8", "9.9.9.9", "8.8.4.4"]),
        ("ping -c 4 9.9.9.9", ["9.9.9.9"]),
        ("2a00:1450:4007:80e::200e.", ["2a00:1450:4007:80e::200e"]),
        ("addr:2A00:1450::1, [2a00:1450::2]:443", ["2A00:1450::1", "2a00:1450::2"]),
        ("2001:4860:0:1001:0:0:0:68", ["2001:4860:0:1001:0:0:0:68"]),
        ("::ffff:85.214.132.117", ["::ffff:85.214.132.117"]),
    ],
)
def test_addresses(text: str, addresses: list[str]) -> None:
    assert found(text) == addresses


@pytest.mark.parametrize(
    "text",
    [
        "version 91.2.3.4", "v91.2.3.4", "Version: 91.2.3.4", "updated to version 62.1.2.0", "pkg==91.102.3.4",
        "~> 91.2.3.104", "libfoo-91.102.3.4", "Firefox/91.102.3.4", "91.102.3.4-rc1", "91.102.3.4+git",
        "1.2.3.4 Scope and terms", "section 14.2.3.4", "§ 91.2.3.4", "1.2.3.4.5", "91.102.3.4.5", "256.1.1.300",
        "085.214.132.117", "85.214.132", "fixed in 1.5.4.1", "Bind DNS update 9.1.2.3", "now at 8.8.8.8", "DNS server version 9.1.2.3", "OID 2.5.4.103", "12.03.2024", "1.234.567",
        "10.0.0.1", "192.168.1.1", "127.0.0.1", "0.0.0.0", "255.255.255.0", "224.0.0.251", "host 192.0.2.7",
        "std::string", "Vec::<u8>", "add::dad", "a::b", "::", "::1", "fe80::1", "2001:db8::1", "12:30:45",
        "00:1B:44:11:3A:B7", "de:ad:be:ef:00:11:22:33", "20:01:0d:b8:85:a3:00:00:ff", "2024:01:02",
        "x2a00:1450::1", "2a00:1450::1::2", "dead:beef", "85.214.132.117px",
    ],
)  # fmt: skip
def test_not_addresses(text: str) -> None:
    assert found(text) == []


def test_private_addresses_on_request() -> None:
    text = "10.0.0.1, 192.168.100.1, 172.16.254.1, fe80::1, fd00::17, 127.0.0.1, ::1, 192.0.2.99, 85.214.132.117"
    assert found(text, private=True) == [
        "192.168.100.1",
        "172.16.254.1",
        "fe80::1",
        "fd00::17",
        "85.214.132.117",
    ]
    assert found("ip 10.0.0.1", private=True) == ["10.0.0.1"]


@settings(max_examples=100, deadline=None)
@given(st.ip_addresses())
def test_every_public_address_is_found(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    counts = ip_address.counts(address, private=False)
    assert found(f"ip {address}, seen") == ([str(address)] if counts else [])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**64 - 1), st.sampled_from(["85.214.132.117", "2a00:1450::1"]))
def test_fakes_are_documentation_addresses(digest: int, value: str) -> None:
    fake = ip_address.fake(value, digest)
    assert ipaddress.ip_address(fake).version == ipaddress.ip_address(value).version
    assert ip_address.reserved(fake)
    assert found(f"ip {fake}") == found(f"ip {fake}", private=True) == []


def test_canonical() -> None:
    assert ip_address.canonical("2A00:1450:0:0::1") == ip_address.canonical("2a00:1450::1")
