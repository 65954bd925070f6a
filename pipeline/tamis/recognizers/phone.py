"""Phone numbers, by the numbering plans of the `phonenumbers` library (Google's libphonenumber).

A number with '+' and a country code is looked for everywhere; a national one by the plans of the regions
where the text's language is spoken. `phonenumbers.PhoneNumberMatcher` with leniency VALID decides. It takes
some 100 microseconds per stretch of digits and region, so a regular expression made of the same plans, and
the rules below, first refuse the stretches no part of which can be a number.

Of what the matcher accepts these are left out, for they are far more often something else:

* fewer than 8 digits (extension apart); a letter or digit of any script directly before or after;
* parts of a longer number or word: "12,0..", "10:20:0..", "0..,50", "lib-0..", "0..-fix";
* four dotted numbers, anything that holds a date, an ISBN (by the word before it or by hyphens and check
  digit), the ZIP+4 code after a US state;
* unless it begins with '+' or a word such as "tel" or "mobile" stands before it: one block of digits without
  a 0 in front (an order number, a time in seconds), a day (20240131), decimal numbers, points between
  thousands, a minus sign or a tilde, half a pair of brackets, two or more groups of one digit.

Numbers that a regulator reserves for fiction are nobody's and don't count; fakes are made of them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, pairwise
from typing import Any

from tamis.kernels.candidate_tables import PHONE_JOINTS, PHONE_PUNCTUATION
from tamis.recognizers.phone_plans import dialled, fits

REGIONS: Mapping[str, tuple[str, ...]] = {
    "bg": ("BG",), "ca": ("ES",), "cs": ("CZ",), "cy": ("GB",), "da": ("DK",), "de": ("DE", "AT", "CH"),
    "el": ("GR", "CY"), "en": ("GB", "US", "IE", "AU", "NZ"), "es": ("ES", "MX", "CO"), "et": ("EE",),
    "eu": ("ES",), "fi": ("FI",), "fr": ("FR", "BE", "CH", "CA"), "ga": ("IE",), "gl": ("ES",), "hr": ("HR",),
    "hu": ("HU",), "it": ("IT", "CH"), "ja": ("JP",), "ko": ("KR",), "lb": ("LU",),
    "lt": ("LT",), "lv": ("LV",), "mt": ("MT",), "nb": ("NO",), "nl": ("NL", "BE"), "nn": ("NO",),
    "no": ("NO",), "oc": ("FR",), "pl": ("PL",), "pt": ("PT", "BR"), "ro": ("RO", "MD"), "ru": ("RU",),
    "sk": ("SK",), "sl": ("SI",), "sq": ("AL",), "sr": ("RS",), "sv": ("SE", "FI"), "tr": ("TR",),
    "uk": ("UA",), "zh": ("CN", "TW", "HK"),
}  # fmt: skip
"""Regions whose national numbers are looked for, by language. Canada stands for all of +1 in French, the
United States in English."""

_PLUS = "+＋"
_PLUS_BEFORE = frozenset(_PLUS)
_OPENING, _CLOSING = "([（［", frozenset(")]）］")
_MIN_DIGITS = 8
_LEAST_DIGITS = 2
"""The library's own bound."""
_MAX_DIGITS = 20
_MAX_GROUPS = 21
_LOOKBACK = 24
_LEAD = f"(?:[+＋(（\\[［][{PHONE_JOINTS}]{{0,4}}){{0,2}}"
_GROUP = re.compile(rf"{_LEAD}(\d+)")
_PLAIN = re.compile(rf"{_LEAD}\d++(?:[{PHONE_PUNCTUATION}]{{1,4}}+\d++)*+")
_SEPARATORS = (
    (re.compile("/"), True),
    (re.compile(r"\s-|-\s"), True),
    (re.compile("[‒-―－]"), True),
    (re.compile(r"\("), False),
    (re.compile(r"\."), False),
    (re.compile(r"\s"), False),
)
"""Where the matcher cuts, and whether it then takes all the rest or up to the next such cut."""
_EXTENSION = re.compile(r"(?:;ext=|[a-zа-я#＃~～ｅｘｔｎｉó\u0301]+[:.．]?[ \u00a0\t,-]*)\d+#?\Z", re.IGNORECASE)
_CALLED = re.compile(
    r"(?:\b(?:tel|tél|tel[eé]fon|t[eé]l[eé]fono|telefoon|telefone|telefonnummer|telephone|téléphone|phone|fax|mob"
    r"|mobile|mobil|m[oó]vil|cell|cellphone|cellulare|celular|gsm|handy|portable|ruf|rufnummer|call|appel(?:er|ez)?"
    r"|whatsapp|sms|t|m)\b[^\w\n]{0,6}(?:n(?:o|r|umber|um[ée]ro)?[^\w\n]{0,4})?|[☎✆📞📱]\W{0,4})\Z",
    re.IGNORECASE,
)
CALL_WORDS = (
    "tel", "telefon", "telefono", "telefoon", "telefone", "telefonnummer", "telephone", "phone", "fax", "mob", "mobile",
    "mobil", "movil", "cell", "cellphone", "cellulare", "celular", "gsm", "handy", "portable", "ruf", "rufnummer",
    "call", "appel", "appeler", "appelez", "whatsapp", "sms", "t", "m", "n", "no", "nr", "number", "numero",
)  # fmt: skip
"""The last words in ASCII that a match of `_CALLED` can have."""
_BOOK = re.compile(r"\b(?:isbn|issn|ean|gtin|doi|ismn)(?:[ -]?1[03])?[^\w\n]{0,4}\Z", re.IGNORECASE)
_ISBN_GROUPS = re.compile(r"(?:97[89][- ])?[0-9]{1,5}[- ][0-9]{1,7}[- ][0-9]{1,6}[- ][0-9]")
_YEAR, _MONTH, _DAY = "(?:19|20)[0-9]{2}", "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])"
_DATE = re.compile(
    rf"(?<![0-9])(?:{_DAY}[-./ ]{_MONTH}[-./ ]{_YEAR}|{_MONTH}[-./]{_DAY}[-./]{_YEAR}"
    rf"|{_YEAR}[-./ ]{_MONTH}[-./ ]{_DAY}|{_YEAR}[-/]{_MONTH}/[0-9]+)(?![0-9])"
)
_DAY_STAMP = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?![0-9])")
_QUAD = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_DECIMALS = re.compile(r"(?:[0-9]+ )*[0-9]+\.[0-9]+(?: [0-9]+(?:\.[0-9]+)?)*")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+")
_SINGLES = re.compile(r"(?<!\d)(?<!\(0\))\d(?!\d)(?!\))")
_INSIDE_BEFORE = re.compile(r"(?:[0-9][.,:]|[^\W\d_]/|-)\Z")
_MINUS = re.compile(r"\s-\d")
_HALF_BRACKET = re.compile(r"[^(（\[［]*[)）\]］]")
_INSIDE_AFTER = re.compile(r"[^\W]|,[0-9]|-[^\W\d_]")
_ZIP = re.compile(r"[0-9]{5}-[0-9]{4}")
_US_STATE = re.compile(r"\b[A-Z]{2},?[\s#*/]{1,12}\Z")

