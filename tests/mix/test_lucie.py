"""The plan of Lucie's mix gives the figures its makers published: recipes/lucie/mix.yaml."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tamis.mix.plan import MixPlan, PhasePlan, counts_for, plan
from tamis.recipe.load import load_recipe
from tamis.stages import STAGES

RECIPE = Path(__file__).parents[2] / "recipes" / "lucie" / "mix.yaml"
# Shares of the main phase by category, in percent, and by language, as the model's card says them.
CATEGORIES = {
    "web": 62.46, "programming": 14.67, "technical": 8.27, "newspaper": 4.58, "aligned": 2.49, "book": 2.21,
    "wiki": 1.86, "math": 1.40, "forum": 1.00, "legi_written": 0.92, "dialogue": 0.12, "legi_spoken": 0.03,
    "legi_dialogue": 0.02,
}  # fmt: skip
LANGUAGES = {"en": 33.2, "fr": 32.4, "code": 14.7, "de": 6.9, "es": 6.6, "it": 3.8}
WEB_LAST = {
    "FineWebEdu--cc-main-2024": "FineWebEdu", "RedPajama--fr--2023": "RedPajama--fr",
    "RedPajama--de--2023": "RedPajama--de", "RedPajama--es--2023": "RedPajama--es",
    "RedPajama--it--2023": "RedPajama--it",
}  # fmt: skip
ANNEALING = {
    "OpenWebMath--en": 0.2, "PeS2o": 0.1, "MathPile": 0.25, "Wikipedia--fr": 0.04, "Wikipedia--en": 0.04,
    "Wikipedia--es": 0.007, "Wikipedia--it": 0.007, "Wikipedia--de": 0.006, "StackMathQA--en": 0.05, "Aya--fr": 0.066,
    "Aya--es": 0.012, "Aya--it": 0.012, "Aya--de": 0.01, "Flanv2--en": 0.2,
}  # fmt: skip


@pytest.fixture(scope="module")
def lucie() -> MixPlan:
    mix = load_recipe(RECIPE, STAGES).mix
    return plan(mix, counts_for(mix, RECIPE.parent, None), RECIPE.parent)


def percents(phase: PhasePlan, axis: str) -> dict[str, float]:
    return {row["value"]: row["share"] * 100 for row in phase.report.by[axis]}


def shares(phase: PhasePlan) -> dict[str, float]:
    return dict(phase.cells.select("name", "share").iter_rows())


def test_the_phases(lucie: MixPlan) -> None:
    assert [phase.name for phase in lucie.phases] == ["main", "extension", "annealing"]
    sizes = [(phase.tokens, phase.sequence_length, phase.samples) for phase in lucie.phases]
    assert sizes == [
        (3_121_744_220_736, 4096, 762_144_585),
        (5_000_000_000, 32_000, 156_250),
        (5_000_000_000, 32_000, 156_250),
    ]


def test_the_samples_of_main_make_the_published_number_of_steps(lucie: MixPlan) -> None:
    """753,851 steps: batches of 256 samples, 64 more at a time over the first 10 million, then of 1,024."""
    samples = lucie.phase("main").samples
    assert samples is not None
    ramp = sum(10_000_000 / 12 / batch for batch in range(256, 1024, 64))
    assert round(ramp + (samples - 10_000_000) / 1024) == 753_851


def test_the_counts(lucie: MixPlan) -> None:
    cells = lucie.phase("main").cells
    assert cells["source"].n_unique() == cells.height == 140
    assert cells["tokens"].sum() == 2_320_616_506_310
    assert round(cells["documents"].sum() / 1e6, 1) == 2187.7


def test_main_gives_every_dataset_exactly_its_epochs(lucie: MixPlan) -> None:
    main = lucie.phase("main")
    epochs = {
        (language, category): epochs
        for language, category, epochs in main.cells.select("language", "category", "epochs").iter_rows()
    }
    assert len(epochs) == 38
    assert epochs["fr", "web"] == 1 and epochs["fr", "technical"] == 2 and epochs["de-fr", "aligned"] == 3
    assert epochs["en", "technical"] == pytest.approx(2.5, abs=1e-8)
    assert epochs["en", "legi_written"] == 1
    for row in main.cells.iter_rows(named=True):
        assert abs(row["weighted_tokens"] - row["tokens"] * round(row["epochs"] * 2) / 2) <= 0.5
    assert main.report.constraints == () and main.report.warnings == ()


def test_main_has_the_published_shares(lucie: MixPlan) -> None:
    main = lucie.phase("main")
    assert percents(main, "category") == pytest.approx(CATEGORIES, abs=0.005)
    by_language = percents(main, "language")
    assert {name: round(by_language[name], 1) for name in LANGUAGES} == LANGUAGES
    assert round(sum(share for name, share in by_language.items() if "-" in name), 1) == 2.5
    by_category = {row["value"]: row for row in main.report.by["category"]}
    assert round(by_category["web"]["tokens"] / 1e9, 1) == 1715.8
    assert round(by_category["web"]["weighted_tokens"] / 1e9, 1) == 1949.7
    assert round(by_category["technical"]["tokens"] / 1e9, 1) == 111.2
    assert round(by_category["technical"]["weighted_tokens"] / 1e9, 1) == 258.1


def test_main_has_the_published_ratios(lucie: MixPlan) -> None:
    ratios = shares(lucie.phase("main"))
    assert f"{ratios['PeS2o']:.9f}" == "0.052346326"
    assert f"{ratios['FineWebEdu--cc-main-2021']:.9f}" == "0.050133587"


def test_the_web_of_main_is_seen_year_by_year(lucie: MixPlan) -> None:
    order = lucie.phase("main").report.year_order
    assert [f"RedPajama--fr--{year}" for year in range(2014, 2024)] in order
    assert [f"FineWebEdu--cc-main-{year}" for year in range(2019, 2025)] in order
    assert len(order) == 5


def test_the_extension_keeps_the_shares_of_main(lucie: MixPlan) -> None:
    main, extension = lucie.phase("main"), lucie.phase("extension")
    for axis in ("language", "category"):
        assert percents(extension, axis) == pytest.approx(percents(main, axis), abs=1e-6)
    assert round(percents(extension, "category")["web"], 1) == 62.5


def test_the_extension_has_the_last_years_and_ten_times_the_long_documents(lucie: MixPlan) -> None:
    """By dataset: the main ratio, those of all years for the web, short documents S / (S + 10 L) of it."""
    main, extension = shares(lucie.phase("main")), shares(lucie.phase("extension"))
    with (RECIPE.parent / "lengths.csv").open(encoding="utf-8") as handle:
        lengths = list(csv.DictReader(handle))
    assert len(extension) == 2 * len(lengths)
    for row in lengths:
        name = row["dataset"]
        series = WEB_LAST.get(name)
        ratio = main[name] if series is None else sum(main[one] for one in main if one.startswith(series))
        long, short = int(row["tokens_long"] or 0), int(row["tokens_short"] or 0)
        of_short = short / (short + 10 * long)
        assert extension[f"{name}:short"] == pytest.approx(ratio * of_short, abs=3e-10)
        assert extension[f"{name}:long"] == pytest.approx(ratio * (1 - of_short), abs=3e-10)


def test_figures_of_the_extension(lucie: MixPlan) -> None:
    planned = dict(lucie.phase("extension").cells.select("name", "weighted_tokens").iter_rows())
    assert planned["RedPajama--fr--2023:long"] == 830_989_472
    assert planned["RedPajama--fr--2023:short"] == 355_882_894
    assert planned["FineWebEdu--cc-main-2024:long"] == 714_128_300
    assert planned["Claire--en--DailyDialog:long"] == 0


def test_the_annealing_has_its_shares(lucie: MixPlan) -> None:
    annealing = lucie.phase("annealing")
    assert shares(annealing) == ANNEALING
    by_source = dict(annealing.cells.select("name", "weighted_tokens").iter_rows())
    assert by_source == {name: round(share * 5_000_000_000) for name, share in ANNEALING.items()}
    tokens = dict(annealing.cells.select("name", "tokens").iter_rows())
    main = lucie.phase("main").cells
    for name in ("PeS2o", "Wikipedia--fr", "Wikipedia--de"):
        assert tokens[name] == dict(main.select("name", "tokens").iter_rows())[name]
    parts = main.filter(main["name"].str.starts_with("MathPile--"))
    assert tokens["MathPile"] == parts["tokens"].sum()
    assert tokens["OpenWebMath--en"] is None


def test_the_size_beside_the_model(lucie: MixPlan) -> None:
    assert lucie.notes == (
        "3.132 T tokens for 7.000 B parameters: 447.4 tokens a parameter, above the 20 of compute-optimal training "
        "(Hoffmann et al. 2022)",
    )
