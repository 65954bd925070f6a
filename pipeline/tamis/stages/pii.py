"""Personal data with a recognizable form: found, counted by kind, and replaced."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, field_validator

from tamis.corpus.stage import SPANS, Column, Measure, Models, Stage, StageConfig, measured
from tamis.errors import did_you_mean

if TYPE_CHECKING:
    from tamis.kernels.candidates import Candidates

Kind = Literal["email", "phone", "ip", "iban", "payment_card"]
Find = Callable[[str, int, int, tuple[str, ...]], list[tuple[int, int]]]

_PRIORITY: tuple[Kind, ...] = ("email", "iban", "payment_card", "ip", "phone")
"""Where two kinds overlap, the one with the harder test stays: check digits before mere shape."""
_TAGS: dict[Kind, str] = {
    "email": "<EMAIL>",
    "phone": "<PHONE_NUMBER>",
    "ip": "<IP_ADDRESS>",
    "iban": "<IBAN>",
    "payment_card": "<PAYMENT_CARD>",
}
_ANY_LANGUAGE = "*"
_ROW = 1 << 40
"""More bytes than a text has: row * _ROW + position orders positions over rows."""
_TOUCHING = 32
"""Bytes between two values within which one may hide the other: punctuation and brackets of a phone number."""


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


class _Finding(NamedTuple):
    row: int
    start: int
    end: int
    kind: Kind
    value: str
    regions: tuple[str, ...]


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


def _kept(finding: _Finding, config: PiiConfig) -> bool:
    """Whether a value that Presidio found counts by this stage's rules on reserved and private values."""
    from tamis.recognizers import email, ip_address, payment_card, phone
    from tamis.recognizers import iban as ibans

    if finding.kind == "ip":
        address = ip_address.parse(finding.value.partition("/")[0].partition("%")[0])
        return address is not None and ip_address.counts(address, config.private_ips, _reserved_too(config))
    if finding.kind == "payment_card":
        return not payment_card.reserved(finding.value)
    if _reserved_too(config):
        return True
    if finding.kind == "phone":
        return not phone.reserved(finding.value, finding.regions)
    test = {"email": email.reserved, "iban": ibans.reserved}
    return not test[finding.kind](finding.value)


