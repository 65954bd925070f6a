"""What prose heuristics know of languages: their function words, and which ones put no spaces between words.

Function words are articles, prepositions, pronouns, conjunctions and auxiliaries. Running text has several of
them within any two sentences; lists of names, tables and menus have few. The eight words of Rae et al. (2021)
are in the English list; the rest, and the other languages, are ours. Single ASCII letters (`a`, `y`, `o`) are
left out: they stand in formulas, codes and enumerations as well. Words are as `tamis.kernels.words` cuts
them, so an elided `l'` or `n't` isn't here.
"""

from __future__ import annotations

_LISTS = {
    "de": """
        aber als am an auch auf aus bei bis da dass dem den der des die doch durch ein eine einem einen
        einer eines er es für haben hat ich ihr im in ist kann mit nach nicht noch nur oder sein sich sie
        sind so über um und unter vom von vor war werden wie wir wird wurde zu zum zur
    """,
    "en": """
        about also an and any are as at be because been but by can could do for from had has have he her his
        how if in into is it its more not of on one or our she so some than that the their them then there
        these they this to was we were what when which who will with would you your
    """,
    "es": """
        al ante aunque cada como con contra cuando de del desde donde durante el ella en entre era eran es
        esta está estas este esto estos fue fueron ha han hasta hay la las le les lo los me mi muy más ni no
        nos otro para pero por porque que se según ser si sin sobre son su sus también te un una unos ya
    """,
    "fr": """
        au aussi aux avec car ce ces cette comme dans de des deux donc du elle elles en entre est et été
        être eux il ils je la le les leur leurs lui mais même ne nous on ont ou où par pas plus pour qu que
        qui sa sans se ses si son sont sous sur tout un une vous à était
    """,
    "it": """
        agli ai al alla alle anche che chi ci come con così cui da dai dal dalla degli dei del della delle
        di dove ed era gli ha hanno il in io la le lo loro ma ne negli nei nel nella non per perché più
        quando quella quello questa questo se si sia sono su sua sul sulla suo tra un una uno è
    """,
    "nl": """
        aan al als bij dan dat de der deze die dit door een en er geen had hebben heeft hem het hij hoe hun
        ik in is je kan maar maken meer met mijn na naar niet nog nu of om omdat onder ons ook op over te
        tegen tot uit van veel voor waar was wat we werd wie wordt worden ze zich zij zijn zo zou
    """,
    "pt": """
        ao aos as até com como da das de dela dele depois do dos ela ele eles em entre era essa esse esta
        este está eu foi foram há isso isto já lhe mais mas me mesmo muito na nas nem no nos não os ou para
        pela pelo por porque quando que quem se sem ser seu sua são também tem um uma à às é
    """,
}

STOP_WORDS: dict[str, frozenset[str]] = {language: frozenset(words.split()) for language, words in _LISTS.items()}
"""Stop words, lower case, by ISO 639-1 code."""

UNSPACED_LANGUAGES = ("bo", "dz", "ja", "km", "lo", "my", "th", "yue", "zh")
"""Languages written without spaces between words, where a character counts as a word."""