_FICTION: Mapping[int, tuple[tuple[str, int, str], ...]] = {
    # ARCEP, decision 2018-0881: numbers for audiovisual works.
    33: (
        ("19900", 4, "0# ## ## ## ##"), ("26191", 4, "0# ## ## ## ##"), ("35301", 4, "0# ## ## ## ##"),
        ("46571", 4, "0# ## ## ## ##"), ("53649", 4, "0# ## ## ## ##"), ("63998", 4, "0# ## ## ## ##"),
    ),
    # Ofcom: telephone numbers for use in TV and radio drama programmes.
    44: (("1632960", 3, "0#### ######"), ("7700900", 3, "0#### ######")),
    # Bundesnetzagentur, notice 148/2021: numbers for media productions.
    49: (
        ("3023125", 3, "0## ########"), ("4066969", 3, "0## ########"), ("6990009", 3, "0## ########"),
        ("8999998", 3, "0## ########"), ("2214710", 3, "0### #######"),
    ),
    # ATIS-0300048: 555-0100 to 555-0199 in every area; area 202 here.
    1: (("20255501", 2, "###-###-####"),),
}  # fmt: skip
"""By country code: the first digits of a national number, how many digits follow, the national spelling."""
_FICTION_1 = re.compile(r"[2-9][0-9]{2}55501[0-9]{2}")


