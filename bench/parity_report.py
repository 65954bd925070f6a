"""docs/parity.md from the figures of `parity`."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pii_report import share, table

LANGUAGES = ("en", "fr", "de", "es", "it")
FILTERS = {
    "gopher_quality": "GopherQualityFilter",
    "gopher_repetition": "GopherRepetitionFilter",
    "c4": "C4QualityFilter",
    "fineweb": "FineWebQualityFilter",
}
WHOLE = ALL, BY_TOKENS = ("all rules", "all rules, alpha_token_ratio for alpha_word_ratio")
"""Stand for a whole filter among its rules."""
_WHOLE = (
    ("gopher_quality", ALL, "`gopher_quality`"),
    ("gopher_quality", BY_TOKENS, "with `fineweb.alpha_token_ratio` for its `alpha_word_ratio`"),
    *((stage, ALL, f"`{stage}`") for stage in ("gopher_repetition", "c4", "fineweb")),
)
HEAD = """# Parity with DataTrove

<!-- Made by bench/parity.py. -->

Whether the stages `gopher_quality`, `gopher_repetition`, `c4` and `fineweb` ([stages.md](stages.md)) keep and drop the
same documents as the filters of DataTrove {datatrove} of the same names, and where they don't, why. Who needs
DataTrove's decisions to the letter runs its filter itself: [datatrove.md](datatrove.md).

## How it was measured

{documents} documents, {each}, {characters} characters: pages of Debian's documentation, cut to the lengths of web pages
(`bench/corpus.py`). Thresholds are the papers', for every language: Tamis' own overrides by language (longer words in
German and Dutch, ...) are left out. Each filter of DataTrove runs for the language of the document, so with the
tokenizer that it has for it (spaCy {spacy}), and gets Tamis' list of stop words; `stop_words_english` is what it does
with its own eight English ones, which it has for any language. `alpha_token_ratio` is a signal of the stage `fineweb`,
for the same rule of DataTrove's as `alpha_word_ratio`.

Every rule is asked alone, all others switched off, so that a document that fails three counts for each. To tell why two
decisions differ, each rule of words and lines is written a third time in plain Python, with every definition in which
the libraries differ as a switch (`bench/parity_rules.py`). With all switches on DataTrove's side it decided as
DataTrove's filter on {plain} of {asked} questions, with all on Tamis' side as the stage on {plain_ours} of {asked}.
Where the two differ, the cause is the switch, or the fewest of them, that turns DataTrove's decision into Tamis'.
"""
_CAUSES = {
    ("gopher_quality", "words"): """
        Words are spaCy's tokens there, runs of letters, digits and marks here. The rules on length leave out
        tokens that are punctuation alone, but a path, an option or a URL is one token and several words, so
        DataTrove counts fewer and longer ones. The ratio of symbols is over all tokens, punctuation too, so
        it is lower there. A stop word goes unseen where spaCy keeps it inside a longer token.""",
    ("gopher_quality", "blank lines"): """
        DataTrove takes ratios of lines over all lines, Tamis over those that aren't blank: an empty line
        between any two halves DataTrove's ratio.""",
    ("gopher_quality", "bullets"): """
        A bullet is `•` or `-` in DataTrove; Tamis knows more of them. The paper says "bullet point".""",
    ("gopher_quality", "pieces"): """
        The paper wants 80 % of the words to have a letter. DataTrove asks spaCy's tokens, among which every comma,
        full stop and bracket is one without a letter; Tamis asks the pieces between white space. Prose has a mark of
        punctuation for every six to eight words, which uses up most of the fifth that the rule allows, so DataTrove
        drops much prose with quotes, brackets, options or numbers in it. Who wants that rule, as FineWeb had it,
        takes `alpha_token_ratio` of the stage `fineweb`, which counts marks of punctuation, too, and leaves
        `alpha_word_ratio` out.""",
    ("gopher_quality", "tokens"): """
        spaCy's tokens there; here pieces between white space and the marks at their ends. spaCy parts some words
        (`don't`, `l'eau`) and has rules for each language on what else stays in one piece, so near the limit the two
        fall on either side.""",
    ("gopher_quality", "case"): """
        DataTrove looks for stop words in the case they have: `The` at the head of a line is none.""",
    ("gopher_quality", "list"): """
        DataTrove's stop words are eight English ones unless `stop_words` is given; in other languages two of
        them are seldom met. Tamis' lists for seven languages hold some sixty function words each.""",
    ("gopher_repetition", "words"): """
        n-grams are of spaCy's tokens there, punctuation among them and in the case they have; of words in
        lower case here. A ruler of fifty `=` or `*` is fifty tokens, so DataTrove drops short pages with an
        underlined title; menus of paths, and words joined by hyphens or elided (`d'arrière-plan`), which
        spaCy keeps in fewer tokens, repeat longer n-grams of words here.""",
    ("gopher_repetition", "denominator"): """
        DataTrove divides by all characters of the text, white space and punctuation too; Tamis by the
        characters of words for n-grams, by those of lines or paragraphs for these. The characters of
        DataTrove's duplicate n-grams hold no spaces, so even a text that is one phrase over and over stays a
        sixth below 1, and the same limits drop less.""",
    ("gopher_repetition", "counting"): """
        DataTrove's top n-gram may stand once, and its occurrences may overlap: a short text with long words
        can fail without any repetition. In Tamis a top n-gram stands twice at least, its occurrences don't
        overlap, and of equally frequent ones the longest counts.""",
    ("gopher_repetition", "blank lines"): """
        DataTrove splits at newlines alone: a line of white space is a line for it, and a duplicate when it
        comes again.""",
    ("gopher_repetition", "paragraph breaks"): """
        A paragraph ends at two newlines there, at a blank line here: a line of white space between ends it,
        too.""",
    ("c4", "sentences"): """
        The lines that stay are the same, byte for byte; what differs is the count of the sentences in them.
        spaCy's rule ends one behind every token `.`, `!` or `?`; Tamis at a mark that white space and a word
        follow, but not before a lower-case letter or behind a letter that stands alone, so abbreviations
        don't end sentences.""",
    ("c4", "lines"): "Other lines stay.",
    ("fineweb", "tokens"): """
        Newlines are over spaCy's tokens there; here over pieces between white space and the marks at their
        ends, which are nearly as many.""",
    ("fineweb", "marks"): "DataTrove's list of marks that end a sentence lacks some scripts.",
}
CAUSES = {key: " ".join(text.split()) for key, text in _CAUSES.items()}


