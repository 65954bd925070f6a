"""A labelled set of personal data in seven languages, made by a seed: values of every kind with their places, among
lines that only look like personal data.

Every document is some lines of text. A line with a value is a sentence of its language: most name the kind ("BSN:",
"n° de sécurité sociale"), as people write them; one in five doesn't. Values are drawn as their registries draw them,
check digits and all. Lines without are what real text is full of: order numbers, ISBNs, dates, versions, hashes,
sums, tables, code.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pii_values import DRAWS, birth, characters, digits

LANGUAGES = ("fr", "en", "de", "es", "it", "nl", "pt")
EVERYWHERE = (
    "email",
    "spelt_email",
    "phone",
    "ip",
    "iban",
    "payment_card",
    "url_credentials",
    "api_key",
    "private_key",
)
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
    "email": {"*": ("E-mail: {value}", "<{value}>"), "fr": ("Courriel : {value}",),
              "de": ("Schreiben Sie an {value}.",)},
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
NAMES = (
    "Anna Berg",
    "Marie Dupont",
    "Luis Pérez",
    "Giulia Rossi",
    "João Silva",
    "Jan de Vries",
    "Tom Hill",
    "Zoë Maes",
)


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


ORDER = {"fr": "Commande n°", "en": "Order no.", "de": "Bestellnummer", "es": "Pedido n.º", "it": "Ordine n.",
         "nl": "Bestelnummer", "pt": "Encomenda n.º"}  # fmt: skip


def _isbn(rng: random.Random) -> str:
    body = "978" + rng.choice("0123") + digits(rng, 8)
    value = body + str(-sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body)) % 10)
    return value if rng.random() < 0.3 else f"{value[:3]}-{value[3]}-{value[4:7]}-{value[7:12]}-{value[12]}"


def _n(rng: random.Random, *bounds: int) -> str:
    """Numbers below the bounds, with dots between."""
    return ".".join(str(rng.randrange(bound)) for bound in bounds)


def _day(rng: random.Random, pattern: str) -> str:
    year, month, day = birth(rng)
    return pattern.format(year=year, month=month, day=day)


NEGATIVES: dict[str, Callable[[random.Random, str], str]] = {
    "order number": lambda r, la: f"{ORDER[la]} {digits(r, r.choice((8, 9, 10, 11, 12, 15)))}",
    "ISBN": lambda r, la: f"{r.choice(('ISBN ', 'ISBN: ', ''))}{_isbn(r)}",
    "date": lambda r, la: r.choice((
        _day(r, "{day:02}.{month:02}.{year} 10:25"),
        _day(r, "{year}-{month:02}-{day:02}T12:34:56.") + digits(r, 6) + "Z",
        _day(r, "{year}{month:02}{day:02}") + digits(r, 6),
    )),
    "version": lambda r, la: r.choice((
        f"version {_n(r, 20, 60, 9, 200)}", f"Firefox/{_n(r, 130, 1, 9999, 99)}", f"lib-{_n(r, 9, 90, 99, 9)}.tar.gz",
        f"pkg=={_n(r, 99, 90, 250, 250)}",
    )),
    "section": lambda r, la: f"§ {_n(r, 20, 9, 9, 9)} ff.",
    "hash": lambda r, la: r.choice((
        characters(r, 40, "0123456789abcdef"), characters(r, 64, "0123456789abcdef"),
        str(uuid.UUID(int=r.getrandbits(128))),
        "0x" + characters(r, 8, "0123456789ABCDEF"),
    )),
    "sum": lambda r, la: r.choice((
        f"{r.randrange(1, 99)} {digits(r, 3)} {digits(r, 3)} {digits(r, 3)} €",
        f"{r.randrange(1, 99)}.{digits(r, 3)}.{digits(r, 3)},{digits(r, 2)} EUR",
        f"$1,{digits(r, 3)},{digits(r, 3)}.{digits(r, 2)}",
    )),
    "table": lambda r, la: "\n".join(
        "  ".join(digits(r, r.choice((5, 7, 9, 9, 11))) for _ in range(6)) for _ in range(4)
    ),
    "table row": lambda r, la: "\t".join(str(r.randrange(10**8, 10**9)) for _ in range(8)),
    "code": lambda r, la: r.choice((
        "@property\ndef at(self): return v[at] @ w", "std::vector<int>::iterator it = f(a).at(0);",
        "icon@2x.png left-pad@1.3.0 @babel/core@7.12.3", "git@git.host.org:team/repo.git",
        f"id = {digits(r, 9)}; mask = 255.255.255.0; x[{digits(r, 11)}]",
        '<div class="sk-fading-circle sk-circle12 skip_link_to_content_12">',
    )),
    "placeholder": lambda r, la: r.choice((
        "http://user:password@host/path", "https://$USER:$PASS@host", "ghp_" + "x" * 36, "AKIA" + "X" * 16,
        "https://host.org:8080/a@b", "sk-your-api-key-goes-here-0",
    )),
    "coordinates": lambda r, la: f"{r.randrange(40, 60)}.{digits(r, 7)}, {r.randrange(10)}.{digits(r, 7)}",
    "timestamp": lambda r, la: f"[{r.randrange(10**9, 2 * 10**9)}.{digits(r, 6)}] {r.randrange(10**12, 2 * 10**12)}",
    "bar code": lambda r, la: f"EAN {digits(r, 13)}",
    "company": lambda r, la: r.choice((
        f"SIRET {digits(r, 14)}", f"HRB {digits(r, 6)}", f"P.IVA {digits(r, 11)}", f"KvK {digits(r, 8)}",
        f"NIPC 5{digits(r, 8)}",
    )),
    "sentence": lambda r, la: r.choice((
        "Look at the dot in the middle; meet at 10 dot com stage.", "He (at home) wrote [at] the start.",
        "It was 8:15 at Gate 12-34-56.", "Rooms 101-102-103, pages 1234-1256, 12345-6789.",
    )),
}  # fmt: skip


def documents(seed: int, each: int) -> Iterator[Labelled]:
    """`each` values of every kind that a language has, and as many lines without, in documents of eight lines.

    Spelt e-mail addresses have a kind of their own here, `spelt_email`.
    """
    for language in LANGUAGES:
        rng = random.Random(f"{seed}-{language}")
        lines: list[tuple[str, str]] = []
        for kind in (*EVERYWHERE, *HOMES[language]):
            lines += [(kind, "named" if number % 5 else "") for number in range(each)]
        lines += [("", name) for name in NEGATIVES for _ in range(each)]
        rng.shuffle(lines)
        for start in range(0, len(lines), 8):
            document = Labelled(f"{language}-{start // 8}", language)
            for kind, how in lines[start : start + 8]:
                _add(document, kind, how, rng)
            yield document


def _add(document: Labelled, kind: str, how: str, rng: random.Random) -> None:
    """One more line: of a kind, "named" or not; or without, of the class that `how` tells."""
    if not kind:
        line = NEGATIVES[how](rng, document.language)
        begin = len(document.text)
        document.text += line + "\n"
        document.negatives.append((how, begin, begin + len(line)))
        return
    labels = LABELS[kind]
    named = labels.get(document.language, ()) + labels.get("*", ())
    patterns = named if how == "named" else PLAIN[document.language]
    if kind in ("url_credentials", "private_key"):
        patterns = named
    value = DRAWS[kind](rng, document.language)
    before, _, after = rng.choice(patterns).partition("{value}")
    document.text += before.replace("{name}", rng.choice(NAMES))
    document.values.append((kind, len(document.text), len(document.text) + len(value)))
    document.text += value + after + "\n"
