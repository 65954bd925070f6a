"""Presets: what they expand to, what a recipe may change of them, and what is told of mistakes."""

from __future__ import annotations

import jsonschema
import pytest
from ruamel.yaml import YAML
from small_recipes import HEAD, SOURCE, complaints, load, stages

from tamis.corpus.conditions import Condition
from tamis.errors import RecipeError
from tamis.recipe.load import load_recipe_text
from tamis.recipe.presets import preset_names, read_preset, spelled_out
from tamis.recipe.schema import recipe_schema
from tamis.recipe.yaml_text import as_yaml
from tamis.stages import STAGES

REDPAJAMA = "sources:\n  - {name: rp, preset: lucie-web, path: rp/*.jsonl, license: MIT, language: fr}\n"


def range_of(minimum: float | None = None, maximum: float | None = None) -> Condition:
    return Condition(min=minimum, max=maximum)


def test_they_are_there() -> None:
    assert preset_names() == ["c4", "fineweb", "gopher", "lucie-web"]
    assert preset_names(of_sources=True) == ["lucie-web"]


@pytest.mark.parametrize("name", ["c4", "gopher"])
def test_those_of_papers_are_the_stages_with_their_defaults(name: str) -> None:
    by_hand = "".join(f"- {stage}\n" for stage in read_preset(name).stage_names)
    assert stages(f"- preset: {name}\n").to_recipe() == stages(by_hand).to_recipe()


@pytest.mark.parametrize("name", preset_names())
def test_what_is_printed_can_be_pasted(name: str) -> None:
    preset = read_preset(name)
    source = {"name": "web", "path": "web/*.jsonl", "license": "MIT", **preset.source}
    recipe = {"name": "tiny", "version": "1", "sources": [source], "stages": spelled_out(preset, STAGES)}
    pasted = load_recipe_text(as_yaml(recipe), "r.yaml", STAGES)
    mark = f"preset: {name}, " if preset.source else ""
    used = load(f"{HEAD}sources: [{{{mark}name: web, path: web/*.jsonl, license: MIT}}]\nstages:\n- preset: {name}\n")
    assert pasted.to_recipe() == used.to_recipe()


@pytest.mark.parametrize("name", preset_names())
def test_every_threshold_has_its_source(name: str) -> None:
    preset = read_preset(name)
    for use in load(f"{HEAD}{REDPAJAMA}stages:\n- preset: {name}\n").stages:
        for signal in use.keep:
            own = preset.citations.get(f"{use.name}.{signal}") or preset.citations.get(use.name)
            assert own or use.stage.signals[signal].citation, f"{use.name}.{signal}"
    assert {key.partition(".")[0] for key in preset.citations} <= set(preset.stage_names)


def test_lucie_web_has_the_thresholds_of_lucie() -> None:
    urls, judged, near, pii = load(f"{HEAD}{REDPAJAMA}stages:\n- preset: lucie-web\n").stages
    assert urls.to_recipe()["urls"]["keywords"] == {
        "fr": ["fr.wikipedia", "wiktionary", "wikisource", "theses.fr"],
        "en": ["en.wikipedia", "arxiv.org", "www.ncbi.nlm.nih.gov/pmc", "philpapers.org", "exporter.nih.gov",
               "irclogs.ubuntu.com", "courtlistener.com", "uspto.gov"],
        "*": ["wikipedia", "europarl", "op.europa.eu"],
    }  # fmt: skip
    assert judged.keep == {
        "rps_doc_ut1_blacklist": range_of(None, -1),
        "ccnet_perplexity": range_of(10, 1000),
        "ccnet_language_score": range_of(0.65),
        "rps_doc_num_sentences": range_of(3),
        "rps_doc_curly_bracket": range_of(None, 0),
        "rps_doc_lorem_ipsum": range_of(None, 0),
        "rps_doc_ldnoobw_words": range_of(None, 0),
        "rps_doc_word_count": range_of(50, 100_000),
        "rps_doc_mean_word_length": range_of(3, 10),
        "rps_doc_symbol_to_word_ratio": range_of(None, 0.1),
        "rps_lines_start_with_bulletpoint": range_of(None, 0.9),
        "rps_doc_frac_lines_end_with_ellipsis": range_of(None, 0.3),
        "rps_doc_frac_no_alph_words": range_of(None, 0.3),
        **{f"rps_doc_frac_chars_top_{n}gram": range_of(None, most) for n, most in ((2, 0.2), (3, 0.18), (4, 0.16))},
        **{f"rps_doc_frac_chars_dupe_{n}grams": range_of(None, (20 - n) / 100) for n in range(5, 11)},
        "is_duplicate": Condition(is_=False),
    }
    assert near.config.model_dump(include={"bands", "rows", "ngram", "scope", "min_similarity"}) == {
        "bands": 14, "rows": 8, "ngram": 5, "scope": "source", "min_similarity": 0,
    }  # fmt: skip
    assert set(pii.to_recipe()["pii"]["kinds"]) == {"email", "ip"}


