"""A labelled set of personal data in seven languages, made by a seed: values of every kind with their places, among
lines that only look like personal data.

Every document is some lines of text. A line with a value is a sentence of its language: most name the kind ("BSN:",
"n° de sécurité sociale"), as people write them; one in five doesn't. Values are drawn as their registries draw them, check
digits and all. Lines without are what real text is full of: order numbers, ISBNs, dates, versions, hashes, sums,
tables, code.
"""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

LANGUAGES = ("fr", "en", "de", "es", "it", "nl", "pt")
REGIONS = {"fr": ("FR", "BE"), "en": ("GB", "US"), "de": ("DE", "AT"), "es": ("ES",), "it": ("IT",), "nl": ("NL", "BE"),
           "pt": ("PT", "BR")}  # fmt: skip
IBAN_HOMES = {"fr": "FR", "en": "GB", "de": "DE", "es": "ES", "it": "IT", "nl": "NL", "pt": "PT"}
EVERYWHERE = ("email", "spelt_email", "phone", "ip", "iban", "payment_card", "url_credentials", "api_key", "private_key")
HOMES = {
    "fr": ("fr_nir", "be_rijksregister"), "en": ("pl_pesel", "pl_nip"), "de": ("de_steuer_id",),
    "es": ("es_dni", "es_nie"), "it": ("it_codice_fiscale",), "nl": ("nl_bsn", "be_rijksregister"), "pt": ("pt_nif",),
}  # fmt: skip
PLAIN = {
    "fr": ("Dossier de {name} : {value}, reçu hier.", "Voir aussi {value} pour la suite."),
    "en": ("File of {name}: {value}, received yesterday.", "See also {value} for the rest."),
    "de": ("Akte von {name}: {value}, gestern erhalten.", "Siehe auch {value} für den Rest."),
    "es": ("Expediente de {name}: {value}, recibido ayer.", "Véase también {value} para lo demás."),
    "it": ("Pratica di {name}: {value}, ricevuta ieri.", "Si veda anche {value} per il resto."),
    "nl": ("Dossier van {name}: {value}, gisteren ontvangen.", "Zie ook {value} voor de rest."),
    "pt": ("Processo de {name}: {value}, recebido ontem.", "Ver também {value} para o resto."),
}
LABELS: dict[str, dict[str, tuple[str, ...]]] = {
    "email": {"*": ("E-mail: {value}", "<{value}>"), "fr": ("Courriel : {value}",), "de": ("Schreiben Sie an {value}.",)},
    "spelt_email": {"*": ("E-mail: {value}",), "fr": ("Écrire à {value}.",), "es": ("Correo: {value}",)},
    "phone": {"*": ("Tel. {value}", "Mobile: {value}"), "fr": ("Tél. : {value}",), "es": ("Teléfono {value}",),
              "pt": ("Telefone: {value}",), "nl": ("Telefoon {value}",), "it": ("Telefono {value}",)},
    "ip": {"*": ("IP {value}", "from {value} port 22", "{value} - - \"GET / HTTP/1.1\" 200")},
    "iban": {"*": ("IBAN: {value}",), "fr": ("Compte {value}",), "de": ("Konto {value}",)},
    "payment_card": {"*": ("Visa {value}", "Card number {value}"), "fr": ("Carte n° {value}",)},
    "fr_nir": {"*": ("N° de sécurité sociale : {value}", "NIR {value}")},
    "be_rijksregister": {"fr": ("Numéro de registre national : {value}", "NISS {value}"),
                         "nl": ("Rijksregisternummer: {value}", "INSZ {value}")},
    "de_steuer_id": {"*": ("Steuer-ID: {value}", "Steuerliche Identifikationsnummer {value}", "IdNr. {value}")},
    "es_dni": {"*": ("DNI: {value}", "con DNI n.º {value}", "NIF {value}")},
    "es_nie": {"*": ("NIE: {value}", "con NIE n.º {value}")},
    "it_codice_fiscale": {"*": ("Codice fiscale: {value}", "C.F. {value}")},
    "nl_bsn": {"*": ("BSN: {value}", "Burgerservicenummer {value}", "zijn BSN is {value}")},
    "pt_nif": {"*": ("NIF: {value}", "contribuinte n.º {value}")},
    "pl_pesel": {"*": ("PESEL: {value}", "his PESEL number is {value}")},
    "pl_nip": {"*": ("NIP: {value}", "tax number (NIP) {value}")},
    "url_credentials": {"*": ("git clone https://{value}@git.host.eu/p.git", "postgresql://{value}@db:5432/app")},
    "api_key": {"*": ("export TOKEN={value}", "\"token\": \"{value}\"", "key {value}")},
    "private_key": {"*": ("key:\n{value}",)},
}  # fmt: skip
NAMES = ("Anna Berg", "Marie Dupont", "Luis Pérez", "Giulia Rossi", "João Silva", "Jan de Vries", "Tom Hill", "Zoë Maes")
_ISSUERS = (("4", 16), ("51", 16), ("37", 15), ("6011", 16))
_CODICE_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


