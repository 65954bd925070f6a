"""Personal data with a recognizable form: found, counted by kind, and replaced."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, field_validator

from tamis.corpus.stage import SPANS, Column, Measure, Models, Stage, StageConfig, measured
from tamis.errors import did_you_mean

if TYPE_CHECKING:
    from tamis.recognizers.search import Find, Found, PhoneRegions, Search

Kind = Literal["email", "phone", "ip", "iban", "payment_card"]

_PRIORITY: tuple[Kind, ...] = ("email", "iban", "payment_card", "ip", "phone")
"""Where two kinds overlap, the one with the harder test stays: check digits before mere shape."""
_TAGS: dict[Kind, str] = {
    "email": "<EMAIL>",
    "phone": "<PHONE_NUMBER>",
    "ip": "<IP_ADDRESS>",
    "iban": "<IBAN>",
    "payment_card": "<PAYMENT_CARD>",
}


class PiiConfig(StageConfig):
    """Options of `pii`."""

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("email", "phone", "ip", "iban", "payment_card")
    """Kinds of personal data to look for."""
    replacement: Literal["tag", "fake"] = "tag"
    """What takes the place of a value: a tag that names its kind, or a harmless fake of the same shape, the
    same one for the same value in the same document."""
    tags: dict[Kind, Annotated[str, Field(max_length=64)]] = Field(default_factory=dict)
    """Other tags than <EMAIL>, <PHONE_NUMBER>, <IP_ADDRESS>, <IBAN>, <PAYMENT_CARD>, by kind."""
    phone_regions: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Regions (FR, BE, ...) whose national phone numbers are looked for, by language, instead of the built-in
    ones; `*` stands for every other language and for texts of unknown language. Numbers with a '+' and a
    country code are found everywhere."""
    private_ips: bool = False
    """Take private IP addresses (10.0.0.0/8, 192.168.0.0/16, fc00::/7, ...), too."""
    reserved: bool = True
    """Take values set aside for documentation and fiction, too (example.org, 192.0.2.0/24, 555-01xx): a reader
    can't tell them from real ones. With replacement `fake` they stay, as every fake is such a value."""
    presidio: bool = False
    """Let Presidio's recognizers decide on the candidates; needs `pip install 'tamis[presidio]'`."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Another seed gives other fakes."""

    @field_validator("phone_regions")
    @classmethod
    def _known_regions(cls, by_language: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        from tamis.recognizers.phone import known_regions

        for regions in by_language.values():
            for region in regions:
                if region not in known_regions():
                    raise ValueError(
                        f"no phone region is called {region!r}: write the country's two capitals, such as FR."
                        f"{did_you_mean(region, known_regions())}"
                    )
        return by_language


def _reserved_too(config: PiiConfig) -> bool:
    """Whether reserved values count: never where fakes, which are such values, take the place of others."""
    return config.reserved and config.replacement == "tag"


def _finders(config: PiiConfig) -> dict[Kind, Find]:
    """The recognizer of every kind wanted."""
    from tamis.recognizers import email, iban, ip_address, payment_card, phone, presidio

    too = _reserved_too(config)
    own: dict[Kind, Find] = {
        "email": lambda text, start, end, _: email.find(text, start, end, too),
        "phone": lambda text, start, end, regions: phone.find(text, start, end, regions, too),
        "ip": lambda text, start, end, _: ip_address.find(text, start, end, config.private_ips, too),
        "iban": lambda text, start, end, _: iban.find(text, start, end, too),
        "payment_card": lambda text, start, end, _: payment_card.find(text, start, end),
    }
    finders: Any = presidio.load() if config.presidio else own
    return {kind: finders[kind] for kind in _PRIORITY if kind in config.kinds}


def _kept(config: PiiConfig, kinds: dict[int, Kind], bit: int, value: str, regions: tuple[str, ...]) -> bool:
    """Whether a value that Presidio found counts by this stage's rules on reserved and private values."""
    from tamis.recognizers import email, ip_address, payment_card, phone
    from tamis.recognizers import iban as ibans

    kind = kinds[bit]
    if kind == "ip":
        address = ip_address.parse(value.partition("/")[0].partition("%")[0])
        return address is not None and ip_address.counts(address, config.private_ips, _reserved_too(config))
    if kind == "payment_card":
        return not payment_card.reserved(value)
    if _reserved_too(config):
        return True
    if kind == "phone":
        return not phone.reserved(value, regions)
    test = {"email": email.reserved, "iban": ibans.reserved}
    return not test[kind](value)


def _fakes(batch: pa.RecordBatch, found: Found, regions: PhoneRegions, config: PiiConfig) -> list[str]:
    """A fake for every value."""
    import xxhash

    from tamis.kernels.buffers import text_buffers
    from tamis.recognizers import email, iban, ip_address, payment_card, phone

    modules: dict[Kind, Any] = {
        "email": email,
        "phone": phone,
        "ip": ip_address,
        "iban": iban,
        "payment_card": payment_card,
    }
    names = {bit: kind for kind, bit in _bits().items()}
    data, offsets = text_buffers(batch.column("text"))
    documents = batch.column("id")
    fakes = []
    for row, bit, start, end in zip(*(column.tolist() for column in found), strict=True):
        kind, first = names[bit], int(offsets[row])
        value = data[first + start : first + end].tobytes().decode()
        arguments = (regions.of_row(row),) if kind == "phone" else ()
        canonical = modules[kind].canonical(value, *arguments)
        key = "\x1f".join((str(config.seed), kind, str(documents[row]), canonical))
        fakes.append(str(modules[kind].fake(value, xxhash.xxh3_64_intdigest(key.encode()), *arguments)))
    return fakes


def _bits() -> dict[Kind, int]:
    """What the candidate scan calls the kinds."""
    from tamis.kernels import candidates

    return {
        "email": candidates.EMAIL,
        "phone": candidates.PHONE,
        "ip": candidates.IP,
        "iban": candidates.IBAN,
        "payment_card": candidates.CARD,
    }


def _named(bits: npt.NDArray[np.uint8], names: dict[Kind, str]) -> pa.Array:
    """A name for each kind, as a string column."""
    kinds = _bits()
    codes = np.zeros(256, np.int32)
    for code, kind in enumerate(names):
        codes[kinds[kind]] = code
    dictionary = pa.array(list(names.values()), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes[bits]), dictionary).cast(pa.string())


