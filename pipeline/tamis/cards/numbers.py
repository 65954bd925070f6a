"""How a card writes numbers: the same number always reads the same, whatever the locale."""

from __future__ import annotations

THIN = "\u202f"
"""Narrow no-break space: between groups of three digits, and before a unit."""
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_SCALES = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))


def count(number: int) -> str:
    """A count to the last digit: `12 345 678`."""
    return f"{number:,}".replace(",", THIN)


def short(number: float) -> str:
    """A count in three digits: `12.3 M` (k, M, B, T: thousand to trillion); exact below 1,000."""
    for scale, letter in _SCALES:
        # 999,500 reads as 1 M, not as 1000 k.
        if number >= scale * 0.9995:
            return f"{three_digits(number / scale)}{THIN}{letter}"
    return f"{number:g}"


def size(number: int) -> str:
    """Bytes in decimal units: `12.3 MB`."""
    value, unit = float(number), 0
    while value >= 999.5 and unit < len(_SIZES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{number if unit == 0 else three_digits(value)}{THIN}{_SIZES[unit]}"


def share(part: float, whole: float) -> str:
    """A part of a whole in percent: `12.3 %`; a part that is neither none nor all never reads as 0 or 100."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.05:
        return f"<{THIN}0.1{THIN}%"
    if 99.95 < percent < 100:
        return f">{THIN}99.9{THIN}%"
    return f"{percent:.1f}".removesuffix(".0") + f"{THIN}%"


def three_digits(value: float) -> str:
    """Three significant digits: 1.23, 12.3, 123."""
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