def known_regions() -> frozenset[str]:
    """The region codes that `regions` options may name (ISO 3166-1)."""
    import phonenumbers

    return frozenset(phonenumbers.SUPPORTED_REGIONS)


def _parts(text: str, start: int, end: int, least: int) -> Iterator[tuple[int, int, str]]:
    """The parts of a stretch that the matcher tries: first and last position, digits.

    It takes up to 21 groups of digits together and tries the whole; then, for each kind of separator, what
    stands before the first one and what follows each one. For stretches with letters or extensions, whose
    cuts are harder to tell, every run of groups is a part here.
    """
    groups = list(_GROUP.finditer(text, start, end))
    if not _PLAIN.fullmatch(text, start, end) or any(len(m.group(1)) > _MAX_DIGITS for m in groups):
        pairs = ((i, j) for i in range(len(groups)) for j in range(i, min(len(groups), i + _MAX_DIGITS)))
        yield from _joined(groups, pairs, least)
        return
    for chunk in range(0, len(groups), _MAX_GROUPS):
        some = groups[chunk : chunk + _MAX_GROUPS]
        yield from _joined(some, _cuts(tuple(text[a.end() : b.start(1)] for a, b in pairwise(some))), least)


@functools.lru_cache(1 << 12)
def _cuts(gaps: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """The first and last groups of the parts of a stretch with these gaps between its groups."""
    last = len(gaps)
    cuts = {(0, last)}
    for separator, to_the_end in _SEPARATORS:
        at = [i for i, gap in enumerate(gaps) if separator.search(gap)]
        if at:
            cuts.add((0, at[0]))
            ends = [last] * len(at) if to_the_end else [*at[1:], last]
            cuts.update((i + 1, j) for i, j in zip(at, ends, strict=True))
    return tuple(sorted(cuts))


def _joined(
    groups: list[re.Match[str]], pairs: Iterable[tuple[int, int]], least: int
) -> Iterator[tuple[int, int, str]]:
    """The runs of groups from the first to the last of each pair, if they have as many digits as a number."""
    numbers = [m.group(1) for m in groups]
    ends = [0, *accumulate(map(len, numbers))]
    for i, j in pairs:
        if least <= ends[j + 1] - ends[i] <= _MAX_DIGITS:
            digits = "".join(numbers[i : j + 1])
            plain = digits if digits.isascii() else "".join(str(int(d)) for d in digits)
            yield groups[i].start(), groups[j].end(), plain


def _promising(text: str, start: int, end: int, regions: tuple[str, ...]) -> list[str]:
    """The regions where some part of a stretch may be a number."""
    left = list(regions)
    for first, last, digits in _parts(text, start, end, _MIN_DIGITS):
        hits = _planned(left, digits)
        if hits and not _refused(text, _trimmed(text, first, last), last):
            left = [r for r in left if r not in hits]
            if not left:
                break
    promising = [region for region in regions if region not in left]
    if not promising or not _PLAIN.fullmatch(text, start, end) or may_be_international(text, start, end):
        return promising
    # Any part counts here, for behind a number that the rules refuse the matcher begins anew.
    every = {digits for _, _, digits in _parts(text, start, end, _LEAST_DIGITS)}
    return [r for r in promising if any(_planned([r], digits) and dialled(r, digits) for digits in every)]


def _planned(regions: list[str], digits: str) -> list[str]:
    """The regions by whose plan these digits can be a number."""
    return [r for r in regions if fits(r, digits)]


def possible_regions(text: str, start: int, end: int, regions: tuple[str, ...]) -> tuple[str, ...]:
    """The regions by whose plan the matcher can find a number of any length in a stretch, whatever stands around."""
    left = list(regions)
    for _, _, digits in _parts(text, start, end, _LEAST_DIGITS):
        hits = _planned(left, digits)
        left = [r for r in left if r not in hits]
        if not left:
            break
    return tuple(region for region in regions if region not in left)


def may_be_international(text: str, start: int, end: int) -> bool:
    """Whether a stretch holds a '+', with which a number is one everywhere."""
    return any(sign in text[start:end] for sign in _PLUS)


def find(
    text: str, start: int, end: int, regions: tuple[str, ...] = (), reserved_too: bool = False
) -> list[tuple[int, int]]:
    """Phone numbers in text[start:end], a stretch as the candidate scan makes them; the longest first. Those
    reserved for fiction only if told so."""
    tried: list[str | None] = list(_promising(text, start, end, regions))
    if may_be_international(text, start, end):
        tried.append(None)
    spans = {span for region in tried for span in _matches(text, start, end, region)}
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans, key=lambda s: (s[0] - s[1], s[0])):
        apart = all(last <= a or b <= first for a, b in found)
        if apart and (reserved_too or not reserved(text[first:last], regions)):
            found.append((first, last))
    return sorted(found)