def _columns(rows: int, found: Found, replacements: pa.Array) -> pa.RecordBatch:
    """The stage's columns from all values of a batch."""
    columns: dict[str, Any] = {"found": np.bincount(found.rows, minlength=rows).astype(np.int32)}
    for kind, bit in _bits().items():
        columns[kind] = np.bincount(found.rows[found.kinds == bit], minlength=rows).astype(np.int32)
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(columns["found"], out=offsets[1:])
    kinds = _named(found.kinds, {kind: kind for kind in _TAGS})
    values = pa.StructArray.from_arrays(
        [pa.array(found.starts), pa.array(found.ends), replacements, kinds], fields=list(SPANS.value_type)
    )
    columns["spans"] = pa.ListArray.from_arrays(pa.array(offsets), values, type=SPANS)
    return measured(rows, columns)


def _measure(config: PiiConfig, search: Search, batch: pa.RecordBatch) -> pa.RecordBatch:
    from tamis.recognizers.search import PhoneRegions, find_all

    regions = PhoneRegions.of(batch.column("language"), config.phone_regions)
    found = find_all(batch.column("text"), regions, search)
    if config.replacement == "fake":
        replacements = pa.array(_fakes(batch, found, regions, config), pa.string())
    else:
        replacements = _named(found.kinds, {**_TAGS, **config.tags})
    return _columns(batch.num_rows, found, replacements)


def _prepare(config: PiiConfig, models: Models) -> Measure:
    from tamis.kernels.candidate_rules import Rules, packed
    from tamis.recognizers import email, phone
    from tamis.recognizers.search import Search

    bits = _bits()
    finders = {bits[kind]: find for kind, find in _finders(config).items()}
    if config.presidio:
        kept = partial(_kept, config, {bit: kind for kind, bit in bits.items()})
        return partial(_measure, config, Search(finders, None, kept))
    rules = Rules(packed(email.FILE_ENDINGS), packed(phone.CALL_WORDS), config.private_ips, _reserved_too(config))
    return partial(_measure, config, Search(finders, rules, None))


STAGE = Stage(
    name="pii",
    version=1,
    title="Personal data with a recognizable form: e-mail, phone, IP address, IBAN, payment card",
    about="""Finds personal data by its form and replaces it by a tag or a fake. A compiled scan over the
bytes finds the places where a value could be; exact recognizers look at those places alone.

E-mail: a practical subset of RFC 5322 and 6531, any script. Phone: the numbering plans of libphonenumber
(leniency VALID, at least 8 digits), by the regions of the text's language, and numbers with '+' everywhere.
IP: IPv4 and IPv6, public addresses only unless `private_ips`. IBAN: country, length and check digits (ISO
13616). Payment card: issuer, length and Luhn (ISO/IEC 7812). Versions, dates, ISBNs, section numbers, users
of URLs and the like are left out.

Values that nobody can have (example.org, 192.0.2.0/24, numbers reserved for fiction) count unless `reserved` is
false. Fakes are such values and stay as they are, so a second run over a released text finds nothing, whether
tags or fakes were put in. Where kinds overlap, e-mail goes first, then
IBAN, payment card, IP address, phone. Names, postal addresses and identity numbers aren't looked for. No
value leaves the stage: its columns are counts and positions.""",
    config=PiiConfig,
    reads=("text", "language", "id"),
    adds=(
        Column("found", pa.int32(), "count", "personal data found, all kinds together"),
        Column("email", pa.int32(), "count", "e-mail addresses"),
        Column("phone", pa.int32(), "count", "phone numbers"),
        Column("ip", pa.int32(), "count", "IP addresses, version 4 and 6"),
        Column("iban", pa.int32(), "count", "international bank account numbers"),
        Column("payment_card", pa.int32(), "count", "payment card numbers"),
    ),
    payload=lambda _: (Column("spans", SPANS, "bytes", "where they are, and what takes their place"),),
    prepare=_prepare,
    spans="spans",
)