def page(result: dict[str, Any]) -> str:
    """The page."""
    decisions, documents = result["decisions"], result["documents"]
    asked = sum(sum(cells[3:]) for cells in decisions if cells[0] != "c4" and cells[1] not in WHOLE)
    strays = result["strays"]
    each = ", ".join(f"{documents[language]} {language}" for language in LANGUAGES if language in documents)
    parts = [
        HEAD.format(
            documents=f"{sum(documents.values()):,}", each=each, characters=f"{result['characters']:,}",
            plain=f"{asked - strays['datatrove']:,}", plain_ours=f"{asked - strays['tamis']:,}", asked=f"{asked:,}",
            **result["versions"],
        ),
        "## Whole filters\n\nDocuments on which both decide alike, by all rules together (%).\n",
        table(["Stage", *LANGUAGES, "all", "Tamis keeps", "DataTrove keeps"], _filters(decisions)),
        _texts(result["texts"]),
    ]  # fmt: skip
    for stage, theirs in FILTERS.items():
        parts.append(f"## {stage} and {theirs}\n")
        parts.append("Documents on which both decide alike (%), and how many only one of them keeps.\n")
        parts.append(
            table(["Rule", *LANGUAGES, "all", "only Tamis keeps", "only DataTrove keeps"], _rules(decisions, stage))
        )
        parts.append(_explained(result["causes"], stage))
    return "\n".join(parts)


def _sums(decisions: Iterable[list[Any]], stage: str, rule: str) -> dict[str, list[int]]:
    """Counts by language, and of all languages together under `all`."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for a_stage, a_rule, language, *cells in decisions:
        if (a_stage, a_rule) == (stage, rule):
            found[language] = cells
            found["all"] = [x + y for x, y in zip(found["all"], cells, strict=True)]
    return found


def agreement(decisions: Iterable[list[Any]], stage: str, rule: str, language: str = "all") -> float:
    """Share of the documents on which both decide alike."""
    both, ours, theirs, neither = _sums(decisions, stage, rule)[language]
    return (both + neither) / (both + ours + theirs + neither)


def _alike(decisions: list[list[Any]], stage: str, rule: str) -> list[str]:
    return [f"{100 * agreement(decisions, stage, rule, language):.2f}" for language in (*LANGUAGES, "all")]


def _filters(decisions: list[list[Any]]) -> list[list[object]]:
    rows: list[list[object]] = []
    for stage, rule, name in _WHOLE:
        both, ours, theirs, neither = _sums(decisions, stage, rule)["all"]
        whole = both + ours + theirs + neither
        rows.append([name, *_alike(decisions, stage, rule), share(both + ours, whole), share(both + theirs, whole)])
    return rows


def _rules(decisions: list[list[Any]], stage: str) -> list[list[object]]:
    names = list(dict.fromkeys(cells[1] for cells in decisions if cells[0] == stage and cells[1] not in WHOLE))
    rows: list[list[object]] = []
    for name in names:
        _, ours, theirs, _ = _sums(decisions, stage, name)["all"]
        rows.append([f"`{name}`", *_alike(decisions, stage, name), ours, theirs])
    return rows


def _texts(texts: dict[str, list[int]]) -> str:
    both, equal = (sum(column) for column in zip(*texts.values(), strict=True))
    return f"Of {both:,} documents that both keep by `c4`, {equal:,} are cut to the same text, byte for byte.\n"


def _explained(causes: list[list[Any]], stage: str) -> str:
    mine = sorted((rule, cause, ours, theirs) for a_stage, rule, cause, ours, theirs in causes if a_stage == stage)
    if not mine:
        return "No document makes a difference.\n"
    rows = [[f"`{rule}`", cause, ours, theirs] for rule, cause, ours, theirs in mine]
    named = {name for _, cause, *_ in mine for name in cause.split(" and ")}
    notes = [
        textwrap.fill(f"- **{name}**: {CAUSES[stage, name]}", 118, subsequent_indent="  ", break_on_hyphens=False)
        for where, name in CAUSES
        if where == stage and name in named
    ]
    return (
        "Why they differ:\n\n"
        + table(["Rule", "Cause", "only Tamis keeps", "only DataTrove keeps"], rows)
        + "\n"
        + "\n".join(notes)
        + "\n"
    )