def test_fineweb_has_bounds_by_language() -> None:
    uses = {use.name: use for use in stages("- preset: fineweb\n").stages}
    assert uses["language"].keep == {"score": range_of(0.65)}
    assert uses["gopher_quality"].keep_by["language"]["fr"]["mean_word_length"] == range_of(2, 11)
    assert uses["gopher_repetition"].keep["duplicate_5gram_char_ratio"] == range_of(None, 0.15)
    assert uses["gopher_repetition"].keep_by["language"]["es"]["top_2gram_char_ratio"] == range_of(None, 0.077)
    assert uses["fineweb"].keep["duplicate_line_char_ratio"] == range_of(None, 0.01)
    assert uses["fineweb"].keep_by["language"]["nl"]["terminal_line_ratio"] == range_of(0.238)
    assert uses["c4"].to_recipe()["c4"]["terminal_mark"] == "none"


def test_fineweb_asks_tokens_for_letters_in_place_of_words() -> None:
    uses = {use.name: use for use in stages("- preset: fineweb\n").stages}
    gopher = {use.name: use for use in stages("- preset: gopher\n").stages}
    assert "alpha_word_ratio" not in uses["gopher_quality"].keep
    assert uses["gopher_quality"].keep.items() <= gopher["gopher_quality"].keep.items()
    assert uses["fineweb"].keep["alpha_token_ratio"] == range_of(0.8)
    by_language = uses["fineweb"].keep_by["language"]
    assert {name: rules["alpha_token_ratio"].min for name, rules in by_language.items()} == {
        "de": 0.774, "es": 0.825, "fr": 0.812, "it": 0.807, "nl": 0.828, "pt": 0.814,
    }  # fmt: skip
    own = stages("- fineweb\n").stages[0].keep
    assert own.items() <= uses["fineweb"].keep.items()


def test_a_recipe_may_change_one() -> None:
    recipe = stages("""\
        - preset:
            name: fineweb
            set: {gopher_quality.keep.words: [30, null], language.keep.label: [en], pii.kinds: [email]}
            without: [near_duplicates, c4]
            when: {category: [web]}
        """)
    uses = {use.name: use for use in recipe.stages}
    assert list(uses) == ["language", "gopher_repetition", "gopher_quality", "fineweb", "pii"]
    assert uses["gopher_quality"].keep["words"] == range_of(30)
    assert uses["gopher_quality"].keep["mean_word_length"] == range_of(3, 10)
    assert uses["language"].keep["label"] == Condition(in_=("en",))
    assert uses["pii"].to_recipe()["pii"]["kinds"] == ["email"]
    assert all(use.when == {"category": Condition(in_=("web",))} for use in recipe.stages)


def test_a_condition_of_the_preset_stays_beside_the_recipes() -> None:
    recipe = stages("- preset: {name: fineweb, when: {category: web}}\n")
    cut = next(use for use in recipe.stages if use.name == "c4")
    assert set(cut.when) == {"category", "language"}


def test_settings_and_variants_reach_its_stages() -> None:
    text = f"{HEAD}{SOURCE}stages:\n- preset: gopher\nvariants:\n  short: {{gopher_quality.keep.words: [5, null]}}\n"
    assert load(text, "gopher_quality.keep.words=7,").stages[0].keep["words"] == range_of(7)
    assert load_recipe_text(text, "r.yaml", STAGES, variant="short").stages[0].keep["words"] == range_of(5)
    assert complaints(text, "gopher_quality.keep.word=7,")[0].startswith("--set gopher_quality.keep.word=7,: stage")


def test_what_a_source_says_goes_before_the_preset() -> None:
    [source] = load("""\
        name: tiny
        version: "1"
        sources:
          - name: rp
            preset: lucie-web
            path: rp/*.jsonl
            license: MIT
            columns: {text: text}
            signals: {is_duplicate: {field: twin, type: boolean}}
        stages:
          - preset: {name: lucie-web, without: pii}
        """).sources
    assert source.columns["text"] == "text" and source.columns["url"] == "meta.url"
    assert source.signals["is_duplicate"].field == "twin"
    assert source.signals["ccnet_perplexity"].field == "quality_signals.ccnet_perplexity"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("gofer", "6: no preset is called 'gofer'. Did you mean 'gopher'?"),
        ("3", "6: a preset is gopher, or {name: gopher, set: {gopher_quality.keep.words: [30, null]}} (got 3)"),
        ("{set: {}}", "6: a preset is gopher, or"),
        ("{name: gopher, sett: {}}", "6: a preset has no option 'sett'. Did you mean 'set'?"),
        ("{name: gopher, without: [c4]}", "6: preset gopher has no stage 'c4'."),
        ("{name: gopher, without: 3}", "6: without lists stages of the preset"),
        ("{name: gopher, set: [1]}", "6: set maps paths to values"),
        ("{name: gopher, set: {c4.cut: false}}", "6: preset gopher: set: c4.cut: it has no stage 'c4'."),
        ("{name: gopher, set: {gopher_quality.keep.wrds: 1}}", "6: preset gopher: set: gopher_quality.keep.wrds:"),
        ("{name: gopher, set: {gopher_quality.keep.words: [9, 1]}}", "6: preset gopher: gopher_quality.words: the"),
        ("{name: gopher, when: {categry: web}}", "6: preset gopher: no earlier stage or source adds"),
        ("{name: gopher, when: 3}", "6: when maps columns to conditions"),
        ("lucie-web", "6: preset lucie-web judges signals that sources bring along, and none maps ccnet_perplexity"),
    ],
)  # fmt: skip
def test_mistakes_are_told_at_their_line_with_the_presets_name(written: str, told: str) -> None:
    [found] = complaints(f"{HEAD}{SOURCE}stages:\n- preset: {written}\n")[:1]
    assert found.startswith(told), found