@dataclass
class Labelled:
    """A document and the values in it."""

    id: str
    language: str
    text: str = ""
    values: list[tuple[str, int, int]] = field(default_factory=list)
    """Kind, first and one past the last character."""
    negatives: list[tuple[str, int, int]] = field(default_factory=list)
    """Class of what only looks like personal data, with its line's place."""

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {"id": self.id, "language": self.language, "text": self.text, "values": self.values,
                "negatives": self.negatives}  # fmt: skip


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
    return f"{user}{rng.choice(('', str(rng.randrange(99))))}@{host}.{rng.choice(('fr', 'de', 'com', 'es', 'it', 'nl', 'pt', 'org', 'eu'))}"


def _spelt_email(rng: random.Random, language: str) -> str:
    user, host, top = rng.choice(("anna.berg", "info", "jan92")), rng.choice(("mail", "uni-weimar", "correo")), rng.choice(("fr", "de", "org", "nl"))
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
        form = rng.choice((library.PhoneNumberFormat.INTERNATIONAL, library.PhoneNumberFormat.NATIONAL, library.PhoneNumberFormat.E164))
        return library.format_number(number, form) if library.is_valid_number(number) else None

    return _until(rng, draw)


def _ip(rng: random.Random, language: str) -> str:
    from ipaddress import IPv4Address, IPv6Address

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
        "GB": "NWBK" + digits(rng, 14), "IT": "X" + digits(rng, 22), "NL": "ABNA" + digits(rng, 10)}[country]  # fmt: skip
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