def _regions(language: str | None, overrides: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Phone regions of a text by its language; source code has none unless the recipe says so."""
    from tamis.recognizers.phone import REGIONS

    names = [language, language.partition("-")[0].lower()] if language else []
    for table in (overrides, REGIONS):
        for name in names:
            if name in table:
                return table[name]
    return () if language == "code" else overrides.get(_ANY_LANGUAGE, ())


class _Regions(NamedTuple):
    """Phone regions of a batch: row i has `table[places[i]]`."""

    places: npt.NDArray[np.int32]
    table: list[tuple[str, ...]]

    @classmethod
    def of(cls, languages: pa.Array, overrides: dict[str, tuple[str, ...]]) -> _Regions:
        encoded = languages.cast(pa.string()).dictionary_encode(null_encoding="encode")
        table = [_regions(name, overrides) for name in encoded.dictionary.to_pylist()]
        return cls(encoded.indices.to_numpy(zero_copy_only=False), table)

    def of_row(self, row: int) -> tuple[str, ...]:
        return self.table[int(self.places[row])]

    def any(self) -> npt.NDArray[np.bool_]:
        return np.array([bool(regions) for regions in self.table], np.bool_)[self.places]

    def take(self, rows: npt.NDArray[np.int64]) -> _Regions:
        return _Regions(self.places[rows], self.table)


def _findings(
    text: pa.Array, windows: Candidates, regions: _Regions, finders: dict[int, tuple[Kind, Find]]
) -> Iterator[_Finding]:
    """What the recognizers find in the windows, in byte positions of the row's text."""
    from tamis.kernels.buffers import text_buffers
    from tamis.recognizers import CONTEXT

    data, offsets = text_buffers(text)
    margin = 4 * CONTEXT
    for row, kinds, start, end in zip(*(column.tolist() for column in windows), strict=True):
        first, last = int(offsets[row]), int(offsets[row + 1])
        low, high = max(first, first + start - margin), min(last, first + end + margin)
        while low < last and data[low] & 0xC0 == 0x80:
            low += 1
        while high < last and data[high] & 0xC0 == 0x80:
            high += 1
        here = regions.of_row(row)
        before = data[low : first + start].tobytes().decode()
        inside = data[first + start : first + end].tobytes().decode()
        around = before + inside + data[first + end : high].tobytes().decode()
        for bit, (kind, find) in finders.items():
            if not kinds & bit:
                continue
            for a, b in find(around, len(before), len(before) + len(inside), here):
                begin = low - first + len(around[:a].encode())
                value = around[a:b]
                yield _Finding(row, begin, begin + len(value.encode()), kind, value, here)


def _disjoint(findings: list[_Finding]) -> list[_Finding]:
    """The findings of one document without overlaps: by `_PRIORITY`, then the first; sorted by position."""
    ends: list[int] = []
    kept: list[_Finding] = []
    for finding in sorted(findings, key=lambda f: (_PRIORITY.index(f.kind), f.start, -f.end)):
        place = bisect_left(ends, finding.start + 1)
        if place == len(kept) or finding.end <= kept[place].start:
            ends.insert(place, finding.end)
            kept.insert(place, finding)
    return kept


def _replacement(finding: _Finding, document: str, config: PiiConfig) -> str:
    """What takes the value's place."""
    if config.replacement == "tag":
        return config.tags.get(finding.kind, _TAGS[finding.kind])
    import xxhash

    from tamis.recognizers import email, iban, ip_address, payment_card, phone

    modules: dict[Kind, Any] = {
        "email": email,
        "phone": phone,
        "ip": ip_address,
        "iban": iban,
        "payment_card": payment_card,
    }
    module = modules[finding.kind]
    regions = (finding.regions,) if finding.kind == "phone" else ()
    canonical = module.canonical(finding.value, *regions)
    key = "\x1f".join((str(config.seed), finding.kind, document, canonical))
    return str(module.fake(finding.value, xxhash.xxh3_64_intdigest(key.encode()), *regions))


def _spans(counts: npt.NDArray[Any], findings: list[_Finding], replacements: list[str]) -> pa.Array:
    """A column of SPANS; row i has the next `counts[i]` findings."""
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    values = pa.StructArray.from_arrays(
        [
            pa.array([f.start for f in findings], pa.int64()),
            pa.array([f.end for f in findings], pa.int64()),
            pa.array(replacements, pa.string()),
            pa.array([f.kind for f in findings], pa.string()),
        ],
        fields=list(SPANS.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=SPANS)


def _columns(rows: int, findings: list[_Finding], replacements: list[str]) -> pa.RecordBatch:
    """The stage's columns from all findings of a batch, sorted by row and position."""
    places = np.fromiter((f.row for f in findings), np.int64, len(findings))
    columns: dict[str, Any] = {"found": np.bincount(places, minlength=rows).astype(np.int32)}
    for kind in _TAGS:
        of_kind = np.fromiter((f.kind == kind for f in findings), np.bool_, len(findings))
        columns[kind] = np.bincount(places[of_kind], minlength=rows).astype(np.int32)
    columns["spans"] = _spans(columns["found"], findings, replacements)
    return measured(rows, columns)


def _near(windows: Candidates, findings: list[_Finding]) -> Candidates:
    """The windows that may hold something else now that these findings, sorted, are out of the text."""
    starts = np.array([f.row * _ROW + f.start for f in findings], np.int64)
    ends = np.array([f.row * _ROW + f.end for f in findings], np.int64)
    rows = windows.rows.astype(np.int64) * _ROW
    place = np.searchsorted(ends, rows + windows.starts - _TOUCHING)
    near = place < len(findings)
    near[near] = starts[place[near]] <= (rows + windows.ends + _TOUCHING)[near]
    return windows.where(near)


def _search(
    text: pa.Array, regions: _Regions, finders: dict[int, tuple[Kind, Find]], config: PiiConfig
) -> dict[int, list[_Finding]]:
    """All findings by row, sorted and disjoint.

    What is found is masked and its neighbourhood searched again until nothing new turns up: a phone number
    right behind a card number is plain only when the card number is gone.
    """
    from tamis.kernels.candidates import scan
    from tamis.kernels.edits import apply_edits
    from tamis.recognizers.iban import length_table

    found: dict[int, list[_Finding]] = {}
    windows = scan(text, sum(finders), regions.any(), length_table())
    rows = np.arange(len(text))
    while True:
        new: dict[int, list[_Finding]] = {}
        for finding in _findings(text, windows, regions, finders):
            if not config.presidio or _kept(finding, config):
                new.setdefault(finding.row, []).append(finding)
        if not new:
            return found
        fresh: list[_Finding] = []
        for place, (row, findings) in enumerate(new.items()):
            of_row = [f._replace(row=int(rows[row])) for f in _disjoint(findings)]
            fresh += [f._replace(row=place) for f in of_row]
            known = found.setdefault(int(rows[row]), [])
            known += of_row
        changed = np.array(list(new))
        masks = ["<" + "=" * (f.end - f.start - 2) + ">" for f in fresh]
        counts = np.bincount([f.row for f in fresh], minlength=len(changed))
        rows, regions = rows[changed], regions.take(changed)
        text = apply_edits(text.take(pa.array(changed)), _spans(counts, fresh, masks))
        windows = _near(scan(text, sum(finders), regions.any(), length_table()), fresh)


def _measure(config: PiiConfig, finders: dict[int, tuple[Kind, Find]], batch: pa.RecordBatch) -> pa.RecordBatch:
    regions = _Regions.of(batch.column("language"), config.phone_regions)
    findings: list[_Finding] = []
    replacements: list[str] = []
    for row, of_row in _search(batch.column("text"), regions, finders, config).items():
        document = str(batch.column("id")[row])
        of_row.sort(key=lambda f: f.start)
        findings += of_row
        replacements += [_replacement(finding, document, config) for finding in of_row]
    return _columns(batch.num_rows, findings, replacements)


def _prepare(config: PiiConfig, models: Models) -> Measure:
    from tamis.kernels import candidates

    bits: dict[Kind, int] = {
        "email": candidates.EMAIL,
        "phone": candidates.PHONE,
        "ip": candidates.IP,
        "iban": candidates.IBAN,
        "payment_card": candidates.CARD,
    }
    return partial(_measure, config, {bits[kind]: (kind, find) for kind, find in _finders(config).items()})


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