def _matches(text: str, start: int, end: int, region: str | None) -> Iterable[tuple[int, int]]:
    """What the matcher accepts in a stretch and the rules above don't refuse."""
    from phonenumbers import PhoneNumberMatcher

    # The matcher looks at one character before a number, and at most at three after it.
    low = max(0, start - 1)
    for match in PhoneNumberMatcher(text[low : end + 3], region, max_tries=2**62):
        first, last = low + match.start, low + match.end
        first = _trimmed(text, first, last)
        if start <= first < end and not _refused(text, first, last) and not _inside(text[last : last + 2]):
            yield first, last


def _trimmed(text: str, first: int, last: int) -> int:
    """Where the number begins, without spaces and without a bracket that it doesn't close: "(01 23 45"."""
    closed = not _CLOSING.isdisjoint(text[first:last])
    while not text[first].isdigit() and text[first] not in _PLUS and not (closed and text[first] in _OPENING):
        first += 1
    return first


def _inside(after: str) -> bool:
    """Whether what comes next makes a number the beginning of something longer."""
    return _INSIDE_AFTER.match(after) is not None


def _refused(text: str, first: int, last: int) -> bool:
    """Whether one of the rules in the module's description leaves this number out, whatever comes after."""
    number = _EXTENSION.sub("", text[first:last]).rstrip(" \t,;\u00a0")
    size = sum(map(str.isdigit, number))
    before = text[max(0, first - 1) : first]
    if size < _MIN_DIGITS or before.isdigit():
        return True
    low = max(0, first - _LOOKBACK)
    called = _CALLED.search(text, low, first) is not None
    if not called and (before.isalnum() or before == "_" or _INSIDE_BEFORE.search(text, low, first)):
        return True
    if _QUAD.fullmatch(number) or _DATE.search(number) or _BOOK.search(text, low, first) or _is_isbn(number):
        return True
    if _ZIP.fullmatch(number) and _US_STATE.search(text, low, first):
        return True
    if called or number[0] in _PLUS or before in _PLUS_BEFORE:
        return False
    return (
        (number.isdigit() and int(number[0]) != 0)
        or "~" in number
        or _MINUS.search(number) is not None
        or _HALF_BRACKET.match(number) is not None
        or len(_SINGLES.findall(number)) > 1
        or any(shape.fullmatch(number) for shape in (_DECIMALS, _THOUSANDS))
        or _DAY_STAMP.search(number) is not None
    )


