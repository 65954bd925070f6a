"""The numbering plans of the `phonenumbers` library as quick tests of bare digits, remembered: the same numbers come
again and again."""

from __future__ import annotations

import functools
import re
from typing import Any

_KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager",
    "uan", "voicemail",
)  # fmt: skip


@functools.cache
def _plan(region: str) -> tuple[re.Pattern[str], bool]:
    """What every number dialled in `region` matches, and whether it is exact enough to refuse by."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    home: Any = PhoneMetadata.metadata_for_region(region)
    national = []
    for sharing in COUNTRY_CODE_TO_REGION_CODE[home.country_code]:
        metadata = PhoneMetadata.metadata_for_region(sharing)
        descriptions = [getattr(metadata, kind) for kind in _KINDS]
        national += [d.national_number_pattern for d in descriptions if d and d.national_number_pattern]
    trunk = f"(?:{home.national_prefix_for_parsing})?" if home.national_prefix_for_parsing else ""
    numbers = "|".join(f"(?:{pattern})" for pattern in dict.fromkeys(national))
    abroad = rf"(?:{home.international_prefix})\d{{6,}}" if home.international_prefix else r"(?!)"
    pattern = re.compile(rf"{abroad}|(?:{home.country_code})?{trunk}(?:{numbers})")
    return pattern, home.national_prefix_transform_rule is None


@functools.lru_cache(1 << 14)
def fits(region: str, digits: str) -> bool:
    """Whether these digits can be a number by the region's plan."""
    pattern, is_exact = _plan(region)
    return not is_exact or pattern.fullmatch(digits) is not None


@functools.lru_cache(1 << 14)
def dialled(region: str, digits: str) -> bool:
    """Whether the matcher takes bare digits for a number. Without letters, '+' and extension, all that it goes by
    beside them (punctuation, what stands around) can only make it refuse more."""
    from phonenumbers import PhoneNumberMatcher

    return PhoneNumberMatcher(digits, region).has_next()