def _birth(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(1930, 2006), rng.randrange(1, 13), rng.randrange(1, 29)


def _fr_nir(rng: random.Random, language: str) -> str:
    year, month, _ = _birth(rng)
    place = rng.choice(("2A", "2B", *(f"{n:02}" for n in range(1, 96) if n != 20)))
    parts = [rng.choice("12"), f"{year % 100:02}", f"{month:02}", place, f"{rng.randrange(1, 600):03}", f"{rng.randrange(1, 900):03}"]
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
    year, month, day = _birth(rng)
    letters = "".join(rng.choices("BCDFGLMNPRSTV", k=6))
    code = f"{letters}{year % 100:02}{'ABCDEHLMPRST'[month - 1]}{day + rng.choice((0, 40)):02}{rng.choice('ABCDEFGHL')}{digits(rng, 3)}"
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
    year, month, day = _birth(rng)
    nine = f"{year % 100:02}{month:02}{day:02}{rng.randrange(1, 998):03}"
    v = nine + f"{97 - int(('2' if year >= 2000 else '') + nine) % 97:02}"
    return v if rng.random() < 0.3 else f"{v[:2]}.{v[2:4]}.{v[4:6]}-{v[6:9]}.{v[9:]}"


def _pl_pesel(rng: random.Random, language: str) -> str:
    year, month, day = _birth(rng)
    body = f"{year % 100:02}{month + (20 if year >= 2000 else 0):02}{day:02}{digits(rng, 4)}"
    return body + str(-sum(int(d) * w for d, w in zip(body, (1, 3, 7, 9) * 3, strict=False)) % 10)


def _pl_nip(rng: random.Random, language: str) -> str:
    def draw() -> str | None:
        body = str(rng.randrange(100_000_000, 999_999_999))
        check = sum(int(d) * w for d, w in zip(body, (6, 5, 7, 2, 3, 4, 5, 6, 7), strict=True)) % 11
        return f"{body}{check}" if check < 10 else None

    v = _until(rng, draw)
    return v if rng.random() < 0.5 else f"{v[:3]}-{v[3:6]}-{v[6:8]}-{v[8:]}"


def _text(rng: random.Random, size: int, of: str = string.ascii_letters + string.digits) -> str:
    return "".join(rng.choices(of, k=size))


def _url_credentials(rng: random.Random, language: str) -> str:
    return f"{rng.choice(('anna', 'deploy', 'root', 'ci-bot'))}:{_text(rng, rng.randrange(8, 20), string.ascii_letters + string.digits + '-_.!')}"


def _api_key(rng: random.Random, language: str) -> str:
    token = rng.choice((
        "AKIA" + _text(rng, 16, string.ascii_uppercase + "234567"), "ghp_" + _text(rng, 36), "AIza" + _text(rng, 35),
        "xoxb-" + digits(rng, 12) + "-" + _text(rng, 24), "sk_live_" + _text(rng, 24), "sk-proj-" + _text(rng, 48),
        "hf_" + _text(rng, 34), "glpat-" + _text(rng, 20),
        f"eyJ{_text(rng, 30)}.eyJ{_text(rng, 60)}.{_text(rng, 43)}",
    ))  # fmt: skip
    return token


def _private_key(rng: random.Random, language: str) -> str:
    label = rng.choice(("RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY"))
    lines = "\n".join(_text(rng, 64) for _ in range(rng.randrange(3, 12)))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----"


DRAWS: dict[str, Callable[[random.Random, str], str]] = {
    name.removeprefix("_"): draw
    for name, draw in list(globals().items())
    if name.removeprefix("_") in {*EVERYWHERE, *(kind for kinds in HOMES.values() for kind in kinds)}
}
ORDER = {"fr": "Commande n°", "en": "Order no.", "de": "Bestellnummer", "es": "Pedido n.º", "it": "Ordine n.",
         "nl": "Bestelnummer", "pt": "Encomenda n.º"}  # fmt: skip


def _isbn(rng: random.Random) -> str:
    body = "978" + rng.choice("0123") + digits(rng, 8)
    value = body + str(-sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body)) % 10)
    return value if rng.random() < 0.3 else f"{value[:3]}-{value[3]}-{value[4:7]}-{value[7:12]}-{value[12]}"