def _is_isbn(number: str) -> bool:
    """Whether hyphens and check digit are those of an ISBN (ISO 2108)."""
    if not _ISBN_GROUPS.fullmatch(number):
        return False
    digits = [int(c) for c in number if c.isdigit()]
    if len(digits) == 13:
        return sum(d * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10 == 0
    return len(digits) == 10 and sum(d * (10 - i) for i, d in enumerate(digits)) % 11 == 0


def _fictional(number: Any) -> bool:
    """Whether a parsed number is reserved for fiction, or begins with zeros as no number does."""
    from phonenumbers import national_significant_number

    national = national_significant_number(number)
    if national.startswith("000") or (number.country_code == 1 and _FICTION_1.fullmatch(national)):
        return True
    return any(
        national.startswith(prefix) and len(national) == len(prefix) + rest
        for prefix, rest, _ in _FICTION.get(number.country_code, ())
    )


def _readings(value: str, regions: Iterable[str]) -> list[Any]:
    """The numbers that a value may be, by region."""
    from phonenumbers import NumberParseException, parse

    numbers = []
    for region in (*regions, None):
        try:
            numbers.append(parse(value, region))
        except NumberParseException:
            continue
    return numbers


def _number(value: str, regions: Iterable[str]) -> Any:
    """The number that a value is in the first region where it is valid, or None."""
    from phonenumbers import is_valid_number

    return next(filter(is_valid_number, _readings(value, regions)), None)


def canonical(value: str, regions: tuple[str, ...] = ()) -> str:
    """The number in the form of E.164, with its country code; its digits where it can't be read."""
    from phonenumbers import PhoneNumberFormat, format_number

    number = _number(value, regions)
    if number is None:
        return "".join(c for c in value if c.isdigit())
    return str(format_number(number, PhoneNumberFormat.E164))


def reserved(value: str, regions: tuple[str, ...] = ()) -> bool:
    """Whether the number, as one of the regions reads it, is one that a regulator reserves for fiction."""
    return any(map(_fictional, _readings(value, regions)))


def fake(value: str, digest: int, regions: tuple[str, ...] = ()) -> str:
    """A number reserved for fiction in the same country, national or international as `value` is.

    For a country that reserves none (or one this module doesn't know), the shape and country code of `value`
    with zeros first, which no numbering plan gives out.
    """
    number = _number(value, regions)
    code = number.country_code if number else 0
    abroad = value.lstrip("([（［").startswith(("+", "＋", "00"))
    if code not in _FICTION:
        return _zeros(value, str(code) if abroad and code else "", digest)
    ranges = _FICTION[code]
    prefix, rest, shape = ranges[digest % len(ranges)]
    national = prefix + str(10**rest + digest // len(ranges) % 10**rest)[1:]
    digits = iter(national)
    spelt = "".join(next(digits) if c == "#" else c for c in shape)
    return f"+{code} {spelt.removeprefix('0')}" if abroad else spelt


def _zeros(value: str, code: str, digest: int) -> str:
    """`value` with its digits after the country code replaced: four zeros, then digits of the digest."""
    kept = 0
    if code:
        lead = 2 if value.lstrip("([（［").startswith("00") else 0
        kept = lead + len(code)
    digits = [c for c in value if c.isdigit()]
    size = max(0, len(digits) - kept - 4)
    tail = str(10**size + digest % 10**size)[1:] if size else ""
    new = iter(["".join(digits[:kept]), "0000"[: len(digits) - kept], tail])
    characters = iter("".join(new))
    return "".join(next(characters) if c.isdigit() else c for c in value)
