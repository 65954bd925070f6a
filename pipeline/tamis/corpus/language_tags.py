"""The languages that the labels of language identification models stand for."""

from __future__ import annotations

import re

_SCRIPTED = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")
_WIKIPEDIAS = {"als": "gsw", "eml": "egl"}
"""Labels of lid.176 that are Wikipedia's codes for languages that BCP 47 calls otherwise: Alemannic, and
Emilian-Romagnol, of which Emilian stands first."""


def language_tag(label: str) -> str:
    """The language that a model's label stands for.

    `__label__` is taken off. A label of the form `fra_Latn` (GlotLID, OpenLID, NLLB) becomes the shortest
    BCP 47 tag: ISO 639-1 where there is one, the macrolanguage for its main member (`arb_Arab` is `ar`),
    and the script only where it isn't the usual one (`srp_Cyrl` is `sr`, `srp_Latn` is `sr-Latn`). Any
    other label gets its canonical BCP 47 spelling (`tl` is `fil`), so that recipes can name it; one that is
    no tag stays as the model says it.
    """
    import langcodes

    label = label.removeprefix("__label__")
    if label in _WIKIPEDIAS:
        return _WIKIPEDIAS[label]
    if not _SCRIPTED.fullmatch(label):
        return str(langcodes.standardize_tag(label)) if langcodes.tag_is_valid(label) else label
    tag = langcodes.Language.get(langcodes.standardize_tag(label, macro=True))
    alone = langcodes.Language.make(language=tag.language)
    # Hani (any Han) and Hang name a part of what CLDR calls Hans, Hant, Jpan or Kore: no other script.
    usual = tag.script is None or tag.script in (alone.maximize().script, "Hani", "Hang")
    return str(alone if usual else tag)