NEGATIVES: dict[str, Callable[[random.Random, str], str]] = {
    "order number": lambda r, la: f"{ORDER[la]} {digits(r, r.choice((8, 9, 10, 11, 12, 15)))}",
    "ISBN": lambda r, la: f"{r.choice(('ISBN ', 'ISBN: ', ''))}{_isbn(r)}",
    "date": lambda r, la: r.choice((f"{r.randrange(1, 29):02}.{r.randrange(1, 13):02}.{r.randrange(1990, 2030)} 10:2{r.randrange(10)}",
                                    f"2024-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}T12:34:56.{digits(r, 6)}Z",
                                    f"2024{r.randrange(1, 13):02}{r.randrange(1, 29):02}{digits(r, 6)}")),
    "version": lambda r, la: r.choice((f"version {r.randrange(20)}.{r.randrange(60)}.{r.randrange(9)}.{r.randrange(200)}",
                                       f"Firefox/{r.randrange(60, 130)}.0.{r.randrange(9999)}.{r.randrange(99)}",
                                       f"lib-{r.randrange(1, 9)}.{r.randrange(90)}.{r.randrange(99)}.{r.randrange(9)}.tar.gz",
                                       f"pkg=={r.randrange(1, 99)}.{r.randrange(90)}.{r.randrange(250)}.{r.randrange(250)}")),
    "section": lambda r, la: f"§ {r.randrange(1, 20)}.{r.randrange(1, 9)}.{r.randrange(1, 9)}.{r.randrange(1, 9)} ff.",
    "hash": lambda r, la: r.choice((_text(r, 40, "0123456789abcdef"), _text(r, 64, "0123456789abcdef"),
                                    str(uuid.UUID(int=r.getrandbits(128))), "0x" + _text(r, 8, "0123456789ABCDEF"))),
    "sum": lambda r, la: r.choice((f"{r.randrange(1, 99)} {digits(r, 3)} {digits(r, 3)} {digits(r, 3)} €",
                                   f"{r.randrange(1, 99)}.{digits(r, 3)}.{digits(r, 3)},{digits(r, 2)} EUR",
                                   f"$1,{digits(r, 3)},{digits(r, 3)}.{digits(r, 2)}")),
    "table": lambda r, la: "\n".join("  ".join(digits(r, r.choice((5, 7, 9, 9, 11))) for _ in range(6)) for _ in range(4)),
    "table row": lambda r, la: "\t".join(str(r.randrange(10**8, 10**9)) for _ in range(8)),
    "code": lambda r, la: r.choice(("@property\ndef at(self): return v[at] @ w", "std::vector<int>::iterator it = f(a).at(0);",
                                    "icon@2x.png left-pad@1.3.0 @babel/core@7.12.3", "git@git.host.org:team/repo.git",
                                    f"id = {digits(r, 9)}; mask = 255.255.255.0; x[{digits(r, 11)}]",
                                    "<div class=\"sk-fading-circle sk-circle12 skip_link_to_content_12\">")),
    "placeholder": lambda r, la: r.choice(("http://user:password@host/path", "https://$USER:$PASS@host", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                                           "AKIAXXXXXXXXXXXXXXXX", "https://host.org:8080/a@b", "sk-your-api-key-goes-here-0")),
    "coordinates": lambda r, la: f"{r.randrange(40, 60)}.{digits(r, 7)}, {r.randrange(10)}.{digits(r, 7)}",
    "timestamp": lambda r, la: f"[{r.randrange(10**9, 2 * 10**9)}.{digits(r, 6)}] {r.randrange(10**12, 2 * 10**12)}",
    "bar code": lambda r, la: f"EAN {digits(r, 13)}",
    "company": lambda r, la: r.choice((f"SIRET {digits(r, 14)}", f"HRB {digits(r, 6)}", f"P.IVA {digits(r, 11)}", f"KvK {digits(r, 8)}",
                                       f"NIPC 5{digits(r, 8)}")),
    "sentence": lambda r, la: r.choice(("Look at the dot in the middle; meet at 10 dot com stage.", "He (at home) wrote [at] the start.",
                                        "It was 8:15 at Gate 12-34-56.", "Rooms 101-102-103, pages 1234-1256, 12345-6789.")),
}  # fmt: skip


def documents(seed: int, each: int) -> Iterator[Labelled]:
    """`each` values of every kind that a language has, and as many lines without, in documents of eight lines.

    Spelt e-mail addresses have a kind of their own here, `spelt_email`.
    """
    for language in LANGUAGES:
        rng = random.Random(f"{seed}-{language}")
        lines: list[tuple[str, str]] = []
        for kind in (*EVERYWHERE, *HOMES[language]):
            lines += [(kind, "")] * each
        lines += [("", name) for name in NEGATIVES for _ in range(each)]
        rng.shuffle(lines)
        for start in range(0, len(lines), 8):
            document = Labelled(f"{language}-{start // 8}", language)
            for kind, negative in lines[start : start + 8]:
                _add(document, kind, negative, rng)
            yield document


def _add(document: Labelled, kind: str, negative: str, rng: random.Random) -> None:
    """One more line."""
    if not kind:
        line = NEGATIVES[negative](rng, document.language)
        begin = len(document.text)
        document.text += line + "\n"
        document.negatives.append((negative, begin, begin + len(line)))
        return
    labels = LABELS[kind]
    named = labels.get(document.language, ()) + labels.get("*", ())
    patterns = named if rng.random() < 0.8 else PLAIN[document.language]
    if kind in ("url_credentials", "private_key"):
        patterns = named
    value = DRAWS[kind](rng, document.language)
    before, _, after = rng.choice(patterns).partition("{value}")
    document.text += before.replace("{name}", rng.choice(NAMES))
    document.values.append((kind, len(document.text), len(document.text) + len(value)))
    document.text += value + after + "\n"
