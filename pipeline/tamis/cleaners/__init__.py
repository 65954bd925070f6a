"""One file a cleaner. `CLEANERS` holds them by name, in the order that suits most texts."""

from __future__ import annotations

from collections.abc import Mapping

from tamis.cleaners import (
    cid,
    control_pages,
    dehyphenation,
    function,
    head,
    html_unescape,
    mojibake,
    page_numbers,
    repeated_lines,
    replace,
    tail,
    wiki_markup,
)
from tamis.cleaners.contract import Cleaner

CLEANERS: Mapping[str, Cleaner] = {
    module.CLEANER.name: module.CLEANER
    for module in (
        mojibake,
        cid,
        control_pages,
        wiki_markup,
        html_unescape,
        head,
        tail,
        page_numbers,
        repeated_lines,
        dehyphenation,
        replace,
        function,
    )
}
