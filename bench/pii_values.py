"""Personal data and secrets drawn at random, as their registries draw them, for `pii_set`."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

REGIONS = {"fr": ("FR", "BE"), "en": ("GB", "US"), "de": ("DE", "AT"), "es": ("ES",), "it": ("IT",), "nl": ("NL", "BE"),
           "pt": ("PT", "BR")}  # fmt: skip
IBAN_HOMES = {"fr": "FR", "en": "GB", "de": "DE", "es": "ES", "it": "IT", "nl": "NL", "pt": "PT"}
_ISSUERS = (("4", 16), ("51", 16), ("37", 15), ("6011", 16))
_CODICE_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def digits(rng: random.Random, size: int) -> str:
    """Random digits."""
    return "".join(rng.choices(string.digits, k=size))


def _until(rng: random.Random, draw: Callable[[], str | None]) -> str:
    while True:
        value = draw()
        if value is not None:
            return value


def _email(rng: random.Random, language: str) -> str:
    user = rng.choice(("anna.berg", "m.dupont", "luis_perez", "info", "giulia-r", "jan92", "tom+news", "zoë.maes"))
    host = rng.choice(("mail", "uni-weimar", "mairie", "post", "studio-rossi", "correo", "müller-bau"))
    top = rng.choice(("fr", "de", "com", "es", "it", "nl", "pt", "org", "eu"))
    return f"{user}{rng.choice(('', str(rng.randrange(99))))}@{host}.{top}"


def _spelt_email(rng: random.Random, language: str) -> str:
    user, host, top = (
        rng.choice(("anna.berg", "info", "jan92")),
        rng.choice(("mail", "uni-weimar", "correo")),
        rng.choice(("fr", "de", "org", "nl")),
    )
    at = {"fr": " (arobase) ", "es": " (arroba) ", "pt": " [arroba] "}.get(language, " (at) ")
    return rng.choice((f"{user}{at}{host}.{top}", f"{user} [at] {host} [dot] {top}", f"{user}(at){host}.{top}",
                       f"{user} AT {host} DOT {top}", f"{user} at {host} dot {top}"))  # fmt: skip


def _phone(rng: random.Random, language: str) -> str:
    import phonenumbers as library

    region = rng.choice(REGIONS[language])
    kind = rng.choice((library.PhoneNumberType.MOBILE, library.PhoneNumberType.FIXED_LINE))
    example = library.national_significant_number(library.example_number_for_type(region, kind))
    code = library.country_code_for_region(region)

    def draw() -> str | None:
        number = library.parse(f"+{code}{example[:-5]}{digits(rng, 5)}")
        form = rng.choice(
            (
                library.PhoneNumberFormat.INTERNATIONAL,
                library.PhoneNumberFormat.NATIONAL,
                library.PhoneNumberFormat.E164,
            )
        )
        return library.format_number(number, form) if library.is_valid_number(number) else None

    return _until(rng, draw)


def _ip(rng: random.Random, language: str) -> str:
    if rng.random() < 0.25:
        return str(IPv6Address((0x2A00 << 112) + (rng.getrandbits(32) << 80) + rng.getrandbits(32)))

    def draw() -> str | None:
        address = IPv4Address(rng.getrandbits(32))
        return str(address) if address.is_global and not address.is_multicast else None

    return _until(rng, draw)


def _iban(rng: random.Random, language: str) -> str:
    country = IBAN_HOMES[language]
    body = {"FR": 23, "GB": 0, "DE": 18, "ES": 20, "IT": 0, "NL": 0, "PT": 21}[country]
    account = digits(rng, body) if body else {
        "GB": "NWBK" + digits(rng, 14), "IT": "X" + digits(rng, 22), "NL": "ABNA" + digits(rng, 10),
    }[country]  # fmt: skip
    number = int("".join(str(int(c, 36)) for c in account + country)) * 100
    value = f"{country}{98 - number % 97:02}{account}"
    return value if rng.random() < 0.5 else " ".join(value[i : i + 4] for i in range(0, len(value), 4))


def _payment_card(rng: random.Random, language: str) -> str:
    prefix, size = rng.choice(_ISSUERS)
    body = prefix + digits(rng, size - len(prefix) - 1)
    total = sum(sum(divmod(int(d) * (2 if i % 2 == 0 else 1), 10)) for i, d in enumerate(reversed(body)))
    value = body + str(-total % 10)
    if size == 15 or rng.random() < 0.4:
        return value
    return rng.choice(" -").join(value[i : i + 4] for i in range(0, 16, 4))


def birth(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(1930, 2006), rng.randrange(1, 13), rng.randrange(1, 29)


def _fr_nir(rng: random.Random, language: str) -> str:
    year, month, _ = birth(rng)
    place = rng.choice(("2A", "2B", *(f"{n:02}" for n in range(1, 96) if n != 20)))
    parts = [
        rng.choice("12"),
        f"{year % 100:02}",
        f"{month:02}",
        place,
        f"{rng.randrange(1, 600):03}",
        f"{rng.randrange(1, 900):03}",
    ]
    number = int("".join(parts).replace("2A", "19").replace("2B", "18"))
    return rng.choice((" ", "")).join([*parts, f"{97 - number % 97:02}"])


def _es_dni(rng: random.Random, language: str) -> str:
    number = rng.randrange(1_000_000, 99_999_999)
    return f"{number:08}{rng.choice(('', '-'))}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def _es_nie(rng: random.Random, language: str) -> str:
    first, number = rng.randrange(3), rng.randrange(10_000, 9_999_999)
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[(first * 10_000_000 + number) % 23]
    gap = rng.choice(("", "-"))
    return f"{'XYZ'[first]}{gap}{number:07}{gap}{letter}"


def _it_codice_fiscale(rng: random.Random, language: str) -> str:
    year, month, day = birth(rng)
    letters = "".join(rng.choices("BCDFGLMNPRSTV", k=6))
    born = f"{year % 100:02}{'ABCDEHLMPRST'[month - 1]}{day + rng.choice((0, 40)):02}"
    code = letters + born + rng.choice("ABCDEFGHL") + digits(rng, 3)
    if rng.random() < 0.1:
        code = code[:-1] + "LMNPQRSTUV"[int(code[-1])]
    values = [int(c) if c.isdigit() else ord(c) - 65 for c in code]
    return code + chr(65 + sum(v if i % 2 else _CODICE_ODD[v] for i, v in enumerate(values)) % 26)


def _de_steuer_id(rng: random.Random, language: str) -> str:
    def draw() -> str | None:
        pool = rng.sample(string.digits, 9)
        body = [*pool, rng.choice(pool)]
        rng.shuffle(body)
        if body[0] == "0":
            return None
        product = 10
        for digit in map(int, body):
            product = ((digit + product) % 10 or 10) * 2 % 11
        return "".join(body) + str((11 - product) % 10)

    value = _until(rng, draw)
    return value if rng.random() < 0.6 else f"{value[:2]} {value[2:5]} {value[5:8]} {value[8:]}"


def _nl_bsn(rng: random.Random, language: str) -> str:
    def draw() -> str | None:
        body = str(rng.randrange(10_000_000, 99_999_999))
        check = sum(int(d) * (9 - i) for i, d in enumerate(body)) % 11
        return f"{body}{check}" if check < 10 else None

    value = _until(rng, draw)
    return value if rng.random() < 0.7 else f"{value[:4]}.{value[4:6]}.{value[6:]}"


def _pt_nif(rng: random.Random, language: str) -> str:
    body = rng.choice("123") + digits(rng, 7)
    rest = sum(int(d) * (9 - i) for i, d in enumerate(body)) % 11
    value = body + str(0 if rest < 2 else 11 - rest)
    return value if rng.random() < 0.6 else f"{value[:3]} {value[3:6]} {value[6:]}"


def _be_rijksregister(rng: random.Random, language: str) -> str:
    year, month, day = birth(rng)
    nine = f"{year % 100:02}{month:02}{day:02}{rng.randrange(1, 998):03}"
    v = nine + f"{97 - int(('2' if year >= 2000 else '') + nine) % 97:02}"
    return v if rng.random() < 0.3 else f"{v[:2]}.{v[2:4]}.{v[4:6]}-{v[6:9]}.{v[9:]}"


def _pl_pesel(rng: random.Random, language: str) -> str:
    year, month, day = birth(rng)
    body = f"{year % 100:02}{month + (20 if year >= 2000 else 0):02}{day:02}{digits(rng, 4)}"
    return body + str(-sum(int(d) * w for d, w in zip(body, (1, 3, 7, 9) * 3, strict=False)) % 10)


def _pl_nip(rng: random.Random, language: str) -> str:
    def draw() -> str | None:
        body = str(rng.randrange(100_000_000, 999_999_999))
        check = sum(int(d) * w for d, w in zip(body, (6, 5, 7, 2, 3, 4, 5, 6, 7), strict=True)) % 11
        return f"{body}{check}" if check < 10 else None

    v = _until(rng, draw)
    return v if rng.random() < 0.5 else f"{v[:3]}-{v[3:6]}-{v[6:8]}-{v[8:]}"


def characters(rng: random.Random, size: int, of: str = string.ascii_letters + string.digits) -> str:
    return "".join(rng.choices(of, k=size))


def _url_credentials(rng: random.Random, language: str) -> str:
    password = characters(rng, rng.randrange(8, 20), string.ascii_letters + string.digits + "-_.!")
    return f"{rng.choice(('anna', 'deploy', 'root', 'ci-bot'))}:{password}"


def _api_key(rng: random.Random, language: str) -> str:
    return rng.choice((
        "AKIA" + characters(rng, 16, string.ascii_uppercase + "234567"), "ghp_" + characters(rng, 36),
        "AIza" + characters(rng, 35),
        "xoxb-" + digits(rng, 12) + "-" + characters(rng, 24), "sk_live_" + characters(rng, 24),
        "sk-proj-" + characters(rng, 48),
        "hf_" + characters(rng, 34), "glpat-" + characters(rng, 20),
        f"eyJ{characters(rng, 30)}.eyJ{characters(rng, 60)}.{characters(rng, 43)}",
    ))  # fmt: skip


def _private_key(rng: random.Random, language: str) -> str:
    label = rng.choice(("RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY"))
    lines = "\n".join(characters(rng, 64) for _ in range(rng.randrange(3, 12)))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----"


DRAWS: dict[str, Callable[[random.Random, str], str]] = {
    "email": _email, "spelt_email": _spelt_email, "phone": _phone, "ip": _ip, "iban": _iban,
    "payment_card": _payment_card, "fr_nir": _fr_nir, "es_dni": _es_dni, "es_nie": _es_nie,
    "it_codice_fiscale": _it_codice_fiscale, "de_steuer_id": _de_steuer_id, "nl_bsn": _nl_bsn, "pt_nif": _pt_nif,
    "be_rijksregister": _be_rijksregister, "pl_pesel": _pl_pesel, "pl_nip": _pl_nip,
    "url_credentials": _url_credentials, "api_key": _api_key, "private_key": _private_key,
}  # fmt: skip
"""By kind: a value, of a language where the kind has several homes."""
