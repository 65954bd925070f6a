"""`mojibake`: text that was decoded in the wrong encoding is decoded anew, by ftfy."""

from __future__ import annotations

import pyarrow as pa

from tamis.cleaners.contract import Cleaner, EachText, Example, NoOptions, Place


def _prepare(_: NoOptions, __: Place) -> EachText:
    import ftfy
    import pyarrow.compute as pc
    from ftfy.badness import is_bad

    # Its repair of encodings alone: everything else it offers is another cleaner's, or normalisation's.
    config = ftfy.TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        fix_surrogates=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )

    def clean(text: str) -> str:
        return ftfy.fix_text(text, config) if is_bad(text) else text

    def concerns(texts: pa.Array) -> pa.Array:
        return pc.not_equal(pc.cast(pc.binary_length(texts), pa.int64()), pc.cast(pc.utf8_length(texts), pa.int64()))

    return EachText(clean, concerns)


CLEANER = Cleaner(
    name="mojibake",
    version=1,
    title="text that was decoded in the wrong encoding is decoded anew",
    about="UTF-8 that was read as Latin-1, Windows-125x, MacRoman or code page 437, once or several times, by the "
    "library ftfy: line by line, so that a sound line stays as it is, and only what looks like such an "
    "accident. Quotes, ligatures and widths are left as they are.",
    config=NoOptions,
    prepare=_prepare,
    examples=(Example("Lâ€™Ã©tÃ© arrive\nl’été reste", "L’été arrive\nl’été reste"),),
    libraries=("ftfy",),
)