def test_a_setting_is_told_at_its_own_line() -> None:
    found = complaints(
        f"{HEAD}{SOURCE}stages:\n- preset:\n    name: gopher\n    set:\n      gopher_quality.keep.words: 5\n"
    )
    assert found[0].startswith("9: preset gopher: gopher_quality.words: ")


def test_a_stage_twice_is_told_of_the_preset() -> None:
    found = complaints(f"{HEAD}{SOURCE}stages:\n- gopher_quality\n- preset: gopher\n")
    wrong = "7: preset gopher: stage gopher_quality stands above already: leave it out here"
    assert found == [f"{wrong}, `preset: {{name: gopher, without: [gopher_quality]}}`"]


def test_two_presets_with_a_stage_in_common_are_told_apart() -> None:
    found = complaints(f"{HEAD}{SOURCE}stages:\n- preset: gopher\n- preset: fineweb\n")
    assert [line.partition(" stands ")[0] for line in found] == [
        "7: preset fineweb: stage gopher_quality",
        "7: preset fineweb: stage gopher_repetition",
    ]
    without = "{name: fineweb, without: [gopher_quality, gopher_repetition]}"
    assert len(stages(f"- preset: gopher\n- preset: {without}\n").stages) == 7


def test_a_stage_of_another_name_is_no_second_one() -> None:
    uses = stages("- gopher_quality: {as: loose}\n- preset: gopher\n").stages
    assert [use.name for use in uses] == ["loose", "gopher_quality", "gopher_repetition"]


def test_two_conditions_on_a_column_hold_both() -> None:
    cut = next(
        use for use in stages("- preset: {name: fineweb, when: {language: [en, fr]}}\n").stages if use.name == "c4"
    )
    assert cut.when["language"].in_ == ("en", "fr")
    assert cut.when["language"].not_in == ("de", "es", "fr", "it", "nl", "pt")


def test_two_conditions_that_cannot_be_one_are_told() -> None:
    found = complaints(f"{HEAD}{SOURCE}stages:\n- preset: {{name: fineweb, when: {{language: {{not_in: [pl]}}}}}}\n")
    assert found[0].startswith("6: preset fineweb: its stage c4 has a condition on language, too: {'not_in': ['de', ")
    assert found[0].endswith("Write both as one: `set: {c4.when.language: ...}`")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("- gopher\n", "6: gopher is a preset, no stage: write `- preset: gopher`"),
        ("- lucie-web: {}\n", "6: lucie-web is a preset, no stage: write `- preset: lucie-web`"),
        (
            "- preset: gopher\n  when: {category: web}\n",
            "6: what changes a preset stands beside its name: `preset: {name: gopher, when: ...}`",
        ),
    ],
)
def test_what_is_meant_for_a_preset_is_told_how_to_spell_it(written: str, told: str) -> None:
    assert complaints(f"{HEAD}{SOURCE}stages:\n{written}") == [told]


def test_a_preset_of_a_source_has_fields_for_it() -> None:
    found = complaints(f"{HEAD}sources: [{{name: a, path: b, license: MIT, preset: gopher}}]\nstages: [language]\n")
    assert found == ["3: preset gopher says nothing of sources, only of stages (allowed: lucie-web)"]


def test_no_preset_of_that_name() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'fineweb'"):
        read_preset("finweb")


@pytest.mark.slow
@pytest.mark.parametrize(
    "use", ["gopher", "{name: gopher, set: {gopher_quality.keep.words: [30, null]}, without: [c4]}"]
)
def test_the_schema_knows_them(use: str) -> None:
    text = f"{HEAD}{REDPAJAMA}stages:\n- preset: {use}\n"
    jsonschema.validate(YAML(typ="safe").load(text), recipe_schema(STAGES))
    wrong = YAML(typ="safe").load(text.replace("gopher", "gofer", 1))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, recipe_schema(STAGES))
